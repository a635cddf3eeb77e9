//! The envelope around protobuf: what object it is, and the object's own bytes.
//! Source: apimachinery pkg/runtime/generated.proto, message Unknown.

use super::decode_error::{Broken, DecodeError};
use super::format::PROTOBUF;
use crate::wire::{FieldValue, Fields};

/// The bytes in front of the envelope.
pub const ENVELOPE_MAGIC: &[u8] = PROTOBUF;

/// A stored value that begins with [`ENVELOPE_MAGIC`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope<'a> {
    /// Group and version; `v1` for the core group.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The object's own message.
    pub raw: &'a [u8],
    /// How `raw` is compressed: never, so far.
    pub content_encoding: &'a str,
    /// What `raw` is if no protobuf; empty in storage.
    pub content_type: &'a str,
    /// Bytes at the end that belong to no field. Kubernetes never writes any and refuses such a value.
    pub trailing: &'a [u8],
    /// The value ends inside the envelope; `raw` is what there is of it.
    pub is_cut: bool,
    /// Type or kind is not UTF-8.
    is_garbled: bool,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of `value`; the object in it is not looked at. What can be had of a damaged one
    /// is had, see [`Envelope::error`].
    ///
    /// Returns nothing if `value` does not begin as an envelope does.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let body = value.strip_prefix(ENVELOPE_MAGIC)?;
        let mut envelope = Self::default();
        let mut has_raw = false;
        let mut fields = Fields::of_kubernetes(body);
        loop {
            let before = fields.rest();
            match fields.next() {
                None => break,
                Some(Ok((number, FieldValue::Bytes(bytes)))) => {
                    has_raw |= number == 2;
                    envelope.set(number, bytes);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) if has_raw => {
                    envelope.trailing = before;
                    break;
                }
                Some(Err(_)) => {
                    envelope.is_cut = true;
                    envelope.raw = cut_raw(before).unwrap_or_default();
                    break;
                }
            }
        }
        Some(envelope)
    }

    fn set(&mut self, number: u32, bytes: &'a [u8]) {
        match number {
            1 => {
                for field in Fields::of_kubernetes(bytes) {
                    match field {
                        Ok((1, FieldValue::Bytes(text))) => self.api_version = self.text(text),
                        Ok((2, FieldValue::Bytes(text))) => self.kind = self.text(text),
                        Ok(_) => {}
                        Err(_) => self.is_garbled = true,
                    }
                }
            }
            2 => self.raw = bytes,
            3 => self.content_encoding = self.text(bytes),
            4 => self.content_type = self.text(bytes),
            _ => {}
        }
    }

    fn text(&mut self, bytes: &'a [u8]) -> &'a str {
        std::str::from_utf8(bytes).unwrap_or_else(|_| {
            self.is_garbled = true;
            ""
        })
    }

    /// What is wrong with the envelope.
    #[must_use]
    pub fn error(&self) -> Option<DecodeError> {
        if self.is_cut {
            Some(DecodeError::malformed(Broken::EnvelopeEnd))
        } else if self.is_garbled {
            Some(DecodeError::malformed(Broken::EnvelopeType))
        } else {
            None
        }
    }
}

/// The beginning of field 2 of which the end is missing.
fn cut_raw(bytes: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::of_kubernetes(bytes.strip_prefix(&[0x12])?);
    let len = fields.varint().ok()?;
    (len > fields.rest().len() as u64).then(|| fields.rest())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x03abc\x1a\x00\x22\x00";

    #[test]
    fn the_envelope_gives_type_and_raw_bytes() {
        let envelope = Envelope::parse(SAMPLE).unwrap();
        assert_eq!((envelope.api_version, envelope.kind), ("v1", "Pod"));
        assert_eq!(envelope.raw, b"abc");
        assert_eq!((envelope.error(), envelope.trailing), (None, &b""[..]));
        assert_eq!(Envelope::parse(b"{}"), None);
        let empty = Envelope::parse(b"k8s\0").unwrap();
        assert_eq!((empty.kind, empty.error()), ("", None));
    }

    #[test]
    fn bytes_behind_the_envelope_are_kept_apart() {
        let mut bytes = SAMPLE.to_vec();
        bytes.push(b'\n');
        let envelope = Envelope::parse(&bytes).unwrap();
        assert_eq!((envelope.raw, envelope.trailing), (&b"abc"[..], &b"\n"[..]));
        assert_eq!(envelope.error(), None);
    }

    #[test]
    fn a_cut_envelope_gives_what_there_is() {
        for len in 4..SAMPLE.len() {
            let envelope = Envelope::parse(&SAMPLE[..len]).unwrap();
            assert!(b"abc".starts_with(envelope.raw));
            if len >= 15 {
                assert_eq!(envelope.kind, "Pod");
            }
            assert_eq!(envelope.is_cut, !matches!(len, 4 | 15 | 20..), "{len}");
        }
        let garbled = Envelope::parse(b"k8s\0\x0a\x03\x0a\x01\xff").unwrap();
        assert!(garbled.error().is_some());
    }
}
