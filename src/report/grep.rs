//! What a search finds.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::json::{Identity, JsonLine, Name, line};
use crate::etcd::keyspace::RevisionBounds;
use crate::finding::escape;
use crate::ops::{GrepRecord, GrepSummary, MatchedLine};

/// The part of a line that matches, as grep shows it.
const FOUND: Style = Style::new()
    .bold()
    .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));

/// `Deployment shop/web`, or the key of what is not an object; with the revision if `with_revision`.
pub fn grep_name(record: &GrepRecord, with_revision: bool) -> String {
    let name = match &record.object {
        Some([_, kind, namespace, name]) => {
            let slash = if namespace.is_empty() { "" } else { "/" };
            escape::text(format!("{kind} {namespace}{slash}{name}").as_bytes())
        }
        None => escape::text(&record.key),
    };
    match with_revision {
        true => format!("{name} @{}", record.mod_revision),
        false => name,
    }
}

/// The lines of a record that match, each behind the name of the object and the path of the field.
pub fn grep_text(record: &GrepRecord, with_revision: bool) -> String {
    let name = grep_name(record, with_revision);
    let mut out = String::new();
    for matched in &record.lines {
        out.push_str(&name);
        if !matched.path.is_empty() {
            let _ = write!(out, " {}", escape::text(matched.path.as_bytes()));
        }
        if let Some(number) = matched.line {
            let _ = write!(out, ":{number}");
        }
        out.push_str(": ");
        marked(matched, &mut out);
        out.push('\n');
    }
    out
}

/// The line with what matches in it marked.
fn marked(matched: &MatchedLine, out: &mut String) {
    let part = |from: usize, to: usize| {
        let part = matched.text.get(from..to).unwrap_or_default();
        escape::text(part)
    };
    let mut at = 0;
    for place in matched.places.iter().filter(|place| !place.is_empty()) {
        out.push_str(&part(at, place.start));
        let found = part(place.start, place.end);
        let _ = write!(out, "{FOUND}{found}{FOUND:#}");
        at = place.end;
    }
    out.push_str(&part(at, matched.text.len()));
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonMatch<'m> {
    file: &'m str,
    #[serde(flatten)]
    key: Name<'m>,
    #[serde(flatten)]
    object: Identity,
    mod_revision: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'m str>,
    /// Instead, if the line is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_base64: Option<String>,
}

impl JsonLine for JsonMatch<'_> {
    const TYPE: &'static str = "match";
}

/// The same as lines of JSON: one for each line that matches, or with `only_names` one for the record.
pub fn grep_json(file: &str, record: &GrepRecord, only_names: bool) -> String {
    let object = match &record.object {
        Some([api_version, kind, namespace, name]) => {
            Identity::of_texts(api_version, kind, namespace, name)
        }
        None => Identity::default(),
    };
    if only_names {
        return line(&JsonMatch {
            file,
            key: Name::key(&record.key),
            object,
            mod_revision: record.mod_revision,
            path: "",
            line: None,
            text: None,
            text_base64: None,
        });
    }
    let lines = record.lines.iter().map(|matched| {
        let text = std::str::from_utf8(&matched.text).ok();
        line(&JsonMatch {
            file,
            key: Name::key(&record.key),
            object: object.clone(),
            mod_revision: record.mod_revision,
            path: &matched.path,
            line: matched.line,
            text,
            text_base64: text.is_none().then(|| STANDARD.encode(&matched.text)),
        })
    });
    lines.collect()
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonGrepSummary<'s> {
    file: &'s str,
    matches: u64,
    records: u64,
    encrypted: u64,
    undecodable: u64,
    too_large: u64,
    hidden_values: u64,
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonGrepSummary<'_> {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("grep");
}

/// The last line of a search of a file in JSON.
pub fn grep_summary_json(file: &str, summary: &GrepSummary, bounds: RevisionBounds) -> String {
    line(&JsonGrepSummary {
        file,
        matches: summary.lines,
        records: summary.records,
        encrypted: summary.encrypted,
        undecodable: summary.undecodable,
        too_large: summary.too_large,
        hidden_values: summary.hidden,
        revision: summary.revision,
        current_revision: bounds.current,
        compact_revision: bounds.compacted,
    })
}

/// What was not searched, as a line of text. What is hidden is told only where nothing was found.
pub fn grep_unsearched_line(summary: &GrepSummary) -> Option<String> {
    let mut parts = Vec::new();
    let hidden = match summary.lines {
        0 => summary.hidden,
        _ => 0,
    };
    for (count, what) in [
        (
            summary.encrypted,
            "encrypted (--encryption-config with the right keys opens them)",
        ),
        (
            summary.undecodable,
            "that cannot be decoded (`etcdsnap verify --values` names them)",
        ),
        (summary.too_large, "too large to decode"),
        (
            hidden,
            "with secrets in them, which are hidden (--show-secrets searches them)",
        ),
    ] {
        let values = if count == 1 { "value" } else { "values" };
        if count > 0 {
            parts.push(format!("{count} {values} {what}"));
        }
    }
    (!parts.is_empty()).then(|| format!("not searched: {}", parts.join("; ")))
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonMatch<'_>>(), schema::<JsonGrepSummary<'_>>()]
}
