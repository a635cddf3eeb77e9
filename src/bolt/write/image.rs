//! A file in memory, page by page and field by field, wrong where asked: for tests and fuzz seeds.

use super::WriteError;
use super::page::{BranchBuffer, LeafBuffer};
use crate::bolt::layout::{
    BranchElement, BucketHeader, ELEMENT_HEADER, ELEMENT_IS_BUCKET, LONG_FREELIST, LeafElement,
    META, PAGE_HEADER, PageHeader, RawMeta, flags,
};
use crate::checksum::Sha256Stream;
use crate::ids::PageId;

/// An element of a leaf, with whatever key, value and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Flags; bit 0 marks a bucket.
    pub flags: u32,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

impl Item {
    /// An ordinary entry.
    pub fn entry(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            flags: 0,
            key: key.into(),
            value: value.into(),
        }
    }

    /// A bucket with this root page.
    pub fn bucket(name: impl Into<Vec<u8>>, root: PageId) -> Self {
        let value = BucketHeader { root, sequence: 0 }.encode().to_vec();
        Self {
            flags: ELEMENT_IS_BUCKET,
            key: name.into(),
            value,
        }
    }

    /// A bucket whose elements are in its own value.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] when they are more than a page can name.
    pub fn inline_bucket(name: impl Into<Vec<u8>>, items: &[Self]) -> Result<Self, WriteError> {
        let mut value = BucketHeader {
            root: PageId(0),
            sequence: 0,
        }
        .encode()
        .to_vec();
        let leaf = leaf(items);
        let data = leaf.encode(PageId(0), 0, &mut value)?;
        value.extend_from_slice(data);
        Ok(Self {
            flags: ELEMENT_IS_BUCKET,
            key: name.into(),
            value,
        })
    }
}

/// The bytes of a file. Nothing is checked: keys may be out of order, pages may overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    page_size: u32,
    bytes: Vec<u8>,
}

impl Image {
    /// A file of nothing yet. It grows with the pages that are put into it.
    pub fn new(page_size: u32) -> Self {
        Self {
            page_size,
            bytes: Vec::new(),
        }
    }

