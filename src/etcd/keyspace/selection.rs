//! One record per key: the newest at a revision. First the scan finds which records those are, from a
//! small entry for each record; then their leaves are visited again.

use super::filter::KeyFilter;
use super::record_visitor::{
    EachRecord, EachRecordParts, RecordPlace, RecordView, RecordVisitor, each,
};
use crate::bolt::{CursorError, Database, Leaf, Plan, PlannedBucket, Visitor, revisit};
use crate::error::{Error, Result};
use crate::etcd::entry::{KeyHash, KeyHasher, KeyTable, Keyed, Partitions};
use crate::etcd::schema::{Compaction, KEY_BUCKET};
use crate::finding::Collector;
use crate::options::Options;
use crate::workers::Workers;

/// From where to where a file can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevisionBounds {
    /// The compaction revision; -1 when nothing was ever compacted.
    pub compacted: i64,
    /// The newest revision of the store.
    pub current: i64,
}

impl RevisionBounds {
    /// The revision that `wanted` stands for: 0 is the newest.
    ///
    /// # Errors
    /// [`Error::Revision`] when the file cannot answer for it, as etcd would say.
    pub fn resolve(&self, wanted: i64) -> Result<i64> {
        match wanted {
            ..=0 => Ok(self.current),
            _ if wanted < self.compacted => Err(Error::Revision { compacted: true }),
            _ if wanted > self.current => Err(Error::Revision { compacted: false }),
            _ => Ok(wanted),
        }
    }
}

/// A keyspace of a database after a scan: what is needed to read records again by their places.
#[derive(Debug)]
pub struct Keyspace<'s> {
    plan: Plan<'s>,
    bounds: RevisionBounds,
    has_records: bool,
}

/// Which of the newest records of all keys are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Of keys that exist.
    Live,
    /// Tombstones: of keys that were deleted.
    Deleted,
    /// Of all keys that the file knows.
    Both,
}

impl<'s> Keyspace<'s> {
    /// Scans bucket `key` of `database`, lending each record to `visitor`. The whole database is checked on
    /// the way; what is wrong goes to `findings`.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever the visitor returns.
    pub fn scan<V: RecordVisitor>(
        database: &Database<'s>,
        visitor: &V,
        workers: &Workers,
        options: &Options,
        findings: &mut Collector,
    ) -> Result<(Self, Vec<V::Local>)> {
        // A damaged way to the compaction state is damage that the scan reports.
        let compaction =
            CursorError::unless_damaged(Compaction::read(database))?.unwrap_or_default();
        let each = EachRecord {
            visitor,
            finding_limit: findings.limit(),
        };
        let scanned = database.scan(&each, workers, options, findings)?;
        let mut locals = Vec::new();
        let mut newest = 0;
        for part in scanned.scan.locals {
            newest = newest.max(part.newest);
            findings.merge(part.findings);
            locals.push(part.inner);
        }
        let keyspace = Self {
            plan: scanned.plan,
            bounds: RevisionBounds {
                compacted: compaction.compacted(),
                current: compaction.current(newest),
            },
            has_records: newest > 0,
        };
        Ok((keyspace, locals))
    }

    /// True when a record was read.
    pub fn has_records(&self) -> bool {
        self.has_records
    }

    /// From where to where the file can answer.
    pub fn bounds(&self) -> RevisionBounds {
        self.bounds
    }

    /// Lends the records at `places`, which ascend, to `visitor` once more.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever the visitor returns.
    pub fn visit<V: RecordVisitor>(
        &self,
        places: &[RecordPlace],
        visitor: &V,
        workers: &Workers,
        options: &Options,
    ) -> Result<Vec<V::Local>> {
        let mut ranks: Vec<u32> = places.iter().map(|place| place.rank).collect();
        ranks.dedup();
        let chosen = Chosen {
            each: EachRecord {
                visitor,
                finding_limit: 0,
            },
            places,
        };
        let wanted = |rank: u32, elements: &mut Vec<u16>| {
            let from = places.partition_point(|place| place.rank < rank);
            let of_leaf = places.get(from..).unwrap_or_default().iter();
            let of_leaf = of_leaf.take_while(|place| place.rank == rank);
            elements.extend(of_leaf.map(|place| place.element));
            elements.dedup();
        };
        let parts = revisit(&self.plan, &ranks, &wanted, &chosen, workers, options)?;
        Ok(parts.into_iter().map(|part| part.inner).collect())
    }

