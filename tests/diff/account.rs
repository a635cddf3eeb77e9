//! When a change happened and who made it.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::clusters;
use crate::support::tool::{Outcome, run};
use crate::{Step, compacted_snapshot, lines, object, snapshot};

const GONE: &str = "/registry/configmaps/ns/gone";
const KEPT: &str = "/registry/configmaps/ns/kept";
const CLOCK: &str = "/registry/configmaps/ns/clock";

/// A ConfigMap that was created at a second of one minute.
fn config_map(name: &str, second: u32, rest: Value) -> Option<Value> {
    let mut value = object("v1", "ConfigMap", "ns", name, rest)?;
    value["metadata"]["creationTimestamp"] = format!("2026-01-01T00:00:{second:02}Z").into();
    Some(value)
}

fn history() -> Vec<Step> {
    let mut ending = config_map("gone", 1, json!({})).expect("an object");
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:21Z".into();
    ending["metadata"]["finalizers"] = json!(["example.com/hold"]);
    vec![
        (GONE, config_map("gone", 1, json!({}))),
        (KEPT, config_map("kept", 2, json!({}))),
        // The old state ends here, at revision 3.
        (GONE, Some(ending)),
        (CLOCK, config_map("clock", 30, json!({}))),
        (GONE, None),
        (CLOCK, config_map("clock", 40, json!({"data": {"x": "1"}}))),
    ]
}

fn files(compaction: u64) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("old.db"), &history()[..2]);
    compacted_snapshot(&dir.path().join("new.db"), &history(), compaction);
    dir
}

fn diff(dir: &Path, args: &str) -> Outcome {
    run(dir, ["diff"].into_iter().chain(args.split_whitespace()))
}

fn change(outcome: &Outcome, key: &str) -> Value {
    let all = lines(outcome);
    let found = all.into_iter().find(|line| line["key"] == key);
    found.unwrap_or_else(|| panic!("{key}: {}", outcome.stdout))
}

#[test]
fn a_deletion_is_told_with_its_revision_and_time_and_what_the_last_value_says() {
    let dir = files(0);
    for args in ["old.db new.db", "new.db --from 3"] {
        let line = change(&diff(dir.path(), &format!("{args} --json")), GONE);
        assert_eq!(line["deleted_at"], 6, "{args}: {line}");
        assert_eq!(line["revision"], 6, "{args}: {line}");
        assert_eq!(line["not_before"], "2026-01-01T00:00:30Z", "{args}: {line}");
        assert_eq!(line["deletion_timestamp"], "2026-01-01T00:00:21Z");
        assert_eq!(line["finalizers"], json!(["example.com/hold"]));
        assert_eq!(line.get("managers"), None, "nobody is on record: {line}");
        let text = diff(dir.path(), args).stdout;
        let told = "      deleted at revision 6, not before 2026-01-01T00:00:30Z\n      its last value has \
                    deletionTimestamp 2026-01-01T00:00:21Z; finalizers example.com/hold\n";
        assert!(text.contains(told), "{text}");
        let markdown = diff(dir.path(), &format!("{args} -o markdown")).stdout;
        let told = "  - `deleted at revision 6, not before 2026-01-01T00:00:30Z`\n";
        assert!(markdown.contains(told), "{markdown}");
    }
}

#[test]
fn of_a_compacted_deletion_the_bounds_are_told_and_no_revision() {
    let dir = files(7);
    let line = change(&diff(dir.path(), "old.db new.db --json"), GONE);
    assert_eq!(line["deleted_after"], 3, "{line}");
    assert_eq!(line["deleted_at_or_before"], 7, "{line}");
    assert_eq!((line.get("deleted_at"), line.get("revision")), (None, None));
    assert_eq!(line["not_before"], "2026-01-01T00:00:02Z", "{line}");
    let text = diff(dir.path(), "old.db new.db").stdout;
    let told = "      deleted at or before revision 7, compacted; after revision 3, not before 2026-01-01T00:00:02Z\n";
    assert!(text.contains(told), "{text}");
}

