//! `restore`: what it makes, what it refuses, and that nothing half-made is ever under a final name.

#[path = "restore/data_dir.rs"]
mod data_dir;
#[path = "restore/faults.rs"]
mod faults;
#[path = "restore/limits.rs"]
mod limits;
#[path = "restore/log.rs"]
mod log;
#[path = "restore/mount.rs"]
mod mount;
#[path = "restore/reflink.rs"]
mod reflink;
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::Value;
use support::tool::{self, Outcome};
use support::{clusters, testdata};
use tempfile::TempDir;

const SNAPSHOT: &str = "etcd-3.6.14-b.db";

/// A folder with a sound snapshot in it.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let snapshot = testdata::read(&format!("real/{SNAPSHOT}"));
    fs::write(dir.path().join(SNAPSHOT), snapshot).expect("a copy");
    dir
}

fn restore(dir: &TempDir, args: &str) -> Outcome {
    let words = ["restore", SNAPSHOT].into_iter();
    tool::run(dir.path(), words.chain(args.split_whitespace()))
}

/// Everything in the folder but the snapshot.
fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .filter(|name| name != SNAPSHOT)
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn every_real_snapshot_becomes_a_directory_with_the_same_hash() {
    for file in testdata::real() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = testdata::dir().join(&file);
        let path = path.to_str().expect("UTF-8");
        let outcome = tool::run(dir.path(), ["restore", path, "--json"]);
        assert_eq!(outcome.status, Some(0), "{file}: {}", outcome.stderr);
        let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(told["proof"]["sound"], true, "{file}");
        assert_eq!(told["proof"]["hashkv_as_in_snapshot"], true, "{file}");
        let ours = tool::run(dir.path(), ["hashkv", "default.etcd"]);
        let source = tool::run(dir.path(), ["hashkv", path]);
        assert_eq!(ours.stdout, source.stdout, "{file}");
    }
}

#[test]
fn files_and_folders_are_for_their_owner_only() {
    let dir = folder();
    assert_eq!(
        restore(&dir, "--data-dir data --wal-dir log").status,
        Some(0)
    );
    assert_eq!(names(&dir), ["data", "log"]);
    for name in ["data", "data/member", "data/member/snap", "log"] {
        assert_eq!(mode(&dir.path().join(name)), 0o700, "{name}");
    }
    let log = "log/0000000000000000-0000000000000000.wal";
    for name in ["data/member/snap/db", log] {
        assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
    }
    let len = fs::metadata(dir.path().join(log)).expect("the log").len();
    assert_eq!(len, 64_000_000);
}

#[test]
fn what_is_refused_is_refused_in_the_words_of_etcdutl_and_leaves_nothing() {
    let dir = folder();
    for (args, text) in [
        (
            "--bump-revision 5",
            "--mark-compacted required if --revision-bump > 0",
        ),
        (
            "--mark-compacted",
            "--mark-compacted required if --revision-bump > 0",
        ),
        (
            "--name x",
            "couldn't find local name \"x\" in the initial cluster configuration",
        ),
        (
            "--initial-cluster default=localhost:2380",
            "URL scheme must be http, https, unix, or unixs: localhost:2380",
        ),
        (
            "--initial-cluster default=http://localhost:2380,b=http://localhost:2380",
            "initial cluster b=http://localhost:2380,default=http://localhost:2380 has duplicate url",
        ),
    ] {
        let outcome = restore(&dir, args);
        assert_eq!(outcome.stderr, format!("Error: {text}\n"), "{args}");
        assert_eq!(outcome.status, Some(2), "{args}");
        assert_eq!(names(&dir), Vec::<String>::new(), "{args}");
    }
    fs::create_dir_all(dir.path().join("full/x")).expect("a folder");
    let outcome = restore(&dir, "--data-dir full");
    let text = "Error: data-dir \"full\" not empty or could not be read\n";
    assert_eq!((outcome.stderr.as_str(), outcome.status), (text, Some(2)));
    let outcome = restore(&dir, "--wal-dir full");
    let text = "Error: wal-dir \"full\" exists\n";
    assert_eq!((outcome.stderr.as_str(), outcome.status), (text, Some(2)));
    let outcome = tool::run(dir.path(), ["snapshot", "restore", "nothing"]);
    let text = "Error: open nothing: no such file or directory\n";
    assert_eq!((outcome.stderr.as_str(), outcome.status), (text, Some(2)));
}

