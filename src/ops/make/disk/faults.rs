//! What tests see of the calls, and what they let happen at them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::options::Cancel;

/// A call that was made and has succeeded. A file has the path under which it was made, whatever it is called later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ops::make) enum Call {
    MakeFolder(PathBuf),
    MakeFile(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    SetLength(PathBuf, u64),
    Sync(PathBuf),
    SyncFolder(PathBuf),
    ReadBack(PathBuf),
    LookAtSource,
    Rename(PathBuf, PathBuf),
    Give(PathBuf),
    Remove(PathBuf),
}

impl Call {
    /// Whether it is a rename after which no name tells that something is not whole.
    pub(in crate::ops::make) fn gives_final_name(&self) -> bool {
        let is_staged = |path: &Path| path.to_string_lossy().contains(".partial");
        matches!(self, Self::Rename(_, to) if !is_staged(to))
    }
}

/// What becomes of bytes on their way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops::make) enum Spoiling {
    /// One of them is another one.
    Flip,
    /// They do not arrive.
    Drop,
    /// Only the first half of what is not zero arrives.
    Shorten,
}

type Action = Box<dyn FnOnce() + Send>;

/// Keeps a journal of the calls, lets one of them fail or spoil what it writes, interrupts the job there, or does
/// something right before the last look at the source.
#[derive(Default)]
pub(in crate::ops::make) struct Faults {
    calls: AtomicUsize,
    failing: AtomicUsize,
    fails_for_good: OnceLock<()>,
    interrupt: OnceLock<(usize, Cancel)>,
    /// The number of the call that gave the first final name.
    named_at: OnceLock<usize>,
    journal: Mutex<Vec<Call>>,
    /// The paths of files by device and inode.
    files: Mutex<BTreeMap<(u64, u64), PathBuf>>,
    writes: AtomicUsize,
    spoiling: OnceLock<(usize, Spoiling)>,
    reads: AtomicUsize,
    /// The number of the file that is read back, and how many thousandths of it lie before the byte that is
    /// flipped.
    rotting: OnceLock<(usize, u64)>,
    before_look: Mutex<Option<Action>>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Faults {
    /// Lets the call of this number fail, counted from 1.
    pub(in crate::ops::make) fn fail_at(&self, number: usize) {
        self.failing.store(number, Ordering::Relaxed);
    }

    /// Lets it fail, and every call after it.
    pub(in crate::ops::make) fn fail_from(&self, number: usize) {
        self.fail_at(number);
        self.fails_for_good.set(()).unwrap();
    }

    /// Interrupts the job at the call of this number.
    pub(in crate::ops::make) fn cancel_at(&self, number: usize, cancel: Cancel) {
        self.interrupt.set((number, cancel)).unwrap();
    }

    /// The number of the call that gave the first final name.
    pub(in crate::ops::make) fn named_at(&self) -> Option<usize> {
        self.named_at.get().copied()
    }

    /// Whether it has come to that call.
    pub(in crate::ops::make) fn has_failed(&self) -> bool {
        let failing = self.failing.load(Ordering::Relaxed);
        failing > 0 && self.calls.load(Ordering::Relaxed) >= failing
    }

    /// Spoils what the write of this number writes, counted from 1.
    pub(in crate::ops::make) fn spoil_at(&self, number: usize, how: Spoiling) {
        self.spoiling.set((number, how)).unwrap();
    }

    /// How often something was written.
    pub(in crate::ops::make) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Flips a byte of the file of this number, counted from 1, right before it is read back.
    pub(in crate::ops::make) fn rot_at(&self, number: usize, thousandths: u64) {
        self.rotting.set((number, thousandths)).unwrap();
    }

    /// How many files were read back.
    pub(in crate::ops::make) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    /// Does something right before the source is looked at for the last time.
    pub(in crate::ops::make) fn before_look(&self, action: impl FnOnce() + Send + 'static) {
        *locked(&self.before_look) = Some(Box::new(action));
    }

    /// What was done so far.
    pub(in crate::ops::make) fn journal(&self) -> Vec<Call> {
        locked(&self.journal).clone()
    }

    pub(super) fn next(&self) -> io::Result<()> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some((at, cancel)) = self.interrupt.get()
            && *at == number
        {
            cancel.cancel();
        }
        let failing = self.failing.load(Ordering::Relaxed);
        let for_good = self.fails_for_good.get().is_some() && failing > 0 && number > failing;
        if number == failing || for_good {
            return Err(rustix::io::Errno::IO.into());
        }
        Ok(())
    }

