//! The parts of a data directory against each other: its log, its `.snap` files, its database. Source: etcd
//! v3.6.14 server/storage/wal/wal.go (`ReadAll`, `ValidSnapshotEntries`), server/verify/verify.go and
//! server/storage/backend.go (`RecoverSnapshotBackend`).

use std::collections::VecDeque;
use std::path::Path;

use crate::error::{Error, Result};
use crate::etcd::raft::{
    EntryType, Frame, HardState, Metadata, Record, SnapshotFile, codes, parse_snapshot_file_name,
    read_snapshot_file,
};
use crate::etcd::schema::{Contents, MEMBERS_BUCKET, META_BUCKET, Meta};
use crate::finding::{Collector, Finding, Place, escape};

/// Marks that are kept, the newest; etcd keeps 5 `.snap` files, each with its mark.
const MARKS: usize = 4096;

/// More `.snap` files than this, or longer ones, are not looked at.
const SNAPSHOTS: usize = 64;
const SNAPSHOT_LIMIT: u64 = 1 << 29;

/// What a log tells of itself, record by record.
#[derive(Debug, Clone, Default)]
pub(super) struct LogStory {
    metadata: Option<Metadata>,
    state: HardState,
    /// Index and term of the places to start from.
    marks: VecDeque<(u64, u64)>,
    /// The index up to which there are entries, or a mark in their place.
    end: Option<u64>,
    /// The last entry that changes the members.
    last_change: u64,
}

impl LogStory {
    /// Takes the next record of `segment`.
    pub(super) fn add(&mut self, segment: &str, frame: &Frame, findings: &mut Collector) {
        let mut report = |code, message: String| {
            let place = Place::at(crate::ids::FileOffset(frame.offset));
            let segment = escape::text(segment.as_bytes());
            findings.add(Finding::new(code, place, format!("{segment}: {message}")));
        };
        match &frame.record {
            Record::Metadata(metadata) => {
                if let Some(before) = self.metadata.filter(|before| before != metadata) {
                    let message = format!(
                        "member {:x} of cluster {:x} after member {:x} of cluster {:x}",
                        metadata.member, metadata.cluster, before.member, before.cluster
                    );
                    report(&codes::TWO_LOGS, message);
                }
                self.metadata = Some(*metadata);
            }
            Record::Entry(entry) => {
                if let Some(end) = self.end
                    && entry.index > end.saturating_add(1)
                {
                    let message = format!("entry {} follows {end}", entry.index);
                    report(&codes::ENTRY_MISSING, message);
                }
                if entry.kind != EntryType::Normal {
                    self.last_change = self.last_change.max(entry.index);
                }
                // A leader's entries take the place of those that were never committed.
                self.end = Some(entry.index);
            }
            Record::State(state) => self.state = *state,
            Record::Snapshot(mark) => {
                if self.marks.len() >= MARKS {
                    self.marks.pop_front();
                }
                self.marks.push_back((mark.index, mark.term));
                self.end = self.end.max(Some(mark.index));
            }
            Record::Crc => {}
            Record::Other => report(
                &codes::MALFORMED,
                format!("{} is nothing that etcd writes", frame.kind.name()),
            ),
        }
    }

    /// The places that a server may start from: those that are known to be committed.
    fn is_valid_mark(&self, snapshot: &SnapshotFile) -> bool {
        let mark = (snapshot.index, snapshot.term);
        snapshot.index <= self.state.commit && self.marks.contains(&mark)
    }
}

