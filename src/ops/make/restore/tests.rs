mod selected;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::bolt::write::{WriteError, WriteLayout, Writer};
use crate::etcd::Revision;
use crate::etcd::raft::LogRecord;
use crate::etcd::{HashKv, Release};
use crate::ops::examine::hashkv::{HashKvOutcome, hashkv};
use crate::ops::examine::wal::wal;

pub(in crate::ops::make) type Store = BTreeMap<&'static [u8], BTreeMap<Vec<u8>, Vec<u8>>>;

const ALARM: &[u8] = b"\x08\xb0\xf5\xcb\xde\x80\x94\x90\xec\xcf\x01\x10\x01";
const CORRUPT: &[u8] = b"\x08\x05\x10\x02";

/// A small store with an old member and an alarm.
pub(in crate::ops::make) fn store() -> Store {
    let record = |main: i64| {
        let key = Revision { main, sub: 0 }.to_key().to_vec();
        let mut value = b"\x0a\x01k".to_vec();
        value.extend([0x10, main as u8, 0x18, main as u8, 0x20, 1, 0x2a, 1, b'v']);
        (key, value)
    };
    let old = br#"{"id":5,"peerURLs":["http://old:2380"],"name":"old"}"#;
    let entry = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    let state = br#"{"voters":[5],"auto_leave":false}"#;
    Store::from([
        (&b"alarm"[..], [entry(ALARM, b"")].into()),
        (b"cluster", [entry(b"clusterVersion", b"3.6.0")].into()),
        (b"key", [record(2)].into()),
        (b"members", [entry(b"5", old)].into()),
        (b"members_removed", [entry(b"7", b"removed")].into()),
        (
            b"meta",
            [
                entry(b"confState", state),
                entry(b"consistent_index", &9u64.to_be_bytes()),
                entry(b"term", &4u64.to_be_bytes()),
            ]
            .into(),
        ),
    ])
}

pub(super) fn snapshot(dir: &Path, store: &Store) -> Input<'static> {
    let path = dir.join("snapshot.db");
    let file = fs::File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    let mut writer = Writer::new(file, WriteLayout::snapshot()).unwrap();
    for (name, entries) in store {
        writer
            .bucket(name, |bucket| -> Result<(), WriteError> {
                entries
                    .iter()
                    .try_for_each(|(key, value)| bucket.put(key, value))
            })
            .unwrap();
    }
    writer.finish().unwrap();
    Input::open(&path).unwrap()
}

/// That the directory under its final name is what was read back.
#[track_caller]
pub(in crate::ops::make) fn assert_whole(prepared: &Prepared, hash: Option<HashKv>) {
    let options = Options::default();
    let input = Input::open(prepared.data_dir()).unwrap();
    let input = input.with_wal_dir(Some(prepared.wal_dir()));
    let what = VerifyOptions {
        quick: true,
        directory: true,
        ..VerifyOptions::default()
    };
    let report = verify(&input, what, &options).unwrap();
    let has_errors = report.findings.has_errors() && !prepared.request.force;
    assert!(!has_errors, "{:?}", report.findings);
    match hashkv(&input, 0, Release::default(), &options).unwrap() {
        HashKvOutcome::Answer(found) => assert_eq!(Some(found), hash),
        HashKvOutcome::Refused(_) => assert_eq!(None, hash),
    }
    let mut index = 0;
    let log = wal(&prepared.wal_dir(), &options, |_, frame| {
        if let LogRecord::Snapshot(mark) = &frame.record {
            index = mark.index;
        }
        ControlFlow::Continue(())
    });
    let log = log.unwrap();
    assert!(log.findings.list.is_empty(), "{:?}", log.findings);
    assert_eq!(index, prepared.cluster().last_index());
    let (name, bytes) = raft_files::raft_snapshot(prepared);
    let path = prepared.data_dir().join("member/snap").join(name);
    assert_eq!(fs::read(path).unwrap(), bytes);
}

type Made = (tempfile::TempDir, Prepared, Restored);

fn restored(change: impl FnOnce(&mut RestoreRequest)) -> Made {
    restored_from(&store(), change)
}

fn restored_from(store: &Store, change: impl FnOnce(&mut RestoreRequest)) -> Made {
    let dir = tempfile::tempdir().unwrap();
    let input = snapshot(dir.path(), store);
    let mut request = RestoreRequest {
        data_dir: Some(dir.path().join("data")),
        ..RestoreRequest::default()
    };
    change(&mut request);
    let prepared = Prepared::new(request).unwrap();
    let options = Options::default();
    let restored = restore(&input, &prepared, &options).unwrap();
    assert_whole(&prepared, restored.proven.hash);
    (dir, prepared, restored)
}

fn examined(prepared: &Prepared) -> Box<crate::ops::examine::Examination> {
    let input = Input::open(prepared.data_dir()).unwrap();
    let report = verify(&input, VerifyOptions::default(), &Options::default()).unwrap();
    assert!(!report.findings.has_errors(), "{:?}", report.findings);
    report.examination.unwrap()
}

