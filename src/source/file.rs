use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Mapped, Positioned, Source};
use crate::error::{Error, Result};

/// How the bytes of a file are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Through a memory map.
    Map,
    /// With positioned reads.
    Positioned,
}

/// What tells whether a file was changed: length, time of last write, time of last change of the inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Length in bytes.
    pub len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            len: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

/// A file opened for reading only. Nothing is created, locked for longer than a moment, or changed.
#[derive(Debug)]
pub struct OpenFile {
    path: PathBuf,
    from_data_dir: bool,
    in_use: bool,
    state: FileState,
    source: Box<dyn Source + Send>,
    watch: File,
}

impl OpenFile {
    /// Opens the file at `path`. A directory is taken as a data directory if it holds `db_in_dir`.
    ///
    /// Whether some process holds the file's lock is tried once, without waiting; such a file is never
    /// mapped, whatever `access` says.
    ///
    /// # Errors
    /// [`Error::Open`] and [`Error::NotAFile`].
    pub fn open(path: &Path, db_in_dir: &str, access: Access) -> Result<Self> {
        let open_error = |path: &Path, source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let meta = std::fs::metadata(path).map_err(|e| open_error(path, e))?;
        let mut target = path.to_owned();
        if meta.is_dir() {
            target.push(db_in_dir);
            if !target.is_file() {
                return Err(Error::NotAFile {
                    path: path.to_owned(),
                    what: "is a directory without member/snap/db; give a snapshot file or a data directory",
                });
            }
        }
        // Without O_NONBLOCK, opening a pipe that nobody writes to would hang.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&target)
            .map_err(|e| open_error(&target, e))?;
        let found = file.metadata().map_err(|e| open_error(&target, e))?;
        if !found.is_file() {
            return Err(Error::NotAFile {
                path: target,
                what: "is not a regular file; copy it to a file first",
            });
        }
        let in_use = is_locked(&file);
        let state = FileState::of(&file).map_err(|e| open_error(&target, e))?;
        let watch = file.try_clone().map_err(|e| open_error(&target, e))?;
        let source =
            source(file, &target, state.len, access, in_use).map_err(|e| open_error(&target, e))?;
        let from_data_dir = meta.is_dir() || target.ends_with(db_in_dir);
        Ok(Self {
            path: target,
            from_data_dir,
            in_use,
            state,
            source,
            watch,
        })
    }

    /// Bytes of another kind in place of a file's, which is looked at only to see that it does not change.
    #[cfg(test)]
    pub(crate) fn of_source(watched: &Path, source: Box<dyn Source + Send>) -> Self {
        let watch = File::open(watched).expect("a file to watch");
        Self {
            path: watched.to_owned(),
            from_data_dir: false,
            in_use: false,
            state: FileState::of(&watch).expect("its state"),
            source,
            watch,
        }
    }

    /// The file itself; inside the data directory when a directory was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True when the path is, or ends in, the database of a data directory.
    pub fn is_data_dir(&self) -> bool {
        self.from_data_dir
    }

    /// True when another process, most likely etcd, held the file's lock when it was opened.
    pub fn in_use(&self) -> bool {
        self.in_use
    }

    /// The bytes.
    pub fn source(&self) -> &(dyn Source + Send) {
        &*self.source
    }

    /// The length at the time of opening.
    pub fn len(&self) -> u64 {
        self.source.len()
    }

    /// True when the file had no bytes.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// Compares length and times with those at the time of opening.
    ///
    /// # Errors
    /// [`Error::Changed`] when one differs.
    pub fn check_unchanged(&self) -> Result<()> {
        let now = FileState::of(&self.watch).map_err(|source| Error::Open {
            path: self.path.clone(),
            source,
        })?;
        if now.len != self.state.len {
            let what = format!(
                "its length went from {} to {} bytes",
                self.state.len, now.len
            );
            return Err(Error::Changed { what });
        }
        if now.modified != self.state.modified {
            return Err(Error::Changed {
                what: "its modification time moved".into(),
            });
        }
        if now.changed != self.state.changed {
            return Err(Error::Changed {
                what: "its inode's change time moved".into(),
            });
        }
        Ok(())
    }
}

fn source(
    file: File,
    path: &Path,
    len: u64,
    access: Access,
    in_use: bool,
) -> io::Result<Box<dyn Source + Send>> {
    // An empty file cannot be mapped.
    if access == Access::Map && !in_use && len > 0 {
        // A file system without maps, or an address space that is too small: reading still works.
        if let Ok(map) = Mapped::new(file.try_clone()?, path, len) {
            return Ok(Box::new(map));
        }
    }
    Ok(Box::new(Positioned::new(file, len)))
}

/// True when another process holds an exclusive lock. The shared lock that finds this out is released at
/// once. File systems without locks count as not locked.
fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            // Closing the file would release it as well.
            let _ = file.unlock();
            false
        }
        Err(std::fs::TryLockError::WouldBlock) => true,
        Err(std::fs::TryLockError::Error(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, content).unwrap();
        (dir, path)
    }

    #[test]
    fn an_exclusive_lock_of_somebody_else_forbids_the_map() {
        let (_dir, path) = sample(b"content");
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        let opened = OpenFile::open(&path, "member/snap/db", Access::Map).unwrap();
        assert!(opened.in_use());
        assert!(opened.source().bytes().is_none());
        holder.unlock().unwrap();
        let opened = OpenFile::open(&path, "member/snap/db", Access::Map).unwrap();
        assert!(!opened.in_use());
        assert_eq!(opened.source().bytes(), Some(&b"content"[..]));
        holder.try_lock().expect("no lock is left behind");
    }

    #[test]
    fn growing_shrinking_and_rewriting_are_noticed() {
        let (_dir, path) = sample(b"content");
        let opened = OpenFile::open(&path, "member/snap/db", Access::Positioned).unwrap();
        opened.check_unchanged().unwrap();
        std::fs::write(&path, b"longer content").unwrap();
        let error = opened.check_unchanged().unwrap_err().to_string();
        assert!(
            error.contains("its length went from 7 to 14 bytes"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_stands_for_the_database_inside() {
        let dir = tempfile::tempdir().unwrap();
        let error = OpenFile::open(dir.path(), "member/snap/db", Access::Map).unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }));
        std::fs::create_dir_all(dir.path().join("member/snap")).unwrap();
        std::fs::write(dir.path().join("member/snap/db"), b"x").unwrap();
        let opened = OpenFile::open(dir.path(), "member/snap/db", Access::Map).unwrap();
        assert!(opened.is_data_dir());
        assert!(opened.path().ends_with("member/snap/db"));
    }
}
