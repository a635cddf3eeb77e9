//! The check of bucket `key`: each record by itself, each transaction, and the history of each key.
//! The rules are those of `docs/format.md`: R-REV, R-RECORD, R-COMPACT.

use std::collections::HashSet;

use super::codes;
use crate::bolt::{Element, Leaf, Plan, PlannedBucket, Visitor};
use crate::error::Result;
use crate::etcd::entry::{KeyHasher, Partitions, RecordEntry, by_key, lease_bits};
use crate::etcd::record::{Record, RecordError};
use crate::etcd::revision::{LeaseId, Revision, RevisionKey};
use crate::etcd::runs::{Run, Runs};
use crate::etcd::schema::{Contents, KEY_BUCKET};
use crate::finding::{Collector, Finding, Observation, Place};
use crate::source::WindowBuffer;
use crate::steps::Counted;
use crate::workers::Workers;

/// The visitor.
#[derive(Debug, Clone)]
pub struct RecordCheck {
    hasher: KeyHasher,
    finding_limit: usize,
    memory_limit: Option<u64>,
    compacted: i64,
}

/// The first and last revision of consecutive leaves.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Option<First>,
    last: Revision,
}

/// The first record of a span.
#[derive(Debug, Clone, Copy)]
struct First {
    revision: Revision,
    is_marker: bool,
    rank: u32,
    element: u16,
}

/// Main revisions that must be left for further writes; so many take 30 years at a thousand writes a second. Of a store
/// whose newest revision is k below the greatest one, etcd 3.4 to 3.7 take k writes, crash at the next, and at every
/// start from then on.
pub const REVISIONS_TO_SPARE: i64 = 1 << 40;

/// How many writes are left after `revision`, when these are too few.
pub(super) fn too_few_left(revision: i64) -> Option<u64> {
    let left = Some(i64::MAX.saturating_sub(revision)).filter(|left| *left < REVISIONS_TO_SPARE);
    left.map(i64::unsigned_abs)
}

/// What one thread gathers.
#[derive(Debug)]
pub struct RecordParts {
    entries: Partitions<RecordEntry>,
    spans: Runs<Span>,
    leases: HashSet<i64>,
    findings: Collector,
    records: u64,
    tombstones: u64,
    markers: u64,
    missing_revisions: u64,
    user_bytes: u64,
    buffer: WindowBuffer,
}

/// Figures of bucket `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordFigures {
    /// Entries that are revisions, tombstones included.
    pub records: u64,
    /// Entries that mark a deletion.
    pub tombstones: u64,
    /// Markers of a revision bump.
    pub markers: u64,
    /// Keys whose newest record is not a tombstone.
    pub live_keys: u64,
    /// All keys that have a record.
    pub distinct_keys: u64,
    /// Bytes of user keys and values of all records.
    pub user_bytes: u64,
    /// The smallest revision.
    pub first: Option<Revision>,
    /// The greatest revision.
    pub last: Option<Revision>,
    /// Main revisions above the compaction, and below the last, that have no record.
    pub missing_revisions: u64,
}

impl RecordCheck {
    /// A check whose findings are kept up to `finding_limit` per code. At or below `compacted` nothing is missed
    /// that a compaction may have removed; -1 when nothing was ever compacted.
    pub fn new(finding_limit: usize, memory_limit: Option<u64>, compacted: i64) -> Self {
        Self {
            hasher: KeyHasher::new(),
            finding_limit,
            memory_limit,
            compacted,
        }
    }

