//! What objects could not show, and what was found beside them.

use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::term;
use crate::kubernetes::DecodeError;
use crate::kubernetes::secrets::encryption::DecryptError;
use crate::ops::{DamagedValue, FoundObject, ObjectList, ValueContent, ValueReader};
use crate::report::{self, LockedValues};

/// What single objects could not show; told at the end, on standard error.
#[derive(Default)]
pub(in crate::cli) struct Notes {
    lines: Vec<String>,
    more: usize,
    /// Told all, however many: what is missing or damaged.
    all: Vec<String>,
    locked: LockedValues,
    /// Something told cannot be decoded; its bytes can be had.
    has_damage: bool,
    pub(super) is_error: bool,
}

/// At most this many are told.
const NOTES: usize = 20;

impl Notes {
    pub(in crate::cli) fn add(&mut self, message: String, is_error: bool) {
        self.is_error |= is_error;
        if self.lines.len() < NOTES {
            self.lines.push(message);
        } else {
            self.more += 1;
        }
    }

    /// Something that makes the answer incomplete, which is told however much of it there is.
    pub(in crate::cli) fn always(&mut self, message: String, is_error: bool) {
        self.is_error |= is_error;
        self.all.push(message);
    }

    /// Something is not shown, which is told elsewhere.
    pub(in crate::cli) fn incomplete(&mut self) {
        self.is_error = true;
    }

    /// A value that is damaged, which was told.
    pub(in crate::cli) fn damaged(&mut self) {
        self.has_damage = true;
        self.is_error = true;
    }

    /// A value that stays encrypted.
    pub(in crate::cli) fn locked(&mut self, name: impl FnOnce() -> String, error: &DecryptError) {
        self.is_error = true;
        self.locked.add(name, error);
    }

    /// What a look at an object left open.
    pub(in crate::cli) fn look(&mut self, list: &ObjectList<'_>, found: &FoundObject, look: &Seen) {
        if found.is_damaged {
            // Told by key.
            return;
        }
        if let Some(error) = &look.locked {
            self.locked(|| report::object_name(list, found), error);
            return;
        }
        let who = report::object_name(list, found);
        if let Some(error) = &look.error {
            self.add(format!("{who}: {error}"), look.is_error);
        }
        for note in &look.notes {
            self.add(format!("{who}: {note}"), look.is_error);
        }
    }

    /// Tells what was noted of a list, and its damage.
    pub(in crate::cli) fn tell_with_list(&mut self, list: &ObjectList<'_>) -> Exit {
        let exit = self.tell_with(&list.damage_by_key());
        for other in &list.other_versions {
            term::line(&report::other_version_line(other));
        }
        if let Some(lost) = &list.lost {
            let lines = report::lost_values_lines(lost, list.bounds.compacted);
            lines.iter().for_each(|line| term::line(line));
        }
        match report::undecided_line(&list.undecided) {
            Some(line) => {
                term::line(&line);
                Exit::Findings
            }
            None => exit,
        }
    }

    /// Tells what was noted.
    pub(in crate::cli) fn tell(&mut self) -> Exit {
        self.tell_with(&[])
    }

    /// Tells what was noted, then all values that are not what their keys promise; of objects that only call
    /// themselves otherwise, some.
    pub(in crate::cli) fn tell_with(&mut self, damaged: &[&DamagedValue]) -> Exit {
        let (lost, misnamed): (Vec<_>, Vec<_>) =
            damaged.iter().partition(|damaged| damaged.is_damaged());
        for damaged in misnamed {
            self.add(report::damage_line(damaged), false);
        }
        for line in &self.lines {
            term::line(line);
        }
        if self.more > 0 {
            term::line(&format!("… and {} more", self.more));
        }
        for line in &self.all {
            term::line(line);
        }
        // There may be hundreds of thousands, too many for their lines to be kept.
        for damaged in &lost {
            term::line(&report::damage_line(damaged));
        }
        if self.has_damage || !lost.is_empty() {
            term::line(report::RAW_HINT);
        }
        for line in self.locked.lines() {
            term::line(&line);
        }
        match self.is_error || !lost.is_empty() {
            true => Exit::Findings,
            false => Exit::Fine,
        }
    }
}

/// An object as it is printed, and what it leaves open.
pub(in crate::cli) struct Seen {
    pub(in crate::cli) json: Option<Value>,
    pub(in crate::cli) error: Option<String>,
    /// Why it stays encrypted.
    pub(in crate::cli) locked: Option<DecryptError>,
    pub(in crate::cli) notes: Vec<String>,
    pub(super) is_error: bool,
}

impl Seen {
    /// All that the object could not show.
    pub(super) fn left_open(&self) -> Vec<String> {
        self.error.iter().chain(&self.notes).cloned().collect()
    }

    pub(in crate::cli) fn of(
        reader: &ValueReader,
        key: &[u8],
        value: &[u8],
        revision: i64,
    ) -> Self {
        let look = reader.read(key, value, revision);
        // Its value is not encrypted, and nothing in it can be shown.
        let is_bytes = matches!(look.content, ValueContent::Bytes);
        let mut seen = Self {
            json: None,
            error: None,
            notes: Vec::new(),
            is_error: look.locked.is_some() || is_bytes,
            locked: None,
        };
        match look.content {
            ValueContent::Object(object) => {
                seen.notes = report::notes(&object.description);
                seen.is_error |= object.description.undecoded.is_some();
                seen.json = Some(object.json);
            }
            ValueContent::Hidden(mark) => seen.error = Some(mark),
            ValueContent::Bytes => seen.error = Some("its value is not an object".into()),
        }
        if let Some(error) = look.locked {
            seen.error = Some(error.to_string());
            seen.locked = Some(error);
        }
        if let Some(error) = look.too_large {
            seen.error = Some(too_large(&error));
            seen.is_error = true;
        }
        seen
    }
}

/// Why an object is not shown that takes too much memory, and what to do.
pub(in crate::cli) fn too_large(error: &DecodeError) -> String {
    format!("{error}; {}", report::RAW_HINT)
}
