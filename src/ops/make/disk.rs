//! The calls that change the disk. All of them are here, so that tests can let each one fail.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, lchown};
use std::path::Path;

#[derive(Debug, Clone, Default)]
pub(in crate::ops) struct Disk {
    #[cfg(test)]
    pub(in crate::ops) faults: std::sync::Arc<faults::Faults>,
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

    pub(in crate::ops) fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.may()?;
        DirBuilder::new().mode(0o700).create(path)
    }

    pub(in crate::ops) fn make_file(&self, path: &Path) -> io::Result<File> {
        self.may()?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        options.mode(0o600).open(path)
    }

    pub(in crate::ops) fn write_at(
        &self,
        file: &File,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        self.may().inspect_err(|_| {
            // A disk that becomes full takes what it can.
            let half = bytes.len() / 2;
            let _ = file.write_all_at(bytes.get(..half).unwrap_or_default(), offset);
        })?;
        file.write_all_at(bytes, offset)
    }

    /// Copies a whole file into an empty one, by reference where the file system can; then true.
    pub(in crate::ops) fn copy(&self, from: &Path, mut to: &File) -> io::Result<bool> {
        self.may()?;
        let mut from = File::open(from)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if rustix::fs::ioctl_ficlone(to, &from).is_ok() {
            return Ok(true);
        }
        io::copy(&mut from, &mut to).map(|_| false)
    }

    /// Copies `len` bytes at `offset` of `from` to the same place in `to`, inside the kernel; returns how many
    /// were copied, 0 at the end of the file.
    ///
    /// # Errors
    /// That there is no space left; [`io::ErrorKind::Unsupported`] for whatever else keeps it from being done
    /// this way.
    pub(in crate::ops) fn copy_range(
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
                Ok(copied) => Ok(copied as u64),
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

    pub(in crate::ops) fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        self.may()?;
        file.set_len(len)
    }

    /// Makes `file` `len` bytes long with space on the disk for all of them.
    pub(in crate::ops) fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        self.may()?;
        let flags = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(file, flags, 0, len) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(len),
            Err(error) => Err(error.into()),
        }
    }

    pub(in crate::ops) fn sync(&self, file: &File) -> io::Result<()> {
        self.may()?;
        file.sync_all()
    }

    /// Brings the content of `file` to the disk.
    pub(in crate::ops) fn sync_data(&self, file: &File) -> io::Result<()> {
        self.may()?;
        file.sync_data()
    }

    pub(in crate::ops) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.may()?;
        match File::open(path).and_then(|folder| folder.sync_all()) {
            // Some file systems have nothing to sync in a folder and say so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }

    pub(in crate::ops) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may()?;
        fs::rename(from, to)
    }

    pub(in crate::ops) fn give(
        &self,
        path: &Path,
        user: u32,
        group: Option<u32>,
    ) -> io::Result<()> {
        self.may()?;
        lchown(path, Some(user), group)
    }
}

#[cfg(test)]
pub(in crate::ops) mod faults {
    use std::io;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::options::Cancel;

    /// Counts calls, and lets one of them fail, or interrupts the job there.
    #[derive(Debug, Default)]
    pub(in crate::ops) struct Faults {
        calls: AtomicUsize,
        failing: AtomicUsize,
        interrupt: OnceLock<(usize, Cancel)>,
    }

    impl Faults {
        /// Lets the call of this number fail, counted from 1.
        pub(in crate::ops) fn fail_at(&self, number: usize) {
            self.failing.store(number, Ordering::Relaxed);
        }

        /// Interrupts the job at the call of this number.
        pub(in crate::ops) fn cancel_at(&self, number: usize, cancel: Cancel) {
            self.interrupt.set((number, cancel)).unwrap();
        }

        /// Whether it has come to that call.
        pub(in crate::ops) fn has_failed(&self) -> bool {
            let failing = self.failing.load(Ordering::Relaxed);
            failing > 0 && self.calls.load(Ordering::Relaxed) >= failing
        }

        pub(in crate::ops) fn next(&self) -> io::Result<()> {
            let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some((at, cancel)) = self.interrupt.get()
                && *at == number
            {
                cancel.cancel();
            }
            if number == self.failing.load(Ordering::Relaxed) {
                return Err(rustix::io::Errno::IO.into());
            }
            Ok(())
        }
    }
}
