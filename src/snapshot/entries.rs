//! Keys with their values, a few at a time.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::SessionSource;
use crate::error::{Error, Result};
use crate::etcd::LeaseId;
use crate::etcd::keyspace::{KeyFilter, KeyRecord, Keyspace, RevisionBounds};
use crate::finding::Findings;
use crate::ops::{self, KeyList, KeyStory, KeysQuery, Name, Named, Session, ValueReader};

/// At most so many values are held at once, and so many bytes of them, unless one alone is longer.
const BATCH: usize = 512;
const BATCH_BYTES: u64 = 128 << 10;

/// Which keys are wanted; [`iter`](Keys::iter) gives them.
#[derive(Clone)]
#[must_use = "nothing is read before `iter` is called"]
pub struct Keys<'s> {
    source: SessionSource<'s>,
    query: KeysQuery,
}

impl<'s> Keys<'s> {
    pub(super) fn new(source: SessionSource<'s>) -> Self {
        Self {
            source,
            query: KeysQuery::default(),
        }
    }

    /// At this revision; 0, the default, stands for the newest.
    pub fn at(mut self, revision: i64) -> Self {
        self.query.revision = revision;
        self
    }

    /// Only keys with this prefix.
    pub fn prefix(self, prefix: impl AsRef<[u8]>) -> Self {
        self.only(KeyFilter::prefix(prefix.as_ref()))
    }

    /// Only this key.
    pub fn key(self, key: impl AsRef<[u8]>) -> Self {
        self.only(KeyFilter::key(key.as_ref()))
    }

    /// Only keys from `start` on and below `end`.
    pub fn range(self, start: impl AsRef<[u8]>, end: impl AsRef<[u8]>) -> Self {
        self.only(KeyFilter::Span {
            start: start.as_ref().to_vec(),
            end: Some(end.as_ref().to_vec()),
        })
    }

    /// What was wanted before counts, too.
    fn only(mut self, filter: KeyFilter) -> Self {
        self.query.filter = self.query.filter.and(filter);
        self
    }

    /// From the last key to the first.
    pub fn descending(mut self) -> Self {
        self.query.descending = true;
        self
    }

    /// At most so many.
    pub fn limit(mut self, limit: usize) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Finds the keys, by a pass over the file, and gives them in byte order with their values. Values are read as they
    /// are asked for: held are the keys with their figures, which count against the
    /// [memory limit](crate::Snapshot::memory_limit), and few values.
    ///
    /// # Errors
    /// [`Error::Refused`] for a file that is damaged beyond reading or not a snapshot; [`Error::Revision`]; reading,
    /// cancelling. What else happens is an item of the iterator.
    pub fn iter(self) -> Result<Entries<'s>> {
        let mut session = self.source.open()?;
        let list = ops::keys(&mut session, &self.query)?;
        let bounds = list.bounds;
        let rows = RowsOf::List(list, self.query.descending);
        Ok(Entries::new(self.source, session, rows, bounds))
    }
}

/// All records of a key.
pub(super) fn history<'s>(source: SessionSource<'s>, key: &[u8]) -> Result<Entries<'s>> {
    let mut session = source.open()?;
    let name = Name {
        text: key.to_vec(),
        namespace: None,
        is_key: true,
    };
    let lookup = ops::look_up(&mut session, &[name], &ValueReader::default(), false)?;
    let story = match lookup.found.into_iter().next() {
        Some(Named::Key(story)) => story,
        _ => KeyStory {
            key: key.to_vec(),
            records: Vec::new(),
        },
    };
    let bounds = lookup.keyspace.bounds();
    let rows = RowsOf::Story(story, lookup.keyspace);
    Ok(Entries::new(source, session, rows, bounds))
}

/// A record of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The key.
    pub key: Vec<u8>,
    /// The value, as it is stored; empty for a deletion.
    pub value: Vec<u8>,
    /// True where the key was deleted. Such records are part of a history, and of no list of keys.
    pub is_deletion: bool,
    /// The revision of the last change.
    pub mod_revision: i64,
    /// The revision at which the key was created last; 0 for a deletion.
    pub create_revision: i64,
    /// How often it was put since then; 0 for a deletion.
    pub version: i64,
    /// The lease it is attached to, if there is one.
    pub lease: Option<LeaseId>,
}

