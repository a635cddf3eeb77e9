use super::{Source, subslice};
use crate::error::Result;
use crate::ids::FileOffset;

/// Copying into memory at an odd distance from a cache line is several times slower, and large
/// allocations sit 16 bytes past a page start; so windows begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// A reusable buffer that windows of a source without memory of its own are read into.
#[derive(Debug, Default)]
pub struct WindowBuffer {
    storage: Vec<u8>,
}

impl WindowBuffer {
    /// An empty buffer; it grows with the longest window asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `len` bytes at `offset`: lent by the source, or read into this buffer.
    ///
    /// # Errors
    /// Those of [`Source::read_exact_at`].
    pub fn lend<'a>(
        &'a mut self,
        source: &'a dyn Source,
        offset: FileOffset,
        len: usize,
    ) -> Result<&'a [u8]> {
        if let Some(bytes) = source.bytes() {
            return subslice(bytes, offset, len);
        }
        let wanted = len.saturating_add(ALIGNMENT);
        if self.storage.len() < wanted {
            // Fresh, not resized: the old content is not worth copying.
            self.storage = Vec::new();
            self.storage = vec![0; wanted];
        }
        let window = self.window(offset, len)?;
        source.read_exact_at(offset, window)?;
        Ok(window)
    }

    /// The `len` bytes at `offset` once more, when they are what was lent last: nothing is read.
    ///
    /// # Errors
    /// When the buffer never held so many bytes.
    pub(crate) fn lent<'a>(
        &'a mut self,
        source: &'a dyn Source,
        offset: FileOffset,
        len: usize,
    ) -> Result<&'a [u8]> {
        match source.bytes() {
            Some(bytes) => subslice(bytes, offset, len),
            None => Ok(self.window(offset, len)?),
        }
    }

    fn window(&mut self, offset: FileOffset, len: usize) -> Result<&mut [u8]> {
        let start = self.storage.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        self.storage
            .get_mut(start..)
            .and_then(|rest| rest.get_mut(..len))
            .ok_or_else(|| super::outside(offset, len))
    }

    /// Gives memory back when the buffer has grown beyond `limit` bytes.
    pub fn shrink_to(&mut self, limit: usize) {
        if self.storage.len() > limit.saturating_add(ALIGNMENT) {
            self.storage = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Positioned, Slice};

    #[test]
    fn every_kind_of_source_lends_the_same_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
        std::io::Write::write_all(&mut file, &content).unwrap();
        let positioned = Positioned::new(file, content.len() as u64);
        let memory = Slice(&content);
        let mut buffer = WindowBuffer::new();
        for (offset, len) in [(0, 1), (17, 4096), (4095, 5905), (0, 10_000), (10_000, 0)] {
            let expected = content[offset..offset + len].to_vec();
            for source in [&positioned as &dyn Source, &memory] {
                let got = buffer.lend(source, FileOffset(offset as u64), len).unwrap();
                assert_eq!(got, expected);
            }
        }
        for source in [&positioned as &dyn Source, &memory] {
            assert!(buffer.lend(source, FileOffset(9_999), 2).is_err());
            assert!(buffer.lend(source, FileOffset(u64::MAX), 2).is_err());
        }
    }
}
