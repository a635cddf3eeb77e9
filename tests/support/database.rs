//! A small database made of buckets and entries, laid out page by page in an order that is easy to
//! foresee. It shares nothing with the writer but the encoding of single structures.

use std::collections::BTreeMap;

use etcdsnap::bolt::layout::{
    BranchElement, BucketHeader, ELEMENT_HEADER, ELEMENT_IS_BUCKET, LeafElement, MAGIC,
    NO_FREELIST, PAGE_HEADER, PageHeader, RawMeta, VERSION, flags,
};
use etcdsnap::ids::{PageId, TxId};

/// Bytes per page of every database made here.
pub(crate) const PAGE: usize = 4096;

/// An element of a leaf: flags and value, by its key.
pub(crate) type Elements = BTreeMap<Vec<u8>, (u32, Vec<u8>)>;

/// A bucket and the form that it takes.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) elements: Elements,
    pub(crate) inline: bool,
    /// Over how many leaves the elements are spread; more than one hang on a branch page.
    pub(crate) leaves: usize,
    /// How many branch pages with one element each stand above the rest.
    pub(crate) chain: usize,
    /// Whether a branch page of one element stands above the first leaf only.
    pub(crate) uneven: bool,
    /// A bucket of this name inside, in it another one, and so on, so many in all.
    pub(crate) deep: Option<(Vec<u8>, usize)>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            elements: Elements::new(),
            inline: false,
            leaves: 1,
            chain: 0,
            uneven: false,
            deep: None,
        }
    }
}

/// A database to be laid out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Database {
    pub(crate) buckets: BTreeMap<Vec<u8>, Bucket>,
    /// Elements of the root bucket that are not buckets.
    pub(crate) strays: Elements,
    /// Free pages behind those in use.
    pub(crate) free: u64,
    /// Whether a freelist page lists them.
    pub(crate) freelist: bool,
}

impl Database {
    /// The database as a server sends it, without the digest. Page 2 is the first page of the first
    /// bucket; the pages of a bucket are its leaves, then its branches upwards; the root bucket comes
    /// last, then the free pages, then the freelist.
    pub(crate) fn lay_out(&self) -> Vec<u8> {
        let mut pages = Pages(vec![0; 2 * PAGE]);
        let mut root = self.strays.clone();
        for (name, bucket) in &self.buckets {
            let value = pages.bucket(bucket);
            root.insert(name.clone(), (ELEMENT_IS_BUCKET, value));
        }
        let root = pages.leaf(root.iter());
        let free: Vec<u64> = (0..self.free).map(|_| pages.push(vec![0; PAGE])).collect();
        let freelist = match self.freelist {
            true => pages.freelist(&free),
            false => NO_FREELIST,
        };
        let high_water = pages.next();
        for (number, txid) in [(0, 20), (1, 19)] {
            let meta = RawMeta {
                magic: MAGIC,
                version: VERSION,
                page_size: PAGE as u32,
                flags: 0,
                root: PageId(root),
                sequence: 0,
                freelist,
                high_water: PageId(high_water),
                txid: TxId(txid),
                checksum: 0,
            };
            let header = header(number, flags::META, 0, 0);
            let page = [&header[..], &meta.sealed().encode()].concat();
            let at = number as usize * PAGE;
            pages.0[at..at + page.len()].copy_from_slice(&page);
        }
        pages.0
    }
}

struct Pages(Vec<u8>);

impl Pages {
    fn next(&self) -> u64 {
        (self.0.len() / PAGE) as u64
    }

    fn push(&mut self, object: Vec<u8>) -> u64 {
        let id = self.next();
        self.0.extend(object);
        self.0.resize(self.0.len().next_multiple_of(PAGE), 0);
        id
    }

    fn bucket(&mut self, bucket: &Bucket) -> Vec<u8> {
        let bucket_header = |root| BucketHeader { root, sequence: 0 }.encode().to_vec();
        if bucket.inline {
            let page = leaf(0, bucket.elements.iter());
            return [bucket_header(PageId(0)), page].concat();
        }
        let mut elements = bucket.elements.clone();
        if let Some((key, depth)) = &bucket.deep {
            let mut inside = Bucket::default();
            if *depth > 1 {
                inside.deep = Some((key.clone(), depth - 1));
            }
            let value = self.bucket(&inside);
            elements.insert(key.clone(), (ELEMENT_IS_BUCKET, value));
        }
        let all: Vec<_> = elements.iter().collect();
        let share = all.len().div_ceil(bucket.leaves).max(1);
        let mut level: Vec<(Vec<u8>, u64)> = Vec::new();
        for part in all.chunks(share) {
            level.push((part[0].0.clone(), self.leaf(part.iter().copied())));
        }
        if level.is_empty() {
            level.push((Vec::new(), self.leaf(all.into_iter())));
        }
        if bucket.uneven {
            level[0].1 = self.branch(&level[..1]);
        }
        if level.len() > 1 {
            level = vec![(level[0].0.clone(), self.branch(&level))];
        }
        for _ in 0..bucket.chain {
            level = vec![(level[0].0.clone(), self.branch(&level))];
        }
        bucket_header(PageId(level[0].1))
    }

    fn leaf<'e>(&mut self, elements: impl Iterator<Item = (&'e Vec<u8>, &'e Element)>) -> u64 {
        let page = leaf(self.next(), elements);
        self.push(page)
    }

    fn branch(&mut self, children: &[(Vec<u8>, u64)]) -> u64 {
        let id = self.next();
        let mut page = header(id, flags::BRANCH, children.len(), 0).to_vec();
        let mut pos = children.len() * ELEMENT_HEADER;
        for (key, child) in children {
            let element = BranchElement {
                pos: pos as u32,
                key_size: key.len() as u32,
                child: PageId(*child),
            };
            page.extend(element.encode());
            pos = pos + key.len() - ELEMENT_HEADER;
        }
        page.extend(children.iter().flat_map(|(key, _)| key));
        assert!(page.len() <= PAGE, "branches take one page here");
        self.push(page)
    }

    fn freelist(&mut self, ids: &[u64]) -> u64 {
        let mut page = header(self.next(), flags::FREELIST, ids.len(), 0).to_vec();
        page.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
        self.push(page)
    }
}

type Element = (u32, Vec<u8>);

fn leaf<'e>(id: u64, elements: impl Iterator<Item = (&'e Vec<u8>, &'e Element)>) -> Vec<u8> {
    let elements: Vec<_> = elements.collect();
    let data: usize = elements
        .iter()
        .map(|(key, (_, value))| key.len() + value.len())
        .sum();
    let len = PAGE_HEADER + elements.len() * ELEMENT_HEADER + data;
    let overflow = if id == 0 { 0 } else { len.div_ceil(PAGE) - 1 };
    let mut page = header(id, flags::LEAF, elements.len(), overflow).to_vec();
    let mut pos = elements.len() * ELEMENT_HEADER;
    for (key, (flags, value)) in &elements {
        let element = LeafElement {
            flags: *flags,
            pos: pos as u32,
            key_size: key.len() as u32,
            value_size: value.len() as u32,
        };
        page.extend(element.encode());
        pos = pos + key.len() + value.len() - ELEMENT_HEADER;
    }
    for (key, (_, value)) in &elements {
        page.extend(*key);
        page.extend(value);
    }
    page
}

fn header(id: u64, flags: u16, count: usize, overflow: usize) -> [u8; PAGE_HEADER] {
    PageHeader {
        id: PageId(id),
        flags,
        count: count.try_into().expect("a count of 16 bits"),
        overflow: overflow.try_into().expect("a count of 32 bits"),
    }
    .encode()
}
