//! Objects as manifests that can be applied again.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::Value;

use super::list::{FoundObject, ObjectList, objects};
use super::reader::ValueReader;
use super::wanted::ObjectsQuery;
use crate::error::{Error, Result};
use crate::kubernetes::apply::clean::{
    Caution, Maker, cautions, clean, is_changed_by_users, maker, passing_version, put_last_applied,
    take_last_applied, use_stable_version,
};
use crate::kubernetes::apply::order::step_order;
use crate::kubernetes::apply::served::CustomKinds;
use crate::kubernetes::apply::step::StepVerb;
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::kubernetes::{Description, Flaw, Object};
use crate::ops::session::Session;

/// What to export.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Nothing is removed from the objects.
    pub as_stored: bool,
    /// Also objects that a cluster makes itself: see [`Maker`].
    pub include_owned: bool,
    /// Keeps the annotation in which `kubectl apply` notes what it was given. `kubectl create` would rewrite it.
    pub keep_last_applied: bool,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Exported {
    /// The manifest.
    Manifest(Value),
    /// Somebody else makes it again.
    Owned,
    /// It holds secrets, which are not to be shown.
    Secret,
    /// It stays encrypted. Where it is a Secret and secrets are not to be shown, it would be left out all the same.
    Locked {
        /// Why.
        error: DecryptError,
        /// Whether it is such a Secret.
        is_secret: bool,
    },
    /// It cannot be decoded, or only in part; why.
    Unreadable(String),
    /// Its value is not what its key promises.
    Damaged(Flaw),
}

/// What became of one object, and what to know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedObject {
    /// Who makes it in another cluster. If there is a manifest all the same, somebody has changed the object, and
    /// nobody else would change it in the other cluster.
    pub maker: Option<Maker>,
    /// What to look at before it is applied.
    pub cautions: Vec<Caution>,
    /// Its owner references, which the manifest does not have: their uids are those of another cluster.
    pub owners: Vec<Value>,
    /// What became of it.
    pub exported: Exported,
}

impl From<Exported> for ExportedObject {
    fn from(exported: Exported) -> Self {
        Self {
            maker: None,
            cautions: Vec::new(),
            owners: Vec::new(),
            exported,
        }
    }
}

/// Objects that are to be exported, in the order in which they are to be applied.
#[derive(Debug)]
pub struct ExportList<'i> {
    /// The objects.
    pub list: ObjectList<'i>,
    /// The Services that have selectors, as far as it matters for the objects.
    services: HashSet<(Box<str>, Box<str>)>,
    /// The Services that are among the objects, as far as it matters for them.
    own_services: HashSet<(Box<str>, Box<str>)>,
    /// The PersistentVolumes that are.
    own_volumes: HashSet<(Box<str>, Box<str>)>,
    /// What definitions say of the kinds of the objects.
    custom: CustomKinds,
}

/// What must be known about objects that are not asked for.
const AROUND: [&str; 3] = ["namespaces", "services", "customresourcedefinitions"];

