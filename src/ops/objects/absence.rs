//! What was asked for and is not there: where it went, as far as the file tells, and what may have been meant.
//! Nobody waits for it where everything was found: the file is passed over once more only to explain what is missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::definitions::{DefinitionVisitor, note_newest, resources};
use super::list::objects;
use super::looked_for::LookedFor;
use super::reader::ValueReader;
use super::stored::{Classifier, LayoutVisitor, ObjectIdentity};
use super::wanted::{ObjectsQuery, all_names, is_called};
use crate::error::{Error, Result};
use crate::etcd::keyspace::{
    KeyFilter, Keyspace, Newest, RecordPlace, RecordView, RecordVisitor, RevisionBounds, Wanted,
};
use crate::finding::Collector;
use crate::kubernetes::catalog::resources::{Resolved, Resource, Resources};
use crate::ops::session::Session;
use crate::ops::times::{TimeLine, Times};

/// What is to be looked for.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AbsenceQuery {
    /// Each thing once; what is there twice is looked for once.
    pub items: Vec<LookedFor>,
    /// The namespaces of objects; none: all.
    pub namespaces: Vec<String>,
    /// At this revision; 0 = the newest.
    pub revision: i64,
    /// A deleted key counts as one that is there: whoever asks for changes asks for it, too.
    pub counts_deleted: bool,
}

/// Whether something is there, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbsenceReason {
    /// It is there: so many keys or objects.
    Present(u64),
    /// No kind goes by the word.
    NotAKind,
    /// It was deleted, or all of them were: the last one at this revision.
    Deleted {
        /// Its key.
        key: Vec<u8>,
        /// The revision.
        revision: i64,
        /// It did not happen before this time, in seconds since 1970.
        not_before: Option<i64>,
    },
    /// It came to be later, at this revision.
    NotYet(i64),
    /// Objects so called are in these namespaces and not in the one that was asked for; at most three of them, and
    /// whether there are more.
    Elsewhere(Vec<String>, bool),
    /// The file does not know it.
    NeverSeen,
    /// It may be in what damage hides.
    CannotTell,
}

/// Something that was looked for, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// What.
    pub item: LookedFor,
    /// Why it is not there.
    pub reason: AbsenceReason,
    /// What may have been meant.
    pub similar: Option<String>,
}

/// What became of all that was looked for, in the order in which it was asked for.
#[derive(Debug, Clone)]
pub struct Absences {
    /// One for each thing.
    pub list: Vec<Absence>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision that was asked for.
    pub revision: i64,
    /// Damage hides a part of the file.
    pub is_damaged: bool,
}

/// At most this many namespaces are named.
const NAMED: usize = 3;
/// Similar names are looked for only for this many missing things.
const WITH_SIMILAR: usize = 64;
/// The names that are compared: at most this many of each sort, the first in their order.
const CANDIDATES: usize = 2000;

/// Tells of each thing whether it is there, and if not, where it went.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn absences(session: &Session<'_>, query: &AbsenceQuery) -> Result<Absences> {
    let mut known = HashSet::new();
    let mut items = query.items.clone();
    items.retain(|item| known.insert(item.clone()));
    let file = FileState::scan(session, query.revision)?;
    let tables = Tables::new(&items, &query.namespaces, &file.resources);
    let now = file.gather(session, &tables)?;
    let mut later = None;
    let is_missing = |number: usize| now.of(number).present == 0;
    if file.revision < file.bounds.current && (0..items.len()).any(is_missing) {
        later = Some(file.gather_later(session, &tables)?);
    }
    let mut list = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let evidence = now.of(number);
        let later = later.as_ref().and_then(|later| later.of(number).first);
        let is_kind = match item {
            LookedFor::Kind(word) | LookedFor::Object { word, .. } => {
                !tables.unknown.contains_key(&word.to_lowercase()) || now.kinds_called(word)
            }
            _ => true,
        };
        let reason = reason(&file, query, item, evidence, later, is_kind);
        let similar = match &reason {
            AbsenceReason::NeverSeen | AbsenceReason::NotAKind | AbsenceReason::CannotTell
                if number < WITH_SIMILAR =>
            {
                now.similar(item, is_kind, &file.resources)
            }
            _ => None,
        };
        list.push(Absence {
            item: item.clone(),
            reason,
            similar,
        });
    }
    Ok(Absences {
        list,
        bounds: file.bounds,
        revision: file.revision,
        is_damaged: file.is_damaged,
    })
}

