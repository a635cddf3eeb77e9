//! Values that are not told field by field, as they may be shown.

use crate::kubernetes::Object;

/// A value that is not told field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainValue {
    /// As it is stored; JSON that holds a secret has it hidden.
    Shown(Vec<u8>),
    /// What to show in its place.
    Hidden(String),
}

/// Two values of a key that differ and are not told field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlainValues {
    /// The old one, if there is one.
    pub old: Option<PlainValue>,
    /// The new one, if there is one.
    pub new: Option<PlainValue>,
}

impl PlainValue {
    /// What may be shown of a value: of an object its JSON, in which secrets are hidden; of what is hidden its mark.
    pub(in crate::ops) fn of(plain: &[u8], object: Option<&Object>, mark: Option<&str>) -> Self {
        match (mark, object) {
            (Some(mark), _) => Self::Hidden(mark.to_owned()),
            (None, Some(object)) => Self::Shown(object.json.to_string().into_bytes()),
            (None, None) => Self::Shown(plain.to_vec()),
        }
    }
}
