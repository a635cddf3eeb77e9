//! `diff` and `divergence`, as they are run.

#[path = "../support/mod.rs"]
mod support;

mod account;
mod apply_script;
mod asked;
mod changed;
mod colours;
mod damaged;
mod folding;
mod incident;
mod listing;
mod log;
mod named;
mod relation;
mod steps;
mod undo;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use support::database::{Bucket, Database, Elements};
use support::tool::{Outcome, run};
use support::wire::{field, varint};
use support::{clusters, testdata};
use tempfile::TempDir;

const RELEASES: [&str; 5] = ["3.4.23", "3.5.30", "3.6.14", "3.7.1", "3.8.0-alpha"];

fn etcdsnap(args: &str) -> Outcome {
    run(&testdata::dir().join("real"), args.split_whitespace())
}

/// The lines but those that tell again what standard error tells.
fn lines(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .filter(|line: &Value| line["type"] != "error")
        .collect()
}

fn summary(outcome: &Outcome) -> Value {
    lines(outcome).pop().expect("a summary")
}

#[test]
fn between_two_snapshots_of_a_server_every_change_is_found() {
    for release in RELEASES {
        let (a, b) = (
            format!("etcd-{release}-a.db"),
            format!("etcd-{release}-b.db"),
        );
        let outcome = etcdsnap(&format!("diff {a} {b} --json"));
        assert_eq!(
            (outcome.status, &*outcome.stderr),
            (Some(1), ""),
            "{release}"
        );
        let found = summary(&outcome);
        let count = |name: &str| found[name].as_u64().expect("a count");
        let counts = ["added", "removed", "changed", "recreated"].map(count);
        assert_eq!(counts, [20, 33, 91, 1], "{release}");
        assert_eq!(found["relation"], "same-history", "{release}");
        assert_eq!(found["divergences"], 0, "{release}");

        let back = summary(&etcdsnap(&format!("diff {b} {a} --json")));
        let count = |name: &str| back[name].as_u64().expect("a count");
        let counts = ["removed", "added", "changed", "recreated"].map(count);
        assert_eq!(counts, [20, 33, 91, 1], "{release}");

        let same = etcdsnap(&format!("diff {a} {a} --json"));
        assert_eq!((same.status, lines(&same).len()), (Some(0), 1), "{release}");

        let one_history = etcdsnap(&format!("divergence {a} {b}"));
        assert_eq!(one_history.status, Some(0), "{release}");
    }
}

#[test]
fn names_alone_are_those_of_the_full_answer() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let unpacked = clusters::unpack(dir.path());
    let [before, after, ..] = unpacked.as_slice() else {
        panic!("snapshots of clusters");
    };
    let real = testdata::dir().join("real");
    let (a, b) = ("etcd-3.6.14-a.db", "etcd-3.6.14-b.db");
    for (dir, files) in [
        (dir.path(), [before.as_str(), after]),
        (dir.path(), [after, before]),
        (&real, [a, b]),
        // Of other histories: every key is told by its content.
        (&real, [a, "etcd-3.7.1-b.db"]),
    ] {
        for noise in ["default", "none", "all-status"] {
            let asked = |more: &str| {
                let words = ["diff", files[0], files[1], "--noise", noise, more];
                run(dir, words)
            };
            let told = asked("--json");
            let mut full: Vec<String> = lines(&told)
                .iter()
                .filter(|line| line["type"] == "change" && line["noise"].is_null())
                .map(|line| {
                    let text = |name: &str| line[name].as_str().expect("a text").to_owned();
                    format!("{:<9} {}", text("change"), text("key"))
                })
                .collect();
            full.sort();
            let names = asked("--names-only");
            let mut names: Vec<&str> = names.stdout.lines().collect();
            names.sort_unstable();
            assert!(names.len() > 20, "{files:?}");
            assert_eq!(names, full, "{files:?} {noise}");
        }
    }
}