impl Entry {
    fn of(record: &KeyRecord<'_>, value: Vec<u8>) -> Self {
        let facts = record.facts;
        Self {
            key: record.key.to_vec(),
            value,
            is_deletion: facts.is_tombstone,
            mod_revision: facts.revision.main,
            create_revision: facts.create_revision,
            version: facts.version,
            lease: (facts.lease != LeaseId(0)).then_some(facts.lease),
        }
    }
}

/// Records that are given by their numbers.
enum RowsOf<'s> {
    List(KeyList<'s>, bool),
    Story(KeyStory, Keyspace<'s>),
}

impl<'s> RowsOf<'s> {
    fn len(&self) -> usize {
        match self {
            Self::List(list, _) => list.len(),
            Self::Story(story, _) => story.records.len(),
        }
    }

    fn get(&self, number: usize) -> Option<KeyRecord<'_>> {
        match self {
            Self::List(list, false) => list.rows.get(number),
            Self::List(list, true) => {
                let last = list.rows.len().checked_sub(1)?;
                list.rows.get(last.checked_sub(number)?)
            }
            Self::Story(story, _) => {
                let facts = story.records.get(number)?;
                Some(facts.with_key(&story.key))
            }
        }
    }

    fn keyspace(&self) -> &Keyspace<'s> {
        match self {
            Self::List(list, _) => &list.keyspace,
            Self::Story(_, keyspace) => keyspace,
        }
    }
}

/// Records with their values.
///
/// An item is an error where a single value cannot be read, [`Error::Record`]; the next ones follow. Behind the last
/// record, one error tells that the file was changed meanwhile, or that damage may hide further records:
/// [`Error::Incomplete`]. So a loop that passes on every error has seen everything once it is done.
#[must_use = "records are read as they are asked for"]
pub struct Entries<'s> {
    source: SessionSource<'s>,
    rows: RowsOf<'s>,
    bounds: RevisionBounds,
    next: usize,
    ready: VecDeque<Result<Entry>>,
    /// None once all is done.
    session: Option<Session<'s>>,
    findings: Findings,
}

impl<'s> Entries<'s> {
    fn new(
        source: SessionSource<'s>,
        session: Session<'s>,
        rows: RowsOf<'s>,
        bounds: RevisionBounds,
    ) -> Self {
        Self {
            source,
            rows,
            bounds,
            next: 0,
            ready: VecDeque::new(),
            session: Some(session),
            findings: Findings::default(),
        }
    }

    /// From where to where the file can answer.
    pub fn bounds(&self) -> RevisionBounds {
        self.bounds
    }

    /// How many records there are left.
    pub fn remaining(&self) -> usize {
        let unread = self.rows.len().saturating_sub(self.next);
        unread.saturating_add(self.ready.len())
    }

    /// What was found to be wrong with the file, once the last record was given: with
    /// [`accept_damage`](crate::Snapshot::accept_damage), and otherwise what is not an error.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Reads the next few values.
    fn read(&mut self, session: &Session<'s>) -> Result<()> {
        let from = self.next;
        let mut bytes = 0u64;
        while self.next.saturating_sub(from) < BATCH && self.next < self.rows.len() {
            let size = self.rows.get(self.next);
            let size = size.map_or(0, |record| record.facts.value_size);
            bytes = bytes.saturating_add(size);
            if self.next > from && bytes > BATCH_BYTES {
                break;
            }
            self.next = self.next.saturating_add(1);
        }
        let (rows, ready) = (&self.rows, &mut self.ready);
        let batch = (from..self.next).filter_map(|number| rows.get(number));
        let value = |_: &[u8], value: &[u8], _: i64| value.to_vec();
        ops::fetch(session, rows.keyspace(), batch, value, |record, value| {
            let value = match record.facts.is_tombstone {
                true => Some(Vec::new()),
                false => value,
            };
            ready.push_back(match value {
                Some(value) => Ok(Entry::of(&record, value)),
                None => Err(Error::Record {
                    key: record.key.to_vec(),
                    revision: record.facts.revision.main,
                }),
            });
            ControlFlow::Continue(())
        })
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(ready);
        }
        let session = self.session.take()?;
        if self.next < self.rows.len() {
            // What keeps the next values from being read ends it all.
            if let Err(error) = self.read(&session) {
                self.ready.clear();
                return Some(Err(error));
            }
            self.session = Some(session);
            return self.ready.pop_front();
        }
        match self.source.finish(session) {
            Ok(findings) => {
                self.findings = findings;
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::iter::FusedIterator for Entries<'_> {}
