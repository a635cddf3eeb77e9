//! What the key of an object tells, for objects that cannot be decoded.

use super::Resources;
use super::builtin::OTHER_PATHS;

/// The parts of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyParts {
    /// The plural, as the API has it: `nodes` for a key with `minions`.
    pub resource: String,
    /// The API group; empty for the core, and where it is not known.
    pub group: String,
    /// None for objects of the cluster.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

impl Resources {
    /// Takes a key such as `/registry/pods/shop/web-1` apart, whatever the prefix is. This is a guess where
    /// the kind is not known, and None if the key does not look like that of an object.
    pub fn of_key(&self, key: &str) -> Option<KeyParts> {
        let mut parts = key.split('/').collect::<Vec<_>>();
        if parts.first() == Some(&"") {
            parts.remove(0);
        }
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        // Most prefixes have one part; some none, or more.
        for prefix in [1, 0, 2, 3] {
            let rest = parts.get(prefix..).unwrap_or_default();
            if let Some(found) = self.known(rest) {
                return Some(found);
            }
            if prefix == 1
                && let [group, plural, rest @ ..] = rest
                && group.contains('.')
                && let Some(found) = assemble(plural, group, rest, None)
            {
                return Some(found);
            }
        }
        let [resource, rest @ ..] = parts.get(1..)? else {
            return None;
        };
        assemble(resource, "", rest, None)
    }

    fn known(&self, parts: &[&str]) -> Option<KeyParts> {
        if let [path, rest @ ..] = parts
            && OTHER_PATHS.contains(path)
        {
            return assemble(path, "", rest, Some(false));
        }
        let mut found = None;
        let mut longest = 0;
        for resource in &self.all {
            let path = resource.path.split('/');
            let len = path.clone().count();
            let Some((head, rest)) = parts.split_at_checked(len) else {
                continue;
            };
            if len > longest && path.eq(head.iter().copied()) {
                let (plural, group) = (&resource.plural, &resource.group);
                if let Some(parts) = assemble(plural, group, rest, Some(resource.namespaced)) {
                    (found, longest) = (Some(parts), len);
                }
            }
        }
        found
    }
}

fn assemble(
    resource: &str,
    group: &str,
    rest: &[&str],
    namespaced: Option<bool>,
) -> Option<KeyParts> {
    let (namespace, name) = match (rest, namespaced) {
        ([name], None | Some(false)) => (None, name),
        ([namespace, name], None | Some(true)) => (Some((*namespace).to_owned()), name),
        _ => return None,
    };
    Some(KeyParts {
        resource: resource.to_owned(),
        group: group.to_owned(),
        namespace,
        name: (*name).to_owned(),
    })
}
