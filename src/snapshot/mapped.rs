//! Opening through a memory map: for callers that can promise what it takes.
#![allow(unsafe_code)]

use std::path::Path;

use super::Snapshot;
use crate::error::Result;
use crate::ops::Input;
use crate::source::OpenFile;

impl Snapshot<'static> {
    /// As [`open`](Self::open), but the file is read through a memory map, which is faster for large files. A file that
    /// cannot be mapped, or whose lock somebody holds, is read by position.
    ///
    /// # Safety
    /// As long as the snapshot lives, nothing in any process may write to the file or shorten it. That nobody holds its
    /// lock says that no etcd has it open at this moment, and nothing of other programs. A file that is shortened all
    /// the same ends the process by SIGBUS, unless it installed
    /// [`install_fault_handler`](crate::source::install_fault_handler).
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub unsafe fn map(path: impl AsRef<Path>) -> Result<Self> {
        let input = Input::open_by(path.as_ref(), |path, database| {
            // SAFETY: demanded of the caller, in the same words.
            unsafe { OpenFile::open_mapped(path, database) }
        })?;
        Self::of(input)
    }
}
