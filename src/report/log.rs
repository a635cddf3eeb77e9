//! The change log.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::json::{Identity, JsonLine, JsonRecordFacts, Name, line};
use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{Event, LogSummary, Operation, Transaction};

/// A field that a change changed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonField<'f> {
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<&'f Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<&'f Value>,
}

/// A change of `log` or `show`; only the latter tells what it changed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonEvent<'e> {
    op: &'static str,
    action: &'static str,
    revision: i64,
    sub: i64,
    #[serde(flatten)]
    key: Name<'e>,
    #[serde(flatten)]
    pub(super) object: Identity,
    #[serde(flatten)]
    facts: JsonRecordFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<JsonField<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl JsonLine for JsonEvent<'_> {
    const TYPE: &'static str = "event";
}

impl<'e> JsonEvent<'e> {
    pub(super) fn new(event: &'e Event, not_before: Option<i64>) -> Self {
        Self {
            op: op(event.operation),
            action: event.operation.as_str(),
            revision: event.revision.main,
            sub: event.revision.sub,
            key: Name::key(&event.key),
            object: Identity::of_key(&event.key),
            facts: JsonRecordFacts::of_event(event),
            not_before: not_before.map(rfc3339),
            change: None,
            fields: Vec::new(),
            error: None,
        }
    }
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
    let events = transaction.events.iter();
    events
        .map(|event| line(&JsonEvent::new(event, transaction.not_before)))
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonLogSummary {
    transactions: u64,
    events: u64,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonLogSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("log");
}

/// The last line of a log in JSON.
pub fn log_summary_json(summary: &LogSummary) -> String {
    line(&JsonLogSummary {
        transactions: summary.transactions,
        events: summary.events,
        current_revision: summary.bounds.current,
        compact_revision: summary.bounds.compacted,
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonEvent<'_>>(), schema::<JsonLogSummary>()]
}
