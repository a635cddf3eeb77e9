//! What makes pods.

use serde_json::Value;

use super::claims::claim_templates;
use super::events::events;
use super::pods::template;
use super::text::{Text, capital, long_time, put, scalar_or};
use super::{Now, Related};
use crate::kubernetes::fields::{at, integer, is_set, is_true, items, scalar, some_text, text};
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::kubernetes::show::columns::shared::{labels, selector};
use crate::kubernetes::show::duration::human;
use crate::kubernetes::time::{ZERO_TIME, parse_rfc3339};

/// A replica set of a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSetRow {
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its pods are made from the template of the Deployment.
    pub is_current: bool,
    /// How many pods it has, and how many it wants.
    pub replicas: [i64; 2],
}

impl ReplicaSetRow {
    /// The row of a ReplicaSet; `template` is that of its Deployment, by [`template_text`].
    pub fn of(set: &Value, template: &str) -> Self {
        let created = parse_rfc3339(text(set, "metadata.creationTimestamp"));
        Self {
            created: created.unwrap_or(ZERO_TIME),
            name: text(set, "metadata.name").to_owned(),
            uid: text(set, "metadata.uid").to_owned(),
            is_current: template_text(set) == template,
            replicas: [
                integer(set, "status.replicas"),
                integer(set, "spec.replicas"),
            ],
        }
    }
}

/// The template of the pods of a workload, for comparing: without the label that tells replica sets apart, and
/// without what is empty.
pub fn template_text(workload: &Value) -> String {
    let mut template = at(workload, "spec.template").clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels")
        && let Some(labels) = labels.as_object_mut()
    {
        labels.remove("pod-template-hash");
    }
    drop_empty(&mut template);
    template.to_string()
}

fn drop_empty(value: &mut Value) {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(drop_empty);
            members.retain(|_, value| !is_empty(value));
        }
        Value::Array(list) => list.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

fn exact_selector(value: &Value) -> String {
    LabelSelector::from_object(value).map_or_else(String::new, |selector| selector.to_string())
}

fn created(w: &mut Text, object: &Value) {
    let created = long_time(text(object, "metadata.creationTimestamp"));
    put!(w, 0, "CreationTimestamp:\t{created}\n");
}

fn pods_status(w: &mut Text, related: &Related) {
    let [running, waiting, succeeded, failed] = related.pod_phases;
    put!(
        w,
        0,
        "Pods Status:\t{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed\n"
    );
}

fn replicas(w: &mut Text, object: &Value) {
    let (current, wanted) = (
        integer(object, "status.replicas"),
        integer(object, "spec.replicas"),
    );
    put!(w, 0, "Replicas:\t{current} current / {wanted} desired\n");
}

pub(super) fn replication_controller(w: &mut Text, object: &Value, related: &Related, _: Now) {
    w.names(object);
    put!(w, 0, "Selector:\t{}\n", labels(at(object, "spec.selector")));
    w.labels_and_annotations(object);
    replicas(w, object);
    pods_status(w, related);
    template(w, at(object, "spec.template"));
    w.conditions_with_reasons(object);
    events(w, related.events.as_ref());
}

pub(super) fn replica_set(w: &mut Text, object: &Value, related: &Related, _: Now) {
    w.names(object);
    put!(
        w,
        0,
        "Selector:\t{}\n",
        selector(at(object, "spec.selector"))
    );
    w.labels_and_annotations(object);
    w.controlled_by(object);
    replicas(w, object);
    pods_status(w, related);
    template(w, at(object, "spec.template"));
    w.conditions_with_reasons(object);
    events(w, related.events.as_ref());
}

pub(super) fn deployment(w: &mut Text, object: &Value, related: &Related, _: Now) {
    let number = |path: &str| integer(object, path);
    w.names(object);
    created(w, object);
    w.labels_and_annotations(object);
    put!(
        w,
        0,
        "Selector:\t{}\n",
        exact_selector(at(object, "spec.selector"))
    );
    put!(
        w,
        0,
        "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable\n",
        number("spec.replicas"),
        number("status.updatedReplicas"),
        number("status.replicas"),
        number("status.availableReplicas"),
        number("status.unavailableReplicas")
    );
    put!(
        w,
        0,
        "StrategyType:\t{}\n",
        text(object, "spec.strategy.type")
    );
    put!(
        w,
        0,
        "MinReadySeconds:\t{}\n",
        number("spec.minReadySeconds")
    );
    let update = at(object, "spec.strategy.rollingUpdate");
    if !update.is_null() {
        let [unavailable, surge] =
            ["maxUnavailable", "maxSurge"].map(|path| scalar_or(update, path, "<nil>"));
        put!(
            w,
            0,
            "RollingUpdateStrategy:\t{unavailable} max unavailable, {surge} max surge\n"
        );
    }
    template(w, at(object, "spec.template"));
    w.conditions_with_reasons(object);
    let mut sets: Vec<&ReplicaSetRow> = related.replica_sets.iter().collect();
    sets.sort_by_key(|set| (set.created, &set.name));
    let new = sets.iter().find(|set| set.is_current).copied();
    let old = sets
        .iter()
        .filter(|set| new.is_none_or(|new| new.uid != set.uid));
    let old: Vec<&ReplicaSetRow> = old.copied().collect();
    if !sets.is_empty() {
        let written = |sets: &[&ReplicaSetRow]| {
            let all = sets.iter().map(|set| {
                let [there, wanted] = set.replicas;
                format!("{} ({there}/{wanted} replicas created)", set.name)
            });
            match sets.is_empty() {
                true => "<none>".to_owned(),
                false => all.collect::<Vec<_>>().join(", "),
            }
        };
        put!(w, 0, "OldReplicaSets:\t{}\n", written(&old));
        put!(w, 0, "NewReplicaSet:\t{}\n", written(new.as_slice()));
    }
    events(w, related.events.as_ref());
}

