//! Three members that `etcdsnap restore --all-members` makes are a cluster: they elect, replicate, lose one
//! and take it back. And what they save with authentication on needs its users after the next restore.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::restore::{KEYS, all_keys, start};
use super::verify::judge;
use crate::driver::{Driver, ServerHash};
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

const NAMES: [&str; 3] = ["m1", "m2", "m3"];

/// A new leader is there long before.
const ELECTION: Duration = Duration::from_secs(20);

/// A member with its server.
struct Member {
    name: &'static str,
    dir: PathBuf,
    flags: Vec<String>,
    driver: Driver,
    endpoint: String,
}

struct Cluster {
    server: Version,
    members: Vec<Member>,
}

impl Cluster {
    /// Starts all at once: none is ready before two of them are.
    fn start(
        scene: &Scene<'_>,
        server: Version,
        out: &Path,
        cluster: &[String],
    ) -> Result<Self, String> {
        let mut members = Vec::new();
        for (name, urls) in NAMES.into_iter().zip(cluster) {
            let url = urls.split_once('=').map_or("", |(_, url)| url);
            let flags = [
                ["--name", name],
                ["--listen-peer-urls", url],
                ["--initial-advertise-peer-urls", url],
                ["--initial-cluster", &cluster.join(",")],
                // Often enough to have its files beside the database.
                ["--snapshot-count", "4"],
            ];
            members.push(Member {
                name,
                dir: out.join(name),
                flags: flags.into_iter().flatten().map(str::to_owned).collect(),
                driver: Driver::start(&scene.peers.driver())?,
                endpoint: String::new(),
            });
        }
        for member in &mut members {
            let question = member.question(scene, server);
            member.driver.send(&question)?;
        }
        for member in &mut members {
            member.begin(scene, server)?;
        }
        Ok(Self { server, members })
    }

    fn ctl(&self, scene: &Scene<'_>, member: usize, words: &[&str]) -> Result<Value, String> {
        let words = [words, &["-w", "json"]].concat();
        let outcome = scene
            .peers
            .etcdctl(self.server, &self.members[member].endpoint, &words)?;
        let said = outcome.success(&format!("etcdctl {words:?}"))?;
        serde_json::from_slice(&said).map_err(|error| error.to_string())
    }

    /// Writes through one member; while a leader is elected the write fails and is tried again.
    fn put(&self, scene: &Scene<'_>, member: usize, key: &str) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            match self.ctl(scene, member, &["put", key, "value"]) {
                Err(why) if begun.elapsed() > ELECTION => return Err(why),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// A snapshot of one member.
    fn save(&self, scene: &Scene<'_>, member: usize, name: &str) -> Result<PathBuf, String> {
        let Member {
            name: of, endpoint, ..
        } = &self.members[member];
        let path = scene.scratch.join(format!("{name}-{of}.db"));
        let words = ["snapshot", "save", &path.display().to_string()];
        let outcome = scene.peers.etcdctl(self.server, endpoint, &words)?;
        outcome.success("etcdctl snapshot save")?;
        Ok(path)
    }

    fn has(&self, scene: &Scene<'_>, member: usize, key: &str) -> Result<bool, String> {
        Ok(self.ctl(scene, member, &["get", key])?["count"] == json!(1))
    }

    /// The hash of all keys, as each member answers it.
    fn hashes(&mut self) -> Result<Vec<u32>, String> {
        let ask = |member: &mut Member| {
            let answer = member
                .driver
                .ask(json!({"op": "hashkv", "revisions": [0]}))?;
            match ServerHash::from_json(&answer["results"][0])? {
                ServerHash::Hash { hash, .. } => Ok(hash),
                ServerHash::Refused(text) => Err(text),
            }
        };
        self.members.iter_mut().map(ask).collect()
    }
}

impl Member {
    fn question(&self, scene: &Scene<'_>, server: Version) -> Value {
        json!({
            "op": "start",
            "binary": scene.peers.server(server),
            "data_dir": self.dir,
            "log": scene.scratch.join(format!("cluster-{}.log", self.name)),
            "args": self.flags,
            "keep": true,
        })
    }

