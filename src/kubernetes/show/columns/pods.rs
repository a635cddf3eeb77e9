//! Pods: the state of a pod is that of its containers, in an order of their own.

use serde_json::Value;

use super::shared::{NONE, condition_is_true};
use super::{KubeRelease, Now, RowMaker, name};
use crate::kubernetes::fields::{at, integer, is_set, is_true, items, text, text_or};
use crate::kubernetes::time::parse_rfc3339;

pub(super) const POD: RowMaker = |pod, now| {
    let state = State::of(pod, now.release);
    let ip = match items(pod, "status.podIPs").first() {
        Some(first) => text_or(first, "ip", NONE),
        None => text_or(pod, "status.podIP", NONE),
    };
    vec![
        name(pod),
        format!("{}/{}", state.ready, state.total),
        state.reason,
        state.restarts.print(now),
        now.age(pod),
        ip.to_owned(),
        text_or(pod, "spec.nodeName", NONE).to_owned(),
        text_or(pod, "status.nominatedNodeName", NONE).to_owned(),
        readiness_gates(pod),
    ]
};

struct State<'a> {
    ready: usize,
    total: usize,
    reason: String,
    restarts: Restarts<'a>,
}

/// How often containers were restarted, and when the last of them had ended.
#[derive(Clone, Copy, Default)]
struct Restarts<'a> {
    count: i64,
    last: Option<(i64, &'a str)>,
}

impl<'a> Restarts<'a> {
    fn add(&mut self, status: &'a Value) {
        self.count = self.count.saturating_add(integer(status, "restartCount"));
        let ended = text(status, "lastState.terminated.finishedAt");
        if let Some(seconds) = parse_rfc3339(ended)
            && self.last.is_none_or(|(last, _)| seconds > last)
        {
            self.last = Some((seconds, ended));
        }
    }

    fn print(&self, now: &Now) -> String {
        match self.last {
            Some((_, ended)) if self.count != 0 => {
                format!("{} ({} ago)", self.count, now.since(ended))
            }
            _ => self.count.to_string(),
        }
    }
}

impl<'a> State<'a> {
    fn of(pod: &'a Value, release: KubeRelease) -> Self {
        let gated = items(pod, "status.conditions").iter().any(|condition| {
            text(condition, "type") == "PodScheduled"
                && text(condition, "reason") == "SchedulingGated"
        });
        let reason = match text_or(pod, "status.reason", text(pod, "status.phase")) {
            _ if gated => "SchedulingGated",
            reason => reason,
        };
        let sidecars = items(pod, "spec.initContainers").iter();
        let sidecars = sidecars.filter(|container| is_sidecar(container)).count();
        let mut state = State {
            ready: 0,
            total: items(pod, "spec.containers").len().saturating_add(sidecars),
            reason: reason.to_owned(),
            restarts: Restarts::default(),
        };
        let (initializing, sidecar_restarts) = state.look_at_init_containers(pod);
        if !initializing || condition_is_true(pod, "Initialized") {
            state.restarts = sidecar_restarts;
            state.look_at_containers(pod, release);
        }
        state.look_at_deletion(pod);
        state
    }

    /// Whether init containers still run or have failed, and the restarts of those that run beside the
    /// others for good.
    fn look_at_init_containers(&mut self, pod: &'a Value) -> (bool, Restarts<'a>) {
        let specs = items(pod, "spec.initContainers");
        let mut of_sidecars = Restarts::default();
        for (i, status) in items(pod, "status.initContainerStatuses")
            .iter()
            .enumerate()
        {
            let spec = specs
                .iter()
                .rfind(|spec| text(spec, "name") == text(status, "name"));
            let sidecar = spec.is_some_and(is_sidecar);
            self.restarts.add(status);
            if sidecar {
                of_sidecars.add(status);
            }
            let terminated = at(status, "state.terminated");
            if !terminated.is_null() && integer(terminated, "exitCode") == 0 {
                continue;
            }
            if sidecar && is_true(status, "started") {
                if is_true(status, "ready") {
                    self.ready = self.ready.saturating_add(1);
                }
                continue;
            }
            self.reason = if !terminated.is_null() {
                format!("Init:{}", end_of(terminated))
            } else {
                match text(status, "state.waiting.reason") {
                    "" | "PodInitializing" => format!("Init:{i}/{}", specs.len()),
                    reason => format!("Init:{reason}"),
                }
            };
            return (true, of_sidecars);
        }
        (false, of_sidecars)
    }

    fn look_at_containers(&mut self, pod: &'a Value, release: KubeRelease) {
        let mut running = false;
        let mut failure = None;
        for status in items(pod, "status.containerStatuses").iter().rev() {
            self.restarts.add(status);
            let terminated = at(status, "state.terminated");
            let waiting = text(status, "state.waiting.reason");
            if !waiting.is_empty() {
                self.reason = waiting.to_owned();
            } else if !terminated.is_null() {
                self.reason = end_of(terminated);
                if integer(terminated, "exitCode") != 0 {
                    failure = Some(self.reason.clone());
                }
            } else if is_true(status, "ready") && is_set(status, "state.running") {
                running = true;
                self.ready = self.ready.saturating_add(1);
            }
        }
        // One container that has done its work does not make a finished pod.
        if self.reason == "Completed" {
            if running && condition_is_true(pod, "Ready") {
                self.reason = "Running".into();
            } else if let Some(failure) = failure.filter(|_| release >= KubeRelease::V1_35) {
                self.reason = failure;
            } else if running {
                self.reason = "NotReady".into();
            }
        }
    }

    fn look_at_deletion(&mut self, pod: &Value) {
        if !is_set(pod, "metadata.deletionTimestamp") {
            return;
        }
        if text(pod, "status.reason") == "NodeLost" {
            self.reason = "Unknown".into();
        } else if !matches!(text(pod, "status.phase"), "Failed" | "Succeeded") {
            self.reason = "Terminating".into();
        }
    }
}

/// An init container that goes on beside the others.
fn is_sidecar(container: &Value) -> bool {
    text(container, "restartPolicy") == "Always"
}

/// How a container ended.
fn end_of(terminated: &Value) -> String {
    match (text(terminated, "reason"), integer(terminated, "signal")) {
        ("", 0) => format!("ExitCode:{}", integer(terminated, "exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn readiness_gates(pod: &Value) -> String {
    let gates = items(pod, "spec.readinessGates");
    if gates.is_empty() {
        return NONE.into();
    }
    let open = gates
        .iter()
        .filter(|gate| condition_is_true(pod, text(gate, "conditionType")));
    format!("{}/{}", open.count(), gates.len())
}
