//! What is asked of a comparison.

use crate::etcd::keyspace::KeyFilter;
use crate::kubernetes::compare::noise::NoiseProfile;
use crate::kubernetes::query::label_selector::LabelSelector;

/// What is compared, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiffQuery {
    /// Only these keys.
    pub filter: KeyFilter,
    /// Only keys that match: `*` stays between slashes, `**` does not.
    pub glob: Option<String>,
    /// Only objects that have these labels, or had them.
    pub labels: Option<LabelSelector>,
    /// Which changes are noise.
    pub noise: NoiseProfile,
    /// Changes of these fields, and of what is below them, do not count: `spec.replicas`.
    pub ignored: Vec<String>,
    /// How much of a change is told.
    pub detail: Detail,
    /// Whether values are told of what came or went as a whole, each by itself.
    pub is_in_full: bool,
    /// Whether to find out when the states were, which takes a look at every value.
    pub times: bool,
    /// Whether to compute the hash of the keys of both files, which takes another look at each.
    pub hashes: bool,
}

/// How much of a change is told; more of it takes more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The key, the object and how it differs, not what it means.
    Change,
    /// And why it matters to security.
    Names,
    /// And the fields that differ.
    Fields,
    /// And the patch.
    Patch,
}

impl DiffQuery {
    /// True for the keys that are wanted.
    pub(super) fn matches(&self, key: &[u8]) -> bool {
        let glob = self.glob.as_ref();
        self.filter.matches(key) && glob.is_none_or(|glob| fast_glob::glob_match(glob, key))
    }

    /// True when nothing of the values is told, so that nothing in them has to be hidden.
    pub(super) fn hides_nothing(&self) -> bool {
        // What is hidden has no fields, and so none that could be ignored.
        self.detail <= Detail::Names && self.ignored.is_empty()
    }

    /// How many differences of an object have to be found.
    pub(super) fn most_fields(&self) -> usize {
        let looks_at_fields = self.detail > Detail::Change
            || self.noise != NoiseProfile::None
            || !self.ignored.is_empty();
        // One besides the resource version, which is not content.
        if looks_at_fields { usize::MAX } else { 2 }
    }

    /// True when changes at `path` do not count.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let is_below = |ignored: &String| {
            path.strip_prefix(ignored.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.ignored.iter().any(is_below)
    }
}

impl Default for DiffQuery {
    fn default() -> Self {
        Self {
            filter: KeyFilter::all(),
            glob: None,
            labels: None,
            noise: NoiseProfile::Default,
            ignored: Vec::new(),
            detail: Detail::Patch,
            is_in_full: false,
            times: true,
            hashes: false,
        }
    }
}
