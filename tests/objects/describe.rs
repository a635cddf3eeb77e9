//! `describe`: held against what kubectl printed of a cluster, and what only a file can be.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::damaged::snapshot;
use crate::support::clusters;
use crate::support::descriptions::masked;
use crate::support::testdata;
use crate::support::tool::{self, Outcome, for_all};
use crate::{AFTER, CONFIG, unpacked};

/// The snapshot of the cluster that kubectl described.
fn described() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let packed = testdata::dir().join("kubernetes/described/snapshot.db.zst");
    fs::write(dir.path().join("s.db"), clusters::unpacked(&packed)).expect("a temporary file");
    dir
}

fn ask(dir: &TempDir, args: &str) -> Outcome {
    tool::run(dir.path(), args.split(' '))
}

#[test]
fn descriptions_are_those_that_kubectl_gave() {
    let dir = described();
    let packed = testdata::dir().join("kubernetes/described/kubectl.jsonl.zst");
    let recorded = String::from_utf8(clusters::unpacked(&packed)).expect("text");
    let recorded: Vec<Value> = recorded
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(recorded.len() > 60, "{}", recorded.len());
    let wrong = for_all(&recorded, |one| {
        let words: Vec<&str> = one["words"]
            .as_array()
            .expect("words")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut args = vec!["describe", "s.db", "--show-owners=false", "--show-secrets"];
        args.extend(&words);
        let ours = tool::run(dir.path(), args);
        let kubectl = masked(one["text"].as_str().expect("text"));
        let text = masked(&ours.stdout);
        if (ours.status, &*ours.stderr, &*text) == (Some(0), "", &*kubectl) {
            return None;
        }
        let mut pairs = kubectl.lines().zip(text.lines());
        let pair = pairs.find(|(kubectl, ours)| kubectl != ours);
        Some(format!(
            "{words:?}: {pair:?} {:?} {}",
            ours.status, ours.stderr
        ))
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn owners_follow_and_what_is_secret_is_hidden() {
    let dir = described();
    let pods = ask(&dir, "describe s.db pods -n told -l app=dep");
    assert_eq!((pods.status, &*pods.stderr), (Some(0), ""));
    let chains = pods
        .stdout
        .matches("\nOwners:\n  ReplicaSet/every-")
        .count();
    assert_eq!(chains, pods.stdout.matches("\nName:").count() + 1);
    let deployment = pods.stdout.matches("\n    Deployment/every").count();
    assert_eq!(deployment, chains);
    let node = ask(&dir, "describe s.db node big").stdout;
    assert!(node.ends_with("Owners:  <none>\n"), "{node}");
    let secret = ask(&dir, "describe s.db secret registry -n told").stdout;
    assert!(secret.contains("\ne:  4 bytes\n"), "{secret}");
    assert!(secret.contains("example.com/long: <redacted 1"), "{secret}");
}

#[test]
fn events_are_shown_of_one_object_that_is_named_as_a_whole_unless_asked_for() {
    let dir = described();
    for (args, is_shown) in [
        ("pod/everything -n told", true),
        ("pod everything -n told --show-events=false", false),
        ("pod everythin -n told", false),
        ("pod everythin -n told --show-events", true),
        ("pods -n told", false),
        ("secret registry -n told --show-events", false),
    ] {
        let outcome = ask(&dir, &format!("describe s.db {args}"));
        assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
        assert_eq!(outcome.stdout.contains("\nEvents:"), is_shown, "{args}");
    }
}

#[test]
fn what_is_not_there_and_what_cannot_be_described_ends_as_with_objects() {
    let dir = described();
    for (args, status, stderr) in [
        (
            "pod nothing -n told",
            1,
            "Error: pod/nothing in namespace told: never seen in this file",
        ),
        (
            "pod/everythin -n told",
            1,
            "Error: pod/everythin in namespace told: never seen in this file",
        ),
        (
            "pods -n guarded -l a=b",
            1,
            "No resources found in guarded namespace.\n",
        ),
        (
            "podz",
            1,
            "Error: \"podz\" is not a known kind; did you mean pods?\n",
        ),
        (
            "pods -w json",
            2,
            "Error: a description has no JSON form; use `etcdsnap objects FILE KIND/NAME -o json`\n",
        ),
        (
            "-n told",
            2,
            "Error: describe needs a kind, such as pods or deploy/web; `etcdsnap kinds FILE` lists those of a file\n",
        ),
    ] {
        let outcome = ask(&dir, &format!("describe s.db {args}"));
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        // Where JSON was asked for, the error is a line of it.
        let is_error = outcome.stdout.starts_with("{\"type\":\"error\"");
        assert_eq!(is_error, args.contains("json"), "{args}");
        assert!(is_error || outcome.stdout.is_empty(), "{args}");
        assert!(
            outcome.stderr.starts_with(stderr),
            "{args}: {}",
            outcome.stderr
        );
    }
    // What is there is described all the same.
    let some = ask(&dir, "describe s.db pod/nothing pod/everything -n told");
    assert_eq!(some.status, Some(1));
    assert!(some.stdout.starts_with("Name:"), "{}", some.stdout);
}

#[test]
fn what_stays_encrypted_is_named_and_not_described() {
    let dir = unpacked();
    let locked = ask(&dir, &format!("describe {AFTER} secret -n shop"));
    assert_eq!((locked.status, &*locked.stdout), (Some(1), ""));
    let objects = ask(&dir, &format!("objects {AFTER} secret -n shop -o yaml"));
    assert_eq!(locked.stderr, objects.stderr);
    let opened = format!("describe {AFTER} secret -n shop --encryption-config {CONFIG}");
    let opened = ask(&dir, &opened);
    assert_eq!((opened.status, &*opened.stderr), (Some(0), ""));
    assert!(
        opened.stdout.contains("\nData\n====\n"),
        "{}",
        opened.stdout
    );
}

fn put(path: &str, json: &str) -> (Vec<u8>, Vec<u8>) {
    (
        format!("/registry/{path}").into_bytes(),
        json.as_bytes().to_vec(),
    )
}

fn written(puts: &[(Vec<u8>, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let puts: Vec<(&[u8], &[u8])> = puts.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    snapshot(&dir.path().join("s.db"), &puts);
    dir
}

fn map(name: &str, uid: &str, owners: &[(&str, &str)]) -> (Vec<u8>, Vec<u8>) {
    let owners: Vec<String> = owners
        .iter()
        .map(|(name, uid)| {
            format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","name":"{name}","uid":"{uid}"}}"#)
        })
        .collect();
    let owners = owners.join(",");
    put(
        &format!("configmaps/shop/{name}"),
        &format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"namespace":"shop","name":"{name}","uid":"{uid}","ownerReferences":[{owners}]}}}}"#
        ),
    )
}

