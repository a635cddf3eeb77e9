//! What was asked for and is not there, as lines of text. The words are the same in every command.

use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{Absence, AbsenceReason, Absences, LookedFor};

/// What narrows down what is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct AbsenceContext<'a> {
    /// The namespaces of objects; none: all.
    pub namespaces: &'a [String],
    /// Selectors, as they were written: `-l app=web`.
    pub selectors: Option<&'a str>,
    /// What is not a kind may be meant for a key.
    pub takes_keys: bool,
    /// Nobody can tell of some objects whether they are selected.
    pub is_undecided: bool,
    /// That there are none was said; only what else is known of them is left to say.
    pub is_none_said: bool,
    /// Deleted objects are looked for.
    pub wants_deleted: bool,
    /// It was looked for in two files.
    pub are_two_files: bool,
}

/// One line for each thing that is not there.
pub fn absence_lines(absences: &Absences, context: AbsenceContext<'_>) -> Vec<String> {
    let is_gone = |absence: &Absence| !matches!(absence.reason, AbsenceReason::Present(_));
    let gone = absences.list.iter().filter(|absence| is_gone(absence));
    let has_no_namespace = gone
        .clone()
        .any(|absence| matches!(absence.item, LookedFor::Namespace(_)));
    let lines = absences.list.iter().filter_map(|absence| {
        let is_said = match absence.item {
            // Where there is no such namespace, nothing else is wrong with what was asked for in it.
            LookedFor::Objects => has_no_namespace,
            LookedFor::Kind(_) => has_no_namespace && absence.reason != AbsenceReason::NotAKind,
            _ => false,
        };
        let is_said = is_said
            || context.is_none_said
                && absence.item == LookedFor::Objects
                && absence.reason == AbsenceReason::NeverSeen
                && absence.similar.is_none();
        match is_said {
            true => None,
            false => line(absence, absences, context),
        }
    });
    lines.collect()
}

/// A name in a sentence, also one that is empty.
fn shown_bytes(name: &[u8]) -> String {
    match name {
        b"" => "\"\"".into(),
        name => escape::text(name),
    }
}

