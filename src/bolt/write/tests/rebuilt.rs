//! A rewritten database is the one it was made of, with the changes that were asked for.

use super::*;
use crate::bolt::edit::Edits;
use crate::source::OpenFile;

/// The rewritten database. `keep` is asked about every entry below the top.
fn rewritten(
    source: &dyn Source,
    layout: WriteLayout,
    edits: &Edits,
    keep: impl FnMut(&[Vec<u8>], &[u8], &[u8]) -> crate::Result<bool>,
) -> Result<(Vec<u8>, Written), RebuildError> {
    let database = Database::open(source, source.len(), SecondMeta::Search).unwrap();
    let mut writer = Writer::new(Cursor::new(Vec::new()), layout).unwrap();
    rebuild(&mut writer, &database, edits, keep)?;
    let (out, written) = writer.finish().unwrap();
    Ok((out.into_inner(), written))
}

/// Where the trailer, if there is one, is not part of the database.
fn database_of(bytes: &[u8], written: &Written) -> Vec<u8> {
    let trailer = if written.trailer.is_some() { 32 } else { 0 };
    bytes[..bytes.len() - trailer].to_vec()
}

/// A bucket of the top, whether it is cleared first, and what becomes of its keys.
type BucketChange = (Vec<u8>, bool, Vec<(Vec<u8>, Option<Vec<u8>>)>);

fn changes() -> impl Strategy<Value = Vec<BucketChange>> {
    let change = (key(), proptest::option::of(value()));
    vec((key(), any::<bool>(), vec(change, 0..6)), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_back_whatever_the_layout_was(
        database in database(),
        before in layout(),
        after in layout(),
    ) {
        let (bytes, written) = written(&database, before);
        let bytes = database_of(&bytes, &written);
        let keep = |_: &[Vec<u8>], _: &[u8], _: &[u8]| Ok(true);
        let (made, facts) = rewritten(&Slice(&bytes), after, &Edits::new(), keep).unwrap();
        check_scan(&Slice(&made), 2, &flat(&database), &facts, "rewritten");
    }

    #[test]
    fn changes_are_made_and_unwanted_entries_left_out(
        database in database(),
        changes in changes(),
        before in layout(),
        parity in any::<bool>(),
    ) {
        let mut edits = Edits::new();
        let mut names: Vec<&Vec<u8>> = database.keys().collect();
        let mut expected = database.clone();
        let wanted = |key: &[u8]| key.last().is_some_and(|last| (last % 2 == 0) == parity);
        for node in expected.values_mut() {
            leave_out(node, &wanted);
        }
        for (name, clear, list) in &changes {
            // Mostly buckets that are there.
            let name = names.pop().unwrap_or(name);
            let Node::Bucket(bucket) =
                expected.entry(name.clone()).or_insert(Node::Bucket(Entries::new()))
            else {
                unreachable!("only buckets at the top");
            };
            edits.create(name);
            if *clear {
                edits.clear(name);
                bucket.clear();
            }
            for (key, value) in list {
                match value {
                    Some(value) => {
                        edits.put(name, key, value);
                        bucket.insert(key.clone(), Node::Value(value.clone()));
                    }
                    None => {
                        edits.delete(name, key);
                        bucket.remove(key);
                    }
                }
            }
        }
        let (bytes, written) = written(&database, before);
        let bytes = database_of(&bytes, &written);
        let keep = |_: &[Vec<u8>], key: &[u8], _: &[u8]| Ok(wanted(key));
        let (made, facts) = rewritten(&Slice(&bytes), WriteLayout::default(), &edits, keep).unwrap();
        check_scan(&Slice(&made), 1, &flat(&expected), &facts, "changed");
    }
}

/// Takes out what `wanted` does not want; buckets stay.
fn leave_out(node: &mut Node, wanted: &dyn Fn(&[u8]) -> bool) {
    if let Node::Bucket(entries) = node {
        entries.retain(|key, node| matches!(node, Node::Bucket(_)) || wanted(key));
        entries
            .values_mut()
            .for_each(|node| leave_out(node, wanted));
    }
}

#[test]
fn the_asked_one_is_told_the_way_to_each_entry() {
    let mut inner = single("inner", numbered(2, 5));
    inner.insert(b"a".to_vec(), Node::Value(b"1".to_vec()));
    let database = single("outer", inner);
    let (bytes, _) = written(&database, WriteLayout::default());
    let mut seen = Vec::new();
    rewritten(
        &Slice(&bytes),
        WriteLayout::default(),
        &Edits::new(),
        |path, key, value| {
            seen.push((path.to_vec(), key.to_vec(), value.len()));
            Ok(true)
        },
    )
    .unwrap();
    let outer = vec![b"outer".to_vec()];
    let deep = vec![b"outer".to_vec(), b"inner".to_vec()];
    let number = |n: u32| n.to_be_bytes().to_vec();
    assert_eq!(
        seen,
        [
            (outer, b"a".to_vec(), 1),
            (deep.clone(), number(0), 5),
            (deep, number(1), 5)
        ]
    );
}

#[test]
fn sequences_are_kept_and_small_buckets_inline() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), WriteLayout::default()).unwrap();
    writer
        .bucket(b"small", |bucket| -> Result<(), WriteError> {
            bucket.set_sequence(7);
            bucket.put(b"k", b"v")
        })
        .unwrap();
    let bytes = writer.finish().unwrap().0.into_inner();
    let keep = |_: &[Vec<u8>], _: &[u8], _: &[u8]| Ok(true);
    let (made, _) = rewritten(&Slice(&bytes), WriteLayout::default(), &Edits::new(), keep).unwrap();
    // Nothing was free and the order is the same, so the file is the same too.
    assert!(made == bytes);
}

