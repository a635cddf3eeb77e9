//! Back into a cluster: what `diff -o manifests` and `export` write is run against real API servers, and what those
//! serve afterwards is compared with what they served before.
//!
//! README.md beside this file tells how to run it and what is compared.

mod described;
mod etcdsnap;
mod export;
mod forms;
mod incident;
mod mutate;
mod process;
#[path = "../support/random.rs"]
mod random;
mod server;
mod shown;
mod state;
mod undo;

#[path = "../support/mod.rs"]
mod support;

use server::{Beginning, Cluster, Controllers, Peers, Shape, Storage};

/// The seeds of a shape's random incident.
fn seeds(default: &[u64]) -> Vec<u64> {
    match std::env::var("ETCDSNAP_CLUSTER_SEEDS") {
        Ok(text) if !text.is_empty() => text
            .split(',')
            .map(|seed| {
                seed.trim()
                    .parse()
                    .expect("ETCDSNAP_CLUSTER_SEEDS: numbers")
            })
            .collect(),
        _ => default.to_vec(),
    }
}

#[test]
fn a_cluster_is_led_back_past_kills_and_what_came_later_is_kept() {
    let peers = Peers::find();
    let cluster = Cluster::start(&peers, Shape::default());
    undo::past_kills_and_later_changes(&cluster);
}

#[test]
fn a_cluster_with_every_controller_is_led_back() {
    let peers = Peers::find();
    let shape = Shape {
        controllers: Controllers::All,
        ..Shape::default()
    };
    let cluster = Cluster::start(&peers, shape);
    undo::with_controllers_at_work(&cluster);
}

#[test]
fn a_cluster_is_led_back_past_what_is_in_the_way() {
    let peers = Peers::find();
    let shape = Shape {
        controllers: Controllers::All,
        ..Shape::default()
    };
    let cluster = Cluster::start(&peers, shape);
    undo::past_what_is_in_the_way(&cluster);
}

#[test]
fn clusters_of_older_releases_are_led_back_to_before_their_incident() {
    let peers = Peers::find();
    let dir = tempfile::tempdir().expect("a temporary directory");
    support::clusters::unpack(dir.path());
    for name in support::clusters::CLUSTERS {
        eprintln!("{name}");
        let file = |end: &str| dir.path().join(format!("{name}{end}"));
        let (before, after) = (file("-before.db"), file("-after.db"));
        let encryption = file(".yaml");
        let beginning = |snapshot| Beginning {
            snapshot,
            encryption: &encryption,
        };
        undo::incident_of_another_cluster(&peers, beginning(&before), beginning(&after));
    }
}

fn random_incidents(default: &[u64], shape: Shape) {
    let peers = Peers::find();
    for seed in seeds(default) {
        eprintln!("{:?}, seed {seed}", shape.storage);
        let cluster = Cluster::start(&peers, shape);
        undo::random_incident(&cluster, shape, seed);
    }
}

#[test]
fn a_random_incident_is_undone_and_done_again_where_json_is_stored_encrypted() {
    let shape = Shape {
        storage: Storage::Json,
        encrypted: true,
        reconciler: "master-count",
        ..Shape::default()
    };
    random_incidents(&[1], shape);
}

#[test]
fn a_random_incident_is_undone_and_done_again_where_cbor_is_stored() {
    let shape = Shape {
        storage: Storage::Cbor,
        ..Shape::default()
    };
    random_incidents(&[2], shape);
}

#[test]
fn a_random_incident_is_undone_and_done_again_where_protobuf_is_stored_encrypted() {
    let shape = Shape {
        encrypted: true,
        reconciler: "none",
        ..Shape::default()
    };
    random_incidents(&[3], shape);
}

#[test]
fn lists_of_objects_are_those_of_kubectl_get() {
    forms::are_those_of_kubectl(&Peers::find());
}

#[test]
fn an_export_fills_an_empty_cluster_in_one_pass() {
    let peers = Peers::find();
    for storage in [Storage::Protobuf, Storage::Json, Storage::Cbor] {
        let shape = Shape {
            storage,
            encrypted: storage == Storage::Json,
            ..Shape::default()
        };
        eprintln!("{storage:?}");
        export::fills_an_empty_cluster(&peers, shape);
    }
}

#[test]
fn objects_are_shown_as_kubectl_shows_them() {
    on_plain_and_encrypted_clusters(shown::as_kubectl_shows_it);
}

#[test]
fn objects_are_described_as_kubectl_describes_them() {
    on_plain_and_encrypted_clusters(described::as_kubectl_describes_it);
}

/// Runs a check on a cluster of each kind, without controllers that would go on changing it.
fn on_plain_and_encrypted_clusters(check: impl Fn(&Cluster<'_>, Shape)) {
    let peers = Peers::find();
    for (storage, encrypted) in [(Storage::Protobuf, false), (Storage::Cbor, true)] {
        let shape = Shape {
            storage,
            encrypted,
            controllers: Controllers::None,
            ..Shape::default()
        };
        check(&Cluster::start(&peers, shape), shape);
    }
}
