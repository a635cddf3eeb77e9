//! The codes of findings about the outer file.

crate::finding::codes! {
    /// The stored digest is not the digest of the database.
    TRAILER_DIFFERS = "F001" Error "the SHA-256 at the end does not fit the database",
        "bytes of the file were changed, lost or added",
        "etcd refuses to restore the file; take another copy";
    /// There is no digest.
    TRAILER_MISSING = "F002" Note "the file ends without a SHA-256",
        "it is a copy of a data directory's database, not the output of `snapshot save`",
        "etcd restores it only with --skip-hash-check; nothing proves that the bytes are the original ones";
    /// The length is none that a writer produces.
    LENGTH = "F003" Error "the length of the file fits neither a snapshot nor a database",
        "bytes were cut off or added",
        "copy the file again from where it was made";
    /// Whole pages behind the high-water mark.
    SLACK = "F004" Note "there are unused pages behind the high-water mark",
        "etcd makes its file longer ahead of need",
        "normal in the database of a data directory";
}
