//! The head of an object in JSON. What is not needed is passed over without being kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Head, Labels};
use crate::kubernetes::encodings::decode_error::{Broken, DecodeError};
use crate::kubernetes::time::parse_rfc3339;

pub(super) fn read<'a>(value: &'a [u8], head: &mut Head<'a>) {
    let mut json = serde_json::Deserializer::from_slice(value);
    let mut result = json.deserialize_map(Level(Place::Top, head));
    if result.is_ok() {
        result = json.end();
    }
    if result.is_err() {
        head.error = Some(DecodeError::malformed(Broken::Json));
    }
}

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Metadata,
    Labels,
    /// The list, or one entry of it.
    Managed,
}

/// Takes what is needed at one place.
struct Level<'h, 'a>(Place, &'h mut Head<'a>);

impl<'a> DeserializeSeed<'a> for Level<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Level<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Kubernetes")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<(), S::Error> {
        let Self(place, head) = self;
        if place != Place::Managed {
            return Err(S::Error::custom("a list"));
        }
        while list.next_element_seed(Level(place, head))?.is_some() {
            head.has_managed_fields = true;
        }
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let Self(place, head) = self;
        while let Some(Text(key)) = map.next_key()? {
            let key = key.unwrap_or_default();
            match (place, &*key) {
                (Place::Top, "apiVersion") => head.api_version = map.next_value::<Text<'_>>()?.0,
                (Place::Top, "kind") => head.kind = map.next_value::<Text<'_>>()?.0,
                (Place::Top, "metadata") => map.next_value_seed(Level(Place::Metadata, head))?,
                (Place::Metadata, "namespace") => {
                    head.namespace = map.next_value::<Text<'_>>()?.0;
                }
                (Place::Metadata, "name") => head.name = map.next_value::<Text<'_>>()?.0,
                (Place::Metadata, "uid") => head.uid = map.next_value::<Text<'_>>()?.0,
                (Place::Metadata, "generation") => {
                    head.generation = map.next_value::<Option<i64>>()?;
                }
                (Place::Metadata, "creationTimestamp") => head.creation = time(&mut map)?,
                (Place::Metadata, "deletionTimestamp") => head.deletion = time(&mut map)?,
                (Place::Metadata, "managedFields") => {
                    map.next_value_seed(Level(Place::Managed, head))?;
                }
                (Place::Metadata, "labels") => map.next_value_seed(Level(Place::Labels, head))?,
                (Place::Managed, "time") => {
                    if let Some(seconds) = time(&mut map)? {
                        head.managed_at(seconds);
                    }
                }
                (Place::Labels, _) => {
                    let value = map.next_value::<Text<'_>>()?.0;
                    if let (Labels::List(list), Some(value)) = (&mut head.labels, value) {
                        list.push((key, value));
                    }
                }
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }
}

fn time<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Option<i64>, M::Error> {
    let Text(text) = map.next_value()?;
    Ok(text.and_then(|text| parse_rfc3339(&text)))
}

/// Text or null, borrowed where nothing in it is escaped.
struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> serde::Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'a> Visitor<'a> for TextVisitor {
    type Value = Text<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E: Error>(self) -> Result<Text<'a>, E> {
        Ok(Text(None))
    }
}
