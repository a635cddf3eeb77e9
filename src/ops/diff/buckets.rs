//! What differs in the small buckets, and whether members of one cluster may differ so.

use crate::bolt::{Cursor, CursorError, Database};
use crate::error::Result;
use crate::etcd::schema::{
    ALARM_BUCKET, AUTH_BUCKET, AUTH_ROLES_BUCKET, AUTH_USERS_BUCKET, CLUSTER_BUCKET, KEY_BUCKET,
    LEASE_BUCKET, MEMBERS_BUCKET, MEMBERS_REMOVED_BUCKET, META_BUCKET, Meta, STANDARD_BUCKETS,
};
use crate::wire::Fields;

/// How an entry of a small bucket differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketChangeKind {
    /// Only the new file has it.
    Added,
    /// Only the old file has it.
    Removed,
    /// Both have it, with other values.
    Changed,
}

/// A difference in another bucket than `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketChange {
    /// The bucket.
    pub bucket: String,
    /// The key in it.
    pub key: Vec<u8>,
    /// How it differs.
    pub kind: BucketChangeKind,
    /// False for what only changes with time: consistent index, term, compaction, leases.
    pub counts: bool,
    /// Why two members of one cluster would have it alike, if they would.
    pub divergence: Option<BucketDivergence>,
    /// Only the hash of a password differs.
    pub is_only_password: bool,
}

/// Why an entry of a small bucket should be the same in both files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketDivergence {
    /// Both have applied the same raft entry last.
    RaftIndex,
    /// Both have the same auth revision.
    AuthRevision,
}

/// What the small buckets of two files tell.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub(super) changes: Vec<BucketChange>,
    pub(super) members: [Vec<u64>; 2],
    /// The raft entry that both files have applied last, if it is the same one of the same cluster.
    pub(super) raft_index: Option<u64>,
}

/// Compares the small buckets, entry by entry. What a bucket that cannot be read to its end may hold is passed
/// over.
pub(super) fn compare_buckets(old: &Database<'_>, new: &Database<'_>) -> Result<Buckets> {
    let mut found = Buckets::default();
    let mut both = Vec::new();
    for bucket in STANDARD_BUCKETS {
        if bucket != KEY_BUCKET {
            both.push((bucket, entries(old, bucket)?, entries(new, bucket)?));
        }
    }
    let of = |wanted: &[u8]| both.iter().find(|(bucket, ..)| *bucket == wanted);
    if let Some((_, (old, _), (new, _))) = of(MEMBERS_BUCKET) {
        found.members = [member_ids(old), member_ids(new)];
    }
    if let Some((_, (old, _), (new, _))) = of(META_BUCKET) {
        found.raft_index = same_index(old, new, &found.members);
    }
    let has_one_auth_revision = of(AUTH_BUCKET).is_some_and(|(_, (old, _), (new, _))| {
        let revision = |entries: &Entries| entries.get(AUTH_REVISION).cloned();
        revision(old).is_some() && revision(old) == revision(new)
    });
    for (bucket, (before, is_old_whole), (after, is_new_whole)) in &both {
        let bucket = *bucket;
        let mut keys: Vec<&Vec<u8>> = before.keys().chain(after.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let values = (before.get(key), after.get(key));
            let kind = match values {
                (Some(a), Some(b)) if a == b => continue,
                (Some(_), Some(_)) => BucketChangeKind::Changed,
                (Some(_), None) if *is_new_whole => BucketChangeKind::Removed,
                (None, _) if *is_old_whole => BucketChangeKind::Added,
                _ => continue,
            };
            let is_only_password = match values {
                (Some(a), Some(b)) => bucket == AUTH_USERS_BUCKET && differ_in_password(a, b),
                _ => false,
            };
            let divergence = if is_only_password {
                None
            } else if found.raft_index.is_some() && is_replicated(bucket) {
                Some(BucketDivergence::RaftIndex)
            } else if has_one_auth_revision && is_of_auth_revision(bucket) {
                Some(BucketDivergence::AuthRevision)
            } else {
                None
            };
            found.changes.push(BucketChange {
                bucket: String::from_utf8_lossy(bucket).into_owned(),
                counts: counts(bucket, key),
                key: key.clone(),
                kind,
                divergence,
                is_only_password,
            });
        }
    }
    Ok(found)
}