    /// Waits for the answer to the question of the start.
    fn begin(&mut self, scene: &Scene<'_>, server: Version) -> Result<(), String> {
        let question = self.question(scene, server);
        let started = self.driver.answer(&question)?;
        self.endpoint = started["endpoint"].as_str().unwrap_or_default().to_owned();
        Ok(())
    }
}

/// `name=url` of each member, on ports that nobody listens on.
fn free_urls() -> Result<Vec<String>, String> {
    let listeners = NAMES.map(|_| TcpListener::bind("127.0.0.1:0"));
    NAMES
        .into_iter()
        .zip(listeners)
        .map(|(name, listener)| {
            let address = listener.and_then(|listener| listener.local_addr());
            let address = address.map_err(|error| error.to_string())?;
            Ok(format!("{name}=http://{address}"))
        })
        .collect()
}

pub(super) fn three_members_are_a_cluster(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let later = |version: &Version| *version >= scene.version;
    let servers: Vec<Version> = Version::ALL.into_iter().filter(later).take(2).collect();
    let server = scene
        .random
        .pick(&servers)
        .copied()
        .unwrap_or(scene.version);
    let form = scene
        .random
        .pick(&Version::ALL)
        .copied()
        .unwrap_or(Version::V36);
    let bump = scene.random.between(0, 2) * 1_000_000;
    let lost = scene.random.between(0, 2) as usize;
    let what = format!("server {server}, form {form}, bump {bump}");

    let out = scene.scratch.join("members");
    let urls = free_urls()?;
    let (cluster, told, bumped) = (urls.join(","), out.display().to_string(), bump.to_string());
    let mut words = vec!["restore", "--json", "--all-members", "--out", &told];
    words.extend(["--initial-cluster", &cluster, "--compat", form.name()]);
    if bump > 0 {
        words.extend(["--bump-revision", &bumped, "--mark-compacted"]);
    }
    let outcome = scene.etcdsnap.on_file(ledger, &words, &scene.snapshot)?;
    ledger.holds("restore --all-members", outcome.code == Some(0), || {
        outcome.brief()
    });
    let stdout = outcome.stdout_text();
    let lines = stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let lines: Vec<Value> = lines.collect();

    let mut cluster = Cluster::start(scene, server, &out, &urls)?;
    let listed = cluster.ctl(scene, 0, &["member", "list"])?;
    let mut listed: Vec<String> = listed["members"]
        .as_array()
        .map(|members| {
            members
                .iter()
                .map(|member| {
                    let id = member["ID"].as_u64().unwrap_or_default();
                    format!("{} {id:016x} {}", member["name"], member["peerURLs"])
                })
                .collect()
        })
        .unwrap_or_default();
    listed.sort();
    let mut expected: Vec<String> = lines
        .iter()
        .zip(&urls)
        .map(|(line, url)| {
            let (name, url) = url.split_once('=').unwrap_or_default();
            let id = line["member_id"].as_str().unwrap_or_default();
            format!("{name:?} {id} [{url:?}]")
        })
        .collect();
    expected.sort();
    ledger.holds("restored cluster's members", listed == expected, || {
        format!("{what}: {listed:?} instead of {expected:?}")
    });

    let expected =
        fs::read_to_string(scene.scratch.join(KEYS)).map_err(|error| error.to_string())?;
    for member in &mut cluster.members {
        let same = all_keys(&mut member.driver)? == expected;
        ledger.holds("restored cluster's keys", same, || {
            format!("{what}: {} has other keys than before", member.name)
        });
    }
    if bump > 0 {
        let old = scene.at_end.revision;
        let watched = cluster.members[lost]
            .driver
            .ask(json!({"op": "watch", "revision": old}));
        let is_told = matches!(&watched, Err(text) if text.contains("has been compacted"));
        ledger.holds("watchers are told of the compaction", is_told, || {
            format!("{what}: {watched:?}")
        });
    }

    cluster.put(scene, 0, "after-restore")?;
    for member in [1, 2] {
        let replicated = cluster.has(scene, member, "after-restore")?;
        ledger.holds("restored cluster replicates", replicated, || what.clone());
    }
    let hashes = cluster.hashes()?;
    let same = hashes.windows(2).all(|pair| pair[0] == pair[1]);
    ledger.holds("restored cluster's hashes", same, || {
        format!("{what}: {hashes:?}")
    });

    // One is lost as in a crash; the others go on without it.
    cluster.members[lost]
        .driver
        .ask(json!({"op": "stop", "kill": true}))?;
    let (one, other) = ((lost + 1) % 3, (lost + 2) % 3);
    cluster.put(scene, one, "without-one")?;
    let replicated = cluster.has(scene, other, "without-one")?;
    ledger.holds("restored cluster goes on without one", replicated, || {
        what.clone()
    });
    let dir = cluster.members[lost].dir.clone();
    let outcome = scene.etcdsnap.on_live(&["verify", "--json"], &dir)?;
    judge(
        ledger,
        &format!("a killed member, {what}"),
        &outcome,
        "ok",
        0,
    );
    let behind = dir.clone();
    one_that_is_left_behind(scene, ledger, &cluster, (&behind, [one, other]), &what)?;
    let question = cluster.members[lost].question(scene, server);
    cluster.members[lost].driver.send(&question)?;
    cluster.members[lost].begin(scene, server)?;
    let caught_up = cluster.has(scene, lost, "without-one")?;
    ledger.holds("restored cluster takes it back", caught_up, || what.clone());
    let files = [lost, one].map(|member| cluster.save(scene, member, "caught-up"));
    let [lost_file, one_file] = files;
    let found = divergence(scene, &lost_file?, &one_file?)?;
    ledger.holds(
        "divergence: none with a member that has caught up",
        found.0 == Some(0) && found.1["relation"] == "same-history",
        || format!("{what}: {found:?}"),
    );

    users_come_along(scene, ledger, &cluster)?;
    for member in &mut cluster.members {
        member.driver.ask(json!({"op": "stop"}))?;
        let outcome = scene.etcdsnap.on_live(&["verify", "--json"], &member.dir)?;
        judge(
            ledger,
            &format!("a stopped member, {what}"),
            &outcome,
            "ok",
            0,
        );
    }
    fs::remove_dir_all(&out).map_err(|error| error.to_string())
}

/// Exit status and last line of `divergence --json`.
fn divergence(scene: &Scene<'_>, a: &Path, b: &Path) -> Result<(Option<i32>, Value), String> {
    let words = ["divergence", "--json", &b.display().to_string()];
    let outcome = scene.etcdsnap.on_live(&words, a)?;
    let text = outcome.stdout_text();
    let last = text.lines().last().unwrap_or_default();
    let summary =
        serde_json::from_str(last).map_err(|error| format!("{error}: {}", outcome.brief()))?;
    Ok((outcome.code, summary))
}

/// The directory of a member that was killed against the others: as long as these are not compacted above where
/// it ends it has one history with them; then nobody can tell, and it is not a stranger either.
fn one_that_is_left_behind(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    cluster: &Cluster,
    (behind, others): (&Path, [usize; 2]),
    what: &str,
) -> Result<(), String> {
    let [one, other] = others;
    let ahead = cluster.save(scene, one, "ahead")?;
    for (a, b) in [(behind, ahead.as_path()), (&ahead, behind)] {
        let (code, summary) = divergence(scene, a, b)?;
        // With a bump, or in a store that was compacted at its end, the restore itself hides the rest.
        let is_told = summary["doubt"].is_null();
        ledger.holds(
            "divergence: none with a member that is behind",
            code == Some(if is_told { 0 } else { 2 }) && summary["divergences"] == 0,
            || format!("{what}: {code:?} {summary}"),
        );
    }
    let (_, summary) = divergence(scene, behind, &ahead)?;
    let newest = summary["new"]["current_revision"].to_string();
    // It answers in words, whatever form is asked for.
    let words = ["compact", &newest, "--physical"];
    let endpoint = &cluster.members[one].endpoint;
    let outcome = scene.peers.etcdctl(cluster.server, endpoint, &words)?;
    outcome.success("etcdctl compact")?;
    let files = [one, other].map(|member| cluster.save(scene, member, "compacted"));
    let [one_file, other_file] = files;
    let (one_file, other_file) = (one_file?, other_file?);
    for (a, b) in [(behind, one_file.as_path()), (&one_file, behind)] {
        let (code, summary) = divergence(scene, a, b)?;
        ledger.holds(
            "divergence: cannot be determined below a compaction",
            code == Some(2) && summary["doubt"] == "compacted" && summary["divergences"] == 0,
            || format!("{what}: {code:?} {summary}"),
        );
    }
    let (code, summary) = divergence(scene, &one_file, &other_file)?;
    ledger.holds(
        "divergence: none between two members",
        code != Some(1) && summary["divergences"] == 0 && summary["bucket_divergences"] == 0,
        || format!("{what}: {code:?} {summary}"),
    );
    Ok(())
}

const USER: [&str; 2] = ["--user", "root:secret"];

/// Turns authentication on, restores what is saved then, and looks who may read.
fn users_come_along(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    cluster: &Cluster,
) -> Result<(), String> {
    let server = cluster.server;
    let endpoint = &cluster.members[0].endpoint;
    let ctl = |words: &[&str]| scene.peers.etcdctl(server, endpoint, words);
    // The history may have made the role already.
    ctl(&["role", "add", "root"])?;
    ctl(&["user", "add", "root:secret"])?.success("etcdctl user add")?;
    ctl(&["user", "grant-role", "root", "root"])?.success("etcdctl user grant-role")?;
    ctl(&["auth", "enable"])?.success("etcdctl auth enable")?;
    let file = scene.scratch.join("with-users.db");
    let name = file.display().to_string();
    let words = [&USER[..], &["snapshot", "save", &name]].concat();
    ctl(&words)?.success("etcdctl snapshot save")?;

    let dir = scene.scratch.join("with-users");
    let told = dir.display().to_string();
    let words = [
        "restore",
        "--json",
        "--data-dir",
        &told,
        "--name",
        "live",
        "--initial-cluster",
    ];
    let words = [&words[..], &["live=http://localhost:2380"]].concat();
    let outcome = scene.etcdsnap.on_live(&words, &file)?;
    let noted = outcome.stdout_text().contains("authentication is on");
    ledger.holds(
        "restore with users",
        outcome.code == Some(0) && noted,
        || outcome.brief(),
    );

    let (mut driver, endpoint) = start(scene, &dir, server, &[])?;
    let get = |user: &[&str]| {
        let words = [user, &["get", "after-restore", "--print-value-only"]].concat();
        scene.peers.etcdctl(server, &endpoint, &words)
    };
    let anybody = get(&[])?;
    let refused = anybody.code != Some(0) && anybody.stderr.contains("user name is empty");
    ledger.holds("restored server asks for a user", refused, || {
        anybody.brief()
    });
    let root = get(&USER)?;
    let read = root.code == Some(0) && root.stdout == b"value\n";
    ledger.holds("restored server knows its users", read, || root.brief());
    driver.ask(json!({"op": "stop"}))?;
    for path in [&dir, &file] {
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
        removed.map_err(|error| error.to_string())?;
    }
    Ok(())
}
