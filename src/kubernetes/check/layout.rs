//! Where in a file an API server keeps its objects, and what a key there must hold.

use std::collections::{BTreeSet, HashSet};

use super::flaw::{Flaw, inspect};
use crate::kubernetes::catalog::resources::{
    KeyParts, Resource, Resources, is_other_path, split_api_version,
};
use crate::kubernetes::encodings::envelope::ENVELOPE_MAGIC;
use crate::kubernetes::encodings::head::Head;

/// The prefixes beneath which objects were found: most clusters have one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyLayout {
    /// Each ends with a slash.
    prefixes: BTreeSet<Box<str>>,
    /// How keys begin whose prefix was noted already: up to the name, and up to the namespace.
    seen: [HashSet<Box<[u8]>>; 2],
}

/// Where an API server keeps objects unless it is told otherwise.
const DEFAULT_PREFIX: &str = "/registry/";

/// Nobody has so many; of more, the first in order count.
const MOST_PREFIXES: usize = 64;

/// So many beginnings of keys are remembered; there are fewer kinds.
const MOST_SEEN: usize = 1024;

/// What a key must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// An object of a kind that is known.
    Object(KeyParts),
    /// An object, as far as the key can be taken apart, of a kind that is not known.
    Guess(KeyParts),
    /// Something that an API server wrote.
    Value,
    /// Nothing is known: it may be anybody's.
    Anything,
}

impl KeyLayout {
    /// Takes a record into account. `builtin` are the kinds that Kubernetes brings along. The outcome does not
    /// depend on the order of the records.
    pub fn note(&mut self, builtin: &Resources, key: &[u8], value: &[u8]) {
        if !may_be_stored(value) || self.has_seen(key) {
            return;
        }
        let found = std::str::from_utf8(key)
            .ok()
            .and_then(|key| builtin.prefix_of(key));
        let Some((prefix, parts)) = found else { return };
        self.insert(prefix.into());
        // With a prefix of one part there is no other way to take the key apart that goes before it.
        if prefix.trim_matches('/').contains('/') {
            return;
        }
        let ends = beginnings(key);
        let of_namespace = usize::from(parts.namespace.is_some());
        let seen = self.seen.get_mut(of_namespace);
        if let (Some(seen), Some(end)) = (seen, ends.get(of_namespace).copied().flatten())
            && seen.len() < MOST_SEEN
        {
            seen.insert(end.into());
        }
    }

    fn has_seen(&self, key: &[u8]) -> bool {
        let ends = beginnings(key).into_iter().zip(&self.seen);
        ends.filter_map(|(end, seen)| Some((end?, seen)))
            .any(|(end, seen)| seen.contains(end))
    }

    fn insert(&mut self, prefix: Box<str>) {
        self.prefixes.insert(prefix);
        if self.prefixes.len() > MOST_PREFIXES {
            self.prefixes.pop_last();
        }
    }

    /// Adds what another part of the file told.
    pub fn merge(&mut self, other: Self) {
        for prefix in other.prefixes {
            self.insert(prefix);
        }
    }

    /// The longest prefix of the key that is known.
    fn prefix(&self, key: &[u8]) -> Option<&str> {
        self.prefixes
            .iter()
            .map(AsRef::as_ref)
            .filter(|prefix: &&str| key.starts_with(prefix.as_bytes()))
            .max_by_key(|prefix| prefix.len())
    }

    /// True where API servers keep leases of their own, by which they find each other: beneath `masterleases` (by
    /// address) and `peerserverleases` (by server). The values are Endpoints without a name, which no API gives out.
    #[must_use]
    pub fn is_server_lease(&self, key: &[u8]) -> bool {
        let prefix = self.prefix(key).unwrap_or(DEFAULT_PREFIX);
        let rest = key.strip_prefix(prefix.as_bytes());
        let below = |path: &str| rest.is_some_and(|rest| rest.starts_with(path.as_bytes()));
        below("masterleases/") || below("peerserverleases/")
    }

