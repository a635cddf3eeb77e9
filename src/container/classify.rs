//! Naming files that are not bbolt databases, by their first bytes.

use std::collections::BTreeMap;

use super::kind::FileKind;
use super::signatures::{by_signature, is_text};
use crate::bolt::layout::{MAGIC, META, PAGE_HEADER, PageHeader, RawMeta, VERSION, flags};
use crate::bolt::{MetaError, Metas};
use crate::error::Result;
use crate::ids::FileOffset;
use crate::source::{Source, WindowBuffer};

/// Bytes looked at from the beginning.
const HEAD: usize = 4096;

/// Names a file of which no meta holds. `is_part` tells that its name ends in `.part`.
///
/// # Errors
/// Reading.
pub fn classify(
    source: &dyn Source,
    metas: &Metas,
    error: MetaError,
    is_part: bool,
) -> Result<FileKind> {
    let mut buffer = [0; HEAD];
    let len = usize::try_from(source.len())
        .unwrap_or(usize::MAX)
        .min(HEAD);
    let head = buffer.get_mut(..len).unwrap_or_default();
    source.read_exact_at(FileOffset(0), head)?;
    let head = &*head;
    let kind = by_signature(head, source.len());
    if is_part && matches!(kind, None | Some(FileKind::Empty | FileKind::Zeros)) {
        return Ok(FileKind::Part);
    }
    // A line of a log in front of a snapshot may look like a document.
    let is_certain = kind.is_some_and(|kind| {
        !matches!(
            kind,
            FileKind::Zeros | FileKind::Json | FileKind::Html | FileKind::Xml | FileKind::Pem
        )
    });
    if let Some(kind) = kind.filter(|_| is_certain) {
        return Ok(kind);
    }
    if let Some(bytes) = find_front(source)? {
        return Ok(FileKind::BytesInFront { bytes });
    }
    if let Some(kind) = kind.filter(|kind| *kind != FileKind::Zeros) {
        return Ok(kind);
    }
    if let Some(bytes) = missing_front(source)? {
        return Ok(FileKind::FrontMissing { bytes });
    }
    if has_tree_pages(source)? {
        return Ok(FileKind::DamagedMetas(error));
    }
    if let Some(kind) = kind {
        return Ok(kind);
    }
    if metas.both().into_iter().any(|meta| meta.is_big_endian()) {
        return Ok(FileKind::BigEndian);
    }
    if let Some(kind) = taken_for_text(source)?.filter(|_| !is_text(head)) {
        return Ok(kind);
    }
    // What is wrong after the magic means that a meta was there once.
    if error != MetaError::Magic && error != MetaError::Missing {
        return Ok(FileKind::DamagedMetas(error));
    }
    let second = metas.one.validate().err();
    if second.is_some_and(|second| second != MetaError::Magic && second != MetaError::Missing) {
        return Ok(FileKind::DamagedMetas(error));
    }
    if error == MetaError::Missing && looks_like_meta_page(head) {
        return Ok(FileKind::CutInMetas);
    }
    if is_text(head) {
        return Ok(FileKind::Text);
    }
    Ok(FileKind::Unknown)
}

/// What a tool did to the file that took it for text: bytes above 127 were encoded as UTF-8 or replaced, or a
/// CR was put before every LF.
///
/// # Errors
/// Reading.
pub fn taken_for_text(source: &dyn Source) -> Result<Option<FileKind>> {
    /// What becomes of the magic number: taken for Latin-1 or Windows-1252, for the code pages 437 and 850 of
    /// consoles, for UTF-8.
    const ENCODED: [&[u8]; 4] = [
        b"\xc3\xad\xc3\x9a\x0c\xc3\xad",
        b"\xcf\x86\xe2\x94\x8c\x0c\xcf\x86",
        b"\xc3\x9d\xe2\x94\x8c\x0c\xc3\x9d",
        b"\xef\xbf\xbd\xef\xbf\xbd\x0c\xef\xbf\xbd",
    ];
    let len = usize::try_from(source.len())
        .unwrap_or(usize::MAX)
        .min(1 << 20);
    let mut buffer = WindowBuffer::new();
    let bytes = buffer.lend(source, FileOffset(0), len)?;
    let head = bytes.get(..256).unwrap_or(bytes);
    let is_encoded = ENCODED
        .into_iter()
        .any(|pattern| head.windows(pattern.len()).any(|window| window == pattern));
    if is_encoded {
        return Ok(Some(FileKind::ReEncoded));
    }
    let after_cr = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    let lf = bytes.iter().filter(|b| **b == b'\n').count();
    // Each record begins with the byte of an LF, so a database has many that follow no CR.
    Ok((lf >= 8 && after_cr == lf).then_some(FileKind::LineEnds))
}

