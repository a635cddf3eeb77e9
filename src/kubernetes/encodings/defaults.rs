//! What an API server adds to a stored object when it reads it, because the stored form has no place for it
//! or was written before it became the default. What every release since 1.16 writes itself is not here.
//! Source: Kubernetes v1.37 pkg/apis/*/v1/defaults.go, and of Services pkg/registry/core/service/storage.

use serde_json::{Map, Value, json};

use crate::kubernetes::fields::{at, is_set, items, text};
use crate::kubernetes::release::KubeRelease;

/// Adds to `object` what the API server of `release` adds. Services without families and address are taken to be
/// of a cluster that prefers IPv4.
pub fn add_read_defaults(object: &mut Value, release: KubeRelease) {
    let kind = object.get("kind").and_then(Value::as_str);
    let version = object.get("apiVersion").and_then(Value::as_str);
    match (version, kind) {
        (Some("v1"), Some("PersistentVolumeClaim")) => {
            add_phase(object);
            set(object, &["spec"], "volumeMode", "Filesystem".into());
        }
        (Some("v1"), Some("PersistentVolume")) => {
            add_phase(object);
            set(object, &["spec"], "volumeMode", "Filesystem".into());
            set(
                object,
                &["spec"],
                "persistentVolumeReclaimPolicy",
                "Retain".into(),
            );
            set(object, &["spec", "hostPath"], "type", "".into());
        }
        (Some("batch/v1"), Some("CronJob")) => cron_job(object),
        (Some("autoscaling/v2"), Some("HorizontalPodAutoscaler")) => autoscaler(object),
        (Some("v1"), Some("Namespace")) => namespace(object),
        (Some("v1"), Some("Service")) => service(object),
        (Some("v1"), Some("Pod")) => pod(object),
        (Some("batch/v1"), Some("Job")) => job(object),
        (Some("storage.k8s.io/v1"), Some("CSIDriver")) => csi_driver(object, release),
        (Some(version), Some("PriorityLevelConfiguration"))
            if version.starts_with("flowcontrol.apiserver.k8s.io/") =>
        {
            set(object, &["spec", "limited"], "lendablePercent", 0.into());
            set(object, &["spec", "exempt"], "lendablePercent", 0.into());
            set(
                object,
                &["spec", "exempt"],
                "nominalConcurrencyShares",
                0.into(),
            );
        }
        (Some("apps/v1"), Some("DaemonSet")) if rolls(object) => {
            set(
                object,
                &["spec", "updateStrategy", "rollingUpdate"],
                "maxSurge",
                json!(0),
            );
        }
        (Some("apps/v1" | "apps/v1beta1" | "apps/v1beta2"), Some("StatefulSet")) => {
            stateful_set(object, release);
        }
        _ => {}
    }
}

/// Sets a member of the object at a path if it is missing there. What is above it is not made.
fn set(object: &mut Value, path: &[&str], name: &str, value: Value) {
    let mut place = Some(object);
    for key in path {
        place = place.and_then(|place| place.get_mut(*key));
    }
    if let Some(members) = place.and_then(Value::as_object_mut) {
        let member = members.entry(name).or_insert(Value::Null);
        if member.is_null() {
            *member = value;
        }
    }
}

/// The object in a member, made if it is missing.
fn made<'v>(object: &'v mut Value, name: &str) -> Option<&'v mut Map<String, Value>> {
    let member = object.as_object_mut()?.entry(name).or_insert(Value::Null);
    if member.is_null() {
        *member = Value::Object(Map::new());
    }
    member.as_object_mut()
}

/// True for what is rolled out with settings for it.
fn rolls(object: &Value) -> bool {
    text(object, "spec.updateStrategy.type") == "RollingUpdate"
        && is_set(object, "spec.updateStrategy.rollingUpdate")
}

/// A claim without a phase is pending.
fn add_phase(claim: &mut Value) {
    if let Some(status) = made(claim, "status") {
        status
            .entry("phase")
            .or_insert_with(|| Value::from("Pending"));
    }
}

/// A namespace has a label with its name, whatever is stored there.
fn namespace(object: &mut Value) {
    let name = text(object, "metadata.name").to_owned();
    if !name.is_empty()
        && let Some(metadata) = object.get_mut("metadata")
        && let Some(labels) = made(metadata, "labels")
    {
        labels.insert("kubernetes.io/metadata.name".into(), name.into());
    }
    if let Some(status) = made(object, "status") {
        status
            .entry("phase")
            .or_insert_with(|| Value::from("Active"));
    }
}

