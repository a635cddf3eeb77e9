//! Events, of the core or of `events.k8s.io`: the same objects with other names for their fields.

use serde_json::Value;

use super::{RowMaker, name};
use crate::kubernetes::fields::{at, integer, is_set, some_text, text};

pub(super) const EVENT: RowMaker = |object, now| {
    let first = now.since(either(object, "firstTimestamp", "deprecatedFirstTimestamp"));
    let first = if either(object, "firstTimestamp", "deprecatedFirstTimestamp").is_empty() {
        now.since(text(object, "eventTime"))
    } else {
        first
    };
    let last = match either(object, "lastTimestamp", "deprecatedLastTimestamp") {
        _ if is_set(object, "series") => now.since(text(object, "series.lastObservedTime")),
        "" => first.clone(),
        last => now.since(last),
    };
    let count = if is_set(object, "series") {
        integer(object, "series.count")
    } else {
        let count = integer(object, "count").max(integer(object, "deprecatedCount"));
        if count == 0 { 1 } else { count }
    };
    let about = match at(object, "involvedObject") {
        Value::Null => at(object, "regarding"),
        about => about,
    };
    let mut target = text(about, "kind").to_lowercase();
    if let Some(name) = some_text(about, "name") {
        target = format!("{target}/{name}");
    }
    vec![
        last,
        text(object, "type").to_owned(),
        text(object, "reason").to_owned(),
        target,
        text(about, "fieldPath").to_owned(),
        source(object),
        either(object, "message", "note").trim().to_owned(),
        first,
        count.to_string(),
        name(object),
    ]
};

/// The first of two fields that is not empty.
fn either<'a>(object: &'a Value, first: &str, second: &str) -> &'a str {
    some_text(object, first).unwrap_or_else(|| text(object, second))
}

fn source(object: &Value) -> String {
    let source = match at(object, "source") {
        Value::Null => at(object, "deprecatedSource"),
        source => source,
    };
    // The core's name for reportingController is reportingComponent.
    let component = some_text(source, "component")
        .unwrap_or_else(|| either(object, "reportingComponent", "reportingController"));
    let host = some_text(source, "host").unwrap_or_else(|| text(object, "reportingInstance"));
    if host.is_empty() {
        component.to_owned()
    } else {
        format!("{component}, {host}")
    }
}
