//! The change log of a file: what happened in which transaction.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::bolt::{CursorDamage, CursorError};
use crate::error::Result;
use crate::etcd::keyspace::{
    Changes, GatherRows, KeyFilter, KeyRecord, NextChange, RecordChange, RecordFacts, RecordPlace,
    RevisionBounds, RowOrder, Rows,
};
use crate::etcd::{LeaseId, Revision};
use crate::finding::Finding;
use crate::ops::session::Session;
use crate::ops::times::NewestTime;

/// Before the first revision that is shown, so many records are looked at for the newest time in them.
const LOOK_BACK: usize = 10_000;
/// Going down, so many changes are gathered at once, because their times come from below.
const BATCH: usize = 4096;

/// Which part of the log to show.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogQuery {
    /// Changes of these keys.
    pub filter: KeyFilter,
    /// Only of keys that match: `*` stays between slashes, `**` does not.
    pub glob: Option<String>,
    /// From this revision on; 0 = the first that is retained.
    pub from: i64,
    /// Up to this revision; 0 = the newest.
    pub to: i64,
    /// From this revision on, which may be below the compaction: what is left there is shown.
    pub since: Option<i64>,
    /// Up to this revision, which may be any.
    pub until: Option<i64>,
    /// The newest transaction first.
    pub descending: bool,
    /// At most so many transactions.
    pub limit: Option<usize>,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self {
            filter: KeyFilter::all(),
            glob: None,
            from: 0,
            to: 0,
            since: None,
            until: None,
            descending: false,
            limit: None,
        }
    }
}

impl LogQuery {
    /// The first and the last revision.
    pub(super) fn span(&self, bounds: RevisionBounds) -> Result<(i64, i64)> {
        let from = match self.from {
            ..=0 => 0,
            from => bounds.resolve(from)?,
        };
        let to = bounds.resolve(self.to)?;
        let from = from.max(self.since.unwrap_or(0));
        Ok((from, to.min(self.until.unwrap_or(i64::MAX))))
    }

    /// True for keys that match the pattern.
    pub(super) fn has_glob(&self, key: &[u8]) -> bool {
        let glob = self.glob.as_ref();
        glob.is_none_or(|glob| fast_glob::glob_match(glob, key))
    }

    fn wants(&self, key: &[u8]) -> bool {
        self.filter.matches(key) && self.has_glob(key)
    }
}

/// What a change did to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The key came to be.
    Create,
    /// The key was there already.
    Update,
    /// The key went away.
    Delete,
}

impl Operation {
    /// What a record says of itself: version 1 is a new life of its key.
    pub fn of(is_tombstone: bool, version: i64) -> Self {
        match (is_tombstone, version) {
            (true, _) => Self::Delete,
            (false, ..=1) => Self::Create,
            (false, _) => Self::Update,
        }
    }

    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its revision.
    pub revision: Revision,
    /// What it did.
    pub operation: Operation,
    /// The key.
    pub key: Vec<u8>,
    /// Main revision at which the key was created last; 0 for a deletion.
    pub create_revision: i64,
    /// The key's version; 0 for a deletion.
    pub version: i64,
    /// The key's lease; 0 = none.
    pub lease: LeaseId,
    /// Bytes of the value.
    pub value_size: u64,
}

impl Event {
    pub(super) fn of_change(change: &RecordChange<'_>) -> Self {
        let record = &change.record;
        Self {
            revision: change.revision,
            operation: Operation::of(change.is_tombstone, record.version),
            key: record.key.to_vec(),
            create_revision: record.create_revision,
            version: record.version,
            lease: record.lease,
            value_size: record.value_len,
        }
    }

    /// Its figures, without the place of the record.
    pub(super) fn facts(&self) -> RecordFacts {
        RecordFacts {
            revision: self.revision,
            is_tombstone: self.operation == Operation::Delete,
            create_revision: self.create_revision,
            version: self.version,
            lease: self.lease,
            value_size: self.value_size,
            place: RecordPlace::default(),
        }
    }

    pub(super) fn of_record(record: &KeyRecord<'_>) -> Self {
        Self {
            revision: record.facts.revision,
            operation: Operation::of(record.facts.is_tombstone, record.facts.version),
            key: record.key.to_vec(),
            create_revision: record.facts.create_revision,
            version: record.facts.version,
            lease: record.facts.lease,
            value_size: record.facts.value_size,
        }
    }
}