    fn record(
        &self,
        local: &mut RecordParts,
        leaf: &Leaf<'_>,
        element: &Element,
        parsed: RevisionKey,
        record: &Record<'_>,
    ) {
        let revision = parsed.revision;
        let mut report = |what: Observation| {
            let mut place = leaf.place(element);
            place.revision = Some((revision.main, revision.sub));
            place.set_key(Some(record.key));
            local.findings.add(Finding::new(what, place));
        };
        if parsed.odd_mark {
            report(codes::TombstoneMark {}.into());
        }
        if revision.main == 0 {
            report(codes::RevisionZero {}.into());
        }
        if record.key.is_empty() {
            report(codes::EmptyUserKey {}.into());
            return;
        }
        if parsed.tombstone {
            let only_key = Record {
                key: record.key,
                ..Record::default()
            };
            if *record != only_key {
                report(codes::TombstoneValue {}.into());
            }
        } else if record.mod_revision != revision.main {
            let differs = codes::ModRevision {
                found: record.mod_revision,
                expected: revision.main,
            };
            report(differs.into());
        }
        if !parsed.tombstone
            && (record.version < 1
                || record.create_revision < 1
                || record.create_revision > revision.main)
        {
            let impossible = codes::ImpossibleVersion {
                version: record.version,
                revision: revision.main,
                create_revision: record.create_revision,
            };
            report(impossible.into());
        }
        let key = self.hasher.hash(record.key);
        let mut entry = RecordEntry::new(key, revision, parsed.tombstone, leaf.rank, element.index);
        // What the continuity check compares; the lower halves tell equal from unequal well enough.
        entry.digest = [low(record.create_revision), low(record.version)];
        entry.set_lease(record.lease.0);
        if record.lease.0 != 0 {
            local.leases.insert(record.lease.0);
        }
        local.entries.push(entry);
    }
}

fn low(number: i64) -> u32 {
    number.cast_unsigned() as u32
}

impl Visitor for RecordCheck {
    type Local = RecordParts;

    fn start(&self) -> RecordParts {
        RecordParts {
            entries: Partitions::new(),
            spans: Runs::new(),
            leases: HashSet::new(),
            findings: Collector::new(self.finding_limit),
            records: 0,
            tombstones: 0,
            markers: 0,
            missing_revisions: 0,
            user_bytes: 0,
            buffer: WindowBuffer::new(),
        }
    }

    fn leaf(&self, local: &mut RecordParts, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        if !bucket.is_top_level() || bucket.name() != KEY_BUCKET {
            return Ok(());
        }
        // A bucket in here is a finding of its own.
        for element in leaf.elements.iter().filter(|element| !element.is_bucket) {
            let key = leaf.key(element);
            let parsed = match RevisionKey::parse(key) {
                Ok(parsed) => parsed,
                Err(error) => {
                    let place = leaf.place(element);
                    local.findings.add(Finding::new(error.of(key), place));
                    continue;
                }
            };
            let revision = parsed.revision;
            local.records = local.records.saturating_add(1);
            local.tombstones = local.tombstones.saturating_add(u64::from(parsed.tombstone));
            let value = leaf.value(element);
            let is_marker =
                value.is_empty() && leaf.tail.is_none() && !parsed.tombstone && revision.sub == 0;
            self.follow(local, bucket.number, leaf, element, revision, is_marker);
            let mut report = |what: Observation| {
                let mut place = leaf.place(element);
                place.revision = Some((revision.main, revision.sub));
                place.key = None;
                local.findings.add(Finding::new(what, place));
            };
            if let Some(left) = too_few_left(revision.main) {
                let newest = revision.main;
                report(codes::FewRevisionsLeft { left, newest }.into());
            }
            if is_marker {
                report(codes::BumpMarker {}.into());
                local.markers = local.markers.saturating_add(1);
                continue;
            }
            let record = match &leaf.tail {
                None => Record::decode_strict(value),
                Some(tail) => {
                    Record::decode_long(value, tail, &mut local.buffer)?.ok_or(RecordError)
                }
            };
            match record {
                Ok(record) => {
                    let bytes = (record.key.len() as u64).saturating_add(record.value_len);
                    local.user_bytes = local.user_bytes.saturating_add(bytes);
                    self.record(local, leaf, element, parsed, &record);
                }
                Err(_) => report(codes::RecordValue {}.into()),
            }
        }
        local.entries.check_limit(self.memory_limit)
    }
}

