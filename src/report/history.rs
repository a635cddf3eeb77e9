//! The life of a key, and what one transaction did.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::humanize::byte_count;
use super::json::{Identity, JsonLine, JsonRecordFacts, Name, line};
use super::log::{JsonChange, JsonEvent, JsonField, JsonManager, event_line, transaction_head};
use super::plain_value::{JsonValues, value_field};
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::compare::writers::Writer;
use crate::kubernetes::{Flaw, rfc3339};
use crate::ops::{
    Action, Episode, FieldChange, LogPart, NamedObject, Shown, ShownChange, Taken, ValueChange,
};

/// Longer values are cut in text.
const VALUE_CHARS: usize = 60;
/// Longer names of those who wrote something are cut.
const NAME_LIMIT: usize = 60;
/// More of them are counted.
const WRITERS: usize = 4;
/// More fields are counted in a line of text.
const LINE_FIELDS: usize = 6;

impl<'c> JsonChange<'c> {
    pub(super) fn of(
        change: &'c ValueChange,
        writers: &'c [Writer],
        taken: Option<&Taken>,
    ) -> Self {
        let (word, fields, left) = match change {
            ValueChange::Unknown => (None, [].as_slice(), 0),
            ValueChange::Same => (Some("same-bytes"), [].as_slice(), 0),
            ValueChange::Bytes(values) => {
                let has_old = values.old.is_some() || values.new.is_none();
                (has_old.then_some("other-bytes"), [].as_slice(), 0)
            }
            ValueChange::ManagedFields => (Some("managed-fields"), [].as_slice(), 0),
            ValueChange::Fields(fields, _) if fields.is_empty() => {
                (Some("re-encoded"), [].as_slice(), 0)
            }
            ValueChange::Fields(fields, left) => (Some("fields"), fields.as_slice(), *left),
        };
        Self {
            change: word,
            fields: fields.iter().map(json_field).collect(),
            fields_omitted: (left > 0).then_some(left),
            values: match change {
                ValueChange::Bytes(values) => JsonValues::of(values),
                _ => None,
            },
            managers: writers.iter().map(JsonManager::of).collect(),
            old: taken.map(|taken| JsonRecordFacts::of(&taken.facts)),
        }
    }
}

/// Who an object is: what its value tells goes before what its key tells.
fn identity(of_key: Identity, of_value: Option<&NamedObject>) -> Identity {
    let Some(object) = of_value else {
        return of_key;
    };
    let NamedObject {
        api_version,
        kind,
        namespace,
        name,
    } = object.clone();
    Identity {
        api_version: Some(api_version),
        kind: Some(kind),
        namespace,
        name,
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
    #[serde(flatten)]
    change: JsonChange<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl JsonLine for JsonEpisode<'_> {
    const TYPE: &'static str = "history";
}

/// One record of a key as a line of JSON.
pub fn episode_json(key: &[u8], episode: &Episode, kinds: &Resources) -> String {
    let facts = &episode.facts;
    let lives = !facts.is_tombstone;
    line(&JsonEpisode {
        op: if lives { "put" } else { "delete" },
        action: episode.action.as_str(),
        revision: facts.revision.main,
        sub: facts.revision.sub,
        key: Name::key(key),
        object: identity(Identity::of_key(key, kinds), episode.object.as_ref()),
        facts: JsonRecordFacts::of(facts),
        not_before: episode.not_before.map(rfc3339),
        change: JsonChange::of(&episode.change, &episode.writers, episode.taken.as_ref()),
        error: episode.flaw.as_ref().map(ToString::to_string),
    })
}

/// How an action looks on a terminal.
fn style_of(action: Action) -> Style {
    match action {
        Action::Create | Action::Recreate => AnsiColor::Green.on_default(),
        Action::Update => AnsiColor::Yellow.on_default(),
        Action::Delete => AnsiColor::Red.on_default(),
    }
}

/// One record of a key as a line of text, and what changed as another; with `every_field`, each field has its own.
pub fn episode_text(episode: &Episode, every_field: bool) -> String {
    let facts = &episode.facts;
    let style = style_of(episode.action);
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
            "  version {:<5} {:>14}",
            facts.version,
            byte_count(facts.value_size)
        );
        if facts.lease.0 != 0 {
            let _ = write!(out, "  lease {}", facts.lease);
        }
    }
    if let Some(time) = episode.not_before {
        let _ = write!(out, "  not before {}", rfc3339(time));
    }
    out.push_str(&by_whom(&episode.writers));
    out.push('\n');
    let lines = match every_field {
        true => change_lines(&episode.change),
        false => change_line(&episode.change).into_iter().collect(),
    };
    let took = facts
        .is_tombstone
        .then(|| taken_line(episode.taken.as_ref()));
    let flaw = episode.flaw.as_ref().map(flaw_text);
    for line in lines.into_iter().chain(took).chain(flaw) {
        let _ = writeln!(out, "            {line}");
    }
    out
}

/// What a deletion took, in one line.
fn taken_line(taken: Option<&Taken>) -> String {
    let Some(taken) = taken else {
        return "the file does not have its last value any more".into();
    };
    let what = match &taken.object {
        Some(object) => object_text(object),
        None => byte_count(taken.facts.value_size),
    };
    let (revision, version) = (taken.facts.revision.main, taken.facts.version);
    format!("took {what}, last written at revision {revision}, version {version}")
}

