//! `etcdsnap diff` tells what two dumps of the running server differ in, and what its watch tells in between.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::log::Told;
use super::server::{Lines, Range, Ranged, ask, refuses, same_list};
use crate::driver::Driver;
use crate::dump::{self, Dump};
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::question::Question;
use crate::record::{Event, Record, bytes, number};
use crate::scene::Scene;
use crate::tools::Outcome;

/// How a key differs, and its figures before and after.
#[derive(PartialEq, Debug)]
struct Difference {
    change: String,
    why: String,
    old: Option<Figures>,
    new: Option<Figures>,
}

type Figures = [i64; 5];

type Differences = BTreeMap<Vec<u8>, Difference>;

fn figures(record: &Record) -> Figures {
    [
        record.create,
        record.revision,
        record.version,
        record.lease,
        record.value_bytes,
    ]
}

/// What two dumps differ in, by their figures and values alone.
fn expected(old: &Dump, new: &Dump) -> Differences {
    let mut found = Differences::new();
    let keys: BTreeSet<&Vec<u8>> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let (change, why) = match (old.get(key), new.get(key)) {
            (Some((a, _)), Some((b, _))) if a.revision == b.revision => continue,
            (Some((a, before)), Some((b, after))) => {
                let uids = (uid(before), uid(after));
                let is_other = matches!(&uids, (Some(one), Some(other)) if one != other);
                match before == after {
                    _ if a.create != b.create || is_other => ("recreated", ""),
                    false => ("changed", ""),
                    true if a.lease != b.lease => ("lease", ""),
                    true => ("touched", "same-bytes"),
                }
            }
            (Some(_), None) => ("removed", ""),
            (None, _) => ("added", ""),
        };
        let difference = Difference {
            change: change.to_owned(),
            why: why.to_owned(),
            old: old.get(key).map(|(record, _)| figures(record)),
            new: new.get(key).map(|(record, _)| figures(record)),
        };
        found.insert(key.clone(), difference);
    }
    found
}

/// The uid of a ConfigMap as the workload writes them: in JSON, or in the envelope of protobuf.
fn uid(value: &[u8]) -> Option<Vec<u8>> {
    if let Ok(json) = serde_json::from_slice::<Value>(value) {
        return Some(json["metadata"]["uid"].as_str()?.as_bytes().to_vec());
    }
    let object = field(value.strip_prefix(b"k8s\0")?, 2)?;
    Some(field(field(object, 1)?, 5)?.to_vec())
}

/// The first field of this number in a message that has fields with a length only.
fn field(mut message: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (tag, rest) = message.split_first()?;
        let end = rest.iter().position(|byte| *byte < 0x80)?;
        let mut len = 0usize;
        for byte in rest[..=end].iter().rev() {
            len = len << 7 | usize::from(byte & 0x7f);
        }
        let (content, rest) = rest[end + 1..].split_at_checked(len)?;
        if *tag == wanted << 3 | 2 {
            return Some(content);
        }
        message = rest;
    }
}

/// The lines of `diff --json`, and the patches in them.
struct Ours {
    differences: Differences,
    patches: BTreeMap<Vec<u8>, Value>,
    summary: Value,
}

impl Ours {
    fn read(outcome: &Outcome) -> Result<Self, String> {
        let text = std::str::from_utf8(&outcome.stdout).map_err(|error| error.to_string())?;
        let mut ours = Self {
            differences: Differences::new(),
            patches: BTreeMap::new(),
            summary: Value::Null,
        };
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            match line["type"].as_str() {
                Some("change") => ours.take(&line)?,
                Some("summary") => ours.summary = line,
                Some("bucket-change") => {}
                _ => return Err(format!("what is {line}?")),
            }
        }
        match ours.summary {
            Value::Null => Err(format!("no summary: {}", outcome.brief())),
            _ => Ok(ours),
        }
    }

    fn take(&mut self, line: &Value) -> Result<(), String> {
        let key = match line["key"].as_str() {
            Some(text) => Some(text.as_bytes().to_vec()),
            None => bytes(&line["key_base64"]),
        };
        let key = key.ok_or_else(|| format!("no key: {line}"))?;
        let side = |name: &str| {
            let told = line[name].as_object().map(|_| &line[name])?;
            let names = [
                "create_revision",
                "mod_revision",
                "version",
                "lease",
                "value_size",
            ];
            Some(names.map(|name| number(told, name)))
        };
        let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let difference = Difference {
            change: word("change"),
            why: word("why"),
            old: side("old"),
            new: side("new"),
        };
        if let Some(patch) = line.get("patch") {
            self.patches.insert(key.clone(), patch.clone());
        }
        match self.differences.insert(key, difference) {
            Some(_) => Err(format!("a key twice: {line}")),
            None => Ok(()),
        }
    }
}

