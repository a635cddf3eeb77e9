//! CBOR as Kubernetes writes it: strings are byte strings, and the rules of its decoder hold for the rest.
//! Source: apimachinery pkg/runtime/serializer/cbor/internal/modes.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::decode::{Budget, encode_base64, lossy};
use super::decode_error::{Broken, DecodeError};
use super::format::CBOR;
use crate::kubernetes::time;

/// As deep as JSON may be.
const MAX_DEPTH: u32 = 120;

/// The bytes are not CBOR, or something in it that Kubernetes refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kubernetes) struct NotCbor;

/// A data item without what is inside of it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::kubernetes) enum Item<'a> {
    Int(i64),
    /// A byte string, or text.
    String(Cow<'a, [u8]>),
    List(Count),
    Map(Count),
    Tag(u64),
    Bool(bool),
    Null,
    Float(f64),
}

/// What is left of a list, or of a map in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kubernetes) struct Count(Option<u64>);

impl Count {
    /// Whether there is one more, which is then to be read.
    pub(in crate::kubernetes) fn more(&mut self, reader: &mut Reader<'_>) -> Result<bool, NotCbor> {
        match &mut self.0 {
            Some(left) => match left.checked_sub(1) {
                Some(less) => {
                    *left = less;
                    Ok(true)
                }
                None => Ok(false),
            },
            // Of unknown length: a break ends it.
            None => match reader.rest.split_first() {
                Some((0xff, rest)) => {
                    reader.rest = rest;
                    Ok(false)
                }
                Some(_) => Ok(true),
                None => Err(NotCbor),
            },
        }
    }
}

