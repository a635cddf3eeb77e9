//! Single values and objects.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::json::{
    Identity, JsonLayout, JsonLine, JsonRecordFacts, Name, compact, line, write_json,
};
use super::locked::undecoded;
use super::yaml::write_yaml;
use crate::etcd::keyspace::{KeyRecord, RevisionBounds};
use crate::etcd::quote;
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::{Description, Flaw, read_json};
use crate::ops::{ReadValue, ValueContent};

/// What a value shows as, for reading.
#[derive(Debug, Clone, PartialEq)]
pub enum Readable {
    /// An object, or any other JSON.
    Json(Value),
    /// Text that is not JSON.
    Text(String),
    /// Neither.
    Binary,
}

/// What a sight of a value shows: an object, JSON, text, or none of them.
pub fn readable(content: ValueContent, plain: &[u8]) -> Readable {
    match content {
        ValueContent::Object(object) => Readable::Json(object.json),
        ValueContent::Hidden(mark) => Readable::Text(mark),
        ValueContent::Bytes => match std::str::from_utf8(plain) {
            Ok(text) => match read_json(plain) {
                Ok(json @ (Value::Object(_) | Value::Array(_))) => Readable::Json(json),
                _ => Readable::Text(text.to_string()),
            },
            Err(_) => Readable::Binary,
        },
    }
}

/// Writes pretty JSON, as kubectl indents it, with a line end.
///
/// # Errors
/// Those of the writer.
pub fn write_pretty_json(value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
    write_json(value, JsonLayout::Pretty, out)?;
    out.write_all(b"\n")
}

/// Appends values as a list of JSON, indented as kubectl does it, with a line end.
pub fn push_pretty_list(values: &[&Value], out: &mut String) {
    let mut text = Vec::new();
    // Memory takes everything.
    let _ = write_json(&values, JsonLayout::Pretty, &mut text);
    out.push_str(&String::from_utf8_lossy(&text));
    out.push('\n');
}

/// Writes YAML, with notes of what could not be decoded as comments behind it.
///
/// # Errors
/// Those of the writer.
pub fn write_object_yaml(
    value: &Value,
    notes: &[String],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    write_yaml(value, out)?;
    for note in notes {
        writeln!(out, "# {note}")?;
    }
    Ok(())
}

/// What is missing from an object's JSON, line by line.
pub fn notes(description: &Description) -> Vec<String> {
    let mut notes = Vec::new();
    for field in &description.unknown {
        let path = escape::text(field.path.as_bytes());
        let place = if path.is_empty() { "the object" } else { &path };
        notes.push(format!(
            "not decoded: field {} of {place}: {}",
            field.number,
            escape::hex_limited(&field.bytes)
        ));
    }
    if description.more_unknown > 0 {
        notes.push(format!(
            "not decoded: {} more fields",
            description.more_unknown
        ));
    }
    notes.extend(undecoded(description));
    if let Some(error) = &description.error {
        notes.push(format!("damaged: {error}"));
    }
    notes
}

/// A record as `etcdctl get -w fields` shows it.
pub fn record_fields(record: &KeyRecord<'_>, value: &[u8]) -> String {
    format!(
        "\"Key\" : {}\n\"CreateRevision\" : {}\n\"ModRevision\" : {}\n\"Version\" : {}\n\"Value\" : {}\n\"Lease\" : {}\n",
        quote(record.key),
        record.facts.create_revision,
        record.facts.revision.main,
        record.facts.version,
        quote(value),
        record.facts.lease.0
    )
}

/// The lines behind the records.
pub fn fields_end(count: usize) -> String {
    format!("\"More\" : false\n\"Count\" : {count}\n")
}

#[derive(Debug, Serialize)]
struct EtcdctlRecord {
    key: String,
    create_revision: i64,
    mod_revision: i64,
    version: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    #[serde(skip_serializing_if = "is_zero")]
    lease: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A record as an item of `kvs` of `etcdctl get -w json`.
pub fn record_etcdctl_json(record: &KeyRecord<'_>, value: &[u8]) -> String {
    let record = EtcdctlRecord {
        key: STANDARD.encode(record.key),
        create_revision: record.facts.create_revision,
        mod_revision: record.facts.revision.main,
        version: record.facts.version,
        value: STANDARD.encode(value),
        lease: record.facts.lease.0,
    };
    compact(&record)
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonRecord<'r> {
    #[serde(flatten)]
    key: Name<'r>,
    #[serde(flatten)]
    identity: Identity,
    #[serde(flatten)]
    facts: JsonRecordFacts,
    #[serde(flatten)]
    content: JsonContent<'r>,
}

impl JsonLine for JsonRecord<'_> {
    const TYPE: &'static str = "record";
}

/// What a value shows as: one of `object`, `value`, `value_base64` and `hidden`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonContent<'r> {
    encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'r Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<&'r str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A record with its value as a line of JSON, and what is wrong with the value.
pub fn record_json(
    record: &KeyRecord<'_>,
    look: &ReadValue<'_>,
    flaw: Option<&Flaw>,
    kinds: &Resources,
) -> String {
    let content = JsonContent::new(look, flaw.map(ToString::to_string));
    let identity = match content.object.map(Identity::of_object) {
        Some(identity) if identity.kind.is_some() => identity,
        _ => Identity::of_key(record.key, kinds),
    };
    line(&JsonRecord {
        key: Name::key(record.key),
        identity,
        facts: JsonRecordFacts::of(&record.facts),
        content,
    })
}

/// A value of which nothing else is known.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonValue<'v> {
    file: &'v str,
    #[serde(flatten)]
    identity: Identity,
    #[serde(flatten)]
    content: JsonContent<'v>,
}

impl JsonLine for JsonValue<'_> {
    const TYPE: &'static str = "value";
}

/// A value that was read from `file` as a line of JSON, and what is wrong with it.
pub fn value_json(file: &str, look: &ReadValue<'_>, error: Option<String>) -> String {
    let content = JsonContent::new(look, error);
    line(&JsonValue {
        file,
        identity: content.object.map(Identity::of_object).unwrap_or_default(),
        content,
    })
}

impl<'r> JsonContent<'r> {
    fn new(look: &'r ReadValue<'_>, error: Option<String>) -> Self {
        let mut content = Self {
            encoding: crate::ops::encoding_name(look.stored),
            object: None,
            value: None,
            value_base64: None,
            hidden: None,
            notes: Vec::new(),
            error,
        };
        match &look.content {
            ValueContent::Object(object) => {
                content.object = Some(&object.json);
                content.notes = notes(&object.description);
            }
            ValueContent::Hidden(mark) => content.hidden = Some(mark),
            ValueContent::Bytes => match std::str::from_utf8(&look.plain) {
                Ok(text) => content.value = Some(text),
                Err(_) => content.value_base64 = Some(STANDARD.encode(&look.plain)),
            },
        }
        if let Some(error) = &look.locked {
            content.notes.push(error.to_string());
        }
        content
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonGetSummary {
    records: usize,
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonGetSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("get");
}

/// The last line behind the records in JSON.
pub fn records_summary_json(records: usize, revision: i64, bounds: RevisionBounds) -> String {
    line(&JsonGetSummary {
        records,
        revision,
        current_revision: bounds.current,
        compact_revision: bounds.compacted,
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonRecord<'_>>(),
        schema::<JsonValue<'_>>(),
        schema::<JsonGetSummary>(),
    ]
}
