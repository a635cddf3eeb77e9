use std::io::{Read, Seek, Write};

use etcdsnap::bolt::write::{
    FreeContent, MetaOrder, PageOrder, WriteError, WriteLayout, Writer, Written,
};

use super::history::{Amounts, Change, Simulation};
use super::objects::{self, Values, bytes_field, varint_field};

/// A cluster whose etcd is to be written as a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// Keys alive.
    pub(crate) keys: u32,
    /// Records in bucket `key`.
    pub(crate) records: u32,
    /// Bytes of the file, roughly.
    pub(crate) bytes: u64,
    /// Decides everything else.
    pub(crate) seed: u64,
    /// What happened to the file before.
    pub(crate) history: History,
    /// So many objects change after all that: the snapshot is a later one of the same history.
    pub(crate) later: u32,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    /// Never compacted: all records are there, and pages lie in the order of the keys.
    Ordered,
    /// Compacted: records that were overwritten before the compaction are gone, and pages were used again and
    /// again, so that they lie in no order, with free pages between them.
    Compacted,
}

/// What a snapshot holds.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    /// Pages and trailer.
    pub(crate) written: Written,
    /// The newest revision.
    pub(crate) revision: u64,
    /// The compacted revision.
    pub(crate) compacted: Option<u64>,
    /// Records in bucket `key`.
    pub(crate) records: u64,
    /// How many of them are tombstones.
    pub(crate) tombstones: u64,
    /// Keys alive.
    pub(crate) keys: u64,
    /// Objects that changed after the history that all snapshots of the cluster have in common.
    pub(crate) later: u64,
    /// Leases.
    pub(crate) leases: u64,
    /// The median length of the values.
    pub(crate) median_value: u64,
    /// The length of the longest value.
    pub(crate) longest_value: u64,
}

const PAGE: u64 = 4096;
const FILL: f64 = 0.9;
/// Share of free pages in a compacted file.
const FREE_SHARE: f64 = 0.25;
const LONGEST_RUN: u32 = 8;
/// Values are hardly ever shorter, for an object has a name and a creation time.
const SHORTEST_VALUE: u64 = 200;

/// What the first run through a history tells about one change.
#[derive(Debug, Clone, Copy)]
struct Outline {
    /// The compaction that removes the record: at this revision or later.
    dropped_at: u32,
    /// Length of the value before scaling; 0 for a tombstone.
    raw: u32,
    /// What the record has besides the value.
    rest: u32,
}

