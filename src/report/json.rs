//! The wire types of the JSON reports. `docs/cli-contract.md` documents them field by field.

use std::borrow::Cow;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::wording::worded;
use crate::etcd::LeaseId;
use crate::etcd::keyspace::RecordFacts;
use crate::finding::{Area, Finding, Severity, Value as Datum, escape};
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::encodings::go_float;
use crate::kubernetes::query::jsonpath::go_fragment;
use crate::ops::{Event, Operation};
use crate::sentence::sentence;

/// The version of all lines. It is raised when a field is renamed, removed or gets another type, not when one is
/// added.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// What is printed as a line of JSON. `docs/schemas` has a schema for each type.
pub(super) trait JsonLine: Serialize {
    /// What `type` says.
    const TYPE: &'static str;
    /// Of a summary: the command whose output it ends.
    const COMMAND: Option<&'static str> = None;
}

/// A line with what all lines begin with.
#[derive(Serialize)]
struct Headed<'l, L> {
    r#type: &'static str,
    schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'static str>,
    #[serde(flatten)]
    line: &'l L,
}

/// A 64-bit id as it is written everywhere in JSON, whose integers many readers round.
pub(super) fn hex_id(id: u64) -> String {
    format!("{id:016x}")
}

pub(super) fn lease_id(lease: LeaseId) -> String {
    hex_id(lease.0.cast_unsigned())
}

/// What etcd notes of a record; of a deletion it is the revision alone.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonRecordFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    create_revision: Option<i64>,
    mod_revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// As etcd has it: an integer, and 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    /// The same in 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_size: Option<u64>,
}

impl JsonRecordFacts {
    pub(super) fn of(facts: &RecordFacts) -> Self {
        let lives = !facts.is_tombstone;
        Self {
            create_revision: lives.then_some(facts.create_revision),
            mod_revision: facts.revision.main,
            version: lives.then_some(facts.version),
            lease: lives.then_some(facts.lease.0),
            lease_id: lives.then(|| lease_id(facts.lease)),
            value_size: lives.then_some(facts.value_size),
        }
    }

    pub(super) fn of_event(event: &Event) -> Self {
        let lives = event.operation != Operation::Delete;
        Self {
            create_revision: lives.then_some(event.create_revision),
            mod_revision: event.revision.main,
            version: lives.then_some(event.version),
            lease: lives.then_some(event.lease.0),
            lease_id: lives.then(|| lease_id(event.lease)),
            value_size: lives.then_some(event.value_size),
        }
    }
}

/// Which object a line is about; nothing of it where it is about none.
#[derive(Debug, Default, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Identity {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

impl Identity {
    /// Texts that are empty are not known, or do not apply.
    pub(super) fn of_texts(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            api_version: known(api_version),
            kind: known(kind),
            namespace: known(namespace),
            name: known(name),
        }
    }

    /// What an object tells itself.
    pub(super) fn of_object(object: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let metadata = object.get("metadata");
        let of_metadata = |name| text(metadata.and_then(|metadata| metadata.get(name)));
        Self {
            api_version: text(object.get("apiVersion")),
            kind: text(object.get("kind")),
            namespace: of_metadata("namespace"),
            name: of_metadata("name"),
        }
    }

    /// What a key tells of an object of one of the kinds; the version is the one in which such objects are stored most likely.
    pub(super) fn of_key(key: &[u8], kinds: &Resources) -> Self {
        let parts = std::str::from_utf8(key).ok();
        let Some(parts) = parts.and_then(|key| kinds.of_key(key)) else {
            return Self::default();
        };
        let Some(resource) = kinds.of_plural(&parts.group, &parts.resource) else {
            return Self::default();
        };
        Self {
            api_version: Some(resource.preferred_version()),
            kind: Some(resource.kind.clone()),
            namespace: parts.namespace,
            name: Some(parts.name),
        }
    }
}

/// Bytes of a file that JSON may not be able to hold: as text when they are UTF-8, else in base64 under
/// another name.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Name<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
}

