//! The incident of the clusters: every line of it is found, and nothing else is left unexplained.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::clusters::{self, CLUSTERS};
use crate::support::tool;
use crate::{lines, summary};

/// Everything that differs, as lines of JSON, with all secrets.
fn changes(cluster: &str) -> Vec<Value> {
    let dir = tempfile::tempdir().expect("a directory");
    clusters::unpack(dir.path());
    let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
    let config = format!("{cluster}.yaml");
    let args = ["diff", &files[0], &files[1], "--json", "--show-secrets"];
    let outcome = tool::run(
        dir.path(),
        args.iter().chain(&["--encryption-config", &*config]),
    );
    assert_eq!((outcome.status, &*outcome.stderr), (Some(1), ""));
    let end = summary(&outcome);
    assert_eq!(end["relation"], "same-history", "{cluster}");
    assert_eq!(end["history_complete"], true, "{cluster}");
    let changes = lines(&outcome).into_iter();
    changes.filter(|line| line["type"] == "change").collect()
}

/// Kind, namespace and name of the object that a line is about.
fn who(line: &Value) -> String {
    let part = |name: &str| line[name].as_str().unwrap_or_default();
    let namespace = part("namespace");
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{} {namespace}{slash}{}", part("kind"), part("name"))
}

fn operations(line: &Value) -> &[Value] {
    line["patch"].as_array().map_or(&[], Vec::as_slice)
}

/// The value that a path has now, as the patch tells.
fn put<'l>(line: &'l Value, path: &str) -> Option<&'l Value> {
    let of_path = |operation: &&Value| operation["path"] == path && operation["op"] != "remove";
    operations(line)
        .iter()
        .find(of_path)
        .map(|operation| &operation["value"])
}

/// What may be found, and why.
struct Explanation {
    why: &'static str,
    change: &'static str,
    /// Kind, namespace and name, where `*` stands for any text without a slash.
    who: &'static str,
    /// What may differ: paths of the patch, where a `*` at the end stands for anything below. Besides these
    /// may differ what every change of a spec brings: see [`ALWAYS`].
    paths: &'static [&'static str],
}

const ALWAYS: [&str; 4] = [
    "/metadata/managedFields*",
    "/metadata/generation",
    "/status/observedGeneration",
    "/metadata/resourceVersion",
];

/// A pod that is to be stopped stays, for there is no kubelet that would stop it.
const STOPPED: [&str; 2] = [
    "/metadata/deletionTimestamp",
    "/metadata/deletionGracePeriodSeconds",
];

const fn line(
    why: &'static str,
    change: &'static str,
    who: &'static str,
    paths: &'static [&'static str],
) -> Explanation {
    Explanation {
        why,
        change,
        who,
        paths,
    }
}

