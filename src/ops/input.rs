use std::path::Path;

use crate::bolt::Metas;
use crate::container::{DB_IN_DATA_DIR, Layout};
use crate::error::{Error, Result};
use crate::source::{Access, OpenFile};

/// Page ids are kept in 32 bits; with the smallest pages that is 4 TiB.
const MAX_PAGES: u64 = u32::MAX as u64;

/// An opened input: a snapshot, a database, or the database of a data directory.
#[derive(Debug)]
pub struct Input {
    /// The file.
    pub file: OpenFile,
    /// Database and digest.
    pub layout: Layout,
}

impl Input {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// That it cannot be opened or read, or is larger than any database.
    pub fn open(path: &Path, access: Access) -> Result<Self> {
        let file = OpenFile::open(path, DB_IN_DATA_DIR, access)?;
        if file.len() / u64::from(crate::bolt::layout::MIN_PAGE_SIZE) > MAX_PAGES {
            return Err(Error::NotAFile {
                path: path.to_owned(),
                what: "is longer than 4 TiB, the most that is read here",
            });
        }
        let layout = Layout::read(file.source())?;
        Ok(Self { file, layout })
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
