//! kubectl's JSONPath: templates such as `{range .items[*]}{.metadata.name}{"\n"}{end}`, and single
//! paths such as `.spec.replicas`. Where kubectl's differs from others, this follows kubectl: a dot inside
//! of a key takes a backslash also in `['a\.b']`, and `$` is the current object.
//!
//! It departs from kubectl where that is an accident: members of an object come in the order of their
//! names, an empty list does not hide the lists after it, `[?(@.a[9])]` does not hold where `a` is shorter,
//! and `2` can be compared with `2.5`.

mod evaluate;
mod parse;
mod print;

use serde_json::Value;

use evaluate::Budget;
use parse::Part;
pub use print::{compact_json, text as printed};

/// What is wrong with a path, or went wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is no path.
    #[error("path: {0}")]
    Syntax(String),
    /// The path does not go with the object.
    #[error("path: {0}")]
    Value(String),
    /// The path visits more values, or prints more, than is sensible for any object.
    #[error("path: it visits or prints too much")]
    TooMuch,
}

/// A template: text with paths in braces.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`PathError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Ok(Self {
            parts: parse::template(text)?,
        })
    }

    /// What the template prints for `value`: texts as they are, objects and lists as compact JSON, several
    /// results of one path with spaces between. A missing field prints nothing.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn render(&self, value: &Value) -> Result<String, PathError> {
        let mut out = String::new();
        evaluate::render(&self.parts, value, &mut Budget::default(), &mut out)?;
        Ok(out)
    }
}

/// One path to values inside of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    parts: Vec<Part>,
}

impl Path {
    /// Reads a path in any of the forms that kubectl takes for columns: `{.a.b}`, `.a.b`, `a.b`.
    ///
    /// # Errors
    /// [`PathError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let trimmed = text.trim();
        let inner = trimmed
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(trimmed);
        let dotted = match inner.chars().next() {
            Some('.' | '[' | '$' | '@') => format!("{{{inner}}}"),
            Some(_) => format!("{{.{inner}}}"),
            None => return Err(PathError::Syntax("it is empty".into())),
        };
        let parts = parse::template(&dotted)?;
        match parts.as_slice() {
            [Part::Path(_)] => Ok(Self { parts }),
            _ => Err(PathError::Syntax(format!("{text:?} is more than one path"))),
        }
    }

    /// The values that the path leads to; none where a field is missing.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn find<'a>(&'a self, value: &'a Value) -> Result<Vec<&'a Value>, PathError> {
        match self.parts.first() {
            Some(Part::Path(nodes)) => evaluate::find(nodes, value, &mut Budget::default()),
            _ => Ok(Vec::new()),
        }
    }

    /// What the path prints for `value`, as [`Template::render`] does.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn render(&self, value: &Value) -> Result<String, PathError> {
        let mut out = String::new();
        evaluate::render(&self.parts, value, &mut Budget::default(), &mut out)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