#[test]
fn who_asks_for_names_alone_is_told_of_other_buckets_that_differ() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let snapshot = testdata::dir().join("real/etcd-3.6.14-a.db");
    let snapshot = snapshot.to_str().expect("UTF-8");
    for (name, peer) in [
        ("one", "http://10.0.0.1:2380"),
        ("two", "http://10.0.0.2:2380"),
    ] {
        let cluster = format!("{name}={peer}");
        let words = ["restore", snapshot, "--name", name, "--data-dir", name];
        let urls = [
            "--initial-cluster",
            &cluster,
            "--initial-advertise-peer-urls",
            peer,
        ];
        let restored = run(dir.path(), words.into_iter().chain(urls));
        assert_eq!(restored.status, Some(0), "{}", restored.stderr);
    }
    let names = run(dir.path(), ["diff", "one", "two", "--names-only"]);
    assert_eq!((names.status, &*names.stdout), (Some(1), ""));
    assert!(
        names.stderr.contains("buckets differ as well: members"),
        "{}",
        names.stderr
    );
    let same = run(dir.path(), ["diff", "one", "one", "--names-only"]);
    assert_eq!(
        (same.status, &*same.stdout, &*same.stderr),
        (Some(0), "", "")
    );
}

/// What was done between the two snapshots of a release: 90 ConfigMaps and `mark` changed, 20 came, 30 and
/// three other keys went, and one was deleted and created again.
#[test]
fn what_is_found_between_two_snapshots_is_what_was_done() {
    for release in RELEASES {
        let found = lines(&etcdsnap(&format!(
            "diff etcd-{release}-a.db etcd-{release}-b.db --json"
        )));
        let of = |change: &str, kind: &str| -> Vec<&str> {
            let is_it = |line: &&Value| {
                line["type"] == "change"
                    && line["change"] == change
                    && line["kind"].as_str().unwrap_or_default() == kind
            };
            let lines = found.iter().filter(is_it);
            lines.filter_map(|line| line["key"].as_str()).collect()
        };
        assert_eq!(of("changed", "ConfigMap").len(), 90, "{release}");
        assert_eq!(of("changed", ""), ["mark"], "{release}");
        assert_eq!(of("removed", "ConfigMap").len(), 30, "{release}");
        assert_eq!(of("removed", ""), ["/leased/1", "/txn/a", "/txn/b"]);
        assert_eq!(of("added", "ConfigMap").len(), 20, "{release}");
        assert_eq!(of("recreated", "ConfigMap").len(), 1, "{release}");
        let changes = found.iter().filter(|line| line["type"] == "change");
        assert_eq!(changes.count(), 145, "{release}");
    }
}

#[test]
fn snapshots_of_different_servers_are_of_no_common_history() {
    let pairs = RELEASES
        .iter()
        .flat_map(|one| RELEASES.map(|other| (*one, other)));
    for (one, other) in pairs.filter(|(one, other)| one != other) {
        let (a, b) = (format!("etcd-{one}-a.db"), format!("etcd-{other}-b.db"));
        let outcome = etcdsnap(&format!("diff {a} {b} --json"));
        assert_eq!(outcome.status, Some(1), "{one} {other}");
        let found = lines(&outcome);
        let end = found.last().expect("a summary");
        assert_ne!(end["relation"], "same-history", "{one} {other}");
        assert_eq!(found[0]["type"], "divergence", "{one} {other}");
        assert_eq!(found[0]["new_key"]["key"], "big", "{one} {other}");
        let counts = ["added", "removed", "changed", "recreated"].map(|name| end[name].as_u64());
        assert_eq!(counts, [20, 33, 92, 1].map(Some), "{one} {other}");
        let changed = |key: &str| {
            found
                .iter()
                .any(|line| line["key"] == key && line["type"] == "change")
        };
        assert!(changed("big"), "{one} {other}");
        let parted = etcdsnap(&format!("divergence {a} {b}"));
        assert_eq!(parted.status, Some(1), "{one} {other}");
    }
}

