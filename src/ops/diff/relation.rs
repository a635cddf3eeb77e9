//! What two files have to do with each other.

use super::buckets::{BucketChange, Buckets};
use super::identity::Identity;
use super::sides::{Joined, Side};

/// How two files stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Two revisions of one file.
    OneFile,
    /// Up to the newest revision of the file that is behind, both tell the same.
    SameHistory,
    /// It cannot be determined.
    Undecided(Doubt),
    /// They have no record in common, where they should.
    Strangers,
    /// Something differs that should be the same.
    Diverged,
}

/// Why it cannot be determined whether two files tell the same history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The newest revision of one lies below the revision that the other is compacted at.
    Compacted,
    /// Part of a file cannot be read.
    Damaged,
    /// No record could be in both.
    NothingInCommon,
}

impl Relation {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneFile => "one-file",
            Self::SameHistory => "same-history",
            Self::Undecided(_) => "undecided",
            Self::Strangers => "strangers",
            Self::Diverged => "diverged",
        }
    }

    /// True when something differs that should be the same.
    pub fn has_parted(self) -> bool {
        matches!(self, Self::Strangers | Self::Diverged)
    }

    pub(super) fn judge(
        left: &Side<'_>,
        right: &Side<'_>,
        joined: &Joined,
        ties: &Ties,
        buckets: &[BucketChange],
        hashes: Option<[u32; 2]>,
    ) -> Self {
        let has_records = left.has_records() || right.has_records();
        let is_one_differing = hashes.is_some_and(|[old, new]| old != new)
            || ties.is_index_torn
            || buckets.iter().any(|change| change.divergence.is_some());
        let shared = left.bounds.current.min(right.bounds.current);
        let compacted = left.bounds.compacted.max(right.bounds.compacted);
        match joined.common {
            0 if joined.divergence_count > 0 => Self::Strangers,
            _ if joined.divergence_count > 0 || is_one_differing => Self::Diverged,
            _ if left.is_damaged || right.is_damaged => Self::Undecided(Doubt::Damaged),
            _ if shared < compacted => Self::Undecided(Doubt::Compacted),
            0 if has_records => Self::Undecided(Doubt::NothingInCommon),
            _ => Self::SameHistory,
        }
    }
}

impl Doubt {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compacted => "compacted",
            Self::Damaged => "damaged",
            Self::NothingInCommon => "nothing-in-common",
        }
    }
}

/// What speaks for or against two files being of one cluster, besides their records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// The ids of the members that the old file knows, in order.
    pub old_members: Vec<u64>,
    /// The same of the new file.
    pub new_members: Vec<u64>,
    /// Whose data directory the old file is in, as the log beside it tells.
    pub old_identity: Option<Identity>,
    /// The same of the new file.
    pub new_identity: Option<Identity>,
    /// The raft entry that both have applied last, if it is the same.
    pub raft_index: Option<u64>,
    /// Both have applied the same raft entry last, and have another revision all the same.
    pub is_index_torn: bool,
}

/// How much the members of two files have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommonMembers {
    /// The same members.
    All,
    /// Some of them.
    Some,
    /// None.
    None,
}

impl CommonMembers {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Some => "some",
            Self::None => "none",
        }
    }
}

impl Ties {
    pub(super) fn of(
        left: &Side<'_>,
        right: &Side<'_>,
        buckets: &Buckets,
        [old_identity, new_identity]: [Option<Identity>; 2],
    ) -> Self {
        let [old_members, new_members] = buckets.members.clone();
        let is_whole = !left.is_damaged && !right.is_damaged;
        let is_torn = is_whole && left.bounds.current != right.bounds.current;
        Self {
            old_members,
            new_members,
            old_identity,
            new_identity,
            raft_index: buckets.raft_index,
            is_index_torn: is_torn && buckets.raft_index.is_some(),
        }
    }

    /// How much the members have in common; `None` when a file knows none.
    pub fn common_members(&self) -> Option<CommonMembers> {
        let (old, new) = (&self.old_members, &self.new_members);
        if old.is_empty() || new.is_empty() {
            return None;
        }
        Some(if old == new {
            CommonMembers::All
        } else if old.iter().any(|id| new.contains(id)) {
            CommonMembers::Some
        } else {
            CommonMembers::None
        })
    }
}
