//! A comparison as a ticket.

use std::fmt::Write as _;

use anstream::adapter::strip_str;

use super::account::account;
use super::code_span::{code, who};
use super::fields::{FieldOptions, field_text, fields_line};
use super::security::security_markdown;
use super::{DiffCounts, KindTable, comparison_text, no_difference};
use crate::finding::escape;
use crate::ops::diff::{Comparison, Item, KeyChange};
use crate::report::history::field_line;
use crate::report::plain_value::value_field;

/// The beginning: what was compared, how many keys differ, what to look at first.
pub fn diff_markdown_head(
    comparison: &Comparison,
    old: &str,
    new: &str,
    items: &[&Item],
    table: &KindTable,
    is_narrowed: bool,
) -> String {
    let mut out = String::from("# What changed\n\n");
    let head = comparison_text(comparison, old, new);
    for line in strip_str(&head).to_string().lines() {
        let _ = writeln!(out, "- {}", code(line.trim()));
    }
    let mut counts = DiffCounts::default();
    items.iter().for_each(|item| counts.add(item));
    let _ = writeln!(
        out,
        "\n{} added, {} removed, {} changed, {} recreated.",
        counts.added, counts.removed, counts.changed, counts.recreated
    );
    let rows = table.rows();
    if rows.len() > 0 {
        let head = table.head();
        let _ = write!(out, "\n| Kind |");
        for name in &head {
            let _ = write!(out, " {} |", capitalized(name));
        }
        let _ = writeln!(out, "\n|---|{}", "--:|".repeat(head.len()));
        for (kind, counts) in rows {
            let kind = code(&escape::text(kind.as_bytes())).replace('|', "\\|");
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            let _ = writeln!(out, "| {kind} | {} |", counts.join(" | "));
        }
    }
    if table.is_empty() {
        let none = no_difference(comparison, is_narrowed).replacen('n', "N", 1);
        let _ = writeln!(out, "\n{none}.");
    }
    let folded = table.folded();
    if !folded.is_empty() {
        let _ = writeln!(out, "\nNot listed: {}", code(folded.trim()));
    }
    out.push_str(&security_markdown(items));
    out
}

/// `Added` for `ADDED`.
fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .into_iter()
        .chain(letters.flat_map(char::to_lowercase))
        .collect()
}

/// The title of the changes in a namespace, or outside of all.
pub fn diff_markdown_title(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!(
            "\n## Namespace {}\n\n",
            code(&escape::text(namespace.as_bytes()))
        ),
        None => "\n## Cluster and other keys\n\n".to_string(),
    }
}

/// One key that differs as an item of a list, with its fields, in one line if they have another cause, and what is
/// `beneath` it.
pub fn diff_markdown_item(
    item: &Item,
    beneath: &str,
    is_folded: bool,
    options: FieldOptions,
) -> String {
    let mut out = format!("- **{}** {}", item.change.as_str(), who(item, false));
    match item.change {
        KeyChange::Touched(why) => {
            let _ = write!(out, " ({why})");
            if item.locked.is_some() {
                out.push_str(" (encrypted)");
            }
        }
        KeyChange::Changed if item.locked.is_some() => out.push_str(" (or only re-encrypted)"),
        _ if item.locked.is_some() => out.push_str(" (encrypted)"),
        _ => {}
    }
    if let Some(rule) = item.noise {
        let _ = write!(out, " (noise: {rule})");
    }
    out.push('\n');
    for (side, flaw) in &item.damage {
        let _ = writeln!(out, "  - {}", code(&format!("damaged, {side}: {flaw}")));
    }
    for line in account(item, options.is_in_full) {
        let _ = writeln!(out, "  - {}", code(&line));
    }
    if is_folded {
        let line = strip_str(&fields_line(item, options)).to_string();
        if !line.is_empty() {
            let _ = writeln!(out, "  - {}", code(&line));
        }
    } else {
        let values = value_field(&item.values);
        for field in options.shown(item).chain(&values) {
            let line = match options.is_in_full {
                true => strip_str(&field_text(field, None)).to_string(),
                false => field_line(field),
            };
            let _ = writeln!(out, "  - {}", code(&line));
        }
    }
    if !beneath.is_empty() {
        let _ = writeln!(out, "  - beneath it: {}", code(beneath));
    }
    out
}
