//! Services and what leads to them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::events::events;
use super::text::{Text, go_time, joined, or_none, put, scalar_or};
use super::{Now, Related};
use crate::kubernetes::fields::{at, integer, is_set, items, scalar, some_text, text, text_or};
use crate::kubernetes::show::columns::network::load_balancer;
use crate::kubernetes::show::columns::shared::{labels, selector};

/// The label by which the endpoints of a Service are found.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn service(w: &mut Text, service: &Value, related: &Related, _: Now) {
    let spec = at(service, "spec");
    w.names(service);
    w.labels_and_annotations(service);
    put!(w, 0, "Selector:\t{}\n", labels(at(spec, "selector")));
    put!(w, 0, "Type:\t{}\n", text(spec, "type"));
    if is_set(spec, "ipFamilyPolicy") {
        put!(
            w,
            0,
            "IP Family Policy:\t{}\n",
            text(spec, "ipFamilyPolicy")
        );
    }
    let list = |path: &str| joined(items(spec, path), ",");
    put!(w, 0, "IP Families:\t{}\n", or_none(&list("ipFamilies")));
    put!(w, 0, "IP:\t{}\n", text(spec, "clusterIP"));
    let ips = match items(spec, "clusterIPs") {
        [] => "<none>".to_owned(),
        ips => joined(ips, ","),
    };
    put!(w, 0, "IPs:\t{ips}\n");
    if !items(spec, "externalIPs").is_empty() {
        put!(w, 0, "External IPs:\t{}\n", list("externalIPs"));
    }
    for (title, path) in [
        ("Desired LoadBalancer IP", "loadBalancerIP"),
        ("External Name", "externalName"),
    ] {
        if let Some(text) = some_text(spec, path) {
            put!(w, 0, "{title}:\t{text}\n");
        }
    }
    let given = items(service, "status.loadBalancer.ingress");
    if !given.is_empty() {
        let given = given.iter().map(|one| match some_text(one, "ip") {
            None => text(one, "hostname").to_owned(),
            Some(ip) if is_set(one, "ipMode") => format!("{ip} ({})", text(one, "ipMode")),
            Some(ip) => ip.to_owned(),
        });
        put!(
            w,
            0,
            "LoadBalancer Ingress:\t{}\n",
            given.collect::<Vec<_>>().join(", ")
        );
    }
    for port in items(spec, "ports") {
        let (name, protocol) = (text_or(port, "name", "<unset>"), text(port, "protocol"));
        put!(
            w,
            0,
            "Port:\t{name}\t{}/{protocol}\n",
            integer(port, "port")
        );
        put!(
            w,
            0,
            "TargetPort:\t{}/{protocol}\n",
            scalar_or(port, "targetPort", "0")
        );
        if is_set(port, "appProtocol") {
            put!(w, 0, "AppProtocol:\t{}\n", text(port, "appProtocol"));
        }
        let node_port = integer(port, "nodePort");
        if node_port != 0 {
            put!(w, 0, "NodePort:\t{name}\t{node_port}/{protocol}\n");
        }
        let endpoints = addresses(
            related.endpoint_slices.iter().map(AsRef::as_ref),
            text(port, "name"),
        );
        put!(w, 0, "Endpoints:\t{endpoints}\n");
    }
    put!(
        w,
        0,
        "Session Affinity:\t{}\n",
        text(spec, "sessionAffinity")
    );
    if let Some(policy) = some_text(spec, "externalTrafficPolicy") {
        put!(w, 0, "External Traffic Policy:\t{policy}\n");
    }
    if is_set(spec, "internalTrafficPolicy") {
        let policy = text(spec, "internalTrafficPolicy");
        put!(w, 0, "Internal Traffic Policy:\t{policy}\n");
    }
    let check = integer(spec, "healthCheckNodePort");
    if check != 0 {
        put!(w, 0, "HealthCheck NodePort:\t{check}\n");
    }
    if !items(spec, "loadBalancerSourceRanges").is_empty() {
        let ranges = list("loadBalancerSourceRanges");
        put!(w, 0, "LoadBalancer Source Ranges:\t{ranges}\n");
    }
    if is_set(spec, "trafficDistribution") {
        let distribution = text(spec, "trafficDistribution");
        put!(w, 0, "Traffic Distribution:\t{distribution}\n");
    }
    events(w, related.events.as_ref());
}

/// At most this many addresses are shown.
const SHOWN: usize = 3;