#[test]
fn a_damaged_file_is_refused_and_leaves_nothing() {
    let dir = folder();
    let path = dir.path().join(SNAPSHOT);
    let whole = fs::read(&path).expect("the snapshot");
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0xff;
    fs::write(&path, &changed).expect("a file");
    let outcome = restore(&dir, "");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.starts_with("Error: expected sha256 ["),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("], got ["), "{}", outcome.stderr);

    fs::write(&path, &whole[..whole.len() - 32]).expect("a file");
    let outcome = restore(&dir, "");
    let text = "Error: snapshot missing hash but --skip-hash-check=false\n";
    assert_eq!(outcome.status, Some(1));
    let behind = outcome.stderr.strip_prefix(text);
    assert!(
        behind.is_some_and(|more| more.contains("etcdsnap verify")),
        "{}",
        outcome.stderr
    );
    assert_eq!(names(&dir), Vec::<String>::new());
    assert_eq!(restore(&dir, "--skip-hash-check").status, Some(0));
}

#[test]
fn broken_structure_needs_force_whatever_the_hash() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(
        dir.path().join(SNAPSHOT),
        testdata::read("crafted/19unsorted"),
    )
    .expect("a file");
    let outcome = restore(&dir, "--skip-hash-check");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.starts_with("Error: the file is damaged\n"),
        "{}",
        outcome.stderr
    );
    assert_eq!(names(&dir), Vec::<String>::new());
}

#[test]
fn an_empty_folder_is_filled_and_leftovers_are_named() {
    let dir = folder();
    fs::create_dir(dir.path().join("there")).expect("a folder");
    assert_eq!(restore(&dir, "--data-dir there/").status, Some(0));
    let inside: Vec<_> = fs::read_dir(dir.path().join("there"))
        .expect("a folder")
        .collect();
    assert_eq!(inside.len(), 1, "only `member`");

    fs::create_dir(dir.path().join("data.partial")).expect("a folder");
    fs::write(dir.path().join("data.partial/x"), [0; 77]).expect("a file");
    let outcome = restore(&dir, "--data-dir data");
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.contains("data.partial is left over"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("(77 bytes)"), "{}", outcome.stderr);
    assert!(dir.path().join("data.partial/x").exists());
}