#[test]
fn a_damaged_file_leaves_keys_unknown_and_is_a_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = testdata::read("real/etcd-3.6.14-b.db");
    let mut damaged = whole.clone();
    // Leaves lose their type; which of them are free does not matter.
    for page in (8..whole.len() / 4096).step_by(3) {
        if damaged[page * 4096 + 8] == 2 {
            damaged[page * 4096 + 8] = 0xff;
        }
    }
    fs::write(dir.path().join("whole.db"), whole).expect("a file");
    fs::write(dir.path().join("damaged.db"), damaged).expect("a file");
    let outcome = run(dir.path(), ["diff", "whole.db", "damaged.db", "--json"]);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    let found = summary(&outcome);
    assert_eq!((&found["removed"], &found["added"]), (&0.into(), &0.into()));
    assert!(found["unknown"].as_u64().expect("a count") > 0);
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    for args in [
        "diff etcd-3.6.14-a.db etcd-3.6.14-b.db -o manifests --out /nowhere/x",
        "diff etcd-3.6.14-a.db etcd-3.6.14-b.db -o manifests --to-old",
        "diff etcd-3.6.14-a.db etcd-3.6.14-b.db --to-old",
        "diff etcd-3.6.14-a.db etcd-3.6.14-b.db -l a=b=c",
        "diff etcd-3.6.14-a.db etcd-3.6.14-b.db --from 3",
        "diff etcd-3.6.14-a.db --from 99999999",
    ] {
        let outcome = etcdsnap(args);
        assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""), "{args}");
        assert!(!outcome.stderr.is_empty(), "{args}");
    }
}

/// What happens to a key at one revision.
type Step = (&'static str, Option<Value>);

/// A snapshot after these steps, each at a revision of its own, from 2 on.
fn snapshot(path: &Path, steps: &[Step]) {
    compacted_snapshot(path, steps, 0);
}

/// The same, compacted at a revision.
fn compacted_snapshot(path: &Path, steps: &[Step], compaction: u64) {
    let mut records = Elements::new();
    for (at, (key, value)) in steps.iter().enumerate() {
        let main = at as u64 + 2;
        let is_superseded = || {
            let later = steps.iter().enumerate().skip(at + 1);
            later
                .take_while(|(later, _)| *later as u64 + 2 <= compaction)
                .any(|(_, (other, _))| other == key)
        };
        if main <= compaction && (value.is_none() || is_superseded()) {
            continue;
        }
        let mut name = Vec::from(main.to_be_bytes());
        name.push(b'_');
        name.extend(0u64.to_be_bytes());
        let mut record = Vec::new();
        field(&mut record, 1, key.as_bytes());
        if let Some(value) = value {
            // The key's puts since it was deleted last.
            let of_key = steps[..=at].iter().enumerate().rev();
            let of_key = of_key.filter(|(_, (other, _))| other == key);
            let life = of_key.take_while(|(_, (_, value))| value.is_some());
            let life: Vec<u64> = life.map(|(at, _)| at as u64 + 2).collect();
            let (version, created) = (life.len() as u64, life.last().copied());
            let created = created.expect("this step at least");
            for (tag, number) in [(0x10, created), (0x18, main), (0x20, version)] {
                record.push(tag);
                varint(&mut record, number);
            }
            field(&mut record, 5, value.to_string().as_bytes());
        } else {
            name.push(b't');
        }
        records.insert(name, (0, record));
    }
    // The builder has one branch page, which holds so many.
    let leaves = records.len().clamp(1, 100);
    let key = Bucket {
        elements: records,
        leaves,
        ..Bucket::default()
    };
    let mut meta = Bucket::default();
    if compaction > 0 {
        for name in ["scheduledCompactRev", "finishedCompactRev"] {
            let mut revision = Vec::from(compaction.to_be_bytes());
            revision.push(b'_');
            revision.extend(0u64.to_be_bytes());
            meta.elements
                .insert(name.as_bytes().to_vec(), (0, revision));
        }
    }
    let database = Database {
        buckets: [(b"key".to_vec(), key), (b"meta".to_vec(), meta)].into(),
        ..Database::default()
    };
    fs::write(path, database.lay_out()).expect("a file");
}

fn object(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
    rest: Value,
) -> Option<Value> {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "uid": format!("uid-{kind}-{name}"), "labels": {"app": name},
                     "managedFields": [{"manager": "kubectl"}]},
    });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    if let Some(owner) = rest.get("owner") {
        object["metadata"]["ownerReferences"] = json!([{"uid": owner, "controller": true}]);
    }
    for (name, value) in rest.as_object().expect("an object") {
        if name != "owner" {
            object[name] = value.clone();
        }
    }
    Some(object)
}

