//! Whatever is written as JSON is escaped in one way, and errors repeat no argument as it is.

use serde_json::Value;

use super::write_database;
use crate::support::tool;

/// What must not reach a terminal: C0, DEL, C1, signs that turn the direction of text, a byte order mark,
/// separators of lines and paragraphs.
const HARMFUL: &str = "\u{1}\u{7}\u{1b}[31m\u{7f}\u{80}\u{85}\u{9b}2J\u{9f}\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\
    \u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{2028}\u{2029}";

fn is_harmful(c: char) -> bool {
    c != '\n' && HARMFUL.contains(c) && !c.is_ascii_graphic()
}

#[test]
fn json_is_escaped_in_one_way_by_every_command() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let object = |text: &str| {
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "ns", "labels": {text: text}},
            "data": {text: text, "é": "plain"}})
    };
    let (old, new) = (object("before"), object(HARMFUL));
    let key = format!("/registry/configmaps/ns/a{HARMFUL}");
    let records = [
        (key.as_str(), old.to_string().into_bytes()),
        (key.as_str(), new.to_string().into_bytes()),
        ("text", HARMFUL.as_bytes().to_vec()),
    ];
    let records: Vec<(&str, &[u8])> = records
        .iter()
        .map(|(key, value)| (*key, value.as_slice()))
        .collect();
    write_database(&dir.path().join("new.db"), &records);
    write_database(&dir.path().join("old.db"), &records[..1]);
    std::fs::write(dir.path().join("value"), records[1].1).expect("a temporary file");
    // How often the text is to be found in what was read back.
    for args in [
        &["objects", "new.db", "-o", "json"][..],
        &["objects", "new.db", "-o", "ndjson"],
        &["objects", "new.db", "--json"],
        &["objects", "new.db", "cm/a", "-o", "json"],
        &["objects", "new.db", "-o", "jsonpath={.items[0]}"],
        &["objects", "new.db", "-o", "jsonpath={.items[*].data}"],
        &["get", "new.db", &key, "-o", "json"],
        &["get", "new.db", "text", "-o", "json"],
        &["get", "new.db", "--prefix", "", "--json"],
        &["keys", "new.db", "--json"],
        &["log", "new.db", "--json"],
        &["history", "new.db", &key, "--json"],
        &["show", "new.db", "3", "--json"],
        &["diff", "old.db", "new.db", "-o", "json"],
        &["decode", "value", "-o", "json"],
    ] {
        let outcome = tool::run(dir.path(), args);
        assert!(
            matches!(outcome.status, Some(0 | 1)),
            "{args:?}: {}",
            outcome.stderr
        );
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains(is_harmful), "{args:?}: {text:?}");
        }
        let values = serde_json::Deserializer::from_str(&outcome.stdout).into_iter::<Value>();
        let values: Vec<Value> = values.map(|value| value.expect("JSON")).collect();
        let found: usize = values.iter().map(count).sum();
        assert!(found > 0, "{args:?}: {}", outcome.stdout);
        assert!(!outcome.stdout.contains("\\u00e9"), "{args:?}");
    }
}

/// How often the harmful text is in a value, as a key or within a text.
fn count(value: &Value) -> usize {
    match value {
        Value::String(text) => usize::from(text.contains(HARMFUL)),
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| usize::from(key.contains(HARMFUL)) + count(value))
            .sum(),
        _ => 0,
    }
}

#[test]
fn errors_repeat_no_argument_as_it_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    write_database(&dir.path().join("a.db"), &[("a", b"b")]);
    let loud = "x\u{1b}[31m\u{9b}2J\u{202e}\u{7f}";
    let flag = format!("--{loud}");
    let pair = format!("{loud}/{loud}");
    let path = format!("jsonpath={{.{loud}");
    for args in [
        &[loud][..],
        &["verify", &flag],
        &["verify", "a.db", "--threads", loud],
        &["status", "a.db", "--compat", loud],
        &["status", "a.db", "-w", loud],
        &["show", "a.db", loud],
        &["keys", "a.db", "--rev", loud],
        &["objects", "a.db", loud],
        &["objects", "a.db", &pair],
        &["objects", "a.db", "-o", loud],
        &["objects", "a.db", "-o", &path],
        &["objects", "a.db", "-l", &format!("({loud}")],
        &["objects", "a.db", "--field-selector", loud],
        &["get", "a.db", loud],
        &["get", "a.db", &pair, "-n", loud],
        &["diff", "a.db", "a.db", "--kind", loud],
        &["history", "a.db", loud],
        &["contains", "a.db", "a", "--field", loud],
        &[
            "restore",
            "a.db",
            "--data-dir",
            "d",
            "--name",
            loud,
            "--initial-cluster",
            loud,
        ],
        &["completions", loud],
        &["verify", loud],
        &["wal", loud],
    ] {
        let outcome = tool::run(dir.path(), args);
        assert_ne!(outcome.status, Some(0), "{args:?}");
        for text in [&outcome.stdout, &outcome.stderr] {
            let is_raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!text.contains(is_raw), "{args:?}: {text:?}");
        }
        assert!(!(outcome.stderr + &outcome.stdout).is_empty(), "{args:?}");
    }
}
