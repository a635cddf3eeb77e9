//! What `etcdsnap restore` makes is what etcd starts from: the same keys and hash, and a server that works.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use etcdsnap::etcd::raft::read_snapshot_file;
use serde_json::{Value, json};

use super::verify::judge;
use crate::driver::{Driver, ServerHash};
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

/// All live keys, as the server that the snapshot is from lists them.
pub(super) const KEYS: &str = "keys.json";

/// Leases, users and roles, likewise.
const OTHERS: &str = "others.json";

pub(super) fn the_server_lists_its_keys(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    _ledger: &mut Ledger,
) -> Result<(), String> {
    let keep = |name: &str, text: String| {
        fs::write(scene.scratch.join(name), text).map_err(|error| error.to_string())
    };
    keep(KEYS, all_keys(driver)?)?;
    keep(OTHERS, all_others(scene, &scene.endpoint)?)
}

/// Leases with the time that was granted, users, and roles with what they permit.
fn all_others(scene: &Scene<'_>, endpoint: &str) -> Result<String, String> {
    let ask = |words: &[&str]| -> Result<Value, String> {
        let words = [words, &["-w", "json"]].concat();
        let answer = scene
            .peers
            .etcdctl(scene.version, endpoint, &words)?
            .success("etcdctl")?;
        serde_json::from_slice(&answer).map_err(|error| error.to_string())
    };
    let list = |answer: &Value, name: &str| answer[name].as_array().cloned().unwrap_or_default();
    // The server lists them by the time they have left, which starts over.
    let mut leases = list(&ask(&["lease", "list"])?, "leases");
    leases.sort_by_key(|lease| lease["id"].as_i64());
    let mut granted = Vec::new();
    for lease in leases.iter().take(3) {
        let id = lease["id"].as_i64().unwrap_or_default();
        let told = ask(&["lease", "timetolive", &format!("{id:x}")])?;
        granted.push(told["granted-ttl"].clone());
    }
    let roles = list(&ask(&["role", "list"])?, "roles");
    let mut permitted = Vec::new();
    for role in roles.iter().filter_map(Value::as_str) {
        permitted.push(ask(&["role", "get", role])?["perm"].clone());
    }
    let users = list(&ask(&["user", "list"])?, "users");
    Ok(json!([leases, granted, users, roles, permitted]).to_string())
}