impl Cluster {
    /// Writes the snapshot into `out`, which must be empty.
    ///
    /// # Errors
    /// Those of [`Writer`].
    pub(crate) fn write<W: Read + Write + Seek>(&self, out: W) -> Result<(W, Summary), WriteError> {
        let changes = match self.history {
            History::Ordered => u64::from(self.records),
            History::Compacted => u64::from(self.records) * 3 / 2,
        };
        let amounts = Amounts::new(u64::from(self.keys), changes);
        let (outlines, common) = self.outline(amounts);
        // What comes later must not change how the records before it are written.
        let common = outlines.get(..common).unwrap_or(&outlines);
        let compacted = match self.history {
            History::Ordered => None,
            History::Compacted => Some(compaction(common, u64::from(self.records))),
        };
        let kept =
            |outline: &Outline| compacted.is_none_or(|at| u64::from(outline.dropped_at) > at);
        let free_share = if compacted.is_some() { FREE_SHARE } else { 0.0 };
        let wanted = (self.bytes as f64 * (1.0 - free_share)) as u64 / PAGE;
        let scale = fit(common, kept, wanted);
        let pages = count_pages(&outlines, kept, scale);

        let order = match self.history {
            History::Ordered => PageOrder::Ascending,
            History::Compacted => {
                let stretch = (pages.short as f64 * 1.01 / (1.0 - FREE_SHARE)) as u64 + 16;
                PageOrder::Scattered {
                    stretch: u32::try_from(stretch).unwrap_or(u32::MAX),
                    longest_run: LONGEST_RUN,
                }
            }
        };
        let layout = WriteLayout {
            fill: FILL,
            min_elements: 2,
            order,
            free_share,
            free_content: FreeContent::Stale,
            txid: changes / 3 + 11,
            metas: MetaOrder::Snapshot,
            trailer: true,
            seed: self.seed,
            ..WriteLayout::default()
        };
        let mut writer = Writer::new(out, layout)?;
        let mut simulation = self.simulation(amounts);
        let mut lens = Vec::new();
        let mut records = 0;
        let mut tombstones = 0;
        let auth: [(&[u8], [u8; 8]); 1] = [(b"authRevision", 1u64.to_be_bytes())];
        writer.bucket(b"alarm", |_| Ok::<(), WriteError>(()))?;
        writer.bucket(b"auth", |bucket| bucket.extend(auth))?;
        writer.bucket(b"authRoles", |_| Ok::<(), WriteError>(()))?;
        writer.bucket(b"authUsers", |_| Ok::<(), WriteError>(()))?;
        writer.bucket(b"cluster", |bucket| bucket.put(b"clusterVersion", b"3.6.0"))?;
        writer.bucket(b"key", |bucket| {
            let mut record = Record::new(self.seed, self.namespaces());
            for (change, outline) in simulation.by_ref().zip(&outlines) {
                if !kept(outline) {
                    continue;
                }
                records += 1;
                if change.is_delete() {
                    tombstones += 1;
                } else {
                    lens.push(scaled(outline, scale));
                }
                record.make(&change, scaled(outline, scale));
                bucket.put(&record.key, &record.value)?;
            }
            Ok::<(), WriteError>(())
        })?;
        let leases = simulation.leases();
        writer.bucket(b"lease", |bucket| {
            let mut value = Vec::new();
            for lease in &leases {
                value.clear();
                varint_field(1, lease.id, &mut value);
                varint_field(2, lease.seconds, &mut value);
                bucket.put(&lease.id.to_be_bytes(), &value)?;
            }
            Ok::<(), WriteError>(())
        })?;
        writer.bucket(b"members", |bucket| {
            MEMBERS.iter().enumerate().try_for_each(|(number, id)| {
                let address = format!("https://10.0.0.{}", number + 1);
                let value = format!(
                    "{{\"id\":{id},\"peerURLs\":[\"{address}:2380\"],\"name\":\"control-plane-{}\",\
                     \"clientURLs\":[\"{address}:2379\"]}}",
                    number + 1
                );
                bucket.put(format!("{id:x}").as_bytes(), value.as_bytes())
            })
        })?;
        writer.bucket(b"members_removed", |_| Ok::<(), WriteError>(()))?;
        let revision = simulation.revision();
        writer.bucket(b"meta", |bucket| {
            let [a, b, c] = MEMBERS;
            let conf = format!("{{\"voters\":[{a},{b},{c}],\"auto_leave\":false}}");
            bucket.put(b"confState", conf.as_bytes())?;
            let index = revision + simulation.granted() + 42;
            bucket.put(b"consistent_index", &index.to_be_bytes())?;
            if let Some(at) = compacted {
                bucket.put(b"finishedCompactRev", &revision_key(at, 0))?;
                bucket.put(b"scheduledCompactRev", &revision_key(at, 0))?;
            }
            bucket.put(b"storageVersion", b"3.6.0")?;
            bucket.put(b"term", &4u64.to_be_bytes())
        })?;
        let (leases, keys) = (leases.len() as u64, simulation.alive());
        let later = simulation.touched();
        let (out, written) = writer.finish()?;
        lens.sort_unstable();
        let summary = Summary {
            written,
            revision,
            compacted,
            records,
            tombstones,
            keys,
            later,
            leases,
            median_value: lens.get(lens.len() / 2).copied().unwrap_or(0),
            longest_value: lens.last().copied().unwrap_or(0),
        };
        Ok((out, summary))
    }

    fn namespaces(&self) -> u64 {
        u64::from(self.keys) / 1000 + 5
    }

    fn simulation(&self, amounts: Amounts) -> Simulation {
        Simulation::new(self.seed, self.namespaces(), amounts, u64::from(self.later))
    }

    /// Runs through the history without making values. Gives also how many of the records do not come later.
    fn outline(&self, amounts: Amounts) -> (Vec<Outline>, usize) {
        let mut common = 0;
        let mut outlines: Vec<Outline> = Vec::new();
        let mut newest: Vec<u32> = Vec::new();
        let mut key = Vec::new();
        let mut simulation = self.simulation(amounts);
        while let Some(change) = simulation.next() {
            if !simulation.is_later() {
                common += 1;
            }
            let number = change.number as usize;
            if newest.len() <= number {
                newest.resize(number + 1, u32::MAX);
            }
            let main = change.main as u32;
            if let Some(before) = outlines.get_mut(newest[number] as usize) {
                before.dropped_at = before.dropped_at.min(main);
            }
            newest[number] = outlines.len() as u32;
            objects::key(self.seed, change.number, self.namespaces(), &mut key);
            let is_delete = change.is_delete();
            let raw = if is_delete {
                0
            } else {
                objects::raw_len(self.seed, change.number, change.version) as u32
            };
            // Both keys, the field headers, and numbers of some bytes each.
            let rest = key.len() as u32 + if is_delete { 18 + 2 } else { 17 + 18 };
            // A tombstone stays only until something behind it is compacted.
            let dropped_at = if is_delete { main + 1 } else { u32::MAX };
            outlines.push(Outline {
                dropped_at,
                raw,
                rest,
            });
        }
        (outlines, common)
    }
}

