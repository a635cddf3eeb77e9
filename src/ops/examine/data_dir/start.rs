//! Where a server starts from a data directory, and what keeps it from starting. Releases up to 3.6 take the
//! newest `.snap` file that a mark of the log stands for; 3.7 takes the last mark, whatever files there are.
//! Source: etcd v3.5.35 and v3.6.16 server/etcdserver (`ValidSnapshotEntries`, `LoadNewestAvailable`),
//! v3.7.3 server/etcdserver/bootstrap.go (`recoverSnapshot`), server/storage/wal (`selectWALFiles`, `ReadAll`),
//! raft.go (`loadState`).

use std::path::Path;

use crate::etcd::raft::{SnapshotFile, codes};
use crate::etcd::schema::{Contents, META_BUCKET, Meta};
use crate::finding::{Excerpt, Finding, Observation, Place};
use crate::ops::examine::log_story::{EntryGap, LogStory};
use crate::ops::examine::wal::Segment;

/// A place to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// The last entry that is in the database already.
    pub(super) index: u64,
    /// The segment from which the log is read.
    pub(super) from: usize,
    /// The last entry of the log.
    pub(super) last: u64,
}

/// What keeps a server from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Every segment begins behind the place.
    NoSegment {
        /// The place.
        index: u64,
        /// The name of the first segment.
        first: String,
    },
    /// The segment from which it would read holds nothing that could be read.
    Blank(usize),
    Gap(EntryGap),
    /// No record says whose log it is.
    Nameless,
    /// There are entries, and no record says which are committed.
    Stateless,
    Commit {
        commit: u64,
        last: u64,
    },
    /// The database is older than the place.
    Behind {
        applied: u64,
        index: u64,
    },
    /// There is no mark that a server could start from.
    NoMark,
}

impl Obstacle {
    /// As a finding; nothing where another one tells it already.
    pub(super) fn finding(&self) -> Option<Finding> {
        let mut place = Place::default();
        let what: Observation = match self {
            Self::NoSegment { index, first } => codes::NoSegment {
                start: *index,
                first: Excerpt::of(first),
            }
            .into(),
            Self::Blank(_) => return None,
            Self::Gap(gap) => gap.observation(),
            Self::Nameless => codes::LogNameless {}.into(),
            Self::Stateless => codes::LogStateless {}.into(),
            Self::Commit { commit, last } => codes::CommitBeyond {
                committed: *commit,
                last: *last,
            }
            .into(),
            Self::Behind { applied, index } => {
                place = Place::bucket_key(META_BUCKET, Meta::CONSISTENT_INDEX_KEY);
                codes::DatabaseBehind {
                    applied: *applied,
                    start: *index,
                }
                .into()
            }
            Self::NoMark => codes::LogWithoutMark {}.into(),
        };
        Some(Finding::new(what, place))
    }
}

/// The log and what lies beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) story: &'a LogStory,
    pub(super) segments: &'a [Segment],
    pub(super) contents: &'a Contents,
    /// The folder of the database.
    pub(super) snap: &'a Path,
}

impl Scene<'_> {
    /// How releases up to 3.6 start, of which `snapshot` is the newest `.snap` file that belongs to the log.
    pub(super) fn with_snapshot(&self, snapshot: Option<&SnapshotFile>) -> Result<Start, Obstacle> {
        let start = self.start(snapshot.map_or(0, |snapshot| snapshot.index))?;
        if self.story.is_stateless() {
            return Err(Obstacle::Stateless);
        }
        Ok(start)
    }

    /// How 3.7 starts.
    pub(super) fn with_mark(&self) -> Result<Start, Obstacle> {
        let Some((index, _)) = self.story.last_mark() else {
            self.start(0)?;
            return Err(Obstacle::NoMark);
        };
        self.start(index)
    }

    fn start(&self, index: u64) -> Result<Start, Obstacle> {
        let from = self
            .segments
            .iter()
            .rposition(|segment| segment.first_index <= index)
            .ok_or_else(|| Obstacle::NoSegment {
                index,
                first: self
                    .segments
                    .first()
                    .map_or_else(String::new, |segment| segment.name.clone()),
            })?;
        let is_blank = self
            .segments
            .get(from)
            .is_some_and(|segment| segment.blank.is_some());
        let has_more = self.segments.len() > from.saturating_add(1);
        if is_blank && (has_more || self.story.metadata.is_none()) {
            return Err(Obstacle::Blank(from));
        }
        if self.story.metadata.is_none() {
            return Err(Obstacle::Nameless);
        }
        let last = self.story.last_after(index, from).map_err(Obstacle::Gap)?;
        let commit = self.story.state.commit;
        if commit > last {
            return Err(Obstacle::Commit { commit, last });
        }
        // A database that a leader sent waits under another name.
        let received = self.snap.join(format!("{index:016x}.snap.db"));
        if let Some(applied) = self.contents.meta.consistent_index
            && applied > 0
            && applied < index
            && !received.exists()
        {
            return Err(Obstacle::Behind { applied, index });
        }
        Ok(Start { index, from, last })
    }
}
