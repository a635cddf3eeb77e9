//! What a value is to its field: of its kind or not, empty, zero.

use super::MAX_DEPTH;
use super::special;
use crate::kubernetes::catalog::table::{Field, Kind, Shape, TABLE};
use crate::wire::{FieldValue, Fields};

/// Whether something inside of a value may be damaged or unknown, so that its path is kept.
pub(super) fn has_parts(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Message(_)
            | Kind::Raw
            | Kind::IntOrString
            | Kind::SchemaOrList(_)
            | Kind::SchemaOrBool(_)
            | Kind::SchemaOrStrings(_)
    )
}

/// Whether a value on the wire can belong to the field.
#[inline]
pub(super) fn is_on_wire(field: &Field, value: FieldValue<'_>) -> bool {
    match field.shape {
        Shape::One => is_value(field, value),
        // Numbers may be packed.
        Shape::List => is_value(field, value) || matches!(value, FieldValue::Bytes(_)),
        Shape::Map => matches!(value, FieldValue::Bytes(_)),
    }
}

/// Whether a value is one of the field's kind.
#[inline]
pub(super) fn is_value(field: &Field, value: FieldValue<'_>) -> bool {
    match field.kind {
        _ if field.is_wrapped => matches!(value, FieldValue::Bytes(_)),
        Kind::Bool | Kind::Int32 | Kind::Int64 => matches!(value, FieldValue::Varint(_)),
        Kind::Double => matches!(value, FieldValue::Fixed64(_)),
        _ => matches!(value, FieldValue::Bytes(_)),
    }
}

/// Whether a stored value is left out for `omitempty`.
pub(super) fn is_empty(field: &Field, value: FieldValue<'_>) -> bool {
    match value {
        FieldValue::Varint(n) if field.kind == Kind::Int32 => special::int32(n) == 0,
        FieldValue::Varint(n) => n == 0,
        FieldValue::Fixed64(bits) => f64::from_bits(bits) == 0.0,
        FieldValue::Bytes(bytes) if field.is_wrapped => special::first_bytes(bytes).is_none(),
        FieldValue::Bytes(bytes) => !field.kind.is_struct() && bytes.is_empty(),
        _ => false,
    }
}

/// Whether a stored value of a field with `omitzero` is left out.
pub(super) fn is_zero_field(field: &Field, value: FieldValue<'_>) -> bool {
    match field.kind {
        // These say themselves what zero is, even behind a pointer.
        Kind::Time | Kind::MicroTime | Kind::Quantity => is_zero(field.kind, value, 0),
        _ => !field.is_pointer && !field.is_wrapped && is_zero(field.kind, value, 0),
    }
}

fn is_zero(kind: Kind, value: FieldValue<'_>, depth: usize) -> bool {
    let bytes = match value {
        FieldValue::Varint(n) => return n == 0,
        FieldValue::Fixed64(bits) => return bits == 0,
        FieldValue::Bytes(bytes) => bytes,
        _ => return false,
    };
    match kind {
        Kind::String => bytes.is_empty(),
        Kind::Time | Kind::MicroTime => special::moment(bytes, kind == Kind::MicroTime).is_none(),
        Kind::Duration => special::first_varint(bytes) == 0,
        Kind::Quantity => {
            special::is_zero_quantity(special::first_bytes(bytes).unwrap_or_default())
        }
        Kind::IntOrString => Fields::of_kubernetes(bytes)
            .flatten()
            .all(|(_, value)| match value {
                FieldValue::Varint(n) => n == 0,
                FieldValue::Bytes(bytes) => bytes.is_empty(),
                _ => true,
            }),
        Kind::Message(id) if depth < MAX_DEPTH => {
            let Some(message) = TABLE.message(id) else {
                return false;
            };
            let depth = depth.saturating_add(1);
            let mut fields = Fields::of_kubernetes(bytes).flatten();
            fields.all(|(number, value)| {
                message.by_number(number).is_none_or(|(_, field)| {
                    field.shape == Shape::One
                        && !field.is_pointer
                        && !field.is_wrapped
                        && is_zero(field.kind, value, depth)
                })
            })
        }
        // What is stored at all is a pointer or a list that is not nil.
        _ => false,
    }
}
