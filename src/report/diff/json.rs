//! Differences as lines of JSON.

use serde::Serialize;
use serde_json::Value;

use super::fields::FieldOptions;
use super::{DiffCounts, apart, bucket_word};
use crate::etcd::keyspace::RecordFacts;
use crate::kubernetes::compare::writers::Writer;
use crate::kubernetes::rfc3339;
use crate::ops::diff::{
    BucketChange, BucketDivergence, CommonMembers, Comparison, Deletion, DivergenceKind,
    DivergentRecord, Identity, Item, KeyChange, Relation, SideFigures, Uncompared,
};
use crate::report::history::{JsonField, json_field};
use crate::report::json::{Name, line};

#[derive(Debug, Serialize)]
struct JsonSide {
    create_revision: i64,
    mod_revision: i64,
    version: i64,
    lease: i64,
    value_size: u64,
}

impl JsonSide {
    fn of(facts: &RecordFacts) -> Self {
        Self {
            create_revision: facts.create_revision,
            mod_revision: facts.revision.main,
            version: facts.version,
            lease: facts.lease.0,
            value_size: facts.value_size,
        }
    }
}

/// Who wrote something.
#[derive(Debug, Serialize)]
struct JsonManager<'w> {
    manager: &'w str,
    operation: &'w str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'w str,
}

impl<'w> JsonManager<'w> {
    fn of(writer: &'w Writer) -> Self {
        Self {
            manager: &writer.manager,
            operation: &writer.operation,
            time: writer.time.map(rfc3339),
            subresource: &writer.subresource,
        }
    }
}

/// When something went. At most one of the first three kinds of field is there.
#[derive(Debug, Default, Serialize)]
struct JsonDeletion<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at_or_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_timestamp: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    finalizers: &'d [String],
}

impl<'d> JsonDeletion<'d> {
    fn of(item: &'d Item) -> Self {
        let mut told = Self::default();
        match item.deletion {
            Some(Deletion::Recorded(revision)) => told.deleted_at = Some(revision),
            Some(Deletion::Compacted { after, up_to }) => {
                told.deleted_after = Some(after);
                told.deleted_at_or_before = Some(up_to);
            }
            Some(Deletion::CreatedLater(_) | Deletion::NotRecorded | Deletion::CannotTell)
            | None => {}
        }
        if let Some(termination) = &item.termination {
            told.deletion_timestamp = termination.deletion_timestamp.map(rfc3339);
            told.finalizers = &termination.finalizers;
        }
        told
    }
}

#[derive(Debug, Serialize)]
struct JsonItem<'i> {
    r#type: &'static str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(flatten)]
    key: Name<'i>,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'i str,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'i str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'i str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'i str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    #[serde(flatten)]
    deletion: JsonDeletion<'i>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    managers: Vec<JsonManager<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<JsonSide>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<JsonSide>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<JsonField<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<&'i Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    encrypted: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    security: &'i [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<&'static str>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    damaged: serde_json::Map<String, Value>,
}

/// One key that differs as a line of JSON; with its fields where everything is shown.
pub fn diff_item_json(item: &Item, options: FieldOptions) -> String {
    let why = match item.change {
        KeyChange::Touched(why) => Some(why),
        KeyChange::Changed if item.locked.is_some() => Some("or-only-re-encrypted"),
        _ => None,
    };
    line(&JsonItem {
        r#type: "change",
        change: item.change.as_str(),
        why,
        key: Name::key(&item.key),
        api_version: &item.api_version,
        kind: &item.kind,
        namespace: item.namespace.as_deref(),
        name: item.name.as_deref(),
        revision: match &item.new {
            Some(new) => Some(new.revision.main),
            None => item.deletion.and_then(Deletion::revision),
        },
        deletion: JsonDeletion::of(item),
        not_before: item.not_before.map(rfc3339),
        managers: item.writers.iter().map(JsonManager::of).collect(),
        old: item.old.as_ref().map(JsonSide::of),
        new: item.new.as_ref().map(JsonSide::of),
        fields: match options.is_in_full {
            true => options.shown(item).map(json_field).collect(),
            false => Vec::new(),
        },
        patch: item.patch.as_ref(),
        encrypted: item.locked.is_some(),
        security: &item.security,
        noise: item.noise,
        damaged: item
            .damage
            .iter()
            .map(|(side, flaw)| ((*side).to_string(), flaw.to_string().into()))
            .collect(),
    })
}

#[derive(Debug, Serialize)]
struct JsonBucketChange<'b> {
    r#type: &'static str,
    bucket: &'b str,
    change: &'static str,
    #[serde(flatten)]
    key: Name<'b>,
    counts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    diverged_at: Option<&'static str>,
}

