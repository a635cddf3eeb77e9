//! `etcdsnap log`, `history` and `show` tell the changes that a watch of the running server tells.

use serde_json::{Value, json};

use super::keys::{some_key, some_prefix};
use super::server::{Lines, ask, same_list};
use crate::driver::Driver;
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::question::Question;
use crate::record::{Event, Record, newest_at, number};
use crate::scene::{Moment, Scene};

/// A change with its place in the revision and with what it is called.
#[derive(PartialEq, Debug)]
pub(super) struct Told<'t> {
    record: &'t Record,
    sub: i64,
    op: &'t str,
    action: &'t str,
}

impl<'t> Told<'t> {
    pub(super) fn by_server(event: &'t Event) -> Self {
        let (op, action) = event.words();
        Self {
            record: &event.record,
            sub: event.sub,
            op,
            action,
        }
    }

    pub(super) fn by_us(lines: &'t Lines) -> Vec<Self> {
        let both = lines.lines.iter().zip(&lines.records);
        both.map(|(line, record)| Self {
            record,
            sub: line["sub"].as_i64().unwrap_or(-1),
            op: line["op"].as_str().unwrap_or_default(),
            action: line["action"].as_str().unwrap_or_default(),
        })
        .collect()
    }
}

fn revision_of(event: &&Event) -> i64 {
    event.record.revision
}

/// The events of a span of revisions.
fn between(events: &[Event], from: i64, to: i64) -> impl Iterator<Item = &Event> {
    let first = events.partition_point(|event| event.record.revision < from);
    let events = events.iter().skip(first);
    events.take_while(move |event| event.record.revision <= to)
}

/// Whether the file knows a key with this prefix for certain: it exists, or was deleted above the compaction.
/// What the compaction left of deleted keys is the file's own affair.
fn is_known(scene: &Scene<'_>, moment: &Moment, prefix: &[u8]) -> bool {
    let mut newest = newest_at(&scene.events, moment.revision).into_iter();
    prefix.is_empty()
        || newest.any(|(key, newest)| {
            let is_there = !newest.is_deletion || newest.revision > moment.compacted();
            key.starts_with(prefix) && is_there
        })
}

/// Asks for the part of the log whose keys have the prefix, and compares what lies above the compaction.
fn compare(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    file: &Frozen,
    moment: &Moment,
    question: &Question,
    prefix: &[u8],
    expected: &[&Event],
) -> Result<(), String> {
    let what = format!("{} {}", file.name(), question.told());
    let outcome = ask(scene, ledger, file, question)?;
    let lines = Lines::read(&outcome)?;
    let compacted = moment.compacted();
    let ours = Told::by_us(&lines);
    let mut revisions: Vec<i64> = ours.iter().map(|one| one.record.revision).collect();
    revisions.dedup();
    let has_summary = lines.summary["events"] == ours.len()
        && lines.summary["transactions"] == revisions.len()
        && lines.has_bounds(moment.revision, compacted);
    let is_told = outcome.code == Some(1)
        && outcome.stderr.starts_with("Error: no key begins with ")
        && ours.is_empty()
        && !is_known(scene, moment, prefix);
    ledger.holds(
        "log: summary and exit status",
        has_summary && (outcome.code == Some(0) || is_told),
        || format!("{what}: {} {}", lines.summary, outcome.brief()),
    );
    // What the compaction left lies at or below it; the server does not tell of that.
    let (below, above): (Vec<_>, Vec<_>) = ours
        .into_iter()
        .partition(|one| one.record.revision <= compacted);
    let was_so = |one: &Told<'_>| {
        let revision = one.record.revision;
        between(&scene.events, revision, revision).any(|event| Told::by_server(event) == *one)
    };
    ledger.holds(
        "log: records at or below the compaction",
        below.iter().all(was_so),
        || format!("{what}: {below:?}"),
    );
    let expected: Vec<Told<'_>> = expected
        .iter()
        .map(|event| Told::by_server(event))
        .collect();
    same_list(
        ledger,
        "log as the server's watch tells it",
        &what,
        &above,
        &expected,
    );
    Ok(())
}

/// The same revision by revision, the newest first.
fn reversed<'e>(events: &[&'e Event]) -> Vec<&'e Event> {
    let transactions: Vec<&[&Event]> = events
        .chunk_by(|a, b| revision_of(a) == revision_of(b))
        .collect();
    transactions.into_iter().rev().flatten().copied().collect()
}

fn first_transactions<'e>(events: &[&'e Event], count: usize) -> Vec<&'e Event> {
    let transactions = events.chunk_by(|a, b| revision_of(a) == revision_of(b));
    transactions.take(count).flatten().copied().collect()
}

