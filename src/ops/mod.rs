//! The jobs: from a file to a plain result value. Nothing here prints.

mod arriving;
mod compact;
mod copying;
mod data_dir;
pub mod diff;
mod digest;
mod disk;
mod encryption;
mod examine;
mod export;
mod fetch;
mod get;
mod hashkv;
mod history;
mod info;
mod input;
mod keys;
mod keyspace;
mod lens;
mod log;
mod losses;
mod named;
mod objects;
mod outer;
#[cfg(test)]
mod outer_tests;
mod output;
mod output_error;
pub(crate) mod place;
mod read_back;
mod rebuild;
pub mod restore;
mod source_checks;
mod status;
mod stored;
mod strangers;
mod times;
mod trailer;
mod values;
mod verify;
mod wal;
#[cfg(test)]
mod writer_tests;

pub use compact::{CompactRequest, Compacted, compact};
pub use data_dir::DirectoryReport;
pub use encryption::{EncryptionCount, EncryptionReport, encryption};
pub use examine::{BucketFigures, Examination, PageCensus, examine};
pub use export::{ExportOptions, Exported, export};
pub use fetch::fetch;
pub use get::{Answer, Answers, get, get_prefix};
pub use hashkv::{HashKvOutcome, hashkv};
pub use history::{Action, Change, Episode, FieldChange, Shown, ShownChange, history, show};
pub use info::{FileInfo, info};
pub use input::Input;
pub use keys::{KeyList, KeysQuery, keys};
pub use keyspace::Session;
pub use lens::{Lens, Look, Sight, encoding_name};
pub use log::{Event, LogQuery, LogSummary, Operation, Transaction, log};
pub use losses::{Losses, Readable};
pub use named::{KeyStory, Lookup, Moment, Name, Named, look_up};
pub use objects::{
    Found, KindCount, KindFault, Kinds, ObjectList, ObjectsQuery, StoredKind, kinds, objects,
};
pub use output_error::OutputError;
pub use rebuild::{KeptFigures, KeyScope};
pub use status::{Refusal, Status, StatusOutcome, status};
pub use stored::{DamagedValue, Inspector};
pub use times::{FileTime, NewestTime, TimeLine, Times};
pub use trailer::{Sealed, add_trailer};
pub use values::verify_values;
pub use verify::{Ledger, Proof, Standing, Verdict, VerifyOptions, VerifyReport, verify};
pub use wal::{Stranger, WalSummary, wal};