/// Reads items one after the other.
#[derive(Debug, Clone)]
pub(in crate::kubernetes) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Behind the tag that says that it is CBOR.
    pub(in crate::kubernetes) fn new(value: &'a [u8]) -> Self {
        Self {
            rest: value.strip_prefix(CBOR).unwrap_or(value),
        }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], NotCbor> {
        let len = usize::try_from(len).map_err(|_| NotCbor)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(NotCbor)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The first byte of an item and the number that comes with it; none where the length is unknown.
    fn header(&mut self) -> Result<(u8, Option<u64>), NotCbor> {
        let (first, rest) = self.rest.split_first().ok_or(NotCbor)?;
        self.rest = rest;
        let number = match first & 31 {
            small @ 0..24 => u64::from(small),
            31 => return Ok((*first, None)),
            width @ 24..28 => {
                let bytes = self.take(1 << (width & 3))?;
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
            _ => return Err(NotCbor),
        };
        Ok((*first, Some(number)))
    }

    /// The next item.
    pub(in crate::kubernetes) fn item(&mut self) -> Result<Item<'a>, NotCbor> {
        let (first, number) = self.header()?;
        Ok(match (first >> 5, number) {
            (0, Some(n)) => Item::Int(i64::try_from(n).map_err(|_| NotCbor)?),
            (1, Some(n)) => Item::Int(!i64::try_from(n).map_err(|_| NotCbor)?),
            (2 | 3, Some(len)) => Item::String(Cow::Borrowed(self.take(len)?)),
            (2 | 3, None) => Item::String(Cow::Owned(self.pieces(first >> 5)?)),
            (4, count) => Item::List(Count(count)),
            (5, count) => Item::Map(Count(count)),
            (6, Some(tag)) => Item::Tag(tag),
            (7, Some(n)) => match (first & 31, n) {
                (20, _) => Item::Bool(false),
                (21, _) => Item::Bool(true),
                (22, _) => Item::Null,
                (25, bits) => Item::Float(half(bits)),
                (26, bits) => {
                    let bits = u32::try_from(bits).map_err(|_| NotCbor)?;
                    Item::Float(f32::from_bits(bits).into())
                }
                (27, bits) => Item::Float(f64::from_bits(bits)),
                _ => return Err(NotCbor),
            },
            _ => return Err(NotCbor),
        })
    }

    /// A string in pieces.
    fn pieces(&mut self, kind: u8) -> Result<Vec<u8>, NotCbor> {
        let mut whole = Vec::new();
        let mut count = Count(None);
        while count.more(self)? {
            match self.header()? {
                (first, Some(len)) if first >> 5 == kind => {
                    whole.extend_from_slice(self.take(len)?);
                }
                _ => return Err(NotCbor),
            }
        }
        Ok(whole)
    }

    /// The next item, which must be text.
    pub(in crate::kubernetes) fn string(&mut self) -> Result<Cow<'a, [u8]>, NotCbor> {
        match self.item()? {
            Item::String(text) => Ok(text),
            _ => Err(NotCbor),
        }
    }

    /// Passes over the next item and all that is in it.
    pub(in crate::kubernetes) fn skip(&mut self) -> Result<(), NotCbor> {
        self.skip_at(MAX_DEPTH)
    }

    fn skip_at(&mut self, depth: u32) -> Result<(), NotCbor> {
        let depth = depth.checked_sub(1).ok_or(NotCbor)?;
        match self.item()? {
            Item::List(mut count) => {
                while count.more(self)? {
                    self.skip_at(depth)?;
                }
            }
            Item::Map(mut count) => {
                while count.more(self)? {
                    self.skip_at(depth)?;
                    self.skip_at(depth)?;
                }
            }
            Item::Tag(_) => self.skip_at(depth)?,
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, depth: u32, budget: &mut Budget) -> Result<Value, NotCbor> {
        let depth = depth.checked_sub(1).ok_or(NotCbor)?;
        let value = match self.item()? {
            Item::Int(n) => n.into(),
            Item::Bool(value) => value.into(),
            Item::Null => Value::Null,
            Item::Float(value) => float(value)?,
            Item::String(text) => Value::String(utf8(text)),
            Item::List(mut count) => {
                let mut list = Vec::new();
                while count.more(self)? {
                    if !budget.item() {
                        return Err(NotCbor);
                    }
                    list.push(self.value(depth, budget)?);
                }
                Value::Array(list)
            }
            Item::Map(mut count) => {
                let mut map = Map::new();
                while count.more(self)? {
                    let key = utf8(self.string()?);
                    if !budget.entry(map.len(), key.len())
                        || map.insert(key, self.value(depth, budget)?).is_some()
                    {
                        return Err(NotCbor);
                    }
                }
                Value::Object(map)
            }
            Item::Tag(tag) => return self.tagged(tag, depth, budget),
        };
        match budget.string(&value) {
            true => Ok(value),
            false => Err(NotCbor),
        }
    }

    fn tagged(&mut self, tag: u64, depth: u32, budget: &mut Budget) -> Result<Value, NotCbor> {
        Ok(match tag {
            1 => match self.item()? {
                Item::Int(seconds) => time::rfc3339(seconds).into(),
                Item::Float(seconds) => moment(seconds)?.into(),
                _ => return Err(NotCbor),
            },
            // Whole numbers of any length.
            2 | 3 => return Err(NotCbor),
            21..=23 => {
                let before = self.clone();
                match self.item()? {
                    Item::String(bytes) => {
                        let text = encoded(tag, &bytes).into();
                        if !budget.string(&text) {
                            return Err(NotCbor);
                        }
                        text
                    }
                    _ => {
                        *self = before;
                        self.value(depth, budget)?
                    }
                }
            }
            _ => self.value(depth, budget)?,
        })
    }
}

/// Reads a value that begins with the tag for CBOR.
pub(in crate::kubernetes) fn to_value(
    value: &[u8],
    budget: &mut Budget,
) -> Result<Value, DecodeError> {
    let error = || DecodeError::malformed(Broken::Cbor);
    let mut reader = Reader::new(value);
    let json = match reader.value(MAX_DEPTH, budget) {
        Ok(json) => json,
        Err(NotCbor) if budget.is_spent() => return Err(budget.error()),
        Err(NotCbor) => return Err(error()),
    };
    if reader.rest.is_empty() {
        Ok(json)
    } else {
        Err(error())
    }
}

/// Whether a value that begins with the tag for CBOR can be read to its end, and how many bytes follow what it holds.
///
/// # Errors
/// What Kubernetes refuses. A value of which more would have to be kept than [`Budget`] allows is not an error here:
/// then it is only passed over.
pub(in crate::kubernetes) fn check(value: &[u8]) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(value);
    let mut budget = Budget::of(value.len());
    if reader.value(MAX_DEPTH, &mut budget).is_err() {
        reader = Reader::new(value);
        if !budget.is_spent() || reader.skip().is_err() {
            return Err(DecodeError::malformed(Broken::Cbor));
        }
    }
    Ok(reader.rest.len())
}