/// Whether objects have the labels that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelPresence {
    /// None has them.
    Absent,
    /// None that can be read has them, and of others that are asked for nobody can tell.
    Unknown,
    /// One has them.
    Present,
}

/// Whether an object of any kind and namespace has the labels of a query. One of which nobody can tell counts only
/// where its kind and namespace are asked for.
///
/// # Errors
/// As [`absences`].
pub fn label_presence(
    session: &mut Session<'_>,
    query: &ObjectsQuery,
    reader: &ValueReader,
) -> Result<LabelPresence> {
    let anywhere = ObjectsQuery {
        kinds: Vec::new(),
        namespaces: Vec::new(),
        ..query.clone()
    };
    // What is wrong with the file was told by the job that this one follows.
    let told = std::mem::replace(&mut session.findings, Collector::new(1));
    let mut presence = presence_in(session, &anywhere, reader);
    let is_narrow = !query.kinds.is_empty() || !query.namespaces.is_empty();
    if is_narrow && matches!(presence, Ok(LabelPresence::Unknown)) {
        presence = presence_in(session, query, reader);
    }
    session.findings = told;
    presence
}

fn presence_in(
    session: &mut Session<'_>,
    query: &ObjectsQuery,
    reader: &ValueReader,
) -> Result<LabelPresence> {
    let listed = Error::unless_query(objects(session, query, reader))?;
    let is_damaged = session.findings.has_errors();
    Ok(match listed {
        Some(list) if !list.found.is_empty() => LabelPresence::Present,
        Some(list) if is_damaged || !list.undecided.is_empty() || !list.damaged.is_empty() => {
            LabelPresence::Unknown
        }
        _ => LabelPresence::Absent,
    })
}

fn reason(
    file: &FileState<'_>,
    query: &AbsenceQuery,
    item: &LookedFor,
    evidence: &Evidence,
    later: Option<i64>,
    is_kind: bool,
) -> AbsenceReason {
    let deleted = evidence.deleted.as_ref();
    if evidence.present > 0 || query.counts_deleted && deleted.is_some() {
        return AbsenceReason::Present(evidence.present);
    }
    let elsewhere = || {
        let named = evidence.elsewhere.iter().take(NAMED).cloned().collect();
        AbsenceReason::Elsewhere(named, evidence.elsewhere.len() > NAMED)
    };
    // Of a kind in general it says more where its objects are than when the last one went.
    if matches!(item, LookedFor::Kind(_)) && !evidence.elsewhere.is_empty() && !file.is_damaged {
        return elsewhere();
    }
    // Of one thing it is true in any case that it was deleted; which of several went last, only if nothing is hidden.
    let is_single = !matches!(
        item,
        LookedFor::Kind(_)
            | LookedFor::Prefix(_)
            | LookedFor::Glob(_)
            | LookedFor::Span(..)
            | LookedFor::Objects
    );
    if let Some((revision, place, key)) = deleted.filter(|_| is_single || !file.is_damaged) {
        return AbsenceReason::Deleted {
            key: key.clone(),
            revision: *revision,
            not_before: file.times.at(*place),
        };
    }
    // All that follows is true only if nothing is hidden.
    if file.is_damaged {
        return AbsenceReason::CannotTell;
    }
    if !evidence.elsewhere.is_empty() {
        return elsewhere();
    }
    if let (None, LookedFor::Object { .. }, Some((revision, place, key))) =
        (later, item, &evidence.deleted_elsewhere)
    {
        return AbsenceReason::Deleted {
            key: key.clone(),
            revision: *revision,
            not_before: file.times.at(*place),
        };
    }
    match later {
        Some(first) => AbsenceReason::NotYet(first),
        None if !is_kind => AbsenceReason::NotAKind,
        None => AbsenceReason::NeverSeen,
    }
}

/// The file at a revision.
struct FileState<'i> {
    keyspace: Keyspace<'i>,
    live: Vec<RecordPlace>,
    deleted: Vec<RecordPlace>,
    resources: Resources,
    layout: crate::kubernetes::check::layout::KeyLayout,
    times: Times,
    bounds: RevisionBounds,
    revision: i64,
    is_damaged: bool,
}

