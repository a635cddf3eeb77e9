//! How each kind is written to the wire and printed as JSON: a table made from the Go types by the
//! program in `generator/`, read once when it is first needed.

mod parse;

use std::collections::HashMap;
use std::sync::LazyLock;

/// The place of a message in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::kubernetes) struct MessageId(u16);

/// What one value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kubernetes) enum Kind {
    String,
    Bool,
    Int32,
    Int64,
    Double,
    Bytes,
    Time,
    MicroTime,
    Duration,
    Quantity,
    IntOrString,
    /// JSON as it was given: RawExtension, FieldsV1 and the like.
    Raw,
    Message(MessageId),
    /// A schema or a list of schemas.
    SchemaOrList(MessageId),
    /// A schema or a bool.
    SchemaOrBool(MessageId),
    /// A schema or a list of strings.
    SchemaOrStrings(MessageId),
}

impl Kind {
    /// Whether Go has a struct for it: those are never omitted for being empty.
    pub(in crate::kubernetes) fn is_struct(self) -> bool {
        !matches!(
            self,
            Self::String | Self::Bool | Self::Int32 | Self::Int64 | Self::Double | Self::Bytes
        )
    }
}

/// Whether a field holds one value, or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kubernetes) enum Shape {
    One,
    List,
    /// From strings to values.
    Map,
}

/// What a list is, as the API defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// It is replaced as a whole.
    Atomic,
    /// Plain values, each of them once.
    Set,
    /// Objects, told apart by some of their fields.
    Map,
}

/// How lists of a field are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kubernetes) struct ListInfo {
    pub(in crate::kubernetes) list_type: Option<ListType>,
    pub(in crate::kubernetes) keys: Vec<&'static str>,
    /// Whether a strategic merge patch merges the list, and the field it compares, which is empty for
    /// lists of plain values.
    pub(in crate::kubernetes) patch_key: Option<&'static str>,
}

/// One field of a message.
#[derive(Debug)]
pub(in crate::kubernetes) struct Field {
    pub(in crate::kubernetes) number: u32,
    /// Its name in JSON; empty if its own fields are printed in its place.
    pub(in crate::kubernetes) name: &'static str,
    pub(in crate::kubernetes) kind: Kind,
    pub(in crate::kubernetes) shape: Shape,
    /// Each value is a message that holds a list of `kind` as field 1.
    pub(in crate::kubernetes) is_wrapped: bool,
    pub(in crate::kubernetes) is_pointer: bool,
    pub(in crate::kubernetes) omit_empty: bool,
    pub(in crate::kubernetes) omit_zero: bool,
    /// Later releases do not have it: printed only where it is stored.
    pub(in crate::kubernetes) is_removed: bool,
    pub(in crate::kubernetes) list: Option<Box<ListInfo>>,
}

impl Field {
    /// Its own fields are printed in its place.
    pub(in crate::kubernetes) fn is_inline(&self) -> bool {
        self.name.is_empty()
    }

    /// Whether it is printed though nothing is stored.
    fn is_always_printed(&self) -> bool {
        if self.is_removed {
            return false;
        }
        let is_struct = self.shape == Shape::One
            && self.kind.is_struct()
            && !self.is_pointer
            && !self.is_wrapped;
        self.is_inline() || !self.omit_zero && (!self.omit_empty || is_struct)
    }
}

/// One message, its fields in the order in which Go prints them.
#[derive(Debug)]
pub(in crate::kubernetes) struct Message {
    /// Package and name.
    pub(in crate::kubernetes) name: &'static str,
    pub(in crate::kubernetes) fields: Vec<Field>,
    /// The place in `fields` by number on the wire; [`NO_FIELD`] for numbers in between.
    places: Vec<u16>,
    /// Places of fields that are printed though nothing is stored.
    pub(in crate::kubernetes) always: Vec<u16>,
}

const NO_FIELD: u16 = u16::MAX;

impl Message {
    fn new(name: &'static str, fields: Vec<Field>) -> Self {
        let mut message = Self {
            name,
            fields,
            places: Vec::new(),
            always: Vec::new(),
        };
        for (place, field) in (0u16..).zip(&message.fields) {
            let at = field.number as usize;
            if message.places.len() <= at {
                message.places.resize(at.saturating_add(1), NO_FIELD);
            }
            if let Some(slot) = message.places.get_mut(at) {
                *slot = place;
            }
            if field.is_always_printed() {
                message.always.push(place);
            }
        }
        message
    }

