//! Findings: what a check noticed, where, and what it means for a restore.
//!
//! A finding is data first. Its sentence is made from its fields, and neither ever holds a stored value.

mod collector;
pub mod escape;
mod place;

pub use collector::{Collector, Counts, DEFAULT_LIMIT, EXTENDED_LIMIT, Findings};
pub use place::{KEY_LIMIT, Place};

use serde::Serialize;

/// How much a finding matters to somebody who wants to restore the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Normal after a restore, a revision bump or during a compaction.
    Note,
    /// A server starts from the file, but not as before.
    Warning,
    /// A restore or start would fail, data is lost or altered, or an alarm of corruption is pending.
    Error,
}

impl Severity {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One kind of finding: a stable name with its meaning. The list of all codes is
/// [`crate::codes::all`].
#[derive(Debug)]
pub struct Code {
    /// Stable name, for example `B012`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What was noticed, in a few words.
    pub title: &'static str,
    /// What usually brings it about.
    pub cause: &'static str,
    /// What it means for a restore, and what to do next.
    pub next_step: &'static str,
}

/// Writes down a layer's codes: a constant for each, and all of them as one slice.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal $severity:ident $title:literal,
        $cause:literal, $next:literal;)*) => {
        $($(#[$doc])* pub static $name: $crate::finding::Code = $crate::finding::Code {
            id: $id,
            severity: $crate::finding::Severity::$severity,
            title: $title,
            cause: $cause,
            next_step: $next,
        };)*
        /// All of them, in order.
        pub static ALL: &[&$crate::finding::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

/// One thing a check noticed.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which kind.
    pub code: &'static Code,
    /// Where.
    pub place: Place,
    /// What exactly, as one sentence without the place.
    pub message: String,
}

impl Finding {
    /// A finding of kind `code` at `place`.
    pub fn new(code: &'static Code, place: Place, message: impl Into<String>) -> Self {
        Self {
            code,
            place,
            message: message.into(),
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity
    }
}
