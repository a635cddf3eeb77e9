//! The events of an object.

use serde_json::Value;

use super::Now;
use super::text::{Text, put};
use crate::kubernetes::fields::{integer, is_set, some_text, text, text_or};
use crate::kubernetes::show::duration::age;
use crate::kubernetes::time::{ZERO_TIME, parse_rfc3339};

/// A row of the table of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// By what they are sorted, in seconds since 1970.
    pub last_seen: i64,
    cells: [String; 5],
}

impl EventRow {
    /// The row of an Event.
    pub fn of(event: &Value, now: Now) -> Self {
        let since = |path: &str| match some_text(event, path) {
            Some(stamp) => age(stamp, now),
            None => "<unknown>".into(),
        };
        let is_zero =
            |path: &str| parse_rfc3339(text(event, path)).is_none_or(|time| time == ZERO_TIME);
        let first = match is_zero("eventTime") {
            true => since("firstTimestamp"),
            false => since("eventTime"),
        };
        let count = integer(event, "count");
        let interval = if is_set(event, "series") {
            let last = since("series.lastObservedTime");
            format!("{last} (x{} over {first})", integer(event, "series.count"))
        } else if count > 1 {
            format!("{} (x{count} over {first})", since("lastTimestamp"))
        } else {
            first
        };
        let source = text_or(event, "source.component", text(event, "reportingComponent"));
        let message = text(event, "message").trim();
        let message = match some_text(event, "involvedObject.fieldPath") {
            Some(path) => format!("{path}: {message}"),
            None => message.to_owned(),
        };
        Self {
            last_seen: parse_rfc3339(text(event, "lastTimestamp")).unwrap_or(ZERO_TIME),
            cells: [
                text(event, "type").to_owned(),
                text(event, "reason").to_owned(),
                interval,
                source.to_owned(),
                message,
            ],
        }
    }
}

pub(super) fn events(w: &mut Text, events: Option<&Vec<EventRow>>) {
    let Some(events) = events else {
        return;
    };
    if events.is_empty() {
        put!(w, 0, "Events:\t<none>\n");
        return;
    }
    put!(w, 0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n");
    put!(w, 1, "----\t------\t----\t----\t-------\n");
    for event in events {
        put!(w, 1, "{}\n", event.cells.join("\t"));
    }
}
