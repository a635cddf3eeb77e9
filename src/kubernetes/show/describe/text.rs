//! Lines of a description.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use crate::kubernetes::fields::{at, controller, items, scalar, text};
use crate::kubernetes::time::{ZERO_TIME, parse_rfc3339, rfc3339};

/// Text in the making; a level is two spaces.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    /// Levels that are added to every piece.
    indent: usize,
}

/// Writes at a level what a format gives.
macro_rules! put {
    ($text:expr, $level:expr, $($arguments:tt)*) => {
        $text.put($level, format_args!($($arguments)*))
    };
}
pub(super) use put;

/// Longer lines of annotations are cut.
const LONG: usize = 140;
/// kubectl's own annotation, which it does not show.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Text {
    pub(super) fn put(&mut self, level: usize, arguments: fmt::Arguments<'_>) {
        let levels = level.saturating_add(self.indent);
        self.out.extend(std::iter::repeat_n("  ", levels));
        // Writing to a text does not fail.
        let _ = self.out.write_fmt(arguments);
    }

    /// Writes something with each of its pieces, also those within a line, further to the right.
    pub(super) fn indented(&mut self, levels: usize, write: impl FnOnce(&mut Self)) {
        let before = self.indent;
        self.indent = before.saturating_add(levels);
        write(self);
        self.indent = before;
    }

    pub(super) fn into_string(self) -> String {
        self.out
    }

    /// Name and namespace.
    pub(super) fn names(&mut self, object: &Value) {
        put!(self, 0, "Name:\t{}\n", text(object, "metadata.name"));
        put!(
            self,
            0,
            "Namespace:\t{}\n",
            text(object, "metadata.namespace")
        );
    }

    pub(super) fn labels_and_annotations(&mut self, object: &Value) {
        self.labels("", "Labels", at(object, "metadata.labels"));
        self.annotations("Annotations", at(object, "metadata.annotations"));
    }

    /// A map of texts, a line for each.
    pub(super) fn labels(&mut self, indent: &str, title: &str, labels: &Value) {
        put!(self, 0, "{indent}{title}:\t");
        let lines = pairs(labels).map(|(key, value)| format!("{key}={}", scalar(value)));
        self.lines(indent, &lines.collect::<Vec<_>>());
    }

    /// Lines behind a title that has been written, beneath each other.
    pub(super) fn lines(&mut self, indent: &str, lines: &[String]) {
        if lines.is_empty() {
            put!(self, 0, "<none>\n");
        }
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                put!(self, 0, "{indent}");
                put!(self, 0, "\t");
            }
            put!(self, 0, "{line}\n");
        }
    }

    pub(super) fn annotations(&mut self, title: &str, annotations: &Value) {
        put!(self, 0, "{title}:\t");
        let shown = pairs(annotations).filter(|(key, _)| *key != LAST_APPLIED);
        let mut is_first = true;
        for (key, value) in shown {
            if !std::mem::take(&mut is_first) {
                put!(self, 0, "\t");
            }
            let value = scalar(value);
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let len = value.len().saturating_add(key.len()).saturating_add(2);
            if len > LONG || value.contains('\n') {
                put!(self, 0, "{key}:\n");
                for line in value.split('\n') {
                    put!(self, 0, "\t  {}\n", shortened(line, LONG.saturating_sub(2)));
                }
            } else {
                put!(self, 0, "{key}: {value}\n");
            }
        }
        if is_first {
            put!(self, 0, "<none>\n");
        }
    }

    pub(super) fn controlled_by(&mut self, object: &Value) {
        if let Some(owner) = controller(object) {
            let (kind, name) = (text(owner, "kind"), text(owner, "name"));
            put!(self, 0, "Controlled By:\t{kind}/{name}\n");
        }
    }

    /// Conditions of workloads.
    pub(super) fn conditions_with_reasons(&mut self, object: &Value) {
        let conditions = items(object, "status.conditions");
        if conditions.is_empty() {
            return;
        }
        put!(self, 0, "Conditions:\n  Type\tStatus\tReason\n");
        put!(self, 1, "----\t------\t------\n");
        for one in conditions {
            let [kind, status, reason] = ["type", "status", "reason"].map(|name| text(one, name));
            put!(self, 1, "{kind} \t{status}\t{reason}\n");
        }
    }

    /// Conditions with the time of their last change.
    pub(super) fn conditions_with_times(&mut self, object: &Value, title: &str) {
        let conditions = items(object, "status.conditions");
        if conditions.is_empty() {
            return;
        }
        put!(self, 0, "{title}");
        put!(
            self,
            1,
            "Type\tStatus\tLastTransitionTime\tReason\tMessage\n"
        );
        put!(
            self,
            1,
            "----\t------\t------------------\t------\t-------\n"
        );
        for one in conditions {
            let [kind, status, reason, message] =
                ["type", "status", "reason", "message"].map(|name| text(one, name));
            let time = long_time(text(one, "lastTransitionTime"));
            put!(self, 1, "{kind}\t{status}\t{time}\t{reason}\t{message}\n");
        }
    }
}

