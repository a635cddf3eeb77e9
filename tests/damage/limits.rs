//! Runs the program under watch: work, private memory, exit status, no panic. Nothing here looks at a clock:
//! how long a run takes depends on the machine and on what else it does.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcdsnap::Workers;
use etcdsnap::bolt::check::bolt_messages;
use etcdsnap::bolt::{Database, OpenError, SecondMeta};
use etcdsnap::container::{FileLayout, classify};
use etcdsnap::etcd::Release;
use etcdsnap::finding::Collector;
use etcdsnap::ids::FileOffset;
use etcdsnap::ops::examine;
use etcdsnap::options::Options;
use etcdsnap::source::{Slice, Source};

/// No file may cost more private memory than this.
pub(crate) const MEMORY_KIB: u64 = 200 << 10;
/// Where the kernel stops a program that runs away faster than the watch looks, in KiB.
const ADDRESS_SPACE_KIB: u64 = 4 << 20;
/// Where the kernel stops a program that does not end, in seconds of computing, which a busy machine does not
/// shorten. It is a hundred times what any of the files takes.
const COMPUTING_SECONDS: u32 = 600;
/// Fixed, so that memory does not depend on the number of cores.
const THREADS: &str = "4";

/// How often every byte may be read by a scan: for the plan and the leaves, all of that again with a careful
/// plan, for bounds, and to name keys in findings.
const READS_OF_A_BYTE: u64 = 4;
/// What bbolt's own walk may read beside four times the length of the file, and for every object a header.
const WALK: u64 = 64 << 20;
/// More reads than one for so many bytes lead around in circles.
const SHORTEST: u64 = 512;
/// Windows around what is wanted, where the file is small.
const SLACK: u64 = 4 << 20;

/// What one run cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u64,
    /// The exit status.
    pub(crate) status: i32,
}

/// Runs `etcdsnap ARGS FILE`; what was wrong with the run is the error.
pub(crate) fn run(args: &[&str], file: &Path) -> Result<Cost, String> {
    let out = tempfile::tempfile().expect("a file for the output");
    let errors = tempfile::NamedTempFile::new().expect("a file for the error output");
    let error_file = errors.reopen().expect("the file is there");
    // A limit that is lower already is as good.
    let script =
        format!("ulimit -v {ADDRESS_SPACE_KIB}; ulimit -t {COMPUTING_SECONDS}; exec \"$0\" \"$@\"");
    let mut child = Command::new("/bin/sh")
        .env_clear()
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_etcdsnap"))
        .args(args)
        .args(["--threads", THREADS])
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
        if cost.memory_kib > MEMORY_KIB {
            let _ = child.kill();
            let _ = child.wait();
            let memory = cost.memory_kib >> 10;
            return Err(format!("{args:?}: {memory} MiB of private memory so far"));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
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

/// Private memory of a process; 0 where the system does not tell.
fn private_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Counts what is read, and panics when it is more than any file is worth: so whatever reads on without an
/// end has one.
#[derive(Debug)]
struct Counting<'b> {
    inner: Slice<'b>,
    most: u64,
    bytes: AtomicU64,
    reads: AtomicU64,
}

impl<'b> Counting<'b> {
    fn new(bytes: &'b [u8], most: u64) -> Self {
        Self {
            inner: Slice(bytes),
            most,
            bytes: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        }
    }
}

impl Source for Counting<'_> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> etcdsnap::Result<()> {
        let bytes = self.bytes.fetch_add(into.len() as u64, Ordering::Relaxed);
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        assert!(bytes <= self.most, "{bytes} bytes were read");
        assert!(reads <= self.most / SHORTEST, "{reads} reads were made");
        self.inner.read_exact_at(offset, into)
    }
}

/// How often a scan reads every byte, and how many reads it makes for each 512 of them; what was wrong with
/// the scan, or with bbolt's own walk, is the error.
pub(crate) fn work(bytes: &[u8]) -> Result<(f64, f64), String> {
    let len = bytes.len() as u64;
    let scan = Counting::new(bytes, len * READS_OF_A_BYTE + SLACK);
    let walk = Counting::new(bytes, 2 * (4 * len + WALK) + SLACK);
    let looked = std::panic::catch_unwind(|| {
        scanned(&scan);
        walked(&walk);
    });
    looked.map_err(|why| {
        let why = why.downcast_ref::<String>().cloned();
        format!("in this process: {}", why.unwrap_or_default())
    })?;
    let len = len.max(1) as f64;
    let read = scan.bytes.into_inner() as f64 / len;
    Ok((read, scan.reads.into_inner() as f64 * 512.0 / len))
}

fn open<'s>(source: &'s Counting<'_>) -> Option<Database<'s>> {
    let layout = FileLayout::read(source).expect("memory can be read");
    let opened = Database::open(source, layout.database_len, SecondMeta::Search);
    match opened {
        Ok(database) => Some(database),
        Err(OpenError::NoMeta(metas, error)) => {
            classify(source, &metas, error, false).expect("memory can be read");
            None
        }
        Err(OpenError::Read(error)) => panic!("memory can be read: {error}"),
    }
}

/// Looks at all that `verify`, `info` and `status` look at.
fn scanned(source: &Counting<'_>) {
    if let Some(database) = open(source) {
        let workers = Workers::new(std::num::NonZeroUsize::MIN).expect("no threads");
        let mut findings = Collector::new(100);
        examine(&database, &(), &workers, &Options::default(), &mut findings)
            .expect("memory can be read");
    }
}

/// Looks for what bbolt would say.
fn walked(source: &Counting<'_>) {
    if let Some(database) = open(source) {
        let style = Release::default().message_style();
        bolt_messages(&database, style, &Options::default()).expect("memory can be read");
    }
}
