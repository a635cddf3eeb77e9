//! Templates with their gaps filled.

use std::fmt::Write as _;

use crate::bolt::layout::flags;
use crate::etcd::{LeaseId, quote, quote_char};
use crate::finding::{Excerpt, Finding, MemberIds, Value, escape};

use super::phrases::phrase;

pub(super) fn render(template: &str, finding: &Finding) -> String {
    let mut out = String::with_capacity(template.len());
    fill(template, finding, None, &mut out);
    out
}

/// A piece of a template.
enum Piece<'t> {
    Text(&'t str),
    /// What stands between two braces.
    Gap(&'t str),
}

/// The next piece of a template, and the rest.
fn next_piece(template: &str) -> Option<(Piece<'_>, &str)> {
    let Some(inside) = template.strip_prefix('{') else {
        let end = template.find('{').unwrap_or(template.len());
        let (text, rest) = template.split_at_checked(end)?;
        return (!text.is_empty()).then_some((Piece::Text(text), rest));
    };
    let mut depth = 1u32;
    let end = inside.find(|c| {
        match c {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })?;
    let (gap, rest) = inside.split_at_checked(end)?;
    Some((Piece::Gap(gap), rest.strip_prefix('}')?))
}

fn fill(template: &str, finding: &Finding, number: Option<u64>, out: &mut String) {
    let mut rest = template;
    while let Some((piece, behind)) = next_piece(rest) {
        rest = behind;
        match piece {
            Piece::Text(text) => match number {
                Some(number) => out.push_str(&text.replace('#', &number.to_string())),
                None => out.push_str(text),
            },
            Piece::Gap(gap) => fill_gap(gap, finding, out),
        }
    }
}

fn fill_gap(gap: &str, finding: &Finding, out: &mut String) {
    if let Some((name, forms)) = gap.split_once('?') {
        let number = match finding.value(name) {
            Some(Value::Count(number) | Value::Bytes(number)) => *number,
            _ => return,
        };
        let (one, several) = forms.split_once('|').unwrap_or((forms, forms));
        return match number {
            1 => fill(one, finding, None, out),
            _ => fill(several, finding, Some(number), out),
        };
    }
    let (name, form) = gap.split_once(':').unwrap_or((gap, ""));
    if let Some(value) = finding.value(name) {
        write_value(value, form, out);
    }
}

/// Writes a value as sentences have it. Writing to a String cannot fail.
fn write_value(value: &Value, form: &str, out: &mut String) {
    let _ = match value {
        Value::Bytes(bytes) if form == "mib" => write!(out, "{}", bytes >> 20),
        Value::Count(number)
        | Value::Bytes(number)
        | Value::Byte(number)
        | Value::Ordinal(number)
        | Value::Index(number)
        | Value::Term(number)
        | Value::Code(number) => write!(out, "{number}"),
        Value::Offset(offset) => write!(out, "{offset}"),
        Value::Page(page) => write!(out, "{page}"),
        Value::PageType(bits) if form == "flags" => write!(out, "0x{bits:02x}"),
        Value::PageType(bits) => write!(out, "{}", flags::name(*bits)),
        Value::Flags(bits) => write!(out, "0x{bits:x}"),
        Value::Transaction(id) => write!(out, "{id}"),
        Value::MainRevision(number) | Value::Version(number) => write!(out, "{number}"),
        Value::Revision((main, sub)) => match form {
            "main" => write!(out, "{main}"),
            "sub" => write!(out, "{sub}"),
            _ => write!(out, "{main}.{sub}"),
        },
        Value::Lease(id) => write!(out, "{}", LeaseId(*id)),
        Value::Member(id) | Value::Cluster(id) => write!(out, "{id:x}"),
        Value::Members(ids) => write!(out, "{}", members(ids)),
        Value::Segment(number) => write!(out, "{number:016x}"),
        Value::Checksum(sum) => write!(out, "{sum:08x}"),
        Value::Digest(digest) => write!(out, "{digest}"),
        Value::Key(text) | Value::Name(text) | Value::Excerpt(text) | Value::FileName(text) => {
            write!(out, "{}", excerpt(text, form))
        }
        Value::Letter(byte) => write!(out, "{}", quote_char(*byte)),
        Value::Folder(path) => write!(out, "{}", escape::path(path)),
        Value::Choice(word) => write!(out, "{}", phrase(word)),
        Value::Refusals(refusals) => write!(out, "{}", reasons(refusals)),
    };
}

fn members(ids: &MemberIds) -> String {
    let hex = ids.first.iter().map(|id| format!("{id:x}"));
    hex.collect::<Vec<_>>().join(",")
}

fn reasons(refusals: &[(u64, &'static str)]) -> String {
    let told = refusals
        .iter()
        .map(|(minor, word)| format!("3.{minor}: {}", phrase(word)));
    told.collect::<Vec<_>>().join("; ")
}

/// A text from a file, escaped, with a note of its length where not all of it is shown.
fn excerpt(text: &Excerpt, form: &str) -> String {
    let limit = match form {
        "hex" => 64,
        "go" => usize::MAX,
        limit => limit.parse().unwrap_or(usize::MAX),
    };
    let shown = text.bytes();
    let shown = shown.get(..limit).unwrap_or(shown);
    let mut out = match form {
        "hex" => escape::hex(shown),
        "go" => quote(shown),
        _ => escape::text(shown),
    };
    if (shown.len() as u64) < text.len() {
        let _ = write!(out, "… ({} bytes)", text.len());
    }
    out
}

/// The names that a template has gaps for.
#[cfg(test)]
pub(super) fn gaps(template: &str) -> std::collections::BTreeSet<&str> {
    let mut names = std::collections::BTreeSet::new();
    let mut rest = template;
    while let Some((piece, behind)) = next_piece(rest) {
        rest = behind;
        let Piece::Gap(gap) = piece else { continue };
        if let Some((name, forms)) = gap.split_once('?') {
            let (one, several) = forms.split_once('|').expect("two forms");
            names.insert(name);
            names.extend(gaps(one));
            names.extend(gaps(several));
        } else {
            names.insert(gap.split_once(':').map_or(gap, |(name, _)| name));
        }
    }
    assert!(rest.is_empty(), "a brace is left open in {template:?}");
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::check::codes;
    use crate::finding::Place;

    mod samples {
        crate::finding::codes! {
            /// Texts.
            TEXTS = "T001" Note Tree "t", "c", "n" => {
                Texts { key: Key, name: Name, text: Excerpt, file: FileName, folder: Folder, letter: Letter }
            }
            /// Numbers.
            NUMBERS = "T002" Note Tree "t", "c", "n" => {
                Numbers { count: Count, first: MainRevision }
            }
        }
    }

    const HOSTILE: &[u8] = b"\x1b[31m\x07\xff\n\xe2\x80\xae\xc2\x9b{count}#|";

    fn texts(bytes: &[u8]) -> Finding {
        let found = samples::Texts {
            key: Excerpt::of(bytes),
            name: Excerpt::of(bytes),
            text: Excerpt::of(bytes),
            file: Excerpt::of(bytes),
            folder: String::from_utf8_lossy(bytes).into_owned().into(),
            letter: 0x1b,
        };
        assert_eq!(samples::ALL.len(), 2);
        Finding::new(found, Place::default())
    }

    #[test]
    fn nothing_from_a_file_reaches_a_sentence_unescaped() {
        let finding = texts(HOSTILE);
        for form in ["", ":go", ":hex", ":5", ":64"] {
            let template =
                "{key} {name} {text} {file} {folder} {letter}".replace('}', &format!("{form}}}"));
            let said = render(&template, &finding);
            let is_safe = |c: char| c == ' ' || c == '…' || c == '\u{fffd}' || c.is_ascii_graphic();
            assert!(said.chars().all(is_safe), "{said:?}");
        }
        // What looks like a gap in a text is text.
        assert!(render("{key}", &finding).ends_with("{count}#|"));
    }

    #[test]
    fn texts_are_cut_and_their_length_is_told() {
        let long = texts(&[b'a'; 5000]);
        assert_eq!(render("{name:3}", &long), "aaa… (5000 bytes)");
        assert_eq!(
            render("{key:hex}", &long).len(),
            128 + "… (5000 bytes)".len()
        );
        assert_eq!(render("{key}", &long).len(), 1024 + "… (5000 bytes)".len());
        assert_eq!(render("{key:go}", &texts(b"\x01a")), "\"\\x01a\"");
    }

    #[test]
    fn one_and_several_differ_and_hold_gaps() {
        let found = |count| {
            let numbers = samples::Numbers { count, first: 7 };
            render(
                "{count?revision {first} has|the # from {first} have} none; #",
                &Finding::new(numbers, Place::default()),
            )
        };
        assert_eq!(found(1), "revision 7 has none; #");
        assert_eq!(found(30), "the 30 from 7 have none; #");
    }

    #[test]
    fn a_key_is_quoted_as_go_quotes_it() {
        let found = codes::RevisionKeySeparator {
            key: Excerpt::of(b"\0x\""),
            separator: b'\'',
        };
        assert_eq!(
            super::super::sentence(&Finding::new(found, Place::default())),
            "\"\\x00x\\\"\" is not a revision key: invalid separator in bucket key: '\\''"
        );
    }
}
