//! JSON values as KYAML, byte for byte as `kubectl get -o kyaml` prints them: braces around all, texts always in quotes, names
//! of fields only where a reader might take them for something else, a line for each line of a text. Source:
//! sigs.k8s.io/yaml v1.6.0, kyaml.
//!
//! It departs from that where the original loses something: control characters and ends of lines of Unicode, and a
//! backslash too many before what is escaped at the beginning of a line.

use std::fmt::Write as _;
use std::io;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::json::{JsonLayout, write_json};
use crate::etcd::is_go_printable;

/// Behind a line of a text: YAML takes both together for nothing.
const FOLD: &str = "\\\n";

/// Writes a document: its head, the value, a line end.
///
/// It recurses, so the caller has to have a limit of depth; all readers of values do.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_kyaml(value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = String::from(DOCUMENT);
    node(value, 0, &mut text);
    text.push('\n');
    out.write_all(text.as_bytes())
}

/// What a document begins with, so that nobody takes it for JSON.
pub(super) const DOCUMENT: &str = "---\n";

/// Writes a value as an item of a list that is a field of the document.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_kyaml_item(value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = String::new();
    node(value, 1, &mut text);
    out.write_all(text.as_bytes())
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn node(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(is_true) => {
            let _ = write!(out, "{is_true}");
        }
        Value::Number(number) => scalar(number, out),
        Value::String(value) => text(value, level.saturating_add(1), out),
        Value::Array(items) => list(items, level, out),
        Value::Object(fields) => map(fields, level, out),
    }
}

/// As in JSON.
fn scalar(number: &Number, out: &mut String) {
    let mut json = Vec::new();
    // Memory takes everything.
    let _ = write_json(number, JsonLayout::Pretty, &mut json);
    out.push_str(&String::from_utf8_lossy(&json));
}

fn list(items: &[Value], level: usize, out: &mut String) {
    let is_nested = |item: &Value| matches!(item, Value::Array(_) | Value::Object(_));
    if items.iter().all(is_nested) {
        out.push('[');
        for (number, item) in items.iter().enumerate() {
            out.push_str(if number > 0 { ", " } else { "" });
            node(item, level, out);
        }
        out.push(']');
        return;
    }
    let inner = level.saturating_add(1);
    out.push_str("[\n");
    for item in items {
        indent(inner, out);
        node(item, inner, out);
        out.push_str(",\n");
    }
    indent(level, out);
    out.push(']');
}

fn map(fields: &Map<String, Value>, level: usize, out: &mut String) {
    if fields.is_empty() {
        out.push_str("{}");
        return;
    }
    let inner = level.saturating_add(1);
    out.push_str("{\n");
    for (name, value) in fields {
        indent(inner, out);
        if is_plain(name) {
            out.push_str(name);
        } else {
            out.push('"');
            name.chars().for_each(|c| character(c, out));
            out.push('"');
        }
        out.push_str(": ");
        node(value, inner, out);
        out.push_str(",\n");
    }
    indent(level, out);
    out.push('}');
}

/// A text in quotes. Each line of one of several has a line of its own, one column further in, or behind the backslash
/// without which YAML would drop the blanks it begins with.
fn text(value: &str, level: usize, out: &mut String) {
    let is_long = value.contains('\n');
    out.push('"');
    if !is_long {
        value.chars().for_each(|c| match c {
            '\t' => out.push(c),
            c => character(c, out),
        });
        out.push('"');
        return;
    }
    out.push_str(FOLD);
    for line in value.split_inclusive('\n') {
        indent(level, out);
        out.push(if line.starts_with([' ', '\t']) {
            '\\'
        } else {
            ' '
        });
        for c in line.chars() {
            match c {
                '\n' => {
                    out.push_str("\\n");
                    out.push_str(FOLD);
                }
                '\t' => out.push(c),
                c => character(c, out),
            }
        }
    }
    if !value.ends_with('\n') {
        out.push_str(FOLD);
    }
    indent(level, out);
    out.push('"');
}

/// A character between quotes.
fn character(c: char, out: &mut String) {
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        c if is_go_printable(c) => out.push(c),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\0' => out.push_str("\\0"),
        '\u{1b}' => out.push_str("\\e"),
        '\u{85}' => out.push_str("\\N"),
        '\u{a0}' => out.push_str("\\_"),
        '\u{2028}' => out.push_str("\\L"),
        '\u{2029}' => out.push_str("\\P"),
        c => {
            let _ = match u32::from(c) {
                code @ (0..0x20 | 0x7f) => write!(out, "\\x{code:02x}"),
                code @ 0..0x1_0000 => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Whether the name of a field goes without quotes: letters, numbers and `_`, between them `-`, `.` and `/`, and nothing that
/// YAML might take for a number, a date, a truth value or null.
fn is_plain(name: &str) -> bool {
    static WORD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{N}_](?:[\p{L}\p{N}_./-]*[\p{L}\p{N}_])?$").ok());
    let is_word = WORD.as_ref().is_some_and(|word| word.is_match(name));
    is_word && !is_ambiguous(name)
}

/// Of what consists of nothing but these characters.
fn is_ambiguous(name: &str) -> bool {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let integer = "0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+";
        let hex_float = "0[xX](?:[0-9a-fA-F]+\\.?[0-9a-fA-F]*|\\.[0-9a-fA-F]+)[pP]-?[0-9]+";
        Regex::new(&format!("^(?:{integer}|{hex_float})$")).ok()
    });
    const WORDS: [&str; 11] = [
        "null", "true", "t", "y", "yes", "on", "false", "f", "n", "no", "off",
    ];
    let is_word = |word: &&str| name.eq_ignore_ascii_case(word);
    let digits = name.replace('_', "");
    let is_number = |number: &Regex| number.is_match(&digits);
    WORDS.iter().any(is_word)
        || digits.parse::<f64>().is_ok()
        || NUMBER.as_ref().is_some_and(is_number)
        || is_date(name)
}

/// True for a day such as `2026-1-31`.
fn is_date(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let of_length = |text: &str| matches!(text.len(), 1 | 2) && is_digits(text);
    if year.len() != 4 || !is_digits(year) || !of_length(month) || !of_length(day) {
        return false;
    }
    let written = format!("{year}-{month:0>2}-{day:0>2}T00:00:00Z");
    crate::kubernetes::parse_rfc3339(&written).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kyaml(value: &Value) -> String {
        let mut out = Vec::new();
        write_kyaml(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What kubectl 1.37.2 printed of the objects beside it.
    #[test]
    fn objects_are_printed_as_kubectl_prints_them() {
        let objects = include_str!("../../testdata/kubernetes/kyaml.jsonl");
        let printed = include_str!("../../testdata/kubernetes/kyaml.txt");
        let ours: String = objects
            .lines()
            .map(|object| kyaml(&serde_json::from_str(object).unwrap()))
            .collect();
        for (ours, theirs) in ours.lines().zip(printed.lines()) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(ours, printed);
    }

    #[test]
    fn nothing_of_a_text_is_lost_and_nothing_reaches_a_terminal_as_it_is() {
        let text = "\u{85}\u{7f}\u{9b}\n\r\u{a0}\n\u{2028}\u{10ffff}";
        let lines = [
            r#"  a: "\"#,
            r"     \N\x7f\u009b\n\",
            r"     \r\_\n\",
            r"     \L\U0010ffff\",
            r#"    ","#,
        ];
        assert_eq!(
            kyaml(&json!({ "a": text })),
            format!("---\n{{\n{}\n}}\n", lines.join("\n"))
        );
    }
}
