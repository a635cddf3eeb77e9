//! Full disks, limits and SIGKILL: a data directory is whole, or it is not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use rustix::process::{Pid, Signal, kill_process};

use super::mount::Mount;
use super::support::{testdata, tool};
use super::{SNAPSHOT, folder};

const LOG: &str = "0000000000000000-0000000000000000.wal";
const LOG_BYTES: u64 = 64_000_000;

/// A form of target, below a folder.
struct Form {
    args: &'static str,
    /// Folders that are there, empty, before.
    there: &'static [&'static str],
    /// Data directory and folder of the log of each member.
    members: &'static [(&'static str, &'static str)],
}

const FORMS: [Form; 5] = [
    Form {
        args: "--data-dir data",
        there: &[],
        members: &[("data", "data/member/wal")],
    },
    Form {
        args: "--data-dir data --wal-dir log",
        there: &[],
        members: &[("data", "log")],
    },
    Form {
        args: "--data-dir data",
        there: &["data"],
        members: &[("data", "data/member/wal")],
    },
    Form {
        args: "--data-dir data --wal-dir data/log",
        there: &["data"],
        members: &[("data", "data/log")],
    },
    Form {
        args: "--all-members --out out \
               --initial-cluster m1=http://127.0.0.1:1,m2=http://127.0.0.1:2,m3=http://127.0.0.1:3",
        there: &[],
        members: &[
            ("out/m1", "out/m1/member/wal"),
            ("out/m2", "out/m2/member/wal"),
            ("out/m3", "out/m3/member/wal"),
        ],
    },
];

impl Form {
    fn prepare(&self, dir: &Path) {
        for folder in self.there {
            fs::create_dir_all(dir.join(folder)).expect("a folder");
        }
    }

    fn command(&self, dir: &Path, snapshot: &Path) -> Command {
        let mut command = tool::command(dir);
        command.arg("restore").arg(snapshot);
        command.args(self.args.split_whitespace());
        command
    }

    /// How many members have a data directory; each of them must be whole.
    fn whole(&self, dir: &Path) -> usize {
        let there = self.members.iter().filter(|(data, wal)| {
            let is_there = dir.join(data).join("member").exists();
            if is_there {
                let verified = tool::run(dir, ["verify", data, "--wal-dir", wal]);
                assert_eq!(verified.status, Some(0), "{}", verified.stdout);
                let log = tool::run(dir, ["wal", wal]);
                assert_eq!(log.status, Some(0), "{}", log.stdout);
                let segment = fs::metadata(dir.join(wal).join(LOG)).expect("the log");
                assert_eq!(segment.len(), LOG_BYTES);
            }
            is_there
        });
        there.count()
    }
}

/// Everything in the folder that is not an empty folder.
fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(leftovers(&path));
        } else if !path.ends_with(SNAPSHOT) {
            found.push(path);
        }
    }
    found
}

fn snapshot() -> PathBuf {
    testdata::dir().join("real").join(SNAPSHOT)
}

/// Restores into a fresh file system of each of these options until it succeeds; what does not succeed
/// says why and leaves nothing but whole members.
fn until_it_fits(
    form: &Form,
    options: impl Iterator<Item = String>,
    texts: &[&str],
) -> Option<u32> {
    let mut refused = 0;
    for option in options {
        let mount = Mount::tmpfs(&option)?;
        let dir = mount.path();
        if form
            .there
            .iter()
            .any(|path| fs::create_dir(dir.join(path)).is_err())
        {
            continue;
        }
        let outcome = form.command(&dir, &snapshot()).output();
        let outcome: tool::Outcome = outcome.expect("the program starts").into();
        let whole = form.whole(&dir);
        if outcome.status == Some(0) {
            assert_eq!(whole, form.members.len());
            return Some(refused);
        }
        assert_eq!(outcome.status, Some(2), "{option}: {}", outcome.stderr);
        assert!(
            texts.iter().any(|text| outcome.stderr.contains(text)),
            "{option}: {}",
            outcome.stderr
        );
        let told = outcome.stderr.starts_with("Error: ");
        assert!(told, "{option}: {}", outcome.stderr);
        if whole == 0 {
            assert_eq!(leftovers(&dir), Vec::<PathBuf>::new(), "{option}");
        }
        refused += 1;
    }
    panic!("it never fits");
}

const FULL: [&str; 2] = ["No space left on device", "are free there"];

#[test]
fn a_disk_without_room_for_another_file_leaves_nothing_half_made() {
    for form in &FORMS {
        let options = (2..40).map(|inodes| format!("size=300m,nr_inodes={inodes}"));
        match until_it_fits(form, options, &FULL) {
            Some(refused) => assert!(refused >= 5, "{}: {refused}", form.args),
            None => return eprintln!("skipped: mounting is not allowed here"),
        }
    }
}

#[test]
fn a_disk_that_becomes_full_leaves_nothing_half_made() {
    let database = fs::metadata(snapshot()).expect("the snapshot").len();
    let first = LOG_BYTES + database;
    for form in &FORMS {
        let members = form.members.len() as u64;
        // Far too small; then page by page around what one member takes, and what all take.
        let coarse = [1 << 20, 32 << 20, LOG_BYTES];
        let steps = (0..24).map(|page| first + page * 4096);
        let more = (1..=members).flat_map(|count| {
            let whole = count * (first + (64 << 10));
            [whole - LOG_BYTES / 2, whole, whole + (64 << 10)]
        });
        let last = [members * (LOG_BYTES + 2 * database + (1 << 20))];
        let sizes = coarse.into_iter().chain(steps).chain(more).chain(last);
        let options = sizes.map(|size| format!("size={size}"));
        match until_it_fits(form, options, &FULL) {
            Some(refused) => assert!(refused >= 5, "{}: {refused}", form.args),
            None => return eprintln!("skipped: mounting is not allowed here"),
        }
    }
}

