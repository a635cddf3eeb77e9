//! Amounts such as `100m`, `1Gi`, `2e3`: one value may be written in many ways.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// An amount, exact to a billionth as in Kubernetes: finer ones are rounded away from zero, and and
/// larger ones than 10^29 are cut down to that. (Kubernetes cuts some down to 2^63 - 1 already.) Quantities compare by value; `1000m` equals `1`. Printing gives
/// the canonical text.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    /// Billionths.
    nanos: i128,
    style: Style,
}

/// The family of suffixes the text had; it says how to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Decimal,
    Binary,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const LIMIT: i128 = 10_i128.pow(38);

/// The text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a quantity: a number, then one of n u m k M G T P E Ki Mi Gi Ti Pi Ei, or an exponent as in 1e3"
)]
pub struct NoQuantity;

impl Quantity {
    /// The value in billionths.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// Both together, written like this one unless it is nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let nanos = self.nanos.saturating_add(other.nanos);
        Self {
            nanos: nanos.clamp(-LIMIT, LIMIT),
            style: if self.nanos == 0 {
                other.style
            } else {
                self.style
            },
        }
    }

    /// The value as a whole number, rounded away from zero.
    pub fn value(self) -> i64 {
        self.rounded(NANO)
    }

    /// The value in thousandths, rounded away from zero.
    pub fn milli(self) -> i64 {
        self.rounded(NANO / 1000)
    }

    fn rounded(self, unit: i128) -> i64 {
        let whole = self.nanos.checked_div(unit).unwrap_or_default();
        let rest = self.nanos.checked_rem(unit).unwrap_or_default();
        let rounded = whole.saturating_add(rest.signum());
        match i64::try_from(rounded) {
            Ok(number) => number,
            Err(_) if rounded < 0 => i64::MIN,
            Err(_) => i64::MAX,
        }
    }

    /// The same in the suffixes of another one; a whole number where these differ.
    #[must_use]
    pub fn as_written_like(self, other: Self) -> Self {
        match self.style == other.style {
            true => self,
            false => Self {
                nanos: i128::from(self.value()).saturating_mul(NANO),
                style: other.style,
            },
        }
    }
}

impl FromStr for Quantity {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Self, NoQuantity> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let number_len = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(number_len).ok_or(NoQuantity)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(NoQuantity);
        }
        let (style, bits, exponent) = unit(suffix)?;
        let nanos = Digits::new(whole, fraction, bits).scaled(bits, exponent);
        Ok(Self {
            nanos: if negative {
                nanos.saturating_neg()
            } else {
                nanos
            },
            style,
        })
    }
}

/// What a suffix stands for: a style, powers of two, powers of ten.
fn unit(suffix: &str) -> Result<(Style, u32, i64), NoQuantity> {
    let found = match suffix {
        "n" => (Style::Decimal, 0, -9),
        "u" => (Style::Decimal, 0, -6),
        "m" => (Style::Decimal, 0, -3),
        "" => (Style::Decimal, 0, 0),
        "k" => (Style::Decimal, 0, 3),
        "M" => (Style::Decimal, 0, 6),
        "G" => (Style::Decimal, 0, 9),
        "T" => (Style::Decimal, 0, 12),
        "P" => (Style::Decimal, 0, 15),
        "E" => (Style::Decimal, 0, 18),
        "Ki" => (Style::Binary, 10, 0),
        "Mi" => (Style::Binary, 20, 0),
        "Gi" => (Style::Binary, 30, 0),
        "Ti" => (Style::Binary, 40, 0),
        "Pi" => (Style::Binary, 50, 0),
        "Ei" => (Style::Binary, 60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']).ok_or(NoQuantity)?;
            let exponent: i32 = exponent.parse().map_err(|_| NoQuantity)?;
            (Style::Exponent, 0, i64::from(exponent))
        }
    };
    Ok(found)
}

/// The digits of a number as far as they matter.
struct Digits {
    /// The number without its point.
    value: i128,
    /// How many places `value` is to be moved to the left.
    places: i64,
    /// Something other than zero was left out behind the last digit.
    rest: bool,
}

impl Digits {
    fn new(whole: &str, fraction: &str, bits: u32) -> Self {
        // Room to be multiplied by the power of two afterwards.
        let room = (i128::MAX >> bits.min(63)) / 11;
        let mut taken = Self {
            value: 0,
            places: 0,
            rest: false,
        };
        let whole = whole.bytes().map(|digit| (digit, 0));
        for (digit, place) in whole.chain(fraction.bytes().map(|digit| (digit, 1))) {
            let digit = i128::from(digit.wrapping_sub(b'0'));
            if taken.value < room {
                taken.value = taken.value.saturating_mul(10).saturating_add(digit);
                taken.places = taken.places.saturating_sub(place);
            } else {
                taken.rest |= digit != 0;
                taken.places = taken.places.saturating_add(1_i64.saturating_sub(place));
            }
        }
        taken
    }

