//! The fields by which an API server selects objects of a kind, and how it reads them. Source: Kubernetes v1.37
//! pkg/apis/*/conversion.go (AddFieldLabelConversionFunc), pkg/registry/*/strategy.go (ToSelectableFields), and of
//! custom resources apiextensions-apiserver pkg/registry/customresource/strategy.go.

use serde_json::Value;

use super::jsonpath::Path;
use crate::kubernetes::catalog::resources::Resource;
use crate::kubernetes::fields::{at, integer, is_true, items, scalar, some_text, text};

/// The field of all kinds.
pub const NAME: &str = "metadata.name";
/// The field of all kinds but a few of the cluster.
pub const NAMESPACE: &str = "metadata.namespace";

/// By group and kind. Kinds that are not here have name and namespace.
#[rustfmt::skip]
const BUILTIN: &[(&str, &str, &[&str])] = &[
    ("", "Pod", &[NAME, NAMESPACE, "spec.nodeName", "spec.host", "spec.restartPolicy", "spec.schedulerName",
        "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
        "status.nominatedNodeName"]),
    ("", "Node", &[NAME, "spec.unschedulable"]),
    ("", "ReplicationController", &[NAME, NAMESPACE, "status.replicas"]),
    ("", "Namespace", &[NAME, "status.phase"]),
    ("", "Secret", &[NAME, NAMESPACE, "type"]),
    ("", "Service", &[NAME, NAMESPACE, "spec.clusterIP", "spec.type"]),
    ("", "Event", &[NAME, NAMESPACE, "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"]),
    ("events.k8s.io", "Event", &[NAME, NAMESPACE, "regarding.kind", "regarding.namespace", "regarding.name",
        "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath", "reason",
        "reportingController", "type"]),
    ("batch", "Job", &[NAME, NAMESPACE, "status.successful"]),
    ("certificates.k8s.io", "CertificateSigningRequest", &[NAME, "spec.signerName"]),
    ("certificates.k8s.io", "ClusterTrustBundle", &[NAME, "spec.signerName"]),
    ("certificates.k8s.io", "PodCertificateRequest", &[NAME, "spec.signerName", "spec.podName", "spec.nodeName"]),
    ("resource.k8s.io", "ResourceSlice", &[NAME, "spec.nodeName", "spec.driver", "spec.pool.name"]),
];

/// The names of the fields by which objects of a kind can be selected. `version` is the one that is asked for.
pub fn selectable_fields(resource: &Resource, version: Option<&str>) -> Vec<String> {
    if let Some(versions) = &resource.custom {
        let mut names = vec![NAME.to_owned()];
        if resource.namespaced {
            names.push(NAMESPACE.to_owned());
        }
        // A server knows those of the version that it is asked for, kubectl asks for the first that is served.
        let asked = match version {
            Some(version) => resource.custom_version(version),
            None => versions.iter().find(|one| one.served).or(versions.first()),
        };
        let paths = asked.map_or(&[][..], |one| &one.selectable);
        names.extend(paths.iter().map(|path| name_of(path).to_owned()));
        return names;
    }
    let (group, kind) = (&resource.group, &resource.kind);
    let found = BUILTIN
        .iter()
        .find(|(of_group, of_kind, _)| of_group == group && of_kind == kind);
    let names = found.map_or(&[NAME, NAMESPACE][..], |(_, _, names)| names);
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A custom field goes by its path without the first dot.
fn name_of(path: &str) -> &str {
    path.strip_prefix('.').unwrap_or(path)
}

/// What a server compares with: the field of an object as text. A missing one is the empty text.
pub(super) fn field_value(resource: &Resource, field: &str, object: &Value) -> String {
    match field {
        NAME => return text(object, NAME).to_owned(),
        // Objects of the cluster have none, whatever they say.
        NAMESPACE if !resource.namespaced => return String::new(),
        NAMESPACE => return text(object, NAMESPACE).to_owned(),
        _ => {}
    }
    if resource.custom.is_some() {
        let path = Path::parse(&format!("{{.{field}}}"));
        return path
            .ok()
            .and_then(|path| path.render(object).ok())
            .unwrap_or_default();
    }
    let is_event = resource.kind == "Event";
    match (resource.kind.as_str(), field) {
        ("Pod", "spec.host") => text(object, "spec.nodeName").to_owned(),
        ("Pod", "spec.hostNetwork") => is_true(object, "spec.hostNetwork").to_string(),
        ("Pod", "status.podIP") => {
            let first = items(object, "status.podIPs").first();
            let first = first.and_then(|one| some_text(one, "ip"));
            first.unwrap_or(text(object, "status.podIP")).to_owned()
        }
        // It may be named, and nothing is in it.
        ("Pod", "status.podIPs") => String::new(),
        ("Node", "spec.unschedulable") => is_true(object, "spec.unschedulable").to_string(),
        ("ReplicationController", "status.replicas") => {
            integer(object, "status.replicas").to_string()
        }
        ("Job", "status.successful") => integer(object, "status.succeeded").to_string(),
        (_, "source") if is_event => {
            let component = some_text(object, "source.component");
            let component = component.or(some_text(object, "reportingComponent"));
            component.unwrap_or_default().to_owned()
        }
        // Events are stored as those of the core, which has other names for these.
        (_, "reportingController") if is_event => text(object, "reportingComponent").to_owned(),
        (_, name) if is_event && name.starts_with("regarding.") => {
            let rest = name.trim_start_matches("regarding");
            text(object, &format!("involvedObject{rest}")).to_owned()
        }
        (_, name) => scalar(at(object, name)),
    }
}