#[test]
fn the_new_members_take_the_place_of_the_old_ones() {
    let (_dir, prepared, _) = restored(|_| {});
    let contents = examined(&prepared).contents;
    assert_eq!(contents.members.len(), 1);
    assert_eq!(contents.members[0].id, prepared.member());
    assert_eq!(contents.members[0].name, "default");
    assert!(contents.removed.is_empty());
    assert_eq!(contents.meta.consistent_index, Some(1));
    assert_eq!(contents.meta.term, Some(1));
    let state = contents.meta.conf_state.unwrap();
    assert_eq!(state.voters, [prepared.member()]);
}

#[test]
fn an_alarm_about_space_is_left_out() {
    let (_dir, prepared, restored) = restored(|_| {});
    assert!(examined(&prepared).contents.alarms.is_empty());
    assert!(restored.notes.iter().any(|note| note.contains("NOSPACE")));
}

#[test]
fn an_alarm_about_corruption_stays_and_needs_force() {
    let mut store = store();
    let alarms = store.get_mut(&b"alarm"[..]).unwrap();
    alarms.insert(CORRUPT.to_vec(), Vec::new());
    let (_dir, prepared, restored) = restored_from(&store, |request| request.force = true);
    let input = Input::open(prepared.data_dir()).unwrap();
    let report = verify(&input, VerifyOptions::default(), &Options::default()).unwrap();
    let alarms = report.examination.unwrap().contents.alarms;
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].kind, AlarmKind::Corrupt);
    assert!(restored.notes.iter().any(|note| note.contains("CORRUPT")));

    let dir = tempfile::tempdir().unwrap();
    let input = snapshot(dir.path(), &store);
    let prepared = Prepared::new(RestoreRequest {
        data_dir: Some(dir.path().join("data")),
        ..RestoreRequest::default()
    })
    .unwrap();
    let refused = restore(&input, &prepared, &Options::default());
    assert!(matches!(refused, Err(OutputError::File { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn exact_leaves_what_etcdutl_leaves() {
    let (_dir, prepared, _) = restored(|request| request.exact = true);
    let contents = examined(&prepared).contents;
    assert_eq!(contents.alarms.len(), 1);
    assert_eq!(contents.meta.conf_state.unwrap().voters, [5]);
}

#[test]
fn a_raised_revision_is_marked_as_compacted() {
    let (_dir, prepared, _) = restored(|request| {
        request.bump_revision = 1000;
        request.mark_compacted = true;
    });
    let examined = examined(&prepared);
    assert_eq!(examined.records.last.unwrap().main, 1002);
    assert_eq!(examined.contents.meta.compaction.compacted(), 1002);
}

#[test]
fn a_revision_beyond_the_last_one_is_refused_and_nothing_stays() {
    let dir = tempfile::tempdir().unwrap();
    let input = snapshot(dir.path(), &store());
    let prepared = Prepared::new(RestoreRequest {
        data_dir: Some(dir.path().join("data")),
        bump_revision: u64::MAX >> 1,
        mark_compacted: true,
        ..RestoreRequest::default()
    })
    .unwrap();
    let refused = restore(&input, &prepared, &Options::default());
    assert!(matches!(refused, Err(OutputError::Request(_))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_database_that_nothing_was_written_to_is_refused_even_with_force() {
    let dir = tempfile::tempdir().unwrap();
    let input = snapshot(dir.path(), &Store::new());
    let prepared = Prepared::new(RestoreRequest {
        data_dir: Some(dir.path().join("data")),
        force: true,
        ..RestoreRequest::default()
    })
    .unwrap();
    let refused = restore(&input, &prepared, &Options::default()).unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("nothing was written to"), "{refused}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_store_with_nothing_but_keys_becomes_one_with_members() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store();
    store.retain(|name, _| *name == b"key");
    let input = snapshot(dir.path(), &store);
    let prepared = Prepared::new(RestoreRequest {
        data_dir: Some(dir.path().join("data")),
        force: true,
        ..RestoreRequest::default()
    })
    .unwrap();
    restore(&input, &prepared, &Options::default()).unwrap();
    let restored = Input::open(prepared.data_dir()).unwrap();
    let report = verify(&restored, VerifyOptions::default(), &Options::default()).unwrap();
    let contents = report.examination.unwrap().contents;
    assert_eq!(contents.members.len(), 1);
}

#[test]
fn how_far_back_a_snapshot_is_comes_with_a_bump_that_covers_it() {
    let (_dir, _, restored) = restored(|request| request.live_revision = Some(1_500_002));
    let expected = "the snapshot is 1500000 revisions behind 1500002: clients that know later ones \
                    need `bump_revision` 2000000 `mark_compacted`";
    assert!(
        restored.notes.iter().any(|note| note == expected),
        "{:?}",
        restored.notes
    );
}

#[test]
fn a_plan_writes_nothing_and_says_what_it_would_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let input = snapshot(dir.path(), &store());
    let prepared = Prepared::new(RestoreRequest {
        data_dir: Some(dir.path().join("data")),
        ..RestoreRequest::default()
    })
    .unwrap();
    let members = std::slice::from_ref(&prepared);
    let plan = plan(&input, members, &Options::default()).unwrap();
    assert!(plan.refusal.is_none());
    assert!(plan.bytes > SEGMENT_LEN);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
