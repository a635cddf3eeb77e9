//! The kinds of number every layer prints, each its own type.

use std::fmt;

/// A byte position in a file, counted from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct FileOffset(pub u64);

impl FileOffset {
    /// This offset moved on by `bytes`; stays at the largest value instead of wrapping.
    pub fn plus(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}

impl fmt::Display for FileOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

/// The number of a page ("pgid"); page `n` begins at byte `n * page size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct PageId(pub u64);

impl PageId {
    /// Where the page begins, or `None` when that is beyond any file.
    pub fn offset(self, page_size: u32) -> Option<FileOffset> {
        self.0.checked_mul(u64::from(page_size)).map(FileOffset)
    }
}

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a write transaction ("txid"); each commit adds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct TxId(pub u64);

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