/// Kinds for which the API server calls Services.
const CALLERS: [(&str, &str); 4] = [
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
    ),
    ("apiregistration.k8s.io", "APIService"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

/// Lists objects in the order in which they are to be applied. Where a namespace is chosen and nothing else, the
/// Namespace is one of them.
///
/// # Errors
/// As [`objects`].
pub fn objects_to_apply<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    reader: &ValueReader,
) -> Result<ExportList<'i>> {
    let mut list = objects(session, query, reader)?;
    let is_selective = !query.kinds.is_empty()
        || !query.pairs.is_empty()
        || query.labels.is_some()
        || query.fields.is_some();
    let namespaces: Vec<&String> = match is_selective || list.found.is_empty() {
        true => Vec::new(),
        false => query
            .namespaces
            .iter()
            .filter(|namespace| !list.has_namespace(namespace))
            .collect(),
    };
    let has_addresses = list.has("", "Endpoints") || list.has("discovery.k8s.io", "EndpointSlice");
    let has_custom = list.kinds.iter().any(|kind| kind.resource.custom.is_some());
    let has_everything = !is_selective && query.namespaces.is_empty() && !query.is_deleted;
    let is_enough = has_everything || namespaces.is_empty() && !has_addresses && !has_custom;
    let around = match is_enough {
        true => None,
        false => {
            let around = ObjectsQuery {
                kinds: AROUND.map(str::to_owned).to_vec(),
                namespaces: query.namespaces.clone(),
                revision: query.revision,
                ..ObjectsQuery::default()
            };
            Error::unless_query(objects(session, &around, reader))?
        }
    };
    let known = around.as_ref().unwrap_or(&list);
    let mut services = HashSet::new();
    if has_addresses {
        services = known.services_with_selector(session, reader)?;
    }
    let mut custom = CustomKinds::default();
    if has_custom {
        custom = known.custom_kinds(session, reader)?;
    }
    if query.is_deleted {
        // What stands around a deleted object may have gone with it.
        services.extend(list.services_with_selector(session, reader)?);
        custom.add_missing(&list.custom_kinds(session, reader)?);
    }
    let mut around = around.filter(|_| !namespaces.is_empty());
    if query.is_deleted && around.is_some() {
        // A Namespace that is there is not created again.
        let gone = ObjectsQuery {
            kinds: vec!["namespaces".into()],
            revision: query.revision,
            is_deleted: true,
            ..ObjectsQuery::default()
        };
        around = Error::unless_query(objects(session, &gone, reader))?;
    }
    if let Some(around) = around {
        list.take_namespaces(around, &namespaces);
    }
    list.sort_for_application();
    let mut own_services = HashSet::new();
    if CALLERS.iter().any(|(group, kind)| list.has(group, kind)) {
        own_services = list.names_of("", "Service");
    }
    let mut own_volumes = HashSet::new();
    if list.has("", "PersistentVolumeClaim") {
        own_volumes = list.names_of("", "PersistentVolume");
    }
    Ok(ExportList {
        list,
        services,
        own_services,
        own_volumes,
        custom,
    })
}

impl<'i> ObjectList<'i> {
    fn has_namespace(&self, name: &str) -> bool {
        self.of_kind("", "Namespace")
            .any(|found| *found.name == *name)
    }

    /// True when there are objects of a kind.
    fn has(&self, group: &str, kind: &str) -> bool {
        self.of_kind(group, kind).next().is_some()
    }

    /// Namespaces and names of the objects of a kind.
    fn names_of(&self, group: &str, kind: &str) -> HashSet<(Box<str>, Box<str>)> {
        self.of_kind(group, kind)
            .map(|found| (found.namespace.clone(), found.name.clone()))
            .collect()
    }

