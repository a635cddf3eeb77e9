//! What a walk could not bring into the JSON.

use std::fmt::Write as _;

use crate::kubernetes::encodings::decode_error::{Broken, DecodeError};

/// A field on the wire that the table does not know, or knows as something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Where the message it belongs to is in the object, as a path of JSON.
    pub path: String,
    /// Its number on the wire.
    pub number: u32,
    /// The wire type: 0 varint, 1 eight bytes, 2 bytes, 3 group, 5 four bytes.
    pub wire_type: u8,
    /// Its value as on the wire, without tag and length; cut off beyond some kilobytes.
    pub bytes: Vec<u8>,
}

/// At most so many unknown fields are kept.
const MAX_UNKNOWN: usize = 64;
/// At most so many bytes of each.
const MAX_BYTES: usize = 4096;

/// At most so many characters of a key in a path.
const MAX_KEY: usize = 253;

/// A part of a path.
#[derive(Debug)]
pub(super) enum Step {
    Field(&'static str),
    Element(usize),
    Key(String),
}

/// Collects what went wrong, and where.
#[derive(Debug, Default)]
pub(in crate::kubernetes) struct Damage {
    pub(in crate::kubernetes) unknown: Vec<UnknownField>,
    /// Unknown fields beyond those kept.
    pub(in crate::kubernetes) more_unknown: u64,
    /// The first error.
    pub(in crate::kubernetes) error: Option<DecodeError>,
    path: Vec<Step>,
}

impl Damage {
    pub(super) fn enter(&mut self, step: Step) {
        self.path.push(step);
    }

    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            let _ = match step {
                Step::Field(name) => write!(path, ".{name}"),
                Step::Element(index) => write!(path, "[{index}]"),
                Step::Key(key) => match key.char_indices().nth(MAX_KEY) {
                    Some((end, _)) => write!(path, "[{:?}…]", key.get(..end).unwrap_or_default()),
                    None => write!(path, "[{key:?}]"),
                },
            };
        }
        path
    }

    pub(super) fn malformed(&mut self, what: Broken) {
        if self.error.is_none() {
            let path = self.path();
            self.error = Some(DecodeError::Malformed { what, path });
        }
    }

    pub(super) fn too_deep(&mut self) {
        if self.error.is_none() {
            let path = self.path();
            self.error = Some(DecodeError::TooDeep { path });
        }
    }

    pub(super) fn unknown(&mut self, number: u32, wire_type: u8, bytes: &[u8]) {
        if self.unknown.len() >= MAX_UNKNOWN {
            self.more_unknown = self.more_unknown.saturating_add(1);
            return;
        }
        let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes).to_vec();
        self.unknown.push(UnknownField {
            path: self.path(),
            number,
            wire_type,
            bytes,
        });
    }
}
