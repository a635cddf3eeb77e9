//! Why a job could not be done.
//!
//! Damage inside a file is a [finding](crate::finding), not an error; errors are left for what keeps
//! the library from looking at all.

use std::path::PathBuf;

use crate::finding::{Findings, escape};
use crate::ids::FileOffset;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kept a job from being done, with its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or examined.
    #[error("open {}", escape::path(path))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The path leads to something that is neither a regular file nor a data directory.
    #[error("{}: {what}", escape::path(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is instead, and what to give.
        what: &'static str,
    },
    /// Bytes could not be read.
    #[error("reading {len} bytes at offset {offset} failed")]
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
    /// What was asked for does not fit the file: a word that is not one kind, a field by which nothing can be selected.
    /// Which it is tells the type of the error inside, such as [`KindError`](crate::ops::KindError).
    #[error(transparent)]
    Query(Box<dyn std::error::Error + Send + Sync>),
    /// The file has no answer: it is damaged, or not a snapshot.
    #[error(transparent)]
    Refused(Box<RefusedError>),
    /// What could be read was answered for, but damage may hide further records, or may have altered them.
    #[error("the file is damaged, so the answer may be incomplete: {}", summary(.0))]
    Incomplete(
        /// What is wrong with the file.
        Box<Findings>,
    ),
    /// The value of a single record cannot be read.
    #[error(
        "the value of {} at revision {revision} cannot be read",
        escape::text(key)
    )]
    Record {
        /// The key.
        key: Vec<u8>,
        /// Its mod revision.
        revision: i64,
    },
    /// The system has no random bytes for the marks of secrets.
    #[error("no random bytes for the marks of secrets")]
    Random {
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl Error {
    /// What a question was answered with; nothing where it does not fit the file.
    pub(crate) fn unless_query<T>(outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Ok(answer) => Ok(Some(answer)),
            Err(Self::Query(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An error with what caused it, and what caused that, in one line. No error of this crate repeats its source.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        match error.downcast_ref() {
            Some(error) => text.push_str(&reason(error)),
            None => text.push_str(&error.to_string()),
        }
        cause = error.source();
    }
    text
}

/// What the operating system said, without the number that Rust appends.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => text.replace(&format!(" (os error {number})"), ""),
        None => text,
    }
}

/// The code and the place of the first finding, and how many there are.
fn summary(findings: &Findings) -> String {
    let all = findings.counts.iter();
    let all = all.fold(0u64, |sum, counts| sum.saturating_add(counts.count));
    match findings.list.first() {
        Some(first) if all == 1 => format!("{} at {}", first.code.id, first.place),
        Some(first) => format!(
            "{} at {}, and {} more",
            first.code.id,
            first.place,
            all.saturating_sub(1)
        ),
        None => format!("{all} findings"),
    }
}

/// Why a file has no answer to a question.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct RefusedError {
    /// In the real tool's words, where it has any.
    pub message: String,
    /// More about it: what was found and what to do.
    pub details: Vec<String>,
    /// What the structural check found.
    pub findings: Findings,
    /// True when another process held the file's lock: the damage may come from reading while it wrote.
    pub possibly_torn: bool,
}

impl From<RefusedError> for Error {
    fn from(refusal: RefusedError) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
