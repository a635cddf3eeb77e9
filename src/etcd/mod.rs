//! What etcd keeps in its buckets: revisions and records, leases, members, users, alarms; and the two
//! hashes that etcd computes over them. Source: etcd v3.4 to v3.8. Knows nothing of what the users of
//! etcd put into their values.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

mod backend_hash;
pub mod check;
mod entry;
mod go_text;
mod hashkv;
pub mod keyspace;
mod live;
mod printable;
pub mod raft;
mod record;
mod release;
mod revision;
mod runs;
pub mod schema;

pub use backend_hash::{BackendHash, BucketTotals};
pub use entry::{KeyHash, KeyHasher, Keyed, Partitions, RecordEntry};
pub use go_text::quote;
pub(crate) use go_text::quote_char;
pub use hashkv::{HashKv, HashKvError, HashKvVisitor, hash_kv};
pub use live::{LiveKeys, WalkError};
#[cfg(feature = "cli")]
pub(crate) use printable::is_printable as is_go_printable;
pub use record::{Record, RecordError};
pub use release::Release;
pub use revision::{LeaseId, Revision, RevisionKey, RevisionKeyError};
