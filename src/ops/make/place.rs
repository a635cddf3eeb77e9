//! Where something comes to stand, and where it is made until it is whole.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

/// Ending of everything that is not yet whole.
const PARTIAL: &str = "partial";

/// How a folder gets its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Nothing is there: by one rename.
    New,
    /// An empty folder is there and gives way: by one rename.
    OverEmpty,
    /// A folder is there that stays, with its mode and its owner: what comes into it is renamed one by one.
    Inside,
}

/// The place of a folder that is to be made, or to be filled where it is there and empty.
#[derive(Debug, Clone)]
pub(super) struct FolderPlace {
    path: PathBuf,
    naming: Naming,
}

impl FolderPlace {
    /// Looks what stands at `path`. A folder that is there stays, since it may be a mount point, `.`, or a link, and
    /// whoever made it gave it its mode and owner.
    pub(super) fn find(path: &Path) -> Self {
        // Without what stands for nothing: `out/`, `out/.`.
        let path: PathBuf = path.components().collect();
        let naming = match fs::symlink_metadata(&path) {
            Ok(_) => Naming::Inside,
            Err(_) => Naming::New,
        };
        Self { path, naming }
    }

    /// The same, where an empty folder may give way if it can and nobody misses it.
    pub(super) fn over_empty(mut self) -> Self {
        if self.is_there()
            && fs::symlink_metadata(&self.path).is_ok_and(|found| gives_way(&self.path, &found))
        {
            self.naming = Naming::OverEmpty;
        }
        self
    }

    /// The final name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How it gets that.
    pub(super) fn naming(&self) -> Naming {
        self.naming
    }

    /// Whether a folder that stood there when it was looked for stays.
    pub(super) fn is_there(&self) -> bool {
        self.naming == Naming::Inside
    }

    /// Whether nothing stands there but an empty folder.
    pub(super) fn is_free(&self) -> bool {
        let is_empty = || fs::read_dir(&self.path).is_ok_and(|mut dir| dir.next().is_none());
        !self.is_there() || is_empty()
    }

    /// Where it is made until it is whole: beside it, or inside a folder that stays, since what is above that may be
    /// another file system, or not ours to write to.
    pub(super) fn stage(&self) -> PathBuf {
        match self.naming {
            Naming::New | Naming::OverEmpty => with_ending(&self.path),
            Naming::Inside => stage_inside(&self.path),
        }
    }

    /// The folder whose entries change when final names are given; it holds the stage too.
    pub(super) fn holds_names(&self) -> &Path {
        match self.naming {
            Naming::New | Naming::OverEmpty => parent_of(&self.path),
            Naming::Inside => &self.path,
        }
    }
}

/// Where something is made that is to come into the folder `path`.
pub(super) fn stage_inside(path: &Path) -> PathBuf {
    path.join(format!(".{PARTIAL}"))
}

/// The name of `path` as long as it is not whole.
pub(super) fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    PathBuf::from(name)
}

/// The folder that `path` is in.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The deepest folder above `path`, or `path` itself, that is there.
pub(super) fn existing(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.exists());
    there
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Bytes free for the user where `path` is or will be, if the system tells.
pub(super) fn free_bytes_near(path: &Path) -> Option<u64> {
    let figures = rustix::fs::statvfs(existing(path)).ok()?;
    figures.f_bavail.checked_mul(figures.f_frsize)
}

/// Bytes of a file, or of all files in a folder.
pub(super) fn bytes_below(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| bytes_below(&entry.path()))
        .fold(0, u64::saturating_add)
}

/// Whether another folder can be renamed over this empty one, and nobody misses it then.
fn gives_way(path: &Path, found: &Metadata) -> bool {
    let is_same = |other: &Metadata| (other.dev(), other.ino()) == (found.dev(), found.ino());
    let above = parent_of(path);
    found.is_dir()
        && found.uid() == rustix::process::geteuid().as_raw()
        && !fs::metadata(".").is_ok_and(|current| is_same(&current))
        && fs::metadata(above).is_ok_and(|above| above.dev() == found.dev())
        && !is_mount_point(path)
        && rustix::fs::accessat(
            CWD,
            above,
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::EACCESS,
        )
        .is_ok()
}

/// Whether something is mounted here, be it of the same file system.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    // Older kernels do not tell; then the rename fails.
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_mount_point(_: &Path) -> bool {
    false
}
