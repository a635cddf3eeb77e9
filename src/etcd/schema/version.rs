use std::fmt;

/// The schema version that a database says it has: bucket `meta`, key `storageVersion`, since 3.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageVersion {
    /// First number.
    pub major: i64,
    /// Second number.
    pub minor: i64,
    /// Third number; etcd always writes 0.
    pub patch: i64,
    /// What follows a `-`.
    pub pre_release: String,
    /// What follows a `+`.
    pub metadata: String,
}

impl StorageVersion {
    /// Key in bucket `meta`.
    pub const KEY: &'static [u8] = b"storageVersion";

    /// Parses as etcd 3.6 and 3.7 do: three numbers, no leading `v`.
    pub fn parse_strict(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, pre_release) = text.split_once('-').unwrap_or((text, ""));
        let mut numbers = numbers.splitn(3, '.').map(|n| n.parse::<i64>().ok());
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next()??,
            pre_release: pre_release.into(),
            metadata: metadata.into(),
        };
        version.has_valid_ids().then_some(version)
    }

    /// Parses as etcd 3.8 does: a leading `v` is accepted, missing numbers count as 0.
    pub fn parse_lenient(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, pre_release) = text.split_once('-').unwrap_or((text, ""));
        let mut parts = numbers.split('.').map(|n| {
            n.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| n.parse::<i64>().ok())
                .flatten()
        });
        let version = Self {
            major: parts.next()??,
            minor: parts.next().unwrap_or(Some(0))?,
            patch: parts.next().unwrap_or(Some(0))?,
            pre_release: pre_release.into(),
            metadata: metadata.into(),
        };
        (parts.next().is_none() && version.has_valid_ids()).then_some(version)
    }

    fn has_valid_ids(&self) -> bool {
        is_id(&self.pre_release) && is_id(&self.metadata)
    }
}

/// Identifiers consist of letters, digits, hyphens and dots.
fn is_id(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

impl fmt::Display for StorageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre_release.is_empty() {
            write!(f, "-{}", self.pre_release)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_and_lenient_parsing_differ_as_the_releases_do() {
        let strict = |text: &str| {
            StorageVersion::parse_strict(text.as_bytes()).map(|version| version.to_string())
        };
        let lenient = |text: &str| {
            StorageVersion::parse_lenient(text.as_bytes()).map(|version| version.to_string())
        };
        assert_eq!(strict("3.6.0").as_deref(), Some("3.6.0"));
        assert_eq!(strict("3.6.0-alpha.0").as_deref(), Some("3.6.0-alpha.0"));
        for text in ["3.6", "v3.6.0"] {
            assert_eq!(strict(text), None);
            assert_eq!(lenient(text).as_deref(), Some("3.6.0"));
        }
        for text in ["", "three", "3.x.0", "3.6.0.1", "3.6.0-ä", "\u{1b}"] {
            assert_eq!((strict(text), lenient(text)), (None, None), "{text}");
        }
    }
}
