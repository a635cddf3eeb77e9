//! Random histories, written as a file and asked about, against a plain model of them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;
use crate::bolt::write::{PageOrder, WriteError, WriteLayout, Writer};
use crate::bolt::{Database, SecondMeta};
use crate::etcd::revision::Revision;
use crate::finding::{Collector, DEFAULT_LIMIT};
use crate::options::Options;
use crate::source::Slice;
use crate::wire::put_varint;
use crate::workers::Workers;

/// One change of the model: a value, or nothing for a deletion.
#[derive(Debug, Clone)]
struct Put {
    revision: Revision,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
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
    }
    out
}

/// A history from pairs of key number and length of value; length 0 deletes if the key lives.
fn history(steps: &[(u8, u16, bool)]) -> Vec<Put> {
    let mut live: BTreeMap<Vec<u8>, (i64, i64)> = BTreeMap::new();
    let mut puts = Vec::new();
    let mut revision = Revision { main: 1, sub: 0 };
    for (number, len, same_transaction) in steps {
        let key = format!("/k/{}", number % 40).into_bytes();
        if *len == 0 && !live.contains_key(&key) {
            continue;
        }
        if *same_transaction && revision.main > 1 {
            revision.sub += 1;
        } else {
            revision = Revision {
                main: revision.main + 1,
                sub: 0,
            };
        }
        let value = (*len > 0).then(|| vec![b'v'; usize::from(*len)]);
        let (create, version) = match (&value, live.get(&key)) {
            (None, _) => (0, 0),
            (Some(_), Some((create, version))) => (*create, version + 1),
            (Some(_), None) => (revision.main, 1),
        };
        match value {
            Some(_) => live.insert(key.clone(), (create, version)),
            None => live.remove(&key),
        };
        puts.push(Put {
            revision,
            key,
            value,
            create,
            version,
        });
    }
    puts
}

fn file(puts: &[Put], order: PageOrder) -> Vec<u8> {
    let layout = WriteLayout {
        page_size: 1024,
        order,
        ..WriteLayout::default()
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
        .bucket(b"meta", |_| Ok::<(), WriteError>(()))
        .unwrap();
    writer.finish().unwrap().0.into_inner()
}

struct Model<'p> {
    puts: &'p [Put],
}

impl Model<'_> {
    /// Keys that live at `revision`, with their newest record; or those that were deleted.
    fn at(&self, revision: i64, live: bool) -> BTreeMap<Vec<u8>, Revision> {
        let mut newest: BTreeMap<Vec<u8>, &Put> = BTreeMap::new();
        for put in self.puts.iter().filter(|p| p.revision.main <= revision) {
            newest.insert(put.key.clone(), put);
        }
        newest
            .into_iter()
            .filter(|(_, put)| put.value.is_some() == live)
            .map(|(key, put)| (key, put.revision))
            .collect()
    }
}

fn rows(rows: &Rows) -> Vec<(Vec<u8>, Revision)> {
    rows.iter()
        .map(|record| (record.key.to_vec(), record.facts.revision))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_question_about_a_random_history_is_answered_as_by_the_model(
        steps in prop::collection::vec((any::<u8>(), prop_oneof![Just(0u16), 1u16..300], any::<bool>()), 0..300),
        shuffled in any::<bool>(),
        at in 0.0f64..1.0,
        limit in 1usize..50,
    ) {
        let puts = history(&steps);
        let order = if shuffled { PageOrder::Scattered { stretch: 32, longest_run: 2 } } else { PageOrder::Ascending };
        let bytes = file(&puts, order);
        let source = Slice(&bytes);
        let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search).unwrap();
        let workers = Workers::new(NonZeroUsize::new(2).unwrap()).unwrap();
        let options = Options::default();
        let mut findings = Collector::new(DEFAULT_LIMIT);
        let model = Model { puts: &puts };
        let current = puts.last().map_or(1, |put| put.revision.main);
        let revision = 1 + ((current - 1) as f64 * at) as i64;

        // Keys at a revision, live and deleted.
        for (live, wanted) in [(true, Wanted::Live), (false, Wanted::Deleted)] {
            let newest = Newest::new(KeyFilter::all(), revision, None);
            let (keyspace, parts) = Keyspace::scan(&database, &newest, &workers, &options, &mut findings).unwrap();
            prop_assert_eq!(keyspace.bounds(), RevisionBounds { compacted: -1, current });
            let places = Newest::select(&parts, wanted, &workers).unwrap();
            let gather = GatherRows::new(KeyFilter::all(), None);
            let gathered = keyspace.visit(&places, &gather, &workers, &options).unwrap();
            let found = Rows::sorted(gathered, RowOrder::Key, &workers).unwrap();
            let expected: Vec<_> = model.at(revision, live).into_iter().collect();
            prop_assert_eq!(rows(&found), expected.clone());
            // The same places in another order give the same keys in that order.
            let backwards: Vec<RecordPlace> = found.iter().rev().map(|record| record.facts.place).collect();
            let keys = keyspace
                .map(&backwards, |view| Ok(view.record.key.to_vec()), &workers, &options)
                .unwrap();
            let wanted: Vec<_> = expected.into_iter().rev().map(|(key, _)| Some(key)).collect();
            prop_assert_eq!(keys, wanted);
        }

        // The first keys, from either end.
        for descending in [false, true] {
            let first = FirstKeys::new(KeyFilter::all(), revision, descending, limit).unwrap();
            let (keyspace, parts) = Keyspace::scan(&database, &first, &workers, &options, &mut findings).unwrap();
            let places = first.select(parts).unwrap();
            let gather = GatherRows::new(KeyFilter::all(), None);
            let gathered = keyspace.visit(&places, &gather, &workers, &options).unwrap();
            let mut found = rows(&Rows::sorted(gathered, RowOrder::Key, &workers).unwrap());
            let mut expected: Vec<_> = model.at(revision, true).into_iter().collect();
            if descending {
                found.reverse();
                expected.reverse();
            }
            expected.truncate(limit);
            prop_assert_eq!(found, expected);
        }

        // The history of one key.
        let key = b"/k/7";
        let gather = GatherRows::new(KeyFilter::key(key), None);
        let (_, parts) = Keyspace::scan(&database, &gather, &workers, &options, &mut findings).unwrap();
        let found = Rows::sorted(parts, RowOrder::Revision, &workers).unwrap();
        let expected: Vec<_> = puts.iter().filter(|p| p.key == key).map(|p| (p.key.clone(), p.revision)).collect();
        prop_assert_eq!(rows(&found), expected);

        // The changes from a revision on, both ways.
        prop_assert_eq!(Changes::newest(&database).unwrap(), puts.last().map_or(0, |p| p.revision.main));
        for descending in [false, true] {
            let mut changes = Changes::start(&database, revision, descending).unwrap();
            let mut found = Vec::new();
            while let NextChange::Change(change) = changes.next_change().unwrap() {
                found.push((change.revision, change.record.key.to_vec(), change.is_tombstone));
            }
            let mut expected: Vec<_> = puts
                .iter()
                .filter(|p| if descending { p.revision.main <= revision } else { p.revision.main >= revision })
                .map(|p| (p.revision, p.key.clone(), p.value.is_none()))
                .collect();
            if descending {
                expected.reverse();
            }
            prop_assert_eq!(found, expected);
        }
        prop_assert!(!findings.has_errors());
    }
}