impl RecordCheck {
    /// Notes a revision, and what is missing between it and the one before it.
    fn follow(
        &self,
        local: &mut RecordParts,
        bucket: usize,
        leaf: &Leaf<'_>,
        element: &Element,
        revision: Revision,
        is_marker: bool,
    ) {
        let span = local.spans.at(leaf.rank, bucket, || Span {
            first: None,
            last: revision,
        });
        let before = span.last;
        span.last = revision;
        if span.first.is_none() {
            span.first = Some(First {
                revision,
                is_marker,
                rank: leaf.rank,
                element: u16::try_from(element.index).unwrap_or(u16::MAX),
            });
            return;
        }
        let missing = self.missing_between(Some(before), revision, is_marker);
        if !missing.is_empty() {
            let missing_revisions = &mut local.missing_revisions;
            missing.report(missing_revisions, &mut local.findings, || {
                leaf.place(element)
            });
        }
    }

    /// What should be between two records that lie side by side, and is not there.
    fn missing_between(&self, before: Option<Revision>, at: Revision, is_marker: bool) -> Missing {
        let mut missing = Missing {
            before,
            at,
            changes: false,
            revisions: None,
        };
        if at.main <= self.compacted {
            return missing;
        }
        missing.changes = match before {
            Some(before) if before.main == at.main => before.sub.checked_add(1) != Some(at.sub),
            _ => at.sub != 0,
        };
        // A store begins at revision 1, which has no record.
        let known = self
            .compacted
            .max(1)
            .max(before.map_or(0, |before| before.main));
        let first = known.saturating_add(1);
        // In front of its marker a revision bump leaves out as many as it was told to.
        if first < at.main && !is_marker {
            missing.revisions = Some((first, at.main.saturating_sub(1)));
        }
        missing
    }
}

/// What is missing in front of the record of a revision.
struct Missing {
    before: Option<Revision>,
    at: Revision,
    /// Changes of its own transaction.
    changes: bool,
    /// Main revisions, the first and the last one.
    revisions: Option<(i64, i64)>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        !self.changes && self.revisions.is_none()
    }

    #[cold]
    fn report(&self, revisions: &mut u64, findings: &mut Collector, place: impl Fn() -> Place) {
        let at = (self.at.main, self.at.sub);
        let before = self.before.map(|before| (before.main, before.sub));
        let mut add = |what: Observation| {
            let mut place = place();
            place.key = None;
            place.revision = Some(at);
            findings.add(Finding::new(what, place));
        };
        if self.changes {
            add(match before {
                Some(before) => codes::ChangesMissing { at, before }.into(),
                None => codes::FirstChangesMissing { at }.into(),
            });
        }
        if let Some((first, last)) = self.revisions {
            let missing = last.abs_diff(first).saturating_add(1);
            *revisions = revisions.saturating_add(missing);
            add(match before {
                Some(before) => codes::RevisionsMissing {
                    missing,
                    first,
                    last,
                    at,
                    before,
                }
                .into(),
                None => codes::FirstRevisionsMissing {
                    missing,
                    first,
                    last,
                    at,
                }
                .into(),
            });
        }
    }
}

