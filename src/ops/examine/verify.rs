//! The verdict on a file: will it restore?

use super::data_dir::{DirectoryReport, check_directory};
use super::digest::{Digests, digests};
use super::examination::{Examination, examine};
use super::first_bytes::{FirstBytes, FirstBytesSeen};
use super::foreign::{foreign, named, without_metas};
use super::losses::Readable;
use super::whole_file::{WholeFile, WholeFileDamage, bytes, diagnose};
use crate::bolt::{Database, MetaFault, Metas, SecondMeta};
use crate::checksum::Sha256;
use crate::container::{
    FileKind, FileLayout, LengthVerdict, Origin, TRAILER, front_of_one_page, judge_length,
};
use crate::error::Result;
use crate::finding::{Collector, DEFAULT_LIMIT, Findings, Severity};
use crate::ops::copy_progress::CopyProgress;
use crate::ops::input::Input;
use crate::options::Options;
use crate::source::Source;
use crate::workers::{Beside, Workers, beside};

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
    /// Every key of bucket `key` is a revision, and above the compaction none is missing.
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

/// Where a line of the account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was proven.
    Proven,
    /// It was not.
    NotProven,
    /// There is nothing to prove: the file does not store it, which is normal.
    NotStored,
    /// It was not looked at.
    Unexamined,
}

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyOptions {
    /// Leave out the SHA-256, which needs every byte.
    pub quick: bool,
    /// Leave the values to [`verify_values`](crate::ops::examine::verify_values), which decodes them.
    pub values: bool,
    /// How many findings of each code to keep; 0 takes [`DEFAULT_LIMIT`].
    pub finding_limit: usize,
    /// Judge a data directory as a whole: does a server start from it, with its log and its `.snap` files?
    /// Otherwise its database alone is judged, as a file to restore from.
    pub directory: bool,
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
    pub layout: FileLayout,
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
    /// What is to be said of the data directory as a whole, if it was judged.
    pub directory: Option<DirectoryReport>,
    /// True once [`verify_values`](crate::ops::examine::verify_values) has decoded every live value.
    pub values_decoded: bool,
}

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
pub(in crate::ops) fn verify_copy(
    input: &Input,
    source: &dyn Source,
    progress: Option<&CopyProgress>,
    what: VerifyOptions,
    options: &Options,
) -> Result<VerifyReport> {
    let limit = if what.finding_limit == 0 {
        DEFAULT_LIMIT
    } else {
        what.finding_limit
    };
    let mut findings = Collector::new(limit);
    let metas = Metas::read(input.file.source(), SecondMeta::Search)?;
    let selected = match metas.select() {
        Ok(selected) => selected,
        // Nothing leads anywhere: no pass over the rest would tell more.
        Err(fault) => return without_metas(input, &metas, fault, what, findings, options),
    };
    if let Some(bytes) = front_of_one_page(input.file.source(), &metas)? {
        let kind = FileKind::BytesInFront { bytes };
        return named(input, &metas, kind, what, findings, options);
    }
    let whole = selected.meta.database_len().unwrap_or(u64::MAX);
    // The digest of a file that somebody writes to means nothing.
    // Of bytes before a SHA-256 only it tells whether they were there when the file was sealed.
    let is_odd = input.layout.trailer.is_some() && input.layout.database_len > whole;
    let with_digest = (!what.quick || is_odd) && !input.file.in_use();
    let (examined, digests) = std::thread::scope(|scope| -> Result<_> {
        let hashing = with_digest.then(|| {
            beside(scope, move || {
                digests(source, &input.layout, whole, progress, options)
            })
        });
        let examined = examine_all(input, source, progress, with_digest, options, &mut findings);
        let digests = hashing.map(Beside::outcome);
        Ok((examined?, digests.transpose()?))
    })?;
    let (database, examined, first_bytes) = match examined {
        Ok(examined) => examined,
        Err((metas, fault)) => {
            return without_metas(input, &metas, fault, what, findings, options);
        }
    };
    if examined.is_foreign() && !input.file.in_use() {
        input.check_unchanged(Some(database.metas()))?;
        return Ok(foreign(input, &examined));
    }
    let page_size = examined.geometry.page_size;
    let digest_fits = digests
        .as_ref()
        .zip(input.layout.trailer)
        .map(|(digests, stored)| digests.database == stored);
    let length = judge_length(&input.layout, whole, page_size, digest_fits);
    let is_directory = what.directory && input.is_whole_directory() && !input.file.in_use();
    let known = WholeFile {
        input,
        source,
        metas: database.metas(),
        pages: &examined.pages,
        whole,
        page_size,
        length,
        digests: digests.as_ref(),
        nothing_is_reached: examined.losses.nothing_is_reached(),
        is_directory,
    };
    let outer = diagnose(&known, &mut findings, options)?;
    let origin = known.origin();
    let is_longer = known.is_longer();
    let directory = match is_directory {
        false => None,
        true => Some(check_directory(
            input.file.path(),
            input.wal_dir(),
            &examined.contents,
            options,
            &mut findings,
        )?),
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
        outer.as_ref(),
        what,
        &findings,
    );
    ledger.extend(values);
    if let Some(directory) = &directory {
        directory.amend(&mut ledger, input.layout.trailer.is_some(), &findings);
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
    } = judge(
        input,
        &findings,
        outer,
        (origin, is_longer),
        directory.as_ref(),
        what,
    );
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
        directory,
        values_decoded: false,
    })
}

