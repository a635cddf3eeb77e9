//! What stands beside the database: the raft snapshot and the log.

use super::Prepared;
use crate::etcd::raft::{SEGMENT_LEN, SnapshotFile, WalWriter, segment_name, snapshot_file_name};

/// The raft snapshot of the member: its name, its bytes.
pub(super) fn raft_snapshot(prepared: &Prepared) -> (String, Vec<u8>) {
    let snapshot = SnapshotFile::of_new_cluster(&prepared.cluster);
    let name = snapshot_file_name(snapshot.term, snapshot.index);
    (name, snapshot.encode(prepared.request.form))
}

/// Bytes of the log's first segment: as many as a server gives it. Unit tests, which make thousands of them, have
/// fewer zeros behind the records.
pub(super) const LOG_LEN: u64 = if cfg!(test) { 1 << 16 } else { SEGMENT_LEN };

/// The first segment of its log.
pub(super) fn first_segment(prepared: &Prepared) -> (String, WalWriter) {
    let form = prepared.request.form;
    let log = WalWriter::of_new_member(&prepared.cluster, prepared.member, form);
    (segment_name(0, 0), log)
}
