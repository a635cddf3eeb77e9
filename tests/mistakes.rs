//! Mistakes that readers of etcd's files are known to make, on histories small enough to be read.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::{Value, json};
use support::bytes;
use support::database::{Bucket, Database};
use support::tool::{self, Outcome};
use support::wire;
use tempfile::TempDir;

/// Records in the order in which they are written, each a revision of its own unless said otherwise.
struct History {
    bucket: Bucket,
    revision: u64,
    sub: u64,
}

impl History {
    fn new() -> Self {
        Self {
            bucket: Bucket::default(),
            revision: 1,
            sub: 0,
        }
    }

    fn add(mut self, mark: &str, record: &[u8]) -> Self {
        let key = bytes::one(&format!("rev:{}.{}{mark}", self.revision, self.sub));
        self.bucket.elements.insert(key, (0, record.to_vec()));
        self
    }

    fn next(mut self) -> Self {
        self.revision += 1;
        self.sub = 0;
        self
    }

    fn record(&self, key: &str, create: u64, version: u64, value: &str) -> Vec<u8> {
        let mut out = field(1, key);
        for (tag, number) in [(2u8, create), (3, self.revision), (4, version)] {
            out.push(tag << 3);
            out.extend(varint(number));
        }
        out.extend(field(5, value));
        out
    }

    fn put(self, key: &str, create: u64, version: u64, value: &str) -> Self {
        let this = self.next();
        let record = this.record(key, create, version, value);
        this.add("", &record)
    }

    /// A key that was not there.
    fn create(self, key: &str, value: &str) -> Self {
        let revision = self.revision + 1;
        self.put(key, revision, 1, value)
    }

    /// A new key in the revision of the change before.
    fn create_too(mut self, key: &str, value: &str) -> Self {
        self.sub += 1;
        let record = self.record(key, self.revision, 1, value);
        self.add("", &record)
    }

    fn delete(self, key: &str) -> Self {
        self.next().add("t", &field(1, key))
    }

    /// The file, its records spread over so many leaves.
    fn file(mut self, leaves: usize) -> File {
        self.bucket.leaves = leaves;
        let mut database = Database::default();
        database.buckets.insert(b"key".to_vec(), self.bucket);
        database.buckets.insert(b"meta".to_vec(), Bucket::default());
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("snap.db"), database.lay_out()).expect("a file");
        File(dir)
    }
}

fn varint(number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    wire::varint(&mut out, number);
    out
}

fn field(number: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    wire::field(&mut out, number, content.as_ref());
    out
}

struct File(TempDir);

impl File {
    fn ask(&self, command: &str, words: &[&str]) -> Outcome {
        let words = [&[command, "snap.db"], words].concat();
        tool::run(self.0.path(), words)
    }

    fn answer(&self, command: &str, words: &[&str]) -> String {
        let outcome = self.ask(command, words);
        assert_eq!(outcome.status, Some(0), "{command} {words:?}: {outcome:?}");
        outcome.stdout
    }

    fn keys(&self, words: &[&str]) -> Vec<String> {
        let text = self.answer("keys", words);
        text.lines().map(String::from).collect()
    }

    /// The lines of JSON without the summary.
    fn lines(&self, command: &str, words: &[&str]) -> Vec<Value> {
        let text = self.answer(command, &[words, &["--json"]].concat());
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"));
        let mut lines: Vec<Value> = lines.collect();
        lines.retain(|line| line["type"] != "summary");
        lines
    }
}

fn words<'l>(lines: &'l [Value], name: &str) -> Vec<&'l str> {
    lines
        .iter()
        .map(|line| line[name].as_str().unwrap_or("none"))
        .collect()
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> String {
    let mut metadata = json!({"name": name});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}).to_string()
}

