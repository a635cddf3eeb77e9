//! What is said of files that were cut, added to, or are something else. All of them lie in memory.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::status::StatusOutcome;
use crate::bolt::{Metas, SecondMeta};
use crate::checksum::Sha256Stream;
use crate::container::{FileKind, SavedMetas, saved_metas};
use crate::error::{Error, Result};
use crate::etcd::Release;
use crate::finding::Severity;
use crate::ids::FileOffset;
use crate::ops::examine::{
    HashKvOutcome, Readable, Standing, Verdict, VerifyOptions, VerifyReport, hashkv, info, status,
    verify,
};
use crate::ops::input::Input;
use crate::ops::session::Session;
use crate::options::Options;
use crate::sentence::sentence;
use crate::source::{OpenFile, Slice, Source};

const PAGE: usize = 4096;
const TRAILER: usize = 32;
/// In the first the metas tell that it is a snapshot, in the second they may be a database's as well.
const SNAPSHOTS: [&str; 2] = ["etcd-3.6.14-a.db", "etcd-3.4.23-b.db"];

#[derive(Debug)]
struct Memory(Vec<u8>);

impl Source for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        Slice(&self.0).read_exact_at(offset, into)
    }
}

/// Zeros without end, and how many of them were read.
#[derive(Debug, Default)]
struct Zeros {
    read: AtomicU64,
}

