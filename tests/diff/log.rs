//! `diff --log`: every change in between, of the objects that are wanted.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::clusters::{self, CLUSTERS};
use crate::support::tool::{self, Outcome, run};
use crate::{Step, cluster, lines, object, snapshot};

/// Operation and key of each change, in order.
fn told(outcome: &Outcome) -> Vec<String> {
    let events = lines(outcome);
    let events = events.iter().filter(|line| line["type"] != "summary");
    events
        .map(|line| {
            let part = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", part("action"), part("key"))
        })
        .collect()
}

fn log(dir: &Path, args: &[&str]) -> Outcome {
    let all = ["diff", "old.db", "new.db", "--log", "--json"];
    run(dir, all.iter().chain(args))
}

#[test]
fn the_log_is_of_the_objects_that_are_wanted() {
    let dir = cluster();
    let all = log(dir.path(), &[]);
    assert_eq!((all.status, &*all.stderr), (Some(1), ""));
    assert_eq!(told(&all).len(), 11);
    for (args, expected) in [
        // What is gone is known by what it was.
        (
            &["-n", "legacy"][..],
            &["delete /registry/configmaps/legacy/a"][..],
        ),
        (
            &["--kind", "wd"],
            &["update /registry/example.com/widgets/shop/w"],
        ),
        (&["--kind", "ns"], &["delete /registry/namespaces/legacy"]),
        (
            &["-l", "app in (web,a)"],
            &[
                "update /registry/deployments/shop/web",
                "delete /registry/configmaps/legacy/a",
            ],
        ),
        (
            &["--glob", "/registry/*/shop/web*"],
            &[
                "update /registry/deployments/shop/web",
                "create /registry/replicasets/shop/web-2",
                "create /registry/pods/shop/web-2-x",
            ],
        ),
        (
            &["--prefix", "/registry/pods/", "-n", "shop"],
            &["create /registry/pods/shop/web-2-x"],
        ),
        (&["-n", "nowhere"], &[]),
    ] {
        let outcome = log(dir.path(), args);
        assert_eq!(told(&outcome), expected, "{args:?}");
        // What is in neither file is not an answer either.
        assert_eq!(outcome.status, Some(1), "{args:?}");
    }
    let text = run(
        dir.path(),
        ["diff", "old.db", "new.db", "--log", "--kind", "wd"],
    )
    .stdout;
    assert!(
        text.contains("revision 16") && text.lines().count() == 2,
        "{text}"
    );
    let unknown = log(dir.path(), &["--kind", "nonsense"]);
    assert_eq!(unknown.status, Some(1));
    assert_eq!(told(&unknown), [""; 0]);
}

#[test]
fn what_came_and_went_in_between_is_known_by_what_it_was_then() {
    let dir = tempfile::tempdir().expect("a directory");
    let pod = |label: &str| {
        let mut pod = object("v1", "Pod", "shop", "p", json!({})).expect("an object");
        pod["metadata"]["labels"] = json!({"app": label});
        Some(pod)
    };
    let mark: Step = ("mark", Some(json!({})));
    let between: Vec<Step> = vec![
        ("/registry/pods/shop/p", pod("one")),
        ("/registry/pods/shop/p", pod("two")),
        ("/registry/pods/shop/p", None),
        ("mark", Some(json!({"v": 1}))),
    ];
    snapshot(&dir.path().join("old.db"), std::slice::from_ref(&mark));
    snapshot(&dir.path().join("new.db"), &[vec![mark], between].concat());
    // A key is wanted as a whole, once it was wanted at any time.
    for args in [
        &["--kind", "po"][..],
        &["-l", "app=one"],
        &["-l", "app=two"],
    ] {
        let found = told(&log(dir.path(), args));
        assert_eq!(
            found,
            [
                "create /registry/pods/shop/p",
                "update /registry/pods/shop/p",
                "delete /registry/pods/shop/p"
            ],
            "{args:?}"
        );
    }
    assert!(told(&log(dir.path(), &["-l", "app=three"])).is_empty());
    // Two revisions of one file are asked in the same way.
    let args = [
        "diff", "new.db", "--from", "2", "--log", "--json", "--kind", "po",
    ];
    assert_eq!(told(&run(dir.path(), args)).len(), 3);
    // At the same revision there is nothing, and a summary all the same.
    let args = ["diff", "new.db", "new.db", "--log", "--json"];
    let same = run(dir.path(), args);
    assert_eq!(
        (same.status, lines(&same).len()),
        (Some(0), 1),
        "{}",
        same.stdout
    );
    assert_eq!(lines(&same)[0]["events"], 0);
}

