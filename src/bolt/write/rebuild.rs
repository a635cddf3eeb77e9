//! A database rewritten from another one: what is in it, and none of its free pages.

use std::io::{Read, Seek, Write};

use super::writer::{Bucket, Writer};
use super::{WriteError, layout};
use crate::bolt::cursor::Cursor;
use crate::bolt::edit::{BucketEdits, EditedElement, Edits};
use crate::bolt::{CursorDamage, CursorDamageKind, CursorError, Database, Entry};
use crate::error::Error;
use crate::finding::escape;
use crate::ids::PageId;
use layout::{BUCKET_HEADER, BucketHeader};

/// Buckets inside buckets beyond which a file is taken for one that was made to break its readers.
const MAX_NESTING: usize = 64;

/// Why a database could not be rewritten. What is in the output then is not a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// Reading failed, or the caller gave up.
    #[error(transparent)]
    Read(#[from] Error),
    /// The database is damaged.
    #[error("{0}")]
    Damage(Box<CursorDamage>),
    /// An entry stands beside the buckets.
    #[error("{} stands among the buckets and is none", escape::text(.0))]
    NoBucket(Vec<u8>),
    /// Buckets lie too deep in each other.
    #[error("buckets lie more than {MAX_NESTING} deep in each other")]
    TooDeep,
    /// The output failed, or the format does not allow what was read.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<CursorError> for RebuildError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Damaged(damage) => Self::Damage(damage),
            CursorError::Read(error) => Self::Read(error),
        }
    }
}

/// Puts all buckets of `database` into `writer`, nested ones and their sequences too, in the order of
/// their keys and with `edits` made on the way. `keep` is asked about each entry that `edits` leave
/// alone and that is not a bucket itself: the names of its buckets from the outermost one on, key, value.
///
/// Of the database no more is held than a page of each level; a long value is held once.
///
/// # Errors
/// [`RebuildError`], and what `keep` returns.
pub fn rebuild<W: Read + Write + Seek>(
    writer: &mut Writer<W>,
    database: &Database<'_>,
    edits: &Edits,
    keep: impl FnMut(&[Vec<u8>], &[u8], &[u8]) -> Result<bool, Error>,
) -> Result<(), RebuildError> {
    let mut copy = Copy {
        database,
        keep,
        path: Vec::new(),
    };
    let mut named = edits.buckets().peekable();
    let mut root = database.root();
    let mut next = root.first()?.map(Found::new);
    while let Some(found) = next {
        if !found.is_bucket {
            return Err(RebuildError::NoBucket(found.key));
        }
        while let Some((name, edits)) = named.next_if(|(name, _)| *name < found.key.as_slice()) {
            writer.bucket(name, |out| put_all(out, edits))?;
        }
        let edits = named
            .next_if(|(name, _)| *name == found.key.as_slice())
            .map(|(_, edits)| edits);
        let (header, cursor) = found.open(database, &root)?;
        writer.bucket(&found.key.clone(), |out| {
            copy.bucket(out, found.key, header, cursor, edits)
        })?;
        next = root.next()?.map(Found::new);
    }
    for (name, edits) in named {
        writer.bucket(name, |out| put_all(out, edits))?;
    }
    Ok(())
}

/// A bucket that was not there.
fn put_all<W: Read + Write + Seek>(
    out: &mut Bucket<'_, W>,
    edits: &BucketEdits,
) -> Result<(), RebuildError> {
    let mut changes = edits.changes.iter();
    changes.try_for_each(|(key, change)| put(out, key, change))
}

fn put<W: Read + Write + Seek>(
    out: &mut Bucket<'_, W>,
    key: &[u8],
    change: &EditedElement,
) -> Result<(), RebuildError> {
    match change {
        Some((_, value)) => Ok(out.put(key, value)?),
        None => Ok(()),
    }
}

/// An entry that the cursor may be moved on from.
struct Found {
    key: Vec<u8>,
    value: Vec<u8>,
    is_bucket: bool,
}

impl Found {
    fn new(entry: Entry<'_>) -> Self {
        Self {
            key: entry.key.to_vec(),
            value: entry.value.to_vec(),
            is_bucket: entry.is_bucket,
        }
    }

    /// The bucket that the value is, found where `at` stands.
    fn open<'s>(
        &self,
        database: &Database<'s>,
        at: &Cursor<'_>,
    ) -> Result<(BucketHeader, Cursor<'s>), RebuildError> {
        let place = at.place();
        let Some(header) = BucketHeader::decode(&self.value) else {
            let kind = CursorDamageKind::BucketHeader;
            return Err(CursorError::from(CursorDamage { place, kind }).into());
        };
        let cursor = if header.root == PageId(0) {
            let inline = self.value.get(BUCKET_HEADER..).unwrap_or_default().to_vec();
            let (page, offset) = (place.page, place.offset);
            Cursor::over_inline(
                database.pages(),
                page.unwrap_or_default(),
                offset.unwrap_or_default(),
                inline,
            )
        } else {
            Cursor::over_tree(database.pages(), header.root)
        };
        Ok((header, cursor))
    }
}

struct Copy<'d, 's, K> {
    database: &'d Database<'s>,
    keep: K,
    path: Vec<Vec<u8>>,
}

impl<K: FnMut(&[Vec<u8>], &[u8], &[u8]) -> Result<bool, Error>> Copy<'_, '_, K> {
    fn bucket<W: Read + Write + Seek>(
        &mut self,
        out: &mut Bucket<'_, W>,
        name: Vec<u8>,
        header: BucketHeader,
        mut cursor: Cursor<'_>,
        edits: Option<&BucketEdits>,
    ) -> Result<(), RebuildError> {
        if self.path.len() >= MAX_NESTING {
            return Err(RebuildError::TooDeep);
        }
        self.path.push(name);
        out.set_sequence(header.sequence);
        let changes = edits.map(|edits| edits.changes.iter());
        let mut changes = changes.into_iter().flatten().peekable();
        let mut next = match edits {
            Some(edits) if edits.clear => None,
            _ => cursor.first()?,
        };
        while let Some(entry) = next {
            while let Some((key, change)) = changes.next_if(|(key, _)| key.as_slice() < entry.key) {
                put(out, key, change)?;
            }
            if let Some((key, change)) = changes.next_if(|(key, _)| key.as_slice() == entry.key) {
                put(out, key, change)?;
            } else if entry.is_bucket {
                let found = Found::new(entry);
                let (header, inside) = found.open(self.database, &cursor)?;
                out.bucket(&found.key.clone(), |out| {
                    self.bucket(out, found.key, header, inside, None)
                })?;
            } else if (self.keep)(&self.path, entry.key, entry.value)? {
                out.put(entry.key, entry.value)?;
            }
            next = cursor.next()?;
        }
        for (key, change) in changes {
            put(out, key, change)?;
        }
        self.path.pop();
        Ok(())
    }
}
