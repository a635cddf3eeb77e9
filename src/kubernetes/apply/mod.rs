//! Objects as manifests that an API server takes: without what servers fill in, and in an order that works.

pub mod clean;
pub mod order;
