//! What is known of a record without its value.

use super::record_visitor::{RecordPlace, RecordView};
use crate::etcd::revision::{LeaseId, Revision};

/// The figures of a record, and where it is: enough to list it, and to read it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordFacts {
    /// Its revision; the main part is the mod revision.
    pub revision: Revision,
    /// True for a deletion, which has no other figures.
    pub is_tombstone: bool,
    /// Main revision at which the key was created last.
    pub create_revision: i64,
    /// 1 at creation, one more with each put.
    pub version: i64,
    /// The lease the key hangs on; 0 = none.
    pub lease: LeaseId,
    /// Bytes of the value.
    pub value_size: u64,
    /// Where it is.
    pub place: RecordPlace,
}

const _: () = assert!(size_of::<RecordFacts>() == 64);

impl RecordFacts {
    /// Those of a record that is being looked at.
    pub fn of(view: &RecordView<'_>) -> Self {
        Self {
            revision: view.revision,
            is_tombstone: view.is_tombstone,
            create_revision: view.record.create_revision,
            version: view.record.version,
            lease: view.record.lease,
            value_size: view.record.value_len,
            place: view.place,
        }
    }

    /// The same with the key.
    pub fn with_key(self, key: &[u8]) -> KeyRecord<'_> {
        KeyRecord { key, facts: self }
    }
}

/// A record with the user's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRecord<'k> {
    /// The key.
    pub key: &'k [u8],
    /// Its figures.
    pub facts: RecordFacts,
}
