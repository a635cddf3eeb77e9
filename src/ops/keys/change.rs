//! What a change of a key did: which fields came, went or are others now, what a deletion took, and who wrote it.

use serde_json::Value;

use crate::etcd::keyspace::{RecordFacts, RecordPlace};
use crate::kubernetes::compare::difference::{FieldPath, differences, leaves};
use crate::kubernetes::compare::kind_schema::KindSchema;
use crate::kubernetes::compare::writers::{
    ChangedField, Writer, creation, creators, writers_of_change,
};
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::kubernetes::{Flaw, Object};
use crate::ops::objects::reader::{ReadValue, ValueContent, ValueReader};
use crate::ops::objects::{PlainValue, PlainValues};

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It came to be, as far as the file remembers for the first time.
    Create,
    /// It came to be again.
    Recreate,
    /// It got another value.
    Update,
    /// It went away.
    Delete,
}

impl Action {
    /// What a record did to a key, of which another record is known to come before it or not.
    pub(super) fn of(is_tombstone: bool, version: i64, is_known: bool) -> Self {
        match (is_tombstone, version) {
            (true, _) => Self::Delete,
            (false, ..=1) if is_known => Self::Recreate,
            (false, ..=1) => Self::Create,
            (false, _) => Self::Update,
        }
    }

    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Recreate => "re-create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A field that changed, secrets hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Where.
    pub path: FieldPath,
    /// What was there.
    pub old: Option<Value>,
    /// What is there now.
    pub new: Option<Value>,
}

impl FieldChange {
    /// The change that takes this one back.
    pub fn reversed(&self) -> Self {
        Self {
            path: self.path.clone(),
            old: self.new.clone(),
            new: self.old.clone(),
        }
    }

    /// True for what names an object and what a server assigns, which every object has.
    pub fn is_identity(&self) -> bool {
        let mut fields = self.path.fields();
        match fields.next() {
            Some("apiVersion" | "kind") => true,
            Some("metadata") => matches!(
                fields.next(),
                Some(
                    "creationTimestamp"
                        | "generation"
                        | "managedFields"
                        | "name"
                        | "namespace"
                        | "resourceVersion"
                        | "selfLink"
                        | "uid"
                )
            ),
            _ => false,
        }
    }

    /// In which order the fields of a new object are told: what somebody wants it to be comes first.
    fn rank(&self) -> u8 {
        match self.path.fields().next() {
            _ if self.is_identity() => 3,
            Some("status") => 2,
            Some("metadata") => 1,
            _ => 0,
        }
    }
}

/// How a value differs from the one before it.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueChange {
    /// There is nothing to compare it with.
    Unknown,
    /// The same bytes.
    Same,
    /// Objects of Kubernetes: the fields, and how many more there are. None: the same object in other bytes.
    Fields(Vec<FieldChange>, u64),
    /// Nothing but `metadata.managedFields`.
    ManagedFields,
    /// Other bytes, or the first ones: not both are objects.
    Bytes(PlainValues),
}

/// Who an object is, as far as it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedObject {
    /// `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// What a deletion took.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Who the object was, if it was one that can be read.
    pub object: Option<NamedObject>,
    /// The last record.
    pub facts: RecordFacts,
}

impl Taken {
    pub(super) fn of(state: &State, facts: RecordFacts) -> Self {
        Self {
            object: state.identity(),
            facts: RecordFacts {
                // It is not read again.
                place: RecordPlace::default(),
                ..facts
            },
        }
    }
}

/// The most fields that are told of a new object.
const MOST_FIELDS: usize = 1000;

/// Makes of values what is compared.
pub(super) struct StateReader {
    /// It keeps managed fields, since these tell who wrote something.
    reader: ValueReader,
    shows_managed_fields: bool,
}

impl StateReader {
    pub(super) fn new(reader: &ValueReader) -> Self {
        Self {
            shows_managed_fields: reader.managed_fields,
            reader: ValueReader {
                managed_fields: true,
                ..reader.clone()
            },
        }
    }

    pub(super) fn state(&self, key: &[u8], value: &[u8], mod_revision: i64) -> State {
        let ReadValue {
            plain,
            content,
            locked,
            too_large,
            ..
        } = self.reader.read(key, value, mod_revision);
        let (mut object, mark) = match content {
            ValueContent::Object(object) => (Some(*object), None),
            ValueContent::Hidden(mark) => (None, Some(mark)),
            ValueContent::Bytes => (None, None),
        };
        let metadata = object.as_mut().and_then(|o| o.json.get_mut("metadata"));
        let metadata = metadata.and_then(Value::as_object_mut);
        let managed = metadata.and_then(|metadata| match self.shows_managed_fields {
            true => metadata.get("managedFields").cloned(),
            false => metadata.remove("managedFields"),
        });
        State {
            bytes: plain.into_owned(),
            mark,
            is_too_large: too_large.is_some(),
            object,
            managed,
            locked,
        }
    }
}

/// A value as it is compared.
pub(super) struct State {
    bytes: Vec<u8>,
    /// What to show in place of a value that is hidden.
    mark: Option<String>,
    is_too_large: bool,
    object: Option<Object>,
    managed: Option<Value>,
    pub(super) locked: Option<DecryptError>,
}

