//! What was gathered from leaves that follow each other, joined back into tree order.

/// Gathers one item for each run of leaves with consecutive ranks.
#[derive(Debug)]
pub(crate) struct Runs<T> {
    list: Vec<Run<T>>,
}

#[derive(Debug)]
pub(crate) struct Run<T> {
    pub(crate) first_rank: u32,
    pub(crate) last_rank: u32,
    pub(crate) bucket: usize,
    pub(crate) item: T,
}

impl<T> Runs<T> {
    pub(crate) fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// True when the leaf of this rank does not continue the last run.
    pub(crate) fn is_new(&self, rank: u32, bucket: usize) -> bool {
        !self.list.last().is_some_and(|run| {
            run.bucket == bucket
                && (run.last_rank == rank || run.last_rank.checked_add(1) == Some(rank))
        })
    }

    /// The run that the leaf of this rank continues, or a new one.
    pub(crate) fn at(&mut self, rank: u32, bucket: usize, start: impl FnOnce() -> T) -> &mut T {
        if self.is_new(rank, bucket) {
            self.list.push(Run {
                first_rank: rank,
                last_rank: rank,
                bucket,
                item: start(),
            });
        }
        let at = self.list.len().saturating_sub(1);
        #[expect(clippy::indexing_slicing, reason = "the list was given an entry above")]
        let run = &mut self.list[at];
        run.last_rank = rank;
        &mut run.item
    }

    /// The item of the newest run.
    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        self.list.last_mut().map(|run| &mut run.item)
    }

    /// All runs of all threads in tree order.
    pub(crate) fn join(parts: impl IntoIterator<Item = Self>) -> Vec<Run<T>> {
        let mut all: Vec<Run<T>> = parts.into_iter().flat_map(|runs| runs.list).collect();
        all.sort_unstable_by_key(|run| run.first_rank);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_ranks_share_a_run_and_join_in_order() {
        let mut one = Runs::new();
        for rank in [4, 5, 6, 9] {
            one.at(rank, 0, Vec::new).push(rank);
        }
        let mut two = Runs::new();
        for (rank, bucket) in [(0, 0), (1, 1), (2, 1), (2, 1)] {
            two.at(rank, bucket, Vec::new).push(rank);
        }
        let joined: Vec<Vec<u32>> = Runs::join([one, two]).into_iter().map(|r| r.item).collect();
        assert_eq!(joined, [vec![0], vec![1, 2, 2], vec![4, 5, 6], vec![9]]);
    }
}
