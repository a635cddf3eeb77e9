//! A small generator (splitmix64), so that a seed means the same for ever.
#![allow(dead_code, reason = "each suite uses its part of it")]

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).expect("a count fits");
        usize::try_from(self.next() % count).expect("it is below a count")
    }

    /// One of them.
    pub(crate) fn pick<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        let count = u64::try_from(list.len()).ok().filter(|count| *count > 0)?;
        list.get(usize::try_from(self.next() % count).ok()?)
    }

    /// One of a list that is not empty.
    pub(crate) fn one_of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        self.pick(list).expect("the list is not empty")
    }

    /// A number in `from..=to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let count = to.abs_diff(from) + 1;
        from + i64::try_from(self.next() % count).expect("the range is one of revisions")
    }
}
