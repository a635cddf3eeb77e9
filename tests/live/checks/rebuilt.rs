//! What `compact`, `trailer` and a restore of chosen keys make is what etcd starts from, too.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::restore::{Expected, serve};
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

const URLS: [&str; 4] = [
    "--initial-cluster",
    "live=http://127.0.0.1:2380",
    "--initial-advertise-peer-urls",
    "http://127.0.0.1:2380",
];

/// How far some restores raise the revision.
const BUMP: i64 = 5000;

/// The ways to rewrite a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Compact,
    CompactLiveOnly,
    RestoreCompact,
    RestorePrefix,
    RestoreExclude,
}

const WAYS: [Way; 5] = [
    Way::RestoreExclude,
    Way::Compact,
    Way::RestorePrefix,
    Way::CompactLiveOnly,
    Way::RestoreCompact,
];

/// One way for each seed, the ways in turn, and for each version another one.
pub(super) fn servers_start_from_rewritten_databases(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let turn = scene.seed as usize + scene.version as usize;
    let way = WAYS[turn % WAYS.len()];
    let dir = scene.scratch.join("anew");
    let made = match way {
        Way::Compact | Way::CompactLiveOnly => compacted(scene, ledger, way, &dir)?,
        _ => chosen(scene, ledger, way, &dir)?,
    };
    let Some(expected) = made else { return Ok(()) };
    let copy = scene.scratch.join("anew.db");
    fs::copy(dir.join("member/snap/db"), &copy).map_err(|error| error.to_string())?;
    is_sound_for_bbolt(scene, ledger, way, &copy)?;
    let next = Version::ALL
        .into_iter()
        .find(|version| *version > scene.version);
    for server in [Some(scene.version), next].into_iter().flatten() {
        let own = scene.scratch.join(format!("anew-{server}"));
        copy_folder(&dir, &own).map_err(|error| error.to_string())?;
        serve(scene, ledger, &own, server, &format!("{way:?}"), &expected)?;
        fs::remove_dir_all(&own).map_err(|error| error.to_string())?;
    }
    fs::remove_dir_all(&dir).map_err(|error| error.to_string())
}

