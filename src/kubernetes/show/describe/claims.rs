//! Claims on volumes, also those that are yet to be made.

use serde_json::Value;

use super::Now;
use super::text::{Text, bracketed, put};
use crate::kubernetes::fields::{at, is_set, items, some_text, text};
use crate::kubernetes::show::columns::shared::amount;
use crate::kubernetes::show::columns::storage::{access_modes, storage_class};
use crate::kubernetes::show::duration::age;

pub(super) fn phase(object: &Value, now: Now) -> String {
    match some_text(object, "metadata.deletionTimestamp") {
        Some(time) => format!("Terminating (lasts {})", age(time, now)),
        None => text(object, "status.phase").to_owned(),
    }
}

/// A claim; without a now one that is yet to be made.
pub(super) fn claim_spec(w: &mut Text, claim: &Value, now: Option<Now>) {
    let spec = at(claim, "spec");
    if now.is_some() {
        w.names(claim);
    }
    put!(w, 0, "StorageClass:\t{}\n", storage_class(claim));
    if let Some(now) = now {
        put!(w, 0, "Status:\t{}\n", phase(claim, now));
    }
    let volume = text(spec, "volumeName");
    put!(w, 0, "Volume:\t{volume}\n");
    w.labels_and_annotations(claim);
    if now.is_some() {
        put!(
            w,
            0,
            "Finalizers:\t{}\n",
            bracketed(items(claim, "metadata.finalizers"))
        );
    }
    let (capacity, modes) = match volume {
        "" => Default::default(),
        _ => (
            amount(at(claim, "status.capacity.storage")),
            access_modes(items(claim, "status.accessModes")),
        ),
    };
    put!(w, 0, "Capacity:\t{capacity}\n");
    put!(w, 0, "Access Modes:\t{modes}\n");
    if let Some(mode) = some_text(spec, "volumeMode") {
        put!(w, 0, "VolumeMode:\t{mode}\n");
    }
    let source = at(spec, "dataSource");
    if !source.is_null() {
        put!(w, 0, "DataSource:\n");
        if is_set(source, "apiGroup") {
            put!(w, 1, "APIGroup:\t{}\n", text(source, "apiGroup"));
        }
        put!(w, 1, "Kind:\t{}\n", text(source, "kind"));
        put!(w, 1, "Name:\t{}\n", text(source, "name"));
    }
}

/// The claims that a StatefulSet makes for its pods.
pub(super) fn claim_templates(w: &mut Text, templates: &[Value]) {
    if templates.is_empty() {
        put!(w, 0, "Volume Claims:\t<none>\n");
        return;
    }
    put!(w, 0, "Volume Claims:\n");
    for template in templates {
        put!(w, 1, "Name:\t{}\n", text(template, "metadata.name"));
        put!(w, 1, "StorageClass:\t{}\n", storage_class(template));
        w.labels("  ", "Labels", at(template, "metadata.labels"));
        w.labels("  ", "Annotations", at(template, "metadata.annotations"));
        let capacity = match at(template, "spec.resources.requests.storage") {
            Value::Null => "<default>".to_owned(),
            value => amount(value),
        };
        put!(w, 1, "Capacity:\t{capacity}\n");
        put!(
            w,
            1,
            "Access Modes:\t{}\n",
            bracketed(items(template, "spec.accessModes"))
        );
    }
}
