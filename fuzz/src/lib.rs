//! What the fuzz targets do with their bytes. The tests of the crate run the same code over the seeds and
//! over everything that was ever found.

pub mod draft;
pub mod objects;
pub mod raft;
pub mod secrets;
pub mod targets;
