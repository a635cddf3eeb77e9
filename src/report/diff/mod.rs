//! What changed between two states.

mod account;
mod code_span;
mod divergence;
mod fields;
mod index;
mod json;
mod markdown;
mod rollup;
mod security;

pub(super) use code_span::code;
pub use divergence::divergence_text;
pub use fields::FieldOptions;
pub use index::tasks_markdown;
#[cfg(feature = "schema")]
pub(super) use json::schemas;
pub use json::{
    ChangeDetail, bucket_change_json, diff_item_json, diff_summary_json, divergence_json,
    divergence_summary_json,
};
pub use markdown::{diff_markdown_head, diff_markdown_item, diff_markdown_title};
pub use rollup::{RollupRow, roll_up};
pub use security::security_text;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use account::account;
use divergence::{divergence_line, doubt_text, parted, ties_text};
use fields::{NEW, OLD, fields_line, fields_text};

use super::objects::columns_text;
use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::diff::{BucketChangeKind, Comparison, Item, KeyChange, Relation, SideFigures};

/// What is not sound.
const DAMAGE: Style = AnsiColor::Red.on_default().bold();

/// Titles.
const TITLE: Style = Style::new().bold();

/// At most this many records that should be the same are named.
const DIVERGENCES: usize = 5;

/// How many keys differ, by how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiffCounts {
    /// Only the new state has them.
    pub added: u64,
    /// Only the old state has them.
    pub removed: u64,
    /// Another value.
    pub changed: u64,
    /// Deleted and created again.
    pub recreated: u64,
    /// The same content again.
    pub touched: u64,
    /// Only the lease differs.
    #[serde(rename = "lease_only")]
    pub lease: u64,
    /// May have been in pages that cannot be read.
    pub unknown: u64,
    /// Of all these, noise.
    #[serde(rename = "noise_count")]
    pub noise: u64,
    /// Of all these, with a reason to be looked at first.
    #[serde(rename = "security_count")]
    pub security: u64,
}

impl DiffCounts {
    /// Counts one.
    pub fn add(&mut self, item: &Item) {
        let slot = match item.change {
            KeyChange::Added => &mut self.added,
            KeyChange::Removed => &mut self.removed,
            KeyChange::Changed => &mut self.changed,
            KeyChange::Recreated => &mut self.recreated,
            KeyChange::Touched(_) => &mut self.touched,
            KeyChange::Lease => &mut self.lease,
            KeyChange::Unknown => &mut self.unknown,
        };
        *slot = slot.saturating_add(1);
        if item.noise.is_some() {
            self.noise = self.noise.saturating_add(1);
        }
        if !item.security.is_empty() {
            self.security = self.security.saturating_add(1);
        }
    }
}

fn bucket_word(kind: BucketChangeKind) -> &'static str {
    match kind {
        BucketChangeKind::Added => "added",
        BucketChangeKind::Removed => "removed",
        BucketChangeKind::Changed => "changed",
    }
}

fn apart(comparison: &Comparison) -> i64 {
    comparison
        .new
        .revision
        .saturating_sub(comparison.old.revision)
}

/// The title of the changes in a namespace, or outside of all.
pub fn diff_title(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => {
            let namespace = escape::text(namespace.as_bytes());
            format!("\n{TITLE}namespace {namespace}{TITLE:#}\n")
        }
        None => format!("\n{TITLE}cluster and other keys{TITLE:#}\n"),
    }
}

/// What the two states have to do with each other, as text.
pub fn comparison_text(comparison: &Comparison, old: &str, new: &str) -> String {
    let mut out = String::new();
    let side = |word: &str, name: &str, side: &SideFigures| {
        let compacted = match side.bounds.compacted {
            ..=0 => "never compacted".to_string(),
            revision => format!("compacted at {revision}"),
        };
        let damaged = match side.is_damaged {
            true => format!(", {DAMAGE}DAMAGED{DAMAGE:#}"),
            false => String::new(),
        };
        let time = side.not_before.map(rfc3339);
        let time = time.map_or(String::new(), |time| format!(", not before {time}"));
        let keys = match side.keys {
            1 => "1 key".to_string(),
            count => format!("{count} keys"),
        };
        format!(
            "{word}  {name}  revision {}, {keys}, {compacted}{time}{damaged}\n",
            side.revision
        )
    };
    out.push_str(&side("old", old, &comparison.old));
    out.push_str(&side("new", new, &comparison.new));
    out.push_str(&relation_line(comparison));
    if let (Some(old), Some(new)) = (comparison.old.not_before, comparison.new.not_before)
        && old != new
    {
        let _ = writeln!(out, "about {} apart", span(new.saturating_sub(old)));
    }
    if !matches!(
        comparison.relation,
        Relation::OneFile | Relation::SameHistory
    ) {
        out.push_str(&ties_text(&comparison.ties, ["old", "new"]));
    }
    for record in comparison.divergences.iter().take(DIVERGENCES) {
        out.push_str(&divergence_line(record, ["old", "new"]));
    }
    let named = DIVERGENCES.min(comparison.divergences.len()) as u64;
    if let Some(more @ 1..) = comparison.divergence_count.checked_sub(named) {
        let _ = writeln!(out, "  … and {more} more (etcdsnap divergence)");
    }
    for change in comparison.buckets.iter().filter(|change| change.counts) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "bucket {}: {} {}",
            change.bucket,
            escape::text(&change.key),
            bucket_word(change.kind)
        );
    }
    out.push_str(&only_time(comparison));
    out
}

