//! The verdict on a file: will it restore?

use super::data_dir::check_directory;
use super::digest::digests;
use super::examination::{Examination, examine};
use super::first_bytes::{FirstBytes, FirstBytesSeen};
use super::foreign::{foreign, named, without_metas};
use super::judgement::{Judgement, judge};
use super::ledger::ledger;
use super::verify_options::VerifyOptions;
use super::verify_report::VerifyReport;
use super::whole_file::{WholeFile, diagnose};
use crate::bolt::{CursorError, Database, MetaError, Metas, OpenError, SecondMeta};
use crate::container::{FileKind, front_of_one_page, judge_length};
use crate::error::Result;
use crate::etcd::schema::Compaction;
use crate::etcd::{HashKv, HashKvError, HashKvVisitor, Release, hash_kv};
use crate::finding::{Collector, DEFAULT_LIMIT};
use crate::ops::copy_progress::CopyProgress;
use crate::ops::input::Input;
use crate::options::Options;
use crate::source::Source;
use crate::workers::{Beside, Workers, beside};

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
        Err(error) => return without_metas(input, &metas, error, what, findings, options),
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
        let plan = ExamineOptions {
            progress,
            with_digest,
            with_hash: what.hash,
        };
        let examined = examine_all(input, source, &plan, options, &mut findings);
        let digests = hashing.map(Beside::outcome);
        Ok((examined?, digests.transpose()?))
    })?;
    let Examined {
        database,
        examination: examined,
        first_bytes,
        hash,
    } = match examined {
        Ok(examined) => examined,
        Err((metas, error)) => {
            return without_metas(input, &metas, error, what, findings, options);
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
    let damage = diagnose(&known, &mut findings, options)?;
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
        damage.as_ref(),
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
        damage,
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
        hash,
        is_data_dir: input.file.is_data_dir(),
        directory,
        values_decoded: false,
    })
}

/// What is done beside the scan.
struct ExamineOptions<'p> {
    /// Of the copy that is looked at, while it is made.
    progress: Option<&'p CopyProgress>,
    /// Another thread hashes meanwhile.
    with_digest: bool,
    with_hash: bool,
}

/// What is inside.
struct Examined<'s> {
    database: Database<'s>,
    examination: Examination,
    first_bytes: FirstBytesSeen,
    hash: Option<HashKv>,
}

/// Looks at everything inside, while another thread hashes; the inner error is that of the metas.
fn examine_all<'s>(
    input: &Input,
    source: &'s dyn Source,
    plan: &ExamineOptions<'_>,
    options: &Options,
    findings: &mut Collector,
) -> Result<std::result::Result<Examined<'s>, (Metas, MetaError)>> {
    if let Some(progress) = plan.progress {
        progress.wait(input.layout.database_len)?;
    }
    let len = input.layout.database_len;
    let database = match Database::open(source, len, SecondMeta::Search) {
        Ok(database) => database,
        Err(OpenError::NoMeta(metas, error)) => return Ok(Err((*metas, error))),
        Err(OpenError::Read(error)) => return Err(error),
    };
    let workers = match plan.with_digest {
        true => Workers::beside_another(options)?,
        false => Workers::of(options)?,
    };
    // The hash passes over every byte and takes longest: it is what progress shows.
    let quiet = Options {
        progress: None,
        ..options.clone()
    };
    let scan_options = if plan.with_digest { &quiet } else { options };
    let release = Release::default();
    let compaction = CursorError::unless_damaged(Compaction::read(&database))?.unwrap_or_default();
    // Two tables at once may be too much for a memory that is limited; it takes a pass of its own then.
    let hashing = (plan.with_hash && options.memory_limit.is_none())
        .then(|| HashKvVisitor::new(0, &compaction, release, None));
    let also = (FirstBytes, hashing);
    let (examination, seen) = examine(&database, &also, &workers, scan_options, findings)?;
    let (first_bytes, hashed): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    // Of damaged records there is no hash.
    let hash = match &also.1 {
        Some(visitor) if !findings.has_errors() => {
            let parts = hashed.into_iter().flatten().collect();
            match hash_kv(visitor, parts, &compaction, release, &workers) {
                Ok(hash) => Some(hash),
                Err(HashKvError::Walk(_)) => None,
                Err(HashKvError::Job(error)) => return Err(error),
            }
        }
        _ => None,
    };
    Ok(Ok(Examined {
        database,
        examination,
        first_bytes: FirstBytesSeen::join(first_bytes),
        hash,
    }))
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
