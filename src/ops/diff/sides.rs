//! The two states that are compared, and which keys differ between them.

use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;

use super::known::{Clock, NEVER, Noted, Notes};
use super::{Detail, DiffQuery};
use crate::bolt::{Cursor, Database};
use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordPlace, RecordView, RecordVisitor, RevisionBounds};
use crate::etcd::{KeyHasher, Keyed as _, Partitions, RecordEntry, Revision};
use crate::kubernetes::layout::Layout;
use crate::ops::stored::LayoutVisitor;
use crate::ops::{FileTime, Session};
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
    pub(super) noted: Noted,
    /// Where it keeps objects.
    pub(super) layout: Layout,
    /// The state was not earlier than this, in seconds since 1970.
    pub(super) not_before: Option<i64>,
    /// The same of the state at `from`.
    pub(super) from_not_before: Option<i64>,
}

impl<'i> Side<'i> {
    /// True unless the file is as new as it can be, or nothing of it can be read.
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
        let clock = |revision: i64| Clock {
            revision: if query.times { revision } else { NEVER },
        };
        let clocks = (clock(revision), clock(from));
        let notes = Notes {
            revision,
            roles: query.detail > Detail::Change,
        };
        let visitor = (gather.clone(), ((notes, LayoutVisitor::new()), clocks));
        let (keyspace, parts) = session.scan(&visitor)?;
        let (entries, parts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (noted, times): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (noted, layouts): (Vec<_>, Vec<_>) = noted.into_iter().unzip();
        let (times, from_times): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        let bounds = keyspace.bounds();
        Ok(Self {
            bounds,
            revision: bounds.resolve(revision)?,
            keyspace,
            entries,
            noted: Notes::join(noted),
            layout: LayoutVisitor::join(layouts),
            not_before: FileTime::join(times),
            from_not_before: FileTime::join(from_times),
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
}

/// What the join of two states gives.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) candidates: Vec<Candidate>,
    pub(super) divergences: Vec<Divergence>,
    pub(super) divergence_count: u64,
    /// Records that both have, byte by byte the same.
    pub(super) common: u64,
    pub(super) old_keys: u64,
    pub(super) new_keys: u64,
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

    /// True when the file must have a record of this revision, if it ever was.
    fn must_have(self, revision: Revision) -> bool {
        !self.is_damaged && revision.main > self.compacted && revision.main <= self.current
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
    divergences.sort_unstable_by_key(|d| (d.revision, d.kind));
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

fn join_revisions(joined: &mut Joined, entries: &[RecordEntry], old: Span, new: Span) {
    for records in entries.chunk_by(|a, b| a.key() == b.key()) {
        let before = newest(records, old.revision);
        let after = newest(records, new.revision);
        joined.note(before, after);
    }
}

impl Joined {
    fn note(&mut self, before: Option<&RecordEntry>, after: Option<&RecordEntry>) {
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
        joined.note(newest(before, old.revision), newest(after, new.revision));
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
                    if new.must_have(x.revision()) {
                        joined.diverge(Some(x), None);
                    }
                    a.next();
                }
                (_, Some(y)) => {
                    if old.must_have(y.revision()) {
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

/// How an entry of a small bucket differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketChangeKind {
    /// Only the new file has it.
    Added,
    /// Only the old file has it.
    Removed,
    /// Both have it, with other values.
    Changed,
}

/// A difference in another bucket than `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketChange {
    /// The bucket.
    pub bucket: String,
    /// The key in it.
    pub key: Vec<u8>,
    /// How it differs.
    pub kind: BucketChangeKind,
    /// False for what only changes with time: consistent index, term, compaction, leases.
    pub counts: bool,
}

/// Compares the small buckets, entry by entry. What a bucket that cannot be read to its end may hold is passed
/// over.
pub(super) fn compare_buckets(old: &Database<'_>, new: &Database<'_>) -> Result<Vec<BucketChange>> {
    let mut changes = Vec::new();
    for bucket in crate::etcd::schema::STANDARD_BUCKETS {
        if bucket == crate::etcd::schema::KEY_BUCKET {
            continue;
        }
        let (before, is_old_whole) = entries(old, bucket)?;
        let (after, is_new_whole) = entries(new, bucket)?;
        let mut keys: Vec<&Vec<u8>> = before.keys().chain(after.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let kind = match (before.get(key), after.get(key)) {
                (Some(a), Some(b)) if a == b => continue,
                (Some(_), Some(_)) => BucketChangeKind::Changed,
                (Some(_), None) if is_new_whole => BucketChangeKind::Removed,
                (None, _) if is_old_whole => BucketChangeKind::Added,
                _ => continue,
            };
            changes.push(BucketChange {
                bucket: String::from_utf8_lossy(bucket).into_owned(),
                counts: counts(bucket, key),
                key: key.clone(),
                kind,
            });
        }
    }
    Ok(changes)
}

fn counts(bucket: &[u8], key: &[u8]) -> bool {
    match bucket {
        b"meta" => key == b"storageVersion",
        b"lease" => false,
        b"auth" => key != b"authRevision",
        _ => true,
    }
}

/// Entries beyond this are not compared: nobody has so many users, and leases are only counted.
const MOST_ENTRIES: usize = 100_000;

/// Keys and values of a small bucket.
type Entries = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

/// The entries of a bucket, and whether they are all.
fn entries(database: &Database<'_>, name: &[u8]) -> Result<(Entries, bool)> {
    let mut all = Entries::new();
    let bucket = match database.bucket(name)? {
        Ok(Some(bucket)) => bucket,
        Ok(None) => return Ok((all, true)),
        Err(_) => return Ok((all, false)),
    };
    let mut cursor: Cursor<'_> = database.cursor(&bucket);
    let mut entry = cursor.first()?;
    loop {
        match entry {
            Ok(Some(found)) if all.len() < MOST_ENTRIES => {
                all.insert(found.key.to_vec(), found.value.to_vec());
            }
            Ok(None) => return Ok((all, true)),
            Ok(Some(_)) | Err(_) => return Ok((all, false)),
        }
        entry = cursor.next()?;
    }
}
