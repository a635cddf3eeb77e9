//! File systems of the tests' own.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A mounted file system; dropped, it is unmounted.
pub(crate) struct Mount {
    // The folder with the mount point, and the image if there is one.
    dir: TempDir,
}

impl Mount {
    /// A file system in memory with these options; none when that is not allowed here.
    pub(crate) fn tmpfs(options: &str) -> Option<Self> {
        let dir = folder()?;
        let target = dir.path().join("mnt");
        // Only what is mounted may become a value: dropping one unmounts it.
        run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"], &target).then(|| Self { dir })
    }

    /// A file system in a file, made by `make`, a program with its options; none when the program is
    /// missing or mounting is not allowed here.
    pub(crate) fn image(make: &[&str], bytes: u64) -> Option<Self> {
        let dir = folder()?;
        let image = dir.path().join("image");
        let file = fs::File::create(&image).expect("an image");
        file.set_len(bytes).expect("a sparse image");
        let (program, options) = make.split_first().expect("a program");
        let target = dir.path().join("mnt");
        let image_name = image.to_str().expect("UTF-8");
        let made =
            run(program, options, &image) && run("mount", &["-o", "loop", image_name], &target);
        made.then(|| Self { dir })
    }

    /// The mount point.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let target = self.path();
        if !run("umount", &[], &target) && !run("umount", &["-l"], &target) {
            eprintln!("{} could not be unmounted", target.display());
        }
    }
}

/// A folder with an empty one for mounting; none unless root asks, who may still not be allowed to.
fn folder() -> Option<TempDir> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("mnt")).expect("a folder");
    let owner = fs::metadata(dir.path()).expect("the folder").uid();
    (owner == 0).then_some(dir)
}

fn run(program: &str, options: &[&str], last: &Path) -> bool {
    let status = Command::new(program)
        .args(options)
        .arg(last)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn what_cannot_be_mounted_is_none_and_nothing_is_unmounted() {
    assert!(Mount::tmpfs("size=no-number").is_none());
    assert!(Mount::image(&["no-such-mkfs"], 1 << 20).is_none());
    // `true` makes no file system.
    assert!(Mount::image(&["true"], 1 << 20).is_none());
}
