//! What happened, on snapshots of real clusters: `log`, `show`, `history`, and deleted objects.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::tool;
use crate::{AFTER, etcdsnap, unpacked};

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

#[test]
fn a_create_lists_its_fields_a_recreate_what_differs_from_the_life_before_and_a_deletion_what_it_took()
 {
    let dir = unpacked();
    let history = etcdsnap(dir.path(), &format!("history {AFTER} cm/app-4 -n team-a"));
    assert_eq!(history.status, Some(0), "{}", history.stderr);
    for part in [
        "580  create     version 1          962 bytes  not before 2026-11-21T09:24:10Z  by kubectl-create\n",
        "            data.LEVEL: + info; data[\"app.yaml\"]: + key0: 347001",
        "            took ConfigMap team-a/app-4, last written at revision 580, version 1\n",
        "1516  re-create  version 1          211 bytes",
        "data.LEVEL: info → recreated; data[\"app.yaml\"]: - key0",
        "metadata.uid: 0f8f4b08-07bf-42be-ac74-9816d74ca7c1 → 981747f8-0a7b-4a41-8044-f2b251fb49bf",
    ] {
        assert!(history.stdout.contains(part), "{part}\n{}", history.stdout);
    }
    let json = etcdsnap(
        dir.path(),
        &format!("history {AFTER} cm/app-4 -n team-a --json"),
    );
    let json = lines(&json.stdout);
    let [create, delete, recreate, _] = json.as_slice() else {
        panic!("{json:?}");
    };
    assert_eq!(create["change"], "fields");
    assert_eq!(create["fields"][0]["path"], "data.LEVEL");
    assert_eq!(create["fields"][0]["old"], Value::Null);
    assert_eq!(create["managers"][0]["manager"], "kubectl-create");
    assert_eq!(delete["old"]["mod_revision"], 580);
    assert_eq!(delete["change"], Value::Null);
    assert_eq!(recreate["action"], "re-create");
    assert_eq!(recreate["fields"][0]["old"], "info");
    // A revision by itself knows the life before as well.
    let shown = etcdsnap(dir.path(), &format!("show {AFTER} 1516"));
    let expected = "  re-create /registry/configmaps/team-a/app-4  (version 1, 211 bytes)\n      ConfigMap team-a/app-4  \
                    by kubectl-create\n      data.LEVEL: info → recreated\n";
    assert!(shown.stdout.contains(expected), "{}", shown.stdout);
    let shown = etcdsnap(dir.path(), &format!("show {AFTER} 1515 --json"));
    assert_eq!(lines(&shown.stdout)[0]["old"]["version"], 1);
}

#[test]
fn six_fields_of_a_create_are_in_a_line_and_all_of_them_with_p_those_last_that_every_object_has() {
    let dir = unpacked();
    let short = etcdsnap(dir.path(), &format!("history {AFTER} deploy/web -n shop"));
    let fields = short.stdout.lines().nth(2).expect("a line of fields");
    assert_eq!(fields.matches("; ").count(), 6, "{fields}");
    assert!(
        fields.starts_with("            spec.") && fields.ends_with(" more"),
        "{fields}"
    );
    let long = etcdsnap(
        dir.path(),
        &format!("history {AFTER} deploy/web -n shop -p"),
    );
    assert!(
        long.stdout.contains("\n            spec.replicas: + 3\n"),
        "{}",
        long.stdout
    );
    let last = "            status: + {}\n            apiVersion: + apps/v1; kind: + Deployment; metadata.creationTimestamp";
    assert!(long.stdout.contains(last), "{}", long.stdout);
}