const AUTH_REVISION: &[u8] = b"authRevision";

/// True for buckets that only raft entries change, so that members that have applied the same entries have
/// them alike. In `meta` each member also keeps things of its own.
fn is_replicated(bucket: &[u8]) -> bool {
    [
        ALARM_BUCKET,
        AUTH_BUCKET,
        AUTH_ROLES_BUCKET,
        AUTH_USERS_BUCKET,
        CLUSTER_BUCKET,
        LEASE_BUCKET,
        MEMBERS_BUCKET,
        MEMBERS_REMOVED_BUCKET,
    ]
    .contains(&bucket)
}

/// True for buckets of which every change raises the auth revision. `auth enable` does not raise it, so bucket
/// `auth` itself is none of them.
fn is_of_auth_revision(bucket: &[u8]) -> bool {
    [AUTH_ROLES_BUCKET, AUTH_USERS_BUCKET].contains(&bucket)
}

/// The raft entry that both have applied last. Up to 3.4, told by the missing term, leases, members and
/// compactions do not move the consistent index. After a restore it starts over with one entry for each
/// member, in any cluster.
fn same_index(old: &Entries, new: &Entries, members: &[Vec<u64>; 2]) -> Option<u64> {
    let number = |entries: &Entries, key: &[u8]| {
        let bytes = entries.get(key)?.as_slice();
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    };
    let of = |entries: &Entries| {
        let index = number(entries, Meta::CONSISTENT_INDEX_KEY)?;
        Some((index, number(entries, Meta::TERM_KEY)?))
    };
    let (index, _) = of(old).filter(|one| of(new).as_ref() == Some(one))?;
    let [old_members, new_members] = members;
    let has_common = old_members.iter().any(|id| new_members.contains(id));
    let restored = old_members.len().max(new_members.len()) as u64;
    (has_common && index > restored).then_some(index)
}

fn member_ids(entries: &Entries) -> Vec<u64> {
    let id = |key: &Vec<u8>| u64::from_str_radix(std::str::from_utf8(key).ok()?, 16).ok();
    let mut ids: Vec<u64> = entries.keys().filter_map(id).take(MOST_MEMBERS).collect();
    ids.sort_unstable();
    ids
}

/// No cluster has so many.
const MOST_MEMBERS: usize = 1000;

/// The field of a user that holds the password's hash.
const PASSWORD: u32 = 2;

/// True when two users differ in nothing but the hash of the password. Up to 3.4 each member makes a hash of
/// its own, and keeps it when it is upgraded.
fn differ_in_password(a: &[u8], b: &[u8]) -> bool {
    let others = |value: &[u8]| -> Option<Vec<(u32, String)>> {
        let mut others = Vec::new();
        for field in Fields::of_etcd(value) {
            let (number, field) = field.ok()?;
            if number != PASSWORD {
                others.push((number, format!("{field:?}")));
            }
        }
        Some(others)
    };
    others(a).is_some_and(|one| others(b).is_some_and(|other| one == other))
}

fn counts(bucket: &[u8], key: &[u8]) -> bool {
    match bucket {
        b"meta" => key == b"storageVersion",
        b"lease" => false,
        b"auth" => key != b"authRevision",
        _ => true,
    }
}

/// Entries beyond this are not compared: nobody has so many users, and leases are only counted.
const MOST_ENTRIES: usize = 100_000;

/// Keys and values of a small bucket.
type Entries = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

/// The entries of a bucket, and whether they are all.
fn entries(database: &Database<'_>, name: &[u8]) -> Result<(Entries, bool)> {
    let mut all = Entries::new();
    let bucket = match CursorError::unless_damaged(database.bucket(name))? {
        Some(Some(bucket)) => bucket,
        Some(None) => return Ok((all, true)),
        None => return Ok((all, false)),
    };
    let mut cursor: Cursor<'_> = database.cursor(&bucket);
    let mut entry = cursor.first();
    loop {
        match CursorError::unless_damaged(entry)? {
            Some(Some(found)) if all.len() < MOST_ENTRIES => {
                all.insert(found.key.to_vec(), found.value.to_vec());
            }
            Some(None) => return Ok((all, true)),
            Some(Some(_)) | None => return Ok((all, false)),
        }
        entry = cursor.next();
    }
}
