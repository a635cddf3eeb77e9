//! From values to values.

use std::cmp::Ordering;

use serde_json::Value;

use super::PathError;
use super::parse::{Comparison, End, Filter, Node, Part, Slice};
use super::print;

/// What may still be done for one template. A path can ask for all values inside of all values, again and
/// again, which grows with a power of the object.
#[derive(Debug)]
pub(super) struct Budget {
    visits: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            visits: 8_000_000,
            bytes: 64 << 20,
        }
    }
}

impl Budget {
    fn visit(&mut self, count: usize) -> Result<(), PathError> {
        let left = self.visits.checked_sub(count);
        self.visits = left.ok_or(PathError::TooMuch)?;
        Ok(())
    }

    /// Puts a text out.
    pub(super) fn put(&mut self, out: &mut String, text: &str) -> Result<(), PathError> {
        let left = self.bytes.checked_sub(text.len());
        self.bytes = left.ok_or(PathError::TooMuch)?;
        out.push_str(text);
        Ok(())
    }
}

pub(super) fn render(
    parts: &[Part],
    value: &Value,
    budget: &mut Budget,
    out: &mut String,
) -> Result<(), PathError> {
    for part in parts {
        budget.visit(1)?;
        match part {
            Part::Text(text) => budget.put(out, text)?,
            Part::Path(nodes) => {
                for (i, found) in find(nodes, value, budget)?.into_iter().enumerate() {
                    if i > 0 {
                        budget.put(out, " ")?;
                    }
                    budget.put(out, &print::text(found))?;
                }
            }
            Part::Range(nodes, inner) => {
                for found in find(nodes, value, budget)? {
                    render(inner, found, budget, out)?;
                }
            }
        }
    }
    Ok(())
}

