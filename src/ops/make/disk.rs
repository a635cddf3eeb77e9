//! The calls that change the disk, and those that look at what was written. All of them are here, so that tests
//! can let each one fail, spoil what it writes, and say in which order they came.
//!
//! Whoever writes keeps one order: write; sync the files and the folders that hold them; read back; look at the
//! source again; rename; sync the folder above. Until the rename everything has a name that says it is not whole,
//! and after it nothing can fail but the last sync.

#[cfg(test)]
pub(super) mod crash;
#[cfg(test)]
pub(super) mod faults;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown,
};
use std::path::Path;

use crate::checksum::crc32c::Crc;
use crate::error::Result;
#[cfg(test)]
use faults::Call;

#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: std::sync::Arc<faults::Faults>,
}

impl Disk {
    /// Comes before each call.
    #[cfg(not(test))]
    #[allow(clippy::unused_self)] // The one for tests looks at it.
    pub(super) fn may(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn may(&self) -> io::Result<()> {
        self.faults.next()
    }

    pub(super) fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.may()?;
        DirBuilder::new().mode(OWN_FOLDER).create(path)?;
        // A umask may take the owner's own rights away, and nothing could be put into the folder.
        let mode = fs::symlink_metadata(path)?.permissions().mode();
        if mode & OWN_FOLDER != OWN_FOLDER
            && let Err(error) = fs::set_permissions(path, Permissions::from_mode(OWN_FOLDER))
        {
            let _ = fs::remove_dir(path);
            return Err(error);
        }
        #[cfg(test)]
        self.faults.note(Call::MakeFolder(path.to_owned()));
        Ok(())
    }

    pub(super) fn make_file(&self, path: &Path) -> io::Result<File> {
        self.may()?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = options.mode(OWN_FILE).open(path)?;
        let allowed = file.metadata().and_then(|found| {
            match found.permissions().mode() & OWN_FILE == OWN_FILE {
                true => Ok(()),
                false => file.set_permissions(Permissions::from_mode(OWN_FILE)),
            }
        });
        if let Err(error) = allowed {
            let _ = fs::remove_file(path);
            return Err(error);
        }
        #[cfg(test)]
        self.faults.made(path, &file);
        Ok(file)
    }

