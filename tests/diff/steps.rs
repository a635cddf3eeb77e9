//! Which step is taken for what differs, and in which order.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::tool::run;
use crate::{Step, snapshot};

/// An object with the uid `u-NAME`, unless it has one.
fn object(api_version: &str, kind: &str, name: &str, rest: Value) -> Option<Value> {
    let mut object = json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": format!("u-{}", name.replace('.', "-"))}});
    for (field, value) in rest.as_object().expect("an object") {
        match (field.as_str(), value) {
            ("metadata", Value::Object(fields)) => {
                for (field, value) in fields {
                    object["metadata"][field] = value.clone();
                }
            }
            _ => object[field] = value.clone(),
        }
    }
    Some(object)
}

fn owner(api_version: &str, kind: &str, name: &str, controller: bool) -> Value {
    json!({"metadata": {"ownerReferences": [{"apiVersion": api_version, "kind": kind, "name": name,
        "uid": format!("u-{name}"), "controller": controller}]}})
}

/// The folder that leads from `new` to `old`, and the lines of its steps.
fn undo(old: &[Step], new: &[Step]) -> (TempDir, Vec<String>) {
    let dir = tempfile::tempdir().expect("a directory");
    let both = [vec![("mark", Some(json!({})))], old.to_vec()].concat();
    snapshot(&dir.path().join("old.db"), &both);
    snapshot(&dir.path().join("new.db"), &[both, new.to_vec()].concat());
    let args = [
        "diff",
        "old.db",
        "new.db",
        "-o",
        "manifests",
        "--to-old",
        "--out",
        "undo",
        "--show-secrets",
    ];
    let outcome = run(dir.path(), args);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let script = fs::read_to_string(dir.path().join("undo/apply.sh")).expect("a script");
    let (_, steps) = script.split_once("# ---- the steps\n").expect("steps");
    let lines = steps
        .lines()
        .filter(|line| line.starts_with("step ") || line.starts_with("owner "));
    let lines = lines.map(str::to_string).collect();
    (dir, lines)
}

