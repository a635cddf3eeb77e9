//! Field selectors: `metadata.namespace=shop,status.phase!=Running`.

use serde_json::Value;

use super::selectable::{NAME, NAMESPACE, field_value};
use super::selected::Selected;
use crate::kubernetes::catalog::resources::Resource;

/// Conditions on fields of an object, all of which must hold. Which fields there are depends on the kind:
/// [`selectable_fields`](super::selectable::selectable_fields).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

/// Why a text is not a field selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldSelectorError {
    /// A part without an operator, or without a field.
    #[error("field selector: {0:?} is not FIELD=VALUE, FIELD==VALUE or FIELD!=VALUE")]
    NoTerm(String),
    /// A backslash before something that needs none.
    #[error("field selector: in {0:?} a backslash is not followed by '\\', ',' or '='")]
    Escape(String),
    /// An `=` in a value without a backslash.
    #[error("field selector: the '=' in the value {0:?} needs a backslash")]
    Unescaped(String),
}

impl FieldSelector {
    /// Reads terms with commas between: `a.b=c`, `a.b==c`, `a.b!=c`. In a value, `\`, `,` and `=` take a
    /// backslash.
    ///
    /// # Errors
    /// [`FieldSelectorError`].
    pub fn parse(text: &str) -> Result<Self, FieldSelectorError> {
        let mut terms = Vec::new();
        for part in split_unescaped(text, ',') {
            if !part.trim().is_empty() {
                terms.push(Term::parse(part)?);
            }
        }
        Ok(Self { terms })
    }

    /// True if everything is selected.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The fields that are named.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(|term| term.field.as_str())
    }

    /// Whether the fields of `object` fulfil all conditions. Where `has_fields` is false, it has only its metadata,
    /// and nothing can be said of other fields.
    pub fn matches(&self, resource: &Resource, object: &Value, has_fields: bool) -> Selected {
        self.each(|term| {
            let is_known = has_fields || [NAME, NAMESPACE].contains(&term.field.as_str());
            is_known.then(|| field_value(resource, &term.field, object))
        })
    }

    /// The same of an object of which only namespace and name are known.
    pub fn matches_name(&self, namespace: &str, name: &str) -> Selected {
        self.each(|term| match term.field.as_str() {
            NAME => Some(name.to_owned()),
            NAMESPACE => Some(namespace.to_owned()),
            _ => None,
        })
    }

    fn each(&self, value: impl Fn(&Term) -> Option<String>) -> Selected {
        let holds = self.terms.iter().map(|term| match value(term) {
            Some(value) => Selected::from((value == term.value) == term.equal),
            None => Selected::Unknown,
        });
        holds.fold(Selected::Yes, Selected::and)
    }
}

impl Term {
    fn parse(part: &str) -> Result<Self, FieldSelectorError> {
        let none = || FieldSelectorError::NoTerm(part.to_owned());
        let at = part.find(['=', '!']).ok_or_else(none)?;
        let (field, rest) = part.split_at_checked(at).ok_or_else(none)?;
        let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
            (false, value)
        } else if let Some(value) = rest.strip_prefix("==") {
            (true, value)
        } else {
            (true, rest.strip_prefix('=').ok_or_else(none)?)
        };
        let field = field.trim();
        if field.is_empty() {
            return Err(none());
        }
        Ok(Self {
            field: field.to_owned(),
            equal,
            value: unescaped(value)?,
        })
    }
}

