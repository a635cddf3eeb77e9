//! The contract of the command line: exit statuses, streams, inputs of all kinds, terminals.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use etcdsnap::source::OpenFile;
#[cfg(target_os = "linux")]
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::damage::Table;
use support::testdata;
use support::tool::{self, Outcome};
use tempfile::TempDir;

const SNAPSHOT: &str = "real/etcd-3.6.14-a.db";

/// Runs the program in `testdata`; the arguments are separated by spaces.
fn etcdsnap(args: &str) -> Outcome {
    tool::run(&testdata::dir(), args.split(' '))
}

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// A copy of a sound snapshot under this name, in a directory of its own.
fn copy_as(name: &str) -> (TempDir, PathBuf) {
    let dir = scratch();
    let path = dir.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, testdata::read(SNAPSHOT)).expect("a copy");
    (dir, path)
}

/// The first line of what `verify` says about a file of this name and content, and the line after it.
fn verdict(name: &str, content: &[u8]) -> (Option<i32>, String, String) {
    let dir = scratch();
    fs::write(dir.path().join(name), content).expect("a temporary file");
    let outcome = tool::run(dir.path(), ["verify", name]);
    assert_eq!(outcome.stderr, "");
    let mut lines = outcome.stdout.lines().map(str::to_owned);
    let first = lines.next().expect("a verdict");
    (outcome.status, first, lines.next().unwrap_or_default())
}

#[test]
fn exit_status_tells_fine_from_findings_from_failure() {
    for (args, status) in [
        ("verify real/etcd-3.6.14-a.db", 0),
        ("info real/etcd-3.6.14-a.db", 0),
        ("status real/etcd-3.6.14-a.db", 0),
        ("hashkv real/etcd-3.6.14-a.db", 0),
        ("--version", 0),
        ("--help", 0),
        ("verify crafted/00good", 1),
        ("verify --skip-hash-check crafted/00good", 0),
        ("verify crafted/19unsorted", 1),
        ("info crafted/19unsorted", 1),
        ("status crafted/19unsorted", 1),
        ("hashkv crafted/19unsorted", 1),
        ("verify missing.db", 2),
        ("status missing.db", 2),
        ("hashkv --rev 1 real/etcd-3.6.14-a.db", 2),
        ("hashkv --rev 9999 real/etcd-3.6.14-a.db", 2),
        ("verify", 2),
        ("nothing", 2),
        ("status --compat 3.3 real/etcd-3.6.14-a.db", 2),
        ("status --threads 0 real/etcd-3.6.14-a.db", 2),
        ("status --mmap --no-mmap real/etcd-3.6.14-a.db", 2),
        ("status -w yaml real/etcd-3.6.14-a.db", 2),
        ("status -w protobuf real/etcd-3.6.14-a.db", 2),
        ("verify --cacert ca.pem real/etcd-3.6.14-a.db", 2),
    ] {
        assert_eq!(etcdsnap(args).status, Some(status), "{args}");
    }
}

#[test]
fn failures_write_to_standard_error_only() {
    for args in [
        "status missing.db",
        "hashkv missing.db",
        "info missing.db",
        "status crafted/19unsorted",
        "info crafted/02empty",
        "verify",
        "status -w yaml real/etcd-3.6.14-a.db",
        "hashkv --rev 9999 real/etcd-3.6.14-a.db",
    ] {
        let outcome = etcdsnap(args);
        assert_eq!(outcome.stdout, "", "{args}");
        assert!(
            outcome.stderr.to_lowercase().starts_with("error: "),
            "{args}"
        );
    }
}

#[test]
fn a_missing_file_is_told_in_etcds_words() {
    let text = "stat missing.db: no such file or directory";
    for command in ["status", "snapshot status", "hashkv", "info"] {
        let outcome = etcdsnap(&format!("{command} missing.db"));
        assert_eq!(outcome.stderr, format!("Error: {text}\n"), "{command}");
    }
    let outcome = etcdsnap("verify missing.db");
    let expected = "missing.db: UNREADABLE - no such file or directory\n";
    assert_eq!((&*outcome.stdout, outcome.status), (expected, Some(2)));
}

