//! Whether two databases tell the same history, as text.

use std::fmt::Write as _;

use super::distance;
use crate::finding::escape;
use crate::ops::diff::{Comparison, DivergenceKind, DivergentRecord, Relation};

/// So many records are named.
const RECORDS: usize = 20;

/// How two databases stand to each other, and the first records that differ. `names` are those of the files,
/// fit to be shown.
pub fn divergence_text(comparison: &Comparison, names: [&str; 2]) -> String {
    let [a, b] = names;
    let mut out = match comparison.relation {
        Relation::SameHistory | Relation::OneFile => {
            format!("one history: {}\n", distance(comparison, b))
        }
        Relation::Strangers => "not of one history: no record is in both\n".to_string(),
        Relation::Diverged => diverged(comparison),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "records that both keep, alike: {}",
        comparison.common_records
    );
    for record in comparison.divergences.iter().take(RECORDS) {
        out.push_str(&divergence_line(record, [a, b]));
    }
    let named = RECORDS.min(comparison.divergences.len()) as u64;
    if let Some(more @ 1..) = comparison.divergence_count.checked_sub(named) {
        let _ = writeln!(out, "  … and {more} more");
    }
    out
}

/// That records differ, how many, and from where on.
pub(super) fn diverged(comparison: &Comparison) -> String {
    let first = comparison.divergences.first();
    let first = first.map_or(String::new(), |d| {
        format!(", the first at revision {}", d.revision.main)
    });
    let count = match comparison.divergence_count {
        1 => "1 record differs".to_string(),
        count => format!("{count} records differ"),
    };
    format!("not of one history, or diverged: {count} that should be the same{first}\n")
}

/// A record that should be the same in both files, in one line.
pub(super) fn divergence_line(record: &DivergentRecord, names: [&str; 2]) -> String {
    let key = record.new_key.as_deref().or(record.old_key.as_deref());
    let [old, new] = names;
    let what = match record.kind {
        DivergenceKind::Differs => "other bytes".to_string(),
        DivergenceKind::OnlyOld => format!("only in {old}"),
        DivergenceKind::OnlyNew => format!("only in {new}"),
    };
    format!(
        "  revision {}: {what}: {}\n",
        record.revision,
        escape::text(key.unwrap_or_default())
    )
}
