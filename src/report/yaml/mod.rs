//! JSON values as YAML, byte for byte as `kubectl get -o yaml` prints them: keys in their natural order, lists
//! at the column of their key, quotes only where a reader would take a text for something else, lines folded
//! behind column 80. Source: sigs.k8s.io/yaml 1.6 on go.yaml.in/yaml v2.4.
//!
//! It departs from that where the original prints what itself or other readers do not read back: `<<`, `=`,
//! numbers too large for Go, dates that are none, separators of lines and paragraphs.

mod order;
mod style;

use std::fmt::Write as _;
use std::io;

use serde_json::{Map, Number, Value};

use crate::kubernetes::encodings::go_float;
use order::sorted;
use style::{Style, is_break, is_printable};

/// A text is folded at the first single space behind this column.
const WIDTH: usize = 80;
const STEP: usize = 2;
/// A longer key stands behind a question mark.
const LONGEST_KEY: usize = 128;

/// `value` as a YAML document that ends with a line end.
///
/// It recurses, so the caller has to have a limit of depth; all readers of values do.
pub fn yaml(value: &Value) -> String {
    let mut out = Vec::new();
    // Memory takes everything.
    let _ = write_yaml(value, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes what [`yaml`] gives, piece by piece; each piece is text by itself.
///
/// # Errors
/// Those of the writer.
pub fn write_yaml(value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
    let mut emitter = Emitter::new(out);
    emitter.node(value, 0, Place::Start);
    emitter.finish()
}

/// The same as the only item of a list.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_yaml_item(value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
    let mut emitter = Emitter::new(out);
    emitter.items(std::slice::from_ref(value), 0, Place::Start);
    emitter.finish()
}

/// So much is gathered before it is written.
const PIECE: usize = 32 << 10;

/// What stands in front of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Start,
    /// A key and its colon.
    Value,
    /// A dash, a question mark, or the colon of a long key: collections begin on the same line.
    Inline,
}

struct Emitter<'w> {
    writer: &'w mut dyn io::Write,
    /// What is not written yet.
    out: String,
    written: io::Result<()>,
    /// Characters on the last line.
    column: usize,
}

impl<'w> Emitter<'w> {
    fn new(writer: &'w mut dyn io::Write) -> Self {
        Self {
            writer,
            out: String::new(),
            written: Ok(()),
            column: 0,
        }
    }

    fn flush(&mut self) {
        if self.written.is_ok() {
            self.written = self.writer.write_all(self.out.as_bytes());
        }
        self.out.clear();
    }

    fn finish(mut self) -> io::Result<()> {
        self.break_line();
        self.flush();
        self.written
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column = if is_break(c) { 0 } else { self.column + 1 };
    }

    fn text(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
    }

    /// Ends the line unless nothing is on it.
    fn break_line(&mut self) {
        if self.column > 0 {
            self.put('\n');
        }
    }

    fn pad(&mut self, indent: usize) {
        while self.column < indent {
            self.put(' ');
        }
    }

    /// A node whose collection, if it is one, has its entries at `indent`.
    fn node(&mut self, value: &Value, indent: usize, place: Place) {
        let space = |emitter: &mut Self| {
            if place == Place::Value {
                emitter.put(' ');
            }
        };
        match value {
            Value::Object(map) if !map.is_empty() => {
                // A map goes one step to the right of the key it belongs to.
                let indent = indent + if place == Place::Value { STEP } else { 0 };
                self.map(map, indent, place);
            }
            Value::Array(items) if !items.is_empty() => self.items(items, indent, place),
            scalar => {
                space(self);
                // Inside a collection that begins on the line, `indent` is already one step further.
                let continued = match place {
                    Place::Inline => indent,
                    _ => indent + STEP,
                };
                match scalar {
                    Value::Object(_) => self.text("{}"),
                    Value::Array(_) => self.text("[]"),
                    Value::Null => self.text("null"),
                    Value::Bool(true) => self.text("true"),
                    Value::Bool(false) => self.text("false"),
                    Value::Number(number) => {
                        let number = number_text(number);
                        self.text(&number);
                    }
                    Value::String(text) => self.scalar(text, continued, false),
                }
            }
        }
    }

    fn items(&mut self, items: &[Value], indent: usize, place: Place) {
        for (i, item) in items.iter().enumerate() {
            self.begin(i, indent, place);
            self.text("- ");
            self.node(item, indent + STEP, Place::Inline);
        }
    }

    /// Goes to where entry `i` of a collection begins.
    fn begin(&mut self, i: usize, indent: usize, place: Place) {
        if self.out.len() > PIECE {
            self.flush();
        }
        if i > 0 || place == Place::Value {
            self.break_line();
        }
        self.pad(indent);
    }

    fn map(&mut self, map: &Map<String, Value>, indent: usize, place: Place) {
        for (i, (key, value)) in sorted(map).into_iter().enumerate() {
            self.begin(i, indent, place);
            if key.len() <= LONGEST_KEY && !key.contains(is_break) {
                self.scalar(key, indent, true);
                self.put(':');
                self.node(value, indent, Place::Value);
            } else {
                self.text("? ");
                self.scalar(key, indent + STEP, false);
                self.break_line();
                self.pad(indent);
                self.text(": ");
                self.node(value, indent + STEP, Place::Inline);
            }
        }
    }