    /// What `map` makes of the records at `places`, in the order of `places`, which may be any.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever `map` returns.
    pub fn map<T: Send>(
        &self,
        places: &[RecordPlace],
        map: impl Fn(&RecordView<'_>) -> Result<T> + Sync,
        workers: &Workers,
        options: &Options,
    ) -> Result<Vec<Option<T>>> {
        let mut ascending: Vec<(RecordPlace, usize)> =
            places.iter().copied().zip(0usize..).collect();
        ascending.sort_unstable();
        let sorted: Vec<RecordPlace> = ascending.iter().map(|(place, _)| *place).collect();
        let visitor = Map { map };
        let mut results: Vec<Option<T>> = Vec::new();
        results.resize_with(places.len(), || None);
        let parts = self.visit(&sorted, &visitor, workers, options)?;
        for (place, made) in parts.into_iter().flatten() {
            let from = ascending.partition_point(|(known, _)| *known < place);
            let slot = ascending.get(from).and_then(|(_, at)| results.get_mut(*at));
            if let Some(slot) = slot {
                *slot = Some(made);
            }
        }
        Ok(results)
    }
}

struct Map<F> {
    map: F,
}

impl<T: Send, F: Fn(&RecordView<'_>) -> Result<T> + Sync> RecordVisitor for Map<F> {
    type Local = Vec<(RecordPlace, T)>;

    fn start(&self) -> Self::Local {
        Vec::new()
    }

    fn record(&self, local: &mut Self::Local, record: &RecordView<'_>) -> Result<()> {
        local.push((record.place, (self.map)(record)?));
        Ok(())
    }
}

/// Lends only the records at certain places.
struct Chosen<'v, V> {
    each: EachRecord<'v, V>,
    places: &'v [RecordPlace],
}

impl<V: RecordVisitor> Visitor for Chosen<'_, V> {
    type Local = EachRecordParts<V::Local>;

    fn start(&self) -> Self::Local {
        self.each.start()
    }

    fn leaf(&self, local: &mut Self::Local, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        if !bucket.is_top_level() || bucket.name() != KEY_BUCKET {
            return Ok(());
        }
        let from = self.places.partition_point(|place| place.rank < leaf.rank);
        let mut wanted = self
            .places
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|place| place.rank == leaf.rank)
            .peekable();
        for element in leaf.elements {
            while wanted
                .next_if(|w| u32::from(w.element) < element.index)
                .is_some()
            {}
            if wanted
                .next_if(|w| u32::from(w.element) == element.index)
                .is_some()
            {
                each(self.each.visitor, local, leaf, element)?;
            }
        }
        Ok(())
    }
}

/// The visitor that finds the newest record of each key at a revision; see [`Newest::select`].
#[derive(Debug, Clone)]
pub struct Newest {
    filter: KeyFilter,
    /// 0: whatever the file has.
    revision: i64,
    hasher: KeyHasher,
    memory_limit: Option<u64>,
}

/// What is kept of a record: 20 bytes.
#[derive(Debug, Clone, Copy)]
pub struct NewestEntry {
    key: KeyHash,
    rank: u32,
    element: u16,
    is_tombstone: bool,
}

impl Keyed for NewestEntry {
    fn key(&self) -> KeyHash {
        self.key
    }
}

const _: () = assert!(size_of::<NewestEntry>() == 20);

impl NewestEntry {
    fn place(&self) -> RecordPlace {
        RecordPlace {
            rank: self.rank,
            element: self.element,
        }
    }
}

