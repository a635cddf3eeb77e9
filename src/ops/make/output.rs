//! A file that is written under another name and gets its own when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::restore::{RestoreError, bytes_below, free_bytes_near, parent_of, with_ending};
use crate::finding::escape;
use crate::ops::input::Input;
use crate::source::Positioned;

/// The file under the name that it has until it is whole. It is removed when this is dropped before.
#[derive(Debug)]
pub(in crate::ops) struct Output {
    target: PathBuf,
    staged: PathBuf,
    file: File,
    is_done: bool,
}

impl Output {
    /// Begins a file that is to become `target`, for its owner only. Nothing may stand there, least of
    /// all `input`.
    pub(in crate::ops) fn create(target: &Path, input: &Input) -> Result<Self, RestoreError> {
        let target: PathBuf = target.components().collect();
        let name = escape::path(&target);
        let refuse = |message| Err(RestoreError::Request(message));
        if fs::symlink_metadata(&target).is_ok() {
            let canonical = |path| fs::canonicalize(path).ok();
            if canonical(target.as_path()) == canonical(input.file.path()) {
                return refuse(format!("{name} is the input itself; give another name"));
            }
            return refuse(format!("{name} exists; nothing is overwritten"));
        }
        let staged = with_ending(&target);
        if fs::symlink_metadata(&staged).is_ok() {
            return refuse(format!(
                "{} is left over from a run that did not come to its end ({} bytes); remove it and run \
                 again",
                escape::path(&staged),
                bytes_below(&staged)
            ));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)
            .map_err(RestoreError::write("cannot make", &staged))?;
        Ok(Self {
            target,
            staged,
            file,
            is_done: false,
        })
    }

    /// The name until the end.
    pub(in crate::ops) fn path(&self) -> &Path {
        &self.staged
    }

    /// The file.
    pub(in crate::ops) fn file(&self) -> &File {
        &self.file
    }

    /// Leaves out what is behind the first `len` bytes.
    pub(in crate::ops) fn cut(&self, len: u64) -> Result<(), RestoreError> {
        let cut = self.file.set_len(len);
        cut.map_err(RestoreError::write("cannot write", &self.staged))
    }

    /// The first `len` bytes, to be read again.
    pub(in crate::ops) fn written(&self, len: u64) -> Result<Positioned, RestoreError> {
        let again = self.file.try_clone();
        let again = again.map_err(RestoreError::write("cannot read", &self.staged))?;
        Ok(Positioned::new(again, len))
    }

    /// Writes `bytes` from `offset` on, where the file ends.
    pub(in crate::ops) fn append(&self, bytes: &[u8], offset: u64) -> Result<(), RestoreError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(RestoreError::write("cannot write", &self.staged))
    }

    /// Refuses to begin what would not fit.
    pub(in crate::ops) fn check_space(&self, needed: u64) -> Result<(), RestoreError> {
        match free_bytes_near(&self.target) {
            Some(free) if free < needed => Err(RestoreError::Request(format!(
                "{} may need {needed} bytes, {free} are free there",
                escape::path(&self.target)
            ))),
            _ => Ok(()),
        }
    }

    /// Brings the bytes to the disk.
    pub(in crate::ops) fn sync(&self) -> Result<(), RestoreError> {
        let synced = self.file.sync_all();
        synced.map_err(RestoreError::write("cannot write", &self.staged))
    }

    /// Gives the file its name, unless something has come to stand there meanwhile.
    pub(in crate::ops) fn finish(mut self) -> Result<(), RestoreError> {
        self.sync()?;
        let failed = RestoreError::write("cannot give its final name to", &self.target);
        // A link fails where a file stands; a rename would replace it.
        match fs::hard_link(&self.staged, &self.target) {
            Ok(()) => {
                // Should the other name stay, the file is whole all the same.
                let _ = fs::remove_file(&self.staged);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            // Not every file system has links.
            Err(_) => {
                if fs::symlink_metadata(&self.target).is_ok() {
                    return Err(failed(io::ErrorKind::AlreadyExists.into()));
                }
                fs::rename(&self.staged, &self.target).map_err(failed)?;
            }
        }
        self.is_done = true;
        let folder = parent_of(&self.target);
        let synced = Disk::default().sync_folder(folder);
        synced.map_err(RestoreError::write("cannot sync", folder))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_done {
            // What cannot be removed is named at the next run.
            let _ = fs::remove_file(&self.staged);
        }
    }
}
