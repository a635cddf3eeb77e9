//! Finding what a person names: a key, or an object by kind and name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use memchr::memmem;

use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordFacts, RecordPlace, RecordView, RecordVisitor};
use crate::finding::escape;
use crate::kubernetes::Head;
use crate::kubernetes::catalog::resources::{NotServed, Resolved, Resource, Resources};
use crate::ops::objects::definitions::{is_definition, note_newest, resources};
use crate::ops::objects::reader::ValueReader;
use crate::ops::objects::stored::{Classifier, LayoutVisitor, ObjectIdentity, StoredValue};
use crate::ops::objects::wanted::is_called;
use crate::ops::session::Session;
use crate::ops::times::{TimeLine, Times};

/// What was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As it was written; keys are any bytes.
    pub text: Vec<u8>,
    /// Only in this namespace, when it is read as kind and name.
    pub namespace: Option<String>,
    /// Read it as a key and nothing else.
    pub is_key: bool,
}

impl Name {
    /// Kind and name, if it can be read so.
    pub fn kind_and_name(&self) -> Option<(&str, &str)> {
        if self.is_key {
            return None;
        }
        let (kind, name) = std::str::from_utf8(&self.text).ok()?.split_once('/')?;
        (!kind.is_empty() && !name.is_empty() && !name.contains('/')).then_some((kind, name))
    }

    /// The kind, where nothing stands behind its slash; nothing at all is such a name, too.
    pub fn kind_without_name(&self) -> Option<&str> {
        if self.is_key {
            return None;
        }
        match std::str::from_utf8(&self.text).ok()? {
            "" => Some(""),
            text => text.strip_suffix('/').filter(|kind| !kind.contains('/')),
        }
    }
}

/// All that the file retains of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStory {
    /// The key.
    pub key: Vec<u8>,
    /// Its records, by revision.
    pub records: Vec<RecordFacts>,
}

impl KeyStory {
    /// True when there is a value of a revision before this one.
    pub fn has_value_before(&self, revision: i64) -> bool {
        let mut records = self.records.iter();
        records.any(|facts| !facts.is_tombstone && facts.revision.main < revision)
    }

    /// The newest record at a revision.
    pub fn at(&self, revision: i64) -> Option<&RecordFacts> {
        let end = self
            .records
            .partition_point(|facts| facts.revision.main <= revision);
        self.records.get(..end)?.last()
    }
}

/// What a name led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// One key.
    Key(KeyStory),
    /// Several keys; the name does not tell which.
    Several(Vec<KeyStory>),
    /// The word before the slash is not a kind that is known, and no such key was ever seen.
    UnknownKind(String),
    /// An API server does not serve the kind in the version that the word names.
    NotServed(NotServed),
    /// A kind and no name behind its slash, and no such key was ever seen; the kind is empty where the text is.
    EmptyName(String),
    /// Nothing was ever seen under this name.
    Nothing,
}

/// Finds the records of the keys that may be meant.
struct Finder<'n> {
    keys: HashSet<&'n [u8]>,
    /// The names of objects.
    objects: HashSet<&'n str>,
    /// The same, to find them in values; none where there are so many that it takes less to look who a value is.
    in_values: Option<Vec<memmem::Finder<'n>>>,
    reader: &'n ValueReader,
}

/// At most this many names are searched for in values.
const SEARCHED: usize = 16;

/// Keys of which only a value has a name, with such names.
type Aliases = BTreeMap<Vec<u8>, BTreeSet<String>>;

#[derive(Default)]
struct FinderParts {
    keys: BTreeMap<Vec<u8>, Vec<RecordFacts>>,
    /// Keys of which only a value has the name, with the names.
    aliases: Aliases,
    definitions: BTreeMap<Vec<u8>, RecordPlace>,
}

impl<'n> Finder<'n> {
    fn new(names: &'n [Name], reader: &'n ValueReader) -> Self {
        let objects = names.iter().filter_map(Name::kind_and_name);
        let objects: HashSet<&str> = objects.map(|(_, name)| name).collect();
        let in_values = (objects.len() <= SEARCHED).then(|| {
            objects
                .iter()
                .map(|name| memmem::Finder::new(*name))
                .collect()
        });
        Self {
            keys: names.iter().map(|name| name.text.as_slice()).collect(),
            objects,
            in_values,
            reader,
        }
    }

    /// True when the key is one of the names, or ends with that of an object.
    fn is_wanted(&self, key: &[u8]) -> bool {
        self.keys.contains(key) || last_part(key).is_some_and(|name| self.objects.contains(name))
    }

    /// What the value calls itself, if it is one of the names of objects.
    fn calls_itself(&self, key: &[u8], value: &[u8]) -> Option<String> {
        if self.objects.is_empty() {
            return None;
        }
        let plain = self.reader.plain(key, value).ok()?;
        // Few values have the name in them, and nothing else is worth a look.
        let is_in_it = |finder: &memmem::Finder<'_>| finder.find(&plain).is_some();
        let may_be_in_it = |names: &Vec<_>| names.iter().any(is_in_it);
        if !self.in_values.as_ref().is_none_or(may_be_in_it) {
            return None;
        }
        let name = Head::of(&plain).name?;
        self.objects.contains(&*name).then(|| name.into_owned())
    }
}

