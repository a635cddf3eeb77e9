//! The restore itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::RestoreError;
use super::selected::{self, KeptRecords};
use super::target::Stage;
use super::{
    Prepared, all_notes, changes, check_not_in_use, check_trailer_is_there, judge, open_database,
};
use crate::bolt::{Metas, SecondMeta};
use crate::container::DB_IN_DATA_DIR;
use crate::etcd::raft::{SEGMENT_LEN, SnapshotFile, WalWriter, segment_name, snapshot_file_name};
use crate::finding::escape;
use crate::ops::copying::copy_and_verify;
use crate::ops::disk::Disk;
use crate::ops::input::Input;
use crate::ops::verify::{VerifyOptions, VerifyReport, verify};
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
#[derive(Debug)]
pub struct Restored {
    /// What `verify` said of the snapshot.
    pub report: VerifyReport,
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
    check_trailer_is_there(input, &prepared.request)?;
    check_not_in_use(input)?;
    // Without a meta the check will tell what the file is; no byte of it is worth copying.
    let metas = Metas::read(input.file.source(), SecondMeta::Search)?;
    let is_copied = prepared.request.keep.is_none() && metas.select().is_ok();
    if is_copied {
        check_space(input, prepared)?;
    }
    let stage = Stage::new(&prepared.target)?;
    let (path, file) = stage.database()?;
    let report = if is_copied {
        copy_and_verify(input, stage.disk(), &path, &file, options)?
    } else {
        verify(input, VerifyOptions::default(), options)?
    };
    judge(input, &report, prepared)?;
    let kept = match &prepared.request.keep {
        Some(scope) => Some(selected::write(
            input, prepared, scope, &report, &path, &file, options,
        )?),
        None => {
            change_database(input, prepared, stage.disk(), &path, &file)?;
            None
        }
    };
    let files = finish(prepared, stage, &file, options)?;
    Ok(Restored {
        notes: all_notes(&report, prepared, kept.as_ref().map(|kept| &kept.figures)),
        report,
        files,
        kept,
        shares_database: false,
    })
}

/// Restores another member of the cluster that `first` belongs to. Their databases are the same, so that
/// of the first one is copied, by reference where the file system can.
///
/// # Errors
/// [`RestoreError`].
pub fn restore_sibling(
    restored: Restored,
    first: &Prepared,
    prepared: &Prepared,
    options: &Options,
) -> Result<Restored, RestoreError> {
    let stage = Stage::new(&prepared.target)?;
    let (path, file) = stage.database()?;
    let from = first.data_dir().join(DB_IN_DATA_DIR);
    let copied = stage.disk().copy(&from, &file);
    let shares_database = copied
        .and_then(|shares| stage.disk().sync(&file).map(|()| shares))
        .map_err(RestoreError::write("cannot write", &path))?;
    let files = finish(prepared, stage, &file, options)?;
    Ok(Restored {
        files,
        shares_database,
        ..restored
    })
}

/// Writes what stands beside the database, and gives everything its final name.
fn finish(
    prepared: &Prepared,
    stage: Stage,
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
    stage.finish()?;
    Ok(files)
}

fn check_space(input: &Input, prepared: &Prepared) -> Result<(), RestoreError> {
    let database = input.layout.database_len;
    match prepared.target.lacks_space(database, SEGMENT_LEN) {
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
