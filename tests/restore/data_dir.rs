//! `verify DIR`: the log, the `.snap` file and the database of a data directory against each other.

use std::fs;
use std::path::{Path, PathBuf};

use etcdsnap::etcd::raft::{
    Entry, EntryType, HardState, LogRecord, MemberChange, Metadata, SnapshotFile, SnapshotMark,
    WalForm, WalReader, WalWriter, read_snapshot_file, segment_name, snapshot_file_name,
};
use tempfile::TempDir;

use super::{clusters, folder, restore, testdata, tool};

/// A restored directory whose log and `.snap` file can be rewritten.
struct DataDir {
    dir: TempDir,
    records: Vec<LogRecord>,
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

    fn wal(&self) -> PathBuf {
        self.dir.path().join("data/member/wal")
    }

    /// Writes these records as the segment of this number, the only one.
    fn write_log(&self, number: u64, records: &[LogRecord]) {
        self.write_segments(&[(number, 0, records)]);
    }

    /// Writes segments of these numbers and first indices, with one chain of checksums.
    fn write_segments(&self, segments: &[(u64, u64, &[LogRecord])]) {
        fs::remove_dir_all(self.wal()).expect("a folder");
        fs::create_dir(self.wal()).expect("a folder");
        let mut writer = WalWriter::new(WalForm::V36);
        for (count, (number, first, records)) in segments.iter().enumerate() {
            if count > 0 {
                writer = writer.next_segment();
                writer.metadata(self.metadata());
            }
            for record in *records {
                writer.record(record);
            }
            let path = self.wal().join(segment_name(*number, *first));
            fs::write(path, writer.bytes()).expect("a segment");
        }
    }

    fn metadata(&self) -> Metadata {
        let found = self.records.iter().find_map(|record| match record {
            LogRecord::Metadata(metadata) => Some(*metadata),
            _ => None,
        });
        found.expect("whose log it is")
    }

    /// A directory that has come to entry 12 in three segments, with `.snap` files for entries 2 and 8 and a
    /// database that knows all of it.
    fn of_three_segments() -> Self {
        let data = Self::new();
        let first: Vec<LogRecord> = (3..=5).map(entry).chain([state(1, 5)]).collect();
        let first = data.with(&first);
        let second: Vec<LogRecord> = (6..=9).map(entry).chain([state(1, 9), mark(8)]).collect();
        let third: Vec<LogRecord> = (10..=12).map(entry).chain([state(1, 12)]).collect();
        data.write_segments(&[(0, 0, &first), (1, 6, &second), (2, 10, &third)]);
        data.write_snapshot(8);
        // The database that was restored has come to entry 2; a leader has sent this one.
        fs::write(data.snap().join("0000000000000008.snap.db"), b"").expect("a file");
        data
    }

    fn write_snapshot(&self, index: u64) {
        let newer = SnapshotFile {
            index,
            ..self.snapshot.clone()
        };
        let name = self.snap().join(snapshot_file_name(1, index));
        fs::write(name, newer.encode(WalForm::V36)).expect("a file");
    }

    fn segment(&self, number: u64, first: u64) -> PathBuf {
        self.wal().join(segment_name(number, first))
    }

    /// The first line of the report.
    fn headline(&self) -> String {
        let outcome = tool::run(self.dir.path(), ["verify", "--quick", "data"]);
        outcome.stdout.lines().next().unwrap_or_default().to_owned()
    }

