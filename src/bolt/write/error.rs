use crate::bolt::layout::MAX_KEY_SIZE;
use crate::finding::escape;

/// The longest value that bbolt accepts.
pub(super) const MAX_VALUE_SIZE: usize = (1 << 31) - 2;

/// Why a file could not be written. What is in the output then is not a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The page size is not a power of two from 1 KiB to 16 MiB.
    #[error(
        "a page of {0} bytes is impossible; page sizes are powers of two from 1024 to 16777216"
    )]
    PageSize(u32),
    /// The fill is not from 0.1 to 1.0.
    #[error("pages cannot be filled to {0}; choose from 0.1 to 1.0")]
    Fill(f64),
    /// The share of free pages is not from 0.0 to 0.9.
    #[error("a share of {0} free pages is impossible; choose from 0.0 to 0.9")]
    FreeShare(f64),
    /// The transaction id is 0, so that the older meta would have none.
    #[error("the transaction id must be at least 1")]
    TxId,
    /// A key or bucket name has no bytes.
    #[error("a key must have at least one byte")]
    EmptyKey,
    /// A key or bucket name is too long.
    #[error("the key has {0} bytes, the limit is {MAX_KEY_SIZE}")]
    LongKey(usize),
    /// A value is too long.
    #[error("the value has {0} bytes, the limit is {max}", max = MAX_VALUE_SIZE)]
    LongValue(usize),
    /// A key is not above the one before it in its bucket.
    #[error(
        "key {} does not follow {}; keys of a bucket must ascend",
        escape::hex(key),
        escape::hex(previous)
    )]
    KeyOrder {
        /// The key before it.
        previous: Vec<u8>,
        /// The key.
        key: Vec<u8>,
    },
    /// A page or an object would be beyond what the format can number.
    #[error("the database grows beyond what the format can hold")]
    TooLarge,
    /// An earlier call failed, so that the file can no longer become whole.
    #[error("the file was given up after an earlier error")]
    GivenUp,
    /// The output failed.
    #[error("writing at byte {offset} failed")]
    Io {
        /// The position in the file.
        offset: u64,
        /// What the output said.
        source: std::io::Error,
    },
}
