//! Floating-point numbers in the digits that Go writes.

use std::ops::Range;

/// The shortest decimal that reads as the same number, as `1.5e7`. Of two that are equally short the nearer one,
/// and of two that are equally near the even one, where Rust takes the larger.
pub(crate) fn scientific(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest
        .split_once('e')
        .map_or(0, |(mantissa, _)| mantissa.trim_start_matches('-').len());
    // One digit, the point, and the others.
    let Some(behind) = digits.checked_sub(2) else {
        return shortest;
    };
    let rounded = format!("{value:.behind$e}");
    match rounded.parse::<f64>() {
        Ok(same) if same.to_bits() == value.to_bits() => rounded,
        _ => shortest,
    }
}

/// The same without an exponent: `15000000`.
pub(crate) fn plain(value: f64) -> String {
    let scientific = scientific(value);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let whole = exponent.saturating_add(1);
    let Ok(whole) = usize::try_from(whole) else {
        let zeros = "0".repeat(usize::try_from(whole.saturating_neg()).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    };
    match digits.split_at_checked(whole) {
        Some(("", fraction)) => format!("{sign}0.{fraction}"),
        Some((digits, "")) => format!("{sign}{digits}"),
        Some((digits, fraction)) => format!("{sign}{digits}.{fraction}"),
        None => format!("{sign}{digits:0<whole$}"),
    }
}

/// The same with an exponent unless it is one of `plain_ones`.
pub(crate) fn text(value: f64, plain_ones: Range<i32>) -> String {
    let scientific = scientific(value);
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let number: i32 = exponent.parse().unwrap_or_default();
    if plain_ones.contains(&number) {
        return plain(value);
    }
    let sign = if number < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", number.unsigned_abs())
}

/// A number in Go's JSON.
pub(crate) fn json(value: f64) -> String {
    text(value, -6..21).replace("e-0", "e-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_two_decimals_that_are_equally_near_the_even_one_is_written() {
        for (value, exact, short) in [
            (
                6_440_219_525_572_825.0 / 4.0,
                "1610054881393206.2",
                "1.6100548813932062e15",
            ),
            (1e20, "100000000000000000000", "1e20"),
            (0.000_15, "0.00015", "1.5e-4"),
            (-0.5, "-0.5", "-5e-1"),
            (0.0, "0", "0e0"),
            (-12.0, "-12", "-1.2e1"),
            (5e-324, &format!("0.{}5", "0".repeat(323)), "5e-324"),
        ] {
            assert_eq!(
                (plain(value).as_str(), scientific(value).as_str()),
                (exact, short)
            );
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_as_itself(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(plain(value).parse::<f64>().unwrap().to_bits(), bits);
            prop_assert_eq!(scientific(value).parse::<f64>().unwrap().to_bits(), bits);
        }
    }
}
