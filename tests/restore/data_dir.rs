//! `verify DIR`: the log, the `.snap` file and the database of a data directory against each other.

use std::fs;
use std::path::{Path, PathBuf};

use etcdsnap::etcd::raft::{
    Entry, HardState, Metadata, Record, SnapshotFile, SnapshotMark, WalForm, WalReader, WalWriter,
    read_snapshot_file, segment_name, snapshot_file_name,
};
use tempfile::TempDir;

use super::{folder, restore, tool};

/// A restored directory whose log and `.snap` file can be written anew.
struct DataDir {
    dir: TempDir,
    records: Vec<Record>,
    snapshot: SnapshotFile,
}

impl DataDir {
    fn new() -> Self {
        let dir = folder();
        let cluster = "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2";
        let args = format!("--name m1 --data-dir data --initial-cluster {cluster}");
        let args = format!("{args} --initial-advertise-peer-urls http://127.0.0.1:1");
        assert_eq!(restore(&dir, &args).status, Some(0));
        let path = |name: &str| dir.path().join("data/member").join(name);
        let log = fs::read(path("wal").join(segment_name(0, 0))).expect("the log");
        let records = WalReader::new(&log, 0).map(|frame| frame.expect("a sound log").record);
        let snapshot = fs::read(path("snap").join(snapshot_file_name(1, 2))).expect("the file");
        Self {
            records: records.collect(),
            snapshot: read_snapshot_file(&snapshot).expect("a sound file"),
            dir,
        }
    }

    fn snap(&self) -> PathBuf {
        self.dir.path().join("data/member/snap")
    }

    fn path_of_snapshot(&self) -> PathBuf {
        self.snap().join(snapshot_file_name(1, 2))
    }

    /// Writes these records as the segment of this number, the only one.
    fn write_log(&self, number: u64, records: &[Record]) {
        let mut writer = WalWriter::new(WalForm::V36);
        for record in records {
            match record {
                Record::Metadata(metadata) => writer.metadata(*metadata),
                Record::Entry(entry) => writer.entry(entry),
                Record::State(state) => writer.state(*state),
                Record::Snapshot(mark) => writer.snapshot(mark),
                Record::Crc | Record::Other => {}
            }
        }
        let wal = self.dir.path().join("data/member/wal");
        fs::remove_dir_all(&wal).expect("a folder");
        fs::create_dir(&wal).expect("a folder");
        fs::write(wal.join(segment_name(number, 0)), writer.bytes()).expect("a segment");
    }

    fn with(&self, more: &[Record]) -> Vec<Record> {
        [&self.records[..], more].concat()
    }

    /// Exit status, and the codes about the log.
    fn verdict(&self) -> (Option<i32>, Vec<String>) {
        verdict(self.dir.path(), "data")
    }
}

fn verdict(dir: &Path, name: &str) -> (Option<i32>, Vec<String>) {
    let outcome = tool::run(dir, ["verify", "--quick", "--json", name]);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let counts = told["counts"].as_array().expect("counts").iter();
    let codes = counts.filter_map(|count| count["code"].as_str());
    let codes = codes.filter(|code| code.starts_with('W'));
    (outcome.status, codes.map(str::to_owned).collect())
}

fn entry(index: u64) -> Record {
    Record::Entry(Entry {
        term: 1,
        index,
        data: Some(b"x".to_vec()),
        ..Entry::default()
    })
}

fn mark(index: u64) -> Record {
    Record::Snapshot(SnapshotMark {
        index,
        term: 1,
        configuration: None,
    })
}

fn state(term: u64, commit: u64) -> Record {
    let vote = 0;
    Record::State(HardState { term, vote, commit })
}

#[track_caller]
fn is(verdict: (Option<i32>, Vec<String>), status: i32, codes: &[&str]) {
    let expected = (
        Some(status),
        codes.iter().map(|code| (*code).to_owned()).collect(),
    );
    assert_eq!(verdict, expected);
}

#[test]
fn a_log_that_goes_on_where_the_database_ends_is_sound() {
    let data = DataDir::new();
    is(data.verdict(), 0, &[]);
    data.write_log(0, &data.records);
    is(data.verdict(), 0, &[]);
    let mut more: Vec<Record> = (3..9).map(entry).collect();
    more.push(state(2, 8));
    // What was never committed is written anew by another leader.
    more.extend((7..12).map(entry));
    data.write_log(0, &data.with(&more));
    is(data.verdict(), 0, &[]);
}

