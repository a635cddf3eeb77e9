//! What an API server serves, and how two such states differ: the judge of all that is led back into a cluster. It
//! knows nothing of `etcdsnap`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::server::Cluster;

/// Kinds that come and go by themselves.
const RESTLESS: [&str; 6] = [
    "componentstatuses",
    "controllerrevisions.apps",
    "events",
    "events.events.k8s.io",
    "ipaddresses.networking.k8s.io",
    "leases.coordination.k8s.io",
];

/// Objects by `Kind.group namespace/name`.
#[derive(Clone)]
pub(crate) struct State {
    objects: BTreeMap<String, Value>,
}

impl State {
    pub(crate) fn read(cluster: &Cluster<'_>) -> Self {
        let kinds = cluster
            .kubectl(&["api-resources", "--verbs=list", "-o", "name"])
            .success("kubectl api-resources");
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !RESTLESS.contains(kind))
            .collect();
        let listed = cluster
            .kubectl(&["get", &kinds.join(","), "-A", "-o", "json"])
            .success("kubectl get");
        let listed: Value = serde_json::from_str(&listed).expect("kubectl writes JSON");
        let items = listed["items"].as_array().expect("a list has items");
        let objects = items.iter().map(|item| (id(item), item.clone()));
        Self {
            objects: objects.collect(),
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// The objects that are not in another state.
    pub(crate) fn without(&self, other: &Self) -> Vec<&Value> {
        let mine = self.objects.iter();
        mine.filter(|(id, _)| !other.objects.contains_key(*id))
            .map(|(_, object)| object)
            .collect()
    }

    /// True when other objects name this one as their owner.
    pub(crate) fn is_owner(&self, object: &Value) -> bool {
        let uid = &object["metadata"]["uid"];
        self.objects.values().any(|other| {
            let owners = other["metadata"]["ownerReferences"].as_array();
            let mut owners = owners.into_iter().flatten();
            owners.any(|owner| owner["uid"] == *uid)
        })
    }

    /// True as long as something is on its way out that will go by itself.
    fn is_moving(&self) -> bool {
        let mut objects = self.objects.values();
        // There is no kubelet, which lets Pods go.
        objects.any(|object| is_terminating(object) && !is_held(object) && object["kind"] != "Pod")
    }

    /// What is on its way out and will not go by itself: its resource, namespace and name.
    pub(crate) fn held(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let held = self.objects.values();
        held.filter(|object| is_terminating(object) && is_held(object))
            .map(|object| {
                let (kind, version) = (text(&object["kind"]), text(&object["apiVersion"]));
                let (group, version) = version.split_once('/').unwrap_or(("", &version));
                let metadata = &object["metadata"];
                (
                    format!("{kind}.{version}.{group}"),
                    text(&metadata["namespace"]),
                    text(&metadata["name"]),
                )
            })
            .collect()
    }

    /// The state as soon as it is at rest, or a while later.
    pub(crate) fn settled(cluster: &Cluster<'_>) -> Self {
        for _ in 0..40 {
            let state = Self::read(cluster);
            if !state.is_moving() {
                return state;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        Self::read(cluster)
    }

    /// The state once nothing has changed in it for several looks: by then the garbage collector has deleted what it was
    /// about to. How long a look takes depends on the machine, as its work does.
    pub(crate) fn at_rest(cluster: &Cluster<'_>) -> Self {
        const SAME: usize = 5;
        let mut last = Self::settled(cluster);
        let mut same = 0;
        for _ in 0..60 {
            std::thread::sleep(std::time::Duration::from_millis(500));
            let next = Self::settled(cluster);
            same = match last.differences(&next).len() {
                0 => same + 1,
                _ => 0,
            };
            last = next;
            if same == SAME {
                break;
            }
        }
        last
    }

    fn is_of_users(&self, id: &str) -> bool {
        let object = self.objects.get(id);
        object.is_none_or(|object| !self.is_made_by_the_cluster(object))
    }

    fn compared(&self, id: &str) -> Option<Value> {
        self.objects.get(id).map(without_what_servers_set)
    }

    fn is_made_by_the_cluster(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let has_controller = metadata["ownerReferences"]
            .as_array()
            .is_some_and(|owners| owners.iter().any(|owner| owner["controller"] == true));
        let service_selects = |name: &str| {
            let namespace = metadata["namespace"].as_str().unwrap_or_default();
            let service = self.objects.get(&format!("Service {namespace}/{name}"));
            service.is_some_and(|service| service["spec"]["selector"].is_object())
                || (namespace == "default" && name == "kubernetes")
        };
        has_controller
            || match object["kind"].as_str().unwrap_or_default() {
                "ConfigMap" => name == "kube-root-ca.crt",
                "ServiceAccount" => name == "default",
                "Service" => name == "kubernetes" && metadata["namespace"] == "default",
                "APIService" => {
                    !metadata["labels"]["kube-aggregator.kubernetes.io/automanaged"].is_null()
                }
                "Endpoints" => service_selects(name),
                "EndpointSlice" => metadata["labels"]["kubernetes.io/service-name"]
                    .as_str()
                    .is_some_and(service_selects),
                _ => false,
            }
    }

    /// What is not the same in a later state, object by object, but for what servers set.
    pub(crate) fn differences(&self, later: &Self) -> Differences {
        let ids: BTreeSet<&String> = self.objects.keys().chain(later.objects.keys()).collect();
        let mut differences = BTreeMap::new();
        for id in ids {
            if !self.is_of_users(id) || !later.is_of_users(id) {
                continue;
            }
            let told = match (self.compared(id), later.compared(id)) {
                (Some(_), None) => vec!["it is not there".to_owned()],
                (None, Some(_)) => vec!["it should not be there".to_owned()],
                (Some(before), Some(after)) => {
                    let mut told = Vec::new();
                    compare("", &before, &after, &mut told);
                    told
                }
                (None, None) => Vec::new(),
            };
            if !told.is_empty() {
                differences.insert(id.to_owned(), told);
            }
        }
        Differences(differences)
    }
}

/// For each object that differs, in what.
pub(crate) struct Differences(pub(crate) BTreeMap<String, Vec<String>>);

impl Differences {
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Without these objects.
    pub(crate) fn except(mut self, ids: &[&str]) -> Self {
        self.0.retain(|id, _| !ids.contains(&id.as_str()));
        self
    }

    /// Without what differs in these fields.
    pub(crate) fn except_in(mut self, fields: &[&str]) -> Self {
        for told in self.0.values_mut() {
            told.retain(|line| !fields.iter().any(|field| line.starts_with(field)));
        }
        self.0.retain(|_, told| !told.is_empty());
        self
    }
}

impl std::fmt::Display for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (id, told) in &self.0 {
            writeln!(f, "{id}")?;
            for line in told {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// By a finalizer whose controller is nowhere.
fn is_held(object: &Value) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    let mut names = finalizers.into_iter().flatten().filter_map(Value::as_str);
    names.any(|name| name.starts_with("example.com/"))
}

pub(crate) fn id(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&object["apiVersion"]);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let metadata = &object["metadata"];
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    let dot = if group.is_empty() { "" } else { "." };
    let slash = if namespace.is_empty() { "" } else { "/" };
    let kind = text(&object["kind"]);
    format!("{kind}{dot}{group} {namespace}{slash}{name}")
}

fn compare(path: &str, before: &Value, after: &Value, told: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let of = |side: &Map<String, Value>| side.get(key).cloned();
                let path = format!("{path}/{key}");
                match (of(before), of(after)) {
                    (Some(before), Some(after)) => compare(&path, &before, &after, told),
                    (Some(before), None) => told.push(format!("{path}: {before} is missing")),
                    (None, Some(after)) => told.push(format!("{path}: {after} is too much")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(&format!("{path}/{index}"), before, after, told);
            }
        }
        _ if before == after => {}
        (Value::String(before), Value::String(after)) => {
            let same = before.chars().zip(after.chars());
            let same: usize = same
                .take_while(|(one, other)| one == other)
                .map(|(one, _)| one.len_utf8())
                .sum();
            let rest = |text: &str| format!("{:?}", text.get(same..).unwrap_or_default());
            let (before, after) = (rest(before), rest(after));
            told.push(format!(
                "{path}: from byte {same} on, {before} became {after}"
            ));
        }
        _ => told.push(format!("{path}: {before} became {after}")),
    }
}

/// What an API server or a controller gives to an object that is re-created.
fn without_what_servers_set(object: &Value) -> Value {
    let mut object = object.clone();
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    // The version in which it happened to be listed.
    remove(&mut object, &["apiVersion"]);
    remove(&mut object, &["status"]);
    for field in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    ] {
        remove(&mut object, &["metadata", field]);
    }
    remove(
        &mut object,
        &[
            "metadata",
            "annotations",
            "deployment.kubernetes.io/revision",
        ],
    );
    if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
        for owner in owners {
            remove(owner, &["uid"]);
        }
    }
    match kind.as_str() {
        // By the scheduler.
        "Pod" => remove(&mut object, &["spec", "nodeName"]),
        "DaemonSet" => remove(
            &mut object,
            &[
                "metadata",
                "annotations",
                "deprecated.daemonset.template.generation",
            ],
        ),
        "PersistentVolumeClaim" => {
            for annotation in [
                "volume.beta.kubernetes.io/storage-provisioner",
                "volume.kubernetes.io/storage-provisioner",
            ] {
                remove(&mut object, &["metadata", "annotations", annotation]);
            }
        }
        "PersistentVolume" => {
            remove(&mut object, &["spec", "claimRef", "uid"]);
            remove(&mut object, &["spec", "claimRef", "resourceVersion"]);
        }
        "Service" if object["spec"]["clusterIP"] != "None" => {
            remove(&mut object, &["spec", "clusterIP"]);
            remove(&mut object, &["spec", "clusterIPs"]);
            remove(&mut object, &["spec", "healthCheckNodePort"]);
        }
        "Job" => {
            for label in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
                remove(&mut object, &["metadata", "labels", label]);
                remove(&mut object, &["spec", "selector", "matchLabels", label]);
                remove(
                    &mut object,
                    &["spec", "template", "metadata", "labels", label],
                );
            }
        }
        _ => {}
    }
    // An empty map that only held what was taken out says nothing.
    for path in [["metadata", "annotations"], ["metadata", "labels"]] {
        let [outer, inner] = path;
        if object[outer][inner].as_object().is_some_and(Map::is_empty) {
            remove(&mut object, &path);
        }
    }
    object
}

fn remove(value: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let parent = parents
        .iter()
        .try_fold(value, |value, key| value.get_mut(key));
    if let Some(parent) = parent.and_then(Value::as_object_mut) {
        parent.remove(*last);
    }
}
