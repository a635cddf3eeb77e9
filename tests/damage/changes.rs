//! Real snapshots with bytes, pages or their end changed.

use etcdsnap::ops::Verdict;

use crate::limits;
use crate::sample::{Copy, Figures, NAMES, PAGE, Random, Sample, TRAILER, Use, is_long};

/// What is flipped in a byte; the short run takes these in turn.
const MASKS: [u8; 10] = [0xff, 1, 128, 2, 64, 4, 0x55, 8, 32, 16];

fn masks(at: usize) -> &'static [u8] {
    if is_long() {
        &MASKS
    } else {
        let first = (at + at / PAGE) % MASKS.len();
        &MASKS[first..=first]
    }
}

/// Every so many cases of the short run; all of the long one.
fn every(step: usize) -> usize {
    if is_long() { 1 } else { step }
}

/// Bytes of the headers: both metas with their page headers, then the header of every other page.
fn header_bytes(pages: usize) -> impl Iterator<Item = usize> {
    (0..pages).flat_map(|page| {
        let len = if page < 2 { 80 } else { 16 };
        (0..len).map(move |at| page * PAGE + at)
    })
}

/// Why a change of a page may go unnoticed without a digest.
fn reason(page_use: Use) -> Option<&'static str> {
    match page_use {
        Use::Meta | Use::Head => None,
        Use::Data => Some("bytes of keys and values on overflow pages"),
        Use::Free => Some("pages that nothing refers to"),
    }
}

#[test]
fn the_samples_are_sound_with_their_digest_and_without() {
    for name in NAMES {
        let sample = Sample::read(name);
        assert_eq!(Copy::new(&sample.bytes).verdict(), Verdict::Ok, "{name}");
        assert_eq!(
            Copy::new(sample.database()).verdict(),
            Verdict::NoTrailer,
            "{name}"
        );
        let count = |wanted: Use| sample.uses.iter().filter(|u| **u == wanted).count();
        let (heads, data, free) = (count(Use::Head), count(Use::Data), count(Use::Free));
        println!("{name}: {heads} pages in use, {data} overflow pages, {free} free");
    }
}

#[test]
fn without_a_digest_every_flip_in_a_meta_or_a_page_header_in_use_is_found() {
    for name in NAMES {
        let sample = Sample::read(name);
        let mut copy = Copy::new(sample.database());
        let mut figures = Figures::new(format!("{name} without trailer: flips in headers"));
        for at in header_bytes(sample.uses.len()) {
            let page = at / PAGE;
            let page_use = sample.uses[page];
            // Overflow pages have no header: a few show what comes of flips in them. The short run
            // takes every second page of the first sample, and every sixth of the second.
            let step = match page_use {
                Use::Data => every(12),
                Use::Head if name != NAMES[0] => every(6),
                Use::Head => every(2),
                _ => 1,
            };
            if !page.is_multiple_of(step) {
                continue;
            }
            for mask in masks(at) {
                let verdict = copy.with(&[(at, &[sample.bytes[at] ^ mask])]);
                figures.note(verdict == Verdict::Damaged, reason(page_use), || {
                    format!(
                        "byte {} of page {} ^ {mask:#x}: {verdict:?}",
                        at % PAGE,
                        at / PAGE
                    )
                });
            }
        }
        figures.end();
    }
}

#[test]
fn without_a_digest_every_wrong_element_count_is_found() {
    for name in NAMES {
        let sample = Sample::read(name);
        let mut copy = Copy::new(sample.database());
        let mut figures = Figures::new(format!("{name} without trailer: element counts"));
        for page in (2..sample.uses.len()).filter(|page| sample.uses[*page] == Use::Head) {
            let at = page * PAGE + 10;
            let count = u16::from_le_bytes([sample.bytes[at], sample.bytes[at + 1]]);
            let near = [0, 1, count.wrapping_sub(1), count + 1, u16::MAX];
            let all = if is_long() { count + 4 } else { 0 };
            for wrong in near
                .into_iter()
                .chain(0..all)
                .filter(|wrong| *wrong != count)
            {
                let verdict = copy.with(&[(at, &wrong.to_le_bytes())]);
                figures.note(verdict == Verdict::Damaged, None, || {
                    format!("page {page}: {wrong} elements instead of {count}: {verdict:?}")
                });
            }
        }
        figures.end();
    }
}

