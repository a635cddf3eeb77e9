//! What is asked for by name is told of truly; words and flags that do not fit are refused.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::tool::{self, Outcome, run};
use crate::support::{clusters, testdata};
use crate::{etcdsnap, lines, object, snapshot};

const BEFORE_AND_AFTER: &str = "kube-1.34-etcd-3.6-before.db kube-1.34-etcd-3.6-after.db";

fn unpacked() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    clusters::unpack(dir.path());
    dir
}

fn diff(dir: &Path, args: &str) -> Outcome {
    run(dir, ["diff"].into_iter().chain(args.split_whitespace()))
}

fn changes(outcome: &Outcome) -> Vec<Value> {
    let lines = lines(outcome).into_iter();
    lines.filter(|line| line["type"] == "change").collect()
}

#[test]
fn names_go_without_filters_that_would_keep_them_out() {
    let dir = unpacked();
    for (filter, flag) in [
        ("-l app=web", "-l"),
        ("--prefix /registry/pods", "--prefix"),
        ("--glob **/pods/**", "--glob"),
        ("--kind pods", "--kind"),
    ] {
        for form in ["", "--json", "--names-only", "--log"] {
            let args = format!("{BEFORE_AND_AFTER} deploy/web -n shop {filter} {form}");
            let outcome = diff(dir.path(), &args);
            assert_eq!(outcome.status, Some(2), "{args}: {}", outcome.stdout);
            let told = format!("deploy/web: what is named goes without {flag};");
            assert!(outcome.stderr.contains(&told), "{args}: {}", outcome.stderr);
        }
    }
}

#[test]
fn what_differs_only_in_what_is_left_out_is_not_said_to_be_the_same() {
    let dir = unpacked();
    let leave_out = "--ignore metadata --ignore spec --ignore status";
    let args = format!("{BEFORE_AND_AFTER} deploy/web -n shop {leave_out}");
    let outcome = diff(dir.path(), &args);
    assert_eq!(outcome.status, Some(0));
    assert_eq!(
        outcome.stderr,
        "deploy/web does not differ, apart from what --ignore leaves out\n"
    );
}

#[test]
fn an_object_that_calls_itself_otherwise_than_its_key_is_found_under_both_names() {
    let map = |data: &str| object("v1", "ConfigMap", "a", "own", json!({"data": {"x": data}}));
    let key = "/registry/configmaps/a/stored";
    let dir = tempfile::tempdir().expect("a directory");
    let steps = [(key, map("1")), (key, map("2"))];
    snapshot(&dir.path().join("old.db"), &steps[..1]);
    snapshot(&dir.path().join("new.db"), &steps);
    for name in ["cm/own", "cm/stored", "cm stored -n a"] {
        let outcome = diff(dir.path(), &format!("old.db new.db {name} --json"));
        assert_eq!(changes(&outcome).len(), 1, "{name}: {}", outcome.stderr);
        assert_eq!(outcome.status, Some(1), "{name}");
    }
}

#[test]
fn noise_that_is_named_is_among_the_names_in_json_too() {
    let dir = unpacked();
    let all = diff(dir.path(), &format!("{BEFORE_AND_AFTER} --json"));
    let all = changes(&all);
    let noise: Vec<&str> = all
        .iter()
        .filter(|line| !line["noise"].is_null())
        .filter_map(|line| line["key"].as_str())
        .collect();
    assert!(noise.len() > 2);
    for key in &noise[..3] {
        let args = format!("{BEFORE_AND_AFTER} {key} --names-only --json");
        let outcome = diff(dir.path(), &args);
        let found = changes(&outcome);
        assert_eq!((outcome.status, found.len()), (Some(1), 1), "{key}");
        assert_eq!(found[0]["key"], **key);
    }
    // What is not named and noise is not.
    let names = diff(
        dir.path(),
        &format!("{BEFORE_AND_AFTER} --names-only --json"),
    );
    assert_eq!(changes(&names).len(), all.len() - noise.len());
}

