//! Every line of JSON that this program prints has a schema in `docs/schemas`, made from the types that are written, and
//! is as it says. `ETCDSNAP_BLESS=1 cargo test --test schemas` writes the schemas.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::schemas::{check, faults};
use support::tool::{command, for_all};
use support::{clusters, testdata};

fn stored_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

fn names_of(schema: &Value, found: &mut Vec<(String, Value)>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, of) in properties {
            found.push((name.clone(), of.clone()));
        }
    }
    match schema {
        Value::Object(members) => members.values().for_each(|inner| names_of(inner, found)),
        Value::Array(items) => items.iter().for_each(|inner| names_of(inner, found)),
        _ => {}
    }
}

#[test]
fn the_schemas_in_the_documentation_are_those_of_the_types_that_are_written() {
    let schemas = etcdsnap::report::schemas();
    let is_blessing = std::env::var_os("ETCDSNAP_BLESS").is_some_and(|value| value == "1");
    if is_blessing {
        std::fs::create_dir_all(stored_in()).expect("a folder for schemas");
    }
    let mut expected = BTreeSet::new();
    for (name, schema) in &schemas {
        let path = stored_in().join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(schema).expect("JSON") + "\n";
        if is_blessing {
            std::fs::write(&path, &text).expect("a schema");
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == text,
            "{name} has another schema now. If this is meant: ETCDSNAP_BLESS=1 cargo test --test schemas"
        );
        expected.insert(path);
    }
    for entry in std::fs::read_dir(stored_in()).expect("the schemas") {
        let path = entry.expect("a readable folder").path();
        assert!(expected.contains(&path), "{} is of no type", path.display());
    }
}

/// What may stand under a name: the types but `null`, without their formats.
fn types_of(schema: &Value) -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    match &schema["type"] {
        Value::String(one) => drop(types.insert(one.clone())),
        Value::Array(some) => {
            types.extend(some.iter().filter_map(Value::as_str).map(str::to_owned))
        }
        _ => {}
    }
    for several in ["anyOf", "oneOf"] {
        let each = schema[several].as_array().into_iter().flatten();
        types.extend(each.flat_map(types_of));
    }
    let constant = schema.get("const").into_iter();
    let values = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(constant);
    types.extend(values.map(|value| match value {
        Value::String(_) => "string".to_owned(),
        Value::Null => "null".to_owned(),
        _ => "integer".to_owned(),
    }));
    types.remove("null");
    types
}

#[test]
fn a_name_has_one_type_in_all_lines() {
    let mut all: BTreeMap<String, BTreeMap<BTreeSet<String>, BTreeSet<&str>>> = BTreeMap::new();
    let schemas = etcdsnap::report::schemas();
    for (line, schema) in &schemas {
        let mut found = Vec::new();
        names_of(schema, &mut found);
        for (name, of) in found {
            // Of records it is the number that etcd counts.
            if (name.as_str(), *line) == ("version", "version") {
                continue;
            }
            let types = all.entry(name).or_default();
            types.entry(types_of(&of)).or_default().insert(line);
        }
    }
    // Of findings `verify` and nobody else counts the notes, beside errors and warnings. What a field was and is may be
    // anything.
    for known in ["notes", "old", "new"] {
        assert!(
            all.remove(known).is_some(),
            "{known} needs no exception any more"
        );
    }
    let odd: Vec<_> = all.iter().filter(|(_, types)| types.len() > 1).collect();
    assert!(odd.is_empty(), "{odd:#?}");
}

/// Ids and checksums of 64 bits are text.
#[test]
fn names_of_ids_are_text() {
    let mut found = Vec::new();
    for schema in etcdsnap::report::schemas().values() {
        names_of(schema, &mut found);
    }
    let is_id =
        |name: &str| name.ends_with("_id") || ["voters", "learners", "vote"].contains(&name);
    let ids: Vec<_> = found.iter().filter(|(name, _)| is_id(name)).collect();
    assert!(ids.len() > 10);
    for (name, schema) in ids {
        let text = schema.to_string();
        assert!(!text.contains("integer"), "{name}: {text}");
    }
}

