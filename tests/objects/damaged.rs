//! Values that are not what their keys promise: named by every command, never left out in silence; and what is
//! normal among them is not an alarm.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::clusters;
use crate::support::damage::sha256;
use crate::support::database::{Bucket, Database};
use crate::support::tool::Outcome;
use crate::support::wire::{field, record};
use crate::{AFTER, CONFIG, etcdsnap, unpacked};

const POD: &str = "/registry/pods/shop/web-86cd4cdd9b-v9srg";

/// A snapshot of records that each put one key, from revision 2 on.
pub(crate) fn snapshot(path: &Path, puts: &[(&[u8], &[u8])]) {
    let mut database = Database::default();
    for name in ["key", "meta"] {
        database.buckets.insert(name.into(), Bucket::default());
    }
    let records = &mut database.buckets.get_mut(&b"key"[..]).expect("key").elements;
    for (number, (key, value)) in puts.iter().enumerate() {
        let main = number as u64 + 2;
        let revision = [&main.to_be_bytes()[..], b"_", &[0; 8]].concat();
        records.insert(revision, (0, record(key, [main; 2], 1, value)));
    }
    let mut bytes = database.lay_out();
    bytes.extend(sha256(&bytes));
    fs::write(path, bytes).expect("a temporary file");
}

pub(crate) fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Vec<u8> {
    format!(
        r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{{"name":"{name}","namespace":"{namespace}","labels":{{"app":"web"}}}}}}"#
    )
    .into_bytes()
}

/// A cluster with a definition, custom resources, and damage of many kinds; and all that is normal.
fn cluster() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let definition = br#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget"},"versions":[{"name":"v1","served":true,"storage":true}]}}"#;
    let pod = object("v1", "Pod", "shop", "web");
    let puts: Vec<(&[u8], Vec<u8>)> = vec![
        (
            b"/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
            definition.to_vec(),
        ),
        (b"/registry/pods/shop/web", pod.clone()),
        (b"/registry/pods/shop/empty", Vec::new()),
        (b"/registry/configmaps/shop/zeros", vec![0; 16]),
        (b"/registry/pods/shop/cut", pod[..40].to_vec()),
        (b"/registry/example.com/widgets/shop/w1", b"foreign".to_vec()),
        (
            b"/registry/example.com/widgets/shop/w2",
            object("example.com/v1", "Widget", "shop", "w2"),
        ),
        (b"/registry/routes/shop/r1", b"\x01\x02".to_vec()),
        (b"/registry/secrets/shop/kind", object("v1", "Sacret", "shop", "kind")),
        (b"/registry/secrets/shop/name", object("v1", "Secret", "shop", "other")),
        (b"/registry/\xff/shop/x", b"x".to_vec()),
        (b"/registry/configmaps/shop/text", b"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"text\",\"namespace\":\"shop\"},\"data\":{\"a\":\"\xfe\"}}".to_vec()),
        // Normal, all of them.
        (b"/registry/ranges/serviceips", b"ranges".to_vec()),
        (b"/registry/masterleases/10.0.0.1", Vec::new()),
        (b"/registry/peerserverleases/x", vec![0; 4]),
        (b"/registry/health", br#"{"health":"true"}"#.to_vec()),
        (b"compact_rev_key", b"4711".to_vec()),
        (b"/bootstrap/4489e5a9bd37", b"salt:data".to_vec()),
        (b"/calico/ipam/v2/config", br#"{"strict":true}"#.to_vec()),
        (b"/openshift.io/routes/ns/r1", object("route.openshift.io/v1", "Route", "ns", "r1")),
        (b"cilium/state/nodes/v1/a", b"x".to_vec()),
        (b"plain", Vec::new()),
    ];
    let puts: Vec<(&[u8], &[u8])> = puts.iter().map(|(k, v)| (*k, v.as_slice())).collect();
    snapshot(&dir.path().join("cluster.db"), &puts);
    dir
}

/// The keys that standard error names with a reason.
fn told(outcome: &Outcome) -> BTreeMap<String, String> {
    let lines = outcome
        .stderr
        .lines()
        .map(|line| line.trim_start_matches("Error: "));
    lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(key, _)| key.starts_with('/'))
        .map(|(key, why)| (key.to_owned(), why.to_owned()))
        .collect()
}

