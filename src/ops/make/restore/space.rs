use super::{OutputError, Prepared};
use crate::etcd::raft::SEGMENT_LEN;
use crate::finding::escape;

/// Refuses to begin what cannot fit, where a database takes `database` bytes.
pub(super) fn check_space(database: u64, members: &[Prepared]) -> Result<(), OutputError> {
    let Some((first, others)) = members.split_first() else {
        return Ok(());
    };
    // The databases of the others may share the blocks of the first one.
    let logs = SEGMENT_LEN.saturating_mul(others.len() as u64);
    let log = SEGMENT_LEN.saturating_add(logs);
    match first.target.lacks_space(database, log) {
        None => Ok(()),
        Some((place, needed, free)) => Err(OutputError::Request(format!(
            "{} needs {needed} bytes, {free} are free there",
            escape::path(&place)
        ))),
    }
}
