//! The verdict on a file: will it restore?

use std::num::NonZeroUsize;

use super::arriving::Arriving;
use super::examine::{Examination, examine};
use super::input::Input;
use super::values::{FirstBytes, FirstBytesSeen};
use super::wal::check_log_of;
use crate::bolt::check::codes as bolt_codes;
use crate::bolt::{Database, MetaFault, Metas, SecondMeta};
use crate::checksum::{Sha256, Sha256Stream};
use crate::container::{
    FileKind, Layout, LengthVerdict, classify, codes, has_converted_line_ends, judge_length,
};
use crate::error::{Error, Result};
use crate::finding::{Collector, DEFAULT_LIMIT, Finding, Findings, Place, Severity};
use crate::ids::FileOffset;
use crate::options::Options;
use crate::source::{Source, WindowBuffer};
use crate::workers::Workers;

/// What a file is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Restores as it is.
    Ok,
    /// Sound as far as can be proven; restores only with `--skip-hash-check`.
    NoTrailer,
    /// Something is wrong with it.
    Damaged,
    /// It is no etcd snapshot and no etcd database.
    NotASnapshot,
    /// Another process, most likely etcd, writes to it.
    InUse,
    /// It could not be read.
    Unreadable,
}

impl Verdict {
    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NoTrailer => "NO TRAILER",
            Self::Damaged => "DAMAGED",
            Self::NotASnapshot => "NOT A SNAPSHOT",
            Self::InUse => "IN USE",
            Self::Unreadable => "UNREADABLE",
        }
    }
}

/// What can be proven of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// The SHA-256 of the database is the stored one.
    Trailer,
    /// The length is what a writer produces.
    Length,
    /// Both metas hold.
    Metas,
    /// Every page in use is reached once and holds what it should.
    Tree,
    /// Free and used pages are all pages.
    Freelist,
    /// Every key of bucket `key` is a revision and no change is missing.
    Revisions,
    /// Every record decodes and continues the history of its key.
    Records,
    /// The small buckets decode and agree.
    Buckets,
    /// Every live value where API servers keep objects decodes as what its key names.
    Values,
    /// Of a data directory: every record of its log fits the checksum chain, and the database fits the log.
    Log,
}

impl Proof {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trailer => "trailer",
            Self::Length => "length",
            Self::Metas => "metas",
            Self::Tree => "tree",
            Self::Freelist => "freelist",
            Self::Revisions => "revisions",
            Self::Records => "records",
            Self::Buckets => "buckets",
            Self::Values => "values",
            Self::Log => "log",
        }
    }
}

/// One line of the account of what was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// What.
    pub proof: Proof,
    /// Whether it was.
    pub proven: bool,
    /// With which figures, or why not.
    pub detail: String,
}

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyOptions {
    /// Leave out the SHA-256, which needs every byte.
    pub quick: bool,
    /// Leave the values to [`verify_values`](super::verify_values), which decodes them.
    pub values: bool,
    /// How many findings of each code to keep; 0 takes [`DEFAULT_LIMIT`].
    pub finding_limit: usize,
}

/// The verdict with its reasons.
#[derive(Debug)]
pub struct VerifyReport {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// The one thing to do next.
    pub next_step: String,
    /// What was proven and what not.
    pub ledger: Vec<Ledger>,
    /// What was found.
    pub findings: Findings,
    /// Length and digest as stored.
    pub layout: Layout,
    /// What a file that is no database is.
    pub kind: Option<FileKind>,
    /// Everything inside, when it could be opened.
    pub examination: Option<Box<Examination>>,
    /// SHA-256 of the whole file.
    pub file_sha256: Option<Sha256>,
    /// SHA-256 of the database.
    pub database_sha256: Option<Sha256>,
    /// True when the file belongs to a data directory.
    pub is_data_dir: bool,
}

/// Bytes hashed between two looks at the cancel flag.
const HASH_PIECE: usize = 1 << 20;

