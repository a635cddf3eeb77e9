//! CustomResourceDefinitions of yesterday.

use serde_json::{Map, Value, json};

use super::inner;
use crate::kubernetes::fields::{at, text};

/// Definitions are stored as v1beta1 to this day, which no API server has taken since 1.22.
pub(super) fn modernize(definition: &mut Value) {
    if text(definition, "apiVersion") != "apiextensions.k8s.io/v1beta1" {
        return;
    }
    let Some(spec) = inner(definition, "spec") else {
        return;
    };
    let version = spec.remove("version");
    let validation = spec.remove("validation");
    // What all versions have in common.
    let mut shared: Vec<(&str, Option<Value>)> = vec![("schema", validation)];
    for field in [
        "subresources",
        "additionalPrinterColumns",
        "selectableFields",
    ] {
        shared.push((field, spec.remove(field)));
    }
    let open = match spec.remove("preserveUnknownFields") {
        Some(value) => value.as_bool() != Some(false),
        None => true,
    };
    let versions = spec.entry("versions").or_insert_with(
        || json!([{"name": version.unwrap_or_default(), "served": true, "storage": true}]),
    );
    for version in versions.as_array_mut().into_iter().flatten() {
        let Some(version) = version.as_object_mut() else {
            continue;
        };
        for (field, value) in &shared {
            if let Some(value) = value {
                let own = version.entry(*field).or_insert(Value::Null);
                if own.is_null() {
                    own.clone_from(value);
                }
            }
        }
        let columns = version.get_mut("additionalPrinterColumns");
        for column in columns.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(column) = column.as_object_mut()
                && let Some(path) = column.remove("JSONPath")
            {
                column.insert("jsonPath".into(), path);
            }
        }
        if open || at(&Value::Object(version.clone()), "schema.openAPIV3Schema").is_null() {
            open_schema(version);
        }
    }
    if let Some(conversion) = spec.get_mut("conversion").and_then(Value::as_object_mut) {
        let config = conversion.remove("webhookClientConfig");
        let reviews = conversion.remove("conversionReviewVersions");
        if let Some(config) = config.filter(|config| !config.is_null()) {
            let webhook = json!({"clientConfig": config, "conversionReviewVersions": reviews});
            conversion.insert("webhook".into(), webhook);
        }
    }
    if let Some(members) = definition.as_object_mut() {
        members.insert("apiVersion".into(), "apiextensions.k8s.io/v1".into());
    }
}

/// Lets the schema of a version take fields it does not name, as definitions of old did.
fn open_schema(version: &mut Map<String, Value>) {
    let schema = version.entry("schema").or_insert(Value::Null);
    if !schema.is_object() {
        *schema = json!({});
    }
    if let Some(schema) = schema.as_object_mut() {
        let root = schema.entry("openAPIV3Schema").or_insert(Value::Null);
        if !root.is_object() {
            *root = json!({});
        }
        if let Some(root) = root.as_object_mut() {
            root.entry("type").or_insert_with(|| "object".into());
            root.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(mut object: Value) -> Value {
        modernize(&mut object);
        object
    }

    #[test]
    fn a_definition_becomes_one_of_today() {
        let old = json!({
            "apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "CustomResourceDefinition",
            "spec": {
                "group": "example.com", "version": "v1", "preserveUnknownFields": false,
                "validation": {"openAPIV3Schema": {"type": "object"}},
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "A", "JSONPath": ".a"}],
                "conversion": {"strategy": "Webhook", "webhookClientConfig": {"url": "u"},
                    "conversionReviewVersions": ["v1"]},
                "versions": [{"name": "v1", "storage": true}, {"name": "v2", "schema": {"openAPIV3Schema": {}}}],
            },
        });
        let columns = json!([{"name": "A", "jsonPath": ".a"}]);
        let new = cleaned(old);
        assert_eq!(
            new,
            json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "spec": {
                    "group": "example.com",
                    "conversion": {"strategy": "Webhook", "webhook": {
                        "clientConfig": {"url": "u"}, "conversionReviewVersions": ["v1"]}},
                    "versions": [
                        {"name": "v1", "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
                         "subresources": {"status": {}}, "additionalPrinterColumns": columns},
                        {"name": "v2", "schema": {"openAPIV3Schema": {}},
                         "subresources": {"status": {}}, "additionalPrinterColumns": columns},
                    ],
                },
            })
        );
        assert_eq!(cleaned(new.clone()), new);
        let oldest = json!({"apiVersion": "apiextensions.k8s.io/v1beta1",
            "kind": "CustomResourceDefinition", "spec": {"version": "v1"}});
        assert_eq!(
            cleaned(oldest)["spec"]["versions"],
            json!([{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}])
        );
    }
}
