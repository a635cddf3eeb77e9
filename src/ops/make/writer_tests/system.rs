//! What the calls ask of the system.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use super::*;

#[test]
fn what_is_made_is_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = dir.path().join("folder");
    disk.make_folder(&folder).unwrap();
    assert_eq!(mode(&folder), 0o700);
    let file = folder.join("file");
    disk.make_file(&file).unwrap();
    assert_eq!(mode(&file), 0o600);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn a_folder_that_cannot_be_synced_is_an_error_unless_there_is_nothing_to_sync() {
    let disk = Disk::default();
    // A pipe has nothing to sync.
    let (reader, _writer) = std::io::pipe().unwrap();
    let pipe = fs::File::from(std::os::fd::OwnedFd::from(reader));
    disk.sync_opened(&pipe).unwrap();
    // What is opened as a mere place lets nothing be done with it.
    let dir = tempfile::tempdir().unwrap();
    let place = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(dir.path());
    disk.sync_opened(&place.unwrap()).unwrap_err();
}
