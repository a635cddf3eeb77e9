//! Custom resources: their definition says which columns they have.

use serde_json::Value;

use super::{Column, Now, name};
use crate::kubernetes::catalog::resources::CustomColumn;
use crate::kubernetes::fields::scalar;
use crate::kubernetes::query::jsonpath::{Path, printed};
use crate::kubernetes::time::parse_rfc3339;

/// How to make a cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// None if the path of the definition cannot be read; the cell is empty then.
    path: Option<Path>,
    kind: String,
}

/// Columns, and cells for all but the first, which is the name. A definition without columns has an age.
pub(super) fn layout(definition: &[CustomColumn]) -> (Vec<Column>, Vec<Cell>) {
    let age = CustomColumn {
        name: "Age".into(),
        kind: "date".into(),
        path: ".metadata.creationTimestamp".into(),
        wide: false,
    };
    let age = definition.is_empty().then_some(&age);
    let mut columns = vec![Column {
        name: "NAME".into(),
        wide: false,
    }];
    let mut cells = Vec::new();
    for column in definition.iter().chain(age) {
        columns.push(Column {
            name: column.name.to_uppercase(),
            wide: column.wide,
        });
        cells.push(Cell {
            path: Path::parse(&column.path).ok(),
            kind: column.kind.clone(),
        });
    }
    (columns, cells)
}

pub(super) fn row(cells: &[Cell], object: &Value, now: &Now) -> Vec<String> {
    let cells = cells.iter().map(|cell| cell.print(object, now));
    std::iter::once(name(object)).chain(cells).collect()
}

impl Cell {
    /// The first value at the path. One of another type than the definition says shows nothing.
    fn print(&self, object: &Value, now: &Now) -> String {
        let found = self.path.as_ref().map(|path| path.find(object));
        let Some(value) = found.and_then(|found| found.ok()?.first().copied()) else {
            return String::new();
        };
        match (self.kind.as_str(), value) {
            // As Go's templates print it.
            ("string", Value::Null) => "<no value>".into(),
            ("string", value) => printed(value),
            ("integer", Value::Number(number)) => match number.as_f64() {
                // As in Go, what is behind the point is dropped, and what is beyond 64 bits is the least number.
                Some(float) if number.as_i64().is_none() => match float as i64 {
                    i64::MAX => i64::MIN.to_string(),
                    whole => whole.to_string(),
                },
                _ => number.to_string(),
            },
            // A float, whatever it was.
            ("number", Value::Number(number)) => match number.as_f64() {
                Some(float) => printed(&float.into()),
                None => number.to_string(),
            },
            ("boolean", Value::Bool(_)) => scalar(value),
            ("date", Value::String(stamp)) => match parse_rfc3339(stamp) {
                Some(_) => now.since(stamp),
                None if stamp.is_empty() || stamp == "null" => "<unknown>".into(),
                None => "<invalid>".into(),
            },
            _ => String::new(),
        }
    }
}
