//! Why a job could not be done.
//!
//! Damage inside a file is a [finding](crate::finding), not an error; errors are left for what keeps
//! the library from looking at all.

use std::path::PathBuf;

use crate::ids::FileOffset;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kept a job from being done, with its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or examined.
    #[error("{}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The path leads to something that is neither a regular file nor a data directory.
    #[error("{}: {what}", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is instead, and what to give.
        what: &'static str,
    },
    /// Bytes could not be read.
    #[error("reading {len} bytes at offset {offset} failed: {source}")]
    Read {
        /// The file, if it is known.
        path: Option<PathBuf>,
        /// Where the read began.
        offset: FileOffset,
        /// How many bytes were asked for.
        len: usize,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file changed while it was being read, so nothing that was read can be trusted.
    #[error(
        "the file changed while it was being read ({what}); copy it to a place where nothing writes to it and run again"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Which property changed, from what to what.
        what: String,
    },
    /// The job needs more memory than the options allow.
    #[error("needs about {needed} bytes of memory, the limit is {limit}; raise the limit")]
    MemoryLimit {
        /// Bytes wanted.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// Worker threads could not be started.
    #[error("worker threads could not be started: {0}")]
    Threads(String),
    /// A revision was asked for that the file cannot answer for. The text is etcd's own.
    #[error("mvcc: required revision {}", if *compacted { "has been compacted" } else { "is a future revision" })]
    Revision {
        /// True when the revision lies before the compaction point, false when beyond the newest.
        compacted: bool,
    },
}
