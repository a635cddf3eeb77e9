//! One live run: a server, a random history, the files it leaves, and every comparison on them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::checks;
use crate::driver::{Driver, ServerHash};
use crate::dump::{self, Dump};
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::random::Random;
use crate::record::Event;
use crate::settings::{Settings, Version};
use crate::tools::{Etcdsnap, Peers};

/// Where the history stood at a moment.
pub(crate) struct Moment {
    pub(crate) revision: i64,
    /// Every revision compacted at so far, in order.
    pub(crate) compactions: Vec<i64>,
}

impl Moment {
    fn from_json(answer: &Value) -> Result<Self, String> {
        let compactions: Option<Vec<i64>> = answer["compactions"]
            .as_array()
            .map(|list| list.iter().filter_map(Value::as_i64).collect());
        match (answer["revision"].as_i64(), compactions) {
            (Some(revision), Some(compactions)) => Ok(Self {
                revision,
                compactions,
            }),
            _ => Err(format!("not a workload's answer: {answer}")),
        }
    }

    /// The last compaction, or -1 as etcd has it when there was none.
    pub(crate) fn compacted(&self) -> i64 {
        self.compactions.last().copied().unwrap_or(-1)
    }
}

/// All a comparison can look at.
pub(crate) struct Scene<'a> {
    pub(crate) peers: &'a Peers,
    pub(crate) etcdsnap: &'a Etcdsnap,
    pub(crate) version: Version,
    pub(crate) seed: u64,
    pub(crate) all_pairs: bool,
    /// For files of the comparisons' own.
    pub(crate) scratch: PathBuf,
    pub(crate) data_dir: PathBuf,
    /// Where the server listens, while it does.
    pub(crate) endpoint: String,
    pub(crate) random: Random,

    /// Snapshot in the middle of the history, and the history then.
    pub(crate) middle: Frozen,
    pub(crate) at_middle: Moment,
    /// What etcdctl said of all keys then.
    pub(crate) dump_at_middle: Dump,
    /// Snapshot at the end, saved by the real etcdctl, and the history then.
    pub(crate) snapshot: Frozen,
    pub(crate) at_end: Moment,
    /// All that ever happened, from the first revision on.
    pub(crate) events: Vec<Event>,
    /// HashKV of the server at the end, at many revisions (0 is the current one).
    pub(crate) hashes: BTreeMap<i64, ServerHash>,
    /// The server's own database file, after the server ended.
    pub(crate) raw: Option<Frozen>,
}

/// Plays one run; whatever goes wrong is in the ledger afterwards.
pub(crate) fn play(
    peers: &Peers,
    etcdsnap: &Etcdsnap,
    ledger: &mut Ledger,
    settings: &Settings,
    version: Version,
    seed: u64,
) {
    let made = tempfile::Builder::new()
        .prefix(&format!("etcdsnap-live-{version}-seed-{seed}-"))
        .tempdir();
    let dir = match made {
        Ok(dir) => dir,
        Err(error) => return ledger.differs(&format!("no temporary directory: {error}")),
    };
    if let Err(trouble) = play_in(dir.path(), peers, etcdsnap, ledger, settings, version, seed) {
        ledger.differs(&format!("could not go on: {trouble}"));
    }
    if ledger.end().1 > 0 {
        let kept = dir.keep();
        ledger.note(&format!("the files of this run are in {}", kept.display()));
    }
}

fn play_in(
    dir: &Path,
    peers: &Peers,
    etcdsnap: &Etcdsnap,
    ledger: &mut Ledger,
    settings: &Settings,
    version: Version,
    seed: u64,
) -> Result<(), String> {
    let mut random = Random::new(seed);
    let scratch = dir.join("scratch");
    fs::create_dir(&scratch).map_err(|error| error.to_string())?;
    let data_dir = dir.join("data");

    let mut driver = Driver::start(&peers.driver())?;
    let mut flags = Vec::new();
    if version >= Version::V35 {
        // The machine does not crash here, and without it a run takes a fraction of the time.
        flags.push("--unsafe-no-fsync");
    }
    let started = driver.ask(json!({
        "op": "start",
        "binary": peers.server(version),
        "data_dir": data_dir,
        "log": dir.join("server.log"),
        "args": flags,
    }))?;
    let endpoint = started["endpoint"].as_str().unwrap_or_default().to_owned();

    let work = |driver: &mut Driver, phase: u32, steps: i64| {
        driver
            .ask(json!({
                "op": "workload",
                "seed": seed,
                "phase": phase,
                "steps": steps,
                // One judge, etcdutl 3.6, does not survive leases.
                "no_leases": seed.is_multiple_of(4),
            }))
            .and_then(|answer| Moment::from_json(&answer))
    };
    let at_middle = work(&mut driver, 1, random.between(50, 1200))?;
    let middle = dir.join("middle.db");
    driver.ask(json!({"op": "snapshot", "path": middle}))?;
    let dump_at_middle = dump::take(peers, version, &endpoint)?;
    let at_end = work(&mut driver, 2, random.between(50, 1200))?;
    let snapshot = dir.join("snapshot.db");
    peers
        .save(version, &endpoint, &snapshot)?
        .success("etcdctl snapshot save")?;
    let hashes = ask_hashes(&mut driver, &mut random, &at_end)?;

    let events = Event::list(&driver.ask(json!({"op": "events"}))?)?;

    let frozen = |path: PathBuf| Frozen::new(path).map_err(|error| error.to_string());
    let mut scene = Scene {
        peers,
        etcdsnap,
        version,
        seed,
        all_pairs: settings.all_pairs,
        scratch,
        data_dir,
        endpoint,
        random,
        middle: frozen(middle)?,
        at_middle,
        dump_at_middle,
        snapshot: frozen(snapshot)?,
        at_end,
        events,
        hashes,
        raw: None,
    };
    for check in checks::WHILE_SERVING {
        check(&mut scene, &mut driver, ledger)?;
    }

    // Some servers end as in a crash.
    driver.ask(json!({"op": "stop", "kill": seed.is_multiple_of(3)}))?;
    drop(driver);
    scene.raw = Some(frozen(scene.data_dir.join("member/snap/db"))?);
    for check in checks::AFTER_THE_END {
        check(&mut scene, ledger)?;
    }
    Ok(())
}

fn ask_hashes(
    driver: &mut Driver,
    random: &mut Random,
    at_end: &Moment,
) -> Result<BTreeMap<i64, ServerHash>, String> {
    let first = at_end.compacted().max(1);
    let mut revisions = vec![0, 1, first, first + 1, at_end.revision, at_end.revision + 1];
    if first > 1 {
        revisions.extend([first - 1, random.between(1, first - 1)]);
    }
    revisions.extend((0..8).map(|_| random.between(first, at_end.revision)));
    revisions.extend(&at_end.compactions);
    revisions.sort_unstable();
    revisions.dedup();

    let answer = driver.ask(json!({"op": "hashkv", "revisions": revisions}))?;
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    if results.len() != revisions.len() {
        return Err("the driver did not answer every revision".to_owned());
    }
    let hashes = results.iter().map(ServerHash::from_json);
    revisions
        .into_iter()
        .zip(hashes)
        .map(|(revision, hash)| hash.map(|hash| (revision, hash)))
        .collect()
}