/// A difference in another bucket as a line of JSON.
pub fn bucket_change_json(change: &BucketChange) -> String {
    line(&JsonBucketChange {
        r#type: "bucket-change",
        bucket: &change.bucket,
        change: bucket_word(change.kind),
        key: Name::key(&change.key),
        counts: change.counts,
        diverged_at: change.divergence.map(|divergence| match divergence {
            BucketDivergence::RaftIndex => "raft-index",
            BucketDivergence::AuthRevision => "auth-revision",
        }),
    })
}

#[derive(Debug, Serialize)]
struct JsonDivergence<'d> {
    r#type: &'static str,
    revision: i64,
    sub: i64,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_key: Option<Name<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_key: Option<Name<'d>>,
}

fn divergence_word(kind: DivergenceKind) -> &'static str {
    match kind {
        DivergenceKind::Differs => "other-bytes",
        DivergenceKind::OnlyOld => "only-in-old",
        DivergenceKind::OnlyNew => "only-in-new",
    }
}

/// A record that should be the same in both files as a line of JSON.
pub fn divergence_json(record: &DivergentRecord) -> String {
    line(&JsonDivergence {
        r#type: "divergence",
        revision: record.revision.main,
        sub: record.revision.sub,
        what: divergence_word(record.kind),
        old_key: record.old_key.as_deref().map(Name::key),
        new_key: record.new_key.as_deref().map(Name::key),
    })
}

#[derive(Debug, Serialize)]
struct JsonState {
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
    keys: u64,
    damaged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<JsonUncompared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_id: Option<String>,
}

impl JsonState {
    /// `beside`: of two files, what was not compared of this one, and whose it is.
    fn of(side: &SideFigures, beside: Option<(Uncompared, Option<Identity>)>) -> Self {
        let identity = beside.and_then(|(_, identity)| identity);
        Self {
            not_compared: beside.map(|(uncompared, _)| JsonUncompared {
                ahead: uncompared.ahead,
                compacted: uncompared.compacted,
                damaged: uncompared.damaged,
            }),
            cluster_id: identity.map(|identity| format!("{:x}", identity.cluster)),
            member_id: identity.map(|identity| format!("{:x}", identity.member)),
            revision: side.revision,
            current_revision: side.bounds.current,
            compact_revision: side.bounds.compacted,
            keys: side.keys,
            damaged: side.is_damaged,
            not_before: side.not_before.map(rfc3339),
        }
    }
}

#[derive(Debug, Serialize)]
struct JsonSummary {
    r#type: &'static str,
    #[serde(flatten)]
    counts: DiffCounts,
    bucket_changes: usize,
    relation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<&'static str>,
    history_complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_hole: Option<i64>,
    common_records: u64,
    divergences: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_divergence: Option<i64>,
    bucket_divergences: usize,
    revisions_apart: i64,
    shared_revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashkv: Option<[u32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members_in_common: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raft_index_in_common: Option<u64>,
    old: JsonState,
    new: JsonState,
}

/// Records of one side that the other one cannot be held against.
#[derive(Debug, Serialize)]
struct JsonUncompared {
    ahead: u64,
    compacted: u64,
    damaged: u64,
}

/// The last line of a diff in JSON.
pub fn diff_summary_json(comparison: &Comparison, counts: &DiffCounts) -> String {
    let ties = &comparison.ties;
    let is_two = comparison.relation != Relation::OneFile;
    let [old, new] = comparison.uncompared;
    line(&JsonSummary {
        r#type: "summary",
        counts: *counts,
        bucket_changes: comparison.buckets.iter().filter(|b| b.counts).count(),
        relation: comparison.relation.as_str(),
        doubt: match comparison.relation {
            Relation::Undecided(doubt) => Some(doubt.as_str()),
            _ => None,
        },
        history_complete: comparison.is_history_complete,
        first_hole: comparison.first_hole,
        common_records: comparison.common_records,
        divergences: comparison.divergence_count,
        first_divergence: comparison.divergences.first().map(|d| d.revision.main),
        bucket_divergences: comparison
            .buckets
            .iter()
            .filter(|change| change.divergence.is_some())
            .count(),
        revisions_apart: apart(comparison),
        shared_revision: comparison.shared_revision,
        hashkv: comparison.hashes,
        members_in_common: ties.common_members().map(CommonMembers::as_str),
        raft_index_in_common: ties.raft_index,
        old: JsonState::of(&comparison.old, is_two.then_some((old, ties.old_identity))),
        new: JsonState::of(&comparison.new, is_two.then_some((new, ties.new_identity))),
    })
}