#[test]
fn free_pages_are_gone_afterwards() {
    let database = single("key", numbered(5000, 300));
    let scattered = WriteLayout {
        order: PageOrder::Scattered {
            stretch: 100,
            longest_run: 3,
        },
        free_share: 0.5,
        free_content: FreeContent::Stale,
        freelist: FreelistForm::Stored,
        ..WriteLayout::default()
    };
    let (before, _) = written(&database, scattered);
    let keep = |_: &[Vec<u8>], _: &[u8], _: &[u8]| Ok(true);
    let (made, facts) =
        rewritten(&Slice(&before), WriteLayout::default(), &Edits::new(), keep).unwrap();
    assert_eq!(facts.free_pages, 0);
    let (packed, _) = written(&database, WriteLayout::default());
    assert!(made == packed);
    assert!(made.len() < before.len() * 6 / 10);
}

#[test]
fn long_values_are_read_from_a_file_as_from_memory() {
    let mut entries = numbered(3, 10);
    entries.insert(b"long".to_vec(), Node::Value(filled(70 << 20, 3)));
    let database = single("key", entries);
    let (bytes, _) = written(&database, WriteLayout::default());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    std::fs::write(&path, &bytes).unwrap();
    let file = OpenFile::open(&path, "none").unwrap();
    let keep = |_: &[Vec<u8>], _: &[u8], _: &[u8]| Ok(true);
    let (made, _) = rewritten(file.source(), WriteLayout::default(), &Edits::new(), keep).unwrap();
    assert!(made == bytes);
}

#[test]
fn damage_an_entry_among_buckets_and_buckets_too_deep_are_refused() {
    let keep = |_: &[Vec<u8>], _: &[u8], _: &[u8]| Ok(true);
    let again =
        |bytes: &[u8]| rewritten(&Slice(bytes), WriteLayout::default(), &Edits::new(), keep);
    let (bytes, written_as) = written(&single("key", numbered(500, 30)), WriteLayout::default());
    let mut image = Image::from_bytes(4096, bytes.clone());
    image
        .edit_header(PageId(3), |header| header.flags = 0x10)
        .unwrap();
    assert!(matches!(again(image.bytes()), Err(RebuildError::Damage(_))));

    let mut image = Image::from_bytes(4096, bytes);
    image
        .edit_leaf_element(written_as.root, 0, |element| element.flags = 0)
        .unwrap();
    let refused = again(image.bytes());
    assert!(matches!(refused, Err(RebuildError::NoBucket(name)) if name == b"key"));

    let mut deep = Entries::new();
    for _ in 0..70 {
        deep = single("b", deep);
    }
    let (bytes, _) = written(&deep, WriteLayout::default());
    assert!(matches!(again(&bytes), Err(RebuildError::TooDeep)));
}

#[test]
fn who_is_asked_may_end_it() {
    let (bytes, _) = written(&single("key", numbered(5, 5)), WriteLayout::default());
    let stop = |_: &[Vec<u8>], _: &[u8], _: &[u8]| Err(crate::Error::Cancelled);
    let ended = rewritten(&Slice(&bytes), WriteLayout::default(), &Edits::new(), stop);
    assert!(matches!(
        ended,
        Err(RebuildError::Read(crate::Error::Cancelled))
    ));
}