impl RecordVisitor for Finder<'_> {
    type Local = FinderParts;

    fn start(&self) -> FinderParts {
        FinderParts::default()
    }

    fn record(&self, local: &mut FinderParts, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        if is_definition(key) && !view.is_tombstone {
            note_newest(&mut local.definitions, key, view.place);
        }
        if self.is_wanted(key) {
            let records = local.keys.entry(key.to_vec()).or_default();
            records.push(RecordFacts::of(view));
        } else if !view.is_tombstone
            && let Some(name) = self.calls_itself(key, view.record.value)
        {
            let names = local.aliases.entry(key.to_vec()).or_default();
            names.insert(name);
        }
        Ok(())
    }
}

/// What is behind the last slash of a key.
fn last_part(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.rsplit(|byte| *byte == b'/').next()?).ok()
}

/// Finds the records of some keys.
struct Stories<'k>(&'k Aliases);

impl RecordVisitor for Stories<'_> {
    type Local = BTreeMap<Vec<u8>, Vec<RecordFacts>>;

    fn start(&self) -> Self::Local {
        BTreeMap::new()
    }

    fn record(&self, local: &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        if self.0.contains_key(key) {
            let records = local.entry(key.to_vec()).or_default();
            records.push(RecordFacts::of(view));
        }
        Ok(())
    }
}

/// An object that is looked for by its name.
struct Sought<'n> {
    name: &'n Name,
    word: &'n str,
    object: &'n str,
    /// Empty where the word is not a kind that is known: it may be one of an API server of its own, which only the
    /// values know.
    kinds: Vec<&'n Resource>,
}

/// How an object has the name that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// By its key, or by both.
    Key,
    /// It only calls itself so, and its key says otherwise.
    Value,
}

impl Sought<'_> {
    fn is(&self, who: &ObjectIdentity<'_>) -> bool {
        let is_kind = if self.kinds.is_empty() {
            is_called(&who.resource, self.word)
        } else {
            self.kinds
                .iter()
                .any(|kind| kind.is_stored_as(&who.resource.group, &who.resource.kind))
        };
        let namespace = self.name.namespace.as_ref();
        is_kind && who.name == self.object && namespace.is_none_or(|namespace| who.is_in(namespace))
    }

    /// Whether the object under a key is the one, judged by the newest value there is.
    fn is_under(
        &self,
        classifier: &Classifier<'_>,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Option<By> {
        let by_key = || classifier.who_by_key(key).filter(|who| self.is(who));
        let who = match value.map(|value| classifier.classify(key, value)) {
            Some(StoredValue::Object(who, Some(_))) => {
                return match by_key() {
                    Some(_) => Some(By::Key),
                    None => self.is(&who).then_some(By::Value),
                };
            }
            Some(
                StoredValue::Object(who, None)
                | StoredValue::Locked(Some(who))
                | StoredValue::Damaged(Some(who), _),
            ) => who,
            // Deleted and compacted, or nothing that tells: only the key is left.
            _ => return by_key().map(|_| By::Key),
        };
        self.is(&who).then_some(By::Key)
    }
}

/// Names that were looked up.
#[derive(Debug)]
pub struct Lookup<'i> {
    /// What each name led to, in their order.
    pub found: Vec<Named>,
    /// For reading values.
    pub keyspace: Keyspace<'i>,
    /// The kinds of the file.
    pub resources: Resources,
    /// The times of all records, if they were wanted.
    pub times: Times,
}

