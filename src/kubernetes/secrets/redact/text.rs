//! Secrets inside of texts: objects written as text, configurations, whatever base64 or gzip hold.

use std::io::Read as _;
use std::ops::Range;

use serde_json::Value;

use super::patterns::{
    Found, KUBECONFIG_FIELDS, Search, decode_base64, is_der_key, is_named, position,
};
use super::walk::{Place, Walk};

/// Text in text in text is looked into so deep. Escapes double with each level.
const DEEPEST: u8 = 6;

/// What a text is as JSON.
enum Json {
    No,
    Clean,
    Redacted(String),
}

impl Walk<'_> {
    /// The text with marks in place of secrets; `None` if it has none.
    pub(super) fn text(&mut self, text: &str, place: Place) -> Option<String> {
        if is_named(text.as_bytes(), place.hint) {
            return Some(self.redactor.mark(text.as_bytes()));
        }
        let is_short = text.len() < 8;
        if is_short {
            return None;
        }
        match self.json(text) {
            Json::Redacted(json) => return Some(json),
            // There a Secret would have been seen.
            Json::Clean => {}
            Json::No => {
                if !place.is_prose && holds_secret_manifest(text.as_bytes()) {
                    return Some(self.redactor.mark(text.as_bytes()));
                }
            }
        }
        let mut spans = self.spans(text.as_bytes(), place);
        if is_kubeconfig(text) {
            spans.extend(credentials_of_kubeconfig(text));
            spans.sort_unstable_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        }
        if spans.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for span in spans {
            if span.start < end {
                continue;
            }
            out.push_str(text.get(end..span.start)?);
            out.push_str(&self.redactor.mark(text.as_bytes().get(span.clone())?));
            end = span.end;
        }
        out.push_str(text.get(end..)?);
        Some(out)
    }

    /// An object as JSON, rewritten without its secrets.
    fn json(&mut self, text: &str) -> Json {
        let first = text.trim_start().bytes().next();
        if self.depth >= DEEPEST || !matches!(first, Some(b'{' | b'[')) {
            return Json::No;
        }
        let Ok(mut json) = serde_json::from_str::<Value>(text) else {
            return Json::No;
        };
        match self.deeper(|walk| walk.run(&mut json, Place::default())) {
            true => Json::Redacted(json.to_string()),
            false => Json::Clean,
        }
    }

    /// True if a secret stands in the bytes of an object, which has been looked at as an object.
    pub(super) fn is_in_object(&mut self, bytes: &[u8]) -> bool {
        !self.spans(bytes, Place::default()).is_empty()
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.depth = self.depth.saturating_add(1);
        let result = work(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// True if bytes, of whatever kind, have a secret in them.
    pub(super) fn is_in(&mut self, bytes: &[u8]) -> bool {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return self.is_in_gzip(bytes);
        }
        if is_der_key(bytes) || is_damaged_secret(bytes) {
            return true;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text, Place::default()).is_some(),
            Err(_) => {
                holds_secret_manifest(bytes) || !self.spans(bytes, Place::default()).is_empty()
            }
        }
    }

    /// Looks into what was packed. What is longer than the limit counts as a secret, since nobody has seen it.
    fn is_in_gzip(&mut self, bytes: &[u8]) -> bool {
        if self.depth >= DEEPEST {
            return true;
        }
        let limit = self.unpack_limit;
        let mut plain = Vec::new();
        let unpacked = flate2::read::GzDecoder::new(bytes)
            .take(limit)
            .read_to_end(&mut plain);
        let len = plain.len() as u64;
        self.unpack_limit = limit.saturating_sub(len);
        if len >= limit {
            return true;
        }
        // What cannot be unpacked to its end is looked at as far as it goes.
        let _ = unpacked;
        !plain.is_empty() && self.deeper(|walk| walk.is_in(&plain))
    }

    fn spans(&mut self, text: &[u8], place: Place) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        let mut search = Search::new(text);
        search.with_commands = !place.is_prose;
        search.run(|found| match found {
            Found::Secret(span) => {
                spans.push(span);
                true
            }
            Found::Base64(span) => {
                let is_secret = text
                    .get(span.clone())
                    .is_some_and(|text| self.is_in_base64(text));
                if is_secret {
                    spans.push(span);
                }
                is_secret
            }
        });
        spans
    }

    fn is_in_base64(&mut self, text: &[u8]) -> bool {
        // `PRIVATE KEY` at the three places where it can be in base64.
        const KEYS: [&[u8]; 3] = [b"UFJJVkFURSBLRV", b"BSSVZBVEUgS0VZ", b"QUklWQVRFIEtFW"];
        if KEYS.iter().any(|key| position(text, key).is_some()) {
            return true;
        }
        self.depth < DEEPEST
            && decode_base64(text).is_some_and(|bytes| self.deeper(|walk| walk.is_in(&bytes)))
    }
}

/// True for what was the protobuf of a Secret, though it cannot be decoded: field 2 of the envelope is the kind.
fn is_damaged_secret(bytes: &[u8]) -> bool {
    position(bytes, b"\x12\x06Secret").is_some()
}

