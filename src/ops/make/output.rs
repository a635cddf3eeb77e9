//! A file that is written under another name and gets its own when it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::output_error::OutputError;
use super::place::{bytes_below, free_bytes_near, parent_of, with_ending};
use super::read_back::ReadBack;
use crate::counted::counted;
use crate::finding::escape;
use crate::ops::input::Input;
use crate::options::Options;
use crate::source::Positioned;

/// The file under the name that it has until it is whole. It is removed when this is dropped before.
#[derive(Debug)]
pub(super) struct Output {
    target: PathBuf,
    staged: PathBuf,
    file: File,
    disk: Disk,
    is_done: bool,
}

impl Output {
    /// Begins a file that is to become `target`, for its owner only. Nothing may stand there, least of
    /// all `input`.
    pub(super) fn create(target: &Path, input: &Input, disk: &Disk) -> Result<Self, OutputError> {
        let target: PathBuf = target.components().collect();
        let name = escape::path(&target);
        let refuse = |message| Err(OutputError::Request(message));
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
                "{} is left over from a run that did not come to its end ({}); remove it and run \
                 again",
                escape::path(&staged),
                counted(bytes_below(&staged), "byte", "bytes")
            ));
        }
        let made = disk.make_file(&staged);
        let file = made.map_err(OutputError::write("cannot make", &staged))?;
        Ok(Self {
            target,
            staged,
            file,
            disk: disk.clone(),
            is_done: false,
        })
    }

    /// The name until the end.
    pub(super) fn path(&self) -> &Path {
        &self.staged
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// What writes to it.
    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Leaves out what is behind the first `len` bytes.
    pub(super) fn cut(&self, len: u64) -> Result<(), OutputError> {
        let cut = self.disk.set_len(&self.file, len);
        cut.map_err(OutputError::write("cannot write", &self.staged))
    }

    /// The first `len` bytes as they were written so far.
    pub(super) fn written(&self, len: u64) -> Result<Positioned, OutputError> {
        let again = self.file.try_clone();
        let again = again.map_err(OutputError::write("cannot read", &self.staged))?;
        Ok(Positioned::named(again, &self.staged, len))
    }

    /// Writes `bytes` from `offset` on, where the file ends.
    pub(super) fn append(&self, bytes: &[u8], offset: u64) -> Result<(), OutputError> {
        self.disk
            .write_at(&self.file, bytes, offset)
            .map_err(OutputError::write("cannot write", &self.staged))
    }

    /// Refuses to begin what would not fit.
    pub(super) fn check_space(&self, needed: u64) -> Result<(), OutputError> {
        match free_bytes_near(&self.target) {
            Some(free) if free < needed => Err(OutputError::Request(format!(
                "{} may need {needed} bytes, {free} are free there",
                escape::path(&self.target)
            ))),
            _ => Ok(()),
        }
    }

    /// Brings the bytes to the disk.
    pub(super) fn sync(&self) -> Result<(), OutputError> {
        let synced = self.disk.sync(&self.file);
        synced.map_err(OutputError::write("cannot write", &self.staged))
    }

    /// Opens it again, when all of it is on the disk.
    pub(super) fn read_back<'o>(&self, options: &'o Options) -> Result<ReadBack<'o>, OutputError> {
        ReadBack::open(&self.disk, &self.staged, options)
    }

    /// Gives the file, which was read back, its name; unless something has come to stand there meanwhile, `input` is
    /// not what it was, or the job was interrupted.
    pub(super) fn finish(mut self, input: &Input, options: &Options) -> Result<(), OutputError> {
        let folder = parent_of(&self.target);
        let above = self.disk.open_folder(folder);
        let above = above.map_err(OutputError::write("cannot sync", folder))?;
        self.disk.check_source(|| input.check_unchanged(None))?;
        options.cancel.check()?;
        let named = self.disk.rename_new(&self.staged, &self.target);
        let failed = OutputError::write("cannot give its final name to", &self.target);
        named.map_err(failed)?;
        self.is_done = true;
        let synced = self.disk.sync_opened(&above);
        synced.map_err(OutputError::not_synced(&self.target, folder))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_done {
            // What cannot be removed is named at the next run.
            let _ = self.disk.remove_file(&self.staged);
        }
    }
}
