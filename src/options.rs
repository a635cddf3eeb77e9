//! How a job is run: threads, memory, progress, cancelling. One value, handed to every operation.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Hears how far a long job has come. Called from worker threads, some hundred times a second at most.
pub trait Progress: Send + Sync {
    /// The job's next stage begins: its name, and how many bytes it will pass over.
    fn stage(&self, name: &str, total_bytes: u64);
    /// So many more bytes of the current stage are done.
    fn advance(&self, bytes: u64);
}

/// A flag that asks running jobs to stop; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses an existing flag, for example one that a signal handler sets.
    pub fn from_flag(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Asks every job that holds a clone of this flag to stop soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// [`Error::Cancelled`] once the flag is set.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}

/// How to run a job. `Options::default()` suits a command line tool: all cores, no progress.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// let options = etcdsnap::options::Options::default()
///     .with_threads(NonZeroUsize::MIN)
///     .with_memory_limit(64 << 20);
/// assert_eq!(options.worker_threads().get(), 1);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Worker threads; `None` takes one per core. [`Workers`](crate::Workers) limits how many are started.
    pub threads: Option<NonZeroUsize>,
    /// Bytes of private memory that tables over keys and records may take; `None`: no limit.
    pub memory_limit: Option<u64>,
    /// Told how far the job is.
    pub progress: Option<Arc<dyn Progress>>,
    /// Stops the job from outside.
    pub cancel: Cancel,
}

impl Options {
    /// With this many worker threads.
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// With tables over keys and records of at most `bytes` bytes.
    pub fn with_memory_limit(self, bytes: u64) -> Self {
        Self {
            memory_limit: Some(bytes),
            ..self
        }
    }

    /// Tells `progress` how far the job is.
    pub fn with_progress(self, progress: Arc<dyn Progress>) -> Self {
        Self {
            progress: Some(progress),
            ..self
        }
    }

    /// Stops once `cancel` is set.
    pub fn with_cancel(self, cancel: Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// The number of worker threads that are asked for.
    pub fn worker_threads(&self) -> NonZeroUsize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN)
    }

    pub(crate) fn stage(&self, name: &str, total_bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.stage(name, total_bytes);
        }
    }

    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.advance(bytes);
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("threads", &self.threads)
            .field("memory_limit", &self.memory_limit)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}
