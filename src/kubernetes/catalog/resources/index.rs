//! Where kinds are in the list of all kinds, by their names: looking through the list for every object would make
//! the work grow with the number of objects times that of definitions.

use std::collections::{BTreeSet, HashMap};

use super::Resource;
use crate::steps;

/// The places of kinds in a list; of several with the same names the first one counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// By group and plural. A definition may repeat a built-in kind.
    plurals: HashMap<String, HashMap<String, Vec<usize>>>,
    /// By group and kind.
    kinds: HashMap<String, HashMap<String, BTreeSet<usize>>>,
    /// By kind, whatever the group is.
    kinds_alone: HashMap<String, BTreeSet<usize>>,
    /// By the path in keys.
    paths: HashMap<String, Vec<usize>>,
}

impl Index {
    /// Takes in a kind that is added at the end of the list.
    pub(super) fn add(&mut self, resource: &Resource, at: usize) {
        let Resource { group, plural, .. } = resource;
        let plurals = self.plurals.entry(group.clone()).or_default();
        plurals.entry(plural.clone()).or_default().push(at);
        self.paths
            .entry(resource.path.clone())
            .or_default()
            .push(at);
        self.add_kind(resource, at);
    }

    /// Takes in a kind that replaces `old`, which has the same group and plural.
    pub(super) fn replace(&mut self, old: &Resource, new: &Resource, at: usize) {
        let of_group = self.kinds.get_mut(&old.group);
        for places in [
            of_group.and_then(|kinds| kinds.get_mut(&old.kind)),
            self.kinds_alone.get_mut(&old.kind),
        ] {
            places.map(|places| places.remove(&at));
        }
        self.add_kind(new, at);
    }

    fn add_kind(&mut self, resource: &Resource, at: usize) {
        let Resource { group, kind, .. } = resource;
        let kinds = self.kinds.entry(group.clone()).or_default();
        kinds.entry(kind.clone()).or_default().insert(at);
        let alone = self.kinds_alone.entry(kind.clone());
        alone.or_default().insert(at);
    }

    /// All kinds with this group and plural, in their order.
    pub(super) fn of_plural(&self, group: &str, plural: &str) -> &[usize] {
        let found = self.plurals.get(group).and_then(|all| all.get(plural));
        let found = found.map_or(&[][..], Vec::as_slice);
        steps::count(found.len().saturating_add(1));
        found
    }

    pub(super) fn of_kind(&self, group: &str, kind: &str) -> Option<usize> {
        steps::count(1);
        self.kinds.get(group)?.get(kind)?.first().copied()
    }

    pub(super) fn of_kind_alone(&self, kind: &str) -> Option<usize> {
        steps::count(1);
        self.kinds_alone.get(kind)?.first().copied()
    }

    /// All kinds with this path, in their order.
    pub(super) fn of_path(&self, path: &str) -> &[usize] {
        let found = self.paths.get(path).map_or(&[][..], Vec::as_slice);
        steps::count(found.len().saturating_add(1));
        found
    }
}
