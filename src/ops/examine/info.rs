//! What is in a file, at a glance.

use super::examination::{Examination, examine};
use crate::container::FileLayout;
use crate::error::{Error, Result};
use crate::etcd::Release;
use crate::etcd::keyspace::EachRecord;
use crate::finding::{Collector, DEFAULT_LIMIT, Findings};
use crate::ops::input::Input;
use crate::ops::opening::{RefusedError, open_database};
use crate::ops::times::FileTime;
use crate::options::Options;
use crate::workers::Workers;

/// What `info` shows.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileInfo {
    /// Length and digest as stored; the digest is not compared.
    pub layout: FileLayout,
    /// Everything inside, or why it cannot be opened.
    pub inside: std::result::Result<Box<Examination>, RefusedError>,
    /// The newest time that an object in it tells, in seconds since 1970: it was not saved before.
    pub not_before: Option<i64>,
    /// What is wrong with it.
    pub findings: Findings,
}

/// Looks at everything in a file.
///
/// # Errors
/// Reading, cancelling, a file that changed meanwhile.
pub fn info(input: &Input, options: &Options) -> Result<FileInfo> {
    let mut findings = Collector::new(DEFAULT_LIMIT);
    let database = match open_database(input, Release::default()) {
        Ok(database) => database,
        Err(Error::Refused(refusal)) => {
            return Ok(FileInfo {
                layout: input.layout,
                inside: Err(*refusal),
                not_before: None,
                findings: findings.finish(),
            });
        }
        Err(error) => return Err(error),
    };
    let workers = Workers::of(options)?;
    let times = EachRecord::new(&FileTime);
    let (examination, times) = examine(&database, &times, &workers, options, &mut findings)?;
    input.check_unchanged(Some(database.metas()))?;
    Ok(FileInfo {
        layout: input.layout,
        not_before: FileTime::join(times.into_iter().map(|part| part.inner)),
        inside: Ok(Box::new(examination)),
        findings: findings.finish(),
    })
}