#[test]
fn the_status_of_what_is_named_is_shown_whatever_is_noise() {
    let dir = unpacked();
    let outcome = diff(
        dir.path(),
        &format!("{BEFORE_AND_AFTER} --noise all-status --json"),
    );
    let status: Vec<Value> = changes(&outcome)
        .into_iter()
        .filter(|line| line["noise"] == "status")
        .collect();
    let keys = status.iter().filter_map(|line| line["key"].as_str());
    let mut count = 0;
    for key in keys.take(4).chain(["deploy/web"]) {
        let args = format!("{BEFORE_AND_AFTER} {key} --noise all-status");
        let json = diff(dir.path(), &format!("{args} --json"));
        let text = diff(dir.path(), &args).stdout;
        for field in changes(&json)[0]["fields"].as_array().expect("fields") {
            let path = field["path"].as_str().expect("a path");
            assert!(text.contains(&format!("      {path}:")), "{path}: {text}");
            count += usize::from(path.starts_with("status"));
        }
        let is_marked = text.contains("(noise: status)");
        assert_eq!(is_marked, key != "deploy/web", "{text}");
    }
    assert!(count > 5, "{count}");
}

#[test]
fn the_values_of_named_keys_that_are_not_objects_are_shown() {
    let (a, b) = ("etcd-3.7.1-a.db", "etcd-3.7.1-b.db");
    let text = |args: &str| etcdsnap(&format!("diff {args}")).stdout;
    let value = |file: &str, key: &str| {
        let outcome = etcdsnap(&format!("get {file} {key} --json"));
        lines(&outcome)[0]["value"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let (old, new) = (value(a, "mark"), value(b, "mark"));
    let shown = text(&format!("{a} {b} mark"));
    let line = format!("      value: {old} → {new}\n");
    assert!(shown.contains(&line), "{line:?} in {shown}");
    let shown = text(&format!("{a} {b} mark -o markdown"));
    assert!(
        shown.contains(&format!("  - `value: {old} → {new}`\n")),
        "{shown}"
    );
    let found = changes(&etcdsnap(&format!("diff {a} {b} mark --json")));
    let expected = json!({"old": {"value": old}, "new": {"value": new}});
    assert_eq!(found[0]["values"], expected);

    let gone = value(a, "/leased/1");
    let shown = text(&format!("{a} {b} /leased/1"));
    let line = format!("      value: - {gone}\n");
    assert!(shown.contains(&line), "{line:?} in {shown}");
    let found = changes(&etcdsnap(&format!("diff {b} {a} /leased/1 --json")));
    assert_eq!(found[0]["values"], json!({"new": {"value": gone}}));

    // Bytes that are not text.
    let pair = format!("etcd-3.6.14-a.db {a} big");
    let found = changes(&etcdsnap(&format!("diff {pair} --json")));
    let bytes = &lines(&etcdsnap(&format!("get {a} big --json")))[0]["value_base64"];
    assert!(bytes.is_string());
    assert_eq!(&found[0]["values"]["new"], &json!({"value_base64": bytes}));
    let line = format!("+base64:{}\n", bytes.as_str().expect("bytes"));
    assert!(text(&pair).contains(&line));

    // Nobody has asked for the others.
    let found = changes(&etcdsnap(&format!("diff {a} {b} --json")));
    assert!(found.iter().all(|line| line.get("values").is_none()));
    assert!(!text(&format!("{a} {b}")).contains("      value: "));
}

#[test]
fn values_that_are_shown_have_their_secrets_hidden() {
    let token = |end: &str| format!("ghp_{}{end}", "x1Y2z3".repeat(6));
    let login = |end: &str| Some(Value::from(format!("login with {}", token(end))));
    let dir = tempfile::tempdir().expect("a directory");
    let steps = [("app/login", login("a")), ("app/login", login("b"))];
    snapshot(&dir.path().join("old.db"), &steps[..1]);
    snapshot(&dir.path().join("new.db"), &steps);
    for form in ["", "--json", "-o markdown"] {
        let hidden = diff(dir.path(), &format!("old.db new.db app/login {form}"));
        assert!(!hidden.stdout.contains("ghp_"), "{}", hidden.stdout);
        assert!(hidden.stdout.contains("<redacted "), "{}", hidden.stdout);
        let shown = diff(
            dir.path(),
            &format!("old.db new.db app/login {form} --show-secrets"),
        );
        for end in ["a", "b"] {
            assert!(shown.stdout.contains(&token(end)), "{}", shown.stdout);
        }
    }
    let found = changes(&diff(dir.path(), "old.db new.db app/login --json"));
    assert!(found[0]["values"]["old"]["hidden"].is_string(), "{found:?}");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let files = "etcd-3.7.1-a.db etcd-3.7.1-b.db";
    for flags in [
        "--stat --names-only",
        "--stat --names-only --json",
        "--names-only -o markdown",
    ] {
        let outcome = etcdsnap(&format!("diff {files} {flags}"));
        assert_eq!(outcome.status, Some(2), "{flags}");
        assert!(!outcome.stdout.contains("\"change\""), "{flags}");
        assert!(outcome.stderr.contains("--names-only"), "{flags}");
    }
}

#[test]
fn empty_words_are_refused() {
    let files = testdata::dir().join("real");
    let [a, b] = ["etcd-3.7.1-a.db", "etcd-3.7.1-b.db"];
    for words in [
        &["--kind", ""][..],
        &["--kind", "pods,"],
        &["-n", ""],
        &[""],
        &["mark", ""],
    ] {
        let outcome = run(&files, ["diff", a, b].iter().chain(words));
        assert_eq!(
            (outcome.status, &*outcome.stdout),
            (Some(2), ""),
            "{words:?}"
        );
        assert!(outcome.stderr.contains("is empty"), "{}", outcome.stderr);
    }
}

#[test]
fn kinds_that_stand_among_pairs_or_for_several_are_refused() {
    let dir = unpacked();
    for words in [
        "deployment.apps/web deploy worker",
        "deploy,pod web",
        "deploy,pod web worker",
        "deploy deploy/web",
        "deploy,pod deploy/web",
        "/registry/deployments/shop/web deploy",
    ] {
        let outcome = diff(dir.path(), &format!("{BEFORE_AND_AFTER} {words} -n shop"));
        assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""), "{words}");
        let told = "write KIND/NAME for each, or KIND once, followed by names";
        assert!(outcome.stderr.contains(told), "{words}: {}", outcome.stderr);
    }
}

