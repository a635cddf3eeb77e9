//! Objects as manifests that can be applied again.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::Value;

use super::list::{FoundObject, ObjectList, objects};
use super::reader::ValueReader;
use super::wanted::{KindFault, ObjectsQuery};
use crate::error::Result;
use crate::kubernetes::apply::clean::{
    Caution, Maker, cautions, clean, is_changed_by_users, maker, passing_version, put_last_applied,
    take_last_applied, use_stable_version,
};
use crate::kubernetes::apply::order::step_order;
use crate::kubernetes::apply::step::StepVerb;
use crate::kubernetes::{Flaw, Object};
use crate::ops::session::Session;

/// What to export.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// Nothing is removed from the objects.
    pub as_stored: bool,
    /// Also objects that a cluster makes itself: see [`Maker`].
    pub include_owned: bool,
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

/// Lists objects in the order in which they are to be applied. Where a namespace is chosen and no object by its name,
/// the Namespace is one of them. The inner error is a word that is not a kind.
///
/// # Errors
/// As [`objects`].
pub fn objects_to_apply<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    reader: &ValueReader,
) -> Result<Result<ObjectList<'i>, KindFault>> {
    let mut list = match objects(session, query, reader)? {
        Ok(list) => list,
        fault => return Ok(fault),
    };
    if let Some(namespace) = &query.namespace
        && query.pairs.is_empty()
        && !list.found.is_empty()
        && !list.has_namespace(namespace)
    {
        let itself = ObjectsQuery {
            pairs: vec![("namespaces".into(), namespace.clone())],
            revision: query.revision,
            ..ObjectsQuery::default()
        };
        if let Ok(itself) = objects(session, &itself, reader)? {
            list.take_in(itself);
        }
    }
    list.sort_for_application();
    Ok(Ok(list))
}

impl<'i> ObjectList<'i> {
    /// True when the Namespace of that name is among the objects.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.of_kind("", "Namespace")
            .any(|found| *found.name == *name)
    }

    /// The objects of a kind.
    pub fn of_kind<'l>(
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

    /// The objects of another list of the same file, which are not in this one.
    fn take_in(&mut self, other: ObjectList<'i>) {
        let shift = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        self.kinds.extend(other.kinds);
        self.found.extend(other.found.into_iter().map(|mut found| {
            found.kind = found.kind.saturating_add(shift);
            found
        }));
        self.damaged.extend(other.damaged);
        self.damaged.sort_unstable_by_key(|one| one.place);
    }

    fn sort_for_application(&mut self) {
        // What a definition defines comes late: it takes a moment until a server knows it.
        let places: Vec<(u8, bool)> = self
            .kinds
            .iter()
            .map(|kind| {
                let resource = &kind.resource;
                let place = step_order(StepVerb::Create, &kind.api_version, &resource.kind);
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
        let is_service = |found: &FoundObject| {
            self.kind(found).is_some_and(|kind| {
                kind.resource.group.is_empty() && kind.resource.kind == "Service"
            })
        };
        for few in self.found.chunk_by(|a, b| a.kind == b.kind) {
            if !few.first().is_some_and(is_service) {
                continue;
            }
            self.fetch(
                session,
                few,
                |key, value, revision| {
                    let object = reader.object_of(key, value, revision).ok()?;
                    let selector = object.json.get("spec")?.get("selector")?;
                    selector.as_object().filter(|labels| !labels.is_empty())?;
                    Some(())
                },
                |found, has_selector| {
                    if has_selector.flatten().is_some() {
                        services.insert((found.namespace.clone(), found.name.clone()));
                    }
                    ControlFlow::Continue(())
                },
            )?;
        }
        Ok(services)
    }
}

/// Which Services have selectors, as far as it matters for what is listed.
fn selected_services<'i>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    list: &ObjectList<'i>,
    reader: &ValueReader,
) -> Result<HashSet<(Box<str>, Box<str>)>> {
    let mut addresses = list
        .of_kind("", "Endpoints")
        .chain(list.of_kind("discovery.k8s.io", "EndpointSlice"));
    if addresses.next().is_none() {
        return Ok(HashSet::new());
    }
    let has_all_services = query.kinds.is_empty()
        && query.pairs.is_empty()
        && query.labels.is_none()
        && query.fields.is_none();
    if has_all_services {
        return list.services_with_selector(session, reader);
    }
    let services = ObjectsQuery {
        kinds: vec!["services".into()],
        namespace: query.namespace.clone(),
        revision: query.revision,
        ..ObjectsQuery::default()
    };
    match objects(session, &services, reader)? {
        Ok(services) => services.services_with_selector(session, reader),
        Err(_) => Ok(HashSet::new()),
    }
}

