//! What scales workloads, and how many pods may be missing.

use serde_json::Value;

use super::events::events;
use super::text::{Text, long_time, put, scalar_or};
use super::{Now, Related};
use crate::kubernetes::fields::{at, integer, is_set, items, text};
use crate::kubernetes::show::columns::shared::{amount, selector};

pub(super) fn autoscaler(w: &mut Text, object: &Value, related: &Related, _: Now) {
    let spec = at(object, "spec");
    w.names(object);
    w.labels_and_annotations(object);
    let created = long_time(text(object, "metadata.creationTimestamp"));
    put!(w, 0, "CreationTimestamp:\t{created}\n");
    let (kind, name) = (
        text(spec, "scaleTargetRef.kind"),
        text(spec, "scaleTargetRef.name"),
    );
    put!(w, 0, "Reference:\t{kind}/{name}\n");
    put!(w, 0, "Metrics:\t( current / target )\n");
    let current = items(object, "status.currentMetrics");
    for (number, of_spec) in items(spec, "metrics").iter().enumerate() {
        metric(w, of_spec, current.get(number).unwrap_or(&Value::Null));
    }
    put!(
        w,
        0,
        "Min replicas:\t{}\n",
        scalar_or(spec, "minReplicas", "<unset>")
    );
    put!(w, 0, "Max replicas:\t{}\n", integer(spec, "maxReplicas"));
    if is_set(spec, "behavior") {
        put!(w, 0, "Behavior:\n");
        behavior(w, "Scale Up", at(spec, "behavior.scaleUp"));
        behavior(w, "Scale Down", at(spec, "behavior.scaleDown"));
    }
    let (there, wanted) = (
        integer(object, "status.currentReplicas"),
        integer(object, "status.desiredReplicas"),
    );
    put!(w, 0, "{kind} pods:\t{there} current / {wanted} desired\n");
    let conditions = items(object, "status.conditions");
    if !conditions.is_empty() {
        put!(w, 0, "Conditions:\n");
        put!(w, 1, "Type\tStatus\tReason\tMessage\n");
        put!(w, 1, "----\t------\t------\t-------\n");
        for one in conditions {
            let cells = ["type", "status", "reason", "message"].map(|path| text(one, path));
            put!(w, 1, "{}\n", cells.join("\t"));
        }
    }
    events(w, related.events.as_ref());
}

const UNKNOWN: &str = "<unknown>";

fn metric(w: &mut Text, metric: &Value, status: &Value) {
    let quantity = |of: &Value, path: &str| match of {
        Value::Null => UNKNOWN.to_owned(),
        of => amount(at(of, path)),
    };
    match text(metric, "type") {
        "External" => {
            let (spec, status) = (at(metric, "external"), at(status, "external"));
            let name = text(spec, "metric.name");
            let by_average = is_set(spec, "target.averageValue");
            let (title, path) = match by_average {
                true => ("target average value", "averageValue"),
                false => ("target value", "value"),
            };
            let current = match by_average && !is_set(status, "current.averageValue") {
                true => UNKNOWN.to_owned(),
                false => quantity(status, &format!("current.{path}")),
            };
            let target = amount(at(at(spec, "target"), path));
            put!(w, 1, "{name:?} ({title}):\t{current} / {target}\n");
        }
        "Pods" => {
            let (spec, status) = (at(metric, "pods"), at(status, "pods"));
            let current = quantity(status, "current.averageValue");
            let target = amount(at(spec, "target.averageValue"));
            put!(
                w,
                1,
                "{:?} on pods:\t{current} / {target}\n",
                text(spec, "metric.name")
            );
        }
        "Object" => {
            let (spec, status) = (at(metric, "object"), at(status, "object"));
            let [kind, name] =
                ["describedObject.kind", "describedObject.name"].map(|path| text(spec, path));
            put!(w, 1, "\"{}\" on {kind}/{name} ", text(spec, "metric.name"));
            let (title, path) = match text(spec, "target.type") {
                "AverageValue" => ("target average value", "averageValue"),
                _ => ("target value", "value"),
            };
            let current = quantity(status, &format!("current.{path}"));
            put!(
                w,
                0,
                "({title}):\t{current} / {}\n",
                amount(at(at(spec, "target"), path))
            );
        }
        "Resource" => {
            let (spec, status) = (at(metric, "resource"), at(status, "resource"));
            put!(w, 1, "resource {} on pods", text(spec, "name"));
            of_resource(w, spec, status);
        }
        "ContainerResource" => {
            let (spec, status) = (
                at(metric, "containerResource"),
                at(status, "containerResource"),
            );
            let [name, container] = ["name", "container"].map(|path| text(spec, path));
            put!(w, 1, "resource {name} of container \"{container}\" on pods");
            of_resource(w, spec, status);
        }
        other => put!(w, 1, "<unknown metric type {other:?}>\n"),
    }
}

fn of_resource(w: &mut Text, spec: &Value, status: &Value) {
    let average = || amount(at(status, "current.averageValue"));
    if is_set(spec, "target.averageValue") {
        let current = match status.is_null() {
            true => UNKNOWN.to_owned(),
            false => average(),
        };
        put!(
            w,
            0,
            ":\t{current} / {}\n",
            amount(at(spec, "target.averageValue"))
        );
        return;
    }
    let current = match is_set(status, "current.averageUtilization") {
        true => format!(
            "{}% ({})",
            integer(status, "current.averageUtilization"),
            average()
        ),
        false => UNKNOWN.to_owned(),
    };
    let target = match is_set(spec, "target.averageUtilization") {
        true => format!("{}%", integer(spec, "target.averageUtilization")),
        false => "<auto>".to_owned(),
    };
    put!(
        w,
        1,
        "(as a percentage of request):\t{current} / {target}\n"
    );
}

fn behavior(w: &mut Text, title: &str, rules: &Value) {
    if rules.is_null() {
        return;
    }
    put!(w, 1, "{title}:\n");
    if is_set(rules, "stabilizationWindowSeconds") {
        let seconds = integer(rules, "stabilizationWindowSeconds");
        put!(w, 2, "Stabilization Window: {seconds} seconds\n");
    }
    let policies = items(rules, "policies");
    if policies.is_empty() {
        return;
    }
    put!(
        w,
        2,
        "Select Policy: {}\n",
        scalar_or(rules, "selectPolicy", "Max")
    );
    put!(w, 2, "Policies:\n");
    for policy in policies {
        put!(
            w,
            3,
            "- Type: {}\tValue: {}\tPeriod: {} seconds\n",
            text(policy, "type"),
            integer(policy, "value"),
            integer(policy, "periodSeconds")
        );
    }
}

pub(super) fn disruption_budget(w: &mut Text, budget: &Value, related: &Related, _: Now) {
    let (spec, status) = (at(budget, "spec"), at(budget, "status"));
    w.names(budget);
    if is_set(spec, "minAvailable") {
        put!(
            w,
            0,
            "Min available:\t{}\n",
            scalar_or(spec, "minAvailable", "")
        );
    } else if is_set(spec, "maxUnavailable") {
        put!(
            w,
            0,
            "Max unavailable:\t{}\n",
            scalar_or(spec, "maxUnavailable", "")
        );
    }
    let pods = match is_set(spec, "selector") {
        true => selector(at(spec, "selector")),
        false => "<unset>".to_owned(),
    };
    put!(w, 0, "Selector:\t{pods}\n");
    put!(w, 0, "Status:\n");
    for (title, path) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        put!(w, 2, "{title}:\t{}\n", integer(status, path));
    }
    events(w, related.events.as_ref());
}
