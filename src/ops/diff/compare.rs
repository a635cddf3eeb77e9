//! How one key differs: from its two records to fields.

use serde_json::{Value, json};

use super::known::KnownKinds;
use super::{Detail, DiffQuery, Item, KeyChange, ServicePart};
use crate::etcd::keyspace::RecordFacts;
use crate::kubernetes::apply::clean::is_owned_or_transient;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::compare::difference::{
    Difference, FieldPath, NoListKeys, differences, leaves,
};
use crate::kubernetes::compare::kind_schema::KindSchema;
use crate::kubernetes::compare::security::{lacks_managed_fields, reasons};
use crate::kubernetes::compare::writers::{
    ChangedField, Termination, Writers, creation, creators, managed_fields, writers_of_change,
};
use crate::kubernetes::query::selected::Selected;
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::kubernetes::{Encoding, Flaw, Head, Object, memory_of, read_json};
use crate::ops::keys::FieldChange;
use crate::ops::objects::UndecidedReason;
use crate::ops::objects::reader::{ReadValue, ValueContent, ValueReader};
use crate::ops::objects::stored::{Classifier, StoredValue};
use crate::ops::objects::{PlainValue, PlainValues};

/// One side of a comparison.
pub(super) struct State {
    pub(super) facts: RecordFacts,
    stored: Encoding,
    plain: Vec<u8>,
    object: Option<Object>,
    /// Other JSON than an object of Kubernetes.
    json: Option<Value>,
    /// What to show in place of a value that is hidden.
    mark: Option<String>,
    /// Why it stays encrypted.
    pub(super) locked: Option<DecryptError>,
    is_too_large: bool,
    is_secret: bool,
    /// How it is not what the key promises.
    pub(super) flaw: Option<Flaw>,
}

impl State {
    pub(super) fn of(
        reader: &ValueReader,
        known: &KnownKinds,
        key: &[u8],
        value: &[u8],
        facts: RecordFacts,
    ) -> Self {
        let ReadValue {
            stored,
            plain,
            content,
            is_secret,
            locked,
            too_large,
        } = reader.read(key, value, facts.revision.main);
        // That a value can be decoded does not make it what its key promises.
        let classifier = Classifier {
            reader,
            resources: &known.resources,
            layout: &known.layout,
        };
        let stand = match &locked {
            Some(_) => classifier.classify_locked(key, &plain),
            None => classifier.classify_plain(key, &plain),
        };
        let (locked, flaw) = match stand {
            StoredValue::Damaged(_, flaw) => (None, Some(flaw)),
            StoredValue::Locked(_) => (locked, None),
            StoredValue::Object(..) | StoredValue::ServerLease | StoredValue::Other => (None, None),
        };
        let (object, mark) = match content {
            ValueContent::Object(object) => (Some(*object), None),
            ValueContent::Hidden(mark) => (None, Some(mark)),
            ValueContent::Bytes => (None, None),
        };
        let json = match &object {
            None if !is_secret && plain.first().is_some_and(|b| matches!(b, b'{' | b'[')) => {
                read_json(&plain).ok()
            }
            _ => None,
        };
        Self {
            facts,
            stored,
            plain: plain.into_owned(),
            object,
            json,
            mark,
            locked,
            is_too_large: too_large.is_some(),
            is_secret,
            flaw,
        }
    }

    fn uid(&self) -> Option<&str> {
        self.object.as_ref()?.uid()
    }

    pub(super) fn value(&self) -> Option<&Value> {
        self.object
            .as_ref()
            .map(|object| &object.json)
            .or(self.json.as_ref())
    }
}

