//! What keeps an API server from serving a stored value as the object that its key names. The rules are those of
//! its decoders: what they pass over, such as fields of a later release, is not a flaw.

use std::fmt;

use super::codes;
use crate::finding::{Excerpt, Observation, escape};
use crate::kubernetes::encodings::decode_error::DecodeError;
use crate::kubernetes::encodings::envelope::ENVELOPE_MAGIC;
use crate::kubernetes::encodings::format::Encoding;
use crate::kubernetes::encodings::head::Head;
use crate::kubernetes::encodings::object::describe;
use crate::kubernetes::secrets::encryption::{Envelope, EnvelopeError};

/// What is wrong with a stored value. Says nothing of what the value holds but its first bytes and who the object
/// says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is stored.
    Empty,
    /// So many bytes, all of them zero.
    Zeros(usize),
    /// It begins as no stored object does; its first bytes where they are almost those of one.
    Foreign(Option<Vec<u8>>),
    /// It begins as an object does and cannot be decoded.
    Undecodable(DecodeError),
    /// JSON in which some text is not UTF-8: an API server shows other signs instead.
    NotUtf8,
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
        /// The kind that the value says it is.
        kind: String,
        /// The group and version that the value says it is of.
        api_version: String,
    },
    /// It can be decoded, and calls itself otherwise than its key.
    OtherName {
        /// The namespace, if it names one.
        namespace: Option<String>,
        /// The name.
        name: String,
    },
}

impl Flaw {
    /// False when an API server cannot decode the value as an object of its key's resource, so that it fails to
    /// list the resource.
    #[must_use]
    pub fn is_decodable(&self) -> bool {
        matches!(self, Self::OtherName { .. })
    }

    /// True when the first bytes tell it.
    #[must_use]
    pub fn is_of_first_bytes(&self) -> bool {
        matches!(self, Self::Empty | Self::Zeros(_) | Self::Foreign(_))
    }

    /// The same as a finding.
    pub(crate) fn observation(&self) -> Observation {
        match self {
            Self::Empty => codes::Empty {}.into(),
            Self::Zeros(len) => codes::Zeros { bytes: *len as u64 }.into(),
            Self::Foreign(None) => codes::Foreign {}.into(),
            Self::Foreign(Some(found)) => codes::AlmostMagic {
                found: Excerpt::of(found),
                expected: Excerpt::of(ENVELOPE_MAGIC),
            }
            .into(),
            Self::Undecodable(error) => of_decode_error(error),
            Self::NotUtf8 => codes::NotUtf8 {}.into(),
            Self::Trailing(len) => codes::Trailing { bytes: *len as u64 }.into(),
            Self::NoType => codes::NoType {}.into(),
            Self::NoName => codes::NoName {}.into(),
            Self::Envelope => codes::UnknownEnvelope {}.into(),
            Self::OtherKind {
                expected,
                kind,
                api_version,
            } => codes::OtherKind {
                expected: Excerpt::of(expected),
                kind: Excerpt::of(kind),
                api_version: Excerpt::of(api_version),
            }
            .into(),
            Self::OtherName {
                namespace: Some(namespace),
                name,
            } => codes::OtherNamespacedName {
                namespace: Excerpt::of(namespace),
                name: Excerpt::of(name),
            }
            .into(),
            Self::OtherName {
                namespace: None,
                name,
            } => codes::OtherName {
                name: Excerpt::of(name),
            }
            .into(),
        }
    }
}

fn of_decode_error(error: &DecodeError) -> Observation {
    match error {
        DecodeError::Encrypted => codes::Encrypted {}.into(),
        DecodeError::NotKubernetes => codes::NotKubernetes {}.into(),
        DecodeError::Malformed { what, path } if path.is_empty() => {
            let fault = what.word();
            codes::Malformed { fault }.into()
        }
        DecodeError::Malformed { what, path } => codes::MalformedField {
            fault: what.word(),
            field: Excerpt::of(path),
        }
        .into(),
        DecodeError::TooNested { .. } => codes::TooDeep {}.into(),
        DecodeError::TooDeep { path } if path.is_empty() => codes::TooDeep {}.into(),
        DecodeError::TooDeep { path } => codes::TooDeepField {
            field: Excerpt::of(path),
        }
        .into(),
        DecodeError::TooLarge { limit, stored } => codes::TooLarge {
            limit: *limit as u64,
            stored: *stored as u64,
        }
        .into(),
    }
}

