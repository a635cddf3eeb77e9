//! The wire types of the JSON reports. `docs/cli-contract.md` documents them field by field.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::finding::{Finding, escape};

/// Bytes of a file that JSON may not be able to hold: as text when they are UTF-8, else in base64 under
/// another name.
#[derive(Debug, Default, Serialize)]
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
pub(super) struct JsonFinding {
    code: &'static str,
    severity: &'static str,
    title: &'static str,
    file: String,
    offset: Option<u64>,
    page: Option<u64>,
    path: Vec<u64>,
    bucket: Option<String>,
    element: Option<u32>,
    revision: Option<String>,
    key: Option<String>,
    key_hex: Option<String>,
    message: String,
    next_step: &'static str,
}

impl JsonFinding {
    pub(super) fn new(finding: &Finding, file: &str) -> Self {
        let place = &finding.place;
        let bucket: Vec<String> = place.bucket.iter().map(|name| escape::text(name)).collect();
        Self {
            code: finding.code.id,
            severity: finding.severity().as_str(),
            title: finding.code.title,
            file: file.into(),
            offset: place.offset.map(|offset| offset.0),
            page: place.page.map(|page| page.0),
            path: place.path.iter().map(|page| page.0).collect(),
            bucket: (!bucket.is_empty()).then(|| bucket.join("/")),
            element: place.element,
            revision: place.revision.map(|(main, sub)| format!("{main}.{sub}")),
            key: place.key.as_deref().map(escape::text),
            key_hex: place.key.as_deref().map(escape::hex),
            message: finding.message.clone(),
            next_step: finding.code.next_step,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct JsonCount {
    pub(super) code: &'static str,
    pub(super) severity: &'static str,
    pub(super) count: u64,
}

/// One line of JSON.
pub(super) fn line(value: &impl Serialize) -> String {
    // The types here have text keys and no maps that can fail.
    let text = serde_json::to_string(value).unwrap_or_else(|_| "{}".into());
    let mut text = escape::json(text);
    text.push('\n');
    text
}

/// JSON with those control characters escaped too that JSON need not escape: DEL, and the C1 set, which has a
/// sign that begins terminal sequences. They can only stand in strings.
pub(super) fn escaped(json: String) -> String {
    let is_harmful = |c: char| matches!(c, '\u{7f}'..='\u{9f}');
    if !json.contains(is_harmful) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_harmful(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_that_json_allows_are_escaped_and_mean_the_same() {
        let key = "a\u{7f}b\u{9b}31m\u{1b}ü";
        let text = line(&Name::key(key.as_bytes()));
        assert_eq!(text, "{\"key\":\"a\\u007fb\\u009b31m\\u001bü\"}\n");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["key"], key);
    }
}
