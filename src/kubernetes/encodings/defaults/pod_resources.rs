//! Resources of whole pods, which servers up to 1.36 sum up from those of the containers where they are given in part.
//! Source: pkg/apis/core/v1/defaults.go of Kubernetes v1.34 to v1.36.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kubernetes::fields::{items, members, text};
use crate::kubernetes::quantity::{NoQuantity, Quantity};

type Amounts = BTreeMap<String, Quantity>;

/// Adds what is missing in the resources of a pod, from its specification. Those of its containers are complete. What holds
/// something that is not a quantity is left as it is.
pub(super) fn add_pod_resources(spec: &mut Value) {
    let Ok((requests, limits)) = aggregated(spec, "requests")
        .and_then(|requests| Ok((requests, aggregated(spec, "limits")?)))
    else {
        return;
    };
    let Some(resources) = spec.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let is_empty = |resources: &serde_json::Map<String, Value>, list: &str| {
        let list = resources.get(list).and_then(Value::as_object);
        list.is_none_or(serde_json::Map::is_empty)
    };
    let (no_limits, no_requests) = (
        is_empty(resources, "limits"),
        is_empty(resources, "requests"),
    );
    if no_limits && no_requests {
        return;
    }
    let mut own_limits = map(resources.get("limits"));
    let mut own_requests = map(resources.get("requests"));
    // Limits of huge pages are those of the containers together, unless the pod requests some.
    for (name, amount) in limits.iter().filter(|(name, _)| is_huge_page(name)) {
        if !own_requests.contains_key(name) && !own_limits.contains_key(name) {
            own_limits.insert(name.clone(), amount.to_string().into());
        }
    }
    if own_limits.is_empty() {
        return;
    }
    for (name, amount) in requests.iter().filter(|(name, _)| is_overcommitted(name)) {
        if !own_requests.contains_key(name) {
            own_requests.insert(name.clone(), amount.to_string().into());
        }
    }
    for (name, amount) in &own_limits {
        if is_overcommitted(name) || is_huge_page(name) {
            own_requests
                .entry(name.clone())
                .or_insert_with(|| amount.clone());
        }
    }
    resources.insert("limits".into(), Value::Object(own_limits));
    if !own_requests.is_empty() {
        resources.insert("requests".into(), Value::Object(own_requests));
    }
}

fn map(value: Option<&Value>) -> serde_json::Map<String, Value> {
    value
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// True for what a pod can have more of promised than there is.
fn is_overcommitted(name: &str) -> bool {
    matches!(name, "cpu" | "memory")
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// What the containers need together: all that run for good, or more while one of those is started that run before them.
fn aggregated(spec: &Value, list: &str) -> Result<Amounts, NoQuantity> {
    let mut all = Amounts::new();
    for container in items(spec, "containers") {
        add(&mut all, &amounts(container, list)?);
    }
    let (mut started, mut most) = (Amounts::new(), Amounts::new());
    for container in items(spec, "initContainers") {
        let mut own = amounts(container, list)?;
        if text(container, "restartPolicy") == "Always" {
            add(&mut all, &own);
            add(&mut started, &own);
            own.clone_from(&started);
        } else {
            add(&mut own, &started);
        }
        take_greater(&mut most, own);
    }
    take_greater(&mut all, most);
    Ok(all)
}

fn amounts(container: &Value, list: &str) -> Result<Amounts, NoQuantity> {
    let given = container
        .get("resources")
        .and_then(|all| members(all, list));
    let given = given.into_iter().flatten();
    given
        .map(|(name, amount)| {
            let amount = match amount {
                Value::String(text) => text.parse()?,
                other => other.to_string().parse()?,
            };
            Ok((name.clone(), amount))
        })
        .collect()
}

fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to.get(name).map_or(*amount, |had| had.plus(*amount));
        to.insert(name.clone(), sum);
    }
}

