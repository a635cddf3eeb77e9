//! Columns of a person's own: `-o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[0].image`.

use std::fmt::Write as _;

use serde_json::Value;

use crate::kubernetes::query::jsonpath::{Path, PathError, printed};

/// Columns, each with what stands above it and the path to what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomColumns {
    /// Without a path, nothing is ever found.
    columns: Vec<(String, Option<Path>)>,
}

/// Why a text does not say which columns are wanted, in the words of kubectl.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// There is none.
    #[error("custom-columns format specified but no custom columns given")]
    Empty,
    /// One has no colon.
    #[error("unexpected custom-columns spec: {0}, expected <header>:<json-path-expr>")]
    NoPath(String),
    /// A file lacks a line.
    #[error(
        "invalid template, missing {0} line. Expected format is one line of space separated headers, one line of \
         space separated column specs."
    )]
    NoLine(&'static str),
    /// The lines of a file do not go together.
    #[error("number of headers ({0}) and field specifications ({1}) don't match")]
    Numbers(usize, usize),
    /// A path cannot be read.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl CustomColumns {
    /// Reads `HEADER:PATH,HEADER:PATH`.
    ///
    /// # Errors
    /// [`ColumnsError`].
    pub fn parse(text: &str) -> Result<Self, ColumnsError> {
        if text.is_empty() {
            return Err(ColumnsError::Empty);
        }
        let columns = text.split(',').map(|part| {
            let (head, path) = part
                .split_once(':')
                .ok_or_else(|| ColumnsError::NoPath(part.to_owned()))?;
            column(head, path)
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// Reads two lines, the first with the headers and the second with the paths, with blanks between.
    ///
    /// # Errors
    /// [`ColumnsError`].
    pub fn parse_lines(text: &str) -> Result<Self, ColumnsError> {
        let mut lines = text.lines();
        let mut words = |what| {
            let line = lines.next().ok_or(ColumnsError::NoLine(what))?;
            Ok::<Vec<&str>, ColumnsError>(line.split_whitespace().collect())
        };
        let (heads, paths) = (words("header")?, words("spec")?);
        if heads.len() != paths.len() {
            return Err(ColumnsError::Numbers(heads.len(), paths.len()));
        }
        let columns = heads.iter().zip(paths);
        let columns = columns.map(|(head, path)| column(head, path));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// What stands above the columns.
    pub fn heads(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(head, _)| head.as_str())
    }

    /// The cells of an object: values as Go prints them, several of one path with commas between, `<none>` where
    /// there is nothing.
    ///
    /// # Errors
    /// [`PathError::Value`] and [`PathError::TooMuch`].
    pub fn row(&self, object: &Value) -> Result<Vec<String>, PathError> {
        let cells = self.columns.iter().map(|(_, path)| {
            let found = match path {
                Some(path) => path.find(object)?,
                None => Vec::new(),
            };
            let mut cell = String::new();
            for (number, value) in found.iter().enumerate() {
                if number > 0 {
                    cell.push(',');
                }
                go_text(value, &mut cell);
            }
            if found.is_empty() {
                cell.push_str("<none>");
            }
            Ok(cell)
        });
        cells.collect()
    }
}

fn column(head: &str, path: &str) -> Result<(String, Option<Path>), ColumnsError> {
    let path = match path {
        "" => None,
        path => Some(Path::parse_column(path)?),
    };
    Ok((head.to_owned(), path))
}

/// A value as Go prints it: `map[app:web tier:front]`, `[a b]`, `<nil>`. Values are no deeper than they are decoded.
fn go_text(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Array(elements) => {
            out.push('[');
            for (number, element) in elements.iter().enumerate() {
                if number > 0 {
                    out.push(' ');
                }
                go_text(element, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push_str("map[");
            for (number, (name, member)) in members.iter().enumerate() {
                let blank = if number > 0 { " " } else { "" };
                let _ = write!(out, "{blank}{name}:");
                go_text(member, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&printed(scalar)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_as_go_prints_values() {
        let columns = CustomColumns::parse("A:.a,B:{.b[*].x},C:c,D:.d,E:,F:.f").unwrap();
        assert_eq!(columns.heads().collect::<String>(), "ABCDEF");
        let object = json!({
            "a": {"z": [1, 2.5, null, true], "b": {"k": "v w"}},
            "b": [{"x": "one"}, {"y": 0}, {"x": "two"}],
            "c": 1e9, "f": null,
        });
        assert_eq!(
            columns.row(&object).unwrap(),
            [
                "map[b:map[k:v w] z:[1 2.5 <nil> true]]",
                "one,two",
                "1000000000",
                "<none>",
                "<none>",
                "<nil>"
            ]
        );
    }

    #[test]
    fn what_is_not_a_list_of_columns_is_refused_in_the_words_of_kubectl() {
        let error = |text| CustomColumns::parse(text).unwrap_err().to_string();
        assert!(error("").contains("no custom columns given"));
        assert_eq!(
            error("A:.a,NAME"),
            "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>"
        );
        assert!(error("A:{.a").contains("unexpected path string"));
        let error = |text| CustomColumns::parse_lines(text).unwrap_err().to_string();
        assert!(error("").contains("missing header line"));
        assert!(error("A B\n").contains("missing spec line"));
        assert!(error("A B\n.a\n").contains("number of headers (2) and field specifications (1)"));
        let columns = CustomColumns::parse_lines("A  B\r\n.a {.b}\nmore").unwrap();
        assert_eq!(columns.row(&json!({"a": 1, "b": "x"})).unwrap(), ["1", "x"]);
    }
}
