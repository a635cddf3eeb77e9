//! What a file holds, as JSON.

use serde::Serialize;

use super::{Revisions, bucket_name, fill, revisions};
use crate::bolt::{CandidateMeta, MetaChoice};
use crate::etcd::schema::{AUTH_BUCKET, ConfState, LEASE_BUCKET};
use crate::finding::escape;
use crate::ops::{FileInfo, PageCensus, Readable};
use crate::report::json::{JsonFinding, JsonLine, hex_id, line};

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonInfo<'a> {
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
    revisions: Revisions,
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
    conf_state: Option<JsonConfState>,
    auth_enabled: Option<bool>,
    auth_revision: Option<u64>,
    users: Vec<JsonUser>,
    roles: Vec<JsonRole>,
    alarms: Vec<JsonAlarm>,
    findings: Vec<JsonFinding<'a>>,
}

impl JsonLine for JsonInfo<'_> {
    const TYPE: &'static str = "info";
}

/// raft's configuration; lists of ids that are empty are left out, but for `voters`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonConfState {
    voters: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learners: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    voters_outgoing: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learners_next: Vec<String>,
    auto_leave: bool,
}

impl JsonConfState {
    fn new(state: &ConfState) -> Self {
        let hex = |ids: &[u64]| ids.iter().copied().map(hex_id).collect();
        Self {
            voters: hex(&state.voters),
            learners: hex(&state.learners),
            voters_outgoing: hex(&state.voters_outgoing),
            learners_next: hex(&state.learners_next),
            auto_leave: state.auto_leave,
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonMember {
    member_id: String,
    name: String,
    peer_urls: Vec<String>,
    client_urls: Vec<String>,
    is_learner: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonUser {
    name: String,
    roles: Vec<String>,
    no_password: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonRole {
    name: String,
    permissions: u64,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonAlarm {
    member_id: String,
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
        checksum: raw.map(|raw| hex_id(raw.checksum)),
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
                member_id: hex_id(member.id),
                name: text(&member.name),
                peer_urls: member.peer_urls.iter().map(text).collect(),
                client_urls: member.client_urls.iter().map(text).collect(),
                is_learner: member.is_learner,
            })
            .collect(),
        members_removed: contents.removed.iter().map(|id| hex_id(*id)).collect(),
        schema: meta_is_known.then(|| contents.meta.schema()),
        storage_version: contents.meta.storage_version.as_deref().map(escape::text),
        cluster_version: contents.cluster_version.clone(),
        downgrade_target: contents.downgrade_target.clone(),
        consistent_index: contents.meta.consistent_index,
        term: contents.meta.term,
        conf_state: contents.meta.conf_state.as_ref().map(JsonConfState::new),
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
                member_id: hex_id(alarm.member),
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

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(in crate::report) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonInfo<'_>>()]
}