    /// The field of a number on the wire, and its place.
    #[inline]
    pub(in crate::kubernetes) fn by_number(&self, number: u32) -> Option<(u16, &Field)> {
        let place = *self.places.get(number as usize)?;
        Some((place, self.fields.get(usize::from(place))?))
    }

    /// The field at a place.
    #[inline]
    pub(in crate::kubernetes) fn at(&self, place: u16) -> Option<&Field> {
        self.fields.get(usize::from(place))
    }
}

/// All messages and kinds.
#[derive(Debug)]
pub(in crate::kubernetes) struct Table {
    messages: Vec<Message>,
    /// By kind, then group and version: kinds are told apart most.
    kinds: HashMap<
        &'static str,
        Vec<(&'static str, &'static str, MessageId)>,
        foldhash::fast::FixedState,
    >,
    object_meta: Option<MessageId>,
}

impl Table {
    /// The message of a kind of a group and version.
    pub(in crate::kubernetes) fn kind(
        &self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> Option<MessageId> {
        let versions = self.kinds.get(kind)?;
        let same = |entry: &&(&str, &str, MessageId)| entry.0 == group && entry.1 == version;
        versions.iter().find(same).map(|entry| entry.2)
    }

    /// The message of a kind by what objects say about themselves.
    pub(in crate::kubernetes) fn kind_of(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Option<MessageId> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.kind(group, version, kind)
    }

    /// The versions of a kind of a group, with their messages.
    pub(in crate::kubernetes) fn versions(
        &self,
        group: &str,
        kind: &str,
    ) -> impl Iterator<Item = (&'static str, MessageId)> {
        let all = self.kinds.get(kind).map_or(&[][..], Vec::as_slice);
        all.iter()
            .filter(move |entry| entry.0 == group)
            .map(|entry| (entry.1, entry.2))
    }

    /// All messages.
    pub(in crate::kubernetes) fn messages(&self) -> impl Iterator<Item = (MessageId, &Message)> {
        (0_u16..).map(MessageId).zip(&self.messages)
    }

    pub(in crate::kubernetes) fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(usize::from(id.0))
    }

    /// The metadata of objects.
    pub(in crate::kubernetes) fn object_meta(&self) -> Option<MessageId> {
        self.object_meta
    }
}

static TEXT: &str = include_str!("kubernetes.table");

/// The table.
pub(in crate::kubernetes) static TABLE: LazyLock<Table> = LazyLock::new(|| parse::parse(TEXT).0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let (table, odd_lines) = parse::parse(TEXT);
        assert_eq!(odd_lines, 0);
        assert!(table.messages.len() > 700, "{}", table.messages.len());
        for (group, version, kind) in [
            ("", "v1", "Pod"),
            ("", "v1", "RangeAllocation"),
            ("apps", "v1", "Deployment"),
            (
                "apiextensions.k8s.io",
                "v1beta1",
                "CustomResourceDefinition",
            ),
            ("apiregistration.k8s.io", "v1", "APIService"),
        ] {
            let message = table.message(table.kind(group, version, kind).unwrap());
            assert!(message.unwrap().name.ends_with(kind));
        }
        assert_eq!(table.kind("apps", "v9", "Deployment"), None);
        let meta = table.message(table.object_meta().unwrap()).unwrap();
        assert_eq!(meta.by_number(1).unwrap().1.name, "name");
        assert_eq!(meta.by_number(99).map(|(place, _)| place), None);
    }

    #[test]
    fn every_reference_of_the_table_leads_to_a_message() {
        for message in &TABLE.messages {
            for field in &message.fields {
                if let Kind::Message(id)
                | Kind::SchemaOrList(id)
                | Kind::SchemaOrBool(id)
                | Kind::SchemaOrStrings(id) = field.kind
                {
                    assert!(
                        TABLE.message(id).is_some(),
                        "{} {}",
                        message.name,
                        field.name
                    );
                }
            }
        }
    }
}
