//! Bytes from a file as text that is safe on any terminal.

use std::fmt::Write as _;
use std::io;

/// `bytes` as printable text: UTF-8 stays, control characters, invisible and directional marks and
/// bytes that are not UTF-8 become `\n`, `\x1b`, `\u{202e}`; a backslash is doubled.
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c);
        }
        for b in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_ascii_control() => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if c.is_control() || is_invisible(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Characters that draw nothing or reorder their neighbours.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A report that is text already, with whatever in it could harm a terminal made visible. Line ends stay, and
/// so do backslashes.
pub fn report(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\\' => out.push(c),
            c => push(&mut out, c),
        }
    }
    out
}

/// Writes a piece of a JSON string so that it says the same and nothing in it can harm a terminal: what JSON
/// would leave as it is of control characters, invisible and directional marks is written as `\u202e`.
///
/// Every JSON that is written goes through here, whoever asks for it.
///
/// # Errors
/// Those of the writer.
pub fn json_fragment<W: io::Write + ?Sized>(writer: &mut W, fragment: &str) -> io::Result<()> {
    let mut units = [0; 2];
    let mut plain = 0usize;
    for (at, c) in fragment.char_indices() {
        if c.is_ascii_graphic() || c == ' ' || !(c.is_control() || is_invisible(c)) {
            continue;
        }
        writer.write_all(fragment.get(plain..at).unwrap_or_default().as_bytes())?;
        for unit in c.encode_utf16(&mut units) {
            write!(writer, "\\u{unit:04x}")?;
        }
        plain = at.saturating_add(c.len_utf8());
    }
    writer.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
}

/// At most `limit` bytes of `bytes` as [`text`], with a note of how much was left out.
pub fn text_limited(bytes: &[u8], limit: usize) -> String {
    match bytes.get(..limit) {
        Some(head) if bytes.len() > limit => {
            format!("{}… ({} bytes)", text(head), bytes.len())
        }
        _ => text(bytes),
    }
}

/// `bytes` as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for b in bytes {
        let _ = write!(out, "{b:02x}");
    }
    out
}

/// The beginning of `bytes` as hex, with a note of how much was left out.
pub fn hex_limited(bytes: &[u8]) -> String {
    match bytes.get(..64) {
        Some(head) if bytes.len() > 64 => format!("{}… ({} bytes)", hex(head), bytes.len()),
        _ => hex(bytes),
    }
}

/// A path as text for messages, escaped like everything else that the caller did not write.
pub fn path(path: &std::path::Path) -> String {
    text(path.as_os_str().as_encoded_bytes())
}

/// Several paths as text, in their order.
pub fn paths(all: &[std::path::PathBuf]) -> String {
    let all: Vec<String> = all.iter().map(|one| path(one)).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_never_survive() {
        assert_eq!(text(b"a\x1b[31mred\x07\x7f"), "a\\x1b[31mred\\x07\\x7f");
        assert_eq!(
            text("evil\u{202e}txt\u{9b}1m".as_bytes()),
            "evil\\u{202e}txt\\u{9b}1m"
        );
        assert_eq!(text(b"\xff\xfe"), "\\xff\\xfe");
        assert_eq!(text("größe\\".as_bytes()), "größe\\\\");
    }

    #[test]
    fn json_says_the_same_without_harm() {
        let text = "a\u{9b}1m\u{202e}\u{7f}\u{e0001}\u{feff}\u{2028}é";
        let mut safe = Vec::new();
        json_fragment(&mut safe, text).unwrap();
        let safe = String::from_utf8(safe).unwrap();
        assert_eq!(
            safe,
            "a\\u009b1m\\u202e\\u007f\\udb40\\udc01\\ufeff\\u2028é"
        );
        let read: String = serde_json::from_str(&format!("\"{safe}\"")).unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn long_text_says_how_much_is_missing() {
        assert_eq!(text_limited(b"abcdef", 3), "abc… (6 bytes)");
        assert_eq!(text_limited(b"abc", 3), "abc");
    }
}