impl RecordCheck {
    /// The figures and the remaining checks, from what all threads gathered.
    ///
    /// # Errors
    /// Reading, threads.
    pub fn join(
        &self,
        parts: Vec<RecordParts>,
        plan: &Plan<'_>,
        contents: &Contents,
        workers: &Workers,
        findings: &mut Collector,
    ) -> Result<RecordFigures> {
        let is_damaged = findings.has_errors();
        let mut figures = RecordFigures::default();
        let mut entries = Vec::new();
        let mut spans = Vec::new();
        let mut leases = HashSet::new();
        for part in parts {
            for (sum, more) in [
                (&mut figures.records, part.records),
                (&mut figures.tombstones, part.tombstones),
                (&mut figures.markers, part.markers),
                (&mut figures.user_bytes, part.user_bytes),
                (&mut figures.missing_revisions, part.missing_revisions),
            ] {
                *sum = sum.saturating_add(more);
            }
            entries.push(part.entries);
            spans.push(part.spans);
            leases.extend(part.leases);
            findings.merge(part.findings);
        }
        self.join_spans(&mut figures, spans, plan, workers, findings)?;
        // When part of the file could not be read, a lease may be there all the same.
        let leases_are_known = !is_damaged;
        let missing = MissingLeases::new(leases.into_iter().filter(|lease| {
            leases_are_known
                && contents
                    .leases
                    .binary_search_by_key(&LeaseId(*lease), |l| l.id)
                    .is_err()
        }));
        let entries: Vec<&Partitions<RecordEntry>> = entries.iter().collect();
        let states = Partitions::for_each(
            &entries,
            workers,
            || {
                (
                    RecordFigures::default(),
                    Vec::new(),
                    Collector::new(findings.limit()),
                )
            },
            |(figures, lost, found), entries| {
                entries.sort_unstable_by_key(|e| (e.key, e.revision(), e.rank, e.element));
                for records in by_key(entries) {
                    figures.distinct_keys = figures.distinct_keys.saturating_add(1);
                    let newest = records.last().filter(|newest| !newest.is_tombstone());
                    if let Some(newest) = newest {
                        figures.live_keys = figures.live_keys.saturating_add(1);
                        if missing.may_be_of(newest) {
                            lost.push(*newest);
                        }
                    }
                    check_history(records, self.compacted, plan, found)?;
                }
                Ok(())
            },
        )?;
        for (part, lost, found) in states {
            figures.distinct_keys = figures.distinct_keys.saturating_add(part.distinct_keys);
            figures.live_keys = figures.live_keys.saturating_add(part.live_keys);
            findings.merge(found);
            for entry in lost {
                self.check_lease(&entry, &missing, plan, findings)?;
            }
        }
        Ok(figures)
    }

    /// The first and the last revision, and what is missing where two threads' leaves meet.
    fn join_spans(
        &self,
        figures: &mut RecordFigures,
        mut spans: Vec<Runs<Span>>,
        plan: &Plan<'_>,
        workers: &Workers,
        findings: &mut Collector,
    ) -> Result<()> {
        let mut before = None;
        let runs = Runs::join(&mut spans, workers, <[Run<Span>]>::to_vec)?;
        for run in runs.iter().flatten() {
            if let Some(first) = run.item.first {
                let missing = self.missing_between(before, first.revision, first.is_marker);
                if !missing.is_empty() {
                    missing.report(&mut figures.missing_revisions, findings, || {
                        let mut place = plan.leaf_place(first.rank);
                        place.element = Some(u32::from(first.element));
                        place
                    });
                }
                figures.first = figures.first.or(Some(first.revision));
            }
            before = Some(run.item.last);
            figures.last = figures.last.max(before);
        }
        Ok(())
    }

    /// The entry only says that the lease may be one of the missing ones; the record itself tells.
    fn check_lease(
        &self,
        entry: &RecordEntry,
        missing: &MissingLeases,
        plan: &Plan<'_>,
        findings: &mut Collector,
    ) -> Result<()> {
        let Some((_, value)) = plan.read_element(entry.rank, entry.element)? else {
            return Ok(());
        };
        let Ok(record) = Record::decode(&value) else {
            return Ok(());
        };
        if missing.ids.contains(&Counted(record.lease.0)) {
            let LeaseId(lease) = record.lease;
            let place = record_place(entry, plan, Some(record.key));
            findings.add(Finding::new(codes::LeaseMissing { lease }, place));
        }
        Ok(())
    }
}

/// Leases that records name and bucket `lease` does not have.
struct MissingLeases {
    ids: HashSet<Counted<i64>>,
    /// What an entry keeps of them.
    bits: HashSet<u16>,
}

impl MissingLeases {
    fn new(ids: impl Iterator<Item = i64>) -> Self {
        let ids: HashSet<Counted<i64>> = ids.map(Counted).collect();
        let bits = ids.iter().map(|lease| lease_bits(lease.0)).collect();
        Self { ids, bits }
    }

    fn may_be_of(&self, entry: &RecordEntry) -> bool {
        !self.bits.is_empty() && self.bits.contains(&entry.lease_bits())
    }
}

fn record_place(entry: &RecordEntry, plan: &Plan<'_>, key: Option<&[u8]>) -> Place {
    let revision = entry.revision();
    let mut place = plan.leaf_place(entry.rank);
    place.element = Some(u32::from(entry.element));
    place.revision = Some((revision.main, revision.sub));
    place.set_key(key);
    place
}

