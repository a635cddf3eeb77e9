//! `etcdsnap keys` lists what the server lists, and finds deleted keys where the history has them.

use super::server::{Lines, Range, Ranged, ask, prefix_end, refuses, same_list};
use crate::driver::Driver;
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::question::{Question, is_sayable};
use crate::record::{Record, newest_at};
use crate::scene::{Moment, Scene};
use crate::settings::Version;

/// One list, in our words and in etcd's.
struct List {
    question: Question,
    range: Range,
}

impl List {
    fn new(prefix: &[u8], revision: i64) -> Self {
        Self {
            question: Question::new("keys")
                .flag("--json")
                .at(revision)
                .name(prefix),
            range: Range::prefix(prefix, revision),
        }
    }

    fn span(start: &[u8], end: Option<&[u8]>, revision: i64) -> Self {
        let mut question = Question::new("keys")
            .flag("--json")
            .at(revision)
            .option("--start", start);
        if let Some(end) = end {
            question = question.option("--end", end);
        }
        Self {
            question,
            range: Range::span(start, end, revision),
        }
    }

    fn limit(mut self, limit: i64) -> Self {
        self.question = self.question.option("--limit", limit.to_string());
        self.range.limit = limit;
        self
    }

    /// In key order; `sorted_lists_as_the_server_sorts` has the others.
    fn reverse(mut self) -> Self {
        self.question = self.question.flag("--reverse");
        self.range.order = ("DESCEND", "KEY");
        self
    }
}

/// Revisions to ask at: around both ends, and some between them. The server refuses the outer ones.
pub(super) fn revisions(scene: &mut Scene<'_>, count: usize) -> Vec<i64> {
    let (compacted, current) = (scene.at_end.compacted(), scene.at_end.revision);
    let first = compacted.max(1);
    let mut revisions = vec![0, 1, first, (first + 1).min(current), current, current + 1];
    revisions.push((first - 1).max(1));
    revisions.extend((0..count).map(|_| scene.random.between(first, current)));
    revisions.sort_unstable();
    revisions.dedup();
    revisions
}

/// A revision that can be answered.
pub(super) fn some_revision(scene: &mut Scene<'_>) -> i64 {
    match scene.random.between(0, 3) {
        0 => 0,
        _ => scene
            .random
            .between(scene.at_end.compacted().max(1), scene.at_end.revision),
    }
}

/// A key that was written once and can be an argument.
pub(super) fn some_key(scene: &mut Scene<'_>) -> Vec<u8> {
    loop {
        let event = scene
            .random
            .pick(&scene.events)
            .expect("the workload wrote something");
        if is_sayable(&event.record.key) {
            return event.record.key.clone();
        }
    }
}

/// The beginning of a key, which may end within a character.
pub(super) fn some_prefix(scene: &mut Scene<'_>) -> Vec<u8> {
    let key = some_key(scene);
    let most = i64::try_from(key.len()).expect("keys are short");
    let len = scene
        .random
        .between(1, most)
        .min(scene.random.between(1, most));
    key[..usize::try_from(len).expect("it is positive")].to_vec()
}

fn lists(scene: &mut Scene<'_>) -> Vec<List> {
    let mut lists: Vec<List> = revisions(scene, 5)
        .into_iter()
        .map(|revision| List::new(b"", revision))
        .collect();
    for prefix in [
        &b"/registry/"[..],
        b"/registry/pods",
        b"foo",
        b"\xff",
        b"no such key",
    ] {
        lists.push(List::new(prefix, some_revision(scene)));
    }
    for _ in 0..6 {
        let prefix = some_prefix(scene);
        lists.push(List::new(&prefix, some_revision(scene)));
        let (start, end) = (some_key(scene), some_key(scene));
        lists.push(List::span(&start, Some(&end), some_revision(scene)));
    }
    let start = some_key(scene);
    lists.push(List::span(&start, None, some_revision(scene)));
    // Together they narrow each other.
    let (prefix, start) = (&b"/registry/"[..], some_key(scene));
    let revision = some_revision(scene);
    let end = prefix_end(prefix).expect("the prefix does not end with 0xff");
    let mut both = List::span(prefix.max(start.as_slice()), Some(&end), revision);
    both.question = Question::new("keys")
        .flag("--json")
        .at(revision)
        .option("--start", &start)
        .name(prefix);
    lists.push(both);
    for prefix in [Vec::new(), b"/registry/".to_vec(), some_prefix(scene)] {
        for limit in [1, scene.random.between(2, 30)] {
            lists.push(List::new(&prefix, some_revision(scene)).limit(limit));
            lists.push(
                List::new(&prefix, some_revision(scene))
                    .limit(limit)
                    .reverse(),
            );
        }
        lists.push(List::new(&prefix, some_revision(scene)).reverse());
    }
    lists
}

