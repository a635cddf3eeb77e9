//! Snapshots for measuring: the etcd of a Kubernetes cluster, made up from a seed.
//!
//! The same [`Cluster`] gives the same bytes everywhere, so figures taken on different days and machines are
//! figures about the same file.
#![allow(dead_code, unused_imports, reason = "every bench uses a part of it")]

mod cluster;
mod history;
mod objects;
mod random;

pub(crate) use cluster::{Cluster, History, Summary};
