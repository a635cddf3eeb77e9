//! etcd v3 snapshot files.

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
pub mod ops;
pub mod options;
#[cfg(feature = "cli")]
pub mod report;
pub mod source;
mod workers;

pub use error::{Error, Result};
pub use workers::Workers;
