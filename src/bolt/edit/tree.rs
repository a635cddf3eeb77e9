//! One tree: from its root down to the leaves that change, and up again with the pages that replace them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::node::{Branch, Leaf};
use super::{EditError, EditedElement, PageWriter, read_page};
use crate::bolt::Pages;
use crate::bolt::layout::flags;
use crate::ids::PageId;

/// Levels beyond which a tree is taken for a loop.
const MAX_DEPTH: usize = 64;

/// Pages of one level that stand in for another, each with the lowest key it may hold.
type Replaced = Vec<(Vec<u8>, PageId)>;

pub(super) struct Tree<'s, 'w> {
    pages: Pages<'s>,
    writer: &'w mut PageWriter,
}

impl<'s, 'w> Tree<'s, 'w> {
    pub(super) fn new(pages: Pages<'s>, writer: &'w mut PageWriter) -> Self {
        Self { pages, writer }
    }

    /// Changes the tree below `root`; the answer is its new root.
    pub(super) fn edit(
        &mut self,
        root: PageId,
        changes: &BTreeMap<Vec<u8>, EditedElement>,
    ) -> Result<PageId, EditError> {
        if changes.is_empty() {
            return Ok(root);
        }
        let slice: Vec<_> = changes.iter().collect();
        let replaced = self.node(root, &slice, 0)?;
        self.grow(replaced)
    }

    /// Makes a tree of the elements of `leaf`.
    pub(super) fn plant(&mut self, leaf: Leaf) -> Result<PageId, EditError> {
        let replaced = self.put_leaves(leaf)?;
        self.grow(replaced)
    }

    /// Puts branches above `nodes` until one page is left.
    fn grow(&mut self, mut nodes: Replaced) -> Result<PageId, EditError> {
        while nodes.len() > 1 {
            nodes = self.put_branches(Branch { children: nodes })?;
        }
        match nodes.pop() {
            Some((_, root)) => self.without_lonely_branches(root),
            None => {
                let empty = Leaf::default();
                let write = |id, overflow, out: &mut Vec<u8>| empty.encode(id, overflow, out);
                self.writer.put(empty.len(), write)
            }
        }
    }

    /// A root that is a branch of one child is of no use: the child takes its place.
    fn without_lonely_branches(&self, mut root: PageId) -> Result<PageId, EditError> {
        for _ in 0..MAX_DEPTH {
            let Some(branch) = self.branch_just_written(root) else {
                break;
            };
            match branch.children.as_slice() {
                [(_, only)] => root = *only,
                _ => break,
            }
        }
        Ok(root)
    }

    fn branch_just_written(&self, id: PageId) -> Option<Branch> {
        let offset = id.offset(self.writer.page_size)?;
        let (_, page) = self.writer.written.iter().find(|(at, _)| *at == offset)?;
        let header = crate::bolt::layout::PageHeader::decode(page)?;
        (header.flags == flags::BRANCH).then(|| Branch::decode(page))?
    }

    fn node(
        &mut self,
        id: PageId,
        changes: &[(&Vec<u8>, &EditedElement)],
        depth: usize,
    ) -> Result<Replaced, EditError> {
        let damage = |what| EditError::Damage { page: id, what };
        if depth >= MAX_DEPTH {
            return Err(damage("the tree has more than 64 levels"));
        }
        let (header, bytes) = read_page(self.pages, id)?;
        match header.flags {
            flags::LEAF => {
                let leaf = Leaf::decode(&bytes).ok_or_else(|| damage("it is not a leaf"))?;
                let owned = changes
                    .iter()
                    .map(|(key, change)| ((*key).clone(), (*change).clone()))
                    .collect();
                self.put_leaves(leaf.changed(&owned))
            }
            flags::BRANCH => {
                let branch = Branch::decode(&bytes).ok_or_else(|| damage("it is not a branch"))?;
                self.branch(branch, changes, depth)
            }
            _ => Err(damage("it is neither a branch nor a leaf")),
        }
    }

    fn branch(
        &mut self,
        branch: Branch,
        changes: &[(&Vec<u8>, &EditedElement)],
        depth: usize,
    ) -> Result<Replaced, EditError> {
        let mut children = Vec::new();
        let mut rest = changes;
        let upper: Vec<Bound<Vec<u8>>> = branch
            .children
            .iter()
            .skip(1)
            .map(|(key, _)| Bound::Excluded(key.clone()))
            .chain([Bound::Unbounded])
            .collect();
        for ((key, child), upper) in branch.children.into_iter().zip(upper) {
            // Everything below the next child's key belongs here; the first child takes what is below all.
            let here = match &upper {
                Bound::Excluded(upper) => rest.partition_point(|(key, _)| *key < upper),
                _ => rest.len(),
            };
            let (mine, others) = rest.split_at_checked(here).unwrap_or((rest, &[]));
            rest = others;
            if mine.is_empty() {
                children.push((key, child));
                continue;
            }
            let mut replaced = self.node(child, mine, depth.saturating_add(1))?;
            // The bound may stay lower than the first key, never be above it.
            if let Some((first, _)) = replaced.first_mut()
                && key < *first
            {
                *first = key;
            }
            children.append(&mut replaced);
        }
        if children.is_empty() {
            return Ok(Vec::new());
        }
        self.put_branches(Branch { children })
    }

    /// Writes the elements of `leaf`; nothing if there are none.
    fn put_leaves(&mut self, leaf: Leaf) -> Result<Replaced, EditError> {
        let mut put = Vec::new();
        for leaf in leaf.split(self.writer.page_size) {
            let Some(first) = leaf.elements.keys().next().cloned() else {
                continue;
            };
            let write = |id, overflow, out: &mut Vec<u8>| leaf.encode(id, overflow, out);
            put.push((first, self.writer.put(leaf.len(), write)?));
        }
        Ok(put)
    }

    fn put_branches(&mut self, branch: Branch) -> Result<Replaced, EditError> {
        let mut put = Vec::new();
        for branch in branch.split(self.writer.page_size) {
            let Some((first, _)) = branch.children.first().cloned() else {
                continue;
            };
            let write = |id, overflow, out: &mut Vec<u8>| branch.encode(id, overflow, out);
            put.push((first, self.writer.put(branch.len(), write)?));
        }
        Ok(put)
    }
}
