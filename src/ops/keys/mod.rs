//! Single keys and what became of them: lists, the key that a name means, its history, the changes by revision.

mod change;
mod detailed_log;
mod get;
mod grep;
mod history;
mod list;
pub(in crate::ops) mod log;
mod log_times;
pub(in crate::ops) mod lookup;

pub use change::{Action, FieldChange, NamedObject, Taken, ValueChange};
pub use detailed_log::{ChangeFilter, DetailedLog, LogPart, log_in_detail};
pub use get::{Answer, Answers, get, get_prefix};
pub use grep::{GrepQuery, GrepRecord, GrepSummary, MatchedLine, grep};
pub use history::{Episode, HistoryQuery, Shown, ShownChange, history, show};
pub use list::{KeyList, KeysQuery, keys};
pub use log::{Event, LogQuery, LogSummary, Operation, Transaction, log};
pub use log_times::{ResolvedTime, ResolvedTimes, TimeBound, resolve_times};
pub use lookup::{KeyStory, Lookup, Name, Named, look_up};

#[cfg(test)]
mod tests;