/// Names that are longer are cut in text; no valid one is.
const NAME_LIMIT: usize = 256;

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the value is empty"),
            Self::Zeros(1) => f.write_str("the value is a zero byte"),
            Self::Zeros(len) => write!(f, "the value is {len} zero bytes"),
            Self::Foreign(None) => f.write_str("the value does not begin as a stored object does"),
            Self::Foreign(Some(found)) => {
                let [hex, magic] = [found, ENVELOPE_MAGIC].map(escape::hex);
                write!(
                    f,
                    "the value begins with {hex}, a stored object with {magic}"
                )
            }
            Self::Undecodable(error) => error.fmt(f),
            Self::NotUtf8 => f.write_str("text in the object is not UTF-8"),
            Self::Trailing(1) => f.write_str("a byte follows the object"),
            Self::Trailing(len) => write!(f, "{len} bytes follow the object"),
            Self::NoType => f.write_str("the value does not name apiVersion and kind"),
            Self::NoName => f.write_str("the object has no name"),
            Self::Envelope => {
                f.write_str("the value is encrypted in a way that no API server reads")
            }
            Self::OtherKind {
                expected,
                kind,
                api_version,
            } => {
                let [expected, kind, api_version] = [expected, kind, api_version]
                    .map(|name| escape::text_limited(name.as_bytes(), NAME_LIMIT));
                write!(
                    f,
                    "the key is that of a {expected}, the value is a {kind} of {api_version}"
                )
            }
            Self::OtherName { namespace, name } => {
                f.write_str("the object calls itself ")?;
                if let Some(namespace) = namespace {
                    let namespace = escape::text_limited(namespace.as_bytes(), NAME_LIMIT);
                    write!(f, "{namespace}/")?;
                }
                f.write_str(&escape::text_limited(name.as_bytes(), NAME_LIMIT))
            }
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
            Some(Err(EnvelopeError::Malformed | EnvelopeError::UnknownProvider(_))) => {
                Some(Flaw::Envelope)
            }
            _ => None,
        },
        Encoding::Other => Some(foreign(value)),
        _ => match describe(value) {
            Err(_) if is_json_but_for_text(value) => Some(Flaw::NotUtf8),
            Err(error) => Some(Flaw::Undecodable(error)),
            Ok(_) if head.encoding == Encoding::Json && std::str::from_utf8(value).is_err() => {
                Some(Flaw::NotUtf8)
            }
            Ok((description, trailing)) => match description.error {
                Some(error) => Some(Flaw::Undecodable(error)),
                // Of a kind that is not known only the metadata can be judged.
                None if description.undecoded.is_some() && head.error.is_some() => {
                    head.error.clone().map(Flaw::Undecodable)
                }
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

/// True for JSON that only has text in it which is not UTF-8.
fn is_json_but_for_text(value: &[u8]) -> bool {
    Encoding::of(value) == Encoding::Json
        && std::str::from_utf8(value).is_err()
        && serde_json::from_str::<serde::de::IgnoredAny>(&String::from_utf8_lossy(value)).is_ok()
}

/// What to say of a value that begins as no stored object does.
pub(in crate::kubernetes) fn foreign(value: &[u8]) -> Flaw {
    if value.is_empty() {
        Flaw::Empty
    } else if value.iter().all(|byte| *byte == 0) {
        Flaw::Zeros(value.len())
    } else {
        // The bytes of anything else may be a secret.
        let first = value.get(..ENVELOPE_MAGIC.len()).unwrap_or_default();
        let same = first.iter().zip(ENVELOPE_MAGIC).filter(|(a, b)| a == b);
        let is_near = same.count().saturating_add(1) >= ENVELOPE_MAGIC.len();
        Flaw::Foreign(is_near.then(|| first.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(value: &[u8]) -> Option<Flaw> {
        inspect(value).1
    }

    const POD: &[u8] =
        b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x0b\x0a\x09\x0a\x03web\x1a\x02ns\x1a\0\x22\0";

    #[test]
    fn a_whole_object_has_no_flaw_in_any_encoding() {
        assert_eq!(flaw(POD), None);
        assert_eq!(flaw(br#"{"apiVersion":"v1","kind":"Pod"}"#), None);
        assert_eq!(
            flaw(b"\xd9\xd9\xf7\xa2\x4aapiVersion\x42v1\x44kind\x43Pod"),
            None
        );
        // A field that a later release may have brought is not a flaw to an API server.
        let mut later = POD.to_vec();
        later[16] += 4;
        later[18] += 4;
        later.splice(28..28, *b"\xc2\x3e\x01x");
        assert_eq!(flaw(&later), None, "{later:x?}");
        assert_eq!(flaw(b"k8s:enc:aescbc:v1:k:..."), None);
    }

    #[test]
    fn every_byte_that_an_api_server_trips_over_is_a_flaw() {
        for (value, text) in [
            (&b""[..], "the value is empty"),
            (&[0; 8], "the value is 8 zero bytes"),
            (
                b"k8s\x01\x0a",
                "the value begins with 6b387301, a stored object with 6b387300",
            ),
            (
                b"hunter2",
                "the value does not begin as a stored object does",
            ),
            (
                b"k8s:enc:aescbc",
                "the value is encrypted in a way that no API server reads",
            ),
            (br#"{"apiVersion":"v1","kind":"Pod""#, "JSON cannot be read"),
            (br#"{"a":1}"#, "the value does not name apiVersion and kind"),
            (
                b"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"x\":\"\xff\"}",
                "text in the object is not UTF-8",
            ),
            (b"\xd9\xd9\xf7\xa1", "CBOR cannot be read"),
        ] {
            assert_eq!(
                flaw(value).map(|flaw| flaw.to_string()).as_deref(),
                Some(text)
            );
        }
        let with = |at: usize, byte: u8| {
            let mut value = POD.to_vec();
            value[at] ^= byte;
            flaw(&value).map(|flaw| flaw.to_string())
        };
        // The tag of the metadata, as a wire type that ends a group and as that of a number.
        assert_eq!(with(17, 6).as_deref(), Some("protobuf cannot be read"));
        assert_eq!(with(17, 2).as_deref(), Some("a field of another wire type"));
        assert_eq!(
            flaw(&POD[..20]).map(|flaw| flaw.is_decodable()),
            Some(false)
        );
        let longer = [POD, b"\xff"].concat();
        assert_eq!(flaw(&longer), Some(Flaw::Trailing(1)));
    }

    #[test]
    fn cbor_is_read_to_its_end() {
        let widget = |rest: &[u8]| {
            let mut value = b"\xd9\xd9\xf7\xa3\x4aapiVersion\x44g/v1\x44kind\x46Widget".to_vec();
            value.extend(rest);
            flaw(&value)
        };
        assert_eq!(widget(b"\x41a\x01"), None);
        assert_eq!(widget(b"\x41a\x01\0"), Some(Flaw::Trailing(1)));
        for refused in [
            &b"\x41a\xa2\x41b\x01\x41b\x02"[..],
            b"\x41a\xc2\x41\x01",
            b"\x41a\xf9\x7e\x00",
            b"\x41a\xa1\x01\x01",
        ] {
            let found = widget(refused).map(|flaw| flaw.to_string());
            assert_eq!(
                found.as_deref(),
                Some("CBOR cannot be read"),
                "{refused:x?}"
            );
        }
    }

    #[test]
    fn a_time_of_another_wire_type_is_a_flaw() {
        // creationTimestamp with seconds that are bytes.
        let raw = b"\x0a\x0b\x0a\x03web\x42\x04\x0a\x02ab";
        let mut value = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x0d".to_vec();
        value.extend(raw);
        assert!(matches!(flaw(&value), Some(Flaw::Undecodable(_))));
    }
}