/// Verb and printed name of each step.
fn names(lines: &[String]) -> Vec<String> {
    let steps = lines.iter().filter(|line| line.starts_with("step "));
    steps
        .map(|line| {
            line.split(' ')
                .skip(2)
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[test]
fn a_definition_is_known_by_the_version_that_is_served() {
    let definition = |scope: &str| {
        object(
            "apiextensions.k8s.io/v1beta1",
            "CustomResourceDefinition",
            "w.x.io",
            json!({
            "metadata": {"namespace": null},
            "spec": {"group": "x.io", "names": {"kind": "W", "plural": "w"}, "version": "v1", "scope": scope,
                     "preserveUnknownFields": false, "validation": {"openAPIV3Schema": {"type": "object"}}}}),
        )
    };
    let key = "/registry/apiextensions.k8s.io/customresourcedefinitions/w.x.io";
    let (_, lines) = undo(&[], &[(key, definition("Cluster"))]);
    let served = "path=/apis/apiextensions.k8s.io/v1/customresourcedefinitions/w.x.io";
    assert!(
        lines[0].contains(served) && lines[0].contains(" ask=delete "),
        "{lines:?}"
    );
    // It is changed, never deleted and created.
    let (_, lines) = undo(
        &[(key, definition("Cluster"))],
        &[(key, definition("Namespaced"))],
    );
    assert_eq!(
        names(&lines),
        ["patch customresourcedefinition.apiextensions.k8s.io/w.x.io"]
    );
    assert!(
        lines[0].contains(" resource=customresourcedefinitions.v1.apiextensions.k8s.io "),
        "{lines:?}"
    );
    let (_, lines) = undo(&[(key, definition("Cluster"))], &[(key, None)]);
    assert!(
        lines[0].contains(" create ") && lines[0].ends_with(" established=yes"),
        "{lines:?}"
    );
}

/// The metadata of what ConfigMaps of these names own.
fn owned_by(owners: &[&str]) -> Value {
    let mut all = owner("v1", "ConfigMap", owners[0], false);
    for other in &owners[1..] {
        let more = owner("v1", "ConfigMap", other, false);
        let more = more["metadata"]["ownerReferences"][0].clone();
        let list = all["metadata"]["ownerReferences"].as_array_mut();
        list.expect("a list").push(more);
    }
    all
}

#[test]
fn what_cannot_be_changed_is_created_again_and_what_it_owns_is_left() {
    let map = |name: &str, value: &str| {
        object(
            "v1",
            "ConfigMap",
            name,
            json!({"immutable": true, "data": {"a": value}}),
        )
    };
    let owned = |name: &str, owners: &[&str]| object("v1", "ConfigMap", name, owned_by(owners));
    let (dir, lines) = undo(
        &[
            ("/registry/configmaps/shop/a", map("a", "1")),
            ("/registry/configmaps/shop/b", map("b", "1")),
            ("/registry/configmaps/shop/child", owned("child", &["a"])),
        ],
        &[
            ("/registry/configmaps/shop/a", map("a", "2")),
            ("/registry/configmaps/shop/b", map("b", "2")),
        ],
    );
    // What it owned gets the reference back that is taken out when its owner is deleted.
    let expected = [
        "recreate configmap/a",
        "recreate configmap/b",
        "patch configmap/child",
    ];
    assert_eq!(names(&lines), expected);
    assert!(lines[0].contains(" policy=Orphan"), "{lines:?}");
    assert!(!lines[1].contains(" policy=Orphan"), "{lines:?}");
    assert!(lines[2].starts_with("owner configmaps.v1. a "), "{lines:?}");
    assert!(lines[3].ends_with(" needs=001"), "{lines:?}");
    let patch = fs::read_to_string(dir.path().join("undo/steps/003-patch-configmap-child.json"));
    let expected = r#"[
{"op":"test","path":"/metadata/uid","value":"u-child"}
,{"op":"test","path":"/metadata/ownerReferences","value":null}
,{"op":"add","path":"/metadata/ownerReferences","value":[]}
]
"#;
    assert_eq!(patch.expect("a patch"), expected);
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains("`configmap/child` gets its reference to `ConfigMap shop/a` back"),
        "{index}"
    );
    // One of two such owners gets all references back at once, when both are there again.
    let (_, lines) = undo(
        &[
            ("/registry/configmaps/shop/a", map("a", "1")),
            ("/registry/configmaps/shop/b", map("b", "1")),
            ("/registry/configmaps/shop/both", owned("both", &["a", "b"])),
        ],
        &[
            ("/registry/configmaps/shop/a", map("a", "2")),
            ("/registry/configmaps/shop/b", map("b", "2")),
        ],
    );
    assert!(lines[0].contains(" policy=Orphan") && lines[1].contains(" policy=Orphan"));
    let owners = [&lines[2], &lines[3]].map(|line| line.split(' ').nth(2).expect("a name"));
    assert_eq!(owners, ["a", "b"]);
    assert!(lines[4].ends_with(" needs='001 002'"), "{lines:?}");
    assert_eq!(lines.len(), 5, "{lines:?}");
    // Its owner is gone already: the garbage collector deletes it, or is about to.
    let (dir, lines) = undo(
        &[
            ("/registry/configmaps/shop/a", map("a", "1")),
            ("/registry/configmaps/shop/child", owned("child", &["a"])),
        ],
        &[("/registry/configmaps/shop/a", None)],
    );
    let expected = [
        "create configmap/a",
        "patch configmap/child",
        "create configmap/child",
    ];
    assert_eq!(names(&lines), expected);
    assert!(
        lines[2].ends_with(" needs=001 again=003") && lines[4].contains(" needs='001 002'"),
        "{lines:?}"
    );
    assert!(lines[4].ends_with(" either=yes"), "{lines:?}");
    let patch = fs::read_to_string(dir.path().join("undo/steps/002-patch-configmap-child.json"));
    let patch = patch.expect("a patch");
    assert!(
        patch.contains(r#"{"op":"test","path":"/metadata/ownerReferences","value":[{"#)
            && patch.contains(r#"{"op":"replace","path":"/metadata/ownerReferences","value":[]}"#)
            && !patch.contains("/metadata/uid"),
        "{patch}"
    );
}

#[test]
fn what_was_changed_and_goes_with_its_owner_is_created_as_it_was() {
    let owned = |kind: &str, name: &str, owners: &[&str], a: &str| {
        let mut all = owned_by(owners);
        all["metadata"]["labels"] = json!({"a": a});
        object("v1", kind, name, all)
    };
    let plain = |name: &str| object("v1", "ConfigMap", name, json!({}));
    let keys = [
        "/registry/configmaps/shop/a",
        "/registry/configmaps/shop/z",
        "/registry/configmaps/shop/child",
        // Of a kind that is patched long after the owner was created, and of one that is patched before.
        "/registry/services/specs/shop/web",
        "/registry/serviceaccounts/shop/robot",
    ];
    let (dir, lines) = undo(
        &[
            (keys[0], plain("a")),
            (keys[1], plain("z")),
            (keys[2], owned("ConfigMap", "child", &["a"], "1")),
            (keys[3], owned("Service", "web", &["a"], "1")),
            (keys[4], owned("ServiceAccount", "robot", &["a", "z"], "1")),
        ],
        &[
            (keys[2], owned("ConfigMap", "child", &["a"], "2")),
            (keys[3], owned("Service", "web", &["a"], "2")),
            (keys[4], owned("ServiceAccount", "robot", &["a"], "2")),
            (keys[0], None),
        ],
    );
    assert_eq!(
        names(&lines),
        [
            "patch serviceaccount/robot",
            "create configmap/a",
            "patch configmap/child",
            "patch configmap/child",
            "create configmap/child",
            "create serviceaccount/robot",
            "patch service/web",
            "patch service/web",
            "create service/web",
        ],
        "{lines:#?}"
    );
    let steps: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("step "))
        .collect();
    // Both patches are made before it is created, or found it gone.
    for (place, ends) in [(2, " again=005"), (3, " needs=002 again=005")] {
        assert!(steps[place].ends_with(ends), "{steps:#?}");
    }
    assert!(steps[4].contains(" needs='002 003 004' "), "{steps:#?}");
    // Its own patch gives it other owners, so there is nothing more to be tied.
    assert!(steps[0].ends_with(" again=006"), "{steps:#?}");
    assert!(steps[5].contains(" needs='001 002' "), "{steps:#?}");
    // What is patched later than its owner is created comes later still.
    assert!(steps[8].contains(" needs='002 007 008' "), "{steps:#?}");
    let made = |file: &str| {
        let text = fs::read_to_string(dir.path().join("undo/steps").join(file));
        text.expect("a manifest")
    };
    let child = made("005-create-configmap-child.yaml");
    assert!(
        child.contains("a: \"1\"") && !child.contains("a: \"2\""),
        "{child}"
    );
    let robot = made("006-create-serviceaccount-robot.yaml");
    assert!(robot.contains("a: \"1\""), "{robot}");
    let owners: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("owner "))
        .collect();
    assert_eq!(owners.len(), 7, "{lines:#?}");
}

#[test]
fn what_is_put_into_others_or_named_by_them_comes_before_them() {
    let of_cluster = |api_version: &str, kind: &str, name: &str, rest: Value| {
        let mut object = object(api_version, kind, name, rest).expect("an object");
        object["metadata"]["namespace"] = json!(null);
        Some(object)
    };
    let class = "networking.k8s.io/v1";
    let is_default = json!({"metadata": {"annotations": {
        "ingressclass.kubernetes.io/is-default-class": "true"}}});
    let ingress = "/registry/ingress/shop/web";
    let runtime = "/registry/runtimeclasses/sand";
    let pod = "/registry/pods/shop/a";
    let old = [
        (ingress, object(class, "Ingress", "web", json!({}))),
        (
            runtime,
            of_cluster(
                "node.k8s.io/v1",
                "RuntimeClass",
                "sand",
                json!({"handler": "h"}),
            ),
        ),
        (pod, object("v1", "Pod", "a", json!({}))),
    ];
    let new = [
        (ingress, None),
        (runtime, None),
        (pod, None),
        (
            "/registry/ingressclasses/evil",
            of_cluster(class, "IngressClass", "evil", is_default),
        ),
        (
            "/registry/ingressclasses/other",
            of_cluster(class, "IngressClass", "other", json!({})),
        ),
    ];
    let (_, lines) = undo(&old, &new);
    assert_eq!(
        names(&lines),
        [
            "delete ingressclass.networking.k8s.io/evil",
            "create runtimeclass.node.k8s.io/sand",
            "create pod/a",
            "create ingress.networking.k8s.io/web",
            "delete ingressclass.networking.k8s.io/other",
        ]
    );
}

#[test]
fn what_is_being_deleted_is_created_again_though_nothing_else_differs() {
    let namespace = |going: bool| {
        let time = going.then_some("2026-01-01T00:00:00Z");
        object(
            "v1",
            "Namespace",
            "room",
            json!({"metadata": {"namespace": null, "deletionTimestamp": time}}),
        )
    };
    let inside = object(
        "v1",
        "ConfigMap",
        "a",
        json!({"metadata": {"namespace": "room"}}),
    );
    let (_, lines) = undo(
        &[
            ("/registry/namespaces/room", namespace(false)),
            ("/registry/configmaps/room/a", inside),
        ],
        &[
            ("/registry/namespaces/room", namespace(true)),
            ("/registry/configmaps/room/a", None),
        ],
    );
    assert_eq!(
        names(&lines),
        ["recreate namespace/room", "create configmap/a"]
    );
    assert!(!lines[0].contains(" ask="), "{lines:?}");
    assert!(lines[1].ends_with(" needs=001"), "{lines:?}");
}

#[test]
fn a_volume_is_freed_for_the_claim_that_is_created_again() {
    let volume = object(
        "v1",
        "PersistentVolume",
        "disk",
        json!({"metadata": {"namespace": null}, "spec": {"claimRef": {"kind": "PersistentVolumeClaim",
            "namespace": "shop", "name": "data", "uid": "u-data", "resourceVersion": "9"}}}),
    );
    let claim = object(
        "v1",
        "PersistentVolumeClaim",
        "data",
        json!({"spec": {"volumeName": "disk"}}),
    );
    let key = "/registry/persistentvolumeclaims/shop/data";
    let (dir, lines) = undo(
        &[("/registry/persistentvolumes/disk", volume), (key, claim)],
        &[(key, None)],
    );
    assert_eq!(
        names(&lines),
        [
            "create persistentvolumeclaim/data",
            "patch persistentvolume/disk"
        ]
    );
    assert!(lines[1].ends_with(" needs=001"), "{lines:?}");
    let patch = fs::read_to_string(
        dir.path()
            .join("undo/steps/002-patch-persistentvolume-disk.json"),
    );
    let replaced = r#"{"op":"replace","path":"/spec/claimRef","value":{"kind":"PersistentVolumeClaim","name":"data","namespace":"shop"}}"#;
    assert!(patch.expect("a patch").contains(replaced));
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains("`persistentvolume/disk` is freed for `PersistentVolumeClaim shop/data`"),
        "{index}"
    );
}

