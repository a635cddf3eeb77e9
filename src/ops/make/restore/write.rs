//! The restore itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::RestoreError;
use super::selected::{self, KeptRecords};
use super::target::{Above, Stage};
use super::{Prepared, all_notes, changes, check_not_in_use, judge, lacks_trailer, open_database};
use crate::bolt::{Metas, SecondMeta};
use crate::etcd::raft::{SEGMENT_LEN, SnapshotFile, WalWriter, segment_name, snapshot_file_name};
use crate::finding::escape;
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_report::{VerifyOptions, VerifyReport};
use crate::ops::input::Input;
use crate::ops::make::copying::copy_and_verify;
use crate::ops::make::disk::Disk;
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
}

/// Restores `input`: copies it, checks the copy completely in the same pass, makes the changes, and gives the
/// data directory its name when everything is on the disk.
///
/// # Errors
/// [`RestoreError`]; nothing has been given its final name then.
pub fn restore(
    input: &Input,
    prepared: &Prepared,
    options: &Options,
) -> Result<Restored, RestoreError> {
    let one = std::slice::from_ref(prepared);
    let mut restored = restore_members(input, one, options)?.into_iter();
    // One was asked for.
    restored
        .next()
        .ok_or_else(|| RestoreError::Request("there is no member to restore".into()))
}

/// The same for the members of one cluster, of which all get their names or none. Their databases are the
/// same, so that of the first one is copied, by reference where the file system can.
///
/// # Errors
/// [`RestoreError`]; nothing has been given its final name then.
pub fn restore_members(
    input: &Input,
    members: &[Prepared],
    options: &Options,
) -> Result<Vec<Restored>, RestoreError> {
    let Some((first, others)) = members.split_first() else {
        return Ok(Vec::new());
    };
    check_not_in_use(input)?;
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
    let above = match &first.above {
        Some(above) => Some(Above::new(above, &first.target.disk)?),
        None => None,
    };
    let stage = Stage::new(&first.target)?;
    let (path, file) = stage.database()?;
    let report = if is_copied {
        copy_and_verify(input, stage.disk(), &path, &file, options)?
    } else {
        verify(input, VerifyOptions::default(), options)?
    };
    judge(input, &report, first)?;
    let kept = match &first.request.keep {
        Some(scope) => Some(selected::write(
            input, members, scope, &report, &path, &file, options,
        )?),
        None => {
            change_database(input, first, stage.disk(), &path, &file)?;
            None
        }
    };
    let figures = kept.as_ref().map(|kept| &kept.figures);
    let mut restored = vec![Restored {
        files: fill(first, &stage, &file, options)?,
        notes: all_notes(&report, first, figures),
        report: Arc::new(report),
        kept,
        shares_database: false,
    }];
    let mut stages = vec![stage];
    for other in others {
        let stage = Stage::new(&other.target)?;
        let (to, file) = stage.database()?;
        let copied = stage.disk().copy(&path, &file);
        let shares_database = copied
            .and_then(|shares| stage.disk().sync(&file).map(|()| shares))
            .map_err(RestoreError::write("cannot write", &to))?;
        let files = fill(other, &stage, &file, options)?;
        restored.extend(restored.first().cloned().map(|first| Restored {
            files,
            shares_database,
            ..first
        }));
        stages.push(stage);
    }
    name_all(stages, above)?;
    Ok(restored)
}

/// Gives everything that is staged its final name. Nobody is asked in between whether to go on: it is over
/// sooner than that could matter.
fn name_all(mut stages: Vec<Stage>, above: Option<Above>) -> Result<(), RestoreError> {
    for stage in &mut stages {
        stage.name()?;
    }
    match above {
        None => stages.iter_mut().for_each(Stage::keep),
        Some(above) => {
            // What is inside goes with the folder above, or is removed with it.
            stages.iter_mut().for_each(Stage::keep);
            above.finish()?;
        }
    }
    stages.iter().try_for_each(Stage::sync_name)
}

/// Writes what stands beside the database, and brings all of it to the disk.
fn fill(
    prepared: &Prepared,
    stage: &Stage,
    database: &File,
    options: &Options,
) -> Result<Vec<WrittenFile>, RestoreError> {
    let form = prepared.request.form;
    let snap = prepared.data_dir().join("member/snap");
    let mut files = vec![WrittenFile {
        path: snap.join("db"),
        len: database.metadata().map_or(0, |metadata| metadata.len()),
    }];
    let snapshot = SnapshotFile::of_new_cluster(&prepared.cluster);
    let bytes = snapshot.encode(form);
    let name = snapshot_file_name(snapshot.term, snapshot.index);
    let (path, file) = stage.beside_database(&name)?;
    write_whole(stage.disk(), &path, &file, &bytes, 0)?;
    files.push(WrittenFile {
        path: snap.join(name),
        len: bytes.len() as u64,
    });
    let log = WalWriter::of_new_member(&prepared.cluster, prepared.member, form);
    let name = segment_name(0, 0);
    let (path, file) = stage.log(&name)?;
    write_whole(stage.disk(), &path, &file, log.bytes(), SEGMENT_LEN)?;
    files.push(WrittenFile {
        path: prepared.wal_dir().join(name),
        len: SEGMENT_LEN,
    });
    options.cancel.check()?;
    if let Some((user, group)) = prepared.request.owner {
        stage.give_to(user, group)?;
    }
    stage.sync_folders()?;
    Ok(files)
}

/// Refuses to begin what cannot fit, where a database takes `database` bytes.
pub(super) fn check_space(database: u64, members: &[Prepared]) -> Result<(), RestoreError> {
    let Some((first, others)) = members.split_first() else {
        return Ok(());
    };
    // The databases of the others may share the blocks of the first one.
    let logs = SEGMENT_LEN.saturating_mul(others.len() as u64);
    let log = SEGMENT_LEN.saturating_add(logs);
    match first.target.lacks_space(database, log) {
        None => Ok(()),
        Some((place, needed, free)) => Err(RestoreError::Request(format!(
            "{} needs {needed} bytes, {free} are free there",
            escape::path(&place)
        ))),
    }
}

/// Makes the copied database that of the new cluster, and brings it to the disk.
fn change_database(
    input: &Input,
    prepared: &Prepared,
    disk: &Disk,
    path: &Path,
    file: &File,
) -> Result<(), RestoreError> {
    let database = open_database(input)?;
    let last = changes::last_revision(&database)?;
    let patch = changes::patch(&database, prepared, last)?;
    let written = disk.set_len(file, patch.len).and_then(|()| {
        let mut writes = patch.writes.iter();
        writes.try_for_each(|(offset, bytes)| disk.write_at(file, bytes, offset.0))
    });
    written
        .and_then(|()| disk.sync(file))
        .map_err(RestoreError::write("cannot write", path))?;
    // The pages above were read after the check.
    Ok(input.check_unchanged(None)?)
}

/// Writes `bytes` and brings them to the disk; a `len` above 0 is the length that the file gets.
fn write_whole(
    disk: &Disk,
    path: &Path,
    file: &File,
    bytes: &[u8],
    len: u64,
) -> Result<(), RestoreError> {
    let write = || -> io::Result<()> {
        if len > 0 {
            disk.allocate(file, len)?;
        }
        disk.write_at(file, bytes, 0)?;
        disk.sync(file)
    };
    write().map_err(RestoreError::write("cannot write", path))
}
