//! What a file holds, for people.

use std::fmt::Write as _;

use super::{bucket_name, fill, revisions};
use crate::bolt::MetaChoice;
use crate::counted::counted;
use crate::etcd::schema::{
    ALARM_BUCKET, AUTH_BUCKET, CLUSTER_BUCKET, KEY_BUCKET, LEASE_BUCKET, MEMBERS_BUCKET,
    META_BUCKET,
};
use crate::finding::escape;
use crate::ops::{Examination, FileInfo, Readable};
use crate::report::findings::findings_text;
use crate::report::humanize;

/// Users, roles and members that the text shows; JSON has all.
const SHOWN: usize = 20;

/// The report for people; `None` when the file could not be opened as a database.
pub fn info_text(info: &FileInfo, file: &str) -> Option<String> {
    let examined = info.inside.as_ref().ok()?;
    let mut out = String::new();
    file_section(&mut out, info, examined, file);
    pages_section(&mut out, examined);
    buckets_section(&mut out, examined);
    if examined.is_foreign() {
        let _ = writeln!(out, "\nnot etcd's: none of its buckets is there");
    } else {
        keys_section(&mut out, examined, info.not_before);
        cluster_section(&mut out, examined);
    }
    if !info.findings.list.is_empty() {
        out.push_str("\nfindings\n");
        out.push_str(&findings_text(&info.findings, 3));
    }
    Some(out)
}

/// One labelled line.
fn row(out: &mut String, label: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {label:<18} {value}");
}

fn file_section(out: &mut String, info: &FileInfo, examined: &Examination, file: &str) {
    let _ = writeln!(out, "{file}");
    let bytes = info.layout.file_len;
    row(
        out,
        "size",
        format_args!("{bytes} bytes ({})", humanize::bytes(bytes)),
    );
    let trailer = info.layout.trailer.map_or_else(
        || "none: the file does not end in one".to_string(),
        |digest| format!("{digest} (not compared; see `verify`)"),
    );
    row(out, "stored sha256", trailer);
    row(out, "page size", examined.geometry.page_size);
    for meta in examined.metas.both() {
        let name = format!("meta {}", meta.slot.number());
        let selected = if meta.slot == examined.selected.meta.slot {
            match examined.selected.why {
                MetaChoice::HigherTxId => "  <- active: the higher transaction",
                MetaChoice::SameTxId => "  <- active: the first of two equal ones",
                MetaChoice::OnlyValid => "  <- active: the only valid one",
            }
        } else {
            ""
        };
        match (meta.validate(), meta.raw) {
            (Ok(meta), _) => {
                let freelist = meta
                    .freelist
                    .map_or("not stored".to_string(), |page| page.to_string());
                row(
                    out,
                    &name,
                    format_args!(
                        "transaction {}, root page {}, freelist {freelist}, high-water mark {}{selected}",
                        meta.txid, meta.root, meta.high_water
                    ),
                );
            }
            (Err(error), _) => row(out, &name, format_args!("invalid: it {}", error.describe())),
        }
    }
}

/// What stands where damage hides the answer.
const UNKNOWN: &str = "unknown, because of damage";

fn pages_section(out: &mut String, examined: &Examination) {
    let pages = &examined.pages;
    let _ = writeln!(out, "\npages");
    row(out, "total", pages.total);
    let percent = |bytes, capacity| format!("{:.1}% full", fill(bytes, capacity) * 100.0);
    row(
        out,
        "branch",
        format_args!(
            "{} ({})",
            pages.branch,
            percent(pages.branch_bytes, pages.branch_capacity)
        ),
    );
    row(
        out,
        "leaf",
        format_args!(
            "{} ({}, overflow included)",
            pages.leaf,
            percent(pages.leaf_bytes, pages.leaf_capacity)
        ),
    );
    row(out, "overflow", pages.overflow);
    if examined.losses.any() && !examined.has_freelist {
        row(
            out,
            "free",
            format_args!("{}, or lost with what referred to them", pages.free),
        );
    } else {
        row(out, "free", pages.free);
    }
    row(out, "freelist", pages.freelist);
    row(out, "unreachable", pages.unreachable);
    if pages.slack > 0 {
        row(out, "above the mark", pages.slack);
    }
    if pages.missing > 0 {
        row(
            out,
            "missing",
            format_args!(
                "{} ({} known to be in use)",
                pages.missing, pages.missing_in_use
            ),
        );
    }
}