const REASONS: [(&str, &str); 9] = [
    ("/registry/pods/shop/empty", "damaged: the value is empty"),
    (
        "/registry/configmaps/shop/zeros",
        "damaged: the value is 16 zero bytes",
    ),
    ("/registry/pods/shop/cut", "damaged: JSON cannot be read"),
    (
        "/registry/example.com/widgets/shop/w1",
        "damaged: the value does not begin as a stored object does",
    ),
    (
        "/registry/routes/shop/r1",
        "damaged: the value does not begin as a stored object does",
    ),
    (
        "/registry/secrets/shop/kind",
        "damaged: the key is that of a Secret, the value is a Sacret of v1",
    ),
    (
        "/registry/secrets/shop/name",
        "the object calls itself shop/other",
    ),
    (
        "/registry/\\xff/shop/x",
        "damaged: the value does not begin as a stored object does",
    ),
    (
        "/registry/configmaps/shop/text",
        "damaged: text in the object is not UTF-8",
    ),
];

#[test]
fn every_command_over_objects_names_damaged_values_and_nothing_that_is_normal() {
    let dir = cluster();
    let expected: BTreeMap<String, String> = REASONS
        .iter()
        .map(|(key, why)| ((*key).to_owned(), (*why).to_owned()))
        .collect();
    for command in [
        "objects cluster.db",
        "objects cluster.db -o wide",
        "objects cluster.db -o name",
        "objects cluster.db -o yaml",
        "objects cluster.db -o json",
        "objects cluster.db -o ndjson",
        "objects cluster.db -o jsonpath={.items[*].metadata.name}",
        "objects cluster.db --json",
        "kinds cluster.db",
        "kinds cluster.db --json",
        "export cluster.db --out -",
        "export cluster.db --partial --show-secrets --out -",
        "encryption cluster.db",
    ] {
        let outcome = etcdsnap(dir.path(), command);
        assert_eq!(outcome.status, Some(1), "{command}: {}", outcome.stderr);
        assert_eq!(told(&outcome), expected, "{command}");
    }
}

/// A ConfigMap in protobuf that lacks a name if `name` is empty, with `rest` behind it.
fn config_map(name: &str, rest: &[u8]) -> Vec<u8> {
    let mut metadata = Vec::new();
    if !name.is_empty() {
        field(&mut metadata, 1, name.as_bytes());
    }
    field(&mut metadata, 3, b"shop");
    let (mut raw, mut kind) = (Vec::new(), Vec::new());
    field(&mut raw, 1, &metadata);
    field(&mut kind, 1, b"v1");
    field(&mut kind, 2, b"ConfigMap");
    let mut value = b"k8s\0".to_vec();
    field(&mut value, 1, &kind);
    field(&mut value, 2, &raw);
    value.extend(rest);
    value
}