/// The addresses behind the ports of a name that are ready.
fn addresses<'s>(slices: impl Iterator<Item = &'s Value>, port_name: &str) -> String {
    let mut list: Vec<String> = Vec::new();
    let (mut count, mut has_more, mut is_none) = (0usize, false, true);
    let mut add = |endpoints: &Value, port: Option<i64>| {
        for endpoint in items(endpoints, "endpoints") {
            // As kubectl does, also where the next one is not ready.
            has_more |= list.len() == SHOWN;
            if at(endpoint, "conditions.ready").as_bool() == Some(false) {
                continue;
            }
            count = count.saturating_add(1);
            if has_more {
                continue;
            }
            let address = items(endpoint, "addresses")
                .first()
                .map(scalar)
                .unwrap_or_default();
            list.push(match port {
                None => address,
                Some(port) if address.contains(':') => format!("[{address}]:{port}"),
                Some(port) => format!("{address}:{port}"),
            });
        }
    };
    for slice in slices {
        is_none = false;
        let ports = items(slice, "ports");
        if ports.is_empty() {
            add(slice, None);
        }
        for port in ports.iter().filter(|port| text(port, "name") == port_name) {
            add(slice, Some(integer(port, "port")));
        }
    }
    if is_none {
        return "<none>".into();
    }
    let all = list.join(",");
    match has_more {
        true => format!("{all} + {} more...", count.saturating_sub(SHOWN)),
        false => all,
    }
}

pub(super) fn endpoints(w: &mut Text, object: &Value, related: &Related, _: Now) {
    w.names(object);
    w.labels_and_annotations(object);
    put!(w, 0, "Subsets:\n");
    for subset in items(object, "subsets") {
        for (title, path) in [
            ("Addresses", "addresses"),
            ("NotReadyAddresses", "notReadyAddresses"),
        ] {
            let all = items(subset, path).iter().map(|one| text(one, "ip"));
            let all = all.collect::<Vec<_>>().join(",");
            put!(w, 1, "{title}:\t{}\n", or_none(&all));
        }
        let ports = items(subset, "ports");
        if !ports.is_empty() {
            put!(w, 1, "Ports:\n");
            put!(w, 2, "Name\tPort\tProtocol\n");
            put!(w, 2, "----\t----\t--------\n");
            for port in ports {
                let (name, protocol) = (text_or(port, "name", "<unset>"), text(port, "protocol"));
                put!(w, 2, "{name}\t{}\t{protocol}\n", integer(port, "port"));
            }
        }
        put!(w, 0, "\n");
    }
    events(w, related.events.as_ref());
}

pub(super) fn endpoint_slice(w: &mut Text, slice: &Value, related: &Related, _: Now) {
    w.names(slice);
    w.labels_and_annotations(slice);
    put!(w, 0, "AddressType:\t{}\n", text(slice, "addressType"));
    match items(slice, "ports") {
        [] => put!(w, 0, "Ports: <unset>\n"),
        ports => {
            put!(w, 0, "Ports:\n");
            put!(w, 1, "Name\tPort\tProtocol\n");
            put!(w, 1, "----\t----\t--------\n");
            for port in ports {
                let name = text_or(port, "name", "<unset>");
                let number = scalar_or(port, "port", "<unset>");
                put!(w, 1, "{name}\t{number}\t{}\n", text(port, "protocol"));
            }
        }
    }
    let all = items(slice, "endpoints");
    match all.is_empty() {
        true => put!(w, 0, "Endpoints: <none>\n"),
        false => put!(w, 0, "Endpoints:\n"),
    }
    for endpoint in all {
        let addresses = joined(items(endpoint, "addresses"), ", ");
        put!(w, 1, "- Addresses:\t{}\n", or_none(&addresses));
        put!(w, 2, "Conditions:\n");
        put!(
            w,
            3,
            "Ready:\t{}\n",
            scalar_or(endpoint, "conditions.ready", "<unset>")
        );
        put!(
            w,
            2,
            "Hostname:\t{}\n",
            scalar_or(endpoint, "hostname", "<unset>")
        );
        let target = at(endpoint, "targetRef");
        if !target.is_null() {
            put!(
                w,
                2,
                "TargetRef:\t{}/{}\n",
                text(target, "kind"),
                text(target, "name")
            );
        }
        put!(
            w,
            2,
            "NodeName:\t{}\n",
            scalar_or(endpoint, "nodeName", "<unset>")
        );
        put!(w, 2, "Zone:\t{}\n", scalar_or(endpoint, "zone", "<unset>"));
    }
    events(w, related.events.as_ref());
}

