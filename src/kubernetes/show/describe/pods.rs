//! Pods, and the templates from which they are made.

use std::collections::BTreeMap;

use serde_json::Value;

use super::amounts::quality_of_service;
use super::events::events;
use super::text::{Text, bracketed, capital, long_time, or_none, pairs, put, scalar_or};
use super::volumes::volumes;
use super::{Now, Related};
use crate::kubernetes::fields::{at, integer, is_set, is_true, items, scalar, some_text, text};
use crate::kubernetes::show::columns::shared::{amount, selector};
use crate::kubernetes::show::duration::age;
use crate::kubernetes::show::quantity::Quantity;

pub(super) fn pod(w: &mut Text, pod: &Value, related: &Related, now: Now) {
    let spec = at(pod, "spec");
    w.names(pod);
    if is_set(spec, "priority") {
        put!(w, 0, "Priority:\t{}\n", integer(spec, "priority"));
    }
    for (title, path) in [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ] {
        if let Some(name) = some_text(spec, path) {
            put!(w, 0, "{title}:\t{name}\n");
        }
    }
    match some_text(spec, "nodeName") {
        None => put!(w, 0, "Node:\t<none>\n"),
        Some(node) => put!(w, 0, "Node:\t{node}/{}\n", text(pod, "status.hostIP")),
    }
    if let Some(time) = some_text(pod, "status.startTime") {
        put!(w, 0, "Start Time:\t{}\n", long_time(time));
    }
    w.labels_and_annotations(pod);
    let phase = text(pod, "status.phase");
    match some_text(pod, "metadata.deletionTimestamp") {
        Some(time) if !matches!(phase, "Failed" | "Succeeded") => {
            put!(w, 0, "Status:\tTerminating (lasts {})\n", age(time, now));
            let grace = integer(pod, "metadata.deletionGracePeriodSeconds");
            put!(w, 0, "Termination Grace Period:\t{grace}s\n");
        }
        _ => put!(w, 0, "Status:\t{phase}\n"),
    }
    for (title, path) in [("Reason", "status.reason"), ("Message", "status.message")] {
        if let Some(text) = some_text(pod, path) {
            put!(w, 0, "{title}:\t{text}\n");
        }
    }
    seccomp(w, 0, 0, spec);
    put!(w, 0, "IP:\t{}\n", text(pod, "status.podIP"));
    match items(pod, "status.podIPs") {
        [] => put!(w, 0, "IPs:\t<none>\n"),
        ips => {
            put!(w, 0, "IPs:\n");
            ips.iter()
                .for_each(|ip| put!(w, 1, "IP:\t{}\n", text(ip, "ip")));
        }
    }
    w.controlled_by(pod);
    if let Some(node) = some_text(pod, "status.nominatedNodeName") {
        put!(w, 0, "NominatedNodeName:\t{node}\n");
    }
    if is_set(spec, "resources") {
        put!(w, 0, "Resources:\n");
        resources(w, at(spec, "resources"), 1);
    }
    for (title, list, statuses) in [
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        (
            "Ephemeral Containers",
            "ephemeralContainers",
            "ephemeralContainerStatuses",
        ),
    ] {
        let list = items(spec, list);
        if list.is_empty() && title != "Containers" {
            continue;
        }
        containers(
            w,
            title,
            list,
            items(at(pod, "status"), statuses),
            Some(pod),
            "",
        );
    }
    let conditions = items(pod, "status.conditions");
    let gates = items(spec, "readinessGates");
    if !gates.is_empty() {
        put!(w, 0, "Readiness Gates:\n  Type\tStatus\n");
        for gate in gates {
            let kind = text(gate, "conditionType");
            let mut of_gate = conditions.iter().filter(|one| text(one, "type") == kind);
            let status = of_gate.next().map_or("<none>", |one| text(one, "status"));
            put!(w, 1, "{kind} \t{status} \n");
        }
    }
    if !conditions.is_empty() {
        put!(w, 0, "Conditions:\n  Type\tStatus\n");
        for one in conditions {
            put!(w, 1, "{} \t{} \n", text(one, "type"), text(one, "status"));
        }
    }
    volumes(w, items(spec, "volumes"), "");
    let quality = some_text(pod, "status.qosClass");
    let quality = quality.unwrap_or_else(|| quality_of_service(pod));
    put!(w, 0, "QoS Class:\t{quality}\n");
    w.labels("", "Node-Selectors", at(spec, "nodeSelector"));
    tolerations(w, "", "Tolerations", items(spec, "tolerations"));
    spread_constraints(w, items(spec, "topologySpreadConstraints"), "");
    scheduling_group(w, spec, "");
    events(w, related.events.as_ref());
}

