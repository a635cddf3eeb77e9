//! What a value is to its field: of its kind or not, empty, zero.

use super::MAX_DEPTH;
use super::special;
use crate::kubernetes::catalog::table::{Field, Kind, Shape, TABLE};
use crate::kubernetes::wire::{Fields, Value};

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
pub(super) fn is_on_wire(field: &Field, value: Value<'_>) -> bool {
    match field.shape {
        Shape::One => is_value(field, value),
        // Numbers may be packed.
        Shape::List => is_value(field, value) || matches!(value, Value::Bytes(_)),
        Shape::Map => matches!(value, Value::Bytes(_)),
    }
}

/// Whether a value is one of the field's kind.
#[inline]
pub(super) fn is_value(field: &Field, value: Value<'_>) -> bool {
    match field.kind {
        _ if field.is_wrapped => matches!(value, Value::Bytes(_)),
        Kind::Bool | Kind::Int32 | Kind::Int64 => matches!(value, Value::Varint(_)),
        Kind::Double => matches!(value, Value::Fixed64(_)),
        _ => matches!(value, Value::Bytes(_)),
    }
}

/// Whether a stored value is left out for `omitempty`.
pub(super) fn is_empty(field: &Field, value: Value<'_>) -> bool {
    match value {
        Value::Varint(n) if field.kind == Kind::Int32 => special::int32(n) == 0,
        Value::Varint(n) => n == 0,
        Value::Fixed64(bits) => f64::from_bits(bits) == 0.0,
        Value::Bytes(bytes) if field.is_wrapped => special::first_bytes(bytes).is_none(),
        Value::Bytes(bytes) => !field.kind.is_struct() && bytes.is_empty(),
        _ => false,
    }
}

/// Whether a stored value of a field with `omitzero` is left out.
pub(super) fn is_zero_field(field: &Field, value: Value<'_>) -> bool {
    match field.kind {
        // These say themselves what zero is, even behind a pointer.
        Kind::Time | Kind::MicroTime | Kind::Quantity => is_zero(field.kind, value, 0),
        _ => !field.is_pointer && !field.is_wrapped && is_zero(field.kind, value, 0),
    }
}

fn is_zero(kind: Kind, value: Value<'_>, depth: usize) -> bool {
    let bytes = match value {
        Value::Varint(n) => return n == 0,
        Value::Fixed64(bits) => return bits == 0,
        Value::Bytes(bytes) => bytes,
        _ => return false,
    };
    match kind {
        Kind::String => bytes.is_empty(),
        Kind::Time | Kind::MicroTime => special::moment(bytes, kind == Kind::MicroTime).is_none(),
        Kind::Duration => special::first_varint(bytes) == 0,
        Kind::Quantity => {
            special::is_zero_quantity(special::first_bytes(bytes).unwrap_or_default())
        }
        Kind::IntOrString => Fields::new(bytes).flatten().all(|(_, value)| match value {
            Value::Varint(n) => n == 0,
            Value::Bytes(bytes) => bytes.is_empty(),
            _ => true,
        }),
        Kind::Message(id) if depth < MAX_DEPTH => {
            let Some(message) = TABLE.message(id) else {
                return false;
            };
            let depth = depth.saturating_add(1);
            let mut fields = Fields::new(bytes).flatten();
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
