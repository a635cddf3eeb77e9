//! From the wire to JSON: a walk over the fields of a message, led by the table, into a sink.

mod copy;
mod damage;
mod sink;
mod special;
mod walk;

pub use damage::UnknownField;

pub(super) use damage::Damage;
pub(super) use sink::{Sink, Text, Tree, encode_base64};
pub(super) use walk::Walk;

/// Messages inside messages beyond this depth are not entered. The deepest that Kubernetes has are
/// schemas in definitions of custom resources, with some twenty levels.
pub(super) const MAX_DEPTH: usize = 100;
