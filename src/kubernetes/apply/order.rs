//! The order in which objects are applied, so that each finds what it needs.

use crate::kubernetes::catalog::resources::split_api_version;

/// The place of a kind in the order; kinds of one place may come in any order.
pub fn apply_order(api_version: &str, kind: &str) -> u8 {
    let (group, _) = split_api_version(api_version);
    match (group, kind) {
        ("", "Namespace") => 0,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 1,
        ("scheduling.k8s.io", "PriorityClass") | ("storage.k8s.io", "StorageClass") => 2,
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

/// True for a kind whose objects take others, or data, with them when they are deleted.
pub fn takes_others_along(api_version: &str, kind: &str) -> bool {
    let (group, _) = split_api_version(api_version);
    matches!(
        (group, kind),
        (
            "",
            "Namespace" | "PersistentVolume" | "PersistentVolumeClaim"
        ) | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
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
        assert!(takes_others_along("v1", "PersistentVolumeClaim"));
        assert!(!takes_others_along("example.com/v1", "Namespace"));
    }
}
