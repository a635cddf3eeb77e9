//! The columns of `kubectl get`, computed from stored objects.
//!
//! What an API server would fill in when it reads an object (such as one replica, if none are named) is
//! filled in here too. Cells are as they come from the object: with newlines, and unescaped.

mod access;
pub(super) mod cluster;
mod custom;
mod events;
mod layout;
pub(super) mod network;
mod pods;
mod policy;
mod scaling;
pub(super) mod shared;
pub(super) mod storage;
pub use storage::DEFAULT_MARK;
mod workloads;

use serde_json::Value;

use super::duration::{age, until};
use crate::kubernetes::catalog::resources::{Resource, split_api_version};
use crate::kubernetes::fields::{integer, text};
use crate::kubernetes::release::KubeRelease;
use crate::kubernetes::time::{parse_rfc3339, rfc3339};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The header, in capitals as kubectl prints it.
    pub name: String,
    /// Shown in wide tables only.
    pub wide: bool,
}

/// A table as kubectl prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The columns that are shown.
    pub columns: Vec<Column>,
    /// For each object a cell per column.
    pub rows: Vec<Vec<String>>,
}

/// How to make a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// With the columns of `-o wide`.
    pub wide: bool,
    /// Seconds since 1970 from which ages are counted; without it ages are not known.
    pub now: Option<i64>,
    /// Whose API server makes it.
    pub release: KubeRelease,
}

/// Makes the row of one object.
type RowMaker = fn(&Value, &Now) -> Vec<String>;

/// The present, for ages, and the release.
#[derive(Debug, Clone, Copy)]
struct Now {
    seconds: Option<i64>,
    release: KubeRelease,
}

impl Now {
    /// How long ago an RFC 3339 time was.
    fn since(&self, stamp: &str) -> String {
        age(stamp, self.seconds)
    }

    /// How long until a time, or how long ago it was.
    fn until_or_ago(&self, stamp: &str) -> String {
        match (parse_rfc3339(stamp), self.seconds) {
            (Some(time), Some(now)) if time > now => format!("in {}", until(time, now)),
            _ => format!("{} ago", self.since(stamp)),
        }
    }

    /// The age of an object.
    fn age(&self, object: &Value) -> String {
        self.since(text(object, "metadata.creationTimestamp"))
    }
}

/// What tables of one kind look like.
#[derive(Debug, Clone)]
pub struct TableLayout {
    columns: Vec<Column>,
    maker: Maker,
}

#[derive(Debug, Clone)]
enum Maker {
    Builtin(RowMaker),
    Custom(Vec<custom::Cell>),
}

impl TableLayout {
    /// The layout of a kind in a release. `api_version` is that of the objects: custom resources may have other
    /// columns in each version.
    pub fn of(resource: &Resource, api_version: &str, release: KubeRelease) -> Self {
        let (_, version) = split_api_version(api_version);
        if let Some(columns) = resource.custom_columns(version) {
            let (columns, cells) = custom::layout(columns);
            return Self {
                columns,
                maker: Maker::Custom(cells),
            };
        }
        let (group, kind) = (resource.group.as_str(), resource.kind.as_str());
        let column = |name: &str| Column {
            name: name.to_owned(),
            wide: false,
        };
        let columns = layout::columns(group, kind, release)
            .map_or_else(|| vec![column("NAME"), column("AGE")], <[Column]>::to_vec);
        let has_time = columns.get(1).is_some_and(|one| one.name == "CREATED AT");
        let row = row_maker(group, kind, release).unwrap_or(if has_time { CREATED } else { PLAIN });
        Self {
            columns,
            maker: Maker::Builtin(row),
        }
    }

    /// The number of the column with the name of the object.
    pub fn name_column(&self, wide: bool) -> Option<usize> {
        let shown = self.columns.iter().filter(|column| wide || !column.wide);
        shown
            .map(|column| column.name.as_str())
            .position(|name| name == "NAME")
    }

    /// The columns, with those of wide tables if asked for.
    pub fn columns(&self, wide: bool) -> Vec<Column> {
        let shown = self.columns.iter().filter(|column| wide || !column.wide);
        shown.cloned().collect()
    }

