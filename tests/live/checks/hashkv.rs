//! `etcdsnap hashkv` answers what `etcdutl hashkv` answers, and what the live server answered.

use serde_json::Value;

use crate::driver::ServerHash;
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;
use crate::tools::Outcome;

const COMPACTED: &str = "mvcc: required revision has been compacted";
const FUTURE: &str = "mvcc: required revision is a future revision";

/// What ours said of one revision.
#[derive(PartialEq, Debug)]
enum Ours {
    Hash {
        hash: i64,
        revision: i64,
        compacted: i64,
    },
    Refused(&'static str),
}

fn ask(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    file: &Frozen,
    revision: i64,
    version: Version,
    format: &str,
) -> Result<Outcome, String> {
    let revision = revision.to_string();
    let words = [
        "hashkv",
        "--rev",
        &revision,
        "-w",
        format,
        "--compat",
        version.name(),
    ];
    scene.etcdsnap.on_file(ledger, &words, file)
}

/// A refusal: which of etcd's two texts it holds.
pub(super) fn refusal(stderr: &str) -> Option<&'static str> {
    [COMPACTED, FUTURE]
        .into_iter()
        .find(|text| stderr.contains(text))
}

fn understand(outcome: &Outcome) -> Option<Ours> {
    match outcome.code {
        Some(0) => {
            let answer: Value = serde_json::from_slice(&outcome.stdout).ok()?;
            Some(Ours::Hash {
                hash: answer["hash"].as_i64()?,
                revision: answer["hashRevision"].as_i64()?,
                compacted: answer["compactRevision"].as_i64()?,
            })
        }
        Some(2) if outcome.stdout.is_empty() => refusal(&outcome.stderr).map(Ours::Refused),
        _ => None,
    }
}

/// The real tool on a copy, since it writes into its file.
fn etcdutl(
    scene: &Scene<'_>,
    file: &Frozen,
    version: Version,
    revision: i64,
    format: &str,
) -> Result<Outcome, String> {
    let copy = scene.scratch.join("hashkv.db");
    file.copy_to(&copy).map_err(|error| error.to_string())?;
    scene.peers.hashkv(version, &copy, revision, format)
}

pub(super) fn every_revision_as_etcdutl_answers_it(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    const KIND: &str = "hashkv as etcdutl 3.7 answers";
    let judge = Version::V37;
    let middle = scene.at_middle.compacted().max(1);
    let in_middle = scene.random.between(middle, scene.at_middle.revision);
    let raw = scene.raw.as_ref().expect("the server has ended");
    let mut questions: Vec<(&Frozen, i64)> = Vec::new();
    questions.extend(
        scene
            .hashes
            .keys()
            .map(|&revision| (&scene.snapshot, revision)),
    );
    questions.extend([(&scene.middle, 0), (&scene.middle, in_middle)]);
    questions.extend([(raw, 0), (raw, scene.at_end.revision)]);

    for (file, revision) in questions {
        let what = format!("{} --rev {revision}", file.name());
        let theirs = etcdutl(scene, file, judge, revision, "json")?;
        let ours = ask(scene, ledger, file, revision, judge, "json")?;
        match theirs.code {
            Some(0) => {
                ledger.same(KIND, &what, &ours.stdout, &theirs.stdout);
                ledger.holds("hashkv ends with 0", ours.code == Some(0), || {
                    format!("{what}: {}", ours.brief())
                });
            }
            Some(1) => {
                let text = refusal(&theirs.stderr)
                    .ok_or_else(|| format!("etcdutl hashkv {what}: {}", theirs.brief()))?;
                let agreed = understand(&ours) == Some(Ours::Refused(text));
                ledger.holds("hashkv refuses as etcdutl 3.7 does", agreed, || {
                    format!("{what} should say `{text}`: {}", ours.brief())
                });
            }
            _ => return Err(format!("etcdutl hashkv {what}: {}", theirs.brief())),
        }
    }
    Ok(())
}

