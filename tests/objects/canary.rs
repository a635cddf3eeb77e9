//! A word that stands only in what Secrets hold is printed by no command, in no form, in no coding, to no stream
//! and to no file, unless secrets are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::database::{Bucket, Database, Elements};
use crate::support::tool::{self, for_all};
use crate::support::wire::{field, varint};

/// What is in every canary. No number of digits can have it in hex by chance.
const WORD: &str = "Ws9Kq2XvRt5Y";
/// A canary before the last change, and after it.
const CANARIES: [&str; 2] = ["old-Ws9Kq2XvRt5Y-1", "new-Ws9Kq2XvRt5Y-22"];

/// What is run for each command. `OLD` and `NEW` are snapshots, `DIR` is a folder that is not there yet, `MADE` a
/// data directory, `VALUE` is each stored value in turn. A command without a line fails the test.
const TABLE: &[(&str, &[&str])] = &[
    (
        "status",
        &[
            "status NEW",
            "status NEW -w json",
            "status NEW CUT --json",
            "status NEW -w fields",
            "status NEW -w table",
        ],
    ),
    (
        "hashkv",
        &["hashkv NEW", "hashkv NEW -w json", "hashkv NEW CUT --json"],
    ),
    (
        "verify",
        &[
            "verify NEW --all",
            "verify NEW --json",
            "verify MADE",
            "verify CUT --all --json",
        ],
    ),
    ("info", &["info NEW", "info NEW --json"]),
    (
        "keys",
        &[
            "keys NEW --long",
            "keys NEW --json",
            "keys NEW --deleted",
            "keys NEW -w json",
        ],
    ),
    (
        "compact",
        &[
            "compact NEW -o DIR",
            "compact NEW -o DIR --live-only --json",
        ],
    ),
    (
        "contains",
        &[
            "contains NEW secret/json -n ns --value-equals x",
            "contains NEW secret/json -n ns --field {.data.p}=x",
            "contains NEW secret/json -n ns --field {.data.p}=x --json",
            "contains NEW --key /registry/secrets/ns/cut --value-equals x",
        ],
    ),
    (
        "decode",
        &[
            "decode VALUE",
            "decode VALUE -o yaml",
            "decode VALUE -o json",
            "decode VALUE --json",
        ],
    ),
    (
        "describe",
        &[
            "describe NEW secrets,cm,deploy,pods --show-events",
            "describe NEW secret/json -n ns",
            "describe NEW secret js -n ns --show-managed-fields",
            "describe OLD secrets",
        ],
    ),
    (
        "diff",
        &[
            "diff OLD NEW",
            "diff OLD NEW -o text --noise none --flat",
            "diff OLD NEW --json --noise none",
            "diff OLD NEW -o json --show-managed-fields",
            "diff OLD NEW -w json",
            "diff OLD NEW -o markdown --noise none",
            "diff OLD NEW --log",
            "diff OLD NEW --log --json",
            "diff OLD NEW --names-only",
            "diff OLD NEW --stat",
            "diff OLD NEW -U 9",
            "diff NEW OLD --json",
            "diff NEW --from 3",
            "diff OLD NEW -o manifests --to-old --out DIR",
            "diff OLD NEW -o manifests --to-new --out DIR",
            "diff NEW OLD -o manifests --to-new --out DIR",
        ],
    ),
    (
        "divergence",
        &[
            "divergence OLD NEW",
            "divergence OLD OTHER",
            "divergence OLD OTHER --json",
        ],
    ),
    ("encryption", &["encryption NEW", "encryption NEW --json"]),
    (
        "export",
        &[
            "export NEW --out -",
            "export NEW --out - --as-stored --include-owned",
            "export NEW --out DIR",
            "export NEW --out DIR --as-stored --include-owned --show-managed-fields",
            "export NEW secrets --out DIR",
            "export NEW --out DIR --json",
            "export OLD --out DIR",
        ],
    ),
    (
        "get",
        &[
            "get NEW / --prefix",
            "get NEW / --prefix --json",
            "get NEW / --prefix -w json",
            "get NEW / --prefix -o yaml",
            "get NEW / --prefix -o json",
            "get NEW / --prefix -o raw --force",
            "get NEW / --prefix -o hex",
            "get NEW / --prefix -o fields",
            "get NEW / --prefix -o etcdctl-json",
            "get NEW / --prefix --show-managed-fields -o yaml",
            "get OLD / --prefix",
            "get NEW secret/json -n ns",
            "get NEW secret/json",
            "get NEW nothing/json",
            "get NEW secrets -o table --show-labels",
            "get NEW secrets -o wide --sort-by=.data.p",
            "get NEW secrets -o name",
            "get NEW secrets -o kyaml",
            "get NEW secrets -o jsonpath-as-json={.items[*]}",
            "get NEW /registry/secrets/ns/json -o ndjson",
            "get NEW secrets -o jsonpath={.items[*]}",
            "get NEW secrets -o jsonpath-file=DIR",
            "get NEW secrets -o custom-columns=A:.data,B:.metadata.annotations,C:.stringData",
            "get NEW secrets -o custom-columns-file=DIR",
        ],
    ),
    (
        "grep",
        &[
            "grep . NEW",
            "grep . NEW --json",
            "grep . OLD NEW --rev all",
            "grep -i ws9kq2 NEW -l",
        ],
    ),
    (
        "history",
        &[
            "history NEW EACH",
            "history NEW EACH --json",
            "history NEW EACH --show-managed-fields",
        ],
    ),
    ("kinds", &["kinds NEW", "kinds NEW --json"]),
    ("log", &["log NEW", "log NEW --json"]),
    (
        "objects",
        &[
            "objects NEW",
            "objects NEW -o table",
            "objects NEW -o wide",
            "objects NEW -o name",
            "objects NEW -o yaml",
            "objects NEW -o kyaml",
            "objects NEW -o jsonpath-as-json={.items[*]}",
            "objects NEW -o json",
            "objects NEW -o ndjson --show-managed-fields",
            "objects NEW -o jsonpath={.items[*]}",
            "objects NEW secrets -o jsonpath={.items[*].data}{.items[*].metadata.annotations}",
            "objects NEW --json",
            "objects OLD -w json",
            "objects NEW secret/json -n ns -o yaml",
            "objects NEW secrets --field-selector data.p=x",
            "objects NEW secrets --sort-by=.data.p -L app --show-labels",
            "objects NEW -o jsonpath-file=DIR",
            "objects NEW -o custom-columns-file=DIR",
            "objects NEW -o custom-columns=A:.data,B:.metadata.annotations,C:.stringData,D:.unknown",
        ],
    ),
    (
        "restore",
        &[
            "restore NEW --skip-hash-check --data-dir DIR",
            "restore NEW --skip-hash-check --plan",
            "restore NEW --skip-hash-check --data-dir DIR --json",
        ],
    ),
    ("show", &["show NEW REVISION", "show NEW REVISION --json"]),
    (
        "snapshot",
        &[
            "snapshot status NEW",
            "snapshot restore NEW --skip-hash-check --data-dir DIR",
        ],
    ),
    (
        "trailer",
        &["trailer NEW -o DIR", "trailer NEW -o DIR --json"],
    ),
    ("wal", &["wal MADE", "wal MADE --json"]),
    ("version", &["version", "version --json"]),
    ("completions", &["completions bash"]),
    ("man", &["man DIR"]),
    ("help", &["help", "help get"]),
];

fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, bytes) in fields {
        field(&mut out, *number, bytes);
    }
    out
}

/// A Secret as the API server stores it, with a field that no release has.
fn protobuf(canary: &str, api_version: &str, kind: &str, with_unknown: bool) -> Vec<u8> {
    let annotation = message(&[(1, b"note"), (2, canary.as_bytes())]);
    let metadata = message(&[(1, b"a"), (3, b"ns"), (5, b"u"), (12, &annotation)]);
    let data = message(&[(1, b"p"), (2, canary.as_bytes())]);
    let mut secret = message(&[(1, &metadata), (2, &data), (3, b"Opaque"), (4, &data)]);
    if with_unknown {
        field(&mut secret, 9, canary.as_bytes());
    }
    let meta = message(&[(1, api_version.as_bytes()), (2, kind.as_bytes())]);
    [b"k8s\0", &message(&[(1, &meta), (2, &secret)])[..]].concat()
}

fn gzip(text: &str) -> String {
    use std::io::Write as _;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text.as_bytes()).expect("memory");
    STANDARD.encode(writer.finish().expect("memory"))
}

/// Every value that holds the canary, by its key.
fn values(canary: &str) -> BTreeMap<String, Vec<u8>> {
    let coded = STANDARD.encode(canary);
    let hex: String = canary.bytes().map(|b| format!("{b:02x}")).collect();
    let escaped: String = canary.bytes().map(|b| format!("\\u{b:04x}")).collect();
    let copy =
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"p": canary}}).to_string();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": "json", "namespace": "ns", "uid": "u", "labels": {"app": "web"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": copy,
                "kapp.k14s.io/original": copy,
                "kapp.k14s.io/original-diff": format!("- value:\n    p: {coded}\n"),
                "objectset.rio.cattle.io/applied": gzip(&copy),
                "banzaicloud.com/last-applied": STANDARD.encode(&copy),
                "cert-manager.io/common-name": canary,
                "meta.helm.sh/release-name": coded,
                "helm.sh/hook": hex,
                "example.com/yaml": format!("p: {canary}\n"),
                "note": canary,
                "kubernetes.io/description": format!("the password is {canary}"),
                "url": format!("https://example.com/?p={canary}"),
            },
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:data": {"f:p": {}}}}],
        },
        "data": {"p": coded, "nested": STANDARD.encode(&coded), "odd": canary},
        "stringData": {"p": canary, "number": [canary]},
        "unknown": {"p": canary},
    });
    let of = |change: &dyn Fn(&mut Value)| {
        let mut secret = secret.clone();
        change(&mut secret);
        secret.to_string().into_bytes()
    };
    let text = secret.to_string();
    let cut = text[..text.len() - 9].to_owned().into_bytes();
    let mut cut_protobuf = protobuf(canary, "v1", "Secret", false);
    cut_protobuf[3] = 1;
    let yaml = format!("apiVersion: v1\nkind: Secret\nstringData:\n  p: {canary}\n");
    let token = format!(
        "eyJhbGciOiJIUzI1NiJ9.eyJ{}.{WORD}",
        STANDARD.encode(canary).trim_end_matches('=')
    );
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "copy", "namespace": "ns", "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": copy,
        }},
        "data": {"secret.yaml": yaml, "secret.json": copy, "release": gzip(&yaml), "header": format!("Bearer {token}"),
            "coded": STANDARD.encode(&yaml)},
        "bundle": [{"kind": "Secret", "apiVersion": "v1", "data": {"p": coded}}],
    });
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": "worker.18ea058abdc8981b", "namespace": "ns"},
        "involvedObject": {"kind": "Pod", "name": "worker", "namespace": "ns"},
        "message": format!("refused: {token}"),
    });
    let twice = format!(
        "{{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"data\":{{\"p\":\"{coded}\"}},\"data\":{{}}}}"
    );
    [
        ("/registry/secrets/ns/json", text.clone().into_bytes()),
        (
            "/registry/secrets/ns/proto",
            protobuf(canary, "v1", "Secret", false),
        ),
        (
            "/registry/secrets/ns/newer",
            protobuf(canary, "v1", "Secret", true),
        ),
        (
            "/registry/secrets/ns/proto-kind",
            protobuf(canary, "v1", "Sacret", false),
        ),
        (
            "/registry/secrets/ns/proto-version",
            protobuf(canary, "w1", "Secret", false),
        ),
        (
            "/registry/secrets/ns/version",
            of(&|s| s["apiVersion"] = json!("w1")),
        ),
        (
            "/registry/secrets/ns/kind",
            of(&|s| s["kind"] = json!("Sacret")),
        ),
        (
            "/registry/secrets/ns/no-kind",
            of(&|s| drop(s.as_object_mut().expect("an object").remove("kind"))),
        ),
        (
            "/registry/secrets/ns/list",
            json!({"kind": "SecretList", "apiVersion": "v1", "items": [secret]})
                .to_string()
                .into(),
        ),
        ("/registry/secrets/ns/cut", cut.clone()),
        (
            "/registry/secrets/ns/escaped",
            format!(
                "{{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"data\":{{\"p\":\"{escaped}\"}}}}"
            )
            .into(),
        ),
        ("/registry/secrets/ns/twice", twice.clone().into()),
        ("/registry/secrets/ns/text", canary.into()),
        (
            "/registry/secrets/ns/bytes",
            [&b"\xff\0"[..], canary.as_bytes()].concat(),
        ),
        (
            "/registry/secrets/ns/array",
            json!([canary]).to_string().into(),
        ),
        (
            "/registry/example.com/secrets/ns/custom",
            of(&|s| s["apiVersion"] = json!("example.com/v1")).to_vec(),
        ),
        ("/kubernetes.io/secrets/ns/openshift", text.into()),
        ("/elsewhere/json", of(&|_| {})),
        ("/elsewhere/array", json!([secret]).to_string().into()),
        ("/elsewhere/cut", cut),
        ("/elsewhere/twice", twice.into()),
        ("/elsewhere/protobuf-cut", cut_protobuf),
        (
            "/elsewhere/protobuf",
            protobuf(canary, "v1", "Secret", true),
        ),
        ("/elsewhere/yaml", yaml.into()),
        ("/elsewhere/token", token.into()),
        ("/bootstrap/0123456789ab", canary.into()),
        ("/registry/configmaps/ns/copy", map.to_string().into()),
        (
            "/registry/events/ns/worker.18ea058abdc8981b",
            event.to_string().into(),
        ),
    ]
    .into_iter()
    // `spec` of another group is not a secret.
    .map(
        |(key, value): (&str, Vec<u8>)| match key.contains("example.com") {
            true => {
                let mut object: Value = serde_json::from_slice(&value).expect("JSON");
                object.as_object_mut().expect("an object").remove("unknown");
                (key.to_owned(), object.to_string().into())
            }
            false => (key.to_owned(), value),
        },
    )
    .collect()
}

