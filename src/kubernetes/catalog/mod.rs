//! The kinds: their fields in 21 releases, what people call them, under which keys they are kept.

pub mod resources;
pub(in crate::kubernetes) mod table;
