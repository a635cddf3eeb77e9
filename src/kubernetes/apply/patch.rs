//! What turns an object that is there into one that is wanted, as a JSON patch (RFC 6902) that is refused where somebody
//! has changed something meanwhile: each value is tested before it is changed.

use serde_json::Value;

use super::clean::{LAST_APPLIED, is_aggregated, is_assigned};
use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::compare::difference::{FieldPath, ListKeys, Step, names};
use crate::kubernetes::fields::{self, text};

/// Values nested deeper are replaced as a whole.
const MAX_DEPTH: usize = 100;

/// An API server takes at most 10,000 operations in one patch.
const MOST_OPERATIONS: usize = 9_000;

/// An API server takes requests of at most 3 MiB. It counts the text, in which a byte of a value may be six.
const LONGEST: usize = 3_000_000;

/// Noted by a deletion that is under way.
const DELETION_FINALIZERS: [&str; 2] = ["foregroundDeletion", "orphan"];

/// One operation of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `test`, `add`, `replace` or `remove`.
    pub op: &'static str,
    /// A JSON pointer (RFC 6901).
    pub path: String,
    /// The value; none of a removal.
    pub value: Option<Value>,
}

impl Operation {
    pub(super) fn new(op: &'static str, path: &str, value: Option<&Value>) -> Self {
        Self {
            op,
            path: path.to_string(),
            value: value.cloned(),
        }
    }

    fn test(path: &str, value: &Value) -> Self {
        Self::new("test", path, Some(value))
    }

    /// A test that no object passes.
    fn never() -> Self {
        Self::test("/metadata/uid", &Value::Null)
    }

    /// A test that there is nothing at a path: what is missing counts as null.
    fn test_absent(path: &str) -> Self {
        Self::test(path, &Value::Null)
    }
}

/// A patch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonPatch {
    /// Tests, and what is done if all of them hold.
    pub operations: Vec<Operation>,
    /// Tests that hold when it has been done.
    pub after: Vec<Operation>,
    /// Owner references that are to be added to the list of them, when it is known who the owners are now.
    pub owners: Vec<Value>,
}

impl JsonPatch {
    /// True when nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.operations.iter().all(|each| each.op == "test")
    }

    /// Has the tests for what it leads to expect an owner.
    fn test_owner(&mut self, place: usize, reference: &Value) {
        for field in ["kind", "name"] {
            let value = reference.get(field).cloned().unwrap_or_default();
            let path = format!("/metadata/ownerReferences/{place}/{field}");
            self.after.push(Operation::test(&path, &value));
        }
    }

    /// How long its values are, as they are written.
    fn length(&self) -> usize {
        let values = self
            .operations
            .iter()
            .filter_map(|each| each.value.as_ref());
        values.map(|value| value.to_string().len()).sum()
    }

    /// Has the resource version stand for all values that are tested.
    fn test_revision(&mut self, is_unwritten: &Operation) {
        self.operations.retain(|each| each.op != "test");
        self.operations.insert(0, is_unwritten.clone());
    }
}

/// The patch that gives `present` what `wanted` has, but for what servers and controllers fill in. It tests the uid of
/// `present`, and each value that it changes. `has_plain_status` tells that the status is a field like any other.
pub fn json_patch<'v>(
    present: &'v Value,
    wanted: &Value,
    lists: &'v dyn ListKeys,
    has_plain_status: bool,
) -> JsonPatch {
    let (group, _) = split_api_version(text(present, "apiVersion"));
    let mut walk = Walk {
        kind: (group, text(present, "kind")),
        lists,
        has_plain_status,
        is_aggregated: is_aggregated(wanted),
        fields: FieldPath::default(),
        pointer: String::new(),
        deepest: MAX_DEPTH,
        is_unwritten: Operation::test(
            "/metadata/resourceVersion",
            &Value::from(text(present, "metadata.resourceVersion")),
        ),
        patch: JsonPatch::default(),
    };
    walk.object(present, wanted);
    if walk.patch.operations.len() > MOST_OPERATIONS {
        // One operation for each field of the object itself.
        walk.patch = JsonPatch::default();
        walk.deepest = 1;
        walk.object(present, wanted);
    }
    if walk.patch.length() > LONGEST {
        walk.patch.test_revision(&walk.is_unwritten);
    }
    if !walk.patch.is_empty() {
        let uid = Value::from(text(present, "metadata.uid"));
        let is_same = Operation::test("/metadata/uid", &uid);
        walk.patch.operations.insert(0, is_same.clone());
        walk.patch.after.insert(0, is_same);
    }
    walk.patch
}

