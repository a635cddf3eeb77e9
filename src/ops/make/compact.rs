//! Offline defragmentation: a database without its free pages, and if wanted without its history.

use std::path::PathBuf;

use super::disk::{Disk, Piece};
use super::output::Output;
use super::output_error::OutputError;
use super::rebuild::{Kept, KeptFigures, KeyScope, Rebuilt, rewrite_database, room_for};
use super::source_checks::{
    check_memory, check_not_in_use, first_errors, open_database, unless_changed,
};
use crate::bolt::check::codes::TXID_LIMIT;
use crate::bolt::edit::Edits;
use crate::checksum::Sha256;
use crate::error::Result;
use crate::etcd::HashKv;
use crate::etcd::schema::{KEY_BUCKET, META_BUCKET};
use crate::finding::Severity;
use crate::ops::examine::digest::digest_of;
use crate::ops::examine::hashkv::newest_hash;
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::{Verdict, VerifyReport};
use crate::ops::input::Input;
use crate::options::Options;

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactRequest {
    /// The file that is made.
    pub out: PathBuf,
    /// Keep only the newest record of each key that exists.
    pub live_only: bool,
    /// Whether the SHA-256 follows the database; none: as in the input.
    pub trailer: Option<bool>,
}

/// What was written, read back.
#[derive(Debug)]
pub struct Compacted {
    /// What `verify` says of the input.
    pub source: VerifyReport,
    /// What `verify` said of the database, read back before it got its name.
    pub result: VerifyReport,
    /// The SHA-256 that follows it, if one does.
    pub trailer: Option<Sha256>,
    /// What was kept, where not everything was.
    pub kept: Option<KeptFigures>,
    /// HashKV of the database. That of the input is the same if nothing was left out.
    pub hash: HashKv,
}

/// Rewrites the database of `input` into a file, reads that back, and gives it its name only if it holds
/// what it should: every entry of every bucket, or with `live_only` the newest records and the other
/// buckets.
///
/// # Errors
/// [`OutputError`]; nothing stands under the final name then.
pub fn compact(
    input: &Input,
    request: &CompactRequest,
    options: &Options,
) -> Result<Compacted, OutputError> {
    compact_on(&Disk::default(), input, request, options)
}

/// The same on a disk that tests look at.
pub(super) fn compact_on(
    disk: &Disk,
    input: &Input,
    request: &CompactRequest,
    options: &Options,
) -> Result<Compacted, OutputError> {
    unless_changed(input, write_compacted(disk, input, request, options))
}

fn write_compacted(
    disk: &Disk,
    input: &Input,
    request: &CompactRequest,
    options: &Options,
) -> Result<Compacted, OutputError> {
    check_memory(options)?;
    let output = Output::create(&request.out, input, disk)?;
    check_not_in_use(input)?;
    let what = VerifyOptions {
        // Without a trailer there is nothing to compare a digest with.
        quick: input.layout.trailer.is_none(),
        hash: !request.live_only,
        ..VerifyOptions::default()
    };
    let source = verify(input, what, options)?;
    check_sound(&source)?;
    let database = open_database(input)?;
    let mut edits = Edits::new();
    let kept = match request.live_only {
        true => Some(Kept::select(&database, &KeyScope::default(), options)?),
        false => None,
    };
    if let Some(kept) = &kept {
        kept.mark_compacted(&mut edits);
    }
    let len = source
        .examination
        .as_ref()
        .and_then(|examined| examined.selected.meta.database_len())
        .unwrap_or(database.len());
    output.check_space(room_for(entry_bytes(&source), len))?;
    let mut rebuilt = rewrite_database(
        &database,
        disk,
        output.file(),
        &edits,
        kept.as_ref(),
        options,
    )
    .map_err(OutputError::rebuild(output.path()))?;
    let trailer = match request.trailer.unwrap_or(input.layout.trailer.is_some()) {
        true => Some(digest_of(&output.written(rebuilt.len)?, options)?),
        false => None,
    };
    if let Some(digest) = &trailer {
        output.append(&digest.0, rebuilt.len)?;
        rebuilt.pieces.push(Piece::of(rebuilt.len, &digest.0));
    }
    output.sync()?;
    let expected = match &kept {
        None => newest_hash(&source, input, options)?,
        Some(kept) => Some(HashKv {
            hash: rebuilt.crc.value,
            revision: kept.figures.compacted_at,
            compact_revision: kept.figures.compacted_at,
        }),
    };
    let (result, hash) = read_back(&output, &source, &rebuilt, trailer, kept.is_some(), options)?;
    let Some(hash) = hash.filter(|hash| Some(*hash) == expected) else {
        return Err(OutputError::differs(vec![
            "HashKV is not what it must be".into(),
        ]));
    };
    output.finish(input, options)?;
    Ok(Compacted {
        source,
        result,
        trailer,
        kept: kept.map(|kept| kept.figures),
        hash,
    })
}

