//! Sentences about what Kubernetes stores.

use super::Template;
use crate::kubernetes::check::codes::*;

pub(super) const TEMPLATES: &[Template] = &[
    (&VALUE_FOREIGN, Some("empty"), "the value is empty"),
    (
        &VALUE_FOREIGN,
        Some("zeros"),
        "the value is {bytes?a zero byte|# zero bytes}",
    ),
    (
        &VALUE_FOREIGN,
        Some("foreign"),
        "the value does not begin as a stored object does",
    ),
    (
        &VALUE_FOREIGN,
        Some("magic"),
        "the value begins with {found:hex}, a stored object with {expected:hex}",
    ),
    (&VALUE_UNDECODABLE, Some("encrypted"), "encrypted at rest"),
    (
        &VALUE_UNDECODABLE,
        Some("not-kubernetes"),
        "not an object of Kubernetes",
    ),
    (&VALUE_UNDECODABLE, Some("malformed"), "{fault}"),
    (
        &VALUE_UNDECODABLE,
        Some("malformed-field"),
        "{fault} at {field}",
    ),
    (&VALUE_UNDECODABLE, Some("too-deep"), "nested too deeply"),
    (
        &VALUE_UNDECODABLE,
        Some("too-deep-field"),
        "nested too deeply at {field}",
    ),
    (
        &VALUE_UNDECODABLE,
        Some("too-large"),
        "decoded it takes more than {limit:mib} MiB of memory, the limit for a value of {stored} bytes",
    ),
    (
        &VALUE_UNDECODABLE,
        Some("trailing"),
        "{bytes?a byte follows|# bytes follow} the object",
    ),
    (
        &VALUE_UNDECODABLE,
        Some("no-type"),
        "the value does not name apiVersion and kind",
    ),
    (
        &VALUE_UNDECODABLE,
        Some("no-name"),
        "the object has no name",
    ),
    (
        &VALUE_UNDECODABLE,
        Some("envelope"),
        "the value is encrypted in a way that no API server reads",
    ),
    (
        &VALUE_KIND,
        None,
        "the key is that of a {expected:256}, the value is a {kind:256} of {api_version:256}",
    ),
    (
        &VALUE_NAME,
        Some("namespaced"),
        "the object calls itself {namespace:256}/{name:256}",
    ),
    (
        &VALUE_NAME,
        Some("cluster"),
        "the object calls itself {name:256}",
    ),
    (&VALUE_TEXT, None, "text in the object is not UTF-8"),
];
