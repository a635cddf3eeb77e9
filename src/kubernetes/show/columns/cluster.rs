//! Nodes, namespaces, and small kinds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shared::{
    NONE, UNKNOWN, UNSET, condition, condition_is_true, count, first_three, joined, scalar_or,
};
use super::{KubeRelease, RowMaker, name};
use crate::kubernetes::fields::{
    at, is_set, is_true, items, members, scalar, some_text, text, text_or,
};
use crate::kubernetes::time::{parse_rfc3339, rfc3339};

pub(super) const CONFIG_MAP: RowMaker = |object, now| {
    let entries = count(object, "data").saturating_add(count(object, "binaryData"));
    vec![name(object), entries.to_string(), now.age(object)]
};

pub(super) const SECRET: RowMaker = |object, now| {
    vec![
        name(object),
        text_or(object, "type", "Opaque").to_owned(),
        count(object, "data").to_string(),
        now.age(object),
    ]
};

pub(super) const NAMESPACE: RowMaker = |object, now| {
    let phase = text_or(object, "status.phase", "Active");
    vec![name(object), phase.to_owned(), now.age(object)]
};

pub(super) const NODE: RowMaker = |object, now| {
    let info = at(object, "status.nodeInfo");
    let mut kernel = text_or(info, "kernelVersion", UNKNOWN).to_owned();
    let has_architecture = now.release >= KubeRelease::V1_36;
    if let Some(architecture) = some_text(info, "architecture").filter(|_| has_architecture) {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        name(object),
        node_status(object),
        roles(object),
        now.age(object),
        text(info, "kubeletVersion").to_owned(),
        address(object, "InternalIP").to_owned(),
        address(object, "ExternalIP").to_owned(),
        text_or(info, "osImage", UNKNOWN).to_owned(),
        kernel,
        text_or(info, "containerRuntimeVersion", UNKNOWN).to_owned(),
    ]
};

fn node_status(node: &Value) -> String {
    // Of two conditions of one type the last counts.
    let ready = items(node, "status.conditions")
        .iter()
        .rfind(|condition| text(condition, "type") == "Ready");
    let ready = match ready.map(|ready| text(ready, "status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if is_true(node, "spec.unschedulable") {
        return format!("{ready},SchedulingDisabled");
    }
    ready.to_owned()
}

pub(in crate::kubernetes::show) fn roles(node: &Value) -> String {
    let labels = members(node, "metadata.labels").into_iter().flatten();
    let roles: BTreeSet<_> = labels
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if key == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    match joined(roles.into_iter(), ",") {
        none if none.is_empty() => NONE.into(),
        roles => roles,
    }
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    let mut addresses = items(node, "status.addresses").iter();
    addresses
        .find(|address| text(address, "type") == kind)
        .map_or(NONE, |address| text(address, "address"))
}

pub(super) const COMPONENT_STATUS: RowMaker = |object, _| {
    let mut conditions = items(object, "conditions").iter();
    let healthy = conditions.find(|condition| text(condition, "type") == "Healthy");
    let status = match healthy.map(|healthy| text(healthy, "status")) {
        Some("True") => "Healthy",
        Some(_) => "Unhealthy",
        None => "Unknown",
    };
    let part = |field| {
        healthy
            .map_or("", |healthy| text(healthy, field))
            .to_owned()
    };
    vec![
        name(object),
        status.to_owned(),
        part("message"),
        part("error"),
    ]
};

pub(super) const LEASE: RowMaker = |object, now| {
    let holder = text(object, "spec.holderIdentity");
    vec![name(object), holder.to_owned(), now.age(object)]
};

pub(super) const LEASE_CANDIDATE: RowMaker = |object, now| {
    let part = |field| text(at(object, "spec"), field).to_owned();
    vec![
        name(object),
        part("leaseName"),
        part("binaryVersion"),
        part("emulationVersion"),
        now.age(object),
    ]
};

pub(super) const RUNTIME_CLASS: RowMaker = |object, now| {
    // Within the spec before v1beta1.
    let handler = text_or(object, "handler", text(object, "spec.runtimeHandler"));
    vec![name(object), handler.to_owned(), now.age(object)]
};

pub(super) const API_SERVICE: RowMaker = |object, now| {
    let service = at(object, "spec.service");
    let service = if service.is_null() {
        "Local".into()
    } else {
        format!("{}/{}", text(service, "namespace"), text(service, "name"))
    };
    let available = match condition(object, "Available") {
        None => "Unknown".into(),
        Some(available) => match (text(available, "status"), text(available, "reason")) {
            (status @ "True", _) | (status, "") => status.to_owned(),
            (status, reason) => format!("{status} ({reason})"),
        },
    };
    vec![name(object), service, available, now.age(object)]
};

pub(super) const STORAGE_VERSION: RowMaker = |object, now| {
    let versions = items(object, "status.storageVersions")
        .iter()
        .map(|version| {
            let server = text(version, "apiServerID");
            format!("{server}={}", text(version, "encodingVersion"))
        });
    vec![
        name(object),
        scalar_or(object, "status.commonEncodingVersion", UNSET),
        first_three(&versions.collect::<Vec<_>>(), UNSET),
        now.age(object),
    ]
};

pub(super) const STORAGE_MIGRATION_1_34: RowMaker = |object, _| {
    let part = |field| text(at(object, "spec.resource"), field);
    let resource = [part("resource"), part("version"), part("group")].join(".");
    vec![name(object), resource]
};

pub(super) const DEFINITION: RowMaker = |object, _| {
    let spec = at(object, "spec");
    let versions = items(spec, "versions").iter();
    let mut versions: Vec<String> = versions
        .filter(|version| is_true(version, "served"))
        .map(|version| {
            let mark = match is_true(version, "storage") {
                true => "(storage)",
                false => "",
            };
            format!("{}{mark}", text(version, "name"))
        })
        .collect();
    // One of v1beta1 may have a single version.
    if versions.is_empty() && items(spec, "versions").is_empty() && is_set(spec, "version") {
        versions.push(format!("{}(storage)", text(spec, "version")));
    }
    versions.sort();
    let short = items(spec, "names.shortNames")
        .iter()
        .filter_map(Value::as_str);
    let created = parse_rfc3339(text(object, "metadata.creationTimestamp"));
    vec![
        name(object),
        text(spec, "scope").to_owned(),
        versions.join(","),
        created.map_or_else(|| "0001-01-01T00:00:00Z".into(), rfc3339),
        text(spec, "group").to_owned(),
        text(spec, "names.kind").to_owned(),
        joined(short, ","),
        condition_is_true(object, "Established").to_string(),
    ]
};

pub(super) const STORAGE_MIGRATION: RowMaker = |object, _| {
    let resource = at(object, "spec.resource");
    let mut shown = text(resource, "resource").to_owned();
    if let Some(group) = some_text(resource, "group") {
        shown = format!("{shown}.{group}");
    }
    let conditions = items(object, "status.conditions").iter();
    let status = conditions
        .filter(|condition| text(condition, "status") == "True")
        .map(|condition| scalar(at(condition, "type")))
        .rfind(|kind| ["Running", "Failed", "Succeeded"].contains(&kind.as_str()));
    vec![
        name(object),
        shown,
        status.unwrap_or_else(|| "Unknown".into()),
    ]
};
