use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::findings::findings_text;
use super::humanize;
use super::json::{JsonCount, JsonFinding, line};
use crate::finding::{Severity, escape};
use crate::ops::{DirectoryReport, Examination, Verdict, VerifyReport};

const NOTHING_TO_DO: &str = "nothing to do";

/// Findings of one code that the text shows.
const SHOWN_PER_CODE: usize = 10;

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ok => AnsiColor::Green.on_default().bold(),
        Verdict::NoTrailer | Verdict::InUse => AnsiColor::Yellow.on_default().bold(),
        Verdict::Damaged | Verdict::NotASnapshot | Verdict::Unreadable => {
            AnsiColor::Red.on_default().bold()
        }
    }
}

/// The report for people. `file` is the name as given, already escaped; `everything` shows each finding.
pub fn verify_text(report: &VerifyReport, file: &str, everything: bool) -> String {
    let mut out = String::new();
    let style = style(report.verdict);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{file}: {style}{}{style:#} - {}",
        report.verdict.title(),
        report.reason
    );
    if report.verdict != Verdict::Ok {
        let _ = writeln!(out, "  next: {}", report.next_step);
    }
    if let Some(directory) = &report.directory {
        let _ = writeln!(
            out,
            "  data directory {}, log in {}",
            escape::path(&directory.data_dir),
            escape::path(&directory.wal_dir)
        );
        if report.verdict == Verdict::Ok && directory.next_step != NOTHING_TO_DO {
            let _ = writeln!(out, "  next: {}", directory.next_step);
        }
    }
    if let Some(examined) = &report.examination {
        // Of a damaged file the figures are those of what is left.
        let readable = if report.findings.has_errors() {
            "readable: "
        } else {
            ""
        };
        let _ = writeln!(out, "  {readable}{}", summary(examined));
    }
    for line in &report.ledger {
        let mark = if line.proven {
            "proven    "
        } else {
            "not proven"
        };
        let _ = writeln!(out, "  {mark}  {:<10} {}", line.proof.name(), line.detail);
    }
    if let Some(sha256) = report.file_sha256 {
        let _ = writeln!(out, "  sha256 of the file: {sha256}");
    }
    let limit = if everything {
        usize::MAX
    } else {
        SHOWN_PER_CODE
    };
    out.push_str(&findings_text(&report.findings, limit));
    out
}

pub(super) fn summary(examined: &Examination) -> String {
    let records = &examined.records;
    let compacted = examined.contents.meta.compaction.compacted();
    let current = examined
        .contents
        .meta
        .compaction
        .current(records.last.map_or(0, |revision| revision.main));
    let compacted = if compacted < 0 {
        "never compacted".into()
    } else {
        format!("compacted at {compacted}")
    };
    format!(
        "revision {current}, {} live keys, {} records, {compacted}, etcd schema {}, {}",
        records.live_keys,
        records.records,
        examined.contents.meta.schema(),
        humanize::bytes(examined.selected.meta.database_len().unwrap_or(u64::MAX)),
    )
}

#[derive(Serialize)]
struct JsonVerify<'a> {
    r#type: &'static str,
    file: &'a str,
    verdict: Verdict,
    reason: &'a str,
    next_step: &'a str,
    kind: Option<&'static str>,
    proven: Vec<&'static str>,
    not_proven: Vec<&'static str>,
    ledger: Vec<JsonLedger<'a>>,
    errors: u64,
    warnings: u64,
    notes: u64,
    counts: Vec<JsonCount>,
    findings: Vec<JsonFinding>,
    figures: Option<JsonFigures>,
    bytes: Option<u64>,
    sha256: Option<String>,
    database_sha256: Option<String>,
    stored_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wal_dir: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct JsonLedger<'a> {
    what: &'static str,
    proven: bool,
    detail: &'a str,
}

#[derive(Serialize)]
struct JsonFigures {
    hash: u32,
    revision: i64,
    last_record_revision: i64,
    compact_revision: i64,
    live_keys: u64,
    records: u64,
    tombstones: u64,
    page_size: u32,
    pages: u64,
    pages_in_use: u64,
    pages_missing: u64,
    database_bytes: u64,
    schema: String,
}

fn figures(examined: &Examination) -> JsonFigures {
    let records = &examined.records;
    let last = records.last.map_or(0, |revision| revision.main);
    let compaction = &examined.contents.meta.compaction;
    let pages = &examined.pages;
    JsonFigures {
        hash: examined.hash,
        revision: compaction.current(last),
        last_record_revision: last,
        compact_revision: compaction.compacted(),
        live_keys: records.live_keys,
        records: records.records,
        tombstones: records.tombstones,
        page_size: examined.geometry.page_size,
        pages: pages.total,
        pages_in_use: pages.branch + pages.leaf + pages.overflow,
        pages_missing: pages.missing,
        database_bytes: examined.selected.meta.database_len().unwrap_or(u64::MAX),
        schema: examined.contents.meta.schema(),
    }
}

/// The report as one line of JSON.
pub fn verify_json(report: &VerifyReport, file: &str) -> String {
    let names = |proven: bool| {
        let lines = report.ledger.iter().filter(|line| line.proven == proven);
        lines.map(|line| line.proof.name()).collect()
    };
    let folder = |which: fn(&DirectoryReport) -> &PathBuf| {
        let directory = report.directory.as_ref()?;
        Some(escape::path(which(directory)))
    };
    let findings = &report.findings;
    line(&JsonVerify {
        r#type: "verify",
        file,
        verdict: report.verdict,
        reason: &report.reason,
        next_step: &report.next_step,
        kind: report.kind.map(|kind| kind.name()),
        proven: names(true),
        not_proven: names(false),
        ledger: report
            .ledger
            .iter()
            .map(|line| JsonLedger {
                what: line.proof.name(),
                proven: line.proven,
                detail: &line.detail,
            })
            .collect(),
        errors: findings.count(Severity::Error),
        warnings: findings.count(Severity::Warning),
        notes: findings.count(Severity::Note),
        counts: findings
            .counts
            .iter()
            .map(|count| JsonCount {
                code: count.code.id,
                severity: count.code.severity.as_str(),
                count: count.count,
            })
            .collect(),
        findings: findings
            .list
            .iter()
            .map(|f| JsonFinding::new(f, file))
            .collect(),
        figures: report.examination.as_deref().map(figures),
        bytes: Some(report.layout.file_len),
        sha256: report.file_sha256.map(|digest| digest.to_string()),
        database_sha256: report.database_sha256.map(|digest| digest.to_string()),
        stored_sha256: report.layout.trailer.map(|digest| digest.to_string()),
        data_dir: folder(|directory| &directory.data_dir),
        wal_dir: folder(|directory| &directory.wal_dir),
        error: None,
    })
}

/// The line of JSON for a file that could not be read.
pub fn unreadable_json(file: &str, error: &str) -> String {
    line(&JsonVerify {
        r#type: "verify",
        file,
        verdict: Verdict::Unreadable,
        reason: error,
        next_step: "make the file readable and run again",
        kind: None,
        proven: Vec::new(),
        not_proven: Vec::new(),
        ledger: Vec::new(),
        errors: 0,
        warnings: 0,
        notes: 0,
        counts: Vec::new(),
        findings: Vec::new(),
        figures: None,
        bytes: None,
        sha256: None,
        database_sha256: None,
        stored_sha256: None,
        data_dir: None,
        wal_dir: None,
        error: Some(error.into()),
    })
}
