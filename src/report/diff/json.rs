//! Differences as lines of JSON.

use serde::Serialize;
use serde_json::Value;

use super::divergence::lease_of;
use super::fields::FieldOptions;
use super::{DiffCounts, apart};
use crate::kubernetes::rfc3339;
use crate::ops::diff::{
    self, BucketChange, BucketChangeKind, BucketDivergence, CommonMembers, Comparison, Deletion,
    DivergenceKind, DivergentRecord, Item, KeyChange, Relation, SideFigures, Uncompared,
};
use crate::report::history::json_field;
use crate::report::json::{Identity, JsonLine, JsonRecordFacts, Name, hex_id, line};
use crate::report::log::{JsonField, JsonManager};
use crate::report::plain_value::JsonValues;

/// How a key differs.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Change {
    Added,
    Removed,
    Changed,
    Recreated,
    Touched,
    Lease,
    Unknown,
}

impl Change {
    fn of(change: KeyChange) -> Self {
        match change {
            KeyChange::Added => Self::Added,
            KeyChange::Removed => Self::Removed,
            KeyChange::Changed => Self::Changed,
            KeyChange::Recreated => Self::Recreated,
            KeyChange::Touched(_) => Self::Touched,
            KeyChange::Lease => Self::Lease,
            KeyChange::Unknown => Self::Unknown,
        }
    }

    fn of_bucket(kind: BucketChangeKind) -> Self {
        match kind {
            BucketChangeKind::Added => Self::Added,
            BucketChangeKind::Removed => Self::Removed,
            BucketChangeKind::Changed => Self::Changed,
        }
    }
}

/// When something went. At most one of the first three kinds of field is there.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonItem<'i> {
    change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(flatten)]
    key: Name<'i>,
    #[serde(flatten)]
    object: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<JsonRecordFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<JsonRecordFacts>,
    /// RFC 6902, from the old value to the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    #[serde(flatten)]
    deletion: JsonDeletion<'i>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    managers: Vec<JsonManager<'i>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<JsonField<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<JsonValues<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_encrypted: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    security: &'i [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<JsonDamage>,
}

impl JsonLine for JsonItem<'_> {
    const TYPE: &'static str = "change";
}

/// How the value of a state is not what the key promises.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonDamage {
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<String>,
}

impl JsonDamage {
    fn of(item: &Item) -> Option<Self> {
        let of_side = |side| {
            let found = item.damage.iter().find(|(of, _)| *of == side);
            found.map(|(_, flaw)| flaw.to_string())
        };
        (!item.damage.is_empty()).then(|| Self {
            old: of_side("old"),
            new: of_side("new"),
        })
    }
}

/// What a line of JSON tells of a key that differs.
#[derive(Debug, Clone, Copy)]
pub enum ChangeDetail {
    /// How it differs and whose key it is.
    Name,
    /// And both records, when and by whom it was changed, and the patch from the one to the other.
    Patch(FieldOptions),
}

/// One key that differs as a line of JSON.
pub fn diff_item_json(item: &Item, detail: ChangeDetail) -> String {
    let why = match item.change {
        KeyChange::Touched(why) => Some(why),
        KeyChange::Changed if item.locked.is_some() => Some("or-only-re-encrypted"),
        _ => None,
    };
    let namespace = item.namespace.as_deref().unwrap_or_default();
    let name = item.name.as_deref().unwrap_or_default();
    let mut line_of_item = JsonItem {
        change: Change::of(item.change),
        why: None,
        key: Name::key(&item.key),
        object: Identity::of_texts(&item.api_version, &item.kind, namespace, name),
        old: None,
        new: None,
        revision: None,
        deletion: JsonDeletion::default(),
        not_before: None,
        managers: Vec::new(),
        fields: Vec::new(),
        values: None,
        patch: None,
        is_encrypted: false,
        security: &[],
        noise: None,
        damage: None,
    };
    if let ChangeDetail::Patch(options) = detail {
        line_of_item = JsonItem {
            why,
            old: item.old.as_ref().map(JsonRecordFacts::of),
            new: item.new.as_ref().map(JsonRecordFacts::of),
            revision: match &item.new {
                Some(new) => Some(new.revision.main),
                None => item.deletion.and_then(Deletion::revision),
            },
            deletion: JsonDeletion::of(item),
            not_before: item.not_before.map(rfc3339),
            managers: item.writers.iter().map(JsonManager::of).collect(),
            fields: match options.is_in_full {
                true => options.shown(item).map(json_field).collect(),
                false => Vec::new(),
            },
            values: JsonValues::of(&item.values),
            patch: item
                .patch
                .as_ref()
                .map(|patch| steps(patch, options.managed_fields)),
            is_encrypted: item.locked.is_some(),
            security: &item.security,
            noise: item.noise,
            damage: JsonDamage::of(item),
            ..line_of_item
        };
    }
    line(&line_of_item)
}

const MANAGED_FIELDS: &str = "/metadata/managedFields";

