//! `etcdsnap verify` of damaged and odd data directories, against servers that are started from them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcdsnap::etcd::raft::{
    LogRecord, WalForm, WalReader, WalWriter, parse_segment_name, segment_name,
};
use serde_json::json;

use crate::driver::Driver;
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

/// Segments that the log is cut into.
const SEGMENTS: usize = 4;

/// What is done to a directory whose log has four segments, and `.snap` files.
type Damage = fn(&Directory) -> io::Result<()>;

const CASES: &[(&str, Damage)] = &[
    ("sound", |_| Ok(())),
    ("first segments purged", |dir| dir.remove(&[0, 1])),
    ("segment missing in the middle", |dir| dir.remove(&[1])),
    ("first segments purged, no .snap file", |dir| {
        dir.remove(&[0])?;
        dir.remove_snapshots()
    }),
    ("no .snap file", Directory::remove_snapshots),
    ("newest .snap file damaged", |dir| {
        let path = dir.snapshots()?.pop().expect("a .snap file");
        change(&path, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        })
    }),
    ("first segment renamed", |dir| {
        dir.remove(&[1, 2, 3])?;
        let name = dir.wal().join(segment_name(0, 1 << 40));
        fs::rename(&dir.segments()?[0], name)
    }),
    ("first record of the first segment overwritten", |dir| {
        dir.zero(0)
    }),
    ("first record of the second segment overwritten", |dir| {
        dir.zero(1)
    }),
    ("first record of the only segment overwritten", |dir| {
        dir.remove(&[1, 2, 3])?;
        dir.zero(0)
    }),
    ("byte changed in the first segment", |dir| {
        change(&dir.segments()?[0], |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        })
    }),
    ("second segment cut", |dir| {
        let path = &dir.segments()?[1];
        let bytes = fs::read(path)?;
        fs::write(path, &bytes[..(bytes.len() / 2) | 1])
    }),
    ("empty segment at the end", |dir| {
        let last = dir.segments()?.len() as u64;
        fs::write(dir.wal().join(segment_name(last, 1 << 40)), [0; 4096])
    }),
];

struct Directory {
    path: PathBuf,
}

impl Directory {
    fn wal(&self) -> PathBuf {
        self.path.join("member/wal")
    }

    fn segments(&self) -> io::Result<Vec<PathBuf>> {
        let is_segment =
            |path: &PathBuf| name_of(path).is_some_and(|name| parse_segment_name(name).is_some());
        sorted(&self.wal(), is_segment)
    }

    fn snapshots(&self) -> io::Result<Vec<PathBuf>> {
        let is_snapshot = |path: &PathBuf| {
            path.extension()
                .is_some_and(|extension| extension == "snap")
        };
        sorted(&self.path.join("member/snap"), is_snapshot)
    }

    fn remove(&self, numbers: &[usize]) -> io::Result<()> {
        let segments = self.segments()?;
        numbers
            .iter()
            .try_for_each(|number| fs::remove_file(&segments[*number]))
    }

    fn remove_snapshots(&self) -> io::Result<()> {
        self.snapshots()?.iter().try_for_each(fs::remove_file)
    }

    fn zero(&self, number: usize) -> io::Result<()> {
        change(&self.segments()?[number], |bytes| bytes[..16].fill(0))
    }

    /// Rewrites the log as several segments, as a server does when one is full.
    fn cut_log(&self, form: WalForm) -> io::Result<()> {
        let path = self.segments()?.remove(0);
        let log = fs::read(&path)?;
        let records: Vec<LogRecord> = WalReader::new(&log, 0)
            .map_while(Result::ok)
            .map(|frame| frame.record)
            .collect();
        let head = records
            .iter()
            .find(|record| matches!(record, LogRecord::Metadata(_)));
        let entries = records
            .iter()
            .filter(|record| matches!(record, LogRecord::Entry(_)))
            .count();
        let (mut writer, mut number, mut first) = (WalWriter::new(form), 0, 0);
        let (mut state, mut seen, mut last) = (None, 0, 0);
        for record in &records {
            if let LogRecord::Entry(entry) = record {
                // A `.snap` file must not lie behind the last segment's first entry alone.
                if seen * SEGMENTS >= (number as usize + 1) * entries.max(SEGMENTS) {
                    self.write(number, first, &writer)?;
                    (number, first) = (number + 1, last + 1);
                    writer = writer.next_segment();
                    for record in head.into_iter().chain(state) {
                        writer.record(record);
                    }
                }
                seen += 1;
                last = entry.index;
            }
            if matches!(record, LogRecord::State(_)) {
                state = Some(record);
            }
            writer.record(record);
        }
        self.write(number, first, &writer)
    }

