//! What a pod requests and what it may use at most, as a scheduler counts it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kubernetes::fields::{at, is_set, items, members, scalar, text};
use crate::kubernetes::show::quantity::Quantity;

/// Amounts by resource.
pub(super) type Amounts = BTreeMap<String, Quantity>;

/// Which amounts are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Requests,
    Limits,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
        }
    }
}

/// The amounts of a list of resources.
pub(super) fn amounts(list: &Value) -> Amounts {
    let all = list.as_object().into_iter().flatten();
    let all = all.filter_map(|(name, value)| Some((name.clone(), scalar(value).parse().ok()?)));
    all.collect()
}

/// Adds amounts to others.
pub(super) fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        match sum.get_mut(name) {
            Some(one) => *one = one.plus(*amount),
            None => {
                sum.insert(name.clone(), *amount);
            }
        }
    }
}

fn keep_larger(most: &mut Amounts, others: &Amounts) {
    for (name, amount) in others {
        if most.get(name).is_none_or(|one| amount > one) {
            most.insert(name.clone(), *amount);
        }
    }
}

/// What all containers of a pod ask for together; with `by_status`, or have been given, if that is more.
pub(super) fn of_pod(pod: &Value, side: Side, by_status: bool) -> Amounts {
    let in_spec = |container: &Value| amounts(at(at(container, "resources"), side.name()));
    let mut sum = aggregate(pod, |container, _| in_spec(container));
    if by_status {
        let given = |container: &Value, status: Option<&Value>, is_infeasible: bool| {
            let actual = status.map(|status| at(at(status, "resources"), side.name()));
            let allocated = status.map(|status| at(status, "allocatedResources"));
            let allocated = allocated.filter(|_| side == Side::Requests);
            let of_status = actual.filter(|list| !list.is_null()).or(allocated);
            match of_status.filter(|list| !list.is_null()) {
                Some(list) => amounts(list),
                None if is_infeasible => Amounts::new(),
                None => in_spec(container),
            }
        };
        let is_infeasible = resize_is_infeasible(pod);
        let mut actual = aggregate(pod, |container, status| {
            given(container, status, is_infeasible)
        });
        if side == Side::Requests {
            let allocated = aggregate(pod, |container, status| {
                match status.map(|status| at(status, "allocatedResources")) {
                    Some(list) if !list.is_null() => amounts(list),
                    _ if is_infeasible => Amounts::new(),
                    _ => in_spec(container),
                }
            });
            keep_larger(&mut actual, &allocated);
        }
        match is_infeasible {
            true => sum = actual,
            false => keep_larger(&mut sum, &actual),
        }
    }
    let of_pod = at(pod, "spec.resources");
    let is_known = |name: &str| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    let of_pod = amounts(at(of_pod, side.name()));
    sum.extend(of_pod.into_iter().filter(|(name, _)| is_known(name)));
    let mut overhead = amounts(at(pod, "spec.overhead"));
    if side == Side::Limits {
        overhead.retain(|name, _| sum.get(name).is_some_and(|amount| amount.nanos() != 0));
    }
    add(&mut sum, &overhead);
    sum
}

/// Together, or what the largest init container needs, if that is more. Init containers that go on running count
/// besides.
fn aggregate(pod: &Value, of_one: impl Fn(&Value, Option<&Value>) -> Amounts) -> Amounts {
    let statuses: BTreeMap<&str, &Value> = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|list| items(at(pod, "status"), list))
        .map(|status| (text(status, "name"), status))
        .collect();
    let of_one =
        |container: &Value| of_one(container, statuses.get(text(container, "name")).copied());
    let mut sum = Amounts::new();
    for container in items(pod, "spec.containers") {
        add(&mut sum, &of_one(container));
    }
    let mut running = Amounts::new();
    let mut most = Amounts::new();
    for container in items(pod, "spec.initContainers") {
        let own = of_one(container);
        if text(container, "restartPolicy") == "Always" {
            add(&mut sum, &own);
            add(&mut running, &own);
            keep_larger(&mut most, &running);
        } else {
            let mut with_running = own;
            add(&mut with_running, &running);
            keep_larger(&mut most, &with_running);
        }
    }
    keep_larger(&mut sum, &most);
    sum
}

fn resize_is_infeasible(pod: &Value) -> bool {
    let conditions = items(pod, "status.conditions").iter();
    let mut pending = conditions.filter(|one| text(one, "type") == "PodResizePending");
    pending
        .next()
        .is_some_and(|one| text(one, "reason") == "Infeasible")
}

/// How well a pod is served when a node gets short of something.
pub(super) fn quality_of_service(pod: &Value) -> &'static str {
    let of_pod = at(pod, "spec.resources");
    let is_pod_level = ["requests", "limits"].iter().any(|side| {
        let names = members(of_pod, side).into_iter().flatten();
        names.into_iter().any(|(name, _)| {
            matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-")
        })
    });
    if is_pod_level {
        return of_requirements(of_pod);
    }
    let lists = ["spec.initContainers", "spec.containers"];
    let containers = lists.iter().flat_map(|list| items(pod, list));
    let mut classes = containers.map(|container| of_requirements(at(container, "resources")));
    let Some(first) = classes.next() else {
        return BEST_EFFORT;
    };
    match classes.all(|class| class == first) {
        true => first,
        false => BURSTABLE,
    }
}

const BEST_EFFORT: &str = "BestEffort";
const BURSTABLE: &str = "Burstable";

fn of_requirements(resources: &Value) -> &'static str {
    let sides = ["requests", "limits"].map(|side| at(resources, side));
    if !["requests", "limits"]
        .iter()
        .any(|side| is_set(resources, side))
    {
        return BEST_EFFORT;
    }
    let [cpu, memory] = ["cpu", "memory"].map(|name| {
        let [request, limit] = sides.map(|side| {
            let amount = scalar(at(side, name)).parse::<Quantity>();
            amount.map_or(0, Quantity::nanos)
        });
        match (request == limit, request) {
            (false, _) => BURSTABLE,
            (true, 0) => BEST_EFFORT,
            (true, _) => "Guaranteed",
        }
    });
    match cpu == memory {
        true => cpu,
        false => BURSTABLE,
    }
}
