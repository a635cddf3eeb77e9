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
use parse::{Node, Part};
#[cfg(feature = "cli")]
pub(crate) use print::go_fragment;
pub use print::{compact_json, text as printed};

/// What is wrong with a path, or went wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is not a path.
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

    /// Gives to `each` what each part of the template finds in `value`, once for each round of a range; a text
    /// between paths finds itself.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn results(&self, value: &Value, mut each: impl FnMut(&[&Value])) -> Result<(), PathError> {
        evaluate::results(&self.parts, value, &mut Budget::default(), &mut each)
    }

    /// The parts of the template, if none looks at a list of objects otherwise than at one item after the
    /// other: `{.items[*].metadata.name}`, `{range .items[*]}…{end}`, the same with filters. Such a
    /// template needs no list; each part is rendered for all items before the next one.
    pub fn item_parts(&self) -> Option<Vec<ItemPart<'_>>> {
        self.parts.iter().map(ItemPart::of).collect()
    }
}

/// A part of a template that looks at one item of a list at a time.
#[derive(Debug)]
pub struct ItemPart<'t>(Kind<'t>);

#[derive(Debug)]
enum Kind<'t> {
    Text(&'t str),
    /// The step that takes the item, and those behind it; for a range, what is rendered.
    Items(&'t Node, &'t [Node], Option<&'t [Part]>),
}

/// True if a step looks at each item of a list by itself.
fn takes_each(step: &Node) -> bool {
    match step {
        Node::Slice(slice) => {
            slice.first == 0
                && slice.end == parse::End::Open
                && slice.step.is_none_or(|step| step == 1)
        }
        _ => true,
    }
}

impl<'t> ItemPart<'t> {
    fn of(part: &'t Part) -> Option<Self> {
        let (nodes, inner) = match part {
            Part::Text(text) => return Some(Self(Kind::Text(text))),
            Part::Path(nodes) => (nodes, None),
            Part::Range(nodes, inner) => (nodes, Some(inner.as_slice())),
        };
        match nodes.as_slice() {
            [
                Node::Field(items),
                take @ (Node::Wildcard | Node::Filter(_) | Node::Slice(_)),
                rest @ ..,
            ] if items == "items"
                    && takes_each(take)
                    // These take all values before them together.
                    && !rest
                        .iter()
                        .any(|node| matches!(node, Node::Union(_) | Node::Text(_))) =>
            {
                Some(Self(Kind::Items(take, rest, inner)))
            }
            _ => None,
        }
    }

    /// The text, if it is one, which stands for itself and is not rendered for each item.
    pub fn text(&self) -> Option<&'t str> {
        match self.0 {
            Kind::Text(text) => Some(text),
            Kind::Items(..) => None,
        }
    }

    /// Appends what the part prints for one item. `has_printed` is false before the first one.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn render(
        &self,
        item: &Value,
        has_printed: &mut bool,
        out: &mut String,
    ) -> Result<(), PathError> {
        let Kind::Items(take, rest, inner) = self.0 else {
            return Ok(());
        };
        let mut budget = Budget::default();
        if let Node::Filter(filter) = take
            && (item.is_null() || !evaluate::passes(filter, item, &mut budget)?)
        {
            return Ok(());
        }
        for found in evaluate::find(rest, item, &mut budget)? {
            match inner {
                Some(parts) => evaluate::render(parts, found, &mut budget, out)?,
                None => {
                    if std::mem::replace(has_printed, true) {
                        budget.put(out, " ")?;
                    }
                    budget.put(out, &print::text(found))?;
                }
            }
        }
        Ok(())
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

    /// Reads a path as kubectl does for columns and for sorting, in one of the forms `{.a.b}`, `{a.b}`, `.a.b`, `a.b`.
    ///
    /// # Errors
    /// [`PathError::Syntax`], for another form in the words of kubectl.
    pub fn parse_column(text: &str) -> Result<Self, PathError> {
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').unwrap_or_default(),
            None => text,
        };
        if inner.is_empty() || inner.contains(['{', '}']) {
            return Err(PathError::Syntax(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or \
                 '{.name1.name2}'"
                    .into(),
            ));
        }
        Self::parse(inner)
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

    /// How far the path leads: the steps that find something, as text, and what they find. `None` if all of them do.
    pub fn last_found<'a>(&'a self, value: &'a Value) -> Option<(String, Vec<&'a Value>)> {
        let Some(Part::Path(nodes)) = self.parts.first() else {
            return None;
        };
        let mut budget = Budget::default();
        let (mut path, mut values) = (String::new(), vec![value]);
        for node in nodes {
            let found = evaluate::step(node, &values, &mut budget).unwrap_or_default();
            if found.is_empty() {
                return Some((path, values));
            }
            path.push_str(&node.to_string());
            values = found;
        }
        None
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