/// Compares one answer with what two dumps say.
fn compare(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    (file, question): (&Frozen, &Question),
    (old, new): (&Dump, &Dump),
) -> Result<Value, String> {
    let what = format!("{} {}", file.name(), question.told());
    let outcome = ask(scene, ledger, file, question)?;
    let ours = Ours::read(&outcome).map_err(|fault| format!("{what}: {fault}"))?;
    let theirs = expected(old, new);
    let list = |all: Differences| all.into_iter().collect::<Vec<_>>();
    let counts: BTreeMap<&str, usize> = theirs.values().fold(BTreeMap::new(), |mut counts, one| {
        *counts.entry(one.change.as_str()).or_default() += 1;
        counts
    });
    let has_counts = [
        "added",
        "removed",
        "changed",
        "recreated",
        "touched",
        "lease",
        "unknown",
    ]
    .iter()
    .all(|word| {
        let name = match *word {
            "lease" => "lease_only",
            word => word,
        };
        ours.summary[name] == counts.get(word).copied().unwrap_or_default()
    });
    let has_keys =
        ours.summary["old"]["keys"] == old.len() && ours.summary["new"]["keys"] == new.len();
    ledger.holds(
        "diff: summary and exit status",
        has_counts && has_keys && matches!(outcome.code, Some(0 | 1)),
        || format!("{what}: {} {:?}", ours.summary, outcome.code),
    );
    let has_code = theirs.is_empty() || outcome.code == Some(1);
    ledger.holds("diff: exit status of differences", has_code, || {
        format!("{what}: {}", outcome.brief())
    });
    for (key, patch) in &ours.patches {
        let of = |dump: &Dump| serde_json::from_slice::<Value>(&dump.get(key)?.1).ok();
        let (Some(mut before), Some(after)) = (of(old), of(new)) else {
            continue;
        };
        let applied = serde_json::from_value(patch.clone())
            .map_err(|error| error.to_string())
            .and_then(|patch: json_patch::Patch| {
                json_patch::patch(&mut before, &patch).map_err(|error| error.to_string())
            });
        ledger.holds(
            "diff: the patch leads from the old value to the new one",
            applied.is_ok() && before == after,
            || format!("{what}: {patch} gives {before}, not {after}: {applied:?}"),
        );
    }
    same_list(
        ledger,
        "diff as two dumps differ",
        &what,
        &list(ours.differences),
        &list(theirs),
    );
    Ok(ours.summary)
}

/// Everything counts, and nothing is hidden.
fn question() -> Question {
    let question = Question::new("diff")
        .flag("--json")
        .flag("--show-secrets")
        .flag("--show-managed-fields");
    question.option("--noise", "none")
}

fn path(file: &Frozen) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    file.path.as_os_str().as_bytes().to_vec()
}

pub(super) fn two_snapshots_as_two_dumps_differ(
    scene: &mut Scene<'_>,
    _driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let old = &scene.dump_at_middle;
    let new = &dump::take(scene.peers, scene.version, &scene.endpoint)?;
    let (middle, snapshot) = (&scene.middle, &scene.snapshot);
    // Above the compaction both have every record, and up to it every state.
    let is_comparable = scene.at_end.compacted() <= scene.at_middle.revision;
    for (files, dumps, is_complete) in [
        ((middle, snapshot), (old, new), is_comparable),
        ((snapshot, middle), (new, old), false),
        ((middle, middle), (old, old), true),
    ] {
        let question = question().name(&path(files.1));
        let summary = compare(scene, ledger, (files.0, &question), dumps)?;
        let is_told = std::ptr::eq(files.0, files.1) || is_comparable;
        // When every key was deleted there may be nothing left that both have.
        let has_common = summary["common_records"] != 0;
        let relation = match is_told && has_common {
            true => "same-history",
            false => "undecided",
        };
        ledger.holds(
            "diff: one history, and whether it is complete",
            summary["relation"] == relation
                && summary["divergences"] == 0
                && summary["bucket_divergences"] == 0
                && summary["history_complete"] == (is_complete && has_common),
            || format!("{}, {is_complete}: {summary}", question.told()),
        );
    }
    for files in [(middle, snapshot), (snapshot, middle)] {
        let question = Question::new("divergence")
            .flag("--json")
            .name(&path(files.1));
        let outcome = ask(scene, ledger, files.0, &question)?;
        let summary: Value =
            serde_json::from_str(outcome.stdout_text().lines().last().unwrap_or_default())
                .map_err(|error| error.to_string())?;
        let is_told = is_comparable && summary["common_records"] != 0;
        let code = if is_told { 0 } else { 2 };
        ledger.holds(
            "divergence: none between two snapshots of one server",
            outcome.code == Some(code) && summary["divergences"] == 0,
            || format!("{}: {}", question.told(), outcome.brief()),
        );
        let doubt = match is_comparable {
            true => summary["doubt"] != "compacted",
            false => summary["doubt"] == "compacted",
        };
        ledger.holds(
            "divergence: what a compaction hides is not told",
            doubt,
            || format!("{}: {summary}", question.told()),
        );
    }
    Ok(())
}