#[test]
fn diff_names_values_that_decode_and_are_not_what_their_keys_promise() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let damaged: [(&str, Vec<u8>, &str); 5] = [
        (
            "/registry/configmaps/shop/longer",
            config_map("longer", b"\xff"),
            "damaged: a byte follows the object",
        ),
        (
            "/registry/configmaps/shop/nameless",
            config_map("", b""),
            "damaged: the object has no name",
        ),
        (
            "/registry/configmaps/shop/other",
            object("v1", "Pod", "shop", "other"),
            "damaged: the key is that of a ConfigMap, the value is a Pod of v1",
        ),
        (
            "/registry/secrets/shop/kind",
            object("v1", "Sacret", "shop", "kind"),
            "damaged: the key is that of a Secret, the value is a Sacret of v1",
        ),
        (
            "/registry/secrets/shop/locked",
            b"k8s:enc:aescbc".to_vec(),
            "damaged: the value is encrypted in a way that no API server reads",
        ),
    ];
    let whole: [(&str, Vec<u8>); 2] = [
        ("/registry/configmaps/shop/whole", config_map("whole", b"")),
        (
            "/registry/pods/shop/web",
            object("v1", "Pod", "shop", "web"),
        ),
    ];
    let all: Vec<(&[u8], &[u8])> = whole
        .iter()
        .map(|(key, value)| (key.as_bytes(), value.as_slice()))
        .chain(
            damaged
                .iter()
                .map(|(key, value, _)| (key.as_bytes(), value.as_slice())),
        )
        .collect();
    snapshot(&dir.path().join("all.db"), &all);
    snapshot(&dir.path().join("none.db"), &[]);
    let expected = |side: &str| -> BTreeMap<String, String> {
        let line = |(key, _, why): &(&str, _, &str)| ((*key).to_owned(), format!("{why}{side}"));
        damaged.iter().map(line).collect()
    };
    for (files, side) in [
        ("all.db --from 1", ", in the new state"),
        ("none.db all.db", ", in all.db"),
        ("all.db none.db", ", in all.db"),
    ] {
        for more in [
            "",
            " --json",
            " -o markdown",
            " --names-only",
            " --stat",
            " -n shop",
            " -l app=web",
            " -o manifests --to-new --out new",
            " -o manifests --to-old --out old",
        ] {
            let command = format!("diff {files} --exit-zero{more}");
            for folder in ["new", "old"] {
                let _ = fs::remove_dir_all(dir.path().join(folder));
            }
            let outcome = etcdsnap(dir.path(), &command);
            assert_eq!(outcome.status, Some(1), "{command}: {}", outcome.stderr);
            assert_eq!(told(&outcome), expected(side), "{command}");
            // Of none of them there is a manifest, nor is one to be deleted by the name it gives itself.
            for folder in ["new", "old"] {
                let folder = dir.path().join(folder);
                let Ok(names) = fs::read_dir(folder.join("steps")) else {
                    continue;
                };
                let names = names.map(|entry| entry.expect("an entry").file_name());
                let names: Vec<String> = names
                    .map(|name| name.to_string_lossy().into_owned())
                    .collect();
                for name in &names {
                    assert!(
                        name.ends_with("whole.yaml") || name.ends_with("web.yaml"),
                        "{command}: {names:?}"
                    );
                }
                let script = fs::read_to_string(folder.join("apply.sh")).expect("a script");
                let deleted: Vec<&str> = script
                    .lines()
                    .filter(|line| line.starts_with("step ") && line.contains(" delete "))
                    .collect();
                // What cannot be determined from another one of its name is not deleted.
                let without_uid = outcome.stderr.matches("it has no uid").count();
                for (line, name) in deleted.iter().zip([" pod/web ", " configmap/whole "]) {
                    assert!(line.contains(name), "{command}: {deleted:?}");
                }
                assert_eq!(
                    names.len() + deleted.len() + without_uid,
                    2,
                    "{command}: {names:?}"
                );
            }
        }
    }
}

#[test]
fn a_damaged_object_has_a_row_under_the_name_of_its_key() {
    let dir = cluster();
    let pods = etcdsnap(dir.path(), "objects cluster.db pods -n shop --no-headers");
    assert_eq!(pods.status, Some(1));
    let row = |name: &str| {
        let mut rows = pods.stdout.lines();
        let row = rows.find(|row| row.starts_with(&format!("{name} ")));
        row.unwrap_or_else(|| panic!("{name}: {}", pods.stdout))
            .to_owned()
    };
    assert!(row("empty").contains("<damaged>"));
    assert!(row("cut").contains("<damaged>"));
    assert!(!row("web").contains("<damaged>"));
    assert_eq!(told(&pods).len(), 2, "{}", pods.stderr);
    // By the kind that the file defines.
    let widgets = etcdsnap(dir.path(), "objects cluster.db widgets -o name");
    assert_eq!(
        widgets.stdout,
        "widget.example.com/w1\nwidget.example.com/w2\n"
    );
    assert_eq!(widgets.status, Some(1));
    let secrets = etcdsnap(dir.path(), "objects cluster.db secrets -o name");
    assert_eq!(secrets.stdout, "secret/kind\nsecret/other\n");
    let rows = etcdsnap(dir.path(), "objects cluster.db pods --json").stdout;
    let rows: Vec<Value> = rows
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let empty = rows
        .iter()
        .find(|row| row["name"] == "empty")
        .expect("a row");
    assert_eq!(empty["key"], "/registry/pods/shop/empty");
    assert_eq!(empty["error"], "the value is empty");
    assert_eq!(
        (&empty["kind"], &empty["namespace"]),
        (&"Pod".into(), &"shop".into())
    );
    assert!(empty.get("object").is_none());
    let summary = rows.last().expect("a summary");
    assert_eq!(
        (&summary["objects"], &summary["damaged"]),
        (&3.into(), &2.into())
    );
    // A list is without it, and still is one.
    let list = etcdsnap(dir.path(), "objects cluster.db pods -o json").stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
}

