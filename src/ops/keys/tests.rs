//! Random histories, written as files: what `log`, `show`, `history` and lists of deleted objects say of each
//! revision, against each other and against a plain model.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bolt::write::{WriteError, WriteLayout, Writer};
use crate::etcd::Revision;
use crate::etcd::keyspace::Wanted;
use crate::etcd::schema::Compaction;
use crate::kubernetes::compare::noise::NoiseProfile;
use crate::ops::input::Input;
use crate::ops::objects::{ObjectsQuery, ValueReader, objects};
use crate::ops::session::Session;
use crate::options::Options;
use crate::wire::put_varint;

/// One record of the model: a value, or nothing for a deletion.
#[derive(Debug, Clone, PartialEq)]
struct Put {
    revision: Revision,
    key: String,
    value: Option<Value>,
    create: i64,
    version: i64,
}

/// What to do with a key, 0 deletes it, and whether a transaction begins.
type Step = (u8, u8, bool);

fn key(number: u8) -> String {
    match number % 8 {
        // Not an object.
        7 => "/app/plain".into(),
        number => format!("/registry/configmaps/n{}/c{number}", number % 2),
    }
}

fn value(number: u8, what: u8, main: i64) -> Value {
    let number = number % 8;
    if number == 7 {
        return json!([what]);
    }
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": format!("c{number}"), "namespace": format!("n{}", number % 2),
            "creationTimestamp": crate::kubernetes::rfc3339(1_000_000 + main * 10), "managedFields": [
                {"manager": format!("m{}", what % 3), "operation": "Update", "fieldsType": "FieldsV1",
                 "time": crate::kubernetes::rfc3339(1_000_000 + main * 10), "fieldsV1": {"f:data": {}}}]},
        "data": {"a": format!("{what}"), "b": format!("{}", what % 4)},
    })
}

fn history_of(steps: &[Step]) -> Vec<Put> {
    let mut puts: Vec<Put> = Vec::new();
    let mut live: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let (mut main, mut sub) = (1, 0);
    let mut touched = BTreeSet::new();
    for (number, what, begins) in steps {
        let key = key(*number);
        if *what == 0 && !live.contains_key(&key) {
            continue;
        }
        // etcd takes each key once in a transaction.
        if *begins || main == 1 || touched.contains(&key) {
            (main, sub) = (main + 1, 0);
            touched.clear();
        } else {
            sub += 1;
        }
        touched.insert(key.clone());
        let (create, version) = match (what, live.get(&key)) {
            (0, _) => (0, 0),
            (_, Some((create, version))) => (*create, version + 1),
            (_, None) => (main, 1),
        };
        match what {
            0 => live.remove(&key),
            _ => live.insert(key.clone(), (create, version)),
        };
        puts.push(Put {
            revision: Revision { main, sub },
            value: (*what > 0).then(|| value(*number, *what, main)),
            key,
            create,
            version,
        });
    }
    puts
}

/// What a compaction leaves. Up to etcd 3.4 that is a deletion at its very revision, too.
fn compacted(puts: &[Put], revision: i64) -> Vec<Put> {
    let is_over = |at: usize, put: &Put| {
        let later = puts.iter().skip(at + 1);
        let mut later = later.filter(|later| later.key == put.key);
        let is_gone = put.value.is_none() && put.revision.main < revision;
        is_gone || later.any(|later| later.revision.main <= revision)
    };
    let all = puts.iter().enumerate();
    let kept = all.filter(|(at, put)| put.revision.main > revision || !is_over(*at, put));
    kept.map(|(_, put)| put.clone()).collect()
}

fn record(put: &Put) -> Vec<u8> {
    let mut out = vec![0x0a];
    put_varint(&mut out, put.key.len() as u64);
    out.extend_from_slice(put.key.as_bytes());
    if let Some(value) = &put.value {
        let numbers = [
            (0x10, put.create),
            (0x18, put.revision.main),
            (0x20, put.version),
        ];
        for (tag, number) in numbers {
            out.push(tag);
            put_varint(&mut out, number as u64);
        }
        let value = value.to_string();
        out.push(0x2a);
        put_varint(&mut out, value.len() as u64);
        out.extend_from_slice(value.as_bytes());
    }
    out
}