impl Newest {
    /// A visitor for the keys of `filter` at `revision`; 0 stands for the newest. Whether the file can
    /// answer for the revision is known after the scan: [`RevisionBounds::resolve`].
    pub fn new(filter: KeyFilter, revision: i64, memory_limit: Option<u64>) -> Self {
        Self {
            filter,
            revision,
            hasher: KeyHasher::new(),
            memory_limit,
        }
    }

    /// The places of the wanted records, ascending.
    ///
    /// # Errors
    /// Threads.
    pub fn select(
        parts: &[Partitions<NewestEntry>],
        wanted: Wanted,
        workers: &Workers,
    ) -> Result<Vec<RecordPlace>> {
        let parts: Vec<&Partitions<NewestEntry>> = parts.iter().collect();
        let found = Partitions::for_each(
            &parts,
            workers,
            || (Vec::new(), KeyTable::<NewestEntry>::default()),
            |(places, newest), entries| {
                newest.clear();
                for entry in entries.iter() {
                    newest
                        .entry(entry.key)
                        .and_modify(|known| {
                            if entry.place() > known.place() {
                                *known = *entry;
                            }
                        })
                        .or_insert(*entry);
                }
                let chosen = newest.values().filter(|entry| match wanted {
                    Wanted::Live => !entry.is_tombstone,
                    Wanted::Deleted => entry.is_tombstone,
                    Wanted::Both => true,
                });
                places.extend(chosen.map(NewestEntry::place));
                Ok(())
            },
        )?;
        let mut places: Vec<RecordPlace> =
            found.into_iter().flat_map(|(places, _)| places).collect();
        places.sort_unstable();
        Ok(places)
    }
}

/// A key that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeletedKey {
    /// The last record with a value, if it was not compacted away.
    pub last: Option<RecordPlace>,
    /// The deletion.
    pub deletion: RecordPlace,
}

impl Newest {
    /// The keys that do not exist any more, those without a value first, then by the places of their values.
    ///
    /// # Errors
    /// Threads.
    pub fn select_deleted(
        parts: &[Partitions<NewestEntry>],
        workers: &Workers,
    ) -> Result<Vec<DeletedKey>> {
        type OfKey = (RecordPlace, bool, Option<RecordPlace>);
        let parts: Vec<&Partitions<NewestEntry>> = parts.iter().collect();
        let found = Partitions::for_each(
            &parts,
            workers,
            || (Vec::new(), KeyTable::<OfKey>::default()),
            |(deleted, keys), entries| {
                keys.clear();
                for entry in entries.iter() {
                    let place = entry.place();
                    let value = (!entry.is_tombstone).then_some(place);
                    keys.entry(entry.key)
                        .and_modify(|(newest, is_gone, last)| {
                            if place > *newest {
                                (*newest, *is_gone) = (place, entry.is_tombstone);
                            }
                            *last = (*last).max(value);
                        })
                        .or_insert((place, entry.is_tombstone, value));
                }
                let gone = keys.values().filter(|(_, is_gone, _)| *is_gone);
                deleted.extend(gone.map(|(deletion, _, last)| DeletedKey {
                    last: *last,
                    deletion: *deletion,
                }));
                Ok(())
            },
        )?;
        let found = found.into_iter();
        let mut deleted: Vec<DeletedKey> = found.flat_map(|(deleted, _)| deleted).collect();
        deleted.sort_unstable();
        Ok(deleted)
    }
}

impl RecordVisitor for Newest {
    type Local = Partitions<NewestEntry>;

    fn start(&self) -> Self::Local {
        Partitions::new()
    }

    fn record(&self, local: &mut Self::Local, record: &RecordView<'_>) -> Result<()> {
        if self.revision > 0 && record.revision.main > self.revision
            || !self.filter.matches(record.record.key)
        {
            return Ok(());
        }
        local.push(NewestEntry {
            key: self.hasher.hash(record.record.key),
            rank: record.place.rank,
            element: record.place.element,
            is_tombstone: record.is_tombstone,
        });
        if local.len() % 4096 == 0 {
            local.check_limit(self.memory_limit)?;
        }
        Ok(())
    }
}