#[test]
fn a_log_has_no_other_form_and_needs_the_whole_history() {
    let dir = cluster();
    for args in [
        &["--stat"][..],
        &["--names-only"],
        &["--ignore", "spec"],
        &["-o", "markdown"],
    ] {
        let all = ["diff", "old.db", "new.db", "--log"];
        let outcome = run(dir.path(), all.iter().chain(args));
        assert_eq!(
            (outcome.status, &*outcome.stdout),
            (Some(2), ""),
            "{args:?}"
        );
        assert!(outcome.stderr.contains("--log"), "{}", outcome.stderr);
    }
    let outcome = run(dir.path(), ["diff", "new.db", "old.db", "--log"]);
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""));
    assert!(
        outcome.stderr.contains("is older than the old one"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_log_of_a_kind_is_the_log_of_its_keys() {
    for cluster in CLUSTERS {
        let dir = tempfile::tempdir().expect("a directory");
        clusters::unpack(dir.path());
        let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
        let ask = |more: &[&str]| {
            let args = ["diff", &files[0], &files[1], "--log", "--json"];
            let outcome = tool::run(dir.path(), args.iter().chain(more));
            assert_eq!(outcome.status, Some(1), "{more:?}: {}", outcome.stderr);
            lines(&outcome)
        };
        let keys_of = |all: &[Value], part: &str| -> Vec<Value> {
            let is_of = |line: &&Value| line["key"].as_str().is_some_and(|key| key.contains(part));
            all.iter().filter(is_of).cloned().collect()
        };
        let all = ask(&[]);
        // Secrets are encrypted; who they are is told by their keys.
        for (kind, part) in [
            ("deploy", "/deployments/"),
            ("pods", "/pods/"),
            ("secrets", "/secrets/"),
            ("widgets", "/example.com/widgets/"),
            ("events", "/events/"),
        ] {
            let expected = keys_of(&all, part);
            assert!(!expected.is_empty(), "{cluster}: {kind}");
            let mut found = ask(&["--kind", kind]);
            let end = found.pop().expect("a summary");
            assert_eq!(end["events"], expected.len(), "{cluster}: {kind}");
            assert_eq!(found, expected, "{cluster}: {kind}");
        }
        let expected = keys_of(&all, "/payments/");
        let mut found = ask(&["-n", "payments"]);
        found.pop();
        assert_eq!(found, expected, "{cluster}");
    }
}

#[test]
fn encrypted_objects_that_a_selector_would_have_to_look_into_are_never_left_out() {
    for cluster in CLUSTERS {
        let dir = tempfile::tempdir().expect("a directory");
        clusters::unpack(dir.path());
        let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
        let keys = |more: &[&str]| -> Vec<String> {
            let args = ["diff", &files[0], &files[1], "--json"];
            let outcome = tool::run(dir.path(), args.iter().chain(more));
            let lines = lines(&outcome);
            let keys = lines.iter().filter_map(|line| line["key"].as_str());
            keys.filter(|key| key.contains("/secrets/"))
                .map(str::to_owned)
                .collect()
        };
        let all = keys(&[]);
        assert!(
            !all.is_empty(),
            "{cluster}: Secrets changed, and are encrypted"
        );
        assert_eq!(keys(&["-l", "nobody=has-it"]), all, "{cluster}");
    }
}
