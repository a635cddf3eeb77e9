use serde::{Deserialize, Serialize};

use super::{Compaction, StorageVersion};

/// raft's configuration as stored since 3.5. After a restore it still names the old cluster's members.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfState {
    /// Ids of voting members.
    pub voters: Vec<u64>,
    /// Ids of learners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learners: Vec<u64>,
    /// Voters of the old configuration while a change is under way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub voters_outgoing: Vec<u64>,
    /// Learners once the change is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learners_next: Vec<u64>,
    /// Whether the change completes by itself.
    pub auto_leave: bool,
}

impl ConfState {
    /// Every id it names.
    pub fn members(&self) -> impl Iterator<Item = u64> {
        [
            &self.voters,
            &self.learners,
            &self.voters_outgoing,
            &self.learners_next,
        ]
        .into_iter()
        .flatten()
        .copied()
    }
}

/// What bucket `meta` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// raft index of the last entry that was applied.
    pub consistent_index: Option<u64>,
    /// raft term of that entry; since 3.5.
    pub term: Option<u64>,
    /// raft's configuration; since 3.5.
    pub conf_state: Option<ConfState>,
    /// Compaction state.
    pub compaction: Compaction,
    /// Schema version as stored; since 3.6.
    pub storage_version: Option<Vec<u8>>,
}

impl Meta {
    /// Key of the consistent index.
    pub const CONSISTENT_INDEX_KEY: &'static [u8] = b"consistent_index";
    /// Key of the term.
    pub const TERM_KEY: &'static [u8] = b"term";
    /// Key of the raft configuration.
    pub const CONF_STATE_KEY: &'static [u8] = b"confState";

    /// Which release's schema it is.
    pub fn schema(&self) -> String {
        let version = self
            .storage_version
            .as_deref()
            .and_then(StorageVersion::parse_lenient);
        match version {
            Some(version) => format!("{}.{}", version.major, version.minor),
            None if self.term.is_some() || self.conf_state.is_some() => "3.5".into(),
            None => "3.4 or older".into(),
        }
    }
}
