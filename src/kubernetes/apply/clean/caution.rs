//! What to look at before an object is made in another cluster.

use serde_json::Value;

use super::{LAST_APPLIED, asks_for_address, group_and_kind, is_aggregated};
use crate::kubernetes::fields::{annotation, controller, is_set, items, members, text};

/// Something about an object that may do harm in another cluster, or not work there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caution {
    /// It stands for a disk that exists outside of the cluster.
    Disk {
        /// The kind of the disk, by the field that describes it: `csi`, `nfs`.
        source: String,
        /// The disk is deleted with the claim.
        is_deleted_with_claim: bool,
    },
    /// It asks for an address of its own.
    Address,
    /// It is stored in a version that servers do not serve for ever, and has no stable one.
    Version(String),
    /// A load balancer is ordered for it.
    LoadBalancer,
    /// It cannot be deleted while the controller behind this finalizer is missing.
    Finalizer(String),
    /// The API server calls this Service for it: namespace and name.
    Calls(String, String),
    /// It is a claim on this volume.
    Bound(String),
    /// It has been made or changed by `kubectl apply`, which notes in it what it was given.
    Applied,
    /// A controller gathers its rules from other roles; they are not part of it.
    Aggregated,
    /// It holds a kubeconfig, which names an API server and what proves that it is the right one.
    NamesServer,
    /// It trusts the certificates that this authority has issued.
    Trusts,
    /// It was being deleted.
    BeingDeleted,
    /// It belonged to owners, by their uids, which are gone.
    Owned,
}

/// Volumes that have no life outside of a node.
const ON_NODES: [&str; 2] = ["hostPath", "local"];

/// The fields of the specification of a PersistentVolume that describe no disk and are objects too.
const NO_DISKS: [&str; 3] = ["capacity", "claimRef", "nodeAffinity"];

/// Finalizers behind which a controller of every cluster stands.
const FINALIZERS: [&str; 8] = [
    "foregroundDeletion",
    "orphan",
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "kubernetes.io/vac-protection",
    "networking.k8s.io/service-cidr-finalizer",
    "batch.kubernetes.io/job-tracking",
    "customresourcecleanup.apiextensions.k8s.io",
];

