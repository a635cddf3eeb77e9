//! What brings a cluster from one state to the other, as manifests.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::ops::ControlFlow;

use serde_json::Value;

use super::{Diff, Item, KeyChange};
use crate::error::Result;
use crate::etcd::keyspace::Keyspace;
use crate::etcd::keyspace::RecordFacts;
use crate::kubernetes::apply::order::apply_order;
use crate::ops::objects::export::{ExportOptions, Exported, manifest};
use crate::ops::objects::reader::ValueReader;
use crate::ops::session::{Session, fetch};

/// The state that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The old one: what happened is undone.
    ToOld,
    /// The new one: what happened is done again.
    ToNew,
}

impl Direction {
    fn wanted(self, item: &Item) -> Option<RecordFacts> {
        match self {
            Self::ToOld => item.old,
            Self::ToNew => item.new,
        }
    }

    fn present(self, item: &Item) -> Option<RecordFacts> {
        match self {
            Self::ToOld => item.new,
            Self::ToNew => item.old,
        }
    }
}

/// What is to be done about one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// Apply the manifest that was given out under this number.
    Apply(usize),
    /// Delete it.
    Delete,
    /// Nothing can be done from here; why.
    LeftOut(String),
    /// It holds what is hidden, and no mark is to stand in a manifest instead.
    HasSecrets,
    /// It is not an object, so that nothing can be applied.
    NoObject,
    /// Whoever makes it does it.
    Others,
    /// It differs only in what is not applied.
    Nothing,
}

impl Todo {
    /// Why nothing is done about an object though it differs; `None` for what is done here or by others.
    pub fn left_out(&self) -> Option<&str> {
        match self {
            Self::LeftOut(why) => Some(why),
            Self::HasSecrets => Some("it has secrets (--show-secrets)"),
            Self::NoObject => Some("it is not an object of Kubernetes"),
            Self::Apply(_) | Self::Delete | Self::Others | Self::Nothing => None,
        }
    }
}

/// One object, what it is called by kubectl, and what is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Task<'d> {
    /// The object.
    pub item: &'d Item,
    /// `deployment.apps/web`.
    pub printed_name: String,
    /// What is to be done.
    pub todo: Todo,
}

