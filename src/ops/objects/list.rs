//! The Kubernetes objects of a file.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

use super::deleted::{Deletion, LostValues, deletions};
use super::live::live_or_deleted;
use super::looked_for::LookedFor;
use super::reader::ValueReader;
use super::stored::{Classifier, DamagedValue, ObjectIdentity, StoredValue, by_key};
use super::wanted::{ObjectsQuery, WantedKinds, check_fields, is_called};
use crate::error::Result;
use crate::etcd::keyspace::{
    KeyFilter, KeyRecord, Keyspace, RecordFacts, RecordPlace, RecordView, RecordVisitor,
    RevisionBounds,
};
use crate::kubernetes::catalog::resources::{Resolved, Resource, Resources, split_api_version};
use crate::kubernetes::query::selectable::{NAME, NAMESPACE, selectable_fields};
use crate::kubernetes::query::selected::Selected;
use crate::kubernetes::secrets::encryption::Envelope;
use crate::kubernetes::{Flaw, Head, add_read_defaults};
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

/// Objects that were found, sorted by kind, in the order in which these are asked for, and by key.
#[derive(Debug)]
pub struct ObjectList<'i> {
    /// The objects.
    pub found: Vec<FoundObject>,
    /// What is wrong with values of which some are among the objects, by place; see [`ObjectList::damage`]. Where
    /// all objects are wanted, also values of which not even the key tells whose they are; where only some are,
    /// also those of which the selectors cannot tell.
    pub damaged: Vec<DamagedValue>,
    /// Objects of which nobody can tell whether they are asked for, by kind and reason.
    pub undecided: Vec<Undecided>,
    /// Kinds that are shown in another version than the one that was asked for.
    pub other_versions: Vec<OtherVersion>,
    /// The version in which objects of each of the kinds are served, if it is not the one that they are stored in.
    served_versions: Vec<Option<String>>,
    /// The version that was asked for, by kind, if it is one.
    asked_versions: Vec<Option<String>>,
    /// What was asked for and is not among the objects.
    pub missing: Vec<LookedFor>,
    /// How many leases of API servers there are besides, where everything is asked for: they have the form of
    /// Endpoints, and no API gives them out.
    pub server_leases: u64,
    /// More kinds than one are asked for, so that kubectl tells the kind with each name.
    pub is_of_several_kinds: bool,
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
    /// Of a list of deleted objects, those that are asked for, and the file does not have their values any more.
    pub lost: Option<LostValues>,
    /// When deleted objects went, by the places of their last values.
    pub(super) deletions: Vec<(RecordPlace, Deletion)>,
    keyspace: Keyspace<'i>,
}

/// Objects of a kind of which nobody can tell whether they are asked for, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecided {
    /// `secrets`, `deployments.apps`; empty where not even the kind can be told.
    pub resource: String,
    /// Why.
    pub reason: UndecidedReason,
    /// How many.
    pub objects: u64,
}

/// Why nobody can tell whether an object is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UndecidedReason {
    /// It is encrypted: with which provider and key.
    Encrypted(String),
    /// Nothing of it but its metadata can be decoded.
    Undecoded,
    /// It takes too much memory to decode.
    TooLarge,
}

impl UndecidedReason {
    /// Of a value that stays locked.
    pub(in crate::ops) fn of_locked(value: &[u8]) -> Self {
        Self::Encrypted(match Envelope::parse(value) {
            Some(Ok(envelope)) => {
                format!("{} key {}", envelope.provider, envelope.shown_name())
            }
            _ => "an unknown provider".into(),
        })
    }
}

