use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{Source, outside};
use crate::error::{Error, Result};
use crate::ids::FileOffset;

/// A file read with positioned reads into buffers of the caller. What was read cannot change any more,
/// which a map cannot promise for a file that somebody else writes to.
#[derive(Debug)]
pub struct Positioned {
    file: File,
    path: Option<PathBuf>,
    len: u64,
}

impl Positioned {
    /// Reads `file`, of which the first `len` bytes count.
    pub fn new(file: File, len: u64) -> Self {
        Self {
            file,
            path: None,
            len,
        }
    }

    /// The same; errors name the file.
    pub fn named(file: File, path: &Path, len: u64) -> Self {
        Self {
            path: Some(path.to_owned()),
            ..Self::new(file, len)
        }
    }
}

impl Source for Positioned {
    fn len(&self) -> u64 {
        self.len
    }

    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        let end = offset.0.checked_add(into.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(outside(offset, into.len()));
        }
        let len = into.len();
        crate::steps::count_read(len);
        self.file
            .read_exact_at(into, offset.0)
            .map_err(|source| Error::Read {
                path: self.path.clone(),
                offset,
                len,
                source,
            })
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}
