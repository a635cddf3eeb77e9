//! The order of keys.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// The entries in the order of [`natural`]. That is not an order in the strict sense: `a10` goes before `a1b`,
/// `a1b` before `a2`, and `a2` before `a10`. The standard sort may panic over that, so this merges by hand; Go
/// itself prints such keys now in this order, now in another.
pub(super) fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    let mut width = 1;
    while width < entries.len() {
        let mut merged = Vec::with_capacity(entries.len());
        for pair in entries.chunks(width * 2) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([a, behind_a @ ..], [b, behind_b @ ..]) = (left, right) {
                if natural(a.0, b.0) == Ordering::Greater {
                    merged.push(*b);
                    right = behind_b;
                } else {
                    merged.push(*a);
                    left = behind_a;
                }
            }
            merged.extend(left);
            merged.extend(right);
        }
        entries = merged;
        width *= 2;
    }
    entries
}

/// The order of keys: digits as numbers, letters behind everything else.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else {
        return a.len().cmp(&b.len());
    };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Zeros count only behind another digit of the same number.
    let in_number = (x == '0' || y == '0')
        && a[..at]
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_digit())
            .any(|c| *c != '0');
    let number = |chars: &[char]| {
        let digits = chars[at..].iter().map_while(|c| c.to_digit(10));
        digits.fold((i64::from(in_number), 0usize), |(n, len), digit| {
            let n = n.wrapping_mul(10).wrapping_add(i64::from(digit));
            (n, len + 1)
        })
    };
    number(&a).cmp(&number(&b)).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_a_strict_order_are_sorted_all_the_same() {
        let keys = ["a", "1", "10", "1b", "2", "_", "01", "1a0", "10b", "00"];
        let mut map = Map::new();
        for a in keys {
            for b in keys {
                for c in keys {
                    map.insert(format!("{a}{b}{c}"), Value::Null);
                }
            }
        }
        assert_eq!(sorted(&map).len(), map.len());
    }
}
