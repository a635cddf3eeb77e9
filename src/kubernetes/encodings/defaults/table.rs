//! Which fields get a value when they are empty, by the message they are in: a table written by
//! `catalog/table/generator/generate`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::depending::{self, Rule};
use crate::kubernetes::catalog::table::{Kind, MessageId, Shape, TABLE};
use crate::kubernetes::release::KubeRelease;

/// The value of one field.
#[derive(Debug)]
pub(super) struct FieldDefault {
    pub(super) field: &'static str,
    first: KubeRelease,
    last: KubeRelease,
    /// Nil alone counts as empty, not a zero or an empty text.
    pub(super) is_pointer: bool,
    pub(super) value: Value,
}

impl FieldDefault {
    pub(super) fn is_of(&self, release: KubeRelease) -> bool {
        (self.first..=self.last).contains(&release)
    }
}

/// A field that holds messages.
#[derive(Debug)]
pub(super) struct Member {
    /// Empty if the fields of the message are printed in its place.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) message: MessageId,
}

/// What reading adds to one message.
#[derive(Debug, Default)]
pub(super) struct MessageDefaults {
    /// What depends on other fields, done first.
    pub(super) rule: Option<Rule>,
    pub(super) fields: Vec<FieldDefault>,
    /// The members in which, or below which, something is added.
    pub(super) members: Vec<Member>,
}

static DEFAULTS: LazyLock<HashMap<MessageId, MessageDefaults>> =
    LazyLock::new(|| parse(include_str!("defaults.table")).0);

/// What reading adds to a message; none if nothing, there or below.
pub(super) fn of_message(id: MessageId) -> Option<&'static MessageDefaults> {
    DEFAULTS.get(&id)
}

/// The messages that get something, and how many lines were not understood.
fn parse(text: &'static str) -> (HashMap<MessageId, MessageDefaults>, usize) {
    let mut by_name: HashMap<&str, Vec<FieldDefault>> = HashMap::new();
    let mut odd_lines = 0_usize;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match field(line) {
            Some((message, default)) => by_name.entry(message).or_default().push(default),
            None => odd_lines = odd_lines.saturating_add(1),
        }
    }
    let mut all: HashMap<MessageId, MessageDefaults> = HashMap::new();
    // Messages that get nothing, nor what is in them.
    let mut without = HashSet::new();
    for (id, message) in TABLE.messages() {
        let mut fields = by_name.remove(message.name).unwrap_or_default();
        if fields.iter().any(|default| default.field.is_empty()) {
            without.insert(id);
            continue;
        }
        for default in &mut fields {
            let field = message.fields.iter().find(|one| one.name == default.field);
            match field {
                Some(field) => default.is_pointer = field.is_pointer,
                None => odd_lines = odd_lines.saturating_add(1),
            }
        }
        let rule = depending::rule(message.name);
        if rule.is_some() || !fields.is_empty() {
            let defaults = all.entry(id).or_default();
            (defaults.rule, defaults.fields) = (rule, fields);
        }
    }
    odd_lines = odd_lines.saturating_add(by_name.len());
    // Versions of kinds that are gone are read as by the last release that had them.
    for defaults in all.values_mut() {
        let last = defaults.fields.iter().map(|one| one.last).max();
        for field in &mut defaults.fields {
            if Some(field.last) == last {
                field.last = KubeRelease::NEWEST;
            }
        }
    }
    // Messages that hold one of these, one level more in each round.
    loop {
        let mut found = Vec::new();
        for (id, message) in TABLE.messages().filter(|(id, _)| !without.contains(id)) {
            let known = all.get(&id).map_or(&[][..], |defaults| &defaults.members);
            let members = message.fields.iter().filter_map(|field| match field.kind {
                Kind::Message(inner) if !field.is_wrapped && all.contains_key(&inner) => {
                    Some(Member {
                        name: field.name,
                        shape: field.shape,
                        message: inner,
                    })
                }
                _ => None,
            });
            let members: Vec<_> = members.collect();
            if members.len() > known.len() {
                found.push((id, members));
            }
        }
        if found.is_empty() {
            break;
        }
        for (id, members) in found {
            all.entry(id).or_default().members = members;
        }
    }
    (all, odd_lines)
}

fn field(line: &'static str) -> Option<(&'static str, FieldDefault)> {
    let mut parts = line.split('\t');
    let (message, field) = (parts.next()?, parts.next()?);
    let default = FieldDefault {
        field,
        first: parts.next()?.parse().ok()?,
        last: parts.next()?.parse().ok()?,
        is_pointer: false,
        value: serde_json::from_str(parts.next()?).ok()?,
    };
    parts.next().is_none().then_some((message, default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_defaults_is_understood() {
        let (messages, odd_lines) = parse(include_str!("defaults.table"));
        assert_eq!(odd_lines, 0);
        assert!(messages.len() > 100, "{}", messages.len());
    }
}
