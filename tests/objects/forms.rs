//! Lists in the forms of kubectl: columns of one's own, sorting, labels, the order of objects.

use std::fs;

use crate::damaged::snapshot;
use crate::support::tool::{self, Outcome};
use tempfile::TempDir;

/// An object beneath `/registry`, as JSON.
fn put(path: &str, kind: &str, metadata: &str, rest: &str) -> (Vec<u8>, Vec<u8>) {
    let (group, kind) = kind.split_once(' ').expect("group and kind");
    let value =
        format!(r#"{{"kind":"{kind}","apiVersion":"{group}","metadata":{{{metadata}}}{rest}}}"#);
    (format!("/registry/{path}").into_bytes(), value.into_bytes())
}

fn file() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let map = |namespace: &str, name: &str, labels: &str, data: &str| {
        let metadata =
            format!(r#""namespace":"{namespace}","name":"{name}","labels":{{{labels}}}"#);
        let rest = format!(r#","data":{{{data}}}"#);
        put(
            &format!("configmaps/{namespace}/{name}"),
            "v1 ConfigMap",
            &metadata,
            &rest,
        )
    };
    let secret = |name: &str, data: &str| {
        let metadata = format!(r#""namespace":"shop","name":"{name}""#);
        let rest = format!(r#","data":{{"a":"{data}"}}"#);
        put(
            &format!("secrets/shop/{name}"),
            "v1 Secret",
            &metadata,
            &rest,
        )
    };
    let service = put(
        "services/specs/shop/one",
        "v1 Service",
        r#""namespace":"shop","name":"one""#,
        r#","spec":{"type":"ExternalName","externalName":"x","ports":[{"port":80},{"port":443}]}"#,
    );
    let namespace = |name: &str| {
        let metadata = format!(r#""name":"{name}""#);
        put(&format!("namespaces/{name}"), "v1 Namespace", &metadata, "")
    };
    let puts = [
        namespace("shop"),
        namespace("shop-eu"),
        namespace("other"),
        map(
            "shop",
            "one",
            r#""app":"web","x.io/tier":"front""#,
            r#""size":"9Mi","text":"a\tb\nc""#,
        ),
        map("shop", "three", "", r#""size":"1Gi""#),
        map("shop", "two", r#""app":"db""#, ""),
        map("shop-eu", "four", "", r#""size":"2Ki""#),
        secret("s1", "enp6eg=="),
        secret("s2", "YWFhYQ=="),
        service,
    ];
    let mut puts = puts.to_vec();
    puts.push((b"/app/text".to_vec(), b"no object".to_vec()));
    let puts: Vec<(&[u8], &[u8])> = puts.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    snapshot(&dir.path().join("file.db"), &puts);
    dir
}

fn ask(dir: &TempDir, args: &str) -> Outcome {
    tool::run(dir.path(), args.split(' '))
}

fn lines(dir: &TempDir, args: &str) -> Vec<String> {
    let outcome = ask(dir, args);
    assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
    outcome
        .stdout
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn objects_come_in_the_order_of_their_keys_and_kinds_and_names_as_they_are_asked_for() {
    let dir = file();
    // As bytes, a dash comes before a slash.
    assert_eq!(
        lines(&dir, "objects file.db cm -o name"),
        [
            "configmap/four",
            "configmap/one",
            "configmap/three",
            "configmap/two"
        ]
    );
    assert_eq!(
        lines(&dir, "objects file.db svc,cm -n shop -o name"),
        [
            "service/one",
            "configmap/one",
            "configmap/three",
            "configmap/two"
        ]
    );
    for args in ["cm/two svc/one cm/one", "cm/two svc/one cm/one -n shop"] {
        assert_eq!(
            lines(&dir, &format!("objects file.db {args} -o name")),
            ["configmap/two", "service/one", "configmap/one"]
        );
    }
    // One of the four is not there.
    let some = ask(&dir, "objects file.db svc,cm two one -o name");
    assert_eq!(
        (some.status, some.stdout.as_str()),
        (Some(1), "service/one\nconfigmap/two\nconfigmap/one\n")
    );
}

#[test]
fn several_namespaces_can_be_chosen_and_all_of_them_whatever_else_is_chosen() {
    let dir = file();
    assert_eq!(
        lines(
            &dir,
            "objects file.db cm -n shop-eu,shop --no-headers -L app"
        ),
        [
            "shop-eu   four    1     <unknown>",
            "shop      one     2     <unknown>   web",
            "shop      three   1     <unknown>",
            "shop      two     0     <unknown>   db",
        ]
    );
    assert_eq!(
        lines(&dir, "objects file.db cm -n shop -A -o name").len(),
        4
    );
}

#[test]
fn an_export_of_several_namespaces_brings_each_of_them() {
    let dir = file();
    let args = "export file.db -n shop-eu,shop --out - --partial";
    let manifests = ask(&dir, args).stdout;
    let objects: Vec<(&str, &str)> = manifests
        .split("---\n")
        .map(|manifest| {
            let after = |word: &str| {
                let rest = manifest.split_once(word).map_or("", |(_, rest)| rest);
                rest.lines().next().unwrap_or_default()
            };
            (after("\nkind: "), after("\n  name: "))
        })
        .collect();
    assert_eq!(
        objects[..2],
        [("Namespace", "shop"), ("Namespace", "shop-eu")],
        "{manifests}"
    );
    assert!(objects.contains(&("ConfigMap", "four")) && objects.contains(&("ConfigMap", "two")));
    assert!(!objects.contains(&("Namespace", "other")));
}

#[test]
fn labels_and_kinds_are_columns_and_parts_of_names() {
    let dir = file();
    assert_eq!(
        lines(
            &dir,
            "objects file.db cm one two -n shop -L app,x.io/tier --show-labels --show-kind"
        ),
        [
            "NAME            DATA   AGE         APP   TIER    LABELS",
            "configmap/one   2      <unknown>   web   front   app=web,x.io/tier=front",
            "configmap/two   0      <unknown>   db            app=db",
        ]
    );
    assert_eq!(
        lines(
            &dir,
            "objects file.db cm three -n shop --show-labels --no-headers"
        ),
        ["three   1     <unknown>   <none>"]
    );
}

#[test]
fn columns_of_ones_own_show_values_as_go_prints_them() {
    let dir = file();
    let outcome = ask(
        &dir,
        "objects file.db svc,cm -n shop -o custom-columns=NAME:.metadata.name,PORTS:{.spec.ports[*].port},D:data",
    );
    assert_eq!(
        outcome.stdout,
        "NAME   PORTS    D\n\
         one    80,443   <none>\n\
         one    <none>   map[size:9Mi text:a   b\n\
         c]\n\
         three   <none>   map[size:1Gi]\n\
         two     <none>   map[]\n"
    );
    // Secrets are hidden in them.
    let shown = ask(&dir, "objects file.db secrets -o custom-columns=A:.data.a").stdout;
    assert!(
        shown.contains("<redacted 4 bytes") && !shown.contains("enp6eg"),
        "{shown}"
    );

    fs::write(
        dir.path().join("columns"),
        "NAME  SIZE\n.metadata.name  data.size\n",
    )
    .expect("a file");
    for more in ["", " --no-headers"] {
        assert_eq!(
            lines(
                &dir,
                &format!("objects file.db cm -n shop-eu -o custom-columns-file=columns{more}")
            ),
            ["NAME   SIZE", "four   2Ki"],
            "as with kubectl, --no-headers does not count with a file"
        );
    }
    fs::write(dir.path().join("template"), "{.items[*].metadata.name}").expect("a file");
    assert_eq!(
        lines(&dir, "objects file.db cm -n shop -o jsonpath-file=template"),
        ["one three two"]
    );
    // A list of nothing has its heads all the same.
    let none = ask(&dir, "objects file.db pods -o custom-columns=A:.b");
    assert_eq!((none.status, none.stdout.as_str()), (Some(1), "A\n"));
}

#[test]
fn lists_are_sorted_by_a_field_and_tables_kind_by_kind() {
    let dir = file();
    let sorted = |args: &str| lines(&dir, &format!("objects file.db {args} -o name"));
    assert_eq!(
        sorted("cm --sort-by=.data.size"),
        [
            "configmap/two",
            "configmap/four",
            "configmap/one",
            "configmap/three"
        ]
    );
    assert_eq!(
        sorted("svc,cm -n shop --sort-by={.metadata.name}"),
        [
            "service/one",
            "configmap/one",
            "configmap/three",
            "configmap/two"
        ]
    );
    let table = lines(
        &dir,
        "objects file.db svc,cm -n shop --no-headers --sort-by=.data.size",
    );
    let names: Vec<&str> = table
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        names,
        [
            "service/one",
            "configmap/two",
            "configmap/one",
            "configmap/three"
        ]
    );
    // The order does not tell which secret is greater.
    let by_mark = |key: &str| sorted(&format!("secrets --sort-by=.data.a --redact-key {key}"));
    let orders: std::collections::BTreeSet<Vec<String>> = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .map(by_mark)
        .into_iter()
        .collect();
    assert_eq!(orders.len(), 2, "the marks decide");
    let real = sorted("secrets --sort-by=.data.a --show-secrets");
    assert_eq!(real, ["secret/s2", "secret/s1"]);
}

#[test]
fn what_cannot_be_sorted_by_or_printed_is_refused_in_the_words_of_kubectl() {
    let dir = file();
    for (args, words) in [
        (
            "cm --sort-by=.spec.nope",
            "couldn't find any field with path \"{.spec.nope}\"",
        ),
        (
            "cm --sort-by=.data",
            "Field {.data} is an unsortable type: object",
        ),
        ("cm --sort-by={.data", "unexpected path string"),
        (
            "cm -o yaml --show-labels",
            "--show-labels option cannot be used with yaml printer",
        ),
        (
            "cm -o custom-columns=A:.b -L a",
            "--label-columns option cannot be used with custom-columns printer",
        ),
        ("cm -o custom-columns=", "no custom columns given"),
        (
            "cm -o custom-columns=NAME",
            "unexpected custom-columns spec: NAME",
        ),
        ("cm -o custom-columns-file=nothing", "open nothing: "),
        (
            "cm -o foo",
            "unable to match a printer suitable for the output format \"foo\"",
        ),
        (
            "cm -o go-template={{.a}}",
            "use -o jsonpath=TEMPLATE, or -o json and jq",
        ),
        (
            "cm -o jsonpath",
            "template format specified but no template given",
        ),
    ] {
        let outcome = ask(&dir, &format!("objects file.db {args}"));
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (Some(2), ""),
            "{args}"
        );
        assert!(outcome.stderr.contains(words), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn an_empty_table_is_told_in_the_words_of_kubectl() {
    let dir = file();
    for (args, words) in [
        ("pods", "No resources found\nError: there are no pods\n"),
        (
            "pods -n shop",
            "No resources found in shop namespace.\nError: there are no pods in namespace shop\n",
        ),
    ] {
        let outcome = ask(&dir, &format!("objects file.db {args}"));
        assert_eq!(
            (
                outcome.status,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), "", words)
        );
    }
}

#[test]
fn get_takes_the_forms_of_objects_and_the_words_of_kubectl() {
    let dir = file();
    assert_eq!(
        lines(&dir, "get file.db cm two one -n shop -o name"),
        ["configmap/two", "configmap/one"]
    );
    assert_eq!(
        lines(
            &dir,
            "get file.db /registry/configmaps/shop/two -o custom-columns=N:.metadata.name"
        ),
        ["N", "two"]
    );
    assert_eq!(
        lines(&dir, "get file.db /registry/configmaps/ --prefix -o name").len(),
        4
    );
    assert_eq!(
        lines(
            &dir,
            "get file.db cm -n shop -l app --sort-by=.metadata.labels.app --no-headers -L app"
        ),
        ["two   0     <unknown>   db", "one   2     <unknown>   web"]
    );
    // One by name is the object itself, as always.
    let spaced = ask(&dir, "get file.db cm two -n shop").stdout;
    assert_eq!(spaced, ask(&dir, "get file.db cm/two -n shop").stdout);
    assert!(spaced.starts_with("apiVersion: v1\n"));
    let partly = ask(&dir, "get file.db cm two nope -n shop -o name");
    assert_eq!(
        (partly.status, partly.stdout.as_str()),
        (Some(1), "configmap/two\n")
    );
    assert!(
        partly
            .stderr
            .contains("cm/nope in namespace shop: never seen"),
        "{}",
        partly.stderr
    );
    assert_eq!(ask(&dir, "get file.db cm -o raw").status, Some(2));
    assert_eq!(
        lines(&dir, "get file.db cm -n shop,shop-eu -o name").len(),
        4
    );
    let several = ask(&dir, "get file.db cm two -n shop,shop-eu");
    assert_eq!(
        several,
        ask(&dir, "objects file.db cm two -n shop,shop-eu -o yaml")
    );
    assert_eq!(several.status, Some(0), "{}", several.stderr);
    assert_eq!(
        lines(&dir, "get file.db cm two -A -o name"),
        lines(&dir, "objects file.db cm two -o name")
    );
    let key = ask(&dir, "get file.db /x -n shop,shop-eu");
    assert_eq!(key.status, Some(2), "{}", key.stdout);
    // What is not an object is not left out silently.
    let prefix = ask(&dir, "get file.db / --prefix -o name");
    assert_eq!((prefix.status, prefix.stdout.as_str()), (Some(2), ""));
    assert!(
        prefix.stderr.contains("1 of 11 values are not objects"),
        "{}",
        prefix.stderr
    );
    // So do commands that take one name.
    for (spaced, joined) in [
        (
            "history file.db cm two -n shop",
            "history file.db cm/two -n shop",
        ),
        (
            "contains file.db cm two -n shop",
            "contains file.db cm/two -n shop",
        ),
    ] {
        let outcome = ask(&dir, spaced);
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, ask(&dir, joined).stdout);
    }
}

/// What kubectl 1.37.2 prints of the same object.
#[test]
fn each_part_of_a_template_is_a_list_in_json() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let rest =
        r#","spec":{"l":[],"float":1.5,"mixed":[1,"a",{"x":1},[2]],"maps":[{"a":1},{"b":2}]}"#;
    let widget = put(
        "example.com/widgets/w",
        "example.com/v1 Widget",
        r#""name":"w""#,
        rest,
    );
    snapshot(&dir.path().join("a.db"), &[(&widget.0, &widget.1)]);
    let one_number = |text: &str| format!("[\n    {text}\n]\n");
    for (template, expected) in [
        ("{.spec.l}", one_number("[]")),
        (
            "{.spec.mixed[*]}",
            "[\n    1,\n    \"a\",\n    {\n        \"x\": 1\n    },\n    [\n        2\n    ]\n]\n"
                .into(),
        ),
        (
            r#"{range .spec.maps[*]}{.a}{"\n"}{end}"#,
            [
                &one_number("1"),
                &*one_number(r#""\n""#),
                "[]\n",
                &one_number(r#""\n""#),
            ]
            .concat(),
        ),
        (
            "x{.spec.float}<{.spec.nothing}>",
            [
                &one_number(r#""x""#),
                &*one_number("1.5"),
                &one_number(r#""\u003c""#),
                "[]\n",
                &one_number(r#""\u003e""#),
            ]
            .concat(),
        ),
    ] {
        let form = format!("jsonpath-as-json={template}");
        let arguments = ["objects", "a.db", "widgets.example.com/w", "-o", &form];
        let outcome = tool::run(dir.path(), arguments);
        assert_eq!(outcome.stdout, expected, "{template}: {}", outcome.stderr);
    }
    let outcome = tool::run(dir.path(), ["objects", "a.db", "-o", "kyaml"]);
    let head = "---\n{\n  apiVersion: \"v1\",\n  items: [{\n    apiVersion: \"example.com/v1\",\n";
    assert!(outcome.stdout.starts_with(head), "{}", outcome.stdout);
}

#[test]
fn switches_take_the_values_that_kubectl_s_take_and_get_takes_the_selectors_of_objects() {
    let dir = file();
    let run = |args: &str| tool::run(dir.path(), args.split(' '));
    for (with, without) in [
        (
            "objects file.db cm --no-headers=true",
            "objects file.db cm --no-headers",
        ),
        (
            "objects file.db cm --no-headers=false",
            "objects file.db cm",
        ),
        (
            "get file.db cm --show-labels=T",
            "get file.db cm --show-labels",
        ),
        (
            "get file.db cm --show-kind=0 --show-labels=false",
            "get file.db cm",
        ),
        ("get file.db cm -l app=web", "objects file.db cm -l app=web"),
        (
            "get file.db cm --field-selector metadata.name=one",
            "objects file.db cm --field-selector metadata.name=one",
        ),
        ("get file.db cm,podz", "objects file.db cm,podz"),
    ] {
        let (one, other) = (run(with), run(without));
        assert_eq!(one.stdout, other.stdout, "{with}: {}", one.stderr);
        assert_eq!(
            (one.status, one.stderr),
            (other.status, other.stderr),
            "{with}"
        );
        assert_ne!(one.stdout, "", "{with}");
    }
    assert_eq!(run("get file.db cm --no-headers=maybe").status, Some(2));
    assert_eq!(run("get file.db cm --timeout 3s").status, Some(2));
    let bad = run("get file.db cm --field-selector a");
    assert_eq!(bad.status, Some(2), "{bad:?}");
}
