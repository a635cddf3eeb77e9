//! Lists of keys.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::{Name, line};
use super::objects::server_lease_note;
use crate::etcd::keyspace::{KeyRecord, RevisionBounds};
use crate::finding::escape;

#[derive(Debug, Serialize)]
struct JsonKey<'k> {
    r#type: &'static str,
    #[serde(flatten)]
    key: Name<'k>,
    /// What it is that is not an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_revision: Option<i64>,
    mod_revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_size: Option<u64>,
}

/// One key as a line of JSON.
pub fn key_json(record: &KeyRecord<'_>) -> String {
    let lives = !record.facts.is_tombstone;
    line(&JsonKey {
        r#type: "key",
        key: Name::key(record.key),
        internal: server_lease_note(record.key).map(|_| "api-server-lease"),
        deleted: record.facts.is_tombstone,
        create_revision: lives.then_some(record.facts.create_revision),
        mod_revision: record.facts.revision.main,
        version: lives.then_some(record.facts.version),
        lease: lives.then_some(record.facts.lease.0),
        value_size: lives.then_some(record.facts.value_size),
    })
}

#[derive(Debug, Serialize)]
struct JsonSummary {
    r#type: &'static str,
    keys: usize,
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
}

/// The last line of the list in JSON.
pub fn keys_summary_json(keys: usize, revision: i64, bounds: RevisionBounds) -> String {
    line(&JsonSummary {
        r#type: "summary",
        keys,
        revision,
        current_revision: bounds.current,
        compact_revision: bounds.compacted,
    })
}

/// Widths of the figures in a long list.
#[derive(Debug, Clone, Copy)]
pub struct LongKeys {
    widths: [usize; 5],
}

const HEADS: [&str; 5] = ["MOD", "CREATE", "VERSION", "LEASE", "SIZE"];

impl LongKeys {
    /// Wide enough for all of `rows`.
    pub fn new<'r>(rows: impl Iterator<Item = KeyRecord<'r>>) -> Self {
        let mut widths = HEADS.map(str::len);
        for facts in rows {
            for (width, cell) in widths.iter_mut().zip(cells(&facts)) {
                *width = (*width).max(cell.len());
            }
        }
        Self { widths }
    }

    /// The line above the list.
    pub fn head(&self) -> String {
        self.line(HEADS.map(String::from), "KEY")
    }

    /// One key.
    pub fn row(&self, record: &KeyRecord<'_>) -> String {
        self.line(cells(record), &escape::text(record.key))
    }

    fn line(&self, cells: [String; 5], key: &str) -> String {
        let mut out = String::new();
        for (cell, width) in cells.iter().zip(self.widths) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{cell:>width$}  ");
        }
        out.push_str(key);
        out.push('\n');
        out
    }
}

fn cells(record: &KeyRecord<'_>) -> [String; 5] {
    let main = record.facts.revision.main.to_string();
    if record.facts.is_tombstone {
        return [main, "-".into(), "deleted".into(), "-".into(), "-".into()];
    }
    let lease = if record.facts.lease.0 == 0 {
        "-".into()
    } else {
        record.facts.lease.to_string()
    };
    [
        main,
        record.facts.create_revision.to_string(),
        record.facts.version.to_string(),
        lease,
        record.facts.value_size.to_string(),
    ]
}