    /// The cells of an object, one for each of [`TableLayout::columns`].
    pub fn row(&self, object: &Value, options: TableOptions) -> Vec<String> {
        let now = Now {
            seconds: options.now,
            release: options.release,
        };
        let mut cells = match &self.maker {
            Maker::Builtin(row) => row(object, &now),
            Maker::Custom(cells) => custom::row(cells, object, &now),
        };
        cells.resize(self.columns.len(), String::new());
        let cells = cells.into_iter().zip(&self.columns);
        let shown = cells.filter(|(_, column)| options.wide || !column.wide);
        shown.map(|(cell, _)| cell).collect()
    }
}

/// The table of objects of one kind. Its layout is that of the first object's version.
pub fn table(resource: &Resource, objects: &[&Value], options: TableOptions) -> Table {
    let api_version = objects
        .first()
        .map_or("", |object| text(object, "apiVersion"));
    let layout = TableLayout::of(resource, api_version, options.release);
    Table {
        columns: layout.columns(options.wide),
        rows: objects
            .iter()
            .map(|object| layout.row(object, options))
            .collect(),
    }
}

/// By what an API server sorts the rows of a kind, before their names.
pub fn precedence(resource: &Resource, object: &Value) -> i64 {
    match resource.kind.as_str() {
        "FlowSchema" => integer(object, "spec.matchingPrecedence"),
        _ => 0,
    }
}

/// What `-L` and `--show-labels` add to a row: the values of some labels, then all labels with their values.
pub fn label_cells(object: &Value, labels: &[String], shows_all: bool) -> Vec<String> {
    let all = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object);
    let value = |label: &String| {
        let value = all.and_then(|all| all.get(label)?.as_str());
        value.unwrap_or_default().to_owned()
    };
    let mut cells: Vec<String> = labels.iter().map(value).collect();
    if shows_all {
        let all = all.into_iter().flatten();
        let all: Vec<String> = all
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        cells.push(match all.is_empty() {
            true => "<none>".into(),
            false => all.join(","),
        });
    }
    cells
}

/// The name and the time of creation of a StorageClass that is marked as default. In a list, only the newest of
/// them is shown as such, of two of one time the first by name.
pub fn default_class<'o>(resource: &Resource, object: &'o Value) -> Option<(&'o str, i64)> {
    let is_class = resource.group == "storage.k8s.io" && resource.kind == "StorageClass";
    let created = parse_rfc3339(text(object, "metadata.creationTimestamp"));
    (is_class && storage::is_default_class(object))
        .then(|| (text(object, "metadata.name"), created.unwrap_or(i64::MIN)))
}

/// A cell as kubectl prints it in a line: only what is before the first line break, with dots behind it.
pub fn first_line(cell: &str) -> String {
    match cell.split_once(['\n', '\r', '\u{c}']) {
        Some((line, _)) => format!("{line}..."),
        None => cell.to_owned(),
    }
}

/// Kinds that have a name and an age.
const PLAIN: RowMaker = |object, now| vec![name(object), now.age(object)];

/// Kinds for which an API server has no printer.
const CREATED: RowMaker = |object, _| {
    let created = text(object, "metadata.creationTimestamp");
    let created = parse_rfc3339(created).map(rfc3339);
    vec![
        name(object),
        created.unwrap_or_else(|| "0001-01-01T00:00:00Z".into()),
    ]
};

fn name(object: &Value) -> String {
    text(object, "metadata.name").to_owned()
}