/// Looks at everything in a file and judges it. The SHA-256 runs on a thread of its own beside the
/// workers.
///
/// # Errors
/// Reading, cancelling, a file that changed meanwhile.
pub fn verify(input: &Input, what: VerifyOptions, options: &Options) -> Result<VerifyReport> {
    verify_copy(input, input.file.source(), None, what, options)
}

/// The same for a copy of the file's database that may still be in the making: what is said is of `source`,
/// the copy.
pub(super) fn verify_copy(
    input: &Input,
    source: &dyn Source,
    arriving: Option<&Arriving>,
    what: VerifyOptions,
    options: &Options,
) -> Result<VerifyReport> {
    let limit = if what.finding_limit == 0 {
        DEFAULT_LIMIT
    } else {
        what.finding_limit
    };
    let mut findings = Collector::new(limit);
    // The digest of a file that somebody writes to means nothing.
    let with_digest = !what.quick && !input.file.in_use();
    let (examined, digests) = std::thread::scope(|scope| -> Result<_> {
        let hashing = with_digest
            .then(|| scope.spawn(move || digests(source, &input.layout, arriving, options)));
        let examined = examine_all(input, source, arriving, with_digest, options, &mut findings);
        let digests = hashing.map(|thread| thread.join().unwrap_or(Err(Error::Cancelled)));
        Ok((examined?, digests.transpose()?))
    })?;
    let (database, examined, first_bytes) = match examined {
        Ok(examined) => examined,
        Err((metas, fault)) => {
            return without_metas(input, &metas, fault, digests.as_ref(), findings);
        }
    };
    let page_size = examined.geometry.page_size;
    let expected = examined.selected.meta.database_len().unwrap_or(u64::MAX);
    let length = judge_length(&input.layout, expected, page_size);
    check_length(length, &input.layout, &examined, &mut findings);
    check_trailer(&input.layout, digests.as_ref(), &mut findings);
    let log = match input.file.in_use() {
        true => None,
        false => check_log_of(
            input.file.path(),
            &examined.contents,
            options,
            &mut findings,
        )?,
    };
    let values = match what.values || input.file.in_use() {
        true => None,
        false => first_bytes.report(input, options, &mut findings)?,
    };
    let torn = input.check_unchanged(Some(database.metas()));
    if !input.file.in_use() {
        torn?;
    }
    let findings = findings.finish();
    let mut ledger = ledger(
        &input.layout,
        length,
        &examined,
        digests.as_ref(),
        what,
        &findings,
    );
    ledger.extend(values);
    if let Some(log) = log {
        let broken = findings.list.iter().any(|finding| {
            finding.severity() == Severity::Error && finding.code.id.starts_with('W')
        });
        let seen = if broken { "; see the findings" } else { "" };
        ledger.push(Ledger {
            proof: Proof::Log,
            proven: !broken,
            detail: format!(
                "{} segments, {} records, the last index is {}{seen}",
                log.segments.len(),
                log.records,
                log.last_index
            ),
        });
    }
    if input.file.in_use() {
        for line in &mut ledger {
            line.proven = false;
            line.detail = format!("read while in use: {}", line.detail);
        }
    }
    let Judgement {
        verdict,
        reason,
        next_step,
        kind,
    } = judge(input, &findings, what)?;
    Ok(VerifyReport {
        verdict,
        reason,
        next_step,
        ledger,
        findings,
        layout: input.layout,
        kind,
        examination: Some(Box::new(examined)),
        file_sha256: digests.as_ref().map(|digests| digests.file),
        database_sha256: digests.as_ref().map(|digests| digests.database),
        is_data_dir: input.file.is_data_dir(),
    })
}

type Examined<'s> = (Database<'s>, Examination, FirstBytesSeen);

