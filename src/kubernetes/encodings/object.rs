//! A stored value as an object: JSON as the API server gives it, whichever way it is stored.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::cbor;
use super::decode::{Budget, Damage, Nowhere, Sink, Text, Tree, UnknownField, Walk, read_json};
use super::decode_error::{Broken, DecodeError};
use super::envelope::Envelope;
use super::format::Encoding;
use super::head::Head;
use crate::kubernetes::catalog::table::TABLE;
use crate::kubernetes::fields::controller;
use crate::wire::{self, Fields};

/// What is known of an object besides its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// How it was stored.
    pub encoding: Encoding,
    /// Group and version; `v1` for the core group.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Fields that are not in the JSON, as no release known here has them.
    pub unknown: Vec<UnknownField>,
    /// How many more of them were met than are kept in `unknown`.
    pub more_unknown: u64,
    /// The size of the object's own bytes when its kind is unknown: the JSON has its type and metadata only.
    pub undecoded: Option<usize>,
    /// The first thing that could not be decoded; the JSON has what is around it.
    pub error: Option<DecodeError>,
}

impl Description {
    /// Whether something of the stored object is missing from the JSON.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.error.is_some() || self.undecoded.is_some() || !self.unknown.is_empty()
    }
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The object as the API server gives it, but for `metadata.resourceVersion`, which is not stored: it is
    /// the revision of the last change.
    pub json: Value,
    /// How it was stored, and what is not in the JSON.
    pub description: Description,
}

impl Object {
    fn metadata(&self, name: &str) -> Option<&str> {
        self.json.get("metadata")?.get(name)?.as_str()
    }

    /// The namespace it is in.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.metadata("namespace")
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.metadata("name")
    }

    /// Its uid.
    #[must_use]
    pub fn uid(&self) -> Option<&str> {
        self.metadata("uid")
    }

    /// The uid of the object that controls it.
    #[must_use]
    pub fn controller_uid(&self) -> Option<&str> {
        controller(&self.json)?.get("uid")?.as_str()
    }
}

/// Decodes a stored value.
///
/// # Errors
/// [`DecodeError::Encrypted`], [`DecodeError::NotKubernetes`], [`DecodeError::TooLarge`], or JSON or CBOR that cannot be read. Damage inside of
/// protobuf is not an error: see [`Description::error`].
pub fn decode(value: &[u8]) -> Result<Object, DecodeError> {
    let mut tree = Tree::new(Budget::of(value.len()));
    let description = match Encoding::of(value) {
        Encoding::Protobuf => from_protobuf(value, &mut tree)?,
        encoding @ (Encoding::Json | Encoding::Cbor) => {
            let json = if encoding == Encoding::Json {
                read_json(value)?
            } else {
                cbor::to_value(value, &mut Budget::of(value.len()))?
            };
            let text = |name: &str| json.get(name).and_then(Value::as_str).map(Cow::Borrowed);
            let description = plain(encoding, text("apiVersion"), text("kind"));
            return Ok(Object { json, description });
        }
        Encoding::Encrypted => return Err(DecodeError::Encrypted),
        Encoding::Other => return Err(DecodeError::NotKubernetes),
    };
    Ok(Object {
        json: tree.finish()?,
        description,
    })
}

