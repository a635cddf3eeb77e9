//! The way through an object, with what is known of each place.

use serde_json::{Map, Value};

use super::patterns::{Hint, KUBECONFIG_FIELDS};
use super::secret::{is_core_secret_key, is_secret, is_secret_key, is_secret_list};
use super::{LAST_APPLIED, Redactor};

/// At most this many bytes are unpacked for one object.
const UNPACKED: u64 = 32 << 20;

/// Fields that say who an object is. They are never judged by their looks.
const IDENTITY: [&str; 8] = [
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "uid",
    "generateName",
    "selfLink",
    "resourceVersion",
];

/// Labels tell who an object is, and their names say nothing of what they hold.
const LONGEST_LABEL: usize = 63;

/// What fields of tokens of Rancher have the token in them.
const RANCHER_FIELDS: [&str; 8] = [
    "token",
    "command",
    "insecureCommand",
    "nodeCommand",
    "insecureNodeCommand",
    "windowsNodeCommand",
    "insecureWindowsNodeCommand",
    "manifestUrl",
];

/// What the fields of logins to registries are called.
const DOCKER_FIELDS: [&str; 4] = ["auth", "password", "identitytoken", "registrytoken"];

/// Where in an object a value is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// What is here is a Secret, whatever it says.
    pub(super) is_secret: bool,
    /// It is one of the core group, whatever it says.
    is_core_secret: bool,
    /// What the name of the field says.
    pub(super) hint: Hint,
    /// It tells who an object is.
    is_identity: bool,
    /// It is replaced, whatever it is.
    is_credential: bool,
    /// An object as JSON, in which secrets cannot be told apart from the rest if it cannot be read.
    is_last_applied: bool,
    /// It explains something; URLs and manifests are examples.
    pub(super) is_prose: bool,
    /// The fields with these names, here and below, let somebody in.
    logins: &'static [&'static str],
    /// Names below are those of files, not of fields of the API.
    is_data: bool,
    /// Below a definition of custom resources.
    is_definition: bool,
    /// What `metadata` is.
    is_metadata: bool,
    /// Labels, or what selects by them.
    is_labels: bool,
    /// The metadata of a Secret, or its annotations, in which marks stand by now.
    is_of_secret: bool,
}

impl Place {
    /// An object that is stored under `key`.
    pub(super) fn under_key(key: &[u8]) -> Self {
        Self {
            is_secret: is_secret_key(key),
            is_core_secret: is_core_secret_key(key),
            ..Self::default()
        }
    }
}

/// The search for secrets in one value.
pub(super) struct Walk<'r> {
    pub(super) redactor: &'r Redactor,
    /// How deep in texts within texts.
    pub(super) depth: u8,
    /// What may still be unpacked.
    pub(super) unpack_limit: u64,
}