#[test]
fn whether_a_selector_chooses_a_damaged_object_is_said_not_guessed() {
    let dir = cluster();
    let outcome = etcdsnap(dir.path(), "objects cluster.db pods -l app=web -o name");
    assert_eq!((outcome.status, &*outcome.stdout), (Some(1), "pod/web\n"));
    assert_eq!(told(&outcome).len(), 2, "{}", outcome.stderr);
    // What is locked cannot be looked into either.
    let dir = unpacked();
    let outcome = etcdsnap(dir.path(), &format!("objects {AFTER} secrets -l app=web"));
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("7 secrets, encrypted with aescbc"));
}

#[test]
fn single_keys_say_that_they_are_damaged() {
    let dir = cluster();
    for (command, status) in [
        ("get cluster.db pod/empty -n shop", 1),
        ("get cluster.db /registry/pods/shop/empty --json", 1),
        ("get cluster.db /registry/pods/ --prefix", 1),
        ("get cluster.db widget/w1 -n shop", 1),
        ("get cluster.db /registry/routes/shop/r1", 1),
        ("get cluster.db /registry/secrets/shop/kind", 1),
        ("get cluster.db pod/web -n shop", 0),
        ("get cluster.db /registry/health", 0),
        ("get cluster.db compact_rev_key", 0),
        ("get cluster.db /registry/ranges/serviceips", 0),
        ("get cluster.db /calico/ipam/v2/config", 0),
        ("get cluster.db plain", 0),
        ("history cluster.db pod/empty -n shop", 1),
        ("history cluster.db /registry/pods/shop/cut --json", 1),
        ("history cluster.db pod/web -n shop", 0),
        ("show cluster.db 4", 1),
        ("show cluster.db 4 --json", 1),
        ("show cluster.db 3", 0),
        ("contains cluster.db pod/empty -n shop", 2),
        ("contains cluster.db pod/cut -n shop --field {.kind}=Pod", 2),
        ("contains cluster.db pod/web -n shop", 0),
    ] {
        let outcome = etcdsnap(dir.path(), command);
        assert_eq!(
            outcome.status,
            Some(status),
            "{command}: {}",
            outcome.stderr
        );
        assert_eq!(
            told(&outcome).is_empty(),
            status == 0,
            "{command}: {}",
            outcome.stderr
        );
        let has_hint = outcome.stderr.contains("-o raw --show-secrets");
        assert_eq!(has_hint, status != 0, "{command}: {}", outcome.stderr);
    }
    // Who asks for the bytes, or only whether the key is there, gets what etcdctl would give.
    for command in [
        "get cluster.db /registry/pods/shop/cut -o raw",
        "get cluster.db /registry/pods/shop/cut -o hex",
        "contains cluster.db --key /registry/pods/shop/cut",
    ] {
        let outcome = etcdsnap(dir.path(), command);
        assert_eq!(outcome.status, Some(0), "{command}: {}", outcome.stderr);
        assert!(!told(&outcome).is_empty(), "{command}");
    }
    let record = etcdsnap(
        dir.path(),
        "get cluster.db /registry/pods/shop/empty --json",
    )
    .stdout;
    let record: Value = serde_json::from_str(record.lines().next().expect("a line")).expect("JSON");
    assert_eq!(record["error"], "the value is empty");
}

