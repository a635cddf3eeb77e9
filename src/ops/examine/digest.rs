//! SHA-256 over a file, or over what it was before something happened to it.

use std::ops::Range;

use crate::checksum::{Sha256, Sha256Stream};
use crate::container::{FileLayout, SavedMetas};
use crate::error::Result;
use crate::ids::{FileOffset, TxId};
use crate::ops::copy_progress::CopyProgress;
use crate::options::Options;
use crate::source::{Source, WindowBuffer};

/// Bytes hashed between two looks at the cancel flag.
const HASH_PIECE: u64 = 1 << 20;

/// What one pass over a file gives.
pub(in crate::ops) struct Digests {
    /// Of the database.
    pub(in crate::ops) database: Sha256,
    /// Of the whole file.
    pub(in crate::ops) file: Sha256,
    /// Of the pages below the high-water mark, where more follows them.
    pub(in crate::ops) below_mark: Option<Sha256>,
}

/// The digest of the database and that of the whole file, from one pass over the database. `mark` is where
/// the database ends by its meta.
pub(in crate::ops) fn digests(
    source: &dyn Source,
    layout: &FileLayout,
    mark: u64,
    progress: Option<&CopyProgress>,
    options: &Options,
) -> Result<Digests> {
    options.stage("computing SHA-256", layout.file_len);
    let mut stream = Sha256Stream::new();
    let end = layout.database_len;
    let mark = mark.min(end);
    feed(source, 0..mark, progress, options, &mut |bytes| {
        stream.update(bytes);
    })?;
    let below_mark = (mark < end).then(|| stream.clone().finish());
    feed(source, mark..end, progress, options, &mut |bytes| {
        stream.update(bytes);
    })?;
    let database = stream.clone().finish();
    // What lies behind the database is the trailer or nothing.
    if let Some(trailer) = layout.trailer {
        stream.update(&trailer.0);
    }
    Ok(Digests {
        database,
        file: stream.finish(),
        below_mark,
    })
}

/// The digest of a whole source.
pub(in crate::ops) fn digest_of(source: &dyn Source, options: &Options) -> Result<Sha256> {
    options.stage("computing SHA-256", source.len());
    digest_of_ranges(source, 0..source.len(), 0..0, options)
}

/// The digest of two stretches, one behind the other.
pub(in crate::ops) fn digest_of_ranges(
    source: &dyn Source,
    first: Range<u64>,
    second: Range<u64>,
    options: &Options,
) -> Result<Sha256> {
    let mut stream = Sha256Stream::new();
    for range in [first, second] {
        feed(source, range, None, options, &mut |bytes| {
            stream.update(bytes);
        })?;
    }
    Ok(stream.finish())
}

/// The transaction with whose metas the first `len` bytes have the digest `stored`. All candidates share
/// one pass.
pub(in crate::ops) fn find_saved_metas(
    source: &dyn Source,
    candidates: &[SavedMetas],
    len: u64,
    stored: Sha256,
    options: &Options,
) -> Result<Option<TxId>> {
    let Some(first) = candidates.first() else {
        return Ok(None);
    };
    options.stage("computing SHA-256 with other metas", len);
    let mut streams: Vec<Sha256Stream> = Vec::new();
    for candidate in candidates {
        let mut stream = Sha256Stream::new();
        stream.update(&candidate.pages);
        streams.push(stream);
    }
    let metas = first.pages.len() as u64;
    feed(source, metas.min(len)..len, None, options, &mut |bytes| {
        for stream in &mut streams {
            stream.update(bytes);
        }
    })?;
    Ok(candidates
        .iter()
        .zip(streams)
        .find(|(_, stream)| stream.clone().finish() == stored)
        .map(|(candidate, _)| candidate.txid))
}

/// Lends a stretch of the source piece by piece.
fn feed(
    source: &dyn Source,
    range: Range<u64>,
    progress: Option<&CopyProgress>,
    options: &Options,
    each: &mut dyn FnMut(&[u8]),
) -> Result<()> {
    let mut buffer = WindowBuffer::new();
    let mut at = range.start;
    while at < range.end {
        options.cancel.check()?;
        let len = range.end.saturating_sub(at).min(HASH_PIECE);
        let next = at.saturating_add(len);
        if let Some(progress) = progress {
            progress.wait(next)?;
        }
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        source.expect(FileOffset(at), len);
        each(buffer.lend(source, FileOffset(at), size)?);
        options.advance(len);
        at = next;
    }
    Ok(())
}