pub(super) fn every_change_as_the_server_s_watch_tells_it(
    scene: &mut Scene<'_>,
    driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let (compacted, current) = (scene.at_end.compacted(), scene.at_end.revision);
    let first = compacted.max(1) + 1;
    let watched = Event::list(&driver.ask(json!({"op": "watch", "revision": first}))?)?;
    let remembered: Vec<&Event> = between(&scene.events, first, current).collect();
    same_list(
        ledger,
        "the driver's own history is the server's",
        "events",
        &remembered,
        &watched.iter().collect::<Vec<_>>(),
    );

    let log = || Question::new("log").flag("--json");
    let all: Vec<&Event> = watched.iter().collect();
    let mut questions = vec![
        (log(), Vec::new(), all.clone()),
        (log().flag("--reverse"), Vec::new(), reversed(&all)),
    ];
    if first <= current {
        let question = log().option("--from", first.to_string());
        questions.push((question, Vec::new(), all.clone()));
        for is_reversed in [false, true] {
            let (a, b) = (
                scene.random.between(first, current),
                scene.random.between(first, current),
            );
            let (from, to) = (a.min(b), a.max(b));
            let count = usize::try_from(scene.random.between(1, 40)).expect("it is positive");
            let prefix = some_prefix(scene);
            for prefix in [&b""[..], b"/registry/", &prefix] {
                let matching: Vec<&Event> = between(&watched, from, to)
                    .filter(|event| event.record.key.starts_with(prefix))
                    .collect();
                let in_order = if is_reversed {
                    reversed(&matching)
                } else {
                    matching
                };
                let question = log()
                    .option("--from", from.to_string())
                    .option("--to", to.to_string())
                    .flag_if(is_reversed, "--reverse")
                    .name(prefix);
                let limited = question.clone().option("--limit", count.to_string());
                let first = first_transactions(&in_order, count);
                questions.push((limited, prefix.to_vec(), first));
                questions.push((question, prefix.to_vec(), in_order));
            }
        }
    }
    for (question, prefix, expected) in questions {
        compare(
            scene,
            ledger,
            &scene.snapshot,
            &scene.at_end,
            &question,
            &prefix,
            &expected,
        )?;
    }
    Ok(())
}

pub(super) fn every_file_s_log_as_the_history_has_it(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let raw = scene.raw.as_ref().expect("the server has ended");
    for (file, moment) in [(&scene.middle, &scene.at_middle), (raw, &scene.at_end)] {
        let expected: Vec<&Event> =
            between(&scene.events, moment.compacted() + 1, moment.revision).collect();
        let log = Question::new("log").flag("--json");
        compare(scene, ledger, file, moment, &log, b"", &expected)?;
        let (reverse, expected) = (log.flag("--reverse"), reversed(&expected));
        compare(scene, ledger, file, moment, &reverse, b"", &expected)?;
    }
    Ok(())
}

pub(super) fn every_key_s_life_as_it_was_written(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    for _ in 0..8 {
        let key = some_key(scene);
        for (file, moment) in [
            (&scene.snapshot, &scene.at_end),
            (&scene.middle, &scene.at_middle),
        ] {
            life(scene, ledger, file, moment, &key)?;
        }
    }
    let question = Question::new("history")
        .flag("--json")
        .flag("--key")
        .name(b"never/written");
    let ours = ask(scene, ledger, &scene.snapshot, &question)?;
    ledger.holds(
        "history of a key never written ends with 1",
        ours.code == Some(1),
        || ours.brief(),
    );
    Ok(())
}

