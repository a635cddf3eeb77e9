//! Limits, priorities and admission.

use serde_json::Value;

use super::shared::{
    NONE, UNKNOWN, UNSET, amount, condition, condition_is_true, count, joined, scalar_or,
};
use super::{KubeRelease, Now, RowMaker, name};
use crate::kubernetes::fields::{
    at, integer, is_set, is_true, items, members, scalar, some_text, text,
};

pub(super) const DISRUPTION_BUDGET: RowMaker = |object, now| {
    vec![
        name(object),
        scalar_or(object, "spec.minAvailable", "N/A"),
        scalar_or(object, "spec.maxUnavailable", "N/A"),
        integer(object, "status.disruptionsAllowed").to_string(),
        now.age(object),
    ]
};

pub(super) const QUOTA: RowMaker = |object, now| {
    let mut limits = Vec::new();
    let mut requests = Vec::new();
    let hard = members(object, "status.hard").into_iter().flatten();
    let mut hard: Vec<_> = hard.collect();
    hard.sort_by_key(|(resource, _)| *resource);
    for (resource, hard) in hard {
        let used = at(object, "status.used").get(resource);
        let used = amount(used.unwrap_or(&Value::Null));
        let shown = format!("{resource}: {used}/{}", amount(hard));
        if resource.starts_with("limits.") {
            limits.push(shown);
        } else {
            requests.push(shown);
        }
    }
    vec![
        name(object),
        requests.join(", "),
        limits.join(", "),
        now.age(object),
    ]
};

pub(super) const PRIORITY_CLASS: RowMaker = |object, now| {
    vec![
        name(object),
        integer(object, "value").to_string(),
        is_true(object, "globalDefault").to_string(),
        now.age(object),
        scalar_or(object, "preemptionPolicy", "PreemptLowerPriority"),
    ]
};

pub(super) const POD_GROUP: RowMaker = |object, now| {
    let gang = is_set(object, "spec.schedulingPolicy.gang");
    let is_old = now.release < KubeRelease::V1_37;
    let (reference, field, scheduled) = match is_old {
        true => (
            "spec.podGroupTemplateRef",
            "workload.workloadName",
            "PodGroupScheduled",
        ),
        false => (
            "spec.workloadRef",
            "workloadName",
            "PodGroupInitiallyScheduled",
        ),
    };
    let workload = at(object, reference);
    let workload = if workload.is_null() {
        NONE
    } else {
        text(workload, field)
    };
    let status = match condition(object, "DisruptionTarget") {
        Some(disrupted) => text(disrupted, "reason"),
        None if condition_is_true(object, scheduled) => "Scheduled",
        None if condition(object, scheduled).is_some() => "Unschedulable",
        None => "Pending",
    };
    vec![
        name(object),
        if gang { "Gang" } else { "Basic" }.to_owned(),
        workload.to_owned(),
        status.to_owned(),
        now.age(object),
    ]
};

pub(super) const COMPOSITE_POD_GROUP: RowMaker = |object, now| {
    let gang = is_set(object, "spec.schedulingPolicy.gang");
    let workload = match at(object, "spec.workloadRef") {
        Value::Null => NONE,
        reference => text(reference, "workloadName"),
    };
    vec![
        name(object),
        if gang { "Gang" } else { "Basic" }.to_owned(),
        workload.to_owned(),
        now.age(object),
    ]
};

/// Name and kind of what is to be evicted.
fn eviction_target(object: &Value) -> [String; 2] {
    match at(object, "spec.target.pod") {
        Value::Null => [UNSET.into(), UNSET.into()],
        pod => [text(pod, "name").to_owned(), "Pod".into()],
    }
}

fn eviction_status(object: &Value) -> String {
    let holds = |kind| condition(object, kind).filter(|one| text(one, "status") == "True");
    let shown = |one| format!("{} ({})", text(one, "type"), text(one, "reason"));
    match (holds("TargetEvicted"), holds("Failed")) {
        (Some(evicted), _) => shown(evicted),
        (None, Some(failed)) => shown(failed),
        (None, None) if integer(object, "status.observedGeneration") > 0 => "Progressing".into(),
        (None, None) => "Pending".into(),
    }
}

pub(super) const EVICTION_REQUEST: RowMaker = |object, now| {
    let [target, kind] = eviction_target(object);
    vec![
        name(object),
        target,
        kind,
        eviction_status(object),
        text(object, "spec.requester").to_owned(),
        text(object, "spec.intent").to_owned(),
        now.age(object),
    ]
};

