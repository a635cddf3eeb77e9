//! Keys, values and objects on the command line.

mod judge;
#[path = "../support/mod.rs"]
mod support;