#[test]
fn when_most_of_the_first_keys_were_deleted_the_short_way_gives_up() {
    let mut steps: Vec<(u8, u16, bool)> = Vec::new();
    steps.extend((0..40).map(|n| (n, 5, false)));
    steps.extend((0..39).map(|n| (n, 0, false)));
    let puts = history(&steps);
    let mut many = Vec::new();
    for (number, put) in puts.iter().enumerate() {
        for copy in 0..60 {
            let mut put = put.clone();
            put.key.extend_from_slice(format!("-{copy:03}").as_bytes());
            put.revision.sub = copy;
            put.revision.main = number as i64 + 2;
            many.push(put);
        }
    }
    let bytes = file(&many, PageOrder::Ascending);
    let source = Slice(&bytes);
    let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search).unwrap();
    let workers = Workers::new(NonZeroUsize::MIN).unwrap();
    let mut findings = Collector::new(DEFAULT_LIMIT);
    let first = FirstKeys::new(KeyFilter::all(), 0, false, 3).unwrap();
    let (_, parts) = Keyspace::scan(
        &database,
        &first,
        &workers,
        &Options::default(),
        &mut findings,
    )
    .unwrap();
    assert!(first.select(parts).is_none());
}

#[test]
fn revisions_are_answered_for_from_the_compaction_to_the_newest() {
    let bounds = RevisionBounds {
        compacted: 5,
        current: 9,
    };
    for (wanted, meant) in [(0, 9), (-1, 9), (5, 5), (9, 9)] {
        assert_eq!(bounds.resolve(wanted).unwrap(), meant, "{wanted}");
    }
    for (wanted, is_compacted) in [(1, true), (4, true), (10, false), (i64::MAX, false)] {
        let error = bounds.resolve(wanted).unwrap_err();
        assert!(
            matches!(error, crate::error::Error::Revision { compacted } if compacted == is_compacted),
            "{wanted}"
        );
    }
}

#[test]
fn rows_are_gathered_up_to_the_memory_limit() {
    let puts = history(&[(1, 5, false), (2, 5, false), (3, 5, false)]);
    let bytes = file(&puts, PageOrder::Ascending);
    let source = Slice(&bytes);
    let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search).unwrap();
    let workers = Workers::new(NonZeroUsize::MIN).unwrap();
    let gather = |limit| {
        let mut findings = Collector::new(DEFAULT_LIMIT);
        let gather = GatherRows::new(KeyFilter::all(), limit);
        Keyspace::scan(
            &database,
            &gather,
            &workers,
            &Options::default(),
            &mut findings,
        )
    };
    // Three rows, and keys of four bytes.
    let needed = 3 * (80 + 4);
    gather(None).unwrap();
    gather(Some(needed)).unwrap();
    let error = gather(Some(needed - 1)).unwrap_err();
    assert!(matches!(error, crate::error::Error::MemoryLimit { limit, .. } if limit == needed - 1));
}
