//! What is asked for by selectors, namespaces and kinds: what can be told is told, and what cannot is said.

use serde_json::Value;
use tempfile::TempDir;

use std::path::Path;

use crate::damaged::{object, snapshot};
use crate::{AFTER, CONFIG, unpacked};

const BEFORE: &str = "kube-1.34-etcd-3.6-before.db";

struct Answer {
    stdout: String,
    stderr: String,
    status: i32,
}

fn etcdsnap(dir: &Path, args: &str) -> Answer {
    let outcome = crate::etcdsnap(dir, args);
    Answer {
        status: outcome.status.expect("no signal"),
        stdout: outcome.stdout,
        stderr: outcome.stderr,
    }
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat()
}

const UNDECIDED: &str = "cannot tell whether these are selected: ";

#[test]
fn an_encrypted_object_is_selected_by_what_its_key_tells() {
    let dir = unpacked();
    let names = |args: &str| {
        let outcome = etcdsnap(dir.path(), &format!("objects {AFTER} {args} -o name"));
        (outcome.stdout, outcome.stderr, outcome.status)
    };
    let (stdout, stderr, status) = names("secrets --field-selector metadata.name=db");
    assert_eq!(stdout, "secret/db\n".repeat(4));
    assert_eq!((stderr.as_str(), status), ("", 0));
    let (stdout, _, _) =
        names("secrets --field-selector metadata.name=db,metadata.namespace!=shop");
    assert_eq!(stdout, "secret/db\n".repeat(3));
    for (field, status) in [
        ("{.metadata.name}=db", 0),
        ("{.metadata.namespace}=shop", 0),
        ("{.metadata.namespace}=other", 1),
        ("{.type}=Opaque", 2),
    ] {
        let args = format!("contains {AFTER} secret/db -n shop --field {field}");
        assert_eq!(etcdsnap(dir.path(), &args).status, status, "{field}");
    }
    let (stdout, _, _) = names("secrets -n shop --field-selector metadata.name!=db");
    assert_eq!(stdout, "secret/tls\n");
}

#[test]
fn what_cannot_be_told_of_encrypted_objects_is_one_line_and_status_1() {
    let dir = unpacked();
    for selector in ["-l app=web", "--field-selector type=Opaque"] {
        let outcome = etcdsnap(dir.path(), &format!("objects {AFTER} secrets {selector}"));
        assert_eq!(
            (outcome.stdout.as_str(), outcome.status),
            ("", 1),
            "{selector}"
        );
        assert_eq!(
            outcome.stderr,
            format!(
                "{UNDECIDED}7 secrets, encrypted with aescbc key key-cbc; 2 secrets, encrypted with secretbox key \
                 key-box; --encryption-config FILE opens them, if FILE has these keys\n"
            )
        );
        let export = etcdsnap(
            dir.path(),
            &format!("export {AFTER} secrets {selector} --out -"),
        );
        assert_eq!(export.status, 1);
        assert!(export.stderr.starts_with(UNDECIDED), "{}", export.stderr);
        let json = etcdsnap(
            dir.path(),
            &format!("objects {AFTER} secrets {selector} --json"),
        );
        let summary: Value = serde_json::from_str(json.stdout.trim()).expect("one line");
        assert_eq!(summary["undecided"], 9);
    }
    // A condition that the key denies is an answer.
    let both = format!("objects {AFTER} secrets --field-selector type=Opaque,metadata.name=");
    let outcome = etcdsnap(dir.path(), &format!("{both}db"));
    assert!(
        outcome.stderr.contains("2 secrets, encrypted with aescbc"),
        "{}",
        outcome.stderr
    );
    let outcome = etcdsnap(dir.path(), &format!("{both}none"));
    assert!(
        outcome
            .stderr
            .contains("metadata.name=none selects none of the 9 secrets"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.status, 1);
    // With the keys all of it can be told.
    let keys = format!("--encryption-config {CONFIG}");
    let opened = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} secrets --field-selector type=Opaque {keys} -o name"),
    );
    assert_eq!(opened.stdout, "secret/db\n".repeat(4));
    assert_eq!((opened.stderr.as_str(), opened.status), ("", 0));
}

