//! The life of one key, and what one transaction did.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde_json::Value;

use super::log::{Event, Operation, look_back};
use super::lookup::KeyStory;
use crate::error::Result;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::{
    Changes, GatherRows, KeyFilter, KeyRecord, Keyspace, Newest, NextChange, RevisionBounds,
    RowOrder, Rows, Wanted,
};
use crate::kubernetes::compare::difference::{FieldPath, differences};
use crate::kubernetes::compare::kind_schema::KindSchema;
use crate::kubernetes::secrets::encryption::DecryptFault;
use crate::kubernetes::{Flaw, Object};
use crate::ops::objects::reader::{ReadValue, ValueContent, ValueReader};
use crate::ops::objects::stored::Inspector;
use crate::ops::session::Session;
use crate::ops::session::fetch;
use crate::ops::times::{NewestTime, Times};

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It came to be, as far as the file remembers for the first time.
    Create,
    /// It came to be again.
    Recreate,
    /// It got another value.
    Update,
    /// It went away.
    Delete,
}

impl Action {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Recreate => "re-create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A field that changed, secrets hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Where.
    pub path: FieldPath,
    /// What was there.
    pub old: Option<Value>,
    /// What is there now.
    pub new: Option<Value>,
}

/// How a value differs from the one before it.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueChange {
    /// There is nothing to compare it with.
    Unknown,
    /// The same bytes.
    Same,
    /// Objects of Kubernetes: the fields. None: the same object in other bytes.
    Fields(Vec<FieldChange>),
    /// Other bytes.
    Bytes,
}

/// One record of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Its figures.
    pub facts: RecordFacts,
    /// What it did.
    pub action: Action,
    /// It did not happen before this time, in seconds since 1970.
    pub not_before: Option<i64>,
    /// How its value differs from the one before.
    pub change: ValueChange,
    /// Why its value could not be decrypted.
    pub locked: Option<DecryptFault>,
    /// How its value is not what the key promises.
    pub flaw: Option<Flaw>,
}

/// A value as it is compared.
struct State {
    bytes: Vec<u8>,
    object: Option<Object>,
    locked: Option<DecryptFault>,
}

impl State {
    fn of(reader: &ValueReader, key: &[u8], value: &[u8], mod_revision: i64) -> Self {
        let ReadValue {
            plain,
            content,
            locked,
            ..
        } = reader.read(key, value, mod_revision);
        Self {
            bytes: plain.into_owned(),
            locked,
            object: match content {
                ValueContent::Object(object) => Some(*object),
                _ => None,
            },
        }
    }
}

fn compare(old: &State, new: &State) -> ValueChange {
    if old.bytes == new.bytes {
        return ValueChange::Same;
    }
    let (Some(old), Some(new)) = (&old.object, &new.object) else {
        return ValueChange::Bytes;
    };
    let fields = differences(&old.json, &new.json, &KindSchema::of(new), usize::MAX)
        .into_iter()
        .filter(|d| d.path.to_string() != "metadata.resourceVersion")
        .map(|d| FieldChange {
            path: d.path,
            old: d.old.cloned(),
            new: d.new.cloned(),
        });
    ValueChange::Fields(fields.collect())
}

/// The life of a key, record by record, given to `each`.
///
/// # Errors
/// Reading, cancelling.
pub fn history<'i>(
    session: &mut Session<'i>,
    keyspace: &Keyspace<'i>,
    times: &Times,
    story: &KeyStory,
    reader: &ValueReader,
    each: &mut dyn FnMut(&Episode) -> ControlFlow<()>,
) -> Result<()> {
    let mut before: Option<State> = None;
    let mut seen = false;
    let mut inspector = Inspector::default();
    let mut failed = None;
    let session = &*session;
    let rows = story.records.iter().map(|facts| facts.with_key(&story.key));
    fetch(
        session,
        keyspace,
        rows,
        |key, value, _| (key.to_vec(), value.to_vec()),
        |record, fetched| {
            let action = match (record.facts.is_tombstone, record.facts.version) {
                (true, _) => Action::Delete,
                (false, ..=1) if seen => Action::Recreate,
                (false, ..=1) => Action::Create,
                (false, _) => Action::Update,
            };
            seen = true;
            let fetched = fetched.filter(|_| !record.facts.is_tombstone);
            let flaw = match &fetched {
                Some((key, value)) => inspector.flaw(session, reader, key, value),
                None => Ok(None),
            };
            let flaw = match flaw {
                Ok(flaw) => flaw,
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            };
            let state = fetched
                .map(|(key, value)| State::of(reader, &key, &value, record.facts.revision.main));
            let change = match (&before, &state) {
                (Some(old), Some(new)) => compare(old, new),
                _ => ValueChange::Unknown,
            };
            let locked = state.as_ref().and_then(|state| state.locked.clone());
            before = state;
            each(&Episode {
                locked,
                flaw,
                facts: record.facts,
                action,
                not_before: times.at(record.facts.place),
                change,
            })
        },
    )?;
    failed.map_or(Ok(()), Err)
}