fn buckets_section(out: &mut String, examined: &Examination) {
    let buckets = examined.buckets.as_slice();
    let _ = writeln!(out, "\nbuckets");
    if buckets.is_empty() {
        let none = match examined.losses.nothing_is_reached() {
            true => "none can be reached: the root page leads to none",
            false => "none",
        };
        let _ = writeln!(out, "  {none}");
        return;
    }
    let names: Vec<String> = buckets.iter().map(bucket_name).collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let _ = writeln!(
        out,
        "  {:<width$} {:>12} {:>14} {:>11} {:>13}  depth",
        "name", "entries", "bytes", "leaf pages", "branch pages"
    );
    for (bucket, name) in buckets.iter().zip(&names) {
        let depth = if bucket.inline {
            "inline".to_string()
        } else {
            bucket.branch_levels.to_string()
        };
        let _ = writeln!(
            out,
            "  {name:<width$} {:>12} {:>14} {:>11} {:>13}  {depth}",
            bucket.totals.entries, bucket.totals.bytes, bucket.leaf_pages, bucket.branch_pages
        );
    }
}

fn keys_section(out: &mut String, examined: &Examination, not_before: Option<i64>) {
    let _ = writeln!(out, "\nkeys");
    let revisions = revisions(examined, not_before);
    let known = |number: Option<i64>| number.map_or("none".to_string(), |n| n.to_string());
    if examined.keys_readable() == Readable::Nothing {
        let why = match examined.losses.is_known(KEY_BUCKET) {
            true => "there is no bucket `key`",
            false => UNKNOWN,
        };
        row(out, "records", why);
        return;
    }
    let partly = examined.keys_readable() == Readable::Partly;
    if partly {
        let _ = writeln!(out, "  of what could be read; damage hides the rest");
    }
    match revisions.current_revision {
        Some(revision) => row(out, "store revision", revision),
        None => row(out, "store revision", UNKNOWN),
    }
    if let Some(time) = &revisions.not_before {
        row(
            out,
            "newest object",
            format_args!("{time}; snapshot taken no earlier than that"),
        );
    }
    row(
        out,
        "records",
        format_args!(
            "{} from revision {} to {}, {} of them tombstones",
            examined.records.records,
            known(revisions.first_record_revision),
            known(revisions.last_record_revision),
            examined.records.tombstones
        ),
    );
    row(
        out,
        "live keys",
        format_args!(
            "{} of {} that have records",
            examined.records.live_keys, examined.records.distinct_keys
        ),
    );
    let compacted = match revisions.compact_revision {
        None if examined.losses.is_known(META_BUCKET) => "there is no bucket `meta`".to_string(),
        None => UNKNOWN.to_string(),
        Some(-1) => "never".to_string(),
        Some(revision) if revisions.finished_compaction == Some(revision) => {
            format!("at revision {revision}")
        }
        Some(revision) => format!(
            "at revision {revision}, scheduled; finished: {}",
            known(revisions.finished_compaction)
        ),
    };
    row(out, "compacted", compacted);
    row(
        out,
        "keys and values",
        humanize::bytes(examined.records.user_bytes),
    );
    if examined.records.markers > 0 {
        row(out, "bump markers", examined.records.markers);
    }
    row(out, "hash", format_args!("{:x}", examined.hash));
}

