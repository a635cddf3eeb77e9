//! Pods, and templates of pods, that reach into their node.

use std::collections::HashSet;

use serde_json::Value;

use crate::kubernetes::fields::{at, is_true, items, text};

/// Where a kind has the specification of its pods.
fn pod_spec(group: &str, kind: &str) -> Option<&'static str> {
    Some(match (group, kind) {
        ("", "Pod") => "spec",
        ("", "PodTemplate") => "template.spec",
        ("", "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job") => "spec.template.spec",
        ("batch", "CronJob") => "spec.jobTemplate.spec.template.spec",
        _ => return None,
    })
}

pub(super) fn workload(
    group: &str,
    kind: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    found: &mut Vec<String>,
) {
    let (Some(path), Some(new)) = (pod_spec(group, kind), new) else {
        return;
    };
    let before: HashSet<String> = old
        .map_or_else(Vec::new, |old| risks(at(old, path)))
        .into_iter()
        .collect();
    found.extend(
        risks(at(new, path))
            .into_iter()
            .filter(|risk| !before.contains(risk)),
    );
}

/// What the pods can reach beyond themselves.
fn risks(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in items(spec, list) {
            if is_true(container, "securityContext.privileged") {
                found.push(format!(
                    "container {} is privileged",
                    text(container, "name")
                ));
            }
        }
    }
    for volume in items(spec, "volumes") {
        let path = text(volume, "hostPath.path");
        if !path.is_empty() {
            found.push(format!("hostPath {path}"));
        }
    }
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if is_true(spec, field) {
            found.push(field.to_string());
        }
    }
    found
}
