//! What a verification is asked and what it answers.

use super::data_dir::DirectoryReport;
use super::examination::Examination;
use super::ledger::{Ledger, Proof, Standing};
use crate::checksum::Sha256;
use crate::container::{FileKind, FileLayout};
use crate::etcd::HashKv;
use crate::finding::Findings;

/// What a file is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Restores as it is.
    Ok,
    /// Sound as far as can be proven; restores only with `--skip-hash-check`.
    NoTrailer,
    /// Something is wrong with it.
    Damaged,
    /// It is neither an etcd snapshot nor an etcd database.
    NotASnapshot,
    /// Another process, most likely etcd, writes to it.
    InUse,
    /// It could not be read.
    Unreadable,
}

impl Verdict {
    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NoTrailer => "NO TRAILER",
            Self::Damaged => "DAMAGED",
            Self::NotASnapshot => "NOT A SNAPSHOT",
            Self::InUse => "IN USE",
            Self::Unreadable => "UNREADABLE",
        }
    }
}

/// The verdict with its reasons.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// The one thing to do next.
    pub next_step: String,
    /// What was proven and what not.
    pub ledger: Vec<Ledger>,
    /// What was found.
    pub findings: Findings,
    /// Length and digest as stored.
    pub layout: FileLayout,
    /// What a file that is not a database is.
    pub kind: Option<FileKind>,
    /// Everything inside, when it could be opened.
    pub examination: Option<Box<Examination>>,
    /// SHA-256 of the whole file.
    pub file_sha256: Option<Sha256>,
    /// SHA-256 of the database.
    pub database_sha256: Option<Sha256>,
    /// HashKV at the newest revision, if it was asked for and nothing inside is damaged.
    pub hash: Option<HashKv>,
    /// True when the file belongs to a data directory.
    pub is_data_dir: bool,
    /// What is to be said of the data directory as a whole, if it was judged.
    pub directory: Option<DirectoryReport>,
    /// True once [`verify_values`](crate::ops::examine::verify_values) has decoded every live value.
    pub values_decoded: bool,
}

impl VerifyReport {
    fn has_flawed_values(&self) -> bool {
        let mut codes = self.findings.counts.iter().map(|count| count.code);
        codes.any(|code| Proof::Values.rests_on_code(code))
    }

    /// Where a line of the ledger stands.
    pub fn standing(&self, line: &Ledger) -> Standing {
        let has_freelist = self
            .examination
            .as_deref()
            .is_none_or(|examined| examined.has_freelist);
        match (line.proven, line.proof) {
            (true, _) => Standing::Proven,
            (false, Proof::Freelist) if !has_freelist => Standing::NotStored,
            (false, Proof::Values) if !self.values_decoded && !self.has_flawed_values() => {
                Standing::Unexamined
            }
            (false, Proof::Trailer)
                if self.directory.is_some() && self.layout.trailer.is_none() =>
            {
                Standing::NotStored
            }
            (false, _) => Standing::NotProven,
        }
    }
}
