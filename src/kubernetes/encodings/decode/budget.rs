//! How much memory one value may take once it is decoded.
//!
//! A few stored bytes can become a thousand in memory: two of them are an empty container, which has fields
//! all the same. Memory is counted while a value is decoded, so that one that would take too much is given
//! up at the limit, not behind it.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use crate::kubernetes::encodings::decode_error::{Broken, DecodeError};

/// What any value may take. The densest objects of real clusters take 35 times their size, which at etcd's
/// usual limit of 1.5 MiB is 53 MiB.
const LEAST: usize = 96 << 20;
/// What no value may exceed, however long it is.
const MOST: usize = 256 << 20;
/// Longer values may take more: so many bytes for each of theirs. JSON of the smallest objects that mean
/// anything takes about 50.
const PER_BYTE: usize = 64;

/// How deep JSON may be nested. What is made of a value, down to its end, goes down level by level on the stack.
pub(super) const DEEPEST: u32 = 120;

/// An item of a list that grows.
const ITEM: usize = 64;
/// A node of a map, and how many entries it has once the next one is filled.
const NODE: usize = 648;
const NODE_ENTRIES: usize = 6;
/// What an allocation takes beyond its bytes.
const ALLOCATION: usize = 24;

/// What is left for a value.
#[derive(Debug)]
pub(in crate::kubernetes) struct Budget {
    left: usize,
    limit: usize,
    stored: usize,
    is_spent: bool,
}

impl Budget {
    /// For a value that takes `stored` bytes in the file.
    pub(in crate::kubernetes) fn of(stored: usize) -> Self {
        let limit = stored.saturating_mul(PER_BYTE).clamp(LEAST, MOST);
        Self {
            left: limit,
            limit,
            stored,
            is_spent: false,
        }
    }

    /// Takes so many bytes; false if that many are not left, and from then on.
    pub(in crate::kubernetes) fn spend(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) if !self.is_spent => self.left = left,
            _ => self.is_spent = true,
        }
        !self.is_spent
    }

    pub(super) fn text(&mut self, len: usize) -> bool {
        match len {
            // The empty text is not allocated.
            0 => !self.is_spent,
            _ => self.spend(len.saturating_add(ALLOCATION)),
        }
    }

    pub(in crate::kubernetes) fn item(&mut self) -> bool {
        self.spend(ITEM)
    }

    /// An entry of a map that has `len` of them.
    pub(in crate::kubernetes) fn entry(&mut self, len: usize, key: usize) -> bool {
        let node = match len.is_multiple_of(NODE_ENTRIES) {
            true => NODE,
            false => 0,
        };
        self.spend(node) && self.text(key)
    }

    /// What the value itself takes, if it is a text.
    pub(in crate::kubernetes) fn string(&mut self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.text(text.len()),
            _ => !self.is_spent,
        }
    }

    pub(in crate::kubernetes) fn is_spent(&self) -> bool {
        self.is_spent
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Why the value was given up.
    pub(in crate::kubernetes) fn error(&self) -> DecodeError {
        DecodeError::TooLarge {
            limit: self.limit,
            stored: self.stored,
        }
    }
}

/// About how many bytes of memory a decoded value takes.
#[must_use]
pub fn memory_of(value: &Value) -> usize {
    match value {
        Value::String(text) if !text.is_empty() => text.len().saturating_add(ALLOCATION),
        Value::Array(items) => items.iter().fold(0usize, |sum, item| {
            sum.saturating_add(ITEM).saturating_add(memory_of(item))
        }),
        Value::Object(map) => {
            let nodes = map.len().div_ceil(NODE_ENTRIES).saturating_mul(NODE);
            map.iter().fold(nodes, |sum, (key, value)| {
                sum.saturating_add(key.len())
                    .saturating_add(ALLOCATION)
                    .saturating_add(memory_of(value))
            })
        }
        _ => 0,
    }
}

/// Reads JSON.
///
/// # Errors
/// [`DecodeError::TooLarge`], [`DecodeError::TooNested`], and [`DecodeError::Malformed`] if it is not JSON.
pub fn read_json(text: &[u8]) -> Result<Value, DecodeError> {
    let mut budget = Budget::of(text.len());
    let (value, is_too_nested) = nested_json(text, &mut budget);
    match value {
        Some(value) => Ok(value),
        None if budget.is_spent() => Err(budget.error()),
        // Beyond the limit it may be anything; what is passed over may be nested to any depth.
        None if is_too_nested && serde_json::from_slice::<IgnoredAny>(text).is_ok() => {
            Err(DecodeError::TooNested { limit: DEEPEST })
        }
        None => Err(DecodeError::malformed(Broken::Json)),
    }
}

