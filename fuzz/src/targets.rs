//! One function per target. Each takes any bytes and panics when a promise is broken.
#![allow(dead_code, unreachable_pub)] // Each user of this file needs another part of it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use etcdsnap::Workers;
use etcdsnap::bolt::check::bolt_messages;
use etcdsnap::bolt::layout::{
    BUCKET_HEADER, MAGIC, MAX_PAGE_SIZE, META, MIN_PAGE_SIZE, PAGE_HEADER, PageHeader, RawMeta,
    VERSION, flags,
};
use etcdsnap::bolt::{
    Cursor, CursorError, Database, Leaf, LeafTail, Metas, OpenError, PlannedBucket, SecondMeta,
    Visitor,
};
use etcdsnap::container::{FileLayout, classify, front_of_one_page, judge_length, taken_for_text};
use etcdsnap::etcd::schema::{Compaction, STANDARD_BUCKETS, StorageVersion, meta_value};
use etcdsnap::etcd::{
    BackendHash, HashKvVisitor, LiveKeys, Record, RecordError, Release, RevisionKey, hash_kv,
};
use etcdsnap::finding::{Collector, DEFAULT_LIMIT, Findings};
use etcdsnap::ids::{FileOffset, PageId};
use etcdsnap::kubernetes::secrets::encryption::{
    DecryptError, EncryptionConfig, Envelope, Stored, decrypt, is_encrypted, resource_of, standing,
};
use etcdsnap::kubernetes::secrets::redact::Redactor;
use etcdsnap::ops::examine;
use etcdsnap::options::Options;
use etcdsnap::sentence::sentence;
use etcdsnap::source::{Positioned, Slice, Source, WindowBuffer};

use crate::draft::{Draft, Item, record as put_record, revision_key};

/// A target: what it does with bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 11] = [
    ("classification", classification),
    ("meta", meta),
    ("page", page),
    ("cursor", cursor),
    ("record", record),
    ("verify", verify),
    ("encryption", encryption),
    ("kubernetes", crate::objects::kubernetes),
    ("wal", crate::raft::wal),
    ("raft_snapshot", crate::raft::raft_snapshot),
    ("secrets", crate::secrets::secrets),
];

/// No walk through a small file takes more moves than this.
const STEPS: usize = 20_000;

/// What a file is: it gets a name, a length and a digest, whatever it holds.
pub fn classification(data: &[u8]) {
    let source = Slice(data);
    let layout = FileLayout::read(&source).expect("memory can be read");
    assert!(layout.database_len <= layout.file_len);
    for second in [SecondMeta::Search, SecondMeta::At(4096)] {
        let metas = Metas::read(&source, second).expect("memory can be read");
        front_of_one_page(&source, &metas).expect("memory can be read");
        match metas.select() {
            Ok(selected) => {
                let meta = selected.meta;
                let expected = meta.database_len().unwrap_or(u64::MAX);
                for digest_fits in [None, Some(false), Some(true)] {
                    judge_length(&layout, expected, meta.page_size, digest_fits);
                }
            }
            Err(fault) => {
                for is_part in [false, true] {
                    let kind =
                        classify(&source, &metas, fault, is_part).expect("memory can be read");
                    assert!(!kind.describe().is_empty() && !kind.next_step().is_empty());
                }
            }
        }
    }
    taken_for_text(&source).expect("memory can be read");
}

/// The choice between two metas: by nothing but a valid one, and by the newer one.
pub fn meta(data: &[u8]) {
    for bytes in [data.to_vec(), resealed(data)] {
        let source = Slice(&bytes);
        let metas = Metas::read(&source, SecondMeta::Search).expect("memory can be read");
        let valid: Vec<_> = metas
            .both()
            .into_iter()
            .filter_map(|meta| meta.validate().ok())
            .collect();
        match metas.select() {
            Ok(selected) => {
                let newest = valid.iter().map(|meta| meta.txid).max();
                assert_eq!(Some(selected.meta.txid), newest);
                assert!(valid.contains(&selected.meta));
            }
            Err(_) => assert!(valid.is_empty()),
        }
        for meta in metas.both() {
            meta.is_big_endian();
            if let Some(raw) = meta.raw {
                assert_eq!(RawMeta::decode(&raw.encode()), Some(raw));
            }
        }
        if let Some(header) = PageHeader::decode(&bytes) {
            assert_eq!(header.encode(), bytes[..PAGE_HEADER]);
        }
    }
}

