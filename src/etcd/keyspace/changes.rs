//! The records in the order of history, read one after the other from any revision on.

use super::record_visitor::is_bump_marker;
use crate::bolt::{Cursor, CursorError, Database};
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
    Damaged(Finding),
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

impl<'s> Changes<'s> {
    /// A walk that begins with the first record at or above `from`; descending, with the last one whose
    /// main revision is at most `from`.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn start(
        database: &Database<'s>,
        from: i64,
        descending: bool,
    ) -> Result<Self, CursorError> {
        let Some(bucket) = database.bucket(KEY_BUCKET)? else {
            return Ok(Self {
                cursor: None,
                descending,
                is_placed: false,
                is_empty: true,
            });
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
        let is_there = cursor.seek(&key.to_key())?.is_some();
        let is_placed = match (descending, is_there) {
            (false, is_there) => is_there,
            (true, true) if from == i64::MAX => cursor.last()?.is_some(),
            (true, true) => cursor.prev()?.is_some(),
            (true, false) => cursor.last()?.is_some(),
        };
        Ok(Self {
            cursor: Some(cursor),
            descending,
            is_placed,
            is_empty: !is_placed,
        })
    }

    /// The newest main revision of bucket `key`; 0 without records.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn newest(database: &Database<'s>) -> Result<i64, CursorError> {
        let mut changes = Self::start(database, i64::MAX, true)?;
        let Some(cursor) = changes.cursor.as_mut().filter(|_| !changes.is_empty) else {
            return Ok(0);
        };
        let last = cursor.last()?;
        let key = last.and_then(|entry| RevisionKey::parse(entry.key).ok());
        Ok(key.map_or(0, |key| key.revision.main))
    }

    /// Moves to the next record. The marker of a bumped revision is passed over.
    ///
    /// # Errors
    /// [`CursorError`]; damage is the end of the walk.
    pub fn next_change(&mut self) -> Result<NextChange<'_>, CursorError> {
        loop {
            let Some(cursor) = self.cursor.as_mut().filter(|_| !self.is_empty) else {
                return Ok(NextChange::End);
            };
            let moved = if std::mem::take(&mut self.is_placed) {
                cursor.current()
            } else if self.descending {
                cursor.prev()
            } else {
                cursor.next()
            };
            match moved {
                Ok(Some(entry)) if entry.is_bucket => continue,
                Ok(Some(entry)) => match RevisionKey::parse(entry.key) {
                    Ok(key) if is_bump_marker(&key, entry.value) => continue,
                    _ => break,
                },
                Ok(None) => {
                    self.is_empty = true;
                    return Ok(NextChange::End);
                }
                Err(error) => {
                    self.is_empty |= matches!(error, CursorError::Damaged(_));
                    return Err(error);
                }
            }
        }
        self.current()
    }

    fn current(&self) -> Result<NextChange<'_>, CursorError> {
        let Some(cursor) = &self.cursor else {
            return Ok(NextChange::End);
        };
        let Some(entry) = cursor.current()? else {
            return Ok(NextChange::End);
        };
        let mut place = cursor.place().in_bucket(KEY_BUCKET);
        let key = match RevisionKey::parse(entry.key) {
            Ok(key) => key,
            Err(error) => {
                place.set_key(Some(entry.key));
                let finding = Finding::new(error.of(entry.key), place);
                return Ok(NextChange::Damaged(finding));
            }
        };
        place.revision = Some((key.revision.main, key.revision.sub));
        Ok(match Record::decode_strict(entry.value) {
            Ok(record) if record.key.is_empty() => {
                NextChange::Damaged(Finding::new(codes::EmptyUserKey {}, place))
            }
            Ok(record) => NextChange::Change(RecordChange {
                revision: key.revision,
                is_tombstone: key.tombstone,
                record,
            }),
            Err(_) => NextChange::Damaged(Finding::new(codes::RecordValue {}, place)),
        })
    }
}
