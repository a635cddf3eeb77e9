//! What a comparison answers.

use serde_json::Value;

use super::buckets::BucketChange;
use super::relation::{Relation, Ties};
use super::service::ServicePart;
use super::sides::{DivergenceKind, Uncompared};
use crate::etcd::Revision;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::RevisionBounds;
use crate::kubernetes::Flaw;
use crate::kubernetes::compare::difference::FieldPath;
use crate::kubernetes::compare::writers::{Termination, Writer};
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::ops::keys::FieldChange;
use crate::ops::objects::{PlainValues, UndecidedReason};

/// How a key differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyChange {
    /// Only the new state has it.
    Added,
    /// Only the old state has it.
    Removed,
    /// Another value.
    Changed,
    /// Deleted and created again in between.
    Recreated,
    /// A new revision of the same content; why the record is another one.
    Touched(&'static str),
    /// Only the lease differs.
    Lease,
    /// It may have been in pages that cannot be read.
    Unknown,
}

impl KeyChange {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Recreated => "recreated",
            Self::Touched(_) => "touched",
            Self::Lease => "lease",
            Self::Unknown => "unknown",
        }
    }
}

/// When the object that the old state has was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// At this revision.
    Recorded(i64),
    /// After the one revision and at or before the other: a compaction took the record.
    Compacted {
        /// The revision of the old state.
        after: i64,
        /// The newest revision at which it can have been.
        up_to: i64,
    },
    /// It was not: it was created at this revision, after the new state.
    CreatedLater(i64),
    /// The new file has no record of it.
    NotRecorded,
    /// Damage may hide it.
    CannotTell,
}

impl Deletion {
    /// The revision of it, where that is on record.
    pub fn revision(self) -> Option<i64> {
        match self {
            Self::Recorded(revision) => Some(revision),
            _ => None,
        }
    }
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Item {
    /// The key.
    pub key: Vec<u8>,
    /// How.
    pub change: KeyChange,
    /// Its record in the old state.
    pub old: Option<RecordFacts>,
    /// Its record in the new state.
    pub new: Option<RecordFacts>,
    /// Group and version; empty when it is not an object.
    pub api_version: String,
    /// The kind; empty when it is not an object.
    pub kind: String,
    /// Why nobody can tell whether the labels that are wanted are, or were, among its own.
    pub undecided: Option<UndecidedReason>,
    /// The namespace of the object.
    pub namespace: Option<String>,
    /// The name of the object.
    pub name: Option<String>,
    /// The uid of the object, of the new one if both have one.
    pub uid: Option<String>,
    /// The uid of the object that controls it.
    pub owner: Option<String>,
    /// Somebody else makes it again: its controller, or whoever it tells of.
    pub is_made_by_others: bool,
    /// The Service whose addresses it has, where a controller keeps it.
    pub service: Option<Box<ServicePart>>,
    /// When the object of the old state was deleted.
    pub deletion: Option<Deletion>,
    /// The change did not happen before this time, in seconds since 1970, as objects tell.
    pub not_before: Option<i64>,
    /// Who made the change, as far as the managed fields tell; none where only names are wanted.
    pub writers: Vec<Writer>,
    /// Fields that were changed by nobody who is on record, the first few; only where others are.
    pub unrecorded: Vec<FieldPath>,
    /// What was removed was being deleted, or kept by finalizers, when it was seen last.
    pub termination: Option<Termination>,
    /// Why the change should be looked at first; none for most.
    pub security: Vec<String>,
    /// The fields that differ, secrets hidden; none of them where only names are wanted.
    pub fields: Vec<FieldChange>,
    /// The values, where there are no fields; only of what is asked for by name.
    pub values: PlainValues,
    /// From the old object to the new one, as RFC 6902, secrets hidden; where it is wanted.
    pub patch: Option<Value>,
    /// The rule by which it is noise.
    pub noise: Option<&'static str>,
    /// Why a value of it stays encrypted, if one does; the new one, if both do.
    pub locked: Option<DecryptError>,
    /// Something in it is hidden.
    pub has_secret: bool,
    /// How a value is not what the key promises, and in which state: `old`, `new`.
    pub damage: Vec<(&'static str, Flaw)>,
}

impl Item {
    /// A key of which nothing else is known.
    pub(super) fn of_key(key: &[u8], change: KeyChange) -> Self {
        Self {
            key: key.to_vec(),
            change,
            old: None,
            new: None,
            api_version: String::new(),
            kind: String::new(),
            namespace: None,
            undecided: None,
            name: None,
            uid: None,
            owner: None,
            is_made_by_others: false,
            service: None,
            deletion: None,
            not_before: None,
            writers: Vec::new(),
            unrecorded: Vec::new(),
            termination: None,
            security: Vec::new(),
            fields: Vec::new(),
            values: PlainValues::default(),
            patch: None,
            noise: None,
            locked: None,
            has_secret: false,
            damage: Vec::new(),
        }
    }
}

/// A record that two files of one history would both have, and alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DivergentRecord {
    /// Its revision.
    pub revision: Revision,
    /// How they differ.
    pub kind: DivergenceKind,
    /// The key in the old file.
    pub old_key: Option<Vec<u8>>,
    /// The key in the new file.
    pub new_key: Option<Vec<u8>>,
}

/// One of the two states, in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideFigures {
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision whose state it is.
    pub revision: i64,
    /// Live keys.
    pub keys: u64,
    /// Part of the file could not be read.
    pub is_damaged: bool,
    /// The state was not earlier than this, in seconds since 1970, as objects in it tell.
    pub not_before: Option<i64>,
}

/// What two states have to do with each other.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Comparison {
    /// The old state.
    pub old: SideFigures,
    /// The new state.
    pub new: SideFigures,
    /// How the files stand to each other.
    pub relation: Relation,
    /// Records that both have, byte by byte the same.
    pub common_records: u64,
    /// The first records that differ where they should not, by revision.
    pub divergences: Vec<DivergentRecord>,
    /// How many there are in all.
    pub divergence_count: u64,
    /// The newest revision that both have reached.
    pub shared_revision: i64,
    /// Records that only one of the files has, the old and the new one, and that say nothing of the other.
    pub uncompared: [Uncompared; 2],
    /// The hash of the keys at [`shared_revision`](Self::shared_revision) in the old and the new file, where
    /// it was wanted and both are compacted at the same revision.
    pub hashes: Option<[u32; 2]>,
    /// What speaks for or against one cluster.
    pub ties: Ties,
    /// The new file knows every change since the old state.
    pub is_history_complete: bool,
    /// The lowest revision since the old state of which the new file does not have all records.
    pub first_hole: Option<i64>,
    /// Differences in other buckets.
    pub buckets: Vec<BucketChange>,
}
