//! What all commands share: options, opening files, saying what went wrong.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::exit::Exit;
use super::{GlobalArgs, term};
use crate::error::{Error, Result};
use crate::finding::{Findings, escape};
use crate::ops::{Input, Refusal, Session};
use crate::options::{Cancel, Options};
use crate::report::{self, Format};
use crate::source::Access;

/// How a command that has text and JSON is asked for JSON.
#[derive(Debug, clap::Args)]
pub(super) struct JsonArgs {
    /// Lines of JSON, one for each row
    #[arg(long)]
    json: bool,
    /// The same, as kubectl has it
    #[arg(
        short = 'o',
        long = "output",
        value_name = "json",
        value_parser = ["json"],
        hide = true
    )]
    output: Option<String>,
}

impl JsonArgs {
    pub(super) fn wanted(&self, run: &Run) -> bool {
        self.json || self.output.is_some() || run.format == Format::Json
    }
}

/// The settings of one run.
pub(super) struct Run {
    pub(super) format: Format,
    options: Options,
    access: Option<Access>,
    /// Whether a file that somebody else may write to was read.
    in_use: Cell<bool>,
}

impl Run {
    pub(super) fn new(global: &GlobalArgs, cancel: Arc<AtomicBool>) -> Result<Self, String> {
        let format = match &global.write_out {
            Some(text) => Format::from_str(text)?,
            None => Format::default(),
        };
        let access = match (global.mmap, global.no_mmap) {
            (true, _) => Some(Access::Map),
            (_, true) => Some(Access::Positioned),
            _ => None,
        };
        let options = Options {
            threads: global.threads,
            cancel: Cancel::from_flag(cancel),
            ..Options::default()
        };
        Ok(Self {
            format,
            options,
            access,
            in_use: Cell::new(false),
        })
    }

    /// How a command ends that was to end with `exit`: whatever was read of a file in use, the job is not
    /// done by it.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        match self.in_use.get() {
            true => exit.max(Exit::Failed),
            false => exit,
        }
    }

    /// Does `job` with a file that is only looked at beside the one that counts: it may be in use.
    pub(super) fn beside<T>(&self, job: impl FnOnce() -> T) -> T {
        let before = self.in_use.get();
        let made = job();
        self.in_use.set(before);
        made
    }

    /// How jobs are run that open their files themselves.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Opens `path`, by `default` unless the user wants it otherwise, and does `job` with it, showing
    /// progress if a person watches.
    pub(super) fn with_input<T>(
        &self,
        path: &Path,
        default: Access,
        job: impl FnOnce(&Input, &Options) -> Result<T>,
    ) -> Result<T> {
        let input = Input::open(path, self.access.unwrap_or(default))?;
        self.with_opened(&input, job)
    }

    /// The same, through a memory map, for a data directory whose log may lie elsewhere.
    pub(super) fn with_input_and_log<T>(
        &self,
        path: &Path,
        wal_dir: Option<PathBuf>,
        job: impl FnOnce(&Input, &Options) -> Result<T>,
    ) -> Result<T> {
        let input = Input::open(path, self.access.unwrap_or(Access::Map))?;
        if wal_dir.is_some() && !input.file.is_data_dir() {
            return Err(Error::NotAFile {
                path: path.to_owned(),
                what: "is not a data directory, so it has no log; leave --wal-dir out",
            });
        }
        self.with_opened(&input.with_wal_dir(wal_dir), job)
    }

    fn with_opened<T>(
        &self,
        input: &Input,
        job: impl FnOnce(&Input, &Options) -> Result<T>,
    ) -> Result<T> {
        if input.file.in_use() {
            self.in_use.set(true);
            let name = escape::path(input.file.path());
            term::line(&format!(
                "note: {name}: another process holds its lock (a running etcd?); what is read may be torn"
            ));
        }
        let bar = term::stderr_is_terminal().then(|| Arc::new(term::Bar::new()));
        let mut options = self.options.clone();
        if let Some(bar) = &bar {
            options.progress = Some(Arc::clone(bar) as _);
        }
        let outcome = job(input, &options);
        if let Some(bar) = bar {
            bar.finish();
        }
        outcome
    }
}

impl Run {
    /// True when one of the two ways to ask for JSON was taken.
    pub(super) fn wants_json(&self, flag: bool) -> bool {
        flag || self.format == Format::Json
    }
}

/// An error about `path`, as one line that names the file.
pub(super) fn describe(error: &Error, path: &Path) -> String {
    match error {
        // The words that etcd's tools use.
        Error::Open { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            format!("stat {}: no such file or directory", escape::path(path))
        }
        Error::Open { path, source } => format!("open {}: {source}", escape::path(path)),
        Error::NotAFile { path, what } => format!("{} {what}", escape::path(path)),
        Error::Revision { .. } | Error::Cancelled => error.to_string(),
        other => format!("{}: {other}", escape::path(path)),
    }
}

/// The same for a line that begins with the file's name.
pub(super) fn describe_without_name(error: &Error) -> String {
    match error {
        Error::Open { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            "no such file or directory".into()
        }
        Error::Open { source, .. } => source.to_string(),
        Error::NotAFile { what, .. } => (*what).into(),
        other => other.to_string(),
    }
}

/// Says what went wrong and how to exit.
pub(super) fn fail(error: &Error, path: &Path) -> Exit {
    term::error(&describe(error, path));
    exit_of(error)
}

pub(super) fn exit_of(error: &Error) -> Exit {
    if matches!(error, Error::Cancelled) {
        Exit::Interrupted
    } else {
        Exit::Failed
    }
}

/// What became of a job over keys.
pub(super) enum Asked<T> {
    /// It was done; the findings tell what could not be read.
    Done(T, Findings),
    /// The file has no database that could be asked.
    Refused(Refusal),
}

impl Run {
    /// Opens `path` and asks about its keys.
    pub(super) fn ask<T>(
        &self,
        path: &Path,
        access: Access,
        job: impl FnOnce(&mut Session<'_>) -> Result<T>,
    ) -> Result<Asked<T>> {
        self.with_input(path, access, |input, options| {
            let mut session = match Session::open(input, options)? {
                Ok(session) => session,
                Err(refusal) => return Ok(Asked::Refused(refusal)),
            };
            let made = job(&mut session)?;
            Ok(Asked::Done(made, session.finish()?))
        })
    }
}

/// Ends a job over keys: says what could not be read, and how to exit. `exit` is how the job itself went.
pub(super) fn conclude(asked: Result<Asked<io::Result<Exit>>>, path: &Path) -> Exit {
    match asked {
        Ok(Asked::Done(written, findings)) => {
            let exit = match written {
                Ok(exit) => exit,
                // What the file itself is like holds all the same.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
                Err(error) => {
                    term::error(&format!("writing failed: {error}"));
                    return Exit::Failed;
                }
            };
            if !findings.has_errors() {
                return exit;
            }
            let name = escape::path(path);
            term::report(&format!(
                "{name}: damaged; what could be read is listed, the rest is missing:\n{}",
                report::findings_text(&findings, 5).trim_end()
            ));
            exit.max(Exit::Findings)
        }
        Ok(Asked::Refused(refusal)) => super::status::refuse(&refusal, path),
        Err(error) => fail(&error, path),
    }
}

/// Writes a report. A reader that went away is no failure; a full disk is.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    finish(term::out(text), exit)
}

/// Says how a report was written.
pub(super) fn finish(written: io::Result<()>, exit: Exit) -> Exit {
    match written {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => {
            term::error(&format!("writing the report failed: {error}"));
            Exit::Failed
        }
    }
}
