//! The jobs: from a file to a plain result value. Nothing here prints.
//!
//! | room | what it is for |
//! |---|---|
//! | `session` | an open file that several jobs over its keys share; reading values again |
//! | `objects` | values as objects of Kubernetes: lists, kinds, encryption, what cannot be served |
//! | `examine` | one file as a whole: will it restore, what is in it, what does its log hold |
//! | `keys` | single keys and what became of them: lists, one by name, history, log |
//! | [`diff`] | two states: what changed, and how two files stand to each other |
//! | `make` | new files: data directories, smaller snapshots, trailers |
//!
//! A room knows those above it in this table.

#[cfg(test)]
mod changed_tests;
mod copy_progress;
pub mod diff;
pub(crate) mod examine;
#[cfg(test)]
mod growth_tests;
mod input;
pub(crate) mod keys;
pub(crate) mod make;
pub(crate) mod objects;
mod opening;
pub(crate) mod session;
mod times;

pub use examine::{
    BucketFigures, DirectoryReport, Examination, FileInfo, HashKvOutcome, Ledger, Losses, NotALog,
    PageCensus, Proof, Readable, Standing, Status, StatusOutcome, Verdict, VerifyOptions,
    VerifyReport, WalSummary, examine, hashkv, info, status, verify, verify_values, wal,
};
pub use input::Input;
pub use keys::{
    Action, Answer, Answers, ChangeFilter, DetailedLog, Episode, Event, FieldChange, GrepQuery,
    GrepRecord, GrepSummary, HistoryQuery, KeyList, KeyStory, KeysQuery, LogPart, LogQuery,
    LogSummary, Lookup, MatchedLine, Name, Named, NamedObject, Operation, ResolvedTime,
    ResolvedTimes, Shown, ShownChange, Taken, TimeBound, Transaction, ValueChange, get, get_prefix,
    grep, history, keys, log, log_in_detail, look_up, resolve_times, show,
};
pub use make::{
    AddedTrailer, CompactRequest, Compacted, FileNames, Folder, KeptFigures, KeyScope, OutputError,
    add_trailer, compact, restore, safe_name,
};
pub use objects::{
    Absence, AbsenceQuery, AbsenceReason, Absences, DamagedValue, Deletion, DescribeOptions,
    EncryptionCount, EncryptionReport, ExportList, ExportOptions, ExportStep, ExportSteps,
    Exported, ExportedObject, FoundObject, Inspector, KindCount, KindError, Kinds, LabelPresence,
    LookedFor, LostValues, ObjectList, ObjectsQuery, OtherVersion, OwnerRow, OwnerStanding,
    PlainValue, PlainValues, PlannedExport, ReadValue, RelatedObjects, StoredKind, Undecided,
    UndecidedReason, UnreadReason, ValueContent, ValueReader, absences, encoding_name, encryption,
    export, kinds, known_kinds, label_presence, objects, objects_to_apply, objects_to_describe,
    related,
};
pub use opening::RefusedError;
pub use session::{Session, fetch};
pub use times::{FileTime, NewestTime, TimeLine, Times};
