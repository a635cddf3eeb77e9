//! Objects and keys that are asked for by name.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::clusters;
use crate::support::tool::{Outcome, run};
use crate::{Step, lines, object, snapshot};

fn diff(dir: &Path, args: &str) -> Outcome {
    run(dir, ["diff"].into_iter().chain(args.split_whitespace()))
}

fn names(outcome: &Outcome) -> Vec<String> {
    let changes = lines(outcome).into_iter();
    let changes = changes.filter(|line| line["type"] == "change");
    changes
        .map(|line| line["key"].as_str().expect("a key").to_owned())
        .collect()
}

fn config_map(namespace: &str, name: &str, data: &str) -> Option<Value> {
    object(
        "v1",
        "ConfigMap",
        namespace,
        name,
        json!({"data": {"x": data}}),
    )
}

/// One ConfigMap each of a kind of change, in two namespaces; a key of somebody else; a custom kind.
fn files() -> TempDir {
    let widget = |size: u32| {
        object(
            "example.com/v1",
            "Widget",
            "a",
            "w",
            json!({"spec": {"size": size}}),
        )
    };
    let definition = json!({"spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "shortNames": ["wd"]},
        "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let definition = object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "",
        "widgets.example.com",
        definition,
    );
    let node = |beat: &str| {
        let condition = json!({"type": "Ready", "status": "True", "lastHeartbeatTime": beat});
        object(
            "v1",
            "Node",
            "",
            "n",
            json!({"status": {"conditions": [condition]}}),
        )
    };
    let steps: Vec<Step> = vec![
        (
            "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
            definition,
        ),
        ("/registry/configmaps/a/one", config_map("a", "one", "1")),
        ("/registry/configmaps/b/one", config_map("b", "one", "1")),
        ("/registry/configmaps/a/same", config_map("a", "same", "1")),
        ("/registry/configmaps/a/gone", config_map("a", "gone", "1")),
        (
            "/registry/configmaps/a/early",
            config_map("a", "early", "1"),
        ),
        ("/registry/configmaps/a/early", None),
        ("/registry/example.com/widgets/a/w", widget(1)),
        ("/registry/minions/n", node("2026-01-01T00:00:00Z")),
        ("app/x", Some(json!({"a": 1}))),
        // The old state ends here, at revision 11.
        (
            "/registry/configmaps/a/one",
            config_map("a", "one", &"long ".repeat(40)),
        ),
        ("/registry/configmaps/b/one", config_map("b", "one", "2")),
        ("/registry/configmaps/a/gone", None),
        ("/registry/example.com/widgets/a/w", widget(2)),
        ("/registry/minions/n", node("2026-01-01T00:01:00Z")),
        ("app/x", Some(json!({"a": 2}))),
        (
            "/registry/configmaps/a/added",
            config_map("a", "added", "1"),
        ),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("old.db"), &steps[..10]);
    snapshot(&dir.path().join("new.db"), &steps);
    dir
}

#[test]
fn what_is_named_is_shown_and_nothing_else() {
    let dir = files();
    let (a, b) = ("/registry/configmaps/a/one", "/registry/configmaps/b/one");
    let widget = "/registry/example.com/widgets/a/w";
    for (words, expected) in [
        ("cm/one", &[a, b][..]),
        ("cm one -n a", &[a]),
        ("configmap/one -n a,b", &[a, b]),
        ("configmaps.v1./one -n a", &[a]),
        ("cm/one wd/w -n a", &[a, widget]),
        ("widgets.example.com w", &[widget]),
        ("app/x", &["app/x"]),
        ("/registry/configmaps/b/one", &[b]),
        ("/registry/configmaps/b/one cm/one -n a", &[a, b]),
        ("no/n -n a", &["/registry/minions/n"]),
        (
            "cm added gone -n a",
            &[
                "/registry/configmaps/a/added",
                "/registry/configmaps/a/gone",
            ],
        ),
    ] {
        for files in ["old.db new.db", "new.db --from 11"] {
            let outcome = diff(dir.path(), &format!("{files} --json {words}"));
            assert_eq!(names(&outcome), expected, "{files} {words}");
            assert_eq!((outcome.status, &*outcome.stderr), (Some(1), ""), "{words}");
        }
    }
    // One file, without flags: the word is no file, and can only be an object.
    let outcome = diff(dir.path(), "new.db cm/one -n b --json");
    assert_eq!(
        (outcome.status, names(&outcome)),
        (Some(1), vec![b.to_owned()])
    );
}

#[test]
fn everything_of_what_is_named_is_told_in_full_and_noise_is_marked() {
    let dir = files();
    let text = |args: &str| diff(dir.path(), &format!("old.db new.db {args}")).stdout;
    let long = "long ".repeat(40);
    assert!(text("cm/one -n a").contains(&long));
    assert!(!text("-n a --kind wd").contains('…'));
    let gone = text("cm/gone -n a");
    assert!(gone.contains("      data.x: - 1\n"), "{gone}");
    assert!(
        gone.contains("      metadata.uid: - uid-ConfigMap-gone\n"),
        "{gone}"
    );
    let line: Value = lines(&diff(dir.path(), "old.db new.db cm/gone -n a --json")).remove(0);
    let fields = line["fields"].as_array().expect("fields");
    assert!(
        fields.contains(&json!({"path": "data.x", "old": "1"})),
        "{line}"
    );
    assert!(!line.to_string().contains("managedFields"), "{line}");
    let line: Value = lines(&diff(dir.path(), "old.db new.db -n a --json")).remove(0);
    assert_eq!(line.get("fields"), None, "{line}");
    let added = text("cm/added -n a --max-objects 0");
    assert!(added.contains("      data.x: + 1\n"), "{added}");
    let node = text("node/n");
    assert!(
        node.contains("Node n  [10 → 16]  (noise: heartbeat)\n"),
        "{node}"
    );
    assert!(
        node.contains("lastHeartbeatTime: 2026-01-01T00:00:00Z → 2026-01-01T00:01:00Z"),
        "{node}"
    );
    assert!(!node.contains("folded"), "{node}");
    assert!(text("").contains("folded: 1 heartbeat"));
    let markdown = text("node/n -o markdown");
    assert!(
        markdown.contains("`Node n` (noise: heartbeat)\n"),
        "{markdown}"
    );
    assert_eq!(
        text("node/n --names-only"),
        "changed   /registry/minions/n\n"
    );
}

#[test]
fn what_is_named_and_in_neither_state_is_an_error_with_its_reason() {
    let dir = files();
    for (words, told) in [
        ("cm/nope", "cm/nope: in neither file"),
        ("cm/early -n a", "was deleted at revision 8"),
        ("cm/one -n c", "cm/one is in namespaces a, b, not in c"),
        ("podz/x", "\"podz\" is not a known kind"),
        ("/registry/nothing", "/registry/nothing: in neither file"),
        ("cm/one -n a,nowhere", "there is no namespace nowhere"),
    ] {
        let outcome = diff(dir.path(), &format!("old.db new.db {words}"));
        assert_eq!(outcome.status, Some(1), "{words}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{words}: {}", outcome.stderr);
    }
    let outcome = diff(dir.path(), "old.db new.db cm same one -n a");
    assert_eq!(
        (outcome.status, &*outcome.stderr),
        (Some(1), "cm/same does not differ\n")
    );
    let outcome = diff(dir.path(), "old.db new.db cm/same");
    assert_eq!(
        (outcome.status, &*outcome.stderr),
        (Some(0), "cm/same does not differ\n")
    );
    // There is a key that only looks like a kind and a name.
    let outcome = diff(dir.path(), "new.db new.db app/x");
    assert_eq!(
        (outcome.status, &*outcome.stderr),
        (Some(0), "app/x does not differ\n")
    );
}

#[test]
fn a_kind_without_a_name_and_revisions_of_two_files_are_refused() {
    let dir = files();
    let outcome = diff(dir.path(), "old.db new.db cm");
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""));
    assert!(outcome.stderr.contains("cm/NAME"), "{}", outcome.stderr);
    std::fs::create_dir(dir.path().join("jobs")).expect("a folder");
    let outcome = diff(dir.path(), "old.db jobs/new.db");
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("jobs/new.db: no such file"),
        "{}",
        outcome.stderr
    );
    let outcome = diff(dir.path(), "old.db new.db --from 3");
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""));
    assert!(
        outcome.stderr.contains("--from and --to"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_other_forms_are_of_what_is_named_as_well() {
    let dir = files();
    let log = diff(dir.path(), "old.db new.db cm/one -n b --log --json");
    let events: Vec<Value> = lines(&log);
    let text = log.stdout.clone();
    assert!(text.contains("/registry/configmaps/b/one"), "{events:?}");
    assert!(!text.contains("/registry/configmaps/a/"), "{text}");
    let stat = diff(dir.path(), "old.db new.db cm/one --stat").stdout;
    assert!(
        stat.contains("ConfigMap   .       .         2         .\n"),
        "{stat}"
    );
    let dir = tempfile::tempdir().expect("a directory");
    clusters::unpack(dir.path());
    let cluster = clusters::CLUSTERS[0];
    let files = format!("{cluster}-before.db {cluster}-after.db");
    let outcome = diff(
        dir.path(),
        &format!("{files} deploy/web -n shop -o manifests --to-old --out undo"),
    );
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    for file in std::fs::read_dir(dir.path().join("undo/steps")).expect("a folder") {
        let name = file.expect("a file").file_name();
        let name = name.to_string_lossy().into_owned();
        assert!(name.starts_with("001-patch-deployment-web."), "{name}");
    }
}

#[test]
fn secrets_that_are_named_stay_hidden() {
    let secret = |word: &str| {
        object(
            "v1",
            "Secret",
            "a",
            "s",
            json!({"data": {"password": word}}),
        )
    };
    let key = "/registry/secrets/a/s";
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("none.db"), &[("x", Some(json!(1)))]);
    snapshot(
        &dir.path().join("old.db"),
        &[("x", Some(json!(1))), (key, secret("aHVudGVyMg=="))],
    );
    let both = [
        ("x", Some(json!(1))),
        (key, secret("aHVudGVyMg==")),
        (key, secret("c2VzYW1l")),
    ];
    snapshot(&dir.path().join("new.db"), &both);
    for files in ["none.db new.db", "new.db none.db", "old.db new.db"] {
        for form in ["", "--json", "-o markdown"] {
            let outcome = diff(dir.path(), &format!("{files} secret/s {form}"));
            assert_eq!(
                outcome.status,
                Some(1),
                "{files} {form}: {}",
                outcome.stderr
            );
            let all = outcome.stdout + &outcome.stderr;
            assert!(
                !all.contains("aHVudGVyMg") && !all.contains("c2VzYW1l"),
                "{all}"
            );
            assert!(all.contains("Secret"), "{all}");
        }
    }
}