impl<'b> Name<'b> {
    pub(super) fn key(bytes: &'b [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                key: Some(text),
                key_base64: None,
            },
            Err(_) => Self {
                key: None,
                key_base64: Some(STANDARD.encode(bytes)),
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonFinding<'f> {
    code: &'static str,
    severity: Severity,
    area: Area,
    title: &'static str,
    file: String,
    offset: Option<u64>,
    page: Option<u64>,
    /// Pages from the root of the bucket to the page.
    page_path: Vec<u64>,
    bucket: Option<String>,
    element: Option<u32>,
    revision: Option<i64>,
    sub: Option<i64>,
    #[serde(flatten)]
    key: Name<'f>,
    key_hex: Option<String>,
    circumstance: Option<&'static str>,
    values: Map<String, Value>,
    message: String,
    next_step: Cow<'static, str>,
}

impl<'f> JsonFinding<'f> {
    pub(super) fn new(finding: &'f Finding, file: &str) -> Self {
        let place = &finding.place;
        let bucket: Vec<String> = place.bucket.iter().map(|name| escape::text(name)).collect();
        Self {
            code: finding.code.id,
            severity: finding.severity(),
            area: finding.code.area,
            title: finding.code.title,
            file: file.into(),
            offset: place.offset.map(|offset| offset.0),
            page: place.page.map(|page| page.0),
            page_path: place.path.iter().map(|page| page.0).collect(),
            bucket: (!bucket.is_empty()).then(|| bucket.join("/")),
            element: place.element,
            revision: place.revision.map(|(main, _)| main),
            sub: place.revision.map(|(_, sub)| sub),
            key: place.key.as_deref().map_or_else(Name::default, Name::key),
            key_hex: place.key.as_deref().map(escape::hex),
            circumstance: finding.circumstance.name,
            values: values_json(finding),
            message: sentence(finding),
            next_step: worded(finding.code.next_step),
        }
    }
}

/// The values of a finding under their names. Ids and checksums are texts as etcd's tools write them.
fn values_json(finding: &Finding) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, value) in finding.values() {
        let json = match value {
            Datum::Key(text) | Datum::Name(text) | Datum::Excerpt(text) | Datum::FileName(text) => {
                put_text(&mut values, name, text.bytes(), text.len());
                continue;
            }
            Datum::Folder(path) => {
                let bytes = path.as_os_str().as_encoded_bytes();
                put_text(&mut values, name, bytes, bytes.len() as u64);
                continue;
            }
            Datum::Count(number)
            | Datum::Bytes(number)
            | Datum::Byte(number)
            | Datum::Ordinal(number)
            | Datum::Index(number)
            | Datum::Term(number)
            | Datum::Code(number) => Value::from(*number),
            Datum::Offset(offset) => Value::from(offset.0),
            Datum::Page(page) => Value::from(page.0),
            Datum::Transaction(transaction) => Value::from(transaction.0),
            Datum::PageType(flags) => Value::from(*flags),
            Datum::Flags(flags) => Value::from(*flags),
            Datum::Letter(byte) => Value::from(*byte),
            Datum::MainRevision(number) | Datum::Version(number) => Value::from(*number),
            Datum::Revision((main, sub)) => Value::from(format!("{main}.{sub}")),
            Datum::Lease(id) => Value::from(hex_id(id.cast_unsigned())),
            Datum::Member(id) | Datum::Cluster(id) => Value::from(hex_id(*id)),
            Datum::Members(ids) => ids.first.iter().map(|id| hex_id(*id)).collect(),
            Datum::Segment(number) => Value::from(hex_id(*number)),
            Datum::Checksum(sum) => Value::from(format!("{sum:08x}")),
            Datum::Digest(digest) => Value::from(digest.to_string()),
            Datum::Choice(word) => Value::from(*word),
            Datum::Refusals(refusals) => refusals
                .iter()
                .map(|(minor, word)| json!({"release": format!("3.{minor}"), "reason": word}))
                .collect(),
        };
        values.insert(name.into(), json);
    }
    values
}

/// Puts bytes from a file as text, or in base64 under another name if they are not UTF-8; and their whole length
/// where not all of them are kept.
fn put_text(values: &mut Map<String, Value>, name: &str, bytes: &[u8], len: u64) {
    let is_cut = (bytes.len() as u64) < len;
    match std::str::from_utf8(bytes) {
        Ok(text) => values.insert(name.into(), text.into()),
        // A character may have been cut.
        Err(error) if is_cut && error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let text = String::from_utf8_lossy(whole).into_owned();
            values.insert(name.into(), text.into())
        }
        Err(_) => values.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()),
    };
    if is_cut {
        values.insert(format!("{name}_bytes"), len.into());
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonCount {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) count: u64,
}

/// A formatter that escapes whatever in a string could harm a terminal, and leaves the rest to another.
#[derive(Debug, Default)]
struct Safe<F> {
    inner: F,
    /// Numbers and escapes are those of kubectl.
    is_of_kubectl: bool,
}

