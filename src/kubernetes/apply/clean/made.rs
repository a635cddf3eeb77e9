//! What a cluster makes for itself, so that nobody has to bring it along.

use serde_json::{Map, Value};

use super::{TOKEN, group_and_kind, is_generated};
use crate::kubernetes::fields::{annotation, at, controller, is_set, items, members, text};

/// Who makes an object again in another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maker {
    /// Its controller, which is named by an owner reference.
    Controller,
    /// The API server and the controller manager of every cluster.
    Cluster,
    /// Nodes, drivers and clients, for as long as they run.
    Running,
    /// Nobody: it has run, and would run again.
    Finished,
    /// Whoever issues tokens: those of one cluster are worth nothing in another.
    Tokens,
    /// The API server, for itself; no API takes it.
    Internal,
}

/// With such a token a node joins a cluster.
const BOOTSTRAP: &str = "bootstrap.kubernetes.io/token";

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Priority levels and flow schemas of every cluster.
const FLOW_SCHEMAS: [&str; 13] = [
    "catch-all",
    "endpoint-controller",
    "exempt",
    "global-default",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-system-service-accounts",
    "probes",
    "service-accounts",
    "system-leader-election",
    "system-node-high",
    "system-nodes",
    "workload-leader-election",
];
const PRIORITY_LEVELS: [&str; 8] = [
    "catch-all",
    "exempt",
    "global-default",
    "leader-election",
    "node-high",
    "system",
    "workload-high",
    "workload-low",
];

/// The accounts under which the controller manager runs its controllers, in kube-system.
const CONTROLLERS: [&str; 48] = [
    "attachdetach-controller",
    "bootstrap-signer",
    "certificate-controller",
    "cloud-provider",
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "device-taint-eviction-controller",
    "disruption-controller",
    "endpoint-controller",
    "endpointslice-controller",
    "endpointslicemirroring-controller",
    "ephemeral-volume-controller",
    "expand-controller",
    "generic-garbage-collector",
    "horizontal-pod-autoscaler",
    "job-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher",
    "legacy-service-account-token-cleaner",
    "namespace-controller",
    "node-controller",
    "persistent-volume-binder",
    "pod-garbage-collector",
    "podcertificaterequestcleaner",
    "pv-protection-controller",
    "pvc-protection-controller",
    "replicaset-controller",
    "replication-controller",
    "resource-claim-controller",
    "resourcequota-controller",
    "root-ca-cert-publisher",
    "route-controller",
    "selinux-warning-controller",
    "service-account-controller",
    "service-cidrs-controller",
    "service-controller",
    "shared-informers",
    "statefulset-controller",
    "storage-version-migrator-controller",
    "storageversion-garbage-collector",
    "taint-eviction-controller",
    "token-cleaner",
    "tokens-controller",
    "ttl-after-finished-controller",
    "ttl-controller",
    "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller",
];

/// Under these names the servers of a cluster write, a version may follow.
const SERVERS: [&str; 10] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "clusterrole-aggregation-controller",
    "api-priority-and-fairness-config-",
    "hyperkube",
    "k3s",
    "kubelite",
    "rke2",
    "service-cidr-controller",
];

