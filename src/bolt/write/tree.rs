//! One bucket while it is written: the leaf being filled, and the branches above it.

use std::io::{Read, Seek, Write};

use super::error::{MAX_VALUE_SIZE, WriteError};
use super::page::{BranchBuffer, LeafBuffer};
use super::page_writer::PageWriter;
use crate::bolt::layout::{BucketHeader, MAX_KEY_SIZE};
use crate::ids::PageId;

/// bbolt never writes a branch of fewer children, save where a tree has no more.
const MIN_CHILDREN: usize = 2;

/// A bucket that is being written.
#[derive(Debug)]
pub(super) struct Tree {
    sequence: u64,
    /// True as long as the bucket may turn out small enough to be stored inside its parent; until then
    /// all its elements are in `leaf`.
    may_inline: bool,
    leaf: LeafBuffer,
    /// The key before; empty before the first, since no key is empty.
    last_key: Vec<u8>,
    /// Branches by their height above the leaves.
    levels: Vec<Level>,
}

/// The branches of one height. One full branch is held back, so that the last one can be given a second
/// child from it.
#[derive(Debug, Default)]
struct Level {
    full: Option<BranchBuffer>,
    current: BranchBuffer,
}

impl Tree {
    pub(super) fn new(may_inline: bool) -> Self {
        Self {
            sequence: 0,
            may_inline,
            leaf: LeafBuffer::default(),
            last_key: Vec::new(),
            levels: Vec::new(),
        }
    }

    pub(super) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    /// The elements cannot be stored inside the parent, whatever their size.
    pub(super) fn forbid_inline<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
    ) -> Result<(), WriteError> {
        if !self.may_inline {
            return Ok(());
        }
        self.may_inline = false;
        // What was gathered may be more than the fill allows on one page.
        let held = std::mem::take(&mut self.leaf);
        for (flags, key, value) in held.elements() {
            self.add_to_leaf(pages, flags, key, value)?;
        }
        Ok(())
    }

    /// Checks that `key` may come next.
    pub(super) fn check_key(&self, key: &[u8]) -> Result<(), WriteError> {
        if key.is_empty() {
            return Err(WriteError::EmptyKey);
        }
        if key.len() > MAX_KEY_SIZE as usize {
            return Err(WriteError::LongKey(key.len()));
        }
        if key <= self.last_key.as_slice() {
            return Err(WriteError::KeyOrder {
                previous: self.last_key.clone(),
                key: key.to_vec(),
            });
        }
        Ok(())
    }

    /// Adds an element whose key has passed [`Tree::check_key`].
    pub(super) fn add<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
        flags: u32,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), WriteError> {
        if value.len() > MAX_VALUE_SIZE {
            return Err(WriteError::LongValue(value.len()));
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        if self.may_inline {
            let fits = self.leaf.len_with(key, value) <= pages.layout.inline_limit();
            if fits && !self.leaf.is_full() {
                self.leaf.push(flags, key, value);
                return Ok(());
            }
            self.forbid_inline(pages)?;
        }
        self.add_to_leaf(pages, flags, key, value)
    }

    fn add_to_leaf<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
        flags: u32,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), WriteError> {
        let enough = self.leaf.count() >= usize::from(pages.layout.min_elements.max(1));
        let over = self.leaf.len_with(key, value) > pages.layout.fill_limit();
        if enough && over || self.leaf.is_full() {
            self.write_leaf(pages)?;
        }
        self.leaf.push(flags, key, value);
        Ok(())
    }

    fn write_leaf<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
    ) -> Result<(), WriteError> {
        let page = pages.write_leaf(&self.leaf)?;
        let leaf = std::mem::take(&mut self.leaf);
        self.add_child(pages, 0, leaf.first_key(), page)?;
        self.leaf = leaf;
        self.leaf.clear();
        Ok(())
    }

    fn add_child<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
        height: usize,
        key: &[u8],
        child: PageId,
    ) -> Result<(), WriteError> {
        while self.levels.len() <= height {
            self.levels.push(Level::default());
        }
        let Some(level) = self.levels.get_mut(height) else {
            return Ok(());
        };
        let enough = level.current.count() >= MIN_CHILDREN;
        let over = level.current.len_with(key) > pages.layout.fill_limit();
        let mut done = None;
        if enough && over || level.current.is_full() {
            done = level.full.replace(std::mem::take(&mut level.current));
        }
        level.current.push(key, child);
        match done {
            Some(branch) => self.write_branch(pages, height, branch),
            None => Ok(()),
        }
    }

    fn write_branch<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
        height: usize,
        mut branch: BranchBuffer,
    ) -> Result<(), WriteError> {
        let page = pages.write_branch(&branch)?;
        if let Some((key, _)) = branch.first() {
            self.add_child(pages, height.saturating_add(1), key, page)?;
        }
        // The memory of one written branch serves the next.
        if let Some(level) = self
            .levels
            .get_mut(height)
            .filter(|level| level.current.count() == 0)
        {
            branch.clear();
            level.current = branch;
        }
        Ok(())
    }

    /// Writes what is left; the value of the bucket's element in its parent.
    pub(super) fn finish<W: Read + Write + Seek>(
        mut self,
        pages: &mut PageWriter<W>,
    ) -> Result<Vec<u8>, WriteError> {
        let sequence = self.sequence;
        if self.may_inline {
            let mut value = BucketHeader {
                root: PageId(0),
                sequence,
            }
            .encode()
            .to_vec();
            let data = self.leaf.encode(PageId(0), 0, &mut value)?;
            value.extend_from_slice(data);
            return Ok(value);
        }
        let root = self.finish_tree(pages)?;
        Ok(BucketHeader { root, sequence }.encode().to_vec())
    }

    /// Writes what is left; the root page.
    pub(super) fn finish_tree<W: Read + Write + Seek>(
        &mut self,
        pages: &mut PageWriter<W>,
    ) -> Result<PageId, WriteError> {
        if self.leaf.is_empty() && self.levels.is_empty() {
            return pages.write_leaf(&self.leaf);
        }
        if !self.leaf.is_empty() {
            self.write_leaf(pages)?;
        }
        let mut height = 0;
        loop {
            let Some(level) = self.levels.get_mut(height) else {
                // Unreachable: a level that is written adds a child to the one above it.
                return Err(WriteError::GivenUp);
            };
            let mut full = level.full.take();
            let mut current = std::mem::take(&mut level.current);
            let only_child = current
                .first()
                .map(|(_, child)| child)
                .filter(|_| current.count() == 1);
            match (&mut full, only_child) {
                (None, Some(root)) => return Ok(root),
                (Some(full), Some(_)) => even_out(full, &mut current),
                _ => {}
            }
            for branch in full
                .into_iter()
                .chain(Some(current))
                .filter(|b| b.count() > 0)
            {
                let page = pages.write_branch(&branch)?;
                if let Some((key, _)) = branch.first() {
                    self.add_child(pages, height.saturating_add(1), key, page)?;
                }
            }
            height = height.saturating_add(1);
        }
    }
}

/// Sees to it that the last branch has two children, or none.
fn even_out(full: &mut BranchBuffer, last: &mut BranchBuffer) {
    let Some((key, child)) = last.pop() else {
        return;
    };
    let second = (full.count() > MIN_CHILDREN).then(|| full.pop()).flatten();
    match second {
        Some((first_key, first)) => {
            last.push(&first_key, first);
            last.push(&key, child);
        }
        None => full.push(&key, child),
    }
}
