use std::collections::BTreeSet;

/// Which user keys are wanted: a span of keys in byte order, or single ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFilter {
    /// Keys from `start` on and below `end`; without `end`, all from `start` on.
    Span {
        /// The first key.
        start: Vec<u8>,
        /// The first key behind the span.
        end: Option<Vec<u8>>,
    },
    /// These keys.
    Keys(BTreeSet<Vec<u8>>),
}

impl KeyFilter {
    /// Every key.
    pub fn all() -> Self {
        Self::prefix(b"")
    }

    /// Keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self::Span {
            start: prefix.to_vec(),
            end: prefix_end(prefix),
        }
    }

    /// One key.
    pub fn key(key: &[u8]) -> Self {
        Self::Keys(BTreeSet::from([key.to_vec()]))
    }

    /// True when `key` is wanted.
    #[inline]
    pub fn matches(&self, key: &[u8]) -> bool {
        match self {
            Self::Span { start, end } => {
                key >= start.as_slice() && end.as_deref().is_none_or(|end| key < end)
            }
            Self::Keys(keys) => keys.contains(key),
        }
    }

    /// The keys that are in both filters.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Keys(keys), other) | (other, Self::Keys(keys)) => {
                Self::Keys(keys.into_iter().filter(|key| other.matches(key)).collect())
            }
            (Self::Span { start: a, end: b }, Self::Span { start: c, end: d }) => Self::Span {
                start: a.max(c),
                end: match (b, d) {
                    (Some(b), Some(d)) => Some(b.min(d)),
                    (one, other) => one.or(other),
                },
            },
        }
    }
}

/// The first key that does not begin with `prefix` and is above those that do; `None` when there is none.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_what_begins_with_it_and_nothing_else() {
        let filter = KeyFilter::prefix(b"/a");
        assert!(filter.matches(b"/a") && filter.matches(b"/a\xff\xff") && filter.matches(b"/ab"));
        assert!(!filter.matches(b"/b") && !filter.matches(b"/"));
        let high = KeyFilter::prefix(b"\xff");
        assert!(high.matches(b"\xff\xff") && !high.matches(b"\xfe"));
        assert!(KeyFilter::all().matches(b"") && KeyFilter::all().matches(b"\xff"));
    }

    #[test]
    fn the_end_of_a_span_is_not_in_it_and_filters_narrow_each_other() {
        let span = KeyFilter::Span {
            start: b"b".to_vec(),
            end: Some(b"d".to_vec()),
        };
        assert!(span.matches(b"b") && span.matches(b"cz") && !span.matches(b"d"));
        let both = span.clone().and(KeyFilter::prefix(b"c"));
        assert!(both.matches(b"c1") && !both.matches(b"b"));
        let keys = KeyFilter::key(b"c").and(span);
        assert!(keys.matches(b"c") && !keys.matches(b"b"));
    }
}
