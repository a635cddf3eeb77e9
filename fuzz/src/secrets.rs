//! The target for secrets: a word that stands in what a Secret holds is in nothing that is shown of it.
#![allow(unreachable_pub)] // Each user of this file needs another part of it.

use std::fmt::Write as _;

use etcdsnap::kubernetes::compare::difference::{NoListKeys, differences};
use etcdsnap::kubernetes::secrets::redact::Redactor;
use etcdsnap::ops::{ValueContent, ValueReader};
use serde_json::{Map, Value, json};

const CANARY: &str = "Ws9Kq2XvRt5Y";
/// The middle of the word in base64, wherever it begins.
const CODED: [&str; 3] = ["V3M5S3EyWHZSdDVZ", "dzOUtxMlh2UnQ1W", "XczlLcTJYdlJ0NV"];
const HEX: &str = "5773394b7132587652743559";

/// The first bytes say how the Secret is stored and where the word stands; the rest are texts, separated by zeros:
/// the names of annotations and of data, and what stands before and behind the word.
pub fn secrets(data: &[u8]) {
    let [how, place, rest @ ..] = data else {
        return;
    };
    let texts: Vec<String> = rest
        .split(|b| *b == 0)
        .take(64)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    if texts.iter().any(|text| shows(text)) {
        return;
    }
    let (old, new) = (
        state(*how, *place, &texts, "1"),
        state(*how, *place, &texts, "2"),
    );
    let key: &[u8] = match how % 4 {
        0 => b"/registry/secrets/ns/a",
        1 => b"/kubernetes.io/secrets/ns/a",
        2 => b"/registry/example.com/secrets/ns/a",
        // There it must say that it is a Secret.
        _ => b"/elsewhere",
    };
    let reader = ValueReader {
        redactor: Some(Redactor::with_key(b"key")),
        managed_fields: how & 0x80 != 0,
        ..ValueReader::default()
    };
    let mut objects = Vec::new();
    for value in [old, new] {
        let bytes = stored(&value, *how);
        let look = reader.read(key, &bytes, 7);
        assert!(reader.hides_bytes(key, &look), "the bytes may be shown");
        match look.content {
            ValueContent::Object(object) => {
                let text = object.json.to_string();
                assert!(!shows(&text), "{text}");
                objects.push(object.json);
            }
            ValueContent::Hidden(mark) => assert!(!shows(&mark), "{mark}"),
            ValueContent::Bytes => panic!("the value is shown as it is"),
        }
    }
    if let [old, new] = objects.as_slice() {
        let mut text = String::new();
        for change in differences(old, new, &NoListKeys, usize::MAX) {
            let _ = write!(text, "{} {:?} {:?}", change.path, change.old, change.new);
        }
        assert!(!shows(&text), "{text}");
    }
}

fn shows(text: &str) -> bool {
    text.contains(CANARY) || text.contains(HEX) || CODED.iter().any(|coded| text.contains(coded))
}

/// A Secret with the word in one of its places, or in all.
fn state(how: u8, place: u8, texts: &[String], state: &str) -> Value {
    let text = |number: usize| texts.get(number).map_or("", String::as_str);
    let word = format!("{}{CANARY}{state}{}", text(0), text(1));
    let coded = base64(word.as_bytes());
    let copy = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {text(2): word}});
    let word = match place >> 4 & 7 {
        0 => word,
        1 => coded.clone(),
        2 => copy.to_string(),
        3 => json!([copy.to_string()]).to_string(),
        4 => base64(copy.to_string().as_bytes()),
        5 => format!("kind: Secret\ndata:\n  a: {coded}\n"),
        6 => word.bytes().map(|b| format!("{b:02x}")).collect(),
        _ => json!({text(2): {text(3): word}}).to_string(),
    };
    let mut annotations = Map::new();
    let mut fields = Map::new();
    for (number, name) in texts.iter().enumerate().skip(4) {
        let value = if number % 2 == 0 || place & 1 != 0 {
            word.clone()
        } else {
            coded.clone()
        };
        match number % 3 {
            0 => drop(fields.insert(name.clone(), value.into())),
            _ => drop(annotations.insert(name.clone(), value.into())),
        }
    }
    fields.insert(text(2).to_owned(), coded.into());
    let mut secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "a", "namespace": "ns", "uid": "u", "annotations": annotations},
    });
    for (bit, name) in [(2, "data"), (4, "stringData")] {
        let value = match place & bit {
            0 => Value::Object(fields.clone()),
            _ => word.clone().into(),
        };
        secret[name] = value;
    }
    // Beneath a key of secrets it need not say what it is.
    if how % 4 != 3 && place & 8 != 0 {
        secret["kind"] = text(3).into();
    }
    secret
}

/// Whole, or cut off somewhere.
fn stored(value: &Value, how: u8) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    if how & 0x40 != 0 && how % 4 != 3 {
        bytes.truncate(bytes.len() - usize::from(how >> 2 & 15));
    }
    bytes
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            match digit > group.len() {
                true => out.push('='),
                false => out.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize].into()),
            }
        }
    }
    out
}
