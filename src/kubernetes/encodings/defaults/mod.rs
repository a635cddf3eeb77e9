//! What an API server adds to a stored object when it reads it, because the stored form has no place for it
//! or was written before it became the default.

mod depending;
mod pod_resources;
mod table;

use serde_json::{Map, Value};

use crate::kubernetes::catalog::table::{MessageId, Shape, TABLE};
use crate::kubernetes::release::KubeRelease;
use table::{FieldDefault, Member, of_message};

/// How deep messages are followed, as deep as they are decoded.
const DEPTH: usize = 60;

/// Adds to `object` what the API server of `release` adds. Services without families and address are taken to be
/// of a cluster that prefers IPv4.
pub fn add_read_defaults(object: &mut Value, release: KubeRelease) {
    let text = |name| object.get(name).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        return;
    };
    if let Some(message) = TABLE.kind_of(version, kind) {
        let is_claim = version == "v1" && kind == "PersistentVolumeClaim";
        fill(object, message, release, DEPTH);
        if is_claim {
            depending::claim_sources(object);
        }
    }
}

/// Adds what is missing in one message and below it: first what depends on other fields, then fields, then what
/// is in members.
fn fill(value: &mut Value, message: MessageId, release: KubeRelease, depth: usize) {
    let Some(defaults) = of_message(message).filter(|_| value.is_object() && depth > 0) else {
        return;
    };
    if let Some(rule) = defaults.rule {
        rule(value, release);
    }
    for default in defaults.fields.iter().filter(|one| one.is_of(release)) {
        set_default(value, default);
    }
    for member in &defaults.members {
        fill_member(value, member, release, depth.saturating_sub(1));
    }
}

fn set_default(value: &mut Value, default: &FieldDefault) {
    let Some(members) = value.as_object_mut() else {
        return;
    };
    let is_empty = match members.get(default.field) {
        None | Some(Value::Null) => true,
        Some(_) if default.is_pointer => false,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(_) => false,
    };
    if is_empty {
        members.insert(default.field.to_owned(), default.value.clone());
    }
}

fn fill_member(value: &mut Value, member: &Member, release: KubeRelease, depth: usize) {
    if member.name.is_empty() {
        return fill(value, member.message, release, depth);
    }
    let Some(inner) = value.get_mut(member.name) else {
        // A status is there though it is not stored.
        if member.name == "status" {
            let mut made = Value::Object(Map::new());
            fill(&mut made, member.message, release, depth);
            if made.as_object().is_some_and(|made| !made.is_empty())
                && let Some(members) = value.as_object_mut()
            {
                members.insert(member.name.to_owned(), made);
            }
        }
        return;
    };
    match (member.shape, inner) {
        (Shape::One, inner) => fill(inner, member.message, release, depth),
        (Shape::List, Value::Array(list)) => {
            for one in list {
                fill(one, member.message, release, depth);
            }
        }
        (Shape::Map, Value::Object(map)) => {
            for one in map.values_mut() {
                fill(one, member.message, release, depth);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            json!({"type": "ExternalName", "externalName": "x", "sessionAffinity": "None"})
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
        assert_eq!(
            level["spec"],
            json!({"limited": {"lendablePercent": 0, "nominalConcurrencyShares": 30}})
        );
        assert_eq!(driver["spec"]["fsGroupPolicy"], "ReadWriteOnceWithFSType");
        assert_eq!(
            driver["spec"]["volumeLifecycleModes"],
            json!(["Persistent"])
        );
    }
}
