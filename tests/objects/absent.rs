//! What was asked for and is not there is never success, and what stays encrypted ends in one way everywhere.

use serde_json::Value;

use crate::support::damage::Table;
use crate::support::{testdata, tool};
use crate::{AFTER, BEFORE, CONFIG, etcdsnap, unpacked};

const REAL: &str = "real/etcd-3.8.0-alpha-b.db";

#[test]
fn each_thing_that_is_not_there_is_a_line_and_the_rest_is_printed() {
    let dir = unpacked();
    for (args, stdout, stderr) in [
        (
            "objects FILE deploy/web deploy/wep deploy/zz -n shop -o name",
            "deployment.apps/web\n",
            &[
                "deploy/wep in namespace shop: never seen in this file; did you mean deploy/web?",
                "deploy/zz in namespace shop: never seen in this file",
            ][..],
        ),
        (
            "objects FILE cm/app-3 -n team-a",
            "",
            &[
                "cm/app-3: /registry/configmaps/team-a/app-3 was deleted at revision 1512, not before \
                 2026-11-21T09:25:35Z",
            ],
        ),
        (
            "objects FILE netpol,podz -n shop -o name",
            "networkpolicy.networking.k8s.io/deny\n",
            &["\"podz\" is not a known kind; did you mean pods?"],
        ),
        (
            "objects FILE a\"b",
            "",
            &["\"a\"b\" is not a known kind; `etcdsnap kinds FILE` lists those of the file"],
        ),
        (
            "objects FILE depoy",
            "",
            &["\"depoy\" is not a known kind; did you mean deploy?"],
        ),
        (
            "objects FILE gadgets.nowhere.example",
            "",
            &[
                "\"gadgets.nowhere.example\" is not a known kind; `etcdsnap kinds FILE` lists those of the file",
            ],
        ),
        (
            "objects FILE pods -n shpo",
            "",
            &["there is no namespace shpo; did you mean shop?"],
        ),
        (
            "objects FILE -n legacy",
            "",
            &["namespace legacy was deleted at revision 1724, not before 2026-11-21T09:25:59Z"],
        ),
        (
            "get FILE podz",
            "",
            &["podz: never seen in this file; did you mean pods?"],
        ),
        (
            "get FILE --key podz",
            "",
            &["podz: never seen in this file"],
        ),
        (
            "history FILE deploy",
            "",
            &["deploy: never seen in this file; did you mean deploy/NAME?"],
        ),
        (
            "contains FILE widgetz",
            "",
            &["widgetz: never seen in this file; did you mean widgets?"],
        ),
        (
            "objects FILE deploy svc -n shop -o name",
            "",
            &["deploy/svc in namespace shop: never seen in this file; did you mean deploy,svc?"],
        ),
        (
            "objects FILE rs/api-55d748f84f -n shop",
            "",
            &[
                "rs/api-55d748f84f: /registry/replicasets/legacy/api-55d748f84f was deleted at revision 1645, not before \
                 2026-11-21T09:25:58Z",
            ],
        ),
        (
            "objects FILE podtemplates",
            "",
            &["there are no podtemplates"],
        ),
        (
            "objects FILE cronjobs -n shop",
            "",
            &["there are no cronjobs in namespace shop; there are some in namespace payments"],
        ),
        (
            "objects FILE cronjob/report -n shop",
            "",
            &["cronjob/report is in namespace payments, not in shop"],
        ),
        (
            "objects FILE clusterrolebinding/helper --rev 1000",
            "",
            &["clusterrolebinding/helper has no record at revision 1000; its first is at 1517"],
        ),
        (
            "objects FILE pods -n shop -l app=nothing",
            "",
            &["-l app=nothing selects none of the 16 pods in namespace shop"],
        ),
        (
            "objects FILE deploy/web -n shop -l app=nothing",
            "",
            &["deploy/web in namespace shop is there, but -l app=nothing does not select it"],
        ),
        (
            "export FILE netpol/deny deploy/nope -n shop --as-stored --out -",
            "apiVersion: networking.k8s.io/v1",
            &["deploy/nope in namespace shop: never seen in this file"],
        ),
        (
            "get FILE podz/web -n shop",
            "",
            &[
                "podz/web: no such key was ever seen in this file, and \"podz\" is not a known kind; did you mean \
                 pods/web?",
            ],
        ),
        (
            "get FILE /registry/podz/ /registry/networkpolicies/ --prefix",
            "apiVersion: networking.k8s.io/v1",
            &["no key begins with /registry/podz/; did you mean /registry/pods/?"],
        ),
        (
            "keys FILE /registry/configmaps/legacy/",
            "",
            &[
                "no key begins with /registry/configmaps/legacy/; the last one, \
                 /registry/configmaps/legacy/kube-root-ca.crt, was deleted at revision 1708, not before \
                 2026-11-21T09:25:59Z",
            ],
        ),
        (
            "history FILE deploy/wep -n shop",
            "",
            &["deploy/wep in namespace shop: never seen in this file; did you mean deploy/web?"],
        ),
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(1), "{args}: {}", outcome.stderr);
        assert!(
            outcome.stdout.starts_with(stdout),
            "{args}: {}",
            outcome.stdout
        );
        assert_eq!(outcome.stdout.is_empty(), stdout.is_empty(), "{args}");
        let told = outcome.stderr.lines();
        // As kubectl has it; why follows.
        let told: Vec<&str> = told
            .skip_while(|line| line.starts_with("No resources found"))
            .collect();
        let told: Vec<&str> = told
            .into_iter()
            .filter(|line| !line.starts_with("--deleted shows"))
            .collect();
        let expected: Vec<String> = stderr.iter().map(|line| format!("Error: {line}")).collect();
        assert_eq!(told, expected, "{args}");
    }
}

