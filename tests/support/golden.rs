//! Accounts of what commands print about a file, and holding them against those stored.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use etcdsnap::checksum::Sha256;

use super::damage::sha256;
use super::testdata;
use super::tool::{self, Outcome, for_all};

/// Ways of reading that must not show in the output.
const WAYS: [&str; 2] = ["--mmap --threads 1", "--no-mmap --threads 3"];

/// What is asked about each file.
pub(crate) struct Questions<'q> {
    /// Arguments separated by spaces. `FILE` stands for the file, which else comes last, `CONFIG` for a
    /// configuration that is named like the file's cluster, `OUT` for a file that is not there, and is
    /// removed again. Of a pair, `OLD` and `NEW` stand for the files.
    pub(crate) commands: &'q [&'q str],
    /// How the names of two files end that are asked about together.
    pub(crate) pair: Option<[&'q str; 2]>,
    /// Those that are run again in other ways of reading, with the same outcome.
    pub(crate) again: &'q [&'q str],
    /// What must not be printed, whatever is asked.
    pub(crate) hidden: &'q [&'q str],
}

/// Runs all commands on the file `name` in `dir` and writes down what they print.
fn account(dir: &Path, name: &str, questions: &Questions<'_>) -> String {
    let before = state(dir, name, questions);
    let mut out = String::new();
    let mut seen: Vec<(&str, Vec<String>)> = Vec::new();
    for command in questions.commands {
        let outcome = run(dir, name, command, questions);
        for way in WAYS.iter().filter(|_| questions.again.contains(command)) {
            let other = run(dir, name, &format!("{command} {way}"), questions);
            assert_eq!(other, outcome, "{command} {way} {name}");
        }
        let status = outcome.status.expect("no signal ends the program");
        writeln!(
            out,
            "$ etcdsnap {}",
            arguments(name, command, questions).join(" ")
        )
        .expect("memory");
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
    assert_eq!(before, state(dir, name, questions), "{name} was changed");
    out
}

/// The words of a command about the file `name`.
fn arguments(name: &str, command: &str, questions: &Questions<'_>) -> Vec<String> {
    let cluster = match questions.pair {
        Some(_) => name,
        None => name.rsplit_once('-').map_or(name, |(cluster, _)| cluster),
    };
    let files = files(name, questions);
    let words = command.split(' ').map(|word| match word {
        "FILE" | "OLD" => files[0].clone(),
        "NEW" => files[1].clone(),
        "OUT" => out_name(name),
        "CONFIG" => format!("{cluster}.yaml"),
        word => word.to_owned(),
    });
    let mut words: Vec<String> = words.collect();
    if !command.contains("FILE") && questions.pair.is_none() {
        words.push(name.to_owned());
    }
    words
}

fn out_name(name: &str) -> String {
    format!("{name}.out")
}

fn run(dir: &Path, name: &str, command: &str, questions: &Questions<'_>) -> Outcome {
    let outcome = tool::run(dir, arguments(name, command, questions));
    if command.contains("OUT") {
        let made = std::fs::remove_file(dir.join(out_name(name)));
        assert_eq!(made.is_ok(), outcome.status == Some(0), "{command} {name}");
    }
    for said in [&outcome.stdout, &outcome.stderr] {
        let is_plain = !said.contains(|c: char| c.is_control() && c != '\n');
        assert!(is_plain, "{command} {name} paints the terminal: {said:?}");
        let shown = questions.hidden.iter().find(|text| said.contains(**text));
        assert_eq!(shown, None, "{command} {name} shows it: {said:?}");
    }
    outcome
}

/// Longer lines, which only JSON has, are cut and stand for themselves by their SHA-256.
const LONG: usize = 2000;
/// So are outputs with more lines than this.
const MANY: usize = 120;
/// Outputs that differ in fewer lines than this are told by the difference.
const ALIKE: usize = 7;

/// The lines of an output, each with the number of the stream in front.
fn quote(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    for (stream, text) in [("1", &outcome.stdout), ("2", &outcome.stderr)] {
        let count = text.split_inclusive('\n').count();
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if count > MANY && number >= MANY / 2 {
                let digest = Sha256(sha256(text.as_bytes()));
                lines.push(format!(
                    "{stream}|... ({count} lines with the SHA-256 {digest})"
                ));
                break;
            }
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

/// The file of this name, or both of the pair.
fn files(name: &str, questions: &Questions<'_>) -> Vec<String> {
    match questions.pair {
        Some(ends) => ends.map(|end| format!("{name}{end}")).to_vec(),
        None => vec![name.to_owned()],
    }
}

fn state(
    dir: &Path,
    name: &str,
    questions: &Questions<'_>,
) -> Vec<(Vec<u8>, std::time::SystemTime)> {
    let files = files(name, questions).into_iter();
    files
        .map(|file| {
            let path = dir.join(file);
            let modified = std::fs::metadata(&path).and_then(|meta| meta.modified());
            let bytes = std::fs::read(&path).expect("the input is there");
            (bytes, modified.expect("a time of last write"))
        })
        .collect()
}

/// Compares the accounts of all files of a folder with those stored, or stores them.
pub(crate) fn compare(folder: &str, dir: &Path, names: &[String], questions: &Questions<'_>) {
    let accounts = for_all(names, |name| account(dir, name, questions));
    hold(folder, names, &accounts);
}

/// Compares what was printed under each of the names with what is stored in a folder, or stores it.
pub(crate) fn hold(folder: &str, names: &[String], printed: &[String]) {
    let stored_in = testdata::dir().join("expected/cli").join(folder);
    let mut wrong = Vec::new();
    let mut expected = BTreeSet::new();
    for (name, now) in names.iter().zip(printed) {
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
