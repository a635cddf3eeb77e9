//! The on-disk structures of a bbolt file, decoded and encoded. Source: bbolt v1.4.3 page layout
//! (format version 2, the same since the beginning). `docs/format.md` describes it in full.
//!
//! All integers are little-endian. Nothing here needs alignment, and nothing reads outside the bytes
//! it is given.

use crate::checksum::fnv1a_64;
use crate::ids::{PageId, TxId};

/// Bytes of a page header.
pub const PAGE_HEADER: usize = 16;
/// Bytes of a leaf or branch element header.
pub const ELEMENT_HEADER: usize = 16;
/// Bytes of a bucket header, the beginning of a bucket's value.
pub const BUCKET_HEADER: usize = 16;
/// Bytes of a meta, behind its page header.
pub const META: usize = 64;
/// The bytes of a meta that its checksum covers.
pub const META_SUMMED: usize = 56;
/// The first four bytes of a meta.
pub const MAGIC: u32 = 0xED0C_DAED;
/// The format version.
pub const VERSION: u32 = 2;
/// The freelist field of a meta whose freelist is not stored.
pub const NO_FREELIST: u64 = u64::MAX;
/// Smallest page size that is accepted.
pub const MIN_PAGE_SIZE: u32 = 1 << 10;
/// Largest page size that is accepted.
pub const MAX_PAGE_SIZE: u32 = 1 << 24;
/// The longest key a writer accepts.
pub const MAX_KEY_SIZE: u32 = 32_768;
/// The most elements on one page.
pub const MAX_ELEMENTS: u16 = 0xFFFE;
/// A freelist count that says: the real count is the first id.
pub const LONG_FREELIST: u16 = 0xFFFF;
/// Leaf element flag: the value is a bucket.
pub const ELEMENT_IS_BUCKET: u32 = 1;

/// Page type flags; exactly one is set.
pub mod flags {
    /// Inner node of a tree.
    pub const BRANCH: u16 = 0x01;
    /// Node that holds keys and values.
    pub const LEAF: u16 = 0x02;
    /// One of the first two pages.
    pub const META: u16 = 0x04;
    /// List of free pages.
    pub const FREELIST: u16 = 0x10;

    /// The name that bbolt prints for a page's flags.
    pub fn name(flags: u16) -> String {
        match flags {
            BRANCH => "branch".into(),
            LEAF => "leaf".into(),
            META => "meta".into(),
            FREELIST => "freelist".into(),
            other => format!("unknown<{other:02x}>"),
        }
    }
}

/// The offsets that `docs/format.md` states.
mod at {
    pub(super) mod page {
        pub(in super::super) const ID: usize = 0;
        pub(in super::super) const FLAGS: usize = 8;
        pub(in super::super) const COUNT: usize = 10;
        pub(in super::super) const OVERFLOW: usize = 12;
    }
    pub(super) mod meta {
        pub(in super::super) const MAGIC: usize = 0;
        pub(in super::super) const VERSION: usize = 4;
        pub(in super::super) const PAGE_SIZE: usize = 8;
        pub(in super::super) const FLAGS: usize = 12;
        pub(in super::super) const ROOT: usize = 16;
        pub(in super::super) const SEQUENCE: usize = 24;
        pub(in super::super) const FREELIST: usize = 32;
        pub(in super::super) const HIGH_WATER: usize = 40;
        pub(in super::super) const TXID: usize = 48;
        pub(in super::super) const CHECKSUM: usize = 56;
    }
    pub(super) mod leaf {
        pub(in super::super) const FLAGS: usize = 0;
        pub(in super::super) const POS: usize = 4;
        pub(in super::super) const KEY_SIZE: usize = 8;
        pub(in super::super) const VALUE_SIZE: usize = 12;
    }
    pub(super) mod branch {
        pub(in super::super) const POS: usize = 0;
        pub(in super::super) const KEY_SIZE: usize = 4;
        pub(in super::super) const CHILD: usize = 8;
    }
}

