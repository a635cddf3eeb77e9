//! The outer file: what it is, and a snapshot's trailing digest.
//!
//! A snapshot is a bbolt database followed by the SHA-256 of it. The copy of a data directory's database
//! has no digest, and may be longer than what is in use. Source: etcd v3.6.14
//! server/etcdserver/api/v3rpc/maintenance.go and client/v3/snapshot.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

mod classify;
pub mod codes;
mod kind;
mod length;
mod origin;
mod shift;
mod signatures;

pub use classify::{classify, front_of_one_page, taken_for_text};
pub use kind::FileKind;
pub use length::{LengthVerdict, judge_length};
pub use origin::{Origin, SavedMetas, origin, saved_metas};
pub use shift::{Shift, end_in_place, find_doubled, find_shift};

use crate::checksum::Sha256;
use crate::error::Result;
use crate::ids::FileOffset;
use crate::source::Source;

/// Bytes of the digest behind a snapshot's database.
pub const TRAILER: u64 = 32;

/// Path of the database inside a data directory.
pub const DB_IN_DATA_DIR: &str = "member/snap/db";

/// A file seen as database and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLayout {
    /// Bytes of the file.
    pub file_len: u64,
    /// Bytes of the database.
    pub database_len: u64,
    /// The stored digest, where there is one.
    pub trailer: Option<Sha256>,
}

impl FileLayout {
    /// Splits a file by etcd's rule: it has a digest when its length modulo 512 is 32.
    ///
    /// # Errors
    /// Reading.
    pub fn read(source: &dyn Source) -> Result<Self> {
        let file_len = source.len();
        if file_len % 512 != TRAILER {
            return Ok(Self {
                file_len,
                database_len: file_len,
                trailer: None,
            });
        }
        let database_len = file_len.saturating_sub(TRAILER);
        let mut digest = [0; TRAILER as usize];
        source.read_exact_at(FileOffset(database_len), &mut digest)?;
        Ok(Self {
            file_len,
            database_len,
            trailer: Some(Sha256(digest)),
        })
    }
}
