//! The steps that create exported objects in a cluster, each after what it needs.
//!
//! There may be as many as there are objects. Of each is kept what cannot be told from the object again; the step itself
//! is made when it is written.

use std::collections::HashMap;

use serde_json::Value;

use super::list::{FoundObject, ObjectList};
use crate::kubernetes::apply::order::is_gate;
use crate::kubernetes::apply::step::{Step, StepOwner, StepTarget, StepVerb, unversioned};

/// Steps in the making, one for each object, in the order in which the objects come.
#[derive(Debug, Default)]
pub struct ExportSteps<'l> {
    creations: Vec<Creation<'l>>,
    /// The versions in which objects are created.
    versions: Names,
    /// The owners of all steps, in the order of these.
    owners: Vec<Owner>,
    owner_kinds: OwnerKinds,
    /// The first step that creates what may refuse others.
    first_gate: Option<usize>,
    /// The steps that make namespaces, by name, and definitions, by plural and group.
    namespaces: HashMap<&'l str, u32>,
    definitions: HashMap<&'l str, u32>,
}

/// What is kept of a step.
#[derive(Debug, Clone, Copy)]
struct Creation<'l> {
    found: &'l FoundObject,
    /// Its place among the versions.
    version: u32,
    /// The steps that make its namespace and its definition, or [`NOWHERE`].
    needs: [u32; 2],
}

// One is kept for each object that is exported.
const _: () = assert!(size_of::<Creation<'_>>() <= 24);

const NOWHERE: u32 = u32::MAX;

/// An owner of what a step creates.
#[derive(Debug)]
struct Owner {
    step: u32,
    /// Its place among the kinds of owners.
    kind: u32,
    name: Box<str>,
}

const _: () = assert!(size_of::<Owner>() <= 24);

/// Texts of which there are few.
#[derive(Debug, Default)]
struct Names {
    list: Vec<String>,
    places: HashMap<String, u32>,
}

impl Names {
    fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = number(self.list.len());
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }
}

/// What owners have in common but for their names.
#[derive(Debug, Default)]
struct OwnerKinds {
    references: Names,
    /// With no name.
    owners: Vec<StepOwner>,
}

impl OwnerKinds {
    fn place(&mut self, owner: &mut StepOwner) -> u32 {
        set_name(&mut owner.reference, "");
        let place = self.references.place(&owner.reference.to_string());
        if self.owners.len() <= place as usize {
            self.owners.push(StepOwner {
                name: String::new(),
                ..owner.clone()
            });
        }
        place
    }
}

fn set_name(reference: &mut Value, name: &str) {
    if let Some(members) = reference.as_object_mut() {
        members.insert("name".into(), name.into());
    }
}

/// All steps, in the order in which they are to be taken: some that create, those that give objects their owners, which
/// are created later than them, then those that create what may refuse others, and what comes after it.
#[derive(Debug)]
pub struct PlannedExport<'l, 'i> {
    list: &'l ObjectList<'i>,
    steps: ExportSteps<'l>,
    /// The number of creations that come before the adoptions.
    adopted_after: usize,
    /// The creations before the adoptions, by resource, namespace and name; none where nothing has owners.
    by_name: Vec<u32>,
    /// `deployments.apps`, by the places of the kinds of objects, and of owners.
    resources: Vec<String>,
    owner_resources: Vec<String>,
    /// The creations of which the objects are adopted.
    late: Vec<u32>,
}

/// Which step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportStep {
    /// It creates an object: in which place this was added.
    Creation(usize),
    /// It gives an object its owners: the number of the step among these.
    Adoption(usize),
}

