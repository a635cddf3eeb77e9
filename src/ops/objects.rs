//! The Kubernetes objects of a file.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::fetch::fetch;
use super::keyspace::Session;
use super::lens::Lens;
use super::named::{is_definition, note_newest, resources};
use super::stored::{DamagedValue, Judge, LayoutVisitor, Stand, Who};
use super::times::{FileTime, NewestTime};
use crate::error::Result;
use crate::etcd::LeaseId;
use crate::etcd::Revision;
use crate::etcd::keyspace::{
    KeyFilter, Keyspace, Newest, RecordFacts, RecordPlace, RecordView, RecordVisitor,
    RevisionBounds, Wanted,
};
use crate::kubernetes::Encoding;
use crate::kubernetes::Fault;
use crate::kubernetes::Flaw;
use crate::kubernetes::field_selector::FieldSelector;
use crate::kubernetes::layout::Layout;
use crate::kubernetes::resources::{Resolved, Resource, Resources, split_api_version};
use crate::kubernetes::selector::LabelSelector;

/// Which objects are wanted.
#[derive(Debug, Clone, Default)]
pub struct ObjectsQuery {
    /// Kinds, as people call them; none: every kind.
    pub kinds: Vec<String>,
    /// Only these: kind and name.
    pub pairs: Vec<(String, String)>,
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// Only with these labels.
    pub labels: Option<LabelSelector>,
    /// Only with these fields.
    pub fields: Option<FieldSelector>,
    /// At this revision; 0 = the newest.
    pub revision: i64,
}

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
pub struct Found {
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
    revision: Revision,
    value_size: u64,
    place: RecordPlace,
}

/// Objects that were found, sorted by kind, namespace and name.
#[derive(Debug)]
pub struct ObjectList<'i> {
    /// The objects.
    pub found: Vec<Found>,
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

/// A word that is no kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindFault {
    /// Nothing is called so.
    Unknown(String),
    /// Several kinds are called so; their full names.
    Ambiguous(String, Vec<String>),
}

impl std::fmt::Display for KindFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(word) => write!(
                f,
                "no kind is called {word:?} here; `etcdsnap kinds FILE` lists those of the file"
            ),
            Self::Ambiguous(word, names) => {
                write!(f, "{word:?} is ambiguous: {}", names.join(", "))
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Definitions {
    revision: i64,
}

impl RecordVisitor for Definitions {
    type Local = BTreeMap<Vec<u8>, RecordPlace>;

    fn start(&self) -> Self::Local {
        BTreeMap::new()
    }

    fn record(&self, local: &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let is_seen = self.revision <= 0 || view.revision.main <= self.revision;
        if is_seen && !view.is_tombstone && is_definition(view.record.key) {
            note_newest(local, view.record.key, view.place);
        }
        Ok(())
    }
}

/// The live keys of a file at a revision, with what is needed to tell what they hold.
pub(super) struct Live<'i> {
    pub(super) keyspace: Keyspace<'i>,
    pub(super) places: Vec<RecordPlace>,
    pub(super) resources: Resources,
    pub(super) layout: Layout,
    pub(super) revision: i64,
    pub(super) now: Option<i64>,
}

/// Finds the live keys at a revision.
pub(super) fn live<'i>(session: &mut Session<'i>, revision: i64) -> Result<Live<'i>> {
    live_of(session, KeyFilter::all(), revision)
}

/// Finds the live ones of some keys at a revision.
pub(super) fn live_of<'i>(
    session: &mut Session<'i>,
    filter: KeyFilter,
    revision: i64,
) -> Result<Live<'i>> {
    let newest = Newest::new(filter, revision, session.options.memory_limit);
    let visitor = (
        newest,
        ((Definitions { revision }, LayoutVisitor::new()), FileTime),
    );
    let (keyspace, parts) = session.scan(&visitor)?;
    let revision = keyspace.bounds().resolve(revision)?;
    let mut entries = Vec::new();
    let mut definitions = BTreeMap::new();
    let mut times: Vec<NewestTime> = Vec::new();
    let mut layout = Layout::default();
    for (of_keys, ((of_definitions, of_layout), time)) in parts {
        entries.push(of_keys);
        layout.merge(of_layout);
        for (key, place) in of_definitions {
            note_newest(&mut definitions, &key, place);
        }
        times.push(time);
    }
    let places = Newest::select(&entries, Wanted::Live, &session.workers)?;
    let resources = resources(session, &keyspace, definitions.into_values())?;
    Ok(Live {
        keyspace,
        places,
        resources,
        layout,
        revision,
        now: FileTime::join(times),
    })
}

