//! Lists of keys.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::{Identity, JsonLine, JsonRecordFacts, Name, line};
use super::objects::server_lease_note;
use crate::etcd::keyspace::{KeyRecord, RevisionBounds};
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonKey<'k> {
    #[serde(flatten)]
    key: Name<'k>,
    #[serde(flatten)]
    object: Identity,
    /// What it is that is not an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(flatten)]
    facts: JsonRecordFacts,
}

impl JsonLine for JsonKey<'_> {
    const TYPE: &'static str = "key";
}

/// One key as a line of JSON, with the object that it is the key of.
pub fn key_json(record: &KeyRecord<'_>, kinds: &Resources) -> String {
    let internal = server_lease_note(record.key).map(|_| "api-server-lease");
    line(&JsonKey {
        key: Name::key(record.key),
        object: match internal {
            Some(_) => Identity::default(),
            None => Identity::of_key(record.key, kinds),
        },
        internal,
        deleted: record.facts.is_tombstone,
        facts: JsonRecordFacts::of(&record.facts),
    })
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonKeysSummary {
    keys: usize,
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonKeysSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("keys");
}

/// The last line of the list in JSON.
pub fn keys_summary_json(keys: usize, revision: i64, bounds: RevisionBounds) -> String {
    line(&JsonKeysSummary {
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

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonKey<'_>>(), schema::<JsonKeysSummary>()]
}
