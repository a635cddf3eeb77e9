//! Objects as `kubectl describe` shows them, and their owners.

use std::io;

use super::TabStops;
use crate::ops::{OwnerRow, OwnerStanding};

/// Writes a description, aligned and escaped.
///
/// # Errors
/// Those of the writer.
pub fn write_description(text: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let mut stops = TabStops::of_description();
    stops.push([text.strip_suffix('\n').unwrap_or(text)].into_iter());
    stops.write(out)
}

/// Writes the owners of an object, each with its own beneath it. kubectl does not have this section.
///
/// # Errors
/// Those of the writer.
pub fn write_owners(rows: &[OwnerRow], out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = String::from("Owners:");
    if rows.is_empty() {
        text.push_str("\t<none>");
    }
    for row in rows {
        let controls = row.is_controller.then_some("controller");
        let standing = match row.standing {
            OwnerStanding::Present => None,
            OwnerStanding::Missing => Some("missing"),
            OwnerStanding::Hidden => Some("not found, may be in what is damaged"),
            OwnerStanding::Replaced => Some("missing, another object has this name"),
            OwnerStanding::Unread => Some("its owners cannot be read"),
            OwnerStanding::Unknown => Some("not looked for"),
            OwnerStanding::Repeated => Some("see above"),
        };
        let notes: Vec<&str> = controls.into_iter().chain(standing).collect();
        let indent = "  ".repeat(row.depth.saturating_add(1));
        text.push_str(&format!("\n{indent}{}/{}", row.kind, row.name));
        if !notes.is_empty() {
            text.push_str(&format!("\t{}", notes.join(", ")));
        }
    }
    write_description(&text, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_stand_beneath_each_other_with_what_is_known_of_them() {
        let row = |depth, name: &str, is_controller, standing| OwnerRow {
            depth,
            kind: "Kind".into(),
            name: name.into(),
            is_controller,
            standing,
        };
        let written = |rows: &[OwnerRow]| {
            let mut out = Vec::new();
            write_owners(rows, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let rows = [
            row(0, "a\u{1b}[1m", true, OwnerStanding::Present),
            row(1, "gone", false, OwnerStanding::Missing),
        ];
        assert_eq!(
            written(&rows),
            "Owners:\n  Kind/a^[[1m  controller\n    Kind/gone  missing\n"
        );
        assert_eq!(written(&[]), "Owners:  <none>\n");
    }
}
