//! What an API server adds to a stored object when it reads it, because the stored form has no place for it
//! or was written before it became the default. Source: Kubernetes v1.36 pkg/apis/{core,apps}/v1.

use serde_json::{Map, Value};

use crate::kubernetes::KubeRelease;

/// Adds it to `object`.
pub fn add_read_defaults(object: &mut Value, release: KubeRelease) {
    let kind = object.get("kind").and_then(Value::as_str);
    let version = object.get("apiVersion").and_then(Value::as_str);
    match (version, kind) {
        (Some("v1"), Some("PersistentVolumeClaim")) => add_phase(object),
        (Some("apps/v1" | "apps/v1beta1" | "apps/v1beta2"), Some("StatefulSet")) => {
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
        }
        _ => {}
    }
}

/// A claim without a phase is pending.
fn add_phase(claim: &mut Value) {
    let Some(members) = claim.as_object_mut() else {
        return;
    };
    let status = members
        .entry("status")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(status) = status.as_object_mut() {
        status
            .entry("phase")
            .or_insert_with(|| Value::from("Pending"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_and_claim_templates_get_their_phase_and_nothing_else_is_touched() {
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {}});
        add_read_defaults(&mut claim);
        assert_eq!(claim["status"], json!({"phase": "Pending"}));
        let mut bound = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}});
        let before = bound.clone();
        add_read_defaults(&mut bound);
        assert_eq!(bound, before);
        let mut set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
        add_read_defaults(&mut set);
        assert_eq!(
            set["spec"]["volumeClaimTemplates"][0],
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                   "status": {"phase": "Pending"}})
        );
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod"});
        add_read_defaults(&mut pod);
        assert_eq!(pod, json!({"apiVersion": "v1", "kind": "Pod"}));
    }
}