/// A kind that is shown in another version than the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVersion {
    /// The word that asks for a version.
    pub word: String,
    /// Group and version in which its objects are stored and shown.
    pub stored: String,
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

    /// Whether labels and fields are as wanted.
    fn selects(
        &self,
        reader: &ValueReader,
        resource: &Resource,
        [key, value]: [&[u8]; 2],
        revision: i64,
    ) -> (Selected, Option<UndecidedReason>) {
        let mut object = match reader.object_of(key, value, revision) {
            Ok(object) => object,
            Err(error) if error.is_limit() => {
                let plain = reader.plain(key, value).unwrap_or_default();
                return (
                    self.selects_by_head(&Head::of(&plain)),
                    Some(UndecidedReason::TooLarge),
                );
            }
            Err(_) => return (Selected::No, None),
        };
        add_read_defaults(&mut object.json, reader.release);
        let labels = self.labels.as_ref();
        let labels = labels.is_none_or(|labels| labels.matches(&object.json));
        let has_fields =
            object.description.undecoded.is_none() && object.description.error.is_none();
        let fields = self.fields.as_ref().map_or(Selected::Yes, |fields| {
            fields.matches(resource, &object.json, has_fields)
        });
        let selected = Selected::from(labels).and(fields);
        (selected, Some(UndecidedReason::Undecoded))
    }

    /// The same by what can be read without decoding the object.
    fn selects_by_head(&self, head: &Head<'_>) -> Selected {
        let labels = self.labels.as_ref();
        let labels = labels.is_none_or(|labels| labels.matches_list(head.labels.iter()));
        let name = head.name.as_deref().unwrap_or_default();
        let namespace = head.namespace.as_deref().unwrap_or_default();
        Selected::from(labels).and(self.selects_by_name(namespace, name, true))
    }

    /// The same of an object of which only its place is known, and labels if `has_labels`.
    fn selects_by_name(&self, namespace: &str, name: &str, has_labels: bool) -> Selected {
        let labels = match &self.labels {
            Some(labels) if !labels.is_empty() && !has_labels => Selected::Unknown,
            _ => Selected::Yes,
        };
        let fields = self
            .fields
            .as_ref()
            .map_or(Selected::Yes, |fields| fields.matches_name(namespace, name));
        labels.and(fields)
    }

    /// True when every kind is asked for, and objects of this one cannot be selected by the fields that are.
    fn lacks_fields(&self, resource: &Resource) -> bool {
        let Some(fields) = self.fields.as_ref().filter(|fields| !fields.is_empty()) else {
            return false;
        };
        let known = selectable_fields(resource, None);
        !fields
            .fields()
            .all(|field| known.iter().any(|known| known == field))
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
    undecided: BTreeMap<(String, UndecidedReason), u64>,
    server_leases: u64,
}

impl FinderParts {
    fn undecided(&mut self, resource: String, reason: UndecidedReason) {
        let count = self.undecided.entry((resource, reason)).or_default();
        *count = count.saturating_add(1);
    }

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

impl ObjectFinder<'_> {
    /// Whether an object of which only the key is left is as wanted, as far as that tells.
    fn may_be_meant(&self, key: &[u8]) -> bool {
        self.classifier.who_by_key(key).is_some_and(|who| {
            let query = self.query;
            let selected = query.selects_by_name(&who.namespace, &who.name, false);
            self.is_meant(&who) && selected != Selected::No
        })
    }

