use std::fmt;
use std::str::FromStr;

use crate::bolt::SecondMeta;
use crate::bolt::check::MessageStyle;

/// A minor release whose tools are to be matched. Each stands for one recorded patch release; later
/// patches of 3.5 and newer answer the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Release {
    /// 3.4.23, with bbolt 1.3.6.
    V3_4,
    /// 3.5.33, with bbolt 1.3.12.
    V3_5,
    /// 3.6.14, with bbolt 1.4.3.
    V3_6,
    /// 3.7.1, with bbolt 1.5.0.
    #[default]
    V3_7,
    /// 3.8.0-alpha.
    V3_8,
}

impl Release {
    /// All, oldest first.
    pub const ALL: [Self; 5] = [Self::V3_4, Self::V3_5, Self::V3_6, Self::V3_7, Self::V3_8];

    /// How the release finds meta 1 when meta 0 is damaged: bbolt up to 1.3.6 does not search, and
    /// takes the page size of the machine, which is 4096 bytes on those that its packages are for.
    pub fn second_meta(self) -> SecondMeta {
        if self == Self::V3_4 {
            SecondMeta::At(4096)
        } else {
            SecondMeta::Search
        }
    }

    /// The style of the structural check's messages.
    pub fn message_style(self) -> MessageStyle {
        MessageStyle {
            key_order: self >= Self::V3_5,
            names_flags: self >= Self::V3_6,
        }
    }

    /// From 3.6 on, the number of keys is that of live user keys, revision keys and values are checked,
    /// and the storage version is shown.
    pub fn counts_live_keys(self) -> bool {
        self >= Self::V3_6
    }

    /// 3.6 is the last release that refuses a record with a known field of another wire type.
    pub fn refuses_wrong_wire_types(self) -> bool {
        self == Self::V3_6
    }

    /// From 3.7 on, tables are drawn with box characters.
    pub fn draws_boxes(self) -> bool {
        self >= Self::V3_7
    }

    /// From 3.8 on, `3.6` and `v3.6.0` are storage versions too.
    pub fn parses_versions_leniently(self) -> bool {
        self >= Self::V3_8
    }

    /// From 3.4.34 and 3.5.16 on, a tombstone at the compaction revision is left out of the hash of keys.
    pub fn hashes_compacted_tombstones(self) -> bool {
        self == Self::V3_4
    }

    /// Up to 3.4.26, the hash of keys at the compaction revision itself is refused.
    pub fn refuses_compaction_revision(self) -> bool {
        self == Self::V3_4
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_4 => "3.4",
            Self::V3_5 => "3.5",
            Self::V3_6 => "3.6",
            Self::V3_7 => "3.7",
            Self::V3_8 => "3.8",
        })
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|release| release.to_string() == text)
            .ok_or_else(|| {
                format!("unknown release {text:?}; known are 3.4, 3.5, 3.6, 3.7 and 3.8")
            })
    }
}
