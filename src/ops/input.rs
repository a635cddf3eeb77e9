use std::path::{Component, Path, PathBuf};

use crate::bolt::Metas;
use crate::container::{DB_IN_DATA_DIR, FileLayout};
use crate::error::{Error, Result};
use crate::source::{OpenFile, Source};

/// Page ids are kept in 32 bits; with the smallest pages that is 4 TiB.
const MAX_PAGES: u64 = u32::MAX as u64;

/// An opened input: a snapshot, a database, or the database of a data directory.
#[derive(Debug)]
pub struct Input<'b> {
    /// The file.
    pub file: OpenFile<'b>,
    /// Database and digest.
    pub layout: FileLayout,
    is_directory: bool,
    wal_dir: Option<PathBuf>,
}

/// The data directory, if `path` is a folder inside one: `member`, or `member/snap`.
fn enclosing_data_dir(path: &Path) -> Option<PathBuf> {
    if !path.is_dir() || path.join(DB_IN_DATA_DIR).is_file() {
        return None;
    }
    let inside = |below: &str| {
        DB_IN_DATA_DIR
            .strip_prefix(below)
            .map(|rest| path.join(rest))
    };
    let (up, database) = [(1, "member/"), (2, "member/snap/")]
        .into_iter()
        .filter_map(|(up, below)| Some((up, inside(below)?)))
        .find(|(_, database)| database.is_file())?;
    // The path may be `.` or end in `..`.
    let whole = std::fs::canonicalize(database).ok()?;
    if !whole.ends_with(DB_IN_DATA_DIR) {
        return None;
    }
    let plain = path
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::RootDir));
    let parent = match plain {
        true => path.ancestors().nth(up).map(Path::to_owned),
        false => whole.ancestors().nth(3).map(Path::to_owned),
    };
    parent.map(|parent| match parent.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => parent,
    })
}

impl Input<'static> {
    /// Opens `path` for reading by position. `member` and `member/snap` stand for the data directory around them.
    ///
    /// # Errors
    /// That it cannot be opened or read, or is larger than any database.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_by(path, OpenFile::open)
    }

    /// The same, with the file opened by `open`, which is given its path and that of the database in a data
    /// directory: [`OpenFile::open`], or [`OpenFile::open_mapped`] by a caller that answers for it.
    ///
    /// # Errors
    /// Those of [`Input::open`].
    pub fn open_by(
        path: &Path,
        open: impl FnOnce(&Path, &str) -> Result<OpenFile<'static>>,
    ) -> Result<Self> {
        let enclosing = enclosing_data_dir(path);
        let path = enclosing.as_deref().unwrap_or(path);
        let database = path.join(DB_IN_DATA_DIR);
        let is_missing = std::fs::metadata(database)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if is_missing && path.join("member").is_dir() {
            return Err(Error::NotAFile {
                path: path.to_owned(),
                what: "is a data directory without its database, member/snap/db; copy the whole directory again",
            });
        }
        let file = open(path, DB_IN_DATA_DIR)?;
        let is_directory = file.path() != path;
        Ok(Self {
            is_directory,
            ..Self::of_file(file)?
        })
    }
}

impl<'b> Input<'b> {
    /// An input whose bytes are not a file's: a snapshot in memory, or one that is fetched from elsewhere. Messages call it
    /// `name`.
    ///
    /// # Errors
    /// That its end cannot be read, or that it is larger than any database.
    pub fn from_source(name: &str, source: impl Source + Send + 'b) -> Result<Self> {
        Self::of_file(OpenFile::from_source(name, source))
    }

    /// An input of a file that is open.
    pub(super) fn of_file(file: OpenFile<'b>) -> Result<Self> {
        if file.len() / u64::from(crate::bolt::layout::MIN_PAGE_SIZE) > MAX_PAGES {
            return Err(Error::NotAFile {
                path: file.path().to_owned(),
                what: "is longer than 4 TiB, the most that is read here",
            });
        }
        let layout = FileLayout::read(file.source())?;
        Ok(Self {
            file,
            layout,
            is_directory: false,
            wal_dir: None,
        })
    }

    /// The same, with the log of the data directory in a folder elsewhere: etcd's `--wal-dir`.
    #[must_use]
    pub fn with_wal_dir(mut self, wal_dir: Option<PathBuf>) -> Self {
        self.wal_dir = wal_dir;
        self
    }

    /// The folder of the log, if it was named.
    pub(super) fn wal_dir(&self) -> Option<&Path> {
        self.wal_dir.as_deref()
    }

    /// True when a data directory is meant, not its database alone: it was named, or its log lies beside the
    /// database that was.
    pub(super) fn is_whole_directory(&self) -> bool {
        let beside = || {
            let member = self.file.path().parent().and_then(Path::parent);
            member.is_some_and(|member| member.join("wal").is_dir())
        };
        self.is_directory || self.file.is_data_dir() && (self.wal_dir.is_some() || beside())
    }

    /// True when the file's name marks it as the unfinished output of `snapshot save`.
    pub fn is_part(&self) -> bool {
        self.file
            .path()
            .extension()
            .is_some_and(|extension| extension == "part")
    }

    /// Checks, when the job is done, that the file is what it was when the job began. Of a file in use
    /// only the metas count: while they stand, nothing that they lead to is overwritten.
    ///
    /// # Errors
    /// [`Error::Changed`].
    pub fn check_unchanged(&self, metas: Option<&Metas>) -> Result<()> {
        if !self.file.in_use() {
            return self.file.check_unchanged();
        }
        let Some(before) = metas else { return Ok(()) };
        for meta in before.both() {
            let mut page = [0; crate::bolt::layout::META];
            let at = meta.offset.plus(crate::bolt::layout::PAGE_HEADER as u64);
            let now = self
                .file
                .source()
                .read_exact_at(at, &mut page)
                .ok()
                .and_then(|()| crate::bolt::layout::RawMeta::decode(&page));
            if now != meta.raw {
                let what = format!("etcd committed to it: meta {} moved on", meta.slot.number());
                let path = self.file.path().to_owned();
                return Err(Error::Changed { path, what });
            }
        }
        Ok(())
    }
}
