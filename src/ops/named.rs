//! Finding what a person names: a key, or an object by kind and name.

use std::collections::BTreeMap;
use std::fmt;

use super::keyspace::Session;
use super::lens::Lens;
use super::times::{TimeLine, Times};
use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordFacts, RecordPlace, RecordView, RecordVisitor};
use crate::etcd::{LeaseId, Revision};
use crate::finding::escape;
use crate::kubernetes::Head;
use crate::kubernetes::resources::{Resolved, Resource, Resources};

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
    fn kind_and_name(&self) -> Option<(&str, &str)> {
        if self.is_key {
            return None;
        }
        let (kind, name) = std::str::from_utf8(&self.text).ok()?.split_once('/')?;
        (!kind.is_empty() && !name.is_empty() && !name.contains('/')).then_some((kind, name))
    }
}

/// A record of a key that was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its revision.
    pub revision: Revision,
    /// True for a deletion.
    pub is_tombstone: bool,
    /// As etcd names it.
    pub create_revision: i64,
    /// As etcd names it.
    pub version: i64,
    /// 0 = none.
    pub lease: LeaseId,
    /// Bytes of the value.
    pub value_size: u64,
    /// Where it is.
    pub place: RecordPlace,
}

impl Moment {
    pub(super) fn of(view: &RecordView<'_>) -> Self {
        Self {
            revision: view.revision,
            is_tombstone: view.is_tombstone,
            create_revision: view.record.create_revision,
            version: view.record.version,
            lease: view.record.lease,
            value_size: view.record.value_len,
            place: view.place,
        }
    }

    /// The same without the key.
    pub fn of_facts(facts: &RecordFacts<'_>) -> Self {
        Self {
            revision: facts.revision,
            is_tombstone: facts.is_tombstone,
            create_revision: facts.create_revision,
            version: facts.version,
            lease: facts.lease,
            value_size: facts.value_size,
            place: facts.place,
        }
    }

    /// The same with the key.
    pub fn facts<'k>(&self, key: &'k [u8]) -> RecordFacts<'k> {
        RecordFacts {
            key,
            revision: self.revision,
            is_tombstone: self.is_tombstone,
            create_revision: self.create_revision,
            version: self.version,
            lease: self.lease,
            value_size: self.value_size,
            place: self.place,
        }
    }
}

/// All that the file retains of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStory {
    /// The key.
    pub key: Vec<u8>,
    /// Its records, by revision.
    pub moments: Vec<Moment>,
}

impl KeyStory {
    /// The newest record at a revision.
    pub fn at(&self, revision: i64) -> Option<&Moment> {
        let end = self
            .moments
            .partition_point(|moment| moment.revision.main <= revision);
        self.moments.get(..end)?.last()
    }
}

/// What a name led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// One key.
    Key(KeyStory),
    /// Several keys; the name does not tell which.
    Several(Vec<KeyStory>),
    /// The word before the slash is no kind that is known, and no such key was ever seen.
    UnknownKind(String),
    /// Nothing was ever seen under this name.
    Nothing,
}

/// Who an object is, from its value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Identity {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Identity {
    fn of(head: &Head<'_>) -> Option<Self> {
        Some(Self {
            api_version: head.api_version.as_deref()?.to_string(),
            kind: head.kind.as_deref()?.to_string(),
            namespace: head.namespace.as_deref().unwrap_or_default().to_string(),
            name: head.name.as_deref().unwrap_or_default().to_string(),
        })
    }
}

struct Finder<'n> {
    names: &'n [Name],
    lens: &'n Lens,
}

#[derive(Default)]
struct FinderParts {
    keys: BTreeMap<Vec<u8>, (Vec<Moment>, Option<Identity>)>,
    definitions: BTreeMap<Vec<u8>, RecordPlace>,
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
        let is_wanted = self.names.iter().any(|name| {
            key == name.text.as_slice()
                || name.kind_and_name().is_some_and(|(_, name)| {
                    key.strip_suffix(name.as_bytes())
                        .is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
                })
        });
        if !is_wanted {
            return Ok(());
        }
        let (moments, identity) = local.keys.entry(key.to_vec()).or_default();
        moments.push(Moment::of(view));
        if !view.is_tombstone
            && identity.is_none()
            && let Ok(plain) = self.lens.plain(key, view.record.value)
        {
            *identity = Identity::of(&Head::of(&plain));
        }
        Ok(())
    }
}

/// Where custom resources are defined, whatever the prefix.
pub(super) fn is_definition(key: &[u8]) -> bool {
    key.rsplit(|b| *b == b'/').nth(1) == Some(b"customresourcedefinitions")
}

pub(super) fn note_newest(
    newest: &mut BTreeMap<Vec<u8>, RecordPlace>,
    key: &[u8],
    place: RecordPlace,
) {
    match newest.get_mut(key) {
        Some(known) => *known = (*known).max(place),
        None => {
            newest.insert(key.to_vec(), place);
        }
    }
}

