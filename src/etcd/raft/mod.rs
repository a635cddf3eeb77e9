//! What a data directory holds beside the database: the write-ahead log and the raft snapshot, with the
//! ids of members and cluster. Source: etcd v3.6.14 server/storage/wal, server/etcdserver/api/snap and
//! membership.

pub mod codes;
mod members;
mod message;
mod snapshot_file;
#[cfg(test)]
mod tests;
mod wal;

pub use members::{NewCluster, NewMember, cluster_id, member_id};
pub use message::{
    Configuration, Entry, EntryType, HardState, MemberChange, Metadata, RequestFacts, SnapshotMark,
};
pub use snapshot_file::{
    SnapshotFile, SnapshotFileError, parse_snapshot_file_name, read_snapshot_file,
    snapshot_file_name,
};
pub use wal::{
    Frame, LogError, LogRecord, RecordType, SEGMENT_LEN, WalReader, WalWriter, parse_segment_name,
    segment_name,
};

/// Which releases' way of writing is meant, where they differ. All read both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum WalForm {
    /// 3.4: no configuration in the last snapshot mark.
    V34,
    /// 3.5 and 3.6.
    #[default]
    V36,
    /// 3.7 and later: fields that are zero are left out.
    V37,
}
