//! What the fixed words among the values say.

use crate::bolt::CursorDamageKind;
use crate::kubernetes::Broken;

/// Words and what they say; no word has two meanings.
const PHRASES: &[(&str, &str)] = &[
    // Why JSON could not be read, in the words of its parser.
    ("io", "Io"),
    ("syntax", "Syntax"),
    ("data", "Data"),
    ("eof", "Eof"),
    // Why a release does not start from a data directory.
    ("no-snap-file", "no `.snap` file belongs to the log"),
    (
        "log-behind-snap-file",
        "the log does not reach back to the newest `.snap` file",
    ),
    (
        "log-behind-mark",
        "the log does not reach back to its last mark",
    ),
    (
        "old-requests",
        "the log holds requests of etcd 3.5 or older, which it cannot read; start 3.6 first",
    ),
    ("foreign-segment", "a segment does not begin with a record"),
    (
        "other-members",
        "the members in the database stay in its way",
    ),
    ("no-members", "the database names no members"),
    (
        "member-unknown",
        "the database does not name the member that the log is of",
    ),
    ("database-ahead", "the database is ahead of the log"),
    (
        "newer-database",
        "the database has been written by a newer release",
    ),
    ("newer-cluster", "the cluster has been of a newer release"),
    (
        "downgrade",
        "the cluster is being downgraded to another release",
    ),
];

/// Words and phrases, those of errors that are told as findings too included.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let searches = CursorDamageKind::WORDS.into_iter();
    let objects = Broken::ALL.into_iter();
    PHRASES
        .iter()
        .copied()
        .chain(searches.map(|(_, word, phrase)| (word, phrase)))
        .chain(objects.map(|(_, word, phrase)| (word, phrase)))
}

/// What a fixed word of a finding says; the word itself where it speaks for itself.
pub fn phrase(word: &'static str) -> &'static str {
    let found = all().find(|(known, _)| *known == word);
    found.map_or(word, |(_, phrase)| phrase)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::finding::{Finding, Place};
    use crate::kubernetes::{DecodeError, Flaw};
    use crate::sentence::sentence;

    #[test]
    fn each_word_has_one_phrase() {
        let words: BTreeSet<&str> = all().map(|(word, _)| word).collect();
        assert_eq!(words.len(), all().count());
    }

    #[test]
    fn a_fault_of_a_search_says_the_same_as_an_error_and_as_a_finding() {
        let others = [
            CursorDamageKind::OtherPage(crate::ids::PageId(7)),
            CursorDamageKind::OtherType(0x40),
            CursorDamageKind::NoElement(3),
        ];
        for fault in CursorDamageKind::WORDS
            .map(|(fault, ..)| fault)
            .into_iter()
            .chain(others)
        {
            let finding = Finding::new(fault.observation(), Place::default());
            assert_eq!(sentence(&finding), fault.to_string());
        }
    }

    #[test]
    fn a_flaw_says_the_same_beside_an_object_and_as_a_finding() {
        let name = || "a\u{1b}b".repeat(100);
        let mut flaws = vec![
            Flaw::Empty,
            Flaw::Zeros(1),
            Flaw::Zeros(9),
            Flaw::Foreign(None),
            Flaw::Foreign(Some(b"k8s\x01".to_vec())),
            Flaw::NotUtf8,
            Flaw::Trailing(1),
            Flaw::Trailing(2),
            Flaw::NoType,
            Flaw::NoName,
            Flaw::Envelope,
            Flaw::OtherKind {
                expected: "Pod".into(),
                kind: name(),
                api_version: "v1".into(),
            },
            Flaw::OtherName {
                namespace: Some("shop".into()),
                name: name(),
            },
            Flaw::OtherName {
                namespace: None,
                name: "web".into(),
            },
            Flaw::Undecodable(DecodeError::Encrypted),
            Flaw::Undecodable(DecodeError::NotKubernetes),
            Flaw::Undecodable(DecodeError::TooLarge {
                limit: 64 << 20,
                stored: 5,
            }),
        ];
        for path in ["", "metadata.\u{1b}name"] {
            let path = path.to_string();
            flaws.push(Flaw::Undecodable(DecodeError::TooDeep {
                path: path.clone(),
            }));
            flaws.extend(Broken::ALL.map(|(what, ..)| {
                let path = path.clone();
                Flaw::Undecodable(DecodeError::Malformed { what, path })
            }));
        }
        for flaw in flaws {
            let finding = Finding::new(flaw.observation(), Place::default());
            assert_eq!(sentence(&finding), flaw.to_string(), "{flaw:?}");
        }
    }
}