#[test]
fn a_field_that_is_not_declared_is_a_fault() {
    let line = serde_json::json!({"type": "version", "schema_version": 1, "version": "1", "etcd_release": "3.7"});
    assert_eq!(faults(&line), Vec::<String>::new());
    for (name, value) in [("more", Value::from(1)), ("schema_version", Value::from(2))] {
        let mut other = line.clone();
        other[name] = value;
        assert_eq!(faults(&other).len(), 1, "{name}");
    }
    let nested = serde_json::json!({"type": "event", "schema_version": 1, "op": "put", "action": "update", "revision": 1,
        "sub": 0, "key": "a", "mod_revision": 1, "fields": [{"path": "a", "more": 1}]});
    assert_eq!(faults(&nested).len(), 1);
    let unknown = serde_json::json!({"type": "nothing", "schema_version": 1});
    assert_eq!(faults(&unknown).len(), 1);
}

/// What is asked about each file; `CONFIG` is a configuration, `OTHER` the other snapshot of the cluster or the file.
const ABOUT_FILES: &[&str] = &[
    "status --json FILE",
    "status --json FILE nope FILE",
    "status -w json FILE nope",
    "snapshot status --json FILE",
    "hashkv --json FILE",
    "hashkv -w json FILE FILE --rev 1",
    "verify --json FILE nope",
    "verify -w json --values --all FILE",
    "info --json FILE nope",
    "keys FILE --json",
    "keys FILE --json --deleted",
    "keys FILE /no/such/ -o json",
    "kinds FILE --json",
    "encryption FILE --json",
    "encryption FILE --json --encryption-config CONFIG",
    "objects FILE --json",
    "objects FILE --json --encryption-config CONFIG --rev 9999999",
    "objects FILE pods,secrets -w json --encryption-config CONFIG",
    "objects FILE podz --json",
    "get FILE pods,secret -A --json",
    "get FILE / --prefix --json",
    "get FILE \u{1} --prefix --json --encryption-config CONFIG",
    "get FILE pod/nope /nope --json",
    "history FILE ns/legacy --json",
    "history FILE mark --json",
    "history FILE deploy/web -n shop --json --encryption-config CONFIG",
    "log FILE --json --limit 200",
    "log FILE --reverse --limit 50 -o json",
    "show FILE 502 --json",
    "show FILE 915 -w json",
    "show FILE 1 --json",
    "grep -i a FILE nope --json",
    "grep nginx FILE -l --json",
    "grep . FILE -c --json --rev all --prefix /registry/secrets",
    "contains FILE mark --json",
    "contains FILE ns/default --json",
    "contains FILE ns/default --json --field {.metadata.name}=other",
    "contains FILE ns/nope --json",
    "diff FILE --json",
    "diff FILE OTHER --json",
    "diff FILE OTHER --json --show-managed-fields --noise none --encryption-config CONFIG",
    "diff FILE OTHER -o json --stat",
    "diff FILE OTHER --json --names-only",
    "diff FILE OTHER --json --log",
    "divergence FILE OTHER --json",
    "export FILE --json --out OUT",
    "export FILE cm --json --out -",
    "compact FILE -o OUT --json",
    "compact FILE -o OUT --json --live-only",
    "trailer FILE -o OUT --json",
    "restore FILE --data-dir OUT --json",
    "restore FILE --data-dir OUT --json --plan",
    "restore FILE --data-dir OUT --json --prefix /registry/ --prefix /nope",
    "decode FILE --json",
    "wal FILE --json",
    "version --json",
    "keys FILE --jsn --json",
    "nonsense --json",
    "defrag --json",
];

/// Ids of 64 bits are 16 digits, wherever they stand.
fn assert_ids(value: &Value) {
    let is_id = |id: &Value| {
        let text = id.as_str().unwrap_or_default();
        text.len() == 16 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
    };
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match name.as_str() {
                    // Objects have names of their own.
                    "object" | "fields" | "patch" => {}
                    "lease_id" | "member_id" | "cluster_id" | "vote" => {
                        assert!(inner.is_null() || is_id(inner), "{name}: {inner}");
                    }
                    "voters" | "learners" | "members_removed" => {
                        let ids = inner.as_array().into_iter().flatten();
                        assert!(ids.clone().all(is_id), "{name}: {inner}");
                    }
                    _ => assert_ids(inner),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(assert_ids),
        _ => {}
    }
}

