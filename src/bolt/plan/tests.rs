//! Damaged bottom branches give the same findings and the same leaves however many threads read them.

use std::io::Cursor;
use std::num::NonZeroUsize;

use crate::bolt::check::codes;
use crate::bolt::layout::{BranchElement, ELEMENT_HEADER, PAGE_HEADER, PageHeader, flags, u64_at};
use crate::bolt::plan::{branch_element, element_at};
use crate::bolt::write::{WriteError, WriteLayout, Writer};
use crate::bolt::{Database, Leaf, PlannedBucket, SecondMeta, Visitor};
use crate::error::Result;
use crate::finding::Collector;
use crate::options::Options;
use crate::source::Slice;
use crate::workers::Workers;

const PAGE: usize = 1 << 10;

/// A tree whose root has more than sixteen bottom branches below it.
fn tree() -> Vec<u8> {
    let layout = WriteLayout {
        page_size: PAGE as u32,
        fill: 1.0,
        trailer: false,
        ..WriteLayout::snapshot()
    };
    let mut writer = Writer::new(Cursor::new(Vec::new()), layout).unwrap();
    writer
        .bucket(b"key", |bucket| {
            for number in 0..13_000u32 {
                bucket.put(&number.to_be_bytes(), &[7; 90])?;
            }
            Ok::<(), WriteError>(())
        })
        .unwrap();
    writer.finish().unwrap().0.into_inner()
}

fn header(bytes: &[u8], page: usize) -> PageHeader {
    PageHeader::decode(&bytes[page * PAGE..]).unwrap()
}

fn child(bytes: &[u8], page: usize, index: u16) -> usize {
    branch_element(&bytes[page * PAGE..], index)
        .unwrap()
        .child
        .0 as usize
}

/// The bottom branches, in tree order, and the page above the first of them.
fn bottoms(bytes: &[u8]) -> (usize, Vec<usize>) {
    let is = |page: usize, kind| header(bytes, page).flags == kind;
    let branches = (2..bytes.len() / PAGE).filter(|page| is(*page, flags::BRANCH));
    let above = branches
        .filter(|page| is(child(bytes, *page, 0), flags::BRANCH))
        .max_by_key(|page| header(bytes, *page).count)
        .unwrap();
    let below = (0..header(bytes, above).count).map(|index| child(bytes, above, index));
    let below: Vec<usize> = below.collect();
    assert!(
        below
            .iter()
            .all(|page| is(child(bytes, *page, 0), flags::LEAF))
    );
    assert!(below.len() > 24, "{} bottom branches", below.len());
    (above, below)
}

fn point(bytes: &mut [u8], page: usize, index: u16, to: usize) {
    let at = page * PAGE + element_at(index);
    let mut element = BranchElement::decode(&bytes[at..]).unwrap();
    element.child = crate::ids::PageId(to as u64);
    bytes[at..at + ELEMENT_HEADER].copy_from_slice(&element.encode());
}

struct Ranks;

impl Visitor for Ranks {
    type Local = Vec<(u32, u64)>;

    fn start(&self) -> Self::Local {
        Vec::new()
    }

    fn leaf(&self, local: &mut Self::Local, _: &PlannedBucket, leaf: &Leaf<'_>) -> Result<()> {
        let first = leaf.elements.first().map(|element| leaf.key(element));
        let first = first.and_then(|key| u64_at(&[&[0; 4], key].concat(), 0));
        local.push((leaf.rank, first.unwrap_or(0)));
        Ok(())
    }
}

/// Codes and pages of all findings, the leaves seen, and how much could not be read.
type Seen = (Vec<(&'static str, String)>, Vec<(u32, u64)>, u64);

fn scan(bytes: &[u8], threads: usize) -> Seen {
    let source = Slice(bytes);
    let length = bytes.len() as u64;
    let database = Database::open(&source, length, SecondMeta::Search);
    let database = database.unwrap();
    let workers = Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap();
    let mut findings = Collector::new(1000);
    let scanned = database
        .scan(&Ranks, &workers, &Options::default(), &mut findings)
        .unwrap();
    let mut leaves = scanned.scan.locals.concat();
    leaves.sort_unstable();
    let findings = findings.finish().list;
    let findings = findings.iter().map(|f| (f.code.id, f.place.to_string()));
    (findings.collect(), leaves, scanned.plan.unreadable)
}

/// The codes that one and many threads find alike, and how many leaves are left.
fn found_by_any(bytes: &[u8]) -> (Vec<&'static str>, usize) {
    let alone = scan(bytes, 1);
    for threads in [2, 5] {
        assert_eq!(scan(bytes, threads), alone, "{threads} threads");
    }
    let mut codes: Vec<_> = alone.0.iter().map(|(code, _)| *code).collect();
    codes.dedup();
    (codes, alone.1.len())
}

#[test]
fn a_sound_tree_has_no_findings() {
    let (found, leaves) = found_by_any(&tree());
    assert!(found.is_empty() && leaves > 600, "{found:?} {leaves}");
}

#[test]
fn a_bottom_branch_that_is_no_branch_loses_its_leaves_alone() {
    let sound = tree();
    let whole = found_by_any(&sound).1;
    let (_, below) = bottoms(&sound);
    let mut bytes = sound.clone();
    let lost = usize::from(header(&bytes, below[9]).count);
    bytes[below[9] * PAGE + 8] = flags::FREELIST as u8;
    let (found, leaves) = found_by_any(&bytes);
    assert_eq!(leaves, whole - lost);
    assert!(found.contains(&codes::PAGE_TYPE.id), "{found:?}");
}

#[test]
fn a_bottom_branch_that_two_elements_name_is_read_once() {
    let sound = tree();
    let whole = found_by_any(&sound).1;
    let (above, below) = bottoms(&sound);
    let mut bytes = sound.clone();
    let lost = usize::from(header(&bytes, below[20]).count);
    point(&mut bytes, above, 20, below[3]);
    let (found, leaves) = found_by_any(&bytes);
    assert_eq!(leaves, whole - lost);
    assert!(found.contains(&codes::PAGE_TWICE.id), "{found:?}");
    // A leaf's place taken by a bottom branch that comes later: the branch above named it first.
    let mut bytes = sound.clone();
    point(&mut bytes, below[2], 1, below[22]);
    let (found, leaves) = found_by_any(&bytes);
    assert_eq!(leaves, whole - 1);
    assert!(found.contains(&codes::PAGE_TWICE.id), "{found:?}");
}

#[test]
fn a_bottom_branch_that_claims_the_pages_behind_it_is_cut() {
    let sound = tree();
    let (_, below) = bottoms(&sound);
    let mut bytes = sound.clone();
    let at = below[11] * PAGE;
    let mut claims = header(&bytes, below[11]);
    claims.overflow = 1;
    bytes[at..at + PAGE_HEADER].copy_from_slice(&claims.encode());
    let (found, _) = found_by_any(&bytes);
    assert!(found.contains(&codes::PAGE_TWICE.id), "{found:?}");
}
