//! A pager for what is longer than the terminal is high, as git has it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{interrupt, progress};

/// The environment variables that name a pager, the first of those that are set.
const VARIABLES: [&str; 2] = ["ETCDSNAP_PAGER", "PAGER"];

/// The pager where none is named.
const DEFAULT: &str = "less";

/// What pagers are told where the user has not set it: leave what fits as it is, keep colours, clear nothing.
const SETTINGS: [(&str, &str); 2] = [("LESS", "FRX"), ("LV", "-c")];

/// The terminal where it does not tell its size.
pub(super) const SIZE: (usize, usize) = (80, 24);

enum Pager {
    /// Output goes where it went before.
    Off,
    /// Started when there is more output than fits.
    Ready(OsString),
    Running(Child, File),
}

static PAGER: Mutex<Pager> = Mutex::new(Pager::Off);

fn pager() -> MutexGuard<'static, Pager> {
    PAGER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on output that is longer than the terminal is high goes to a pager, if there is a terminal.
pub(super) fn allow() {
    if !io::stdout().is_terminal() {
        return;
    }
    if let Some(command) = named(|variable| std::env::var_os(variable)) {
        *pager() = Pager::Ready(command);
    }
}

/// The pager that the environment names; none where it names nothing or `cat`.
fn named(variable: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    let command = VARIABLES.iter().find_map(|name| variable(name));
    let command = command.unwrap_or_else(|| DEFAULT.into());
    (!command.is_empty() && command != "cat").then_some(command)
}

/// Where `text` goes, if not to standard output itself; starts the pager if `text` does not fit on the terminal.
pub(super) fn take(text: &[u8]) -> io::Result<Option<File>> {
    let mut pager = pager();
    if let Pager::Ready(command) = &*pager {
        let size = terminal_size::terminal_size_of(io::stdout());
        let size = size.map_or(SIZE, |(columns, rows)| (columns.0.into(), rows.0.into()));
        if fits(text, size) {
            return Ok(None);
        }
        progress::hide();
        // One that cannot be started is no reason to keep the answer back.
        *pager = start(command).unwrap_or(Pager::Off);
    }
    match &*pager {
        Pager::Running(_, input) => input.try_clone().map(Some),
        Pager::Off | Pager::Ready(_) => Ok(None),
    }
}

/// The input of the pager while it has the terminal.
pub(super) fn running() -> Option<File> {
    match &*pager() {
        Pager::Running(_, input) => input.try_clone().ok(),
        Pager::Off | Pager::Ready(_) => None,
    }
}

/// Ends the pager's input and waits until the user has left it.
pub(super) fn wait() {
    let running = std::mem::replace(&mut *pager(), Pager::Off);
    if let Pager::Running(mut child, input) = running {
        drop(input);
        // How it ended is the user's business.
        let _ = child.wait();
    }
}

fn start(command: &OsStr) -> Option<Pager> {
    let mut process = process_of(command)?;
    for (name, value) in SETTINGS {
        if std::env::var_os(name).is_none() {
            process.env(name, value);
        }
    }
    let mut child = process.stdin(Stdio::piped()).spawn().ok()?;
    let input = child.stdin.take()?;
    interrupt::leave_to_the_pager();
    Some(Pager::Running(child, File::from(OwnedFd::from(input))))
}

/// The program itself, so that one that is missing is noticed, or a shell for what only a shell takes apart.
fn process_of(command: &OsStr) -> Option<Command> {
    let is_for_a_shell = |byte: &u8| b"|&;<>()$`\\\"'*?[]#~=%{}!".contains(byte);
    if command.as_bytes().iter().any(is_for_a_shell) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command);
        return Some(shell);
    }
    let words = command.as_bytes().split(u8::is_ascii_whitespace);
    let mut words = words.filter(|word| !word.is_empty()).map(OsStr::from_bytes);
    let mut process = Command::new(words.next()?);
    process.args(words);
    Some(process)
}

/// True if the terminal, as wide and as high as `size`, shows all of `text` and the prompt that follows.
fn fits(text: &[u8], (columns, rows): (usize, usize)) -> bool {
    let mut left = rows.saturating_sub(1);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let len = anstream::adapter::strip_str(line.trim_end()).to_string();
        let needed = len.chars().count().div_ceil(columns.max(1)).max(1);
        match left.checked_sub(needed) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_pager() {
        let named = |own: Option<&str>, all: Option<&str>| {
            named(|variable| {
                let value = if variable == "PAGER" { all } else { own };
                value.map(OsString::from)
            })
        };
        assert_eq!(named(None, None), Some("less".into()));
        assert_eq!(named(None, Some("more -s")), Some("more -s".into()));
        assert_eq!(named(Some("most"), Some("more")), Some("most".into()));
        for none in ["", "cat"] {
            assert_eq!(named(None, Some(none)), None);
            assert_eq!(named(Some(none), Some("more")), None);
        }
    }

    #[test]
    fn a_shell_is_asked_only_for_what_it_has_to_take_apart() {
        let words = |command: &str| {
            let process = process_of(command.as_ref())?;
            let args = process.get_args().map(OsStr::to_os_string);
            let all: Vec<OsString> = std::iter::once(process.get_program().to_owned())
                .chain(args)
                .collect();
            Some(all)
        };
        assert_eq!(
            words(" less  -S -R "),
            Some(vec!["less".into(), "-S".into(), "-R".into()])
        );
        assert_eq!(
            words("less -P 'a b'"),
            Some(vec!["sh".into(), "-c".into(), "less -P 'a b'".into()])
        );
        assert_eq!(words("  "), None);
    }

    #[test]
    fn what_is_higher_than_the_terminal_does_not_fit() {
        let size = (10, 4);
        assert!(fits(b"", size));
        assert!(fits(b"1\n2\n3\n", size));
        assert!(!fits(b"1\n2\n3\n4\n", size));
        // A long line takes several rows; colours take no room.
        assert!(!fits(b"1\n2\n01234567890\n", size));
        assert!(fits(b"1\n2\n\x1b[31m0123456789\x1b[0m\n", size));
        assert!(!fits(b"1\n", (0, 0)));
    }
}
