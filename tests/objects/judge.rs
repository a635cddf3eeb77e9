//! Every object of the clusters, as it is printed, against what the API server listed at that moment.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::support::clusters::{self, CLUSTERS};
use crate::support::tool::{self, Outcome};

/// Stored but never listed.
fn is_unlisted(object: &Value) -> bool {
    // Where the API servers tell each other their addresses, since 1.36.
    let is_peer = object["kind"] == "Endpoints" && object["metadata"]["name"].is_null();
    object["kind"] == "RangeAllocation" || is_peer
}

/// The API server renews its own lease between the save and the listing.
fn is_renewed(object: &Value) -> bool {
    object["kind"] == "Lease"
        && object["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("apiserver-"))
}

/// Kinds that are stored in a version in which they are not listed.
fn has_other_version(kind: &str) -> bool {
    matches!(kind, "CustomResourceDefinition" | "DeviceClass")
}

/// What reading adds to objects.
fn add_defaults(object: &mut Value) {
    let mut claims = Vec::new();
    if object["kind"] == "PersistentVolumeClaim" {
        claims.push(object);
    } else if object["kind"] == "StatefulSet"
        && let Some(templates) = object["spec"]["volumeClaimTemplates"].as_array_mut()
    {
        for template in &mut *templates {
            template["apiVersion"] = "v1".into();
            template["kind"] = "PersistentVolumeClaim".into();
        }
        claims.extend(templates);
    }
    for claim in claims {
        if claim["status"]["phase"].is_null() {
            claim["status"]["phase"] = "Pending".into();
        }
    }
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// Holds all objects against the listing. Gives how many were equal, and how many only by their names.
fn judge(printed: &[Value], listing: &BTreeMap<String, Vec<Value>>) -> (usize, usize) {
    let mut listed: HashMap<(&str, &str), &Value> = HashMap::new();
    for (resource, items) in listing {
        let version = resource.rsplit_once('/').expect("a resource").0;
        for item in items {
            listed.insert((version, uid(item)), item);
        }
    }
    let (mut equal, mut named) = (0, 0);
    for object in printed {
        let who = format!("{} {}", object["kind"], object["metadata"]["name"]);
        let version = object["apiVersion"].as_str().expect("a version");
        if is_unlisted(object) {
            continue;
        }
        let kind = object["kind"].as_str().expect("a kind");
        if has_other_version(kind) {
            let item = listed.iter().find(|((_, of), _)| *of == uid(object));
            let item = item.unwrap_or_else(|| panic!("{who} is not listed")).1;
            assert_eq!(item["metadata"]["name"], object["metadata"]["name"]);
            named += 1;
            continue;
        }
        let item = listed.get(&(version, uid(object)));
        let item = *item.unwrap_or_else(|| panic!("{who} is not listed"));
        if is_renewed(object) {
            assert_eq!(item["metadata"]["name"], object["metadata"]["name"]);
            named += 1;
            continue;
        }
        let mut object = object.clone();
        add_defaults(&mut object);
        assert_eq!(object, *item, "{who}");
        equal += 1;
    }
    (equal, named)
}

#[test]
fn every_object_is_printed_as_its_api_server_listed_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    clusters::unpack(dir.path());
    for cluster in CLUSTERS {
        let listing = clusters::listing(cluster, "after");
        let (file, config) = (format!("{cluster}-after.db"), format!("{cluster}.yaml"));
        let release = &cluster[5..9];
        let form = [
            "-o",
            "ndjson",
            "--show-managed-fields",
            "--kube-version",
            release,
        ];
        let args: Vec<&str> = ["objects", &file].into_iter().chain(form).collect();
        let secrets = ["--show-secrets", "--encryption-config", &config];
        let printed = lines(&tool::run(dir.path(), args.iter().chain(&secrets)));
        let (equal, named) = judge(&printed, &listing);
        assert!(equal > 650, "{cluster}: {equal} equal, {named} by name");
        assert!(named < 10, "{cluster}: {named} only by name");

        // The other way round: what was listed is printed. Some is listed in several versions, and the
        // states of components are made when somebody asks.
        let mut printed_uids: Vec<&str> = printed.iter().map(uid).collect();
        printed_uids.sort_unstable();
        for (resource, items) in &listing {
            for item in items {
                let is_there = printed_uids.binary_search(&uid(item)).is_ok();
                let is_made = resource == "v1/componentstatuses";
                assert!(is_there || is_made, "{resource} {}", item["metadata"]);
            }
        }

        // Kind by kind, as it is asked for.
        for (resource, items) in &listing {
            let mut parts = resource.rsplit('/');
            let plural = parts.next().expect("a resource");
            let group = parts.nth(1).unwrap_or_default();
            if plural == "componentstatuses" || items.is_empty() || group == "events.k8s.io" {
                continue;
            }
            let name = match group {
                "" => plural.to_owned(),
                group => format!("{plural}.{group}"),
            };
            let args = ["objects", &file, &name, "-o", "ndjson"];
            let printed = lines(&tool::run(
                dir.path(),
                args.iter().chain(&["--encryption-config", &*config]),
            ));
            let count = printed.iter().filter(|one| !is_unlisted(one)).count();
            assert_eq!(count, items.len(), "{cluster}: {name}");
        }
    }
}

#[test]
fn the_counts_of_kinds_are_those_of_the_listing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    clusters::unpack(dir.path());
    for cluster in CLUSTERS {
        // By uid, for some are listed in several versions.
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        let mut seen = std::collections::BTreeSet::new();
        for items in clusters::listing(cluster, "after").values() {
            for item in items
                .iter()
                .filter(|item| seen.insert(uid(item).to_owned()))
            {
                let kind = item["kind"].as_str().expect("a kind").to_owned();
                *expected.entry(kind).or_default() += 1;
            }
        }
        expected.remove("ComponentStatus");
        let file = format!("{cluster}-after.db");
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        let mut rows = lines(&tool::run(dir.path(), ["kinds", &file, "--json"]));
        let summary = rows.pop().expect("a summary");
        for row in &rows {
            assert_eq!(row["type"], "kind");
            // What is not an object has no kind; since 1.36 there are leases of API servers among them.
            if row["internal"] == "api-server-lease" {
                assert!(cluster.starts_with("kube-1.36") && row["objects"] == 1);
            }
            let kind = row["kind"].as_str().unwrap_or_default().to_owned();
            *counted.entry(kind).or_default() += row["objects"].as_u64().expect("a number");
        }
        assert_eq!(summary["type"], "summary");
        assert_eq!(summary["objects"], counted.values().sum::<u64>());
        // Stored and never listed.
        counted.remove("RangeAllocation");
        counted.remove("");
        assert_eq!(counted, expected, "{cluster}");
    }
}
