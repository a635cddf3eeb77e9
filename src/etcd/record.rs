//! The value of an entry of bucket `key`: mvccpb.KeyValue, borrowed from its page.

use std::fmt;

use super::revision::LeaseId;
use crate::bolt::LeafTail;
use crate::error::Result;
use crate::ids::FileOffset;
use crate::source::WindowBuffer;
use crate::wire::{FieldValue, Fields, Malformed};

/// A decoded record. Source: etcd v3.6.14 api/mvccpb/kv.proto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record<'a> {
    /// The user's key.
    pub key: &'a [u8],
    /// Main revision at which the key was created last.
    pub create_revision: i64,
    /// Main revision of this record.
    pub mod_revision: i64,
    /// 1 at creation, one more with each put.
    pub version: i64,
    /// The user's value; its beginning only, when [`Record::value_len`] says more.
    pub value: &'a [u8],
    /// Bytes of the whole value.
    pub value_len: u64,
    /// The lease the key hangs on; 0 = none.
    pub lease: LeaseId,
}

/// The value of a record is not a KeyValue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordError;

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words of etcd 3.7 and later.
        f.write_str("proto: cannot parse invalid wire-format data")
    }
}

impl std::error::Error for RecordError {}

impl From<Malformed> for RecordError {
    fn from(_: Malformed) -> Self {
        Self
    }
}

impl<'a> Record<'a> {
    /// Decodes `bytes`. Unknown fields are passed over; of a repeated field the last one counts.
    ///
    /// # Errors
    /// [`RecordError`].
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, RecordError> {
        if let Some(record) = Self::decode_as_written(bytes) {
            return Ok(record);
        }
        let mut record = Self::default();
        for field in Fields::of_etcd(bytes) {
            record.set(field?);
        }
        Ok(record)
    }

    /// Decodes `bytes` as etcd up to 3.6 does: a known field of another wire type is an error. Newer
    /// releases pass over it, and nothing ever writes one.
    ///
    /// # Errors
    /// [`RecordError`].
    #[inline]
    pub fn decode_strict(bytes: &'a [u8]) -> Result<Self, RecordError> {
        if let Some(record) = Self::decode_as_written(bytes) {
            return Ok(record);
        }
        let mut record = Self::default();
        for field in Fields::of_etcd(bytes) {
            if !record.set(field?) {
                return Err(RecordError);
            }
        }
        Ok(record)
    }

    /// Decodes what etcd itself writes, without looking at every field for every wire type: each field at
    /// most once, in the order of the numbers. `None`: not of this form, which says nothing else.
    #[inline]
    fn decode_as_written(bytes: &'a [u8]) -> Option<Self> {
        let mut record = Self::default();
        let mut rest = bytes;
        if let Some(behind) = behind_tag(rest, 0x0a) {
            (record.key, rest) = short_bytes(behind)?;
        }
        for (tag, number) in [
            (0x10, &mut record.create_revision),
            (0x18, &mut record.mod_revision),
            (0x20, &mut record.version),
        ] {
            if let Some(behind) = behind_tag(rest, tag) {
                let value;
                (value, rest) = short_varint(behind)?;
                *number = value.cast_signed();
            }
        }
        if let Some(behind) = behind_tag(rest, 0x2a) {
            (record.value, rest) = short_bytes(behind)?;
            record.value_len = record.value.len() as u64;
        }
        if let Some(behind) = behind_tag(rest, 0x30) {
            let lease;
            (lease, rest) = short_varint(behind)?;
            record.lease = LeaseId(lease.cast_signed());
        }
        rest.is_empty().then_some(record)
    }