const MEMBERS: [u64; 3] = [
    0x1c3f_9a70_52d6_e801,
    0x8e9e_05c5_2164_694d,
    0xfd42_2379_fda5_0e48,
];

/// The revision to compact at, so that about `records` remain. It is among the lowest at which anything could
/// be removed, so that later changes do not move it.
fn compaction(outlines: &[Outline], records: u64) -> u64 {
    let mut drops: Vec<u32> = outlines
        .iter()
        .map(|outline| outline.dropped_at)
        .filter(|at| *at != u32::MAX)
        .collect();
    drops.sort_unstable();
    let surplus = (outlines.len() as u64).saturating_sub(records) as usize;
    let at = surplus.saturating_sub(1).min(drops.len().saturating_sub(1));
    drops.get(at).map_or(1, |at| u64::from(*at))
}

fn scaled(outline: &Outline, scale: f64) -> u64 {
    let raw = u64::from(outline.raw);
    // The shortest have one length in every cluster: tombstones, addresses.
    if raw < SHORTEST_VALUE {
        raw
    } else {
        ((raw as f64 * scale) as u64).max(SHORTEST_VALUE)
    }
}

/// Pages that the bucket `key` takes.
#[derive(Debug, Clone, Copy, Default)]
struct PageCount {
    /// Of objects that fit the longest run.
    short: u64,
    long: u64,
}

/// The pages for these records, their values as long as `scale` makes them.
fn count_pages(outlines: &[Outline], kept: impl Fn(&Outline) -> bool, scale: f64) -> PageCount {
    let mut pages = PageCount::default();
    let limit = (PAGE as f64 * FILL) as u64;
    let (mut elements, mut len, mut leaves) = (0u64, 16u64, 0u64);
    let mut end = |len: u64| {
        let needed = len.div_ceil(PAGE);
        if needed > u64::from(LONGEST_RUN) {
            pages.long += needed
        } else {
            pages.short += needed
        }
        leaves += 1;
    };
    for outline in outlines.iter().filter(|outline| kept(outline)) {
        let element = 16 + u64::from(outline.rest) + scaled(outline, scale);
        if elements >= 2 && len + element > limit {
            end(len);
            (elements, len) = (0, 16);
        }
        elements += 1;
        len += element;
    }
    end(len);
    // Branches: 33 bytes per leaf.
    pages.short += leaves / ((limit - 16) / 33) + 4;
    pages
}

/// The factor for the lengths of values that gives `wanted` pages.
fn fit(outlines: &[Outline], kept: impl Fn(&Outline) -> bool + Copy, wanted: u64) -> f64 {
    let (mut low, mut high) = (0.0, 1024.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        let pages = count_pages(outlines, kept, middle);
        if pages.short + pages.long > wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// One record of bucket `key`.
struct Record {
    values: Values,
    seed: u64,
    namespaces: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    object_key: Vec<u8>,
    object: Vec<u8>,
}

impl Record {
    fn new(seed: u64, namespaces: u64) -> Self {
        Self {
            values: Values::new(seed, namespaces),
            seed,
            namespaces,
            key: Vec::new(),
            value: Vec::new(),
            object_key: Vec::new(),
            object: Vec::new(),
        }
    }

    fn make(&mut self, change: &Change, len: u64) {
        self.key.clear();
        self.key
            .extend_from_slice(&revision_key(change.main, change.sub));
        self.value.clear();
        objects::key(
            self.seed,
            change.number,
            self.namespaces,
            &mut self.object_key,
        );
        bytes_field(1, &self.object_key, &mut self.value);
        if change.is_delete() {
            self.key.push(b't');
            return;
        }
        self.values.write(
            change.number,
            change.version,
            change.main,
            len,
            &mut self.object,
        );
        varint_field(2, change.created, &mut self.value);
        varint_field(3, change.main, &mut self.value);
        varint_field(4, change.version, &mut self.value);
        bytes_field(5, &self.object, &mut self.value);
        if change.lease != 0 {
            varint_field(6, change.lease, &mut self.value);
        }
    }
}

fn revision_key(main: u64, sub: u64) -> [u8; 17] {
    let mut key = [b'_'; 17];
    key[..8].copy_from_slice(&main.to_be_bytes());
    key[9..].copy_from_slice(&sub.to_be_bytes());
    key
}
