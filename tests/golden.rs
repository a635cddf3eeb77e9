//! What every command prints about every file of `testdata`, held against what it printed before.
//!
//! The expected output is under `testdata/expected/cli`, one file per input. When a change of the output
//! is meant, `ETCDSNAP_BLESS=1 cargo test --test golden` writes it anew; the difference is then there to
//! be reviewed.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use etcdsnap::checksum::Sha256;
use support::damage::{Table, sha256};
use support::testdata;
use support::tool::{self, Outcome, for_all};

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

/// Ways of reading that must not show in the output.
const WAYS: [&str; 2] = ["--mmap --threads 1", "--no-mmap --threads 3"];

/// Runs all commands on the file `name` in `dir` and writes down what they print.
fn account(dir: &Path, name: &str) -> String {
    let before = state(dir, name);
    let mut out = String::new();
    let mut seen: Vec<(&str, Vec<String>)> = Vec::new();
    for command in COMMANDS {
        let outcome = run(dir, name, command);
        for way in WAYS.iter().filter(|_| AGAIN.contains(&command)) {
            let other = run(dir, name, &format!("{command} {way}"));
            assert_eq!(other, outcome, "{command} {way} {name}");
        }
        let status = outcome.status.expect("no signal ends the program");
        writeln!(out, "$ etcdsnap {command} {name}").expect("memory");
        writeln!(out, "exit status {status}").expect("memory");
        let lines = quote(&outcome);
        let alike = seen.iter().find_map(|(earlier, other)| {
            let difference = difference(other, &lines)?;
            Some((earlier, difference))
        });
        match alike {
            Some((earlier, difference)) => {
                writeln!(out, "output of: {earlier}").expect("memory");
                out.push_str(&difference);
            }
            None => out.extend(lines.iter().map(|line| format!("{line}\n"))),
        }
        seen.push((command, lines));
    }
    assert_eq!(before, state(dir, name), "{name} was changed");
    out
}

fn run(dir: &Path, name: &str, command: &str) -> Outcome {
    let outcome = tool::run(dir, command.split(' ').chain([name]));
    for said in [&outcome.stdout, &outcome.stderr] {
        let is_plain = !said.contains(|c: char| c.is_control() && c != '\n');
        assert!(is_plain, "{command} {name} paints the terminal: {said:?}");
        // All values that are put into the table of damages, and all passwords, begin like this.
        let has_value = said.contains("secret-") || said.contains("$2a$");
        assert!(!has_value, "{command} {name} shows a value: {said:?}");
    }
    outcome
}

/// Longer lines, which only JSON has, are cut and stand for themselves by their SHA-256.
const LONG: usize = 2000;
/// Outputs that differ in fewer lines than this are told by the difference.
const ALIKE: usize = 7;

/// The lines of an output, each with the number of the stream in front.
fn quote(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    for (stream, text) in [("1", &outcome.stdout), ("2", &outcome.stderr)] {
        for line in text.split_inclusive('\n') {
            let end = if line.ends_with('\n') {
                ""
            } else {
                "(no line end)"
            };
            let line = line.trim_end_matches('\n');
            let line = match line.char_indices().find(|(at, _)| *at >= LONG) {
                Some((cut, _)) => {
                    let digest = Sha256(sha256(line.as_bytes()));
                    let (head, len) = (&line[..cut], line.len());
                    format!("{head}... ({len} bytes with the SHA-256 {digest})")
                }
                None => line.into(),
            };
            lines.push(format!("{stream}|{line}{end}"));
        }
    }
    lines
}

/// The lines that go and come from one output to the other, when they are few.
fn difference(from: &[String], to: &[String]) -> Option<String> {
    let gone: Vec<&String> = from.iter().filter(|line| !to.contains(line)).collect();
    let new: Vec<&String> = to.iter().filter(|line| !from.contains(line)).collect();
    if gone.len() + new.len() >= ALIKE || gone.len() == from.len() && !from.is_empty() {
        return None;
    }
    // What stays must be the same lines in the same order, else the difference would not tell all.
    let stays = from.iter().filter(|line| !gone.contains(line));
    let comes = to.iter().filter(|line| !new.contains(line));
    if !stays.eq(comes) {
        return None;
    }
    let gone = gone.iter().map(|line| format!("- {line}\n"));
    let place = |line: &&&String| to.iter().position(|other| other == **line).unwrap_or(0) + 1;
    let new = new
        .iter()
        .map(|line| format!("+ {line} (line {})\n", place(&line)));
    Some(gone.chain(new).collect())
}

fn state(dir: &Path, name: &str) -> (Vec<u8>, std::time::SystemTime) {
    let path = dir.join(name);
    let modified = std::fs::metadata(&path).and_then(|meta| meta.modified());
    let bytes = std::fs::read(&path).expect("the input is there");
    (bytes, modified.expect("a time of last write"))
}

/// Compares the accounts of all files of a folder with those stored, or stores them.
fn compare(folder: &str, dir: &Path, names: &[String]) {
    let accounts = for_all(names, |name| account(dir, name));
    let stored_in = testdata::dir().join("expected/cli").join(folder);
    let mut wrong = Vec::new();
    let mut expected = BTreeSet::new();
    for (name, now) in names.iter().zip(&accounts) {
        let base = name.rsplit('/').next().expect("a name");
        let path = stored_in.join(format!("{base}.txt"));
        expected.insert(path.clone());
        match std::fs::read_to_string(&path) {
            Ok(before) if before == *now => {}
            _ if blessing() => {
                std::fs::create_dir_all(&stored_in).expect("a directory for what is expected");
                std::fs::write(&path, now).expect("a file for what is expected");
            }
            Ok(before) => wrong.push(format!("{name}: {}", first_difference(&before, now))),
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    let entries = std::fs::read_dir(&stored_in).into_iter().flatten();
    for path in entries.map(|entry| entry.expect("a readable directory").path()) {
        if !expected.contains(&path) {
            if blessing() {
                std::fs::remove_file(&path).expect("a file that can go");
            } else {
                wrong.push(format!("{} belongs to no input", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nIf this is meant: ETCDSNAP_BLESS=1 cargo test --test golden",
        wrong.join("\n")
    );
}

fn blessing() -> bool {
    std::env::var_os("ETCDSNAP_BLESS").is_some_and(|value| value == "1")
}

fn first_difference(before: &str, now: &str) -> String {
    let mut command = "";
    let mut then = before.lines();
    for line in now.lines() {
        if line.starts_with("$ ") {
            command = line;
        }
        match then.next() {
            Some(old) if old == line => {}
            old => return format!("{command}\n  expected {old:?}\n  printed  {line:?}"),
        }
    }
    format!(
        "{command}\n  expected {:?}\n  printed  nothing",
        then.next()
    )
}

#[test]
fn the_output_for_real_snapshots_is_as_recorded() {
    compare("real", &testdata::dir(), &testdata::real());
}

#[test]
fn the_output_for_crafted_databases_is_as_recorded() {
    compare("crafted", &testdata::dir(), &testdata::crafted());
}

#[test]
fn the_output_for_damaged_snapshots_is_as_recorded() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join("damaged")).expect("a temporary directory");
    let names = for_all(&table.cases, |case| {
        let name = format!("damaged/{}", case.name);
        std::fs::write(dir.path().join(&name), table.build(case)).expect("a temporary file");
        name
    });
    compare("damaged", dir.path(), &names);
}
