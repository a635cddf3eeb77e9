//! The hash of keys at a revision.

use super::status::damaged;
use super::verify_report::VerifyReport;
use crate::bolt::{CursorError, PlannedBucket};
use crate::error::{Error, Result};
use crate::etcd::schema::Compaction;
use crate::etcd::{HashKv, HashKvError, HashKvVisitor, Release, hash_kv};
use crate::finding::{Collector, DEFAULT_LIMIT};
use crate::ops::input::Input;
use crate::ops::opening::{RefusedError, open_database};
use crate::options::Options;
use crate::workers::Workers;

/// A hash, or why there is none.
#[derive(Debug, Clone)]
pub enum HashKvOutcome {
    /// The hash.
    Answer(HashKv),
    /// The file is damaged or no snapshot.
    Refused(RefusedError),
}

/// Computes HashKV at `revision`; 0 stands for the newest. A file whose structure is damaged has no
/// hash, though the real tool gives one for some.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling, a file that changed meanwhile.
pub fn hashkv(
    input: &Input,
    revision: i64,
    release: Release,
    options: &Options,
) -> Result<HashKvOutcome> {
    // The release counts only for the rules of the hash: any meta that holds will do.
    let database = match open_database(input, Release::default()) {
        Ok(database) => database,
        Err(Error::Refused(refusal)) => return Ok(HashKvOutcome::Refused(*refusal)),
        Err(error) => return Err(error),
    };
    let workers = Workers::of(options)?;
    let mut findings = Collector::new(DEFAULT_LIMIT);
    // A damaged way to the compaction state is damage that the scan reports.
    let compaction = CursorError::unless_damaged(Compaction::read(&database))?.unwrap_or_default();
    let visitor = HashKvVisitor::new(revision, &compaction, release, options.memory_limit);
    let scanned = database.scan(&visitor, &workers, options, &mut findings)?;
    input.check_unchanged(Some(database.metas()))?;
    if let Some(refusal) = damaged(input, &database, Release::default(), findings, options)? {
        return Ok(HashKvOutcome::Refused(refusal));
    }
    let is_reached = scanned.plan.buckets.iter().any(PlannedBucket::is_top_level);
    if !is_reached && !scanned.plan.strays.is_empty() {
        let message = "the root page leads to no bucket, so there is nothing to hash".to_string();
        return Ok(HashKvOutcome::Refused(RefusedError::see_verify(
            input, message,
        )));
    }
    Ok(
        match hash_kv(
            &visitor,
            scanned.scan.locals,
            &compaction,
            release,
            &workers,
        ) {
            Ok(hash) => HashKvOutcome::Answer(hash),
            Err(HashKvError::Walk(error)) => {
                HashKvOutcome::Refused(RefusedError::see_verify(input, error.message))
            }
            Err(HashKvError::Job(error)) => return Err(error),
        },
    )
}

/// HashKV at the newest revision of an input that was verified, if it has one: what the report has, or by a pass of its
/// own.
pub(in crate::ops) fn newest_hash(
    report: &VerifyReport,
    input: &Input,
    options: &Options,
) -> Result<Option<HashKv>> {
    if report.hash.is_some() {
        return Ok(report.hash);
    }
    Ok(match hashkv(input, 0, Release::default(), options)? {
        HashKvOutcome::Answer(hash) => Some(hash),
        HashKvOutcome::Refused(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ops::examine::verify::verify;
    use crate::ops::examine::verify_options::VerifyOptions;

    #[test]
    fn a_verification_computes_the_same_hash_on_the_way() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/real");
        let options = Options::default();
        let what = VerifyOptions {
            hash: true,
            ..VerifyOptions::default()
        };
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "db") {
                continue;
            }
            let input = Input::open(&path).unwrap();
            let report = verify(&input, what, &options).unwrap();
            let HashKvOutcome::Answer(hash) =
                hashkv(&input, 0, Release::default(), &options).unwrap()
            else {
                panic!("no answer: {}", path.display());
            };
            assert_eq!(report.hash, Some(hash), "{}", path.display());
            files += 1;
        }
        assert!(files >= 10);
    }

    #[test]
    fn from_the_compaction_to_the_newest_revision_there_is_a_hash_and_3_4_refuses_the_first() {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/real/etcd-3.6.14-b.db");
        let input = Input::open(&real).unwrap();
        let ask = |revision, release| hashkv(&input, revision, release, &Options::default());
        let is_refused = |revision, release, is_compacted| match ask(revision, release) {
            Err(Error::Revision { compacted }) => compacted == is_compacted,
            _ => false,
        };
        let HashKvOutcome::Answer(newest) = ask(0, Release::default()).unwrap() else {
            panic!("no answer");
        };
        // As the server said.
        assert_eq!((newest.hash, newest.compact_revision), (3_412_603_937, 357));
        for revision in [357, 662] {
            let answer = ask(revision, Release::default()).unwrap();
            assert!(matches!(answer, HashKvOutcome::Answer(_)), "{revision}");
        }
        assert!(is_refused(356, Release::default(), true));
        assert!(is_refused(663, Release::default(), false));
        assert!(is_refused(357, Release::V3_4, true));
        assert!(ask(358, Release::V3_4).is_ok());
    }
}
