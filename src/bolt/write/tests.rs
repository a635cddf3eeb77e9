//! What is written comes back: through cursors and scans, from every kind of source.

mod rebuilt;

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::num::NonZeroUsize;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::bolt::layout::flags;
use crate::bolt::{Database, Leaf, PlannedBucket, Scan, Scanned, SecondMeta, Visitor};
use crate::finding::Collector;
use crate::ids::{PageId, TxId};
use crate::options::Options;
use crate::source::{Positioned, Slice, Source, WindowBuffer, open_own_file_mapped};
use crate::workers::Workers;

type Entries = BTreeMap<Vec<u8>, Node>;

#[derive(Debug, Clone)]
enum Node {
    Value(Vec<u8>),
    Bucket(Entries),
}

fn filled(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|at| (at as u8).wrapping_mul(31) ^ seed)
        .collect()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 1..40),
        3 => vec(0u8..3, 1..6),
        // Alike up to their ends, so that branches hold long keys.
        1 => (40usize..3000, any::<u16>())
            .prop_map(|(len, end)| [filled(len, 7), end.to_be_bytes().to_vec()].concat()),
        1 => (32_700usize..=32_768, any::<u8>()).prop_map(|(len, seed)| filled(len, seed)),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![
        6 => 0usize..60,
        4 => 60usize..1500,
        1 => 1500usize..20_000,
        1 => 60_000usize..200_000,
    ];
    (len, any::<u8>()).prop_map(|(len, seed)| filled(len, seed))
}

fn entries(most: usize) -> impl Strategy<Value = Entries> {
    let node = value().prop_map(Node::Value);
    let entries = btree_map(key(), node, 0..most);
    entries.prop_recursive(3, 64, 6, |inner| {
        let node = prop_oneof![
            3 => value().prop_map(Node::Value),
            1 => inner.prop_map(Node::Bucket),
        ];
        btree_map(key(), node, 0..12)
    })
}

/// Many small entries, for trees of several levels.
fn many() -> impl Strategy<Value = Entries> {
    (0u32..4000, 1usize..60).prop_map(|(count, len)| {
        (0..count)
            .map(|n| {
                (
                    n.wrapping_mul(7).to_be_bytes().to_vec(),
                    Node::Value(filled(len, n as u8)),
                )
            })
            .collect()
    })
}

fn database() -> impl Strategy<Value = Entries> {
    let bucket = prop_oneof![3 => entries(60), 1 => many()];
    btree_map(key(), bucket.prop_map(Node::Bucket), 0..8)
}

fn layout() -> impl Strategy<Value = WriteLayout> {
    let order = prop_oneof![
        Just(PageOrder::Ascending),
        (1u32..400, 1u32..12).prop_map(|(stretch, longest_run)| PageOrder::Scattered {
            stretch,
            longest_run
        }),
    ];
    let freelist = prop_oneof![
        Just(FreelistForm::None),
        Just(FreelistForm::Stored),
        Just(FreelistForm::StoredLong)
    ];
    let free = (0.0..0.6f64, 0u32..20, any::<bool>());
    (
        10u32..17,
        0.1..=1.0f64,
        0u16..4,
        any::<bool>(),
        order,
        free,
        freelist,
        any::<[bool; 3]>(),
        any::<u64>(),
    )
        .prop_map(
            |(shift, fill, min_elements, inline, order, free, freelist, flags, seed)| WriteLayout {
                page_size: 1 << shift,
                fill,
                min_elements,
                inline,
                order,
                free_share: free.0,
                free_tail: free.1,
                free_content: if free.2 {
                    FreeContent::Stale
                } else {
                    FreeContent::Zero
                },
                freelist,
                txid: seed % 1000 + 1,
                metas: if flags[0] {
                    MetaOrder::Snapshot
                } else {
                    MetaOrder::Parity
                },
                exact_fit_takes_one_more: flags[1],
                trailer: flags[2],
                seed,
            },
        )
}

fn fill<W: std::io::Read + std::io::Write + std::io::Seek>(
    bucket: &mut Bucket<'_, W>,
    entries: &Entries,
) -> Result<(), WriteError> {
    for (key, node) in entries {
        match node {
            Node::Value(value) => bucket.put(key, value)?,
            Node::Bucket(inner) => bucket.bucket(key, |bucket| fill(bucket, inner))?,
        }
    }
    Ok(())
}

