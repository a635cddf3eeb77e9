//! Where something comes to stand, and where it is made until it is whole.

use std::fs;
use std::path::{Path, PathBuf};

/// Ending of everything that is not yet whole.
const PARTIAL: &str = "partial";

/// The place of a folder that is to be made, or to be filled where it is there and empty: a mount point, `.`, a link
/// to a folder.
#[derive(Debug, Clone)]
pub(crate) struct FolderPlace {
    path: PathBuf,
    is_there: bool,
}

impl FolderPlace {
    /// Looks what stands at `path`.
    pub(crate) fn find(path: &Path) -> Self {
        // Without `.` and `/` at the end.
        let path: PathBuf = path.components().collect();
        let is_there = fs::symlink_metadata(&path).is_ok();
        Self { path, is_there }
    }

    /// The final name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something stood there when it was looked for. It cannot be replaced by a rename then: it may be a mount
    /// point.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Whether nothing stands there but an empty folder.
    pub(crate) fn is_free(&self) -> bool {
        let is_empty = || fs::read_dir(&self.path).is_ok_and(|mut dir| dir.next().is_none());
        !self.is_there || is_empty()
    }

    /// Where it is made until it is whole: beside it, or inside a folder that is there, since what is above that may
    /// be another file system.
    pub(crate) fn stage(&self) -> PathBuf {
        match self.is_there {
            true => self.path.join(format!(".{PARTIAL}")),
            false => with_ending(&self.path),
        }
    }
}

/// The name of `path` as long as it is not whole.
pub(crate) fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    PathBuf::from(name)
}

/// The folder that `path` is in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The deepest folder above `path`, or `path` itself, that is there.
pub(crate) fn existing(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.exists());
    there
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Bytes free for the user where `path` is or will be, if the system tells.
pub(crate) fn free_bytes_near(path: &Path) -> Option<u64> {
    let figures = rustix::fs::statvfs(existing(path)).ok()?;
    figures.f_bavail.checked_mul(figures.f_frsize)
}

/// Bytes of a file, or of all files in a folder.
pub(crate) fn bytes_below(path: &Path) -> u64 {
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