#[test]
fn verify_warns_of_first_bytes_and_with_values_of_everything() {
    let dir = cluster();
    let codes = |args: &str| {
        let outcome = etcdsnap(dir.path(), args);
        assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(report["verdict"], "ok");
        let counts = report["counts"].as_array().expect("counts").iter();
        let counts: BTreeMap<String, u64> = counts
            .map(|count| {
                (
                    count["code"].as_str().expect("a code").to_owned(),
                    &count["count"],
                )
            })
            .filter(|(code, _)| code.starts_with('K'))
            .map(|(code, count)| (code, count.as_u64().expect("a count")))
            .collect();
        let unproven = report["not_proven"].as_array().expect("names").clone();
        assert!(unproven.contains(&"values".into()), "{unproven:?}");
        counts
    };
    let counts = |list: &[(&str, u64)]| -> BTreeMap<String, u64> {
        list.iter()
            .map(|(code, n)| ((*code).to_owned(), *n))
            .collect()
    };
    assert_eq!(codes("verify --json cluster.db"), counts(&[("K001", 5)]));
    assert_eq!(
        codes("verify --json --values cluster.db"),
        counts(&[
            ("K001", 5),
            ("K002", 1),
            ("K003", 1),
            ("K004", 1),
            ("K005", 1)
        ])
    );
    let strict = etcdsnap(dir.path(), "verify --strict cluster.db");
    assert_eq!(strict.status, Some(1));
}

#[test]
fn the_values_of_whole_clusters_are_proven_once_their_keys_are_at_hand() {
    let dir = unpacked();
    for cluster in clusters::CLUSTERS {
        for moment in ["before", "after"] {
            let file = format!("{cluster}-{moment}.db");
            let values = |args: &str| {
                let outcome = etcdsnap(dir.path(), &format!("verify --json {args}{file}"));
                let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
                let counts = report["counts"].as_array().expect("counts").iter();
                let is_told = counts.filter_map(|count| count["code"].as_str());
                assert!(
                    !is_told.into_iter().any(|code| code.starts_with('K')),
                    "{file}"
                );
                report["proven"]
                    .as_array()
                    .expect("names")
                    .contains(&"values".into())
            };
            assert!(!values(""), "{file}");
            assert!(!values("--values "), "{file}");
            assert!(
                values(&format!("--values --encryption-config {cluster}.yaml ")),
                "{file}"
            );
            let kinds = etcdsnap(dir.path(), &format!("kinds {file}"));
            assert_eq!((kinds.status, &*kinds.stderr), (Some(0), ""), "{file}");
        }
    }
    let outcome = etcdsnap(dir.path(), "verify --encryption-config x.yaml x.db");
    assert_eq!(outcome.status, Some(2));
}

#[test]
fn one_changed_byte_in_a_pod_of_a_real_cluster_is_named_everywhere() {
    let dir = unpacked();
    let before = AFTER.replace("after", "before");
    for (name, code, why) in [
        (
            "one-pod-prefix-changed",
            "K001",
            "damaged: the value begins with 6b387301, a stored object with 6b387300",
        ),
        (
            "one-pod-tag-changed",
            "K002",
            "damaged: protobuf cannot be read at .metadata",
        ),
    ] {
        clusters::unpack_damaged(dir.path(), name);
        let verified = etcdsnap(dir.path(), &format!("verify --values {name}.db"));
        assert_eq!(verified.status, Some(0), "{}", verified.stdout);
        assert!(
            verified.stdout.contains(&format!("warning {code} ")),
            "{}",
            verified.stdout
        );
        assert!(verified.stdout.contains(POD), "{}", verified.stdout);
        let damaged = [(POD.to_owned(), why.to_owned())];
        for command in [
            "objects FILE pods -n shop",
            "objects FILE pods -o ndjson",
            "kinds FILE",
            "export FILE pods --out - --include-owned",
            "encryption FILE",
        ] {
            let outcome = etcdsnap(dir.path(), &command.replace("FILE", &format!("{name}.db")));
            assert_eq!(outcome.status, Some(1), "{command}");
            assert_eq!(told(&outcome), damaged.clone().into(), "{command}");
        }
        let pods = etcdsnap(
            dir.path(),
            &format!("objects {name}.db pods -n shop --no-headers"),
        );
        let sound = etcdsnap(
            dir.path(),
            &format!("objects {before} pods -n shop --no-headers"),
        );
        assert_eq!(pods.stdout.lines().count(), sound.stdout.lines().count());
        for (old, new) in [
            (before.clone(), format!("{name}.db")),
            (format!("{name}.db"), before.clone()),
        ] {
            let diff = etcdsnap(
                dir.path(),
                &format!("diff {old} {new} --kind pods -n shop --json --exit-zero"),
            );
            assert_eq!(diff.status, Some(1), "{}", diff.stderr);
            assert_eq!(
                told(&diff).keys().collect::<Vec<_>>(),
                [POD],
                "{}",
                diff.stderr
            );
            let item: Value = serde_json::from_str(
                diff.stdout
                    .lines()
                    .find(|line| line.contains("\"change\""))
                    .expect("a change"),
            )
            .expect("JSON");
            assert_eq!(
                (&item["kind"], &item["name"]),
                (&"Pod".into(), &"web-86cd4cdd9b-v9srg".into())
            );
            assert!(
                item["damage"].is_object() && item.get("patch").is_none(),
                "{item}"
            );
        }
    }
    clusters::unpack_damaged(dir.path(), "not-all-kubernetes");
    let outcome = etcdsnap(dir.path(), "objects not-all-kubernetes.db");
    assert_eq!(outcome.status, Some(1));
    let keys: Vec<String> = told(&outcome).into_keys().collect();
    assert_eq!(
        keys,
        [
            "/registry/configmaps/default/empty",
            "/registry/configmaps/default/nul",
            "/registry/pods/default/json-broken"
        ]
    );
}