fn written(database: &Entries, layout: WriteLayout) -> (Vec<u8>, Written) {
    let mut writer = Writer::new(Cursor::new(Vec::new()), layout).unwrap();
    for (name, node) in database {
        let Node::Bucket(inner) = node else {
            panic!("only buckets at the top")
        };
        writer.bucket(name, |bucket| fill(bucket, inner)).unwrap();
    }
    let (out, written) = writer.finish().unwrap();
    (out.into_inner(), written)
}

/// Every entry of every bucket: path, key, and the value unless it is a bucket.
type Flat = BTreeMap<Vec<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>>;

fn flat(entries: &Entries) -> Flat {
    fn add(path: &[Vec<u8>], entries: &Entries, to: &mut Flat) {
        let list = entries.iter().map(|(key, node)| match node {
            Node::Value(value) => (key.clone(), Some(value.clone())),
            Node::Bucket(_) => (key.clone(), None),
        });
        let list: Vec<_> = list.collect();
        if !list.is_empty() {
            to.insert(path.to_vec(), list);
        }
        for (key, node) in entries {
            if let Node::Bucket(inner) = node {
                add(&[path, std::slice::from_ref(key)].concat(), inner, to);
            }
        }
    }
    let mut out = Flat::new();
    add(&[], entries, &mut out);
    out
}

struct Collect;

impl Visitor for Collect {
    type Local = Vec<(u32, Vec<Vec<u8>>, Vec<u8>, Option<Vec<u8>>)>;

    fn start(&self) -> Self::Local {
        Vec::new()
    }

    fn leaf(
        &self,
        local: &mut Self::Local,
        bucket: &PlannedBucket,
        leaf: &Leaf<'_>,
    ) -> crate::Result<()> {
        for element in leaf.elements {
            let mut value = leaf.value(element).to_vec();
            if let Some(tail) = &leaf.tail {
                tail.pieces(&mut WindowBuffer::new(), |piece| {
                    value.extend_from_slice(piece)
                })?;
            }
            let value = (!element.is_bucket).then_some(value);
            local.push((leaf.rank, bucket.names(), leaf.key(element).to_vec(), value));
        }
        Ok(())
    }
}

/// Everything a scan gives; it must find nothing wrong.
fn scanned<'s>(database: &Database<'s>, threads: usize, name: &str) -> (Flat, Scanned<'s, ()>) {
    let workers = Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap();
    let mut findings = Collector::new(10);
    let scanned = database
        .scan(&Collect, &workers, &Options::default(), &mut findings)
        .unwrap();
    let findings = findings.finish();
    assert!(findings.list.is_empty(), "{name}: {:#?}", findings.list);
    let Scanned {
        plan,
        scan,
        freelist,
    } = scanned;
    let mut all: Vec<_> = scan.locals.into_iter().flatten().collect();
    all.sort_by_key(|entry| entry.0);
    let mut got = Flat::new();
    for (_, path, key, value) in all {
        got.entry(path).or_default().push((key, value));
    }
    let scan = Scan {
        locals: Vec::new(),
        census: scan.census,
        uneven: scan.uneven,
    };
    (
        got,
        Scanned {
            plan,
            scan,
            freelist,
        },
    )
}

fn check_scan(source: &dyn Source, threads: usize, expected: &Flat, written: &Written, name: &str) {
    let length = written.len - if written.trailer.is_some() { 32 } else { 0 };
    let database = Database::open(source, length, SecondMeta::Search).unwrap();
    let (got, scanned) = scanned(&database, threads, name);
    assert!(got == *expected, "{name}: the scan gives something else");
    let census = &scanned.scan.census;
    let elements: usize = expected.values().map(Vec::len).sum();
    assert_eq!(census.elements, elements as u64, "{name}");
    let list = scanned
        .freelist
        .as_ref()
        .map_or(0, |list| list.own_pages.end - list.own_pages.start);
    let used = census.leaf_pages
        + census.leaf_overflow
        + scanned.plan.branch_pages
        + scanned.plan.branch_overflow
        + list
        + 2;
    assert_eq!(used + written.free_pages, written.high_water.0, "{name}");
    if let Some(list) = &scanned.freelist {
        assert_eq!(list.count, written.free_pages, "{name}");
    }
}