#[test]
fn a_deleted_key_is_not_listed_and_has_no_value() {
    let file = History::new()
        .create("a", "1")
        .create("b", "2")
        .delete("a")
        .file(1);
    assert_eq!(file.keys(&[]), ["b"]);
    assert_eq!(file.keys(&["--deleted"]), ["a"]);
    let gone = file.ask("get", &["a"]);
    assert_eq!((gone.status, gone.stdout.as_str()), (Some(1), ""));
    assert!(gone.stderr.contains("deleted at revision 4"), "{gone:?}");
    assert_eq!(file.ask("contains", &["a"]).status, Some(1));
    assert_eq!(file.answer("get", &["--prefix", "-o", "raw", ""]), "2");
    // Before, it was there.
    assert_eq!(file.keys(&["--rev", "3"]), ["a", "b"]);
    assert_eq!(file.answer("get", &["a", "--rev", "3", "-o", "raw"]), "1");
}

#[test]
fn a_key_made_anew_shows_its_new_life_and_not_the_old_one() {
    let file = History::new()
        .create("a", "old")
        .put("a", 2, 2, "older than you think")
        .delete("a")
        .create("a", "new")
        .file(2);
    assert_eq!(file.answer("get", &["a", "-o", "raw"]), "new");
    assert_eq!(
        file.answer("get", &["a", "-o", "fields"]),
        "\"Key\" : \"a\"\n\"CreateRevision\" : 5\n\"ModRevision\" : 5\n\"Version\" : 1\n\"Value\" : \"new\"\n\"Lease\" : 0\n\
         \"More\" : false\n\"Count\" : 1\n"
    );
    assert_eq!(file.keys(&[]), ["a"]);
    assert!(file.ask("keys", &["--deleted"]).stdout.is_empty());
    let life = file.lines("history", &["a"]);
    assert_eq!(
        words(&life, "action"),
        ["create", "update", "delete", "re-create"]
    );
    // What it was before its deletion is compared with the new value.
    assert_eq!(
        words(&life, "change"),
        ["none", "other-bytes", "none", "other-bytes"]
    );
}

#[test]
fn a_list_shows_the_newest_value_wherever_its_record_is() {
    // The newest record is on the last leaf for one key, on the first for another; nine sorts below ten
    // only as a number.
    let mut history = History::new().create("first", "1").create("grows", "1");
    for version in 2..=12 {
        history = history.put("grows", 3, version, &"x".repeat(version as usize));
    }
    let file = history.file(5);
    let lines = file.lines("keys", &[]);
    assert_eq!(words(&lines, "key"), ["first", "grows"]);
    assert_eq!(
        (&lines[1]["mod_revision"], &lines[1]["version"]),
        (&json!(14), &json!(12))
    );
    assert_eq!(lines[1]["value_size"], 12);
    assert_eq!(file.answer("get", &["grows", "-o", "raw"]), "x".repeat(12));
    assert_eq!(
        file.answer("get", &["grows", "--rev", "12", "-o", "raw"]),
        "x".repeat(10)
    );
    assert_eq!(
        file.answer("keys", &["--limit", "1", "--reverse"]),
        "grows\n"
    );
}

#[test]
fn the_changes_of_a_transaction_are_in_the_order_of_numbers_and_not_of_text() {
    let mut history = History::new().create("k0", "");
    for number in 1..=11 {
        history = history.create_too(&format!("k{number}"), "");
    }
    let file = history.file(3);
    let expected: Vec<String> = (0..=11).map(|number| format!("k{number}")).collect();
    for (command, options) in [("log", &[][..]), ("log", &["--reverse"]), ("show", &["2"])] {
        let lines = file.lines(command, options);
        assert_eq!(words(&lines, "key"), expected, "{command} {options:?}");
    }
}

#[test]
fn a_name_is_not_the_beginning_of_another_and_a_prefix_is() {
    let file = History::new()
        .create(
            "/registry/pods/shop/web",
            &object("v1", "Pod", "shop", "web"),
        )
        .create(
            "/registry/pods/shop/web-2",
            &object("v1", "Pod", "shop", "web-2"),
        )
        .create(
            "/registry/pods/shop-2/web",
            &object("v1", "Pod", "shop-2", "web"),
        )
        .file(1);
    assert_eq!(file.keys(&["/registry/pods/shop/"]).len(), 2);
    assert_eq!(file.keys(&["/registry/pods/shop"]).len(), 3);
    let one = file.answer("get", &["pod/web", "-n", "shop", "--json"]);
    assert_eq!(one.lines().count(), 2, "one record, and the summary");
    assert!(one.contains("/registry/pods/shop/web\""), "{one}");
    assert_eq!(file.ask("get", &["pod/we", "-n", "shop"]).status, Some(1));
    // Without a namespace the name is not clear.
    assert_eq!(file.ask("get", &["pod/web"]).status, Some(2));
}

