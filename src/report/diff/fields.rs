//! The fields of a change as lines of text, in the colours that git has for them.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::finding::escape;
use crate::kubernetes::compare::noise::{is_generation, is_managed};
use crate::ops::FieldChange;
use crate::ops::diff::Item;
use crate::report::plain_value::value_field;

/// Longer texts that changed are shown line by line.
const LONG_TEXT: usize = 80;

/// Texts with more lines together are not compared line by line.
const MOST_LINES: usize = 10_000;

/// Longer values are cut, unless everything is shown.
const VALUE_CHARS: usize = 60;

/// The most fields that are named in one line.
const LINE_FIELDS: usize = 3;

/// What is shown of a change.
#[derive(Debug, Clone, Copy)]
pub struct FieldOptions {
    /// Lines around changed lines of long texts.
    pub context: usize,
    /// Whether managed fields are shown.
    pub managed_fields: bool,
    /// Whether the numbers are shown that only count changes of the spec.
    pub generation: bool,
    /// Whether values are shown in full, however long.
    pub is_in_full: bool,
}

impl FieldOptions {
    /// The fields of a change that are shown.
    pub(super) fn shown(self, item: &Item) -> impl Iterator<Item = &FieldChange> {
        item.fields.iter().filter(move |field| {
            (self.managed_fields || !is_managed(&field.path))
                && (self.generation || !is_generation(&field.path))
        })
    }
}

/// What is gone.
pub(super) const OLD: Style = AnsiColor::Red.on_default();
/// What is new.
pub(super) const NEW: Style = AnsiColor::Green.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// The fields of a change, each in a line or more.
pub(super) fn fields_text(item: &Item, options: FieldOptions) -> String {
    let mut out = String::new();
    let values = value_field(&item.values);
    for field in options.shown(item).chain(&values) {
        match (&field.old, &field.new) {
            (Some(Value::String(old)), Some(Value::String(new)))
                if (is_long(old) || is_long(new)) && has_few_lines(old, new) =>
            {
                let path = escape::text(field.path.to_string().as_bytes());
                // Writing to a String cannot fail.
                let _ = writeln!(out, "      {path}:");
                out.push_str(&unified(old, new, options.context));
            }
            _ => {
                let line = field_text(field, (!options.is_in_full).then_some(VALUE_CHARS));
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    out
}

/// The fields of a change in one line; how many more there are, too.
pub(super) fn fields_line(item: &Item, options: FieldOptions) -> String {
    let fields: Vec<&FieldChange> = options.shown(item).collect();
    let mut parts: Vec<String> = fields
        .iter()
        .take(LINE_FIELDS)
        .map(|field| field_text(field, Some(VALUE_CHARS)))
        .collect();
    if let Some(more @ 1..) = fields.len().checked_sub(LINE_FIELDS) {
        let fields = if more == 1 { "field" } else { "fields" };
        parts.push(format!("and {more} more {fields} (--flat)"));
    }
    parts.join("; ")
}

/// `spec.replicas: 2 → 3`.
pub(super) fn field_text(field: &FieldChange, most: Option<usize>) -> String {
    let path = escape::text(field.path.to_string().as_bytes());
    let value = |value: &Value| short(value, most);
    match (&field.old, &field.new) {
        (None, Some(new)) => format!("{path}: {NEW}+ {}{NEW:#}", value(new)),
        (Some(old), None) => format!("{path}: {OLD}- {}{OLD:#}", value(old)),
        (Some(old), Some(new)) => format!(
            "{path}: {OLD}{}{OLD:#} → {NEW}{}{NEW:#}",
            value(old),
            value(new)
        ),
        (None, None) => path,
    }
}

fn short(value: &Value, most: Option<usize>) -> String {
    let text = match value {
        Value::String(text) => escape::text(text.as_bytes()),
        other => escape::text(other.to_string().as_bytes()),
    };
    match most.and_then(|most| text.char_indices().nth(most)) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn is_long(text: &str) -> bool {
    text.len() > LONG_TEXT || text.contains('\n')
}

/// Comparing lines takes the square of their number where all of them differ.
fn has_few_lines(old: &str, new: &str) -> bool {
    old.lines().count().saturating_add(new.lines().count()) <= MOST_LINES
}

/// A unified diff of two texts, indented.
fn unified(old: &str, new: &str, context: usize) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let text = diff
        .unified_diff()
        .context_radius(context)
        .missing_newline_hint(false)
        .to_string();
    let mut out = String::new();
    for line in text.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => NEW,
            Some(b'-') => OLD,
            Some(b'@') => PLACE,
            _ => Style::new(),
        };
        let _ = writeln!(out, "        {style}{}{style:#}", escape::report(line));
    }
    out
}
