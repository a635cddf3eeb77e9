//! The front door, as a program that is not ours uses it: nothing of the command line is built for it.

/// What needs nothing of the command line.
#[allow(dead_code, reason = "every suite uses its part of it")]
mod support {
    pub(crate) mod bytes;
    pub(crate) mod clusters;
    pub(crate) mod damage;
    pub(crate) mod database;
    pub(crate) mod testdata;
    pub(crate) mod wire;
}

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;

use etcdsnap::etcd::Release;
use etcdsnap::ids::FileOffset;
use etcdsnap::kubernetes::secrets::encryption::EncryptionConfig;
use etcdsnap::ops::diff::{DiffQuery, KeyChange, diff_files};
use etcdsnap::ops::{
    self, AbsenceReason, HashKvOutcome, Input, KeysQuery, Session, StatusOutcome, ValueReader,
    VerifyOptions, VerifyReport,
};
use etcdsnap::options::{Cancel, Options};
use etcdsnap::snapshot::{Entry, ObjectAnswer};
use etcdsnap::source::{Slice, Source};
use etcdsnap::{Error, Snapshot, Verdict};
use support::clusters::{CLUSTERS, unpacked};
use support::damage::Table;
use support::testdata;

fn path(name: &str) -> PathBuf {
    testdata::dir().join(name)
}

fn open(name: &str) -> Snapshot<'static> {
    Snapshot::open(path(name)).expect("a file").threads(2)
}

const REAL: &str = "real/etcd-3.6.14-b.db";

/// What a report says, without the name of its file.
fn said(report: &VerifyReport) -> String {
    let findings = report.findings.list.iter();
    let findings: Vec<String> = findings
        .map(|finding| format!("{} {}", finding.code.id, finding.place))
        .collect();
    let ledger: Vec<String> = report
        .ledger
        .iter()
        .map(|line| format!("{:?} {} {}", line.proof, line.proven, line.detail))
        .collect();
    format!(
        "{:?} {} {} {findings:?} {ledger:?} {:?}",
        report.verdict, report.reason, report.next_step, report.file_sha256
    )
}

/// Reads nothing but its end; everything else fails.
#[derive(Debug)]
struct Failing {
    len: u64,
    readable_from: u64,
}

impl Source for Failing {
    fn len(&self) -> u64 {
        self.len
    }

    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> etcdsnap::Result<()> {
        if offset.0 >= self.readable_from {
            into.fill(0);
            return Ok(());
        }
        Err(Error::Read {
            path: None,
            offset,
            len: into.len(),
            source: std::io::Error::other("the network is down"),
        })
    }
}

#[test]
fn a_file_its_bytes_and_a_source_of_them_are_verified_alike_and_as_by_ops() {
    for name in testdata::real() {
        let bytes = testdata::read(&name);
        let input = Input::open(&path(&name)).expect("a file");
        let what = VerifyOptions::default().with_directory(true);
        let expected = ops::verify(&input, what, &Options::default()).expect("a report");
        assert_eq!(expected.verdict, Verdict::Ok, "{name}");
        let owned: std::sync::Arc<[u8]> = bytes.clone().into();
        for snapshot in [
            open(&name),
            Snapshot::from_bytes(&bytes).expect("bytes"),
            Snapshot::from_bytes(owned).expect("bytes"),
            Snapshot::from_source(Slice(&bytes)).expect("a source"),
        ] {
            let report = snapshot.verify().expect("a report");
            assert_eq!(said(&report), said(&expected), "{name}");
            // And once more.
            let report = snapshot.verify().expect("a report");
            assert_eq!(said(&report), said(&expected), "{name}");
        }
    }
}

