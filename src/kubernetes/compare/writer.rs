//! Who wrote an object, by its managed fields.

use std::cmp::Ordering;

use serde_json::Value;

use super::difference::{FieldPath, Step};
use crate::kubernetes::time::parse_rfc3339;

/// At most this many entries are looked at; an API server keeps ten, and one for each who applies.
const ENTRIES: usize = 32;
/// At most this many fields are looked for.
const FIELDS: usize = 16;

/// The manager that wrote `fields`, as far as `managed`, the managed fields after the change, tell: an entry that is
/// newer than it was in `before`, that owns one of the fields, and of several the newest. Whoever removes a field
/// owns it no more, so an entry that is only newer counts too. Without fields, all of the object was written.
#[must_use]
pub fn writer<'m>(
    before: Option<&Value>,
    managed: &'m Value,
    fields: &[&FieldPath],
) -> Option<&'m str> {
    let fields = fields.get(..FIELDS).unwrap_or(fields);
    let known = before.and_then(Value::as_array);
    let is_newer = |entry: &Value| {
        let same = |other: &&Value| {
            ["manager", "operation", "subresource", "apiVersion"]
                .iter()
                .all(|name| other.get(name) == entry.get(name))
        };
        let old = known.and_then(|known| known.iter().take(ENTRIES).find(same));
        old.is_none_or(|old| old.get("time") != entry.get("time"))
    };
    let owns_one = |entry: &Value| {
        let owned = entry.get("fieldsV1");
        fields.is_empty() || owned.is_some_and(|owned| fields.iter().any(|path| owns(owned, path)))
    };
    let rank = |entry: &Value| {
        let time = entry.get("time").and_then(Value::as_str);
        let time = time.and_then(parse_rfc3339);
        (is_newer(entry), owns_one(entry), time)
    };
    let entries = managed.as_array()?.iter().take(ENTRIES);
    let known = entries.filter_map(|entry| {
        let rank = rank(entry);
        let is_possible = rank.0 && known.is_some() || rank.1;
        is_possible.then_some((rank, entry))
    });
    // Of equal ones the first.
    let newest = known.reduce(|best, next| match next.0.cmp(&best.0) {
        Ordering::Greater => next,
        _ => best,
    });
    let (_, entry) = newest?;
    entry.get("manager")?.as_str()
}

/// Whether a set of fields has the one at `path`, a field around it that is owned as a whole, or one inside of it.
fn owns(set: &Value, path: &FieldPath) -> bool {
    let mut set = set;
    for step in &path.0 {
        let Some(members) = set.as_object() else {
            return false;
        };
        if members.is_empty() {
            return true;
        }
        let next = match step {
            Step::Field(name) => members.get(&format!("f:{name}")),
            Step::Item(keys) => members
                .iter()
                .find(|(name, _)| is_item(name, keys))
                .map(|(_, inner)| inner),
            // A list whose items have no names is owned as a whole, a set value by value.
            Step::Index(_) => return members.keys().any(|name| name.starts_with("v:")),
        };
        match next {
            Some(inner) => set = inner,
            None => return false,
        }
    }
    true
}

/// Whether `k:{"name":"web"}` names the item with these keys.
fn is_item(name: &str, keys: &[(String, String)]) -> bool {
    let Some(Ok(named)) = name.strip_prefix("k:").map(serde_json::from_str::<Value>) else {
        return false;
    };
    keys.iter().all(|(key, text)| match named.get(key) {
        Some(Value::String(value)) => value == text,
        Some(other) => *text == format!("{other}"),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(steps: &[&str]) -> FieldPath {
        FieldPath(steps.iter().map(|s| Step::Field((*s).into())).collect())
    }

    fn entry(manager: &str, minute: u8, fields: Value) -> Value {
        json!({"manager": manager, "operation": "Update", "time": format!("2026-01-02T03:{minute:02}:00Z"),
            "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    #[test]
    fn whoever_owns_the_field_and_wrote_last_is_the_writer() {
        let before = json!([
            entry("kubectl", 1, json!({"f:spec": {"f:replicas": {}}})),
            entry("controller", 2, json!({"f:status": {"f:replicas": {}}})),
        ]);
        let after = json!([
            entry("kubectl", 3, json!({"f:spec": {"f:replicas": {}}})),
            entry("controller", 2, json!({"f:status": {"f:replicas": {}}})),
        ]);
        let (spec, status) = (field(&["spec", "replicas"]), field(&["status", "replicas"]));
        assert_eq!(writer(Some(&before), &after, &[&spec]), Some("kubectl"));
        // In the same second an entry keeps its time.
        assert_eq!(writer(Some(&after), &after, &[&status]), Some("controller"));
        assert_eq!(writer(Some(&after), &after, &[&field(&["data"])]), None);
        // A removed field belongs to nobody any more.
        let gone = field(&["spec", "paused"]);
        assert_eq!(writer(Some(&before), &after, &[&gone]), Some("kubectl"));
        // What was created was written by whoever came last.
        assert_eq!(writer(None, &after, &[]), Some("kubectl"));
        assert_eq!(writer(None, &json!([]), &[]), None);
        assert_eq!(writer(None, &json!("no list"), &[]), None);
    }

    #[test]
    fn items_are_owned_by_their_keys_and_whole_fields_with_all_that_is_inside() {
        let set = json!({"f:spec": {
            "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}}}}},
            "f:selector": {},
            "f:finalizers": {"v:\"a\"": {}},
        }});
        let item = |name: &str, field: &str| {
            FieldPath(vec![
                Step::Field("spec".into()),
                Step::Field("containers".into()),
                Step::Item(vec![("name".into(), name.into())]),
                Step::Field(field.into()),
            ])
        };
        assert!(owns(&set, &item("web", "image")));
        assert!(!owns(&set, &item("web", "command")) && !owns(&set, &item("side", "image")));
        let mut port = item("web", "ports");
        port.0.push(Step::Item(vec![
            ("containerPort".into(), "80".into()),
            ("protocol".into(), "TCP".into()),
        ]));
        assert!(owns(&set, &port));
        assert!(owns(&set, &field(&["spec", "selector", "app"])));
        assert!(owns(&set, &field(&["spec"])), "what is inside");
        let mut set_item = field(&["spec", "finalizers"]);
        set_item.0.push(Step::Index(0));
        assert!(owns(&set, &set_item));
        assert!(!owns(&json!("no set"), &field(&["spec"])));
    }
}
