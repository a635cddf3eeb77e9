//! Exports: folders, permissions, the order of application, what is left out, what is warned of.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::damaged::snapshot;
use crate::{AFTER, CONFIG, etcdsnap, unpacked};

fn mode(path: &Path) -> u32 {
    let meta = fs::metadata(path).expect("a file");
    meta.permissions().mode() & 0o777
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("a folder");
    entries
        .map(|entry| entry.expect("a file").file_name())
        .map(|name| name.to_str().expect("UTF-8").to_owned())
        .collect()
}

#[test]
fn an_export_is_a_folder_of_files_that_only_the_owner_reads() {
    let dir = unpacked();
    let outcome = etcdsnap(dir.path(), &format!("export {AFTER} -n shop --out shop/"));
    // The encrypted Token has no key; it is named and the rest is written.
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome
            .stderr
            .contains("\nToken shop/t-1: encrypted with aesgcm key key-gcm; ")
    );
    assert!(
        outcome
            .stderr
            .contains(": Secret shop/db, Secret shop/tls; ")
    );
    assert!(
        !outcome.stderr.contains("--show-secrets"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome
            .stderr
            .contains("left out, created again by their controllers: ")
    );
    let folder = dir.path().join("shop");
    assert_eq!(mode(&folder), 0o700);
    let names = names(&folder);
    assert!(
        names.contains("shop_deployments.apps_web.yaml"),
        "{names:?}"
    );
    for name in &names {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        let is_manifest = name.starts_with("shop_") || name == "_cluster_namespaces_shop.yaml";
        assert!(
            is_manifest || name == "apply.sh" || name == "index.md",
            "{name}"
        );
        // Pods and ReplicaSets have owners, Endpoints and Events come by themselves.
        for kind in [
            "_pods_",
            "_replicasets.",
            "_endpoints_",
            "_events_",
            "_secrets_",
            "_leases.",
        ] {
            assert!(!name.contains(kind), "{name}");
        }
    }
    assert!(!dir.path().join("shop.partial").exists());
    let text =
        fs::read_to_string(folder.join("shop_deployments.apps_web.yaml")).expect("a manifest");
    for field in [
        "status:",
        "uid:",
        "resourceVersion:",
        "creationTimestamp:",
        "managedFields:",
    ] {
        assert!(!text.contains(field), "{text}");
    }
    assert!(
        text.contains("image: registry.example.com/shop/web:6.6.6"),
        "{text}"
    );
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
    let dir = unpacked();
    fs::create_dir(dir.path().join("full")).expect("a folder");
    fs::write(dir.path().join("full/mine"), "mine").expect("a file");
    let outcome = etcdsnap(dir.path(), &format!("export {AFTER} deploy --out full"));
    assert_eq!(outcome.status, Some(2));
    assert_eq!(
        outcome.stderr,
        "Error: full is not empty; give a new folder\n"
    );
    assert_eq!(names(&dir.path().join("full")).len(), 1);
    fs::create_dir(dir.path().join("empty")).expect("a folder");
    let outcome = etcdsnap(
        dir.path(),
        &format!("export {AFTER} deploy -n shop --out empty"),
    );
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    // Three deployments, the script and what it is about.
    assert_eq!(names(&dir.path().join("empty")).len(), 5);
}

#[test]
fn what_an_interrupted_run_left_is_not_overwritten() {
    let dir = unpacked();
    fs::create_dir(dir.path().join("out.partial")).expect("a folder");
    let outcome = etcdsnap(dir.path(), &format!("export {AFTER} deploy --out out"));
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.contains("out.partial is left"),
        "{}",
        outcome.stderr
    );
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_failed_export_leaves_nothing_behind() {
    let dir = unpacked();
    for (args, status) in [
        ("nonsense --out out", 1),
        ("deploy/nothing -n nowhere --out out", 1),
        ("deploy --rev 999999 --out out", 2),
    ] {
        let outcome = etcdsnap(dir.path(), &format!("export {AFTER} {args}"));
        assert_eq!(outcome.status, Some(status), "{args}");
        assert!(!dir.path().join("out").exists(), "{args}");
        assert!(!dir.path().join("out.partial").exists(), "{args}");
    }
}