#[test]
fn a_comparison_says_of_how_many_encrypted_objects_the_labels_are_not_known() {
    let dir = unpacked();
    let line = format!(
        "{UNDECIDED}2 secrets, encrypted with aescbc key key-cbc; 2 secrets, encrypted with secretbox key key-box; \
         --encryption-config FILE opens them, if FILE has these keys\n"
    );
    for form in ["--names-only", "--exit-zero", "--json", "--flat", "--log"] {
        let args = format!("diff {BEFORE} {AFTER} --kind secrets -l app=web {form}");
        let outcome = etcdsnap(dir.path(), &args);
        assert_eq!(outcome.status, 1, "{form}");
        assert!(
            outcome.stderr.ends_with(&line),
            "{form}: {}",
            outcome.stderr
        );
        // They are never left out.
        assert!(outcome.stdout.contains("db"), "{form}: {}", outcome.stdout);
    }
    // Where it is another kind or namespace that is asked for, nothing is left open.
    for (rest, stderr) in [
        ("--kind pods", ""),
        ("-n nowhere", "Error: there is no namespace nowhere\n"),
    ] {
        let args = format!("diff {BEFORE} {AFTER} -l app=web --names-only {rest}");
        assert_eq!(etcdsnap(dir.path(), &args).stderr, stderr, "{rest}");
    }
}

/// A Widget whose definition and version nobody here knows, in protobuf: only its metadata can be decoded.
fn unknown_in_protobuf() -> Vec<u8> {
    let labels = field(11, &[field(1, b"app"), field(2, b"web")].concat());
    let metadata = [field(1, b"w"), field(3, b"shop"), labels].concat();
    let kind = [field(1, b"v9"), field(2, b"Pod")].concat();
    let raw = [field(1, &metadata), field(2, b"x")].concat();
    [b"k8s\0".to_vec(), field(1, &kind), field(2, &raw)].concat()
}

#[test]
fn fields_that_cannot_be_decoded_decide_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let web = object("v1", "Pod", "shop", "web");
    let puts: [(&[u8], &[u8]); 3] = [
        (b"/registry/pods/shop/web", &web),
        (b"/registry/pods/shop/w", &unknown_in_protobuf()),
        (b"/registry/pods/shop/cut", &web[..40]),
    ];
    snapshot(&dir.path().join("file.db"), &puts);
    let ask = |args: &str| etcdsnap(dir.path(), &format!("objects file.db pods {args} -o name"));
    let labels = ask("-l app=web");
    assert_eq!(labels.stdout, "pod/w\npod/web\n");
    // What is damaged is told in any case.
    assert!(
        labels.stderr.contains("/registry/pods/shop/cut: damaged"),
        "{}",
        labels.stderr
    );
    let by_name = ask("--field-selector metadata.name=web");
    assert_eq!(
        (by_name.stdout.as_str(), by_name.stderr.as_str()),
        ("pod/web\n", "")
    );
    assert_eq!(by_name.status, 0);
    let damaged = ask("--field-selector metadata.name=cut");
    assert_eq!((damaged.stdout.as_str(), damaged.status), ("pod/cut\n", 1));
    // Of a kind whose fields are not known not everything can be shown, however it is shown.
    for args in [
        "objects file.db pod/w -o yaml",
        "get file.db pod/w",
        "get file.db pod/w -o json",
    ] {
        let shown = etcdsnap(dir.path(), args);
        assert_eq!(shown.status, 1, "{args}");
        assert!(
            shown
                .stderr
                .contains("the kind v9 Pod is not known; of its "),
            "{args}: {}",
            shown.stderr
        );
        assert!(shown.stdout.contains("shop"), "{args}: {}", shown.stdout);
    }
    let by_field = ask("--field-selector spec.nodeName=");
    assert_eq!(
        (by_field.stdout.as_str(), by_field.status),
        ("pod/web\n", 1)
    );
    let line = format!("{UNDECIDED}1 pods, of which only the metadata can be decoded");
    assert!(by_field.stderr.contains(&line), "{}", by_field.stderr);
}

