//! Random histories, written as files and compared, against a plain model of them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bolt::write::{WriteError, WriteLayout, Writer};
use crate::etcd::schema::Compaction;
use crate::etcd::{LeaseId, Revision};
use crate::ops::input::Input;
use crate::options::Options;
use crate::wire::put_varint;

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

fn record(put: &Put) -> Vec<u8> {
    let mut out = vec![0x0a];
    put_varint(&mut out, put.key.len() as u64);
    out.extend_from_slice(&put.key);
    if let Some(value) = &put.value {
        for (tag, number) in [
            (0x10, put.create),
            (0x18, put.revision.main),
            (0x20, put.version),
        ] {
            out.push(tag);
            put_varint(&mut out, number as u64);
        }
        out.push(0x2a);
        put_varint(&mut out, value.len() as u64);
        out.extend_from_slice(value);
        if put.lease != 0 {
            out.push(0x30);
            put_varint(&mut out, put.lease as u64);
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
            // A deletion stores none.
            lease: if *what > 0 { i64::from(*lease) } else { 0 },
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
    let records: Vec<(&Put, Vec<u8>)> = puts.iter().map(|put| (put, record(put))).collect();
    file(&records, [compaction; 2], &[])
}

/// An entry of a bucket other than `key`.
type Entry<'e> = (&'e [u8], &'e [u8], &'e [u8]);

/// A file with these records, the compactions that were scheduled and finished, and more entries, in order.
fn file(records: &[(&Put, Vec<u8>)], compactions: [i64; 2], more: &[Entry<'_>]) -> Vec<u8> {
    let layout = WriteLayout {
        page_size: 1024,
        ..WriteLayout::default()
    };
    let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), layout).unwrap();
    let mut entries: BTreeMap<&[u8], BTreeMap<Vec<u8>, Vec<u8>>> = BTreeMap::new();
    for (put, record) in records {
        let mut key = put.revision.to_key().to_vec();
        if put.value.is_none() {
            key.push(b't');
        }
        entries
            .entry(b"key")
            .or_default()
            .insert(key, record.clone());
    }
    entries.entry(b"key").or_default();
    let meta = entries.entry(b"meta").or_default();
    let names = [Compaction::SCHEDULED_KEY, Compaction::FINISHED_KEY];
    for (name, main) in names.into_iter().zip(compactions) {
        if main > 0 {
            meta.insert(name.to_vec(), Revision { main, sub: 0 }.to_key().to_vec());
        }
    }
    for (bucket, key, value) in more {
        entries
            .entry(bucket)
            .or_default()
            .insert(key.to_vec(), value.to_vec());
    }
    for (name, entries) in entries {
        writer
            .bucket(name, |bucket| {
                for (key, value) in &entries {
                    bucket.put(key, value)?;
                }
                Ok::<(), WriteError>(())
            })
            .unwrap();
    }
    writer.finish().unwrap().0.into_inner()
}

fn input(bytes: &[u8]) -> Input<'static> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    std::fs::write(&path, bytes).unwrap();
    Input::open(&path).unwrap()
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

fn reader() -> ValueReader {
    ValueReader {
        managed_fields: true,
        ..ValueReader::default()
    }
}