    pub(super) fn note(&self, call: Call) {
        if call.gives_final_name() {
            let _ = self.named_at.set(self.calls.load(Ordering::Relaxed));
        }
        locked(&self.journal).push(call);
    }

    pub(super) fn made(&self, path: &Path, file: &File) {
        locked(&self.files).insert(identity(file), path.to_owned());
        self.note(Call::MakeFile(path.to_owned()));
    }

    /// That `path` leads to this folder.
    pub(super) fn knows(&self, path: &Path, folder: &File) {
        locked(&self.files).insert(identity(folder), path.to_owned());
    }

    fn path_of(&self, file: &File) -> PathBuf {
        let path = locked(&self.files).get(&identity(file)).cloned();
        path.unwrap_or_default()
    }

    /// The bytes as they come to the disk.
    pub(super) fn spoilt<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        match self.next_spoiling() {
            None => Cow::Borrowed(bytes),
            Some(Spoiling::Drop) => Cow::Borrowed(&[]),
            Some(Spoiling::Shorten) => {
                // Zeros at the end may be there anyway.
                let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
                Cow::Borrowed(&bytes[..end / 2])
            }
            Some(Spoiling::Flip) => {
                let mut bytes = bytes.to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
                Cow::Owned(bytes)
            }
        }
    }

    /// The same for bytes that were copied without being seen.
    pub(super) fn spoil_copy(&self, to: &File, offset: u64, len: u64) {
        let zeros = |from: u64, len: u64| {
            to.write_all_at(&vec![0; usize::try_from(len).unwrap()], from)
                .unwrap();
        };
        match self.next_spoiling() {
            None => {}
            Some(Spoiling::Drop) => zeros(offset, len),
            Some(Spoiling::Shorten) => zeros(offset + len / 2, len - len / 2),
            Some(Spoiling::Flip) => flip(to, offset + len / 2),
        }
        self.wrote(to, offset, len);
    }

    fn next_spoiling(&self) -> Option<Spoiling> {
        let number = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        let (at, how) = self.spoiling.get()?;
        (*at == number).then_some(*how)
    }

    pub(super) fn wrote(&self, file: &File, offset: u64, len: u64) {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        file.read_exact_at(&mut bytes, offset).unwrap();
        self.note(Call::Write(self.path_of(file), offset, bytes));
    }

    pub(super) fn set_length(&self, file: &File, len: u64) {
        self.note(Call::SetLength(self.path_of(file), len));
    }

    pub(super) fn synced(&self, file: &File) {
        let path = self.path_of(file);
        self.note(match file.metadata().unwrap().is_dir() {
            true => Call::SyncFolder(path),
            false => Call::Sync(path),
        });
    }

    pub(super) fn reads_back(&self, path: &Path, opened: &File) {
        let number = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some((at, thousandths)) = self.rotting.get()
            && *at == number
        {
            let file = fs::File::options().read(true).write(true).open(path);
            let file = file.unwrap();
            let len = file.metadata().unwrap().len();
            flip(&file, (len * thousandths / 1000).min(len - 1));
        }
        self.note(Call::ReadBack(self.path_of(opened)));
    }

    pub(super) fn looks_at_source(&self) {
        if let Some(action) = locked(&self.before_look).take() {
            action();
        }
        self.note(Call::LookAtSource);
    }
}

fn identity(file: &File) -> (u64, u64) {
    let found = file.metadata().unwrap();
    (found.dev(), found.ino())
}

fn flip(file: &File, offset: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 4], offset).unwrap();
}