#[test]
fn a_namespace_does_not_narrow_down_kinds_of_the_cluster() {
    let dir = unpacked();
    for (args, stdout) in [
        (
            format!("objects {AFTER} nodes/node-0 -n shop -o name"),
            "node/node-0\n",
        ),
        (
            format!("diff {BEFORE} {AFTER} --kind node -n shop --names-only"),
            "changed   /registry/minions/node-2\n",
        ),
        (
            format!("diff {BEFORE} {AFTER} --kind no,np,netpol -n shop --names-only"),
            "changed   /registry/minions/node-2\nchanged   /registry/networkpolicies/shop/deny\n",
        ),
        (
            format!("diff {BEFORE} {AFTER} --kind no,netpol -n shop --names-only"),
            "changed   /registry/minions/node-2\nchanged   /registry/networkpolicies/shop/deny\n",
        ),
    ] {
        let outcome = etcdsnap(dir.path(), &args);
        assert_eq!(outcome.stdout, stdout, "{args}: {}", outcome.stderr);
    }
    // Nobody asked for the objects of the cluster.
    let all = etcdsnap(
        dir.path(),
        &format!("diff {BEFORE} {AFTER} -n shop --names-only"),
    );
    assert!(all.stdout.contains("/shop/") && !all.stdout.contains("/minions/"));
    for command in ["get", "history", "contains"] {
        let outcome = etcdsnap(
            dir.path(),
            &format!("{command} {AFTER} node/node-0 -n shop"),
        );
        assert_eq!(outcome.status, 0, "{command}");
    }
}

