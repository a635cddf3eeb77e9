//! Where bytes come from: a memory map, positioned reads, or memory.
//!
//! A source lends *windows*: slices out of the map or the memory it holds, or out of a
//! [`WindowBuffer`] that a positioned read fills. Nothing here knows what the bytes mean.

mod file;
mod mapped;
mod positioned;
mod slice;
mod watch;
mod window;

pub use file::{FileState, OpenFile};
#[cfg(test)]
pub(crate) use mapped::open_own_file_mapped;
pub use mapped::{Mapped, install_fault_handler};
pub use positioned::Positioned;
pub use slice::{Held, Slice};
pub use window::WindowBuffer;

use std::fmt;
use std::fs::File;

use crate::error::Result;
use crate::ids::FileOffset;

/// Read-only bytes of a fixed length.
pub trait Source: Sync + fmt::Debug {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// True when there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes at once, where they lie in memory or in a map.
    fn bytes(&self) -> Option<&[u8]>;

    /// Fills `into` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`Error::Read`](crate::Error::Read) when the range is not inside the source or the system refuses.
    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()>;

    /// Says that all `len` bytes at `offset` will be read soon. Where they come from a map, they are brought into it
    /// many pages at once; nothing else changes by it, and what cannot be brought in is read as if nothing was said.
    fn expect(&self, _offset: FileOffset, _len: u64) {}

    /// The file behind the source, for callers that copy ranges inside the kernel.
    fn file(&self) -> Option<&File> {
        None
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn bytes(&self) -> Option<&[u8]> {
        (**self).bytes()
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        (**self).read_exact_at(offset, into)
    }

    fn expect(&self, offset: FileOffset, len: u64) {
        (**self).expect(offset, len);
    }

    fn file(&self) -> Option<&File> {
        (**self).file()
    }
}

pub(crate) fn outside(offset: FileOffset, len: usize) -> crate::Error {
    crate::Error::Read {
        path: None,
        offset,
        len,
        source: std::io::ErrorKind::UnexpectedEof.into(),
    }
}

pub(crate) fn subslice(bytes: &[u8], offset: FileOffset, len: usize) -> Result<&[u8]> {
    usize::try_from(offset.0)
        .ok()
        .and_then(|start| bytes.get(start..start.checked_add(len)?))
        .ok_or_else(|| outside(offset, len))
}
