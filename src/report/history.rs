//! The life of a key, and what one transaction did.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::json::{Identity, JsonLine, JsonRecordFacts, Name, line};
use super::log::{JsonEvent, JsonField, event_line};
use crate::finding::escape;
use crate::kubernetes::{Flaw, rfc3339};
use crate::ops::{Action, Episode, FieldChange, Shown, ValueChange};

/// Longer values are cut in text.
const VALUE_CHARS: usize = 60;
/// More fields are counted in a line of text.
const LINE_FIELDS: usize = 6;

/// How a change is said in JSON: a word, and the fields.
fn json_change(change: &ValueChange) -> (Option<&'static str>, Vec<JsonField<'_>>) {
    match change {
        ValueChange::Unknown => (None, Vec::new()),
        ValueChange::Same => (Some("same-bytes"), Vec::new()),
        ValueChange::Bytes => (Some("other-bytes"), Vec::new()),
        ValueChange::Fields(fields) if fields.is_empty() => (Some("re-encoded"), Vec::new()),
        ValueChange::Fields(fields) => (Some("fields"), fields.iter().map(json_field).collect()),
    }
}

pub(super) fn json_field(field: &FieldChange) -> JsonField<'_> {
    JsonField {
        path: field.path.to_string(),
        old: field.old.as_ref(),
        new: field.new.as_ref(),
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonEpisode<'e> {
    op: &'static str,
    action: &'static str,
    revision: i64,
    sub: i64,
    #[serde(flatten)]
    key: Name<'e>,
    #[serde(flatten)]
    object: Identity,
    #[serde(flatten)]
    facts: JsonRecordFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<JsonField<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl JsonLine for JsonEpisode<'_> {
    const TYPE: &'static str = "history";
}

/// One record of a key as a line of JSON.
pub fn episode_json(key: &[u8], episode: &Episode) -> String {
    let facts = &episode.facts;
    let lives = !facts.is_tombstone;
    let (change, fields) = json_change(&episode.change);
    line(&JsonEpisode {
        op: if lives { "put" } else { "delete" },
        action: episode.action.as_str(),
        revision: facts.revision.main,
        sub: facts.revision.sub,
        key: Name::key(key),
        object: Identity::of_key(key),
        facts: JsonRecordFacts::of(facts),
        not_before: episode.not_before.map(rfc3339),
        change,
        fields,
        error: episode.flaw.as_ref().map(ToString::to_string),
    })
}

/// One record of a key as a line of text, and what changed as another.
pub fn episode_text(episode: &Episode) -> String {
    let facts = &episode.facts;
    let style = match episode.action {
        Action::Create | Action::Recreate => AnsiColor::Green.on_default(),
        Action::Update => AnsiColor::Yellow.on_default(),
        Action::Delete => AnsiColor::Red.on_default(),
    };
    let revision = if facts.revision.sub == 0 {
        facts.revision.main.to_string()
    } else {
        facts.revision.to_string()
    };
    let word = episode.action.as_str();
    let mut out = format!("{revision:>10}  {style}{word:<9}{style:#}");
    // Writing to a String cannot fail.
    if !facts.is_tombstone {
        let _ = write!(
            out,
            "  version {:<5} {:>8} bytes",
            facts.version, facts.value_size
        );
        if facts.lease.0 != 0 {
            let _ = write!(out, "  lease {}", facts.lease);
        }
    }
    if let Some(time) = episode.not_before {
        let _ = write!(out, "  not before {}", rfc3339(time));
    }
    out.push('\n');
    if let Some(summary) = change_line(&episode.change) {
        let _ = writeln!(out, "            {summary}");
    }
    if let Some(flaw) = &episode.flaw {
        let _ = writeln!(out, "            {}", flaw_text(flaw));
    }
    out
}

fn flaw_text(flaw: &Flaw) -> String {
    if flaw.is_decodable() {
        flaw.to_string()
    } else {
        format!("<damaged>: {flaw}")
    }
}