#[test]
fn of_a_damaged_file_it_is_said_that_damage_may_hide_a_change() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut damaged = testdata::read("real/etcd-3.6.14-b.db");
    for page in (8..damaged.len() / 4096).step_by(3) {
        if damaged[page * 4096 + 8] == 2 {
            damaged[page * 4096 + 8] = 0xff;
        }
    }
    std::fs::write(dir.path().join("damaged.db"), damaged).expect("a file");

    let key = "/app/k00";
    let outcome = diff(dir.path(), &format!("damaged.db damaged.db {key}"));
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    for (form, none) in [
        (
            "",
            "\nno key differs in what can be read; damage may hide changes\n",
        ),
        (
            "-o markdown",
            "\nNo key differs in what can be read; damage may hide changes.\n",
        ),
    ] {
        let outcome = diff(dir.path(), &format!("damaged.db damaged.db {form}"));
        assert!(outcome.stdout.contains(none), "{}", outcome.stdout);
    }
    let told =
        format!("{key} does not differ in what can be read; damage may hide a later change\n");
    assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
}

#[test]
fn what_is_in_neither_of_two_files_is_said_to_be_in_neither() {
    let dir = unpacked();
    let outcome = diff(dir.path(), &format!("{BEFORE_AND_AFTER} cm/nope podz/x"));
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("cm/nope: in neither file"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome
            .stderr
            .contains("podz/x: no such key was ever seen in either file"),
        "{}",
        outcome.stderr
    );
    let one = "kube-1.34-etcd-3.6-after.db --from 1500 cm/nope podz/x";
    let outcome = diff(dir.path(), one);
    for told in [
        "cm/nope: never seen in this file",
        "podz/x: no such key was ever seen in this file",
    ] {
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
}

#[test]
fn what_was_created_again_after_the_new_state_was_not_deleted_before_it() {
    let map = |data: &str| object("v1", "ConfigMap", "a", "m", json!({"data": {"x": data}}));
    let key = "/registry/configmaps/a/m";
    let dir = tempfile::tempdir().expect("a directory");
    let steps = [(key, map("1")), (key, None), (key, map("2"))];
    snapshot(&dir.path().join("old.db"), &steps[..1]);
    snapshot(&dir.path().join("new.db"), &steps);
    for files in ["new.db old.db", "new.db --from 4 --to 2"] {
        let text = diff(dir.path(), files).stdout;
        let told = "  recreated ConfigMap m  [4 → 2]\n      not deleted: what the old state has was created at \
                    revision 4, after the new state\n";
        assert!(text.contains(told), "{files}: {text}");
        let found = &changes(&diff(dir.path(), &format!("{files} --json")))[0];
        assert_eq!(found["change"], "recreated");
        for field in ["deleted_at", "deleted_after", "deleted_at_or_before"] {
            assert_eq!(found.get(field), None, "{files}: {found}");
        }
    }
    let text = diff(dir.path(), "old.db new.db").stdout;
    assert!(text.contains("      deleted at revision 3"), "{text}");
}

#[test]
fn each_row_of_something_encrypted_is_marked() {
    let dir = unpacked();
    let real = testdata::dir().join("real/etcd-3.7.1-a.db");
    std::fs::copy(real, dir.path().join("other.db")).expect("a file");
    let file = "kube-1.34-etcd-3.6-before.db";
    for (files, change) in [
        (format!("other.db {file} --kind secrets"), "added"),
        (format!("{file} other.db --kind secrets"), "removed"),
        (
            format!("{BEFORE_AND_AFTER} --kind secrets -n team-a"),
            "recreated",
        ),
    ] {
        let found = changes(&diff(dir.path(), &format!("{files} --json")));
        let of_change = |line: &&Value| line["change"] == change;
        let locked = found.iter().filter(of_change);
        let locked = locked.filter(|line| line["is_encrypted"] == true).count();
        assert!(locked > 0, "{files}");
        let text = diff(dir.path(), &files).stdout;
        let rows = text.lines().filter(|line| {
            line.starts_with(&format!("  {change}")) && line.ends_with("]  (encrypted)")
        });
        assert_eq!(rows.count(), locked, "{text}");
        let text = diff(dir.path(), &format!("{files} -o markdown")).stdout;
        let rows = text.lines().filter(|line| {
            line.starts_with(&format!("- **{change}** `Secret")) && line.ends_with("` (encrypted)")
        });
        assert_eq!(rows.count(), locked, "{text}");
    }
}

#[test]
fn leases_have_their_ids_in_json() {
    let outcome = etcdsnap("diff etcd-3.7.1-a.db etcd-3.7.1-b.db --json");
    let found = lines(&outcome);
    let buckets = found.iter().filter(|line| line["type"] == "bucket-change");
    let mut leases = 0;
    for line in buckets {
        if line["bucket"] != "lease" {
            assert_eq!(line.get("lease_id"), None, "{line}");
            continue;
        }
        leases += 1;
        let id = line["lease_id"].as_str().expect("an id");
        assert_eq!(id.len(), 16, "{line}");
        let file = etcdsnap("get etcd-3.7.1-a.db /leased/1 --json");
        assert_eq!(lines(&file)[0]["lease_id"], id);
    }
    assert_eq!(leases, 1);
}

#[test]
fn one_of_something_is_not_told_in_the_plural() {
    let dir = tempfile::tempdir().expect("a directory");
    let steps = [
        ("a", Some(json!("1"))),
        ("a", Some(json!("2"))),
        ("a", Some(json!("3"))),
    ];
    snapshot(&dir.path().join("new.db"), &steps);
    for (flags, told) in [
        ("--from 2 --to 3", "one file, 1 revision apart\n"),
        ("--from 2", "one file, 2 revisions apart\n"),
        ("--from 4 --to 2", "one file: new is 2 revisions behind\n"),
        ("--from 3 --to 2", "one file: new is 1 revision behind\n"),
        ("--from 2 --to 3", "revision 2, 1 key, never compacted"),
    ] {
        let text = diff(dir.path(), &format!("new.db {flags}")).stdout;
        assert!(text.contains(told), "{flags}: {text}");
    }
    let dir = unpacked();
    let text = diff(dir.path(), BEFORE_AND_AFTER).stdout;
    let line = text.lines().find(|line| line.starts_with("about "));
    assert!(line.is_some_and(|line| line.ends_with("s apart")), "{text}");
}

#[test]
fn the_table_is_not_broken_on_a_narrow_terminal() {
    let dir = unpacked();
    let program = env!("CARGO_BIN_EXE_etcdsnap");
    let line =
        format!("stty cols 40 rows 40 && '{program}' --no-pager diff {BEFORE_AND_AFTER} --stat");
    let Some(shown) = tool::on_terminal(dir.path(), &line, &[("NO_COLOR", "1")]) else {
        return;
    };
    let text = diff(dir.path(), &format!("{BEFORE_AND_AFTER} --stat")).stdout;
    let table = text.lines().skip_while(|line| !line.starts_with("KIND "));
    let table: Vec<&str> = table.take_while(|line| !line.is_empty()).collect();
    assert!(table.len() > 5 && table[0].len() > 40, "{text}");
    for row in table {
        assert!(shown.lines().any(|line| line == row), "{row:?} in {shown}");
    }
    // What is not a table is broken.
    assert!(!shown.contains("ahead; new knows"), "{shown}");
}
