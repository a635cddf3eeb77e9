//! `etcdsnap get` prints what `etcdctl get` prints of the running server, and `contains` knows it too.

use std::collections::BTreeSet;

use super::keys::{etcdctl, revisions, some_key, some_prefix, some_revision};
use super::server::{Range, Ranged, ask, refuses_in_text};
use crate::driver::Driver;
use crate::ledger::Ledger;
use crate::question::{Question, is_sayable};
use crate::record::{Record, newest_at};
use crate::scene::Scene;
use crate::settings::Version;

const NEVER_WRITTEN: &[u8] = b"never/written";

/// The two formats that `etcdctl` and we have in common: its name, ours.
const FORMATS: [(&str, &str); 2] = [("fields", "fields"), ("json", "etcdctl-json")];

/// What follows the header of the answer, which tells of the cluster.
fn without_header(format: &str, printed: &[u8]) -> Result<Vec<u8>, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if format == "json" {
        let end = printed.iter().position(|byte| *byte == b'}');
        let end = end
            .filter(|_| printed.starts_with(b"{\"header\":{"))
            .ok_or_else(|| text(printed))?;
        let rest = &printed[end + 1..];
        return Ok([b"{", rest.strip_prefix(b",").unwrap_or(rest)].concat());
    }
    let lines: Vec<&[u8]> = printed.split_inclusive(|byte| *byte == b'\n').collect();
    let is_first = |line: &&[u8]| line.starts_with(b"\"Key\"") || line.starts_with(b"\"More\"");
    let first = lines
        .iter()
        .position(is_first)
        .ok_or_else(|| text(printed))?;
    Ok(lines[first..].concat())
}

/// Compares both formats; `name` is a key, or a prefix.
fn formats(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    name: &[u8],
    revision: i64,
    is_prefix: bool,
) -> Result<(), String> {
    for (theirs, ours) in FORMATS {
        let question = Question::new("get")
            .flag_if(is_prefix, "--prefix")
            .at(revision)
            .name(name);
        // The 3.4 that Debian builds has the characters of an older Unicode than the others.
        let version = match theirs {
            "fields" => scene.version.max(Version::V35),
            _ => scene.version,
        };
        let asked = question.clone().option("--write-out", theirs);
        let expected = without_header(theirs, &etcdctl(scene, version, &asked)?)?;
        let question = question
            .flag("--show-secrets")
            .flag_if(!is_prefix, "--key")
            .option("--output", ours);
        let got = ask(scene, ledger, &scene.snapshot, &question)?;
        let kind = format!("get -o {ours} as etcdctl prints it");
        ledger.same(&kind, &question.told(), &got.stdout, &expected);
        if is_prefix {
            let is_told =
                got.code == Some(1) && got.stderr.starts_with("Error: no key begins with ");
            let is_right = got.code == Some(0) || is_told;
            ledger.holds(
                "get ends with 0, or 1 where no key has the prefix",
                is_right,
                || format!("{}: {}", question.told(), got.brief()),
            );
        }
    }
    Ok(())
}

/// Keys and revisions worth a look: any, and one of each rare sort.
fn samples(scene: &mut Scene<'_>) -> Vec<(Vec<u8>, i64)> {
    let mut samples = BTreeSet::new();
    for _ in 0..5 {
        samples.insert((some_key(scene), some_revision(scene)));
    }
    samples.insert((NEVER_WRITTEN.to_vec(), some_revision(scene)));
    let revision = some_revision(scene);
    let at = if revision == 0 {
        scene.at_end.revision
    } else {
        revision
    };
    let newest = newest_at(&scene.events, at);
    let sorts: [fn(&Record) -> bool; 6] = [
        |one| one.lease != 0,
        |one| one.value_bytes == 0 && !one.is_deletion,
        |one| std::str::from_utf8(&one.key).is_err(),
        |one| one.key.iter().any(u8::is_ascii_control),
        |one| one.is_deletion,
        |one| one.value_bytes > 20_000,
    ];
    for is_of_sort in sorts {
        let found = newest
            .values()
            .find(|one| is_of_sort(one) && is_sayable(&one.key));
        samples.extend(found.map(|one| (one.key.clone(), revision)));
    }
    samples.into_iter().collect()
}

