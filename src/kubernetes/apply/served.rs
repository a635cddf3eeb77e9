//! In which versions objects can be written: those in which they are stored may not be served any more.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::clean::use_stable_version;
use crate::kubernetes::catalog::resources::split_api_version;
use crate::kubernetes::fields::text;

/// What definitions say of the versions of their kinds, by group and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomKinds(HashMap<(String, String), CustomKind>);

/// What a definition says of the versions of its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct CustomKind {
    /// The versions that are served.
    served: Vec<String>,
    /// The version in which objects are written, if that is served.
    stored: Option<String>,
    /// Versions differ in nothing but their names.
    is_same_in_all: bool,
    /// Versions in which the status is a field like any other.
    plain_statuses: Vec<String>,
}

impl CustomKinds {
    /// Takes what a definition, v1 or v1beta1, says.
    pub fn add(&mut self, definition: &Value) {
        self.0.extend(custom_kind(definition));
    }

    /// Takes what other definitions say of kinds that are not known yet.
    pub fn add_missing(&mut self, other: &Self) {
        for (who, kind) in &other.0 {
            self.0.entry(who.clone()).or_insert_with(|| kind.clone());
        }
    }

    /// What the definition of its kind says, and the version of an object.
    fn of<'o>(&self, object: &'o Value) -> Option<(&CustomKind, &'o str)> {
        let (group, version) = split_api_version(text(object, "apiVersion"));
        let kind = (group.to_owned(), text(object, "kind").to_owned());
        Some((self.0.get(&kind)?, version))
    }

    /// True for an object of which the status is a field like any other.
    pub fn has_plain_status(&self, object: &Value) -> bool {
        self.of(object)
            .is_some_and(|(kind, version)| kind.plain_statuses.iter().any(|plain| plain == version))
    }

    /// Puts the version of today into an object of a version that is not served any more, as a server does when it reads
    /// it. What is returned is the version of one that a webhook would have to convert.
    pub fn serve(&self, object: &mut Value) -> Option<String> {
        let (kind, version) = self.of(object)?;
        if kind.served.iter().any(|served| served == version) {
            return None;
        }
        let old = text(object, "apiVersion").to_owned();
        match &kind.stored {
            Some(stored) if kind.is_same_in_all => {
                set_version(object, &stored.clone());
                None
            }
            _ => Some(old),
        }
    }

    /// Gives two states of an object that are stored in different versions one that is served, if versions differ in
    /// nothing but their names.
    fn serve_alike(&self, present: &mut Value, wanted: &mut Value) {
        let Some((kind, version)) = self.of(present) else {
            return;
        };
        let is_served = |version: &str| kind.served.iter().any(|served| served == version);
        let other = split_api_version(text(wanted, "apiVersion")).1;
        let Some(version) = [version, other].into_iter().find(|one| is_served(one)) else {
            return;
        };
        if kind.is_same_in_all {
            let version = version.to_owned();
            set_version(present, &version);
            set_version(wanted, &version);
        }
    }
}

/// Which versions the API server of a cluster serves.
#[derive(Debug, Clone, Default)]
pub struct ServedVersions {
    /// By group. Each server has an APIService for each version of its own groups.
    versions: HashMap<String, HashSet<String>>,
    /// What definitions say.
    pub custom: CustomKinds,
}

impl ServedVersions {
    /// Takes what the name of an APIService says: `v1.apps`.
    pub fn add_api_service(&mut self, name: &str) {
        if let Some((version, group)) = name.split_once('.') {
            let versions = self.versions.entry(group.to_owned()).or_default();
            versions.insert(version.to_owned());
        }
    }

    /// The same with other definitions.
    #[must_use]
    pub fn with_definitions(&self, custom: CustomKinds) -> Self {
        Self {
            versions: self.versions.clone(),
            custom,
        }
    }

    /// Puts a version that is served into an object of one that is not, where nothing else differs between them.
    ///
    /// # Errors
    /// Why there is none.
    pub fn serve(&self, object: &mut Value) -> Result<(), String> {
        if self.custom.of(object).is_some() {
            return self.serve_custom(object);
        }
        if self.is_served(text(object, "apiVersion")) {
            return Ok(());
        }
        let old = text(object, "apiVersion").to_owned();
        let mut stable = object.clone();
        if use_stable_version(&mut stable) && self.is_served(text(&stable, "apiVersion")) {
            *object = stable;
            return Ok(());
        }
        Err(format!(
            "it is stored in {old}, which the cluster does not serve, and no version that it serves has the same fields"
        ))
    }

    fn serve_custom(&self, object: &mut Value) -> Result<(), String> {
        match self.custom.serve(object) {
            None => Ok(()),
            Some(old) => Err(format!(
                "it is stored in {old}, which its definition does not serve, and only the webhook of that converts it"
            )),
        }
    }

    /// The same for two states of one object, which get the same version if there is one.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub fn serve_both(&self, present: &mut Value, wanted: &mut Value) -> Result<(), String> {
        self.serve(present)?;
        self.serve(wanted)?;
        if text(present, "apiVersion") == text(wanted, "apiVersion") {
            return Ok(());
        }
        self.custom.serve_alike(present, wanted);
        let mut stable = [present.clone(), wanted.clone()];
        for state in &mut stable {
            use_stable_version(state);
        }
        let [one, other] = stable;
        let version = text(&one, "apiVersion");
        if version == text(&other, "apiVersion") && self.is_served(version) {
            (*present, *wanted) = (one, other);
        }
        Ok(())
    }

    /// False only where it is known which versions of a group there are, and this is none of them.
    fn is_served(&self, api_version: &str) -> bool {
        let (group, version) = split_api_version(api_version);
        let known = self.versions.get(group).filter(|_| !group.is_empty());
        known.is_none_or(|versions| versions.contains(version))
    }
}

