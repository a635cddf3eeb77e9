//! Reads a data directory back that was restored.

use std::fs;
use std::ops::ControlFlow;

use super::{KeptRecords, Prepared};
use crate::error::Result;
use crate::etcd::raft::{LogRecord, SnapshotFile, read_snapshot_file, snapshot_file_name};
use crate::etcd::{HashKv, Release};
use crate::ops::examine::hashkv::{HashKvOutcome, hashkv};
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_report::VerifyOptions;
use crate::ops::examine::wal::wal;
use crate::ops::input::Input;
use crate::options::Options;
use crate::sentence::sentence;

/// What a restored directory was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// What is wrong; empty if all is well.
    pub problems: Vec<String>,
    /// HashKV of the directory, if it has one.
    pub hash: Option<HashKv>,
    /// True when the hash is the snapshot's as well; none when the revision was raised.
    pub same_hash: Option<bool>,
    /// Records in the log.
    pub log_records: u64,
}

/// Reads back what [`restore`](super::restore) wrote: the database through the full check without a
/// digest, its HashKV against that of `input` or of the records that were `kept`, the log with its
/// checksums, the raft snapshot.
///
/// # Errors
/// Reading, cancelling.
pub fn prove(
    input: &Input,
    prepared: &Prepared,
    kept: Option<&KeptRecords>,
    options: &Options,
) -> Result<Proven> {
    let mut problems = Vec::new();
    let restored = Input::open(prepared.data_dir())?;
    let restored = restored.with_wal_dir(Some(prepared.wal_dir()));
    let what = VerifyOptions {
        quick: true,
        directory: true,
        ..VerifyOptions::default()
    };
    let report = verify(&restored, what, options)?;
    // What was forced came with its errors, and they were told.
    if report.findings.has_errors() && !prepared.request.force {
        problems.push(format!("the database: {}", report.reason));
    }
    let hash_of = |input: &Input| -> Result<Option<HashKv>> {
        Ok(match hashkv(input, 0, Release::default(), options)? {
            HashKvOutcome::Answer(hash) => Some(hash),
            HashKvOutcome::Refused(_) => None,
        })
    };
    let hash = hash_of(&restored)?;
    let same_hash = match (prepared.request.bump_revision, kept) {
        (0, None) => Some(hash == hash_of(input)?),
        (_, Some(kept)) if hash != Some(kept.hash) => {
            problems.push("HashKV of the database is not that of the records kept".into());
            None
        }
        _ => None,
    };
    if same_hash == Some(false) {
        problems.push("HashKV of the database is not that of the snapshot".into());
    }
    let log_records = read_log(prepared, options, &mut problems)?;
    read_snapshot(prepared, &mut problems);
    Ok(Proven {
        problems,
        hash,
        same_hash,
        log_records,
    })
}

/// The same for a member whose database is, block for block, that of the `first` one: only what is its own
/// is read.
///
/// # Errors
/// Reading, cancelling.
pub fn prove_sibling(first: &Proven, prepared: &Prepared, options: &Options) -> Result<Proven> {
    let mut problems = Vec::new();
    let log_records = read_log(prepared, options, &mut problems)?;
    read_snapshot(prepared, &mut problems);
    Ok(Proven {
        problems,
        log_records,
        ..first.clone()
    })
}

fn read_log(prepared: &Prepared, options: &Options, problems: &mut Vec<String>) -> Result<u64> {
    let mut index = 0;
    let log = wal(&prepared.wal_dir(), options, |_, frame| {
        if let LogRecord::Snapshot(mark) = &frame.record {
            index = mark.index;
        }
        ControlFlow::Continue(())
    })?;
    let found = log.findings.list.iter();
    problems.extend(found.map(|finding| format!("the log: {}", sentence(finding))));
    if index != prepared.cluster.last_index() {
        problems.push("the log does not end with the mark of the database".into());
    }
    Ok(log.records)
}

fn read_snapshot(prepared: &Prepared, problems: &mut Vec<String>) {
    let expected = SnapshotFile::of_new_cluster(&prepared.cluster);
    let name = snapshot_file_name(expected.term, expected.index);
    let path = prepared.data_dir().join("member/snap").join(name);
    let read = fs::read(path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| read_snapshot_file(&bytes).map_err(|fault| fault.to_string()));
    match read {
        Ok(read) if read == expected => {}
        Ok(_) => problems.push("the raft snapshot does not name the new members".into()),
        Err(why) => problems.push(format!("the raft snapshot: {why}")),
    }
}