impl<'r> Walk<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self {
            redactor,
            depth: 0,
            unpack_limit: UNPACKED,
        }
    }

    /// Replaces the secrets in a value. True if there was one.
    pub(super) fn run(&mut self, root: &mut Value, place: Place) -> bool {
        let mut found = false;
        let mut open = vec![(root, place)];
        while let Some((value, place)) = open.pop() {
            match value {
                Value::Object(map) => found |= self.map(map, place, &mut open),
                Value::Array(items) => {
                    let mut before = Hint::None;
                    for item in items.iter_mut() {
                        let hint = std::mem::take(&mut before);
                        if let Value::String(text) = &*item {
                            before = Hint::of_flag(text);
                        }
                        open.push((item, Place { hint, ..place }));
                    }
                }
                Value::String(text) => {
                    // No API server takes longer labels.
                    if place.is_identity || place.is_labels && text.len() <= LONGEST_LABEL {
                        continue;
                    }
                    let replaced = if place.is_credential && !text.is_empty() {
                        Some(self.redactor.mark(text.as_bytes()))
                    } else {
                        let is_unreadable = place.is_last_applied
                            && !serde_json::from_str::<Value>(text).is_ok_and(|v| v.is_object());
                        match is_unreadable {
                            true => Some(self.redactor.mark(text.as_bytes())),
                            false => self.text(text, place),
                        }
                    };
                    if let Some(replaced) = replaced {
                        *text = replaced;
                        found = true;
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Replaces what a Secret holds, and opens what is left to be looked at.
    fn map<'v>(
        &self,
        map: &'v mut Map<String, Value>,
        place: Place,
        open: &mut Vec<(&'v mut Value, Place)>,
    ) -> bool {
        let mut found = false;
        let is_secret = place.is_secret || is_secret(map);
        let is_list = is_secret_list(map) || is_secret && map.contains_key("items");
        if is_secret {
            found |= self.redactor.redact_secret(map, place.is_core_secret);
        }
        let is_named = |field: &str| map.get(field).is_some_and(Value::is_string);
        let is_reference = is_named("kind") && is_named("name") && !place.is_data;
        let variable = match (map.get("name"), map.get("value")) {
            (Some(Value::String(name)), Some(Value::String(_))) => Hint::of_name(name),
            _ => Hint::None,
        };
        let is_definition = place.is_definition
            || map.get("kind").and_then(Value::as_str) == Some("CustomResourceDefinition");
        let users = map.get("users").and_then(Value::as_array);
        let has_login = |user: &Value| user.get("user").is_some_and(Value::is_object);
        let is_kubeconfig = users.is_some_and(|users| {
            map.get("clusters").is_some_and(Value::is_array) || users.iter().any(has_login)
        });
        let logins = if is_kubeconfig {
            &KUBECONFIG_FIELDS
        } else if is_rancher_token(map) {
            &RANCHER_FIELDS
        } else {
            place.logins
        };
        for (field, value) in map.iter_mut() {
            // These are marks by now.
            if is_secret && matches!(field.as_str(), "data" | "stringData") {
                continue;
            }
            let is_own = matches!(field.as_str(), "apiVersion" | "kind") && !place.is_data;
            let is_identity =
                is_own || (place.is_metadata || is_reference) && IDENTITY.contains(&field.as_str());
            let hint = match field.as_str() {
                _ if place.is_labels => Hint::None,
                "value" => variable,
                field => Hint::of_name(field),
            };
            let child = Place {
                is_secret: is_list && field == "items",
                is_core_secret: place.is_core_secret && field == "items",
                hint,
                is_identity,
                is_credential: logins.contains(&field.as_str()),
                is_last_applied: field == LAST_APPLIED && !place.is_of_secret,
                is_of_secret: match field.as_str() {
                    "metadata" => is_secret,
                    "annotations" => place.is_of_secret,
                    _ => false,
                },
                is_prose: is_definition && field == "description",
                logins: match (field.as_str(), &*value) {
                    ("auths", Value::Object(_)) => &DOCKER_FIELDS,
                    _ => logins,
                },
                is_data: matches!(field.as_str(), "data" | "stringData" | "binaryData"),
                is_definition,
                is_metadata: field == "metadata" && !place.is_data,
                is_labels: match field.as_str() {
                    "labels" => place.is_metadata,
                    "matchLabels" | "nodeSelector" | "selector" => {
                        !place.is_data && is_label_set(value)
                    }
                    _ => false,
                },
            };
            open.push((value, child));
        }
        found
    }
}

/// True for names and texts that may be labels.
fn is_label_set(value: &Value) -> bool {
    let is_label = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.len() <= LONGEST_LABEL)
    };
    matches!(value, Value::Object(labels) if labels.values().all(is_label))
}

/// Tokens of Rancher are custom resources: of users, and of clusters that are to join, with the commands to do so.
fn is_rancher_token(map: &Map<String, Value>) -> bool {
    let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default();
    text("apiVersion").starts_with("management.cattle.io/")
        && matches!(text("kind"), "Token" | "ClusterRegistrationToken")
}