/// Checks the records of one key, oldest first.
fn check_history(
    records: &[RecordEntry],
    compacted: i64,
    plan: &Plan<'_>,
    findings: &mut Collector,
) -> Result<()> {
    let mut before: Option<&RecordEntry> = None;
    for record in records {
        let within = before.and_then(|before| in_one_transaction(before, record));
        for what in within.into_iter().chain(judge(before, record, compacted)) {
            let element = plan.read_element(record.rank, record.element)?;
            let key = element
                .as_ref()
                .and_then(|(_, value)| Record::decode(value).ok())
                .map(|record| record.key);
            findings.add(Finding::new(what, record_place(record, plan, key)));
        }
        before = Some(record);
    }
    Ok(())
}

/// What is to be said of two records of a key that one transaction wrote. Transactions that delete and put a key are
/// refused by every release, but for two ways around the check: a delete whose range ends at `\0`, and a nested delete
/// behind a nested put. Even then nothing is put twice, and nothing is deleted that is gone.
fn in_one_transaction(before: &RecordEntry, record: &RecordEntry) -> Option<Observation> {
    if before.revision().main != record.revision().main {
        return None;
    }
    let [first, second] = [before, record].map(|record| {
        let Revision { main, sub } = record.revision();
        (main, sub)
    });
    Some(match (before.is_tombstone(), record.is_tombstone()) {
        (true, true) => codes::DeletedTwice {
            before: first,
            at: second,
        }
        .into(),
        (false, false) => codes::PutTwice {
            before: first,
            at: second,
        }
        .into(),
        (true, false) => codes::DeletedThenPut {
            deleted: first,
            put: second,
        }
        .into(),
        (false, true) => codes::PutThenDeleted {
            put: first,
            deleted: second,
        }
        .into(),
    })
}

