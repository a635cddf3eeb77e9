//! Which releases start from a data directory. Measured with etcd 3.4.23, 3.5.35, 3.6.16 and 3.7.3; see
//! docs/findings.md.

/// The minor numbers of the releases that were measured.
pub(super) const OLDEST: u64 = 4;
pub(super) const NEWEST: u64 = 7;

/// Which minor releases of etcd 3 start, and why others do not.
#[derive(Debug, Clone, Default)]
pub(super) struct Releases {
    /// Minor release and reason.
    refused: Vec<(u64, String)>,
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
    pub(super) fn refuse(&mut self, minors: std::ops::RangeInclusive<u64>, why: &str) {
        let last = self.top;
        for minor in (OLDEST..=last).filter(|minor| minors.contains(minor)) {
            if self.reason(minor).is_none() {
                self.refused.push((minor, why.to_owned()));
            }
        }
    }

    fn reason(&self, minor: u64) -> Option<&str> {
        let found = self.refused.iter().find(|(of, _)| *of == minor);
        found.map(|(_, why)| why.as_str())
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
        let why = self.reason(next).unwrap_or_default();
        Some((
            format!("{which} can start here"),
            Some(format!("{newer} cannot: {why}")),
        ))
    }

    /// Why none starts.
    pub(super) fn reasons(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        for minor in OLDEST..=self.top {
            if let Some(why) = self.reason(minor) {
                told.push(format!("3.{minor}: {why}"));
            }
        }
        told.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(refused: &[(std::ops::RangeInclusive<u64>, &str)]) -> String {
        told_of(6, refused)
    }

    fn told_of(own: u64, refused: &[(std::ops::RangeInclusive<u64>, &str)]) -> String {
        let mut releases = Releases::all(own);
        for (minors, why) in refused {
            releases.refuse(minors.clone(), why);
        }
        match releases.describe() {
            Some((which, None)) => which,
            Some((which, Some(newer))) => format!("{which}; {newer}"),
            None => releases.reasons(),
        }
    }

    #[test]
    fn releases_that_start_are_told_as_one_span() {
        assert_eq!(told(&[]), "etcd 3.4 or newer can start here");
        assert_eq!(told(&[(4..=5, "x")]), "etcd 3.6 or newer can start here");
        // 3.4 starts where 3.5 refuses, by accident: that is not worth a word.
        assert_eq!(told(&[(5..=5, "x")]), "etcd 3.6 or newer can start here");
        assert_eq!(
            told(&[(6..=99, "it is so")]),
            "etcd 3.4 and 3.5 can start here; 3.6 and newer cannot: it is so"
        );
        assert_eq!(
            told_of(4, &[(6..=6, "it is so")]),
            "etcd 3.4 and 3.5 can start here; 3.6 cannot: it is so"
        );
        assert_eq!(
            told_of(8, &[(4..=7, "x")]),
            "etcd 3.8 or newer can start here"
        );
        assert_eq!(
            told(&[(7..=7, "it is so")]),
            "etcd 3.4 to 3.6 can start here; 3.7 cannot: it is so"
        );
        assert_eq!(
            told(&[(4..=6, "a"), (4..=9, "b")]),
            "3.4: a; 3.5: a; 3.6: a; 3.7: b"
        );
    }
}
