//! Points in time and how long ago they were, as kubectl shows them.

use crate::kubernetes::time::{has_fraction, parse_rfc3339};

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
        (Some(then), Some(now)) if then != ZERO => {
            let passed = now.saturating_sub(then);
            // Go drops what is not a whole second.
            let is_less = passed > 0 && has_fraction(stamp);
            human(passed.saturating_sub(i64::from(is_less)))
        }
        _ => "<unknown>".into(),
    }
}

/// How long it is until `time`, from `now` on.
pub fn until(time: i64, now: i64) -> String {
    human(time.saturating_sub(now))
}

/// Go's zero time, the first of January of year 1, which stands for "no time".
const ZERO: i64 = -62_135_596_800;

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
    fn an_age_needs_a_time_and_a_now() {
        assert_eq!(age("1970-01-01T00:00:10Z", Some(70)), "60s");
        assert_eq!(age("1970-01-01T00:00:10Z", None), "<unknown>");
        assert_eq!(age("", Some(70)), "<unknown>");
        assert_eq!(age("0001-01-01T00:00:00Z", Some(70)), "<unknown>");
    }
}
