//! Who wrote an object, as far as its managed fields tell. An API server notes who set a field, not who removed one, and
//! notes nobody for a deletion: where it says nothing, nothing is said here.

use serde_json::{Map, Value};

use super::difference::{FieldPath, Step};
use super::noise::{is_generation, is_managed};
use crate::kubernetes::fields::{at, items, text};
use crate::kubernetes::time::parse_rfc3339;

/// An entry of the managed fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// What it calls itself.
    pub manager: String,
    /// `Update` or `Apply`.
    pub operation: String,
    /// The part of the object that it wrote: `status`, `scale`; empty for the object itself.
    pub subresource: String,
    /// When it last changed what it manages, in seconds since 1970.
    pub time: Option<i64>,
    /// It created the object.
    pub is_creator: bool,
}

/// A field that changed, and what it is now.
pub type ChangedField<'v> = (&'v FieldPath, Option<&'v Value>);

/// The most pairs of a field and an entry that are compared; of an object with more, nobody is told.
const MOST_PAIRS: usize = 1 << 18;

/// A list whose items are named by more fields is not looked into.
const MOST_KEYS: usize = 4;

/// The managed fields of an object.
pub fn managed_fields(object: &Value) -> &[Value] {
    items(object, "metadata.managedFields")
}

fn writer(entry: &Value) -> Writer {
    let own = |field: &str| text(entry, field).to_string();
    Writer {
        manager: own("manager"),
        operation: own("operation"),
        subresource: own("subresource"),
        time: time(entry),
        is_creator: false,
    }
}

fn time(entry: &Value) -> Option<i64> {
    parse_rfc3339(text(entry, "time"))
}

/// The entry of the same manager in another state of the object.
fn same_entry<'v>(entry: &Value, others: &'v [Value]) -> Option<&'v Value> {
    let is_same = |other: &&Value| {
        ["manager", "operation", "subresource", "apiVersion"]
            .iter()
            .all(|field| text(entry, field) == text(other, field))
    };
    others.iter().find(is_same)
}

/// Newest first, each once.
fn sorted(mut writers: Vec<Writer>) -> Vec<Writer> {
    writers.sort_by(|a, b| {
        let by_name = || (&a.manager, &a.subresource).cmp(&(&b.manager, &b.subresource));
        b.time.cmp(&a.time).then_with(by_name)
    });
    writers.dedup();
    writers
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writers {
    /// Those who are on record, the newest first.
    pub known: Vec<Writer>,
    /// Fields of which nobody is on record, the first few.
    pub unrecorded: Vec<FieldPath>,
}

/// The most fields without a manager on record that are noted.
pub const MOST_UNRECORDED: usize = 3;

/// Who set the fields of an object that changed, or had set them and has written since; from its managed fields before and
/// after. Without fields, whoever has written.
pub fn writers_of_change(
    before: &[Value],
    after: &[Value],
    changed: &[ChangedField<'_>],
) -> Writers {
    let pairs = after.len().saturating_mul(changed.len());
    let compared = after.len().saturating_mul(before.len());
    if pairs.max(compared) > MOST_PAIRS {
        return Writers::default();
    }
    // An entry gets a new time whenever its manager changes one of its fields.
    let has_written = |entry: &Value| {
        same_entry(entry, before).is_none_or(|known| text(known, "time") != text(entry, "time"))
    };
    let has_written: Vec<bool> = after.iter().map(has_written).collect();
    let content = changed
        .iter()
        .filter(|(path, _)| !is_managed(path) && !is_generation(path));
    let mut has_content = false;
    let mut named = vec![false; after.len()];
    let mut unrecorded = Vec::new();
    for (path, value) in content {
        has_content = true;
        let has_had =
            |entry: &Value| same_entry(entry, before).is_some_and(|known| owns(known, path, None));
        let is_owner =
            |entry: &Value| owns(entry, path, *value) || value.is_none() && has_had(entry);
        let owners: Vec<usize> = (0..after.len())
            .filter(|number| after.get(*number).is_some_and(is_owner))
            .collect();
        // Several may share a field. Within one second a time stays what it was.
        let wrote = |number: &usize| has_written.get(*number).copied().unwrap_or_default();
        let is_told = owners.iter().any(wrote);
        let mut is_recorded = false;
        for number in owners {
            if (!is_told && value.is_some() || wrote(&number))
                && let Some(slot) = named.get_mut(number)
            {
                *slot = true;
                is_recorded = true;
            }
        }
        if !is_recorded && !is_of_deletion(path) && unrecorded.len() < MOST_UNRECORDED {
            unrecorded.push((*path).clone());
        }
    }
    let named = match has_content {
        true => named,
        false => has_written,
    };
    let writers = after.iter().zip(named).filter(|(_, is_named)| *is_named);
    Writers {
        known: sorted(writers.map(|(entry, _)| writer(entry)).collect()),
        unrecorded,
    }
}

/// True for what the request to delete an object sets, of which nobody is ever on record.
fn is_of_deletion(path: &FieldPath) -> bool {
    let mut fields = path.fields();
    fields.next() == Some("metadata")
        && matches!(
            fields.next(),
            Some("deletionTimestamp" | "deletionGracePeriodSeconds")
        )
}

/// Who created an object, from its managed fields and the second of its creation: whoever has not written it since. Where
/// all have, who wrote it last.
pub fn creators(managed: &[Value], created: Option<i64>) -> Vec<Writer> {
    let of_object = managed
        .iter()
        .filter(|entry| text(entry, "subresource").is_empty() && time(entry).is_some());
    let is_first = |entry: &&Value| time(entry) <= created;
    let first = of_object.clone().filter(is_first).map(writer);
    let first: Vec<Writer> = first
        .map(|writer| Writer {
            is_creator: true,
            ..writer
        })
        .collect();
    if !first.is_empty() {
        return sorted(first);
    }
    let mut writers = sorted(of_object.map(writer).collect());
    writers.truncate(1);
    writers
}

/// The second in which an object was created.
pub fn creation(object: &Value) -> Option<i64> {
    parse_rfc3339(text(object, "metadata.creationTimestamp"))
}

/// True when an entry manages the field at `path`, or something in it.
fn owns(entry: &Value, path: &FieldPath, value: Option<&Value>) -> bool {
    let Some(mut node) = entry.get("fieldsV1").and_then(Value::as_object) else {
        return false;
    };
    if node.is_empty() {
        return false;
    }
    let last = path.0.len().saturating_sub(1);
    for (number, step) in path.0.iter().enumerate() {
        // A field without anything beneath it is managed as a whole.
        if node.is_empty() {
            return true;
        }
        let value = value.filter(|_| number == last);
        let Some(inner) = child(node, step, value).and_then(Value::as_object) else {
            return false;
        };
        node = inner;
    }
    true
}

fn child<'v>(
    node: &'v Map<String, Value>,
    step: &Step,
    value: Option<&Value>,
) -> Option<&'v Value> {
    match step {
        Step::Field(name) => node.get(&format!("f:{name}")),
        Step::Index(index) => node
            .get(&format!("i:{index}"))
            .or_else(|| node.get(&format!("v:{}", value?))),
        Step::Item(keys) => item(node, keys),
    }
}

