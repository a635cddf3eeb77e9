//! Snapshots of clusters against what the API server listed at that moment. `ETCDSNAP_K8S_CLUSTERS` names a
//! directory with `NAME.db` and `NAME.objects.json`, which is `{"group/version/resource": [items]}`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use etcdsnap::bolt::{Database, SecondMeta};
use etcdsnap::etcd::Record;
use etcdsnap::kubernetes::{DecodeError, Encoding, Head, decode};
use etcdsnap::source::{Slice, Source};
use serde_json::Value;

use crate::api::differ;

/// The newest value of each key that lives, with its revision.
fn live(bytes: &[u8]) -> BTreeMap<Vec<u8>, (i64, Vec<u8>)> {
    let source = Slice(bytes);
    let database = Database::open(&source, source.len(), SecondMeta::Search).expect("a database");
    let bucket = database.bucket(b"key").expect("sound");
    let mut cursor = database.cursor(&bucket.expect("bucket key"));
    let mut live = BTreeMap::new();
    let mut step = cursor.first();
    while let Some(entry) = step.expect("sound") {
        let record = Record::decode(entry.value).expect("a record");
        if entry.key.last() == Some(&b't') && entry.key.len() == 18 {
            live.remove(record.key);
        } else {
            let stored = (record.mod_revision, record.value.to_vec());
            live.insert(record.key.to_vec(), stored);
        }
        step = cursor.next();
    }
    live
}

/// Every object in protobuf that lives in the snapshots of a directory.
pub(crate) fn protobuf_objects(directory: &Path) -> Vec<Vec<u8>> {
    let mut objects = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.extension().is_some_and(|extension| extension == "db") {
            let bytes = std::fs::read(&path).expect("a readable file");
            let values = live(&bytes).into_values().map(|(_, value)| value);
            objects.extend(values.filter(|value| Encoding::of(value) == Encoding::Protobuf));
        }
    }
    objects
}

/// What reading adds to objects.
fn add_defaults(json: &mut Value) {
    let is_template = json["kind"] == "StatefulSet";
    let mut claims = Vec::new();
    if json["kind"] == "PersistentVolumeClaim" {
        claims.push(&mut *json);
    } else if is_template && let Some(list) = json["spec"]["volumeClaimTemplates"].as_array_mut() {
        claims.extend(list);
    }
    for claim in claims {
        if is_template {
            claim["apiVersion"] = "v1".into();
            claim["kind"] = "PersistentVolumeClaim".into();
        }
        if claim["status"]["phase"].is_null() {
            claim["status"]["phase"] = "Pending".into();
        }
    }
}

fn judge(database: &Path, wrong: &mut Vec<String>) -> [usize; 4] {
    let listing = std::fs::read(database.with_extension("objects.json")).expect("a listing");
    let listing: BTreeMap<String, Vec<Value>> = serde_json::from_slice(&listing).expect("JSON");
    let mut items: HashMap<(String, String), &Value> = HashMap::new();
    for (resource, list) in &listing {
        let version = resource.rsplit_once('/').expect("a resource").0;
        for item in list {
            let uid = item["metadata"]["uid"].as_str().unwrap_or_default();
            items.insert(
                (version.trim_start_matches('/').to_owned(), uid.to_owned()),
                item,
            );
        }
    }
    let bytes = std::fs::read(database).expect("a readable file");
    let [mut equal, mut unlisted, mut encrypted, mut other] = [0; 4];
    for (key, (revision, value)) in live(&bytes) {
        let key = String::from_utf8_lossy(&key).into_owned();
        let mut object = match decode(&value) {
            Ok(object) => object,
            Err(DecodeError::Encrypted) => {
                encrypted += 1;
                continue;
            }
            Err(fault) => {
                assert_eq!(fault, DecodeError::NotKubernetes, "{key}");
                assert_eq!(Encoding::of(&value), Encoding::Other);
                other += 1;
                continue;
            }
        };
        let head = Head::of(&value);
        assert_eq!(head.error, None, "{key}");
        assert_eq!(head.name.as_deref(), object.name(), "{key}");
        assert_eq!(head.namespace.as_deref(), object.namespace(), "{key}");
        assert_eq!(head.uid.as_deref(), object.uid(), "{key}");
        assert_eq!(
            head.kind.as_deref(),
            Some(&*object.description.kind),
            "{key}"
        );
        if object.description.is_partial() {
            wrong.push(format!("{key}: {:?}", object.description));
        }
        // The server renews its own lease between the save and the listing.
        if key.starts_with("/registry/leases/kube-system/apiserver-") {
            continue;
        }
        let uid = object.uid().unwrap_or("none").to_owned();
        let Some(item) = items.get(&(object.description.api_version.clone(), uid)) else {
            unlisted += 1;
            println!("  {key}: {}", object.description.api_version);
            continue;
        };
        object.json["metadata"]["resourceVersion"] = revision.to_string().into();
        add_defaults(&mut object.json);
        let mut expected = (*item).clone();
        for name in ["apiVersion", "kind"] {
            expected[name] = object.json[name].clone();
        }
        if expected == object.json {
            equal += 1;
        } else {
            let mut differences = Vec::new();
            differ("", &expected, &object.json, &mut differences);
            wrong.push(format!("{key}: {}", differences.join("; ")));
        }
    }
    [equal, unlisted, encrypted, other]
}

#[test]
fn objects_of_real_clusters_are_what_their_api_servers_listed() {
    let Ok(directory) = std::env::var("ETCDSNAP_K8S_CLUSTERS") else {
        return;
    };
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.extension().is_some_and(|extension| extension == "db") {
            let [equal, unlisted, encrypted, other] = judge(&path, &mut wrong);
            println!(
                "{}: {equal} equal, {unlisted} not listed, {encrypted} encrypted, {other} other",
                path.display()
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