/// The parts between separators that have no backslash before them; the backslashes stay.
fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    text.split(|c| {
        let splits = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
    .collect()
}

fn unescaped(value: &str) -> Result<String, FieldSelectorError> {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                _ => return Err(FieldSelectorError::Escape(value.to_owned())),
            },
            '=' => return Err(FieldSelectorError::Unescaped(value.to_owned())),
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::catalog::resources::Resources;
    use crate::kubernetes::fields::text;
    use proptest::prelude::*;
    use serde_json::json;

    fn resource(api_version: &str, kind: &str) -> Resource {
        let resources = Resources::builtin();
        resources.of_kind_or_guess(api_version, kind).into_owned()
    }

    fn selects(selector: &str, object: &Value) -> Selected {
        let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
        FieldSelector::parse(selector)
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
            .matches(&resource(api_version, kind), object, true)
    }

    #[test]
    fn fields_are_read_as_an_api_server_reads_them() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web,1=2\\", "namespace": "shop"},
            "spec": {"nodeName": "node-1"},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.2"}]}});
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "namespace": "x"},
            "spec": {"unschedulable": true}});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "status": {"succeeded": 2}});
        let old_event = json!({"apiVersion": "v1", "kind": "Event", "source": {"component": "kubelet"},
            "involvedObject": {"name": "web"}, "metadata": {}});
        let new_event = json!({"apiVersion": "v1", "kind": "Event", "source": {},
            "reportingComponent": "scheduler", "involvedObject": {}, "metadata": {}});
        for (selector, object) in [
            ("", &pod),
            ("metadata.namespace=shop", &pod),
            ("metadata.namespace==shop,status.phase!=Failed,", &pod),
            ("spec.host=node-1,spec.nodeName=node-1", &pod),
            ("spec.hostNetwork=false,status.nominatedNodeName=", &pod),
            ("status.podIP=10.0.0.2,status.podIPs=", &pod),
            ("metadata.name=web\\,1\\=2\\\\", &pod),
            ("spec.unschedulable=true", &node),
            ("status.successful=2", &job),
            ("source=kubelet,involvedObject.name=web", &old_event),
            ("source=scheduler,reportingComponent=scheduler", &new_event),
        ] {
            assert_eq!(selects(selector, object), Selected::Yes, "{selector}");
        }
        for (selector, object) in [
            ("metadata.namespace!=shop", &pod),
            ("spec.hostNetwork=", &pod),
            ("status.podIP=10.0.0.1", &pod),
            ("spec.unschedulable!=true", &node),
            ("metadata.namespace=x", &resource_less(&node)),
            ("status.successful=1", &job),
            ("source=scheduler", &old_event),
        ] {
            assert_eq!(selects(selector, object), Selected::No, "{selector}");
        }
    }

    /// The same node as another kind of the cluster, of which a namespace may be asked.
    fn resource_less(node: &Value) -> Value {
        let mut other = node.clone();
        other["kind"] = "PersistentVolume".into();
        other
    }

    #[test]
    fn what_is_not_known_of_an_object_decides_nothing() {
        let selects = |selector: &str| {
            let selector = FieldSelector::parse(selector).expect("a selector");
            selector.matches_name("shop", "db")
        };
        for (selector, answer) in [
            ("", Selected::Yes),
            ("metadata.name=db,metadata.namespace!=other", Selected::Yes),
            ("metadata.name=web", Selected::No),
            ("type=Opaque", Selected::Unknown),
            ("metadata.name=db,type=Opaque", Selected::Unknown),
            ("type=Opaque,metadata.name=web", Selected::No),
        ] {
            assert_eq!(selects(selector), answer, "{selector}");
        }
        let bare = json!({"metadata": {"name": "db", "namespace": "shop"}});
        let selector = FieldSelector::parse("metadata.name=db,type=").expect("a selector");
        let secret = resource("v1", "Secret");
        assert_eq!(selector.matches(&secret, &bare, false), Selected::Unknown);
        assert_eq!(selector.matches(&secret, &bare, true), Selected::Yes);
    }

    #[test]
    fn a_broken_field_selector_is_explained() {
        for (selector, message) in [
            (
                "name",
                "field selector: \"name\" is not FIELD=VALUE, FIELD==VALUE or FIELD!=VALUE",
            ),
            (
                "=x",
                "field selector: \"=x\" is not FIELD=VALUE, FIELD==VALUE or FIELD!=VALUE",
            ),
            (
                "a=\\n",
                "field selector: in \"\\\\n\" a backslash is not followed by '\\', ',' or '='",
            ),
            (
                "a=b=c",
                "field selector: the '=' in the value \"b=c\" needs a backslash",
            ),
        ] {
            let error = FieldSelector::parse(selector).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[a.=!,\\\\]{0,24}|\\PC{0,24}") {
            if let Ok(selector) = FieldSelector::parse(&text) {
                selector.matches(&resource("v1", "Pod"), &json!({"a": {"a": 1}}), true);
            }
        }
    }
}
