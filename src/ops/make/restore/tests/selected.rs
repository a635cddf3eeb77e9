//! A restore of chosen keys changes the small buckets as any restore does.

use super::*;

fn chosen(change: impl FnOnce(&mut Store, &mut RestoreRequest)) -> Made {
    let mut store = store();
    let mut wanted = RestoreRequest {
        keep: Some(KeyScope::default()),
        ..RestoreRequest::default()
    };
    change(&mut store, &mut wanted);
    restored_from(&store, |request| {
        wanted.data_dir = request.data_dir.take();
        *request = wanted;
    })
}

#[test]
fn members_are_replaced_and_a_stale_alarm_is_left_out() {
    let (_dir, prepared, restored) = chosen(|_, _| {});
    let examined = examined(&prepared);
    let contents = &examined.contents;
    assert_eq!(contents.members.len(), 1);
    assert_eq!(contents.members[0].id, prepared.member());
    assert!(contents.alarms.is_empty() && contents.removed.is_empty());
    assert_eq!(contents.meta.consistent_index, Some(1));
    assert_eq!(
        contents.meta.compaction.finished,
        contents.meta.compaction.scheduled
    );
    assert_eq!(contents.meta.compaction.compacted(), 2);
    assert_eq!(examined.records.records, 1);
    let kept = restored.kept.unwrap();
    assert_eq!((kept.figures.live_keys, kept.figures.kept_keys), (1, 1));
    assert!(restored.notes.iter().any(|note| note.contains("NOSPACE")));
}

#[test]
fn exact_leaves_alarm_and_configuration_here_too() {
    let (_dir, prepared, _) = chosen(|_, request| request.exact = true);
    let contents = examined(&prepared).contents;
    assert_eq!(contents.alarms.len(), 1);
    assert_eq!(contents.meta.conf_state.unwrap().voters, [5]);
}

#[test]
fn a_revision_is_raised_from_a_compaction_beyond_the_last_record() {
    let (_dir, prepared, restored) = chosen(|store, request| {
        let at = Revision { main: 40, sub: 0 }.to_key().to_vec();
        let meta = store.get_mut(&b"meta"[..]).unwrap();
        meta.insert(b"scheduledCompactRev".to_vec(), at.clone());
        meta.insert(b"finishedCompactRev".to_vec(), at);
        request.bump_revision = 1000;
        request.mark_compacted = true;
    });
    let examined = examined(&prepared);
    assert_eq!(examined.records.last.unwrap().main, 1040);
    let compaction = examined.contents.meta.compaction;
    assert_eq!(compaction.scheduled.unwrap().main, 1040);
    assert_eq!(compaction.finished.unwrap().main, 40);
    assert_eq!(restored.kept.unwrap().hash.revision, 1040);
}

#[test]
fn buckets_that_nobody_knows_are_kept() {
    let (_dir, prepared, _) = chosen(|store, _| {
        store.insert(b"strange", [(b"k".to_vec(), vec![7; 9000])].into());
    });
    let examined = examined(&prepared);
    let strange = examined
        .buckets
        .iter()
        .find(|bucket| bucket.path == [b"strange"]);
    assert_eq!(strange.unwrap().totals.bytes, 9001);
}