/// Fills in what differs.
pub(super) fn compare(
    item: &mut Item,
    old: Option<State>,
    new: Option<State>,
    known: &KnownKinds,
    reader: &ValueReader,
    query: &DiffQuery,
) {
    let detail = query.detail;
    let shown = new.as_ref().or(old.as_ref());
    // Of a damaged one not everything is true that can still be read.
    let is_whole = |state: &&State| state.flaw.is_none();
    let teller = new.as_ref().filter(is_whole);
    let teller = teller.or(old.as_ref().filter(is_whole)).or(shown);
    if let Some(state) = teller {
        name(item, state, &known.resources);
    }
    for (side, word) in [(&old, "old"), (&new, "new")] {
        if let Some(flaw) = side.as_ref().and_then(|state| state.flaw.as_ref()) {
            item.damage.push((word, flaw.clone()));
        }
    }
    if item.change != KeyChange::Unknown && detail > Detail::Change {
        item.security = security(old.as_ref(), new.as_ref(), known, reader);
    }
    if detail > Detail::Change {
        item.service = service_part(item, old.as_ref(), new.as_ref());
    }
    if query.is_in_full && detail > Detail::Names {
        item.values = plain_values(old.as_ref(), new.as_ref());
    }
    let (Some(old), Some(new), true) = (&old, &new, item.change != KeyChange::Unknown) else {
        if let Some(state) = shown {
            item.locked = state.locked.clone();
            if detail > Detail::Names {
                alone(item, state, new.is_some(), known, query);
            }
        }
        return;
    };
    item.locked = new.locked.clone().or_else(|| old.locked.clone());
    let is_other_life = old.facts.create_revision != new.facts.create_revision
        || matches!((old.uid(), new.uid()), (Some(a), Some(b)) if a != b);
    let is_encrypted = [old.stored, new.stored].contains(&Encoding::Encrypted);
    // What is missing from a damaged one was not removed.
    let is_damaged = old.flaw.is_some() || new.flaw.is_some();
    let fields = match (old.value(), new.value()) {
        (Some(a), Some(b)) if !is_damaged => {
            let schema = new
                .object
                .as_ref()
                .map_or_else(KindSchema::default, |object| {
                    KindSchema::with(object, &known.lists)
                });
            Some(
                differences(a, b, &schema, query.most_fields())
                    .into_iter()
                    .filter(|d| !is_resource_version(&d.path))
                    .collect::<Vec<Difference<'_>>>(),
            )
        }
        _ => None,
    };
    let is_whole = |state: &State| {
        state
            .object
            .as_ref()
            .is_none_or(|object| !object.description.is_partial())
    };
    let no_fields = fields.as_ref().is_some_and(Vec::is_empty) && is_whole(old) && is_whole(new);
    let is_same = old.plain == new.plain || no_fields;
    item.change = match (is_other_life, is_same) {
        (true, _) => KeyChange::Recreated,
        (false, false) => KeyChange::Changed,
        (false, true) if old.plain == new.plain && !is_encrypted => {
            KeyChange::Touched("same-bytes")
        }
        (false, true) if is_encrypted => KeyChange::Touched("re-encrypted"),
        (false, true) => KeyChange::Touched("re-encoded"),
    };
    if let (Some(a), Some(b)) = (old.value(), new.value())
        && !is_same
        && !is_damaged
        && detail == Detail::Patch
    {
        item.patch = Some(patch(a, b));
    }
    item.has_secret = old.is_secret || new.is_secret;
    if detail > Detail::Names && !is_damaged {
        let writers = writers(item.change, old, new, fields.as_deref().unwrap_or_default());
        if !writers.known.is_empty() {
            item.unrecorded = writers.unrecorded;
        }
        item.writers = writers.known;
    }
    let value = |value: Option<&Value>| value.filter(|_| detail > Detail::Names).cloned();
    let fields = fields.unwrap_or_default().into_iter();
    let fields = fields.flat_map(|d| match query.is_in_full {
        true => in_full(d),
        false => vec![d],
    });
    item.fields = fields
        .map(|d| FieldChange {
            old: value(d.old),
            new: value(d.new),
            path: d.path,
        })
        .collect();
}

/// The values themselves where one of them has no fields. Where both stay encrypted, nothing can be told of them.
fn plain_values(old: Option<&State>, new: Option<&State>) -> PlainValues {
    let states = || old.into_iter().chain(new);
    let is_told = states().any(|state| state.value().is_none() && state.locked.is_none())
        && states().all(|state| state.flaw.is_none() && !state.is_too_large);
    let is_same = matches!((old, new), (Some(old), Some(new)) if old.plain == new.plain);
    if !is_told || is_same {
        return PlainValues::default();
    }
    let value =
        |state: &State| PlainValue::of(&state.plain, state.object.as_ref(), state.mark.as_deref());
    PlainValues {
        old: old.map(value),
        new: new.map(value),
    }
}

/// What is told of an object that only one of the states has.
fn alone(item: &mut Item, state: &State, is_new: bool, known: &KnownKinds, query: &DiffQuery) {
    if state.flaw.is_some() {
        return;
    }
    match &state.object {
        Some(object) if is_new && item.change != KeyChange::Unknown => {
            item.writers = creators(managed_fields(&object.json), creation(&object.json));
        }
        Some(object) if !is_new => item.termination = Termination::of(&object.json),
        _ => {}
    }
    let (Some(value), true) = (state.value(), query.is_in_full) else {
        return;
    };
    let schema = state
        .object
        .as_ref()
        .map_or_else(KindSchema::default, |object| {
            KindSchema::with(object, &known.lists)
        });
    let mut fields = Vec::new();
    leaves(value, &schema, &mut |path, value| {
        if !is_resource_version(path) {
            let value = Some(value.clone());
            let (old, new) = match is_new {
                true => (None, value),
                false => (value, None),
            };
            let path = path.clone();
            fields.push(FieldChange { path, old, new });
        }
    });
    item.fields = fields;
}