#[test]
fn damaged_bytes_in_memory_get_the_report_of_the_file_and_are_never_ok() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut kinds = std::collections::BTreeSet::new();
    for case in &table.cases {
        let bytes = table.build(case);
        let file = dir.path().join(&case.name);
        std::fs::write(&file, &bytes).expect("a temporary file");
        let on_disk = Snapshot::open(&file).expect("a file").verify();
        let in_memory = Snapshot::from_bytes(&bytes).expect("bytes").verify();
        let on_disk = on_disk.expect("a report");
        let in_memory = in_memory.expect("a report");
        // A file's name can say that it is not finished.
        if !case.name.ends_with(".part") {
            assert_eq!(said(&in_memory), said(&on_disk), "{}", case.name);
        }
        let verdict = serde_json::to_value(in_memory.verdict).expect("a word");
        assert_eq!(verdict, case.verdict, "{}", case.name);
        kinds.insert(case.verdict.clone());
    }
    assert!(kinds.len() >= 3, "{kinds:?}");
}

#[test]
fn status_and_hashes_are_those_of_ops_and_a_file_without_an_answer_is_refused() {
    let options = Options::default();
    for name in testdata::real() {
        let input = Input::open(&path(&name)).expect("a file");
        let StatusOutcome::Answer(status) =
            ops::status(&input, Release::default(), &options).expect("a status")
        else {
            panic!("{name}: refused");
        };
        let HashKvOutcome::Answer(hash) =
            ops::hashkv(&input, 0, Release::default(), &options).expect("a hash")
        else {
            panic!("{name}: refused");
        };
        let snapshot = open(&name);
        assert_eq!(snapshot.status().expect("a status"), status, "{name}");
        assert_eq!(snapshot.hashkv(0).expect("a hash"), hash, "{name}");
        assert!(snapshot.info().expect("info").inside.is_ok(), "{name}");
    }
    let noise = Snapshot::from_bytes(b"no snapshot at all").expect("bytes");
    for error in [
        noise.status().expect_err("no snapshot"),
        noise.hashkv(0).expect_err("no snapshot"),
        noise.keys().iter().err().expect("no snapshot"),
        noise.history("key").err().expect("no snapshot"),
        noise.object("pod", None, "web").expect_err("no snapshot"),
        open(REAL).diff(&noise).err().expect("no snapshot"),
    ] {
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    }
    assert_eq!(
        noise.verify().expect("a report").verdict,
        Verdict::NotASnapshot
    );
    assert!(noise.info().expect("info").inside.is_err());
    let future = open(REAL).hashkv(663).expect_err("a future revision");
    assert!(matches!(future, Error::Revision { compacted: false }));
}

/// Keys with values, by `ops`.
fn by_ops(bytes: &[u8], query: &KeysQuery) -> Vec<(Vec<u8>, Vec<u8>, i64)> {
    let (input, options) = (
        Input::from_source("bytes", Slice(bytes)),
        Options::default(),
    );
    let input = input.expect("bytes");
    let mut session = Session::open(&input, &options).expect("a snapshot");
    let list = ops::keys(&mut session, query).expect("keys");
    let mut found = Vec::new();
    let value = |_: &[u8], value: &[u8], _: i64| value.to_vec();
    ops::fetch(
        &session,
        &list.keyspace,
        list.iter(),
        value,
        |record, value| {
            let value = value.expect("a value");
            found.push((record.key.to_vec(), value, record.facts.revision.main));
            ControlFlow::Continue(())
        },
    )
    .expect("values");
    found
}

fn told(entries: impl Iterator<Item = etcdsnap::Result<Entry>>) -> Vec<(Vec<u8>, Vec<u8>, i64)> {
    let entries = entries.map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| (entry.key, entry.value, entry.mod_revision))
        .collect()
}