impl Source for &'static Zeros {
    fn len(&self) -> u64 {
        1 << 40
    }

    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    fn read_exact_at(&self, _: FileOffset, into: &mut [u8]) -> Result<()> {
        into.fill(0);
        self.read.fetch_add(into.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn input_of(source: Box<dyn Source + Send>) -> Input<'static> {
    let file = OpenFile::of_source(&root().join("Cargo.toml"), source);
    Input::of_file(file).unwrap()
}

fn report_of(bytes: Vec<u8>) -> VerifyReport {
    let input = input_of(Box::new(Memory(bytes)));
    verify(&input, VerifyOptions::default(), &Options::default()).unwrap()
}

fn snapshot(name: &str) -> Vec<u8> {
    std::fs::read(root().join("testdata/real").join(name)).unwrap()
}

fn codes(report: &VerifyReport) -> Vec<&'static str> {
    let counts = report.findings.counts.iter();
    counts.map(|count| count.code.id).collect()
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn of_a_tebibyte_of_zeros_only_the_beginning_is_read() {
    let zeros: &'static Zeros = Box::leak(Box::default());
    let input = input_of(Box::new(zeros));
    let options = Options::default();
    let report = verify(&input, VerifyOptions::default(), &options).unwrap();
    assert_eq!(report.verdict, Verdict::NotASnapshot);
    assert_eq!(report.kind, Some(FileKind::Zeros));
    assert_eq!(report.file_sha256, None);
    assert!(info(&input, &options).unwrap().inside.is_err());
    let status = status(&input, Release::default(), &options).unwrap();
    assert!(matches!(status, StatusOutcome::Refused(_)));
    let dir = tempfile::tempdir().unwrap();
    crate::ops::make::add_trailer(&input, &dir.path().join("out"), &options).unwrap_err();
    let read = zeros.read.load(Ordering::Relaxed);
    assert!(read < 32 << 20, "{read} bytes were read");
}

#[test]
fn a_snapshot_that_was_cut_is_never_called_anything_else() {
    let mut numbers = Numbers(1);
    for (name, is_certain) in SNAPSHOTS.into_iter().zip([true, true]) {
        let whole = snapshot(name);
        let database = whole.len() - TRAILER;
        let is_certain = is_certain && name == SNAPSHOTS[0];
        let mut lengths: Vec<usize> = (0..60).map(|_| numbers.below(whole.len())).collect();
        lengths.extend((2..8).map(|pages| pages * PAGE));
        lengths.extend((1..=40).map(|back| whole.len() - back));
        for len in lengths.into_iter().filter(|len| *len >= 3 * PAGE) {
            let report = report_of(whole[..len].to_vec());
            let missing = whole.len() - len;
            let what = format!("{name} {len}: {:?} {}", report.kind, report.reason);
            if len == database {
                assert_eq!(report.verdict, Verdict::NoTrailer, "{what}");
                assert_eq!(report.reason.contains("lost its end"), is_certain, "{what}");
                continue;
            }
            assert_eq!(report.verdict, Verdict::Damaged, "{what}");
            if len > database {
                assert_eq!(report.kind, Some(FileKind::CutSnapshot), "{what}");
                assert!(report.reason.contains(&format!("{missing} byte")), "{what}");
                continue;
            }
            match report.kind {
                Some(FileKind::CutSnapshot) if is_certain => {
                    assert!(
                        report.reason.contains(&format!("{missing} bytes")),
                        "{what}"
                    );
                }
                Some(FileKind::BytesMissing) => {
                    let of_database = if len % 512 == TRAILER {
                        database - (len - TRAILER)
                    } else {
                        database - len
                    };
                    assert!(
                        report.reason.contains(&format!("{of_database} byte")),
                        "{what}"
                    );
                }
                _ => panic!("{what}"),
            }
            // Where the end is missing, the last bytes are not a SHA-256 to be held against anything.
            assert!(!codes(&report).contains(&"F001"), "{what}");
        }
    }
}

#[test]
fn a_block_that_is_missing_is_named_with_its_size_or_not_at_all() {
    let mut numbers = Numbers(2);
    let mut named = 0;
    for name in SNAPSHOTS {
        let whole = snapshot(name);
        for round in 0..60 {
            let size = match round % 3 {
                0 => PAGE * (1 + numbers.below(8)),
                1 => 1 << 15,
                _ => 1 + numbers.below(20_000),
            };
            let at = 2 * PAGE + numbers.below(whole.len() - size - 3 * PAGE);
            let mut bytes = whole.clone();
            bytes.drain(at..at + size);
            let report = report_of(bytes);
            let what = format!("{name} {at} {size}: {:?} {}", report.kind, report.reason);
            match report.kind {
                Some(FileKind::BlockMissing) => {
                    assert!(
                        report
                            .reason
                            .starts_with(&format!("{size} bytes are missing")),
                        "{what}"
                    );
                    named += 1;
                }
                // Behind the block no page begins, or only what nothing refers to.
                Some(FileKind::BytesMissing | FileKind::CutSnapshot) => {
                    assert!(report.reason.contains(" bytes "), "{what}");
                    assert!(at + size > whole.len() / 2, "{what}");
                }
                _ => panic!("{what}"),
            }
            assert_ne!(report.verdict, Verdict::Ok, "{what}");
        }
    }
    assert!(named >= 100, "{named}");
}

#[test]
fn a_block_that_stands_there_twice_is_named_and_the_rest_is_proven() {
    let mut numbers = Numbers(3);
    let mut proven = 0;
    for name in SNAPSHOTS {
        let whole = snapshot(name);
        for round in 0..40 {
            let size = match round % 3 {
                0 => PAGE * (1 + numbers.below(8)),
                1 => 1 << 15,
                _ => 64 + numbers.below(20_000),
            };
            let at = 2 * PAGE + numbers.below(whole.len() - size - 3 * PAGE);
            let mut bytes = whole[..at + size].to_vec();
            bytes.extend(&whole[at..]);
            let report = report_of(bytes);
            let what = format!("{name} {at} {size}: {:?} {}", report.kind, report.reason);
            assert_eq!(report.verdict, Verdict::Damaged, "{what}");
            match report.kind {
                Some(FileKind::BlockAdded) => {
                    assert!(report.reason.contains(&format!("{size} bytes")), "{what}");
                    proven += usize::from(report.ledger[0].proven);
                }
                None => assert!(at + size > whole.len() / 2, "{what}"),
                _ => panic!("{what}"),
            }
        }
    }
    assert!(proven >= 70, "{proven}");
}

#[test]
fn bytes_in_front_and_behind_a_whole_snapshot_are_counted() {
    let whole = snapshot(SNAPSHOTS[0]);
    let log: &[u8] = b"{\"level\":\"info\",\"msg\":\"created temporary db file\"}\n";
    let lots = vec![b'-'; 70_000];
    for front in [&b""[..], b"\n", log, &lots] {
        for behind in [
            &b""[..],
            b"\n",
            &whole[whole.len() - TRAILER..],
            &[0; PAGE],
            &lots,
        ] {
            let report = report_of([front, &whole, behind].concat());
            let what = format!("{} {}: {}", front.len(), behind.len(), report.reason);
            let kind = match (front.len(), behind.len()) {
                (0, 0) => None,
                (0, _) => Some(FileKind::BytesBehind),
                (bytes, _) => Some(FileKind::BytesInFront {
                    bytes: bytes as u64,
                }),
            };
            assert_eq!(report.kind, kind, "{what}");
            let expected = match kind {
                None => vec!["E043"],
                Some(FileKind::BytesBehind) => vec!["F006", "E043"],
                _ => vec!["F005"],
            };
            let found: Vec<&str> = codes(&report)
                .into_iter()
                .filter(|code| code.starts_with('F') || expected.contains(code))
                .collect();
            let expected: Vec<&str> = expected.into_iter().filter(|c| found.contains(c)).collect();
            assert_eq!(found, expected, "{what}");
            if kind.is_some() {
                assert_eq!(report.verdict, Verdict::Damaged, "{what}");
                assert!(report.reason.contains("its SHA-256 matches"), "{what}");
            }
            if !front.is_empty() {
                let tail = format!("tail -c +{} FILE", front.len() + 1);
                assert!(report.next_step.contains(&tail), "{}", report.next_step);
            }
            if !behind.is_empty() {
                let head = format!("head -c {}", whole.len());
                assert!(report.next_step.contains(&head), "{}", report.next_step);
            }
        }
    }
    // What is behind the SHA-256 is too much, not the SHA-256.
    let report = report_of([&whole[..], b"\n"].concat());
    assert_eq!(report.ledger[1].detail, "1 byte too many");
    let twice = [&whole[..], &whole[whole.len() - TRAILER..]].concat();
    assert!(report_of(twice).reason.contains("the SHA-256 once more"));
    // What stands behind is not a second chance for a snapshot that is not whole.
    let mut changed = [&whole[..], b"\n"].concat();
    changed[PAGE * 20] ^= 1;
    assert_ne!(report_of(changed).kind, Some(FileKind::BytesBehind));
}

#[test]
fn unused_bytes_that_the_sha_256_covers_are_no_damage() {
    for name in SNAPSHOTS {
        let whole = snapshot(name);
        let database = &whole[..whole.len() - TRAILER];
        for slack in [PAGE, 3 * PAGE, 512] {
            let long = [database, &vec![0; slack]].concat();
            let sealed = [&long[..], &sha256(&long)].concat();
            let report = report_of(sealed.clone());
            assert_eq!(report.verdict, Verdict::Ok, "{name}: {}", report.reason);
            assert!(codes(&report).contains(&"F004"), "{:?}", codes(&report));
            assert!(report.ledger[1].proven, "{}", report.ledger[1].detail);
            // The bytes are covered, and one that was changed shows.
            let mut changed = sealed;
            changed[database.len() + 7] ^= 1;
            let report = report_of(changed);
            assert_eq!(report.verdict, Verdict::Damaged, "{name} {slack}");
        }
    }
}

#[test]
fn exactly_one_page_in_front_of_a_whole_snapshot_is_told_as_bytes_in_front() {
    for name in SNAPSHOTS {
        let whole = snapshot(name);
        for page in [&[b'x'; PAGE], &[0; PAGE]] {
            let report = report_of([&page[..], &whole].concat());
            let expected = FileKind::BytesInFront { bytes: 4096 };
            assert_eq!(report.kind, Some(expected), "{}", report.reason);
            assert_eq!(codes(&report), ["F005"]);
            assert!(report.reason.contains("its SHA-256 matches"), "{name}");
            assert!(report.next_step.contains("tail -c +4097 FILE"), "{name}");
        }
        // A damaged meta 0 and a meta 1 that calls itself page 0 are still in their places.
        let mut bytes = whole;
        bytes[20] ^= 1;
        bytes[PAGE] = 0;
        let kind = report_of(bytes).kind;
        assert!(
            !matches!(kind, Some(FileKind::BytesInFront { .. })),
            "{kind:?}"
        );
    }
}

#[test]
fn one_page_of_any_size_in_front_of_a_database_is_told() {
    for shift in 10..=16u32 {
        let size = 1usize << shift;
        let metas = Metas::read(&Slice(&snapshot(SNAPSHOTS[0])), SecondMeta::Search).unwrap();
        let mut database = vec![0; 4 * size];
        for page in [0usize, 1] {
            let mut raw = metas.zero.raw.unwrap();
            raw.page_size = size as u32;
            raw.root.0 = 3;
            raw.high_water.0 = 4;
            raw.txid.0 = page as u64;
            let at = page * size;
            database[at] = page as u8;
            database[at + 8] = 4;
            database[at + 16..at + 80].copy_from_slice(&raw.sealed().encode());
        }
        database[3 * size] = 3;
        database[3 * size + 8] = 2;
        for lost_second in [false, true] {
            let mut database = database.clone();
            database[size + 20] ^= u8::from(lost_second);
            let report = report_of([vec![0; size], database].concat());
            let expected = FileKind::BytesInFront { bytes: size as u64 };
            assert_eq!(report.kind, Some(expected), "{size}: {}", report.reason);
        }
    }
}

#[test]
fn a_file_longer_than_its_database_is_not_said_to_have_lost_its_end() {
    let whole = snapshot(SNAPSHOTS[0]);
    let end = whole.len() - TRAILER;
    // In the last page, which nothing refers to.
    let added = [&whole[..end - 100], &[7; 1000], &whole[end - 100..]].concat();
    let followed = [&whole[..end], &[7; 3 * PAGE]].concat();
    for bytes in [added, followed] {
        let report = report_of(bytes);
        let said = report.findings.list.iter().map(sentence);
        let said: Vec<String> = said.chain([report.reason.clone()]).collect();
        assert!(codes(&report).contains(&"F002"), "{said:?}");
        assert!(
            said.iter().all(|text| !text.contains("lost its end")),
            "{said:?}"
        );
    }
}

#[test]
fn bytes_between_a_database_and_its_sha_256_are_told_and_the_rest_is_proven() {
    for name in SNAPSHOTS {
        let whole = snapshot(name);
        let (database, trailer) = whole.split_at(whole.len() - TRAILER);
        // Of the last but one the whole file has the length of a database with unused pages.
        for extra in [1, 32, 512, 1000, PAGE - TRAILER, 2 * PAGE] {
            let report = report_of([database, &vec![0; extra], trailer].concat());
            let what = format!("{name} {extra}: {}", report.reason);
            assert_eq!(report.verdict, Verdict::Damaged, "{what}");
            assert_eq!(report.kind, Some(FileKind::BlockAdded), "{what}");
            assert!(report.ledger[0].proven, "{what}");
            let found = codes(&report);
            let damage: Vec<_> = found.iter().filter(|code| code.starts_with('F')).collect();
            assert_eq!(damage, [&"F008"], "{what}");
            let head = format!("(head -c {} FILE; tail -c 32 FILE)", database.len());
            assert!(report.next_step.contains(&head), "{}", report.next_step);
        }
    }
}

#[test]
fn bytes_lost_before_an_intact_sha_256_are_not_called_a_lost_end() {
    let whole = snapshot(SNAPSHOTS[0]);
    let end = whole.len() - TRAILER;
    for lost in [1, 700, 1000] {
        let mut bytes = whole.clone();
        bytes.drain(end - 100 - lost..end - 100);
        let report = report_of(bytes);
        let what = format!("{lost}: {:?} {}", report.kind, report.reason);
        // Of less than a SHA-256 it is not known that anything is missing.
        if lost > TRAILER {
            assert_eq!(report.kind, Some(FileKind::BytesMissing), "{what}");
            assert!(report.reason.starts_with(&format!("{lost} byte")), "{what}");
        }
        assert!(!report.reason.contains("cut off"), "{what}");
        let mut said = report.findings.list.iter().map(sentence);
        assert!(said.all(|text| !text.contains("lost its end")), "{what}");
    }
}

#[test]
fn one_byte_that_is_there_twice_is_told_in_the_singular() {
    let whole = snapshot(SNAPSHOTS[0]);
    let at = 20 * PAGE + 5;
    let report = report_of([&whole[..at], &whole[at - 1..]].concat());
    assert_eq!(report.kind, Some(FileKind::BlockAdded), "{}", report.reason);
    assert!(
        report.reason.starts_with("the byte at offset"),
        "{}",
        report.reason
    );
    let mut raw = whole[..whole.len() - TRAILER].to_vec();
    raw.resize(raw.len() + PAGE, 0);
    let report = report_of(raw);
    let mut said = report.findings.list.iter().map(sentence);
    assert!(said.any(|text| text == "1 page after the high-water mark"));
}

#[test]
fn bytes_written_as_utf_8_are_not_called_converted_line_ends() {
    let whole = snapshot(SNAPSHOTS[0]);
    let latin: String = whole.iter().map(|byte| char::from(*byte)).collect();
    let replaced = String::from_utf8_lossy(&whole).into_owned();
    for text in [latin, replaced] {
        let report = report_of(text.into_bytes());
        assert_eq!(report.kind, Some(FileKind::ReEncoded), "{}", report.reason);
        assert!(
            report.reason.contains("re-encoded as UTF-8"),
            "{}",
            report.reason
        );
    }
    let mut bytes = Vec::new();
    for byte in whole {
        if byte == b'\n' {
            bytes.push(b'\r');
        }
        bytes.push(byte);
    }
    assert_eq!(report_of(bytes).kind, Some(FileKind::LineEnds));
}

#[test]
fn a_lost_beginning_is_counted() {
    let whole = snapshot(SNAPSHOTS[0]);
    for lost in [
        1,
        16,
        17,
        100,
        PAGE,
        PAGE + 1,
        5_000,
        2 * PAGE,
        3 * PAGE + 7,
        100_000,
    ] {
        let report = report_of(whole[lost..].to_vec());
        let what = format!("{lost}: {:?} {}", report.kind, report.reason);
        assert_eq!(report.verdict, Verdict::Damaged, "{what}");
        assert!(
            matches!(
                report.kind,
                Some(FileKind::FrontMissing { .. } | FileKind::BlockMissing)
            ),
            "{what}"
        );
        assert!(report.reason.contains(&format!("{lost} byte")), "{what}");
    }
}

/// A snapshot after a tool committed this many empty transactions to it.
fn committed(whole: &[u8], commits: u64) -> Vec<u8> {
    let metas = Metas::read(&Slice(whole), SecondMeta::Search).unwrap();
    let saved = metas.select().unwrap().meta.txid.0;
    let mut bytes = whole.to_vec();
    for txid in saved + 1..=saved + commits {
        let mut raw = metas.zero.raw.unwrap();
        raw.txid.0 = txid;
        let page = (txid % 2) as usize * PAGE;
        bytes[page + 16..page + 80].copy_from_slice(&raw.sealed().encode());
    }
    bytes
}

#[test]
fn metas_that_were_written_anew_are_told_from_changed_data() {
    for name in SNAPSHOTS {
        let whole = snapshot(name);
        for commits in 1..=4 {
            let mut bytes = committed(&whole, commits);
            let report = report_of(bytes.clone());
            assert_eq!(
                report.kind,
                Some(FileKind::MetasRewritten),
                "{name} {commits}"
            );
            assert_eq!(report.verdict, Verdict::Damaged);
            assert_eq!(codes(&report)[0], "F001");
            assert_eq!(report.findings.count(Severity::Error), 1);
            assert!(report.next_step.contains("skip_hash_check"));
            assert!(sentence(&report.findings.list[0]).contains("as saved"));
            // One changed bit of the data, and nothing is proven.
            bytes[PAGE * 30 + 500] ^= 4;
            let report = report_of(bytes);
            assert_ne!(
                report.kind,
                Some(FileKind::MetasRewritten),
                "{name} {commits}"
            );
        }
        // Damage to one meta is the same, for the other one tells what it was.
        for at in [20, PAGE + 70, 4000, PAGE + 90] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let report = report_of(bytes);
            assert_eq!(report.kind, Some(FileKind::MetasRewritten), "{name} {at}");
        }
    }
}