#[test]
fn secrets_and_owned_objects_are_exported_when_they_are_wanted() {
    let dir = unpacked();
    let all = format!(
        "export {AFTER} --show-secrets --include-owned --as-stored --encryption-config {CONFIG} --out all"
    );
    let outcome = etcdsnap(dir.path(), &all);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let objects = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} -o name --encryption-config {CONFIG}"),
    );
    let names = names(&dir.path().join("all"));
    assert_eq!(names.len(), objects.stdout.lines().count());
    let secret = fs::read_to_string(dir.path().join("all/payments_secrets_db.yaml"));
    assert!(
        secret
            .expect("a manifest")
            .contains("password: Y2hhbmdlZA==")
    );
}

#[test]
fn an_export_that_leaves_secrets_out_names_each_and_ends_with_1_unless_that_is_wanted() {
    let dir = unpacked();
    let secrets = format!("export {AFTER} secrets,deploy --encryption-config {CONFIG}");
    let outcome = etcdsnap(dir.path(), &format!("{secrets} --out all"));
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let told: BTreeSet<&str> = outcome.stderr.lines().collect();
    let listed = etcdsnap(dir.path(), &format!("objects {AFTER} secrets --no-headers"));
    assert!(listed.stdout.lines().count() > 5);
    for row in listed.stdout.lines() {
        let cells: Vec<&str> = row.split_whitespace().collect();
        // A token by which nodes join this cluster is nothing for another one.
        if cells[1].starts_with("bootstrap-token-") {
            continue;
        }
        let line = format!(
            "left out, contains secrets: Secret {}/{}",
            cells[0], cells[1]
        );
        assert!(told.contains(&*line), "{line}: {told:?}");
    }
    let written = names(&dir.path().join("all"));
    let mut manifests = written.iter().filter(|name| name.ends_with(".yaml"));
    assert!(manifests.clone().next().is_some());
    assert!(manifests.all(|name| name.contains("_deployments.")));
    let index = fs::read_to_string(dir.path().join("all/index.md")).expect("an index");
    assert!(index.contains("left out, contains secrets: Secret payments/db"));
    let partial = etcdsnap(dir.path(), &format!("{secrets} --partial --out partial"));
    // How to have them, or to accept that, is said to whoever has not.
    let hint = "--show-secrets writes what has secrets; with --partial it is left out and the exit status is 0\n";
    assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
    let without_hint = outcome.stderr.replace(hint, "");
    assert_eq!((partial.status, partial.stderr), (Some(0), without_hint));
    assert_eq!(names(&dir.path().join("partial")), written);
    // What is locked and no Secret is missing for another reason.
    let tokens = etcdsnap(
        dir.path(),
        &format!("export {AFTER} tokens --partial --out tokens"),
    );
    assert_eq!(tokens.status, Some(1), "{}", tokens.stderr);
    // An empty folder gives way to one that only the owner may enter.
    fs::create_dir(dir.path().join("open")).expect("a folder");
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("open"), permissions).expect("a folder of ours");
    let shown = etcdsnap(dir.path(), &format!("{secrets} --show-secrets --out open"));
    let tokens = "left out, tokens that another cluster does not accept: secrets (1)\n\
                  --include-owned writes these as well\n";
    assert_eq!((shown.status, &*shown.stderr), (Some(0), tokens));
    assert_eq!(mode(&dir.path().join("open")), 0o700);
}

/// A snapshot of objects as a cluster keeps them, `cluster.db`; those of custom kinds belong to `x.io`.
fn cluster(objects: &[Value]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = |value: &Value, path: &str| {
        let text = value.pointer(path).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let puts: Vec<(Vec<u8>, Vec<u8>)> = objects
        .iter()
        .map(|object| {
            let (kind, version) = (text(object, "/kind"), text(object, "/apiVersion"));
            let plural = match kind.to_lowercase().as_str() {
                "endpoints" => "services/endpoints".to_owned(),
                "service" => "services/specs".to_owned(),
                "storageclass" => "storageclasses".to_owned(),
                "customresourcedefinition" => {
                    "apiextensions.k8s.io/customresourcedefinitions".to_owned()
                }
                "apiservice" => "apiregistration.k8s.io/apiservices".to_owned(),
                kind => format!("{kind}s"),
            };
            let group = version.split_once('/').map_or("", |(group, _)| group);
            let group = match group {
                "x.io" => "x.io/",
                _ => "",
            };
            let namespace = match text(object, "/metadata/namespace").as_str() {
                "" => String::new(),
                namespace => format!("{namespace}/"),
            };
            let name = text(object, "/metadata/name");
            let key = format!("/registry/{group}{plural}/{namespace}{name}");
            (key.into_bytes(), object.to_string().into_bytes())
        })
        .collect();
    let puts: Vec<(&[u8], &[u8])> = puts.iter().map(|(k, v)| (&**k, &**v)).collect();
    snapshot(&dir.path().join("cluster.db"), &puts);
    dir
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({"name": name});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})
}

