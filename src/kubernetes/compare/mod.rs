//! What differs between two objects, which elements of their lists belong together, and whether a difference is noise
//! or bears on who may do what; who wrote it.

pub mod custom_lists;
pub mod difference;
pub mod kind_schema;
pub mod merge;
pub mod noise;
pub mod security;
pub mod writers;