// Each field ends where the next begins, and the last one ends the structure.
const _: () = {
    assert!(at::page::ID + 8 == at::page::FLAGS);
    assert!(at::page::FLAGS + 2 == at::page::COUNT);
    assert!(at::page::COUNT + 2 == at::page::OVERFLOW);
    assert!(at::page::OVERFLOW + 4 == PAGE_HEADER);
    assert!(at::meta::MAGIC + 4 == at::meta::VERSION);
    assert!(at::meta::VERSION + 4 == at::meta::PAGE_SIZE);
    assert!(at::meta::PAGE_SIZE + 4 == at::meta::FLAGS);
    assert!(at::meta::FLAGS + 4 == at::meta::ROOT);
    assert!(at::meta::ROOT + 8 == at::meta::SEQUENCE);
    assert!(at::meta::SEQUENCE + 8 == at::meta::FREELIST);
    assert!(at::meta::FREELIST + 8 == at::meta::HIGH_WATER);
    assert!(at::meta::HIGH_WATER + 8 == at::meta::TXID);
    assert!(at::meta::TXID + 8 == at::meta::CHECKSUM);
    assert!(at::meta::CHECKSUM == META_SUMMED && META_SUMMED + 8 == META);
    assert!(at::leaf::FLAGS + 4 == at::leaf::POS);
    assert!(at::leaf::POS + 4 == at::leaf::KEY_SIZE);
    assert!(at::leaf::KEY_SIZE + 4 == at::leaf::VALUE_SIZE);
    assert!(at::leaf::VALUE_SIZE + 4 == ELEMENT_HEADER);
    assert!(at::branch::POS + 4 == at::branch::KEY_SIZE);
    assert!(at::branch::KEY_SIZE + 4 == at::branch::CHILD);
    assert!(at::branch::CHILD + 8 == ELEMENT_HEADER);
};

/// The first bytes of every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeader {
    /// The page's own number; 0 inside an inline bucket.
    pub id: PageId,
    /// Page type, see [`flags`].
    pub flags: u16,
    /// Number of elements, or of ids on a freelist page.
    pub count: u16,
    /// How many further pages belong to this one.
    pub overflow: u32,
}

impl PageHeader {
    /// Reads the header at the beginning of `bytes`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; PAGE_HEADER] = bytes.first_chunk()?;
        Some(Self {
            id: PageId(u64_at(header, at::page::ID)?),
            flags: u16_at(header, at::page::FLAGS)?,
            count: u16_at(header, at::page::COUNT)?,
            overflow: u32_at(header, at::page::OVERFLOW)?,
        })
    }

    /// The header as stored.
    pub fn encode(&self) -> [u8; PAGE_HEADER] {
        let mut out = [0; PAGE_HEADER];
        put(&mut out, at::page::ID, &self.id.0.to_le_bytes());
        put(&mut out, at::page::FLAGS, &self.flags.to_le_bytes());
        put(&mut out, at::page::COUNT, &self.count.to_le_bytes());
        put(&mut out, at::page::OVERFLOW, &self.overflow.to_le_bytes());
        out
    }
}

/// A meta as stored; nothing in it has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawMeta {
    /// [`MAGIC`] in a real one.
    pub magic: u32,
    /// [`VERSION`] in a real one.
    pub version: u32,
    /// Bytes per page.
    pub page_size: u32,
    /// Always 0; nobody looks at it.
    pub flags: u32,
    /// Root page of the root bucket.
    pub root: PageId,
    /// Sequence of the root bucket; unused.
    pub sequence: u64,
    /// Page of the freelist, or [`NO_FREELIST`].
    pub freelist: u64,
    /// High-water mark: one past the highest page ever allocated.
    pub high_water: PageId,
    /// The transaction that wrote it.
    pub txid: TxId,
    /// FNV-1a of the bytes before it.
    pub checksum: u64,
}

