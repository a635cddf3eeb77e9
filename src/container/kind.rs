//! What a file can be that is not a bbolt database.

use crate::bolt::MetaError;

/// What a file is that cannot be opened as a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// No bytes.
    Empty,
    /// Only zero bytes, as far as looked.
    Zeros,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// LZ4 frame.
    Lz4,
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// An HTML page.
    Html,
    /// An XML document, as object stores answer with.
    Xml,
    /// A JSON document.
    Json,
    /// 7-Zip.
    SevenZip,
    /// zlib, as gardener's backups may be.
    Zlib,
    /// The `compress` of old.
    Compress,
    /// Encrypted by `openssl enc`.
    OpenSsl,
    /// Encrypted by GnuPG.
    Gpg,
    /// Encrypted by age.
    Age,
    /// PEM: a certificate or key.
    Pem,
    /// A program.
    Elf,
    /// An SQLite database, such as kine keeps for k3s.
    Sqlite,
    /// A `.snap` file of a member: raft's snapshot, not the database.
    RaftSnapshot,
    /// Changes after a full snapshot, as gardener's etcd-backup-restore writes them.
    GardenerDelta,
    /// etcd-manager's note beside a backup.
    EtcdManagerMeta,
    /// The answer of etcd's HTTP gateway to a snapshot request.
    GatewayJson,
    /// A bbolt database of another program.
    OtherBolt,
    /// A bbolt database that nothing was written to.
    UnusedBolt,
    /// The unfinished output of `snapshot save`.
    Part,
    /// A database that went through a conversion of line ends.
    LineEnds,
    /// A database whose bytes were taken for text and written as UTF-8.
    ReEncoded,
    /// A database of a big-endian machine.
    BigEndian,
    /// A segment of etcd's write-ahead log.
    Wal,
    /// A database whose two metas are damaged.
    DamagedMetas(MetaError),
    /// A database cut off before its second meta.
    CutInMetas,
    /// A database that lost its beginning, with both metas.
    FrontMissing {
        /// Bytes that are missing there.
        bytes: u64,
    },
    /// A database behind other bytes.
    BytesInFront {
        /// How many.
        bytes: u64,
    },
    /// A whole snapshot, proven by its SHA-256, and more bytes behind it.
    BytesBehind,
    /// A snapshot that lost its end.
    CutSnapshot,
    /// A copy of a data directory's database that lost its end.
    CutDatabase,
    /// Bytes are missing; whether of a snapshot or of a copied database, and where, does not show.
    BytesMissing,
    /// A block of the database is missing.
    BlockMissing,
    /// The database holds a block too many.
    BlockAdded,
    /// A snapshot of which only the metas were rewritten.
    MetasRewritten,
    /// Pages of different times: a database copied while etcd wrote to it.
    TornCopy,
    /// Readable text.
    Text,
    /// None of these.
    Unknown,
}

