//! Making a stored object fit for `kubectl apply`, in the same cluster or another one.
//!
//! What the cluster assigned or keeps for itself is removed, because it would be refused, or tie the new
//! object to things that are gone. What somebody may have wished for stays, such as node ports, a claim's
//! volume, finalizers and the order of versions.

mod caution;
mod definition;
mod made;
mod version;

use serde_json::{Map, Value, json};

use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::compare::difference::FieldPath;
use crate::kubernetes::fields::{at, controller, is_set, is_true, items, text};

pub use caution::{Caution, cautions};
pub use made::{Maker, is_changed_by_users, maker};
pub use version::{passing_version, use_stable_version};

/// Fields of the metadata that an API server fills in. Owners are known by their uid, which a new object
/// will not have.
const ASSIGNED: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "ownerReferences",
];

/// What `kubectl apply` compares with, to know what somebody has removed. It is not a field of the cluster, though a second
/// copy of the object, secrets included.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations in which controllers note how far they are.
const NOTES: [&str; 13] = [
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "kubernetes.io/service-account.uid",
    "batch.kubernetes.io/job-tracking",
    "endpoints.kubernetes.io/last-change-trigger-time",
];

/// Labels by which a job finds its pods; each job gets its own.
const JOB_LABELS: [&str; 4] = [
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
];

/// Makes of a definition as it is stored one as it is served.
pub(crate) fn modernize_definition(object: &mut Value) {
    if group_and_kind(object) == ("apiextensions.k8s.io", "CustomResourceDefinition") {
        definition::modernize(object);
    }
}

/// Removes from `object` what cannot or should not be applied.
pub fn clean(object: &mut Value) {
    let (group, kind) = group_and_kind(object);
    let (group, kind) = (group.to_owned(), kind.to_owned());
    let name = text(object, "metadata.name").to_owned();
    let has_own_address = asks_for_address(object);
    if let Some(members) = object.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = inner(object, "metadata") {
        for field in ASSIGNED {
            metadata.remove(field);
        }
        // Left by a deletion under way.
        keep(metadata, "finalizers", |finalizer| {
            !matches!(finalizer.as_str(), Some("foregroundDeletion" | "orphan"))
        });
    }
    remove_all(object, "metadata", "annotations", &NOTES);
    match (group.as_str(), kind.as_str()) {
        ("", "Pod") => clean_pod(object),
        ("", "Service") if !has_own_address => remove_address(object),
        ("", "PersistentVolume") => {
            if let Some(claim) = inner(object, "spec").and_then(|spec| spec.get_mut("claimRef")) {
                for field in ["uid", "resourceVersion"] {
                    remove(claim, field);
                }
            }
        }
        ("", "ServiceAccount") => {
            if let Some(members) = object.as_object_mut() {
                for list in ["secrets", "imagePullSecrets"] {
                    keep(members, list, |secret| {
                        !is_generated(text(secret, "name"), &name)
                    });
                }
            }
        }
        ("", "Secret") if text(object, "type") == TOKEN => {
            // Without it the cluster puts a new token in.
            remove(object, "data");
        }
        ("rbac.authorization.k8s.io", "ClusterRole") if is_aggregated(object) => {
            if let Some(rules) = object.get_mut("rules").and_then(Value::as_array_mut) {
                rules.clear();
            }
        }
        ("batch", "Job") => clean_job(object),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            // Who has sent it: an API server notes who sends it now.
            if let Some(spec) = inner(object, "spec") {
                for field in ["username", "uid", "groups", "extra"] {
                    spec.remove(field);
                }
            }
        }
        ("", "Namespace") => {
            let spec = inner(object, "spec");
            if spec.is_some_and(|spec| spec.remove("finalizers").is_some() && spec.is_empty()) {
                remove(object, "spec");
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::modernize(object),
        _ => {}
    }
}

/// Takes the note of `kubectl apply` out of an object: it is a second copy of the object as it was at some time. What is
/// returned is an object of the same kind that has nothing but the note.
pub fn take_last_applied(object: &mut Value) -> Option<Value> {
    let annotations = inner(object, "metadata")?.get_mut("annotations")?;
    let note = annotations.as_object_mut()?.remove(LAST_APPLIED)?;
    let mut alone = json!({"metadata": {"annotations": {LAST_APPLIED: note}}});
    for field in ["apiVersion", "kind"] {
        if let (Some(value), Some(members)) = (object.get(field), alone.as_object_mut()) {
            members.insert(field.into(), value.clone());
        }
    }
    // A map that is left empty goes.
    remove_all(object, "metadata", "annotations", &[]);
    Some(alone)
}

/// Puts the note back that [`take_last_applied`] has given.
pub fn put_last_applied(object: &mut Value, mut alone: Value) {
    let note = alone.pointer_mut("/metadata/annotations");
    let note = note.and_then(|annotations| annotations.get_mut(LAST_APPLIED));
    if let Some(note) = note
        && let Some(metadata) = inner(object, "metadata")
        && let Some(annotations) = metadata
            .entry("annotations")
            .or_insert_with(|| json!({}))
            .as_object_mut()
    {
        annotations.insert(LAST_APPLIED.into(), note.take());
    }
}

/// Other groups have kinds of the same names.
fn group_and_kind(object: &Value) -> (&str, &str) {
    let (group, _) = split_api_version(text(object, "apiVersion"));
    (group, text(object, "kind"))
}

const TOKEN: &str = "kubernetes.io/service-account-token";

/// True for a role of which a controller gathers the rules from others.
pub fn is_aggregated(role: &Value) -> bool {
    group_and_kind(role) == ("rbac.authorization.k8s.io", "ClusterRole")
        && is_set(role, "aggregationRule")
}

/// True for a secret that the cluster has made for a service account.
fn is_generated(secret: &str, account: &str) -> bool {
    let rest = secret.strip_prefix(account).unwrap_or_default();
    rest.starts_with("-token-") || rest.starts_with("-dockercfg-")
}

fn inner<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(field)?.as_object_mut()
}