fn service(object: &mut Value) {
    let spec = at(object, "spec");
    if !spec.is_object() {
        return;
    }
    let (kind, address) = (
        text(spec, "type").to_owned(),
        text(spec, "clusterIP").to_owned(),
    );
    let has_selector = spec.get("selector").and_then(Value::as_object);
    let has_selector = has_selector.is_some_and(|selector| !selector.is_empty());
    let mut addresses: Vec<Value> = items(spec, "clusterIPs").to_vec();
    if addresses.is_empty() && !address.is_empty() {
        addresses.push(address.as_str().into());
        set(object, &["spec"], "clusterIPs", addresses.clone().into());
    }
    if kind == "ExternalName" {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("internalTrafficPolicy");
        }
        return;
    }
    set(object, &["spec"], "internalTrafficPolicy", "Cluster".into());
    if kind == "LoadBalancer" {
        set(
            object,
            &["spec"],
            "allocateLoadBalancerNodePorts",
            true.into(),
        );
        let ingress = object.pointer_mut("/status/loadBalancer/ingress");
        for one in ingress.and_then(Value::as_array_mut).into_iter().flatten() {
            if !text(one, "ip").is_empty() {
                set(one, &[], "ipMode", "VIP".into());
            }
        }
    }
    if !items(object, "spec.ipFamilies").is_empty() {
        return;
    }
    let families: Vec<Value> = match address.as_str() {
        // Whose endpoints somebody else lists may be of both families.
        "None" if !has_selector => vec!["IPv4".into(), "IPv6".into()],
        "None" => vec!["IPv4".into()],
        _ => addresses
            .iter()
            .map(|address| match address.as_str() {
                Some(address) if address.contains(':') => "IPv6".into(),
                _ => "IPv4".into(),
            })
            .collect(),
    };
    let policy = match families.len() {
        0 => return,
        1 => "SingleStack",
        _ => "RequireDualStack",
    };
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("ipFamilies".into(), families.into());
        spec.insert("ipFamilyPolicy".into(), policy.into());
    }
}

/// The one address and the list of all go together; the one counts.
fn pod(object: &mut Value) {
    let one = text(object, "status.podIP").to_owned();
    let first = items(object, "status.podIPs").first();
    let first = first.map_or("", |first| text(first, "ip")).to_owned();
    let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) else {
        return;
    };
    if one.is_empty() {
        if !first.is_empty() {
            status.insert("podIP".into(), first.into());
        }
    } else if one != first {
        status.insert("podIPs".into(), json!([{"ip": one}]));
    }
}

fn job(object: &mut Value) {
    let labels = at(object, "spec.template.metadata.labels").clone();
    let has_none = at(object, "metadata.labels")
        .as_object()
        .is_none_or(Map::is_empty);
    if has_none && labels.is_object() {
        set(object, &["metadata"], "labels", labels.clone());
        if let Some(own) = object.pointer_mut("/metadata/labels") {
            *own = labels;
        }
    }
    let replacement = match is_set(object, "spec.podFailurePolicy") {
        true => "Failed",
        false => "TerminatingOrFailed",
    };
    for (name, value) in [
        ("completionMode", "NonIndexed".into()),
        ("suspend", false.into()),
        ("podReplacementPolicy", replacement.into()),
        ("manualSelector", false.into()),
    ] {
        set(object, &["spec"], name, value);
    }
}

fn cron_job(object: &mut Value) {
    for (name, value) in [
        ("concurrencyPolicy", "Allow".into()),
        ("suspend", false.into()),
        ("successfulJobsHistoryLimit", 3.into()),
        ("failedJobsHistoryLimit", 1.into()),
    ] {
        set(object, &["spec"], name, value);
    }
}

fn autoscaler(object: &mut Value) {
    set(object, &["spec"], "minReplicas", 1.into());
    if items(object, "spec.metrics").is_empty()
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let metric = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
        spec.insert("metrics".into(), metric);
    }
}

