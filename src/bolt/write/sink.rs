use std::io::{Read, Seek, SeekFrom, Write};

use super::WriteError;
use crate::checksum::{Sha256, Sha256Stream};

/// Bytes that are gathered before they are written.
const GATHER: usize = 1 << 20;

/// Writes at any position, in few calls as long as one write follows the other.
#[derive(Debug)]
pub(super) struct Sink<W> {
    out: W,
    /// Where the output stands; unknown at first and after an error.
    at: Option<u64>,
    gathered: Vec<u8>,
    gathered_at: u64,
}

impl<W: Read + Write + Seek> Sink<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            at: None,
            gathered: Vec::new(),
            gathered_at: 0,
        }
    }

    /// Writes `parts` one behind the other, and zeros up to `len` bytes in all.
    pub(super) fn write(
        &mut self,
        offset: u64,
        parts: &[&[u8]],
        len: u64,
    ) -> Result<(), WriteError> {
        if self.gathered_at.saturating_add(self.gathered.len() as u64) != offset {
            self.flush()?;
            self.gathered_at = offset;
        }
        for part in parts {
            if part.len() >= GATHER {
                // Not worth a copy.
                self.flush()?;
                self.write_out(part)?;
            } else {
                self.gathered.extend_from_slice(part);
            }
        }
        let end = offset.saturating_add(len).saturating_sub(self.gathered_at);
        let end = usize::try_from(end).map_err(|_| WriteError::TooLarge)?;
        self.gathered.resize(end, 0);
        if self.gathered.len() >= GATHER {
            self.flush()?;
        }
        Ok(())
    }

    /// The SHA-256 of the first `len` bytes.
    pub(super) fn digest(&mut self, len: u64) -> Result<Sha256, WriteError> {
        self.flush()?;
        self.at = None;
        let failed = |offset| move |source| WriteError::Io { offset, source };
        self.out.seek(SeekFrom::Start(0)).map_err(failed(0))?;
        let mut stream = Sha256Stream::new();
        let mut buffer = vec![0; GATHER];
        let mut done = 0u64;
        while done < len {
            let wanted = usize::try_from(len.saturating_sub(done))
                .unwrap_or(GATHER)
                .min(GATHER);
            let piece = buffer.get_mut(..wanted).unwrap_or_default();
            self.out.read_exact(piece).map_err(failed(done))?;
            stream.update(piece);
            done = done.saturating_add(wanted as u64);
        }
        Ok(stream.finish())
    }

    /// The output, with everything written.
    pub(super) fn finish(mut self) -> Result<W, WriteError> {
        self.flush()?;
        let offset = self.at.unwrap_or(0);
        self.out
            .flush()
            .map_err(|source| WriteError::Io { offset, source })?;
        Ok(self.out)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let mut gathered = std::mem::take(&mut self.gathered);
        let written = self.write_out(&gathered);
        gathered.clear();
        gathered.shrink_to(GATHER.saturating_mul(4));
        self.gathered = gathered;
        written
    }

    /// Writes `bytes` to where the gathered bytes belong, and moves that place behind them.
    fn write_out(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let offset = self.gathered_at;
        let failed = |source| WriteError::Io { offset, source };
        if self.at.take() != Some(offset) {
            self.out.seek(SeekFrom::Start(offset)).map_err(failed)?;
        }
        self.out.write_all(bytes).map_err(failed)?;
        let end = offset.saturating_add(bytes.len() as u64);
        self.at = Some(end);
        self.gathered_at = end;
        Ok(())
    }
}
