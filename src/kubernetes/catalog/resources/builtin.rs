//! The kinds that Kubernetes brings along. Source: discovery of Kubernetes 1.37, and of older releases for
//! versions that are still found in old snapshots.

/// A kind as it stands in the table.
pub(super) struct Builtin {
    pub(super) group: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    /// With commas between, as all lists here.
    pub(super) short_names: &'static str,
    pub(super) categories: &'static str,
    pub(super) namespaced: bool,
    /// The preferred one first.
    pub(super) versions: &'static str,
    /// Path part of keys in etcd, if it is not the plural.
    pub(super) path: &'static str,
}

const fn row(
    names: [&'static str; 4],
    categories: &'static str,
    namespaced: bool,
    versions: &'static str,
    path: &'static str,
) -> Builtin {
    let [group, plural, kind, short_names] = names;
    Builtin {
        group,
        plural,
        kind,
        short_names,
        categories,
        namespaced,
        versions,
        path,
    }
}

const IN_NAMESPACE: bool = true;
const IN_CLUSTER: bool = false;

/// Where several kinds go by one name, the one that kubectl prefers comes first.
#[rustfmt::skip]
pub(super) const BUILTINS: &[Builtin] = &[
    row(["", "componentstatuses", "ComponentStatus", "cs"], "", IN_CLUSTER, "v1", ""),
    row(["", "configmaps", "ConfigMap", "cm"], "", IN_NAMESPACE, "v1", ""),
    row(["", "endpoints", "Endpoints", "ep"], "", IN_NAMESPACE, "v1", "services/endpoints"),
    row(["", "events", "Event", "ev"], "", IN_NAMESPACE, "v1", ""),
    row(["", "limitranges", "LimitRange", "limits"], "", IN_NAMESPACE, "v1", ""),
    row(["", "namespaces", "Namespace", "ns"], "", IN_CLUSTER, "v1", ""),
    row(["", "nodes", "Node", "no"], "", IN_CLUSTER, "v1", "minions"),
    row(["", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc"], "", IN_NAMESPACE, "v1", ""),
    row(["", "persistentvolumes", "PersistentVolume", "pv"], "", IN_CLUSTER, "v1", ""),
    row(["", "pods", "Pod", "po"], "all", IN_NAMESPACE, "v1", ""),
    row(["", "podtemplates", "PodTemplate", ""], "", IN_NAMESPACE, "v1", ""),
    row(["", "replicationcontrollers", "ReplicationController", "rc"], "all", IN_NAMESPACE, "v1", "controllers"),
    row(["", "resourcequotas", "ResourceQuota", "quota"], "", IN_NAMESPACE, "v1", ""),
    row(["", "secrets", "Secret", ""], "", IN_NAMESPACE, "v1", ""),
    row(["", "serviceaccounts", "ServiceAccount", "sa"], "", IN_NAMESPACE, "v1", ""),
    row(["", "services", "Service", "svc"], "all", IN_NAMESPACE, "v1", "services/specs"),
    row(["apps", "controllerrevisions", "ControllerRevision", ""], "", IN_NAMESPACE, "v1", ""),
    row(["apps", "daemonsets", "DaemonSet", "ds"], "all", IN_NAMESPACE, "v1", ""),
    row(["apps", "deployments", "Deployment", "deploy"], "all", IN_NAMESPACE, "v1", ""),
    row(["apps", "replicasets", "ReplicaSet", "rs"], "all", IN_NAMESPACE, "v1", ""),
    row(["apps", "statefulsets", "StatefulSet", "sts"], "all", IN_NAMESPACE, "v1", ""),
    row(["batch", "cronjobs", "CronJob", "cj"], "all", IN_NAMESPACE, "v1,v1beta1", ""),
    row(["batch", "jobs", "Job", ""], "all", IN_NAMESPACE, "v1", ""),
    row(["autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa"], "all", IN_NAMESPACE, "v2,v1,v2beta2,v2beta1", ""),
    row(["networking.k8s.io", "ingressclasses", "IngressClass", ""], "", IN_CLUSTER, "v1", ""),
    row(["networking.k8s.io", "ingresses", "Ingress", "ing"], "", IN_NAMESPACE, "v1,v1beta1", "ingress"),
    row(["networking.k8s.io", "ipaddresses", "IPAddress", "ip"], "", IN_CLUSTER, "v1,v1beta1", ""),
    row(["networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol"], "", IN_NAMESPACE, "v1", ""),
    row(["networking.k8s.io", "servicecidrs", "ServiceCIDR", ""], "", IN_CLUSTER, "v1,v1beta1", ""),
    row(["policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb"], "", IN_NAMESPACE, "v1,v1beta1", ""),
    row(["rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", ""], "", IN_CLUSTER, "v1", ""),
    row(["rbac.authorization.k8s.io", "clusterroles", "ClusterRole", ""], "", IN_CLUSTER, "v1", ""),
    row(["rbac.authorization.k8s.io", "rolebindings", "RoleBinding", ""], "", IN_NAMESPACE, "v1", ""),
    row(["rbac.authorization.k8s.io", "roles", "Role", ""], "", IN_NAMESPACE, "v1", ""),
    row(["storage.k8s.io", "csidrivers", "CSIDriver", ""], "", IN_CLUSTER, "v1", ""),
    row(["storage.k8s.io", "csinodes", "CSINode", ""], "", IN_CLUSTER, "v1", ""),
    row(["storage.k8s.io", "csistoragecapacities", "CSIStorageCapacity", ""], "", IN_NAMESPACE, "v1,v1beta1", ""),
    row(["storage.k8s.io", "storageclasses", "StorageClass", "sc"], "", IN_CLUSTER, "v1,v1beta1", ""),
    row(["storage.k8s.io", "volumeattachments", "VolumeAttachment", ""], "", IN_CLUSTER, "v1", ""),
    row(["storage.k8s.io", "volumeattributesclasses", "VolumeAttributesClass", "vac"], "", IN_CLUSTER, "v1,v1beta1", ""),
    row(["events.k8s.io", "events", "Event", "ev"], "", IN_NAMESPACE, "v1", ""),
    row(["admissionregistration.k8s.io", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", ""], "api-extensions", IN_CLUSTER, "v1,v1beta1,v1alpha1", ""),
    row(["admissionregistration.k8s.io", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", ""], "api-extensions", IN_CLUSTER, "v1,v1beta1,v1alpha1", ""),
    row(["admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", ""], "api-extensions", IN_CLUSTER, "v1", ""),
    row(["admissionregistration.k8s.io", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", ""], "api-extensions", IN_CLUSTER, "v1", ""),
    row(["admissionregistration.k8s.io", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", ""], "api-extensions", IN_CLUSTER, "v1", ""),
    row(["admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", ""], "api-extensions", IN_CLUSTER, "v1", ""),
    row(["apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "crd,crds"], "api-extensions", IN_CLUSTER, "v1,v1beta1", "apiextensions.k8s.io/customresourcedefinitions"),
    row(["apiregistration.k8s.io", "apiservices", "APIService", ""], "api-extensions", IN_CLUSTER, "v1,v1beta1", "apiregistration.k8s.io/apiservices"),
    row(["certificates.k8s.io", "certificatesigningrequests", "CertificateSigningRequest", "csr"], "", IN_CLUSTER, "v1", ""),
    row(["certificates.k8s.io", "clustertrustbundles", "ClusterTrustBundle", ""], "", IN_CLUSTER, "v1,v1beta1,v1alpha1", ""),
    row(["certificates.k8s.io", "podcertificaterequests", "PodCertificateRequest", ""], "", IN_NAMESPACE, "v1,v1beta1,v1alpha1", ""),
    row(["coordination.k8s.io", "leases", "Lease", ""], "", IN_NAMESPACE, "v1", ""),
    row(["coordination.k8s.io", "leasecandidates", "LeaseCandidate", ""], "", IN_NAMESPACE, "v1beta1,v1alpha2", ""),
    row(["discovery.k8s.io", "endpointslices", "EndpointSlice", ""], "", IN_NAMESPACE, "v1,v1beta1", ""),
    row(["flowcontrol.apiserver.k8s.io", "flowschemas", "FlowSchema", ""], "", IN_CLUSTER, "v1,v1beta3,v1beta2,v1beta1", ""),
    row(["flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "PriorityLevelConfiguration", ""], "", IN_CLUSTER, "v1,v1beta3,v1beta2,v1beta1", ""),
    row(["internal.apiserver.k8s.io", "storageversions", "StorageVersion", ""], "", IN_CLUSTER, "v1alpha1", ""),
    row(["node.k8s.io", "runtimeclasses", "RuntimeClass", ""], "", IN_CLUSTER, "v1", ""),
    row(["resource.k8s.io", "deviceclasses", "DeviceClass", ""], "", IN_CLUSTER, "v1,v1beta2,v1beta1", ""),
    row(["resource.k8s.io", "resourceclaims", "ResourceClaim", ""], "", IN_NAMESPACE, "v1,v1beta2,v1beta1", ""),
    row(["resource.k8s.io", "resourceclaimtemplates", "ResourceClaimTemplate", ""], "", IN_NAMESPACE, "v1,v1beta2,v1beta1", ""),
    row(["resource.k8s.io", "resourceslices", "ResourceSlice", ""], "", IN_CLUSTER, "v1,v1beta2,v1beta1", ""),
    row(["resource.k8s.io", "devicetaintrules", "DeviceTaintRule", ""], "", IN_CLUSTER, "v1,v1beta2,v1alpha3", ""),
    row(["resource.k8s.io", "resourcepoolstatusrequests", "ResourcePoolStatusRequest", ""], "", IN_CLUSTER, "v1alpha3", ""),
    row(["scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc"], "", IN_CLUSTER, "v1", ""),
    row(["scheduling.k8s.io", "podgroups", "PodGroup", ""], "", IN_NAMESPACE, "v1beta1,v1alpha3,v1alpha2", ""),
    row(["scheduling.k8s.io", "compositepodgroups", "CompositePodGroup", ""], "", IN_NAMESPACE, "v1alpha3", ""),
    row(["lifecycle.k8s.io", "evictionrequests", "EvictionRequest", ""], "", IN_NAMESPACE, "v1alpha1", ""),
    row(["lifecycle.k8s.io", "evictions", "Eviction", ""], "", IN_NAMESPACE, "v1alpha1", ""),
    row(["scheduling.k8s.io", "workloads", "Workload", ""], "", IN_NAMESPACE, "v1beta1,v1alpha3,v1alpha2,v1alpha1", ""),
    row(["storagemigration.k8s.io", "storageversionmigrations", "StorageVersionMigration", ""], "", IN_CLUSTER, "v1,v1beta1,v1alpha1", ""),
    row(["policy", "podsecuritypolicies", "PodSecurityPolicy", "psp"], "", IN_CLUSTER, "v1beta1", "podsecuritypolicy"),
];

/// Paths that hold other things than objects of a kind, and groups that objects left behind.
pub(super) const OTHER_PATHS: &[&str] = &["ranges", "masterleases", "peerserverleases"];

/// The group in which today's kinds of `apps`, `networking.k8s.io` and `policy` began.
pub(super) const OLD_GROUP: &str = "extensions";