/// The changes of one main revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The main revision.
    pub revision: i64,
    /// The transaction did not happen before this time, in seconds since 1970: the newest that any record
    /// up to it tells.
    pub not_before: Option<i64>,
    /// Its changes that are wanted, by sub revision.
    pub events: Vec<Event>,
}

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSummary {
    /// Transactions.
    pub transactions: u64,
    /// Changes.
    pub events: u64,
    /// Changes that were left out as noise.
    pub noise: u64,
    /// Where the log began and ended, if that was asked for by time.
    pub since: Option<i64>,
    /// See `since`.
    pub until: Option<i64>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
}

impl LogSummary {
    /// Where there is nothing to show.
    pub fn of_nothing(bounds: RevisionBounds) -> Self {
        Self {
            transactions: 0,
            events: 0,
            noise: 0,
            since: None,
            until: None,
            bounds,
        }
    }
}

struct Log<'q, 'e> {
    query: &'q LogQuery,
    from: i64,
    to: i64,
    summary: LogSummary,
    each: &'e mut dyn FnMut(&Transaction) -> ControlFlow<()>,
    is_over: bool,
    /// The last revision that was given out whole.
    done: Option<i64>,
}

/// Gives the transactions of a span of revisions to `each`, one by one, until it breaks off.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn log(
    session: &mut Session<'_>,
    query: &LogQuery,
    each: &mut dyn FnMut(&Transaction) -> ControlFlow<()>,
) -> Result<LogSummary> {
    let bounds = session.bounds()?;
    let (from, to) = query.span(bounds)?;
    let mut log = Log {
        query,
        from,
        to,
        summary: LogSummary {
            since: query.since,
            until: query.until,
            ..LogSummary::of_nothing(bounds)
        },
        each,
        is_over: query.limit == Some(0),
        done: None,
    };
    let walked = if query.descending {
        log.down(session)
    } else {
        log.up(session)
    };
    if let Err(damage) = CursorError::damage_apart(walked)? {
        log.around(session, &damage)?;
    }
    Ok(log.summary)
}

impl Log<'_, '_> {
    /// Gives out a transaction, unless nothing in it is wanted.
    fn give(&mut self, transaction: &mut Transaction) {
        let query = self.query;
        transaction.events.retain(|event| query.wants(&event.key));
        self.done = Some(transaction.revision);
        if transaction.events.is_empty() || self.is_over {
            return;
        }
        self.summary.transactions = self.summary.transactions.saturating_add(1);
        let events = transaction.events.len() as u64;
        self.summary.events = self.summary.events.saturating_add(events);
        let limit = self.query.limit.map_or(u64::MAX, |limit| limit as u64);
        self.is_over = (self.each)(transaction).is_break() || self.summary.transactions >= limit;
    }

    fn up(&mut self, session: &mut Session<'_>) -> Result<(), CursorError> {
        let mut time = NewestTime::default();
        if self.from > 0 {
            time = look_back(session, self.from.saturating_sub(1))?;
        }
        let mut changes = Changes::start(&session.database, self.from, false)?;
        let mut open: Option<Transaction> = None;
        while !self.is_over {
            session.options.cancel.check()?;
            // On damage the transaction at hand is not given out: it may have lost its end.
            let change = match changes.next_change()? {
                NextChange::Change(change) if change.revision.main > self.to => break,
                NextChange::Change(change) => change,
                NextChange::Damaged(finding) => {
                    session.findings.add(finding);
                    continue;
                }
                NextChange::End => break,
            };
            if open
                .as_ref()
                .is_some_and(|t| t.revision != change.revision.main)
                && let Some(mut whole) = open.take()
            {
                self.give(&mut whole);
            }
            time.see(change.record.value);
            let transaction = open.get_or_insert_with(|| Transaction {
                revision: change.revision.main,
                not_before: None,
                events: Vec::new(),
            });
            transaction.not_before = time.get();
            if self.query.wants(change.record.key) {
                transaction.events.push(Event::of_change(&change));
            }
        }
        if let Some(mut last) = open {
            self.give(&mut last);
        }
        Ok(())
    }

