//! Changes that happen all the time and tell nothing.

use super::difference::{FieldPath, Step};

/// Which changes count as noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoiseProfile {
    /// Leases, Events, heartbeats, managed fields.
    #[default]
    Default,
    /// Nothing.
    None,
    /// And every change that is only in the status.
    AllStatus,
}

/// Annotations that controllers renew without anything having changed.
const RENEWED: [&str; 2] = [
    "control-plane.alpha.kubernetes.io/leader",
    "endpoints.kubernetes.io/last-change-trigger-time",
];

impl NoiseProfile {
    /// The rule by which the change of an object is noise; `None` when it is none. `paths` are the fields
    /// that changed; none of them, when it came or went as a whole.
    pub fn rule(
        self,
        group: &str,
        kind: &str,
        paths: Option<&[&FieldPath]>,
    ) -> Option<&'static str> {
        if self == Self::None {
            return None;
        }
        match (group, kind) {
            ("coordination.k8s.io", "Lease") => return Some("lease"),
            ("" | "events.k8s.io", "Event") => return Some("event"),
            _ => {}
        }
        let paths = paths.filter(|paths| !paths.is_empty())?;
        let all = |test: fn(&FieldPath) -> bool| paths.iter().all(|path| test(path));
        if all(is_managed) {
            return Some("managed-fields");
        }
        if all(|path| is_managed(path) || is_heartbeat(path)) {
            return Some("heartbeat");
        }
        // It counts changes of the spec, which are there to be seen beside it.
        if all(|path| is_managed(path) || is_heartbeat(path) || is_generation(path)) {
            return Some("generation");
        }
        if self == Self::AllStatus
            && all(|path| {
                is_managed(path) || is_heartbeat(path) || is_generation(path) || is_status(path)
            })
        {
            return Some("status");
        }
        None
    }
}

/// The rule by which a key that holds no object of a user is noise.
pub fn noise_of_key(profile: NoiseProfile, key: &[u8]) -> Option<&'static str> {
    if profile == NoiseProfile::None {
        return None;
    }
    let is_below = |part: &[u8]| key.split(|b| *b == b'/').any(|name| name == part);
    if key == b"compact_rev_key" {
        Some("compaction")
    } else if is_below(b"masterleases") || is_below(b"peerserverleases") {
        Some("api-server-lease")
    } else {
        None
    }
}

/// `metadata.managedFields` and below.
pub fn is_managed(path: &FieldPath) -> bool {
    let mut fields = path.fields();
    fields.next() == Some("metadata") && fields.next() == Some("managedFields")
}

/// The number of changes of a spec, and up to which one of them a controller has come.
pub fn is_generation(path: &FieldPath) -> bool {
    let fields: Vec<&str> = path.fields().collect();
    matches!(
        fields.as_slice(),
        ["metadata", "generation"]
            | ["status", "observedGeneration"]
            | ["status", "conditions", "observedGeneration"]
    )
}

fn is_heartbeat(path: &FieldPath) -> bool {
    let fields: Vec<&str> = path.fields().collect();
    match fields.as_slice() {
        ["status", "conditions", time] => {
            matches!(
                *time,
                "lastHeartbeatTime" | "lastProbeTime" | "lastUpdateTime"
            ) && path.0.iter().any(|step| !matches!(step, Step::Field(_)))
        }
        ["metadata", "annotations", name] => RENEWED.contains(name),
        _ => false,
    }
}

fn is_status(path: &FieldPath) -> bool {
    path.fields().next() == Some("status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[&str]) -> FieldPath {
        FieldPath(
            steps
                .iter()
                .map(|step| match step.parse::<usize>() {
                    Ok(index) => Step::Index(index),
                    Err(_) => Step::Field((*step).to_string()),
                })
                .collect(),
        )
    }

    #[test]
    fn a_generation_is_noise_until_a_change_stands_beside_it() {
        let paths = [
            path(&["metadata", "generation"]),
            path(&["status", "observedGeneration"]),
            path(&["status", "conditions", "0", "observedGeneration"]),
        ];
        let all: Vec<&FieldPath> = paths.iter().collect();
        let rule = |profile: NoiseProfile, paths: &[&FieldPath]| {
            profile.rule("apps", "Deployment", Some(paths))
        };
        assert_eq!(rule(NoiseProfile::Default, &all), Some("generation"));
        assert_eq!(rule(NoiseProfile::None, &all), None);
        let spec = path(&["spec", "replicas"]);
        let with_spec: Vec<&FieldPath> = all.iter().copied().chain([&spec]).collect();
        assert_eq!(rule(NoiseProfile::Default, &with_spec), None);
        let other = path(&["spec", "generation"]);
        assert_eq!(rule(NoiseProfile::Default, &[&other]), None);
        let status = path(&["status", "replicas"]);
        let with_status: Vec<&FieldPath> = all.iter().copied().chain([&status]).collect();
        assert_eq!(rule(NoiseProfile::Default, &with_status), None);
        assert_eq!(rule(NoiseProfile::AllStatus, &with_status), Some("status"));
    }

    #[test]
    fn heartbeats_are_noise_until_something_else_changed() {
        let beat = path(&["status", "conditions", "0", "lastHeartbeatTime"]);
        let state = path(&["status", "conditions", "0", "status"]);
        let rule =
            |profile: NoiseProfile, paths: &[&FieldPath]| profile.rule("", "Node", Some(paths));
        assert_eq!(rule(NoiseProfile::Default, &[&beat]), Some("heartbeat"));
        assert_eq!(rule(NoiseProfile::Default, &[&beat, &state]), None);
        assert_eq!(
            rule(NoiseProfile::AllStatus, &[&beat, &state]),
            Some("status")
        );
        assert_eq!(rule(NoiseProfile::None, &[&beat]), None);
        assert_eq!(NoiseProfile::Default.rule("", "Event", None), Some("event"));
        assert_eq!(
            NoiseProfile::Default.rule("example.com", "Event", None),
            None
        );
    }
}
