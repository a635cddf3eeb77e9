//! The records of a write-ahead log.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::log_story::LogStory;
use crate::bolt::{Metas, SecondMeta};
use crate::container::{FileKind, classify};
use crate::counted::counted;
use crate::error::{Error, Result};
use crate::etcd::raft::{
    Frame, LogError, LogRecord, WalReader, codes, parse_segment_name, read_snapshot_file,
};
use crate::finding::{Collector, DEFAULT_LIMIT, Excerpt, Finding, Findings, Observation, Place};
use crate::ids::FileOffset;
use crate::options::Options;
use crate::source::{OpenFile, Source, WindowBuffer};

/// Where the log is inside a data directory.
pub(super) const WAL_IN_DATA_DIR: &str = "member/wal";

/// Segments are read whole; etcd's have 64 MB, and one more entry at most.
const SEGMENT_LIMIT: u64 = 1 << 30;

/// A raft snapshot is small; a longer file is none.
const SNAP_FILE_LIMIT: u64 = 64 << 20;

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
    /// What the path leads to, when it is not a log at all.
    pub stranger: Option<NotALog>,
    pub(super) parts: Vec<Segment>,
    pub(super) story: LogStory,
}

/// Something that is not a write-ahead log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotALog {
    /// What it is, as one clause.
    pub what: String,
    /// The one thing to do next.
    pub next_step: String,
}

/// A segment as it was found.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) name: String,
    /// The index in its name: no entry before it is in the segment.
    pub(super) first_index: u64,
    /// Why not one record could be read, if so.
    pub(super) blank: Option<Blank>,
}

/// Why nothing of a segment can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// Nothing but zeros, or no bytes at all.
    Unwritten,
    /// It begins with zeros, and there is more behind them.
    Zeroed,
    /// It begins with something that is not a record.
    Foreign,
}

impl WalSummary {
    /// The log in one clause.
    pub(super) fn describe(&self) -> String {
        format!(
            "{}, {}, the last index is {}",
            counted(self.segments.len() as u64, "segment", "segments"),
            counted(self.records, "record", "records"),
            self.last_index
        )
    }
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
    let stranger = |stranger| WalSummary {
        stranger: Some(stranger),
        ..WalSummary::default()
    };
    let open = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    let segments = if std::fs::metadata(path).map_err(open)?.is_dir() {
        let inside = path.join(WAL_IN_DATA_DIR);
        let folder = match std::fs::metadata(&inside) {
            Ok(found) if found.is_dir() => &inside,
            // What one may not look into is not empty.
            Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(Error::Open {
                    path: inside,
                    source,
                });
            }
            _ => path,
        };
        let segments = segments_in(folder, &mut findings)?;
        if segments.is_empty() {
            return Ok(stranger(folder_without_log(path, folder)));
        }
        segments
    } else {
        if let Some(found) = file_that_is_no_segment(path)? {
            return Ok(stranger(found));
        }
        vec![path.to_owned()]
    };
    let mut summary = read(&segments, options, &mut findings, each)?;
    blank_findings(&summary.parts, None, &mut findings);
    if !findings.has_errors() {
        // Where a server would start is for the whole directory to tell; entries behind that place, or behind
        // the first one that is there, must follow one another.
        let start = summary.story.last_mark().map_or(0, |(index, _)| index);
        let start = start.max(summary.story.before_first());
        if let Err(gap) = summary.story.last_after(start, 0) {
            findings.add(Finding::new(gap.observation(), Place::default()));
        }
    }
    summary.findings = findings.finish();
    Ok(summary)
}

