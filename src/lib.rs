//! Reads etcd v3 snapshot files: verifies them, explains them, computes the hashes that etcd's tools show.
//!
//! A snapshot is a bbolt database with a SHA-256 behind it. Nothing here needs etcd, and nothing writes to
//! an input. Damage is a result, not an error: jobs return [findings](finding) with code and place, and an
//! [`Error`] only if they cannot look at all.
//!
//! ```
//! use std::path::Path;
//!
//! use etcdsnap::ops::{self, Input, Verdict, VerifyOptions};
//! use etcdsnap::options::Options;
//!
//! let input = Input::open(Path::new("testdata/real/etcd-3.6.14-b.db"))?;
//! let report = ops::verify(&input, VerifyOptions::default(), &Options::default())?;
//! assert_eq!(report.verdict, Verdict::Ok);
//! # Ok::<(), etcdsnap::Error>(())
//! ```
//!
//! The layers, each of which knows only those below it:
//!
//! | module | what it is about |
//! |---|---|
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
#[cfg(feature = "cli")]
pub mod cli;
pub mod codes;
pub mod container;
pub mod error;
pub mod etcd;
pub mod finding;
pub mod ids;
pub mod kubernetes;
mod limits;
pub mod ops;
pub mod options;
#[cfg(feature = "cli")]
pub mod report;
pub mod sentence;
pub mod source;
mod steps;
mod wire;
mod workers;

pub use error::{Error, Result};
pub use workers::Workers;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