    /// The objects of a kind.
    fn of_kind<'l>(
        &'l self,
        group: &'l str,
        kind: &'l str,
    ) -> impl Iterator<Item = &'l FoundObject> {
        self.found.iter().filter(move |found| {
            self.kind(found)
                .is_some_and(|known| known.resource.group == group && known.resource.kind == kind)
        })
    }

    /// Leaves out the objects of a kind.
    pub fn leave_out(&mut self, group: &str, kind: &str) {
        let kinds = &self.kinds;
        self.found.retain(|found| {
            kinds
                .get(found.kind as usize)
                .is_none_or(|known| known.resource.group != group || known.resource.kind != kind)
        });
    }

    /// Takes Namespaces from another list of the same file, which are not in this one.
    fn take_namespaces(&mut self, other: ObjectList<'i>, names: &[&String]) {
        let shift = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        let wanted = other
            .of_kind("", "Namespace")
            .filter(|found| names.iter().any(|name| **name == *found.name));
        for found in wanted {
            self.damaged.extend(other.damage(found).cloned());
            let mut found = found.clone();
            found.kind = found.kind.saturating_add(shift);
            self.found.push(found);
        }
        self.damaged.sort_unstable_by_key(|one| one.place);
        self.deletions.extend(other.deletions);
        self.deletions.sort_unstable_by_key(|(place, _)| *place);
        self.kinds.extend(other.kinds);
    }

    fn sort_for_application(&mut self) {
        // What a definition defines comes late: it takes a moment until a server knows it.
        let places: Vec<(u8, bool)> = self
            .kinds
            .iter()
            .map(|kind| {
                let resource = &kind.resource;
                let place = step_order(StepVerb::Create, &kind.api_version, &resource.kind, false);
                (place, resource.custom.is_some())
            })
            .collect();
        let place = |found: &FoundObject| places.get(found.kind as usize).copied();
        // Within a kind they stay in order.
        self.found.sort_unstable_by(|a, b| {
            (place(a), a.kind, &a.namespace, &a.name).cmp(&(
                place(b),
                b.kind,
                &b.namespace,
                &b.name,
            ))
        });
    }

    fn services_with_selector(
        &self,
        session: &Session<'i>,
        reader: &ValueReader,
    ) -> Result<HashSet<(Box<str>, Box<str>)>> {
        let mut services = HashSet::new();
        let has_selector = |service: &Value| {
            let selector = service.pointer("/spec/selector").and_then(Value::as_object);
            selector.is_some_and(|labels| !labels.is_empty())
        };
        self.each_of_kind(
            session,
            reader,
            ("", "Service"),
            has_selector,
            |found, has| {
                if has {
                    services.insert((found.namespace.clone(), found.name.clone()));
                }
            },
        )?;
        Ok(services)
    }

    fn custom_kinds(&self, session: &Session<'i>, reader: &ValueReader) -> Result<CustomKinds> {
        let mut kinds = CustomKinds::default();
        self.each_of_kind(
            session,
            reader,
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            |definition| {
                let mut kind = CustomKinds::default();
                kind.add(definition);
                kind
            },
            |_, kind| kinds.add_missing(&kind),
        )?;
        Ok(kinds)
    }

    /// Gives what `make` makes of the objects of a kind to `each`, as far as they can be read.
    fn each_of_kind<T: Send>(
        &self,
        session: &Session<'i>,
        reader: &ValueReader,
        (group, kind): (&str, &str),
        make: impl Fn(&Value) -> T + Sync,
        mut each: impl FnMut(&FoundObject, T),
    ) -> Result<()> {
        for few in self.found.chunk_by(|a, b| a.kind == b.kind) {
            let known = few.first().and_then(|found| self.kind(found));
            if known
                .is_none_or(|known| known.resource.group != group || known.resource.kind != kind)
            {
                continue;
            }
            self.fetch(
                session,
                few,
                |key, value, revision| {
                    let object = reader.object_of(key, value, revision).ok()?;
                    Some(make(&object.json))
                },
                |found, made| {
                    if let Some(made) = made.flatten() {
                        each(found, made);
                    }
                    ControlFlow::Continue(())
                },
            )?;
        }
        Ok(())
    }
}

