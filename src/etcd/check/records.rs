//! The check of bucket `key`: each record by itself, each transaction, and the history of each key.
//! The rules are those of `docs/format.md`: R-REV, R-RECORD, R-COMPACT.

use std::collections::HashSet;

use super::codes;
use crate::bolt::{Element, Leaf, Plan, PlannedBucket, Visitor};
use crate::error::Result;
use crate::etcd::entry::{KeyHasher, Partitions, RecordEntry, by_key};
use crate::etcd::go_text::quote;
use crate::etcd::record::Record;
use crate::etcd::revision::{LeaseId, Revision, RevisionKey};
use crate::etcd::runs::{Run, Runs};
use crate::etcd::schema::{Contents, KEY_BUCKET};
use crate::finding::{Code, Collector, Finding, Place};
use crate::source::WindowBuffer;
use crate::workers::Workers;

/// The visitor.
#[derive(Debug, Clone)]
pub struct RecordCheck {
    hasher: KeyHasher,
    finding_limit: usize,
    memory_limit: Option<u64>,
}

/// The first and last revision of consecutive leaves, with the places of the first.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Option<(Revision, u32, u16)>,
    last: Revision,
}

/// A record whose sub revision does not follow the one before it. Only after the scan is it known
/// whether a compaction explains it.
#[derive(Debug, Clone, Copy)]
struct Gap {
    before: Option<Revision>,
    at: Revision,
    rank: u32,
    element: u16,
}

/// Gaps beyond this many are counted, not kept. At or below the compaction point they are normal and may
/// be many, so what is kept are the newest ones.
const GAP_LIMIT: usize = 4096;

/// What one thread gathers.
#[derive(Debug)]
pub struct RecordParts {
    entries: Partitions<RecordEntry>,
    spans: Runs<Span>,
    gaps: Vec<Gap>,
    leases: HashSet<i64>,
    findings: Collector,
    records: u64,
    tombstones: u64,
    markers: u64,
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
    /// Keys whose newest record is no tombstone.
    pub live_keys: u64,
    /// All keys that have a record.
    pub distinct_keys: u64,
    /// Bytes of user keys and values of all records.
    pub user_bytes: u64,
    /// The smallest revision.
    pub first: Option<Revision>,
    /// The greatest revision.
    pub last: Option<Revision>,
}

impl RecordCheck {
    /// A check whose findings are kept up to `finding_limit` per code.
    pub fn new(finding_limit: usize, memory_limit: Option<u64>) -> Self {
        Self {
            hasher: KeyHasher::new(),
            finding_limit,
            memory_limit,
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
        let mut report = |code: &'static Code, message: String| {
            let mut place = leaf.place(element);
            place.revision = Some((revision.main, revision.sub));
            place.set_key(Some(record.key));
            local.findings.add(Finding::new(code, place, message));
        };
        if parsed.odd_mark {
            let message = "its key has an 18th byte that is not `t`".to_string();
            report(&codes::TOMBSTONE_MARK, message);
        }
        if revision.main == 0 {
            report(
                &codes::REVISION_ZERO,
                "the first revision of a store is 1".into(),
            );
        }
        if record.key.is_empty() {
            report(
                &codes::EMPTY_USER_KEY,
                "user keys have at least one byte".into(),
            );
            return;
        }
        if parsed.tombstone {
            let only_key = Record {
                key: record.key,
                ..Record::default()
            };
            if *record != only_key {
                let message = "it has a revision, version, value or lease of its own".to_string();
                report(&codes::TOMBSTONE_VALUE, message);
            }
        } else if record.mod_revision != revision.main {
            let message = format!(
                "its mod revision is {}, its key says {}",
                record.mod_revision, revision.main
            );
            report(&codes::MOD_REVISION, message);
        }
        if !parsed.tombstone
            && (record.version < 1
                || record.create_revision < 1
                || record.create_revision > revision.main)
        {
            let message = format!(
                "version {} at revision {} with create revision {}",
                record.version, revision.main, record.create_revision
            );
            report(&codes::CONTINUITY, message);
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
            gaps: Vec::new(),
            leases: HashSet::new(),
            findings: Collector::new(self.finding_limit),
            records: 0,
            tombstones: 0,
            markers: 0,
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
                Err(fault) => {
                    let message = format!("{} is no revision key: {fault}", quote(key));
                    let place = leaf.place(element);
                    local
                        .findings
                        .add(Finding::new(&codes::REVISION_KEY, place, message));
                    continue;
                }
            };
            local.records = local.records.saturating_add(1);
            local.tombstones = local.tombstones.saturating_add(u64::from(parsed.tombstone));
            local.follow(bucket.number, leaf.rank, element, parsed.revision);
            let value = leaf.value(element);
            let is_marker = value.is_empty()
                && leaf.tail.is_none()
                && !parsed.tombstone
                && parsed.revision.sub == 0;
            if is_marker {
                local.markers = local.markers.saturating_add(1);
                let mut place = leaf.place(element);
                place.revision = Some((parsed.revision.main, parsed.revision.sub));
                place.key = None;
                let message = "a record without a value".to_string();
                local
                    .findings
                    .add(Finding::new(&codes::BUMP_MARKER, place, message));
                continue;
            }
            let record = match &leaf.tail {
                None => Record::decode_strict(value),
                Some(tail) => Record::decode_long(value, tail, &mut local.buffer)?,
            };
            match record {
                Ok(record) => {
                    let bytes = (record.key.len() as u64).saturating_add(record.value_len);
                    local.user_bytes = local.user_bytes.saturating_add(bytes);
                    self.record(local, leaf, element, parsed, &record);
                }
                Err(_) => {
                    let mut place = leaf.place(element);
                    place.revision = Some((parsed.revision.main, parsed.revision.sub));
                    place.key = None;
                    let message = "the value is no KeyValue message".to_string();
                    local
                        .findings
                        .add(Finding::new(&codes::RECORD_VALUE, place, message));
                }
            }
        }
        local.entries.check_limit(self.memory_limit)
    }
}

