//! Copies JSON text: checks it, and drops white space, as Go does with JSON inside of objects.

use super::budget::DEEPEST;
use super::plain::plain_len;

/// The text is not JSON, is not UTF-8, or is nested too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value, or the end of an empty list.
    ValueOrEnd,
    Key,
    /// A key, or the end of an empty object.
    KeyOrEnd,
    Colon,
    /// A comma, or the end of what is open.
    Next,
}

/// Appends the one value in `text` to `out`; on an error, `out` is as before.
pub(super) fn copy(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
    let start = out.len();
    let result = copy_value(text, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn copy_value(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
    std::str::from_utf8(text).map_err(|_| NotJson)?;
    out.reserve(text.len());
    // A bit per open list or object, the innermost one lowest: set for objects.
    let mut open = 0u128;
    let mut depth = 0u32;
    let mut expect = Expect::Value;
    let mut rest = text;
    // What has been checked and is not copied yet begins here.
    let mut pending = text;
    let copy = |pending: &[u8], rest: &[u8], out: &mut Vec<u8>| {
        let len = pending.len().saturating_sub(rest.len());
        out.extend_from_slice(pending.get(..len).unwrap_or_default());
    };
    while let Some((byte, behind)) = rest.split_first() {
        let is_object = open & 1 == 1;
        let len = match (*byte, expect) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => {
                copy(pending, rest, out);
                (rest, pending) = (behind, behind);
                continue;
            }
            (b'"', Expect::Key | Expect::KeyOrEnd) => {
                expect = Expect::Colon;
                string(rest)?
            }
            (b':', Expect::Colon) => {
                expect = Expect::Value;
                1
            }
            (b',', Expect::Next) if depth > 0 => {
                expect = if is_object {
                    Expect::Key
                } else {
                    Expect::Value
                };
                1
            }
            (b'}', Expect::Next | Expect::KeyOrEnd) if depth > 0 && is_object => {
                (open, depth, expect) = (open >> 1, depth.saturating_sub(1), Expect::Next);
                1
            }
            (b']', Expect::Next | Expect::ValueOrEnd) if depth > 0 && !is_object => {
                (open, depth, expect) = (open >> 1, depth.saturating_sub(1), Expect::Next);
                1
            }
            (_, Expect::Value | Expect::ValueOrEnd) => match byte {
                b'{' | b'[' if depth < DEEPEST => {
                    let is_object = *byte == b'{';
                    open = open << 1 | u128::from(is_object);
                    depth = depth.saturating_add(1);
                    expect = if is_object {
                        Expect::KeyOrEnd
                    } else {
                        Expect::ValueOrEnd
                    };
                    1
                }
                b'{' | b'[' => return Err(NotJson),
                _ => {
                    expect = Expect::Next;
                    scalar(rest)?
                }
            },
            _ => return Err(NotJson),
        };
        rest = rest.get(len..).ok_or(NotJson)?;
    }
    copy(pending, rest, out);
    if expect == Expect::Next && depth == 0 {
        Ok(())
    } else {
        Err(NotJson)
    }
}

/// The length of the string at the start of `text`, quotes included.
fn string(text: &[u8]) -> Result<usize, NotJson> {
    let mut at = 1usize;
    loop {
        let rest = text.get(at..).ok_or(NotJson)?;
        let plain = plain_len(rest);
        at = at.saturating_add(plain);
        match rest.get(plain) {
            Some(b'"') => return Ok(at.saturating_add(1)),
            Some(b'\\') => {
                let escaped = text.get(at.saturating_add(1)).ok_or(NotJson)?;
                let len = match escaped {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' => match code_unit(text, at)? {
                        // The first half of a character needs the second one behind it.
                        0xd800..0xdc00 => match code_unit(text, at.saturating_add(6))? {
                            0xdc00..0xe000 => 12,
                            _ => return Err(NotJson),
                        },
                        0xdc00..0xe000 => return Err(NotJson),
                        _ => 6,
                    },
                    _ => return Err(NotJson),
                };
                at = at.saturating_add(len);
            }
            _ => return Err(NotJson),
        }
    }
}

