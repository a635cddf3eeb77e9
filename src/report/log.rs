//! The change log.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::json::{Name, line};
use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{Event, LogPart, LogSummary, Operation, ResolvedTime, Transaction};

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
pub(super) fn transaction_head(revision: i64, not_before: Option<i64>) -> String {
    let style = Style::new().bold();
    let time = not_before.map(rfc3339);
    let time = time.map_or(String::new(), |time| format!("  not before {time}"));
    format!("{style}revision {revision}{style:#}{time}\n")
}

/// What a change did, in one line.
pub(super) fn event_line(event: &Event, word: &str, style: Style) -> String {
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
    let mut out = transaction_head(transaction.revision, transaction.not_before);
    transaction
        .events
        .iter()
        .for_each(|event| out.push_str(&operation_line(event)));
    out
}

fn operation_line(event: &Event) -> String {
    let style = operation_style(event.operation);
    event_line(event, event.operation.as_str(), style)
}

/// Changes of a log without their fields, as text.
pub fn log_part_events_text(part: &LogPart) -> String {
    let mut out = match part.is_continued {
        true => String::new(),
        false => transaction_head(part.revision, part.not_before),
    };
    let events = part.changes.iter().map(|change| &change.event);
    events.for_each(|event| out.push_str(&operation_line(event)));
    out
}

/// Changes of a log without their fields, as lines of JSON.
pub fn log_part_events_json(part: &LogPart) -> String {
    transaction_json(&Transaction {
        revision: part.revision,
        not_before: part.not_before,
        events: part
            .changes
            .iter()
            .map(|change| change.event.clone())
            .collect(),
    })
}

/// How many changes a log leaves out as noise, as a line of text.
pub fn log_noise_line(noise: &BTreeMap<&'static str, u64>) -> Option<String> {
    let total = noise.values().fold(0u64, |sum, n| sum.saturating_add(*n));
    let rules: Vec<String> = noise
        .iter()
        .map(|(rule, count)| format!("{count} {rule}"))
        .collect();
    let (changes, are) = match total {
        1 => ("change", "is"),
        _ => ("changes", "are"),
    };
    (total > 0).then(|| {
        format!(
            "{total} {changes} {are} noise and left out ({}); --noise none shows them",
            rules.join(", ")
        )
    })
}

/// The revision that a time stands for, as a line of text. `name` is the option, `is_until` tells which end it is.
pub fn resolved_time_line(name: &str, bound: &ResolvedTime, is_until: bool) -> String {
    let time = rfc3339(bound.time);
    match (bound.revision, is_until) {
        (Some(revision), false) => format!(
            "{name} {time}: from revision {revision}, the first that did not happen before that time"
        ),
        (None, false) => {
            format!(
                "{name} {time}: no revision; the newest time in the file is {}",
                rfc3339(bound.newest)
            )
        }
        (Some(revision), true) => format!(
            "{name} {time}: up to revision {revision}; what follows it did not happen before {}",
            bound.next.map(rfc3339).unwrap_or_default()
        ),
        (None, true) => format!(
            "{name} {time}: up to the newest revision; the newest time in the file is {}",
            rfc3339(bound.newest)
        ),
    }
}

#[derive(Debug, Serialize)]
struct JsonSummary {
    r#type: &'static str,
    transactions: u64,
    events: u64,
    /// How many changes were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<u64>,
    /// The revisions that times stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_revision: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_revision: Option<i64>,
    current_revision: i64,
    compact_revision: i64,
}

/// The last line of a log in JSON.
pub fn log_summary_json(summary: &LogSummary) -> String {
    line(&JsonSummary {
        r#type: "summary",
        transactions: summary.transactions,
        events: summary.events,
        noise: (summary.noise > 0).then_some(summary.noise),
        from_revision: summary.since,
        to_revision: summary.until,
        current_revision: summary.bounds.current,
        compact_revision: summary.bounds.compacted,
    })
}
