//! Writes a whole bbolt file in one pass.
//!
//! Entries come in ascending order of their keys and leave as finished pages at once, so a file of any
//! length needs the memory of a few pages. The page layout is that of bbolt v1.4.3 (`node.write`,
//! `node.split`, `Bucket.inlineable`), with every liberty that a real file takes: pages in any order,
//! free pages between them, either form of freelist or none.
//!
//! ```
//! use etcdsnap::bolt::write::{WriteLayout, WriteError, Writer};
//!
//! let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), WriteLayout::default())?;
//! writer.bucket(b"cluster", |bucket| {
//!     bucket.put(b"clusterVersion", b"3.6.0")
//! })?;
//! let (file, written) = writer.finish()?;
//! assert_eq!(file.into_inner().len() as u64, written.len);
//! # Ok::<(), WriteError>(())
//! ```

mod allot;
mod error;
#[cfg(any(feature = "write", test))]
mod image;
mod page;
mod page_writer;
mod random;
mod rebuild;
mod sink;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

pub use error::WriteError;
#[cfg(any(feature = "write", test))]
pub use image::{Image, Item};
pub use page_writer::Written;
pub use rebuild::{RebuildError, rebuild};
pub use writer::{Bucket, Writer};

use super::layout;

/// How a file is laid out. The default is the best file for reading and for a server to start on: pages
/// in order, none free, no freelist, filled to nine tenths.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteLayout {
    /// Bytes per page, a power of two from 1 KiB to 16 MiB.
    pub page_size: u32,
    /// Which share of a page is filled before the next one is begun, from 0.1 to 1.0. etcd fills its
    /// bucket `key` to 0.9, bbolt other buckets to 0.5 and when compacting to 1.0.
    pub fill: f64,
    /// A leaf gets at least this many elements, whatever their length, as long as there are more. bbolt
    /// never splits off fewer than two, so that two long values share a leaf with overflow pages.
    pub min_elements: u16,
    /// Whether small buckets are stored inside their parent, by bbolt's rule.
    pub inline: bool,
    /// Which page comes next.
    pub order: PageOrder,
    /// The share of pages that are left free between others, from 0.0 to 0.9.
    pub free_share: f64,
    /// Free pages behind the last page in use.
    pub free_tail: u32,
    /// What is on free pages.
    pub free_content: FreeContent,
    /// Whether and how the free pages are listed.
    pub freelist: FreelistForm,
    /// The transaction id of the newer meta, at least 1. The older one has the id before it.
    pub txid: u64,
    /// Where the newer meta is.
    pub metas: MetaOrder,
    /// Whether data that ends exactly at the end of a page takes one more page, as in bbolt up to 1.3.3.
    pub exact_fit_takes_one_more: bool,
    /// Whether the SHA-256 of the database follows it, which makes the file a snapshot.
    pub trailer: bool,
    /// Where the order of pages and the content of free pages come from.
    pub seed: u64,
}

impl Default for WriteLayout {
    fn default() -> Self {
        Self {
            page_size: 4096,
            fill: 0.9,
            min_elements: 1,
            inline: true,
            order: PageOrder::Ascending,
            free_share: 0.0,
            free_tail: 0,
            free_content: FreeContent::Zero,
            freelist: FreelistForm::None,
            txid: 2,
            metas: MetaOrder::Parity,
            exact_fit_takes_one_more: false,
            trailer: false,
            seed: 0,
        }
    }
}

impl WriteLayout {
    /// The default layout as a snapshot: metas as a server sends them, and the trailer.
    pub fn snapshot() -> Self {
        Self {
            metas: MetaOrder::Snapshot,
            trailer: true,
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), WriteError> {
        let sizes = layout::MIN_PAGE_SIZE..=layout::MAX_PAGE_SIZE;
        if !self.page_size.is_power_of_two() || !sizes.contains(&self.page_size) {
            return Err(WriteError::PageSize(self.page_size));
        }
        if !(0.1..=1.0).contains(&self.fill) {
            return Err(WriteError::Fill(self.fill));
        }
        if !(0.0..=0.9).contains(&self.free_share) {
            return Err(WriteError::FreeShare(self.free_share));
        }
        if self.txid == 0 {
            return Err(WriteError::TxId);
        }
        Ok(())
    }

    /// Pages that an object of `len` bytes takes.
    fn pages_for(&self, len: u64) -> u64 {
        let size = u64::from(self.page_size);
        let whole = len.checked_div(size).unwrap_or(0);
        let exact = whole.saturating_mul(size) == len;
        if exact && !self.exact_fit_takes_one_more {
            whole.max(1)
        } else {
            whole.saturating_add(1)
        }
    }

    /// Bytes up to which a page is filled.
    fn fill_limit(&self) -> usize {
        (f64::from(self.page_size) * self.fill) as usize
    }

    /// Bytes that the page of an inline bucket may have, its header included.
    fn inline_limit(&self) -> usize {
        (self.page_size / 4) as usize
    }
}

/// The order in which pages are taken into use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageOrder {
    /// One after the other.
    Ascending,
    /// As in a database that was compacted often and then filled again: short runs of pages from all
    /// over a stretch of the file. Objects longer than the longest run go behind the stretch.
    Scattered {
        /// Pages per stretch; what is left over of the last stretch stays free.
        stretch: u32,
        /// Pages per run, at most.
        longest_run: u32,
    },
}

/// What free pages hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeContent {
    /// Zeros.
    Zero,
    /// What looks like a leaf of former times, with keys that were deleted since.
    Stale,
}

/// How free pages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreelistForm {
    /// Not at all, as etcd 3.4 and later do on Linux.
    None,
    /// In a freelist page; with 65535 ids and more in its long form.
    Stored,
    /// In a freelist page of the long form, however few ids there are. No bbolt writes that, all read it.
    StoredLong,
}

/// Where the newer meta is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaOrder {
    /// On page `txid mod 2`, as commits write it.
    Parity,
    /// On page 0, as in a snapshot.
    Snapshot,
}