pub(super) fn every_list_as_the_server_lists(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    const KIND: &str = "keys as the server lists them";
    for list in lists(scene) {
        let what = list.question.told();
        let ours = ask(scene, ledger, &scene.snapshot, &list.question)?;
        match list.range.ask(driver, false)? {
            Ranged::Refused(text) => ledger.holds(
                "keys refused as the server refuses",
                refuses(&ours, text),
                || format!("{what} should say `{text}`: {}", ours.brief()),
            ),
            Ranged::Keys { records, .. } => {
                let lines = match Lines::read(&ours) {
                    Ok(lines) => lines,
                    Err(fault) => {
                        ledger.holds(KIND, false, || format!("{what}: {fault}"));
                        continue;
                    }
                };
                same_list(ledger, KIND, &what, &lines.records, &records);
                let revision = match list.range.revision {
                    0 => scene.at_end.revision,
                    revision => revision,
                };
                let has_summary = lines.summary["keys"] == records.len()
                    && lines.summary["revision"] == revision
                    && lines.has_bounds(scene.at_end.revision, scene.at_end.compacted());
                // Of everything there may be nothing; what is asked for by name should be there.
                let is_asked_for = list.range.key != b"\0" || list.range.end != b"\0";
                // Of each by itself there may be some, and of all of them together none.
                let is_told = ours.stderr.starts_with("Error: no key ")
                    || ours.stderr.contains(": no key matches");
                let has_status = match records.is_empty() && is_asked_for {
                    true => ours.code == Some(1) && is_told,
                    false => ours.code == Some(0),
                };
                ledger.holds(
                    "keys: summary and exit status",
                    has_summary && has_status,
                    || format!("{what}: {} {}", lines.summary, ours.brief()),
                );
            }
        }
    }
    Ok(())
}

type Figure = fn(&Record) -> i64;

pub(super) fn sorted_lists_as_the_server_sorts(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    const KIND: &str = "keys sorted as the server sorts them";
    let sorts: [(&str, &'static str, Figure); 4] = [
        ("create", "CREATE", |record| record.create),
        ("mod", "MOD", |record| record.revision),
        ("version", "VERSION", |record| record.version),
        // etcd sorts by values, not by their size.
        ("size", "", |record| record.value_bytes),
    ];
    for (name, target, figure) in sorts {
        let revision = some_revision(scene);
        let limit = usize::try_from(scene.random.between(1, 60)).expect("it is positive");
        let all = match Range::prefix(b"", revision).ask(driver, false)? {
            Ranged::Keys { records, .. } => records,
            Ranged::Refused(text) => return Err(format!("revision {revision}: {text}")),
        };
        for (is_reversed, limit) in [
            (false, None),
            (true, None),
            (false, Some(limit)),
            (true, Some(limit)),
        ] {
            let mut question = Question::new("keys")
                .flag("--json")
                .at(revision)
                .option("--sort", name);
            question = question.flag_if(is_reversed, "--reverse");
            if let Some(limit) = limit {
                question = question.option("--limit", limit.to_string());
            }
            let what = question.told();
            let ours = Lines::read(&ask(scene, ledger, &scene.snapshot, &question)?)?.records;
            if !target.is_empty() {
                let mut range = Range::prefix(b"", revision);
                range.order = (if is_reversed { "DESCEND" } else { "ASCEND" }, target);
                range.limit = limit
                    .and_then(|limit| i64::try_from(limit).ok())
                    .unwrap_or_default();
                let Ranged::Keys { records, .. } = range.ask(driver, false)? else {
                    return Err(format!("{what}: refused"));
                };
                // Keys that are equal by it come in no order that etcd would promise.
                let figures = |records: &[Record]| records.iter().map(figure).collect::<Vec<i64>>();
                same_list(ledger, KIND, &what, &figures(&ours), &figures(&records));
            }
            // We promise one: by key.
            let mut expected = all.clone();
            expected.sort_by(|a, b| (figure(a), &a.key).cmp(&(figure(b), &b.key)));
            if is_reversed {
                expected.reverse();
            }
            expected.truncate(limit.unwrap_or(usize::MAX));
            same_list(
                ledger,
                "keys sorted, equal ones by key",
                &what,
                &ours,
                &expected,
            );
        }
    }
    Ok(())
}

/// The lines for people, where no key needs an escape.
pub(super) fn plain_lines_as_etcdctl_prints_them(
    scene: &mut Scene<'_>,
    _driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let revision = some_revision(scene);
    let question = Question::new("keys").at(revision).name(b"/registry/");
    let ours = ask(scene, ledger, &scene.snapshot, &question)?;
    let asked = Question::new("get")
        .flag("--prefix")
        .flag("--keys-only")
        .at(revision)
        .name(b"/registry/");
    let theirs = etcdctl(scene, scene.version, &asked)?;
    // etcdctl prints an empty value below each key.
    let theirs: Vec<u8> = theirs
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| *line != b"\n")
        .flatten()
        .copied()
        .collect();
    ledger.same(
        "keys as etcdctl prints them",
        &question.told(),
        &ours.stdout,
        &theirs,
    );
    Ok(())
}