impl RecordParts {
    /// Notes a revision, and whether its sub revision follows the one before it.
    fn follow(&mut self, bucket: usize, rank: u32, element: &Element, revision: Revision) {
        let element = u16::try_from(element.index).unwrap_or(u16::MAX);
        let span = self.spans.at(rank, bucket, || Span {
            first: None,
            last: revision,
        });
        let before = span.last;
        span.last = revision;
        if span.first.is_none() {
            span.first = Some((revision, rank, element));
            return;
        }
        if !follows(Some(before), revision) {
            self.gaps.push(Gap {
                before: Some(before),
                at: revision,
                rank,
                element,
            });
            if self.gaps.len() >= GAP_LIMIT.saturating_mul(2) {
                keep_newest(&mut self.gaps);
            }
        }
    }
}

fn follows(before: Option<Revision>, at: Revision) -> bool {
    match before {
        Some(before) if before.main == at.main => before.sub.checked_add(1) == Some(at.sub),
        _ => at.sub == 0,
    }
}

fn keep_newest(gaps: &mut Vec<Gap>) {
    gaps.sort_unstable_by_key(|gap| std::cmp::Reverse((gap.at, gap.rank, gap.element)));
    gaps.truncate(GAP_LIMIT);
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
        let mut gaps = Vec::new();
        let mut leases = HashSet::new();
        for part in parts {
            for (sum, more) in [
                (&mut figures.records, part.records),
                (&mut figures.tombstones, part.tombstones),
                (&mut figures.markers, part.markers),
                (&mut figures.user_bytes, part.user_bytes),
            ] {
                *sum = sum.saturating_add(more);
            }
            entries.push(part.entries);
            spans.push(part.spans);
            gaps.extend(part.gaps);
            leases.extend(part.leases);
            findings.merge(part.findings);
        }
        let compacted = contents.meta.compaction.compacted();
        self.check_gaps(
            &mut figures,
            spans,
            gaps,
            compacted,
            plan,
            workers,
            findings,
        )?;
        // When part of the file could not be read, a lease may be there all the same.
        let leases_are_known = !is_damaged;
        let missing: Vec<i64> = leases
            .into_iter()
            .filter(|lease| {
                leases_are_known
                    && contents
                        .leases
                        .binary_search_by_key(&LeaseId(*lease), |l| l.id)
                        .is_err()
            })
            .collect();
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
                        if missing.iter().any(|lease| newest.may_have_lease(*lease)) {
                            lost.push(*newest);
                        }
                    }
                    check_history(records, compacted, plan, found)?;
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

    #[expect(clippy::too_many_arguments, reason = "one step of the join")]
    fn check_gaps(
        &self,
        figures: &mut RecordFigures,
        mut spans: Vec<Runs<Span>>,
        mut gaps: Vec<Gap>,
        compacted: i64,
        plan: &Plan<'_>,
        workers: &Workers,
        findings: &mut Collector,
    ) -> Result<()> {
        let mut before = None;
        let runs = Runs::join(&mut spans, workers, <[Run<Span>]>::to_vec)?;
        for run in runs.iter().flatten() {
            if let Some((revision, rank, element)) = run.item.first {
                if !follows(before, revision) {
                    gaps.push(Gap {
                        before,
                        at: revision,
                        rank,
                        element,
                    });
                }
                figures.first = figures.first.or(Some(revision));
            }
            before = Some(run.item.last);
            figures.last = figures.last.max(before);
        }
        for gap in gaps.into_iter().filter(|gap| gap.at.main > compacted) {
            let mut place = plan.leaf_place(gap.rank);
            place.element = Some(u32::from(gap.element));
            place.revision = Some((gap.at.main, gap.at.sub));
            let before = gap
                .before
                .map_or("nothing".to_string(), |before| before.to_string());
            let message = format!("revision {} follows {before}", gap.at);
            findings.add(Finding::new(&codes::SUB_REVISION_GAP, place, message));
        }
        Ok(())
    }

    /// The entry only says that the lease may be one of the missing ones; the record itself tells.
    fn check_lease(
        &self,
        entry: &RecordEntry,
        missing: &[i64],
        plan: &Plan<'_>,
        findings: &mut Collector,
    ) -> Result<()> {
        let Some((_, value)) = plan.read_element(entry.rank, entry.element)? else {
            return Ok(());
        };
        let Ok(record) = Record::decode(&value) else {
            return Ok(());
        };
        if missing.contains(&record.lease.0) {
            let message = format!("lease {} is not in bucket `lease`", record.lease);
            let place = record_place(entry, plan, Some(record.key));
            findings.add(Finding::new(&codes::LEASE_MISSING, place, message));
        }
        Ok(())
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
        if let Some((code, message)) = judge(before, record, compacted) {
            let element = plan.read_element(record.rank, record.element)?;
            let key = element
                .as_ref()
                .and_then(|(_, value)| Record::decode(value).ok())
                .map(|record| record.key);
            findings.add(Finding::new(code, record_place(record, plan, key), message));
        }
        before = Some(record);
    }
    Ok(())
}

