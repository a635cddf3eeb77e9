//! What changed between two files, or between two revisions of one.

mod answer;
mod apply;
mod between;
mod buckets;
mod compare;
mod identity;
mod kinds;
mod known;
mod manifests;
mod query;
mod relation;
mod service;
mod sides;
#[cfg(test)]
mod tests;

pub use answer::{Comparison, Deletion, DivergentRecord, Item, KeyChange, SideFigures};
pub use apply::State;
pub use buckets::{BucketChange, BucketChangeKind, BucketDivergence};
pub use identity::Identity;
pub use kinds::KindFilter;
pub use manifests::{Content, Direction, StepFile, Task, Todo};
pub use query::{Detail, DiffQuery};
pub use relation::{CommonMembers, Doubt, Relation, Ties};
pub use service::ServicePart;
pub use sides::{DivergenceKind, Uncompared};

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use super::objects::reader::ValueReader;
use super::session::Session;
use super::session::{BATCH, BATCH_BYTES};
use super::times::Times;
use crate::bolt::CursorError;
use crate::error::Result;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::{Keyspace, RecordPlace};
use crate::etcd::schema::Compaction;
use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::compare::noise::{NoiseProfile, noise_of_key};
use crate::kubernetes::query::selected::Selected;
use buckets::compare_buckets;
use known::{KnownKinds, NEVER};
use sides::{Candidate, DeletionRecord, Gather, Joined, Side, first_hole, join};

/// Two states whose keys were joined; gives out how they differ.
pub struct Diff<'i> {
    /// What the states have to do with each other.
    pub comparison: Comparison,
    old: Keyspace<'i>,
    /// `None`: both states are of one file.
    new: Option<Keyspace<'i>>,
    rows: Vec<Pair>,
    surroundings: KnownKinds,
    /// When the records of the new state's file were, if that is wanted.
    times: Times,
}

/// A value as it is stored; `None` when it could not be read.
type Stored = Option<(Vec<u8>, RecordFacts)>;

/// One key that differs, before its values are looked at.
struct Pair {
    key: Vec<u8>,
    old: Option<RecordFacts>,
    new: Option<RecordFacts>,
    deletion: Option<DeletionRecord>,
}

/// Splits changes into what is looked at together.
fn batches<'r, 'p>(rows: &'r [&'p Pair]) -> impl Iterator<Item = &'r [&'p Pair]> {
    let size = |pair: &Pair| {
        let records = [pair.old, pair.new].into_iter().flatten();
        records.fold(0u64, |sum, facts| sum.saturating_add(facts.value_size))
    };
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0u64;
        let fits = |pair: &&&Pair| {
            bytes = bytes.saturating_add(size(pair));
            bytes <= BATCH_BYTES
        };
        let count = rest.iter().take(BATCH).take_while(fits).count();
        let (batch, behind) = rest.split_at_checked(count.max(1))?;
        rest = behind;
        Some(batch)
    })
}

/// Compares two files at their newest revisions.
///
/// # Errors
/// Reading, cancelling.
pub fn diff_files<'i>(
    old: &mut Session<'i>,
    new: &mut Session<'i>,
    query: &DiffQuery,
) -> Result<Diff<'i>> {
    let gather = Gather::new(old.options.memory_limit);
    let left = Side::scan(old, &gather, 0, NEVER, query)?;
    let right = Side::scan(new, &gather, 0, NEVER, query)?;
    let joined = join(&left, Some(&right), 0, &new.workers)?;
    let buckets = compare_buckets(&old.database, &new.database)?;
    let identities = [old.input, new.input].map(identity::identity);
    let ties = Ties::of(&left, &right, &buckets, identities);
    let (before, after) = (left.bounds, right.bounds);
    let shared_revision = before.current.min(after.current);
    let is_comparable = shared_revision >= before.compacted.max(after.compacted)
        && before.compacted == after.compacted
        && !left.is_damaged
        && !right.is_damaged;
    let hashes = match query.hashes && is_comparable {
        true => [old.hash_at(shared_revision)?, new.hash_at(shared_revision)?],
        false => [None, None],
    };
    let hashes = match hashes {
        [Some(old), Some(new)] => Some([old, new]),
        _ => None,
    };
    let relation = Relation::judge(&left, &right, &joined, &ties, &buckets.changes, hashes);
    let first_hole = first_hole(&right, before.current, after.current);
    let comparison = Comparison {
        old: figures(&left, left.revision, joined.old_keys),
        new: figures(&right, right.revision, joined.new_keys),
        relation,
        common_records: joined.common,
        divergences: Vec::new(),
        divergence_count: joined.divergence_count,
        shared_revision,
        uncompared: [joined.old_only, joined.new_only],
        hashes,
        ties,
        is_history_complete: relation == Relation::SameHistory
            && first_hole.is_none()
            && after.compacted <= before.current
            && after.current >= before.current,
        first_hole,
        buckets: buckets.changes,
    };
    let mut surroundings = KnownKinds::default();
    surroundings.add(old, &left.keyspace, &left.noted, &left.layout)?;
    surroundings.add(new, &right.keyspace, &right.noted, &right.layout)?;
    let mut diff = Diff {
        comparison,
        old: left.keyspace,
        new: Some(right.keyspace),
        rows: Vec::new(),
        surroundings,
        times: right.times,
    };
    diff.name_divergences(old, new, &joined)?;
    diff.rows = diff.pairs(old, new, &joined.candidates, query)?;
    Ok(diff)
}

