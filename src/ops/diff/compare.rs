//! How one key differs: from its two records to fields.

use serde_json::Value;

use super::{Change, Item};
use crate::kubernetes::difference::{Difference, FieldPath, ListKeys, differences};
use crate::kubernetes::merge::SchemaPlace;
use crate::kubernetes::resources::split_api_version;
use crate::kubernetes::{Encoding, Object, duration, quantity};
use crate::ops::lens::{Lens, Look, Sight};
use crate::ops::{FieldChange, Moment};

/// What the API says about the fields of a kind.
pub(in crate::ops) struct KindSchema(Option<SchemaPlace>);

impl KindSchema {
    pub(in crate::ops) fn of(object: &Object) -> Self {
        let (group, version) = split_api_version(&object.description.api_version);
        Self(SchemaPlace::of_kind(
            group,
            version,
            &object.description.kind,
        ))
    }

    fn at(&self, path: &FieldPath) -> Option<SchemaPlace> {
        path.fields()
            .try_fold(self.0?, |place, name| place.child(name))
    }
}

impl ListKeys for KindSchema {
    fn list_keys(&self, path: &FieldPath) -> Option<Vec<String>> {
        // Owners are known by their uid, whatever kind refers to them.
        let mut fields = path.fields();
        if fields.next() == Some("metadata") && fields.next() == Some("ownerReferences") {
            return Some(vec!["uid".to_string()]);
        }
        let keys: Vec<String> = self
            .at(path)?
            .list()?
            .key_fields()
            .map(str::to_string)
            .collect();
        (!keys.is_empty()).then_some(keys)
    }

    fn is_same(&self, path: &FieldPath, old: &Value, new: &Value) -> bool {
        let (Some(place), Some(old), Some(new)) = (self.at(path), old.as_str(), new.as_str())
        else {
            return false;
        };
        if place.is_quantity() {
            return quantity::canonical(old) == quantity::canonical(new);
        }
        place.is_time()
            && old.len() == new.len()
            && duration::parse_rfc3339(old).is_some()
            && old == new
    }
}

/// One side of a comparison.
pub(super) struct State {
    pub(super) moment: Moment,
    stored: Encoding,
    plain: Vec<u8>,
    object: Option<Object>,
    /// Other JSON than an object of Kubernetes.
    json: Option<Value>,
    pub(super) is_locked: bool,
    is_secret: bool,
}

impl State {
    pub(super) fn of(lens: &Lens, key: &[u8], value: &[u8], moment: Moment) -> Self {
        let Look {
            stored,
            plain,
            sight,
            is_secret,
            locked,
        } = lens.look(key, value, moment.revision.main);
        let is_locked =
            locked.is_some() || stored == Encoding::Encrypted && lens.encryption.is_none();
        let object = match sight {
            Sight::Object(object) => Some(*object),
            _ => None,
        };
        let json = match &object {
            None if !is_secret && plain.first().is_some_and(|b| matches!(b, b'{' | b'[')) => {
                serde_json::from_slice(&plain).ok()
            }
            _ => None,
        };
        Self {
            moment,
            stored,
            plain: plain.into_owned(),
            object,
            json,
            is_locked,
            is_secret,
        }
    }

    fn uid(&self) -> Option<&str> {
        self.object.as_ref()?.uid()
    }

    fn value(&self) -> Option<&Value> {
        self.object
            .as_ref()
            .map(|object| &object.json)
            .or(self.json.as_ref())
    }
}

/// Fills in what differs.
pub(super) fn compare(item: &mut Item, old: Option<State>, new: Option<State>) {
    let shown = new.as_ref().or(old.as_ref());
    if let Some(object) = shown.and_then(|state| state.object.as_ref()) {
        item.api_version.clone_from(&object.description.api_version);
        item.kind.clone_from(&object.description.kind);
        item.namespace = object.namespace().map(str::to_string);
        item.name = object.name().map(str::to_string);
    }
    let (Some(old), Some(new)) = (&old, &new) else {
        if let Some(state) = shown {
            item.is_locked = state.is_locked;
        }
        return;
    };
    item.is_locked = old.is_locked || new.is_locked;
    let is_other_life = old.moment.create_revision != new.moment.create_revision
        || matches!((old.uid(), new.uid()), (Some(a), Some(b)) if a != b);
    let is_encrypted = [old.stored, new.stored].contains(&Encoding::Encrypted);
    let fields = match (old.value(), new.value()) {
        (Some(a), Some(b)) => {
            let schema = new.object.as_ref().map_or(KindSchema(None), KindSchema::of);
            Some(
                differences(a, b, &schema)
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
        (true, _) => Change::Recreated,
        (false, false) => Change::Changed,
        (false, true) if old.plain == new.plain && !is_encrypted => Change::Touched("same-bytes"),
        (false, true) if is_encrypted => Change::Touched("re-encrypted"),
        (false, true) => Change::Touched("re-encoded"),
    };
    if let (Some(a), Some(b)) = (old.value(), new.value())
        && !is_same
    {
        item.patch = Some(patch(a, b));
    }
    item.has_secret = old.is_secret || new.is_secret;
    item.fields = fields
        .unwrap_or_default()
        .into_iter()
        .map(|d| FieldChange {
            path: d.path,
            old: d.old.cloned(),
            new: d.new.cloned(),
        })
        .collect();
}

fn is_resource_version(path: &FieldPath) -> bool {
    let mut fields = path.fields();
    fields.next() == Some("metadata") && fields.next() == Some("resourceVersion")
}

/// RFC 6902, without the resource version, which is no content.
fn patch(old: &Value, new: &Value) -> Value {
    let strip = |value: &Value| {
        let mut value = value.clone();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        value
    };
    serde_json::to_value(json_patch::diff(&strip(old), &strip(new))).unwrap_or(Value::Null)
}
