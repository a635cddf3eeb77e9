//! Field selectors: `metadata.namespace=shop,status.phase!=Running`.

use serde_json::Value;

use crate::kubernetes::fields::scalar;

/// Conditions on fields of an object, all of which must hold. An API server knows a few fields per kind;
/// here each field that holds a text, a number or a truth value can be named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    path: Vec<String>,
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
    /// backslash; in a field, a dot that belongs to a key does.
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

    /// True if the fields of `object` fulfil all conditions. A missing field is the empty text, and false.
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.find(object) {
                Some(value) => scalar(value) == term.value,
                None => term.value.is_empty() || term.value == "false",
            };
            found == term.equal
        })
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
        let field = field.trim().trim_start_matches('.');
        if field.is_empty() {
            return Err(none());
        }
        let path = split_unescaped(field, '.');
        let path = path.into_iter().map(|key| key.replace("\\.", "."));
        Ok(Self {
            path: path.collect(),
            equal,
            value: unescaped(value)?,
        })
    }

    /// The field, if it is there.
    fn find<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        let mut value = object;
        for key in &self.path {
            value = value.get(key)?;
        }
        // The source of an event goes by the component's name.
        match value.get("component") {
            Some(component) if self.path == ["source"] => Some(component),
            _ => Some(value),
        }
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
    use proptest::prelude::*;
    use serde_json::json;

    fn matches(selector: &str) -> bool {
        let object = json!({
            "metadata": {"name": "web,1=2\\", "namespace": "shop", "labels": {"a.b": "c"}},
            "spec": {"nodeName": "node-1", "replicas": 3, "unschedulable": true},
            "status": {"phase": "Running"},
            "source": {"component": "kubelet"},
        });
        FieldSelector::parse(selector)
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
            .matches(&object)
    }

    #[test]
    fn fields_are_compared_as_texts() {
        for selector in [
            "",
            "metadata.namespace=shop",
            "metadata.namespace==shop,status.phase!=Failed",
            "spec.replicas=3,",
            "spec.unschedulable=true",
            "spec.hostNetwork=false",
            "spec.gone=",
            "spec.gone!=x",
            ".spec.nodeName=node-1",
            "metadata.name=web\\,1\\=2\\\\",
            "metadata.labels.a\\.b=c",
            "source=kubelet",
        ] {
            assert!(matches(selector), "{selector}");
        }
        for selector in ["metadata.namespace!=shop", "spec.gone=x", "spec=x"] {
            assert!(!matches(selector), "{selector}");
        }
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
                selector.matches(&json!({"a": {"a": 1}}));
            }
        }
    }
}