/// One page in an otherwise sound file: as leaf or branch of the root bucket, of a bucket or inside
/// one, or as freelist. The first byte says which, and whether the page's header is put right.
pub fn page(data: &[u8]) {
    let Some((how, image)) = data.split_first() else {
        return;
    };
    let image = image.get(..1 << 16).unwrap_or(image);
    let page_size = 1024;
    let mut draft = Draft::new(page_size);
    let (mut root, mut freelist) = (2, etcdsnap::bolt::layout::NO_FREELIST);
    let entry = |n: u8| Item::entry(&revision_key(u64::from(n), 0), &put_record(b"a", n, b"v"));
    draft.leaf(3, &[entry(2), entry(3)]);
    draft.leaf(4, &[entry(4)]);
    let at = 5;
    match how & 7 {
        0 => root = at,
        1 => draft.root(2, &[Item::bucket(b"key", at)]),
        2 => draft.root(2, &[Item::bucket(b"meta", at), Item::bucket(b"key", 3)]),
        3 => {
            freelist = at;
            draft.root(2, &[Item::bucket(b"key", 3)]);
        }
        4 => {
            let mut inline = Item::bucket(b"key", 0);
            inline.value.extend_from_slice(image);
            draft.root(2, &[inline]);
        }
        5 => {
            let children = [(revision_key(2, 0), 3), (revision_key(7, 0), at)];
            draft.branch(6, &children);
            draft.root(2, &[Item::bucket(b"key", 6)]);
        }
        _ => {
            draft.root(2, &[Item::bucket(b"key", at), Item::bucket(b"other", at)]);
        }
    }
    // Overlong images would hide what is behind them.
    let held = image.get(..page_size as usize).unwrap_or(image);
    if how & 7 == 5 {
        draft.put(at, held);
    } else {
        let end = draft.end().max(at);
        draft.put(at, if end > at + 1 { held } else { image });
    }
    if how & 8 == 0 {
        draft.edit_header(at, |header| {
            header.id = PageId(at);
            header.flags = match how & 7 {
                3 => flags::FREELIST,
                _ if how & 16 == 0 => flags::LEAF,
                _ => flags::BRANCH,
            };
        });
    }
    let end = draft.end();
    draft.metas_with(root, freelist, end);
    whole(draft.bytes());
}

/// Every cursor of a file, forwards, backwards and by search. What is found by going on is found by
/// going back and by searching as long as the keys ascend.
pub fn cursor(data: &[u8]) {
    for bytes in [data.to_vec(), resealed(data)] {
        let source = Slice(&bytes);
        let database = match Database::open(&source, source.len(), SecondMeta::Search) {
            Ok(database) => database,
            Err(OpenError::NoMeta(..)) => continue,
            Err(OpenError::Read(error)) => panic!("memory can be read: {error}"),
        };
        walk(|| database.root());
        for name in STANDARD_BUCKETS {
            if let Some(Some(bucket)) = unless_damaged(database.bucket(name)) {
                walk(|| database.cursor(&bucket));
            }
        }
        for key in [StorageVersion::KEY, Compaction::FINISHED_KEY] {
            unless_damaged(meta_value(&database, key));
        }
    }
}

/// What was found; nothing on a damaged way.
fn unless_damaged<T>(outcome: Result<T, CursorError>) -> Option<T> {
    match outcome {
        Ok(found) => Some(found),
        Err(CursorError::Damaged(_)) => None,
        Err(CursorError::Read(error)) => panic!("memory can be read: {error}"),
    }
}

