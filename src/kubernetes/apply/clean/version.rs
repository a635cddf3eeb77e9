//! Objects of versions that API servers have given up, or do not serve unless asked to.

use serde_json::Value;

use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::catalog::table::{Kind, MessageId, Shape, TABLE};
use crate::kubernetes::fields::text;

/// The version of an object of a kind of Kubernetes itself, if it is alpha or beta: no server serves it for ever.
pub fn passing_version(object: &Value) -> Option<String> {
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    let (_, version) = split_api_version(api_version);
    let is_passing = !is_stable(version) && TABLE.kind_of(api_version, kind).is_some();
    is_passing.then(|| api_version.to_owned())
}

/// Puts the newest stable version of its kind into an object of an alpha or beta version, if every field that it has is
/// a field of that version too. True when it did.
pub fn use_stable_version(object: &mut Value) -> bool {
    if passing_version(object).is_none() {
        return false;
    }
    let (group, _) = split_api_version(text(object, "apiVersion"));
    let kind = text(object, "kind");
    let versions = TABLE.versions(group, kind);
    let Some((version, message)) = versions
        .filter(|(version, _)| is_stable(version))
        .max_by_key(|(version, _)| (version.len(), *version))
    else {
        return false;
    };
    // Of old an empty selector meant no pod, today it means all.
    let is_turned_over = (group, kind) == ("policy", "PodDisruptionBudget")
        && object
            .pointer("/spec/selector")
            .and_then(Value::as_object)
            .is_some_and(serde_json::Map::is_empty);
    if is_turned_over || !fits(object, message) {
        return false;
    }
    let stable = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    if let Some(members) = object.as_object_mut() {
        members.insert("apiVersion".into(), stable.into());
    }
    true
}

/// `v1`, not `v1beta1`.
fn is_stable(version: &str) -> bool {
    version
        .strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// True when a message has all fields of an object, with values of the same form.
fn fits(object: &Value, message: MessageId) -> bool {
    let Some(members) = object.as_object() else {
        return false;
    };
    members
        .iter()
        .all(|(name, value)| match field(message, name) {
            Some((kind, shape)) => fits_field(value, kind, shape),
            None => matches!(name.as_str(), "apiVersion" | "kind"),
        })
}

fn fits_field(value: &Value, kind: Kind, shape: Shape) -> bool {
    let fits_one = |value: &Value| match kind {
        Kind::Message(message) => value.is_null() || fits(value, message),
        Kind::Raw | Kind::SchemaOrList(_) | Kind::SchemaOrBool(_) | Kind::SchemaOrStrings(_) => {
            true
        }
        _ => !value.is_object() && !value.is_array(),
    };
    match (shape, value) {
        (_, Value::Null) => true,
        (Shape::One, value) => fits_one(value),
        (Shape::List, Value::Array(items)) => items.iter().all(fits_one),
        // Values of such a map may be lists.
        (Shape::Map, Value::Object(members)) => members
            .values()
            .all(|value| value.is_array() || fits_one(value)),
        _ => false,
    }
}

/// A field of a message by its name in JSON, also one of those that are printed in place of another.
fn field(message: MessageId, name: &str) -> Option<(Kind, Shape)> {
    let fields = &TABLE.message(message)?.fields;
    let known = fields
        .iter()
        .find(|field| field.name == name && !field.is_removed);
    if let Some(known) = known {
        return Some((known.kind, known.shape));
    }
    fields
        .iter()
        .filter(|field| field.is_inline())
        .find_map(|inline| match inline.kind {
            Kind::Message(inner) => field(inner, name),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_whose_fields_a_stable_version_has_becomes_one_of_it() {
        for (old, new) in [
            (
                json!({"apiVersion": "resource.k8s.io/v1beta2", "kind": "DeviceClass",
                    "metadata": {"name": "gpu", "labels": {"a": "b"}},
                    "spec": {"selectors": [{"cel": {"expression": "true"}}]}}),
                "resource.k8s.io/v1",
            ),
            (
                json!({"apiVersion": "batch/v1beta1", "kind": "CronJob",
                    "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {
                        "containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]}}}}}}),
                "batch/v1",
            ),
            (
                json!({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler",
                    "spec": {"maxReplicas": 3}}),
                "autoscaling/v2",
            ),
            (
                json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget",
                    "spec": {"selector": {"matchLabels": {"a": "b"}}}}),
                "policy/v1",
            ),
        ] {
            let mut object = old.clone();
            assert!(use_stable_version(&mut object), "{old}");
            assert_eq!(object["apiVersion"], new);
            object["apiVersion"] = old["apiVersion"].clone();
            assert_eq!(object, old);
        }
    }

    #[test]
    fn an_object_that_would_mean_something_else_in_a_stable_version_stays_as_it_is() {
        for object in [
            json!({"apiVersion": "networking.k8s.io/v1beta1", "kind": "Ingress",
                "spec": {"backend": {"serviceName": "s", "servicePort": 80}}}),
            json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "spec": {"selector": {}}}),
            json!({"apiVersion": "resource.k8s.io/v1beta1", "kind": "ResourceClaim", "spec": {"devices": {
                "requests": [{"name": "r", "deviceClassName": "c"}]}}}),
            json!({"apiVersion": "batch/v1beta1", "kind": "CronJob", "spec": [1]}),
            json!({"apiVersion": "batch/v1beta1", "kind": "CronJob", "spec": {"schedule": {"a": 1}}}),
            json!({"apiVersion": "example.com/v1beta1", "kind": "CronJob"}),
            json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler"}),
            json!({"apiVersion": "scheduling.k8s.io/v1alpha2", "kind": "PodGroup"}),
            json!(null),
        ] {
            let mut same = object.clone();
            assert!(!use_stable_version(&mut same), "{object}");
            assert_eq!(same, object);
        }
    }
}
