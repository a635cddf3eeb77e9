//! What is different in the database of a new cluster.

use super::{OutputError, Prepared};
use crate::bolt::edit::{Edits, Patch};
use crate::bolt::{CursorError, Database, TXIDS_TO_SPARE};
use crate::etcd::check::REVISIONS_TO_SPARE;
use crate::etcd::raft::NewCluster;
use crate::etcd::schema::{
    ALARM_BUCKET, Alarm, AlarmKind, CLUSTER_BUCKET, Compaction, ConfState, KEY_BUCKET,
    MEMBERS_BUCKET, MEMBERS_REMOVED_BUCKET, META_BUCKET, Meta,
};
use crate::etcd::{Revision, RevisionKey};
use crate::ids::TxId;

/// The pages that make a copy of `database` that of the new cluster.
pub(super) fn patch(
    database: &Database<'_>,
    prepared: &Prepared,
    last_record: i64,
) -> Result<Patch, OutputError> {
    let mut edits = Edits::new();
    edit(&mut edits, database, prepared, last_record)?;
    Ok(edits.patch(database)?)
}

/// Adds what makes `database` that of the new cluster; a bump goes up from `last_record`.
pub(super) fn edit(
    edits: &mut Edits,
    database: &Database<'_>,
    prepared: &Prepared,
    last_record: i64,
) -> Result<(), OutputError> {
    membership(edits, &prepared.cluster);
    if !prepared.request.exact {
        conf_state(edits, &prepared.cluster);
        stale_alarms(edits, database)?;
    }
    if prepared.request.bump_revision > 0 {
        bump(edits, last_record, prepared.request.bump_revision)?;
    }
    Ok(())
}

fn membership(edits: &mut Edits, cluster: &NewCluster) {
    edits.clear(MEMBERS_BUCKET);
    edits.clear(MEMBERS_REMOVED_BUCKET);
    edits.create(CLUSTER_BUCKET);
    for member in cluster.members() {
        edits.put(MEMBERS_BUCKET, member.key().as_bytes(), &member.json());
    }
    let index = cluster.last_index().to_be_bytes();
    edits.put(META_BUCKET, Meta::CONSISTENT_INDEX_KEY, &index);
    edits.put(META_BUCKET, Meta::TERM_KEY, &1u64.to_be_bytes());
}

/// The old configuration names members that are gone.
fn conf_state(edits: &mut Edits, cluster: &NewCluster) {
    let state = ConfState {
        voters: cluster.ids(),
        ..ConfState::default()
    };
    if let Ok(json) = serde_json::to_vec(&state) {
        edits.put(META_BUCKET, Meta::CONF_STATE_KEY, &json);
    }
}

/// An alarm about space names a member that is gone, and would make the new ones refuse writes.
fn stale_alarms(edits: &mut Edits, database: &Database<'_>) -> Result<(), OutputError> {
    let Some(bucket) = CursorError::unless_damaged(database.bucket(ALARM_BUCKET))?.flatten() else {
        return Ok(());
    };
    let mut cursor = database.cursor(&bucket);
    let mut next = CursorError::unless_damaged(cursor.first())?.flatten();
    // Damage was reported by the check; what is behind it stays.
    while let Some(entry) = next {
        let key = entry.key.to_vec();
        if Alarm::parse_key(&key).is_some_and(|alarm| alarm.kind == AlarmKind::NoSpace) {
            edits.delete(ALARM_BUCKET, &key);
        }
        next = CursorError::unless_damaged(cursor.next())?.flatten();
    }
    Ok(())
}

/// A record without content far above the others, and the order to compact up to it: clients that still
/// know a higher revision than the snapshot's will be told so instead of waiting.
fn bump(edits: &mut Edits, last_record: i64, by: u64) -> Result<(), OutputError> {
    let main = bumped(last_record, by)?;
    let key = Revision { main, sub: 0 }.to_key();
    edits.put(KEY_BUCKET, &key, b"");
    edits.put(META_BUCKET, Compaction::SCHEDULED_KEY, &key);
    Ok(())
}

/// The revision `by` above `last`, where it leaves room for what will be written.
pub(super) fn bumped(last: i64, by: u64) -> Result<i64, OutputError> {
    let most = i64::MAX.saturating_sub(REVISIONS_TO_SPARE);
    let bumped = i64::try_from(by).ok().and_then(|by| last.checked_add(by));
    bumped.filter(|main| *main <= most).ok_or_else(|| {
        let text = format!(
            "`bump_revision` {by} from revision {last} leads too near to the last revision that etcd can \
             count, {}: beyond it etcd crashes, at the first write and then at every start; give at most {}",
            i64::MAX,
            most.saturating_sub(last).max(0)
        );
        OutputError::Request(text)
    })
}

/// Why a server would soon crash on what is made of the file without a bump: its revisions are used up.
pub(super) fn lacks_revisions(current: i64) -> Option<String> {
    let left = i64::MAX.saturating_sub(current);
    (left < REVISIONS_TO_SPARE).then(|| {
        format!(
            "the revision has come to {current}, which leaves {left} until the last one that etcd can count: \
             beyond it etcd crashes, at the first write and then at every start"
        )
    })
}

/// The same for the transactions of a copy.
pub(super) fn lacks_transactions(last: TxId) -> Option<String> {
    let left = u64::MAX.saturating_sub(last.0);
    (left < TXIDS_TO_SPARE).then(|| {
        format!(
            "the number of the last transaction is {last}, which leaves {left} until the last one that bbolt \
             can count: beyond it etcd crashes, and what it wrote is lost"
        )
    })
}

/// The greatest main revision in bucket `key`; 0 if it is empty. Damage counts as the end.
pub(super) fn last_revision(database: &Database<'_>) -> Result<i64, OutputError> {
    let Some(bucket) = CursorError::unless_damaged(database.bucket(KEY_BUCKET))?.flatten() else {
        return Ok(0);
    };
    let mut cursor = database.cursor(&bucket);
    let last = CursorError::unless_damaged(cursor.last())?.flatten();
    let key = last.and_then(|entry| RevisionKey::parse(entry.key).ok());
    Ok(key.map_or(0, |key| key.revision.main))
}
