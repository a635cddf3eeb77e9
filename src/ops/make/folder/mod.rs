//! A folder of many files that gets its name when all of them are on the disk and read back as they were
//! written, and the files that they were made from are still what they were.

mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::disk::Disk;
use super::output_error::OutputError;
use super::place::{FolderPlace, Naming, stage_inside};
use crate::checksum::crc32c::{Crc, Stream};
use crate::error::{Result, reason};
use crate::finding::escape;
use crate::ops::session::Session;
use crate::options::Cancel;
use crate::workers::{Beside, beside};
pub use names::{FileNames, safe_name};

/// Threads that wait for the disk; each holds one file open. One thread takes 4 ms for each file on a disk that
/// four threads sync 20,000 files to in 3.4 s. `syncfs` would need 0.3 s, but it waits for whatever else is being
/// written to that file system, does not report errors before Linux 5.8, and syncs nothing through FUSE.
const SYNC_THREADS: usize = 4;

/// Bytes that are read back at once.
const PIECE: usize = 64 << 10;

/// A folder under the name that it has until it is whole. When this is dropped before [`Folder::finish`] is done,
/// nothing of it is left.
#[derive(Debug)]
pub struct Folder {
    place: FolderPlace,
    staged: PathBuf,
    /// What was to be written into each file, by its path inside.
    files: BTreeMap<PathBuf, Crc>,
    /// The folders inside, each after the one that it is in.
    folders: Vec<PathBuf>,
    /// What has its final name already: from where, to where.
    named: Vec<(PathBuf, PathBuf)>,
    is_done: bool,
    disk: Disk,
}

impl Folder {
    /// Begins to fill a folder that is empty or not there yet.
    ///
    /// # Errors
    /// That `out` is something else, or that nothing can be made there.
    pub fn create(out: &Path) -> Result<Self, OutputError> {
        Self::create_on(out, Disk::default())
    }

