//! Where a folder comes to stand, and where it is filled until then.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

use crate::finding::escape;
use crate::ops::make::output_error::OutputError;
use crate::ops::make::place::{parent_of, with_ending};

/// How the folder gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing is there: one rename.
    New,
    /// An empty folder is there and gives way: one rename.
    Empty,
    /// An empty folder is there that cannot give way, such as a mount point or the working directory: it is
    /// filled beneath, and each entry is renamed.
    Inside,
}

/// The final name, and the one until then.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) staged: PathBuf,
    pub(super) place: Place,
}

impl Target {
    /// # Errors
    /// That something else than an empty folder is there, or what an earlier run left.
    pub(super) fn find(out: &Path) -> Result<Self, OutputError> {
        // Without what stands for nothing: `out/`, `out/.`.
        let path: PathBuf = out.components().collect();
        let place = Self::place(&path)?;
        let staged = match place {
            Place::New | Place::Empty => with_ending(&path),
            // What is above may be another file system, or not ours to write to.
            Place::Inside => path.join(".partial"),
        };
        Ok(Self {
            path,
            staged,
            place,
        })
    }

    fn place(path: &Path) -> Result<Place, OutputError> {
        let name = escape::path(path);
        let refuse = |message| Err(OutputError::Request(message));
        if path.as_os_str().is_empty() {
            return refuse("the name of the folder is empty; give a new folder".into());
        }
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.file_name().is_some() => {
                return Ok(Place::New);
            }
            Err(error) => return refuse(format!("{name}: {error}")),
        };
        let mut entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return refuse(format!(
                    "{name} is a link that leads nowhere; give a new folder"
                ));
            }
            Err(error) => return refuse(format!("{name}: {error}")),
        };
        if fs::symlink_metadata(path.join(".partial")).is_ok() {
            return Err(left_over(&path.join(".partial")));
        }
        if entries.next().is_some() {
            return refuse(format!("{name} is not empty; give a new folder"));
        }
        match gives_way(path, &found) {
            true => Ok(Place::Empty),
            false => Ok(Place::Inside),
        }
    }

    /// Why there is no folder to be filled.
    pub(super) fn cannot_stage(&self, error: io::Error) -> OutputError {
        match error.kind() {
            io::ErrorKind::AlreadyExists => left_over(&self.staged),
            _ => OutputError::write("cannot make", &self.staged)(error),
        }
    }

    /// The folder whose entries change when final names are given.
    pub(super) fn changed(&self) -> &Path {
        match self.place {
            Place::New | Place::Empty => parent_of(&self.path),
            Place::Inside => &self.path,
        }
    }
}

fn left_over(staged: &Path) -> OutputError {
    OutputError::Request(format!(
        "{} is left from an interrupted run; look at it and remove it",
        escape::path(staged)
    ))
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
