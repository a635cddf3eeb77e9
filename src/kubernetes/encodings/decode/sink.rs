//! Where a walk puts what it reads: text, or a tree of values.

use std::fmt::{Display, Write as _};

use serde_json::{Map, Number, Value};

use super::budget::{self, Budget};
use super::copy;
use super::plain::plain_len;
use crate::kubernetes::encodings::cbor;
use crate::kubernetes::encodings::decode_error::DecodeError;

/// Takes JSON piece by piece. The caller keeps the order: a key in front of each value of an object.
pub(in crate::kubernetes) trait Sink {
    fn begin_object(&mut self);
    fn end_object(&mut self);
    fn begin_list(&mut self);
    fn end_list(&mut self);
    /// A key that is plain text and needs no escaping.
    fn name(&mut self, name: &'static str);
    /// Any key.
    fn key(&mut self, key: &[u8]);
    fn null(&mut self);
    fn bool(&mut self, value: bool);
    fn int(&mut self, value: i64);
    /// A finite number.
    fn double(&mut self, value: f64);
    /// Text; what is not UTF-8 in it is replaced.
    fn string(&mut self, text: &[u8]);
    /// Something that shows itself as plain text and needs no escaping.
    fn shown(&mut self, value: &dyn Display);
    /// Bytes as base64.
    fn base64(&mut self, bytes: &[u8]);
    /// JSON text; false, and nothing is taken, if it is none.
    fn json(&mut self, text: &[u8]) -> bool;
    /// A value in CBOR; false, and nothing is taken, if it is none.
    fn cbor(&mut self, value: &[u8]) -> bool;
    /// A whole value.
    fn value(&mut self, value: Value);
    /// Memory that the walk takes besides.
    fn charge(&mut self, bytes: usize);
    /// True when more than a value may take was given; the rest is not taken any more.
    fn is_full(&self) -> bool;
}

/// Takes everything and keeps nothing: for a walk that only looks for damage.
#[derive(Debug)]
pub(in crate::kubernetes) struct Nowhere;

impl Sink for Nowhere {
    fn begin_object(&mut self) {}
    fn end_object(&mut self) {}
    fn begin_list(&mut self) {}
    fn end_list(&mut self) {}
    fn name(&mut self, _: &'static str) {}
    fn key(&mut self, _: &[u8]) {}
    fn null(&mut self) {}
    fn bool(&mut self, _: bool) {}
    fn int(&mut self, _: i64) {}
    fn double(&mut self, _: f64) {}
    fn string(&mut self, _: &[u8]) {}
    fn shown(&mut self, _: &dyn Display) {}
    fn base64(&mut self, _: &[u8]) {}
    fn json(&mut self, text: &[u8]) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
    }
    fn cbor(&mut self, value: &[u8]) -> bool {
        let mut budget = Budget::of(value.len());
        cbor::to_value(value, &mut budget).is_ok() || budget.is_spent()
    }
    fn value(&mut self, _: Value) {}
    fn charge(&mut self, _: usize) {}
    fn is_full(&self) -> bool {
        false
    }
}

/// A double that is a whole number, which Go prints without a point.
fn whole(value: f64) -> Option<i64> {
    // Up to 2^53, where every whole number has a double.
    let is_whole = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)] // It is whole and in the range.
    is_whole.then_some(value as i64)
}

/// Text that is not all UTF-8, as Go prints it: one replacement character for each byte that is not.
pub(in crate::kubernetes) fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| lossy(bytes))
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as base64 with padding.
pub(in crate::kubernetes) fn encode_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).copied().unwrap_or(b'=');
    out.reserve(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let mut four = [
            digit(bits >> 18),
            digit(bits >> 12),
            digit(bits >> 6),
            digit(bits),
        ];
        if let Some(padding) = four.get_mut(chunk.len().saturating_add(1)..) {
            padding.fill(b'=');
        }
        out.extend_from_slice(&four);
    }
}

/// Writes compact JSON text.
#[derive(Debug)]
pub(in crate::kubernetes) struct Text<'o> {
    out: &'o mut Vec<u8>,
    /// Something stands in front of the next piece that wants a comma between.
    needs_comma: bool,
    /// How long `out` may become.
    end: usize,
    budget: Budget,
}

impl<'o> Text<'o> {
    pub(in crate::kubernetes) fn new(out: &'o mut Vec<u8>, budget: Budget) -> Self {
        Self {
            end: out.len().saturating_add(budget.limit()),
            out,
            needs_comma: false,
            budget,
        }
    }

    /// Why not everything was taken, if so.
    pub(in crate::kubernetes) fn error(&self) -> Option<DecodeError> {
        self.is_full().then(|| self.budget.error())
    }

