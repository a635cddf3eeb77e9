//! What makes pods.

use serde_json::Value;

use super::shared::{NONE, condition_is_true, containers, labels, scalar_or, selector};
use super::{Now, RowMaker, name};
use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::fields::{at, controller, integer, is_set, is_true, items, text};
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::kubernetes::show::duration::human;
use crate::kubernetes::time::parse_rfc3339;

pub(super) const POD_TEMPLATE: RowMaker = |object, _| {
    let [names, images] = containers(at(object, "template.spec"));
    vec![
        name(object),
        names,
        images,
        labels(at(object, "template.metadata.labels")),
    ]
};

pub(super) const REPLICATION_CONTROLLER: RowMaker = |object, now| {
    // Without a selector, the labels of the template are meant.
    let selector = match at(object, "spec.selector") {
        Value::Null => at(object, "spec.template.metadata.labels"),
        selector => selector,
    };
    replica_row(object, now, labels(selector))
};

pub(super) const REPLICA_SET: RowMaker =
    |object, now| replica_row(object, now, selector(at(object, "spec.selector")));

fn replica_row(object: &Value, now: &Now, selector: String) -> Vec<String> {
    let [names, images] = containers(at(object, "spec.template.spec"));
    vec![
        name(object),
        scalar_or(object, "spec.replicas", "1"),
        scalar_or(object, "status.replicas", "0"),
        scalar_or(object, "status.readyReplicas", "0"),
        now.age(object),
        names,
        images,
        selector,
    ]
}

pub(super) const DEPLOYMENT: RowMaker = |object, now| {
    let [names, images] = containers(at(object, "spec.template.spec"));
    let selector = at(object, "spec.selector");
    let selector = match LabelSelector::from_object(selector) {
        Some(selector) => selector.to_string(),
        None if selector.is_null() => String::new(),
        None => "<invalid>".into(),
    };
    vec![
        name(object),
        ready(object),
        scalar_or(object, "status.updatedReplicas", "0"),
        scalar_or(object, "status.availableReplicas", "0"),
        now.age(object),
        names,
        images,
        selector,
    ]
};

pub(super) const STATEFUL_SET: RowMaker = |object, now| {
    let [names, images] = containers(at(object, "spec.template.spec"));
    vec![name(object), ready(object), now.age(object), names, images]
};

fn ready(object: &Value) -> String {
    let ready = integer(object, "status.readyReplicas");
    format!("{ready}/{}", scalar_or(object, "spec.replicas", "1"))
}

pub(super) const DAEMON_SET: RowMaker = |object, now| {
    let [names, images] = containers(at(object, "spec.template.spec"));
    let number = |field: &str| integer(at(object, "status"), field).to_string();
    vec![
        name(object),
        number("desiredNumberScheduled"),
        number("currentNumberScheduled"),
        number("numberReady"),
        number("updatedNumberScheduled"),
        number("numberAvailable"),
        labels(at(object, "spec.template.spec.nodeSelector")),
        now.age(object),
        names,
        images,
        selector(at(object, "spec.selector")),
    ]
};

pub(super) const JOB: RowMaker = |object, now| {
    let [names, images] = containers(at(object, "spec.template.spec"));
    vec![
        name(object),
        job_status(object).to_owned(),
        completions(object),
        job_duration(object, now),
        now.age(object),
        names,
        images,
        selector(at(object, "spec.selector")),
    ]
};

fn job_status(job: &Value) -> &'static str {
    if condition_is_true(job, "Complete") {
        "Complete"
    } else if condition_is_true(job, "Failed") {
        "Failed"
    } else if is_set(job, "metadata.deletionTimestamp") {
        "Terminating"
    } else if condition_is_true(job, "Suspended") {
        "Suspended"
    } else if condition_is_true(job, "FailureTarget") {
        "FailureTarget"
    } else if condition_is_true(job, "SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn completions(job: &Value) -> String {
    let done = integer(job, "status.succeeded");
    let parallel = integer(job, "spec.parallelism");
    match at(job, "spec.completions").as_i64() {
        Some(wanted) => format!("{done}/{wanted}"),
        None if parallel > 1 => format!("{done}/1 of {parallel}"),
        None => format!("{done}/1"),
    }
}

fn job_duration(job: &Value, now: &Now) -> String {
    let start = text(job, "status.startTime");
    let end = parse_rfc3339(text(job, "status.completionTime"));
    match (parse_rfc3339(start), end) {
        (None, _) => String::new(),
        (Some(start), Some(end)) => human(end.saturating_sub(start)),
        (Some(_), None) => now.since(start),
    }
}

pub(super) const CRON_JOB: RowMaker = |object, now| {
    let job = at(object, "spec.jobTemplate.spec");
    let [names, images] = containers(at(job, "template.spec"));
    let suspend = if is_true(object, "spec.suspend") {
        "True"
    } else {
        "False"
    };
    let last = match text(object, "status.lastScheduleTime") {
        "" => NONE.into(),
        last => now.since(last),
    };
    vec![
        name(object),
        text(object, "spec.schedule").to_owned(),
        scalar_or(object, "spec.timeZone", NONE),
        suspend.to_owned(),
        items(object, "status.active").len().to_string(),
        last,
        now.age(object),
        names,
        images,
        selector(at(job, "selector")),
    ]
};

pub(super) const CONTROLLER_REVISION: RowMaker = |object, now| {
    let owner = controller(object).map(|owner| {
        let (group, _) = split_api_version(text(owner, "apiVersion"));
        let kind = text(owner, "kind");
        let dot = if group.is_empty() { "" } else { "." };
        let kind = format!("{kind}{dot}{group}").to_lowercase();
        format!("{kind}/{}", text(owner, "name"))
    });
    vec![
        name(object),
        owner.unwrap_or_else(|| NONE.into()),
        integer(object, "revision").to_string(),
        now.age(object),
    ]
};