/// Kinds that are wanted; with a name, only the object of that name.
pub(super) struct WantedKinds<'q> {
    /// By group and kind.
    known: Vec<(String, String, Option<&'q str>)>,
    /// Words that only a value may know.
    pub(super) words: Vec<(&'q str, Option<&'q str>)>,
}

impl<'q> WantedKinds<'q> {
    pub(super) fn of(query: &'q ObjectsQuery, resources: &Resources) -> Result<Self, KindFault> {
        let mut wanted = Self {
            known: Vec::new(),
            words: Vec::new(),
        };
        let pairs = query
            .pairs
            .iter()
            .map(|(kind, name)| (kind, Some(name.as_str())));
        let kinds = query.kinds.iter().map(|kind| (kind, None));
        let both: Vec<(&String, Option<&str>)> = if query.pairs.is_empty() {
            kinds.collect()
        } else {
            pairs.collect()
        };
        for (word, name) in both {
            let mut add = |kind: &Resource| {
                wanted
                    .known
                    .push((kind.group.clone(), kind.kind.clone(), name));
            };
            match resources.resolve(word) {
                Resolved::Unknown => wanted.words.push((word, name)),
                Resolved::One(kind) => add(kind),
                Resolved::Category(kinds) => kinds.into_iter().for_each(add),
                Resolved::Ambiguous(kinds) => {
                    let names = kinds.iter().map(|kind| kind.full_name()).collect();
                    return Err(KindFault::Ambiguous(word.clone(), names));
                }
            }
        }
        Ok(wanted)
    }

    /// True when objects of the kind are wanted, whatever their names.
    pub(super) fn takes(&self, resource: &Resource) -> bool {
        self.takes_everything() || self.names(resource).next().is_some()
    }

    /// True when this object is wanted.
    fn takes_one(&self, resource: &Resource, name: &str) -> bool {
        self.takes_everything()
            || self
                .names(resource)
                .any(|wanted| wanted.is_none_or(|wanted| wanted == name))
    }

    fn takes_everything(&self) -> bool {
        self.known.is_empty() && self.words.is_empty()
    }

    fn names(&self, resource: &Resource) -> impl Iterator<Item = Option<&'q str>> {
        let known = self
            .known
            .iter()
            .filter(|(group, kind, _)| *group == resource.group && *kind == resource.kind)
            .map(|(_, _, name)| *name);
        let words = self
            .words
            .iter()
            .filter(|(word, _)| is_called(resource, word))
            .map(|(_, name)| *name);
        known.chain(words)
    }
}

/// True when a kind that no definition tells of goes by `word`.
pub(super) fn is_called(resource: &Resource, word: &str) -> bool {
    [&resource.kind, &resource.plural, &resource.singular]
        .into_iter()
        .any(|name| name.eq_ignore_ascii_case(word))
        || resource.full_name().eq_ignore_ascii_case(word)
}