/// Looks up `names`, in one scan; with the times of all records if `with_times`.
///
/// # Errors
/// Reading, cancelling.
pub fn look_up<'i>(
    session: &mut Session<'i>,
    names: &[Name],
    reader: &ValueReader,
    with_times: bool,
) -> Result<Lookup<'i>> {
    let line = TimeLine {
        is_wanted: with_times,
    };
    let visitor = (Finder::new(names, reader), (LayoutVisitor::new(), line));
    let (keyspace, parts) = session.scan(&visitor)?;
    let mut all = FinderParts::default();
    let (mut layouts, mut times) = (Vec::new(), Vec::new());
    for (part, (layout, time)) in parts {
        for (key, records) in part.keys {
            all.keys.entry(key).or_default().extend(records);
        }
        for (key, names) in part.aliases {
            all.aliases.entry(key).or_default().extend(names);
        }
        for (key, place) in part.definitions {
            note_newest(&mut all.definitions, &key, place);
        }
        layouts.push(layout);
        times.push(time);
    }
    if !all.aliases.is_empty() {
        let (_, parts) = session.scan_again(&Stories(&all.aliases))?;
        for (key, records) in parts.into_iter().flatten() {
            all.keys.entry(key).or_default().extend(records);
        }
    }
    for records in all.keys.values_mut() {
        records.sort_by_key(|facts| (facts.revision, facts.place));
    }
    let resources = resources(session, &keyspace, all.definitions.into_values())?;
    let classifier = Classifier {
        reader,
        resources: &resources,
        layout: &LayoutVisitor::join(layouts),
    };
    let mut by_name: HashMap<&str, Vec<&Vec<u8>>> = HashMap::new();
    for key in all.keys.keys() {
        let names = all.aliases.get(key).into_iter().flatten();
        for name in names.map(String::as_str).chain(last_part(key)) {
            by_name.entry(name).or_default().push(key);
        }
    }
    let candidates = Candidates {
        session,
        keyspace: &keyspace,
        classifier: &classifier,
        keys: &all.keys,
        by_name,
    };
    let found = names.iter().map(|name| candidates.find(name));
    let found = found.collect::<Result<Vec<Named>>>()?;
    Ok(Lookup {
        found,
        keyspace,
        resources: resources.clone(),
        times: TimeLine::join(times),
    })
}

/// The keys among which names are looked for.
struct Candidates<'c, 'i> {
    session: &'c Session<'i>,
    keyspace: &'c Keyspace<'i>,
    classifier: &'c Classifier<'c>,
    keys: &'c BTreeMap<Vec<u8>, Vec<RecordFacts>>,
    /// By their last part, and by what their values call themselves.
    by_name: HashMap<&'c str, Vec<&'c Vec<u8>>>,
}

impl Candidates<'_, '_> {
    fn find(&self, name: &Name) -> Result<Named> {
        if let Some(records) = self.keys.get(&name.text) {
            return Ok(Named::Key(KeyStory {
                key: name.text.clone(),
                records: records.clone(),
            }));
        }
        let Some((word, object)) = name.kind_and_name() else {
            let resources = &self.classifier.resources;
            let is_kind =
                |word: &&str| word.is_empty() || resources.resolve(word) != Resolved::Unknown;
            return Ok(match name.kind_without_name().filter(is_kind) {
                Some(word) => Named::EmptyName(word.to_owned()),
                None => Named::Nothing,
            });
        };
        let asked = match self.classifier.resources.asked(word) {
            Ok(asked) => asked,
            Err(error) => return Ok(Named::NotServed(error)),
        };
        let sought = Sought {
            name,
            word,
            object,
            kinds: match asked.kinds {
                Resolved::Unknown => Vec::new(),
                Resolved::One(kind) => vec![kind],
                Resolved::Category(kinds) | Resolved::Ambiguous(kinds) => kinds,
            },
        };
        let mut matches = self.matches(&sought)?;
        // As for an API server, the key goes before what an object calls itself.
        let lives = |(by, story): &(By, KeyStory)| {
            *by == By::Key && story.records.last().is_some_and(|last| !last.is_tombstone)
        };
        if matches.iter().any(lives) {
            matches.retain(|(by, _)| *by == By::Key);
        }
        let mut stories: Vec<KeyStory> = matches.into_iter().map(|(_, story)| story).collect();
        Ok(match stories.len() {
            0 if sought.kinds.is_empty() => Named::UnknownKind(word.to_string()),
            0 | 1 => stories.pop().map_or(Named::Nothing, Named::Key),
            _ => Named::Several(stories),
        })
    }

    fn matches(&self, sought: &Sought<'_>) -> Result<Vec<(By, KeyStory)>> {
        let newest_put = |records: &[RecordFacts]| {
            let mut puts = records.iter().rev().filter(|facts| !facts.is_tombstone);
            puts.next().map(|facts| facts.place)
        };
        let of_name = self.by_name.get(sought.object).into_iter().flatten();
        let keys: Vec<(&Vec<u8>, &Vec<RecordFacts>)> = of_name
            .filter_map(|key| Some((*key, self.keys.get(*key)?)))
            .collect();
        let places: Vec<RecordPlace> = keys
            .iter()
            .filter_map(|(_, records)| newest_put(records))
            .collect();
        let judged = self.session.map(self.keyspace, &places, |view| {
            let value = view.value()?;
            Ok(sought.is_under(self.classifier, view.record.key, Some(&value)))
        })?;
        let mut judged = judged.into_iter();
        let mut found = Vec::new();
        for (key, records) in keys {
            let by = match newest_put(records) {
                Some(_) => judged.next().flatten().flatten(),
                None => sought.is_under(self.classifier, key, None),
            };
            if let Some(by) = by {
                let (key, records) = (key.clone(), records.clone());
                found.push((by, KeyStory { key, records }));
            }
        }
        Ok(found)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape::text(&self.text))?;
        match &self.namespace {
            Some(namespace) if !self.is_key => write!(f, " in namespace {namespace}"),
            _ => Ok(()),
        }
    }
}