    fn down(&mut self, session: &mut Session<'_>) -> Result<(), CursorError> {
        let mut from = self.to;
        while !self.is_over && from >= self.from.max(1) {
            session.options.cancel.check()?;
            let mut batch: VecDeque<(Transaction, NewestTime)> = VecDeque::new();
            let mut changes = Changes::start(&session.database, from, true)?;
            let limit = self.query.limit.unwrap_or(usize::MAX);
            let (mut seen, mut wanted) = (0usize, 0usize);
            let mut damaged = None;
            loop {
                let change = match CursorError::damage_apart(changes.next_change())? {
                    Ok(NextChange::Change(change)) if change.revision.main < self.from => break,
                    Ok(NextChange::Change(change)) => change,
                    Ok(NextChange::Damaged(finding)) => {
                        session.findings.add(finding);
                        continue;
                    }
                    Ok(NextChange::End) => break,
                    Err(damage) => {
                        damaged = Some(damage);
                        break;
                    }
                };
                let main = change.revision.main;
                if batch.front().is_none_or(|(t, _)| t.revision != main) {
                    if seen >= BATCH || wanted > limit {
                        break;
                    }
                    let transaction = Transaction {
                        revision: main,
                        not_before: None,
                        events: Vec::new(),
                    };
                    batch.push_front((transaction, NewestTime::default()));
                }
                seen = seen.saturating_add(1);
                if let Some((transaction, time)) = batch.front_mut() {
                    time.see(change.record.value);
                    if self.query.wants(change.record.key) {
                        if transaction.events.is_empty() {
                            wanted = wanted.saturating_add(1);
                        }
                        transaction.events.push(Event::of_change(&change));
                    }
                }
            }
            if damaged.is_some() {
                // The lowest transaction may have lost its beginning.
                batch.pop_front();
            }
            let Some((lowest, _)) = batch.front() else {
                return damaged.map_or(Ok(()), |damage| Err(CursorError::Damaged(damage)));
            };
            from = lowest.revision.saturating_sub(1);
            // What lies below tells the time before the first of these.
            let mut time =
                CursorError::unless_damaged(look_back(session, from))?.unwrap_or_default();
            for (transaction, of_its_own) in &mut batch {
                time.merge(*of_its_own);
                transaction.events.reverse();
                transaction.not_before = time.get();
            }
            for (mut transaction, _) in batch.into_iter().rev() {
                self.give(&mut transaction);
            }
            if let Some(damage) = damaged {
                return Err(CursorError::Damaged(damage));
            }
        }
        Ok(())
    }

    /// The rest, from a scan, which finds its way around damage. Times are left out.
    fn around(&mut self, session: &mut Session<'_>, damage: &CursorDamage) -> Result<()> {
        let gather = GatherRows::new(self.query.filter.clone(), session.options.memory_limit);
        let (_, parts) = session.scan(&gather)?;
        if !session.findings.has_errors() {
            // The scan judged differently; what stopped the walk must not go unsaid.
            let what = damage.kind.observation();
            session
                .findings
                .add(Finding::new(what, damage.place.clone()));
        }
        let rows = Rows::sorted(parts, RowOrder::Revision, &session.workers)?;
        let (from, to, done) = (self.from, self.to, self.done);
        let descending = self.query.descending;
        let is_wanted = |record: &KeyRecord<'_>| {
            let main = record.facts.revision.main;
            let is_new = match done {
                Some(done) if descending => main < done,
                Some(done) => main > done,
                None => true,
            };
            is_new && main >= from && main <= to
        };
        let mut wanted: Vec<KeyRecord<'_>> = rows.iter().filter(is_wanted).collect();
        if descending {
            wanted.reverse();
        }
        for group in wanted.chunk_by(|a, b| a.facts.revision.main == b.facts.revision.main) {
            if self.is_over {
                break;
            }
            let mut events: Vec<Event> = group.iter().map(Event::of_record).collect();
            events.sort_by_key(|event| event.revision);
            let revision = group.first().map_or(0, |record| record.facts.revision.main);
            self.give(&mut Transaction {
                revision,
                not_before: None,
                events,
            });
        }
        Ok(())
    }
}

/// The newest time that the records up to `to` tell, as far as a short look back shows.
pub(super) fn look_back(session: &Session<'_>, to: i64) -> Result<NewestTime, CursorError> {
    let mut time = NewestTime::default();
    let mut changes = Changes::start(&session.database, to, true)?;
    for _ in 0..LOOK_BACK {
        match changes.next_change()? {
            NextChange::Change(change) => time.see(change.record.value),
            NextChange::Damaged(_) => {}
            NextChange::End => break,
        }
    }
    Ok(time)
}