fn owners(dir: &TempDir, name: &str) -> Vec<String> {
    let text = ask(dir, &format!("describe s.db cm/{name} -n shop")).stdout;
    let (_, owners) = text.split_once("Owners:").expect("a section of owners");
    owners
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn owners_that_are_missing_or_other_ones_are_named_and_circles_end() {
    let dir = written(&[
        map("a", "1", &[("b", "2"), ("gone", "9"), ("c", "old")]),
        map("b", "2", &[("c", "3"), ("a", "1")]),
        map("c", "3", &[]),
        map("self", "7", &[("self", "7")]),
    ]);
    assert_eq!(
        owners(&dir, "a"),
        [
            "",
            "  ConfigMap/b",
            "    ConfigMap/c",
            "    ConfigMap/a",
            "      ConfigMap/b     see above",
            "      ConfigMap/gone  missing",
            "      ConfigMap/c     missing, another object has this name",
            "  ConfigMap/gone      missing",
            "  ConfigMap/c         missing, another object has this name",
        ]
    );
    assert_eq!(
        owners(&dir, "self"),
        ["", "  ConfigMap/self", "    ConfigMap/self  see above"]
    );
    // Longer than anybody follows it.
    let name = |number: usize| format!("m{number}");
    let long: Vec<_> = (0..40)
        .map(|number| {
            map(
                &name(number),
                &number.to_string(),
                &[(&name(number + 1), &(number + 1).to_string())],
            )
        })
        .collect();
    let dir = written(&long);
    let chain = owners(&dir, "m0");
    assert_eq!(chain.len(), 18, "{chain:?}");
    assert!(
        chain[17].ends_with("ConfigMap/m17  not looked for"),
        "{chain:?}"
    );
}

#[test]
fn an_event_that_cannot_be_read_may_belong_to_any_object_and_is_told() {
    let pod =
        r#"{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":"a","uid":"1"}}"#;
    let event = r#"{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"shop","name":"e"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"a","uid":"1"},"reason":"Red\u001b[31m","message":"bell\u0007\nsecond\r","lastTimestamp":"2026-01-01T00:00:00Z"}"#;
    let broken = (
        b"/registry/events/shop/broken".to_vec(),
        b"k8s\0broken".to_vec(),
    );
    let dir = written(&[put("pods/shop/a", pod), put("events/shop/e", event)]);
    let good = ask(&dir, "describe s.db pod/a -n shop");
    assert_eq!((good.status, &*good.stderr), (Some(0), ""));
    assert!(good.stdout.contains("Red^[[31m"), "{}", good.stdout);
    assert!(good.stdout.contains("bell\\x07\nsecond"), "{}", good.stdout);
    let dir = written(&[put("pods/shop/a", pod), put("events/shop/e", event), broken]);
    let told = ask(&dir, "describe s.db pod/a -n shop");
    assert_eq!((told.status, &told.stdout), (Some(1), &good.stdout));
    assert!(
        told.stderr.contains("/registry/events/shop/broken"),
        "{}",
        told.stderr
    );
    // Who does not ask for events does not need it.
    let without = ask(&dir, "describe s.db pod/a -n shop --show-events=false");
    assert_eq!((without.status, &*without.stderr), (Some(0), ""));
}

#[test]
fn secrets_in_what_belongs_to_an_object_are_hidden_unless_asked_for() {
    let pod =
        r#"{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":"a","uid":"1"}}"#;
    let event = r#"{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"shop","name":"e"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"a","uid":"1"},"message":"connects to postgres://ann:Ws9Kq2XvRt5Y@db:5432/shop"}"#;
    let token = r#"{"kind":"Secret","apiVersion":"v1","type":"kubernetes.io/service-account-token","metadata":{"namespace":"shop","name":"t"},"data":{"token":"V3M5S3EyWHZSdDVZ"}}"#;
    let dir = written(&[
        put("pods/shop/a", pod),
        put("events/shop/e", event),
        put("secrets/shop/t", token),
    ]);
    for name in ["pod/a", "secret/t"] {
        let hidden = ask(&dir, &format!("describe s.db {name} -n shop"));
        assert!(hidden.stdout.contains("<redacted "), "{}", hidden.stdout);
        assert!(!hidden.stdout.contains("Ws9Kq2XvRt5Y"), "{}", hidden.stdout);
        assert!(!hidden.stdout.contains("V3M5S3Ey"), "{}", hidden.stdout);
        let shown = ask(
            &dir,
            &format!("describe s.db {name} -n shop --show-secrets"),
        );
        assert!(shown.stdout.contains("Ws9Kq2XvRt5Y"), "{}", shown.stdout);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_once_however_often_it_is_read() {
    let dir = described();
    let path = dir.path().join("s.db");
    let sound = fs::read(&path).expect("a snapshot");
    // The first leaf behind the middle that is in use loses its number.
    let is_leaf = |page: usize| sound[page + 8..page + 10] == [2, 0];
    let middle = sound.len() / 2 / 4096 * 4096;
    let leaves = (middle..sound.len() - 4096).step_by(4096);
    let mut leaves = leaves.filter(|page| is_leaf(*page));
    let listed = leaves.find_map(|leaf| {
        let mut bytes = sound.clone();
        bytes[leaf..leaf + 8].fill(0xee);
        fs::write(&path, bytes).expect("a temporary file");
        let listed = ask(&dir, "objects s.db pods -n told -o name");
        (listed.status == Some(1)).then_some(listed)
    });
    let listed = listed.expect("a leaf in use");
    let described = ask(&dir, "describe s.db pods -n told --show-events");
    assert_eq!(described.status, Some(1), "{}", described.stderr);
    assert_eq!(described.stderr, listed.stderr);
    // The newest record of an object may be among those that are lost.
    let warning = "the rest is missing; what is listed may be older than the newest state";
    assert!(listed.stderr.contains(warning), "{}", listed.stderr);
}

#[test]
fn a_damaged_pod_is_told_once_whether_it_is_described_or_belongs_to_something() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    clusters::unpack_damaged(dir.path(), "one-pod-tag-changed");
    for kinds in ["pods,rs,nodes", "pods", "rs,nodes"] {
        let args = format!("describe one-pod-tag-changed.db {kinds} --show-events");
        let outcome = ask(&dir, &args);
        assert_eq!(outcome.status, Some(1), "{args}");
        let told = outcome.stderr.matches(": damaged: ").count();
        assert_eq!(told, 1, "{args}: {}", outcome.stderr);
    }
}

#[test]
fn an_empty_name_is_a_mistake_of_usage_and_stands_for_nothing() {
    let dir = described();
    let empty = "Error: the name after pod is empty; was a variable not set?\n";
    for command in ["describe", "objects", "get", "history", "contains", "log"] {
        for name in [&["pod", ""][..], &["pod/"]] {
            let args = [&[command, "s.db"][..], name, &["-n", "told"]].concat();
            let outcome = tool::run(dir.path(), &args);
            let told = (outcome.status, &*outcome.stdout, &*outcome.stderr);
            assert_eq!(told, (Some(2), "", empty), "{args:?}");
        }
    }
    let export = tool::run(dir.path(), ["export", "s.db", "pod", "", "--out", "out"]);
    assert_eq!((export.status, &*export.stderr), (Some(2), empty));
    assert!(!dir.path().join("out").exists());
    for args in [
        &["describe", "s.db", "pod", "everything", ""][..],
        &["get", "s.db", ""],
        &["history", "s.db", ""],
        &["contains", "s.db", ""],
        &["contains", "s.db", "deploy", ""],
    ] {
        let outcome = tool::run(dir.path(), args);
        assert_eq!(
            (outcome.status, &*outcome.stdout),
            (Some(2), ""),
            "{args:?}"
        );
        assert!(outcome.stderr.contains(" is empty; "), "{}", outcome.stderr);
    }
    // What is a key, or no kind, may well end with a slash.
    for args in [
        "contains s.db --key pod/",
        "contains s.db thing/",
        "history s.db /registry/pods/",
        "log s.db thing/",
    ] {
        let outcome = ask(&dir, args);
        assert_eq!(outcome.status, Some(1), "{args}: {}", outcome.stderr);
    }
    let dir = written(&[(b"pod/".to_vec(), b"a value".to_vec())]);
    for args in [
        "contains s.db pod/",
        "get s.db pod/",
        "log s.db pod/",
        "history s.db pod/",
    ] {
        let outcome = ask(&dir, args);
        assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{args}");
    }
}

#[test]
fn one_that_is_left_of_several_names_has_no_events_and_of_several_kinds_it_has() {
    let dir = described();
    for (args, status, is_shown) in [
        ("pod everything -n told", 0, true),
        ("pod everything nothing -n told", 1, false),
        ("pod/everything pod/nothing -n told", 1, false),
        ("pod everything nothing -n told --show-events", 1, true),
        ("pod,cm everything -n told", 1, false),
    ] {
        let outcome = ask(&dir, &format!("describe s.db {args}"));
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        assert!(outcome.stdout.starts_with("Name:"), "{args}");
        assert_eq!(outcome.stdout.contains("\nEvents:"), is_shown, "{args}");
    }
    let widget = |name: &str| {
        let json = format!(
            r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"namespace":"shop","name":"{name}"}}}}"#
        );
        put(&format!("pods/shop/{name}"), &json)
    };
    let dir = written(&[widget("one")]);
    let alone = ask(&dir, "describe s.db pods,services -n shop");
    assert!(alone.stdout.contains("\nEvents:"), "{}", alone.stdout);
}

