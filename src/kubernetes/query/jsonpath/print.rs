//! Values as Go prints them.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use crate::finding::escape::json_fragment;
use crate::kubernetes::encodings::go_float;

/// A value as a template prints it: texts as they are, objects and lists as compact JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            // Whatever is a whole number of 64 bits in JSON is one in Go; all else is a float.
            Some(float) if number.as_i64().is_none() => {
                match go_float::json(float).parse::<i64>() {
                    Ok(whole) => whole.to_string(),
                    Err(_) => go_float::text(float, -4..6),
                }
            }
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

/// Writes a part of a text in JSON as Go does, which escapes what HTML would take for markup.
///
/// # Errors
/// Those of the writer.
pub(crate) fn go_fragment(writer: &mut (impl Write + ?Sized), fragment: &str) -> io::Result<()> {
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

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(go_float::json(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        go_fragment(writer, fragment)
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
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
            (1e20, "1e+20", "100000000000000000000"),
            (1e18, "1000000000000000000", "1000000000000000000"),
            (1234567.5, "1.2345675e+06", "1234567.5"),
            (100_000.5, "100000.5", "100000.5"),
            (-0.0, "0", "-0"),
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
