//! What the suites in this directory share. Nothing here reads outside the repository and its own
//! temporary directories.
#![allow(
    dead_code,
    reason = "every suite compiles this module and uses its part of it"
)]

pub(crate) mod bytes;
pub(crate) mod clusters;
pub(crate) mod damage;
pub(crate) mod database;
pub(crate) mod descriptions;
pub(crate) mod golden;
pub(crate) mod schemas;
pub(crate) mod store;
pub(crate) mod testdata;
pub(crate) mod tool;
pub(crate) mod wire;