    fn with(&self, more: &[LogRecord]) -> Vec<LogRecord> {
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

fn entry(index: u64) -> LogRecord {
    LogRecord::Entry(Entry {
        term: 1,
        index,
        data: Some(b"x".to_vec()),
        ..Entry::default()
    })
}

fn mark(index: u64) -> LogRecord {
    mark_of(index, 1)
}

fn mark_of(index: u64, term: u64) -> LogRecord {
    LogRecord::Snapshot(SnapshotMark {
        index,
        term,
        configuration: None,
    })
}

fn state(term: u64, commit: u64) -> LogRecord {
    let vote = 0;
    LogRecord::State(HardState { term, vote, commit })
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
    let mut more: Vec<LogRecord> = (3..9).map(entry).collect();
    more.push(state(2, 8));
    // What was never committed is replaced by another leader.
    more.extend((7..12).map(entry));
    data.write_log(0, &data.with(&more));
    is(data.verdict(), 0, &[]);
}

#[test]
fn a_database_ahead_of_the_log_is_told() {
    let data = DataDir::new();
    // One entry, which makes the member known.
    let own = MemberChange::Add(data.metadata().member);
    let one: Vec<LogRecord> = data
        .records
        .iter()
        .filter_map(|record| match record {
            LogRecord::Entry(entry) if entry.member_change() == Some(own) => {
                let entry = Entry {
                    index: 1,
                    ..entry.clone()
                };
                Some(LogRecord::Entry(entry))
            }
            LogRecord::Metadata(_) => Some(record.clone()),
            _ => None,
        })
        .collect();
    data.write_log(0, &[&one[..], &[mark_of(0, 0), state(1, 1)]].concat());
    is(data.verdict(), 1, &["W005"]);
}

#[test]
fn a_database_older_than_what_the_log_starts_from_is_told() {
    let data = DataDir::new();
    let more: Vec<LogRecord> = (3..=9).map(entry).collect();
    let more = [&more[..], &[state(1, 9), mark(9)]].concat();
    data.write_log(0, &data.with(&more));
    // Without its .snap file the server starts from the one before.
    is(data.verdict(), 0, &[]);
    data.write_snapshot(9);
    is(data.verdict(), 1, &["W006"]);
    // A database that a leader sent waits under another name.
    let sent = data.snap().join("0000000000000009.snap.db");
    fs::write(&sent, b"").expect("a file");
    is(data.verdict(), 0, &[]);
    fs::remove_file(sent).expect("a file");
    // A mark that was not committed does not count.
    let more: Vec<LogRecord> = (3..=9).map(entry).chain([mark(9)]).collect();
    data.write_log(0, &data.with(&more));
    is(data.verdict(), 0, &[]);
}

#[test]
fn an_older_term_in_the_log_is_a_warning_since_servers_start() {
    let data = DataDir::new();
    let mut records = data.records.clone();
    for record in &mut records {
        if let LogRecord::State(state) = record {
            state.term = 0;
        }
    }
    data.write_log(0, &records);
    is(data.verdict(), 0, &["W007"]);
}

#[test]
fn a_log_without_its_beginning_needs_a_snap_file() {
    let data = DataDir::of_three_segments();
    is(data.verdict(), 0, &[]);
    fs::remove_file(data.segment(0, 0)).expect("a segment");
    is(data.verdict(), 0, &[]);
    // The newest `.snap` file is that of entry 8: what comes before it is not needed.
    for name in [snapshot_file_name(1, 2), snapshot_file_name(1, 8)] {
        fs::remove_file(data.snap().join(name)).expect("a file");
    }
    is(data.verdict(), 1, &["W008"]);
    // What counts is the index in the name, not the number.
    let data = DataDir::new();
    data.write_log(3, &data.records);
    fs::remove_file(data.path_of_snapshot()).expect("a file");
    is(data.verdict(), 0, &[]);
}

#[test]
fn segments_that_begin_behind_the_place_to_start_from_are_told() {
    let data = DataDir::of_three_segments();
    for (number, first) in [(0, 0), (1, 6)] {
        fs::remove_file(data.segment(number, first)).expect("a segment");
    }
    // The mark of entry 8 is gone with its segment, and so is the way from entry 1 on.
    is(data.verdict(), 1, &["W014"]);
    let data = DataDir::new();
    let named = data.segment(0, 0x100);
    fs::rename(data.segment(0, 0), named).expect("a segment");
    is(data.verdict(), 1, &["W014"]);
}

#[test]
fn a_gap_in_the_numbers_of_segments_is_told_and_nothing_that_follows_from_it() {
    let data = DataDir::of_three_segments();
    fs::remove_file(data.segment(1, 6)).expect("a segment");
    is(data.verdict(), 1, &["W004"]);
}

#[test]
fn a_first_record_of_zeros_is_told_where_it_matters() {
    let zero = |path: &Path| {
        let mut bytes = fs::read(path).expect("a segment");
        bytes[..16].fill(0);
        fs::write(path, bytes).expect("a segment");
    };
    let data = DataDir::new();
    zero(&data.segment(0, 0));
    is(data.verdict(), 1, &["W015"]);
    for (number, first, status, code) in [
        // Servers pass over it: they start behind it.
        (0, 0, 0, "W016"),
        (1, 6, 1, "W015"),
        (2, 10, 1, "W015"),
    ] {
        let data = DataDir::of_three_segments();
        zero(&data.segment(number, first));
        is(data.verdict(), status, &[code]);
    }
    // Made ahead of need and never written to.
    let data = DataDir::of_three_segments();
    fs::write(data.segment(3, 13), [0; 1000]).expect("a segment");
    is(data.verdict(), 0, &["W016"]);
}

#[test]
fn entries_that_are_committed_and_lost_are_told() {
    let data = DataDir::new();
    data.write_log(0, &data.with(&[entry(3), state(1, 4)]));
    is(data.verdict(), 1, &["W018"]);
}

#[test]
fn a_directory_without_a_log_is_told_and_where_it_may_lie() {
    let data = DataDir::new();
    fs::rename(data.wal(), data.dir.path().join("elsewhere")).expect("a folder");
    is(data.verdict(), 1, &["W013"]);
    let words = ["verify", "data"];
    let outcome = tool::run(data.dir.path(), words);
    for told in ["--wal-dir", "every write times out", "never reachable"] {
        assert!(outcome.stdout.contains(told), "{}", outcome.stdout);
    }
    fs::create_dir(data.wal()).expect("a folder");
    is(data.verdict(), 1, &["W013"]);
    let verify = |words: &[&str]| tool::run(data.dir.path(), [&["verify"], words].concat());
    let outcome = verify(&["data", "--wal-dir", "elsewhere"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("log in elsewhere"),
        "{}",
        outcome.stdout
    );
    assert_eq!(verify(&["data", "--wal-dir", "data"]).status, Some(1));
    assert_eq!(verify(&["data", "--wal-dir", "missing"]).status, Some(2));
    assert_eq!(
        verify(&["data", "data", "--wal-dir", "elsewhere"]).status,
        Some(2)
    );
    let snapshot = super::SNAPSHOT;
    assert_eq!(
        verify(&[snapshot, "--wal-dir", "elsewhere"]).status,
        Some(2)
    );
}

#[test]
fn a_sound_directory_says_who_starts_there() {
    let data = DataDir::new();
    let member = format!("{:x}", data.metadata().member);
    assert_eq!(
        data.headline(),
        format!(
            "data: OK - etcd 3.4 or newer can start here (member m1 {member} of 2, needs 2 members)"
        )
    );
    // A request that sets the version to 3.6, as 3.5 and later write it.
    let version = [b"\xa2\x51\x07\x0a\x05".as_slice(), b"3.6.0"].concat();
    let set = Entry {
        term: 1,
        index: 3,
        data: Some(version),
        ..Entry::default()
    };
    data.write_log(0, &data.with(&[LogRecord::Entry(set), state(1, 3)]));
    assert!(
        data.headline().contains("etcd 3.6 or newer"),
        "{}",
        data.headline()
    );
    // A request to the old store, which 3.7 cannot read.
    let old = Entry {
        term: 1,
        index: 3,
        data: Some(b"\x08\x01\x12\x03PUT\x1a\x04/0/x".to_vec()),
        ..Entry::default()
    };
    data.write_log(0, &data.with(&[LogRecord::Entry(old), state(1, 3)]));
    let told = "etcd 3.4 to 3.6 can start here; 3.7 cannot: ";
    assert!(data.headline().contains(told), "{}", data.headline());
    is(data.verdict(), 0, &[]);
}

#[test]
fn a_directory_by_etcds_backup_is_not_damaged() {
    let data = DataDir::new();
    // The mark stands behind the entries that follow the snapshot, and the member is a new one.
    let head: Vec<LogRecord> = data.records.iter().take(3).cloned().collect();
    let more: Vec<LogRecord> = (3..=6).map(entry).collect();
    let records = [&head[..], &more[..], &[state(1, 6), mark(2)]].concat();
    data.write_log(0, &records);
    is(data.verdict(), 0, &[]);
    let other = SnapshotFile {
        configuration: etcdsnap::etcd::raft::Configuration {
            voters: vec![0x1234],
            ..Default::default()
        },
        ..data.snapshot.clone()
    };
    fs::write(data.path_of_snapshot(), other.encode(WalForm::V36)).expect("the file");
    is(data.verdict(), 0, &["W019"]);
    let told = "can start here with --force-new-cluster";
    assert!(data.headline().contains(told), "{}", data.headline());
    // That start takes the other members out and puts this one in.
    let change = |index, kind: u8, member: u64| {
        let mut bytes = vec![0x08, 0, 0x10, kind, 0x18];
        let mut rest = member;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        LogRecord::Entry(Entry {
            kind: EntryType::ConfChange,
            term: 1,
            index,
            data: Some(bytes),
        })
    };
    let own = data.metadata().member;
    let begun = [change(7, 1, 0x1234), change(8, 0, own), state(2, 8)];
    data.write_log(0, &[&records[..], &begun].concat());
    is(data.verdict(), 0, &[]);
}

/// Unpacks the directory of this name that a server or its tools wrote, as `NAME` in `dir`.
fn unpack(dir: &Path, name: &str) {
    let member = dir.join(name).join("member");
    fs::create_dir_all(member.join("wal")).expect("a folder");
    fs::create_dir_all(member.join("snap")).expect("a folder");
    let packed = testdata::dir().join("data-dirs").join(name);
    for file in fs::read_dir(packed).expect("test data") {
        let path = file.expect("test data").path();
        let stem = path.file_stem().expect("a name").to_owned();
        let to = match stem.to_str() {
            Some("log") => member.join("wal").join(segment_name(0, 0)),
            _ => member.join("snap").join(stem),
        };
        fs::write(to, clusters::unpacked(&path)).expect("a file");
    }
}

#[test]
fn the_directory_of_a_removed_member_starts_nowhere() {
    let dir = folder();
    for name in ["removed-3.4", "removed-3.5", "removed-3.6", "removed-3.7"] {
        unpack(dir.path(), name);
        is(verdict(dir.path(), name), 1, &["W021"]);
        let told = tool::run(dir.path(), ["verify", name]).stdout;
        let next = "restore the database: etcdsnap restore DIR --skip-hash-check";
        assert!(told.contains(next), "{told}");
        assert!(!told.contains("can start here"), "{told}");
    }
}

#[test]
fn the_log_of_another_cluster_is_told_with_and_without_a_snap_file() {
    let dir = folder();
    let names = [
        "one-member-3.4",
        "one-member-3.5",
        "one-member-3.6",
        "one-member-3.7",
    ];
    for name in names {
        unpack(dir.path(), name);
        is(verdict(dir.path(), name), 0, &[]);
    }
    let log = |name: &str| dir.path().join(name).join("member/wal");
    let named = |of: &str, other: &str| {
        let log = log(other);
        let log = log.to_str().expect("a path");
        let outcome = tool::run(dir.path(), ["verify", of, "--wal-dir", log]);
        assert_eq!(outcome.status, Some(1), "{of} {other}: {}", outcome.stdout);
        assert!(outcome.stdout.contains("W022"), "{}", outcome.stdout);
    };
    for of in names {
        for other in names.into_iter().filter(|other| *other != of) {
            named(of, other);
        }
    }
    let segment = segment_name(0, 0);
    let (mine, other) = (log("one-member-3.6"), log("one-member-3.7"));
    fs::copy(other.join(&segment), mine.join(&segment)).expect("a copy");
    is(verdict(dir.path(), "one-member-3.6"), 1, &["W022"]);
    let snap = dir.path().join("one-member-3.4/member/snap");
    fs::remove_file(snap.join(snapshot_file_name(2, 22))).expect("a file");
    is(verdict(dir.path(), "one-member-3.4"), 0, &[]);
    named("one-member-3.4", "one-member-3.5");
}

#[test]
fn what_etcdutl_backup_wrote_starts_with_force_new_cluster() {
    let dir = folder();
    unpack(dir.path(), "etcdutl-backup-3.5");
    is(verdict(dir.path(), "etcdutl-backup-3.5"), 0, &["W019"]);
    let told = tool::run(dir.path(), ["verify", "etcdutl-backup-3.5"]).stdout;
    assert!(told.contains("with --force-new-cluster"), "{told}");
}

#[test]
fn a_member_whose_addition_is_not_committed_yet_is_not_taken_for_one_of_another_cluster() {
    let data = DataDir::new();
    let own = data.metadata().member;
    let mut before = data.snapshot.clone();
    before.configuration.voters.retain(|id| *id != own);
    fs::write(data.path_of_snapshot(), before.encode(WalForm::V36)).expect("the file");
    is(data.verdict(), 1, &["W022"]);
    let added = data.records.iter().find_map(|record| match record {
        LogRecord::Entry(entry) if entry.member_change() == Some(MemberChange::Add(own)) => {
            Some(LogRecord::Entry(Entry {
                index: 3,
                ..entry.clone()
            }))
        }
        _ => None,
    });
    data.write_log(0, &data.with(&[added.expect("its addition")]));
    is(data.verdict(), 0, &["W019"]);
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
    let own = data.metadata().member;
    other.configuration.voters.retain(|id| *id == own);
    fs::write(data.path_of_snapshot(), other.encode(WalForm::V36)).expect("the file");
    is(data.verdict(), 0, &["W010"]);
    let change = data.records.iter().find_map(|record| match record {
        LogRecord::Entry(entry) => Some(LogRecord::Entry(Entry {
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
    let stranger = LogRecord::Metadata(Metadata {
        member: 1,
        cluster: 2,
    });
    data.write_log(0, &data.with(&[stranger]));
    is(data.verdict(), 1, &["W011"]);
    data.write_log(0, &data.with(&[entry(3), entry(5)]));
    is(data.verdict(), 1, &["W012"]);
    // A mark in the place of entries: a leader has sent its database.
    data.write_log(0, &data.with(&[entry(3), mark(7), entry(8), state(1, 8)]));
    data.write_snapshot(7);
    let sent = data.snap().join("0000000000000007.snap.db");
    fs::write(sent, b"").expect("a file");
    is(data.verdict(), 0, &[]);
}

#[test]
fn a_log_that_contradicts_the_database_does_not_keep_it_from_being_restored() {
    let data = DataDir::new();
    let one: Vec<LogRecord> = data.records.iter().take(4).cloned().collect();
    data.write_log(0, &one);
    let args = ["restore", "data", "--skip-hash-check", "--data-dir", "new"];
    let outcome = tool::run(data.dir.path(), args);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    is(verdict(data.dir.path(), "new"), 0, &[]);
}
