//! Objects as they are written back into the cluster that they came from.

use serde_json::{Map, Value};

use super::clean::{LAST_APPLIED, clean};
use super::patch::{JsonPatch, Operation};
use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::fields::{annotation, at, is_set, is_true, items, text};

/// The manifest of an object that is to be as it was: cleaned, but for what [`clean`] removes for the sake of
/// another cluster.
pub fn manifest(object: &Value) -> Value {
    let mut json = object.clone();
    clean(&mut json);
    restore_wishes(&mut json, object);
    json
}

/// Its uid; empty if it has none.
pub fn uid_of(object: &Value) -> &str {
    text(object, "metadata.uid")
}

/// Its group and version.
pub fn api_version_of(object: &Value) -> &str {
    text(object, "apiVersion")
}

/// True when it will be gone as soon as its finalizers are.
pub fn is_being_deleted(object: &Value) -> bool {
    is_set(object, "metadata.deletionTimestamp")
}

/// True when `kubectl apply` has made it, or changed it.
pub fn is_applied(object: &Value) -> bool {
    annotation(object, LAST_APPLIED).is_some()
}

/// True unless a gate, as it is, only looks on: a webhook of which each failure is ignored, a binding that only warns.
pub fn may_refuse(gate: &Value) -> bool {
    match text(gate, "kind") {
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
            items(gate, "webhooks")
                .iter()
                .any(|webhook| text(webhook, "failurePolicy") != "Ignore")
        }
        "ValidatingAdmissionPolicyBinding" => items(gate, "spec.validationActions")
            .iter()
            .any(|action| action.as_str() == Some("Deny")),
        _ => true,
    }
}

/// True for a class that is put into objects that name none.
pub fn is_default_class(object: &Value) -> bool {
    let (group, _) = split_api_version(text(object, "apiVersion"));
    let is_on = |name: &str| annotation(object, name) == Some("true");
    match (group, text(object, "kind")) {
        ("scheduling.k8s.io", "PriorityClass") => is_true(object, "globalDefault"),
        ("networking.k8s.io", "IngressClass") => {
            is_on("ingressclass.kubernetes.io/is-default-class")
        }
        ("storage.k8s.io", "StorageClass") => {
            is_on("storageclass.kubernetes.io/is-default-class")
                || is_on("storageclass.beta.kubernetes.io/is-default-class")
        }
        _ => false,
    }
}

/// What tells who an object is, and its owners.
pub fn identity_of(object: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "ownerReferences"] {
        if let Some(value) = at(object, "metadata").get(field) {
            metadata.insert(field.to_string(), value.clone());
        }
    }
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})
}

/// The addresses of a Service; none of other objects.
pub fn addresses_of(object: &Value) -> Vec<String> {
    let is_service = (text(object, "apiVersion"), text(object, "kind")) == ("v1", "Service");
    let is_address = |text: &&str| text.parse::<std::net::IpAddr>().is_ok();
    let all = items(object, "spec.clusterIPs")
        .iter()
        .filter_map(Value::as_str);
    let mut all: Vec<&str> = all.chain([text(object, "spec.clusterIP")]).collect();
    all.sort_unstable();
    all.dedup();
    let all = all.into_iter().filter(|_| is_service).filter(is_address);
    all.map(str::to_string).collect()
}

/// Its owners.
pub fn owner_references(object: &Value) -> &[Value] {
    items(object, "metadata.ownerReferences")
}

/// Puts back what [`clean`] takes away for another cluster's sake, and what is to be again as it was in the same one:
/// what `kubectl apply` compares with, and the addresses of Services.
fn restore_wishes(json: &mut Value, wanted: &Value) {
    if let Some(applied) = annotation(wanted, LAST_APPLIED)
        && let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut)
    {
        let annotations = metadata
            .entry("annotations")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(LAST_APPLIED.to_string(), applied.into());
        }
    }
    if text(wanted, "kind") == "Service"
        && text(wanted, "apiVersion") == "v1"
        && let Some(spec) = json.get_mut("spec").and_then(Value::as_object_mut)
    {
        for field in ["clusterIP", "clusterIPs"] {
            if let Some(value) = at(wanted, "spec").get(field) {
                spec.insert(field.to_string(), value.clone());
            }
        }
    }
}

/// Without what an object was given when it was created, but for its uid, its owners, and the addresses of a Service.
pub fn settled(object: &Value) -> Value {
    let mut json = object.clone();
    clean(&mut json);
    if let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["uid", "resourceVersion", "ownerReferences"] {
            if let Some(value) = at(object, "metadata").get(field) {
                metadata.insert(field.to_string(), value.clone());
            }
        }
    }
    restore_wishes(&mut json, object);
    json
}

/// `wanted`, to be written over `present` if nobody has written it since: with its uid, revision and owners.
pub fn in_place_of(wanted: &Value, present: &Value) -> Value {
    let mut json = wanted.clone();
    if let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "ownerReferences",
        ] {
            match at(present, "metadata").get(field) {
                Some(value) => metadata.insert(field.to_string(), value.clone()),
                None => metadata.remove(field),
            };
        }
    }
    json
}

/// The patch that frees a volume from the uid of a claim that is gone, so that a new claim of that name can be bound to
/// it. `None` for one that is not tied to a claim by its uid.
pub fn release_of_volume(volume: &Value) -> Option<JsonPatch> {
    let path = "/spec/claimRef";
    let claim = at(volume, "spec.claimRef");
    let uid = Value::from(text(volume, "metadata.uid"));
    let mut free = claim.clone();
    free.as_object_mut()?.remove("uid")?;
    free.as_object_mut()?.remove("resourceVersion");
    Some(JsonPatch {
        operations: vec![
            Operation::new("test", "/metadata/uid", Some(&uid)),
            Operation::new("test", path, Some(claim)),
            Operation::new("replace", path, Some(&free)),
        ],
        after: vec![
            Operation::new("test", "/metadata/uid", Some(&uid)),
            Operation::new("test", path, Some(&free)),
        ],
        owners: Vec::new(),
    })
}

/// True for what only those know who run: which disk is attached to which node.
pub fn is_kept_by_what_runs(api_version: &str, kind: &str) -> bool {
    (split_api_version(api_version).0, kind) == ("storage.k8s.io", "VolumeAttachment")
}

/// True for what each namespace gets without anybody's doing.
pub fn is_made_by_cluster(object: &Value) -> bool {
    let is_local_api = |object: &Value| {
        let labels = at(object, "metadata.labels");
        labels
            .get("kube-aggregator.kubernetes.io/automanaged")
            .is_some()
            && !is_set(object, "spec.service")
    };
    match (text(object, "apiVersion"), text(object, "kind")) {
        ("v1", "ServiceAccount") => text(object, "metadata.name") == "default",
        ("v1", "ConfigMap") => text(object, "metadata.name") == "kube-root-ca.crt",
        (api_version, "APIService") => {
            split_api_version(api_version).0 == "apiregistration.k8s.io" && is_local_api(object)
        }
        _ => false,
    }
}
