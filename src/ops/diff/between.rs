//! Which keys are meant by what their objects were at any time between the two states.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::{Detail, Diff, DiffQuery, Item, KeyChange, compare};
use crate::bolt::CursorError;
use crate::error::Result;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::{Changes, NextChange, RecordPlace};
use crate::kubernetes::query::selected::Selected;
use crate::ops::objects::reader::ValueReader;
use crate::ops::session::Session;

impl<'i> Diff<'i> {
    /// The keys of which `wants` takes what they were before, what they are after, or what was put in
    /// between, so far as the new file tells it without damage. `new` is the session of the new file; of
    /// one file, the same.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn keys_between(
        &self,
        old: &Session<'i>,
        new: &Session<'i>,
        reader: &ValueReader,
        query: &DiffQuery,
        mut wants: impl FnMut(&Item) -> bool,
    ) -> Result<BTreeSet<Vec<u8>>> {
        let mut keys = BTreeSet::new();
        let query = DiffQuery {
            detail: Detail::Names,
            ..query.clone()
        };
        self.each(old, new, reader, reader, &query, |item| {
            if wants(&item) {
                keys.insert(item.key);
            }
            ControlFlow::Continue(())
        })?;
        let from = self.comparison.old.revision.saturating_add(1);
        let start = Changes::start(&new.database, from, false);
        let Some(mut changes) = CursorError::unless_damaged(start)? else {
            return Ok(keys);
        };
        // Damage ends the walk; `log`, which walks the same way, tells of it.
        while let Some(next) = CursorError::unless_damaged(changes.next_change())? {
            new.options.cancel.check()?;
            let change = match next {
                NextChange::End => break,
                NextChange::Damaged(_) => continue,
                NextChange::Change(change) => change,
            };
            if change.revision.main > self.comparison.new.revision {
                break;
            }
            let record = &change.record;
            if change.is_tombstone || keys.contains(record.key) || !query.matches(record.key) {
                continue;
            }
            let facts = RecordFacts {
                revision: change.revision,
                is_tombstone: false,
                create_revision: record.create_revision,
                version: record.version,
                lease: record.lease,
                value_size: record.value_len,
                // It is not read again.
                place: RecordPlace {
                    rank: 0,
                    element: 0,
                },
            };
            let state =
                compare::State::of(reader, &self.surroundings, record.key, record.value, facts);
            let mut item = Item::of_key(record.key, KeyChange::Added);
            compare::name(&mut item, &state, &self.surroundings.resources);
            let (has_labels, why) = compare::has_labels([&None, &Some(state)], &query);
            item.undecided = why.filter(|_| has_labels == Selected::Unknown);
            if has_labels != Selected::No && wants(&item) {
                keys.insert(item.key);
            }
        }
        Ok(keys)
    }
}