/// Gives what each part finds to `each`; a text finds itself.
pub(super) fn results(
    parts: &[Part],
    value: &Value,
    budget: &mut Budget,
    each: &mut dyn FnMut(&[&Value]),
) -> Result<(), PathError> {
    for part in parts {
        budget.visit(1)?;
        match part {
            Part::Text(text) => each(&[&Value::from(text.as_str())]),
            Part::Path(nodes) => each(&find(nodes, value, budget)?),
            Part::Range(nodes, inner) => {
                for found in find(nodes, value, budget)? {
                    results(inner, found, budget, each)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn find<'a>(
    nodes: &'a [Node],
    value: &'a Value,
    budget: &mut Budget,
) -> Result<Vec<&'a Value>, PathError> {
    let mut values = vec![value];
    for node in nodes {
        values = step(node, &values, budget)?;
    }
    Ok(values)
}

pub(super) fn step<'a>(
    node: &'a Node,
    values: &[&'a Value],
    budget: &mut Budget,
) -> Result<Vec<&'a Value>, PathError> {
    budget.visit(values.len().saturating_add(1))?;
    let mut found = Vec::new();
    match node {
        Node::Text(text) => found.push(text),
        Node::Word(word) => {
            return Err(PathError::Value(format!(
                "{word:?} is neither a value nor a field, which begins with a dot; a filter without comparison finds \
                 what has a field"
            )));
        }
        Node::Literal(literal) => found.extend(values.iter().map(|_| literal)),
        Node::Field(name) => found.extend(
            values
                .iter()
                .filter_map(|value| value.as_object()?.get(name)),
        ),
        Node::Wildcard => {
            for value in values {
                let before = found.len();
                found.extend(children(value));
                budget.visit(found.len().saturating_sub(before))?;
            }
        }
        Node::Recursive => {
            for value in values {
                descend(value, budget, &mut found)?;
            }
        }
        Node::Slice(slice) => {
            for value in values.iter().filter(|value| !value.is_null()) {
                found.extend(slice_of(slice, value)?);
            }
            budget.visit(found.len())?;
        }
        Node::Union(paths) => {
            for path in paths {
                let mut values = values.to_vec();
                for node in path {
                    values = step(node, &values, budget)?;
                }
                found.extend(values);
            }
        }
        Node::Filter(filter) => {
            for value in values.iter().filter(|value| !value.is_null()) {
                let list = value.as_array().ok_or_else(|| no_list(value))?;
                for element in list {
                    if passes(filter, element, budget)? {
                        found.push(element);
                    }
                }
            }
        }
    }
    Ok(found)
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Object(members) => Box::new(members.values()),
        Value::Array(elements) => Box::new(elements.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The value and all inside of it, but for what cannot hold or be anything.
fn descend<'a>(
    value: &'a Value,
    budget: &mut Budget,
    found: &mut Vec<&'a Value>,
) -> Result<(), PathError> {
    // A stack of iterators of its own, as values may be deep.
    let mut stack: Vec<Box<dyn Iterator<Item = &'a Value> + 'a>> =
        vec![Box::new(std::iter::once(value))];
    while let Some(top) = stack.last_mut() {
        let Some(value) = top.next() else {
            stack.pop();
            continue;
        };
        budget.visit(1)?;
        let counts = match value {
            Value::Object(members) => !members.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::String(text) => !text.is_empty(),
            _ => false,
        };
        if counts {
            found.push(value);
            stack.push(children(value));
        }
    }
    Ok(())
}

fn slice_of<'a>(
    slice: &Slice,
    value: &'a Value,
) -> Result<impl Iterator<Item = &'a Value> + use<'a>, PathError> {
    let list = value.as_array().ok_or_else(|| no_list(value))?;
    let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(len)
        } else {
            index
        }
    };
    let first = from_end(slice.first);
    let end = match slice.end {
        End::One => first.saturating_add(1),
        End::At(end) => from_end(end),
        End::Open => len,
    };
    let outside = |index: i64| {
        PathError::Value(format!(
            "element {index} is outside of a list of {}",
            list.len()
        ))
    };
    let mut part: &[Value] = &[];
    if first != end {
        if first < 0 || first >= len {
            return Err(outside(slice.first));
        }
        if end < 0 || end > len {
            return Err(outside(end.saturating_sub(1)));
        }
        if first > end {
            return Err(PathError::Value(format!(
                "a slice begins at {first} and ends at {end}"
            )));
        }
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        part = list.get(first..end).unwrap_or_default();
    }
    let step = match slice.step {
        None => 1,
        Some(step) => usize::try_from(step)
            .ok()
            .filter(|step| *step > 0)
            .ok_or_else(|| PathError::Value("the step of a slice is not above 0".into()))?,
    };
    Ok(part.iter().step_by(step))
}

fn no_list(value: &Value) -> PathError {
    let what = match value {
        Value::Object(_) => "an object",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a truth value",
        Value::Array(_) | Value::Null => "nothing",
    };
    PathError::Value(format!("{what} is not a list"))
}

pub(super) fn passes(
    filter: &Filter,
    element: &Value,
    budget: &mut Budget,
) -> Result<bool, PathError> {
    let lefts = find(&filter.left, element, budget);
    let Some((comparison, right)) = &filter.right else {
        // What cannot be looked at is not there.
        return match lefts {
            Err(PathError::Value(_)) => Ok(false),
            other => Ok(!other?.is_empty()),
        };
    };
    let lefts = lefts?;
    if lefts.is_empty() {
        return Ok(false);
    }
    let rights = find(right, element, budget)?;
    match (lefts.as_slice(), rights.as_slice()) {
        ([left], [right]) => compare(*comparison, left, right),
        ([], _) | (_, []) => Ok(false),
        _ => Err(PathError::Value(
            "a filter can only compare one value with one".into(),
        )),
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, PathError> {
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left
                .as_f64()
                .zip(right.as_f64())
                .and_then(|(left, right)| left.partial_cmp(&right)),
        },
        (Value::Bool(left), Value::Bool(right)) => {
            return match comparison {
                Comparison::Equal => Ok(left == right),
                Comparison::NotEqual => Ok(left != right),
                _ => Err(PathError::Value("truth values have no order".into())),
            };
        }
        _ => None,
    };
    let order = order.ok_or_else(|| {
        PathError::Value("a filter compares values of different types, or no scalars".into())
    })?;
    Ok(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}
