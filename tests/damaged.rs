//! Damaged files: each kind of damage is found, named by its code, and never more than that.

mod support;
#[path = "damaged/threads.rs"]
mod threads;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use etcdsnap::bolt::layout::{ELEMENT_HEADER, LeafElement, PAGE_HEADER, PageHeader};
use etcdsnap::etcd::Release;
use etcdsnap::ops::{self, Input, Verdict, VerifyOptions};
use etcdsnap::options::Options;
use serde_json::Value;
use support::damage::{Case, Table};
use support::database::{Bucket, Database, PAGE};
use support::tool::{self, for_all};
use support::wire::record;

/// Writes a damaged file and asks `verify` about it.
fn verify(dir: &Path, name: &str, bytes: &[u8]) -> (Option<i32>, Value) {
    std::fs::write(dir.join(name), bytes).expect("a temporary file");
    let outcome = tool::run(dir, ["verify", "--json", name]);
    assert_eq!(outcome.stderr, "", "{name}");
    let report = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{name}: {error}: {}", outcome.stdout));
    (outcome.status, report)
}

fn codes(report: &Value) -> BTreeSet<String> {
    let counts = report["counts"].as_array().expect("counts");
    let codes = counts.iter().map(|count| count["code"].as_str());
    codes.map(|code| code.expect("a code").to_owned()).collect()
}

/// What `verify` says of a case, where it differs from the table.
fn difference(dir: &Path, table: &Table, case: &Case) -> Option<String> {
    let (status, report) = verify(dir, &case.name, &table.build(case));
    let verdict = report["verdict"].as_str().unwrap_or_default();
    let kind = report["kind"].as_str();
    let found = codes(&report);
    let as_expected = verdict == case.verdict
        && status == Some(case.status)
        && kind == case.kind.as_deref()
        && found == case.codes;
    let list = |codes: &BTreeSet<String>| codes.iter().cloned().collect::<Vec<_>>().join(" ");
    (!as_expected).then(|| {
        format!(
            "{}\n  expected {} {} {} kind {:?}\n  found    {verdict} {} {} kind {kind:?}",
            case.name,
            case.verdict,
            case.status,
            list(&case.codes),
            case.kind,
            status.unwrap_or(-1),
            list(&found),
        )
    })
}

#[test]
fn every_damage_of_the_table_is_found_and_nothing_else() {
    let table = Table::read();
    assert!(table.cases.len() >= 40);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let found = for_all(&table.cases, |case| difference(dir.path(), &table, case));
    let differences: Vec<String> = found.into_iter().flatten().collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The values of a finding that are not as its code declares them.
fn undeclared(finding: &Value) -> Option<String> {
    let code = finding["code"].as_str().and_then(etcdsnap::codes::find);
    let code = code.expect("a known code");
    let circumstance = finding["circumstance"].as_str();
    let mut declared = code.circumstances.iter();
    let declared = declared.find(|declared| declared.name == circumstance);
    let values = finding["values"].as_object().expect("values");
    let expected = declared.map(|declared| {
        let names = declared.values.iter().map(|(name, _)| (*name).to_owned());
        names.collect::<BTreeSet<String>>()
    });
    let plain = |name: &String| {
        let plain = name.strip_suffix("_base64").unwrap_or(name);
        let is_length = plain.strip_suffix("_bytes").is_some_and(|of| {
            values.contains_key(of) || values.contains_key(&format!("{of}_base64"))
        });
        (!is_length).then(|| plain.to_owned())
    };
    let found: BTreeSet<String> = values.keys().filter_map(plain).collect();
    let is_told = finding["message"]
        .as_str()
        .is_some_and(|text| !text.is_empty() && !text.contains(['{', '}', '#']));
    let is_fine = expected == Some(found) && finding["area"] == code.area.as_str() && is_told;
    (!is_fine).then(|| finding.to_string())
}

#[test]
fn every_finding_has_the_values_that_its_code_declares_and_no_stored_one() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let reports = for_all(&table.cases, |case| {
        verify(dir.path(), &case.name, &table.build(case)).1
    });
    let mut seen = BTreeSet::new();
    for report in &reports {
        for finding in report["findings"].as_array().expect("findings") {
            assert_eq!(undeclared(finding), None);
            let texts = finding["values"].to_string();
            // All stored values of the table begin like this, in base64 too.
            assert!(
                !texts.contains("secret-") && !texts.contains("c2VjcmV0"),
                "{texts}"
            );
            seen.insert((
                finding["code"].to_string(),
                finding["circumstance"].to_string(),
            ));
        }
    }
    assert!(seen.len() > 60, "{} circumstances", seen.len());
}

#[test]
fn every_code_of_a_database_has_a_case() {
    let table = Table::read();
    let covered: BTreeSet<&str> = table
        .cases
        .iter()
        .flat_map(|case| &case.codes)
        .map(String::as_str)
        .collect();
    // What is wrong with a log, and not with a database, has its cases in `tests/restore.rs`; what only a look at all
    // values tells, in `tests/objects/damaged.rs`.
    let all: BTreeSet<&str> = etcdsnap::codes::all()
        .iter()
        .map(|code| code.id)
        .filter(|id| !id.starts_with('W') && (!id.starts_with('K') || *id == "K001"))
        .collect();
    assert_eq!(covered, all);
}

