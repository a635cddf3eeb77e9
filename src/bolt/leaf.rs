//! A leaf as the scan lends it.

use super::elements::Element;
use super::plan::Plan;
use crate::finding::Place;
use crate::ids::{FileOffset, PageId};
use crate::source::Source;

/// The part of a single huge value that is not in the leaf's bytes.
#[derive(Debug, Clone, Copy)]
pub struct LeafTail<'a> {
    /// Where the rest can be read.
    pub source: &'a dyn Source,
    /// Where it begins.
    pub offset: FileOffset,
    /// How long it is.
    pub len: u64,
}

/// A leaf whose elements have been checked, as the scan lends it to visitors. Elements that failed the
/// check are left out.
#[derive(Debug)]
pub struct Leaf<'a> {
    /// Position of the leaf among all leaves of the scan, in tree order.
    pub rank: u32,
    /// The page that holds it; for an inline bucket the page of the bucket's element.
    pub page: PageId,
    /// Position of `bytes` in the file.
    pub offset: FileOffset,
    /// The elements that passed, in page order.
    pub elements: &'a [Element],
    pub(crate) bytes: &'a [u8],
    /// Set only for an element whose value is longer than 64 MiB, which then is the only one.
    pub tail: Option<LeafTail<'a>>,
    /// False when this is a further part of a leaf whose beginning was lent before.
    pub is_start: bool,
    /// Elements that are not here because they failed the check.
    pub skipped: u32,
    pub(crate) plan: &'a Plan<'a>,
}

impl<'a> Leaf<'a> {
    /// The key of `element`.
    pub fn key(&self, element: &Element) -> &'a [u8] {
        self.part(element.key, element.key_len)
    }

    /// The value of `element`; without its end when [`Leaf::tail`] is set.
    pub fn value(&self, element: &Element) -> &'a [u8] {
        let start = element.key.saturating_add(element.key_len as usize);
        if self.tail.is_some() {
            return self.bytes.get(start..).unwrap_or_default();
        }
        self.part(start, element.value_len)
    }

    /// The bytes from the first key to the last value, when keys and values follow each other without
    /// a gap, as every writer lays them out.
    pub fn contiguous(&self) -> Option<&'a [u8]> {
        let (first, last) = (self.elements.first()?, self.elements.last()?);
        let sum = self.elements.iter().fold(0usize, |sum, e| {
            sum.saturating_add(e.key_len as usize)
                .saturating_add(e.value_len as usize)
        });
        let end = last.end();
        let whole = self.bytes.get(first.key..end)?;
        // Elements ascend without overlap (checked), so equal length means no gap.
        (whole.len() == sum && self.tail.is_none()).then_some(whole)
    }

    /// Key and value as one slice, when they are held whole.
    pub fn key_and_value(&self, element: &Element) -> Option<&'a [u8]> {
        if self.tail.is_some() {
            None
        } else {
            self.bytes.get(element.key..element.end())
        }
    }

    /// Where `element` is.
    pub fn place(&self, element: &Element) -> Place {
        let mut place = self.plan.leaf_place(self.rank);
        place.element = Some(element.index);
        place.set_key(Some(self.key(element)));
        place
    }

    /// Position of the key of `element` in the file.
    pub fn key_offset(&self, element: &Element) -> FileOffset {
        self.offset.plus(element.key as u64)
    }

    fn part(&self, start: usize, len: u32) -> &'a [u8] {
        // Checked when the leaf was read; an empty slice is unreachable and harmless.
        self.bytes
            .get(start..start.saturating_add(len as usize))
            .unwrap_or_default()
    }
}
