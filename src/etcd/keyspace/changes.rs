//! The records in the order of history, read one after the other from any revision on.

use super::record_visitor::is_bump_marker;
use crate::bolt::{Cursor, CursorDamage, Database};
use crate::error::Result;
use crate::etcd::check::codes;
use crate::etcd::record::Record;
use crate::etcd::revision::{Revision, RevisionKey};
use crate::etcd::schema::KEY_BUCKET;
use crate::finding::Finding;

/// One record, borrowed from the cursor.
#[derive(Debug, Clone, Copy)]
pub struct RecordChange<'c> {
    /// Its revision.
    pub revision: Revision,
    /// True when it marks a deletion.
    pub is_tombstone: bool,
    /// Key and value.
    pub record: Record<'c>,
}

/// What comes next.
#[derive(Debug)]
pub enum NextChange<'c> {
    /// A record.
    Change(RecordChange<'c>),
    /// An entry that is not a record; there may be more behind it.
    Fault(Finding),
    /// The end of the bucket.
    End,
}

/// A walk over bucket `key`, from one revision on upwards or downwards. It reads only the pages it needs.
#[derive(Debug)]
pub struct Changes<'s> {
    cursor: Option<Cursor<'s>>,
    descending: bool,
    /// True when the cursor stands on an entry that was not given out yet.
    is_placed: bool,
    is_empty: bool,
}

type Step<T> = Result<std::result::Result<T, CursorDamage>>;

impl<'s> Changes<'s> {
    /// A walk that begins with the first record at or above `from`; descending, with the last one whose
    /// main revision is at most `from`.
    ///
    /// # Errors
    /// Reading. Damage on the way is the inner result.
    pub fn start(database: &Database<'s>, from: i64, descending: bool) -> Step<Self> {
        let bucket = match database.bucket(KEY_BUCKET)? {
            Ok(bucket) => bucket,
            Err(damage) => return Ok(Err(damage)),
        };
        let Some(bucket) = bucket else {
            return Ok(Ok(Self {
                cursor: None,
                descending,
                is_placed: false,
                is_empty: true,
            }));
        };
        let mut cursor = database.cursor(&bucket);
        let behind = if descending {
            from.saturating_add(1)
        } else {
            from
        };
        let key = Revision {
            main: behind.max(0),
            sub: 0,
        };
        let found = match cursor.seek(&key.to_key())? {
            Ok(found) => found.is_some(),
            Err(damage) => return Ok(Err(damage)),
        };
        let placed = match (descending, found) {
            (false, found) => Ok(found),
            (true, true) if from == i64::MAX => cursor.last()?.map(|entry| entry.is_some()),
            (true, true) => cursor.prev()?.map(|entry| entry.is_some()),
            (true, false) => cursor.last()?.map(|entry| entry.is_some()),
        };
        Ok(placed.map(|placed| Self {
            cursor: Some(cursor),
            descending,
            is_placed: placed,
            is_empty: !placed,
        }))
    }

    /// The newest main revision of bucket `key`; 0 without records.
    ///
    /// # Errors
    /// Reading. Damage on the way is the inner result.
    pub fn newest(database: &Database<'s>) -> Step<i64> {
        let mut changes = match Self::start(database, i64::MAX, true)? {
            Ok(changes) => changes,
            Err(damage) => return Ok(Err(damage)),
        };
        let Some(cursor) = changes.cursor.as_mut().filter(|_| !changes.is_empty) else {
            return Ok(Ok(0));
        };
        let last = cursor.last()?;
        Ok(last.map(|entry| {
            let key = entry.and_then(|entry| RevisionKey::parse(entry.key).ok());
            key.map_or(0, |key| key.revision.main)
        }))
    }

    /// Moves to the next record. The marker of a bumped revision is passed over.
    ///
    /// # Errors
    /// Reading. Damage on the way is the inner result, and the end.
    pub fn next_change(&mut self) -> Step<NextChange<'_>> {
        loop {
            let Some(cursor) = self.cursor.as_mut().filter(|_| !self.is_empty) else {
                return Ok(Ok(NextChange::End));
            };
            let moved = if std::mem::take(&mut self.is_placed) {
                cursor.current()
            } else if self.descending {
                cursor.prev()?
            } else {
                cursor.next()?
            };
            match moved {
                Ok(Some(entry)) if entry.is_bucket => continue,
                Ok(Some(entry)) => match RevisionKey::parse(entry.key) {
                    Ok(key) if is_bump_marker(&key, entry.value) => continue,
                    _ => break,
                },
                Ok(None) => {
                    self.is_empty = true;
                    return Ok(Ok(NextChange::End));
                }
                Err(damage) => {
                    self.is_empty = true;
                    return Ok(Err(damage));
                }
            }
        }
        Ok(self.current())
    }

    #[expect(clippy::result_large_err, reason = "damage is rare; it is moved once")]
    fn current(&self) -> std::result::Result<NextChange<'_>, CursorDamage> {
        let Some(cursor) = &self.cursor else {
            return Ok(NextChange::End);
        };
        let Some(entry) = cursor.current()? else {
            return Ok(NextChange::End);
        };
        let mut place = cursor.place().in_bucket(KEY_BUCKET);
        let key = match RevisionKey::parse(entry.key) {
            Ok(key) => key,
            Err(fault) => {
                place.set_key(Some(entry.key));
                let finding = Finding::new(fault.of(entry.key), place);
                return Ok(NextChange::Fault(finding));
            }
        };
        place.revision = Some((key.revision.main, key.revision.sub));
        Ok(match Record::decode_strict(entry.value) {
            Ok(record) if record.key.is_empty() => {
                NextChange::Fault(Finding::new(codes::EmptyUserKey {}, place))
            }
            Ok(record) => NextChange::Change(RecordChange {
                revision: key.revision,
                is_tombstone: key.tombstone,
                record,
            }),
            Err(_) => NextChange::Fault(Finding::new(codes::RecordValue {}, place)),
        })
    }
}