/// What to look at before `object`, as it is stored, is made again.
pub fn cautions(object: &Value) -> Vec<Caution> {
    let mut found = Vec::new();
    if is_set(object, "metadata.deletionTimestamp") {
        found.push(Caution::BeingDeleted);
    }
    if controller(object).is_none() && !items(object, "metadata.ownerReferences").is_empty() {
        found.push(Caution::Owned);
    }
    if annotation(object, LAST_APPLIED).is_some() {
        found.push(Caution::Applied);
    }
    for finalizer in items(object, "metadata.finalizers") {
        let finalizer = finalizer.as_str().unwrap_or_default();
        if !finalizer.is_empty() && !FINALIZERS.contains(&finalizer) {
            found.push(Caution::Finalizer(finalizer.to_owned()));
        }
    }
    match group_and_kind(object) {
        ("", "PersistentVolume") => found.extend(disk(object)),
        ("", "PersistentVolumeClaim") => {
            let volume = text(object, "spec.volumeName");
            if !volume.is_empty() {
                found.push(Caution::Bound(volume.to_owned()));
            }
        }
        ("", "Service") => {
            if asks_for_address(object) && text(object, "spec.clusterIP") != "None" {
                found.push(Caution::Address);
            }
            if text(object, "spec.type") == "LoadBalancer" {
                found.push(Caution::LoadBalancer);
            }
        }
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => {
            for webhook in items(object, "webhooks") {
                found.extend(called(webhook, "clientConfig.service"));
                found.extend(trusts(webhook, "clientConfig.caBundle"));
            }
        }
        ("apiregistration.k8s.io", "APIService") => {
            found.extend(called(object, "spec.service"));
            found.extend(trusts(object, "spec.caBundle"));
        }
        ("rbac.authorization.k8s.io", "ClusterRole") if is_aggregated(object) => {
            found.push(Caution::Aggregated);
        }
        ("", "ConfigMap") => {
            let data = members(object, "data");
            let mut texts = data
                .into_iter()
                .flatten()
                .filter_map(|(_, text)| text.as_str());
            if texts.any(is_kubeconfig) {
                found.push(Caution::NamesServer);
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let client = "spec.conversion.webhook.clientConfig.service";
            // As it is stored.
            let of_old = "spec.conversion.webhookClientConfig.service";
            found.extend(called(object, client).or_else(|| called(object, of_old)));
            for client in [
                "spec.conversion.webhook.clientConfig",
                "spec.conversion.webhookClientConfig",
            ] {
                found.extend(trusts(object, &format!("{client}.caBundle")));
            }
        }
        _ => {}
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn disk(volume: &Value) -> Option<Caution> {
    let spec = members(volume, "spec")?;
    let (source, _) = spec.iter().find(|(name, value)| {
        value.is_object()
            && !NO_DISKS.contains(&name.as_str())
            && !ON_NODES.contains(&name.as_str())
    })?;
    Some(Caution::Disk {
        source: source.clone(),
        is_deleted_with_claim: text(volume, "spec.persistentVolumeReclaimPolicy") == "Delete",
    })
}

fn trusts(object: &Value, bundle: &str) -> Option<Caution> {
    (!text(object, bundle).is_empty()).then_some(Caution::Trusts)
}

/// True for what `kubectl --kubeconfig` takes.
fn is_kubeconfig(text: &str) -> bool {
    text.contains("clusters:") && text.contains("server: http") && text.contains("kind: Config")
}

fn called(object: &Value, service: &str) -> Option<Caution> {
    let part = |field: &str| text(object, &format!("{service}.{field}")).to_owned();
    let (namespace, name) = (part("namespace"), part("name"));
    (!name.is_empty()).then_some(Caution::Calls(namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_volume_on_a_real_disk_is_told_from_one_on_a_node() {
        let volume = |spec: Value| {
            cautions(&json!({"apiVersion": "v1", "kind": "PersistentVolume", "spec": spec}))
        };
        let disk = |source: &str, is_deleted_with_claim| {
            vec![Caution::Disk {
                source: source.into(),
                is_deleted_with_claim,
            }]
        };
        assert_eq!(
            volume(
                json!({"capacity": {"storage": "1Gi"}, "claimRef": {"name": "c"},
                "csi": {"driver": "d"}, "persistentVolumeReclaimPolicy": "Delete"})
            ),
            disk("csi", true)
        );
        assert_eq!(volume(json!({"nfs": {"path": "/"}})), disk("nfs", false));
        for spec in [
            json!({"hostPath": {"path": "/"}, "nodeAffinity": {}}),
            json!({"local": {"path": "/"}}),
            json!({}),
            json!(3),
        ] {
            assert_eq!(volume(spec.clone()), [], "{spec}");
        }
    }

    #[test]
    fn what_trusts_or_names_the_old_cluster_is_told() {
        let of = |api_version: &str, kind: &str, field: &str, value: Value| {
            cautions(&json!({"apiVersion": api_version, "kind": kind, field: value}))
        };
        let kubeconfig = "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n";
        assert_eq!(
            of(
                "v1",
                "ConfigMap",
                "data",
                json!({"a": "b", "kubeconfig.conf": kubeconfig})
            ),
            [Caution::NamesServer]
        );
        assert_eq!(
            of("v1", "ConfigMap", "data", json!({"a": "kind: Config"})),
            []
        );
        let webhooks = json!([{"clientConfig": {"url": "u", "caBundle": "QQ=="}}]);
        let admission = "admissionregistration.k8s.io/v1";
        assert_eq!(
            of(
                admission,
                "MutatingWebhookConfiguration",
                "webhooks",
                webhooks
            ),
            [Caution::Trusts]
        );
        let spec = json!({"caBundle": "QQ=="});
        assert_eq!(
            of("apiregistration.k8s.io/v1", "APIService", "spec", spec),
            [Caution::Trusts]
        );
        let rule = json!({"clusterRoleSelectors": []});
        let rbac = "rbac.authorization.k8s.io/v1";
        assert_eq!(
            of(rbac, "ClusterRole", "aggregationRule", rule),
            [Caution::Aggregated]
        );
    }

    #[test]
    fn what_calls_services_or_waits_for_controllers_is_told() {
        let of = |object: Value| cautions(&object);
        let calls = |name: &str| Caution::Calls("n".into(), name.into());
        let service = |name: &str| json!({"service": {"namespace": "n", "name": name}});
        assert_eq!(
            of(
                json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
                "webhooks": [{"clientConfig": service("b")}, {"clientConfig": service("a")},
                    {"clientConfig": service("a")}, {"clientConfig": {"url": "u"}}]})
            ),
            [calls("a"), calls("b")]
        );
        assert_eq!(
            of(
                json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": service("a")})
            ),
            [calls("a")]
        );
        for conversion in [
            json!({"webhook": {"clientConfig": service("a")}}),
            json!({"webhookClientConfig": service("a")}),
        ] {
            let object = json!({"apiVersion": "apiextensions.k8s.io/v1beta1",
                "kind": "CustomResourceDefinition", "spec": {"conversion": conversion}});
            assert_eq!(of(object), [calls("a")]);
        }
        assert_eq!(
            of(
                json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}, "metadata": {
                "finalizers": ["kubernetes.io/pvc-protection", "x.io/y", 3],
                "deletionTimestamp": "t", "ownerReferences": [{"name": "o"}]}})
            ),
            [
                Caution::LoadBalancer,
                Caution::Finalizer("x.io/y".into()),
                Caution::BeingDeleted,
                Caution::Owned
            ]
        );
        assert_eq!(of(json!(null)), []);
    }
}
