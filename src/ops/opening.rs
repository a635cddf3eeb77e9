//! Opening the database of a file as a release of etcd would, or telling why it cannot be opened.

use super::input::Input;
use crate::bolt::{Database, MetaError, OpenError};
use crate::container::classify;
pub use crate::error::RefusedError;
use crate::error::Result;
use crate::etcd::Release;
use crate::finding::Findings;

impl RefusedError {
    pub(super) fn new(input: &Input, message: String, details: Vec<String>) -> Self {
        let possibly_torn = input.file.in_use();
        Self {
            message,
            details,
            findings: Findings::default(),
            possibly_torn,
        }
    }

    /// A refusal that points to `verify`.
    pub(in crate::ops) fn see_verify(input: &Input, message: String) -> Self {
        let details = "run `verify` on the file for all that is wrong with it".into();
        Self::new(input, message, vec![details])
    }
}

/// Opens the database as `release` would. Why it cannot is [`Error::Refused`](crate::Error::Refused).
pub(in crate::ops) fn open_database<'i>(
    input: &'i Input<'_>,
    release: Release,
) -> Result<Database<'i>> {
    let source = input.file.source();
    let refusal = |message, details| RefusedError::new(input, message, details);
    match Database::open(source, input.layout.database_len, release.second_meta()) {
        Ok(database) => {
            let page_size = u64::from(database.geometry().page_size);
            if input.layout.file_len < page_size.saturating_mul(2) {
                let message = format!("file size too small {}", input.layout.file_len);
                let details = vec![format!(
                    "a database has at least two pages of {page_size} bytes; take another copy"
                )];
                return Err(refusal(message, details).into());
            }
            Ok(database)
        }
        Err(OpenError::Read(error)) => Err(error),
        Err(OpenError::NoMeta(metas, error)) => {
            let kind = classify(source, &metas, error, input.is_part())?;
            let message = match error {
                MetaError::Missing | MetaError::Magic => "invalid database".to_string(),
                other => other.bolt_text().to_string(),
            };
            let details = vec![format!("{}; {}", kind.describe(), kind.next_step())];
            Err(refusal(message, details).into())
        }
    }
}
