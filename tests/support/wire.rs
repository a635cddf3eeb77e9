//! Protobuf, as far as tests write it themselves.

/// Writes a varint by itself.
pub(crate) fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes a field that holds bytes.
pub(crate) fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A record as etcd stores it: key, create and mod revision, version, value.
pub(crate) fn record(key: &[u8], revisions: [u64; 2], version: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, key);
    for (number, content) in [(2, revisions[0]), (3, revisions[1]), (4, version)] {
        varint(&mut out, number << 3);
        varint(&mut out, content);
    }
    field(&mut out, 5, value);
    out
}
