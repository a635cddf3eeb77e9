//! What an API server does not let anybody change, kind by kind. Source: the validation of Kubernetes 1.37.

use serde_json::Value;

use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::fields::{at, is_true, items, text};

/// The fields of a StatefulSet's spec that can be changed.
const STATEFUL_SET: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// The fields of a Pod's spec that can be changed, some of them only in one direction, and the node, which it was
/// given.
const POD: [&str; 7] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "activeDeadlineSeconds",
    "tolerations",
    "schedulingGates",
    "nodeName",
];

/// The field, if any, in which the two states differ and that cannot be changed, so that the object has to be deleted and
/// created again. Nothing for kinds of which that does more harm than good: definitions, volumes, claims, jobs; there
/// the server says what it thinks of the change.
pub fn immutable_difference(present: &Value, wanted: &Value) -> Option<String> {
    let (group, _) = split_api_version(text(present, "apiVersion"));
    let fields: &[&str] = match (group, text(present, "kind")) {
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &["roleRef"],
        ("", "ConfigMap") if is_true(present, "immutable") => &["immutable", "data", "binaryData"],
        ("", "Secret") if is_true(present, "immutable") => &["immutable", "data", "type"],
        ("", "Secret") => &["type"],
        ("", "ResourceQuota") => &["spec.scopes"],
        ("storage.k8s.io", "StorageClass") => &[
            "provisioner",
            "parameters",
            "reclaimPolicy",
            "volumeBindingMode",
        ],
        ("storage.k8s.io", "VolumeAttributesClass") => &["driverName", "parameters"],
        ("storage.k8s.io", "CSIDriver") => &["spec.attachRequired", "spec.volumeLifecycleModes"],
        ("storage.k8s.io", "CSIStorageCapacity") => &["nodeTopology", "storageClassName"],
        ("scheduling.k8s.io", "PriorityClass") => &["value", "preemptionPolicy"],
        ("apps", "Deployment" | "DaemonSet" | "ReplicaSet") => &["spec.selector"],
        ("apps", "ControllerRevision") => &["data"],
        ("apps", "StatefulSet") => return other_field(present, wanted, &STATEFUL_SET),
        ("networking.k8s.io", "IngressClass") => &["spec.controller"],
        ("networking.k8s.io", "IPAddress") => &["spec.parentRef"],
        ("node.k8s.io", "RuntimeClass") => &["handler"],
        ("discovery.k8s.io", "EndpointSlice") => &["addressType"],
        ("resource.k8s.io", "ResourceClaim" | "ResourceClaimTemplate") => &["spec"],
        // An address once given stays; one is given, or lost, with the type.
        ("", "Service") => {
            let address = |object| text(object, "spec.clusterIP");
            let (now, then) = (address(present), address(wanted));
            let is_other = !now.is_empty() && !then.is_empty() && now != then;
            return is_other.then(|| "spec.clusterIP".into());
        }
        ("", "Pod") => {
            // What was added for debugging stays as long as the Pod does.
            let is_debugged = |pod: &Value| !items(pod, "spec.ephemeralContainers").is_empty();
            if is_debugged(present) && !is_debugged(wanted) {
                return Some("spec.ephemeralContainers".into());
            }
            return other_field(present, wanted, &POD).or_else(|| {
                ["containers", "initContainers"]
                    .iter()
                    .find(|list| has_other_containers(present, wanted, list))
                    .map(|list| format!("spec.{list}"))
            });
        }
        _ => &[],
    };
    fields
        .iter()
        .find(|field| at(present, field) != at(wanted, field))
        .map(|field| (*field).to_string())
}

/// The first field of the spec that differs and is not among those that can be changed.
fn other_field(present: &Value, wanted: &Value, changeable: &[&str]) -> Option<String> {
    let members = |object: &'_ Value| -> Vec<String> {
        let spec = at(object, "spec").as_object();
        spec.into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut names = members(present);
    names.extend(members(wanted));
    names
        .into_iter()
        .find(|name| {
            !changeable.contains(&name.as_str())
                && at(present, "spec").get(name) != at(wanted, "spec").get(name)
        })
        .map(|name| format!("spec.{name}"))
}

