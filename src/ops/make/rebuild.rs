//! A rewritten database: all of it, or of some keys the newest records.

use std::fs::File;

use super::disk::{Disk, Piece};
use super::output_error::OutputError;
use crate::bolt::Database;
use crate::bolt::edit::Edits;
use crate::bolt::write::{RebuildError, WriteLayout, Writer, rebuild};
use crate::checksum::crc32c::{Crc, Stream};
use crate::counted::counted;
use crate::error::Result;
use crate::etcd::keyspace::{KeyFilter, Keyspace, Newest, RecordView, RecordVisitor, Wanted};
use crate::etcd::schema::{Compaction, KEY_BUCKET, META_BUCKET};
use crate::etcd::{Revision, RevisionKey};
use crate::finding::{Collector, escape};
use crate::options::Options;
use crate::workers::Workers;

/// Which keys are wanted, by how they begin. The default is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyScope {
    /// Only keys that begin with one of these; without any, all.
    pub prefixes: Vec<Vec<u8>>,
    /// No keys that begin with one of these.
    pub excludes: Vec<Vec<u8>>,
}

impl KeyScope {
    /// True when `key` is wanted.
    pub fn contains(&self, key: &[u8]) -> bool {
        let begins = |prefixes: &[Vec<u8>]| prefixes.iter().any(|prefix| key.starts_with(prefix));
        (self.prefixes.is_empty() || begins(&self.prefixes)) && !begins(&self.excludes)
    }

    /// True when every key is wanted.
    pub fn is_everything(&self) -> bool {
        self.prefixes.is_empty() && self.excludes.is_empty()
    }

    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.prefixes.iter().chain(&self.excludes)
    }
}

/// What is left when only the newest records of wanted keys are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptFigures {
    /// Keys that exist in the source.
    pub live_keys: u64,
    /// Of these, the ones that are kept, with one record each.
    pub kept_keys: u64,
    /// Bytes of the records that are kept, as they are stored.
    pub kept_bytes: u64,
    /// The source's current revision, up to which the result counts as compacted.
    pub compacted_at: i64,
    /// Prefixes of the scope that no existing key begins with.
    pub unmatched: Vec<Vec<u8>>,
}

/// The records that are kept: 16 bytes each.
#[derive(Debug)]
pub(super) struct Kept {
    /// Ascending.
    revisions: Vec<Revision>,
    pub(super) figures: KeptFigures,
}

impl Kept {
    /// Finds the newest records of the keys in `scope`. The database is one that was found sound.
    pub(super) fn select(
        database: &Database<'_>,
        scope: &KeyScope,
        options: &Options,
    ) -> Result<Self> {
        let workers = Workers::of(options)?;
        let newest = Newest::new(KeyFilter::all(), 0, options.memory_limit);
        let mut known = Collector::new(0);
        let (keyspace, parts) = Keyspace::scan(database, &newest, &workers, options, &mut known)?;
        let places = Newest::select(&parts, Wanted::Live, &workers)?;
        drop(parts);
        let parts = keyspace.visit(&places, &InScope { scope }, &workers, options)?;
        let mut revisions = Vec::new();
        let mut figures = KeptFigures {
            live_keys: places.len() as u64,
            compacted_at: keyspace.bounds().current,
            ..KeptFigures::default()
        };
        let mut matched = vec![false; scope.all().count()];
        for part in parts {
            revisions.extend(part.revisions);
            figures.kept_bytes = figures.kept_bytes.saturating_add(part.bytes);
            for (any, here) in matched.iter_mut().zip(part.matched) {
                *any |= here;
            }
        }
        revisions.sort_unstable();
        figures.kept_keys = revisions.len() as u64;
        figures.unmatched = scope
            .all()
            .zip(matched)
            .filter(|(_, matched)| !matched)
            .map(|(prefix, _)| prefix.clone())
            .collect();
        Ok(Self { revisions, figures })
    }

    /// Refuses a scope that leaves nothing of a database that has keys: the prefix is misspelt.
    pub(super) fn check_not_empty(&self, scope: &KeyScope) -> Result<(), OutputError> {
        if !self.revisions.is_empty() || scope.is_everything() {
            return Ok(());
        }
        let names: Vec<String> = self
            .figures
            .unmatched
            .iter()
            .map(|prefix| escape::text(prefix))
            .collect();
        let why = match names.as_slice() {
            [] => String::new(),
            names => format!("; no key begins with {}", names.join(" or ")),
        };
        let text = format!(
            "of the file's {}, none would be left{why}",
            counted(self.figures.live_keys, "key", "keys")
        );
        Err(OutputError::Request(text))
    }