    /// Whether kind, namespace and name are as wanted.
    fn is_meant(&self, who: &ObjectIdentity<'_>) -> bool {
        let namespaces = &self.query.namespaces;
        let is_there = |wanted: &String| match self.wanted.takes_everything() {
            // Nobody asked for the objects of the cluster.
            true => who.namespace == *wanted,
            false => who.is_in(wanted),
        };
        let is_there = namespaces.is_empty() || namespaces.iter().any(is_there);
        is_there && self.wanted.takes_one(&who.resource, &who.name)
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
            StoredValue::ServerLease => {
                let is_asked_for = self.wanted.takes_everything()
                    && self.query.namespaces.is_empty()
                    && !self.query.needs_object();
                let count = &mut local.server_leases;
                *count = count.saturating_add(u64::from(is_asked_for));
                return Ok(());
            }
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
                && self.query.namespaces.is_empty()
                && !self.query.needs_object();
            match flaw {
                Some(flaw) if is_wanted => local.damaged.push(damage(flaw)),
                None if is_wanted => {
                    local.undecided(String::new(), UndecidedReason::of_locked(&value));
                }
                _ => {}
            }
            return Ok(());
        };
        let is_meant = |who: &ObjectIdentity<'_>| self.is_meant(who);
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
        if needs_object && self.wanted.takes_everything() && self.query.lacks_fields(&who.resource)
        {
            return Ok(());
        }
        if needs_object && (is_locked || is_damaged) {
            let (namespace, name) = (&who.namespace, &who.name);
            match self.query.selects_by_name(namespace, name, false) {
                Selected::Yes => {}
                Selected::No => return Ok(()),
                Selected::Unknown if is_locked => {
                    let reason = UndecidedReason::of_locked(&value);
                    local.undecided(who.resource.full_name(), reason);
                    return Ok(());
                }
                Selected::Unknown => {
                    local.damaged.extend(flaw.map(damage));
                    return Ok(());
                }
            }
        }
        let can_be_read = needs_object && !is_locked && !is_damaged;
        let is_unchecked = can_be_read && value.len() > LONG;
        let reader = self.classifier.reader;
        if can_be_read && !is_unchecked {
            let revision = view.revision.main;
            match self
                .query
                .selects(reader, &who.resource, [key, &value], revision)
            {
                (Selected::Yes, _) => {}
                (Selected::Unknown, Some(reason)) => {
                    local.undecided(who.resource.full_name(), reason);
                    return Ok(());
                }
                _ => return Ok(()),
            }
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

/// Lists objects.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) with a [`KindError`](super::KindError) for a word that cannot be answered;
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn objects<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    reader: &ValueReader,
) -> Result<ObjectList<'i>> {
    let filter = match &query.keys {
        Some(keys) => KeyFilter::Keys(keys.clone()),
        None => KeyFilter::all(),
    };
    let live = live_or_deleted(session, filter, query.revision, query.is_deleted)?;
    let wanted = WantedKinds::of(query, &live.resources)?;
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
    let undecided = of_each.flat_map(|part| std::mem::take(&mut part.undecided));
    let mut all_undecided = BTreeMap::new();
    for (what, objects) in undecided {
        let count: &mut u64 = all_undecided.entry(what).or_default();
        *count = count.saturating_add(objects);
    }
    damaged.sort_unstable_by_key(|one: &DamagedValue| one.place);
    let (deleted, times) = live.deleted;
    let is_lost = |key: &[u8]| finder.may_be_meant(key);
    let lost = LostValues::find(session, &live.keyspace, &deleted, is_lost)?;
    let server_leases = parts
        .iter()
        .fold(0u64, |sum, part| sum.saturating_add(part.server_leases));
    let (kinds, mut found) = join(parts);
    finder.wanted.sort(&kinds, &mut found);
    // What is known of such a kind are its objects alone.
    let unknown = finder.wanted.words.keys();
    let mut unknown =
        unknown.filter(|word| kinds.iter().any(|kind| is_called(&kind.resource, word)));
    let fields = [NAME, NAMESPACE].map(str::to_owned);
    if let Some(Err(error)) = unknown
        .next()
        .map(|word| check_fields(query, word, &fields))
    {
        return Err(error.into());
    }
    let mut other_versions = Vec::new();
    let mut served_versions = Vec::new();
    let mut asked_versions = Vec::new();
    for kind in &kinds {
        let asked = finder.wanted.asked_versions(&kind.resource);
        let versions: BTreeSet<Option<&str>> = asked
            .iter()
            .map(|one| one.map(|(version, _)| version))
            .collect();
        let only = versions.iter().flatten().next();
        asked_versions.push(
            only.filter(|_| versions.len() == 1)
                .map(|one| (*one).to_owned()),
        );
        let served = match versions.len() {
            // Several words ask for several versions: all objects are shown once, as they are stored.
            2.. => None,
            _ => served_version(
                &kind.api_version,
                &kind.resource,
                versions.into_iter().flatten().next(),
            ),
        };
        let shown = served.as_ref().unwrap_or(&kind.api_version);
        let others = asked.iter().flatten();
        let others = others.filter(|(version, _)| version != shown);
        other_versions.extend(others.map(|(_, word)| OtherVersion {
            word: (*word).to_string(),
            stored: kind.api_version.clone(),
        }));
        served_versions.push(served);
    }
    let mut list = ObjectList {
        found,
        damaged,
        undecided: Vec::new(),
        other_versions,
        served_versions,
        asked_versions,
        missing: Vec::new(),
        server_leases,
        is_of_several_kinds: finder.wanted.are_several(),
        kinds,
        bounds: live.keyspace.bounds(),
        resources: live.resources,
        revision: live.revision,
        now: live.now,
        lost: query.is_deleted.then_some(lost),
        deletions: Vec::new(),
        keyspace: live.keyspace,
    };
    list.check_long_ones(session, query, reader, &mut all_undecided)?;
    // They stay as they are, and what is done with them takes memory too.
    list.found.shrink_to_fit();
    list.damaged.shrink_to_fit();
    let lasts = list.found.iter().map(|one| one.facts.place).collect();
    list.deletions = deletions(session, &list.keyspace, &deleted, &times, lasts)?;
    list.missing = list.missing_of(query);
    let undecided = all_undecided.into_iter();
    list.undecided = undecided
        .map(|((resource, reason), objects)| Undecided {
            resource,
            reason,
            objects,
        })
        .collect();
    Ok(list)
}

