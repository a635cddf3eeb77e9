//! Reading fields of an object. What is missing, or of another type, counts as empty: objects come
//! from a file, and a table or an export should show what there is.

use serde_json::{Map, Value};

static NULL: Value = Value::Null;

/// The field at a path of keys with dots between them; null if there is none.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    let mut value = value;
    for key in path.split('.') {
        match value.get(key) {
            Some(inner) => value = inner,
            None => return &NULL,
        }
    }
    value
}

/// The text at a path; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The text at a path, if it is there and not empty.
pub(super) fn some_text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path).as_str().filter(|text| !text.is_empty())
}

/// The text at a path, or `other` if it is missing or empty.
pub(super) fn text_or<'a>(value: &'a Value, path: &str, other: &'a str) -> &'a str {
    some_text(value, path).unwrap_or(other)
}

/// The whole number at a path; 0 if there is none.
pub(super) fn integer(value: &Value, path: &str) -> i64 {
    at(value, path).as_i64().unwrap_or_default()
}

/// True if the field is there and true.
pub(super) fn is_true(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or_default()
}

/// True if the field is there and not null.
pub(super) fn is_set(value: &Value, path: &str) -> bool {
    !at(value, path).is_null()
}

/// The elements of the list at a path; empty if the path does not lead to a list.
pub(super) fn items<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// The members of the object at a path.
pub(super) fn members<'a>(value: &'a Value, path: &str) -> Option<&'a Map<String, Value>> {
    at(value, path).as_object()
}

/// The annotation of that name. Its name may hold dots, so it is not a path.
pub(super) fn annotation<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    at(value, "metadata.annotations").get(name)?.as_str()
}

/// The owner that controls the object, if it has one.
pub(super) fn controller(value: &Value) -> Option<&Value> {
    items(value, "metadata.ownerReferences")
        .iter()
        .find(|owner| is_true(owner, "controller"))
}

/// A scalar as text; empty for null, lists and objects.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_fields_and_other_types_count_as_empty() {
        let object = json!({"spec": {"replicas": 3, "paused": true, "list": [1], "name": "x"}});
        assert_eq!(integer(&object, "spec.replicas"), 3);
        assert_eq!(integer(&object, "spec.name"), 0);
        assert_eq!(text(&object, "spec.name.deeper"), "");
        assert_eq!(text_or(&object, "spec.replicas", "<none>"), "<none>");
        assert!(is_true(&object, "spec.paused") && !is_true(&object, "spec.gone"));
        assert_eq!(items(&object, "spec.list").len(), 1);
        assert!(items(&object, "spec").is_empty());
        assert_eq!(scalar(at(&object, "spec.list")), "");
    }
}
