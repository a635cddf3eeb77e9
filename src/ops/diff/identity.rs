//! Whose data directory a database lies in.

use std::io::Read as _;
use std::path::Path;

use crate::etcd::raft::{LogError, LogRecord, WalReader, parse_segment_name};
use crate::ops::input::Input;

/// A member of a cluster, as its log names both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's id.
    pub cluster: u64,
    /// The member's id.
    pub member: u64,
}

/// Every segment begins with who writes it, within so many bytes.
const BEGINNING: u64 = 4096;

/// What the log beside the database says; `None` without one that can be read.
pub(super) fn identity(input: &Input) -> Option<Identity> {
    if !input.file.is_data_dir() {
        return None;
    }
    let member = input.file.path().parent().and_then(Path::parent)?;
    let segments = std::fs::read_dir(member.join("wal")).ok()?.flatten();
    let segment = segments
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.and_then(parse_segment_name).is_some()
        })
        .min()?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(segment).ok()?;
    file.take(BEGINNING).read_to_end(&mut bytes).ok()?;
    // A later segment goes on with the checksum of the one before it.
    let crc = match WalReader::new(&bytes, 0).next()? {
        Err(LogError::Crc { stored, .. }) => stored,
        _ => 0,
    };
    let records = WalReader::new(&bytes, crc).map_while(Result::ok);
    let mut records = records.filter_map(|frame| match frame.record {
        LogRecord::Metadata(metadata) => Some(Identity {
            cluster: metadata.cluster,
            member: metadata.member,
        }),
        _ => None,
    });
    records.next()
}
