//! Which kinds of objects are wanted, in the words of a person.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Diff, Item};
use crate::kubernetes::catalog::resources::{Resolved, Resource, Resources};
use crate::ops::objects::wanted::WantedKinds;
use crate::ops::objects::{KindError, ObjectsQuery};

/// Kinds by any of their names, custom ones of either file included.
#[derive(Debug)]
pub struct KindFilter<'d> {
    resources: &'d Resources,
    query: ObjectsQuery,
    /// What was found out about kinds, by group and version, and kind.
    known: HashMap<(String, String), bool>,
}

impl<'i> Diff<'i> {
    /// Understands words for kinds; none stand for all kinds.
    ///
    /// # Errors
    /// A word that may be several kinds.
    pub fn kinds(&self, words: &[String]) -> Result<KindFilter<'_>, KindError> {
        let query = ObjectsQuery {
            kinds: words.to_vec(),
            ..ObjectsQuery::default()
        };
        let resources = &self.surroundings.resources;
        // Built once here for its faults, which no object can change.
        WantedKinds::of(&query, resources)?;
        Ok(KindFilter {
            resources,
            query,
            known: HashMap::new(),
        })
    }
}

impl Diff<'_> {
    /// True for a word that kinds are called by.
    pub fn is_kind(&self, word: &str) -> bool {
        self.surroundings.resources.resolve(word) != Resolved::Unknown
    }
}

impl KindFilter<'_> {
    /// True when objects of the kind are wanted. What is not an object is wanted when every kind is.
    pub fn takes(&mut self, api_version: &str, kind: &str) -> bool {
        if self.query.kinds.is_empty() || kind.is_empty() {
            return self.query.kinds.is_empty();
        }
        let key = (api_version.to_string(), kind.to_string());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let is_wanted = self.find_out(api_version, kind);
        self.known.insert(key, is_wanted);
        is_wanted
    }

    /// True when an object is in a namespace; also, as with kubectl, when it is of the cluster and its kind is asked
    /// for by name.
    pub fn is_in(&self, wanted: &str, item: &Item) -> bool {
        let namespace = item.namespace.as_deref().unwrap_or_default();
        if namespace == wanted {
            return true;
        }
        if self.query.kinds.is_empty() || item.kind.is_empty() {
            return false;
        }
        match self.resources.of_kind(&item.api_version, &item.kind) {
            Some(resource) => !resource.namespaced,
            None => namespace.is_empty(),
        }
    }

    /// What the kind of an object is called: `secrets`; empty for what is not an object.
    pub fn resource_name(&self, item: &Item) -> String {
        match item.kind.as_str() {
            "" => String::new(),
            kind => self
                .resources
                .of_kind_or_guess(&item.api_version, kind)
                .full_name(),
        }
    }

    fn find_out(&self, api_version: &str, kind: &str) -> bool {
        let resource = self.resources.of_kind_or_guess(api_version, kind);
        WantedKinds::of(&self.query, self.resources).is_ok_and(|wanted| wanted.takes(&resource))
    }

    /// The words of which nothing that was taken is called so.
    pub fn words_without_objects(&self) -> Vec<String> {
        let taken = self.known.iter().filter(|(_, is_wanted)| **is_wanted);
        let taken: Vec<Cow<'_, Resource>> = taken
            .map(|((api_version, kind), _)| self.resources.of_kind_or_guess(api_version, kind))
            .collect();
        let is_taken = |word: &String| {
            let query = ObjectsQuery {
                kinds: vec![word.clone()],
                ..ObjectsQuery::default()
            };
            WantedKinds::of(&query, self.resources)
                .is_ok_and(|wanted| taken.iter().any(|resource| wanted.takes(resource)))
        };
        let words = self.query.kinds.iter();
        words.filter(|word| !is_taken(word)).cloned().collect()
    }
}
