//! New files from a snapshot: a data directory, a smaller snapshot, one with its trailer. All are staged beside
//! their target and named when they are whole.

mod compact;
mod copying;
mod disk;
mod folder;
mod output;
mod output_error;
mod place;
mod read_back;
mod rebuild;
pub mod restore;
mod source_checks;
mod trailer;
#[cfg(test)]
mod writer_tests;

pub use compact::{CompactRequest, Compacted, compact};
pub use folder::{FileNames, Folder, safe_name};
pub use output_error::OutputError;
pub use rebuild::{KeptFigures, KeyScope};
pub use trailer::{AddedTrailer, add_trailer};