    #[inline]
    fn separate(&mut self) {
        if self.needs_comma {
            self.out.push(b',');
        }
        self.needs_comma = true;
    }

    fn quoted(&mut self, text: &[u8]) {
        self.out.push(b'"');
        match std::str::from_utf8(text) {
            Ok(_) => escape(text, self.out),
            Err(_) => escape(lossy(text).as_bytes(), self.out),
        }
        self.out.push(b'"');
    }
}

/// Appends text with JSON's escapes.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (before, from) = rest
            .split_at_checked(plain_len(rest))
            .unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let Some((byte, behind)) = from.split_first() else {
            return;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = behind;
    }
}

impl Sink for Text<'_> {
    #[inline]
    fn begin_object(&mut self) {
        self.separate();
        self.out.push(b'{');
        self.needs_comma = false;
    }

    #[inline]
    fn end_object(&mut self) {
        self.out.push(b'}');
        self.needs_comma = true;
    }

    #[inline]
    fn begin_list(&mut self) {
        self.separate();
        self.out.push(b'[');
        self.needs_comma = false;
    }

    #[inline]
    fn end_list(&mut self) {
        self.out.push(b']');
        self.needs_comma = true;
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        // Most of the pieces are names, so their place is made at once.
        self.out.reserve(name.len().saturating_add(4));
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.needs_comma = false;
    }

    fn key(&mut self, key: &[u8]) {
        self.separate();
        self.quoted(key);
        self.out.push(b':');
        self.needs_comma = false;
    }

    fn null(&mut self) {
        self.separate();
        self.out.extend_from_slice(b"null");
    }

    fn bool(&mut self, value: bool) {
        self.separate();
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(text);
    }

    fn int(&mut self, value: i64) {
        self.separate();
        let mut digits = [0u8; 20];
        let mut left = value.unsigned_abs();
        let mut len = 0usize;
        for slot in digits.iter_mut().rev() {
            #[allow(clippy::cast_possible_truncation)] // One digit.
            let digit = left.wrapping_rem(10) as u8;
            *slot = b'0'.wrapping_add(digit);
            left = left.wrapping_div(10);
            len = len.saturating_add(1);
            if left == 0 {
                break;
            }
        }
        if value < 0 {
            self.out.push(b'-');
        }
        let from = digits.len().saturating_sub(len);
        self.out
            .extend_from_slice(digits.get(from..).unwrap_or_default());
    }

    fn double(&mut self, value: f64) {
        match (whole(value), Number::from_f64(value)) {
            (Some(int), _) => self.int(int),
            (None, Some(number)) => self.shown_bare(&number),
            (None, None) => self.null(),
        }
    }

    #[inline]
    fn string(&mut self, text: &[u8]) {
        self.separate();
        self.quoted(text);
    }

    fn shown(&mut self, value: &dyn Display) {
        self.separate();
        self.out.push(b'"');
        let _ = write!(Appended(self.out), "{value}");
        self.out.push(b'"');
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.separate();
        self.out.push(b'"');
        encode_base64(bytes, self.out);
        self.out.push(b'"');
    }

    fn json(&mut self, text: &[u8]) -> bool {
        let (len, needed) = (self.out.len(), self.needs_comma);
        self.separate();
        let is_json = copy::copy(text, self.out).is_ok();
        if !is_json {
            self.out.truncate(len);
            self.needs_comma = needed;
        }
        is_json
    }

    fn cbor(&mut self, value: &[u8]) -> bool {
        let value = cbor::to_value(value, &mut self.budget);
        value.map(|value| self.value(value)).is_ok()
    }

    fn value(&mut self, value: Value) {
        self.separate();
        let _ = write!(Appended(self.out), "{value}");
    }

    fn charge(&mut self, bytes: usize) {
        self.budget.spend(bytes);
    }

    fn is_full(&self) -> bool {
        self.budget.is_spent() || self.out.len() > self.end
    }
}

impl Text<'_> {
    fn shown_bare(&mut self, value: &dyn Display) {
        self.separate();
        let _ = write!(Appended(self.out), "{value}");
    }
}

/// Formatted text goes to the end of bytes.
struct Appended<'o>(&'o mut Vec<u8>);

impl std::fmt::Write for Appended<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Builds a tree of values.
#[derive(Debug)]
pub(in crate::kubernetes) struct Tree {
    /// What is open, each with its key in the object around it.
    open: Vec<(Value, String)>,
    key: String,
    root: Value,
    budget: Budget,
}

impl Tree {
    pub(in crate::kubernetes) fn new(budget: Budget) -> Self {
        Self {
            open: Vec::new(),
            key: String::new(),
            root: Value::Null,
            budget,
        }
    }