/// The number of an escape like `\u00e9` at a place in `text`.
fn code_unit(text: &[u8], at: usize) -> Result<u16, NotJson> {
    let escape = text.get(at..at.saturating_add(6)).ok_or(NotJson)?;
    let digits = escape.strip_prefix(b"\\u").ok_or(NotJson)?;
    digits.iter().try_fold(0, |sum: u16, byte| {
        let digit = char::from(*byte).to_digit(16).ok_or(NotJson)?;
        let digit = u16::try_from(digit).map_err(|_| NotJson)?;
        Ok(sum << 4 | digit)
    })
}

/// The length of the string, number or word at the start of `text`.
fn scalar(text: &[u8]) -> Result<usize, NotJson> {
    if text.first() == Some(&b'"') {
        return string(text);
    }
    for word in [&b"true"[..], b"false", b"null"] {
        if text.starts_with(word) {
            return Ok(word.len());
        }
    }
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (len, from.saturating_add(len))
    };
    let first = usize::from(text.first() == Some(&b'-'));
    let (len, mut at) = digits(first);
    if len == 0 || len > 1 && text.get(first) == Some(&b'0') {
        return Err(NotJson);
    }
    if text.get(at) == Some(&b'.') {
        let (len, end) = digits(at.saturating_add(1));
        at = end;
        if len == 0 {
            return Err(NotJson);
        }
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = matches!(text.get(at.saturating_add(1)), Some(b'+' | b'-'));
        let (len, end) = digits(at.saturating_add(1).saturating_add(usize::from(sign)));
        at = end;
        if len == 0 {
            return Err(NotJson);
        }
    }
    // Longer numbers, and those with an exponent, may be beyond what a double holds.
    if at > 300
        || text
            .get(..at)
            .is_some_and(|number| number.contains(&b'e') || number.contains(&b'E'))
    {
        let number = text
            .get(..at)
            .and_then(|number| std::str::from_utf8(number).ok());
        let double = number.and_then(|number| number.parse::<f64>().ok());
        double.filter(|double| double.is_finite()).ok_or(NotJson)?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(text: &str) -> Option<String> {
        let mut out = b"#".to_vec();
        let result = copy(text.as_bytes(), &mut out);
        assert!(result.is_ok() || out == b"#");
        result.ok()?;
        Some(String::from_utf8(out.split_off(1)).unwrap())
    }

    #[test]
    fn json_is_copied_without_white_space() {
        for (text, expected) in [
            (
                " { \"a\\u00e9 b\" : [ 1 , -2.5e+3,\ttrue ] }\n",
                "{\"a\\u00e9 b\":[1,-2.5e+3,true]}",
            ),
            ("[]", "[]"),
            ("{}", "{}"),
            ("[{},[],null,false,\"\\\"\"]", "[{},[],null,false,\"\\\"\"]"),
            ("0", "0"),
            ("\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""),
            ("\"\u{e9}\"", "\"\u{e9}\""),
        ] {
            assert_eq!(copied(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_serde_json_refuses_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "]",
            "[",
            "{]",
            "[}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "1 2",
            "01",
            "-",
            "1.",
            "1e",
            ".5",
            "+1",
            "tru",
            "nulll",
            "\"",
            "\"\\x\"",
            "\"\\u00g0\"",
            "\"\n\"",
            "{1:2}",
            "[1:2]",
            "{\"a\" 1}",
            "[1 2]",
            "\"\\",
            "\"\\u12",
            ",",
            ":",
            "1e999",
            "-1E+400",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\"",
        ] {
            assert_eq!(copied(text), None, "{text}");
            assert!(
                serde_json::from_str::<serde_json::Value>(text).is_err(),
                "{text}"
            );
        }
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(copied(&nested(120)).is_some());
        assert!(copied(&nested(121)).is_none());
        assert!(copied(&nested(100_000)).is_none());
    }
}
