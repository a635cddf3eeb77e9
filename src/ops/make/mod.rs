//! New files from a snapshot: a data directory, a smaller snapshot, one with its trailer. All are staged beside
//! their target and named when they are whole.

mod compact;
mod copying;
mod disk;
mod folder;
mod output;
mod rebuild;
pub mod restore;
mod trailer;

pub use compact::{CompactRequest, Compacted, compact};
pub use folder::{FileNames, Folder, safe_name};
pub use rebuild::{KeptFigures, KeyScope};
pub use trailer::{AddedTrailer, add_trailer};