/// Gives each object of `list`, which `query` has chosen, as a manifest to `each`, or why it is none.
///
/// # Errors
/// Reading, cancelling.
pub fn export<'i, 'l>(
    session: &mut Session<'i>,
    query: &ObjectsQuery,
    list: &'l ObjectList<'i>,
    reader: &ValueReader,
    options: ExportOptions,
    mut each: impl FnMut(&'l FoundObject, ExportedObject) -> ControlFlow<()>,
) -> Result<()> {
    let services = match options.include_owned {
        true => HashSet::new(),
        false => selected_services(session, query, list, reader)?,
    };
    let has_selector = |namespace: &str, name: &str| {
        !services.is_empty() && services.contains(&(namespace.into(), name.into()))
    };
    list.fetch(
        session,
        &list.found,
        |key, value, revision| exported(key, value, revision, reader, options, has_selector),
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
                // It would be left out all the same if there were a key for it.
                Exported::Unreadable(_)
                    if is_secret && found.is_locked && reader.redactor.is_some() =>
                {
                    Exported::Secret.into()
                }
                _ => exported,
            };
            each(found, exported)
        },
    )
}

fn exported(
    key: &[u8],
    value: &[u8],
    revision: i64,
    reader: &ValueReader,
    options: ExportOptions,
    has_selector: impl Fn(&str, &str) -> bool,
) -> ExportedObject {
    let object = match decoded(key, value, revision, reader) {
        Ok(object) => object,
        Err(exported) => return exported.into(),
    };
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
    let mut exported = cleaned(key, object, reader, options.as_stored);
    if let Exported::Manifest(json) = &mut exported
        && !options.as_stored
    {
        use_stable_version(json);
        cautions.extend(passing_version(json).map(Caution::Version));
    }
    ExportedObject {
        maker,
        cautions,
        owners: owners.unwrap_or_default(),
        exported,
    }
}

fn decoded(
    key: &[u8],
    value: &[u8],
    revision: i64,
    reader: &ValueReader,
) -> Result<Object, Exported> {
    if let Err(fault) = reader.plain(key, value) {
        return Err(Exported::Unreadable(fault.to_string()));
    }
    reader
        .object_of(key, value, revision)
        .map_err(|fault| Exported::Unreadable(fault.to_string()))
}

fn cleaned(key: &[u8], object: Object, reader: &ValueReader, as_stored: bool) -> Exported {
    if object.description.is_partial() {
        return Exported::Unreadable("it can only be decoded in part".into());
    }
    let mut json = object.json;
    let mut last_applied = None;
    if !as_stored {
        clean(&mut json);
        last_applied = take_last_applied(&mut json);
    }
    // A file that is meant to be applied never holds a mark instead of a secret: an object in which anything is to be
    // hidden is left out whole.
    if let Some(redactor) = &reader.redactor
        && redactor.redact_stored(key, &mut json)
    {
        return Exported::Secret;
    }
    // An old copy of a secret is no reason to leave the object out: it goes without the copy.
    if let Some(mut note) = last_applied {
        let redactor = reader.redactor.as_ref();
        if !redactor.is_some_and(|redactor| redactor.redact_stored(key, &mut note)) {
            put_last_applied(&mut json, note);
        }
    }
    Exported::Manifest(json)
}