/// Looks at everything inside, while another thread hashes; the inner error is that of the metas.
fn examine_all<'s>(
    input: &Input,
    source: &'s dyn Source,
    arriving: Option<&Arriving>,
    with_digest: bool,
    options: &Options,
    findings: &mut Collector,
) -> Result<std::result::Result<Examined<'s>, (Metas, MetaFault)>> {
    if let Some(arriving) = arriving {
        arriving.wait(input.layout.database_len)?;
    }
    let database = match Database::open(source, input.layout.database_len, SecondMeta::Search)? {
        Ok(database) => database,
        Err(fault) => return Ok(Err(fault)),
    };
    let threads = options.threads.unwrap_or_else(|| {
        let spare = options
            .worker_threads()
            .get()
            .saturating_sub(usize::from(with_digest));
        NonZeroUsize::new(spare).unwrap_or(NonZeroUsize::MIN)
    });
    let workers = Workers::new(threads)?;
    // The hash passes over every byte and takes longest: it is what progress shows.
    let quiet = Options {
        progress: None,
        ..options.clone()
    };
    let scan_options = if with_digest { &quiet } else { options };
    let (examined, seen) = examine(&database, &FirstBytes, &workers, scan_options, findings)?;
    Ok(Ok((database, examined, FirstBytesSeen::join(seen))))
}

struct Digests {
    database: Sha256,
    file: Sha256,
}

/// The digest of the database and that of the whole file, from one pass over the database.
fn digests(
    source: &dyn Source,
    layout: &Layout,
    arriving: Option<&Arriving>,
    options: &Options,
) -> Result<Digests> {
    options.stage("computing SHA-256", layout.file_len);
    let mut stream = Sha256Stream::new();
    let mut buffer = WindowBuffer::new();
    let mut at = 0;
    while at < layout.database_len {
        options.cancel.check()?;
        let len = layout
            .database_len
            .saturating_sub(at)
            .min(HASH_PIECE as u64);
        let next = at.saturating_add(len);
        if let Some(arriving) = arriving {
            arriving.wait(next)?;
        }
        let len_here = usize::try_from(len).unwrap_or(HASH_PIECE);
        stream.update(buffer.lend(source, FileOffset(at), len_here)?);
        options.advance(len);
        at = next;
    }
    let database = stream.clone().finish();
    // What lies behind the database is the trailer or nothing.
    if let Some(trailer) = layout.trailer {
        stream.update(&trailer.0);
    }
    Ok(Digests {
        database,
        file: stream.finish(),
    })
}

/// The digest of a whole source.
pub(super) fn digest_of(source: &dyn Source, options: &Options) -> Result<Sha256> {
    let layout = Layout {
        file_len: source.len(),
        database_len: source.len(),
        trailer: None,
    };
    Ok(digests(source, &layout, None, options)?.database)
}

/// The report on a file that has no valid meta.
fn without_metas(
    input: &Input,
    metas: &Metas,
    fault: MetaFault,
    digests: Option<&Digests>,
    mut findings: Collector,
) -> Result<VerifyReport> {
    let kind = classify(input.file.source(), metas, fault, input.is_part())?;
    if kind.was_database() {
        for meta in metas.both() {
            if let Err(fault) = meta.validate() {
                let message = format!("meta {} {}", meta.slot.number(), fault.describe());
                let place = Place::at(meta.offset);
                findings.add(Finding::new(&bolt_codes::META_INVALID, place, message));
            }
        }
    }
    input.check_unchanged(Some(metas))?;
    let verdict = match (input.file.in_use(), kind.was_database()) {
        (true, _) => Verdict::InUse,
        (false, true) => Verdict::Damaged,
        (false, false) => Verdict::NotASnapshot,
    };
    let unread = "no valid meta leads to anything";
    let ledger = [
        Proof::Trailer,
        Proof::Length,
        Proof::Metas,
        Proof::Tree,
        Proof::Freelist,
        Proof::Revisions,
        Proof::Records,
        Proof::Buckets,
    ]
    .into_iter()
    .map(|proof| Ledger {
        proof,
        proven: false,
        detail: unread.into(),
    })
    .collect();
    Ok(VerifyReport {
        verdict,
        reason: kind.describe(),
        next_step: kind.next_step().into(),
        ledger,
        findings: findings.finish(),
        layout: input.layout,
        kind: Some(kind),
        examination: None,
        file_sha256: digests.map(|digests| digests.file),
        database_sha256: digests.map(|digests| digests.database),
        is_data_dir: input.file.is_data_dir(),
    })
}

