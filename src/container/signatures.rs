//! What a foreign file is, by its first bytes.

use super::FileKind;
use crate::wire::Fields;

/// What the file is by its first bytes, where these tell. `len` is its length.
pub(super) fn by_signature(head: &[u8], len: u64) -> Option<FileKind> {
    let starts = |signature: &[u8]| head.starts_with(signature);
    let at = |offset: usize, signature: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(signature))
    };
    if head.is_empty() {
        return Some(FileKind::Empty);
    }
    for (signature, kind) in [
        (&b"\x1f\x8b"[..], FileKind::Gzip),
        (b"\x28\xb5\x2f\xfd", FileKind::Zstd),
        (b"\xfd7zXZ\0", FileKind::Xz),
        (b"BZh", FileKind::Bzip2),
        (b"\x04\x22\x4d\x18", FileKind::Lz4),
        (b"PK\x03\x04", FileKind::Zip),
        (b"PK\x05\x06", FileKind::Zip),
        (b"7z\xbc\xaf\x27\x1c", FileKind::SevenZip),
        (b"\x1f\x9d", FileKind::Compress),
        (b"Salted__", FileKind::OpenSsl),
        (b"age-encryption.org/", FileKind::Age),
        (b"-----BEGIN AGE ", FileKind::Age),
        (b"-----BEGIN PGP ", FileKind::Gpg),
        (b"-----BEGIN ", FileKind::Pem),
        (b"\x7fELF", FileKind::Elf),
        (b"SQLite format 3\0", FileKind::Sqlite),
        // The first frame of a log segment is a CRC record of 4 bytes, padded by 4.
        (b"\x04\0\0\0\0\0\0\x84", FileKind::Wal),
    ] {
        if starts(signature) {
            return Some(kind);
        }
    }
    if at(257, b"ustar") {
        return Some(FileKind::Tar);
    }
    if head.iter().all(|b| *b == 0) && head.len() >= 80 {
        return Some(FileKind::Zeros);
    }
    if is_raft_snapshot(head, len) {
        return Some(FileKind::RaftSnapshot);
    }
    if is_openpgp(head) {
        return Some(FileKind::Gpg);
    }
    if is_zlib(head) {
        return Some(FileKind::Zlib);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = text.trim_ascii_start();
    let word = text.get(..64).unwrap_or(text).to_ascii_lowercase();
    if word.starts_with(b"<!doctype html") || word.starts_with(b"<html") {
        return Some(FileKind::Html);
    }
    if word.starts_with(b"<?xml") || word.starts_with(b"<error") {
        return Some(FileKind::Xml);
    }
    json(text)
}

/// Which JSON document it is, if it is one.
fn json(text: &[u8]) -> Option<FileKind> {
    let (first, rest) = text.split_first()?;
    let second = *rest.trim_ascii_start().first()?;
    match (first, second) {
        (b'{', b'"' | b'}') | (b'[', b'{' | b'[' | b'"' | b']') => {}
        _ => return None,
    }
    let has = |word: &[u8]| {
        text.get(..1024)
            .unwrap_or(text)
            .windows(word.len())
            .any(|window| window == word)
    };
    if *first == b'[' && has(b"\"etcdEvent\"") {
        return Some(FileKind::GardenerDelta);
    }
    if has(b"\"result\"") && (has(b"\"blob\"") || has(b"\"remaining_bytes\"")) {
        return Some(FileKind::GatewayJson);
    }
    if has(b"\"etcdVersion\"") && (has(b"\"clusterSpec\"") || has(b"\"timestamp\"")) {
        return Some(FileKind::EtcdManagerMeta);
    }
    Some(FileKind::Json)
}

/// A message of a checksum, field 1, and a snapshot, field 2, that ends with the file.
fn is_raft_snapshot(head: &[u8], len: u64) -> bool {
    let Some(rest) = head.strip_prefix(b"\x08") else {
        return false;
    };
    let Some((crc, crc_len)) = varint(rest) else {
        return false;
    };
    let Some(rest) = rest
        .get(crc_len..)
        .and_then(|rest| rest.strip_prefix(b"\x12"))
    else {
        return false;
    };
    let Some((size, size_len)) = varint(rest) else {
        return false;
    };
    let before = (2_u64)
        .saturating_add(crc_len as u64)
        .saturating_add(size_len as u64);
    // Its fields are data and metadata.
    let inner = rest.get(size_len);
    u32::try_from(crc).is_ok()
        && before.checked_add(size) == Some(len)
        && matches!(inner, Some(0x0a | 0x12))
}

/// The varint that `bytes` begin with, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut fields = Fields::of_etcd(bytes);
    let value = fields.varint().ok()?;
    Some((value, bytes.len().saturating_sub(fields.rest().len())))
}

/// The first packet of an OpenPGP message: a session key of version 3, or 4 by a passphrase.
fn is_openpgp(head: &[u8]) -> bool {
    match *head {
        [0x84 | 0x8c, _, version, ..] => {
            (head.first() == Some(&0x84) && version == 3)
                || (head.first() == Some(&0x8c) && version == 4)
        }
        [0x85, high, _, version, ..] => version == 3 && high < 8,
        [0xc1, 0..=191, version, ..] => version == 3,
        [0xc1, 192..=223, _, version, ..] => version == 3,
        [0xc3, 0..=191, version, ..] => matches!(version, 4..=6),
        _ => false,
    }
}

/// The two bytes of a zlib stream with a window of 32 KiB: their number is a multiple of 31.
fn is_zlib(head: &[u8]) -> bool {
    matches!(head, [0x78, 0x01 | 0x5e | 0x9c | 0xda, third, ..] if third & 0x06 != 0x06)
}

pub(super) fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    valid
        && head
            .iter()
            .all(|b| *b >= 0x20 || matches!(b, b'\n' | b'\r' | b'\t'))
}