#[test]
fn kinds_and_names_may_have_dots() {
    let widget = "/registry/example.com/widgets/shop/web.example.com";
    let role = "/registry/clusterroles/system:node.v1";
    let service = "/registry/apiregistration.k8s.io/apiservices/v1.apps";
    let file = History::new()
        .create(
            widget,
            &object("example.com/v1", "Widget", "shop", "web.example.com"),
        )
        .create(
            role,
            &object(
                "rbac.authorization.k8s.io/v1",
                "ClusterRole",
                "",
                "system:node.v1",
            ),
        )
        .create(
            service,
            &object("apiregistration.k8s.io/v1", "APIService", "", "v1.apps"),
        )
        .file(1);
    for (name, key) in [
        ("widget/web.example.com", widget),
        ("widgets/web.example.com", widget),
        ("widgets.example.com/web.example.com", widget),
        ("clusterrole/system:node.v1", role),
        (
            "clusterroles.rbac.authorization.k8s.io/system:node.v1",
            role,
        ),
        ("apiservice/v1.apps", service),
        ("apiservices.apiregistration.k8s.io/v1.apps", service),
    ] {
        let found = file.lines("get", &[name]);
        assert_eq!(words(&found, "key"), [key], "{name}");
    }
    assert_eq!(file.ask("get", &["widget/web"]).status, Some(1));
}

#[test]
fn keys_outside_registry_are_keys_and_objects_too() {
    let pod = "/kubernetes.io/pods/shop/web";
    let file = History::new()
        .create("compact_rev_key", "4711")
        .create(pod, &object("v1", "Pod", "shop", "web"))
        .create("no/leading/slash", "x")
        .create("\u{1}", "y")
        .file(1);
    // In the order of bytes.
    assert_eq!(
        file.keys(&[]),
        ["\\x01", pod, "compact_rev_key", "no/leading/slash"]
    );
    assert_eq!(file.answer("get", &["compact_rev_key"]), "4711\n");
    assert_eq!(
        words(&file.lines("get", &["pod/web", "-n", "shop"]), "key"),
        [pod]
    );
    assert_eq!(file.lines("log", &[]).len(), 4);
}

#[test]
fn two_tombstones_in_a_row_are_two_deletions_of_one_key() {
    let history = || History::new().create("a", "1").delete("a").delete("a");
    let file = history().file(1);
    assert!(file.ask("keys", &[]).stdout.is_empty());
    let deleted = file.lines("keys", &["--deleted"]);
    assert_eq!((deleted.len(), &deleted[0]["mod_revision"]), (1, &json!(4)));
    assert_eq!(
        words(&file.lines("history", &["a"]), "action"),
        ["create", "delete", "delete"]
    );
    assert!(
        file.ask("get", &["a"])
            .stderr
            .contains("deleted at revision 4")
    );
    let file = history().create("a", "2").file(2);
    assert_eq!(file.answer("get", &["a", "-o", "raw"]), "2");
    assert_eq!(
        words(&file.lines("log", &[]), "op"),
        ["put", "delete", "delete", "put"]
    );
}

#[test]
fn a_tombstone_whose_key_was_compacted_away_is_a_deleted_key() {
    let file = History::new().create("b", "").next().delete("a").file(1);
    assert_eq!(file.keys(&[]), ["b"]);
    assert_eq!(file.keys(&["--deleted"]), ["a"]);
    assert_eq!(words(&file.lines("history", &["a"]), "action"), ["delete"]);
    let before = file.ask("get", &["a", "--rev", "2"]);
    assert_eq!(before.status, Some(1), "{before:?}");
}