#[test]
fn words_that_can_be_no_kind_and_name_are_refused() {
    let dir = unpacked();
    for (args, told) in [
        (
            "objects FILE /registry/pods/x",
            "is a key; `etcdsnap get FILE /registry/pods/x` shows it",
        ),
        ("export FILE /x --out -", "is a key"),
        ("objects FILE pods,", "a word for a kind is empty"),
        ("objects FILE ,pods", "a word for a kind is empty"),
        ("objects FILE pods,,svc", "a word for a kind is empty"),
        (
            "describe FILE pods,,svc -n shop",
            "a word for a kind is empty",
        ),
        ("get FILE pods,,svc", "a word for a kind is empty"),
        ("objects FILE pods/web/log", "more than one slash"),
        ("objects FILE pods//x", "more than one slash"),
        ("objects FILE deploy/web,deploy/api", "more than one slash"),
        ("objects FILE deploy/web,api", "one kind and one name"),
        ("objects FILE deploy,svc/web", "one kind and one name"),
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""), "{args}");
        assert!(outcome.stderr.contains(told), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn what_is_named_and_not_there_may_be_ignored_but_no_kind_that_does_not_exist() {
    let dir = unpacked();
    for (args, status, stdout) in [
        ("objects FILE deploy/nope -n shop", 0, ""),
        (
            "objects FILE deploy web nope -n shop -o name",
            0,
            "deployment.apps/web\n",
        ),
        ("objects FILE podtemplates", 0, ""),
        ("objects FILE pods -n nowhere", 0, ""),
        ("objects FILE podtemplates -A -o yaml", 0, ""),
        ("get FILE podtemplates -A -o json", 0, ""),
        ("get FILE /registry/nope/ --prefix", 0, ""),
        ("get FILE deploy/nope -n shop", 0, ""),
        ("get FILE deploy/nope -n shop -o name", 0, ""),
        ("get FILE cm/app-3 -n team-a", 0, ""),
        (
            "get FILE deploy web nope -n shop -o name",
            0,
            "deployment.apps/web\n",
        ),
        ("objects FILE podz", 1, ""),
        ("get FILE podz/web -n shop", 1, ""),
        ("get FILE podz", 1, ""),
        ("get FILE --key podz", 0, ""),
    ] {
        let args = format!("{args} --ignore-not-found").replace("FILE", AFTER);
        let outcome = etcdsnap(dir.path(), &args);
        assert_eq!(
            (outcome.status, &*outcome.stdout),
            (Some(status), stdout),
            "{args}: {}",
            outcome.stderr
        );
        assert_eq!(
            outcome.stderr.is_empty(),
            status == 0,
            "{args}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn who_asks_for_a_deleted_object_learns_how_to_see_it() {
    let dir = unpacked();
    for args in [
        "objects FILE cm/app-3 -n team-a",
        "export FILE cm/app-3 -n team-a --out -",
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(1), "{args}: {}", outcome.stderr);
        let hint =
            "--deleted shows deleted objects as they were last, unless that was compacted away\n";
        assert!(outcome.stderr.ends_with(hint), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn a_selector_that_selects_nothing_among_what_was_deleted_has_to_select_something_that_is_there() {
    let dir = unpacked();
    for (args, status) in [
        // It selects a Deployment that is there, and none was deleted with this label.
        (
            "objects FILE deploy --deleted --field-selector metadata.name=web -n shop",
            0,
        ),
        ("objects FILE deploy --deleted -n shop", 0),
        ("objects FILE deploy --deleted -n shop -l app=nothing", 1),
        ("objects FILE pods --deleted -l app=nothing", 1),
        ("export FILE pods --deleted -l app=nothing --out -", 1),
        (
            "objects FILE deploy --deleted --field-selector metadata.name=nothing",
            1,
        ),
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        let told = outcome
            .stderr
            .contains(" selects no object, deleted or not\n");
        assert_eq!(told, status == 1, "{args}: {}", outcome.stderr);
    }
}

#[test]
fn what_was_deleted_before_a_compaction_is_not_known() {
    for args in ["get FILE /app/zz", "keys FILE /nothing/"] {
        let outcome = etcdsnap(&testdata::dir(), &args.replace("FILE", REAL));
        assert_eq!(outcome.status, Some(1), "{args}");
        let words = "; what was deleted before the compaction at revision 357 is not known";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn a_comparison_tells_what_is_in_neither_file_and_takes_the_rest_for_filters() {
    let dir = unpacked();
    for (args, status, stderr) in [
        ("-n kube-public", 0, ""),
        ("--kind crd", 0, ""),
        (
            "--prefix /registry/pods/monitoring/a -l app=nothing --kind pods",
            1,
            "Error: -l app=nothing selects no object\n",
        ),
        ("--kind pods -n kube-public", 0, ""),
        ("--kind pods -l app=web -n kube-public", 0, ""),
        ("-n nowhere", 1, "Error: there is no namespace nowhere\n"),
        (
            "--kind cm,podz -n kube-public",
            1,
            "Error: \"podz\" is not a known kind; did you mean pods?\n",
        ),
        ("--prefix /nope/", 1, "Error: no key begins with /nope/\n"),
        ("--glob /nope/*", 1, "Error: no key matches /nope/*\n"),
    ] {
        for form in ["--names-only", "--json", "--stat", "--log", "--exit-zero"] {
            let args = format!("diff {BEFORE} {AFTER} {args} {form}");
            let outcome = etcdsnap(dir.path(), &args);
            assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
            assert_eq!(outcome.stderr, stderr, "{args}");
        }
    }
    // What one of them has is there, whether or not it is still there in the other.
    let legacy = format!("diff {BEFORE} {AFTER} -n legacy --kind cm --exit-zero --names-only");
    let outcome = etcdsnap(dir.path(), &legacy);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let one = format!("diff {AFTER} --from 1000 --to 1010 -n nowhere --names-only");
    let outcome = etcdsnap(dir.path(), &one);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
}

#[test]
fn what_damage_may_hide_is_not_called_absent() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut cases = table.cases.iter();
    let case = cases.find(|case| case.name == "element-length");
    let bytes = table.build(case.expect("a case of the table"));
    std::fs::write(dir.path().join("hurt.db"), bytes).expect("a temporary file");
    for (args, status) in [
        ("get hurt.db nothing", 1),
        ("history hurt.db nothing", 1),
        ("keys hurt.db /nothing/", 1),
        ("get hurt.db /nothing/ --prefix", 1),
        ("log hurt.db /nothing/", 1),
        ("objects hurt.db -n nowhere", 1),
        ("contains hurt.db nothing", 2),
    ] {
        let outcome = etcdsnap(dir.path(), args);
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("cannot be determined"),
            "{args}: {}",
            outcome.stderr
        );
    }
}

/// Makes each page unreadable on which a record of `key` is.
fn lose(file: &std::path::Path, key: &[u8]) {
    const PAGE: usize = 4096;
    let mut bytes = std::fs::read(file).expect("a file");
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, key).collect();
    assert!(!places.is_empty());
    for place in places {
        // A leaf may be longer than a page: its own number stands on the first one.
        let is_first = |page: &usize| bytes[page * PAGE..][..8] == (*page as u64).to_le_bytes();
        let page = (0..=place / PAGE).rev().find(is_first).expect("a page");
        bytes[page * PAGE + 8] = 0xff;
    }
    std::fs::write(file, bytes).expect("a file");
}

#[test]
fn of_what_is_on_a_lost_page_nothing_is_made_up() {
    let dir = unpacked();
    lose(&dir.path().join(AFTER), b"/registry/deployments/shop/web");
    lose(&dir.path().join(AFTER), b"/registry/clusterroles/view");
    for (args, status) in [
        ("get FILE deploy/web -n shop", 1),
        ("objects FILE deploy/web -n shop", 1),
        ("history FILE deploy/web -n shop", 1),
        ("contains FILE deploy/web -n shop", 2),
        ("objects FILE clusterrole/view", 1),
        ("objects FILE deploy/web -n shop --rev 1000", 1),
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        let told = &outcome.stderr;
        assert!(told.contains("cannot be determined"), "{args}: {told}");
        for untrue in [" is in ", "never seen", "its first is at", "no kind"] {
            assert!(!told.contains(untrue), "{args}: {told}");
        }
    }
    // Whose last one went when is not known, either.
    let legacy = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} deploy -n legacy -o name"),
    );
    let told = &legacy.stderr;
    assert!(!told.contains("the last one"), "{told}");
}

#[test]
fn ten_thousand_names_that_are_not_there_are_ten_thousand_lines() {
    let names: Vec<String> = (0..10_000)
        .map(|number| format!("cm/nope-{number}"))
        .collect();
    for command in ["get", "objects"] {
        let mut args = vec![command, REAL, "cm/cm-007"];
        args.extend(names.iter().map(String::as_str));
        let outcome = tool::run(&testdata::dir(), args);
        assert_eq!(outcome.status, Some(1), "{command}");
        assert_eq!(outcome.stderr.lines().count(), 10_000, "{command}");
        assert!(outcome.stdout.contains("cm-007"), "{command}");
    }
}

#[test]
fn a_prefix_that_no_key_begins_with_is_told_after_a_restore() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = testdata::dir().join(REAL);
    let file = file.to_str().expect("UTF-8");
    for (rest, status) in [
        ("--prefix /app/ --plan", 0),
        ("--prefix /app/ --prefix /nope/ --plan", 1),
        ("--exclude /nope/ --plan", 0),
        ("--prefix /app/ --exclude /nope/ --data-dir new.etcd", 0),
        ("--prefix /nope/ --prefix /app/ --data-dir other.etcd", 1),
    ] {
        let outcome = etcdsnap(dir.path(), &format!("restore {file} {rest}"));
        assert_eq!(outcome.status, Some(status), "{rest}: {}", outcome.stderr);
        let is_told = outcome
            .stderr
            .contains("Error: no key begins with /nope/\n");
        assert_eq!(is_told, status == 1, "{rest}: {}", outcome.stderr);
    }
    for made in ["new.etcd", "other.etcd"] {
        assert!(dir.path().join(made).join("member/snap/db").exists());
    }
}

#[test]
fn a_field_that_is_not_there_is_told_with_what_is() {
    let dir = unpacked();
    for (name, field, told) in [
        (
            "deploy/web",
            "{.spec.replicas}=3",
            "is there, but differs: it is 5\n",
        ),
        (
            "deploy/web",
            "{.spec.selector.matchLabels.x}=",
            "has no such field; {.spec.selector.matchLabels} is there: {\"app\":\"web\"}\n",
        ),
        (
            "deploy/web",
            "{.metadata.x}=1",
            "{.metadata} is there: {\"annotations\":",
        ),
        (
            "deploy/web",
            "{.spec.template.spec.containers[7].image}=x",
            "has no such field; {.spec.template.spec.containers} is there: [{",
        ),
        (
            "deploy/web",
            "{.spec.strategy.type.x}=1",
            "{.spec.strategy.type} is there: \"RollingUpdate\"\n",
        ),
        (
            "deploy/web",
            "{.metadata.annotations.deployment\\.kubernetes\\.io/nope}=1",
            "{.metadata.annotations} is there: {\"deployment.kubernetes.io/revision\":",
        ),
        (
            "secret/db",
            "{.data.nope}=x",
            "has no such field; {.data} is there: {\"password\":\"<redacted ",
        ),
        (
            "secret/db",
            "{.data.user}=x",
            "is there, but differs: it is \"<redacted 3 bytes, ",
        ),
    ] {
        let args = [
            "contains",
            AFTER,
            name,
            "-n",
            "shop",
            "--field",
            field,
            "--encryption-config",
            CONFIG,
        ];
        let outcome = tool::run(dir.path(), args);
        assert_eq!((outcome.status, &*outcome.stdout), (Some(1), ""), "{field}");
        assert!(outcome.stderr.contains(told), "{field}: {}", outcome.stderr);
        let outcome = tool::run(dir.path(), args.into_iter().chain(["--json"]));
        let line: Value = serde_json::from_str(&outcome.stdout).expect("a line of JSON");
        let actual = line["actual"].as_array().expect("what is there");
        let actual: Vec<String> = actual.iter().map(Value::to_string).collect();
        let end = told.rsplit(": it is ").next().expect("a text");
        let end = end.rsplit(" is there: ").next().expect("a text");
        assert!(
            actual.join(" ").starts_with(end.trim_end()),
            "{field}: {line}"
        );
        assert_eq!(
            line["actual_path"].is_null(),
            told.contains("differs"),
            "{field}: {line}"
        );
    }
}

#[test]
fn a_value_that_stays_encrypted_ends_in_one_way_in_every_command() {
    let dir = unpacked();
    let key = "/registry/secrets/payments/db";
    let with = "encrypted with secretbox key key-box";
    let one = format!("{key}: {with}; --encryption-config FILE opens it, if FILE has that key\n");
    for (args, status) in [
        ("get FILE secret/db -n payments", 1),
        ("get FILE secret/db -n payments -o json", 1),
        ("get FILE secret/db -n payments --json", 1),
        ("show FILE 1518", 1),
        ("diff BEFORE FILE --prefix /registry/secrets/payments/", 1),
        (
            "diff BEFORE FILE --prefix /registry/secrets/payments/ --exit-zero --json",
            1,
        ),
        // It only has to say whether the value is equal, and cannot.
        (
            "contains FILE secret/db -n payments --field {.data.user}=x",
            2,
        ),
        ("contains FILE secret/db -n payments --value-equals x", 2),
    ] {
        let outcome = etcdsnap(
            dir.path(),
            &args.replace("FILE", AFTER).replace("BEFORE", BEFORE),
        );
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        let told = outcome.stderr.replace("Error: ", "");
        assert_eq!(told, one, "{args}");
    }
    let opens = format!("{with}; --encryption-config FILE opens it, if FILE has that key\n");
    for args in [
        "history FILE secret/db -n payments",
        "objects FILE secret/db -n payments",
        "objects FILE secret/db -n payments -o yaml",
        "objects FILE secret/db -n payments --json",
        "export FILE secret/db -n payments --show-secrets --out -",
        "export FILE secret/db -n payments --out -",
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(1), "{args}: {}", outcome.stderr);
        assert!(
            outcome.stderr.ends_with(&opens),
            "{args}: {}",
            outcome.stderr
        );
    }
    // What only needs the key is whole without the value, and so are the bytes themselves.
    for args in [
        "objects FILE secrets -n payments -o name",
        "get FILE secret/db -n payments -o hex",
        "contains FILE secret/db -n payments",
        "log FILE /registry/secrets/",
        "keys FILE /registry/secrets/",
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{args}");
    }
}

