//! The life of one key, and what one transaction did.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use super::change::{Action, NamedObject, State, StateReader, Taken, ValueChange, change, writers};
use super::log::{Event, Operation, look_back};
use super::lookup::KeyStory;
use crate::bolt::CursorError;
use crate::error::Result;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::{
    Changes, GatherRows, KeyFilter, KeyRecord, Keyspace, NextChange, RevisionBounds, RowOrder, Rows,
};
use crate::kubernetes::Flaw;
use crate::kubernetes::compare::writers::Writer;
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::ops::objects::reader::ValueReader;
use crate::ops::objects::stored::Inspector;
use crate::ops::session::Session;
use crate::ops::session::fetch;
use crate::ops::times::{NewestTime, Times};

/// One record of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Its figures.
    pub facts: RecordFacts,
    /// What it did.
    pub action: Action,
    /// It did not happen before this time, in seconds since 1970.
    pub not_before: Option<i64>,
    /// How its value differs from the one before; that of a key that came to be again, from the last one of its life
    /// before.
    pub change: ValueChange,
    /// Who wrote the value, as far as it tells; the newest first.
    pub writers: Vec<Writer>,
    /// What a deletion took, if the file still has it.
    pub taken: Option<Taken>,
    /// Who the object is, or was, if it is one.
    pub object: Option<NamedObject>,
    /// Why its value could not be decrypted.
    pub locked: Option<DecryptError>,
    /// How its value is not what the key promises.
    pub flaw: Option<Flaw>,
}

/// Which records of a key are told, and in which order.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// The newest one first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: Option<usize>,
}

/// So many records are held back to be told in the other order.
const HELD: usize = 64;

/// The life of a key, record by record, given to `each`.
///
/// # Errors
/// Reading, cancelling.
pub fn history<'i>(
    session: &mut Session<'i>,
    keyspace: &Keyspace<'i>,
    times: &Times,
    story: &KeyStory,
    query: HistoryQuery,
    reader: &ValueReader,
    each: &mut dyn FnMut(&Episode) -> ControlFlow<()>,
) -> Result<()> {
    let total = story.records.len();
    let mut left = query.limit.unwrap_or(total).min(total);
    if !query.newest_first {
        return episodes(session, keyspace, times, story, 0..left, reader, each);
    }
    let mut end = total;
    while left > 0 {
        let start = end.saturating_sub(left.min(HELD));
        let mut held = Vec::new();
        episodes(
            session,
            keyspace,
            times,
            story,
            start..end,
            reader,
            &mut |episode| {
                held.push(episode.clone());
                ControlFlow::Continue(())
            },
        )?;
        if held.iter().rev().any(|episode| each(episode).is_break()) {
            break;
        }
        left = left.saturating_sub(end.saturating_sub(start));
        end = start;
    }
    Ok(())
}

/// The part of a life that is between two records.
fn episodes<'i>(
    session: &mut Session<'i>,
    keyspace: &Keyspace<'i>,
    times: &Times,
    story: &KeyStory,
    part: Range<usize>,
    reader: &ValueReader,
    each: &mut dyn FnMut(&Episode) -> ControlFlow<()>,
) -> Result<()> {
    // What the first record changed is told by the value before it, if it was a deletion by the one before that.
    let earlier = story.records.get(..part.start).unwrap_or_default();
    let first = earlier.iter().rposition(|facts| !facts.is_tombstone);
    let first = first.unwrap_or(part.start);
    let mut at = first;
    let states = StateReader::new(reader);
    // The last value, also of a life before.
    let mut before = None;
    let mut is_gone = false;
    let mut seen = first > 0;
    let mut inspector = Inspector::default();
    let mut failed = None;
    let session = &*session;
    let records = story.records.get(first..part.end).unwrap_or_default();
    let rows = records.iter().map(|facts| facts.with_key(&story.key));
    let mut each = |episode: &Episode| {
        at = at.saturating_add(1);
        match at > part.start {
            true => each(episode),
            false => ControlFlow::Continue(()),
        }
    };
    fetch(
        session,
        keyspace,
        rows,
        |key, value, _| (key.to_vec(), value.to_vec()),
        |record, fetched| {
            let facts = record.facts;
            let action = Action::of(facts.is_tombstone, facts.version, seen);
            let mut episode = Episode {
                facts,
                action,
                not_before: times.at(facts.place),
                change: ValueChange::Unknown,
                writers: Vec::new(),
                taken: None,
                object: None,
                locked: None,
                flaw: None,
            };
            seen = true;
            if facts.is_tombstone {
                let last = before.as_ref().filter(|_| !is_gone);
                episode.taken = last.map(|(state, facts)| Taken::of(state, *facts));
                episode.object = last.and_then(|(state, _)| state.identity());
                is_gone = true;
                return each(&episode);
            }
            if let Some((key, value)) = fetched {
                match inspector.flaw(session, reader, &key, &value) {
                    Ok(flaw) => episode.flaw = flaw,
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                let state = states.state(&key, &value, facts.revision.main);
                let is_next = !is_gone || action == Action::Recreate;
                let old = before.as_ref().filter(|_| is_next).map(|(old, _)| old);
                episode.change = change(action, old, &state, episode.flaw.as_ref());
                episode.writers = writers(old, &state, &episode.change);
                episode.locked = state.locked.clone();
                episode.object = state.identity();
                before = Some((state, facts));
            } else {
                before = None;
            }
            is_gone = false;
            each(&episode)
        },
    )?;
    failed.map_or(Ok(()), Err)
}

/// One change of a transaction, with what it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownChange {
    /// The change.
    pub event: Event,
    /// What it did, where the file knows of a life before.
    pub action: Action,
    /// How the value differs from the one before it; that of a key that came to be again, from the last one of its
    /// life before.
    pub change: ValueChange,
    /// Who wrote the value, as far as it tells; the newest first.
    pub writers: Vec<Writer>,
    /// What a deletion took, if the file still has it.
    pub taken: Option<Taken>,
    /// Who the object is, if it is one.
    pub object: Option<NamedObject>,
    /// Why its value, or the one before it, could not be decrypted.
    pub locked: Option<DecryptError>,
    /// How its value is not what the key promises.
    pub flaw: Option<Flaw>,
}