fn walk<'s>(start: impl Fn() -> Cursor<'s>) {
    let mut cursor = start();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut step = unless_damaged(cursor.first());
    let mut is_whole = loop {
        match step {
            Some(Some(entry)) => keys.push(entry.key.to_vec()),
            Some(None) => break true,
            None => break false,
        }
        if keys.len() >= STEPS {
            break false;
        }
        cursor.place();
        step = unless_damaged(cursor.next());
    };
    let mut back = start();
    let mut backwards = Vec::new();
    let mut step = unless_damaged(back.last());
    loop {
        match step {
            Some(Some(entry)) => backwards.push(entry.key.to_vec()),
            Some(None) => break,
            None => {
                is_whole = false;
                break;
            }
        }
        if backwards.len() >= STEPS {
            is_whole = false;
            break;
        }
        step = unless_damaged(back.prev());
    }
    if is_whole {
        backwards.reverse();
        assert_eq!(keys, backwards, "forwards and backwards differ");
    }
    for wanted in keys
        .iter()
        .take(64)
        .map(Vec::as_slice)
        .chain([&b""[..], b"key", &[0xff; 40]])
    {
        unless_damaged(start().seek(wanted));
    }
}

/// Keys, records and the entries of the small buckets.
pub fn record(data: &[u8]) {
    let _ = RevisionKey::parse(data);
    let _ = Record::decode(data);
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    for cut in [0, usize::from(*how), rest.len() / 2] {
        let cut = cut.min(data.len());
        long_record(data, cut).ok();
    }
    // A record as etcd writes it decodes the same whole and in part.
    let (key, value) = rest.split_at(rest.len().min(usize::from(how & 31)));
    let written = put_record(key, 7, value);
    let decoded_whole = Record::decode(&written).expect("what is written decodes");
    assert_eq!((decoded_whole.key, decoded_whole.value), (key, value));
    let head = written.len() - value.len();
    for cut in [head, head + value.len() / 2, written.len()] {
        let (version, value_len) = long_record(&written, cut).expect("what is written decodes");
        assert_eq!((version, value_len), (1, value.len() as u64));
    }
    // The same bytes as an entry of a small bucket.
    let name = STANDARD_BUCKETS[usize::from(*how) % STANDARD_BUCKETS.len()];
    let (key, value) = rest.split_at(rest.len().min(match how >> 5 {
        0 => 8,
        1 => 17,
        2 => 4,
        3 => 16,
        4 => 1,
        5 => 18,
        6 => 12,
        _ => 32,
    }));
    let key: &[u8] = match (name, how >> 5) {
        (b"meta", 0) => b"confState",
        (b"meta", 1) => b"storageVersion",
        (b"cluster", 0) => b"clusterVersion",
        (b"cluster", 1) => b"downgrade",
        (b"auth", 0) => b"authRevision",
        _ => key,
    };
    let mut draft = Draft::new(1024);
    draft.root(2, &[Item::bucket(name, 3)]);
    draft.leaf(3, &[Item::entry(key, value)]);
    draft.metas(2);
    whole(draft.bytes());
}

fn long_record(bytes: &[u8], cut: usize) -> Result<(i64, u64), RecordError> {
    let source = Slice(bytes);
    let tail = LeafTail {
        source: &source,
        offset: FileOffset(cut as u64),
        len: (bytes.len() - cut) as u64,
    };
    let mut buffer = WindowBuffer::new();
    let record = Record::decode_long(&bytes[..cut], &tail, &mut buffer)
        .expect("memory can be read")
        .ok_or(RecordError)?;
    Ok((record.version, record.value_len))
}

/// A whole file, as it is and with its metas put right.
pub fn verify(data: &[u8]) {
    whole(data);
    let sealed = resealed(data);
    if sealed != data {
        whole(&sealed);
    }
}

/// Everything that can be asked of a file. Two threads answer as one does, and positioned reads as
/// memory does; the bytes themselves choose which of it is compared, and for which release.
pub fn whole(bytes: &[u8]) {
    let chosen = etcdsnap::checksum::fnv1a_64(bytes);
    let release = Release::ALL[(chosen >> 8) as usize % Release::ALL.len()];
    let source = Slice(bytes);
    let one = answers(&source, release, workers(1));
    if chosen & 1 == 0 {
        let two = answers(&source, release, workers(2));
        assert_eq!(one, two, "threads differ");
        return;
    }
    FILE.with_borrow_mut(|file| {
        let len = bytes.len() as u64;
        file.set_len(0).expect("the file can be cut");
        file.write_all_at(bytes, 0)
            .expect("the file can be written");
        let file = file.try_clone().expect("the file can be shared");
        let positioned = Positioned::new(file, len);
        let other = answers(&positioned, release, workers(1));
        assert_eq!(one, other, "sources differ");
    });
}

