//! Changes that bear on who may do what: found by comparing two states of one object, each change with the
//! reason for which somebody should look at it first.

mod network;
mod pods;
mod rbac;

use std::collections::HashSet;

use serde_json::Value;

use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::fields::{at, is_set, text};
pub use rbac::WideRoles;

/// The reasons to look at the change from `old` to `new` first; none for most changes. `roles` are those
/// that allow everything of something.
pub fn reasons(old: Option<&Value>, new: Option<&Value>, roles: &WideRoles) -> Vec<String> {
    let Some(one) = new.or(old) else {
        return Vec::new();
    };
    let (group, _) = split_api_version(text(one, "apiVersion"));
    let kind = text(one, "kind");
    let mut found = Vec::new();
    match (group, kind) {
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            rbac::binding(old, new, roles, &mut found);
        }
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => {
            rbac::role(old, new, &mut found);
        }
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => came_or_changed(old, new, "webhooks", "admission webhooks", &mut found),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            came_or_changed(
                old,
                new,
                "spec",
                "a definition of custom resources",
                &mut found,
            );
        }
        ("", "ServiceAccount") if old.is_none() => {
            found.push("a service account was created".into());
        }
        ("networking.k8s.io", "NetworkPolicy") => network::policy(old, new, &mut found),
        _ => pods::workload(group, kind, old, new, &mut found),
    }
    found
}

/// True for an object of a kind for which API servers record who set its fields, without such a record. That
/// proves nothing: a client may remove the record, and servers before 1.18 kept none. Needs an object whose
/// managed fields were not taken out.
pub fn lacks_managed_fields(object: &Value) -> bool {
    let (group, _) = split_api_version(text(object, "apiVersion"));
    let kind = text(object, "kind");
    let has_none = match (group, kind) {
        (_, "") => true,
        // These the API server itself keeps, past its own handlers.
        ("", "RangeAllocation" | "Endpoints" | "Event") | ("events.k8s.io", "Event") => true,
        // Of these it drops the record on purpose.
        ("certificates.k8s.io", "CertificateSigningRequest") => true,
        // An API server of its own, with handlers of its own.
        _ => group.ends_with(".openshift.io"),
    };
    !has_none
        && !is_set(object, "metadata.managedFields")
        && !is_older_than_records(object)
        && has_wishes(object)
}

/// True for an object from before March 2020, when 1.18 began to record managed fields of all objects.
fn is_older_than_records(object: &Value) -> bool {
    let created = text(object, "metadata.creationTimestamp");
    !created.is_empty() && created < "2020-03-25"
}

/// True for an object with a field that somebody has set, besides its name. Of others nobody manages a field.
fn has_wishes(object: &Value) -> bool {
    const GIVEN: [&str; 7] = [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    ];
    let members = object.as_object().into_iter().flatten();
    let mut others = members.filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind"));
    others.any(|(name, value)| match (name.as_str(), value.as_object()) {
        ("metadata", Some(fields)) => fields.keys().any(|field| !GIVEN.contains(&field.as_str())),
        _ => true,
    })
}

fn came_or_changed(
    old: Option<&Value>,
    new: Option<&Value>,
    field: &str,
    what: &str,
    found: &mut Vec<String>,
) {
    let word = match (old, new) {
        (None, Some(_)) => "was created",
        (Some(_), None) => "was deleted",
        (Some(old), Some(new)) if at(old, field) != at(new, field) => "changed",
        _ => return,
    };
    found.push(format!("{what} {word}"));
}

/// The elements of `new` that are not in `old`.
fn fresh<'v>(old: &[Value], new: &'v [Value]) -> Vec<&'v Value> {
    let old: HashSet<&Value> = old.iter().collect();
    new.iter().filter(|one| !old.contains(one)).collect()
}

#[cfg(test)]
mod tests;
