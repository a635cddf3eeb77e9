//! The two states that are compared, and which keys differ between them.

use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;

use super::known::{Clocks, DefinitionsAndRoles, NewestByKey};
use super::query::{Detail, DiffQuery};
use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordPlace, RecordView, RecordVisitor, RevisionBounds};
use crate::etcd::{KeyHasher, Keyed as _, Partitions, RecordEntry, Revision};
use crate::kubernetes::check::layout::KeyLayout;
use crate::ops::objects::stored::LayoutVisitor;
use crate::ops::session::Session;
use crate::ops::times::Times;
use crate::workers::Workers;

/// At most so many divergences are kept, the lowest revisions first.
const KEPT_DIVERGENCES: usize = 1000;

/// Gathers an entry for each record, with a digest of its stored bytes.
#[derive(Clone)]
pub(super) struct Gather {
    pub(super) keys: KeyHasher,
    pub(super) digests: RandomState,
    pub(super) memory_limit: Option<u64>,
}

impl Gather {
    pub(super) fn new(memory_limit: Option<u64>) -> Self {
        Self {
            keys: KeyHasher::new(),
            digests: RandomState::default(),
            memory_limit,
        }
    }
}

impl RecordVisitor for Gather {
    type Local = Partitions<RecordEntry>;

    fn start(&self) -> Self::Local {
        Partitions::new()
    }

    fn record(&self, local: &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let key = self.keys.hash(view.record.key);
        let RecordPlace { rank, element } = view.place;
        let mut entry = RecordEntry::new(
            key,
            view.revision,
            view.is_tombstone,
            rank,
            u32::from(element),
        );
        let digest = match view.stored() {
            Some(stored) => self.digests.hash_one(stored),
            None => self.digests.hash_one(&*view.value()?),
        };
        entry.digest = [(digest >> 32) as u32, digest as u32];
        local.push(entry);
        if local.len() % 4096 == 0 {
            local.check_limit(self.memory_limit)?;
        }
        Ok(())
    }
}

/// One of the two states.
pub(super) struct Side<'i> {
    pub(super) keyspace: Keyspace<'i>,
    pub(super) entries: Vec<Partitions<RecordEntry>>,
    pub(super) bounds: RevisionBounds,
    /// The state is that of this revision.
    pub(super) revision: i64,
    /// Part of the file could not be read, so that keys may be missing.
    pub(super) is_damaged: bool,
    /// Definitions and roles.
    pub(super) noted: NewestByKey,
    /// Where it keeps objects.
    pub(super) layout: KeyLayout,
    /// The state was not earlier than this, in seconds since 1970.
    pub(super) not_before: Option<i64>,
    /// The same of the state at `from`.
    pub(super) from_not_before: Option<i64>,
    /// The same of each record.
    pub(super) times: Times,
}

impl<'i> Side<'i> {
    /// True unless the store is new, or nothing of it can be read.
    pub(super) fn has_records(&self) -> bool {
        self.entries.iter().any(|entries| !entries.is_empty())
    }

    /// Scans a file for its state at `revision`, 0 = the newest, and for the times of it and of a second state
    /// at `from`, if these are wanted.
    pub(super) fn scan(
        session: &mut Session<'i>,
        gather: &Gather,
        revision: i64,
        from: i64,
        query: &DiffQuery,
    ) -> Result<Self> {
        let clocks = Clocks {
            is_wanted: query.times,
            revisions: [revision, from],
        };
        let notes = DefinitionsAndRoles {
            revision,
            roles: query.detail > Detail::Change,
        };
        let visitor = (gather.clone(), ((notes, LayoutVisitor::new()), clocks));
        let (keyspace, parts) = session.scan(&visitor)?;
        let (entries, parts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (noted, times): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (noted, layouts): (Vec<_>, Vec<_>) = noted.into_iter().unzip();
        let ([not_before, from_not_before], times) = Clocks::join(times);
        let bounds = keyspace.bounds();
        Ok(Self {
            bounds,
            revision: bounds.resolve(revision)?,
            keyspace,
            entries,
            noted: DefinitionsAndRoles::join(noted),
            layout: LayoutVisitor::join(layouts),
            not_before,
            from_not_before,
            times,
            is_damaged: session.findings.has_errors(),
        })
    }
}

/// How a record of one file is missing in, or differs from, the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DivergenceKind {
    /// Both have it, with other bytes.
    Differs,
    /// The new file should have it, and has not.
    OnlyOld,
    /// The old file should have it, and has not.
    OnlyNew,
}