#[test]
fn a_secret_whose_key_is_wrong_is_listed_and_told() {
    let dir = unpacked();
    let config = fs::read_to_string(dir.path().join(CONFIG)).expect("a configuration");
    let secret = "secret: ";
    let wrong: Vec<String> = config
        .lines()
        .map(|line| match line.split_once(secret) {
            Some((before, _)) => {
                format!("{before}{secret}MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
            }
            None => line.to_owned(),
        })
        .collect();
    fs::write(dir.path().join("wrong.yaml"), wrong.join("\n")).expect("a file");
    let sound = etcdsnap(dir.path(), &format!("objects {AFTER} secrets -o name"));
    let names = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} secrets -o name --encryption-config wrong.yaml"),
    );
    assert_eq!(names.stdout, sound.stdout);
    let table = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} secrets --no-headers --encryption-config wrong.yaml"),
    );
    assert_eq!(table.status, Some(1), "{}", table.stderr);
    assert_eq!(table.stdout.lines().count(), sound.stdout.lines().count());
    let export = etcdsnap(
        dir.path(),
        &format!("export {AFTER} secrets --show-secrets --out out --encryption-config wrong.yaml"),
    );
    assert_eq!(export.status, Some(1));
    // All are named in the folder, some on standard error.
    let index = fs::read_to_string(dir.path().join("out/index.md")).expect("an index");
    let told = index
        .lines()
        .filter(|line| line.contains("left out, encrypted: Secret "));
    assert!(
        export.stderr.contains("does not open them: Secret "),
        "{}",
        export.stderr
    );
    assert_eq!(
        told.count(),
        sound.stdout.lines().count(),
        "{}",
        export.stderr
    );
    let encryption = etcdsnap(
        dir.path(),
        &format!("encryption {AFTER} --encryption-config wrong.yaml --json"),
    );
    assert_eq!(encryption.status, Some(1));
}