/// Two snapshots of a cluster, `old.db` and `new.db`, with an incident in between.
fn cluster() -> TempDir {
    let deployment = |image: &str, ready: u8| {
        let spec =
            json!({"template": {"spec": {"containers": [{"name": "main", "image": image}]}}});
        object(
            "apps/v1",
            "Deployment",
            "shop",
            "web",
            json!({"spec": spec, "status": {"ready": ready}}),
        )
    };
    let calm = |ready: u8| {
        object(
            "apps/v1",
            "Deployment",
            "shop",
            "calm",
            json!({"status": {"ready": ready}}),
        )
    };
    let owned = |kind: &str, name: &str, owner: &str| {
        object("apps/v1", kind, "shop", name, json!({"owner": owner}))
    };
    let schema = json!({"properties": {"spec": {"properties": {"list": {"x-kubernetes-list-map-keys": ["id"]}}}}});
    let definition = json!({
        "group": "example.com", "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
    });
    let widget = |list: Value| {
        object(
            "example.com/v1",
            "Widget",
            "shop",
            "w",
            json!({"spec": {"list": list}}),
        )
    };
    let policy = |egress: Value| {
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "shop",
            "deny",
            json!({"spec": {"policyTypes": ["Egress"], "egress": egress}}),
        )
    };
    let secret = |data: &str| {
        object(
            "v1",
            "Secret",
            "shop",
            "db",
            json!({"data": {"password": data}}),
        )
    };
    let before: Vec<Step> = vec![
        (
            "/registry/namespaces/legacy",
            object("v1", "Namespace", "", "legacy", json!({})),
        ),
        (
            "/registry/configmaps/legacy/a",
            object("v1", "ConfigMap", "legacy", "a", json!({})),
        ),
        ("/registry/deployments/shop/web", deployment("web:1", 1)),
        ("/registry/deployments/shop/calm", calm(1)),
        (
            "/registry/replicasets/shop/web-1",
            owned("ReplicaSet", "web-1", "uid-Deployment-web"),
        ),
        (
            "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
            object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                "",
                "widgets.example.com",
                json!({"spec": definition}),
            ),
        ),
        (
            "/registry/example.com/widgets/shop/w",
            widget(json!([{"id": "a", "v": 1}, {"id": "b", "v": 1}])),
        ),
        ("/registry/networkpolicies/shop/deny", policy(json!([]))),
        ("/registry/secrets/shop/db", secret("b2xk")),
    ];
    let incident: Vec<Step> = vec![
        ("/registry/deployments/shop/web", deployment("web:2", 0)),
        ("/registry/deployments/shop/calm", calm(2)),
        (
            "/registry/replicasets/shop/web-2",
            owned("ReplicaSet", "web-2", "uid-Deployment-web"),
        ),
        (
            "/registry/pods/shop/web-2-x",
            owned("Pod", "web-2-x", "uid-ReplicaSet-web-2"),
        ),
        (
            "/registry/clusterrolebindings/helper",
            object(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                "",
                "helper",
                json!({"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
                   "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "runner"}]}),
            ),
        ),
        (
            "/registry/example.com/widgets/shop/w",
            widget(json!([{"id": "b", "v": 2}, {"id": "a", "v": 1}])),
        ),
        ("/registry/networkpolicies/shop/deny", policy(json!([{}]))),
        ("/registry/secrets/shop/db", secret("bmV3")),
        (
            "/registry/persistentvolumeclaims/shop/data",
            object(
                "v1",
                "PersistentVolumeClaim",
                "shop",
                "data",
                json!({"spec": {}}),
            ),
        ),
        ("/registry/configmaps/legacy/a", None),
        ("/registry/namespaces/legacy", None),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("old.db"), &before);
    snapshot(&dir.path().join("new.db"), &[before, incident].concat());
    dir
}

#[test]
fn the_two_snapshots_of_the_cluster_are_sound() {
    let dir = cluster();
    let outcome = run(dir.path(), ["diff", "old.db", "new.db"]);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(1), ""));
    assert!(
        outcome
            .stdout
            .contains("one history: new is 11 revisions ahead")
    );
}

