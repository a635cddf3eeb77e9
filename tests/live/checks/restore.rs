//! What `etcdsnap restore` makes is what etcd starts from: the same keys and hash, and a server that works.

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
        serve(scene, ledger, &dir, server, form)?;
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

/// Starts a server, asks it everything, and has it write, compact, defragment and save.
fn serve(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    dir: &Path,
    server: Version,
    form: Version,
) -> Result<(), String> {
    let what = format!("server {server}, form {form}");
    let mut driver = Driver::start(&scene.peers.driver())?;
    let started = driver.ask(json!({
        "op": "start",
        "binary": scene.peers.server(server),
        "data_dir": dir,
        "log": scene.scratch.join(format!("restored-{server}.log")),
    }))?;
    let endpoint = started["endpoint"].as_str().unwrap_or_default().to_owned();

    let answer = driver.ask(json!({"op": "hashkv", "revisions": [0]}))?;
    let hash = ServerHash::from_json(&answer["results"][0])?;
    let before = scene.hashes.get(&0);
    let same = match (before, &hash) {
        (
            Some(ServerHash::Hash {
                hash: a,
                compacted: c,
                ..
            }),
            ServerHash::Hash {
                hash: b,
                compacted: d,
                ..
            },
        ) => a == b && c == d,
        _ => false,
    };
    ledger.holds("restored server's hashkv", same, || {
        format!("{what}: {hash:?} instead of {before:?}")
    });

    let keys = all_keys(&mut driver)?;
    let expected =
        fs::read_to_string(scene.scratch.join(KEYS)).map_err(|error| error.to_string())?;
    ledger.holds("restored server's keys", keys == expected, || {
        format!("{what}: other keys than before")
    });

    let ctl = |words: &[&str]| scene.peers.etcdctl(server, &endpoint, words);
    let put = ctl(&["put", "after-restore", "value", "-w", "json"])?.success("etcdctl put")?;
    let put: Value = serde_json::from_slice(&put).map_err(|error| error.to_string())?;
    let revision = put["header"]["revision"].as_i64().unwrap_or_default();
    ledger.holds(
        "revision goes on",
        revision == scene.at_end.revision + 1,
        || format!("{what}: {revision} after {}", scene.at_end.revision),
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
    driver.ask(json!({"op": "stop"}))?;
    Ok(())
}
