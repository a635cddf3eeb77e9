//! What the jobs over keys have in common: opening, scanning, what to say of damage.

mod fetch;

pub use fetch::fetch;
pub(in crate::ops) use fetch::{BATCH, BATCH_BYTES};

use std::cell::Cell;

use super::input::Input;
use super::opening::{RefusedError, open_database};
use crate::bolt::{CursorError, Database};
use crate::error::{Error, Result};
use crate::etcd::keyspace::{
    Changes, Keyspace, RecordPlace, RecordView, RecordVisitor, RevisionBounds,
};
use crate::etcd::schema::{Compaction, KEY_BUCKET};
use crate::etcd::{HashKvError, HashKvVisitor, Release, hash_kv};
use crate::finding::{Collector, DEFAULT_LIMIT, Findings};
use crate::options::Options;
use crate::workers::Workers;

/// Entries of the root bucket that are looked at for bucket `key`; etcd has ten.
const ROOT_ENTRIES: u32 = 1 << 16;

/// What is known of bucket `key` before its records are read.
enum KeyBucket {
    /// Something of it can be read, or there is nothing in it.
    There,
    /// The root bucket is sound and does not lead to it.
    Absent,
    /// Damage hides it, or all of its records.
    Lost,
}

/// Where the way to the first record is damaged, a scan finds whatever else there is.
fn key_bucket(database: &Database<'_>, workers: &Workers, options: &Options) -> Result<KeyBucket> {
    let lost_or_there = || -> Result<KeyBucket> {
        let quiet = Options {
            progress: None,
            ..options.clone()
        };
        let mut findings = Collector::new(1);
        let (keyspace, _) = Keyspace::scan(database, &(), workers, &quiet, &mut findings)?;
        Ok(match keyspace.has_records() {
            true => KeyBucket::There,
            false => KeyBucket::Lost,
        })
    };
    match CursorError::unless_damaged(database.bucket(KEY_BUCKET))? {
        Some(Some(bucket)) => {
            let first = CursorError::unless_damaged(database.cursor(&bucket).first())?.is_some();
            return if first {
                Ok(KeyBucket::There)
            } else {
                lost_or_there()
            };
        }
        Some(None) => {}
        None => return lost_or_there(),
    }
    // Out of order, it is not found by its name.
    let mut cursor = database.root();
    let mut entry = cursor.first();
    for _ in 0..ROOT_ENTRIES {
        match CursorError::unless_damaged(entry)? {
            Some(Some(found)) if found.is_bucket && found.key == KEY_BUCKET => {
                return Ok(KeyBucket::There);
            }
            Some(Some(_)) => {}
            Some(None) => return Ok(KeyBucket::Absent),
            None => return lost_or_there(),
        }
        entry = cursor.next();
    }
    lost_or_there()
}

/// A file that is being asked about its keys.
pub struct Session<'i> {
    pub(in crate::ops) input: &'i Input<'i>,
    pub(in crate::ops) database: Database<'i>,
    pub(in crate::ops) workers: Workers,
    pub(in crate::ops) options: &'i Options,
    pub(in crate::ops) findings: Collector,
    /// Set when the file was looked at for the last time.
    is_settled: Cell<bool>,
}

impl<'i> Session<'i> {
    /// Opens the database of `input`.
    ///
    /// # Errors
    /// [`Error::Refused`] where it has none, or its records cannot be reached; reading, threads.
    pub fn open(input: &'i Input<'i>, options: &'i Options) -> Result<Self> {
        let database = open_database(input, Release::default())?;
        let workers = Workers::of(options)?;
        // An empty answer would be a claim.
        let message = match key_bucket(&database, &workers, options)? {
            KeyBucket::There => None,
            KeyBucket::Absent => Some("there is no bucket \"key\", so nothing is known of keys"),
            KeyBucket::Lost => {
                Some("damage hides bucket \"key\", so nothing is known of keys and revisions")
            }
        };
        if let Some(message) = message {
            return Err(RefusedError::see_verify(input, message.into()).into());
        }
        Ok(Self {
            input,
            database,
            workers,
            options,
            findings: Collector::new(DEFAULT_LIMIT),
            is_settled: Cell::new(false),
        })
    }