fn is_sound_for_bbolt(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    way: Way,
    database: &Path,
) -> Result<(), String> {
    let outcome = scene.peers.bbolt_check(database)?;
    ledger.holds(
        "bbolt check of the rewritten database",
        outcome.code == Some(0),
        || format!("{way:?}: {}", outcome.brief()),
    );
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// `compact`, and the real restore of what it made, with its SHA-256.
fn compacted(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    way: Way,
    dir: &Path,
) -> Result<Option<Expected>, String> {
    let out = scene.scratch.join("compacted.db");
    let mut words: Vec<&OsStr> = ["compact", "--json", "-o"].map(OsStr::new).into();
    words.push(out.as_os_str());
    if way == Way::CompactLiveOnly {
        words.push(OsStr::new("--live-only"));
    }
    let outcome = scene.etcdsnap.on_file(ledger, &words, &scene.snapshot)?;
    let told: Value = serde_json::from_slice(&outcome.stdout).unwrap_or_default();
    let well = outcome.code == Some(0) && told["sha256"].is_string();
    ledger.holds("compact proves itself", well, || outcome.brief());
    if !well {
        return Ok(None);
    }
    let made = Frozen::new(out.clone()).map_err(|error| error.to_string())?;
    let copy = scene.scratch.join("compacted-database.db");
    made.copy_database_to(&copy)
        .map_err(|error| error.to_string())?;
    is_sound_for_bbolt(scene, ledger, way, &copy)?;
    scene
        .peers
        .restore(Version::V36, &out, dir, &URLS)?
        .success("etcdutl snapshot restore of what compact made")?;
    let whole = Expected {
        keeps_alarms: true,
        ..Expected::of_the_whole(scene)?
    };
    Ok(Some(match way {
        Way::CompactLiveOnly => without_history(whole, &told["hashkv"]),
        _ => whole,
    }))
}

/// The same keys when everything but their newest records is gone.
fn without_history(whole: Expected, hash: &Value) -> Expected {
    let hash = hash.as_u64().and_then(|hash| u32::try_from(hash).ok());
    Expected {
        hash: hash.map(|hash| (hash, whole.revision)),
        too_old: Some(whole.revision - 1),
        ..whole
    }
}

/// A restore of chosen keys.
fn chosen(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
    way: Way,
    dir: &Path,
) -> Result<Option<Expected>, String> {
    let whole = Expected::of_the_whole(scene)?;
    let list: Vec<Value> = serde_json::from_str(&whole.keys).map_err(|error| error.to_string())?;
    let prefix = match way {
        Way::RestoreCompact => None,
        _ => dividing_prefix(scene, &list),
    };
    let mut words: Vec<OsString> = ["restore", "--json", "--name", "live"]
        .into_iter()
        .chain(URLS)
        .map(OsString::from)
        .collect();
    words.extend(["--data-dir".into(), dir.into()]);
    match &prefix {
        None => words.push("--compact".into()),
        Some(prefix) => {
            let flag = match way {
                Way::RestorePrefix => "--prefix",
                _ => "--exclude",
            };
            words.extend([flag.into(), OsString::from_vec(prefix.clone())]);
        }
    }
    let bumps = scene.random.between(0, 2) == 0;
    if bumps {
        words.extend(["--bump-revision".into(), BUMP.to_string().into()]);
        words.push("--mark-compacted".into());
    }
    let outcome = scene.etcdsnap.on_file(ledger, &words, &scene.snapshot)?;
    let told: Value = serde_json::from_slice(&outcome.stdout).unwrap_or_default();
    let keys: Vec<Value> = list
        .into_iter()
        .filter(|key| match &prefix {
            None => true,
            Some(prefix) => name_of(key).starts_with(prefix) == (way == Way::RestorePrefix),
        })
        .collect();
    let well = outcome.code == Some(0)
        && told["proof"]["sound"] == json!(true)
        && told["kept"]["kept_keys"] == json!(keys.len());
    ledger.holds("restore of chosen keys proves itself", well, || {
        format!("{words:?}: {}", outcome.brief())
    });
    if !well {
        return Ok(None);
    }
    let expected = Expected {
        keys: Value::from(keys).to_string(),
        ..without_history(whole, &told["proof"]["hashkv"])
    };
    Ok(Some(match bumps {
        true => Expected {
            // The server compacts at its own time.
            hash: None,
            revision: expected.revision + BUMP,
            too_old: Some(expected.revision + BUMP - 1),
            ..expected
        },
        false => expected,
    }))
}

fn name_of(key: &Value) -> Vec<u8> {
    let text = key["key"].as_str().unwrap_or_default();
    STANDARD.decode(text).unwrap_or_default()
}

/// The beginning of some keys and not of others, if one is found that can be an argument.
fn dividing_prefix(scene: &mut Scene<'_>, list: &[Value]) -> Option<Vec<u8>> {
    let last = i64::try_from(list.len()).ok()? - 1;
    (0..100).find_map(|_| {
        let key = name_of(&list[scene.random.between(0, last) as usize]);
        let len = scene.random.between(1, key.len().clamp(1, 24) as i64);
        let prefix = key.get(..len as usize)?;
        let begins = |key: &&Value| name_of(key).starts_with(prefix);
        let count = list.iter().filter(begins).count();
        (0 < count && count < list.len() && !prefix.contains(&0)).then(|| prefix.to_vec())
    })
}

/// `trailer` makes of the stopped server's file what the real tool restores without being asked to skip
/// the check.
pub(super) fn a_stopped_server_s_file_becomes_a_snapshot(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let raw = scene.raw.as_ref().ok_or("no file of the stopped server")?;
    let out: PathBuf = scene.scratch.join("sealed.db");
    let words = ["trailer", "-o"].map(OsStr::new);
    let words = [words.as_slice(), &[out.as_os_str()]].concat();
    let outcome = scene.etcdsnap.on_file(ledger, &words, raw)?;
    let well = outcome.code == Some(0);
    ledger.holds("trailer makes a snapshot", well, || outcome.brief());
    if !well {
        return Ok(());
    }
    let dir = scene.scratch.join("sealed");
    let outcome = scene.peers.restore(Version::V36, &out, &dir, &URLS)?;
    ledger.holds(
        "etcdutl restores what trailer made",
        outcome.code == Some(0),
        || outcome.brief(),
    );
    let hash = |path: &Path| scene.etcdsnap.on_live(&["hashkv"], path);
    let (before, after) = (hash(&raw.path)?, hash(&dir)?);
    ledger.same(
        "hashkv of what trailer made",
        "restored",
        &after.stdout,
        &before.stdout,
    );
    fs::remove_dir_all(&dir).map_err(|error| error.to_string())
}
