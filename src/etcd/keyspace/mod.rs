//! Bucket `key` as its users see it: keys at a revision, the history of a key, the changes of a span of
//! revisions.
//!
//! etcd keeps records by revision, so nothing is found by key without passing over all of them. A
//! [`Keyspace`] does so once, with a [`RecordVisitor`] that gathers what it wants; afterwards single
//! records are read again by their [`RecordPlace`], in any order. Records by revision need no such pass:
//! [`Changes`] seeks.
//!
//! ```
//! use std::path::Path;
//!
//! use etcdsnap::Workers;
//! use etcdsnap::bolt::{Database, SecondMeta};
//! use etcdsnap::etcd::keyspace::{
//!     Changes, GatherRows, KeyFilter, Keyspace, Newest, NextChange, RowOrder, Rows, Wanted,
//! };
//! use etcdsnap::finding::{Collector, DEFAULT_LIMIT};
//! use etcdsnap::options::Options;
//! use etcdsnap::source::{Slice, Source as _};
//!
//! let bytes = std::fs::read("testdata/real/etcd-3.6.14-b.db").expect("a snapshot");
//! let threads = std::num::NonZeroUsize::MIN;
//! let (source, options, workers) = (Slice(&bytes), Options::default(), Workers::new(threads)?);
//! // Behind the database stands its SHA-256.
//! let database = Database::open(&source, source.len() - 32, SecondMeta::Search)?;
//! let mut findings = Collector::new(DEFAULT_LIMIT);
//!
//! // Keys at a revision: first which records are the newest of their keys, then these once more.
//! let newest = Newest::new(KeyFilter::prefix(b"/app/k0"), 400, None);
//! let (keyspace, parts) =
//!     Keyspace::scan(&database, &newest, &workers, &options, &mut findings)?;
//! assert_eq!(keyspace.bounds().resolve(400)?, 400);
//! assert!(keyspace.bounds().resolve(356).is_err(), "it was compacted");
//! let places = Newest::select(&parts, Wanted::Live, &workers)?;
//! let gather = GatherRows::new(KeyFilter::all(), None);
//! let rows = keyspace.visit(&places, &gather, &workers, &options)?;
//! let rows = Rows::sorted(rows, RowOrder::Key, &workers)?;
//! let first = rows.iter().next().expect("a key");
//! assert_eq!((first.key, first.facts.revision.main, rows.len()), (&b"/app/k00"[..], 396, 10));
//!
//! // Their values.
//! let values = keyspace.map(&places, |view| Ok(view.value()?.into_owned()), &workers, &options)?;
//! assert_eq!(values.len(), 10);
//!
//! // The history of a key: its records, whatever they are, in the order of revisions.
//! let gather = GatherRows::new(KeyFilter::key(b"/app/k01"), None);
//! let (_, parts) = Keyspace::scan(&database, &gather, &workers, &options, &mut findings)?;
//! let history = Rows::sorted(parts, RowOrder::Revision, &workers)?;
//! let told = history.iter().map(|record| (record.facts.revision.main, record.facts.is_tombstone));
//! let told: Vec<_> = told.collect();
//! assert_eq!(told, [(337, false), (501, true)]);
//!
//! // What changed from revision 661 on. Damage on the way would be an error.
//! let mut changes = Changes::start(&database, 661, false)?;
//! let mut keys = Vec::new();
//! while let NextChange::Change(change) = changes.next_change()? {
//!     keys.push((change.revision.main, change.record.key.to_vec()));
//! }
//! assert_eq!(keys.last(), Some(&(662, b"mark".to_vec())));
//! assert!(findings.finish().list.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
mod filter;
mod first_keys;
mod record_facts;
mod record_visitor;
mod rows;
mod selection;
#[cfg(test)]
mod tests;

pub use changes::{Changes, NextChange, RecordChange};
pub use filter::KeyFilter;
pub use first_keys::{FirstKeyParts, FirstKeys};
pub use record_facts::{KeyRecord, RecordFacts};
pub(crate) use record_visitor::EachRecord;
pub use record_visitor::{RecordPlace, RecordView, RecordVisitor};
pub use rows::{GatherRows, RowOrder, RowParts, Rows};
pub use selection::{DeletedKey, Keyspace, Newest, NewestEntry, RevisionBounds, Wanted};
