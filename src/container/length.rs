use super::{Layout, TRAILER};

/// What the length of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthVerdict {
    /// High-water mark times page size and a digest: what `snapshot save` writes.
    Snapshot,
    /// High-water mark times page size.
    Exact,
    /// The same, and whole unused pages behind it.
    Slack {
        /// How many.
        pages: u64,
    },
    /// Shorter than the high-water mark.
    Short {
        /// Bytes that are missing.
        missing: u64,
    },
    /// Longer, by what is neither a digest nor whole pages.
    Trailing {
        /// Bytes too many.
        extra: u64,
    },
}

/// Compares the length of a file with the length that its meta gives the database.
pub fn judge_length(layout: &Layout, expected: u64, page_size: u32) -> LengthVerdict {
    let Some(extra) = layout.file_len.checked_sub(expected) else {
        return LengthVerdict::Short {
            missing: expected.saturating_sub(layout.file_len),
        };
    };
    let page_size = u64::from(page_size);
    match extra {
        0 => LengthVerdict::Exact,
        TRAILER => LengthVerdict::Snapshot,
        _ if extra.checked_rem(page_size) == Some(0) => LengthVerdict::Slack {
            pages: extra.checked_div(page_size).unwrap_or(0),
        },
        _ => LengthVerdict::Trailing { extra },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_has_its_name() {
        let of = |file_len| {
            let layout = Layout {
                file_len,
                database_len: file_len,
                trailer: None,
            };
            judge_length(&layout, 40_960, 4096)
        };
        assert_eq!(of(40_992), LengthVerdict::Snapshot);
        assert_eq!(of(40_960), LengthVerdict::Exact);
        assert_eq!(of(49_152), LengthVerdict::Slack { pages: 2 });
        assert_eq!(of(40_959), LengthVerdict::Short { missing: 1 });
        assert_eq!(of(0), LengthVerdict::Short { missing: 40_960 });
        assert_eq!(of(40_991), LengthVerdict::Trailing { extra: 31 });
        assert_eq!(of(49_184), LengthVerdict::Trailing { extra: 8224 });
    }
}
