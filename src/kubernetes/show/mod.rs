//! Objects as rows of kubectl's tables and as its descriptions, the order of rows, and how quantities and ages are
//! written there.

pub mod columns;
pub mod custom_columns;
pub mod describe;
pub mod duration;
pub use crate::kubernetes::quantity;
pub mod sort;
