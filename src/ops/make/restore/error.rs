use std::io;
use std::path::{Path, PathBuf};

use crate::bolt::edit::EditError;
use crate::bolt::write::{RebuildError, WriteError};
use crate::error::Error;
use crate::finding::escape;

/// Why nothing was restored, or written by `compact` or `trailer`. Nothing stands under the final name then,
/// unless it is whole and only the last sync of the folder above failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
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
    #[error("the members cannot be written into the database: {0}")]
    Edit(#[from] EditError),
    /// The database cannot be written anew.
    #[error("the database cannot be written anew: {0}")]
    Rebuild(RebuildError),
    /// Something could not be written.
    #[error("{what} {}: {source}", escape::path(path))]
    Write {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl RestoreError {
    /// Why the database that was to go to `path` could not be written anew.
    pub(in crate::ops) fn rebuild(path: &Path) -> impl FnOnce(RebuildError) -> Self {
        move |error| match error {
            RebuildError::Read(error) => Self::Read(error),
            RebuildError::Write(WriteError::Io { source, .. }) => {
                Self::write("cannot write", path)(source)
            }
            other => Self::Rebuild(other),
        }
    }

    pub(in crate::ops) fn write(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { what, path, source }
    }
}
