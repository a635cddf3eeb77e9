//! Bytes written as text: how the table of damages names keys and values.
//!
//! ```text
//! "text"  with the escapes \n \r \\ \" \xNN     'text'  as it stands
//! hex:00ff                                     be64:5  eight bytes, big-endian
//! rev:7.0 rev:7.0t                             a revision key, or that of a tombstone
//! kv:KEY,CREATE,MOD,VERSION,VALUE[,LEASE]      a record
//! pb:1=5,2='text'                              any protobuf message: varints and bytes
//! zeros:16                                     that many zero bytes
//! ```
//!
//! Several of them one after the other are joined.

use super::wire;

/// Splits a line at its white space, but not inside quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in line.chars() {
        match quote {
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
    }
    assert!(quote.is_none(), "a quote is left open: {line}");
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The bytes that `words` stand for, one after the other.
pub(crate) fn joined(words: &[String]) -> Vec<u8> {
    words.iter().flat_map(|word| one(word)).collect()
}

/// The bytes that one word stands for.
pub(crate) fn one(word: &str) -> Vec<u8> {
    if let Some(text) = quoted(word, '"') {
        return unescape(text);
    }
    if let Some(text) = quoted(word, '\'') {
        return text.as_bytes().to_vec();
    }
    let Some((kind, rest)) = word.split_once(':') else {
        return word.as_bytes().to_vec();
    };
    match kind {
        "hex" => hex(rest),
        "be64" => number(rest).to_be_bytes().to_vec(),
        "zeros" => vec![0; usize::try_from(number(rest)).expect("a length")],
        "rev" => revision(rest),
        "kv" => record(rest),
        "pb" => message(rest),
        _ => panic!("{word:?} stands for no bytes"),
    }
}

/// A number, decimal or with `0x`.
pub(crate) fn number(text: &str) -> u64 {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.unwrap_or_else(|_| panic!("{text:?} is not a number"))
}

fn quoted(word: &str, quote: char) -> Option<&str> {
    word.strip_prefix(quote)?.strip_suffix(quote)
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text:?} is not a hex");
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| std::str::from_utf8(pair).expect("ASCII"))
        .map(|pair| {
            u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair:?} is not a hex"))
        })
        .collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.extend(c.to_string().bytes());
            continue;
        }
        let kind = rest.chars().next().expect("something follows a backslash");
        rest = &rest[kind.len_utf8()..];
        match kind {
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            '\\' | '"' => out.extend(kind.to_string().bytes()),
            'x' => {
                out.extend(hex(&rest[..2]));
                rest = &rest[2..];
            }
            _ => panic!("\\{kind} is not an escape"),
        }
    }
    out
}

fn revision(text: &str) -> Vec<u8> {
    let (text, mark) = match text.strip_suffix('t') {
        Some(text) => (text, &b"t"[..]),
        None => (text, &b""[..]),
    };
    let (main, sub) = text.split_once('.').expect("MAIN.SUB");
    let mut key = number(main).to_be_bytes().to_vec();
    key.push(b'_');
    key.extend(number(sub).to_be_bytes());
    key.extend(mark);
    key
}

fn record(text: &str) -> Vec<u8> {
    let parts: Vec<&str> = text.split(',').collect();
    let [key, create, modified, version, value, lease @ ..] = &*parts else {
        panic!("{text:?} is not a record");
    };
    let lease = lease.first().copied().unwrap_or("0");
    let mut out = Vec::new();
    field(&mut out, 1, Some(key), None);
    for (tag, text) in [(2, create), (3, modified), (4, version)] {
        field(&mut out, tag, None, Some(number(text)));
    }
    field(&mut out, 5, Some(value), None);
    field(&mut out, 6, None, Some(number(lease)));
    out
}

fn message(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (tag, value) = part.split_once('=').expect("TAG=VALUE");
        match quoted(value, '\'') {
            Some(text) => field(&mut out, number(tag), Some(text), None),
            None => field(&mut out, number(tag), None, Some(number(value))),
        }
    }
    out
}

/// A field; as etcd does, zero and nothing are left out.
fn field(out: &mut Vec<u8>, tag: u64, bytes: Option<&str>, varint: Option<u64>) {
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        wire::varint(out, tag << 3 | 2);
        wire::varint(out, bytes.len() as u64);
        out.extend(bytes.as_bytes());
    }
    if let Some(number) = varint.filter(|number| *number != 0) {
        wire::varint(out, tag << 3);
        wire::varint(out, number);
    }
}