impl<'i> Diff<'i> {
    /// What is to be done about each of `items`, in the order in which it is to be applied; deletions are in
    /// the opposite order. Each manifest goes to `write` as soon as it is made, with its number, from 0 on, in no
    /// particular order, and is not kept; a break ends it all, and what is returned is of no use then.
    ///
    /// # Errors
    /// Reading, cancelling.
    pub fn tasks<'d>(
        &self,
        old: &Session<'i>,
        new: &Session<'i>,
        reader: &ValueReader,
        direction: Direction,
        items: &[&'d Item],
        mut write: impl FnMut(usize, Value) -> ControlFlow<()>,
    ) -> Result<Vec<Task<'d>>> {
        let keyspaces = (&self.old, self.new_keyspace());
        let ((wanted_session, wanted), (present_session, present)) = match direction {
            Direction::ToOld => ((old, keyspaces.0), (new, keyspaces.1)),
            Direction::ToNew => ((new, keyspaces.1), (old, keyspaces.0)),
        };
        let digests = foldhash::quality::RandomState::default();
        let digest = |exported: &Exported| match exported {
            Exported::Manifest(json) => Some(digests.hash_one(json.to_string())),
            _ => None,
        };
        let mut known: HashMap<&[u8], Option<u64>> = HashMap::new();
        let both = |item: &&Item| item.old.is_some() && item.new.is_some();
        let records = items
            .iter()
            .copied()
            .filter(both)
            .filter_map(|item| Some((item, direction.present(item)?)));
        exported(
            present_session,
            present,
            reader,
            records,
            |item, exported| {
                known.insert(&item.key, digest(&exported));
                ControlFlow::Continue(())
            },
        )?;
        let mut tasks: Vec<Task<'d>> = Vec::with_capacity(items.len());
        let mut add = |item: &'d Item, todo: Todo| {
            let kind = self
                .surroundings
                .resources
                .of_kind_or_guess(&item.api_version, &item.kind);
            tasks.push(Task {
                item,
                printed_name: kind.printed_name(item.name.as_deref().unwrap_or_default()),
                todo,
            });
        };
        let mut to_read = Vec::new();
        for &item in items {
            match (direction.wanted(item), item.change) {
                (_, KeyChange::Unknown) => add(
                    item,
                    Todo::LeftOut("damage in a file hides what became of it".into()),
                ),
                _ if item.kind.is_empty() => add(item, Todo::NoObject),
                (_, KeyChange::Touched(_) | KeyChange::Lease) => add(item, Todo::Nothing),
                (None, _) if !item.damage.is_empty() => {
                    add(
                        item,
                        Todo::LeftOut(
                            "to be deleted, but damaged: an API server cannot; delete its key"
                                .into(),
                        ),
                    );
                }
                (Some(_), _) if is_damaged(item, direction) => {
                    let why = item.damage.iter().map(|(_, flaw)| flaw.to_string()).next();
                    add(
                        item,
                        Todo::LeftOut(format!("damaged: {}", why.unwrap_or_default())),
                    );
                }
                (None, _) if item.is_made_by_others => add(item, Todo::Others),
                (None, _) if !is_plain(item) => add(
                    item,
                    Todo::LeftOut(
                        "to be deleted, but its name is none that objects can have".into(),
                    ),
                ),
                (None, _) => add(item, Todo::Delete),
                (Some(facts), _) => to_read.push((item, facts)),
            }
        }
        let mut count = 0usize;
        exported(
            wanted_session,
            wanted,
            reader,
            to_read.into_iter(),
            |item, exported| {
                let is_same = known
                    .get(item.key.as_slice())
                    .is_some_and(|known| known.is_some() && *known == digest(&exported));
                let mut flow = ControlFlow::Continue(());
                let todo = match exported {
                    _ if is_same => Todo::Nothing,
                    Exported::Manifest(json) => {
                        let number = count;
                        count = count.saturating_add(1);
                        flow = write(number, json);
                        Todo::Apply(number)
                    }
                    Exported::Owned => Todo::Others,
                    Exported::Secret => Todo::HasSecrets,
                    Exported::Unreadable(why) => Todo::LeftOut(why),
                    Exported::Damaged(flaw) => Todo::LeftOut(flaw.to_string()),
                };
                add(item, todo);
                flow
            },
        )?;
        tasks.sort_by(|a, b| {
            let order = |task: &Task<'_>| {
                let place = apply_order(&task.item.api_version, &task.item.kind);
                match task.todo {
                    Todo::Delete => u8::MAX.saturating_sub(place),
                    _ => place,
                }
            };
            (order(a), &a.item.namespace, &a.printed_name).cmp(&(
                order(b),
                &b.item.namespace,
                &b.printed_name,
            ))
        });
        Ok(tasks)
    }
}

/// True when the wanted state of an object is damaged.
fn is_damaged(item: &Item, direction: Direction) -> bool {
    let side = match direction {
        Direction::ToOld => "old",
        Direction::ToNew => "new",
    };
    item.damage.iter().any(|(damaged, _)| *damaged == side)
}

fn exported<'i, 'd>(
    session: &Session<'i>,
    keyspace: &Keyspace<'i>,
    reader: &ValueReader,
    records: impl Iterator<Item = (&'d Item, RecordFacts)> + Clone,
    mut each: impl FnMut(&'d Item, Exported) -> ControlFlow<()>,
) -> Result<()> {
    let mut items = records.clone().map(|(item, _)| item);
    fetch(
        session,
        keyspace,
        records.map(|(item, facts)| facts.with_key(&item.key)),
        |key, value, revision| manifest(key, value, revision, reader, ExportOptions::default()),
        |_, exported| {
            let Some(item) = items.next() else {
                return ControlFlow::Break(());
            };
            let lost = || Exported::Unreadable("its value cannot be read any more".into());
            each(item, exported.unwrap_or_else(lost))
        },
    )
}

/// True when name and namespace may stand in a command as they are.
fn is_plain(item: &Item) -> bool {
    let is_word = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
    };
    item.name.as_deref().is_some_and(is_word)
        && item.namespace.as_deref().is_none_or(is_word)
        && is_word(&item.kind)
}