#[test]
fn a_database_ahead_of_the_log_is_told() {
    let data = DataDir::new();
    let one: Vec<Record> = data.records.iter().take(4).cloned().collect();
    data.write_log(0, &[&one[..], &[state(1, 1)]].concat());
    is(data.verdict(), 1, &["W005"]);
}

#[test]
fn a_database_older_than_what_the_log_starts_from_is_told() {
    let data = DataDir::new();
    let more: Vec<Record> = (3..=9).map(entry).collect();
    let more = [&more[..], &[state(1, 9), mark(9)]].concat();
    data.write_log(0, &data.with(&more));
    // Without its .snap file the server starts from the one before.
    is(data.verdict(), 0, &[]);
    let newer = SnapshotFile {
        index: 9,
        ..data.snapshot.clone()
    };
    let name = data.snap().join(snapshot_file_name(1, 9));
    fs::write(&name, newer.encode(WalForm::V36)).expect("a file");
    is(data.verdict(), 1, &["W006"]);
    // A database that a leader sent waits under another name.
    let sent = data.snap().join("0000000000000009.snap.db");
    fs::write(&sent, b"").expect("a file");
    is(data.verdict(), 0, &[]);
    fs::remove_file(sent).expect("a file");
    // A mark that was not committed does not count.
    let more: Vec<Record> = (3..=9).map(entry).chain([mark(9)]).collect();
    data.write_log(0, &data.with(&more));
    is(data.verdict(), 0, &[]);
}

#[test]
fn a_term_that_the_log_does_not_know_is_told() {
    let data = DataDir::new();
    let mut records = data.records.clone();
    for record in &mut records {
        if let Record::State(state) = record {
            state.term = 0;
        }
    }
    data.write_log(0, &records);
    is(data.verdict(), 1, &["W007"]);
}

#[test]
fn a_log_without_its_beginning_needs_a_snap_file() {
    let data = DataDir::new();
    fs::remove_file(data.path_of_snapshot()).expect("a file");
    is(data.verdict(), 0, &[]);
    data.write_log(3, &data.records);
    is(data.verdict(), 0, &["W008"]);
}

#[test]
fn a_damaged_snap_file_is_told() {
    let data = DataDir::new();
    let path = data.path_of_snapshot();
    let mut bytes = fs::read(&path).expect("the file");
    bytes[40] ^= 1;
    fs::write(&path, bytes).expect("the file");
    is(data.verdict(), 0, &["W009"]);
}

#[test]
fn members_that_the_log_does_not_know_are_told_until_an_entry_changes_them() {
    let data = DataDir::new();
    let mut other = data.snapshot.clone();
    other.configuration.voters.pop();
    fs::write(data.path_of_snapshot(), other.encode(WalForm::V36)).expect("the file");
    is(data.verdict(), 0, &["W010"]);
    let change = data.records.iter().find_map(|record| match record {
        Record::Entry(entry) => Some(Record::Entry(Entry {
            index: 3,
            ..entry.clone()
        })),
        _ => None,
    });
    data.write_log(
        0,
        &data.with(&[change.expect("an entry that adds a member")]),
    );
    is(data.verdict(), 0, &[]);
}

#[test]
fn records_of_another_member_and_gaps_are_told() {
    let data = DataDir::new();
    let stranger = Record::Metadata(Metadata {
        member: 1,
        cluster: 2,
    });
    data.write_log(0, &data.with(&[stranger]));
    is(data.verdict(), 1, &["W011"]);
    data.write_log(0, &data.with(&[entry(3), entry(5)]));
    is(data.verdict(), 1, &["W012"]);
    // A mark in the place of entries: a leader has sent its database.
    data.write_log(0, &data.with(&[entry(3), mark(7), entry(8)]));
    is(data.verdict(), 0, &[]);
}

#[test]
fn a_log_that_contradicts_the_database_does_not_keep_it_from_being_restored() {
    let data = DataDir::new();
    let one: Vec<Record> = data.records.iter().take(4).cloned().collect();
    data.write_log(0, &one);
    let args = ["restore", "data", "--skip-hash-check", "--data-dir", "new"];
    let outcome = tool::run(data.dir.path(), args);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    is(verdict(data.dir.path(), "new"), 0, &[]);
}