/// What changed, in one line; nothing when there is nothing to compare with.
fn change_line(change: &ValueChange) -> Option<String> {
    Some(match change {
        ValueChange::Unknown => return None,
        ValueChange::Same => "the same bytes".into(),
        ValueChange::Bytes => "other bytes".into(),
        ValueChange::Fields(fields) if fields.is_empty() => "the same object in other bytes".into(),
        ValueChange::Fields(fields) => {
            let shown: Vec<String> = fields.iter().take(LINE_FIELDS).map(field_line).collect();
            let more = fields.len().saturating_sub(LINE_FIELDS);
            let more = if more > 0 {
                format!("; and {more} more")
            } else {
                String::new()
            };
            format!("{}{more}", shown.join("; "))
        }
    })
}

/// `spec.replicas: 2 → 3`.
pub(super) fn field_line(field: &FieldChange) -> String {
    let path = escape::text(field.path.to_string().as_bytes());
    match (&field.old, &field.new) {
        (None, Some(new)) => format!("{path}: + {}", short(new)),
        (Some(old), None) => format!("{path}: - {}", short(old)),
        (Some(old), Some(new)) => format!("{path}: {} → {}", short(old), short(new)),
        (None, None) => path,
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = escape::text(text.as_bytes());
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonHistorySummary {
    records: usize,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonHistorySummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("history");
}

/// The last line of a history in JSON.
pub fn history_summary_json(
    records: usize,
    bounds: crate::etcd::keyspace::RevisionBounds,
) -> String {
    line(&JsonHistorySummary {
        records,
        current_revision: bounds.current,
        compact_revision: bounds.compacted,
    })
}

/// Everything in one revision as lines of JSON, a summary last.
pub fn shown_json(shown: &Shown) -> String {
    let mut out = String::new();
    for one in &shown.changes {
        let (change, fields) = json_change(&one.change);
        let mut event = JsonEvent::new(&one.event, shown.not_before);
        if let Some((kind, namespace, name)) = &one.object {
            event.object.kind = Some(kind.clone());
            event.object.namespace.clone_from(namespace);
            event.object.name.clone_from(name);
        }
        event.change = change;
        event.fields = fields;
        event.error = one.flaw.as_ref().map(ToString::to_string);
        out.push_str(&line(&event));
    }
    out.push_str(&line(&JsonShowSummary {
        revision: shown.revision,
        events: shown.changes.len(),
        current_revision: shown.bounds.current,
        compact_revision: shown.bounds.compacted,
    }));
    out
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonShowSummary {
    revision: i64,
    events: usize,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonShowSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("show");
}

/// Everything in one revision as text.
pub fn shown_text(shown: &Shown) -> String {
    let style = Style::new().bold();
    let time = shown.not_before.map_or(String::new(), |time| {
        format!("  not before {}", rfc3339(time))
    });
    let mut out = format!("{style}revision {}{style:#}{time}\n", shown.revision);
    for one in &shown.changes {
        out.push_str(&event_line(&one.event));
        // Writing to a String cannot fail.
        if let Some((kind, namespace, name)) = &one.object {
            let place = namespace
                .as_ref()
                .map_or(String::new(), |n| format!("{n}/"));
            let name = name.as_deref().unwrap_or_default();
            let text = format!("{kind} {place}{name}");
            let _ = writeln!(out, "      {}", escape::text(text.as_bytes()));
        }
        match &one.change {
            ValueChange::Fields(fields) if !fields.is_empty() => {
                for field in fields {
                    let _ = writeln!(out, "      {}", field_line(field));
                }
            }
            other => {
                if let Some(text) = change_line(other) {
                    let _ = writeln!(out, "      {text}");
                }
            }
        }
        if let Some(flaw) = &one.flaw {
            let _ = writeln!(out, "      {}", flaw_text(flaw));
        }
    }
    out
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonEpisode<'_>>(),
        schema::<JsonHistorySummary>(),
        schema::<JsonShowSummary>(),
    ]
}
