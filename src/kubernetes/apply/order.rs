//! The order in which objects are applied, so that each finds what it needs.

use super::step::StepVerb;
use crate::kubernetes::catalog::resources::split_api_version;

/// The place of a kind in the order; kinds of one place may come in any order.
pub fn apply_order(api_version: &str, kind: &str) -> u8 {
    let (group, _) = split_api_version(api_version);
    match (group, kind) {
        ("", "Namespace") => 0,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 1,
        // What others name when they are created, and are refused without, or given something else.
        ("scheduling.k8s.io", "PriorityClass")
        | ("storage.k8s.io", "StorageClass")
        | ("networking.k8s.io", "IngressClass" | "ServiceCIDR")
        | ("node.k8s.io", "RuntimeClass") => 2,
        ("", "ServiceAccount") => 3,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => 4,
        ("rbac.authorization.k8s.io", _) => 5,
        ("", "Secret" | "ConfigMap") => 6,
        ("", "PersistentVolume") => 7,
        ("", "PersistentVolumeClaim") => 8,
        ("", "Service") => 9,
        ("", "Pod" | "ReplicationController") | ("apps" | "batch", _) => 10,
        // A webhook that is there before its pods refuses everything.
        ("admissionregistration.k8s.io", _) => 12,
        _ => 11,
    }
}

/// What is lost with an object of a kind that holds data or other objects, so that none is deleted unless somebody asks
/// for it.
pub fn what_goes_along(api_version: &str, kind: &str) -> Option<&'static str> {
    let (group, _) = split_api_version(api_version);
    Some(match (group, kind) {
        ("", "Namespace") => "everything in the namespace goes with it",
        ("", "PersistentVolume" | "PersistentVolumeClaim") => "the data may go with it",
        ("", "Node") => "its pods go with it",
        ("", "Secret") => "it may be the only copy of a key or a password",
        ("apps", "StatefulSet") => "its pods and claims hold data",
        ("storage.k8s.io", "StorageClass") => "claims that name it cannot be bound without it",
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            "every object of its kind goes with it"
        }
        ("apiregistration.k8s.io", "APIService") => "nobody is served its API without it",
        _ => return None,
    })
}

/// What an object of a kind does when it is created, so that none is created unless somebody asks for it.
pub fn what_it_starts(api_version: &str, kind: &str) -> Option<&'static str> {
    let (group, _) = split_api_version(api_version);
    Some(match (group, kind) {
        ("batch", "Job") => "a job that is created again runs again",
        ("", "PersistentVolumeClaim") => {
            "a claim that is created again gets an empty volume, or none"
        }
        ("", "PersistentVolume") => "the disk may be gone, or belong to somebody else",
        _ => return None,
    })
}

/// True for a kind that may refuse, or change, what is done to other objects.
pub fn is_gate(api_version: &str, kind: &str) -> bool {
    gate_order(api_version, kind).is_some()
}

/// The order in which gates come down; they go up in the opposite one. Policies apply to webhooks, webhooks to neither.
fn gate_order(api_version: &str, kind: &str) -> Option<u8> {
    let (group, _) = split_api_version(api_version);
    match (group, kind) {
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => Some(2),
        ("admissionregistration.k8s.io", kind) if kind.ends_with("Binding") => Some(0),
        ("admissionregistration.k8s.io", _) => Some(1),
        ("", "ResourceQuota" | "LimitRange") => Some(3),
        ("apiregistration.k8s.io", "APIService") => Some(4),
        _ => None,
    }
}

/// True for a kind whose objects go on without what made them, if that is deleted so.
pub fn is_workload(api_version: &str, kind: &str) -> bool {
    let (group, _) = split_api_version(api_version);
    matches!(
        (group, kind),
        (
            "apps",
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet"
        )
    ) || matches!(
        (group, kind),
        ("batch", "Job" | "CronJob") | ("", "ReplicationController")
    )
}

