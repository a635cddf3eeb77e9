//! Revisions and times as people write them: `4711`, `A..B`, `2h`, `2026-01-31`, RFC 3339.

use crate::kubernetes::parse_rfc3339;
use crate::ops::TimeBound;

/// Where a log begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Revision(i64),
    /// A moment as the beginning, and as the end: of a day its first second, and its last.
    Time {
        first: TimeBound,
        last: TimeBound,
    },
}

impl std::str::FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(revision) = text.parse::<i64>() {
            return match revision {
                1.. => Ok(Self::Revision(revision)),
                _ => Err("revisions begin with 1".into()),
            };
        }
        let at = |first, last| {
            Ok(Self::Time {
                first: TimeBound::At(first),
                last: TimeBound::At(last),
            })
        };
        if let Some(ago) = duration(text) {
            if ago > LONGEST {
                return Err("it is longer than 100 years".into());
            }
            let (first, last) = (TimeBound::Ago(ago), TimeBound::Ago(ago));
            return Ok(Self::Time { first, last });
        }
        let moment = text.replacen(' ', "T", 1);
        // Without a zone it is UTC, as all times that are printed; a day or a minute lasts until its end.
        for (rest, len, seconds) in [("T00:00:00Z", 10, 86_399), (":00Z", 16, 59), ("Z", 19, 0)] {
            if moment.len() == len
                && let Some(first) = parse_rfc3339(&format!("{moment}{rest}"))
            {
                return at(first, first.saturating_add(seconds));
            }
        }
        match parse_rfc3339(&moment) {
            Some(time) => at(time, time),
            None => Err(
                "neither a revision, nor a time such as 2026-01-31, 2026-01-31T08:00:00Z or 2h, 3d, 1h30m (before the \
                 newest time in the file)"
                    .into(),
            ),
        }
    }
}

/// A hundred years in seconds: etcd is younger.
const LONGEST: i64 = 100 * 366 * 86_400;

/// Seconds of `90s`, `5m`, `2h`, `3d`, `1w` and several of them.
fn duration(text: &str) -> Option<i64> {
    let mut total = 0i64;
    let mut rest = text.strip_suffix(" ago").unwrap_or(text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(end);
        let unit = behind.chars().next()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let part = number.parse::<i64>().ok()?.checked_mul(seconds)?;
        total = total.checked_add(part)?;
        rest = behind.get(1..)?;
    }
    (!text.is_empty()).then_some(total)
}

/// Revisions from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revisions {
    /// None: the oldest.
    pub(super) from: Option<i64>,
    /// None: the newest.
    pub(super) to: Option<i64>,
}

impl Revisions {
    /// The revision, if it is only one.
    pub(super) fn single(self) -> Option<i64> {
        self.from.filter(|_| self.from == self.to)
    }
}

impl std::str::FromStr for Revisions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || "write a revision, N, or several, A..B, both included".to_string();
        let revision = |text: &str| match text.parse::<i64>() {
            Ok(revision @ 1..) => Ok(revision),
            _ => Err(error()),
        };
        let Some((from, to)) = text.split_once("..") else {
            let revision = Some(revision(text)?);
            return Ok(Self {
                from: revision,
                to: revision,
            });
        };
        let end = |text: &str| match text {
            "" => Ok(None),
            text => revision(text).map(Some),
        };
        let (from, to) = (end(from)?, end(to)?);
        if from.is_none() && to.is_none() {
            return Err(error());
        }
        match (from, to) {
            (Some(from), Some(to)) if from > to => {
                Err(format!("revision {from} comes after {to}; swap them"))
            }
            _ => Ok(Self { from, to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<(TimeBound, TimeBound)> {
        match text.parse() {
            Ok(Bound::Time { first, last }) => Some((first, last)),
            _ => None,
        }
    }

    #[test]
    fn a_bound_is_a_revision_a_time_or_how_long_ago() {
        assert_eq!("4711".parse(), Ok(Bound::Revision(4711)));
        assert!("0".parse::<Bound>().is_err() && "-1".parse::<Bound>().is_err());
        let ago = |seconds| Some((TimeBound::Ago(seconds), TimeBound::Ago(seconds)));
        assert_eq!(time("2h"), ago(7200));
        assert_eq!(time("1h30m"), ago(5400));
        assert_eq!(time("3d ago"), ago(259_200));
        let at = |first, last| Some((TimeBound::At(first), TimeBound::At(last)));
        assert_eq!(time("1970-01-02"), at(86_400, 172_799));
        assert_eq!(time("1970-01-02T00:01"), at(86_460, 86_519));
        assert_eq!(time("1970-01-02 00:01:02"), at(86_462, 86_462));
        assert_eq!(time("1970-01-02T01:00:00+01:00"), at(86_400, 86_400));
        for text in [
            "",
            "h",
            "2x",
            "1970-13-01",
            "yesterday",
            "99999999999999999999w",
            "2h3",
            "é",
        ] {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
    }

    #[test]
    fn revisions_are_one_or_a_span() {
        let span = |from, to| Ok(Revisions { from, to });
        assert_eq!("7".parse(), span(Some(7), Some(7)));
        assert_eq!("7..9".parse(), span(Some(7), Some(9)));
        assert_eq!("7..".parse(), span(Some(7), None));
        assert_eq!("..9".parse(), span(None, Some(9)));
        for text in ["", "..", "0", "9..7", "a..b", "1...3", "1..2..3"] {
            assert!(text.parse::<Revisions>().is_err(), "{text}");
        }
    }
}
