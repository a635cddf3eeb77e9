//! `-o manifests`: a folder that brings a cluster from one state to the other.

use std::collections::BTreeMap;

use super::{DiffArgs, Form};
use crate::finding::escape;
use crate::kubernetes::apply::step::StepVerb;
use crate::ops::OutputError;
use crate::ops::diff::{Comparison, Content, Direction, StepFile, Task, Todo};
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
            folder.folder("steps")?;
            Ok(folder)
        });
        let folder = made.map_err(|error| crate::error::with_causes(&error))?;
        Ok(Some(Self { folder, direction }))
    }

    /// Writes what a step reads. What it is called is known when all of them are there.
    pub(super) fn add(&mut self, number: usize, file: &StepFile) -> Result<(), OutputError> {
        match file {
            StepFile::Manifest(json) => self
                .folder
                .write(&unnamed(number, ""), |out| report::write_yaml(json, out)),
            StepFile::Request(json) => self.folder.write(&unnamed(number, ""), |out| {
                report::write_pretty_json(json, out)
            }),
            StepFile::Patch(patch) => {
                self.folder.write(&unnamed(number, ""), |out| {
                    report::write_operations(&patch.operations, out)
                })?;
                self.folder.write(&unnamed(number, AFTER), |out| {
                    report::write_operations(&patch.after, out)
                })
            }
        }
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
        let total = tasks
            .iter()
            .filter(|task| task.todo.step().is_some())
            .count();
        let digits = report::step_digits(total);
        let mut number = 0usize;
        let mut written = Vec::with_capacity(tasks.len());
        for task in tasks {
            let mut file = None;
            if let Todo::Take(step, content) = &task.todo {
                number += 1;
                let kind = task.printed_name.split(['.', '/']).next();
                let kind = kind.unwrap_or_default();
                let verb = step.verb.as_str();
                let name = format!("{number:0digits$}-{verb}-{kind}-{}", step.target.name);
                let name = format!("steps/{}", safe_name(&name));
                file = match *content {
                    Content::None => None,
                    Content::Manifest(made) => {
                        let name = format!("{name}.yaml");
                        self.folder.rename(&unnamed(made, ""), &name)?;
                        Some(name)
                    }
                    Content::Request(made) => {
                        let name = format!("{name}.json");
                        self.folder.rename(&unnamed(made, ""), &name)?;
                        Some(name)
                    }
                    Content::Patch(made) => {
                        let after = format!("{name}{AFTER}.json");
                        self.folder.rename(&unnamed(made, AFTER), &after)?;
                        let name = format!("{name}.json");
                        self.folder.rename(&unnamed(made, ""), &name)?;
                        Some(name)
                    }
                };
            }
            written.push((task, file));
        }
        let steps = || {
            let steps = written.iter();
            steps.filter_map(|(task, file)| Some((task.todo.step()?, file.as_deref())))
        };
        self.folder
            .write("apply.sh", |out| report::write_apply_script(steps, out))?;
        let index = report::tasks_markdown(comparison, names, self.direction, &written);
        self.folder
            .write("index.md", |out| out.write_all(index.as_bytes()))?;
        self.folder.finish(&sources)
    }
}

/// Behind the name of a patch: the tests for what it leads to.
const AFTER: &str = ".after";

/// What a file is called as long as its place in the order is not known; no name that one ends up with.
fn unnamed(number: usize, after: &str) -> String {
    format!("steps/{number}{after}.new")
}

/// Each object that is left out, with the reason, as lines for people.
pub(super) fn left_out(tasks: &[Task<'_>]) -> Vec<String> {
    let line = |task: &Task<'_>| {
        let why = report::worded(task.todo.left_out()?);
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
        let word = match &task.todo {
            Todo::Take(step, _) => match (&step.on_request, step.verb) {
                (Some(_), _) => "only when asked for",
                (None, StepVerb::Patch | StepVerb::Replace) => "to patch",
                (None, StepVerb::Create) => "to create",
                (None, StepVerb::Recreate) => "to create again",
                (None, StepVerb::Delete) => "to delete",
            },
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
