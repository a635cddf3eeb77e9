//! Which fields tell the elements of lists in custom resources apart, as their definitions say.

use std::collections::HashMap;

use serde_json::Value;

use crate::kubernetes::fields::{at, items, text};

/// Schemas nested deeper are not followed.
const MAX_DEPTH: usize = 64;

/// The lists of all custom resources that definitions tell of.
#[derive(Debug, Clone, Default)]
pub struct CustomLists {
    /// By group, version and kind.
    kinds: HashMap<(String, String, String), Lists>,
}

/// Keys of lists by the path of fields; `*` stands for any field.
type Lists = HashMap<Vec<String>, Vec<String>>;

impl CustomLists {
    /// Takes the schemas of a CustomResourceDefinition; those of one seen before for the same kind are
    /// replaced.
    pub fn add(&mut self, definition: &Value) {
        let spec = at(definition, "spec");
        let mut add = |version: &str, schema: &Value| {
            let mut lists = Lists::new();
            gather(schema, &mut Vec::new(), 0, &mut lists);
            let of = |path: &str| text(spec, path).to_string();
            let kind = (of("group"), version.to_string(), of("names.kind"));
            self.kinds.insert(kind, lists);
        };
        // In v1beta1, one schema may be that of all versions.
        let shared = at(spec, "validation.openAPIV3Schema");
        if !text(spec, "version").is_empty() {
            add(text(spec, "version"), shared);
        }
        for version in items(spec, "versions") {
            let own = at(version, "schema.openAPIV3Schema");
            add(
                text(version, "name"),
                if own.is_null() { shared } else { own },
            );
        }
    }

    /// The fields that tell the elements of the list at `path` apart, in objects of a kind.
    pub fn keys(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        path: &[&str],
    ) -> Option<&Vec<String>> {
        let kind = (group.to_string(), version.to_string(), kind.to_string());
        let lists = self.kinds.get(&kind)?;
        lists.iter().find_map(|(known, keys)| {
            let fits = known.len() == path.len()
                && known
                    .iter()
                    .zip(path)
                    .all(|(known, name)| known == "*" || known == name);
            fits.then_some(keys)
        })
    }
}

fn gather(schema: &Value, path: &mut Vec<String>, depth: usize, lists: &mut Lists) {
    let depth = depth.saturating_add(1);
    if depth > MAX_DEPTH {
        return;
    }
    let keys: Vec<String> = items(schema, "x-kubernetes-list-map-keys")
        .iter()
        .filter_map(|key| Some(key.as_str()?.to_string()))
        .collect();
    if !keys.is_empty() {
        lists.insert(path.clone(), keys);
    }
    for (name, inner) in at(schema, "properties").as_object().into_iter().flatten() {
        path.push(name.clone());
        gather(inner, path, depth, lists);
        path.pop();
    }
    if at(schema, "additionalProperties").is_object() {
        path.push("*".into());
        gather(at(schema, "additionalProperties"), path, depth, lists);
        path.pop();
    }
    // Elements have the path of their list.
    if at(schema, "items").is_object() {
        gather(at(schema, "items"), path, depth, lists);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_keys_of_lists_are_found_by_path_in_both_forms_of_definitions() {
        let schema = json!({"properties": {"spec": {"properties": {
            "ports": {"type": "array", "x-kubernetes-list-map-keys": ["port", "protocol"],
                      "items": {"properties": {"rules": {"x-kubernetes-list-map-keys": ["id"]}}}},
            "by": {"additionalProperties": {"x-kubernetes-list-map-keys": ["name"]}},
        }}}});
        let names = json!({"kind": "Widget"});
        let new = json!({"spec": {"group": "x.io", "names": names,
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}});
        let old = json!({"spec": {"group": "x.io", "names": names, "version": "v1",
            "versions": [{"name": "v1"}], "validation": {"openAPIV3Schema": schema}}});
        for definition in [new, old] {
            let mut lists = CustomLists::default();
            lists.add(&definition);
            let keys = |path: &[&str]| lists.keys("x.io", "v1", "Widget", path).cloned();
            assert_eq!(keys(&["spec", "ports"]).unwrap(), ["port", "protocol"]);
            assert_eq!(keys(&["spec", "ports", "rules"]).unwrap(), ["id"]);
            assert_eq!(keys(&["spec", "by", "any"]).unwrap(), ["name"]);
            assert_eq!(keys(&["spec"]), None);
            assert_eq!(lists.keys("x.io", "v2", "Widget", &["spec", "ports"]), None);
        }
        CustomLists::default().add(&json!(7));
    }
}
