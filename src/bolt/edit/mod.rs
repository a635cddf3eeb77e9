//! Changes a few keys of a database by copy-on-write: only the pages on the way to them are rewritten.
//!
//! The result is a [`Patch`] for a copy of the database, never for the database itself. New pages go
//! after the high-water mark; those they replace become free. No freelist is stored, so that whoever
//! opens the database for writing finds the free pages from the tree, as etcd 3.4 and later do on Linux.
//! Source: bbolt v1.4.3 node.go (`split`, `spill`) and bucket.go (`inlineable`).

mod node;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use super::layout::{
    BUCKET_HEADER, BucketHeader, ELEMENT_IS_BUCKET, MAGIC, MAX_KEY_SIZE, NO_FREELIST, PAGE_HEADER,
    PageHeader, RawMeta, VERSION, flags,
};
use super::pages::PageError;
use super::{CursorError, Database, Pages};
use crate::error::Error;
use crate::finding::escape;
use crate::ids::{FileOffset, PageId, TxId};
use node::Leaf;
use tree::Tree;

/// Why keys cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] Error),
    /// A page on the way to a key is damaged.
    #[error("page {page}: {what}")]
    Damage {
        /// The page.
        page: PageId,
        /// What is wrong.
        what: &'static str,
    },
    /// A bucket was to be changed that is not a bucket.
    #[error("{} is a key, not a bucket", escape::text(.0))]
    NoBucket(Vec<u8>),
    /// A key is empty or too long, or the file would become too large.
    #[error("the change does not fit into the format")]
    TooLarge,
}

/// What happens to one element: its flags and value, or that it goes.
pub(in crate::bolt) type EditedElement = Option<(u32, Vec<u8>)>;

/// What happens to one bucket.
#[derive(Debug, Default)]
pub(in crate::bolt) struct BucketEdits {
    /// Nothing of what was in it stays.
    pub(in crate::bolt) clear: bool,
    pub(in crate::bolt) changes: BTreeMap<Vec<u8>, EditedElement>,
}

/// Changes to top-level buckets. A bucket that is named and not there is made.
#[derive(Debug, Default)]
pub struct Edits {
    buckets: BTreeMap<Vec<u8>, BucketEdits>,
}

impl Edits {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes sure that `bucket` is there.
    pub fn create(&mut self, bucket: &[u8]) {
        self.buckets.entry(bucket.to_vec()).or_default();
    }

    /// Takes everything out of `bucket`, also what was put so far.
    pub fn clear(&mut self, bucket: &[u8]) {
        let edits = self.buckets.entry(bucket.to_vec()).or_default();
        edits.clear = true;
        edits.changes.clear();
    }

    /// Sets a key.
    pub fn put(&mut self, bucket: &[u8], key: &[u8], value: &[u8]) {
        let edits = self.buckets.entry(bucket.to_vec()).or_default();
        edits
            .changes
            .insert(key.to_vec(), Some((0, value.to_vec())));
    }

    /// Takes a key out, if it is there.
    pub fn delete(&mut self, bucket: &[u8], key: &[u8]) {
        let edits = self.buckets.entry(bucket.to_vec()).or_default();
        edits.changes.insert(key.to_vec(), None);
    }

    /// The buckets that are named, in the order of their names.
    pub(in crate::bolt) fn buckets(&self) -> impl Iterator<Item = (&[u8], &BucketEdits)> {
        self.buckets
            .iter()
            .map(|(name, edits)| (name.as_slice(), edits))
    }

    /// The pages that a copy of `database` needs for these changes.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn patch(&self, database: &Database<'_>) -> Result<Patch, EditError> {
        let meta = database.selected().meta;
        let mut writer = PageWriter {
            page_size: meta.page_size,
            next: meta.high_water,
            written: Vec::new(),
        };
        let pages = database.pages();
        let mut top = BTreeMap::new();
        for (name, edits) in &self.buckets {
            check_key(name)?;
            let value = edits.bucket_value(database, name, &mut writer)?;
            top.insert(name.clone(), Some((ELEMENT_IS_BUCKET, value)));
        }
        let mut tree = Tree::new(pages, &mut writer);
        let root = tree.edit(meta.root, &top)?;
        let high_water = writer.next;
        let len = high_water
            .offset(meta.page_size)
            .ok_or(EditError::TooLarge)?;
        let txid = meta.txid.0.checked_add(1).ok_or(EditError::TooLarge)?;
        let sequence = database
            .metas()
            .both()
            .into_iter()
            .find_map(|one| one.raw.filter(|raw| raw.txid == meta.txid))
            .map_or(0, |raw| raw.sequence);
        for id in [0, 1] {
            // The newer one on the page of its parity, where a commit would have put it.
            let newer = txid & 1 == id;
            let raw = RawMeta {
                magic: MAGIC,
                version: VERSION,
                page_size: meta.page_size,
                flags: 0,
                root,
                sequence,
                freelist: NO_FREELIST,
                high_water,
                txid: TxId(txid.saturating_sub(u64::from(!newer))),
                checksum: 0,
            };
            writer.put_meta(PageId(id), &raw.sealed())?;
        }
        Ok(Patch {
            len: len.0,
            writes: writer.written,
        })
    }
}

