//! What damage to the tree left unknown.

use std::collections::BTreeSet;

use crate::bolt::Plan;
use crate::bolt::check::codes;
use crate::etcd::schema::KEY_BUCKET;
use crate::finding::{Code, Collector};

/// Which buckets damage hides, wholly or in part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// True when not all of the root bucket could be read, so that there may be more buckets.
    pub root: bool,
    /// True when the root bucket holds elements that are not buckets.
    pub strays: bool,
    /// Top-level buckets of which not all could be read.
    pub buckets: BTreeSet<Vec<u8>>,
    /// Top-level buckets that were entered.
    pub present: BTreeSet<Vec<u8>>,
}

/// How much of something could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readable {
    /// All of it.
    Whole,
    /// Some of it; there may have been more.
    Partly,
    /// Nothing, or it is not there.
    Nothing,
}

/// Findings of the structure behind which data is hidden.
fn hides_data(code: &Code) -> bool {
    [
        &codes::PAGE_ID,
        &codes::PAGE_TYPE,
        &codes::PAGE_OUT_OF_BOUNDS,
        &codes::PAGE_MISSING,
        &codes::PAGE_TWICE,
        &codes::OVERFLOW_OUT_OF_BOUNDS,
        &codes::EMPTY_BRANCH,
        &codes::TOO_DEEP,
        &codes::ELEMENT_OUTSIDE,
        &codes::EMPTY_KEY,
        &codes::LONG_KEY,
        &codes::ELEMENT_OVERLAP,
        &codes::ELEMENT_GAP,
        &codes::BUCKET_HEADER,
        &codes::INLINE_BUCKET,
        &codes::TOO_MANY_BUCKETS,
    ]
    .into_iter()
    .any(|known| known.id == code.id)
}

impl Losses {
    /// Gathers what the findings of a scan's structure hide.
    pub(super) fn of(plan: &Plan<'_>, structure: &Collector) -> Self {
        let mut losses = Self {
            strays: !plan.strays.is_empty(),
            ..Self::default()
        };
        for bucket in plan.buckets.iter().filter(|bucket| bucket.is_top_level()) {
            losses.present.insert(bucket.name().to_vec());
        }
        for (code, count, kept) in structure.kept().filter(|(code, ..)| hides_data(code)) {
            for finding in kept {
                match finding.place.bucket.first() {
                    Some(name) => {
                        losses.buckets.insert(name.clone());
                    }
                    None => losses.root |= code.id != codes::TOO_MANY_BUCKETS.id,
                }
            }
            if count > kept.len() as u64 {
                // What the others concern is not known.
                losses.buckets.extend(losses.present.iter().cloned());
            }
        }
        losses
    }

    /// True when the root page leads to no bucket, and that is damage.
    pub fn nothing_is_reached(&self) -> bool {
        self.present.is_empty() && (self.root || self.strays)
    }

    /// How much of a top-level bucket could be read.
    pub(super) fn bucket(&self, name: &[u8]) -> Readable {
        match (self.present.contains(name), self.buckets.contains(name)) {
            (false, _) => Readable::Nothing,
            (true, true) => Readable::Partly,
            (true, false) => Readable::Whole,
        }
    }

    /// True when what a top-level bucket holds is known: it could be read, or it is not there.
    pub fn is_known(&self, name: &[u8]) -> bool {
        match self.bucket(name) {
            Readable::Whole => true,
            Readable::Partly => false,
            Readable::Nothing => !self.root && !self.strays,
        }
    }

    /// True when damage hides anything.
    pub fn any(&self) -> bool {
        self.root || self.strays || !self.buckets.is_empty()
    }

    /// True when every one of the small buckets could be read.
    pub fn small_buckets_are_whole(&self) -> bool {
        let key = |name: &Vec<u8>| name == KEY_BUCKET;
        !self.root && self.buckets.iter().all(key) && !self.nothing_is_reached()
    }
}
