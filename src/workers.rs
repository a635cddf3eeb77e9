//! A few threads that share out numbered pieces of work. The calling thread is one of them.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::{Error, Result};
use crate::limits;
use crate::options::{Cancel, Options};

/// Any machine may run this many threads.
const ALWAYS_ALLOWED: usize = 16;
/// More threads than this per core only wait for each other.
const PER_CORE: usize = 4;
/// Bytes of a thread's stack.
const STACK: usize = 2 << 20;

/// Threads of our own, never the process-wide pool.
#[derive(Debug)]
pub struct Workers {
    /// The others; `None` when the caller works alone.
    others: Option<rayon::ThreadPool>,
    threads: NonZeroUsize,
    cancel: Cancel,
}

impl Workers {
    /// `threads` workers, the caller included; no more than 16 or four per core, whichever is more, than the
    /// address space has room for, or than the system starts. At least the caller works.
    ///
    /// # Errors
    /// None at present.
    pub fn new(threads: NonZeroUsize) -> Result<Self> {
        Ok(Self::start(threads, Cancel::new(), STACK))
    }

    /// As many workers as the options ask for, within the limits of [`Workers::new`]. They begin no further
    /// piece once the options' flag is set.
    ///
    /// # Errors
    /// None at present.
    pub fn of(options: &Options) -> Result<Self> {
        let cancel = options.cancel.clone();
        Ok(Self::start(options.worker_threads(), cancel, STACK))
    }

    /// The same, with one worker less where the number is not prescribed: somebody else is busy meanwhile.
    ///
    /// # Errors
    /// None at present.
    pub(crate) fn beside_another(options: &Options) -> Result<Self> {
        let threads = options.threads.unwrap_or_else(|| {
            let spare = options.worker_threads().get().saturating_sub(1);
            NonZeroUsize::new(spare).unwrap_or(NonZeroUsize::MIN)
        });
        Ok(Self::start(threads, options.cancel.clone(), STACK))
    }

