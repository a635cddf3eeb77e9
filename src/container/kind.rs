//! Naming files that are no bbolt database, by their first bytes.

use crate::bolt::layout::{PAGE_HEADER, PageHeader, flags};
use crate::bolt::{MetaFault, Metas};
use crate::error::Result;
use crate::ids::FileOffset;
use crate::source::{Source, WindowBuffer};

/// What a file is that cannot be opened as a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// No bytes.
    Empty,
    /// Only zero bytes, as far as looked.
    Zeros,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// LZ4 frame.
    Lz4,
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// An HTML page.
    Html,
    /// An XML document, as object stores answer with.
    Xml,
    /// A JSON document.
    Json,
    /// The unfinished output of `snapshot save`.
    Part,
    /// A database that went through a conversion of line ends.
    LineEnds,
    /// A database of a big-endian machine.
    BigEndian,
    /// A segment of etcd's write-ahead log.
    Wal,
    /// A database whose two metas are damaged.
    DamagedMetas(MetaFault),
    /// A database cut off before its second meta.
    CutInMetas,
    /// Readable text.
    Text,
    /// None of these.
    Unknown,
}

impl FileKind {
    /// Stable name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Zeros => "zeros",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::Html => "html",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Part => "part",
            Self::LineEnds => "line-ends",
            Self::BigEndian => "big-endian",
            Self::Wal => "wal",
            Self::DamagedMetas(_) => "damaged-metas",
            Self::CutInMetas => "cut-in-metas",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }

    /// True when the file was a database once.
    pub fn was_database(self) -> bool {
        matches!(self, Self::DamagedMetas(_) | Self::CutInMetas)
    }

    /// What it is, as one clause.
    pub fn describe(self) -> String {
        match self {
            Self::Empty => "the file is empty".into(),
            Self::Zeros => "the file begins with nothing but zero bytes".into(),
            Self::Gzip => "it is gzip-compressed".into(),
            Self::Zstd => "it is zstd-compressed".into(),
            Self::Xz => "it is xz-compressed".into(),
            Self::Bzip2 => "it is bzip2-compressed".into(),
            Self::Lz4 => "it is lz4-compressed".into(),
            Self::Zip => "it is a zip archive".into(),
            Self::Tar => "it is a tar archive".into(),
            Self::Html => "it is an HTML page".into(),
            Self::Xml => "it is an XML document, such as an object store's error".into(),
            Self::Json => "it is a JSON document".into(),
            Self::Part => "it is the unfinished output of `snapshot save`".into(),
            Self::LineEnds => "line ends were converted: it was copied as text".into(),
            Self::BigEndian => "it is a big-endian bbolt database (s390x)".into(),
            Self::Wal => "it is a segment of etcd's write-ahead log".into(),
            Self::DamagedMetas(fault) => {
                format!("both metas are damaged (meta 0 {})", fault.describe())
            }
            Self::CutInMetas => "the file ends before the second meta page".into(),
            Self::Text => "it is text".into(),
            Self::Unknown => "it has no bbolt meta page".into(),
        }
    }

    /// The one thing to do next.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Empty | Self::Zeros => "look at what wrote it; save the snapshot again",
            Self::Gzip => "decompress it: gzip -dc FILE > snapshot.db",
            Self::Zstd => "decompress it: zstd -d FILE -o snapshot.db",
            Self::Xz => "decompress it: xz -dc FILE > snapshot.db",
            Self::Bzip2 => "decompress it: bzip2 -dc FILE > snapshot.db",
            Self::Lz4 => "decompress it: lz4 -d FILE snapshot.db",
            Self::Zip => "unpack it: unzip FILE",
            Self::Tar => "unpack it: tar -xf FILE",
            Self::Html | Self::Xml | Self::Json => {
                "read it: it says why the download failed; then download again"
            }
            Self::Part => "save the snapshot again; this one was interrupted",
            Self::LineEnds => "copy it again in binary mode",
            Self::BigEndian => "verify and restore it on a machine of that byte order",
            Self::Wal => "give the snapshot file, or the data directory around member/",
            Self::DamagedMetas(_) | Self::CutInMetas => "take another copy of the snapshot",
            Self::Text | Self::Unknown => "give a file written by `etcdctl snapshot save`",
        }
    }
}

/// Bytes looked at from the beginning.
const HEAD: usize = 4096;

