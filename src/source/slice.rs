use super::{Source, subslice};
use crate::error::Result;
use crate::ids::FileOffset;

/// Bytes that are owned, or shared, by whatever lends them: a `Vec<u8>`, an `Arc<[u8]>`.
pub struct Held<B>(pub B);

impl<B: AsRef<[u8]> + Sync> Source for Held<B> {
    fn len(&self) -> u64 {
        self.0.as_ref().len() as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.as_ref())
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        Slice(self.0.as_ref()).read_exact_at(offset, into)
    }
}

impl<B: AsRef<[u8]>> std::fmt::Debug for Held<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Slice(self.0.as_ref()).fmt(f)
    }
}

/// Bytes in memory: for tests, fuzzing, and programs that hold a snapshot already.
#[derive(Clone, Copy)]
pub struct Slice<'a>(pub &'a [u8]);

impl Source for Slice<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self.0)
    }

    fn read_exact_at(&self, offset: FileOffset, into: &mut [u8]) -> Result<()> {
        into.copy_from_slice(subslice(self.0, offset, into.len())?);
        Ok(())
    }
}

impl std::fmt::Debug for Slice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slice({} bytes)", self.0.len())
    }
}