pub(super) const EVICTION: RowMaker = |object, now| {
    let [target, kind] = eviction_target(object);
    let responders = items(object, "status.targetResponders");
    let is_done =
        |one: &&Value| ["Canceled", "Interrupted", "Completed"].contains(&text(one, "state"));
    let is_active = |one: &&Value| text(one, "state") == "Active";
    let at_work = responders
        .iter()
        .filter(|one| is_done(one) || is_active(one));
    let active = responders.iter().rfind(is_active);
    let active = active.or_else(|| responders.iter().rfind(is_done));
    let active_name = active.map_or(UNSET, |one| text(one, "name"));
    let state = active.map_or("", |one| text(one, "state"));
    let status = items(object, "status.responders").iter();
    let status = active.and_then(|_| {
        status
            .into_iter()
            .find(|one| text(one, "name") == active_name)
    });
    let ago = |field: &str| {
        let stamp = status.and_then(|one| some_text(one, field));
        stamp.map(|stamp| now.since(stamp))
    };
    let mut shown_state = status.map_or(UNSET, |_| state).to_owned();
    let mut finish = UNKNOWN.to_owned();
    match state {
        "Active" => {
            if let Some(started) = ago("startTime") {
                shown_state = format!("Started ({started} ago)");
                let expected = status.and_then(|one| some_text(one, "expectedCompletionTime"));
                if let Some(expected) = expected {
                    finish = now.until_or_ago(expected);
                }
            }
        }
        "Canceled" | "Interrupted" if status.is_some() => finish = "-".into(),
        "Completed" if status.is_some() => {
            if let Some(ended) = ago("completionTime") {
                shown_state = format!("{state} ({ended} ago)");
            }
            finish = "-".into();
        }
        _ => {}
    }
    let requesters = items(object, "status.requesters");
    let mut staying: Vec<String> = requesters
        .iter()
        .filter(|one| text(one, "intent") != "Withdrawn")
        .map(|one| text(one, "name").to_owned())
        .collect();
    staying.sort();
    let requesters = match (staying.first(), requesters.is_empty()) {
        (Some(first), _) if staying.len() > 1 => {
            format!("{first} + {} more...", staying.len() - 1)
        }
        (Some(first), _) => first.clone(),
        (None, true) => NONE.into(),
        (None, false) => "<withdrawn>".into(),
    };
    let message = status.map_or("", |one| text(one, "message").trim());
    vec![
        name(object),
        target,
        kind,
        eviction_status(object),
        format!("{active_name} ({}/{})", at_work.count(), responders.len()),
        shown_state,
        finish,
        requesters,
        now.age(object),
        ago("heartbeatTime").map_or(UNSET.into(), |ago| format!("{ago} ago")),
        if message.is_empty() { UNSET } else { message }.to_owned(),
    ]
};

/// A selector as the generated Go code prints it.
fn go_selector(selector: &Value) -> String {
    let labels = members(selector, "matchLabels");
    let mut labels: Vec<(&String, String)> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| (key, scalar(value)))
        .collect();
    labels.sort();
    let mut shown = String::from("&LabelSelector{MatchLabels:map[string]string{");
    for (key, value) in labels {
        shown.push_str(&format!("{key}: {value},"));
    }
    shown.push_str("},MatchExpressions:[]LabelSelectorRequirement{");
    for one in items(selector, "matchExpressions") {
        let values = joined(items(one, "values").iter().filter_map(Value::as_str), " ");
        let (key, operator) = (text(one, "key"), text(one, "operator"));
        shown.push_str(&format!(
            "LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"
        ));
    }
    shown.push_str("},}");
    shown
}

pub(super) const WEBHOOKS: RowMaker = |object, now| {
    vec![
        name(object),
        count(object, "webhooks").to_string(),
        now.age(object),
    ]
};

pub(super) const VALIDATING: RowMaker =
    |object, now| admission_policy(object, "spec.validations", now);

pub(super) const MUTATING: RowMaker = |object, now| admission_policy(object, "spec.mutations", now);

fn admission_policy(object: &Value, rules: &str, now: &Now) -> Vec<String> {
    let kind = at(object, "spec.paramKind");
    let kind = if kind.is_null() {
        UNSET.into()
    } else {
        format!("{}/{}", text(kind, "apiVersion"), text(kind, "kind"))
    };
    vec![
        name(object),
        count(object, rules).to_string(),
        kind,
        now.age(object),
    ]
}

pub(super) const POLICY_BINDING: RowMaker = |object, now| {
    let parameter = at(object, "spec.paramRef");
    let shown = if let Some(name) = some_text(parameter, "name") {
        let namespace = some_text(parameter, "namespace").unwrap_or("*");
        format!("{namespace}/{name}")
    } else if is_set(parameter, "selector") {
        go_selector(at(parameter, "selector"))
    } else {
        UNSET.into()
    };
    vec![
        name(object),
        text(object, "spec.policyName").to_owned(),
        shown,
        now.age(object),
    ]
};

pub(super) const FLOW_SCHEMA: RowMaker = |object, now| {
    let dangling = condition(object, "Dangling");
    vec![
        name(object),
        text(object, "spec.priorityLevelConfiguration.name").to_owned(),
        integer(object, "spec.matchingPrecedence").to_string(),
        scalar_or(object, "spec.distinguisherMethod.type", NONE),
        now.age(object),
        dangling
            .map_or("?", |dangling| text(dangling, "status"))
            .to_owned(),
    ]
};

pub(super) const PRIORITY_LEVEL: RowMaker = |object, now| {
    let limited = at(object, "spec.limited");
    // Called so before v1beta3.
    let shares = scalar_or(limited, "assuredConcurrencyShares", NONE);
    let queuing = at(limited, "limitResponse.queuing");
    vec![
        name(object),
        text(object, "spec.type").to_owned(),
        scalar_or(limited, "nominalConcurrencyShares", &shares),
        scalar_or(queuing, "queues", NONE),
        scalar_or(queuing, "handSize", NONE),
        scalar_or(queuing, "queueLengthLimit", NONE),
        now.age(object),
    ]
};
