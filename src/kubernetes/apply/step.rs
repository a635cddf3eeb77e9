//! One step toward another state of a cluster, as data. How it is taken, and with which tool, is said elsewhere.

use serde_json::{Value, json};

use crate::kubernetes::catalog::resources::{Resource, split_api_version};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepVerb {
    /// Changes some fields, if they are still what they were.
    Patch,
    /// Creates what is not there.
    Create,
    /// Deletes what is there.
    Delete,
    /// Deletes an object, waits until it is gone, and creates it: what cannot be changed differs.
    Recreate,
    /// Writes an object as a whole, if it has not been written since.
    Replace,
}

impl StepVerb {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Recreate => "recreate",
            Self::Replace => "replace",
        }
    }
}

/// What must be said before a step is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnRequest {
    /// It deletes what holds data or other objects; what.
    Delete(String),
    /// It creates what acts when it is created; what it does.
    Create(String),
}

/// The object that a step is about, as an API server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTarget {
    /// `deployments.v1.apps`: plural, version, group. A dot stands behind the version of a kind without group.
    pub resource: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// `deployment.apps/web`, as kubectl prints it.
    pub printed_name: String,
    /// `/apis/apps/v1/namespaces/shop/deployments/web`, escaped for a URL.
    pub path: String,
}

impl StepTarget {
    /// `None` for what no API server would have: names come from a file and may be anything.
    pub fn new(
        resource: &Resource,
        api_version: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<Self> {
        let (group, version) = split_api_version(api_version);
        let namespace = namespace.filter(|_| resource.namespaced);
        let is_sound = is_label(&resource.plural)
            && is_label(version)
            && (group.is_empty() || group.split('.').all(is_label))
            && namespace.is_none_or(is_label)
            && (!resource.namespaced || namespace.is_some())
            && is_segment(name);
        if !is_sound {
            return None;
        }
        let mut path = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        if let Some(namespace) = namespace {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        path.push('/');
        path.push_str(&resource.plural);
        path.push('/');
        path.push_str(&escaped(name));
        Some(Self {
            resource: format!("{}.{version}.{group}", resource.plural),
            namespace: namespace.map(str::to_string),
            name: name.to_string(),
            printed_name: resource.printed_name(name),
            path,
        })
    }
}

/// True for one part of a DNS name.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// True for what can be a part of a path, which is all that names of roles have to be, and no option of a command.
fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text != "."
        && text != ".."
        && !text.starts_with('-')
        && !text
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '%'))
}

/// For a URL.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// An owner that the object is to have. Its uid is looked up when the step is taken: the one that the snapshot tells
/// of may be gone, and with it what it owns.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOwner {
    /// `deployments.v1.apps`.
    pub resource: String,
    /// Its name.
    pub name: String,
    /// The reference, without the uid.
    pub reference: Value,
}

