//! Where the data directory comes to stand: staged beside its final name, and renamed when it is whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags};

use super::error::RestoreError;
use crate::etcd::quote;
use crate::finding::escape;
use crate::ops::make::disk::Disk;

/// Ending of everything that is not yet whole.
const PARTIAL: &str = "partial";

/// Where the log is.
#[derive(Debug, Clone)]
enum Log {
    /// Inside the data directory, at this place.
    Inside(PathBuf),
    /// Somewhere else.
    Apart(PathBuf),
}

/// The final names.
#[derive(Debug, Clone)]
pub(super) struct Target {
    data: PathBuf,
    log: Log,
    /// Whether the data directory is there already, empty: a mount point, for example.
    is_there: bool,
    /// Where it is staged when it gets its final name with the folder above.
    inside: Option<PathBuf>,
    pub(super) disk: Disk,
}

impl Target {
    /// Checks that nothing stands where the data directory is to be, in etcdutl's words.
    ///
    /// `above` is the folder above the data directory when that is made as well, whole: then nothing can be
    /// there yet.
    pub(super) fn check(
        data: &Path,
        wal: Option<&Path>,
        above: Option<&Path>,
    ) -> Result<Self, RestoreError> {
        let data: PathBuf = data.components().collect();
        let wal: Option<PathBuf> = wal.map(|wal| wal.components().collect());
        let is_there = fs::symlink_metadata(&data).is_ok();
        let target = Self {
            log: place_of_log(&data, wal.as_deref())?,
            inside: above.and_then(|above| {
                let name = data.file_name()?;
                Some(with_ending(above).join(name))
            }),
            data,
            is_there,
            disk: Disk::default(),
        };
        for stage in target.stages() {
            if fs::symlink_metadata(&stage).is_ok() {
                let log = match &wal {
                    Some(wal) if wal.exists() => {
                        format!(", and {} may be of the same run", escape::path(wal))
                    }
                    _ => String::new(),
                };
                let message = format!(
                    "{} is left over from a restore that did not come to its end ({} bytes){log}; \
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
        if let Some(wal) = &wal
            && fs::symlink_metadata(wal).is_ok()
        {
            let message = format!("wal-dir {} exists", quoted(wal));
            return Err(RestoreError::Request(message));
        }
        Ok(target)
    }

    /// User and group of the folder that is there, if they are not those of this process.
    pub(super) fn other_owner(&self) -> Option<(u32, u32)> {
        let found = fs::metadata(&self.data).ok().filter(|_| self.is_there)?;
        (found.uid() != rustix::process::geteuid().as_raw()).then(|| (found.uid(), found.gid()))
    }

    /// That others may look into the folder that is there, if so.
    pub(super) fn mode_note(&self) -> Option<String> {
        let found = fs::metadata(&self.data).ok().filter(|_| self.is_there)?;
        let mode = found.mode() & 0o777;
        (mode & 0o077 != 0).then(|| {
            format!(
                "{} has mode {mode:04o}: others may look into it, and etcd warns unless it has 0700",
                escape::path(&self.data)
            )
        })
    }

    /// That the folder that is there belongs to somebody else, if so.
    pub(super) fn owner_note(&self) -> Option<String> {
        let (user, _) = self.other_owner()?;
        Some(format!(
            "{} belongs to user {user}, what is restored to user {}",
            escape::path(&self.data),
            rustix::process::geteuid().as_raw()
        ))
    }

    /// The folder that the data is staged in.
    fn stage(&self) -> PathBuf {
        if let Some(inside) = &self.inside {
            inside.clone()
        } else if self.is_there {
            // Its parent may be on another file system.
            self.data.join(format!(".{PARTIAL}"))
        } else {
            with_ending(&self.data)
        }
    }

    /// Why the first folder that has to be made cannot be, as far as that can be told without making it.
    pub(super) fn cannot_be_made(&self) -> Option<RestoreError> {
        self.stages().iter().find_map(|stage| cannot_be_made(stage))
    }

    fn stages(&self) -> Vec<PathBuf> {
        match &self.log {
            Log::Inside(_) => vec![self.stage()],
            Log::Apart(wal) => vec![self.stage(), with_ending(wal)],
        }
    }

    /// The data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// The folder of the log.
    pub(super) fn wal(&self) -> PathBuf {
        match &self.log {
            Log::Inside(place) => self.data.join(place),
            Log::Apart(wal) => wal.clone(),
        }
    }

    /// Bytes free for the user where the data will be, if the system tells.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        free_bytes_near(&self.data)
    }

    /// The first place with less space than its part of the target needs: the place, the bytes needed,
    /// the bytes free.
    pub(super) fn lacks_space(&self, database: u64, log: u64) -> Option<(PathBuf, u64, u64)> {
        let device = |path: &Path| fs::metadata(existing(path)).ok().map(|found| found.dev());
        let needs = match &self.log {
            Log::Apart(wal) if device(wal) != device(&self.data) => {
                vec![(&self.data, database), (wal, log)]
            }
            _ => vec![(&self.data, database.saturating_add(log))],
        };
        needs.into_iter().find_map(|(place, needed)| {
            let free = free_bytes_near(place).filter(|free| *free < needed)?;
            Some((place.clone(), needed, free))
        })
    }
}

/// Where a log at `wal` is, seen from the data directory.
fn place_of_log(data: &Path, wal: Option<&Path>) -> Result<Log, RestoreError> {
    let Some(wal) = wal else {
        return Ok(Log::Inside("member/wal".into()));
    };
    let (real_data, real_wal) = (real(data), real(wal));
    match real_wal.strip_prefix(&real_data) {
        Ok(inside) if inside.as_os_str().is_empty() || inside.starts_with("member/snap") => {}
        Ok(inside) if inside == Path::new("member") => {}
        Ok(inside) => return Ok(Log::Inside(inside.to_owned())),
        Err(_) if real_data.starts_with(&real_wal) => {}
        Err(_) => return Ok(Log::Apart(wal.to_owned())),
    }
    let message = format!(
        "wal-dir {} cannot be where data-dir {} has its own",
        quoted(wal),
        quoted(data)
    );
    Err(RestoreError::Request(message))
}

/// The deepest folder above `path`, or `path` itself, that is there.
fn existing(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.exists());
    there
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The same place by its full name, without links as far as it is there.
fn real(path: &Path) -> PathBuf {
    let there = existing(path);
    let rest = path.strip_prefix(there).unwrap_or(path);
    let full = fs::canonicalize(there).or_else(|_| std::path::absolute(there));
    let mut full = full.unwrap_or_else(|_| there.to_owned());
    for part in rest.components() {
        match part {
            Component::Normal(name) => full.push(name),
            Component::ParentDir => drop(full.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    full
}

/// Why no folder can be made at `path`, as far as that can be told without making it.
fn cannot_be_made(path: &Path) -> Option<RestoreError> {
    let refuse = |error: io::Error| Some(RestoreError::write("cannot make", path)(error));
    match fs::symlink_metadata(path) {
        Ok(_) => return refuse(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return refuse(error),
        Err(_) => {}
    }
    for above in path.ancestors().skip(1) {
        let above = match above.as_os_str().is_empty() {
            true => Path::new("."),
            false => above,
        };
        match fs::symlink_metadata(above) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return refuse(error),
            Ok(_) => {
                // A link may lead nowhere.
                let is_folder = fs::metadata(above).map(|found| found.is_dir());
                let may_write = is_folder.and_then(|is_folder| match is_folder {
                    false => Err(io::ErrorKind::NotADirectory.into()),
                    true => rustix::fs::accessat(
                        rustix::fs::CWD,
                        above,
                        Access::WRITE_OK | Access::EXEC_OK,
                        AtFlags::EACCESS,
                    )
                    .map_err(io::Error::from),
                });
                return may_write.err().and_then(refuse);
            }
        }
    }
    None
}

/// Bytes free for the user where `path` is or will be, if the system tells.
pub(in crate::ops) fn free_bytes_near(path: &Path) -> Option<u64> {
    let figures = rustix::fs::statvfs(existing(path)).ok()?;
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

/// The half-made directories. What is not kept is removed again when this is dropped, whatever name it has by
/// then.
#[derive(Debug)]
pub(super) struct Stage {
    target: Target,
    root: PathBuf,
    wal: PathBuf,
    /// What this run has made and must remove.
    made: Vec<PathBuf>,
    /// What has its final name already: from where, to where.
    named: Vec<(PathBuf, PathBuf)>,
    /// Folders above that were missing; removed again if nothing came into them.
    parents: Vec<PathBuf>,
    /// Folders whose entries are to be synced, outermost first.
    folders: Vec<PathBuf>,
}

impl Stage {
    /// Makes the folders.
    pub(super) fn new(target: &Target) -> Result<Self, RestoreError> {
        let root = target.stage();
        let mut stage = Self {
            wal: match &target.log {
                Log::Inside(place) => root.join(place),
                Log::Apart(wal) => with_ending(wal),
            },
            target: target.clone(),
            root: root.clone(),
            made: Vec::new(),
            named: Vec::new(),
            parents: Vec::new(),
            folders: Vec::new(),
        };
        stage.make_top(&root)?;
        for inside in ["member", "member/snap"] {
            stage.make(&root.join(inside))?;
        }
        let wal = stage.wal.clone();
        match &target.log {
            Log::Apart(_) => stage.make_top(&wal)?,
            Log::Inside(place) => {
                let mut folder = root;
                for part in place.components() {
                    folder.push(part);
                    if !folder.is_dir() {
                        stage.make(&folder)?;
                    }
                }
            }
        }
        Ok(stage)
    }

    fn make_top(&mut self, top: &Path) -> Result<(), RestoreError> {
        let above = top.ancestors().skip(1);
        let missing = above.take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut missing: Vec<&Path> = missing.collect();
        missing.reverse();
        for parent in missing {
            let made = self.target.disk.make_folder(parent);
            made.map_err(RestoreError::write("cannot make", parent))?;
            self.parents.push(parent.to_owned());
        }
        self.make(top)?;
        self.made.push(top.to_owned());
        Ok(())
    }

    fn make(&mut self, path: &Path) -> Result<(), RestoreError> {
        let made = self.target.disk.make_folder(path);
        made.map_err(RestoreError::write("cannot make", path))?;
        self.folders.push(path.to_owned());
        Ok(())
    }

    /// What writes to it.
    pub(super) fn disk(&self) -> &Disk {
        &self.target.disk
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
        let made = self.target.disk.make_file(&path);
        let file = made.map_err(RestoreError::write("cannot make", &path))?;
        Ok((path, file))
    }

    /// Makes everything belong to `user`, and to `group` if there is one.
    pub(super) fn give_to(&self, user: u32, group: Option<u32>) -> Result<(), RestoreError> {
        let give = |top: &PathBuf| give(&self.target.disk, top, user, group);
        self.made.iter().try_for_each(give)
    }

    /// Brings the names of everything in the folders to the disk.
    pub(super) fn sync_folders(&self) -> Result<(), RestoreError> {
        for folder in self.folders.iter().rev() {
            self.sync(folder)?;
        }
        // A new folder is only there when the one above knows it.
        for parent in self.parents.iter().rev() {
            self.sync(parent_of(parent))?;
        }
        Ok(())
    }

    /// Gives the folders their final names; the log first, the data last. They lose them again when this is
    /// dropped before they are kept.
    pub(super) fn name(&mut self) -> Result<(), RestoreError> {
        if self.target.inside.is_some() {
            return Ok(());
        }
        let data = self.target.data.clone();
        match self.target.log.clone() {
            Log::Apart(wal) => self.rename_and_sync(&self.wal.clone(), &wal)?,
            Log::Inside(place) if self.target.is_there => {
                let top = place.iter().next().unwrap_or_default();
                if top != "member" {
                    self.rename_and_sync(&self.root.join(top), &data.join(top))?;
                }
            }
            Log::Inside(_) => {}
        }
        if self.target.is_there {
            return self.rename(&self.root.join("member"), &data.join("member"));
        }
        self.rename(&self.root.clone(), &data)
    }

    /// Leaves everything where it is.
    pub(super) fn keep(&mut self) {
        self.made.clear();
        self.named.clear();
        self.parents.clear();
        if self.target.is_there && self.target.inside.is_none() {
            // Empty now; should it stay, nothing is lost.
            let _ = fs::remove_dir(&self.root);
        }
    }

    /// Brings the final names to the disk.
    pub(super) fn sync_name(&self) -> Result<(), RestoreError> {
        let data = &self.target.data;
        match (&self.target.inside, self.target.is_there) {
            (Some(_), _) => Ok(()),
            (None, true) => self.sync(data),
            (None, false) => self.sync(parent_of(data)),
        }
    }

    fn rename_and_sync(&mut self, from: &Path, to: &Path) -> Result<(), RestoreError> {
        self.rename(from, to)?;
        self.sync(parent_of(to))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), RestoreError> {
        let renamed = self.target.disk.rename(from, to);
        renamed.map_err(RestoreError::write("cannot give its final name to", to))?;
        self.named.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync(&self, folder: &Path) -> Result<(), RestoreError> {
        let synced = self.target.disk.sync_folder(folder);
        synced.map_err(RestoreError::write("cannot sync", folder))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // First of all nothing half-removed may have a final name.
        for (from, to) in self.named.iter().rev() {
            if fs::rename(to, from).is_err() {
                let _ = fs::remove_dir_all(to);
            }
        }
        for path in self.made.iter().rev() {
            // What cannot be removed is named at the next run.
            let _ = fs::remove_dir_all(path);
        }
        for path in self.parents.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// The folder above several data directories, staged with all of them in it.
#[derive(Debug)]
pub(super) struct Above {
    target: PathBuf,
    stage: Stage,
}

impl Above {
    /// Makes the folder under the name that it has until it is whole.
    pub(super) fn new(target: &Path, disk: &Disk) -> Result<Self, RestoreError> {
        let root = with_ending(target);
        let mut stage = Stage {
            target: Target {
                data: target.to_owned(),
                log: Log::Inside(PathBuf::new()),
                is_there: false,
                inside: None,
                disk: disk.clone(),
            },
            wal: root.clone(),
            root: root.clone(),
            made: Vec::new(),
            named: Vec::new(),
            parents: Vec::new(),
            folders: Vec::new(),
        };
        stage.make_top(&root)?;
        Ok(Self {
            target: target.to_owned(),
            stage,
        })
    }

    /// Gives it, and all that is in it, the final name.
    pub(super) fn finish(mut self) -> Result<(), RestoreError> {
        self.stage.sync_folders()?;
        let (from, to) = (self.stage.root.clone(), self.target.clone());
        self.stage.rename(&from, &to)?;
        self.stage.keep();
        self.stage.sync(parent_of(&to))
    }
}

/// Whether this process may make files belong to `user`, and to `group`.
pub(super) fn may_give_to(user: u32, group: Option<u32>) -> bool {
    use rustix::process;
    if process::geteuid().is_root() {
        return true;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::thread::{CapabilitySet, capabilities};
        if capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::CHOWN)) {
            return true;
        }
    }
    let own = |group: u32| {
        let others = process::getgroups().unwrap_or_default();
        group == process::getegid().as_raw() || others.iter().any(|one| one.as_raw() == group)
    };
    user == process::geteuid().as_raw() && group.is_none_or(own)
}

/// The folders are our own and a few levels deep.
fn give(disk: &Disk, path: &Path, user: u32, group: Option<u32>) -> Result<(), RestoreError> {
    let failed = || RestoreError::write("cannot change the owner of", path);
    disk.give(path, user, group).map_err(failed())?;
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(failed())? {
            give(disk, &entry.map_err(failed())?.path(), user, group)?;
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
