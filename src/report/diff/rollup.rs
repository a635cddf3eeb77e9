//! What one change brought about is shown beneath it: pods beneath their deployment, all of a namespace
//! beneath its deletion.

use std::collections::{BTreeMap, HashMap};

use crate::ops::diff::{Item, KeyChange};

/// A change of an owner's owner's owner is still found.
const MAX_STEPS: usize = 8;

/// An item with a line of its own.
#[derive(Debug)]
pub struct RollupRow<'i> {
    /// The item.
    pub item: &'i Item,
    /// How many items are beneath it, by kind and change.
    beneath: BTreeMap<&'i str, BTreeMap<&'static str, u64>>,
}

impl<'i> RollupRow<'i> {
    /// An item with nothing beneath it.
    pub fn flat(item: &'i Item) -> Self {
        Self {
            item,
            beneath: BTreeMap::new(),
        }
    }

    /// What is beneath it, in words; empty when nothing is.
    pub fn beneath(&self) -> String {
        let kinds = self.beneath.iter().map(|(kind, changes)| {
            let changes: Vec<String> = changes
                .iter()
                .map(|(change, count)| format!("{count} {change}"))
                .collect();
            let kind = if kind.is_empty() { "other keys" } else { kind };
            format!("{kind} {}", changes.join(", "))
        });
        kinds.collect::<Vec<_>>().join("; ")
    }
}

/// Puts items beneath those that brought them about; the order stays.
pub fn roll_up<'i>(items: &[&'i Item]) -> Vec<RollupRow<'i>> {
    let mut by_uid: HashMap<&str, usize> = HashMap::new();
    let mut gone: HashMap<&str, usize> = HashMap::new();
    for (number, item) in items.iter().enumerate() {
        if let Some(uid) = &item.uid {
            by_uid.insert(uid, number);
        }
        if let (KeyChange::Removed, "Namespace", "v1", Some(name)) = (
            item.change,
            item.kind.as_str(),
            item.api_version.as_str(),
            &item.name,
        ) {
            gone.insert(name, number);
        }
    }
    let above = |item: &Item| -> Option<usize> {
        let namespace = item.namespace.as_deref();
        let gone = namespace.and_then(|name| gone.get(name));
        match (gone, item.change) {
            (Some(number), KeyChange::Removed) => Some(*number),
            _ => by_uid.get(item.owner.as_deref()?).copied(),
        }
    };
    let root = |start: usize| -> Option<usize> {
        let mut at = start;
        for _ in 0..MAX_STEPS {
            match items.get(at).and_then(|item| above(item)) {
                Some(next) => at = next,
                None => return (at != start).then_some(at),
            }
        }
        // Owners that own each other, which only a hostile file has.
        None
    };
    let roots: Vec<Option<usize>> = (0..items.len()).map(root).collect();
    let mut rows: BTreeMap<usize, RollupRow<'i>> = BTreeMap::new();
    for (number, item) in items.iter().enumerate() {
        if roots.get(number).is_none_or(Option::is_none) {
            rows.insert(number, RollupRow::flat(item));
        }
    }
    for (item, root) in items.iter().zip(&roots) {
        if let Some(row) = root.and_then(|root| rows.get_mut(&root)) {
            let changes = row.beneath.entry(&item.kind).or_default();
            let count = changes.entry(item.change.as_str()).or_default();
            *count = count.saturating_add(1);
        }
    }
    rows.into_values().collect()
}