/// Names a file of which no meta holds. `is_part` tells that its name ends in `.part`.
///
/// # Errors
/// Reading.
pub fn classify(
    source: &dyn Source,
    metas: &Metas,
    fault: MetaFault,
    is_part: bool,
) -> Result<FileKind> {
    let mut buffer = [0; HEAD];
    let len = usize::try_from(source.len())
        .unwrap_or(usize::MAX)
        .min(HEAD);
    let head = buffer.get_mut(..len).unwrap_or_default();
    source.read_exact_at(FileOffset(0), head)?;
    let head = &*head;
    let kind = by_signature(head);
    if is_part && matches!(kind, None | Some(FileKind::Empty | FileKind::Zeros)) {
        return Ok(FileKind::Part);
    }
    if let Some(kind) = kind.filter(|kind| *kind != FileKind::Zeros) {
        return Ok(kind);
    }
    if has_tree_pages(source)? {
        return Ok(FileKind::DamagedMetas(fault));
    }
    if let Some(kind) = kind {
        return Ok(kind);
    }
    if metas.both().into_iter().any(|meta| meta.is_big_endian()) {
        return Ok(FileKind::BigEndian);
    }
    if has_converted_line_ends(source)? && !is_text(head) {
        return Ok(FileKind::LineEnds);
    }
    // A fault behind the magic means that a meta was there once.
    if fault != MetaFault::Magic && fault != MetaFault::Missing {
        return Ok(FileKind::DamagedMetas(fault));
    }
    let second = metas.one.validate().err();
    if second.is_some_and(|second| second != MetaFault::Magic && second != MetaFault::Missing) {
        return Ok(FileKind::DamagedMetas(fault));
    }
    if fault == MetaFault::Missing && looks_like_meta_page(head) {
        return Ok(FileKind::CutInMetas);
    }
    if is_text(head) {
        return Ok(FileKind::Text);
    }
    Ok(FileKind::Unknown)
}

fn by_signature(head: &[u8]) -> Option<FileKind> {
    let starts = |signature: &[u8]| head.starts_with(signature);
    let at = |offset: usize, signature: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(signature))
    };
    if head.is_empty() {
        return Some(FileKind::Empty);
    }
    if starts(b"\x1f\x8b") {
        return Some(FileKind::Gzip);
    }
    if starts(b"\x28\xb5\x2f\xfd") {
        return Some(FileKind::Zstd);
    }
    if starts(b"\xfd7zXZ\0") {
        return Some(FileKind::Xz);
    }
    if starts(b"BZh") {
        return Some(FileKind::Bzip2);
    }
    if starts(b"\x04\x22\x4d\x18") {
        return Some(FileKind::Lz4);
    }
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        return Some(FileKind::Zip);
    }
    if at(257, b"ustar") {
        return Some(FileKind::Tar);
    }
    // The first frame of a log segment is a CRC record of 4 bytes, padded by 4.
    if starts(b"\x04\0\0\0\0\0\0\x84") {
        return Some(FileKind::Wal);
    }
    if head.iter().all(|b| *b == 0) && head.len() >= 80 {
        return Some(FileKind::Zeros);
    }
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let word = text.get(..64).unwrap_or(text).to_ascii_lowercase();
    if word.starts_with(b"<!doctype html") || word.starts_with(b"<html") {
        return Some(FileKind::Html);
    }
    if word.starts_with(b"<?xml") || word.starts_with(b"<error") {
        return Some(FileKind::Xml);
    }
    if word.starts_with(b"{\"") || word.starts_with(b"[{") {
        return Some(FileKind::Json);
    }
    None
}

/// True when the file went through a tool that takes it for text: every LF follows a CR, or bytes above
/// 127 were encoded as UTF-8 or replaced.
///
/// # Errors
/// Reading.
pub fn has_converted_line_ends(source: &dyn Source) -> Result<bool> {
    const AS_UTF8: &[u8] = b"\xc3\xad\xc3\x9a\x0c\xc3\xad";
    const REPLACED: &[u8] = b"\xef\xbf\xbd\xef\xbf\xbd\x0c\xef\xbf\xbd";
    let len = usize::try_from(source.len())
        .unwrap_or(usize::MAX)
        .min(1 << 20);
    let mut buffer = WindowBuffer::new();
    let bytes = buffer.lend(source, FileOffset(0), len)?;
    let head = bytes.get(..256).unwrap_or(bytes);
    let encoded = [AS_UTF8, REPLACED]
        .into_iter()
        .any(|pattern| head.windows(pattern.len()).any(|window| window == pattern));
    let after_cr = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    let lf = bytes.iter().filter(|b| **b == b'\n').count();
    // Each record begins with the byte of an LF, so a database has many that follow no CR.
    Ok(encoded || lf >= 8 && after_cr == lf)
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

fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    valid
        && head
            .iter()
            .all(|b| *b >= 0x20 || matches!(b, b'\n' | b'\r' | b'\t'))
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
            (b"no such file\n", FileKind::Text),
            (b"\x01\x02\x03", FileKind::Unknown),
        ] {
            assert_eq!(kind(bytes, false), expected);
        }
        assert_eq!(kind(b"", true), FileKind::Part);
        assert_eq!(kind(b"\x01\x02\x03", true), FileKind::Part);
        assert_eq!(kind(b"\x1f\x8b\x08rest", true), FileKind::Gzip);
    }
}
