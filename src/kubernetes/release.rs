//! The releases of Kubernetes as which objects are shown.

use std::fmt;
use std::str::FromStr;

/// A minor release of Kubernetes 1.x: tables and defaults are those of its API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeRelease(u32);

impl KubeRelease {
    /// The oldest whose tables are known.
    pub const OLDEST: Self = Self(34);
    /// The newest that is known.
    pub const NEWEST: Self = Self(37);

    /// 1.35.
    pub const V1_35: Self = Self(35);
    /// 1.36.
    pub const V1_36: Self = Self(36);
    /// 1.37.
    pub const V1_37: Self = Self(37);
}

impl Default for KubeRelease {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubeRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// Why a text is not a release that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a release of Kubernetes from {oldest} to {newest}, such as 1.36 or v1.36.2",
    oldest = KubeRelease::OLDEST, newest = KubeRelease::NEWEST)]
pub struct ReleaseError(String);

impl FromStr for KubeRelease {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let (major, minor, patch) = (parts.next(), parts.next(), parts.next());
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let minor = minor.filter(|minor| is_number(minor));
        let release = minor.and_then(|minor| minor.parse().ok()).map(Self);
        let is_whole = major == Some("1") && parts.next().is_none();
        release
            .filter(|release| (Self::OLDEST..=Self::NEWEST).contains(release))
            .filter(|_| is_whole && patch.is_none_or(|patch| !patch.is_empty() && is_number(patch)))
            .ok_or_else(|| ReleaseError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_with_and_without_its_patch() {
        for (text, release) in [
            ("1.37", KubeRelease::V1_37),
            ("v1.36.2", KubeRelease::V1_36),
            ("1.34.0", KubeRelease::OLDEST),
        ] {
            assert_eq!(text.parse(), Ok(release), "{text}");
        }
        for text in [
            "", "1", "1.", "1.33", "1.38", "2.36", "1.36.", "1.36.x", "1.36.1.1", "+1.36", "1.+36",
        ] {
            let error = text.parse::<KubeRelease>().expect_err(text).to_string();
            assert!(error.contains("from 1.34 to 1.37"), "{error}");
        }
    }
}