/// The steps of a patch; those about managed fields only if they are wanted.
fn steps(patch: &Value, managed_fields: bool) -> Vec<Value> {
    let steps = patch.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_managed = |step: &Value| {
        let path = step.get("path").and_then(Value::as_str).unwrap_or_default();
        let rest = path.strip_prefix(MANAGED_FIELDS);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let steps = steps
        .iter()
        .filter(|step| managed_fields || !is_managed(step));
    let mut steps: Vec<Value> = steps.cloned().collect();
    if !managed_fields {
        // A step may be about what they are in.
        for step in &mut steps {
            let inside = match step.get("path").and_then(Value::as_str) {
                Some("") => step.pointer_mut("/value/metadata"),
                Some("/metadata") => step.pointer_mut("/value"),
                _ => None,
            };
            if let Some(metadata) = inside.and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
        }
    }
    steps
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonBucketChange<'b> {
    bucket: &'b str,
    change: Change,
    #[serde(flatten)]
    key: Name<'b>,
    /// Of a lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_id: Option<String>,
    /// False for what only goes on with time.
    is_difference: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    diverged_at: Option<&'static str>,
}

impl JsonLine for JsonBucketChange<'_> {
    const TYPE: &'static str = "bucket-change";
}

/// A difference in another bucket as a line of JSON.
pub fn bucket_change_json(change: &BucketChange) -> String {
    line(&JsonBucketChange {
        bucket: &change.bucket,
        change: Change::of_bucket(change.kind),
        key: Name::key(&change.key),
        lease_id: lease_of(change).map(hex_id),
        is_difference: change.counts,
        diverged_at: change.divergence.map(|divergence| match divergence {
            BucketDivergence::RaftIndex => "raft-index",
            BucketDivergence::AuthRevision => "auth-revision",
        }),
    })
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonDivergence<'d> {
    revision: i64,
    sub: i64,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_key: Option<Name<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_key: Option<Name<'d>>,
}

impl JsonLine for JsonDivergence<'_> {
    const TYPE: &'static str = "divergence";
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
        revision: record.revision.main,
        sub: record.revision.sub,
        what: divergence_word(record.kind),
        old_key: record.old_key.as_deref().map(Name::key),
        new_key: record.new_key.as_deref().map(Name::key),
    })
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonState {
    revision: i64,
    current_revision: i64,
    compact_revision: i64,
    keys: u64,
    is_damaged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// At the newest revision that both have reached; only of `divergence`, where it compares.
    #[serde(skip_serializing_if = "Option::is_none")]
    hashkv: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<JsonUncompared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member_id: Option<String>,
}

impl JsonState {
    /// `beside`: of two files, what was not compared of this one, and whose it is.
    fn of(
        side: &SideFigures,
        beside: Option<(Uncompared, Option<diff::Identity>)>,
        hashkv: Option<u32>,
    ) -> Self {
        let identity = beside.and_then(|(_, identity)| identity);
        Self {
            not_compared: beside.map(|(uncompared, _)| JsonUncompared {
                ahead: uncompared.ahead,
                compacted: uncompared.compacted,
                damaged: uncompared.damaged,
            }),
            cluster_id: identity.map(|identity| hex_id(identity.cluster)),
            member_id: identity.map(|identity| hex_id(identity.member)),
            revision: side.revision,
            current_revision: side.bounds.current,
            compact_revision: side.bounds.compacted,
            keys: side.keys,
            is_damaged: side.is_damaged,
            hashkv,
            not_before: side.not_before.map(rfc3339),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonDiffSummary {
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
    members_in_common: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raft_index_in_common: Option<u64>,
    old: JsonState,
    new: JsonState,
}

impl JsonLine for JsonDiffSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("diff");
}

/// The same for `divergence`, which compares no states.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonDivergenceSummary(JsonDiffSummary);

impl JsonLine for JsonDivergenceSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("divergence");
}

/// Records of one side that the other one cannot be held against.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonUncompared {
    ahead: u64,
    compacted: u64,
    damaged: u64,
}

/// The last line of a diff in JSON.
pub fn diff_summary_json(comparison: &Comparison, counts: &DiffCounts) -> String {
    line(&summary(comparison, counts))
}

/// The last line of a divergence in JSON.
pub fn divergence_summary_json(comparison: &Comparison) -> String {
    let counts = DiffCounts::default();
    line(&JsonDivergenceSummary(summary(comparison, &counts)))
}

fn summary(comparison: &Comparison, counts: &DiffCounts) -> JsonDiffSummary {
    let ties = &comparison.ties;
    let is_two = comparison.relation != Relation::OneFile;
    let [old, new] = comparison.uncompared;
    let hashes = comparison.hashes;
    let is_beside = |uncompared, identity| is_two.then_some((uncompared, identity));
    JsonDiffSummary {
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
        members_in_common: ties.common_members().map(CommonMembers::as_str),
        raft_index_in_common: ties.raft_index,
        old: JsonState::of(
            &comparison.old,
            is_beside(old, ties.old_identity),
            hashes.map(|[old, _]| old),
        ),
        new: JsonState::of(
            &comparison.new,
            is_beside(new, ties.new_identity),
            hashes.map(|[_, new]| new),
        ),
    }
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(in crate::report) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonItem<'_>>(),
        schema::<JsonBucketChange<'_>>(),
        schema::<JsonDivergence<'_>>(),
        schema::<JsonDiffSummary>(),
        schema::<JsonDivergenceSummary>(),
    ]
}