impl RawMeta {
    /// Reads the meta at the beginning of `bytes`, which is byte 16 of its page.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let meta: &[u8; META] = bytes.first_chunk()?;
        Some(Self {
            magic: u32_at(meta, at::meta::MAGIC)?,
            version: u32_at(meta, at::meta::VERSION)?,
            page_size: u32_at(meta, at::meta::PAGE_SIZE)?,
            flags: u32_at(meta, at::meta::FLAGS)?,
            root: PageId(u64_at(meta, at::meta::ROOT)?),
            sequence: u64_at(meta, at::meta::SEQUENCE)?,
            freelist: u64_at(meta, at::meta::FREELIST)?,
            high_water: PageId(u64_at(meta, at::meta::HIGH_WATER)?),
            txid: TxId(u64_at(meta, at::meta::TXID)?),
            checksum: u64_at(meta, at::meta::CHECKSUM)?,
        })
    }

    /// The meta as stored, with the checksum field as it is.
    pub fn encode(&self) -> [u8; META] {
        let mut out = [0; META];
        put(&mut out, at::meta::MAGIC, &self.magic.to_le_bytes());
        put(&mut out, at::meta::VERSION, &self.version.to_le_bytes());
        put(&mut out, at::meta::PAGE_SIZE, &self.page_size.to_le_bytes());
        put(&mut out, at::meta::FLAGS, &self.flags.to_le_bytes());
        put(&mut out, at::meta::ROOT, &self.root.0.to_le_bytes());
        put(&mut out, at::meta::SEQUENCE, &self.sequence.to_le_bytes());
        put(&mut out, at::meta::FREELIST, &self.freelist.to_le_bytes());
        put(
            &mut out,
            at::meta::HIGH_WATER,
            &self.high_water.0.to_le_bytes(),
        );
        put(&mut out, at::meta::TXID, &self.txid.0.to_le_bytes());
        put(&mut out, at::meta::CHECKSUM, &self.checksum.to_le_bytes());
        out
    }

    /// The checksum that the other fields call for.
    pub fn computed_checksum(&self) -> u64 {
        fnv1a_64(self.encode().get(..META_SUMMED).unwrap_or_default())
    }

    /// The same meta with the right checksum.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.checksum = self.computed_checksum();
        self
    }
}

/// The header of a leaf element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafElement {
    /// Bit 0: the value is a bucket.
    pub flags: u32,
    /// Distance of the key from the beginning of this header.
    pub pos: u32,
    /// Bytes of the key.
    pub key_size: u32,
    /// Bytes of the value, which follows the key.
    pub value_size: u32,
}

impl LeafElement {
    /// Reads the element header at the beginning of `bytes`.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let element: &[u8; ELEMENT_HEADER] = bytes.first_chunk()?;
        Some(Self {
            flags: u32_at(element, at::leaf::FLAGS)?,
            pos: u32_at(element, at::leaf::POS)?,
            key_size: u32_at(element, at::leaf::KEY_SIZE)?,
            value_size: u32_at(element, at::leaf::VALUE_SIZE)?,
        })
    }

    /// The header as stored.
    pub fn encode(&self) -> [u8; ELEMENT_HEADER] {
        let mut out = [0; ELEMENT_HEADER];
        put(&mut out, at::leaf::FLAGS, &self.flags.to_le_bytes());
        put(&mut out, at::leaf::POS, &self.pos.to_le_bytes());
        put(&mut out, at::leaf::KEY_SIZE, &self.key_size.to_le_bytes());
        put(
            &mut out,
            at::leaf::VALUE_SIZE,
            &self.value_size.to_le_bytes(),
        );
        out
    }
}

/// The header of a branch element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchElement {
    /// Distance of the key from the beginning of this header.
    pub pos: u32,
    /// Bytes of the key.
    pub key_size: u32,
    /// The child.
    pub child: PageId,
}

impl BranchElement {
    /// Reads the element header at the beginning of `bytes`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let element: &[u8; ELEMENT_HEADER] = bytes.first_chunk()?;
        Some(Self {
            pos: u32_at(element, at::branch::POS)?,
            key_size: u32_at(element, at::branch::KEY_SIZE)?,
            child: PageId(u64_at(element, at::branch::CHILD)?),
        })
    }

    /// The header as stored.
    pub fn encode(&self) -> [u8; ELEMENT_HEADER] {
        let mut out = [0; ELEMENT_HEADER];
        put(&mut out, at::branch::POS, &self.pos.to_le_bytes());
        put(&mut out, at::branch::KEY_SIZE, &self.key_size.to_le_bytes());
        put(&mut out, at::branch::CHILD, &self.child.0.to_le_bytes());
        out
    }
}

