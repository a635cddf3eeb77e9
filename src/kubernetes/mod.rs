//! What Kubernetes keeps in the values: which encoding a value has, what object it is, and the object as
//! JSON, as the API server gives it. Source: k8s.io/api and k8s.io/apimachinery, see
//! `docs/decisions/0010-kubernetes-table.md`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

mod cbor;
mod decode;
mod envelope;
mod fault;
mod format;
mod head;
pub mod merge;
mod object;
mod table;
mod time;
mod wire;

pub use decode::UnknownField;
pub use envelope::{ENVELOPE_MAGIC, Envelope};
pub use fault::Fault;
pub use format::Encoding;
pub use head::{Head, Labels};
pub use object::{Description, Object, decode, write_json};
pub use time::{parse_rfc3339, rfc3339};