#[test]
fn a_configuration_that_encrypts_nothing_is_said_to() {
    let dir = cluster();
    let config = "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n  - identity: {}\n  - aescbc: {keys: [{name: k, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]}\n";
    fs::write(dir.path().join("identity.yaml"), config).expect("a file");
    let args = "encryption cluster.db --encryption-config identity.yaml";
    let outcome = etcdsnap(dir.path(), args);
    assert!(
        outcome.stderr.contains("encrypts nothing"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stdout.contains("unencrypted"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("current"), "{}", outcome.stdout);
    let json = etcdsnap(dir.path(), &format!("{args} --json")).stdout;
    let summary: Value = serde_json::from_str(json.lines().last().expect("a line")).expect("JSON");
    assert_eq!(summary["encrypts_anything"], false);
    // The other way round it is not.
    let other = config
        .replace("  - identity: {}\n", "")
        .trim_end()
        .to_owned()
        + "\n  - identity: {}\n";
    fs::write(dir.path().join("cbc.yaml"), other).expect("a file");
    let outcome = etcdsnap(
        dir.path(),
        "encryption cluster.db --encryption-config cbc.yaml",
    );
    assert!(
        !outcome.stderr.contains("encrypts nothing"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stdout.contains("plain"), "{}", outcome.stdout);
}

#[test]
fn manifests_that_leave_secrets_out_say_so() {
    let dir = unpacked();
    let before = AFTER.replace("after", "before");
    let args = |out: &str, more: &str| {
        format!(
            "diff {before} {AFTER} -o manifests --to-old --exit-zero --encryption-config {CONFIG} --out {out}{more}"
        )
    };
    let outcome = etcdsnap(dir.path(), &args("undo", ""));
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let left: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("left out: Secret "))
        .collect();
    assert!(!left.is_empty(), "{}", outcome.stderr);
    let index = fs::read_to_string(dir.path().join("undo/index.md")).expect("an index");
    for line in left {
        let who = line["left out: ".len()..]
            .split(": ")
            .next()
            .expect("a name");
        assert!(index.contains(who), "{who}: {index}");
    }
    for entry in fs::read_dir(dir.path().join("undo/steps")).expect("a folder") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("a manifest");
        assert!(!text.contains("<redacted "), "{text}");
    }
    let outcome = etcdsnap(dir.path(), &args("partial", " --partial"));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("left out: Secret "));
}

#[test]
fn a_name_leads_to_a_damaged_object_by_its_key_as_it_does_in_a_list() {
    let dir = cluster();
    for (name, key) in [
        ("secret/kind", "/registry/secrets/shop/kind"),
        ("secret/name", "/registry/secrets/shop/name"),
        ("secret/other", "/registry/secrets/shop/name"),
        ("routes/r1", "/registry/routes/shop/r1"),
    ] {
        let is_damaged = name == "secret/kind" || name == "routes/r1";
        for (command, damaged, misnamed) in [
            ("objects cluster.db NAME -n shop -o name", 1, 0),
            ("get cluster.db NAME -n shop", 1, 0),
            ("contains cluster.db NAME -n shop", 2, 0),
            ("history cluster.db NAME -n shop", 1, 0),
        ] {
            let command = command.replace("NAME", name);
            let outcome = etcdsnap(dir.path(), &command);
            let status = if is_damaged { damaged } else { misnamed };
            assert_eq!(
                outcome.status,
                Some(status),
                "{command}: {}",
                outcome.stderr
            );
            let named: Vec<String> = told(&outcome).into_keys().collect();
            assert_eq!(named, [key], "{command}: {}", outcome.stderr);
        }
    }
    // What the value says beneath a key of another kind is not an object of that kind.
    let outcome = etcdsnap(dir.path(), "contains cluster.db sacret/kind -n shop");
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(told(&outcome).is_empty(), "{}", outcome.stderr);
}