/// The template of pods.
pub(super) fn template(w: &mut Text, template: &Value) {
    put!(w, 0, "Pod Template:\n");
    if template.is_null() {
        put!(w, 1, "<unset>");
        return;
    }
    let spec = at(template, "spec");
    w.labels("", "  Labels", at(template, "metadata.labels"));
    if pairs(at(template, "metadata.annotations")).next().is_some() {
        w.annotations("  Annotations", at(template, "metadata.annotations"));
    }
    if let Some(account) = some_text(spec, "serviceAccountName") {
        put!(w, 1, "Service Account:\t{account}\n");
    }
    if !items(spec, "initContainers").is_empty() {
        let list = items(spec, "initContainers");
        containers(w, "Init Containers", list, &[], None, "  ");
    }
    containers(w, "Containers", items(spec, "containers"), &[], None, "  ");
    volumes(w, items(spec, "volumes"), "  ");
    spread_constraints(w, items(spec, "topologySpreadConstraints"), "  ");
    if let Some(class) = some_text(spec, "priorityClassName") {
        put!(w, 1, "Priority Class Name:\t{class}\n");
    }
    w.labels("", "  Node-Selectors", at(spec, "nodeSelector"));
    tolerations(w, "", "  Tolerations", items(spec, "tolerations"));
    scheduling_group(w, spec, "  ");
}

fn scheduling_group(w: &mut Text, spec: &Value, indent: &str) {
    if is_set(spec, "schedulingGroup") {
        put!(w, 0, "{indent}SchedulingGroup:\n");
        let name = text(spec, "schedulingGroup.podGroupName");
        put!(w, 1, "PodGroupName:\t{name}\n");
    }
}

fn seccomp(w: &mut Text, level: usize, level_of_path: usize, holder: &Value) {
    let profile = at(holder, "securityContext.seccompProfile");
    if profile.is_null() {
        return;
    }
    let kind = text(profile, "type");
    put!(w, level, "SeccompProfile:\t{kind}\n");
    if kind == "Localhost" {
        let path = text(profile, "localhostProfile");
        put!(w, level_of_path, "LocalhostProfile:\t{path}\n");
    }
}

fn containers(
    w: &mut Text,
    title: &str,
    list: &[Value],
    statuses: &[Value],
    pod: Option<&Value>,
    indent: &str,
) {
    let statuses: BTreeMap<&str, &Value> = statuses
        .iter()
        .map(|one| (text(one, "name"), one))
        .collect();
    let none = if list.is_empty() { " <none>" } else { "" };
    put!(w, 0, "{indent}{title}:{none}\n");
    let name_indent = if indent.is_empty() { "" } else { " " };
    for container in list {
        let name = text(container, "name");
        let status = statuses.get(name).copied();
        put!(w, 1, "{name_indent}{name}:\n");
        if let Some(status) = status {
            put!(w, 2, "Container ID:\t{}\n", text(status, "containerID"));
        }
        put!(w, 2, "Image:\t{}\n", text(container, "image"));
        if let Some(status) = status {
            put!(w, 2, "Image ID:\t{}\n", text(status, "imageID"));
        }
        ports(w, "Port", items(container, "ports"), "containerPort");
        ports(w, "Host Port", items(container, "ports"), "hostPort");
        seccomp(w, 2, 3, container);
        for (title, list) in [("Command", "command"), ("Args", "args")] {
            let list = items(container, list);
            if list.is_empty() {
                continue;
            }
            put!(w, 2, "{title}:\n");
            for word in list {
                for line in word.as_str().unwrap_or_default().split('\n') {
                    put!(w, 3, "{line}\n");
                }
            }
        }
        if let Some(status) = status {
            state(w, "State", at(status, "state"));
            if is_set(status, "lastState.terminated") {
                state(w, "Last State", at(status, "lastState"));
            }
            put!(w, 2, "Ready:\t{}\n", capital(is_true(status, "ready")));
            put!(
                w,
                2,
                "Restart Count:\t{}\n",
                integer(status, "restartCount")
            );
        }
        resources(w, at(container, "resources"), 2);
        for (title, path) in [
            ("Liveness", "livenessProbe"),
            ("Readiness", "readinessProbe"),
            ("Startup", "startupProbe"),
        ] {
            if is_set(container, path) {
                put!(w, 2, "{title}:\t{}\n", probe(at(container, path)));
            }
        }
        environment_sources(w, items(container, "envFrom"));
        environment(w, container, pod);
        mounts(w, container);
    }
}

