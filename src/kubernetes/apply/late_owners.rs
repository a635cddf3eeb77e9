//! Owners that are created later than what they own.

use std::collections::HashMap;

use super::step::{Step, StepOwner, StepVerb, unversioned};

/// Steps that give objects the owners that `creations` creates later than them. Those owners are taken from the steps
/// that create the objects, which would not find them. None of these steps is at `limit` or behind it, and no owner that
/// is created there is waited for.
pub fn late_owners(creations: &mut [Step], limit: usize) -> Vec<Step> {
    let owns = |step: &Step| !step.owners.is_empty();
    if !creations.iter().take(limit).any(owns) {
        return Vec::new();
    }
    let key = |resource: &str, namespace: Option<&str>, name: &str| {
        (
            unversioned(resource),
            namespace.map(str::to_owned),
            name.to_owned(),
        )
    };
    let places: HashMap<_, usize> = creations
        .iter()
        .enumerate()
        .take(limit)
        .map(|(place, step)| {
            let target = &step.target;
            let namespace = target.namespace.as_deref();
            (key(&target.resource, namespace, &target.name), place)
        })
        .collect();
    let mut patches = Vec::new();
    for (place, step) in creations.iter_mut().enumerate().take(limit) {
        let namespace = step.target.namespace.clone();
        let created_at = |owner: &StepOwner| {
            // An owner is in the namespace of what it owns, or in none.
            let mine = key(&owner.resource, namespace.as_deref(), &owner.name);
            let of_cluster = key(&owner.resource, None, &owner.name);
            places
                .get(&mine)
                .or_else(|| places.get(&of_cluster))
                .copied()
        };
        let mut owners_at: Vec<usize> = step.owners.iter().filter_map(created_at).collect();
        if owners_at.iter().all(|owner| *owner < place) {
            continue;
        }
        let mut patch = Step::new(StepVerb::Patch, step.target.clone());
        patch.owners = std::mem::take(&mut step.owners);
        owners_at.push(place);
        owners_at.sort_unstable();
        owners_at.dedup();
        patch.needs = owners_at;
        patches.push(patch);
    }
    patches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::apply::step::StepTarget;
    use serde_json::json;

    fn step(resource: &str, namespace: Option<&str>, name: &str, owners: &[(&str, &str)]) -> Step {
        let target = StepTarget {
            resource: resource.into(),
            namespace: namespace.map(str::to_owned),
            name: name.into(),
            printed_name: name.into(),
            path: String::new(),
        };
        let mut step = Step::new(StepVerb::Create, target);
        step.owners = owners
            .iter()
            .map(|(resource, name)| StepOwner {
                resource: (*resource).into(),
                name: (*name).into(),
                reference: json!({}),
            })
            .collect();
        step
    }

    #[test]
    fn an_owner_that_is_created_later_is_given_later() {
        let shop = Some("shop");
        let mut steps = [
            step("configmaps.v1.", shop, "early", &[]),
            step(
                "configmaps.v1.",
                shop,
                "a",
                &[("configmaps.v1.", "early"), ("zones.v2.x.io", "z")],
            ),
            step(
                "configmaps.v1.",
                shop,
                "b",
                &[("configmaps.v1.", "early"), ("pods.v1.", "gone")],
            ),
            step("configmaps.v1.", shop, "c", &[("zones.v1.x.io", "other")]),
            step("zones.v1.x.io", None, "z", &[]),
            step("zones.v1.x.io", Some("other"), "other", &[]),
            step("gates.v1.x.io", shop, "g", &[("gates.v1.x.io", "h")]),
            step("gates.v1.x.io", shop, "h", &[]),
        ];
        let patches = late_owners(&mut steps, 6);
        let [patch] = &patches[..] else {
            panic!("{patches:?}");
        };
        assert_eq!((patch.verb, &*patch.target.name), (StepVerb::Patch, "a"));
        assert_eq!(patch.needs, [0, 1, 4]);
        let owners: Vec<usize> = steps.iter().map(|step| step.owners.len()).collect();
        assert_eq!(
            (patch.owners.len(), owners),
            (2, vec![0, 0, 2, 1, 0, 0, 1, 0])
        );
    }
}