#[test]
fn keys_come_with_their_values_in_order_whichever_are_asked_for() {
    let bytes = testdata::read(REAL);
    let snapshot = Snapshot::from_bytes(&bytes).expect("bytes");
    let all = by_ops(&bytes, &KeysQuery::default());
    let bytes_of_values: usize = all.iter().map(|(_, value, _)| value.len()).sum();
    // They are read in several batches.
    assert!(
        all.len() > 300 && bytes_of_values > (128 << 10) && all.is_sorted(),
        "{} {bytes_of_values}",
        all.len()
    );
    assert_eq!(told(snapshot.keys().iter().expect("keys")), all);
    let mut at = KeysQuery::default();
    at.revision = 400;
    let at = by_ops(&bytes, &at);
    assert_ne!(at, all);
    let mut entries = snapshot.keys().at(400).iter().expect("keys");
    assert_eq!(
        (entries.remaining(), entries.bounds().compacted),
        (at.len(), 357)
    );
    assert_eq!(told(entries.by_ref()), at);
    assert!(entries.next().is_none() && entries.findings().list.is_empty());
    let mut below: Vec<_> = at.clone();
    below.retain(|(key, ..)| key.starts_with(b"/app/"));
    assert!(!below.is_empty());
    let app = || snapshot.keys().at(400).prefix("/app/");
    assert_eq!(told(app().iter().expect("keys")), below);
    assert_eq!(told(app().limit(3).iter().expect("keys")), below[..3]);
    let last: Vec<_> = below.iter().rev().take(3).cloned().collect();
    assert_eq!(
        told(app().descending().limit(3).iter().expect("keys")),
        last
    );
    let all_down: Vec<_> = below.iter().rev().cloned().collect();
    assert_eq!(told(app().descending().iter().expect("keys")), all_down);
    let one = told(app().key(&below[1].0).iter().expect("keys"));
    assert_eq!(one, below[1..2]);
    let range = app().range(&below[1].0, &below[4].0);
    assert_eq!(told(range.iter().expect("keys")), below[1..4]);
    assert!(
        app()
            .key("elsewhere")
            .iter()
            .expect("keys")
            .next()
            .is_none()
    );
    for (revision, is_compacted) in [(356, true), (663, false)] {
        let error = snapshot
            .keys()
            .at(revision)
            .iter()
            .err()
            .expect("no answer");
        let Error::Revision { compacted } = error else {
            panic!("{error:?}");
        };
        assert_eq!(compacted, is_compacted);
    }
}

#[test]
fn a_history_has_every_record_of_the_key_and_its_deletion() {
    let snapshot = open(REAL);
    let entries = snapshot.history("/app/k01").expect("a history");
    let entries: Vec<Entry> = entries.map(|entry| entry.expect("a record")).collect();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry.mod_revision,
                entry.is_deletion,
                entry.value.is_empty(),
            )
        })
        .collect();
    assert_eq!(told, [(337, false, false), (501, true, true)]);
    assert_eq!(snapshot.history("nobody").expect("a history").count(), 0);
}

/// A snapshot with a byte changed in the header of a leaf of bucket `key`, so that its records are lost.
fn with_a_lost_leaf() -> (Vec<u8>, Vec<u8>) {
    let bytes = testdata::read(REAL);
    let page = 4096;
    let needle = b"/app/k0";
    let at = bytes
        .windows(needle.len())
        .position(|found| found == needle);
    let leaf = at.expect("a key") / page * page;
    let mut damaged = bytes.clone();
    // The id of the page.
    damaged[leaf] ^= 0x55;
    (bytes, damaged)
}

