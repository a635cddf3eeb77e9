//! The protobuf wire format as objects use it: every wire type, and where a field lies.

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    /// Held as 64 bits, so that values of all types lie alike in memory.
    Fixed32(u64),
    Bytes(&'a [u8]),
    /// What is between the tags of a group: nothing Kubernetes writes.
    Group(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The number of the wire type.
    pub(super) fn wire_type(self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Group(_) => 3,
            Self::Fixed32(_) => 5,
        }
    }

    /// The payload of a field with a length.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn varint(self) -> Option<u64> {
        match self {
            Self::Varint(n) => Some(n),
            _ => None,
        }
    }
}

/// The bytes are not wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Groups nested deeper than this are refused.
const MAX_GROUPS: usize = 100;

/// Reads fields one after the other; after an error it ends.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a varint by itself, as in packed lists.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        // Most tags and lengths are of one byte.
        if let Some((byte, rest)) = self.rest.split_first()
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        let mut shift = 0u32;
        // Ten bytes at most; like Go's reader, bits beyond the 64th are dropped.
        while shift < 70 {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift = shift.wrapping_add(7);
        }
        Err(Malformed)
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads eight bytes by themselves.
    pub(super) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*taken))
    }

    fn fixed32(&mut self) -> Result<u32, Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*taken))
    }

    #[inline(always)]
    fn tag(&mut self) -> Result<(u32, u64), Malformed> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err(Malformed);
        }
        let number = u32::try_from(number).map_err(|_| Malformed)?;
        Ok((number, tag & 7))
    }

    // Else each field would pass through memory twice, which takes longer than reading it.
    #[inline(always)]
    fn step(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed64()?),
            3 => Value::Group(self.group(number)?),
            5 => Value::Fixed32(self.fixed32()?.into()),
            _ => return Err(Malformed),
        };
        Ok((number, value))
    }

    #[cold]
    fn group(&mut self, number: u32) -> Result<&'a [u8], Malformed> {
        let start = self.rest;
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            let before = self.rest.len();
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => self.varint().map(|_| ())?,
                1 => self.fixed64().map(|_| ())?,
                2 => {
                    let len = self.varint()?;
                    self.take(len)?;
                }
                3 if open.len() < MAX_GROUPS => open.push(number),
                4 if number == innermost => {
                    open.pop();
                    if open.is_empty() {
                        let len = start.len().saturating_sub(before);
                        return start.get(..len).ok_or(Malformed);
                    }
                }
                5 => self.fixed32().map(|_| ())?,
                _ => return Err(Malformed),
            }
        }
        Err(Malformed)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    #[inline(always)]
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

    fn all(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
        Fields::new(bytes).collect()
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = [
            0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0x25, 2, 0, 0,
            0, 0x2b, 0x08, 0x01, 0x2c,
        ];
        assert_eq!(
            all(&bytes).unwrap(),
            [
                (1, Value::Varint(150)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Fixed64(1)),
                (4, Value::Fixed32(2)),
                (5, Value::Group(b"\x08\x01")),
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
            b"\x0b",
            b"\x09\x01",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert!(all(bytes).is_err(), "{bytes:x?}");
        }
        assert!(all(&[0x0b; 4000]).is_err());
    }
}