/// Runs a command in `dir`; what it makes is removed again. Every line that it prints must be one of ours.
fn ask(dir: &Path, command_line: &str, [file, other, config]: [&str; 3]) -> Vec<Value> {
    let words = command_line.split(' ').map(|word| match word {
        "FILE" => file,
        "OTHER" => other,
        "CONFIG" => config,
        "OUT" => "out",
        word => word,
    });
    let folder = tempfile::tempdir_in(dir).expect("a folder");
    let words: Vec<String> = words
        .map(|word| match word {
            "out" => folder.path().join(word).display().to_string(),
            word => word.to_owned(),
        })
        .collect();
    let output = command(dir)
        .args(&words)
        .output()
        .expect("the program starts");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let status = output.status.code().expect("an exit status");
    let lines = check(&printed);
    assert_eq!(lines.len(), printed.lines().count(), "{words:?}: {printed}");
    lines.iter().for_each(assert_ids);
    let errors: Vec<&Value> = lines
        .iter()
        .filter(|line| line["type"] == "error")
        .collect();
    // Whatever is said to have gone wrong is a line, too.
    let is_error = |line: &&str| {
        let is_damage = line.contains(": damaged; ") && !line.contains("registry");
        is_damage || line.starts_with("Error: ") || line.starts_with("error: ")
    };
    let is_wrong = said.lines().any(|line| is_error(&line));
    assert_eq!(!errors.is_empty(), is_wrong, "{words:?}: {printed}{said}");
    for error in errors {
        assert_ne!(error["exit_status"], 0, "{words:?}: {error}");
        let worst = error["exit_status"].as_i64() <= Some(status.into());
        assert!(worst || words[0] == "grep", "{words:?}: {error}, {status}");
    }
    lines
}

#[test]
fn whatever_is_printed_as_json_is_as_its_schema_says() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = clusters::unpack(dir.path());
    clusters::unpack_damaged(dir.path(), "not-all-kubernetes");
    clusters::unpack_damaged(dir.path(), "one-pod-tag-changed");
    for name in [
        "real/etcd-3.4.23-a.db",
        "real/etcd-3.6.14-a.db",
        "real/etcd-3.6.14-b.db",
        "real/etcd-3.8.0-alpha-b.db",
        "crafted/00good",
        "crafted/20dupkeys",
        "crafted/24badpb",
        "crafted/08zerometas",
        "crafted/f_nokey",
        "crafted/d_meta_sv_bad",
    ] {
        let base = name.rsplit('/').next().expect("a name");
        std::fs::write(dir.path().join(base), testdata::read(name)).expect("a temporary file");
    }
    std::fs::write(dir.path().join("text"), "just text\n").expect("a temporary file");
    std::fs::write(dir.path().join("none.yaml"), "kind: Nothing\n").expect("a temporary file");
    let mut torn = testdata::read("real/etcd-3.6.14-b.db");
    torn[5 * 4096..8 * 4096].fill(0x5a);
    std::fs::write(dir.path().join("torn"), torn).expect("a temporary file");
    let [before, after, ..] = names.as_slice() else {
        panic!("{names:?}");
    };
    let config = format!("{}.yaml", clusters::CLUSTERS[0]);
    let files: Vec<[&str; 3]> = vec![
        [before, after, &config],
        [after, before, "none.yaml"],
        ["etcd-3.6.14-b.db", "etcd-3.6.14-a.db", "none.yaml"],
        ["etcd-3.4.23-a.db", "etcd-3.8.0-alpha-b.db", &config],
        ["etcd-3.8.0-alpha-b.db", "torn", &config],
        ["torn", "etcd-3.6.14-b.db", &config],
        ["not-all-kubernetes.db", before, &config],
        ["one-pod-tag-changed.db", "not-all-kubernetes.db", &config],
        ["00good", "20dupkeys", &config],
        ["20dupkeys", "24badpb", &config],
        ["24badpb", "20dupkeys", &config],
        ["08zerometas", "f_nokey", &config],
        ["f_nokey", "d_meta_sv_bad", &config],
        ["text", "nope", &config],
        ["nope", "text", &config],
    ];
    // Each command with every third file, so each file with every third command; writers know all of them.
    let each: Vec<(&str, [&str; 3])> = ABOUT_FILES
        .iter()
        .enumerate()
        .flat_map(|(number, command)| {
            let chosen = files.iter().enumerate().filter(move |(place, _)| {
                (number + place) % 3 == 0 || command.starts_with("trailer")
            });
            chosen.map(move |(_, names)| (*command, *names))
        })
        .collect();
    let lines = for_all(&each, |(command, names)| {
        let lines = ask(dir.path(), command, *names);
        let seen = lines.iter().map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (text("type"), text("command"))
        });
        seen.collect::<BTreeSet<_>>()
    });
    let mut seen: BTreeSet<(String, String)> = lines.into_iter().flatten().collect();
    // The log of a data directory.
    let made = command(dir.path())
        .args(["restore", "etcd-3.6.14-b.db", "--data-dir", "data"])
        .output()
        .expect("the program starts");
    assert!(made.status.success());
    for command in [
        "wal FILE --json",
        "verify --json FILE",
        "info --json FILE",
        "decode FILE --json",
    ] {
        let value = dir.path().join("value");
        std::fs::write(
            &value,
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#,
        )
        .expect("a value");
        let file = if command.starts_with("decode") {
            "value"
        } else {
            "data"
        };
        let lines = ask(dir.path(), command, [file, file, file]);
        let types = lines
            .iter()
            .map(|line| line["type"].as_str().expect("a type").to_owned());
        seen.extend(types.map(|name| (name, String::new())));
    }
    // So no schema is of a line that nobody has seen.
    let all: BTreeSet<&str> = etcdsnap::report::schemas().into_keys().collect();
    let types: BTreeSet<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(types, all);
    let ends: BTreeSet<&str> = seen
        .iter()
        .filter(|(name, _)| name == "summary")
        .map(|(_, command)| command.as_str())
        .collect();
    let commands = [
        "diff",
        "divergence",
        "encryption",
        "get",
        "grep",
        "history",
        "keys",
        "kinds",
        "log",
        "objects",
        "show",
    ];
    assert_eq!(ends, commands.into());
}