fn life(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    file: &Frozen,
    moment: &Moment,
    key: &[u8],
) -> Result<(), String> {
    const KIND: &str = "history as it was written";
    let question = Question::new("history")
        .flag("--json")
        .flag("--key")
        .name(key);
    let what = format!("{} {}", file.name(), question.told());
    let compacted = moment.compacted();
    let written: Vec<&Event> = between(&scene.events, 0, moment.revision)
        .filter(|event| event.record.key == key)
        .collect();
    let retained = |event: &&&Event| event.record.revision > compacted;
    // The compaction leaves the newest value below it; a deletion there it may leave or take.
    let kept = written
        .iter()
        .rfind(|event| !retained(event))
        .filter(|event| !event.record.is_deletion);
    let must: Vec<&Event> = kept
        .into_iter()
        .chain(written.iter().filter(retained))
        .copied()
        .collect();

    let outcome = ask(scene, ledger, file, &question)?;
    if must.is_empty() && outcome.code == Some(1) {
        let lines = Lines::read(&outcome)?;
        let is_empty = lines.lines.is_empty() && lines.summary["records"] == 0;
        let is_right = is_empty && lines.has_bounds(moment.revision, compacted);
        ledger.holds(KIND, is_right, || format!("{what}: {}", outcome.brief()));
        return Ok(());
    }
    let lines = Lines::read(&outcome)?;
    let ours = Told::by_us(&lines);
    let known: Vec<Option<&Event>> = ours
        .iter()
        .map(|one| {
            let is_it = |event: &&&Event| event.record == *one.record && event.sub == one.sub;
            written.iter().find(is_it).copied()
        })
        .collect();
    ledger.holds(
        "history: every record was written so",
        known.iter().all(Option::is_some),
        || format!("{what}: {ours:?}, not {written:?}"),
    );
    let known: Vec<&Event> = known.into_iter().flatten().collect();
    let missing: Vec<&&Event> = must.iter().filter(|event| !known.contains(event)).collect();
    ledger.holds(
        KIND,
        missing.is_empty() && lines.has_bounds(moment.revision, compacted),
        || format!("{what}: {missing:?} is missing, {}", lines.summary),
    );
    // Below the compaction a value whose successors are there already waits to be removed.
    let mut before: Option<&Event> = None;
    let mut is_known = false;
    for ((one, event), line) in ours.iter().zip(&known).zip(&lines.lines) {
        let (op, word) = event.words();
        let action = if word == "create" && is_known {
            "re-create"
        } else {
            word
        };
        ledger.holds(
            "history: what a change did",
            (one.op, one.action) == (op, action),
            || format!("{what}: {one:?}, not {op}, {action}"),
        );
        ledger.holds(
            "history: whether the value changed",
            says_rightly(line, event, before),
            || format!("{what}: {line} after {before:?}"),
        );
        is_known = true;
        before = match event.record.is_deletion {
            true => before,
            false => Some(event),
        };
    }
    Ok(())
}

/// Whether a line rightly says that a value is that of before, or another one. A deletion says nothing. What a key
/// held in the life before may be compacted away, and of the first object of a key all fields are new.
fn says_rightly(line: &Value, event: &Event, before: Option<&Event>) -> bool {
    let said = line["change"].as_str().map(|change| change == "same-bytes");
    let is_same = before.map(|before| before.value_sha256 == event.value_sha256);
    match event.words() {
        (_, "delete") => said.is_none(),
        (_, "create") => said.is_none() || said == Some(is_same.unwrap_or(false)),
        _ => said == is_same,
    }
}

pub(super) fn revisions_show_what_they_changed(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    const KIND: &str = "show as the server's watch tells it";
    let (compacted, current) = (scene.at_end.compacted(), scene.at_end.revision);
    let first = compacted.max(1) + 1;
    if first > current {
        return Ok(());
    }
    let mut revisions: Vec<i64> = (0..6)
        .map(|_| scene.random.between(first, current))
        .collect();
    // Transactions of several changes are rarer; the longest one is worth a look.
    let events: Vec<&Event> = between(&scene.events, first, current).collect();
    let longest = events.iter().max_by_key(|event| event.sub);
    revisions.extend(longest.map(revision_of));
    for revision in revisions {
        let question = Question::new("show")
            .flag("--json")
            .name(revision.to_string().as_bytes());
        let outcome = ask(scene, ledger, &scene.snapshot, &question)?;
        let lines = Lines::read(&outcome)?;
        let expected: Vec<&Event> = between(&scene.events, revision, revision).collect();
        let theirs: Vec<Told<'_>> = expected
            .iter()
            .map(|event| Told::by_server(event))
            .collect();
        // How much of the life before is left, the server does not tell.
        let mut ours = Told::by_us(&lines);
        for one in ours.iter_mut().filter(|one| one.action == "re-create") {
            one.action = "create";
        }
        same_list(ledger, KIND, &question.told(), &ours, &theirs);
        let has_summary = number(&lines.summary, "revision") == revision
            && lines.summary["events"] == expected.len();
        // Random values beneath the keys of objects are called damaged.
        let expected_code = i32::from(outcome.stderr.contains(": damaged: "));
        ledger.holds(
            "show: summary and exit status",
            has_summary && outcome.code == Some(expected_code),
            || format!("{}: {} {:?}", question.told(), lines.summary, outcome.code),
        );
        for (event, line) in expected.iter().zip(&lines.lines) {
            let key = &event.record.key;
            let before = scene.events.iter().rev().find(|one| {
                let is_value = one.record.key == *key && !one.record.is_deletion;
                is_value && (one.record.revision, one.sub) < (revision, event.sub)
            });
            ledger.holds(
                "show: whether the value changed",
                says_rightly(line, event, before),
                || format!("{}: {line} after {before:?}", question.told()),
            );
        }
    }
    Ok(())
}
