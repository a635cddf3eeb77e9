//! Everything that fuzzing begins with and everything it ever found, through the same code.

#[path = "../fuzz/src/draft.rs"]
mod draft;
#[path = "../fuzz/src/objects.rs"]
mod objects;
#[path = "../fuzz/src/raft.rs"]
mod raft;
#[path = "../fuzz/src/secrets.rs"]
mod secrets;
#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::path::{Path, PathBuf};

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the directory can be read").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// Replays every file of one directory of `fuzz/`; names those that panic.
fn replay(directory: &str) -> (usize, Vec<String>) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, target) in targets::ALL {
        for file in files(&fuzz.join(directory).join(name)) {
            count += 1;
            let bytes = std::fs::read(&file).expect("the file can be read");
            // Shown at once with --nocapture: the last name is that of a file that does not end.
            println!("{}", file.display());
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                wrong.push(format!("{}: panicked", file.display()));
            }
        }
    }
    (count, wrong)
}

#[test]
fn every_seed_passes_its_target() {
    let (count, wrong) = replay("seeds");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 40, "only {count} seeds were found");
}

#[test]
fn nothing_that_fuzzing_once_found_fails_again() {
    let (_, wrong) = replay("found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What texts around a secret are made of: what the search for secrets looks at, and what may lead it astray.
const PIECES: [&str; 40] = [
    "",
    "\0",
    "a",
    "{",
    "}",
    "\"",
    "\\",
    "'",
    ":",
    ": ",
    "\n",
    "- ",
    "=",
    "--token ",
    "--password=",
    "Bearer ",
    "://u:",
    "@",
    "eyJ",
    ".",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "kind: Secret",
    "data:",
    "$2y$10$",
    "H4sI",
    "LS0t",
    "<redacted 5 bytes>",
    "true",
    "helm.sh/hook",
    "cert-manager.io/common-name",
    "kapp.k14s.io/identity",
    "kubernetes.io/service-account.uid",
    "kubectl.kubernetes.io/last-applied-configuration",
    "metadata",
    "items",
    "name",
    "\u{202e}",
    "é",
];

#[test]
fn what_a_secret_holds_is_hidden_whatever_stands_around_it() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 20) as usize % below
    };
    for _ in 0..4000 {
        let mut bytes = vec![next(256) as u8, next(256) as u8];
        for _ in 0..next(12) {
            for _ in 0..next(5) {
                bytes.extend_from_slice(PIECES[next(PIECES.len())].as_bytes());
            }
            bytes.push(0);
        }
        secrets::secrets(&bytes);
    }
}
