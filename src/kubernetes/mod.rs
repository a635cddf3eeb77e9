//! What Kubernetes keeps in the values: which encoding a value has, what object it is, and the object as
//! JSON, as the API server gives it; what people call the kinds, and the tables that kubectl prints; and
//! what must not be shown. Source: k8s.io/api and k8s.io/apimachinery, see
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
pub mod clean;
pub mod codes;
pub mod columns;
pub mod custom_lists;
mod decode;
mod defaults;
pub mod difference;
pub mod duration;
pub mod encryption;
mod envelope;
mod fault;
pub mod field_selector;
mod fields;
mod flaw;
mod format;
mod head;
pub mod jsonpath;
mod label;
pub mod layout;
pub mod merge;
pub mod noise;
mod object;
pub mod order;
pub mod quantity;
pub mod redact;
pub mod resources;
pub mod security;
pub mod selector;
mod table;
mod time;
mod wire;
pub(crate) mod yaml_scalar;

pub use decode::{UnknownField, memory_of, read_json};
pub use defaults::add_read_defaults;
pub use envelope::{ENVELOPE_MAGIC, Envelope};
pub use fault::{Broken, Fault};
pub use flaw::{Flaw, inspect};
pub use format::Encoding;
pub use head::{Head, Labels};
pub use object::{Description, Object, decode, write_json};
pub use redact::Redactor;
pub use time::{parse_rfc3339, rfc3339};
