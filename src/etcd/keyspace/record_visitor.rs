//! From leaves to records: what every walk over bucket `key` has in common.

use std::borrow::Cow;

use crate::bolt::{Element, Leaf, PlannedBucket, Visitor};
use crate::error::Result;
use crate::etcd::check::codes;
use crate::etcd::record::{Record, RecordError};
use crate::etcd::revision::{Revision, RevisionKey};
use crate::etcd::schema::KEY_BUCKET;
use crate::finding::{Collector, Finding, Observation, Place};
use crate::source::WindowBuffer;

/// Where a record is, as long as the plan of its scan is at hand. Records in tree order have ascending
/// places, and ascending revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RecordPlace {
    /// Rank of the leaf.
    pub rank: u32,
    /// Element on the leaf.
    pub element: u16,
}

/// A record, borrowed from its leaf.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// Where it is.
    pub place: RecordPlace,
    /// Its revision.
    pub revision: Revision,
    /// True when it marks a deletion.
    pub is_tombstone: bool,
    /// Key and value.
    pub record: Record<'a>,
    leaf: &'a Leaf<'a>,
    stored: Option<&'a [u8]>,
}

impl<'a> RecordView<'a> {
    /// Key and value of the record as they are stored, when they are held whole.
    pub fn stored(&self) -> Option<&'a [u8]> {
        self.stored
    }

    /// Where it is in the file, for a finding.
    pub fn place_in_file(&self) -> Place {
        let is_it = |element: &&Element| element.index == u32::from(self.place.element);
        let element = self.leaf.elements.iter().find(is_it);
        let mut place = element.map_or_else(Place::default, |element| self.leaf.place(element));
        place.revision = Some((self.revision.main, self.revision.sub));
        place.set_key(Some(self.record.key));
        place
    }

    /// The whole value, also where the record lends only its beginning.
    ///
    /// # Errors
    /// Reading.
    pub fn value(&self) -> Result<Cow<'a, [u8]>> {
        let lent = self.record.value;
        let missing = self.record.value_len.saturating_sub(lent.len() as u64);
        let Some(tail) = self.leaf.tail.filter(|_| missing > 0) else {
            return Ok(Cow::Borrowed(lent));
        };
        let mut whole = lent.to_vec();
        let mut buffer = WindowBuffer::new();
        tail.pieces(&mut buffer, |piece| {
            let room = self.record.value_len.saturating_sub(whole.len() as u64);
            let take = usize::try_from(room).unwrap_or(usize::MAX).min(piece.len());
            whole.extend_from_slice(piece.get(..take).unwrap_or_default());
        })?;
        Ok(Cow::Owned(whole))
    }
}

/// Something that wants to see every record of bucket `key`, on any thread, in any order. The marker that
/// a restore leaves when it bumps the revision is not a record.
pub trait RecordVisitor: Sync {
    /// What one thread gathers.
    type Local: Send;

    /// An empty gathering.
    fn start(&self) -> Self::Local;

    /// Looks at one record.
    ///
    /// # Errors
    /// Only what keeps the whole walk from going on.
    fn record(&self, local: &mut Self::Local, record: &RecordView<'_>) -> Result<()>;
}

impl<A: RecordVisitor, B: RecordVisitor> RecordVisitor for (A, B) {
    type Local = (A::Local, B::Local);

    fn start(&self) -> Self::Local {
        (self.0.start(), self.1.start())
    }

    fn record(&self, local: &mut Self::Local, record: &RecordView<'_>) -> Result<()> {
        self.0.record(&mut local.0, record)?;
        self.1.record(&mut local.1, record)
    }
}

/// Lends the records on each leaf to a visitor.
#[derive(Debug)]
pub(crate) struct EachRecord<'v, V> {
    pub(super) visitor: &'v V,
    pub(super) finding_limit: usize,
}

impl<'v, V> EachRecord<'v, V> {
    /// For a scan that looks for what is wrong by other means.
    pub(crate) fn new(visitor: &'v V) -> Self {
        Self {
            visitor,
            finding_limit: 0,
        }
    }
}

impl<V> Clone for EachRecord<'_, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// What one thread gathers.
#[derive(Debug)]
pub(crate) struct EachRecordParts<L> {
    pub(crate) inner: L,
    /// The greatest main revision of all entries.
    pub(super) newest: i64,
    /// Entries that are not records.
    pub(super) findings: Collector,
    buffer: WindowBuffer,
}

impl<V: RecordVisitor> Visitor for EachRecord<'_, V> {
    type Local = EachRecordParts<V::Local>;

    fn start(&self) -> Self::Local {
        EachRecordParts {
            inner: self.visitor.start(),
            newest: 0,
            findings: Collector::new(self.finding_limit),
            buffer: WindowBuffer::new(),
        }
    }

    fn leaf(&self, local: &mut Self::Local, bucket: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        if !bucket.is_top_level() || bucket.name() != KEY_BUCKET {
            return Ok(());
        }
        for element in leaf.elements.iter().filter(|element| !element.is_bucket) {
            each(self.visitor, local, leaf, element)?;
        }
        Ok(())
    }
}

/// Lends one element of a leaf of bucket `key`, if it is a record.
pub(super) fn each<V: RecordVisitor>(
    visitor: &V,
    local: &mut EachRecordParts<V::Local>,
    leaf: &Leaf<'_>,
    element: &Element,
) -> Result<()> {
    let key = leaf.key(element);
    let revision_key = match RevisionKey::parse(key) {
        Ok(revision_key) => revision_key,
        Err(error) => {
            let finding = Finding::new(error.of(key), leaf.place(element));
            local.findings.add(finding);
            return Ok(());
        }
    };
    let Revision { main, sub } = revision_key.revision;
    local.newest = local.newest.max(main);
    let value = leaf.value(element);
    if is_bump_marker(&revision_key, value) && leaf.tail.is_none() {
        return Ok(());
    }
    let record = match &leaf.tail {
        None => Record::decode_strict(value),
        Some(tail) => Record::decode_long(value, tail, &mut local.buffer)?.ok_or(RecordError),
    };
    let mut report = |what: Observation| {
        let place = Place {
            revision: Some((main, sub)),
            key: None,
            ..leaf.place(element)
        };
        local.findings.add(Finding::new(what, place));
    };
    match record {
        Ok(record) if record.key.is_empty() => {
            report(codes::EmptyUserKey {}.into());
            Ok(())
        }
        Ok(record) => {
            let view = RecordView {
                place: RecordPlace {
                    rank: leaf.rank,
                    element: u16::try_from(element.index).unwrap_or(u16::MAX),
                },
                revision: revision_key.revision,
                is_tombstone: revision_key.tombstone,
                record,
                leaf,
                stored: leaf.key_and_value(element),
            };
            visitor.record(&mut local.inner, &view)
        }
        Err(_) => {
            report(codes::RecordValue {}.into());
            Ok(())
        }
    }
}

/// True for the empty entry that `restore --bump-revision` leaves: no key of a user.
pub(super) fn is_bump_marker(key: &RevisionKey, value: &[u8]) -> bool {
    value.is_empty() && !key.tombstone && key.revision.sub == 0
}
