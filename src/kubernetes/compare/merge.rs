//! How lists of known kinds are merged: which fields tell their elements apart. A comparison of two
//! objects uses it to pair the elements of lists. Source: the schemas of client-go's apply
//! configurations, and the `patchMergeKey` tags of the Go types.

pub use crate::kubernetes::catalog::table::ListType;
use crate::kubernetes::catalog::table::{Kind, MessageId, Shape, TABLE};

/// How one list is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListMerge {
    /// What the list is for server-side apply; nothing if the API does not say.
    pub list_type: Option<ListType>,
    /// The fields that tell elements apart, if it is a [`ListType::Map`].
    pub keys: &'static [&'static str],
    /// Whether a strategic merge patch merges the list.
    pub is_patch_merged: bool,
    /// The field by which a strategic merge patch tells elements apart.
    pub patch_key: Option<&'static str>,
}

impl ListMerge {
    /// The fields that tell elements apart by either rule.
    pub fn key_fields(&self) -> impl Iterator<Item = &'static str> {
        let patch_key = self.patch_key.filter(|_| self.keys.is_empty());
        self.keys.iter().copied().chain(patch_key)
    }
}

/// A place inside objects of a known kind. Lists are passed through: the place of a list is also that of
/// its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaPlace {
    kind: Kind,
    /// A map of which the key is still to be named.
    is_map: bool,
    list: Option<ListMerge>,
}

impl SchemaPlace {
    /// The place of whole objects of a kind; the core group is empty.
    #[must_use]
    pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<Self> {
        Some(Self {
            kind: Kind::Message(TABLE.kind(group, version, kind)?),
            is_map: false,
            list: None,
        })
    }

    /// The place of a field by its name in JSON, or of a map's value by its key.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<Self> {
        if self.is_map {
            return Some(Self {
                is_map: false,
                ..*self
            });
        }
        match self.kind {
            Kind::Message(id)
            | Kind::SchemaOrList(id)
            | Kind::SchemaOrBool(id)
            | Kind::SchemaOrStrings(id) => child_of(id, name, INLINE_DEPTH),
            _ => None,
        }
    }

    /// True when the value here is a quantity: `1`, `1000m` and `1e0` are the same.
    #[must_use]
    pub fn is_quantity(&self) -> bool {
        self.kind == Kind::Quantity && !self.is_map
    }

    /// True when the value here is a time.
    #[must_use]
    pub fn is_time(&self) -> bool {
        matches!(self.kind, Kind::Time | Kind::MicroTime) && !self.is_map
    }

    /// How the list at this place is merged; `None` if the field is not a list.
    #[must_use]
    pub fn list(&self) -> Option<ListMerge> {
        self.list
    }
}

/// Inlined messages are at most a few levels deep.
const INLINE_DEPTH: u32 = 8;

fn child_of(id: MessageId, name: &str, depth: u32) -> Option<SchemaPlace> {
    let message = TABLE.message(id)?;
    let depth = depth.checked_sub(1)?;
    for field in &message.fields {
        if field.is_inline() {
            if let Kind::Message(inner) = field.kind
                && let Some(place) = child_of(inner, name, depth)
            {
                return Some(place);
            }
        } else if field.name == name {
            let list = field.list.as_ref().map(|list| ListMerge {
                list_type: list.list_type,
                keys: &list.keys,
                is_patch_merged: list.patch_key.is_some(),
                patch_key: list.patch_key.filter(|key| !key.is_empty()),
            });
            return Some(SchemaPlace {
                kind: field.kind,
                is_map: field.shape == Shape::Map,
                list,
            });
        }
    }
    None
}

/// How the list at `path` in objects of a kind is merged: names of fields and keys of maps, without
/// indexes. `None` if the kind or the path is unknown, or the field is not a list.
///
/// ```
/// use etcdsnap::kubernetes::compare::merge::{ListType, list_merge};
///
/// let ports = ["spec", "template", "spec", "containers", "ports"];
/// let merge = list_merge("apps", "v1", "Deployment", &ports).expect("a list");
/// assert_eq!(merge.list_type, Some(ListType::Map));
/// assert_eq!(merge.keys, ["containerPort", "protocol"]);
/// assert_eq!(merge.patch_key, Some("containerPort"));
/// ```
#[must_use]
pub fn list_merge(group: &str, version: &str, kind: &str, path: &[&str]) -> Option<ListMerge> {
    let start = SchemaPlace::of_kind(group, version, kind)?;
    let place = path
        .iter()
        .try_fold(start, |place, name| place.child(name))?;
    place.list()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_by_their_path() {
        let pod = |path: &[&str]| list_merge("", "v1", "Pod", path);
        let containers = pod(&["spec", "containers"]).unwrap();
        assert_eq!(containers.key_fields().collect::<Vec<_>>(), ["name"]);
        let tolerations = pod(&["spec", "tolerations"]).unwrap();
        assert_eq!(tolerations.list_type, Some(ListType::Atomic));
        let finalizers = pod(&["metadata", "finalizers"]).unwrap();
        assert_eq!(finalizers.list_type, Some(ListType::Set));
        assert!(finalizers.is_patch_merged && finalizers.patch_key.is_none());
        // Fields of inlined messages belong to the outer one.
        let items = pod(&["spec", "volumes", "configMap", "items"]).unwrap();
        assert_eq!(items.list_type, Some(ListType::Atomic));
        let ports = pod(&["spec", "ephemeralContainers", "ports"]).unwrap();
        assert_eq!(ports.keys, ["containerPort", "protocol"]);
        for path in [&["spec"][..], &["spec", "nodeName"], &["spec", "no"], &[]] {
            assert_eq!(pod(path), None);
        }
        assert_eq!(list_merge("example.com", "v1", "Pod", &["spec"]), None);
    }

    #[test]
    fn keys_of_maps_are_passed_through() {
        let path = [
            "spec",
            "validation",
            "openAPIV3Schema",
            "properties",
            "any",
            "required",
        ];
        let group = "apiextensions.k8s.io";
        let required = list_merge(group, "v1beta1", "CustomResourceDefinition", &path);
        assert!(required.is_some());
    }
}