impl Absences {
    /// What is in neither of two states, with what the more telling one says of it. Both were asked for the same.
    #[must_use]
    pub fn of_both(old: Self, new: Self) -> Self {
        let rank = |absence: &Absence| match absence.reason {
            AbsenceReason::Present(_) => 0,
            AbsenceReason::Deleted { .. } => 1,
            AbsenceReason::NotYet(_) | AbsenceReason::Elsewhere(..) => 2,
            AbsenceReason::CannotTell => 3,
            AbsenceReason::NeverSeen | AbsenceReason::NotAKind => 4,
        };
        let (bounds, revision) = (new.bounds, new.revision);
        let is_damaged = new.is_damaged || old.is_damaged;
        let both = new.list.into_iter().zip(old.list);
        let list = both.map(|(new, old)| match rank(&old) < rank(&new) {
            true => old,
            false => new,
        });
        Self {
            list: list.collect(),
            bounds,
            revision,
            is_damaged,
        }
    }
}

impl<'i> FileState<'i> {
    fn scan(session: &Session<'i>, revision: i64) -> Result<Self> {
        let newest = Newest::new(KeyFilter::all(), revision, session.options.memory_limit);
        // Kinds are known that were ever defined: their objects may be what is missing.
        let definitions = DefinitionVisitor { revision: 0 };
        let line = TimeLine { is_wanted: true };
        let visitor = (newest, ((definitions, LayoutVisitor::new()), line));
        let mut findings = Collector::new(1);
        let (keyspace, parts) = Keyspace::scan(
            &session.database,
            &visitor,
            &session.workers,
            session.options,
            &mut findings,
        )?;
        let bounds = keyspace.bounds();
        let revision = bounds.resolve(revision)?;
        let (mut entries, mut layouts, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let mut definitions = BTreeMap::new();
        for (of_keys, ((of_definitions, layout), time)) in parts {
            entries.push(of_keys);
            for (key, place) in of_definitions {
                note_newest(&mut definitions, &key, place);
            }
            layouts.push(layout);
            times.push(time);
        }
        let live = Newest::select(&entries, Wanted::Live, &session.workers)?;
        let deleted = Newest::select(&entries, Wanted::Deleted, &session.workers)?;
        drop(entries);
        let resources = resources(session, &keyspace, definitions.into_values())?;
        Ok(Self {
            keyspace,
            live,
            deleted,
            resources,
            layout: LayoutVisitor::join(layouts),
            times: TimeLine::join(times),
            bounds,
            revision,
            is_damaged: findings.has_errors(),
        })
    }

    fn evidence<'t>(
        &'t self,
        tables: &'t Tables<'_>,
        reader: &'t ValueReader,
        is_deleted: bool,
    ) -> EvidenceVisitor<'t> {
        EvidenceVisitor {
            tables,
            classifier: Classifier {
                reader,
                resources: &self.resources,
                layout: &self.layout,
            },
            is_deleted,
        }
    }

    fn gather(&self, session: &Session<'i>, tables: &Tables<'_>) -> Result<Gathered> {
        let reader = ValueReader::default();
        let mut all = Gathered::default();
        for (places, is_deleted) in [(&self.live, false), (&self.deleted, true)] {
            let visitor = self.evidence(tables, &reader, is_deleted);
            let parts = self
                .keyspace
                .visit(places, &visitor, &session.workers, session.options)?;
            parts.into_iter().for_each(|part| all.merge(part.gathered));
        }
        Ok(all)
    }

    /// What came later than the revision, whether or not it is still there.
    fn gather_later(&self, session: &Session<'i>, tables: &Tables<'_>) -> Result<Gathered> {
        let reader = ValueReader::default();
        let visitor = LaterVisitor {
            evidence: self.evidence(tables, &reader, false),
            revision: self.revision,
        };
        let (_, parts) = session.scan_again(&visitor)?;
        let mut all = Gathered::default();
        parts.into_iter().for_each(|part| all.merge(part.gathered));
        Ok(all)
    }
}

