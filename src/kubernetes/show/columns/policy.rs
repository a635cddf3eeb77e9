//! Limits, priorities and admission.

use serde_json::Value;

use super::shared::{NONE, UNSET, amount, condition, condition_is_true, count, scalar_or};
use super::{Now, RowMaker, name};
use crate::kubernetes::fields::{at, integer, is_set, is_true, members, some_text, text};
use crate::kubernetes::query::jsonpath::compact_json;

pub(super) const DISRUPTION_BUDGET: (&str, RowMaker) = (
    "NAME|MIN AVAILABLE|MAX UNAVAILABLE|ALLOWED DISRUPTIONS|AGE",
    |object, now| {
        vec![
            name(object),
            scalar_or(object, "spec.minAvailable", "N/A"),
            scalar_or(object, "spec.maxUnavailable", "N/A"),
            integer(object, "status.disruptionsAllowed").to_string(),
            now.age(object),
        ]
    },
);

pub(super) const QUOTA: (&str, RowMaker) = ("NAME|REQUEST|LIMIT|AGE", |object, now| {
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
});

pub(super) const PRIORITY_CLASS: (&str, RowMaker) = (
    "NAME|VALUE|GLOBAL-DEFAULT|AGE|PREEMPTIONPOLICY",
    |object, now| {
        vec![
            name(object),
            integer(object, "value").to_string(),
            is_true(object, "globalDefault").to_string(),
            now.age(object),
            scalar_or(object, "preemptionPolicy", "PreemptLowerPriority"),
        ]
    },
);

pub(super) const POD_GROUP: (&str, RowMaker) =
    ("NAME|POLICY|WORKLOAD|STATUS|AGE", |object, now| {
        let gang = is_set(object, "spec.schedulingPolicy.gang");
        let workload = at(object, "spec.podGroupTemplateRef");
        let workload = if workload.is_null() {
            NONE
        } else {
            text(workload, "workload.workloadName")
        };
        let status = match condition(object, "DisruptionTarget") {
            Some(disrupted) => text(disrupted, "reason"),
            None if condition_is_true(object, "PodGroupScheduled") => "Scheduled",
            None if condition(object, "PodGroupScheduled").is_some() => "Unschedulable",
            None => "Pending",
        };
        vec![
            name(object),
            if gang { "Gang" } else { "Basic" }.to_owned(),
            workload.to_owned(),
            status.to_owned(),
            now.age(object),
        ]
    });

pub(super) const WEBHOOKS: (&str, RowMaker) = ("NAME|WEBHOOKS|AGE", |object, now| {
    vec![
        name(object),
        count(object, "webhooks").to_string(),
        now.age(object),
    ]
});

pub(super) const VALIDATING: (&str, RowMaker) =
    ("NAME|VALIDATIONS|PARAMKIND|AGE", |object, now| {
        admission_policy(object, "spec.validations", now)
    });

pub(super) const MUTATING: (&str, RowMaker) = ("NAME|MUTATIONS|PARAMKIND|AGE", |object, now| {
    admission_policy(object, "spec.mutations", now)
});

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

pub(super) const POLICY_BINDING: (&str, RowMaker) =
    ("NAME|POLICYNAME|PARAMREF|AGE", |object, now| {
        let parameter = at(object, "spec.paramRef");
        let shown = if let Some(name) = some_text(parameter, "name") {
            let namespace = some_text(parameter, "namespace").unwrap_or("*");
            format!("{namespace}/{name}")
        } else if is_set(parameter, "selector") {
            compact_json(at(parameter, "selector"))
        } else {
            UNSET.into()
        };
        vec![
            name(object),
            text(object, "spec.policyName").to_owned(),
            shown,
            now.age(object),
        ]
    });

pub(super) const FLOW_SCHEMA: (&str, RowMaker) = (
    "NAME|PRIORITYLEVEL|MATCHINGPRECEDENCE|DISTINGUISHERMETHOD|AGE|MISSINGPL",
    |object, now| {
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
    },
);

pub(super) const PRIORITY_LEVEL: (&str, RowMaker) = (
    "NAME|TYPE|NOMINALCONCURRENCYSHARES|QUEUES|HANDSIZE|QUEUELENGTHLIMIT|AGE",
    |object, now| {
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
    },
);
