use std::io;
use std::path::{Path, PathBuf};

use crate::bolt::edit::EditError;
use crate::bolt::write::{RebuildError, WriteError};
use crate::error::Error;
use crate::finding::escape;

/// Why nothing was restored, or written by `compact` or `trailer`. Nothing stands under a final name then, save with
/// [`OutputError::NotSynced`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The request does not fit together, or the target cannot be used. Where etcdutl has words for it,
    /// these are they.
    #[error("{0}")]
    Request(String),
    /// The file is not one to restore from.
    #[error("{message}")]
    File {
        /// Why, in one sentence.
        message: String,
        /// More about it, line by line.
        details: Vec<String>,
    },
    /// Another process holds the file's lock.
    #[error("{message}")]
    InUse {
        /// Why, in one sentence.
        message: String,
        /// What to do, line by line.
        details: Vec<String>,
    },
    /// Reading failed, the file changed, or the job was cancelled.
    #[error(transparent)]
    Read(#[from] Error),
    /// The changes to the database cannot be made.
    #[error("the members cannot be written into the database")]
    Edit(#[from] EditError),
    /// The database cannot be rewritten.
    #[error("the database cannot be rewritten")]
    Rebuild(#[source] RebuildError),
    /// Something could not be written.
    #[error("{what} {}", escape::path(path))]
    Write {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Everything has its final name and was read back, but it is not certain that the name is on the disk.
    #[error(
        "{} is there and whole, but its name may be lost if the power fails now: cannot sync {}",
        escape::path(path),
        escape::path(folder)
    )]
    NotSynced {
        /// What was made.
        path: PathBuf,
        /// The folder that holds its name.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl OutputError {
    /// Why the database that was to go to `path` could not be rewritten.
    pub(super) fn rebuild(path: &Path) -> impl FnOnce(RebuildError) -> Self {
        move |error| match error {
            RebuildError::Read(error) => Self::Read(error),
            RebuildError::Write(WriteError::Io { source, .. }) => {
                Self::write("cannot write", path)(source)
            }
            other => Self::Rebuild(other),
        }
    }

    /// What was read back is not what was to be written.
    pub(super) fn differs(problems: Vec<String>) -> Self {
        Self::File {
            message: "what was written does not read back as it should; nothing was kept of it"
                .into(),
            details: problems,
        }
    }

    pub(super) fn not_synced<'p>(
        path: &'p Path,
        folder: &'p Path,
    ) -> impl FnOnce(io::Error) -> Self + 'p {
        move |source| Self::NotSynced {
            path: path.to_owned(),
            folder: folder.to_owned(),
            source,
        }
    }

    pub(super) fn write(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { what, path, source }
    }
}