/// Reads JSON; nothing if it is none, or the budget is spent.
pub(super) fn json(text: &[u8], budget: &mut Budget) -> Option<Value> {
    nested_json(text, budget).0
}

/// The same, and whether it is nested too deeply.
fn nested_json(text: &[u8], budget: &mut Budget) -> (Option<Value>, bool) {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut is_too_nested = false;
    let seed = Seed {
        budget,
        levels_left: DEEPEST,
        is_too_nested: &mut is_too_nested,
    };
    let value = seed.deserialize(&mut reader).ok();
    let is_whole = reader.end().is_ok();
    (value.filter(|_| is_whole), is_too_nested)
}

struct Seed<'b> {
    budget: &'b mut Budget,
    levels_left: u32,
    is_too_nested: &'b mut bool,
}

impl Seed<'_> {
    fn spent<T, E: serde::de::Error>(is_left: bool, value: T) -> Result<T, E> {
        match is_left {
            true => Ok(value),
            false => Err(E::custom("it takes too much memory")),
        }
    }

    /// For what stands one level deeper.
    fn inner<E: serde::de::Error>(&mut self) -> Result<Seed<'_>, E> {
        let Some(levels_left) = self.levels_left.checked_sub(1) else {
            *self.is_too_nested = true;
            return Err(E::custom("it is nested too deeply"));
        };
        Ok(Seed {
            budget: self.budget,
            levels_left,
            is_too_nested: self.is_too_nested,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Self::spent(self.budget.text(text.len()), ())?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            Self::spent(self.budget.item(), ())?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !self.budget.entry(map.len(), key.len()) {
                return Err(A::Error::custom("it takes too much memory"));
            }
            map.insert(key, entries.next_value_seed(self.inner()?)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sound_json_that_is_nested_too_deeply_is_told_from_broken_json() {
        let nested = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
        let objects =
            |levels: usize| ["{\"a\":".repeat(levels), "1".into(), "}".repeat(levels)].concat();
        for of in [&nested as &dyn Fn(usize) -> String, &objects] {
            assert!(read_json(of(120).as_bytes()).is_ok());
            for levels in [121, 128, 129, 10_000] {
                let error = read_json(of(levels).as_bytes()).unwrap_err();
                assert_eq!(error, DecodeError::TooNested { limit: 120 });
                assert!(error.is_limit());
            }
            let mut broken = of(10_000);
            broken.pop();
            let error = read_json(broken.as_bytes()).unwrap_err();
            assert_eq!(error, DecodeError::malformed(Broken::Json));
        }
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it() {
        for text in [
            "{\"a\":[1,-2,2.5,18446744073709551615,null,true,\"\\u00e9\"],\"a\":{},\"b\":\"\"}",
            " [ ] ",
            "\"x\"",
            "1e400",
            "[1",
            "{\"a\":1}x",
            "\"\\ud800\"",
            "",
        ] {
            let expected: Option<Value> = serde_json::from_str(text).ok();
            assert_eq!(read_json(text.as_bytes()).ok(), expected, "{text}");
        }
        assert!(read_json(b"\"\xff\"").is_err());
        assert!(read_json(&[b'['; 100_000]).is_err());
    }

    #[test]
    fn json_that_takes_too_much_memory_is_given_up() {
        let dense = format!("[{}1]", "{\"a\":1},".repeat(1 << 18));
        let error = read_json(dense.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "decoded it takes more than 128 MiB of memory, the limit for a value of 2097155 bytes"
        );
    }

    #[test]
    fn what_real_objects_take_at_the_usual_limit_of_etcd_is_far_below() {
        let schema = json!({"description": "what it is for", "type": "string"});
        let mut text = serde_json::to_string(&schema).unwrap();
        text.push(',');
        let text = format!("[{}1]", text.repeat(1_572_864 / text.len()));
        assert!(read_json(text.as_bytes()).is_ok());
        let points = format!("[{}1]", "{\"x\":1,\"y\":2},".repeat(1_572_864 / 14));
        assert!(read_json(points.as_bytes()).is_ok());
    }

    #[test]
    fn a_budget_that_is_spent_stays_spent() {
        let mut budget = Budget::of(0);
        assert!(budget.spend(1));
        assert!(!budget.spend(LEAST));
        assert!(!budget.spend(1) && !budget.text(0) && !budget.item());
        assert!(budget.is_spent());
    }

    #[test]
    fn memory_is_reckoned_as_while_decoding() {
        let value = json!({"a": [1, "text", {}], "b": {"c": "d"}});
        let text = value.to_string();
        let mut budget = Budget::of(text.len());
        json(text.as_bytes(), &mut budget).unwrap();
        assert_eq!(budget.limit - budget.left, memory_of(&value));
    }
}
