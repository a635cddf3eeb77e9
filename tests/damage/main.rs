//! Damaged and hostile files: each is named for what it is, with little work and memory, and never with a
//! panic. `ETCDSNAP_DAMAGE=long` runs everything, which takes minutes.

mod changes;
#[path = "../../fuzz/src/draft.rs"]
mod draft;
mod hostile;
mod limits;
mod sample;