/// That nothing was found, which says less where damage hides something, or where only a part was compared.
pub fn no_difference(comparison: &Comparison, is_narrowed: bool) -> String {
    let what = match is_narrowed {
        true => "nothing that was asked for differs",
        false => "no key differs",
    };
    match comparison.old.is_damaged || comparison.new.is_damaged {
        true => format!("{what} in what can be read; damage may hide changes"),
        false => what.to_owned(),
    }
}

/// What differs in other buckets because time went on, in one line; empty when nothing does.
fn only_time(comparison: &Comparison) -> String {
    let mut leases: BTreeMap<String, u64> = BTreeMap::new();
    let mut others: Vec<String> = Vec::new();
    for change in comparison.buckets.iter().filter(|change| !change.counts) {
        let what = match change.bucket.as_str() {
            "lease" => format!("leases {}", bucket_word(change.kind)),
            _ => {
                others.push(escape::text(&change.key));
                continue;
            }
        };
        let count = leases.entry(what).or_default();
        *count = count.saturating_add(1);
    }
    let leases = leases
        .into_iter()
        .map(|(what, count)| format!("{what}: {count}"));
    let parts: Vec<String> = others.into_iter().chain(leases).collect();
    match parts.as_slice() {
        [] => String::new(),
        parts => format!("expected drift, ignored: {}\n", parts.join(", ")),
    }
}

/// A span of time in its two largest units; without a sign.
fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (1.., ..) => format!("{days}d{hours}h"),
        (0, 1.., _) => format!("{hours}h{minutes}m"),
        (0, 0, 1..) => format!("{minutes}m{rest}s"),
        _ => format!("{rest}s"),
    }
}

/// How many revisions lie between the states, in words.
fn revisions_apart(comparison: &Comparison) -> String {
    match apart(comparison).unsigned_abs() {
        1 => "1 revision".to_string(),
        count => format!("{count} revisions"),
    }
}

/// How far the new state is from the old one.
fn distance(comparison: &Comparison, new: &str) -> String {
    let revisions = revisions_apart(comparison);
    match apart(comparison) {
        0 => "at the same revision".to_string(),
        1.. => format!("{new} is {revisions} ahead"),
        _ => format!("{new} is {revisions} behind"),
    }
}

/// How the files stand to each other, in one line.
pub(super) fn relation_line(comparison: &Comparison) -> String {
    let distance = distance(comparison, "new");
    match comparison.relation {
        Relation::OneFile if apart(comparison) < 0 => format!("one file: {distance}\n"),
        Relation::OneFile => format!("one file, {} apart\n", revisions_apart(comparison)),
        Relation::SameHistory => {
            let log = match comparison.first_hole {
                _ if comparison.is_history_complete => {
                    "; new knows every change in between (--log)".to_string()
                }
                Some(hole) => format!("; new does not have all records of revision {hole}"),
                None => String::new(),
            };
            format!("one history: {distance}{log}\n")
        }
        Relation::Undecided(doubt) => format!(
            "whether they share one history cannot be determined: {}; values are compared\n",
            doubt_text(comparison, doubt, ["old", "new"])
        ),
        Relation::Strangers | Relation::Diverged => {
            format!("{}; values are compared\n", parted(comparison).trim_end())
        }
    }
}

/// Counts by kind, as a table.
#[derive(Debug, Default)]
pub struct KindTable {
    rows: BTreeMap<String, [u64; COLUMNS.len()]>,
    noise: BTreeMap<&'static str, u64>,
}

/// The first of these stand in every table, the others in those that have some.
const COLUMNS: [&str; 7] = [
    "ADDED",
    "REMOVED",
    "CHANGED",
    "RECREATED",
    "TOUCHED",
    "LEASE",
    "UNKNOWN",
];
const ALWAYS: usize = 4;

