//! The program under test, and the scripts that it writes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Outcome, run, run_and_kill};
use crate::server::Cluster;

/// Runs the program, and makes sure that its files are the same afterwards.
pub(crate) fn etcdsnap(files: &[&Path], words: &[&str]) -> Outcome {
    let before: Vec<Vec<u8>> = files.iter().map(|file| bytes(file)).collect();
    let program = std::env::var_os("ETCDSNAP_CLUSTER_PROGRAM")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_etcdsnap").into());
    let (command, options) = words.split_first().expect("a subcommand is named");
    let outcome = run(
        Command::new(program)
            .arg(command)
            .args(files)
            .args(options)
            .env_remove("ETCDSNAP_REDACT_KEY"),
        "",
    );
    for (file, before) in files.iter().zip(&before) {
        assert!(bytes(file) == *before, "{} was changed", file.display());
    }
    outcome
}

fn bytes(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A folder with an `apply.sh`.
pub(crate) struct Script<'c> {
    cluster: &'c Cluster<'c>,
    dir: PathBuf,
}

/// What a run of the script said.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

impl Told {
    /// The numbers behind `--delete` or `--create`, by which the script offers what it leaves undone.
    pub(crate) fn offered(&self, option: &str) -> Vec<String> {
        let offers = self.text.split(option).skip(1);
        offers
            .map(|rest| {
                let rest = rest.trim_start();
                let end = rest.find(|c: char| !c.is_ascii_digit());
                rest[..end.unwrap_or(rest.len())].to_owned()
            })
            .filter(|number| !number.is_empty())
            .collect()
    }

    /// The line of a step about this object, and the indented ones below it.
    pub(crate) fn about(&self, object: &str) -> String {
        let mut lines = self.text.lines();
        let Some(first) = lines.find(|line| {
            !line.starts_with(' ') && line.contains(object) && line.starts_with(char::is_numeric)
        }) else {
            return String::new();
        };
        let rest = lines.take_while(|line| line.starts_with(' '));
        std::iter::once(first)
            .chain(rest)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl<'c> Script<'c> {
    /// Of a folder that was just written.
    pub(crate) fn new(cluster: &'c Cluster<'c>, dir: PathBuf) -> Self {
        assert_private(&dir);
        Self { cluster, dir }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("sh");
        self.cluster.lead(&mut command);
        command.arg(self.dir.join("apply.sh")).args(words);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Told {
        let outcome = run(&mut self.command(words), "");
        assert_eq!(outcome.stderr, "", "{}", outcome.stdout);
        assert!(
            matches!(outcome.code, Some(0 | 1)),
            "exit {:?}\n{}",
            outcome.code,
            outcome.stdout
        );
        assert_private(&self.dir);
        Told {
            code: outcome.code,
            text: outcome.stdout,
        }
    }

    /// Runs it and kills it after so many lines; false when it was done before that.
    pub(crate) fn run_and_kill(&self, after_lines: usize) -> bool {
        run_and_kill(&mut self.command(&[]), after_lines).is_some()
    }

    /// Asks about each step, which must change nothing.
    pub(crate) fn dry_run(&self) -> Told {
        let (cluster, files) = (self.cluster.state(), contents(&self.dir));
        let told = self.run(&["--dry-run"]);
        let differences = cluster.differences(&self.cluster.state());
        assert!(
            differences.len() == 0,
            "the dry run changed the cluster:\n{differences}\n{}",
            told.text
        );
        assert!(files == contents(&self.dir), "the dry run left a mark");
        told
    }

    /// Runs it, and once more with all that it offers to delete and to create, and a third time when what hung by a
    /// finalizer of ours is let go.
    pub(crate) fn run_with_all(&self) -> Told {
        let first = self.run(&["--wait", "5"]);
        let mut words = vec!["--wait".to_owned(), "5".to_owned()];
        for option in ["--delete", "--create"] {
            for number in first.offered(option) {
                words.extend([option.to_owned(), number]);
            }
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut told = first;
        for _ in 0..2 {
            self.cluster.release();
            let next = self.run(&words);
            told = Told {
                code: next.code,
                text: format!("{}\n{}", told.text, next.text),
            };
        }
        self.cluster.release();
        told
    }
}

/// Manifests hold secrets.
fn assert_private(dir: &Path) {
    for (path, _) in contents(dir) {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
    }
}

/// All below a directory, with itself: files with their content, directories with nothing.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::from([(dir.to_owned(), Vec::new())]);
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            let content = bytes(&path);
            all.insert(path, content);
        }
    }
    all
}