/// What makes the rows of a kind that has more than a name and an age.
fn row_maker(group: &str, kind: &str, release: KubeRelease) -> Option<RowMaker> {
    let found = match (group, kind) {
        ("", "ServiceAccount") if release < KubeRelease::V1_35 => access::SERVICE_ACCOUNT_1_34,
        ("storagemigration.k8s.io", "StorageVersionMigration") if release < KubeRelease::V1_35 => {
            cluster::STORAGE_MIGRATION_1_34
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") if release >= KubeRelease::V1_37 => {
            cluster::DEFINITION
        }
        ("scheduling.k8s.io", "CompositePodGroup") => policy::COMPOSITE_POD_GROUP,
        ("lifecycle.k8s.io", "EvictionRequest") => policy::EVICTION_REQUEST,
        ("lifecycle.k8s.io", "Eviction") => policy::EVICTION,
        ("", "Pod") => pods::POD,
        ("", "PodTemplate") => workloads::POD_TEMPLATE,
        ("", "ReplicationController") => workloads::REPLICATION_CONTROLLER,
        ("apps", "ReplicaSet") => workloads::REPLICA_SET,
        ("apps", "Deployment") => workloads::DEPLOYMENT,
        ("apps", "StatefulSet") => workloads::STATEFUL_SET,
        ("apps", "DaemonSet") => workloads::DAEMON_SET,
        ("apps", "ControllerRevision") => workloads::CONTROLLER_REVISION,
        ("batch", "Job") => workloads::JOB,
        ("batch", "CronJob") => workloads::CRON_JOB,
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::AUTOSCALER,
        ("policy", "PodDisruptionBudget") => policy::DISRUPTION_BUDGET,
        ("", "Service") => network::SERVICE,
        ("", "Endpoints") => network::ENDPOINTS,
        ("discovery.k8s.io", "EndpointSlice") => network::ENDPOINT_SLICE,
        ("networking.k8s.io", "Ingress") => network::INGRESS,
        ("networking.k8s.io", "IngressClass") => network::INGRESS_CLASS,
        ("networking.k8s.io", "NetworkPolicy") => network::NETWORK_POLICY,
        ("networking.k8s.io", "ServiceCIDR") => network::SERVICE_CIDR,
        ("networking.k8s.io", "IPAddress") => network::IP_ADDRESS,
        ("", "ConfigMap") => cluster::CONFIG_MAP,
        ("", "Secret") => cluster::SECRET,
        ("", "Node") => cluster::NODE,
        ("", "Namespace") => cluster::NAMESPACE,
        ("", "ComponentStatus") => cluster::COMPONENT_STATUS,
        ("coordination.k8s.io", "Lease") => cluster::LEASE,
        ("coordination.k8s.io", "LeaseCandidate") => cluster::LEASE_CANDIDATE,
        ("node.k8s.io", "RuntimeClass") => cluster::RUNTIME_CLASS,
        ("apiregistration.k8s.io", "APIService") => cluster::API_SERVICE,
        ("internal.apiserver.k8s.io", "StorageVersion") => cluster::STORAGE_VERSION,
        ("storagemigration.k8s.io", "StorageVersionMigration") => cluster::STORAGE_MIGRATION,
        ("" | "events.k8s.io", "Event") => events::EVENT,
        ("", "PersistentVolume") => storage::VOLUME,
        ("", "PersistentVolumeClaim") => storage::CLAIM,
        ("storage.k8s.io", "StorageClass") => storage::STORAGE_CLASS,
        ("storage.k8s.io", "VolumeAttributesClass") => storage::ATTRIBUTES_CLASS,
        ("storage.k8s.io", "VolumeAttachment") => storage::ATTACHMENT,
        ("storage.k8s.io", "CSINode") => storage::CSI_NODE,
        ("storage.k8s.io", "CSIDriver") => storage::CSI_DRIVER,
        ("resource.k8s.io", "ResourceClaim") => storage::RESOURCE_CLAIM,
        ("resource.k8s.io", "ResourceSlice") => storage::RESOURCE_SLICE,
        ("resource.k8s.io", "DeviceTaintRule") => storage::DEVICE_TAINT,
        ("resource.k8s.io", "ResourcePoolStatusRequest") => storage::POOL_STATUS,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => access::BINDING,
        ("certificates.k8s.io", "CertificateSigningRequest") => access::SIGNING_REQUEST,
        ("certificates.k8s.io", "ClusterTrustBundle") => access::TRUST_BUNDLE,
        ("certificates.k8s.io", "PodCertificateRequest") => access::POD_CERTIFICATE,
        ("", "ResourceQuota") => policy::QUOTA,
        ("scheduling.k8s.io", "PriorityClass") => policy::PRIORITY_CLASS,
        ("scheduling.k8s.io", "PodGroup") => policy::POD_GROUP,
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => policy::WEBHOOKS,
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => policy::VALIDATING,
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => policy::MUTATING,
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding",
        ) => policy::POLICY_BINDING,
        ("flowcontrol.apiserver.k8s.io", "FlowSchema") => policy::FLOW_SCHEMA,
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration") => policy::PRIORITY_LEVEL,
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests;
