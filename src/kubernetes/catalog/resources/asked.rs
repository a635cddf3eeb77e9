//! Kinds by version, as kubectl takes them: `widgets.v1beta1.example.com`.

use super::custom::is_version;
use super::{Resolved, Resource, Resources};

/// What a word stands for, and the version it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The kinds.
    pub kinds: Resolved<'a>,
    /// `v1beta1`, if the word names one.
    pub version: Option<String>,
}

/// A version of a kind that an API server does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    /// The definition has it switched off.
    #[error("{kind} are not served in version {version}: their definition has it with `served: false`; {}", served_ones(.served))]
    SwitchedOff {
        /// The full name.
        kind: String,
        /// The version that was asked for.
        version: String,
        /// Versions that are served.
        served: Vec<String>,
    },
    /// There is none of that name.
    #[error("{kind} have no version {version}; {}", served_ones(.served))]
    NoVersion {
        /// The full name.
        kind: String,
        /// The version that was asked for.
        version: String,
        /// Versions that are served.
        served: Vec<String>,
    },
}

fn served_ones(served: &[String]) -> String {
    match served {
        [] => "none is served".into(),
        served => format!("served: {}", served.join(", ")),
    }
}

impl Resources {
    /// What `word` stands for, see [`resolve`](Self::resolve), and the version it names.
    ///
    /// # Errors
    /// The kind is known and an API server does not serve it in this version.
    pub fn asked(&self, word: &str) -> Result<Asked<'_>, NotServed> {
        let lower = word.to_lowercase();
        let parts = named_version(&lower);
        let kinds = self.resolve(&lower);
        match (&kinds, parts) {
            (Resolved::One(kind), Some((_, version, group)))
                if is_group(kind, group) && !kind.group.starts_with(&format!("{version}.")) =>
            {
                kind.is_served(version)?;
                Ok(Asked {
                    kinds,
                    version: Some(version.to_owned()),
                })
            }
            (Resolved::Unknown, Some((name, version, group))) => {
                let full = match group {
                    "" => name.to_owned(),
                    group => format!("{name}.{group}"),
                };
                if let Resolved::One(kind) = self.resolve(&full)
                    && is_group(kind, group)
                {
                    kind.is_served(version)?;
                }
                Ok(Asked {
                    kinds,
                    version: None,
                })
            }
            _ => Ok(Asked {
                kinds,
                version: None,
            }),
        }
    }
}

/// Name, version and group of `widgets.v1beta1.example.com`; a version without group is one of the core.
fn named_version(word: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = word.split_once('.')?;
    let (version, group) = rest.split_once('.').unwrap_or((rest, ""));
    is_version(version).then_some((name, version, group))
}

fn is_group(kind: &Resource, group: &str) -> bool {
    kind.group.starts_with(group) && (kind.group.is_empty() || !group.is_empty())
}

impl Resource {
    fn is_served(&self, version: &str) -> Result<(), NotServed> {
        let served: Vec<String> = match &self.custom {
            Some(versions) => {
                let served = versions.iter().filter(|one| one.served);
                served.map(|one| one.name.clone()).collect()
            }
            None => {
                let served = self.versions.iter().filter(|one| !self.has_lost(one));
                served.cloned().collect()
            }
        };
        if served.iter().any(|one| one == version) {
            return Ok(());
        }
        let (kind, version) = (self.full_name(), version.to_owned());
        Err(match self.custom_version(&version) {
            Some(_) => NotServed::SwitchedOff {
                kind,
                version,
                served,
            },
            None => NotServed::NoVersion {
                kind,
                version,
                served,
            },
        })
    }

    /// True for versions of built-in kinds that no server since 1.34 can serve, whatever it is told; objects may still be
    /// stored in them.
    fn has_lost(&self, version: &str) -> bool {
        match (self.group.as_str(), version) {
            ("batch" | "policy" | "discovery.k8s.io" | "events.k8s.io", "v1beta1")
            | ("apiextensions.k8s.io" | "apiregistration.k8s.io", "v1beta1")
            | ("rbac.authorization.k8s.io" | "node.k8s.io", "v1beta1" | "v1alpha1")
            | ("autoscaling", "v2beta1" | "v2beta2")
            | ("flowcontrol.apiserver.k8s.io", "v1beta1" | "v1beta2" | "v1beta3" | "v1alpha1") => {
                true
            }
            ("networking.k8s.io", "v1beta1") => {
                ["ingresses", "ingressclasses"].contains(&self.plural.as_str())
            }
            ("admissionregistration.k8s.io", "v1beta1") => self.kind.contains("Webhook"),
            ("certificates.k8s.io", "v1beta1") => self.plural == "certificatesigningrequests",
            ("coordination.k8s.io", "v1beta1") => self.plural == "leases",
            ("scheduling.k8s.io", "v1beta1") => self.plural == "priorityclasses",
            ("storage.k8s.io", "v1beta1") => self.plural != "volumeattributesclasses",
            _ => false,
        }
    }

    /// True when objects of the other kind are those of this one under another name: Events are stored once, and
    /// served in two groups.
    pub fn is_stored_as(&self, group: &str, kind: &str) -> bool {
        const EVENT_GROUPS: [&str; 2] = ["", "events.k8s.io"];
        let is_event = |group: &str, kind: &str| kind == "Event" && EVENT_GROUPS.contains(&group);
        self.group == group && self.kind == kind
            || is_event(&self.group, &self.kind) && is_event(group, kind)
    }
}
