//! A few threads that share out numbered pieces of work. The calling thread is one of them.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Threads of our own, never the process-wide pool.
#[derive(Debug)]
pub struct Workers {
    /// The others; `None` when the caller works alone.
    others: Option<rayon::ThreadPool>,
    threads: NonZeroUsize,
}

impl Workers {
    /// `threads` workers, the caller included.
    ///
    /// # Errors
    /// [`Error::Threads`].
    pub fn new(threads: NonZeroUsize) -> Result<Self> {
        let others = threads.get().saturating_sub(1);
        let others = (others > 0)
            .then(|| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(others)
                    .thread_name(|n| format!("worker-{}", n.saturating_add(1)))
                    .build()
            })
            .transpose()
            .map_err(|e| Error::Threads(e.to_string()))?;
        Ok(Self { others, threads })
    }

    /// How many threads work, the caller included.
    pub fn threads(&self) -> usize {
        self.threads.get()
    }

    /// Calls `work` for every number below `pieces`, each once, on whichever thread is free. Each thread
    /// has a state of its own; all states are returned, in no meaningful order.
    ///
    /// # Errors
    /// The first error of any piece; no further pieces are begun after it.
    pub fn share<State: Send>(
        &self,
        pieces: usize,
        start: impl Fn() -> State + Sync,
        work: impl Fn(&mut State, usize) -> Result<()> + Sync,
    ) -> Result<Vec<State>> {
        let pile = Pile {
            pieces,
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            failed: Mutex::new(None),
            states: Mutex::new(Vec::new()),
        };
        let run = || pile.work_through(&start, &work);
        match &self.others {
            Some(others) if pieces > 1 => others.in_place_scope(|scope| {
                scope.spawn_broadcast(|_, _| run());
                run();
            }),
            _ => run(),
        }
        if let Some(error) = into_inner(pile.failed) {
            return Err(error);
        }
        Ok(into_inner(pile.states))
    }
}

/// The pieces of one call, which its threads take one by one.
struct Pile<State> {
    pieces: usize,
    next: AtomicUsize,
    stop: AtomicBool,
    failed: Mutex<Option<Error>>,
    states: Mutex<Vec<State>>,
}

impl<State> Pile<State> {
    /// One thread's share. Never inlined: the caller's thread and the others run the same code, and a copy
    /// for each would only lengthen the build.
    #[inline(never)]
    fn work_through(
        &self,
        start: &impl Fn() -> State,
        work: &impl Fn(&mut State, usize) -> Result<()>,
    ) {
        let mut state: Option<State> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let piece = self.next.fetch_add(1, Ordering::Relaxed);
            if piece >= self.pieces {
                break;
            }
            if let Err(error) = work(state.get_or_insert_with(start), piece) {
                self.stop.store(true, Ordering::Relaxed);
                lock(&self.failed).get_or_insert(error);
            }
        }
        lock(&self.states).extend(state);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere leaves nothing half done here: the guarded values are swapped whole.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_exactly_once_by_any_number_of_threads() {
        for threads in 1..5 {
            let workers = Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap();
            let states = workers
                .share(1000, Vec::new, |seen, piece| {
                    seen.push(piece);
                    Ok(())
                })
                .unwrap();
            assert!(states.len() <= threads);
            let mut all: Vec<usize> = states.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn an_error_stops_the_work_and_is_returned() {
        let workers = Workers::new(NonZeroUsize::new(3).unwrap()).unwrap();
        let outcome = workers.share(
            1_000_000,
            || (),
            |(), piece| {
                if piece == 7 {
                    Err(Error::Cancelled)
                } else {
                    Ok(())
                }
            },
        );
        assert!(matches!(outcome, Err(Error::Cancelled)));
    }
}