fn input(puts: &[Put], compaction: i64) -> Input<'static> {
    let layout = WriteLayout {
        page_size: 1024,
        ..WriteLayout::default()
    };
    let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), layout).unwrap();
    writer
        .bucket(b"key", |bucket| {
            for put in puts {
                let mut key = put.revision.to_key().to_vec();
                key.extend(put.value.is_none().then_some(b't'));
                bucket.put(&key, &record(put))?;
            }
            Ok::<(), WriteError>(())
        })
        .unwrap();
    writer
        .bucket(b"meta", |bucket| {
            if compaction > 0 {
                let at = Revision {
                    main: compaction,
                    sub: 0,
                };
                bucket.put(Compaction::FINISHED_KEY, &at.to_key())?;
                bucket.put(Compaction::SCHEDULED_KEY, &at.to_key())?;
            }
            Ok::<(), WriteError>(())
        })
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    std::fs::write(&path, writer.finish().unwrap().0.into_inner()).unwrap();
    Input::open(&path).unwrap()
}

fn all_changes(noise: NoiseProfile) -> ChangeFilter {
    ChangeFilter {
        kinds: Vec::new(),
        namespaces: Vec::new(),
        noise,
        reads_values: true,
    }
}

fn detailed(
    session: &mut Session<'_>,
    query: &LogQuery,
    which: &ChangeFilter,
) -> (Vec<LogPart>, DetailedLog) {
    let mut parts = Vec::new();
    let reader = ValueReader::default();
    let log = log_in_detail(session, query, which, &reader, &mut |part, _| {
        parts.push(part.clone());
        ControlFlow::Continue(())
    });
    (parts, log.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_log_of_a_span_is_what_show_says_of_each_of_its_revisions(
        steps in prop::collection::vec((0u8..8, 0u8..6, any::<bool>()), 1..60),
        cut in 0u8..50, ends in (0usize..60, 0usize..60),
    ) {
        let puts = history_of(&steps);
        prop_assume!(!puts.is_empty());
        let newest = puts.last().unwrap().revision.main;
        let compaction = i64::from(cut).min(newest - 1);
        let kept = compacted(&puts, compaction);
        let file = input(&kept, compaction);
        let options = Options::default();
        let mut session = Session::open(&file, &options).unwrap();
        let low = compaction.max(1);
        let span = newest - low + 1;
        let mut ends = [ends.0, ends.1].map(|end| low + end as i64 % span);
        ends.sort_unstable();
        let [from, to] = ends;
        let reader = ValueReader::default();
        let mut shown = Vec::new();
        for revision in from..=to {
            let one = show(&mut session, revision, &reader).unwrap();
            if !one.changes.is_empty() {
                shown.push((one.revision, one.not_before, one.changes));
            }
        }
        let query = LogQuery { from, to, ..LogQuery::default() };
        let (parts, log) = detailed(&mut session, &query, &all_changes(NoiseProfile::None));
        let of_log = |parts: Vec<LogPart>| -> Vec<_> {
            parts.into_iter().map(|part| (part.revision, part.not_before, part.changes)).collect()
        };
        prop_assert_eq!(log.summary.transactions, shown.len() as u64);
        prop_assert_eq!(&of_log(parts), &shown);
        // Backwards, the transactions come in the other order, and each is as it was.
        let down = LogQuery { descending: true, ..query.clone() };
        let (parts, _) = detailed(&mut session, &down, &all_changes(NoiseProfile::None));
        let mut backwards = of_log(parts);
        backwards.reverse();
        prop_assert_eq!(&backwards, &shown);
        // Without the values, the same events.
        let mut plain = Vec::new();
        super::log(&mut session, &query, &mut |transaction| {
            plain.extend(transaction.events.clone());
            ControlFlow::Continue(())
        }).unwrap();
        let events: Vec<Event> = shown
            .iter()
            .flat_map(|(_, _, changes)| changes.iter().map(|change| change.event.clone()))
            .collect();
        prop_assert_eq!(plain, events);
        // Of each key, what its history says.
        let all = puts.iter().map(|put| put.key.clone()).collect::<BTreeSet<String>>();
        for key in all {
            let name = Name { text: key.clone().into_bytes(), namespace: None, is_key: true };
            let mut found = look_up(&mut session, &[name], &reader, true).unwrap();
            let Some(Named::Key(story)) = found.found.pop() else { continue };
            let mut episodes = Vec::new();
            history(&mut session, &found.keyspace, &found.times, &story, HistoryQuery::default(), &reader, &mut |one| {
                episodes.push(one.clone());
                ControlFlow::Continue(())
            }).unwrap();
            let of_span = episodes.iter().filter(|one| (from..=to).contains(&one.facts.revision.main));
            let of_span: Vec<_> = of_span
                .map(|one| (one.facts.revision, one.action, one.change.clone(), one.writers.clone(),
                    one.taken.as_ref().map(|taken| taken.facts.revision)))
                .collect();
            let changes = shown.iter().flat_map(|(_, _, changes)| changes);
            let changes: Vec<_> = changes
                .filter(|change| change.event.key == key.as_bytes())
                .map(|one| (one.event.revision, one.action, one.change.clone(), one.writers.clone(),
                    one.taken.as_ref().map(|taken| taken.facts.revision)))
                .collect();
            prop_assert_eq!(of_span, changes, "{}", key);
        }
    }

    #[test]
    fn noise_and_filters_only_leave_changes_out(
        steps in prop::collection::vec((0u8..8, 0u8..6, any::<bool>()), 1..60), namespace in 0u8..2,
    ) {
        let puts = history_of(&steps);
        prop_assume!(!puts.is_empty());
        let file = input(&puts, 0);
        let options = Options::default();
        let mut session = Session::open(&file, &options).unwrap();
        let query = LogQuery::default();
        let events = |parts: &[LogPart]| -> Vec<Event> {
            parts.iter().flat_map(|part| part.changes.iter().map(|change| change.event.clone())).collect()
        };
        let (all, _) = detailed(&mut session, &query, &all_changes(NoiseProfile::None));
        let (quiet, log) = detailed(&mut session, &query, &all_changes(NoiseProfile::Default));
        let left = events(&all).len() as u64 - events(&quiet).len() as u64;
        prop_assert_eq!(left, log.summary.noise);
        prop_assert_eq!(left, log.noise.values().sum::<u64>());
        let namespace = format!("n{namespace}");
        let which = ChangeFilter {
            kinds: vec!["cm".into()],
            namespaces: vec![namespace.clone()],
            ..all_changes(NoiseProfile::None)
        };
        let (parts, _) = detailed(&mut session, &query, &which);
        let prefix = format!("/registry/configmaps/{namespace}/");
        let expected: Vec<Event> = events(&all)
            .into_iter()
            .filter(|event| event.key.starts_with(prefix.as_bytes()))
            .collect();
        prop_assert_eq!(events(&parts), expected);
    }

    #[test]
    fn deleted_objects_are_the_deleted_keys_with_the_values_before_at_each_revision(
        steps in prop::collection::vec((0u8..8, 0u8..4, any::<bool>()), 1..60), cut in 0u8..50,
    ) {
        let puts = history_of(&steps);
        prop_assume!(!puts.is_empty());
        let newest = puts.last().unwrap().revision.main;
        let compaction = i64::from(cut).min(newest - 1);
        let kept = compacted(&puts, compaction);
        let file = input(&kept, compaction);
        let options = Options::default();
        let mut session = Session::open(&file, &options).unwrap();
        let reader = ValueReader { managed_fields: true, ..ValueReader::default() };
        for revision in compaction.max(1)..=newest {
            let query = ObjectsQuery { revision, is_deleted: true, ..ObjectsQuery::default() };
            let list = objects(&mut session, &query, &reader).unwrap();
            // The model: the last record is a deletion; the value before it, if it was kept.
            let mut expected = BTreeMap::new();
            let mut lost = 0;
            let names: BTreeSet<&String> = kept.iter().map(|put| &put.key).collect();
            let mut deleted_keys = Vec::new();
            for key in names {
                let of_key = kept.iter().filter(|put| put.key == *key && put.revision.main <= revision);
                let of_key: Vec<&Put> = of_key.collect();
                let Some(last) = of_key.last().filter(|last| last.value.is_none()) else { continue };
                deleted_keys.push(key.clone().into_bytes());
                let before = of_key.iter().rev().find(|put| put.value.is_some());
                if key.starts_with("/registry/") {
                    match before {
                        Some(before) => {
                            expected.insert(key.clone(), (last.revision.main, before.revision.main));
                        }
                        None => lost += 1,
                    }
                }
            }
            let mut found = BTreeMap::new();
            for one in &list.found {
                let key = format!("/registry/configmaps/{}/{}", one.namespace, one.name);
                let deletion = list.deletion(one).unwrap();
                prop_assert_eq!(deletion.not_before.is_some(), true);
                found.insert(key, (deletion.revision, one.mod_revision()));
            }
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(list.lost.as_ref().map(|lost| lost.count), Some(lost));
            let query = KeysQuery { revision, wanted: Wanted::Deleted, ..KeysQuery::default() };
            let list = keys(&mut session, &query).unwrap();
            let listed: Vec<Vec<u8>> = list.iter().map(|record| record.key.to_vec()).collect();
            prop_assert_eq!(listed, deleted_keys);
            // One revision before each deletion, the same value is live.
            for (deleted_at, mod_revision) in found.values().filter(|(at, _)| *at > compaction.max(1)) {
                let query = ObjectsQuery { revision: deleted_at - 1, ..ObjectsQuery::default() };
                let live = objects(&mut session, &query, &reader).unwrap();
                let mut live = live.found.iter();
                prop_assert!(live.any(|one| one.mod_revision() == *mod_revision));
            }
        }
    }
}
