//! Moments and durations as Go writes them.

use std::fmt::{self, Write as _};

/// Seconds since 1970 of the first moment of the year 1: Go's zero time.
pub(super) const ZERO_TIME: i64 = -62_135_596_800;

/// A moment in UTC, to be shown as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp {
    /// Since 1970.
    pub(super) seconds: i64,
    /// With six digits behind the point.
    pub(super) micros: Option<u32>,
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        if year < 0 {
            f.write_char('-')?;
        }
        write!(
            f,
            "{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            year.unsigned_abs(),
            second.div_euclid(3600),
            second.div_euclid(60).rem_euclid(60),
            second.rem_euclid(60),
        )?;
        if let Some(micros) = self.micros {
            write!(f, ".{micros:06}")?;
        }
        f.write_char('Z')
    }
}

/// Year, month and day of a day since 1970 (proleptic Gregorian). The year is counted from March on, so
/// that the leap day comes last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let leap_days = day_of_era
        .wrapping_sub(day_of_era.div_euclid(1460))
        .wrapping_add(day_of_era.div_euclid(36_524))
        .wrapping_sub(day_of_era.div_euclid(146_096));
    let year_of_era = leap_days.div_euclid(365);
    let years = year_of_era
        .wrapping_mul(365)
        .wrapping_add(year_of_era.div_euclid(4))
        .wrapping_sub(year_of_era.div_euclid(100));
    let day_of_year = day_of_era.wrapping_sub(years);
    let shifted = day_of_year.wrapping_mul(5).wrapping_add(2).div_euclid(153);
    let day = day_of_year
        .wrapping_sub(shifted.wrapping_mul(153).wrapping_add(2).div_euclid(5))
        .wrapping_add(1);
    let month = if shifted < 10 {
        shifted.wrapping_add(3)
    } else {
        shifted.wrapping_sub(9)
    };
    let year = era
        .wrapping_mul(400)
        .wrapping_add(year_of_era)
        .wrapping_add(i64::from(month <= 2));
    (year, month, day)
}

/// Days since 1970 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year.wrapping_sub(i64::from(month <= 2));
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = month.wrapping_add(9).rem_euclid(12);
    let day_of_year = shifted
        .wrapping_mul(153)
        .wrapping_add(2)
        .div_euclid(5)
        .wrapping_add(day)
        .wrapping_sub(1);
    era.wrapping_mul(146_097)
        .wrapping_add(year_of_era.wrapping_mul(365))
        .wrapping_add(year_of_era.div_euclid(4))
        .wrapping_sub(year_of_era.div_euclid(100))
        .wrapping_add(day_of_year)
        .wrapping_sub(719_468)
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A moment given in seconds since 1970, as Kubernetes writes it.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    let micros = None;
    Timestamp { seconds, micros }.to_string()
}

/// True if a moment in RFC 3339 is not at a whole second.
pub(super) fn has_fraction(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let mut digits = fraction.bytes().take_while(u8::is_ascii_digit);
    digits.any(|digit| digit != b'0')
}