#[test]
fn what_was_wrong_when_it_was_saved_is_not_excused() {
    let mut database = snapshot(SNAPSHOTS[0]);
    database.truncate(database.len() - TRAILER);
    // Flags of the first element of a leaf that mean nothing.
    database[2 * PAGE + 17] = 1;
    let whole = [&database[..], &sha256(&database)].concat();
    for (bytes, kind) in [
        (committed(&whole, 2), FileKind::MetasRewritten),
        ([&whole[..], b"\n"].concat(), FileKind::BytesBehind),
    ] {
        let report = report_of(bytes);
        assert_eq!(report.kind, Some(kind));
        assert!(
            report
                .reason
                .ends_with("; and an element has unknown flags"),
            "{}",
            report.reason
        );
        assert!(
            !report.next_step.contains("skip_hash_check"),
            "{}",
            report.next_step
        );
    }
}

#[test]
fn the_metas_of_real_snapshots_are_what_is_held_to_be_saved() {
    for entry in std::fs::read_dir(root().join("testdata/real")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "db") {
            continue;
        }
        let whole = std::fs::read(&path).unwrap();
        let metas = Metas::read(&Slice(&whole), SecondMeta::Search).unwrap();
        let first: Vec<SavedMetas> = saved_metas(&metas);
        assert!(
            first.iter().any(|saved| saved.pages == whole[..2 * PAGE]),
            "{path:?}"
        );
    }
}