fn check_cursors(source: &dyn Source, expected: &Flat, name: &str) {
    let database = Database::open(source, source.len(), SecondMeta::Search).unwrap();
    let none = Vec::new();
    let names = expected.get(&Vec::new()).unwrap_or(&none);
    let mut cursor = database.root();
    let mut entry = cursor.first().unwrap().map(|e| e.key.to_vec());
    for (bucket, _) in names {
        assert_eq!(entry.as_ref(), Some(bucket), "{name}");
        entry = cursor.next().unwrap().map(|e| e.key.to_vec());
    }
    assert_eq!(entry, None, "{name}");
    assert!(database.bucket(b"no such bucket at all").unwrap().is_none());
    for (bucket, _) in names {
        let list = expected.get(std::slice::from_ref(bucket)).unwrap_or(&none);
        let bucket = database.bucket(bucket).unwrap().unwrap();
        let mut cursor = database.cursor(&bucket);
        let mut at = 0;
        let mut entry = cursor.first().unwrap();
        while let Some(found) = entry {
            assert_eq!(found.key, list[at].0, "{name}");
            assert_eq!(found.is_bucket, list[at].1.is_none(), "{name}");
            if let Some(value) = &list[at].1 {
                assert!(found.value == *value, "{name}");
            }
            at += 1;
            entry = cursor.next().unwrap();
        }
        assert_eq!(at, list.len(), "{name}");
        let mut entry = cursor.last().unwrap();
        while let Some(found) = entry {
            at -= 1;
            assert_eq!(found.key, list[at].0, "{name}");
            entry = cursor.prev().unwrap();
        }
        assert_eq!(at, 0, "{name}");
        let step = (list.len() / 50).max(1);
        for (index, (key, _)) in list.iter().enumerate().step_by(step) {
            let found = cursor.seek(key).unwrap().unwrap();
            assert_eq!(found.key, key, "{name}");
            let above = [key.as_slice(), &[0]].concat();
            let found = cursor.seek(&above).unwrap().map(|e| e.key.to_vec());
            assert_eq!(
                found.as_ref(),
                list.get(index + 1).map(|(key, _)| key),
                "{name}"
            );
        }
        let first = cursor.seek(&[]).unwrap().map(|e| e.key.to_vec());
        assert_eq!(first.as_ref(), list.first().map(|(key, _)| key), "{name}");
        let beyond = cursor
            .seek(&[0xff; 32_769])
            .unwrap()
            .map(|e| e.key.to_vec());
        assert_eq!(beyond, None, "{name}");
    }
}

fn check(database: &Entries, layout: &WriteLayout) {
    let (bytes, written) = written(database, layout.clone());
    let expected = flat(database);
    assert_eq!(bytes.len() as u64, written.len);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let slice = Slice(&bytes);
    let positioned = Positioned::new(file.reopen().unwrap(), written.len);
    let mapped = open_own_file_mapped(file.path(), "none").unwrap();
    let sources: [(&str, &dyn Source); 3] = [
        ("slice", &slice),
        ("positioned", &positioned),
        ("mapped", mapped.source()),
    ];
    for (name, source) in sources {
        for threads in [1, 3] {
            check_scan(source, threads, &expected, &written, name);
        }
        check_cursors(source, &expected, name);
    }
}