impl KindTable {
    /// Counts one; noise by its rule, unless it is listed all the same.
    pub fn add(&mut self, item: &Item, lists_noise: bool) {
        if let Some(rule) = item.noise.filter(|_| !lists_noise) {
            let count = self.noise.entry(rule).or_default();
            *count = count.saturating_add(1);
            return;
        }
        let kind = if item.kind.is_empty() {
            "(other keys)".to_string()
        } else {
            item.kind.clone()
        };
        let word = item.change.as_str();
        let column = COLUMNS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(word));
        let row = self.rows.entry(kind).or_default();
        if let Some(count) = column.and_then(|column| row.get_mut(column)) {
            *count = count.saturating_add(1);
        }
    }

    /// True when nothing was counted, noise included.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.noise.is_empty()
    }

    /// The columns that are shown, by their places.
    fn columns(&self) -> Vec<usize> {
        let has_some = |column: &usize| {
            let mut counts = self.rows.values().filter_map(|row| row.get(*column));
            *column < ALWAYS || counts.any(|count| *count > 0)
        };
        (0..COLUMNS.len()).filter(has_some).collect()
    }

    /// The names of the columns behind the kind.
    fn head(&self) -> Vec<&'static str> {
        let columns = self.columns().into_iter();
        columns
            .filter_map(|column| COLUMNS.get(column).copied())
            .collect()
    }

    /// Each kind with its counts, column by column.
    fn rows(&self) -> impl ExactSizeIterator<Item = (&str, Vec<u64>)> {
        let columns = self.columns();
        self.rows.iter().map(move |(kind, counts)| {
            let counts = columns
                .iter()
                .filter_map(|column| counts.get(*column).copied());
            (kind.as_str(), counts.collect())
        })
    }

    /// The table.
    pub fn text(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head: Vec<String> = std::iter::once("KIND")
            .chain(self.head())
            .map(String::from)
            .collect();
        let cell = |count: u64| match count {
            0 => ".".to_string(),
            count => count.to_string(),
        };
        let rows: Vec<Vec<String>> = self
            .rows()
            .map(|(kind, counts)| {
                std::iter::once(kind.to_string())
                    .chain(counts.into_iter().map(cell))
                    .collect()
            })
            .collect();
        columns_text(&head, &rows)
    }

    /// What is not listed, and how to see it.
    pub fn folded(&self) -> String {
        let parts: Vec<String> = self
            .noise
            .iter()
            .map(|(rule, count)| format!("{count} {rule}"))
            .collect();
        if parts.is_empty() {
            return String::new();
        }
        format!("folded: {} (--noise none shows them)\n", parts.join(", "))
    }
}

fn style(change: KeyChange) -> Style {
    match change {
        KeyChange::Added | KeyChange::Recreated => NEW,
        KeyChange::Removed => OLD,
        KeyChange::Unknown => AnsiColor::Magenta.on_default(),
        _ => AnsiColor::Yellow.on_default(),
    }
}

/// One key that differs as text, fields and all; of what has another cause, the fields in one line.
pub fn diff_item_text(item: &Item, is_folded: bool, options: FieldOptions) -> String {
    let style = style(item.change);
    let who = match (&item.name, item.kind.as_str()) {
        (Some(name), kind) if !kind.is_empty() => escape::text(format!("{kind} {name}").as_bytes()),
        _ => escape::text(&item.key),
    };
    let why = match item.change {
        KeyChange::Touched(why) => format!("  ({why})"),
        KeyChange::Changed if item.locked.is_some() => {
            "  (changed, or only re-encrypted: give --encryption-config)".to_string()
        }
        _ => String::new(),
    };
    let encrypted = match item.locked {
        Some(_) if item.change != KeyChange::Changed => "  (encrypted)",
        _ => "",
    };
    let noise = match item.noise {
        Some(rule) => format!("  (noise: {rule})"),
        None => String::new(),
    };
    let revisions = match (&item.old, &item.new) {
        (Some(old), Some(new)) => format!("{} → {}", old.revision.main, new.revision.main),
        (Some(one), None) | (None, Some(one)) => one.revision.main.to_string(),
        (None, None) => String::new(),
    };
    let word = item.change.as_str();
    let mut out =
        format!("  {style}{word:<9} {who}{style:#}  [{revisions}]{why}{encrypted}{noise}\n");
    for (side, flaw) in &item.damage {
        let _ = writeln!(out, "      {DAMAGE}<damaged>{DAMAGE:#} {side}: {flaw}");
    }
    for line in account(item, options.is_in_full) {
        let _ = writeln!(out, "      {line}");
    }
    if is_folded {
        let line = fields_line(item, options);
        if !line.is_empty() {
            let _ = writeln!(out, "      {line}");
        }
    } else {
        out.push_str(&fields_text(item, options));
    }
    out
}