/// The same object with more members.
fn with(mut object: Value, more: Value) -> Value {
    fn merge(into: &mut Value, more: Value) {
        match (into, more) {
            (Value::Object(into), Value::Object(more)) => {
                for (key, value) in more {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
            (into, more) => *into = more,
        }
    }
    merge(&mut object, more);
    object
}

fn definition(status: bool) -> Value {
    let mut version = json!({"name": "v1", "served": true, "storage": true});
    if status {
        version["subresources"] = json!({"status": {}});
    }
    let crd = "apiextensions.k8s.io/v1";
    with(
        object(crd, "CustomResourceDefinition", "", "widgets.x.io"),
        json!({"spec": {"group": "x.io", "scope": "Namespaced", "versions": [version],
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"}}}),
    )
}

/// `Kind/name` of each document, in their order.
fn exported(yaml: &str) -> Vec<String> {
    let documents = yaml.split("---\n").filter(|document| !document.is_empty());
    documents
        .map(|document| {
            let of = |start: &str| {
                let mut lines = document.lines().filter_map(|line| line.strip_prefix(start));
                lines.next().unwrap_or_default().to_owned()
            };
            format!("{}/{}", of("kind: "), of("  name: "))
        })
        .collect()
}

#[test]
fn objects_come_in_the_order_in_which_they_can_be_created() {
    let admission = "admissionregistration.k8s.io/v1";
    let objects = [
        object(admission, "ValidatingWebhookConfiguration", "", "a"),
        object("apps/v1", "Deployment", "shop", "b"),
        object("v1", "ConfigMap", "shop", "c"),
        definition(false),
        object("x.io/v1", "Widget", "shop", "w"),
        object("v1", "Namespace", "", "shop"),
        object("v1", "ServiceAccount", "shop", "s"),
        object("v1", "ResourceQuota", "shop", "q"),
        object("networking.k8s.io/v1", "NetworkPolicy", "shop", "net"),
    ];
    let dir = cluster(&objects);
    let outcome = etcdsnap(dir.path(), "export cluster.db --out -");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert_eq!(
        exported(&outcome.stdout),
        [
            "Namespace/shop",
            "CustomResourceDefinition/widgets.x.io",
            "ServiceAccount/s",
            "ConfigMap/c",
            "Deployment/b",
            "NetworkPolicy/net",
            // A server takes a moment to know a definition.
            "Widget/w",
            "ResourceQuota/q",
            "ValidatingWebhookConfiguration/a",
        ]
    );
    let hint = "warning: 1 object of a kind that is defined in the same stream: ";
    assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
    let outcome = etcdsnap(dir.path(), "export cluster.db --skip-crds --out -");
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let names = exported(&outcome.stdout);
    assert!(names.contains(&"Widget/w".into()) && names.len() == objects.len() - 1);
}

#[test]
fn a_namespace_that_is_chosen_comes_first_unless_something_in_it_is_chosen() {
    let dir = cluster(&[
        object("v1", "ConfigMap", "legacy", "a"),
        object("v1", "ConfigMap", "shop", "b"),
        object("v1", "Namespace", "", "legacy"),
        object("v1", "Namespace", "", "shop"),
        object("v1", "Node", "", "n"),
    ]);
    for (args, expected) in [
        ("-n legacy", &["Namespace/legacy", "ConfigMap/a"][..]),
        ("-n legacy cm", &["ConfigMap/a"]),
        ("-n legacy -l !x", &["ConfigMap/a"]),
        (
            "-n legacy cm,ns",
            &["Namespace/legacy", "Namespace/shop", "ConfigMap/a"],
        ),
        ("-n legacy cm/a", &["ConfigMap/a"]),
        ("cm", &["ConfigMap/a", "ConfigMap/b"]),
        ("-n nowhere", &[]),
    ] {
        let outcome = etcdsnap(dir.path(), &format!("export cluster.db {args} --out -"));
        let status = if expected.is_empty() { 1 } else { 0 };
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        assert_eq!(exported(&outcome.stdout), expected, "{args}");
    }
}

#[test]
fn addresses_without_a_selector_stay_whichever_objects_are_chosen() {
    let service = |name: &str, spec: Value| {
        with(object("v1", "Service", "shop", name), json!({"spec": spec}))
    };
    let dir = cluster(&[
        object("v1", "Endpoints", "shop", "db"),
        object("v1", "Endpoints", "shop", "web"),
        service("db", json!({"ports": [{"port": 1}]})),
        service("web", json!({"selector": {"a": "b"}})),
    ]);
    for args in ["-A", "endpoints", "endpoints -n shop", "ep/web ep/db"] {
        let outcome = etcdsnap(dir.path(), &format!("export cluster.db {args} --out -"));
        let names = exported(&outcome.stdout);
        assert!(names.contains(&"Endpoints/db".into()), "{args}: {names:?}");
        assert!(
            !names.contains(&"Endpoints/web".into()),
            "{args}: {names:?}"
        );
        let told = "left out, created by every cluster: endpoints (1)\n";
        assert!(outcome.stderr.contains(told), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn what_somebody_has_set_in_what_every_cluster_has_is_kept_aside_and_named() {
    let account = json!({"imagePullSecrets": [{"name": "registry"}]});
    let dir = cluster(&[
        object("v1", "Namespace", "", "shop"),
        with(object("v1", "ServiceAccount", "shop", "default"), account),
        object("v1", "ServiceAccount", "legacy", "default"),
    ]);
    let outcome = etcdsnap(dir.path(), "export cluster.db --out out");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let told = "because every cluster has its own: ServiceAccount shop/default\n";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    assert!(
        outcome
            .stderr
            .contains("created by every cluster: serviceaccounts (1)\n")
    );
    let review = dir.path().join("out/review");
    assert_eq!(mode(&review), 0o700);
    assert_eq!(names(&review).len(), 1);
    let kept = fs::read_to_string(review.join("shop_serviceaccounts_default.yaml"));
    assert!(kept.expect("a manifest").contains("- name: registry\n"));
    let script = fs::read_to_string(dir.path().join("out/apply.sh")).expect("a script");
    assert!(!script.contains("serviceaccount/default"));
    let outcome = etcdsnap(dir.path(), "export cluster.db --out -");
    assert_eq!(exported(&outcome.stdout), ["Namespace/shop"]);
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    let outcome = etcdsnap(dir.path(), "export cluster.db sa --include-owned --out -");
    assert_eq!(exported(&outcome.stdout).len(), 2);
}

#[test]
fn a_folder_has_a_script_that_creates_each_object_after_what_it_needs() {
    let owner = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "gone"}]}});
    let late = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "x.io/v1", "kind": "Widget", "name": "w", "uid": "gone"}]}});
    let applied = json!({"metadata": {"annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}"}}});
    let dir = cluster(&[
        object("v1", "Namespace", "", "shop"),
        definition(false),
        with(
            object("x.io/v1", "Widget", "shop", "w"),
            json!({"status": {"mine": 1}}),
        ),
        with(object("v1", "ConfigMap", "shop", "b"), owner),
        with(object("v1", "ConfigMap", "shop", "c"), applied),
        with(object("v1", "ConfigMap", "shop", "d"), late),
        object("v1", "ResourceQuota", "shop", "q"),
    ]);
    let outcome = etcdsnap(dir.path(), "export cluster.db --out out");
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let read = |name: &str| fs::read_to_string(dir.path().join("out").join(name)).expect("a file");
    let script = read("apply.sh");
    assert_eq!(mode(&dir.path().join("out/apply.sh")), 0o600);
    let steps: Vec<&str> = script
        .lines()
        .filter(|line| line.starts_with("step 0") || line.starts_with("owner "))
        .collect();
    assert_eq!(
        steps,
        [
            "step 001 create namespace/shop resource=namespaces.v1. name=shop \
             file=_cluster_namespaces_shop.yaml either=yes",
            "step 002 create customresourcedefinition.apiextensions.k8s.io/widgets.x.io \
             resource=customresourcedefinitions.v1.apiextensions.k8s.io name=widgets.x.io \
             file=_cluster_customresourcedefinitions.apiextensions.k8s.io_widgets.x.io.yaml \
             established=yes either=yes",
            "owner configmaps.v1. a '{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"a\"'",
            "step 003 create configmap/b namespace=shop resource=configmaps.v1. name=b \
             file=shop_configmaps_b.yaml needs=001",
            "step 004 create configmap/c namespace=shop resource=configmaps.v1. name=c \
             file=shop_configmaps_c.json path=/api/v1/namespaces/shop/configmaps/c needs=001",
            "step 005 create configmap/d namespace=shop resource=configmaps.v1. name=d \
             file=shop_configmaps_d.yaml needs=001",
            "step 006 create widget.x.io/w namespace=shop resource=widgets.v1.x.io name=w \
             file=shop_widgets.x.io_w.yaml needs='001 002'",
            // Its owner was not there when it was created.
            "owner widgets.v1.x.io w '{\"apiVersion\":\"x.io/v1\",\"kind\":\"Widget\",\"name\":\"w\"'",
            "step 007 patch configmap/d namespace=shop resource=configmaps.v1. name=d \
             file=owners/001-shop_configmaps.v1._d.json needs='005 006'",
            "step 008 create resourcequota/q namespace=shop resource=resourcequotas.v1. name=q \
             file=shop_resourcequotas_q.yaml needs=001",
        ]
    );
    // A list of owners that is there already is not written over, and a second run sees that it is done.
    let owners = "owners/001-shop_configmaps.v1._d";
    assert_eq!(
        read(&format!("{owners}.json")),
        "[\n{\"op\":\"test\",\"path\":\"/metadata/ownerReferences\",\"value\":null}\n\
         ,{\"op\":\"add\",\"path\":\"/metadata/ownerReferences\",\"value\":[]}\n]\n"
    );
    assert_eq!(
        read(&format!("{owners}.after.json")),
        "[\n{\"op\":\"test\",\"path\":\"/metadata/ownerReferences/0/kind\",\"value\":\"Widget\"}\n\
         ,{\"op\":\"test\",\"path\":\"/metadata/ownerReferences/0/name\",\"value\":\"w\"}\n]\n"
    );
    // kubectl would rewrite the note, so that it is sent as it is.
    assert!(read("shop_configmaps_c.json").contains("last-applied-configuration\": \"{}\""));
    // A status that is not a subresource is written by nobody but who writes the object.
    assert!(read("shop_widgets.x.io_w.yaml").contains("status:\n  mine: 1\n"));
    assert!(read("index.md").contains("Steps: 8."));
    let outcome = etcdsnap(dir.path(), "export cluster.db cm,widgets --out -");
    for (told, is_told) in [
        ("warning: 2 objects with owners: ", true),
        (
            "warning: 1 object without the last-applied annotation",
            true,
        ),
        ("defined in the same stream", false),
    ] {
        assert_eq!(outcome.stderr.contains(told), is_told, "{}", outcome.stderr);
    }
    assert!(!outcome.stdout.contains("last-applied"));
    assert!(outcome.stdout.contains("status:\n  mine: 1\n"));
}

