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
    /// What made it change is not among the items: it is told in a line.
    pub is_folded: bool,
}

impl<'i> RollupRow<'i> {
    /// An item with nothing beneath it.
    pub fn flat(item: &'i Item) -> Self {
        Self {
            item,
            beneath: BTreeMap::new(),
            is_folded: false,
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
    let addresses = Addresses::of(items, &by_uid);
    let above = |number: usize| -> Option<usize> {
        let item = items.get(number)?;
        let namespace = item.namespace.as_deref();
        let gone = namespace.and_then(|name| gone.get(name));
        match (gone, item.change) {
            (Some(number), KeyChange::Removed) => Some(*number),
            _ => {
                let owner = item.owner.as_deref().and_then(|uid| by_uid.get(uid));
                owner.copied().or_else(|| addresses.above(number, item))
            }
        }
    };
    let root = |start: usize| -> Option<usize> {
        let mut at = start;
        for _ in 0..MAX_STEPS {
            match above(at) {
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
            let mut row = RollupRow::flat(item);
            row.is_folded = item.service.is_some();
            rows.insert(number, row);
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

/// What controllers keep of the addresses of Services is put beneath the Service; if that has not changed, beneath a pod
/// by which it changed; else beneath the first of its kind.
#[derive(Default)]
struct Addresses<'i> {
    above: HashMap<(&'i str, &'i str), usize>,
}

impl<'i> Addresses<'i> {
    fn of(items: &[&'i Item], by_uid: &HashMap<&str, usize>) -> Self {
        let mut all = Self::default();
        // Whether it is a pod of its own, and its place.
        let mut pods: HashMap<(&str, &str), (bool, usize)> = HashMap::new();
        for (number, item) in items.iter().enumerate() {
            let Some(part) = &item.service else { continue };
            let service = (part.namespace.as_str(), part.name.as_str());
            all.above.entry(service).or_insert(number);
            for uid in &part.pods {
                let Some(place) = by_uid.get(uid.as_str()) else {
                    continue;
                };
                let owner = items.get(*place).and_then(|pod| pod.owner.as_deref());
                let is_alone = !owner.is_some_and(|owner| by_uid.contains_key(owner));
                let found = (is_alone, *place);
                let known = pods.entry(service).or_insert(found);
                *known = found.min(*known);
            }
        }
        for (service, (_, place)) in pods {
            all.above.insert(service, place);
        }
        for (number, item) in items.iter().enumerate() {
            if let ("Service", "v1", Some(namespace), Some(name)) = (
                item.kind.as_str(),
                item.api_version.as_str(),
                &item.namespace,
                &item.name,
            ) && let Some(above) = all.above.get_mut(&(namespace.as_str(), name.as_str()))
            {
                *above = number;
            }
        }
        all
    }

    fn above(&self, number: usize, item: &Item) -> Option<usize> {
        let part = item.service.as_ref()?;
        let service = (part.namespace.as_str(), part.name.as_str());
        let above = self.above.get(&service).copied();
        above.filter(|above| *above != number)
    }
}
