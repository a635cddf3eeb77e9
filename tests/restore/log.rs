//! `wal`: what is not a write-ahead log is called that, and told what it is.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{SNAPSHOT, folder, restore, testdata, tool};

const SEGMENT: &str = "0000000000000000-0000000000000000.wal";

/// Ends with 1, says what it is, and says the same in JSON.
#[track_caller]
fn is_no_log(dir: &Path, path: &str, what: &str) {
    let outcome = tool::run(dir, ["wal", path]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stdout);
    let start = format!("{path}: not a write-ahead log - {what}");
    assert!(outcome.stdout.starts_with(&start), "{}", outcome.stdout);
    assert_eq!(outcome.stdout.lines().count(), 2, "{}", outcome.stdout);
    let outcome = tool::run(dir, ["wal", path, "--json"]);
    assert_eq!(outcome.status, Some(1));
    let told: Value = serde_json::from_str(&outcome.stdout).expect("one line of JSON");
    assert_eq!(told["is_log"], false);
    assert!(told["reason"].as_str().expect("a reason").starts_with(what));
}

#[test]
fn files_that_are_no_log_are_named() {
    let dir = folder();
    let zeros = vec![0; 100_000];
    let text = b"root:x:0:0:root:/root:/bin/bash\n";
    for (name, bytes, what) in [
        ("passwd", &text[..], "it is text"),
        ("empty", b"", "the file is empty"),
        (
            "zeros",
            &zeros,
            "the file begins with nothing but zero bytes",
        ),
        ("backup.gz", b"\x1f\x8b\x08rest", "it is gzip-compressed"),
        (
            "random",
            b"\x93\x01\x02\x03",
            "it does not begin with a record",
        ),
        (
            "1-1.wal",
            &zeros,
            "it is named like a segment, and holds nothing but zero bytes",
        ),
    ] {
        fs::write(dir.path().join(name), bytes).expect("a file");
        is_no_log(dir.path(), name, what);
    }
    is_no_log(dir.path(), SNAPSHOT, "it is a bbolt database");
    assert_eq!(restore(&dir, "--data-dir data").status, Some(0));
    let snap = "data/member/snap/0000000000000001-0000000000000001.snap";
    is_no_log(dir.path(), snap, "it is a member's `.snap` file");
    assert_eq!(
        tool::run(dir.path(), ["wal", "missing"]).status,
        Some(2),
        "what cannot be read is another matter"
    );
}

#[test]
fn a_segment_whose_first_record_was_overwritten_is_no_sound_log() {
    let dir = TempDir::new().expect("a temporary directory");
    let mut log = testdata::read("restore/two-members-3.6.wal");
    log[..16].fill(0);
    fs::write(dir.path().join(SEGMENT), log).expect("a segment");
    let what = "it is named like a segment, and its first record was overwritten with zeros";
    is_no_log(dir.path(), SEGMENT, what);
    let outcome = tool::run(dir.path(), ["wal", "."]);
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stdout.contains("W015"), "{}", outcome.stdout);
}

#[test]
fn a_directory_without_segments_is_no_log() {
    let dir = folder();
    is_no_log(dir.path(), ".", "the directory holds no segment");
    assert_eq!(
        restore(&dir, "--data-dir data --wal-dir log").status,
        Some(0)
    );
    is_no_log(dir.path(), "data", "the data directory has no segment");
    assert_eq!(tool::run(dir.path(), ["wal", "log"]).status, Some(0));
    fs::create_dir(dir.path().join("data/member/wal")).expect("a folder");
    is_no_log(dir.path(), "data", "the data directory has no segment");
}

#[test]
fn bytes_behind_the_end_of_a_log_are_told() {
    let dir = TempDir::new().expect("a temporary directory");
    let mut log = testdata::read("restore/two-members-3.6.wal");
    log.resize(100_000, 0);
    log[99_999] = 1;
    fs::write(dir.path().join(SEGMENT), log).expect("a segment");
    let outcome = tool::run(dir.path(), ["wal", "."]);
    assert_eq!(outcome.status, Some(0));
    assert!(outcome.stdout.contains("W017"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("byte 99999"), "{}", outcome.stdout);
}
