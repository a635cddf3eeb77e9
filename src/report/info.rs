use std::fmt::Write as _;

use serde::Serialize;

use super::findings::findings_text;
use super::humanize;
use super::json::{JsonFinding, line};
use crate::bolt::{CandidateMeta, MetaChoice};
use crate::etcd::schema::{
    ALARM_BUCKET, AUTH_BUCKET, CLUSTER_BUCKET, KEY_BUCKET, LEASE_BUCKET, MEMBERS_BUCKET,
    META_BUCKET,
};
use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::{BucketFigures, Examination, FileInfo, PageCensus, Readable};

/// Users, roles and members that the text shows; JSON has all.
const SHOWN: usize = 20;

#[derive(Serialize)]
struct JsonInfo<'a> {
    r#type: &'static str,
    file: &'a str,
    bytes: u64,
    stored_sha256: Option<String>,
    metas: Vec<JsonMeta>,
    selected_meta: u64,
    selected_because: MetaChoice,
    page_size: u32,
    high_water_mark: u64,
    freelist_stored: bool,
    pages: JsonPages,
    buckets: Vec<JsonBucket>,
    hash: Option<u32>,
    revisions: JsonRevisions,
    live_keys: Option<u64>,
    distinct_keys: Option<u64>,
    records: Option<u64>,
    tombstones: Option<u64>,
    bump_markers: Option<u64>,
    key_and_value_bytes: Option<u64>,
    leases: Option<u64>,
    members: Vec<JsonMember>,
    members_removed: Vec<String>,
    schema: Option<String>,
    storage_version: Option<String>,
    cluster_version: Option<String>,
    downgrade_target: Option<String>,
    consistent_index: Option<u64>,
    term: Option<u64>,
    conf_state: Option<crate::etcd::schema::ConfState>,
    auth_enabled: Option<bool>,
    auth_revision: Option<u64>,
    users: Vec<JsonUser>,
    roles: Vec<JsonRole>,
    alarms: Vec<JsonAlarm>,
    findings: Vec<JsonFinding>,
}

#[derive(Serialize)]
struct JsonMeta {
    meta: u64,
    offset: u64,
    valid: bool,
    fault: Option<&'static str>,
    txid: Option<u64>,
    page_size: Option<u32>,
    root: Option<u64>,
    freelist: Option<u64>,
    high_water_mark: Option<u64>,
    checksum: Option<String>,
}

#[derive(Serialize)]
struct JsonPages {
    total: u64,
    branch: u64,
    leaf: u64,
    overflow: u64,
    free: u64,
    freelist: u64,
    unreachable: u64,
    slack: u64,
    missing: u64,
    branch_fill: f64,
    leaf_fill: f64,
}

#[derive(Serialize)]
struct JsonBucket {
    name: String,
    entries: u64,
    bytes: u64,
    inline: bool,
    leaf_pages: u64,
    branch_pages: u64,
    branch_levels: u32,
}

#[derive(Serialize)]
struct JsonRevisions {
    first: Option<i64>,
    last: Option<i64>,
    store: Option<i64>,
    compacted: Option<i64>,
    scheduled_compaction: Option<i64>,
    finished_compaction: Option<i64>,
    not_before: Option<String>,
}

#[derive(Serialize)]
struct JsonMember {
    id: String,
    name: String,
    peer_urls: Vec<String>,
    client_urls: Vec<String>,
    is_learner: bool,
}

#[derive(Serialize)]
struct JsonUser {
    name: String,
    roles: Vec<String>,
    no_password: bool,
}

#[derive(Serialize)]
struct JsonRole {
    name: String,
    permissions: u64,
}

#[derive(Serialize)]
struct JsonAlarm {
    member: String,
    alarm: String,
}

fn meta_row(meta: &CandidateMeta) -> JsonMeta {
    let raw = meta.raw;
    let fault = meta.validate().err();
    JsonMeta {
        meta: meta.slot.number(),
        offset: meta.offset.0,
        valid: fault.is_none(),
        fault: fault.map(|fault| fault.describe()),
        txid: raw.map(|raw| raw.txid.0),
        page_size: raw.map(|raw| raw.page_size),
        root: raw.map(|raw| raw.root.0),
        freelist: raw.map(|raw| raw.freelist).filter(|list| *list != u64::MAX),
        high_water_mark: raw.map(|raw| raw.high_water.0),
        checksum: raw.map(|raw| format!("{:016x}", raw.checksum)),
    }
}

fn fill(bytes: u64, capacity: u64) -> f64 {
    if capacity == 0 {
        0.0
    } else {
        bytes as f64 / capacity as f64
    }
}

fn rounded(fill: f64) -> f64 {
    (fill * 1000.0).round() / 1000.0
}

fn pages_json(pages: &PageCensus) -> JsonPages {
    JsonPages {
        total: pages.total,
        branch: pages.branch,
        leaf: pages.leaf,
        overflow: pages.overflow,
        free: pages.free,
        freelist: pages.freelist,
        unreachable: pages.unreachable,
        slack: pages.slack,
        missing: pages.missing,
        branch_fill: rounded(fill(pages.branch_bytes, pages.branch_capacity)),
        leaf_fill: rounded(fill(pages.leaf_bytes, pages.leaf_capacity)),
    }
}

fn bucket_name(bucket: &BucketFigures) -> String {
    let names: Vec<String> = bucket
        .path
        .iter()
        .map(|name| escape::text_limited(name, 64))
        .collect();
    names.join("/")
}

