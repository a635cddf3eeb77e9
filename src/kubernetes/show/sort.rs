//! By what `--sort-by` sorts, in the order that kubectl has.

use serde_json::Value;

use super::quantity::Quantity;
use crate::kubernetes::query::jsonpath::{Path, PathError};

/// The path to the field by which objects are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct SortPath {
    path: Path,
    text: String,
}

/// Why values cannot be sorted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// No object has the field.
    #[error("couldn't find any field with path {0:?} in the list of objects")]
    NotFound(String),
    /// Values of this type have no order.
    #[error("Field {0} is an unsortable type: {1}")]
    Unsortable(String, &'static str),
    /// The path cannot be followed.
    #[error(transparent)]
    Path(#[from] PathError),
    /// All values of the field together are too large.
    #[error("the values of the field {0} take too much memory to be sorted by")]
    TooLarge(String),
}

impl SortPath {
    /// Reads a path in any of the forms that kubectl takes.
    ///
    /// # Errors
    /// [`PathError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let path = Path::parse_column(text)?;
        let inner = text.trim_matches(['{', '}']);
        let inner = inner.strip_prefix('.').unwrap_or(inner);
        Ok(Self {
            path,
            text: format!("{{.{inner}}}"),
        })
    }

    /// The value by which an object is sorted: the first that the path leads to.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn key(&self, object: &Value) -> Result<Option<Value>, PathError> {
        Ok(self
            .path
            .find(object)?
            .first()
            .map(|found| (*found).clone()))
    }

    /// The path as it is told.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when an object with the value `a` comes before one with `b`. As in kubectl, what lacks the field comes
    /// first, also before another that lacks it, and texts that are quantities are compared as such.
    ///
    /// # Errors
    /// [`SortError::Unsortable`].
    pub fn is_less(&self, a: Option<&Value>, b: Option<&Value>) -> Result<bool, SortError> {
        let (Some(a), Some(b)) = (a, b) else {
            return Ok(a.is_none());
        };
        let unsortable = |what| Err(SortError::Unsortable(self.text.clone(), what));
        match (a, b) {
            (Value::Null, other) => Ok(!other.is_null()),
            (_, Value::Null) => Ok(false),
            (Value::String(a), Value::String(b)) => {
                let quantities = (a.parse::<Quantity>(), b.parse::<Quantity>());
                Ok(match quantities {
                    (Ok(a), Ok(b)) => a < b,
                    _ => a < b,
                })
            }
            (Value::Number(a), Value::Number(b)) => Ok(match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => a < b,
                _ => a.as_f64() < b.as_f64(),
            }),
            (Value::Bool(_), _) | (_, Value::Bool(_)) => unsortable("bool"),
            (Value::Object(_), _) | (_, Value::Object(_)) => unsortable("object"),
            (Value::Array(_), _) | (_, Value::Array(_)) => unsortable("array"),
            _ => unsortable("texts and numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn is_less(a: Value, b: Value) -> Result<bool, SortError> {
        let path = SortPath::parse(".a").unwrap();
        let key = |value: Value| path.key(&json!({"a": value})).unwrap();
        path.is_less(key(a).as_ref(), key(b).as_ref())
    }

    #[test]
    fn texts_are_compared_as_quantities_only_if_both_are() {
        assert!(is_less(json!("9Mi"), json!("1Gi")).unwrap());
        assert!(is_less(json!("10"), json!("9x")).unwrap());
        assert!(!is_less(json!("10"), json!("9")).unwrap());
        assert!(is_less(json!("2026-01-02T03:04:05Z"), json!("2026-01-02T03:04:06Z")).unwrap());
        assert!(is_less(json!(9), json!(10)).unwrap());
        assert!(is_less(json!(1.5), json!(2)).unwrap());
    }

    #[test]
    fn what_lacks_the_field_comes_first_and_null_before_other_values() {
        let path = SortPath::parse("a.b").unwrap();
        assert_eq!(path.text(), "{.a.b}");
        let one = json!(1);
        assert!(path.is_less(None, Some(&one)).unwrap());
        assert!(path.is_less(None, None).unwrap());
        assert!(!path.is_less(Some(&one), None).unwrap());
        assert!(is_less(json!(null), json!("x")).unwrap());
        assert!(!is_less(json!(null), json!(null)).unwrap());
    }

    #[test]
    fn values_without_an_order_are_a_fault() {
        for value in [json!({}), json!([1]), json!(true)] {
            let error = is_less(value.clone(), value).unwrap_err();
            assert!(matches!(error, SortError::Unsortable(..)), "{error}");
        }
        assert!(is_less(json!("1"), json!(1)).is_err());
    }

    #[test]
    fn paths_are_read_as_kubectl_reads_them() {
        for text in ["{.a.b}", "{a.b}", ".a.b", "a.b"] {
            assert_eq!(SortPath::parse(text).unwrap().text(), "{.a.b}");
        }
        for text in ["", "{}", "{.a", "{.a}{.b}", ".a}"] {
            let error = SortPath::parse(text).unwrap_err().to_string();
            assert!(error.contains("unexpected path string"), "{text}: {error}");
        }
    }
}