#[test]
fn what_bears_on_security_comes_first_with_its_reason() {
    let dir = cluster();
    let reason = "ServiceAccount shop/runner gets cluster-admin";
    let json = run(dir.path(), ["diff", "old.db", "new.db", "--json"]);
    let found = lines(&json);
    let binding = found.iter().find(|line| line["name"] == "helper");
    assert_eq!(binding.expect("the binding")["security"], json!([reason]));
    let policy = found.iter().find(|line| line["name"] == "deny");
    assert_eq!(
        policy.expect("the policy")["security"],
        json!(["all egress is allowed"])
    );
    assert_eq!(summary(&json)["security_count"], 2);
    for form in ["text", "markdown"] {
        let outcome = run(dir.path(), ["diff", "old.db", "new.db", "-o", form]);
        let first = outcome.stdout.find(reason).expect("the reason");
        assert!(
            first < outcome.stdout.find("web:2").expect("the image"),
            "{form}"
        );
        assert!(!outcome.stdout.contains("bmV3"), "{form}");
    }
}

#[test]
fn a_rollout_and_a_deleted_namespace_are_one_line_each() {
    let dir = cluster();
    let rolled = run(dir.path(), ["diff", "old.db", "new.db"]).stdout;
    assert!(
        rolled.contains("beneath it: Pod 1 added; ReplicaSet 1 added"),
        "{rolled}"
    );
    assert!(
        rolled.contains("beneath it: ConfigMap 1 removed"),
        "{rolled}"
    );
    assert!(
        !rolled.contains("web-2-x") && !rolled.contains("namespace legacy\n"),
        "{rolled}"
    );
    let flat = run(dir.path(), ["diff", "old.db", "new.db", "--flat"]).stdout;
    assert!(!flat.contains("beneath it"), "{flat}");
    assert!(
        flat.contains("Pod web-2-x") && flat.contains("namespace legacy\n"),
        "{flat}"
    );
}

#[test]
fn objects_are_selected_by_label_and_by_kinds_that_the_file_defines() {
    let dir = cluster();
    let names = |args: &[&str]| {
        let all = ["diff", "old.db", "new.db"].iter().chain(args);
        let outcome = run(dir.path(), all);
        lines(&outcome)
            .iter()
            .filter_map(|line| Some(line["name"].as_str()?.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["--json", "-l", "app in (web,a)"]), ["a", "web"]);
    assert_eq!(names(&["--json", "--kind", "wd"]), ["w"]);
    assert_eq!(
        names(&["--json", "--kind", "widgets.example.com,deploy"]),
        ["calm", "web", "w"]
    );
    // Two elements that changed places are the same ones.
    let widget = run(dir.path(), ["diff", "old.db", "new.db", "--kind", "wd"]).stdout;
    assert!(widget.contains("spec.list[id=b].v: 1 → 2\n"), "{widget}");
    assert!(!widget.contains("id=a"), "{widget}");
}

#[test]
fn steps_lead_back_to_the_old_state_and_what_holds_data_is_only_listed() {
    let dir = cluster();
    let args = [
        "diff",
        "old.db",
        "new.db",
        "-o",
        "manifests",
        "--out",
        "undo",
        "--to-old",
    ];
    let outcome = run(dir.path(), args);
    assert_eq!(
        (outcome.status, &*outcome.stdout),
        (Some(1), ""),
        "{}",
        outcome.stderr
    );
    let undo = dir.path().join("undo");
    let mut files: Vec<String> = fs::read_dir(undo.join("steps"))
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "002-create-namespace-legacy.yaml",
            "003-create-configmap-a.yaml",
            "004-patch-deployment-web.after.json",
            "004-patch-deployment-web.json",
            "005-patch-networkpolicy-deny.after.json",
            "005-patch-networkpolicy-deny.json",
            "006-patch-widget-w.after.json",
            "006-patch-widget-w.json",
        ]
    );
    let read = |name: &str| fs::read_to_string(undo.join(name)).expect("a file");
    let patch = read("steps/004-patch-deployment-web.json");
    assert_eq!(
        patch,
        r#"[
{"op":"test","path":"/metadata/uid","value":"uid-Deployment-web"}
,{"op":"test","path":"/spec/template/spec/containers/0/name","value":"main"}
,{"op":"test","path":"/spec/template/spec/containers/0/image","value":"web:2"}
,{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"web:1"}
]
"#
    );
    let script = read("apply.sh");
    let (_, steps) = script.split_once("# ---- the steps\n\n").expect("steps");
    assert_eq!(
        steps,
        r#"start 7 007 '' 3 "$@"

steps() {
step 001 delete clusterrolebinding.rbac.authorization.k8s.io/helper resource=clusterrolebindings.v1.rbac.authorization.k8s.io name=helper path=/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/helper uid=uid-ClusterRoleBinding-helper
step 002 create namespace/legacy resource=namespaces.v1. name=legacy file=steps/002-create-namespace-legacy.yaml
step 003 create configmap/a namespace=legacy resource=configmaps.v1. name=a file=steps/003-create-configmap-a.yaml needs=002
step 004 patch deployment.apps/web namespace=shop resource=deployments.v1.apps name=web file=steps/004-patch-deployment-web.json
step 005 patch networkpolicy.networking.k8s.io/deny namespace=shop resource=networkpolicies.v1.networking.k8s.io name=deny file=steps/005-patch-networkpolicy-deny.json
step 006 patch widget.example.com/w namespace=shop resource=widgets.v1.example.com name=w file=steps/006-patch-widget-w.json
step 007 delete persistentvolumeclaim/data namespace=shop resource=persistentvolumeclaims.v1. name=data path=/api/v1/namespaces/shop/persistentvolumeclaims/data uid=uid-PersistentVolumeClaim-data ask=delete why='the data may go with it'
    :
}

finish
"#
    );
    let index = read("index.md");
    assert!(
        index.contains("**only with `--delete 007`: the data may go with it**"),
        "{index}"
    );
    assert!(
        index.contains("`Secret shop/db` (changed): `it has secrets (--show-secrets)`"),
        "{index}"
    );
    let mode = fs::metadata(undo.join("index.md"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!dir.path().join("undo.partial").exists());

    // Not into a folder that has something; and with secrets only where they are asked for.
    let again = run(dir.path(), args);
    assert_eq!(again.status, Some(2));
    let args = [
        "diff",
        "old.db",
        "new.db",
        "-o",
        "manifests",
        "--out",
        "redo",
        "--to-new",
        "--show-secrets",
    ];
    run(dir.path(), args);
    let redo = dir.path().join("redo");
    let secret = fs::read_to_string(redo.join("steps/002-patch-secret-db.json")).expect("a file");
    assert!(secret.contains("bmV3"), "{secret}");
    let script = fs::read_to_string(redo.join("apply.sh")).expect("a file");
    assert!(script.contains(" delete namespace/legacy "), "{script}");
}

