//! The protobuf wire format: fields one after the other, as records of etcd and objects of Kubernetes hold them.
//! Source: protobuf's "Encoding", and what the generated Go decoders of both accept.

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FieldValue<'a> {
    Varint(u64),
    Fixed64(u64),
    /// Held as 64 bits, so that values of all types lie alike in memory.
    Fixed32(u64),
    Bytes(&'a [u8]),
    /// What is between the tags of a group. Neither etcd nor Kubernetes writes any.
    Group(&'a [u8]),
}

impl<'a> FieldValue<'a> {
    /// The number of the wire type.
    pub(crate) fn wire_type(self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Group(_) => 3,
            Self::Fixed32(_) => 5,
        }
    }

    /// The payload of a field with a length.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn varint(self) -> Option<u64> {
        match self {
            Self::Varint(n) => Some(n),
            _ => None,
        }
    }
}

/// The bytes are not wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads fields one after the other; after an error it ends.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    dialect: Dialect,
}

/// Whose rules hold where readers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// A number of more than 64 bits is malformed.
    Etcd,
    /// Bits beyond the 64th are dropped, as Go's generated decoders do.
    Kubernetes,
}

impl Dialect {
    /// Groups nested deeper than this are refused. Neither etcd nor Kubernetes writes any.
    fn max_groups(self) -> usize {
        match self {
            Self::Etcd => 10_000,
            Self::Kubernetes => 100,
        }
    }
}

impl<'a> Fields<'a> {
    /// The fields of a message of etcd.
    pub(crate) fn of_etcd(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            dialect: Dialect::Etcd,
        }
    }

    /// The fields of an object of Kubernetes.
    pub(crate) fn of_kubernetes(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            dialect: Dialect::Kubernetes,
        }
    }

    /// Reads only the tag and length of a field of bytes that may end beyond `bytes`: its number, its
    /// length, and how many bytes tag and length take.
    pub(crate) fn long_bytes(bytes: &[u8]) -> Option<(u32, u64, usize)> {
        let mut fields = Fields::of_etcd(bytes);
        let (number, wire_type) = fields.tag().ok()?;
        let len = fields.varint().ok()?;
        let used = bytes.len().saturating_sub(fields.rest.len());
        (wire_type == 2).then_some((number, len, used))
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a varint by itself, as in packed lists.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
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
        // Ten bytes at most.
        while shift < 70 {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            // The tenth has room for one bit.
            if shift == 63 && *byte > 1 && self.dialect == Dialect::Etcd {
                return Err(Malformed);
            }
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
    pub(crate) fn fixed64(&mut self) -> Result<u64, Malformed> {
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
    fn step(&mut self) -> Result<(u32, FieldValue<'a>), Malformed> {
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            2 => {
                let len = self.varint()?;
                FieldValue::Bytes(self.take(len)?)
            }
            0 => FieldValue::Varint(self.varint()?),
            1 => FieldValue::Fixed64(self.fixed64()?),
            3 => FieldValue::Group(self.group(number)?),
            5 => FieldValue::Fixed32(self.fixed32()?.into()),
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
                3 if open.len() < self.dialect.max_groups() => open.push(number),
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
    type Item = Result<(u32, FieldValue<'a>), Malformed>;

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

/// Writes a varint by itself.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a field that holds a number.
pub(crate) fn put_number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

/// Writes a field that holds bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    type All<'a> = Result<Vec<(u32, FieldValue<'a>)>, Malformed>;

    fn both(bytes: &[u8]) -> [All<'_>; 2] {
        [
            Fields::of_etcd(bytes).collect(),
            Fields::of_kubernetes(bytes).collect(),
        ]
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = [
            0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0x25, 2, 0, 0,
            0, 0x2b, 0x08, 0x01, 0x2c,
        ];
        for all in both(&bytes) {
            assert_eq!(
                all.unwrap(),
                [
                    (1, FieldValue::Varint(150)),
                    (2, FieldValue::Bytes(b"hi")),
                    (3, FieldValue::Fixed64(1)),
                    (4, FieldValue::Fixed32(2)),
                    (5, FieldValue::Group(b"\x08\x01")),
                ]
            );
        }
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
            for all in both(bytes) {
                assert!(all.is_err(), "{bytes:x?}");
            }
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_malformed_in_etcd_and_cut_in_kubernetes() {
        let [etcd, kubernetes] = both(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03");
        assert!(etcd.is_err());
        assert_eq!(kubernetes.unwrap(), [(1, FieldValue::Varint(u64::MAX))]);
        for all in both(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") {
            assert_eq!(all.unwrap(), [(1, FieldValue::Varint(u64::MAX))]);
        }
    }

    #[test]
    fn groups_nest_as_deep_as_each_reader_allows() {
        for (depth, are_read) in [
            (100, [true, true]),
            (101, [true, false]),
            (10_001, [false; 2]),
        ] {
            let bytes = [vec![0x0b; depth], vec![0x0c; depth]].concat();
            assert_eq!(both(&bytes).map(|all| all.is_ok()), are_read, "{depth}");
        }
    }

    #[test]
    fn a_group_may_hold_fields_of_every_type() {
        // The third is two bytes that look like the end of the group.
        let fields: [&[u8]; 4] = [
            b"\x08\x96\x01",
            b"\x11\x0c\x0c\x0c\x0c\x0c\x0c\x0c\x0c",
            b"\x1a\x02\x0c\x0c",
            b"\x25\x0c\x0c\x0c\x0c",
        ];
        let inside = fields.concat();
        let bytes = [b"\x0b", &inside[..], b"\x0c\x10\x05"].concat();
        let expected = [(1, FieldValue::Group(&inside)), (2, FieldValue::Varint(5))];
        for all in both(&bytes) {
            assert_eq!(all.unwrap(), expected);
        }
        for field in fields {
            let cut = field.get(..field.len() - 1).unwrap();
            for all in both(&[b"\x0b", cut, b"\x0c"].concat()) {
                assert!(all.is_err(), "{field:x?}");
            }
        }
    }

    #[test]
    fn a_field_of_bytes_is_known_by_its_front() {
        assert_eq!(
            Fields::long_bytes(b"\x2a\x80\x80\x04abc"),
            Some((5, 65_536, 4))
        );
        assert_eq!(Fields::long_bytes(b"\x28\x01"), None);
    }
}