/// The references of `child` to owners that are gone, and the patch that gives it these with the uids that the owners have
/// now. `is_taken_out` tells that the references were taken out when the owners went; otherwise the child still has them.
pub fn adoption(
    child: &Value,
    is_gone: impl Fn(&str) -> bool,
    is_taken_out: bool,
) -> (Vec<&Value>, JsonPatch) {
    let owners = fields::items(child, "metadata.ownerReferences");
    let (mine, others): (Vec<&Value>, Vec<&Value>) =
        owners.iter().partition(|each| is_gone(text(each, "uid")));
    let path = "/metadata/ownerReferences";
    let mut patch = JsonPatch {
        owners: mine.iter().map(|reference| (*reference).clone()).collect(),
        ..JsonPatch::default()
    };
    if is_taken_out {
        let is_same = Operation::test("/metadata/uid", &Value::from(text(child, "metadata.uid")));
        patch.operations.push(is_same.clone());
        patch.after.push(is_same);
    }
    let count = others.len();
    let others = Value::Array(others.into_iter().cloned().collect());
    match (is_taken_out, count) {
        (true, 0) => {
            patch.operations.push(Operation::test_absent(path));
            patch
                .operations
                .push(Operation::new("add", path, Some(&others)));
        }
        (true, _) => patch.operations.push(Operation::test(path, &others)),
        (false, _) => {
            let all = Value::Array(owners.to_vec());
            patch.operations.push(Operation::test(path, &all));
            patch
                .operations
                .push(Operation::new("replace", path, Some(&others)));
        }
    }
    for (place, reference) in mine.iter().enumerate() {
        patch.test_owner(count.saturating_add(place), reference);
    }
    (mine, patch)
}

/// What is left of references to owners when those were taken out that are not wanted.
pub fn kept_owners(present: &[Value], wanted: &[Value]) -> Value {
    let uid = |owner: &Value| text(owner, "uid").to_string();
    let kept = present.iter().filter_map(|owner| {
        let same = wanted.iter().find(|other| uid(other) == uid(owner));
        let of_that_name = || wanted.iter().any(|other| who(other) == who(owner));
        same.or_else(|| of_that_name().then_some(owner)).cloned()
    });
    Value::Array(kept.collect())
}

/// Which object a reference to an owner names, whatever uid it had.
fn who(owner: &Value) -> [String; 3] {
    ["apiVersion", "kind", "name"].map(|field| text(owner, field).to_string())
}

/// The patch that gives an object without owners its first ones, when it is known who they are now.
pub fn first_owners<'v>(references: impl Iterator<Item = &'v Value>) -> JsonPatch {
    let path = "/metadata/ownerReferences";
    let mut patch = JsonPatch {
        operations: vec![
            Operation::test_absent(path),
            Operation::new("add", path, Some(&Value::Array(Vec::new()))),
        ],
        ..JsonPatch::default()
    };
    for (place, reference) in references.enumerate() {
        patch.test_owner(place, reference);
        patch.owners.push(reference.clone());
    }
    patch
}

/// True for what a cluster fills in after an object was created, kind by kind.
fn is_filled_in(kind: (&str, &str), path: &FieldPath) -> bool {
    let fields: Vec<&str> = path.fields().collect();
    matches!(
        (kind, fields.as_slice()),
        (("", "Namespace"), ["spec", "finalizers"])
            | (("", "Pod"), ["spec", "nodeName"])
            | (("", "PersistentVolumeClaim"), ["spec", "volumeName"])
            | (
                ("", "PersistentVolume"),
                ["spec", "claimRef", "uid" | "resourceVersion"]
            )
            | (
                ("", "Node"),
                ["spec", "podCIDR" | "podCIDRs" | "providerID"]
            )
    )
}

struct Walk<'l> {
    /// Group and kind.
    kind: (&'l str, &'l str),
    lists: &'l dyn ListKeys,
    has_plain_status: bool,
    is_aggregated: bool,
    fields: FieldPath,
    pointer: String,
    deepest: usize,
    /// A test that nobody has written the object since, for values that cannot be tested.
    is_unwritten: Operation,
    patch: JsonPatch,
}

