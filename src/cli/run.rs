//! What all commands share: options, opening files, saying what went wrong.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::exit::Exit;
use super::open::{Access, open};
use super::{GlobalArgs, progress, term};
use crate::error::{Error, Result, with_causes};
use crate::etcd::Release;
use crate::finding::{Findings, escape};
use crate::limits;
use crate::ops::OutputError;
use crate::ops::{Input, RefusedError, Session};
use crate::options::{Cancel, Options};
use crate::report::{self, Format};

/// How a command that has text and JSON is asked for JSON.
#[derive(Debug, clap::Args)]
pub(super) struct JsonArgs {
    /// Lines of JSON
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

/// The environment variable that stands for `--compat`.
const COMPAT: &str = "ETCDSNAP_COMPAT";

const IN_USE: &str = "another process holds its lock (a running etcd?); what is read may be torn";

/// The settings of one run.
pub(super) struct Run {
    pub(super) format: Format,
    options: Options,
    access: Option<Access>,
    /// The release that was asked for.
    compat: Option<Release>,
    /// The files that were read and that somebody else may write to.
    in_use: RefCell<Vec<PathBuf>>,
}

impl Run {
    pub(super) fn new(global: &GlobalArgs, cancel: Arc<AtomicBool>) -> Result<Self, String> {
        let format = match &global.write_out {
            Some(text) => Format::from_str(text)?,
            None => Format::default(),
        };
        let compat = match (global.compat, std::env::var_os(COMPAT)) {
            (Some(release), _) => Some(release),
            (None, Some(text)) if !text.is_empty() => {
                let parsed = Release::from_str(&text.to_string_lossy());
                Some(parsed.map_err(|error| format!("{COMPAT}: {error}"))?)
            }
            (None, _) => None,
        };
        let access = match (global.mmap, global.no_mmap) {
            (true, _) => Some(Access::Map),
            (_, true) => Some(Access::Positioned),
            _ => None,
        };
        let mut options = Options {
            threads: global.threads,
            cancel: Cancel::from_flag(cancel),
            ..Options::default()
        };
        // Where memory runs out the process would end in the middle of its work; this way the job does, and tells.
        options.memory_limit = limits::address_space()
            .map(|space| limits::memory_of_tables(options.worker_threads(), space));
        Ok(Self {
            format,
            options,
            access,
            compat,
            in_use: RefCell::default(),
        })
    }

    /// The etcd release that was asked for, if any.
    pub(super) fn compat(&self) -> Option<Release> {
        self.compat
    }

    /// The etcd release whose answers are given.
    pub(super) fn release(&self) -> Release {
        self.compat.unwrap_or_default()
    }

    /// How a command ends that was to end with `exit`: whatever was read of a file in use, the job is not
    /// done by it.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        let in_use = self.in_use.take();
        if in_use.is_empty() || exit >= Exit::Failed {
            return exit;
        }
        for file in &in_use {
            term::also_in_json(file, IN_USE);
        }
        Exit::Failed
    }

    /// Does `job` with a file that is only looked at beside the one that counts: it may be in use.
    pub(super) fn beside<T>(&self, job: impl FnOnce() -> T) -> T {
        let before = self.in_use.borrow().len();
        let made = job();
        self.in_use.borrow_mut().truncate(before);
        made
    }

    /// Does `one` with each file, in their order, until an interrupt. The greatest status counts.
    pub(super) fn each_file(&self, files: &[PathBuf], mut one: impl FnMut(&Path) -> Exit) -> Exit {
        let mut exit = Exit::Fine;
        for path in files {
            term::begin_file(path, files.len() > 1);
            exit = exit.max(self.end_file(one(path)));
            if exit == Exit::Interrupted {
                break;
            }
        }
        exit
    }

    /// Whether lines of JSON are wanted of files of which etcdutl's JSON does not tell one from the other.
    pub(super) fn wants_lines(&self, json: bool, files: &[PathBuf]) -> bool {
        let is_wanted = json || files.len() > 1 && self.format == Format::Json;
        if is_wanted {
            term::errors_as_json();
        }
        is_wanted
    }

    /// Ends one of several files: what went wrong with it is told as JSON if that was asked for.
    pub(super) fn end_file(&self, exit: Exit) -> Exit {
        finish(term::errors_told(exit), exit)
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
        term::opened(path);
        let input = open(path, self.access.unwrap_or(default))?;
        self.with_opened(&input, job)
    }

