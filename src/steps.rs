//! Counts the work that a thread does, for tests that let a file double and look how the work grows. Outside of
//! tests nothing is counted, and nothing is left of it in the program.
//!
//! A step is one turn of something whose number hostile bytes decide: an item compared, an element looked at, a
//! page passed. Loops that could be nested in each other count theirs.

/// Work of one thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg(test)]
pub(crate) struct Work {
    /// Steps that were counted.
    pub(crate) steps: u64,
    /// Bytes that were read by position.
    pub(crate) bytes: u64,
    /// Reads by position.
    pub(crate) reads: u64,
}

#[cfg(test)]
thread_local! {
    static WORK: std::cell::Cell<Work> = const { std::cell::Cell::new(Work { steps: 0, bytes: 0, reads: 0 }) };
}

/// Counts so many steps.
#[inline(always)]
pub(crate) fn count(_steps: usize) {
    #[cfg(test)]
    WORK.with(|work| {
        let mut all = work.get();
        all.steps += _steps as u64;
        work.set(all);
    });
}

/// Counts a read by position.
#[inline(always)]
pub(crate) fn count_read(_len: usize) {
    #[cfg(test)]
    WORK.with(|work| {
        let mut all = work.get();
        all.bytes += _len as u64;
        all.reads += 1;
        work.set(all);
    });
}

/// A value whose comparisons are steps: a lookup in a table makes a few of them, a search through a list many.
#[derive(Debug, Clone, Copy, Eq)]
pub(crate) struct Counted<T>(pub(crate) T);

impl<T: PartialEq> PartialEq for Counted<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        count(1);
        self.0 == other.0
    }
}

impl<T: std::hash::Hash> std::hash::Hash for Counted<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// What `job` costs on this thread.
#[cfg(test)]
pub(crate) fn of<T>(job: impl FnOnce() -> T) -> (T, Work) {
    let before = WORK.replace(Work::default());
    let done = job();
    let work = WORK.replace(before);
    (done, work)
}