    /// What the key must hold.
    #[must_use]
    pub fn expects(&self, resources: &Resources, key: &[u8]) -> Expected {
        let known = self.prefix(key);
        let prefix = known.unwrap_or(DEFAULT_PREFIX);
        let Some(rest) = key.strip_prefix(prefix.as_bytes()) else {
            return Expected::Anything;
        };
        let found = match std::str::from_utf8(rest) {
            // What the server keeps for itself: `health`, `compact_rev_key`, ranges, leases of its peers.
            Ok(rest) if !rest.contains('/') || is_other_path(rest) => return Expected::Anything,
            Ok(rest) => resources.of_rest(rest),
            Err(_) => None,
        };
        match (found, known) {
            (Some((parts, true)), _) => Expected::Object(parts),
            // The default prefix without a single object beneath it may be somebody else's.
            (_, None) => Expected::Anything,
            (Some((parts, false)), Some(_)) => Expected::Guess(parts),
            (None, Some(_)) => Expected::Value,
        }
    }
}

/// How a key begins: up to its last part, and up to the part before that.
fn beginnings(key: &[u8]) -> [Option<&[u8]>; 2] {
    let before_slash = |key: &[u8]| key.iter().rposition(|byte| *byte == b'/');
    let name = before_slash(key);
    let namespace = name.and_then(|at| before_slash(key.get(..at)?));
    [name, namespace].map(|at| key.get(..at?))
}

/// True for values of which the first bytes say that an API server stored them.
#[must_use]
pub fn may_be_stored(value: &[u8]) -> bool {
    [
        ENVELOPE_MAGIC,
        b"k8s:enc:",
        b"{\"kind\":\"",
        b"{\"apiVersion\":\"",
        &[0xd9, 0xd9, 0xf7],
    ]
    .iter()
    .any(|first| value.starts_with(first))
}

/// What is wrong with a value under a key that must hold `expected`, and what the value tells of itself.
/// `value` is decrypted; of what stays encrypted only the frame is judged.
#[must_use]
pub fn judge<'v>(
    resources: &Resources,
    expected: &Expected,
    value: &'v [u8],
) -> (Head<'v>, Option<Flaw>) {
    let (head, flaw) = inspect(value);
    if flaw.is_some() || head.encoding == crate::kubernetes::encodings::Encoding::Encrypted {
        return (head, flaw);
    }
    let Expected::Object(parts) = expected else {
        return (head, None);
    };
    let flaw = mismatch(resources, parts, &head);
    (head, flaw)
}

fn mismatch(resources: &Resources, parts: &KeyParts, head: &Head<'_>) -> Option<Flaw> {
    let (api_version, kind) = (head.api_version.as_deref()?, head.kind.as_deref()?);
    if let Some(expected) = resources.of_plural(&parts.group, &parts.resource)
        && !is_of(resources, expected, api_version, kind)
    {
        return Some(Flaw::OtherKind {
            expected: expected.kind.clone(),
            kind: kind.to_string(),
            api_version: api_version.to_string(),
        });
    }
    let Some(name) = head.name.as_deref() else {
        return Some(Flaw::NoName);
    };
    let namespace = head.namespace.as_deref();
    if name != parts.name || namespace != parts.namespace.as_deref() {
        return Some(Flaw::OtherName {
            namespace: namespace.map(str::to_string),
            name: name.to_string(),
        });
    }
    None
}

/// True when objects of this type may be stored under keys of a kind.
fn is_of(resources: &Resources, expected: &Resource, api_version: &str, kind: &str) -> bool {
    match resources.of_kind(api_version, kind) {
        // Groups that share a kind share its keys.
        Some(found) if found.path != expected.path => return false,
        Some(_) => {}
        None if kind != expected.kind => return false,
        None => {}
    }
    // No release has another form of version; what later releases add has this one.
    expected.custom.is_some() || is_version(split_api_version(api_version).1)
}