    /// The same, through a memory map, for a data directory whose log may lie elsewhere.
    pub(super) fn with_input_and_log<T>(
        &self,
        path: &Path,
        wal_dir: Option<PathBuf>,
        job: impl FnOnce(&Input, &Options) -> Result<T>,
    ) -> Result<T> {
        term::opened(path);
        let input = open(path, self.access.unwrap_or(Access::Map))?;
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
            let path = input.file.path();
            self.in_use.borrow_mut().push(path.to_owned());
            term::line(&format!("note: {}: {IN_USE}", escape::path(path)));
        }
        let bar = term::stderr_is_terminal().then(progress::Bar::new);
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
        Error::Open { path, source } => not_opened(path, source),
        Error::Changed { path, .. }
        | Error::Read {
            path: Some(path), ..
        } => format!("{}: {}", escape::path(path), with_causes(error)),
        Error::NotAFile { path, what } => format!("{} {what}", escape::path(path)),
        Error::MemoryLimit { needed, limit } => {
            format!("{}: {}", escape::path(path), beyond(*needed, *limit))
        }
        Error::Revision { .. } | Error::Cancelled => error.to_string(),
        other => format!("{}: {}", escape::path(path), with_causes(other)),
    }
}

/// What is said of tables that need more memory than they may take. The command line limits them where the address
/// space is limited.
fn beyond(needed: u64, limit: u64) -> String {
    let space = limits::address_space().unwrap_or(u64::MAX);
    format!(
        "needs about {needed} bytes of memory for its tables; the address space, limited to {space} bytes \
         (ulimit -v), has room for {limit}; raise that limit"
    )
}

/// That a file could not be opened, in the words of etcd's tools.
pub(super) fn not_opened(path: &Path, error: &io::Error) -> String {
    let call = match error.kind() {
        io::ErrorKind::NotFound => "stat",
        _ => "open",
    };
    format!("{call} {}: {}", escape::path(path), reason(error))
}

/// What the system said, in the words that etcd's tools use where they have some.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => crate::error::reason(error),
    }
}

/// The same for a line that begins with the name of the file at `path`.
pub(super) fn describe_without_name(error: &Error, path: &Path) -> String {
    match error {
        Error::Open { path: of, source } if of == path => reason(source),
        // A folder on the way to it, or a file beside it.
        Error::Open { path: of, source } => {
            format!("open {}: {}", escape::path(of), reason(source))
        }
        Error::NotAFile { what, .. } => (*what).into(),
        Error::MemoryLimit { needed, limit } => beyond(*needed, *limit),
        other => with_causes(other),
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
    Refused(RefusedError),
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
            let done = match Session::open(input, options) {
                Ok(mut session) => {
                    job(&mut session).and_then(|made| Ok(Asked::Done(made, session.finish()?)))
                }
                Err(Error::Refused(refusal)) => Ok(Asked::Refused(*refusal)),
                Err(error) => Err(error),
            };
            match done {
                Ok(Asked::Done(made, findings)) => Ok(Asked::Done(made, findings)),
                // What kept the job from being done may be that the file is not what it was.
                other => changed(&[input], other.as_ref().err())
                    .into_iter()
                    .next()
                    .map_or(other, Err),
            }
        })
    }

    /// Opens two files and asks about the keys of both.
    pub(super) fn ask_both<T>(
        &self,
        paths: [&Path; 2],
        access: Access,
        job: impl for<'i> FnOnce(&mut Session<'i>, &mut Session<'i>) -> Result<T>,
    ) -> AskedBoth<T> {
        let [one, other] = paths;
        let mut failed_at = one;
        let asked = self.with_input(one, access, |first, options| {
            failed_at = other;
            self.with_input(other, access, |second, _| {
                let done = (|| {
                    let mut old = match Session::open(first, options) {
                        Ok(session) => session,
                        Err(Error::Refused(refusal)) => {
                            return Ok(AskedBoth::Refused(*refusal, 0));
                        }
                        Err(error) => return Err(error),
                    };
                    let mut new = match Session::open(second, options) {
                        Ok(session) => session,
                        Err(Error::Refused(refusal)) => {
                            return Ok(AskedBoth::Refused(*refusal, 1));
                        }
                        Err(error) => return Err(error),
                    };
                    let made = job(&mut old, &mut new)?;
                    old.check_unchanged()?;
                    Ok(AskedBoth::Done(made, [old.finish()?, new.finish()?]))
                })();
                if matches!(done, Ok(AskedBoth::Done(..))) {
                    return done;
                }
                let found = changed(&[first, second], done.as_ref().err());
                if found.is_empty() {
                    return done;
                }
                Ok(AskedBoth::Failed(found))
            })
        });
        asked.unwrap_or_else(|error| {
            // Errors that name no file are about the one that was opened last, or about none.
            AskedBoth::Failed(vec![named(error, failed_at)])
        })
    }
}

