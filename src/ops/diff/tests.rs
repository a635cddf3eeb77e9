//! Random histories, written as files and compared, against a plain model of them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bolt::write::{Layout, WriteError, Writer};
use crate::etcd::schema::Compaction;
use crate::etcd::{LeaseId, Revision};
use crate::ops::Input;
use crate::options::Options;
use crate::source::Access;

/// One change of the model: a value, or nothing for a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Put {
    revision: Revision,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    lease: i64,
    create: i64,
    version: i64,
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn record(put: &Put) -> Vec<u8> {
    let mut out = vec![0x0a];
    varint(&mut out, put.key.len() as u64);
    out.extend_from_slice(&put.key);
    if let Some(value) = &put.value {
        for (tag, number) in [
            (0x10, put.create),
            (0x18, put.revision.main),
            (0x20, put.version),
        ] {
            out.push(tag);
            varint(&mut out, number as u64);
        }
        out.push(0x2a);
        varint(&mut out, value.len() as u64);
        out.extend_from_slice(value);
        if put.lease != 0 {
            out.push(0x30);
            varint(&mut out, put.lease as u64);
        }
    }
    out
}

/// A step of a history: number of the key, what to put (0 deletes), lease.
type Step = (u8, u8, u8);

fn value(key: u8, what: u8) -> Vec<u8> {
    let list: Vec<u8> = (0..what % 5).collect();
    match what % 3 {
        0 => vec![b'v'; usize::from(what)],
        1 => json!({"a": {"b": what, "list": list}, "k": key}).to_string().into_bytes(),
        _ => json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("c{key}"), "namespace": "n", "labels": {"app": format!("{}", what % 4)}},
            "data": {"a": format!("{what}"), "b~/": "x"}, "list": list,
        })
        .to_string()
        .into_bytes(),
    }
}

/// Continues a history.
fn go_on(puts: &mut Vec<Put>, steps: &[Step]) {
    let mut live: BTreeMap<Vec<u8>, (i64, i64)> = BTreeMap::new();
    for put in &*puts {
        match put.value {
            Some(_) => live.insert(put.key.clone(), (put.create, put.version)),
            None => live.remove(&put.key),
        };
    }
    let mut main = puts.last().map_or(1, |put| put.revision.main);
    for (number, what, lease) in steps {
        let key = format!("/k/{}", number % 30).into_bytes();
        if *what == 0 && !live.contains_key(&key) {
            continue;
        }
        main += 1;
        let value = (*what > 0).then(|| value(number % 30, *what));
        let (create, version) = match (&value, live.get(&key)) {
            (None, _) => (0, 0),
            (Some(_), Some((create, version))) => (*create, version + 1),
            (Some(_), None) => (main, 1),
        };
        match value {
            Some(_) => live.insert(key.clone(), (create, version)),
            None => live.remove(&key),
        };
        puts.push(Put {
            revision: Revision { main, sub: 0 },
            key,
            value,
            lease: i64::from(*lease),
            create,
            version,
        });
    }
}

fn history(steps: &[Step]) -> Vec<Put> {
    let mut puts = Vec::new();
    go_on(&mut puts, steps);
    puts
}

/// What a compaction leaves.
fn compacted(puts: &[Put], revision: i64) -> Vec<Put> {
    let is_kept = |at: usize, put: &Put| {
        put.revision.main > revision
            || put.value.is_some()
                && !puts
                    .iter()
                    .skip(at + 1)
                    .any(|later| later.key == put.key && later.revision.main <= revision)
    };
    let kept = puts
        .iter()
        .enumerate()
        .filter(|(at, put)| is_kept(*at, put));
    kept.map(|(_, put)| put.clone()).collect()
}

fn bytes(puts: &[Put], compaction: i64) -> Vec<u8> {
    let layout = Layout {
        page_size: 1024,
        ..Layout::default()
    };
    let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), layout).unwrap();
    writer
        .bucket(b"key", |bucket| {
            for put in puts {
                let mut key = put.revision.to_key().to_vec();
                if put.value.is_none() {
                    key.push(b't');
                }
                bucket.put(&key, &record(put))?;
            }
            Ok::<(), WriteError>(())
        })
        .unwrap();
    writer
        .bucket(b"meta", |bucket| {
            let revision = Revision {
                main: compaction,
                sub: 0,
            };
            if compaction > 0 {
                bucket.put(Compaction::FINISHED_KEY, &revision.to_key())?;
                bucket.put(Compaction::SCHEDULED_KEY, &revision.to_key())?;
            }
            Ok::<(), WriteError>(())
        })
        .unwrap();
    writer.finish().unwrap().0.into_inner()
}