/// `v1`, `v2beta3`.
fn is_version(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some(rest) = text.strip_prefix('v') else {
        return false;
    };
    ["alpha", "beta"]
        .iter()
        .find_map(|stage| rest.split_once(stage))
        .map_or_else(
            || is_number(rest),
            |(major, minor)| is_number(major) && is_number(minor),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &[u8] = b"{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}";

    fn layout(keys: &[&str]) -> KeyLayout {
        let mut layout = KeyLayout::default();
        let builtin = Resources::builtin();
        for key in keys {
            layout.note(&builtin, key.as_bytes(), POD);
        }
        layout
    }

    fn expects(layout: &KeyLayout, key: &str) -> &'static str {
        match layout.expects(&Resources::builtin(), key.as_bytes()) {
            Expected::Object(_) => "object",
            Expected::Guess(_) => "guess",
            Expected::Value => "value",
            Expected::Anything => "anything",
        }
    }

    #[test]
    fn objects_are_expected_where_an_api_server_keeps_them_and_nowhere_else() {
        let usual = layout(&["/registry/pods/ns/web"]);
        for (key, expected) in [
            ("/registry/configmaps/ns/a", "object"),
            ("/registry/minions/node-1", "object"),
            ("/registry/services/specs/ns/a", "object"),
            ("/registry/example.com/widgets/ns/a", "guess"),
            ("/registry/routes/ns/a", "guess"),
            ("/registry/pods/a/b/c/d", "value"),
            ("/registry//a", "value"),
            ("/registry/health", "anything"),
            ("/registry/ranges/serviceips", "anything"),
            ("/registry/ranges/servicenodeports", "anything"),
            ("/registry/masterleases/10.0.0.1", "anything"),
            ("/registry/peerserverleases/x", "anything"),
            ("compact_rev_key", "anything"),
            ("/bootstrap/4489e5a9bd37", "anything"),
            (
                "/calico/resources/v3/projectcalico.org/ippools/default",
                "anything",
            ),
            ("/openshift.io/routes/ns/r1", "anything"),
            ("/kubernetes.io/pods/ns/a", "anything"),
            ("/app/pods/ns/a", "anything"),
        ] {
            assert_eq!(expects(&usual, key), expected, "{key}");
        }
        assert_eq!(
            usual.expects(&Resources::builtin(), b"/registry/\xff/a/b"),
            Expected::Value
        );
    }

    #[test]
    fn leases_of_api_servers_are_known_by_their_keys() {
        let usual = layout(&["/registry/pods/ns/web"]);
        let odd = layout(&["/kubernetes.io/pods/ns/web"]);
        for key in ["masterleases/10.0.0.1", "peerserverleases/apiserver-x"] {
            assert!(usual.is_server_lease(format!("/registry/{key}").as_bytes()));
            assert!(odd.is_server_lease(format!("/kubernetes.io/{key}").as_bytes()));
            assert!(!usual.is_server_lease(format!("/other/{key}").as_bytes()));
        }
        for key in [
            "/registry/services/endpoints/masterleases/x",
            "/registry/leases/a/b",
        ] {
            assert!(!usual.is_server_lease(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn a_prefix_is_known_by_the_objects_beneath_it() {
        let none = layout(&[]);
        // Of the usual prefix a kind that is known is enough.
        assert_eq!(expects(&none, "/registry/pods/ns/a"), "object");
        assert_eq!(
            expects(&none, "/registry/com.foo.Users/providers/a"),
            "anything"
        );
        let odd = layout(&["/kubernetes.io/pods/ns/web", "/v/registry/secrets/ns/a"]);
        assert_eq!(expects(&odd, "/kubernetes.io/secrets/ns/a"), "object");
        assert_eq!(
            expects(&odd, "/kubernetes.io/ranges/serviceips"),
            "anything"
        );
        assert_eq!(expects(&odd, "/v/registry/pods/ns/a"), "object");
        assert_eq!(expects(&odd, "/v/other/pods/ns/a"), "anything");
        // A custom resource that shares its name with a built-in kind is not a prefix.
        let custom = layout(&["/registry/crd.projectcalico.org/networkpolicies/ns/a"]);
        assert_eq!(custom, KeyLayout::default());
    }

    #[test]
    fn the_value_must_be_what_the_key_names() {
        let resources = Resources::builtin();
        let usual = layout(&["/registry/pods/ns/web"]);
        let flaw = |key: &str, value: &str| {
            let expected = usual.expects(&resources, key.as_bytes());
            judge(&resources, &expected, value.as_bytes())
                .1
                .map(|flaw| flaw.to_string())
        };
        let object = |api: &str, kind: &str, ns: &str, name: &str| {
            let namespace = match ns {
                "" => String::new(),
                ns => format!(",\"namespace\":\"{ns}\""),
            };
            format!(
                r#"{{"apiVersion":"{api}","kind":"{kind}","metadata":{{"name":"{name}"{namespace}}}}}"#
            )
        };
        for (key, api, kind, ns, name) in [
            ("/registry/pods/a/b", "v1", "Pod", "a", "b"),
            ("/registry/minions/n", "v1", "Node", "", "n"),
            (
                "/registry/events/a/b",
                "events.k8s.io/v1",
                "Event",
                "a",
                "b",
            ),
            (
                "/registry/deployments/a/b",
                "extensions/v1beta1",
                "Deployment",
                "a",
                "b",
            ),
            (
                "/registry/ingress/a/b",
                "networking.k8s.io/v1",
                "Ingress",
                "a",
                "b",
            ),
            (
                "/registry/ingress/a/b",
                "extensions/v1beta1",
                "Ingress",
                "a",
                "b",
            ),
            (
                "/registry/resourceclaims/a/b",
                "resource.k8s.io/v3",
                "ResourceClaim",
                "a",
                "b",
            ),
            (
                "/registry/routes/a/b",
                "route.openshift.io/v1",
                "Route",
                "a",
                "other",
            ),
        ] {
            assert_eq!(flaw(key, &object(api, kind, ns, name)), None, "{key}");
        }
        for (key, api, kind, ns, name, text) in [
            (
                "/registry/pods/a/b",
                "v1",
                "Pod",
                "a",
                "c",
                "the object calls itself a/c",
            ),
            (
                "/registry/pods/a/b",
                "v1",
                "Pod",
                "",
                "b",
                "the object calls itself b",
            ),
            (
                "/registry/secrets/a/b",
                "v1",
                "Sacret",
                "a",
                "b",
                "the key is that of a Secret, the value is a Sacret of v1",
            ),
            (
                "/registry/secrets/a/b",
                "w1",
                "Secret",
                "a",
                "b",
                "the key is that of a Secret, the value is a Secret of w1",
            ),
            (
                "/registry/pods/a/b",
                "v1",
                "Secret",
                "a",
                "b",
                "the key is that of a Pod, the value is a Secret of v1",
            ),
        ] {
            let found = flaw(key, &object(api, kind, ns, name));
            assert_eq!(found.as_deref(), Some(text), "{key}");
        }
        assert_eq!(
            flaw("/registry/pods/a/b", r#"{"apiVersion":"v1","kind":"Pod"}"#).as_deref(),
            Some("the object has no name")
        );
    }

    #[test]
    fn prefixes_inside_each_other_are_found_in_any_order() {
        let mut keys = [
            "/registry/pods/ns/a",
            "/registry/pods/pods/ns/a",
            "/registry/pods/ns/b",
        ];
        let first = layout(&keys);
        keys.reverse();
        assert_eq!(first.prefixes, layout(&keys).prefixes);
        assert_eq!(first.prefixes.len(), 2, "{first:?}");
    }
}