/// A snapshot of puts and deletions, each at a revision of its own, from 2 on.
fn write(path: &Path, steps: &[(String, Option<Vec<u8>>)]) {
    let mut records = Elements::new();
    let mut lives: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (at, (key, value)) in steps.iter().enumerate() {
        let main = at as u64 + 2;
        let mut name = Vec::from(main.to_be_bytes());
        name.push(b'_');
        name.extend(0u64.to_be_bytes());
        let mut record = message(&[(1, key.as_bytes())]);
        match value {
            Some(value) => {
                let (created, version) = lives.entry(key).or_insert((main, 0));
                *version += 1;
                for (tag, number) in [(0x10, *created), (0x18, main), (0x20, *version)] {
                    record.push(tag);
                    varint(&mut record, number);
                }
                field(&mut record, 5, value);
            }
            None => {
                lives.remove(key.as_str());
                name.push(b't');
            }
        }
        records.insert(name, (0, record));
    }
    let key = Bucket {
        leaves: records.len().max(1),
        elements: records,
        ..Bucket::default()
    };
    let buckets = [
        (b"key".to_vec(), key),
        (b"meta".to_vec(), Bucket::default()),
    ];
    let database = Database {
        buckets: buckets.into(),
        ..Database::default()
    };
    fs::write(path, database.lay_out()).expect("a file");
}

