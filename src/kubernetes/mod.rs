//! What Kubernetes keeps in the values of etcd. Source: Kubernetes 1.36. Prints nothing and opens no file.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

pub mod encryption;
pub mod redact;
pub(crate) mod yaml_scalar;
