//! What keeps an API server from serving a stored value as the object that its key names. The rules are those of
//! its decoders: what they pass over, such as fields of a later release, is no flaw.

use std::fmt;

use super::codes;
use super::encryption::{Envelope, EnvelopeFault};
use super::envelope::ENVELOPE_MAGIC;
use super::fault::Fault;
use super::format::Encoding;
use super::head::Head;
use super::object::describe;
use crate::finding::{Code, escape};

/// What is wrong with a stored value. Says nothing of what the value holds but its first bytes and who the object
/// says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is stored.
    Empty,
    /// So many bytes, all of them zero.
    Zeros(usize),
    /// It begins as no stored object does; its first bytes in hex where they are almost those of one.
    Foreign(Option<String>),
    /// It begins as an object does and cannot be decoded.
    Undecodable(Fault),
    /// So many bytes follow the object.
    Trailing(usize),
    /// It does not say what it is.
    NoType,
    /// It has no name.
    NoName,
    /// It is encrypted in a way that no API server reads.
    Envelope,
    /// It is of another kind than its key.
    OtherKind {
        /// The kind that the key is for.
        expected: String,
        /// What the value says it is.
        found: String,
    },
    /// It can be decoded, and calls itself otherwise than its key: namespace and name of the object.
    OtherName(String),
}

impl Flaw {
    /// False when an API server cannot decode the value as an object of its key's resource, so that it fails to
    /// list the resource.
    #[must_use]
    pub fn is_decodable(&self) -> bool {
        matches!(self, Self::OtherName(_))
    }

    /// True when the first bytes tell it.
    #[must_use]
    pub fn is_of_first_bytes(&self) -> bool {
        matches!(self, Self::Empty | Self::Zeros(_) | Self::Foreign(_))
    }

    /// Its code where it is a finding.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Empty | Self::Zeros(_) | Self::Foreign(_) => &codes::VALUE_FOREIGN,
            Self::OtherKind { .. } => &codes::VALUE_KIND,
            Self::OtherName(_) => &codes::VALUE_NAME,
            _ => &codes::VALUE_UNDECODABLE,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the value is empty"),
            Self::Zeros(1) => f.write_str("the value is a zero byte"),
            Self::Zeros(len) => write!(f, "the value is {len} zero bytes"),
            Self::Foreign(None) => f.write_str("the value does not begin as a stored object does"),
            Self::Foreign(Some(hex)) => {
                let magic = escape::hex(ENVELOPE_MAGIC);
                write!(f, "the value begins with {hex}, a stored object with {magic}")
            }
            Self::Undecodable(fault) => fault.fmt(f),
            Self::Trailing(1) => f.write_str("a byte follows the object"),
            Self::Trailing(len) => write!(f, "{len} bytes follow the object"),
            Self::NoType => f.write_str("the value does not name apiVersion and kind"),
            Self::NoName => f.write_str("the object has no name"),
            Self::Envelope => f.write_str("the value is encrypted in a way that no API server reads"),
            Self::OtherKind { expected, found } => {
                write!(f, "the key is that of a {expected}, the value is a {found}")
            }
            Self::OtherName(name) => write!(f, "the object calls itself {name}"),
        }
    }
}

/// Looks at a stored value, decrypted if it was encrypted and can be: what can be had of it without decoding, and
/// what is wrong with it by itself.
#[must_use]
pub fn inspect(value: &[u8]) -> (Head<'_>, Option<Flaw>) {
    let head = Head::of(value);
    let flaw = match head.encoding {
        Encoding::Encrypted => match Envelope::parse(value) {
            Some(Err(EnvelopeFault::Malformed | EnvelopeFault::UnknownProvider(_))) => {
                Some(Flaw::Envelope)
            }
            _ => None,
        },
        Encoding::Other => Some(foreign(value)),
        _ => match describe(value) {
            Err(fault) => Some(Flaw::Undecodable(fault)),
            Ok((description, trailing)) => match (head.fault.clone(), description.fault) {
                (_, Some(fault)) | (Some(fault), None) => Some(Flaw::Undecodable(fault)),
                _ if trailing > 0 => Some(Flaw::Trailing(trailing)),
                _ if description.kind.is_empty() || description.api_version.is_empty() => {
                    Some(Flaw::NoType)
                }
                _ => None,
            },
        },
    };
    (head, flaw)
}

/// What to say of a value that begins as no stored object does.
pub(super) fn foreign(value: &[u8]) -> Flaw {
    if value.is_empty() {
        Flaw::Empty
    } else if value.iter().all(|byte| *byte == 0) {
        Flaw::Zeros(value.len())
    } else {
        // The bytes of anything else may be a secret.
        let first = value.get(..ENVELOPE_MAGIC.len()).unwrap_or_default();
        let same = first.iter().zip(ENVELOPE_MAGIC).filter(|(a, b)| a == b);
        let is_near = same.count().saturating_add(1) >= ENVELOPE_MAGIC.len();
        Flaw::Foreign(is_near.then(|| escape::hex(first)))
    }
}
