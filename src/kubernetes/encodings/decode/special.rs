//! The types that print themselves: what is on the wire, and what Go prints for it.

use crate::kubernetes::catalog::table::Kind;
use crate::kubernetes::time::{Timestamp, ZERO_TIME};
use crate::wire::{FieldValue, Fields};

/// `Time` and `MicroTime`. Nothing on the wire is Go's zero time, which is printed as null; seconds and
/// nanoseconds that are absent are 0.
pub(super) fn moment(bytes: &[u8], has_micros: bool) -> Option<Timestamp> {
    if bytes.is_empty() {
        return None;
    }
    let (mut seconds, mut nanos) = (0i64, 0i32);
    for (number, value) in Fields::of_kubernetes(bytes).flatten() {
        match (number, value) {
            (1, FieldValue::Varint(n)) => seconds = n.cast_signed(),
            (2, FieldValue::Varint(n)) => nanos = int32(n),
            _ => {}
        }
    }
    if !has_micros {
        return (seconds != ZERO_TIME).then_some(Timestamp {
            seconds,
            micros: None,
        });
    }
    // Go truncates towards zero and then carries whole seconds over.
    let micros = i64::from(nanos).wrapping_div(1000);
    let seconds = seconds.saturating_add(micros.div_euclid(1_000_000));
    let micros = u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or_default();
    let is_zero = seconds == ZERO_TIME && micros == 0;
    (!is_zero).then_some(Timestamp {
        seconds,
        micros: Some(micros),
    })
}

/// A varint as Go reads it into 32 bits.
#[allow(clippy::cast_possible_truncation)] // As Go does.
pub(super) fn int32(n: u64) -> i32 {
    n as i32
}

/// Field 1 of a small message, of bytes; the last one counts.
pub(super) fn first_bytes(bytes: &[u8]) -> Option<&[u8]> {
    let fields = Fields::of_kubernetes(bytes).flatten();
    let ones = fields.filter(|(number, _)| *number == 1);
    ones.filter_map(|(_, value)| value.bytes()).last()
}

/// Field 1 of a small message, a varint.
pub(super) fn first_varint(bytes: &[u8]) -> u64 {
    let fields = Fields::of_kubernetes(bytes).flatten();
    let ones = fields.filter(|(number, _)| *number == 1);
    ones.filter_map(|(_, value)| value.varint())
        .last()
        .unwrap_or_default()
}

/// What an `IntOrString` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntOrString<'a> {
    Int(i32),
    String(&'a [u8]),
    /// Of a type that does not exist.
    Neither,
}

pub(super) fn int_or_string(bytes: &[u8]) -> IntOrString<'_> {
    let (mut kind, mut int, mut string) = (0u64, 0u64, &b""[..]);
    for (number, value) in Fields::of_kubernetes(bytes).flatten() {
        match (number, value) {
            (1, FieldValue::Varint(n)) => kind = n,
            (2, FieldValue::Varint(n)) => int = n,
            (3, FieldValue::Bytes(bytes)) => string = bytes,
            _ => {}
        }
    }
    match kind {
        0 => IntOrString::Int(int32(int)),
        1 => IntOrString::String(string),
        _ => IntOrString::Neither,
    }
}

/// Whether the text of a quantity stands for zero.
pub(super) fn is_zero_quantity(text: &[u8]) -> bool {
    let is_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-');
    let mut number = text.iter().take_while(is_number);
    !number.any(|byte| matches!(byte, b'1'..=b'9'))
}

/// True for bytes that Go's reader of such a type refuses: fields that are cut off, or of another wire type.
pub(super) fn is_broken(kind: Kind, bytes: &[u8]) -> bool {
    let is_taken = |number: u32, value: FieldValue<'_>| match (kind, number) {
        (Kind::Time | Kind::MicroTime | Kind::IntOrString, 1 | 2) | (Kind::Duration, 1) => {
            matches!(value, FieldValue::Varint(_))
        }
        (Kind::Quantity | Kind::Raw, 1) | (Kind::IntOrString, 3) => {
            matches!(value, FieldValue::Bytes(_))
        }
        _ => true,
    };
    let is_special = matches!(
        kind,
        Kind::Time
            | Kind::MicroTime
            | Kind::Duration
            | Kind::Quantity
            | Kind::IntOrString
            | Kind::Raw
    );
    is_special
        && Fields::of_kubernetes(bytes)
            .any(|field| !field.is_ok_and(|(number, value)| is_taken(number, value)))
}

/// A packed list: the numbers in it, until one is cut off.
pub(super) fn packed(bytes: &[u8], is_double: bool) -> impl Iterator<Item = FieldValue<'_>> {
    let mut fields = Fields::of_kubernetes(bytes);
    std::iter::from_fn(move || {
        if is_double {
            fields.fixed64().ok().map(FieldValue::Fixed64)
        } else {
            fields.varint().ok().map(FieldValue::Varint)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_reads_them() {
        assert_eq!(moment(b"", false), None);
        let shown = |bytes: &[u8], micros| moment(bytes, micros).map(|time| time.to_string());
        assert_eq!(
            shown(b"\x10\x05", false).as_deref(),
            Some("1970-01-01T00:00:00Z")
        );
        assert_eq!(
            shown(b"\x08\x01\x10\xf0\x2e", true).as_deref(),
            Some("1970-01-01T00:00:01.000006Z")
        );
        let zero = b"\x08\x80\x92\xb8\xc3\x98\xfe\xff\xff\xff\x01";
        assert_eq!((moment(zero, false), moment(zero, true)), (None, None));
    }

    #[test]
    fn small_messages_are_read() {
        assert_eq!(int_or_string(b""), IntOrString::Int(0));
        let minus = b"\x08\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1a\x00";
        assert_eq!(int_or_string(minus), IntOrString::Int(-1));
        assert_eq!(
            int_or_string(b"\x08\x01\x1a\x01x"),
            IntOrString::String(b"x")
        );
        assert_eq!(int_or_string(b"\x08\x02"), IntOrString::Neither);
        for (text, is_zero) in [
            ("0", true),
            ("", true),
            ("0.00Ki", true),
            ("0e9", true),
            ("1m", false),
            ("-0.5", false),
        ] {
            assert_eq!(is_zero_quantity(text.as_bytes()), is_zero, "{text}");
        }
        assert_eq!(packed(b"\x01\x96\x01\x80", false).count(), 2);
    }
}