fn check_length(
    length: LengthVerdict,
    layout: &Layout,
    examined: &Examination,
    findings: &mut Collector,
) {
    let pages = &examined.pages;
    let end = Place::at(FileOffset(layout.file_len));
    match length {
        LengthVerdict::Snapshot | LengthVerdict::Exact => {}
        LengthVerdict::Slack { pages } => {
            let message = format!("{pages} pages behind the high-water mark");
            findings.add(Finding::new(&codes::SLACK, end, message));
        }
        LengthVerdict::Short { missing } => {
            let message = format!(
                "meta says {} pages, the file holds {}; {missing} bytes are missing; \
                 {} of the missing pages are known to be in use",
                pages.total,
                pages.total.saturating_sub(pages.missing),
                pages.missing_in_use
            );
            findings.add(Finding::new(&bolt_codes::FILE_SHORT, end, message));
        }
        LengthVerdict::Trailing { extra } => {
            let message = format!(
                "{} bytes: meta says {} pages of {} bytes, which leaves {extra} bytes, neither a \
                 SHA-256 of 32 nor whole pages",
                layout.file_len, pages.total, examined.geometry.page_size
            );
            findings.add(Finding::new(&codes::LENGTH, end, message));
        }
    }
}

fn check_trailer(layout: &Layout, digests: Option<&Digests>, findings: &mut Collector) {
    let place = Place::at(FileOffset(layout.database_len));
    match (layout.trailer, digests) {
        (Some(stored), Some(digests)) if stored != digests.database => {
            let message = format!("stored: {stored}, computed: {}", digests.database);
            findings.add(Finding::new(&codes::TRAILER_DIFFERS, place, message));
        }
        (None, _) => {
            let message = "nothing says which bytes were saved".to_string();
            findings.add(Finding::new(&codes::TRAILER_MISSING, place, message));
        }
        _ => {}
    }
}

/// A verdict with its reason.
struct Judgement {
    verdict: Verdict,
    reason: String,
    next_step: String,
    kind: Option<FileKind>,
}

fn judge(input: &Input, findings: &Findings, what: VerifyOptions) -> Result<Judgement> {
    let judgement = |verdict, reason: String, next_step: &str| Judgement {
        verdict,
        reason,
        next_step: next_step.into(),
        kind: None,
    };
    if input.file.in_use() {
        let errors = findings.count(Severity::Error);
        let seen = if errors == 0 {
            "nothing wrong was seen in passing".to_string()
        } else {
            format!("{errors} findings, which may come from reading while etcd wrote")
        };
        return Ok(judgement(
            Verdict::InUse,
            format!("another process holds the file's lock, so it cannot be judged ({seen})"),
            "save a snapshot and verify that: etcdctl snapshot save FILE",
        ));
    }
    if findings.has_errors() {
        if has_converted_line_ends(input.file.source())? {
            // The metas were spared, but what happened still has a name.
            let kind = FileKind::LineEnds;
            let damaged = judgement(Verdict::Damaged, kind.describe(), kind.next_step());
            return Ok(Judgement {
                kind: Some(kind),
                ..damaged
            });
        }
        let worst = findings.counts.first();
        let reason = worst.map_or_else(String::new, |worst| {
            let others = findings.count(Severity::Error).saturating_sub(1);
            let more = match others {
                0 => String::new(),
                1 => ", and 1 more finding".into(),
                n => format!(", and {n} more findings"),
            };
            format!("{}{more}", worst.code.title)
        });
        let next_step = worst.map_or("", |worst| worst.code.next_step);
        return Ok(judgement(Verdict::Damaged, reason, next_step));
    }
    if input.layout.trailer.is_none() {
        return Ok(judgement(
            Verdict::NoTrailer,
            "sound as far as can be proven without a SHA-256".into(),
            "restore it with --skip-hash-check; nothing proves that the bytes are those etcd wrote",
        ));
    }
    let reason = if what.quick {
        "sound as far as looked; the SHA-256 was not compared (--quick)"
    } else {
        "restores as it is"
    };
    Ok(judgement(Verdict::Ok, reason.into(), "nothing to do"))
}