/// Bytes searched for a meta that does not stand at the beginning.
const FRONT: u64 = 1 << 20;

/// How many bytes stand in front of a meta 0, if there is one with a right checksum near the beginning.
fn find_front(source: &dyn Source) -> Result<Option<u64>> {
    let len = usize::try_from(source.len().min(FRONT)).unwrap_or(0);
    let mut buffer = WindowBuffer::new();
    let bytes = buffer.lend(source, FileOffset(0), len)?;
    let magic = MAGIC.to_le_bytes();
    let mut from = 0usize;
    while let Some(found) = bytes
        .get(from..)
        .and_then(|rest| rest.windows(magic.len()).position(|window| window == magic))
    {
        let at = from.saturating_add(found);
        from = at.saturating_add(1);
        let page = at.checked_sub(PAGE_HEADER);
        let is_first = page
            .and_then(|page| bytes.get(page..))
            .is_some_and(looks_like_meta_page);
        let raw = bytes.get(at..).and_then(RawMeta::decode);
        if let (Some(page @ 1..), true, Some(raw)) = (page, is_first, raw)
            && raw.version == VERSION
            && raw.checksum == raw.sealed().checksum
        {
            return Ok(Some(page as u64));
        }
    }
    Ok(None)
}

/// How many bytes stand in front of a database whose meta 0 lies where meta 1 would, one page behind the beginning:
/// the front is exactly one page. A meta 1 whose header was damaged is told from it by the pages behind.
///
/// # Errors
/// Reading.
pub fn front_of_one_page(source: &dyn Source, metas: &Metas) -> Result<Option<u64>> {
    if metas.zero.validate().is_ok() {
        return Ok(None);
    }
    let Ok(meta) = metas.one.validate() else {
        return Ok(None);
    };
    let mut header = [0; PAGE_HEADER];
    source.read_exact_at(metas.one.offset, &mut header)?;
    let front = metas.one.offset.0;
    if front == 0 || !looks_like_meta_page(&header) {
        return Ok(None);
    }
    let place = |page: u64| page.saturating_mul(u64::from(meta.page_size));
    let mut second = [0; PAGE_HEADER + META];
    let behind = FileOffset(place(1).saturating_add(front));
    let has_second = behind.plus(second.len() as u64).0 <= source.len() && {
        source.read_exact_at(behind, &mut second)?;
        let is_meta = PageHeader::decode(&second)
            .is_some_and(|header| header.id.0 == 1 && header.flags == flags::META);
        let raw = second.get(PAGE_HEADER..).and_then(RawMeta::decode);
        is_meta && raw.is_some_and(|raw| raw.checksum == raw.sealed().checksum)
    };
    let root = meta.root.0;
    let moved = FileOffset(place(root).saturating_add(front));
    let is_moved = tree_page_at(source, moved)? == Some(root)
        && tree_page_at(source, FileOffset(place(root)))? != Some(root);
    Ok((has_second || is_moved).then_some(front))
}