fn set_version(object: &mut Value, version: &str) {
    let (group, _) = split_api_version(text(object, "apiVersion"));
    let version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    if let Some(members) = object.as_object_mut() {
        members.insert("apiVersion".into(), version.into());
    }
}

/// What a definition, v1 or v1beta1, says of its kind, with group and kind.
fn custom_kind(definition: &Value) -> Option<((String, String), CustomKind)> {
    let text = |path: &str| definition.pointer(path).and_then(Value::as_str);
    let (group, kind) = (text("/spec/group")?, text("/spec/names/kind")?);
    let has_status =
        |of: &Value, path: &str| of.pointer(path).is_some_and(|status| !status.is_null());
    let is_shared = has_status(definition, "/spec/subresources/status");
    let mut known = CustomKind {
        is_same_in_all: matches!(text("/spec/conversion/strategy"), None | Some("" | "None")),
        ..CustomKind::default()
    };
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    for version in versions.into_iter().flatten() {
        let Some(name) = version.get("name").and_then(Value::as_str) else {
            continue;
        };
        let is = |field: &str| version.get(field).and_then(Value::as_bool) == Some(true);
        if is("served") {
            known.served.push(name.to_owned());
            if is("storage") {
                known.stored = Some(name.to_owned());
            }
        }
        if !is_shared && !has_status(version, "/subresources/status") {
            known.plain_statuses.push(name.to_owned());
        }
    }
    // Of old there was one version, which has no list.
    if versions.is_none()
        && let Some(name) = text("/spec/version")
    {
        known.served.push(name.to_owned());
        known.stored = Some(name.to_owned());
        if !is_shared {
            known.plain_statuses.push(name.to_owned());
        }
    }
    Some(((group.to_owned(), kind.to_owned()), known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn served(api_services: &[&str], strategy: &str, served: [bool; 2]) -> ServedVersions {
        let mut custom = CustomKinds::default();
        custom.add(&json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {
            "group": "x.io", "names": {"kind": "W"}, "conversion": {"strategy": strategy},
            "versions": [{"name": "v1", "served": served[0], "storage": true},
                {"name": "v0", "served": served[1], "storage": false}]}}));
        let mut all = ServedVersions::default().with_definitions(custom);
        api_services
            .iter()
            .for_each(|name| all.add_api_service(name));
        all
    }

    fn object(api_version: &str, kind: &str) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "spec": {}})
    }

    #[test]
    fn a_version_that_is_not_served_gives_way_to_one_of_the_same_fields() {
        let cluster = served(
            &["v1.policy", "v1.batch", "v1beta1.batch"],
            "None",
            [true, false],
        );
        for (kind, stored, expected) in [
            ("CronJob", "batch/v1beta1", Ok("batch/v1beta1")),
            (
                "CronTab",
                "batch/v2alpha1",
                Err("batch/v2alpha1, which the cluster does not serve"),
            ),
            ("PodDisruptionBudget", "policy/v1beta1", Ok("policy/v1")),
            ("W", "x.io/v0", Ok("x.io/v1")),
            ("W", "x.io/v1", Ok("x.io/v1")),
            ("Pod", "v1", Ok("v1")),
            // Nothing is known of that group.
            (
                "Ingress",
                "networking.k8s.io/v1beta1",
                Ok("networking.k8s.io/v1beta1"),
            ),
        ] {
            let mut json = object(stored, kind);
            let outcome = cluster.serve(&mut json);
            match expected {
                Ok(version) => assert_eq!((outcome, text(&json, "apiVersion")), (Ok(()), version)),
                Err(part) => assert!(outcome.unwrap_err().contains(part), "{kind}"),
            }
        }
        // The fields of a selector that is empty mean something else.
        let mut budget = json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget",
            "spec": {"selector": {}}});
        assert!(cluster.serve(&mut budget).is_err());
        let webhook = served(&[], "Webhook", [true, false]);
        let told = webhook.serve(&mut object("x.io/v0", "W")).unwrap_err();
        assert!(told.contains("only the webhook"), "{told}");
    }

    #[test]
    fn two_states_get_the_same_version_if_nothing_else_differs() {
        let versions = |cluster: &ServedVersions, kind: &str, present: &str, wanted: &str| {
            let (mut present, mut wanted) = (object(present, kind), object(wanted, kind));
            cluster.serve_both(&mut present, &mut wanted).unwrap();
            [present, wanted].map(|state| text(&state, "apiVersion").to_owned())
        };
        let cluster = served(&["v1.batch", "v1beta1.batch"], "None", [true, true]);
        assert_eq!(
            versions(&cluster, "W", "x.io/v0", "x.io/v1"),
            ["x.io/v0", "x.io/v0"]
        );
        assert_eq!(
            versions(&cluster, "CronJob", "batch/v1beta1", "batch/v1"),
            ["batch/v1", "batch/v1"]
        );
        let webhook = served(&[], "Webhook", [true, true]);
        assert_eq!(
            versions(&webhook, "W", "x.io/v0", "x.io/v1"),
            ["x.io/v0", "x.io/v1"]
        );
    }
}
