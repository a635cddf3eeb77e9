//! Standard output, standard error, progress. Output goes through one buffer; a closed pipe ends the
//! output quietly.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::finding::escape;
use crate::options::Progress;

/// Jobs shorter than this show no progress.
const QUIET: Duration = Duration::from_secs(1);

/// Writes `text`, colours stripped where they do not belong. False when nobody reads any more or it
/// cannot be written.
pub(super) fn out(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Standard output for long lists: one buffer, colours stripped where they do not belong.
pub(super) struct Lines {
    out: io::BufWriter<anstream::AutoStream<io::StdoutLock<'static>>>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            out: io::BufWriter::with_capacity(64 << 10, anstream::stdout().lock()),
        }
    }

    /// For what holds stored text: none of it is taken for a colour and stripped.
    pub(super) fn exact() -> Self {
        let stdout = anstream::AutoStream::always_ansi(io::stdout().lock());
        Self {
            out: io::BufWriter::with_capacity(64 << 10, stdout),
        }
    }

    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// For stored text that is written piece by piece: a terminal gets it escaped.
    pub(super) fn stored(&mut self) -> Stored<'_> {
        Stored {
            lines: self,
            is_terminal: stdout_is_terminal(),
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
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
            self.lines.out.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.out.flush()
    }
}

/// Writes bytes as they are.
pub(super) fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
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
    // When standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", escape::report(message));
}

/// Lines of a report on standard error, which has colours and was escaped when it was made.
pub(super) fn report(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// True when a person reads standard error.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// A progress bar on standard error that appears when the job takes longer than a second.
pub(super) struct Bar {
    started: Instant,
    state: Mutex<State>,
    shown: AtomicBool,
}

struct State {
    name: String,
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State {
                name: String::new(),
                total: 0,
                done: 0,
                bar: None,
            }),
            shown: AtomicBool::new(false),
        }
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(
            &mut self
                .state
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
        });
    }
}

impl Progress for Bar {
    fn stage(&self, name: &str, total_bytes: u64) {
        self.with(|state| {
            state.name = name.into();
            state.total = total_bytes;
            state.done = 0;
            if let Some(bar) = &state.bar {
                bar.set_length(total_bytes);
                bar.set_position(0);
                bar.set_message(state.name.clone());
            }
        });
    }

    fn advance(&self, bytes: u64) {
        let late = self.shown.load(Ordering::Relaxed) || self.started.elapsed() > QUIET;
        self.with(|state| {
            state.done = state.done.saturating_add(bytes);
            if !late {
                return;
            }
            let bar = state.bar.get_or_insert_with(|| {
                self.shown.store(true, Ordering::Relaxed);
                let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
                let style = ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
                let bar =
                    ProgressBar::with_draw_target(Some(state.total), ProgressDrawTarget::stderr());
                bar.with_style(style).with_message(state.name.clone())
            });
            bar.set_position(state.done.min(state.total));
        });
    }
}