    /// Takes a field; false when it is a known one of another wire type.
    #[inline]
    fn set(&mut self, (number, field): (u32, FieldValue<'a>)) -> bool {
        match (number, field) {
            (1, FieldValue::Bytes(key)) => self.key = key,
            (2, FieldValue::Varint(n)) => self.create_revision = n.cast_signed(),
            (3, FieldValue::Varint(n)) => self.mod_revision = n.cast_signed(),
            (4, FieldValue::Varint(n)) => self.version = n.cast_signed(),
            (5, FieldValue::Bytes(value)) => {
                self.value = value;
                self.value_len = value.len() as u64;
            }
            (6, FieldValue::Varint(n)) => self.lease = LeaseId(n.cast_signed()),
            (1..=6, _) => return false,
            _ => {}
        }
        true
    }

    /// Decodes a record of which `head` holds only the beginning and `tail` the rest. The fields in front
    /// of the value must be in `head`, as etcd writes them; what follows the value is read. `None` when it is not a record.
    ///
    /// # Errors
    /// Reading.
    pub fn decode_long(
        head: &'a [u8],
        tail: &LeafTail<'_>,
        buffer: &mut WindowBuffer,
    ) -> Result<Option<Self>> {
        // All fields that `head` holds whole.
        let mut record = Self::default();
        let mut fields = Fields::of_etcd(head);
        let mut consumed = 0usize;
        while let Some(Ok(field)) = fields.next() {
            record.set(field);
            consumed = head.len().saturating_sub(fields.rest().len());
        }
        let whole = (head.len() as u64).saturating_add(tail.len);
        let mut behind = consumed as u64;
        // The next one does not fit. It is the value, unless only a few small fields are left.
        let rest = head.get(consumed..).unwrap_or_default();
        if let Some((number, len, used)) = Fields::long_bytes(rest)
            && len > SHORT_END
        {
            let start = consumed.saturating_add(used);
            behind = (start as u64).saturating_add(len);
            if number == 5 {
                record.value = head.get(start..).unwrap_or_default();
                record.value_len = len;
            }
        }
        let Some(left) = whole.checked_sub(behind) else {
            return Ok(None);
        };
        // Behind the value comes the lease: a few bytes. More is nothing etcd wrote.
        if left > SHORT_END.saturating_mul(2) {
            return Ok(None);
        }
        let from = tail
            .offset
            .0
            .saturating_add(behind)
            .saturating_sub(head.len() as u64);
        let len = usize::try_from(left).unwrap_or(usize::MAX);
        for field in Fields::of_etcd(buffer.lend(tail.source, FileOffset(from), len)?) {
            match field {
                Ok((6, FieldValue::Varint(n))) => record.lease = LeaseId(n.cast_signed()),
                Ok((5, FieldValue::Bytes(value))) => record.value_len = value.len() as u64,
                Ok(_) => {}
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(record))
    }
}

/// What follows the one-byte `tag`, when `bytes` begin with it.
#[inline]
fn behind_tag(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match bytes.split_first() {
        Some((first, behind)) if *first == tag => Some(behind),
        _ => None,
    }
}

/// A varint of up to nine bytes, and what follows it.
#[inline(always)]
fn short_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = bytes;
    let mut value = 0u64;
    for shift in [0, 7, 14, 21, 28, 35, 42, 49, 56] {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// Bytes behind their length, and what follows them.
#[inline(always)]
fn short_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, behind) = short_varint(bytes)?;
    behind.split_at_checked(usize::try_from(len).ok()?)
}

/// A value at least this long may be passed over; anything shorter is read.
const SHORT_END: u64 = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Slice;

    fn sample(value_len: usize) -> Vec<u8> {
        let mut bytes = b"\x0a\x01a\x10\x02\x18\x03\x20\x02\x2a".to_vec();
        let mut len = value_len;
        while len >= 0x80 {
            bytes.push((len & 0x7f) as u8 | 0x80);
            len >>= 7;
        }
        bytes.push(len as u8);
        bytes.extend(std::iter::repeat_n(b'v', value_len));
        bytes.extend_from_slice(b"\x30\x85\x01");
        bytes
    }

    #[test]
    fn all_fields_decode() {
        let bytes = sample(3);
        let record = Record::decode(&bytes).unwrap();
        assert_eq!(record.key, b"a");
        assert_eq!(
            (record.create_revision, record.mod_revision, record.version),
            (2, 3, 2)
        );
        assert_eq!((record.value, record.value_len), (&b"vvv"[..], 3));
        assert_eq!(record.lease, LeaseId(133));
        assert_eq!(Record::decode(b"").unwrap(), Record::default());
        assert_eq!(Record::decode(b"\n\xff"), Err(RecordError));
    }

    #[test]
    fn the_short_way_and_the_long_way_agree_on_any_bytes() {
        fn long_way(bytes: &[u8]) -> Option<Record<'_>> {
            let mut record = Record::default();
            for field in Fields::of_etcd(bytes) {
                record.set(field.ok()?);
            }
            Some(record)
        }
        let whole = sample(300);
        let mut tried = 0;
        for at in 0..40 {
            for byte in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at % 20] = byte;
                if at >= 20 {
                    bytes.remove(at % 7);
                }
                for bytes in [&bytes[..], &bytes[..bytes.len() - 3], &bytes[..at]] {
                    let short = Record::decode_as_written(bytes);
                    tried += usize::from(short.is_some());
                    assert!(short.is_none() || short == long_way(bytes), "{bytes:x?}");
                }
            }
        }
        assert!(tried > 100);
        assert!(Record::decode_as_written(&whole).is_some());
    }

    #[test]
    fn a_record_held_in_part_decodes_like_the_whole() {
        let bytes = sample(5000);
        let whole = Record::decode(&bytes).unwrap();
        for cut in [20, 100, 4999, 5010] {
            let source = Slice(&bytes);
            let tail = LeafTail {
                source: &source,
                offset: FileOffset(cut as u64),
                len: (bytes.len() - cut) as u64,
            };
            let mut buffer = WindowBuffer::new();
            let part = Record::decode_long(&bytes[..cut], &tail, &mut buffer)
                .unwrap()
                .unwrap();
            assert_eq!(part.key, whole.key);
            assert_eq!((part.version, part.lease), (whole.version, whole.lease));
            assert_eq!(part.value_len, 5000);
        }
    }
}
