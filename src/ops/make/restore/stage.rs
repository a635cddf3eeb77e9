//! Where the data directory comes to stand: staged beside its final name, and renamed when it is whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags};

use super::OutputError;
use crate::counted::counted;
use crate::etcd::quote;
use crate::finding::escape;
use crate::ops::make::disk::Disk;
use crate::ops::make::place::{
    FolderPlace, bytes_below, existing, free_bytes_near, parent_of, stage_inside, with_ending,
};

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
    data: FolderPlace,
    log: Log,
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
        disk: &Disk,
    ) -> Result<Self, OutputError> {
        let data = FolderPlace::find(data);
        let wal: Option<PathBuf> = wal.map(|wal| wal.components().collect());
        let target = Self {
            log: place_of_log(data.path(), wal.as_deref())?,
            inside: above.and_then(|above| {
                let name = data.path().file_name()?;
                Some(with_ending(above).join(name))
            }),
            data,
            disk: disk.clone(),
        };
        // Also where it would not be staged now: the folder may have been made since.
        let mut left = target.stages();
        left.extend(stages_of(target.data()));
        left.sort();
        left.dedup();
        let log = match &wal {
            Some(wal) if wal.exists() => {
                format!(", and {} may be of the same run", escape::path(wal))
            }
            _ => String::new(),
        };
        check_none_is_left(left, &log)?;
        if !target.data.is_free() {
            let message = format!(
                "data-dir {} not empty or could not be read",
                quoted(target.data())
            );
            return Err(OutputError::Request(message));
        }
        if let Some(wal) = &wal
            && fs::symlink_metadata(wal).is_ok()
        {
            let message = format!("wal-dir {} exists", quoted(wal));
            return Err(OutputError::Request(message));
        }
        Ok(target)
    }

    /// User and group of the folder that is there, if they are not those of this process.
    pub(super) fn other_owner(&self) -> Option<(u32, u32)> {
        let found = self.found()?;
        (found.uid() != rustix::process::geteuid().as_raw()).then(|| (found.uid(), found.gid()))
    }

    /// What is known of the folder that is there.
    fn found(&self) -> Option<fs::Metadata> {
        let found = fs::metadata(self.data());
        found.ok().filter(|_| self.data.is_there())
    }

    /// That others may look into the folder that is there, if so.
    pub(super) fn mode_note(&self) -> Option<String> {
        let found = self.found()?;
        let mode = found.mode() & 0o777;
        (mode & 0o077 != 0).then(|| {
            format!(
                "{} has mode {mode:04o}: others may look into it, and etcd warns unless it has 0700",
                escape::path(self.data())
            )
        })
    }

    /// That the folder that is there belongs to somebody else, if so.
    pub(super) fn owner_note(&self) -> Option<String> {
        let (user, _) = self.other_owner()?;
        Some(format!(
            "{} belongs to user {user}, what is restored to user {}",
            escape::path(self.data()),
            rustix::process::geteuid().as_raw()
        ))
    }

    /// The folder that the data is staged in.
    fn stage(&self) -> PathBuf {
        match &self.inside {
            Some(inside) => inside.clone(),
            None => self.data.stage(),
        }
    }

    /// Why the first folder that has to be made cannot be, as far as that can be told without making it.
    pub(super) fn cannot_be_made(&self) -> Option<OutputError> {
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
        self.data.path()
    }

    /// The folder of the log.
    pub(super) fn wal(&self) -> PathBuf {
        match &self.log {
            Log::Inside(place) => self.data().join(place),
            Log::Apart(wal) => wal.clone(),
        }
    }

    /// Bytes free for the user where the data will be, if the system tells.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        free_bytes_near(self.data())
    }

    /// The first place with less space than its part of the target needs: the place, the bytes needed,
    /// the bytes free.
    pub(super) fn lacks_space(&self, database: u64, log: u64) -> Option<(PathBuf, u64, u64)> {
        let device = |path: &Path| fs::metadata(existing(path)).ok().map(|found| found.dev());
        let needs = match &self.log {
            Log::Apart(wal) if device(wal) != device(self.data()) => {
                vec![(self.data(), database), (wal.as_path(), log)]
            }
            _ => vec![(self.data(), database.saturating_add(log))],
        };
        needs.into_iter().find_map(|(place, needed)| {
            let free = free_bytes_near(place).filter(|free| *free < needed)?;
            Some((place.to_owned(), needed, free))
        })
    }
}

