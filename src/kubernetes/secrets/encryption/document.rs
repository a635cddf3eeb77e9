//! A small YAML or JSON document as a tree. YAML comes as events from a parser that builds nothing itself;
//! aliases are refused, so a document never grows beyond its text.

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Value;

use crate::kubernetes::encodings::yaml_scalar::{Resolved, resolve};

/// A node of a document. Numbers, dates and booleans are of no use here; only that they are not text is kept.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    NotText,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A configuration has six levels.
const MAX_DEPTH: usize = 32;

impl Node {
    /// The entry of a map; of several the last one, as the API server takes it.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries.iter().rfind(|(key, _)| key == name);
        found.map(|(_, node)| node)
    }
}

/// Reads the first document. The error never repeats text of the document.
pub(super) fn read(bytes: &[u8]) -> Result<Node, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // YAML forbids tabs where JSON has them.
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        return Ok(from_json(value));
    }
    read_yaml(text)
}

/// The depth is limited by the JSON parser.
fn from_json(value: Value) -> Node {
    match value {
        Value::Null => Node::Null,
        Value::Bool(_) | Value::Number(_) => Node::NotText,
        Value::String(text) => Node::Text(text),
        Value::Array(items) => Node::List(items.into_iter().map(from_json).collect()),
        Value::Object(entries) => {
            let entries = entries.into_iter();
            Node::Map(
                entries
                    .map(|(key, value)| (key, from_json(value)))
                    .collect(),
            )
        }
    }
}

/// A collection whose end has not come yet.
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

fn read_yaml(text: &str) -> Result<Node, String> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            // The parser's own sentence may quote the document.
            let at = error.marker();
            let column = at.col().saturating_add(1);
            format!("line {}, column {column}: not valid YAML", at.line())
        })?;
        let line = span.start.line();
        let node = match event {
            Event::Alias(_) => return Err(format!("line {line}: aliases are not allowed")),
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= MAX_DEPTH => {
                return Err(format!("line {line}: nested too deeply"));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => continue,
            },
            Event::Scalar(text, style, _, tag) => scalar(&text, style, tag.as_deref()),
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                continue;
            }
        };
        match open.last_mut() {
            None => return Ok(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, pending)) => match (pending.take(), node) {
                (Some(key), node) => entries.push((key, node)),
                (None, Node::Text(key)) => *pending = Some(key),
                // Nobody asks for a key that is not text.
                (None, Node::Null | Node::NotText) => *pending = Some(String::new()),
                (None, _) => return Err(format!("line {line}: a key that is not a text")),
            },
        }
    }
    Ok(Node::Null)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    let is_text = match tag {
        // `!` and `!!str` ask for text; any other tag makes it nothing of use.
        Some(tag) if tag.suffix == "str" || tag.suffix.is_empty() => true,
        Some(_) => return Node::NotText,
        None => style != ScalarStyle::Plain,
    };
    match resolve(text) {
        _ if is_text => Node::Text(text.to_owned()),
        Resolved::Text => Node::Text(text.to_owned()),
        Resolved::Null => Node::Null,
        Resolved::Bool | Resolved::Number | Resolved::Date => Node::NotText,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn yaml_and_json_give_the_same_tree() {
        let yaml = b"# note\na: [x, 'y', 1]\nb: {c: \"d\"}\ne:\n- ~\n";
        let json = b"\t{\"a\":[\"x\",\"y\",1],\n\t\"b\":{\"c\":\"d\"},\"e\":[null]}";
        let (yaml, json) = (read(yaml).unwrap(), read(json).unwrap());
        assert!(yaml == json);
        assert!(yaml.get("b").and_then(|b| b.get("c")) == Some(&text("d")));
        let Some(Node::List(items)) = yaml.get("a") else {
            panic!("no list");
        };
        assert!(items[..] == [text("x"), text("y"), Node::NotText]);
    }

    #[test]
    fn of_a_repeated_key_the_last_one_counts() {
        assert!(read(b"a: b\na: c\n").unwrap().get("a") == Some(&text("c")));
    }

    #[test]
    fn only_the_first_document_is_read() {
        assert!(read(b"---\na: b\n---\n*x\n").unwrap().get("a") == Some(&text("b")));
        assert!(read(b"").unwrap() == Node::Null);
    }

    #[test]
    fn what_could_grow_or_nest_without_end_is_refused() {
        let bomb = b"a: &a [x,x]\nb: &b [*a,*a]\n";
        assert_eq!(read(bomb).err().unwrap(), "line 2: aliases are not allowed");
        let deep = "[".repeat(100);
        assert_eq!(
            read(deep.as_bytes()).err().unwrap(),
            "line 1: nested too deeply"
        );
        for open in ["[", "{\"a\":", "- ", "? ", "{a: "] {
            assert!(read(open.repeat(100_000).as_bytes()).is_err(), "{open}");
        }
    }

    #[test]
    fn faults_name_the_line_and_never_the_text() {
        for document in [
            &b"a: b\nhidden: 'hidden\n"[..],
            b"hidden: [hidden\n",
            b"\xffhidden",
            b"a: @hidden",
        ] {
            let error = read(document).err().unwrap();
            assert!(!error.contains("hidden"), "{error}");
        }
        assert!(read(b"a: b\nc: 'd\n").err().unwrap().starts_with("line "));
    }
}
