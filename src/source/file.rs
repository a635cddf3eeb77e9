use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::watch::Watch;
use super::{Positioned, Source};
use crate::error::{Error, Result};

/// What tells whether a file was changed: length, time of last write, and, where nobody tells of writes, time of
/// last change of the inode, with what else moves that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Length in bytes.
    pub len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    links: u64,
    mode: u32,
    owner: (u32, u32),
}

impl FileState {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            len: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
            links: meta.nlink(),
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
        })
    }

    /// True when nothing but the inode's time has moved, so that nothing explains why.
    fn is_only_time(&self, now: &Self) -> bool {
        let rest = |state: &Self| (state.links, state.mode, state.owner);
        self.changed != now.changed && rest(self) == rest(now)
    }
}

/// A file opened for reading only, or bytes from elsewhere in its place. Nothing is created, locked for longer than a
/// moment, or changed.
#[derive(Debug)]
pub struct OpenFile<'b> {
    path: PathBuf,
    from_data_dir: bool,
    in_use: bool,
    source: Box<dyn Source + Send + 'b>,
    /// What tells whether the file was changed; `None` for bytes that are not a file's.
    watched: Option<Watched>,
}

/// A file whose state is looked at again when a job is done.
#[derive(Debug)]
struct Watched {
    state: FileState,
    file: File,
    /// Where the kernel tells of writes.
    watch: Option<Watch>,
}

impl OpenFile<'static> {
    /// Opens the file at `path`, to be read by position. A directory is taken as a data directory if it holds
    /// `db_in_dir`. [`OpenFile::open_mapped`] maps the file.
    ///
    /// Whether some process holds the file's lock is tried once, without waiting.
    ///
    /// # Errors
    /// [`Error::Open`] and [`Error::NotAFile`].
    pub fn open(path: &Path, db_in_dir: &str) -> Result<Self> {
        Self::open_as(path, db_in_dir, |_, _, _| None)
    }

    /// The same. A file that is not empty and that nobody holds the lock of is read by what `map` makes of it and of
    /// its path and length, if that is something.
    pub(super) fn open_as(
        path: &Path,
        db_in_dir: &str,
        map: impl FnOnce(&File, &Path, u64) -> Option<Box<dyn Source + Send>>,
    ) -> Result<Self> {
        let open_error = |path: &Path, source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let meta = std::fs::metadata(path).map_err(|e| open_error(path, e))?;
        let mut target = path.to_owned();
        if meta.is_dir() {
            target.push(db_in_dir);
            match std::fs::metadata(&target) {
                Ok(found) if found.is_file() => {}
                Ok(_) => return Err(without_database(path)),
                Err(error) => return Err(no_way_to(path, &target, error)),
            }
        }
        // Without O_NONBLOCK, opening a pipe that nobody writes to would hang.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&target)
            .map_err(|e| open_error(&target, e))?;
        let found = file.metadata().map_err(|e| open_error(&target, e))?;
        if !found.is_file() {
            return Err(Error::NotAFile {
                path: target,
                what: "is not a regular file; copy it to a file first",
            });
        }
        let in_use = is_locked(&file);
        let watch = Watch::new(&file);
        let state = FileState::of(&file).map_err(|e| open_error(&target, e))?;
        let own = file.try_clone().map_err(|e| open_error(&target, e))?;
        // An empty file cannot be mapped.
        let mapped = (!in_use && state.len > 0).then(|| map(&file, &target, state.len));
        let source = mapped.flatten().unwrap_or_else(|| {
            let read = Positioned::named(file, &target, state.len);
            Box::new(read)
        });
        let from_data_dir = meta.is_dir() || target.ends_with(db_in_dir);
        Ok(Self {
            path: target,
            from_data_dir,
            in_use,
            source,
            watched: Some(Watched {
                state,
                file: own,
                watch,
            }),
        })
    }

    /// Bytes of another kind in place of a file's, which is looked at only to see that it does not change.
    #[cfg(test)]
    pub(crate) fn of_source(watched: &Path, source: Box<dyn Source + Send>) -> Self {
        let file = File::open(watched).expect("a file to watch");
        Self {
            path: watched.to_owned(),
            from_data_dir: false,
            in_use: false,
            source,
            watched: Some(Watched {
                state: FileState::of(&file).expect("its state"),
                file,
                watch: None,
            }),
        }
    }
}

impl<'b> OpenFile<'b> {
    /// Bytes that are not a file's. Nothing has to be watched, since a source is read-only by its contract; messages call
    /// them `name`.
    pub fn from_source(name: &str, source: impl Source + Send + 'b) -> Self {
        Self {
            path: PathBuf::from(name),
            from_data_dir: false,
            in_use: false,
            source: Box::new(source),
            watched: None,
        }
    }

