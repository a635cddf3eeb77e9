//! The Kubernetes objects of a file.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;

use super::live::live;
use super::reader::ValueReader;
use super::stored::{Classifier, DamagedValue, ObjectIdentity, StoredValue, by_key};
use super::wanted::{KindFault, ObjectsQuery, WantedKinds, is_called};
use crate::error::Result;
use crate::etcd::keyspace::{
    KeyRecord, Keyspace, RecordFacts, RecordView, RecordVisitor, RevisionBounds,
};
use crate::kubernetes::Fault;
use crate::kubernetes::Flaw;
use crate::kubernetes::catalog::resources::{Resource, Resources, split_api_version};
use crate::ops::session::Session;
use crate::ops::session::fetch;

/// A kind of objects in a file, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKind {
    /// Group and version, as stored.
    pub api_version: String,
    /// The kind.
    pub resource: Resource,
}

/// One object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundObject {
    /// Position in [`ObjectList::kinds`].
    pub kind: u32,
    /// Its namespace; empty for objects of the cluster.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// True when its value cannot be read without a key for it.
    pub is_locked: bool,
    /// True when its value is not what its key promises; namespace and name are those of the key then.
    pub is_damaged: bool,
    /// It is to be seen whether it has the labels and fields that are wanted.
    is_unchecked: bool,
    facts: RecordFacts,
}

/// Objects that were found, sorted by kind, namespace and name.
#[derive(Debug)]
pub struct ObjectList<'i> {
    /// The objects.
    pub found: Vec<FoundObject>,
    /// What is wrong with values of which some are among the objects, by place; see [`ObjectList::damage`]. Where
    /// all objects are wanted, also values of which not even the key tells whose they are; where only some are,
    /// also those of which the selectors cannot tell.
    pub damaged: Vec<DamagedValue>,
    /// Encrypted objects that nobody can tell whether the selectors choose them: their keys.
    pub undecided: Vec<Vec<u8>>,
    /// Their kinds.
    pub kinds: Vec<StoredKind>,
    /// All kinds that are known.
    pub resources: Resources,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision that was asked for.
    pub revision: i64,
    /// The newest time that the file tells, from which ages are counted.
    pub now: Option<i64>,
    keyspace: Keyspace<'i>,
}

struct ObjectFinder<'q> {
    query: &'q ObjectsQuery,
    wanted: WantedKinds<'q>,
    classifier: Classifier<'q>,
}

/// Longer values are decoded by the calling thread, one at a time, so that memory does not grow with the number
/// of threads.
const LONG: usize = 32 << 10;

impl ObjectsQuery {
    fn needs_object(&self) -> bool {
        self.fields.as_ref().is_some_and(|all| !all.is_empty())
            || self.labels.as_ref().is_some_and(|all| !all.is_empty())
    }

    /// True when labels and fields are as wanted.
    fn fits(&self, reader: &ValueReader, key: &[u8], value: &[u8], revision: i64) -> bool {
        match reader.object_of(key, value, revision) {
            Ok(object) => {
                let (labels, fields) = (self.labels.as_ref(), self.fields.as_ref());
                labels.is_none_or(|labels| labels.matches(&object.json))
                    && fields.is_none_or(|fields| fields.matches(&object.json))
            }
            // It may be meant; whoever looks at it learns that it cannot be told.
            Err(fault) => matches!(fault, Fault::TooLarge { .. }),
        }
    }
}

#[derive(Default)]
struct FinderParts {
    /// By api version, kind, plural and whether it is namespaced: whether it is wanted, and its number. Keys of
    /// which only the place tells the kind give it in two forms.
    kinds: HashMap<(String, String, String, bool), (bool, u32)>,
    list: Vec<StoredKind>,
    found: Vec<FoundObject>,
    damaged: Vec<DamagedValue>,
    undecided: Vec<Vec<u8>>,
}

impl FinderParts {
    fn kind(&mut self, finder: &ObjectFinder<'_>, who: &ObjectIdentity<'_>) -> Option<u32> {
        // Looked up for every object; only a new kind costs an allocation that stays.
        let key = (
            who.api_version.clone(),
            who.resource.kind.clone(),
            who.resource.plural.clone(),
            who.resource.namespaced,
        );
        let (is_wanted, number) = *self.kinds.entry(key).or_insert_with(|| {
            let is_wanted = finder.wanted.takes(&who.resource);
            let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
            if is_wanted {
                self.list.push(StoredKind {
                    api_version: who.api_version.clone(),
                    resource: who.resource.clone().into_owned(),
                });
            }
            (is_wanted, number)
        });
        is_wanted.then_some(number)
    }
}

