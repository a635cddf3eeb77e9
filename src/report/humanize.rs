/// A number of bytes as etcd's tools print it: powers of 1000, as go-humanize does with its rounding.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 10 {
        return format!("{n} B");
    }
    let exponent = ((n as f64).ln() / 1000f64.ln()).floor();
    let unit = UNITS.get(exponent as usize).copied().unwrap_or("EB");
    let value = (n as f64 / 1000f64.powf(exponent) * 10.0 + 0.5).floor() / 10.0;
    // `{:.0}` rounds ties to even, as Go's %.0f does.
    if value < 10.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// `1 byte`, `350 bytes`.
pub(super) fn byte_count(n: u64) -> String {
    let bytes = if n == 1 { "byte" } else { "bytes" };
    format!("{n} {bytes}")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_print_as_go_humanize_prints_them() {
        for (n, text) in [
            (0, "0 B"),
            (9, "9 B"),
            (10, "10 B"),
            (99, "99 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (1050, "1.1 kB"),
            (1149, "1.1 kB"),
            (1150, "1.2 kB"),
            (1500, "1.5 kB"),
            (4096, "4.1 kB"),
            (9949, "9.9 kB"),
            (9950, "10 kB"),
            (9999, "10 kB"),
            (10_000, "10 kB"),
            (10_499, "10 kB"),
            (10_500, "10 kB"),
            (11_500, "12 kB"),
            (16_384, "16 kB"),
            (20_480, "20 kB"),
            (24_576, "25 kB"),
            (99_499, "100 kB"),
            (999_499, "1000 kB"),
            (999_999, "1000 kB"),
            (1_000_000, "1.0 MB"),
            (1_048_576, "1.0 MB"),
            (9_949_999, "9.9 MB"),
            (9_950_000, "10 MB"),
            (33_554_432, "34 MB"),
            (999_999_999, "1000 MB"),
            (1_000_000_000, "1.0 GB"),
            (1_073_741_824, "1.1 GB"),
            (2_147_483_648, "2.1 GB"),
            (8_589_934_592, "8.6 GB"),
            (10_737_418_240, "11 GB"),
            (1_099_511_627_776, "1.1 TB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(n), text, "{n}");
        }
    }
}
