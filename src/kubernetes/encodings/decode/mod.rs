//! From the wire to JSON: a walk over the fields of a message, led by the table, into a sink.

mod budget;
mod copy;
mod damage;
mod plain;
mod rules;
mod sink;
mod special;
mod walk;

pub use budget::{memory_of, read_json};
pub use damage::UnknownField;

pub(in crate::kubernetes) use budget::Budget;
pub(in crate::kubernetes) use damage::Damage;
pub(in crate::kubernetes) use sink::{Nowhere, Sink, Text, Tree, encode_base64, lossy};
pub(in crate::kubernetes) use walk::Walk;

/// Messages inside messages beyond this depth are not entered. The deepest that clusters have are schemas in
/// definitions of custom resources, with some thirty levels. Each level is at most two levels of JSON, so the
/// text can be read by parsers that stop at 128.
pub(in crate::kubernetes) const MAX_DEPTH: usize = 60;
