//! The codes of findings about the write-ahead log.

crate::finding::codes! {
    /// The last record is not whole.
    TORN = "W001" Warning "the log ends with a record that was not written to its end",
        "the machine stopped while etcd wrote the record",
        "nothing to do; etcd drops the record when it starts, it was never acknowledged";
    /// A checksum does not fit.
    CHECKSUM = "W002" Error "a record does not fit the checksum chain of the log",
        "bytes of the log were changed, or segments of two logs were mixed",
        "etcd does not start from this log; restore the member from a snapshot or from its peers";
    /// There is no record where one should be.
    MALFORMED = "W003" Error "bytes of the log are no record",
        "bytes of the log were changed or lost",
        "etcd does not start from this log; restore the member from a snapshot or from its peers";
    /// A segment is missing.
    SEGMENT_MISSING = "W004" Error "a segment of the log is missing",
        "a file was removed or not copied",
        "copy the whole folder again";
    /// Entries that the database has and the log has not.
    AHEAD = "W005" Error "the database is ahead of the log",
        "the database was copied into the directory, or the end of the log was lost",
        "etcd starts and ignores what it writes until the log has caught up; restore the database instead";
    /// The database lacks entries that the log no longer has.
    BEHIND = "W006" Error "the database is older than the snapshot that the log starts from",
        "an older database was copied into the directory",
        "etcd does not start from it; restore the member from a snapshot or from its peers";
    /// The database and the log are not of one history.
    LATER_TERM = "W007" Error "the database has entries of a later term than the log knows",
        "database and log are of different members or times",
        "do not start it; restore the member from a snapshot or from its peers";
    /// There is no place to start from.
    NO_START = "W008" Warning "no `.snap` file belongs to the log",
        "the files were not copied, or all of them are damaged",
        "servers up to 3.6 do not start from it; copy the whole folder again";
    /// A `.snap` file cannot be read.
    SNAPSHOT_DAMAGED = "W009" Warning "a `.snap` file is damaged",
        "the machine stopped while etcd wrote it, or bytes were changed",
        "etcd takes an older one when there is one";
    /// The members of the database are not those of the log.
    OTHER_MEMBERS = "W010" Warning "the database names other members than the log",
        "database and log are of different clusters, or `etcdctl snapshot restore` of 3.4 left old members",
        "members that are gone must be removed after the start: etcdctl member list";
    /// Records of another member.
    TWO_LOGS = "W011" Error "the log is of two members",
        "segments of two logs were mixed",
        "etcd does not start from it; copy the whole folder again";
    /// A gap in the entries.
    ENTRY_MISSING = "W012" Error "an entry of the log is missing",
        "segments of two logs were mixed, or one was written by something else than etcd",
        "etcd does not start from it; restore the member from a snapshot or from its peers";
}
