//! What an unquoted YAML scalar is read as by the YAML package of Kubernetes: YAML 1.1 with the habits of
//! Go's number and time parsers. Source: go.yaml.in/yaml v2.4.

/// The kinds of plain scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolved {
    Null,
    Bool,
    Number,
    Date,
    Text,
}

/// What `text` is read as when it stands unquoted.
pub(crate) fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" | "n"
        | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool;
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Resolved::Number,
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') if is_float(text) => Resolved::Number,
        Some(b'+' | b'-' | b'0'..=b'9') => {
            if is_date(text.as_bytes()) {
                return Resolved::Date;
            }
            let plain = text.replace('_', "");
            if is_integer(&plain) || is_float(&plain) {
                Resolved::Number
            } else {
                Resolved::Text
            }
        }
        _ => Resolved::Text,
    }
}

/// A number in base 60 (`1:30`), which older readers know and which is therefore quoted.
#[cfg(feature = "cli")]
pub(crate) fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    if !first.starts_with(|c: char| c.is_ascii_digit())
        || !first.chars().all(|c| c.is_ascii_digit() || c == '_')
    {
        return false;
    }
    let mut rest = parts.peekable();
    if rest.peek().is_none() {
        return false;
    }
    while let Some(part) = rest.next() {
        let mut digits = part;
        if rest.peek().is_none()
            && let Some((whole, fraction)) = part.split_once('.')
        {
            if !fraction.chars().all(|c| c.is_ascii_digit() || c == '_') {
                return false;
            }
            digits = whole;
        }
        let sixty = match digits.as_bytes() {
            [b'0'..=b'9'] => true,
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        };
        if !sixty {
            return false;
        }
    }
    true
}

/// True for what Go reads as text and other readers do not: PyYAML and other users of libyaml (YAML 1.1), and
/// ruamel.yaml (1.1 and 1.2). Source: resolver.py of PyYAML 6.0 and ruamel.yaml 0.19.
#[cfg(feature = "cli")]
pub(crate) fn is_special_elsewhere(text: &str) -> bool {
    matches!(text, "<<" | "=") || is_number_elsewhere(text) || is_date_elsewhere(text)
}

/// A number of any size, with underscores anywhere.
#[cfg(feature = "cli")]
fn is_number_elsewhere(text: &str) -> bool {
    type IsDigit = fn(char) -> bool;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let consists_of = |text: &str, is_digit: IsDigit| {
        !text.is_empty() && text.chars().all(|c| c == '_' || is_digit(c))
    };
    let bases: [(&str, IsDigit); 3] = [
        ("0b", |c| matches!(c, '0' | '1')),
        ("0o", |c| matches!(c, '0'..='7')),
        ("0x", |c| c.is_ascii_hexdigit()),
    ];
    for (prefix, is_digit) in bases {
        let digits = unsigned.strip_prefix(prefix);
        if digits.is_some_and(|digits| consists_of(digits, is_digit)) {
            return true;
        }
    }
    let decimal = |text: &str| consists_of(text, |c| c.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_is_sound =
        exponent.is_none_or(|text| decimal(text.strip_prefix(['+', '-']).unwrap_or(text)));
    // An underscore in front makes it a word, behind a sign it does not.
    let begins = text.starts_with(|c: char| matches!(c, '+' | '-' | '.' | '0'..='9'));
    let mantissa_is_sound = match mantissa.split_once('.') {
        Some(("", fraction)) => decimal(fraction),
        Some((whole, fraction)) => decimal(whole) && (fraction.is_empty() || decimal(fraction)),
        None => decimal(mantissa),
    };
    begins && mantissa_is_sound && exponent_is_sound
}

/// Anything in the shape of a date, whether or not there is such a day.
#[cfg(feature = "cli")]
fn is_date_elsewhere(text: &str) -> bool {
    let mut reader = Reader(text.as_bytes());
    let mut shape = || {
        reader.digits(4)?;
        reader.byte(b"-")?;
        reader.number()?;
        reader.byte(b"-")?;
        reader.number()?;
        if reader.0.is_empty() {
            return Some(());
        }
        reader.byte(b"Tt \t")?;
        while let [b' ' | b'\t', ..] = reader.0 {
            reader.byte(b" \t")?;
        }
        reader.number()?;
        reader.byte(b":")?;
        reader.digits(2)?;
        reader.byte(b":")?;
        reader.digits(2)?;
        let is_rest = |b: &u8| b.is_ascii_digit() || b"Zz.:+- \t".contains(b);
        reader.0.iter().all(is_rest).then_some(())
    };
    shape().is_some()
}

/// Go's ParseInt and ParseUint with base 0, in 64 bits.
fn is_integer(text: &str) -> bool {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..)),
        Some(b'+') => (false, text.get(1..)),
        _ => (false, Some(text)),
    };
    let digits = digits.unwrap_or_default();
    let prefixes = [
        ("0x", 16),
        ("0X", 16),
        ("0b", 2),
        ("0B", 2),
        ("0o", 8),
        ("0O", 8),
    ];
    let (radix, digits) = prefixes
        .into_iter()
        .find_map(|(prefix, radix)| Some((radix, digits.strip_prefix(prefix)?)))
        .unwrap_or(if digits.len() > 1 && digits.starts_with('0') {
            (8, digits)
        } else {
            (10, digits)
        });
    // Rust would take a second sign.
    if digits.starts_with(['+', '-']) {
        return false;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(_) if digits.len() == text.len() => true,
        Ok(n) if negative => n <= i64::MIN.unsigned_abs(),
        // A plus sign is for signed numbers only.
        Ok(n) => !text.starts_with('+') || i64::try_from(n).is_ok(),
        Err(_) => false,
    }
}