struct ObjectFinder<'q> {
    query: &'q ObjectsQuery,
    wanted: WantedKinds<'q>,
    judge: Judge<'q>,
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
    fn fits(&self, lens: &Lens, key: &[u8], value: &[u8], revision: i64) -> bool {
        match lens.object_of(key, value, revision) {
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
    found: Vec<Found>,
    damaged: Vec<DamagedValue>,
    undecided: Vec<Vec<u8>>,
}

impl FinderParts {
    fn kind(&mut self, finder: &ObjectFinder<'_>, who: &Who<'_>) -> Option<u32> {
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
        let (who, flaw, is_locked) = match self.judge.stand(key, &value) {
            Stand::Other => return Ok(()),
            Stand::Object(who, flaw) => (Some(who), flaw, false),
            Stand::Damaged(who, flaw) => (who, Some(flaw), false),
            Stand::Locked(who) => (who, None, true),
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
        let is_meant = |who: &Who<'_>| {
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
            let by_key = is_misnamed.then(|| self.judge.who_by_key(key)).flatten();
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
        let lens = self.judge.lens;
        if needs_object && !is_unchecked && !self.query.fits(lens, key, &value, view.revision.main)
        {
            return Ok(());
        }
        local.damaged.extend(flaw.map(damage));
        local.found.push(Found {
            kind,
            namespace: who.namespace.into(),
            name: who.name.into(),
            is_locked,
            is_damaged,
            is_unchecked,
            revision: view.revision,
            value_size: view.record.value_len,
            place: view.place,
        });
        Ok(())
    }
}

/// Lists objects. The inner error is a word that is no kind.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn objects<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    lens: &Lens,
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
        judge: Judge {
            lens,
            resources: &live.resources,
            layout: &live.layout,
        },
    };
    let parts = live
        .keyspace
        .visit(&live.places, &finder, &session.workers, session.options)?;
    let mut parts = parts;
    let mut damaged = Vec::new();
    let mut undecided = Vec::new();
    for part in &mut parts {
        damaged.append(&mut part.damaged);
        undecided.append(&mut part.undecided);
    }
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
    list.check_long_ones(session, query, lens)?;
    Ok(Ok(list))
}

/// The kinds of all threads in one order, and the objects sorted by it.
fn join(parts: Vec<FinderParts>) -> (Vec<StoredKind>, Vec<Found>) {
    let mut kinds: Vec<StoredKind> = parts
        .iter()
        .flat_map(|part| part.list.iter().cloned())
        .collect();
    kinds.sort_by(|a, b| order(a).cmp(&order(b)));
    kinds.dedup_by(|a, b| order(a) == order(b));
    let mut found = Vec::new();
    for part in parts {
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
        found.extend(part.found.into_iter().map(|one| Found {
            kind: numbers.get(one.kind as usize).copied().unwrap_or(0),
            ..one
        }));
    }
    found.sort_unstable_by(compare);
    (kinds, found)
}

/// How kinds are sorted; two that are alike in all of it are one.
fn order(kind: &StoredKind) -> (&str, &str, &str, &str, &str, bool) {
    let resource = &kind.resource;
    let (_, version) = split_api_version(&kind.api_version);
    let name = (&resource.plural, &resource.group, version);
    let rest = (&kind.api_version, &resource.kind, resource.namespaced);
    (name.0, name.1, name.2, rest.0, rest.1, rest.2)
}

fn compare(a: &Found, b: &Found) -> Ordering {
    (a.kind, &a.namespace, &a.name, a.place).cmp(&(b.kind, &b.namespace, &b.name, b.place))
}

