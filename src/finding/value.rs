/// No more of a text from a file is kept in a value; thousands of findings may name texts of any length.
const EXCERPT_LIMIT: usize = 1024;

/// Lists of members keep no more than these.
const MEMBERS_LIMIT: usize = 9;

/// The beginning of a text from a file, as bytes, for it may be anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excerpt {
    bytes: Vec<u8>,
    len: u64,
}

impl Excerpt {
    /// As much of `bytes` as is kept.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        Self {
            bytes: bytes.get(..EXCERPT_LIMIT).unwrap_or(bytes).to_vec(),
            len: bytes.len() as u64,
        }
    }

    /// What is kept of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes the whole has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a text of no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when the whole is kept.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.len
    }
}

/// Ids of members: the first few, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberIds {
    /// The first of them.
    pub first: Vec<u64>,
    /// How many there are.
    pub count: u64,
}

impl FromIterator<u64> for MemberIds {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Self {
        let mut all = Self {
            first: Vec::new(),
            count: 0,
        };
        for id in ids {
            all.count = all.count.saturating_add(1);
            if all.first.len() < MEMBERS_LIMIT {
                all.first.push(id);
            }
        }
        all
    }
}

/// Declares the kinds of value: a variant of [`Value`] and of [`Kind`] for each, and its type under the same name
/// for the fields of circumstances.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($type:ty) $name:literal;)*) => {
        /// A value of a finding. What is counted or named is part of the type, how it is written is not.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Value {
            $($(#[$doc])* $kind($type),)*
        }

        /// The kind of a [`Value`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Value {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }
        }

        impl Kind {
            /// Its name in documents.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        /// The types of fields, by the name of the kind.
        pub(crate) mod kinds {
            $(pub(crate) type $kind = $type;)*
        }
    };
}

kinds! {
    /// How many there are of something.
    Count(u64) "count";
    /// A length or size in bytes.
    Bytes(u64) "bytes";
    /// A position in the file.
    Offset(crate::ids::FileOffset) "offset";
    /// A position in a page, a value or a segment of the log.
    Byte(u64) "byte";
    /// A page.
    Page(crate::ids::PageId) "page";
    /// The flags of a page, which tell its type.
    PageType(u16) "page type";
    /// The flags of an element.
    Flags(u32) "flags";
    /// A transaction of bbolt.
    Transaction(crate::ids::TxId) "transaction";
    /// The number of something in a row: an element, a meta, a level.
    Ordinal(u64) "ordinal";
    /// A main revision.
    MainRevision(i64) "main revision";
    /// A main and a sub revision.
    Revision((i64, i64)) "revision";
    /// How often a key was written since it was created.
    Version(i64) "version";
    /// A lease.
    Lease(i64) "lease";
    /// A member of the cluster.
    Member(u64) "member";
    /// Several members.
    Members(crate::finding::MemberIds) "members";
    /// A cluster.
    Cluster(u64) "cluster";
    /// An entry of the log.
    Index(u64) "index";
    /// A term of raft.
    Term(u64) "term";
    /// The number of a segment of the log.
    Segment(u64) "segment";
    /// A number without a name, such as the type of a record that nobody knows.
    Code(u64) "code";
    /// A CRC-32C.
    Checksum(u32) "checksum";
    /// A SHA-256.
    Digest(crate::checksum::Sha256) "digest";
    /// A key from the file.
    Key(crate::finding::Excerpt) "key";
    /// A name from the file: of a bucket, a role, a kind, an object.
    Name(crate::finding::Excerpt) "name";
    /// Other text from the file that is not a stored value.
    Excerpt(crate::finding::Excerpt) "text";
    /// A byte.
    Letter(u8) "letter";
    /// The name of a file.
    FileName(crate::finding::Excerpt) "file name";
    /// A path.
    Folder(std::path::PathBuf) "path";
    /// One of a few fixed words.
    Choice(&'static str) "word";
    /// Minor releases of etcd 3, each with the word for why it does not start.
    Refusals(Vec<(u64, &'static str)>) "releases";
}