    /// The file itself; inside the data directory when a directory was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True when the path is, or ends in, the database of a data directory.
    pub fn is_data_dir(&self) -> bool {
        self.from_data_dir
    }

    /// True when another process, most likely etcd, held the file's lock when it was opened.
    pub fn in_use(&self) -> bool {
        self.in_use
    }

    /// The bytes.
    pub fn source(&self) -> &(dyn Source + Send + 'b) {
        &*self.source
    }

    /// The length at the time of opening.
    pub fn len(&self) -> u64 {
        self.source.len()
    }

    /// True when the file had no bytes.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// Looks whether the content may be another one than at the time of opening: by length, time of last write,
    /// and writes that the kernel has told of. Links, mode, owner and time of access are not content; where the
    /// kernel tells of no writes, the time of the inode must not have moved without one of them.
    ///
    /// # Errors
    /// [`Error::Changed`] when it may.
    pub fn check_unchanged(&self) -> Result<()> {
        let Some(watched) = &self.watched else {
            return Ok(());
        };
        let now = FileState::of(&watched.file).map_err(|source| Error::Open {
            path: self.path.clone(),
            source,
        })?;
        match watched.what_changed(&now) {
            Some(what) => Err(Error::Changed {
                path: self.path.clone(),
                what,
            }),
            None => Ok(()),
        }
    }
}

impl Watched {
    fn what_changed(&self, now: &FileState) -> Option<String> {
        let before = &self.state;
        if now.len != before.len {
            let (before, now) = (before.len, now.len);
            return Some(format!("its length went from {before} to {now} bytes"));
        }
        if now.modified != before.modified {
            return Some("its modification time moved".into());
        }
        match &self.watch {
            Some(watch) if watch.saw_a_write() => Some("it was written to".into()),
            None if before.is_only_time(now) => Some("its inode's change time moved".into()),
            _ => None,
        }
    }
}

fn without_database(dir: &Path) -> Error {
    Error::NotAFile {
        path: dir.to_owned(),
        what: "is a directory without member/snap/db; give a snapshot file or a data directory",
    }
}

/// Why there is no database at `target` inside `dir`. What one may not look into is named; it says nothing of
/// what is inside.
fn no_way_to(dir: &Path, target: &Path, error: io::Error) -> Error {
    if matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) {
        return without_database(dir);
    }
    // Of the folders on the way, the innermost that can be seen is the one that does not let anybody in.
    let above = target.ancestors().skip(1);
    let closed = above
        .take_while(|path| path.starts_with(dir))
        .find(|path| std::fs::metadata(path).is_ok());
    Error::Open {
        path: closed.unwrap_or(target).to_owned(),
        source: error,
    }
}