impl BucketEdits {
    /// The value of the bucket's element after the changes.
    fn bucket_value(
        &self,
        database: &Database<'_>,
        name: &[u8],
        writer: &mut PageWriter,
    ) -> Result<Vec<u8>, EditError> {
        for key in self.changes.keys() {
            check_key(key)?;
        }
        let pages = database.pages();
        let old = find_bucket(database, name)?;
        let (sequence, leaf) = match old {
            Some((header, _)) if self.clear => (header.sequence, Leaf::default()),
            Some((header, inline)) if header.root == PageId(0) => {
                let leaf = Leaf::decode(&inline).ok_or(EditError::Damage {
                    page: PageId(0),
                    what: "an inline bucket reaches out of its value",
                })?;
                (header.sequence, leaf)
            }
            Some((header, _)) => {
                let root = Tree::new(pages, writer).edit(header.root, &self.changes)?;
                let sequence = header.sequence;
                return Ok(BucketHeader { root, sequence }.encode().to_vec());
            }
            None => (0, Leaf::default()),
        };
        let leaf = leaf.changed(&self.changes);
        if leaf.fits_inline(pages.geometry.page_size) {
            let root = PageId(0);
            let mut value = BucketHeader { root, sequence }.encode().to_vec();
            leaf.encode(PageId(0), 0, &mut value)?;
            return Ok(value);
        }
        let root = Tree::new(pages, writer).plant(leaf)?;
        Ok(BucketHeader { root, sequence }.encode().to_vec())
    }
}

fn check_key(key: &[u8]) -> Result<(), EditError> {
    if key.is_empty() || key.len() > MAX_KEY_SIZE as usize {
        return Err(EditError::TooLarge);
    }
    Ok(())
}

/// The header of a top-level bucket, and its page if that is inside the value.
fn find_bucket(
    database: &Database<'_>,
    name: &[u8],
) -> Result<Option<(BucketHeader, Vec<u8>)>, EditError> {
    let mut cursor = database.root();
    let entry = match CursorError::damage_apart(cursor.seek(name))? {
        Ok(Some(entry)) if entry.key == name => entry,
        Ok(_) => return Ok(None),
        Err(damage) => {
            return Err(EditError::Damage {
                page: damage.place.page.unwrap_or_default(),
                what: "it cannot be read on the way to a bucket",
            });
        }
    };
    if !entry.is_bucket {
        return Err(EditError::NoBucket(name.to_vec()));
    }
    let header = BucketHeader::decode(entry.value);
    let inline = entry
        .value
        .get(BUCKET_HEADER..)
        .unwrap_or_default()
        .to_vec();
    let header = header.ok_or(EditError::Damage {
        page: cursor.place().page.unwrap_or_default(),
        what: "the header of a bucket is cut off",
    })?;
    Ok(Some((header, inline)))
}

/// What makes a copy of a database the changed database.
#[derive(Debug)]
pub struct Patch {
    /// The length of the changed database. What a longer copy has behind it is to be cut off.
    pub len: u64,
    /// Bytes to be written, with their places.
    pub writes: Vec<(FileOffset, Vec<u8>)>,
}

/// Gives out pages after the high-water mark.
#[derive(Debug)]
struct PageWriter {
    page_size: u32,
    next: PageId,
    written: Vec<(FileOffset, Vec<u8>)>,
}

impl PageWriter {
    /// Takes as many pages as `len` bytes need, and writes what `encode` makes of their id and overflow.
    fn put(
        &mut self,
        len: usize,
        encode: impl FnOnce(PageId, u32, &mut Vec<u8>) -> Result<(), EditError>,
    ) -> Result<PageId, EditError> {
        let size = self.page_size as usize;
        let count = len.div_ceil(size).max(1);
        let overflow = u32::try_from(count.saturating_sub(1)).map_err(|_| EditError::TooLarge)?;
        let id = self.next;
        let end = id.0.checked_add(count as u64).ok_or(EditError::TooLarge)?;
        let offset = id.offset(self.page_size).ok_or(EditError::TooLarge)?;
        let mut bytes = Vec::new();
        encode(id, overflow, &mut bytes)?;
        let whole = count.checked_mul(size).ok_or(EditError::TooLarge)?;
        bytes.resize(whole, 0);
        self.written.push((offset, bytes));
        self.next = PageId(end);
        Ok(id)
    }

    fn put_meta(&mut self, id: PageId, meta: &RawMeta) -> Result<(), EditError> {
        let header = PageHeader {
            id,
            flags: flags::META,
            count: 0,
            overflow: 0,
        };
        let mut page = header.encode().to_vec();
        page.extend_from_slice(&meta.encode());
        page.resize(self.page_size as usize, 0);
        let offset = id.offset(self.page_size).ok_or(EditError::TooLarge)?;
        self.written.push((offset, page));
        Ok(())
    }
}

/// The page of `id`, whole.
fn read_page(pages: Pages<'_>, id: PageId) -> Result<(PageHeader, Vec<u8>), EditError> {
    let mut buffer = crate::source::WindowBuffer::new();
    let damage = |what| EditError::Damage { page: id, what };
    let limit = super::pages::WHOLE_OBJECT_LIMIT;
    let found = PageError::unless_absent(pages.object(id, limit, &mut buffer))?;
    let (header, bytes) = found.ok_or_else(|| damage("it is not in the file"))?;
    if header.id != id {
        return Err(damage("it says that it is another page"));
    }
    if bytes.len() < PAGE_HEADER {
        return Err(damage("it is cut off"));
    }
    Ok((header, bytes.to_vec()))
}