/// The kinds that are built in and those that the file defines.
///
/// # Errors
/// Reading, cancelling.
pub(super) fn resources<'i>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    definitions: impl IntoIterator<Item = RecordPlace>,
) -> Result<Resources> {
    let mut resources = Resources::builtin();
    let places: Vec<RecordPlace> = definitions.into_iter().collect();
    // They are among the largest objects there are.
    for few in places.chunks(4) {
        let definitions = session.map(keyspace, few, |view| {
            Ok(crate::kubernetes::decode(&view.value()?).ok())
        })?;
        for definition in definitions.into_iter().flatten().flatten() {
            resources.add_custom(&definition.json);
        }
    }
    Ok(resources)
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
    lens: &Lens,
    with_times: bool,
) -> Result<Lookup<'i>> {
    let line = TimeLine {
        is_wanted: with_times,
    };
    let (keyspace, parts) = session.scan(&(Finder { names, lens }, line))?;
    let (parts, times): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut all = FinderParts::default();
    for part in parts {
        for (key, (moments, identity)) in part.keys {
            let (known, who) = all.keys.entry(key).or_default();
            known.extend(moments);
            if who.is_none() {
                *who = identity;
            }
        }
        for (key, place) in part.definitions {
            note_newest(&mut all.definitions, &key, place);
        }
    }
    for (moments, _) in all.keys.values_mut() {
        moments.sort_by_key(|moment| (moment.revision, moment.place));
    }
    let resources = resources(session, &keyspace, all.definitions.into_values())?;
    let story = |key: &[u8]| {
        all.keys.get(key).map(|(moments, _)| KeyStory {
            key: key.to_vec(),
            moments: moments.clone(),
        })
    };
    let found = names.iter().map(|name| {
        if let Some(story) = story(&name.text) {
            return Named::Key(story);
        }
        let Some((word, object)) = name.kind_and_name() else {
            return Named::Nothing;
        };
        let kinds = match resources.resolve(word) {
            // It may be a kind of an API server of its own, which only the values know.
            Resolved::Unknown => Vec::new(),
            Resolved::One(kind) => vec![kind],
            Resolved::Category(kinds) | Resolved::Ambiguous(kinds) => kinds,
        };
        let is_it = |key: &[u8], identity: Option<&Identity>| {
            let guess;
            let who = match identity {
                Some(identity) if !identity.name.is_empty() => identity,
                // Deleted and compacted, or encrypted: only the key tells.
                _ => match guess_identity(&resources, key) {
                    Some(found) => {
                        guess = found;
                        &guess
                    }
                    None => return false,
                },
            };
            who.name == object
                && name
                    .namespace
                    .as_ref()
                    .is_none_or(|namespace| who.namespace == *namespace)
                && is_kind(&resources, &kinds, word, who)
        };
        let mut keys: Vec<&Vec<u8>> = all
            .keys
            .iter()
            .filter(|(key, (_, identity))| is_it(key, identity.as_ref()))
            .map(|(key, _)| key)
            .collect();
        match keys.len() {
            0 if kinds.is_empty() => Named::UnknownKind(word.to_string()),
            0 => Named::Nothing,
            1 => keys
                .pop()
                .and_then(|key| story(key))
                .map_or(Named::Nothing, Named::Key),
            _ => Named::Several(keys.into_iter().filter_map(|key| story(key)).collect()),
        }
    });
    Ok(Lookup {
        found: found.collect(),
        keyspace,
        resources: resources.clone(),
        times: TimeLine::join(times),
    })
}

/// True when an object is of one of `kinds`, or, where the word is no known kind, of one that is called so.
fn is_kind(resources: &Resources, kinds: &[&Resource], word: &str, who: &Identity) -> bool {
    let its = resources.of_kind_or_guess(&who.api_version, &who.kind);
    if kinds.is_empty() {
        return [&its.kind, &its.plural, &its.singular]
            .into_iter()
            .any(|name| name.eq_ignore_ascii_case(word))
            || its.full_name().eq_ignore_ascii_case(word);
    }
    kinds
        .iter()
        .any(|kind| kind.kind == its.kind && kind.group == its.group)
}

/// Who an object is, from its key alone.
fn guess_identity(resources: &Resources, key: &[u8]) -> Option<Identity> {
    let parts = resources.of_key(std::str::from_utf8(key).ok()?)?;
    let resource = resources.of_plural(&parts.group, &parts.resource)?;
    let api_version = match resource.group.as_str() {
        "" => "v1".to_string(),
        group => format!("{group}/"),
    };
    Some(Identity {
        api_version,
        kind: resource.kind.clone(),
        namespace: parts.namespace.unwrap_or_default(),
        name: parts.name,
    })
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