#[test]
fn owners_that_own_each_other_are_all_listed() {
    let dir = tempfile::tempdir().expect("a directory");
    let pod = |name: &str, owner: &str| object("v1", "Pod", "shop", name, json!({"owner": owner}));
    let mark: Step = ("mark", Some(json!({})));
    let pods: Vec<Step> = vec![
        ("/registry/pods/shop/a", pod("a", "uid-Pod-b")),
        ("/registry/pods/shop/b", pod("b", "uid-Pod-a")),
        ("/registry/pods/shop/c", pod("c", "uid-Pod-c")),
        ("/registry/pods/shop/d", pod("d", "uid-Pod-a")),
        ("/registry/pods/shop/e", pod("e", "gone")),
    ];
    snapshot(&dir.path().join("old.db"), std::slice::from_ref(&mark));
    snapshot(&dir.path().join("new.db"), &[vec![mark], pods].concat());
    let text = run(dir.path(), ["diff", "old.db", "new.db"]).stdout;
    for name in ["a", "b", "c", "d", "e"] {
        assert!(text.contains(&format!("Pod {name} ")), "{text}");
    }
}

#[test]
fn two_copies_that_were_written_to_apart_have_parted_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let step = |value: u8| -> Step { ("a", Some(json!({ "v": value }))) };
    snapshot(
        &dir.path().join("1.db"),
        &[step(1), step(2), step(3), step(9)],
    );
    snapshot(&dir.path().join("2.db"), &[step(1), step(2), step(4)]);
    let outcome = run(dir.path(), ["divergence", "1.db", "2.db"]);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(1), ""));
    assert!(
        outcome.stdout.contains("revision 4.0: other bytes: a"),
        "{}",
        outcome.stdout
    );
    let json = run(dir.path(), ["divergence", "1.db", "2.db", "--json"]);
    let end = summary(&json);
    assert_eq!(
        (&end["first_divergence"], &end["divergences"]),
        (&4.into(), &1.into())
    );
    let same = run(dir.path(), ["divergence", "1.db", "1.db"]);
    assert_eq!(same.status, Some(0));
    let missing = run(dir.path(), ["divergence", "1.db", "none.db"]);
    assert_eq!(missing.status, Some(2));
}

