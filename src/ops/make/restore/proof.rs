//! Reads back what a restore has written, while it is still staged.

use super::raft_files::{LOG_LEN, first_segment, raft_snapshot};
use super::selected::KeptRecords;
use super::stage::Stage;
use super::{OutputError, Prepared};
use crate::bolt::edit::Patch;
use crate::error::Result;
use crate::etcd::HashKv;
use crate::etcd::raft::{LogRecord, WalReader, read_snapshot_file};
use crate::ops::examine::hashkv::newest_hash;
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::ops::make::disk::Piece;
use crate::ops::make::read_back::ReadBack;
use crate::options::Options;

/// What a directory was found to be. Only what is as it should be gets its final name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// HashKV of the directory, if it has one.
    pub hash: Option<HashKv>,
    /// True when the hash is the snapshot's as well; none when the revision was raised, or only some records were
    /// kept.
    pub same_hash: Option<bool>,
    /// Records in the log.
    pub log_records: u64,
}

/// What the database was made of.
pub(super) enum Database {
    /// The file's, with these changes.
    Copy(Patch),
    /// Rewritten in these pieces, from these records.
    Rewritten(Vec<Piece>, KeptRecords),
}

/// The database of the first member, which the others get too.
pub(super) struct WrittenDatabase {
    /// What `verify` said of the snapshot.
    pub(super) report: VerifyReport,
    pub(super) database: Database,
}

/// Reads back what was written of a member: every byte against what it should be; then the database through the full
/// check without a digest, its HashKV against that of `input` or of the records that were kept, the log with its
/// checksums.
pub(super) fn prove(
    input: &Input,
    written: &WrittenDatabase,
    stage: &Stage,
    prepared: &Prepared,
    options: &Options,
) -> Result<Proven, OutputError> {
    let back = ReadBack::open(stage.disk(), &stage.database_path(), options)?;
    let is_as_written = match &written.database {
        Database::Copy(patch) => {
            back.holds_patched(input.file.source(), input.layout.database_len, patch)?
        }
        Database::Rewritten(pieces, _) => back.holds_pieces(pieces)?,
    };
    if !is_as_written {
        return Err(OutputError::differs(vec![
            "the database does not hold what was written".into(),
        ]));
    }
    let log_records = read_small_files(stage, prepared, options)?;
    let mut problems = Vec::new();
    let restored = Input::open(stage.root())?;
    let what = VerifyOptions {
        quick: true,
        hash: true,
        ..VerifyOptions::default()
    };
    let report = verify(&restored, what, options)?;
    // What was forced came with its errors, and they were told.
    if report.findings.has_errors() && !prepared.request.force {
        problems.push(format!("the database: {}", report.reason));
    }
    let hash = newest_hash(&report, &restored, options)?;
    let mut same_hash = None;
    match &written.database {
        Database::Rewritten(_, kept) if hash != Some(kept.hash) => {
            problems.push("HashKV of the database is not that of the records kept".into());
        }
        Database::Copy(_) if prepared.request.bump_revision == 0 => {
            let is_same = hash == newest_hash(&written.report, input, options)?;
            same_hash = Some(is_same);
            // Of what was forced, every byte is as it was; a server may still answer where it did not before.
            if !is_same && !prepared.request.force {
                problems.push("HashKV of the database is not that of the snapshot".into());
            }
        }
        _ => {}
    }
    if !problems.is_empty() {
        return Err(OutputError::differs(problems));
    }
    Ok(Proven {
        hash,
        same_hash,
        log_records,
    })
}

/// The same for a member whose database is a copy of that of the `first` one, which was read; none is given where it
/// is that, block for block. What is found out from the content is true of both.
pub(super) fn prove_sibling(
    proven: &Proven,
    first: Option<&Stage>,
    stage: &Stage,
    prepared: &Prepared,
    options: &Options,
) -> Result<Proven, OutputError> {
    if let Some(first) = first {
        let back = ReadBack::open(stage.disk(), &stage.database_path(), options)?;
        if !back.holds_copy_of(&first.database_path())? {
            return Err(OutputError::differs(vec![
                "the database is not that of the first member".into(),
            ]));
        }
    }
    Ok(Proven {
        log_records: read_small_files(stage, prepared, options)?,
        ..proven.clone()
    })
}

/// Reads the raft snapshot and the log: how many records that has.
fn read_small_files(
    stage: &Stage,
    prepared: &Prepared,
    options: &Options,
) -> Result<u64, OutputError> {
    let mut problems = Vec::new();
    let (name, bytes) = raft_snapshot(prepared);
    let path = stage.beside_database_path(&name);
    if !ReadBack::open(stage.disk(), &path, options)?.holds(&bytes, bytes.len() as u64)? {
        problems.push("the raft snapshot does not hold what was written".into());
    }
    if let Err(error) = read_snapshot_file(&bytes) {
        problems.push(format!("the raft snapshot: {error}"));
    }
    let (name, log) = first_segment(prepared);
    let path = stage.log_path(&name);
    if !ReadBack::open(stage.disk(), &path, options)?.holds(log.bytes(), LOG_LEN)? {
        problems.push("the log does not hold what was written".into());
    }
    // The segment is 64 MB of the same bytes with zeros behind them; these few need not be read from there again.
    let (mut records, mut index) = (0u64, 0);
    for frame in WalReader::new(log.bytes(), 0) {
        records = records.saturating_add(1);
        match frame.map(|frame| frame.record) {
            Ok(LogRecord::Snapshot(mark)) => index = mark.index,
            Ok(_) => {}
            Err(error) => problems.push(format!("the log: {error:?}")),
        }
    }
    if index != prepared.cluster.last_index() {
        problems.push("the log does not end with the mark of the database".into());
    }
    match problems.is_empty() {
        true => Ok(records),
        false => Err(OutputError::differs(problems)),
    }
}