/// True when more than the images differs.
fn has_other_containers(present: &Value, wanted: &Value, list: &str) -> bool {
    let without_images = |object: &Value| -> Vec<Value> {
        let containers = items(at(object, "spec"), list).iter().cloned();
        containers
            .map(|mut container| {
                if let Some(members) = container.as_object_mut() {
                    members.remove("image");
                }
                container
            })
            .collect()
    };
    without_images(present) != without_images(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_changed_is_known_by_kind() {
        let object = |api_version: &str, kind: &str, rest: Value| {
            let mut object = json!({"apiVersion": api_version, "kind": kind});
            let members = rest.as_object().cloned().unwrap_or_default();
            object.as_object_mut().unwrap().extend(members);
            object
        };
        for (api_version, kind, present, wanted, expected) in [
            (
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                json!({"roleRef": {"name": "a"}}),
                json!({"roleRef": {"name": "b"}}),
                Some("roleRef"),
            ),
            (
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                json!({"subjects": []}),
                json!({}),
                None,
            ),
            (
                "v1",
                "Pod",
                json!({"spec": {"ephemeralContainers": [{"name": "debug"}]}}),
                json!({"spec": {}}),
                Some("spec.ephemeralContainers"),
            ),
            (
                "v1",
                "Pod",
                json!({"spec": {}}),
                json!({"spec": {"ephemeralContainers": [{"name": "debug"}]}}),
                None,
            ),
            (
                "v1",
                "ConfigMap",
                json!({"immutable": true, "data": {"a": "1"}}),
                json!({"data": {"a": "1"}}),
                Some("immutable"),
            ),
            (
                "v1",
                "ConfigMap",
                json!({"data": {"a": "1"}}),
                json!({"immutable": true}),
                None,
            ),
            (
                "v1",
                "Secret",
                json!({"type": "a"}),
                json!({"type": "b"}),
                Some("type"),
            ),
            (
                "apps/v1",
                "Deployment",
                json!({"spec": {"selector": 1}}),
                json!({"spec": {"selector": 2}}),
                Some("spec.selector"),
            ),
            (
                "apps/v1",
                "StatefulSet",
                json!({"spec": {"replicas": 1}}),
                json!({"spec": {"replicas": 2}}),
                None,
            ),
            (
                "apps/v1",
                "StatefulSet",
                json!({"spec": {"serviceName": "a"}}),
                json!({"spec": {}}),
                Some("spec.serviceName"),
            ),
            (
                "v1",
                "Pod",
                json!({"spec": {"containers": [{"name": "a", "image": "1"}]}}),
                json!({"spec": {"containers": [{"name": "a", "image": "2"}]}}),
                None,
            ),
            (
                "v1",
                "Pod",
                json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}),
                json!({"spec": {"containers": [{"name": "a"}]}}),
                Some("spec.containers"),
            ),
            (
                "v1",
                "Pod",
                json!({"spec": {"hostNetwork": true, "nodeName": "x"}}),
                json!({"spec": {}}),
                Some("spec.hostNetwork"),
            ),
            (
                "v1",
                "Service",
                json!({"spec": {"clusterIP": "10.0.0.1"}}),
                json!({"spec": {"clusterIP": "10.0.0.2"}}),
                Some("spec.clusterIP"),
            ),
            (
                "v1",
                "Service",
                json!({"spec": {"clusterIP": "10.0.0.1"}}),
                json!({"spec": {"type": "ExternalName"}}),
                None,
            ),
            (
                "batch/v1",
                "Job",
                json!({"spec": {"selector": 1}}),
                json!({"spec": {}}),
                None,
            ),
            (
                "example.com/v1",
                "Pod",
                json!({"spec": {"hostNetwork": true}}),
                json!({"spec": {}}),
                None,
            ),
        ] {
            let (present, wanted) = (
                object(api_version, kind, present),
                object(api_version, kind, wanted),
            );
            assert_eq!(
                immutable_difference(&present, &wanted).as_deref(),
                expected,
                "{present} {wanted}"
            );
        }
    }
}