/// Reads segments in order.
pub(super) fn read(
    segments: &[PathBuf],
    options: &Options,
    findings: &mut Collector,
    mut each: impl FnMut(&str, &Frame) -> ControlFlow<()>,
) -> Result<WalSummary> {
    let mut summary = WalSummary {
        segments: segments.to_vec(),
        ..WalSummary::default()
    };
    let mut crc = 0;
    let mut before: Option<u64> = None;
    let mut buffer = WindowBuffer::new();
    'segments: for (number, segment) in segments.iter().enumerate() {
        options.cancel.check()?;
        let is_last = number.saturating_add(1) == segments.len();
        let name = segment.file_name().unwrap_or_default().to_string_lossy();
        let numbers = parse_segment_name(&name);
        let this = numbers.map(|(number, _)| number);
        if before
            .zip(this)
            .is_some_and(|(before, this)| before.checked_add(1) != Some(this))
        {
            // That one is missing was told; what is left has a chain of its own.
            crc = 0;
        }
        before = this;
        let file = OpenFile::open(segment, "")?;
        let source = file.source();
        if source.len() > SEGMENT_LIMIT {
            return Err(Error::NotAFile {
                path: segment.clone(),
                what: "is longer than any segment of a log",
            });
        }
        let len = usize::try_from(source.len()).unwrap_or(usize::MAX);
        let bytes = buffer.lend(source, FileOffset(0), len)?;
        let mut reader = WalReader::new(bytes, crc);
        let (mut is_readable, mut is_torn) = (false, false);
        for frame in reader.by_ref() {
            match frame {
                Ok(frame) => {
                    is_readable = true;
                    summary.records = summary.records.saturating_add(1);
                    summary.story.add(number, &name, &frame, findings);
                    if let LogRecord::Entry(entry) = &frame.record {
                        summary.entries = summary.entries.saturating_add(1);
                        summary.last_index = entry.index;
                    }
                    if each(&name, &frame).is_break() {
                        break 'segments;
                    }
                }
                // It ends before it has begun; servers since 3.5 take it for empty.
                Err(LogError::CutOff { .. } | LogError::Torn { .. }) if is_last && !is_readable => {
                }
                // Servers cut such an end off.
                Err(error @ (LogError::CutOff { .. } | LogError::Torn { .. })) if is_last => {
                    findings.add(finding(error, &name, is_last));
                    is_torn = true;
                }
                Err(error) => {
                    findings.add(finding(error, &name, is_last));
                    // Without the chain nothing behind it can be told from damage.
                    break 'segments;
                }
            }
        }
        let position = reader.position();
        let rest = usize::try_from(position).unwrap_or(usize::MAX);
        let behind = first_set_byte(bytes.get(rest..).unwrap_or_default());
        if let Some(behind) = behind.filter(|_| is_last && is_readable && !is_torn) {
            let at = position.saturating_add(behind);
            let behind = codes::BytesBehindEnd {
                segment: Excerpt::of(&*name),
                end: position,
                byte: at,
            };
            findings.add(Finding::new(behind, Place::at(FileOffset(at))));
        }
        summary.parts.push(Segment {
            name: name.clone().into_owned(),
            first_index: numbers.map_or(0, |(_, index)| index),
            blank: (!is_readable).then_some(match (bytes.first_chunk::<8>(), behind) {
                (_, None) => Blank::Unwritten,
                (Some(&[0, 0, 0, 0, 0, 0, 0, 0]), Some(_)) => Blank::Zeroed,
                _ => Blank::Foreign,
            }),
        });
        // Behind a segment of which nothing could be read, the chain starts over.
        crc = if is_readable { reader.crc() } else { 0 };
        if !file.in_use() {
            file.check_unchanged()?;
        }
    }
    Ok(summary)
}

