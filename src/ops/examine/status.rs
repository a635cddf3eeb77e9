//! `snapshot status`: hash, revision, number of keys, size, version.

use crate::bolt::check::bolt_messages;
use crate::bolt::{CursorError, Database};
use crate::error::{Error, Result};
use crate::etcd::schema::{KEY_BUCKET, META_BUCKET, StorageVersion, meta_value};
use crate::etcd::{BackendHash, LiveKeys, Release, quote};
use crate::finding::{Collector, DEFAULT_LIMIT};
use crate::ops::input::Input;
use crate::ops::opening::{RefusedError, open_database};
use crate::options::Options;
use crate::sentence::sentence;
use crate::workers::Workers;

/// What `snapshot status` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// HASH: CRC-32C over all buckets.
    pub hash: u32,
    /// REVISION: main revision of the last record.
    pub revision: i64,
    /// TOTAL KEYS: live keys, or before 3.6 all entries of all buckets.
    pub total_keys: u64,
    /// TOTAL SIZE: high-water mark times page size.
    pub total_size: u64,
    /// VERSION, from 3.6 on; empty when the file does not say.
    pub version: Option<String>,
}

/// An answer, or why there is none.
#[derive(Debug, Clone)]
pub enum StatusOutcome {
    /// The figures.
    Answer(Status),
    /// The file is damaged or no snapshot.
    Refused(RefusedError),
}

/// Computes what `snapshot status` of `release` shows. The stored SHA-256 is not read.
///
/// # Errors
/// Reading, cancelling, a file that changed meanwhile.
pub fn status(input: &Input, release: Release, options: &Options) -> Result<StatusOutcome> {
    let database = match open_database(input, release) {
        Ok(database) => database,
        Err(Error::Refused(refusal)) => return Ok(StatusOutcome::Refused(*refusal)),
        Err(error) => return Err(error),
    };
    let workers = Workers::of(options)?;
    let mut findings = Collector::new(DEFAULT_LIMIT);
    let live = LiveKeys::new(release, options.memory_limit);
    let scanned = database.scan(&(BackendHash, live), &workers, options, &mut findings)?;
    let (hash_parts, live_parts): (Vec<_>, Vec<_>) = scanned.scan.locals.into_iter().unzip();
    let (hash, totals) = BackendHash::join(&scanned.plan, hash_parts, &workers)?;
    let summary = LiveKeys::join(live_parts, &workers)?;
    input.check_unchanged(Some(database.metas()))?;
    if let Some(refusal) = damaged(input, &database, release, findings, options)? {
        return Ok(StatusOutcome::Refused(refusal));
    }
    let refused = |message: String| {
        Ok(StatusOutcome::Refused(RefusedError::see_verify(
            input, message,
        )))
    };
    let stray = scanned.plan.strays.iter().min_by(|a, b| a.key.cmp(&b.key));
    let stray_first = stray.filter(|stray| summary.error.is_none() || *stray.key < *KEY_BUCKET);
    if let Some(stray) = stray_first {
        return refused(if release.counts_live_keys() {
            format!("nil bucket: {}", quote(&stray.key))
        } else {
            let name = crate::finding::escape::text(&stray.key);
            format!("cannot get hash of bucket {name}")
        });
    }
    if let Some(error) = summary.error {
        return refused(if release.counts_live_keys() {
            format!(
                "error during bucket key iteration, name: \"key\" err: {}",
                error.message
            )
        } else {
            error.message
        });
    }
    let mut top_level = scanned
        .plan
        .buckets
        .iter()
        .filter(|bucket| bucket.is_top_level());
    if release.counts_live_keys() && !top_level.any(|bucket| bucket.name() == META_BUCKET) {
        return refused("bucket \"meta\" is missing".into());
    }
    let elements = scanned
        .plan
        .buckets
        .iter()
        .zip(&totals)
        .filter(|(bucket, _)| bucket.is_top_level())
        .fold(0, |sum: u64, (_, totals)| {
            sum.saturating_add(totals.entries)
        });
    Ok(StatusOutcome::Answer(Status {
        hash,
        revision: summary.last.map_or(0, |revision| revision.main),
        total_keys: if release.counts_live_keys() {
            summary.live_keys
        } else {
            elements
        },
        total_size: database.selected().meta.database_len().unwrap_or(u64::MAX),
        version: match release.counts_live_keys() {
            true => Some(version(&database, release)?),
            false => None,
        },
    }))
}

fn version(database: &Database<'_>, release: Release) -> Result<String> {
    let stored = CursorError::unless_damaged(meta_value(database, StorageVersion::KEY))?
        .flatten()
        .unwrap_or_default();
    let parsed = if release.parses_versions_leniently() {
        StorageVersion::parse_lenient(&stored)
    } else {
        StorageVersion::parse_strict(&stored)
    };
    Ok(parsed
        .map(|version| version.to_string())
        .unwrap_or_default())
}

/// The refusal for a damaged tree, in bbolt's words where it has any. Releases that do not check
/// everything answer for files with findings that they do not see; so then does this.
pub(in crate::ops) fn damaged(
    input: &Input,
    database: &Database<'_>,
    release: Release,
    findings: Collector,
    options: &Options,
) -> Result<Option<RefusedError>> {
    if !findings.has_errors() {
        return Ok(None);
    }
    let messages = bolt_messages(database, release.message_style(), options)?;
    let findings = findings.finish();
    let blocking: u64 = findings
        .counts
        .iter()
        .filter(|count| !is_tolerated(count.code.id, release))
        .map(|count| count.count)
        .sum();
    if messages.is_empty() && blocking == 0 {
        return Ok(None);
    }
    let details: Vec<String> = findings
        .list
        .iter()
        .take(20)
        .map(|finding| {
            format!(
                "{}: {}: {}",
                finding.code.id,
                finding.place,
                sentence(finding)
            )
        })
        .collect();
    let message = if messages.is_empty() {
        let findings = if blocking == 1 { "finding" } else { "findings" };
        format!("snapshot file is damaged: {blocking} {findings}")
    } else {
        format!(
            "snapshot file integrity check failed. {} errors found.\n{}",
            messages.len(),
            messages.join("\n")
        )
    };
    Ok(Some(RefusedError {
        findings,
        ..RefusedError::new(input, message, details)
    }))
}

/// Findings in spite of which the real tool answers, with the right figures.
fn is_tolerated(code: &str, release: Release) -> bool {
    use crate::bolt::check::codes as b;
    // One meta is enough; a freelist's ids are not compared with the high-water mark; and the oldest
    // release does not look at the order of keys.
    let always = [
        &b::META_INVALID,
        &b::META_HEADER,
        &b::META_PAGE_SIZE,
        &b::TXID_LIMIT,
        &b::FREELIST_ID,
    ];
    let unordered = [&b::KEY_ORDER, &b::KEY_BELOW, &b::KEY_ABOVE];
    let lenient = [
        &b::ELEMENT_GAP,
        &b::ELEMENT_FLAGS,
        &b::OVERFLOW_EXCESS,
        &b::UNEVEN_DEPTH,
    ];
    always.iter().chain(&lenient).any(|known| known.id == code)
        || release == Release::V3_4 && unordered.iter().any(|known| known.id == code)
}
