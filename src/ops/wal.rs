//! The records of a write-ahead log.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::data_dir::{LogStory, compare};
use crate::container::DB_IN_DATA_DIR;
use crate::error::{Error, Result};
use crate::etcd::raft::{Frame, Record, RecordFault, WalReader, codes, parse_segment_name};
use crate::etcd::schema::Contents;
use crate::finding::{Collector, DEFAULT_LIMIT, Finding, Findings, Place, escape};
use crate::ids::FileOffset;
use crate::options::Options;
use crate::source::{Access, OpenFile};

/// Where the log is inside a data directory.
const WAL_IN_DATA_DIR: &str = "member/wal";

/// Segments are read whole; etcd's have 64 MB, and one more entry at most.
const SEGMENT_LIMIT: u64 = 1 << 30;

/// What a log holds.
#[derive(Debug, Clone, Default)]
pub struct WalSummary {
    /// The segments in order.
    pub segments: Vec<PathBuf>,
    /// Records in them.
    pub records: u64,
    /// Entries among the records.
    pub entries: u64,
    /// Index of the last entry.
    pub last_index: u64,
    /// What is wrong.
    pub findings: Findings,
    /// True when the segment is there that every log begins with.
    pub(super) is_whole: bool,
    pub(super) story: LogStory,
}

/// Reads the log at `path`, a segment, a folder of segments or a data directory, and gives each record with
/// the name of its segment to `each`.
///
/// # Errors
/// Reading, cancelling.
pub fn wal(
    path: &Path,
    options: &Options,
    each: impl FnMut(&str, &Frame) -> ControlFlow<()>,
) -> Result<WalSummary> {
    let mut findings = Collector::new(DEFAULT_LIMIT);
    let mut summary = read(path, options, &mut findings, each)?;
    summary.findings = findings.finish();
    Ok(summary)
}

/// Reads the log that belongs to `database`, the file of a data directory with these contents, if it has
/// one beside it, and compares the two.
pub(super) fn check_log_of(
    database: &Path,
    contents: &Contents,
    options: &Options,
    findings: &mut Collector,
) -> Result<Option<WalSummary>> {
    let member = database.parent().and_then(Path::parent);
    let folder = member.map(|member| member.join("wal"));
    match folder.filter(|folder| folder.is_dir()) {
        Some(folder) if database.ends_with(DB_IN_DATA_DIR) => {
            let mut own = Collector::new(findings.limit());
            let read = read(&folder, options, &mut own, |_, _| ControlFlow::Continue(()));
            let log = match read {
                // A folder without segments is no log.
                Err(Error::NotAFile { .. }) => return Ok(None),
                read => read?,
            };
            // What a broken log says last is not its end.
            if !own.has_errors() {
                let snap = database.parent().unwrap_or(database);
                compare(&log.story, log.is_whole, snap, contents, &mut own)?;
            }
            findings.merge(own);
            Ok(Some(log))
        }
        _ => Ok(None),
    }
}

fn read(
    path: &Path,
    options: &Options,
    findings: &mut Collector,
    mut each: impl FnMut(&str, &Frame) -> ControlFlow<()>,
) -> Result<WalSummary> {
    let segments = segments(path, findings)?;
    let mut summary = WalSummary::default();
    let mut crc = 0;
    'segments: for (number, segment) in segments.iter().enumerate() {
        options.cancel.check()?;
        let is_last = number.saturating_add(1) == segments.len();
        let name = segment.file_name().unwrap_or_default().to_string_lossy();
        let file = OpenFile::open(segment, "", Access::Map)?;
        let source = file.source();
        if source.len() > SEGMENT_LIMIT {
            return Err(Error::NotAFile {
                path: segment.clone(),
                what: "is longer than any segment of a log",
            });
        }
        let mut copied = Vec::new();
        let bytes = match source.bytes() {
            Some(bytes) => bytes,
            None => {
                copied.resize(usize::try_from(source.len()).unwrap_or(0), 0);
                source.read_exact_at(FileOffset(0), &mut copied)?;
                &copied
            }
        };
        let mut reader = WalReader::new(bytes, crc);
        for frame in reader.by_ref() {
            match frame {
                Ok(frame) => {
                    summary.records = summary.records.saturating_add(1);
                    summary.story.add(&name, &frame, findings);
                    if let Record::Entry(entry) = &frame.record {
                        summary.entries = summary.entries.saturating_add(1);
                        summary.last_index = entry.index;
                    }
                    if each(&name, &frame).is_break() {
                        break 'segments;
                    }
                }
                Err(fault) => {
                    findings.add(finding(fault, &name, is_last));
                    // Without the chain nothing behind it can be told from damage.
                    break 'segments;
                }
            }
        }
        crc = reader.crc();
        if !file.in_use() {
            file.check_unchanged()?;
        }
    }
    let first = segments.first().and_then(|path| path.file_name()?.to_str());
    summary.is_whole = first
        .and_then(parse_segment_name)
        .is_some_and(|(number, _)| number == 0);
    summary.segments = segments;
    Ok(summary)
}

/// The segments at `path` in the order of their numbers.
fn segments(path: &Path, findings: &mut Collector) -> Result<Vec<PathBuf>> {
    let open = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    if !std::fs::metadata(path).map_err(open)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let inside = path.join(WAL_IN_DATA_DIR);
    let folder = match std::fs::metadata(&inside) {
        Ok(found) if found.is_dir() => inside,
        // What one may not look into is not empty.
        Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Error::Open {
                path: inside,
                source,
            });
        }
        _ => path.to_owned(),
    };
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(open)? {
        let path = entry.map_err(open)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some((number, _)) = name.and_then(parse_segment_name) {
            found.push((number, path));
        }
    }
    if found.is_empty() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            what: "is a directory without a log; give a segment, a folder of segments or a data directory",
        });
    }
    found.sort();
    for pair in found.windows(2) {
        if let [(before, _), (after, _)] = pair
            && before.checked_add(1) != Some(*after)
        {
            let message = format!("segment {before:016x} is followed by {after:016x}");
            let place = Place::default();
            findings.add(Finding::new(&codes::SEGMENT_MISSING, place, message));
        }
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn finding(fault: RecordFault, segment: &str, is_last: bool) -> Finding {
    let (offset, code) = match fault {
        RecordFault::CutOff { offset } | RecordFault::Torn { offset } if is_last => {
            (offset, &codes::TORN)
        }
        RecordFault::CutOff { offset }
        | RecordFault::Torn { offset }
        | RecordFault::Malformed { offset } => (offset, &codes::MALFORMED),
        RecordFault::Crc { offset, .. } => (offset, &codes::CHECKSUM),
    };
    let segment = escape::text(segment.as_bytes());
    Finding::new(
        code,
        Place::at(FileOffset(offset)),
        format!("{segment}: {fault}"),
    )
}
