//! Which kinds and names are wanted.

use std::collections::{BTreeSet, HashMap};

use crate::error::Error;
use crate::kubernetes::catalog::resources::{NotServed, Resolved, Resource, Resources};
use crate::kubernetes::query::field_selector::FieldSelector;
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::kubernetes::query::selectable::selectable_fields;

/// Which objects are wanted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ObjectsQuery {
    /// Kinds, as people call them; none: every kind.
    pub kinds: Vec<String>,
    /// Only these: kind and name.
    pub pairs: Vec<(String, String)>,
    /// Only in these namespaces; none: in all.
    pub namespaces: Vec<String>,
    /// Only what is kept under these keys; `None`: under any.
    pub keys: Option<BTreeSet<Vec<u8>>>,
    /// Only with these labels.
    pub labels: Option<LabelSelector>,
    /// Only with these fields.
    pub fields: Option<FieldSelector>,
    /// At this revision; 0 = the newest.
    pub revision: i64,
    /// Those that were deleted, as they were last, instead of those that are there.
    pub is_deleted: bool,
}

/// Why a word that names kinds does not name them in a way that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindError {
    /// Several kinds have this name; their full names.
    Ambiguous(String, Vec<String>),
    /// An API server does not serve the kind in the version that the word names.
    NotServed(NotServed),
    /// The objects of a kind cannot be selected by a field.
    Field {
        /// The full name of the kind; nothing where every kind is asked for.
        kind: Option<String>,
        /// The field.
        field: String,
        /// The fields by which they can be selected.
        known: Vec<String>,
    },
}

impl std::fmt::Display for KindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ambiguous(word, names) => {
                write!(f, "{word:?} is ambiguous: {}", names.join(", "))
            }
            Self::NotServed(error) => error.fmt(f),
            Self::Field { kind, field, known } => {
                match kind {
                    Some(kind) => write!(f, "{kind} cannot be selected by the field {field:?}")?,
                    None => write!(f, "no kind can be selected by the field {field:?}")?,
                }
                write!(f, "; an API server knows {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for KindError {}

impl From<KindError> for Error {
    fn from(error: KindError) -> Self {
        Self::Query(Box::new(error))
    }
}

/// Kinds that are wanted; with names, only the objects of these names.
pub(in crate::ops) struct WantedKinds<'q> {
    known: Vec<WantedKind<'q>>,
    /// Words that only a value may know, in small letters.
    pub(in crate::ops) words: HashMap<String, WantedNames<'q>>,
}

struct WantedKind<'q> {
    resource: Resource,
    names: WantedNames<'q>,
    /// For each word that asks for it, the group and version that it asks for, if it does, and the word.
    versions: Vec<Option<(String, &'q str)>>,
    /// The place of the first word that asks for it.
    position: usize,
}

/// The names that are wanted of a kind.
#[derive(Default)]
pub(in crate::ops) struct WantedNames<'q> {
    are_all: bool,
    /// With the place of each among what is asked for.
    some: HashMap<&'q str, usize>,
}

impl<'q> WantedNames<'q> {
    fn add(&mut self, name: Option<&'q str>, position: usize) {
        match name {
            Some(name) => {
                self.some.entry(name).or_insert(position);
            }
            None => self.are_all = true,
        }
    }

    fn take(&self, name: &str) -> bool {
        self.are_all || self.some.contains_key(name)
    }
}

/// In which order objects are asked for.
#[derive(Debug, Default)]
pub(super) struct AskedOrder<'q> {
    /// Of each kind that was found, its place among them.
    kinds: Vec<usize>,
    /// The places of names that are asked for, by the number of the kind.
    names: HashMap<(usize, &'q str), usize>,
}

impl AskedOrder<'_> {
    /// The place of an object, of which the kind is known by its number.
    pub(super) fn of(&self, kind: usize, name: &str) -> (usize, usize) {
        let of_name = match self.names.is_empty() {
            true => 0,
            // One that only calls itself so is found under another name as well.
            false => *self.names.get(&(kind, name)).unwrap_or(&usize::MAX),
        };
        (of_name, self.kinds.get(kind).copied().unwrap_or(usize::MAX))
    }
}