/// What speaks for and against one thing.
#[derive(Debug, Clone, Default)]
struct Evidence {
    present: u64,
    /// The lowest create revision of what is there.
    first: Option<i64>,
    /// Namespaces that were not asked for and have such objects, one more than are named.
    elsewhere: BTreeSet<String>,
    /// The newest deletion, if nothing came after it.
    deleted: Option<NewestDeletion>,
    /// The same in namespaces that were not asked for.
    deleted_elsewhere: Option<NewestDeletion>,
}

/// Revision, place and key of a deletion.
type NewestDeletion = (i64, RecordPlace, Vec<u8>);

fn note_deletion(newest: &mut Option<NewestDeletion>, view: &RecordView<'_>) {
    let main = view.revision.main;
    let known = newest.as_ref();
    if known.is_none_or(|(known, place, _)| (*known, *place) < (main, view.place)) {
        *newest = Some((main, view.place, view.record.key.to_vec()));
    }
}

static NOTHING: Evidence = Evidence {
    present: 0,
    first: None,
    elsewhere: BTreeSet::new(),
    deleted: None,
    deleted_elsewhere: None,
};

impl Evidence {
    fn note(&mut self, view: &RecordView<'_>, is_deleted: bool) {
        if is_deleted {
            note_deletion(&mut self.deleted, view);
            return;
        }
        self.present = self.present.saturating_add(1);
        let created = view.record.create_revision;
        self.first = Some(self.first.map_or(created, |first| first.min(created)));
    }