fn input(bytes: &[u8]) -> Input {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    std::fs::write(&path, bytes).unwrap();
    Input::open(&path, Access::Positioned).unwrap()
}

fn state(puts: &[Put], revision: i64) -> State {
    let mut state = State::new();
    for put in puts.iter().filter(|put| put.revision.main <= revision) {
        match &put.value {
            Some(value) => state.insert(put.key.clone(), (value.clone(), LeaseId(put.lease))),
            None => state.remove(&put.key),
        };
    }
    state
}

/// What a comparison gives.
struct Outcome {
    comparison: Comparison,
    items: Vec<Item>,
    /// What the old state has become.
    applied: State,
}

fn lens() -> Lens {
    Lens {
        managed_fields: true,
        ..Lens::default()
    }
}

fn all<'i>(diff: &Diff<'i>, old: &Session<'i>, new: &Session<'i>, mut applied: State) -> Outcome {
    let mut items = Vec::new();
    diff.each(old, new, &lens(), &lens(), &DiffQuery::default(), |item| {
        items.push(item);
        ControlFlow::Continue(())
    })
    .unwrap();
    diff.apply(new, &mut applied).unwrap();
    Outcome {
        comparison: diff.comparison.clone(),
        items,
        applied,
    }
}

fn compare_bytes(a: &[u8], b: &[u8], before: State) -> Outcome {
    let (a, b) = (input(a), input(b));
    let options = Options {
        threads: std::num::NonZeroUsize::new(2),
        ..Options::default()
    };
    let mut old = Session::open(&a, &options).unwrap().unwrap();
    let mut new = Session::open(&b, &options).unwrap().unwrap();
    let diff = diff_files(&mut old, &mut new, &DiffQuery::default()).unwrap();
    all(&diff, &old, &new, before)
}

fn shape(items: &[Item], is_swapped: bool) -> Vec<(Vec<u8>, &'static str)> {
    let word = |change: Change| match (change, is_swapped) {
        (Change::Added, true) => "removed",
        (Change::Removed, true) => "added",
        (other, _) => other.as_str(),
    };
    items
        .iter()
        .map(|item| (item.key.clone(), word(item.change)))
        .collect()
}

/// The JSON of a value, without what a patch leaves out.
fn content(state: &State, key: &[u8]) -> Option<Value> {
    serde_json::from_slice(&state.get(key)?.0).ok()
}

