//! Which Service an object keeps addresses for, and the pods by which these changed.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::kubernetes::apply::clean::is_written_by_others;

/// The Service that an object keeps addresses for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePart {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The uids of pods whose addresses came, went or changed; the first few.
    pub pods: Vec<String>,
}

/// The most pods that are noted for an object.
const MOST_PODS: usize = 8;

/// An address of a pod: by the uid of the pod, the list that it stands in and what is said of it.
type Addresses<'v> = HashMap<&'v str, (&'static str, &'v Value)>;

impl ServicePart {
    /// That of Endpoints, an EndpointSlice or an IPAddress, by the newer state. `None` for other objects, and for
    /// addresses that people wrote, which have no other cause.
    pub(super) fn of(old: Option<&Value>, new: Option<&Value>) -> Option<Self> {
        let is_by_hand = |object: Option<&Value>| object.is_some_and(is_written_by_others);
        if is_by_hand(old) || is_by_hand(new) {
            return None;
        }
        let (namespace, name) = service(new.or(old)?)?;
        Some(Self {
            namespace: namespace.to_string(),
            name: name.to_string(),
            pods: changed_pods(old, new),
        })
    }
}

fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    let text = path
        .iter()
        .try_fold(value, |value, field| value.get(field))?;
    text.as_str().filter(|text| !text.is_empty())
}

/// Namespace and name of the Service.
fn service(object: &Value) -> Option<(&str, &str)> {
    let namespace = text(object, &["metadata", "namespace"]);
    let api_version = text(object, &["apiVersion"])?;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, text(object, &["kind"])?) {
        ("", "Endpoints") => Some((namespace?, text(object, &["metadata", "name"])?)),
        ("discovery.k8s.io", "EndpointSlice") => {
            let label = ["metadata", "labels", "kubernetes.io/service-name"];
            Some((namespace?, text(object, &label)?))
        }
        ("networking.k8s.io", "IPAddress") => {
            let parent = object.get("spec")?.get("parentRef")?;
            let is_service = text(parent, &["group"]).is_none()
                && text(parent, &["resource"]) == Some("services");
            let service = (text(parent, &["namespace"])?, text(parent, &["name"])?);
            is_service.then_some(service)
        }
        _ => None,
    }
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    let list = value.get(field).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn addresses(object: Option<&Value>) -> Addresses<'_> {
    let mut found = Addresses::new();
    let Some(object) = object else { return found };
    let mut add = |list_name, address| {
        if let Some(uid) = text(address, &["targetRef", "uid"]) {
            found.insert(uid, (list_name, address));
        }
    };
    for endpoint in list(object, "endpoints") {
        add("endpoints", endpoint);
    }
    for subset in list(object, "subsets") {
        for name in ["addresses", "notReadyAddresses"] {
            for address in list(subset, name) {
                add(name, address);
            }
        }
    }
    found
}

fn changed_pods(old: Option<&Value>, new: Option<&Value>) -> Vec<String> {
    let (old, new) = (addresses(old), addresses(new));
    let all: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let has_changed = |uid: &&str| old.get(uid) != new.get(uid);
    let changed = all.into_iter().filter(has_changed);
    changed.take(MOST_PODS).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slice(pods: &[(&str, bool)]) -> Value {
        let endpoints: Vec<Value> = pods
            .iter()
            .map(|(uid, ready)| json!({"conditions": {"ready": ready}, "targetRef": {"uid": uid}}))
            .collect();
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "web-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": endpoints})
    }

    #[test]
    fn a_slice_is_of_the_service_in_its_label_and_changed_by_the_pods_that_differ() {
        let old = slice(&[("a", true), ("b", true), ("c", true)]);
        let new = slice(&[("a", true), ("b", false), ("d", true)]);
        let part = ServicePart::of(Some(&old), Some(&new)).unwrap();
        assert_eq!(
            (&*part.namespace, &*part.name, part.pods),
            ("shop", "web", vec!["b".into(), "c".into(), "d".into()])
        );
    }

    #[test]
    fn addresses_are_of_the_service_of_their_name_and_pods_that_are_not_ready_any_more_changed() {
        let endpoints = |list: &str| {
            json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web", "namespace": "shop"},
                "subsets": [{list: [{"ip": "10.0.0.1", "targetRef": {"uid": "a"}}]}]})
        };
        let (old, new) = (endpoints("addresses"), endpoints("notReadyAddresses"));
        let part = ServicePart::of(Some(&old), Some(&new)).unwrap();
        assert_eq!((&*part.name, part.pods), ("web", vec!["a".to_string()]));
    }

    #[test]
    fn an_address_is_of_the_service_that_it_names_and_of_nothing_else() {
        let address = |resource: &str| {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": "10.0.0.1"},
                "spec": {"parentRef": {"group": "", "resource": resource, "namespace": "shop", "name": "web"}}})
        };
        let of = |object: Value| ServicePart::of(Some(&object), None);
        assert_eq!(of(address("services")).unwrap().name, "web");
        assert_eq!(of(address("gateways")), None);
    }

    #[test]
    fn what_people_wrote_has_no_other_cause() {
        let mut by_hand = slice(&[("a", true)]);
        by_hand["metadata"]["managedFields"] = json!([{"manager": "kubectl-edit"}]);
        assert_eq!(ServicePart::of(Some(&slice(&[])), Some(&by_hand)), None);
        by_hand["metadata"]["managedFields"] = json!([{"manager": "kube-controller-manager"}]);
        assert!(ServicePart::of(Some(&slice(&[])), Some(&by_hand)).is_some());
    }
}
