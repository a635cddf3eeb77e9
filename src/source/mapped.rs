//! The memory map, and what happens when the file under it shrinks. The only file with `unsafe` code.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use memmap2::Mmap;

use super::{Source, subslice};
use crate::error::Result;
use crate::finding::escape;
use crate::ids::FileOffset;

/// A file mapped read-only.
///
/// # What must hold
/// Nobody writes to the file or shortens it while it is mapped. [`super::OpenFile`] keeps files that a
/// running etcd holds away from here, and compares length and times afterwards. When somebody shortens
/// the file all the same, reading past its new end raises SIGBUS; [`install_fault_handler`] turns that
/// into one clear line and exit status 2.
#[derive(Debug)]
pub struct Mapped {
    map: Mmap,
    file: File,
    slot: Option<usize>,
}

impl Mapped {
    /// Maps the first `len` bytes of `file`, which is known to users as `path`.
    ///
    /// # Errors
    /// What the system says: too little address space, a file system without maps.
    pub fn new(file: File, path: &Path, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        // SAFETY: the map is read-only and private to this value; the slices that it lends live no longer
        // than it does. The bytes stay what they are as long as nobody writes to the file. That cannot be
        // enforced on this system, so it is (1) demanded above, (2) guarded: a file under etcd's lock is
        // refused a map, length and times are compared after the run, and (3) harmless for control flow:
        // all readers treat the bytes as hostile and check each value that they have read before use.
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(&file)? };
        let slot = faults::register(map.as_ptr() as usize, map.len(), path);
        Ok(Self { map, file, slot })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            faults::unregister(slot);
        }
    }
}

impl Source for Mapped {
    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.map)
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        into.copy_from_slice(subslice(&self.map, offset, into.len())?);
        Ok(())
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

/// From now on, a read from a map of this crate whose file has shrunk ends the process with one line on
/// stderr and exit status 2. A SIGBUS for any other address goes to the handler that was there before.
/// For programs that own their process; a library inside another program leaves it uncalled.
pub fn install_fault_handler() {
    faults::install();
}

/// The table that the signal handler looks into, and the handler.
mod faults {
    use super::*;

    /// Maps beyond this many at once are not known to the handler; they die by plain SIGBUS.
    const SLOTS: usize = 256;

    struct Slot {
        /// 0 = free, [`TAKEN`] = being filled, else the map's first address.
        start: AtomicUsize,
        len: AtomicUsize,
        line: AtomicPtr<u8>,
        line_len: AtomicUsize,
    }

    /// No map begins at address 1: maps begin at page starts.
    const TAKEN: usize = 1;

    static TABLE: [Slot; SLOTS] = [const {
        Slot {
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            line: AtomicPtr::new(std::ptr::null_mut()),
            line_len: AtomicUsize::new(0),
        }
    }; SLOTS];

    static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(std::ptr::null_mut());

    pub(super) fn register(start: usize, len: usize, path: &Path) -> Option<usize> {
        let index = TABLE.iter().position(|slot| {
            slot.start
                .compare_exchange(0, TAKEN, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        })?;
        let slot = TABLE.get(index)?;
        let line = format!(
            "Error: {}: the file was shortened while it was being read; copy it to a place where \
             nothing writes to it and run again\n",
            escape::path(path)
        );
        let line: Box<[u8]> = line.into_bytes().into_boxed_slice();
        slot.line_len.store(line.len(), Ordering::Relaxed);
        slot.line
            .store(Box::into_raw(line).cast::<u8>(), Ordering::Relaxed);
        slot.len.store(len, Ordering::Relaxed);
        // Publishes the fields above to a handler that reads `start` first.
        slot.start.store(start, Ordering::Release);
        Some(index)
    }

    pub(super) fn unregister(index: usize) {
        let Some(slot) = TABLE.get(index) else { return };
        slot.start.store(TAKEN, Ordering::Release);
        let line = slot.line.swap(std::ptr::null_mut(), Ordering::Relaxed);
        let line_len = slot.line_len.swap(0, Ordering::Relaxed);
        if !line.is_null() {
            // SAFETY: made by `Box::into_raw` from a boxed slice of exactly this length in `register`, and
            // taken out of the slot, so this is the only owner. A handler reads the line only for a fault
            // inside the map, and nobody reads the map any more: it is being dropped.
            drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(line, line_len)) });
        }
        slot.start.store(0, Ordering::Release);
    }

    pub(super) fn install() {
        // SAFETY: `sigaction` is called with pointers to live, zero-initialised values of its type; all-zero
        // is a valid `sigaction`. The handler has the signature that SA_SIGINFO asks for and restricts itself
        // to atomics, write(2) and _exit(2), which are async-signal-safe.
        unsafe {
            if !PREVIOUS.load(Ordering::Acquire).is_null() {
                return;
            }
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fault as extern "C" fn(_, _, _) as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut action.sa_mask);
            let mut previous: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, &action, &mut previous) == 0 {
                // Kept for the life of the process: the handler may need it at any time.
                PREVIOUS.store(Box::into_raw(Box::new(previous)), Ordering::Release);
            }
        }
    }

    extern "C" fn on_fault(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel passes a valid `info` to a handler installed with SA_SIGINFO.
        let address = unsafe { (*info).si_addr() } as usize;
        for slot in &TABLE {
            let start = slot.start.load(Ordering::Acquire);
            if start <= TAKEN {
                continue;
            }
            let inside = address
                .checked_sub(start)
                .is_some_and(|distance| distance < slot.len.load(Ordering::Relaxed));
            if inside {
                let line = slot.line.load(Ordering::Relaxed);
                let len = slot.line_len.load(Ordering::Relaxed);
                // SAFETY: `line` points to `len` bytes that live as long as the map is registered, and the
                // faulting thread is reading the map right now. write and _exit are async-signal-safe.
                unsafe {
                    libc::write(2, line.cast_const().cast(), len);
                    libc::_exit(2);
                }
            }
        }
        pass_on(signal, info, context);
    }

    /// Not ours: do what would have been done without us.
    fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let previous = PREVIOUS.load(Ordering::Acquire);
        // SAFETY: `previous` is null or points to a value that is never freed. Its handler is called with the
        // arguments that its flags promise. Otherwise the former action is put back; returning then runs the
        // faulting instruction again, under that action.
        unsafe {
            if previous.is_null() {
                libc::signal(signal, libc::SIG_DFL);
                return;
            }
            let handler = (*previous).sa_sigaction;
            if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
                libc::sigaction(signal, previous, std::ptr::null_mut());
            } else if (*previous).sa_flags & libc::SA_SIGINFO != 0 {
                let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(handler);
                handler(signal, info, context);
            } else {
                let handler: extern "C" fn(libc::c_int) = std::mem::transmute(handler);
                handler(signal);
            }
        }
    }
}
