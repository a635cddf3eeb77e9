//! What is known of the lists and values of a kind, for comparing two of its objects.

use serde_json::Value;

use super::custom_lists::CustomLists;
use super::difference::{FieldPath, ListKeys};
use super::merge::SchemaPlace;
use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::encodings::{Description, Object};
use crate::kubernetes::show::quantity;
use crate::kubernetes::time::parse_rfc3339;

/// What the API says about the fields of a kind.
#[derive(Debug, Default)]
pub struct KindSchema<'o> {
    place: Option<SchemaPlace>,
    /// What definitions say, and the kind.
    custom: Option<(&'o CustomLists, &'o Description)>,
}

impl<'o> KindSchema<'o> {
    /// What is built in.
    pub fn of(object: &Object) -> Self {
        let (group, version) = split_api_version(&object.description.api_version);
        Self {
            place: SchemaPlace::of_kind(group, version, &object.description.kind),
            custom: None,
        }
    }

    /// What is built in and what definitions of the file say.
    pub fn with(object: &'o Object, lists: &'o CustomLists) -> Self {
        Self {
            custom: Some((lists, &object.description)),
            ..Self::of(object)
        }
    }

    fn at(&self, path: &FieldPath) -> Option<SchemaPlace> {
        path.fields()
            .try_fold(self.place?, |place, name| place.child(name))
    }
}

impl ListKeys for KindSchema<'_> {
    fn list_keys(&self, path: &FieldPath) -> Option<Vec<String>> {
        // Owners are known by their uid, whatever kind refers to them.
        let mut fields = path.fields();
        if fields.next() == Some("metadata") && fields.next() == Some("ownerReferences") {
            return Some(vec!["uid".to_string()]);
        }
        if let (None, Some((lists, kind))) = (self.place, self.custom) {
            let (group, version) = split_api_version(&kind.api_version);
            let path: Vec<&str> = path.fields().collect();
            return lists.keys(group, version, &kind.kind, &path).cloned();
        }
        let keys: Vec<String> = self
            .at(path)?
            .list()?
            .key_fields()
            .map(str::to_string)
            .collect();
        (!keys.is_empty()).then_some(keys)
    }

    fn is_same(&self, path: &FieldPath, old: &Value, new: &Value) -> bool {
        let (Some(place), Some(old), Some(new)) = (self.at(path), old.as_str(), new.as_str())
        else {
            return false;
        };
        if place.is_quantity() {
            return quantity::canonical(old) == quantity::canonical(new);
        }
        place.is_time() && is_same_time(old, new)
    }
}

/// True when both are the same moment, whatever the zone and however many zeros follow.
fn is_same_time(old: &str, new: &str) -> bool {
    let fraction = |text: &str| {
        let (_, rest) = text.split_once('.')?;
        let digits = rest.trim_end_matches(|c: char| !c.is_ascii_digit());
        let digits = digits.split(['+', '-']).next().unwrap_or_default();
        let digits = digits.trim_end_matches('0');
        (!digits.is_empty()).then(|| digits.to_string())
    };
    parse_rfc3339(old).is_some_and(|seconds| parse_rfc3339(new) == Some(seconds))
        && fraction(old) == fraction(new)
}

#[cfg(test)]
mod tests {
    use super::is_same_time;

    #[test]
    fn a_moment_is_the_same_in_any_zone_and_with_any_zeros() {
        assert!(is_same_time(
            "2026-11-21T10:00:00Z",
            "2026-11-21T11:00:00+01:00"
        ));
        assert!(is_same_time(
            "2026-11-21T10:00:00.5Z",
            "2026-11-21T10:00:00.500000Z"
        ));
        assert!(!is_same_time(
            "2026-11-21T10:00:00.5Z",
            "2026-11-21T10:00:00Z"
        ));
        assert!(!is_same_time("yesterday", "yesterday!"));
    }
}