/// How many bytes are missing at the beginning, if the pages that follow say so: for some page size all of
/// them lie one distance before their places.
fn missing_front(source: &dyn Source) -> Result<Option<u64>> {
    /// Pages that must agree.
    const ENOUGH: u32 = 3;
    let len = usize::try_from(source.len().min(FRONT)).unwrap_or(0);
    let mut buffer = WindowBuffer::new();
    let bytes = buffer.lend(source, FileOffset(0), len)?;
    let mut distances: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    for (at, bytes) in bytes.windows(PAGE_HEADER).enumerate() {
        // Almost every place is none: ids below 2^24, branch or leaf.
        if !matches!(bytes, [_, _, _, 0, 0, 0, 0, 0, 1 | 2, 0, ..]) {
            continue;
        }
        let is_tree = PageHeader::decode(bytes)
            .filter(|header| header.id.0 >= 2 && header.count > 0 && header.overflow < 1 << 16);
        let Some(header) = is_tree else { continue };
        for shift in 12..=16u32 {
            let place = header.id.0 << shift;
            if let Some(distance) = place.checked_sub(at as u64) {
                let times = distances.entry((shift, distance)).or_default();
                *times = times.saturating_add(1);
            }
        }
    }
    let best = distances
        .iter()
        .max_by_key(|((shift, _), times)| (**times, u32::MAX.saturating_sub(*shift)));
    let Some(((shift, distance), times)) = best else {
        return Ok(None);
    };
    // With pages in their places, the beginning is there.
    let is_front = *times >= ENOUGH && !distances.contains_key(&(*shift, 0));
    Ok(is_front.then_some(*distance))
}

/// The id of the page that begins at `offset`, if its header can be one of a tree page.
pub(super) fn tree_page_at(source: &dyn Source, offset: FileOffset) -> Result<Option<u64>> {
    let mut header = [0; PAGE_HEADER];
    if offset.plus(PAGE_HEADER as u64).0 > source.len() {
        return Ok(None);
    }
    source.read_exact_at(offset, &mut header)?;
    Ok(PageHeader::decode(&header)
        .filter(|header| {
            header.id.0 >= 2
                && header.id.0 < u64::from(u32::MAX)
                && matches!(header.flags, flags::BRANCH | flags::LEAF | flags::FREELIST)
        })
        .map(|header| header.id.0))
}