    /// A file that exists, to be changed.
    pub fn from_bytes(page_size: u32, bytes: Vec<u8>) -> Self {
        Self { page_size, bytes }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be changed at will.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes followed by their SHA-256, as a snapshot has it.
    pub fn into_snapshot(mut self) -> Vec<u8> {
        let mut digest = Sha256Stream::new();
        digest.update(&self.bytes);
        self.bytes.extend_from_slice(&digest.finish().0);
        self.bytes
    }

    /// Puts a meta on page 0 or 1 (or any other), with the checksum as it is: see [`RawMeta::sealed`].
    pub fn put_meta(&mut self, page: PageId, meta: &RawMeta) {
        let header = PageHeader {
            id: page,
            flags: flags::META,
            count: 0,
            overflow: 0,
        };
        self.put(page, &[&header.encode(), &meta.encode()]);
    }

    /// Puts a leaf on a page, with as many overflow pages as it needs.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] when there are more elements than a page can name.
    pub fn put_leaf(&mut self, page: PageId, items: &[Item]) -> Result<(), WriteError> {
        let leaf = leaf(items);
        let mut head = Vec::new();
        let data = leaf.encode(page, self.overflow(leaf.len()), &mut head)?;
        self.put(page, &[&head, data]);
        Ok(())
    }

    /// Puts a branch on a page, with as many overflow pages as it needs.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] when there are more children than a page can name.
    pub fn put_branch(
        &mut self,
        page: PageId,
        children: &[(&[u8], PageId)],
    ) -> Result<(), WriteError> {
        let mut branch = BranchBuffer::default();
        for (key, child) in children {
            branch.push(key, *child);
        }
        let mut head = Vec::new();
        let keys = branch.encode(page, self.overflow(branch.len()), &mut head)?;
        self.put(page, &[&head, keys]);
        Ok(())
    }

    /// Puts a freelist on a page, with as many overflow pages as it needs.
    pub fn put_freelist(&mut self, page: PageId, ids: &[PageId], long: bool) {
        let mut numbers = Vec::new();
        if long {
            numbers.extend_from_slice(&(ids.len() as u64).to_le_bytes());
        }
        numbers.extend(ids.iter().flat_map(|id| id.0.to_le_bytes()));
        let short_count = u16::try_from(ids.len()).ok().filter(|_| !long);
        let header = PageHeader {
            id: page,
            flags: flags::FREELIST,
            count: short_count.unwrap_or(LONG_FREELIST),
            overflow: self.overflow(numbers.len().saturating_add(PAGE_HEADER)),
        };
        self.put(page, &[&header.encode(), &numbers]);
    }

    /// Changes the header of a page. `None` when the file does not hold it.
    pub fn edit_header(&mut self, page: PageId, edit: impl FnOnce(&mut PageHeader)) -> Option<()> {
        self.edit(page, 0, PAGE_HEADER, PageHeader::decode, edit, |h| {
            h.encode().to_vec()
        })
    }

    /// Changes the meta on a page; its checksum stays unless `edit` seals it. `None` when the file does
    /// not hold it.
    pub fn edit_meta(&mut self, page: PageId, edit: impl FnOnce(&mut RawMeta)) -> Option<()> {
        self.edit(page, PAGE_HEADER, META, RawMeta::decode, edit, |m| {
            m.encode().to_vec()
        })
    }

    /// Changes the header of a leaf's element. `None` when the file does not hold it.
    pub fn edit_leaf_element(
        &mut self,
        page: PageId,
        index: u16,
        edit: impl FnOnce(&mut LeafElement),
    ) -> Option<()> {
        let at = element_at(index);
        self.edit(page, at, ELEMENT_HEADER, LeafElement::decode, edit, |e| {
            e.encode().to_vec()
        })
    }

    /// Changes an element of a branch. `None` when the file does not hold it.
    pub fn edit_branch_element(
        &mut self,
        page: PageId,
        index: u16,
        edit: impl FnOnce(&mut BranchElement),
    ) -> Option<()> {
        let at = element_at(index);
        self.edit(page, at, ELEMENT_HEADER, BranchElement::decode, edit, |e| {
            e.encode().to_vec()
        })
    }

    /// Writes `bytes` over what is `at` bytes into a page. `None` when the file does not hold it.
    pub fn patch(&mut self, page: PageId, at: usize, bytes: &[u8]) -> Option<()> {
        self.range_mut(page, at, bytes.len())?
            .copy_from_slice(bytes);
        Some(())
    }

    fn edit<T>(
        &mut self,
        page: PageId,
        at: usize,
        len: usize,
        decode: impl FnOnce(&[u8]) -> Option<T>,
        edit: impl FnOnce(&mut T),
        encode: impl FnOnce(&T) -> Vec<u8>,
    ) -> Option<()> {
        let mut fields = decode(self.range_mut(page, at, len)?)?;
        edit(&mut fields);
        self.patch(page, at, &encode(&fields))
    }

    fn range_mut(&mut self, page: PageId, at: usize, len: usize) -> Option<&mut [u8]> {
        let start = usize::try_from(page.offset(self.page_size)?.0)
            .ok()?
            .checked_add(at)?;
        self.bytes.get_mut(start..start.checked_add(len)?)
    }

    fn overflow(&self, len: usize) -> u32 {
        let pages = len.div_ceil(self.page_size.max(1) as usize);
        u32::try_from(pages.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn put(&mut self, page: PageId, parts: &[&[u8]]) {
        let bytes = parts.concat();
        let size = self.page_size.max(1) as usize;
        let start = usize::try_from(page.0)
            .unwrap_or(usize::MAX)
            .saturating_mul(size);
        let len = bytes.len().div_ceil(size).saturating_mul(size);
        let end = start.saturating_add(len);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(start..end) {
            place.fill(0);
            let (data, _) = place.split_at_mut(bytes.len());
            data.copy_from_slice(&bytes);
        }
    }
}

fn element_at(index: u16) -> usize {
    PAGE_HEADER.saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(index)))
}

fn leaf(items: &[Item]) -> LeafBuffer {
    let mut leaf = LeafBuffer::default();
    for item in items {
        leaf.push(item.flags, &item.key, &item.value);
    }
    leaf
}
