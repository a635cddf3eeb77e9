//! Members share the blocks of their database where the file system can.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::SNAPSHOT;
use super::mount::Mount;
use super::support::{testdata, tool};

/// Makers of file systems that can share blocks, with the least size they take.
const SHARING: [(&[&str], u64); 2] = [
    (&["mkfs.xfs", "-q", "-m", "reflink=1"], 512 << 20),
    (&["mkfs.btrfs", "-q"], 512 << 20),
];

const CLUSTER: &str = "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2,m3=http://127.0.0.1:3";

fn database(dir: &Path, member: &str) -> std::path::PathBuf {
    dir.join("out").join(member).join("member/snap/db")
}

/// Restores three members there, and compares their databases.
fn restore(dir: &Path) {
    let snapshot = testdata::dir().join("real").join(SNAPSHOT);
    let snapshot = snapshot.to_str().expect("UTF-8");
    let words = ["restore", snapshot, "--all-members", "--out", "out"];
    let words = words.into_iter().chain(["--initial-cluster", CLUSTER]);
    let outcome = tool::run(dir, words);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let first = fs::read(database(dir, "m1")).expect("a database");
    for member in ["m2", "m3"] {
        let other = fs::read(database(dir, member)).expect("a database");
        assert!(first == other, "{member}");
    }
}

/// The extents of a file, as `filefrag` lists them: whether each is shared. None without that program.
fn shared_extents(path: &Path) -> Option<Vec<bool>> {
    let output = Command::new("filefrag").arg("-v").arg(path).output();
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let extents = text.lines().filter(|line| {
        let number = line.split(':').next().unwrap_or_default().trim();
        number.parse::<u32>().is_ok()
    });
    Some(extents.map(|line| line.contains("shared")).collect())
}

#[test]
fn members_share_the_blocks_of_their_database_where_the_file_system_can() {
    let mut seen = false;
    for (make, bytes) in SHARING {
        let Some(mount) = Mount::image(make, bytes) else {
            eprintln!(
                "skipped: {} is missing, or mounting is not allowed",
                make[0]
            );
            continue;
        };
        let dir = mount.path();
        restore(&dir);
        for member in ["m1", "m2", "m3"] {
            let Some(extents) = shared_extents(&database(&dir, member)) else {
                return eprintln!(
                    "skipped: `filefrag` of e2fsprogs is missing, or tells nothing here"
                );
            };
            assert!(!extents.is_empty(), "{} {member}", make[0]);
            let all = extents.iter().all(|shared| *shared);
            assert!(all, "{} {member}: {extents:?}", make[0]);
        }
        // A server that writes to its own does not write to the others'.
        let path = database(&dir, "m1");
        let before = fs::read(database(&dir, "m2")).expect("a database");
        fs::write(&path, vec![1; before.len()]).expect("a database");
        assert!(fs::read(database(&dir, "m2")).expect("a database") == before);
        seen = true;
    }
    if !seen {
        eprintln!("skipped: no file system here shares blocks");
    }
}

#[test]
fn members_have_copies_where_blocks_cannot_be_shared() {
    let Some(mount) = Mount::tmpfs("size=300m") else {
        return eprintln!("skipped: mounting is not allowed here");
    };
    restore(&mount.path());
}