/// Text; as in Go's JSON, each byte that is not UTF-8 is replaced.
pub(in crate::kubernetes) fn utf8(bytes: Cow<'_, [u8]>) -> String {
    String::from_utf8(bytes.into_owned()).unwrap_or_else(|error| lossy(error.as_bytes()))
}

/// A number; Go prints those that are whole without a point.
fn float(value: f64) -> Result<Value, NotCbor> {
    #[allow(clippy::cast_possible_truncation)] // It is whole and in the range.
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return Ok((value as i64).into());
    }
    Number::from_f64(value).map(Value::Number).ok_or(NotCbor)
}

/// A float of 16 bits.
fn half(bits: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // Ten bits.
    let fraction = (bits & 0x3ff) as f64;
    let exponent = i32::try_from(bits >> 10 & 31).unwrap_or_default();
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction / 1024.0 + 1.0) * 2f64.powi(exponent.wrapping_sub(15)),
    };
    if bits >> 15 & 1 == 1 { -size } else { size }
}

/// A moment in seconds with a fraction.
fn moment(seconds: f64) -> Result<String, NotCbor> {
    // Years beyond that are not text of RFC 3339.
    if !seconds.is_finite() || seconds.abs() > 1e11 {
        return Err(NotCbor);
    }
    let floor = seconds.floor();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In the range.
    let (whole, nanos) = (floor as i64, ((seconds - floor) * 1e9) as u32);
    let mut text = time::rfc3339(whole);
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        text.pop();
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
        text.push('Z');
    }
    Ok(text)
}

/// Bytes as the text that their tag asks for.
fn encoded(tag: u64, bytes: &[u8]) -> String {
    let mut text = Vec::new();
    match tag {
        23 => {
            return bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        22 => encode_base64(bytes, &mut text),
        _ => {
            encode_base64(bytes, &mut text);
            for byte in &mut text {
                *byte = match *byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => other,
                };
            }
            while text.last() == Some(&b'=') {
                text.pop();
            }
        }
    }
    utf8(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decoded(body: &[u8]) -> Option<Value> {
        to_value(&[CBOR, body].concat(), &mut Budget::of(body.len())).ok()
    }

    #[test]
    fn items_become_json() {
        for (body, expected) in [
            (&b"\xa1\x41a\x82\x01\x20"[..], json!({"a": [1, -1]})),
            (
                b"\xbf\x61a\x9f\xf4\xf5\xf6\xff\xff",
                json!({"a": [false, true, null]}),
            ),
            (b"\x5f\x41a\x42bc\xff", json!("abc")),
            (b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", json!(i64::MAX)),
            (b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", json!(i64::MIN)),
            (b"\xf9\x3e\x00", json!(1.5)),
            (b"\xf9\xbc\x00", json!(-1)),
            (b"\xf9\x00\x01", json!(5.960_464_477_539_063e-8)),
            (b"\xfa\x3f\xc0\x00\x00", json!(1.5)),
            (b"\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a", json!(0.1)),
            (b"\xd6\x43\xff\xef\x01", json!("/+8B")),
            (b"\xd5\x42\xff\xef", json!("_-8")),
            (b"\xd7\x42\xff\x01", json!("ff01")),
            (
                b"\xc0\x54\x32\x30\x30\x30-01-01T00:00:00Z",
                json!("2000-01-01T00:00:00Z"),
            ),
            (b"\xc1\x00", json!("1970-01-01T00:00:00Z")),
            (b"\xc1\xf9\x3e\x00", json!("1970-01-01T00:00:01.5Z")),
            (b"\xd8\x63\x01", json!(1)),
            (b"\x42\xff\xc3", json!("\u{fffd}\u{fffd}")),
        ] {
            assert_eq!(decoded(body), Some(expected), "{body:x?}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        for body in [
            &b""[..],
            b"\x01\x01",
            b"\xf9\x7e\x00",
            b"\xf9\x7c\x00",
            b"\xc2\x41\x01",
            b"\xf7",
            b"\xe0",
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xa2\x41a\x01\x41a\x02",
            b"\xa1\x01\x01",
            b"\x9f\x01",
            b"\x5f\x61a\xff",
            b"\x42a",
            b"\x1c",
            b"\xff",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(decoded(body), None, "{body:x?}");
        }
        assert_eq!(decoded(&[0x81; 100_000]), None);
        assert_eq!(decoded(&[0xc6; 100_000]), None);
        assert!(Reader::new(&[0x81; 100_000]).skip().is_err());
    }
}
