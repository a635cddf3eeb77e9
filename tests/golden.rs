//! What every command prints about every file of `testdata`, held against what it printed before.
//!
//! The expected output is under `testdata/expected/cli`, one file per input. When a change of the output
//! is meant, `ETCDSNAP_BLESS=1 cargo test --test golden` rewrites it; the difference is then there to
//! be reviewed.

mod support;

#[path = "golden/questions.rs"]
mod questions;

use questions::{
    ABOUT_CHANGES, ABOUT_CHANGES_SHORT, ABOUT_CLUSTERS, ABOUT_INCIDENTS, ABOUT_RECORDS,
    ABOUT_SHORT, ABOUT_STRANGERS,
};
use support::damage::Table;
use support::golden::{Questions, compare, hold};
use support::tool::{self, for_all};
use support::{clusters, testdata};
use tempfile::TempDir;

const COMMANDS: [&str; 14] = [
    "verify",
    "verify --json",
    "verify --quick",
    "verify --strict",
    "info",
    "info --json",
    "status",
    "status -w table",
    "status -w json",
    "status -w fields",
    "hashkv",
    "hashkv -w table",
    "hashkv -w json",
    "hashkv -w fields",
];

/// Those that are run again in each of the [`WAYS`]: the others differ from them in the format only.
const AGAIN: [&str; 5] = [
    "verify",
    "verify --quick",
    "info --json",
    "status",
    "hashkv",
];

const FILES: Questions<'_> = Questions {
    commands: &COMMANDS,
    again: &AGAIN,
    pair: None,
    // All values that are put into the table of damages, and all passwords, begin like this.
    hidden: &["secret-", "$2a$"],
};

/// What writes a file.
const WRITTEN: Questions<'_> = Questions {
    pair: None,
    commands: &[
        "compact FILE -o OUT",
        "compact FILE -o OUT --json",
        "compact FILE -o OUT --live-only",
        "compact FILE -o OUT --live-only --with-trailer --json",
        "trailer FILE -o OUT",
        "trailer FILE -o OUT --json",
    ],
    again: &[
        "compact FILE -o OUT --json",
        "compact FILE -o OUT --live-only",
        "trailer FILE -o OUT",
    ],
    hidden: &["$2a$"],
};

fn damaged() -> (TempDir, Vec<String>) {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join("damaged")).expect("a temporary directory");
    let names = for_all(&table.cases, |case| {
        let name = format!("damaged/{}", case.name);
        std::fs::write(dir.path().join(&name), table.build(case)).expect("a temporary file");
        name
    });
    (dir, names)
}

#[test]
fn the_output_for_real_snapshots_is_as_recorded() {
    compare("real", &testdata::dir(), &testdata::real(), &FILES);
}

#[test]
fn the_output_for_crafted_databases_is_as_recorded() {
    compare("crafted", &testdata::dir(), &testdata::crafted(), &FILES);
}

#[test]
fn the_output_for_damaged_snapshots_is_as_recorded() {
    let (dir, names) = damaged();
    compare("damaged", dir.path(), &names, &FILES);
}

#[test]
fn what_is_said_of_the_keys_of_real_snapshots_is_as_recorded() {
    let is_newest = |name: &String| name == "real/etcd-3.8.0-alpha-b.db";
    let (newest, others): (Vec<_>, Vec<_>) = testdata::real().into_iter().partition(is_newest);
    compare("keys/newest", &testdata::dir(), &newest, &ABOUT_RECORDS);
    compare("keys/real", &testdata::dir(), &others, &ABOUT_SHORT);
}

#[test]
fn what_is_said_of_the_keys_of_crafted_databases_is_as_recorded() {
    compare(
        "keys/crafted",
        &testdata::dir(),
        &testdata::crafted(),
        &ABOUT_SHORT,
    );
}

#[test]
fn what_is_said_of_the_keys_of_damaged_snapshots_is_as_recorded() {
    let (dir, names) = damaged();
    compare("keys/damaged", dir.path(), &names, &ABOUT_SHORT);
}

#[test]
fn what_is_said_of_files_written_anew_is_as_recorded() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = [testdata::real(), testdata::crafted()].concat();
    for name in &names {
        let copy = dir.path().join(name);
        std::fs::create_dir_all(copy.parent().expect("a folder")).expect("a temporary directory");
        std::fs::write(copy, testdata::read(name)).expect("a temporary file");
    }
    compare("written", dir.path(), &names, &WRITTEN);
}

#[test]
fn what_is_said_of_clusters_is_as_recorded() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = clusters::unpack(dir.path());
    compare("clusters", dir.path(), &names, &ABOUT_CLUSTERS);
}

#[test]
fn what_is_said_of_changes_is_as_recorded() {
    let dir = testdata::dir();
    let pair = |release: &str| format!("real/etcd-{release}");
    let others = ["3.4.23", "3.5.30", "3.6.14", "3.7.1"].map(pair);
    compare("diff/real", &dir, &others, &ABOUT_CHANGES_SHORT);
    compare("diff/newest", &dir, &[pair("3.8.0-alpha")], &ABOUT_CHANGES);
    compare("diff/strangers", &dir, &[pair("3")], &ABOUT_STRANGERS);
    let dir = tempfile::tempdir().expect("a temporary directory");
    clusters::unpack(dir.path());
    let names = clusters::CLUSTERS.map(str::to_owned);
    compare("diff/clusters", dir.path(), &names, &ABOUT_INCIDENTS);
}

#[test]
fn help_and_completions_are_as_recorded() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let print = |args: &str| {
        let outcome = tool::run(dir.path(), args.split(' '));
        assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
        outcome.stdout
    };
    let overview = print("--help");
    let listed = overview.lines().skip_while(|line| *line != "Check:");
    let listed = listed.take_while(|line| *line != "Options:");
    let listed = listed.filter(|line| line.starts_with(' '));
    // Longer descriptions go on in lines of their own.
    let listed = listed.filter(|line| !line.starts_with("   "));
    let listed = listed.filter_map(|line| line.split_whitespace().next());
    let beneath = ["status", "restore", "hashkv"].map(|name| format!("snapshot {name}"));
    let commands: Vec<String> = listed
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .chain(beneath)
        .collect();
    assert!(commands.len() > 25, "{commands:?}");
    let helps = for_all(&commands, |command| {
        [
            &print(&format!("{command} -h")),
            "----\n",
            &print(&format!("{command} --help")),
        ]
        .concat()
    });
    let names: Vec<String> = commands
        .iter()
        .map(|command| command.replace(' ', "-"))
        .chain(["etcdsnap".to_owned()])
        .collect();
    hold("help", &names, &[helps, vec![overview]].concat());
    let shells = ["bash", "elvish", "fish", "powershell", "zsh"].map(str::to_owned);
    let completions = shells
        .each_ref()
        .map(|shell| print(&format!("completions {shell}")));
    hold("completions", &shells, &completions);
}