#[test]
fn each_of_several_files_has_a_line_in_the_order_given_also_where_it_fails() {
    let real = testdata::dir()
        .join("real/etcd-3.6.14-b.db")
        .display()
        .to_string();
    let text = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let files = ["nope", &real, &text, &real];
    for (name, flag, statuses) in [
        ("status", "--json", [Some(2), None, Some(1), None]),
        ("status", "-wjson", [Some(2), None, Some(1), None]),
        ("hashkv", "--json", [Some(2), None, Some(1), None]),
        ("hashkv", "--write-out=json", [Some(2), None, Some(1), None]),
        ("info", "--json", [Some(2), None, Some(1), None]),
        ("info", "-ojson", [Some(2), None, Some(1), None]),
        ("verify", "--json", [None; 4]),
    ] {
        let output = command(dir.path()).arg(name).arg(flag).args(files).output();
        let output = output.expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{name} {flag}");
        let lines = check(&String::from_utf8(output.stdout).expect("UTF-8"));
        assert_eq!(lines.len(), files.len(), "{name} {flag}: {lines:?}");
        for ((line, file), status) in lines.iter().zip(files).zip(statuses) {
            assert_eq!(line["file"], file, "{name} {flag}");
            assert_eq!(
                line["exit_status"].as_i64(),
                status,
                "{name} {flag}: {line}"
            );
            let expected = if status.is_some() { "error" } else { name };
            assert_eq!(line["type"], expected, "{name} {flag}");
        }
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        for line in said.lines().filter(|line| line.starts_with("Error: ")) {
            let is_named = files.iter().any(|file| line.contains(file));
            assert!(is_named, "{name} {flag}: {line}");
        }
    }
}