/// A difference with each value in what came or went as a whole.
fn in_full(difference: Difference<'_>) -> Vec<Difference<'_>> {
    let (value, is_new) = match (difference.old, difference.new) {
        (Some(old), None) => (old, false),
        (None, Some(new)) => (new, true),
        _ => return vec![difference],
    };
    let mut all = Vec::new();
    leaves(value, &NoListKeys, &mut |path, value| {
        let mut steps = difference.path.0.clone();
        steps.extend(path.0.iter().cloned());
        let (old, new) = match is_new {
            true => (None, Some(value)),
            false => (Some(value), None),
        };
        all.push(Difference {
            path: FieldPath(steps),
            old,
            new,
        });
    });
    all
}

/// Who made a change, as far as the new object tells.
fn writers(change: KeyChange, old: &State, new: &State, fields: &[Difference<'_>]) -> Writers {
    let (Some(old), Some(new)) = (&old.object, &new.object) else {
        return Writers::default();
    };
    match change {
        KeyChange::Recreated => Writers {
            known: creators(managed_fields(&new.json), creation(&new.json)),
            unrecorded: Vec::new(),
        },
        KeyChange::Changed => {
            let changed: Vec<ChangedField<'_>> = fields.iter().map(|d| (&d.path, d.new)).collect();
            writers_of_change(
                managed_fields(&old.json),
                managed_fields(&new.json),
                &changed,
            )
        }
        _ => Writers::default(),
    }
}

/// What the last value of something that was removed tells of its end; `None` when it cannot be read.
pub(super) fn termination(
    reader: &ValueReader,
    key: &[u8],
    value: &[u8],
    revision: i64,
) -> Option<Termination> {
    match reader.read(key, value, revision).content {
        ValueContent::Object(object) => Termination::of(&object.json),
        _ => None,
    }
}

/// The Service that a controller keeps the addresses of in this object.
fn service_part(item: &Item, old: Option<&State>, new: Option<&State>) -> Option<Box<ServicePart>> {
    // Most objects are of other kinds.
    if !matches!(
        item.kind.as_str(),
        "Endpoints" | "EndpointSlice" | "IPAddress"
    ) {
        return None;
    }
    ServicePart::of(sound_json(old), sound_json(new)).map(Box::new)
}

/// Whether one of the states has the labels that are wanted, or none are. Damaged ones are told in any case.
pub(super) fn has_labels(
    states: [&Option<State>; 2],
    query: &DiffQuery,
) -> (Selected, Option<UndecidedReason>) {
    let Some(labels) = query.labels.as_ref().filter(|labels| !labels.is_empty()) else {
        return (Selected::Yes, None);
    };
    let mut selected = Selected::No;
    let mut why = None;
    for state in states.into_iter().flatten() {
        let of_state = if state.flaw.is_some() {
            Selected::Yes
        } else if state.locked.is_some() {
            why = Some(UndecidedReason::of_locked(&state.plain));
            Selected::Unknown
        } else if state.is_too_large {
            let head = Head::of(&state.plain);
            labels.matches_list(head.labels.iter()).into()
        } else {
            state
                .value()
                .is_some_and(|value| labels.matches(value))
                .into()
        };
        selected = selected.or(of_state);
    }
    (selected, why)
}

/// Fills in who the object is.
pub(super) fn name(item: &mut Item, state: &State, resources: &Resources) {
    if state.flaw.is_some() {
        name_by_key(item, resources);
        if !item.kind.is_empty() {
            return;
        }
    }
    if let Some(object) = &state.object {
        item.api_version.clone_from(&object.description.api_version);
        item.kind.clone_from(&object.description.kind);
        item.namespace = object.namespace().map(str::to_string);
        item.name = object.name().map(str::to_string);
        item.uid = object.uid().map(str::to_string);
        item.owner = object.controller_uid().map(str::to_string);
        item.is_made_by_others = is_owned_or_transient(&object.json);
    }
    if item.kind.is_empty() && (state.locked.is_some() || state.is_too_large) {
        name_by_key(item, resources);
    }
}

/// Who an object is that cannot be decrypted, decoded, or not decoded in the memory it may take: from its key alone.
fn name_by_key(item: &mut Item, resources: &Resources) {
    let parts = std::str::from_utf8(&item.key)
        .ok()
        .and_then(|key| resources.of_key(key));
    let Some(parts) = parts else { return };
    let (api_version, resource) = resources.of_parts(&parts);
    item.api_version = api_version;
    item.kind.clone_from(&resource.kind);
    item.namespace = parts.namespace;
    item.name = Some(parts.name);
}

/// The object of a state that is what its key promises.
fn sound_json(state: Option<&State>) -> Option<&Value> {
    let state = state.filter(|state| state.flaw.is_none())?;
    Some(&state.object.as_ref()?.json)
}

fn security(
    old: Option<&State>,
    new: Option<&State>,
    known: &KnownKinds,
    reader: &ValueReader,
) -> Vec<String> {
    let (before, after) = (sound_json(old), sound_json(new));
    // An object that cannot be read is not one that was not there.
    let is_blind = old.is_some() != before.is_some() || new.is_some() != after.is_some();
    let mut found = match is_blind {
        true => Vec::new(),
        false => reasons(before, after, &known.roles),
    };
    match (old, new) {
        (Some(old), Some(new))
            if old.stored == Encoding::Encrypted && new.stored != Encoding::Encrypted =>
        {
            found.push("it was encrypted and is stored in plain text now".into());
        }
        (None, Some(_)) if reader.managed_fields && after.is_some_and(lacks_managed_fields) => {
            found.push("it has no managed fields, so nothing tells who set its fields".into());
        }
        _ => {}
    }
    found
}

fn is_resource_version(path: &FieldPath) -> bool {
    let mut fields = path.fields();
    fields.next() == Some("metadata") && fields.next() == Some("resourceVersion")
}

/// Of objects that take more memory, a patch replaces whole members of the top.
const PATCH_MEMORY: usize = 32 << 20;

/// RFC 6902, without the resource version, which is not content.
fn patch(old: &Value, new: &Value) -> Value {
    if memory_of(old).max(memory_of(new)) > PATCH_MEMORY {
        return coarse_patch(old, new);
    }
    let patch = json_patch::diff(&stripped(old), &stripped(new));
    serde_json::to_value(patch).unwrap_or(Value::Null)
}

fn stripped(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata") {
        *metadata = without_version(metadata);
    }
    value
}

fn without_version(metadata: &Value) -> Value {
    let mut metadata = metadata.clone();
    if let Some(members) = metadata.as_object_mut() {
        members.remove("resourceVersion");
    }
    metadata
}

/// The same, but no finer than the members of the top: a step for each of very many fields would take several
/// times the memory of both objects.
fn coarse_patch(old: &Value, new: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return json!([{"op": "replace", "path": "", "value": new}]);
    };
    let mut steps = Vec::new();
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let step = match (before.get(name), after.get(name)) {
            (Some(_), None) => json!({"op": "remove", "path": path}),
            (None, Some(value)) => json!({"op": "add", "path": path, "value": value}),
            (Some(a), Some(b)) if a != b => {
                let value = match name.as_str() {
                    "metadata" => {
                        let (a, b) = (without_version(a), without_version(b));
                        if a == b {
                            continue;
                        }
                        b
                    }
                    _ => b.clone(),
                };
                json!({"op": "replace", "path": path, "value": value})
            }
            _ => continue,
        };
        steps.push(step);
    }
    Value::Array(steps)
}

#[cfg(test)]
mod tests {
    use super::coarse_patch;
    use serde_json::{Value, json};

    #[test]
    fn a_coarse_patch_leads_from_one_object_to_the_other() {
        let old = json!({"a/b~": 1, "gone": 2, "same": [1], "spec": {"x": 1},
            "metadata": {"name": "n", "resourceVersion": "1"}});
        let new = json!({"a/b~": 3, "came": {}, "same": [1], "spec": {"x": 2},
            "metadata": {"name": "n", "resourceVersion": "2"}});
        let patch = coarse_patch(&old, &new);
        assert_eq!(patch.as_array().map(Vec::len), Some(4), "{patch}");
        let steps: json_patch::Patch = serde_json::from_value(patch).unwrap();
        let mut patched: Value = old;
        json_patch::patch(&mut patched, &steps).unwrap();
        patched["metadata"]["resourceVersion"] = json!("2");
        assert_eq!(patched, new);
    }
}