/// Compares two revisions of one file; `from` 0 stands for the compaction point, `to` 0 for the newest.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn diff_revisions<'i>(
    session: &mut Session<'i>,
    from: i64,
    to: i64,
    query: &DiffQuery,
) -> Result<Diff<'i>> {
    let gather = Gather::new(session.options.memory_limit);
    let compaction = CursorError::unless_damaged(Compaction::read(&session.database))?;
    let from = match (from, compaction) {
        (..=0, Some(compaction)) => compaction.compacted().max(1),
        (from, _) => from,
    };
    let side = Side::scan(
        session,
        &gather,
        to,
        if from > 0 { from } else { NEVER },
        query,
    )?;
    let from = match from {
        ..=0 => side.bounds.compacted.max(1),
        from => side.bounds.resolve(from)?,
    };
    let joined = join(&side, None, from, &session.workers)?;
    let first_hole = first_hole(&side, from, side.revision);
    let comparison = Comparison {
        old: SideFigures {
            not_before: side.from_not_before,
            ..figures(&side, from, joined.old_keys)
        },
        new: figures(&side, side.revision, joined.new_keys),
        relation: Relation::OneFile,
        common_records: 0,
        divergences: Vec::new(),
        divergence_count: 0,
        shared_revision: from.min(side.revision),
        uncompared: [Uncompared::default(); 2],
        hashes: None,
        ties: Ties::default(),
        is_history_complete: from <= side.revision && first_hole.is_none() && !side.is_damaged,
        first_hole,
        buckets: Vec::new(),
    };
    let mut surroundings = KnownKinds::default();
    surroundings.add(session, &side.keyspace, &side.noted, &side.layout)?;
    let mut diff = Diff {
        comparison,
        old: side.keyspace,
        new: None,
        rows: Vec::new(),
        surroundings,
        times: side.times,
    };
    diff.rows = diff.pairs(session, session, &joined.candidates, query)?;
    Ok(diff)
}

fn figures(side: &Side<'_>, revision: i64, keys: u64) -> SideFigures {
    SideFigures {
        bounds: side.bounds,
        revision,
        keys,
        is_damaged: side.is_damaged,
        not_before: side.not_before,
    }
}

