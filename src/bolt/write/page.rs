//! Elements gathered for one page, and the page they become.

use super::WriteError;
use crate::bolt::layout::{
    BranchElement, ELEMENT_HEADER, LeafElement, MAX_ELEMENTS, PAGE_HEADER, PageHeader, flags,
};
use crate::ids::PageId;

/// Bytes of a page whose elements have `data` bytes of keys and values.
fn page_len(elements: usize, data: usize) -> usize {
    PAGE_HEADER
        .saturating_add(elements.saturating_mul(ELEMENT_HEADER))
        .saturating_add(data)
}

/// Distance from the header of element `index` to its data, which begin `before` bytes into all data.
fn distance(elements: usize, index: usize, before: usize) -> Result<u32, WriteError> {
    let headers = elements
        .saturating_sub(index)
        .saturating_mul(ELEMENT_HEADER);
    u32::try_from(headers.saturating_add(before)).map_err(|_| WriteError::TooLarge)
}

/// The elements of a leaf.
#[derive(Debug, Default)]
pub(super) struct LeafBuffer {
    heads: Vec<Head>,
    data: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    flags: u32,
    key: u32,
    value: u32,
}

impl LeafBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.heads.len()
    }

    /// Bytes of the page.
    pub(super) fn len(&self) -> usize {
        page_len(self.heads.len(), self.data.len())
    }

    /// Bytes of the page when this element comes too.
    pub(super) fn len_with(&self, key: &[u8], value: &[u8]) -> usize {
        self.len()
            .saturating_add(ELEMENT_HEADER)
            .saturating_add(key.len())
            .saturating_add(value.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.heads.len() >= usize::from(MAX_ELEMENTS)
    }

    /// Adds an element, whose lengths the caller has checked.
    pub(super) fn push(&mut self, flags: u32, key: &[u8], value: &[u8]) {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.heads.push(Head {
            flags,
            key: size(key),
            value: size(value),
        });
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
    }

    pub(super) fn first_key(&self) -> &[u8] {
        let len = self.heads.first().map_or(0, |head| head.key as usize);
        self.data.get(..len).unwrap_or_default()
    }

    /// The elements: flags, key, value.
    pub(super) fn elements(&self) -> impl Iterator<Item = (u32, &[u8], &[u8])> {
        let mut rest = &*self.data;
        self.heads.iter().map(move |head| {
            let (key, after) = rest.split_at_checked(head.key as usize).unwrap_or_default();
            let (value, after) = after
                .split_at_checked(head.value as usize)
                .unwrap_or_default();
            rest = after;
            (head.flags, key, value)
        })
    }

    pub(super) fn clear(&mut self) {
        self.heads.clear();
        // One huge value must not be paid for until the end.
        if self.data.capacity() > 4 << 20 {
            self.data = Vec::new();
        }
        self.data.clear();
    }

    /// The page up to the data of its elements; those follow it as they are.
    pub(super) fn encode(
        &self,
        id: PageId,
        overflow: u32,
        out: &mut Vec<u8>,
    ) -> Result<&[u8], WriteError> {
        let count = u16::try_from(self.heads.len()).map_err(|_| WriteError::TooLarge)?;
        out.extend_from_slice(
            &PageHeader {
                id,
                flags: flags::LEAF,
                count,
                overflow,
            }
            .encode(),
        );
        let mut before = 0usize;
        for (index, head) in self.heads.iter().enumerate() {
            let element = LeafElement {
                flags: head.flags,
                pos: distance(self.heads.len(), index, before)?,
                key_size: head.key,
                value_size: head.value,
            };
            out.extend_from_slice(&element.encode());
            before = before
                .saturating_add(head.key as usize)
                .saturating_add(head.value as usize);
        }
        Ok(&self.data)
    }
}

/// The children of a branch.
#[derive(Debug, Default)]
pub(super) struct BranchBuffer {
    children: Vec<(u32, PageId)>,
    keys: Vec<u8>,
}

impl BranchBuffer {
    pub(super) fn count(&self) -> usize {
        self.children.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.children.len() >= usize::from(MAX_ELEMENTS)
    }

    pub(super) fn len(&self) -> usize {
        page_len(self.children.len(), self.keys.len())
    }

    pub(super) fn len_with(&self, key: &[u8]) -> usize {
        self.len()
            .saturating_add(ELEMENT_HEADER)
            .saturating_add(key.len())
    }

    pub(super) fn push(&mut self, key: &[u8], child: PageId) {
        self.children
            .push((u32::try_from(key.len()).unwrap_or(u32::MAX), child));
        self.keys.extend_from_slice(key);
    }

    /// Takes the last child out again.
    pub(super) fn pop(&mut self) -> Option<(Vec<u8>, PageId)> {
        let (len, child) = self.children.pop()?;
        let at = self.keys.len().saturating_sub(len as usize);
        Some((self.keys.split_off(at), child))
    }

    pub(super) fn first(&self) -> Option<(&[u8], PageId)> {
        let (len, child) = self.children.first()?;
        Some((self.keys.get(..*len as usize)?, *child))
    }

    pub(super) fn clear(&mut self) {
        self.children.clear();
        self.keys.clear();
    }

    /// The page up to its keys; those follow it as they are.
    pub(super) fn encode(
        &self,
        id: PageId,
        overflow: u32,
        out: &mut Vec<u8>,
    ) -> Result<&[u8], WriteError> {
        let count = u16::try_from(self.children.len()).map_err(|_| WriteError::TooLarge)?;
        out.extend_from_slice(
            &PageHeader {
                id,
                flags: flags::BRANCH,
                count,
                overflow,
            }
            .encode(),
        );
        let mut before = 0usize;
        for (index, (key, child)) in self.children.iter().enumerate() {
            let element = BranchElement {
                pos: distance(self.children.len(), index, before)?,
                key_size: *key,
                child: *child,
            };
            out.extend_from_slice(&element.encode());
            before = before.saturating_add(*key as usize);
        }
        Ok(&self.keys)
    }
}