/// Snapshots before and after every value changed, one was deleted and one came to be.
fn scene() -> (TempDir, Vec<String>, usize) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [old, new] = CANARIES.map(values);
    let keys: Vec<String> = old.keys().cloned().collect();
    let put = |(key, value): (&String, &Vec<u8>)| (key.clone(), Some(value.clone()));
    let mut steps: Vec<_> = old.iter().map(put).collect();
    steps.push((
        "/registry/secrets/ns/gone".into(),
        Some(old["/registry/secrets/ns/json"].clone()),
    ));
    write(&dir.path().join("old.db"), &steps);
    steps.extend(new.iter().map(put));
    steps.push(("/registry/secrets/ns/gone".into(), None));
    steps.push((
        "/registry/secrets/ns/come".into(),
        Some(new["/registry/secrets/ns/json"].clone()),
    ));
    write(&dir.path().join("new.db"), &steps);
    let revisions = steps.len() + 1;
    // Of another history, and one that is damaged.
    steps.swap(0, 1);
    write(&dir.path().join("other.db"), &steps);
    let whole = fs::read(dir.path().join("new.db")).expect("a file");
    fs::write(dir.path().join("cut.db"), &whole[..whole.len() * 2 / 3]).expect("a file");
    for (number, value) in new.values().enumerate() {
        fs::write(dir.path().join(format!("{number}.value")), value).expect("a file");
        let text = STANDARD.encode(value);
        fs::write(dir.path().join(format!("{number}.base64.value")), text).expect("a file");
    }
    (dir, keys, revisions)
}