    /// The same; nothing where [`open`](Self::open) is refused.
    pub(in crate::ops) fn open_if_readable(
        input: &'i Input<'i>,
        options: &'i Options,
    ) -> Result<Option<Self>> {
        match Self::open(input, options) {
            Ok(session) => Ok(Some(session)),
            Err(Error::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Scans all records.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever the visitor returns.
    pub fn scan<V: RecordVisitor>(&mut self, visitor: &V) -> Result<(Keyspace<'i>, Vec<V::Local>)> {
        Keyspace::scan(
            &self.database,
            visitor,
            &self.workers,
            self.options,
            &mut self.findings,
        )
    }

    /// Scans all records once more; what is wrong was reported before.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever the visitor returns.
    pub fn scan_again<V: RecordVisitor>(
        &self,
        visitor: &V,
    ) -> Result<(Keyspace<'i>, Vec<V::Local>)> {
        let mut known = Collector::new(0);
        Keyspace::scan(
            &self.database,
            visitor,
            &self.workers,
            self.options,
            &mut known,
        )
    }

    /// What `map` makes of the records at `places`, in their order.
    ///
    /// # Errors
    /// Reading, cancelling, and whatever `map` returns.
    pub fn map<T: Send>(
        &self,
        keyspace: &Keyspace<'i>,
        places: &[RecordPlace],
        map: impl Fn(&RecordView<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<Option<T>>> {
        keyspace.map(places, map, &self.workers, self.options)
    }

    /// From where to where the file can answer, without a scan. On a damaged way it is what a scan of
    /// everything finds.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn bounds(&mut self) -> Result<RevisionBounds> {
        let compaction = CursorError::unless_damaged(Compaction::read(&self.database))?;
        let newest = CursorError::unless_damaged(Changes::newest(&self.database))?;
        if let (Some(compaction), Some(newest)) = (compaction, newest) {
            return Ok(RevisionBounds {
                compacted: compaction.compacted(),
                current: compaction.current(newest),
            });
        }
        let (keyspace, _) = self.scan(&())?;
        Ok(keyspace.bounds())
    }

    /// The hash of the keys at `revision`, as members exchange it; `None` where a compaction is not finished or
    /// a record cannot be read, since then no other hash compares with it.
    ///
    /// # Errors
    /// Reading, cancelling, and a revision that the file cannot answer for.
    pub(in crate::ops) fn hash_at(&self, revision: i64) -> Result<Option<u32>> {
        let Some(compaction) = CursorError::unless_damaged(Compaction::read(&self.database))?
        else {
            return Ok(None);
        };
        let finished = compaction.finished.map_or(-1, |finished| finished.main);
        if finished < compaction.compacted() {
            return Ok(None);
        }
        let limit = self.options.memory_limit;
        let visitor = HashKvVisitor::new(revision, &compaction, Release::default(), limit);
        let mut known = Collector::new(0);
        let scanned = self
            .database
            .scan(&visitor, &self.workers, self.options, &mut known)?;
        let parts = scanned.scan.locals;
        let release = Release::default();
        match hash_kv(&visitor, parts, &compaction, release, &self.workers) {
            Ok(hash) => Ok(Some(hash.hash)),
            Err(HashKvError::Walk(_)) => Ok(None),
            Err(HashKvError::Job(error)) => Err(error),
        }
    }

    /// Before the file is scanned again, which reports everything again.
    pub fn forget_findings(&mut self) {
        self.findings = Collector::new(DEFAULT_LIMIT);
    }

    /// Looks whether the file is still what it was when it was opened, before the last words about it are said.
    ///
    /// # Errors
    /// [`Error::Changed`].
    pub fn check_unchanged(&self) -> Result<()> {
        if self.is_settled.get() {
            return Ok(());
        }
        self.input.check_unchanged(Some(self.database.metas()))
    }

    /// The last look, before what was made of the file gets its name: what becomes of the file later is nothing
    /// that the job could still answer for.
    ///
    /// # Errors
    /// [`Error::Changed`].
    pub(in crate::ops) fn settle(&self) -> Result<()> {
        self.check_unchanged()?;
        self.is_settled.set(true);
        Ok(())
    }

    /// True when damage was found, so that records may be missing from what was answered.
    pub fn is_damaged(&self) -> bool {
        self.findings.has_errors()
    }

    /// Ends the job: the file must be what it was when it was opened.
    ///
    /// # Errors
    /// [`Error::Changed`].
    pub fn finish(self) -> Result<Findings> {
        self.check_unchanged()?;
        Ok(self.findings.finish())
    }
}

/// For jobs that only want the bounds, or only the check.
impl RecordVisitor for () {
    type Local = ();

    fn start(&self) {}

    fn record(&self, (): &mut (), _: &RecordView<'_>) -> Result<(), Error> {
        Ok(())
    }
}