impl RecordVisitor for ObjectFinder<'_> {
    type Local = FinderParts;

    fn start(&self) -> FinderParts {
        FinderParts::default()
    }

    fn record(&self, local: &mut FinderParts, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        let value = view.value()?;
        let (who, flaw, is_locked) = match self.classifier.classify(key, &value) {
            StoredValue::Other => return Ok(()),
            StoredValue::Object(who, flaw) => (Some(who), flaw, false),
            StoredValue::Damaged(who, flaw) => (who, Some(flaw), false),
            StoredValue::Locked(who) => (who, None, true),
        };
        let damage = |flaw| DamagedValue {
            key: key.to_vec(),
            flaw,
            mod_revision: view.revision.main,
            place: view.place,
        };
        let Some(who) = who else {
            // Whose it is nobody can tell, so it belongs only where everything is wanted.
            let is_wanted = self.wanted.takes_everything()
                && self.query.namespace.is_none()
                && !self.query.needs_object();
            match flaw {
                Some(flaw) if is_wanted => local.damaged.push(damage(flaw)),
                None if is_wanted => local.undecided.push(key.to_vec()),
                _ => {}
            }
            return Ok(());
        };
        let namespace = self.query.namespace.as_ref();
        let is_meant = |who: &ObjectIdentity<'_>| {
            let is_there = |wanted: &String| match self.wanted.takes_everything() {
                // Nobody asked for the objects of the cluster.
                true => who.namespace == *wanted,
                false => who.is_in(wanted),
            };
            namespace.is_none_or(is_there) && self.wanted.takes_one(&who.resource, &who.name)
        };
        // What calls itself otherwise than its key is found under both names.
        let is_misnamed = flaw.as_ref().is_some_and(Flaw::is_decodable);
        let is_meant_by_key = || {
            let by_key = is_misnamed
                .then(|| self.classifier.who_by_key(key))
                .flatten();
            by_key.is_some_and(|who| is_meant(&who))
        };
        let Some(kind) = local.kind(self, &who) else {
            return Ok(());
        };
        if !is_meant(&who) && !is_meant_by_key() {
            return Ok(());
        }
        let is_damaged = flaw.as_ref().is_some_and(|flaw| !flaw.is_decodable());
        let needs_object = self.query.needs_object();
        if needs_object && is_locked {
            local.undecided.push(key.to_vec());
            return Ok(());
        }
        if needs_object && is_damaged {
            local.damaged.extend(flaw.map(damage));
            return Ok(());
        }
        let is_unchecked = needs_object && value.len() > LONG;
        let reader = self.classifier.reader;
        if needs_object
            && !is_unchecked
            && !self.query.fits(reader, key, &value, view.revision.main)
        {
            return Ok(());
        }
        local.damaged.extend(flaw.map(damage));
        local.found.push(FoundObject {
            kind,
            namespace: who.namespace.into(),
            name: who.name.into(),
            is_locked,
            is_damaged,
            is_unchecked,
            facts: RecordFacts::of(view),
        });
        Ok(())
    }
}

/// Lists objects. The inner error is a word that is not a kind.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn objects<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    reader: &ValueReader,
) -> Result<Result<ObjectList<'i>, KindFault>> {
    let live = live(session, query.revision)?;
    let wanted = match WantedKinds::of(query, &live.resources) {
        Ok(wanted) => wanted,
        Err(fault) => return Ok(Err(fault)),
    };
    let unknown: Vec<String> = wanted
        .words
        .iter()
        .map(|(word, _)| (*word).to_string())
        .collect();
    let finder = ObjectFinder {
        query,
        wanted,
        classifier: Classifier {
            reader,
            resources: &live.resources,
            layout: &live.layout,
        },
    };
    let parts = live
        .keyspace
        .visit(&live.places, &finder, &session.workers, session.options)?;
    let mut parts = parts;
    let of_each = parts.iter_mut();
    let mut damaged = joined(of_each.map(|part| std::mem::take(&mut part.damaged)));
    let of_each = parts.iter_mut();
    let mut undecided = joined(of_each.map(|part| std::mem::take(&mut part.undecided)));
    damaged.sort_unstable_by_key(|one: &DamagedValue| one.place);
    undecided.sort_unstable();
    let (kinds, found) = join(parts);
    let missing = unknown
        .into_iter()
        .find(|word| !kinds.iter().any(|kind| is_called(&kind.resource, word)));
    if let Some(word) = missing {
        return Ok(Err(KindFault::Unknown(word)));
    }
    let mut list = ObjectList {
        found,
        damaged,
        undecided,
        kinds,
        bounds: live.keyspace.bounds(),
        resources: live.resources,
        revision: live.revision,
        now: live.now,
        keyspace: live.keyspace,
    };
    list.check_long_ones(session, query, reader)?;
    Ok(Ok(list))
}

