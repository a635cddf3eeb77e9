use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::findings::findings_text;
use super::humanize;
use super::json::{JsonCount, JsonFinding, JsonLine, line};
use super::wording::worded;
use crate::counted::counted;
use crate::finding::{Severity, escape};
use crate::ops::{DirectoryReport, Examination, Proof, Readable, Standing, Verdict, VerifyReport};

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
        worded(&report.reason)
    );
    if report.verdict != Verdict::Ok {
        let _ = writeln!(out, "  next: {}", worded(&report.next_step));
    }
    if let Some(directory) = &report.directory {
        let _ = writeln!(
            out,
            "  data directory {}, log in {}",
            escape::path(&directory.data_dir),
            escape::path(&directory.wal_dir)
        );
        if report.verdict == Verdict::Ok && directory.next_step != NOTHING_TO_DO {
            let _ = writeln!(out, "  next: {}", worded(&directory.next_step));
        }
    }
    if let Some(examined) = &report.examination {
        // Of a damaged file the figures are those of what is left.
        let readable = if report.findings.has_errors() && !examined.losses.nothing_is_reached() {
            "readable: "
        } else {
            ""
        };
        let _ = writeln!(out, "  {readable}{}", summary(examined));
    }
    for line in &report.ledger {
        let mark = match report.standing(line) {
            Standing::Proven => "proven    ",
            Standing::NotProven => "not proven",
            Standing::NotStored => "not stored",
            Standing::Unexamined => "unexamined",
        };
        let _ = writeln!(
            out,
            "  {mark}  {:<10} {}",
            line.proof.name(),
            worded(&line.detail)
        );
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
    let meta = &examined.contents.meta;
    let size = humanize::bytes(examined.selected.meta.database_len().unwrap_or(u64::MAX));
    if examined.losses.nothing_is_reached() {
        return format!(
            "no bucket can be reached: keys, revisions and schema are unknown, {size} when whole"
        );
    }
    let mut parts = Vec::new();
    match (examined.keys_readable(), examined.revision()) {
        (Readable::Nothing, _) => parts.push("no record of bucket `key`".to_string()),
        (Readable::Whole, Some(revision)) => {
            parts.push(format!("revision {revision}"));
            parts.push(counted(records.live_keys, "live key", "live keys"));
            parts.push(counted(records.records, "record", "records"));
        }
        (Readable::Whole | Readable::Partly, _) => {
            let last = records.last.map_or(0, |last| last.main);
            let all = counted(records.records, "record", "records");
            parts.push(format!("{all} up to revision {last}"));
        }
    }
    if examined.meta_is_known() {
        let compacted = meta.compaction.compacted();
        parts.push(match compacted < 0 {
            true => "never compacted".into(),
            false => format!("compacted at {compacted}"),
        });
        parts.push(format!("etcd schema {}", meta.schema()));
    } else {
        parts.push("compaction and schema unknown".into());
    }
    parts.push(size);
    parts.join(", ")
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonVerify<'a> {
    file: &'a str,
    verdict: Verdict,
    reason: Cow<'a, str>,
    next_step: Cow<'a, str>,
    kind: Option<&'static str>,
    proven: Vec<Proof>,
    not_proven: Vec<Proof>,
    ledger: Vec<JsonLedger<'a>>,
    errors: u64,
    warnings: u64,
    notes: u64,
    counts: Vec<JsonCount>,
    findings: Vec<JsonFinding<'a>>,
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

impl JsonLine for JsonVerify<'_> {
    const TYPE: &'static str = "verify";
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonLedger<'a> {
    what: Proof,
    standing: Standing,
    detail: Cow<'a, str>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonFigures {
    hash: Option<u32>,
    current_revision: Option<i64>,
    last_record_revision: Option<i64>,
    compact_revision: Option<i64>,
    live_keys: Option<u64>,
    records: Option<u64>,
    tombstones: Option<u64>,
    page_size: u32,
    pages_total: u64,
    pages_in_use: u64,
    pages_missing: u64,
    database_bytes: u64,
    schema: Option<String>,
}

/// What damage hides is null.
fn figures(examined: &Examination) -> JsonFigures {
    let records = &examined.records;
    let meta = &examined.contents.meta;
    let pages = &examined.pages;
    let has_keys = examined.keys_readable() != Readable::Nothing;
    let meta_is_known = examined.meta_is_known();
    JsonFigures {
        hash: (!examined.losses.nothing_is_reached()).then_some(examined.hash),
        current_revision: examined.revision(),
        last_record_revision: has_keys.then(|| records.last.map_or(0, |revision| revision.main)),
        compact_revision: meta_is_known.then(|| meta.compaction.compacted()),
        live_keys: has_keys.then_some(records.live_keys),
        records: has_keys.then_some(records.records),
        tombstones: has_keys.then_some(records.tombstones),
        page_size: examined.geometry.page_size,
        pages_total: pages.total,
        pages_in_use: pages.branch + pages.leaf + pages.overflow,
        pages_missing: pages.missing,
        database_bytes: examined.selected.meta.database_len().unwrap_or(u64::MAX),
        schema: meta_is_known.then(|| meta.schema()),
    }
}

/// The report as one line of JSON.
pub fn verify_json(report: &VerifyReport, file: &str) -> String {
    let names = |standing: Standing| {
        let lines = report.ledger.iter();
        lines
            .filter(|line| report.standing(line) == standing)
            .map(|line| line.proof)
            .collect()
    };
    let folder = |which: fn(&DirectoryReport) -> &PathBuf| {
        let directory = report.directory.as_ref()?;
        Some(escape::path(which(directory)))
    };
    let findings = &report.findings;
    line(&JsonVerify {
        file,
        verdict: report.verdict,
        reason: worded(&report.reason),
        next_step: worded(&report.next_step),
        kind: report.kind.map(|kind| kind.name()),
        proven: names(Standing::Proven),
        not_proven: names(Standing::NotProven),
        ledger: report
            .ledger
            .iter()
            .map(|line| JsonLedger {
                what: line.proof,
                standing: report.standing(line),
                detail: worded(&line.detail),
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
                severity: count.code.severity,
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
        file,
        verdict: Verdict::Unreadable,
        reason: error.into(),
        next_step: "make the file readable and run again".into(),
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

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonVerify<'_>>()]
}
