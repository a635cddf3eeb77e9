//! Whatever the system allows a process: files and folders are for their owner alone, and what cannot be finished
//! leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::tool::{self, Outcome};
use crate::{SNAPSHOT, folder, mode};

/// Every job that writes, and what it makes.
const JOBS: [(&str, &str); 7] = [
    ("compact etcd-3.6.14-b.db -o out", "out"),
    ("compact etcd-3.6.14-b.db -o out --live-only", "out"),
    ("trailer raw -o out", "out"),
    ("restore etcd-3.6.14-b.db --data-dir out", "out/member"),
    (
        "restore etcd-3.6.14-b.db --data-dir out --wal-dir log",
        "out/member",
    ),
    (
        "restore etcd-3.6.14-b.db --data-dir out --compact",
        "out/member",
    ),
    (
        "restore etcd-3.6.14-b.db --all-members --out out \
         --initial-cluster m1=http://127.0.0.1:1,m2=http://127.0.0.1:2",
        "out/m2/member",
    ),
];

/// A folder with a snapshot, and a database without SHA-256.
fn scene() -> tempfile::TempDir {
    let dir = folder();
    let args = ["compact", SNAPSHOT, "-o", "raw", "--no-trailer"];
    assert_eq!(tool::run(dir.path(), args).status, Some(0));
    dir
}

/// A run under what the shell is told before; none without a shell.
fn run(dir: &Path, limit: &str, args: &str) -> Option<Outcome> {
    let script = format!("{limit} && exec \"$0\" \"$@\"");
    let output = tool::shell(dir, &script)
        .args(args.split_whitespace())
        .output();
    match output {
        Ok(output) => Some(output.into()),
        Err(_) => {
            eprintln!("skipped: there is no shell");
            None
        }
    }
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, paths);
        }
        paths.push(path);
    }
}

/// Everything below the folder but what the jobs are made of.
fn made(dir: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    gather(dir, &mut paths);
    paths.retain(|path| !path.ends_with(SNAPSHOT) && !path.ends_with("raw"));
    paths
}

fn clear(dir: &Path) {
    for path in made(dir) {
        if path.parent() == Some(dir) {
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.expect("it can be removed");
        }
    }
}

#[test]
fn what_is_made_is_for_its_owner_alone_whatever_the_umask() {
    let dir = scene();
    for umask in ["0777", "0000", "0700", "0022"] {
        for (args, whole) in JOBS {
            let Some(outcome) = run(dir.path(), &format!("umask {umask}"), args) else {
                return;
            };
            assert_eq!(
                outcome.status,
                Some(0),
                "{umask} {args}: {}",
                outcome.stderr
            );
            assert!(dir.path().join(whole).exists(), "{umask} {args}");
            for path in made(dir.path()) {
                let expected = if path.is_dir() { 0o700 } else { 0o600 };
                assert_eq!(mode(&path), expected, "{umask} {args}: {}", path.display());
            }
            clear(dir.path());
        }
    }
}

/// Runs every job under limits from none at all to enough, and looks that what fails leaves nothing.
fn under_limits(limits: impl Iterator<Item = String> + Clone) {
    let dir = scene();
    for (args, whole) in JOBS {
        let (mut refused, mut done) = (0, 0);
        for limit in limits.clone() {
            let Some(outcome) = run(dir.path(), &limit, args) else {
                return;
            };
            if outcome.status == Some(0) {
                assert!(dir.path().join(whole).exists(), "{limit} {args}");
                done += 1;
                clear(dir.path());
                break;
            }
            let left = made(dir.path());
            assert_eq!(
                left,
                Vec::<PathBuf>::new(),
                "{limit} {args}: {}",
                outcome.stderr
            );
            refused += 1;
        }
        assert!(refused > 2, "{args}: {refused}");
        assert_eq!(done, 1, "{args} never gets enough");
    }
}

#[test]
fn with_few_descriptors_it_is_done_or_leaves_nothing() {
    under_limits((4..64).map(|number| format!("ulimit -n {number}")));
}

#[test]
fn with_little_memory_nothing_is_begun_that_would_be_left_half_made() {
    let dir = scene();
    for (args, whole) in JOBS {
        let (mut told, mut done) = (0, 0);
        // An address space from what does not even start to what suffices.
        for size in (16_000..4_000_000).step_by(2_000) {
            let limit = format!("ulimit -c 0 && ulimit -v {size}");
            let Some(outcome) = run(dir.path(), &limit, args) else {
                return;
            };
            let is_whole = dir.path().join(whole).exists();
            assert_eq!(is_whole, outcome.status == Some(0), "{limit} {args}");
            if is_whole {
                done += 1;
                clear(dir.path());
                break;
            }
            // Whoever cannot tell that its memory was refused is ended by the system.
            let left = made(dir.path());
            let is_staged = |path: &PathBuf| path.to_string_lossy().contains(".partial");
            assert!(left.iter().all(is_staged), "{limit} {args}: {left:?}");
            if outcome
                .stderr
                .contains("and cannot be had; raise the limit")
            {
                assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
                assert_eq!(left, Vec::<PathBuf>::new(), "{limit} {args}");
                told += 1;
            }
            clear(dir.path());
        }
        assert!(told > 2, "{args}: {told}");
        assert_eq!(done, 1, "{args} never gets enough");
    }
}

#[test]
fn with_short_files_it_is_done_or_leaves_nothing() {
    // In blocks of 512 bytes or 1024.
    let blocks = [0, 1, 8, 64, 300, 700, 1000, 60_000, 1_000_000];
    under_limits(
        blocks
            .into_iter()
            .map(|number| format!("ulimit -f {number}")),
    );
}
