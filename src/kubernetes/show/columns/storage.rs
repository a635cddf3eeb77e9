//! Volumes, and devices of nodes.

use serde_json::Value;

use super::shared::{NONE, UNSET, count, joined, quantity, scalar_or};
use super::{KubeRelease, RowMaker, name};
use crate::kubernetes::fields::{
    annotation, at, integer, is_set, is_true, items, some_text, text, text_or,
};

pub(super) const VOLUME: RowMaker = |object, now| {
    let claim = at(object, "spec.claimRef");
    let claim = if claim.is_null() {
        String::new()
    } else {
        format!("{}/{}", text(claim, "namespace"), text(claim, "name"))
    };
    vec![
        name(object),
        quantity(object, "spec.capacity.storage"),
        access_modes(items(object, "spec.accessModes")),
        text_or(object, "spec.persistentVolumeReclaimPolicy", "Retain").to_owned(),
        phase(object).to_owned(),
        claim,
        storage_class(object).to_owned(),
        scalar_or(object, "spec.volumeAttributesClassName", UNSET),
        text(object, "status.reason").to_owned(),
        now.age(object),
        scalar_or(object, "spec.volumeMode", "Filesystem"),
    ]
};

pub(super) const CLAIM: RowMaker = |object, now| {
    let volume = text(object, "spec.volumeName");
    let (capacity, modes) = if volume.is_empty() {
        (String::new(), String::new())
    } else {
        (
            quantity(object, "status.capacity.storage"),
            access_modes(items(object, "status.accessModes")),
        )
    };
    vec![
        name(object),
        phase(object).to_owned(),
        volume.to_owned(),
        capacity,
        modes,
        storage_class(object).to_owned(),
        scalar_or(object, "spec.volumeAttributesClassName", UNSET),
        now.age(object),
        scalar_or(object, "spec.volumeMode", "Filesystem"),
    ]
};

fn phase(object: &Value) -> &str {
    if is_set(object, "metadata.deletionTimestamp") {
        return "Terminating";
    }
    text_or(object, "status.phase", "Pending")
}

/// The annotation is older than the field, and goes before it.
pub(in crate::kubernetes::show) fn storage_class(object: &Value) -> &str {
    annotation(object, "volume.beta.kubernetes.io/storage-class")
        .unwrap_or_else(|| text(object, "spec.storageClassName"))
}

pub(in crate::kubernetes::show) fn access_modes(modes: &[Value]) -> String {
    let short = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let there = short
        .into_iter()
        .filter(|(mode, _)| modes.iter().any(|one| one.as_str() == Some(*mode)));
    joined(there.map(|(_, short)| short), ",")
}

/// What stands behind the name of a default class.
pub const DEFAULT_MARK: &str = " (default)";

pub(super) fn is_default_class(object: &Value) -> bool {
    [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ]
    .iter()
    .any(|name| annotation(object, name) == Some("true"))
}

pub(super) const STORAGE_CLASS: RowMaker = |object, now| {
    let is_default = is_default_class(object);
    // Later servers mark one class in lists.
    let is_marked = is_default && now.release < KubeRelease::V1_37;
    let mark = if is_marked { DEFAULT_MARK } else { "" };
    vec![
        format!("{}{mark}", name(object)),
        text(object, "provisioner").to_owned(),
        scalar_or(object, "reclaimPolicy", "Delete"),
        scalar_or(object, "volumeBindingMode", "Immediate"),
        is_true(object, "allowVolumeExpansion").to_string(),
        now.age(object),
    ]
};

pub(super) const ATTRIBUTES_CLASS: RowMaker = |object, now| {
    let driver = text(object, "driverName");
    vec![name(object), driver.to_owned(), now.age(object)]
};

pub(super) const ATTACHMENT: RowMaker = |object, now| {
    vec![
        name(object),
        text(object, "spec.attacher").to_owned(),
        text(object, "spec.source.persistentVolumeName").to_owned(),
        text(object, "spec.nodeName").to_owned(),
        is_true(object, "status.attached").to_string(),
        now.age(object),
    ]
};

