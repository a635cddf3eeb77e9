//! The first few live keys, from one scan and little memory.

use std::collections::BTreeMap;

use super::filter::KeyFilter;
use super::record_visitor::{RecordPlace, RecordView, RecordVisitor};
use crate::error::Result;

/// So many candidates are kept for each wanted key, since some turn out to be deleted.
const CANDIDATES_PER_KEY: usize = 4;
/// And so many more.
const MORE_CANDIDATES: usize = 1024;
/// Beyond so many wanted keys, gathering all is better.
const MOST: usize = 10_000;

/// The visitor that finds the first live keys of a filter, in ascending or descending order.
///
/// A thread keeps the newest record of each of the first keys it sees, deleted ones too. A key that falls
/// out can never come back, because the ones before it stay; so what is left is complete.
#[derive(Debug, Clone)]
pub struct FirstKeys {
    filter: KeyFilter,
    revision: i64,
    descending: bool,
    limit: usize,
    candidates: usize,
}

/// What one thread gathers.
#[derive(Debug, Default)]
pub struct FirstKeyParts {
    newest: BTreeMap<Vec<u8>, (RecordPlace, bool)>,
    /// True when a key fell out.
    is_cut: bool,
}

impl FirstKeys {
    /// A visitor for the first `limit` keys; `None` when there are too many of them to do it this way.
    pub fn new(filter: KeyFilter, revision: i64, descending: bool, limit: usize) -> Option<Self> {
        let candidates = limit
            .saturating_mul(CANDIDATES_PER_KEY)
            .saturating_add(MORE_CANDIDATES);
        (limit <= MOST).then_some(Self {
            filter,
            revision,
            descending,
            limit,
            candidates,
        })
    }

    /// The places of the first live keys, ascending; `None` when too many of the candidates were deleted
    /// to say.
    pub fn select(&self, parts: Vec<FirstKeyParts>) -> Option<Vec<RecordPlace>> {
        let mut all = FirstKeyParts::default();
        for part in parts {
            all.is_cut |= part.is_cut;
            for (key, newest) in part.newest {
                self.note(&mut all, &key, newest);
            }
        }
        let live = all.newest.into_values().filter(|(_, deleted)| !deleted);
        let mut places: Vec<RecordPlace> = live.map(|(place, _)| place).collect();
        if all.is_cut && places.len() < self.limit {
            return None;
        }
        if self.descending {
            places.reverse();
        }
        places.truncate(self.limit);
        places.sort_unstable();
        Some(places)
    }

    fn note(&self, parts: &mut FirstKeyParts, key: &[u8], newest: (RecordPlace, bool)) {
        if let Some(known) = parts.newest.get_mut(key) {
            if newest.0 > known.0 {
                *known = newest;
            }
            return;
        }
        if parts.newest.len() >= self.candidates {
            let last = if self.descending {
                parts.newest.first_key_value()
            } else {
                parts.newest.last_key_value()
            };
            parts.is_cut = true;
            let comes_later = last.is_some_and(|(last, _)| {
                if self.descending {
                    key < last.as_slice()
                } else {
                    key > last.as_slice()
                }
            });
            if comes_later {
                return;
            }
            if self.descending {
                parts.newest.pop_first();
            } else {
                parts.newest.pop_last();
            }
        }
        parts.newest.insert(key.to_vec(), newest);
    }
}

impl RecordVisitor for FirstKeys {
    type Local = FirstKeyParts;

    fn start(&self) -> FirstKeyParts {
        FirstKeyParts::default()
    }

    fn record(&self, local: &mut FirstKeyParts, view: &RecordView<'_>) -> Result<()> {
        let is_wanted = (self.revision <= 0 || view.revision.main <= self.revision)
            && self.filter.matches(view.record.key);
        if is_wanted {
            self.note(local, view.record.key, (view.place, view.is_tombstone));
        }
        Ok(())
    }
}
