//! Volumes, and devices of nodes.

use serde_json::Value;

use super::shared::{UNSET, count, joined, quantity, scalar_or};
use super::{RowMaker, name};
use crate::kubernetes::fields::{annotation, at, is_set, is_true, items, some_text, text, text_or};

pub(super) const VOLUME: (&str, RowMaker) = (
    "NAME|CAPACITY|ACCESS MODES|RECLAIM POLICY|STATUS|CLAIM|STORAGECLASS|VOLUMEATTRIBUTESCLASS|REASON|AGE|VOLUMEMODE*",
    |object, now| {
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
    },
);

pub(super) const CLAIM: (&str, RowMaker) = (
    "NAME|STATUS|VOLUME|CAPACITY|ACCESS MODES|STORAGECLASS|VOLUMEATTRIBUTESCLASS|AGE|VOLUMEMODE*",
    |object, now| {
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
    },
);

fn phase(object: &Value) -> &str {
    if is_set(object, "metadata.deletionTimestamp") {
        return "Terminating";
    }
    text_or(object, "status.phase", "Pending")
}

/// The annotation is older than the field, and goes before it.
fn storage_class(object: &Value) -> &str {
    annotation(object, "volume.beta.kubernetes.io/storage-class")
        .unwrap_or_else(|| text(object, "spec.storageClassName"))
}

fn access_modes(modes: &[Value]) -> String {
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

pub(super) const STORAGE_CLASS: (&str, RowMaker) = (
    "NAME|PROVISIONER|RECLAIMPOLICY|VOLUMEBINDINGMODE|ALLOWVOLUMEEXPANSION|AGE",
    |object, now| {
        let is_default = is_default_class(object);
        let mark = if is_default { DEFAULT_MARK } else { "" };
        vec![
            format!("{}{mark}", name(object)),
            text(object, "provisioner").to_owned(),
            scalar_or(object, "reclaimPolicy", "Delete"),
            scalar_or(object, "volumeBindingMode", "Immediate"),
            is_true(object, "allowVolumeExpansion").to_string(),
            now.age(object),
        ]
    },
);

pub(super) const ATTRIBUTES_CLASS: (&str, RowMaker) = ("NAME|DRIVERNAME|AGE", |object, now| {
    let driver = text(object, "driverName");
    vec![name(object), driver.to_owned(), now.age(object)]
});

pub(super) const ATTACHMENT: (&str, RowMaker) =
    ("NAME|ATTACHER|PV|NODE|ATTACHED|AGE", |object, now| {
        vec![
            name(object),
            text(object, "spec.attacher").to_owned(),
            text(object, "spec.source.persistentVolumeName").to_owned(),
            text(object, "spec.nodeName").to_owned(),
            is_true(object, "status.attached").to_string(),
            now.age(object),
        ]
    });

pub(super) const CSI_NODE: (&str, RowMaker) = ("NAME|DRIVERS|AGE", |object, now| {
    let drivers = count(object, "spec.drivers");
    vec![name(object), drivers.to_string(), now.age(object)]
});

pub(super) const CSI_DRIVER: (&str, RowMaker) = (
    "NAME|ATTACHREQUIRED|PODINFOONMOUNT|STORAGECAPACITY|TOKENREQUESTS|REQUIRESREPUBLISH|MODES|AGE",
    |object, now| {
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
            if modes.is_empty() {
                "Persistent".into()
            } else {
                modes
            },
            now.age(object),
        ]
    },
);

pub(super) const RESOURCE_CLAIM: (&str, RowMaker) = ("NAME|STATE|AGE", |object, now| {
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
});

pub(super) const RESOURCE_SLICE: (&str, RowMaker) = ("NAME|NODE|DRIVER|POOL|AGE", |object, now| {
    vec![
        name(object),
        some_text(object, "spec.nodeName")
            .unwrap_or_default()
            .to_owned(),
        text(object, "spec.driver").to_owned(),
        text(object, "spec.pool.name").to_owned(),
        now.age(object),
    ]
});