/// Tells of segments of which nothing can be read. `needed` is the first that a server reads, if that is known.
/// Before it, and before the first record, servers pass over such a segment; at the end they do not miss it
/// unless a record of it was overwritten.
pub(super) fn blank_findings(parts: &[Segment], needed: Option<usize>, findings: &mut Collector) {
    let first = parts.iter().position(|part| part.blank.is_none());
    let last = parts.iter().rposition(|part| part.blank.is_none());
    for (number, part) in parts.iter().enumerate() {
        let Some(blank) = part.blank else { continue };
        let is_passed = first.is_some_and(|first| number < first)
            && needed.is_none_or(|needed| number < needed);
        let is_unused = last.is_some_and(|last| number > last) && blank != Blank::Zeroed;
        let segment = Excerpt::of(&part.name);
        let what: Observation = match (is_passed || is_unused, blank) {
            (true, Blank::Unwritten) => codes::UnusedUnwritten { segment }.into(),
            (true, Blank::Zeroed) => codes::UnusedZeroed { segment }.into(),
            (true, Blank::Foreign) => codes::UnusedForeign { segment }.into(),
            (false, Blank::Unwritten) => codes::NeededUnwritten { segment }.into(),
            (false, Blank::Zeroed) => codes::NeededZeroed { segment }.into(),
            (false, Blank::Foreign) => codes::NeededForeign { segment }.into(),
        };
        findings.add(Finding::new(what, Place::default()));
    }
}

/// Where the first byte is that is not 0.
fn first_set_byte(bytes: &[u8]) -> Option<u64> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut at = 0u64;
    for piece in bytes.chunks(ZEROS.len()) {
        if ZEROS.get(..piece.len()) != Some(piece) {
            let within = piece.iter().position(|byte| *byte != 0)?;
            return Some(at.saturating_add(within as u64));
        }
        at = at.saturating_add(piece.len() as u64);
    }
    None
}

