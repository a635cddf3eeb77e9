//! What `etcdsnap restore` makes is what etcd starts from: the same keys and hash, and a server that works.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::driver::{Driver, ServerHash};
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

/// All live keys, as the server that the snapshot is from lists them.
const KEYS: &str = "keys.json";

pub(super) fn the_server_lists_its_keys(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    _ledger: &mut Ledger,
) -> Result<(), String> {
    let keys = all_keys(driver)?;
    fs::write(scene.scratch.join(KEYS), keys).map_err(|error| error.to_string())
}

/// Every live key with its value, its revisions and its lease.
fn all_keys(driver: &mut Driver) -> Result<String, String> {
    // A zero byte stands for the first key, and as the end for no end.
    let zero = "AA==";
    let question = json!({"op": "range", "key": zero, "range_end": zero, "values": true});
    let answer = driver.ask(question)?;
    match answer["keys"].as_array() {
        Some(keys) if !keys.is_empty() => Ok(answer["keys"].to_string()),
        _ => Err(format!("no keys: {answer}")),
    }
}

pub(super) fn servers_start_from_what_is_restored(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let next = Version::ALL
        .into_iter()
        .find(|version| *version > scene.version);
    for server in [Some(scene.version), next].into_iter().flatten() {
        let form = Version::ALL[scene.random.between(0, 3) as usize];
        let dir = scene.scratch.join(format!("restored-{server}"));
        let urls = [
            "--initial-cluster",
            "live=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls",
            "http://127.0.0.1:2380",
        ];
        let mut words = vec!["restore", "--json", "--name", "live"];
        words.extend(urls);
        let target = dir.display().to_string();
        words.extend(["--data-dir", &target, "--compat", form.name()]);
        let outcome = scene.etcdsnap.on_file(ledger, &words, &scene.snapshot)?;
        let told: Value = serde_json::from_slice(&outcome.stdout).unwrap_or_default();
        let is_sound = told["proof"]["sound"] == json!(true)
            && told["proof"]["hashkv_as_in_snapshot"] == json!(true);
        let well = outcome.code == Some(0) && is_sound;
        ledger.holds("restore proves itself", well, || outcome.brief());
        if !well {
            continue;
        }
        let copy = scene.scratch.join("restored.db");
        fs::copy(dir.join("member/snap/db"), &copy).map_err(|error| error.to_string())?;
        let outcome = scene.peers.bbolt_check(&copy)?;
        ledger.holds(
            "bbolt check of the restored file",
            outcome.code == Some(0),
            || outcome.brief(),
        );
        the_log_is_that_of_the_real_tool(scene, ledger, &dir, form, &urls)?;
        let expected = Expected::of_the_whole(scene)?;
        serve(
            scene,
            ledger,
            &dir,
            server,
            &format!("form {form}"),
            &expected,
        )?;
        fs::remove_dir_all(&dir).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn the_log_is_that_of_the_real_tool(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    ours: &Path,
    form: Version,
    urls: &[&str],
) -> Result<(), String> {
    // 3.4 refuses snapshots of 3.6 and later; its form is compared in the unit tests.
    if form == Version::V34 {
        return Ok(());
    }
    let theirs = scene.scratch.join("theirs");
    scene
        .peers
        .restore(form, &scene.snapshot.path, &theirs, urls)?
        .success("etcdutl snapshot restore")?;
    let log = |dir: &Path| -> Result<Vec<u8>, String> {
        let name = "member/wal/0000000000000000-0000000000000000.wal";
        fs::read(dir.join(name)).map_err(|error| error.to_string())
    };
    let same = log(ours)? == log(&theirs)?;
    ledger.holds("log as etcdutl writes it", same, || {
        format!("the log in the form of {form} differs")
    });
    fs::remove_dir_all(&theirs).map_err(|error| error.to_string())
}

/// What a server must find in a restored directory.
pub(super) struct Expected {
    /// All keys, as [`the_server_lists_its_keys`] wrote them.
    pub(super) keys: String,
    /// HashKV and the compaction revision, unless nobody can tell before.
    pub(super) hash: Option<(u32, i64)>,
    /// The current revision.
    pub(super) revision: i64,
    /// A revision that must be refused as compacted.
    pub(super) too_old: Option<i64>,
    /// Leases that must be there.
    pub(super) leases: BTreeSet<i64>,
}

impl Expected {
    /// Everything that the server had in the end.
    pub(super) fn of_the_whole(scene: &Scene<'_>) -> Result<Self, String> {
        let keys =
            fs::read_to_string(scene.scratch.join(KEYS)).map_err(|error| error.to_string())?;
        let list: Vec<Value> = serde_json::from_str(&keys).map_err(|error| error.to_string())?;
        let leases = list.iter().filter_map(|key| key["lease"].as_i64());
        let hash = match scene.hashes.get(&0) {
            Some(ServerHash::Hash {
                hash, compacted, ..
            }) => Some((*hash, *compacted)),
            _ => None,
        };
        Ok(Self {
            hash,
            revision: scene.at_end.revision,
            too_old: None,
            leases: leases.filter(|lease| *lease != 0).collect(),
            keys,
        })
    }
}

/// Starts a server, asks it everything, and has it write, compact, defragment and save.
pub(super) fn serve(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    dir: &Path,
    server: Version,
    what: &str,
    expected: &Expected,
) -> Result<(), String> {
    let what = format!("server {server}, {what}");
    let mut driver = Driver::start(&scene.peers.driver())?;
    let started = driver.ask(json!({
        "op": "start",
        "binary": scene.peers.server(server),
        "data_dir": dir,
        "log": scene.scratch.join(format!("restored-{server}.log")),
    }))?;
    let endpoint = started["endpoint"].as_str().unwrap_or_default().to_owned();

    if let Some(expected) = expected.hash {
        let answer = driver.ask(json!({"op": "hashkv", "revisions": [0]}))?;
        let hash = ServerHash::from_json(&answer["results"][0])?;
        let same = matches!(
            hash,
            ServerHash::Hash { hash, compacted, .. } if (hash, compacted) == expected
        );
        ledger.holds("restored server's hashkv", same, || {
            format!("{what}: {hash:?} instead of {expected:?}")
        });
    }
    let keys = all_keys(&mut driver)?;
    ledger.holds("restored server's keys", keys == expected.keys, || {
        format!("{what}: other keys than before")
    });
    if let Some(revision) = expected.too_old {
        let zero = "AA==";
        let question = json!({"op": "range", "key": zero, "range_end": zero, "revision": revision});
        let answer = driver.ask(question)?;
        let refused = answer["refused"].as_str().unwrap_or_default();
        ledger.holds(
            "restored server refuses what was left out",
            refused.contains("compacted"),
            || format!("{what}: revision {revision}: {answer}"),
        );
    }

    let ctl = |words: &[&str]| scene.peers.etcdctl(server, &endpoint, words);
    let listed = ctl(&["lease", "list"])?.success("etcdctl lease list")?;
    let listed: BTreeSet<i64> = String::from_utf8_lossy(&listed)
        .lines()
        .filter_map(|line| i64::from_str_radix(line, 16).ok())
        .collect();
    ledger.holds(
        "restored server's leases",
        expected.leases.is_subset(&listed),
        || format!("{what}: {listed:?} instead of {:?}", expected.leases),
    );
    let put = ctl(&["put", "after-restore", "value", "-w", "json"])?.success("etcdctl put")?;
    let put: Value = serde_json::from_slice(&put).map_err(|error| error.to_string())?;
    let revision = put["header"]["revision"].as_i64().unwrap_or_default();
    ledger.holds(
        "revision goes on",
        revision == expected.revision + 1,
        || format!("{what}: {revision} after {}", expected.revision),
    );
    ctl(&["compact", "--physical", &revision.to_string()])?.success("etcdctl compact")?;
    ctl(&["defrag"])?.success("etcdctl defrag")?;
    let again: PathBuf = scene.scratch.join(format!("again-{server}.db"));
    driver.ask(json!({"op": "snapshot", "path": again}))?;
    let outcome = scene.etcdsnap.on_live(&["verify", "--quick"], &again)?;
    ledger.holds(
        "restored server's snapshot is ok",
        outcome.code == Some(0),
        || format!("{what}: {}", outcome.brief()),
    );
    // It was compacted at its last revision, so without its history it has the same hash. The marker
    // that a bump leaves would make a difference.
    if expected.hash.is_some() {
        let live = scene.scratch.join(format!("again-live-{server}.db"));
        let words = ["compact", "--live-only", "--json", "-o"].map(OsStr::new);
        let words = [words.as_slice(), &[live.as_os_str()]].concat();
        let outcome = scene.etcdsnap.on_live(&words, &again)?;
        let made = outcome.success("compact --live-only")?;
        let made: Value = serde_json::from_slice(&made).map_err(|error| error.to_string())?;
        let hash = scene.etcdsnap.on_live(&["hashkv", "-w", "json"], &again)?;
        let hash: Value =
            serde_json::from_slice(&hash.success("hashkv")?).map_err(|error| error.to_string())?;
        let same = hash["hash"] == made["hashkv"]
            && hash["compactRevision"] == made["compact_revision"]
            && hash["compactRevision"] == json!(revision);
        ledger.holds("hashkv after a compaction, without history", same, || {
            format!("{what}: {made} instead of {hash}")
        });
        fs::remove_file(&live).map_err(|error| error.to_string())?;
    }
    fs::remove_file(&again).map_err(|error| error.to_string())?;
    driver.ask(json!({"op": "stop"}))?;
    Ok(())
}