pub(super) const CSI_NODE: RowMaker = |object, now| {
    let drivers = count(object, "spec.drivers");
    vec![name(object), drivers.to_string(), now.age(object)]
};

pub(super) const CSI_DRIVER: RowMaker = |object, now| {
    let flag = |field| is_true(at(object, "spec"), field).to_string();
    let attach = at(object, "spec.attachRequired").as_bool();
    let requests = items(object, "spec.tokenRequests").iter();
    let requests = if is_set(object, "spec.tokenRequests") {
        joined(requests.map(|request| text(request, "audience")), ",")
    } else {
        UNSET.into()
    };
    let modes = items(object, "spec.volumeLifecycleModes").iter();
    let modes = joined(modes.filter_map(Value::as_str), ",");
    vec![
        name(object),
        attach.unwrap_or(true).to_string(),
        flag("podInfoOnMount"),
        flag("storageCapacity"),
        requests,
        flag("requiresRepublish"),
        if modes.is_empty() { NONE.into() } else { modes },
        now.age(object),
    ]
};

pub(super) const RESOURCE_CLAIM: RowMaker = |object, now| {
    let deleted = is_set(object, "metadata.deletionTimestamp");
    let allocated = is_set(object, "status.allocation");
    let reserved = allocated && !items(object, "status.reservedFor").is_empty();
    let states = [
        (deleted, "deleted"),
        (!allocated && !deleted, "pending"),
        (allocated, "allocated"),
        (reserved, "reserved"),
    ];
    let states = states.into_iter().filter(|(holds, _)| *holds);
    vec![
        name(object),
        joined(states.map(|(_, state)| state), ","),
        now.age(object),
    ]
};

pub(super) const RESOURCE_SLICE: RowMaker = |object, now| {
    vec![
        name(object),
        some_text(object, "spec.nodeName")
            .unwrap_or_default()
            .to_owned(),
        text(object, "spec.driver").to_owned(),
        text(object, "spec.pool.name").to_owned(),
        now.age(object),
    ]
};

pub(super) const DEVICE_TAINT: RowMaker = |object, now| {
    let taint = at(object, "spec.taint");
    let added = some_text(taint, "timeAdded");
    vec![
        name(object),
        text(taint, "key").to_owned(),
        text(taint, "value").to_owned(),
        text(taint, "effect").to_owned(),
        added.map_or_else(String::new, |added| now.since(added)),
        now.age(object),
    ]
};

pub(super) const POOL_STATUS: RowMaker = |object, now| {
    let status = at(object, "status");
    let ended = items(status, "conditions").iter().find(|condition| {
        ["Complete", "Failed"].contains(&text(condition, "type"))
            && text(condition, "status") == "True"
    });
    let state = ended.map_or("Pending", |ended| text(ended, "type"));
    let pools = items(status, "pools");
    let wanted = integer(status, "poolCount");
    let is_known = status.is_object() && state != "Failed";
    let told = |sum: i64| {
        if is_known {
            sum.to_string()
        } else {
            "-".into()
        }
    };
    let devices = |field| {
        let numbers = pools.iter().map(|pool| integer(pool, field));
        told(numbers.fold(0, i64::saturating_add))
    };
    let errors = pools.iter().filter(|pool| is_set(pool, "validationError"));
    let errors = i64::try_from(errors.count()).unwrap_or(i64::MAX);
    let count = i64::try_from(pools.len()).unwrap_or(i64::MAX);
    let shown = match state {
        "Complete" if wanted > count => format!("Complete ({count}/{wanted} pools)"),
        state => state.to_owned(),
    };
    let completed = ended.filter(|_| state == "Complete");
    vec![
        name(object),
        text(object, "spec.driver").to_owned(),
        devices("totalDevices"),
        devices("availableDevices"),
        devices("allocatedDevices"),
        devices("unavailableDevices"),
        told(errors),
        wanted.to_string(),
        shown,
        completed.map_or(NONE.into(), |one| {
            now.since(text(one, "lastTransitionTime"))
        }),
    ]
};