/// The version in which a server gives objects of a kind out, of those that are known to be made from the stored one.
fn served_version(stored: &str, resource: &Resource, asked: Option<&str>) -> Option<String> {
    const EVENTS: &str = "events.k8s.io/v1";
    if resource.custom.is_some() {
        let version = |of| split_api_version(of).1;
        let target = resource.served_alike(version(stored), asked.map(version))?;
        return Some(resource.api_version(target));
    }
    match (stored, resource.kind.as_str()) {
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition") => {
            Some("apiextensions.k8s.io/v1".into())
        }
        ("v1", "Event") if asked == Some(EVENTS) => Some(EVENTS.into()),
        _ => None,
    }
}

/// The kinds of all threads in one order, and the objects with their numbers in it.
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
    let found = joined(numbered);
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

impl WantedKinds<'_> {
    /// Sorts objects as kubectl lists them: kinds and names as they are asked for, then by their keys.
    fn sort(&self, kinds: &[StoredKind], found: &mut [FoundObject]) {
        let kinds: Vec<&Resource> = kinds.iter().map(|kind| &kind.resource).collect();
        let order = self.order(&kinds);
        found.sort_unstable_by(|a, b| {
            let rank = |one: &FoundObject| order.of(one.kind as usize, &one.name);
            rank(a)
                .cmp(&rank(b))
                .then_with(|| by_name(a, b))
                .then_with(|| (a.kind, a.facts.place).cmp(&(b.kind, b.facts.place)))
        });
    }
}

/// As `NAMESPACE/NAME` of their keys: `shop-a/web` comes before `shop/web`.
fn by_name(a: &FoundObject, b: &FoundObject) -> Ordering {
    fn key(one: &FoundObject) -> impl Iterator<Item = u8> {
        let namespace = one.namespace.bytes();
        namespace
            .chain(std::iter::once(b'/'))
            .chain(one.name.bytes())
    }
    match a.namespace == b.namespace {
        true => a.name.cmp(&b.name),
        false => key(a).cmp(key(b)),
    }
}

impl<'i> ObjectList<'i> {
    /// The version in which an object is served, if it is not the one that it is stored in.
    pub fn served_version(&self, found: &FoundObject) -> Option<&str> {
        let version = self.served_versions.get(found.kind as usize)?;
        version.as_deref()
    }

    /// The version in which an object was asked for, if in one.
    pub fn asked_version(&self, found: &FoundObject) -> Option<&str> {
        self.asked_versions.get(found.kind as usize)?.as_deref()
    }

    /// Notes the kinds of which an API server shows another version than the one they are stored in, where no word
    /// asks for one: those that `tells_version`.
    pub(super) fn note_stored_versions(&mut self, tells_version: impl Fn(&Resource) -> bool) {
        let shown = self.found.iter().map(|found| found.kind as usize);
        let shown: BTreeSet<usize> = shown.collect();
        for at in shown {
            let (Some(kind), Some(None)) = (self.kinds.get(at), self.served_versions.get(at))
            else {
                continue;
            };
            let (resource, stored) = (&kind.resource, &kind.api_version);
            let is_noted = self.other_versions.iter().any(|one| one.stored == *stored);
            let is_preferred = resource.preferred_version() == *stored;
            if resource.custom.is_none() && tells_version(resource) && !is_preferred && !is_noted {
                self.other_versions.push(OtherVersion {
                    word: resource.full_name(),
                    stored: stored.clone(),
                });
            }
        }
    }

