//! HorizontalPodAutoscalers.

use serde_json::{Value, json};

use super::shared::{NONE, UNKNOWN, joined, scalar_or};
use super::{RowMaker, name};
use crate::kubernetes::fields::{at, integer, is_set, items, scalar, text};
use crate::kubernetes::show::quantity::canonical;

pub(super) const AUTOSCALER: RowMaker = |object, now| {
    vec![
        name(object),
        format!(
            "{}/{}",
            text(object, "spec.scaleTargetRef.kind"),
            text(object, "spec.scaleTargetRef.name")
        ),
        targets(object),
        scalar_or(object, "spec.minReplicas", "1"),
        integer(object, "spec.maxReplicas").to_string(),
        integer(object, "status.currentReplicas").to_string(),
        now.age(object),
    ]
};

fn targets(object: &Value) -> String {
    let metrics = items(object, "spec.metrics");
    let current = items(object, "status.currentMetrics");
    let mut shown: Vec<String> = metrics
        .iter()
        .enumerate()
        .map(|(i, metric)| target(metric, current.get(i)))
        .collect();
    if metrics.is_empty() && text(object, "apiVersion").starts_with("autoscaling/v2") {
        // What is meant if nothing is said.
        let target_of_80 = json!({"type": "Resource", "resource": {
            "name": "cpu", "target": {"averageUtilization": 80}}});
        shown.push(target(&target_of_80, current.first()));
    }
    // In the first version there is the CPU alone.
    if let Some(wanted) = at(object, "spec.targetCPUUtilizationPercentage").as_i64() {
        let current = percent(
            at(object, "status.currentCPUUtilizationPercentage"),
            UNKNOWN,
        );
        shown.push(format!("cpu: {current}/{wanted}%"));
    }
    match shown.len().checked_sub(2) {
        _ if shown.is_empty() => NONE.into(),
        Some(more) if more > 0 => {
            let first = joined(shown.iter().take(2).map(String::as_str), ", ");
            format!("{first} + {more} more...")
        }
        _ => shown.join(", "),
    }
}

fn target(metric: &Value, status: Option<&Value>) -> String {
    let (field, is_resource) = match text(metric, "type") {
        "External" => ("external", false),
        "Pods" => ("pods", false),
        "Object" => ("object", false),
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        _ => return "<unknown type>".into(),
    };
    let target = at(at(metric, field), "target");
    let current = status
        .map(|status| at(status, field))
        .filter(|status| !status.is_null());
    let current = current.map(|status| at(status, "current"));
    let average = is_set(target, "averageValue");
    if is_resource {
        let resource = text(at(metric, field), "name");
        let (current, wanted) = if average {
            let current = current.map(|current| amount(at(current, "averageValue")));
            (current, amount(at(target, "averageValue")))
        } else {
            let current =
                current.map(|current| percent(at(current, "averageUtilization"), UNKNOWN));
            (current, percent(at(target, "averageUtilization"), "<auto>"))
        };
        let current = current.unwrap_or_else(|| UNKNOWN.into());
        return format!("{resource}: {current}/{wanted}");
    }
    let (part, note) = match (field, average) {
        ("pods", _) => ("averageValue", ""),
        (_, true) => ("averageValue", " (avg)"),
        (_, false) => ("value", ""),
    };
    let current = current.filter(|current| note.is_empty() || is_set(current, part));
    let current = current.map_or_else(|| UNKNOWN.into(), |current| amount(at(current, part)));
    format!("{current}/{}{note}", amount(at(target, part)))
}

fn percent(value: &Value, other: &str) -> String {
    match value.as_i64() {
        Some(number) => format!("{number}%"),
        None => other.to_owned(),
    }
}

/// A quantity; a missing one prints as Go prints nothing.
fn amount(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        value => canonical(&scalar(value)),
    }
}
