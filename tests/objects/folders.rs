//! The folders that `export` and `diff -o manifests` write: where they may come to stand, and that they are whole
//! or not there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use crate::mount::Mount;
use crate::support::tool::{self, Outcome};
use crate::{AFTER, unpacked};

const BEFORE: &str = "kube-1.34-etcd-3.6-before.db";

/// The commands that write a folder, with the files by full name, without the folder's.
fn commands(files: &Path) -> [Vec<String>; 2] {
    let [before, after] = [BEFORE, AFTER].map(|name| files.join(name).to_str().unwrap().to_owned());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    [
        words(&[
            "export",
            &after,
            "--partial",
            "-n",
            "legacy",
            "deploy,ns,svc,cm",
        ]),
        words(&[
            "diff",
            &before,
            &after,
            "-o",
            "manifests",
            "--to-old",
            "-n",
            "legacy",
        ]),
    ]
}

/// Everything below a folder, with mode and content.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    fn gather(top: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let mode = fs::metadata(&path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777;
            let content = match path.is_dir() {
                true => Vec::new(),
                false => fs::read(&path).expect("a file"),
            };
            if path.is_dir() {
                gather(top, &path, into);
            }
            let inside = path.strip_prefix(top).expect("a path inside");
            into.insert(inside.to_owned(), (mode, content));
        }
    }
    let mut found = BTreeMap::new();
    gather(folder, folder, &mut found);
    found
}

fn run(dir: &Path, command: &[String], out: &OsStr) -> Outcome {
    let args = command.iter().map(OsStr::new);
    tool::run(dir, args.chain([OsStr::new("--out"), out]))
}

/// What a command writes where nothing is in the way, and how it ends.
fn usual(command: &[String]) -> (Outcome, BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    let dir = tempfile::tempdir().expect("a directory");
    let outcome = run(dir.path(), command, OsStr::new("out"));
    let written = tree(&dir.path().join("out"));
    assert!(written.len() > 5, "{outcome:?}");
    (outcome, written)
}

#[test]
fn every_empty_folder_is_filled_whatever_it_is_called() {
    let files = unpacked();
    for command in commands(files.path()) {
        let (expected, written) = usual(&command);
        let not_utf8 = OsStr::from_bytes(b"o\xfft/");
        let outs = [
            "new",
            "new/",
            "./new",
            "new/.",
            "empty/",
            "empty/.",
            "link/",
            "far/../new",
            "empty",
            "link",
        ];
        // Both write by the same means; one of them tries every form.
        let forms = if command[0] == "export" {
            0
        } else {
            outs.len() - 3
        };
        for out in outs[forms..].iter().map(OsStr::new).chain([not_utf8]) {
            let dir = tempfile::tempdir().expect("a directory");
            for name in ["empty", "real", "far"] {
                fs::create_dir(dir.path().join(name)).expect("a folder");
            }
            symlink("real", dir.path().join("link")).expect("a link");
            let entries = |dir: &Path| fs::read_dir(dir).expect("a folder").count();
            let before = entries(dir.path());
            let outcome = run(dir.path(), &command, out);
            assert_eq!(outcome, expected, "{}", out.display());
            assert_eq!(tree(&dir.path().join(out)), written, "{}", out.display());
            let is_new = !["empty", "link"]
                .iter()
                .any(|name| out.to_str().is_some_and(|out| out.starts_with(name)));
            assert_eq!(
                entries(dir.path()),
                before + usize::from(is_new),
                "{}",
                out.display()
            );
        }
        // The working directory stays what it is.
        for by_name in [false, true] {
            let dir = tempfile::tempdir().expect("a directory");
            let out = if by_name { dir.path() } else { Path::new(".") };
            let kept = fs::File::open(dir.path()).expect("a folder");
            let outcome = run(dir.path(), &command, out.as_os_str());
            assert_eq!(outcome, expected);
            assert_eq!(tree(dir.path()), written);
            let is_there = |file: &fs::File| {
                use std::os::unix::fs::MetadataExt as _;
                file.metadata().expect("it is open").nlink() > 0
            };
            assert!(is_there(&kept));
        }
    }
}

#[test]
fn an_empty_mount_point_is_filled() {
    let Some(mount) = Mount::tmpfs("size=64m") else {
        return eprintln!("skipped: mounting is not allowed here");
    };
    let files = unpacked();
    let [command, _] = commands(files.path());
    let (expected, written) = usual(&command);
    let outcome = run(files.path(), &command, mount.path().as_os_str());
    assert_eq!(outcome, expected);
    assert_eq!(tree(&mount.path()), written);
}