#[test]
fn the_words_for_unsupported_formats_are_etcds() {
    let outcome = etcdsnap("status -w yaml real/etcd-3.6.14-a.db");
    assert_eq!(outcome.stderr, "Error: unsupported output format\n");
    let outcome = etcdsnap("status -w protobuf real/etcd-3.6.14-a.db");
    let expected = "Error: protobuf not supported as output format\n";
    assert_eq!(outcome.stderr, expected);
}

#[test]
fn a_data_directory_stands_for_its_database() {
    let (dir, database) = copy_as("etcd/member/snap/db");
    let bytes = fs::read(&database).expect("the copy");
    fs::write(&database, &bytes[..bytes.len() - 32]).expect("the copy without SHA-256");
    let direct = tool::run(dir.path(), ["status", "etcd/member/snap/db"]);
    assert_eq!(tool::run(dir.path(), ["status", "etcd"]), direct);
    assert_eq!(direct, etcdsnap("status real/etcd-3.6.14-a.db"));
    let name = "etcd/member/snap/db";
    let outcome = tool::run(dir.path(), ["verify", name]);
    assert_eq!(outcome.status, Some(0), "{name}");
    let start = format!("{name}: NO TRAILER - ");
    assert!(outcome.stdout.starts_with(&start), "{}", outcome.stdout);
}

#[test]
fn a_folder_inside_a_data_directory_stands_for_it() {
    let (dir, _) = copy_as("etcd/member/snap/db");
    let whole = tool::run(dir.path(), ["status", "etcd"]);
    assert_eq!(whole.status, Some(0));
    for name in ["etcd/member", "etcd/member/snap", "etcd/member/snap/"] {
        assert_eq!(tool::run(dir.path(), ["status", name]), whole, "{name}");
        let outcome = tool::run(dir.path(), ["verify", name]);
        let told = "data directory etcd, log in etcd/member/wal";
        assert!(outcome.stdout.contains(told), "{name}: {}", outcome.stdout);
    }
    let inside = tool::run(&dir.path().join("etcd/member"), ["status", "."]);
    assert_eq!(inside, whole);
}

#[test]
fn a_data_directory_without_its_database_is_called_that() {
    let dir = scratch();
    fs::create_dir_all(dir.path().join("etcd/member/wal")).expect("a directory");
    let outcome = tool::run(dir.path(), ["verify", "etcd"]);
    assert_eq!(outcome.status, Some(2));
    let told = "etcd: UNREADABLE - is a data directory without its database, member/snap/db";
    assert!(outcome.stdout.starts_with(told), "{}", outcome.stdout);
}

#[test]
fn a_directory_without_a_database_is_refused_with_advice() {
    let dir = scratch();
    fs::create_dir(dir.path().join("snaps")).expect("a directory");
    for command in ["status", "info", "hashkv"] {
        let outcome = tool::run(dir.path(), [command, "snaps"]);
        assert_eq!(outcome.status, Some(2));
        let text =
            "snaps is a directory without member/snap/db; give a snapshot file or a data directory";
        assert_eq!(outcome.stderr, format!("Error: {text}\n"));
    }
    let outcome = tool::run(dir.path(), ["verify", "snaps"]);
    assert!(outcome.stdout.starts_with("snaps: UNREADABLE - "));
}

#[test]
fn a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for() {
    let dir = scratch();
    let made = Command::new("mkfifo").arg(dir.path().join("fifo")).status();
    let Ok(made) = made else {
        return eprintln!("skipped: there is no mkfifo");
    };
    assert!(made.success());
    for command in ["verify", "status", "info", "hashkv"] {
        let outcome = tool::run(dir.path(), [command, "fifo"]);
        assert_eq!(outcome.status, Some(2), "{command}");
        let said = outcome.stdout + &outcome.stderr;
        assert!(said.contains("is not a regular file"), "{said}");
    }
}

#[test]
fn a_device_is_refused() {
    if !std::path::Path::new("/dev/zero").exists() {
        return eprintln!("skipped: there is no /dev/zero");
    }
    let outcome = etcdsnap("verify /dev/zero");
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stdout.contains("is not a regular file"));
}