/// `Deployment shop/web`.
fn object_text(object: &NamedObject) -> String {
    let namespace = object.namespace.as_ref();
    let place = namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
    let name = object.name.as_deref().unwrap_or_default();
    escape::text(format!("{} {place}{name}", object.kind).as_bytes())
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
        ValueChange::Bytes(values) => match value_field(values) {
            Some(field) => coloured_field(&field),
            None => "other bytes".into(),
        },
        ValueChange::ManagedFields => "only managed fields".into(),
        ValueChange::Fields(fields, _) if fields.is_empty() => {
            "the same object in other bytes".into()
        }
        ValueChange::Fields(fields, left) => {
            // What every new object has is only counted, unless it has nothing else.
            let is_told = |field: &&FieldChange| field.old.is_some() || !field.is_identity();
            let told: Vec<&FieldChange> = fields.iter().filter(is_told).collect();
            let told = match told.is_empty() {
                true => fields.iter().collect(),
                false => told,
            };
            let shown = told.iter().take(LINE_FIELDS);
            let shown: Vec<String> = shown.map(|field| coloured_field(field)).collect();
            let more = fields.len().saturating_sub(shown.len()) as u64;
            let more = match more.saturating_add(*left) {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            format!("{}{more}", shown.join("; "))
        }
    })
}

/// What changed, a field in each line. What every object has comes last, in one line.
fn change_lines(change: &ValueChange) -> Vec<String> {
    let (fields, left) = match change {
        ValueChange::Fields(fields, left) if !fields.is_empty() => (fields, *left),
        other => return change_line(other).into_iter().collect(),
    };
    // Only of a new object are there several.
    let end = fields
        .iter()
        .rposition(|field| !field.is_identity())
        .map_or(0, |at| at.saturating_add(1));
    let (own, identity) = fields.split_at(end);
    let mut lines: Vec<String> = own.iter().map(coloured_field).collect();
    if !identity.is_empty() {
        let identity: Vec<String> = identity.iter().map(coloured_field).collect();
        lines.push(identity.join("; "));
    }
    if left > 0 {
        lines.push(format!("and {left} more"));
    }
    lines
}

/// The same as [`field_line`], for a terminal: what went is red, what came is green.
fn coloured_field(field: &FieldChange) -> String {
    let (red, green) = (AnsiColor::Red.on_default(), AnsiColor::Green.on_default());
    let path = escape::text(field.path.to_string().as_bytes());
    let old = field.old.as_ref().map(short);
    let new = field.new.as_ref().map(short);
    match (old, new) {
        (None, Some(new)) => format!("{path}: {green}+ {new}{green:#}"),
        (Some(old), None) => format!("{path}: {red}- {old}{red:#}"),
        (Some(old), Some(new)) => format!("{path}: {red}{old}{red:#} → {green}{new}{green:#}"),
        (None, None) => path,
    }
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

/// A change with its fields as a line of JSON.
fn shown_change_json(one: &ShownChange, not_before: Option<i64>, kinds: &Resources) -> String {
    let mut event = JsonEvent::new(&one.event, not_before, kinds);
    event.action = one.action.as_str();
    event.object = identity(event.object, one.object.as_ref());
    event.change = JsonChange::of(&one.change, &one.writers, one.taken.as_ref());
    event.error = one.flaw.as_ref().map(ToString::to_string);
    line(&event)
}

/// Everything in one revision as lines of JSON, a summary last.
pub fn shown_json(shown: &Shown, kinds: &Resources) -> String {
    let changes = shown.changes.iter();
    let mut out: String = changes
        .map(|one| shown_change_json(one, shown.not_before, kinds))
        .collect();
    out.push_str(&line(&JsonShowSummary {
        revision: shown.revision,
        events: shown.changes.len(),
        current_revision: shown.bounds.current,
        compact_revision: shown.bounds.compacted,
    }));
    out
}

/// Changes of a log with their fields as lines of JSON.
pub fn log_part_json(part: &LogPart, kinds: &Resources) -> String {
    let changes = part.changes.iter();
    changes
        .map(|one| shown_change_json(one, part.not_before, kinds))
        .collect()
}

/// Changes of a log with their fields as text.
pub fn log_part_text(part: &LogPart) -> String {
    let mut out = match part.is_continued {
        true => String::new(),
        false => transaction_head(part.revision, part.not_before),
    };
    for one in &part.changes {
        push_change(&mut out, one);
    }
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
    let mut out = transaction_head(shown.revision, shown.not_before);
    for one in &shown.changes {
        push_change(&mut out, one);
    }
    out
}

/// `  by kubectl-edit`: the names of those who wrote a value, each once.
fn by_whom(writers: &[Writer]) -> String {
    let mut names: Vec<String> = Vec::new();
    for writer in writers {
        let name = escape::text_limited(writer.manager.as_bytes(), NAME_LIMIT);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len() {
        0 => String::new(),
        count if count > WRITERS => format!(
            "  by {} and {} more",
            names.get(..WRITERS).unwrap_or_default().join(", "),
            count.saturating_sub(WRITERS)
        ),
        _ => format!("  by {}", names.join(", ")),
    }
}

/// A change, and beneath it what it changed.
fn push_change(out: &mut String, one: &ShownChange) {
    out.push_str(&event_line(
        &one.event,
        one.action.as_str(),
        style_of(one.action),
    ));
    let is_deleted = one.action == Action::Delete;
    let who = match is_deleted {
        true => Some(taken_line(one.taken.as_ref())),
        false => one.object.as_ref().map(object_text),
    };
    let who = who.map(|who| who + &by_whom(&one.writers));
    let flaw = one.flaw.as_ref().map(flaw_text);
    for line in who.into_iter().chain(change_lines(&one.change)).chain(flaw) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "      {line}");
    }
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