/// A decimal number that is finite in 64 bits.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_sound = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_is_sound
        && unsigned.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A date, alone or with a time, in one of the few forms that are tried.
fn is_date(text: &[u8]) -> bool {
    let mut reader = Reader(text);
    reader.date().is_some()
}

/// Takes bytes off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self, wanted: &[u8]) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        wanted.contains(first).then_some(())
    }

    /// One or two digits, as many as there are.
    fn number(&mut self) -> Option<u32> {
        let digits = self.0.iter().take(2).take_while(|b| b.is_ascii_digit());
        let len = digits.count();
        self.digits(len)
    }

    fn digits(&mut self, len: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn date(&mut self) -> Option<()> {
        let year = self.digits(4)?;
        self.byte(b"-")?;
        let month = self.number()?;
        self.byte(b"-")?;
        let day = self.number()?;
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if day == 0 || day > days {
            return None;
        }
        match self.0.first() {
            None => Some(()),
            Some(b' ') => {
                while self.0.first() == Some(&b' ') {
                    self.byte(b" ")?;
                }
                self.time()?;
                self.0.is_empty().then_some(())
            }
            Some(_) => {
                self.byte(b"Tt")?;
                self.time()?;
                self.zone()
            }
        }
    }

    fn time(&mut self) -> Option<()> {
        let hour = self.number()?;
        self.byte(b":")?;
        let minute = self.number()?;
        self.byte(b":")?;
        let second = self.number()?;
        if let [b'.' | b',', b'0'..=b'9', ..] = self.0 {
            self.byte(b".,")?;
            while self.0.first().is_some_and(u8::is_ascii_digit) {
                self.digits(1)?;
            }
        }
        (hour < 24 && minute < 60 && second < 60).then_some(())
    }

    fn zone(&mut self) -> Option<()> {
        if self.0 == b"Z" {
            return Some(());
        }
        self.byte(b"+-")?;
        let hours = self.digits(2)?;
        self.byte(b":")?;
        let minutes = self.digits(2)?;
        // 24 and 60 are let through on purpose by Go.
        (hours <= 24 && minutes <= 60 && self.0.is_empty()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_resolve_as_in_go() {
        for (kind, texts) in [
            (Resolved::Null, &["", "~", "null"][..]),
            (Resolved::Bool, &["y", "No", "TRUE", "off"]),
            (
                Resolved::Number,
                &[
                    "0",
                    "-1",
                    "+5",
                    "1_000",
                    "0x1F",
                    "0b11",
                    "0o7",
                    "017",
                    "08",
                    "1.",
                    ".5",
                    "1e3",
                    "-.inf",
                    "-0b1",
                    "18446744073709551615",
                    "99999999999999999999",
                    "1_0.5",
                    "-9223372036854775808",
                ],
            ),
            (
                Resolved::Date,
                &[
                    "2020-01-01",
                    "2020-1-2",
                    "2024-02-29",
                    "2020-01-01T00:00:00Z",
                    "2020-01-01t1:2:3.5+24:60",
                    "2020-01-01  1:2:3,5",
                ],
            ),
            (
                Resolved::Text,
                &[
                    "nUll",
                    "yEs",
                    ".",
                    "-",
                    "+",
                    "._5",
                    "0x",
                    "0xffffffffffffffffff",
                    "1e999",
                    "1e",
                    "2023-02-29",
                    "2020-13-01",
                    "2020-01-01T00:00:00z",
                    "2020-01-01 1:2:3Z",
                    "1.2.3",
                    "10.0.0.1",
                    "--1",
                    "<<",
                    "infinity",
                    "+nan",
                    "20200-01-01",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(resolve(text), kind, "{text}");
            }
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn what_only_other_readers_take_for_something_else_is_known() {
        for text in [
            "<<",
            "=",
            "0x_",
            "0b_",
            "0o_",
            "-_",
            "+_1",
            "._",
            "-._5",
            "1e999",
            "1e1_0",
            "0xffffffffffffffffffffffff",
            "9e_9",
            "2023-02-30",
            "2020-13-99",
            "2020-01-01T00:00:00z",
            "2020-1-1 \t 1:02:03 +1",
            "0_",
            "1_.5",
        ] {
            assert!(is_special_elsewhere(text), "{text}");
        }
        // Many of these are in ordinary objects, and kubectl does not quote them.
        for text in [
            "<",
            "==",
            "<<<",
            "_1",
            "_",
            ".",
            "-",
            "+",
            "--1",
            "e5",
            "1e",
            "0x",
            "0bad12",
            "0o8",
            "0xg",
            "10.0.0.1",
            "1.2.3",
            "2020-01",
            "2020-01-01-1",
            "2020-01-01 first",
            "2020-01-01T00-00-00Z",
            "2020-01-01T00:00:00Z and more",
            "v1",
            "1Gi",
            "100m",
            "1e5x",
        ] {
            assert!(!is_special_elsewhere(text), "{text}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn numbers_in_base_60_are_known() {
        for text in ["1:30", "-1:2:59.5", "1_0:00", "190:20:30", "1:2._"] {
            assert!(is_base_60(text), "{text}");
        }
        for text in [
            "1", "1:", ":30", "1:60", "1:5.0:3", "a:10", "_1:30", "1:300", "",
        ] {
            assert!(!is_base_60(text), "{text}");
        }
    }
}