#[test]
fn what_damage_hides_is_never_lost_silently() {
    let (whole, damaged) = with_a_lost_leaf();
    let whole = by_ops(&whole, &KeysQuery::default());
    let snapshot = Snapshot::from_bytes(&damaged).expect("bytes");
    assert_eq!(
        snapshot.verify().expect("a report").verdict,
        Verdict::Damaged
    );
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for entry in snapshot.keys().iter().expect("keys") {
        match entry {
            Ok(entry) => found.push((entry.key, entry.value, entry.mod_revision)),
            Err(error) => errors.push(error),
        }
    }
    assert!(!found.is_empty() && found.len() < whole.len());
    let [Error::Incomplete(findings)] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    assert!(findings.has_errors());
    assert!(errors[0].to_string().contains("damaged"), "{}", errors[0]);
    let absent = snapshot.object("pod", None, "nobody");
    assert!(matches!(absent, Err(Error::Incomplete(_))), "{absent:?}");
    let history = snapshot.history("/app/k00").expect("a history");
    assert!(matches!(history.last(), Some(Err(Error::Incomplete(_)))));
    let diff = open("real/etcd-3.6.14-a.db");
    let diff = diff.diff(&snapshot).expect("a difference").items();
    assert!(matches!(diff, Err(Error::Incomplete(_))));

    let snapshot = Snapshot::from_bytes(&damaged)
        .expect("bytes")
        .accept_damage();
    let mut entries = snapshot.keys().iter().expect("keys");
    assert_eq!(told(entries.by_ref()), found);
    assert!(entries.findings().has_errors());
    let absent = snapshot.object("pod", None, "nobody").expect("an answer");
    assert_eq!(absent, ObjectAnswer::Absent(AbsenceReason::CannotTell));
    let old = open("real/etcd-3.6.14-a.db").accept_damage();
    let items = old
        .diff(&snapshot)
        .expect("a difference")
        .items()
        .expect("items");
    assert!(items.iter().any(|item| item.change == KeyChange::Unknown));
}

#[test]
fn a_difference_has_the_keys_that_ops_finds() {
    let names = ["real/etcd-3.6.14-a.db", REAL];
    let inputs = names.map(|name| Input::open(&path(name)).expect("a file"));
    let options = Options::default();
    let [old, new] = &inputs;
    let mut old = Session::open(old, &options).expect("a snapshot");
    let mut new = Session::open(new, &options).expect("a snapshot");
    let query = DiffQuery::default();
    let diff = diff_files(&mut old, &mut new, &query).expect("a difference");
    let mut expected = Vec::new();
    let reader = ValueReader::default();
    diff.each(&old, &new, &reader, &reader, &query, |item| {
        expected.push((item.key, item.change));
        ControlFlow::Continue(())
    })
    .expect("items");
    let [old, new] = names.map(open);
    let difference = old.diff(&new).expect("a difference");
    assert_eq!(difference.comparison().relation, diff.comparison.relation);
    let items = difference.items().expect("items");
    let found: Vec<_> = items
        .into_iter()
        .map(|item| (item.key, item.change))
        .collect();
    assert_eq!(found, expected);
    // As README of the data says, of all that is not noise of a cluster or a touch.
    assert!(found.len() >= 145, "{}", found.len());
    assert!(
        old.diff(&old)
            .expect("a difference")
            .items()
            .expect("items")
            .is_empty()
    );
}

