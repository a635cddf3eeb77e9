//! Where the data directory comes to stand: staged beside its final name, and renamed when it is whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::RestoreError;
use crate::etcd::quote;
use crate::finding::escape;

/// Ending of everything that is not yet whole.
const PARTIAL: &str = "partial";

/// The final names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    data: PathBuf,
    wal: Option<PathBuf>,
    /// Whether the data directory is there already, empty: a mount point, for example.
    is_there: bool,
}

impl Target {
    /// Checks that nothing stands where the data directory is to be, in etcdutl's words.
    pub(super) fn check(data: &Path, wal: Option<&Path>) -> Result<Self, RestoreError> {
        let data: PathBuf = data.components().collect();
        let wal: Option<PathBuf> = wal.map(|wal| wal.components().collect());
        let is_there = fs::symlink_metadata(&data).is_ok();
        let target = Self {
            data,
            wal,
            is_there,
        };
        for stage in target.stages() {
            if fs::symlink_metadata(&stage).is_ok() {
                let message = format!(
                    "{} is left over from a restore that did not come to its end ({} bytes); \
                     remove it and run again",
                    escape::path(&stage),
                    bytes_below(&stage)
                );
                return Err(RestoreError::Request(message));
            }
        }
        let is_empty = || fs::read_dir(&target.data).is_ok_and(|mut dir| dir.next().is_none());
        if is_there && !is_empty() {
            let message = format!(
                "data-dir {} not empty or could not be read",
                quoted(&target.data)
            );
            return Err(RestoreError::Request(message));
        }
        if let Some(wal) = &target.wal
            && fs::symlink_metadata(wal).is_ok()
        {
            let message = format!("wal-dir {} exists", quoted(wal));
            return Err(RestoreError::Request(message));
        }
        Ok(target)
    }

    /// The folder that the data is staged in.
    fn stage(&self) -> PathBuf {
        if self.is_there {
            // Its parent may be on another file system.
            self.data.join(format!(".{PARTIAL}"))
        } else {
            with_ending(&self.data)
        }
    }

    fn stages(&self) -> Vec<PathBuf> {
        let wal = self.wal.as_deref().map(with_ending);
        [Some(self.stage()), wal].into_iter().flatten().collect()
    }

    /// The data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// The folder of the log.
    pub(super) fn wal(&self) -> PathBuf {
        let inside = || self.data.join("member/wal");
        self.wal.clone().unwrap_or_else(inside)
    }

    /// Bytes free for the user where the data will be, if the system tells.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        free_bytes_near(&self.data)
    }
}

/// Bytes free for the user where `path` is or will be, if the system tells.
pub(in crate::ops) fn free_bytes_near(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists());
    let place = there.filter(|path| !path.as_os_str().is_empty());
    let figures = rustix::fs::statvfs(place.unwrap_or(Path::new("."))).ok()?;
    figures.f_bavail.checked_mul(figures.f_frsize)
}

/// The name of `path` as long as it is not whole.
pub(in crate::ops) fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    PathBuf::from(name)
}