#[test]
fn whoever_wrote_a_change_is_named() {
    let dir = unpacked();
    let log = etcdsnap(
        dir.path(),
        &format!("log {AFTER} deploy web -n shop -p --rev 1030..1509 --json"),
    );
    let by_revision: Vec<(i64, String)> = lines(&log.stdout)
        .iter()
        .filter_map(|line| {
            Some((
                line["revision"].as_i64()?,
                line["managers"][0]["manager"].as_str()?.into(),
            ))
        })
        .filter(|(revision, _)| [1030, 1052, 1509].contains(revision))
        .collect();
    assert_eq!(
        by_revision,
        [
            (1030, "kubectl-1.34".to_string()),
            (1052, "kube-controller-manager-1.34.4".into()),
            (1509, "kubectl-set".into())
        ]
    );
    // Managed fields themselves are shown only if they are asked for.
    assert!(!log.stdout.contains("managedFields"), "{}", log.stdout);
    let shown = etcdsnap(
        dir.path(),
        &format!("show {AFTER} 1509 --show-managed-fields"),
    );
    assert!(
        shown.stdout.contains("metadata.managedFields"),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_log_is_narrowed_down_by_object_kind_namespace_and_pattern() {
    let dir = unpacked();
    let log = |args: &str| {
        let outcome = etcdsnap(dir.path(), &format!("log {AFTER} {args} --json"));
        assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
        let keys = lines(&outcome.stdout);
        let keys = keys
            .iter()
            .filter_map(|line| Some(line["key"].as_str()?.to_owned()));
        keys.collect::<BTreeSet<String>>()
    };
    let one = BTreeSet::from(["/registry/daemonsets/monitoring/agent".to_string()]);
    assert_eq!(log("ds/agent -n monitoring"), one);
    assert_eq!(log("ds agent"), one);
    assert_eq!(log("--kind daemonsets -n monitoring"), one);
    assert_eq!(log("--glob /registry/daemonsets/*/agent"), one);
    let both = log("--kind ds,clusterwidgets -n monitoring,payments");
    assert!(
        both.contains("/registry/example.com/clusterwidgets/global"),
        "{both:?}"
    );
    assert!(
        both.contains("/registry/daemonsets/monitoring/agent"),
        "{both:?}"
    );
    let all = log("--kind ds -n monitoring -A");
    assert!(all.is_superset(&one), "{all:?}");
}

#[test]
fn noise_is_left_out_only_if_asked_for_and_counted_in_one_line() {
    let dir = unpacked();
    let all = etcdsnap(dir.path(), &format!("log {AFTER} --json"));
    let quiet = etcdsnap(dir.path(), &format!("log {AFTER} --noise default --json"));
    let (all, quiet, told) = (lines(&all.stdout), lines(&quiet.stdout), quiet.stderr);
    let noise = quiet.last().expect("a summary")["noise_count"]
        .as_u64()
        .expect("a number");
    assert_eq!(all.len() - quiet.len(), usize::try_from(noise).unwrap());
    assert_eq!(all.last().unwrap()["noise_count"], Value::Null);
    assert!(
        noise > 0 && told.contains(&format!("{noise} changes are noise and left out (")),
        "{told}"
    );
    assert!(
        told.contains("lease") && told.contains("event") && told.lines().count() == 1,
        "{told}"
    );
    let lease = |line: &Value| {
        line["key"]
            .as_str()
            .is_some_and(|key| key.starts_with("/registry/leases/"))
    };
    assert!(all.iter().any(lease) && !quiet.iter().any(lease));
}

#[test]
fn times_stand_for_the_first_revision_that_is_not_before_them_and_the_last_one_that_may_not_be_later()
 {
    let dir = unpacked();
    let revisions = |args: &str| {
        let outcome = etcdsnap(dir.path(), &format!("log {AFTER} {args} --json"));
        assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
        let lines = lines(&outcome.stdout);
        let of_line = |line: &Value| {
            Some((
                line["revision"].as_i64()?,
                line["not_before"].as_str()?.to_owned(),
            ))
        };
        (
            lines.iter().filter_map(of_line).collect::<Vec<_>>(),
            outcome.stderr,
        )
    };
    let (all, _) = revisions("");
    for (time, exact) in [
        ("2026-11-21T09:25:36Z", "2026-11-21T09:25:36Z"),
        ("2026-11-21T10:25:36+01:00", "2026-11-21T09:25:36Z"),
        ("2026-11-21T09:25:36", "2026-11-21T09:25:36Z"),
        // The newest time is 09:26:04.
        ("28s", "2026-11-21T09:25:36Z"),
    ] {
        let (since, told) = revisions(&format!("--since {time}"));
        let expected: Vec<_> = all
            .iter()
            .filter(|(_, told)| told.as_str() >= exact)
            .cloned()
            .collect();
        assert_eq!(since, expected, "{time}");
        let first = since[0].0;
        assert!(
            told.contains(&format!("--since {exact}: from revision {first},")),
            "{told}"
        );
        let (until, told) = revisions(&format!("--until {time}"));
        let expected: Vec<_> = all
            .iter()
            .filter(|(_, told)| told.as_str() <= exact)
            .cloned()
            .collect();
        assert_eq!(until, expected, "{time}");
        assert!(
            told.contains(&format!("--until {exact}: up to revision ")),
            "{told}"
        );
    }
    assert_eq!(revisions("--since 2026-11-21 --until 2026-11-21").0, all);
    assert_eq!(
        revisions("--since 1512 --until 1515").0,
        revisions("--rev 1512..1515").0
    );
    let (none, told) = revisions("--since 2030-01-01");
    assert!(
        none.is_empty()
            && told.contains("no revision; the newest time in the file is 2026-11-21T09:26:04Z")
    );
    for wrong in [
        "--since yesterday",
        "--since 0",
        "--rev 9..7",
        "--rev 5 --from 2",
        "--since 5 --from 2",
    ] {
        let outcome = etcdsnap(dir.path(), &format!("log {AFTER} {wrong}"));
        assert_eq!(outcome.status, Some(2), "{wrong}: {}", outcome.stderr);
    }
}

#[test]
fn a_file_in_which_nothing_tells_a_time_has_no_answer_to_one() {
    let dir = crate::support::testdata::dir();
    let outcome = tool::run(&dir, ["log", "crafted/00good", "--since", "2h"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""));
    assert!(
        outcome.stderr.contains("take revisions only"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_a_log_is_asked_for_and_never_was_is_named() {
    let dir = unpacked();
    for (args, status, told) in [
        (
            "deploy/nope -n shop",
            1,
            "deploy/nope in namespace shop: never seen in this file",
        ),
        ("podz/web", 1, "\"podz\" is not a known kind"),
        (
            "--kind podz",
            1,
            "\"podz\" is not a known kind; did you mean pods?",
        ),
        (
            "--kind pods,podz --limit 1",
            1,
            "\"podz\" is not a known kind",
        ),
        ("-n nope", 1, "there is no namespace nope"),
        ("--glob /nope/*", 1, "no key matches /nope/*"),
        ("/nope/", 1, "no key begins with /nope/"),
        ("cm/app-3 -n team-a --rev 1600..", 0, "no change matches"),
        ("--kind cm -n legacy --rev 1800..", 0, "no change matches"),
        ("--rev 999999", 2, "future revision"),
        ("cm/app-0", 2, "is the name of "),
    ] {
        let outcome = etcdsnap(dir.path(), &format!("log {AFTER} {args}"));
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn deleted_objects_come_with_their_last_values_in_every_form() {
    let dir = unpacked();
    let objects = |args: &str| etcdsnap(dir.path(), &format!("objects {AFTER} --deleted {args}"));
    let table = objects("ds -n monitoring --no-headers");
    let cells: Vec<&str> = table.stdout.split_whitespace().collect();
    assert_eq!(cells.first(), Some(&"agent"), "{table:?}");
    assert_eq!(
        cells.get(cells.len() - 2..),
        Some(&["1520", "2026-11-21T09:25:36Z"][..])
    );
    let head = objects("ds -n monitoring --show-labels");
    let head = head.stdout.lines().next().expect("a head").to_owned();
    assert!(
        head.ends_with("AGE    DELETED   NOT BEFORE             LABELS"),
        "{head}"
    );
    let json = lines(&objects("cm/app-3 -n team-a --json").stdout);
    assert_eq!(json[0]["deleted_at"], 1512);
    assert_eq!(json[0]["not_before"], "2026-11-21T09:25:35Z");
    assert_eq!(json[0]["object"]["data"]["LEVEL"], "debug");
    let yaml = objects("cm/app-3 -n team-a -o yaml");
    let before = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} cm/app-3 -n team-a -o yaml --rev 1511"),
    );
    assert_eq!(yaml.stdout, before.stdout);
    assert!(
        yaml.stdout.starts_with("apiVersion: v1\n"),
        "{}",
        yaml.stdout
    );
    let name = objects("-n team-a -o name");
    assert_eq!(
        name.stdout, "configmap/app-3\n",
        "what was created again is not deleted"
    );
    let at = objects("ds -n monitoring --rev 1519");
    assert_eq!((at.status, at.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        at.stderr,
        "No deleted resources found in monitoring namespace.\n"
    );
    // All of them, as `keys` has them.
    let keys = etcdsnap(dir.path(), &format!("keys {AFTER} --deleted"));
    let all = objects("-o name");
    assert_eq!(all.stdout.lines().count(), keys.stdout.lines().count());
    for (args, status, told) in [
        (
            "cm/app-4 -n team-a",
            1,
            "cm/app-4 in namespace team-a is not deleted: it exists",
        ),
        ("cm/nope", 1, "cm/nope: never seen in this file"),
        ("podz", 1, "did you mean pods?"),
        ("nodes", 0, "No deleted resources found"),
        ("-n nope", 1, "there is no namespace nope"),
    ] {
        let outcome = objects(args);
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn a_deleted_object_can_be_exported_with_the_namespace_that_went_with_it() {
    let dir = unpacked();
    let one = etcdsnap(
        dir.path(),
        &format!("export {AFTER} cm/app-3 -n team-a --deleted --out -"),
    );
    assert_eq!(one.status, Some(0), "{}", one.stderr);
    assert!(
        one.stdout.contains("\n  name: app-3\n") && !one.stdout.contains("uid"),
        "{}",
        one.stdout
    );
    assert!(!one.stdout.contains("kind: Namespace"), "it is there");
    let all = etcdsnap(
        dir.path(),
        &format!("export {AFTER} -n legacy --deleted --out - --partial"),
    );
    for part in ["kind: Namespace\n", "kind: Deployment\n", "kind: Service\n"] {
        assert!(all.stdout.contains(part), "{part}: {}", all.stdout);
    }
    // Endpoints of Services that went as well are made again.
    assert!(!all.stdout.contains("kind: Endpoints\n"), "{}", all.stdout);
    let team = etcdsnap(
        dir.path(),
        &format!("export {AFTER} -n team-a --deleted --out -"),
    );
    assert!(!team.stdout.contains("kind: Namespace"), "{}", team.stdout);
}

#[test]
fn get_of_a_deleted_object_tells_how_to_have_it_back() {
    let dir = unpacked();
    let outcome = etcdsnap(dir.path(), &format!("get {AFTER} cm/app-3 -n team-a"));
    assert_eq!(outcome.status, Some(1));
    let hint = "its last value is there: `etcdsnap get FILE /registry/configmaps/team-a/app-3 --rev 1511` shows it; \
                `etcdsnap export FILE cm/app-3 -n team-a --deleted --out DIR` writes a manifest of it\n";
    assert!(outcome.stderr.ends_with(hint), "{}", outcome.stderr);
    let value = etcdsnap(
        dir.path(),
        &format!("get {AFTER} /registry/configmaps/team-a/app-3 --rev 1511"),
    );
    assert_eq!(value.status, Some(0), "{}", value.stderr);
}

#[test]
fn damaged_files_are_told_and_what_is_left_is_shown() {
    let dir = unpacked();
    let path = dir.path();
    let whole = std::fs::read(path.join(AFTER)).expect("the snapshot");
    let mut torn = whole.clone();
    // A leaf in the middle becomes zeros.
    let at = whole.len() / 2 / 4096 * 4096;
    torn[at..at + 4096].fill(0);
    std::fs::write(path.join("torn.db"), torn).expect("a file");
    std::fs::write(path.join("cut.db"), &whole[..whole.len() * 2 / 3]).expect("a file");
    for file in ["torn.db", "cut.db"] {
        for args in [
            "objects FILE --deleted -o name",
            "log FILE -p --json",
            "log FILE --noise default --kind pods",
            "log FILE --since 1m",
            "export FILE --deleted --out -",
            "history FILE cm/app-4 -n team-a",
        ] {
            let outcome = etcdsnap(path, &args.replace("FILE", file));
            assert!(
                matches!(outcome.status, Some(1 | 2)) && !outcome.stderr.contains("panic"),
                "{file}: {args}: {outcome:?}"
            );
            assert!(!outcome.stderr.is_empty(), "{file}: {args}");
        }
    }
}

#[test]
fn log_show_and_history_have_colours_where_they_are_asked_for_and_nowhere_else() {
    let dir = unpacked();
    for args in [
        "log FILE deploy/web -n shop -p --limit 2",
        "show FILE 1516",
        "history FILE cm/app-4 -n team-a",
    ] {
        let args = args.replace("FILE", AFTER);
        let run = |variable: &str| {
            let mut command = tool::command(dir.path());
            command.args(args.split(' ')).env(variable, "1");
            String::from_utf8(command.output().expect("an output").stdout).expect("UTF-8")
        };
        let (coloured, plain) = (run("CLICOLOR_FORCE"), run("NO_COLOR"));
        assert!(
            coloured.contains("\u{1b}[32m") && !plain.contains('\u{1b}'),
            "{args}"
        );
        let stripped = coloured
            .split('\u{1b}')
            .map(|part| match part.strip_prefix('[') {
                Some(rest) => rest.split_once('m').map_or(rest, |(_, text)| text),
                None => part,
            });
        assert_eq!(stripped.collect::<String>(), plain, "{args}");
    }
}

#[test]
fn what_can_only_be_a_slip_is_refused() {
    let dir = unpacked();
    for (args, told) in [
        ("log FILE -n shop,", "a word is empty"),
        ("log FILE -n ", "a word is empty"),
        ("log FILE --kind deploy,", "a word is empty"),
        ("objects FILE -n shop,", "a word is empty"),
        ("export FILE --out - -n ", "a word is empty"),
        ("get FILE pods -n ", "a word is empty"),
        ("history FILE pod/x -n ", "a word is empty"),
        ("contains FILE pod/x -n ", "a word is empty"),
        ("describe FILE pods -n ", "a word is empty"),
        ("log FILE --from 50 --to 10", "swap them"),
        ("log FILE --since 50 --until 10", "swap them"),
        ("log FILE --since 2h --until 3h", "swap them"),
        (
            "log FILE --since 2026-01-02 --until 2026-01-01",
            "swap them",
        ),
        ("history FILE deploy/web -n shop,payments", "it must be one"),
        (
            "contains FILE deploy/web -n shop,payments",
            "it must be one",
        ),
        ("get FILE pods -o jsonpath", "no template given\n"),
        (
            "show FILE 1..5",
            "`log -p --rev 1..5` shows each of several",
        ),
        ("show FILE HEAD", "it is not a revision"),
        ("show FILE 0", "revisions begin with 1"),
        ("log FILE --limit 0", "0 is not in 1.."),
        ("log FILE --since 2026", "the year begins with 2026-01-01"),
        (
            "log FILE deploy/web api -n shop",
            "api follows deploy/web; a name can only follow a kind",
        ),
        (
            "history FILE deploy/web api -n shop",
            "api follows deploy/web; a name can only follow a kind",
        ),
        (
            "contains FILE deploy/web api -n shop",
            "api follows deploy/web; a name can only follow a kind",
        ),
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(2), "{args}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{args}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{args}");
    }
    // The parser of arguments repeats them, made visible.
    let harmful = tool::run(dir.path(), ["log", AFTER, "--since", "a\u{1b}[31mb\nc"]);
    let told = r"invalid value 'a\x1b[31mb\nc' for '--since <TIME|REV>'";
    assert!(harmful.stderr.contains(told), "{}", harmful.stderr);
    // Two times between which nothing happened are in order.
    let nothing = etcdsnap(
        dir.path(),
        &format!("log {AFTER} --since 2020-01-01 --until 2020-01-02"),
    );
    assert_ne!(nothing.status, Some(2), "{nothing:?}");
}

#[test]
fn kinds_that_the_file_defines_are_told_in_every_line() {
    let dir = unpacked();
    for args in [
        "log FILE --kind widgets --json",
        "log FILE --kind widgets --noise none -p --json",
        "log FILE /registry/example.com/widgets/ --json",
        "keys FILE /registry/example.com/widgets/ --json",
        "keys FILE /registry/example.com/widgets/ --deleted --json",
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        let lines = lines(&outcome.stdout);
        let (_, lines) = lines.split_last().expect("a summary");
        assert!(!lines.is_empty(), "{args}: {}", outcome.stderr);
        for line in lines {
            assert_eq!(line["kind"], "Widget", "{args}: {line}");
            let is_named = line["namespace"].is_string() && line["name"].is_string();
            assert!(is_named, "{args}: {line}");
        }
    }
}

#[test]
fn that_nothing_was_deleted_is_an_answer_and_said() {
    let dir = unpacked();
    let args = format!("export {AFTER} --deleted pods -n shop --out none");
    let outcome = etcdsnap(dir.path(), &args);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert_eq!(
        outcome.stderr,
        format!("{AFTER}: no deleted object matches\n")
    );
    assert!(dir.path().join("none/index.md").is_file());
}

#[test]
fn a_namespace_that_is_not_there_is_told_though_the_object_is_in_another_one() {
    let dir = unpacked();
    let whole = etcdsnap(dir.path(), &format!("log {AFTER} deploy/web -n shop"));
    for namespaces in ["shop,nosuch", "nosuch,shop"] {
        let outcome = etcdsnap(
            dir.path(),
            &format!("log {AFTER} deploy/web -n {namespaces}"),
        );
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        assert_eq!(outcome.stderr, "Error: there is no namespace nosuch\n");
        assert_eq!(outcome.stdout, whole.stdout);
    }
    // One that is there and has no such object is an answer, and does not matter to kinds of the cluster.
    for args in ["deploy/web -n shop,kube-system", "node/node-0 -n nosuch"] {
        let outcome = etcdsnap(dir.path(), &format!("log {AFTER} {args}"));
        assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{args}");
    }
}

#[test]
fn the_newest_records_come_first_on_request_and_are_the_same_ones() {
    let dir = unpacked();
    for name in ["cm/app-4 -n team-a", "deploy/web -n shop", "ns/legacy"] {
        let all = etcdsnap(
            dir.path(),
            &format!("history {AFTER} {name} --json --redact-key x"),
        );
        let mut all: Vec<&str> = all.stdout.lines().collect();
        all.pop();
        for limit in 1..=all.len() {
            let ask = |flags: &str| {
                let args =
                    format!("history {AFTER} {name} --json --redact-key x --limit {limit}{flags}");
                let outcome = etcdsnap(dir.path(), &args);
                assert_eq!(outcome.status, Some(0), "{args}");
                let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
                let summary: Value =
                    serde_json::from_str(&lines.pop().expect("a summary")).expect("JSON");
                assert_eq!(summary["records"], limit);
                lines
            };
            assert_eq!(ask(""), &all[..limit], "{name}");
            let newest: Vec<&str> = all.iter().rev().take(limit).copied().collect();
            assert_eq!(ask(" --reverse"), newest, "{name}");
        }
    }
}

#[test]
fn values_that_are_no_objects_are_shown_with_those_before_them() {
    let dir = crate::support::testdata::dir();
    let file = "real/etcd-3.6.14-b.db";
    let history = etcdsnap(&dir, &format!("history {file} mark -p --json"));
    let history = lines(&history.stdout);
    let (_, records) = history.split_last().expect("a summary");
    assert!(records.len() > 1, "{records:?}");
    let mut before = Value::Null;
    for record in records.iter().filter(|record| record["op"] == "put") {
        assert_eq!(record["values"]["old"], before, "{record}");
        let revision = &record["revision"];
        let get = etcdsnap(&dir, &format!("get {file} mark --rev {revision} -o raw"));
        assert_eq!(record["values"]["new"]["value"], get.stdout, "{record}");
        before = record["values"]["new"].clone();
        let shown = etcdsnap(&dir, &format!("show {file} {revision}"));
        let end = format!("{}\n", get.stdout);
        assert!(shown.stdout.ends_with(&end), "{}", shown.stdout);
    }
}
