//! The bbolt page file: metas, pages, buckets, cursors, one parallel scan, the structural check.
//!
//! Source: bbolt v1.3.6 to v1.5.0, whose on-disk format is one and the same. This layer knows nothing
//! of what is stored in the buckets.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)] // Tests build their inputs themselves, and a panic there is a failed test.

pub mod check;
mod cursor;
mod database;
pub mod edit;
mod elements;
mod found;
pub mod freelist;
pub mod layout;
mod leaf;
mod meta;
mod page_set;
mod pages;
mod plan;
mod scan;
pub mod write;

pub use cursor::{Cursor, CursorDamage, CursorDamageKind, CursorError, Entry};
pub use database::{Bucket, Database, OpenError, Scanned, TXIDS_TO_SPARE};
pub use elements::Element;
pub use leaf::{Leaf, LeafTail};
pub use meta::{
    CandidateMeta, MetaChoice, MetaError, MetaSlot, Metas, SecondMeta, SelectedMeta, ValidMeta,
};
pub use page_set::PageSet;
pub use pages::{AbsentPage, Geometry, PageError, Pages};
pub use plan::{BucketRoot, Plan, PlannedBucket, StrayElement};
pub use scan::{Census, Scan, Visitor, WantedElements, revisit, scan};