#[test]
fn many_values_that_stay_encrypted_are_one_line_for_each_key() {
    let dir = unpacked();
    for args in [
        "objects FILE secrets",
        "objects FILE secrets -o yaml",
        "get FILE /registry/secrets/ --prefix",
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(1), "{args}");
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let begin = [
            "7 values are encrypted with aescbc key key-cbc: ",
            "2 values are encrypted with secretbox key key-box: ",
        ];
        assert_eq!(lines.len(), begin.len(), "{args}: {}", outcome.stderr);
        for (line, begin) in lines.iter().zip(begin) {
            assert!(line.starts_with(begin), "{args}: {line}");
            assert!(
                line.ends_with("; --encryption-config FILE opens them, if FILE has that key"),
                "{line}"
            );
        }
        assert!(lines[0].contains(" and 4 more; "), "{args}: {}", lines[0]);
    }
}

#[test]
fn what_decode_cannot_read_is_told_and_not_success() {
    let dir = unpacked();
    let object = tool::run(
        dir.path(),
        ["get", AFTER, "deploy/web", "-n", "shop", "-o", "hex"],
    );
    let hex = object.stdout.trim();
    let decode = |text: &str| {
        std::fs::write(dir.path().join("value"), text).expect("a temporary file");
        etcdsnap(dir.path(), "decode value")
    };
    for (text, told) in [
        ("", "damaged: the value is empty"),
        ("\n", "damaged: the value is empty"),
        (
            "{\"apiVersion\":\"v1\",\"kind\"",
            "damaged: JSON cannot be read",
        ),
        (&hex[..600], "damaged: the protobuf envelope is cut off"),
    ] {
        let outcome = decode(text);
        assert_eq!(outcome.status, Some(1), "{text}: {}", outcome.stderr);
        assert_eq!(outcome.stderr, format!("Error: value: {told}\n"));
    }
    // A line end behind an object is `etcdctl`'s.
    let outcome = decode(&format!("{hex}0a"));
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
}

