//! etcd v3 snapshot files.

pub mod bolt;
pub mod checksum;
pub mod error;
pub mod finding;
pub mod ids;
pub mod options;
pub mod source;
mod workers;

pub use error::{Error, Result};
pub use workers::Workers;
pub mod codes { /** all */ pub fn all() {} }