/// A leaf of as many elements as a page can name, all of them one and the same stretch of the page.
/// Reading each of them would mean reading the page 65,534 times.
fn leaf_of_overlapping_elements() -> Vec<u8> {
    const COUNT: usize = 65_534;
    const VALUE: usize = 1 << 20;
    let mut database = Database::default();
    for name in ["key", "meta"] {
        database.buckets.insert(name.into(), Bucket::default());
    }
    let key = b"\0\0\0\0\0\0\0\x02_\0\0\0\0\0\0\0\0".to_vec();
    let room = vec![0; COUNT * ELEMENT_HEADER + VALUE];
    let elements = &mut database.buckets.get_mut(&b"key"[..]).expect("key").elements;
    elements.insert(key.clone(), (0, room));
    let mut bytes = database.lay_out();
    // The leaf of bucket `key` is page 2: no bucket comes before it.
    let page = &mut bytes[2 * PAGE..];
    let header = PageHeader::decode(page).expect("a header");
    let header = PageHeader {
        count: COUNT as u16,
        ..header
    };
    page[..PAGE_HEADER].copy_from_slice(&header.encode());
    let data = PAGE_HEADER + COUNT * ELEMENT_HEADER;
    for index in 0..COUNT {
        let at = PAGE_HEADER + index * ELEMENT_HEADER;
        let element = LeafElement {
            flags: 0,
            pos: (data - at) as u32,
            key_size: key.len() as u32,
            value_size: VALUE as u32,
        };
        page[at..at + ELEMENT_HEADER].copy_from_slice(&element.encode());
    }
    page[data..data + key.len()].copy_from_slice(&key);
    bytes.extend(support::damage::sha256(&bytes));
    bytes
}

#[test]
fn a_leaf_of_65534_overlapping_elements_is_read_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (status, report) = verify(dir.path(), "overlap.db", &leaf_of_overlapping_elements());
    assert_eq!(status, Some(1));
    let overlaps = report["counts"].as_array().expect("counts");
    let overlaps = overlaps.iter().find(|count| count["code"] == "B023");
    assert_eq!(overlaps.expect("B023")["count"], 65_533);
    assert_eq!(report["figures"]["records"], 1);
}

/// A store of 30,000 transactions that lack their first change; every third transaction is lost altogether.
fn store_with_many_gaps() -> Vec<u8> {
    let mains = (2..30_002u64).filter(|main| main % 3 != 0);
    let records = mains.map(|main| {
        let key = [&main.to_be_bytes()[..], b"_", &1u64.to_be_bytes()].concat();
        let user_key = format!("key-{main:06}");
        (key, record(user_key.as_bytes(), [main; 2], 1, b""))
    });
    support::store::sealed(records)
}

#[test]
fn counts_are_exact_and_the_same_whatever_the_number_of_threads() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join("gaps.db"), store_with_many_gaps()).expect("a file");
    let reports: Vec<String> = ["1", "2", "3", "8"]
        .into_iter()
        .map(|threads| {
            let words = ["verify", "--json", "--threads", threads, "gaps.db"];
            tool::run(dir.path(), words).stdout
        })
        .collect();
    assert!(reports.iter().all(|report| *report == reports[0]));
    let report: Value = serde_json::from_str(&reports[0]).expect("JSON");
    let count = |code: &str| {
        let counts = report["counts"].as_array().expect("counts").iter();
        counts
            .clone()
            .find(|one| one["code"] == code)
            .map(|one| one["count"].clone())
    };
    // Of 2 to 30,001 every third is lost: 3, 6, …, 30,000, and each lies between two records.
    assert_eq!(count("E016"), Some(20_000.into()));
    assert_eq!(count("E024"), Some(10_000.into()));
}

#[test]
fn whatever_single_byte_is_damaged_nothing_panics() {
    let table = Table::read();
    let case = table.cases.iter().find(|case| case.name == SMALL);
    let sound = table.build(case.expect("a case that is sound"));
    let pages = sound.chunks(PAGE).enumerate();
    let in_use: Vec<usize> = pages
        .flat_map(|(number, page)| {
            let end = page
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            number * PAGE..number * PAGE + end
        })
        .collect();
    assert!(in_use.len() > 1000, "{} bytes", in_use.len());
    let noticed = for_all(&in_use, |at| {
        let mut bytes = sound.clone();
        bytes[*at] ^= 0x81;
        look_at_everything(&bytes)
    });
    // The SHA-256 left aside, what passes are values and names that nothing can judge.
    let told = noticed.iter().filter(|noticed| **noticed).count();
    assert!(
        told * 2 > noticed.len(),
        "{told} of {} bytes",
        noticed.len()
    );
}

/// A case of the table in which nothing is wrong and pages of all types occur.
const SMALL: &str = "nothing-is-wrong-in-a-deeper-tree";

/// Does every job on a file. True when `verify` finds an error without looking at the SHA-256.
fn look_at_everything(bytes: &[u8]) -> bool {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    let input = Input::open(file.path()).expect("a readable file");
    let options = Options::default().with_threads(NonZeroUsize::MIN);
    let release = Release::default();
    ops::status(&input, release, &options).expect("an answer or a refusal");
    ops::info(&input, &options).expect("an account");
    ops::hashkv(&input, 0, release, &options).expect("an answer or a refusal");
    let what = VerifyOptions::default().with_quick(true);
    let report = ops::verify(&input, what, &options).expect("a verdict");
    report.verdict != Verdict::Ok
}
