//! Which pages an object gets, and which pages stay free.

use super::random::Random;
use super::{PageOrder, WriteError, WriteLayout};
use crate::ids::PageId;

/// How many runs are looked at for one that is long enough.
const TRIES: usize = 64;
/// More pages than any reader accepts.
const MAX_PAGES: u64 = 1 << 32;

/// Hands out pages.
#[derive(Debug)]
pub(super) struct Allotment {
    order: PageOrder,
    free_share: f64,
    random: Random,
    /// Behind every page that was handed out or put into a stretch.
    end: u64,
    /// Behind every page that was handed out.
    used_end: u64,
    used: Bits,
    used_count: u64,
    /// Runs of the current stretch that are still to be handed out; the next one is last.
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    len: u64,
}

impl Allotment {
    pub(super) fn new(layout: &WriteLayout) -> Self {
        Self {
            order: layout.order,
            free_share: layout.free_share,
            random: Random::new(layout.seed),
            end: 2,
            used_end: 2,
            used: Bits::default(),
            used_count: 0,
            runs: Vec::new(),
        }
    }

    /// `pages` consecutive pages.
    pub(super) fn take(&mut self, pages: u64) -> Result<PageId, WriteError> {
        let first = match self.order {
            PageOrder::Ascending => self.take_at_end(pages),
            PageOrder::Scattered {
                stretch,
                longest_run,
            } => self.take_from_stretch(
                pages,
                u64::from(stretch.max(1)),
                u64::from(longest_run.max(1)),
            ),
        };
        let end = first.checked_add(pages).filter(|end| *end < MAX_PAGES);
        let end = end.ok_or(WriteError::TooLarge)?;
        for page in first..end {
            self.used.set(page);
        }
        self.used_end = self.used_end.max(end);
        self.used_count = self.used_count.saturating_add(pages);
        Ok(PageId(first))
    }

    /// `pages` consecutive pages behind all others.
    pub(super) fn take_last(&mut self, pages: u64) -> Result<PageId, WriteError> {
        self.order = PageOrder::Ascending;
        self.free_share = 0.0;
        self.end = self.used_end;
        self.take(pages)
    }

    /// One past the highest page in use.
    pub(super) fn used_end(&self) -> u64 {
        self.used_end
    }

    /// How many pages are in use, metas not counted.
    pub(super) fn used_count(&self) -> u64 {
        self.used_count
    }

    /// The pages below `end` that are not in use, ascending.
    pub(super) fn free(&self, end: u64) -> impl Iterator<Item = PageId> {
        (2..end).filter(|page| !self.used.get(*page)).map(PageId)
    }

    fn take_at_end(&mut self, pages: u64) -> u64 {
        while self.random.chance(self.free_share) {
            self.end = self.end.saturating_add(1);
        }
        let first = self.end;
        self.end = first.saturating_add(pages);
        first
    }

    fn take_from_stretch(&mut self, pages: u64, stretch: u64, longest: u64) -> u64 {
        if pages > longest {
            let first = self.end;
            self.end = first.saturating_add(pages);
            return first;
        }
        while self.runs.is_empty() {
            self.begin_stretch(stretch, longest);
        }
        let found = self
            .runs
            .iter()
            .rev()
            .take(TRIES)
            .position(|run| run.len >= pages);
        let found = found.map(|back| self.runs.len().saturating_sub(back).saturating_sub(1));
        let Some((at, run)) = found.and_then(|at| Some((at, self.runs.get_mut(at)?))) else {
            let first = self.end;
            self.end = first.saturating_add(pages);
            return first;
        };
        let first = run.first;
        run.first = first.saturating_add(pages);
        run.len = run.len.saturating_sub(pages);
        if run.len == 0 {
            self.runs.remove(at);
        }
        first
    }

    fn begin_stretch(&mut self, stretch: u64, longest: u64) {
        let end = self.end.saturating_add(stretch);
        while self.end < end {
            let len = self
                .random
                .below(longest)
                .saturating_add(1)
                .min(end.saturating_sub(self.end));
            if !self.random.chance(self.free_share) {
                self.runs.push(Run {
                    first: self.end,
                    len,
                });
            }
            self.end = self.end.saturating_add(len);
        }
        for at in (1..self.runs.len()).rev() {
            let with = self.random.below((at as u64).saturating_add(1));
            self.runs.swap(at, usize::try_from(with).unwrap_or(at));
        }
    }
}

/// A set of page numbers.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, number: u64) {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        if self.0.len() <= word {
            self.0.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (number % 64);
        }
    }

    fn get(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64)
            .ok()
            .and_then(|word| self.0.get(word));
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allot(order: PageOrder, free_share: f64) -> (Vec<u64>, Vec<u64>) {
        let layout = WriteLayout {
            order,
            free_share,
            seed: 7,
            ..WriteLayout::default()
        };
        let mut allotment = Allotment::new(&layout);
        let mut taken = Vec::new();
        for number in 0..2000u64 {
            let pages = if number % 50 == 0 { 9 } else { 1 + number % 3 };
            let first = allotment.take(pages).unwrap().0;
            taken.extend(first..first + pages);
        }
        assert_eq!(allotment.used_count(), taken.len() as u64);
        let free = allotment
            .free(allotment.used_end())
            .map(|page| page.0)
            .collect();
        (taken, free)
    }

    #[test]
    fn every_page_is_handed_out_once_or_free() {
        let scattered = PageOrder::Scattered {
            stretch: 500,
            longest_run: 4,
        };
        for (order, share) in [
            (PageOrder::Ascending, 0.0),
            (PageOrder::Ascending, 0.3),
            (scattered, 0.0),
            (scattered, 0.3),
        ] {
            let (taken, free) = allot(order, share);
            let mut all: Vec<u64> = [taken, free].concat();
            all.sort_unstable();
            assert!(
                all.iter().copied().eq(2..2 + all.len() as u64),
                "{order:?} {share}"
            );
        }
    }

    #[test]
    fn scattered_pages_are_far_from_ascending() {
        let order = PageOrder::Scattered {
            stretch: 1000,
            longest_run: 4,
        };
        let (taken, free) = allot(order, 0.2);
        let follow = taken
            .windows(2)
            .filter(|pair| pair[0] + 1 == pair[1])
            .count();
        assert!(follow < taken.len() * 3 / 4, "{follow} of {}", taken.len());
        assert!(free.len() > taken.len() / 10);
    }
}
