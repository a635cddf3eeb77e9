//! Which releases start from a data directory. Measured with etcd 3.4.23, 3.5.35, 3.6.16 and 3.7.3; see
//! docs/findings.md.

use crate::sentence::phrase;

/// The minor numbers of the releases that were measured.
pub(super) const OLDEST: u64 = 4;
pub(super) const NEWEST: u64 = 7;

/// Why a release does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) enum Reason {
    /// It looks for a `.snap` file, and none belongs to the log.
    NoSnapFile,
    /// The log begins behind the newest `.snap` file.
    BehindSnapFile,
    /// The log begins behind its own last mark.
    BehindMark,
    /// It cannot read what older releases wrote into the log.
    OldRequests,
    /// A segment begins with something else than a record.
    ForeignSegment,
    /// Other members in the database stay in its way.
    OtherMembers,
    /// The database names no members.
    NoMembers,
    /// The database does not name the log's member.
    MemberUnknown,
    /// The database has entries that the log has not.
    DatabaseAhead,
    /// A newer release wrote to the database.
    NewerDatabase,
    /// The cluster was raised to a newer release.
    NewerCluster,
    /// The cluster is being downgraded to another release.
    Downgrade,
}

impl Reason {
    /// All of them, each with the word for it.
    pub(in crate::ops) const WORDS: [(Self, &'static str); 12] = [
        (Self::NoSnapFile, "no-snap-file"),
        (Self::BehindSnapFile, "log-behind-snap-file"),
        (Self::BehindMark, "log-behind-mark"),
        (Self::OldRequests, "old-requests"),
        (Self::ForeignSegment, "foreign-segment"),
        (Self::OtherMembers, "other-members"),
        (Self::NoMembers, "no-members"),
        (Self::MemberUnknown, "member-unknown"),
        (Self::DatabaseAhead, "database-ahead"),
        (Self::NewerDatabase, "newer-database"),
        (Self::NewerCluster, "newer-cluster"),
        (Self::Downgrade, "downgrade"),
    ];

    fn word(self) -> &'static str {
        let found = Self::WORDS.into_iter().find(|(reason, _)| *reason == self);
        found.map_or("", |(_, word)| word)
    }
}

/// Which minor releases of etcd 3 start, and why others do not.
#[derive(Debug, Clone, Default)]
pub(super) struct Releases {
    /// Minor release and reason.
    refused: Vec<(u64, Reason)>,
    /// The newest that is spoken of.
    top: u64,
    /// The one that wrote the directory, as far as is known.
    own: u64,
}

impl Releases {
    /// All of them; `own` wrote the directory.
    pub(super) fn all(own: u64) -> Self {
        Self {
            refused: Vec::new(),
            // No release is near the limit; a file may say anything.
            top: own.clamp(NEWEST, 99),
            own: own.clamp(OLDEST, 99),
        }
    }

    /// Takes out those in `minors`; the first reason of each counts.
    pub(super) fn refuse(&mut self, minors: std::ops::RangeInclusive<u64>, why: Reason) {
        let last = self.top;
        for minor in (OLDEST..=last).filter(|minor| minors.contains(minor)) {
            if self.reason(minor).is_none() {
                self.refused.push((minor, why));
            }
        }
    }

    fn reason(&self, minor: u64) -> Option<Reason> {
        let found = self.refused.iter().find(|(of, _)| *of == minor);
        found.map(|(_, why)| *why)
    }

    /// The span of releases that start around the one that wrote the directory; if that does not, the newest.
    fn span(&self) -> Option<(u64, u64)> {
        let starts = |minor: &u64| self.reason(*minor).is_none();
        let highest = match starts(&self.own) {
            true => (self.own..=self.top).take_while(starts).last()?,
            false => (OLDEST..=self.top).rev().find(starts)?,
        };
        let lowest = (OLDEST..=highest).rev().take_while(starts).last()?;
        Some((lowest, highest))
    }

    /// The releases that start, as the beginning of a sentence, and why newer ones do not.
    pub(super) fn describe(&self) -> Option<(String, Option<String>)> {
        let (lowest, highest) = self.span()?;
        if highest == self.top {
            return Some((format!("etcd 3.{lowest} or newer can start here"), None));
        }
        let which = match highest.saturating_sub(lowest) {
            0 => format!("etcd 3.{lowest}"),
            1 => format!("etcd 3.{lowest} and 3.{highest}"),
            _ => format!("etcd 3.{lowest} to 3.{highest}"),
        };
        let next = highest.saturating_add(1);
        // Where a later one starts again, only the next one is meant.
        let is_last = (next..=self.top).all(|minor| self.reason(minor).is_some());
        let newer = match is_last && next < self.top {
            true => format!("3.{next} and newer"),
            false => format!("3.{next}"),
        };
        let why = self.reason(next).map_or("", |why| phrase(why.word()));
        Some((
            format!("{which} can start here"),
            Some(format!("{newer} cannot: {why}")),
        ))
    }

    /// Why none starts: each with the word for its reason.
    pub(super) fn reasons(&self) -> Vec<(u64, &'static str)> {
        let reason = |minor| Some((minor, self.reason(minor)?.word()));
        (OLDEST..=self.top).filter_map(reason).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Reason = Reason::NoMembers;

    type Refused = [(std::ops::RangeInclusive<u64>, Reason)];

    fn told(refused: &Refused) -> String {
        told_of(6, refused)
    }

    fn told_of(own: u64, refused: &Refused) -> String {
        let mut releases = Releases::all(own);
        for (minors, why) in refused {
            releases.refuse(minors.clone(), *why);
        }
        match releases.describe() {
            Some((which, None)) => which,
            Some((which, Some(newer))) => format!("{which}; {newer}"),
            None => format!("{:?}", releases.reasons()),
        }
    }

    #[test]
    fn releases_that_start_are_told_as_one_span() {
        assert_eq!(told(&[]), "etcd 3.4 or newer can start here");
        assert_eq!(told(&[(4..=5, X)]), "etcd 3.6 or newer can start here");
        // 3.4 starts where 3.5 refuses, by accident: that is not worth a word.
        assert_eq!(told(&[(5..=5, X)]), "etcd 3.6 or newer can start here");
        assert_eq!(
            told(&[(6..=99, X)]),
            "etcd 3.4 and 3.5 can start here; 3.6 and newer cannot: the database names no members"
        );
        assert_eq!(
            told_of(4, &[(6..=6, X)]),
            "etcd 3.4 and 3.5 can start here; 3.6 cannot: the database names no members"
        );
        assert_eq!(
            told_of(8, &[(4..=7, X)]),
            "etcd 3.8 or newer can start here"
        );
        assert_eq!(
            told(&[(7..=7, X)]),
            "etcd 3.4 to 3.6 can start here; 3.7 cannot: the database names no members"
        );
        assert_eq!(
            told(&[(4..=6, X), (4..=9, Reason::Downgrade)]),
            "[(4, \"no-members\"), (5, \"no-members\"), (6, \"no-members\"), (7, \"downgrade\")]"
        );
    }

    #[test]
    fn every_reason_has_a_word_and_a_phrase() {
        for (reason, word) in Reason::WORDS {
            assert_eq!(reason.word(), word);
            assert!(phrase(word).contains(' '), "{word}");
        }
    }
}
