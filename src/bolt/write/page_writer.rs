//! Pages in the order in which they are written, and what stands around them.

use std::io::{Read, Seek, Write};

use super::allot::Allotment;
use super::page::{BranchBuffer, LeafBuffer};
use super::random::Random;
use super::sink::Sink;
use super::{FreeContent, FreelistForm, MetaOrder, WriteError, WriteLayout};
use crate::bolt::layout::{
    LONG_FREELIST, MAGIC, META, NO_FREELIST, PAGE_HEADER, PageHeader, RawMeta, VERSION, flags,
};
use crate::checksum::Sha256;
use crate::ids::{PageId, TxId};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Root page of the root bucket.
    pub root: PageId,
    /// The page of the freelist, if there is one.
    pub freelist: Option<PageId>,
    /// One past the last page.
    pub high_water: PageId,
    /// Pages that are neither in use nor the freelist's.
    pub free_pages: u64,
    /// Bytes of the file, trailer included.
    pub len: u64,
    /// The trailer, if there is one.
    pub trailer: Option<Sha256>,
}

/// What all buckets write their pages through.
#[derive(Debug)]
pub(super) struct PageWriter<W> {
    pub(super) layout: WriteLayout,
    allotment: Allotment,
    sink: Sink<W>,
    head: Vec<u8>,
    failed: bool,
}

impl<W: Read + Write + Seek> PageWriter<W> {
    pub(super) fn new(out: W, layout: WriteLayout) -> Self {
        Self {
            allotment: Allotment::new(&layout),
            sink: Sink::new(out),
            head: Vec::new(),
            failed: false,
            layout,
        }
    }

    /// Gives back what was written to.
    pub(super) fn close(self) -> Result<W, WriteError> {
        self.sink.finish()
    }

    pub(super) fn give_up(&mut self) {
        self.failed = true;
    }

    pub(super) fn go_on(&self) -> Result<(), WriteError> {
        if self.failed {
            Err(WriteError::GivenUp)
        } else {
            Ok(())
        }
    }

    pub(super) fn note<T>(&mut self, done: Result<T, WriteError>) -> Result<T, WriteError> {
        let harmless = |error: &WriteError| matches!(error, WriteError::LongValue(_));
        self.failed |= done.as_ref().is_err_and(|error| !harmless(error));
        done
    }

    pub(super) fn write_leaf(&mut self, leaf: &LeafBuffer) -> Result<PageId, WriteError> {
        let mut head = std::mem::take(&mut self.head);
        let page = self.write_object(leaf.len(), |page, overflow| {
            head.clear();
            let data = leaf.encode(page, overflow, &mut head)?;
            Ok((&*head, data))
        })?;
        self.head = head;
        Ok(page)
    }

    pub(super) fn write_branch(&mut self, branch: &BranchBuffer) -> Result<PageId, WriteError> {
        let mut head = std::mem::take(&mut self.head);
        let page = self.write_object(branch.len(), |page, overflow| {
            head.clear();
            let keys = branch.encode(page, overflow, &mut head)?;
            Ok((&*head, keys))
        })?;
        self.head = head;
        Ok(page)
    }

