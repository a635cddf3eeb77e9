//! What Kubernetes keeps in the values: which encoding a value has, what object it is, and the object as
//! JSON, as the API server gives it; what people call the kinds, and the tables that kubectl prints; and
//! what must not be shown. Source: k8s.io/api and k8s.io/apimachinery, see
//! `docs/decisions/0010-kubernetes-table.md`.
//!
//! | room | what it is for |
//! |---|---|
//! | [`catalog`] | the kinds: their fields, what people call them, under which keys they are kept |
//! | [`encodings`] | stored bytes and objects as JSON: protobuf, CBOR, JSON, YAML's scalars |
//! | [`secrets`] | values encrypted at rest; what is hidden from whoever looks |
//! | [`check`] | what an API server cannot serve |
//! | [`query`] | label and field selectors, JSONPath |
//! | [`show`] | the columns of kubectl's tables |
//! | [`compare`] | what differs between two objects, and whether that matters |
//! | [`apply`] | objects as manifests that an API server takes |
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

pub mod apply;
pub mod catalog;
pub mod check;
pub mod compare;
pub mod encodings;
mod fields;
pub mod quantity;
pub mod query;
mod release;
pub mod secrets;
pub mod show;
mod time;

pub use check::{Flaw, inspect};
pub use encodings::{
    Broken, DecodeError, Description, ENVELOPE_MAGIC, Encoding, Envelope, Head, Labels, Object,
    UnknownField, add_read_defaults, convert, decode, memory_of, read_json, write_json,
};
pub use release::{KubeRelease, ReleaseError};
pub use secrets::Redactor;
pub use time::{parse_rfc3339, rfc3339};