/// What the incident was, with what follows from it.
const EXPLANATIONS: &[Explanation] = &[
    line(
        "the image is set, which rolls out",
        "changed",
        "Deployment shop/web",
        &[
            "/spec/template/spec/containers/0/image",
            "/metadata/annotations/deployment.kubernetes.io~1revision",
            "/status/*",
        ],
    ),
    line(
        "the rollout's new set",
        "added",
        "ReplicaSet shop/web-*",
        &[],
    ),
    line(
        "the rollout shrinks the old sets",
        "changed",
        "ReplicaSet shop/web-*",
        &["/spec/replicas", "/metadata/annotations/*", "/status/*"],
    ),
    line("the rollout's new pods", "added", "Pod shop/web-*", &[]),
    line(
        "pods are killed for memory, and the rollout stops some",
        "changed",
        "Pod shop/web-*",
        &[STOPPED[0], STOPPED[1], "/status/*"],
    ),
    line(
        "pods are killed for memory",
        "changed",
        "Pod shop/api-*",
        &["/status/*"],
    ),
    line(
        "pods are killed for memory",
        "changed",
        "Pod shop/worker-*",
        &["/status/*"],
    ),
    line(
        "egress is opened",
        "changed",
        "NetworkPolicy shop/deny",
        &["/spec/egress/0/*", "/spec/egress/0"],
    ),
    line(
        "scaled to 0",
        "changed",
        "Deployment payments/api",
        &["/spec/replicas", "/status/*"],
    ),
    line(
        "its Deployment is scaled to 0",
        "changed",
        "ReplicaSet payments/api-*",
        &["/spec/replicas", "/metadata/annotations/*", "/status/*"],
    ),
    line(
        "its Deployment is scaled to 0",
        "changed",
        "Pod payments/api-*",
        &STOPPED,
    ),
    line(
        "the password is changed",
        "changed",
        "Secret payments/db",
        &["/data/password"],
    ),
    line(
        "goes on",
        "changed",
        "CronJob payments/report",
        &["/status/*"],
    ),
    line("of the CronJob", "added", "Job payments/report-*", &[]),
    line("of the CronJob", "added", "Pod payments/report-*", &[]),
    line(
        "the namespace is deleted",
        "removed",
        "Namespace legacy",
        &[],
    ),
    line("went with the namespace", "removed", "* legacy/*", &[]),
    line(
        "address of a Service that went with the namespace",
        "removed",
        "IPAddress *",
        &[],
    ),
    line("deleted", "removed", "ConfigMap team-a/app-3", &[]),
    line(
        "deleted and created again",
        "recreated",
        "ConfigMap team-a/app-4",
        &["/data/*", "/metadata/uid", "/metadata/creationTimestamp"],
    ),
    line(
        "deleted and created again",
        "recreated",
        "Secret team-a/db",
        &["/data/*", "/metadata/uid", "/metadata/creationTimestamp"],
    ),
    line(
        "makes an administrator",
        "added",
        "ClusterRoleBinding helper",
        &[],
    ),
    line(
        "cordoned",
        "changed",
        "Node node-2",
        &["/spec/unschedulable", "/spec/taints"],
    ),
    line("deleted", "removed", "DaemonSet monitoring/agent", &[]),
    line(
        "of the DaemonSet",
        "removed",
        "ControllerRevision monitoring/agent-*",
        &[],
    ),
    line(
        "of the DaemonSet",
        "changed",
        "Pod monitoring/agent-*",
        &STOPPED,
    ),
    line("deleted", "removed", "ClusterWidget global", &[]),
    line(
        "annotated; one of them had pods that became ready meanwhile",
        "changed",
        "Deployment */*",
        &["/metadata/annotations/touched-*", "/status/*"],
    ),
    line(
        "gets the annotations of its Deployment",
        "changed",
        "ReplicaSet */*",
        &["/metadata/annotations/touched-*"],
    ),
    line(
        "follows the pods of its Service",
        "changed",
        "EndpointSlice */*",
        &["/endpoints/*", "/metadata/annotations*"],
    ),
    line(
        "follows the pods of its Service",
        "changed",
        "Endpoints */*",
        &["/subsets*", "/metadata/annotations*"],
    ),
    line(
        "counts the pods of what is scaled to 0",
        "changed",
        "PodDisruptionBudget payments/api",
        &["/status/*"],
    ),
    line(
        "counts the pods that came and went",
        "changed",
        "ResourceQuota */quota",
        &["/status/used/*"],
    ),
    line(
        "cannot be placed, and is told so again since a node is cordoned",
        "changed",
        "Pod payments/postgres-*",
        &["/status/conditions/*"],
    ),
    line(
        "counts its pods that are ready",
        "changed",
        "Job payments/*",
        &["/status/ready"],
    ),
];

/// Whether `text` is `pattern`, in which a `*` stands for any text without a slash.
fn is_like(text: &str, pattern: &str) -> bool {
    fast_glob::glob_match(pattern, text)
}

fn is_explained(line: &Value, by: &Explanation) -> bool {
    let may_differ = |operation: &Value| {
        let path = operation["path"].as_str().expect("a path");
        ALWAYS
            .iter()
            .chain(by.paths)
            .any(|known| match known.strip_suffix('*') {
                Some(beginning) => path.starts_with(beginning),
                None => path == *known,
            })
    };
    line["change"] == by.change
        && is_like(&who(line), by.who)
        && operations(line).iter().all(may_differ)
}

