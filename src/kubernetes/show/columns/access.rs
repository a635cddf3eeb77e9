//! Who may do what, and certificates.

use serde_json::Value;

use super::shared::{NONE, count, joined, labels};
use super::{RowMaker, name};
use crate::kubernetes::fields::{at, is_set, items, some_text, text, text_or};
use crate::kubernetes::show::duration::human;

pub(super) const BINDING: RowMaker = |object, now| {
    let role = format!(
        "{}/{}",
        text(object, "roleRef.kind"),
        text(object, "roleRef.name")
    );
    let of_kind = |kind: &str| {
        let subjects = items(object, "subjects").iter();
        let subjects = subjects.filter(|subject| text(subject, "kind") == kind);
        let names = subjects.map(|subject| match kind {
            "ServiceAccount" => {
                format!("{}/{}", text(subject, "namespace"), text(subject, "name"))
            }
            _ => text(subject, "name").to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    vec![
        name(object),
        role,
        now.age(object),
        of_kind("User"),
        of_kind("Group"),
        of_kind("ServiceAccount"),
    ]
};

pub(super) const SIGNING_REQUEST: RowMaker = |object, now| {
    let duration = at(object, "spec.expirationSeconds").as_i64();
    vec![
        name(object),
        now.age(object),
        text_or(object, "spec.signerName", NONE).to_owned(),
        text(object, "spec.username").to_owned(),
        duration.map_or_else(|| NONE.into(), human),
        signing_status(object),
    ]
};

fn signing_status(request: &Value) -> String {
    let has = |kind: &str| {
        let mut conditions = items(request, "status.conditions").iter();
        conditions.any(|condition| text(condition, "type") == kind)
    };
    let decision = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    };
    let issued = some_text(request, "status.certificate").is_some();
    let more = [(has("Failed"), "Failed"), (issued, "Issued")];
    let more = more.into_iter().filter(|(holds, _)| *holds);
    joined(
        std::iter::once(decision).chain(more.map(|(_, word)| word)),
        ",",
    )
}

pub(super) const TRUST_BUNDLE: RowMaker = |object, _| {
    vec![
        name(object),
        text_or(object, "spec.signerName", NONE).to_owned(),
    ]
};

pub(super) const SERVICE_ACCOUNT_1_34: RowMaker = |object, now| {
    let secrets = count(object, "secrets");
    vec![name(object), secrets.to_string(), now.age(object)]
};

pub(super) const POD_CERTIFICATE: RowMaker = |object, _| {
    let part = |field| text(at(object, "spec"), field).to_owned();
    let conditions = items(object, "status.conditions").iter();
    let state = conditions
        .map(|condition| text(condition, "type"))
        .rfind(|kind| ["Issued", "Denied", "Failed"].contains(kind));
    let annotations = at(object, "spec.unverifiedUserAnnotations");
    vec![
        name(object),
        part("podName"),
        part("serviceAccountName"),
        part("nodeName"),
        part("signerName"),
        state.unwrap_or("Pending").to_owned(),
        if is_set(object, "spec") {
            labels(annotations)
        } else {
            NONE.into()
        },
    ]
};
