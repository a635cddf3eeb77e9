//! Namespaces and what limits them, settings, accounts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::events::events;
use super::storage::sizes;
use super::text::{Text, pairs, put};
use super::{Now, Related};
use crate::kubernetes::fields::{at, integer, is_true, items, scalar, text};
use crate::kubernetes::show::columns::shared::{amount, labels};
use crate::kubernetes::show::quantity::Quantity;

pub(super) fn namespace(w: &mut Text, namespace: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(namespace, "metadata.name"));
    w.labels_and_annotations(namespace);
    put!(w, 0, "Status:\t{}\n", text(namespace, "status.phase"));
    w.conditions_with_times(namespace, "Conditions:\n");
    put!(w, 0, "\n");
    quotas(w, &related.quotas);
    put!(w, 0, "\n");
    if related.limit_ranges.is_empty() {
        put!(w, 0, "No LimitRange resource.\n");
        return;
    }
    put!(
        w,
        0,
        "Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n"
    );
    put!(
        w,
        0,
        " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n"
    );
    for range in &related.limit_ranges {
        limits(w, range, " ");
    }
}

fn quotas(w: &mut Text, quotas: &[Value]) {
    if quotas.is_empty() {
        put!(w, 0, "No resource quota.\n");
        return;
    }
    let mut quotas: Vec<&Value> = quotas.iter().collect();
    quotas.sort_by_key(|quota| text(quota, "metadata.name"));
    put!(w, 0, "Resource Quotas\n");
    for quota in quotas {
        put!(w, 1, "Name:\t{}\n", text(quota, "metadata.name"));
        scopes(w, quota, 1, "*");
        put!(w, 1, "Resource\tUsed\tHard\n");
        put!(w, 1, "--------\t---\t---\n");
        for (name, hard) in pairs(at(quota, "status.hard")) {
            let used = at(quota, "status.used").get(name);
            let used = amount(used.unwrap_or(&Value::Null));
            put!(w, 1, "{name}\t{used}\t{}\n", amount(hard));
        }
    }
}

fn scopes(w: &mut Text, quota: &Value, level: usize, bullet: &str) {
    let scopes = items(quota, "spec.scopes").iter();
    let mut scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
    if scopes.is_empty() {
        return;
    }
    scopes.sort_unstable();
    put!(w, level, "Scopes:\t{}\n", scopes.join(", "));
    for scope in scopes {
        let help = match scope {
            "Terminating" => {
                "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system."
            }
            "NotTerminating" => {
                "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate."
            }
            "BestEffort" => {
                "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service."
            }
            "NotBestEffort" => {
                "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service."
            }
            _ => continue,
        };
        put!(w, level, "{bullet} {help}\n");
    }
}

pub(super) fn quota(w: &mut Text, quota: &Value, _: &Related, _: Now) {
    w.names(quota);
    scopes(w, quota, 0, " *");
    put!(w, 0, "Resource\tUsed\tHard\n");
    put!(w, 0, "--------\t----\t----\n");
    for (name, hard) in pairs(at(quota, "status.hard")) {
        let used = at(quota, "status.used").get(name).map(scalar);
        let used: Option<Quantity> = used.and_then(|used| used.parse().ok());
        let used = match (used, scalar(hard).parse::<Quantity>()) {
            (Some(used), Ok(hard)) => used.as_written_like(hard).to_string(),
            (Some(used), Err(_)) => used.to_string(),
            (None, _) => "0".into(),
        };
        put!(w, 0, "{name}\t{used}\t{}\n", amount(hard));
    }
}

pub(super) fn limit_range(w: &mut Text, range: &Value, _: &Related, _: Now) {
    w.names(range);
    put!(
        w,
        0,
        "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n"
    );
    put!(
        w,
        0,
        "----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n"
    );
    limits(w, range, "");
}

/// A line for each resource, by name; kubectl's have no order.
fn limits(w: &mut Text, range: &Value, prefix: &str) {
    for limit in items(range, "spec.limits") {
        let lists = [
            "min",
            "max",
            "defaultRequest",
            "default",
            "maxLimitRequestRatio",
        ]
        .map(|name| at(limit, name));
        let names: BTreeSet<&str> = lists
            .iter()
            .flat_map(|list| pairs(list).map(|(name, _)| name))
            .collect();
        for name in names {
            let cells = lists.map(|list| list.get(name).map_or_else(|| "-".into(), amount));
            let kind = text(limit, "type");
            put!(w, 0, "{prefix}{kind}\t{name}\t{}\n", cells.join("\t"));
        }
    }
}

pub(super) fn config_map(w: &mut Text, map: &Value, related: &Related, _: Now) {
    w.names(map);
    w.labels_and_annotations(map);
    put!(w, 0, "\nData\n====\n");
    for (name, value) in pairs(at(map, "data")) {
        put!(w, 0, "{name}:\n----\n");
        put!(w, 0, "{}\n", scalar(value));
        put!(w, 0, "\n");
    }
    put!(w, 0, "\nBinaryData\n====\n");
    for (name, size) in sizes(at(map, "binaryData")) {
        let size = related.secret_sizes.get(name).copied().unwrap_or(size);
        put!(w, 0, "{name}: {size} bytes\n");
    }
    put!(w, 0, "\n");
    events(w, related.events.as_ref());
}

pub(super) fn secret(w: &mut Text, secret: &Value, related: &Related, _: Now) {
    w.names(secret);
    w.labels_and_annotations(secret);
    let kind = text(secret, "type");
    put!(w, 0, "\nType:\t{kind}\n");
    put!(w, 0, "\nData\n====\n");
    for (name, value) in pairs(at(secret, "data")) {
        // kubectl shows the token itself; here it is hidden as any other secret unless that is asked for.
        if name == "token" && kind == "kubernetes.io/service-account-token" {
            put!(w, 0, "{name}:\t{}\n", decoded(&scalar(value)));
            continue;
        }
        let size = related.secret_sizes.get(name).copied().unwrap_or_default();
        put!(w, 0, "{name}:\t{size} bytes\n");
    }
}

/// The text that is kept in base64, or what stands there instead.
fn decoded(value: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value);
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| value.to_owned())
}

pub(super) fn service_account(w: &mut Text, account: &Value, related: &Related, _: Now) {
    w.names(account);
    w.labels_and_annotations(account);
    let mut title = "Image pull secrets:";
    let secrets = items(account, "imagePullSecrets");
    if secrets.is_empty() {
        put!(w, 0, "{title}\t<none>\n");
    }
    for secret in secrets {
        put!(w, 0, "{title}\t{}\n", text(secret, "name"));
        title = "                   ";
    }
    events(w, related.events.as_ref());
}

pub(super) fn priority_class(w: &mut Text, class: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(class, "metadata.name"));
    put!(w, 0, "Value:\t{}\n", integer(class, "value"));
    put!(
        w,
        0,
        "GlobalDefault:\t{}\n",
        is_true(class, "globalDefault")
    );
    put!(
        w,
        0,
        "PreemptionPolicy:\t{}\n",
        text(class, "preemptionPolicy")
    );
    put!(w, 0, "Description:\t{}\n", text(class, "description"));
    put!(
        w,
        0,
        "Annotations:\t{}\n",
        labels(at(class, "metadata.annotations"))
    );
    events(w, related.events.as_ref());
}
