//! Standard output and standard error. Output goes through one buffer; a closed pipe ends the
//! output quietly.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;
use std::path::Path;

use anstream::{AutoStream, ColorChoice};

use super::exit::Exit;
use super::pager;
use crate::finding::escape;
use crate::report;

/// Writes `text`, colours stripped where they do not belong. False when nobody reads any more or it
/// cannot be written.
pub(super) fn out(text: &str) -> io::Result<()> {
    put_out(text.as_bytes(), false)
}

/// Writes to the pager, if there is one, else to standard output; what is exact is not looked at for colours.
fn put_out(bytes: &[u8], is_exact: bool) -> io::Result<()> {
    let choice = match is_exact {
        true => ColorChoice::AlwaysAnsi,
        false => AutoStream::choice(&io::stdout()),
    };
    if let Some(pager) = pager::take(bytes)? {
        return AutoStream::new(pager, choice).write_all(bytes);
    }
    let mut stdout = AutoStream::new(io::stdout().lock(), choice);
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// A report as standard output gets it: a terminal, in lines that are no longer than it is wide.
pub(super) fn prose(text: &str) -> Cow<'_, str> {
    for_terminal(text, &io::stdout())
}

fn for_terminal<'t>(text: &'t str, stream: &(impl io::IsTerminal + AsFd)) -> Cow<'t, str> {
    if !stream.is_terminal() {
        return text.into();
    }
    let columns = terminal_size::terminal_size_of(stream).map(|(columns, _)| columns.0.into());
    report::wrapped(
        text,
        columns
            .filter(|columns| *columns > 0)
            .unwrap_or(pager::SIZE.0),
    )
    .into()
}

/// Output of at most so many bytes is held back until the file was looked at again.
const SHORT: usize = 1 << 20;
/// What is longer is written in pieces of so many bytes.
const PIECE: usize = 64 << 10;

thread_local! {
    /// Output that is complete and waits for [`release`].
    static HELD: RefCell<Vec<Lines>> = const { RefCell::new(Vec::new()) };
}

/// Standard output for lists: colours stripped where they do not belong. What is short, and the last lines of
/// what is long, wait for [`release`], which comes when the file was found unchanged.
pub(super) struct Lines {
    held: Vec<u8>,
    limit: usize,
    is_exact: bool,
    is_prose: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            held: Vec::new(),
            limit: SHORT,
            is_exact: false,
            is_prose: false,
        }
    }

    /// For reports, of which whole lines are written at a time: see [`prose`].
    pub(super) fn of_prose() -> Self {
        Self {
            is_prose: true,
            ..Self::new()
        }
    }

    /// For what holds stored text: none of it is taken for a colour and stripped.
    pub(super) fn exact() -> Self {
        Self {
            is_exact: true,
            ..Self::new()
        }
    }

    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        match self.is_prose {
            true => self.write_bytes(prose(text).as_bytes()),
            false => self.write_bytes(text.as_bytes()),
        }
    }

    /// For stored text that is written piece by piece: a terminal gets it escaped.
    pub(super) fn stored(&mut self) -> Stored<'_> {
        Stored {
            lines: self,
            is_terminal: stdout_is_terminal(),
        }
    }

    /// Writes what is not text; in [`exact`](Self::exact) lines it stays as it is.
    pub(super) fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The last words, which say that all is told, are never among what goes out here.
        if self.held.len().saturating_add(bytes.len()) > self.limit && !self.held.is_empty() {
            self.put_out()?;
            self.limit = PIECE;
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// The output is complete; [`release`] writes the rest of it.
    pub(super) fn finish(self) -> io::Result<()> {
        HELD.with_borrow_mut(|held| held.push(self));
        Ok(())
    }

    fn put_out(&mut self) -> io::Result<()> {
        put_out(&self.held, self.is_exact)?;
        self.held.clear();
        Ok(())
    }
}

/// See [`Lines::stored`].
pub(super) struct Stored<'l> {
    lines: &'l mut Lines,
    is_terminal: bool,
}

