//! What the system lets this process have.

use std::num::NonZeroUsize;

/// Address space of a thread: its stack, and what allocators reserve for what it allocates (64 MiB with glibc).
const OF_THREAD: u64 = 68 << 20;
/// Address space of everything else where there are several threads, above all of tables over keys and records.
const BESIDE_THREADS: u64 = 192 << 20;
/// Address space of everything else but tables: the program, its libraries, windows, what is written.
#[cfg(feature = "cli")]
const BESIDE_TABLES: u64 = 96 << 20;

/// Bytes that the process may have in its address space (`ulimit -v`), if there is a limit.
pub(crate) fn address_space() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};

    getrlimit(Resource::As).current
}

/// How many of `threads` threads an address space has room for beside everything else, the calling one included.
pub(crate) fn threads_that_fit(threads: NonZeroUsize, space: Option<u64>) -> NonZeroUsize {
    let Some(space) = space else { return threads };
    let others = space.saturating_sub(BESIDE_THREADS) / OF_THREAD;
    let others = usize::try_from(others).unwrap_or(usize::MAX);
    threads.min(NonZeroUsize::MIN.saturating_add(others))
}

/// Bytes that the tables of one of so many threads may take in an address space, which also holds copies of parts
/// of them while they grow and are sorted.
#[cfg(feature = "cli")]
pub(crate) fn memory_of_tables(threads: NonZeroUsize, space: u64) -> u64 {
    let threads = threads_that_fit(threads, Some(space));
    space.saturating_sub(BESIDE_TABLES) / 2 / threads.get() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_threads_are_started_than_the_address_space_has_room_for() {
        let number = |number| NonZeroUsize::new(number).unwrap();
        for (asked, mebibytes, started) in [
            (16, None, 16),
            (16, Some(0), 1),
            (16, Some(200), 1),
            (16, Some(512), 5),
            (3, Some(512), 3),
            (16, Some(1 << 20), 16),
            (16, Some(u64::MAX >> 20), 16),
        ] {
            let space = mebibytes.map(|number: u64| number << 20);
            let fitting = threads_that_fit(number(asked), space);
            assert_eq!(fitting, number(started), "{space:?}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn tables_of_all_threads_together_take_no_more_than_half_of_what_is_left() {
        let number = |number| NonZeroUsize::new(number).unwrap();
        assert_eq!(memory_of_tables(number(16), 200 << 20), 52 << 20);
        assert_eq!(memory_of_tables(number(2), 496 << 20), 100 << 20);
        assert_eq!(memory_of_tables(number(2), 0), 0);
    }
}