/// Who makes `object` again in another cluster; nobody, if it has to be brought along. `has_selector` tells of a
/// Service, by namespace and name, whether it has a selector: its addresses are kept by controllers then.
pub fn maker(object: &Value, has_selector: impl Fn(&str, &str) -> bool) -> Option<Maker> {
    if controller(object).is_some() {
        return Some(Maker::Controller);
    }
    let (namespace, name) = (
        text(object, "metadata.namespace"),
        text(object, "metadata.name"),
    );
    let label = |name: &str| at(object, "metadata.labels").get(name)?.as_str();
    let is_of_cluster = |is: bool| is.then_some(Maker::Cluster);
    match group_and_kind(object) {
        ("" | "events.k8s.io", "Event")
        | ("coordination.k8s.io", "Lease" | "LeaseCandidate")
        | ("", "Node")
        | ("storage.k8s.io", "CSINode" | "CSIStorageCapacity" | "VolumeAttachment")
        | ("resource.k8s.io", "ResourceSlice")
        | ("certificates.k8s.io", "PodCertificateRequest") => Some(Maker::Running),
        ("", "RangeAllocation" | "ComponentStatus")
        | ("internal.apiserver.k8s.io", "StorageVersion") => Some(Maker::Internal),
        ("apps", "ControllerRevision") => Some(Maker::Controller),
        ("", "Endpoints") => {
            let is_leader = annotation(object, "control-plane.alpha.kubernetes.io/leader");
            if is_leader.is_some() {
                return Some(Maker::Running);
            }
            is_of_cluster(
                // Addresses of API servers are kept under the kind, and have no names.
                name.is_empty()
                    || (namespace, name) == ("default", "kubernetes")
                    || label("endpoints.kubernetes.io/managed-by") == Some("endpoint-controller")
                    || has_selector(namespace, name),
            )
        }
        ("discovery.k8s.io", "EndpointSlice") => {
            let service = label("kubernetes.io/service-name").unwrap_or_default();
            let manager = label("endpointslice.kubernetes.io/managed-by").unwrap_or_default();
            is_of_cluster(
                (namespace, service) == ("default", "kubernetes")
                    || matches!(
                        manager,
                        "endpointslice-controller.k8s.io"
                            | "endpointslicemirroring-controller.k8s.io"
                    )
                    // Another manager, or people, may add slices of their own to any Service.
                    || manager.is_empty() && has_selector(namespace, service),
            )
        }
        ("networking.k8s.io", "IPAddress") => {
            is_of_cluster(label("ipaddress.kubernetes.io/managed-by") == Some("ipallocator.k8s.io"))
        }
        ("networking.k8s.io", "ServiceCIDR") => is_of_cluster(name == "kubernetes"),
        ("", "Namespace") => is_of_cluster(NAMESPACES.contains(&name)),
        ("", "Service") => is_of_cluster((namespace, name) == ("default", "kubernetes")),
        ("", "ServiceAccount") => is_of_cluster(
            name == "default" || namespace == "kube-system" && CONTROLLERS.contains(&name),
        ),
        ("", "ConfigMap") => is_of_cluster(
            name == "kube-root-ca.crt"
                || (namespace, name) == ("kube-public", "cluster-info")
                || namespace == "kube-system"
                    && (name == "kubeadm-config" || name.starts_with("kubelet-config"))
                || namespace == "kube-system"
                    && matches!(
                        name,
                        "extension-apiserver-authentication"
                            | "kube-apiserver-legacy-service-account-token-tracking"
                    ),
        ),
        ("", "Secret") if (namespace, name) == ("kube-system", "kubeadm-certs") => {
            Some(Maker::Cluster)
        }
        ("", "Secret") => {
            matches!(text(object, "type"), TOKEN | BOOTSTRAP).then_some(Maker::Tokens)
        }
        ("", "Pod") => maker_of_pod(object),
        ("batch", "Job") => {
            let is_done = |condition: &&str| has_condition(object, condition);
            let is_finished = ["Complete", "Failed"].iter().any(is_done);
            is_finished.then_some(Maker::Finished)
        }
        ("storagemigration.k8s.io", "StorageVersionMigration") => {
            let is_done = |condition: &&str| has_condition(object, condition);
            let is_finished = ["Succeeded", "Failed"].iter().any(is_done);
            is_finished.then_some(Maker::Finished)
        }
        // Trust in the certificates of this cluster.
        ("certificates.k8s.io", "ClusterTrustBundle") => {
            is_of_cluster(text(object, "spec.signerName").starts_with("kubernetes.io/"))
        }
        ("rbac.authorization.k8s.io", _) => {
            is_of_cluster(label("kubernetes.io/bootstrapping") == Some("rbac-defaults"))
        }
        ("flowcontrol.apiserver.k8s.io", kind) => is_of_cluster(match kind {
            "FlowSchema" => FLOW_SCHEMAS.contains(&name),
            _ => PRIORITY_LEVELS.contains(&name),
        }),
        ("scheduling.k8s.io", "PriorityClass") => is_of_cluster(matches!(
            name,
            "system-node-critical" | "system-cluster-critical"
        )),
        ("apiregistration.k8s.io", "APIService") => {
            is_of_cluster(label("kube-aggregator.kubernetes.io/automanaged").is_some())
        }
        _ => None,
    }
}

