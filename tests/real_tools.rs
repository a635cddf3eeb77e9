//! The answers of the real tools, reproduced.
//!
//! `testdata/expected/tools.json` holds what etcdctl and etcdutl of five releases said of each file of
//! `testdata`. `etcdsnap --compat` says the same, byte for byte; where it does not, the table below says
//! why, and the reason is checked too.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use support::testdata;
use support::tool::{self, Outcome, for_all};

/// The tools that were asked, and the release that each stands for.
const TOOLS: [(&str, &str); 5] = [
    ("etcdctl-3.4.23", "3.4"),
    ("etcdutl-3.5.33", "3.5"),
    ("etcdutl-3.6.14", "3.6"),
    ("etcdutl-3.7.1", "3.7"),
    ("etcdutl-3.8.0-alpha", "3.8"),
];

const ALL: &[&str] = &["3.4", "3.5", "3.6", "3.7", "3.8"];
const WITH_HASHKV: &[&str] = &["3.6", "3.7", "3.8"];
const CATCHING: &[&str] = &["3.7", "3.8"];

/// Why an answer is another one than the real tool's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// etcdutl 3.6 panics on every file with a leased key, whatever is asked. Ours is the answer of 3.7.
    PanicsOnLeases,
    /// The real tools try to make a database of an empty file. Ours says that it is empty.
    EmptyFile,
    /// etcdutl hashes without looking whether the tree is sound. Ours refuses what `status` refuses.
    HashOfADamagedTree,
    /// bbolt 1.5 catches the panic of its check and shows the first message inside of it. Ours are all
    /// messages, as bbolt has them for a file with a freelist.
    CaughtPanic,
    /// bbolt reads memory beyond the file and shows what it finds there.
    ReadsBeyondTheFile,
    /// The real message holds the stored value. Ours never does.
    ShowsTheValue,
    /// The real tool takes a bucket for a record with a bad key. Ours says that it is a bucket.
    TakesABucketForARecord,
}

/// Files, releases and command for which the answer differs, and why.
const DIFFERENT: &[(&[&str], &[&str], &str, Reason)] = &[
    (
        &[
            "real/etcd-3.4.23-a.db",
            "real/etcd-3.4.23-b.db",
            "real/etcd-3.5.30-a.db",
            "real/etcd-3.5.30-b.db",
            "real/etcd-3.6.14-a.db",
            "real/etcd-3.6.14-b.db",
            "real/etcd-3.7.1-a.db",
            "real/etcd-3.7.1-b.db",
            "real/etcd-3.8.0-alpha-a.db",
            "real/etcd-3.8.0-alpha-b.db",
            "crafted/c_leased",
        ],
        &["3.6"],
        "hashkv",
        Reason::PanicsOnLeases,
    ),
    (&["crafted/02empty"], ALL, "status", Reason::EmptyFile),
    (
        &["crafted/02empty"],
        WITH_HASHKV,
        "hashkv",
        Reason::EmptyFile,
    ),
    (
        &[
            "crafted/19funsorted",
            "crafted/29flunreach",
            "crafted/30fldup",
            "crafted/41twofl_swap",
        ],
        WITH_HASHKV,
        "hashkv",
        Reason::HashOfADamagedTree,
    ),
    (
        &[
            "crafted/16keyflagfreelist",
            "crafted/19unsorted",
            "crafted/20dupkeys",
            "crafted/22badkeylen",
            "crafted/22bkeylen8",
            "crafted/40two_dup",
            "crafted/40two_low",
        ],
        CATCHING,
        "status",
        Reason::CaughtPanic,
    ),
    (
        &["crafted/41twofl_oob1"],
        CATCHING,
        "status",
        Reason::ReadsBeyondTheFile,
    ),
    (
        &["crafted/24badpb"],
        WITH_HASHKV,
        "status",
        Reason::ShowsTheValue,
    ),
    (
        &["crafted/b_nestedinkey"],
        WITH_HASHKV,
        "status",
        Reason::TakesABucketForARecord,
    ),
];

/// One answer of a real tool. `FILE` stands for the path of the file.
#[derive(Debug, Deserialize)]
struct Recorded {
    exit: i32,
    stdout: String,
    stderr: String,
}

/// File, tool, question.
type Answers = BTreeMap<String, BTreeMap<String, BTreeMap<String, Recorded>>>;

fn answers() -> Answers {
    let text = testdata::read_text("expected/tools.json");
    serde_json::from_str(&text).expect("the answers of the real tools")
}

/// The same question, put to ours: `status FORMAT` or `hashkv rev=REVISION`.
fn ask(file: &str, release: &str, question: &str) -> Outcome {
    let (command, rest) = question.split_once(' ').expect("COMMAND WHAT");
    let own = match (command, rest.strip_prefix("rev=")) {
        ("status", None) => ["status", "-w", rest].to_vec(),
        ("hashkv", Some(revision)) => ["hashkv", "-w", "json", "--rev", revision].to_vec(),
        _ => panic!("{question} is not a question"),
    };
    let args = own.into_iter().chain(["--compat", release, file]);
    tool::run(&testdata::dir(), args)
}

/// True when ours is what it has to be, given that the real answer is the right one.
fn is_equal(file: &str, real: &Recorded, ours: &Outcome) -> bool {
    match real.exit {
        0 => (ours.status, &ours.stdout, &*ours.stderr) == (Some(0), &real.stdout, ""),
        1 => {
            let is_revision = real.stderr.contains("mvcc: required revision");
            let text = real.stderr.replace("FILE", file);
            ours.status == Some(if is_revision { 2 } else { 1 })
                && ours.stdout.is_empty()
                && ours.stderr.starts_with(text.trim_end())
        }
        // A crash. Ours says what is wrong.
        2 => is_refusal(ours),
        other => panic!("the real tools never end with {other}"),
    }
}

