//! Listing keys.

use crate::error::Result;
use crate::etcd::keyspace::{
    FirstKeys, GatherRows, KeyFilter, Keyspace, Newest, RecordPlace, RevisionBounds, RowOrder,
    Rows, Wanted,
};
use crate::ops::session::Session;

/// Which keys to list, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeysQuery {
    /// The keys.
    pub filter: KeyFilter,
    /// Keys must match this pattern too: `*` stays within a part between slashes, `**` does not.
    pub glob: Option<String>,
    /// At this revision; 0 = the newest.
    pub revision: i64,
    /// Keys that exist, or keys that were deleted.
    pub wanted: Wanted,
    /// The order.
    pub order: RowOrder,
    /// From the last to the first.
    pub descending: bool,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Default for KeysQuery {
    fn default() -> Self {
        Self {
            filter: KeyFilter::all(),
            glob: None,
            revision: 0,
            wanted: Wanted::Live,
            order: RowOrder::Key,
            descending: false,
            limit: None,
        }
    }
}

/// Keys at a revision.
#[derive(Debug)]
pub struct KeyList<'i> {
    /// In the order asked for, before `descending` and `limit` are applied; see [`KeyList::iter`].
    pub rows: Rows,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
    /// The revision that was asked for.
    pub revision: i64,
    /// For reading the values.
    pub keyspace: Keyspace<'i>,
    descending: bool,
    limit: usize,
}

impl KeyList<'_> {
    /// The keys as they are wanted.
    pub fn iter(&self) -> impl Iterator<Item = crate::etcd::keyspace::KeyRecord<'_>> {
        let rows = self.rows.iter();
        let (up, down) = if self.descending {
            (None, Some(rows.rev()))
        } else {
            (Some(rows), None)
        };
        up.into_iter()
            .flatten()
            .chain(down.into_iter().flatten())
            .take(self.limit)
    }

    /// How many keys [`KeyList::iter`] gives.
    pub fn len(&self) -> usize {
        self.rows.len().min(self.limit)
    }

    /// True when it gives none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Lists keys.
///
/// # Errors
/// [`Error::Revision`](crate::Error::Revision); reading, cancelling.
pub fn keys<'i>(session: &mut Session<'i>, query: &KeysQuery) -> Result<KeyList<'i>> {
    let (keyspace, places) = select(session, query)?;
    let bounds = keyspace.bounds();
    let gather = GatherRows::new(KeyFilter::all(), session.options.memory_limit);
    let parts = keyspace.visit(&places, &gather, &session.workers, session.options)?;
    drop(places);
    let mut rows = Rows::sorted(parts, query.order, &session.workers)?;
    if let Some(glob) = &query.glob {
        rows.retain(|facts| fast_glob::glob_match(glob, facts.key));
    }
    Ok(KeyList {
        rows,
        bounds,
        revision: bounds.resolve(query.revision)?,
        keyspace,
        descending: query.descending,
        limit: query.limit.unwrap_or(usize::MAX),
    })
}

/// The places of the newest records of the keys.
fn select<'i>(
    session: &mut Session<'i>,
    query: &KeysQuery,
) -> Result<(Keyspace<'i>, Vec<RecordPlace>)> {
    let first = query.limit.and_then(|limit| {
        let is_plain =
            query.order == RowOrder::Key && query.glob.is_none() && query.wanted == Wanted::Live;
        let first = || {
            FirstKeys::new(
                query.filter.clone(),
                query.revision,
                query.descending,
                limit,
            )
        };
        is_plain.then(first).flatten()
    });
    if let Some(first) = first {
        let (keyspace, parts) = session.scan(&first)?;
        keyspace.bounds().resolve(query.revision)?;
        if let Some(places) = first.select(parts) {
            return Ok((keyspace, places));
        }
        // Too many deleted keys among the first: look at all of them, and report damage only once.
        session.forget_findings();
    }
    let newest = Newest::new(
        query.filter.clone(),
        query.revision,
        session.options.memory_limit,
    );
    let (keyspace, parts) = session.scan(&newest)?;
    keyspace.bounds().resolve(query.revision)?;
    let places = Newest::select(&parts, query.wanted, &session.workers)?;
    Ok((keyspace, places))
}
