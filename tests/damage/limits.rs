//! Runs the program under watch: time, private memory, exit status, no panic.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No file may cost more time than this; without optimization everything takes several times as long.
pub(crate) const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 15 } else { 5 });
/// No file may cost more private memory than this.
pub(crate) const MEMORY_KIB: u64 = 200 << 10;
/// Where the kernel stops a program that runs away faster than the watch looks, in KiB.
const ADDRESS_SPACE_KIB: u64 = 4 << 20;

/// What one run cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) memory_kib: u64,
    /// The exit status.
    pub(crate) status: i32,
}

/// Runs `etcdsnap ARGS FILE`; what was wrong with the run is the error.
pub(crate) fn run(args: &[&str], file: &Path) -> Result<Cost, String> {
    let out = tempfile::tempfile().expect("a file for the output");
    let errors = tempfile::NamedTempFile::new().expect("a file for the error output");
    let error_file = errors.reopen().expect("the file is there");
    let started = Instant::now();
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {ADDRESS_SPACE_KIB}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_etcdsnap"))
        .args(args)
        .arg(file)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(error_file)
        .spawn()
        .expect("the program starts");
    let mut cost = Cost::default();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        cost.memory_kib = cost.memory_kib.max(private_kib(child.id()));
        let over_time = started.elapsed() > TIME;
        if over_time || cost.memory_kib > MEMORY_KIB {
            let _ = child.kill();
            let _ = child.wait();
            let what = if over_time { "time" } else { "private memory" };
            return Err(format!(
                "{args:?}: too much {what}: {:?}, {} MiB so far",
                started.elapsed(),
                cost.memory_kib >> 10
            ));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    cost.time = started.elapsed();
    let errors = std::fs::read(errors.path()).expect("the error output can be read");
    let errors = String::from_utf8_lossy(&errors);
    if errors.contains("panicked") || errors.contains("overflowed its stack") {
        return Err(format!("{args:?}: {errors}"));
    }
    match status.code() {
        Some(code @ 0..=2) => Ok(Cost {
            status: code,
            ..cost
        }),
        _ => Err(format!("{args:?}: ended with {status}: {errors}")),
    }
}

/// Private memory of a process.
pub(crate) fn private_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
