//! The life of a key, and what one transaction did.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::json::{Name, line};
use super::log::{event_line, op};
use crate::finding::escape;
use crate::kubernetes::{Flaw, rfc3339};
use crate::ops::{Action, Episode, FieldChange, Operation, Shown, ValueChange};

/// Longer values are cut in text.
const VALUE_CHARS: usize = 60;
/// More fields are counted in a line of text.
const LINE_FIELDS: usize = 6;

/// A field that changed.
#[derive(Debug, Serialize)]
pub(super) struct JsonField<'f> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'f Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<&'f Value>,
}

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
struct JsonEpisode<'e> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<JsonField<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// One record of a key as a line of JSON.
pub fn episode_json(key: &[u8], episode: &Episode) -> String {
    let facts = &episode.facts;
    let lives = !facts.is_tombstone;
    let (change, fields) = json_change(&episode.change);
    line(&JsonEpisode {
        r#type: "history",
        op: if lives { "put" } else { "delete" },
        action: episode.action.as_str(),
        revision: facts.revision.main,
        sub: facts.revision.sub,
        key: Name::key(key),
        create_revision: lives.then_some(facts.create_revision),
        mod_revision: facts.revision.main,
        version: lives.then_some(facts.version),
        lease: lives.then_some(facts.lease.0),
        value_size: lives.then_some(facts.value_size),
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
struct JsonHistorySummary {
    r#type: &'static str,
    records: usize,
    current_revision: i64,
    compact_revision: i64,
}

/// The last line of a history in JSON.
pub fn history_summary_json(
    records: usize,
    bounds: crate::etcd::keyspace::RevisionBounds,
) -> String {
    line(&JsonHistorySummary {
        r#type: "summary",
        records,
        current_revision: bounds.current,
        compact_revision: bounds.compacted,
    })
}

#[derive(Debug, Serialize)]
struct JsonShown<'s> {
    r#type: &'static str,
    op: &'static str,
    action: &'static str,
    revision: i64,
    sub: i64,
    #[serde(flatten)]
    key: Name<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'s str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<JsonField<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Everything in one revision as lines of JSON, a summary last.
pub fn shown_json(shown: &Shown) -> String {
    let mut out = String::new();
    for one in &shown.changes {
        let event = &one.event;
        let lives = event.operation != Operation::Delete;
        let (change, fields) = json_change(&one.change);
        let who = one.object.as_ref();
        out.push_str(&line(&JsonShown {
            r#type: "event",
            op: op(event.operation),
            action: event.operation.as_str(),
            revision: event.revision.main,
            sub: event.revision.sub,
            key: Name::key(&event.key),
            kind: who.map(|(kind, _, _)| kind.as_str()),
            namespace: who.and_then(|(_, namespace, _)| namespace.as_deref()),
            name: who.and_then(|(_, _, name)| name.as_deref()),
            create_revision: lives.then_some(event.create_revision),
            mod_revision: event.revision.main,
            version: lives.then_some(event.version),
            lease: lives.then_some(event.lease.0),
            value_size: lives.then_some(event.value_size),
            not_before: shown.not_before.map(rfc3339),
            change,
            fields,
            error: one.flaw.as_ref().map(ToString::to_string),
        }));
    }
    out.push_str(&line(&JsonShowSummary {
        r#type: "summary",
        revision: shown.revision,
        events: shown.changes.len(),
        current_revision: shown.bounds.current,
        compact_revision: shown.bounds.compacted,
    }));
    out
}

#[derive(Debug, Serialize)]
struct JsonShowSummary {
    r#type: &'static str,
    revision: i64,
    events: usize,
    current_revision: i64,
    compact_revision: i64,
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