pub(super) fn every_value_as_the_server_gives_it(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    for (key, revision) in samples(scene) {
        formats(scene, ledger, &key, revision, false)?;
        let found = match Range::key(&key, revision).ask(driver, true)? {
            Ranged::Keys { values, .. } => values.into_iter().next(),
            Ranged::Refused(text) => return Err(format!("revision {revision}: {text}")),
        };
        let question = Question::new("get")
            .flag("--show-secrets")
            .flag("--key")
            .at(revision);
        let question = question.option("--output", "raw").name(&key);
        let ours = ask(scene, ledger, &scene.snapshot, &question)?;
        let what = question.told();
        ledger.same(
            "get -o raw is the value",
            &what,
            &ours.stdout,
            found.as_deref().unwrap_or_default(),
        );
        let code = if found.is_some() { 0 } else { 1 };
        ledger.holds(
            "get ends with 0, or 1 without a value",
            ours.code == Some(code),
            || format!("{what}: {}", ours.brief()),
        );
        contains(scene, ledger, &key, revision, found.as_deref())?;
    }
    Ok(())
}

fn contains(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    key: &[u8],
    revision: i64,
    value: Option<&[u8]>,
) -> Result<(), String> {
    let question = Question::new("contains").flag("--key").at(revision);
    let mut questions = vec![(question.clone(), if value.is_some() { 0 } else { 1 })];
    if let Some(value) = value.filter(|value| is_sayable(value)) {
        questions.push((question.clone().option("--value-equals", value), 0));
        let longer = [value, b"x"].concat();
        questions.push((question.clone().option("--value-equals", longer), 1));
        if let Some((_, shorter)) = value.split_last() {
            questions.push((question.option("--value-equals", shorter), 1));
        }
    }
    for (question, code) in questions {
        let question = question.name(key);
        let ours = ask(scene, ledger, &scene.snapshot, &question)?;
        let as_expected = ours.code == Some(code) && ours.stdout.is_empty();
        ledger.holds("contains as the server has it", as_expected, || {
            format!(
                "{} should end with {code}: {}",
                question.told(),
                ours.brief()
            )
        });
    }
    Ok(())
}

pub(super) fn every_prefix_as_etcdctl_prints_it(
    scene: &mut Scene<'_>,
    _driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    for prefix in [
        Vec::new(),
        b"foo".to_vec(),
        NEVER_WRITTEN.to_vec(),
        some_prefix(scene),
        some_prefix(scene),
    ] {
        let revision = some_revision(scene);
        formats(scene, ledger, &prefix, revision, true)?;
    }
    Ok(())
}

pub(super) fn revisions_outside_are_refused_as_the_server_refuses(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    for revision in revisions(scene, 0) {
        let key = some_key(scene);
        let Ranged::Refused(text) = Range::key(&key, revision).ask(driver, false)? else {
            continue;
        };
        let number = revision.to_string();
        let at = |command: &str| Question::new(command).at(revision);
        for question in [
            at("get").flag("--key").name(&key),
            at("get")
                .flag("--prefix")
                .option("--output", "fields")
                .name(&key),
            at("contains").flag("--key").name(&key),
            at("keys").flag("--deleted"),
            at("keys").option("--limit", "3"),
            Question::new("show").name(number.as_bytes()),
            Question::new("log").option("--from", &number),
            Question::new("log")
                .option("--to", &number)
                .flag("--reverse"),
        ] {
            let ours = ask(scene, ledger, &scene.snapshot, &question)?;
            ledger.holds(
                "revisions refused as the server refuses them",
                refuses_in_text(&ours, text),
                || format!("{} should say `{text}`: {}", question.told(), ours.brief()),
            );
        }
    }
    Ok(())
}
