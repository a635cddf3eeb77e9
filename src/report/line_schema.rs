//! The JSON Schema of one type of line.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::json::{JsonLine, SCHEMA_VERSION};

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
