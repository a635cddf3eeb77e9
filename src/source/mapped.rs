//! The memory map, and what happens when the file under it shrinks. The only file of the library with `unsafe` code.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;

use super::{OpenFile, Source, subslice};
use crate::error::Result;
use crate::finding::escape;
use crate::ids::FileOffset;
use crate::limits;

/// A file mapped read-only.
///
/// Making one is `unsafe`, see [`Mapped::new`]. When somebody shortens the file all the same, or the disk under it
/// fails, reading raises SIGBUS; [`install_fault_handler`] turns that into one clear line and exit status 2.
#[derive(Debug)]
pub struct Mapped {
    map: Mmap,
    file: File,
    slot: Option<usize>,
    /// One bit for each [`BATCH`] that was brought in.
    brought_in: Box<[AtomicU64]>,
}

/// Bytes that are brought into a map by one call. The kernel maps a large folio at once, or even by one entry of its
/// table, when it is asked for all of it.
const BATCH: usize = 2 << 20;

impl Mapped {
    /// Maps the first `len` bytes of `file`, which is known to users as `path`.
    ///
    /// # Safety
    /// As long as the value lives, nothing in any process may write to the first `len` bytes of the file or shorten
    /// it: [`Source::bytes`] lends them as `&[u8]`, which must not change while they are lent. No call of the system
    /// can make sure of that, so it is an obligation on every other user of the file.
    ///
    /// # Errors
    /// What the system says: too little address space, a file system without maps.
    pub unsafe fn new(file: File, path: &Path, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        // SAFETY: the caller sees to it that the bytes stay what they are. The map is read-only and private to this
        // value; the slices that it lends live no longer than it does.
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(&file)? };
        let slot = faults::MAPS.register(map.as_ptr() as usize, map.len(), path);
        let words = map.len().div_ceil(BATCH).div_ceil(64);
        let brought_in = (0..words).map(|_| AtomicU64::new(0)).collect();
        Ok(Self {
            map,
            file,
            slot,
            brought_in,
        })
    }

    /// Brings the batch with this number into the map, unless that was done before.
    fn bring_in(&self, number: usize) {
        let bit = 1u64 << (number % 64);
        let is_new = self
            .brought_in
            .get(number / 64)
            .is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0);
        let start = number.saturating_mul(BATCH);
        let len = self.map.len().saturating_sub(start).min(BATCH);
        if is_new && len > 0 {
            // Older kernels do not know how; the bytes come one fault after the other then.
            #[cfg(target_os = "linux")]
            let _ = self
                .map
                .advise_range(memmap2::Advice::PopulateRead, start, len);
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            faults::MAPS.unregister(slot);
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

    fn expect(&self, offset: FileOffset, len: u64) {
        let end = offset.0.saturating_add(len).min(self.len());
        let batch = |at: u64| usize::try_from(at / BATCH as u64).unwrap_or(usize::MAX);
        if offset.0 < end {
            (batch(offset.0)..=batch(end.saturating_sub(1)))
                .for_each(|number| self.bring_in(number));
        }
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

impl OpenFile<'static> {
    /// As [`OpenFile::open`], but the file is read through a memory map: where it can be mapped, is not empty,
    /// nobody holds its lock, and it takes no more than a quarter of an address space that is limited. Otherwise it
    /// is read by position.
    ///
    /// # Safety
    /// As for [`Mapped::new`]: as long as the value lives, no process may write to the file or shorten it. That
    /// nobody held its lock says that no etcd had it open at that moment, and nothing of others.
    ///
    /// # Errors
    /// Those of [`OpenFile::open`].
    pub unsafe fn open_mapped(path: &Path, db_in_dir: &str) -> Result<Self> {
        Self::open_as(path, db_in_dir, |file, path, len| {
            if !leaves_room(len, limits::address_space()) {
                return None;
            }
            let file = file.try_clone().ok()?;
            // SAFETY: demanded of the caller.
            let map = unsafe { Mapped::new(file, path, len) };
            // A file system without maps, or an address space that is too small: reading by position still works.
            Some(Box::new(map.ok()?))
        })
    }
}

/// True when a map of `len` bytes leaves most of an address space of `space` bytes to what else needs it.
fn leaves_room(len: u64, space: Option<u64>) -> bool {
    space.is_none_or(|space| len <= space / 4)
}

/// Opens a file that is the test's own through a map.
#[cfg(test)]
pub(crate) fn open_own_file_mapped(path: &Path, db_in_dir: &str) -> Result<OpenFile<'static>> {
    // SAFETY: tests write to files that are mapped only where they look at no byte of them afterwards.
    unsafe { OpenFile::open_mapped(path, db_in_dir) }
}