pub(super) fn ingress(w: &mut Text, ingress: &Value, related: &Related, _: Now) {
    let spec = at(ingress, "spec");
    put!(w, 0, "Name:\t{}\n", text(ingress, "metadata.name"));
    w.labels("", "Labels", at(ingress, "metadata.labels"));
    put!(
        w,
        0,
        "Namespace:\t{}\n",
        text(ingress, "metadata.namespace")
    );
    put!(w, 0, "Address:\t{}\n", load_balancer(ingress));
    put!(
        w,
        0,
        "Ingress Class:\t{}\n",
        scalar_or(spec, "ingressClassName", "<none>")
    );
    let default = match is_set(spec, "defaultBackend") {
        true => backend(at(spec, "defaultBackend"), related),
        false => "<default>".to_owned(),
    };
    put!(w, 0, "Default backend:\t{default}\n");
    let tls = items(spec, "tls");
    if !tls.is_empty() {
        put!(w, 0, "TLS:\n");
        for one in tls {
            let hosts = joined(items(one, "hosts"), ",");
            match some_text(one, "secretName") {
                None => put!(w, 1, "SNI routes {hosts}\n"),
                Some(secret) => put!(w, 1, "{secret} terminates {hosts}\n"),
            }
        }
    }
    put!(w, 0, "Rules:\n  Host\tPath\tBackends\n");
    put!(w, 1, "----\t----\t--------\n");
    let mut has_rules = false;
    for rule in items(spec, "rules") {
        if !is_set(rule, "http") {
            continue;
        }
        has_rules = true;
        put!(w, 1, "{}\t\n", text_or(rule, "host", "*"));
        for path in items(rule, "http.paths") {
            let backend = backend(at(path, "backend"), related);
            put!(w, 2, "\t{} \t{backend}\n", text(path, "path"));
        }
    }
    if !has_rules {
        put!(w, 1, "*\t*\t{default}\n");
    }
    w.annotations("Annotations", at(ingress, "metadata.annotations"));
    events(w, related.events.as_ref());
}

/// The names of the Services to which an Ingress leads.
pub fn backend_services(ingress: &Value) -> BTreeSet<&str> {
    let spec = at(ingress, "spec");
    let rules = items(spec, "rules").iter();
    let paths = rules.flat_map(|rule| items(rule, "http.paths"));
    let backends = paths.map(|path| at(path, "backend"));
    let backends = backends.chain([at(spec, "defaultBackend")]);
    backends
        .filter_map(|backend| some_text(backend, "service.name"))
        .collect()
}

fn backend(backend: &Value, related: &Related) -> String {
    let of_service = at(backend, "service");
    if !of_service.is_null() {
        let (name, port) = (text(of_service, "name"), at(of_service, "port"));
        let number = integer(port, "number");
        let port_text = match number {
            0 => text(port, "name").to_owned(),
            number => number.to_string(),
        };
        let found = related
            .services
            .iter()
            .find(|one| text(one, "metadata.name") == name);
        let Some(service) = found else {
            return format!("{name}:{port_text} (<error: services \"{name}\" not found>)");
        };
        let mut port_name = "";
        for one in items(service, "spec.ports") {
            let is_it = match number {
                0 => some_text(port, "name").is_some_and(|name| name == text(one, "name")),
                number => number == integer(one, "port"),
            };
            if is_it {
                port_name = text(one, "name");
            }
        }
        let slices = related.endpoint_slices.iter().map(AsRef::as_ref);
        let slices = slices.filter(|slice| service_of(slice) == Some(name));
        return format!("{name}:{port_text} ({})", addresses(slices, port_name));
    }
    let resource = at(backend, "resource");
    if resource.is_null() {
        return String::new();
    }
    format!(
        "APIGroup: {}, Kind: {}, Name: {}",
        scalar_or(resource, "apiGroup", "<none>"),
        text(resource, "kind"),
        text(resource, "name")
    )
}

/// The Service to which an EndpointSlice belongs.
pub fn service_of(slice: &Value) -> Option<&str> {
    at(slice, "metadata.labels").get(SERVICE_NAME)?.as_str()
}

