//! What was written, compared with what should have been.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::{Disk, Piece};
use super::output_error::OutputError;
use crate::bolt::edit::Patch;
use crate::checksum::crc32c::{Crc, Stream};
use crate::error::Result;
use crate::ids::FileOffset;
use crate::ops::input::Input;
use crate::options::Options;
use crate::source::{Positioned, Source};
use crate::workers::Workers;

/// Bytes compared between two looks at the cancel flag.
const PIECE: usize = 1 << 20;

/// A file that was written, opened again.
#[derive(Debug)]
pub(super) struct ReadBack<'o> {
    source: Positioned,
    options: &'o Options,
}

impl<'o> ReadBack<'o> {
    /// Opens what was written at `path`.
    pub(super) fn open(
        disk: &Disk,
        path: &Path,
        options: &'o Options,
    ) -> Result<Self, OutputError> {
        let unread = || OutputError::write("cannot read back", path);
        let file: File = disk.read_back(path).map_err(unread())?;
        let len = file.metadata().map_err(unread())?.len();
        options.stage("reading back", len);
        Ok(Self {
            source: Positioned::named(file, path, len),
            options,
        })
    }

    /// Whether it holds these bytes, and zeros behind them up to `len`.
    pub(super) fn holds(&self, bytes: &[u8], len: u64) -> Result<bool> {
        self.is(len, |offset, into| {
            let start = usize::try_from(offset.0).unwrap_or(usize::MAX);
            let there = bytes.get(start..).unwrap_or_default();
            copy_into(there, into);
            Ok(())
        })
    }

    /// Whether it holds the first `len` bytes of `source`, and `behind` them.
    pub(super) fn holds_source(
        &self,
        source: &dyn Source,
        len: u64,
        behind: &[u8],
    ) -> Result<bool> {
        let whole = len.saturating_add(behind.len() as u64);
        self.is(whole, |offset, into| {
            let from_source = read_or_zeros(source, len, offset, into)?;
            if let Some(rest) = into.get_mut(from_source..) {
                let before = offset.0.saturating_add(from_source as u64);
                let start = usize::try_from(before.saturating_sub(len)).unwrap_or(usize::MAX);
                copy_into(behind.get(start..).unwrap_or_default(), rest);
            }
            Ok(())
        })
    }

    /// Whether it holds the same as the file at `path`.
    pub(super) fn holds_copy_of(&self, path: &Path) -> Result<bool, OutputError> {
        let unread = || OutputError::write("cannot read back", path);
        let file = File::open(path).map_err(unread())?;
        let len = file.metadata().map_err(unread())?.len();
        let other = Positioned::named(file, path, len);
        Ok(self.holds_source(&other, len, &[])?)
    }

