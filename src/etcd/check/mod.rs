//! What can be wrong with what etcd keeps in its buckets.

pub mod codes;
mod contents;
mod records;

pub use contents::check_contents;
pub use records::{REVISIONS_TO_SPARE, RecordCheck, RecordFigures, RecordParts};
