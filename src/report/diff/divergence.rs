//! Whether two databases tell the same history, as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{bucket_word, distance};
use crate::finding::escape;
use crate::ops::diff::{
    BucketChange, BucketDivergence, CommonMembers, Comparison, DivergenceKind, DivergentRecord,
    Doubt, Relation, Ties,
};
use crate::report::json::hex_id;

/// So many records are named.
const RECORDS: usize = 20;

/// How two databases stand to each other, the first records that differ, and what was not compared. `names` are
/// those of the files, fit to be shown.
pub fn divergence_text(comparison: &Comparison, names: [&str; 2]) -> String {
    let [a, b] = names;
    let mut out = match comparison.relation {
        Relation::SameHistory | Relation::OneFile => {
            format!("one history: {}\n", distance(comparison, b))
        }
        Relation::Undecided(doubt) => {
            format!(
                "cannot be determined: {}\n",
                doubt_text(comparison, doubt, names)
            )
        }
        Relation::Strangers | Relation::Diverged => parted(comparison),
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
    out.push_str(&hashes_text(comparison));
    out.push_str(&buckets_text(comparison));
    out.push_str(&not_compared(comparison, names));
    out.push_str(&ties_text(&comparison.ties, names));
    if let Relation::Undecided(doubt) = comparison.relation {
        let _ = writeln!(out, "next: {}", next_step(doubt));
    }
    out
}

/// Why it cannot be determined whether two files are of one history.
pub(super) fn doubt_text(comparison: &Comparison, doubt: Doubt, names: [&str; 2]) -> String {
    let [a, b] = names;
    let (old, new) = (&comparison.old, &comparison.new);
    match doubt {
        Doubt::Compacted => {
            let ((behind, end), (ahead, compacted)) = if old.bounds.current < new.bounds.compacted {
                ((a, old.bounds.current), (b, new.bounds.compacted))
            } else {
                ((b, new.bounds.current), (a, old.bounds.compacted))
            };
            format!("{behind} ends at revision {end}, {ahead} is compacted at {compacted}")
        }
        Doubt::Damaged => match (old.is_damaged, new.is_damaged) {
            (true, true) => format!("{a} and {b} are damaged"),
            (true, false) => format!("{a} is damaged"),
            _ => format!("{b} is damaged"),
        },
        Doubt::NothingInCommon => {
            let revision = comparison.shared_revision;
            format!("at or below revision {revision} the files have no records to compare")
        }
    }
}

fn next_step(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Compacted => {
            "compare snapshots of all members that were taken within one compaction interval, or ask the running members: etcdctl endpoint hashkv --cluster"
        }
        Doubt::Damaged => "see `etcdsnap verify`",
        Doubt::NothingInCommon => "compare snapshots that hold some data",
    }
}

/// What differs that should be the same, how much of it, and from where on.
pub(super) fn parted(comparison: &Comparison) -> String {
    let first = comparison.divergences.first();
    let first = first.map_or(String::new(), |d| {
        format!(", the first at revision {}", d.revision.main)
    });
    let count = match comparison.divergence_count {
        0 => return diverged_elsewhere(comparison),
        1 => "1 record differs".to_string(),
        count => format!("{count} records differ"),
    };
    match comparison.relation {
        Relation::Strangers => format!(
            "not of one history: no record is in both; {count} that should be the same{first}\n"
        ),
        _ => format!("not of one history, or diverged: {count} that should be the same{first}\n"),
    }
}

/// How files have diverged that have no record that differs.
fn diverged_elsewhere(comparison: &Comparison) -> String {
    if comparison.ties.is_index_torn
        && let Some(index) = comparison.ties.raft_index
    {
        let (old, new) = (comparison.old.bounds.current, comparison.new.bounds.current);
        return format!(
            "diverged: both have applied raft entry {index} last, but one is at revision {old} and the other at {new}\n"
        );
    }
    if comparison.hashes.is_some_and(|[old, new]| old != new) {
        return "diverged: the hashes of the keys differ\n".into();
    }
    "diverged: buckets differ that should be the same\n".into()
}

fn hashes_text(comparison: &Comparison) -> String {
    let revision = comparison.shared_revision;
    match comparison.hashes {
        Some([old, new]) if old == new => format!("HashKV at revision {revision}: {old} in both\n"),
        Some([old, new]) => format!("HashKV at revision {revision}: {old} and {new}\n"),
        None => String::new(),
    }
}