thread_local! {
    static FILE: RefCell<File> = RefCell::new(tempfile::tempfile().expect("a file"));
}

fn workers(threads: usize) -> &'static Workers {
    static ONE: OnceLock<Workers> = OnceLock::new();
    static TWO: OnceLock<Workers> = OnceLock::new();
    let cell = if threads == 1 { &ONE } else { &TWO };
    cell.get_or_init(|| {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        Workers::new(threads).expect("threads start")
    })
}

fn answers(source: &dyn Source, release: Release, workers: &Workers) -> String {
    let mut out = String::new();
    let layout = FileLayout::read(source).expect("memory can be read");
    let opened = Database::open(source, layout.database_len, release.second_meta());
    match opened {
        Ok(database) => ask(&database, release, workers, &mut out),
        Err(OpenError::NoMeta(metas, error)) => {
            let kind = classify(source, &metas, error, false).expect("memory can be read");
            let _ = writeln!(out, "{error:?} {kind:?}");
        }
        Err(OpenError::Read(error)) => panic!("memory can be read: {error}"),
    }
    out
}

fn ask(database: &Database<'_>, release: Release, workers: &Workers, out: &mut String) {
    let options = Options::default();
    let mut findings = Collector::new(DEFAULT_LIMIT);
    let seen = examine(database, &(), workers, &options, &mut findings);
    let (seen, _) = seen.expect("memory can be read");
    let _ = writeln!(
        out,
        "{:?}\n{:?}\n{:?}\n{:08x}\n{:?}\n{:?}",
        seen.pages, seen.census, seen.buckets, seen.hash, seen.records, seen.contents
    );
    let held = seen.geometry.pages_in_file.min(seen.geometry.high_water.0);
    let used = seen.pages.branch + seen.pages.leaf + seen.pages.overflow + seen.pages.freelist;
    assert!(used <= held, "{used} pages in use of {held}");
    list(&findings.finish(), out);

    let compaction = unless_damaged(Compaction::read(database)).unwrap_or_default();
    let live = LiveKeys::new(release, None);
    let hash = HashKvVisitor::new(0, &compaction, release, None);
    let mut findings = Collector::new(DEFAULT_LIMIT);
    let visitor = ((BackendHash, live), (hash, Once));
    let scanned = database
        .scan(&visitor, workers, &options, &mut findings)
        .expect("memory can be read");
    let (mut hashes, mut lives, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let mut lent = Vec::new();
    for ((hash, live), (key, once)) in scanned.scan.locals {
        hashes.push(hash);
        lives.push(live);
        keys.push(key);
        lent.extend(once);
    }
    lent.sort_unstable();
    for (one, two) in lent.iter().zip(lent.iter().skip(1)) {
        assert!(one.1 <= two.0, "bytes {one:?} and {two:?} are lent twice");
    }
    let (hash, totals) = BackendHash::join(&scanned.plan, hashes, workers).expect("threads work");
    assert_eq!(hash, seen.hash);
    let live = LiveKeys::join(lives, workers).expect("threads work");
    let _ = writeln!(out, "{totals:?}\n{live:?}");
    let ((_, _), (visitor, _)) = &visitor;
    let _ = match hash_kv(visitor, keys, &compaction, release, workers) {
        Ok(hash) => writeln!(out, "{hash:?}"),
        Err(error) => writeln!(out, "{error}"),
    };
    if findings.has_errors() {
        let style = release.message_style();
        let messages = bolt_messages(database, style, &options).expect("memory can be read");
        let _ = writeln!(out, "{messages:?}");
    }
    list(&findings.finish(), out);
}

fn list(findings: &Findings, out: &mut String) {
    for count in &findings.counts {
        let _ = writeln!(out, "{} {}", count.code.id, count.count);
    }
    for finding in &findings.list {
        let _ = writeln!(
            out,
            "{} {:?} {}",
            finding.code.id,
            finding.place,
            sentence(finding)
        );
    }
}

/// Notes which bytes of the file were lent as keys and values. Buckets are passed over: their values are
/// lent again as leaves when they are inline.
#[derive(Debug)]
struct Once;

impl Visitor for Once {
    type Local = Vec<(u64, u64)>;

    fn start(&self) -> Self::Local {
        Vec::new()
    }

    fn leaf(
        &self,
        local: &mut Self::Local,
        _: &PlannedBucket,
        leaf: &Leaf<'_>,
    ) -> etcdsnap::Result<()> {
        for element in leaf.elements.iter().filter(|element| !element.is_bucket) {
            let start = leaf.key_offset(element).0;
            let len = leaf.key(element).len() + leaf.value(element).len();
            local.push((start, start + len as u64));
        }
        Ok(())
    }
}

/// The file with both metas made valid: magic, version, page size where it is none, checksum.
pub fn resealed(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let Some(page_size) = seal(&mut bytes, 0) else {
        return bytes;
    };
    seal(&mut bytes, page_size as usize);
    bytes
}

fn seal(bytes: &mut [u8], page: usize) -> Option<u32> {
    let at = page + PAGE_HEADER;
    let mut raw = RawMeta::decode(bytes.get(at..)?)?;
    raw.magic = MAGIC;
    raw.version = VERSION;
    if !raw.page_size.is_power_of_two() || !(MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&raw.page_size)
    {
        raw.page_size = MIN_PAGE_SIZE << (raw.page_size % 4);
    }
    bytes
        .get_mut(at..at + META)?
        .copy_from_slice(&raw.sealed().encode());
    Some(raw.page_size)
}

/// Every provider that needs no plugin, with keys of all lengths.
const ENCRYPTION: &str = r#"{"kind": "EncryptionConfig", "apiVersion": "v1", "resources": [
    {"resources": ["secrets"], "providers": [
        {"aescbc": {"keys": [{"name": "k", "secret": "MDEyMzQ1Njc4OWFiY2RlZg=="},
            {"name": "k:2", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}]}},
        {"aesgcm": {"keys": [{"name": "k", "secret": "MDEyMzQ1Njc4OWFiY2RlZg=="}]}},
        {"identity": {}}]},
    {"resources": ["*.*"], "providers": [
        {"secretbox": {"keys": [{"name": "k", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}]}},
        {"kms": {"name": "k", "apiVersion": "v2"}}]}]}"#;

