//! What a file holds: metas, pages, buckets, keys, the cluster.

mod json;
mod text;

pub use json::info_json;
pub use text::info_text;

use serde::Serialize;

use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{BucketFigures, Examination};

#[derive(Serialize)]
struct Revisions {
    first: Option<i64>,
    last: Option<i64>,
    store: Option<i64>,
    compacted: Option<i64>,
    scheduled_compaction: Option<i64>,
    finished_compaction: Option<i64>,
    not_before: Option<String>,
}

fn revisions(examined: &Examination, not_before: Option<i64>) -> Revisions {
    let records = &examined.records;
    let compaction = &examined.contents.meta.compaction;
    Revisions {
        first: records.first.map(|revision| revision.main),
        last: records.last.map(|revision| revision.main),
        store: examined.revision(),
        compacted: examined.meta_is_known().then(|| compaction.compacted()),
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