/// The segments in `folder` in the order of their numbers.
pub(super) fn segments_in(folder: &Path, findings: &mut Collector) -> Result<Vec<PathBuf>> {
    let open = |source| Error::Open {
        path: folder.to_owned(),
        source,
    };
    let mut found: Vec<((u64, u64), PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(open)? {
        let path = entry.map_err(open)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(numbers) = name.and_then(parse_segment_name) {
            found.push((numbers, path));
        }
    }
    found.sort();
    for pair in found.windows(2) {
        if let [((before, _), _), ((after, _), _)] = *pair
            && before.checked_add(1) != Some(after)
        {
            let what: Observation = match after.saturating_sub(before) {
                0 | 1 => codes::SegmentTwice { segment: before }.into(),
                2 => codes::SegmentMissing {
                    missing: before.saturating_add(1),
                    before,
                    after,
                }
                .into(),
                distance => codes::SegmentsMissing {
                    missing: distance.saturating_sub(1),
                    before,
                    after,
                }
                .into(),
            };
            findings.add(Finding::new(what, Place::default()));
        }
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

const GIVE_A_LOG: &str = "give a segment, a folder of segments or a data directory";

/// What the file is, if it does not begin with a record of a log.
fn file_that_is_no_segment(path: &Path) -> Result<Option<NotALog>> {
    let file = OpenFile::open(path, "")?;
    let source = file.source();
    let mut head = [0; 4096];
    let len = usize::try_from(source.len()).unwrap_or(usize::MAX);
    let head = head.get_mut(..len.min(4096)).unwrap_or_default();
    source.read_exact_at(FileOffset(0), head)?;
    // Every segment begins with the running checksum, in a record of 16 bytes.
    let first = WalReader::new(head, 0).next();
    if first.is_some_and(|first| first.is_ok_and(|frame| frame.record == LogRecord::Crc)) {
        return Ok(None);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let is_named = name.and_then(parse_segment_name).is_some();
    let begins_blank = !head.is_empty() && head.iter().take(8).all(|byte| *byte == 0);
    let lost = "restore the member from a snapshot or from its peers";
    let (what, next_step) = if is_named && begins_blank {
        let what = match is_all_zeros(source)? {
            true => "it is named like a segment, and holds nothing but zero bytes",
            false => "it is named like a segment, and its first record was overwritten with zeros",
        };
        (what.into(), lost)
    } else if let Some(kind) = kind_of(source)? {
        (kind.describe(), GIVE_A_LOG)
    } else if is_database(source)? {
        let what = "it is a bbolt database, such as a snapshot or member/snap/db";
        (
            what.into(),
            "check it with `verify`; a log is a segment, a folder of segments or a data directory",
        )
    } else if is_raft_snapshot(source)? {
        ("it is a raft snapshot (.snap)".into(), GIVE_A_LOG)
    } else if is_named {
        let what = "it is named like a segment, but does not begin with a record of one";
        (what.into(), lost)
    } else {
        ("it does not begin with a record of one".into(), GIVE_A_LOG)
    };
    Ok(Some(NotALog {
        what,
        next_step: next_step.into(),
    }))
}

fn is_all_zeros(source: &dyn Source) -> Result<bool> {
    const PIECE: u64 = 1 << 20;
    let mut buffer = WindowBuffer::new();
    let mut at = 0;
    while at < source.len() {
        let len = source.len().saturating_sub(at).min(PIECE);
        let len_here = usize::try_from(len).unwrap_or_default();
        let bytes = buffer.lend(source, FileOffset(at), len_here)?;
        if first_set_byte(bytes).is_some() {
            return Ok(false);
        }
        at = at.saturating_add(len);
    }
    Ok(true)
}

/// What the bytes are known to be, if they are neither a database nor unknown.
fn kind_of(source: &dyn Source) -> Result<Option<FileKind>> {
    let metas = Metas::read(source, SecondMeta::Search)?;
    let Err(error) = metas.select() else {
        return Ok(None);
    };
    let kind = classify(source, &metas, error, false)?;
    // That it has no meta page says nothing here; that it looks like a log is not what was found.
    Ok((!matches!(kind, FileKind::Unknown | FileKind::Wal)).then_some(kind))
}

fn is_database(source: &dyn Source) -> Result<bool> {
    Ok(Metas::read(source, SecondMeta::Search)?.select().is_ok())
}

fn is_raft_snapshot(source: &dyn Source) -> Result<bool> {
    let Some(len) = usize::try_from(source.len())
        .ok()
        .filter(|_| source.len() <= SNAP_FILE_LIMIT)
    else {
        return Ok(false);
    };
    let mut bytes = vec![0; len];
    source.read_exact_at(FileOffset(0), &mut bytes)?;
    Ok(read_snapshot_file(&bytes).is_ok())
}

/// What a directory is that holds no segment, `folder` being where they were looked for.
fn folder_without_log(path: &Path, folder: &Path) -> NotALog {
    let is_data_dir = path != folder || path.join("member").is_dir();
    let (what, next_step) = match is_data_dir {
        true => (
            "the data directory has no segment in member/wal",
            "if etcd was started with its own --wal-dir, give that folder",
        ),
        false => (
            "the directory holds no segment (NUMBER-INDEX.wal, of 16 hexadecimal digits each)",
            GIVE_A_LOG,
        ),
    };
    NotALog {
        what: what.into(),
        next_step: next_step.into(),
    }
}

fn finding(error: LogError, segment: &str, is_last: bool) -> Finding {
    let segment = Excerpt::of(segment);
    let (byte, what): (u64, Observation) = match error {
        LogError::CutOff { offset: byte } => (
            byte,
            match is_last {
                true => codes::LastCutOff { segment, byte }.into(),
                false => codes::RecordCutOff { segment, byte }.into(),
            },
        ),
        LogError::Torn { offset: byte } => (
            byte,
            match is_last {
                true => codes::LastTorn { segment, byte }.into(),
                false => codes::RecordTorn { segment, byte }.into(),
            },
        ),
        LogError::Malformed { offset: byte } => {
            (byte, codes::RecordMalformed { segment, byte }.into())
        }
        LogError::Crc {
            offset: byte,
            stored,
            computed,
        } => (
            byte,
            codes::RecordChecksum {
                segment,
                byte,
                stored,
                computed,
            }
            .into(),
        ),
    };
    Finding::new(what, Place::at(FileOffset(byte)))
}
