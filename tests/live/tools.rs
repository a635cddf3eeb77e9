//! The programs: the real ones, and ours.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::settings::Version;

/// No single run of a tool may take longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// None when a signal (or our patience) ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The standard output of a run that must have gone well.
    pub(crate) fn success(self, what: &str) -> Result<Vec<u8>, String> {
        if self.code == Some(0) {
            Ok(self.stdout)
        } else {
            Err(format!("{what}: {}", self.brief()))
        }
    }

    pub(crate) fn brief(&self) -> String {
        let cut = |text: &str| text.chars().take(600).collect::<String>();
        format!(
            "exit {:?}, stdout {:?}, stderr {:?}",
            self.code,
            cut(&self.stdout_text()),
            cut(&self.stderr)
        )
    }
}

fn run(command: &mut Command) -> Result<Outcome, String> {
    let told = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{told}: {error}"))?;
    let mut stdout = child.stdout.take().expect("standard output is piped");
    let mut stderr = child.stderr.take().expect("standard error is piped");
    thread::scope(|scope| {
        let errors = scope.spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).map(|_| bytes)
        });
        let output = scope.spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| bytes)
        });
        let code = wait(&mut child).map_err(|error| format!("{told}: {error}"))?;
        let read = |thread: thread::ScopedJoinHandle<'_, std::io::Result<Vec<u8>>>| {
            let bytes = thread.join().expect("reading a pipe does not panic");
            bytes.map_err(|error| format!("{told}: {error}"))
        };
        Ok(Outcome {
            code,
            stdout: read(output)?,
            stderr: String::from_utf8_lossy(&read(errors)?).into_owned(),
        })
    })
}

fn wait(child: &mut Child) -> std::io::Result<Option<i32>> {
    let started = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if started.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// Directory of the programs that tests/live/peers/install provides.
pub(crate) struct Peers {
    dir: PathBuf,
}

impl Peers {
    pub(crate) fn find() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/peers/install");
        let checked = run(Command::new(&script).arg("--check"))?;
        if checked.code != Some(0) {
            return Err(format!(
                "the real etcd programs are not there or out of date; run\n\n    tests/live/peers/install\n\n{}",
                checked.stderr
            ));
        }
        let told = checked.stdout_text();
        eprint!("{told}");
        let dir = told.lines().next_back().unwrap_or_default();
        Ok(Self {
            dir: PathBuf::from(dir),
        })
    }

    pub(crate) fn driver(&self) -> PathBuf {
        self.dir.join("driver")
    }

    pub(crate) fn server(&self, version: Version) -> PathBuf {
        self.dir.join(version.name()).join("etcd")
    }

    fn tool(&self, version: Version, name: &str) -> Command {
        let mut command = Command::new(self.dir.join(version.name()).join(name));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("ETCD") {
                command.env_remove(variable);
            }
        }
        command.env("ETCDCTL_API", "3");
        command
    }

    pub(crate) fn save(
        &self,
        version: Version,
        endpoint: &str,
        file: &Path,
    ) -> Result<Outcome, String> {
        run(self
            .tool(version, "etcdctl")
            .args(["--endpoints", endpoint, "snapshot", "save"])
            .arg(file))
    }

    /// A question to the running server.
    pub(crate) fn etcdctl(
        &self,
        version: Version,
        endpoint: &str,
        words: &[impl AsRef<OsStr>],
    ) -> Result<Outcome, String> {
        run(self
            .tool(version, "etcdctl")
            .args(["--endpoints", endpoint])
            .args(words))
    }

    /// `snapshot status` of the tool that has it in that release line.
    pub(crate) fn status(
        &self,
        version: Version,
        file: &Path,
        format: &str,
    ) -> Result<Outcome, String> {
        let name = match version {
            Version::V34 => "etcdctl",
            _ => "etcdutl",
        };
        run(self
            .tool(version, name)
            .args(["snapshot", "status", "-w", format])
            .arg(file))
    }

    /// A command line of the tool that has `snapshot` in that release line: etcdctl, later etcdutl.
    pub(crate) fn as_written(&self, version: Version, words: &[String]) -> Result<Outcome, String> {
        let name = match version {
            Version::V34 => "etcdctl",
            _ => "etcdutl",
        };
        run(self.tool(version, name).args(words))
    }

    /// `etcdutl hashkv`, which changes its file: give it a copy. 3.6 and later have it.
    pub(crate) fn hashkv(
        &self,
        version: Version,
        copy: &Path,
        revision: i64,
        format: &str,
    ) -> Result<Outcome, String> {
        run(self
            .tool(version, "etcdutl")
            .args(["hashkv", "-w", format, "--rev", &revision.to_string()])
            .arg(copy))
    }

    /// `etcdutl snapshot restore` with this name and these flags.
    pub(crate) fn restore(
        &self,
        version: Version,
        file: &Path,
        dir: &Path,
        flags: &[&str],
    ) -> Result<Outcome, String> {
        run(self
            .tool(version, "etcdutl")
            .args(["snapshot", "restore", "--name", "live"])
            .args(flags)
            .arg("--data-dir")
            .arg(dir)
            .arg(file))
    }

    pub(crate) fn bbolt_check(&self, database: &Path) -> Result<Outcome, String> {
        run(Command::new(self.dir.join("bbolt"))
            .arg("check")
            .arg(database))
    }
}

/// The program under test.
pub(crate) struct Etcdsnap {
    program: PathBuf,
}

impl Etcdsnap {
    pub(crate) fn new(program: &str) -> Self {
        Self {
            program: PathBuf::from(program),
        }
    }

    /// Runs it on a file and makes sure the file is the same afterwards.
    pub(crate) fn on_file<W: AsRef<OsStr>>(
        &self,
        ledger: &mut Ledger,
        words: &[W],
        file: &Frozen,
    ) -> Result<Outcome, String> {
        self.on_path(ledger, words, &file.path, file)
    }

    /// The same when the argument is not the watched file itself, such as its data directory.
    pub(crate) fn on_path<W: AsRef<OsStr>>(
        &self,
        ledger: &mut Ledger,
        words: &[W],
        path: &Path,
        watched: &Frozen,
    ) -> Result<Outcome, String> {
        let outcome = self.on_live(words, path)?;
        ledger.holds("file unchanged", watched.is_unchanged(), || {
            let words: Vec<&OsStr> = words.iter().map(AsRef::as_ref).collect();
            format!("etcdsnap {words:?} changed {}", watched.name())
        });
        Ok(outcome)
    }

    /// Runs it in place of the tool of a release line, as an alias with that release in the environment does.
    pub(crate) fn as_tool(&self, version: Version, words: &[String]) -> Result<Outcome, String> {
        run(Command::new(&self.program)
            .env("ETCDSNAP_COMPAT", version.name())
            .args(words))
    }

    /// Runs it on files that change by themselves.
    pub(crate) fn on_live<W: AsRef<OsStr>>(
        &self,
        words: &[W],
        path: &Path,
    ) -> Result<Outcome, String> {
        let (command, options) = words.split_first().expect("a subcommand is named");
        run(Command::new(&self.program)
            .arg(command)
            .arg(path)
            .args(options))
    }
}