/// The canary as it may be written: plain, in base64 wherever it begins, in hex, with its characters escaped.
fn forms() -> Vec<String> {
    let mut forms = vec![WORD.to_owned(), WORD.to_lowercase()];
    for before in 0..3 {
        let text = STANDARD.encode(format!("{}{WORD}", "\0".repeat(before)));
        forms.push(text[(before * 8).div_ceil(6)..(before + WORD.len()) * 8 / 6].to_owned());
    }
    let each = |write: &dyn Fn(u8) -> String| WORD.bytes().map(write).collect::<String>();
    forms.push(each(&|b| format!("{b:02x}")));
    forms.push(each(&|b| format!("{b:02X}")));
    forms.push(each(&|b| format!("\\u{b:04x}")));
    forms.push(each(&|b| format!("\\x{b:02x}")));
    forms.push(each(&|b| format!("%{b:02x}")));
    forms.push(WORD.bytes().rev().map(char::from).collect());
    forms
}

/// Everything a run wrote: both streams, and the files of a folder.
fn written(output: &std::process::Output, made: &Path, with_files: bool) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("stdout".to_owned(), output.stdout.clone()),
        ("stderr".to_owned(), output.stderr.clone()),
    ];
    let mut open: Vec<PathBuf> = vec![made.to_owned()];
    while let Some(path) = open.pop().filter(|_| with_files) {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if let Ok(bytes) = fs::read(&path) {
            all.push((path.display().to_string(), bytes));
        }
    }
    all
}

fn contains(bytes: &[u8], form: &str) -> bool {
    bytes
        .windows(form.len())
        .any(|window| window == form.as_bytes())
}

/// The lines of the table with nothing left to be put in.
fn runs(keys: &[String], revisions: usize) -> Vec<String> {
    let lines = TABLE.iter().flat_map(|(_, lines)| lines.iter());
    // What nothing but its key tells of, is decoded with the key alone.
    let by_key = [
        "text",
        "bytes",
        "array",
        "/kind",
        "no-kind",
        "proto-kind",
        "bootstrap",
    ];
    let values = || {
        keys.iter().enumerate().flat_map(move |(n, key)| {
            let names = [format!("{n}.value"), format!("{n}.base64.value")];
            let with_key = names.clone().map(|name| format!("{name} --etcd-key {key}"));
            let is_known = !by_key.iter().any(|end| key.contains(end)) || key.contains("elsewhere");
            names.into_iter().filter(move |_| is_known).chain(with_key)
        })
    };
    let mut runs = BTreeSet::new();
    for line in lines {
        let line = line
            .replace("OLD", "old.db")
            .replace("NEW", "new.db")
            .replace("OTHER", "other.db")
            .replace("CUT", "cut.db")
            .replace("MADE", "made");
        if line.contains("EACH") {
            runs.extend(keys.iter().map(|key| line.replace("EACH", key)));
        } else if line.contains("VALUE") {
            runs.extend(values().map(|value| line.replace("VALUE", &value)));
        } else if line.contains("REVISION") {
            let numbers = (2..=revisions).rev();
            runs.extend(numbers.map(|n| line.replace("REVISION", &n.to_string())));
        } else {
            runs.insert(line);
        }
    }
    runs.into_iter().collect()
}