    /// Whether it holds the first `len` bytes of `source` with the changes of `patch`.
    pub(super) fn holds_patched(
        &self,
        source: &dyn Source,
        len: u64,
        patch: &Patch,
    ) -> Result<bool> {
        // Each page is written once, so that the ends ascend as the beginnings do.
        let mut writes: Vec<(u64, &[u8])> = patch
            .writes
            .iter()
            .map(|(offset, bytes)| (offset.0, bytes.as_slice()))
            .collect();
        writes.sort_by_key(|(offset, _)| *offset);
        let end_of = |(offset, bytes): &(u64, &[u8])| offset.saturating_add(bytes.len() as u64);
        self.is(patch.len, |offset, into| {
            read_or_zeros(source, len, offset, into)?;
            let end = offset.0.saturating_add(into.len() as u64);
            let first = writes.partition_point(|write| end_of(write) <= offset.0);
            let here = writes.get(first..).unwrap_or_default();
            for (at, bytes) in here.iter().take_while(|(at, _)| *at < end) {
                // The part of the page that is in this piece.
                let skipped = usize::try_from(offset.0.saturating_sub(*at)).unwrap_or(usize::MAX);
                let start = usize::try_from(at.saturating_sub(offset.0)).unwrap_or(usize::MAX);
                let from = bytes.get(skipped..).unwrap_or_default();
                let to = into.get_mut(start..).unwrap_or_default();
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from;
                }
            }
            Ok(())
        })
    }

    /// Whether it holds what was written in these pieces, and nothing else.
    pub(super) fn holds_pieces(&self, pieces: &[Piece]) -> Result<bool> {
        let written = pieces.iter().map(|piece| piece.crc.len);
        if written.fold(0, u64::saturating_add) != self.source.len() {
            return Ok(false);
        }
        let mut buffer = Vec::new();
        for piece in pieces {
            let mut stream = Stream::new();
            let mut done = 0u64;
            while done < piece.crc.len {
                let len = piece.crc.len.saturating_sub(done);
                let len = usize::try_from(len).unwrap_or(PIECE).min(PIECE);
                let offset = FileOffset(piece.offset.saturating_add(done));
                if offset.0.saturating_add(len as u64) > self.source.len() {
                    return Ok(false);
                }
                buffer.resize(len, 0);
                self.read(offset, &mut buffer)?;
                stream.update(&buffer);
                done = done.saturating_add(len as u64);
            }
            let read: Crc = stream.take();
            if read != piece.crc {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether it has `len` bytes, each of them as `fill` gives it.
    fn is(
        &self,
        len: u64,
        fill: impl Fn(FileOffset, &mut [u8]) -> Result<()> + Sync,
    ) -> Result<bool> {
        if self.source.len() != len {
            return Ok(false);
        }
        let differs = AtomicBool::new(false);
        let pieces = usize::try_from(len.div_ceil(PIECE as u64)).unwrap_or(usize::MAX);
        let buffers = || (Vec::new(), Vec::new());
        Workers::of(self.options)?.share(pieces, buffers, |(expected, found), number| {
            if differs.load(Ordering::Relaxed) {
                return Ok(());
            }
            let at = (number as u64).saturating_mul(PIECE as u64);
            let piece = usize::try_from(len.saturating_sub(at)).unwrap_or(PIECE);
            expected.resize(piece.min(PIECE), 0);
            found.resize(piece.min(PIECE), 0);
            fill(FileOffset(at), expected)?;
            self.read(FileOffset(at), found)?;
            if expected != found {
                differs.store(true, Ordering::Relaxed);
            }
            Ok(())
        })?;
        Ok(!differs.into_inner())
    }

    fn read(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        self.options.cancel.check()?;
        self.source.read_exact_at(offset, into)?;
        self.options.advance(into.len() as u64);
        Ok(())
    }
}

/// Why a file is refused that was judged by the copy at `path`: a disk that spoils the copy says nothing of the file.
pub(super) fn refusal_by_copy(
    refusal: OutputError,
    input: &Input,
    disk: &Disk,
    path: &Path,
    options: &Options,
) -> Result<OutputError, OutputError> {
    let back = ReadBack::open(disk, path, options)?;
    let len = input.layout.database_len;
    Ok(match back.holds_source(input.file.source(), len, &[])? {
        true => refusal,
        false => OutputError::differs(vec![
            "the copy of the database is not what the file holds".into(),
        ]),
    })
}

/// Fills `into` from the first `len` bytes of `source`, and with zeros where these end; tells how many bytes are from
/// it.
fn read_or_zeros(
    source: &dyn Source,
    len: u64,
    offset: FileOffset,
    into: &mut [u8],
) -> Result<usize> {
    let there = usize::try_from(len.saturating_sub(offset.0)).unwrap_or(usize::MAX);
    let there = there.min(into.len());
    let (from, rest) = into.split_at_mut(there);
    if !from.is_empty() {
        source.read_exact_at(offset, from)?;
    }
    rest.fill(0);
    Ok(there)
}

/// Copies what fits, and fills up with zeros.
fn copy_into(bytes: &[u8], into: &mut [u8]) {
    let (from, rest) = into.split_at_mut(bytes.len().min(into.len()));
    from.copy_from_slice(bytes.get(..from.len()).unwrap_or_default());
    rest.fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_or_shorter_than_it_should_be_is_not_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"bytes\0\0").unwrap();
        let options = Options::default();
        let back = ReadBack::open(&Disk::default(), &path, &options).unwrap();
        assert!(back.holds(b"bytes", 7).unwrap());
        for (bytes, len) in [(&b"bytes"[..], 6), (b"bytes", 8), (b"bytez", 7)] {
            assert!(!back.holds(bytes, len).unwrap(), "{len}");
        }
        let piece = Piece::of(0, b"bytes\0\0");
        assert!(back.holds_pieces(&[piece]).unwrap());
        assert!(!back.holds_pieces(&[Piece::of(0, b"bytes\0")]).unwrap());
        assert!(!back.holds_pieces(&[Piece::of(0, b"bytez\0\0")]).unwrap());
    }
}