#[test]
fn a_limit_on_the_length_of_files_is_told_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let form = &FORMS[0];
    // The shell counts in blocks of 512 bytes or 1024.
    let mut told = 0;
    for blocks in [0, 1, 8, 100, 300, 700, 1000, 60_000, 1_000_000] {
        let script = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
        let mut command = tool::shell(dir.path(), &script);
        command
            .arg("restore")
            .arg(snapshot())
            .args(form.args.split_whitespace());
        let Ok(outcome) = command.output() else {
            return eprintln!("skipped: there is no shell");
        };
        let outcome: tool::Outcome = outcome.into();
        if form.whole(dir.path()) == 1 {
            assert_eq!(outcome.status, Some(0), "{blocks}: {}", outcome.stderr);
            break;
        }
        assert_eq!(outcome.status, Some(2), "{blocks}: {}", outcome.stderr);
        let text = &outcome.stderr;
        assert!(text.contains("File too large"), "{blocks}: {text}");
        assert_eq!(leftovers(dir.path()), Vec::<PathBuf>::new());
        told += 1;
    }
    assert!(told >= 5, "{told}");
    assert_eq!(form.whole(dir.path()), 1);
}

/// How many times a restore is killed.
fn rounds() -> u32 {
    match std::env::var("ETCDSNAP_KILL_ROUNDS") {
        Ok(text) => text.parse().expect("a number of rounds"),
        Err(_) => 20,
    }
}

/// Removes every folder in it.
fn clear(dir: &TempDir) {
    for entry in fs::read_dir(dir.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            fs::remove_dir_all(path).expect("it can be removed");
        }
    }
}

/// How long an undisturbed run takes here, roughly; only where signals fall depends on it.
fn time_of(mut command: Command) -> Duration {
    let begun = Instant::now();
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("the program").success());
    begun.elapsed()
}

#[test]
fn interrupted_members_are_all_there_or_none_is_and_nothing_is_in_the_way() {
    let dir = folder();
    let snapshot = dir.path().join(SNAPSHOT);
    let form = &FORMS[4];
    let whole_run = time_of(form.command(dir.path(), &snapshot));
    clear(&dir);
    let (mut interrupted, mut finished) = (0, 0);
    for round in 0..rounds() {
        // Where `out` is there already, each member is renamed by itself.
        if round % 2 == 1 {
            fs::create_dir(dir.path().join("out")).expect("a folder");
        }
        let mut child = form.command(dir.path(), &snapshot).spawn();
        let child = child.as_mut().expect("the program");
        let share = (f64::from(round) * 0.618_033_988_749_895).fract();
        std::thread::sleep(whole_run.mul_f64(share));
        // Before it has its handlers the signal ends it as it ends any program.
        let _ = kill_process(Pid::from_child(child), Signal::INT);
        let status = child.wait().expect("an end");
        match form.whole(dir.path()) {
            0 => {
                interrupted += 1;
                assert!(!status.success());
                assert_eq!(leftovers(dir.path()), Vec::<PathBuf>::new());
                let again = form.command(dir.path(), &snapshot).output();
                assert!(again.expect("the program").status.success());
            }
            // It came too late: nothing is asked between the first name and the end.
            whole => {
                finished += 1;
                assert_eq!(whole, form.members.len());
            }
        }
        clear(&dir);
    }
    println!("{interrupted} were interrupted before they had made all, {finished} after");
}

#[test]
fn a_killed_restore_leaves_no_data_directory_that_is_not_whole() {
    let dir = folder();
    let snapshot = dir.path().join(SNAPSHOT);
    let quiet = |form: &Form| {
        let mut command = form.command(dir.path(), &snapshot);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let (mut unfinished, mut finished) = (0, 0);
    for form in &FORMS {
        form.prepare(dir.path());
        let begun = Instant::now();
        let status = quiet(form).status().expect("the program");
        assert!(status.success());
        let whole_run = begun.elapsed();
        assert_eq!(form.whole(dir.path()), form.members.len());
        clear(&dir);
        for round in 0..rounds().div_ceil(FORMS.len() as u32) {
            form.prepare(dir.path());
            let mut child = quiet(form).spawn().expect("the program");
            // Multiples of the golden ratio spread over the time.
            let share = (f64::from(round) * 0.618_033_988_749_895).fract();
            std::thread::sleep(whole_run.mul_f64(share) + Duration::from_micros(200));
            let _ = child.kill();
            child.wait().expect("an end");
            match form.whole(dir.path()) {
                whole if whole == form.members.len() => finished += 1,
                _ => unfinished += 1,
            }
            if form.members.len() > 1 {
                let whole = form.whole(dir.path());
                assert!(whole == 0 || whole == form.members.len(), "{whole} members");
            }
            let stages = [
                "data.partial",
                "data/.partial",
                "log.partial",
                "out.partial",
            ];
            let is_there = |stage: &&str| dir.path().join(stage).exists();
            let left: Vec<&str> = stages.into_iter().filter(is_there).collect();
            if !left.is_empty() {
                let outcome = form.command(dir.path(), &snapshot).output();
                let outcome: tool::Outcome = outcome.expect("the program").into();
                assert_eq!(outcome.status, Some(2));
                let text = &outcome.stderr;
                assert!(text.contains(" left over from a restore"), "{text}");
                for stage in left {
                    assert!(text.contains(stage), "{stage}: {text}");
                }
            }
            clear(&dir);
        }
    }
    // How many depends on the machine.
    let rounds = unfinished + finished;
    println!("{unfinished} of {rounds} were killed before they had made all");
}
