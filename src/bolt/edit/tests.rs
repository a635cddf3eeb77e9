use std::collections::BTreeMap;
use std::io::Cursor;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::bolt::layout::ELEMENT_IS_BUCKET;
use crate::bolt::write::{FreelistForm, WriteError, WriteLayout, Writer};
use crate::bolt::{Leaf, PlannedBucket, SecondMeta, Visitor};
use crate::finding::Collector;
use crate::options::Options;
use crate::source::Slice;
use crate::workers::Workers;

type Bucket = BTreeMap<Vec<u8>, Vec<u8>>;
type Store = BTreeMap<Vec<u8>, Bucket>;

fn written(store: &Store, layout: WriteLayout) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), layout).unwrap();
    for (name, entries) in store {
        writer
            .bucket(name, |bucket| -> Result<(), WriteError> {
                entries
                    .iter()
                    .try_for_each(|(key, value)| bucket.put(key, value))
            })
            .unwrap();
    }
    writer.finish().unwrap().0.into_inner()
}

/// What the changes make of a store, without pages.
fn applied(mut store: Store, edits: &Edits) -> Store {
    for (name, bucket) in &edits.buckets {
        let entries = store.entry(name.clone()).or_default();
        if bucket.clear {
            entries.clear();
        }
        for (key, change) in &bucket.changes {
            match change {
                Some((_, value)) => entries.insert(key.clone(), value.clone()),
                None => entries.remove(key),
            };
        }
    }
    store
}

fn patched(bytes: &[u8], edits: &Edits) -> Vec<u8> {
    let source = Slice(bytes);
    let len = bytes.len() as u64;
    let database = Database::open(&source, len, SecondMeta::Search).unwrap();
    let patch = edits.patch(&database).unwrap();
    let mut copy = bytes.to_vec();
    copy.resize(patch.len as usize, 0);
    for (offset, bytes) in &patch.writes {
        let at = offset.0 as usize;
        copy[at..at + bytes.len()].copy_from_slice(bytes);
    }
    copy
}

struct Nothing;

impl Visitor for Nothing {
    type Local = ();

    fn start(&self) {}

    fn leaf(&self, _: &mut (), _: &PlannedBucket, _: &Leaf<'_>) -> crate::Result<()> {
        Ok(())
    }
}

/// Reads a database back through cursors, after a scan that must find nothing wrong.
fn read(bytes: &[u8]) -> Store {
    let source = Slice(bytes);
    let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search).unwrap();
    let workers = Workers::new(std::num::NonZeroUsize::MIN).unwrap();
    let mut findings = Collector::new(10);
    database
        .scan(&Nothing, &workers, &Options::default(), &mut findings)
        .unwrap();
    let found = findings.finish();
    assert!(found.list.is_empty(), "{:?}", found.list);
    let mut names = Vec::new();
    let mut root = database.root();
    let mut next = root.first().unwrap();
    while let Some(entry) = next {
        assert!(entry.is_bucket);
        names.push(entry.key.to_vec());
        next = root.next().unwrap();
    }
    let mut store = Store::new();
    for name in names {
        let bucket = database.bucket(&name).unwrap().unwrap();
        let mut cursor = database.cursor(&bucket);
        let entries = store.entry(name).or_default();
        let mut next = cursor.first().unwrap();
        while let Some(entry) = next {
            entries.insert(entry.key.to_vec(), entry.value.to_vec());
            next = cursor.next().unwrap();
        }
    }
    store
}

fn check(store: &Store, layout: WriteLayout, edits: &Edits) {
    let bytes = written(store, layout);
    let changed = patched(&bytes, edits);
    assert_eq!(read(&changed), applied(store.clone(), edits));
    // And once more, on what the first change left.
    let again = patched(&changed, edits);
    assert_eq!(read(&again), applied(store.clone(), edits));
}

fn small_store() -> Store {
    let numbered = |count: u32| -> Bucket {
        (0..count)
            .map(|n| (n.to_be_bytes().to_vec(), vec![n as u8; 50]))
            .collect()
    };
    BTreeMap::from([
        (b"key".to_vec(), numbered(20_000)),
        (b"members".to_vec(), numbered(3)),
        (b"meta".to_vec(), numbered(1)),
    ])
}

#[test]
fn few_keys_of_a_large_tree_change_and_few_pages_with_them() {
    let store = small_store();
    let mut edits = Edits::new();
    edits.put(b"key", &20_000u32.to_be_bytes(), b"");
    edits.put(b"key", &7u32.to_be_bytes(), b"changed");
    edits.delete(b"key", &10_000u32.to_be_bytes());
    edits.clear(b"members");
    edits.put(b"members", b"m", b"one");
    edits.create(b"new");
    edits.create(b"meta");
    check(&store, WriteLayout::default(), &edits);
    let bytes = written(&store, WriteLayout::default());
    let grown = (patched(&bytes, &edits).len() - bytes.len()) / 4096;
    assert!(grown < 12, "{grown} pages");
}