fn all<'i>(diff: &Diff<'i>, old: &Session<'i>, new: &Session<'i>, mut applied: State) -> Outcome {
    let mut items = Vec::new();
    diff.each(
        old,
        new,
        &reader(),
        &reader(),
        &DiffQuery::default(),
        |item| {
            items.push(item);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    diff.apply(new, &mut applied).unwrap();
    Outcome {
        comparison: diff.comparison.clone(),
        items,
        applied,
    }
}

/// What two files have to do with each other, hashes and all.
fn relate(a: &[u8], b: &[u8]) -> Comparison {
    let (a, b) = (input(a), input(b));
    let options = Options {
        threads: std::num::NonZeroUsize::new(2),
        ..Options::default()
    };
    let mut old = Session::open(&a, &options).unwrap();
    let mut new = Session::open(&b, &options).unwrap();
    let query = DiffQuery {
        hashes: true,
        times: false,
        ..DiffQuery::default()
    };
    diff_files(&mut old, &mut new, &query).unwrap().comparison
}

fn compare_bytes(a: &[u8], b: &[u8], before: State) -> Outcome {
    let (a, b) = (input(a), input(b));
    let options = Options {
        threads: std::num::NonZeroUsize::new(2),
        ..Options::default()
    };
    let mut old = Session::open(&a, &options).unwrap();
    let mut new = Session::open(&b, &options).unwrap();
    let diff = diff_files(&mut old, &mut new, &DiffQuery::default()).unwrap();
    all(&diff, &old, &new, before)
}

fn shape(items: &[Item], is_swapped: bool) -> Vec<(Vec<u8>, &'static str)> {
    let word = |change: KeyChange| match (change, is_swapped) {
        (KeyChange::Added, true) => "removed",
        (KeyChange::Removed, true) => "added",
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
        let mut session = Session::open(&whole, &options).unwrap();
        let diff = diff_revisions(&mut session, end(&old_puts), 0, &DiffQuery::default()).unwrap();
        let inside = all(&diff, &session, &session, before);
        prop_assert_eq!(shape(&inside.items, false), shape(&there.items, false));
        prop_assert_eq!(&inside.applied, &after);
    }
}

/// When the object of the old state, which ends at `end`, was deleted, by the model.
fn expected_deletion(item: &Item, puts: &[Put], end: i64, compaction: i64) -> Option<Deletion> {
    if !matches!(item.change, KeyChange::Removed | KeyChange::Recreated) {
        return None;
    }
    let deletions = puts
        .iter()
        .filter(|put| put.key == item.key && put.value.is_none());
    let last = deletions.map(|put| put.revision.main).max()?;
    let before_creation = item.new.map_or(i64::MAX, |new| new.create_revision - 1);
    Some(match last > compaction {
        true => Deletion::Recorded(last),
        false => Deletion::Compacted {
            after: end,
            up_to: compaction.min(before_creation),
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_revision_of_a_deletion_is_told_unless_it_is_compacted(
        first in steps(60),
        second in steps(60),
        at in 0.0f64..=1.0,
    ) {
        let old_puts = history(&first);
        let mut new_puts = old_puts.clone();
        go_on(&mut new_puts, &second);
        let last = |puts: &[Put]| puts.last().map_or(1, |put| put.revision.main);
        let end = last(&old_puts);
        let before = state(&old_puts, i64::MAX);

        let whole = bytes(&new_puts, 0);
        let compaction = (last(&new_puts) as f64 * at) as i64;
        let rest = bytes(&compacted(&new_puts, compaction), compaction);
        for (new, compaction) in [(&whole, 0), (&rest, compaction)] {
            let found = compare_bytes(&bytes(&old_puts, 0), new, before.clone());
            for item in &found.items {
                let expected = expected_deletion(item, &new_puts, end, compaction);
                prop_assert_eq!(item.deletion, expected, "{:?}", item);
            }
        }
        let whole = input(&whole);
        let options = Options::default();
        let mut session = Session::open(&whole, &options).unwrap();
        let diff = diff_revisions(&mut session, end, 0, &DiffQuery::default()).unwrap();
        for item in all(&diff, &session, &session, before).items {
            prop_assert_eq!(item.deletion, expected_deletion(&item, &new_puts, end, 0));
        }
    }

    #[test]
    fn what_came_later_than_the_new_state_was_not_deleted(
        first in steps(60),
        second in steps(60),
    ) {
        let early = history(&first);
        let mut late = early.clone();
        go_on(&mut late, &second);
        let found = compare_bytes(&bytes(&late, 0), &bytes(&early, 0), state(&late, i64::MAX));
        for item in found.items {
            let Some(old) = item.old.filter(|_| item.new.is_none()) else {
                continue;
            };
            let created = Deletion::CreatedLater(old.create_revision);
            prop_assert_eq!(item.deletion, Some(created));
        }
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
        let has_parted = found.comparison.relation.has_parted();
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
        assert_eq!(item.change, KeyChange::Unknown);
        let is_gone = item.new.is_none();
        assert_eq!(item.deletion, is_gone.then_some(Deletion::CannotTell));
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
    assert!(item.security.is_empty() && item.locked.is_some());
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

/// A snapshot of a member that has come to a revision and compacted at another.
#[derive(Debug, Clone)]
struct Member {
    end: i64,
    scheduled: i64,
    finished: i64,
    puts: Vec<Put>,
}

impl Member {
    fn compacted(&self) -> i64 {
        self.scheduled.max(self.finished)
    }

    fn current(&self) -> i64 {
        let last = self.puts.iter().map(|put| put.revision.main).max();
        last.unwrap_or(1).max(self.compacted()).max(1)
    }

    fn bytes(&self) -> Vec<u8> {
        let records: Vec<(&Put, Vec<u8>)> =
            self.puts.iter().map(|put| (put, record(put))).collect();
        file(&records, [self.scheduled, self.finished], &[])
    }

    /// The newest record of each key up to a revision, where it is not deleted.
    fn state(&self, revision: i64) -> BTreeMap<&[u8], &Put> {
        let mut state = BTreeMap::new();
        for put in self.puts.iter().filter(|put| put.revision.main <= revision) {
            match put.value {
                Some(_) => state.insert(put.key.as_slice(), put),
                None => state.remove(put.key.as_slice()),
            };
        }
        state
    }
}

/// Where in a history a member is: its newest revision and its compaction, as shares of what there is; whether
/// it keeps tombstones at the compaction, as newer releases do; how far a compaction has come that is not
/// finished.
type Standing = (f64, f64, bool, Option<f64>);

fn standing() -> impl Strategy<Value = Standing> {
    let compaction = prop_oneof![2 => Just(-1.0), 3 => 0.0f64..1.0];
    (
        0.0f64..=1.0,
        compaction,
        any::<bool>(),
        prop::option::weighted(0.3, 0.0f64..1.0),
    )
}

/// What a member at this point of the history saves.
fn member(history: &[Put], standing: Standing) -> Member {
    let (end, compaction, keeps_tombstone, progress) = standing;
    let newest = history.last().map_or(1, |put| put.revision.main);
    let end = 1 + ((newest - 1) as f64 * end).round() as i64;
    let known: Vec<Put> = history
        .iter()
        .filter(|put| put.revision.main <= end)
        .cloned()
        .collect();
    let at = (end as f64 * compaction) as i64;
    if at < 1 {
        return Member {
            end,
            scheduled: 0,
            finished: 0,
            puts: known,
        };
    }
    let kept = compacted(&known, at);
    let is_kept = |put: &Put| {
        let is_late_tombstone = keeps_tombstone && put.value.is_none() && put.revision.main == at;
        is_late_tombstone || kept.contains(put)
    };
    // Records are taken from the lowest revision on.
    let upto = progress.map_or(i64::MAX, |progress| (at as f64 * progress) as i64);
    let puts = known
        .iter()
        .filter(|put| put.revision.main > upto || is_kept(put))
        .cloned()
        .collect();
    let finished = if progress.is_some() { 0 } else { at };
    Member {
        end,
        scheduled: at,
        finished,
        puts,
    }
}

/// What the records of two files tell, by the book: the states at the higher compaction, and every record from
/// there to the newest revision that both have.
fn expected(a: &Member, b: &Member) -> Option<bool> {
    let shared = a.current().min(b.current());
    let compacted = a.compacted().max(b.compacted());
    if shared < compacted {
        return None;
    }
    let between = |member: &Member| -> Vec<Put> {
        let is_between = |put: &&Put| (compacted + 1..=shared).contains(&put.revision.main);
        member.puts.iter().filter(is_between).cloned().collect()
    };
    Some(a.state(compacted) == b.state(compacted) && between(a) == between(b))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn members_of_one_cluster_are_never_said_to_have_parted(
        steps in steps(60),
        one in standing(),
        other in standing(),
    ) {
        let history = history(&steps);
        let (a, b) = (member(&history, one), member(&history, other));
        prop_assert!(a.current() <= a.end.max(1) && b.current() <= b.end.max(1));
        let found = relate(&a.bytes(), &b.bytes());
        prop_assert_eq!(found.divergence_count, 0);
        prop_assert!(!found.relation.has_parted(), "{:?}", found.relation);
        let is_comparable = expected(&a, &b);
        prop_assert!(is_comparable != Some(false));
        let is_one = found.relation == Relation::SameHistory;
        let has_common = found.common_records > 0 || a.puts.is_empty() && b.puts.is_empty();
        prop_assert_eq!(is_one, is_comparable.is_some() && has_common);
        // "Every change in between" is every one.
        let (from, to) = (a.current(), b.current());
        let is_known = |put: &Put| put.revision.main <= from || put.revision.main > to || b.puts.contains(put);
        if found.is_history_complete {
            prop_assert!(history.iter().all(is_known));
        }
    }

    #[test]
    fn a_record_that_is_lost_or_changed_is_found_wherever_both_files_tell_of_it(
        steps in steps(60),
        one in standing(),
        other in standing(),
        at in any::<prop::sample::Index>(),
        what in 0..3u8,
    ) {
        let history = history(&steps);
        let (a, mut b) = (member(&history, one), member(&history, other));
        if b.puts.is_empty() {
            return Ok(());
        }
        let at = at.index(b.puts.len());
        match what {
            0 => {
                b.puts.remove(at);
            }
            1 => match &mut b.puts[at].value {
                Some(value) => value.push(b'!'),
                None => b.puts[at].value = Some(b"back".to_vec()),
            },
            _ => b.puts[at].key.push(b'!'),
        }
        for (left, right) in [(&a, &b), (&b, &a)] {
            let found = relate(&left.bytes(), &right.bytes());
            match expected(left, right) {
                // What the compaction of one has taken may tell even where the states do not compare.
                None => prop_assert!(found.relation != Relation::SameHistory),
                Some(true) => {
                    // A tombstone in a compacted file says nothing, but for its hash.
                    let hashes_differ = found.hashes.is_some_and(|[a, b]| a != b);
                    prop_assert!(!found.relation.has_parted() || found.divergence_count > 0 || hashes_differ);
                }
                Some(false) => prop_assert!(found.relation.has_parted(), "{:?}", found.relation),
            }
            if found.relation == Relation::SameHistory {
                prop_assert!(found.hashes.is_none_or(|[a, b]| a == b));
            }
        }
    }
}

const MEMBERS: &[u8] = b"members";
const META: &[u8] = b"meta";

/// Entries of a member's file that is at this raft index and term.
fn standing_at<'e>(index: &'e [u8; 8], term: Option<&'e [u8; 8]>, id: &'e [u8]) -> Vec<Entry<'e>> {
    let mut entries: Vec<Entry<'e>> =
        vec![(META, b"consistent_index", index), (MEMBERS, id, b"{}")];
    entries.extend(term.map(|term| (META, &b"term"[..], &term[..])));
    entries
}

/// How two files with one record, and these entries beside it, stand to each other.
fn with_entries(old: &[Entry<'_>], new: &[Entry<'_>]) -> Comparison {
    let put = one(2, b"v");
    let records = [(&put, record(&put))];
    relate(&file(&records, [0; 2], old), &file(&records, [0; 2], new))
}

#[test]
fn small_buckets_part_two_files_only_at_the_same_raft_entry() {
    let (nine, ten, two) = (9u64.to_be_bytes(), 10u64.to_be_bytes(), 2u64.to_be_bytes());
    let extra: [Entry<'_>; 4] = [
        (b"lease", b"leaselea", b"x"),
        (b"auth", b"authEnabled", b"\x01"),
        (b"alarm", b"a", b""),
        (MEMBERS, b"77", b"{}"),
    ];
    for extra in extra {
        let at = |index, term, id, more: &[Entry<'static>]| {
            [standing_at(index, term, id), more.to_vec()].concat()
        };
        let plain = at(&nine, Some(&two), b"1", &[]);
        for (what, other, parted) in [
            (
                "the same entry",
                at(&nine, Some(&two), b"1", &[extra]),
                true,
            ),
            ("a later entry", at(&ten, Some(&two), b"1", &[extra]), false),
            (
                "another term",
                at(&nine, Some(&nine), b"1", &[extra]),
                false,
            ),
            (
                "another cluster",
                at(&nine, Some(&two), b"2", &[extra]),
                false,
            ),
        ] {
            let found = with_entries(&plain, &other);
            assert_eq!(
                found.relation == Relation::Diverged,
                parted,
                "{what}: {extra:?}"
            );
            assert_eq!(found.relation == Relation::SameHistory, !parted, "{what}");
        }
        // Up to 3.4, leases, members and `auth enable` do not move the index.
        let found = with_entries(
            &at(&nine, None, b"1", &[]),
            &at(&nine, None, b"1", &[extra]),
        );
        assert_eq!(found.relation, Relation::SameHistory);
        // A restore makes one entry for each member, and its term is 1.
        let one = 1u64.to_be_bytes();
        let restored = |more| at(&one, Some(&one), b"1", more);
        let found = with_entries(&restored(&[]), &restored(&[extra]));
        assert_eq!(found.relation, Relation::SameHistory);
    }
}

#[test]
fn users_and_roles_part_two_files_at_the_same_auth_revision() {
    let (three, four) = (3u64.to_be_bytes(), 4u64.to_be_bytes());
    let user: &[u8] = b"\x0a\x01u\x12\x02p1";
    let other_hash: &[u8] = b"\x0a\x01u\x12\x02p2";
    let other_role: &[u8] = b"\x0a\x01u\x12\x02p1\x1a\x01r";
    let file = |revision: &'static [u8; 8],
                user: &'static [u8],
                enabled: &'static [u8]|
     -> [Entry<'static>; 3] {
        [
            (b"auth", b"authRevision", revision),
            (b"auth", b"authEnabled", enabled),
            (b"authUsers", b"u", user),
        ]
    };
    let (three, four): (&'static [u8; 8], &'static [u8; 8]) =
        (Box::leak(Box::new(three)), Box::leak(Box::new(four)));
    let plain = file(three, user, b"\x00");
    for (what, other, parted) in [
        ("another role", file(three, other_role, b"\x00"), true),
        ("a later revision", file(four, other_role, b"\x00"), false),
        (
            "another hash of the password",
            file(three, other_hash, b"\x00"),
            false,
        ),
        ("authentication is on", file(three, user, b"\x01"), false),
    ] {
        let found = with_entries(&plain, &other);
        assert_eq!(found.relation == Relation::Diverged, parted, "{what}");
        assert_eq!(found.relation == Relation::SameHistory, !parted, "{what}");
        assert!(!found.buckets.is_empty(), "{what}");
    }
}

#[test]
fn the_newest_record_that_is_lost_is_found_at_the_same_raft_entry() {
    let puts = history(&[(1, 5, 0), (2, 5, 0), (3, 5, 0)]);
    let (nine, two) = (9u64.to_be_bytes(), 2u64.to_be_bytes());
    let entries = standing_at(&nine, Some(&two), b"1");
    let all: Vec<(&Put, Vec<u8>)> = puts.iter().map(|put| (put, record(put))).collect();
    let whole = file(&all, [0; 2], &entries);
    let short = file(&all[..2], [0; 2], &entries);
    for (a, b) in [(&whole, &short), (&short, &whole)] {
        let found = relate(a, b);
        assert!(found.ties.is_index_torn);
        assert_eq!(found.relation, Relation::Diverged);
    }
    assert_eq!(relate(&whole, &whole).relation, Relation::SameHistory);
}

#[test]
fn a_hole_in_the_new_file_is_no_complete_history() {
    let puts = history(&(0..20).map(|n| (n, 10, 0)).collect::<Vec<_>>());
    let before = bytes(&puts[..5], 0);
    assert!(relate(&before, &bytes(&puts, 0)).is_history_complete);
    for at in 5..19 {
        let mut holed = puts.clone();
        let lost = holed.remove(at);
        let found = relate(&before, &bytes(&holed, 0));
        assert_eq!(found.relation, Relation::SameHistory);
        assert_eq!(found.first_hole, Some(lost.revision.main));
        assert!(!found.is_history_complete);
    }
    // A transaction that has lost its first change has lost one.
    let mut second = puts.clone();
    second[10].revision.sub = 1;
    let found = relate(&before, &bytes(&second, 0));
    assert_eq!(found.first_hole, Some(puts[10].revision.main));
    // A revision far beyond all others asks for no memory.
    let mut far = puts.clone();
    far[19].revision.main = i64::MAX - 1;
    let found = relate(&before, &bytes(&far, 0));
    assert_eq!(found.first_hole, Some(puts[18].revision.main + 1));
}
