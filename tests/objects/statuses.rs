//! Exit statuses and streams of the commands about keys and objects.

use serde_json::Value;

use crate::support::damage::Table;
use crate::support::{testdata, tool};
use crate::{AFTER, BEFORE, CONFIG, etcdsnap, unpacked};

const REAL: &str = "real/etcd-3.8.0-alpha-b.db";

#[test]
fn the_status_tells_found_from_absent_from_refused() {
    for (args, status) in [
        ("keys FILE", 0),
        ("keys FILE /nothing", 1),
        ("keys FILE /nothing --deleted", 1),
        ("keys FILE mark --deleted", 0),
        ("keys FILE /nothing --limit 1", 1),
        ("keys FILE mark --limit 0", 2),
        ("keys FILE /app/ --glob big", 1),
        ("keys FILE --start zz", 1),
        ("keys FILE --start mark --end mark", 1),
        ("keys FILE --rev 356", 2),
        ("keys FILE --rev 663", 2),
        ("keys FILE --sort color", 2),
        ("get FILE mark", 0),
        ("get FILE /app/k01", 1),
        ("get FILE nothing", 1),
        ("get FILE mark nothing", 1),
        ("get FILE /nothing --prefix", 1),
        ("get FILE mark /nothing --prefix", 1),
        ("get FILE mark --rev 356", 2),
        ("get FILE mark --rev 663", 2),
        ("get FILE mark -o table", 2),
        ("get FILE mark -o raw --json", 2),
        ("get FILE", 2),
        ("history FILE mark", 0),
        ("history FILE /app/k01", 0),
        ("history FILE nothing", 1),
        ("log FILE", 0),
        ("log FILE /nothing", 1),
        ("log FILE /leased/ --from 600", 0),
        ("log FILE --from 663", 2),
        ("log FILE --from 356", 2),
        ("log FILE --to 663", 2),
        ("show FILE 662", 0),
        ("show FILE 663", 2),
        ("show FILE 356", 2),
        ("show FILE 0", 2),
        ("show FILE x", 2),
        ("kinds FILE", 0),
        ("kinds FILE --rev 663", 2),
        ("objects FILE", 0),
        ("objects FILE cm", 0),
        ("objects FILE cm/nothing", 1),
        ("objects FILE ,", 2),
        ("objects FILE nonsense", 1),
        ("objects FILE cm,nonsense", 1),
        ("objects FILE cm -n nowhere", 1),
        ("objects FILE secrets -n ns-0", 1),
        ("objects FILE pods -l a=nothing", 1),
        ("objects FILE cm --rev 356", 2),
        ("objects FILE cm -o fields", 2),
        ("objects FILE cm -o jsonpath={", 2),
        ("objects FILE cm -l a==", 1),
        ("objects FILE cm -l !!", 2),
        ("objects FILE cm/a svc", 2),
        ("objects FILE cm -A -n ns-0", 0),
        ("encryption FILE", 0),
        ("encryption FILE --encryption-config missing.yaml", 2),
        ("encryption FILE --encryption-config README.md", 2),
        ("contains FILE mark", 0),
        ("contains FILE mark --value-equals b", 0),
        ("contains FILE mark --value-equals B", 1),
        ("contains FILE mark --value-equals a --rev 507", 0),
        ("contains FILE nothing", 1),
        ("contains FILE /app/k01", 1),
        ("contains FILE mark --rev 356", 2),
        ("contains FILE cm/cm-007 --field {.data.k}=v7", 0),
        ("contains FILE cm/cm-007 --field .data.k=v7", 0),
        ("contains FILE cm/cm-007 --field {.data.k}=v8", 1),
        ("contains FILE cm/cm-007 --field {.data.none}=v8", 1),
        ("contains FILE mark --field {.a}=b", 2),
        ("contains FILE cm/cm-007 --field {.data", 2),
        ("contains FILE cm/cm-007 --field {.a}=b --value-equals c", 2),
        ("export FILE --out README.md", 2),
        ("export FILE --out real", 2),
        ("export FILE", 2),
        ("keys missing.db", 2),
        ("decode missing.bin", 2),
        ("decode README.md", 0),
    ] {
        let outcome = etcdsnap(&testdata::dir(), &args.replace("FILE", REAL));
        assert_eq!(outcome.status, Some(status), "{args}: {}", outcome.stderr);
        if status == 2 {
            let is_json = args.contains("--json");
            let is_told = outcome.stdout.starts_with("{\"type\":\"error\"");
            assert_eq!(!outcome.stdout.is_empty(), is_json, "{args}");
            assert_eq!(is_told, is_json, "{args}");
            assert!(
                outcome.stderr.to_lowercase().starts_with("error: "),
                "{args}"
            );
        }
    }
}

