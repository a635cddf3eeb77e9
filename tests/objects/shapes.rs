//! What is shown and what is hidden of objects as real software writes them. The list was judged by hand, line
//! by line; whoever changes it judges it again.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etcdsnap::kubernetes::Redactor;
use serde_json::Value;

use crate::support::testdata;

const SHAPES: &str = "secrets/shapes.json";
const JUDGED: &str = "secrets/judged.txt";

fn shapes() -> Vec<Value> {
    serde_json::from_str(&testdata::read_text(SHAPES)).expect("JSON")
}

fn redacted(shape: &Value) -> Value {
    let mut object = shape["object"].clone();
    let key = shape["key"].as_str().expect("a key");
    Redactor::with_key(b"k").redact_stored(key.as_bytes(), &mut object);
    object
}

/// A line for each text in an object: its place, and what is shown in its place.
fn lines(path: &str, before: &Value, after: &Value, out: &mut String) {
    match (before, after) {
        (Value::Object(fields), Value::Object(shown)) => {
            for (name, value) in fields {
                lines(&format!("{path}/{name}"), value, &shown[name], out);
            }
        }
        (Value::Array(items), Value::Array(shown)) => {
            for (number, (value, shown)) in items.iter().zip(shown).enumerate() {
                lines(&format!("{path}/{number}"), value, shown, out);
            }
        }
        _ => {
            let short = |value: &Value| {
                let text = value.to_string();
                match text.char_indices().nth(110) {
                    Some((end, _)) => format!("{}…", &text[..end]),
                    None => text,
                }
            };
            let (verdict, text) = match after {
                _ if before == after => ("shown", short(before)),
                Value::String(text) if text.starts_with('<') && text.ends_with('>') => {
                    ("HIDDEN", text.clone())
                }
                _ => ("PARTLY", after.to_string()),
            };
            writeln!(out, "{verdict:<6} {path} = {text}").expect("memory");
        }
    }
}

#[test]
fn what_is_shown_of_objects_of_real_software_is_as_judged() {
    let mut now = String::new();
    for shape in shapes() {
        let (title, key) = (&shape["title"], &shape["key"]);
        writeln!(
            now,
            "{}\n       {}",
            title.as_str().expect("a title"),
            key.as_str().expect("a key")
        )
        .expect("memory");
        lines("", &shape["object"], &redacted(&shape), &mut now);
        now.push('\n');
    }
    let path = testdata::dir().join(JUDGED);
    if std::env::var_os("ETCDSNAP_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &now).expect("the list can be written");
    }
    let judged = std::fs::read_to_string(&path).unwrap_or_default();
    let wrong = now
        .lines()
        .zip(judged.lines())
        .find(|(now, judged)| now != judged);
    assert!(
        now == judged,
        "{wrong:?}\nIf this is meant: ETCDSNAP_BLESS=1 cargo test --test objects, and judge what changed"
    );
}

#[test]
fn no_secret_of_real_software_is_shown_in_any_coding() {
    // Whatever is secret in the list has this word in it.
    let word = "canary";
    // The word in base64, wherever it begins: those digits that its neighbours do not change.
    let coded: Vec<String> = (0..3)
        .map(|before| {
            let text = STANDARD.encode(format!("{}{word}", "\0".repeat(before)));
            text[(before * 8).div_ceil(6)..(before + word.len()) * 8 / 6].to_owned()
        })
        .collect();
    for shape in shapes() {
        let before = shape["object"].to_string();
        let shown = redacted(&shape).to_string();
        let forms = coded.iter().map(String::as_str).chain([word, "CANARY"]);
        for form in forms {
            assert!(
                !shown.contains(form),
                "{}: {form} in {shown}",
                shape["title"]
            );
        }
        assert!(before.len() > 40);
    }
}
