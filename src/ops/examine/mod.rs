//! One file as a whole: will it restore, what is in it, which revision and hash does it have, what does the log of
//! a data directory hold.

mod claims;
mod data_dir;
pub(in crate::ops) mod digest;
pub(in crate::ops) mod examination;
mod first_bytes;
mod foreign;
pub(in crate::ops) mod hashkv;
mod info;
mod judgement;
pub(in crate::ops) mod ledger;
mod log_story;
mod losses;
mod status;
mod values;
pub(in crate::ops) mod verify;
pub(in crate::ops) mod verify_options;
pub(in crate::ops) mod verify_report;
pub(in crate::ops) mod wal;
mod whole_file;
#[cfg(test)]
mod whole_file_tests;

pub use data_dir::DirectoryReport;
pub use examination::{BucketFigures, Examination, PageCensus, examine};
pub use hashkv::{HashKvOutcome, hashkv};
pub use info::{FileInfo, info};
pub use ledger::{Ledger, Proof, Standing};
pub use losses::{Losses, Readable};
pub use status::{Status, StatusOutcome, status};
pub use values::verify_values;
pub use verify::verify;
pub use verify_options::VerifyOptions;
pub use verify_report::{Verdict, VerifyReport};
pub use wal::{NotALog, WalSummary, wal};