/// A record that two files of one history would both have, and alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Divergence {
    pub(super) revision: Revision,
    pub(super) kind: DivergenceKind,
    pub(super) old: Option<RecordPlace>,
    pub(super) new: Option<RecordPlace>,
}

/// A key whose newest records differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) old: Option<RecordPlace>,
    pub(super) new: Option<RecordPlace>,
    /// The last deletion after the old record, as the file of the new state has it.
    pub(super) deletion: Option<DeletionRecord>,
}

/// A deletion that is still on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeletionRecord {
    pub(super) revision: i64,
    pub(super) place: RecordPlace,
    /// The record before it, which has the last value, unless that is the one of the old state.
    pub(super) last: Option<RecordPlace>,
}

/// What the join of two states gives.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) candidates: Vec<Candidate>,
    pub(super) divergences: Vec<Divergence>,
    pub(super) divergence_count: u64,
    /// Records that both have, byte by byte the same.
    pub(super) common: u64,
    /// Records of the old file that the new one cannot be held against, and the other way round.
    pub(super) old_only: Uncompared,
    pub(super) new_only: Uncompared,
    pub(super) old_keys: u64,
    pub(super) new_keys: u64,
}

/// Records that only one file has, and why that says nothing of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uncompared {
    /// Above the newest revision of the other file.
    pub ahead: u64,
    /// At or below the revision that the other file is compacted at.
    pub compacted: u64,
    /// They may have been in what cannot be read of the other file.
    pub damaged: u64,
}

impl Uncompared {
    fn add(&mut self, more: Self) {
        self.ahead = self.ahead.saturating_add(more.ahead);
        self.compacted = self.compacted.saturating_add(more.compacted);
        self.damaged = self.damaged.saturating_add(more.damaged);
    }
}

/// What is known of a side while partitions are joined.
#[derive(Clone, Copy)]
struct Span {
    compacted: i64,
    current: i64,
    revision: i64,
    is_damaged: bool,
}

impl Span {
    fn of(side: &Side<'_>) -> Self {
        Self {
            compacted: side.bounds.compacted,
            current: side.bounds.current,
            revision: side.revision,
            is_damaged: side.is_damaged,
        }
    }

    /// Why this file does not have `record`, which the other one has: `own` are the records of its key here,
    /// `theirs` those of the other file, both in order.
    fn absence(
        self,
        record: &RecordEntry,
        own: &[RecordEntry],
        theirs: &[RecordEntry],
        other: Self,
    ) -> Absence {
        let revision = record.revision();
        if revision.main > self.current {
            return Absence::Ahead;
        }
        if self.is_damaged {
            return Absence::Damaged;
        }
        if revision.main > self.compacted {
            return Absence::Unexplained;
        }
        // A compaction leaves the newest record of a key and takes the others from the oldest on. Where an
        // older one is left, this one would be.
        let has_older = own.first().is_some_and(|first| first.revision() < revision);
        if has_older {
            return Absence::Unexplained;
        }
        let compacted = self.compacted;
        let end = theirs.partition_point(|entry| entry.revision().main <= compacted);
        let newest = theirs.get(..end).and_then(<[RecordEntry]>::last);
        let is_superseded = newest.is_some_and(|newest| newest.revision() > revision);
        // What superseded it may lie behind the end of the other file, or in what is damaged of it.
        if record.is_tombstone() || is_superseded || other.current < compacted || other.is_damaged {
            return Absence::Compacted;
        }
        Absence::Unexplained
    }
}

/// Why a file does not have a record that the other one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// It has not come so far.
    Ahead,
    /// A compaction took it, or may have.
    Compacted,
    /// It may have been in what cannot be read.
    Damaged,
    /// It should be there.
    Unexplained,
}

impl Absence {
    /// True when it should be there; else it is counted.
    fn is_unexplained(self, uncompared: &mut Uncompared) -> bool {
        let count = match self {
            Self::Ahead => &mut uncompared.ahead,
            Self::Compacted => &mut uncompared.compacted,
            Self::Damaged => &mut uncompared.damaged,
            Self::Unexplained => return true,
        };
        *count = count.saturating_add(1);
        false
    }
}

fn place(entry: &RecordEntry) -> RecordPlace {
    RecordPlace {
        rank: entry.rank,
        element: entry.element,
    }
}

