//! The restore itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::proof::{Database, Proven, WrittenDatabase, prove, prove_sibling};
use super::raft_files::{LOG_LEN, first_segment, raft_snapshot};
use super::selected::{self, KeptRecords};
use super::space::check_space;
use super::stage::{Above, Stage};
use super::{OutputError, Prepared, all_notes, changes, judge, lacks_trailer};
use crate::bolt::edit::Patch;
use crate::bolt::{Metas, SecondMeta};
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::ops::make::copying::copy_and_verify;
use crate::ops::make::disk::Disk;
use crate::ops::make::place::parent_of;
use crate::ops::make::read_back::refusal_by_copy;
use crate::ops::make::source_checks::{
    check_memory, check_not_in_use, open_database, unless_changed,
};
use crate::options::Options;

/// A file of the new data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its final name.
    pub path: PathBuf,
    /// Its length.
    pub len: u64,
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What `verify` said of the snapshot.
    pub report: Arc<VerifyReport>,
    /// The files.
    pub files: Vec<WrittenFile>,
    /// True when the blocks of the database are those of the first member's.
    pub shares_database: bool,
    /// What changed against the snapshot beyond the members, and what to know.
    pub notes: Vec<String>,
    /// What was kept, where not everything was.
    pub kept: Option<KeptRecords>,
    /// What was found when it was read back, before it got its name.
    pub proven: Proven,
}

/// Restores `input`: copies it, checks the copy completely in the same pass, makes the changes, and gives the
/// data directory its name when everything is on the disk and was read back.
///
/// # Errors
/// [`OutputError`]; nothing has a final name then, save with [`OutputError::NotSynced`].
pub fn restore(
    input: &Input,
    prepared: &Prepared,
    options: &Options,
) -> Result<Restored, OutputError> {
    let one = std::slice::from_ref(prepared);
    let mut restored = restore_members(input, one, options)?.into_iter();
    // One was asked for.
    restored
        .next()
        .ok_or_else(|| OutputError::Request("there is no member to restore".into()))
}

/// The same for the members of one cluster, of which all get their names or none. Their databases are the
/// same, so that of the first one is copied, by reference where the file system can.
///
/// # Errors
/// [`OutputError`]; nothing has a final name then, save with [`OutputError::NotSynced`].
pub fn restore_members(
    input: &Input,
    members: &[Prepared],
    options: &Options,
) -> Result<Vec<Restored>, OutputError> {
    unless_changed(input, write_members(input, members, options))
}

fn write_members(
    input: &Input,
    members: &[Prepared],
    options: &Options,
) -> Result<Vec<Restored>, OutputError> {
    let Some((first, others)) = members.split_first() else {
        return Ok(Vec::new());
    };
    check_not_in_use(input)?;
    check_memory(options)?;
    // Without a meta the check will tell what the file is; no byte of it is worth copying.
    let metas = Metas::read(input.file.source(), SecondMeta::Search)?;
    if metas.select().is_err() || lacks_trailer(input, &first.request) {
        let report = verify(input, VerifyOptions::default(), options)?;
        judge(input, &report, first)?;
    }
    let is_copied = first.request.keep.is_none();
    if is_copied {
        check_space(input.layout.database_len, members)?;
    }
    let mut staged = Staged {
        stages: Vec::new(),
        above: match &first.above {
            Some(above) => Some(Above::new(above, &first.target.disk)?),
            None => None,
        },
    };
    let (written, files) = write_first(input, members, first, is_copied, &mut staged, options)?;
    let mut shared = vec![false];
    let mut files = vec![files];
    for other in others {
        let (more, shares_database) = write_sibling(other, &mut staged, options)?;
        files.push(more);
        shared.push(shares_database);
    }
    if let (Some(above), Some((user, group))) = (&staged.above, first.request.owner) {
        above.give_to(user, group)?;
    }
    staged.sync_folders()?;
    let proven = staged.read_back(input, members, &written, &shared, options)?;
    let disk = &first.target.disk;
    let names = staged.open_above(disk)?;
    disk.check_source(|| input.check_unchanged(None))?;
    // Nobody is asked again whether to go on: it is over sooner than that could matter.
    options.cancel.check()?;
    staged.name(disk, &names)?;
    let kept = match written.database {
        Database::Rewritten(_, kept) => Some(kept),
        Database::Copy(_) => None,
    };
    let notes = all_notes(
        &written.report,
        first,
        kept.as_ref().map(|kept| &kept.figures),
    );
    let report = Arc::new(written.report);
    let all = files.into_iter().zip(shared).zip(proven);
    Ok(all
        .map(|((files, shares_database), proven)| Restored {
            report: Arc::clone(&report),
            files,
            shares_database,
            notes: notes.clone(),
            kept: kept.clone(),
            proven,
        })
        .collect())
}

