//! An object of any kind, field by field.

use serde_json::Value;

use super::Related;
use super::events::events;
use super::text::{Text, pairs, put};
use crate::kubernetes::query::jsonpath::printed;

/// Told at the beginning, or not at all.
const SKIPPED: [&str; 5] = [
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
];

pub(super) fn describe(w: &mut Text, object: &Value, related: &Related) {
    w.names(object);
    w.labels_and_annotations(object);
    fields(w, 0, object, "");
    events(w, related.events.as_ref());
}

fn fields(w: &mut Text, level: usize, content: &Value, prefix: &str) {
    let below = level.saturating_add(1);
    for (field, value) in pairs(content) {
        // What is skipped stands near the beginning.
        let path = match level {
            0 | 1 => format!("{prefix}.{field}"),
            _ => String::new(),
        };
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let label = label(field);
        match value {
            Value::Object(_) => {
                put!(w, level, "{label}:\n");
                fields(w, below, value, &path);
            }
            Value::Array(list) => {
                put!(w, level, "{label}:\n");
                for child in list {
                    match child {
                        Value::Object(_) => fields(w, below, child, &path),
                        child => put!(w, below, "{}\n", go(child)),
                    }
                }
            }
            value => put!(w, level, "{label}:\t{}\n", go(value)),
        }
    }
}

/// A value as Go prints it.
fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        scalar @ (Value::String(_) | Value::Bool(_) | Value::Number(_)) => printed(scalar),
        Value::Array(list) => {
            let all: Vec<String> = list.iter().map(go).collect();
            format!("[{}]", all.join(" "))
        }
        Value::Object(_) => {
            let all = pairs(value).map(|(key, value)| format!("{key}:{}", go(value)));
            format!("map[{}]", all.collect::<Vec<_>>().join(" "))
        }
    }
}

/// The name of a field in words: `creationTimestamp` is `Creation Timestamp`.
fn label(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.to_owned();
    }
    let parts = parts(field);
    let mut merged: Vec<String> = Vec::new();
    let mut rest = parts.iter().peekable();
    while let Some(part) = rest.next() {
        let is_upper = |c: char| !c.is_alphabetic() || c.is_uppercase();
        let next_is_capital = |next: &&String| next.starts_with(|c: char| c.is_ascii_uppercase());
        let joins = part.len() >= 2 && part.chars().all(is_upper);
        match rest.next_if(|next| joins && next_is_capital(next)) {
            Some(next) => merged.push(format!("{part}{next}")),
            None => merged.push(part.clone()),
        }
    }
    let words = merged.into_iter().map(|part| {
        let upper = part.to_uppercase();
        if ["API", "URL", "UID", "GUID"].contains(&upper.as_str()) {
            return upper;
        }
        if part.to_lowercase() != part {
            return part;
        }
        let mut chars = part.chars();
        match chars.next() {
            Some(first) => first.to_uppercase().chain(chars).collect(),
            None => part,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The words of a name, each with the capital that begins it.
fn parts(field: &str) -> Vec<String> {
    let class = |c: char| match c {
        c if c.is_lowercase() => 1,
        c if c.is_uppercase() => 2,
        c if c.is_numeric() => 3,
        _ => 4,
    };
    let mut parts: Vec<(i32, String)> = Vec::new();
    for c in field.chars() {
        match parts.last_mut() {
            Some((of, part)) if *of == class(c) => part.push(c),
            _ => parts.push((class(c), c.to_string())),
        }
    }
    // The last capital belongs to the word that it begins.
    let mut carried = None;
    let mut words = Vec::with_capacity(parts.len());
    let mut rest = parts.into_iter().peekable();
    while let Some((of, mut part)) = rest.next() {
        if let Some(first) = carried.take() {
            part.insert(0, first);
        }
        if of == 2 && rest.peek().is_some_and(|(next, _)| *next == 1) {
            carried = part.pop();
        }
        if !part.is_empty() {
            words.push(part);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_fields_are_written_as_words() {
        for (field, words) in [
            ("apiVersion", "API Version"),
            ("creationTimestamp", "Creation Timestamp"),
            ("uid", "UID"),
            ("podCIDRs", "Pod CIDRs"),
            ("clusterIP", "Cluster IP"),
            ("foo-bar", "Foo - Bar"),
            ("x_y", "x_y"),
            ("f:spec", "f:spec"),
            ("caBundle", "Ca Bundle"),
            ("targetURL", "Target URL"),
            ("URLPath", "URLPath"),
            ("a1", "a1"),
        ] {
            assert_eq!(label(field), words, "{field}");
        }
    }

    #[test]
    fn values_are_written_as_go_prints_them() {
        assert_eq!(go(&json!(null)), "<nil>");
        assert_eq!(
            go(&json!([1, [true, {"b": 1.5, "a": "x y"}]])),
            "[1 [true map[a:x y b:1.5]]]"
        );
        for (value, text) in [
            (json!(100_000.5), "100000.5"),
            (json!(1_000_000.5), "1.0000005e+06"),
            (json!(21_000_000.5), "2.10000005e+07"),
            (json!(-1_000_000.5), "-1.0000005e+06"),
            (json!(1e6), "1000000"),
            (json!(1e20), "1e+20"),
            (json!(1e21), "1e+21"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(i64::MAX), "9223372036854775807"),
            (json!(u64::MAX), "1.8446744073709552e+19"),
        ] {
            assert_eq!(go(&value), text);
        }
    }
}