#[test]
fn a_stored_freelist_is_given_up() {
    let layout = WriteLayout {
        freelist: FreelistForm::Stored,
        free_share: 0.2,
        page_size: 1024,
        ..WriteLayout::default()
    };
    let mut edits = Edits::new();
    edits.put(b"meta", b"k", b"v");
    check(&small_store(), layout, &edits);
}

#[test]
fn a_tree_can_lose_all_its_keys_and_an_inline_bucket_can_outgrow_its_value() {
    let store = small_store();
    let mut edits = Edits::new();
    for key in store[&b"key"[..]].keys() {
        edits.delete(b"key", key);
    }
    for n in 0..3000u32 {
        edits.put(b"meta", &n.to_be_bytes(), &[1; 100]);
    }
    check(&store, WriteLayout::default(), &edits);
}

#[test]
fn metas_stand_on_the_pages_of_their_parity_and_name_the_same_tree() {
    let bytes = written(&small_store(), WriteLayout::snapshot());
    let mut edits = Edits::new();
    edits.put(b"meta", b"k", b"v");
    let changed = patched(&bytes[..bytes.len() - 32], &edits);
    let source = Slice(&changed);
    let len = changed.len() as u64;
    let database = Database::open(&source, len, SecondMeta::Search).unwrap();
    let [zero, one] = database.metas().both().map(|meta| meta.validate().unwrap());
    assert_eq!((zero.txid.0, one.txid.0), (2, 3));
    assert_eq!((zero.root, zero.high_water), (one.root, one.high_water));
    assert_eq!(zero.freelist, None);
    assert_eq!(len, zero.high_water.0 * 4096);
}

#[test]
fn a_key_in_the_place_of_a_bucket_is_refused() {
    let mut bytes = written(&small_store(), WriteLayout::default());
    let at = bytes.len() - 4096;
    // The root bucket's leaf is the last page; its first element loses the mark of a bucket.
    assert_eq!(bytes[at + 16], ELEMENT_IS_BUCKET as u8);
    bytes[at + 16] = 0;
    let source = Slice(&bytes);
    let len = bytes.len() as u64;
    let database = Database::open(&source, len, SecondMeta::Search).unwrap();
    let mut edits = Edits::new();
    edits.put(b"key", b"k", b"v");
    assert!(matches!(
        edits.patch(&database),
        Err(EditError::NoBucket(_))
    ));
}

fn edits_of(changes: Vec<(u8, u8, Vec<u8>, Vec<u8>)>, cleared: Vec<u8>) -> Edits {
    let mut edits = Edits::new();
    for bucket in cleared {
        edits.clear(&[bucket]);
    }
    for (bucket, what, key, value) in changes {
        match what {
            0 => edits.delete(&[bucket], &key),
            _ => edits.put(&[bucket], &key, &value),
        }
    }
    edits
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(0u8..4, 1..5),
        2 => vec(any::<u8>(), 1..40),
        1 => (300usize..2000, any::<u8>()).prop_map(|(len, end)| {
            let mut key = vec![7; len];
            key.push(end);
            key
        }),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..60),
        1 => (0usize..9000).prop_map(|len| vec![9; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_changes_to_any_store_read_back(
        store in btree_map((0u8..4).prop_map(|n| vec![n]), btree_map(key(), value(), 0..120), 0..4),
        changes in vec((0u8..5, 0u8..3, key(), value()), 0..80),
        cleared in vec(0u8..5, 0..2),
        shift in 10u32..14,
        stored in any::<bool>(),
    ) {
        let layout = WriteLayout {
            page_size: 1 << shift,
            freelist: if stored { FreelistForm::Stored } else { FreelistForm::None },
            ..WriteLayout::default()
        };
        check(&store, layout, &edits_of(changes, cleared));
    }

    #[test]
    fn damaged_pages_end_in_an_error_or_a_patch_and_never_in_a_panic(
        places in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut store = small_store();
        store.get_mut(&b"key"[..]).unwrap().retain(|key, _| key[2] == 0);
        let mut bytes = written(&store, WriteLayout { page_size: 1024, ..WriteLayout::default() });
        for (place, byte) in places {
            // The metas stay.
            let at = 2048 + place.index(bytes.len() - 2048);
            bytes[at] = byte;
        }
        let mut edits = Edits::new();
        edits.put(b"key", &[9; 4], b"");
        edits.put(b"meta", b"k", b"v");
        edits.clear(b"members");
        let source = Slice(&bytes);
        let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search)
            .unwrap();
        let _ = edits.patch(&database);
    }
}