/// Writes `page` over the root page of a database and leaves out the SHA-256.
fn with_root_page(whole: &[u8], page: &[u8]) -> Vec<u8> {
    let metas = Metas::read(&Slice(whole), SecondMeta::Search).unwrap();
    let root = metas.select().unwrap().meta.root.0;
    let mut bytes = whole[..whole.len() - TRAILER].to_vec();
    let at = root as usize * PAGE;
    bytes[at..at + PAGE].copy_from_slice(page);
    // It was written there, so it says so.
    bytes[at..at + 8].copy_from_slice(&root.to_le_bytes());
    bytes
}

#[test]
fn nothing_is_claimed_of_a_file_whose_root_page_was_used_again() {
    let whole = snapshot(SNAPSHOTS[0]);
    let leaf = (2..80)
        .map(|page| &whole[page * PAGE..][..PAGE])
        .find(|page| page[8] == 2 && page[10] > 10 && page[12] == 0)
        .unwrap();
    let report = report_of(with_root_page(&whole, leaf));
    assert_eq!(report.verdict, Verdict::Damaged);
    assert_eq!(report.kind, Some(FileKind::TornCopy));
    assert!(codes(&report).contains(&"F009"));
    let examined = report.examination.as_deref().unwrap();
    assert!(examined.losses.nothing_is_reached());
    assert_eq!(examined.keys_readable(), Readable::Nothing);
    assert_eq!(examined.revision(), None);
    let proven = |report: &VerifyReport| -> Vec<&'static str> {
        let lines = report.ledger.iter();
        lines
            .filter(|line| report.standing(line) == Standing::Proven)
            .map(|line| line.proof.name())
            .collect()
    };
    assert_eq!(proven(&report), ["length", "metas"]);
    // No empty answer to what is asked about keys, for that would be a claim.
    let input = input_of(Box::new(Memory(with_root_page(&whole, leaf))));
    let options = Options::default();
    let Err(Error::Refused(refusal)) = Session::open(&input, &options) else {
        panic!("an answer");
    };
    assert!(refusal.message.contains("\"key\""), "{}", refusal.message);
    let hash = hashkv(&input, 0, Release::default(), &options).unwrap();
    assert!(matches!(hash, HashKvOutcome::Refused(_)), "{hash:?}");
    // A root page of zeros, or one that says it is another: damage, and no guess at its cause.
    for page in [&[0; PAGE][..], &[0xff; PAGE]] {
        let report = report_of(with_root_page(&whole, page));
        assert_eq!(report.verdict, Verdict::Damaged, "{}", report.reason);
        assert_eq!(report.kind, None, "{}", report.reason);
        assert!(report.examination.as_deref().unwrap().losses.root);
        assert_eq!(proven(&report), ["length", "metas"]);
    }
}