impl io::Write for Stored<'_> {
    /// Whoever writes JSON or YAML ends no piece inside of a character.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_terminal {
            let text = escape::report(&String::from_utf8_lossy(bytes));
            self.lines.write(&text)?;
        } else {
            self.lines.write_bytes(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what was held back.
pub(super) fn release() -> io::Result<()> {
    let held = HELD.take();
    held.into_iter().try_for_each(|mut lines| lines.put_out())
}

/// What is held back.
#[cfg(test)]
pub(super) fn held() -> String {
    HELD.with_borrow(|held| {
        let bytes: Vec<u8> = held.iter().flat_map(|lines| lines.held.clone()).collect();
        String::from_utf8(bytes).unwrap()
    })
}

/// Forgets what was held back.
pub(super) fn discard() {
    HELD.take();
}

/// True when a person reads standard output.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// What went wrong, as far as it is to be told as JSON, too.
#[derive(Default)]
struct Errors {
    /// JSON was asked for.
    as_json: bool,
    /// The file that is looked at, fit to be shown; none where it may be one of two.
    file: Option<String>,
    /// How many files were opened, where nobody says which one it is about.
    opened: usize,
    /// It is one of several, so messages begin with its name.
    is_one_of_several: bool,
    /// With the file that it is about, where that is known better.
    messages: Vec<(Option<String>, String)>,
    /// How many more there are.
    more: usize,
}

/// At most so many errors of a file are told as JSON.
const ERRORS: usize = 1000;

thread_local! {
    static ERRORS_TOLD: RefCell<Errors> = RefCell::default();
}

/// From here on, each error is a line of JSON on standard output as well.
pub(super) fn errors_as_json() {
    ERRORS_TOLD.with_borrow_mut(|errors| errors.as_json = true);
}

/// What goes wrong from here on is about `file`; where it is one of several, each error names it.
pub(super) fn begin_file(file: &Path, is_one_of_several: bool) {
    ERRORS_TOLD.with_borrow_mut(|errors| {
        errors.file = Some(escape::path(file));
        errors.opened = 0;
        errors.is_one_of_several = is_one_of_several;
    });
}

/// A file is opened: what goes wrong is about it, unless something else was said, or another one is open, too.
pub(super) fn opened(file: &Path) {
    ERRORS_TOLD.with_borrow_mut(|errors| {
        if errors.opened == 0 && errors.file.is_some() {
            return;
        }
        let file = escape::path(file);
        errors.file = match errors.opened {
            0 => Some(file),
            _ => errors.file.take().filter(|other| *other == file),
        };
        errors.opened = errors.opened.saturating_add(1);
    });
}

/// Writes the errors since the last call as lines of JSON, if JSON was asked for.
pub(super) fn errors_told(exit: Exit) -> io::Result<()> {
    let told = ERRORS_TOLD.with_borrow_mut(|errors| {
        let rest = Errors {
            as_json: errors.as_json,
            ..Errors::default()
        };
        std::mem::replace(errors, rest)
    });
    let more = (told.more > 0).then(|| (None, format!("{} more errors", told.more)));
    let lines = told.messages.iter().chain(&more);
    let lines = lines.map(|(about, message)| {
        let file = about.as_ref().or(told.file.as_ref());
        report::error_json(file.map(String::as_str), message, exit.code())
    });
    let text: String = lines.collect();
    match text.is_empty() {
        true => Ok(()),
        false => out(&text),
    }
}

/// What is to be a line of JSON, too.
fn remember(about: Option<&Path>, message: &str) {
    ERRORS_TOLD.with_borrow_mut(|errors| match errors.messages.len() {
        _ if !errors.as_json => {}
        ..ERRORS => {
            let about = about.map(escape::path);
            errors.messages.push((about, message.to_owned()));
        }
        _ => errors.more = errors.more.saturating_add(1),
    });
}

/// One line on standard error, and in JSON if that was asked for.
pub(super) fn error(message: &str) {
    let file = ERRORS_TOLD.with_borrow(|errors| {
        let file = errors.file.as_ref().filter(|_| errors.is_one_of_several)?;
        (!message.contains(file.as_str())).then(|| file.clone())
    });
    match file {
        Some(file) => line(&format!("Error: {file}: {message}")),
        None => line(&format!("Error: {message}")),
    }
    remember(None, message);
}

/// An error that was told in another way, for those who asked for JSON.
pub(super) fn also_in_json(file: &Path, message: &str) {
    remember(Some(file), message);
}

/// What the parser of arguments says, which has its own words in front.
pub(super) fn usage_error(text: &str) {
    let text = text.trim_end();
    remember(None, text.strip_prefix("error: ").unwrap_or(text));
}

/// One line on standard error. Whatever in it came from arguments or from a file is made visible, though
/// most of it was escaped before.
pub(super) fn line(message: &str) {
    told(&format!("{}\n", escape::report(message)));
}

/// Writes to standard error; to the pager where that has the terminal.
fn told(text: &str) {
    let text = for_terminal(text, &io::stderr());
    let pager = stderr_is_terminal().then(pager::running).flatten();
    // When there is no standard error any more there is nobody to tell.
    let _ = match pager {
        Some(pager) => {
            let choice = AutoStream::choice(&io::stderr());
            AutoStream::new(pager, choice).write_all(text.as_bytes())
        }
        None => anstream::stderr().lock().write_all(text.as_bytes()),
    };
}

/// What damage hides, with the findings; of these JSON has none.
pub(super) fn damage(file: &Path, what: &str, findings: &str) {
    let message = format!("{}: {what}", escape::path(file));
    report(&format!("{message}:\n{findings}"));
    remember(Some(file), &message);
}

/// The same without findings.
pub(super) fn damage_line(file: &Path, what: &str) {
    let message = format!("{}: {what}", escape::path(file));
    line(&message);
    remember(Some(file), &message);
}

/// Lines of a report on standard error, which has colours and was escaped when it was made.
pub(super) fn report(text: &str) {
    told(&format!("{text}\n"));
}

/// True when a person reads standard error.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_long_output_are_held_back() {
        let mut lines = Lines::new();
        lines.limit = 10;
        for word in ["one\n", "two\n", "three\n", "summary\n"] {
            lines.write(word).unwrap();
        }
        lines.finish().unwrap();
        assert!(held().ends_with("summary\n") && !held().contains("one"));
        discard();
        assert_eq!(held(), "");
    }
}