/// Writes the directory of the first member, for which the file is checked.
fn write_first(
    input: &Input,
    members: &[Prepared],
    first: &Prepared,
    is_copied: bool,
    staged: &mut Staged,
    options: &Options,
) -> Result<(WrittenDatabase, Vec<WrittenFile>), OutputError> {
    let stage = staged.begin(first)?;
    let (path, file) = stage.database()?;
    // The hash is compared when everything is read back.
    let what = VerifyOptions {
        hash: is_copied,
        ..VerifyOptions::default()
    };
    let report = match is_copied {
        true => copy_and_verify(input, stage.disk(), &path, &file, what, options)?,
        false => verify(input, what, options)?,
    };
    judge(input, &report, first).or_else(|refusal| match is_copied {
        true => Err(refusal_by_copy(
            refusal,
            input,
            stage.disk(),
            &path,
            options,
        )?),
        false => Err(refusal),
    })?;
    let database = match &first.request.keep {
        Some(scope) => {
            let disk = stage.disk();
            let (kept, pieces) =
                selected::write(disk, input, members, scope, &report, &path, &file, options)?;
            Database::Rewritten(pieces, kept)
        }
        None => Database::Copy(change_database(input, first, stage.disk(), &path, &file)?),
    };
    let files = fill(first, stage, &file, options)?;
    Ok((WrittenDatabase { report, database }, files))
}

/// Writes the directory of a further member; tells whether its database shares the blocks of the first one's.
fn write_sibling(
    other: &Prepared,
    staged: &mut Staged,
    options: &Options,
) -> Result<(Vec<WrittenFile>, bool), OutputError> {
    let from = staged.stages.first().map(Stage::database_path);
    let stage = staged.begin(other)?;
    let (to, file) = stage.database()?;
    let copied = stage.disk().copy(&from.unwrap_or_default(), &file);
    let shares_database = copied
        .and_then(|shares| stage.disk().sync(&file).map(|()| shares))
        .map_err(OutputError::write("cannot write", &to))?;
    Ok((fill(other, stage, &file, options)?, shares_database))
}

/// Everything that is to get its final name together. What is inside is removed before the folder above.
struct Staged {
    stages: Vec<Stage>,
    above: Option<Above>,
}

impl Staged {
    fn begin(&mut self, prepared: &Prepared) -> Result<&mut Stage, OutputError> {
        self.stages.push(Stage::new(&prepared.target)?);
        let stage = self.stages.last_mut();
        stage.ok_or_else(|| OutputError::Request("there is no member to restore".into()))
    }

    fn sync_folders(&self) -> Result<(), OutputError> {
        self.stages.iter().try_for_each(Stage::sync_folders)?;
        self.above.iter().try_for_each(Above::sync_folders)
    }

    /// Reads everything back that was written; refuses what is not what it should be.
    fn read_back(
        &self,
        input: &Input,
        members: &[Prepared],
        written: &WrittenDatabase,
        shared: &[bool],
        options: &Options,
    ) -> Result<Vec<Proven>, OutputError> {
        let mut all: Vec<Proven> = Vec::new();
        for ((stage, prepared), shares) in self.stages.iter().zip(members).zip(shared) {
            let proven = match (self.stages.first(), all.first()) {
                (Some(first), Some(proven)) => {
                    let copy_of = (!shares).then_some(first);
                    prove_sibling(proven, copy_of, stage, prepared, options)?
                }
                _ => prove(input, written, stage, prepared, options)?,
            };
            all.push(proven);
        }
        Ok(all)
    }