fn remove(object: &mut Value, field: &str) {
    if let Some(members) = object.as_object_mut() {
        members.remove(field);
    }
}

/// Removes keys from a map inside of `object`, and the map if it is empty then.
fn remove_all(object: &mut Value, outer: &str, map: &str, keys: &[&str]) {
    let Some(outer) = inner(object, outer) else {
        return;
    };
    if let Some(members) = outer.get_mut(map).and_then(Value::as_object_mut) {
        members.retain(|key, _| !keys.contains(&key.as_str()));
        if members.is_empty() {
            outer.remove(map);
        }
    }
}

/// Keeps of a list what passes the test, and removes the list if that is nothing.
fn keep(members: &mut Map<String, Value>, list: &str, test: impl Fn(&Value) -> bool) {
    if let Some(elements) = members.get_mut(list).and_then(Value::as_array_mut) {
        elements.retain(|element| test(element));
        if elements.is_empty() {
            members.remove(list);
        }
    }
}

fn clean_pod(pod: &mut Value) {
    let account = text(pod, "spec.serviceAccountName").to_owned();
    // The volume with the token is added to each new pod, under a new name.
    let is_token = |name: &str| {
        name.starts_with("kube-api-access-") || name.starts_with(&format!("{account}-token-"))
    };
    let Some(spec) = inner(pod, "spec") else {
        return;
    };
    // A priority is computed from its class, and must not be another; containers for debugging cannot be
    // there from the beginning.
    for field in [
        "nodeName",
        "ephemeralContainers",
        "priority",
        "preemptionPolicy",
    ] {
        spec.remove(field);
    }
    keep(spec, "volumes", |volume| !is_token(text(volume, "name")));
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                keep(container, "volumeMounts", |mount| {
                    !is_token(text(mount, "name"))
                });
            }
        }
    }
}

/// True for a Service of which somebody has said which address it is to have: who writes a field owns it. An address that
/// the server has chosen is nobody's.
pub(super) fn asks_for_address(service: &Value) -> bool {
    items(service, "metadata.managedFields")
        .iter()
        .any(|entry| is_set(entry, "fieldsV1.f:spec.f:clusterIP"))
}

