//! JSON Schemas of the lines of JSON, made from the types that are written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

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