    fn note_elsewhere(&mut self, namespace: &str) {
        if !self.elsewhere.contains(namespace) {
            self.elsewhere.insert(namespace.to_owned());
            if self.elsewhere.len() > NAMED.saturating_add(1) {
                self.elsewhere.pop_last();
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.present = self.present.saturating_add(other.present);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        for namespace in &other.elsewhere {
            self.note_elsewhere(namespace);
        }
        self.deleted = self.deleted.take().max(other.deleted);
        self.deleted_elsewhere = self.deleted_elsewhere.take().max(other.deleted_elsewhere);
    }
}

/// Names of which one may have been meant: the first ones by their order.
#[derive(Debug, Clone, Default)]
struct Candidates(BTreeSet<Vec<u8>>);

impl Candidates {
    fn note(&mut self, name: &[u8]) {
        let is_full = self.0.len() >= CANDIDATES;
        let is_behind = || self.0.last().is_some_and(|last| last.as_slice() < name);
        if self.0.contains(name) || is_full && is_behind() {
            return;
        }
        self.0.insert(name.to_vec());
        if is_full {
            self.0.pop_last();
        }
    }

    /// The one that is most like `word`, if it is like enough.
    fn most_similar(&self, word: &[u8]) -> Option<String> {
        let word = std::str::from_utf8(word).ok()?;
        let len = word.chars().count();
        if len > LONGEST {
            return None;
        }
        // One character in three of the last part may differ.
        let last = word
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or(word);
        let signs = last.chars().count();
        if signs < SHORTEST {
            return None;
        }
        let most = signs / 3;
        let texts = self
            .0
            .iter()
            .filter_map(|name| std::str::from_utf8(name).ok());
        let near = texts.filter_map(|name| {
            let longer = name.chars().count().abs_diff(len);
            let may_be_near = name != word && longer <= most;
            let distance = may_be_near.then(|| strsim::osa_distance(name, word))?;
            (distance <= most).then_some((distance, longer, name))
        });
        near.min().map(|(_, _, name)| name.to_owned())
    }
}

/// Nothing is like a shorter word: it would have nothing in common with it.
const SHORTEST: usize = 3;
/// Nothing similar is looked for to a longer word.
const LONGEST: usize = 512;

/// Objects of a kind that are looked for.
#[derive(Debug, Default)]
struct KindTable<'q> {
    of_kind: Vec<usize>,
    names: HashMap<&'q str, Vec<usize>>,
    /// Whether names are wanted of which one may have been meant.
    wants_names: bool,
}

/// What is looked for, in the order in which records are held against it.
struct Tables<'q> {
    /// The namespaces of objects; none: all.
    within: &'q [String],
    keys: HashMap<&'q [u8], Vec<usize>>,
    /// By length.
    prefixes: BTreeMap<usize, HashMap<&'q [u8], usize>>,
    spans: Vec<(KeyFilter, usize)>,
    globs: Vec<(&'q str, usize)>,
    any: Vec<usize>,
    namespaces: HashMap<&'q str, usize>,
    /// By group and kind.
    kinds: HashMap<(String, String), (Resource, KindTable<'q>)>,
    /// By words, in small letters, that only a value may know.
    unknown: HashMap<String, KindTable<'q>>,
    /// Folders whose keys may have been meant.
    folders: HashSet<Vec<u8>>,
    /// How many slashes the prefixes have that may have been meant.
    depths: BTreeSet<usize>,
}

impl<'q> Tables<'q> {
    fn new(items: &'q [LookedFor], within: &'q [String], resources: &Resources) -> Self {
        let mut tables = Self {
            within,
            keys: HashMap::new(),
            prefixes: BTreeMap::new(),
            spans: Vec::new(),
            globs: Vec::new(),
            any: Vec::new(),
            namespaces: HashMap::new(),
            kinds: HashMap::new(),
            unknown: HashMap::new(),
            folders: HashSet::new(),
            depths: BTreeSet::new(),
        };
        for (number, item) in items.iter().enumerate() {
            let has_similar = number < WITH_SIMILAR;
            match item {
                LookedFor::Key(key) => {
                    tables.keys.entry(key).or_default().push(number);
                    if has_similar {
                        tables.folders.insert(folder(key).to_vec());
                    }
                }
                LookedFor::Word(word) => {
                    tables.keys.entry(word.as_bytes()).or_default().push(number);
                    if has_similar {
                        tables.folders.insert(Vec::new());
                    }
                }
                LookedFor::Named { key, .. } => {
                    tables.keys.entry(key).or_default().push(number);
                }
                LookedFor::Prefix(prefix) => {
                    let of_length = tables.prefixes.entry(prefix.len()).or_default();
                    of_length.insert(prefix, number);
                    if has_similar {
                        tables.depths.insert(depth(prefix));
                    }
                }
                LookedFor::Span(start, end) => {
                    let (start, end) = (start.clone(), end.clone());
                    tables.spans.push((KeyFilter::Span { start, end }, number));
                }
                LookedFor::Glob(glob) => tables.globs.push((glob, number)),
                LookedFor::Objects => tables.any.push(number),
                LookedFor::Namespace(name) => {
                    tables.namespaces.insert(name, number);
                }
                LookedFor::Kind(word) => tables.kind(resources, word, |table| {
                    table.of_kind.push(number);
                }),
                LookedFor::Object { word, name } => {
                    tables.kind(resources, word, |table| {
                        table.names.entry(name).or_default().push(number);
                        table.wants_names |= has_similar;
                    });
                    // It may be meant for a key.
                    if has_similar {
                        tables.folders.insert(format!("{word}/").into_bytes());
                    }
                }
            }
        }
        tables
    }

    fn kind(&mut self, resources: &Resources, word: &str, mut add: impl FnMut(&mut KindTable<'q>)) {
        let kinds = match resources.asked(word).map(|asked| asked.kinds) {
            Ok(Resolved::One(kind)) => vec![kind],
            Ok(Resolved::Category(kinds) | Resolved::Ambiguous(kinds)) => kinds,
            Ok(Resolved::Unknown) | Err(_) => {
                add(self.unknown.entry(word.to_lowercase()).or_default());
                return;
            }
        };
        for kind in kinds {
            let key = (kind.group.clone(), kind.kind.clone());
            let new = || (kind.clone(), KindTable::default());
            add(&mut self.kinds.entry(key).or_insert_with(new).1);
        }
    }

    /// What is looked for among the objects of a kind.
    fn of_resource(&self, resource: &Resource) -> Vec<&KindTable<'q>> {
        let known = self.kinds.values();
        let known = known.filter(|(kind, _)| kind.is_stored_as(&resource.group, &resource.kind));
        let words = all_names(resource);
        let unknown = words.iter().filter_map(|word| self.unknown.get(word));
        known.map(|(_, table)| table).chain(unknown).collect()
    }
}

/// What is before the last part of a key.
fn folder(key: &[u8]) -> &[u8] {
    let end = key.iter().rposition(|byte| *byte == b'/');
    key.get(..end.map_or(0, |end| end.saturating_add(1)))
        .unwrap_or_default()
}

/// How many slashes a prefix has before its end.
fn depth(prefix: &[u8]) -> usize {
    let inner = prefix.strip_suffix(b"/").unwrap_or(prefix);
    inner.iter().filter(|byte| **byte == b'/').count()
}

/// The beginning of a key that is as deep, with the slash behind it if there is one.
fn beginning(key: &[u8], depth: usize) -> &[u8] {
    let slashes = key.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    match slashes.map(|(at, _)| at).nth(depth) {
        Some(at) => key.get(..=at).unwrap_or(key),
        None => key,
    }
}

/// What was found of all that is looked for.
#[derive(Debug, Default)]
struct Gathered {
    items: HashMap<usize, Evidence>,
    /// The kinds of which there are objects, by group and kind.
    kinds: HashMap<(String, String), Resource>,
    namespaces: Candidates,
    /// By kind in small letters, as it is called in any way.
    names: HashMap<(String, String), Candidates>,
    /// By folder.
    keys: HashMap<Vec<u8>, Candidates>,
    /// By depth.
    prefixes: BTreeMap<usize, Candidates>,
}

impl Gathered {
    fn of(&self, number: usize) -> &Evidence {
        self.items.get(&number).unwrap_or(&NOTHING)
    }

    fn merge(&mut self, other: Self) {
        for (number, evidence) in other.items {
            self.items.entry(number).or_default().merge(evidence);
        }
        self.kinds.extend(other.kinds);
        let all = |into: &mut Candidates, from: Candidates| {
            from.0.iter().for_each(|name| into.note(name));
        };
        all(&mut self.namespaces, other.namespaces);
        for (kind, names) in other.names {
            all(self.names.entry(kind).or_default(), names);
        }
        for (folder, keys) in other.keys {
            all(self.keys.entry(folder).or_default(), keys);
        }
        for (depth, prefixes) in other.prefixes {
            all(self.prefixes.entry(depth).or_default(), prefixes);
        }
    }

    /// True when there are objects of a kind that goes by a word which no definition knows.
    fn kinds_called(&self, word: &str) -> bool {
        self.kinds.values().any(|kind| is_called(kind, word))
    }

    /// What may have been meant.
    fn similar(&self, item: &LookedFor, is_kind: bool, resources: &Resources) -> Option<String> {
        match item {
            // A kind wants a name.
            LookedFor::Word(word) if resources.resolve(word) != Resolved::Unknown => {
                Some(format!("{word}/NAME"))
            }
            LookedFor::Word(word) => {
                let keys = self.keys.get(&[][..]);
                let key = keys.and_then(|keys| keys.most_similar(word.as_bytes()));
                key.or_else(|| self.similar_kind(word))
            }
            LookedFor::Key(key) => self.keys.get(folder(key))?.most_similar(key),
            LookedFor::Prefix(prefix) => self.prefixes.get(&depth(prefix))?.most_similar(prefix),
            LookedFor::Namespace(name) => self.namespaces.most_similar(name.as_bytes()),
            LookedFor::Kind(word) if !is_kind => self.similar_kind(word),
            LookedFor::Object { word, name } if !is_kind => {
                let of_kind = self.similar_kind(word);
                of_kind.map(|kind| format!("{kind}/{name}")).or_else(|| {
                    let keys = self.keys.get(format!("{word}/").as_bytes())?;
                    keys.most_similar(format!("{word}/{name}").as_bytes())
                })
            }
            LookedFor::Object { word, name } => {
                let mut all = Candidates::default();
                for (key, names) in &self.names {
                    let kind = self.kinds.get(key);
                    if kind.is_some_and(|kind| may_be_called(kind, word)) {
                        names.0.iter().for_each(|name| all.note(name));
                    }
                }
                match all.most_similar(name.as_bytes()) {
                    Some(similar) => Some(format!("{word}/{similar}")),
                    // Kinds are separated by commas.
                    None if resources.resolve(name) != Resolved::Unknown => {
                        Some(format!("{word},{name}"))
                    }
                    None => None,
                }
            }
            LookedFor::Named { .. }
            | LookedFor::Glob(_)
            | LookedFor::Span(..)
            | LookedFor::Objects
            | LookedFor::Kind(_) => None,
        }
    }

    fn similar_kind(&self, word: &str) -> Option<String> {
        let mut words = Candidates::default();
        for kind in self.kinds.values() {
            let names = [&kind.plural, &kind.singular].into_iter();
            for name in names.chain(&kind.short_names) {
                words.note(name.as_bytes());
            }
            words.note(kind.full_name().as_bytes());
        }
        words.most_similar(word.to_lowercase().as_bytes())
    }
}

/// True when a word may stand for a kind: by its name, or by that in front of a group.
fn may_be_called(kind: &Resource, word: &str) -> bool {
    let name = word.split('.').next().unwrap_or(word);
    is_called(kind, name)
        || kind
            .short_names
            .iter()
            .any(|short| short.eq_ignore_ascii_case(name))
        || kind
            .categories
            .iter()
            .any(|category| category.eq_ignore_ascii_case(name))
}

struct EvidenceVisitor<'t> {
    tables: &'t Tables<'t>,
    classifier: Classifier<'t>,
    is_deleted: bool,
}

/// What one thread finds.
#[derive(Default)]
struct EvidenceParts<'t> {
    gathered: Gathered,
    /// What is looked for among the objects of a kind, by group and kind.
    tables: HashMap<(String, String), Vec<&'t KindTable<'t>>>,
}