/// True when a page lies where its own id says, for some page size.
fn has_tree_pages(source: &dyn Source) -> Result<bool> {
    for shift in 10..=24u32 {
        for page in 2..6u64 {
            let offset = FileOffset(page << shift);
            let mut header = [0; PAGE_HEADER];
            if offset.plus(PAGE_HEADER as u64).0 > source.len() {
                break;
            }
            source.read_exact_at(offset, &mut header)?;
            let is_page = PageHeader::decode(&header).is_some_and(|header| {
                header.id.0 == page
                    && matches!(header.flags, flags::BRANCH | flags::LEAF | flags::FREELIST)
            });
            if is_page {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A page header of a first page: id 0, flags meta, nothing else.
fn looks_like_meta_page(head: &[u8]) -> bool {
    head.get(..16)
        .is_some_and(|header| header == b"\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::SecondMeta;
    use crate::source::Slice;

    fn kind(bytes: &[u8], is_part: bool) -> FileKind {
        let source = Slice(bytes);
        let metas = Metas::read(&source, SecondMeta::Search).unwrap();
        classify(&source, &metas, metas.select().unwrap_err(), is_part).unwrap()
    }

    #[test]
    fn files_that_are_no_database_are_named() {
        let mut tar = vec![0; 1024];
        tar[..4].copy_from_slice(b"snap");
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, expected) in [
            (&b""[..], FileKind::Empty),
            (&[0; 8192], FileKind::Zeros),
            (b"\x1f\x8b\x08rest", FileKind::Gzip),
            (b"\x28\xb5\x2f\xfdrest", FileKind::Zstd),
            (b"PK\x03\x04rest", FileKind::Zip),
            (&tar, FileKind::Tar),
            (b"\n<!DOCTYPE HTML><title>403", FileKind::Html),
            (
                b"<?xml version=\"1.0\"?><Error><Code>AccessDenied",
                FileKind::Xml,
            ),
            (b"{\"message\":\"no such key\"}", FileKind::Json),
            (b"{\n  \"message\": \"no such key\"\n}", FileKind::Json),
            (b"{not json", FileKind::Text),
            (b"no such file\n", FileKind::Text),
            (b"Salted__\xac\x3a", FileKind::OpenSsl),
            (b"\x8c\x0d\x04\x09\x03\x02", FileKind::Gpg),
            (b"\x84\x5e\x03\x06\x47\xc8", FileKind::Gpg),
            (b"\x85\x01\x0c\x03\x06\x47", FileKind::Gpg),
            (b"\xc1\xc0\x4c\x03\x06\x47", FileKind::Gpg),
            (b"-----BEGIN PGP MESSAGE-----\n", FileKind::Gpg),
            (b"age-encryption.org/v1\n-> X25519 ", FileKind::Age),
            (b"-----BEGIN AGE ENCRYPTED FILE-----\n", FileKind::Age),
            (b"-----BEGIN CERTIFICATE-----\n", FileKind::Pem),
            (b"\x78\x9c\xcb\x48\xcd\xc9", FileKind::Zlib),
            (b"\x1f\x9d\x90\x68", FileKind::Compress),
            (b"7z\xbc\xaf\x27\x1c\0\x04", FileKind::SevenZip),
            (b"\x7fELF\x02\x01\x01", FileKind::Elf),
            (b"SQLite format 3\0\x10\0", FileKind::Sqlite),
            (
                b"[{\"etcdEvent\":{\"kv\":{\"key\":\"Zm9v\"}},\"time\":\"2026-11-01T00:00:00Z\"}]",
                FileKind::GardenerDelta,
            ),
            (
                b"{\n  \"etcdVersion\": \"3.5.9\",\n  \"timestamp\": \"1700000000\"\n}",
                FileKind::EtcdManagerMeta,
            ),
            (
                b"{\"result\":{\"remaining_bytes\":\"8728576\",\"blob\":\"AAAAAAAAAAAEAAAA",
                FileKind::GatewayJson,
            ),
            (b"{\"result\":{\"status\":\"ok\"}}", FileKind::Json),
            (b"\x01\x02\x03", FileKind::Unknown),
        ] {
            assert_eq!(kind(bytes, false), expected);
        }
        assert_eq!(kind(b"\x8c\x0d\x05\x09\x03\x02", false), FileKind::Unknown);
        assert_eq!(kind(b"", true), FileKind::Part);
        assert_eq!(kind(b"\x01\x02\x03", true), FileKind::Part);
        assert_eq!(kind(b"\x1f\x8b\x08rest", true), FileKind::Gzip);
    }

    #[test]
    fn files_of_a_member_are_told_from_its_database() {
        let file = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/restore");
            std::fs::read(path.join(name)).unwrap()
        };
        let snap = file("two-members-3.6.snap");
        assert_eq!(kind(&snap, false), FileKind::RaftSnapshot);
        // One byte more or less is none.
        assert_eq!(kind(&snap[..snap.len() - 1], false), FileKind::Unknown);
        let log = file("two-members-3.6.wal");
        assert_eq!(kind(&log, false), FileKind::Wal);
    }

    #[test]
    fn a_document_in_front_of_a_snapshot_does_not_hide_it() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/testdata/real/etcd-3.4.23-a.db"
        );
        let snapshot = std::fs::read(path).unwrap();
        for front in [
            &b"{\"level\":\"info\"}\n"[..],
            b"<?xml version=\"1.0\"?>\n",
            b"\0\0\0\0",
            b"\xff",
            &[0; 8192],
        ] {
            let bytes = [front, &snapshot].concat();
            let expected = FileKind::BytesInFront {
                bytes: front.len() as u64,
            };
            assert_eq!(kind(&bytes, false), expected);
        }
    }

    #[test]
    fn a_lost_block_behind_damaged_metas_is_no_lost_beginning() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/testdata/real/etcd-3.4.23-a.db"
        );
        let mut bytes = std::fs::read(path).unwrap();
        bytes[20] ^= 1;
        bytes[4096 + 20] ^= 1;
        let found = kind(&bytes, false);
        assert!(matches!(found, FileKind::DamagedMetas(_)), "{found:?}");
        let mut lost = bytes.clone();
        lost.drain(40_960..73_728);
        let found = kind(&lost, false);
        assert!(matches!(found, FileKind::DamagedMetas(_)), "{found:?}");
        let found = kind(&bytes[10_000..], false);
        assert_eq!(found, FileKind::FrontMissing { bytes: 10_000 });
    }
}