#[test]
fn what_is_deleted_only_when_asked_for_holds_back_what_it_controls_and_a_definition_takes_its_objects_along()
 {
    let set = object("apps/v1", "StatefulSet", "db", json!({}));
    let pod = object(
        "v1",
        "Pod",
        "db-0",
        owner("apps/v1", "StatefulSet", "db", true),
    );
    let definition = object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "traps.x.io",
        json!({"metadata": {"namespace": null}, "spec": {"group": "x.io", "scope": "Namespaced",
            "names": {"kind": "Trap", "plural": "traps"},
            "versions": [{"name": "v1", "served": true, "storage": true}]}}),
    );
    let (_, lines) = undo(
        &[],
        &[
            ("/registry/statefulsets/shop/db", set),
            ("/registry/pods/shop/db-0", pod),
            (
                "/registry/apiextensions.k8s.io/customresourcedefinitions/traps.x.io",
                definition,
            ),
            (
                "/registry/x.io/traps/shop/t",
                object("x.io/v1", "Trap", "t", json!({})),
            ),
        ],
    );
    assert_eq!(
        names(&lines),
        [
            "delete statefulset.apps/db",
            "delete pod/db-0",
            "delete trap.x.io/t",
            "delete customresourcedefinition.apiextensions.k8s.io/traps.x.io",
        ]
    );
    assert!(
        lines[1].contains(
            " needs=001 ask=delete why='what controls it is deleted only when asked for'"
        ),
        "{lines:?}"
    );
    assert!(lines[2].ends_with(" goes=004"), "{lines:?}");
}

