//! The codes of findings about etcd's data.

crate::finding::codes! {
    /// A bucket that every database of etcd has is missing.
    BUCKET_MISSING = "E001" Error Buckets "bucket `key` or `meta` is missing",
        "not an etcd database, or a damaged root page",
        "etcd cannot restore from it; take another copy" => {
            VitalBucketMissing { bucket: Name }
        }
    /// A standard bucket other than `key` and `meta` is missing.
    BUCKET_ABSENT = "E002" Note Buckets "a standard bucket is missing",
        "a database made by an older release or by another tool",
        "etcd creates it at its next start" => {
            BucketMissing { bucket: Name }
        }
    /// An element of the root bucket that is not a bucket.
    NOT_A_BUCKET = "E003" Error Buckets "an element of the root bucket is not a bucket",
        "a damaged element, or a database that is not etcd's",
        "etcd never writes one and `snapshot status` refuses the file; take another copy" => {
            NotABucket {}
        }
    /// A bucket that etcd does not know.
    BUCKET_UNKNOWN = "E004" Note Buckets "a bucket that is not etcd's",
        "another program or a newer release wrote it",
        "etcd ignores it" => {
            BucketUnknown { bucket: Name }
        }
    /// A bucket inside one of etcd's buckets.
    BUCKET_NESTED = "E005" Error Buckets "a bucket lies inside a bucket",
        "damaged element flags",
        "etcd never nests buckets; what the element held is lost in this copy" => {
            BucketNested {}
        }
    /// A key of bucket `key` that is not a revision.
    REVISION_KEY = "E010" Error Revisions "a key is not a revision",
        "damaged key bytes",
        "etcd panics when it loads the record; take another copy" => {
            RevisionKeyLength = "length" { key: Key, bytes: Bytes }
            RevisionKeySeparator = "separator" { key: Key, separator: Letter }
            RevisionKeyNegative = "negative" { key: Key, named: Revision }
        }
    /// The mark of a tombstone is another byte.
    TOMBSTONE_MARK = "E011" Error Revisions "the mark of a tombstone is damaged",
        "damaged key bytes",
        "etcd reads the deletion as a write; take another copy" => {
            TombstoneMark {}
        }
    /// A revision that servers do not load.
    REVISION_ZERO = "E012" Error Revisions "a record has main revision 0",
        "damaged key bytes",
        "etcd does not load the record; take another copy" => {
            RevisionZero {}
        }
    /// A value of bucket `key` that is not a record.
    RECORD_VALUE = "E013" Error Records "the value of a record cannot be decoded",
        "damaged value bytes",
        "etcd panics when it loads the record; take another copy" => {
            RecordValue {}
        }
    /// The record's own revision differs from its key's.
    MOD_REVISION = "E014" Error Records "a record names another revision than its key",
        "damaged key or value bytes",
        "the record was altered; take another copy" => {
            ModRevision { found: MainRevision, expected: MainRevision }
        }
    /// Create revision and version do not continue.
    CONTINUITY = "E015" Error Records "the history of a key does not continue",
        "records were lost or altered",
        "take another copy; the key's other revisions may still be right" => {
            ImpossibleVersion = "version" { version: Version, revision: MainRevision, create_revision: MainRevision }
            NothingToDelete = "nothing-to-delete" { revision: MainRevision }
            VersionGap = "gap" {
                version: Version, create_revision: MainRevision, version_before: Version, create_revision_before: MainRevision,
            }
            VersionAfterDeletion = "after-deletion" { version: Version }
            FirstVersion = "first" { version: Version, create_revision: MainRevision }
        }
    /// Sub revisions with a gap.
    SUB_REVISION_GAP = "E016" Error Revisions "changes of a transaction are missing",
        "records were lost",
        "take another copy" => {
            ChangesMissing = "gap" { at: Revision, before: Revision }
            FirstChangesMissing = "first" { at: Revision }
        }
    /// A deletion of what was deleted already.
    TOMBSTONE_TWICE = "E017" Note Records "a key was deleted twice in a row",
        "an old defect of etcd",
        "etcd ignores the second deletion" => {
            TombstoneTwice { before: MainRevision, revision: MainRevision }
        }
    /// A tombstone that holds more than the key.
    TOMBSTONE_VALUE = "E018" Error Records "a tombstone holds more than a key",
        "damaged value bytes, or a damaged mark",
        "the record was altered; take another copy" => {
            TombstoneValue {}
        }
    /// A key that one transaction deletes and puts.
    DELETED_AND_PUT = "E019" Warning Records "a transaction deletes and puts the same key",
        "a delete with range end \\0 beside a put, or a nested delete behind a nested put",
        "restores as it is, but never compact at exactly this revision: that can lose the live value and crash etcd (etcd#22376); compact at a later one" => {
            DeletedThenPut = "deleted-first" { deleted: Revision, put: Revision }
            PutThenDeleted = "put-first" { put: Revision, deleted: Revision }
        }
    /// The record that a revision bump leaves.
    BUMP_MARKER = "E020" Note Revisions "a marker of a restore that bumped the revision",
        "the cluster was once restored with a revision bump",
        "normal; etcd counts it as one key too many in TOTAL KEYS" => {
            BumpMarker {}
        }
    /// A record for the empty key.
    EMPTY_USER_KEY = "E021" Error Records "a record has an empty key",
        "damaged value bytes",
        "the record was altered; take another copy" => {
            EmptyUserKey {}
        }
    /// A live key hangs on a lease that does not exist.
    LEASE_MISSING = "E022" Warning Leases "a live key names a lease that does not exist",
        "the lease was lost",
        "the key will never expire after a restore; delete it by hand if it should have" => {
            LeaseMissing { lease: Lease }
        }
    /// So few revisions are left that a server soon crashes for good.
    REVISION_LIMIT = "E023" Error Revisions "no revisions are left for further writes",
        "damaged key or value bytes, or a restore that bumped the revision too far",
        "etcd crashes as soon as the revisions are used up, and at every start from then on; take another copy" => {
            FewRevisionsLeft { left: Count, newest: MainRevision }
        }
    /// Main revisions without a record.
    REVISIONS_MISSING = "E024" Warning Revisions "revisions have no record",
        "records were lost, or the keys were imported by `etcdctl migrate`",
        "restores, but changes may be missing; compare it with another copy, with `diff`" => {
            RevisionsMissing = "gap" {
                missing: Count, first: MainRevision, last: MainRevision, at: Revision, before: Revision,
            }
            FirstRevisionsMissing = "first" { missing: Count, first: MainRevision, last: MainRevision, at: Revision }
        }
    /// Two records of one key that no transaction leaves.
    WRITTEN_TWICE = "E025" Error Records "a transaction puts or deletes a key twice",
        "damaged key or value bytes",
        "the record was altered; take another copy" => {
            PutTwice = "put" { before: Revision, at: Revision }
            DeletedTwice = "deleted" { before: Revision, at: Revision }
        }
    /// A first version that says it was created earlier.
    IMPORTED = "E026" Warning Records "the first version of a key was created at an earlier revision",
        "the key was imported by `etcdctl migrate`, or damaged value bytes",
        "restores as it is, and etcd serves the key so" => {
            Imported { revision: MainRevision, create_revision: MainRevision }
        }
    /// A compaction was under way.
    COMPACTION_RUNNING = "E030" Note Metadata "a compaction was under way",
        "the snapshot was taken while etcd compacted",
        "etcd finishes the compaction at its next start" => {
            CompactionRunning = "again" { scheduled: MainRevision, finished: MainRevision }
            FirstCompactionRunning = "first" { scheduled: MainRevision }
        }
    /// The finished compaction is newer than the scheduled one.
    COMPACTION_ORDER = "E031" Warning Metadata "a finished compaction was never scheduled",
        "damaged values in bucket `meta`, or a restore with a revision bump",
        "etcd goes by the greater of the two" => {
            CompactionOrder = "earlier" { finished: MainRevision, scheduled: MainRevision }
            CompactionNotScheduled = "none" { finished: MainRevision }
        }
    /// A value of bucket `meta` of the wrong form.
    META_VALUE = "E040" Error Metadata "a value in bucket `meta` has the wrong form",
        "damaged value bytes",
        "etcd panics or misreads it at start; take another copy" => {
            MetaValueLength = "length" { found: Bytes, expected: Bytes }
            MetaValueRevision = "revision" {}
            MetaValueConfState = "conf-state" { column: Ordinal }
        }
    /// The storage version is not a version.
    STORAGE_VERSION = "E041" Warning Metadata "the storage version cannot be parsed",
        "written by hand, or damaged",
        "etcd 3.6 and 3.7 take the database for one of 3.5" => {
            StorageVersionText { text: Excerpt }
        }
    /// A term without a consistent index.
    CONSISTENT_INDEX = "E042" Warning Metadata "bucket `meta` names no consistent index",
        "a database that no server has written to yet, or a lost entry",
        "a restore sets it; a server that starts from this data directory replays its whole log" => {
            NoConsistentIndex {}
        }
    /// The raft configuration does not fit the members.
    CONF_STATE_STALE = "E043" Note Metadata "confState names other members than bucket `members`",
        "the cluster was restored and its membership has not changed since",
        "normal; etcd rewrites it at the next change of membership" => {
            ConfStateStale { named: Count, present: Count, same: Count }
        }
    /// A member that cannot be decoded.
    MEMBER_VALUE = "E050" Error Members "a member cannot be decoded",
        "damaged value bytes",
        "a restore replaces the members; a server that starts from this data directory panics" => {
            MemberValue { error: Choice, column: Ordinal }
        }
    /// A member's id differs from its key.
    MEMBER_ID = "E051" Error Members "a member's id differs from its key",
        "damaged key or value bytes",
        "a restore replaces the members; a server that starts from this data directory is misled" => {
            MemberIdDiffers = "value" { member: Member }
            MemberIdMalformed = "key" {}
        }
    /// A member that was removed is still there.
    MEMBER_ZOMBIE = "E052" Warning Members "a removed member is still in bucket `members`",
        "a known defect of etcd 3.4 and 3.5 around restores",
        "a restore replaces the members; remove it with `etcdctl member remove` in a running cluster" => {
            MemberZombie { member: Member }
        }
    /// A member that does not vote.
    MEMBER_LEARNER = "E053" Note Members "a member is a learner",
        "a member was being added when the database was saved",
        "normal; a restore replaces the members, `etcdctl member promote` lets it vote" => {
            MemberLearner { member: Member }
        }
    /// Two members with one peer URL.
    PEER_URL_TWICE = "E054" Warning Members "two members have the same peer URL",
        "a member was replaced without being removed",
        "a restore replaces the members; remove the stale one in a running cluster" => {
            PeerUrlTwice { other: Member, member: Member, url: Excerpt }
        }
    /// A value of bucket `cluster` of the wrong form.
    CLUSTER_VALUE = "E055" Error Members "a value in bucket `cluster` has the wrong form",
        "damaged value bytes",
        "etcd panics at start; take another copy" => {
            ClusterVersion = "version" {}
            Downgrade = "downgrade" {}
        }
    /// A NOSPACE alarm.
    ALARM_NOSPACE = "E060" Warning Alarms "a NOSPACE alarm is raised",
        "the database had reached its quota",
        "`restore` leaves it out; with `exact`, or restored by etcdutl, the cluster refuses writes until `etcdctl alarm disarm`" => {
            AlarmNoSpace { member: Member }
        }
    /// A CORRUPT alarm.
    ALARM_CORRUPT = "E061" Error Alarms "a CORRUPT alarm is raised",
        "members disagreed about their data when the snapshot was taken",
        "compare this member's data with the others' before you trust it" => {
            AlarmCorrupt { member: Member }
        }
    /// An alarm that cannot be decoded.
    ALARM_KEY = "E062" Error Alarms "an alarm cannot be decoded",
        "damaged key bytes",
        "etcd panics at start; take another copy" => {
            AlarmKey {}
        }
    /// An alarm of a kind that is not known.
    ALARM_UNKNOWN = "E063" Warning Alarms "an alarm of an unknown kind is raised",
        "a newer release, or damaged key bytes",
        "disarm it with `etcdctl alarm disarm` once its reason is known" => {
            AlarmUnknown { alarm: Code, member: Member }
        }
    /// A lease that cannot be decoded.
    LEASE_VALUE = "E070" Error Leases "a lease cannot be decoded",
        "damaged key or value bytes",
        "etcd panics at start; take another copy" => {
            LeaseKeyLength = "key-length" { found: Bytes, expected: Bytes }
            LeaseMalformed = "malformed" {}
            LeaseIdDiffers = "id" { lease: Lease }
        }
    /// A value of the auth buckets of the wrong form.
    AUTH_VALUE = "E080" Error Auth "a value in the auth buckets has the wrong form",
        "damaged value bytes",
        "etcd panics at start or locks users out; take another copy" => {
            AuthValueForm = "form" { bytes: Bytes }
            OtherUser = "other-user" {}
            UserMalformed = "user" {}
            OtherRole = "other-role" {}
            RoleMalformed = "role" {}
        }
    /// A role that is granted but not there.
    ROLE_MISSING = "E081" Warning Auth "a user has a role that does not exist",
        "the role was lost",
        "the user lacks the role's permissions after a restore" => {
            RoleMissing { role: Name }
        }
    /// Authentication without root.
    ROOT_MISSING = "E082" Warning Auth "authentication is on, but there is no user root",
        "the user was lost",
        "nobody can administer users after a restore" => {
            RootMissing {}
        }
}