/// True if a text has in it a Secret with its data, as YAML or as JSON that cannot be read by itself.
pub(super) fn holds_secret_manifest(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"Secret").is_some()
        && (is_in_yaml(text) || is_in_json(text) || is_in_flow_yaml(text))
}

/// True for `{kind: Secret, data: …}`, the fields of one object in YAML that is written as JSON is, without quotes.
fn is_in_flow_yaml(text: &[u8]) -> bool {
    /// Objects that are deeper are not looked at.
    const DEEPEST_OBJECT: usize = 64;
    // Of each object that is open, whether the kind and the data have been seen.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut too_deep = 0_usize;
    let mut is_list = false;
    let mut at = 0_usize;
    while let Some(byte) = text.get(at) {
        at = at.saturating_add(1);
        match byte {
            b'{' if open.len() < DEEPEST_OBJECT => open.push((false, false)),
            b'{' => too_deep = too_deep.saturating_add(1),
            b'}' if too_deep > 0 => too_deep = too_deep.saturating_sub(1),
            b'}' => drop(open.pop()),
            _ => {}
        }
        if !matches!(byte, b'{' | b',') || too_deep > 0 {
            continue;
        }
        let Some(object) = open.last_mut() else {
            continue;
        };
        let rest = text.get(at..).unwrap_or_default();
        let spaces = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        at = at.saturating_add(spaces);
        let rest = rest.get(spaces..).unwrap_or_default();
        let quotes = rest
            .iter()
            .take(1)
            .filter(|b| matches!(b, b'"' | b'\''))
            .count();
        let name = rest.get(quotes..).unwrap_or_default();
        if let Some(value) = name.strip_prefix(b"kind").and_then(value_behind) {
            let behind = value.strip_prefix(b"Secret");
            let is_end = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
            is_list |= behind.is_some_and(|rest| rest.starts_with(b"List"));
            object.0 |= behind.is_some_and(is_end);
        } else {
            let data = name
                .strip_prefix(b"data")
                .or_else(|| name.strip_prefix(b"stringData"));
            object.1 |= data.and_then(value_behind).is_some();
        }
        if object.1 && (object.0 || is_list) {
            return true;
        }
    }
    false
}

/// True for the fields `kind: Secret` and `data` or `stringData` in one column of a document. Lines may end as JSON
/// writes it.
fn is_in_yaml(text: &[u8]) -> bool {
    let mut kinds: Vec<usize> = Vec::new();
    let mut data: Vec<usize> = Vec::new();
    let mut is_list = false;
    let lines = text.split(|b| *b == b'\n').flat_map(|line| {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            let line = rest?;
            let end = memchr::memmem::find(line, b"\\n");
            rest = end.and_then(|end| line.get(end.saturating_add(2)..));
            Some(line.get(..end.unwrap_or(line.len())).unwrap_or_default())
        })
    });
    for line in lines {
        if line.starts_with(b"---") {
            kinds.clear();
            data.clear();
            continue;
        }
        let column = line
            .iter()
            .take_while(|b| matches!(b, b' ' | b'-' | b'"' | b'\''))
            .count();
        // Deeper fields than that are not counted; the columns are few then.
        let field = line.get(column..).unwrap_or_default();
        let seen = match field {
            [b'k', b'i', b'n', b'd', rest @ ..] => {
                let word = value_behind(rest).and_then(|word| word.strip_prefix(b"Secret"));
                let is_end = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
                is_list |= word.is_some_and(|rest| rest.starts_with(b"List"));
                word.is_some_and(is_end).then_some(&mut kinds)
            }
            [b'd', b'a', b't', b'a', rest @ ..]
            | [
                b's',
                b't',
                b'r',
                b'i',
                b'n',
                b'g',
                b'D',
                b'a',
                b't',
                b'a',
                rest @ ..,
            ] => value_behind(rest).map(|_| &mut data),
            _ => None,
        };
        if let Some(columns) = seen
            && !columns.contains(&column)
            && columns.len() < 64
        {
            columns.push(column);
        }
        if is_list && !data.is_empty() || kinds.iter().any(|column| data.contains(column)) {
            return true;
        }
    }
    false
}

/// True for `"kind":"Secret"` and `"data":` anywhere, also as JSON within JSON.
fn is_in_json(text: &[u8]) -> bool {
    let is_quoted = |rest: &&[u8]| matches!(rest.first(), Some(b'"' | b'\\'));
    let names_kind = occurrences(text, b"kind").filter(is_quoted).any(|rest| {
        let value = value_behind(rest);
        let rest = value.and_then(|value| value.strip_prefix(b"Secret"));
        rest.is_some_and(|rest| {
            let rest = rest.strip_prefix(b"List").unwrap_or(rest);
            !rest.first().is_some_and(u8::is_ascii_alphanumeric)
        })
    });
    let has = |name: &'static [u8]| {
        occurrences(text, name)
            .filter(is_quoted)
            .any(|rest| value_behind(rest).is_some())
    };
    names_kind && (has(b"data") || has(b"stringData"))
}