pub(super) fn two_revisions_as_two_ranges_differ(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let (first, last) = (scene.at_end.compacted().max(1), scene.at_end.revision);
    let between = (
        scene.random.between(first, last),
        scene.random.between(first, last),
    );
    for (from, to) in [(first, last), between] {
        let mut dump = |revision: i64| match Range::prefix(b"", revision).ask(driver, true)? {
            Ranged::Refused(text) => Err(format!("revision {revision}: {text}")),
            Ranged::Keys { records, values } => {
                let both = records.into_iter().zip(values);
                Ok(both
                    .map(|(record, value)| (record.key.clone(), (record, value)))
                    .collect::<Dump>())
            }
        };
        let (old, new) = (dump(from)?, dump(to)?);
        let question = question()
            .option("--from", from.to_string())
            .option("--to", to.to_string());
        let summary = compare(scene, ledger, (&scene.snapshot, &question), (&old, &new))?;
        ledger.holds(
            "diff: two revisions of one file",
            summary["relation"] == "one-file" && summary["history_complete"] == (from <= to),
            || format!("{}: {summary}", question.told()),
        );
    }
    Ok(())
}

pub(super) fn the_log_in_between_as_the_server_s_watch_tells_it(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let log = || Question::new("diff").flag("--log").flag("--json");
    let question = log().name(&path(&scene.snapshot));
    if scene.at_end.compacted() > scene.at_middle.revision {
        let outcome = ask(scene, ledger, &scene.middle, &question)?;
        ledger.holds(
            "diff --log: refused where the history is not complete",
            refuses(&outcome, "does not know every change"),
            || format!("{}: {}", question.told(), outcome.brief()),
        );
    } else {
        let from = scene.at_middle.revision;
        log_between(scene, driver, ledger, (&scene.middle, &question), from, b"")?;
    }
    let (first, last) = (scene.at_end.compacted().max(1), scene.at_end.revision);
    let from = scene.random.between(first, last);
    for (from, prefix) in [(first, &b""[..]), (from, b""), (from, b"/registry/")] {
        let question = log()
            .option("--from", from.to_string())
            .option("--prefix", prefix);
        let file = (&scene.snapshot, &question);
        log_between(scene, driver, ledger, file, from, prefix)?;
    }
    Ok(())
}

/// Compares one log with a watch of all that came after a revision.
fn log_between(
    scene: &Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
    (file, question): (&Frozen, &Question),
    from: i64,
    prefix: &[u8],
) -> Result<(), String> {
    let what = format!("{} {}", file.name(), question.told());
    let outcome = ask(scene, ledger, file, question)?;
    let mut watched = Event::list(&driver.ask(json!({"op": "watch", "revision": from + 1}))?)?;
    watched.retain(|event| event.record.key.starts_with(prefix));
    let lines = Lines::read(&outcome)?;
    let theirs: Vec<Told<'_>> = watched.iter().map(Told::by_server).collect();
    same_list(
        ledger,
        "diff --log as the server's watch tells it",
        &what,
        &Told::by_us(&lines),
        &theirs,
    );
    let code = if watched.is_empty() { 0 } else { 1 };
    let has_bounds = lines.has_bounds(scene.at_end.revision, scene.at_end.compacted());
    ledger.holds(
        "diff --log: summary and exit status",
        has_bounds && lines.summary["events"] == watched.len() && outcome.code == Some(code),
        || format!("{what}: {} {:?}", lines.summary, outcome.code),
    );
    Ok(())
}