#[test]
fn a_freelist_that_is_not_stored_is_neither_proven_nor_missing() {
    let report = report_of(snapshot(SNAPSHOTS[0]));
    let line = report
        .ledger
        .iter()
        .find(|line| line.proof.name() == "freelist");
    assert_eq!(report.standing(line.unwrap()), Standing::NotStored);
    let others = report
        .ledger
        .iter()
        .filter(|line| !["freelist", "values"].contains(&line.proof.name()));
    for line in others {
        assert_eq!(report.standing(line), Standing::Proven, "{line:?}");
    }
}

#[test]
fn a_page_used_twice_or_swapped_is_no_proof_of_a_copy_made_while_etcd_wrote() {
    let whole = snapshot(SNAPSHOTS[0]);
    let mut bytes = whole[..whole.len() - TRAILER].to_vec();
    let (one, other) = (3 * PAGE, 4 * PAGE);
    for at in 0..PAGE {
        bytes.swap(one + at, other + at);
    }
    for (at, id) in [(one, 3u64), (other, 4)] {
        bytes[at..at + 8].copy_from_slice(&id.to_le_bytes());
    }
    let report = report_of(bytes);
    assert_eq!(report.verdict, Verdict::Damaged);
    assert_eq!(report.kind, None, "{}", report.reason);
}

