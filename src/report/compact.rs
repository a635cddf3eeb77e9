use std::fmt::Write as _;

use serde::Serialize;

use super::json::{JsonLine, line};
use super::verify::summary;
use crate::finding::escape;
use crate::ops::{Compacted, Examination, KeptFigures, Verdict};

/// What is left of a database whose history, or some of whose keys, were left out.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct JsonKept {
    live_keys: u64,
    kept_keys: u64,
    compact_revision: i64,
    unmatched_prefixes: Vec<String>,
}

impl JsonKept {
    pub(super) fn new(kept: &KeptFigures) -> Self {
        let unmatched = kept.unmatched.iter();
        Self {
            live_keys: kept.live_keys,
            kept_keys: kept.kept_keys,
            compact_revision: kept.compacted_at,
            unmatched_prefixes: unmatched.map(|prefix| escape::text(prefix)).collect(),
        }
    }
}

/// What `compact` wrote, for people.
pub fn compacted_text(made: &Compacted, file: &str, out: &str) -> String {
    let mut text = format!("{out}: {file} without its free pages");
    text.push_str(match made.kept {
        Some(_) => " and its history\n",
        None => "\n",
    });
    let mut side = |name: &str, examined: &Option<Box<Examination>>| {
        if let Some(examined) = examined {
            let _ = writeln!(text, "  {name}  {}", summary(examined));
        }
    };
    side("before", &made.source.examination);
    side("after ", &made.result.examination);
    if let Some(digest) = &made.trailer {
        let _ = writeln!(text, "  sha256  {digest}");
    } else {
        let _ = writeln!(text, "  sha256  none; restores with --skip-hash-check");
    }
    if let Some(kept) = &made.kept {
        let at = kept.compacted_at;
        let _ = writeln!(
            text,
            "  note: everything up to revision {at} counts as compacted, so clients that read or watch from an \
             older revision are told so\n  note: HashKV differs from before: it is that of a store with these keys \
             alone, compacted at {at}"
        );
    }
    let hash = made.hash;
    let like = match made.kept {
        Some(_) => "as the records kept must have",
        None => "as before, HASH over all buckets as well",
    };
    let _ = writeln!(
        text,
        "  proven  read back: database sound, HashKV {} at revision {} {like}",
        hash.hash, hash.revision
    );
    text
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonCompacted<'c> {
    file: &'c str,
    out: &'c str,
    verdict: Verdict,
    bytes_before: u64,
    bytes: u64,
    sha256: Option<String>,
    revision: i64,
    compact_revision: i64,
    records_before: Option<u64>,
    records: Option<u64>,
    kept: Option<JsonKept>,
    hashkv: u32,
    hashkv_as_before: Option<bool>,
}

impl JsonLine for JsonCompacted<'_> {
    const TYPE: &'static str = "compact";
}

/// What `compact` wrote, as one line of JSON.
pub fn compacted_json(made: &Compacted, file: &str, out: &str) -> String {
    let records = |examined: &Option<Box<Examination>>| {
        let examined = examined.as_ref();
        examined.map(|examined| examined.records.records)
    };
    let trailer = made.trailer.as_ref();
    line(&JsonCompacted {
        file,
        out,
        verdict: made.source.verdict,
        bytes_before: made.source.layout.file_len,
        bytes: made.result.layout.file_len,
        sha256: trailer.map(ToString::to_string),
        revision: made.hash.revision,
        compact_revision: made.hash.compact_revision,
        records_before: records(&made.source.examination),
        records: records(&made.result.examination),
        kept: made.kept.as_ref().map(JsonKept::new),
        hashkv: made.hash.hash,
        // Anything else would have been refused.
        hashkv_as_before: made.kept.is_none().then_some(true),
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonCompacted<'_>>()]
}