/// Hands these through.
macro_rules! hand_through {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $name<W: io::Write + ?Sized>(&mut self, writer: &mut W, $($argument: $kind),*) -> io::Result<()> {
            self.inner.$name(writer, $($argument),*)
        })*
    };
}

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        match self.is_of_kubectl {
            true => go_fragment(writer, fragment),
            false => escape::json_fragment(writer, fragment),
        }
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        match self.is_of_kubectl {
            true => writer.write_all(go_float::json(value).as_bytes()),
            false => self.inner.write_f64(writer, value),
        }
    }

    hand_through! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonLayout {
    /// On one line.
    Line,
    /// As kubectl indents it.
    Pretty,
    /// The same as an item of a list at that place: two levels deeper, the first line included.
    Item,
}

/// Writes `value` as JSON, piece by piece, without a line end behind it.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_json(
    value: &impl Serialize,
    layout: JsonLayout,
    mut out: &mut dyn io::Write,
) -> io::Result<()> {
    let pretty = || Safe {
        inner: PrettyFormatter::with_indent(b"    "),
        is_of_kubectl: true,
    };
    match layout {
        JsonLayout::Line => {
            let safe = Safe {
                inner: CompactFormatter,
                is_of_kubectl: false,
            };
            value.serialize(&mut Serializer::with_formatter(out, safe))?;
        }
        JsonLayout::Pretty => {
            value.serialize(&mut Serializer::with_formatter(out, pretty()))?;
        }
        JsonLayout::Item => {
            out.write_all(ITEM)?;
            let out = Deeper(&mut out);
            value.serialize(&mut Serializer::with_formatter(out, pretty()))?;
        }
    }
    Ok(())
}

/// What the lines of an item begin with.
const ITEM: &[u8] = b"        ";

/// Indents each further line. In JSON a line end never stands inside of a string.
struct Deeper<'o>(&'o mut dyn io::Write);

impl io::Write for Deeper<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.write_all(line)?;
            if line.ends_with(b"\n") {
                self.0.write_all(ITEM)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One line of JSON.
pub(super) fn line<L: JsonLine>(line: &L) -> String {
    let mut out = compact(&Headed {
        r#type: L::TYPE,
        schema_version: SCHEMA_VERSION,
        command: L::COMMAND,
        line,
    });
    out.push('\n');
    out
}

/// JSON on one line, without its end.
pub(super) fn compact(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    // The types here have text keys and no maps that can fail, and memory takes everything.
    if write_json(value, JsonLayout::Line, &mut out).is_err() {
        out = b"{}".to_vec();
    }
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_that_json_allows_are_escaped_and_mean_the_same() {
        let key = "a\u{7f}b\u{9b}31m\u{1b}\u{202e}\u{2066}\u{200f}\u{feff}\u{2029}ü";
        let text = compact(&Name::key(key.as_bytes()));
        assert_eq!(
            text,
            "{\"key\":\"a\\u007fb\\u009b31m\\u001b\\u202e\\u2066\\u200f\\ufeff\\u2029ü\"}"
        );
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["key"], key);
    }

    #[test]
    fn texts_of_findings_are_exact_and_say_how_much_is_missing() {
        let put = |bytes: &[u8], len| {
            let mut values = Map::new();
            put_text(&mut values, "key", bytes, len);
            Value::Object(values)
        };
        assert_eq!(put(b"a\x1bb", 3), json!({"key": "a\u{1b}b"}));
        assert_eq!(put(b"\xff", 1), json!({"key_base64": "/w=="}));
        let cut = json!({"key": "a", "key_bytes": 9});
        assert_eq!(put(b"a", 9), cut);
        assert_eq!(put("aü".as_bytes().get(..2).unwrap(), 9), cut);
        let whole = put("aü".as_bytes().get(..2).unwrap(), 2);
        assert_eq!(whole, json!({"key_base64": "YcM="}));
    }

    #[test]
    fn every_layout_says_the_same_and_escapes_the_same() {
        let value = serde_json::json!({"a": ["\u{9b}", {}, [], {"b": [1]}], "\u{202e}": "\n"});
        for layout in [JsonLayout::Line, JsonLayout::Pretty, JsonLayout::Item] {
            let mut out = Vec::new();
            write_json(&value, layout, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(!text.contains(['\u{9b}', '\u{202e}']), "{text}");
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read, value, "{text}");
            if layout == JsonLayout::Item {
                assert!(text.lines().all(|line| line.starts_with("        ")));
            }
        }
    }
}