/// Writing and reading thousands of pages takes its time without optimisation.
fn cases() -> u32 {
    if cfg!(debug_assertions) { 16 } else { 256 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(database in database(), layout in layout()) {
        check(&database, &layout);
    }

    #[test]
    fn the_same_input_gives_the_same_file(database in database(), layout in layout()) {
        let first = written(&database, layout.clone());
        prop_assert!(first == written(&database, layout));
    }
}

fn numbered(count: u32, len: usize) -> Entries {
    (0..count)
        .map(|n| (n.to_be_bytes().to_vec(), Node::Value(filled(len, n as u8))))
        .collect()
}

fn single(name: &str, entries: Entries) -> Entries {
    Entries::from([(name.as_bytes().to_vec(), Node::Bucket(entries))])
}

#[test]
fn values_of_every_length_around_a_page_come_back() {
    for exact_fit_takes_one_more in [false, true] {
        for len in (1024 - 60..1024 + 10).chain(2048 - 60..2048 + 10) {
            let layout = WriteLayout {
                page_size: 1024,
                fill: 1.0,
                exact_fit_takes_one_more,
                ..WriteLayout::default()
            };
            check(&single("a", numbered(3, len)), &layout);
        }
    }
}

#[test]
fn values_too_long_to_be_held_come_back() {
    for layout in [
        WriteLayout::default(),
        WriteLayout {
            min_elements: 3,
            ..WriteLayout::default()
        },
    ] {
        let mut entries = numbered(4, 100);
        entries.insert(vec![1], Node::Value(filled(70 << 20, 1)));
        entries.insert(vec![2], Node::Value(filled((64 << 20) - 48, 2)));
        check(&single("a", entries), &layout);
    }
}

#[test]
fn a_page_never_has_more_elements_than_it_can_name() {
    let layout = WriteLayout {
        page_size: 1 << 24,
        ..WriteLayout::default()
    };
    check(&single("a", numbered(150_000, 0)), &layout);
}

#[test]
fn a_freelist_takes_its_long_form_at_65535_ids() {
    for (free_tail, long) in [(65_534, false), (65_535, true)] {
        let layout = WriteLayout {
            page_size: 1024,
            free_tail,
            freelist: FreelistForm::Stored,
            ..WriteLayout::default()
        };
        let database = single("a", numbered(3, 10));
        let (bytes, written) = written(&database, layout.clone());
        let at = written.freelist.unwrap().0 as usize * 1024;
        let header = crate::bolt::layout::PageHeader::decode(&bytes[at..]).unwrap();
        assert_eq!(
            (header.flags, header.count == 0xffff),
            (flags::FREELIST, long)
        );
        check(&database, &layout);
    }
}

#[test]
fn small_buckets_are_inlined_up_to_a_quarter_of_a_page() {
    // 16 + 16 + 1 + 991 = 1024 is a quarter of 4096.
    for (len, inline) in [(991, true), (992, false)] {
        let entries = Entries::from([(vec![7], Node::Value(filled(len, 0)))]);
        let (bytes, _) = written(&single("a", entries), WriteLayout::default());
        let slice = Slice(&bytes);
        let database = Database::open(&slice, bytes.len() as u64, SecondMeta::Search).unwrap();
        let mut root = database.root();
        let value = root.first().unwrap().unwrap().value.to_vec();
        assert_eq!((value[..8] == [0; 8], value.len() > 16), (inline, inline));
    }
}

#[test]
fn metas_stand_where_the_layout_says() {
    for (metas, txid, ids) in [
        (MetaOrder::Parity, 8, [8, 7]),
        (MetaOrder::Parity, 9, [8, 9]),
        (MetaOrder::Snapshot, 8, [8, 7]),
        (MetaOrder::Snapshot, 9, [9, 8]),
    ] {
        let (bytes, written) = written(
            &Entries::new(),
            WriteLayout {
                metas,
                txid,
                ..WriteLayout::default()
            },
        );
        let slice = Slice(&bytes);
        let database = Database::open(&slice, written.len, SecondMeta::Search).unwrap();
        let both = database
            .metas()
            .both()
            .map(|meta| meta.validate().unwrap().txid);
        assert_eq!(both, ids.map(TxId));
        assert_eq!(database.selected().meta.root, written.root);
    }
}

#[test]
fn mistakes_of_the_caller_are_refused_and_the_rest_can_go_on() {
    let new = |layout| Writer::new(Cursor::new(Vec::new()), layout);
    let base = WriteLayout::default;
    assert!(matches!(
        new(WriteLayout {
            page_size: 1000,
            ..base()
        }),
        Err(WriteError::PageSize(1000))
    ));
    assert!(matches!(
        new(WriteLayout {
            fill: 0.05,
            ..base()
        }),
        Err(WriteError::Fill(_))
    ));
    assert!(matches!(
        new(WriteLayout {
            fill: f64::NAN,
            ..base()
        }),
        Err(WriteError::Fill(_))
    ));
    assert!(matches!(
        new(WriteLayout {
            free_share: 1.0,
            ..base()
        }),
        Err(WriteError::FreeShare(_))
    ));
    assert!(matches!(
        new(WriteLayout { txid: 0, ..base() }),
        Err(WriteError::TxId)
    ));

    let mut writer = new(base()).unwrap();
    writer
        .bucket(b"b", |bucket| {
            assert!(matches!(bucket.put(b"", b""), Err(WriteError::EmptyKey)));
            let long = bucket.put(&[1; 32_769], b"");
            assert!(matches!(long, Err(WriteError::LongKey(32_769))));
            bucket.put(b"m", b"1")?;
            for key in [b"m", b"a"] {
                let error = bucket.put(key, b"2").unwrap_err();
                assert!(matches!(error, WriteError::KeyOrder { .. }), "{error}");
            }
            bucket.put(b"n", b"2")
        })
        .unwrap();
    let early: Result<(), WriteError> = writer.bucket(b"a", |_| Ok(()));
    assert!(matches!(early, Err(WriteError::KeyOrder { .. })));
    let (out, _) = writer.finish().unwrap();
    let entries = [("m", "1"), ("n", "2")].map(|(k, v)| (k.into(), Node::Value(v.into())));
    assert_eq!(
        out.into_inner(),
        written(&single("b", Entries::from(entries)), base()).0
    );
}

#[test]
fn after_a_failed_bucket_there_is_no_file() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), WriteLayout::default()).unwrap();
    let failed: Result<(), WriteError> = writer.bucket(b"a", |_| Err(WriteError::EmptyKey));
    assert!(matches!(failed, Err(WriteError::EmptyKey)));
    let next: Result<(), WriteError> = writer.bucket(b"b", |_| Ok(()));
    assert!(matches!(next, Err(WriteError::GivenUp)));
    assert!(matches!(writer.finish(), Err(WriteError::GivenUp)));
}

