//! Cells that several kinds have.

use serde_json::Value;

use crate::kubernetes::fields::{at, items, members, scalar, text};
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::kubernetes::show::quantity::canonical;

pub(super) const NONE: &str = "<none>";
pub(super) const UNSET: &str = "<unset>";
pub(super) const UNKNOWN: &str = "<unknown>";

/// The names and the images of the containers of a pod's spec, with commas between.
pub(super) fn containers(pod_spec: &Value) -> [String; 2] {
    let containers = items(pod_spec, "containers");
    ["name", "image"].map(|field| joined(containers.iter().map(|one| text(one, field)), ","))
}

pub(super) fn joined<'a>(texts: impl Iterator<Item = &'a str>, separator: &str) -> String {
    texts.collect::<Vec<_>>().join(separator)
}

/// A plain map of labels: `a=b,c=d`.
pub(in crate::kubernetes::show) fn labels(map: &Value) -> String {
    let Some(map) = map.as_object().filter(|map| !map.is_empty()) else {
        return NONE.into();
    };
    let mut pairs: Vec<_> = map
        .iter()
        .map(|(key, value)| format!("{key}={}", scalar(value)))
        .collect();
    pairs.sort();
    pairs.join(",")
}

/// A selector with expressions.
pub(in crate::kubernetes::show) fn selector(value: &Value) -> String {
    if value.is_null() {
        return NONE.into();
    }
    match LabelSelector::from_object(value) {
        None => "<error>".into(),
        Some(selector) if selector.is_empty() => NONE.into(),
        Some(selector) => selector.to_string(),
    }
}

/// At most three texts, and how many more there are.
pub(super) fn first_three(texts: &[String], empty: &str) -> String {
    let shown = texts.iter().take(3).map(String::as_str);
    let shown = joined(shown, ",");
    match texts.len().checked_sub(3) {
        Some(more) if more > 0 => format!("{shown} + {more} more..."),
        _ if shown.is_empty() => empty.to_owned(),
        _ => shown,
    }
}

/// The canonical text of the quantity at a path; 0 if there is none.
pub(super) fn quantity(value: &Value, path: &str) -> String {
    amount(at(value, path))
}

pub(in crate::kubernetes::show) fn amount(value: &Value) -> String {
    match value {
        Value::Null => "0".into(),
        value => canonical(&scalar(value)),
    }
}

/// The scalar at a path, or `other` where it is missing.
pub(super) fn scalar_or(value: &Value, path: &str, other: &str) -> String {
    match at(value, path) {
        Value::Null => other.to_owned(),
        value => scalar(value),
    }
}

/// How many there are in the list or map at a path.
pub(super) fn count(value: &Value, path: &str) -> usize {
    members(value, path).map_or_else(|| items(value, path).len(), serde_json::Map::len)
}

/// The condition of that type.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "status.conditions")
        .iter()
        .find(|condition| text(condition, "type") == kind)
}

pub(super) fn condition_is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "status") == "True")
}
