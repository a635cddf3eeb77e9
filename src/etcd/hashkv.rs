//! The hash of keys at a revision, as servers exchange it: etcd v3.6.14 server/storage/mvcc/hash.go.

use super::entry::{KeyHasher, KeyTable, Keyed as _, Partitions};
use super::go_text::quote;
use super::live::{LiveEntry, TOMBSTONE, WalkError, mark};
use super::record::{Record, RecordError};
use super::release::Release;
use super::revision::RevisionKey;
use super::runs::{ByRank, Ranked, Runs};
use super::schema::{Compaction, KEY_BUCKET};
use crate::bolt::{Leaf, PlannedBucket, Visitor};
use crate::checksum::crc32c::{self, Crc, Stream};
use crate::error::{Error, Result};
use crate::source::WindowBuffer;
use crate::workers::Workers;

/// The record's main revision lies at or below the compaction point.
const COMPACTED: u16 = 2;

/// A hash of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKv {
    /// CRC-32C.
    pub hash: u32,
    /// The revision it was computed at.
    pub revision: i64,
    /// The compaction revision; -1 when nothing was ever compacted.
    pub compact_revision: i64,
}

/// The visitor behind `hashkv`.
#[derive(Debug, Clone)]
pub struct HashKvVisitor {
    hasher: KeyHasher,
    compacted: i64,
    /// 0: all revisions.
    wanted: i64,
    skip_compacted_tombstones: bool,
    memory_limit: Option<u64>,
}

/// The digest of one record at or below the compaction point.
#[derive(Debug, Clone, Copy)]
struct Digest {
    rank: u32,
    element: u16,
    at_compaction: bool,
    tombstone: bool,
    len: u32,
    crc: u32,
}

impl Digest {
    fn order(&self) -> (u32, u16) {
        (self.rank, self.element)
    }
}

impl Ranked for Digest {
    fn rank(&self) -> u32 {
        self.rank
    }
}

/// What one thread gathers.
#[derive(Debug)]
pub struct HashKvParts {
    entries: Partitions<LiveEntry>,
    /// Of the records at or below the compaction point, one by one, since some may be left out. They all
    /// come before the others.
    digests: ByRank<Digest>,
    /// Of the records above it.
    rest: Runs<Crc>,
    stream: Stream,
    last: i64,
    error: Option<WalkError>,
    buffer: WindowBuffer,
}

impl HashKvVisitor {
    /// A visitor for the hash at `revision`; 0 stands for the newest.
    pub fn new(
        revision: i64,
        compaction: &Compaction,
        release: Release,
        memory_limit: Option<u64>,
    ) -> Self {
        Self {
            hasher: KeyHasher::new(),
            compacted: compaction.compacted(),
            wanted: revision,
            skip_compacted_tombstones: !release.hashes_compacted_tombstones(),
            memory_limit,
        }
    }
}

impl Visitor for HashKvVisitor {
    type Local = HashKvParts;

    fn start(&self) -> HashKvParts {
        HashKvParts {
            entries: Partitions::new(),
            digests: ByRank::new(),
            rest: Runs::new(),
            stream: Stream::new(),
            last: 0,
            error: None,
            buffer: WindowBuffer::new(),
        }
    }

    fn leaf(&self, local: &mut HashKvParts, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        if !bucket.is_top_level() || bucket.name() != KEY_BUCKET {
            return Ok(());
        }
        if local.rest.is_new(leaf.rank, bucket.number) {
            local.close_run();
        }
        local.rest.at(leaf.rank, bucket.number, Crc::default);
        for element in leaf.elements {
            let key = leaf.key(element);
            let value = leaf.value(element);
            let order = (leaf.rank, element.index);
            let fail = |local: &mut HashKvParts, message: String| {
                if local.error.as_ref().is_none_or(|first| order < first.order) {
                    local.error = Some(WalkError { order, message });
                }
            };
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
            let record = match &leaf.tail {
                None => Record::decode(value),
                Some(tail) => {
                    Record::decode_long(value, tail, &mut local.buffer)?.ok_or(RecordError)
                }
            };
            let Ok(record) = record else {
                fail(
                    local,
                    format!("cannot unmarshal value, key: {}", quote(key)),
                );
                continue;
            };
            let main = parsed.revision.main;
            local.last = local.last.max(main);
            if self.wanted != 0 && main > self.wanted {
                continue;
            }
            let is_compacted = main <= self.compacted;
            let flags = mark(parsed.tombstone, TOMBSTONE) | mark(is_compacted, COMPACTED);
            let user_key = self.hasher.hash(record.key);
            local
                .entries
                .push(LiveEntry::new(user_key, leaf, element, flags));
            if is_compacted {
                let crc = match (leaf.key_and_value(element), &leaf.tail) {
                    (Some(bytes), _) => Crc::of(bytes),
                    (None, tail) => {
                        let mut stream = Stream::new();
                        stream.update(key);
                        stream.update(value);
                        if let Some(tail) = tail {
                            tail.pieces(&mut local.buffer, |piece| stream.update(piece))?;
                        }
                        stream.take()
                    }
                };
                let digest = Digest {
                    rank: leaf.rank,
                    element: u16::try_from(element.index).unwrap_or(u16::MAX),
                    at_compaction: main == self.compacted,
                    tombstone: parsed.tombstone,
                    // A value has less than 2^31 bytes, a key 32 KiB at most.
                    len: u32::try_from(crc.len).unwrap_or(u32::MAX),
                    crc: crc.value,
                };
                local.digests.push(digest);
            } else {
                match leaf.key_and_value(element) {
                    Some(bytes) => local.stream.update(bytes),
                    None => {
                        local.stream.update(key);
                        local.stream.update(value);
                        if let Some(tail) = &leaf.tail {
                            tail.pieces(&mut local.buffer, |piece| local.stream.update(piece))?;
                        }
                    }
                }
            }
        }
        local.entries.check_limit(self.memory_limit)
    }
}

