//! Entries about records, sorted into partitions by the hash of the user's key, so that all records of a
//! key can be looked at together without a table over all keys.

use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};

use super::revision::Revision;
use crate::error::{Error, Result};
use crate::workers::Workers;

/// Partitions; one of them fits into a core's cache for files of some million records.
const PARTITIONS: usize = 256;
/// Entries that wait to be put into their partitions together. One by one, with other work in between, the
/// processor would wait for the memory of each; and few enough to stay in its nearest cache.
const WAITING: usize = 256;
/// Entries that are allocated together at first; later blocks are longer, up to eight times.
const BLOCK: usize = 128;

/// 96 bits of a keyed hash of a user's key. Two different keys of ten million share one with a chance
/// of about 1 in 10^15, and a new hash key is drawn for each [`KeyHasher`], so nobody can prepare a
/// file in which they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash([u32; 3]);

/// Gives a table what it needs; a hasher of such tables takes it as it is.
impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [_, b, c] = self.0.map(u64::from);
        state.write_u64(b << 32 | c);
    }
}

/// The hasher of tables by [`KeyHash`], which is a hash already.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HashIsKey(u64);

impl Hasher for HashIsKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A table by key hash, for the keys of one partition.
pub(crate) type KeyTable<T> = HashMap<KeyHash, T, BuildHasherDefault<HashIsKey>>;

impl KeyHash {
    fn partition(self) -> usize {
        let [top, ..] = self.0;
        (top >> 24) as usize
    }
}

/// Hashes user keys. Hashes of one hasher and its clones can be compared, also between two files.
#[derive(Clone)]
pub struct KeyHasher {
    one: RandomState,
    two: RandomState,
}

impl Default for KeyHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyHasher {
    /// A hasher with a fresh random key.
    pub fn new() -> Self {
        Self {
            one: RandomState::default(),
            two: RandomState::default(),
        }
    }

    /// The hash of `key`.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let mut one = self.one.build_hasher();
        one.write(key);
        let mut two = self.two.build_hasher();
        two.write(key);
        let (one, two) = (one.finish(), two.finish());
        // The three quarters of the two hashes that are kept.
        KeyHash([(one >> 32) as u32, one as u32, (two >> 32) as u32])
    }
}

impl std::fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHasher")
    }
}

/// What is kept of one record: 40 bytes, whatever the length of key and value.
#[derive(Debug, Clone, Copy)]
pub struct RecordEntry {
    /// Hash of the user's key.
    pub key: KeyHash,
    /// Rank of the leaf in the scan.
    pub rank: u32,
    /// Element on the leaf.
    pub element: u16,
    /// Fourteen bits of a hash of the lease, 0 = no lease; then the mark of a tombstone.
    flags: u16,
    main: [u32; 2],
    sub: u32,
    /// Room for whatever the user of the entry needs: a digest of the record's bytes, or two numbers.
    pub digest: [u32; 2],
}

const TOMBSTONE: u16 = 1;

impl RecordEntry {
    /// An entry for a record. Sub revisions beyond 2^32 are kept as the largest number.
    pub fn new(key: KeyHash, revision: Revision, tombstone: bool, rank: u32, element: u32) -> Self {
        let main = revision.main.cast_unsigned();
        Self {
            key,
            rank,
            element: u16::try_from(element).unwrap_or(u16::MAX),
            flags: if tombstone { TOMBSTONE } else { 0 },
            main: [(main >> 32) as u32, main as u32],
            sub: u32::try_from(revision.sub).unwrap_or(u32::MAX),
            digest: [0; 2],
        }
    }

    /// The revision of the record.
    pub fn revision(&self) -> Revision {
        let [high, low] = self.main;
        let main = (u64::from(high) << 32) | u64::from(low);
        Revision {
            main: main.cast_signed(),
            sub: i64::from(self.sub),
        }
    }

    /// True when the record marks a deletion.
    pub fn is_tombstone(&self) -> bool {
        self.flags & TOMBSTONE != 0
    }

    /// Notes the lease of the record.
    pub fn set_lease(&mut self, lease: i64) {
        self.flags = (self.flags & TOMBSTONE) | (lease_bits(lease) << 1);
    }

    /// What is kept of the record's lease, to be held against `lease_bits`; 0 for no lease.
    pub fn lease_bits(&self) -> u16 {
        self.flags >> 1
    }
}

/// 0 for no lease, else 14 bits that are not 0.
pub(super) fn lease_bits(lease: i64) -> u16 {
    if lease == 0 {
        return 0;
    }
    let mixed = lease.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
    (mixed as u16).max(1)
}

/// An entry that belongs to a user key.
pub trait Keyed: Copy + Send {
    /// Hash of the key.
    fn key(&self) -> KeyHash;
}

impl Keyed for RecordEntry {
    fn key(&self) -> KeyHash {
        self.key
    }
}

/// Entries sorted into partitions by their key's hash; each thread fills its own.
#[derive(Debug)]
pub struct Partitions<E> {
    parts: Vec<Part<E>>,
    waiting: Vec<E>,
    len: u64,
}

#[derive(Debug)]
struct Part<E> {
    /// The block that is being filled.
    open: Vec<E>,
    full: Vec<Vec<E>>,
}

impl<E: Keyed> Partitions<E> {
    /// How many partitions there are.
    pub const COUNT: usize = PARTITIONS;

