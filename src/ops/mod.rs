//! The jobs: from a file to a plain result value. Nothing here prints.

mod examine;
mod hashkv;
mod info;
mod input;
mod keys;
mod keyspace;
mod status;
mod verify;

pub use examine::{BucketFigures, Examination, PageCensus, examine};
pub use hashkv::{HashKvOutcome, hashkv};
pub use info::{FileInfo, info};
pub use input::Input;
pub use keys::{KeyList, KeysQuery, keys};
pub use keyspace::Session;
pub use status::{Refusal, Status, StatusOutcome, status};
pub use verify::{Ledger, Proof, Verdict, VerifyOptions, VerifyReport, verify};