impl<'l> ExportSteps<'l> {
    /// Adds the step that creates an object, with its manifest and the owner references that this does not have. False
    /// when no API server would take its name.
    pub fn add(
        &mut self,
        list: &ObjectList<'_>,
        found: &'l FoundObject,
        manifest: &Value,
        owners: &[Value],
    ) -> bool {
        let api_version = manifest.get("apiVersion").and_then(Value::as_str);
        let (Some(kind), Some(api_version)) = (list.kind(found), api_version) else {
            return false;
        };
        let resource = &kind.resource;
        let namespace = Some(&*found.namespace);
        if StepTarget::new(resource, api_version, namespace, &found.name).is_none() {
            return false;
        }
        let place = self.creations.len();
        let needed = |map: &HashMap<&str, u32>, name: &str| map.get(name).copied();
        let needs = [
            needed(&self.namespaces, &found.namespace),
            needed(&self.definitions, &resource.full_name()),
        ];
        let version = self.versions.place(api_version);
        for owner in owners {
            let owner = StepOwner::new(owner, |api_version, kind| {
                let known = list.resources.of_kind_or_guess(api_version, kind);
                known.into_owned()
            });
            if let Some(mut owner) = owner {
                self.owners.push(Owner {
                    step: number(place),
                    kind: self.owner_kinds.place(&mut owner),
                    name: owner.name.into_boxed_str(),
                });
            }
        }
        match (resource.group.as_str(), resource.kind.as_str()) {
            ("", "Namespace") => {
                self.namespaces.insert(&found.name, number(place));
            }
            DEFINITION => {
                self.definitions.insert(&found.name, number(place));
            }
            _ => {}
        }
        if self.first_gate.is_none() && is_gate(&kind.api_version, &resource.kind) {
            self.first_gate = Some(place);
        }
        self.creations.push(Creation {
            found,
            version,
            needs: needs.map(|need| need.unwrap_or(NOWHERE)),
        });
        true
    }

    /// The steps, when all objects of `list` were added.
    pub fn plan<'i>(self, list: &'l ObjectList<'i>) -> PlannedExport<'l, 'i> {
        let adopted_after = self.first_gate.unwrap_or(self.creations.len());
        let full_name = |plural: &str, group: &str| format!("{plural}.{group}");
        let resources = list.kinds.iter().map(|kind| &kind.resource);
        let resources = resources.map(|one| full_name(&one.plural, &one.group));
        let owner_kinds = self.owner_kinds.owners.iter();
        let mut plan = PlannedExport {
            list,
            adopted_after,
            by_name: Vec::new(),
            resources: resources.collect(),
            owner_resources: owner_kinds.map(|one| unversioned(&one.resource)).collect(),
            late: Vec::new(),
            steps: self,
        };
        plan.find_late_owners();
        plan
    }
}

const DEFINITION: (&str, &str) = ("apiextensions.k8s.io", "CustomResourceDefinition");