impl VerifyReport {
    fn has_flawed_values(&self) -> bool {
        let mut codes = self.findings.counts.iter().map(|count| count.code);
        codes.any(|code| Proof::Values.rests_on_code(code))
    }

    /// Where a line of the ledger stands.
    pub fn standing(&self, line: &Ledger) -> Standing {
        let has_freelist = self
            .examination
            .as_deref()
            .is_none_or(|examined| examined.has_freelist);
        match (line.proven, line.proof) {
            (true, _) => Standing::Proven,
            (false, Proof::Freelist) if !has_freelist => Standing::NotStored,
            (false, Proof::Values) if !self.values_decoded && !self.has_flawed_values() => {
                Standing::Unexamined
            }
            (false, Proof::Trailer)
                if self.directory.is_some() && self.layout.trailer.is_none() =>
            {
                Standing::NotStored
            }
            (false, _) => Standing::NotProven,
        }
    }
}

type Examined<'s> = (Database<'s>, Examination, FirstBytesSeen);

/// Looks at everything inside, while another thread hashes; the inner error is that of the metas.
fn examine_all<'s>(
    input: &Input,
    source: &'s dyn Source,
    progress: Option<&CopyProgress>,
    with_digest: bool,
    options: &Options,
    findings: &mut Collector,
) -> Result<std::result::Result<Examined<'s>, (Metas, MetaFault)>> {
    if let Some(progress) = progress {
        progress.wait(input.layout.database_len)?;
    }
    let database = match Database::open(source, input.layout.database_len, SecondMeta::Search)? {
        Ok(database) => database,
        Err(fault) => return Ok(Err(fault)),
    };
    let workers = match with_digest {
        true => Workers::beside_another(options)?,
        false => Workers::of(options)?,
    };
    // The hash passes over every byte and takes longest: it is what progress shows.
    let quiet = Options {
        progress: None,
        ..options.clone()
    };
    let scan_options = if with_digest { &quiet } else { options };
    let (examined, seen) = examine(&database, &FirstBytes, &workers, scan_options, findings)?;
    Ok(Ok((database, examined, FirstBytesSeen::join(seen))))
}

/// A verdict with its reason.
struct Judgement {
    verdict: Verdict,
    reason: String,
    next_step: String,
    kind: Option<FileKind>,
}

fn judge(
    input: &Input,
    findings: &Findings,
    outer: Option<WholeFileDamage>,
    (origin, is_longer): (Origin, bool),
    directory: Option<&DirectoryReport>,
    what: VerifyOptions,
) -> Judgement {
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
        return judgement(
            Verdict::InUse,
            format!("another process holds the file's lock, so it cannot be judged ({seen})"),
            "save a snapshot and verify that: etcdctl snapshot save FILE",
        );
    }
    if findings.has_errors() {
        if let Some(mut outer) = outer {
            if let Some(worst) = outer.left_unexplained(findings) {
                // It was saved with that.
                outer.reason = format!("{}; and {}", outer.reason, worst.title);
                outer.next_step = worst.next_step.into();
            }
            return Judgement {
                verdict: Verdict::Damaged,
                reason: outer.reason,
                next_step: outer.next_step,
                kind: Some(outer.kind),
            };
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
        return judgement(Verdict::Damaged, reason, next_step);
    }
    if let Some(directory) = directory {
        let DirectoryReport {
            headline,
            next_step,
            ..
        } = directory;
        return judgement(Verdict::Ok, headline.clone(), next_step);
    }
    if input.layout.trailer.is_none() {
        let (reason, next_step) = match origin {
            Origin::Snapshot if is_longer => (
                "sound as far as can be proven, but a snapshot with other bytes where its SHA-256 should be",
                "copy the snapshot again from where it was made; etcd restores this copy only with \
                 --skip-hash-check, and nothing proves that the bytes are those etcd wrote",
            ),
            Origin::Snapshot => (
                "sound as far as can be proven, but a snapshot that lost its end, with the SHA-256",
                "copy the snapshot again from where it was made; etcd restores this copy only with \
                 --skip-hash-check, and nothing proves that the bytes are those etcd wrote",
            ),
            Origin::Database | Origin::Either => (
                "sound as far as can be proven without a SHA-256",
                "restore it with --skip-hash-check; nothing proves that the bytes are those etcd wrote",
            ),
        };
        return judgement(Verdict::NoTrailer, reason.into(), next_step);
    }
    let was_compared = findings.has(&crate::container::codes::SLACK);
    let reason = if what.quick && !was_compared {
        "sound as far as looked; the SHA-256 was not compared (--quick)"
    } else {
        "restores as it is"
    };
    judgement(Verdict::Ok, reason.into(), "nothing to do")
}

