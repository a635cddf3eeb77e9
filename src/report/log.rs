//! The change log.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::json::{Name, line};
use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{Event, LogSummary, Operation, Transaction};

#[derive(Debug, Serialize)]
struct JsonEvent<'e> {
    r#type: &'static str,
    op: &'static str,
    action: &'static str,
    revision: i64,
    sub: i64,
    #[serde(flatten)]
    key: Name<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_revision: Option<i64>,
    mod_revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
}

/// `put` or `delete`, as etcd's own events say.
pub(super) fn op(operation: Operation) -> &'static str {
    match operation {
        Operation::Create | Operation::Update => "put",
        Operation::Delete => "delete",
    }
}

/// A transaction as lines of JSON, one for each change.
pub fn transaction_json(transaction: &Transaction) -> String {
    let not_before = transaction.not_before.map(rfc3339);
    transaction
        .events
        .iter()
        .map(|event| {
            let lives = event.operation != Operation::Delete;
            line(&JsonEvent {
                r#type: "event",
                op: op(event.operation),
                action: event.operation.as_str(),
                revision: event.revision.main,
                sub: event.revision.sub,
                key: Name::key(&event.key),
                create_revision: lives.then_some(event.create_revision),
                mod_revision: event.revision.main,
                version: lives.then_some(event.version),
                lease: lives.then_some(event.lease.0),
                value_size: lives.then_some(event.value_size),
                not_before: not_before.clone(),
            })
        })
        .collect()
}

pub(super) fn operation_style(operation: Operation) -> Style {
    match operation {
        Operation::Create => AnsiColor::Green.on_default(),
        Operation::Update => AnsiColor::Yellow.on_default(),
        Operation::Delete => AnsiColor::Red.on_default(),
    }
}

/// The line above the changes of a transaction.
pub(super) fn transaction_head(transaction: &Transaction) -> String {
    let style = Style::new().bold();
    let time = transaction.not_before.map(rfc3339);
    let time = time.map_or(String::new(), |time| format!("  not before {time}"));
    format!("{style}revision {}{style:#}{time}\n", transaction.revision)
}

/// What a change did, in one line.
pub(super) fn event_line(event: &Event) -> String {
    let style = operation_style(event.operation);
    let word = event.operation.as_str();
    let mut out = format!("  {style}{word}{style:#} {}", escape::text(&event.key));
    if event.operation != Operation::Delete {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "  (version {}, {} bytes{})",
            event.version,
            event.value_size,
            if event.lease.0 == 0 {
                String::new()
            } else {
                format!(", lease {}", event.lease)
            }
        );
    }
    out.push('\n');
    out
}

/// A transaction as text.
pub fn transaction_text(transaction: &Transaction) -> String {
    let mut out = transaction_head(transaction);
    for event in &transaction.events {
        out.push_str(&event_line(event));
    }
    out
}

#[derive(Debug, Serialize)]
struct JsonSummary {
    r#type: &'static str,
    transactions: u64,
    events: u64,
    current_revision: i64,
    compact_revision: i64,
}

/// The last line of a log in JSON.
pub fn log_summary_json(summary: &LogSummary) -> String {
    line(&JsonSummary {
        r#type: "summary",
        transactions: summary.transactions,
        events: summary.events,
        current_revision: summary.bounds.current,
        compact_revision: summary.bounds.compacted,
    })
}