impl ShownChange {
    /// What a record did; `new` is its value, unless it is a deletion, and `before` what is known of its key.
    pub(super) fn of(
        event: Event,
        new: Option<&State>,
        before: Option<Before<&State>>,
        flaw: Option<Flaw>,
    ) -> Self {
        let action = Action::of(new.is_none(), event.version, before.is_some());
        let is_gone = before.as_ref().is_some_and(|before| before.is_gone);
        let last = before.and_then(|before| before.last);
        // Nothing follows on a value that was deleted but another life.
        let last = last.filter(|_| !is_gone || action == Action::Recreate);
        let old = last.map(|(old, _)| old);
        let change = match new {
            Some(new) => change(action, old, new, flaw.as_ref()),
            None => ValueChange::Unknown,
        };
        let taken = last.filter(|_| action == Action::Delete);
        Self {
            event,
            action,
            writers: new.map_or_else(Vec::new, |new| writers(old, new, &change)),
            change,
            taken: taken.map(|(old, facts)| Taken::of(old, facts)),
            object: new.or(old).and_then(State::identity),
            locked: new
                .into_iter()
                .chain(old)
                .find_map(|state| state.locked.clone()),
            flaw,
        }
    }
}

/// Everything in one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The main revision.
    pub revision: i64,
    /// It did not happen before this time, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Its changes, by sub revision.
    pub changes: Vec<ShownChange>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
}

/// Before a whole scan is made for the values before a revision, so many records below it are tried.
const NEAR: usize = 2000;

/// Shows everything in one revision.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn show(session: &mut Session<'_>, revision: i64, reader: &ValueReader) -> Result<Shown> {
    let bounds = session.bounds()?;
    let revision = bounds.resolve(revision)?;
    let mut shown = Shown {
        revision,
        not_before: None,
        changes: Vec::new(),
        bounds,
    };
    let Some(records) = records_of(session, revision)? else {
        return Ok(shown);
    };
    let before = look_back(session, revision.saturating_sub(1));
    let mut time = CursorError::unless_damaged(before)?.unwrap_or_default();
    let wanted: BTreeSet<Vec<u8>> = records.iter().map(|(event, _)| event.key.clone()).collect();
    let mut before = values_before(session, revision, &wanted)?;
    let states = StateReader::new(reader);
    let mut inspector = Inspector::default();
    for (event, value) in records {
        time.merge(NewestTime::of(&value));
        let is_deleted = event.operation == Operation::Delete;
        let flaw = match is_deleted {
            true => None,
            false => inspector.flaw(session, reader, &event.key, &value)?,
        };
        let key = &event.key;
        let new = (!is_deleted).then(|| states.state(key, &value, event.revision.main));
        let known = before.get(key);
        let last = known.and_then(|known| known.last.as_ref());
        let last = last.map(|(value, facts)| {
            let state = states.state(key, value, facts.revision.main);
            (state, *facts)
        });
        let known = known.map(|known| Before {
            last: last.as_ref().map(|(state, facts)| (state, *facts)),
            is_gone: known.is_gone,
        });
        let (key, facts) = (key.clone(), event.facts());
        shown
            .changes
            .push(ShownChange::of(event, new.as_ref(), known, flaw));
        // A later change of the same transaction follows this one.
        let after = before.entry(key).or_insert(Before {
            last: None,
            is_gone: false,
        });
        after.is_gone = is_deleted;
        if !is_deleted {
            after.last = Some((value, facts));
        }
    }
    shown.not_before = time.get();
    Ok(shown)
}

