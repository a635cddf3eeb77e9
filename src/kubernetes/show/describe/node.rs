//! Nodes and the pods that run on them.

use serde_json::Value;

use super::amounts::{Amounts, Side, add, amounts, of_pod};
use super::events::events;
use super::text::{Text, joined, long_time, pairs, put};
use super::{Now, Related};
use crate::kubernetes::fields::{at, is_true, items, some_text, text};
use crate::kubernetes::show::columns::cluster::roles;
use crate::kubernetes::show::columns::shared::amount;
use crate::kubernetes::show::duration::age;
use crate::kubernetes::show::quantity::Quantity;

/// The pods of a node that have not ended, with what they ask for.
#[derive(Debug, Clone, Default)]
pub struct NodePods {
    rows: Vec<PodRow>,
    requests: Amounts,
    limits: Amounts,
}

#[derive(Debug, Clone)]
struct PodRow {
    namespace: String,
    name: String,
    /// Requests and limits of CPU, then of memory.
    amounts: [Option<Quantity>; 4],
    age: String,
}

impl NodePods {
    /// The same with a pod that runs on the node.
    pub fn add(&mut self, pod: &Value, now: Now) {
        let [requests, limits] = [Side::Requests, Side::Limits].map(|side| of_pod(pod, side, true));
        self.rows.push(PodRow {
            namespace: text(pod, "metadata.namespace").to_owned(),
            name: text(pod, "metadata.name").to_owned(),
            amounts: [
                requests.get("cpu").copied(),
                limits.get("cpu").copied(),
                requests.get("memory").copied(),
                limits.get("memory").copied(),
            ],
            age: age(text(pod, "metadata.creationTimestamp"), now),
        });
        add(&mut self.requests, &of_pod(pod, Side::Requests, false));
        add(&mut self.limits, &of_pod(pod, Side::Limits, false));
    }
}

/// Devices of one driver and pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlicePool {
    /// The driver.
    pub driver: String,
    /// The pool.
    pub pool: String,
    /// How many slices tell of it.
    pub slices: u64,
    /// How many devices are in them.
    pub devices: u64,
}

pub(super) fn node(w: &mut Text, node: &Value, related: &Related, _: Now) {
    let (spec, status) = (at(node, "spec"), at(node, "status"));
    put!(w, 0, "Name:\t{}\n", text(node, "metadata.name"));
    put!(w, 0, "Roles:\t{}\n", roles(node));
    w.labels_and_annotations(node);
    let created = long_time(text(node, "metadata.creationTimestamp"));
    put!(w, 0, "CreationTimestamp:\t{created}\n");
    taints(w, items(spec, "taints"));
    put!(w, 0, "Unschedulable:\t{}\n", is_true(spec, "unschedulable"));
    lease(w, text(node, "metadata.name"), related.lease.as_ref());
    let conditions = items(status, "conditions");
    if !conditions.is_empty() {
        put!(
            w,
            0,
            "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n"
        );
        put!(
            w,
            1,
            "----\t------\t-----------------\t------------------\t------\t-------\n"
        );
        for one in conditions {
            let [kind, state, reason, message] =
                ["type", "status", "reason", "message"].map(|path| text(one, path));
            let [beat, change] =
                ["lastHeartbeatTime", "lastTransitionTime"].map(|path| long_time(text(one, path)));
            put!(
                w,
                1,
                "{kind} \t{state} \t{beat} \t{change} \t{reason} \t{message}\n"
            );
        }
    }
    put!(w, 0, "Addresses:\n");
    for address in items(status, "addresses") {
        put!(
            w,
            1,
            "{}:\t{}\n",
            text(address, "type"),
            text(address, "address")
        );
    }
    for (title, path) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        let mut is_first = true;
        for (name, value) in pairs(at(status, path)) {
            if std::mem::take(&mut is_first) {
                put!(w, 0, "{title}:\n");
            }
            put!(w, 1, "{name}:\t{}\n", amount(value));
        }
    }
    slices(w, related);
    put!(w, 0, "System Info:\n");
    for (title, path) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        put!(w, 1, "{title}:\t{}\n", text(at(status, "nodeInfo"), path));
    }
    if let Some(range) = some_text(spec, "podCIDR") {
        put!(w, 0, "PodCIDR:\t{range}\n");
    }
    if !items(spec, "podCIDRs").is_empty() {
        put!(
            w,
            0,
            "PodCIDRs:\t{}\n",
            joined(items(spec, "podCIDRs"), ",")
        );
    }
    if let Some(provider) = some_text(spec, "providerID") {
        put!(w, 0, "ProviderID:\t{provider}\n");
    }
    pods(w, status, &related.node_pods);
    events(w, related.events.as_ref());
}

fn taints(w: &mut Text, taints: &[Value]) {
    let mut taints: Vec<&Value> = taints.iter().collect();
    taints.sort_by_key(|taint| format!("{},{}", text(taint, "effect"), text(taint, "key")));
    let lines = taints.into_iter().map(|taint| {
        let [key, value, effect] = ["key", "value", "effect"].map(|path| text(taint, path));
        match (value, effect) {
            ("", "") => key.to_owned(),
            ("", effect) => format!("{key}:{effect}"),
            (value, effect) => format!("{key}={value}:{effect}"),
        }
    });
    put!(w, 0, "Taints:\t");
    w.lines("", &lines.collect::<Vec<_>>());
}