fn quoted(path: &Path) -> String {
    quote(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}

pub(in crate::ops) fn bytes_below(path: &Path) -> u64 {
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

/// The half-made directories. What is not finished is removed again when this is dropped.
#[derive(Debug)]
pub(super) struct Stage {
    target: Target,
    root: PathBuf,
    wal: PathBuf,
    /// What this run has made and must remove.
    made: Vec<PathBuf>,
    /// Folders whose entries are to be synced, innermost first.
    folders: Vec<PathBuf>,
}

impl Stage {
    /// Makes the folders.
    pub(super) fn new(target: &Target) -> Result<Self, RestoreError> {
        let root = target.stage();
        let inside = root.join("member/wal");
        let mut stage = Self {
            wal: target.wal.as_deref().map_or(inside, with_ending),
            target: target.clone(),
            root,
            made: Vec::new(),
            folders: Vec::new(),
        };
        stage.make_tops()?;
        let member = stage.root.join("member");
        let snap = member.join("snap");
        stage.make(&member)?;
        stage.make(&snap)?;
        if stage.target.wal.is_none() {
            let wal = stage.wal.clone();
            stage.make(&wal)?;
            stage.folders.push(wal);
        }
        stage.folders.extend([snap, member, stage.root.clone()]);
        Ok(stage)
    }

    fn make_tops(&mut self) -> Result<(), RestoreError> {
        let mut tops = vec![self.root.clone()];
        if self.target.wal.is_some() {
            tops.push(self.wal.clone());
            self.folders.push(self.wal.clone());
        }
        for top in tops {
            if let Some(parent) = top.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                let mut builder = DirBuilder::new();
                builder
                    .recursive(true)
                    .mode(0o700)
                    .create(parent)
                    .map_err(RestoreError::write("cannot make", parent))?;
            }
            self.make(&top)?;
            self.made.push(top);
        }
        Ok(())
    }

    fn make(&self, path: &Path) -> Result<(), RestoreError> {
        DirBuilder::new()
            .mode(0o700)
            .create(path)
            .map_err(RestoreError::write("cannot make", path))
    }

    /// A new file for the database.
    pub(super) fn database(&self) -> Result<(PathBuf, File), RestoreError> {
        self.file(self.root.join("member/snap/db"))
    }

    /// A new file beside the database.
    pub(super) fn beside_database(&self, name: &str) -> Result<(PathBuf, File), RestoreError> {
        self.file(self.root.join("member/snap").join(name))
    }

    /// A new file of the log.
    pub(super) fn log(&self, name: &str) -> Result<(PathBuf, File), RestoreError> {
        self.file(self.wal.join(name))
    }

    fn file(&self, path: PathBuf) -> Result<(PathBuf, File), RestoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(RestoreError::write("cannot make", &path))?;
        Ok((path, file))
    }

    /// Makes everything belong to `user`, and to `group` if there is one.
    pub(super) fn give_to(&self, user: u32, group: Option<u32>) -> Result<(), RestoreError> {
        self.made.iter().try_for_each(|top| give(top, user, group))
    }

    /// Syncs the folders and gives them their final names; the log first, the data last.
    pub(super) fn finish(mut self) -> Result<(), RestoreError> {
        for folder in &self.folders {
            sync_folder(folder)?;
        }
        if let Some(wal) = &self.target.wal {
            rename(&self.wal, wal)?;
            // Should the data not follow, a log of its own is of no use.
            let staged = self.wal.clone();
            self.made.retain(|path| *path != staged);
            self.made.push(wal.clone());
            sync_folder(parent_of(wal))?;
        }
        if self.target.is_there {
            let member = self.target.data.join("member");
            rename(&self.root.join("member"), &member)?;
            self.made.clear();
            // Empty now; should it stay, nothing is lost.
            let _ = fs::remove_dir(&self.root);
            return sync_folder(&self.target.data);
        }
        rename(&self.root, &self.target.data)?;
        self.made.clear();
        sync_folder(parent_of(&self.target.data))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            // What cannot be removed is named at the next run.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// The folders are our own and a few levels deep.
fn give(path: &Path, user: u32, group: Option<u32>) -> Result<(), RestoreError> {
    let failed = || RestoreError::write("cannot change the owner of", path);
    std::os::unix::fs::lchown(path, Some(user), group).map_err(failed())?;
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(failed())? {
            give(&entry.map_err(failed())?.path(), user, group)?;
        }
    }
    Ok(())
}

pub(in crate::ops) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), RestoreError> {
    fs::rename(from, to).map_err(RestoreError::write("cannot give its final name to", to))
}

pub(in crate::ops) fn sync_folder(path: &Path) -> Result<(), RestoreError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    match synced {
        // Some file systems have nothing to sync in a folder and say so.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(RestoreError::write("cannot sync", path)),
    }
}

/// Makes `file` `len` bytes long with space on the disk for all of them.
pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    let flags = rustix::fs::FallocateFlags::empty();
    match rustix::fs::fallocate(file, flags, 0, len) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(len),
        Err(error) => Err(error.into()),
    }
}