impl<'i> Diff<'i> {
    fn new_keyspace(&self) -> &Keyspace<'i> {
        self.new.as_ref().unwrap_or(&self.old)
    }

    fn name_divergences(
        &mut self,
        old: &Session<'i>,
        new: &Session<'i>,
        joined: &Joined,
    ) -> Result<()> {
        let places = |pick: fn(&sides::Divergence) -> Option<RecordPlace>| -> Vec<RecordPlace> {
            joined.divergences.iter().filter_map(pick).collect()
        };
        let old_keys = old.map(&self.old, &places(|d| d.old), |view| {
            Ok(view.record.key.to_vec())
        })?;
        let new_keys = new.map(self.new_keyspace(), &places(|d| d.new), |view| {
            Ok(view.record.key.to_vec())
        })?;
        let (mut old_keys, mut new_keys) = (old_keys.into_iter(), new_keys.into_iter());
        self.comparison.divergences = joined
            .divergences
            .iter()
            .map(|d| DivergentRecord {
                revision: d.revision,
                kind: d.kind,
                old_key: d.old.and_then(|_| old_keys.next().flatten()),
                new_key: d.new.and_then(|_| new_keys.next().flatten()),
            })
            .collect();
        Ok(())
    }

    /// The keys and figures of what differs, in key order.
    fn pairs(
        &self,
        old: &Session<'i>,
        new: &Session<'i>,
        candidates: &[Candidate],
        query: &DiffQuery,
    ) -> Result<Vec<Pair>> {
        let look = |view: &crate::etcd::keyspace::RecordView<'_>| {
            Ok((view.record.key.to_vec(), RecordFacts::of(view)))
        };
        let before: Vec<RecordPlace> = candidates.iter().filter_map(|c| c.old).collect();
        let after: Vec<RecordPlace> = candidates.iter().filter_map(|c| c.new).collect();
        let mut before = old.map(&self.old, &before, look)?.into_iter();
        let mut after = new.map(self.new_keyspace(), &after, look)?.into_iter();
        let mut pairs = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let old = candidate.old.and_then(|_| before.next().flatten());
            let new = candidate.new.and_then(|_| after.next().flatten());
            let Some((key, _)) = new.as_ref().or(old.as_ref()) else {
                continue;
            };
            if query.matches(key) {
                pairs.push(Pair {
                    key: key.clone(),
                    old: old.map(|(_, facts)| facts),
                    new: new.map(|(_, facts)| facts),
                    deletion: candidate.deletion,
                });
            }
        }
        pairs.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(pairs)
    }

    /// Gives every key that differs to `each`, in key order, until it breaks off. `new` is the session of
    /// the new file; of one file, the same.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn each(
        &self,
        old: &Session<'i>,
        new: &Session<'i>,
        old_reader: &ValueReader,
        new_reader: &ValueReader,
        query: &DiffQuery,
        each: impl FnMut(Item) -> ControlFlow<()>,
    ) -> Result<()> {
        let rows: Vec<&Pair> = self.rows.iter().collect();
        self.each_of(&rows, old, new, old_reader, new_reader, query, each)
    }

    /// The same of these keys only.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn each_named(
        &self,
        keys: &BTreeSet<&[u8]>,
        old: &Session<'i>,
        new: &Session<'i>,
        reader: &ValueReader,
        query: &DiffQuery,
        each: impl FnMut(Item) -> ControlFlow<()>,
    ) -> Result<()> {
        let is_wanted = |pair: &&Pair| keys.contains(pair.key.as_slice());
        let rows: Vec<&Pair> = self.rows.iter().filter(is_wanted).collect();
        self.each_of(&rows, old, new, reader, reader, query, each)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "two sides, each with a session and a reader"
    )]
    fn each_of(
        &self,
        rows: &[&Pair],
        old: &Session<'i>,
        new: &Session<'i>,
        old_reader: &ValueReader,
        new_reader: &ValueReader,
        query: &DiffQuery,
        mut each: impl FnMut(Item) -> ControlFlow<()>,
    ) -> Result<()> {
        let plain = |reader: &ValueReader| ValueReader {
            redactor: None,
            ..reader.clone()
        };
        let plain = query
            .hides_nothing()
            .then(|| (plain(old_reader), plain(new_reader)));
        let (old_reader, new_reader) = match &plain {
            Some((old, new)) => (old, new),
            None => (old_reader, new_reader),
        };
        for batch in batches(rows) {
            new.options.cancel.check()?;
            let values = |session: &Session<'i>,
                          keyspace: &Keyspace<'i>,
                          pick: fn(&Pair) -> Option<RecordFacts>|
             -> Result<Vec<Stored>> {
                let wanted: Vec<(usize, RecordFacts)> = batch
                    .iter()
                    .enumerate()
                    .filter_map(|(at, pair)| Some((at, pick(pair)?)))
                    .collect();
                let places: Vec<RecordPlace> = wanted.iter().map(|(_, m)| m.place).collect();
                let looked = session.map(keyspace, &places, |view| {
                    let facts = RecordFacts::of(view);
                    Ok((view.value()?.into_owned(), facts))
                })?;
                let mut states: Vec<Stored> = Vec::new();
                states.resize_with(batch.len(), || None);
                for ((at, _), state) in wanted.into_iter().zip(looked) {
                    if let Some(slot) = states.get_mut(at) {
                        *slot = state;
                    }
                }
                Ok(states)
            };
            let before = values(old, &self.old, |pair| pair.old)?;
            let after = values(new, self.new_keyspace(), |pair| pair.new)?;
            let readers = [old_reader, new_reader];
            let mut items = self.items(batch, before, after, query, new, readers)?;
            if query.detail > Detail::Names {
                self.look_up_last_values(batch, &mut items, new, new_reader)?;
            }
            for item in items {
                if each(item).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What was removed may have been changed between the old state and its deletion.
    fn look_up_last_values(
        &self,
        batch: &[&Pair],
        items: &mut [Item],
        session: &Session<'i>,
        reader: &ValueReader,
    ) -> Result<()> {
        let last: Vec<(&[u8], RecordPlace)> = batch
            .iter()
            .filter(|pair| pair.new.is_none())
            .filter_map(|pair| Some((pair.key.as_slice(), pair.deletion?.last?)))
            .collect();
        if last.is_empty() {
            return Ok(());
        }
        let places: Vec<RecordPlace> = last.iter().map(|(_, place)| *place).collect();
        let terminations = session.map(self.new_keyspace(), &places, |view| {
            Ok(compare::termination(
                reader,
                view.record.key,
                &view.value()?,
                view.revision.main,
            ))
        })?;
        for ((key, _), termination) in last.into_iter().zip(terminations) {
            // Both are in the order of keys.
            let at = items.binary_search_by(|item| item.key.as_slice().cmp(key));
            if let (Some(item), Some(termination)) =
                (at.ok().and_then(|at| items.get_mut(at)), termination)
            {
                item.termination = termination;
            }
        }
        Ok(())
    }

    /// When the object that the old state has was deleted.
    fn deletion(&self, pair: &Pair, change: KeyChange) -> Option<Deletion> {
        let before = pair.old.as_ref()?;
        let figures = &self.comparison;
        let (old, new) = (&figures.old, &figures.new);
        let is_gone = pair.new.is_none();
        if let Some(deletion) = &pair.deletion {
            let is_told = is_gone || change == KeyChange::Recreated;
            return is_told.then_some(Deletion::Recorded(deletion.revision));
        }
        let compacted = new.bounds.compacted;
        match (&pair.new, change) {
            (None, KeyChange::Unknown) => Some(Deletion::CannotTell),
            (Some(_), KeyChange::Recreated) if new.is_damaged => Some(Deletion::CannotTell),
            _ if figures.relation.has_parted() => is_gone.then_some(Deletion::NotRecorded),
            (None, _) | (Some(_), KeyChange::Recreated)
                if before.create_revision > new.revision =>
            {
                Some(Deletion::CreatedLater(before.create_revision))
            }
            (None, _) if compacted > old.revision => Some(Deletion::Compacted {
                after: old.revision,
                up_to: compacted,
            }),
            (None, _) => Some(Deletion::NotRecorded),
            (Some(after), KeyChange::Recreated) if after.create_revision > old.revision => {
                Some(Deletion::Compacted {
                    after: old.revision,
                    up_to: compacted.min(after.create_revision.saturating_sub(1)),
                })
            }
            _ => None,
        }
    }

    /// The time before which the change did not happen, as the records up to it tell.
    fn not_before(&self, pair: &Pair, deletion: Option<Deletion>) -> Option<i64> {
        match (&pair.new, deletion) {
            (Some(new), _) => self.times.at(new.place),
            (None, Some(Deletion::Recorded(_))) => self.times.at(pair.deletion?.place),
            (None, Some(Deletion::Compacted { .. })) => self.comparison.old.not_before,
            _ => None,
        }
    }

    /// Compares the values of a batch, in parallel.
    fn items(
        &self,
        batch: &[&Pair],
        before: Vec<Stored>,
        after: Vec<Stored>,
        query: &DiffQuery,
        session: &Session<'i>,
        readers: [&ValueReader; 2],
    ) -> Result<Vec<Item>> {
        type Slot = Mutex<(Stored, Stored)>;
        let states: Vec<Slot> = before.into_iter().zip(after).map(Mutex::new).collect();
        let parts = session
            .workers
            .share(batch.len(), Vec::new, |items, number| {
                let (Some(pair), Some(states)) = (batch.get(number), states.get(number)) else {
                    return Ok(());
                };
                // Nobody else takes this one, so no panic left it half changed.
                let states = states.lock();
                let mut states = states.unwrap_or_else(PoisonError::into_inner);
                let (old, new) = std::mem::take(&mut *states);
                drop(states);
                if let Some(item) = self.item(pair, old, new, query, readers) {
                    items.push((number, item));
                }
                Ok(())
            })?;
        let mut items: Vec<(usize, Item)> = parts.into_iter().flatten().collect();
        items.sort_unstable_by_key(|(number, _)| *number);
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    /// True when the file that is ahead has for the key a record that the other one, of the same history,
    /// should know, or the new one an older record than the old one: as they differ, and one of them is
    /// damaged, a record was in what cannot be read.
    fn is_lost(&self, pair: &Pair) -> bool {
        let Comparison { old, new, .. } = &self.comparison;
        let relation = self.comparison.relation;
        if !old.is_damaged && !new.is_damaged
            || relation.has_parted()
            || relation == Relation::OneFile
        {
            return false;
        }
        // What is left of a damaged file may end long before the file did.
        if let (Some(before), Some(after)) = (&pair.old, &pair.new)
            && new.is_damaged
            && after.revision < before.revision
        {
            return true;
        }
        let (ahead, known) = if new.bounds.current >= old.bounds.current {
            (&pair.new, old.bounds.current)
        } else {
            (&pair.old, new.bounds.current)
        };
        ahead.is_some_and(|facts| facts.revision.main <= known)
    }

    fn item(
        &self,
        pair: &Pair,
        old: Stored,
        new: Stored,
        query: &DiffQuery,
        [old_reader, reader]: [&ValueReader; 2],
    ) -> Option<Item> {
        let has_same_bytes = matches!((&old, &new), (Some((a, _)), Some((b, _))) if a == b);
        // Decoded here, two at a time, objects come and go in memory that is near.
        let state = |reader: &ValueReader, stored: Stored| {
            stored.map(|(value, facts)| {
                compare::State::of(reader, &self.surroundings, &pair.key, &value, facts)
            })
        };
        let (old, new) = (state(old_reader, old), state(reader, new));
        let (has_labels, why) = compare::has_labels([&old, &new], query);
        if has_labels == Selected::No {
            return None;
        }
        let figures = &self.comparison;
        let change = match (&pair.old, &pair.new) {
            _ if self.is_lost(pair) => KeyChange::Unknown,
            (Some(_), None) if figures.new.is_damaged => KeyChange::Unknown,
            (None, Some(_)) if figures.old.is_damaged => KeyChange::Unknown,
            (Some(_), None) => KeyChange::Removed,
            (None, _) => KeyChange::Added,
            (Some(_), Some(_)) => KeyChange::Changed,
        };
        let mut item = Item {
            old: pair.old,
            new: pair.new,
            undecided: why.filter(|_| has_labels == Selected::Unknown),
            ..Item::of_key(&pair.key, change)
        };
        compare::compare(&mut item, old, new, &self.surroundings, reader, query);
        if let (Some(a), Some(b)) = (&pair.old, &pair.new)
            && item.change != KeyChange::Unknown
            && has_same_bytes
            && a.create_revision == b.create_revision
        {
            item.change = if a.lease == b.lease {
                KeyChange::Touched("same-bytes")
            } else {
                KeyChange::Lease
            };
        }
        if item.change == KeyChange::Changed && !query.ignored.is_empty() && !item.fields.is_empty()
        {
            item.fields
                .retain(|field| !query.ignores(&field.path.to_string()));
            if item.fields.is_empty() {
                return None;
            }
        }
        item.deletion = self.deletion(pair, item.change);
        item.not_before = self.not_before(pair, item.deletion);
        let (group, _) = split_api_version(&item.api_version);
        let paths: Vec<_> = item.fields.iter().map(|field| &field.path).collect();
        let is_changed = matches!(item.change, KeyChange::Changed);
        item.noise = noise_of_key(query.noise, &item.key).or_else(|| {
            query
                .noise
                .rule(group, &item.kind, is_changed.then_some(&paths))
        });
        let is_touched = matches!(item.change, KeyChange::Touched(_));
        if is_touched && query.noise != NoiseProfile::None {
            item.noise = item.noise.or(Some("touched"));
        }
        if !item.damage.is_empty() {
            item.noise = None;
        }
        if query.detail <= Detail::Names {
            item.fields = Vec::new();
        }
        Some(item)
    }
}