/// The place of a step among all steps; those of one place may come in any order. Gates come down first and go up last,
/// then role bindings go that were added; what is needed comes before what needs it. What is deleted for good goes at
/// the end, in the opposite order, but for what may be in the way of what is created: names, ports, quota.
pub fn step_order(verb: StepVerb, api_version: &str, kind: &str, may_refuse: bool) -> u8 {
    let (group, _) = split_api_version(api_version);
    let order = apply_order(api_version, kind);
    let gate = gate_order(api_version, kind);
    match (verb, gate) {
        (StepVerb::Delete, Some(gate)) => gate,
        (StepVerb::Patch | StepVerb::Replace, Some(gate)) if may_refuse => gate.saturating_add(10),
        (_, Some(gate)) => u8::MAX.saturating_sub(gate),
        // A class that is the default is put into what is created.
        (StepVerb::Delete, None) if may_refuse => 25,
        (StepVerb::Delete, None) => match (group, kind) {
            ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => 20,
            // What controls others goes before them: it would make them again.
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet") | ("batch", "CronJob") => 67,
            ("apps" | "batch", _) | ("", "ReplicationController") => 68,
            ("", "Pod") => 69,
            ("", "Service") => 65,
            _ => 200u8.saturating_sub(order),
        },
        (_, None) => order.saturating_mul(4).saturating_add(30),
    }
}

/// The place of what was controlled by something that is deleted and created again: behind that.
pub fn order_behind_workloads(api_version: &str, kind: &str) -> u8 {
    let place = step_order(StepVerb::Delete, api_version, kind, false);
    place.clamp(67, 69).saturating_add(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first() {
        let order = [
            ("v1", "Namespace"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("storage.k8s.io/v1", "StorageClass"),
            ("v1", "ServiceAccount"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
            ("v1", "ConfigMap"),
            ("v1", "PersistentVolume"),
            ("v1", "PersistentVolumeClaim"),
            ("v1", "Service"),
            ("apps/v1", "Deployment"),
            ("example.com/v1", "Namespace"),
        ];
        let places: Vec<u8> = order.iter().map(|(a, k)| apply_order(a, k)).collect();
        assert!(
            places.windows(2).all(|pair| pair[0] < pair[1]),
            "{places:?}"
        );
        assert!(what_goes_along("v1", "PersistentVolumeClaim").is_some());
        assert!(what_goes_along("example.com/v1", "Namespace").is_none());
    }

    #[test]
    fn gates_come_down_first_and_go_up_last() {
        use StepVerb::{Create, Delete, Patch};
        let (admission, rbac) = (
            "admissionregistration.k8s.io/v1",
            "rbac.authorization.k8s.io/v1",
        );
        let order = [
            (Delete, admission, "ValidatingAdmissionPolicyBinding"),
            (Delete, admission, "MutatingAdmissionPolicy"),
            (Delete, admission, "ValidatingWebhookConfiguration"),
            (Delete, "v1", "ResourceQuota"),
            (Delete, "apiregistration.k8s.io/v1", "APIService"),
            (Patch, admission, "ValidatingAdmissionPolicy"),
            (Patch, "v1", "ResourceQuota"),
            (Delete, rbac, "ClusterRoleBinding"),
            (Delete, "networking.k8s.io/v1", "IngressClass"),
            (Create, "v1", "Namespace"),
            (
                Create,
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
            ),
            (Create, "node.k8s.io/v1", "RuntimeClass"),
            (Patch, "v1", "ServiceAccount"),
            (Create, rbac, "Role"),
            (Create, rbac, "RoleBinding"),
            (Create, "v1", "Secret"),
            (Delete, "v1", "Service"),
            (Create, "v1", "Service"),
            (Delete, "apps/v1", "Deployment"),
            (Delete, "apps/v1", "ReplicaSet"),
            (Delete, "v1", "Pod"),
            (Patch, "apps/v1", "Deployment"),
            (Create, "example.com/v1", "Widget"),
            (Delete, "example.com/v1", "Widget"),
            (Delete, "v1", "ConfigMap"),
            (Delete, rbac, "Role"),
            (
                Delete,
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
            ),
            (Delete, "v1", "Namespace"),
            (Create, "apiregistration.k8s.io/v1", "APIService"),
            (Create, "v1", "ResourceQuota"),
            (Patch, admission, "MutatingWebhookConfiguration"),
            (Create, admission, "ValidatingAdmissionPolicy"),
            (Create, admission, "ValidatingAdmissionPolicyBinding"),
        ];
        // The webhook that is patched only looks on; the class that is deleted is the default.
        let may_refuse = |verb, kind: &str| match verb {
            Delete => kind == "IngressClass",
            _ => kind != "MutatingWebhookConfiguration",
        };
        let places: Vec<u8> = order
            .iter()
            .map(|(v, a, k)| step_order(*v, a, k, may_refuse(*v, k)))
            .collect();
        assert!(
            places.windows(2).all(|pair| pair[0] < pair[1]),
            "{places:?}"
        );
    }
}
