use super::meta_bucket::meta_value;
use crate::bolt::{CursorError, Database};
use crate::error::Result;
use crate::etcd::revision::{Revision, RevisionKey};

/// How far the key space was compacted: bucket `meta`, keys `scheduledCompactRev` and
/// `finishedCompactRev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compaction {
    /// The compaction that was asked for last.
    pub scheduled: Option<Revision>,
    /// The compaction that was finished last.
    pub finished: Option<Revision>,
}

impl Compaction {
    /// Key of [`Compaction::scheduled`].
    pub const SCHEDULED_KEY: &'static [u8] = b"scheduledCompactRev";
    /// Key of [`Compaction::finished`].
    pub const FINISHED_KEY: &'static [u8] = b"finishedCompactRev";

    /// Reads both values. One that is not a revision counts as absent, for the check to report.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn read(database: &Database<'_>) -> Result<Self, CursorError> {
        let value = |key| {
            let stored = meta_value(database, key)?;
            Ok::<_, CursorError>(stored.as_deref().and_then(Self::parse))
        };
        Ok(Self {
            scheduled: value(Self::SCHEDULED_KEY)?,
            finished: value(Self::FINISHED_KEY)?,
        })
    }

    /// Decodes one of the two values.
    pub fn parse(value: &[u8]) -> Option<Revision> {
        RevisionKey::parse(value).ok().map(|key| key.revision)
    }

    /// The main revision at or below which history may be gone; -1 when nothing was ever compacted.
    /// A server that finds a compaction unfinished counts it as done.
    pub fn compacted(&self) -> i64 {
        let finished = self.finished.map_or(-1, |revision| revision.main);
        match self.scheduled {
            Some(scheduled) if scheduled.main != 0 => finished.max(scheduled.main),
            _ => finished,
        }
    }

    /// The revision of the store, given the last record's main revision (0 without records). The last
    /// records may have been tombstones that a compaction removed.
    pub fn current(&self, last_record: i64) -> i64 {
        last_record.max(self.compacted()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(main: i64) -> Option<Revision> {
        Some(Revision { main, sub: 0 })
    }

    #[test]
    fn an_unfinished_compaction_counts_and_the_store_never_falls_behind_it() {
        let never = Compaction::default();
        assert_eq!(
            (never.compacted(), never.current(0), never.current(9)),
            (-1, 1, 9)
        );
        let running = Compaction {
            scheduled: revision(81),
            finished: revision(75),
        };
        assert_eq!((running.compacted(), running.current(80)), (81, 81));
        let zero = Compaction {
            scheduled: revision(0),
            finished: None,
        };
        assert_eq!(zero.compacted(), -1);
    }
}