    /// Opens the folders that are to hold the final names, each once, with one of the names.
    fn open_above(&self, disk: &Disk) -> Result<Vec<Name>, OutputError> {
        let above = self.above.as_ref();
        let above = above.map(|above| (above.path(), parent_of(above.path())));
        let members = self.stages.iter();
        let members = members.filter_map(|stage| Some((stage.data(), stage.holds_name()?)));
        let mut names: Vec<(&Path, &Path)> = above.into_iter().chain(members).collect();
        // Members have their names in one folder.
        names.dedup_by_key(|(_, folder)| *folder);
        let open = |(name, path): (&Path, &Path)| {
            let folder = disk.open_folder(path);
            Ok(Name {
                folder: folder.map_err(OutputError::write("cannot sync", path))?,
                path: path.to_owned(),
                name: name.to_owned(),
            })
        };
        names.into_iter().map(open).collect()
    }

    /// Gives everything its final name, or nothing.
    fn name(&mut self, disk: &Disk, names: &[Name]) -> Result<(), OutputError> {
        match &mut self.above {
            None => self.stages.iter_mut().try_for_each(Stage::name)?,
            // What is inside goes with it.
            Some(above) => above.name()?,
        }
        self.stages.iter_mut().for_each(Stage::keep);
        self.above.iter_mut().for_each(Above::keep);
        names.iter().try_for_each(|name| {
            let synced = disk.sync_opened(&name.folder);
            synced.map_err(OutputError::not_synced(&name.name, &name.path))
        })
    }
}

/// A final name, and the folder that holds it.
struct Name {
    folder: File,
    path: PathBuf,
    name: PathBuf,
}

/// Writes what stands beside the database, and brings the files to the disk.
fn fill(
    prepared: &Prepared,
    stage: &mut Stage,
    database: &File,
    options: &Options,
) -> Result<Vec<WrittenFile>, OutputError> {
    let snap = prepared.data_dir().join("member/snap");
    let mut files = vec![WrittenFile {
        path: snap.join("db"),
        len: database.metadata().map_or(0, |metadata| metadata.len()),
    }];
    let (name, bytes) = raft_snapshot(prepared);
    let (path, file) = stage.beside_database(&name)?;
    write_whole(stage.disk(), &path, &file, &bytes, 0)?;
    files.push(WrittenFile {
        path: snap.join(name),
        len: bytes.len() as u64,
    });
    let (name, log) = first_segment(prepared);
    let (path, file) = stage.log(&name)?;
    write_whole(stage.disk(), &path, &file, log.bytes(), LOG_LEN)?;
    files.push(WrittenFile {
        path: prepared.wal_dir().join(name),
        len: LOG_LEN,
    });
    options.cancel.check()?;
    if let Some((user, group)) = prepared.request.owner {
        stage.give_to(user, group)?;
    }
    Ok(files)
}

/// Makes the copied database that of the new cluster, and brings it to the disk; tells what was changed.
fn change_database(
    input: &Input,
    prepared: &Prepared,
    disk: &Disk,
    path: &Path,
    file: &File,
) -> Result<Patch, OutputError> {
    let database = open_database(input)?;
    let last = changes::last_revision(&database)?;
    let patch = changes::patch(&database, prepared, last)?;
    let written = disk.set_len(file, patch.len).and_then(|()| {
        let mut writes = patch.writes.iter();
        writes.try_for_each(|(offset, bytes)| disk.write_at(file, bytes, offset.0))
    });
    written
        .and_then(|()| disk.sync(file))
        .map_err(OutputError::write("cannot write", path))?;
    // The pages above were read after the check.
    input.check_unchanged(None)?;
    Ok(patch)
}

/// Writes `bytes` and brings them to the disk; a `len` above 0 is the length that the file gets.
fn write_whole(
    disk: &Disk,
    path: &Path,
    file: &File,
    bytes: &[u8],
    len: u64,
) -> Result<(), OutputError> {
    let write = || -> io::Result<()> {
        if len > 0 {
            disk.allocate(file, len)?;
        }
        disk.write_at(file, bytes, 0)?;
        disk.sync(file)
    };
    write().map_err(OutputError::write("cannot write", path))
}
