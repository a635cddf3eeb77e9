//! Running programs: ones that end, and servers that must not outlive the test. No clock decides: what may hang has a
//! limit of its own (kubectl's `--request-timeout`), and whoever runs the suite bounds it as a whole.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use std::os::unix::process::CommandExt;

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// True if nothing was found, which is status 1 of this program and success for kubectl.
    pub(crate) fn has_found_nothing(&self) -> bool {
        let is_said = |line: &str| {
            [
                "No resources found",
                "Error: there are no ",
                "Error: there is no namespace ",
            ]
            .iter()
            .any(|words| line.starts_with(words))
                || line.contains(" selects none of ")
        };
        self.code == Some(1) && !self.stderr.is_empty() && self.stderr.lines().all(is_said)
    }

    /// The standard output of a run that must have gone well.
    pub(crate) fn success(self, what: &str) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "{what}\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs a program to its end, with `input` on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Outcome {
    let told = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{told}: {error}"));
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read all of it has its reasons.
            let _ = stdin.write_all(input.as_bytes());
        });
        let stdout = scope.spawn(|| read_all(stdout));
        let stderr = scope.spawn(|| read_all(stderr));
        let status = child.wait().expect("a child can be waited for");
        Outcome {
            code: status.code(),
            stdout: stdout.join().expect("reading does not panic"),
            stderr: stderr.join().expect("reading does not panic"),
        }
    })
}

fn read_all(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before an error is told all the same.
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Kills the program and all that it started.
fn kill_group(child: &mut Child) {
    let group = rustix::process::Pid::from_child(child);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _ = child.wait();
}

/// Runs a program, kills it and all that it started as soon as it has printed so many lines, and gives those. None when
/// it ended by itself before that.
pub(crate) fn run_and_kill(command: &mut Command, after_lines: usize) -> Option<Vec<String>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = child.stdout.take().expect("standard output is piped");
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut seen = Vec::new();
    while seen.len() < after_lines {
        match lines.recv() {
            Ok(line) => seen.push(line),
            Err(_) => {
                kill_group(&mut child);
                return None;
            }
        }
    }
    kill_group(&mut child);
    Some(seen)
}

/// A server; killed when this is dropped, and, where `setpriv` is there, when the test is killed itself.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log);
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let errors = output.try_clone().expect("a file can be opened twice");
        let mut command = if has_setpriv() {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("ETCD") {
                command.env_remove(variable);
            }
        }
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { child }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_setpriv() -> bool {
    let tried = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "true"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}
