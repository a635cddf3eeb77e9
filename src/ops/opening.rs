//! Opening the database of a file as a release of etcd would, or telling why it cannot be opened.

use super::input::Input;
use crate::bolt::{Database, MetaFault};
use crate::container::classify;
use crate::error::Result;
use crate::etcd::Release;
use crate::finding::Findings;

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// In the real tool's words, where it has any.
    pub message: String,
    /// More about it: what was found and what to do.
    pub details: Vec<String>,
    /// What the structural check found.
    pub findings: Findings,
    /// True when another process held the file's lock: the damage may come from reading while it wrote.
    pub possibly_torn: bool,
}

impl Refusal {
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
        let details = "run `etcdsnap verify` on the file for all that is wrong with it".into();
        Self::new(input, message, vec![details])
    }
}

/// Opens the database as `release` would, or tells why it cannot.
pub(in crate::ops) fn open_database<'i>(
    input: &'i Input,
    release: Release,
) -> Result<std::result::Result<Database<'i>, Refusal>> {
    let source = input.file.source();
    let opened = Database::open(source, input.layout.database_len, release.second_meta())?;
    let refusal = |message, details| Refusal::new(input, message, details);
    match opened {
        Ok(database) => {
            let page_size = u64::from(database.geometry().page_size);
            if input.layout.file_len < page_size.saturating_mul(2) {
                let message = format!("file size too small {}", input.layout.file_len);
                let details = vec![format!(
                    "a database has at least two pages of {page_size} bytes; take another copy"
                )];
                return Ok(Err(refusal(message, details)));
            }
            Ok(Ok(database))
        }
        Err((metas, fault)) => {
            let kind = classify(source, &metas, fault, input.is_part())?;
            let message = match fault {
                MetaFault::Missing | MetaFault::Magic => "invalid database".to_string(),
                other => other.bolt_text().to_string(),
            };
            Ok(Err(refusal(
                message,
                vec![format!("{}; {}", kind.describe(), kind.next_step())],
            )))
        }
    }
}
