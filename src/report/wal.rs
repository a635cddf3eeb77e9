use std::borrow::Cow;

use serde::Serialize;

use super::findings::findings_text;
use super::json::{JsonFinding, JsonLine, hex_id, line};
use super::wording::worded;
use crate::etcd::raft::{EntryType, Frame, LogRecord};
use crate::ops::{NotALog, WalSummary};

fn entry_name(kind: EntryType) -> String {
    match kind {
        EntryType::Normal => "normal".into(),
        EntryType::ConfChange => "conf-change".into(),
        EntryType::ConfChangeV2 => "conf-change-v2".into(),
        EntryType::Other(number) => format!("type {number}"),
    }
}

/// The index of an entry or of a snapshot mark.
pub fn wal_index(frame: &Frame) -> Option<u64> {
    match &frame.record {
        LogRecord::Entry(entry) => Some(entry.index),
        LogRecord::Snapshot(mark) => Some(mark.index),
        _ => None,
    }
}

fn term(frame: &Frame) -> Option<u64> {
    match &frame.record {
        LogRecord::Entry(entry) => Some(entry.term),
        LogRecord::Snapshot(mark) => Some(mark.term),
        LogRecord::State(state) => Some(state.term),
        _ => None,
    }
}

/// What is in a record, without the requests of users.
fn detail(frame: &Frame) -> String {
    match &frame.record {
        LogRecord::Metadata(of) => format!("member {:x} cluster {:x}", of.member, of.cluster),
        LogRecord::Entry(entry) => {
            let bytes = entry.data.as_ref().map_or(0, Vec::len);
            format!("{} {bytes} bytes", entry_name(entry.kind))
        }
        LogRecord::State(state) => format!("vote {:x} commit {}", state.vote, state.commit),
        LogRecord::Snapshot(mark) => match &mark.configuration {
            Some(configuration) => {
                let hex = |id: &u64| format!("{id:x}");
                let voters: Vec<String> = configuration.voters.iter().map(hex).collect();
                format!("voters {}", voters.join(","))
            }
            None => String::new(),
        },
        LogRecord::Crc | LogRecord::Other => String::new(),
    }
}

/// A record as a line for people.
pub fn wal_text(segment: &str, frame: &Frame) -> String {
    let number = |value: Option<u64>| value.map_or_else(|| "-".into(), |value| value.to_string());
    let text = format!(
        "{segment} {:>9} {:<8} term {:>3} index {:>8} {:>7} bytes crc {:08x} {}",
        frame.offset,
        frame.kind.name(),
        number(term(frame)),
        number(wal_index(frame)),
        frame.len,
        frame.crc,
        detail(frame)
    );
    format!("{}\n", text.trim_end())
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonWalRecord<'r> {
    segment: &'r str,
    offset: u64,
    bytes: u64,
    record: String,
    term: Option<u64>,
    index: Option<u64>,
    crc: u32,
    detail: String,
    /// Of metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    /// Of metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_id: Option<String>,
    /// Of a state: for whom the member voted, `0000000000000000` for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    vote: Option<String>,
    /// Of a state.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<u64>,
    /// Of a snapshot mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    voters: Option<Vec<String>>,
}

impl JsonLine for JsonWalRecord<'_> {
    const TYPE: &'static str = "wal-record";
}

/// A record as a line of JSON.
pub fn wal_json(segment: &str, frame: &Frame) -> String {
    let mut record = JsonWalRecord {
        segment,
        offset: frame.offset,
        bytes: frame.len,
        record: frame.kind.name(),
        term: term(frame),
        index: wal_index(frame),
        crc: frame.crc,
        detail: detail(frame),
        cluster_id: None,
        member_id: None,
        vote: None,
        commit: None,
        voters: None,
    };
    match &frame.record {
        LogRecord::Metadata(of) => {
            record.cluster_id = Some(hex_id(of.cluster));
            record.member_id = Some(hex_id(of.member));
        }
        LogRecord::State(state) => {
            record.vote = Some(hex_id(state.vote));
            record.commit = Some(state.commit);
        }
        LogRecord::Snapshot(mark) => {
            let configuration = mark.configuration.as_ref();
            let hex = |ids: &[u64]| ids.iter().copied().map(hex_id).collect();
            record.voters = configuration.map(|of| hex(&of.voters));
        }
        LogRecord::Entry(_) | LogRecord::Crc | LogRecord::Other => {}
    }
    line(&record)
}

/// The end of the list for people.
pub fn wal_summary_text(summary: &WalSummary, file: &str) -> String {
    format!(
        "{file}: {} segments, {} records, {} entries, the last index is {}\n{}",
        summary.segments.len(),
        summary.records,
        summary.entries,
        summary.last_index,
        findings_text(&summary.findings, 10)
    )
}

/// What is said of something that is not a log.
pub fn wal_stranger_text(stranger: &NotALog, file: &str) -> String {
    format!(
        "{file}: not a write-ahead log - {}\n  next: {}\n",
        stranger.what,
        worded(&stranger.next_step)
    )
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonWal<'s> {
    file: &'s str,
    is_log: bool,
    reason: Option<&'s str>,
    next_step: Option<Cow<'s, str>>,
    segments: usize,
    records: u64,
    entries: u64,
    last_index: u64,
    findings: Vec<JsonFinding<'s>>,
}

impl JsonLine for JsonWal<'_> {
    const TYPE: &'static str = "wal";
}

/// The end of the list as a line of JSON.
pub fn wal_summary_json(summary: &WalSummary, file: &str) -> String {
    let findings = summary.findings.list.iter();
    line(&JsonWal {
        file,
        is_log: summary.stranger.is_none(),
        reason: summary.stranger.as_ref().map(|stranger| &*stranger.what),
        next_step: summary
            .stranger
            .as_ref()
            .map(|stranger| worded(&stranger.next_step)),
        segments: summary.segments.len(),
        records: summary.records,
        entries: summary.entries,
        last_index: summary.last_index,
        findings: findings
            .map(|finding| JsonFinding::new(finding, file))
            .collect(),
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonWalRecord<'_>>(), schema::<JsonWal<'_>>()]
}