impl<'t> RecordVisitor for EvidenceVisitor<'t> {
    type Local = EvidenceParts<'t>;

    fn start(&self) -> EvidenceParts<'t> {
        EvidenceParts::default()
    }

    fn record(&self, local: &mut EvidenceParts<'t>, view: &RecordView<'_>) -> Result<()> {
        self.key(&mut local.gathered, view);
        // A key is all that is needed: where it and the value differ, the job itself has looked at the value.
        if let Some(who) = self.classifier.who_by_key(view.record.key) {
            self.object(local, &who, view);
        }
        Ok(())
    }
}

/// Looks at what was put after a revision.
struct LaterVisitor<'t> {
    evidence: EvidenceVisitor<'t>,
    revision: i64,
}

impl<'t> RecordVisitor for LaterVisitor<'t> {
    type Local = EvidenceParts<'t>;

    fn start(&self) -> EvidenceParts<'t> {
        self.evidence.start()
    }

    fn record(&self, local: &mut EvidenceParts<'t>, view: &RecordView<'_>) -> Result<()> {
        match view.is_tombstone || view.revision.main <= self.revision {
            true => Ok(()),
            false => self.evidence.record(local, view),
        }
    }
}

impl<'t> EvidenceVisitor<'t> {
    fn key(&self, found: &mut Gathered, view: &RecordView<'_>) {
        let (tables, key) = (self.tables, view.record.key);
        let mut note = |number: usize| {
            let evidence = found.items.entry(number).or_default();
            evidence.note(view, self.is_deleted);
        };
        let named = tables.keys.get(key).into_iter().flatten();
        named.copied().for_each(&mut note);
        for (len, of_length) in &tables.prefixes {
            let beginning = key
                .get(..*len)
                .and_then(|beginning| of_length.get(beginning));
            beginning.copied().into_iter().for_each(&mut note);
        }
        for (span, number) in &tables.spans {
            if span.matches(key) {
                note(*number);
            }
        }
        for (glob, number) in &tables.globs {
            if fast_glob::glob_match(glob, key) {
                note(*number);
            }
        }
        if self.is_deleted {
            return;
        }
        let folder = folder(key);
        if tables.folders.contains(folder) {
            let keys = found.keys.entry(folder.to_vec()).or_default();
            keys.note(key);
        }
        for depth in &tables.depths {
            let prefixes = found.prefixes.entry(*depth).or_default();
            prefixes.note(beginning(key, *depth));
        }
    }