impl StepOwner {
    /// From a reference as it is stored; `None` when it names nothing that an API server would have.
    pub fn new(reference: &Value, of_kind: impl Fn(&str, &str) -> Resource) -> Option<Self> {
        let text = |field: &str| reference.get(field).and_then(Value::as_str);
        let (api_version, kind, name) = (text("apiVersion")?, text("kind")?, text("name")?);
        let resource = of_kind(api_version, kind);
        // An owner is in the same namespace, if it is in any.
        let target = StepTarget::new(&resource, api_version, Some("default"), name)?;
        // One line, split at blanks.
        if name.contains(char::is_whitespace) {
            return None;
        }
        let mut kept = json!({"apiVersion": api_version, "kind": kind, "name": name});
        for field in ["controller", "blockOwnerDeletion"] {
            if let (Some(flag @ Value::Bool(_)), Some(members)) =
                (reference.get(field), kept.as_object_mut())
            {
                members.insert(field.to_string(), flag.clone());
            }
        }
        Some(Self {
            resource: target.resource,
            name: target.name,
            reference: kept,
        })
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub verb: StepVerb,
    /// To what.
    pub target: StepTarget,
    /// Nothing is deleted but the object with this uid.
    pub uid: Option<String>,
    /// The owners that are to be looked up.
    pub owners: Vec<StepOwner>,
    /// The places in the list of the steps that must be done before.
    pub needs: Vec<usize>,
    /// It is not taken unless somebody asks for it.
    pub on_request: Option<OnRequest>,
    /// What it deletes may refuse all other steps.
    pub is_gate: bool,
    /// What it deletes leaves behind what it owns.
    pub is_orphaning: bool,
    /// What it creates is a definition, of which objects can be made when it is established.
    pub is_definition: bool,
    /// What it creates may be there already, made by the cluster itself.
    pub is_made_by_cluster: bool,
    /// What it writes is a secret.
    pub is_secret: bool,
    /// The step that deletes the definition of its kind, and so the object too.
    pub goes_with: Option<usize>,
    /// It ties an object to another one that an earlier step creates.
    pub is_follow_up: bool,
    /// The step that creates the object if it is gone.
    pub created_by: Option<usize>,
    /// It takes an object out of the way of others; another step leads it on.
    pub is_preparation: bool,
    /// The object is a Service that has no port for health checks then, and takes traffic from all nodes.
    pub is_without_health_port: bool,
    /// The addresses that the object is created with: nobody else may have them when it is deleted for that.
    pub addresses: Vec<String>,
}

impl Step {
    /// A step that needs nothing.
    pub fn new(verb: StepVerb, target: StepTarget) -> Self {
        Self {
            verb,
            target,
            uid: None,
            owners: Vec::new(),
            needs: Vec::new(),
            on_request: None,
            is_gate: false,
            is_orphaning: false,
            is_definition: false,
            is_made_by_cluster: false,
            is_secret: false,
            goes_with: None,
            is_follow_up: false,
            created_by: None,
            is_preparation: false,
            is_without_health_port: false,
            addresses: Vec::new(),
        }
    }
}

/// `deployments.apps` of `deployments.v1.apps`: a reference may name another version than the one that is written.
pub(crate) fn unversioned(resource: &str) -> String {
    let mut parts = resource.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(plural), _, Some(group)) => format!("{plural}.{group}"),
        _ => resource.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<StepTarget> {
        let mut resource = Resource::guess(api_version, kind);
        resource.namespaced = namespace.is_some();
        StepTarget::new(&resource, api_version, namespace, name)
    }

    #[test]
    fn an_object_is_named_as_kubectl_and_the_api_name_it() {
        let web = target("apps/v1", "Deployment", Some("shop"), "web").unwrap();
        assert_eq!(web.resource, "deployments.v1.apps");
        assert_eq!(web.printed_name, "deployment.apps/web");
        assert_eq!(web.path, "/apis/apps/v1/namespaces/shop/deployments/web");
        let node = target("v1", "Node", None, "n 1ü").unwrap();
        assert_eq!(
            (node.resource.as_str(), node.path.as_str()),
            ("nodes.v1.", "/api/v1/nodes/n%201%C3%BC")
        );
    }

    #[test]
    fn what_no_api_server_would_have_is_refused() {
        for name in ["", ".", "..", "-x", "a/b", "a%2fb", "a\nb", "a\u{1b}[2J"] {
            assert_eq!(target("v1", "Node", None, name), None, "{name:?}");
        }
        assert_eq!(target("v1", "Pod", Some("a b"), "x"), None);
        assert_eq!(target("v1", "Pod", Some("../x"), "x"), None);
        assert_eq!(target("a;b/v1", "Pod", None, "x"), None);
        assert_eq!(target("x.io/v1/v2", "Pod", None, "x"), None);
        assert_eq!(target("x.io/v1", "$(reboot)", None, "x"), None);
    }

    #[test]
    fn an_owner_is_written_without_its_uid() {
        let stored = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "gone",
            "controller": true, "x": 1});
        let owner = StepOwner::new(&stored, Resource::guess).unwrap();
        assert_eq!(owner.resource, "deployments.v1.apps");
        assert_eq!(
            owner.reference,
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": true})
        );
        let odd = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a b"});
        assert_eq!(StepOwner::new(&odd, Resource::guess), None);
        assert_eq!(StepOwner::new(&json!({}), Resource::guess), None);
    }
}
