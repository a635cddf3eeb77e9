use std::io::{Read, Seek, Write};

use super::page_writer::{PageWriter, Written};
use super::tree::Tree;
use super::{WriteError, WriteLayout};
use crate::bolt::layout::ELEMENT_IS_BUCKET;

/// Writes one database: bucket by bucket, in the order of their names.
#[derive(Debug)]
pub struct Writer<W> {
    pages: PageWriter<W>,
    root: Tree,
}

/// A bucket to be filled, in the order of its keys.
#[derive(Debug)]
pub struct Bucket<'w, W> {
    pages: &'w mut PageWriter<W>,
    tree: &'w mut Tree,
}

impl<W: Read + Write + Seek> Writer<W> {
    /// Begins a database in `out`, which must be empty. It is read again only for the trailer.
    ///
    /// # Errors
    /// [`WriteError::PageSize`], [`WriteError::Fill`], [`WriteError::FreeShare`], [`WriteError::TxId`].
    pub fn new(out: W, layout: WriteLayout) -> Result<Self, WriteError> {
        layout.check()?;
        let pages = PageWriter::new(out, layout);
        Ok(Self {
            pages,
            root: Tree::new(false),
        })
    }

    /// Writes the bucket `name`, which `fill` is to put the entries into.
    ///
    /// # Errors
    /// Those of `fill`, and those of [`Bucket::put`] for the name.
    pub fn bucket<E: From<WriteError>>(
        &mut self,
        name: &[u8],
        fill: impl FnOnce(&mut Bucket<'_, W>) -> Result<(), E>,
    ) -> Result<(), E> {
        Bucket {
            pages: &mut self.pages,
            tree: &mut self.root,
        }
        .bucket(name, fill)
    }

    /// Writes what is left: the root bucket, free pages, the freelist, metas and trailer. The output is
    /// flushed, but not synced to disk.
    ///
    /// # Errors
    /// [`WriteError::Io`], [`WriteError::TooLarge`], and [`WriteError::GivenUp`] after an earlier error.
    pub fn finish(self) -> Result<(W, Written), WriteError> {
        let Self {
            mut pages,
            mut root,
        } = self;
        pages.go_on()?;
        let root = root.finish_tree(&mut pages)?;
        let written = pages.finish(root)?;
        Ok((pages.close()?, written))
    }
}

impl<W: Read + Write + Seek> Bucket<'_, W> {
    /// Adds an entry. Its key must be above the one before it.
    ///
    /// # Errors
    /// [`WriteError::EmptyKey`], [`WriteError::LongKey`], [`WriteError::LongValue`],
    /// [`WriteError::KeyOrder`], which leave everything as it was; [`WriteError::Io`] and
    /// [`WriteError::TooLarge`], after which the file is given up.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        self.pages.go_on()?;
        self.tree.check_key(key)?;
        let done = self.tree.add(self.pages, 0, key, value);
        self.pages.note(done)
    }

    /// Adds entries in turn.
    ///
    /// # Errors
    /// Those of [`Bucket::put`].
    pub fn extend<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), WriteError> {
        entries
            .into_iter()
            .try_for_each(|(key, value)| self.put(key.as_ref(), value.as_ref()))
    }

    /// Adds a bucket inside this one, which `fill` is to put the entries into. Its name must be above
    /// the key before it.
    ///
    /// # Errors
    /// Those of `fill`, after which the file is given up, and those of [`Bucket::put`] for the name.
    pub fn bucket<E: From<WriteError>>(
        &mut self,
        name: &[u8],
        fill: impl FnOnce(&mut Bucket<'_, W>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.pages.go_on()?;
        self.tree.check_key(name)?;
        let done = self.tree.forbid_inline(self.pages);
        self.pages.note(done)?;
        let mut tree = Tree::new(self.pages.layout.inline);
        if let Err(error) = fill(&mut Bucket {
            pages: self.pages,
            tree: &mut tree,
        }) {
            self.pages.give_up();
            return Err(error);
        }
        // The caller may have passed over an error of its own making.
        self.pages.go_on()?;
        let value = tree.finish(self.pages);
        let done =
            value.and_then(|value| self.tree.add(self.pages, ELEMENT_IS_BUCKET, name, &value));
        Ok(self.pages.note(done)?)
    }

    /// Sets the counter that bbolt keeps for users of the bucket; 0 unless set.
    pub fn set_sequence(&mut self, sequence: u64) {
        self.tree.set_sequence(sequence);
    }
}