    pub(super) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.may().inspect_err(|_| {
            // A disk that becomes full takes what it can.
            let half = bytes.len() / 2;
            let _ = file.write_all_at(bytes.get(..half).unwrap_or_default(), offset);
        })?;
        #[cfg(test)]
        let bytes = &*self.faults.spoilt(bytes);
        file.write_all_at(bytes, offset)?;
        #[cfg(test)]
        self.faults.wrote(file, offset, bytes.len() as u64);
        Ok(())
    }

    /// Something that writes to `file` from its beginning on, and keeps account of it.
    pub(super) fn writer<'d>(&'d self, file: &'d File) -> FileWriter<'d> {
        FileWriter {
            disk: self,
            file,
            at: 0,
            pieces: Vec::new(),
        }
    }

    /// Copies a whole file into an empty one, by reference where the file system can; then true.
    pub(super) fn copy(&self, from: &Path, mut to: &File) -> io::Result<bool> {
        self.may()?;
        let mut from = File::open(from)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if rustix::fs::ioctl_ficlone(to, &from).is_ok() {
            #[cfg(test)]
            self.faults.wrote(to, 0, from.metadata()?.len());
            return Ok(true);
        }
        let copied = io::copy(&mut from, &mut to)?;
        #[cfg(test)]
        self.faults.spoil_copy(to, 0, copied);
        let _ = copied;
        Ok(false)
    }

    /// Copies `len` bytes at `offset` of `from` to the same place in `to`, inside the kernel; returns how many
    /// were copied, 0 at the end of the file.
    ///
    /// # Errors
    /// That there is no space left; [`io::ErrorKind::Unsupported`] for whatever else keeps it from being done
    /// this way.
    pub(super) fn copy_range(
        &self,
        from: &File,
        to: &File,
        offset: u64,
        len: u64,
    ) -> io::Result<u64> {
        self.may()?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::io::Errno;
            let (mut read, mut write) = (offset, offset);
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let copied =
                rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut write), len);
            match copied {
                Ok(copied) => {
                    #[cfg(test)]
                    self.faults.spoil_copy(to, offset, copied as u64);
                    Ok(copied as u64)
                }
                Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error.into()),
                // It does not tell which of the files it is about; reading and writing will.
                Err(_) => Err(io::ErrorKind::Unsupported.into()),
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = (from, to, offset, len);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    pub(super) fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        self.may()?;
        file.set_len(len)?;
        #[cfg(test)]
        self.faults.set_length(file, len);
        Ok(())
    }

    /// Makes `file` `len` bytes long with space on the disk for all of them.
    pub(super) fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        self.may()?;
        let flags = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(file, flags, 0, len) {
            Ok(()) => {}
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(len)?,
            Err(error) => return Err(error.into()),
        }
        #[cfg(test)]
        self.faults.set_length(file, len);
        Ok(())
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        self.may()?;
        self.to_disk(file)
    }

    /// Brings the content of `file` to the disk.
    pub(super) fn sync_data(&self, file: &File) -> io::Result<()> {
        self.may()?;
        file.sync_data()?;
        #[cfg(test)]
        self.faults.synced(file);
        Ok(())
    }

    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.sync_opened(&self.open_folder(path)?)
    }

    /// Opens a folder to be synced when something has its name in it: then nothing else can fail any more.
    pub(super) fn open_folder(&self, path: &Path) -> io::Result<File> {
        self.may()?;
        let folder = File::open(path)?;
        #[cfg(test)]
        self.faults.knows(path, &folder);
        Ok(folder)
    }

    /// The same as [`Self::sync_folder`] for one that is open.
    pub(super) fn sync_opened(&self, folder: &File) -> io::Result<()> {
        self.may()?;
        match self.to_disk(folder) {
            // Some file systems have nothing to sync in a folder and say so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }

    #[allow(clippy::unused_self)] // Tests note it.
    fn to_disk(&self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        #[cfg(test)]
        self.faults.synced(file);
        Ok(())
    }

    /// Opens what was written, to be compared with what should have been.
    pub(super) fn read_back(&self, path: &Path) -> io::Result<File> {
        self.may()?;
        let file = File::open(path)?;
        #[cfg(test)]
        self.faults.reads_back(path, &file);
        Ok(file)
    }

    /// Looks by `check` for the last time whether the source is what it was, when everything that is made of it was
    /// read back.
    #[allow(clippy::unused_self)] // Tests note it.
    pub(super) fn check_source(&self, check: impl FnOnce() -> Result<()>) -> Result<()> {
        #[cfg(test)]
        self.faults.looks_at_source();
        check()
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may()?;
        fs::rename(from, to)?;
        #[cfg(test)]
        self.faults
            .note(Call::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// The same, where nothing may stand.
    pub(super) fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may()?;
        rename_new(from, to)?;
        #[cfg(test)]
        self.faults
            .note(Call::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    /// Gives what has its final name the first one back, or removes it where that fails: nothing that was given up
    /// may keep a final name.
    pub(super) fn take_back(&self, from: &Path, to: &Path) {
        if self.rename(to, from).is_err() {
            let _ = fs::remove_dir_all(to).or_else(|_| fs::remove_file(to));
        }
    }

    pub(super) fn give(&self, path: &Path, user: u32, group: Option<u32>) -> io::Result<()> {
        self.may()?;
        lchown(path, Some(user), group)?;
        #[cfg(test)]
        self.faults.note(Call::Give(path.to_owned()));
        Ok(())
    }

    /// Removes a file that was given up.
    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.may()?;
        fs::remove_file(path)?;
        #[cfg(test)]
        self.faults.note(Call::Remove(path.to_owned()));
        Ok(())
    }

    /// Removes an empty folder.
    pub(super) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.may()?;
        fs::remove_dir(path)?;
        #[cfg(test)]
        self.faults.note(Call::Remove(path.to_owned()));
        Ok(())
    }
}

/// What the owner may do with a folder and a file that is made here, and nobody else.
const OWN_FOLDER: u32 = 0o700;
const OWN_FILE: u32 = 0o600;

/// Renames, and replaces nothing.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            // Not every file system, and not every kernel, can.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // A link fails where a file stands; a rename would replace it.
    match fs::hard_link(from, to) {
        // Should the other name stay, the file is whole all the same.
        Ok(()) => {
            let _ = fs::remove_file(from);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links, and no folder has.
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// A file that is written in pieces, anywhere in it.
#[derive(Debug)]
pub(super) struct FileWriter<'d> {
    disk: &'d Disk,
    file: &'d File,
    at: u64,
    pieces: Vec<Piece>,
}

/// What one call wrote, to be recognized when it is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) crc: Crc,
}

impl Piece {
    pub(super) fn of(offset: u64, bytes: &[u8]) -> Self {
        let crc = Crc::of(bytes);
        Self { offset, crc }
    }
}

impl FileWriter<'_> {
    /// What was written, call by call.
    pub(super) fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }
}

impl io::Write for FileWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.write_at(self.file, bytes, self.at)?;
        self.pieces.push(Piece::of(self.at, bytes));
        self.at = self.at.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for FileWriter<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let at = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
            io::SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl io::Read for FileWriter<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(into, self.at)?;
        self.at = self.at.saturating_add(len as u64);
        Ok(len)
    }
}
