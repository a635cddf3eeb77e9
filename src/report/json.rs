//! The wire types of the JSON reports. `docs/cli-contract.md` documents them field by field.

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
    let mut text = serde_json::to_string(value).unwrap_or_else(|_| "{}".into());
    text.push('\n');
    text
}
