//! What is written as YAML is read back equal, by every reader.
//!
//! Here it is read by saphyr-parser, and whether a plain scalar is text is told by the rules of PyYAML,
//! ruamel.yaml and Go. `tests/yaml/run` has the same documents read by these themselves.

mod corpus;
mod rules;

use etcdsnap::report::yaml;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Reads a document; a plain scalar is what all readers agree on.
fn read(text: &str) -> Result<Value, String> {
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        events.push(event);
    }
    let mut events = events.into_iter().filter(|event| {
        !matches!(
            event,
            Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd
        )
    });
    let value = node(&mut events, None)?;
    match events.next() {
        None => Ok(value),
        Some(event) => Err(format!("{event:?} behind the document")),
    }
}

fn node<'e>(
    events: &mut impl Iterator<Item = Event<'e>>,
    first: Option<Event<'e>>,
) -> Result<Value, String> {
    match first.or_else(|| events.next()) {
        Some(Event::Scalar(text, ScalarStyle::Plain, 0, None)) => rules::plain(&text),
        Some(Event::Scalar(text, _, 0, None)) => Ok(Value::String(text.into_owned())),
        Some(Event::SequenceStart(0, None)) => {
            let mut list = Vec::new();
            loop {
                match events.next() {
                    Some(Event::SequenceEnd) => return Ok(Value::Array(list)),
                    item => list.push(node(events, item)?),
                }
            }
        }
        Some(Event::MappingStart(0, None)) => {
            let mut map = Map::new();
            loop {
                let key = match events.next() {
                    Some(Event::MappingEnd) => return Ok(Value::Object(map)),
                    key => node(events, key)?,
                };
                let Value::String(key) = key else {
                    return Err(format!("{key} is a key"));
                };
                let value = node(events, None)?;
                if map.insert(key.clone(), value).is_some() {
                    return Err(format!("{key:?} is there twice"));
                }
            }
        }
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn every_text_is_read_back_equal_wherever_it_stands() {
    let documents = corpus::documents();
    assert!(documents.len() > 10_000, "{}", documents.len());
    let mut wrong = Vec::new();
    for document in &documents {
        let text = yaml(document);
        match read(&text) {
            Ok(read) if read == *document => {}
            other => wrong.push(format!("{document}\n{text:?}\n{other:?}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}, such as:\n{}",
        wrong.len(),
        documents.len(),
        wrong[..wrong.len().min(5)].join("\n\n")
    );
}

#[test]
fn the_merge_key_and_the_default_key_are_quoted() {
    let document = serde_json::json!({"<<": "=", "=": ["<<"]});
    assert_eq!(yaml(&document), "\"<<\": \"=\"\n\"=\":\n- \"<<\"\n");
}

#[test]
fn the_rules_of_other_readers_are_known() {
    for (text, is_text) in [
        ("10.0.0.1", true),
        ("v1", true),
        ("0bad12", true),
        ("1e999", false),
        ("._", false),
        ("-_", false),
        ("<<", false),
        ("2020-13-45", false),
        ("1:30", false),
        ("yes", false),
    ] {
        let read = rules::plain(text);
        assert_eq!(
            matches!(read, Ok(Value::String(_))),
            is_text,
            "{text}: {read:?}"
        );
    }
}

/// `tests/yaml/run` asks for it, and gives the documents to other readers.
#[test]
fn the_documents_are_written_for_other_readers_where_that_is_asked_for() {
    let Some(path) = std::env::var_os("ETCDSNAP_YAML_CORPUS") else {
        println!("skipped: ETCDSNAP_YAML_CORPUS is not set");
        return;
    };
    let lines: String = corpus::documents()
        .iter()
        .map(|value| {
            let line = serde_json::json!({"value": value, "yaml": yaml(value)});
            format!("{line}\n")
        })
        .collect();
    std::fs::write(path, lines).unwrap();
}
