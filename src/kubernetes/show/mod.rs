//! Objects as rows of kubectl's tables, and how quantities and ages are written there.

pub mod columns;
pub mod duration;
pub mod quantity;