fn ports(w: &mut Text, title: &str, ports: &[Value], field: &str) {
    let all = ports.iter().map(|port| {
        let (number, protocol) = (integer(port, field), text(port, "protocol"));
        match some_text(port, "name") {
            Some(name) => format!("{number}/{protocol} ({name})"),
            None => format!("{number}/{protocol}"),
        }
    });
    let all = all.collect::<Vec<_>>().join(", ");
    match all.contains(',') {
        true => put!(w, 2, "{title}s:\t{all}\n"),
        false => put!(w, 2, "{title}:\t{}\n", or_none(&all)),
    }
}

/// Limits and requests.
fn resources(w: &mut Text, resources: &Value, level: usize) {
    for (title, list) in [("Limits", "limits"), ("Requests", "requests")] {
        let mut is_first = true;
        for (name, value) in pairs(at(resources, list)) {
            if std::mem::take(&mut is_first) {
                put!(w, level, "{title}:\n");
            }
            put!(w, level.saturating_add(1), "{name}:\t{}\n", amount(value));
        }
    }
}

fn state(w: &mut Text, title: &str, state: &Value) {
    let time = |path: &str| long_time(text(state, path));
    if is_set(state, "running") {
        put!(w, 2, "{title}:\tRunning\n");
        put!(w, 3, "Started:\t{}\n", time("running.startedAt"));
    } else if is_set(state, "waiting") || !is_set(state, "terminated") {
        put!(w, 2, "{title}:\tWaiting\n");
        if let Some(reason) = some_text(state, "waiting.reason") {
            put!(w, 3, "Reason:\t{reason}\n");
        }
    } else {
        put!(w, 2, "{title}:\tTerminated\n");
        for (title, path) in [
            ("Reason", "terminated.reason"),
            ("Message", "terminated.message"),
        ] {
            if let Some(text) = some_text(state, path) {
                put!(w, 3, "{title}:\t{text}\n");
            }
        }
        put!(
            w,
            3,
            "Exit Code:\t{}\n",
            integer(state, "terminated.exitCode")
        );
        let signal = integer(state, "terminated.signal");
        if signal > 0 {
            put!(w, 3, "Signal:\t{signal}\n");
        }
        put!(w, 3, "Started:\t{}\n", time("terminated.startedAt"));
        put!(w, 3, "Finished:\t{}\n", time("terminated.finishedAt"));
    }
}