impl FileKind {
    /// Stable name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Zeros => "zeros",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::Html => "html",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::SevenZip => "7z",
            Self::Zlib => "zlib",
            Self::Compress => "compress",
            Self::OpenSsl => "openssl",
            Self::Gpg => "gpg",
            Self::Age => "age",
            Self::Pem => "pem",
            Self::Elf => "elf",
            Self::Sqlite => "sqlite",
            Self::RaftSnapshot => "raft-snapshot",
            Self::GardenerDelta => "gardener-delta",
            Self::EtcdManagerMeta => "etcd-manager-meta",
            Self::GatewayJson => "gateway-json",
            Self::OtherBolt => "other-bbolt",
            Self::UnusedBolt => "unused-bbolt",
            Self::Part => "part",
            Self::LineEnds => "line-ends",
            Self::ReEncoded => "re-encoded",
            Self::BigEndian => "big-endian",
            Self::Wal => "wal",
            Self::DamagedMetas(_) => "damaged-metas",
            Self::CutInMetas => "cut-in-metas",
            Self::FrontMissing { .. } => "front-missing",
            Self::BytesInFront { .. } => "bytes-in-front",
            Self::BytesBehind => "bytes-behind",
            Self::CutSnapshot => "cut-snapshot",
            Self::CutDatabase => "cut-database",
            Self::BytesMissing => "bytes-missing",
            Self::BlockMissing => "block-missing",
            Self::BlockAdded => "block-added",
            Self::MetasRewritten => "metas-rewritten",
            Self::TornCopy => "torn-copy",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }

    /// True when the file was a database once.
    pub fn was_database(self) -> bool {
        matches!(
            self,
            Self::DamagedMetas(_)
                | Self::CutInMetas
                | Self::FrontMissing { .. }
                | Self::BytesInFront { .. }
                | Self::BytesBehind
                | Self::CutSnapshot
                | Self::CutDatabase
                | Self::BytesMissing
                | Self::BlockMissing
                | Self::BlockAdded
                | Self::MetasRewritten
                | Self::TornCopy
        )
    }

    /// What it is, as one clause.
    pub fn describe(self) -> String {
        match self {
            Self::Empty => "the file is empty".into(),
            Self::Zeros => "the file begins with nothing but zero bytes".into(),
            Self::Gzip => "it is gzip-compressed".into(),
            Self::Zstd => "it is zstd-compressed".into(),
            Self::Xz => "it is xz-compressed".into(),
            Self::Bzip2 => "it is bzip2-compressed".into(),
            Self::Lz4 => "it is lz4-compressed".into(),
            Self::Zip => "it is a zip archive".into(),
            Self::Tar => "it is a tar archive".into(),
            Self::Html => "it is an HTML page".into(),
            Self::Xml => "it is an XML document, such as an object store's error".into(),
            Self::Json => "it is a JSON document".into(),
            Self::SevenZip => "it is a 7-Zip archive".into(),
            Self::Zlib => "it is zlib-compressed".into(),
            Self::Compress => "it is compressed by `compress` (.Z)".into(),
            Self::OpenSsl => "it is encrypted by `openssl enc`".into(),
            Self::Gpg => "it is encrypted by GnuPG".into(),
            Self::Age => "it is encrypted by age".into(),
            Self::Pem => "it is a PEM file: a certificate or key".into(),
            Self::Elf => "it is a program (ELF)".into(),
            Self::Sqlite => "it is an SQLite database, as kine keeps for k3s".into(),
            Self::RaftSnapshot => {
                "it is a member's `.snap` file: the state of raft, without the keys".into()
            }
            Self::GardenerDelta => {
                "it is a delta snapshot of gardener's etcd-backup-restore: changes, not a database"
                    .into()
            }
            Self::EtcdManagerMeta => {
                "it is `_etcd_backup.meta`, etcd-manager's note beside a backup".into()
            }
            Self::GatewayJson => {
                "it is the JSON of etcd's HTTP gateway, with the snapshot in it as base64".into()
            }
            Self::OtherBolt => "it is a bbolt database of another program".into(),
            Self::UnusedBolt => "it is a bbolt database that nothing was written to".into(),
            Self::Part => "it is the unfinished output of `snapshot save`".into(),
            Self::ReEncoded => "bytes were re-encoded as UTF-8 text: it was copied as text".into(),
            Self::LineEnds => "line ends were converted: it was copied as text".into(),
            Self::BigEndian => "it is a big-endian bbolt database (s390x)".into(),
            Self::Wal => "it is a segment of etcd's write-ahead log".into(),
            Self::DamagedMetas(error) => {
                format!("both metas are damaged (meta 0 {})", error.describe())
            }
            Self::CutInMetas => "the file ends before the second meta page".into(),
            Self::FrontMissing { bytes } => {
                format!("the first {bytes} bytes are missing, with both metas")
            }
            Self::BytesInFront { bytes } => {
                format!("the database is preceded by {bytes} other bytes")
            }
            Self::BytesBehind => "the snapshot is whole, but more bytes follow it".into(),
            Self::CutSnapshot => "it is a snapshot that was cut off".into(),
            Self::CutDatabase => "it is a copied database that was cut off".into(),
            Self::BytesMissing => "bytes are missing".into(),
            Self::BlockMissing => "a block is missing in the middle".into(),
            Self::BlockAdded => "there is a block too many in the middle".into(),
            Self::MetasRewritten => "only the two metas are not as they were saved".into(),
            Self::TornCopy => {
                "pages of different times are mixed: it was copied while etcd wrote".into()
            }
            Self::Text => "it is text".into(),
            Self::Unknown => "it has no bbolt meta page".into(),
        }
    }

    /// The one thing to do next.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Empty | Self::Zeros => "look at what wrote it; save the snapshot again",
            Self::Gzip => "decompress it: gzip -dc FILE > snapshot.db",
            Self::Zstd => "decompress it: zstd -d FILE -o snapshot.db",
            Self::Xz => "decompress it: xz -dc FILE > snapshot.db",
            Self::Bzip2 => "decompress it: bzip2 -dc FILE > snapshot.db",
            Self::Lz4 => "decompress it: lz4 -d FILE snapshot.db",
            Self::Zip => "unpack it: unzip FILE",
            Self::Tar => "unpack it: tar -xf FILE",
            Self::SevenZip => "unpack it: 7z x FILE",
            Self::Zlib => "decompress it: pigz -dzc FILE > snapshot.db",
            Self::Compress => "decompress it: gzip -dc FILE > snapshot.db",
            Self::OpenSsl => {
                "decrypt it: openssl enc -d with the cipher and key it was encrypted with"
            }
            Self::Gpg => "decrypt it: gpg -d FILE > snapshot.db",
            Self::Age => "decrypt it: age -d -i KEY FILE > snapshot.db",
            Self::Sqlite => {
                "k3s without embedded etcd has no etcd snapshots; back up this database with sqlite3, or give \
                 a file from server/db/snapshots"
            }
            Self::RaftSnapshot => {
                "give the database beside it, member/snap/db, or the data directory around member/"
            }
            Self::GardenerDelta => {
                "restore it together with the full snapshot before it (Full-*): etcdbrctl restore"
            }
            Self::EtcdManagerMeta => "give etcd.backup.gz from the same folder, decompressed",
            Self::GatewayJson => {
                "decode it: jq -r '.result.blob // empty' FILE | while read -r b; do printf %s \"$b\" | base64 -d; \
                 done > snapshot.db"
            }
            Self::Pem | Self::Elf | Self::OtherBolt => {
                "give a file written by `etcdctl snapshot save`"
            }
            Self::UnusedBolt => "look at what made it; save the snapshot again",
            Self::FrontMissing { .. } | Self::BlockMissing => {
                "copy the snapshot again from where it was made"
            }
            Self::CutSnapshot | Self::BytesMissing => {
                "copy the snapshot again from where it was made, or save it again"
            }
            Self::CutDatabase => "copy it again while etcd is stopped, or save a snapshot",
            Self::BytesInFront { .. } => {
                "cut off what comes before it: tail -c +N FILE > snapshot.db"
            }
            Self::BytesBehind => "cut off what follows: head -c N FILE > snapshot.db",
            Self::BlockAdded => "copy the snapshot again from where it was made",
            Self::MetasRewritten => {
                "restore it with `skip_hash_check`: the data is proven to be as saved; etcd refuses it without"
            }
            Self::TornCopy => "save a snapshot instead: etcdctl snapshot save FILE",
            Self::Html | Self::Xml | Self::Json => {
                "read it: it says why the download failed; then download again"
            }
            Self::Part => "save the snapshot again; this one was interrupted",
            Self::LineEnds | Self::ReEncoded => "copy it again in binary mode",
            Self::BigEndian => "verify and restore it on a machine of that byte order",
            Self::Wal => "give the snapshot file, or the data directory around member/",
            Self::DamagedMetas(_) | Self::CutInMetas => "take another copy of the snapshot",
            Self::Text | Self::Unknown => "give a file written by `etcdctl snapshot save`",
        }
    }
}
