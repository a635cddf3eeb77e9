//! Single keys and what became of them: lists, the key that a name means, its history, the changes by revision.

mod get;
mod grep;
mod history;
mod list;
pub(in crate::ops) mod log;
pub(in crate::ops) mod lookup;

pub use get::{Answer, Answers, get, get_prefix};
pub use grep::{GrepQuery, GrepRecord, GrepSummary, MatchedLine, grep};
pub use history::{Action, Episode, FieldChange, Shown, ShownChange, ValueChange, history, show};
pub use list::{KeyList, KeysQuery, keys};
pub use log::{Event, LogQuery, LogSummary, Operation, Transaction, log};
pub use lookup::{KeyStory, Lookup, Name, Named, look_up};