fn probe(probe: &Value) -> String {
    let number = |path: &str| integer(probe, path);
    let times = format!(
        "delay={}s timeout={}s period={}s successThreshold={} failureThreshold={}",
        number("initialDelaySeconds"),
        number("timeoutSeconds"),
        number("periodSeconds"),
        number("successThreshold"),
        number("failureThreshold"),
    );
    if is_set(probe, "exec") {
        return format!("exec {} {times}", bracketed(items(probe, "exec.command")));
    }
    if is_set(probe, "httpGet") {
        let scheme = text(probe, "httpGet.scheme").to_lowercase();
        let scheme = match scheme.is_empty() {
            true => scheme,
            false => format!("{scheme}:"),
        };
        let (host, port) = (
            text(probe, "httpGet.host"),
            scalar_or(probe, "httpGet.port", "0"),
        );
        let host = match (host.contains([':', '%']), port.is_empty()) {
            (_, true) => host.to_owned(),
            (true, false) => format!("[{host}]:{port}"),
            (false, false) => format!("{host}:{port}"),
        };
        let path = text(probe, "httpGet.path");
        let slash = match path.is_empty() || path.starts_with('/') {
            true => "",
            false => "/",
        };
        return format!("http-get {scheme}//{host}{slash}{} {times}", url_path(path));
    }
    if is_set(probe, "tcpSocket") {
        let (host, port) = (
            text(probe, "tcpSocket.host"),
            scalar_or(probe, "tcpSocket.port", "0"),
        );
        return format!("tcp-socket {host}:{port} {times}");
    }
    if is_set(probe, "grpc") {
        let (port, service) = (number("grpc.port"), text(probe, "grpc.service"));
        return format!("grpc <pod>:{port} {service} {times}");
    }
    format!("unknown {times}")
}

/// A path as it stands in a URL.
fn url_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn environment_sources(w: &mut Text, sources: &[Value]) {
    if sources.is_empty() {
        return;
    }
    put!(w, 2, "Environment Variables from:\n");
    for source in sources {
        let (kind, of) = match is_set(source, "configMapRef") {
            true => ("ConfigMap", at(source, "configMapRef")),
            false if is_set(source, "secretRef") => ("Secret", at(source, "secretRef")),
            false => ("", &Value::Null),
        };
        let (name, optional) = (text(of, "name"), is_true(of, "optional"));
        match some_text(source, "prefix") {
            None => put!(w, 3, "{name}\t{kind}\tOptional: {optional}\n"),
            Some(prefix) => {
                put!(
                    w,
                    3,
                    "{name}\t{kind} with prefix '{prefix}'\tOptional: {optional}\n"
                );
            }
        }
    }
}

fn environment(w: &mut Text, container: &Value, pod: Option<&Value>) {
    let all = items(container, "env");
    let none = if all.is_empty() { "\t<none>" } else { "" };
    put!(w, 2, "Environment:{none}\n");
    for variable in all {
        let name = text(variable, "name");
        let from = at(variable, "valueFrom");
        if from.is_null() {
            let value = scalar(at(variable, "value"));
            for (number, line) in value.split('\n').enumerate() {
                let name = match number {
                    0 => format!("{name}:"),
                    _ => String::new(),
                };
                put!(w, 3, "{name}\t{line}\n");
            }
        } else if is_set(from, "fieldRef") {
            let (version, path) = (
                text(from, "fieldRef.apiVersion"),
                text(from, "fieldRef.fieldPath"),
            );
            let value = match (pod, path) {
                (Some(pod), "metadata.name" | "metadata.namespace") => text(pod, path),
                // kubectl does not know the others.
                _ => "",
            };
            put!(w, 3, "{name}:\t{value} ({version}:{path})\n");
        } else if is_set(from, "resourceFieldRef") {
            let field = at(from, "resourceFieldRef");
            let resource = text(field, "resource");
            let value = resource_field(container, field);
            let is_open = value == "0" && matches!(resource, "limits.cpu" | "limits.memory");
            let value = if is_open { "node allocatable" } else { &value };
            put!(w, 3, "{name}:\t{value} ({resource})\n");
        } else {
            for (path, of) in [
                ("secretKeyRef", "in secret"),
                ("configMapKeyRef", "of config map"),
            ] {
                let source = at(from, path);
                if source.is_null() {
                    continue;
                }
                let (key, source_name) = (text(source, "key"), text(source, "name"));
                let optional = is_true(source, "optional");
                put!(
                    w,
                    3,
                    "{name}:\t<set to the key '{key}' {of} '{source_name}'>\tOptional: {optional}\n"
                );
                break;
            }
        }
    }
}

