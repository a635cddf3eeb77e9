//! Services and what leads to them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shared::{NONE, UNKNOWN, UNSET, first_three, joined, labels, scalar_or, selector};
use super::{KubeRelease, RowMaker, name};
use crate::kubernetes::fields::{annotation, at, integer, is_set, items, some_text, text, text_or};

pub(super) const SERVICE: RowMaker = |object, now| {
    let ports: Vec<_> = items(object, "spec.ports")
        .iter()
        .map(service_port)
        .collect();
    let ports = if ports.is_empty() {
        NONE.into()
    } else {
        ports.join(",")
    };
    let ip = items(object, "spec.clusterIPs")
        .first()
        .and_then(Value::as_str);
    let ip = ip.or_else(|| some_text(object, "spec.clusterIP"));
    vec![
        name(object),
        service_type(object).to_owned(),
        ip.unwrap_or(NONE).to_owned(),
        external_ip(object),
        ports,
        now.age(object),
        labels(at(object, "spec.selector")),
    ]
};

fn service_type(service: &Value) -> &str {
    text_or(service, "spec.type", "ClusterIP")
}

fn service_port(port: &Value) -> String {
    let protocol = text_or(port, "protocol", "TCP");
    let number = integer(port, "port");
    match integer(port, "nodePort") {
        node_port if node_port > 0 => format!("{number}:{node_port}/{protocol}"),
        _ => format!("{number}/{protocol}"),
    }
}

fn external_ip(service: &Value) -> String {
    let wanted = items(service, "spec.externalIPs")
        .iter()
        .filter_map(Value::as_str);
    let wanted = joined(wanted, ",");
    let found = match service_type(service) {
        "ClusterIP" | "NodePort" => wanted,
        "LoadBalancer" => {
            let given = load_balancer(service);
            let both = [given.as_str(), &wanted];
            match joined(both.into_iter().filter(|part| !part.is_empty()), ",") {
                empty if empty.is_empty() => return "<pending>".into(),
                addresses => addresses,
            }
        }
        "ExternalName" => return text(service, "spec.externalName").to_owned(),
        _ => return UNKNOWN.into(),
    };
    if items(service, "spec.externalIPs").is_empty() && found.is_empty() {
        return NONE.into();
    }
    found
}

/// The addresses that a load balancer has given, in order and each once.
pub(in crate::kubernetes::show) fn load_balancer(object: &Value) -> String {
    let given = items(object, "status.loadBalancer.ingress").iter();
    let given = given.map(|one| text_or(one, "ip", text(one, "hostname")));
    let given: BTreeSet<_> = given.filter(|address| !address.is_empty()).collect();
    joined(given.into_iter(), ",")
}

pub(super) const ENDPOINTS: RowMaker =
    |object, now| vec![name(object), endpoints(object), now.age(object)];

fn endpoints(object: &Value) -> String {
    let mut shown = Vec::new();
    let mut count = 0_usize;
    for subset in items(object, "subsets") {
        let ports = items(subset, "ports");
        let ports = ports.iter().map(|port| Some(integer(port, "port")));
        // Without a port, addresses stand alone.
        let none = ports.len() == 0;
        for port in ports.chain(none.then_some(None)) {
            let addresses = items(subset, "addresses");
            count = count.saturating_add(addresses.len());
            for address in addresses.iter().take(3_usize.saturating_sub(shown.len())) {
                let ip = text(address, "ip");
                shown.push(match port {
                    None => ip.to_owned(),
                    Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
                    Some(port) => format!("{ip}:{port}"),
                });
            }
        }
    }
    if items(object, "subsets").is_empty() {
        return NONE.into();
    }
    let all = shown.join(",");
    match count.checked_sub(3) {
        Some(more) if more > 0 => format!("{all} + {more} more..."),
        _ => all,
    }
}

pub(super) const ENDPOINT_SLICE: RowMaker = |object, now| {
    let ports = items(object, "ports").iter();
    let ports = ports.map(|port| scalar_or(port, "port", text(port, "name")));
    let addresses = items(object, "endpoints")
        .iter()
        .flat_map(|endpoint| items(endpoint, "addresses"))
        .map(|address| address.as_str().unwrap_or_default().to_owned());
    vec![
        name(object),
        text(object, "addressType").to_owned(),
        first_three(&ports.collect::<Vec<_>>(), UNSET),
        first_three(&addresses.collect::<Vec<_>>(), UNSET),
        now.age(object),
    ]
};

pub(super) const INGRESS: RowMaker = |object, now| {
    let ports = match items(object, "spec.tls") {
        [] => "80",
        _ => "80, 443",
    };
    vec![
        name(object),
        scalar_or(object, "spec.ingressClassName", NONE),
        hosts(items(object, "spec.rules")),
        load_balancer(object),
        ports.to_owned(),
        now.age(object),
    ]
};

fn hosts(rules: &[Value]) -> String {
    let mut shown = Vec::new();
    let mut more = false;
    for rule in rules {
        more |= shown.len() == 3;
        if let Some(host) = some_text(rule, "host").filter(|_| !more) {
            shown.push(host);
        }
    }
    let all = shown.join(",");
    match rules.len().saturating_sub(3) {
        _ if shown.is_empty() => "*".into(),
        count if more => format!("{all} + {count} more..."),
        _ => all,
    }
}

pub(super) const INGRESS_CLASS: RowMaker = |object, now| {
    let annotation = annotation(object, "ingressclass.kubernetes.io/is-default-class");
    let mark = if annotation == Some("true") && now.release >= KubeRelease::V1_36 {
        " (default)"
    } else {
        ""
    };
    let parameters = at(object, "spec.parameters");
    let parameters = if parameters.is_null() {
        NONE.into()
    } else {
        let kind = text(parameters, "kind");
        let group = at(parameters, "apiGroup").as_str();
        let group = group.map(|group| format!(".{group}")).unwrap_or_default();
        format!("{kind}{group}/{}", text(parameters, "name"))
    };
    vec![
        format!("{}{mark}", name(object)),
        text(object, "spec.controller").to_owned(),
        parameters,
        now.age(object),
    ]
};

pub(super) const NETWORK_POLICY: RowMaker = |object, now| {
    let selector = selector(at(object, "spec.podSelector"));
    vec![name(object), selector, now.age(object)]
};

pub(super) const SERVICE_CIDR: RowMaker = |object, now| {
    let ranges = items(object, "spec.cidrs").iter().filter_map(Value::as_str);
    vec![name(object), joined(ranges, ","), now.age(object)]
};

pub(super) const IP_ADDRESS: RowMaker = |object, _| {
    let parent = at(object, "spec.parentRef");
    let mut shown = text(parent, "resource").to_lowercase();
    if let Some(group) = some_text(parent, "group") {
        shown = format!("{shown}.{}", group.to_lowercase());
    }
    for field in ["namespace", "name"] {
        if field == "name" || is_set(parent, field) {
            shown = format!("{shown}/{}", text(parent, field));
        }
    }
    let shown = if parent.is_null() { NONE.into() } else { shown };
    vec![name(object), shown]
};