impl Walk<'_> {
    fn object(&mut self, present: &Value, wanted: &Value) {
        self.compare(Some(present), Some(wanted), 0);
    }

    /// Compares inside of a field or an element.
    fn inside(&mut self, step: Step, token: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&token.replace('~', "~0").replace('/', "~1"));
        self.fields.0.push(step);
        compare(self);
        self.fields.0.pop();
        self.pointer.truncate(length);
    }

    /// How many fields deep this is, and the first two of them.
    fn place(&self) -> (usize, Option<&str>, Option<&str>) {
        let mut fields = self.fields.fields();
        let (first, second) = (fields.next(), fields.next());
        (self.fields.0.len(), first, second)
    }

    /// True for what nobody wished for.
    fn is_left_alone(&self) -> bool {
        match self.place() {
            (1, Some("apiVersion" | "kind"), _) => true,
            (1, Some("rules"), _) if self.is_aggregated => true,
            (_, Some("status"), _) if self.has_plain_status => false,
            (_, Some("metadata"), Some("ownerReferences")) => false,
            (3, Some("metadata"), Some("annotations"))
                if self.fields.fields().nth(2) == Some(LAST_APPLIED) =>
            {
                false
            }
            _ => is_assigned(&self.fields) || is_filled_in(self.kind, &self.fields),
        }
    }

    /// True where each member has its own meaning, so that others may come and go.
    fn is_words(&self) -> bool {
        matches!(
            self.place(),
            (2, Some("metadata"), Some("labels" | "annotations"))
        )
    }

    fn compare(&mut self, present: Option<&Value>, wanted: Option<&Value>, depth: usize) {
        let (present, wanted) = (
            present.filter(|value| !value.is_null()),
            wanted.filter(|value| !value.is_null()),
        );
        if present == wanted || self.is_left_alone() {
            return;
        }
        let deeper = depth.saturating_add(1);
        if self.place() == (2, Some("metadata"), Some("ownerReferences")) {
            return self.owners(items(present), items(wanted), present.is_some());
        }
        match (present, wanted) {
            (Some(Value::Object(a)), Some(Value::Object(b))) if depth < self.deepest => {
                let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
                names.sort_unstable();
                names.dedup();
                for name in names {
                    self.inside(Step::Field(name.clone()), name, |walk| {
                        walk.compare(a.get(name), b.get(name), deeper);
                    });
                }
            }
            (Some(Value::Object(a)), None) if self.is_words() => {
                let after = self.patch.after.len();
                for (name, value) in a {
                    self.inside(Step::Field(name.clone()), name, |walk| {
                        walk.compare(Some(value), None, deeper);
                    });
                }
                // What is left empty is left out.
                if self.patch.after.len() == after.saturating_add(a.len()) {
                    self.patch.after.truncate(after);
                    let absent = Operation::test_absent(&self.pointer);
                    self.patch.after.push(absent);
                }
            }
            (None, Some(Value::Object(b))) if self.is_words() => {
                let mut kept = serde_json::Map::new();
                for (name, value) in b {
                    self.inside(Step::Field(name.clone()), name, |walk| {
                        if !walk.is_left_alone() {
                            kept.insert(name.clone(), value.clone());
                        }
                    });
                }
                if !kept.is_empty() {
                    self.change(None, Some(&Value::Object(kept)));
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) if depth < self.deepest => {
                if !self.list(a, b, deeper) {
                    self.change(present, wanted);
                }
            }
            (None, Some(Value::Array(b))) if self.is_finalizers() => {
                let kept: Vec<Value> = b.iter().filter(|each| is_kept(each)).cloned().collect();
                if !kept.is_empty() {
                    self.change(None, Some(&Value::Array(kept)));
                }
            }
            (Some(a), Some(b)) if self.lists.is_same(&self.fields, a, b) => {}
            _ => self.change(present, wanted),
        }
    }

    /// Changes the value here as a whole.
    fn change(&mut self, present: Option<&Value>, wanted: Option<&Value>) {
        let path = &self.pointer;
        let patch = &mut self.patch;
        patch.operations.push(match present {
            Some(value) if is_untestable(value) => self.is_unwritten.clone(),
            Some(value) => Operation::test(path, value),
            None => Operation::test_absent(path),
        });
        let op = match (present, wanted) {
            (None, _) => "add",
            (_, None) => "remove",
            _ => "replace",
        };
        patch.operations.push(Operation::new(op, path, wanted));
        patch.after.push(match wanted {
            Some(value) if is_untestable(value) => Operation::never(),
            Some(value) => Operation::test(path, value),
            None => Operation::test_absent(path),
        });
    }

    fn is_finalizers(&self) -> bool {
        self.place() == (2, Some("metadata"), Some("finalizers"))
    }

    /// Changes the elements of a list one by one, by their names. False when they have none, or other places.
    fn list(&mut self, present: &[Value], wanted: &[Value], depth: usize) -> bool {
        let (old_names, new_names): (Vec<Name>, Vec<Name>);
        let mut wanted: Vec<&Value> = wanted.iter().collect();
        if self.is_finalizers() {
            wanted.retain(|each| is_kept(each));
            let of = |each: &Value| vec![(String::new(), each.to_string())];
            old_names = present.iter().map(of).collect();
            new_names = wanted.iter().map(|each| of(each)).collect();
        } else {
            let Some(keys) = self.lists.list_keys(&self.fields) else {
                return false;
            };
            let owned: Vec<Value> = wanted.iter().map(|each| (*each).clone()).collect();
            match (names(present, &keys), names(&owned, &keys)) {
                (Some(old), Some(new)) => (old_names, new_names) = (old, new),
                _ => return false,
            }
        }
        let places = |names: &[Name]| -> std::collections::HashMap<Name, usize> {
            let numbered = names.iter().cloned().enumerate();
            numbered.map(|(place, name)| (name, place)).collect()
        };
        let (old_places, new_places) = (places(&old_names), places(&new_names));
        if old_places.len() != old_names.len() || new_places.len() != new_names.len() {
            return false;
        }
        let common: Vec<(usize, usize)> = old_names
            .iter()
            .enumerate()
            .filter_map(|(place, name)| Some((place, *new_places.get(name)?)))
            .collect();
        if !common.is_sorted_by_key(|(_, place)| *place) {
            return false;
        }
        let is_same_set = common.len() == present.len() && common.len() == wanted.len();
        let (first, after) = (self.patch.operations.len(), self.patch.after.len());
        for (old, new) in common {
            let (Some(a), Some(b)) = (present.get(old), wanted.get(new)) else {
                return false;
            };
            let name = old_names.get(old).cloned().unwrap_or_default();
            self.inside(Step::Item(name.clone()), &old.to_string(), |walk| {
                walk.element(a, b, &name, depth);
            });
        }
        if is_same_set {
            return true;
        }
        let at = |place: usize, pointer: &str| format!("{pointer}/{place}");
        let gone: Vec<(usize, &Value)> = present
            .iter()
            .enumerate()
            .zip(&old_names)
            .filter(|(_, name)| !new_places.contains_key(*name))
            .map(|(numbered, _)| numbered)
            .collect();
        for (place, value) in &gone {
            self.patch.operations.push(match is_untestable(value) {
                true => self.is_unwritten.clone(),
                false => Operation::test(&at(*place, &self.pointer), value),
            });
        }
        // From the back, so that the places of the others stay.
        for (place, _) in gone.iter().rev() {
            let remove = Operation::new("remove", &at(*place, &self.pointer), None);
            self.patch.operations.push(remove);
        }
        let come: Vec<(usize, &Value)> = wanted
            .iter()
            .enumerate()
            .zip(&new_names)
            .filter(|(_, name)| !old_places.contains_key(*name))
            .map(|((place, value), _)| (place, *value))
            .collect();
        if !come.is_empty() {
            let test = whole_list(&self.pointer, present, &self.is_unwritten);
            self.patch.operations.insert(first, test);
        }
        for (place, value) in come {
            let add = Operation::new("add", &at(place, &self.pointer), Some(value));
            self.patch.operations.push(add);
        }
        // The places that were tested are those of before.
        self.patch.after.truncate(after);
        let whole = Value::Array(wanted.into_iter().cloned().collect());
        self.patch.after.push(match whole.as_array() {
            Some(list) if list.is_empty() && self.is_finalizers() => {
                Operation::test_absent(&self.pointer)
            }
            _ if is_untestable(&whole) => Operation::never(),
            _ => Operation::test(&self.pointer, &whole),
        });
        true
    }

    /// Compares two elements of the same name, and tests that it is that element that is changed.
    fn element(&mut self, present: &Value, wanted: &Value, name: &Name, depth: usize) {
        let (first, first_after) = (self.patch.operations.len(), self.patch.after.len());
        self.compare(Some(present), Some(wanted), depth);
        if self.patch.operations.len() == first {
            return;
        }
        let keys = name.iter().filter_map(|(key, _)| {
            let path = format!(
                "{}/{}",
                self.pointer,
                key.replace('~', "~0").replace('/', "~1")
            );
            Some(Operation::test(&path, present.get(key)?))
        });
        let keys: Vec<Operation> = keys.collect();
        self.patch.operations.splice(first..first, keys.clone());
        self.patch.after.splice(first_after..first_after, keys);
    }

    /// Owners are known by their uid; one that is not there yet is looked up later.
    fn owners(&mut self, present: &[Value], wanted: &[Value], is_there: bool) {
        let uid = |owner: &Value| text(owner, "uid").to_string();
        let is_wanted = |owner: &&Value| {
            wanted
                .iter()
                .any(|other| uid(other) == uid(owner) || who(other) == who(owner))
        };
        let first = self.patch.operations.len();
        let kept = present.iter().filter(is_wanted).count();
        let mut gone = Vec::new();
        for (place, owner) in present.iter().enumerate() {
            if !is_wanted(&owner) {
                gone.push(format!("{}/{place}", self.pointer));
                let test = Operation::test(&format!("{}/{place}", self.pointer), owner);
                self.patch.operations.push(test);
                continue;
            }
            // The same owner, or the one of that name which is there now.
            let Some(other) = wanted.iter().find(|other| uid(other) == uid(owner)) else {
                continue;
            };
            let place = place.to_string();
            let name = vec![("uid".to_string(), uid(owner))];
            self.inside(Step::Item(name.clone()), &place, |walk| {
                walk.element(owner, other, &name, 0);
            });
        }
        for path in gone.iter().rev() {
            let remove = Operation::new("remove", path, None);
            self.patch.operations.push(remove);
        }
        let come = wanted.iter().filter(|other| {
            !present
                .iter()
                .any(|owner| uid(other) == uid(owner) || who(other) == who(owner))
        });
        let come: Vec<Value> = come.cloned().collect();
        if !come.is_empty() && !is_there {
            let path = &self.pointer;
            self.patch.operations.push(Operation::test_absent(path));
            let empty = Value::Array(Vec::new());
            self.patch
                .operations
                .push(Operation::new("add", path, Some(&empty)));
        } else if !come.is_empty() {
            let test = whole_list(&self.pointer, present, &self.is_unwritten);
            self.patch.operations.insert(first, test);
        }
        if !gone.is_empty() && kept == 0 && come.is_empty() {
            self.patch.after.push(Operation::test_absent(&self.pointer));
        } else if !gone.is_empty() || !come.is_empty() {
            for (place, owner) in come.iter().enumerate() {
                let place = kept.saturating_add(place);
                for field in ["kind", "name"] {
                    let path = format!("{}/{place}/{field}", self.pointer);
                    let value = owner.get(field).cloned().unwrap_or_default();
                    self.patch.after.push(Operation::test(&path, &value));
                }
            }
            for (place, owner) in present.iter().filter(is_wanted).enumerate() {
                let path = format!("{}/{place}/uid", self.pointer);
                let value = owner.get("uid").cloned().unwrap_or_default();
                self.patch.after.push(Operation::test(&path, &value));
            }
        }
        self.patch.owners.extend(come);
    }
}

