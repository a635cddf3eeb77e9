//! What the system grants: little address space, few descriptors, and limits set by the caller of the library.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use etcdsnap::Error;
use etcdsnap::etcd::Release;
use etcdsnap::ops::diff::{DiffQuery, diff_files};
use etcdsnap::ops::{self, Input, KeysQuery, Session, ValueReader, VerifyOptions};
use etcdsnap::options::{Options, Progress};
use tempfile::TempDir;

use crate::support::store::sealed;
use crate::support::tool::{self, Outcome};
use crate::support::wire::record;

/// Address space that is enough for every command, in KiB, as `ulimit -v` takes it.
const ENOUGH: u64 = 200 << 10;

/// Runs the program with limits that a shell sets before it; `None` where no shell does.
fn limited(dir: &Path, limits: &str, args: &[&str]) -> Option<Outcome> {
    let script = format!("{limits} || exit 99; exec \"$0\" \"$@\"");
    let output = tool::shell(dir, &script).args(args).output();
    let outcome: Outcome = output.ok()?.into();
    if outcome.status == Some(99) {
        eprintln!("skipped: {limits} cannot be had: {}", outcome.stderr);
        return None;
    }
    Some(outcome)
}

/// A snapshot with so many keys, each with one record and a value of so many bytes.
fn snapshot(path: &Path, keys: u64, value: usize) {
    let value = vec![b'v'; value];
    let records = (0..keys).map(|number| {
        let revision = number + 2;
        let key = format!("/key/{number:08}");
        let name = [&revision.to_be_bytes()[..], b"_", &[0; 8]].concat();
        (name, record(key.as_bytes(), [revision; 2], 1, &value))
    });
    let bytes = sealed(records);
    std::fs::write(path, bytes).expect("the file");
}

fn with_snapshot(keys: u64, value: usize) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    snapshot(&dir.path().join("a.db"), keys, value);
    dir
}

/// One of every command, with the status it ends with where nothing is in its way.
const COMMANDS: [(&str, i32); 24] = [
    ("status a.db", 0),
    ("hashkv a.db", 0),
    ("verify a.db", 0),
    ("verify --mmap a.db", 0),
    ("verify --values a.db", 0),
    ("info a.db", 0),
    ("keys a.db", 0),
    ("keys --limit 3 a.db", 0),
    ("kinds a.db", 0),
    ("get a.db /key/00000003", 0),
    ("history a.db /key/00000003", 0),
    ("log a.db", 0),
    ("show a.db 4", 0),
    ("objects a.db", 0),
    ("contains a.db none", 1),
    ("encryption a.db", 0),
    ("diff a.db a.db", 0),
    ("divergence a.db a.db", 0),
    ("export a.db --out exported", 0),
    ("compact a.db -o compacted.db", 0),
    ("restore a.db --data-dir restored", 0),
    ("restore a.db --data-dir kept --prefix /key/0000", 0),
    ("trailer bare.db -o sealed.db", 0),
    ("wal restored", 0),
];

fn with_all_inputs(keys: u64, value: usize) -> TempDir {
    let dir = with_snapshot(keys, value);
    let whole = std::fs::read(dir.path().join("a.db")).expect("the snapshot");
    let bare = &whole[..whole.len() - 32];
    std::fs::write(dir.path().join("bare.db"), bare).expect("a file");
    dir
}

fn clear(dir: &Path) {
    for made in ["exported", "restored", "kept"] {
        let _ = std::fs::remove_dir_all(dir.join(made));
    }
    for made in ["compacted.db", "sealed.db"] {
        let _ = std::fs::remove_file(dir.join(made));
    }
}

#[test]
fn two_hundred_megabytes_of_address_space_are_enough_whatever_the_number_of_threads() {
    let dir = with_all_inputs(8_000, 1_000);
    let limits = format!("ulimit -v {ENOUGH}");
    for threads in ["2", "16"] {
        clear(dir.path());
        for (command, status) in COMMANDS {
            let args: Vec<&str> = command.split(' ').chain(["--threads", threads]).collect();
            let Some(outcome) = limited(dir.path(), &limits, &args) else {
                return;
            };
            let said = (&outcome.stderr, threads, command);
            assert_eq!(outcome.status, Some(status), "{said:?}");
        }
    }
}