#[test]
fn an_empty_folder_is_a_target_however_it_is_called() {
    let snapshot = testdata::dir().join("real").join(SNAPSHOT);
    let snapshot = snapshot.to_str().expect("UTF-8");
    let members = "--initial-cluster m1=http://127.0.0.1:1,m2=http://127.0.0.1:2";
    for target in [
        ".",
        "./",
        "../there",
        "../there/.",
        "../link",
        "../link/",
        "../link/.",
    ] {
        for (args, made) in [
            (format!("--data-dir {target}"), "member"),
            (
                format!("--all-members --out {target} {members}"),
                "m2/member",
            ),
        ] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let there = dir.path().join("there");
            fs::create_dir(&there).expect("a folder");
            std::os::unix::fs::symlink("there", dir.path().join("link")).expect("a link");
            let words = ["restore", snapshot].into_iter();
            let outcome = tool::run(&there, words.chain(args.split_whitespace()));
            assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
            assert!(there.join(made).exists(), "{args}");
            let left: Vec<String> = names_in(&there);
            assert!(
                !left.iter().any(|name| name.contains("partial")),
                "{args}: {left:?}"
            );
            assert_eq!(names_in(dir.path()), ["link", "there"], "{args}");
        }
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn all_members_have_the_same_database_and_logs_of_their_own() {
    let dir = folder();
    let cluster = "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2,m3=http://127.0.0.1:3";
    let args = format!("--all-members --out out --initial-cluster {cluster}");
    assert_eq!(restore(&dir, &args).status, Some(0));
    let read = |name: &str, file: &str| {
        fs::read(dir.path().join("out").join(name).join("member").join(file)).expect("a file")
    };
    let log = "wal/0000000000000000-0000000000000000.wal";
    for name in ["m2", "m3"] {
        assert!(read(name, "snap/db") == read("m1", "snap/db"));
        assert!(read(name, log)[..4096] != read("m1", log)[..4096]);
    }
}

#[test]
fn a_plan_writes_nothing() {
    let dir = folder();
    let outcome = restore(&dir, "--plan --json");
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(told["type"], "restore-plan");
    assert_eq!(told["member_id"], "8e9e05c52164694d");
    assert_eq!(told["cluster_id"], "cdf818194e3a8c32");
    // Whoever runs this made the folder.
    let is_root = fs::metadata(dir.path()).expect("a folder").uid() == 0;
    let next = told["next_commands"].to_string();
    assert_eq!(next.contains("chown -R etcd:etcd"), is_root, "{next}");
    assert_eq!(names(&dir), Vec::<String>::new());
}

#[test]
fn a_directory_of_somebody_else_or_open_to_others_is_told() {
    let dir = folder();
    let there = dir.path().join("there");
    fs::create_dir(&there).expect("a folder");
    fs::set_permissions(&there, fs::Permissions::from_mode(0o755)).expect("a mode");
    let outcome = restore(&dir, "--plan --data-dir there");
    assert!(
        outcome.stdout.contains("has mode 0755"),
        "{}",
        outcome.stdout
    );
    assert!(
        !outcome.stdout.contains("belongs to user"),
        "{}",
        outcome.stdout
    );
    fs::set_permissions(&there, fs::Permissions::from_mode(0o700)).expect("a mode");
    let outcome = restore(&dir, "--plan --data-dir there");
    assert!(!outcome.stdout.contains("has mode"), "{}", outcome.stdout);
    if std::os::unix::fs::chown(&there, Some(12_345), Some(54_321)).is_err() {
        return eprintln!("skipped: only root can give a folder away");
    }
    for form in ["--plan", ""] {
        let outcome = restore(&dir, &format!("--data-dir there {form}"));
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        for told in ["belongs to user 12345", "chown -R 12345:54321 there"] {
            assert!(outcome.stdout.contains(told), "{}", outcome.stdout);
        }
    }
    fs::remove_dir_all(there.join("member")).expect("what was made");
    let outcome = restore(&dir, "--data-dir there --owner 12345:54321");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("chown"), "{}", outcome.stdout);
    // Whoever is to own it can also reach it.
    for (form, made) in [
        ("--data-dir on/the/way", ["on", "on/the", "on/the/way"]),
        (
            "--all-members --out all --initial-cluster m1=http://127.0.0.1:2380",
            ["all", "all/m1", "all/m1/member"],
        ),
    ] {
        let outcome = restore(&dir, &format!("{form} --owner 12345:54321"));
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        for folder in made {
            let found = fs::metadata(dir.path().join(folder)).expect(folder);
            assert_eq!((found.uid(), found.gid()), (12_345, 54_321), "{folder}");
        }
    }
}

