//! Which kinds and names are wanted.

use std::collections::BTreeSet;

use crate::kubernetes::catalog::resources::{NotServed, Resolved, Resource, Resources};
use crate::kubernetes::query::field_selector::FieldSelector;
use crate::kubernetes::query::selectable::{NAME, NAMESPACE, selectable_fields};
use crate::kubernetes::query::selector::LabelSelector;

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

/// Why a word does not name kinds, or not in a way that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindFault {
    /// No kind has this name.
    Unknown(String),
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
            Self::NotServed(fault) => fault.fmt(f),
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

/// Kinds that are wanted; with a name, only the object of that name.
pub(in crate::ops) struct WantedKinds<'q> {
    known: Vec<WantedKind<'q>>,
    /// Words that only a value may know.
    pub(in crate::ops) words: Vec<(&'q str, Option<&'q str>)>,
}

struct WantedKind<'q> {
    resource: Resource,
    name: Option<&'q str>,
    /// The group and version that the word asks for, where it asks for one, and the word.
    version: Option<(String, &'q str)>,
}

impl<'q> WantedKinds<'q> {
    pub(in crate::ops) fn of(
        query: &'q ObjectsQuery,
        resources: &Resources,
    ) -> Result<Self, KindFault> {
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
        let is_everything = both.is_empty();
        for (word, name) in both {
            let asked = resources.asked(word).map_err(KindFault::NotServed)?;
            let kinds = match asked.kinds {
                Resolved::Unknown => {
                    wanted.words.push((word, name));
                    check_fields(query, word, &[NAME, NAMESPACE].map(str::to_owned))?;
                    continue;
                }
                Resolved::One(kind) => vec![kind],
                Resolved::Category(kinds) => kinds,
                Resolved::Ambiguous(kinds) => {
                    let names = kinds.iter().map(|kind| kind.full_name()).collect();
                    return Err(KindFault::Ambiguous(word.clone(), names));
                }
            };
            for kind in kinds {
                let fields = selectable_fields(kind, asked.version.as_deref());
                check_fields(query, &kind.full_name(), &fields)?;
                let version = asked.version.as_deref().or(
                    // Its objects are stored in another group.
                    (kind.group == "events.k8s.io").then_some("v1"),
                );
                wanted.known.push(WantedKind {
                    version: version.map(|version| (kind.api_version(version), word.as_str())),
                    resource: kind.clone(),
                    name,
                });
            }
        }
        if is_everything {
            check_fields_of_any(query, resources)?;
        }
        Ok(wanted)
    }

    /// True when objects of the kind are wanted, whatever their names.
    pub(in crate::ops) fn takes(&self, resource: &Resource) -> bool {
        self.takes_everything() || self.names(resource).next().is_some()
    }

    /// True when this object is wanted.
    pub(super) fn takes_one(&self, resource: &Resource, name: &str) -> bool {
        self.takes_everything()
            || self
                .names(resource)
                .any(|wanted| wanted.is_none_or(|wanted| wanted == name))
    }

    /// True when more kinds than one are wanted.
    pub(super) fn are_several(&self) -> bool {
        let known = self.known.iter();
        let known: BTreeSet<String> = known.map(|one| one.resource.full_name()).collect();
        let words: BTreeSet<&str> = self.words.iter().map(|(word, _)| *word).collect();
        self.takes_everything() || known.len().saturating_add(words.len()) > 1
    }

    pub(in crate::ops) fn takes_everything(&self) -> bool {
        self.known.is_empty() && self.words.is_empty()
    }

    /// What the words that ask for a kind say of its version: group and version, and the word; none for words that
    /// name no version.
    pub(super) fn asked_versions(&self, resource: &Resource) -> Vec<Option<(&str, &'q str)>> {
        let known = self.known.iter();
        let asked = known.filter(|one| one.resource.is_stored_as(&resource.group, &resource.kind));
        let versions = asked.map(|one| one.version.as_ref());
        versions
            .map(|version| version.map(|(asked, word)| (asked.as_str(), *word)))
            .collect()
    }

    fn names(&self, resource: &Resource) -> impl Iterator<Item = Option<&'q str>> {
        let known = self
            .known
            .iter()
            .filter(|one| one.resource.is_stored_as(&resource.group, &resource.kind))
            .map(|one| one.name);
        let words = self
            .words
            .iter()
            .filter(|(word, _)| is_called(resource, word))
            .map(|(_, name)| *name);
        known.chain(words)
    }
}

/// As for an API server, a field that it does not know is not one that is empty.
fn check_fields(query: &ObjectsQuery, kind: &str, known: &[String]) -> Result<(), KindFault> {
    let mut fields = query.fields.iter().flat_map(FieldSelector::fields);
    match fields.find(|field| !known.iter().any(|known| known == field)) {
        Some(field) => Err(KindFault::Field {
            kind: Some(kind.to_owned()),
            field: field.to_owned(),
            known: known.to_vec(),
        }),
        None => Ok(()),
    }
}

/// Where every kind is asked for, some kind must know each field.
fn check_fields_of_any(query: &ObjectsQuery, resources: &Resources) -> Result<(), KindFault> {
    let Some(fields) = query.fields.as_ref().filter(|fields| !fields.is_empty()) else {
        return Ok(());
    };
    let all = resources.all().iter();
    let known: BTreeSet<String> = all.flat_map(|kind| selectable_fields(kind, None)).collect();
    match fields.fields().find(|field| !known.contains(*field)) {
        Some(field) => Err(KindFault::Field {
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