impl<'q> WantedKinds<'q> {
    pub(in crate::ops) fn of(
        query: &'q ObjectsQuery,
        resources: &Resources,
    ) -> Result<Self, KindError> {
        let mut wanted = Self {
            known: Vec::new(),
            words: HashMap::new(),
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
        let is_everything = both.is_empty();
        // Of each word, the places of its kinds among those that are wanted.
        let mut known: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, (word, name)) in both.into_iter().enumerate() {
            if let Some(places) = known.get(word.as_str()) {
                for place in places {
                    if let Some(kind) = wanted.known.get_mut(*place) {
                        kind.names.add(name, position);
                    }
                }
                continue;
            }
            if let Some(names) = wanted.words.get_mut(&word.to_lowercase()) {
                names.add(name, position);
                continue;
            }
            let asked = resources.asked(word).map_err(KindError::NotServed)?;
            let kinds = match asked.kinds {
                Resolved::Unknown => {
                    let names = wanted.words.entry(word.to_lowercase()).or_default();
                    names.add(name, position);
                    continue;
                }
                Resolved::One(kind) => vec![kind],
                Resolved::Category(kinds) => kinds,
                Resolved::Ambiguous(kinds) => {
                    let names = kinds.iter().map(|kind| kind.full_name()).collect();
                    return Err(KindError::Ambiguous(word.clone(), names));
                }
            };
            let mut places = Vec::new();
            for kind in kinds {
                let fields = selectable_fields(kind, asked.version.as_deref());
                check_fields(query, &kind.full_name(), &fields)?;
                let version = asked.version.as_deref().or(
                    // Its objects are stored in another group.
                    (kind.group == "events.k8s.io").then_some("v1"),
                );
                let version = version.map(|version| (kind.api_version(version), word.as_str()));
                let place = wanted.place(kind, position);
                if let Some(kind) = wanted.known.get_mut(place) {
                    kind.names.add(name, position);
                    kind.versions.push(version);
                }
                places.push(place);
            }
            known.insert(word, places);
        }
        if is_everything {
            check_fields_of_any(query, resources)?;
        }
        Ok(wanted)
    }