/// Where a log at `wal` is, seen from the data directory.
fn place_of_log(data: &Path, wal: Option<&Path>) -> Result<Log, OutputError> {
    let Some(wal) = wal else {
        return Ok(Log::Inside("member/wal".into()));
    };
    let (real_data, real_wal) = (real(data), real(wal));
    let is_staged = |stage: &PathBuf| real_wal.starts_with(real(stage));
    if stages_of(data).iter().any(is_staged) {
        return Err(OutputError::Request(format!(
            "wal-dir {} is where the restore keeps what is not yet whole; give another one",
            quoted(wal)
        )));
    }
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
    Err(OutputError::Request(message))
}

/// Where the data directory at `data` may be staged.
pub(super) fn stages_of(data: &Path) -> [PathBuf; 2] {
    [with_ending(data), stage_inside(data)]
}

/// Refuses to go on where an earlier run, which was killed, left something: all of it is named, so that it can be
/// removed at once. `made` tells what else may be of that run.
pub(super) fn check_none_is_left(mut left: Vec<PathBuf>, made: &str) -> Result<(), OutputError> {
    left.retain(|path| fs::symlink_metadata(path).is_ok());
    if left.is_empty() {
        return Ok(());
    }
    let bytes: u64 = left.iter().map(|path| bytes_below(path)).sum();
    let (is, it) = match left.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    Err(OutputError::Request(format!(
        "{} {is} left over from a restore that did not come to its end ({}){made}; remove {it} and run again",
        escape::paths(&left),
        counted(bytes, "byte", "bytes"),
    )))
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
fn cannot_be_made(path: &Path) -> Option<OutputError> {
    let refuse = |error: io::Error| Some(OutputError::write("cannot make", path)(error));
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

fn quoted(path: &Path) -> String {
    quote(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}

/// The half-made directories. What is not kept is removed again when this is dropped, whatever name it has by
/// then.
#[derive(Debug)]
pub(super) struct Stage {
    target: Target,
    root: PathBuf,
    wal: PathBuf,
    /// The folders that were made, in this order.
    folders: Vec<PathBuf>,
    /// The files in them.
    files: Vec<PathBuf>,
    /// What has its final name already: from where, to where.
    named: Vec<(PathBuf, PathBuf)>,
    /// Folders above that were missing; removed again if nothing came into them.
    parents: Vec<PathBuf>,
    /// Folders above whose entries are to be synced.
    above: Vec<PathBuf>,
}

impl Stage {
    /// Makes the folders.
    pub(super) fn new(target: &Target) -> Result<Self, OutputError> {
        let root = target.stage();
        let wal = match &target.log {
            Log::Inside(place) => root.join(place),
            Log::Apart(wal) => with_ending(wal),
        };
        let mut stage = Self::empty(target.clone(), root.clone(), wal.clone());
        stage.make_top(&root)?;
        for inside in ["member", "member/snap"] {
            stage.make(&root.join(inside))?;
        }
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

    fn empty(target: Target, root: PathBuf, wal: PathBuf) -> Self {
        Self {
            target,
            root,
            wal,
            folders: Vec::new(),
            files: Vec::new(),
            named: Vec::new(),
            parents: Vec::new(),
            above: Vec::new(),
        }
    }

    fn make_top(&mut self, top: &Path) -> Result<(), OutputError> {
        let above = top.ancestors().skip(1);
        let missing = above.take_while(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut missing: Vec<&Path> = missing.collect();
        missing.reverse();
        for parent in missing {
            let made = self.target.disk.make_folder(parent);
            made.map_err(OutputError::write("cannot make", parent))?;
            self.parents.push(parent.to_owned());
            self.above.push(parent_of(parent).to_owned());
        }
        self.make(top)?;
        self.above.push(parent_of(top).to_owned());
        Ok(())
    }

    fn make(&mut self, path: &Path) -> Result<(), OutputError> {
        let made = self.target.disk.make_folder(path);
        made.map_err(OutputError::write("cannot make", path))?;
        self.folders.push(path.to_owned());
        Ok(())
    }

    /// What writes to it.
    pub(super) fn disk(&self) -> &Disk {
        &self.target.disk
    }

    /// A new file for the database.
    pub(super) fn database(&mut self) -> Result<(PathBuf, File), OutputError> {
        self.file(self.database_path())
    }

    /// A new file beside the database.
    pub(super) fn beside_database(&mut self, name: &str) -> Result<(PathBuf, File), OutputError> {
        self.file(self.beside_database_path(name))
    }

    /// A new file of the log.
    pub(super) fn log(&mut self, name: &str) -> Result<(PathBuf, File), OutputError> {
        self.file(self.log_path(name))
    }

    /// The final name of the data directory.
    pub(super) fn data(&self) -> &Path {
        self.target.data()
    }

    /// Where the data directory is until it is whole.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the database is until then.
    pub(super) fn database_path(&self) -> PathBuf {
        self.root.join("member/snap/db")
    }

    /// Where a file beside it is.
    pub(super) fn beside_database_path(&self, name: &str) -> PathBuf {
        self.root.join("member/snap").join(name)
    }

    /// Where a file of the log is.
    pub(super) fn log_path(&self, name: &str) -> PathBuf {
        self.wal.join(name)
    }

    fn file(&mut self, path: PathBuf) -> Result<(PathBuf, File), OutputError> {
        let made = self.target.disk.make_file(&path);
        let file = made.map_err(OutputError::write("cannot make", &path))?;
        self.files.push(path.clone());
        Ok((path, file))
    }

    /// Makes everything belong to `user`, and to `group` if there is one.
    pub(super) fn give_to(&self, user: u32, group: Option<u32>) -> Result<(), OutputError> {
        let disk = &self.target.disk;
        for path in &self.files {
            let failed = || OutputError::write("cannot change the owner of", path);
            disk.give(path, user, group).map_err(failed())?;
            let synced = File::open(path).and_then(|file| disk.sync(&file));
            synced.map_err(failed())?;
        }
        // Also those that were made on the way, or nobody else could reach what is in them.
        let folders = self.parents.iter().chain(&self.folders);
        folders.rev().try_for_each(|path| {
            let failed = OutputError::write("cannot change the owner of", path);
            disk.give(path, user, group).map_err(failed)
        })
    }

    /// Brings the names of everything in the folders, and their own, to the disk.
    pub(super) fn sync_folders(&self) -> Result<(), OutputError> {
        // A new folder is only there when the one above knows it.
        let mut folders: Vec<&PathBuf> = self.above.iter().chain(&self.folders).rev().collect();
        folders.dedup();
        folders.into_iter().try_for_each(|folder| {
            let synced = self.target.disk.sync_folder(folder);
            synced.map_err(OutputError::write("cannot sync", folder))
        })
    }

    /// Gives the folders their final names; the log first, the data last. They lose them again when this is
    /// dropped before they are kept.
    ///
    /// The data is what people, servers and the next run look for, so it comes when all else has its name, also on the
    /// disk: a server would begin a new history on a database without its log. A log alone holds the names of the
    /// members and nothing that could be lost.
    pub(super) fn name(&mut self) -> Result<(), OutputError> {
        if self.target.inside.is_some() {
            return Ok(());
        }
        let data = self.target.data().to_owned();
        let is_there = self.target.data.is_there();
        match self.target.log.clone() {
            Log::Apart(wal) => self.rename_and_sync(&self.wal.clone(), &wal)?,
            Log::Inside(place) if is_there => {
                let top = place.iter().next().unwrap_or_default();
                if top != "member" {
                    self.rename_and_sync(&self.root.join(top), &data.join(top))?;
                }
            }
            Log::Inside(_) => {}
        }
        if is_there {
            return self.rename(&self.root.join("member"), &data.join("member"));
        }
        self.rename(&self.root.clone(), &data)
    }

    /// Leaves everything where it is.
    pub(super) fn keep(&mut self) {
        self.files.clear();
        self.folders.clear();
        self.named.clear();
        self.parents.clear();
        if self.target.data.is_there() && self.target.inside.is_none() {
            // Empty now; should it stay, nothing is lost.
            let _ = self.target.disk.remove_folder(&self.root);
        }
    }

    /// The folder that holds the name of the data, if that has one of its own.
    pub(super) fn holds_name(&self) -> Option<&Path> {
        match &self.target.inside {
            Some(_) => None,
            None => Some(self.target.data.holds_names()),
        }
    }

    fn rename_and_sync(&mut self, from: &Path, to: &Path) -> Result<(), OutputError> {
        self.rename(from, to)?;
        let folder = parent_of(to);
        let synced = self.target.disk.sync_folder(folder);
        synced.map_err(OutputError::write("cannot sync", folder))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), OutputError> {
        let renamed = self.target.disk.rename_new(from, to);
        renamed.map_err(OutputError::write("cannot give its final name to", to))?;
        self.named.push((from.to_owned(), to.to_owned()));
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let disk = &self.target.disk;
        // First of all nothing half-removed may have a final name.
        for (from, to) in self.named.iter().rev() {
            disk.take_back(from, to);
        }
        // One by one: that needs no memory and no descriptor, and touches nothing of anybody else. What cannot be
        // removed is named at the next run.
        for path in self.files.iter().rev() {
            let _ = disk.remove_file(path);
        }
        for path in self.parents.iter().chain(&self.folders).rev() {
            let _ = disk.remove_folder(path);
        }
    }
}

/// The folder above several data directories, staged with all of them in it.
#[derive(Debug)]
pub(super) struct Above {
    stage: Stage,
}

impl Above {
    /// Makes the folder under the name that it has until it is whole.
    pub(super) fn new(target: &Path, disk: &Disk) -> Result<Self, OutputError> {
        let root = with_ending(target);
        let whole = Target {
            data: FolderPlace::find(target),
            log: Log::Inside(PathBuf::new()),
            inside: None,
            disk: disk.clone(),
        };
        let mut stage = Stage::empty(whole, root.clone(), root.clone());
        stage.make_top(&root)?;
        Ok(Self { stage })
    }

    /// Its final name.
    pub(super) fn path(&self) -> &Path {
        self.stage.target.data()
    }

    /// Brings the names of what is in it, and its own, to the disk.
    pub(super) fn sync_folders(&self) -> Result<(), OutputError> {
        self.stage.sync_folders()
    }

    /// Makes it, and what was made on the way to it, belong to `user`, and to `group` if there is one.
    pub(super) fn give_to(&self, user: u32, group: Option<u32>) -> Result<(), OutputError> {
        self.stage.give_to(user, group)
    }

    /// Gives it, and all that is in it, the final name.
    pub(super) fn name(&mut self) -> Result<(), OutputError> {
        let (from, to) = (self.stage.root.clone(), self.path().to_owned());
        self.stage.rename(&from, &to)
    }

    /// Leaves it where it is.
    pub(super) fn keep(&mut self) {
        self.stage.keep();
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
