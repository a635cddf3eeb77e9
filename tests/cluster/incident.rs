//! Many random changes to a cluster at once.

use serde_json::{Value, json};

use crate::mutate;
use crate::random::Random;
use crate::server::Cluster;
use crate::state::State;

/// Kinds whose deletion takes others along; they change and are re-created, but do not go.
const HOLDERS: [&str; 3] = ["Namespace", "CustomResourceDefinition", "Node"];

/// Changes, deletes, copies and re-creates objects that are not in `empty`.
pub(crate) fn strike(cluster: &Cluster<'_>, empty: &State, world: &State, seed: u64) {
    let (mut changed, mut deleted, mut recreated, mut copied) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for object in world.without(empty) {
        // One for each object: what happens to one does not depend on which others there are.
        let random = &mut random_of(seed, object);
        // When the garbage collector notices that an owner is gone is anybody's guess, half a minute after a new
        // definition for instance.
        let holds = HOLDERS.iter().any(|kind| object["kind"] == *kind) || world.is_owner(object);
        match random.below(10) {
            0 if !holds => deleted.push(object.clone()),
            1 if !holds => {
                deleted.push(object.clone());
                recreated.push(fresh(&mutate::mutate(object, random)));
            }
            2 if !holds => {
                let mut copy = fresh(object);
                let name = copy["metadata"]["name"].as_str().unwrap_or_default();
                copy["metadata"]["name"] = json!(format!("{name}-copy"));
                copied.push(copy);
            }
            3 => {}
            _ => changed.push(mutate::mutate(object, random)),
        }
    }
    // What the server refuses as a whole still gets something that every kind takes.
    let told = send(cluster, &["replace", "--validate=false"], &changed);
    let mut again: Vec<Value> = changed
        .iter()
        .filter(|object| !told.contains(object["metadata"]["name"].as_str().unwrap_or_default()))
        .filter_map(|object| world.get(&crate::state::id(object)).cloned())
        .collect();
    for object in &mut again {
        let random = &mut random_of(seed + 1, object);
        mutate::change_metadata(object, random);
    }
    send(cluster, &["replace", "--validate=false"], &again);
    send(cluster, &["delete", "--wait=false", "--force"], &deleted);
    cluster.release();
    send(
        cluster,
        &["wait", "--for=delete", "--timeout=20s"],
        &deleted,
    );
    send(cluster, &["create", "--validate=false"], &recreated);
    send(cluster, &["create", "--validate=false"], &copied);
}

fn random_of(seed: u64, object: &Value) -> Random {
    let id = crate::state::id(object);
    // FNV-1a.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    Random::new(hash.wrapping_add(seed))
}

fn send(cluster: &Cluster<'_>, words: &[&str], objects: &[Value]) -> String {
    if objects.is_empty() {
        return String::new();
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let mut words = words.to_vec();
    words.extend(["-f", "-"]);
    cluster.kubectl_with(&words, &list.to_string()).stdout
}

/// As a manifest of somebody who re-creates it.
fn fresh(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
            metadata.remove(field);
        }
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        for field in ["clusterIPs", "clusterIP"] {
            if spec.get(field).is_some_and(|value| *value != "None") {
                spec.remove(field);
            }
        }
    }
    object
}