/// What is wrong with `record`, given the one before it of the same key.
fn judge(
    before: Option<&RecordEntry>,
    record: &RecordEntry,
    compacted: i64,
) -> Option<(&'static Code, String)> {
    let [create, version] = record.digest;
    let main = record.revision().main;
    let maybe_compacted = main <= compacted;
    let is_creation = create == low(main) && version == 1;
    let lost = |what: String| Some((&codes::CONTINUITY, what));
    if let Some(before) = before.filter(|before| before.revision().main == main) {
        let message = format!(
            "it has the records {} and {}",
            before.revision(),
            record.revision()
        );
        return Some((&codes::KEY_TWICE, message));
    }
    if record.is_tombstone() {
        return match before {
            Some(before) if before.is_tombstone() => {
                let message = format!("deleted at {} and at {main}", before.revision().main);
                Some((&codes::TOMBSTONE_TWICE, message))
            }
            None if !maybe_compacted => lost(format!(
                "deleted at {main}, but no record says that it existed"
            )),
            _ => None,
        };
    }
    // What is impossible by itself was reported when the record was read.
    if version != 0 && (version == 1) != (create == low(main)) && create <= low(main) {
        return lost(format!(
            "version {version} at revision {main} with create revision {create}"
        ));
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
            lost(format!(
                "version {version} (created at {create}) follows version {version_before} \
                 (created at {create_before})"
            ))
        }
        _ if is_creation || before.is_none() && maybe_compacted => None,
        Some(_) => lost(format!("version {version} follows a deletion")),
        None => lost(format!(
            "its first record is version {version}, created at {create}"
        )),
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
            codes.extend(judge(before, record, compacted).map(|(code, _)| code.id));
            before = Some(record);
        }
        codes
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
        assert_eq!(codes_of(&[entry(7, false, 6, 1)], 10), ["E015"]);
        let after_deletion = [
            entry(2, false, 2, 1),
            entry(3, true, 0, 0),
            entry(5, false, 2, 3),
        ];
        assert_eq!(codes_of(&after_deletion, -1), ["E015"]);
    }

    #[test]
    fn what_a_compaction_took_is_not_missed() {
        assert!(codes_of(&[entry(7, false, 2, 3)], 7).is_empty());
        assert!(codes_of(&[entry(7, true, 0, 0)], 7).is_empty());
        let interrupted = [entry(2, false, 2, 1), entry(7, false, 2, 5)];
        assert!(codes_of(&interrupted, 7).is_empty());
    }

    #[test]
    fn two_tombstones_are_a_note_and_two_records_in_one_transaction_an_error() {
        let twice = [
            entry(2, false, 2, 1),
            entry(3, true, 0, 0),
            entry(4, true, 0, 0),
        ];
        assert_eq!(codes_of(&twice, -1), ["E017"]);
        assert_eq!(
            codes_of(&[entry(2, false, 2, 1), entry(2, false, 2, 2)], -1),
            ["E019"]
        );
    }
}