/// Reads everything that was written: what `verify` says of it, and its HashKV.
fn read_back(
    output: &Output,
    source: &VerifyReport,
    rebuilt: &Rebuilt,
    trailer: Option<Sha256>,
    live_only: bool,
    options: &Options,
) -> Result<(VerifyReport, Option<HashKv>), OutputError> {
    if !output.read_back(options)?.holds_pieces(&rebuilt.pieces)? {
        return Err(OutputError::differs(vec![
            "the bytes are not those that were written".into(),
        ]));
    }
    let made = Input::open(output.path())?;
    let what = VerifyOptions {
        quick: trailer.is_none(),
        hash: true,
        ..VerifyOptions::default()
    };
    let result = verify(&made, what, options)?;
    let hash = newest_hash(&result, &made, options)?;
    let mut problems = differences(source, &result, live_only);
    let records = result
        .examination
        .as_ref()
        .map(|examined| examined.records.records);
    if records != Some(rebuilt.records) {
        problems.push("bucket `key` holds another number of records than was written".into());
    }
    if (made.layout.trailer, made.layout.database_len) != (trailer, rebuilt.len)
        || trailer.is_some_and(|digest| result.database_sha256 != Some(digest))
    {
        problems.push("the SHA-256 does not read back as it was written".into());
    }
    match problems.is_empty() {
        true => Ok((result, hash)),
        false => Err(OutputError::differs(problems)),
    }
}

fn check_sound(report: &VerifyReport) -> Result<(), OutputError> {
    // In what is rewritten, transaction ids start over.
    let mut errors = report
        .findings
        .counts
        .iter()
        .filter(|count| count.code.severity == Severity::Error);
    let is_cured =
        report.verdict == Verdict::Damaged && errors.all(|count| count.code.id == TXID_LIMIT.id);
    if matches!(report.verdict, Verdict::Ok | Verdict::NoTrailer) || is_cured {
        return Ok(());
    }
    let mut details = first_errors(report);
    details.push(report.next_step.clone());
    Err(OutputError::File {
        message: report.reason.clone(),
        details,
    })
}

fn entry_bytes(report: &VerifyReport) -> u64 {
    let buckets = report.examination.iter().flat_map(|one| &one.buckets);
    buckets
        .map(|bucket| bucket.totals.bytes)
        .fold(0, u64::saturating_add)
}

/// What differs between two databases that should not.
fn differences(source: &VerifyReport, result: &VerifyReport, live_only: bool) -> Vec<String> {
    let mut problems = first_errors(result);
    let (Some(source), Some(result)) = (&source.examination, &result.examination) else {
        problems.push("it cannot be opened".into());
        return problems;
    };
    if !live_only && source.hash != result.hash {
        problems.push("HASH over all buckets differs".into());
    }
    // Records go, and two values of bucket `meta` are set.
    let changes = |path: &[Vec<u8>]| {
        live_only && matches!(path, [name] if name == KEY_BUCKET || name == META_BUCKET)
    };
    let same = source.buckets.len() == result.buckets.len()
        && source
            .buckets
            .iter()
            .zip(&result.buckets)
            .all(|(a, b)| a.path == b.path && (changes(&a.path) || a.totals == b.totals));
    if !same {
        problems.push("the buckets differ in names or contents".into());
    }
    problems
}