/// Compares the database with the log beside it; `snap` is the folder of the database, and `is_whole` tells
/// whether the log has its first segment.
pub(super) fn compare(
    log: &LogStory,
    is_whole: bool,
    snap: &Path,
    contents: &Contents,
    findings: &mut Collector,
) -> Result<()> {
    let mut report = |code, key: &[u8], message: String| {
        let place = Place::bucket_key(META_BUCKET, key);
        findings.add(Finding::new(code, place, message));
    };
    let index = contents.meta.consistent_index;
    if let (Some(index), Some(end)) = (index, log.end)
        && index > end
    {
        let message = format!("entry {index} was applied, the log ends with {end}");
        report(&codes::AHEAD, Meta::CONSISTENT_INDEX_KEY, message);
    }
    if let Some(term) = contents.meta.term
        && term > log.state.term
    {
        let of_log = log.state.term;
        let message = format!("the last entry is of term {term}, the log has come to {of_log}");
        report(&codes::LATER_TERM, Meta::TERM_KEY, message);
    }
    let start = start_of(log, snap, findings)?;
    match &start {
        None if !is_whole => {
            let message = "the log has lost its first segments, and no .snap file belongs to it";
            findings.add(Finding::new(&codes::NO_START, Place::default(), message));
        }
        None => {}
        Some(start) => {
            let received = snap.join(format!("{:016x}.snap.db", start.index));
            if let Some(index) = index
                && index < start.index
                && !received.exists()
            {
                let message = format!(
                    "entry {index} was applied, servers start after entry {}",
                    start.index
                );
                let place = Place::bucket_key(META_BUCKET, Meta::CONSISTENT_INDEX_KEY);
                findings.add(Finding::new(&codes::BEHIND, place, message));
            }
            check_members(log, start, contents, findings);
        }
    }
    Ok(())
}

/// The newest `.snap` file that belongs to the log.
fn start_of(log: &LogStory, snap: &Path, findings: &mut Collector) -> Result<Option<SnapshotFile>> {
    let open = |source| Error::Open {
        path: snap.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(snap).map_err(open)? {
        let path = entry.map_err(open)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(of) = name.and_then(parse_snapshot_file_name) {
            files.push((of, path));
        }
    }
    files.sort();
    for (_, path) in files.into_iter().rev().take(SNAPSHOTS) {
        let open = |source| Error::Open {
            path: path.clone(),
            source,
        };
        if std::fs::metadata(&path).map_err(open)?.len() > SNAPSHOT_LIMIT {
            continue;
        }
        match read_snapshot_file(&std::fs::read(&path).map_err(open)?) {
            Ok(snapshot) if log.is_valid_mark(&snapshot) => return Ok(Some(snapshot)),
            // One that was cut off the log with its segments, or not yet noted in it.
            Ok(_) => {}
            Err(fault) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let message = format!("{}: {fault}", escape::text(name.as_bytes()));
                let place = Place::default();
                findings.add(Finding::new(&codes::SNAPSHOT_DAMAGED, place, message));
            }
        }
    }
    Ok(None)
}

/// As long as no entry has changed them since, the members are those of the snapshot.
fn check_members(
    log: &LogStory,
    start: &SnapshotFile,
    contents: &Contents,
    findings: &mut Collector,
) {
    let configuration = &start.configuration;
    let in_change =
        !configuration.voters_outgoing.is_empty() || !configuration.learners_next.is_empty();
    if log.last_change > start.index || in_change || contents.truncated {
        return;
    }
    let sorted = |ids: &mut dyn Iterator<Item = u64>| {
        let mut ids: Vec<u64> = ids.collect();
        ids.sort_unstable();
        ids
    };
    let of_log = configuration.voters.iter().chain(&configuration.learners);
    let of_log = sorted(&mut of_log.copied());
    let of_database = sorted(&mut contents.members.iter().map(|member| member.id));
    if of_log != of_database {
        let hex = |ids: &[u64]| {
            let hex = ids.iter().take(9).map(|id| format!("{id:x}"));
            hex.collect::<Vec<_>>().join(",")
        };
        let message = format!(
            "{} in the log, {} in the database",
            hex(&of_log),
            hex(&of_database)
        );
        let place = Place {
            bucket: vec![MEMBERS_BUCKET.to_vec()],
            ..Place::default()
        };
        findings.add(Finding::new(&codes::OTHER_MEMBERS, place, message));
    }
}
