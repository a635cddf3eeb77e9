//! The checksums of the file formats: CRC-32C with combine, FNV-1a, streamed SHA-256.

pub mod crc32c;
mod fnv;
mod sha256;

pub use fnv::fnv1a_64;
pub use sha256::{Sha256, Sha256Stream};