#[test]
fn what_etcds_tools_print_and_what_is_kubectls_stays_as_it_is() {
    let real = testdata::dir()
        .join("real/etcd-3.6.14-b.db")
        .display()
        .to_string();
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (arguments, is_silent) in [
        (&["status", "-w", "json", &real][..], false),
        (&["hashkv", "-w", "json", &real], false),
        (&["snapshot", "status", "--write-out=json", &real], false),
        (&["status", "-w", "json", "nope"], true),
        (&["hashkv", "-w", "json", "nope"], true),
        (&["status", "-w", "json"], true),
        (&["--write-out=json", "snapshot", "status"], true),
        (&["get", &real, "nope", "-o", "json"], true),
        (&["get", &real, "mark", "-o", "etcdctl-json"], false),
        (&["objects", "nope", "-o", "json"], true),
        (&["decode", "nope", "-o", "json"], true),
    ] {
        let output = command(dir.path())
            .args(arguments)
            .output()
            .expect("the program starts");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            !printed.contains("schema_version"),
            "{arguments:?}: {printed}"
        );
        assert_eq!(printed.is_empty(), is_silent, "{arguments:?}: {printed}");
    }
}

fn lines_of_diff(dir: &Path, [old, new]: [&str; 2], flags: &[&str]) -> Vec<Value> {
    let output = command(dir)
        .args(["diff", old, new, "--json"])
        .args(flags)
        .output();
    check(&String::from_utf8(output.expect("the program starts").stdout).expect("UTF-8"))
}

#[test]
fn a_diff_in_json_tells_what_its_flags_say_and_no_managed_fields_unless_asked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = clusters::unpack(dir.path());
    let pair = [names[0].as_str(), names[1].as_str()];
    let whole = lines_of_diff(dir.path(), pair, &[]);
    let stat = lines_of_diff(dir.path(), pair, &["--stat"]);
    assert_eq!(stat.len(), 1, "{stat:?}");
    assert_eq!(stat.last(), whole.last());
    let only_names = lines_of_diff(dir.path(), pair, &["--names-only"]);
    let allowed = [
        "type",
        "schema_version",
        "change",
        "key",
        "key_base64",
        "api_version",
        "kind",
        "namespace",
        "name",
    ];
    let (summary, changes) = only_names.split_last().expect("lines");
    assert_eq!(Some(summary), whole.last());
    assert!(changes.len() > 5);
    for line in changes {
        assert_eq!(line["type"], "change");
        let more: Vec<&String> = line.as_object().expect("an object").keys().collect();
        assert!(
            more.iter().all(|name| allowed.contains(&name.as_str())),
            "{line}"
        );
        assert!(
            line["name"].is_string()
                || !line["key"]
                    .as_str()
                    .is_some_and(|key| key.contains("/pods/"))
        );
    }
    let about_managed = |lines: &[Value]| {
        let patches = lines.iter().filter_map(|line| line["patch"].as_array());
        let steps = patches.flatten();
        steps
            .filter(|step| step.to_string().contains("managedFields"))
            .count()
    };
    assert_eq!(about_managed(&whole), 0);
    let shown = lines_of_diff(dir.path(), pair, &["--show-managed-fields"]);
    assert!(about_managed(&shown) > 0);
    assert_eq!(shown.len(), whole.len());
}

#[test]
fn lines_about_keys_of_objects_tell_kind_namespace_and_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = clusters::unpack(dir.path());
    let config = format!("{}.yaml", clusters::CLUSTERS[0]);
    for command in [
        "keys FILE /registry/pods/ --json",
        "log FILE /registry/pods/ --json",
        "get FILE /registry/pods/ --prefix --json",
        "history FILE pods/web-0 -n shop --json",
        "show FILE 915 --json",
        "grep image FILE --kind pods --json",
        "diff FILE OTHER --json --kind pods",
        "objects FILE pods --json",
    ] {
        let lines = ask(dir.path(), command, [&names[1], &names[0], &config]);
        let about = lines.iter().filter(|line| {
            let key = line["key"].as_str().unwrap_or_default();
            key.starts_with("/registry/pods/") || line["type"] == "object"
        });
        for line in about {
            for name in ["api_version", "kind", "namespace", "name"] {
                assert!(line[name].is_string(), "{command}: {name} of {line}");
            }
            assert_eq!(line["kind"], "Pod", "{command}");
        }
    }
}