/// What etcdctl prints when all goes well.
pub(super) fn etcdctl(
    scene: &Scene<'_>,
    version: Version,
    question: &Question,
) -> Result<Vec<u8>, String> {
    let told = question.told();
    scene
        .peers
        .etcdctl(version, &scene.endpoint, &question.clone().words())?
        .success(&format!("etcdctl {version} {told}"))
}

/// The files that no server answers for any more, against the history.
pub(super) fn every_file_as_the_history_has_it(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let between = |scene: &mut Scene<'_>, from: i64, to: i64| scene.random.between(from.max(1), to);
    let in_middle = between(scene, scene.at_middle.compacted(), scene.at_middle.revision);
    let at_end = between(scene, scene.at_end.compacted(), scene.at_end.revision);
    let raw = scene.raw.as_ref().expect("the server has ended");
    for (file, moment, revision) in [
        (&scene.middle, &scene.at_middle, in_middle),
        (&scene.snapshot, &scene.at_end, at_end),
        (raw, &scene.at_end, at_end),
    ] {
        for revision in [0, revision] {
            live_and_deleted(scene, ledger, file, moment, revision)?;
        }
    }
    Ok(())
}

fn live_and_deleted(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    file: &Frozen,
    moment: &Moment,
    revision: i64,
) -> Result<(), String> {
    let question = Question::new("keys").flag("--json").at(revision);
    let what = format!("{} {}", file.name(), question.told());
    let at = if revision == 0 {
        moment.revision
    } else {
        revision
    };
    let newest = newest_at(&scene.events, at);

    let ours = Lines::read(&ask(scene, ledger, file, &question)?)?;
    let live: Vec<Record> = newest
        .values()
        .filter(|one| !one.is_deletion)
        .map(|one| (*one).clone())
        .collect();
    same_list(
        ledger,
        "keys as the history has them",
        &what,
        &ours.records,
        &live,
    );
    ledger.holds(
        "keys: bounds of the file",
        ours.has_bounds(moment.revision, moment.compacted()),
        || format!("{what}: {}", ours.summary),
    );

    let ours = Lines::read(&ask(scene, ledger, file, &question.flag("--deleted"))?)?.records;
    let deleted = newest.values().filter(|one| one.is_deletion);
    // Of what was deleted before the compaction, some tombstones are left, and no rule says which.
    let (before, after): (Vec<&Record>, Vec<&Record>) = ours
        .iter()
        .partition(|one| one.revision <= moment.compacted());
    let expected: Vec<&Record> = deleted
        .filter(|one| one.revision > moment.compacted())
        .copied()
        .collect();
    same_list(
        ledger,
        "keys --deleted as the history has them",
        &what,
        &after,
        &expected,
    );
    ledger.holds(
        "keys --deleted: tombstones at or below the compaction",
        before
            .iter()
            .all(|one| newest.get(one.key.as_slice()) == Some(one)),
        || format!("{what}: {before:?}"),
    );
    Ok(())
}
