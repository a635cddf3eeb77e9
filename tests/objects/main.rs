//! Keys, values and objects on the command line.

#[path = "../support/mod.rs"]
mod support;
mod judge;