#[test]
fn what_cannot_be_a_folder_is_refused_in_one_line_and_left_alone() {
    let files = unpacked();
    for command in commands(files.path()) {
        for (out, told) in [
            ("file", "file: Not a directory"),
            (
                "nowhere",
                "nowhere is a link that leads nowhere; give a new folder",
            ),
            ("full", "full is not empty; give a new folder"),
            ("..", ".. is not empty; give a new folder"),
            (
                "old",
                "old.partial is left from an interrupted run, or another run is at work; look at it and remove it",
            ),
            (
                "torn",
                "torn/.partial is left from an interrupted run, or another run is at work; look at it and remove it",
            ),
            (
                "missing/out",
                "cannot make missing/out.partial: No such file or directory",
            ),
            ("file/out", "file/out: Not a directory"),
            ("missing/..", "missing/..: No such file or directory"),
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            for name in ["full/inside", "old.partial", "torn/.partial"] {
                fs::create_dir_all(dir.path().join(name)).expect("a folder");
            }
            fs::write(dir.path().join("file"), "mine").expect("a file");
            symlink("not/there", dir.path().join("nowhere")).expect("a link");
            let names = || {
                let entries = fs::read_dir(dir.path()).expect("a folder");
                let mut names: Vec<_> = entries
                    .map(|entry| entry.expect("an entry").file_name())
                    .collect();
                names.sort();
                names
            };
            let before = names();
            let outcome = run(dir.path(), &command, OsStr::new(out));
            assert_eq!(outcome.stderr, format!("Error: {told}\n"), "{out:?}");
            assert_eq!(outcome.status, Some(2), "{out:?}");
            assert_eq!(names(), before, "{out:?}");
        }
    }
}

/// Runs a command in a shell that sets something before.
fn limited(dir: &Path, command: &[String], setting: &str) -> Outcome {
    let script = format!("{setting}; exec \"$0\" \"$@\" --out out");
    let output = tool::shell(dir, &script).args(command).output();
    Outcome::from(output.expect("a shell"))
}

#[test]
fn neither_a_umask_nor_few_descriptors_nor_threads_change_what_is_written() {
    let files = unpacked();
    for command in commands(files.path()) {
        let (expected, written) = usual(&command);
        assert!(
            written
                .values()
                .all(|(mode, _)| [0o600, 0o700].contains(mode))
        );
        for setting in [
            "umask 000",
            "umask 777",
            "umask 022",
            "ulimit -n 16",
            "set -- \"$@\" --threads 1",
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let outcome = limited(dir.path(), &command, setting);
            assert_eq!(outcome, expected, "{setting}");
            assert_eq!(tree(&dir.path().join("out")), written, "{setting}");
            let mode = fs::metadata(dir.path().join("out"))
                .expect("a folder")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700, "{setting}");
        }
    }
}

#[test]
fn a_full_disk_leaves_nothing_and_names_the_file() {
    let files = unpacked();
    for command in commands(files.path()) {
        let dir = tempfile::tempdir().expect("a directory");
        // A limit on the length of files stands for the disk.
        let outcome = limited(dir.path(), &command, "trap '' XFSZ; ulimit -f 0");
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let [line] = lines[..] else {
            panic!("{outcome:?}");
        };
        assert!(
            line.starts_with("Error: cannot write out.partial/"),
            "{line}"
        );
        assert!(line.ends_with(": File too large"), "{line}");
        assert_eq!(outcome.status, Some(2));
        assert_eq!(tree(dir.path()), BTreeMap::new());
    }
}

#[test]
fn an_interrupt_leaves_the_whole_folder_or_nothing() {
    let files = unpacked();
    for command in commands(files.path()) {
        let (expected, written) = usual(&command);
        for into in ["out", "."] {
            let dir = tempfile::tempdir().expect("a directory");
            let mut child = tool::command(dir.path())
                .args(&command)
                .args(["--out", into])
                .spawn()
                .expect("the program starts");
            while tree_is_empty(dir.path()) && child.try_wait().expect("a child").is_none() {
                std::thread::yield_now();
            }
            kill_process(Pid::from_child(&child), Signal::INT).expect("it can be sent");
            let ended = child.wait().expect("an end").code();
            let found = tree(dir.path());
            if ended == Some(130) {
                assert_eq!(found, BTreeMap::new());
            } else {
                // It was faster than the signal.
                assert_eq!(ended, expected.status);
                assert_eq!(tree(&dir.path().join(into)), written);
            }
        }
    }
}

fn tree_is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).expect("a folder").next().is_none()
}