#[test]
fn an_object_is_found_encrypted_damaged_or_absent() {
    let cluster = CLUSTERS[0];
    let folder = path("kubernetes/clusters").join(cluster);
    let bytes = unpacked(&folder.join("before.db.zst"));
    let config = std::fs::read(folder.join("encryption-config.yaml")).expect("a configuration");
    let snapshot = Snapshot::from_bytes(&bytes).expect("bytes");
    let listing = support::clusters::listing(cluster, "before");
    let of = |kind: &str| listing.get(kind).and_then(|items| items.first()).cloned();
    let name = |object: &serde_json::Value, field: &str| {
        object["metadata"][field]
            .as_str()
            .expect("a name")
            .to_owned()
    };
    let pod = of("/v1/configmaps")
        .or_else(|| of("v1/configmaps"))
        .expect("a ConfigMap");
    let (space, called) = (name(&pod, "namespace"), name(&pod, "name"));
    let found = snapshot
        .object("cm", Some(&space), &called)
        .expect("an answer");
    let ObjectAnswer::Found(object) = found else {
        panic!("{found:?}");
    };
    assert_eq!(object.json["metadata"]["uid"], pod["metadata"]["uid"]);
    assert_eq!(object.json["kind"], "ConfigMap");
    assert!(object.mod_revision > 0 && object.flaw.is_none());

    let secret = of("/v1/secrets")
        .or_else(|| of("v1/secrets"))
        .expect("a Secret");
    let (space, called) = (name(&secret, "namespace"), name(&secret, "name"));
    let ask = |snapshot: &Snapshot<'_>| {
        let answer = snapshot.object("secret", Some(&space), &called);
        answer.expect("an answer")
    };
    let locked = ask(&snapshot);
    assert!(matches!(locked, ObjectAnswer::Encrypted(_)), "{locked:?}");
    assert_eq!(locked.into_json(), None);
    let config = || EncryptionConfig::read(&config).expect("a configuration");
    let opened = Snapshot::from_bytes(&bytes)
        .expect("bytes")
        .encryption(config());
    let hidden = ask(&opened).into_json().expect("a Secret");
    let shown = ask(&opened.show_secrets()).into_json().expect("a Secret");
    assert_eq!(shown["data"], secret["data"]);
    assert_ne!(hidden["data"], secret["data"]);
    assert_eq!(hidden["metadata"]["name"], shown["metadata"]["name"]);

    let error = snapshot.object("deployments.v9.apps", None, "x");
    let Err(Error::Query(fault)) = error else {
        panic!("{error:?}");
    };
    assert!(fault.downcast_ref::<ops::KindError>().is_some(), "{fault}");
    let absent = |kind: &str| match snapshot.object(kind, None, "nobody").expect("an answer") {
        ObjectAnswer::Absent(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(absent("pods"), AbsenceReason::NeverSeen);
    assert_eq!(absent("gadgets"), AbsenceReason::NotAKind);
    let several = snapshot
        .object("cm", None, "kube-root-ca.crt")
        .expect("an answer");
    let ObjectAnswer::Several(namespaces) = several else {
        panic!("{several:?}");
    };
    assert!(namespaces.len() > 1);

    let damaged = unpacked(&path("kubernetes/damaged/one-pod-prefix-changed.db.zst"));
    let snapshot = Snapshot::from_bytes(&damaged).expect("bytes");
    let mut answers = Vec::new();
    for entry in snapshot
        .keys()
        .prefix("/registry/pods/")
        .iter()
        .expect("keys")
    {
        let key = String::from_utf8(entry.expect("an entry").key).expect("UTF-8");
        let mut parts = key.rsplit('/');
        let (name, space) = (
            parts.next().expect("a name"),
            parts.next().expect("a namespace"),
        );
        answers.push(
            snapshot
                .object("pod", Some(space), name)
                .expect("an answer"),
        );
    }
    let is_damaged = |answer: &&ObjectAnswer| matches!(answer, ObjectAnswer::Damaged(_));
    assert_eq!(answers.iter().filter(is_damaged).count(), 1, "{answers:?}");
}

#[test]
fn a_source_that_fails_gives_an_error_and_no_verdict() {
    // With room for a SHA-256 behind the last page.
    let len = (1 << 20) + 32;
    let failing = |readable_from| Failing { len, readable_from };
    let error = Snapshot::from_source(failing(u64::MAX)).expect_err("an error");
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
    let snapshot = Snapshot::from_source(failing(len - 64)).expect("its end");
    for error in [
        snapshot.verify().map(drop),
        snapshot.status().map(drop),
        snapshot.hashkv(0).map(drop),
        snapshot.info().map(drop),
        snapshot.keys().iter().map(drop),
        snapshot.history("key").map(drop),
        snapshot.object("pod", None, "web").map(drop),
        snapshot.diff(&open(REAL)).map(drop),
    ] {
        let error = error.expect_err("an error");
        let Error::Read { source, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(source.to_string(), "the network is down");
    }
}

/// Fails from some call on.
#[derive(Debug)]
struct FailsLater<'b>(Slice<'b>, Mutex<Option<u32>>);

impl Source for FailsLater<'_> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> etcdsnap::Result<()> {
        let mut left = self.1.lock().expect("no panic");
        if let Some(calls) = left.as_mut() {
            *calls = calls.checked_sub(1).ok_or_else(|| Error::Read {
                path: None,
                offset,
                len: into.len(),
                source: std::io::Error::other("the network is down"),
            })?;
        }
        self.0.read_exact_at(offset, into)
    }
}

