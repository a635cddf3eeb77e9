//! Points in time and how long ago they were, as kubectl shows them.

/// Time from `seconds` on, with two or three figures: `45s`, `3m20s`, `47h`, `5d3h`, `2y45d`. A moment in
/// the future is `<invalid>`, but for one second of clocks that differ.
pub fn human(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".into();
    }
    // kubectl counts in nanoseconds, and can count to 292 years with that.
    let seconds = seconds.clamp(0, i64::MAX / 1_000_000_000);
    let minutes = seconds / 60;
    let hours = seconds / 3600;
    let days = hours / 24;
    match (seconds, minutes, hours) {
        (..120, _, _) => format!("{seconds}s"),
        (_, ..10, _) => pair(minutes, 'm', seconds % 60, 's'),
        (_, ..180, _) => format!("{minutes}m"),
        (_, _, ..8) => pair(hours, 'h', minutes % 60, 'm'),
        (_, _, ..48) => format!("{hours}h"),
        (_, _, ..192) => pair(days, 'd', hours % 24, 'h'),
        (_, _, ..17_520) => format!("{days}d"),
        (_, _, ..70_080) => pair(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

fn pair(big: i64, unit: char, small: i64, small_unit: char) -> String {
    if small == 0 {
        format!("{big}{unit}")
    } else {
        format!("{big}{unit}{small}{small_unit}")
    }
}

/// How long ago the RFC 3339 time `stamp` was at `now`. `<unknown>` without a time, and without a now.
pub fn age(stamp: &str, now: Option<i64>) -> String {
    match (parse_rfc3339(stamp), now) {
        (Some(then), Some(now)) if then != ZERO => human(now.saturating_sub(then)),
        _ => "<unknown>".into(),
    }
}

/// Go's zero time, the first of January of year 1, which stands for "no time".
const ZERO: i64 = -62_135_596_800;

/// Seconds since 1970 of an RFC 3339 time such as `2026-11-21T14:52:17.5+01:00`; parts of a second are
/// dropped. None if it is no such time.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let rest = rest.strip_prefix(['T', 't'])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    if !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return None;
            }
            zone
        }
    };
    let east = match zone {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let east = hours
                .checked_mul(3600)?
                .checked_add(minutes.checked_mul(60)?)?;
            match zone.chars().next()? {
                '+' => east,
                '-' => east.checked_neg()?,
                _ => return None,
            }
        }
    };
    days_since_1970(year, month, day)?
        .checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?
        .checked_sub(east)
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the 400 years after which the calendar repeats.
const ERA: i64 = 146_097;

/// Years are counted from March, so that the leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let of_era = year.rem_euclid(400);
    let from_march = month.checked_add(9)?.rem_euclid(12);
    let of_year = from_march
        .checked_mul(153)?
        .checked_add(2)?
        .checked_div(5)?
        .checked_add(day)?
        .checked_sub(1)?;
    year.div_euclid(400)
        .checked_mul(ERA)?
        .checked_add(of_era.checked_mul(365)?)?
        .checked_add(of_era / 4)?
        .checked_sub(of_era / 100)?
        .checked_add(of_year)?
        .checked_sub(719_468)
}

/// Seconds since 1970 as RFC 3339 in UTC; None outside of the years 0 to 9999, which it cannot write.
pub fn format_rfc3339(seconds: i64) -> Option<String> {
    let days = seconds.div_euclid(86_400).checked_add(719_468)?;
    let clock = seconds.rem_euclid(86_400);
    let era = days.div_euclid(ERA);
    let of_era = days.rem_euclid(ERA);
    // Leap days are taken out, so that each year has 365.
    let year_of_era = of_era
        .checked_sub(of_era / 1460)?
        .checked_add(of_era / 36_524)?
        .checked_sub(of_era / 146_096)?
        .checked_div(365)?;
    let of_year = of_era
        .checked_sub(year_of_era.checked_mul(365)?)?
        .checked_sub(year_of_era / 4)?
        .checked_add(year_of_era / 100)?;
    let from_march = of_year.checked_mul(5)?.checked_add(2)?.checked_div(153)?;
    let before = from_march
        .checked_mul(153)?
        .checked_add(2)?
        .checked_div(5)?;
    let day = of_year.checked_sub(before)?.checked_add(1)?;
    let month = from_march.checked_add(2)?.rem_euclid(12).checked_add(1)?;
    let year = era.checked_mul(400)?.checked_add(year_of_era)?;
    let year = if month <= 2 {
        year.checked_add(1)?
    } else {
        year
    };
    (0..=9999).contains(&year).then(|| {
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            clock / 3600,
            clock / 60 % 60,
            clock % 60
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_kubectl_prints_them() {
        const DAY: i64 = 86_400;
        for (seconds, text) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (28_799, "7h59m"),
            (28_800, "8h"),
            (169_200, "47h"),
            (172_800, "2d"),
            (5 * DAY + 3 * 3600, "5d3h"),
            (8 * DAY, "8d"),
            (729 * DAY, "729d"),
            (730 * DAY, "2y"),
            (775 * DAY, "2y45d"),
            (8 * 365 * DAY, "8y"),
            (i64::MAX, "292y"),
            (i64::MIN, "<invalid>"),
        ] {
            assert_eq!(human(seconds), text, "{seconds}");
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
            ("0001-01-01T00:00:00Z", ZERO),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse_rfc3339(text), Some(seconds), "{text}");
            assert_eq!(format_rfc3339(seconds).as_deref(), Some(text));
        }
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00.987654+01:00"), Some(0));
        assert_eq!(parse_rfc3339("1969-12-31T22:30:00-01:30"), Some(0));
        assert_eq!(format_rfc3339(253_402_300_800), None);
        assert_eq!(format_rfc3339(i64::MIN), None);
        assert_eq!(format_rfc3339(i64::MAX), None);
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

    #[test]
    fn an_age_needs_a_time_and_a_now() {
        assert_eq!(age("1970-01-01T00:00:10Z", Some(70)), "60s");
        assert_eq!(age("1970-01-01T00:00:10Z", None), "<unknown>");
        assert_eq!(age("", Some(70)), "<unknown>");
        assert_eq!(age("0001-01-01T00:00:00Z", Some(70)), "<unknown>");
    }
}
