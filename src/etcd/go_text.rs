//! Bytes quoted as Go's `%q` quotes them, because etcd's error texts hold such.

use std::fmt::Write as _;

use super::printable::is_printable;

/// `bytes` as Go's `strconv.Quote` prints them.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c, '"');
        }
        for b in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    out.push('"');
    out
}

/// JSON text with the characters escaped that Go's encoder escapes and others leave as they are.
pub(crate) fn json_escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // Outside of strings none of them occurs.
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// A byte as Go's `%q` prints a character of that number.
pub(crate) fn quote_char(byte: u8) -> String {
    let mut out = String::from("'");
    push(&mut out, char::from(byte), '\'');
    out.push('\'');
    out
}

fn push(out: &mut String, c: char, quote: char) {
    let short = match c {
        '\u{7}' => Some('a'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{b}' => Some('v'),
        '\\' => Some('\\'),
        c if c == quote => Some(quote),
        _ => None,
    };
    if let Some(short) = short {
        out.push('\\');
        out.push(short);
        return;
    }
    let code = u32::from(c);
    let _ = match code {
        0x20..=0x7e => {
            out.push(c);
            Ok(())
        }
        0..=0x1f | 0x7f => write!(out, "\\x{code:02x}"),
        _ if is_printable(c) => {
            out.push(c);
            Ok(())
        }
        0x80..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_quoted_as_go_does() {
        assert_eq!(quote(b"\x00\x00\t_tt"), "\"\\x00\\x00\\t_tt\"");
        assert_eq!(quote(b"\n\xff\"\\"), "\"\\n\\xff\\\"\\\\\"");
        assert_eq!(
            quote("ü\u{a0}\u{200b}\u{feff}\u{e0001}".as_bytes()),
            "\"ü\\u00a0\\u200b\\ufeff\\U000e0001\""
        );
        // Marks that join the character before them are printed too.
        assert_eq!(quote("e\u{301}".as_bytes()), "\"e\u{301}\"");
        assert_eq!(quote_char(b'x'), "'x'");
        assert_eq!(quote_char(b'\''), "'\\''");
        assert_eq!(quote_char(0), "'\\x00'");
    }
}