    /// Copies the entries of partition `number` of all `parts` into `joined`, which is cleared before.
    pub fn gather(parts: &[&Self], number: usize, joined: &mut Vec<E>) {
        joined.clear();
        for partitions in parts {
            if let Some(part) = partitions.parts.get(number) {
                for block in part.full.iter().chain([&part.open]) {
                    joined.extend_from_slice(block);
                }
            }
            let waiting = partitions.waiting.iter();
            joined.extend(waiting.filter(|entry| entry.key().partition() == number));
        }
    }

    /// Without entries.
    pub fn new() -> Self {
        Self {
            parts: std::iter::repeat_with(|| Part {
                open: Vec::new(),
                full: Vec::new(),
            })
            .take(PARTITIONS)
            .collect(),
            waiting: Vec::with_capacity(WAITING),
            len: 0,
        }
    }

    /// Puts an entry into its partition.
    #[inline]
    pub fn push(&mut self, entry: E) {
        self.len = self.len.saturating_add(1);
        self.waiting.push(entry);
        if self.waiting.len() >= WAITING {
            self.put_away();
        }
    }

    /// Puts the waiting entries into their partitions.
    #[inline(never)]
    fn put_away(&mut self) {
        for entry in self.waiting.drain(..) {
            let Some(part) = self.parts.get_mut(entry.key().partition()) else {
                continue;
            };
            if part.open.len() == part.open.capacity() {
                let room = BLOCK.saturating_mul(part.full.len().clamp(1, 8));
                let full = std::mem::replace(&mut part.open, Vec::with_capacity(room));
                part.full.push(full);
            }
            part.open.push(entry);
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that the entries take.
    pub fn bytes(&self) -> u64 {
        self.len.saturating_mul(size_of::<E>() as u64)
    }

    /// # Errors
    /// [`Error::MemoryLimit`] when the entries take more than `limit`.
    pub fn check_limit(&self, limit: Option<u64>) -> Result<()> {
        match limit {
            Some(limit) if self.bytes() > limit => Err(Error::MemoryLimit {
                needed: self.bytes().saturating_mul(2),
                limit,
            }),
            _ => Ok(()),
        }
    }

    /// Calls `each` once for every partition of all `parts` together, in parallel. The entries of a key
    /// are all in one partition, in no order.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn for_each<State: Send>(
        parts: &[&Self],
        workers: &Workers,
        start: impl Fn() -> State + Sync,
        each: impl Fn(&mut State, &mut Vec<E>) -> Result<()> + Sync,
    ) -> Result<Vec<State>>
    where
        E: Sync,
    {
        let states = workers.share(
            PARTITIONS,
            || (start(), Vec::new()),
            |(state, joined), number| {
                Self::gather(parts, number, joined);
                if joined.is_empty() {
                    Ok(())
                } else {
                    each(state, joined)
                }
            },
        )?;
        Ok(states.into_iter().map(|(state, _)| state).collect())
    }
}

impl<E: Keyed> Default for Partitions<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// Splits sorted entries into one slice per key.
pub(crate) fn by_key<E: Keyed>(entries: &[E]) -> impl Iterator<Item = &[E]> {
    entries.chunk_by(|a, b| a.key() == b.key())
}

// The documented cost of a record; the budget is 48 bytes.
const _: () = assert!(size_of::<RecordEntry>() == 40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gives_back_what_was_put_in() {
        let key = KeyHasher::new().hash(b"a");
        let revision = Revision {
            main: i64::MAX - 5,
            sub: 77,
        };
        let mut entry = RecordEntry::new(key, revision, true, 9, 65_533);
        entry.set_lease(-1);
        assert_eq!(entry.revision(), revision);
        assert!(entry.is_tombstone() && entry.lease_bits() == lease_bits(-1));
        assert_ne!(lease_bits(-1), lease_bits(0));
        assert_eq!((entry.rank, entry.element), (9, 65_533));
    }

    #[test]
    fn entries_may_take_as_much_memory_as_the_limit_and_no_more() {
        let mut entries = Partitions::new();
        let revision = Revision { main: 1, sub: 0 };
        for number in 0..10u32 {
            let key = KeyHasher::new().hash(&number.to_be_bytes());
            entries.push(RecordEntry::new(key, revision, false, 0, 0));
        }
        entries.check_limit(None).unwrap();
        entries.check_limit(Some(400)).unwrap();
        let error = entries.check_limit(Some(399)).unwrap_err();
        assert!(matches!(
            error,
            Error::MemoryLimit {
                needed: 800,
                limit: 399
            }
        ));
    }

    #[test]
    fn all_entries_of_a_key_meet_in_one_partition() {
        let hasher = KeyHasher::new();
        let mut parts = [Partitions::new(), Partitions::new()];
        for n in 0..20_000u32 {
            let key = hasher.hash(&(n % 1000).to_be_bytes());
            let revision = Revision {
                main: i64::from(n),
                sub: 0,
            };
            parts[n as usize % 2].push(RecordEntry::new(key, revision, false, 0, 0));
        }
        let workers = Workers::new(std::num::NonZeroUsize::new(3).unwrap()).unwrap();
        let groups =
            Partitions::for_each(&parts.each_ref(), &workers, Vec::new, |sizes, entries| {
                entries.sort_unstable_by_key(|e| (e.key, e.revision()));
                sizes.extend(by_key(entries).map(<[RecordEntry]>::len));
                Ok(())
            })
            .unwrap()
            .concat();
        assert_eq!(groups.len(), 1000);
        assert!(groups.iter().all(|len| *len == 20));
    }
}