/// Gives each object as a manifest to `each`, or why it is none.
///
/// # Errors
/// Reading, cancelling.
pub fn export<'i, 'l>(
    session: &Session<'i>,
    all: &'l ExportList<'i>,
    reader: &ValueReader,
    options: ExportOptions,
    mut each: impl FnMut(&'l FoundObject, ExportedObject) -> ControlFlow<()>,
) -> Result<()> {
    let list = &all.list;
    list.fetch(
        session,
        &list.found,
        |key, value, revision| all.exported(key, value, revision, reader, options),
        |found, exported| {
            let lost = || Exported::Unreadable("its value cannot be read any more".into());
            let is_secret = list.kind(found).is_some_and(|kind| {
                kind.resource.group.is_empty() && kind.resource.kind == "Secret"
            });
            let damage = list.damage(found).map(|damaged| &damaged.flaw);
            let exported = exported.unwrap_or_else(|| lost().into());
            let exported = match exported.exported {
                _ if found.is_damaged => match damage {
                    Some(flaw) => Exported::Damaged(flaw.clone()).into(),
                    None => lost().into(),
                },
                Exported::Locked { error, .. } => Exported::Locked {
                    error,
                    is_secret: is_secret && reader.redactor.is_some(),
                }
                .into(),
                _ => exported,
            };
            each(found, exported)
        },
    )
}

impl ExportList<'_> {
    fn exported(
        &self,
        key: &[u8],
        value: &[u8],
        revision: i64,
        reader: &ValueReader,
        options: ExportOptions,
    ) -> ExportedObject {
        let object = match decoded(key, value, revision, reader) {
            Ok(object) => object,
            Err(exported) => return exported.into(),
        };
        let has_selector =
            |namespace: &str, name: &str| self.services.contains(&(namespace.into(), name.into()));
        let maker = match options.include_owned {
            true => None,
            false => maker(&object.json, has_selector),
        };
        if let Some(maker) = maker
            && !is_changed_by_users(&object.json, maker)
        {
            return ExportedObject {
                maker: Some(maker),
                ..Exported::Owned.into()
            };
        }
        let references = object.json.pointer("/metadata/ownerReferences");
        let owners = references.and_then(Value::as_array).cloned();
        let mut cautions = cautions(&object.json);
        cautions.retain(|caution| match caution {
            Caution::Calls(namespace, name) => {
                let service = (namespace.as_str().into(), name.as_str().into());
                !self.own_services.contains(&service)
            }
            Caution::Bound(volume) => !self
                .own_volumes
                .contains(&("".into(), volume.as_str().into())),
            _ => true,
        });
        let mut exported = cleaned(key, object, reader, options, |object| {
            self.custom.has_plain_status(object)
        });
        if let Exported::Manifest(json) = &mut exported
            && !options.as_stored
        {
            use_stable_version(json);
            let unserved = passing_version(json).or_else(|| self.custom.serve(json));
            cautions.extend(unserved.map(Caution::Version));
        }
        ExportedObject {
            maker,
            cautions,
            owners: owners.unwrap_or_default(),
            exported,
        }
    }
}

fn decoded(
    key: &[u8],
    value: &[u8],
    revision: i64,
    reader: &ValueReader,
) -> Result<Object, Exported> {
    if let Some(error) = reader.locked(key, value) {
        return Err(Exported::Locked {
            error,
            is_secret: false,
        });
    }
    reader
        .object_of(key, value, revision)
        .map_err(|error| Exported::Unreadable(error.to_string()))
}

fn cleaned(
    key: &[u8],
    object: Object,
    reader: &ValueReader,
    options: ExportOptions,
    has_plain_status: impl Fn(&Value) -> bool,
) -> Exported {
    if object.description.is_partial() {
        return Exported::Unreadable(match &object.description {
            description if description.undecoded.is_some() => format!(
                "the kind {} {} is not known, so only its metadata can be decoded",
                description.api_version, description.kind
            ),
            Description {
                error: Some(error), ..
            } => format!("it can only be decoded in part: {error}"),
            _ => "it can only be decoded in part: it has fields that are not known".into(),
        });
    }
    let mut json = object.json;
    let mut last_applied = None;
    if !options.as_stored {
        let status = match has_plain_status(&json) {
            true => json.get_mut("status").map(Value::take),
            false => None,
        };
        clean(&mut json);
        if let (Some(status), Some(members)) = (status, json.as_object_mut()) {
            members.insert("status".into(), status);
        }
        last_applied = take_last_applied(&mut json);
    }
    // A file that is meant to be applied never holds a mark instead of a secret: an object in which anything is to be
    // hidden is left out whole.
    if let Some(redactor) = &reader.redactor
        && redactor.redact_stored(key, &mut json)
    {
        return Exported::Secret;
    }
    // An old copy of a secret is not a reason to leave the object out: it goes without the copy.
    if let Some(mut note) = last_applied.filter(|_| options.keep_last_applied) {
        let redactor = reader.redactor.as_ref();
        if !redactor.is_some_and(|redactor| redactor.redact_stored(key, &mut note)) {
            put_last_applied(&mut json, note);
        }
    }
    Exported::Manifest(json)
}