/// A configuration, or a value with the key in front of it: the first byte says which.
pub fn encryption(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    let fixed = || EncryptionConfig::read(ENCRYPTION.as_bytes()).expect("a sound configuration");
    let value: &[u8] = b"k8s:enc:aescbc:v1:k:0123456789abcdef0123456789abcdef";
    let (config, key, value) = if how & 1 == 0 {
        match EncryptionConfig::read(rest) {
            Ok(config) => (config, &b"/registry/secrets/a/b"[..], value),
            Err(fault) => {
                let text = fault.to_string();
                assert!(!text.is_empty() && !text.chars().any(char::is_control));
                return;
            }
        }
    } else {
        let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        let (key, value) = rest.split_at(end);
        (fixed(), key, value.get(1..).unwrap_or_default())
    };
    let guessed = resource_of(key);
    for resource in [None, Some("secrets"), guessed.as_deref()] {
        match decrypt(key, value, &config, resource) {
            Ok(plain) => assert!(plain.len() <= value.len()),
            Err(fault) => {
                assert!(is_encrypted(value));
                assert!(!fault.to_string().chars().any(char::is_control));
                let envelope = Envelope::parse(value).expect("an encrypted value");
                let is_taken_apart = matches!(
                    fault,
                    DecryptError::NoKey { .. }
                        | DecryptError::WrongKey { .. }
                        | DecryptError::Kms { .. }
                );
                assert!(!is_taken_apart || envelope.is_ok());
            }
        }
    }
    if let Ok(stored) = Stored::of(value) {
        standing(guessed.as_deref().unwrap_or("secrets"), stored, &config);
    }
    let redactor = Redactor::with_key(b"key");
    let shown = redactor.redact_bytes(key, value, None);
    assert_eq!(shown, redactor.redact_bytes(key, value, None));
    if let Ok(mut object) = serde_json::from_slice(value) {
        redactor.redact_object(&mut object);
    }
}

const _: () = assert!(BUCKET_HEADER == PAGE_HEADER);
