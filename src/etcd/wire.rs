//! The little of the protobuf wire format that etcd's records need.

/// One field as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// 32 or 64 bits, or a group: nothing etcd writes.
    Other,
}

/// The bytes are not wire format: cut off, a varint that is too long, an impossible field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads fields one after the other; after an error it ends.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// Groups nested deeper than this are refused, as Go's decoder does at some depth.
const MAX_GROUPS: usize = 10_000;

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads only the tag and length of a field of bytes that may end beyond `bytes`: its number, its
    /// length, and how many bytes tag and length take.
    pub(crate) fn long_bytes(bytes: &[u8]) -> Option<(u64, u64, usize)> {
        let mut fields = Fields::new(bytes);
        let (number, kind) = fields.tag().ok()?;
        let len = fields.varint().ok()?;
        (kind == 2).then(|| (number, len, bytes.len().saturating_sub(fields.remaining())))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        let mut shift = 0u32;
        loop {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            // The tenth byte has room for one bit.
            if shift == 63 && *byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift = shift.wrapping_add(7);
        }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn tag(&mut self) -> Result<(u64, u64), Malformed> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err(Malformed);
        }
        Ok((number, tag & 7))
    }

    #[inline]
    fn step(&mut self) -> Result<(u64, Field<'a>), Malformed> {
        let (number, kind) = self.tag()?;
        let field = match kind {
            0 => Field::Varint(self.varint()?),
            1 => self.take(8).map(|_| Field::Other)?,
            2 => {
                let len = self.varint()?;
                Field::Bytes(self.take(len)?)
            }
            3 => self.group(number).map(|()| Field::Other)?,
            5 => self.take(4).map(|_| Field::Other)?,
            _ => return Err(Malformed),
        };
        Ok((number, field))
    }

    fn group(&mut self, number: u64) -> Result<(), Malformed> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            let (number, kind) = self.tag()?;
            match kind {
                0 => self.varint().map(|_| ())?,
                1 => self.take(8).map(|_| ())?,
                2 => {
                    let len = self.varint()?;
                    self.take(len)?;
                }
                3 if open.len() < MAX_GROUPS => open.push(number),
                4 if number == innermost => {
                    open.pop();
                }
                5 => self.take(4).map(|_| ())?,
                _ => return Err(Malformed),
            }
        }
        Ok(())
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.rest = &[];
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, Malformed> {
        Fields::new(bytes).collect()
    }

    #[test]
    fn every_wire_type_is_read_or_passed_over() {
        let bytes = [
            0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3,
            4, 0x2b, 0x08, 0x01, 0x2c,
        ];
        assert_eq!(
            all(&bytes).unwrap(),
            [
                (1, Field::Varint(150)),
                (2, Field::Bytes(b"hi")),
                (3, Field::Other),
                (4, Field::Other),
                (5, Field::Other)
            ]
        );
    }

    #[test]
    fn malformed_bytes_end_the_reading() {
        for bytes in [
            &b"\x0a\xff"[..],
            b"\x0a\x05abc",
            b"\x08",
            b"\x00\x01",
            b"\x0f",
            b"\x0c",
            b"\x0b\x14",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ] {
            assert!(all(bytes).is_err(), "{bytes:x?}");
        }
        assert_eq!(
            all(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").unwrap(),
            [(1, Field::Varint(u64::MAX))]
        );
    }
}