pub(super) fn stateful_set(w: &mut Text, object: &Value, related: &Related, _: Now) {
    let spec = at(object, "spec");
    w.names(object);
    created(w, object);
    put!(
        w,
        0,
        "Selector:\t{}\n",
        exact_selector(at(spec, "selector"))
    );
    w.labels_and_annotations(object);
    for (title, path) in [
        ("Service Name", "serviceName"),
        ("Pod Management Policy", "podManagementPolicy"),
    ] {
        if let Some(text) = some_text(spec, path) {
            put!(w, 0, "{title}:\t{text}\n");
        }
    }
    let (wanted, there) = (
        integer(spec, "replicas"),
        integer(object, "status.replicas"),
    );
    put!(w, 0, "Replicas:\t{wanted} desired | {there} total\n");
    put!(
        w,
        0,
        "Update Strategy:\t{}\n",
        text(spec, "updateStrategy.type")
    );
    let update = at(spec, "updateStrategy.rollingUpdate");
    if is_set(update, "partition") {
        put!(w, 1, "Partition:\t{}\n", integer(update, "partition"));
        if is_set(update, "maxUnavailable") {
            put!(
                w,
                1,
                "MaxUnavailable:\t{}\n",
                scalar(at(update, "maxUnavailable"))
            );
        }
    }
    let retention = at(spec, "persistentVolumeClaimRetentionPolicy");
    if !retention.is_null() {
        put!(w, 0, "Persistent Volume Claim Retention Policy:\n");
        put!(w, 1, "WhenDeleted:\t{}\n", text(retention, "whenDeleted"));
        put!(w, 1, "WhenScaled:\t{}\n", text(retention, "whenScaled"));
    }
    pods_status(w, related);
    template(w, at(spec, "template"));
    claim_templates(w, items(spec, "volumeClaimTemplates"));
    events(w, related.events.as_ref());
}

pub(super) fn daemon_set(w: &mut Text, object: &Value, related: &Related, _: Now) {
    let spec = at(object, "spec");
    w.names(object);
    put!(
        w,
        0,
        "Selector:\t{}\n",
        exact_selector(at(spec, "selector"))
    );
    put!(
        w,
        0,
        "Node-Selector:\t{}\n",
        labels(at(spec, "template.spec.nodeSelector"))
    );
    w.labels_and_annotations(object);
    for (title, path) in [
        (
            "Desired Number of Nodes Scheduled",
            "desiredNumberScheduled",
        ),
        (
            "Current Number of Nodes Scheduled",
            "currentNumberScheduled",
        ),
        (
            "Number of Nodes Scheduled with Up-to-date Pods",
            "updatedNumberScheduled",
        ),
        (
            "Number of Nodes Scheduled with Available Pods",
            "numberAvailable",
        ),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ] {
        put!(w, 0, "{title}: {}\n", integer(at(object, "status"), path));
    }
    pods_status(w, related);
    template(w, at(spec, "template"));
    events(w, related.events.as_ref());
}