    fn write_object<'a>(
        &mut self,
        len: usize,
        encode: impl FnOnce(PageId, u32) -> Result<(&'a [u8], &'a [u8]), WriteError>,
    ) -> Result<PageId, WriteError> {
        let pages = self.layout.pages_for(len as u64);
        let overflow = overflow(pages)?;
        let page = self.allotment.take(pages)?;
        let (head, data) = encode(page, overflow)?;
        self.write_pages(page, pages, &[head, data])?;
        Ok(page)
    }

    fn write_pages(&mut self, page: PageId, pages: u64, parts: &[&[u8]]) -> Result<(), WriteError> {
        let offset = page
            .offset(self.layout.page_size)
            .ok_or(WriteError::TooLarge)?;
        let len = pages
            .checked_mul(u64::from(self.layout.page_size))
            .ok_or(WriteError::TooLarge)?;
        self.sink.write(offset.0, parts, len)
    }

    pub(super) fn finish(&mut self, root: PageId) -> Result<Written, WriteError> {
        let tail = u64::from(self.layout.free_tail);
        let before = self.allotment.used_end();
        let in_use = self.allotment.used_count().saturating_add(2);
        let free_pages = before.saturating_sub(in_use).saturating_add(tail);
        let freelist = match self.layout.freelist {
            FreelistForm::None => None,
            FreelistForm::Stored => Some(free_pages >= u64::from(LONG_FREELIST)),
            FreelistForm::StoredLong => Some(true),
        };
        let freelist = freelist
            .map(|long| self.write_freelist(free_pages, tail, long))
            .transpose()?;
        let high_water = self.allotment.used_end().saturating_add(tail);
        self.write_free(high_water)?;
        self.write_metas(root, freelist, PageId(high_water))?;
        let mut len = high_water
            .checked_mul(u64::from(self.layout.page_size))
            .ok_or(WriteError::TooLarge)?;
        let mut trailer = None;
        if self.layout.trailer {
            let digest = self.sink.digest(len)?;
            self.sink.write(len, &[&digest.0], digest.0.len() as u64)?;
            len = len.saturating_add(digest.0.len() as u64);
            trailer = Some(digest);
        }
        Ok(Written {
            root,
            freelist,
            high_water: PageId(high_water),
            free_pages,
            len,
            trailer,
        })
    }

    fn write_freelist(&mut self, ids: u64, tail: u64, long: bool) -> Result<PageId, WriteError> {
        let numbers = ids.saturating_add(u64::from(long));
        let len = numbers.saturating_mul(8).saturating_add(PAGE_HEADER as u64);
        let pages = self.layout.pages_for(len);
        let overflow = overflow(pages)?;
        let page = self.allotment.take_last(pages)?;
        let short_count = u16::try_from(ids).ok().filter(|_| !long);
        let count = short_count.unwrap_or(LONG_FREELIST);
        let mut bytes = PageHeader {
            id: page,
            flags: flags::FREELIST,
            count,
            overflow,
        }
        .encode()
        .to_vec();
        if long {
            bytes.extend_from_slice(&ids.to_le_bytes());
        }
        let end = self.allotment.used_end().saturating_add(tail);
        for free in self.allotment.free(end) {
            bytes.extend_from_slice(&free.0.to_le_bytes());
        }
        self.write_pages(page, pages, &[&bytes])?;
        Ok(page)
    }

    fn write_free(&mut self, high_water: u64) -> Result<(), WriteError> {
        let last = PageId(high_water.saturating_sub(1));
        let mut random = Random::new(!self.layout.seed);
        let size = self.layout.page_size as usize;
        let free: Vec<PageId> = match self.layout.free_content {
            FreeContent::Stale => self.allotment.free(high_water).collect(),
            // Whatever is not written is zero, but the file must be long enough.
            FreeContent::Zero => (last.0 >= self.allotment.used_end())
                .then_some(last)
                .into_iter()
                .collect(),
        };
        for page in free {
            if self.layout.free_content == FreeContent::Zero {
                self.write_pages(page, 1, &[])?;
                continue;
            }
            let leaf = stale_leaf(size, &mut random);
            let mut bytes = Vec::with_capacity(size);
            let data = leaf.encode(page, 0, &mut bytes)?;
            self.write_pages(page, 1, &[&bytes, data])?;
        }
        Ok(())
    }

    fn write_metas(
        &mut self,
        root: PageId,
        freelist: Option<PageId>,
        high_water: PageId,
    ) -> Result<(), WriteError> {
        let newer = match self.layout.metas {
            MetaOrder::Parity => self.layout.txid % 2,
            MetaOrder::Snapshot => 0,
        };
        for slot in 0..2 {
            let txid = self.layout.txid.saturating_sub(u64::from(slot != newer));
            let meta = RawMeta {
                magic: MAGIC,
                version: VERSION,
                page_size: self.layout.page_size,
                flags: 0,
                root,
                sequence: 0,
                freelist: freelist.map_or(NO_FREELIST, |page| page.0),
                high_water,
                txid: TxId(txid),
                checksum: 0,
            }
            .sealed();
            let id = PageId(slot);
            let header = PageHeader {
                id,
                flags: flags::META,
                count: 0,
                overflow: 0,
            };
            self.write_pages(id, 1, &[&header.encode(), &meta.encode()])?;
        }
        Ok(())
    }
}

fn overflow(pages: u64) -> Result<u32, WriteError> {
    u32::try_from(pages.saturating_sub(1)).map_err(|_| WriteError::TooLarge)
}

/// A leaf that fits on a page, of keys and values that nobody wrote.
fn stale_leaf(page_size: usize, random: &mut Random) -> LeafBuffer {
    let mut leaf = LeafBuffer::default();
    let mut main = random.below(1 << 24);
    loop {
        main = main.saturating_add(1);
        let mut key = main.to_be_bytes().to_vec();
        key.extend_from_slice(b"_\0\0\0\0\0\0\0\0");
        let words = random.below(64).saturating_add(4);
        let value: Vec<u8> = (0..words)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        if leaf.len_with(&key, &value) > page_size {
            return leaf;
        }
        leaf.push(0, &key, &value);
    }
}

// A meta fits on the smallest page.
const _: () = assert!(PAGE_HEADER + META <= crate::bolt::layout::MIN_PAGE_SIZE as usize);
