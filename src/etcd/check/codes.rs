//! The codes of findings about etcd's data.

crate::finding::codes! {
    /// A bucket that every database of etcd has is missing.
    BUCKET_MISSING = "E001" Error "bucket `key` or `meta` is missing",
        "not an etcd database, or a damaged root page",
        "etcd cannot restore from it; take another copy";
    /// A standard bucket other than `key` and `meta` is missing.
    BUCKET_ABSENT = "E002" Note "a standard bucket is missing",
        "a database made by an older release or by another tool",
        "etcd creates it at its next start";
    /// An element of the root bucket that is no bucket.
    NOT_A_BUCKET = "E003" Error "an element of the root bucket is no bucket",
        "a damaged element, or a database that is not etcd's",
        "etcd never writes one and `snapshot status` refuses the file; take another copy";
    /// A bucket that etcd does not know.
    BUCKET_UNKNOWN = "E004" Note "a bucket that is not etcd's",
        "another program or a newer release wrote it",
        "etcd ignores it";
    /// A bucket inside one of etcd's buckets.
    BUCKET_NESTED = "E005" Error "a bucket lies inside a bucket",
        "damaged element flags",
        "etcd never nests buckets; what the element held is lost in this copy";
    /// A key of bucket `key` that is no revision.
    REVISION_KEY = "E010" Error "a key is no revision",
        "damaged key bytes",
        "etcd panics when it loads the record; take another copy";
    /// The mark of a tombstone is another byte.
    TOMBSTONE_MARK = "E011" Error "the mark of a tombstone is damaged",
        "damaged key bytes",
        "etcd reads the deletion as a write; take another copy";
    /// A revision that servers do not load.
    REVISION_ZERO = "E012" Error "a record has main revision 0",
        "damaged key bytes",
        "etcd does not load the record; take another copy";
    /// A value of bucket `key` that is no record.
    RECORD_VALUE = "E013" Error "the value of a record cannot be decoded",
        "damaged value bytes",
        "etcd panics when it loads the record; take another copy";
    /// The record's own revision differs from its key's.
    MOD_REVISION = "E014" Error "a record names another revision than its key",
        "damaged key or value bytes",
        "the record was altered; take another copy";
    /// Create revision and version do not continue.
    CONTINUITY = "E015" Error "the history of a key does not continue",
        "records were lost or altered",
        "take another copy; the key's other revisions may still be right";
    /// Sub revisions with a gap.
    SUB_REVISION_GAP = "E016" Error "changes of a transaction are missing",
        "records were lost",
        "take another copy";
    /// A deletion of what was deleted already.
    TOMBSTONE_TWICE = "E017" Note "a key was deleted twice in a row",
        "an old defect of etcd",
        "etcd ignores the second deletion";
    /// A tombstone that holds more than the key.
    TOMBSTONE_VALUE = "E018" Error "a tombstone holds more than a key",
        "damaged value bytes, or a damaged mark",
        "the record was altered; take another copy";
    /// A key that one transaction deletes and puts.
    DELETED_AND_PUT = "E019" Warning "a transaction deletes and puts the same key",
        "a delete with range end \\0 beside a put, or a nested delete behind a nested put",
        "restores as it is, but never compact at exactly this revision: that can lose the live value and crash etcd (etcd#22376); compact at a later one";
    /// The record that a revision bump leaves.
    BUMP_MARKER = "E020" Note "a marker of `restore --bump-revision`",
        "the cluster was once restored with a revision bump",
        "normal; etcd counts it as one key too many in TOTAL KEYS";
    /// A record for the empty key.
    EMPTY_USER_KEY = "E021" Error "a record has an empty key",
        "damaged value bytes",
        "the record was altered; take another copy";
    /// A live key hangs on a lease that does not exist.
    LEASE_MISSING = "E022" Warning "a live key names a lease that does not exist",
        "the lease was lost",
        "the key will never expire after a restore; delete it by hand if it should have";
    /// So few revisions are left that a server soon crashes for good.
    REVISION_LIMIT = "E023" Error "no revisions are left for further writes",
        "damaged key or value bytes, or a restore with too great a --bump-revision",
        "etcd crashes as soon as the revisions are used up, and at every start from then on; take another copy";
    /// Main revisions without a record.
    REVISIONS_MISSING = "E024" Warning "revisions have no record",
        "records were lost, or the keys were imported by `etcdctl migrate`",
        "restores, but changes may be missing; compare it with another copy: etcdsnap diff";
    /// Two records of one key that no transaction leaves.
    WRITTEN_TWICE = "E025" Error "a transaction puts or deletes a key twice",
        "damaged key or value bytes",
        "the record was altered; take another copy";
    /// A first version that says it was created earlier.
    IMPORTED = "E026" Warning "the first version of a key was created at an earlier revision",
        "the key was imported by `etcdctl migrate`, or damaged value bytes",
        "restores as it is, and etcd serves the key so";
    /// A compaction was under way.
    COMPACTION_RUNNING = "E030" Note "a compaction was under way",
        "the snapshot was taken while etcd compacted",
        "etcd finishes the compaction at its next start";
    /// The finished compaction is newer than the scheduled one.
    COMPACTION_ORDER = "E031" Warning "a finished compaction was never scheduled",
        "damaged values in bucket `meta`, or a restore with a revision bump",
        "etcd goes by the greater of the two";
    /// A value of bucket `meta` of the wrong form.
    META_VALUE = "E040" Error "a value in bucket `meta` has the wrong form",
        "damaged value bytes",
        "etcd panics or misreads it at start; take another copy";
    /// The storage version is no version.
    STORAGE_VERSION = "E041" Warning "the storage version cannot be parsed",
        "written by hand, or damaged",
        "etcd 3.6 and 3.7 take the database for one of 3.5";
    /// A term without a consistent index.
    CONSISTENT_INDEX = "E042" Warning "bucket `meta` names no consistent index",
        "a database that no server has written to yet, or a lost entry",
        "a restore sets it; a server that starts from this data directory replays its whole log";
    /// The raft configuration does not fit the members.
    CONF_STATE_STALE = "E043" Note "confState names other members than bucket `members`",
        "the cluster was restored and its membership has not changed since",
        "normal; etcd rewrites it at the next change of membership";
    /// A member that cannot be decoded.
    MEMBER_VALUE = "E050" Error "a member cannot be decoded",
        "damaged value bytes",
        "a restore replaces the members; a server that starts from this data directory panics";
    /// A member's id differs from its key.
    MEMBER_ID = "E051" Error "a member's id differs from its key",
        "damaged key or value bytes",
        "a restore replaces the members; a server that starts from this data directory is misled";
    /// A member that was removed is still there.
    MEMBER_ZOMBIE = "E052" Warning "a removed member is still in bucket `members`",
        "a known defect of etcd 3.4 and 3.5 around restores",
        "a restore replaces the members; remove it with `etcdctl member remove` in a running cluster";
    /// A member that does not vote.
    MEMBER_LEARNER = "E053" Note "a member is a learner",
        "a member was being added when the database was saved",
        "normal; a restore replaces the members, `etcdctl member promote` lets it vote";
    /// Two members with one peer URL.
    PEER_URL_TWICE = "E054" Warning "two members have the same peer URL",
        "a member was replaced without being removed",
        "a restore replaces the members; remove the stale one in a running cluster";
    /// A value of bucket `cluster` of the wrong form.
    CLUSTER_VALUE = "E055" Error "a value in bucket `cluster` has the wrong form",
        "damaged value bytes",
        "etcd panics at start; take another copy";
    /// A NOSPACE alarm.
    ALARM_NOSPACE = "E060" Warning "a NOSPACE alarm is raised",
        "the database had reached its quota",
        "etcdsnap's restore leaves it out; with `--exact`, or restored by etcdutl, the cluster refuses writes until `etcdctl alarm disarm`";
    /// A CORRUPT alarm.
    ALARM_CORRUPT = "E061" Error "a CORRUPT alarm is raised",
        "members disagreed about their data when the snapshot was taken",
        "compare this member's data with the others' before you trust it";
    /// An alarm that cannot be decoded.
    ALARM_KEY = "E062" Error "an alarm cannot be decoded",
        "damaged key bytes",
        "etcd panics at start; take another copy";
    /// An alarm of a kind that is not known.
    ALARM_UNKNOWN = "E063" Warning "an alarm of an unknown kind is raised",
        "a newer release, or damaged key bytes",
        "disarm it with `etcdctl alarm disarm` once its reason is known";
    /// A lease that cannot be decoded.
    LEASE_VALUE = "E070" Error "a lease cannot be decoded",
        "damaged key or value bytes",
        "etcd panics at start; take another copy";
    /// A value of the auth buckets of the wrong form.
    AUTH_VALUE = "E080" Error "a value in the auth buckets has the wrong form",
        "damaged value bytes",
        "etcd panics at start or locks users out; take another copy";
    /// A role that is granted but not there.
    ROLE_MISSING = "E081" Warning "a user has a role that does not exist",
        "the role was lost",
        "the user lacks the role's permissions after a restore";
    /// Authentication without root.
    ROOT_MISSING = "E082" Warning "authentication is on, but there is no user root",
        "the user was lost",
        "nobody can administer users after a restore";
}
