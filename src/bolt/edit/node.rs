//! A leaf or branch taken apart, changed, and put together again.

use std::collections::BTreeMap;

use super::{EditError, EditedElement};
use crate::bolt::elements::leaf_entry;
use crate::bolt::layout::{
    BranchElement, ELEMENT_HEADER, ELEMENT_IS_BUCKET, LeafElement, MAX_ELEMENTS, PAGE_HEADER,
    PageHeader, flags,
};
use crate::bolt::plan::{branch_element, branch_key};
use crate::ids::PageId;

/// An element of a leaf: flags and value.
type Held = (u32, Vec<u8>);

/// The elements of a leaf by key.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) elements: BTreeMap<Vec<u8>, Held>,
}

impl Leaf {
    pub(super) fn decode(page: &[u8]) -> Option<Self> {
        let header = PageHeader::decode(page)?;
        let mut elements = BTreeMap::new();
        for index in 0..header.count {
            let (element, key, value) = leaf_entry(page, index)?;
            elements.insert(key.to_vec(), (element.flags, value.to_vec()));
        }
        Some(Self { elements })
    }

    pub(super) fn changed(mut self, changes: &BTreeMap<Vec<u8>, EditedElement>) -> Self {
        for (key, change) in changes {
            match change {
                Some(held) => {
                    self.elements.insert(key.clone(), held.clone());
                }
                None => {
                    self.elements.remove(key);
                }
            }
        }
        self
    }

    fn element_len(key: &[u8], value: &[u8]) -> usize {
        ELEMENT_HEADER
            .saturating_add(key.len())
            .saturating_add(value.len())
    }

    /// Bytes of the page.
    pub(super) fn len(&self) -> usize {
        let elements = self.elements.iter();
        let sizes = elements.map(|(key, (_, value))| Self::element_len(key, value));
        sizes.fold(PAGE_HEADER, usize::saturating_add)
    }

    /// Whether a bucket of these elements is stored inside its parent, by bbolt's rule.
    pub(super) fn fits_inline(&self, page_size: u32) -> bool {
        let nested = |(held, _): &Held| held & ELEMENT_IS_BUCKET != 0;
        self.len() <= (page_size / 4) as usize && !self.elements.values().any(nested)
    }

    /// Leaves that fit a page each, as far as their elements do; one without elements if there are none.
    pub(super) fn split(self, page_size: u32) -> Vec<Self> {
        let mut leaves = Vec::new();
        let mut leaf = Self::default();
        let mut len = PAGE_HEADER;
        for (key, held) in self.elements {
            let more = Self::element_len(&key, &held.1);
            let full = len.saturating_add(more) > page_size as usize
                || leaf.elements.len() >= usize::from(MAX_ELEMENTS);
            if full && !leaf.elements.is_empty() {
                leaves.push(std::mem::take(&mut leaf));
                len = PAGE_HEADER;
            }
            len = len.saturating_add(more);
            leaf.elements.insert(key, held);
        }
        leaves.push(leaf);
        leaves
    }

    pub(super) fn encode(
        &self,
        id: PageId,
        overflow: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), EditError> {
        let count = put_header(out, id, flags::LEAF, self.elements.len(), overflow)?;
        let mut before = 0usize;
        for (index, (key, (flags, value))) in self.elements.iter().enumerate() {
            let element = LeafElement {
                flags: *flags,
                pos: distance(count, index, before)?,
                key_size: size(key)?,
                value_size: size(value)?,
            };
            out.extend_from_slice(&element.encode());
            before = before.saturating_add(key.len()).saturating_add(value.len());
        }
        for (key, (_, value)) in &self.elements {
            out.extend_from_slice(key);
            out.extend_from_slice(value);
        }
        Ok(())
    }
}

/// The children of a branch with their keys, in order.
#[derive(Debug, Default)]
pub(super) struct Branch {
    pub(super) children: Vec<(Vec<u8>, PageId)>,
}

impl Branch {
    pub(super) fn decode(page: &[u8]) -> Option<Self> {
        let header = PageHeader::decode(page)?;
        let mut children = Vec::new();
        for index in 0..header.count {
            let element = branch_element(page, index)?;
            let key = branch_key(page, index, &element)?;
            children.push((key.to_vec(), element.child));
        }
        (!children.is_empty()).then_some(Self { children })
    }

    /// Bytes of the page.
    pub(super) fn len(&self) -> usize {
        let sizes = self.children.iter().map(|(key, _)| key.len());
        sizes.fold(PAGE_HEADER, |len, key| {
            len.saturating_add(ELEMENT_HEADER).saturating_add(key)
        })
    }

    /// Branches of about the same number of children that fit a page each, as far as that can be with at
    /// least two children.
    pub(super) fn split(self, page_size: u32) -> Vec<Self> {
        let pages = self.len().div_ceil((page_size as usize).max(1)).max(1);
        let most = usize::from(MAX_ELEMENTS);
        if pages == 1 && self.children.len() <= most {
            return vec![self];
        }
        // Half-filled pages leave room for keys that differ in length.
        let each = self.children.len().div_ceil(pages.saturating_mul(2));
        let each = each.clamp(2, most);
        let mut branches: Vec<Self> = Vec::new();
        for child in self.children {
            match branches.last_mut() {
                Some(last) if last.children.len() < each => last.children.push(child),
                _ => branches.push(Self {
                    children: vec![child],
                }),
            }
        }
        // No branch of one child at the end.
        if branches.len() > 1 && branches.last().is_some_and(|last| last.children.len() < 2) {
            let alone = branches.pop().unwrap_or_default();
            if let Some(last) = branches.last_mut() {
                last.children.extend(alone.children);
            }
        }
        branches
    }

    pub(super) fn encode(
        &self,
        id: PageId,
        overflow: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), EditError> {
        let count = put_header(out, id, flags::BRANCH, self.children.len(), overflow)?;
        let mut before = 0usize;
        for (index, (key, child)) in self.children.iter().enumerate() {
            let element = BranchElement {
                pos: distance(count, index, before)?,
                key_size: size(key)?,
                child: *child,
            };
            out.extend_from_slice(&element.encode());
            before = before.saturating_add(key.len());
        }
        for (key, _) in &self.children {
            out.extend_from_slice(key);
        }
        Ok(())
    }
}

fn put_header(
    out: &mut Vec<u8>,
    id: PageId,
    flags: u16,
    count: usize,
    overflow: u32,
) -> Result<usize, EditError> {
    let header = PageHeader {
        id,
        flags,
        count: u16::try_from(count)
            .ok()
            .filter(|count| *count <= MAX_ELEMENTS)
            .ok_or(EditError::TooLarge)?,
        overflow,
    };
    out.extend_from_slice(&header.encode());
    Ok(count)
}

/// Distance from the header of element `index` to its data, which begin `before` bytes into all data.
fn distance(count: usize, index: usize, before: usize) -> Result<u32, EditError> {
    let headers = count.saturating_sub(index).saturating_mul(ELEMENT_HEADER);
    u32::try_from(headers.saturating_add(before)).map_err(|_| EditError::TooLarge)
}

fn size(bytes: &[u8]) -> Result<u32, EditError> {
    u32::try_from(bytes.len()).map_err(|_| EditError::TooLarge)
}