fn take_greater(to: &mut Amounts, other: Amounts) {
    for (name, amount) in other {
        if to.get(&name).is_none_or(|had| amount > *had) {
            to.insert(name, amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::add_read_defaults;
    use crate::kubernetes::release::KubeRelease;
    use serde_json::{Value, json};

    fn resources(spec: &Value, release: KubeRelease) -> Value {
        let mut pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec});
        add_read_defaults(&mut pod, release);
        pod["spec"]["resources"].clone()
    }

    #[test]
    fn up_to_1_36_a_pod_with_limits_requests_what_its_containers_do_together() {
        let container =
            |name: &str, resources: Value| json!({"name": name, "resources": resources});
        for (spec, expected) in [
            (
                json!({"resources": {"limits": {"cpu": "4", "memory": "1Gi"}}, "containers": [
                    container("a", json!({"requests": {"cpu": "250m"}})),
                    container("b", json!({"requests": {"cpu": "750m", "example.com/gpu": "1"}}))]}),
                json!({"limits": {"cpu": "4", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}),
            ),
            // What is there stays; limits of huge pages are added.
            (
                json!({"resources": {"limits": {"cpu": "4"}, "requests": {"cpu": "2"}}, "containers": [
                    container("a", json!({"requests": {"cpu": "250m", "memory": "1000Mi"}})),
                    container("b", json!({"requests": {"memory": "24Mi"}, "limits": {"hugepages-2Mi": "4Mi"}}))]}),
                json!({"limits": {"cpu": "4", "hugepages-2Mi": "4Mi"},
                       "requests": {"cpu": "2", "memory": "1Gi", "hugepages-2Mi": "4Mi"}}),
            ),
            // But not of those that the pod requests.
            (
                json!({"resources": {"requests": {"hugepages-2Mi": "8Mi"}}, "containers": [
                    container("a", json!({"limits": {"hugepages-2Mi": "4Mi", "hugepages-1Gi": "1Gi"}}))]}),
                json!({"limits": {"hugepages-1Gi": "1Gi"},
                       "requests": {"hugepages-2Mi": "8Mi", "hugepages-1Gi": "1Gi"}}),
            ),
            // Those that start need more for a moment than those that run, with the one beside them.
            (
                json!({"resources": {"limits": {"memory": "4Gi"}}, "initContainers": [
                    container("first", json!({"requests": {"cpu": "3"}})),
                    {"name": "side", "restartPolicy": "Always",
                     "resources": {"requests": {"cpu": "500m", "memory": "1G"}}},
                    container("last", json!({"limits": {"cpu": "2900m"}}))],
                    "containers": [container("a", json!({"requests": {"cpu": "1", "memory": "1Gi"}}))]}),
                json!({"limits": {"memory": "4Gi"}, "requests": {"cpu": "3400m", "memory": "2073741824"}}),
            ),
            // Without limits nothing is summed up.
            (
                json!({"resources": {"requests": {"cpu": "1"}}, "containers": [
                    container("a", json!({"requests": {"cpu": "250m", "memory": "1M"}}))]}),
                json!({"requests": {"cpu": "1"}}),
            ),
            (
                json!({"containers": [container("a", json!({"requests": {"cpu": "250m"}}))]}),
                Value::Null,
            ),
        ] {
            for release in [KubeRelease::OLDEST, KubeRelease::V1_36] {
                assert_eq!(resources(&spec, release), expected, "{release} {spec}");
            }
            let given = spec["resources"].clone();
            assert_eq!(resources(&spec, KubeRelease::V1_37), given, "{spec}");
        }
    }

    #[test]
    fn what_is_no_quantity_leaves_the_pod_as_it_is() {
        let spec = json!({"resources": {"limits": {"cpu": "4"}}, "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "much"}}}]});
        assert_eq!(
            resources(&spec, KubeRelease::OLDEST),
            json!({"limits": {"cpu": "4"}})
        );
    }
}