/// Appends a stored value to `out` as compact JSON text. Keys are in Go's order; what is stored as JSON keeps
/// its own.
///
/// # Errors
/// As [`decode`]; nothing is appended then.
pub fn write_json(value: &[u8], out: &mut Vec<u8>) -> Result<Description, DecodeError> {
    let start = out.len();
    let written = write_into(value, &mut Text::new(out, Budget::of(value.len())));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write_into(value: &[u8], text: &mut Text<'_>) -> Result<Description, DecodeError> {
    match Encoding::of(value) {
        Encoding::Protobuf => {
            let description = from_protobuf(value, text)?;
            text.error().map_or(Ok(description), Err)
        }
        Encoding::Json => {
            if !text.json(value) {
                let error = read_json(value).err();
                return Err(error.unwrap_or_else(|| DecodeError::malformed(Broken::Json)));
            }
            let head = Head::of(value);
            Ok(plain(Encoding::Json, head.api_version, head.kind))
        }
        Encoding::Cbor => {
            let json = cbor::to_value(value, &mut Budget::of(value.len()))?;
            let get = |name: &str| json.get(name).and_then(Value::as_str).map(Cow::Borrowed);
            let description = plain(Encoding::Cbor, get("apiVersion"), get("kind"));
            text.value(json);
            Ok(description)
        }
        Encoding::Encrypted => Err(DecodeError::Encrypted),
        Encoding::Other => Err(DecodeError::NotKubernetes),
    }
}

/// What [`decode`] would say of a stored value, without the object itself; and how many bytes follow an object
/// in protobuf or CBOR, which an API server refuses.
///
/// # Errors
/// As [`decode`].
pub(in crate::kubernetes) fn describe(value: &[u8]) -> Result<(Description, usize), DecodeError> {
    match Encoding::of(value) {
        Encoding::Protobuf => {
            let trailing = Envelope::parse(value).map_or(0, |envelope| envelope.trailing.len());
            Ok((from_protobuf(value, &mut Nowhere)?, trailing))
        }
        encoding @ (Encoding::Json | Encoding::Cbor) => {
            let head = Head::of(value);
            match head.error {
                Some(error) => Err(error),
                None => {
                    let trailing = match encoding {
                        Encoding::Cbor => cbor::check(value)?,
                        _ => 0,
                    };
                    Ok((plain(encoding, head.api_version, head.kind), trailing))
                }
            }
        }
        Encoding::Encrypted => Err(DecodeError::Encrypted),
        Encoding::Other => Err(DecodeError::NotKubernetes),
    }
}

/// The description of what needs no table.
fn plain(
    encoding: Encoding,
    api_version: Option<Cow<'_, str>>,
    kind: Option<Cow<'_, str>>,
) -> Description {
    Description {
        encoding,
        api_version: api_version.unwrap_or_default().into_owned(),
        kind: kind.unwrap_or_default().into_owned(),
        unknown: Vec::new(),
        more_unknown: 0,
        undecoded: None,
        error: None,
    }
}

fn from_protobuf(value: &[u8], sink: &mut impl Sink) -> Result<Description, DecodeError> {
    let envelope = Envelope::parse(value).ok_or(DecodeError::NotKubernetes)?;
    let (api_version, kind) = (envelope.api_version, envelope.kind);
    let is_protobuf = envelope.content_encoding.is_empty()
        && matches!(
            envelope.content_type,
            "" | "application/vnd.kubernetes.protobuf"
        );
    let known = TABLE.kind_of(api_version, kind).filter(|_| is_protobuf);
    let (damage, undecoded) = if let Some(id) = known {
        let mut walk = Walk::new(sink);
        walk.object(id, envelope.raw, (api_version, kind));
        (walk.damage, None)
    } else {
        outline(&envelope, sink);
        (Damage::default(), Some(envelope.raw.len()))
    };
    Ok(Description {
        encoding: Encoding::Protobuf,
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        unknown: damage.unknown,
        more_unknown: damage.more_unknown,
        undecoded,
        error: envelope.error().or(damage.error),
    })
}

/// Gives an object of an unknown kind: its type, and its metadata if field 1 of it is that.
fn outline(envelope: &Envelope<'_>, sink: &mut impl Sink) {
    let mut object = Map::new();
    for (name, text) in [
        ("kind", envelope.kind),
        ("apiVersion", envelope.api_version),
    ] {
        if !text.is_empty() {
            object.insert(name.to_owned(), text.into());
        }
    }
    if let Some(metadata) = metadata(envelope.raw) {
        object.insert("metadata".to_owned(), metadata);
    }
    sink.value(Value::Object(object));
}

/// Field 1 of an object, if it reads as metadata without a rest.
fn metadata(raw: &[u8]) -> Option<Value> {
    let (_, first) =
        Fields::of_kubernetes(raw).find_map(|field| field.ok().filter(|field| field.0 == 1))?;
    let wire::FieldValue::Bytes(bytes) = first else {
        return None;
    };
    let mut tree = Tree::new(Budget::of(bytes.len()));
    let mut walk = Walk::new(&mut tree);
    walk.object(TABLE.object_meta()?, bytes, ("", ""));
    let is_whole = walk.damage.error.is_none() && walk.damage.unknown.is_empty();
    is_whole.then(|| tree.finish().ok()).flatten()
}