    /// The value that was built.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`].
    pub(in crate::kubernetes) fn finish(self) -> Result<Value, DecodeError> {
        match self.budget.is_spent() {
            true => Err(self.budget.error()),
            false => Ok(self.root),
        }
    }

    fn begin(&mut self, value: Value) {
        let key = std::mem::take(&mut self.key);
        self.open.push((value, key));
    }

    fn end(&mut self) {
        if let Some((value, key)) = self.open.pop() {
            self.key = key;
            self.value(value);
        }
    }
}

impl Sink for Tree {
    fn begin_object(&mut self) {
        self.begin(Value::Object(Map::new()));
    }

    fn end_object(&mut self) {
        self.end();
    }

    fn begin_list(&mut self) {
        self.begin(Value::Array(Vec::new()));
    }

    fn end_list(&mut self) {
        self.end();
    }

    fn name(&mut self, name: &'static str) {
        name.clone_into(&mut self.key);
    }

    fn key(&mut self, key: &[u8]) {
        if !self.is_full() {
            self.key = text_of(key);
        }
    }

    fn null(&mut self) {
        self.value(Value::Null);
    }

    fn bool(&mut self, value: bool) {
        self.value(Value::Bool(value));
    }

    fn int(&mut self, value: i64) {
        self.value(value.into());
    }

    fn double(&mut self, value: f64) {
        let number = whole(value).map_or_else(|| Value::from(value), Value::from);
        self.value(number);
    }

    fn string(&mut self, text: &[u8]) {
        if self.budget.text(text.len()) {
            self.value(Value::String(text_of(text)));
        }
    }

    fn shown(&mut self, value: &dyn Display) {
        let text = value.to_string();
        if self.budget.text(text.len()) {
            self.value(Value::String(text));
        }
    }

    fn base64(&mut self, bytes: &[u8]) {
        if self.is_full() {
            return;
        }
        let mut text = Vec::new();
        encode_base64(bytes, &mut text);
        self.string(&text);
    }

    fn json(&mut self, text: &[u8]) -> bool {
        match budget::json(text, &mut self.budget) {
            Some(value) => self.value(value),
            // That it is none was not found out.
            None => return self.is_full(),
        }
        true
    }

    fn cbor(&mut self, value: &[u8]) -> bool {
        match cbor::to_value(value, &mut self.budget) {
            Ok(value) => self.value(value),
            Err(_) => return self.is_full(),
        }
        true
    }

    fn value(&mut self, value: Value) {
        match self.open.last_mut() {
            Some((Value::Object(map), _)) => {
                if self.budget.entry(map.len(), self.key.len()) {
                    map.insert(std::mem::take(&mut self.key), value);
                }
            }
            Some((Value::Array(list), _)) => {
                if self.budget.item() {
                    list.push(value);
                }
            }
            _ => self.root = value,
        }
    }

    fn charge(&mut self, bytes: usize) {
        self.budget.spend(bytes);
    }

    fn is_full(&self) -> bool {
        self.budget.is_spent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(sink: &mut impl Sink) {
        sink.begin_object();
        sink.name("list");
        sink.begin_list();
        sink.int(0);
        sink.int(i64::MIN);
        sink.int(i64::MAX);
        sink.double(1.0);
        sink.double(-0.25);
        sink.double(1e300);
        sink.null();
        sink.bool(true);
        sink.begin_object();
        sink.end_object();
        sink.begin_list();
        sink.end_list();
        sink.end_list();
        sink.key(b"k\"\xff\xe2\x82");
        sink.string(b"\"\\\n\r\t\x01\x7f\xc3\xa9<");
        sink.name("bytes");
        sink.begin_list();
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"\xff\xfe\xfd\xfc"] {
            sink.base64(bytes);
        }
        sink.end_list();
        sink.name("raw");
        assert!(!sink.json(b"{\"a\":"));
        assert!(sink.json(b" {\"a\" : 1} "));
        sink.name("shown");
        sink.shown(&5);
        sink.end_object();
    }

    #[test]
    fn both_sinks_give_the_same() {
        let mut text = Vec::new();
        fill(&mut Text::new(&mut text, Budget::of(0)));
        let mut tree = Tree::new(Budget::of(0));
        fill(&mut tree);
        let tree = tree.finish().unwrap();
        let parsed: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(parsed, tree);
        assert_eq!(
            tree["k\"\u{fffd}\u{fffd}\u{fffd}"],
            "\"\\\n\r\t\u{1}\u{7f}\u{e9}<"
        );
        assert_eq!(
            tree["bytes"],
            serde_json::json!(["", "Zg==", "Zm8=", "Zm9v", "//79/A=="])
        );
        assert_eq!(tree["list"][3], 1);
    }
}