/// The amount of a resource of a container, in units of a divisor and rounded up.
fn resource_field(container: &Value, field: &Value) -> String {
    let resource = text(field, "resource");
    let Some((side, name)) = resource.split_once('.') else {
        return String::new();
    };
    let is_known =
        matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if !is_known || !matches!(side, "limits" | "requests") {
        return String::new();
    }
    let list = at(at(container, "resources"), side);
    let quantity = |value: &Value| scalar(value).parse::<Quantity>().ok();
    let amount = list.get(name).and_then(quantity);
    let divisor = quantity(at(field, "divisor")).filter(|divisor| divisor.nanos() != 0);
    let measure = |quantity: Quantity| match name {
        "cpu" => quantity.milli(),
        _ => quantity.value(),
    };
    let one = if name == "cpu" { 1000 } else { 1 };
    let divisor = divisor.map_or(one, measure);
    let quotient = amount.map_or(0, measure) as f64 / divisor as f64;
    (quotient.ceil() as i64).to_string()
}

fn mounts(w: &mut Text, container: &Value) {
    let mut mounts: Vec<&Value> = items(container, "volumeMounts").iter().collect();
    mounts.sort_by_key(|mount| text(mount, "mountPath"));
    let none = if mounts.is_empty() { "\t<none>" } else { "" };
    put!(w, 2, "Mounts:{none}\n");
    for mount in mounts {
        let mode = if is_true(mount, "readOnly") {
            "ro"
        } else {
            "rw"
        };
        let path = some_text(mount, "subPath").map(|path| format!(",path={path:?}"));
        let (at, name) = (text(mount, "mountPath"), text(mount, "name"));
        put!(
            w,
            3,
            "{at} from {name} ({mode}{})\n",
            path.unwrap_or_default()
        );
    }
    let mut devices: Vec<&Value> = items(container, "volumeDevices").iter().collect();
    if devices.is_empty() {
        return;
    }
    devices.sort_by_key(|device| text(device, "devicePath"));
    put!(w, 2, "Devices:{none}\n");
    for device in devices {
        put!(
            w,
            3,
            "{} from {}\n",
            text(device, "devicePath"),
            text(device, "name")
        );
    }
}

fn tolerations(w: &mut Text, indent: &str, title: &str, list: &[Value]) {
    let mut list: Vec<&Value> = list.iter().collect();
    list.sort_by_key(|one| text(one, "key"));
    let lines = list.into_iter().map(|one| {
        let mut line = text(one, "key").to_owned();
        for (sign, path) in [('=', "value"), (':', "effect")] {
            if let Some(text) = some_text(one, path) {
                line.push(sign);
                line.push_str(text);
            }
        }
        if text(one, "operator") == "Exists" && text(one, "value").is_empty() {
            line.push_str(if line.is_empty() {
                "op=Exists"
            } else {
                " op=Exists"
            });
        }
        if is_set(one, "tolerationSeconds") {
            line.push_str(&format!(" for {}s", integer(one, "tolerationSeconds")));
        }
        line
    });
    put!(w, 0, "{indent}{title}:\t");
    w.lines(indent, &lines.collect::<Vec<_>>());
}

fn spread_constraints(w: &mut Text, list: &[Value], indent: &str) {
    if list.is_empty() {
        return;
    }
    let mut list: Vec<&Value> = list.iter().collect();
    list.sort_by_key(|one| text(one, "topologyKey"));
    put!(w, 0, "{indent}Topology Spread Constraints:\t");
    let lines = list.into_iter().map(|one| {
        let selector = match is_set(one, "labelSelector") {
            true => format!(" for selector {}", selector(at(one, "labelSelector"))),
            false => String::new(),
        };
        format!(
            "{}:{} when max skew {} is exceeded{selector}",
            text(one, "topologyKey"),
            text(one, "whenUnsatisfiable"),
            integer(one, "maxSkew")
        )
    });
    w.lines(indent, &lines.collect::<Vec<_>>());
}