#[test]
fn revisions_out_of_range_are_refused_in_etcds_words() {
    let commands = [
        "keys FILE --rev N",
        "get FILE mark --rev N",
        "log FILE --from N",
        "show FILE N",
        "kinds FILE --rev N",
        "objects FILE --rev N",
        "contains FILE mark --rev N",
        "export FILE --out - --rev N",
    ];
    for command in commands {
        for (revision, text) in [
            ("356", "Error: mvcc: required revision has been compacted\n"),
            (
                "663",
                "Error: mvcc: required revision is a future revision\n",
            ),
        ] {
            let args = command.replace("FILE", REAL).replace('N', revision);
            let outcome = etcdsnap(&testdata::dir(), &args);
            assert_eq!(
                (outcome.status, &*outcome.stderr),
                (Some(2), text),
                "{args}"
            );
        }
    }
}

#[test]
fn every_line_of_json_has_a_type_and_the_last_is_a_summary() {
    for command in [
        "keys FILE",
        "keys FILE /nothing",
        "keys FILE --deleted",
        "get FILE mark empty big",
        "get FILE nothing",
        "history FILE mark",
        "log FILE",
        "log FILE /nothing",
        "show FILE 502",
        "kinds FILE",
        "encryption FILE",
    ] {
        let args = format!("{command} --json").replace("FILE", REAL);
        let outcome = etcdsnap(&testdata::dir(), &args);
        let lines: Vec<Value> = outcome
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        // What is not there is told behind the summary.
        let is_error = |line: &Value| line["type"] == "error";
        let errors = lines.iter().filter(|line| is_error(line)).count();
        let (lines, behind) = lines.split_at(lines.len() - errors);
        assert!(behind.iter().all(is_error), "{args}");
        assert_eq!(errors > 0, outcome.status != Some(0), "{args}");
        let last = lines.last().unwrap_or_else(|| panic!("{args}: no line"));
        for line in lines {
            let is_last = line["type"] == "summary";
            assert!(line["type"].is_string(), "{args}: {line}");
            assert_eq!(is_last, std::ptr::eq(line, last), "{args}: {line}");
        }
        assert_eq!(last["current_revision"], 662, "{args}");
        assert_eq!(last["compact_revision"], 357, "{args}");
    }
}

