use super::{FileLayout, TRAILER};

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
    /// Unused bytes after the high-water mark, and a digest that covers them.
    SealedSlack {
        /// How many bytes lie between the high-water mark and the digest.
        bytes: u64,
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

/// Compares the length of a file with the length that its meta gives the database. `digest_fits` tells whether
/// the digest at the end is that of all bytes before it; none when it was not compared.
pub fn judge_length(
    layout: &FileLayout,
    expected: u64,
    page_size: u32,
    digest_fits: Option<bool>,
) -> LengthVerdict {
    let Some(extra) = layout.file_len.checked_sub(expected) else {
        return LengthVerdict::Short {
            missing: expected.saturating_sub(layout.file_len),
        };
    };
    let page_size = u64::from(page_size);
    // What the digest covers was there when the file was sealed. Not compared, whole pages may be.
    let sealed = extra.checked_sub(TRAILER).filter(|bytes| {
        layout.trailer.is_some() && digest_fits.unwrap_or(bytes.checked_rem(page_size) == Some(0))
    });
    match (extra, sealed) {
        (0, _) => LengthVerdict::Exact,
        (TRAILER, _) => LengthVerdict::Snapshot,
        (_, Some(bytes)) => LengthVerdict::SealedSlack { bytes },
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
            let layout = FileLayout {
                file_len,
                database_len: file_len,
                trailer: None,
            };
            judge_length(&layout, 40_960, 4096, None)
        };
        assert_eq!(of(40_992), LengthVerdict::Snapshot);
        assert_eq!(of(40_960), LengthVerdict::Exact);
        assert_eq!(of(49_152), LengthVerdict::Slack { pages: 2 });
        assert_eq!(of(40_959), LengthVerdict::Short { missing: 1 });
        assert_eq!(of(0), LengthVerdict::Short { missing: 40_960 });
        assert_eq!(of(40_991), LengthVerdict::Trailing { extra: 31 });
        assert_eq!(of(49_184), LengthVerdict::Trailing { extra: 8224 });
    }

    #[test]
    fn bytes_that_the_digest_covers_are_slack() {
        let of = |file_len, fits| {
            let layout = FileLayout {
                file_len,
                database_len: file_len - TRAILER,
                trailer: Some(crate::checksum::Sha256([0; 32])),
            };
            judge_length(&layout, 40_960, 4096, fits)
        };
        assert_eq!(of(40_992, Some(true)), LengthVerdict::Snapshot);
        let slack = LengthVerdict::SealedSlack { bytes: 8192 };
        assert_eq!(of(49_184, Some(true)), slack);
        assert_eq!(of(49_184, None), slack);
        let trailing = LengthVerdict::Trailing { extra: 8224 };
        assert_eq!(of(49_184, Some(false)), trailing);
        let part = LengthVerdict::SealedSlack { bytes: 512 };
        assert_eq!(of(41_504, Some(true)), part);
        assert_eq!(of(41_504, None), LengthVerdict::Trailing { extra: 544 });
        let short = LengthVerdict::Short { missing: 512 };
        assert_eq!(of(40_448, Some(true)), short);
    }
}
