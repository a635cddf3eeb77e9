//! The kinds that a file defines itself.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordPlace, RecordView, RecordVisitor};
use crate::kubernetes::catalog::resources::Resources;
use crate::ops::session::Session;

/// Notes where the newest definitions of custom resources are, at a revision; 0 = the newest.
#[derive(Debug, Clone, Copy)]
pub(in crate::ops) struct DefinitionVisitor {
    pub(in crate::ops) revision: i64,
}

impl RecordVisitor for DefinitionVisitor {
    type Local = BTreeMap<Vec<u8>, RecordPlace>;

    fn start(&self) -> Self::Local {
        BTreeMap::new()
    }

    fn record(&self, local: &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let is_seen = self.revision <= 0 || view.revision.main <= self.revision;
        if is_seen && !view.is_tombstone && is_definition(view.record.key) {
            note_newest(local, view.record.key, view.place);
        }
        Ok(())
    }
}

/// Where custom resources are defined, whatever the prefix.
pub(in crate::ops) fn is_definition(key: &[u8]) -> bool {
    key.rsplit(|b| *b == b'/').nth(1) == Some(b"customresourcedefinitions")
}

pub(in crate::ops) fn note_newest(
    newest: &mut BTreeMap<Vec<u8>, RecordPlace>,
    key: &[u8],
    place: RecordPlace,
) {
    match newest.get_mut(key) {
        Some(known) => *known = (*known).max(place),
        None => {
            newest.insert(key.to_vec(), place);
        }
    }
}

/// The kinds that are built in and those that the file defines.
///
/// # Errors
/// Reading, cancelling.
pub(in crate::ops) fn resources<'i>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    definitions: impl IntoIterator<Item = RecordPlace>,
) -> Result<Resources> {
    let mut resources = Resources::builtin();
    let places: Vec<RecordPlace> = definitions.into_iter().collect();
    // They are among the largest objects there are.
    for few in places.chunks(4) {
        let definitions = session.map(keyspace, few, |view| {
            Ok(crate::kubernetes::decode(&view.value()?).ok())
        })?;
        for definition in definitions.into_iter().flatten().flatten() {
            resources.add_custom(&definition.json);
        }
    }
    Ok(resources)
}

/// The kinds that are built in and those that any revision of the file defines, in one scan.
///
/// # Errors
/// Reading, cancelling.
pub fn known_kinds(session: &Session<'_>) -> Result<Resources> {
    let (keyspace, parts) = session.scan_again(&DefinitionVisitor { revision: 0 })?;
    let mut newest = BTreeMap::new();
    for (key, place) in parts.into_iter().flatten() {
        note_newest(&mut newest, &key, place);
    }
    resources(session, &keyspace, newest.into_values())
}
