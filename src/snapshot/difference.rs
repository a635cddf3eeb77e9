//! Two snapshots, compared.

use std::ops::ControlFlow;

use super::SessionSource;
use crate::error::Result;
use crate::ops::diff::{Comparison, Diff, DiffQuery, Item, diff_files};
use crate::ops::{Session, ValueReader};

/// How two states stand to each other, and what differs.
pub struct Difference<'s> {
    sources: [SessionSource<'s>; 2],
    sessions: [Session<'s>; 2],
    readers: [ValueReader; 2],
    query: DiffQuery,
    diff: Diff<'s>,
}

impl<'s> Difference<'s> {
    pub(super) fn new(
        old: SessionSource<'s>,
        new: SessionSource<'s>,
        readers: [ValueReader; 2],
    ) -> Result<Self> {
        let query = DiffQuery::default();
        let mut sessions = [old.open()?, new.open()?];
        let [before, after] = &mut sessions;
        let diff = diff_files(before, after, &query)?;
        Ok(Self {
            sources: [old, new],
            sessions,
            readers,
            query,
            diff,
        })
    }

    /// What the files have to do with each other: one history, histories that parted, different clusters.
    pub fn comparison(&self) -> &Comparison {
        &self.diff.comparison
    }

    /// Gives every key that differs to `each`, in byte order, until it breaks off. Items are made a few at a time. What
    /// a cluster changes all the time by itself has [`Item::noise`].
    ///
    /// # Errors
    /// Reading, cancelling, a file that changed meanwhile; [`Error::Incomplete`](crate::Error::Incomplete), once all was
    /// given, for a file that is damaged: keys that damage may have taken are [`KeyChange::Unknown`].
    ///
    /// [`KeyChange::Unknown`]: crate::ops::diff::KeyChange::Unknown
    pub fn each(self, each: impl FnMut(Item) -> ControlFlow<()>) -> Result<()> {
        let [old, new] = self.sessions;
        let [old_reader, new_reader] = &self.readers;
        self.diff
            .each(&old, &new, old_reader, new_reader, &self.query, each)?;
        drop(self.diff);
        old.check_unchanged()?;
        let [of_old, of_new] = self.sources;
        of_old.finish(old)?;
        of_new.finish(new)?;
        Ok(())
    }

    /// All keys that differ.
    ///
    /// # Errors
    /// Those of [`each`](Self::each).
    pub fn items(self) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        self.each(|item| {
            items.push(item);
            ControlFlow::Continue(())
        })?;
        Ok(items)
    }
}
