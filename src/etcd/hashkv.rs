//! The hash of keys at a revision, as servers exchange it: etcd v3.6.14 server/storage/mvcc/hash.go.

use super::entry::{KeyHasher, Partitions, by_key};
use super::go_text::quote;
use super::live::{LiveEntry, RecordError, TOMBSTONE, mark};
use super::record::Record;
use super::release::Release;
use super::revision::RevisionKey;
use super::runs::Runs;
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

/// The digests of the records of consecutive leaves.
#[derive(Debug, Default)]
struct Digests {
    /// At or below the compaction point: one by one, since some may be left out.
    single: Vec<Digest>,
    /// Above it: all of them together.
    rest: Crc,
}

#[derive(Debug, Clone, Copy)]
struct Digest {
    rank: u32,
    element: u16,
    at_compaction: bool,
    tombstone: bool,
    len: u32,
    crc: u32,
}

/// What one thread gathers.
#[derive(Debug)]
pub struct HashKvParts {
    entries: Partitions<LiveEntry>,
    digests: Runs<Digests>,
    stream: Stream,
    last: i64,
    error: Option<RecordError>,
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
            digests: Runs::new(),
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
        if local.digests.is_new(leaf.rank, bucket.number) {
            local.close_run();
        }
        local.digests.at(leaf.rank, bucket.number, Digests::default);
        for element in leaf.elements {
            let key = leaf.key(element);
            let value = leaf.value(element);
            let order = (leaf.rank, element.index);
            let fail = |local: &mut HashKvParts, message: String| {
                if local.error.as_ref().is_none_or(|first| order < first.order) {
                    local.error = Some(RecordError { order, message });
                }
            };
            let parsed = match RevisionKey::parse(key) {
                Ok(parsed) => parsed,
                Err(fault) => {
                    fail(
                        local,
                        format!("cannot parse revision key: {} err: {fault}", quote(key)),
                    );
                    continue;
                }
            };
            let record = match &leaf.tail {
                None => Record::decode(value),
                Some(tail) => Record::decode_long(value, tail, &mut local.buffer)?,
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
                if let Some(digests) = local.digests.last_mut() {
                    digests.single.push(digest);
                }
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
        if let Some(digests) = self.digests.last_mut() {
            digests.rest = crc;
        }
    }
}

/// The hash, from what all threads gathered. The inner error is a record that cannot be read.
///
/// # Errors
/// [`Error::Revision`] when the file cannot answer for the revision.
pub fn hash_kv(
    visitor: &HashKvVisitor,
    mut parts: Vec<HashKvParts>,
    compaction: &Compaction,
    release: Release,
    workers: &Workers,
) -> Result<std::result::Result<HashKv, RecordError>> {
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
            return Err(Error::Revision { compacted: true });
        }
        if wanted > current {
            return Err(Error::Revision { compacted: false });
        }
    }
    if let Some(error) = parts
        .iter()
        .filter_map(|p| p.error.clone())
        .min_by_key(|e| e.order)
    {
        return Ok(Err(error));
    }
    for part in &mut parts {
        part.close_run();
    }
    let mut entries = Vec::new();
    let mut digests = Vec::new();
    for part in parts {
        entries.push(part.entries);
        digests.push(part.digests);
    }
    // Of the records at or below the compaction point only those count that are the newest of a live key
    // at the wanted revision. There are few others, so those are what is listed.
    let found = Partitions::for_each(
        &entries,
        workers,
        || (false, Vec::new()),
        |(any_live, dropped), entries| {
            entries.sort_unstable_by_key(LiveEntry::sort_key);
            for records in by_key(entries) {
                let newest = records.last().map(LiveEntry::order);
                let is_live = records.last().is_some_and(|newest| !newest.is_tombstone());
                *any_live |= is_live;
                for record in records.iter().filter(|r| r.flags & COMPACTED != 0) {
                    if !is_live || Some(record.order()) != newest {
                        dropped.push(record.order());
                    }
                }
            }
            Ok(())
        },
    )?;
    let any_live = found.iter().any(|(any_live, _)| *any_live);
    let mut dropped: Vec<(u32, u16)> = Vec::new();
    if any_live {
        dropped = found.into_iter().flat_map(|(_, dropped)| dropped).collect();
        dropped.sort_unstable();
    }
    let mut dropped = dropped.into_iter().peekable();
    let mut hash = Crc {
        value: crc32c::checksum(KEY_BUCKET),
        len: KEY_BUCKET.len() as u64,
    };
    for run in Runs::join(digests) {
        for digest in &run.item.single {
            let place = (digest.rank, digest.element);
            let is_dropped = dropped.next_if_eq(&place).is_some();
            let is_hidden =
                visitor.skip_compacted_tombstones && digest.tombstone && digest.at_compaction;
            if !is_dropped && !is_hidden {
                hash = hash.then(Crc {
                    value: digest.crc,
                    len: u64::from(digest.len),
                });
            }
        }
        hash = hash.then(run.item.rest);
    }
    Ok(Ok(HashKv {
        hash: hash.value,
        revision: if wanted == 0 { current } else { wanted },
        compact_revision: compacted,
    }))
}