#[test]
fn no_command_and_no_form_prints_what_a_secret_holds() {
    let (dir, keys, revisions) = scene();
    let args = "restore new.db --skip-hash-check --data-dir made";
    let made = tool::run(dir.path(), args.split(' '));
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    let runs: Vec<(usize, String)> = runs(&keys, revisions).into_iter().enumerate().collect();
    assert!(runs.len() > 300, "{}", runs.len());
    let forms = forms();
    let shown = for_all(&runs, |(number, args)| {
        let folder = format!("out-{number}");
        let args = args.replace("DIR", &folder);
        let output = tool::command(dir.path()).args(args.split(' ')).output();
        let output = output.expect("the program starts");
        assert!(output.status.code().is_some(), "{args}");
        // Databases hold what they are copies of.
        let is_database = ["restore", "compact", "trailer", "snapshot"]
            .iter()
            .any(|command| args.starts_with(command));
        let made = dir.path().join(&folder);
        let mut shown = Vec::new();
        for (name, bytes) in written(&output, &made, !is_database) {
            for form in forms.iter().filter(|form| contains(&bytes, form)) {
                let at = String::from_utf8_lossy(&bytes);
                let at = at.find(form.as_str()).unwrap_or_default();
                let line = String::from_utf8_lossy(
                    &bytes[at.saturating_sub(80)..bytes.len().min(at + 40)],
                )
                .into_owned();
                shown.push(format!("{args}: {form} in {name}: {line}"));
            }
        }
        shown
    });
    let shown: Vec<String> = shown.into_iter().flatten().collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn who_asks_for_secrets_sees_them() {
    let (dir, _, _) = scene();
    for args in [
        "get new.db / --prefix --show-secrets",
        "get new.db / --prefix --show-secrets -o raw --force",
        "objects new.db secrets -o yaml --show-secrets",
        "history new.db /registry/secrets/ns/json --json --show-secrets",
        "diff old.db new.db --json --show-secrets",
        "export new.db secrets --out - --show-secrets",
    ] {
        let output = tool::command(dir.path()).args(args.split(' ')).output();
        let output = output.expect("the program starts");
        assert!(contains(&output.stdout, WORD), "{args}");
    }
}

#[test]
fn every_command_and_every_form_is_in_the_table() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let help = |args: &str| tool::run(dir.path(), args.split(' ')).stdout;
    let listed = help("--help");
    let listed: BTreeSet<&str> = listed
        .lines()
        .skip_while(|line| *line != "Check:")
        .take_while(|line| *line != "Options:")
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let known: BTreeSet<&str> = TABLE.iter().map(|(command, _)| *command).collect();
    assert!(listed.len() > 20, "{listed:?}");
    assert_eq!(
        listed, known,
        "a command is missing in the table of this test"
    );
    for (command, lines) in TABLE {
        let text = help(&format!("help {command}"));
        for form in output_forms(&text) {
            let is_asked = |line: &&&str| {
                line.split(' ')
                    .skip_while(|word| *word != "-o")
                    .nth(1)
                    .is_some_and(|word| word == form || word.starts_with(&format!("{form}=")))
            };
            assert!(
                lines.iter().any(|line| is_asked(&line)),
                "{command} -o {form}"
            );
        }
        if text.contains("--json") && *command != "diff" {
            assert!(
                lines.iter().any(|line| line.contains("--json")),
                "{command} --json"
            );
        }
    }
    assert_eq!(output_forms(&help("help get")).len(), 16);
    assert!(output_forms(&help("help objects")).contains(&"jsonpath".to_owned()));
    assert!(output_forms(&help("help diff")).contains(&"manifests".to_owned()));
}

/// The forms that the help of a command names for `-o`.
fn output_forms(help: &str) -> Vec<String> {
    let is_flag =
        |line: &str| line.trim_start().starts_with('-') && line.trim_start().contains("--");
    let mut lines = help
        .lines()
        .skip_while(|line| !line.contains("-o, --output <"));
    let Some(first) = lines.next() else {
        return Vec::new();
    };
    let rest: Vec<&str> = lines
        .take_while(|line| !is_flag(line) && !line.ends_with(':') || line.contains("Possible"))
        .collect();
    let one_a_line: Vec<String> = rest
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("- ")?.split_once(':'))
        .map(|(form, _)| form.to_owned())
        .collect();
    if !one_a_line.is_empty() {
        return one_a_line;
    }
    let text = format!("{first} {}", rest.join(" "));
    let list = match (
        text.split_once("possible values: "),
        text.split_once("The form: "),
    ) {
        (Some((_, list)), _) => list.split(']').next().unwrap_or_default(),
        (None, Some((_, list))) => list,
        _ => return Vec::new(),
    };
    list.split([',', ' '])
        .map(|word| word.split('=').next().unwrap_or_default())
        .filter(|word| !word.is_empty() && *word != "or")
        .map(str::to_owned)
        .collect()
}
