//! A copy that is read while it is being made.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// How much of a copy is there, from its beginning on.
#[derive(Debug, Default)]
pub(in crate::ops) struct CopyProgress {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    ended: bool,
}

impl CopyProgress {
    /// Says that the first `bytes` bytes are there.
    pub(in crate::ops) fn up_to(&self, bytes: u64) {
        let mut state = self.lock();
        state.bytes = state.bytes.max(bytes);
        drop(state);
        self.more.notify_all();
    }

    /// Says that nothing more will come.
    pub(in crate::ops) fn end(&self) {
        self.lock().ended = true;
        self.more.notify_all();
    }

    /// Says that nothing more will come once the value is dropped.
    pub(in crate::ops) fn ends_with_this(&self) -> Ending<'_> {
        Ending(self)
    }

    /// Waits until the first `bytes` bytes are there.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when they will not come.
    pub(in crate::ops) fn wait(&self, bytes: u64) -> Result<()> {
        let waiting = |state: &mut State| state.bytes < bytes && !state.ended;
        let state = self.more.wait_while(self.lock(), waiting);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        match state.bytes < bytes {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Two plain values, which no panic leaves half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`CopyProgress::ends_with_this`].
pub(in crate::ops) struct Ending<'a>(&'a CopyProgress);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_waits_for_what_it_needs_and_is_told_when_it_will_not_come() {
        let progress = CopyProgress::default();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let first = progress.wait(10);
                (first, progress.wait(30))
            });
            progress.up_to(10);
            progress.up_to(5);
            progress.up_to(29);
            progress.end();
            let (first, second) = reader.join().unwrap();
            assert!(first.is_ok());
            assert!(matches!(second, Err(Error::Cancelled)));
        });
        assert!(progress.wait(29).is_ok());
    }

    #[test]
    fn a_copy_that_ends_in_a_panic_is_not_waited_for() {
        let progress = CopyProgress::default();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ending = progress.ends_with_this();
            panic!("in the middle");
        }));
        assert!(outcome.is_err());
        assert!(progress.wait(1).is_err());
    }
}
