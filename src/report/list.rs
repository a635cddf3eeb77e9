//! Several values behind each other: lists as kubectl prints them, YAML documents, etcdctl's answers.

use std::io;

use serde_json::{Value, json};

use super::json::{JsonLayout, write_json};
use super::kyaml::{write_kyaml, write_kyaml_item};
use super::value::write_pretty_json;
use super::yaml::{write_yaml, write_yaml_item};

/// In what form several values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListLayout {
    /// A `List` as YAML.
    Yaml,
    /// A `List` as JSON.
    Json,
    /// A `List` as KYAML.
    Kyaml,
    /// The value alone as YAML; further ones are documents of their own.
    YamlDocuments,
    /// Each value as a document of KYAML.
    KyamlDocuments,
    /// The value alone as indented JSON.
    JsonDocuments,
    /// A line of JSON each.
    JsonLines,
}

/// Writes a list, value after value.
#[derive(Debug)]
pub struct ListWriter {
    layout: ListLayout,
    items: usize,
}

impl ListWriter {
    /// A list of nothing so far.
    pub fn new(layout: ListLayout) -> Self {
        Self { layout, items: 0 }
    }

    /// Writes the next value, and what stands in front of it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn item(&mut self, value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
        let number = self.items;
        self.items = self.items.saturating_add(1);
        match self.layout {
            ListLayout::Yaml => {
                if number == 0 {
                    out.write_all(b"apiVersion: v1\nitems:\n")?;
                }
                write_yaml_item(value, out)
            }
            ListLayout::Json => {
                let front: &str = match number {
                    0 => JSON_HEAD,
                    _ => ",",
                };
                out.write_all(front.as_bytes())?;
                out.write_all(b"\n")?;
                write_json(value, JsonLayout::Item, out)
            }
            ListLayout::Kyaml => {
                let front: &str = match number {
                    0 => KYAML_HEAD,
                    _ => ", ",
                };
                out.write_all(front.as_bytes())?;
                write_kyaml_item(value, out)
            }
            ListLayout::KyamlDocuments => write_kyaml(value, out),
            ListLayout::YamlDocuments => {
                out.write_all(document_start(number).as_bytes())?;
                write_yaml(value, out)
            }
            ListLayout::JsonDocuments => write_pretty_json(value, out),
            ListLayout::JsonLines => {
                write_json(value, JsonLayout::Line, out)?;
                out.write_all(b"\n")
            }
        }
    }

    /// Writes what stands behind the values.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(self, out: &mut dyn io::Write) -> io::Result<()> {
        match (self.layout, self.items) {
            (ListLayout::Yaml, items) => {
                if items == 0 {
                    out.write_all(b"apiVersion: v1\nitems: []\n")?;
                }
                out.write_all(b"kind: List\nmetadata:\n  resourceVersion: \"\"\n")
            }
            (ListLayout::Json, items) => {
                let close = match items {
                    0 => JSON_HEAD,
                    _ => "\n    ",
                };
                out.write_all(close.as_bytes())?;
                out.write_all(JSON_END.as_bytes())
            }
            (ListLayout::Kyaml, items) => {
                if items == 0 {
                    out.write_all(KYAML_HEAD.as_bytes())?;
                }
                out.write_all(KYAML_END.as_bytes())
            }
            _ => Ok(()),
        }
    }
}

const JSON_HEAD: &str = "{\n    \"apiVersion\": \"v1\",\n    \"items\": [";
const JSON_END: &str = "],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n";

const KYAML_HEAD: &str = "---\n{\n  apiVersion: \"v1\",\n  items: [";
const KYAML_END: &str =
    "],\n  kind: \"List\",\n  metadata: {\n    resourceVersion: \"\",\n  },\n}\n";

/// The same list as a value, for templates.
pub fn list_value(items: Vec<Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "items": items,
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    })
}

/// What stands in front of a YAML document, where `number` are there already.
pub fn document_start(number: usize) -> &'static str {
    match number {
        0 => "",
        _ => "---\n",
    }
}

/// What stands in front of a record in etcdctl's JSON, where `number` are there already.
pub fn etcdctl_json_start(number: usize) -> &'static str {
    match number {
        0 => "{\"kvs\":[",
        _ => ",",
    }
}

/// What stands behind all of them.
pub fn etcdctl_json_end(records: usize) -> String {
    match records {
        0 => "{}\n".to_string(),
        _ => format!("],\"count\":{records}}}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(layout: ListLayout, items: &[Value]) -> String {
        let mut out = Vec::new();
        let mut list = ListWriter::new(layout);
        for item in items {
            list.item(item, &mut out).unwrap();
        }
        list.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_json_list_says_the_same_as_the_value_however_many_items_it_has() {
        for items in [vec![], vec![json!({"a": 1})], vec![json!({"a": [1]}); 3]] {
            let text = written(ListLayout::Json, &items);
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read, list_value(items.clone()), "{text}");
            // The same bytes as if it had been written at once.
            let mut whole = Vec::new();
            write_pretty_json(&list_value(items), &mut whole).unwrap();
            assert_eq!(text.as_bytes(), whole);
        }
    }

    #[test]
    fn a_yaml_list_has_the_bytes_of_one_written_at_once() {
        for items in [
            vec![],
            vec![json!({"a": 1})],
            vec![json!({"b": [], "c": {"d": "x"}}); 2],
        ] {
            let text = written(ListLayout::Yaml, &items);
            assert_eq!(text, crate::report::yaml(&list_value(items)));
        }
    }

    #[test]
    fn a_kyaml_list_has_the_bytes_of_one_written_at_once() {
        for items in [
            vec![],
            vec![json!({"a": 1})],
            vec![json!({"b": [], "c": {"d": "x\ny"}}); 2],
        ] {
            let text = written(ListLayout::Kyaml, &items);
            let mut whole = Vec::new();
            write_kyaml(&list_value(items), &mut whole).unwrap();
            assert_eq!(text.as_bytes(), whole);
        }
    }

    #[test]
    fn documents_are_parted_and_lines_are_not() {
        let items = [json!({"a": 1}), json!({"b": 2})];
        let documents = written(ListLayout::YamlDocuments, &items);
        assert_eq!(documents, "a: 1\n---\nb: 2\n");
        let lines = written(ListLayout::JsonLines, &items);
        assert_eq!(lines, "{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(written(ListLayout::YamlDocuments, &[]), "");
    }
}
