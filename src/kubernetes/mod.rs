//! What Kubernetes makes of the values in etcd: kinds and their names, selectors, path templates,
//! quantities, ages, and the tables that kubectl prints. Objects are plain JSON values here.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

pub mod clean;
pub mod columns;
pub mod duration;
pub mod field_selector;
mod fields;
pub mod jsonpath;
mod label;
pub mod quantity;
pub mod resources;
pub mod selector;
