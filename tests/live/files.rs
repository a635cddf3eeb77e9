//! Files that must not change while `etcdsnap` reads them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file and what it held when the suite got it.
pub(crate) struct Frozen {
    pub(crate) path: PathBuf,
    bytes: Vec<u8>,
    modified: SystemTime,
}

impl Frozen {
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let bytes = fs::read(&path)?;
        let modified = fs::metadata(&path)?.modified()?;
        Ok(Self {
            path,
            bytes,
            modified,
        })
    }

    /// Whether content and modification time are still those of the beginning.
    pub(crate) fn is_unchanged(&self) -> bool {
        let modified = fs::metadata(&self.path).and_then(|data| data.modified());
        modified.is_ok_and(|modified| modified == self.modified)
            && fs::read(&self.path).is_ok_and(|bytes| bytes == self.bytes)
    }

    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// A fresh copy for a tool that writes.
    pub(crate) fn copy_to(&self, path: &Path) -> io::Result<()> {
        fs::write(path, &self.bytes)
    }

    /// The same without the SHA-256 at the end.
    pub(crate) fn copy_database_to(&self, path: &Path) -> io::Result<()> {
        let trailer = if self.bytes.len() % 512 == 32 { 32 } else { 0 };
        fs::write(path, &self.bytes[..self.bytes.len() - trailer])
    }
}