/// The kinds of all threads in one order, and the objects sorted by it.
fn join(parts: Vec<FinderParts>) -> (Vec<StoredKind>, Vec<FoundObject>) {
    let mut kinds: Vec<StoredKind> = parts
        .iter()
        .flat_map(|part| part.list.iter().cloned())
        .collect();
    kinds.sort_by(|a, b| order(a).cmp(&order(b)));
    kinds.dedup_by(|a, b| order(a) == order(b));
    let numbered = parts.into_iter().map(|mut part| {
        let numbers: Vec<u32> = part
            .list
            .iter()
            .map(|kind| {
                let of_kind = |known: &StoredKind| {
                    crate::steps::count(1);
                    order(known).cmp(&order(kind))
                };
                let at = kinds.binary_search_by(of_kind).unwrap_or(0);
                u32::try_from(at).unwrap_or(u32::MAX)
            })
            .collect();
        for one in &mut part.found {
            one.kind = numbers.get(one.kind as usize).copied().unwrap_or(0);
        }
        part.found
    });
    let mut found = joined(numbered);
    found.sort_unstable_by(compare);
    (kinds, found)
}

/// All lists as one. The longest takes the others in, so that it is not copied: it may be most of what there is
/// memory for.
fn joined<T>(lists: impl Iterator<Item = Vec<T>>) -> Vec<T> {
    let mut lists: Vec<Vec<T>> = lists.collect();
    lists.sort_by_key(|list| std::cmp::Reverse(list.len()));
    let mut lists = lists.into_iter();
    let mut all = lists.next().unwrap_or_default();
    for mut list in lists {
        all.append(&mut list);
    }
    all
}

/// How kinds are sorted; two that are alike in all of it are one.
fn order(kind: &StoredKind) -> (&str, &str, &str, &str, &str, bool) {
    let resource = &kind.resource;
    let (_, version) = split_api_version(&kind.api_version);
    let name = (&resource.plural, &resource.group, version);
    let rest = (&kind.api_version, &resource.kind, resource.namespaced);
    (name.0, name.1, name.2, rest.0, rest.1, rest.2)
}

fn compare(a: &FoundObject, b: &FoundObject) -> Ordering {
    (a.kind, &a.namespace, &a.name, a.facts.place).cmp(&(
        b.kind,
        &b.namespace,
        &b.name,
        b.facts.place,
    ))
}

impl<'i> ObjectList<'i> {
    /// Leaves out those of the long values whose labels or fields are not as wanted.
    fn check_long_ones(
        &mut self,
        session: &Session<'i>,
        query: &ObjectsQuery,
        reader: &ValueReader,
    ) -> Result<()> {
        let unchecked = self.found.iter().filter(|one| one.is_unchecked);
        let rows: Vec<KeyRecord<'_>> = unchecked.map(FoundObject::record).collect();
        let mut fits = Vec::with_capacity(rows.len());
        fetch(
            session,
            &self.keyspace,
            rows.into_iter(),
            |key, value, _| (key.to_vec(), value.to_vec()),
            |record, read| {
                let revision = record.facts.revision.main;
                // One that cannot be read any more is not left out silently.
                fits.push(
                    read.is_none_or(|(key, value)| query.fits(reader, &key, &value, revision)),
                );
                ControlFlow::Continue(())
            },
        )?;
        let mut fits = fits.into_iter();
        self.found
            .retain(|one| !one.is_unchecked || fits.next().unwrap_or(true));
        Ok(())
    }

    /// Gives objects with what `make` makes of key, value and mod revision to `each`, in their order.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn fetch<'l, T: Send>(
        &'l self,
        session: &Session<'i>,
        found: &'l [FoundObject],
        make: impl Fn(&[u8], &[u8], i64) -> T + Sync,
        mut each: impl FnMut(&'l FoundObject, Option<T>) -> ControlFlow<()>,
    ) -> Result<()> {
        let rows = found.iter().map(FoundObject::record);
        let mut at = found.iter();
        fetch(
            session,
            &self.keyspace,
            rows,
            |key, value, revision| make(key, value, revision),
            |_, made| match at.next() {
                Some(one) => each(one, made),
                None => ControlFlow::Break(()),
            },
        )
    }

    /// What is wrong with the value of an object.
    pub fn damage(&self, found: &FoundObject) -> Option<&DamagedValue> {
        let at = self
            .damaged
            .binary_search_by_key(&found.facts.place, |one| one.place)
            .ok()?;
        self.damaged.get(at)
    }

    /// All damage, by key.
    pub fn damage_by_key(&self) -> Vec<&DamagedValue> {
        by_key(&self.damaged)
    }

    /// The kind of an object.
    pub fn kind(&self, found: &FoundObject) -> Option<&StoredKind> {
        self.kinds.get(found.kind as usize)
    }
}

impl FoundObject {
    fn record(&self) -> KeyRecord<'static> {
        // What reads it again does not need the key.
        self.facts.with_key(&[])
    }

    /// Its mod revision.
    pub fn mod_revision(&self) -> i64 {
        self.facts.revision.main
    }
}