impl State {
    /// Who the object is.
    pub(super) fn identity(&self) -> Option<NamedObject> {
        let object = self.object.as_ref()?;
        Some(NamedObject {
            api_version: object.description.api_version.clone(),
            kind: object.description.kind.clone(),
            namespace: object.namespace().map(str::to_string),
            name: object.name().map(str::to_string),
        })
    }

    fn managed(&self) -> &[Value] {
        let list = self.managed.as_ref().and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// A value that nobody looks at.
    pub(super) fn unread() -> Self {
        Self {
            bytes: Vec::new(),
            mark: None,
            is_too_large: false,
            object: None,
            managed: None,
            locked: None,
        }
    }
}

/// How a put changed the value of a key. `old` is the value before it; of a key that was deleted in between, the last
/// one before that. `flaw` is how the new one is not what its key promises.
pub(super) fn change(
    action: Action,
    old: Option<&State>,
    new: &State,
    flaw: Option<&Flaw>,
) -> ValueChange {
    let mut change = match (action, old) {
        (Action::Create | Action::Recreate, None) => match &new.object {
            Some(object) => brought(object),
            None => ValueChange::Bytes(plain_values(None, new)),
        },
        (_, None) => ValueChange::Unknown,
        (_, Some(old)) => compare(old, new),
    };
    match &mut change {
        ValueChange::Fields(fields, _) if action == Action::Recreate => {
            fields.sort_by_key(FieldChange::rank);
        }
        ValueChange::Bytes(values) => {
            if flaw.is_some() {
                *values = PlainValues::default();
            }
            if old.is_none() && values.new.is_none() {
                change = ValueChange::Unknown;
            }
        }
        _ => {}
    }
    change
}

/// The values themselves. Of what stays encrypted, or is too large to be read, nothing can be told.
fn plain_values(old: Option<&State>, new: &State) -> PlainValues {
    let mut states = old.into_iter().chain([new]);
    if states.any(|state| state.locked.is_some() || state.is_too_large) {
        return PlainValues::default();
    }
    let value =
        |state: &State| PlainValue::of(&state.bytes, state.object.as_ref(), state.mark.as_deref());
    PlainValues {
        old: old.map(value),
        new: Some(value(new)),
    }
}

/// Who wrote the new value, as far as its managed fields tell.
pub(super) fn writers(old: Option<&State>, new: &State, change: &ValueChange) -> Vec<Writer> {
    let changed: Vec<ChangedField<'_>> = match change {
        ValueChange::Fields(fields, _) => fields
            .iter()
            .map(|field| (&field.path, field.new.as_ref()))
            .collect(),
        ValueChange::ManagedFields => Vec::new(),
        // Nobody wrote what is the same; of other bytes nothing is known.
        ValueChange::Unknown | ValueChange::Same | ValueChange::Bytes(_) => return Vec::new(),
    };
    let Some(object) = &new.object else {
        return Vec::new();
    };
    // Another life of the object had managers of its own.
    let is_same = |old: &&State| old.object.as_ref().and_then(Object::uid) == object.uid();
    match old.filter(is_same) {
        Some(old) => writers_of_change(old.managed(), new.managed(), &changed).known,
        None => creators(new.managed(), creation(&object.json)),
    }
}

/// All fields of a new object, those last that every object has.
fn brought(object: &Object) -> ValueChange {
    let mut by_rank: [Vec<FieldChange>; 4] = Default::default();
    let mut total = 0u64;
    leaves(
        &object.json,
        &KindSchema::of(object),
        &mut |path, value: &Value| {
            if is_resource_version(path) {
                return;
            }
            total = total.saturating_add(1);
            let mut field = FieldChange {
                path: FieldPath::default(),
                old: None,
                new: None,
            };
            field.path.clone_from(path);
            let of_rank = by_rank.get_mut(usize::from(field.rank()));
            if let Some(of_rank) = of_rank.filter(|fields| fields.len() < MOST_FIELDS) {
                field.new = Some(value.clone());
                of_rank.push(field);
            }
        },
    );
    let mut fields: Vec<FieldChange> = by_rank.into_iter().flatten().collect();
    fields.truncate(MOST_FIELDS);
    let left = total.saturating_sub(fields.len() as u64);
    ValueChange::Fields(fields, left)
}

fn compare(old: &State, new: &State) -> ValueChange {
    if old.bytes == new.bytes {
        return ValueChange::Same;
    }
    let (Some(before), Some(after)) = (&old.object, &new.object) else {
        return ValueChange::Bytes(plain_values(Some(old), new));
    };
    let schema = KindSchema::of(after);
    let fields = differences(&before.json, &after.json, &schema, usize::MAX)
        .into_iter()
        .filter(|d| !is_resource_version(&d.path))
        .map(|d| FieldChange {
            path: d.path,
            old: d.old.cloned(),
            new: d.new.cloned(),
        });
    let fields: Vec<FieldChange> = fields.collect();
    match fields.is_empty() && old.managed != new.managed {
        true => ValueChange::ManagedFields,
        false => ValueChange::Fields(fields, 0),
    }
}

fn is_resource_version(path: &FieldPath) -> bool {
    let mut fields = path.fields();
    fields.next() == Some("metadata") && fields.next() == Some("resourceVersion")
}
