//! Kinds that are stored in one version and served in another: Events, which two groups serve, and definitions of
//! custom resources, which servers store in a version that they do not serve. And custom resources whose definition
//! converts nothing but the name of the version.

use serde_json::{Map, Value};

use crate::kubernetes::catalog::table::TABLE;
use crate::kubernetes::fields::text;

/// Makes an object as it is stored, with read defaults, into one of another version. False if that is not known how to;
/// the object is left as it is then.
pub fn convert(object: &mut Value, api_version: &str) -> bool {
    let is = |name: &str, wanted: &str| text(object, name) == wanted;
    if is("apiVersion", api_version) {
        return true;
    }
    let from_definition = is("apiVersion", "apiextensions.k8s.io/v1beta1");
    let kind = text(object, "kind").to_owned();
    let from_event = is("apiVersion", "v1") && is("kind", "Event");
    match (object.as_object_mut(), api_version) {
        (Some(members), "apiextensions.k8s.io/v1") if from_definition => definition(members),
        (Some(members), "events.k8s.io/v1") if from_event => event(members),
        // Of custom resources whoever calls knows.
        (Some(_), _) if TABLE.kind_of(api_version, &kind).is_none() => {}
        _ => return false,
    }
    if let Some(members) = object.as_object_mut() {
        members.insert("apiVersion".into(), api_version.into());
    }
    true
}

/// Renames the fields of an Event of the core; those that are empty are left out, but for times.
fn event(members: &mut Map<String, Value>) {
    for (old, new) in [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("reportingComponent", "reportingController"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
    ] {
        if let Some(value) = members.remove(old) {
            members.insert(new.into(), value);
        }
    }
    if let Some(series) = members.get_mut("series").and_then(Value::as_object_mut) {
        series.entry("count").or_insert_with(|| 0.into());
    }
    for name in ["reportingController", "reportingInstance"] {
        if members.get(name).and_then(Value::as_str) == Some("") {
            members.remove(name);
        }
    }
}

/// Moves what all versions share into each of them.
fn definition(members: &mut Map<String, Value>) {
    let Some(spec) = members.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    spec.remove("version");
    if spec.get("preserveUnknownFields") == Some(&Value::Bool(false)) {
        spec.remove("preserveUnknownFields");
    }
    let shared = [
        ("subresources", "subresources"),
        ("validation", "schema"),
        ("additionalPrinterColumns", "additionalPrinterColumns"),
        ("selectableFields", "selectableFields"),
    ]
    .map(|(old, new)| (new, spec.remove(old).filter(|value| !value.is_null())));
    let versions = spec.entry("versions").or_insert(Value::Null);
    for version in versions.as_array_mut().into_iter().flatten() {
        let Some(version) = version.as_object_mut() else {
            continue;
        };
        for (name, value) in &shared {
            if let Some(value) = value {
                version.insert((*name).into(), value.clone());
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
        version.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    }
    if let Some(conversion) = spec.get_mut("conversion").and_then(Value::as_object_mut) {
        let mut webhook = Map::new();
        for (old, new) in [
            ("webhookClientConfig", "clientConfig"),
            ("conversionReviewVersions", "conversionReviewVersions"),
        ] {
            if let Some(value) = conversion.remove(old).filter(|value| !value.is_null()) {
                webhook.insert(new.into(), value);
            }
        }
        if !webhook.is_empty() {
            // It is printed though it is missing.
            webhook
                .entry("conversionReviewVersions")
                .or_insert(Value::Null);
            conversion.insert("webhook".into(), webhook.into());
        }
    }
}