fn maker_of_pod(pod: &Value) -> Option<Maker> {
    // What the kubelet has read from its own disk, and shows.
    let source = annotation(pod, "kubernetes.io/config.source");
    if annotation(pod, "kubernetes.io/config.mirror").is_some()
        || source.is_some_and(|source| source != "api")
    {
        return Some(Maker::Running);
    }
    matches!(text(pod, "status.phase"), "Succeeded" | "Failed").then_some(Maker::Finished)
}

fn has_condition(object: &Value, name: &str) -> bool {
    items(object, "status.conditions")
        .iter()
        .any(|one| text(one, "type") == name && text(one, "status") == "True")
}

/// True for an object that clusters make, in which somebody else has set something: in another cluster it will be
/// there, but without that.
pub fn is_changed_by_users(object: &Value, maker: Maker) -> bool {
    let is_on = |name: &str, wanted: &str| annotation(object, name) == Some(wanted);
    match (maker, group_and_kind(object)) {
        // A token that somebody asked for by a Secret of this type; of others the account's name is in front.
        (Maker::Tokens, _) if text(object, "type") == BOOTSTRAP => false,
        (Maker::Tokens, _) => {
            let account = annotation(object, "kubernetes.io/service-account.name");
            !is_generated(text(object, "metadata.name"), account.unwrap_or_default())
        }
        (Maker::Cluster, ("", "Namespace")) => {
            has_more_metadata(object, &["kubernetes.io/metadata.name"])
        }
        (Maker::Cluster, ("", "ServiceAccount")) => {
            let name = text(object, "metadata.name");
            let is_asked = |list: &str| {
                let mut secrets = items(object, list).iter();
                secrets.any(|secret| !is_generated(text(secret, "name"), name))
            };
            has_more_metadata(object, &[])
                || is_set(object, "automountServiceAccountToken")
                || is_asked("secrets")
                || is_asked("imagePullSecrets")
        }
        (Maker::Cluster, ("rbac.authorization.k8s.io", _)) => {
            is_on("rbac.authorization.kubernetes.io/autoupdate", "false")
                || is_written_by_others(object)
        }
        (Maker::Cluster, ("flowcontrol.apiserver.k8s.io", _)) => {
            is_on("apf.kubernetes.io/autoupdate-spec", "false") || is_written_by_others(object)
        }
        (
            Maker::Cluster,
            ("", "Service")
            | ("scheduling.k8s.io", "PriorityClass")
            | ("networking.k8s.io", "ServiceCIDR"),
        ) => is_written_by_others(object),
        _ => false,
    }
}

/// True when there are labels besides `usual` ones, annotations or finalizers.
fn has_more_metadata(object: &Value, usual: &[&str]) -> bool {
    let has = |map: &str| {
        let map: Option<&Map<String, Value>> = members(object, map);
        map.is_some_and(|map| map.keys().any(|key| !usual.contains(&key.as_str())))
    };
    has("metadata.labels")
        || has("metadata.annotations")
        || !items(object, "metadata.finalizers").is_empty()
}

/// True when managed fields name a writer that is not a server of the cluster. Without managed fields it cannot be determined.
pub(super) fn is_written_by_others(object: &Value) -> bool {
    items(object, "metadata.managedFields").iter().any(|entry| {
        let manager = text(entry, "manager");
        text(entry, "subresource").is_empty()
            && !SERVERS.iter().any(|server| manager.starts_with(server))
    })
}