#[test]
fn keys_need_not_be_text_to_be_asked_for() {
    let history = History::new().create("foo", "text").next();
    let record = [
        field(1, b"foo\xff"),
        b"\x10\x03\x18\x03\x20\x01".to_vec(),
        field(5, "binary"),
    ]
    .concat();
    let file = history.add("", &record).file(1);
    let key = OsStr::from_bytes(b"foo\xff");
    let ask = |words: &[&str]| {
        let words = words.iter().map(OsStr::new).chain([key]);
        tool::run(file.0.path(), words)
    };
    assert_eq!(ask(&["get", "snap.db", "-o", "raw"]).stdout, "binary");
    assert_eq!(ask(&["keys", "snap.db"]).stdout, "foo\\xff\n");
    assert_eq!(
        ask(&["contains", "snap.db", "--value-equals", "binary"]).status,
        Some(0)
    );
    for command in ["log", "history"] {
        let outcome = ask(&[command, "snap.db", "--json"]);
        assert!(
            outcome.stdout.contains("\"key_base64\":\"Zm9v/w==\""),
            "{outcome:?}"
        );
    }
}

#[test]
fn control_characters_in_keys_and_values_are_not_lost_on_the_way_to_a_pipe() {
    let value = "\u{1b}[31mred\u{1b}[0m\u{7f}\u{9b}0m\u{7}";
    let file = History::new().create("del\u{7f}ete", value).file(1);
    assert_eq!(file.answer("get", &["del\u{7f}ete"]), format!("{value}\n"));
    assert_eq!(file.answer("get", &["del\u{7f}ete", "-o", "raw"]), value);
    for command in ["keys", "log"] {
        assert_eq!(words(&file.lines(command, &[]), "key"), ["del\u{7f}ete"]);
    }
    let record = file.lines("get", &["del\u{7f}ete"]);
    assert_eq!(words(&record, "value"), [value]);
    assert_eq!(
        file.ask("contains", &["del\u{7f}ete", "--value-equals", value])
            .status,
        Some(0)
    );
}

#[test]
fn a_file_whose_root_is_cut_off_is_not_taken_for_an_empty_store() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let whole = support::testdata::read("real/etcd-3.6.14-b.db");
    // The root page lies near the end; pages of bucket `key` are there and nothing leads to them.
    std::fs::write(dir.path().join("cut.db"), &whole[..200_000]).expect("a file");
    std::fs::write(dir.path().join("whole.db"), &whole).expect("a file");
    let keys = "keys|keys --json|keys --deleted|get --prefix /|history /mark|log|log --json|show 5|kinds|kinds --json|\
                objects|objects -o json|objects --json|encryption|encryption --json|contains /mark|diff --from 2|\
                export --out out";
    for words in keys.split('|') {
        let mut words: Vec<&str> = words.split_whitespace().collect();
        words.insert(1, "cut.db");
        let outcome = tool::run(dir.path(), &words);
        assert_ne!(outcome.status, Some(0), "{words:?}");
        // In JSON the refusal is a line, and there is no other.
        let lines = support::schemas::check(&outcome.stdout);
        assert!(
            lines.iter().all(|line| line["type"] == "error"),
            "{words:?}"
        );
        assert_eq!(lines.is_empty(), !words.contains(&"--json"), "{words:?}");
        assert_eq!(lines.len(), outcome.stdout.lines().count(), "{words:?}");
        let told = &outcome.stderr;
        assert!(
            told.contains("damage hides bucket \"key\""),
            "{words:?}: {told}"
        );
        for claim in [
            "revision 1",
            "no key",
            "nothing is encrypted",
            "never seen",
            "future revision",
        ] {
            assert!(!told.contains(claim), "{words:?}: {told}");
        }
    }
    for words in [
        ["diff", "whole.db", "cut.db"],
        ["divergence", "cut.db", "whole.db"],
    ] {
        let outcome = tool::run(dir.path(), words);
        assert_eq!(
            (outcome.status, &*outcome.stdout),
            (Some(2), ""),
            "{words:?}"
        );
        assert!(
            outcome.stderr.contains("damage hides bucket"),
            "{}",
            outcome.stderr
        );
    }
    let words = "restore whole.db --newer cut.db --plan".split(' ');
    let outcome = tool::run(dir.path(), words);
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""));
}
