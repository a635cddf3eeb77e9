//! Bucket `key` as its users see it: keys at a revision, the history of a key, the changes of a span of
//! revisions.
//!
//! etcd keeps records by revision, so nothing is found by key without passing over all of them. A
//! [`Keyspace`] does so once, with a [`RecordVisitor`] that gathers what it wants; afterwards single
//! records are read again by their [`RecordPlace`], in any order. Records by revision need no such pass:
//! [`Changes`] seeks.

mod changes;
mod filter;
mod first_keys;
mod record_visitor;
mod rows;
mod selection;
#[cfg(test)]
mod tests;

pub use changes::{Change, Changes, NextChange};
pub use filter::KeyFilter;
pub use first_keys::{FirstKeyParts, FirstKeys};
pub(crate) use record_visitor::EachRecord;
pub use record_visitor::{RecordPlace, RecordView, RecordVisitor};
pub use rows::{GatherRows, RecordFacts, RowOrder, RowParts, Rows};
pub use selection::{Keyspace, Newest, NewestEntry, RevisionBounds, Wanted};