#[test]
fn what_is_stored_in_a_version_that_is_not_served_is_written_in_one_that_is_or_left_out_with_the_reason()
 {
    let definition = |strategy: &str| {
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "ws.x.io",
            json!({"metadata": {"namespace": null}, "spec": {"group": "x.io", "scope": "Namespaced",
                "names": {"kind": "W", "plural": "ws"}, "conversion": {"strategy": strategy},
                "versions": [{"name": "v1", "served": true, "storage": true},
                    {"name": "v0", "served": false, "storage": false}]}}),
        )
    };
    let widget = |version: &str, phase: &str| {
        object(
            &format!("x.io/{version}"),
            "W",
            "w",
            json!({"status": {"phase": phase}}),
        )
    };
    let budget = |least: u8| {
        object(
            "policy/v1beta1",
            "PodDisruptionBudget",
            "b",
            json!({"spec": {"minAvailable": least}}),
        )
    };
    let api = |name: &str| {
        object(
            "apiregistration.k8s.io/v1",
            "APIService",
            name,
            json!({"metadata": {"namespace": null}}),
        )
    };
    let (crd, w) = (
        "/registry/apiextensions.k8s.io/customresourcedefinitions/ws.x.io",
        "/registry/x.io/ws/shop/w",
    );
    let b = "/registry/poddisruptionbudgets/shop/b";
    let old = |strategy: &str, served: &'static str| {
        let name = served.rsplit('/').next().expect("a name");
        [
            (crd, definition(strategy)),
            (served, api(name)),
            (w, widget("v0", "a")),
            (b, budget(1)),
        ]
    };
    let new = [(w, widget("v1", "b")), (b, budget(2))];
    let stable = "/registry/apiregistration.k8s.io/apiservices/v1.policy";
    let (dir, lines) = undo(&old("None", stable), &new);
    assert!(
        lines[0].contains(" resource=poddisruptionbudgets.v1.policy "),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("step 002 patch ") && lines[1].contains(" resource=ws.v1.x.io "),
        "{lines:?}"
    );
    // Without a subresource the status is a field like any other.
    let patch = fs::read_to_string(dir.path().join("undo/steps/002-patch-w-w.json"));
    assert!(
        patch
            .expect("a patch")
            .contains(r#""path":"/status/phase","value":"a""#)
    );
    let (dir, lines) = undo(&old("None", stable), &[(w, None)]);
    assert!(lines[0].contains(" create w.x.io/w "), "{lines:?}");
    let created = fs::read_to_string(dir.path().join("undo/steps/001-create-w-w.yaml"));
    let created = created.expect("a manifest");
    assert!(
        created.starts_with("apiVersion: x.io/v1\n") && created.contains("status:\n  phase: a\n"),
        "{created}"
    );

    let passing = "/registry/apiregistration.k8s.io/apiservices/v1beta1.policy";
    let (dir, lines) = undo(&old("Webhook", passing), &new);
    assert!(
        lines.len() == 1 && lines[0].contains(" resource=poddisruptionbudgets.v1beta1.policy "),
        "{lines:?}"
    );
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains(
            "stored in x.io/v0, which its definition does not serve, and only the webhook"
        ),
        "{index}"
    );
}