#[test]
fn a_file_without_permission_is_unreadable() {
    let (dir, path) = copy_as("snapshot.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("chmod");
    // The superuser reads everything.
    let expected = match File::open(&path) {
        Ok(_) => (0, "snapshot.db: OK - "),
        Err(_) => (2, "snapshot.db: UNREADABLE - "),
    };
    let outcome = tool::run(dir.path(), ["verify", "snapshot.db"]);
    assert_eq!(outcome.status, Some(expected.0));
    assert!(outcome.stdout.starts_with(expected.1), "{}", outcome.stdout);
}

#[test]
fn a_read_only_directory_is_enough_and_nothing_is_written_into_it() {
    let (dir, path) = copy_as("snapshot.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("chmod");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).expect("chmod");
    for command in ["verify", "status", "info", "hashkv"] {
        let outcome = tool::run(dir.path(), [command, "snapshot.db"]);
        assert_eq!(outcome.status, Some(0), "{command}");
    }
    let names = fs::read_dir(dir.path()).expect("the directory").count();
    assert_eq!(names, 1);
    assert_eq!(fs::read(&path).expect("the copy"), testdata::read(SNAPSHOT));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).expect("chmod");
}

#[test]
fn of_several_files_all_are_looked_at_and_the_greatest_status_counts() {
    let files = [
        "missing.db",
        "real/etcd-3.6.14-a.db",
        "crafted/19unsorted",
        "crafted/03garbage",
    ];
    let all = etcdsnap(&format!("verify {}", files.join(" ")));
    assert_eq!(all.status, Some(2));
    let verdicts: Vec<&str> = all
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '))
        .collect();
    let begins = ["UNREADABLE", "OK", "DAMAGED", "NOT A SNAPSHOT"];
    assert_eq!(verdicts.len(), files.len());
    for ((line, file), word) in verdicts.iter().zip(files).zip(begins) {
        assert!(line.starts_with(&format!("{file}: {word} - ")), "{line}");
    }
    let lines = etcdsnap(&format!("verify --json {}", files.join(" ")));
    let names: Vec<Value> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["file"].clone())
        .collect();
    assert_eq!(names, files);
    let without_missing = etcdsnap(&format!("verify {}", files[1..].join(" ")));
    assert_eq!(without_missing.status, Some(1));
    let status = etcdsnap(&format!("status {}", files.join(" ")));
    assert_eq!(status.status, Some(2));
    assert_eq!(
        status.stdout,
        etcdsnap("status real/etcd-3.6.14-a.db").stdout
    );
}

#[test]
fn flags_stand_before_or_after_the_command() {
    let after = etcdsnap("status real/etcd-3.6.14-a.db -w json --threads 2");
    assert!(after.stdout.starts_with("{\"hash\":"));
    for args in [
        "-w json --threads 2 status real/etcd-3.6.14-a.db",
        "--write-out=json status real/etcd-3.6.14-a.db",
        "-w json snapshot status real/etcd-3.6.14-a.db",
        "snapshot -w json status real/etcd-3.6.14-a.db",
        "snapshot status real/etcd-3.6.14-a.db --write-out json",
    ] {
        assert_eq!(etcdsnap(args), after, "{args}");
    }
    let json = etcdsnap("verify --json real/etcd-3.6.14-a.db");
    assert_eq!(etcdsnap("-w json verify real/etcd-3.6.14-a.db"), json);
}

#[test]
fn snapshot_status_takes_the_flags_of_etcdctl_and_ignores_them() {
    let plain = etcdsnap("status real/etcd-3.6.14-a.db");
    for args in [
        "--endpoints http://10.0.0.1:2379 snapshot status real/etcd-3.6.14-a.db",
        "--cacert ca --cert c --key k snapshot status real/etcd-3.6.14-a.db",
        "snapshot status --endpoints=a,b --cacert=ca --cert=c --key=k real/etcd-3.6.14-a.db",
    ] {
        assert_eq!(etcdsnap(args), plain, "{args}");
    }
    let outcome = etcdsnap("--key k status real/etcd-3.6.14-a.db");
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.contains("--key"), "{}", outcome.stderr);
}