#[test]
fn nothing_but_the_incident_and_what_follows_from_it_is_left_after_the_noise() {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for cluster in CLUSTERS {
        let changes = changes(cluster);
        for line in changes.iter().filter(|line| line.get("noise").is_none()) {
            let mut because = EXPLANATIONS.iter().filter(|by| is_explained(line, by));
            let by = because.next();
            let by = by.unwrap_or_else(|| panic!("{cluster}: what is {line}?"));
            used.insert(by.who);
            used.extend(because.map(|by| by.who));
        }
        // Of what is noise, nothing was part of the incident.
        for line in changes.iter().filter(|line| line.get("noise").is_some()) {
            let kind = line["kind"].as_str().unwrap_or_default();
            let is_by_nature = matches!(kind, "Event" | "Lease")
                || line["key"]
                    .as_str()
                    .is_some_and(|key| key.contains("peerserverleases"));
            let is_managed = operations(line).iter().all(|operation| {
                let path = operation["path"].as_str().expect("a path");
                path.starts_with("/metadata/managedFields")
            });
            assert!(is_by_nature || is_managed, "{cluster}: {line}");
        }
    }
    // An explanation of nothing would only hide what is to come.
    for by in EXPLANATIONS {
        assert!(used.contains(by.who), "{}: {} is not there", by.who, by.why);
    }
}

#[test]
fn every_line_of_the_incident_is_found() {
    for cluster in CLUSTERS {
        let changes = changes(cluster);
        let found = |change: &str, name: &str| -> &Value {
            let is_it = |line: &&Value| line["change"] == change && who(line) == name;
            let found = changes.iter().find(is_it);
            found.unwrap_or_else(|| panic!("{cluster}: {name} is not {change}"))
        };
        let count = |change: &str, name: &str| {
            let is_it = |line: &&Value| line["change"] == change && is_like(&who(line), name);
            changes.iter().filter(is_it).count()
        };

        let image = put(
            found("changed", "Deployment shop/web"),
            "/spec/template/spec/containers/0/image",
        );
        assert!(
            image
                .and_then(Value::as_str)
                .is_some_and(|image| image.ends_with("/shop/web:6.6.6"))
        );
        assert_eq!(count("added", "ReplicaSet shop/web-*"), 1);
        assert_eq!(count("added", "Pod shop/web-*"), 4);
        let policy = found("changed", "NetworkPolicy shop/deny");
        assert_eq!(policy["security"], json!(["all egress is allowed"]));
        let killed = changes.iter().filter(|line| {
            let state = "/status/containerStatuses/0/lastState/terminated";
            line["namespace"] == "shop"
                && put(line, "/status/containerStatuses/0/restartCount") == Some(&json!(3))
                && put(line, state).is_some_and(|state| state["reason"] == "OOMKilled")
        });
        assert!(killed.count() >= 8, "{cluster}");

        let scaled = put(
            found("changed", "Deployment payments/api"),
            "/spec/replicas",
        );
        assert_eq!(scaled, Some(&json!(0)));
        let password = put(found("changed", "Secret payments/db"), "/data/password");
        assert_eq!(password, Some(&json!("Y2hhbmdlZA==")));
        found("changed", "CronJob payments/report");
        assert_eq!(count("added", "Job payments/report-*"), 1);
        assert_eq!(count("added", "Pod payments/report-*"), 1);

        found("removed", "Namespace legacy");
        let before = clusters::listing(cluster, "before");
        let of_legacy = |item: &&Value| item["metadata"]["namespace"] == "legacy";
        let listed: BTreeSet<&str> = before
            .values()
            .flatten()
            .filter(of_legacy)
            .filter_map(|item| item["metadata"]["uid"].as_str())
            .collect();
        assert_eq!(
            count("removed", "* legacy/*"),
            listed.len(),
            "{cluster}: what was in the namespace"
        );
        let after = clusters::listing(cluster, "after");
        assert_eq!(after.values().flatten().filter(of_legacy).count(), 0);
        let addresses: BTreeSet<&str> = before["v1/services"]
            .iter()
            .filter(of_legacy)
            .filter_map(|item| item["spec"]["clusterIP"].as_str())
            .collect();
        for line in changes.iter().filter(|line| line["kind"] == "IPAddress") {
            let name = line["name"].as_str().expect("a name");
            assert!(addresses.contains(name), "{cluster}: {name}");
        }

        found("removed", "ConfigMap team-a/app-3");
        for name in ["ConfigMap team-a/app-4", "Secret team-a/db"] {
            assert!(put(found("recreated", name), "/metadata/uid").is_some());
        }
        let reason = "ServiceAccount shop/runner gets cluster-admin";
        assert_eq!(
            found("added", "ClusterRoleBinding helper")["security"],
            json!([reason])
        );
        let node = found("changed", "Node node-2");
        assert_eq!(put(node, "/spec/unschedulable"), Some(&json!(true)));
        found("removed", "DaemonSet monitoring/agent");
        assert_eq!(count("removed", "ControllerRevision monitoring/agent-*"), 1);
        assert_eq!(count("changed", "Pod monitoring/agent-*"), 4);
        found("removed", "ClusterWidget global");
        for number in 0..5 {
            let path = format!("/metadata/annotations/touched-{number}");
            let annotated = changes.iter().filter(|line| {
                line["kind"] == "Deployment" && put(line, &path) == Some(&json!("yes"))
            });
            assert_eq!(annotated.count(), 1, "{cluster}: {path}");
        }
    }
}

