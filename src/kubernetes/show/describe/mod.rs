//! What `kubectl describe` tells of an object: kubectl's sections for the kinds that it knows, all fields for any other.
//!
//! What comes out is text with tabs between cells, not yet aligned and as it comes from the object: with line breaks,
//! and unescaped. Secrets must be hidden before. Times are given in UTC.

mod access;
mod amounts;
mod certificates;
mod claims;
mod cluster;
mod events;
mod generic;
mod network;
mod node;
mod pods;
mod scaling;
mod storage;
mod text;
mod volumes;
mod workloads;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use events::EventRow;
pub use network::{backend_services, service_of};
pub use node::{NodePods, SlicePool};
pub use workloads::{ReplicaSetRow, template_text};

use crate::kubernetes::catalog::resources::Resource;
use text::Text;

/// What is known beside an object itself.
#[derive(Debug, Clone, Default)]
pub struct Related {
    /// Its events, in kubectl's order; `None` where they are not shown.
    pub events: Option<Vec<EventRow>>,
    /// How many of the pods that it controls run, wait, succeeded, failed.
    pub pod_phases: [u64; 4],
    /// The names of the pods that use a claim, in their order.
    pub users: Vec<String>,
    /// The pods that run on a node.
    pub node_pods: NodePods,
    /// The lease of a node.
    pub lease: Option<Value>,
    /// The devices of a node, by driver and pool.
    pub slices: BTreeMap<String, SlicePool>,
    /// The replica sets that a Deployment controls.
    pub replica_sets: Vec<ReplicaSetRow>,
    /// The endpoints of a Service; of an Ingress, those of all its backends.
    pub endpoint_slices: Vec<Arc<Value>>,
    /// The Services that an Ingress names. Many may name the same, which then share it.
    pub services: Vec<Arc<Value>>,
    /// The quotas of a namespace.
    pub quotas: Vec<Value>,
    /// The limit ranges of a namespace.
    pub limit_ranges: Vec<Value>,
    /// How many bytes a Secret has under each of its names.
    pub secret_sizes: BTreeMap<String, usize>,
}

/// From when ages are counted, in seconds since 1970; without it they are not known.
pub type Now = Option<i64>;

/// Describes an object that is served by the name of its kind.
pub fn describe(resource: &Resource, object: &Value, related: &Related, now: Now) -> String {
    let mut w = Text::default();
    match describer(&resource.group, &resource.kind) {
        Some(describer) => describer(&mut w, object, related, now),
        None => generic::describe(&mut w, object, related),
    }
    w.into_string()
}

/// The sizes of a map of bytes in base64, by name.
pub fn byte_sizes(map: &Value) -> BTreeMap<String, usize> {
    let sizes = storage::sizes(map);
    sizes.map(|(name, size)| (name.to_owned(), size)).collect()
}

/// Whether kubectl shows events of a kind.
pub fn has_events(resource: &Resource) -> bool {
    !matches!(
        (resource.group.as_str(), resource.kind.as_str()),
        ("", "Secret" | "Namespace" | "LimitRange" | "ResourceQuota")
            | (
                "rbac.authorization.k8s.io",
                "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding"
            )
            | ("networking.k8s.io", "NetworkPolicy")
    )
}

/// Whether a description tells the version of the API, as it does where it tells all fields.
pub fn tells_version(resource: &Resource) -> bool {
    describer(&resource.group, &resource.kind).is_none()
}

type Describer = fn(&mut Text, &Value, &Related, Now);

fn describer(group: &str, kind: &str) -> Option<Describer> {
    let found: Describer = match (group, kind) {
        ("", "Pod") => pods::pod,
        ("", "ReplicationController") => workloads::replication_controller,
        ("apps", "ReplicaSet") => workloads::replica_set,
        ("apps", "Deployment") => workloads::deployment,
        ("apps", "StatefulSet") => workloads::stateful_set,
        ("apps", "DaemonSet") => workloads::daemon_set,
        ("batch", "Job") => workloads::job,
        ("batch", "CronJob") => workloads::cron_job,
        ("", "Service") => network::service,
        ("", "Endpoints") => network::endpoints,
        ("discovery.k8s.io", "EndpointSlice") => network::endpoint_slice,
        ("networking.k8s.io", "Ingress") => network::ingress,
        ("networking.k8s.io", "IngressClass") => network::ingress_class,
        ("networking.k8s.io", "NetworkPolicy") => network::network_policy,
        ("networking.k8s.io", "ServiceCIDR") => network::service_cidr,
        ("networking.k8s.io", "IPAddress") => network::ip_address,
        ("", "Node") => node::node,
        ("", "Namespace") => cluster::namespace,
        ("", "LimitRange") => cluster::limit_range,
        ("", "ResourceQuota") => cluster::quota,
        ("", "ConfigMap") => cluster::config_map,
        ("", "Secret") => cluster::secret,
        ("", "ServiceAccount") => cluster::service_account,
        ("scheduling.k8s.io", "PriorityClass") => cluster::priority_class,
        ("", "PersistentVolume") => storage::volume,
        ("", "PersistentVolumeClaim") => storage::claim,
        ("storage.k8s.io", "StorageClass") => storage::class,
        ("storage.k8s.io", "VolumeAttributesClass") => storage::attributes_class,
        ("storage.k8s.io", "CSINode") => storage::csi_node,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => access::role,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => access::binding,
        ("certificates.k8s.io", "CertificateSigningRequest") => certificates::signing_request,
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::autoscaler,
        ("policy", "PodDisruptionBudget") => scaling::disruption_budget,
        _ => return None,
    };
    Some(found)
}