fn lease(w: &mut Text, node: &str, lease: Option<&Value>) {
    let Some(lease) = lease else {
        put!(
            w,
            0,
            "Lease:\tFailed to get lease: leases.coordination.k8s.io \"{node}\" not found\n"
        );
        return;
    };
    put!(w, 0, "Lease:\n");
    let holder = super::text::scalar_or(lease, "spec.holderIdentity", "<unset>");
    put!(w, 1, "HolderIdentity:\t{holder}\n");
    for (title, path) in [
        ("AcquireTime", "spec.acquireTime"),
        ("RenewTime", "spec.renewTime"),
    ] {
        match some_text(lease, path) {
            Some(time) => put!(w, 1, "{title}:\t{}\n", long_time(time)),
            None => put!(w, 1, "{title}:\t<unset>\n"),
        }
    }
}

/// At most this many pools of devices are shown.
const POOLS: usize = 10;

fn slices(w: &mut Text, related: &Related) {
    if related.slices.is_empty() {
        return;
    }
    put!(w, 0, "Node-Local ResourceSlices:\n");
    put!(w, 1, "Driver\tPool\tSlices\tDevices\n");
    put!(w, 1, "------\t----\t------\t-------\n");
    for pool in related.slices.values().take(POOLS) {
        let (driver, name) = (&pool.driver, &pool.pool);
        put!(
            w,
            1,
            "{driver}\t{name}\t{}\t{}\n",
            pool.slices,
            pool.devices
        );
    }
    match related.slices.len().checked_sub(POOLS) {
        Some(more) if more > 0 => put!(w, 1, "...and {more} more pools\n"),
        _ => {}
    }
}

/// The part of an amount in another one, as Go makes it a whole number.
fn percent(part: i64, of: i64) -> i64 {
    let percent = part as f64 / of as f64 * 100.0;
    match percent.is_finite() {
        true => percent as i64,
        // What a processor makes of a number that is none.
        false => i64::MIN,
    }
}

fn pods(w: &mut Text, status: &Value, pods: &NodePods) {
    put!(
        w,
        0,
        "Non-terminated Pods:\t({} in total)\n",
        pods.rows.len()
    );
    put!(
        w,
        1,
        "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n"
    );
    put!(
        w,
        1,
        "---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n"
    );
    let allocatable = match amounts(at(status, "allocatable")) {
        none if none.is_empty() => amounts(at(status, "capacity")),
        some => some,
    };
    let whole = |list: &Amounts, name: &str| list.get(name).map_or(0, |one| one.value());
    let written = |one: Option<&Quantity>| one.map_or_else(|| "0".into(), Quantity::to_string);
    let cpu = allocatable.get("cpu").map_or(0, |one| one.milli());
    let memory = whole(&allocatable, "memory");
    for row in &pods.rows {
        let [cpu_request, cpu_limit, memory_request, memory_limit] = &row.amounts;
        let of_cpu = |one: &Option<Quantity>| {
            let part = one.map_or(0, Quantity::milli);
            format!("{} ({}%)", written(one.as_ref()), percent(part, cpu))
        };
        let of_memory = |one: &Option<Quantity>| {
            let part = one.map_or(0, Quantity::value);
            format!("{} ({}%)", written(one.as_ref()), percent(part, memory))
        };
        put!(
            w,
            1,
            "{}\t{}\t\t{}\t{}\t{}\t{}\t{}\n",
            row.namespace,
            row.name,
            of_cpu(cpu_request),
            of_cpu(cpu_limit),
            of_memory(memory_request),
            of_memory(memory_limit),
            row.age
        );
    }
    put!(
        w,
        0,
        "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n"
    );
    put!(w, 1, "Resource\tRequests\tLimits\n");
    put!(w, 1, "--------\t--------\t------\n");
    let huge = allocatable
        .keys()
        .filter(|name| name.starts_with(HUGE_PAGES));
    let standard = ["cpu", "memory", "ephemeral-storage"];
    for name in standard.into_iter().chain(huge.map(String::as_str)) {
        let cells = [&pods.requests, &pods.limits].map(|list| {
            let one = list.get(name);
            let (part, of) = match name {
                "cpu" => (one.map_or(0, |one| one.milli()), cpu),
                _ => (one.map_or(0, |one| one.value()), whole(&allocatable, name)),
            };
            let percent = if of == 0 { 0 } else { percent(part, of) };
            format!("{} ({percent}%)", written(one))
        });
        put!(w, 1, "{name}\t{}\n", cells.join("\t"));
    }
    for name in allocatable.keys() {
        let name = name.as_str();
        if standard.contains(&name) || name == "pods" || name.starts_with(HUGE_PAGES) {
            continue;
        }
        let cells = [&pods.requests, &pods.limits].map(|list| written(list.get(name)));
        put!(w, 1, "{name}\t{}\n", cells.join("\t"));
    }
}

const HUGE_PAGES: &str = "hugepages-";