    pub(super) fn create_on(out: &Path, disk: Disk) -> Result<Self, OutputError> {
        let place = place_for(out)?;
        let staged = place.stage();
        let made = disk.make_folder(&staged);
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => left_over(&staged),
            _ => OutputError::write("cannot make", &staged)(error),
        })?;
        Ok(Self {
            place,
            staged,
            files: BTreeMap::new(),
            folders: Vec::new(),
            named: Vec::new(),
            is_done: false,
            disk,
        })
    }

    /// Makes a folder inside.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(&mut self, name: &str) -> Result<(), OutputError> {
        let path = self.staged.join(name);
        let made = self.disk.make_folder(&path);
        made.map_err(OutputError::write("cannot make", &path))?;
        self.folders.push(name.into());
        Ok(())
    }

    /// Makes a file inside, for its owner only, of what `write` writes.
    ///
    /// # Errors
    /// What the system says, also that there is such a file.
    pub fn write(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let path = self.staged.join(name);
        let file = self.disk.make_file(&path);
        let file = file.map_err(OutputError::write("cannot make", &path))?;
        self.files.insert(name.into(), Crc::of(b""));
        let mut out = io::BufWriter::new(Recorder {
            disk: &self.disk,
            file,
            written: 0,
            crc: Stream::new(),
        });
        let written = write(&mut out).and_then(|()| out.flush());
        written.map_err(OutputError::write("cannot write", &path))?;
        let crc = out.get_mut().crc.take();
        self.files.insert(name.into(), crc);
        Ok(())
    }

    /// Gives a file inside another name, which no file has.
    ///
    /// # Errors
    /// What the system says.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), OutputError> {
        let (old, new) = (self.staged.join(from), self.staged.join(to));
        let renamed = self.disk.rename_new(&old, &new);
        renamed.map_err(OutputError::write("cannot rename a file to", &new))?;
        if let Some(crc) = self.files.remove(Path::new(from)) {
            self.files.insert(to.into(), crc);
        }
        Ok(())
    }

    /// Gives the folder its name: when everything in it is on the disk and reads back as it was written, and none
    /// of `sources`, the files that it was made from, has changed. They are not looked at again after that.
    ///
    /// # Errors
    /// What the system says, that something reads back otherwise, that a source has changed, and cancelling.
    /// Nothing has the name then.
    pub fn finish(self, sources: &[&Session<'_>]) -> Result<(), OutputError> {
        let cancel = sources
            .first()
            .map_or_else(Cancel::new, |source| source.options.cancel.clone());
        let look = || sources.iter().try_for_each(|source| source.settle());
        self.publish(&cancel, look)
    }

    fn publish(
        mut self,
        cancel: &Cancel,
        look_at_sources: impl FnOnce() -> Result<()>,
    ) -> Result<(), OutputError> {
        self.for_all_files(cancel, |path, _| {
            let synced = File::open(path).and_then(|file| self.disk.sync(&file));
            synced.map_err(OutputError::write("cannot sync", path))
        })?;
        for folder in self.folders.iter().rev() {
            self.sync_folder(&self.staged.join(folder))?;
        }
        self.sync_folder(&self.staged)?;
        let above = self.place.holds_names().to_owned();
        // Should there be a crash among several renames, the stage has to be there to tell.
        self.sync_folder(&above)?;
        self.for_all_files(cancel, |path, crc| {
            let read = read_back(&self.disk, path, crc);
            read.map_err(OutputError::write("cannot read back", path))
        })?;
        self.disk.check_source(look_at_sources)?;
        self.give_names(cancel)?;
        self.sync_folder(&above)?;
        self.is_done = true;
        if self.place.is_there() {
            // Empty now; should it stay, nothing is lost.
            let _ = self.disk.remove_folder(&self.staged);
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), OutputError> {
        let synced = self.disk.sync_folder(folder);
        synced.map_err(OutputError::write("cannot sync", folder))
    }

    /// Final names, by one rename wherever the folder that is there can give way.
    fn give_names(&mut self, cancel: &Cancel) -> Result<(), OutputError> {
        let (staged, path) = (self.staged.clone(), self.place.path().to_owned());
        if self.place.naming() != Naming::Inside {
            return self.give_name(cancel, staged, path);
        }
        let inside = self.files.keys().chain(&self.folders);
        let is_top = |name: &&PathBuf| name.components().count() == 1;
        let tops: Vec<PathBuf> = inside.filter(is_top).cloned().collect();
        for name in tops {
            self.give_name(cancel, staged.join(&name), path.join(&name))?;
        }
        Ok(())
    }

    fn give_name(
        &mut self,
        cancel: &Cancel,
        from: PathBuf,
        to: PathBuf,
    ) -> Result<(), OutputError> {
        cancel.check()?;
        let renamed = match self.place.naming() {
            // Only an empty folder gives way.
            Naming::OverEmpty => self.disk.rename(&from, &to),
            Naming::New | Naming::Inside => self.disk.rename_new(&from, &to),
        };
        renamed.map_err(OutputError::write("cannot give its final name to", &to))?;
        self.named.push((from, to));
        Ok(())
    }

    /// Does `work` with every file, on a few threads; the error is that of the first file in order that has one.
    fn for_all_files(
        &self,
        cancel: &Cancel,
        work: impl Fn(&Path, Crc) -> Result<(), OutputError> + Sync,
    ) -> Result<(), OutputError> {
        let files: Vec<(&PathBuf, &Crc)> = self.files.iter().collect();
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let failed: Mutex<Option<(usize, OutputError)>> = Mutex::new(None);
        let run = || {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some((name, crc)) = files.get(number) else {
                    return;
                };
                let path = self.staged.join(name);
                let done = cancel.check().map_err(OutputError::Read);
                if let Err(error) = done.and_then(|()| work(&path, **crc)) {
                    stop.store(true, Ordering::Relaxed);
                    let mut failed = failed
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    if failed.as_ref().is_none_or(|(first, _)| number < *first) {
                        *failed = Some((number, error));
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            let others = 1..SYNC_THREADS.min(files.len());
            let others: Vec<_> = others.map(|_| beside(scope, run)).collect();
            run();
            others.into_iter().for_each(Beside::outcome);
        });
        let failed = failed.into_inner();
        match failed.unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // First of all nothing half-removed may have a final name.
        for (from, to) in self.named.iter().rev() {
            self.disk.take_back(from, to);
            if self.place.naming() == Naming::OverEmpty {
                let _ = self.disk.make_folder(to);
            }
        }
        // What cannot be removed is named at the next run.
        for file in self.files.keys() {
            let _ = self.disk.remove_file(&self.staged.join(file));
        }
        for folder in self.folders.iter().rev() {
            let _ = self.disk.remove_folder(&self.staged.join(folder));
        }
        let _ = self.disk.remove_folder(&self.staged);
    }
}

/// Where a folder is to be made; an error if something else than an empty folder is there, or what an earlier run
/// left.
fn place_for(out: &Path) -> Result<FolderPlace, OutputError> {
    let place = FolderPlace::find(out);
    let path = place.path();
    let name = escape::path(path);
    let refuse = |message| Err(OutputError::Request(message));
    if path.as_os_str().is_empty() {
        return refuse("the name of the folder is empty; give a new folder".into());
    }
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.file_name().is_some() => {
            return Ok(place);
        }
        Err(error) => return refuse(format!("{name}: {}", reason(&error))),
    }
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refuse(format!(
                "{name} is a link that leads nowhere; give a new folder"
            ));
        }
        Err(error) => return refuse(format!("{name}: {}", reason(&error))),
    };
    let stage = stage_inside(path);
    if fs::symlink_metadata(&stage).is_ok() {
        let named = entries.count().saturating_sub(1);
        return Err(match named {
            0 => left_over(&stage),
            _ => OutputError::Request(format!(
                "{} is left from an interrupted run, which had given {named} of its files their names in {name}; remove \
                 both and run again",
                escape::path(&stage)
            )),
        });
    }
    if entries.next().is_some() {
        return refuse(format!("{name} is not empty; give a new folder"));
    }
    Ok(place.over_empty())
}

fn left_over(staged: &Path) -> OutputError {
    OutputError::Request(format!(
        "{} is left from an interrupted run, or another run is at work; look at it and remove it",
        escape::path(staged)
    ))
}

/// Writes a file and keeps what it should read back as.
struct Recorder<'f> {
    disk: &'f Disk,
    file: File,
    written: u64,
    crc: Stream,
}

impl io::Write for Recorder<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.write_at(&self.file, bytes, self.written)?;
        self.crc.update(bytes);
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read_back(disk: &Disk, path: &Path, expected: Crc) -> io::Result<()> {
    let mut file = disk.read_back(path)?;
    let mut crc = Stream::new();
    let mut piece = vec![
        0;
        PIECE
            .min(usize::try_from(expected.len).unwrap_or(PIECE))
            .max(1)
    ];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            len => crc.update(piece.get(..len).unwrap_or_default()),
        }
    }
    let found = crc.take();
    if found == expected {
        return Ok(());
    }
    let what = match found.len == expected.len {
        true => format!(
            "its {} bytes are not those that were written to it",
            found.len
        ),
        false => format!(
            "it has {} bytes, {} were written to it",
            found.len, expected.len
        ),
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}