fn ledger(
    layout: &Layout,
    length: LengthVerdict,
    examined: &Examination,
    digests: Option<&Digests>,
    what: VerifyOptions,
    findings: &Findings,
) -> Vec<Ledger> {
    let has = |prefix: char, range: std::ops::Range<u32>| {
        findings.counts.iter().any(|count| {
            let (kind, number) = count.code.id.split_at(1);
            count.code.severity == Severity::Error
                && kind.starts_with(prefix)
                && number.parse().is_ok_and(|number| range.contains(&number))
        })
    };
    let line = |proof, proven, detail: String| Ledger {
        proof,
        proven,
        detail,
    };
    let judged = |proof, broken: bool, detail: String| {
        let detail = if broken {
            format!("{detail}; see the findings")
        } else {
            detail
        };
        line(proof, !broken, detail)
    };
    let pages = &examined.pages;
    let records = &examined.records;
    let trailer = match (layout.trailer, digests) {
        (None, _) => line(Proof::Trailer, false, "the file has none".into()),
        (Some(_), None) if what.quick => line(
            Proof::Trailer,
            false,
            "not compared, because of --quick".into(),
        ),
        (Some(_), None) => line(Proof::Trailer, false, "not compared".into()),
        (Some(stored), Some(digests)) => {
            let bytes = layout.database_len;
            let same = stored == digests.database;
            let detail = if same {
                format!("SHA-256 of {bytes} bytes is the stored one")
            } else {
                format!("SHA-256 of {bytes} bytes is not the stored one")
            };
            line(Proof::Trailer, same, detail)
        }
    };
    let length = match length {
        LengthVerdict::Snapshot => line(
            Proof::Length,
            true,
            format!(
                "{} pages of {} bytes and a SHA-256",
                pages.total, examined.geometry.page_size
            ),
        ),
        LengthVerdict::Exact => line(
            Proof::Length,
            true,
            format!(
                "{} pages of {} bytes",
                pages.total, examined.geometry.page_size
            ),
        ),
        LengthVerdict::Slack { pages: slack } => line(
            Proof::Length,
            true,
            format!(
                "{} pages of {} bytes, {slack} more behind them",
                pages.total, examined.geometry.page_size
            ),
        ),
        LengthVerdict::Short { missing } => {
            line(Proof::Length, false, format!("{missing} bytes are missing"))
        }
        LengthVerdict::Trailing { extra } => {
            line(Proof::Length, false, format!("{extra} bytes too many"))
        }
    };
    let used = pages
        .branch
        .saturating_add(pages.leaf)
        .saturating_add(pages.overflow);
    let tree_broken = has('B', 4..40);
    let freelist = if examined.has_freelist {
        judged(
            Proof::Freelist,
            has('B', 40..50),
            format!("{} free pages", pages.free),
        )
    } else {
        let detail = "none is stored; etcd rebuilds it from the tree".to_string();
        line(Proof::Freelist, false, detail)
    };
    let last = records
        .last
        .map_or("none".to_string(), |last| last.to_string());
    let buckets = if examined.contents.truncated {
        line(
            Proof::Buckets,
            false,
            "they are too large to be decoded".into(),
        )
    } else {
        let broken = has('E', 1..10) || has('E', 30..100);
        judged(
            Proof::Buckets,
            broken,
            format!("{} buckets", examined.buckets.len()),
        )
    };
    vec![
        trailer,
        length,
        judged(
            Proof::Metas,
            has('B', 1..4),
            format!(
                "meta {} counts, transaction {}",
                examined.selected.meta.slot.number(),
                examined.selected.meta.txid
            ),
        ),
        judged(
            Proof::Tree,
            tree_broken,
            format!("{used} pages in use, {} entries", examined.census.elements),
        ),
        freelist,
        judged(
            Proof::Revisions,
            tree_broken || has('E', 10..13) || has('E', 16..17),
            format!("{} revisions, the last is {last}", records.records),
        ),
        judged(
            Proof::Records,
            tree_broken || has('E', 13..30),
            format!(
                "{} records of {} keys",
                records.records, records.distinct_keys
            ),
        ),
        buckets,
    ]
}