    /// Notes in the database that everything but the kept records is gone, so that no revision comes
    /// back and none is answered wrongly.
    pub(super) fn mark_compacted(&self, edits: &mut Edits) {
        let main = self.figures.compacted_at;
        let key = Revision { main, sub: 0 }.to_key();
        edits.put(META_BUCKET, Compaction::SCHEDULED_KEY, &key);
        edits.put(META_BUCKET, Compaction::FINISHED_KEY, &key);
    }

    fn holds(&self, key: &[u8]) -> bool {
        RevisionKey::parse(key)
            .is_ok_and(|key| !key.tombstone && self.revisions.binary_search(&key.revision).is_ok())
    }
}

/// Gathers the revisions of records whose keys are wanted.
struct InScope<'s> {
    scope: &'s KeyScope,
}

#[derive(Default)]
struct ScopeParts {
    revisions: Vec<Revision>,
    bytes: u64,
    /// For each prefix of the scope, whether a key began with it.
    matched: Vec<bool>,
}

impl RecordVisitor for InScope<'_> {
    type Local = ScopeParts;

    fn start(&self) -> ScopeParts {
        ScopeParts {
            matched: vec![false; self.scope.all().count()],
            ..ScopeParts::default()
        }
    }

    fn record(&self, local: &mut ScopeParts, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        for (matched, prefix) in local.matched.iter_mut().zip(self.scope.all()) {
            *matched |= key.starts_with(prefix);
        }
        if self.scope.contains(key) {
            let len = match view.stored() {
                Some(stored) => stored.len() as u64,
                None => view.record.value_len.saturating_add(key.len() as u64),
            };
            local.bytes = local.bytes.saturating_add(len);
            local.revisions.push(view.revision);
        }
        Ok(())
    }
}

/// What was written into bucket `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rebuilt {
    /// Bytes of the file.
    pub(super) len: u64,
    /// The calls that wrote it.
    pub(super) pieces: Vec<Piece>,
    /// Records of the source.
    pub(super) records: u64,
    /// CRC-32C of the bucket's name and of these. Of kept records alone that is HashKV.
    pub(super) crc: Crc,
}

/// Bytes between two looks at the cancel flag.
const PIECE: u64 = 1 << 20;

/// Writes `database` to `out`, an empty file, bucket by bucket and in the order of keys, as etcd's
/// defragmentation does; of bucket `key` only the records that are `kept`, if that is given.
pub(super) fn rewrite_database(
    database: &Database<'_>,
    disk: &Disk,
    out: &File,
    edits: &Edits,
    kept: Option<&Kept>,
    options: &Options,
) -> Result<Rebuilt, RebuildError> {
    let layout = WriteLayout {
        page_size: database.geometry().page_size,
        // As bbolt splits pages: of long values two share one object, which wastes less.
        min_elements: 2,
        ..WriteLayout::default()
    };
    options.stage("writing", database.len());
    let mut writer = Writer::new(disk.writer(out), layout)?;
    let mut records = 0u64;
    let mut stream = Stream::new();
    stream.update(KEY_BUCKET);
    let mut passed = 0u64;
    rebuild(&mut writer, database, edits, |path, key, value| {
        passed = passed
            .saturating_add(key.len() as u64)
            .saturating_add(value.len() as u64);
        if passed >= PIECE {
            options.cancel.check()?;
            options.advance(passed);
            passed = 0;
        }
        let is_record = matches!(path, [name] if name == KEY_BUCKET);
        if !is_record {
            return Ok(true);
        }
        if kept.is_some_and(|kept| !kept.holds(key)) {
            return Ok(false);
        }
        records = records.saturating_add(1);
        stream.update(key);
        stream.update(value);
        Ok(true)
    })?;
    let (out, written) = writer.finish()?;
    Ok(Rebuilt {
        len: written.len,
        pieces: out.into_pieces(),
        records,
        crc: stream.take(),
    })
}

/// Bytes that suffice for a database with so many bytes of keys and values, which now takes `len`.
/// Splitting pages may waste half of each.
pub(super) fn room_for(entry_bytes: u64, len: u64) -> u64 {
    entry_bytes.saturating_mul(2).saturating_add(PIECE).min(len)
}