/// More steps than can be numbered have no room in memory.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl PlannedExport<'_, '_> {
    /// How many steps there are.
    pub fn count(&self) -> usize {
        self.steps.creations.len().saturating_add(self.late.len())
    }

    /// Each step, in the order in which they are taken.
    pub fn steps(&self) -> impl Iterator<Item = (ExportStep, Step)> {
        let creation = |place| Some((ExportStep::Creation(place), self.creation(place)?));
        let before = 0..self.adopted_after;
        let behind = self.adopted_after..self.steps.creations.len();
        before
            .filter_map(creation)
            .chain(self.adoptions())
            .chain(behind.filter_map(creation))
    }

    /// Those that give objects their owners. These are taken from the steps that create the objects, which would not
    /// find them. None of these steps waits for an owner that is created after them.
    pub fn adoptions(&self) -> impl Iterator<Item = (ExportStep, Step)> {
        let numbered = self.late.iter().enumerate();
        numbered.filter_map(|(at, place)| {
            let place = *place as usize;
            let mut step = Step::new(StepVerb::Patch, self.target(place)?);
            step.owners = self.owners(place);
            step.needs = self.created_owners(place).collect();
            step.needs.push(place);
            step.needs.sort_unstable();
            step.needs.dedup();
            Some((ExportStep::Adoption(at), step))
        })
    }

    /// The object that a step creates.
    pub fn object(&self, place: usize) -> Option<&FoundObject> {
        Some(self.steps.creations.get(place)?.found)
    }

    fn target(&self, place: usize) -> Option<StepTarget> {
        let creation = self.steps.creations.get(place)?;
        let found = creation.found;
        let version = self.steps.versions.list.get(creation.version as usize)?;
        let resource = &self.list.kind(found)?.resource;
        StepTarget::new(resource, version, Some(&found.namespace), &found.name)
    }

    fn creation(&self, place: usize) -> Option<Step> {
        let creation = self.steps.creations.get(place)?;
        let resource = &self.list.kind(creation.found)?.resource;
        let mut step = Step::new(StepVerb::Create, self.target(place)?);
        let needs = creation.needs.into_iter().filter(|need| *need != NOWHERE);
        step.needs = needs.map(|need| need as usize).collect();
        if self.late.binary_search(&number(place)).is_err() {
            step.owners = self.owners(place);
        }
        match (resource.group.as_str(), resource.kind.as_str()) {
            // One that is there already serves as well.
            ("", "Namespace") => step.is_made_by_cluster = true,
            DEFINITION => {
                step.is_definition = true;
                step.is_made_by_cluster = true;
            }
            ("", "Secret") => step.is_secret = true,
            _ => {}
        }
        Some(step)
    }

    fn kept_owners(&self, place: usize) -> &[Owner] {
        let (owners, step) = (&self.steps.owners, number(place));
        let from = owners.partition_point(|owner| owner.step < step);
        let to = owners.partition_point(|owner| owner.step <= step);
        owners.get(from..to).unwrap_or_default()
    }

    fn owners(&self, place: usize) -> Vec<StepOwner> {
        let kinds = &self.steps.owner_kinds.owners;
        let owners = self.kept_owners(place).iter();
        let owners = owners.filter_map(|owner| {
            let mut whole = kinds.get(owner.kind as usize)?.clone();
            whole.name = owner.name.to_string();
            set_name(&mut whole.reference, &owner.name);
            Some(whole)
        });
        owners.collect()
    }

    /// Resource, namespace and name of what a step creates.
    fn name(&self, place: u32) -> Option<(&str, Option<&str>, &str)> {
        let found = self.object(place as usize)?;
        let resource = self.resources.get(found.kind as usize)?;
        let is_namespaced = self.list.kind(found)?.resource.namespaced;
        let namespace = is_namespaced.then_some(&*found.namespace);
        Some((resource, namespace, &found.name))
    }

    /// Where the owners of an object are created, if that is before the adoptions.
    fn created_owners(&self, place: usize) -> impl Iterator<Item = usize> {
        let namespace = self.name(number(place)).and_then(|name| name.1);
        self.kept_owners(place).iter().filter_map(move |owner| {
            let resource = self.owner_resources.get(owner.kind as usize)?;
            let created = |namespace| {
                let name = Some((resource.as_str(), namespace, &*owner.name));
                let behind = self.by_name.partition_point(|at| self.name(*at) <= name);
                let last = self.by_name.get(behind.checked_sub(1)?).copied()?;
                (self.name(last) == name).then_some(last as usize)
            };
            // An owner is in the namespace of what it owns, or in none.
            created(namespace).or_else(|| created(None))
        })
    }

    /// Finds the objects that are created before their owners.
    fn find_late_owners(&mut self) {
        let limit = number(self.adopted_after);
        let owners = &self.steps.owners;
        let owners = owners.get(..owners.partition_point(|owner| owner.step < limit));
        let mut owned: Vec<u32> = owners.into_iter().flatten().map(|one| one.step).collect();
        owned.dedup();
        if owned.is_empty() {
            return;
        }
        let mut by_name: Vec<u32> = (0..limit).collect();
        by_name.sort_unstable_by(|a, b| (self.name(*a), a).cmp(&(self.name(*b), b)));
        self.by_name = by_name;
        let is_late = |place: &u32| {
            let place = *place as usize;
            self.created_owners(place).any(|owner| owner >= place)
        };
        owned.retain(is_late);
        self.late = owned;
    }
}