#[test]
fn the_status_of_a_custom_resource_stays_out_where_it_is_a_subresource() {
    let widget = with(
        object("x.io/v1", "Widget", "shop", "w"),
        json!({"status": {"mine": 1}}),
    );
    let dir = cluster(&[definition(true), widget]);
    let outcome = etcdsnap(dir.path(), "export cluster.db widgets --out -");
    assert_eq!(exported(&outcome.stdout), ["Widget/w"]);
    assert!(!outcome.stdout.contains("status"), "{}", outcome.stdout);
}

#[test]
fn what_may_do_harm_or_fail_in_another_cluster_is_warned_of() {
    let service = |name: &str| json!({"service": {"namespace": "shop", "name": name}});
    let webhook = |name: &str, service: Value| {
        let api = "admissionregistration.k8s.io/v1";
        with(
            object(api, "ValidatingWebhookConfiguration", "", name),
            json!({"webhooks": [{"clientConfig": service}]}),
        )
    };
    let volume =
        json!({"spec": {"csi": {"driver": "d"}, "persistentVolumeReclaimPolicy": "Delete"}});
    let claim = |name: &str, volume: &str| {
        with(
            object("v1", "PersistentVolumeClaim", "shop", name),
            json!({"spec": {"volumeName": volume}}),
        )
    };
    let dir = cluster(&[
        with(object("v1", "PersistentVolume", "", "pv"), volume),
        claim("here", "pv"),
        claim("elsewhere", "gone"),
        with(
            object("v1", "Service", "shop", "lb"),
            json!({"spec": {"type": "LoadBalancer"}}),
        ),
        with(
            object("v1", "ConfigMap", "shop", "c"),
            json!({"metadata": {
            "finalizers": ["x.io/keep"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        ),
        webhook("known", service("lb")),
        webhook("unknown", service("hook")),
        object("policy/v1beta1", "PodSecurityPolicy", "", "p"),
    ]);
    let outcome = etcdsnap(dir.path(), "export cluster.db --out out");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let index = fs::read_to_string(dir.path().join("out/index.md")).expect("an index");
    let warnings: Vec<&str> = outcome.stderr.lines().collect();
    let expected = [
        ("1 volume on a real disk (csi): ", "PersistentVolume pv"),
        (
            "1 object of policy/v1beta1, which may not be served",
            "PodSecurityPolicy p",
        ),
        ("1 Service of type LoadBalancer: ", "Service shop/lb"),
        (
            "1 object with the finalizer x.io/keep: ",
            "ConfigMap shop/c",
        ),
        (
            "1 object for which the Service shop/hook is called, ",
            "ValidatingWebhookConfiguration unknown",
        ),
        (
            "1 claim on a volume that is not part of this: ",
            "PersistentVolumeClaim shop/elsewhere",
        ),
        ("1 object with a deletionTimestamp: ", "ConfigMap shop/c"),
    ];
    assert_eq!(warnings.len(), expected.len(), "{}", outcome.stderr);
    for (line, (begins, ends)) in warnings.iter().zip(expected) {
        let line = line.strip_prefix("warning: ").expect("a warning");
        assert!(line.starts_with(begins) && line.ends_with(ends), "{line}");
        assert!(index.contains(line), "{line}: {index}");
    }
    assert!(warnings[0].contains("deleted with the claim"));
    // As they are stored they are not to be applied.
    let outcome = etcdsnap(dir.path(), "export cluster.db --as-stored --out stored");
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    assert!(!dir.path().join("stored/apply.sh").exists());
}

#[test]
fn an_object_without_a_name_that_a_server_takes_is_named_and_is_no_step() {
    let dir = cluster(&[
        object("v1", "ConfigMap", "shop", "-x"),
        object("v1", "ConfigMap", "shop", "a"),
    ]);
    let outcome = etcdsnap(dir.path(), "export cluster.db --out out");
    assert_eq!(outcome.status, Some(1));
    assert_eq!(
        outcome.stderr,
        "left out, no API server accepts its name: ConfigMap shop/-x\n"
    );
    assert_eq!(names(&dir.path().join("out")).len(), 3);
}

#[test]
fn an_old_copy_of_a_secret_does_not_keep_an_object_from_being_exported() {
    let old = r#"{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"https://u:0123456789abcdef@x.io/"}]}]}}}}"#;
    let dir = cluster(&[with(
        object("apps/v1", "Deployment", "shop", "web"),
        json!({"metadata": {"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": old}}}),
    )]);
    let outcome = etcdsnap(dir.path(), "export cluster.db --out out");
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let text = fs::read_to_string(dir.path().join("out/shop_deployments.apps_web.yaml"));
    assert!(!text.expect("a manifest").contains("0123456789abcdef"));
    let outcome = etcdsnap(dir.path(), "export cluster.db --show-secrets --out all");
    assert_eq!(outcome.status, Some(0));
    let text = fs::read_to_string(dir.path().join("all/shop_deployments.apps_web.json"));
    assert!(text.expect("a manifest").contains("0123456789abcdef"));
}

#[test]
fn an_object_of_a_version_that_is_not_served_any_more_is_written_as_a_server_reads_it() {
    let definition = |conversion: &str| {
        let version =
            |name: &str, is_now: bool| json!({"name": name, "served": is_now, "storage": is_now});
        with(
            definition(false),
            json!({"spec": {"conversion": {"strategy": conversion},
                "versions": [version("v1alpha1", false), version("v1", true)]}}),
        )
    };
    let widget = || object("x.io/v1alpha1", "Widget", "shop", "w");
    let dir = cluster(&[definition("None"), widget()]);
    let outcome = etcdsnap(dir.path(), "export cluster.db widgets --out -");
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    assert!(
        outcome.stdout.starts_with("apiVersion: x.io/v1\n"),
        "{}",
        outcome.stdout
    );
    let dir = cluster(&[definition("Webhook"), widget()]);
    let outcome = etcdsnap(dir.path(), "export cluster.db widgets --out -");
    assert!(outcome.stdout.starts_with("apiVersion: x.io/v1alpha1\n"));
    let told = "warning: 1 object of x.io/v1alpha1, which may not be served";
    assert!(outcome.stderr.starts_with(told), "{}", outcome.stderr);
}