fn check_patches(items: &[Item], old: &State, new: &State) {
    for item in items {
        let Some(patch) = &item.patch else { continue };
        let mut value = content(old, &item.key).unwrap();
        let patch: json_patch::Patch = serde_json::from_value(patch.clone()).unwrap();
        json_patch::patch(&mut value, &patch).unwrap();
        assert_eq!(Some(value), content(new, &item.key));
    }
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![1 => Just(0u8), 4 => 1u8..40];
    prop::collection::vec((any::<u8>(), what, 0u8..3), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_comparison_is_complete_and_has_a_mirror_image(
        first in steps(120),
        second in steps(60),
        at in 0.0f64..1.0,
    ) {
        let old_puts = history(&first);
        let mut new_puts = old_puts.clone();
        go_on(&mut new_puts, &second);
        let end = |puts: &[Put]| puts.last().map_or(1, |put| put.revision.main);
        let compaction = ((end(&old_puts) - 1) as f64 * at) as i64;
        let (before, after) = (state(&old_puts, i64::MAX), state(&new_puts, i64::MAX));
        let old = bytes(&old_puts, 0);
        let new = bytes(&compacted(&new_puts, compaction), compaction);

        let same = compare_bytes(&old, &old, before.clone());
        prop_assert!(same.items.is_empty());
        prop_assert_eq!(&same.applied, &before);

        let there = compare_bytes(&old, &new, before.clone());
        let back = compare_bytes(&new, &old, after.clone());
        prop_assert_eq!(shape(&there.items, false), shape(&back.items, true));
        prop_assert_eq!(&there.applied, &after);
        prop_assert_eq!(&back.applied, &before);
        prop_assert_eq!(there.comparison.divergence_count, 0);
        prop_assert_eq!(there.comparison.old.keys, before.len() as u64);
        prop_assert_eq!(there.comparison.new.keys, after.len() as u64);
        check_patches(&there.items, &before, &after);
        check_patches(&back.items, &after, &before);

        // The same two states, in the one file that has both.
        let whole = input(&bytes(&new_puts, 0));
        let options = Options::default();
        let mut session = Session::open(&whole, &options).unwrap().unwrap();
        let diff = diff_revisions(&mut session, end(&old_puts), 0, &DiffQuery::default()).unwrap();
        let inside = all(&diff, &session, &session, before);
        prop_assert_eq!(shape(&inside.items, false), shape(&there.items, false));
        prop_assert_eq!(&inside.applied, &after);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_first_revision_at_which_two_copies_part_is_found(
        common in steps(80),
        one in steps(20),
        other in steps(20),
    ) {
        let shared = history(&common);
        let (mut a, mut b) = (shared.clone(), shared.clone());
        go_on(&mut a, &one);
        go_on(&mut b, &other);
        // A revision that only one of them has reached parts them as little as what is alike.
        let expected = a
            .iter()
            .zip(&b)
            .find(|(a, b)| a != b)
            .map(|(a, _)| a.revision.main);
        let found = compare_bytes(&bytes(&a, 0), &bytes(&b, 0), state(&a, i64::MAX));
        let first = found.comparison.divergences.first().map(|d| d.revision.main);
        prop_assert_eq!(first, expected);
        let has_parted = found.comparison.relation == Relation::Diverged;
        prop_assert_eq!(has_parted, expected.is_some());
        prop_assert_eq!(found.applied, state(&b, i64::MAX));
    }
}

#[test]
fn what_damage_may_hide_is_unknown_and_not_removed() {
    let puts = history(&(0..60).map(|n| (n, 10, 0)).collect::<Vec<_>>());
    let whole = bytes(&puts, 0);
    let mut damaged = whole.clone();
    let page = 1024;
    // The first leaf with a record loses its type.
    let at = (4..whole.len() / page)
        .map(|number| number * page)
        .find(|at| whole[at + 8] == 2 && whole[*at..at + page].windows(3).any(|w| w == b"/k/"))
        .unwrap();
    damaged[at + 8] = 0xff;
    let before = state(&puts, i64::MAX);
    let found = compare_bytes(&whole, &damaged, before.clone());
    assert!(found.comparison.new.is_damaged);
    assert!(!found.items.is_empty());
    for item in &found.items {
        assert_eq!(item.change, Change::Unknown);
    }
    assert_eq!(found.applied, before);
    assert_eq!(found.comparison.divergence_count, 0);
}

fn one(revision: i64, value: &[u8]) -> Put {
    Put {
        revision: Revision {
            main: revision,
            sub: 0,
        },
        key: b"/registry/secrets/shop/db".to_vec(),
        value: Some(value.to_vec()),
        lease: 0,
        create: 2,
        version: revision - 1,
    }
}

#[test]
fn a_value_that_is_not_encrypted_any_more_is_told() {
    let locked = one(
        2,
        b"k8s:enc:aescbc:v1:key1:0123456789abcdef0123456789abcdef",
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}});
    let plain = one(3, secret.to_string().as_bytes());
    let before = bytes(std::slice::from_ref(&locked), 0);
    let after = bytes(&[locked, plain], 0);
    let found = compare_bytes(&before, &after, State::new());
    let item = found.items.first().unwrap();
    assert_eq!(
        item.security,
        ["it was encrypted and is stored in plain text now"]
    );
    // The other way round nothing is told, and the key tells who it is.
    let found = compare_bytes(&after, &before, State::new());
    let item = found.items.first().unwrap();
    assert!(item.security.is_empty() && item.is_locked);
    let who = (
        item.kind.as_str(),
        item.namespace.as_deref(),
        item.name.as_deref(),
    );
    assert_eq!(who, ("Secret", Some("shop"), Some("db")));
}

#[test]
fn an_object_that_no_api_server_has_written_is_told_when_it_is_new() {
    let object = |fields: Value| {
        let meta = json!({"name": "db", "namespace": "shop", "managedFields": fields});
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque"});
        bytes(&[one(2, secret.to_string().as_bytes())], 0)
    };
    let empty = bytes(&[], 0);
    let reasons = |new: &[u8]| {
        let found = compare_bytes(&empty, new, State::new());
        found.items.first().unwrap().security.clone()
    };
    assert_eq!(reasons(&object(Value::Null)).len(), 1);
    assert!(reasons(&object(json!([{"manager": "kubectl"}]))).is_empty());
}