/// A database that bbolt makes before anything is written to it: metas of transactions 0 and 1, an empty
/// freelist, an empty leaf.
fn unused() -> Vec<u8> {
    let mut bytes = vec![0; 4 * PAGE];
    for (page, txid) in [(0u64, 0u64), (1, 1)] {
        let metas = Metas::read(&Slice(&snapshot(SNAPSHOTS[0])), SecondMeta::Search).unwrap();
        let mut raw = metas.zero.raw.unwrap();
        raw.root.0 = 3;
        raw.freelist = 2;
        raw.high_water.0 = 4;
        raw.txid.0 = txid;
        let at = page as usize * PAGE;
        bytes[at..at + 8].copy_from_slice(&page.to_le_bytes());
        bytes[at + 8] = 4;
        bytes[at + 16..at + 80].copy_from_slice(&raw.sealed().encode());
    }
    bytes[2 * PAGE] = 2;
    bytes[2 * PAGE + 8] = 0x10;
    bytes[3 * PAGE] = 3;
    bytes[3 * PAGE + 8] = 2;
    bytes
}

/// The same with one empty bucket of this name, inline.
fn with_bucket(name: &str) -> Vec<u8> {
    let mut bytes = unused();
    let page = &mut bytes[3 * PAGE..];
    page[10] = 1;
    page[16] = 1;
    page[20] = 16;
    page[24] = name.len() as u8;
    page[28] = 32;
    let data = 32 + name.len();
    page[32..data].copy_from_slice(name.as_bytes());
    // A bucket header of root 0, then an empty leaf.
    page[data + 16 + 8] = 2;
    bytes
}