/// What differs in the small buckets: what should not, and, counted, what one healthy member changes without a
/// new revision.
pub(super) fn buckets_text(comparison: &Comparison) -> String {
    let mut out = String::new();
    let mut notes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut passwords = 0u64;
    let mut shown = 0usize;
    let mut more = 0u64;
    for change in &comparison.buckets {
        let why = match change.divergence {
            Some(BucketDivergence::RaftIndex) => "both have applied the same raft entry last",
            Some(BucketDivergence::AuthRevision) => "both have the same auth revision",
            None if change.is_only_password => {
                passwords = passwords.saturating_add(1);
                continue;
            }
            None if change.bucket == "meta" => continue,
            None => {
                let count = notes.entry(change.bucket.as_str()).or_default();
                *count = count.saturating_add(1);
                continue;
            }
        };
        if shown >= RECORDS {
            more = more.saturating_add(1);
            continue;
        }
        shown = shown.saturating_add(1);
        let _ = writeln!(
            out,
            "  bucket {}: {} {}, though {why}",
            change.bucket,
            bucket_key(change),
            bucket_word(change.kind)
        );
    }
    if more > 0 {
        let _ = writeln!(out, "  … and {more} more");
    }
    if !notes.is_empty() {
        let notes: Vec<String> = notes
            .iter()
            .map(|(bucket, count)| format!("{bucket} ({count})"))
            .collect();
        let _ = writeln!(
            out,
            "note: these buckets differ, as they may without a new revision: {}",
            notes.join(", ")
        );
    }
    if passwords > 0 {
        let _ = writeln!(
            out,
            "note: users that differ in the hash of the password alone: {passwords}; up to 3.4 each member makes its own"
        );
    }
    out
}

/// What only one of the files has, and what kept it from being compared.
pub(super) fn not_compared(comparison: &Comparison, names: [&str; 2]) -> String {
    let mut out = String::new();
    let [a, b] = names;
    let [old, new] = &comparison.uncompared;
    let records = |count: u64| match count {
        1 => "1 record".to_string(),
        count => format!("{count} records"),
    };
    for (own, uncompared, other, figures) in
        [(a, old, b, &comparison.new), (b, new, a, &comparison.old)]
    {
        let (current, compacted) = (figures.bounds.current, figures.bounds.compacted);
        for (count, why) in [
            (
                uncompared.compacted,
                format!("at or below revision {compacted}, where {other} is compacted"),
            ),
            (
                uncompared.ahead,
                format!("above revision {current}, the newest of {other}"),
            ),
            (
                uncompared.damaged,
                format!("that damage may hide in {other}"),
            ),
        ] {
            if count > 0 {
                let _ = writeln!(out, "not compared: {} of {own} {why}", records(count));
            }
        }
    }
    out
}

/// So many member ids are named.
const IDS: usize = 9;

/// What speaks for one cluster, or against it.
pub(super) fn ties_text(ties: &Ties, names: [&str; 2]) -> String {
    let hex = |ids: &mut dyn Iterator<Item = &u64>| {
        let ids: Vec<String> = ids.take(IDS).map(|id| format!("{id:x}")).collect();
        ids.join(", ")
    };
    let (old, new) = (&ties.old_members, &ties.new_members);
    let mut out = match ties.common_members() {
        None => String::new(),
        Some(CommonMembers::All) => format!(
            "member ids are equal, which speaks for one cluster: {}\n",
            hex(&mut old.iter())
        ),
        Some(CommonMembers::Some) => format!(
            "some member ids are in both, which speaks for one cluster whose members changed: {}\n",
            hex(&mut old.iter().filter(|id| new.contains(id)))
        ),
        Some(CommonMembers::None) => format!(
            "no member id is in both, as of two clusters, or of one before and after a restore: {} and {}\n",
            hex(&mut old.iter()),
            hex(&mut new.iter())
        ),
    };
    if let (Some(old), Some(new)) = (ties.old_identity, ties.new_identity) {
        let [a, b] = names;
        let _ = if old.cluster == new.cluster {
            writeln!(
                out,
                "cluster ids are equal: {:x}; {a} is of member {:x}, {b} of {:x}",
                old.cluster, old.member, new.member
            )
        } else {
            writeln!(
                out,
                "cluster ids differ: {:x} of {a}, {:x} of {b}",
                old.cluster, new.cluster
            )
        };
    }
    out
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

/// The key of an entry, fit to be shown: leases have numbers.
fn bucket_key(change: &BucketChange) -> String {
    match lease_of(change) {
        Some(id) => hex_id(id),
        None => escape::text(&change.key),
    }
}

/// The lease that an entry is about.
pub(super) fn lease_of(change: &BucketChange) -> Option<u64> {
    let id = <[u8; 8]>::try_from(change.key.as_slice()).ok()?;
    (change.bucket == "lease").then(|| u64::from_be_bytes(id))
}
