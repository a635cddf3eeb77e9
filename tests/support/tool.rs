//! Running the program that is tested.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::schemas;

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit status; `None` when a signal ended the program.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8 only");
        Self {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The program, to be run in `dir`, with nothing in its environment that changes what it prints.
pub(crate) fn command(dir: &Path) -> Command {
    in_bare_environment(env!("CARGO_BIN_EXE_etcdsnap"), dir)
}

/// A shell to run `script` in `dir`, where `$0` is the program and `$@` what is added to the command. Of the
/// environment it has the paths of programs and temporary files.
pub(crate) fn shell(dir: &Path, script: &str) -> Command {
    let mut command = in_bare_environment("sh", dir);
    with_programs(&mut command);
    command.args(["-c", script, env!("CARGO_BIN_EXE_etcdsnap")]);
    command
}

/// What a terminal shows of a line for the shell; nothing where there is no `script` of util-linux, or no terminal.
pub(crate) fn on_terminal(dir: &Path, line: &str, variables: &[(&str, &str)]) -> Option<String> {
    const IS_TERMINAL: &str = "it is a terminal\r\n";
    let line = format!("test -t 1 && echo it is a terminal && {{ {line}\n}}");
    let mut command = in_bare_environment("script", dir);
    with_programs(&mut command);
    command
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .envs(variables.iter().copied());
    let shown = command.output().ok()?.stdout;
    let shown = String::from_utf8(shown).expect("the program writes UTF-8 only");
    let shown = shown.strip_prefix(IS_TERMINAL).map(str::to_owned);
    if shown.is_none() {
        eprintln!("skipped: `script` of util-linux is missing, or there is no terminal");
    }
    shown
}

fn in_bare_environment(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn with_programs(command: &mut Command) {
    for variable in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
}

/// Runs the program in `dir` and waits for its end. Whatever JSON it prints must be as its schemas say.
pub(crate) fn run<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Outcome {
    let output = command(dir).args(args).output();
    let outcome: Outcome = output.expect("the program starts").into();
    schemas::check(&outcome.stdout);
    outcome
}

/// Does `work` with every item, on all cores, and gives the results in the order of the items.
pub(crate) fn for_all<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { break };
                    let result = work(item);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((number, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}
