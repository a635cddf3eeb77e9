//! The list of all finding codes. `docs/findings.md` has the same list for readers.

use crate::finding::Code;

/// Every code, in the order of its name.
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<&Code> = [
        crate::bolt::check::codes::ALL,
        crate::container::codes::ALL,
        crate::etcd::check::codes::ALL,
        crate::etcd::raft::codes::ALL,
        crate::kubernetes::check::codes::ALL,
    ]
    .concat();
    all.sort_by_key(|code| code.id);
    all
}

/// The code of this name.
pub fn find(id: &str) -> Option<&'static Code> {
    all()
        .into_iter()
        .find(|code| code.id.eq_ignore_ascii_case(id))
}