#[test]
fn databases_of_other_programs_are_named_by_their_buckets() {
    let report = report_of(unused());
    assert_eq!(
        report.verdict,
        Verdict::NotASnapshot,
        "{:?}",
        report.findings
    );
    assert_eq!(report.kind, Some(FileKind::UnusedBolt));
    assert!(report.findings.list.is_empty());
    for (name, owner) in [
        ("v1", "containerd"),
        ("libnetwork", "Docker"),
        ("\u{1b}[31mred", "\\x1b"),
    ] {
        let report = report_of(with_bucket(name));
        assert_eq!(
            report.verdict,
            Verdict::NotASnapshot,
            "{:?}",
            report.findings
        );
        assert_eq!(report.kind, Some(FileKind::OtherBolt));
        assert!(report.reason.contains(owner), "{}", report.reason);
        assert!(report.examination.is_none());
    }
    // etcd's own buckets without its records are a damaged snapshot.
    for name in ["key", "meta"] {
        let report = report_of([with_bucket(name), sha256(&with_bucket(name))].concat());
        let is_foreign = report.verdict == Verdict::NotASnapshot;
        assert_eq!(is_foreign, name == "meta", "{}", report.reason);
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Sha256Stream::new();
    stream.update(bytes);
    stream.finish().0.to_vec()
}
