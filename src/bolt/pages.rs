//! Pages of a file: where they are, and getting at their bytes.

use super::layout::{ELEMENT_HEADER, LeafElement, PAGE_HEADER, PageHeader};
use super::meta::ValidMeta;
use crate::error::{Error, Result};
use crate::ids::{FileOffset, PageId};
use crate::source::{Source, WindowBuffer};

/// Objects longer than this are read in pieces.
pub(crate) const WHOLE_OBJECT_LIMIT: u64 = 64 << 20;

/// The figures that tell where pages are and which there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes per page.
    pub page_size: u32,
    /// One past the highest page ever allocated, as the meta says.
    pub high_water: PageId,
    /// Whole pages that the file holds; the meta may claim more.
    pub pages_in_file: u64,
}

impl Geometry {
    /// The geometry that `meta` gives a database of `database_len` bytes.
    pub fn new(meta: &ValidMeta, database_len: u64) -> Self {
        Self {
            page_size: meta.page_size,
            high_water: meta.high_water,
            // A valid meta's page size is at least 1 KiB.
            pages_in_file: database_len
                .checked_div(u64::from(meta.page_size))
                .unwrap_or(0),
        }
    }

    /// Checks that a page of this id can exist and is inside the file.
    ///
    /// # Errors
    /// [`AbsentPage::OutOfBounds`] or [`AbsentPage::BeyondFile`].
    pub fn locate(&self, page: PageId) -> Result<FileOffset, AbsentPage> {
        if page.0 < 2 || page >= self.high_water {
            return Err(AbsentPage::OutOfBounds);
        }
        if page.0 >= self.pages_in_file {
            return Err(AbsentPage::BeyondFile);
        }
        page.offset(self.page_size).ok_or(AbsentPage::OutOfBounds)
    }

    /// Bytes that an object with `overflow` further pages takes.
    pub fn object_len(&self, overflow: u32) -> u64 {
        u64::from(overflow)
            .saturating_add(1)
            .saturating_mul(u64::from(self.page_size))
    }
}

/// Why there is no such page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AbsentPage {
    /// The id is 0, 1, or not below the high-water mark.
    #[error("the page id is 0, 1, or not below the high-water mark")]
    OutOfBounds,
    /// The file ends before the page does.
    #[error("the file ends before the page does")]
    BeyondFile,
}

/// Why a page was not read.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// There is no such page.
    #[error(transparent)]
    Absent(#[from] AbsentPage),
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] Error),
}

impl PageError {
    /// What was read; nothing where there is no such page.
    pub(crate) fn unless_absent<T>(outcome: Result<T, Self>) -> Result<Option<T>> {
        match outcome {
            Ok(read) => Ok(Some(read)),
            Err(Self::Absent(_)) => Ok(None),
            Err(Self::Read(error)) => Err(error),
        }
    }
}

/// Reads page objects of one database.
#[derive(Debug, Clone, Copy)]
pub struct Pages<'s> {
    /// The bytes.
    pub source: &'s dyn Source,
    /// Where pages are.
    pub geometry: Geometry,
}

impl<'s> Pages<'s> {
    /// The header of `page`.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn header(&self, page: PageId) -> Result<PageHeader, PageError> {
        let offset = self.geometry.locate(page)?;
        let mut bytes = [0; PAGE_HEADER];
        self.source.read_exact_at(offset, &mut bytes)?;
        Ok(PageHeader::decode(&bytes).ok_or(AbsentPage::BeyondFile)?)
    }

    /// The header of `page` and the bytes of the whole object, as many of them as the file holds, at
    /// most `limit`.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn object<'a>(
        &'a self,
        page: PageId,
        limit: u64,
        buffer: &'a mut WindowBuffer,
    ) -> Result<(PageHeader, &'a [u8]), PageError> {
        let offset = self.geometry.locate(page)?;
        let in_file = self
            .geometry
            .pages_in_file
            .saturating_mul(u64::from(self.geometry.page_size))
            .saturating_sub(offset.0);
        let cut = |len: u64| usize::try_from(len.min(in_file).min(limit)).unwrap_or(usize::MAX);
        // Most objects are one page, and then one read is enough.
        let first = cut(self.geometry.object_len(0));
        let header = PageHeader::decode(buffer.lend(self.source, offset, first)?);
        let header = header.ok_or(AbsentPage::BeyondFile)?;
        let len = cut(self.geometry.object_len(header.overflow));
        let bytes = if len == first {
            buffer.lent(self.source, offset, len)?
        } else {
            buffer.lend(self.source, offset, len)?
        };
        Ok((header, bytes))
    }

    /// Key and value of one element of a leaf; of a longer value the first `limit` bytes. Nothing else of the page is
    /// read, so that asking for many elements of a long page costs no more than they hold. `None` when there is no
    /// such page or the element reaches out of it.
    ///
    /// # Errors
    /// Only when reading fails.
    pub fn leaf_entry(
        &self,
        page: PageId,
        index: u16,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let header = PageError::unless_absent(self.header(page))?;
        let (Ok(offset), Some(header)) = (self.geometry.locate(page), header) else {
            return Ok(None);
        };
        let in_file = self
            .geometry
            .pages_in_file
            .saturating_mul(u64::from(self.geometry.page_size))
            .saturating_sub(offset.0);
        let object = self.geometry.object_len(header.overflow).min(in_file);
        let read = |at: u64, len: u64| -> Result<Option<Vec<u8>>> {
            if at.checked_add(len).is_none_or(|end| end > object) {
                return Ok(None);
            }
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
            let at = FileOffset(offset.0.saturating_add(at));
            self.source.read_exact_at(at, &mut bytes)?;
            Ok(Some(bytes))
        };
        let at = (ELEMENT_HEADER as u64)
            .saturating_mul(u64::from(index))
            .saturating_add(PAGE_HEADER as u64);
        let Some(element) = read(at, ELEMENT_HEADER as u64)?
            .as_deref()
            .and_then(LeafElement::decode)
        else {
            return Ok(None);
        };
        let [key_size, value_size] = [element.key_size, element.value_size].map(u64::from);
        let key = at.saturating_add(u64::from(element.pos));
        let value = key.saturating_add(key_size);
        if value.saturating_add(value_size) > object {
            return Ok(None);
        }
        let (key, value) = (read(key, key_size)?, read(value, value_size.min(limit))?);
        Ok(key.zip(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lie_behind_the_metas_below_the_high_water_mark_and_in_the_file() {
        let geometry = Geometry {
            page_size: 4096,
            high_water: PageId(10),
            pages_in_file: 8,
        };
        let locate = |page| geometry.locate(PageId(page));
        assert_eq!(locate(1), Err(AbsentPage::OutOfBounds));
        assert_eq!(locate(2), Ok(FileOffset(8192)));
        assert_eq!(locate(7), Ok(FileOffset(7 * 4096)));
        assert_eq!(locate(8), Err(AbsentPage::BeyondFile));
        assert_eq!(locate(9), Err(AbsentPage::BeyondFile));
        assert_eq!(locate(10), Err(AbsentPage::OutOfBounds));
    }
}
