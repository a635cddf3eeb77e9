//! What can be wrong with the structure of a bbolt file.

pub mod codes;
mod messages;

pub use messages::{MessageStyle, bolt_messages};
