//! What was gathered from leaves in any order, joined back into tree order.

use crate::error::Result;
use crate::workers::Workers;

/// So many leaves share a chunk, as a power of two. Items of different chunks never meet while sorting.
const CHUNK_SHIFT: u32 = 12;
const CHUNK: usize = 1 << CHUNK_SHIFT;

/// What belongs to a leaf.
pub(crate) trait Ranked: Copy + Send + Sync {
    /// The leaf's rank.
    fn rank(&self) -> u32;

    /// The leaf's number in its chunk.
    fn slot(&self) -> usize {
        self.rank() as usize % CHUNK
    }
}

/// Items, each gathered at the leaf of some rank. The items of one leaf are pushed one after the other, by
/// one thread, and stay in this order.
#[derive(Debug)]
pub(crate) struct ByRank<T> {
    chunks: Vec<Vec<T>>,
}

impl<T: Ranked> ByRank<T> {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    pub(crate) fn push(&mut self, item: T) {
        let number = chunk_of(item.rank());
        if self.chunks.len() <= number {
            self.chunks.resize_with(number.saturating_add(1), Vec::new);
        }
        if let Some(chunk) = self.chunks.get_mut(number) {
            chunk.push(item);
        }
    }

    /// Calls `fold` for the items of each chunk of all threads together, in tree order, in parallel. So are
    /// the answers.
    ///
    /// # Errors
    /// Threads.
    pub(crate) fn join<U: Send>(
        parts: &[&Self],
        workers: &Workers,
        fold: impl Fn(&[T]) -> U + Sync,
    ) -> Result<Vec<U>> {
        let chunks = parts.iter().map(|part| part.chunks.len()).max();
        let states = workers.share(
            chunks.unwrap_or(0),
            || (Vec::new(), Vec::new()),
            |(folded, sorted), number| {
                let of_threads: Vec<&[T]> = parts
                    .iter()
                    .filter_map(|part| part.chunks.get(number).map(Vec::as_slice))
                    .collect();
                sort(&of_threads, sorted);
                folded.push((number, fold(sorted)));
                Ok(())
            },
        )?;
        let mut all: Vec<(usize, U)> = states.into_iter().flat_map(|(folded, _)| folded).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        Ok(all.into_iter().map(|(_, folded)| folded).collect())
    }
}

fn chunk_of(rank: u32) -> usize {
    (rank >> CHUNK_SHIFT) as usize
}

/// Sorts the items of one chunk by counting: two passes, and items of one leaf keep their order.
fn sort<T: Ranked>(lists: &[&[T]], sorted: &mut Vec<T>) {
    sorted.clear();
    let Some(any) = lists.iter().find_map(|list| list.first()) else {
        return;
    };
    let all = || lists.iter().flat_map(|list| list.iter());
    let mut next = vec![0usize; CHUNK];
    for item in all() {
        if let Some(count) = next.get_mut(item.slot()) {
            *count = count.saturating_add(1);
        }
    }
    let mut sum = 0usize;
    for count in &mut next {
        let begins = sum;
        sum = sum.saturating_add(*count);
        *count = begins;
    }
    sorted.resize(sum, *any);
    for item in all() {
        if let Some(at) = next.get_mut(item.slot()) {
            if let Some(place) = sorted.get_mut(*at) {
                *place = *item;
            }
            *at = at.saturating_add(1);
        }
    }
}

/// One item for each run of leaves with consecutive ranks.
#[derive(Debug)]
pub(crate) struct Runs<T> {
    list: ByRank<Run<T>>,
    open: Option<Run<T>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<T> {
    pub(crate) first_rank: u32,
    pub(crate) last_rank: u32,
    pub(crate) bucket: usize,
    pub(crate) item: T,
}

impl<T: Copy + Send + Sync> Ranked for Run<T> {
    fn rank(&self) -> u32 {
        self.first_rank
    }
}

impl<T: Copy + Send + Sync> Runs<T> {
    pub(crate) fn new() -> Self {
        Self {
            list: ByRank::new(),
            open: None,
        }
    }

    /// True when the leaf of this rank does not continue the last run.
    pub(crate) fn is_new(&self, rank: u32, bucket: usize) -> bool {
        !self.open.as_ref().is_some_and(|run| {
            run.bucket == bucket
                && (run.last_rank == rank || run.last_rank.checked_add(1) == Some(rank))
                && chunk_of(run.first_rank) == chunk_of(rank)
        })
    }

    /// The run that the leaf of this rank continues, or a new one.
    pub(crate) fn at(&mut self, rank: u32, bucket: usize, start: impl FnOnce() -> T) -> &mut T {
        if self.is_new(rank, bucket) {
            self.close();
        }
        let run = self.open.get_or_insert_with(|| Run {
            first_rank: rank,
            last_rank: rank,
            bucket,
            item: start(),
        });
        run.last_rank = rank;
        &mut run.item
    }

    /// The item of the newest run.
    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        self.open.as_mut().map(|run| &mut run.item)
    }

    /// Ends the newest run; must be called before joining.
    pub(crate) fn close(&mut self) {
        if let Some(run) = self.open.take() {
            self.list.push(run);
        }
    }

    /// Calls `fold` for pieces of all runs of all threads, in parallel; the answers are in tree order, and
    /// so are the runs of each piece.
    ///
    /// # Errors
    /// Threads.
    pub(crate) fn join<'r, U: Send>(
        parts: impl IntoIterator<Item = &'r mut Self>,
        workers: &Workers,
        fold: impl Fn(&[Run<T>]) -> U + Sync,
    ) -> Result<Vec<U>>
    where
        T: 'r,
    {
        let lists: Vec<&ByRank<Run<T>>> = parts
            .into_iter()
            .map(|part| {
                part.close();
                &part.list
            })
            .collect();
        ByRank::join(&lists, workers, fold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_ranks_share_a_run_and_join_in_order() {
        let mut one = Runs::new();
        for rank in [4u32, 5, 6, 9, 4095, 4096] {
            *one.at(rank, 0, || 0) += rank;
        }
        let mut two = Runs::new();
        for (rank, bucket) in [(9_000, 1), (0u32, 0), (1, 1), (2, 1), (2, 1)] {
            *two.at(rank, bucket, || 0) += rank;
        }
        let workers = Workers::new(std::num::NonZeroUsize::new(2).unwrap()).unwrap();
        let joined = Runs::join([&mut one, &mut two], &workers, |runs| {
            runs.iter().map(|run| run.item).collect::<Vec<u32>>()
        })
        .unwrap();
        assert_eq!(
            joined,
            [vec![0, 5, 15, 9, 4095], vec![4096], vec![9_000]],
            "a run ends where a chunk does"
        );
    }
}
