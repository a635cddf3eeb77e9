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
                && let Some(found) = grouped(rest)
            {
                return Some(found);
            }
        }
        let [resource, rest @ ..] = parts.get(1..)? else {
            return None;
        };
        assemble(resource, "", rest, None)
    }

    /// False for keys that nobody takes for that of an object, by their looks.
    #[must_use]
    pub fn may_be_object(&self, key: &[u8]) -> bool {
        let is_grouped = |key: &str| {
            let body = key.strip_prefix('/').unwrap_or(key);
            let parts = body.split('/').skip(1).collect::<Vec<_>>();
            grouped(&parts).is_some()
        };
        key.starts_with(b"/registry/")
            || std::str::from_utf8(key)
                .is_ok_and(|key| self.prefix_of(key).is_some() || is_grouped(key))
    }

    /// What stands in front of the resource in the key of a kind that is known, with the slash behind it:
    /// `/registry/`; and the parts behind it.
    pub(in crate::kubernetes) fn prefix_of<'k>(&self, key: &'k str) -> Option<(&'k str, KeyParts)> {
        let body = key.strip_prefix('/').unwrap_or(key);
        let parts = body.split('/').collect::<Vec<_>>();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let found = [1usize, 2, 3].into_iter().find(|prefix| {
            let rest = parts.get(*prefix..).unwrap_or_default();
            self.known(rest).is_some() || *prefix == 1 && grouped(rest).is_some()
        })?;
        let rest = parts.get(found..)?;
        let known = self.known(rest)?;
        let len = rest.iter().fold(rest.len().saturating_sub(1), |sum, part| {
            sum.saturating_add(part.len())
        });
        Some((key.get(..key.len().saturating_sub(len))?, known))
    }

    /// Takes apart what follows the prefix: the resource of a kind that is known, with all behind it. True if
    /// the kind is known, else it is a guess.
    pub(in crate::kubernetes) fn of_rest(&self, rest: &str) -> Option<(KeyParts, bool)> {
        let parts = rest.split('/').collect::<Vec<_>>();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        if let Some(found) = self.known(&parts) {
            return Some((found, true));
        }
        let guess = grouped(&parts).or_else(|| match parts.as_slice() {
            [resource, rest @ ..] => assemble(resource, "", rest, None),
            [] => None,
        })?;
        Some((guess, false))
    }

    fn known(&self, parts: &[&str]) -> Option<KeyParts> {
        if let [path, rest @ ..] = parts
            && OTHER_PATHS.contains(path)
        {
            return assemble(path, "", rest, Some(false));
        }
        // Behind the path there is a name, or a namespace and a name.
        [1, 2].into_iter().find_map(|behind| {
            let (path, rest) = parts.split_at_checked(parts.len().checked_sub(behind)?)?;
            let found = self.index.of_path(&path.join("/")).iter();
            let mut found = found.filter_map(|at| self.all.get(*at));
            found.find_map(|resource| {
                let (plural, group) = (&resource.plural, &resource.group);
                assemble(plural, group, rest, Some(resource.namespaced))
            })
        })
    }
}

/// `GROUP/PLURAL/[NAMESPACE/]NAME`, as custom resources have it: the group has a dot in it.
fn grouped(parts: &[&str]) -> Option<KeyParts> {
    let [group, plural, rest @ ..] = parts else {
        return None;
    };
    group
        .contains('.')
        .then(|| assemble(plural, group, rest, None))?
}

/// True for what is kept beneath the prefix and is not an object of a resource.
pub(in crate::kubernetes) fn is_other_path(rest: &str) -> bool {
    rest.split('/')
        .next()
        .is_some_and(|first| OTHER_PATHS.contains(&first))
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
