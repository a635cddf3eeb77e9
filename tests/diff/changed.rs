//! Files that change while they are read: which of them is named, and that nobody takes what was written for
//! the whole.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;

use crate::support::tool::{Outcome, command};
use crate::{Step, object, snapshot};

/// Two snapshots of which every list is longer than what is held back and what fits into a pipe.
fn wide() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let steps: Vec<Step> = (0..1500)
        .map(|number| {
            let name = format!("{number:04}-{}", "n".repeat(1000));
            let key: &'static str = format!("/registry/configmaps/ns/{name}").leak();
            (key, object("v1", "ConfigMap", "ns", &name, json!({})))
        })
        .collect();
    snapshot(&dir.path().join("old.db"), &steps[..1]);
    snapshot(&dir.path().join("new.db"), &steps);
    dir
}

/// The same files again, to be changed.
fn copy_of(files: &TempDir) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["old.db", "new.db"] {
        fs::copy(files.path().join(name), dir.path().join(name)).expect("a copy");
    }
    dir
}

/// Runs the program, calls `meanwhile` when its first words are there and it waits for more of them to be
/// read, and reads the rest.
fn run_and(dir: &Path, args: &[&str], meanwhile: impl FnOnce()) -> Outcome {
    let mut child = command(dir).args(args).spawn().expect("the program starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut told = vec![0; 100];
    stdout.read_exact(&mut told).expect("its first words");
    meanwhile();
    stdout.read_to_end(&mut told).expect("its last words");
    let mut output = child.wait_with_output().expect("the program ends");
    output.stdout = told;
    output.into()
}

fn append(path: &Path) {
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    file.write_all(b"more").expect("it grows");
}

const STREAMS: [&str; 8] = [
    "keys FILE --json",
    "log FILE --json",
    "objects FILE cm -n ns --json",
    "objects FILE cm -n ns -o ndjson",
    "export FILE cm -n ns --out -",
    "get FILE --prefix /registry/ --json",
    "diff FILE --from 2 --json",
    "diff FILE --from 2 --log --json",
];

fn words(question: &str, file: &'static str) -> Vec<&'static str> {
    let question: &'static str = question.replace("FILE", file).leak();
    question.split_whitespace().collect()
}

#[test]
fn a_list_of_a_file_that_changed_meanwhile_has_no_summary() {
    let files = wide();
    for question in STREAMS {
        let dir = copy_of(&files);
        let path = dir.path().join("new.db");
        let told = run_and(dir.path(), &words(question, "new.db"), || append(&path));
        assert_eq!(told.status, Some(2), "{question}");
        assert!(!told.stdout.contains(r#""type":"summary""#), "{question}");
        assert!(
            told.stderr.contains("new.db: the file changed while"),
            "{question}: {}",
            told.stderr
        );
    }
}

#[test]
fn links_mode_and_times_of_access_are_no_change_of_a_file() {
    let files = wide();
    for question in STREAMS {
        let dir = copy_of(&files);
        let path = dir.path().join("new.db");
        let expected = run_and(dir.path(), &words(question, "new.db"), || {});
        assert!(matches!(expected.status, Some(0 | 1)), "{question}");
        let told = run_and(dir.path(), &words(question, "new.db"), || {
            fs::hard_link(&path, dir.path().join("link")).expect("a link");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            let file = File::open(&path).expect("a file");
            let times = FileTimes::new().set_accessed(long_ago);
            file.set_times(times).expect("a time of access");
        });
        assert_eq!(told, expected, "{question}");
    }
}

#[test]
fn of_two_files_those_are_named_that_changed() {
    let files = wide();
    for (changed, named) in [
        (&["old.db"][..], &["old.db"][..]),
        (&["new.db"], &["new.db"]),
        (&["old.db", "new.db"], &["old.db", "new.db"]),
    ] {
        for form in ["--json", "--names-only", "-o=markdown", "--flat"] {
            let dir = copy_of(&files);
            let words = ["diff", "old.db", "new.db", form, "--max-objects=10000"];
            let told = run_and(dir.path(), &words, || {
                changed
                    .iter()
                    .for_each(|name| append(&dir.path().join(name)));
            });
            assert_eq!(told.status, Some(2), "{form}");
            assert!(!told.stdout.contains(r#""type":"summary""#), "{form}");
            let said: Vec<&str> = told
                .stderr
                .lines()
                .filter_map(|line| {
                    line.strip_prefix("Error: ")?
                        .split(": the file changed")
                        .next()
                })
                .collect();
            assert_eq!(said, named, "{form}: {}", told.stderr);
        }
    }
}