fn revisions(examined: &Examination, not_before: Option<i64>) -> JsonRevisions {
    let records = &examined.records;
    let compaction = &examined.contents.meta.compaction;
    JsonRevisions {
        first: records.first.map(|revision| revision.main),
        last: records.last.map(|revision| revision.main),
        store: examined.revision(),
        compacted: examined.meta_is_known().then(|| compaction.compacted()),
        scheduled_compaction: compaction.scheduled.map(|revision| revision.main),
        finished_compaction: compaction.finished.map(|revision| revision.main),
        not_before: not_before.map(rfc3339),
    }
}

/// The report as one line of JSON; `None` when the file could not be opened as a database.
pub fn info_json(info: &FileInfo, file: &str) -> Option<String> {
    let examined = info.inside.as_ref().ok()?;
    let contents = &examined.contents;
    let losses = &examined.losses;
    let has_keys = examined.keys_readable() != Readable::Nothing;
    let meta_is_known = examined.meta_is_known();
    let text = |text: &String| escape::text(text.as_bytes());
    let names = |names: &[Vec<u8>]| names.iter().map(|name| escape::text(name)).collect();
    Some(line(&JsonInfo {
        r#type: "info",
        file,
        bytes: info.layout.file_len,
        stored_sha256: info.layout.trailer.map(|digest| digest.to_string()),
        metas: examined.metas.both().into_iter().map(meta_row).collect(),
        selected_meta: examined.selected.meta.slot.number(),
        selected_because: examined.selected.why,
        page_size: examined.geometry.page_size,
        high_water_mark: examined.geometry.high_water.0,
        freelist_stored: examined.has_freelist,
        pages: pages_json(&examined.pages),
        buckets: examined
            .buckets
            .iter()
            .map(|bucket| JsonBucket {
                name: bucket_name(bucket),
                entries: bucket.totals.entries,
                bytes: bucket.totals.bytes,
                inline: bucket.inline,
                leaf_pages: bucket.leaf_pages,
                branch_pages: bucket.branch_pages,
                branch_levels: bucket.branch_levels,
            })
            .collect(),
        hash: (!losses.nothing_is_reached()).then_some(examined.hash),
        revisions: revisions(examined, info.not_before),
        live_keys: has_keys.then_some(examined.records.live_keys),
        distinct_keys: has_keys.then_some(examined.records.distinct_keys),
        records: has_keys.then_some(examined.records.records),
        tombstones: has_keys.then_some(examined.records.tombstones),
        bump_markers: has_keys.then_some(examined.records.markers),
        key_and_value_bytes: has_keys.then_some(examined.records.user_bytes),
        leases: losses
            .is_known(LEASE_BUCKET)
            .then_some(contents.leases.len() as u64),
        members: contents
            .members
            .iter()
            .map(|member| JsonMember {
                id: format!("{:x}", member.id),
                name: text(&member.name),
                peer_urls: member.peer_urls.iter().map(text).collect(),
                client_urls: member.client_urls.iter().map(text).collect(),
                is_learner: member.is_learner,
            })
            .collect(),
        members_removed: contents
            .removed
            .iter()
            .map(|id| format!("{id:x}"))
            .collect(),
        schema: meta_is_known.then(|| contents.meta.schema()),
        storage_version: contents.meta.storage_version.as_deref().map(escape::text),
        cluster_version: contents.cluster_version.clone(),
        downgrade_target: contents.downgrade_target.clone(),
        consistent_index: contents.meta.consistent_index,
        term: contents.meta.term,
        conf_state: contents.meta.conf_state.clone(),
        auth_enabled: losses
            .is_known(AUTH_BUCKET)
            .then(|| contents.auth_enabled.unwrap_or(false)),
        auth_revision: contents.auth_revision,
        users: contents
            .users
            .iter()
            .map(|user| JsonUser {
                name: escape::text(&user.name),
                roles: names(&user.roles),
                no_password: user.no_password,
            })
            .collect(),
        roles: contents
            .roles
            .iter()
            .map(|role| JsonRole {
                name: escape::text(&role.name),
                permissions: role.permissions,
            })
            .collect(),
        alarms: contents
            .alarms
            .iter()
            .map(|alarm| JsonAlarm {
                member: format!("{:x}", alarm.member),
                alarm: alarm.kind.to_string(),
            })
            .collect(),
        findings: info
            .findings
            .list
            .iter()
            .map(|f| JsonFinding::new(f, file))
            .collect(),
    }))
}

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
                MetaChoice::HigherTxId => "  <- counts: the higher transaction",
                MetaChoice::SameTxId => "  <- counts: the first of two equal ones",
                MetaChoice::OnlyValid => "  <- counts: the only valid one",
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
            (Err(fault), _) => row(out, &name, format_args!("invalid: it {}", fault.describe())),
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
        row(out, "behind the mark", pages.slack);
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
    match revisions.store {
        Some(revision) => row(out, "store revision", revision),
        None => row(out, "store revision", UNKNOWN),
    }
    if let Some(time) = &revisions.not_before {
        row(
            out,
            "newest object",
            format_args!("{time}; it was not saved before"),
        );
    }
    row(
        out,
        "records",
        format_args!(
            "{} from revision {} to {}, {} of them tombstones",
            examined.records.records,
            known(revisions.first),
            known(revisions.last),
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
    let compacted = match revisions.compacted {
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
            "{auth}, {} users, {} roles",
            contents.users.len(),
            contents.roles.len()
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