/// What became of a job over the keys of two files.
pub(super) enum AskedBoth<T> {
    /// It was done; the findings tell what could not be read of each.
    Done(T, [Findings; 2]),
    /// One of them, by its number, has no database that could be asked.
    Refused(RefusedError, usize),
    /// It was not done; a file that changed has an error of its own.
    Failed(Vec<Error>),
}

/// Which of the files are not what they were when they were opened, where a job was refused or ended with
/// `error`.
fn changed(inputs: &[&Input], error: Option<&Error>) -> Vec<Error> {
    if !matches!(
        error,
        None | Some(Error::Changed { .. } | Error::Read { .. })
    ) {
        return Vec::new();
    }
    let mut found: Vec<Error> = Vec::new();
    for input in inputs {
        found.extend(input.check_unchanged(None).err());
    }
    found
}

/// A read error about a file that it does not name.
fn named(error: Error, path: &Path) -> Error {
    match error {
        Error::Read {
            path: None,
            offset,
            len,
            source,
        } => Error::Read {
            path: Some(path.to_owned()),
            offset,
            len,
            source,
        },
        error => error,
    }
}

/// Says what went wrong with each of two files and how to exit.
pub(super) fn fail_all(errors: &[Error], path: &Path) -> Exit {
    let exits = errors.iter().map(|error| {
        let about = match error {
            Error::Changed { path, .. }
            | Error::Open { path, .. }
            | Error::NotAFile { path, .. }
            | Error::Read {
                path: Some(path), ..
            } => path,
            _ => path,
        };
        term::begin_file(about, false);
        let exit = fail(error, path);
        finish(term::errors_told(exit), exit)
    });
    exits.fold(Exit::Failed, Exit::max)
}

/// Says why nothing was written, and how to exit. What the file that was read has to do with is handed back, to be
/// said with its name.
pub(super) fn not_written(error: OutputError) -> Result<Exit> {
    let (message, details, exit) = match error {
        OutputError::Read(error) => return Err(error),
        OutputError::File { message, details } => (message, details, Exit::Findings),
        OutputError::InUse { message, details } => (message, details, Exit::Failed),
        other => (with_causes(&other), Vec::new(), Exit::Failed),
    };
    term::error(&report::worded(&message));
    for line in details {
        term::line(&format!("  {}", report::worded(&line)));
    }
    Ok(exit)
}

/// The same for what was to be made of `file` alone.
pub(super) fn not_made(error: OutputError, file: &Path) -> Exit {
    not_written(error).unwrap_or_else(|error| fail(&error, file))
}

/// Ends a job over keys: says what could not be read, and how to exit. `exit` is how the job itself went.
pub(super) fn conclude(asked: Result<Asked<io::Result<Exit>>>, path: &Path) -> Exit {
    match asked {
        Ok(Asked::Done(written, findings)) => {
            // The file was looked at again.
            let released = |exit| read_to_the_end(term::release()).map(|()| exit);
            let exit = match written.and_then(released) {
                Ok(exit) => exit,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
                Err(error) => {
                    term::error(&format!("writing failed: {}", reason(&error)));
                    return Exit::Failed;
                }
            };
            if !findings.has_errors() {
                return exit;
            }
            let what = "damaged; what could be read is listed, the rest is missing; what is listed may be older than \
                        the newest state";
            let details = report::findings_text(&findings, 5);
            term::damage(path, what, details.trim_end());
            exit.max(Exit::Findings)
        }
        Ok(Asked::Refused(refusal)) => super::refusal::refuse(&refusal, path),
        Err(error) => {
            term::discard();
            fail(&error, path)
        }
    }
}

/// A reader that went away has seen enough: that is not a failure, and the status is that of the job, as far as it
/// was done.
pub(super) fn read_to_the_end(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a report. A reader that went away is not a failure; a full disk is.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    finish(term::out(text), exit)
}

/// Writes a report: lines of JSON as they are, text for people in lines that fit a terminal.
pub(super) fn print_report(text: &str, is_json: bool, exit: Exit) -> Exit {
    match is_json {
        true => print(text, exit),
        false => print(&term::prose(text), exit),
    }
}

