//! The change log.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::humanize::byte_count;
use super::json::{Identity, JsonLine, JsonRecordFacts, Name, line};
use super::plain_value::JsonValues;
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::compare::writers::Writer;
use crate::kubernetes::rfc3339;
use crate::ops::{Event, LogPart, LogSummary, Operation, ResolvedTime, Transaction};

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

/// Who wrote something.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonManager<'w> {
    manager: &'w str,
    operation: &'w str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'w str,
}

impl<'w> JsonManager<'w> {
    pub(super) fn of(writer: &'w Writer) -> Self {
        Self {
            manager: &writer.manager,
            operation: &writer.operation,
            time: writer.time.map(rfc3339),
            subresource: &writer.subresource,
        }
    }
}

/// What a record changed.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonChange<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<JsonField<'c>>,
    /// How many more there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fields_omitted: Option<u64>,
    /// The values, where not both are objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<JsonValues<'c>>,
    /// Who wrote it, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) managers: Vec<JsonManager<'c>>,
    /// The last record of what was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<JsonRecordFacts>,
}

/// A change of `log` or `show`; only the latter tells what it changed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonEvent<'e> {
    op: &'static str,
    pub(super) action: &'static str,
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
    #[serde(flatten)]
    pub(super) change: JsonChange<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl JsonLine for JsonEvent<'_> {
    const TYPE: &'static str = "event";
}

impl<'e> JsonEvent<'e> {
    pub(super) fn new(event: &'e Event, not_before: Option<i64>, kinds: &Resources) -> Self {
        Self {
            op: op(event.operation),
            action: event.operation.as_str(),
            revision: event.revision.main,
            sub: event.revision.sub,
            key: Name::key(&event.key),
            object: Identity::of_key(&event.key, kinds),
            facts: JsonRecordFacts::of_event(event),
            not_before: not_before.map(rfc3339),
            change: JsonChange::default(),
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
pub fn transaction_json(transaction: &Transaction, kinds: &Resources) -> String {
    let events = transaction.events.iter();
    events
        .map(|event| line(&JsonEvent::new(event, transaction.not_before, kinds)))
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
            "  (version {}, {}{})",
            event.version,
            byte_count(event.value_size),
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
pub fn log_part_events_json(part: &LogPart, kinds: &Resources) -> String {
    let events = part.changes.iter().map(|change| &change.event);
    events
        .map(|event| line(&JsonEvent::new(event, part.not_before, kinds)))
        .collect()
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonLogSummary {
    transactions: u64,
    events: u64,
    /// How many changes were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    noise_count: Option<u64>,
    /// The revisions that times stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_revision: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_revision: Option<i64>,
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
        noise_count: (summary.noise > 0).then_some(summary.noise),
        from_revision: summary.since,
        to_revision: summary.until,
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