#[test]
fn what_controls_others_goes_before_them_and_they_go_too() {
    let deploy = |labels: Value| {
        object(
            "apps/v1",
            "Deployment",
            "web",
            json!({"spec": {"selector": {"matchLabels": labels}}}),
        )
    };
    let of = |kind: &str, name: &str, owner_kind: &str, owner_name: &str, version: &str| {
        object(
            version,
            kind,
            name,
            owner("apps/v1", owner_kind, owner_name, true),
        )
    };
    let made: [Step; 2] = [
        (
            "/registry/pods/shop/a-pod",
            of("Pod", "a-pod", "ReplicaSet", "a-set", "v1"),
        ),
        (
            "/registry/replicasets/shop/a-set",
            of("ReplicaSet", "a-set", "Deployment", "web", "apps/v1"),
        ),
    ];
    let key = "/registry/deployments/shop/web";
    let added = [vec![(key, deploy(json!({"a": "1"})))], made.to_vec()].concat();
    let (_, lines) = undo(&[], &added);
    let expected = [
        "delete deployment.apps/web",
        "delete replicaset.apps/a-set",
        "delete pod/a-pod",
    ];
    assert_eq!(names(&lines), expected);
    assert!(
        lines[0].contains(" policy=Orphan") && lines[1].contains(" policy=Orphan"),
        "{lines:?}"
    );
    let (_, lines) = undo(&[(key, deploy(json!({"b": "1"})))], &added);
    let expected = [
        "recreate deployment.apps/web",
        "delete replicaset.apps/a-set",
        "delete pod/a-pod",
    ];
    assert_eq!(names(&lines), expected);
    // Of one that stays they are its own business.
    let (_, lines) = undo(&[(key, deploy(json!({"a": "1"})))], &made);
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn what_acts_when_it_is_created_waits_to_be_asked_for_and_what_is_owned_for_its_owner() {
    let job = object("batch/v1", "Job", "job", json!({}));
    let claim = object("v1", "PersistentVolumeClaim", "data", json!({}));
    let child = object(
        "v1",
        "ConfigMap",
        "child",
        owner("apps/v1", "Deployment", "web", false),
    );
    let web = object("apps/v1", "Deployment", "web", json!({}));
    let all: [(&str, Option<Value>); 4] = [
        ("/registry/jobs/shop/job", job),
        ("/registry/persistentvolumeclaims/shop/data", claim),
        ("/registry/configmaps/shop/child", child),
        ("/registry/deployments/shop/web", web),
    ];
    let gone: Vec<Step> = all.iter().map(|(key, _)| (*key, None)).collect();
    let (_, lines) = undo(&all, &gone);
    let expected = [
        "create persistentvolumeclaim/data",
        "create deployment.apps/web",
        "create configmap/child",
        "create job.batch/job",
    ];
    assert_eq!(names(&lines), expected, "{lines:?}");
    assert!(
        lines[0].contains(" ask=create ") && lines[4].contains(" ask=create "),
        "{lines:?}"
    );
    assert_eq!(
        lines[2],
        r#"owner deployments.v1.apps web '{"apiVersion":"apps/v1","controller":false,"kind":"Deployment","name":"web"'"#
    );
    assert!(lines[3].ends_with(" needs=002"), "{lines:?}");
}

#[test]
fn a_gate_that_is_changed_comes_first_where_it_may_refuse_what_follows() {
    let hook = |policy: &str, url: &str| {
        object(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "hook",
            json!({
            "metadata": {"namespace": null},
            "webhooks": [{"name": "a", "failurePolicy": policy, "clientConfig": {"url": url}}]}),
        )
    };
    let map = |value: &str| object("v1", "ConfigMap", "a", json!({"data": {"a": value}}));
    let key = "/registry/validatingwebhookconfigurations/hook";
    let maps = "/registry/configmaps/shop/a";
    let order = |old: &str, new: &str| {
        let (_, lines) = undo(
            &[(key, hook(old, "a")), (maps, map("1"))],
            &[(key, hook(new, "b")), (maps, map("2"))],
        );
        names(&lines)[0].clone()
    };
    assert!(order("Ignore", "Fail").contains("webhook"));
    assert!(order("Fail", "Fail").contains("webhook"));
    assert!(order("Fail", "Ignore").contains("configmap"));
}

#[test]
fn an_object_that_kubectl_apply_has_made_is_sent_with_what_apply_compares_with() {
    let noted = "kubectl.kubernetes.io/last-applied-configuration";
    let service = |name: &str, applied: bool| {
        let annotations = if applied {
            json!({noted: "{}\n"})
        } else {
            json!({})
        };
        object(
            "v1",
            "Service",
            name,
            json!({"metadata": {"annotations": annotations}, "spec": {"clusterIP": "10.0.0.9"}}),
        )
    };
    let (a, b) = (
        "/registry/services/specs/shop/a",
        "/registry/services/specs/shop/b",
    );
    let (dir, lines) = undo(
        &[(a, service("a", true)), (b, service("b", false))],
        &[(a, None), (b, None)],
    );
    assert!(
        lines[0].contains(
            "file=steps/001-create-service-a.json path=/api/v1/namespaces/shop/services/a"
        ),
        "{lines:?}"
    );
    let read =
        |name: &str| fs::read_to_string(dir.path().join("undo/steps").join(name)).expect("a file");
    let sent: Value = serde_json::from_str(&read("001-create-service-a.json")).expect("JSON");
    assert_eq!(sent["metadata"]["annotations"][noted], "{}\n");
    // It had that address, and others may know it.
    assert_eq!(sent["spec"]["clusterIP"], "10.0.0.9");
    assert!(read("002-create-service-b.yaml").contains("clusterIP: 10.0.0.9"));
}

#[test]
fn what_is_stored_in_another_version_is_written_back_if_nobody_has_written_it() {
    let widget = |version: &str, size: u8| {
        object(
            &format!("x.io/{version}"),
            "W",
            "w",
            json!({"spec": {"size": size}}),
        )
    };
    let key = "/registry/x.io/ws/shop/w";
    let (dir, lines) = undo(&[(key, widget("v1beta1", 1))], &[(key, widget("v1", 2))]);
    assert!(
        names(&lines)[0].starts_with("replace ")
            && lines[0].contains(" path=/apis/x.io/v1beta1/namespaces/shop/"),
        "{lines:?}"
    );
    let file = fs::read_dir(dir.path().join("undo/steps"))
        .expect("a folder")
        .next()
        .expect("a file");
    let sent: Value =
        serde_json::from_slice(&fs::read(file.expect("a file").path()).expect("a file"))
            .expect("JSON");
    assert_eq!(
        (
            &sent["metadata"]["uid"],
            &sent["metadata"]["resourceVersion"]
        ),
        (&json!("u-w"), &json!("4"))
    );
    let (_, lines) = undo(&[(key, widget("v1beta1", 1))], &[(key, widget("v1", 1))]);
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_name_that_no_server_would_have_is_left_out() {
    let evil = "a/../../x; reboot";
    let (dir, lines) = undo(
        &[],
        &[(
            "/registry/configmaps/shop/evil",
            object("v1", "ConfigMap", evil, json!({})),
        )],
    );
    assert!(lines.is_empty(), "{lines:?}");
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(index.contains("## Left out"), "{index}");
}

#[test]
fn rules_that_a_controller_gathers_and_attachments_of_volumes_are_left_to_those_who_make_them() {
    let role = |verb: &str| {
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "all",
            json!({"metadata": {"namespace": null}, "rules": [{"verbs": [verb]}],
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}),
        )
    };
    let attachment = |node: &str| {
        object(
            "storage.k8s.io/v1",
            "VolumeAttachment",
            "va",
            json!({"metadata": {"namespace": null}, "spec": {"nodeName": node}}),
        )
    };
    let (key, va) = (
        "/registry/clusterroles/all",
        "/registry/volumeattachments/va",
    );
    let (dir, lines) = undo(
        &[(key, role("get")), (va, attachment("a"))],
        &[(key, role("*")), (va, None)],
    );
    assert!(lines.is_empty(), "{lines:?}");
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains("Left to those who make them again: 2."),
        "{index}"
    );
    let (dir, lines) = undo(&[(key, role("get"))], &[(key, None)]);
    assert_eq!(names(&lines).len(), 1);
    let created = fs::read_to_string(
        dir.path()
            .join("undo/steps/001-create-clusterrole-all.yaml"),
    );
    assert!(created.expect("a manifest").contains("rules: []\n"));
}