/// True when another process holds an exclusive lock. The shared lock that finds this out is released at
/// once. File systems without locks count as not locked.
fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            // Closing the file would release it as well.
            let _ = file.unlock();
            false
        }
        Err(std::fs::TryLockError::WouldBlock) => true,
        Err(std::fs::TryLockError::Error(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mapped::open_own_file_mapped;

    /// Both ways to open a file.
    const OPEN: [fn(&Path, &str) -> Result<OpenFile<'static>>; 2] =
        [OpenFile::open, open_own_file_mapped];

    fn sample(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, content).unwrap();
        (dir, path)
    }

    #[test]
    fn an_exclusive_lock_of_somebody_else_forbids_the_map() {
        let (_dir, path) = sample(b"content");
        let open = open_own_file_mapped;
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        let opened = open(&path, "member/snap/db").unwrap();
        assert!(opened.in_use());
        assert!(opened.source().bytes().is_none());
        holder.unlock().unwrap();
        let opened = open(&path, "member/snap/db").unwrap();
        assert!(!opened.in_use());
        assert_eq!(opened.source().bytes(), Some(&b"content"[..]));
        holder.try_lock().expect("no lock is left behind");
    }

    #[test]
    fn growing_shrinking_and_rewriting_are_noticed() {
        let (_dir, path) = sample(b"content");
        let opened = OpenFile::open(&path, "member/snap/db").unwrap();
        opened.check_unchanged().unwrap();
        std::fs::write(&path, b"longer content").unwrap();
        let error = opened.check_unchanged().unwrap_err().to_string();
        assert!(
            error.contains("its length went from 7 to 14 bytes"),
            "{error}"
        );
    }

    /// Sets times and content by themselves, as `touch -r` does behind an editor.
    fn set_back(path: &Path, before: &std::fs::Metadata) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let times = std::fs::FileTimes::new()
            .set_accessed(before.accessed().unwrap())
            .set_modified(before.modified().unwrap());
        file.set_times(times).unwrap();
    }

    #[test]
    fn a_modification_time_that_moved_is_noticed_by_itself() {
        for open in OPEN {
            let (_dir, path) = sample(b"content");
            let opened = open(&path, "member/snap/db").unwrap();
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            let error = opened.check_unchanged().unwrap_err().to_string();
            assert!(error.contains("its modification time moved"), "{error}");
        }
    }

    #[test]
    fn links_mode_and_time_of_access_are_no_content() {
        use std::os::unix::fs::PermissionsExt as _;

        let (dir, path) = sample(b"content");
        for open in OPEN {
            let opened = open(&path, "member/snap/db").unwrap();
            let link = dir.path().join("link");
            std::fs::hard_link(&path, &link).unwrap();
            opened.check_unchanged().unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            opened.check_unchanged().unwrap();
            let Some(watch) = &opened.watched.as_ref().unwrap().watch else {
                eprintln!("skipped: nothing tells of writes here, so the rest counts as a change");
                continue;
            };
            assert!(!watch.saw_a_write());
            std::fs::remove_file(&link).unwrap();
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, mode.clone()).unwrap();
            std::fs::set_permissions(&path, mode).unwrap();
            set_back(&path, &path.metadata().unwrap());
            let renamed = dir.path().join("renamed");
            std::fs::rename(&path, &renamed).unwrap();
            std::fs::rename(&renamed, &path).unwrap();
            opened.check_unchanged().unwrap();
        }
    }

    #[test]
    fn a_write_is_noticed_though_the_times_are_set_back() {
        use std::os::unix::fs::FileExt as _;

        for open in OPEN {
            let (_dir, path) = sample(b"content");
            let before = path.metadata().unwrap();
            let opened = open(&path, "member/snap/db").unwrap();
            let writer = OpenOptions::new().write(true).open(&path).unwrap();
            opened.check_unchanged().unwrap();
            writer.write_all_at(b"C", 0).unwrap();
            set_back(&path, &before);
            let error = opened.check_unchanged().unwrap_err();
            assert!(matches!(&error, Error::Changed { path: of, .. } if *of == path));
            match Watch::new(&writer) {
                Some(_) => assert!(error.to_string().contains("it was written to"), "{error}"),
                None => eprintln!("skipped: nothing tells of writes here"),
            }
            // And whoever asks again is told again.
            opened.check_unchanged().unwrap_err();
        }
    }

    #[test]
    fn without_a_watch_the_time_of_the_inode_must_be_explained() {
        let (dir, path) = sample(b"content");
        let mut opened = OpenFile::open(&path, "member/snap/db").unwrap();
        opened.watched.as_mut().unwrap().watch = None;
        opened.check_unchanged().unwrap();
        let before = path.metadata().unwrap();
        std::fs::hard_link(&path, dir.path().join("link")).unwrap();
        opened.check_unchanged().unwrap();
        std::fs::remove_file(dir.path().join("link")).unwrap();
        let later = FileState {
            changed: (i64::MAX, 0),
            ..opened.watched.as_ref().unwrap().state
        };
        assert!(
            opened
                .watched
                .as_ref()
                .unwrap()
                .what_changed(&later)
                .is_some()
        );
        assert!(before.len() == later.len);
    }

    #[test]
    fn a_folder_that_lets_nobody_in_is_named_and_not_called_empty() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let snap = dir.path().join("member/snap");
        std::fs::create_dir_all(&snap).unwrap();
        let db = snap.join("db");
        for (kind, is_empty) in [
            (io::ErrorKind::NotFound, true),
            (io::ErrorKind::NotADirectory, true),
            (io::ErrorKind::PermissionDenied, false),
            (io::ErrorKind::Other, false),
        ] {
            match no_way_to(dir.path(), &db, kind.into()) {
                Error::NotAFile { path, .. } => assert!(is_empty && path == dir.path(), "{kind:?}"),
                Error::Open { path, source } => {
                    assert!(
                        !is_empty && path == snap && source.kind() == kind,
                        "{kind:?}"
                    );
                }
                other => panic!("{other}"),
            }
        }
        std::fs::write(&db, b"x").unwrap();
        let member = dir.path().join("member");
        let close = |mode| {
            std::fs::set_permissions(&member, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        close(0o000);
        let opened = OpenFile::open(dir.path(), "member/snap/db");
        close(0o700);
        match opened {
            Ok(_) => eprintln!("skipped: no mode keeps this user out"),
            Err(Error::Open { path, source }) => {
                assert_eq!(path, member);
                assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_directory_stands_for_the_database_inside() {
        let dir = tempfile::tempdir().unwrap();
        let error = OpenFile::open(dir.path(), "member/snap/db").unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }));
        std::fs::create_dir_all(dir.path().join("member/snap")).unwrap();
        std::fs::write(dir.path().join("member/snap/db"), b"x").unwrap();
        let opened = OpenFile::open(dir.path(), "member/snap/db").unwrap();
        assert!(opened.is_data_dir());
        assert!(opened.path().ends_with("member/snap/db"));
    }
}