#[test]
fn keys_are_described_as_the_objects_under_them() {
    let dir = described();
    let key = "/registry/pods/told/everything";
    let by_name = ask(&dir, "describe s.db pod/everything -n told");
    let by_key = ask(&dir, &format!("describe s.db {key}"));
    assert_eq!(by_key, by_name);
    // As with get, -n does not matter to a key.
    let beside = ask(&dir, &format!("describe s.db {key} -n default"));
    assert_eq!(beside, by_name);
    let without = ask(
        &dir,
        "describe s.db pod/everything -n told --show-events=false",
    );
    let several = ask(&dir, &format!("describe s.db {key} {key}x"));
    assert_eq!(
        (several.status, several.stdout),
        (Some(1), without.stdout.clone())
    );
    let missing = format!(
        "Error: {key}x: never seen in this file; what was deleted before the compaction at revision 1008 is not known; \
         did you mean {key}?\n"
    );
    assert_eq!(several.stderr, missing);
    for (args, status, stderr) in [
        (format!("{key}x"), 1, &*missing),
        (
            format!("{key} pod/everything"),
            2,
            "Error: write either keys, or kinds and names\n",
        ),
        (
            format!("{key} -l app=web"),
            2,
            "Error: selectors and --deleted choose among the objects of kinds, and keys are given\n",
        ),
    ] {
        let outcome = ask(&dir, &format!("describe s.db {args}"));
        let told = (outcome.status, &*outcome.stdout, &*outcome.stderr);
        assert_eq!(told, (Some(status), "", stderr), "{args}");
    }
    let dir = written(&[(b"/app/text".to_vec(), b"text".to_vec())]);
    let text = ask(&dir, "describe s.db /app/text");
    let told = (text.status, &*text.stdout, &*text.stderr);
    let stderr =
        "Error: 1 of 1 values are not objects of Kubernetes; `etcdsnap get FILE KEY` shows them\n";
    assert_eq!(told, (Some(2), "", stderr));
}