fn csi_driver(object: &mut Value, release: KubeRelease) {
    if release >= KubeRelease::V1_37 {
        set(
            object,
            &["spec"],
            "preventPodSchedulingIfMissing",
            false.into(),
        );
    }
    for (name, value) in [
        ("attachRequired", true.into()),
        ("podInfoOnMount", false.into()),
        ("storageCapacity", false.into()),
        ("fsGroupPolicy", "ReadWriteOnceWithFSType".into()),
        ("volumeLifecycleModes", json!(["Persistent"])),
        ("requiresRepublish", false.into()),
        ("seLinuxMount", false.into()),
    ] {
        set(object, &["spec"], name, value);
    }
}

fn stateful_set(object: &mut Value, release: KubeRelease) {
    let templates = object
        .get_mut("spec")
        .and_then(|spec| spec.get_mut("volumeClaimTemplates"))
        .and_then(Value::as_array_mut);
    for template in templates.into_iter().flatten() {
        if let Some(members) = template.as_object_mut() {
            members
                .entry("apiVersion")
                .or_insert_with(|| Value::from("v1"));
            members
                .entry("kind")
                .or_insert_with(|| Value::from("PersistentVolumeClaim"));
        }
        add_phase(template);
    }
    if rolls(object) && release >= KubeRelease::V1_37 {
        set(
            object,
            &["spec", "updateStrategy", "rollingUpdate"],
            "maxUnavailable",
            json!(1),
        );
    }
    if let Some(spec) = object.get_mut("spec")
        && let Some(policy) = made(spec, "persistentVolumeClaimRetentionPolicy")
    {
        for name in ["whenDeleted", "whenScaled"] {
            policy.entry(name).or_insert_with(|| Value::from("Retain"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_and_claim_templates_get_their_phase_and_nothing_else_is_touched() {
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {}});
        add_read_defaults(&mut claim, KubeRelease::NEWEST);
        assert_eq!(claim["status"], json!({"phase": "Pending"}));
        let mut bound = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}});
        let before = bound.clone();
        add_read_defaults(&mut bound, KubeRelease::NEWEST);
        assert_eq!(bound, before);
        let mut set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
        add_read_defaults(&mut set, KubeRelease::NEWEST);
        assert_eq!(
            set["spec"]["volumeClaimTemplates"][0],
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                   "status": {"phase": "Pending"}})
        );
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod"});
        add_read_defaults(&mut pod, KubeRelease::NEWEST);
        assert_eq!(pod, json!({"apiVersion": "v1", "kind": "Pod"}));
    }

    fn read(object: Value, release: KubeRelease) -> Value {
        let mut object = object;
        add_read_defaults(&mut object, release);
        object
    }

    #[test]
    fn a_namespace_has_a_label_with_its_name() {
        let old = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        let shown = read(old, KubeRelease::NEWEST);
        let labels = json!({"kubernetes.io/metadata.name": "shop"});
        assert_eq!(
            (&shown["metadata"]["labels"], &shown["status"]["phase"]),
            (&labels, &"Active".into())
        );
        let wrong = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"a": "b", "kubernetes.io/metadata.name": "other"}}});
        let labels = json!({"a": "b", "kubernetes.io/metadata.name": "shop"});
        assert_eq!(
            read(wrong, KubeRelease::NEWEST)["metadata"]["labels"],
            labels
        );
    }

    #[test]
    fn a_service_of_an_old_server_gets_addresses_and_families() {
        let spec = |spec: Value| {
            let object = json!({"apiVersion": "v1", "kind": "Service", "spec": spec});
            read(object, KubeRelease::NEWEST)["spec"].take()
        };
        for (stored, addresses, families, policy) in [
            (
                json!({"clusterIP": "10.0.0.1"}),
                json!(["10.0.0.1"]),
                json!(["IPv4"]),
                json!("SingleStack"),
            ),
            (
                json!({"clusterIP": "fd00::1"}),
                json!(["fd00::1"]),
                json!(["IPv6"]),
                json!("SingleStack"),
            ),
            (
                json!({"clusterIP": "None", "selector": {"a": "b"}}),
                json!(["None"]),
                json!(["IPv4"]),
                json!("SingleStack"),
            ),
            (
                json!({"clusterIP": "None"}),
                json!(["None"]),
                json!(["IPv4", "IPv6"]),
                json!("RequireDualStack"),
            ),
            (
                json!({"clusterIP": "fd00::1", "clusterIPs": ["fd00::1", "10.0.0.1"], "ipFamilies": ["IPv6", "IPv4"],
                "ipFamilyPolicy": "PreferDualStack"}),
                json!(["fd00::1", "10.0.0.1"]),
                json!(["IPv6", "IPv4"]),
                json!("PreferDualStack"),
            ),
        ] {
            let shown = spec(stored);
            assert_eq!(
                [
                    &shown["clusterIPs"],
                    &shown["ipFamilies"],
                    &shown["ipFamilyPolicy"],
                    &shown["internalTrafficPolicy"]
                ],
                [&addresses, &families, &policy, &json!("Cluster")]
            );
        }
        let external = spec(
            json!({"type": "ExternalName", "externalName": "x", "internalTrafficPolicy": "Cluster"}),
        );
        assert_eq!(
            external,
            json!({"type": "ExternalName", "externalName": "x"})
        );
        let balanced = read(
            json!({"apiVersion": "v1", "kind": "Service",
            "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1"},
            "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "x"}]}}}),
            KubeRelease::NEWEST,
        );
        assert_eq!(balanced["spec"]["allocateLoadBalancerNodePorts"], true);
        assert_eq!(
            balanced["status"]["loadBalancer"]["ingress"],
            json!([{"ip": "1.2.3.4", "ipMode": "VIP"}, {"hostname": "x"}])
        );
    }

    #[test]
    fn a_job_without_labels_has_those_of_its_pods() {
        let job = |labels: Value| {
            let object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": labels},
                "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}});
            read(object, KubeRelease::NEWEST)
        };
        assert_eq!(job(json!({}))["metadata"]["labels"], json!({"a": "b"}));
        let own = job(json!({"own": "x"}));
        assert_eq!(own["metadata"]["labels"], json!({"own": "x"}));
        let spec = &own["spec"];
        assert_eq!(
            [&spec["completionMode"], &spec["podReplacementPolicy"]],
            ["NonIndexed", "TerminatingOrFailed"]
        );
        assert_eq!([&spec["suspend"], &spec["manualSelector"]], [false, false]);
    }

    #[test]
    fn the_release_decides_about_the_defaults_of_stateful_sets() {
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}});
        let new = read(set.clone(), KubeRelease::V1_37);
        assert_eq!(
            new["spec"]["updateStrategy"]["rollingUpdate"],
            json!({"partition": 0, "maxUnavailable": 1})
        );
        let old = read(set, KubeRelease::V1_36);
        assert_eq!(
            old["spec"]["updateStrategy"]["rollingUpdate"],
            json!({"partition": 0})
        );
        let kept = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
        assert_eq!(old["spec"]["persistentVolumeClaimRetentionPolicy"], kept);
    }

    #[test]
    fn pods_daemon_sets_and_drivers_get_what_older_servers_did_not_write() {
        let shown = |object: Value| read(object, KubeRelease::NEWEST);
        let pod = shown(json!({"apiVersion": "v1", "kind": "Pod", "status": {"podIP": "1"}}));
        assert_eq!(
            pod["status"],
            json!({"podIP": "1", "podIPs": [{"ip": "1"}]})
        );
        let pod =
            shown(json!({"apiVersion": "v1", "kind": "Pod", "status": {"podIPs": [{"ip": "2"}]}}));
        assert_eq!(pod["status"]["podIP"], "2");
        let set = shown(json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
            "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}}));
        assert_eq!(
            set["spec"]["updateStrategy"]["rollingUpdate"],
            json!({"maxUnavailable": 1, "maxSurge": 0})
        );
        let driver =
            shown(json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "spec": {}}));
        let volume = shown(
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"hostPath": {}}}),
        );
        let spec = json!({"hostPath": {"type": ""}, "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Retain"});
        assert_eq!(
            (&volume["spec"], &volume["status"]["phase"]),
            (&spec, &"Pending".into())
        );
        let job =
            shown(json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"suspend": true}}));
        assert_eq!(
            job["spec"],
            json!({"suspend": true, "concurrencyPolicy": "Allow",
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1})
        );
        let scaler = shown(
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {}}),
        );
        assert_eq!(
            scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
            80
        );
        let level = shown(json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "PriorityLevelConfiguration", "spec": {"limited": {}}}));
        assert_eq!(level["spec"], json!({"limited": {"lendablePercent": 0}}));
        assert_eq!(driver["spec"]["fsGroupPolicy"], "ReadWriteOnceWithFSType");
        assert_eq!(
            driver["spec"]["volumeLifecycleModes"],
            json!(["Persistent"])
        );
    }
}