pub(super) fn every_format_as_etcdutl_prints_it(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    for version in [Version::V36, Version::V37] {
        for format in ["simple", "table", "fields", "json"] {
            let what = format!("{} -w {format} --compat {version}", scene.snapshot.name());
            let theirs = etcdutl(scene, &scene.snapshot, version, 0, format)?;
            if version == Version::V36 && theirs.stderr.contains("no lessor to attach lease") {
                ledger.exclude("hashkv: etcdutl 3.6 panics when a key has a lease");
                continue;
            }
            let theirs = theirs.success(&format!("etcdutl {version} hashkv {what}"))?;
            let ours = ask(scene, ledger, &scene.snapshot, 0, version, format)?;
            let kind = format!("hashkv as {version} prints it");
            ledger.same(&kind, &what, &ours.stdout, &theirs);
        }
    }
    Ok(())
}

/// The server's answers, but for those revisions at which it compacted and then answers another question.
pub(super) fn every_revision_as_the_server_answered_it(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    const KIND: &str = "hashkv as the server answers";
    const REFUSED: &str = "hashkv refused as the server refuses";
    for (&revision, theirs) in &scene.hashes {
        let ours = ask(
            scene,
            ledger,
            &scene.snapshot,
            revision,
            Version::V37,
            "json",
        )?;
        let Some(ours) = understand(&ours) else {
            ledger.holds(KIND, false, || {
                format!("--rev {revision}: {}", ours.brief())
            });
            continue;
        };
        let difference = || format!("--rev {revision}: ours {ours:?}, the server's {theirs:?}");
        match theirs {
            ServerHash::Refused(text) => {
                if scene.version == Version::V34
                    && revision == scene.at_end.compacted()
                    && text.contains(COMPACTED)
                {
                    ledger.exclude("hashkv: the 3.4 server refuses the revision it compacted at");
                    continue;
                }
                let agreed = refusal(text).is_some_and(|text| ours == Ours::Refused(text));
                ledger.holds(REFUSED, agreed, difference);
            }
            &ServerHash::Hash {
                hash,
                revision: told,
                compacted,
            } => {
                let place = scene
                    .at_end
                    .compactions
                    .iter()
                    .position(|&at| at == revision);
                if let Some(place) = place
                    && scene.version >= Version::V35
                    && compacted != scene.at_end.compacted()
                {
                    its_own_hash(scene, ledger, place, hash, compacted)?;
                    continue;
                }
                let current = scene.at_end.revision;
                let revision = if revision == 0 { current } else { revision };
                let expected = Ours::Hash {
                    hash: i64::from(hash),
                    revision: told.unwrap_or(revision),
                    compacted,
                };
                ledger.holds(KIND, ours == expected, difference);
            }
        }
    }
    Ok(())
}

/// A hash that the server took while it compacted: it is of the store as the compaction before had left it. The
/// final snapshot lacks what it covers, but the one in the middle may still have it.
fn its_own_hash(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    place: usize,
    hash: u32,
    compacted: i64,
) -> Result<(), String> {
    let compactions = &scene.at_end.compactions;
    let revision = compactions[place];
    let before = match place {
        0 => -1,
        _ => compactions[place - 1],
    };
    ledger.holds(
        "compaction's own hash names the compaction before",
        compacted == before,
        || format!("--rev {revision}: {compacted}, not {before}"),
    );
    if place == scene.at_middle.compactions.len() && revision <= scene.at_middle.revision {
        let ours = ask(scene, ledger, &scene.middle, revision, Version::V37, "json")?;
        let expected = Ours::Hash {
            hash: i64::from(hash),
            revision,
            compacted,
        };
        ledger.holds(
            "hashkv of the earlier snapshot as the server compacted it",
            understand(&ours) == Some(expected),
            || format!("--rev {revision}: not {hash}: {}", ours.brief()),
        );
    } else {
        ledger.exclude("hashkv: the server answers with a compaction's own hash");
    }
    Ok(())
}