/// One change of a transaction, with what it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownChange {
    /// The change.
    pub event: Event,
    /// How the value differs from the one before it.
    pub change: ValueChange,
    /// Who the object is, if it is one: kind, namespace, name.
    pub object: Option<(String, Option<String>, Option<String>)>,
    /// Why its value, or the one before it, could not be decrypted.
    pub locked: Option<DecryptFault>,
    /// How its value is not what the key promises.
    pub flaw: Option<Flaw>,
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
    let mut time = look_back(session, revision.saturating_sub(1))?.unwrap_or_default();
    let wanted: BTreeSet<Vec<u8>> = records.iter().map(|(event, _)| event.key.clone()).collect();
    let mut before = values_before(session, revision, &wanted)?;
    let mut inspector = Inspector::default();
    for (event, value) in records {
        time.merge(NewestTime::of(&value));
        let is_deleted = event.operation == Operation::Delete;
        let flaw = match is_deleted {
            true => None,
            false => inspector.flaw(session, reader, &event.key, &value)?,
        };
        let new = (!is_deleted).then(|| State::of(reader, &event.key, &value, event.revision.main));
        let old = before
            .get(&event.key)
            .map(|(value, at)| State::of(reader, &event.key, value, *at));
        let change = match (&old, &new) {
            (Some(old), Some(new)) => compare(old, new),
            _ => ValueChange::Unknown,
        };
        let object = new
            .as_ref()
            .or(old.as_ref())
            .and_then(|s| s.object.as_ref());
        let object = object.map(|object| {
            (
                object.description.kind.clone(),
                object.namespace().map(str::to_string),
                object.name().map(str::to_string),
            )
        });
        let states = [&new, &old].into_iter().flatten();
        let locked = states.filter_map(|state| state.locked.clone()).next();
        // A later change of the same transaction follows this one.
        if is_deleted {
            before.remove(&event.key);
        } else {
            before.insert(event.key.clone(), (value, event.revision.main));
        }
        shown.changes.push(ShownChange {
            event,
            change,
            object,
            locked,
            flaw,
        });
    }
    shown.not_before = time.get();
    Ok(shown)
}

type Records = Vec<(Event, Vec<u8>)>;

/// The records of one main revision. On a damaged way, from a scan; `None` without any.
fn records_of(session: &mut Session<'_>, revision: i64) -> Result<Option<Records>> {
    let mut records = Vec::new();
    let damaged = 'walk: {
        let mut changes = match Changes::start(&session.database, revision, false)? {
            Ok(changes) => changes,
            Err(damage) => break 'walk Some(damage),
        };
        loop {
            match changes.next_change()? {
                Ok(NextChange::Change(change)) if change.revision.main > revision => break,
                Ok(NextChange::Change(change)) => {
                    records.push((Event::of_change(&change), change.record.value.to_vec()));
                }
                Ok(NextChange::Fault(fault)) => session.findings.add(fault),
                Ok(NextChange::End) => break,
                Err(damage) => break 'walk Some(damage),
            }
        }
        None
    };
    if damaged.is_some() {
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

/// Values with their mod revisions, by key.
type Values = BTreeMap<Vec<u8>, (Vec<u8>, i64)>;

/// The values that `keys` had before a revision, with their mod revisions.
fn values_before(
    session: &mut Session<'_>,
    revision: i64,
    keys: &BTreeSet<Vec<u8>>,
) -> Result<Values> {
    let mut values = BTreeMap::new();
    let mut left = keys.clone();
    let before = revision.saturating_sub(1);
    if let Ok(mut changes) = Changes::start(&session.database, before, true)? {
        for _ in 0..NEAR {
            let change = match changes.next_change()? {
                Ok(NextChange::Change(change)) if !left.is_empty() => change,
                Ok(NextChange::Fault(_)) => continue,
                Ok(NextChange::End) => return Ok(values),
                _ => break,
            };
            if left.remove(change.record.key) && !change.is_tombstone {
                let value = change.record.value.to_vec();
                values.insert(change.record.key.to_vec(), (value, change.revision.main));
            }
        }
    }
    if left.is_empty() {
        return Ok(values);
    }
    let newest = Newest::new(KeyFilter::Keys(left), before, session.options.memory_limit);
    let (keyspace, parts) = session.scan_again(&newest)?;
    let places = Newest::select(&parts, Wanted::Live, &session.workers)?;
    let found = session.map(&keyspace, &places, |view| {
        let value = view.value()?.into_owned();
        Ok((view.record.key.to_vec(), (value, view.revision.main)))
    })?;
    values.extend(found.into_iter().flatten());
    Ok(values)
}