fn line(absence: &Absence, all: &Absences, context: AbsenceContext<'_>) -> Option<String> {
    let shown = |text: &str| shown_bytes(text.as_bytes());
    let names: Vec<String> = context.namespaces.iter().map(|name| shown(name)).collect();
    let here = names.join(", ");
    let place = match context.namespaces {
        [] => String::new(),
        [_] => format!(" in namespace {here}"),
        _ => format!(" in namespaces {here}"),
    };
    let at = all.revision;
    let (name, none) = match &absence.item {
        LookedFor::Key(name) | LookedFor::Named { name, .. } => (shown_bytes(name), String::new()),
        LookedFor::Word(word) => (shown(word), String::new()),
        LookedFor::Prefix(prefix) => {
            let prefix = escape::text(prefix);
            (prefix.clone(), format!("no key begins with {prefix}"))
        }
        LookedFor::Glob(glob) => {
            let glob = shown(glob);
            (glob.clone(), format!("no key matches {glob}"))
        }
        LookedFor::Span(start, end) => {
            let mut text = "no key is".to_string();
            if !start.is_empty() {
                text.push_str(&format!(" at or after {}", escape::text(start)));
            }
            if let Some(end) = end {
                let and = if start.is_empty() { "" } else { " and" };
                text.push_str(&format!("{and} before {}", escape::text(end)));
            }
            (text.clone(), text)
        }
        LookedFor::Objects => ("objects".into(), format!("no object is{place}")),
        LookedFor::Kind(word) => {
            let word = shown(word);
            (word.clone(), format!("there are no {word}{place}"))
        }
        LookedFor::Object { word, name } => (shown(&format!("{word}/{name}")), String::new()),
        LookedFor::Namespace(name) => {
            let name = format!("namespace {}", shown(name));
            (name.clone(), format!("there is no {name}"))
        }
    };
    let is_single = none.is_empty();
    let compacted = match all.bounds.compacted {
        ..=0 => String::new(),
        at => format!("; what was deleted before the compaction at revision {at} is not known"),
    };
    let mut text = match &absence.reason {
        // Of several, that none was deleted is an answer, and so is that no value of theirs is left.
        AbsenceReason::Present(_) | AbsenceReason::Deleted { .. }
            if context.wants_deleted && !matches!(absence.item, LookedFor::Object { .. }) =>
        {
            return None;
        }
        AbsenceReason::Present(_) if context.wants_deleted => {
            format!("{name}{place} is not deleted: it exists")
        }
        AbsenceReason::Present(objects) => {
            let place = match all.is_damaged {
                true => format!("{place} that can be read; damage hides the rest"),
                false => place,
            };
            return present(absence, *objects, &place, context);
        }
        AbsenceReason::NotAKind => {
            let word = match &absence.item {
                LookedFor::Object { word, .. } | LookedFor::Kind(word) => {
                    escape::text(word.as_bytes())
                }
                _ => name.clone(),
            };
            let text = format!("\"{word}\" is not a known kind");
            let seen = match context.are_two_files {
                true => "either file",
                false => "this file",
            };
            match (&absence.item, &absence.similar) {
                (LookedFor::Object { .. }, Some(_)) if context.takes_keys => {
                    format!("{name}: no such key was ever seen in {seen}, and {text}")
                }
                (LookedFor::Object { .. }, None) if context.takes_keys => {
                    format!("{name}: no such key was ever seen in {seen}, and {text}{compacted}")
                }
                (LookedFor::Object { .. }, Some(_)) => format!("{name}: {text}"),
                (LookedFor::Object { .. }, None) => format!("{name}: {text}{compacted}"),
                (_, Some(_)) => text,
                (_, None) => {
                    format!("{text}; `etcdsnap kinds FILE` lists those of the file{compacted}")
                }
            }
        }
        AbsenceReason::Deleted {
            key,
            revision,
            not_before,
        } => {
            let key = escape::text(key);
            let when = match not_before {
                Some(time) => format!("{revision}, not before {}", rfc3339(*time)),
                None => revision.to_string(),
            };
            match &absence.item {
                LookedFor::Namespace(_) => format!("{name} was deleted at revision {when}"),
                _ if !is_single => {
                    format!("{none}; the last one, {key}, was deleted at revision {when}")
                }
                _ if context.wants_deleted => {
                    let why = match context.selectors {
                        Some(selectors) => {
                            let selectors = escape::text(selectors.as_bytes());
                            let or = match all.bounds.compacted {
                                ..=0 => "",
                                _ => ", or its value was compacted away",
                            };
                            format!("but {selectors} does not select it{or}")
                        }
                        None => "and its value was compacted away".into(),
                    };
                    format!("{name}: {key} was deleted at revision {when}, {why}")
                }
                _ if key == name => format!("{key} was deleted at revision {when}"),
                _ => format!("{name}: {key} was deleted at revision {when}"),
            }
        }
        AbsenceReason::NotYet(first) if is_single => {
            let name = match &absence.item {
                LookedFor::Named { key, .. } => format!("{name}: {}", escape::text(key)),
                _ => format!("{name}{place}"),
            };
            format!("{name} has no record at revision {at}; its first is at {first}")
        }
        AbsenceReason::NotYet(first) => {
            format!("{none} at revision {at}; the first one came at {first}")
        }
        AbsenceReason::Elsewhere(namespaces, are_more) => {
            let names: Vec<String> = namespaces.iter().map(|name| shown(name)).collect();
            let more = if *are_more { " and others" } else { "" };
            let elsewhere = match names.as_slice() {
                [one] if !are_more => format!("namespace {one}"),
                all => format!("namespaces {}{more}", all.join(", ")),
            };
            match is_single {
                true => format!("{name} is in {elsewhere}, not in {here}"),
                false => format!("{none}; there are some in {elsewhere}"),
            }
        }
        AbsenceReason::NeverSeen => match (is_single, context.are_two_files) {
            (true, true) => format!("{name}{place}: in neither file{compacted}"),
            (true, false) => format!("{name}{place}: never seen in this file{compacted}"),
            (false, _) => format!("{none}{compacted}"),
        },
        AbsenceReason::CannotTell => match is_single {
            true => format!(
                "{name}{place}: cannot be determined: not in what can be read, and damage hides the rest"
            ),
            false => {
                format!(
                    "cannot be determined: {none} in what can be read, and damage hides the rest"
                )
            }
        },
    };
    if let Some(similar) = &absence.similar {
        text.push_str(&format!("; did you mean {}?", shown(similar)));
    }
    Some(text)
}

/// Of what is there and was not found all the same: selectors keep it out, or it is only a matter of the namespace.
fn present(
    absence: &Absence,
    objects: u64,
    place: &str,
    context: AbsenceContext<'_>,
) -> Option<String> {
    let selectors = context.selectors.filter(|_| !context.is_undecided)?;
    let selectors = escape::text(selectors.as_bytes());
    Some(match &absence.item {
        LookedFor::Objects => {
            format!("{selectors} selects none of the {objects} objects{place}")
        }
        LookedFor::Kind(word) => {
            let word = escape::text(word.as_bytes());
            format!("{selectors} selects none of the {objects} {word}{place}")
        }
        LookedFor::Object { word, name } => {
            let name = escape::text(format!("{word}/{name}").as_bytes());
            format!("{name}{place} is there, but {selectors} does not select it")
        }
        _ => return None,
    })
}