fn service(name: &str, uid: &str, address: &str, port: u64) -> Option<Value> {
    let rest = json!({"metadata": {"uid": uid},
        "spec": {"type": "NodePort", "clusterIP": address, "clusterIPs": [address],
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": port}]}});
    object("v1", "Service", name, rest)
}

#[test]
fn of_services_that_exchanged_node_ports_one_steps_aside_to_a_port_that_nobody_has() {
    let a = "/registry/services/specs/shop/a";
    let b = "/registry/services/specs/shop/b";
    let c = "/registry/services/specs/shop/c";
    let (dir, lines) = undo(
        &[
            (a, service("a", "u1", "10.0.0.1", 30_001)),
            (b, service("b", "u2", "10.0.0.2", 30_002)),
            // Its port is not to be asked for, though nothing happened to it.
            (c, service("c", "u3", "10.0.0.3", 30_003)),
        ],
        &[
            (a, service("a", "u1", "10.0.0.1", 30_002)),
            (b, service("b", "u2", "10.0.0.2", 30_001)),
        ],
    );
    assert_eq!(
        names(&lines),
        ["patch service/a", "patch service/a", "patch service/b"]
    );
    let needs: Vec<bool> = lines
        .iter()
        .map(|line| line.contains(" needs=001"))
        .collect();
    assert_eq!(needs, [false, true, false], "{lines:?}");
    let values = |number: usize| -> Vec<(String, Value)> {
        let (_, file) = lines[number].split_once(" file=").expect("a file");
        let file = file.split(' ').next().expect("a file");
        let text = fs::read_to_string(dir.path().join("undo").join(file)).expect("a patch");
        let patch: Value = serde_json::from_str(&text).expect("JSON");
        let all = patch.as_array().expect("operations").iter();
        all.filter(|one| one["path"].as_str().expect("a path").ends_with("/nodePort"))
            .map(|one| {
                (
                    one["op"].as_str().expect("an op").to_string(),
                    one["value"].clone(),
                )
            })
            .collect()
    };
    let op = |op: &str, port: u64| (op.to_string(), json!(port));
    assert_eq!(values(0).last(), Some(&op("replace", 30_004)));
    assert!(values(0).contains(&op("test", 30_002)));
    assert_eq!(values(1), [op("test", 30_004), op("replace", 30_001)]);
    assert_eq!(values(2), [op("test", 30_001), op("replace", 30_002)]);
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains("- 001 `Service shop/a` gets another node port for the time being"),
        "{index}"
    );
}

#[test]
fn services_that_exchanged_health_check_ports_are_without_one_for_the_time_being() {
    let balanced = |name: &str, uid: &str, health: u64| {
        let mut all = service(
            name,
            uid,
            &format!("10.0.0.{}", health % 10),
            30_001 + health % 10,
        );
        let spec = &mut all.as_mut().expect("an object")["spec"];
        spec["type"] = json!("LoadBalancer");
        spec["externalTrafficPolicy"] = json!("Local");
        spec["healthCheckNodePort"] = json!(health);
        all
    };
    let with = |mut all: Option<Value>, health: u64| {
        all.as_mut().expect("an object")["spec"]["healthCheckNodePort"] = json!(health);
        all
    };
    let a = "/registry/services/specs/shop/a";
    let b = "/registry/services/specs/shop/b";
    let (dir, lines) = undo(
        &[
            (a, balanced("a", "u1", 32_001)),
            (b, balanced("b", "u2", 32_002)),
        ],
        &[
            (a, with(balanced("a", "u1", 32_001), 32_002)),
            (b, with(balanced("b", "u2", 32_002), 32_001)),
        ],
    );
    // Nothing is deleted, and both have given theirs up before one asks for another.
    assert_eq!(
        names(&lines),
        [
            "patch service/a",
            "patch service/b",
            "patch service/a",
            "patch service/b"
        ]
    );
    assert!(lines[2].contains(" needs=001"), "{lines:?}");
    assert!(lines[3].contains(" needs=002"), "{lines:?}");
    let changes = |number: usize| -> Vec<(String, String, Value)> {
        let (_, file) = lines[number].split_once(" file=").expect("a file");
        let file = file.split(' ').next().expect("a file");
        let text = fs::read_to_string(dir.path().join("undo").join(file)).expect("a patch");
        let patch: Value = serde_json::from_str(&text).expect("JSON");
        let all = patch.as_array().expect("operations").iter();
        let text = |one: &Value, field: &str| one[field].as_str().expect("text").to_string();
        all.filter(|one| one["op"] != "test")
            .map(|one| (text(one, "op"), text(one, "path"), one["value"].clone()))
            .collect()
    };
    let change =
        |op: &str, field: &str, value: Value| (op.to_string(), format!("/spec/{field}"), value);
    let mut first = changes(0);
    first.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        first,
        [
            change("replace", "externalTrafficPolicy", json!("Cluster")),
            change("remove", "healthCheckNodePort", json!(null)),
        ]
    );
    let mut then = changes(2);
    then.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        then,
        [
            change("replace", "externalTrafficPolicy", json!("Local")),
            change("add", "healthCheckNodePort", json!(32_001)),
        ]
    );
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains("- 001 `Service shop/a` gives up its health check node port"),
        "{index}"
    );
}

