//! Deleted objects: when they went, and which of them the file has no value of any more.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::etcd::keyspace::{DeletedKey, Keyspace, RecordPlace, RecordView, RecordVisitor};
use crate::ops::session::Session;
use crate::ops::times::Times;

/// When an object went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The main revision.
    pub revision: i64,
    /// It did not happen before this time, in seconds since 1970.
    pub not_before: Option<i64>,
}

/// Deleted objects of which the file does not have the values any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostValues {
    /// How many.
    pub count: u64,
    /// The first of their keys.
    pub keys: BTreeSet<Vec<u8>>,
}

/// At most this many keys are named.
const NAMED: usize = 3;

impl LostValues {
    /// Finds those that `is_wanted` takes.
    pub(super) fn find(
        session: &Session<'_>,
        keyspace: &Keyspace<'_>,
        deleted: &[DeletedKey],
        is_wanted: impl Fn(&[u8]) -> bool + Sync,
    ) -> Result<Self> {
        let lost = deleted.iter().filter(|key| key.last.is_none());
        let places: Vec<RecordPlace> = lost.map(|key| key.deletion).collect();
        let visitor = LostFinder { is_wanted };
        let parts = keyspace.visit(&places, &visitor, &session.workers, session.options)?;
        let mut all = Self::default();
        for part in parts {
            all.count = all.count.saturating_add(part.count);
            part.keys.into_iter().for_each(|key| all.name(key));
        }
        Ok(all)
    }

    fn name(&mut self, key: Vec<u8>) {
        self.keys.insert(key);
        if self.keys.len() > NAMED {
            self.keys.pop_last();
        }
    }
}

struct LostFinder<F> {
    is_wanted: F,
}

impl<F: Fn(&[u8]) -> bool + Sync> RecordVisitor for LostFinder<F> {
    type Local = LostValues;

    fn start(&self) -> LostValues {
        LostValues::default()
    }

    fn record(&self, local: &mut LostValues, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        if (self.is_wanted)(key) {
            local.count = local.count.saturating_add(1);
            local.name(key.to_vec());
        }
        Ok(())
    }
}

/// When the keys were deleted whose last values are at `lasts`, by these places.
pub(super) fn deletions<'i>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    deleted: &[DeletedKey],
    times: &Times,
    mut lasts: Vec<RecordPlace>,
) -> Result<Vec<(RecordPlace, Deletion)>> {
    if deleted.is_empty() {
        return Ok(Vec::new());
    }
    lasts.sort_unstable();
    let of_last = |last: &RecordPlace| {
        let at = deleted.binary_search_by_key(&Some(*last), |key| key.last);
        Some(deleted.get(at.ok()?)?.deletion)
    };
    let pairs = lasts
        .iter()
        .filter_map(|last| Some((*last, of_last(last)?)));
    let (lasts, deletions): (Vec<RecordPlace>, Vec<RecordPlace>) = pairs.unzip();
    let main = |view: &RecordView<'_>| Ok(view.revision.main);
    let revisions = session.map(keyspace, &deletions, main)?;
    let known = lasts.into_iter().zip(deletions).zip(revisions);
    let known = known.filter_map(|((last, place), revision)| {
        let deletion = Deletion {
            revision: revision?,
            not_before: times.at(place),
        };
        Some((last, deletion))
    });
    Ok(known.collect())
}