/// From now on, a read from a map of this crate whose file has shrunk or whose disk fails ends the process with one
/// line on stderr and exit status 2. A SIGBUS for any other address goes to the handler that was there before.
/// For programs that own their process; a library inside another program leaves it uncalled.
pub fn install_fault_handler() {
    faults::install();
}

/// The table that the signal handler looks into, and the handler.
mod faults {
    use std::sync::Once;
    use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering, fence};

    use super::*;

    /// Maps beyond this many at once are not known to the handler; they die by plain SIGBUS.
    const SLOTS: usize = 256;

    /// Bytes of the line that is written for a map. Of a longer path the end is kept.
    const LINE: usize = 1024;

    const WHAT_HAPPENED: &str = ": the file was shortened, or the disk failed, while it was being read; \
                                 copy it to a place where nothing writes to it and run again\n";

    /// What is known of the maps of this process.
    ///
    /// The handler may run on any thread between any two instructions of [`Maps::register`] and
    /// [`Maps::unregister`] on another, so it takes no lock and never waits. What it relies on:
    ///
    /// 1. *Everything it reads lives for ever.* Slots with their lines are part of a `static`, and are never freed,
    ///    only written over; each field is atomic. Whatever it reads, and however mixed up that is, it reads memory
    ///    of this table.
    /// 2. *It acts only on a slot that held still.* Each slot has a number that is odd while the slot is changed and
    ///    another even one afterwards. A slot whose number is odd, or has moved between the first read and the
    ///    last, is passed over: beginning and length may belong to two maps.
    /// 3. *The slot that is wanted does hold still.* The thread that faults is reading a map, so it borrows it, and
    ///    until that borrow ends nobody drops it: the slot was filled before the borrow began and is emptied after
    ///    it ends. So the slot is not passed over, and its line is whole when it is written.
    pub(super) struct Maps {
        slots: [Slot; SLOTS],
    }

    pub(super) struct Slot {
        /// Odd while the slot is changed.
        change: AtomicUsize,
        /// The map's first address; 0 when the slot is free, since no map begins there.
        start: AtomicUsize,
        len: AtomicUsize,
        line: [AtomicU8; LINE],
        line_len: AtomicUsize,
    }

    pub(super) static MAPS: Maps = Maps::new();

    impl Maps {
        pub(super) const fn new() -> Self {
            Self {
                slots: [const {
                    Slot {
                        change: AtomicUsize::new(0),
                        start: AtomicUsize::new(0),
                        len: AtomicUsize::new(0),
                        line: [const { AtomicU8::new(0) }; LINE],
                        line_len: AtomicUsize::new(0),
                    }
                }; SLOTS],
            }
        }

        pub(super) fn register(&self, start: usize, len: usize, path: &Path) -> Option<usize> {
            let index = self.slots.iter().position(Slot::claim)?;
            let slot = self.slots.get(index)?;
            let line = line_about(path);
            for (to, byte) in slot.line.iter().zip(line.as_bytes()) {
                to.store(*byte, Ordering::Relaxed);
            }
            slot.line_len.store(line.len().min(LINE), Ordering::Relaxed);
            slot.len.store(len, Ordering::Relaxed);
            slot.start.store(start, Ordering::Relaxed);
            slot.release();
            Some(index)
        }

        pub(super) fn unregister(&self, index: usize) {
            let Some(slot) = self.slots.get(index) else {
                return;
            };
            // Nobody else changes a slot that is not free.
            slot.change.fetch_add(1, Ordering::Relaxed);
            fence(Ordering::Release);
            slot.start.store(0, Ordering::Relaxed);
            slot.release();
        }

        /// The slot of the map that `address` is in. Safe in a signal handler: it reads atomic values and returns.
        pub(super) fn find(&self, address: usize) -> Option<&Slot> {
            self.slots.iter().find(|slot| {
                let before = slot.change.load(Ordering::Acquire);
                let start = slot.start.load(Ordering::Relaxed);
                let len = slot.len.load(Ordering::Relaxed);
                // Whoever saw a value of a later change sees the number of that change as well.
                fence(Ordering::Acquire);
                let after = slot.change.load(Ordering::Relaxed);
                let held_still = before == after && before.is_multiple_of(2);
                let distance = address.checked_sub(start);
                held_still && start != 0 && distance.is_some_and(|distance| distance < len)
            })
        }
    }

    impl Slot {
        /// Takes the slot if it is free, for the caller alone until [`Slot::release`].
        fn claim(&self) -> bool {
            let before = self.change.load(Ordering::Acquire);
            if !before.is_multiple_of(2) || self.start.load(Ordering::Relaxed) != 0 {
                return false;
            }
            // Fails if anything happened to the slot since.
            let claimed = self.change.compare_exchange(
                before,
                before.wrapping_add(1),
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            // What follows is not seen before the odd number is.
            fence(Ordering::Release);
            claimed.is_ok()
        }

        /// Publishes what was written to the slot.
        fn release(&self) {
            self.change.fetch_add(1, Ordering::Release);
        }

        /// Writes the line to stderr. Safe in a signal handler: write(2) is.
        fn write_line(&self) {
            let len = self.line_len.load(Ordering::Relaxed).min(LINE);
            // SAFETY: the slot's line has at least `len` bytes, and the kernel may read them: it is part of `self`.
            // Should another thread change it meanwhile, the text is garbled and nothing else happens.
            unsafe { libc::write(2, self.line.as_ptr().cast(), len) };
        }

        #[cfg(test)]
        pub(super) fn line(&self) -> Vec<u8> {
            let len = self.line_len.load(Ordering::Relaxed);
            let line = self.line.iter().take(len);
            line.map(|byte| byte.load(Ordering::Relaxed)).collect()
        }
    }

    /// What is written when a read of the file at `path` faults.
    fn line_about(path: &Path) -> String {
        let name = escape::path(path);
        let room = LINE - WHAT_HAPPENED.len() - "Error: ...".len();
        let mut cut = name.len().saturating_sub(room);
        while !name.is_char_boundary(cut) {
            cut += 1;
        }
        let dots = if cut > 0 { "..." } else { "" };
        let name = name.get(cut..).unwrap_or_default();
        format!("Error: {dots}{name}{WHAT_HAPPENED}")
    }

    /// What was done on SIGBUS before; never freed, since the handler may need it at any time.
    static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(std::ptr::null_mut());

    pub(super) fn install() {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            // SAFETY: `sigaction` is called with null or with pointers to live, zero-initialised values of its type;
            // all-zero is a valid `sigaction`. The handler has the signature that SA_SIGINFO asks for and
            // restricts itself to atomics and to write(2), _exit(2), sigaction(2) and signal(2), which are
            // async-signal-safe.
            unsafe {
                let mut previous: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(libc::SIGBUS, std::ptr::null(), &mut previous) != 0 {
                    return;
                }
                // Before the handler can run.
                PREVIOUS.store(Box::into_raw(Box::new(previous)), Ordering::Release);
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_fault as extern "C" fn(_, _, _) as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigemptyset(&mut action.sa_mask);
                libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
            }
        });
    }

    extern "C" fn on_fault(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel passes a valid `info` to a handler installed with SA_SIGINFO.
        let address = unsafe { (*info).si_addr() } as usize;
        if let Some(slot) = MAPS.find(address) {
            slot.write_line();
            // SAFETY: it ends the process, and is async-signal-safe.
            unsafe { libc::_exit(2) };
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

    #[cfg(test)]
    mod tests {
        use std::sync::atomic::AtomicBool;

        use super::*;

        /// Runs the test of this name alone in a process of its own, which may die.
        fn in_a_process(name: &str) -> Option<std::process::Output> {
            const VARIABLE: &str = "ETCDSNAP_TEST_IN_A_PROCESS";
            if std::env::var_os(VARIABLE).is_some() {
                return None;
            }
            let whole = format!("source::mapped::faults::tests::{name}");
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &whole, "--nocapture", "--test-threads", "1"])
                .env(VARIABLE, "1")
                .stdin(std::process::Stdio::null())
                .output();
            Some(output.unwrap())
        }

        fn map_of(path: &Path, len: u64) -> Mapped {
            std::fs::write(path, vec![1; usize::try_from(len).unwrap()]).unwrap();
            // SAFETY: the file is this test's own. Where it is cut, the read ends this process.
            unsafe { Mapped::new(File::open(path).unwrap(), path, len) }.unwrap()
        }

        #[test]
        fn a_file_that_is_cut_while_it_is_mapped_ends_in_one_line_and_no_signal() {
            let name = "a_file_that_is_cut_while_it_is_mapped_ends_in_one_line_and_no_signal";
            let Some(output) = in_a_process(name) else {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("snapshot.db");
                install();
                install();
                // Slots that were used before serve again, with the lines of the maps that have them now.
                for number in 0..2 * SLOTS {
                    drop(map_of(&dir.path().join(number.to_string()), 1));
                }
                let map = map_of(&path, 100_000);
                File::create(&path).unwrap();
                let sum: u64 = map.bytes().unwrap().iter().map(|b| u64::from(*b)).sum();
                panic!("pages that are gone were read: {sum}");
            };
            assert_eq!(output.status.code(), Some(2), "{:?}", output.status);
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(
                errors.starts_with("Error: ") && errors.lines().count() == 1,
                "{errors}"
            );
            assert!(
                errors.ends_with(
                    "/snapshot.db: the file was shortened, or the disk failed, while it was being read; \
                     copy it to a place where nothing writes to it and run again\n"
                ),
                "{errors}"
            );
        }

        #[test]
        fn a_fault_in_memory_of_somebody_else_ends_the_process_as_ever() {
            use std::os::unix::process::ExitStatusExt as _;

            let name = "a_fault_in_memory_of_somebody_else_ends_the_process_as_ever";
            let Some(output) = in_a_process(name) else {
                let dir = tempfile::tempdir().unwrap();
                let _map = map_of(&dir.path().join("file"), 1);
                let others = dir.path().join("others");
                std::fs::write(&others, [1; 100]).unwrap();
                // SAFETY: that the file is cut is what is tested; the read ends this process.
                let map = unsafe { Mmap::map(&File::open(&others).unwrap()) }.unwrap();
                install();
                File::create(&others).unwrap();
                panic!("a page that is gone was read: {}", map[0]);
            };
            let signal = output.status.signal();
            assert_eq!(signal, Some(libc::SIGBUS), "{:?}", output.status);
        }

        #[test]
        fn a_map_has_a_slot_as_long_as_it_lives() {
            let maps = Maps::new();
            let path = Path::new("file");
            let all: Vec<_> = (0..SLOTS)
                .map(|number| maps.register((number + 1) << 12, 1 << 12, path).unwrap())
                .collect();
            assert_eq!(maps.register(1 << 40, 1, path), None);
            assert!(maps.find(0xfff).is_none());
            assert!(maps.find(0x1000).is_some() && maps.find((SLOTS << 12) + 0xfff).is_some());
            assert!(maps.find((SLOTS + 1) << 12).is_none());
            maps.unregister(all[7]);
            assert!(maps.find(8 << 12).is_none());
            assert_eq!(maps.register(1 << 40, 1, path), Some(all[7]));
            assert!(maps.find(1 << 40).is_some());
        }

        #[test]
        fn of_a_long_path_the_end_is_told() {
            let path = format!("/{}/é/db", "é\n".repeat(700));
            let line = line_about(Path::new(&path));
            assert!(line.len() <= LINE && line.len() > LINE - 8, "{line}");
            assert!(line.starts_with("Error: ..."), "{line}");
            assert!(line.contains(&format!("/é/db{WHAT_HAPPENED}")), "{line}");
            let line = line_about(Path::new("db"));
            assert_eq!(line, format!("Error: db{WHAT_HAPPENED}"));
        }

        /// A map far up and long, and one far down and short. With the beginning of the one and the length of the
        /// other, a slot would seem to hold [`BETWEEN`].
        const LOW: (usize, usize) = (1 << 12, 1 << 12);
        const HIGH: (usize, usize) = (1 << 30, 1 << 30);
        const BETWEEN: usize = 1 << 20;

        #[test]
        fn whoever_looks_while_maps_come_and_go_sees_no_mixture_of_two() {
            let maps = Maps::new();
            // A map that stays is found at all times, behind slots that change.
            let churned = [0; 3].map(|_| maps.register(LOW.0, LOW.1, Path::new("low")).unwrap());
            let stays = (1usize << 40, 1 << 12);
            maps.register(stays.0, stays.1, Path::new("stays")).unwrap();
            churned.iter().for_each(|slot| maps.unregister(*slot));
            let is_over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let looking: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            while !is_over.load(Ordering::Relaxed) {
                                assert!(maps.find(BETWEEN).is_none());
                                let line = maps.find(stays.0 + 17).map(Slot::line);
                                let line = String::from_utf8(line.unwrap()).unwrap();
                                assert_eq!(line, format!("Error: stays{WHAT_HAPPENED}"));
                            }
                        })
                    })
                    .collect();
                let changing: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            for _ in 0..30_000 {
                                for (map, name) in [(LOW, "low"), (HIGH, "a longer name")] {
                                    let path = Path::new(name);
                                    let slot = maps.register(map.0, map.1, path).unwrap();
                                    // Its own is there, with its own line, whatever others do.
                                    let line = maps.slots[slot].line();
                                    assert!(line.starts_with(format!("Error: {name}:").as_bytes()));
                                    assert!(maps.find(map.0).is_some());
                                    maps.unregister(slot);
                                }
                            }
                        })
                    })
                    .collect();
                let ended: Vec<_> = changing.into_iter().map(|thread| thread.join()).collect();
                is_over.store(true, Ordering::Relaxed);
                let looked: Vec<_> = looking.into_iter().map(|thread| thread.join()).collect();
                for outcome in ended.into_iter().chain(looked) {
                    outcome.unwrap();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_may_lie_anywhere_and_may_be_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let batch = BATCH as u64;
        let len = 2 * BATCH + 5;
        std::fs::write(&path, vec![7; len]).unwrap();
        let file = File::open(&path).unwrap();
        // SAFETY: the file is this test's own, and no byte is read that it cuts off.
        let map = unsafe { Mapped::new(file, &path, len as u64) }.unwrap();
        let cut = File::options().write(true).open(&path).unwrap();
        cut.set_len(batch).unwrap();
        for (offset, expected) in [
            (0, 0),
            (0, 1),
            (batch - 1, 2),
            (len as u64 - 1, 1),
            (len as u64, 1),
            (0, u64::MAX),
            (u64::MAX, u64::MAX),
        ] {
            map.expect(FileOffset(offset), expected);
        }
        let mut bytes = vec![0; BATCH];
        map.read_exact_at(FileOffset(0), &mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 7));
    }
}