#[test]
fn a_service_that_was_made_again_with_another_address_is_made_again_with_its_old_one() {
    let key = "/registry/services/specs/shop/a";
    let (dir, lines) = undo(
        &[(key, service("a", "u1", "10.0.0.1", 30_001))],
        &[(key, None), (key, service("a", "u2", "10.0.0.2", 30_001))],
    );
    assert_eq!(names(&lines), ["recreate service/a"]);
    assert!(
        lines[0].contains(" uid=u2 ") && lines[0].ends_with(" addresses=10.0.0.1"),
        "{lines:?}"
    );
    let file = fs::read_to_string(dir.path().join("undo/steps/001-recreate-service-a.yaml"));
    let manifest = file.expect("a manifest");
    assert!(
        manifest.contains("clusterIP: 10.0.0.1") && manifest.contains("nodePort: 30001"),
        "{manifest}"
    );
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    assert!(
        index.contains("then created, if its address is free"),
        "{index}"
    );
    // With the address that it had, it is left as it is.
    let (_, lines) = undo(
        &[
            (key, service("a", "u1", "10.0.0.1", 30_001)),
            (
                "/registry/configmaps/shop/x",
                object("v1", "ConfigMap", "x", json!({})),
            ),
        ],
        &[
            (key, None),
            (key, service("a", "u2", "10.0.0.1", 30_001)),
            ("/registry/configmaps/shop/x", None),
        ],
    );
    assert_eq!(names(&lines), ["create configmap/x"]);
}