pub(super) fn ingress_class(w: &mut Text, class: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(class, "metadata.name"));
    w.labels_and_annotations(class);
    put!(w, 0, "Controller:\t{}\n", text(class, "spec.controller"));
    let parameters = at(class, "spec.parameters");
    if !parameters.is_null() {
        put!(w, 0, "Parameters:\n");
        if is_set(parameters, "apiGroup") {
            put!(w, 1, "APIGroup:\t{}\n", text(parameters, "apiGroup"));
        }
        put!(w, 1, "Kind:\t{}\n", text(parameters, "kind"));
        put!(w, 1, "Name:\t{}\n", text(parameters, "name"));
    }
    events(w, related.events.as_ref());
}

pub(super) fn service_cidr(w: &mut Text, object: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(object, "metadata.name"));
    w.labels_and_annotations(object);
    put!(
        w,
        0,
        "CIDRs:\t{}\n",
        joined(items(object, "spec.cidrs"), ", ")
    );
    w.conditions_with_times(object, "Status:\nConditions:\n");
    events(w, related.events.as_ref());
}

pub(super) fn ip_address(w: &mut Text, object: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(object, "metadata.name"));
    w.labels_and_annotations(object);
    let parent = at(object, "spec.parentRef");
    if !parent.is_null() {
        put!(w, 0, "Parent Reference:\n");
        for (title, path) in [
            ("Group", "group"),
            ("Resource", "resource"),
            ("Namespace", "namespace"),
            ("Name", "name"),
        ] {
            put!(w, 1, "{title}:\t{}\n", text(parent, path));
        }
    }
    events(w, related.events.as_ref());
}

pub(super) fn network_policy(w: &mut Text, policy: &Value, _: &Related, _: Now) {
    let spec = at(policy, "spec");
    w.names(policy);
    let created = go_time(text(policy, "metadata.creationTimestamp"));
    put!(w, 0, "Created on:\t{created}\n");
    w.labels_and_annotations(policy);
    put!(w, 0, "Spec:\n");
    let pods = selector(at(spec, "podSelector"));
    let pods = match pods.as_str() {
        "<none>" => "<none> (Allowing the specific traffic to all pods in this namespace)",
        pods => pods,
    };
    put!(w, 1, "PodSelector:     {pods}\n");
    let types = items(spec, "policyTypes");
    for (kind, word, rules, peers, title, side) in [
        ("Ingress", "ingress", "ingress", "from", "From", "source"),
        ("Egress", "egress", "egress", "to", "To", "destination"),
    ] {
        if !types.iter().any(|one| one.as_str() == Some(kind)) {
            put!(w, 1, "Not affecting {word} traffic\n");
            continue;
        }
        put!(w, 1, "Allowing {word} traffic:\n");
        let rules = items(spec, rules);
        if rules.is_empty() {
            put!(
                w,
                2,
                "<none> (Selected pods are isolated for {word} connectivity)\n"
            );
        }
        for (number, rule) in rules.iter().enumerate() {
            if number > 0 {
                put!(w, 2, "----------\n");
            }
            policy_rule(w, rule, items(rule, peers), title, side);
        }
    }
    put!(w, 1, "Policy Types: {}\n", or_none(&joined(types, ", ")));
}

fn policy_rule(w: &mut Text, rule: &Value, peers: &[Value], title: &str, side: &str) {
    let ports = items(rule, "ports");
    if ports.is_empty() {
        put!(w, 2, "To Port: <any> (traffic allowed to all ports)\n");
    }
    for port in ports {
        let protocol = scalar_or(port, "protocol", "TCP");
        let first = scalar_or(port, "port", "<nil>");
        match is_set(port, "endPort") {
            false => put!(w, 2, "To Port: {first}/{protocol}\n"),
            true => {
                let last = integer(port, "endPort");
                put!(w, 2, "To Port Range: {first}-{last}/{protocol}\n");
            }
        }
    }
    if peers.is_empty() {
        put!(w, 2, "{title}: <any> (traffic not restricted by {side})\n");
    }
    for peer in peers {
        put!(w, 2, "{title}:\n");
        for (label, path) in [
            ("NamespaceSelector", "namespaceSelector"),
            ("PodSelector", "podSelector"),
        ] {
            if is_set(peer, path) {
                put!(w, 3, "{label}: {}\n", selector(at(peer, path)));
            }
        }
        let block = at(peer, "ipBlock");
        let is_block = !is_set(peer, "podSelector") && !is_set(peer, "namespaceSelector");
        if is_block && !block.is_null() {
            put!(w, 3, "IPBlock:\n");
            put!(w, 4, "CIDR: {}\n", text(block, "cidr"));
            put!(w, 4, "Except: {}\n", joined(items(block, "except"), ", "));
        }
    }
}
