//! `export`: an empty cluster is filled from a snapshot.

use crate::etcdsnap::{Script, etcdsnap};
use crate::server::{Cluster, Peers, Shape};

/// Objects of a cluster's own, which `export` leaves out.
const LEFT_OUT: [&str; 3] = [
    "Node node-0",
    "Node node-1",
    "CSINode.storage.k8s.io node-0",
];

/// What no stream of manifests can bring back: uids of owners, and an annotation that kubectl itself rewrites.
const LOST_IN_A_PIPE: [&str; 3] = [
    "/metadata/ownerReferences",
    "/metadata/annotations/kubectl.kubernetes.io/last-applied-configuration",
    // Where it is the only one.
    r#"/metadata/annotations: {"kubectl.kubernetes.io/last-applied-configuration""#,
];

/// Once by way of standard output, once by way of the script; each time all has to be there after one pass.
pub(crate) fn fills_an_empty_cluster(peers: &Peers, shape: Shape) {
    let source = Cluster::start(peers, shape);
    source.play("build.sh", &["yes"]);
    let (file, world) = (source.snapshot("world.db"), source.state());
    let mut words = vec!["export".to_owned(), "--show-secrets".to_owned()];
    if shape.encrypted {
        words.push("--encryption-config".to_owned());
        words.push(source.path("encryption.yaml").display().to_string());
    }
    let export = |more: &[&str], out: &str| {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(more);
        words.extend(["--out", out]);
        let outcome = etcdsnap(&[&file], &words);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    let unlike = |cluster: &Cluster<'_>| {
        let differences = world.differences(&cluster.state());
        differences.except(&LEFT_OUT)
    };

    // Stored as the source is: protobuf has no empty lists, JSON has.
    let target = Shape {
        encrypted: false,
        ..shape
    };
    let piped = Cluster::start(peers, target);
    // kubectl looks up all kinds before it creates the first object, so definitions go in front.
    for more in [&["customresourcedefinitions"][..], &["--skip-crds"]] {
        let created = piped.kubectl_with(&["create", "-f", "-"], &export(more, "-"));
        created.success("kubectl create");
        let established = [
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ];
        piped.kubectl(&established).success("kubectl wait");
    }
    let differences = unlike(&piped).except_in(&LOST_IN_A_PIPE);
    assert!(differences.len() == 0, "kubectl create:\n{differences}");
    drop(piped);

    let scripted = Cluster::start(peers, target);
    let dir = source.path("export");
    export(&[], &dir.display().to_string());
    let script = Script::new(&scripted, dir);
    script.dry_run();
    let told = script.run_with_all();
    let differences = unlike(&scripted);
    assert!(
        differences.len() == 0 && told.code == Some(0),
        "exit {:?}\n{}\n{differences}",
        told.code,
        told.text
    );
}