/// Finds the keys that differ. With `new` left out, both states are of `old`'s file: at `from` and at its
/// own revision.
pub(super) fn join(
    old: &Side<'_>,
    new: Option<&Side<'_>>,
    from: i64,
    workers: &Workers,
) -> Result<Joined> {
    let (mut old_span, new_span) = (Span::of(old), Span::of(new.unwrap_or(old)));
    if new.is_none() {
        old_span.revision = from;
    }
    let old_entries: Vec<&Partitions<RecordEntry>> = old.entries.iter().collect();
    let new_entries: Vec<&Partitions<RecordEntry>> =
        new.map_or(Vec::new(), |new| new.entries.iter().collect());
    let parts = workers.share(
        Partitions::<RecordEntry>::COUNT,
        || (Joined::default(), Vec::new(), Vec::new()),
        |(joined, left, right), number| {
            Partitions::gather(&old_entries, number, left);
            Partitions::gather(&new_entries, number, right);
            let order = |entry: &RecordEntry| (entry.key(), entry.revision(), place(entry));
            left.sort_unstable_by_key(order);
            right.sort_unstable_by_key(order);
            match new {
                Some(_) => join_files(joined, left, right, old_span, new_span),
                None => join_revisions(joined, left, old_span, new_span),
            }
            Ok(())
        },
    )?;
    let mut all = Joined::default();
    for (part, _, _) in parts {
        all.candidates.extend(part.candidates);
        all.divergences.extend(part.divergences);
        all.old_only.add(part.old_only);
        all.new_only.add(part.new_only);
        for (sum, more) in [
            (&mut all.divergence_count, part.divergence_count),
            (&mut all.common, part.common),
            (&mut all.old_keys, part.old_keys),
            (&mut all.new_keys, part.new_keys),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
    keep_lowest(&mut all.divergences);
    Ok(all)
}

fn keep_lowest(divergences: &mut Vec<Divergence>) {
    // Damaged files may have one revision several times.
    divergences.sort_unstable_by_key(|d| (d.revision, d.kind, d.old, d.new));
    divergences.truncate(KEPT_DIVERGENCES);
}

/// The newest record at a revision, if the key lives then. `records` are those of one key.
fn newest(records: &[RecordEntry], revision: i64) -> Option<&RecordEntry> {
    let end = records.partition_point(|entry| entry.revision().main <= revision);
    records
        .get(..end)?
        .last()
        .filter(|entry| !entry.is_tombstone())
}

/// The last deletion of a key up to a revision and after the record that it had in the old state.
fn last_deletion(
    records: &[RecordEntry],
    old: &RecordEntry,
    revision: i64,
) -> Option<DeletionRecord> {
    let end = records.partition_point(|entry| entry.revision().main <= revision);
    let known = records.get(..end)?;
    let at = known.iter().rposition(RecordEntry::is_tombstone)?;
    let deletion = known
        .get(at)
        .filter(|deletion| deletion.revision() > old.revision())?;
    let last = at.checked_sub(1).and_then(|before| known.get(before));
    Some(DeletionRecord {
        revision: deletion.revision().main,
        place: place(deletion),
        last: last
            .filter(|last| !last.is_tombstone() && last.revision() != old.revision())
            .map(place),
    })
}

fn join_revisions(joined: &mut Joined, entries: &[RecordEntry], old: Span, new: Span) {
    for records in entries.chunk_by(|a, b| a.key() == b.key()) {
        let before = newest(records, old.revision);
        let after = newest(records, new.revision);
        joined.note(before, after, records, new.revision);
    }
}

impl Joined {
    /// `records` are those of the key in the file of the new state, which is that of `revision`.
    fn note(
        &mut self,
        before: Option<&RecordEntry>,
        after: Option<&RecordEntry>,
        records: &[RecordEntry],
        revision: i64,
    ) {
        self.old_keys = self.old_keys.saturating_add(u64::from(before.is_some()));
        self.new_keys = self.new_keys.saturating_add(u64::from(after.is_some()));
        let is_same = match (before, after) {
            (None, None) => true,
            (Some(a), Some(b)) => a.revision() == b.revision() && a.digest == b.digest,
            _ => false,
        };
        if !is_same {
            self.candidates.push(Candidate {
                old: before.map(place),
                new: after.map(place),
                deletion: before.and_then(|before| last_deletion(records, before, revision)),
            });
        }
    }

    fn diverge(&mut self, old: Option<&RecordEntry>, new: Option<&RecordEntry>) {
        let kind = match (old, new) {
            (Some(_), Some(_)) => DivergenceKind::Differs,
            (Some(_), None) => DivergenceKind::OnlyOld,
            _ => DivergenceKind::OnlyNew,
        };
        self.divergence_count = self.divergence_count.saturating_add(1);
        self.divergences.push(Divergence {
            revision: old
                .or(new)
                .map_or(Revision::default(), RecordEntry::revision),
            kind,
            old: old.map(place),
            new: new.map(place),
        });
        if self.divergences.len() >= KEPT_DIVERGENCES.saturating_mul(2) {
            keep_lowest(&mut self.divergences);
        }
    }
}

fn join_files(
    joined: &mut Joined,
    left: &[RecordEntry],
    right: &[RecordEntry],
    old: Span,
    new: Span,
) {
    let (mut left, mut right) = (left, right);
    loop {
        let key = match (left.first(), right.first()) {
            (None, None) => break,
            (Some(a), Some(b)) => a.key().min(b.key()),
            (Some(one), None) | (None, Some(one)) => one.key(),
        };
        let before = take_key(&mut left, key);
        let after = take_key(&mut right, key);
        joined.note(
            newest(before, old.revision),
            newest(after, new.revision),
            after,
            new.revision,
        );
        let (mut a, mut b) = (before.iter().peekable(), after.iter().peekable());
        loop {
            match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x.revision() == y.revision() => {
                    if x.digest == y.digest && x.is_tombstone() == y.is_tombstone() {
                        joined.common = joined.common.saturating_add(1);
                    } else {
                        joined.diverge(Some(x), Some(y));
                    }
                    a.next();
                    b.next();
                }
                (Some(x), y) if y.is_none_or(|y| x.revision() < y.revision()) => {
                    let absence = new.absence(x, after, before, old);
                    if absence.is_unexplained(&mut joined.old_only) {
                        joined.diverge(Some(x), None);
                    }
                    a.next();
                }
                (_, Some(y)) => {
                    let absence = old.absence(y, before, after, new);
                    if absence.is_unexplained(&mut joined.new_only) {
                        joined.diverge(None, Some(y));
                    }
                    b.next();
                }
                _ => break,
            }
        }
    }
}

fn take_key<'e>(entries: &mut &'e [RecordEntry], key: crate::etcd::KeyHash) -> &'e [RecordEntry] {
    let end = entries.partition_point(|entry| entry.key() <= key);
    let (taken, rest) = entries.split_at_checked(end).unwrap_or((entries, &[]));
    *entries = rest;
    taken
}

