//! The live keys of a file, with what is needed to tell what they hold.

use std::collections::BTreeMap;

use super::definitions::{DefinitionVisitor, note_newest, resources};
use super::stored::LayoutVisitor;
use crate::error::Result;
use crate::etcd::keyspace::{DeletedKey, KeyFilter, Keyspace, Newest, RecordPlace, Wanted};
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::check::layout::KeyLayout;
use crate::ops::session::Session;
use crate::ops::times::{FileTime, NewestTime, TimeLine, Times};

/// The live keys of a file at a revision, or those that were deleted, with what is needed to tell what they hold.
pub(in crate::ops) struct Live<'i> {
    pub(in crate::ops) keyspace: Keyspace<'i>,
    /// Of deleted keys, the records before the deletions.
    pub(in crate::ops) places: Vec<RecordPlace>,
    /// Deleted keys, by the places of their values, if they are wanted, and when things happened.
    pub(in crate::ops) deleted: (Vec<DeletedKey>, Times),
    pub(in crate::ops) resources: Resources,
    pub(in crate::ops) layout: KeyLayout,
    pub(in crate::ops) revision: i64,
    pub(in crate::ops) now: Option<i64>,
}

/// Finds the live keys at a revision.
pub(in crate::ops) fn live<'i>(session: &mut Session<'i>, revision: i64) -> Result<Live<'i>> {
    live_of(session, KeyFilter::all(), revision)
}

/// Finds the live ones of some keys at a revision.
pub(in crate::ops) fn live_of<'i>(
    session: &mut Session<'i>,
    filter: KeyFilter,
    revision: i64,
) -> Result<Live<'i>> {
    live_or_deleted(session, filter, revision, false)
}

/// Finds the live ones of some keys at a revision, or those that were deleted.
pub(in crate::ops) fn live_or_deleted<'i>(
    session: &mut Session<'i>,
    filter: KeyFilter,
    revision: i64,
    is_deleted: bool,
) -> Result<Live<'i>> {
    let newest = Newest::new(filter, revision, session.options.memory_limit);
    let visitor = (
        newest,
        (
            (DefinitionVisitor { revision }, LayoutVisitor::new()),
            (
                FileTime,
                TimeLine {
                    is_wanted: is_deleted,
                },
            ),
        ),
    );
    let (keyspace, parts) = session.scan(&visitor)?;
    let revision = keyspace.bounds().resolve(revision)?;
    let mut entries = Vec::new();
    let mut definitions = BTreeMap::new();
    let mut times: Vec<NewestTime> = Vec::new();
    let mut lines = Vec::new();
    let mut layout = KeyLayout::default();
    for (of_keys, ((of_definitions, of_layout), (time, line))) in parts {
        entries.push(of_keys);
        layout.merge(of_layout);
        for (key, place) in of_definitions {
            note_newest(&mut definitions, &key, place);
        }
        times.push(time);
        lines.push(line);
    }
    let mut deleted = Vec::new();
    let places = match is_deleted {
        true => {
            deleted = Newest::select_deleted(&entries, &session.workers)?;
            deleted.iter().filter_map(|key| key.last).collect()
        }
        false => Newest::select(&entries, Wanted::Live, &session.workers)?,
    };
    let resources = resources(session, &keyspace, definitions.into_values())?;
    Ok(Live {
        keyspace,
        places,
        deleted: (deleted, TimeLine::join(lines)),
        resources,
        layout,
        revision,
        now: FileTime::join(times),
    })
}