    /// Leaves out those of the long values whose labels or fields are not as wanted.
    fn check_long_ones(
        &mut self,
        session: &Session<'i>,
        query: &ObjectsQuery,
        reader: &ValueReader,
        undecided: &mut BTreeMap<(String, UndecidedReason), u64>,
    ) -> Result<()> {
        let unchecked: Vec<&FoundObject> =
            self.found.iter().filter(|one| one.is_unchecked).collect();
        let rows = unchecked.iter().map(|one| one.record());
        let mut at = unchecked.iter();
        let mut fits = Vec::with_capacity(unchecked.len());
        fetch(
            session,
            &self.keyspace,
            rows,
            |key, value, _| (key.to_vec(), value.to_vec()),
            |record, read| {
                let revision = record.facts.revision.main;
                let kind = at.next().and_then(|one| self.kinds.get(one.kind as usize));
                let selected = match (read, kind) {
                    (Some((key, value)), Some(kind)) => {
                        query.selects(reader, &kind.resource, [&key, &value], revision)
                    }
                    // One that cannot be read any more is not left out silently.
                    _ => (Selected::Yes, None),
                };
                if let (Selected::Unknown, Some(reason), Some(kind)) =
                    (selected.0, selected.1, kind)
                {
                    let what = (kind.resource.full_name(), reason);
                    let count = undecided.entry(what).or_default();
                    *count = count.saturating_add(1);
                }
                fits.push(selected.0 == Selected::Yes);
                ControlFlow::Continue(())
            },
        )?;
        let mut fits = fits.into_iter();
        self.found
            .retain(|one| !one.is_unchecked || fits.next().unwrap_or(true));
        Ok(())
    }

    /// What a query names and the list does not have; where only a namespace, labels or fields are asked for, it is
    /// objects as such.
    fn missing_of(&self, query: &ObjectsQuery) -> Vec<LookedFor> {
        let is_narrow = !query.namespaces.is_empty() || query.needs_object();
        if query.kinds.is_empty() && query.pairs.is_empty() {
            let is_missing = is_narrow && self.found.is_empty();
            return is_missing
                .then_some(LookedFor::Objects)
                .into_iter()
                .collect();
        }
        let mut kinds: HashMap<&str, Vec<u32>> = HashMap::new();
        let words = query.pairs.iter().map(|(word, _)| word);
        for word in words.chain(&query.kinds) {
            let kinds = kinds.entry(word);
            kinds.or_insert_with(|| self.kinds_called(word));
        }
        let of_word = |word: &String| kinds.get(word.as_str()).into_iter().flatten();
        if query.pairs.is_empty() {
            let there: HashSet<u32> = self.found.iter().map(|one| one.kind).collect();
            let missing = query.kinds.iter();
            let missing = missing.filter(|word| !of_word(word).any(|kind| there.contains(kind)));
            return missing.cloned().map(LookedFor::Kind).collect();
        }
        let there = self.found.iter().map(|one| (one.kind, &*one.name));
        let there: HashSet<(u32, &str)> = there.collect();
        let missing = query.pairs.iter().filter(|(word, name)| {
            !of_word(word).any(|kind| there.contains(&(*kind, name.as_str())))
        });
        missing
            .map(|(word, name)| LookedFor::Object {
                word: word.clone(),
                name: name.clone(),
            })
            .collect()
    }

    /// Positions of the kinds that a word stands for.
    fn kinds_called(&self, word: &str) -> Vec<u32> {
        let asked = self.resources.asked(word).map(|asked| asked.kinds);
        let known = match asked {
            Ok(Resolved::One(kind)) => vec![kind],
            Ok(Resolved::Category(kinds) | Resolved::Ambiguous(kinds)) => kinds,
            Ok(Resolved::Unknown) | Err(_) => Vec::new(),
        };
        let is_meant = |resource: &Resource| match known.as_slice() {
            [] => is_called(resource, word),
            known => known
                .iter()
                .any(|kind| kind.is_stored_as(&resource.group, &resource.kind)),
        };
        let kinds = (0u32..).zip(&self.kinds);
        let meant = kinds.filter(|(_, kind)| is_meant(&kind.resource));
        meant.map(|(number, _)| number).collect()
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

    /// When an object was deleted, if deleted ones are listed.
    pub fn deletion(&self, found: &FoundObject) -> Option<Deletion> {
        let at = self
            .deletions
            .binary_search_by_key(&found.facts.place, |(place, _)| *place)
            .ok()?;
        self.deletions.get(at).map(|(_, deletion)| *deletion)
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

    /// Leaves out objects with other names, and what is wrong with their values.
    pub(super) fn keep_names_beginning_with(&mut self, prefix: &str) {
        self.found.retain(|one| one.name.starts_with(prefix));
        let there: HashSet<_> = self.found.iter().map(|one| one.facts.place).collect();
        self.damaged.retain(|one| there.contains(&one.place));
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

    /// Where its record is.
    pub(super) fn place(&self) -> RecordPlace {
        self.facts.place
    }

    /// Its mod revision.
    pub fn mod_revision(&self) -> i64 {
        self.facts.revision.main
    }
}
