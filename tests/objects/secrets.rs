//! Nothing secret is printed unless it is asked for.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::clusters::{self, CLUSTERS};
use crate::support::tool::{self, for_all};
use crate::{AFTER, CONFIG, etcdsnap, unpacked};

/// Ends of commands that show values in all their forms.
const COMMANDS: &[&str] = &[
    "keys FILE --long",
    "keys FILE --json",
    "get FILE /registry/secrets/ --prefix",
    "get FILE /registry/secrets/ --prefix --json",
    "get FILE /registry/secrets/ --prefix -o yaml",
    "get FILE /registry/secrets/ --prefix -o json",
    "get FILE /registry/secrets/ --prefix -o raw --force",
    "get FILE /registry/secrets/ --prefix -o hex",
    "get FILE /registry/secrets/ --prefix -o fields",
    "get FILE /registry/secrets/ --prefix -o etcdctl-json",
    "get FILE secret/db -n payments --rev 1000",
    "history FILE secret/db -n payments",
    "history FILE secret/db -n payments --json",
    "history FILE secret/db -n team-a --json",
    "history FILE secret/tls -n shop --json",
    "log FILE /registry/secrets/",
    "log FILE /registry/secrets/ --json",
    "show FILE 410",
    "show FILE 410 --json",
    "objects FILE secrets",
    "objects FILE secrets -o wide",
    "objects FILE secrets -o yaml",
    "objects FILE secrets -o json",
    "objects FILE secrets -o ndjson --show-managed-fields",
    "objects FILE secrets -o jsonpath={.items[*].data}",
    "objects FILE secrets -o ndjson --rev 1000",
    "objects FILE -o ndjson",
    "kinds FILE --json",
    "encryption FILE --json",
    "export FILE secrets --out -",
    "export FILE secrets --out - --as-stored --include-owned",
    "contains FILE secret/db -n payments --field {.data.password}=x",
    "contains FILE secret/db -n payments --value-equals x",
];

/// What the Secrets of a cluster hold, plain and in base64.
fn plaintexts(cluster: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for item in &clusters::listing(cluster, "after")["v1/secrets"] {
        let Some(data) = item["data"].as_object() else {
            continue;
        };
        for value in data.values().filter_map(Value::as_str) {
            let plain = STANDARD.decode(value).expect("base64");
            let plain = String::from_utf8(plain).expect("text");
            // Certificates are public and in other objects too; short words are in names.
            if plain.len() < 7 || plain.starts_with("-----BEGIN CERTIFICATE") {
                continue;
            }
            texts.insert(value.to_owned());
            texts.insert(plain.lines().nth(1).unwrap_or(&plain).to_owned());
        }
    }
    texts.extend(["hunter-", "aHVudGVyL", "PRIVATE KEY"].map(String::from));
    assert!(texts.len() > 10, "{texts:?}");
    // A word of its own in messages; its base64 stays.
    texts.remove("changed");
    texts
}

#[test]
fn no_command_prints_a_secret_unless_it_is_asked_to() {
    let dir = unpacked();
    for cluster in CLUSTERS {
        let texts = plaintexts(cluster);
        let mut runs = Vec::new();
        for command in COMMANDS {
            for moment in ["before", "after"] {
                let command = command.replace("FILE", &format!("{cluster}-{moment}.db"));
                // Hidden without the keys, too.
                runs.push(command.clone());
                if !command.starts_with("keys") && !command.starts_with("log") {
                    runs.push(format!("{command} --encryption-config {cluster}.yaml"));
                }
            }
        }
        for_all(&runs, |args| {
            let output = tool::command(dir.path()).args(args.split(' ')).output();
            let output = output.expect("the program starts");
            let stdout = String::from_utf8_lossy(&output.stdout);
            let stderr = String::from_utf8_lossy(&output.stderr);
            for text in &texts {
                let is_shown = stdout.contains(text) || stderr.contains(text);
                assert!(!is_shown, "{args} shows {text}");
            }
        });
        // The texts are right: with the keys and the flag they are all there.
        let args = format!(
            "objects {cluster}-after.db secrets -o ndjson --show-secrets --encryption-config {cluster}.yaml"
        );
        let shown = etcdsnap(dir.path(), &args).stdout;
        for item in &clusters::listing(cluster, "after")["v1/secrets"] {
            let data = item["data"].as_object().expect("data").values();
            for value in data.filter_map(Value::as_str) {
                assert!(shown.contains(value), "{value}");
            }
        }
    }
}