/// Says how a report was written.
pub(super) fn finish(written: io::Result<()>, exit: Exit) -> Exit {
    match written {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => {
            term::error(&format!("writing the report failed: {}", reason(&error)));
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::ops::Folder;

    fn run() -> Run {
        Run {
            format: Format::default(),
            options: Options::default(),
            access: None,
            compat: None,
            in_use: RefCell::default(),
        }
    }

    fn copies() -> (tempfile::TempDir, [PathBuf; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/real");
        let paths = ["a", "b"].map(|letter| {
            let path = dir.path().join(letter);
            std::fs::copy(real.join(format!("etcd-3.6.14-{letter}.db")), &path).unwrap();
            path
        });
        (dir, paths)
    }

    fn append(path: &Path) {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    }

    #[test]
    fn short_output_is_not_written_when_the_file_changed() {
        let (_dir, [path, _]) = copies();
        let ask = |change: bool| {
            run().ask(&path, Access::Positioned, |_| {
                let mut lines = term::Lines::new();
                lines.write("all\n").unwrap();
                if change {
                    append(&path);
                }
                Ok(lines.finish().map(|()| Exit::Fine))
            })
        };
        let asked = ask(true);
        assert!(matches!(&asked, Err(Error::Changed { path: of, .. }) if *of == path));
        assert_eq!(term::held(), "all\n");
        assert_eq!(conclude(asked, &path), Exit::Failed);
        assert_eq!(term::held(), "");
    }

    /// What is asked for is written into a folder; the source changes before that has its name, or after.
    fn written(path: &Path, out: &Path, is_early: bool) -> Result<Asked<()>> {
        run().ask(path, Access::Positioned, |session| {
            let mut folder = Folder::create(out).unwrap();
            folder.write("file", |out| out.write_all(b"all")).unwrap();
            if is_early {
                append(path);
            }
            let finished = folder.finish(&[session]);
            if !is_early {
                append(path);
            }
            finished.or_else(|error| not_written(error).map(drop))
        })
    }

    #[test]
    fn a_folder_has_its_name_only_if_the_file_did_not_change_before_and_then_that_is_the_end_of_it()
    {
        let (dir, [one, other]) = copies();
        let out = dir.path().join("out");
        let asked = written(&one, &out, true);
        assert!(matches!(&asked, Err(Error::Changed { path, .. }) if *path == one));
        assert!(!out.exists() && !dir.path().join("out.partial").exists());
        assert!(matches!(written(&other, &out, false), Ok(Asked::Done(..))));
        assert_eq!(std::fs::read(out.join("file")).unwrap(), b"all");
    }

    #[test]
    fn of_two_files_each_that_changed_before_a_folder_had_its_name_is_told() {
        let (dir, [one, other]) = copies();
        let out = dir.path().join("out");
        let asked = run().ask_both([&one, &other], Access::Positioned, |old, new| {
            let folder = Folder::create(&out).unwrap();
            append(&one);
            append(&other);
            let finished = folder.finish(&[old, new]);
            finished.or_else(|error| not_written(error).map(drop))
        });
        assert!(matches!(asked, AskedBoth::Failed(errors) if errors.len() == 2));
        assert!(!out.exists());
    }

    #[test]
    fn what_may_not_be_opened_is_named() {
        let error = Error::Open {
            path: "dir/member".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        };
        let dir = Path::new("dir");
        assert_eq!(describe(&error, dir), "open dir/member: permission denied");
        let beside = describe_without_name(&error, dir);
        assert_eq!(beside, "open dir/member: permission denied");
        let itself = describe_without_name(&error, Path::new("dir/member"));
        assert_eq!(itself, "permission denied");
    }

    #[test]
    fn a_refusal_of_a_file_that_changed_is_no_refusal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("no database");
        std::fs::write(&path, vec![1; 10_000]).unwrap();
        let input = Input::open(&path).unwrap();
        assert!(changed(&[&input], None).is_empty());
        append(&path);
        assert_eq!(changed(&[&input], None).len(), 1);
        assert!(changed(&[&input], Some(&Error::Cancelled)).is_empty());
    }

    #[test]
    fn of_two_files_those_are_blamed_that_changed() {
        for blamed in [&[0][..], &[1], &[0, 1]] {
            let (_dir, paths) = copies();
            let [a, b] = &paths;
            let asked = run().ask_both([a, b], Access::Positioned, |_, _| {
                blamed.iter().for_each(|number| append(&paths[*number]));
                Ok(())
            });
            let AskedBoth::Failed(errors) = asked else {
                panic!("it was not noticed");
            };
            let named: Vec<&Path> = errors
                .iter()
                .map(|error| match error {
                    Error::Changed { path, .. } => path.as_path(),
                    other => panic!("{other}"),
                })
                .collect();
            let expected: Vec<&Path> = blamed.iter().map(|number| &*paths[*number]).collect();
            assert_eq!(named, expected);
            let name = escape::path(expected[0]);
            assert!(describe(&errors[0], Path::new("other")).starts_with(&name));
        }
    }
}
