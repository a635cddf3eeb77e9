//! One object, by kind and name.

use std::ops::ControlFlow;

use serde_json::Value;

use super::SessionSource;
use crate::error::Result;
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::kubernetes::{DecodeError, Description, Flaw};
use crate::ops::{
    self, AbsenceQuery, AbsenceReason, FoundObject, LookedFor, ObjectsQuery, Session, ValueContent,
    ValueReader,
};

/// An object that is there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LiveObject {
    /// The object as an API server gives it, secrets hidden unless they are to be shown.
    pub json: Value,
    /// The key under which it is stored.
    pub key: Vec<u8>,
    /// The revision of its last change.
    pub mod_revision: i64,
    /// How it is stored, and what is not in the JSON: see [`Description::is_partial`].
    pub description: Description,
    /// How it calls itself otherwise than its key does.
    pub flaw: Option<Flaw>,
}

/// What there is of an object that was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ObjectAnswer {
    /// The object.
    Found(Box<LiveObject>),
    /// It is there, encrypted, and cannot be opened.
    Encrypted(DecryptError),
    /// It is there, and its value is not an object that an API server can decode.
    Damaged(Flaw),
    /// It is there, and too large or nested too deeply to be decoded.
    TooLarge(DecodeError),
    /// It is there, holds a secret, and cannot be decoded as a whole: a mark in its place.
    Hidden(String),
    /// There are several; their namespaces.
    Several(Vec<String>),
    /// It is not there, for this reason.
    Absent(AbsenceReason),
}

impl ObjectAnswer {
    /// The JSON of the object, if it was found.
    #[must_use]
    pub fn into_json(self) -> Option<Value> {
        match self {
            Self::Found(object) => Some(object.json),
            _ => None,
        }
    }
}

/// Finds an object.
pub(super) fn find(
    source: SessionSource<'_>,
    reader: &ValueReader,
    revision: i64,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Result<ObjectAnswer> {
    let mut session = source.open()?;
    let namespaces: Vec<String> = namespace.into_iter().map(str::to_owned).collect();
    let query = ObjectsQuery {
        pairs: vec![(kind.to_owned(), name.to_owned())],
        namespaces: namespaces.clone(),
        revision,
        ..ObjectsQuery::default()
    };
    let list = ops::objects(&mut session, &query, reader)?;
    let answer = match list.found.as_slice() {
        [] => absent(&session, kind, name, namespaces, revision)?,
        [found] => {
            let flaw = list.damage(found).map(|damaged| damaged.flaw.clone());
            read(&session, reader, &list, found, flaw)?
        }
        several => {
            let namespaces = several.iter().map(|found| found.namespace.to_string());
            ObjectAnswer::Several(namespaces.collect())
        }
    };
    drop(list);
    source.finish(session)?;
    Ok(answer)
}

fn absent(
    session: &Session<'_>,
    kind: &str,
    name: &str,
    namespaces: Vec<String>,
    revision: i64,
) -> Result<ObjectAnswer> {
    let query = AbsenceQuery {
        items: vec![LookedFor::Object {
            word: kind.to_owned(),
            name: name.to_owned(),
        }],
        namespaces,
        revision,
        counts_deleted: false,
    };
    let absences = ops::absences(session, &query)?;
    let reason = absences.list.into_iter().next();
    let reason = reason.map_or(AbsenceReason::NeverSeen, |absence| absence.reason);
    Ok(ObjectAnswer::Absent(reason))
}

fn read<'i>(
    session: &Session<'i>,
    reader: &ValueReader,
    list: &ops::ObjectList<'i>,
    found: &FoundObject,
    flaw: Option<Flaw>,
) -> Result<ObjectAnswer> {
    let make = |key: &[u8], value: &[u8], mod_revision: i64| {
        let read = reader.read(key, value, mod_revision);
        if let Some(flaw) = flaw.clone().filter(|flaw| !flaw.is_decodable()) {
            return ObjectAnswer::Damaged(flaw);
        }
        match (read.content, read.locked, read.too_large) {
            (_, Some(error), _) => ObjectAnswer::Encrypted(error),
            (_, _, Some(error)) => ObjectAnswer::TooLarge(error),
            (ValueContent::Object(object), ..) => ObjectAnswer::Found(Box::new(LiveObject {
                json: object.json,
                key: key.to_vec(),
                mod_revision,
                description: object.description,
                flaw: flaw.clone(),
            })),
            (ValueContent::Hidden(mark), ..) => ObjectAnswer::Hidden(mark),
            _ => ObjectAnswer::Damaged(flaw.clone().unwrap_or(Flaw::NoType)),
        }
    };
    let mut answer = None;
    let one = std::slice::from_ref(found);
    list.fetch(session, one, make, |_, made| {
        answer = made;
        ControlFlow::Continue(())
    })?;
    // It was there a moment ago: whoever ends the question notices that the file was changed.
    Ok(answer.unwrap_or(ObjectAnswer::Absent(AbsenceReason::CannotTell)))
}
