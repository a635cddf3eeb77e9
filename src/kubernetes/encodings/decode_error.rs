//! Why a value, or a part of it, could not be decoded.

use std::fmt;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// It is encrypted; it has to be decrypted first.
    Encrypted,
    /// It is nothing Kubernetes writes.
    NotKubernetes,
    /// Bytes that do not follow the rules of the encoding.
    Malformed {
        /// Which encoding or part is broken.
        what: Broken,
        /// Where in the object, as a path of JSON; empty at the top.
        path: String,
    },
    /// Nested deeper than anything sensible.
    TooDeep {
        /// Where in the object, as a path of JSON.
        path: String,
    },
    /// Decoded, it would take more memory than a value may.
    TooLarge {
        /// So many bytes.
        limit: usize,
        /// What it takes in the file.
        stored: usize,
    },
    /// JSON that is sound, but nested deeper than it is decoded here. API servers take 10,000 levels.
    TooNested {
        /// The deepest level that is decoded.
        limit: u32,
    },
}

/// An encoding or a part of a value that does not follow its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// JSON.
    Json,
    /// CBOR.
    Cbor,
    /// Protobuf.
    Protobuf,
    /// The envelope around protobuf ends too early.
    EnvelopeEnd,
    /// The type in the envelope around protobuf.
    EnvelopeType,
    /// The metadata of an object.
    Metadata,
    /// A field has another wire type than it can have.
    WireType,
    /// A number such as infinity.
    Number,
    /// What is a number or a string is neither.
    NumberOrText,
    /// What is stored as JSON inside of protobuf is none.
    RawPart,
}

impl Broken {
    /// All of them, each with its word and its text.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::Json, "json", "JSON cannot be read"),
        (Self::Cbor, "cbor", "CBOR cannot be read"),
        (Self::Protobuf, "protobuf", "protobuf cannot be read"),
        (
            Self::EnvelopeEnd,
            "envelope-end",
            "the protobuf envelope is cut off",
        ),
        (
            Self::EnvelopeType,
            "envelope-type",
            "the type in the protobuf envelope",
        ),
        (
            Self::Metadata,
            "object-metadata",
            "the metadata cannot be read",
        ),
        (Self::WireType, "wire-type", "a field of another wire type"),
        (Self::Number, "number", "a number that JSON does not have"),
        (
            Self::NumberOrText,
            "number-or-text",
            "neither a number nor a string",
        ),
        (Self::RawPart, "raw-part", "the raw part is not JSON"),
    ];

    fn texts(self) -> (&'static str, &'static str) {
        let found = Self::ALL.into_iter().find(|(broken, ..)| *broken == self);
        found.map_or(("", ""), |(_, word, text)| (word, text))
    }

    /// Its word in findings.
    pub(in crate::kubernetes) fn word(self) -> &'static str {
        self.texts().0
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.texts().1)
    }
}

impl DecodeError {
    pub(in crate::kubernetes) fn malformed(what: Broken) -> Self {
        let path = String::new();
        Self::Malformed { what, path }
    }

    /// Whether the value was given up at a limit of this program: it may well be sound.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooNested { .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, path) = match self {
            Self::Encrypted => return f.write_str("encrypted at rest"),
            Self::NotKubernetes => return f.write_str("not an object of Kubernetes"),
            Self::Malformed { what, path } => (what.texts().1, path),
            Self::TooDeep { path } => ("nested too deeply", path),
            Self::TooLarge { limit, stored } => {
                let limit = limit >> 20;
                return write!(
                    f,
                    "decoded it takes more than {limit} MiB of memory, the limit for a value of {stored} bytes"
                );
            }
            Self::TooNested { limit } => {
                return write!(
                    f,
                    "its JSON is nested deeper than {limit} levels, the limit for a value that is decoded"
                );
            }
        };
        f.write_str(text)?;
        if !path.is_empty() {
            write!(f, " at {}", crate::finding::escape::text(path.as_bytes()))?;
        }
        Ok(())
    }
}

impl std::error::Error for DecodeError {}