impl HashKvParts {
    fn close_run(&mut self) {
        let crc = self.stream.take();
        if let Some(rest) = self.rest.last_mut() {
            *rest = crc;
        }
    }
}

/// Why there is no HashKV.
#[derive(Debug, thiserror::Error)]
pub enum HashKvError {
    /// A record cannot be read.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The job failed; [`Error::Revision`] when the file cannot answer for the revision.
    #[error(transparent)]
    Job(#[from] Error),
}

/// The hash, from what all threads gathered.
///
/// # Errors
/// [`HashKvError`]
pub fn hash_kv(
    visitor: &HashKvVisitor,
    mut parts: Vec<HashKvParts>,
    compaction: &Compaction,
    release: Release,
    workers: &Workers,
) -> Result<HashKv, HashKvError> {
    let last = parts.iter().map(|part| part.last).max().unwrap_or(0);
    let current = compaction.current(last);
    let compacted = compaction.compacted();
    let wanted = visitor.wanted;
    if wanted > 0 {
        let too_old = if release.refuses_compaction_revision() {
            wanted <= compacted
        } else {
            wanted < compacted
        };
        if too_old {
            return Err(Error::Revision { compacted: true }.into());
        }
        if wanted > current {
            return Err(Error::Revision { compacted: false }.into());
        }
    }
    if let Some(error) = parts
        .iter()
        .filter_map(|p| p.error.clone())
        .min_by_key(|e| e.order)
    {
        return Err(error.into());
    }
    for part in &mut parts {
        part.close_run();
    }
    let digests: Vec<&ByRank<Digest>> = parts.iter().map(|part| &part.digests).collect();
    // Of the records at or below the compaction point only those count that are the newest of a live key
    // at the wanted revision. There are few others, so those are what is listed.
    let entries: Vec<&Partitions<LiveEntry>> = parts.iter().map(|part| &part.entries).collect();
    let found = Partitions::for_each(
        &entries,
        workers,
        || (false, Vec::new(), KeyTable::default()),
        |(any_live, dropped, newest), entries| {
            LiveEntry::newest_of_each(entries, newest);
            *any_live |= newest.values().any(|entry| !entry.is_tombstone());
            for record in entries.iter().filter(|r| r.flags & COMPACTED != 0) {
                let counts = newest.get(&record.key()).is_some_and(|newest| {
                    !newest.is_tombstone() && newest.order() == record.order()
                });
                if !counts {
                    dropped.push(record.order());
                }
            }
            Ok(())
        },
    )?;
    let any_live = found.iter().any(|(any_live, ..)| *any_live);
    let mut dropped: Vec<(u32, u16)> = Vec::new();
    if any_live {
        dropped = found
            .into_iter()
            .flat_map(|(_, dropped, _)| dropped)
            .collect();
        dropped.sort_unstable();
    }
    let singles = ByRank::join(&digests, workers, |digests| {
        let from = digests.first().map(Digest::order).unwrap_or_default();
        let mut dropped = dropped
            .get(dropped.partition_point(|place| *place < from)..)
            .unwrap_or_default()
            .iter()
            .peekable();
        let mut crc = Crc::default();
        for digest in digests {
            let is_dropped = dropped.next_if_eq(&&digest.order()).is_some();
            let is_hidden =
                visitor.skip_compacted_tombstones && digest.tombstone && digest.at_compaction;
            if !is_dropped && !is_hidden {
                crc = crc.then(Crc {
                    value: digest.crc,
                    len: u64::from(digest.len),
                });
            }
        }
        crc
    })?;
    let rest = Runs::join(parts.iter_mut().map(|p| &mut p.rest), workers, |runs| {
        runs.iter()
            .fold(Crc::default(), |crc, run| crc.then(run.item))
    })?;
    let bucket = Crc {
        value: crc32c::checksum(KEY_BUCKET),
        len: KEY_BUCKET.len() as u64,
    };
    let hash = singles.into_iter().chain(rest).fold(bucket, Crc::then);
    Ok(HashKv {
        hash: hash.value,
        revision: if wanted == 0 { current } else { wanted },
        compact_revision: compacted,
    })
}