fn is_refusal(ours: &Outcome) -> bool {
    ours.status == Some(1)
        && ours.stdout.is_empty()
        && ours.stderr.starts_with("Error: ")
        && !ours.stderr.contains("panic")
}

/// True when the reason explains both what the real tool does and what ours does.
fn explains(
    reason: Reason,
    file: &str,
    question: &str,
    tools: &BTreeMap<String, BTreeMap<String, Recorded>>,
    real: &Recorded,
    ours: &Outcome,
) -> bool {
    let first_line = ours.stderr.lines().next().unwrap_or_default();
    match reason {
        Reason::PanicsOnLeases => {
            let next = &tools["etcdutl-3.7.1"][question];
            real.exit == 2 && real.stderr.contains("lease") && is_equal(file, next, ours)
        }
        Reason::EmptyFile => is_refusal(ours) && ours.stderr.contains("the file is empty"),
        Reason::HashOfADamagedTree => {
            let refused = tools
                .values()
                .filter_map(|asked| asked.get("status simple"));
            real.exit <= 1 && is_refusal(ours) && refused.into_iter().any(|real| real.exit == 1)
        }
        Reason::CaughtPanic => {
            let inside = real
                .stderr
                .split_once("panic: freepages: failed to get all reachable pages (");
            let message = inside.and_then(|(_, rest)| rest.trim_end().strip_suffix(')'));
            is_refusal(ours)
                && message.is_some_and(|message| ours.stderr.lines().any(|line| line == message))
        }
        Reason::ReadsBeyondTheFile => {
            real.stderr.contains("self identifies as") && is_refusal(ours)
        }
        Reason::ShowsTheValue => {
            let (before, rest) = real.stderr.split_once(" value: ").expect("a value");
            let (value, _) = rest.split_once(" err: ").expect("an error");
            is_refusal(ours)
                && first_line.starts_with(&format!("{before} err: "))
                && !ours.stderr.contains(value)
        }
        Reason::TakesABucketForARecord => {
            is_refusal(ours) && ours.stderr.contains("holds another bucket")
        }
    }
}

#[test]
fn every_recorded_answer_of_the_real_tools_is_reproduced_or_the_difference_explained() {
    let answers = answers();
    let mut questions = Vec::new();
    for (file, tools) in &answers {
        for (tool, release) in TOOLS {
            for (question, real) in &tools[tool] {
                questions.push((file.as_str(), release, question.as_str(), tools, real));
            }
        }
    }
    assert!(questions.len() > 1600, "{} answers", questions.len());
    let outcomes = for_all(&questions, |(file, release, question, ..)| {
        ask(file, release, question)
    });
    let mut wrong = Vec::new();
    let mut occurred = BTreeSet::new();
    for ((file, release, question, tools, real), ours) in questions.iter().zip(&outcomes) {
        if is_equal(file, real, ours) {
            continue;
        }
        let row = DIFFERENT.iter().position(|(files, releases, command, _)| {
            files.contains(file) && releases.contains(release) && question.starts_with(command)
        });
        let reason = row.map(|row| DIFFERENT[row].3);
        if reason.is_some_and(|why| explains(why, file, question, tools, real, ours)) {
            occurred.insert((row, *file, *release));
        } else {
            wrong.push(format!(
                "{question} of {file} as {release}, {reason:?}:\n  real {real:?}\n  ours {ours:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for (row, (files, releases, command, reason)) in DIFFERENT.iter().enumerate() {
        for file in *files {
            for release in *releases {
                assert!(
                    occurred.contains(&(Some(row), *file, *release)),
                    "{command} of {file} as {release} does not differ any more: {reason:?}"
                );
            }
        }
    }
}

#[test]
fn every_file_has_answers_of_every_tool() {
    let names: BTreeSet<String> = testdata::real()
        .into_iter()
        .chain(testdata::crafted())
        .collect();
    let answers = answers();
    assert_eq!(names, answers.keys().cloned().collect());
    for (file, asked) in &answers {
        for (tool, _) in TOOLS {
            assert!(!asked[tool].is_empty(), "{tool} was not asked about {file}");
        }
    }
}

#[test]
fn the_hash_is_the_one_that_the_live_server_gave() {
    let text = testdata::read_text("real/server-hashkv.json");
    let servers: BTreeMap<String, Value> = serde_json::from_str(&text).expect("answers of servers");
    assert_eq!(servers.len(), 5);
    for (file, server) in servers {
        let release = TOOLS
            .iter()
            .map(|(_, release)| *release)
            .find(|release| file.starts_with(&format!("etcd-{release}.")))
            .expect("a release that is known");
        let revision = &server["header"]["revision"];
        for asked in ["0".to_string(), revision.to_string()] {
            let ours = ask(
                &format!("real/{file}"),
                release,
                &format!("hashkv rev={asked}"),
            );
            let ours: Value = serde_json::from_str(&ours.stdout).expect("an answer");
            assert_eq!(ours["hash"], server["hash"], "{file}");
            assert_eq!(ours["hashRevision"], *revision, "{file}");
            assert_eq!(
                ours["compactRevision"], server["compact_revision"],
                "{file}"
            );
        }
    }
}