type Records = Vec<(Event, Vec<u8>)>;

/// The records of one main revision. On a damaged way, from a scan; `None` without any.
fn records_of(session: &mut Session<'_>, revision: i64) -> Result<Option<Records>> {
    let mut records = Records::new();
    if CursorError::unless_damaged(walk_records(session, revision, &mut records))?.is_none() {
        records.clear();
        let gather = GatherRows::new(KeyFilter::all(), session.options.memory_limit);
        let (keyspace, parts) = session.scan_again(&gather)?;
        let mut rows = Rows::sorted(parts, RowOrder::Revision, &session.workers)?;
        rows.retain(|record: &KeyRecord<'_>| record.facts.revision.main == revision);
        fetch(
            session,
            &keyspace,
            rows.iter(),
            |_, value, _| value.to_vec(),
            |record, value| {
                records.push((Event::of_record(&record), value.unwrap_or_default()));
                ControlFlow::Continue(())
            },
        )?;
    }
    Ok((!records.is_empty()).then_some(records))
}

/// The records of one main revision, as the tree leads to them.
fn walk_records(
    session: &mut Session<'_>,
    revision: i64,
    records: &mut Records,
) -> Result<(), CursorError> {
    let mut changes = Changes::start(&session.database, revision, false)?;
    loop {
        match changes.next_change()? {
            NextChange::Change(change) if change.revision.main > revision => return Ok(()),
            NextChange::Change(change) => {
                records.push((Event::of_change(&change), change.record.value.to_vec()));
            }
            NextChange::Damaged(finding) => session.findings.add(finding),
            NextChange::End => return Ok(()),
        }
    }
}

/// What is known of a key before a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before<V> {
    /// Its last value, if the file still has it.
    pub(super) last: Option<(V, RecordFacts)>,
    /// It was deleted after that.
    pub(super) is_gone: bool,
}

/// What is known of keys before a revision.
type BeforeByKey = BTreeMap<Vec<u8>, Before<Vec<u8>>>;

/// What is known of `keys` before a revision.
fn values_before(
    session: &mut Session<'_>,
    revision: i64,
    keys: &BTreeSet<Vec<u8>>,
) -> Result<BeforeByKey> {
    let mut known = BeforeByKey::new();
    let mut left = keys.clone();
    let before = revision.saturating_sub(1);
    let start = Changes::start(&session.database, before, true);
    if let Some(mut changes) = CursorError::unless_damaged(start)? {
        for _ in 0..NEAR {
            let change = match CursorError::unless_damaged(changes.next_change())? {
                Some(NextChange::Change(change)) if !left.is_empty() => change,
                Some(NextChange::Damaged(_)) => continue,
                Some(NextChange::End) => return Ok(known),
                _ => break,
            };
            let key = change.record.key;
            if !left.contains(key) {
                continue;
            }
            let of_key = known.entry(key.to_vec()).or_insert(Before {
                last: None,
                is_gone: change.is_tombstone,
            });
            if !change.is_tombstone {
                of_key.last = Some((
                    change.record.value.to_vec(),
                    Event::of_change(&change).facts(),
                ));
                left.remove(key);
            }
        }
    }
    if left.is_empty() {
        return Ok(known);
    }
    let limit = session.options.memory_limit;
    let gather = GatherRows::new(KeyFilter::Keys(left), limit);
    let (keyspace, parts) = session.scan_again(&gather)?;
    let rows = Rows::sorted(parts, RowOrder::Revision, &session.workers)?;
    let mut found: BTreeMap<&[u8], Before<()>> = BTreeMap::new();
    for record in rows.iter().filter(|r| r.facts.revision.main < revision) {
        let of_key = found.entry(record.key).or_insert(Before {
            last: None,
            is_gone: false,
        });
        of_key.is_gone = record.facts.is_tombstone;
        if !record.facts.is_tombstone {
            of_key.last = Some(((), record.facts));
        }
    }
    let lasts = found.iter().filter_map(|(key, of_key)| {
        let (_, facts) = of_key.last.as_ref()?;
        Some(facts.with_key(key))
    });
    for (key, of_key) in &found {
        let of_key = Before {
            last: None,
            is_gone: of_key.is_gone,
        };
        known.insert(key.to_vec(), of_key);
    }
    fetch(
        session,
        &keyspace,
        lasts,
        |_, value, _| value.to_vec(),
        |record, value| {
            if let Some(of_key) = known.get_mut(record.key) {
                of_key.last = value.map(|value| (value, record.facts));
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(known)
}
