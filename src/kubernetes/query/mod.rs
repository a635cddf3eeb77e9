//! How people choose among objects and their fields: label selectors, field selectors, JSONPath.

pub mod field_selector;
pub mod jsonpath;
mod label;
pub mod selectable;
pub mod selected;
pub mod selector;
