//! Lines of JSON that are about no record and no file as a whole: errors, the version, whether something is there.

use serde::Serialize;
use serde_json::Value;

use super::json::{JsonLine, Name, line};
use crate::finding::escape;

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonError<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'e str>,
    message: &'e str,
    /// That of this file, of several; 130 after an interrupt.
    exit_status: u8,
}

impl JsonLine for JsonError<'_> {
    const TYPE: &'static str = "error";
}

/// What went wrong as a line of JSON, with the file that it is about.
pub fn error_json(file: Option<&str>, message: &str, exit_status: u8) -> String {
    line(&JsonError {
        file,
        message,
        exit_status,
    })
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonVersion<'v> {
    version: &'v str,
    etcd_release: String,
}

impl JsonLine for JsonVersion<'_> {
    const TYPE: &'static str = "version";
}

/// The version of this program as a line of JSON, and the release of etcd whose answers it gives.
pub fn version_json(version: &str, etcd_release: String) -> String {
    line(&JsonVersion {
        version,
        etcd_release,
    })
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonContains<'c> {
    file: &'c str,
    /// The name that was asked for; null if it is not UTF-8.
    asked: Option<&'c str>,
    #[serde(flatten)]
    key: Name<'c>,
    found: bool,
    /// Null where nothing was compared.
    equal: Option<bool>,
    /// Of a field that is not there: the part of its path that leads to something.
    actual_path: Option<String>,
    /// Of a field that differs or is not there: what is at its path, or at that part of it. Secrets are redacted.
    actual: Option<Vec<Value>>,
}

/// What an object has at a path that was compared, or where the path ends before.
#[derive(Debug)]
pub struct ActualField {
    /// The part of the path that leads to something; nothing: all of it.
    pub path: Option<String>,
    /// What is there: a value for each place that the path leads to, secrets redacted.
    pub values: Vec<Value>,
}

impl ActualField {
    /// As text.
    pub fn text(&self) -> String {
        let texts: Vec<String> = self.values.iter().map(ToString::to_string).collect();
        let actual = escape::text_limited(texts.join(" ").as_bytes(), ACTUAL);
        match self.path.as_deref() {
            None => format!("is there, but differs: it is {actual}"),
            Some("") => format!("has no such field; the object is there: {actual}"),
            Some(path) => {
                let path = escape::text(path.as_bytes());
                format!("has no such field; {{{path}}} is there: {actual}")
            }
        }
    }
}

/// At most this many bytes of values are shown in text.
const ACTUAL: usize = 256;

impl JsonLine for JsonContains<'_> {
    const TYPE: &'static str = "contains";
}

/// Whether what was asked for is there, and equal, as a line of JSON; `key` is the one that was found.
pub fn contains_json(
    file: &str,
    asked: &[u8],
    key: Option<&[u8]>,
    equal: Option<bool>,
    actual: Option<ActualField>,
) -> String {
    let (actual_path, actual) = match actual {
        Some(actual) => (actual.path, Some(actual.values)),
        None => (None, None),
    };
    line(&JsonContains {
        file,
        asked: std::str::from_utf8(asked).ok(),
        key: key.map_or_else(Name::default, Name::key),
        found: key.is_some(),
        equal,
        actual_path,
        actual,
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonError<'_>>(),
        schema::<JsonVersion<'_>>(),
        schema::<JsonContains<'_>>(),
    ]
}