/// Seconds since 1970 of a moment in RFC 3339; fractions are dropped.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        let is_number = digits.iter().all(u8::is_ascii_digit);
        is_number.then(|| {
            digits.iter().fold(0i64, |sum, digit| {
                sum.wrapping_mul(10)
                    .wrapping_add(i64::from(digit.wrapping_sub(b'0')))
            })
        })
    };
    let sign = |at: usize, wanted: u8| bytes.get(at).filter(|byte| **byte == wanted).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    sign(4, b'-').and(sign(7, b'-'))?;
    sign(13, b':').and(sign(16, b':'))?;
    if !matches!(bytes.get(10), Some(b'T' | b't')) {
        return None;
    }
    let is_valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_valid {
        return None;
    }
    let mut rest = bytes.get(19..)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit());
        let len = digits.count();
        rest = fraction.get(len..).filter(|_| len > 0)?;
    }
    let at = bytes.len().saturating_sub(rest.len());
    let offset = match rest {
        [b'Z' | b'z'] => 0,
        [direction @ (b'+' | b'-'), _, _, b':', _, _] => {
            let hours = number(at.wrapping_add(1), at.wrapping_add(3))?;
            let minutes = number(at.wrapping_add(4), at.wrapping_add(6))?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours
                .wrapping_mul(60)
                .wrapping_add(minutes)
                .wrapping_mul(60);
            if *direction == b'-' {
                offset.wrapping_neg()
            } else {
                offset
            }
        }
        _ => return None,
    };
    Some(
        days(year, month, day)
            .wrapping_mul(86_400)
            .wrapping_add(hour.wrapping_mul(3600))
            .wrapping_add(minute.wrapping_mul(60))
            .wrapping_add(second)
            .wrapping_sub(offset),
    )
}

/// A number of nanoseconds, to be shown as Go shows a `time.Duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GoDuration(pub(super) i64);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_char('-')?;
        }
        match nanos {
            0..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => decimal(f, nanos, 1_000, 3, "\u{b5}s"),
            1_000_000..1_000_000_000 => decimal(f, nanos, 1_000_000, 6, "ms"),
            _ => {
                let minutes = nanos.div_euclid(60_000_000_000);
                let hours = minutes.div_euclid(60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes.rem_euclid(60))?;
                }
                decimal(f, nanos.rem_euclid(60_000_000_000), 1_000_000_000, 9, "s")
            }
        }
    }
}

/// Writes `n / unit` with as many digits behind the point as it needs.
fn decimal(
    f: &mut fmt::Formatter<'_>,
    n: u64,
    unit: u64,
    digits: usize,
    name: &str,
) -> fmt::Result {
    let fraction = n.checked_rem(unit).unwrap_or_default();
    write!(f, "{}", n.checked_div(unit).unwrap_or_default())?;
    if fraction > 0 {
        let text = format!("{fraction:0digits$}");
        write!(f, ".{}", text.trim_end_matches('0'))?;
    }
    f.write_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read_as_go_does() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (ZERO_TIME, "0001-01-01T00:00:00Z"),
            (ZERO_TIME - 1, "0000-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_199_149_261, "2008-01-01T01:01:01Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(parse_rfc3339(text), Some(seconds));
        }
        assert_eq!(rfc3339(253_402_300_800), "10000-01-01T00:00:00Z");
        assert_eq!(
            rfc3339(ZERO_TIME - 366 * 86_400 - 1),
            "-0001-12-31T23:59:59Z"
        );
        let with_micros = Timestamp {
            seconds: 1,
            micros: Some(20),
        };
        assert_eq!(with_micros.to_string(), "1970-01-01T00:00:01.000020Z");
        assert!(!rfc3339(i64::MAX).is_empty());
        assert!(!rfc3339(i64::MIN).is_empty());
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00.5+01:00"), Some(0));
        assert_eq!(parse_rfc3339("1969-12-31T23:30:00-00:30"), Some(0));
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-13-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None);
        }
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.Z"), None);
        assert_eq!(parse_rfc3339("197\u{e9}-01-01T00:00:00Z"), None);
    }

    #[test]
    fn durations_are_written_as_go_does() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1\u{b5}s"),
            (2_200_000, "2.2ms"),
            (-3_300_000_000, "-3.3s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_001, "1h0m0.000000001s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(GoDuration(nanos).to_string(), text);
        }
    }

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-21T14:52:17Z", 1_795_272_737),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse_rfc3339(text), Some(seconds), "{text}");
            assert_eq!(rfc3339(seconds), text);
        }
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00.987654+01:00"), Some(0));
        assert_eq!(parse_rfc3339("1969-12-31T22:30:00-01:30"), Some(0));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-11-21",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00 01:00",
            "2026-01-0é:00:00:00Z",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
