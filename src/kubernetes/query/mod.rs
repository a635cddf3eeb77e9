//! How people choose among objects and their fields: label selectors, field selectors, JSONPath.

pub mod field_selector;
pub mod jsonpath;
pub mod label_selector;
mod label_syntax;
pub mod selectable;
pub mod selected;