/// The item of a list that is named by these fields. Whether a field is text or a number, only the entry tells.
fn item<'v>(node: &'v Map<String, Value>, keys: &[(String, String)]) -> Option<&'v Value> {
    if keys.len() > MOST_KEYS {
        return None;
    }
    let mut keys: Vec<&(String, String)> = keys.iter().collect();
    keys.sort_unstable();
    (0..1u32 << keys.len()).find_map(|texts| {
        let fields: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(number, (name, value))| {
                let value = match texts >> number & 1 {
                    0 => Value::from(value.as_str()).to_string(),
                    _ => value.clone(),
                };
                format!("{}:{value}", Value::from(name.as_str()))
            })
            .collect();
        node.get(&format!("k:{{{}}}", fields.join(",")))
    })
}

/// Since when an object is being deleted, and what it waits for, as its last value tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    /// `metadata.deletionTimestamp`, in seconds since 1970.
    pub deletion_timestamp: Option<i64>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
}

impl Termination {
    /// That of an object; `None` when nothing of the kind is set.
    pub fn of(object: &Value) -> Option<Self> {
        let texts = items(object, "metadata.finalizers")
            .iter()
            .filter_map(Value::as_str);
        let found = Self {
            deletion_timestamp: parse_rfc3339(
                at(object, "metadata.deletionTimestamp")
                    .as_str()
                    .unwrap_or_default(),
            ),
            finalizers: texts.map(str::to_string).collect(),
        };
        let is_told = found.deletion_timestamp.is_some() || !found.finalizers.is_empty();
        is_told.then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::compare::difference::{NoListKeys, differences};
    use serde_json::json;

    fn entry(manager: &str, operation: &str, time: u32, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "time": format!("2026-01-01T00:00:{time:02}Z"), "fieldsV1": fields})
    }

    fn object(replicas: u32, entries: Vec<Value>) -> Value {
        json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z", "managedFields": entries},
            "spec": {"replicas": replicas}})
    }

    fn names(old: &Value, new: &Value) -> Vec<String> {
        let found = differences(old, new, &NoListKeys, usize::MAX);
        let changed: Vec<ChangedField<'_>> = found.iter().map(|d| (&d.path, d.new)).collect();
        let [old, new] = [old, new].map(managed_fields);
        let writers = writers_of_change(old, new, &changed).known;
        writers.into_iter().map(|writer| writer.manager).collect()
    }

    fn replicas() -> Value {
        json!({"f:spec": {"f:replicas": {}}})
    }

    #[test]
    fn who_owns_the_field_that_changed_is_named_and_nobody_else() {
        let other = |time| {
            entry(
                "other",
                "Update",
                time,
                json!({"f:metadata": {"f:labels": {}}}),
            )
        };
        let old = object(1, vec![entry("kubectl", "Update", 1, replicas()), other(1)]);
        let new = object(2, vec![entry("hpa", "Update", 5, replicas()), other(3)]);
        assert_eq!(names(&old, &new), ["hpa"]);
    }

    #[test]
    fn of_those_who_share_a_field_only_the_one_with_a_new_time_wrote_it() {
        let both = |a, b| {
            vec![
                entry("a", "Apply", a, replicas()),
                entry("b", "Apply", b, replicas()),
            ]
        };
        assert_eq!(names(&object(1, both(1, 1)), &object(2, both(1, 4))), ["b"]);
        // Within a second nobody has a new time.
        assert_eq!(
            names(&object(1, both(1, 1)), &object(2, both(1, 1))),
            ["a", "b"]
        );
    }

    #[test]
    fn of_a_removed_field_only_who_had_it_and_has_written_since_is_told() {
        let had = |time| entry("a", "Update", time, replicas());
        let has_not = |time| entry("a", "Update", time, json!({"f:x": {}}));
        let old = object(1, vec![had(1)]);
        let new = |entry| {
            let mut new = object(1, vec![entry]);
            new["spec"] = json!({});
            new
        };
        assert_eq!(names(&old, &new(has_not(2))), ["a"]);
        // Somebody else removed it, whom nothing tells of.
        assert!(names(&old, &new(has_not(1))).is_empty());
    }

    #[test]
    fn a_field_in_a_list_that_is_managed_as_a_whole_was_removed_by_who_set_the_list() {
        let rules = |items: Value, name: &str, time| {
            let fields = json!({"f:spec": {"f:egress": {}}});
            let mut object = object(1, vec![entry(name, "Update", time, fields)]);
            object["spec"] = json!({"egress": items});
            object
        };
        let old = rules(json!([{"to": 1, "ports": 2}]), "kubectl-create", 1);
        let new = rules(json!([{"to": 1}]), "kubectl-patch", 2);
        assert_eq!(names(&old, &new), ["kubectl-patch"]);
    }

    #[test]
    fn a_field_of_which_nobody_is_on_record_is_said_to_be_so() {
        let status = |time| {
            let fields = json!({"f:status": {"f:replicas": {}}});
            entry("controller", "Update", time, fields)
        };
        let mut old = object(1, vec![status(1)]);
        let mut new = object(0, vec![status(2)]);
        old["status"] = json!({"replicas": 1});
        new["status"] = json!({"replicas": 0});
        let found = differences(&old, &new, &NoListKeys, usize::MAX);
        let changed: Vec<ChangedField<'_>> = found.iter().map(|d| (&d.path, d.new)).collect();
        let writers = writers_of_change(managed_fields(&old), managed_fields(&new), &changed);
        assert_eq!(writers.known.len(), 1);
        let paths: Vec<String> = writers
            .unrecorded
            .iter()
            .map(FieldPath::to_string)
            .collect();
        assert_eq!(paths, ["spec.replicas"]);
    }

    #[test]
    fn items_of_lists_are_found_by_their_fields_their_values_or_as_a_whole() {
        let fields = json!({"f:spec": {"f:ports": {
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:name": {}}},
            "f:args": {}}, "f:metadata": {"f:finalizers": {"v:\"x\"": {}}}});
        let entry = entry("a", "Update", 1, fields);
        let field = |name: &str| Step::Field(name.to_string());
        let port = |port: &str| {
            let keys = vec![
                ("protocol".to_string(), "TCP".to_string()),
                ("port".to_string(), port.to_string()),
            ];
            FieldPath(vec![field("spec"), field("ports"), Step::Item(keys)])
        };
        assert!(owns(&entry, &port("80"), None));
        assert!(!owns(&entry, &port("81"), None));
        let args = FieldPath(vec![field("spec"), field("args"), Step::Index(3)]);
        assert!(owns(&entry, &args, None));
        let finalizer = FieldPath(vec![field("metadata"), field("finalizers"), Step::Index(0)]);
        assert!(owns(&entry, &finalizer, Some(&json!("x"))));
        assert!(!owns(&entry, &finalizer, Some(&json!("y"))));
    }

    #[test]
    fn the_creator_is_who_wrote_in_the_second_of_the_creation_else_the_last_one() {
        let manager = |entries| {
            let object = object(1, entries);
            let writers = creators(managed_fields(&object), creation(&object));
            writers
                .into_iter()
                .map(|writer| writer.manager)
                .collect::<Vec<_>>()
        };
        let one = |name, time| entry(name, "Update", time, replicas());
        assert_eq!(manager(vec![one("late", 9), one("maker", 1)]), ["maker"]);
        assert_eq!(manager(vec![one("late", 9), one("later", 10)]), ["later"]);
        assert!(manager(Vec::new()).is_empty());
        let mut status = one("status", 1);
        status["subresource"] = json!("status");
        assert_eq!(manager(vec![status, one("late", 9)]), ["late"]);
    }

    #[test]
    fn very_many_entries_and_fields_take_no_time_and_tell_nobody() {
        let entries = |time| -> Vec<Value> {
            let one = |n: u32| entry(&n.to_string(), "Update", time, replicas());
            (0..3000).map(one).collect()
        };
        assert!(names(&object(1, entries(1)), &object(2, entries(2))).is_empty());
    }
}
