//! What a folder of files needs of the disk beyond what single files do.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::ops::make::disk::Disk;

/// A call, for the journal that tests keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    Make,
    Write,
    Sync,
    SyncNames,
    ReadBack,
    Rename,
}

impl Disk {
    /// Comes before each call.
    #[cfg_attr(not(test), allow(clippy::unused_self))]
    fn note(&self, call: Call, path: &Path) {
        #[cfg(test)]
        journal::add(call, path);
        #[cfg(not(test))]
        let _ = (call, path);
    }

    /// Makes a folder with mode 0700, whatever the umask.
    pub(super) fn make_own_folder(&self, path: &Path) -> io::Result<()> {
        self.note(Call::Make, path);
        self.may()?;
        DirBuilder::new().mode(0o700).create(path)?;
        let opened = fs::metadata(path).and_then(|made| match made.permissions().mode() & 0o700 {
            0o700 => Ok(()),
            _ => fs::set_permissions(path, Permissions::from_mode(0o700)),
        });
        opened.inspect_err(|_| {
            let _ = fs::remove_dir(path);
        })
    }

    /// Makes a file with mode 0600, whatever the umask.
    pub(super) fn make_own_file(&self, path: &Path) -> io::Result<File> {
        self.note(Call::Make, path);
        self.may()?;
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        // Where the file system has no modes there is nothing that could be missing.
        if file.metadata()?.permissions().mode() & 0o600 != 0o600 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    }

    /// Writes `bytes` from `offset` on, where the file ends.
    pub(super) fn append(
        &self,
        file: &File,
        path: &Path,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        self.note(Call::Write, path);
        self.write_at(file, bytes, offset)
    }

    /// Brings the file at `path` to the disk.
    pub(super) fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.note(Call::Sync, path);
        self.sync(&File::open(path)?)
    }

    /// Brings the names in a folder to the disk.
    pub(super) fn sync_names(&self, folder: &Path) -> io::Result<()> {
        self.note(Call::SyncNames, folder);
        self.sync_folder(folder)
    }

    /// Opens what was written, to be read again.
    pub(super) fn open_written(&self, path: &Path) -> io::Result<File> {
        self.note(Call::ReadBack, path);
        self.may()?;
        File::open(path)
    }

    /// Renames a folder to one that is empty.
    pub(super) fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Call::Rename, to);
        self.rename(from, to)
    }

    /// Renames to what is not there yet, and replaces nothing.
    pub(super) fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Call::Rename, to);
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            use rustix::io::Errno;
            self.may()?;
            match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(()),
                // Not every file system can promise that.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if fs::symlink_metadata(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename(from, to)
    }
}

#[cfg(test)]
pub(super) mod journal {
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    use super::Call;

    static CALLS: Mutex<Vec<(Call, PathBuf)>> = Mutex::new(Vec::new());

    pub(super) fn add(call: Call, path: &Path) {
        CALLS.lock().unwrap().push((call, path.to_owned()));
    }

    /// The calls so far about what is below `folder`, or the folder itself.
    pub(in super::super) fn below(folder: &Path) -> Vec<(Call, PathBuf)> {
        let calls = CALLS.lock().unwrap();
        let calls = calls.iter().filter(|(_, path)| path.starts_with(folder));
        calls.cloned().collect()
    }
}