#[test]
fn a_source_that_fails_at_any_call_ends_a_list_with_that_error() {
    let bytes = testdata::read(REAL);
    let whole = by_ops(&bytes, &KeysQuery::default());
    let mut failed = 0;
    for calls in (0..).step_by(7) {
        let source = FailsLater(Slice(&bytes), Mutex::new(None));
        let snapshot = Snapshot::from_source(&source).expect("a source").threads(1);
        *source.1.lock().expect("no panic") = Some(calls);
        let list = snapshot.keys().iter();
        let list = list.and_then(|entries| entries.collect::<etcdsnap::Result<Vec<Entry>>>());
        match list {
            Ok(list) => {
                assert_eq!(told(list.into_iter().map(Ok)), whole);
                break;
            }
            Err(error) => assert!(matches!(error, Error::Read { .. }), "{error:?}"),
        }
        failed += 1;
    }
    assert!(failed > 2, "{failed}");
}

#[test]
fn a_file_that_is_changed_meanwhile_gives_no_list_without_an_error() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("snapshot.db");
    std::fs::copy(path(REAL), &file).expect("a copy");
    let snapshot = Snapshot::open(&file).expect("a file");
    let mut entries = snapshot.keys().prefix("/app/k00").iter().expect("keys");
    assert!(entries.next().expect("a key").is_ok());
    let writer = std::fs::OpenOptions::new().append(true).open(&file);
    std::io::Write::write_all(&mut writer.expect("a file"), b"more").expect("bytes");
    let last = entries.next().expect("an error");
    assert!(matches!(last, Err(Error::Changed { .. })), "{last:?}");
    assert!(entries.next().is_none());
}

#[test]
fn options_count_for_every_question() {
    let cancel = Cancel::new();
    let snapshot = open(REAL).cancel(cancel.clone());
    snapshot.verify().expect("a report");
    cancel.cancel();
    let list = || {
        snapshot
            .keys()
            .iter()?
            .collect::<etcdsnap::Result<Vec<_>>>()
    };
    for outcome in [
        snapshot.verify().map(drop),
        snapshot.status().map(drop),
        list().map(drop),
    ] {
        assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    }
    let tight = open(REAL).memory_limit(1);
    let error = tight.status().expect_err("too little memory");
    assert!(matches!(error, Error::MemoryLimit { limit: 1, .. }));
}

#[test]
#[allow(unsafe_code)]
fn a_map_gives_the_same_answers() {
    // SAFETY: nothing writes to the files of the tests.
    let mapped = unsafe { Snapshot::map(path(REAL)) }.expect("a file");
    let read = open(REAL);
    assert_eq!(
        mapped.status().expect("a status"),
        read.status().expect("a status")
    );
    let reports = [mapped.verify(), read.verify()].map(|report| said(&report.expect("a report")));
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn no_error_repeats_its_source() {
    use std::error::Error as _;

    let missing = Snapshot::open(path("nothing-here.db")).expect_err("an error");
    let source = missing.source().expect("what the system said").to_string();
    assert!(
        !missing.to_string().contains(&source),
        "{missing}: {source}"
    );
    let failing = Failing {
        len: 4096 + 32,
        readable_from: u64::MAX,
    };
    let failing = Snapshot::from_source(failing).expect_err("an error");
    let source = failing.source().expect("what the source said").to_string();
    assert!(
        !failing.to_string().contains(&source),
        "{failing}: {source}"
    );
}