#[test]
fn an_empty_list_is_said_on_standard_error_and_not_success() {
    for command in [
        "keys FILE /nothing",
        "keys FILE --glob nothing",
        "get FILE /nothing --prefix",
        "log FILE /nothing",
        "objects FILE cm -n nowhere -o name",
        "export FILE cm -n nowhere --out -",
    ] {
        let outcome = etcdsnap(&testdata::dir(), &command.replace("FILE", REAL));
        assert_eq!(outcome.status, Some(1), "{command}");
        assert_eq!(outcome.stdout, "", "{command}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{command}");
        let words = [
            "no key begins with /nothing",
            "no key matches nothing",
            "there is no namespace nowhere",
        ];
        assert!(
            words.iter().any(|words| outcome.stderr.contains(words)),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn of_a_damaged_file_the_rest_is_listed_and_the_damage_told() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let case = table
        .cases
        .iter()
        .find(|case| case.name == "element-length");
    let bytes = table.build(case.expect("a case of the table"));
    std::fs::write(dir.path().join("hurt.db"), bytes).expect("a temporary file");
    for (command, status) in [
        ("keys hurt.db", 1),
        ("keys hurt.db --json", 1),
        ("get hurt.db b", 1),
        ("history hurt.db b", 1),
        ("log hurt.db", 1),
        ("kinds hurt.db", 1),
        // It cannot tell what stood where the damage is.
        ("contains hurt.db b", 2),
        ("contains hurt.db nothing", 2),
    ] {
        let outcome = etcdsnap(dir.path(), command);
        assert_eq!(outcome.status, Some(status), "{command}");
        assert!(outcome.stderr.contains("error B020 "), "{}", outcome.stderr);
        let has_output = !command.starts_with("contains");
        assert_eq!(!outcome.stdout.is_empty(), has_output, "{command}");
    }
}

#[test]
fn a_name_of_several_objects_is_refused_with_their_keys() {
    let dir = unpacked();
    for command in ["get", "history", "contains"] {
        let outcome = etcdsnap(dir.path(), &format!("{command} {AFTER} deploy/web"));
        assert_eq!(
            (outcome.status, &*outcome.stdout),
            (Some(2), ""),
            "{command}"
        );
        for namespace in ["monitoring", "payments", "shop", "team-a"] {
            let key = format!("\n  /registry/deployments/{namespace}/web\n");
            assert!(outcome.stderr.contains(&key), "{}", outcome.stderr);
        }
        let outcome = etcdsnap(dir.path(), &format!("{command} {AFTER} deploy/web -n shop"));
        assert_eq!(outcome.status, Some(0), "{command}");
        // A key of these letters is not there.
        let outcome = etcdsnap(dir.path(), &format!("{command} {AFTER} --key deploy/web"));
        assert_eq!(outcome.status, Some(1), "{command}");
    }
}

#[test]
fn an_absent_object_is_told_from_a_deleted_one() {
    let dir = unpacked();
    for (name, text) in [
        (
            "cm/app-3 -n team-a",
            "Error: cm/app-3: /registry/configmaps/team-a/app-3 was deleted at revision 1512, not before 2026-11-21T09:25:35Z\n\
             its last value is there: `etcdsnap get FILE /registry/configmaps/team-a/app-3 --rev 1511` shows it; \
             `etcdsnap export FILE cm/app-3 -n team-a --deleted --out DIR` writes a manifest of it\n",
        ),
        (
            "/registry/configmaps/team-a/app-3",
            "Error: /registry/configmaps/team-a/app-3 was deleted at revision 1512, not before 2026-11-21T09:25:35Z\n\
             its last value is there: `etcdsnap get FILE /registry/configmaps/team-a/app-3 --rev 1511` shows it\n",
        ),
        (
            "cm/app-3 -n nowhere",
            "Error: cm/app-3 is in namespaces monitoring, payments, shop, not in nowhere\nError: there is no namespace nowhere\n",
        ),
        (
            "clusterrolebinding/helper --rev 1500",
            "Error: clusterrolebinding/helper: /registry/clusterrolebindings/helper has no record at revision \
             1500; its first is at 1517\n",
        ),
    ] {
        let outcome = etcdsnap(dir.path(), &format!("get {AFTER} {name}"));
        assert_eq!((outcome.status, &*outcome.stdout), (Some(1), ""), "{name}");
        assert_eq!(outcome.stderr, text, "{name}");
    }
}

#[test]
fn a_key_that_is_missing_is_named_and_the_rest_goes_on() {
    let dir = unpacked();
    let config = std::fs::read_to_string(dir.path().join(CONFIG)).expect("the configuration");
    let missing = config.replace("name: key-box", "name: other");
    std::fs::write(dir.path().join("missing.yaml"), missing).expect("a temporary file");
    let (before, after) = config
        .split_once("secret: NZ")
        .expect("the key of secretbox");
    let wrong = format!("{before}secret: NA{after}");
    std::fs::write(dir.path().join("wrong.yaml"), wrong).expect("a temporary file");
    for (config, text) in [
        (
            "missing.yaml",
            "encrypted with secretbox key key-box, which is not configured; --encryption-config FILE opens it with a \
             FILE that has that key",
        ),
        (
            "wrong.yaml",
            "encrypted with secretbox key key-box, but the configured key of that name does not open it; \
             --encryption-config FILE opens it with the FILE that was in use when it was written",
        ),
    ] {
        let with =
            |args: &str| etcdsnap(dir.path(), &format!("{args} --encryption-config {config}"));
        let outcome = with(&format!("objects {AFTER} secrets -n payments -o ndjson"));
        assert_eq!(outcome.status, Some(1), "{config}");
        assert_eq!(outcome.stderr, format!("Secret payments/db: {text}\n"));
        assert_eq!(
            outcome.stdout.lines().count(),
            1,
            "the other one is printed"
        );
        let outcome = with(&format!("get {AFTER} secret/db secret/tls -n payments"));
        assert_eq!(outcome.status, Some(1), "{config}");
        assert_eq!(
            outcome.stderr,
            format!("/registry/secrets/payments/db: {text}\n")
        );
        assert!(
            outcome.stdout.contains("kind: Secret"),
            "{}",
            outcome.stdout
        );
        let outcome = with(&format!(
            "contains {AFTER} secret/db -n payments --field {{.data.user}}=YXBw"
        ));
        assert_eq!(outcome.status, Some(2), "{config}");
        let outcome = with(&format!(
            "export {AFTER} secrets -n payments --show-secrets --out -"
        ));
        assert_eq!(outcome.status, Some(1), "{config}");
        assert_eq!(outcome.stderr, format!("Secret payments/db: {text}\n"));
        assert!(outcome.stdout.contains("name: tls"), "{}", outcome.stdout);
        // Only the newest of its values was written with this key.
        let key = "/registry/secrets/payments/db";
        let outcome = with(&format!("history {AFTER} secret/db -n payments"));
        assert_eq!(outcome.status, Some(1), "{config}");
        let expected = format!("{key} at revision 1518: {text}\n");
        assert_eq!(outcome.stderr, expected);
        assert_eq!(outcome.stdout.lines().count(), 5, "{}", outcome.stdout);
        let outcome = with(&format!("show {AFTER} 1518"));
        assert_eq!(outcome.status, Some(1), "{config}");
        assert_eq!(outcome.stderr, format!("{key}: {text}\n"));
        assert!(outcome.stdout.contains("other bytes"), "{}", outcome.stdout);
        let outcome = with(&format!("encryption {AFTER}"));
        assert_eq!(outcome.status, Some(1), "{config}");
        let (reason, _) = text.split_once("; ").expect("a hint");
        assert!(
            outcome.stdout.contains(&format!("2 unreadable: {reason}")),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn a_pipe_that_nobody_reads_ends_the_output_quietly() {
    let dir = unpacked();
    for args in [
        "keys FILE",
        "keys FILE --json",
        "get FILE /registry/ --prefix --encryption-config CONFIG",
        "get FILE /registry/ --prefix -o etcdctl-json",
        "get FILE deploy/web -n shop -o raw",
        "history FILE deploy/web -n shop",
        "log FILE",
        "show FILE 915",
        "kinds FILE",
        "objects FILE pods",
        "objects FILE pods -o ndjson",
        "objects FILE pods -o jsonpath={.items[*].metadata.name}",
        "export FILE deploy --out -",
        "encryption FILE",
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = tool::command(dir.path());
        let args = args.replace("FILE", AFTER).replace("CONFIG", CONFIG);
        command.args(args.split(' ')).stdout(writer);
        let output = command.output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{args}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args}");
    }
    // What was found out by then is the status all the same.
    for args in [
        "diff BEFORE FILE",
        "objects FILE pods,nope -o name",
        "objects FILE pods,nope -o json",
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = tool::command(dir.path());
        let args = args.replace("FILE", AFTER).replace("BEFORE", BEFORE);
        command.args(args.split(' ')).stdout(writer);
        let output = command.output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{args}");
    }
}

#[test]
fn a_namespace_does_not_narrow_down_kinds_that_have_none() {
    let dir = unpacked();
    for command in [
        "contains FILE clusterrolebinding/helper -n default",
        "get FILE clusterrolebinding/helper -n default -o json",
        "history FILE clusterrolebinding/helper -n default",
        "objects FILE clusterrolebinding/helper -n default -o name",
        "objects FILE clusterrolebindings helper -n default -o name",
        "objects FILE ns/default -n nowhere -o name",
        "contains FILE ns/default -n nowhere",
        "export FILE clusterrolebinding/helper -n default --out -",
    ] {
        let outcome = etcdsnap(dir.path(), &command.replace("FILE", AFTER));
        assert_eq!(outcome.status, Some(0), "{command}: {}", outcome.stderr);
        assert!(
            command.starts_with("contains") || !outcome.stdout.is_empty(),
            "{command}: {}",
            outcome.stderr
        );
    }
    // Without a kind only what is in the namespace is wanted.
    let all = etcdsnap(dir.path(), &format!("objects {AFTER} -n team-a -o name"));
    assert!(!all.stdout.contains("namespace/"), "{}", all.stdout);
}