/// True for endpoints that nothing says a controller wrote: no field has a manager, as after a replacement by which the
/// last one went, and what controllers leave on theirs is missing.
pub(super) fn is_without_a_trace(object: &Value) -> bool {
    let metadata = object.get("metadata");
    let has = |map: &str, key: &str| {
        let map = metadata.and_then(|metadata| metadata.get(map));
        map.is_some_and(|map| map.get(key).is_some())
    };
    items(object, "metadata.managedFields").is_empty()
        && !has("labels", "endpointslice.kubernetes.io/managed-by")
        && !has("labels", "endpoints.kubernetes.io/managed-by")
        && !has(
            "annotations",
            "endpoints.kubernetes.io/last-change-trigger-time",
        )
        && !has("annotations", "control-plane.alpha.kubernetes.io/leader")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
        json!({"apiVersion": api_version, "kind": kind,
            "metadata": {"namespace": namespace, "name": name}})
    }

    fn with(mut object: Value, path: &str, value: Value) -> Value {
        let mut at = &mut object;
        for key in path.split('/') {
            at = &mut at[key];
        }
        *at = value;
        object
    }

    /// Who makes it where the Service `shop/web` has a selector, and `shop/db` has none.
    fn made(object: &Value) -> Option<Maker> {
        maker(object, |namespace, name| {
            (namespace, name) == ("shop", "web")
        })
    }

    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    const FLOW: &str = "flowcontrol.apiserver.k8s.io/v1";

    #[test]
    fn what_every_cluster_makes_is_told_from_what_people_have_made() {
        let defaults = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        let role = |kind: &str| object(RBAC, kind, "", "system:node");
        let automanaged = json!({"kube-aggregator.kubernetes.io/automanaged": "onstart"});
        let api = object("apiregistration.k8s.io/v1", "APIService", "", "v1.apps");
        let trust = object("certificates.k8s.io/v1", "ClusterTrustBundle", "", "t");
        for (made_by_cluster, others) in [
            (
                object("v1", "Namespace", "", "kube-system"),
                object("v1", "Namespace", "", "shop"),
            ),
            (
                object("v1", "Service", "default", "kubernetes"),
                object("v1", "Service", "shop", "kubernetes"),
            ),
            (
                object("v1", "ServiceAccount", "shop", "default"),
                object("v1", "ServiceAccount", "shop", "app"),
            ),
            (
                object("v1", "ServiceAccount", "kube-system", "job-controller"),
                object("v1", "ServiceAccount", "shop", "job-controller"),
            ),
            (
                object("v1", "ConfigMap", "shop", "kube-root-ca.crt"),
                object("v1", "ConfigMap", "kube-system", "coredns"),
            ),
            (
                object("v1", "ConfigMap", "kube-system", "kubeadm-config"),
                object("v1", "ConfigMap", "shop", "kubeadm-config"),
            ),
            (
                object("v1", "ConfigMap", "kube-system", "kubelet-config-1.23"),
                object("v1", "ConfigMap", "kube-system", "kube-proxy"),
            ),
            (
                object("v1", "ConfigMap", "kube-public", "cluster-info"),
                object("v1", "ConfigMap", "shop", "cluster-info"),
            ),
            (
                object("v1", "Secret", "kube-system", "kubeadm-certs"),
                object("v1", "Secret", "shop", "kubeadm-certs"),
            ),
            (
                object(
                    "v1",
                    "ConfigMap",
                    "kube-system",
                    "extension-apiserver-authentication",
                ),
                object(
                    "v1",
                    "ConfigMap",
                    "shop",
                    "extension-apiserver-authentication",
                ),
            ),
            (
                object("networking.k8s.io/v1", "ServiceCIDR", "", "kubernetes"),
                object("networking.k8s.io/v1", "ServiceCIDR", "", "more"),
            ),
            (
                with(role("ClusterRole"), "metadata/labels", defaults.clone()),
                role("ClusterRole"),
            ),
            (
                with(role("RoleBinding"), "metadata/labels", defaults),
                role("RoleBinding"),
            ),
            (
                object(FLOW, "FlowSchema", "", "probes"),
                object(FLOW, "FlowSchema", "", "mine"),
            ),
            (
                object(FLOW, "PriorityLevelConfiguration", "", "system"),
                object(FLOW, "PriorityLevelConfiguration", "", "probes"),
            ),
            (
                object(
                    "scheduling.k8s.io/v1",
                    "PriorityClass",
                    "",
                    "system-node-critical",
                ),
                object("scheduling.k8s.io/v1", "PriorityClass", "", "high"),
            ),
            (with(api.clone(), "metadata/labels", automanaged), api),
            (
                with(
                    trust.clone(),
                    "spec",
                    json!({"signerName": "kubernetes.io/kube-apiserver-serving"}),
                ),
                with(trust, "spec", json!({"signerName": "example.com/mine"})),
            ),
            (
                object("v1", "Endpoints", "shop", "web"),
                object("v1", "Endpoints", "shop", "db"),
            ),
            (
                object("v1", "Endpoints", "default", "kubernetes"),
                object("v1", "Endpoints", "shop", "x"),
            ),
            // As API servers keep each other's addresses.
            (
                json!({"apiVersion": "v1", "kind": "Endpoints"}),
                object("example.com/v1", "Endpoints", "", ""),
            ),
        ] {
            assert_eq!(
                made(&made_by_cluster),
                Some(Maker::Cluster),
                "{made_by_cluster}"
            );
            assert_eq!(made(&others), None, "{others}");
        }
    }

    #[test]
    fn the_addresses_of_a_service_stay_unless_a_controller_keeps_them() {
        let slice = |service: &str, manager: &str| {
            let labels = match manager {
                "" => json!({"kubernetes.io/service-name": service}),
                manager => json!({"kubernetes.io/service-name": service,
                    "endpointslice.kubernetes.io/managed-by": manager}),
            };
            let slice = object("discovery.k8s.io/v1", "EndpointSlice", "shop", "s");
            made(&with(slice, "metadata/labels", labels))
        };
        assert_eq!(slice("db", ""), None);
        assert_eq!(slice("web", ""), Some(Maker::Cluster));
        // Others may add addresses to a Service with a selector.
        assert_eq!(slice("web", "example.com/mine"), None);
        assert_eq!(
            slice("gone", "endpointslice-controller.k8s.io"),
            Some(Maker::Cluster)
        );
        let old = object("v1", "Endpoints", "shop", "lock");
        let leader = json!({"control-plane.alpha.kubernetes.io/leader": "{}"});
        assert_eq!(
            made(&with(old, "metadata/annotations", leader)),
            Some(Maker::Running)
        );
    }

    #[test]
    fn what_runs_or_has_run_is_not_brought_along() {
        for (api_version, kind, maker) in [
            ("v1", "Event", Maker::Running),
            ("events.k8s.io/v1", "Event", Maker::Running),
            ("coordination.k8s.io/v1", "Lease", Maker::Running),
            ("v1", "Node", Maker::Running),
            ("storage.k8s.io/v1", "CSINode", Maker::Running),
            ("storage.k8s.io/v1", "VolumeAttachment", Maker::Running),
            ("resource.k8s.io/v1", "ResourceSlice", Maker::Running),
            ("v1", "RangeAllocation", Maker::Internal),
            ("apps/v1", "ControllerRevision", Maker::Controller),
        ] {
            assert_eq!(
                made(&object(api_version, kind, "n", "x")),
                Some(maker),
                "{kind}"
            );
            assert_eq!(
                made(&object("example.com/v1", kind, "n", "x")),
                None,
                "{kind}"
            );
        }
        let condition = |kind: &str, status: &str| json!([{"type": kind, "status": status}]);
        let job = |conditions: Value| {
            made(&with(
                object("batch/v1", "Job", "n", "j"),
                "status/conditions",
                conditions,
            ))
        };
        assert_eq!(job(condition("Complete", "True")), Some(Maker::Finished));
        assert_eq!(job(condition("Failed", "True")), Some(Maker::Finished));
        assert_eq!(job(condition("Failed", "False")), None);
        assert_eq!(job(condition("Suspended", "True")), None);
        let pod =
            |path: &str, value: Value| made(&with(object("v1", "Pod", "n", "p"), path, value));
        assert_eq!(
            pod("status/phase", json!("Succeeded")),
            Some(Maker::Finished)
        );
        assert_eq!(pod("status/phase", json!("Running")), None);
        let mirror = json!({"kubernetes.io/config.mirror": "x"});
        assert_eq!(pod("metadata/annotations", mirror), Some(Maker::Running));
        let owner = |controller: bool| json!([{"kind": "CronJob", "controller": controller}]);
        assert_eq!(
            pod("metadata/ownerReferences", owner(true)),
            Some(Maker::Controller)
        );
        assert_eq!(pod("metadata/ownerReferences", owner(false)), None);
    }

    #[test]
    fn what_somebody_has_set_in_an_object_of_the_cluster_is_noticed() {
        let managed = |manager: &str, subresource: &str| {
            json!([{"manager": "kube-apiserver-1.37", "operation": "Update"},
                {"manager": manager, "operation": "Update", "subresource": subresource}])
        };
        let role = with(
            object(RBAC, "ClusterRole", "", "view"),
            "metadata/labels",
            json!({"kubernetes.io/bootstrapping": "rbac-defaults"}),
        );
        let account = object("v1", "ServiceAccount", "shop", "default");
        let namespace = with(
            object("v1", "Namespace", "", "default"),
            "metadata/labels",
            json!({"kubernetes.io/metadata.name": "default"}),
        );
        let token = |name: &str| {
            let secret = with(object("v1", "Secret", "shop", name), "type", json!(TOKEN));
            let account = json!({"kubernetes.io/service-account.name": "app"});
            with(secret, "metadata/annotations", account)
        };
        let flow = object(FLOW, "FlowSchema", "", "probes");
        let pull = |name: &str| json!([{"name": name}]);
        for (object, expected) in [
            (role.clone(), false),
            (
                with(
                    role.clone(),
                    "metadata/managedFields",
                    managed("clusterrole-aggregation-controller", ""),
                ),
                false,
            ),
            (
                with(
                    role.clone(),
                    "metadata/managedFields",
                    managed("kubectl-edit", "status"),
                ),
                false,
            ),
            (
                with(
                    role.clone(),
                    "metadata/managedFields",
                    managed("kubectl-edit", ""),
                ),
                true,
            ),
            (
                with(
                    role,
                    "metadata/annotations",
                    json!({"rbac.authorization.kubernetes.io/autoupdate": "false"}),
                ),
                true,
            ),
            (account.clone(), false),
            (
                with(account.clone(), "secrets", pull("default-token-abcde")),
                false,
            ),
            (
                with(account.clone(), "imagePullSecrets", pull("registry")),
                true,
            ),
            (
                with(
                    account.clone(),
                    "automountServiceAccountToken",
                    json!(false),
                ),
                true,
            ),
            (
                with(account, "metadata/annotations", json!({"a": "b"})),
                true,
            ),
            (namespace.clone(), false),
            (with(namespace, "metadata/labels/team", json!("me")), true),
            (token("app-token-x1y2z"), false),
            (token("mine"), true),
            (flow.clone(), false),
            (
                with(
                    flow.clone(),
                    "metadata/managedFields",
                    managed("api-priority-and-fairness-config-producer-v1", ""),
                ),
                false,
            ),
            (
                with(
                    flow,
                    "metadata/annotations",
                    json!({"apf.kubernetes.io/autoupdate-spec": "false"}),
                ),
                true,
            ),
        ] {
            let maker = made(&object).expect("a cluster makes it");
            assert_eq!(is_changed_by_users(&object, maker), expected, "{object}");
        }
    }

    #[test]
    fn lists_of_names_are_in_order_and_have_each_once() {
        for names in [&CONTROLLERS[..], &FLOW_SCHEMAS, &PRIORITY_LEVELS] {
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
