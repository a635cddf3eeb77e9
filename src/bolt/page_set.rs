use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::PageId;

/// A set of page ids, one bit for each page that the file really holds. Threads may share it.
#[derive(Debug)]
pub struct PageSet {
    words: Vec<AtomicU64>,
    pages: u64,
}

impl PageSet {
    /// An empty set for ids below `pages`.
    pub fn new(pages: u64) -> Self {
        let words = usize::try_from(pages.div_ceil(64)).unwrap_or(0);
        Self {
            words: std::iter::repeat_with(AtomicU64::default)
                .take(words)
                .collect(),
            pages,
        }
    }

    /// Adds `page`; true when it was not in the set. Ids beyond the set count as being in it.
    pub fn insert(&self, page: PageId) -> bool {
        match self.word(page) {
            Some((word, bit)) => word.fetch_or(bit, Ordering::Relaxed) & bit == 0,
            None => false,
        }
    }

    /// True when `page` is in the set.
    pub fn contains(&self, page: PageId) -> bool {
        self.word(page)
            .is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// How many pages are in it.
    pub fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.load(Ordering::Relaxed).count_ones()))
            .fold(0, u64::saturating_add)
    }

    /// True when no page is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn word(&self, page: PageId) -> Option<(&AtomicU64, u64)> {
        if page.0 >= self.pages {
            return None;
        }
        let word = self.words.get(usize::try_from(page.0 >> 6).ok()?)?;
        Some((word, 1u64 << (page.0 & 63)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_new_only_once_and_never_beyond_the_file() {
        let set = PageSet::new(130);
        assert!(set.insert(PageId(129)));
        assert!(!set.insert(PageId(129)));
        assert!(!set.insert(PageId(130)));
        assert!(!set.insert(PageId(u64::MAX)));
        assert!(set.contains(PageId(129)) && !set.contains(PageId(128)));
        assert_eq!(set.len(), 1);
    }
}