/// The lowest main revision in `from + 1 ..= to` of which not all records are there: etcd gives a revision to
/// each transaction that changes something, and numbers the changes in it from 0 on.
pub(super) fn first_hole(side: &Side<'_>, from: i64, to: i64) -> Option<i64> {
    let span = usize::try_from(to.saturating_sub(from))
        .ok()
        .filter(|span| *span > 0)?;
    let number = |entry: &RecordEntry| {
        let behind = entry.revision().main.checked_sub(from)?.checked_sub(1)?;
        usize::try_from(behind).ok().filter(|number| *number < span)
    };
    let mut buffer = Vec::new();
    let entries: Vec<&Partitions<RecordEntry>> = side.entries.iter().collect();
    let mut each = |look: &mut dyn FnMut(&RecordEntry)| {
        for part in 0..Partitions::<RecordEntry>::COUNT {
            Partitions::gather(&entries, part, &mut buffer);
            buffer.iter().for_each(&mut *look);
        }
    };
    let mut count = 0usize;
    each(&mut |entry| count = count.saturating_add(usize::from(number(entry).is_some())));
    // With fewer records than revisions, one of the first revisions has none.
    let looked_at = span.min(count.saturating_add(1));
    // How many records a revision has, and how many its highest number asks for.
    let mut found = vec![(0u32, 1u32); looked_at];
    each(&mut |entry| {
        if let Some((records, wanted)) = number(entry).and_then(|number| found.get_mut(number)) {
            let sub = u32::try_from(entry.revision().sub).unwrap_or(u32::MAX);
            *records = records.saturating_add(1);
            *wanted = (*wanted).max(sub.saturating_add(1));
        }
    });
    let hole = found
        .iter()
        .position(|(records, wanted)| records != wanted)?;
    Some(
        from.saturating_add(1)
            .saturating_add(i64::try_from(hole).ok()?),
    )
}