pub(super) fn job(w: &mut Text, job: &Value, related: &Related, _: Now) {
    let (spec, status) = (at(job, "spec"), at(job, "status"));
    w.names(job);
    put!(
        w,
        0,
        "Selector:\t{}\n",
        exact_selector(at(spec, "selector"))
    );
    w.labels_and_annotations(job);
    w.controlled_by(job);
    if is_set(spec, "parallelism") {
        put!(w, 0, "Parallelism:\t{}\n", integer(spec, "parallelism"));
    }
    put!(
        w,
        0,
        "Completions:\t{}\n",
        scalar_or(spec, "completions", "<unset>")
    );
    for (title, path) in [
        ("Completion Mode", "completionMode"),
        ("Suspend", "suspend"),
        ("Backoff Limit", "backoffLimit"),
        ("TTL Seconds After Finished", "ttlSecondsAfterFinished"),
    ] {
        if is_set(spec, path) {
            put!(w, 0, "{title}:\t{}\n", scalar(at(spec, path)));
        }
    }
    let [start, end] = ["startTime", "completionTime"].map(|path| some_text(status, path));
    for (title, time) in [("Start Time", start), ("Completed At", end)] {
        if let Some(time) = time {
            put!(w, 0, "{title}:\t{}\n", long_time(time));
        }
    }
    let [start, end] = [start, end].map(|time| parse_rfc3339(time?));
    if let (Some(start), Some(end)) = (start, end) {
        put!(w, 0, "Duration:\t{}\n", human(end.saturating_sub(start)));
    }
    if is_set(spec, "activeDeadlineSeconds") {
        let seconds = integer(spec, "activeDeadlineSeconds");
        put!(w, 0, "Active Deadline Seconds:\t{seconds}s\n");
    }
    let ready = match is_set(status, "ready") {
        true => format!(" ({} Ready)", integer(status, "ready")),
        false => String::new(),
    };
    put!(
        w,
        0,
        "Pods Statuses:\t{} Active{ready} / {} Succeeded / {} Failed\n",
        integer(status, "active"),
        integer(status, "succeeded"),
        integer(status, "failed")
    );
    if text(spec, "completionMode") == "Indexed" {
        let indexes = first_indexes(text(status, "completedIndexes"));
        put!(w, 0, "Completed Indexes:\t{indexes}\n");
    }
    template(w, at(spec, "template"));
    events(w, related.events.as_ref());
}

/// Indexes are cut at the first comma behind this many bytes.
const INDEXES: usize = 50;

fn first_indexes(indexes: &str) -> String {
    if indexes.is_empty() {
        return "<none>".into();
    }
    let comma = indexes.bytes().skip(INDEXES).position(|byte| byte == b',');
    let end = comma.map(|at| at.saturating_add(INDEXES).saturating_add(1));
    match end.and_then(|end| indexes.get(..end)) {
        Some(first) => format!("{first}..."),
        None => indexes.to_owned(),
    }
}

pub(super) fn cron_job(w: &mut Text, object: &Value, related: &Related, _: Now) {
    let spec = at(object, "spec");
    w.names(object);
    w.labels_and_annotations(object);
    put!(w, 0, "Schedule:\t{}\n", text(spec, "schedule"));
    put!(
        w,
        0,
        "Concurrency Policy:\t{}\n",
        text(spec, "concurrencyPolicy")
    );
    let suspend = match is_set(spec, "suspend") {
        true => capital(is_true(spec, "suspend")),
        false => "<unset>",
    };
    put!(w, 0, "Suspend:\t{suspend}\n");
    for (title, path) in [
        ("Time Zone", "timeZone"),
        ("Successful Job History Limit", "successfulJobsHistoryLimit"),
        ("Failed Job History Limit", "failedJobsHistoryLimit"),
    ] {
        put!(w, 0, "{title}:\t{}\n", scalar_or(spec, path, "<unset>"));
    }
    let deadline = match is_set(spec, "startingDeadlineSeconds") {
        true => format!("{}s", integer(spec, "startingDeadlineSeconds")),
        false => "<unset>".into(),
    };
    put!(w, 0, "Starting Deadline Seconds:\t{deadline}\n");
    let of_job = at(spec, "jobTemplate.spec");
    match is_set(of_job, "selector") {
        true => put!(
            w,
            0,
            "Selector:\t{}\n",
            exact_selector(at(of_job, "selector"))
        ),
        false => put!(w, 0, "Selector:\t<unset>\n"),
    }
    put!(
        w,
        0,
        "Parallelism:\t{}\n",
        scalar_or(of_job, "parallelism", "<unset>")
    );
    put!(
        w,
        0,
        "Completions:\t{}\n",
        scalar_or(of_job, "completions", "<unset>")
    );
    if is_set(of_job, "activeDeadlineSeconds") {
        let seconds = integer(of_job, "activeDeadlineSeconds");
        put!(w, 0, "Active Deadline Seconds:\t{seconds}s\n");
    }
    template(w, at(of_job, "template"));
    match some_text(object, "status.lastScheduleTime") {
        Some(time) => put!(w, 0, "Last Schedule Time:\t{}\n", long_time(time)),
        None => put!(w, 0, "Last Schedule Time:\t<unset>\n"),
    }
    let active = items(object, "status.active").iter();
    let active: Vec<&str> = active.map(|job| text(job, "name")).collect();
    let active = match active.is_empty() {
        true => "<none>".to_owned(),
        false => active.join(", "),
    };
    put!(w, 0, "Active Jobs:\t{active}\n");
    events(w, related.events.as_ref());
}