fn ledger(
    layout: &FileLayout,
    length: LengthVerdict,
    examined: &Examination,
    digests: Option<&Digests>,
    outer: Option<&WholeFileDamage>,
    what: VerifyOptions,
    findings: &Findings,
) -> Vec<Ledger> {
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
    let proven = outer.and_then(|outer| outer.proven.clone());
    let unproven = outer.and_then(|outer| outer.unproven.clone());
    let trailer = match (layout.trailer, digests) {
        _ if let Some(proven) = proven => line(Proof::Trailer, true, proven),
        _ if let Some(unproven) = unproven => line(Proof::Trailer, false, unproven),
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
    let is_cut = outer.is_some_and(|outer| outer.kind == FileKind::CutSnapshot);
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
        LengthVerdict::SealedSlack { bytes: slack } => line(
            Proof::Length,
            true,
            format!(
                "{} pages of {} bytes, {} more behind them, and a SHA-256",
                pages.total,
                examined.geometry.page_size,
                bytes(slack)
            ),
        ),
        LengthVerdict::Short { missing } => {
            line(Proof::Length, false, format!("{missing} bytes are missing"))
        }
        LengthVerdict::Trailing { extra } if is_cut => line(
            Proof::Length,
            false,
            format!("{extra} of the 32 bytes of the SHA-256 are there"),
        ),
        LengthVerdict::Trailing { extra } => {
            let is_behind = outer.is_some_and(|outer| outer.kind == FileKind::BytesBehind);
            let extra = match is_behind {
                true => extra.saturating_sub(TRAILER),
                false => extra,
            };
            line(Proof::Length, false, format!("{} too many", bytes(extra)))
        }
    };
    let used = pages
        .branch
        .saturating_add(pages.leaf)
        .saturating_add(pages.overflow);
    let lost = examined.losses.nothing_is_reached();
    let tree_broken = Proof::Tree.is_broken_by(findings) || lost;
    let no_records = tree_broken && examined.keys_readable() == Readable::Nothing;
    let freelist = if examined.has_freelist {
        judged(
            Proof::Freelist,
            Proof::Freelist.is_broken_by(findings),
            format!("{} free pages", pages.free),
        )
    } else {
        let detail = "(normal) etcd rebuilds it from the tree".to_string();
        line(Proof::Freelist, false, detail)
    };
    let last = records
        .last
        .map_or("none".to_string(), |last| last.to_string());
    let missing = records.missing_revisions;
    let revisions = judged(
        Proof::Revisions,
        tree_broken || Proof::Revisions.is_broken_by(findings) || missing > 0,
        match (no_records, missing) {
            (true, _) => "none can be read".into(),
            (false, 0) => format!("{} records, the last is {last}", records.records),
            (false, 1) => format!(
                "{} records, the last is {last}; 1 revision has none",
                records.records
            ),
            (false, _) => format!(
                "{} records, the last is {last}; {missing} revisions have none",
                records.records
            ),
        },
    );
    let buckets = if examined.contents.truncated {
        line(
            Proof::Buckets,
            false,
            "they are too large to be decoded".into(),
        )
    } else if lost {
        line(Proof::Buckets, false, "none can be reached".into())
    } else {
        let broken =
            Proof::Buckets.is_broken_by(findings) || !examined.losses.small_buckets_are_whole();
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
            Proof::Metas.is_broken_by(findings),
            format!(
                "meta {} counts, transaction {}",
                examined.selected.meta.slot.number(),
                examined.selected.meta.txid
            ),
        ),
        judged(
            Proof::Tree,
            tree_broken,
            match lost {
                true => "the root page leads to no bucket".into(),
                false => format!("{used} pages in use, {} entries", examined.census.elements),
            },
        ),
        freelist,
        revisions,
        judged(
            Proof::Records,
            tree_broken || Proof::Records.is_broken_by(findings),
            match no_records {
                true => "none can be read".into(),
                false => format!(
                    "{} records of {} keys",
                    records.records, records.distinct_keys
                ),
            },
        ),
        buckets,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FileOffset;

    /// Reads as the other does, but panics in the thread that hashes, the only one without a name.
    #[derive(Debug)]
    struct Unlucky<'s>(&'s dyn Source);

    impl Source for Unlucky<'_> {
        fn len(&self) -> u64 {
            self.0.len()
        }

        fn bytes(&self) -> Option<&[u8]> {
            None
        }

        fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
            assert!(std::thread::current().name().is_some(), "while hashing");
            self.0.read_exact_at(offset, into)
        }
    }

    #[test]
    fn a_panic_while_hashing_is_a_panic_and_no_interrupt() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("testdata/real/etcd-3.6.14-a.db");
        let input = Input::open(&path).unwrap();
        let unlucky = Unlucky(input.file.source());
        let options = Options {
            threads: std::num::NonZeroUsize::new(2),
            ..Options::default()
        };
        let run = || verify_copy(&input, &unlucky, None, VerifyOptions::default(), &options);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let why = outcome.map(|report| report.map(|report| report.verdict));
        let why = why.unwrap_err();
        assert_eq!(why.downcast_ref::<&str>(), Some(&"while hashing"));
    }
}