fn remove_address(service: &mut Value) {
    let headless = text(service, "spec.clusterIP") == "None";
    if let Some(spec) = inner(service, "spec").filter(|_| !headless) {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
}

fn clean_job(job: &mut Value) {
    if is_true(job, "spec.manualSelector") {
        return;
    }
    // A job without labels has got those of its template.
    let labels = at(job, "metadata.labels");
    let is_given =
        is_set(job, "metadata.labels") && labels == at(job, "spec.template.metadata.labels");
    if is_given && let Some(metadata) = inner(job, "metadata") {
        metadata.remove("labels");
    }
    remove_all(job, "metadata", "labels", &JOB_LABELS);
    let Some(spec) = inner(job, "spec") else {
        return;
    };
    spec.remove("selector");
    if let Some(template) = spec.get_mut("template") {
        remove_all(template, "metadata", "labels", &JOB_LABELS);
    }
}

/// True for fields that nobody asked for: those that [`clean`] removes from objects of every kind.
pub fn is_assigned(path: &FieldPath) -> bool {
    let mut fields = path.fields();
    match (fields.next(), fields.next(), fields.next()) {
        (Some("status"), ..) => true,
        (Some("metadata"), Some("annotations"), Some(name)) => NOTES.contains(&name),
        (Some("metadata"), Some(field), _) => ASSIGNED.contains(&field),
        _ => false,
    }
}

/// True for objects that somebody else makes again in the same cluster: those with a controller, Events, Leases, the
/// addresses of Services unless somebody has written them by hand; and for the few kinds that no API takes, so that they
/// cannot be applied at all. What another cluster makes besides is told by [`maker`].
pub fn is_owned_or_transient(object: &Value) -> bool {
    if controller(object).is_some() {
        return true;
    }
    match group_and_kind(object) {
        ("networking.k8s.io", "IPAddress") => {
            let labels = object.get("metadata").and_then(|m| m.get("labels"));
            let manager = labels.and_then(|l| l.get("ipaddress.kubernetes.io/managed-by"));
            manager.and_then(Value::as_str) == Some("ipallocator.k8s.io")
        }
        ("", "Endpoints") | ("discovery.k8s.io", "EndpointSlice") => {
            !made::is_written_by_others(object) && !made::is_without_a_trace(object)
        }
        ("" | "events.k8s.io", "Event")
        | ("coordination.k8s.io", "Lease" | "LeaseCandidate")
        | ("", "RangeAllocation" | "ComponentStatus")
        | ("internal.apiserver.k8s.io", "StorageVersion") => true,
        _ => false,
    }
}

/// True when managed fields name a writer of an object that is not a server of the cluster.
pub fn is_written_by_others(object: &Value) -> bool {
    made::is_written_by_others(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::compare::difference::Step;
    use serde_json::json;

    fn cleaned(mut object: Value) -> Value {
        clean(&mut object);
        object
    }

    #[test]
    fn what_the_cluster_assigned_is_removed() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "x",
                "deletionGracePeriodSeconds": 0, "managedFields": [], "selfLink": "/x",
                "ownerReferences": [], "labels": {"app": "web"},
                "finalizers": ["example.com/mine", "foregroundDeletion"],
                "annotations": {
                    "deployment.kubernetes.io/revision": "3", "mine": "1",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                },
            },
            "spec": {"replicas": 2}, "status": {"replicas": 2},
        });
        assert_eq!(
            cleaned(object),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {
                    "name": "web", "namespace": "shop", "labels": {"app": "web"},
                    "finalizers": ["example.com/mine"], "annotations": {
                        "mine": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    },
                },
                "spec": {"replicas": 2},
            })
        );
        for other in [
            json!(null),
            json!([1]),
            json!({"metadata": 3, "kind": "Pod"}),
            json!({}),
        ] {
            assert_eq!(cleaned(other.clone()), other);
        }
    }

    #[test]
    fn what_is_removed_from_every_kind_is_no_wish_of_anybody() {
        let path = |names: &[&str]| {
            let steps = names.iter().map(|name| Step::Field((*name).to_string()));
            FieldPath(steps.collect())
        };
        for (names, expected) in [
            (&["status"][..], true),
            (&["status", "replicas"], true),
            (&["metadata", "generation"], true),
            (&["metadata", "managedFields", "f:spec"], true),
            (&["metadata", "annotations", NOTES[1]], true),
            (&["metadata", "annotations", "mine"], false),
            (&["metadata", "labels", "generation"], false),
            (&["spec", "status"], false),
            (&["metadata"], false),
        ] {
            assert_eq!(is_assigned(&path(names)), expected, "{names:?}");
        }
    }

    #[test]
    fn a_pod_can_run_on_any_node_again() {
        let object = json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {
            "nodeName": "n", "priority": 0, "preemptionPolicy": "Never", "serviceAccountName": "sa",
            "volumes": [{"name": "kube-api-access-abcde"}, {"name": "sa-token-x"}, {"name": "data"}],
            "containers": [{"name": "c", "volumeMounts": [{"name": "kube-api-access-abcde"}]}],
            "initContainers": [{"name": "i", "volumeMounts": [{"name": "data"}]}],
            "ephemeralContainers": [{}],
        }});
        assert_eq!(
            cleaned(object)["spec"],
            json!({
                "serviceAccountName": "sa", "volumes": [{"name": "data"}],
                "containers": [{"name": "c"}],
                "initContainers": [{"name": "i", "volumeMounts": [{"name": "data"}]}],
            })
        );
    }

    #[test]
    fn a_service_gets_a_new_address_unless_it_has_none() {
        let service = |ip: &str| {
            json!({"kind": "Service", "spec": {
                "clusterIP": ip, "clusterIPs": [ip], "ports": [{"nodePort": 30000}]}})
        };
        let ports = json!([{"nodePort": 30000}]);
        assert_eq!(
            cleaned(service("10.0.0.1"))["spec"],
            json!({"ports": ports})
        );
        assert_eq!(
            cleaned(service("None"))["spec"],
            json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": ports})
        );
    }

    #[test]
    fn an_address_that_somebody_has_asked_for_stays() {
        let service = |manager: Value| {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"managedFields": manager}, "spec": {
                "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "healthCheckNodePort": 30001}})
        };
        let asked = json!([{"fieldsV1": {"f:spec": {"f:clusterIP": {}}}}]);
        assert_eq!(
            cleaned(service(asked))["spec"],
            json!({"clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "healthCheckNodePort": 30001})
        );
        let given = json!([{"fieldsV1": {"f:spec": {"f:type": {}}}}]);
        assert_eq!(
            cleaned(service(given))["spec"],
            json!({"healthCheckNodePort": 30001})
        );
    }

    #[test]
    fn a_request_for_a_certificate_loses_who_has_sent_it() {
        let request = json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": "r"}, "spec": {"username": "u", "uid": "i", "groups": ["g"],
                "extra": {"a": ["b"]}, "request": "r", "signerName": "s", "usages": ["client auth"]},
            "status": {"certificate": "c"}});
        assert_eq!(
            cleaned(request),
            json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                "metadata": {"name": "r"},
                "spec": {"request": "r", "signerName": "s", "usages": ["client auth"]}})
        );
    }

    #[test]
    fn the_note_of_kubectl_apply_is_taken_out_and_put_back() {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "c", "annotations": {LAST_APPLIED: "{}"}}});
        let whole = object.clone();
        let note = take_last_applied(&mut object).unwrap();
        assert_eq!(object["metadata"], json!({"name": "c"}));
        assert_eq!(note["kind"], "ConfigMap");
        put_last_applied(&mut object, note);
        assert_eq!(object, whole);
        for other in [
            json!(null),
            json!({"metadata": {"annotations": {"a": "b"}}}),
        ] {
            let mut same = other.clone();
            assert_eq!(take_last_applied(&mut same), None);
            assert_eq!(same, other);
        }
    }

    #[test]
    fn addresses_that_somebody_has_written_are_nobody_elses() {
        for kind in [
            ("v1", "Endpoints"),
            ("discovery.k8s.io/v1", "EndpointSlice"),
        ] {
            let by = |manager: &str| {
                json!({"apiVersion": kind.0, "kind": kind.1,
                    "metadata": {"managedFields": [{"manager": manager}]}})
            };
            assert!(is_owned_or_transient(&by("kube-controller-manager")));
            assert!(!is_owned_or_transient(&by("kubectl-create")));
            // Before 1.18, and after a replacement that took the last managed field, there are no managers.
            let with = |metadata: serde_json::Value| json!({"apiVersion": kind.0, "kind": kind.1, "metadata": metadata});
            assert!(!is_owned_or_transient(&with(json!({}))));
            for trace in [
                json!({"labels": {"endpointslice.kubernetes.io/managed-by": "x"}}),
                json!({"labels": {"endpoints.kubernetes.io/managed-by": "x"}}),
                json!({"annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "x"}}),
                json!({"annotations": {"control-plane.alpha.kubernetes.io/leader": "x"}}),
            ] {
                assert!(is_owned_or_transient(&with(trace)));
            }
        }
    }

    #[test]
    fn a_kind_of_the_same_name_in_another_group_keeps_its_fields() {
        let service = json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
            "spec": {"clusterIP": "x", "nodeName": "y"}});
        assert_eq!(cleaned(service.clone()), service);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]}});
        assert_eq!(
            cleaned(namespace),
            json!({"apiVersion": "v1", "kind": "Namespace"})
        );
    }

    #[test]
    fn volumes_and_claims_can_be_bound_again() {
        let volume = json!({"kind": "PersistentVolume", "spec": {
            "claimRef": {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "1"}}});
        assert_eq!(
            cleaned(volume)["spec"]["claimRef"],
            json!({"name": "c", "namespace": "n"})
        );
        let claim = json!({"kind": "PersistentVolumeClaim", "spec": {"volumeName": "v"}, "metadata": {
            "annotations": {"pv.kubernetes.io/bind-completed": "yes",
                "volume.kubernetes.io/storage-provisioner": "x"}}});
        assert_eq!(
            cleaned(claim),
            json!({"kind": "PersistentVolumeClaim", "spec": {"volumeName": "v"}, "metadata": {}})
        );
    }

    #[test]
    fn tokens_and_selectors_are_made_again() {
        let account = json!({"kind": "ServiceAccount", "metadata": {"name": "a"},
            "secrets": [{"name": "a-token-12345"}, {"name": "mine"}],
            "imagePullSecrets": [{"name": "a-dockercfg-12345"}]});
        assert_eq!(
            cleaned(account),
            json!({"kind": "ServiceAccount", "metadata": {"name": "a"}, "secrets": [{"name": "mine"}]})
        );
        let labels = json!({"controller-uid": "u", "job-name": "j", "app": "x"});
        let job = |manual: bool| {
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": labels}, "spec": {
                "manualSelector": manual, "selector": {"matchLabels": {"controller-uid": "u"}},
                "template": {"metadata": {"labels": labels}}}})
        };
        assert_eq!(cleaned(job(true)), job(true));
        assert_eq!(
            cleaned(job(false)),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": {
                "manualSelector": false, "template": {"metadata": {"labels": {"app": "x"}}}}})
        );
        // Labels that are not those of the template are its own.
        let mut own = job(false);
        own["metadata"]["labels"] = json!({"controller-uid": "u", "team": "x"});
        assert_eq!(cleaned(own)["metadata"], json!({"labels": {"team": "x"}}));
    }

    #[test]
    fn what_others_make_again_is_told_apart() {
        let owned = |controller: bool| json!({"kind": "Pod", "metadata": {"ownerReferences": [{"kind": "ReplicaSet", "controller": controller}]}});
        assert!(is_owned_or_transient(&owned(true)));
        assert!(!is_owned_or_transient(&owned(false)));
        for (api_version, kind) in [
            ("v1", "Event"),
            ("events.k8s.io/v1", "Event"),
            ("coordination.k8s.io/v1", "Lease"),
            ("v1", "RangeAllocation"),
        ] {
            let object = json!({"apiVersion": api_version, "kind": kind});
            assert!(is_owned_or_transient(&object), "{kind}");
            let object = json!({"apiVersion": "example.com/v1", "kind": kind});
            assert!(!is_owned_or_transient(&object), "{kind}");
        }
        let address = |manager: &str| {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": {"labels": {"ipaddress.kubernetes.io/managed-by": manager}}})
        };
        for (object, expected) in [
            (json!({"apiVersion": "v1", "kind": "RangeAllocation"}), true),
            (json!({"apiVersion": "v1", "kind": "Node"}), false),
            (address("ipallocator.k8s.io"), true),
            (address("somebody"), false),
            (json!({"kind": "Deployment"}), false),
            (json!(null), false),
        ] {
            assert_eq!(is_owned_or_transient(&object), expected, "{object}");
        }
    }
}
