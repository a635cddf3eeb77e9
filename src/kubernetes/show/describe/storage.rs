//! Volumes and claims on them.

use serde_json::Value;

use super::claims::{claim_spec, phase};
use super::events::events;
use super::text::{Text, bracketed, capital, long_time, pairs, put};
use super::volumes::volume_source;
use super::{Now, Related};
use crate::kubernetes::fields::{
    annotation, at, integer, is_set, is_true, items, scalar, some_text, text,
};
use crate::kubernetes::show::columns::shared::{amount, labels};
use crate::kubernetes::show::columns::storage::{access_modes, storage_class};

pub(super) fn volume(w: &mut Text, volume: &Value, related: &Related, now: Now) {
    let spec = at(volume, "spec");
    put!(w, 0, "Name:\t{}\n", text(volume, "metadata.name"));
    w.labels_and_annotations(volume);
    put!(
        w,
        0,
        "Finalizers:\t{}\n",
        bracketed(items(volume, "metadata.finalizers"))
    );
    put!(w, 0, "StorageClass:\t{}\n", storage_class(volume));
    put!(w, 0, "Status:\t{}\n", phase(volume, now));
    let claim = at(spec, "claimRef");
    let claim = match claim.is_null() {
        true => String::new(),
        false => format!("{}/{}", text(claim, "namespace"), text(claim, "name")),
    };
    put!(w, 0, "Claim:\t{claim}\n");
    put!(
        w,
        0,
        "Reclaim Policy:\t{}\n",
        text(spec, "persistentVolumeReclaimPolicy")
    );
    put!(
        w,
        0,
        "Access Modes:\t{}\n",
        access_modes(items(spec, "accessModes"))
    );
    if let Some(mode) = some_text(spec, "volumeMode") {
        put!(w, 0, "VolumeMode:\t{mode}\n");
    }
    put!(
        w,
        0,
        "Capacity:\t{}\n",
        amount(at(spec, "capacity.storage"))
    );
    node_affinity(w, at(spec, "nodeAffinity.required"));
    put!(w, 0, "Message:\t{}\n", text(volume, "status.message"));
    put!(w, 0, "Source:\n");
    volume_source(w, spec);
    events(w, related.events.as_ref());
}

fn node_affinity(w: &mut Text, required: &Value) {
    put!(w, 0, "Node Affinity:\t");
    if required.is_null() {
        put!(w, 0, "<none>\n");
        return;
    }
    put!(w, 0, "\n");
    put!(w, 1, "Required Terms:\t");
    let terms = items(required, "nodeSelectorTerms");
    if terms.is_empty() {
        put!(w, 0, "<none>\n");
        return;
    }
    put!(w, 0, "\n");
    for (number, term) in terms.iter().enumerate() {
        put!(w, 2, "Term {number}:\t");
        let expressions = items(term, "matchExpressions").iter();
        let lines = expressions.map(|one| {
            let operator = text(one, "operator").to_lowercase();
            expression(text(one, "key"), &operator, items(one, "values"))
        });
        expressions_beneath(w, 2, lines);
    }
}

fn expression(key: &str, operator: &str, values: &[Value]) -> String {
    match values.is_empty() {
        true => format!("{key} {operator}"),
        false => format!("{key} {operator} [{}]", super::text::joined(values, ", ")),
    }
}

fn expressions_beneath(w: &mut Text, level: usize, lines: impl Iterator<Item = String>) {
    let mut is_first = true;
    for line in lines {
        if !std::mem::take(&mut is_first) {
            put!(w, level, "\t");
        }
        put!(w, 0, "{line}\n");
    }
    if is_first {
        put!(w, 0, "<none>\n");
    }
}

pub(super) fn claim(w: &mut Text, claim: &Value, related: &Related, now: Now) {
    claim_spec(w, claim, Some(now));
    put!(w, 0, "Used By:\t");
    w.lines("", &related.users);
    let conditions = items(claim, "status.conditions");
    if !conditions.is_empty() {
        put!(w, 0, "Conditions:\n");
        put!(
            w,
            1,
            "Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage\n"
        );
        put!(
            w,
            1,
            "----\t------\t-----------------\t------------------\t------\t-------\n"
        );
        for one in conditions {
            let [kind, status, reason, message] =
                ["type", "status", "reason", "message"].map(|name| text(one, name));
            let [probe, change] =
                ["lastProbeTime", "lastTransitionTime"].map(|name| long_time(text(one, name)));
            put!(
                w,
                1,
                "{kind} \t{status} \t{probe} \t{change} \t{reason} \t{message}\n"
            );
        }
    }
    events(w, related.events.as_ref());
}

