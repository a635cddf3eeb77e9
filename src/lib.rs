//! Reads etcd v3 snapshot files: verifies them, explains them, computes the hashes that etcd's tools show.
//!
//! A snapshot is a bbolt database with a SHA-256 behind it. Nothing here needs etcd, and nothing writes to
//! an input. Damage is a result, not an error: jobs return [findings](finding) with code and place, and an
//! [`Error`] only if they cannot look at all.
//!
//! [`Snapshot`] is the front door. Keys with their values, as they were at a revision:
//!
//! ```
//! let snapshot = etcdsnap::Snapshot::open("testdata/real/etcd-3.6.14-b.db")?;
//! for entry in snapshot.keys().at(400).prefix("/app/").iter()? {
//!     let entry = entry?;
//!     println!("{} = {}", entry.key.escape_ascii(), entry.value.escape_ascii());
//! }
//! # Ok::<(), etcdsnap::Error>(())
//! ```
//!
//! What changed from one file to the next:
//!
//! ```
//! let old = etcdsnap::Snapshot::open("testdata/real/etcd-3.6.14-a.db")?;
//! let new = etcdsnap::Snapshot::open("testdata/real/etcd-3.6.14-b.db")?;
//! for item in old.diff(&new)?.items()? {
//!     println!("{} {}", item.change.as_str(), item.key.escape_ascii());
//! }
//! # Ok::<(), etcdsnap::Error>(())
//! ```
//!
//! A value as JSON, however the API server stores it:
//!
//! ```
//! let snapshot = etcdsnap::Snapshot::open("testdata/real/etcd-3.6.14-b.db")?;
//! let answer = snapshot.object("configmap", Some("ns-0"), "cm-000")?;
//! let json: serde_json::Value = answer.into_json().expect("a ConfigMap");
//! assert_eq!(json["metadata"]["name"], "cm-000");
//! # Ok::<(), etcdsnap::Error>(())
//! ```
//!
//! Whether bytes in memory are a snapshot that will restore:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes: Vec<u8> = std::fs::read("testdata/real/etcd-3.6.14-b.db")?;
//! let report = etcdsnap::Snapshot::from_bytes(&bytes)?.verify()?;
//! assert_eq!(report.verdict, etcdsnap::Verdict::Ok);
//! # Ok(())
//! # }
//! ```
//!
//! Each of these is built on [`ops`], where the same jobs have more to choose from.
//!
//! The layers, each of which knows only those below it:
//!
//! | module | what it is about |
//! |---|---|
//! | [`snapshot`] | the front door: one open snapshot, asked as often as wanted |
//! | [`ops`] | the jobs, one for each command; from an [`Input`](ops::Input) to a plain value |
//! | [`sentence`] | what findings say, made from their values; [`codes`] lists all kinds of them |
//! | [`kubernetes`] | what Kubernetes keeps in the values: objects as JSON, kinds, tables, encryption, secrets |
//! | [`etcd`] | revisions, records, small buckets, the two hashes; [keys at a revision](etcd::keyspace) |
//! | [`container`] | the outer file: database and digest, or what it is instead |
//! | [`bolt`] | the page file: metas, pages, cursors, one parallel [scan](bolt::Database::scan) |
//! | [`source`] | bytes from a memory map, from positioned reads, from memory |
//! | [`checksum`], [`finding`], [`ids`], [`options`], [`error`] | what all of them use |
//!
//! The features: `cli` (on by default) adds the command line and its reports, `write` files made page by
//! page, wrong where asked, for tests, `schema` the JSON Schemas of what the reports write.

pub mod bolt;
pub mod checksum;
/// Not part of the public API: it is public for the binary and its tests, and changes without notice.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod codes;
pub mod container;
mod counted;
pub mod error;
pub mod etcd;
pub mod finding;
pub mod ids;
pub mod kubernetes;
mod limits;
pub mod ops;
pub mod options;
/// Not part of the public API: it is public for the binary and its tests, and changes without notice.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod report;
pub mod sentence;
pub mod snapshot;
pub mod source;
mod steps;
mod wire;
mod workers;

pub use error::{Error, Result};
pub use ops::Verdict;
pub use snapshot::Snapshot;
pub use workers::Workers;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
