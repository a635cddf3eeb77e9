//! Findings: what a check noticed, where, and what it means for a restore.
//!
//! A finding is data: its code, its place, and the values of its circumstance, each of a kind that tells what the
//! number or the bytes are. Sentences are made from these, elsewhere, and neither ever holds a stored value.

mod collector;
pub mod escape;
mod place;
mod value;

pub use collector::{Collector, Counts, DEFAULT_LIMIT, EXTENDED_LIMIT, Findings};
pub use place::{KEY_LIMIT, Place};
pub(crate) use value::kinds;
pub use value::{Excerpt, Kind, MemberIds, Value};

use std::cmp::Ordering;

use serde::Serialize;

/// How much a finding matters to somebody who wants to restore the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Normal after a restore, a revision bump or during a compaction.
    Note,
    /// A server starts from the file, but not as before.
    Warning,
    /// A restore or start would fail, data is lost or altered, or an alarm of corruption is pending.
    Error,
}

impl Severity {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a finding is about. What damage leaves unproven follows from it, not from the name of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Area {
    /// The SHA-256 at the end of the file.
    Digest,
    /// The length of the file, and bytes around the database.
    Length,
    /// The two metas.
    Metas,
    /// Pages, branches, leaves, elements, and the trees and buckets of bbolt: damage here may hide data.
    Tree,
    /// The freelist.
    Freelist,
    /// Which buckets there are.
    Buckets,
    /// The revisions of the key space: their keys, and that none is missing.
    Revisions,
    /// Records of the key space, and the history of each key.
    Records,
    /// Bucket `meta`: compaction, consistent index, storage version.
    Metadata,
    /// Members and the version of the cluster.
    Members,
    /// Alarms.
    Alarms,
    /// Leases.
    Leases,
    /// Users and roles.
    Auth,
    /// The write-ahead log by itself.
    Log,
    /// The parts of a data directory against each other.
    Directory,
    /// Values that Kubernetes stores.
    Values,
}

impl Area {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Length => "length",
            Self::Metas => "metas",
            Self::Tree => "tree",
            Self::Freelist => "freelist",
            Self::Buckets => "buckets",
            Self::Revisions => "revisions",
            Self::Records => "records",
            Self::Metadata => "metadata",
            Self::Members => "members",
            Self::Alarms => "alarms",
            Self::Leases => "leases",
            Self::Auth => "auth",
            Self::Log => "log",
            Self::Directory => "directory",
            Self::Values => "values",
        }
    }
}

/// One kind of finding: a stable name with its meaning. The list of all codes is
/// [`crate::codes::all`].
#[derive(Debug)]
pub struct Code {
    /// Stable name, for example `B012`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub area: Area,
    /// What was noticed, in a few words.
    pub title: &'static str,
    /// What usually brings it about.
    pub cause: &'static str,
    /// What it means for a restore, and what to do next.
    pub next_step: &'static str,
    /// The circumstances under which it is found, each with the values that tell it.
    pub circumstances: &'static [Circumstance],
}

/// What a finding tells beyond its code: which values it has, and under which name it stands beside others of the
/// code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstance {
    /// Stable name among those of the code; none where the code has only this one.
    pub name: Option<&'static str>,
    /// Names and kinds of the values, in the order in which a [`Finding`] has them.
    pub values: &'static [(&'static str, Kind)],
}

/// Writes down a layer's codes: a constant for each, and all of them as one slice; and for each circumstance a
/// type with its values as fields, so that a finding cannot have others than are declared.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal $severity:ident $area:ident $title:literal,
        $cause:literal, $next:literal => {
            $($found:ident $(= $circumstance:literal)? { $($field:ident: $kind:ident),* $(,)? })*
        })*) => {
        $(
            #[allow(unreachable_pub, reason = "in tests lists are private")]
            $(#[$doc])* pub static $name: $crate::finding::Code = $crate::finding::Code {
                id: $id,
                severity: $crate::finding::Severity::$severity,
                area: $crate::finding::Area::$area,
                title: $title,
                cause: $cause,
                next_step: $next,
                circumstances: &[$($found::CIRCUMSTANCE),*],
            };
            $(
                #[derive(Debug)]
                pub(crate) struct $found {
                    $(pub(crate) $field: $crate::finding::kinds::$kind,)*
                }

                impl $found {
                    const CIRCUMSTANCE: $crate::finding::Circumstance = $crate::finding::Circumstance {
                        name: $crate::finding::name_of!($($circumstance)?),
                        values: &[$((stringify!($field), $crate::finding::Kind::$kind)),*],
                    };
                }

                impl From<$found> for $crate::finding::Observation {
                    fn from(found: $found) -> Self {
                        let $found { $($field),* } = found;
                        Self {
                            code: &$name,
                            circumstance: const { &$found::CIRCUMSTANCE },
                            values: Box::new([$($crate::finding::Value::$kind($field)),*]),
                        }
                    }
                }
            )*
        )*
        /// All of them, in order.
        #[allow(unreachable_pub, reason = "in tests lists are private")]
        pub static ALL: &[&$crate::finding::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

macro_rules! name_of {
    () => {
        None
    };
    ($name:literal) => {
        Some($name)
    };
}
pub(crate) use name_of;

/// A finding without its place.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) code: &'static Code,
    pub(crate) circumstance: &'static Circumstance,
    pub(crate) values: Box<[Value]>,
}

/// One thing a check noticed.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which kind.
    pub code: &'static Code,
    /// Where.
    pub place: Place,
    /// Under which circumstance of the code.
    pub circumstance: &'static Circumstance,
    values: Box<[Value]>,
}

impl Finding {
    /// What was noticed, at `place`.
    pub(crate) fn new(what: impl Into<Observation>, place: Place) -> Self {
        let Observation {
            code,
            circumstance,
            values,
        } = what.into();
        Self {
            code,
            place,
            circumstance,
            values,
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity
    }

    /// Its values with their names.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let names = self.circumstance.values.iter().map(|(name, _)| *name);
        names.zip(&self.values)
    }

    /// The value of this name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    /// Orders findings of one code: by place as they lie in the file, then by circumstance and values.
    pub fn file_order(&self, other: &Self) -> Ordering {
        self.place
            .file_order(&other.place)
            .then_with(|| self.circumstance.name.cmp(&other.circumstance.name))
            .then_with(|| self.values.cmp(&other.values))
    }
}
