//! JSON Schemas of the lines of JSON, made from the types that are written.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::json::{JsonLine, SCHEMA_VERSION};
use super::{
    answers, compact, diff, encryption, export, grep, hashkv, history, info, keys, log, objects,
    restore, status, trailer, value, verify, wal,
};

/// The schema of each type of line, by the type. Where several commands end with a line of one type, any of its forms.
#[must_use]
pub fn schemas() -> BTreeMap<&'static str, Value> {
    let mut forms: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
    for lines in [
        answers::schemas(),
        compact::schemas(),
        diff::schemas(),
        encryption::schemas(),
        export::schemas(),
        grep::schemas(),
        hashkv::schemas(),
        history::schemas(),
        info::schemas(),
        keys::schemas(),
        log::schemas(),
        objects::schemas(),
        restore::schemas(),
        status::schemas(),
        trailer::schemas(),
        value::schemas(),
        verify::schemas(),
        wal::schemas(),
    ] {
        for (name, schema) in lines {
            forms.entry(name).or_default().push(schema);
        }
    }
    let whole = forms.into_iter().map(|(name, mut forms)| {
        let body = match forms.len() {
            1 => forms.remove(0),
            _ => json!({"oneOf": forms}),
        };
        let mut schema = Map::new();
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        schema.insert("$schema".into(), dialect.into());
        schema.insert("title".into(), name.into());
        if let Value::Object(body) = body {
            schema.extend(body);
        }
        (name, Value::Object(schema))
    });
    whole.collect()
}

/// The schema of a line, with what all lines begin with.
pub(super) fn schema<L: JsonLine + JsonSchema>() -> (&'static str, Value) {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<L>();
    RecursiveTransform(close).transform(&mut schema);
    let mut schema = schema.to_value();
    if let Some(members) = schema.as_object_mut() {
        members.remove("title");
        let mut head = vec![
            ("type", json!(L::TYPE)),
            ("schema_version", json!(SCHEMA_VERSION)),
        ];
        head.extend(L::COMMAND.map(|command| ("command", json!(command))));
        for (name, value) in head {
            let properties = members.entry("properties").or_insert_with(|| json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert(name.into(), json!({"const": value}));
            }
            let required = members.entry("required").or_insert_with(|| json!([]));
            if let Some(required) = required.as_array_mut() {
                required.push(name.into());
            }
        }
    }
    (L::TYPE, schema)
}

/// Lets an object have no members but those that are named.
fn close(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".into(), false.into());
    }
}