/// What is wrong with `record`, given the one before it of the same key.
fn judge(
    before: Option<&RecordEntry>,
    record: &RecordEntry,
    compacted: i64,
) -> Option<Observation> {
    let [create, version] = record.digest;
    let main = record.revision().main;
    let maybe_compacted = main <= compacted;
    let is_creation = create == low(main) && version == 1;
    let (whole_create, whole_version) = (i64::from(create), i64::from(version));
    let is_written_twice = before.is_some_and(|before| {
        before.revision().main == main && before.is_tombstone() == record.is_tombstone()
    });
    if is_written_twice {
        // That is what is wrong with it.
        return None;
    }
    if record.is_tombstone() {
        return match before {
            Some(before) if before.is_tombstone() => {
                let twice = codes::TombstoneTwice {
                    before: before.revision().main,
                    revision: main,
                };
                Some(twice.into())
            }
            None if !maybe_compacted => Some(codes::NothingToDelete { revision: main }.into()),
            _ => None,
        };
    }
    if before.is_none() && version == 1 && create < low(main) && create != 0 {
        // Lost records would leave a higher version. `etcdctl migrate` of 3.4 writes such records, and etcd 3.4 to 3.7
        // serve them and go on with version 2.
        let imported = codes::Imported {
            revision: main,
            create_revision: whole_create,
        };
        return Some(imported.into());
    }
    // What is impossible by itself was reported when the record was read.
    if version != 0 && (version == 1) != (create == low(main)) && create <= low(main) {
        let impossible = codes::ImpossibleVersion {
            version: whole_version,
            revision: main,
            create_revision: whole_create,
        };
        return Some(impossible.into());
    }
    match before {
        Some(before) if !before.is_tombstone() => {
            let [create_before, version_before] = before.digest;
            let goes_on = create == create_before
                && (version == version_before.wrapping_add(1)
                    // An interrupted compaction may have taken records in between.
                    || maybe_compacted && version > version_before);
            if goes_on || maybe_compacted && create > low(before.revision().main) {
                return None;
            }
            let gap = codes::VersionGap {
                version: whole_version,
                create_revision: whole_create,
                version_before: i64::from(version_before),
                create_revision_before: i64::from(create_before),
            };
            Some(gap.into())
        }
        _ if is_creation || before.is_none() && maybe_compacted => None,
        Some(_) => {
            let version = whole_version;
            Some(codes::VersionAfterDeletion { version }.into())
        }
        None => {
            let first = codes::FirstVersion {
                version: whole_version,
                create_revision: whole_create,
            };
            Some(first.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(main: i64, tombstone: bool, create: u32, version: u32) -> RecordEntry {
        let key = KeyHasher::new().hash(b"k");
        let mut entry = RecordEntry::new(key, Revision { main, sub: 0 }, tombstone, 0, 0);
        entry.digest = [create, version];
        entry
    }

    fn codes_of(records: &[RecordEntry], compacted: i64) -> Vec<&'static str> {
        let mut before = None;
        let mut codes = Vec::new();
        for record in records {
            let within = before.and_then(|before| in_one_transaction(before, record));
            let found = within.into_iter().chain(judge(before, record, compacted));
            codes.extend(found.map(|found| found.code.id));
            before = Some(record);
        }
        codes
    }

    #[test]
    fn revisions_are_too_few_below_the_number_to_spare_and_not_at_it() {
        assert_eq!(too_few_left(i64::MAX - REVISIONS_TO_SPARE), None);
        let left = REVISIONS_TO_SPARE - 1;
        assert_eq!(too_few_left(i64::MAX - left), Some(left.unsigned_abs()));
        assert_eq!(too_few_left(i64::MAX), Some(0));
    }

    #[test]
    fn a_life_of_puts_deletes_and_a_second_life_is_fine() {
        let life = [
            entry(2, false, 2, 1),
            entry(5, false, 2, 2),
            entry(6, true, 0, 0),
            entry(9, false, 9, 1),
        ];
        assert!(codes_of(&life, -1).is_empty());
    }

    #[test]
    fn lost_records_show_in_what_follows() {
        assert_eq!(
            codes_of(&[entry(2, false, 2, 1), entry(7, false, 2, 3)], -1),
            ["E015"]
        );
        assert_eq!(codes_of(&[entry(7, false, 2, 3)], -1), ["E015"]);
        assert_eq!(codes_of(&[entry(7, true, 0, 0)], 6), ["E015"]);
        assert_eq!(codes_of(&[entry(7, false, 7, 2)], 10), ["E015"]);
        let after_deletion = [
            entry(2, false, 2, 1),
            entry(3, true, 0, 0),
            entry(5, false, 2, 3),
        ];
        assert_eq!(codes_of(&after_deletion, -1), ["E015"]);
    }

    #[test]
    fn a_key_may_come_from_the_older_store_with_its_create_revision() {
        let imported = entry(7, false, 3, 1);
        assert_eq!(codes_of(&[imported], -1), ["E026"]);
        assert_eq!(codes_of(&[imported], 9), ["E026"]);
        assert_eq!(codes_of(&[imported, entry(8, false, 3, 2)], -1), ["E026"]);
        let again = [entry(2, false, 2, 1), entry(3, true, 0, 0), imported];
        assert_eq!(codes_of(&again, -1), ["E015"]);
    }

    #[test]
    fn what_a_compaction_took_is_not_missed() {
        assert!(codes_of(&[entry(7, false, 2, 3)], 7).is_empty());
        assert!(codes_of(&[entry(7, true, 0, 0)], 7).is_empty());
        let interrupted = [entry(2, false, 2, 1), entry(7, false, 2, 5)];
        assert!(codes_of(&interrupted, 7).is_empty());
    }

    #[test]
    fn two_tombstones_of_two_transactions_are_a_note() {
        let twice = [
            entry(2, false, 2, 1),
            entry(3, true, 0, 0),
            entry(4, true, 0, 0),
        ];
        assert_eq!(codes_of(&twice, -1), ["E017"]);
    }

    fn within(main: i64, sub: i64, tombstone: bool, create: u32, version: u32) -> RecordEntry {
        let key = KeyHasher::new().hash(b"k");
        let mut entry = RecordEntry::new(key, Revision { main, sub }, tombstone, 0, 0);
        entry.digest = [create, version];
        entry
    }

    #[test]
    fn a_transaction_may_delete_and_put_a_key_in_any_order() {
        let put = entry(2, false, 2, 1);
        let replaced = [put, within(3, 0, true, 0, 0), within(3, 1, false, 3, 1)];
        assert_eq!(codes_of(&replaced, -1), ["E019"]);
        let in_vain = [put, within(3, 0, false, 2, 2), within(3, 1, true, 0, 0)];
        assert_eq!(codes_of(&in_vain, -1), ["E019"]);
        let both = [
            put,
            within(3, 0, true, 0, 0),
            within(3, 1, false, 3, 1),
            within(3, 2, true, 0, 0),
        ];
        assert_eq!(codes_of(&both, -1), ["E019", "E019"]);
    }

    #[test]
    fn what_a_transaction_does_to_a_key_continues_its_history_all_the_same() {
        let put = entry(2, false, 2, 1);
        let continued = [put, within(3, 0, true, 0, 0), within(3, 1, false, 2, 2)];
        assert_eq!(codes_of(&continued, -1), ["E019", "E015"]);
    }

    #[test]
    fn no_transaction_puts_or_deletes_a_key_twice() {
        let put = entry(2, false, 2, 1);
        let twice = [put, within(3, 0, false, 2, 2), within(3, 1, false, 2, 3)];
        assert_eq!(codes_of(&twice, -1), ["E025"]);
        let gone = [put, within(3, 0, true, 0, 0), within(3, 1, true, 0, 0)];
        assert_eq!(codes_of(&gone, -1), ["E025"]);
        assert_eq!(codes_of(&[put, entry(2, false, 2, 2)], -1), ["E025"]);
    }

    fn missing(
        compacted: i64,
        before: Option<(i64, i64)>,
        at: (i64, i64),
    ) -> (bool, Option<(i64, i64)>) {
        let revision = |(main, sub)| Revision { main, sub };
        let check = RecordCheck::new(1, None, compacted);
        let missing = check.missing_between(before.map(revision), revision(at), false);
        (missing.changes, missing.revisions)
    }

    #[test]
    fn every_revision_above_the_compaction_has_a_record() {
        assert_eq!(missing(-1, None, (2, 0)), (false, None));
        assert_eq!(missing(-1, None, (1, 0)), (false, None));
        assert_eq!(missing(-1, None, (4, 0)), (false, Some((2, 3))));
        assert_eq!(missing(-1, Some((7, 2)), (8, 0)), (false, None));
        assert_eq!(missing(-1, Some((7, 2)), (9, 0)), (false, Some((8, 8))));
        assert_eq!(missing(-1, Some((7, 2)), (9, 1)), (true, Some((8, 8))));
        assert_eq!(missing(-1, Some((7, 2)), (7, 4)), (true, None));
        let (least, most) = (i64::MIN, i64::MAX);
        assert_eq!(
            missing(-1, Some((least, 0)), (most, 0)),
            (false, Some((2, most - 1)))
        );
        assert_eq!(missing(most, Some((3, 0)), (most, 5)), (false, None));
    }

    #[test]
    fn in_front_of_the_marker_of_a_revision_bump_nothing_is_missing() {
        let check = RecordCheck::new(1, None, -1);
        let [before, marker] = [5, 1000].map(|main| Revision { main, sub: 0 });
        assert!(check.missing_between(Some(before), marker, true).is_empty());
        assert!(
            !check
                .missing_between(Some(before), marker, false)
                .is_empty()
        );
    }

    #[test]
    fn what_a_compaction_may_have_removed_is_not_missing() {
        assert_eq!(missing(9, Some((2, 0)), (9, 4)), (false, None));
        assert_eq!(missing(9, Some((2, 0)), (10, 0)), (false, None));
        assert_eq!(missing(9, None, (10, 0)), (false, None));
        assert_eq!(missing(9, Some((2, 0)), (11, 0)), (false, Some((10, 10))));
        assert_eq!(missing(9, Some((10, 0)), (12, 0)), (false, Some((11, 11))));
    }
}