#[test]
fn the_help_tells_which_forms_of_output_there_are() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let of = |command: &str| ask(&dir, &format!("{command} --help")).stdout;
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let describe = words(of("describe"));
    let told =
        "-w, --write-out <FORMAT> Output format: simple, which is kubectl's text; json is refused";
    assert!(describe.contains(told), "{describe}");
    assert_eq!(describe.matches("--write-out").count(), 1);
    let objects = words(of("objects"));
    let told =
        "Output format: simple or json; table and fields too for commands that mirror etcd's tools";
    assert!(objects.contains(told), "{objects}");
    // Before the command it is the same argument.
    for args in ["-w json describe s.db pods", "describe s.db pods -w json"] {
        let outcome = ask(&dir, args);
        assert_eq!(outcome.status, Some(2));
        assert!(
            outcome.stderr.contains("has no JSON form"),
            "{args}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_version_that_an_api_server_would_not_show_is_told() {
    let bundle = r#"{"kind":"ClusterTrustBundle","apiVersion":"certificates.k8s.io/v1beta1","metadata":{"name":"a"},"spec":{"trustBundle":"x"}}"#;
    let budget = r#"{"kind":"PodDisruptionBudget","apiVersion":"policy/v1beta1","metadata":{"name":"a","namespace":"shop"}}"#;
    let class = r#"{"kind":"RuntimeClass","apiVersion":"node.k8s.io/v1","metadata":{"name":"a"},"handler":"x"}"#;
    let dir = written(&[
        put("clustertrustbundles/a", bundle),
        put("poddisruptionbudgets/shop/a", budget),
        put("runtimeclasses/a", class),
    ]);
    let note = "shown in certificates.k8s.io/v1beta1, the version that they are stored in\n";
    let bundles = "clustertrustbundles.certificates.k8s.io";
    let asked = "clustertrustbundles.v1.certificates.k8s.io";
    for (args, stderr) in [
        ("clustertrustbundles a", format!("{bundles}: {note}")),
        ("clustertrustbundle/a", format!("{bundles}: {note}")),
        (&format!("{asked} a"), format!("{asked}: {note}")),
        // These tell no version, or the one that is shown.
        ("pdb a", String::new()),
        ("runtimeclass a", String::new()),
    ] {
        let outcome = ask(&dir, &format!("describe s.db {args}"));
        assert_eq!(
            (outcome.status, outcome.stderr),
            (Some(0), stderr),
            "{args}"
        );
        assert!(outcome.stdout.starts_with("Name:"), "{args}");
    }
}