#[test]
fn a_revision_out_of_range_is_refused_in_etcds_words() {
    for (revision, text) in [
        ("1", "mvcc: required revision has been compacted"),
        ("9999", "mvcc: required revision is a future revision"),
    ] {
        let outcome = etcdsnap(&format!("hashkv --rev {revision} {SNAPSHOT}"));
        assert_eq!(outcome.status, Some(2));
        assert_eq!(outcome.stderr, format!("Error: {text}\n"));
    }
}

#[test]
fn a_pipe_that_nobody_reads_ends_the_output_quietly() {
    for (args, status) in [
        ("verify real/etcd-3.6.14-a.db", 0),
        ("verify crafted/19unsorted", 1),
        ("info --json real/etcd-3.6.14-a.db", 0),
        ("status real/etcd-3.6.14-a.db real/etcd-3.6.14-b.db", 0),
        ("hashkv real/etcd-3.6.14-a.db", 0),
        ("completions bash", 0),
        ("--help", 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = tool::command(&testdata::dir());
        command.args(args.split(' ')).stdout(writer);
        let output = command.output().expect("the program starts");
        assert_eq!(output.status.code(), Some(status), "{args}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return eprintln!("skipped: there is no /dev/full");
    };
    let mut command = tool::command(&testdata::dir());
    command.args(["verify", SNAPSHOT]);
    command.stdout(full);
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.starts_with("Error: writing the report failed"),
        "{errors}"
    );
}

/// A snapshot whose findings name keys that would paint the terminal.
fn snapshot_with_loud_keys(dir: &Path) {
    let table = Table::read();
    let case = table
        .cases
        .iter()
        .find(|c| c.name == "keys-with-terminal-escapes");
    let bytes = table.build(case.expect("a case of the table"));
    fs::write(dir.join("loud.db"), bytes).expect("a temporary file");
}

fn has_escapes(text: &str) -> bool {
    text.contains(|c: char| c.is_control() && c != '\n')
}

#[test]
fn there_are_no_colours_where_no_terminal_is() {
    let dir = scratch();
    snapshot_with_loud_keys(dir.path());
    for args in [
        &["verify", "--all"][..],
        &["verify", "--json"],
        &["info"],
        &["info", "--json"],
    ] {
        let outcome = tool::run(dir.path(), args.iter().chain(&["loud.db"]));
        assert!(outcome.stdout.contains("loud"), "{args:?}");
        assert!(
            !has_escapes(&outcome.stdout),
            "{args:?}: {}",
            outcome.stdout
        );
        assert!(
            !has_escapes(&outcome.stderr),
            "{args:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn keys_never_paint_the_terminal_even_where_colours_are_wanted() {
    let dir = scratch();
    snapshot_with_loud_keys(dir.path());
    let coloured = |wanted: &str| -> Outcome {
        let mut command = tool::command(dir.path());
        command.args(["verify", "loud.db"]).env(wanted, "1");
        command.output().expect("the program starts").into()
    };
    let plain = coloured("NO_COLOR").stdout;
    assert!(!has_escapes(&plain));
    assert!(plain.contains("\\x1b[31mloud"), "{plain}");
    assert!(plain.contains("\\u{202e}loud"), "{plain}");
    let painted = coloured("CLICOLOR_FORCE").stdout;
    assert!(painted.contains("\u{1b}["), "{painted}");
    assert!(!painted.contains("\u{1b}[31mloud"), "{painted}");
    assert!(!painted.contains('\u{202e}'), "{painted}");
}

#[test]
fn a_file_name_never_paints_the_terminal() {
    let (dir, path) = copy_as("\u{1b}[31mred\n.db");
    let name = path.file_name().expect("a name").to_str().expect("UTF-8");
    for args in [
        &["verify"][..],
        &["verify", "--json"],
        &["info"],
        &["info", "--json"],
    ] {
        let outcome = tool::run(dir.path(), args.iter().copied().chain([name]));
        assert_eq!(outcome.status, Some(0), "{args:?}");
        assert!(!has_escapes(&outcome.stdout), "{args:?}");
        assert!(outcome.stdout.contains("x1b[31mred"), "{}", outcome.stdout);
    }
    let outcome = tool::run(dir.path(), ["status", "\u{1b}[31mno.db"]);
    assert!(!has_escapes(&outcome.stderr), "{}", outcome.stderr);
}

#[test]
fn a_file_that_another_process_locks_is_in_use_and_not_judged() {
    let (dir, path) = copy_as("db");
    let holder = OpenOptions::new().read(true).write(true).open(&path);
    let holder = holder.expect("the copy");
    holder.lock().expect("the lock that etcd takes");
    let outcome = tool::run(dir.path(), ["verify", "--mmap", "db"]);
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stdout.starts_with("db: IN USE - "),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stderr.contains("another process holds its lock"));
    // The other commands answer, and say that they cannot vouch for it.
    let outcome = tool::run(dir.path(), ["status", "db"]);
    assert_eq!(outcome.status, Some(2));
    assert_eq!(
        outcome.stdout,
        etcdsnap("status real/etcd-3.6.14-a.db").stdout
    );
    assert!(
        outcome
            .stderr
            .starts_with("note: db: another process holds")
    );
    holder.unlock().expect("the lock");
    let outcome = tool::run(dir.path(), ["verify", "db"]);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    holder.try_lock().expect("no lock was left behind");
}

#[test]
fn every_command_ends_with_2_on_a_file_that_another_process_locks() {
    let (dir, path) = copy_as("db");
    fs::copy(&path, dir.path().join("free")).expect("a copy");
    let holder = File::open(&path).expect("the copy");
    holder.lock().expect("the lock that etcd takes");
    for command in [
        "status db",
        "status free db",
        "snapshot status db",
        "hashkv db",
        "verify db",
        "verify --quick db",
        "info db",
        "keys db",
        "get db mark",
        "history db mark",
        "log db",
        "show db 400",
        "kinds db",
        "objects db",
        "export db --out out",
        "contains db mark",
        "encryption db",
        "diff db free",
        "diff free db",
        "diff db",
        "divergence db free",
        "divergence free db",
        "restore db --data-dir out",
        "restore db --data-dir out --plan",
        "restore db --data-dir out --force --skip-hash-check",
        "snapshot restore db --data-dir out",
        "compact db -o out",
        "trailer db -o out",
    ] {
        let outcome = tool::run(dir.path(), command.split(' '));
        assert_eq!(outcome.status, Some(2), "{command}: {}", outcome.stdout);
        let told = outcome.stderr.contains("another process holds its lock");
        assert!(told, "{command}: {}", outcome.stderr);
        // What was read is exported all the same; nothing is made that etcd would start from.
        let out = dir.path().join("out");
        match command.starts_with("export") {
            true => fs::remove_dir_all(out).expect("the manifests"),
            false => assert!(!out.exists(), "{command}"),
        }
    }
    // In JSON that is an error, but of verify, whose only line has it as the verdict.
    for (command, lines) in [("get db mark", 3), ("status db", 2), ("verify db", 1)] {
        let outcome = tool::run(dir.path(), command.split(' ').chain(["--json"]));
        assert_eq!(
            outcome.stdout.lines().count(),
            lines,
            "{command}: {}",
            outcome.stdout
        );
        let is_told = outcome
            .stdout
            .contains("\"message\":\"another process holds its lock");
        assert_eq!(is_told, lines > 1, "{command}: {}", outcome.stdout);
    }
    // What is only compared with may be the database of a running member.
    let restored = "restore free --data-dir out --newer db";
    let outcome = tool::run(dir.path(), restored.split(' '));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
}

#[test]
fn a_file_that_others_only_read_is_not_in_use() {
    let (dir, path) = copy_as("db");
    let reader = File::open(&path).expect("the copy");
    reader.lock_shared().expect("the lock that readers take");
    let outcome = tool::run(dir.path(), ["verify", "db"]);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
}

/// Waits until the program has a handler for `signal`: before, the signal would end it in another way.
#[cfg(target_os = "linux")]
fn wait_for_handler(child: u32, signal: Signal) {
    let status = format!("/proc/{child}/status");
    loop {
        let text = fs::read_to_string(&status).expect("the program runs");
        assert!(!text.contains("\nState:\tZ"), "the program has ended");
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.expect("a mask").trim(), 16);
        if caught.expect("hex") & (1 << (signal.as_raw() - 1)) != 0 {
            return;
        }
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_job_with_130_however_many_threads_were_asked_for() {
    if !std::path::Path::new("/proc/self/status").exists() {
        return eprintln!("skipped: /proc is not mounted");
    }
    // So long a file takes minutes; all of it is a hole behind a small database.
    let dir = scratch();
    let path = dir.path().join("long");
    fs::write(&path, testdata::read("crafted/00good")).expect("a temporary file");
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the file");
    if file.set_len(1 << 38).is_err() {
        return eprintln!("skipped: the temporary directory cannot hold a long file with a hole");
    }
    for signal in [Signal::INT, Signal::TERM] {
        for threads in ["1", "8192"] {
            let mut command = tool::command(dir.path());
            let child = command.args(["verify", "long", "--threads", threads]);
            let child = child.spawn().expect("the program starts");
            wait_for_handler(child.id(), signal);
            kill_process(Pid::from_child(&child), signal).expect("it can be sent");
            let outcome: Outcome = child.wait_with_output().expect("the program ends").into();
            assert_eq!(outcome.status, Some(130), "{signal:?}, {threads} threads");
            assert_eq!(
                (&*outcome.stdout, &*outcome.stderr),
                ("", "Error: interrupted\n")
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_cut_while_it_is_mapped_ends_the_job_with_2_and_one_line() {
    if !std::path::Path::new("/proc/self/maps").exists() {
        return eprintln!("skipped: /proc is not mounted");
    }
    let dir = scratch();
    let path = dir.path().join("long");
    fs::write(&path, testdata::read("crafted/00good")).expect("a temporary file");
    let file = OpenOptions::new().write(true).open(&path);
    let file = file.expect("the file");
    // All of it but the beginning is a hole, and it takes minutes to read.
    if file.set_len(1 << 38).is_err() {
        return eprintln!("skipped: the temporary directory cannot hold a long file with a hole");
    }
    let mut command = tool::command(dir.path());
    let child = command.args(["verify", "--mmap", "long"]).spawn();
    let mut child = child.expect("the program starts");
    let maps = format!("/proc/{}/maps", child.id());
    let name = path.to_str().expect("UTF-8");
    while !fs::read_to_string(&maps).is_ok_and(|maps| maps.contains(name)) {
        if child.try_wait().expect("the program").is_some() {
            return eprintln!("skipped: so long a file cannot be mapped here");
        }
        std::thread::yield_now();
    }
    file.set_len(0).expect("it can be cut");
    let outcome: Outcome = child.wait_with_output().expect("the program ends").into();
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert_eq!(
        (&*outcome.stdout, &*outcome.stderr),
        (
            "",
            "Error: long: the file was shortened, or the disk failed, while it was being read; \
             copy it to a place where nothing writes to it and run again\n"
        )
    );
}

#[test]
fn thousands_of_threads_answer_as_one_does() {
    for command in ["status", "hashkv", "verify", "info", "keys", "kinds", "log"] {
        let one = etcdsnap(&format!("{command} {SNAPSHOT} --threads 1"));
        let many = etcdsnap(&format!("{command} {SNAPSHOT} --threads 8192"));
        assert_eq!(one, many, "{command}");
    }
}

#[test]
fn a_file_that_is_no_snapshot_is_named_with_the_next_step() {
    let zeros = |head: &[u8]| [head, &[0; 8192]].concat();
    let mut tar = vec![0; 10240];
    tar[257..262].copy_from_slice(b"ustar");
    let mut big_endian = vec![0; 16384];
    big_endian[16..24].copy_from_slice(b"\xed\x0c\xda\xed\0\0\0\x02");
    let cases: &[(&str, Vec<u8>, &str, &str)] = &[
        (
            "a",
            Vec::new(),
            "the file is empty",
            "save the snapshot again",
        ),
        (
            "a",
            vec![0; 65536],
            "nothing but zero bytes",
            "save the snapshot again",
        ),
        (
            "a.gz",
            zeros(b"\x1f\x8b\x08"),
            "gzip-compressed",
            "gzip -dc",
        ),
        (
            "a.zst",
            zeros(b"\x28\xb5\x2f\xfd"),
            "zstd-compressed",
            "zstd -d",
        ),
        ("a.xz", zeros(b"\xfd7zXZ\0"), "xz-compressed", "xz -dc"),
        ("a.bz2", zeros(b"BZh9"), "bzip2-compressed", "bzip2 -dc"),
        (
            "a.lz4",
            zeros(b"\x04\x22\x4d\x18"),
            "lz4-compressed",
            "lz4 -d",
        ),
        ("a.zip", zeros(b"PK\x03\x04"), "a zip archive", "unzip"),
        ("a.tar", tar, "a tar archive", "tar -xf"),
        (
            "a",
            b"<!DOCTYPE html><html>Not Found".to_vec(),
            "an HTML page",
            "download again",
        ),
        (
            "a",
            b"<?xml version=\"1.0\"?><Error/>".to_vec(),
            "an XML document",
            "download again",
        ),
        (
            "a",
            b"{\"message\":\"denied\"}".to_vec(),
            "a JSON document",
            "download again",
        ),
        (
            "a.db.part",
            b"\x01\x02\x03".to_vec(),
            "the unfinished output",
            "save the snapshot again",
        ),
        (
            "a.wal",
            zeros(b"\x04\0\0\0\0\0\0\x84"),
            "write-ahead log",
            "give the snapshot file",
        ),
        (
            "a",
            b"apiVersion: v1\nkind: Pod\n".to_vec(),
            "it is text",
            "etcdctl snapshot save",
        ),
        (
            "a",
            big_endian,
            "a big-endian bbolt database",
            "that byte order",
        ),
        ("a", vec![0x5a; 9000], "it is text", "etcdctl snapshot save"),
        (
            "a",
            vec![0x9a; 9000],
            "no bbolt meta page",
            "etcdctl snapshot save",
        ),
    ];
    for (name, content, what, next) in cases {
        let (status, first, second) = verdict(name, content);
        assert_eq!(status, Some(1), "{what}");
        assert!(
            first.starts_with(&format!("{name}: NOT A SNAPSHOT - ")),
            "{first}"
        );
        assert!(first.contains(what), "{first}");
        assert!(second.starts_with("  next: "), "{second}");
        assert!(second.contains(next), "{second}");
    }
}

#[test]
fn a_snapshot_that_was_copied_as_text_is_told_from_other_damage() {
    let table = Table::read();
    for (name, word) in [
        ("converted-line-ends", "DAMAGED"),
        ("converted-line-ends-in-the-metas", "NOT A SNAPSHOT"),
        ("taken-for-latin-1", "NOT A SNAPSHOT"),
    ] {
        let case = table.cases.iter().find(|case| case.name == name);
        let (status, first, second) = verdict("a.db", &table.build(case.expect("a case")));
        assert_eq!(status, Some(1), "{name}");
        assert!(first.starts_with(&format!("a.db: {word} - ")), "{first}");
        assert!(first.contains("copied as text"), "{first}");
        assert!(second.contains("binary mode"), "{second}");
    }
}

#[test]
fn strict_makes_warnings_count() {
    let table = Table::read();
    let case = table.cases.iter().find(|case| case.name == "alarm-nospace");
    let dir = scratch();
    let bytes = table.build(case.expect("a case"));
    fs::write(dir.path().join("a.db"), bytes).expect("a temporary file");
    assert_eq!(tool::run(dir.path(), ["verify", "a.db"]).status, Some(0));
    let strict = tool::run(dir.path(), ["verify", "--strict", "a.db"]);
    assert_eq!(strict.status, Some(1));
    assert!(
        strict.stdout.starts_with("a.db: OK - "),
        "{}",
        strict.stdout
    );
}

#[test]
fn what_is_wrong_with_a_number_is_told_in_words_of_this_program() {
    for (args, told) in [
        ("keys a.db --rev abc", "not a whole number"),
        ("keys a.db --rev=", "the number is missing"),
        (
            "keys a.db --rev 99999999999999999999",
            "the number is too large",
        ),
        (
            "keys a.db --rev=-99999999999999999999",
            "the number is too small",
        ),
        ("keys a.db --limit x", "not a whole number"),
        ("verify a.db --threads 0", "it must be at least 1"),
        (
            "restore a.db --bump-revision 99999999999999999999",
            "the number is too large",
        ),
        (
            "hashkv a.db --rev 99999999999999999999",
            "the number is too large",
        ),
    ] {
        let outcome = etcdsnap(args);
        assert_eq!(outcome.status, Some(2), "{args}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{args}: {}", outcome.stderr);
        for of_rust in ["digit", "integer", "type"] {
            assert!(
                !outcome.stderr.contains(of_rust),
                "{args}: {}",
                outcome.stderr
            );
        }
    }
}

#[test]
fn every_command_has_help_with_examples_and_exit_statuses() {
    for command in [
        "",
        "status",
        "snapshot status",
        "hashkv",
        "verify",
        "info",
        "describe",
        "completions",
        "man",
    ] {
        let args = format!("{command} --help");
        let outcome = etcdsnap(args.trim());
        assert_eq!(
            (outcome.status, &*outcome.stderr),
            (Some(0), ""),
            "{command}"
        );
        assert!(outcome.stdout.contains("\nExample"), "{command}");
        assert!(outcome.stdout.contains("\nExit status:"), "{command}");
    }
}

#[test]
fn there_are_completions_for_shells() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = etcdsnap(&format!("completions {shell}"));
        assert_eq!(outcome.status, Some(0), "{shell}");
        for command in ["verify", "hashkv", "status", "info"] {
            assert!(outcome.stdout.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(etcdsnap("completions tcsh").status, Some(2));
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let dir = scratch();
    let outcome = tool::run(dir.path(), ["man", "."]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    for page in [
        "etcdsnap",
        "etcdsnap-status",
        "etcdsnap-hashkv",
        "etcdsnap-verify",
        "etcdsnap-info",
        "etcdsnap-snapshot",
        "etcdsnap-snapshot-status",
        "etcdsnap-completions",
        "etcdsnap-man",
    ] {
        let text = fs::read_to_string(dir.path().join(format!("{page}.1")));
        assert!(text.expect(page).contains(".TH"), "{page}");
    }
    let outcome = tool::run(dir.path(), ["man", "missing"]);
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.starts_with("Error: missing: "),
        "{}",
        outcome.stderr
    );
}

#[test]
fn no_output_holds_a_stored_value() {
    let files = testdata::real();
    for args in [
        &["verify", "--all"][..],
        &["verify", "--json"],
        &["info"],
        &["info", "--json"],
        &["status"],
        &["hashkv"],
    ] {
        for file in &files {
            let outcome = tool::run(
                &testdata::dir(),
                args.iter().copied().chain([file.as_str()]),
            );
            let said = outcome.stdout + &outcome.stderr;
            // A user's password, and the beginning of what the ConfigMaps hold.
            assert!(!said.contains("$2a$"), "{args:?} {file}");
            assert!(!said.contains("ConfigMap\""), "{args:?} {file}");
        }
    }
}

#[test]
fn the_real_snapshots_hold_what_no_output_may_hold() {
    for file in testdata::real() {
        let bytes = testdata::read(&file);
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(holds(b"$2a$"), "{file}");
        assert!(holds(b"ConfigMap\""), "{file}");
        assert!(holds(b"\x1b["), "{file}");
    }
}

#[test]
fn changing_a_file_while_it_is_read_is_noticed_by_the_library() {
    let (_dir, path) = copy_as("snapshot.db");
    let opened = OpenFile::open(&path, "member/snap/db").expect("the copy");
    let mut writer = OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("the copy");
    writer.write_all(b"more").expect("the copy grows");
    assert!(opened.check_unchanged().is_err());
}
