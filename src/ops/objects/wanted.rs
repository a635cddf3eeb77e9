//! Which kinds and names are wanted.

use crate::kubernetes::catalog::resources::{Resolved, Resource, Resources};
use crate::kubernetes::query::field_selector::FieldSelector;
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

/// A word that is not a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindFault {
    /// No kind has this name.
    Unknown(String),
    /// Several kinds have this name; their full names.
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

/// Kinds that are wanted; with a name, only the object of that name.
pub(in crate::ops) struct WantedKinds<'q> {
    /// By group and kind.
    known: Vec<(String, String, Option<&'q str>)>,
    /// Words that only a value may know.
    pub(in crate::ops) words: Vec<(&'q str, Option<&'q str>)>,
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

    pub(super) fn takes_everything(&self) -> bool {
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
pub(in crate::ops) fn is_called(resource: &Resource, word: &str) -> bool {
    [&resource.kind, &resource.plural, &resource.singular]
        .into_iter()
        .any(|name| name.eq_ignore_ascii_case(word))
        || resource.full_name().eq_ignore_ascii_case(word)
}
