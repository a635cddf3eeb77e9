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
}