/// A test of a list that something is added to. Nothing else would tell that it was added before, by a run that was
/// interrupted or by somebody else, and it would be there twice.
fn whole_list(path: &str, present: &[Value], is_unwritten: &Operation) -> Operation {
    let list = Value::Array(present.to_vec());
    match is_untestable(&list) {
        true => is_unwritten.clone(),
        false => Operation::test(path, &list),
    }
}

/// The fields that name an element, with their values.
type Name = Vec<(String, String)>;

/// True for what API servers cannot test: json-patch 4.13 panics when it compares a null in a list.
fn is_untestable(value: &Value) -> bool {
    match value {
        Value::Array(list) => list
            .iter()
            .any(|each| each.is_null() || is_untestable(each)),
        Value::Object(map) => map.values().any(is_untestable),
        _ => false,
    }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_kept(finalizer: &Value) -> bool {
    !matches!(finalizer.as_str(), Some(name) if DELETION_FINALIZERS.contains(&name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// Containers and ports are told apart by their names.
    struct ByName;

    impl ListKeys for ByName {
        fn list_keys(&self, path: &FieldPath) -> Option<Vec<String>> {
            let last = path.fields().last()?;
            matches!(last, "containers" | "ports").then(|| vec!["name".to_string()])
        }
    }

    /// A container of JSON and the key in it; `None` where the way ends before.
    fn parent<'v>(object: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
        let (way, key) = path.rsplit_once('/')?;
        Some((
            object.pointer_mut(way)?,
            key.replace("~1", "/").replace("~0", "~"),
        ))
    }

    /// What evanphx/json-patch v4 makes of a patch, which API servers use.
    fn applied(object: &Value, operations: &[Operation]) -> Option<Value> {
        let mut object = object.clone();
        for Operation { op, path, value } in operations {
            let (parent, key) = parent(&mut object, path)?;
            let value = value.clone();
            match (*op, parent) {
                ("test", Value::Object(map)) => {
                    (map.get(&key).unwrap_or(&Value::Null) == &value?).then_some(())?;
                }
                ("test", Value::Array(list)) => {
                    (list.get(key.parse::<usize>().ok()?)? == &value?).then_some(())?;
                }
                ("add", Value::Object(map)) => drop(map.insert(key, value?)),
                ("replace", Value::Object(map)) => {
                    map.contains_key(&key).then_some(())?;
                    map.insert(key, value?);
                }
                ("remove", Value::Object(map)) => drop(map.remove(&key)?),
                ("add", Value::Array(list)) => {
                    let at = key.parse::<usize>().ok().filter(|at| *at <= list.len())?;
                    list.insert(at, value?);
                }
                ("replace", Value::Array(list)) => {
                    *list.get_mut(key.parse::<usize>().ok()?)? = value?
                }
                ("remove", Value::Array(list)) => {
                    let at = key.parse::<usize>().ok().filter(|at| *at < list.len())?;
                    list.remove(at);
                }
                _ => return None,
            }
        }
        Some(object)
    }

    /// Without what servers set, and what is left empty, which they leave out.
    fn settled(object: &Value) -> Value {
        let mut object = object.clone();
        let members = object.as_object_mut().unwrap();
        members.remove("status");
        let metadata = members["metadata"].as_object_mut().unwrap();
        for field in [
            "uid",
            "resourceVersion",
            "generation",
            "managedFields",
            "creationTimestamp",
        ] {
            metadata.remove(field);
        }
        for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
            let is_empty = |value: &Value| *value == json!({}) || *value == json!([]);
            if metadata
                .get(field)
                .is_some_and(|value| value.is_null() || is_empty(value))
            {
                metadata.remove(field);
            }
        }
        object
    }

    /// Numbers that look random, and are the same each time.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, sides: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }

        fn often(&mut self) -> bool {
            self.below(3) > 0
        }

        fn map(&mut self, names: &[&str], mut value: impl FnMut(&mut Self) -> Value) -> Value {
            let mut map = Map::new();
            for name in names {
                if self.often() {
                    let value = value(self);
                    map.insert((*name).to_string(), value);
                }
            }
            Value::Object(map)
        }

        fn word(&mut self) -> Value {
            match self.below(6) {
                0 => json!(""),
                1 => json!("<a&b>\u{2028}"),
                2 => json!(self.below(3)),
                3 => json!(self.below(2) == 0),
                _ => json!(["a", "b", "c"][usize::try_from(self.below(3)).unwrap()]),
            }
        }

        /// Labels or annotations: where there are none, there is no map.
        fn words(&mut self, names: &[&str], value: impl FnMut(&mut Self) -> Value) -> Value {
            match self.map(names, value) {
                Value::Object(map) if map.is_empty() => Value::Null,
                words => words,
            }
        }

        fn list(&mut self, names: &[&str], deep: bool) -> Value {
            let mut items = Vec::new();
            for name in names {
                if self.often() {
                    let mut item = self.map(&["image", "a/b", "c~d", "x"], Self::word);
                    item["name"] = json!(name);
                    if deep {
                        item["ports"] = self.list(&["p", "q", "r"], false);
                        item["args"] =
                            json!((0..self.below(3)).map(|_| self.word()).collect::<Vec<_>>());
                    }
                    items.push(item);
                }
            }
            if self.below(6) == 0 {
                items.reverse();
            }
            Value::Array(items)
        }

        fn object(&mut self, uid: &str) -> Value {
            let mut metadata = json!({"name": "x", "uid": uid, "resourceVersion": self.below(99).to_string(),
                "generation": self.below(9), "managedFields": [self.below(9)]});
            if self.often() {
                metadata["labels"] = self.words(&["a", "b/c", "d"], |_| json!("1"));
            }
            if self.often() {
                metadata["annotations"] = self.words(&["n", "m~/", LAST_APPLIED], |dice| {
                    json!(dice.below(2).to_string())
                });
            }
            if self.often() {
                let finalizers = ["f1", "f2", "f3"].into_iter().filter(|_| self.often());
                let finalizers: Vec<&str> = finalizers.collect();
                if !finalizers.is_empty() {
                    metadata["finalizers"] = json!(finalizers);
                }
            }
            let mut spec = self.map(&["a", "b", "c"], |dice| dice.map(&["d", "e"], Self::word));
            if self.often() {
                spec["containers"] = self.list(&["main", "side", "third"], true);
            }
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec,
                "status": {"n": self.below(5)}})
        }
    }

    #[test]
    fn a_patch_leads_to_the_wanted_object_and_each_edit_made_meanwhile_refuses_it() {
        let mut dice = Dice(7);
        let mut edits = 0;
        for round in 0..400 {
            let (present, wanted) = (dice.object("now"), dice.object("then"));
            let patch = json_patch(&present, &wanted, &ByName, false);
            if patch.is_empty() {
                assert_eq!(settled(&present), settled(&wanted), "round {round}");
                continue;
            }
            let done = applied(&present, &patch.operations);
            let done = done.unwrap_or_else(|| panic!("round {round}: {patch:?}\n{present}"));
            assert_eq!(settled(&done), settled(&wanted), "round {round}: {patch:?}");
            assert_eq!(done["metadata"]["uid"], "now");
            assert_eq!(done["status"], present["status"]);
            assert!(
                applied(&present, &patch.after).is_none(),
                "round {round}: {patch:?}\n{present}"
            );
            assert!(
                applied(&settled_as_served(&done), &patch.after).is_some(),
                "round {round}: {patch:?}\n{done}"
            );
            // Whatever somebody writes to a place that the patch touches, also one that it finds empty.
            for each in patch.operations.iter().filter(|each| each.op != "test") {
                let mut edited = present.clone();
                let Some((parent, key)) = parent(&mut edited, &each.path) else {
                    continue;
                };
                match parent {
                    Value::Object(map) => drop(map.insert(key, json!("edited"))),
                    Value::Array(list) => {
                        let at = key.parse::<usize>().unwrap();
                        // What is added has no value before that could be edited.
                        if each.op == "add" || at >= list.len() {
                            continue;
                        }
                        list[at] = json!("edited");
                    }
                    _ => continue,
                }
                edits += 1;
                assert!(
                    applied(&edited, &patch.operations).is_none(),
                    "round {round}: {each:?}\n{patch:?}"
                );
            }
        }
        assert!(edits > 1_000, "{edits}");
    }

    /// As a server gives it: what is empty is left out.
    fn settled_as_served(object: &Value) -> Value {
        let mut object = object.clone();
        let metadata = object["metadata"].as_object_mut().unwrap();
        for (field, empty) in [
            ("finalizers", json!([])),
            ("labels", json!({})),
            ("annotations", json!({})),
        ] {
            if metadata.get(field) == Some(&empty) {
                metadata.remove(field);
            }
        }
        object
    }

    #[test]
    fn an_element_is_taken_out_without_touching_those_that_somebody_added_behind_it() {
        let pod = |names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"metadata": {"uid": "u"}, "spec": {"containers": containers}})
        };
        let patch = json_patch(&pod(&["a", "evil", "b"]), &pod(&["a", "b"]), &ByName, false);
        let later = applied(&pod(&["a", "evil", "b", "later"]), &patch.operations);
        assert_eq!(later, Some(pod(&["a", "b", "later"])));
        assert_eq!(
            applied(&pod(&["first", "a", "evil", "b"]), &patch.operations),
            None
        );
        assert_eq!(applied(&pod(&["a", "other", "b"]), &patch.operations), None);
    }

    #[test]
    fn owners_are_looked_up_and_those_that_are_there_stay() {
        let owner = |name: &str, uid: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid});
        let object = |owners: Value| json!({"metadata": {"uid": "u", "ownerReferences": owners}});
        let patch = |present: Value, wanted: Value| {
            json_patch(&object(present), &object(wanted), &ByName, false)
        };
        // One that was re-created keeps the uid that it has now.
        assert!(patch(json!([owner("a", "2")]), json!([owner("a", "1")])).is_empty());
        let gone = patch(
            json!([owner("a", "1"), owner("b", "2")]),
            json!([owner("a", "1")]),
        );
        let done = applied(
            &object(json!([owner("a", "1"), owner("b", "2")])),
            &gone.operations,
        );
        assert_eq!(done, Some(object(json!([owner("a", "1")]))));
        let come = patch(Value::Null, json!([owner("a", "1")]));
        assert_eq!(come.owners, [owner("a", "1")]);
        let text = format!("{:?}", come.operations);
        assert!(
            text.contains("/metadata/ownerReferences") && !text.contains("\"1\""),
            "{text}"
        );
        assert!(applied(&object(Value::Null), &come.after).is_none());
        assert!(applied(&object(json!([owner("a", "9")])), &come.after).is_some());
    }

    #[test]
    fn a_null_in_a_list_is_never_tested_and_the_revision_stands_for_it() {
        let object = |list: Value| json!({"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {"l": list}});
        let (with, without) = (object(json!([1, null])), object(json!([1])));
        for (present, wanted) in [
            (&with, &without),
            (&without, &with),
            (&with, &object(json!([[null]]))),
        ] {
            let patch = json_patch(present, wanted, &ByName, false);
            let tests = patch
                .operations
                .iter()
                .chain(&patch.after)
                .filter(|each| each.op == "test");
            for test in tests {
                assert!(!is_untestable(test.value.as_ref().unwrap()), "{patch:?}");
            }
            assert_eq!(applied(present, &patch.operations).as_ref(), Some(wanted));
            let mut written = present.clone();
            written["metadata"]["resourceVersion"] = json!("8");
            assert_eq!(
                applied(&written, &patch.operations).is_none(),
                is_untestable(present)
            );
            assert!(applied(wanted, &patch.after).is_none() || !is_untestable(wanted));
        }
    }

    #[test]
    fn what_a_cluster_fills_in_is_left_alone() {
        let pair = |kind: &str, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"uid": "u"}, "spec": spec});
        for (kind, present, wanted, is_empty) in [
            (
                "Namespace",
                json!({"finalizers": ["kubernetes"]}),
                json!({}),
                true,
            ),
            ("Pod", json!({"nodeName": "a"}), json!({}), true),
            ("Pod", json!({"hostNetwork": true}), json!({}), false),
            (
                "PersistentVolumeClaim",
                json!({"volumeName": "v"}),
                json!({}),
                true,
            ),
            (
                "Node",
                json!({"podCIDR": "v", "unschedulable": true}),
                json!({"podCIDR": "w", "unschedulable": true}),
                true,
            ),
            ("Node", json!({"unschedulable": true}), json!({}), false),
            ("Widget", json!({"nodeName": "a"}), json!({}), false),
        ] {
            let patch = json_patch(&pair(kind, present), &pair(kind, wanted), &ByName, false);
            assert_eq!(patch.is_empty(), is_empty, "{kind}: {patch:?}");
        }
        let applied =
            |text: &str| json!({"metadata": {"uid": "u", "annotations": {LAST_APPLIED: text}}});
        assert!(!json_patch(&applied("1"), &applied("2"), &ByName, false).is_empty());
    }

    #[test]
    fn a_patch_that_a_server_would_not_take_for_its_length_is_made_of_whole_fields() {
        let object = |value: &str| {
            let data: Map<String, Value> = (0..MOST_OPERATIONS)
                .map(|n| (n.to_string(), json!(value)))
                .collect();
            json!({"metadata": {"uid": "u"}, "data": data})
        };
        let patch = json_patch(&object("a"), &object("b"), &ByName, false);
        assert_eq!(patch.operations.len(), 3);
        assert_eq!(applied(&object("a"), &patch.operations), Some(object("b")));
    }

    #[test]
    fn a_patch_that_is_too_long_for_a_server_tests_the_revision_in_place_of_values() {
        let object = |text: &str| json!({"metadata": {"uid": "u", "resourceVersion": "7"}, "data": {"a": text.repeat(300_000)}});
        let (present, wanted) = (object("\u{1}"), object("\u{2}"));
        let patch = json_patch(&present, &wanted, &ByName, false);
        let ops: Vec<(&str, &str)> = patch
            .operations
            .iter()
            .map(|each| (each.op, each.path.as_str()))
            .collect();
        assert_eq!(
            ops,
            [
                ("test", "/metadata/uid"),
                ("test", "/metadata/resourceVersion"),
                ("replace", "/data/a"),
            ]
        );
        assert_eq!(applied(&present, &patch.operations), Some(wanted));
        let patch = json_patch(&object("a"), &object("b"), &ByName, false);
        assert_eq!(patch.operations[1].path, "/data/a");
    }

    #[test]
    fn a_status_that_is_a_field_like_any_other_is_patched_and_rules_that_are_gathered_are_not() {
        let object = |phase: &str| json!({"metadata": {"uid": "u"}, "status": {"phase": phase}});
        let patch = json_patch(&object("a"), &object("b"), &ByName, true);
        assert_eq!(patch.operations[2].path, "/status/phase");
        assert!(json_patch(&object("a"), &object("b"), &ByName, false).is_empty());

        let role = |rules: Value, aggregation: Value| {
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"uid": "u"}, "rules": rules, "aggregationRule": aggregation})
        };
        let gathers = || json!({"clusterRoleSelectors": []});
        for (present, wanted, is_empty) in [
            (gathers(), gathers(), true),
            (gathers(), json!(null), false),
            (json!(null), json!(null), false),
        ] {
            let (present, wanted) = (role(json!([1]), present), role(json!([2]), wanted));
            let patch = json_patch(&present, &wanted, &ByName, false);
            assert_eq!(patch.is_empty(), is_empty, "{patch:?}");
        }
    }

    #[test]
    fn what_is_added_to_a_list_is_not_added_twice() {
        let object = |containers: Value, owners: Value| {
            json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers},
                "metadata": {"uid": "u", "resourceVersion": "7", "ownerReferences": owners}})
        };
        let named = |names: &[&str]| -> Value {
            let named = names.iter().map(|name| json!({"name": name}));
            named.collect()
        };
        let owner =
            |name: &str| json!({"apiVersion": "v1", "kind": "Node", "name": name, "uid": name});
        let is_refused =
            |object: &Value, patch: &JsonPatch| applied(object, &patch.operations).is_none();
        let present = object(named(&["a"]), json!([owner("x")]));

        let wanted = object(named(&["a", "b"]), json!([owner("x")]));
        let patch = json_patch(&present, &wanted, &ByName, false);
        let done = applied(&present, &patch.operations).unwrap();
        assert_eq!(done, wanted);
        assert!(is_refused(&done, &patch));
        assert!(applied(&done, &patch.after).is_some());
        // Somebody else has added one of the same name, or another one.
        for names in [["a", "b"], ["a", "c"], ["c", "a"]] {
            assert!(is_refused(
                &object(named(&names), json!([owner("x")])),
                &patch
            ));
        }

        let wanted = object(named(&["a"]), json!([owner("x"), owner("y")]));
        let patch = json_patch(&present, &wanted, &ByName, false);
        assert_eq!(patch.owners, [owner("y")]);
        assert!(!is_refused(&present, &patch));
        assert!(is_refused(&wanted, &patch));

        let (references, patch) = adoption(&wanted, |uid| uid == "y", true);
        assert_eq!(references, [&owner("y")]);
        assert!(!is_refused(&present, &patch));
        assert!(is_refused(&wanted, &patch));

        // Both owners went, and their references with them.
        let (references, patch) = adoption(&wanted, |_| true, true);
        assert_eq!(references, [&owner("x"), &owner("y")]);
        let mut alone = present.clone();
        alone["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("ownerReferences");
        assert!(!is_refused(&alone, &patch));
        assert!(is_refused(&present, &patch) && is_refused(&wanted, &patch));
        assert!(applied(&wanted, &patch.after).is_some());

        // It still has the reference to one that went.
        let (_, patch) = adoption(&wanted, |uid| uid == "y", false);
        assert_eq!(
            applied(&wanted, &patch.operations).unwrap()["metadata"],
            present["metadata"]
        );
        assert!(is_refused(&present, &patch));
    }
}