/// What follows `word` wherever it stands by itself.
fn occurrences<'t>(text: &'t [u8], word: &'static [u8]) -> impl Iterator<Item = &'t [u8]> {
    memchr::memmem::find_iter(text, word)
        .filter(move |at| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            !before.is_some_and(u8::is_ascii_alphanumeric)
        })
        .filter_map(move |at| text.get(at.saturating_add(word.len())..))
}

/// What stands behind the colon of a field, without quotes.
fn value_behind(rest: &[u8]) -> Option<&[u8]> {
    let is_quote = |b: &u8| matches!(b, b'"' | b'\'' | b'\\');
    let skip = |rest: &[u8], skips: &dyn Fn(&u8) -> bool| {
        rest.iter().take(16).take_while(|b| skips(b)).count()
    };
    let rest = rest.get(skip(rest, &|b| is_quote(b) || *b == b' ')..)?;
    let rest = rest.strip_prefix(b":")?;
    rest.get(skip(rest, &|b| is_quote(b) || b.is_ascii_whitespace())..)
}

/// It has users, and clusters, or fields of a user beneath `user`: one that is merged with others may be without clusters.
fn is_kubeconfig(text: &str) -> bool {
    let has = |name: &str, is_value: fn(&str) -> bool| {
        text.match_indices(name).any(|(at, name)| {
            let before = text.get(..at).unwrap_or_default();
            let before = before
                .trim_end_matches(['"', '\''])
                .trim_end_matches([' ', '\t', '-']);
            let behind = text
                .get(at.saturating_add(name.len())..)
                .unwrap_or_default();
            let behind = behind.trim_start_matches(['"', '\'']).strip_prefix(':');
            (before.is_empty() || before.ends_with(['\n', '{', ',']))
                && behind.is_some_and(is_value)
        })
    };
    let is_map = |value: &str| {
        let value = value.trim_start_matches([' ', '\t', '\r']);
        value.starts_with(['\n', '{', '#', '&'])
    };
    has("users", |_| true) && (has("clusters", |_| true) || has("user", is_map))
}

/// What lets somebody in, in a kubeconfig: behind the name on its line, on the lines below that are indented further,
/// and within braces.
fn credentials_of_kubeconfig(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    // The column of the field the lines below may belong to, and whether its value began on its line.
    let mut above: Option<(usize, bool)> = None;
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        let indent = line.len().saturating_sub(line.trim_start().len());
        let field = line.trim_start().trim_start_matches("- ").trim_start();
        let column = line.len().saturating_sub(field.len());
        // It is a part of the line.
        let span = |part: &str| {
            let offset = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
            let from = start.saturating_add(offset);
            from..from.saturating_add(part.len())
        };
        match above {
            _ if content.is_empty() => {}
            Some((of_field, has_begun)) if indent > of_field => {
                let here = span(content);
                match spans.last_mut() {
                    Some(last) if has_begun => last.end = here.end,
                    _ => spans.push(here),
                }
                above = Some((of_field, true));
            }
            _ => {
                above = None;
                if let Some((name, value)) = field.split_once(':')
                    && KUBECONFIG_FIELDS.contains(&name.trim_end().trim_matches(['"', '\'']))
                {
                    let value = value.trim().trim_matches(['"', '\'']);
                    let is_block = value.starts_with(['|', '>']) && value.len() <= 3;
                    let has_begun =
                        !value.is_empty() && !is_block && !matches!(value, "null" | "~");
                    if has_begun {
                        spans.push(span(value));
                    }
                    above = Some((column, has_begun));
                }
            }
        }
        start = start.saturating_add(line.len());
    }
    spans.extend(credentials_in_braces(text));
    spans
}

/// `user: {token: …}`.
fn credentials_in_braces(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (at, sign) in text.match_indices(['{', ',']) {
        if spans.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let rest = text
            .get(at.saturating_add(sign.len())..)
            .unwrap_or_default();
        let name = rest.trim_start().trim_start_matches(['"', '\'']);
        let field = KUBECONFIG_FIELDS
            .iter()
            .find_map(|field| name.strip_prefix(field));
        let value = field.and_then(|rest| {
            let rest = rest.trim_start_matches(['"', '\'', ' ']);
            rest.strip_prefix(':')
        });
        let Some(value) = value.map(str::trim_start) else {
            continue;
        };
        let quoted = value.strip_prefix(['"', '\'']);
        let len = match quoted {
            Some(inner) => inner.find(value.get(..1).unwrap_or_default()),
            None => value.find([',', '}', '\n']),
        };
        let value = quoted.unwrap_or(value);
        let value = value.get(..len.unwrap_or(value.len())).unwrap_or_default();
        let value = value.trim_end();
        if !value.is_empty() && !matches!(value, "null" | "~") {
            let from = (value.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            spans.push(from..from.saturating_add(value.len()));
        }
    }
    spans
}
