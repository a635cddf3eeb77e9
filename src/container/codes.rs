//! The codes of findings about the outer file.

crate::finding::codes! {
    /// The stored digest is not the digest of the database.
    TRAILER_DIFFERS = "F001" Error Digest "the SHA-256 at the end does not match the database",
        "bytes of the file were changed, lost or added",
        "etcd restores the file only with `skip_hash_check`; take another copy" => {
            DigestDiffers = "differs" { stored: Digest, computed: Digest }
            MetasRewritten = "metas-rewritten" {
                stored: Digest, computed: Digest, transaction: Transaction, transaction_before: Transaction,
            }
        }
    /// There is no digest.
    TRAILER_MISSING = "F002" Note Digest "the file ends without a SHA-256",
        "a copied database has none, and a snapshot that lost its end has lost it; the message says what the metas tell",
        "etcd restores it only with `skip_hash_check`; nothing proves that the bytes are the original ones" => {
            NoDigestInSnapshot = "snapshot" {}
            NoDigestInLongSnapshot = "snapshot-longer" {}
            NoDigestInDatabase = "database" {}
            NoDigestInEither = "either" {}
            NoDigestInLongEither = "either-longer" {}
            DigestCut = "digest-cut" {}
            BytesMissing = "bytes-missing" {}
        }
    /// No writer produces a file of this length.
    LENGTH = "F003" Error Length "the length of the file fits neither a snapshot nor a database",
        "bytes were cut off or added",
        "copy the file again from where it was made" => {
            OddLength { bytes: Bytes, pages: Count, page_size: Bytes, extra: Bytes }
        }
    /// Whole pages after the high-water mark.
    SLACK = "F004" Note Length "there are unused pages after the high-water mark",
        "etcd makes its file longer ahead of need",
        "normal in the database of a data directory" => {
            SlackPages = "pages" { pages: Count }
            SlackCovered = "covered" { bytes: Bytes }
            SlackNotCompared = "not-compared" { bytes: Bytes }
        }
    /// Bytes before the database.
    IN_FRONT = "F005" Error Length "there are bytes before the database",
        "output of a program went into the same file, often an error stream or a log line",
        "cut them off, as the message says, and verify the rest" => {
            InFront = "database" { front: Bytes }
            InFrontDigestDiffers = "digest-differs" { front: Bytes }
            InFrontOfWhole = "snapshot" { front: Bytes }
            AroundWhole = "snapshot-and-behind" { front: Bytes, behind: Bytes }
        }
    /// Bytes behind a snapshot that is whole.
    BEHIND = "F006" Error Length "bytes follow a snapshot that is whole",
        "something was added to the file: a second SHA-256, a line end, padding",
        "etcd refuses the file as it is; cut them off, as the message says, and verify the rest" => {
            DigestBehind = "digest" { database: Bytes, snapshot: Bytes }
            BytesBehind = "bytes" { database: Bytes, snapshot: Bytes, behind: Bytes }
        }
    /// Pages lie a constant distance before their places.
    BLOCK_MISSING = "F007" Error Tree "a block is missing in the middle",
        "a part of the stream was lost while the file was copied or written",
        "what was in it is lost in this copy; copy the snapshot again from where it was made" => {
            FrontMissing = "front" { missing: Bytes }
            PagesBefore = "pages" { last_in_place: Page, first_moved: Page, distance: Bytes, others: Count }
            AllPagesBefore = "all-pages" { first_moved: Page, distance: Bytes, others: Count }
        }
    /// Pages lie a constant distance behind their places.
    BLOCK_ADDED = "F008" Error Tree "there is a block too many in the middle",
        "a part of the stream was written twice, or something else was written into it",
        "copy the snapshot again from where it was made" => {
            AddedBeforeDigest = "before-digest" { added: Bytes }
            PagesBehind = "pages" { last_in_place: Page, first_moved: Page, distance: Bytes, others: Count }
            AllPagesBehind = "all-pages" { first_moved: Page, distance: Bytes, others: Count }
            ByteTwice = "byte-twice" { start: Offset }
            BlockTwice = "block-twice" { start: Offset, end: Offset }
        }
    /// Pages of different times.
    TORN_COPY = "F009" Error Tree "pages of different times are mixed",
        "the database was copied while etcd wrote to it",
        "save a snapshot instead: etcdctl snapshot save FILE" => {
            RootOfOtherTime {}
        }
}