#[test]
fn exact_forms_of_a_secret_are_refused_with_2() {
    let dir = unpacked();
    for form in ["raw", "hex", "fields", "etcdctl-json"] {
        let args =
            format!("get {AFTER} secret/db -n payments -o {form} --encryption-config {CONFIG}");
        let outcome = etcdsnap(dir.path(), &args);
        assert_eq!(outcome.status, Some(2), "{form}");
        assert!(
            outcome.stderr.contains("--show-secrets"),
            "{}",
            outcome.stderr
        );
        // What is given then is what is stored, encrypted.
        let args = format!("{args} --show-secrets");
        let output = tool::command(dir.path()).args(args.split(' ')).output();
        let output = output.expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{form}");
        assert!(!output.stdout.is_empty(), "{form}");
    }
}

#[test]
fn marks_differ_from_run_to_run_unless_a_key_is_given() {
    let dir = unpacked();
    let args = format!("get {AFTER} secret/db -n payments --encryption-config {CONFIG}");
    let run = |end: &str| etcdsnap(dir.path(), &format!("{args}{end}")).stdout;
    assert_ne!(run(""), run(""));
    assert_eq!(run(" --redact-key k"), run(" --redact-key k"));
    assert_ne!(run(" --redact-key k"), run(" --redact-key l"));
    let shown = run(" --redact-key k");
    assert!(
        shown.contains("password: <redacted 7 bytes, hmac:"),
        "{shown}"
    );
    assert!(run(" --show-secrets").contains("password: Y2hhbmdlZA=="));
}

#[test]
fn equal_secrets_have_equal_marks_within_a_run() {
    let dir = unpacked();
    let args = format!("objects {AFTER} secrets -o ndjson --encryption-config {CONFIG}");
    let lines = etcdsnap(dir.path(), &args).stdout;
    let secrets: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let users: BTreeSet<&str> = secrets
        .iter()
        .filter_map(|secret| secret["data"]["user"].as_str())
        .collect();
    assert_eq!(users.len(), 1, "{users:?}");
}

#[test]
fn managed_fields_are_hidden_unless_they_are_wanted() {
    let dir = unpacked();
    for command in [
        "objects FILE deploy/web -n shop -o yaml",
        "get FILE deploy/web -n shop",
    ] {
        let args = command.replace("FILE", AFTER);
        let hidden = etcdsnap(dir.path(), &args).stdout;
        assert!(!hidden.contains("managedFields"), "{args}");
        let shown = etcdsnap(dir.path(), &format!("{args} --show-managed-fields")).stdout;
        assert!(shown.contains("managedFields"), "{args}");
    }
}

#[test]
fn nothing_of_real_clusters_but_their_secrets_is_hidden() {
    let dir = unpacked();
    for cluster in CLUSTERS {
        for moment in ["before", "after"] {
            let args = format!(
                "objects {cluster}-{moment}.db -o ndjson --show-managed-fields --encryption-config {cluster}.yaml"
            );
            let mut events = 0;
            for line in etcdsnap(dir.path(), &args).stdout.lines() {
                let object: Value = serde_json::from_str(line).expect("JSON");
                let is_secret = object["kind"] == "Secret";
                assert_eq!(line.contains("<redacted "), is_secret, "{line}");
                events += u32::from(object["kind"] == "Event");
            }
            assert!(events > 100, "{events}");
        }
    }
}

#[test]
fn the_name_of_an_event_is_shown_though_it_has_the_shape_of_a_bootstrap_token() {
    let dir = unpacked();
    let is_token = |name: &str| name.len() == 23 && name.as_bytes()[6] == b'.';
    let names = etcdsnap(dir.path(), &format!("objects {AFTER} events -o name")).stdout;
    let name = names
        .lines()
        .filter_map(|line| line.strip_prefix("event/"))
        .find(|name| is_token(name))
        .expect("an event of an object with a name of six letters");
    let args = format!("objects {AFTER} event/{name} -o");
    for form in [
        "yaml",
        "json",
        "ndjson",
        "wide",
        "jsonpath={.items[*].metadata.name}{.metadata.name}",
    ] {
        let shown = etcdsnap(dir.path(), &format!("{args} {form}")).stdout;
        assert!(!shown.contains("<redacted"), "{form}: {shown}");
        assert!(form == "wide" || shown.contains(name), "{form}: {shown}");
    }
}