fn with_kinds() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let definition = br#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget","shortNames":["wd"]},"versions":[{"name":"v1","served":true,"storage":true,"selectableFields":[{"jsonPath":".spec.color"}]},{"name":"v1beta1","served":true,"storage":false},{"name":"v1alpha1","served":false,"storage":false}]}}"#;
    let widget = br#"{"kind":"Widget","apiVersion":"example.com/v1","metadata":{"name":"w","namespace":"shop"},"spec":{"color":"red"}}"#;
    let event = br#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","namespace":"shop"},"involvedObject":{"kind":"Pod","name":"web"},"source":{},"reportingComponent":"scheduler","type":"Normal"}"#;
    // Of a server of its own, and without a namespace.
    let stray = br#"{"kind":"Thing","apiVersion":"own.example.com/v1","metadata":{"name":"t"}}"#;
    let puts: [(&[u8], &[u8]); 6] = [
        (
            b"/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
            definition,
        ),
        (b"/registry/example.com/widgets/shop/w", widget),
        (b"/registry/events/shop/e", event),
        (b"/registry/own.example.com/things/t", stray),
        (b"/registry/masterleases/10.0.0.1", br#"{"kind":"Endpoints","apiVersion":"v1","metadata":{"generation":3},"subsets":[{"addresses":[{"ip":"10.0.0.1"}]}]}"#),
        (b"/registry/peerserverleases/apiserver-x", br#"{"kind":"Endpoints","apiVersion":"v1","metadata":{"generation":3}}"#),
    ];
    snapshot(&dir.path().join("file.db"), &puts);
    dir
}

#[test]
fn kinds_are_asked_for_by_served_versions_and_the_shown_version_is_said() {
    let dir = with_kinds();
    let ask = |args: &str| etcdsnap(dir.path(), args);
    for word in [
        "events.events.k8s.io",
        "events.v1.events.k8s.io",
        "ev.v1.events.k8s.io",
    ] {
        let outcome = ask(&format!("objects file.db {word} -o name"));
        assert_eq!(
            (outcome.stdout.as_str(), outcome.status),
            ("event.events.k8s.io/e\n", 0),
            "{word}"
        );
        assert_eq!(outcome.stderr, "");
        assert_eq!(
            ask(&format!("contains file.db {word}/e -n shop")).status,
            0,
            "{word}"
        );
    }
    let outcome = ask("objects file.db widgets.v1beta1.example.com -o name");
    assert_eq!(outcome.stdout, "widget.example.com/w\n");
    assert_eq!(outcome.stderr, "");
    let outcome = ask("objects file.db widgets.v1beta1.example.com -o yaml");
    assert!(
        outcome.stdout.contains("apiVersion: example.com/v1beta1\n"),
        "{}",
        outcome.stdout
    );
    // So has each form of get; an export tells in which one it writes.
    for form in [
        "",
        " -o yaml",
        " -o json",
        " -o kyaml",
        " -o jsonpath={.apiVersion}",
    ] {
        let shown = ask(&format!(
            "get file.db widgets.v1beta1.example.com/w -n shop{form}"
        ));
        assert!(
            shown.stdout.contains("example.com/v1beta1"),
            "{form}: {}",
            shown.stdout
        );
    }
    let outcome = ask("export file.db widgets.v1beta1.example.com --out -");
    assert!(
        outcome.stdout.contains("apiVersion: example.com/v1\n"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stderr
            .contains("widgets.example.com: shown in example.com/v1,"),
        "{}",
        outcome.stderr
    );
    let outcome = ask("objects file.db events.events.k8s.io -o yaml");
    assert!(
        outcome.stdout.contains("apiVersion: events.k8s.io/v1\n"),
        "{}",
        outcome.stdout
    );
    for word in ["widgets.v1.example.com", "widgets.example.com", "wd"] {
        let outcome = ask(&format!("objects file.db {word} -o name"));
        assert_eq!(
            (outcome.stdout.as_str(), outcome.stderr.as_str()),
            ("widget.example.com/w\n", "")
        );
    }
    for (word, reason) in [
        (
            "widgets.v1alpha1.example.com",
            "widgets.example.com are not served in version v1alpha1: their definition has it with `served: false`; \
             served: v1, v1beta1",
        ),
        (
            "cronjobs.v1beta1.batch",
            "cronjobs.batch have no version v1beta1; served: v1",
        ),
        (
            "widgets.v2.example.com",
            "widgets.example.com have no version v2; served: v1, v1beta1",
        ),
        (
            "deploy.v7.apps",
            "deployments.apps have no version v7; served: v1",
        ),
    ] {
        for command in [
            "objects file.db",
            "export --out - file.db",
            "diff file.db --kind",
            "get file.db",
        ] {
            let name = if command.starts_with("get") { "/w" } else { "" };
            let outcome = ask(&format!("{command} {word}{name}"));
            assert_eq!(outcome.status, 2, "{command} {word}");
            assert!(
                outcome.stderr.contains(reason),
                "{command} {word}: {}",
                outcome.stderr
            );
        }
    }
}

#[test]
fn a_field_that_a_kind_does_not_have_is_refused_with_those_that_it_has() {
    let dir = with_kinds();
    let ask = |args: &str| etcdsnap(dir.path(), &format!("objects file.db {args}"));
    for (args, known) in [
        (
            "widgets --field-selector spec.size=1",
            "metadata.name, metadata.namespace, spec.color",
        ),
        (
            "widgets.v1beta1.example.com --field-selector spec.color=red",
            "metadata.name, metadata.namespace",
        ),
        (
            "nodes --field-selector metadata.namespace=x",
            "metadata.name, spec.unschedulable",
        ),
        (
            "jobs --field-selector status.succeeded=1",
            "metadata.name, metadata.namespace, status.successful",
        ),
        (
            "things --field-selector spec.x=1",
            "metadata.name, metadata.namespace",
        ),
        (
            "pods,secrets --field-selector spec.nodeName=x",
            "metadata.name, metadata.namespace, type",
        ),
        (
            "--field-selector spec.size=1",
            "involvedObject.apiVersion, ",
        ),
    ] {
        let outcome = ask(args);
        assert_eq!(outcome.status, 2, "{args}");
        assert!(
            outcome
                .stderr
                .contains(&format!("an API server knows {known}")),
            "{args}: {}",
            outcome.stderr
        );
    }
    for (args, stdout) in [
        (
            "widgets --field-selector spec.color=red",
            "widget.example.com/w\n",
        ),
        ("widgets --field-selector spec.color!=red", ""),
        ("--field-selector spec.color=red", "widget.example.com/w\n"),
        (
            "events --field-selector source=scheduler,involvedObject.name=web",
            "event/e\n",
        ),
        (
            "events.events.k8s.io --field-selector reportingController=scheduler,regarding.name=web",
            "event.events.k8s.io/e\n",
        ),
        ("things -n shop", "thing.own.example.com/t\n"),
    ] {
        assert_eq!(ask(&format!("{args} -o name")).stdout, stdout, "{args}");
    }
}

#[test]
fn leases_of_api_servers_are_not_endpoints() {
    let dir = with_kinds();
    let ask = |args: &str| etcdsnap(dir.path(), args);
    let outcome = ask("objects file.db endpoints");
    assert_eq!(outcome.stdout, "");
    let names = ask("objects file.db -o name");
    assert!(!names.stdout.contains("endpoints"), "{}", names.stdout);
    assert_eq!((names.stderr.as_str(), names.status), ("", 0));
    let json = ask("objects file.db --json").stdout;
    assert!(json.contains(r#""api_server_leases":2"#), "{json}");
    let all = ask("objects file.db");
    assert!(
        all.stderr.contains("not listed: 2 leases of API servers"),
        "{}",
        all.stderr
    );
    assert_eq!(all.status, 0);
    let kinds = ask("kinds file.db");
    assert!(
        kinds.stdout.contains("(lease of an API server)   -"),
        "{}",
        kinds.stdout
    );
    assert!(ask("kinds file.db --json").stdout.contains(
        r#"{"type":"kind","schema_version":1,"internal":"api-server-lease","encoding":"json","objects":2,"#
    ));
    let keys = ask("keys file.db /registry/masterleases/ --json").stdout;
    assert!(keys.contains(r#""internal":"api-server-lease""#), "{keys}");
    let get = ask("get file.db /registry/masterleases/10.0.0.1").stdout;
    assert!(get.contains("# the lease of an API server"), "{get}");
    assert_eq!(
        ask("verify file.db").stdout.matches("masterleases").count(),
        0
    );
}

/// The rows of a table.
fn table(rows: &[&str]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[test]
fn tables_are_to_the_byte_those_of_kubectl() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let at = |time: &str| format!(r#""creationTimestamp":"2026-01-0{time}T00:00:00Z""#);
    let schema = |name: &str, precedence: i64| {
        format!(
            r#"{{"kind":"FlowSchema","apiVersion":"flowcontrol.apiserver.k8s.io/v1","metadata":{{"name":"{name}",{}}},"spec":{{"matchingPrecedence":{precedence},"priorityLevelConfiguration":{{"name":"p"}}}}}}"#,
            at("1")
        )
    };
    let class = |name: &str, time: &str| {
        format!(
            r#"{{"kind":"StorageClass","apiVersion":"storage.k8s.io/v1","metadata":{{"name":"{name}",{},"annotations":{{"storageclass.kubernetes.io/is-default-class":"true"}}}},"provisioner":"x"}}"#,
            at(time)
        )
    };
    let event = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","namespace":"shop"},"involvedObject":{"kind":"Pod","name":"web"},"source":{},"type":"Normal","reason":"R","message":"a\\b é\u001b[31m\nsecond line"}"#;
    let binding = r#"{"kind":"RoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"b","namespace":"shop"},"roleRef":{"kind":"Role","name":"r"}}"#;
    let puts: [(&str, String); 7] = [
        ("flowschemas/a", schema("a", 900)),
        ("flowschemas/b", schema("b", 100)),
        ("storageclasses/new", class("new", "2")),
        ("storageclasses/old", class("old", "1")),
        ("storageclasses/same", class("same", "2")),
        ("events/shop/e", event.into()),
        ("rolebindings/shop/b", binding.into()),
    ];
    let puts: Vec<(Vec<u8>, Vec<u8>)> = puts
        .into_iter()
        .map(|(key, value)| (format!("/registry/{key}").into_bytes(), value.into_bytes()))
        .collect();
    let puts: Vec<(&[u8], &[u8])> = puts.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    snapshot(&dir.path().join("file.db"), &puts);
    let ask = |args: &str| etcdsnap(dir.path(), &format!("objects file.db {args}")).stdout;
    assert_eq!(
        ask("flowschemas"),
        table(&[
            "NAME   PRIORITYLEVEL   MATCHINGPRECEDENCE   DISTINGUISHERMETHOD   AGE   MISSINGPL",
            "b      p               100                  <none>                24h   ?",
            "a      p               900                  <none>                24h   ?",
        ])
    );
    let names = |args: &str| -> Vec<String> {
        let table = ask(args);
        let rows = table.lines().skip(1);
        rows.map(|row| row.split("   ").next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(names("sc"), ["new (default)", "old", "same"]);
    // A server marks none that is asked for alone.
    assert_eq!(names("sc old"), ["old"]);
    assert_eq!(names("sc old --kube-version 1.36"), ["old (default)"]);
    let all_of_them = ["new (default)", "old (default)", "same (default)"];
    assert_eq!(names("sc --kube-version 1.36"), all_of_them);
    // The first line of a cell, as it is but for what harms a terminal.
    assert_eq!(
        ask("events"),
        table(&[
            "NAMESPACE   LAST SEEN   TYPE     REASON   OBJECT    MESSAGE",
            "shop        <unknown>   Normal   R        pod/web   a\\b é^[[31m...",
        ])
    );
    // Where more kinds than one are asked for, each name tells its kind; an event has no name here.
    assert_eq!(
        ask("events,secrets -n shop --no-headers"),
        "<unknown>   Normal   R     pod/web   a\\b é^[[31m...\n"
    );
    assert_eq!(
        ask("rolebindings,secrets -n shop"),
        table(&[
            &format!("{:42}ROLE     AGE", "NAME"),
            "rolebinding.rbac.authorization.k8s.io/b   Role/r   <unknown>",
        ])
    );
    // Nor is there a line between kinds where there are no headers.
    assert_eq!(
        ask("events,sc -n shop --no-headers")
            .lines()
            .filter(|line| line.is_empty())
            .count(),
        0
    );
    // What is empty at the end is filled up, as a table of Go is.
    assert_eq!(
        ask("rolebindings -o wide -n shop"),
        table(&[
            "NAME   ROLE     AGE         USERS   GROUPS   SERVICEACCOUNTS",
            "b      Role/r   <unknown>                    ",
        ])
    );
    assert!(
        etcdsnap(dir.path(), "objects file.db sc --kube-version 1.20")
            .stderr
            .contains("from 1.34 to 1.37")
    );
}

#[test]
fn a_word_in_a_filter_is_a_fault_only_where_there_is_something_to_compare() {
    let dir = with_kinds();
    let ask = |path: &str| {
        let path = format!("jsonpath={{.items[?({path})].metadata.name}}");
        let args = ["objects", "file.db", "widgets", "-o", &path];
        crate::support::tool::run(dir.path(), args)
    };
    for path in ["@.spec.gone==null", "@.spec.gone!=nil"] {
        let outcome = ask(path);
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (Some(0), ""),
            "{path}"
        );
    }
    for path in ["@.spec.color==null", "nil==@.spec.gone"] {
        let outcome = ask(path);
        assert_eq!(outcome.status, Some(2), "{path}");
        assert!(
            outcome.stderr.contains("neither a value nor a field"),
            "{}",
            outcome.stderr
        );
    }
}