/// Fails every write from a certain position on.
#[derive(Debug)]
struct Full(Cursor<Vec<u8>>, u64);

impl std::io::Read for Full {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl std::io::Seek for Full {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.position() + bytes.len() as u64 > self.1 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_happens() {
    let write = |room| -> Result<Written, WriteError> {
        let layout = WriteLayout {
            free_share: 0.2,
            free_content: FreeContent::Stale,
            ..WriteLayout::snapshot()
        };
        let mut writer = Writer::new(Full(Cursor::new(Vec::new()), room), layout)?;
        writer.bucket(b"a", |bucket| fill(bucket, &numbered(5000, 800)))?;
        writer.finish().map(|(_, written)| written)
    };
    let len = write(u64::MAX).unwrap().len;
    for room in [0, 4096, 8192, len / 2, len - 33, len - 1] {
        assert!(
            matches!(write(room), Err(WriteError::Io { .. })),
            "{room} of {len}"
        );
    }
    write(len).unwrap();
}

#[test]
fn an_image_made_by_hand_is_what_the_writer_writes() {
    let entries = Entries::from([
        (b"k1".to_vec(), Node::Value(filled(900, 1))),
        (b"k2".to_vec(), Node::Value(filled(900, 2))),
    ]);
    let mut database = single("a", entries);
    database.insert(b"b".to_vec(), Node::Bucket(numbered(1, 4)));
    let (bytes, written) = written(
        &database,
        WriteLayout {
            page_size: 1024,
            ..WriteLayout::default()
        },
    );

    let mut image = Image::new(1024);
    let item = |key: &str, seed| Item::entry(key, filled(900, seed));
    image.put_leaf(PageId(2), &[item("k1", 1)]).unwrap();
    image.put_leaf(PageId(3), &[item("k2", 2)]).unwrap();
    image
        .put_branch(PageId(4), &[(b"k1", PageId(2)), (b"k2", PageId(3))])
        .unwrap();
    let inline = [Item::entry(0u32.to_be_bytes(), filled(4, 0))];
    let root = [
        Item::bucket("a", PageId(4)),
        Item::inline_bucket("b", &inline).unwrap(),
    ];
    image.put_leaf(PageId(5), &root).unwrap();
    let slice = Slice(&bytes);
    let metas = Database::open(&slice, written.len, SecondMeta::Search).unwrap();
    for (number, meta) in metas.metas().both().into_iter().enumerate() {
        image.put_meta(PageId(number as u64), &meta.raw.unwrap());
    }
    assert!(image.bytes() == bytes);

    // Damage, field by field.
    let findings = |image: &Image| {
        let slice = Slice(image.bytes());
        let database =
            Database::open(&slice, image.bytes().len() as u64, SecondMeta::Search).unwrap();
        let workers = Workers::new(NonZeroUsize::MIN).unwrap();
        let mut findings = Collector::new(10);
        database
            .scan(&(), &workers, &Options::default(), &mut findings)
            .unwrap();
        let findings = findings.finish();
        findings.counts.iter().map(|count| count.count).sum::<u64>()
    };
    assert_eq!(findings(&image), 0);
    let mut damaged = image.clone();
    damaged
        .edit_header(PageId(3), |header| header.id = PageId(9))
        .unwrap();
    assert_eq!(findings(&damaged), 1);
    let mut damaged = image.clone();
    damaged
        .edit_leaf_element(PageId(2), 0, |element| element.value_size = 5000)
        .unwrap();
    assert_eq!(findings(&damaged), 1);
    let mut damaged = image.clone();
    damaged
        .edit_branch_element(PageId(4), 1, |element| element.child = PageId(2))
        .unwrap();
    assert_eq!(findings(&damaged), 1);
    let mut damaged = image.clone();
    damaged
        .edit_meta(PageId(1), |meta| meta.root = PageId(77))
        .unwrap();
    assert_eq!(findings(&damaged), 1);
    let mut damaged = image;
    damaged.patch(PageId(3), 32, b"a").unwrap();
    assert!(findings(&damaged) > 0);
    assert!(damaged.patch(PageId(6), 0, b"a").is_none());
}

/// Databases of all kinds before an independent judge: real bbolt, built by `tests/live/peers/install`,
/// checks them, and what it copies into a file of its own making is what was written.
#[test]
#[cfg_attr(not(feature = "live"), ignore = "needs real bbolt")]
fn bbolt_finds_nothing_wrong() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let variable = |name| std::env::var_os(name).map(std::path::PathBuf::from);
    let peers = variable("ETCDSNAP_PEERS")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("etcdsnap-peers")))
        .or_else(|| Some(variable("HOME")?.join(".cache/etcdsnap-peers")))
        .unwrap();
    let bbolt = |args: &[&std::ffi::OsStr]| {
        let ran = std::process::Command::new(peers.join("bbolt"))
            .args(args)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
        (
            ran.status.success(),
            String::from_utf8_lossy(&ran.stdout).into_owned() + &errors,
        )
    };
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("db"), dir.path().join("copy"));
    let mut runner = TestRunner::deterministic();
    for number in 0..cases() {
        let database = database().new_tree(&mut runner).unwrap().current();
        let layout = layout().new_tree(&mut runner).unwrap().current();
        let (bytes, _) = written(&database, layout.clone());
        std::fs::write(&path, &bytes).unwrap();
        let (done, said) = bbolt(&["check".as_ref(), path.as_ref()]);
        assert!(
            done && said.trim() == "OK",
            "database {number}, {layout:?}: {said}"
        );

        let _ = std::fs::remove_file(&copy);
        let (done, said) = bbolt(&[
            "compact".as_ref(),
            "-o".as_ref(),
            copy.as_ref(),
            path.as_ref(),
        ]);
        assert!(done, "database {number}, {layout:?}: {said}");
        let copied = std::fs::read(&copy).unwrap();
        let source = Slice(&copied);
        let reread = Database::open(&source, copied.len() as u64, SecondMeta::Search).unwrap();
        let (got, _) = scanned(&reread, 1, "bbolt's copy");
        assert!(
            got == flat(&database),
            "database {number}, {layout:?}: bbolt read something else"
        );
    }
}