/// The beginning of a bucket's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketHeader {
    /// Root page; 0 = the bucket's only page follows inside the value.
    pub root: PageId,
    /// A counter for users of bbolt.
    pub sequence: u64,
}

impl BucketHeader {
    /// Reads the bucket header at the beginning of `bytes`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; BUCKET_HEADER] = bytes.first_chunk()?;
        Some(Self {
            root: PageId(u64_at(header, 0)?),
            sequence: u64_at(header, 8)?,
        })
    }

    /// The header as stored.
    pub fn encode(&self) -> [u8; BUCKET_HEADER] {
        let mut out = [0; BUCKET_HEADER];
        put(&mut out, 0, &self.root.0.to_le_bytes());
        put(&mut out, 8, &self.sequence.to_le_bytes());
        out
    }
}

/// The little-endian u64 at `at`.
#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u64::from_le_bytes)
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u32::from_le_bytes)
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u16::from_le_bytes)
}

/// Writes `field` at `at`; both come from the constants above, which are checked at compile time.
fn put(out: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = out
        .get_mut(at..)
        .and_then(|rest| rest.get_mut(..field.len()))
    {
        place.copy_from_slice(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        hex.chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn the_metas_of_a_fresh_database_decode_and_encode_back() {
        let pages = [
            bytes(
                "00000000000000000400000000000000 edda0ced020000000010000000000000
                 03000000000000000000000000000000 02000000000000000400000000000000
                 0000000000000000 eefd8946116e5107",
            ),
            bytes(
                "01000000000000000400000000000000 edda0ced020000000010000000000000
                 03000000000000000000000000000000 02000000000000000400000000000000
                 0100000000000000 0f4879511a354c26",
            ),
        ];
        for (number, page) in pages.iter().enumerate() {
            let header = PageHeader::decode(page).unwrap();
            assert_eq!(
                header,
                PageHeader {
                    id: PageId(number as u64),
                    flags: flags::META,
                    count: 0,
                    overflow: 0
                }
            );
            let meta = RawMeta::decode(&page[PAGE_HEADER..]).unwrap();
            assert_eq!(
                (meta.magic, meta.version, meta.page_size),
                (MAGIC, VERSION, 4096)
            );
            assert_eq!(
                (meta.root, meta.freelist, meta.high_water),
                (PageId(3), 2, PageId(4))
            );
            assert_eq!(meta.txid, TxId(number as u64));
            assert_eq!(meta.checksum, meta.computed_checksum());
            assert_eq!([&header.encode()[..], &meta.encode()[..]].concat(), *page);
            assert_eq!(meta.sealed(), meta);
        }
    }

    #[test]
    fn a_leaf_page_decodes_and_encodes_back() {
        let page = bytes(
            "0500000000000000 0200 0100 00000000 00000000 10000000 11000000 0c000000
             00000000000000025f0000000000000000 0a01611002180220012a0178",
        );
        let header = PageHeader::decode(&page).unwrap();
        assert_eq!(
            (header.id, header.flags, header.count),
            (PageId(5), flags::LEAF, 1)
        );
        let element = LeafElement::decode(&page[16..]).unwrap();
        assert_eq!(
            element,
            LeafElement {
                flags: 0,
                pos: 16,
                key_size: 17,
                value_size: 12
            }
        );
        assert_eq!(element.encode(), page[16..32]);
        assert_eq!(header.encode(), page[..16]);
    }

    #[test]
    fn short_bytes_are_refused_not_read() {
        for len in 0..16 {
            assert!(PageHeader::decode(&vec![0; len]).is_none());
            assert!(LeafElement::decode(&vec![0; len]).is_none());
            assert!(BranchElement::decode(&vec![0; len]).is_none());
            assert!(BucketHeader::decode(&vec![0; len]).is_none());
        }
        assert!(RawMeta::decode(&[0; META - 1]).is_none());
    }
}