#[test]
fn what_was_only_touched_is_told_apart_when_nothing_is_noise() {
    let dir = tempfile::tempdir().expect("a directory");
    let map = |data: Value| object("v1", "ConfigMap", "shop", "m", json!({ "data": data }));
    let before: Vec<Step> = vec![
        ("/registry/configmaps/shop/m", map(json!({"k": "v"}))),
        ("a", Some(json!([1]))),
        ("b", Some(json!([1]))),
    ];
    let between: Vec<Step> = vec![
        ("/registry/configmaps/shop/m", map(json!({"k": "v"}))),
        ("a", Some(json!([2]))),
        ("b", None),
        ("b", Some(json!([1]))),
    ];
    snapshot(&dir.path().join("old.db"), &before);
    snapshot(&dir.path().join("new.db"), &[before, between].concat());
    let ask = |args: &[&str]| run(dir.path(), ["diff", "old.db", "new.db"].iter().chain(args));
    let found = lines(&ask(&["--json"]));
    let told = |key: &str| found.iter().find(|line| line["key"] == key).expect("it");
    let map = told("/registry/configmaps/shop/m");
    assert_eq!(
        (&map["change"], &map["why"]),
        (&"touched".into(), &"same-bytes".into())
    );
    assert_eq!(
        (&map["noise"], &map["patch"]),
        (&"touched".into(), &Value::Null)
    );
    assert_eq!(told("a")["change"], "changed");
    assert_eq!(
        told("a")["patch"],
        json!([{"op": "replace", "path": "/0", "value": 2}])
    );
    // The same value in another life is not a touch.
    assert_eq!(told("b")["change"], "recreated");

    let text = ask(&[]).stdout;
    assert!(
        text.contains("folded: 1 touched") && !text.contains("TOUCHED"),
        "{text}"
    );
    let text = ask(&["--noise", "none"]).stdout;
    assert!(text.contains("RECREATED   TOUCHED\n"), "{text}");
    assert!(
        text.contains("touched   ConfigMap m  [2 → 5]  (same-bytes)"),
        "{text}"
    );
    let ticket = ask(&["--noise", "none", "-o", "markdown"]).stdout;
    assert!(
        ticket.contains("| Recreated | Touched |\n|---|--:|--:|--:|--:|--:|\n"),
        "{ticket}"
    );
    // Nothing is left: exit status 0, and that is said.
    let outcome = ask(&["--kind", "cm"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
    let outcome = ask(&["--prefix", "nothing"]);
    assert_eq!(outcome.status, Some(1), "nothing begins so");
    assert!(
        outcome
            .stdout
            .contains("nothing that was asked for differs"),
        "{}",
        outcome.stdout
    );
}

/// Other buckets count, but not for who asks about some keys.
#[test]
fn a_question_about_some_keys_is_not_answered_by_other_buckets() {
    let files = "etcd-3.6.14-b.db etcd-3.7.1-b.db";
    for (args, status) in [
        ("", 1),
        ("--prefix /app/", 0),
        ("-n nowhere", 1),
        ("--glob big", 1),
        ("-n ns-0", 0),
        ("--exit-zero", 0),
    ] {
        let outcome = etcdsnap(&format!("diff {files} --json {args}"));
        assert_eq!(outcome.status, Some(status), "{args}");
        assert_eq!(summary(&outcome)["bucket_changes"], 5, "{args}");
    }
}

#[test]
fn files_without_a_record_that_both_could_have_tell_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("empty.db"), &[]);
    snapshot(&dir.path().join("one.db"), &[("a", Some(json!([1])))]);
    for (old, new, relation, status, parted) in [
        ("empty.db", "one.db", "undecided", 1, 2),
        ("one.db", "empty.db", "undecided", 1, 2),
        ("empty.db", "empty.db", "same-history", 0, 0),
        ("one.db", "one.db", "same-history", 0, 0),
    ] {
        let outcome = run(dir.path(), ["diff", old, new, "--json"]);
        assert_eq!(summary(&outcome)["relation"], relation, "{old} {new}");
        assert_eq!(outcome.status, Some(status), "{old} {new}");
        let told = run(dir.path(), ["divergence", old, new]);
        assert_eq!(told.status, Some(parted), "{old} {new}");
    }
}