#[test]
fn sixteen_descriptors_are_enough() {
    let dir = with_all_inputs(100, 100);
    for (command, status) in COMMANDS {
        let args: Vec<&str> = command.split(' ').collect();
        let Some(outcome) = limited(dir.path(), "ulimit -n 16", &args) else {
            return;
        };
        assert_eq!(
            outcome.status,
            Some(status),
            "{command}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn where_descriptors_run_out_one_line_says_so() {
    let dir = with_all_inputs(100, 100);
    for number in [3, 5, 7, 9, 10] {
        clear(dir.path());
        for (command, status) in COMMANDS {
            let args: Vec<&str> = command.split(' ').collect();
            let limits = format!("ulimit -n {number}");
            let Some(outcome) = limited(dir.path(), &limits, &args) else {
                return;
            };
            let said = (number, command, &outcome.stderr);
            if outcome.status != Some(status) {
                let text = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(matches!(outcome.status, Some(2 | 127)), "{said:?}");
                assert!(!text.contains("panicked"), "{said:?}");
                assert!(!text.is_empty() && text.lines().count() <= 3, "{said:?}");
            }
        }
    }
}

#[test]
fn tables_that_the_address_space_has_no_room_for_are_refused_in_one_line() {
    let dir = with_snapshot(150_000, 10);
    // Enough to run in, and hardly more for tables than the program takes for itself.
    let limits = format!("ulimit -v {}", 100 << 10);
    for command in [
        "status a.db",
        "hashkv a.db",
        "verify a.db",
        "keys a.db",
        "diff a.db a.db",
    ] {
        let args: Vec<&str> = command.split(' ').collect();
        let Some(outcome) = limited(dir.path(), &limits, &args) else {
            return;
        };
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.status, Some(2), "{command}: {text}");
        assert_eq!(text.lines().count(), 1, "{command}: {text}");
        let is_told = text.contains("bytes of memory for its tables")
            && text.contains("104857600 bytes (ulimit -v)");
        assert!(is_told, "{command}: {text}");
    }
}

#[test]
fn where_no_memory_is_left_at_all_the_program_ends_with_2_and_no_signal() {
    let dir = with_snapshot(20_000, 10);
    let mut failures = 0;
    for mebibytes in (16..100).step_by(4) {
        let limits = format!("ulimit -v {}", mebibytes << 10);
        let args = ["objects", "a.db", "--threads", "2"];
        let Some(outcome) = limited(dir.path(), &limits, &args) else {
            return;
        };
        // Below, not even the program can be loaded, or begin.
        let begins = limited(dir.path(), &limits, &["--version"]);
        if begins.is_none_or(|outcome| outcome.status != Some(0)) {
            continue;
        }
        if outcome.stderr.contains("memory allocation") {
            assert_eq!(outcome.status, Some(2), "{mebibytes}: {}", outcome.stderr);
            failures += 1;
        }
    }
    println!("{failures} runs had no memory left");
}

#[test]
fn every_job_with_a_table_keeps_to_the_limit_of_its_caller() {
    let dir = with_snapshot(10_000, 10);
    let path = dir.path().join("a.db");
    let input = Input::open(&path).expect("the snapshot");
    let other = Input::open(&path).expect("the snapshot");
    type Job<'a> = Box<dyn Fn(&Options) -> etcdsnap::Result<()> + 'a>;
    let session = |options: &Options, job: &dyn Fn(&mut Session<'_>) -> etcdsnap::Result<()>| {
        let mut session = Session::open(&input, options)?;
        job(&mut session)
    };
    let jobs: [(&str, u64, Job<'_>); 6] = [
        (
            "status",
            20,
            Box::new(|options| ops::status(&input, Release::default(), options).map(drop)),
        ),
        (
            "hashkv",
            20,
            Box::new(|options| ops::hashkv(&input, 0, Release::default(), options).map(drop)),
        ),
        (
            "verify",
            40,
            Box::new(|options| ops::verify(&input, VerifyOptions::default(), options).map(drop)),
        ),
        (
            "kinds",
            20,
            Box::new(|options| {
                session(options, &|session| {
                    ops::kinds(session, 0, &ValueReader::default()).map(drop)
                })
            }),
        ),
        (
            "keys",
            64,
            Box::new(|options| {
                session(options, &|session| {
                    ops::keys(session, &KeysQuery::default()).map(drop)
                })
            }),
        ),
        (
            "diff",
            40,
            Box::new(|options| {
                let mut old = Session::open(&input, options)?;
                let mut new = Session::open(&other, options)?;
                diff_files(&mut old, &mut new, &DiffQuery::default()).map(drop)
            }),
        ),
    ];
    for (name, each, job) in jobs {
        let with = |memory_limit| {
            let mut options = Options::default().with_threads(NonZeroUsize::MIN);
            options.memory_limit = memory_limit;
            job(&options)
        };
        with(None).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Twice what ten thousand entries take is enough, and half of it is not.
        let bytes = each * 10_000;
        with(Some(3 * bytes)).unwrap_or_else(|error| panic!("{name}: {error}"));
        match with(Some(bytes / 2)) {
            Err(Error::MemoryLimit { needed, limit }) => {
                assert!(
                    needed > limit && limit == bytes / 2,
                    "{name}: {needed} of {limit}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Adds a byte to a file as soon as a job has begun its work.
struct Meddler(std::path::PathBuf);

impl Progress for Meddler {
    fn stage(&self, _: &str, _: u64) {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().append(true).open(&self.0);
        file.expect("the file").write_all(b"x").expect("the file");
    }

    fn advance(&self, _: u64) {}
}

#[test]
fn no_job_answers_for_a_file_that_was_written_to_meanwhile() {
    type Job = fn(&Input, &Options) -> etcdsnap::Result<()>;
    let jobs: [(&str, Job); 6] = [
        ("status", |input, options| {
            ops::status(input, Release::default(), options).map(drop)
        }),
        ("hashkv", |input, options| {
            ops::hashkv(input, 0, Release::default(), options).map(drop)
        }),
        ("verify", |input, options| {
            ops::verify(input, VerifyOptions::default(), options).map(drop)
        }),
        ("verify --quick", |input, options| {
            let what = VerifyOptions::default().with_quick(true);
            ops::verify(input, what, options).map(drop)
        }),
        ("info", |input, options| ops::info(input, options).map(drop)),
        ("keys", |input, options| {
            let mut session = Session::open(input, options)?;
            ops::keys(&mut session, &KeysQuery::default())?;
            session.finish().map(drop)
        }),
    ];
    for (name, job) in jobs {
        let dir = with_snapshot(100, 10);
        let path = dir.path().join("a.db");
        let input = Input::open(&path).expect("the snapshot");
        job(&input, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let options = Options::default().with_progress(Arc::new(Meddler(path.clone())));
        match job(&input, &options) {
            Err(Error::Changed { path: of, .. }) => assert_eq!(of, path, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