    /// Where a kind is among those that are wanted; it is put there if it is not.
    fn place(&mut self, kind: &Resource, position: usize) -> usize {
        let is_it = |one: &WantedKind<'_>| {
            one.resource.group == kind.group && one.resource.kind == kind.kind
        };
        if let Some(place) = self.known.iter().position(is_it) {
            return place;
        }
        self.known.push(WantedKind {
            resource: kind.clone(),
            names: WantedNames::default(),
            versions: Vec::new(),
            position,
        });
        self.known.len().saturating_sub(1)
    }

    /// True when objects of the kind are wanted, whatever their names.
    pub(in crate::ops) fn takes(&self, resource: &Resource) -> bool {
        self.takes_everything() || self.names(resource).next().is_some()
    }

    /// True when this object is wanted.
    pub(super) fn takes_one(&self, resource: &Resource, name: &str) -> bool {
        self.takes_everything() || self.names(resource).any(|names| names.take(name))
    }

    /// True when more kinds than one are wanted.
    pub(super) fn are_several(&self) -> bool {
        let known = self.known.iter();
        let known: BTreeSet<String> = known.map(|one| one.resource.full_name()).collect();
        self.takes_everything() || known.len().saturating_add(self.words.len()) > 1
    }

    pub(in crate::ops) fn takes_everything(&self) -> bool {
        self.known.is_empty() && self.words.is_empty()
    }

    /// What the words that ask for a kind say of its version: group and version, and the word; none for words that
    /// name no version.
    pub(super) fn asked_versions(&self, resource: &Resource) -> Vec<Option<(&str, &'q str)>> {
        let known = self.known.iter();
        let asked = known.filter(|one| one.resource.is_stored_as(&resource.group, &resource.kind));
        let versions = asked.flat_map(|one| &one.versions).map(Option::as_ref);
        versions
            .map(|version| version.map(|(asked, word)| (asked.as_str(), *word)))
            .collect()
    }

    /// In which order objects of these kinds are asked for. The kinds of a category come as an API server tells of
    /// them: those of the core, of the other groups that it brings along, custom ones. Where everything is asked
    /// for, they come by their names.
    pub(super) fn order(&self, kinds: &[&Resource]) -> AskedOrder<'q> {
        let rank = |kind: &Resource| {
            let named = (kind.plural.clone(), kind.group.clone());
            if self.takes_everything() {
                return (0, false, false, String::new(), named);
            }
            let known = self.known.iter();
            let known = known.filter(|one| one.resource.is_stored_as(&kind.group, &kind.kind));
            let position = known.map(|one| one.position).min();
            let is_custom = kind.custom.is_some();
            let position = position.unwrap_or(usize::MAX);
            // An API server tells of this group first, of the others of a category by their names.
            let is_later = kind.group != "apiregistration.k8s.io";
            (position, is_custom, is_later, kind.group.clone(), named)
        };
        let mut ranks: Vec<_> = kinds.iter().map(|kind| rank(kind)).collect();
        let of_kinds = ranks.clone();
        ranks.sort_unstable();
        let mut order = AskedOrder {
            kinds: of_kinds
                .iter()
                .map(|rank| ranks.partition_point(|other| other < rank))
                .collect(),
            names: HashMap::new(),
        };
        for (number, kind) in kinds.iter().enumerate() {
            for names in self.names(kind) {
                for (name, position) in &names.some {
                    let place = order.names.entry((number, *name)).or_insert(*position);
                    *place = (*place).min(*position);
                }
            }
        }
        order
    }

    fn names<'w>(
        &'w self,
        resource: &'w Resource,
    ) -> impl Iterator<Item = &'w WantedNames<'q>> + use<'w, 'q> {
        let known = self
            .known
            .iter()
            .filter(|one| one.resource.is_stored_as(&resource.group, &resource.kind))
            .map(|one| &one.names);
        let words = (!self.words.is_empty()).then(|| all_names(resource));
        let words = words.into_iter().flatten();
        known.chain(words.filter_map(|word| self.words.get(&word)))
    }
}

/// What a kind is called that no definition tells of, each name once, in small letters.
pub(in crate::ops) fn all_names(resource: &Resource) -> BTreeSet<String> {
    let names = [&resource.kind, &resource.plural, &resource.singular];
    let names = names.into_iter().map(|name| name.to_lowercase());
    names.chain([resource.full_name().to_lowercase()]).collect()
}

/// As for an API server, a field that it does not know is not one that is empty.
pub(super) fn check_fields(
    query: &ObjectsQuery,
    kind: &str,
    known: &[String],
) -> Result<(), KindError> {
    let mut fields = query.fields.iter().flat_map(FieldSelector::fields);
    match fields.find(|field| !known.iter().any(|known| known == field)) {
        Some(field) => Err(KindError::Field {
            kind: Some(kind.to_owned()),
            field: field.to_owned(),
            known: known.to_vec(),
        }),
        None => Ok(()),
    }
}

/// Where every kind is asked for, some kind must know each field.
fn check_fields_of_any(query: &ObjectsQuery, resources: &Resources) -> Result<(), KindError> {
    let Some(fields) = query.fields.as_ref().filter(|fields| !fields.is_empty()) else {
        return Ok(());
    };
    let all = resources.all().iter();
    let known: BTreeSet<String> = all.flat_map(|kind| selectable_fields(kind, None)).collect();
    match fields.fields().find(|field| !known.contains(*field)) {
        Some(field) => Err(KindError::Field {
            kind: None,
            field: field.to_owned(),
            known: known.into_iter().collect(),
        }),
        None => Ok(()),
    }
}

/// True when a kind that no definition tells of goes by `word`.
pub(in crate::ops) fn is_called(resource: &Resource, word: &str) -> bool {
    [&resource.kind, &resource.plural, &resource.singular]
        .into_iter()
        .any(|name| name.eq_ignore_ascii_case(word))
        || resource.full_name().eq_ignore_ascii_case(word)
}
