//! Sentences about etcd's data.

use super::Template;
use crate::etcd::check::codes::*;

pub(super) const TEMPLATES: &[Template] = &[
    (&BUCKET_MISSING, None, "there is no bucket \"{bucket}\""),
    (&BUCKET_ABSENT, None, "there is no bucket \"{bucket}\""),
    (&NOT_A_BUCKET, None, "the element has no bucket flag"),
    (
        &BUCKET_UNKNOWN,
        None,
        "bucket \"{bucket:64}\" is not one of etcd's",
    ),
    (&BUCKET_NESTED, None, "etcd never nests buckets"),
    (
        &REVISION_KEY,
        Some("length"),
        "{key:go} is not a revision key: invalid revision length: {bytes}",
    ),
    (
        &REVISION_KEY,
        Some("separator"),
        "{key:go} is not a revision key: invalid separator in bucket key: {separator}",
    ),
    (
        &REVISION_KEY,
        Some("negative"),
        "{key:go} is not a revision key: negative revision: main={named:main} sub={named:sub}",
    ),
    (
        &TOMBSTONE_MARK,
        None,
        "its key has an 18th byte that is not `t`",
    ),
    (&REVISION_ZERO, None, "the first revision of a store is 1"),
    (&RECORD_VALUE, None, "the value is not a KeyValue message"),
    (
        &MOD_REVISION,
        None,
        "its mod revision is {found}, but its key says {expected}",
    ),
    (
        &CONTINUITY,
        Some("version"),
        "version {version} at revision {revision} with create revision {create_revision}",
    ),
    (
        &CONTINUITY,
        Some("nothing-to-delete"),
        "deleted at {revision}, but no record says that it existed",
    ),
    (
        &CONTINUITY,
        Some("gap"),
        "version {version} (created at {create_revision}) follows version {version_before} (created at {create_revision_before})",
    ),
    (
        &CONTINUITY,
        Some("after-deletion"),
        "version {version} follows a deletion",
    ),
    (
        &CONTINUITY,
        Some("first"),
        "its first record is version {version}, created at {create_revision}",
    ),
    (
        &SUB_REVISION_GAP,
        Some("gap"),
        "revision {at} follows {before}",
    ),
    (
        &SUB_REVISION_GAP,
        Some("first"),
        "revision {at} follows nothing",
    ),
    (
        &TOMBSTONE_TWICE,
        None,
        "deleted at {before} and at {revision}",
    ),
    (
        &TOMBSTONE_VALUE,
        None,
        "it has a revision, version, value or lease of its own",
    ),
    (
        &DELETED_AND_PUT,
        Some("deleted-first"),
        "deleted at {deleted} and put at {put}",
    ),
    (
        &DELETED_AND_PUT,
        Some("put-first"),
        "put at {put} and deleted at {deleted}",
    ),
    (&BUMP_MARKER, None, "a record without a value"),
    (&EMPTY_USER_KEY, None, "user keys have at least one byte"),
    (
        &LEASE_MISSING,
        None,
        "lease {lease} is not in bucket `lease`",
    ),
    (
        &REVISION_LIMIT,
        None,
        "{left?1 revision is|# revisions are} left after {newest}",
    ),
    (
        &REVISIONS_MISSING,
        Some("gap"),
        "{missing?revision {first} has|the # revisions {first} to {last} have} no record; {at} follows {before}",
    ),
    (
        &REVISIONS_MISSING,
        Some("first"),
        "{missing?revision {first} has|the # revisions {first} to {last} have} no record; {at} follows nothing",
    ),
    (
        &WRITTEN_TWICE,
        Some("put"),
        "put at {before} and put at {at}",
    ),
    (
        &WRITTEN_TWICE,
        Some("deleted"),
        "deleted at {before} and deleted at {at}",
    ),
    (
        &IMPORTED,
        None,
        "version 1 at revision {revision} with create revision {create_revision}",
    ),
    (
        &COMPACTION_RUNNING,
        Some("again"),
        "scheduled at revision {scheduled}, finished: {finished}",
    ),
    (
        &COMPACTION_RUNNING,
        Some("first"),
        "scheduled at revision {scheduled}, finished: none",
    ),
    (
        &COMPACTION_ORDER,
        Some("earlier"),
        "finished at revision {finished}, scheduled: {scheduled}",
    ),
    (
        &COMPACTION_ORDER,
        Some("none"),
        "finished at revision {finished}, scheduled: none",
    ),
    (
        &META_VALUE,
        Some("length"),
        "the value has {found?1 byte|# bytes}, expected: {expected}",
    ),
    (&META_VALUE, Some("revision"), "the value is not a revision"),
    (
        &META_VALUE,
        Some("conf-state"),
        "the value is not a raft configuration (column {column})",
    ),
    (&STORAGE_VERSION, None, "it reads \"{text:32}\""),
    (
        &CONSISTENT_INDEX,
        None,
        "there is a term, but no consistent index",
    ),
    (
        &CONF_STATE_STALE,
        None,
        "confState names {named} members, bucket `members` {present}, {same} of them are the same",
    ),
    (
        &MEMBER_VALUE,
        None,
        "the value is not the JSON of a member ({error} error at column {column})",
    ),
    (&MEMBER_ID, Some("value"), "the entry's id is {member}"),
    (&MEMBER_ID, Some("key"), "the key is not a member id in hex"),
    (
        &MEMBER_ZOMBIE,
        None,
        "member {member} is in bucket `members_removed` too",
    ),
    (&MEMBER_LEARNER, None, "member {member} does not vote"),
    (
        &PEER_URL_TWICE,
        None,
        "members {other} and {member} are both at {url:128}",
    ),
    (
        &CLUSTER_VALUE,
        Some("version"),
        "the value is not a version of three numbers",
    ),
    (
        &CLUSTER_VALUE,
        Some("downgrade"),
        "the value is not the JSON of a downgrade",
    ),
    (&ALARM_NOSPACE, None, "alarm NOSPACE of member {member}"),
    (&ALARM_CORRUPT, None, "alarm CORRUPT of member {member}"),
    (&ALARM_KEY, None, "the key is not an alarm"),
    (&ALARM_UNKNOWN, None, "alarm {alarm} of member {member}"),
    (
        &LEASE_VALUE,
        Some("key-length"),
        "the key has {found?1 byte|# bytes}, but a lease id has {expected}",
    ),
    (&LEASE_VALUE, Some("malformed"), "the value is not a lease"),
    (&LEASE_VALUE, Some("id"), "the value names lease {lease}"),
    (
        &AUTH_VALUE,
        Some("form"),
        "the value has {bytes?1 byte|# bytes} of the wrong form",
    ),
    (
        &AUTH_VALUE,
        Some("other-user"),
        "the value names another user",
    ),
    (&AUTH_VALUE, Some("user"), "the value is not a user"),
    (
        &AUTH_VALUE,
        Some("other-role"),
        "the value names another role",
    ),
    (&AUTH_VALUE, Some("role"), "the value is not a role"),
    (&ROLE_MISSING, None, "role \"{role:64}\" does not exist"),
    (&ROOT_MISSING, None, "nobody can change users or roles"),
];
