//! `-o manifests`: a folder that brings a cluster from one state to the other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DiffArgs, Form};
use crate::finding::escape;
use crate::ops::OutputError;
use crate::ops::diff::{Comparison, Direction, Task, Todo};
use crate::ops::{Folder, Session, safe_name};
use crate::report;

/// Where the manifests go, and which state they lead to.
pub(super) struct Manifests {
    folder: Folder,
    pub(super) direction: Direction,
}

impl Manifests {
    /// `None` when manifests are not what is wanted.
    pub(super) fn open(args: &DiffArgs, form: Form) -> Result<Option<Self>, String> {
        let direction = match (args.to_old, args.to_new) {
            (true, _) => Some(Direction::ToOld),
            (_, true) => Some(Direction::ToNew),
            _ => None,
        };
        if form != Form::Manifests {
            return match (direction, &args.out) {
                (None, None) => Ok(None),
                _ => Err("--to-old, --to-new and --out go with -o manifests".into()),
            };
        }
        if args.log || args.stat || args.names_only {
            return Err("-o manifests goes without --log, --stat and --names-only".into());
        }
        let Some(direction) = direction else {
            return Err("-o manifests: say where they lead: --to-old or --to-new".into());
        };
        let Some(out) = &args.out else {
            return Err("-o manifests: say where they go: --out DIR".into());
        };
        let made = Folder::create(out).and_then(|mut folder| {
            folder.folder("apply")?;
            Ok(folder)
        });
        let folder = made.map_err(|error| error.to_string())?;
        Ok(Some(Self { folder, direction }))
    }

    /// Writes a manifest. What it is called is known when all of them are there.
    pub(super) fn add(&mut self, number: usize, json: &Value) -> Result<(), OutputError> {
        self.folder
            .write(&unnamed(number), |out| report::write_yaml(json, out))
    }

    /// Gives the manifests their names, writes what goes with them, and gives the folder its name if what it was made
    /// from has not changed.
    pub(super) fn finish(
        mut self,
        comparison: &Comparison,
        names: [&str; 2],
        tasks: Vec<Task<'_>>,
        sources: [&Session<'_>; 2],
    ) -> Result<(), OutputError> {
        let is_applied = |task: &&Task<'_>| matches!(task.todo, Todo::Apply(_));
        let total = tasks.iter().filter(is_applied).count();
        let width = total.to_string().len().max(3);
        let mut number = 0usize;
        let mut deletions = String::new();
        let mut written = Vec::with_capacity(tasks.len());
        for task in tasks {
            let mut file = None;
            match &task.todo {
                Todo::Apply(made) => {
                    number += 1;
                    let kind = task.item.kind.to_lowercase();
                    let name = task.item.name.as_deref().unwrap_or_default();
                    let name = safe_name(&format!("{number:0width$}-{kind}-{name}"));
                    let name = format!("apply/{name}.yaml");
                    self.folder.rename(&unnamed(*made), &name)?;
                    file = Some(name);
                }
                Todo::Delete => {
                    deletions.push_str(&task.printed_name);
                    if let Some(namespace) = &task.item.namespace {
                        deletions.push_str(" -n ");
                        deletions.push_str(namespace);
                    }
                    deletions.push('\n');
                }
                Todo::LeftOut(_)
                | Todo::HasSecrets
                | Todo::NoObject
                | Todo::Others
                | Todo::Nothing => {}
            }
            written.push((task, file));
        }
        if !deletions.is_empty() {
            self.folder
                .write("delete.txt", |out| out.write_all(deletions.as_bytes()))?;
        }
        let index = report::tasks_markdown(comparison, names, self.direction, &written);
        self.folder
            .write("index.md", |out| out.write_all(index.as_bytes()))?;
        self.folder.finish(&sources)
    }
}

/// What a manifest is called as long as its place in the order is not known; no name that one ends up with.
fn unnamed(number: usize) -> String {
    format!("apply/{number}.new")
}

/// Each object that is left out, with the reason, as lines for people.
pub(super) fn left_out(tasks: &[Task<'_>]) -> Vec<String> {
    let line = |task: &Task<'_>| {
        let why = task.todo.left_out()?;
        let item = task.item;
        let place = item.namespace.as_ref();
        let place = place.map_or(String::new(), |namespace| format!("{namespace}/"));
        let who = match &item.name {
            Some(name) if !item.kind.is_empty() => {
                format!("{} {place}{name}", item.kind).into_bytes()
            }
            _ => item.key.clone(),
        };
        Some(format!(
            "left out: {}: {}",
            escape::text(&who),
            escape::text(why.as_bytes())
        ))
    };
    tasks.iter().filter_map(line).collect()
}

/// True when the folder does not lead all the way: something is left out that an object should be made of.
pub(super) fn is_incomplete(tasks: &[Task<'_>], without_secrets: bool) -> bool {
    tasks.iter().any(|task| match task.todo {
        Todo::LeftOut(_) => true,
        Todo::HasSecrets => !without_secrets,
        _ => false,
    })
}

/// What was done, by kind of task, in one line.
pub(super) fn summary(tasks: &[Task<'_>]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for task in tasks {
        let word = match task.todo {
            Todo::Apply(_) => "to apply",
            Todo::Delete => "to delete",
            Todo::LeftOut(_) | Todo::HasSecrets | Todo::NoObject => "left out",
            Todo::Others => "left to their controllers",
            Todo::Nothing => "with nothing to apply",
        };
        *counts.entry(word).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    match parts.as_slice() {
        [] => "nothing differs".to_string(),
        parts => parts.join(", "),
    }
}
