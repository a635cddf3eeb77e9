//! A restore of some keys, or of their newest records only.

use std::fs::File;
use std::path::Path;

use super::changes;
use super::space::check_space;
use super::{OutputError, Prepared};
use crate::bolt::Database;
use crate::bolt::edit::Edits;
use crate::checksum::crc32c::Crc;
use crate::counted::{counted, is_or_are};
use crate::etcd::schema::KEY_BUCKET;
use crate::etcd::{HashKv, Revision};
use crate::finding::escape;
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::ops::make::disk::{Disk, Piece};
use crate::ops::make::rebuild::{Kept, KeptFigures, KeyScope, rewrite_database, room_for};
use crate::ops::make::source_checks::open_database;
use crate::options::Options;

/// The records that a restore kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRecords {
    /// How many, of how many.
    pub figures: KeptFigures,
    /// What HashKV of the restored database must be: that of these records, and of the mark of a bump.
    pub hash: HashKv,
}

/// Writes the database of the new cluster to `file`; tells which pieces of it, too.
#[allow(clippy::too_many_arguments)] // Each is another thing.
pub(super) fn write(
    disk: &Disk,
    input: &Input,
    members: &[Prepared],
    scope: &KeyScope,
    report: &VerifyReport,
    path: &Path,
    file: &File,
    options: &Options,
) -> Result<(KeptRecords, Vec<Piece>), OutputError> {
    let Some(prepared) = members.first() else {
        return Err(OutputError::Request("there is no member to restore".into()));
    };
    let database = open_database(input)?;
    let kept = Kept::select(&database, scope, options)?;
    let edits = edits(report, members, scope, &kept, &database)?;
    let rebuilt = rewrite_database(&database, disk, file, &edits, Some(&kept), options)
        .map_err(OutputError::rebuild(path))?;
    disk.sync(file)
        .map_err(OutputError::write("cannot write", path))?;
    // The records were read after the check.
    input.check_unchanged(None)?;
    let (crc, revision) = match prepared.request.bump_revision {
        0 => (rebuilt.crc, kept.figures.compacted_at),
        by => {
            let main = changes::bumped(kept.figures.compacted_at, by)?;
            let mark = Revision { main, sub: 0 }.to_key();
            (rebuilt.crc.then(Crc::of(&mark)), main)
        }
    };
    let kept = KeptRecords {
        figures: kept.figures,
        hash: HashKv {
            hash: crc.value,
            revision,
            compact_revision: revision,
        },
    };
    Ok((kept, rebuilt.pieces))
}

/// What changes in a database of the kept records.
fn edits(
    report: &VerifyReport,
    members: &[Prepared],
    scope: &KeyScope,
    kept: &Kept,
    database: &Database<'_>,
) -> Result<Edits, OutputError> {
    kept.check_not_empty(scope)?;
    check_space(room(report, &kept.figures, database.len()), members)?;
    let mut edits = Edits::new();
    kept.mark_compacted(&mut edits);
    if let Some(prepared) = members.first() {
        // A bump goes up from the revision that the file has come to, of whatever records.
        changes::edit(&mut edits, database, prepared, kept.figures.compacted_at)?;
    }
    Ok(edits)
}

/// What would be kept of a file, and why it is refused after all, if it is.
pub(super) fn plan(
    input: &Input,
    report: &VerifyReport,
    members: &[Prepared],
    scope: &KeyScope,
    options: &Options,
) -> Result<(Option<OutputError>, KeptFigures), OutputError> {
    let database = open_database(input)?;
    let kept = Kept::select(&database, scope, options)?;
    input.check_unchanged(None)?;
    let refusal = edits(report, members, scope, &kept, &database).err();
    Ok((refusal, kept.figures))
}

/// Bytes that the database of the kept records may take, where the whole one takes `whole`.
pub(super) fn room(report: &VerifyReport, kept: &KeptFigures, whole: u64) -> u64 {
    let Some(examined) = &report.examination else {
        return whole;
    };
    let others = examined
        .buckets
        .iter()
        .filter(|bucket| !matches!(bucket.path.as_slice(), [name] if name == KEY_BUCKET))
        .map(|bucket| bucket.totals.bytes)
        .fold(kept.kept_bytes, u64::saturating_add);
    room_for(others, whole)
}

/// What is kept, and what that changes for clients.
pub(super) fn notes(report: &VerifyReport, prepared: &Prepared, kept: &KeptFigures) -> Vec<String> {
    let at = kept.compacted_at;
    let mut notes = vec![format!(
        "{} of {} {} kept, each with its newest record and the revisions it has",
        kept.kept_keys,
        counted(kept.live_keys, "key", "keys"),
        is_or_are(kept.kept_keys)
    )];
    for prefix in &kept.unmatched {
        notes.push(format!("no key begins with {}", escape::text(prefix)));
    }
    let bump = prepared.request.bump_revision;
    let by_bump = if bump > 0 { ", before the bump" } else { "" };
    notes.push(format!(
        "the history is left out: everything up to revision {at} counts as compacted{by_bump}, so clients that \
         read or watch from an older revision are told so and must list again"
    ));
    notes.push(format!(
        "HashKV differs from the old cluster's: it is that of a store with these keys alone, compacted at {at}"
    ));
    let leases = report
        .examination
        .as_ref()
        .map_or(0, |examined| examined.contents.leases.len());
    if leases > 0 && kept.kept_keys < kept.live_keys {
        notes.push(
            "leases that no key refers to any more are kept as well; they expire by themselves"
                .into(),
        );
    }
    notes
}