#[test]
fn with_a_digest_every_flip_is_found() {
    for name in NAMES {
        let sample = Sample::read(name);
        let mut copy = Copy::new(&sample.bytes);
        let mut figures = Figures::new(format!("{name} with trailer: flips"));
        let mut random = Random(7);
        let mut flip = |copy: &mut Copy, at: usize, mask: u8| {
            let verdict = copy.with(&[(at, &[sample.bytes[at] ^ mask])]);
            figures.note(verdict == Verdict::Damaged, None, || {
                format!(
                    "byte {} of page {} ^ {mask:#x}: {verdict:?}",
                    at % PAGE,
                    at / PAGE
                )
            });
        };
        if is_long() {
            for at in header_bytes(sample.uses.len()) {
                masks(at).iter().for_each(|mask| flip(&mut copy, at, *mask));
            }
        } else {
            for at in (0..80).chain(PAGE..PAGE + 80).step_by(5) {
                flip(&mut copy, at, 1 << (at % 8));
            }
        }
        for at in (sample.bytes.len() - TRAILER..sample.bytes.len()).step_by(every(5)) {
            flip(&mut copy, at, 1);
        }
        for _ in 0..if is_long() { 20_000 } else { 30 } {
            let at = random.below(sample.bytes.len());
            flip(&mut copy, at, 1 << random.below(8));
        }
        figures.end();
    }
}

#[test]
fn random_flips_without_a_digest_are_read_to_the_end() {
    for name in NAMES {
        let sample = Sample::read(name);
        let mut copy = Copy::new(sample.database());
        let mut figures = Figures::new(format!("{name} without trailer: random flips"));
        let mut random = Random(11);
        for round in 0..if is_long() { 50_000 } else { 100 } {
            // From one bit to a torn stretch.
            let len = [1, 1, 2, 8, 100][round % 5];
            let at = random.below(sample.database().len() - len);
            let mut piece = sample.bytes[at..at + len].to_vec();
            let bit = random.below(8);
            piece[0] ^= 1 << bit;
            if len > 1 {
                piece = random.bytes(len);
            }
            let verdict = copy.with(&[(at, &piece)]);
            let found = verdict == Verdict::Damaged;
            assert!(found || verdict == Verdict::NoTrailer, "{verdict:?}");
            figures.note(found, Some("nothing protects the bytes"), String::new);
        }
        figures.end();
    }
}

#[test]
fn zeroed_doubled_and_swapped_pages_are_found() {
    for name in NAMES {
        let sample = Sample::read(name);
        let pages = sample.uses.len();
        let mut with = Copy::new(&sample.bytes);
        let mut without = Copy::new(sample.database());
        let mut figures = [
            Figures::new(format!(
                "{name} with trailer: zeroed, doubled, swapped pages"
            )),
            Figures::new(format!(
                "{name} without trailer: zeroed, doubled, swapped pages"
            )),
        ];
        let mut random = Random(13);
        let page = |number: usize| &sample.bytes[number * PAGE..(number + 1) * PAGE];
        let zeros = [0; PAGE];
        for target in 0..pages {
            let others = if is_long() { 12 } else { 1 };
            let mut changes: Vec<Vec<(usize, &[u8])>> = vec![vec![(target * PAGE, &zeros)]];
            for _ in 0..others {
                let other = random.below(pages);
                changes.push(vec![(target * PAGE, page(other))]);
                changes.push(vec![
                    (target * PAGE, page(other)),
                    (other * PAGE, page(target)),
                ]);
            }
            for change in changes {
                let changed: Vec<usize> = change
                    .iter()
                    .filter(|(at, piece)| sample.bytes[*at..at + PAGE] != **piece)
                    .map(|(at, _)| at / PAGE)
                    .collect();
                if changed.is_empty() {
                    continue;
                }
                let why = match changed
                    .iter()
                    .map(|page| reason(sample.uses[*page]))
                    .collect()
                {
                    Some::<Vec<_>>(reasons) => reasons.first().copied(),
                    None => None,
                };
                let case = || format!("pages {changed:?} changed");
                if target % every(12) == 0 {
                    figures[0].note(with.with(&change) == Verdict::Damaged, None, case);
                }
                if target % every(4) == 0 || why.is_none() {
                    figures[1].note(without.with(&change) == Verdict::Damaged, why, case);
                }
            }
        }
        figures.into_iter().for_each(Figures::end);
    }
}