fn cluster_section(out: &mut String, examined: &Examination) {
    let _ = writeln!(out, "\ncluster");
    let contents = &examined.contents;
    let losses = &examined.losses;
    let meta = &contents.meta;
    let number = |n: Option<u64>| n.map_or("none".to_string(), |n| n.to_string());
    if losses.nothing_is_reached() {
        row(out, "all of it", UNKNOWN);
        return;
    }
    if examined.meta_is_known() {
        row(out, "schema", meta.schema());
    } else {
        let why = match losses.is_known(META_BUCKET) {
            true => "there is no bucket `meta`",
            false => UNKNOWN,
        };
        row(out, "schema", why);
    }
    if let Some(version) = &meta.storage_version {
        row(out, "storage version", escape::text_limited(version, 64));
    }
    match (&contents.cluster_version, losses.is_known(CLUSTER_BUCKET)) {
        (Some(version), _) => row(out, "cluster version", version),
        (None, true) => row(out, "cluster version", "none"),
        (None, false) => row(out, "cluster version", UNKNOWN),
    }
    if let Some(target) = &contents.downgrade_target {
        row(out, "downgrading to", target);
    }
    if examined.meta_is_known() {
        row(out, "consistent index", number(meta.consistent_index));
        row(out, "term", number(meta.term));
    }
    if let Some(state) = &meta.conf_state {
        let voters: Vec<String> = state.voters.iter().map(|id| format!("{id:x}")).collect();
        row(out, "confState voters", voters.join(" "));
    }
    let learners = contents
        .members
        .iter()
        .filter(|member| member.is_learner)
        .count();
    if losses.is_known(MEMBERS_BUCKET) {
        row(
            out,
            "members",
            format_args!(
                "{}, {learners} of them learners; {} removed",
                contents.members.len(),
                contents.removed.len()
            ),
        );
    } else {
        row(out, "members", UNKNOWN);
    }
    for member in contents.members.iter().take(SHOWN) {
        let urls = member.peer_urls.join(" ");
        let learner = if member.is_learner { ", learner" } else { "" };
        let _ = writeln!(
            out,
            "    {:x} {}{learner} at {}",
            member.id,
            escape::text_limited(member.name.as_bytes(), 64),
            escape::text_limited(urls.as_bytes(), 128)
        );
    }
    more(out, contents.members.len());
    if losses.is_known(LEASE_BUCKET) {
        row(out, "leases", contents.leases.len());
    } else {
        row(out, "leases", UNKNOWN);
    }
    let auth = match contents.auth_enabled {
        Some(true) => "on",
        None if !losses.is_known(AUTH_BUCKET) => UNKNOWN,
        _ => "off",
    };
    row(
        out,
        "auth",
        format_args!(
            "{auth}, {}, {}",
            counted(contents.users.len() as u64, "user", "users"),
            counted(contents.roles.len() as u64, "role", "roles")
        ),
    );
    for user in contents.users.iter().take(SHOWN) {
        let roles: Vec<String> = user
            .roles
            .iter()
            .map(|role| escape::text_limited(role, 64))
            .collect();
        let _ = writeln!(
            out,
            "    user {} roles [{}]",
            escape::text_limited(&user.name, 64),
            roles.join(", ")
        );
    }
    more(out, contents.users.len());
    for role in contents.roles.iter().take(SHOWN) {
        let _ = writeln!(
            out,
            "    role {} with {} permissions",
            escape::text_limited(&role.name, 64),
            role.permissions
        );
    }
    more(out, contents.roles.len());
    let alarms: Vec<String> = contents
        .alarms
        .iter()
        .map(|alarm| format!("{} of member {:x}", alarm.kind, alarm.member))
        .collect();
    let alarms = if alarms.is_empty() && !losses.is_known(ALARM_BUCKET) {
        UNKNOWN.to_string()
    } else if alarms.is_empty() {
        "none".to_string()
    } else {
        alarms.join(", ")
    };
    row(out, "alarms", alarms);
}

fn more(out: &mut String, count: usize) {
    if count > SHOWN {
        let _ = writeln!(out, "    … and {} more", count - SHOWN);
    }
}