    fn start(threads: NonZeroUsize, cancel: Cancel, stack: usize) -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = capped(threads, cores);
        let threads = limits::threads_that_fit(threads, limits::address_space());
        let mut others = threads.get().saturating_sub(1);
        let mut pool = None;
        while others > 0 && pool.is_none() {
            let builder = rayon::ThreadPoolBuilder::new()
                .num_threads(others)
                .stack_size(stack)
                .thread_name(|n| format!("worker-{}", n.saturating_add(1)));
            // The system may let nobody have so many threads; the work is done by fewer as well.
            pool = builder.build().ok();
            if pool.is_none() {
                others /= 2;
            }
        }
        Self {
            others: pool,
            threads: NonZeroUsize::MIN.saturating_add(others),
            cancel,
        }
    }

    /// How many threads work, the caller included.
    pub fn threads(&self) -> usize {
        self.threads.get()
    }

    /// How many of them work when there are so many pieces.
    fn taking_part(&self, pieces: usize) -> usize {
        self.threads().min(pieces)
    }

    /// Calls `work` for every number below `pieces`, each once, on whichever thread is free. Each thread
    /// has a state of its own; all states are returned, in no meaningful order. No more threads take part
    /// than there are pieces.
    ///
    /// # Errors
    /// The first error of any piece, or [`Error::Cancelled`]; no further pieces are begun after it.
    ///
    /// # Panics
    /// If `start` or `work` does, on whichever thread.
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
        let work = |state: &mut State, piece| {
            self.cancel.check()?;
            work(state, piece)
        };
        let run = || pile.work_through(&start, &work);
        match &self.others {
            Some(others) if pieces > 1 => others.in_place_scope(|scope| {
                for _ in 1..self.taking_part(pieces) {
                    scope.spawn(|_| run());
                }
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

impl<T> Beside<'_, T> {
    /// What became of the job. A panic goes on here: it is a mistake of the program, and must not look like
    /// something else.
    pub(crate) fn outcome(self) -> T {
        match self {
            Self::Done(outcome) => outcome,
            Self::Thread(thread) => match thread.join() {
                Ok(outcome) => outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// The number of threads that are started where `asked` were asked for.
fn capped(asked: NonZeroUsize, cores: NonZeroUsize) -> NonZeroUsize {
    let most = cores.get().saturating_mul(PER_CORE).max(ALWAYS_ALLOWED);
    NonZeroUsize::new(most).map_or(asked, |most| asked.min(most))
}

/// A job on a thread of its own, or done already.
pub(crate) enum Beside<'scope, T> {
    Thread(ScopedJoinHandle<'scope, T>),
    Done(T),
}

/// Begins `job` on a thread of its own. Where none can be started, the calling thread does it before this returns.
pub(crate) fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    job: impl FnOnce() -> T + Send + Clone + 'scope,
) -> Beside<'scope, T> {
    beside_with(scope, STACK, job)
}

fn beside_with<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    stack: usize,
    job: impl FnOnce() -> T + Send + Clone + 'scope,
) -> Beside<'scope, T> {
    let started = Builder::new()
        .stack_size(stack)
        .spawn_scoped(scope, job.clone());
    match started {
        Ok(thread) => Beside::Thread(thread),
        Err(_) => Beside::Done(job()),
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

    #[test]
    fn no_more_threads_are_started_than_the_machine_can_use() {
        let number = |number| NonZeroUsize::new(number).unwrap();
        for (asked, cores, started) in [
            (1, 1, 1),
            (16, 1, 16),
            (17, 1, 16),
            (8192, 1, 16),
            (16, 64, 16),
            (256, 64, 256),
            (8192, 64, 256),
            (usize::MAX, usize::MAX, usize::MAX),
        ] {
            assert_eq!(
                capped(number(asked), number(cores)),
                number(started),
                "{asked} on {cores}"
            );
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = Workers::new(number(8192)).unwrap();
        assert_eq!(workers.threads(), (4 * cores).max(16));
        let options = Options {
            threads: Some(number(8192)),
            ..Options::default()
        };
        for workers in [Workers::of(&options), Workers::beside_another(&options)] {
            assert_eq!(workers.unwrap().threads(), (4 * cores).max(16));
        }
    }

    #[test]
    fn where_no_thread_can_be_started_the_caller_does_the_work() {
        // No address space has room for such a stack.
        let stack = usize::MAX / 4;
        let number = NonZeroUsize::new(8).unwrap();
        let workers = Workers::start(number, Cancel::new(), stack);
        assert_eq!(workers.threads(), 1);
        let count = |count: &mut usize, _| {
            *count += 1;
            Ok(())
        };
        assert_eq!(workers.share(100, || 0, count).unwrap(), [100]);
        let own = std::thread::current().id();
        std::thread::scope(|scope| {
            let where_it_runs = || std::thread::current().id();
            assert_eq!(beside_with(scope, stack, where_it_runs).outcome(), own);
            assert_ne!(beside(scope, where_it_runs).outcome(), own);
        });
    }

    #[test]
    fn no_more_threads_take_part_than_there_are_pieces() {
        let workers = Workers::new(NonZeroUsize::new(12).unwrap()).unwrap();
        for (pieces, threads) in [(0, 0), (1, 1), (2, 2), (11, 11), (12, 12), (1000, 12)] {
            assert_eq!(workers.taking_part(pieces), threads);
            let states = workers.share(pieces, || (), |(), _| Ok(())).unwrap();
            assert!(states.len() <= threads, "{pieces}");
        }
    }

    #[test]
    fn no_piece_is_begun_once_the_job_is_to_end() {
        let options = Options {
            threads: NonZeroUsize::new(2),
            ..Options::default()
        };
        let workers = Workers::of(&options).unwrap();
        let done = AtomicUsize::new(0);
        let outcome = workers.share(
            1_000_000,
            || (),
            |(), _| {
                done.fetch_add(1, Ordering::Relaxed);
                options.cancel.cancel();
                Ok(())
            },
        );
        assert!(matches!(outcome, Err(Error::Cancelled)));
        // Each thread may have one piece in its hands.
        assert!(done.into_inner() <= 2);
    }

    #[test]
    fn after_an_error_no_piece_is_begun() {
        let workers = Workers::new(NonZeroUsize::MIN).unwrap();
        let begun = AtomicUsize::new(0);
        let outcome = workers.share(
            1000,
            || (),
            |(), piece| {
                begun.fetch_add(1, Ordering::Relaxed);
                match piece {
                    7 => Err(Error::Cancelled),
                    _ => Ok(()),
                }
            },
        );
        assert!(outcome.is_err());
        assert_eq!(begun.into_inner(), 8);
    }

    #[test]
    fn a_panic_beside_another_job_is_the_same_panic_where_its_outcome_is_wanted() {
        let outcome = std::panic::catch_unwind(|| {
            std::thread::scope(|scope| {
                let job = || -> u8 { panic!("a mistake") };
                beside(scope, job).outcome()
            })
        });
        let why = outcome.unwrap_err();
        assert_eq!(why.downcast_ref::<&str>(), Some(&"a mistake"));
    }

    #[test]
    fn a_panic_in_any_thread_is_a_panic() {
        let workers = Workers::new(NonZeroUsize::new(4).unwrap()).unwrap();
        for unlucky in [0, 1, 99] {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                workers.share(
                    100,
                    || (),
                    |(), piece| {
                        assert!(piece != unlucky, "piece {unlucky}");
                        Ok(())
                    },
                )
            }));
            let why = outcome.unwrap_err();
            let why = why.downcast_ref::<String>().map(String::as_str);
            assert_eq!(why, Some(format!("piece {unlucky}").as_str()));
        }
    }
}
