//! Objects as manifests that can be applied again.

use std::ops::ControlFlow;

use serde_json::Value;

use super::list::{FoundObject, ObjectList};
use super::reader::ValueReader;
use crate::error::Result;
use crate::kubernetes::Flaw;
use crate::kubernetes::apply::clean::{clean, is_owned_or_transient};
use crate::ops::session::Session;

/// What to export.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// Nothing is removed from the objects.
    pub as_stored: bool,
    /// Also objects that others make again: those with a controller, Events, Leases, Endpoints.
    pub include_owned: bool,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Exported {
    /// The manifest.
    Manifest(Value),
    /// Somebody else makes it again.
    Owned,
    /// It holds secrets, which are not to be shown.
    Secret,
    /// It cannot be decoded, or only in part; why.
    Unreadable(String),
    /// Its value is not what its key promises.
    Damaged(Flaw),
}

/// Gives each object of `list` as a manifest to `each`, or why it is none.
///
/// # Errors
/// Reading, cancelling.
pub fn export<'i, 'l>(
    session: &Session<'i>,
    list: &'l ObjectList<'i>,
    reader: &ValueReader,
    options: ExportOptions,
    mut each: impl FnMut(&'l FoundObject, Exported) -> ControlFlow<()>,
) -> Result<()> {
    list.fetch(
        session,
        &list.found,
        |key, value, revision| manifest(key, value, revision, reader, options),
        |found, exported| {
            let lost = || Exported::Unreadable("its value cannot be read any more".into());
            let is_secret = list.kind(found).is_some_and(|kind| {
                kind.resource.group.is_empty() && kind.resource.kind == "Secret"
            });
            let damage = list.damage(found).map(|damaged| &damaged.flaw);
            let exported = match exported.unwrap_or_else(lost) {
                _ if found.is_damaged => match damage {
                    Some(flaw) => Exported::Damaged(flaw.clone()),
                    None => lost(),
                },
                // It would be left out all the same if there were a key for it.
                Exported::Unreadable(_)
                    if is_secret && found.is_locked && reader.redactor.is_some() =>
                {
                    Exported::Secret
                }
                exported => exported,
            };
            each(found, exported)
        },
    )
}

pub(in crate::ops) fn manifest(
    key: &[u8],
    value: &[u8],
    revision: i64,
    reader: &ValueReader,
    options: ExportOptions,
) -> Exported {
    if let Err(fault) = reader.plain(key, value) {
        return Exported::Unreadable(fault.to_string());
    }
    let object = match reader.object_of(key, value, revision) {
        Ok(object) => object,
        Err(fault) => return Exported::Unreadable(fault.to_string()),
    };
    let mut json = object.json;
    if !options.include_owned && is_owned_or_transient(&json) {
        return Exported::Owned;
    }
    if object.description.is_partial() {
        return Exported::Unreadable("it can only be decoded in part".into());
    }
    if !options.as_stored {
        clean(&mut json);
    }
    // A file that is meant to be applied never holds a mark instead of a secret: an object in which anything is to be
    // hidden is left out whole.
    if let Some(redactor) = &reader.redactor
        && redactor.redact_stored(key, &mut json)
    {
        return Exported::Secret;
    }
    Exported::Manifest(json)
}