#[test]
fn what_the_older_file_does_not_have_yet_was_not_deleted() {
    let dir = files(0);
    let text = diff(dir.path(), "new.db old.db").stdout;
    let told = "      not deleted: it was created at revision 5, after the new state\n";
    assert!(text.contains(told), "{text}");
    assert!(!text.contains("deleted at"), "{text}");
    let line = change(&diff(dir.path(), "new.db old.db --json"), CLOCK);
    assert_eq!(line.get("deleted_at"), None, "{line}");
}

#[test]
fn in_a_damaged_file_nobody_can_tell_when_something_went() {
    let dir = files(0);
    // Without the deletion, and with a page that cannot be read.
    let mut steps = history();
    steps.retain(|(key, value)| *key != GONE || value.is_some());
    steps.extend((0..200).map(|number| {
        let name: &'static str = format!("/registry/configmaps/ns/x{number}").leak();
        (name, config_map("x", 3, json!({})))
    }));
    let path = dir.path().join("damaged.db");
    snapshot(&path, &steps);
    let mut bytes = std::fs::read(&path).expect("a file");
    let leaf = (2..bytes.len() / 4096)
        .find(|page| {
            let page = &bytes[page * 4096..][..4096];
            page[8] == 2 && page.windows(GONE.len()).any(|part| part == GONE.as_bytes())
        })
        .expect("a leaf with the key");
    bytes[leaf * 4096 + 8] = 0xff;
    std::fs::write(&path, bytes).expect("a file");
    let outcome = diff(dir.path(), "old.db damaged.db");
    assert_eq!(outcome.status, Some(2));
    let told = "whether and when it was deleted is unknown: the new file is damaged\n";
    assert!(outcome.stdout.contains(told), "{}", outcome.stdout);
    let line = change(&diff(dir.path(), "old.db damaged.db --json"), GONE);
    assert_eq!(line["change"], "unknown", "{line}");
    for field in ["deleted_at", "deleted_after", "revision", "not_before"] {
        assert_eq!(line.get(field), None, "{line}");
    }
}

fn managers(line: &Value) -> Vec<(String, String, String)> {
    let list = line["managers"].as_array().cloned().unwrap_or_default();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let all = list.iter();
    all.map(|one| {
        assert!(one["time"].is_string(), "{one}");
        let name = text(one, "manager");
        // Servers have their version behind their name.
        let name = name.split("-1.").next().unwrap_or_default().to_owned();
        (name, text(one, "operation"), text(one, "subresource"))
    })
    .collect()
}

#[test]
fn who_changed_and_who_created_something_is_told_as_the_api_server_noted_it() {
    let dir = tempfile::tempdir().expect("a directory");
    clusters::unpack(dir.path());
    let cluster = clusters::CLUSTERS[0];
    let files = format!("{cluster}-before.db {cluster}-after.db");
    let outcome = diff(dir.path(), &format!("{files} --json"));
    let update = |name: &str, part: &str| (name.to_owned(), "Update".to_owned(), part.to_owned());
    for (key, expected) in [
        (
            "/registry/deployments/shop/web",
            vec![
                update("kube-controller-manager", "status"),
                update("kubectl-set", ""),
            ],
        ),
        (
            "/registry/clusterrolebindings/helper",
            vec![update("kubectl-create", "")],
        ),
        (
            "/registry/networkpolicies/shop/deny",
            vec![update("kubectl-patch", "")],
        ),
        (
            "/registry/configmaps/team-a/app-4",
            vec![update("kubectl-create", "")],
        ),
        ("/registry/configmaps/team-a/app-3", vec![]),
    ] {
        assert_eq!(managers(&change(&outcome, key)), expected, "{key}");
    }
    let text = diff(dir.path(), &files).stdout;
    // The deployment was scaled to 0, and no manager has the field any more.
    let told = "; nobody is on record for spec.replicas\n";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    for told in [
        "      created by kubectl-create (Update) 20",
        "      changed by kubectl-annotate (Update) 20",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}