#[test]
fn every_command_refuses_bytes_behind_an_object_in_cbor() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let key = "/registry/example.com/widgets/shop/w";
    let widget = b"\xd9\xd9\xf7\xa3\x4aapiVersion\x4eexample.com/v1\x44kind\x46Widget\
        \x48metadata\xa2\x44name\x41w\x49namespace\x44shop";
    let pod = object("v1", "Pod", "shop", "web");
    let write = |name: &str, rest: &[u8]| {
        let value = [&widget[..], rest].concat();
        let puts: [(&[u8], &[u8]); 2] =
            [(b"/registry/pods/shop/web", &pod), (key.as_bytes(), &value)];
        snapshot(&dir.path().join(name), &puts);
    };
    write("whole.db", b"");
    write("longer.db", b"\0");
    for (command, status) in [
        ("objects FILE widgets/w -n shop -o name", 1),
        ("objects FILE -o ndjson", 1),
        ("kinds FILE", 1),
        ("export FILE --out -", 1),
        ("get FILE widgets/w -n shop", 1),
        ("history FILE widgets/w -n shop", 1),
        ("contains FILE widgets/w -n shop", 2),
    ] {
        let whole = etcdsnap(dir.path(), &command.replace("FILE", "whole.db"));
        assert_eq!(whole.status, Some(0), "{command}: {}", whole.stderr);
        let longer = etcdsnap(dir.path(), &command.replace("FILE", "longer.db"));
        assert_eq!(longer.status, Some(status), "{command}: {}", longer.stderr);
        let why = told(&longer).remove(key);
        let is_told = why.is_some_and(|why| why.starts_with("damaged: a byte follows the object"));
        assert!(is_told, "{command}: {}", longer.stderr);
    }
    for (name, is_proven) in [("whole.db", true), ("longer.db", false)] {
        let outcome = etcdsnap(dir.path(), &format!("verify --values --json {name}"));
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let proven = report["proven"].as_array().expect("names");
        assert_eq!(proven.contains(&"values".into()), is_proven, "{name}");
        assert_eq!(outcome.stdout.contains("K002"), !is_proven, "{name}");
    }
    let account = etcdsnap(dir.path(), "verify --values whole.db").stdout;
    assert!(
        account.contains(
            "2 values decoded as objects; types of fields in JSON and CBOR are not checked"
        ),
        "{account}"
    );
}

#[test]
fn the_object_whose_key_has_the_name_goes_before_one_that_only_calls_itself_so() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("two.db");
    let web = object("v1", "Pod", "shop", "web");
    snapshot(
        &path,
        &[
            (b"/registry/pods/shop/web", &web),
            (b"/registry/pods/shop/copy", &web),
        ],
    );
    let outcome = etcdsnap(dir.path(), "get two.db pod/web -n shop --json");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("\"/registry/pods/shop/web\""));
    let outcome = etcdsnap(dir.path(), "get two.db pod/copy -n shop --json");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("\"/registry/pods/shop/copy\""));
}

#[test]
fn json_that_is_nested_too_deeply_is_named_and_never_taken_for_text() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.db");
    let widget = |name: &str, levels: usize| {
        let [open, close] = [r#"{"a":"#.repeat(levels), "}".repeat(levels)];
        format!(
            r#"{{"apiVersion":"example.com/v1","kind":"Widget","metadata":{{"name":"{name}","namespace":"shop","labels":{{"app":"{name}"}}}},"spec":{open}{{}}{close}}}"#
        )
    };
    let key = |name: &str| format!("/registry/example.com/widgets/shop/{name}");
    let puts =
        [("deep", 3_000), ("flat", 3)].map(|(name, levels)| (key(name), widget(name, levels)));
    let puts: Vec<(&[u8], &[u8])> = puts
        .iter()
        .map(|(key, value)| (key.as_bytes(), value.as_bytes()))
        .collect();
    snapshot(&file, &puts);
    for args in [
        "objects a.db -o ndjson",
        "objects a.db --json",
        "objects a.db -l app",
        "export a.db --out -",
        "get a.db --prefix /",
        "get a.db --prefix / --json",
        "get a.db /registry/example.com/widgets/shop/deep",
    ] {
        let outcome = etcdsnap(dir.path(), args);
        assert_eq!(outcome.status, Some(1), "{args:?}: {}", outcome.stderr);
        let is_told = outcome.stderr.contains("deep")
            && outcome.stderr.contains("nested deeper than 120 levels")
            && !outcome.stderr.contains("damaged");
        assert!(is_told, "{args:?}: {}", outcome.stderr);
        assert!(
            !outcome.stdout.contains(r#""a":{"a":{"a":{"a":{"#),
            "{args:?}: {}",
            outcome.stdout
        );
        let is_there = outcome.stdout.contains("flat") || args.ends_with("deep");
        assert!(is_there, "{args:?}: {}", outcome.stdout);
    }
    // Who it is its head tells, and an API server reads it.
    let outcome = etcdsnap(dir.path(), "objects a.db -l app=deep -o name");
    assert!(outcome.stdout.contains("/deep\n"), "{outcome:?}");
    let outcome = etcdsnap(dir.path(), "verify --values a.db");
    assert!(!outcome.stdout.contains("K0"), "{outcome:?}");
}