    /// A text whose further lines begin at `indent`.
    fn scalar(&mut self, text: &str, indent: usize, is_key: bool) {
        match Style::of(text, is_key) {
            Style::Plain => self.folded(text, indent, is_key, |emitter, c| emitter.put(c)),
            Style::Single => {
                self.put('\'');
                self.folded(text, indent, is_key, |emitter, c| {
                    if c == '\'' {
                        emitter.put(c);
                    }
                    emitter.put(c);
                });
                self.put('\'');
            }
            Style::Double => self.double(text, indent, is_key),
            Style::Literal => self.literal(text, indent),
        }
    }

    /// Plain and in single quotes: a single space may become a line end.
    fn folded(&mut self, text: &str, indent: usize, is_key: bool, put: fn(&mut Self, char)) {
        let mut spaces = false;
        let mut breaks = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                let is_single = !spaces && at > 0 && next.is_some_and(|next| next != ' ');
                if !is_key && is_single && self.column > WIDTH {
                    self.break_line();
                    self.pad(indent);
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                self.put(c);
                breaks = true;
            } else {
                if breaks {
                    self.pad(indent);
                }
                put(self, c);
                spaces = false;
                breaks = false;
            }
        }
    }

    fn double(&mut self, text: &str, indent: usize, is_key: bool) {
        // A byte order mark in front makes the original escape everything.
        let all = text.starts_with('\u{feff}');
        self.put('"');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                let next = chars.peek().map(|(_, c)| *c);
                if !is_key && !spaces && self.column > WIDTH && at > 0 && next.is_some() {
                    self.break_line();
                    self.pad(indent);
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.put('"');
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(c);
                let mut text = String::new();
                // Writing to a String cannot fail.
                let _ = match code {
                    0..=0xff => write!(text, "\\x{code:02X}"),
                    0x100..=0xffff => write!(text, "\\u{code:04X}"),
                    _ => write!(text, "\\U{code:08X}"),
                };
                self.text(&text);
                return;
            }
        };
        self.put('\\');
        self.put(short);
    }

    /// Line by line behind a bar. It says if the text does not end with exactly one line end, and how far it
    /// is indented if its first line does not show it.
    fn literal(&mut self, text: &str, indent: usize) {
        self.put('|');
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put('2');
        }
        let mut ends = text.chars().rev();
        match (ends.next().is_some_and(is_break), ends.next()) {
            (false, _) => self.put('-'),
            (true, None) => self.put('+'),
            (true, Some(c)) if is_break(c) => self.put('+'),
            (true, Some(_)) => {}
        }
        self.put('\n');
        for c in text.chars() {
            if self.column == 0 && !is_break(c) {
                self.pad(indent);
            }
            self.put(c);
        }
    }
}

/// Whole numbers as digits, others as Go prints them.
fn number_text(number: &Number) -> String {
    let float = match number.as_f64() {
        Some(float) if number.is_f64() => float,
        _ => return number.to_string(),
    };
    // On the way through JSON such a number loses its point, and is read as a whole one.
    let whole = -9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0;
    if float.fract() == 0.0 && whole.contains(&float) {
        // Adding zero takes the sign from a negative zero.
        return go_float::plain(float + 0.0);
    }
    go_float::text(float, -4..6)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::encodings::yaml_scalar::{
        Resolved, is_base_60, is_special_elsewhere, resolve,
    };

    #[test]
    fn awkward_documents_come_out_as_from_go() {
        // Pairs of lines: a document, and what sigs.k8s.io/yaml 1.6 makes of it.
        let table = include_str!("../../../testdata/kubernetes/yaml.jsonl");
        let lines: Vec<Value> = table
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(lines.len() > 300 && lines.len().is_multiple_of(2));
        let mut departures = 0;
        for pair in lines.chunks(2) {
            if departs(&pair[0]) {
                departures += 1;
            } else {
                assert_eq!(Value::String(yaml(&pair[0])), pair[1], "{}", pair[0]);
            }
        }
        assert!(departures < 40, "{departures}");
    }

    /// True for what Go prints in a way that some reader does not read back.
    fn departs(value: &Value) -> bool {
        let text_departs = |text: &str| {
            is_special_elsewhere(text) && resolve(text) == Resolved::Text && !is_base_60(text)
                || text.contains(['\u{2028}', '\u{2029}'])
        };
        match value {
            Value::String(text) => text_departs(text),
            Value::Array(items) => items.iter().any(departs),
            Value::Object(map) => map
                .iter()
                .any(|(key, value)| text_departs(key) || departs(value)),
            _ => false,
        }
    }

    #[test]
    fn whole_floats_lose_their_point_as_on_the_way_through_json() {
        assert_eq!(
            yaml(&json!([1.0, 1e6, -0.0, 1e8, -5.0])),
            "- 1\n- 1000000\n- 0\n- 100000000\n- -5\n"
        );
    }

    #[test]
    fn lists_stand_at_the_column_of_their_key() {
        let object = json!({"spec": {"list": [{"b": [1], "a": "x"}, {}]}, "kind": "K"});
        assert_eq!(
            yaml(&object),
            "kind: K\nspec:\n  list:\n  - a: x\n    b:\n    - 1\n  - {}\n"
        );
    }
}