    /// Billionths, after multiplying by powers of two and ten.
    fn scaled(self, bits: u32, exponent: i64) -> i128 {
        if self.value == 0 {
            return 0;
        }
        let value = self.value.saturating_mul(1_i128 << bits.min(63));
        let places = self.places.saturating_add(exponent).saturating_add(9);
        let power = u32::try_from(places.unsigned_abs()).unwrap_or(u32::MAX);
        let power = 10_i128.checked_pow(power);
        if places >= 0 {
            let scaled = power.and_then(|power| value.checked_mul(power));
            return scaled.unwrap_or(LIMIT).min(LIMIT);
        }
        // Beyond 38 places nothing is left but the rounding.
        let power = power.unwrap_or(i128::MAX);
        let whole = value.checked_div(power).unwrap_or_default();
        let rest = self.rest || value.checked_rem(power) != Some(0);
        whole.saturating_add(i128::from(rest)).min(LIMIT)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let whole = self.nanos / NANO;
        // Small and broken amounts are clearer in decimals.
        if self.style == Style::Binary && self.nanos % NANO == 0 && whole.unsigned_abs() >= 1024 {
            let (number, steps) = divided(whole, 1024, 6);
            return write!(f, "{number}{}", BINARY.get(steps).unwrap_or(&""));
        }
        let (number, steps) = divided(self.nanos, 1000, 9);
        if self.style == Style::Exponent {
            let exponent = i64::try_from(steps).unwrap_or_default();
            let exponent = exponent.saturating_sub(3).saturating_mul(3);
            return if exponent == 0 {
                write!(f, "{number}")
            } else {
                write!(f, "{number}e{exponent}")
            };
        }
        write!(f, "{number}{}", DECIMAL.get(steps).unwrap_or(&""))
    }
}

/// Divides as often as nothing is left over.
fn divided(mut number: i128, by: i128, most: usize) -> (i128, usize) {
    let mut steps = 0_usize;
    while steps < most && number.checked_rem(by) == Some(0) {
        number = number.checked_div(by).unwrap_or_default();
        steps = steps.saturating_add(1);
    }
    (number, steps)
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

/// The canonical text of a quantity, or `text` itself if it is none.
pub fn canonical(text: &str) -> String {
    text.parse::<Quantity>()
        .map_or_else(|_| text.to_owned(), |quantity| quantity.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn equal_amounts_are_equal_however_written() {
        for (a, b) in [
            ("1000m", "1"),
            ("1Gi", "1073741824"),
            ("1.5Gi", "1536Mi"),
            ("0.5", "500m"),
            ("1e3", "1k"),
            ("12E-3", "12m"),
            ("-0", "0"),
            ("+5", "5."),
            (".5", "5e-1"),
            ("1E", "1000P"),
            ("1e30", "1e99"),
            ("5e19", "50E"),
            ("0.0000000001", "1n"),
            ("-0.0000000001", "-1n"),
            ("1e-2147483648", "1n"),
            ("0e2147483647", "0"),
            ("1e2147483647", "1e30"),
        ] {
            assert_eq!(quantity(a), quantity(b), "{a} {b}");
        }
        assert!(quantity("1Mi") > quantity("1M"));
        assert!(quantity("-1") < quantity("1n"));
    }

    #[test]
    fn the_canonical_text_is_that_of_kubernetes() {
        for (text, expected) in [
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.1", "100m"),
            ("1024", "1024"),
            ("1000", "1k"),
            ("1024Ki", "1Mi"),
            ("0.5Ki", "512"),
            ("1.5Ki", "1536"),
            ("1025Ki", "1025Ki"),
            ("0.0001Ki", "102400u"),
            ("1e3", "1e3"),
            ("1500e0", "1500"),
            ("1E-3", "1e-3"),
            ("0Gi", "0"),
            ("-2Gi", "-2Gi"),
            ("12345678901234567890", "12345678901234567890"),
            ("64677682458452e12", "64677682458452e12"),
        ] {
            assert_eq!(quantity(text).to_string(), expected, "{text}");
        }
        assert_eq!(canonical("many"), "many");
    }

    #[test]
    fn sums_keep_the_suffixes_of_the_first_and_wholes_are_rounded_up() {
        let sum = quantity("0").plus(quantity("64Mi")).plus(quantity("1k"));
        assert_eq!(sum.to_string(), "67109864");
        assert_eq!(quantity("100m").plus(quantity("1900m")).to_string(), "2");
        for (text, value, milli) in [
            ("100m", 1, 100),
            ("-1500m", -2, -1500),
            ("1n", 1, 1),
            ("1e30", i64::MAX, i64::MAX),
            ("-1e30", i64::MIN, i64::MIN),
        ] {
            assert_eq!(
                [quantity(text).value(), quantity(text).milli()],
                [value, milli],
                "{text}"
            );
        }
        let other = quantity("1536Mi").as_written_like(quantity("1"));
        assert_eq!(other.to_string(), "1610612736");
        assert_eq!(
            quantity("1500m")
                .as_written_like(quantity("2Gi"))
                .to_string(),
            "2"
        );
    }

    #[test]
    fn other_texts_are_no_quantities() {
        for text in [
            "",
            "-",
            ".",
            "1.2.3",
            "1 ",
            "Ki",
            "1ki",
            "1e",
            "1e99999999999",
            "e3",
            "１",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}") {
            let _ = text.parse::<Quantity>();
        }

        #[test]
        fn printing_keeps_the_value(text in "-?[0-9]{1,30}(\\.[0-9]{0,40})?(Ki|Ei|n|k|E|e-?[0-9]{1,2})?") {
            let parsed = quantity(&text);
            let printed = parsed.to_string();
            prop_assert_eq!(quantity(&printed), parsed, "{} {}", text, printed);
        }
    }
}
