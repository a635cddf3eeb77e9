//! What an API server cannot serve: values that do not decode, and objects that are not what their keys name.

pub mod codes;
mod flaw;
pub mod layout;

pub use flaw::{Flaw, inspect};