#[test]
fn a_plan_names_the_keys_that_secrets_need_and_how_far_time_goes_back() {
    let dir = folder();
    let names = clusters::unpack(dir.path());
    let find = |part: &str| names.iter().find(|name| name.contains(part)).expect(part);
    let plan = |file: &str, more: &str| {
        let args = format!("restore {file} --plan --json --data-dir new {more}");
        let outcome = tool::run(dir.path(), args.split_whitespace());
        let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        (outcome.status, told)
    };
    let (before, after) = (find("3.7-cbor-before"), find("3.7-cbor-after"));
    let (status, told) = plan(before, &format!("--newer {after}"));
    assert_eq!(status, Some(0));
    let secrets = told["encrypted_values"].as_array().expect("a list");
    let secrets = secrets.iter().find(|one| one["resource"] == "secrets");
    let secrets = secrets.expect("encrypted secrets");
    assert_eq!(
        (&secrets["provider"], &secrets["key_name"]),
        (&"aescbc".into(), &"key-cbc".into())
    );
    assert!(
        told["not_before"]
            .as_str()
            .is_some_and(|time| time.starts_with("20"))
    );
    let notes = told["notes"].to_string();
    assert!(
        notes.contains("--bump-revision 1000000 --mark-compacted"),
        "{notes}"
    );
    // The other way round nothing is lost.
    let (_, told) = plan(after, &format!("--newer {before}"));
    assert!(!told["notes"].to_string().contains("bump"), "{told}");
}

#[test]
fn a_plan_for_a_server_that_will_not_start_is_a_finding() {
    let dir = folder();
    let plan = |release: &str| {
        let outcome = restore(&dir, &format!("--plan --json --for-etcd {release}"));
        let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        (outcome.status, told["starts"].as_bool())
    };
    assert_eq!(plan("3.6"), (Some(0), Some(true)));
    assert_eq!(plan("v3.7.1"), (Some(0), Some(true)));
    assert_eq!(plan("3.5"), (Some(0), Some(true)), "3.5 does not look");
    let newer = testdata::dir().join("real/etcd-3.7.1-b.db");
    let newer = newer.to_str().expect("UTF-8");
    let words = ["restore", newer, "--plan", "--for-etcd", "3.6"];
    assert_eq!(tool::run(dir.path(), words).status, Some(1));
    assert_eq!(restore(&dir, "--plan --for-etcd new").status, Some(2));
}

#[test]
fn the_log_of_a_restored_member_is_listed() {
    let dir = folder();
    assert_eq!(restore(&dir, "").status, Some(0));
    let segment = "default.etcd/member/wal/0000000000000000-0000000000000000.wal";
    for path in ["default.etcd", "default.etcd/member/wal", segment] {
        let outcome = tool::run(dir.path(), ["wal", path, "--json"]);
        assert_eq!(outcome.status, Some(0), "{path}");
        let lines: Vec<Value> = outcome
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let records: Vec<&str> = lines
            .iter()
            .filter_map(|line| line["record"].as_str())
            .collect();
        let expected = ["crc", "metadata", "snapshot", "entry", "state", "snapshot"];
        assert_eq!(records, expected, "{path}");
        assert_eq!(lines.last().expect("a summary")["last_index"], 1, "{path}");
    }
    let only = tool::run(
        dir.path(),
        ["wal", "default.etcd", "--type", "entry", "--from", "2"],
    );
    assert_eq!(only.stdout.lines().count(), 1, "only the summary");
}

#[test]
fn a_broken_log_and_a_missing_segment_are_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = |number: u64| {
        dir.path()
            .join(format!("{number:016x}-0000000000000000.wal"))
    };
    let log = testdata::read("restore/two-members-3.6.wal");
    let told = |bytes: &[u8]| {
        fs::write(path(0), bytes).expect("a segment");
        let outcome = tool::run(dir.path(), ["wal", "."]);
        (outcome.status, outcome.stdout)
    };
    let (status, text) = told(&log[..190]);
    assert_eq!(status, Some(0), "a torn end is not an error");
    assert!(text.contains("W001"), "{text}");
    let mut changed = log.clone();
    changed[150] ^= 1;
    let (status, text) = told(&changed);
    assert_eq!(status, Some(1));
    assert!(text.contains("W002"), "{text}");
    fs::write(path(1), &log).expect("a segment");
    let (status, text) = told(&log[..190]);
    assert_eq!(status, Some(1), "only the last segment may be torn");
    assert!(text.contains("W003"), "{text}");
    fs::rename(path(1), path(2)).expect("a segment");
    let (status, text) = told(&log);
    assert_eq!(status, Some(1));
    assert!(text.contains("W004"), "{text}");
}

