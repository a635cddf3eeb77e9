//! The codes of findings about the write-ahead log.

crate::finding::codes! {
    /// The last record is not whole.
    TORN = "W001" Warning Log "the log ends with a record that was not written to its end",
        "the machine stopped while etcd wrote the record",
        "nothing to do; etcd drops the record when it starts, it was never acknowledged" => {
            LastCutOff = "cut-off" { segment: FileName, byte: Byte }
            LastTorn = "torn" { segment: FileName, byte: Byte }
        }
    /// A checksum does not fit.
    CHECKSUM = "W002" Error Log "a record does not match the checksum chain of the log",
        "bytes of the log were changed, or segments of two logs were mixed",
        "etcd does not start from this log; restore the member from a snapshot or from its peers" => {
            RecordChecksum { segment: FileName, byte: Byte, stored: Checksum, computed: Checksum }
        }
    /// A record is missing where one should be.
    MALFORMED = "W003" Error Log "bytes of the log are not a record",
        "bytes of the log were changed or lost",
        "etcd does not start from this log; restore the member from a snapshot or from its peers" => {
            RecordCutOff = "cut-off" { segment: FileName, byte: Byte }
            RecordTorn = "torn" { segment: FileName, byte: Byte }
            RecordMalformed = "bytes" { segment: FileName, byte: Byte }
            RecordUnknown = "type" { segment: FileName, found: Code }
            LogNameless = "nameless" {}
            LogStateless = "stateless" {}
            LogWithoutMark = "no-mark" {}
        }
    /// A segment is missing.
    SEGMENT_MISSING = "W004" Error Log "a segment of the log is missing",
        "a file was removed from the middle of the log, or not copied",
        "etcd does not start without it; copy the whole folder again, or restore the member from a snapshot or from its peers" => {
            SegmentTwice = "twice" { segment: Segment }
            SegmentMissing = "one" { missing: Segment, before: Segment, after: Segment }
            SegmentsMissing = "several" { missing: Count, before: Segment, after: Segment }
        }
    /// Entries that the database has and the log has not.
    AHEAD = "W005" Error Directory "the database is ahead of the log",
        "the database was copied into the directory, or the end of the log was lost",
        "etcd starts, and what is written is lost until the log has caught up; restore the database instead: `restore` DIR with `skip_hash_check`" => {
            DatabaseAhead { applied: Index, last: Index, ahead: Count }
        }
    /// The database lacks entries that the log no longer has.
    BEHIND = "W006" Error Directory "the database is older than the snapshot that the log starts from",
        "an older database was copied into the directory",
        "etcd does not start from it; restore the member from a snapshot or from its peers" => {
            DatabaseBehind { applied: Index, start: Index }
        }
    /// The term of the database is above that of the log.
    LATER_TERM = "W007" Warning Directory "the database has entries of a later term than the log knows",
        "etcdctl 3.4 restored a snapshot of 3.5 or newer and left the old term; otherwise database and log are of different times",
        "servers start and rewrite the term; make sure that database and log belong together" => {
            DatabaseTerm { database: Term, log: Term }
        }
    /// There is no place to start from.
    NO_START = "W008" Error Directory "the log has lost its beginning, and no `.snap` file belongs to it",
        "the `.snap` files were not copied, or all of them are damaged",
        "servers up to 3.6 do not start from it; copy member/snap again, or restore the database: `restore` DIR with `skip_hash_check`" => {
            NoStart { first: FileName }
        }
    /// A `.snap` file cannot be read.
    SNAPSHOT_DAMAGED = "W009" Warning Directory "a `.snap` file is damaged",
        "the machine stopped while etcd wrote it, or bytes were changed",
        "servers up to 3.6 take an older one, 3.7 needs none" => {
            SnapFileMalformed = "malformed" { file: FileName }
            SnapFileChecksum = "checksum" { file: FileName, stored: Checksum, computed: Checksum }
        }
    /// The members of the database are not those of the log.
    OTHER_MEMBERS = "W010" Warning Directory "the database names other members than the log",
        "`etcdctl snapshot restore` of 3.4 left the old members, or database and log are of different clusters",
        "3.4 and 3.5 start from it, 3.6 and 3.7 only if the member itself is in the database; restore it again with `restore`" => {
            MembersDiffer { log: Members, database: Members }
        }
    /// Records of another member.
    TWO_LOGS = "W011" Error Log "the log is of two members",
        "segments of two logs were mixed",
        "etcd does not start from it; copy the whole folder again" => {
            TwoLogs {
                segment: FileName, member: Member, cluster: Cluster, member_before: Member, cluster_before: Cluster,
            }
        }
    /// A gap in the entries.
    ENTRY_MISSING = "W012" Error Log "an entry of the log is missing",
        "segments of two logs were mixed, or one was written by something else than etcd",
        "etcd does not start from it; restore the member from a snapshot or from its peers" => {
            EntryMissing { after: Index, before: Index }
        }
    /// The log is not there.
    NO_LOG = "W013" Error Directory "the data directory has no write-ahead log",
        "etcd was started with --wal-dir, so that the log lies elsewhere; or it was not copied",
        "if it lies elsewhere: `verify` DIR with `wal_dir` W; if it is lost, do not start etcd here but restore the database: `restore` DIR with `skip_hash_check`" => {
            LogEmpty = "empty" { folder: Folder }
            LogAbsent = "absent" { folder: Folder }
        }
    /// No segment reaches back to the place where servers start.
    NO_SEGMENT = "W014" Error Directory "the first segment of the log begins after the entry that servers start from",
        "segments were removed or not copied, or one was renamed",
        "etcd does not start without them; copy the whole folder again, or restore the database: `restore` DIR with `skip_hash_check`" => {
            NoSegment { start: Index, first: FileName }
        }
    /// A segment that servers need begins with zeros, or with something else than a record.
    BLANK = "W015" Error Log "servers read nothing of a segment of the log",
        "its first record was overwritten or never reached the disk",
        "etcd crashes, does not start, or loses what the segment held; restore the database: `restore` DIR with `skip_hash_check`" => {
            NeededUnwritten = "unwritten" { segment: FileName }
            NeededZeroed = "zeroed" { segment: FileName }
            NeededForeign = "foreign" { segment: FileName }
        }
    /// A segment of which servers read nothing, and need nothing.
    BLANK_UNUSED = "W016" Warning Log "a segment of the log holds no record",
        "its beginning was overwritten, or it was made and never written to",
        "servers from 3.5 on start without it" => {
            UnusedUnwritten = "unwritten" { segment: FileName }
            UnusedZeroed = "zeroed" { segment: FileName }
            UnusedForeign = "foreign" { segment: FileName }
        }
    /// Bytes that servers do not read.
    BEHIND_END = "W017" Warning Log "there are bytes after the end of the log",
        "a record was overwritten with zeros, or the machine stopped while etcd wrote",
        "servers start as if the log ended there, and overwrite the rest" => {
            BytesBehindEnd { segment: FileName, end: Byte, byte: Byte }
        }
    /// The log contradicts itself.
    COMMIT_BEYOND = "W018" Error Log "the log says that entries are committed which it does not hold",
        "the end of the log was lost, or segments of two logs were mixed",
        "etcd crashes when it starts; restore the database: `restore` DIR with `skip_hash_check`" => {
            CommitBeyond { committed: Index, last: Index }
        }
    /// Without peers that know it, the member cannot become anything.
    OUTSIDER = "W019" Warning Directory "the member is not one of the members of its own log",
        "the directory was made by `etcdctl backup` or `etcdutl backup`",
        "a server starts from it with --force-new-cluster only, as a new cluster of one member" => {
            MemberUnknown { member: Member }
        }
    /// Each release has a reason of its own.
    NO_RELEASE = "W020" Error Directory "no release of etcd starts from the directory",
        "database and log are of different clusters or times",
        "restore the database: `restore` DIR with `skip_hash_check`" => {
            NoRelease { refusals: Refusals }
        }
    /// The cluster goes on without the member, which must not come back.
    REMOVED = "W021" Error Directory "the member was removed from its cluster",
        "`etcdctl member remove`",
        "etcd does not serve from it, and panics with --force-new-cluster; use the directory of another member, or restore the database: `restore` DIR with `skip_hash_check`" => {
            MemberRemoved { member: Member, cluster: Cluster }
        }
    /// Parts of two directories.
    OTHER_LOG = "W022" Error Directory "log and database are of different members",
        "the log of another member or cluster was copied into the directory, or named with --wal-dir",
        "do not start etcd from it; find the log that belongs to the database, or restore the database: `restore` DIR with `skip_hash_check`" => {
            LogOfOtherDatabase = "database" { member: Member, cluster: Cluster, named: Members }
            LogOfOtherSnapFile = "snap-file" { member: Member, cluster: Cluster, named: Members }
        }
}