impl<'i> ObjectList<'i> {
    /// Leaves out those of the long values whose labels or fields are not as wanted.
    fn check_long_ones(
        &mut self,
        session: &Session<'i>,
        query: &ObjectsQuery,
        lens: &Lens,
    ) -> Result<()> {
        let unchecked = self.found.iter().filter(|one| one.is_unchecked);
        let rows: Vec<RecordFacts<'_>> = unchecked.map(Found::facts).collect();
        let mut fits = Vec::with_capacity(rows.len());
        fetch(
            session,
            &self.keyspace,
            rows.into_iter(),
            |key, value, _| (key.to_vec(), value.to_vec()),
            |facts, read| {
                let revision = facts.revision.main;
                // One that cannot be read any more is not left out silently.
                fits.push(read.is_none_or(|(key, value)| query.fits(lens, &key, &value, revision)));
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
        found: &'l [Found],
        make: impl Fn(&[u8], &[u8], i64) -> T + Sync,
        mut each: impl FnMut(&'l Found, Option<T>) -> ControlFlow<()>,
    ) -> Result<()> {
        let rows = found.iter().map(Found::facts);
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
    pub fn damage(&self, found: &Found) -> Option<&DamagedValue> {
        let at = self
            .damaged
            .binary_search_by_key(&found.place, |one| one.place)
            .ok()?;
        self.damaged.get(at)
    }

    /// All damage, by key.
    pub fn damage_by_key(&self) -> Vec<&DamagedValue> {
        by_key(&self.damaged)
    }

    /// The kind of an object.
    pub fn kind(&self, found: &Found) -> Option<&StoredKind> {
        self.kinds.get(found.kind as usize)
    }
}

impl Found {
    fn facts(&self) -> RecordFacts<'static> {
        RecordFacts {
            key: &[],
            revision: self.revision,
            is_tombstone: false,
            create_revision: 0,
            version: 0,
            lease: LeaseId(0),
            value_size: self.value_size,
            place: self.place,
        }
    }

    /// Its mod revision.
    pub fn mod_revision(&self) -> i64 {
        self.revision.main
    }
}

pub(super) fn by_key(damaged: &[DamagedValue]) -> Vec<&DamagedValue> {
    let mut all: Vec<&DamagedValue> = damaged.iter().collect();
    all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    all
}

/// Objects of one kind in one encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindCount {
    /// Group and version, as stored; empty when it is no object.
    pub api_version: String,
    /// The kind; empty when it is no object.
    pub kind: String,
    /// How they are stored.
    pub encoding: Encoding,
    /// How many.
    pub objects: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// How many of them are not what their keys promise.
    pub damaged: u64,
}

struct KindCounter<'q> {
    judge: Judge<'q>,
}

impl RecordVisitor for KindCounter<'_> {
    type Local = (
        HashMap<(String, String, &'static str), KindCount>,
        Vec<DamagedValue>,
    );

    fn start(&self) -> Self::Local {
        Self::Local::default()
    }

    fn record(&self, (local, all_damaged): &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        let value = view.value()?;
        let stored = Encoding::of(&value);
        let (who, flaw) = match self.judge.stand(key, &value) {
            Stand::Object(who, flaw) => (Some(who), flaw),
            Stand::Locked(who) => (who, None),
            Stand::Damaged(who, flaw) => (who, Some(flaw)),
            Stand::Other => (None, None),
        };
        let (api_version, kind) = who
            .map(|who| (who.api_version, who.resource.kind.clone()))
            .unwrap_or_default();
        let name = super::lens::encoding_name(stored);
        let count =
            local
                .entry((api_version, kind, name))
                .or_insert_with_key(|(api_version, kind, _)| KindCount {
                    api_version: api_version.clone(),
                    kind: kind.clone(),
                    encoding: stored,
                    objects: 0,
                    bytes: 0,
                    damaged: 0,
                });
        count.objects = count.objects.saturating_add(1);
        count.bytes = count.bytes.saturating_add(view.record.value_len);
        let is_damaged = flaw.as_ref().is_some_and(|flaw| !flaw.is_decodable());
        count.damaged = count.damaged.saturating_add(u64::from(is_damaged));
        all_damaged.extend(flaw.map(|flaw| DamagedValue {
            key: key.to_vec(),
            flaw,
            mod_revision: view.revision.main,
            place: view.place,
        }));
        Ok(())
    }
}

/// Counts of all kinds.
#[derive(Debug, Clone)]
pub struct Kinds {
    /// By kind, group and version, encoding.
    pub counts: Vec<KindCount>,
    /// Values that are not what their keys promise, by key; also objects that only call themselves otherwise.
    pub damaged: Vec<DamagedValue>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision that was asked for.
    pub revision: i64,
}

/// Counts the objects of a file by kind, stored version and encoding.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn kinds(session: &mut Session<'_>, revision: i64, lens: &Lens) -> Result<Kinds> {
    let live = live(session, revision)?;
    let counter = KindCounter {
        judge: Judge {
            lens,
            resources: &live.resources,
            layout: &live.layout,
        },
    };
    let parts = live
        .keyspace
        .visit(&live.places, &counter, &session.workers, session.options)?;
    let mut all: BTreeMap<(String, String, &str), KindCount> = BTreeMap::new();
    let (parts, damaged): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut damaged: Vec<DamagedValue> = damaged.into_iter().flatten().collect();
    damaged.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    for ((api_version, kind, encoding), count) in parts.into_iter().flatten() {
        match all.get_mut(&(kind.clone(), api_version.clone(), encoding)) {
            Some(sum) => {
                sum.objects = sum.objects.saturating_add(count.objects);
                sum.bytes = sum.bytes.saturating_add(count.bytes);
                sum.damaged = sum.damaged.saturating_add(count.damaged);
            }
            None => {
                all.insert((kind, api_version, encoding), count);
            }
        }
    }
    Ok(Kinds {
        counts: all.into_values().collect(),
        damaged,
        bounds: live.keyspace.bounds(),
        revision: live.revision,
    })
}
