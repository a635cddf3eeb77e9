use std::fmt;

use super::check::codes;
use super::go_text;
use crate::finding::{Excerpt, Observation};

/// The version of the key space: `main` counts transactions, `sub` the changes inside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
pub struct Revision {
    /// Number of the transaction; the first write is 2.
    pub main: i64,
    /// Number of the change inside the transaction, from 0.
    pub sub: i64,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.main, self.sub)
    }
}

impl Revision {
    /// The key of a record of this revision in bucket `key`, without the mark of a deletion.
    pub fn to_key(self) -> [u8; KEY_LEN] {
        let mut key = [0; KEY_LEN];
        let main = self.main.to_be_bytes();
        let sub = self.sub.to_be_bytes();
        for (to, from) in key.iter_mut().zip(main.iter().chain(b"_").chain(&sub)) {
            *to = *from;
        }
        key
    }
}

/// The id of a lease; prints in hex as etcd's tools do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct LeaseId(pub i64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A key of bucket `key`, decoded: etcd v3.6.14 server/storage/mvcc/revision.go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevisionKey {
    /// The revision.
    pub revision: Revision,
    /// True when the record marks a deletion.
    pub tombstone: bool,
    /// True when there is an 18th byte that is not the mark of a deletion. etcd reads such a key as a
    /// normal one.
    pub odd_mark: bool,
}

/// Bytes of the key of a normal record.
pub(crate) const KEY_LEN: usize = 17;
/// Bytes of the key of a tombstone.
pub(crate) const MARKED_LEN: usize = 18;

/// Why bytes are not a revision key; in etcd's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionKeyError {
    /// Neither 17 nor 18 bytes.
    Length(usize),
    /// The ninth byte is not `_`.
    Separator(u8),
    /// A negative number.
    Negative(Revision),
}

impl std::error::Error for RevisionKeyError {}

impl fmt::Display for RevisionKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => write!(f, "invalid revision length: {len}"),
            Self::Separator(byte) => {
                write!(
                    f,
                    "invalid separator in bucket key: {}",
                    go_text::quote_char(*byte)
                )
            }
            Self::Negative(revision) => {
                write!(
                    f,
                    "negative revision: main={} sub={}",
                    revision.main, revision.sub
                )
            }
        }
    }
}

impl RevisionKeyError {
    /// The same as a finding about `key`.
    pub(crate) fn of(self, key: &[u8]) -> Observation {
        let key = Excerpt::of(key);
        match self {
            Self::Length(bytes) => {
                let bytes = bytes as u64;
                codes::RevisionKeyLength { key, bytes }.into()
            }
            Self::Separator(separator) => codes::RevisionKeySeparator { key, separator }.into(),
            Self::Negative(Revision { main, sub }) => {
                let named = (main, sub);
                codes::RevisionKeyNegative { key, named }.into()
            }
        }
    }
}

impl RevisionKey {
    /// Decodes and checks, in etcd's order: length, separator, sign.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn parse(key: &[u8]) -> Result<Self, RevisionKeyError> {
        if key.len() != KEY_LEN && key.len() != MARKED_LEN {
            return Err(RevisionKeyError::Length(key.len()));
        }
        let separator = key.get(8).copied().unwrap_or_default();
        if separator != b'_' {
            return Err(RevisionKeyError::Separator(separator));
        }
        let revision = Self::parse_unchecked(key).ok_or(RevisionKeyError::Length(key.len()))?;
        if revision.main < 0 || revision.sub < 0 {
            return Err(RevisionKeyError::Negative(revision));
        }
        let mark = key.get(KEY_LEN).copied();
        Ok(Self {
            revision,
            tombstone: mark == Some(b't'),
            odd_mark: mark.is_some_and(|mark| mark != b't'),
        })
    }

    /// The two numbers, as releases before 3.6 read them: whatever the length beyond 17 bytes, the
    /// separator and the signs. `None` where those releases crash.
    pub fn parse_unchecked(key: &[u8]) -> Option<Revision> {
        let number = |at: usize| {
            key.get(at..)?
                .first_chunk::<8>()
                .copied()
                .map(i64::from_be_bytes)
        };
        Some(Revision {
            main: number(0)?,
            sub: number(9)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(main: i64, sub: i64, tail: &[u8]) -> Vec<u8> {
        [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes(), tail].concat()
    }

    #[test]
    fn keys_of_records_and_tombstones_decode() {
        let parsed = RevisionKey::parse(&key(2, 7, b"")).unwrap();
        assert_eq!(
            (parsed.revision, parsed.tombstone),
            (Revision { main: 2, sub: 7 }, false)
        );
        assert!(RevisionKey::parse(&key(4, 0, b"t")).unwrap().tombstone);
        let odd = RevisionKey::parse(&key(4, 0, b"x")).unwrap();
        assert!(!odd.tombstone && odd.odd_mark);
    }

    #[test]
    fn faults_are_told_in_the_order_and_words_of_etcd() {
        let text = |key: &[u8]| RevisionKey::parse(key).unwrap_err().to_string();
        assert_eq!(text(&[0; 12]), "invalid revision length: 12");
        assert_eq!(text(&key(1, 0, b"tt")), "invalid revision length: 19");
        let mut wrong = key(1, 0, b"");
        wrong[8] = b'x';
        assert_eq!(text(&wrong), "invalid separator in bucket key: 'x'");
        assert_eq!(text(&key(-5, 1, b"")), "negative revision: main=-5 sub=1");
    }
}