#[test]
fn what_came_later_is_known_though_it_went_again() {
    let dir = unpacked();
    for (args, told) in [
        // Created, deleted.
        (
            "get FILE cm/app-3 -n team-a --rev 300",
            "cm/app-3: /registry/configmaps/team-a/app-3 has no record at revision 300; its first is at 578",
        ),
        // Created, deleted, created again.
        (
            "get FILE cm/app-4 -n team-a --rev 500",
            "cm/app-4: /registry/configmaps/team-a/app-4 has no record at revision 500; its first is at 580",
        ),
        (
            "objects FILE pods -n legacy --rev 100 -o name",
            "there is no namespace legacy at revision 100; the first one came at 203",
        ),
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(1), "{args}");
        assert_eq!(outcome.stderr, format!("Error: {told}\n"), "{args}");
    }
}

#[test]
fn one_namespace_of_several_that_is_not_there_is_told() {
    let dir = unpacked();
    for args in [
        "objects FILE deploy -n shop,nope -o name",
        "grep web FILE -n shop,nope -l",
    ] {
        let outcome = etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert!(!outcome.stdout.is_empty(), "{args}");
        let told = (
            outcome.status,
            outcome
                .stderr
                .contains("Error: there is no namespace nope\n"),
        );
        assert_eq!(told, (Some(1), true), "{args}: {}", outcome.stderr);
    }
    // It does not matter to kinds of the cluster.
    let nodes = etcdsnap(dir.path(), &format!("objects {AFTER} ns -n nope -o name"));
    assert_eq!((nodes.status, nodes.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_history_of_nothing_has_its_summary() {
    let dir = unpacked();
    let outcome = etcdsnap(dir.path(), &format!("history {AFTER} /nope --json"));
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stdout.contains("\"type\":\"summary\""),
        "{}",
        outcome.stdout
    );
}