    fn object(
        &self,
        local: &mut EvidenceParts<'t>,
        who: &ObjectIdentity<'_>,
        view: &RecordView<'_>,
    ) {
        let (tables, is_deleted) = (self.tables, self.is_deleted);
        let (resource, namespace) = (&*who.resource, who.namespace.as_str());
        let found = &mut local.gathered;
        let kind = (resource.group.clone(), resource.kind.clone());
        let is_anywhere = tables.within.is_empty();
        let is_meant = is_anywhere || tables.within.iter().any(|wanted| who.is_in(wanted));
        let is_namespace = resource.kind == "Namespace" && resource.group.is_empty();
        if !is_deleted && !found.kinds.contains_key(&kind) {
            found.kinds.insert(kind.clone(), resource.clone());
        }
        if !tables.namespaces.is_empty() {
            let name = if is_namespace { &who.name } else { namespace };
            if !is_deleted && !name.is_empty() {
                found.namespaces.note(name.as_bytes());
            }
            if let Some(number) = tables.namespaces.get(name) {
                let evidence = found.items.entry(*number).or_default();
                evidence.note(view, is_deleted);
            }
        }
        // Nobody asked for the objects of the cluster.
        if is_anywhere || tables.within.iter().any(|wanted| wanted == namespace) {
            for number in &tables.any {
                let evidence = found.items.entry(*number).or_default();
                evidence.note(view, is_deleted);
            }
        }
        let of_kind = local
            .tables
            .entry(kind.clone())
            .or_insert_with(|| tables.of_resource(resource));
        for table in of_kind {
            let named = table.names.get(who.name.as_str());
            for number in table.of_kind.iter().chain(named.into_iter().flatten()) {
                let evidence = found.items.entry(*number).or_default();
                if is_meant {
                    evidence.note(view, is_deleted);
                } else if is_deleted {
                    note_deletion(&mut evidence.deleted_elsewhere, view);
                } else {
                    evidence.note_elsewhere(namespace);
                }
            }
            if table.wants_names && is_meant && !is_deleted {
                let names = found.names.entry(kind.clone()).or_default();
                names.note(who.name.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(names: &[&str]) -> Candidates {
        let mut all = Candidates::default();
        names.iter().for_each(|name| all.note(name.as_bytes()));
        all
    }

    #[test]
    fn a_word_is_like_another_one_if_at_most_a_third_of_it_differs() {
        let all = candidates(&["pods", "podtemplates", "nodes", "po"]);
        let similar = |word: &str| all.most_similar(word.as_bytes());
        assert_eq!(similar("podz").as_deref(), Some("pods"));
        assert_eq!(similar("opds").as_deref(), Some("pods"));
        assert_eq!(similar("podtempltes").as_deref(), Some("podtemplates"));
        assert_eq!(similar("widgets"), None);
        assert_eq!(similar("pods"), None, "itself");
        assert_eq!(similar(""), None);
        assert_eq!(similar("pp"), None);
        let keys = candidates(&["/registry/pods/", "/registry/minions/"]);
        let similar = |word: &str| keys.most_similar(word.as_bytes());
        assert_eq!(
            similar("/registry/podz/").as_deref(),
            Some("/registry/pods/")
        );
        assert_eq!(similar("/registry/nodes/"), None, "it is not like pods");
        assert_eq!(all.most_similar(b"\xff\xfe"), None);
    }

    #[test]
    fn only_so_many_names_are_kept_and_these_are_the_same_in_any_order() {
        let names: Vec<String> = (0..3 * CANDIDATES).map(|n| format!("{n:06}")).collect();
        let (mut up, mut down) = (Candidates::default(), Candidates::default());
        names.iter().for_each(|name| up.note(name.as_bytes()));
        names
            .iter()
            .rev()
            .for_each(|name| down.note(name.as_bytes()));
        assert_eq!(up.0, down.0);
        assert_eq!(up.0.len(), CANDIDATES);
        assert_eq!(up.0.last().map(Vec::as_slice), Some(&b"001999"[..]));
    }

    #[test]
    fn beginnings_of_keys_are_as_deep_as_the_prefix() {
        for (prefix, key, expected) in [
            (
                "/registry/podz/",
                "/registry/pods/shop/web",
                "/registry/pods/",
            ),
            (
                "/registry/podz",
                "/registry/pods/shop/web",
                "/registry/pods/",
            ),
            ("/app", "/registry/pods", "/registry/"),
            ("app", "apq/x", "apq/"),
            ("app", "apq", "apq"),
            ("", "/a", "/"),
        ] {
            let depth = depth(prefix.as_bytes());
            let beginning = beginning(key.as_bytes(), depth);
            assert_eq!(beginning, expected.as_bytes(), "{prefix} {key}");
        }
    }
}
