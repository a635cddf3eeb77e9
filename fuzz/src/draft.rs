//! Small bbolt files, page by page and wrong where asked, from the public encoders alone.
#![allow(dead_code, unreachable_pub)] // Each user of this file needs another part of it.

use etcdsnap::bolt::layout::{
    BranchElement, BucketHeader, ELEMENT_HEADER, ELEMENT_IS_BUCKET, LeafElement, MAGIC,
    NO_FREELIST, PAGE_HEADER, PageHeader, RawMeta, VERSION, flags,
};
use etcdsnap::checksum::Sha256Stream;
use etcdsnap::etcd::schema::STANDARD_BUCKETS;
use etcdsnap::ids::{PageId, TxId};

/// An element of a leaf.
#[derive(Debug, Clone)]
pub struct Item {
    pub flags: u32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Item {
    pub fn entry(key: &[u8], value: &[u8]) -> Self {
        Self {
            flags: 0,
            key: key.to_vec(),
            value: value.to_vec(),
        }
    }

    pub fn bucket(name: &[u8], root: u64) -> Self {
        let root = PageId(root);
        Self {
            flags: ELEMENT_IS_BUCKET,
            key: name.to_vec(),
            value: BucketHeader { root, sequence: 0 }.encode().to_vec(),
        }
    }

    pub fn inline(name: &[u8], items: &[Self]) -> Self {
        let mut bucket = Self::bucket(name, 0);
        bucket.value.extend(leaf_image(0, 0, items));
        bucket
    }
}

/// The record of one put, as etcd encodes it.
pub fn record(key: &[u8], revision: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![0x0a, key.len() as u8];
    out.extend_from_slice(key);
    out.extend_from_slice(&[0x10, revision, 0x18, revision, 0x20, 1, 0x2a]);
    let mut len = value.len();
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(value);
    out
}

/// The key of a record: main revision, `_`, sub revision.
pub fn revision_key(main: u64, sub: u64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat()
}

/// The bytes of a leaf, its data laid out densely.
pub fn leaf_image(page: u64, overflow: u32, items: &[Item]) -> Vec<u8> {
    let header = PageHeader {
        id: PageId(page),
        flags: flags::LEAF,
        count: items.len() as u16,
        overflow,
    };
    let mut out = header.encode().to_vec();
    let mut data = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let element = LeafElement {
            flags: item.flags,
            pos: ((items.len() - index) * ELEMENT_HEADER + data.len()) as u32,
            key_size: item.key.len() as u32,
            value_size: item.value.len() as u32,
        };
        out.extend_from_slice(&element.encode());
        data.extend_from_slice(&item.key);
        data.extend_from_slice(&item.value);
    }
    out.append(&mut data);
    out
}

/// The bytes of a branch, its keys laid out densely.
pub fn branch_image(page: u64, overflow: u32, children: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let header = PageHeader {
        id: PageId(page),
        flags: flags::BRANCH,
        count: children.len() as u16,
        overflow,
    };
    let mut out = header.encode().to_vec();
    let mut keys = Vec::new();
    for (index, (key, child)) in children.iter().enumerate() {
        let element = BranchElement {
            pos: ((children.len() - index) * ELEMENT_HEADER + keys.len()) as u32,
            key_size: key.len() as u32,
            child: PageId(*child),
        };
        out.extend_from_slice(&element.encode());
        keys.extend_from_slice(key);
    }
    out.append(&mut keys);
    out
}

/// A file under construction.
#[derive(Debug, Clone)]
pub struct Draft {
    page_size: u32,
    bytes: Vec<u8>,
}

impl Draft {
    pub fn new(page_size: u32) -> Self {
        Self {
            page_size,
            bytes: Vec::new(),
        }
    }

    /// The number of the first page that is not there yet.
    pub fn end(&self) -> u64 {
        (self.bytes.len() / self.page_size as usize) as u64
    }

    /// Puts bytes on a page and those behind it; returns how many overflow pages they take.
    pub fn put(&mut self, page: u64, bytes: &[u8]) -> u32 {
        let size = self.page_size as usize;
        let start = page as usize * size;
        let end = start + bytes.len().max(1).div_ceil(size) * size;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        ((end - start) / size - 1) as u32
    }

    pub fn leaf(&mut self, page: u64, items: &[Item]) {
        let overflow = self.put(page, &leaf_image(page, 0, items));
        self.edit_header(page, |header| header.overflow = overflow);
    }

    pub fn branch(&mut self, page: u64, children: &[(Vec<u8>, u64)]) {
        let overflow = self.put(page, &branch_image(page, 0, children));
        self.edit_header(page, |header| header.overflow = overflow);
    }

    /// The root bucket with every standard bucket empty and inline, but those of `others` as given.
    pub fn root(&mut self, page: u64, others: &[Item]) {
        let mut items: Vec<Item> = STANDARD_BUCKETS
            .iter()
            .filter(|name| others.iter().all(|item| item.key != **name))
            .map(|name| Item::inline(name, &[]))
            .collect();
        items.extend_from_slice(others);
        items.sort_by(|a, b| a.key.cmp(&b.key));
        self.leaf(page, &items);
    }

    pub fn edit_header(&mut self, page: u64, edit: impl FnOnce(&mut PageHeader)) {
        let at = page as usize * self.page_size as usize;
        let mut header = PageHeader::decode(&self.bytes[at..]).expect("the page is there");
        edit(&mut header);
        self.bytes[at..at + PAGE_HEADER].copy_from_slice(&header.encode());
    }

    /// Both metas: the high-water mark is the end of the file, there is no freelist.
    pub fn metas(&mut self, root: u64) {
        let high_water = self.end().max(2);
        self.metas_with(root, NO_FREELIST, high_water);
    }

    pub fn metas_with(&mut self, root: u64, freelist: u64, high_water: u64) {
        for slot in 0..2 {
            let header = PageHeader {
                id: PageId(slot),
                flags: flags::META,
                count: 0,
                overflow: 0,
            };
            let meta = RawMeta {
                magic: MAGIC,
                version: VERSION,
                page_size: self.page_size,
                flags: 0,
                root: PageId(root),
                sequence: 0,
                freelist,
                high_water: PageId(high_water),
                txid: TxId(8 - slot),
                checksum: 0,
            };
            let page = [&header.encode()[..], &meta.sealed().encode()].concat();
            self.put(slot, &page);
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The file with its digest, as a snapshot has it.
    pub fn into_snapshot(self) -> Vec<u8> {
        with_trailer(self.bytes)
    }
}

/// `database` followed by its SHA-256.
pub fn with_trailer(mut database: Vec<u8>) -> Vec<u8> {
    let mut digest = Sha256Stream::new();
    digest.update(&database);
    database.extend_from_slice(&digest.finish().0);
    database
}