#[test]
fn what_went_with_the_namespace_is_known_to_have_changed_before() {
    // At the first revision without the Widgets they are gone; at the one before they are other ones.
    for (cluster, until) in CLUSTERS.into_iter().zip(["1700", "1590"]) {
        let dir = tempfile::tempdir().expect("a directory");
        clusters::unpack(dir.path());
        let before = tool::run(
            dir.path(),
            ["status", &format!("{cluster}-before.db"), "-w", "json"],
        );
        let from: Value = serde_json::from_str(&before.stdout).expect("JSON");
        let from = from["revision"].to_string();
        let file = format!("{cluster}-after.db");
        let args = [
            "diff", &file, "--from", &from, "--to", until, "--kind", "widgets", "--json",
        ];
        let found = lines(&tool::run(dir.path(), args));
        let widgets: Vec<&Value> = found
            .iter()
            .filter(|line| line["type"] == "change")
            .collect();
        assert_eq!(widgets.len(), 3, "{cluster}");
        for line in widgets {
            assert_eq!(line["change"], "changed", "{cluster}: {line}");
            let differs = |beginning: &str| {
                let paths = operations(line)
                    .iter()
                    .filter_map(|one| one["path"].as_str());
                paths.into_iter().any(|path| path.starts_with(beginning))
            };
            assert!(
                differs("/spec/size") && differs("/spec/nested/list"),
                "{cluster}: {line}"
            );
        }
    }
}

#[test]
fn secrets_that_changed_are_told_by_marks_and_not_shown() {
    for cluster in CLUSTERS {
        let dir = tempfile::tempdir().expect("a directory");
        clusters::unpack(dir.path());
        let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
        let config = format!("{cluster}.yaml");
        for form in ["text", "json", "markdown"] {
            let args = [
                "diff",
                &files[0],
                &files[1],
                "--encryption-config",
                &config,
                "-o",
                form,
            ];
            let outcome = tool::run(dir.path(), args);
            assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
            assert!(
                outcome.stdout.contains("<redacted 7 bytes, hmac:"),
                "{form}"
            );
            for secret in ["Y2hhbmdlZA", "aHVudGVy", "czNjcjN0", "PRIVATE KEY"] {
                assert!(!outcome.stdout.contains(secret), "{form}: {secret}");
            }
        }
        // Without the configuration nobody can know, and that is said.
        let outcome = tool::run(dir.path(), ["diff", &files[0], &files[1], "-n", "payments"]);
        assert!(
            outcome
                .stdout
                .contains("or only re-encrypted: give --encryption-config"),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn no_object_that_an_api_server_wrote_is_remarked_on_for_its_managed_fields() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    clusters::unpack(dir.path());
    for cluster in CLUSTERS {
        for [old, new] in [["before", "after"], ["after", "before"]] {
            let args = format!(
                "diff {cluster}-{old}.db {cluster}-{new}.db --json --show-managed-fields --encryption-config {cluster}.yaml"
            );
            let outcome = tool::run(dir.path(), args.split(' '));
            assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
            assert!(!outcome.stdout.contains("no managed fields"), "{args}");
        }
        let args = format!(
            "objects {cluster}-after.db -o ndjson --show-managed-fields --encryption-config {cluster}.yaml"
        );
        for line in tool::run(dir.path(), args.split(' ')).stdout.lines() {
            let object: Value = serde_json::from_str(line).expect("JSON");
            let lacks = etcdsnap::kubernetes::compare::security::lacks_managed_fields(&object);
            assert!(!lacks, "{line}");
        }
    }
}