#[test]
fn verify_of_a_data_directory_looks_at_its_log_too() {
    let dir = folder();
    assert_eq!(restore(&dir, "").status, Some(0));
    let verify = || tool::run(dir.path(), ["verify", "--quick", "default.etcd"]);
    let sound = verify();
    assert_eq!(sound.status, Some(0));
    assert!(
        sound.stdout.contains("log        1 segment, 6 records"),
        "{}",
        sound.stdout
    );
    let segment = "default.etcd/member/wal/0000000000000000-0000000000000000.wal";
    let segment = dir.path().join(segment);
    let mut bytes = fs::read(&segment).expect("the log");
    bytes[130] ^= 1;
    fs::write(&segment, bytes).expect("the log");
    let broken = verify();
    assert_eq!(broken.status, Some(1));
    assert!(broken.stdout.contains("W002"), "{}", broken.stdout);
}

#[test]
fn all_that_a_killed_run_left_is_named_at_once() {
    let dir = folder();
    let refused = |args: &str| {
        let outcome = restore(&dir, args);
        assert_eq!(outcome.status, Some(2), "{args}");
        outcome.stderr
    };
    for left in ["data.partial", "log.partial"] {
        fs::create_dir(dir.path().join(left)).expect("a folder");
    }
    let text = refused("--data-dir data --wal-dir log");
    let both =
        "data.partial, log.partial are left over from a restore that did not come to its end";
    assert!(text.contains(both), "{text}");
    assert!(text.contains("remove them and run again"), "{text}");
    // The folder was made since.
    fs::create_dir(dir.path().join("data")).expect("a folder");
    let text = refused("--data-dir data");
    assert!(text.contains("data.partial is left over"), "{text}");
    assert!(text.contains("remove it and run again"), "{text}");
}

#[test]
fn a_log_cannot_be_where_a_restore_keeps_what_is_not_yet_whole() {
    let dir = folder();
    for wal in ["data.partial/wal", "data/.partial", "data/.partial/wal"] {
        let outcome = restore(&dir, &format!("--data-dir data --wal-dir {wal}"));
        assert_eq!(outcome.status, Some(2), "{wal}");
        assert!(
            outcome.stderr.contains("not yet whole"),
            "{}",
            outcome.stderr
        );
        assert_eq!(names(&dir), Vec::<String>::new(), "{wal}");
    }
}

#[test]
fn an_owner_is_given_by_name_or_number_and_must_exist() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = folder();
    let outcome = restore(&dir, "--owner no-such-user-here");
    assert_eq!(outcome.status, Some(2));
    assert_eq!(names(&dir), Vec::<String>::new());
    // Giving a file to oneself is allowed to everybody.
    let own = fs::metadata(dir.path()).expect("the folder");
    let owner = format!("--owner {}:{}", own.uid(), own.gid());
    assert_eq!(restore(&dir, &owner).status, Some(0));
    let made = fs::metadata(dir.path().join("default.etcd/member/snap/db")).expect("a file");
    assert_eq!((made.uid(), made.gid()), (own.uid(), own.gid()));
}

/// Writes a packed file of `testdata/restore` into the folder.
fn unpack(dir: &TempDir, name: &str) -> String {
    let packed = testdata::dir()
        .join("restore")
        .join(format!("{name}.db.zst"));
    let file = format!("{name}.db");
    fs::write(dir.path().join(&file), clusters::unpacked(&packed)).expect("a file");
    file
}

fn run(dir: &TempDir, args: &str) -> Outcome {
    tool::run(dir.path(), args.split_whitespace())
}

