//! Standard output and standard error. Output goes through one buffer; a closed pipe ends the
//! output quietly.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice};

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

/// One line on standard error.
pub(super) fn error(message: &str) {
    line(&format!("Error: {message}"));
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
