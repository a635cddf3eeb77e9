//! What a file holds: metas, pages, buckets, keys, the cluster.

mod json;
mod text;

pub use json::info_json;
#[cfg(feature = "schema")]
pub(super) use json::schemas;
pub use text::info_text;

use serde::Serialize;

use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{BucketFigures, Examination};

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Revisions {
    first_record_revision: Option<i64>,
    last_record_revision: Option<i64>,
    current_revision: Option<i64>,
    compact_revision: Option<i64>,
    scheduled_compaction: Option<i64>,
    finished_compaction: Option<i64>,
    not_before: Option<String>,
}

fn revisions(examined: &Examination, not_before: Option<i64>) -> Revisions {
    let records = &examined.records;
    let compaction = &examined.contents.meta.compaction;
    Revisions {
        first_record_revision: records.first.map(|revision| revision.main),
        last_record_revision: records.last.map(|revision| revision.main),
        current_revision: examined.revision(),
        compact_revision: examined.meta_is_known().then(|| compaction.compacted()),
        scheduled_compaction: compaction.scheduled.map(|revision| revision.main),
        finished_compaction: compaction.finished.map(|revision| revision.main),
        not_before: not_before.map(rfc3339),
    }
}

fn bucket_name(bucket: &BucketFigures) -> String {
    let names: Vec<String> = bucket
        .path
        .iter()
        .map(|name| escape::text_limited(name, 64))
        .collect();
    names.join("/")
}

fn fill(bytes: u64, capacity: u64) -> f64 {
    if capacity == 0 {
        0.0
    } else {
        bytes as f64 / capacity as f64
    }
}