/// The members of a map in the order of their names.
pub(super) fn pairs(map: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members: Option<&Map<String, Value>> = map.as_object();
    let members = members.into_iter().flatten();
    let mut all: Vec<_> = members.map(|(key, value)| (key.as_str(), value)).collect();
    all.sort_by_key(|(key, _)| *key);
    all.into_iter()
}

/// The first so many bytes of a text, or a few less, and dots where there are more.
pub(super) fn shortened(line: &str, most: usize) -> String {
    if line.len() <= most {
        return line.to_owned();
    }
    let mut ends = (0..=most).rev();
    let end = ends
        .find(|at| line.is_char_boundary(*at))
        .unwrap_or_default();
    format!("{}...", line.get(..end).unwrap_or_default())
}

/// As Go writes a list of texts: `[a b]`.
pub(super) fn bracketed(list: &[Value]) -> String {
    let all: Vec<String> = list.iter().map(scalar).collect();
    format!("[{}]", all.join(" "))
}

/// A list of texts with something between them.
pub(super) fn joined(list: &[Value], separator: &str) -> String {
    let all: Vec<String> = list.iter().map(scalar).collect();
    all.join(separator)
}

pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// `True` and `False`.
pub(super) fn capital(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// The scalar at a path, or `other` where it is missing.
pub(super) fn scalar_or(value: &Value, path: &str, other: &str) -> String {
    match at(value, path) {
        Value::Null => other.to_owned(),
        value => scalar(value),
    }
}

/// A time as in mails: `Sat, 28 Nov 2026 01:07:10 +0000`.
pub(super) fn long_time(stamp: &str) -> String {
    let seconds = parse_rfc3339(stamp).unwrap_or(ZERO_TIME);
    let [date, time] = date_and_time(seconds);
    let mut parts = date.split('-');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (year, month, day) = (part(), part(), part());
    let month = month.parse().unwrap_or(1usize).saturating_sub(1);
    let month = MONTHS.get(month).copied().unwrap_or_default();
    // The first of January 1970 was a Thursday.
    let weekday = seconds.div_euclid(86_400).saturating_add(4).rem_euclid(7);
    let weekday = usize::try_from(weekday).unwrap_or_default();
    let weekday = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    format!("{weekday}, {day} {month} {year} {time} +0000")
}

/// A time as Go prints it: `2026-11-28 01:07:10 +0000 UTC`.
pub(super) fn go_time(stamp: &str) -> String {
    let [date, time] = date_and_time(parse_rfc3339(stamp).unwrap_or(ZERO_TIME));
    format!("{date} {time} +0000 UTC")
}

fn date_and_time(seconds: i64) -> [String; 2] {
    let stamp = rfc3339(seconds);
    let (date, time) = stamp.split_once('T').unwrap_or((&stamp, ""));
    [date.to_owned(), time.trim_end_matches('Z').to_owned()]
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        assert_eq!(
            long_time("2026-11-28T01:07:10Z"),
            "Sat, 28 Nov 2026 01:07:10 +0000"
        );
        assert_eq!(long_time(""), "Mon, 01 Jan 0001 00:00:00 +0000");
        assert_eq!(
            go_time("2026-11-28T01:07:10Z"),
            "2026-11-28 01:07:10 +0000 UTC"
        );
    }

    #[test]
    fn long_annotations_are_cut_between_characters() {
        assert_eq!(shortened("äää", 3), "ä...");
        assert_eq!(shortened("ab", 2), "ab");
    }
}