    fn write(&self, number: u64, first: u64, writer: &WalWriter) -> io::Result<()> {
        fs::write(self.wal().join(segment_name(number, first)), writer.bytes())
    }

    fn copy_to(&self, path: &Path) -> io::Result<Self> {
        for folder in ["member/wal", "member/snap"] {
            fs::create_dir_all(path.join(folder))?;
            for file in sorted(&self.path.join(folder), |_| true)? {
                let name = file.file_name().expect("a file has a name");
                fs::copy(&file, path.join(folder).join(name))?;
            }
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn sorted(folder: &Path, is_wanted: impl Fn(&PathBuf) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    found.retain(|path| is_wanted(path));
    found.sort();
    Ok(found)
}

fn change(path: &Path, how: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
    let mut bytes = fs::read(path)?;
    how(&mut bytes);
    fs::write(path, bytes)
}

/// A directory with a few `.snap` files and a log of four segments.
fn made_by_a_server(scene: &Scene<'_>) -> Result<Directory, String> {
    let path = scene.scratch.join("directory");
    let mut driver = Driver::start(&scene.peers.driver())?;
    driver.ask(json!({
        "op": "start",
        "binary": scene.peers.server(scene.version),
        "data_dir": path,
        "log": scene.scratch.join("directory.log"),
        "args": ["--snapshot-count", "10"],
    }))?;
    driver.ask(json!({
        "op": "workload", "seed": scene.seed, "phase": 1, "steps": 60, "no_leases": true,
    }))?;
    driver.ask(json!({"op": "stop", "kill": false}))?;
    let made = Directory { path };
    let form = match scene.version {
        Version::V34 => WalForm::V34,
        Version::V37 => WalForm::V37,
        _ => WalForm::V36,
    };
    made.cut_log(form).map_err(|error| error.to_string())?;
    Ok(made)
}

/// Whether a server starts from it and takes a write.
fn starts(scene: &Scene<'_>, dir: &Directory) -> Result<bool, String> {
    let mut driver = Driver::start(&scene.peers.driver())?;
    let started = driver.ask(json!({
        "op": "start",
        "binary": scene.peers.server(scene.version),
        "data_dir": dir.path,
        "log": scene.scratch.join("directory.log"),
        "args": [],
        "keep": true,
    }));
    let Ok(started) = started else {
        return Ok(false);
    };
    let endpoint = started["endpoint"].as_str().unwrap_or_default();
    let write = |words: &[&str]| scene.peers.etcdctl(scene.version, endpoint, words);
    // The history may have raised an alarm that forbids writes.
    let disarmed = write(&["alarm", "disarm"])?;
    let put = write(&["put", "damaged", "or not"])?;
    driver.ask(json!({"op": "stop", "kill": false}))?;
    Ok(disarmed.code == Some(0) && put.code == Some(0))
}

pub(super) fn servers_start_where_verify_says_so(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    // Each start takes its time, and chance has little to do with the outcome.
    if scene.seed % 5 != 1 {
        return Ok(());
    }
    let told = |error: io::Error| error.to_string();
    let made = made_by_a_server(scene)?;
    for (what, damage) in CASES {
        let dir = made.copy_to(&scene.scratch.join("damaged")).map_err(told)?;
        damage(&dir).map_err(told)?;
        let outcome = scene
            .etcdsnap
            .on_live(&["verify", "--quick", "--json"], &dir.path)?;
        let (says, starts) = (outcome.code == Some(0), starts(scene, &dir)?);
        ledger.holds(
            "verify says whether a server starts",
            says == starts,
            || format!("{what}: the server starts: {starts}, {}", outcome.brief()),
        );
        fs::remove_dir_all(&dir.path).map_err(told)?;
    }
    fs::remove_dir_all(&made.path).map_err(told)
}
