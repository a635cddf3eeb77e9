//! A folder that is filled under another name and renamed when it is complete.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::finding::escape;

/// The folder under its final name, and the one that is filled first.
pub(super) struct Folder {
    target: PathBuf,
    staging: PathBuf,
    is_done: bool,
}

impl Folder {
    /// Begins to fill a folder that is empty or not there yet.
    pub(super) fn open(out: &Path) -> Result<Self, String> {
        let name = escape::path(out);
        match std::fs::read_dir(out) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(format!("{name} is not empty; give a new folder"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{name}: {error}")),
        }
        let mut staging = out.as_os_str().to_owned();
        while staging.as_encoded_bytes().ends_with(b"/") {
            let bytes = staging.into_encoded_bytes();
            let kept = bytes.len().saturating_sub(1);
            let text = String::from_utf8_lossy(bytes.get(..kept).unwrap_or_default()).into_owned();
            staging = text.into();
        }
        staging.push(".partial");
        let staging = PathBuf::from(staging);
        create(&staging).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!(
                "{} is left from an interrupted run; look at it and remove it",
                escape::path(&staging)
            ),
            _ => format!("{}: {error}", escape::path(&staging)),
        })?;
        Ok(Self {
            target: out.to_owned(),
            staging,
            is_done: false,
        })
    }

    /// Makes a folder inside.
    pub(super) fn folder(&self, name: &str) -> io::Result<()> {
        create(&self.staging.join(name))
    }

    /// Writes a file that only the user can read.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        self.write_with(name, |out| out.write_all(text.as_bytes()))
    }

    /// The same for what is written piece by piece.
    pub(super) fn write_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.staging.join(name))?;
        let mut out = io::BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    }

    /// Gives a file another name.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.staging.join(from), self.staging.join(to))
    }

    /// Gives the folder its name. An empty folder gives way to the full one.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        std::fs::rename(&self.staging, &self.target)?;
        self.is_done = true;
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

impl Drop for Folder {
    /// What was not finished was made by this run and is of no use.
    fn drop(&mut self) {
        if !self.is_done {
            let _ = std::fs::remove_dir_all(&self.staging);
        }
    }
}

/// A text as the name of a file: what a name should not have becomes `~`.
pub(super) fn safe_name(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => c,
            _ => '~',
        })
        .take(200)
        .collect()
}