#[test]
fn a_stranger_is_refused_by_its_name_by_the_run_and_by_the_plan() {
    let dir = folder();
    let zeros = [0; 8192];
    let page = [&b"<!DOCTYPE html><title>403</title>"[..], &zeros].concat();
    for (name, bytes, told) in [
        (
            "a.gz",
            [&b"\x1f\x8b\x08"[..], &zeros].concat(),
            "it is gzip-compressed",
        ),
        (
            "passwd",
            b"root:x:0:0:root:/root:/bin/sh\n".repeat(300),
            "it is text",
        ),
        ("short", b"no\n".to_vec(), "it is text"),
        ("empty", Vec::new(), "the file is empty"),
        ("page", page, "it is an HTML page"),
        ("zeros", zeros.to_vec(), "nothing but zero bytes"),
    ] {
        fs::write(dir.path().join(name), bytes).expect("a file");
        let verified = run(&dir, &format!("verify {name}"));
        assert_eq!(verified.status, Some(1), "{name}");
        for more in ["", "--skip-hash-check", "--force --skip-hash-check"] {
            let outcome = run(&dir, &format!("restore {name} --data-dir data {more}"));
            assert_eq!(outcome.status, Some(1), "{name} {more}");
            let text = &outcome.stderr;
            assert!(text.starts_with(&format!("Error: {name}: ")), "{text}");
            assert!(text.contains(told), "{name}: {text}");
            assert!(!text.contains("hash"), "{name}: {text}");
            let plan =
                format!("restore {name} --data-dir data {more} --plan --for-etcd 3.6 --json");
            let outcome = run(&dir, &plan);
            assert_eq!(outcome.status, Some(1), "{name} {more}");
            let plan: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
            assert_eq!(plan["starts"], false, "{name}");
            let refusal = plan["refusal"].as_str().expect("a refusal");
            assert!(refusal.contains(told), "{name}: {refusal}");
            assert!(!plan["notes"].to_string().contains("can start"), "{plan}");
        }
        fs::remove_file(dir.path().join(name)).expect("a file");
        assert_eq!(names(&dir), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_snapshot_cut_short_is_damaged_and_does_not_want_for_a_hash() {
    let dir = folder();
    let whole = testdata::read(&format!("real/{SNAPSHOT}"));
    fs::write(dir.path().join("cut"), &whole[..200_000]).expect("a file");
    for form in ["", "--plan"] {
        let outcome = run(&dir, &format!("restore cut --data-dir data {form}"));
        assert_eq!(outcome.status, Some(1));
        let told = outcome.stdout + &outcome.stderr;
        assert!(told.contains("the file is damaged"), "{told}");
        assert!(!told.contains("missing hash"), "{told}");
    }
    // Of this one nothing can be read.
    for more in [
        "--force --skip-hash-check",
        "--force --skip-hash-check --plan",
    ] {
        let outcome = run(&dir, &format!("restore cut --data-dir data {more}"));
        assert_eq!(outcome.status, Some(1), "{more}");
        let told = outcome.stdout + &outcome.stderr;
        assert!(told.contains("nothing of the file can be read"), "{told}");
    }
    assert_eq!(names(&dir), ["cut"]);
}

#[test]
fn a_bump_too_near_to_the_last_revision_is_refused_by_the_run_and_by_the_plan() {
    let dir = folder();
    let most = i64::MAX - (1 << 40) - 662;
    let near = [most + 1, i64::MAX - 662 - 1, i64::MAX - 662, i64::MAX];
    let beyond = near
        .iter()
        .map(|bump| *bump as u64)
        .chain([1 << 63, u64::MAX]);
    for bump in beyond {
        for more in ["", "--compact", "--force"] {
            let args = format!("--bump-revision {bump} --mark-compacted {more}");
            let outcome = restore(&dir, &args);
            assert_eq!(outcome.status, Some(2), "{args}: {}", outcome.stderr);
            let told = format!("give at most {most}");
            assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
            let outcome = restore(&dir, &format!("{args} --plan --json"));
            assert_eq!(outcome.status, Some(1), "{args}");
            let plan: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
            assert_eq!(plan["starts"], false);
            let refusal = plan["refusal"].as_str().expect("a refusal");
            assert!(refusal.contains(&told), "{refusal}");
            assert_eq!(names(&dir), Vec::<String>::new());
        }
    }
    let args = format!("--bump-revision {most} --mark-compacted");
    assert_eq!(restore(&dir, &format!("{args} --plan")).status, Some(0));
    assert_eq!(restore(&dir, &args).status, Some(0));
}

#[test]
fn a_file_whose_revisions_or_transactions_are_used_up_is_refused() {
    let dir = folder();
    for (name, told) in [
        ("last-revision", "9223372036854775807"),
        ("compaction-at-the-last-revision", "9223372036854775807"),
        ("last-transaction", "18446744073709551615"),
    ] {
        let file = unpack(&dir, name);
        for more in ["", "--plan", "--plan --for-etcd 3.7"] {
            let outcome = run(&dir, &format!("restore {file} --data-dir data {more}"));
            assert_eq!(outcome.status, Some(1), "{name} {more}: {}", outcome.stderr);
            let text = outcome.stdout + &outcome.stderr;
            assert!(text.contains(told), "{name}: {text}");
        }
        assert!(!dir.path().join("data").exists(), "{name}");
    }
}

#[test]
fn a_plan_refuses_targets_that_cannot_be_made() {
    let dir = folder();
    fs::write(dir.path().join("file"), "").expect("a file");
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).expect("a link");
    let long = "x".repeat(300);
    let mut targets = vec![
        "--data-dir file/data".to_owned(),
        "--data-dir link/data".to_owned(),
        format!("--data-dir {long}"),
        "--data-dir data --wal-dir file/wal".to_owned(),
    ];
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).expect("a folder");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).expect("a mode");
    match fs::write(closed.join("file"), "") {
        Ok(()) => eprintln!("skipped: the superuser may write everywhere"),
        Err(_) => targets.push("--data-dir closed/data".to_owned()),
    }
    for target in targets {
        let ran = restore(&dir, &target);
        assert_eq!(ran.status, Some(2), "{target}: {}", ran.stderr);
        assert!(
            ran.stderr.starts_with("Error: cannot make "),
            "{}",
            ran.stderr
        );
        let plan = restore(&dir, &format!("{target} --plan"));
        assert_eq!(plan.status, Some(1), "{target}");
        let told = plan.stdout.contains("would be refused - cannot make ");
        assert!(told, "{target}: {}", plan.stdout);
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn what_is_unusual_about_a_restore_is_said_by_the_plan_and_by_the_run() {
    let dir = folder();
    let said = |args: &str, text: &str| {
        for form in ["--plan", ""] {
            let outcome = restore(&dir, &format!("--data-dir data {args} {form}"));
            assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
            assert!(outcome.stdout.contains(text), "{args}: {}", outcome.stdout);
        }
        fs::remove_dir_all(dir.path().join("data")).expect("what was made");
    };
    said(
        "--for-etcd 3.6",
        "etcd 3.6 can start from it: the storage version is 3.6.0",
    );
    said("--for-etcd 3.5", "etcd 3.5 can start from it");
    let older = testdata::read("real/etcd-3.6.14-a.db");
    fs::write(dir.path().join("older"), older).expect("a file");
    said("--newer older", "older (revision ");
    said("--newer older", "is older than the snapshot, by ");
    said(&format!("--newer {SNAPSHOT}"), "the snapshot is as new as ");
    said(
        "--live-revision 600",
        "revision 600 is older than the snapshot, by 62 revisions",
    );
}

#[test]
fn one_member_made_of_a_snapshot_of_several_is_told() {
    let dir = folder();
    let cluster = "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2,m3=http://127.0.0.1:3";
    let args = format!("--all-members --out out --initial-cluster {cluster}");
    let all = restore(&dir, &args);
    assert_eq!(all.status, Some(0), "{}", all.stderr);
    assert!(!all.stdout.contains("cluster of one"), "{}", all.stdout);
    for form in ["--plan", ""] {
        let args = format!("restore out/m1 --skip-hash-check --data-dir data {form}");
        let outcome = run(&dir, &args);
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let told = "the snapshot is of a cluster of 3 members, and this restores a cluster of one";
        assert!(outcome.stdout.contains(told), "{}", outcome.stdout);
    }
}
