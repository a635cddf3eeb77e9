//! Counting live keys, and the last revision: what `snapshot status` shows of bucket `key`.

use super::entry::{KeyHash, KeyHasher, KeyTable, Keyed, Partitions};
use super::go_text::quote;
use super::record::{Record, RecordError};
use super::release::Release;
use super::revision::{KEY_LEN, Revision, RevisionKey};
use super::schema::KEY_BUCKET;
use crate::bolt::{Element, Leaf, PlannedBucket, Visitor};
use crate::error::Result;
use crate::source::WindowBuffer;
use crate::workers::Workers;

/// What is kept of a record to find the newest of its key: 20 bytes. In a bucket whose keys are in order,
/// the place in the tree orders records as their revisions do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveEntry {
    key: KeyHash,
    pub(crate) rank: u32,
    pub(crate) element: u16,
    /// 0, [`TOMBSTONE`], or a mark of the user of the entry.
    pub(crate) flags: u16,
}

/// The record marks a deletion.
pub(crate) const TOMBSTONE: u16 = 1;

/// `bit` when `set`.
pub(crate) fn mark(set: bool, bit: u16) -> u16 {
    if set { bit } else { 0 }
}

impl LiveEntry {
    pub(crate) fn new(key: KeyHash, leaf: &Leaf<'_>, element: &Element, flags: u16) -> Self {
        Self {
            key,
            rank: leaf.rank,
            element: u16::try_from(element.index).unwrap_or(u16::MAX),
            flags,
        }
    }

    pub(crate) fn order(&self) -> (u32, u16) {
        (self.rank, self.element)
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.flags & TOMBSTONE != 0
    }

    /// Puts the newest entry of each key into `newest`.
    pub(crate) fn newest_of_each(entries: &[Self], newest: &mut KeyTable<Self>) {
        newest.clear();
        for entry in entries {
            newest
                .entry(entry.key)
                .and_modify(|known| {
                    if entry.order() > known.order() {
                        *known = *entry;
                    }
                })
                .or_insert(*entry);
        }
    }
}

impl Keyed for LiveEntry {
    fn key(&self) -> KeyHash {
        self.key
    }
}

const _: () = assert!(size_of::<LiveEntry>() == 20);

/// A record that etcd's own walk over all of them stops at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WalkError {
    /// Where it stands in the walk.
    pub order: (u32, u32),
    /// etcd's words, without the stored value.
    pub message: String,
}

/// The visitor behind `status`.
#[derive(Debug, Clone)]
pub struct LiveKeys {
    hasher: KeyHasher,
    release: Release,
    memory_limit: Option<u64>,
}

/// What one thread gathers.
#[derive(Debug)]
pub struct LiveParts {
    entries: Partitions<LiveEntry>,
    last: Option<((u32, u32), Revision)>,
    error: Option<WalkError>,
    buffer: WindowBuffer,
}

/// What a walk of bucket `key` shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveSummary {
    /// The revision of the last entry of the bucket.
    pub last: Option<Revision>,
    /// Keys whose newest record is not a tombstone.
    pub live_keys: u64,
    /// The first record that cannot be read.
    pub error: Option<WalkError>,
}

impl LiveKeys {
    /// A visitor that looks at what `release` looks at: before 3.6 neither keys are counted nor values
    /// decoded.
    pub fn new(release: Release, memory_limit: Option<u64>) -> Self {
        Self {
            hasher: KeyHasher::new(),
            release,
            memory_limit,
        }
    }

    /// The outcome of what all threads gathered.
    ///
    /// # Errors
    /// Threads.
    pub fn join(parts: Vec<LiveParts>, workers: &Workers) -> Result<LiveSummary> {
        let mut summary = LiveSummary {
            last: parts
                .iter()
                .filter_map(|p| p.last)
                .max_by_key(|l| l.0)
                .map(|l| l.1),
            error: parts
                .iter()
                .filter_map(|p| p.error.clone())
                .min_by_key(|e| e.order),
            live_keys: 0,
        };
        let entries: Vec<&Partitions<LiveEntry>> = parts.iter().map(|p| &p.entries).collect();
        let counts = Partitions::for_each(
            &entries,
            workers,
            || (0u64, KeyTable::default()),
            |(count, newest), entries| {
                LiveEntry::newest_of_each(entries, newest);
                let live = newest.values().filter(|entry| !entry.is_tombstone());
                *count = count.saturating_add(live.count() as u64);
                Ok(())
            },
        )?;
        summary.live_keys = counts
            .into_iter()
            .fold(0, |sum, (count, _)| sum.saturating_add(count));
        Ok(summary)
    }
}

impl Visitor for LiveKeys {
    type Local = LiveParts;

    fn start(&self) -> LiveParts {
        LiveParts {
            entries: Partitions::new(),
            last: None,
            error: None,
            buffer: WindowBuffer::new(),
        }
    }

    fn leaf(&self, local: &mut LiveParts, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        if !bucket.is_top_level() || bucket.name() != KEY_BUCKET {
            return Ok(());
        }
        for element in leaf.elements {
            let order = (leaf.rank, element.index);
            let fail = |local: &mut LiveParts, message: String| {
                if local.error.as_ref().is_none_or(|first| order < first.order) {
                    local.error = Some(WalkError { order, message });
                }
            };
            let key = leaf.key(element);
            if !self.release.counts_live_keys() {
                match RevisionKey::parse_unchecked(key) {
                    Some(revision) => local.set_last(order, revision),
                    None => fail(
                        local,
                        format!(
                            "cannot read revision key {}: shorter than {KEY_LEN} bytes",
                            quote(key)
                        ),
                    ),
                }
                continue;
            }
            let parsed = match RevisionKey::parse(key) {
                Ok(parsed) => parsed,
                Err(error) => {
                    fail(
                        local,
                        format!("cannot parse revision key: {} err: {error}", quote(key)),
                    );
                    continue;
                }
            };
            local.set_last(order, parsed.revision);
            let record = match &leaf.tail {
                None if self.release.refuses_wrong_wire_types() => {
                    Record::decode_strict(leaf.value(element))
                }
                None => Record::decode(leaf.value(element)),
                Some(tail) => Record::decode_long(leaf.value(element), tail, &mut local.buffer)?
                    .ok_or(RecordError),
            };
            match record {
                Ok(record) => {
                    let flags = mark(parsed.tombstone, TOMBSTONE);
                    let key = self.hasher.hash(record.key);
                    local
                        .entries
                        .push(LiveEntry::new(key, leaf, element, flags));
                }
                Err(error) => {
                    fail(
                        local,
                        format!("cannot unmarshal value, key: {} err: {error}", quote(key)),
                    );
                }
            }
        }
        local.entries.check_limit(self.memory_limit)
    }
}

impl LiveParts {
    fn set_last(&mut self, order: (u32, u32), revision: Revision) {
        if self.last.is_none_or(|(last, _)| order > last) {
            self.last = Some((order, revision));
        }
    }
}
