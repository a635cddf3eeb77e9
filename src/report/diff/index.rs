//! What a folder of manifests is about.

use std::fmt::Write as _;

use super::code_span::{code, who};
use super::relation_line;
use crate::finding::escape;
use crate::kubernetes::apply::clean::is_assigned;
use crate::kubernetes::apply::order::takes_others_along;
use crate::ops::diff::{Comparison, Direction, Item, KeyChange, Task, Todo};
use crate::report::history::field_line;

/// So many fields of an object are told.
const FIELDS: usize = 5;

/// The account of a folder: `files` has the name of the manifest of each task that has one.
pub fn tasks_markdown(
    comparison: &Comparison,
    names: [&str; 2],
    direction: Direction,
    tasks: &[(Task<'_>, Option<String>)],
) -> String {
    let [old, new] = names.map(code);
    let (from, to) = match direction {
        Direction::ToOld => (new, old),
        Direction::ToNew => (old, new),
    };
    let mut out = format!("# From {from} to {to}\n\n");
    let _ = writeln!(out, "{}\n", code(relation_line(comparison).trim()));
    out.push_str(
        "Apply the manifests in their order: `kubectl apply -f apply/`. They are cleaned of what a cluster\n\
         assigns. `delete.txt` names what only the other state has; nothing deletes it for you.\n",
    );
    if comparison.old.is_damaged || comparison.new.is_damaged {
        out.push_str("\n**A file is damaged: this is not everything.**\n");
    }
    let part = |out: &mut String,
                title: &str,
                line: &dyn Fn(&Task<'_>, Option<&str>) -> Option<String>| {
        let lines: Vec<String> = tasks
            .iter()
            .filter_map(|(task, file)| line(task, file.as_deref()))
            .collect();
        if !lines.is_empty() {
            let _ = write!(out, "\n## {title}\n\n{}", lines.concat());
        }
    };
    part(&mut out, "To be applied", &|task, file| {
        Some(applied(task.item, file?))
    });
    part(&mut out, "To be deleted", &|task, _| {
        (task.todo == Todo::Delete).then(|| deleted(task.item))
    });
    part(&mut out, "Left out", &|task, _| {
        task.todo.left_out().map(|why| {
            format!(
                "- {} ({}): {}\n",
                who(task.item, true),
                task.item.change.as_str(),
                code(&escape::text(why.as_bytes()))
            )
        })
    });
    let count = |wanted: &Todo| {
        tasks
            .iter()
            .filter(|(task, _)| task.todo == *wanted)
            .count()
    };
    let (others, nothing) = (count(&Todo::Others), count(&Todo::Nothing));
    let _ = writeln!(
        out,
        "\nLeft to those who make them again: {others}. Different only in what is not applied: {nothing}."
    );
    out
}

fn applied(item: &Item, file: &str) -> String {
    let why = match item.change {
        KeyChange::Changed => "differs",
        KeyChange::Recreated => "was deleted and created again in between",
        _ => "is missing",
    };
    let mut out = format!("- {} {} {why}\n", code(file), who(item, true));
    if item.change == KeyChange::Changed {
        let fields = item.fields.iter();
        let mut fields = fields.filter(|field| !is_assigned(&field.path)).peekable();
        for field in fields.by_ref().take(FIELDS) {
            let _ = writeln!(out, "  - from old to new: {}", code(&field_line(field)));
        }
        if fields.peek().is_some() {
            out.push_str("  - and more\n");
        }
    }
    out.push_str(&reasons(item));
    out
}

fn deleted(item: &Item) -> String {
    let mark = if takes_others_along(&item.api_version, &item.kind) {
        " **takes data or other objects with it**"
    } else {
        ""
    };
    format!("- {}{mark}\n{}", who(item, true), reasons(item))
}

fn reasons(item: &Item) -> String {
    let line = |reason: &String| format!("  - {}\n", code(&escape::text(reason.as_bytes())));
    item.security.iter().map(line).collect()
}
