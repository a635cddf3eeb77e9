//! When a change happened and who made it, in words.

use crate::finding::escape;
use crate::kubernetes::compare::writers::{MOST_UNRECORDED, Termination, Writer};
use crate::kubernetes::rfc3339;
use crate::ops::diff::{Deletion, Item, KeyChange};

/// The most writers that are named, unless everything is shown.
const WRITERS: usize = 4;

/// The most characters that are shown of a name that others chose.
const NAME_CHARS: usize = 60;

/// The most fields without a manager on record that are named; one more is noted.
const UNRECORDED: usize = MOST_UNRECORDED - 1;

/// The most finalizers that are named.
const FINALIZERS: usize = 5;

/// What is told of a change besides its fields, line by line, fit to be shown.
pub(super) fn account(item: &Item, is_in_full: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(deletion) = item.deletion {
        lines.push(deletion_text(item, deletion));
    }
    if let Some(termination) = &item.termination {
        lines.push(termination_text(termination));
    }
    if let Some(new) = &item.new
        && matches!(item.change, KeyChange::Added | KeyChange::Recreated)
        && new.create_revision != new.revision.main
    {
        lines.push(format!("created at revision {}", new.create_revision));
    }
    if !item.writers.is_empty() {
        let most = if is_in_full { usize::MAX } else { WRITERS };
        lines.push(writers_text(item, most));
    }
    if let Some(time) = item.not_before
        && is_in_full
        && item.new.is_some()
    {
        lines.push(format!("not before {}", rfc3339(time)));
    }
    lines
}

fn deletion_text(item: &Item, deletion: Deletion) -> String {
    // Of what is there again, the time is that of its creation.
    let time = item.not_before.filter(|_| item.new.is_none());
    let time = time.map_or(String::new(), |time| {
        format!(", not before {}", rfc3339(time))
    });
    match deletion {
        Deletion::Recorded(revision) if item.change == KeyChange::Unknown => {
            format!("deleted at revision {revision}{time}; whether it was created again is unknown")
        }
        Deletion::Recorded(revision) => format!("deleted at revision {revision}{time}"),
        Deletion::Compacted { after, up_to } => {
            format!(
                "deleted at or before revision {up_to}, compacted; after revision {after}{time}"
            )
        }
        Deletion::CreatedLater(revision) if item.change == KeyChange::Recreated => {
            format!(
                "not deleted: what the old state has was created at revision {revision}, after the new state"
            )
        }
        Deletion::CreatedLater(revision) => {
            format!("not deleted: it was created at revision {revision}, after the new state")
        }
        Deletion::NotRecorded => "no deletion of it is on record in the new file".into(),
        Deletion::CannotTell if item.change == KeyChange::Recreated => {
            "when it was deleted is unknown: the new file is damaged".into()
        }
        Deletion::CannotTell => {
            "whether and when it was deleted is unknown: the new file is damaged".into()
        }
    }
}

fn termination_text(termination: &Termination) -> String {
    let mut parts = Vec::new();
    if let Some(time) = termination.deletion_timestamp {
        parts.push(format!("deletionTimestamp {}", rfc3339(time)));
    }
    if !termination.finalizers.is_empty() {
        let finalizers = termination.finalizers.iter();
        let mut names: Vec<String> = finalizers
            .take(FINALIZERS)
            .map(|name| short(name))
            .collect();
        if let Some(more @ 1..) = termination.finalizers.len().checked_sub(FINALIZERS) {
            names.push(format!("and {more} more"));
        }
        parts.push(format!("finalizers {}", names.join(", ")));
    }
    format!("its last value has {}", parts.join("; "))
}

fn writers_text(item: &Item, most: usize) -> String {
    let writers = &item.writers;
    let verb = match item.change {
        KeyChange::Changed => "changed",
        _ if writers.iter().all(|writer| writer.is_creator) => "created",
        _ => "written",
    };
    let mut parts: Vec<String> = writers.iter().take(most).map(writer_text).collect();
    if let Some(more @ 1..) = writers.len().checked_sub(most) {
        parts.push(format!("and {more} more"));
    }
    let unrecorded: Vec<String> = item
        .unrecorded
        .iter()
        .take(UNRECORDED)
        .map(|path| short(&path.to_string()))
        .collect();
    match unrecorded.as_slice() {
        [] => {}
        paths => {
            let others = match item.unrecorded.len() > UNRECORDED {
                true => " and others",
                false => "",
            };
            parts.push(format!(
                "nobody is on record for {}{others}",
                paths.join(", ")
            ));
        }
    }
    format!("{verb} by {}", parts.join("; "))
}

fn writer_text(writer: &Writer) -> String {
    let name = match writer.manager.as_str() {
        "" => "a manager without a name".to_string(),
        name => short(name),
    };
    let how: Vec<String> = [&writer.operation, &writer.subresource]
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(|text| short(text))
        .collect();
    let how = match how.as_slice() {
        [] => String::new(),
        how => format!(" ({})", how.join(", ")),
    };
    let time = writer
        .time
        .map_or(String::new(), |time| format!(" {}", rfc3339(time)));
    format!("{name}{how}{time}")
}

fn short(text: &str) -> String {
    let text = escape::text(text.as_bytes());
    match text.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
