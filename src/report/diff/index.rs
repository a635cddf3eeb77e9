//! What a folder of manifests is about.

use std::fmt::Write as _;

use super::code_span::{code, who};
use super::relation_line;
use crate::finding::escape;
use crate::kubernetes::apply::clean::is_assigned;
use crate::kubernetes::apply::step::{OnRequest, Step, StepVerb};
use crate::ops::diff::{Comparison, Direction, Item, Task, Todo};
use crate::report::apply_script::step_digits;
use crate::report::history::field_line;
use crate::report::wording::worded;

/// At most this many fields of an object are told.
const FIELDS: usize = 5;

/// The account of a folder: each task with the name of its manifest or patch, if it has one.
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
        "`apply.sh` takes the steps that lead there, with `kubectl`:\n\n\
         - `sh apply.sh --dry-run` asks the server what it thinks of each; nothing is changed\n\
         - `sh apply.sh` takes them; it can be interrupted, and goes on where it stopped\n\n\
         `KUBECTL='kubectl --context x' sh apply.sh` says which kubectl. Objects get back only the fields that\n\
         differ; what was changed after the newer snapshot is kept and told. Steps that delete what holds data\n\
         or other objects are taken only with `--delete N`, N being the number of the step; those that create\n\
         what acts when it is created, with `--create N`.\n",
    );
    if comparison.old.is_damaged || comparison.new.is_damaged {
        out.push_str("\n**A file is damaged: this is not everything.**\n");
    }
    let mut number = 0usize;
    let digits = step_digits(
        tasks
            .iter()
            .filter(|(task, _)| task.todo.step().is_some())
            .count(),
    );
    let mut steps = String::new();
    for (task, file) in tasks {
        if let Some(step) = task.todo.step() {
            number = number.saturating_add(1);
            let file = file.as_deref();
            steps.push_str(&step_line(
                (number, digits),
                step,
                task.item,
                file,
                direction,
            ));
        }
    }
    if !steps.is_empty() {
        let _ = write!(out, "\n## Steps\n\n{steps}");
    }
    let left_out = tasks.iter().filter_map(|(task, _)| {
        let why = worded(task.todo.left_out()?);
        Some(format!(
            "- {} ({}): {}\n",
            who(task.item, true),
            task.item.change.as_str(),
            code(&escape::text(why.as_bytes()))
        ))
    });
    let left_out: String = left_out.collect();
    if !left_out.is_empty() {
        let _ = write!(out, "\n## Left out\n\n{left_out}");
    }
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

fn step_line(
    (number, digits): (usize, usize),
    step: &Step,
    item: &Item,
    file: Option<&str>,
    direction: Direction,
) -> String {
    let target = &step.target;
    if step.is_preparation {
        let file = file.map_or(String::new(), |file| format!(" ({})", code(file)));
        let object = who(item, true);
        let what = match step.is_without_health_port {
            true => {
                "gives up its health check node port for the time being (`externalTrafficPolicy: Cluster` until its next step): \
                     it cannot get another one before"
            }
            false => {
                "gets another node port for the time being, so that another Service can have the one it has"
            }
        };
        return format!("- {number:0digits$} {object} {what}{file}\n");
    }
    if step.is_follow_up {
        let file = file.map_or(String::new(), |file| format!(" ({})", code(file)));
        let object = code(&escape::text(target.printed_name.as_bytes()));
        let owner = who(item, true);
        let what = match step.verb {
            StepVerb::Create => format!("is created if it was deleted with its owner {owner}"),
            _ if target.resource.starts_with("persistentvolumes.") => {
                format!("is freed for {owner}, which has another uid now")
            }
            _ => format!("gets its reference to {owner} back"),
        };
        return format!("- {number:0digits$} {object} {what}{file}\n");
    }
    let what = match (step.verb, item.change) {
        (StepVerb::Patch, _) => "gets back the fields that differ",
        (StepVerb::Replace, _) => "is written back as a whole: it is stored in another version",
        (StepVerb::Create, _) => "is missing: created",
        (StepVerb::Recreate, _) if !step.addresses.is_empty() => {
            "differs in what cannot be changed, or is being deleted: deleted, then created, if its address is free"
        }
        (StepVerb::Recreate, _) => {
            "differs in what cannot be changed, or is being deleted: deleted, then created"
        }
        (StepVerb::Delete, _) => "is only in the other state: deleted",
    };
    let on_request = match &step.on_request {
        Some(OnRequest::Delete(why)) => {
            format!(" **only with `--delete {number:0digits$}`: {why}**")
        }
        Some(OnRequest::Create(why)) => {
            format!(" **only with `--create {number:0digits$}`: {why}**")
        }
        None => String::new(),
    };
    let file = file.map_or(String::new(), |file| format!(" ({})", code(file)));
    let mut out = format!(
        "- {number:0digits$} {} {what}{file}{on_request}\n",
        who(item, true)
    );
    if matches!(
        step.verb,
        StepVerb::Patch | StepVerb::Replace | StepVerb::Recreate
    ) {
        let fields = item.fields.iter();
        let mut fields = fields.filter(|field| !is_assigned(&field.path)).peekable();
        for field in fields.by_ref().take(FIELDS) {
            let field = match direction {
                Direction::ToNew => field.clone(),
                Direction::ToOld => field.reversed(),
            };
            let _ = writeln!(out, "  - {}", code(&field_line(&field)));
        }
        if fields.peek().is_some() {
            out.push_str("  - and more\n");
        }
    }
    out.push_str(&reasons(item, direction));
    out
}

/// What is security-relevant about a change; on the way back it is undone.
fn reasons(item: &Item, direction: Direction) -> String {
    let undone = match direction {
        Direction::ToNew => "",
        Direction::ToOld => "undoes ",
    };
    let line =
        |reason: &String| format!("  - {undone}{}\n", code(&escape::text(reason.as_bytes())));
    item.security.iter().map(line).collect()
}
