//! Values as Go prints them.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use crate::finding::escape::json_fragment;

/// A value as a template prints it: texts as they are, objects and lists as compact JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => go_float(float, -4),
            _ => number.to_string(),
        },
        Value::Array(_) | Value::Object(_) => compact_json(value),
    }
}

/// Compact JSON as Go's encoder writes it: `<`, `>` and `&` are escaped, a float without a fraction looks
/// like a whole number.
pub fn compact_json(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, GoFormatter);
    // Writing to memory cannot fail, nor can a value that is JSON already.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(out).unwrap_or_default()
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(go_float(value, -6).replace("e-0", "e-").as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in fragment.char_indices() {
            if matches!(c, '<' | '>' | '&') {
                let before = fragment.get(plain..at).unwrap_or_default();
                json_fragment(writer, before)?;
                write!(writer, "\\u{:04x}", u32::from(c))?;
                plain = at.saturating_add(c.len_utf8());
            }
        }
        json_fragment(writer, fragment.get(plain..).unwrap_or_default())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

/// The shortest decimal that reads as the same number, with an exponent if it is below `least` or above 20.
fn go_float(value: f64, least: i32) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let number: i32 = exponent.parse().unwrap_or_default();
    if (least..21).contains(&number) {
        return value.to_string();
    }
    let sign = if number < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", number.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_print_as_in_go() {
        for (value, as_text, as_json) in [
            (1.0, "1", "1"),
            (-0.5, "-0.5", "-0.5"),
            (1e20, "100000000000000000000", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1.5e-7, "1.5e-07", "1.5e-7"),
        ] {
            assert_eq!(text(&json!(value)), as_text);
            assert_eq!(compact_json(&json!([value])), format!("[{as_json}]"));
        }
    }

    #[test]
    fn compact_json_escapes_what_go_escapes() {
        let value = json!({"b": "<a&b>\n\u{2028}\u{9b}\"é", "a": [1, null, true]});
        assert_eq!(
            compact_json(&value),
            r#"{"a":[1,null,true],"b":"\u003ca\u0026b\u003e\n\u2028\u009b\"é"}"#
        );
    }
}
