//! The files under `testdata`.

use std::path::{Path, PathBuf};

/// The directory itself.
pub(crate) fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// The whole of a file, by its name relative to `testdata`.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = dir().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The whole of a text file, by its name relative to `testdata`.
pub(crate) fn read_text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap_or_else(|_| panic!("{name} is not UTF-8"))
}

/// The names, relative to `testdata`, of all files in one of its directories, sorted.
pub(crate) fn files_in(folder: &str) -> Vec<String> {
    let path = dir().join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a readable directory").file_name())
        .map(|name| format!("{folder}/{}", name.to_str().expect("a name in UTF-8")))
        .collect();
    names.sort();
    names
}

/// The snapshots that real servers sent.
pub(crate) fn real() -> Vec<String> {
    let names: Vec<String> = files_in("real")
        .into_iter()
        .filter(|name| name.ends_with(".db"))
        .collect();
    assert_eq!(names.len(), 10, "two snapshots of each of five releases");
    names
}

/// The databases made field by field.
pub(crate) fn crafted() -> Vec<String> {
    let names = files_in("crafted");
    assert!(names.len() > 50, "{} files", names.len());
    names
}
