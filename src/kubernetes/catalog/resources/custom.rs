//! Kinds that a CustomResourceDefinition defines.

use std::sync::Arc;

use serde_json::Value;

use super::{Resource, Resources};
use crate::kubernetes::fields::{at, integer, is_true, items, text};

/// A column that a definition adds to the table of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomColumn {
    /// The header.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// The path to the value.
    pub path: String,
    /// Shown in wide tables only.
    pub wide: bool,
}

/// A version of a custom resource. Versions may share their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomVersion {
    /// `v1beta1`.
    pub name: String,
    /// Whether an API server serves it.
    pub served: bool,
    /// Whether objects are written in it.
    pub stored: bool,
    /// What its table shows.
    pub columns: Arc<[CustomColumn]>,
    /// The paths of the fields that a field selector may name, besides name and namespace: `.spec.color`.
    pub selectable: Vec<String>,
    /// Between versions of one number a server changes nothing of an object but the name of its version: the definition
    /// converts nothing, and they have one schema.
    pub(super) alike: Option<usize>,
}

/// The path of a custom resource below the prefix.
pub(super) fn path(group: &str, plural: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{group}/{plural}")
    }
}

impl Resources {
    /// Adds the kind that a CustomResourceDefinition (v1 or v1beta1) defines; a definition seen before for
    /// the same kind is replaced. False if `definition` lacks group or names; nothing is added then.
    pub fn add_custom(&mut self, definition: &Value) -> bool {
        let Some(resource) = custom(definition) else {
            return false;
        };
        let same = self.index.of_plural(&resource.group, &resource.plural);
        let is_custom = |at: &usize| {
            self.all
                .get(*at)
                .is_some_and(|other| other.custom.is_some())
        };
        let known = same.iter().copied().find(is_custom);
        match known.and_then(|at| Some((at, self.all.get_mut(at)?))) {
            Some((at, known)) => {
                self.index.replace(known, &resource, at);
                *known = resource;
            }
            None => self.add(resource),
        }
        true
    }
}

fn custom(definition: &Value) -> Option<Resource> {
    let spec = at(definition, "spec");
    // What is accepted counts; the wish stands in for it.
    let names = |field: &str| {
        let accepted = definition.pointer(&format!("/status/acceptedNames/{field}"));
        let accepted = accepted.filter(|value| value.as_str() != Some(""));
        accepted.unwrap_or_else(|| at(at(spec, "names"), field))
    };
    let name = |field: &str| names(field).as_str().filter(|name| !name.is_empty());
    let list = |field: &str| {
        let texts = names(field).as_array().into_iter().flatten();
        let texts = texts.filter_map(Value::as_str).map(str::to_lowercase);
        texts.collect::<Vec<_>>()
    };
    let group = text(spec, "group").to_owned();
    let kind = name("kind")?.to_owned();
    let plural = name("plural")?.to_lowercase();
    let singular = name("singular").map_or_else(|| kind.to_lowercase(), str::to_lowercase);
    if group.is_empty() {
        return None;
    }
    let versions = versions(spec);
    Some(Resource {
        path: path(&group, &plural),
        group,
        kind,
        plural,
        singular,
        short_names: list("shortNames"),
        categories: list("categories"),
        namespaced: text(spec, "scope") != "Cluster",
        versions: versions.iter().map(|one| one.name.clone()).collect(),
        custom: Some(versions),
    })
}

/// Schemas are compared of at most this many versions; no definition in use has more.
const FEW: usize = 8;

/// Versions in the order of preference, each with its columns.
fn versions(spec: &Value) -> Vec<CustomVersion> {
    // In v1beta1 there may be one version only, and columns and selectable fields for all versions.
    let shared = columns(spec);
    let shared_fields = selectable(spec);
    let mut versions = Vec::new();
    let all = items(spec, "versions");
    let converts = !matches!(text(spec, "conversion.strategy"), "" | "None");
    let schema = |version| at(version, "schema.openAPIV3Schema");
    for version in all {
        let first = all
            .iter()
            .take(FEW)
            .position(|other| schema(other) == schema(version));
        let own = columns(version);
        let own_fields = selectable(version);
        versions.push(CustomVersion {
            name: text(version, "name").to_owned(),
            served: is_true(version, "served"),
            stored: is_true(version, "storage"),
            columns: if own.is_empty() {
                Arc::clone(&shared)
            } else {
                own
            },
            selectable: if own_fields.is_empty() {
                shared_fields.clone()
            } else {
                own_fields
            },
            alike: first.filter(|_| !converts),
        });
    }
    if versions.is_empty() && !text(spec, "version").is_empty() {
        versions.push(CustomVersion {
            name: text(spec, "version").to_owned(),
            served: true,
            stored: true,
            columns: shared,
            selectable: shared_fields,
            alike: None,
        });
    }
    // The order of an API server: by maturity and number.
    versions.sort_by_key(|one| std::cmp::Reverse((maturity(&one.name), one.stored)));
    versions
}

fn selectable(holder: &Value) -> Vec<String> {
    let fields = items(holder, "selectableFields").iter();
    // Called JSONPath in v1beta1.
    let paths = fields.map(|field| match text(field, "jsonPath") {
        "" => text(field, "JSONPath"),
        path => path,
    });
    paths.map(str::to_owned).collect()
}

/// True for `v1`, `v1beta2` and the like.
pub(super) fn is_version(word: &str) -> bool {
    maturity(word) != (0, 0, 0)
}

/// `v2` goes before `v1`, that before `v1beta2`, that before `v1alpha1`, that before anything else.
fn maturity(version: &str) -> (u8, u64, u64) {
    let number = |text: &str| text.parse::<u64>().ok();
    let parsed = version.strip_prefix('v').and_then(|rest| {
        let (major, minor, stage) = if let Some((major, minor)) = rest.split_once("beta") {
            (major, number(minor)?, 2)
        } else if let Some((major, minor)) = rest.split_once("alpha") {
            (major, number(minor)?, 1)
        } else {
            (rest, 0, 3)
        };
        Some((stage, number(major)?, minor))
    });
    parsed.unwrap_or_default()
}

fn columns(holder: &Value) -> Arc<[CustomColumn]> {
    let columns = items(holder, "additionalPrinterColumns").iter();
    let columns = columns.map(|column| CustomColumn {
        name: text(column, "name").to_owned(),
        kind: text(column, "type").to_owned(),
        // Called JSONPath in v1beta1.
        path: match text(column, "jsonPath") {
            "" => text(column, "JSONPath").to_owned(),
            path => path.to_owned(),
        },
        wide: integer(column, "priority") != 0,
    });
    columns.collect()
}
