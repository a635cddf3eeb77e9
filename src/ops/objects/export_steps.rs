//! The steps that create exported objects in a cluster, each after what it needs.

use std::collections::HashMap;

use serde_json::Value;

use super::list::{FoundObject, ObjectList};
use crate::kubernetes::apply::late_owners::late_owners;
use crate::kubernetes::apply::order::is_gate;
use crate::kubernetes::apply::step::{Step, StepOwner, StepTarget, StepVerb};

/// Steps in the making, one for each object, in the order in which the objects come.
#[derive(Debug, Default)]
pub struct ExportSteps {
    steps: Vec<Step>,
    /// The first step that creates what may refuse others.
    first_gate: Option<usize>,
    /// The steps that make namespaces, by name, and definitions, by plural and group.
    namespaces: HashMap<String, usize>,
    definitions: HashMap<String, usize>,
}

/// All steps, in the order in which they are to be taken.
#[derive(Debug)]
pub struct PlannedExport {
    /// Those that create, one for each object that was added.
    pub creations: Vec<Step>,
    /// Those that give objects their owners, which are created later than them.
    pub adoptions: Vec<Step>,
    /// The number of creations that come before the adoptions.
    pub adopted_after: usize,
}

impl ExportSteps {
    /// Adds the step that creates an object, with its manifest and the owner references that this does not have. False
    /// when no API server would take its name.
    pub fn add(
        &mut self,
        list: &ObjectList<'_>,
        found: &FoundObject,
        manifest: &Value,
        owners: &[Value],
    ) -> bool {
        let api_version = manifest.get("apiVersion").and_then(Value::as_str);
        let kind = list.kind(found);
        let target = kind.zip(api_version).and_then(|(kind, api_version)| {
            let namespace = Some(&*found.namespace);
            StepTarget::new(&kind.resource, api_version, namespace, &found.name)
        });
        let (Some(kind), Some(target)) = (kind, target) else {
            return false;
        };
        let resource = &kind.resource;
        let place = self.steps.len();
        let mut step = Step::new(StepVerb::Create, target);
        step.needs = [
            self.namespaces.get(&*found.namespace).copied(),
            self.definitions.get(&resource.full_name()).copied(),
        ]
        .into_iter()
        .flatten()
        .collect();
        step.owners = owners
            .iter()
            .filter_map(|owner| {
                StepOwner::new(owner, |api_version, kind| {
                    list.resources
                        .of_kind_or_guess(api_version, kind)
                        .into_owned()
                })
            })
            .collect();
        match (resource.group.as_str(), resource.kind.as_str()) {
            // One that is there already serves as well.
            ("", "Namespace") => {
                step.is_made_by_cluster = true;
                self.namespaces.insert(found.name.to_string(), place);
            }
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                step.is_definition = true;
                step.is_made_by_cluster = true;
                self.definitions.insert(found.name.to_string(), place);
            }
            ("", "Secret") => step.is_secret = true,
            _ => {}
        }
        if self.first_gate.is_none() && is_gate(&kind.api_version, &resource.kind) {
            self.first_gate = Some(place);
        }
        self.steps.push(step);
        true
    }

    /// The steps, when all objects were added.
    pub fn plan(self) -> PlannedExport {
        let mut creations = self.steps;
        let adopted_after = self.first_gate.unwrap_or(creations.len());
        let adoptions = late_owners(&mut creations, adopted_after);
        PlannedExport {
            creations,
            adoptions,
            adopted_after,
        }
    }
}