/// Every live key with its value, its revisions and its lease.
pub(super) fn all_keys(driver: &mut Driver) -> Result<String, String> {
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
    for server in servers(scene) {
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

/// The greatest bump that is taken makes a directory that a server starts from, writes to and starts from again.
pub(super) fn the_farthest_bump_leaves_room_and_the_next_is_refused(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let dir = scene.scratch.join("bumped");
    let target = dir.display().to_string();
    let urls = [
        "--initial-cluster",
        "live=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls",
        "http://127.0.0.1:2380",
    ];
    let bumped = |scene: &Scene<'_>, ledger: &mut Ledger, bump: u64, more: &[&str]| {
        let bump = bump.to_string();
        let mut words = vec!["restore", "--name", "live", "--data-dir", &target];
        words.extend(urls);
        words.extend(["--mark-compacted", "--bump-revision", &bump]);
        words.extend(more);
        scene.etcdsnap.on_file(ledger, &words, &scene.snapshot)
    };
    let refused = bumped(scene, ledger, i64::MAX.unsigned_abs(), &[])?;
    let most = refused.stderr.trim().rsplit(' ').next();
    let Some(most) = most.and_then(|most| most.parse::<u64>().ok()) else {
        ledger.holds("a bump beyond the end is refused", false, || {
            refused.brief()
        });
        return Ok(());
    };
    let over = bumped(scene, ledger, most + 1, &[])?;
    let plan = bumped(scene, ledger, most + 1, &["--plan"])?;
    let is_refused = (over.code, plan.code) == (Some(2), Some(1));
    ledger.holds("a bump too far is refused", is_refused, || over.brief());
    let made = bumped(scene, ledger, most, &[])?;
    ledger.holds("the farthest bump is taken", made.code == Some(0), || {
        made.brief()
    });
    if made.code != Some(0) {
        return Ok(());
    }
    let server = scene.version;
    let mut last = 0;
    for time in ["first", "second"] {
        let (mut driver, endpoint) = start(scene, &dir, server, &[])?;
        let words = ["put", "after-the-bump", time, "-w", "json"];
        let put = scene.peers.etcdctl(server, &endpoint, &words)?;
        let put: Value = serde_json::from_slice(&put.stdout).unwrap_or_default();
        let revision = put["header"]["revision"].as_i64().unwrap_or_default();
        ledger.holds(
            "a server writes after the farthest bump",
            revision > last,
            || format!("server {server}, {time}: {revision} after {last}"),
        );
        last = revision;
        driver.ask(json!({"op": "stop"}))?;
    }
    fs::remove_dir_all(&dir).map_err(|error| error.to_string())
}

/// The servers that are started: of the same release and the next, or all.
fn servers(scene: &Scene<'_>) -> Vec<Version> {
    let later = |version: &Version| *version >= scene.version;
    match scene.all_pairs {
        true => Version::ALL.to_vec(),
        false => Version::ALL.into_iter().filter(later).take(2).collect(),
    }
}

/// Whether a server stops at what a newer release has written: 3.6 and later do.
fn refuses_newer(scene: &Scene<'_>, server: Version) -> bool {
    server >= Version::V36 && scene.version > server
}

/// Flags that the real tool and ours both know, by the seed.
fn common_flags(scene: &mut Scene<'_>) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    let mut cluster = vec!["live=http://127.0.0.1:2380".to_owned()];
    let mut own = "http://127.0.0.1:2380".to_owned();
    if scene.random.between(0, 1) == 1 {
        cluster.push("live=https://127.0.0.1:12380".into());
        own.push_str(",https://127.0.0.1:12380");
    }
    for other in 0..scene.random.between(0, 4) {
        cluster.push(format!("other-{other}=http://10.0.0.{other}:2380"));
    }
    flags.extend(["--initial-cluster".into(), cluster.join(",")]);
    flags.extend(["--initial-advertise-peer-urls".into(), own]);
    if scene.random.between(0, 1) == 1 {
        let token = format!("token <{}>", scene.random.between(0, 1 << 40));
        flags.extend(["--initial-cluster-token".into(), token]);
    }
    if scene.random.between(0, 1) == 1 {
        let bump = scene.random.between(1, 1 << 30).to_string();
        flags.extend(["--bump-revision".into(), bump, "--mark-compacted".into()]);
    }
    flags
}

pub(super) fn the_same_is_written_as_by_the_real_tool(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    // 3.4 refuses snapshots of 3.6 and later, and leaves old members; its log is compared in the unit tests.
    for form in [Version::V35, Version::V36, Version::V37] {
        let flags = common_flags(scene);
        let (ours, theirs) = (scene.scratch.join("ours"), scene.scratch.join("theirs"));
        let told = ours.display().to_string();
        let mut words = vec!["restore", "--name", "live", "--exact", "--data-dir", &told];
        words.extend(["--compat", form.name()]);
        words.extend(flags.iter().map(String::as_str));
        let outcome = scene.etcdsnap.on_file(ledger, &words, &scene.snapshot)?;
        ledger.holds("restore --exact", outcome.code == Some(0), || {
            outcome.brief()
        });
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        scene
            .peers
            .restore(form, &scene.snapshot.path, &theirs, &flags)?
            .success("etcdutl snapshot restore")?;
        let read = |dir: &Path, name: &str| fs::read(dir.join("member").join(name)).ok();

        let log = "wal/0000000000000000-0000000000000000.wal";
        let same = read(&ours, log).is_some() && read(&ours, log) == read(&theirs, log);
        ledger.holds("log as etcdutl writes it", same, || {
            format!("form {form}, {flags:?}")
        });

        let names = |dir: &Path| -> Vec<_> {
            let listed = fs::read_dir(dir.join("member/snap")).into_iter().flatten();
            let mut names: Vec<_> = listed.flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        ledger.holds(
            "files as etcdutl names them",
            names(&ours) == names(&theirs),
            || format!("{:?} and {:?}", names(&ours), names(&theirs)),
        );
        let snap = names(&theirs).into_iter().next().unwrap_or_default();
        let raft = |dir: &Path| {
            let file = read(dir, &format!("snap/{}", snap.display()))?;
            let read = read_snapshot_file(&file).ok()?;
            let members = old_members(&read.store);
            Some((read.index, read.term, read.configuration, members?))
        };
        let same = raft(&ours).is_some() && raft(&ours) == raft(&theirs);
        ledger.holds(".snap says what etcdutl's says", same, || {
            format!("{:?} and {:?}", raft(&ours), raft(&theirs))
        });

        // The hash of status is over every key and value of every bucket.
        let status = |dir: &Path| {
            let database = dir.join("member/snap/db");
            let outcome = scene
                .etcdsnap
                .on_live(&["status", "-w", "json"], &database)?;
            let told = outcome.success("etcdsnap status")?;
            let told: Value = serde_json::from_slice(&told).map_err(|error| error.to_string())?;
            Ok::<_, String>(json!([told["hash"], told["revision"], told["totalKey"]]))
        };
        let (one, other) = (status(&ours)?, status(&theirs)?);
        ledger.holds("database as etcdutl's", one == other, || {
            format!("form {form}, {flags:?}: {one} and {other}")
        });
        if flags.contains(&"--bump-revision") && !refuses_newer(scene, form) {
            clients_are_told_the_same(scene, ledger, [&ours, &theirs], form)?;
        }
        for dir in [ours, theirs] {
            let outcome = scene.etcdsnap.on_live(&["verify", "--json"], &dir)?;
            judge(ledger, "a restored directory", &outcome, "ok", 0);
            fs::remove_dir_all(&dir).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Members in the tree of etcd's old store: where they are, with their attributes.
fn old_members(store: &[u8]) -> Option<Vec<String>> {
    let tree: Value = serde_json::from_slice(store).ok()?;
    let members = &tree["Root"]["Children"]["0"]["Children"]["members"]["Children"];
    let members = members.as_object()?.iter().map(|(id, node)| {
        let attributes = &node["Children"]["raftAttributes"];
        format!("{id} {} {}", attributes["Path"], attributes["Value"])
    });
    Some(members.collect())
}

/// After a bump, clients with a revision of before learn the same from a server on either directory.
fn clients_are_told_the_same(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    dirs: [&Path; 2],
    server: Version,
) -> Result<(), String> {
    let mut answers = Vec::new();
    for dir in dirs {
        let members = scene.etcdsnap.on_live(&["info", "--json"], dir)?;
        let info: Value = serde_json::from_slice(&members.stdout).unwrap_or_default();
        if info["members"].as_array().map_or(0, Vec::len) != 1 {
            // Alone a member of several has no leader.
            return Ok(());
        }
        let mut driver = start(scene, dir, server, &[])?.0;
        let old = scene.at_end.revision;
        let watch = driver.ask(json!({"op": "watch", "revision": old}));
        let range = json!({"op": "range", "key": "AA==", "range_end": "AA==", "revision": old});
        let range = driver.ask(range)?["refused"].clone();
        let now = driver.ask(json!({"op": "status"}))?["revision"].clone();
        let hash = driver.ask(json!({"op": "hashkv", "revisions": [0]}))?;
        driver.ask(json!({"op": "stop"}))?;
        answers.push((
            watch.map_err(|text| text.contains(COMPACTED)),
            range,
            now,
            hash,
        ));
    }
    let is_compaction = answers.iter().all(|answer| answer.0 == Err(true));
    ledger.holds("watchers are told of the compaction", is_compaction, || {
        format!("{answers:?}")
    });
    let same = answers.first() == answers.last();
    ledger.holds("bumped as by etcdutl", same, || format!("{answers:?}"));
    Ok(())
}

const COMPACTED: &str = "required revision has been compacted";

/// A server on this directory: its driver, and its endpoint.
pub(super) fn start(
    scene: &Scene<'_>,
    dir: &Path,
    server: Version,
    args: &[&str],
) -> Result<(Driver, String), String> {
    let mut driver = Driver::start(&scene.peers.driver())?;
    let started = driver.ask(json!({
        "op": "start",
        "binary": scene.peers.server(server),
        "data_dir": dir,
        "log": scene.scratch.join(format!("restored-{server}.log")),
        "args": args,
        "keep": true,
    }))?;
    let endpoint = started["endpoint"].as_str().unwrap_or_default().to_owned();
    Ok((driver, endpoint))
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
    /// The real tool made the directory, and leaves the alarm of a full database in it.
    pub(super) keeps_alarms: bool,
}

impl Expected {
    /// Everything that the server had in the end.
    pub(super) fn of_the_whole(scene: &Scene<'_>) -> Result<Self, String> {
        let keys =
            fs::read_to_string(scene.scratch.join(KEYS)).map_err(|error| error.to_string())?;
        let hash = match scene.hashes.get(&0) {
            Some(ServerHash::Hash {
                hash, compacted, ..
            }) => Some((*hash, *compacted)),
            _ => None,
        };
        Ok(Self {
            keeps_alarms: false,
            hash,
            revision: scene.at_end.revision,
            too_old: None,
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
    if refuses_newer(scene, server) {
        let stops = start(scene, dir, server, &[]).is_err();
        let log = scene.scratch.join(format!("restored-{server}.log"));
        let told = fs::read_to_string(log).unwrap_or_default();
        let says_why = stops && told.contains("is not supported");
        ledger.holds("older server refuses", says_why, || what);
        return Ok(());
    }
    let (mut driver, endpoint) = start(scene, dir, server, &[])?;

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

    let others = all_others(scene, &endpoint)?;
    let known =
        fs::read_to_string(scene.scratch.join(OTHERS)).map_err(|error| error.to_string())?;
    ledger.same(
        "restored server's leases, users and roles",
        &what,
        others.as_bytes(),
        known.as_bytes(),
    );

    let ctl = |words: &[&str]| scene.peers.etcdctl(server, &endpoint, words);
    if expected.keeps_alarms {
        ctl(&["alarm", "disarm"])?.success("etcdctl alarm disarm")?;
    }
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
    // Some end as in a crash.
    let kill = server != scene.version;
    driver.ask(json!({"op": "stop", "kill": kill}))?;
    let outcome = scene.etcdsnap.on_live(&["verify", "--json"], dir)?;
    let what = format!("the directory of {what}, killed: {kill}");
    judge(ledger, &what, &outcome, "ok", 0);
    Ok(())
}