#[test]
fn files_that_end_too_early_or_too_late_are_found() {
    for name in NAMES {
        let sample = Sample::read(name);
        let whole = sample.bytes.len();
        let mut copy = Copy::new(&sample.bytes);
        let mut figures = Figures::new(format!("{name}: cut or grown"));
        let step = if name == NAMES[0] { 1 } else { every(5) };
        for page in (0..=sample.uses.len()).step_by(step) {
            for step in [-32isize, -1, 0, 1, 32, 512] {
                let Some(len) = (page * PAGE).checked_add_signed(step) else {
                    continue;
                };
                if len == whole {
                    continue;
                }
                let verdict = copy.cut(len);
                let reason = if len == whole - TRAILER {
                    assert_eq!(verdict, Verdict::NoTrailer);
                    Some("nothing but the trailer is missing")
                } else if len < 16 {
                    assert_eq!(verdict, Verdict::NotASnapshot, "{len} bytes");
                    Some("too short to tell that it was a database")
                } else {
                    None
                };
                figures.note(verdict == Verdict::Damaged, reason, || {
                    format!("{len} bytes of {whole}: {verdict:?}")
                });
            }
        }
        figures.end();
    }
}

#[test]
fn random_bytes_are_no_snapshot() {
    let mut random = Random(17);
    let mut figures = Figures::new("garbage");
    for round in 0..if is_long() { 5_000 } else { 60 } {
        let len = match round % 4 {
            0 => random.below(200),
            1 => 512 * (1 + random.below(40)) + TRAILER,
            2 => PAGE * (1 + random.below(20)),
            _ => random.below(100_000),
        };
        let bytes = random.bytes(len);
        let verdict = Copy::new(&bytes).verdict();
        figures.note(verdict == Verdict::NotASnapshot, None, || {
            format!("{len} bytes: {verdict:?}")
        });
    }
    figures.end();
}

#[test]
fn the_program_ends_with_status_1_or_2_with_little_work_and_memory() {
    let sample = Sample::read(NAMES[0]);
    let mut random = Random(19);
    let mut figures = Figures::new("the program");
    let head = sample
        .uses
        .iter()
        .rposition(|u| *u == Use::Head)
        .expect("a page");
    let mut files: Vec<Vec<u8>> = vec![Vec::new(), random.bytes(10_000)];
    for at in [
        20,
        30,
        PAGE + 60,
        2 * PAGE + 8,
        head * PAGE,
        head * PAGE + 10,
        head * PAGE + 40,
    ] {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= 0xff;
        files.push(bytes);
    }
    for len in [PAGE, 5 * PAGE, sample.bytes.len() - 1] {
        files.push(sample.bytes[..len].to_vec());
    }
    for bytes in files {
        let copy = Copy::new(&bytes);
        let work = limits::work(&bytes);
        figures.note(work.is_ok(), None, || format!("{work:?}"));
        let outcome = limits::run(&["verify", "--json"], copy.path());
        let found = outcome
            .as_ref()
            .is_ok_and(|run| matches!(run.status, 1 | 2));
        figures.note(found, None, || format!("{outcome:?}"));
        for args in [&["status"][..], &["hashkv"], &["info"]] {
            let outcome = limits::run(args, copy.path());
            figures.note(outcome.is_ok(), None, || format!("{outcome:?}"));
        }
    }
    figures.end();
}