pub(super) fn class(w: &mut Text, class: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(class, "metadata.name"));
    let is_default = [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ]
    .iter()
    .any(|name| annotation(class, name) == Some("true"));
    put!(
        w,
        0,
        "IsDefaultClass:\t{}\n",
        if is_default { "Yes" } else { "No" }
    );
    put!(
        w,
        0,
        "Annotations:\t{}\n",
        labels(at(class, "metadata.annotations"))
    );
    put!(w, 0, "Provisioner:\t{}\n", text(class, "provisioner"));
    put!(w, 0, "Parameters:\t{}\n", labels(at(class, "parameters")));
    let expands = match is_set(class, "allowVolumeExpansion") {
        true => capital(is_true(class, "allowVolumeExpansion")),
        false => "<unset>",
    };
    put!(w, 0, "AllowVolumeExpansion:\t{expands}\n");
    match items(class, "mountOptions") {
        [] => put!(w, 0, "MountOptions:\t<none>\n"),
        options => {
            put!(w, 0, "MountOptions:\n");
            options
                .iter()
                .for_each(|one| put!(w, 1, "{}\n", scalar(one)));
        }
    }
    for (title, path) in [
        ("ReclaimPolicy", "reclaimPolicy"),
        ("VolumeBindingMode", "volumeBindingMode"),
    ] {
        if is_set(class, path) {
            put!(w, 0, "{title}:\t{}\n", text(class, path));
        }
    }
    let topologies = items(class, "allowedTopologies");
    if !topologies.is_empty() {
        put!(w, 0, "AllowedTopologies:\t\n");
        for (number, term) in topologies.iter().enumerate() {
            put!(w, 1, "Term {number}:\t");
            let expressions = items(term, "matchLabelExpressions").iter();
            let lines =
                expressions.map(|one| expression(text(one, "key"), "in", items(one, "values")));
            expressions_beneath(w, 1, lines);
        }
    }
    events(w, related.events.as_ref());
}

pub(super) fn attributes_class(w: &mut Text, class: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(class, "metadata.name"));
    put!(
        w,
        0,
        "Annotations:\t{}\n",
        labels(at(class, "metadata.annotations"))
    );
    put!(w, 0, "DriverName:\t{}\n", text(class, "driverName"));
    put!(w, 0, "Parameters:\t{}\n", labels(at(class, "parameters")));
    events(w, related.events.as_ref());
}

pub(super) fn csi_node(w: &mut Text, node: &Value, related: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(node, "metadata.name"));
    w.labels_and_annotations(node);
    let created = long_time(text(node, "metadata.creationTimestamp"));
    put!(w, 0, "CreationTimestamp:\t{created}\n");
    put!(w, 0, "Spec:\n");
    if is_set(node, "spec.drivers") {
        put!(w, 1, "Drivers:\n");
        for driver in items(node, "spec.drivers") {
            put!(w, 2, "{}:\n", text(driver, "name"));
            put!(w, 3, "Node ID:\t{}\n", text(driver, "nodeID"));
            if is_set(driver, "allocatable.count") {
                put!(w, 3, "Allocatables:\n");
                put!(w, 4, "Count:\t{}\n", integer(driver, "allocatable.count"));
            }
            if is_set(driver, "topologyKeys") {
                put!(
                    w,
                    3,
                    "Topology Keys:\t{}\n",
                    bracketed(items(driver, "topologyKeys"))
                );
            }
        }
    }
    events(w, related.events.as_ref());
}

/// The sizes of a map of texts in base64, by name.
pub(super) fn sizes(map: &Value) -> impl Iterator<Item = (&str, usize)> {
    pairs(map).map(|(name, value)| (name, decoded_len(value.as_str().unwrap_or_default())))
}

/// How many bytes a text in base64 stands for.
pub(super) fn decoded_len(text: &str) -> usize {
    let digits = text.trim_end_matches('=').len();
    (digits / 4)
        .saturating_mul(3)
        .saturating_add((digits % 4).saturating_mul(3) / 4)
}
