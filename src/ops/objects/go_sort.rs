//! The order in which Go's standard library leaves a list.

/// The sort of Go's standard library, which kubectl uses. It is not stable, and what is equal has to come in the
/// same order here. It ends after a bounded number of steps whatever the comparison says.
pub(super) struct GoSort<'s, T, F> {
    list: &'s mut [T],
    is_less: &'s mut F,
}

/// What a choice of a pivot tells of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

impl<T, F: FnMut(&T, &T) -> bool> GoSort<'_, T, F> {
    pub(super) fn sort(list: &mut [T], is_less: &mut F) {
        let len = list.len();
        let mut sort = GoSort { list, is_less };
        let limit = usize::BITS - len.leading_zeros();
        sort.quick(0, len, limit);
    }

    fn less(&mut self, a: usize, b: usize) -> bool {
        (self.is_less)(&self.list[a], &self.list[b])
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.list.swap(a, b);
    }

    /// Pattern-defeating quicksort of `start..end`, with so many bad pivots until heapsort takes over.
    fn quick(&mut self, mut start: usize, mut end: usize, mut limit: u32) {
        let (mut was_balanced, mut was_partitioned) = (true, true);
        loop {
            let len = end - start;
            if len <= 12 {
                return self.insertion(start, end);
            }
            if limit == 0 {
                return self.heap(start, end);
            }
            if !was_balanced {
                self.break_patterns(start, end);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.choose_pivot(start, end);
            if hint == Hint::Decreasing {
                self.list[start..end].reverse();
                pivot = (end - 1) - (pivot - start);
                hint = Hint::Increasing;
            }
            if was_balanced
                && was_partitioned
                && hint == Hint::Increasing
                && self.partial_insertion(start, end)
            {
                return;
            }
            // Many are equal to what stands before the range.
            if start > 0 && !self.less(start - 1, pivot) {
                start = self.partition_equal(start, end, pivot);
                continue;
            }
            let (middle, is_partitioned) = self.partition(start, end, pivot);
            was_partitioned = is_partitioned;
            let (left, right) = (middle - start, end - middle);
            let threshold = len / 8;
            if left < right {
                was_balanced = left >= threshold;
                self.quick(start, middle, limit);
                start = middle + 1;
            } else {
                was_balanced = right >= threshold;
                self.quick(middle + 1, end, limit);
                end = middle;
            }
        }
    }

    fn insertion(&mut self, start: usize, end: usize) {
        for i in start + 1..end {
            let mut j = i;
            while j > start && self.less(j, j - 1) {
                self.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn heap(&mut self, start: usize, end: usize) {
        let len = end - start;
        for root in (0..=(len - 1) / 2).rev() {
            self.sift_down(root, len, start);
        }
        for last in (0..len).rev() {
            self.swap(start, start + last);
            self.sift_down(0, last, start);
        }
    }

    fn sift_down(&mut self, mut root: usize, end: usize, first: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.swap(first + root, first + child);
            root = child;
        }
    }

    /// Puts what is less than the pivot before it and the rest behind it. True when it was so already.
    fn partition(&mut self, start: usize, end: usize, pivot: usize) -> (usize, bool) {
        self.swap(start, pivot);
        let (mut i, mut j) = (start + 1, end - 1);
        let mut is_partitioned = true;
        loop {
            while i <= j && self.less(i, start) {
                i += 1;
            }
            while i <= j && !self.less(j, start) {
                j -= 1;
            }
            if i > j {
                self.swap(j, start);
                return (j, is_partitioned);
            }
            is_partitioned = false;
            self.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Puts what is equal to the pivot before what is greater; nothing is less.
    fn partition_equal(&mut self, start: usize, end: usize, pivot: usize) -> usize {
        self.swap(start, pivot);
        let (mut i, mut j) = (start + 1, end - 1);
        loop {
            while i <= j && !self.less(start, i) {
                i += 1;
            }
            while i <= j && self.less(start, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Moves a few neighbours that are out of order; true when everything is in order then.
    fn partial_insertion(&mut self, start: usize, end: usize) -> bool {
        let mut i = start + 1;
        for _ in 0..5 {
            while i < end && !self.less(i, i - 1) {
                i += 1;
            }
            if i == end {
                return true;
            }
            if end - start < 50 {
                return false;
            }
            self.swap(i, i - 1);
            if i - start >= 2 {
                for j in (1..i).rev() {
                    if !self.less(j, j - 1) {
                        break;
                    }
                    self.swap(j, j - 1);
                }
            }
            if end - i >= 2 {
                for j in i + 1..end {
                    if !self.less(j, j - 1) {
                        break;
                    }
                    self.swap(j, j - 1);
                }
            }
        }
        false
    }

    fn break_patterns(&mut self, start: usize, end: usize) {
        let len = end - start;
        if len < 8 {
            return;
        }
        let mut random = len as u64;
        let modulus = 1u64 << (usize::BITS - len.leading_zeros());
        let middle = start + (len / 4) * 2;
        for at in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = usize::try_from(random & (modulus - 1)).unwrap_or(0);
            if other >= len {
                other -= len;
            }
            self.swap(at, start + other);
        }
    }

    fn choose_pivot(&mut self, start: usize, end: usize) -> (usize, Hint) {
        let len = end - start;
        let mut swaps = 0;
        let mut places = [1, 2, 3].map(|quarter| start + len / 4 * quarter);
        if len >= 8 {
            if len >= 50 {
                for place in &mut places {
                    *place = self.median([*place - 1, *place, *place + 1], &mut swaps);
                }
            }
            places[1] = self.median(places, &mut swaps);
        }
        let hint = match swaps {
            0 => Hint::Increasing,
            12 => Hint::Decreasing,
            _ => Hint::Unknown,
        };
        (places[1], hint)
    }

    fn median(&mut self, [mut a, mut b, mut c]: [usize; 3], swaps: &mut u32) -> usize {
        let mut in_order = |a: &mut usize, b: &mut usize| {
            if self.less(*b, *a) {
                *swaps += 1;
                std::mem::swap(a, b);
            }
        };
        in_order(&mut a, &mut b);
        in_order(&mut b, &mut c);
        in_order(&mut a, &mut b);
        b
    }
}

#[cfg(test)]
mod tests {
    use super::GoSort;

    /// For each length and number of different keys, digests of the order in which the real `sort.Sort` puts keys in
    /// disorder, keys that grow, keys that shrink, and keys that repeat themselves.
    const OF_GO: [[u32; 4]; 24] = [
        [0x4a50_9959, 0x4a50_9959, 0x591d_80e1, 0x4a50_9959],
        [0x3c1d_139f, 0x4a50_9959, 0x7ee0_66bb, 0x0499_455f],
        [0xf5e0_a8b1, 0x4a50_9959, 0x57df_ca61, 0x7ced_638b],
        [0x9a9b_e0eb, 0x4a50_9959, 0xbb50_ae99, 0x4a50_9959],
        [0x51e1_60cf, 0x51e1_60cf, 0xb390_c2f1, 0x51e1_60cf],
        [0x8dd6_bc15, 0x51e1_60cf, 0x4f7c_46f9, 0xdeb9_53c5],
        [0x0b6e_8f0f, 0x51e1_60cf, 0x75c1_c913, 0x51e1_60cf],
        [0x1d0e_2b95, 0x51e1_60cf, 0x7384_b87f, 0x51e1_60cf],
        [0xc9f4_27bd, 0xc9f4_27bd, 0x038e_5be3, 0xc9f4_27bd],
        [0xda92_e59d, 0xc9f4_27bd, 0x5cc0_36a3, 0x9b0e_845f],
        [0xeaa4_689d, 0xc9f4_27bd, 0xd149_c985, 0xdce8_bc93],
        [0x9d67_60f7, 0xc9f4_27bd, 0xac6c_9bd5, 0x75b0_773f],
        [0x3c2a_bfc9, 0x3c2a_bfc9, 0xbcf7_0241, 0x3c2a_bfc9],
        [0xb385_50ed, 0x3c2a_bfc9, 0x36bf_5d87, 0x84f9_e143],
        [0xe807_cc07, 0x3c2a_bfc9, 0xa93e_dd79, 0x5590_8a19],
        [0x40be_9833, 0x3c2a_bfc9, 0x52e2_2459, 0x45f0_a20b],
        [0x2306_fb5d, 0x2306_fb5d, 0xeffe_de75, 0x2306_fb5d],
        [0x2ecf_54cf, 0x2306_fb5d, 0xf8bb_75d7, 0xe16f_6759],
        [0xdb1d_4c59, 0x2306_fb5d, 0xf39a_388b, 0x320b_df2d],
        [0x4132_325b, 0x2306_fb5d, 0xfb03_f0d5, 0x576e_d6d5],
        [0xc504_0b8d, 0xc504_0b8d, 0x790d_2715, 0xc504_0b8d],
        [0x9676_9887, 0xc504_0b8d, 0xd23c_e877, 0x19b4_3a25],
        [0x4547_e3bb, 0xc504_0b8d, 0x93ba_7635, 0x72c7_2bc3],
        [0xa3f3_47eb, 0xc504_0b8d, 0x1da0_1f67, 0x4f40_a1d7],
    ];

    fn key(form: usize, at: u32, len: u32, different: u32, drawn: u32) -> u32 {
        match form {
            0 => drawn,
            1 => at * different / len,
            2 => (len - at) * different / len,
            _ => at % 13 * different / 13 + drawn.div_ceil(different),
        }
    }

    #[test]
    fn what_is_equal_comes_in_the_order_in_which_go_leaves_it() {
        let mut expected = OF_GO.iter();
        for len in [12u32, 13, 40, 60, 200, 3000] {
            for different in [1, 2, 7, 1000] {
                for (form, digest) in expected.next().unwrap().iter().enumerate() {
                    let mut random = len.wrapping_mul(2_654_435_761).wrapping_add(different);
                    let keys: Vec<u32> = (0..len)
                        .map(|at| {
                            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                            key(form, at, len, different, (random >> 8) % different)
                        })
                        .collect();
                    let mut order: Vec<usize> = (0..keys.len()).collect();
                    GoSort::sort(&mut order, &mut |a, b| keys[*a] < keys[*b]);
                    let found = order.iter().fold(2_166_136_261u32, |digest, at| {
                        (digest ^ u32::try_from(*at).unwrap()).wrapping_mul(16_777_619)
                    });
                    assert_eq!(
                        found, *digest,
                        "{len} keys, {different} different, form {form}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_comparison_that_contradicts_itself_ends_all_the_same() {
        let mut seed = 1u32;
        let mut at_random = |_: &usize, _: &usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed & 0x1000 != 0
        };
        for len in [0, 1, 12, 13, 100, 5000] {
            let mut order: Vec<usize> = (0..len).collect();
            GoSort::sort(&mut order, &mut at_random);
            GoSort::sort(&mut order, &mut |_, _| true);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..len));
        }
    }
}
