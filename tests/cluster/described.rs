//! `describe`: what it prints of a snapshot is what kubectl prints of the API server that has the same objects.

use crate::etcdsnap::etcdsnap;
use crate::server::{Cluster, Shape};
use crate::support::descriptions::masked;

/// What is not stored, or changes by itself.
const LEFT_OUT: [&str; 3] = [
    "componentstatuses",
    "leases.coordination.k8s.io",
    "events.events.k8s.io",
];

/// Single objects, several, some by the beginnings of their names, and none.
const WORDS: [&str; 16] = [
    "pod/everything -n told",
    "pod everything -n told --show-events=false",
    "pods every -n told",
    "pods every -n told --show-events=true",
    "pod everything everything-else -n told",
    "pods -n told -l app=every",
    "deploy,svc -n told",
    "deploy every -n told",
    "svc/every ing/every pvc/disk -n told",
    "node big",
    "ns told",
    "cm settings -n told",
    "widgets -n shop",
    "widget gear -n shop",
    "pod nothing -n told",
    "pod/everythin -n told",
];

/// Every kind, and the words above.
pub(crate) fn as_kubectl_describes_it(cluster: &Cluster<'_>, shape: Shape) {
    cluster.play("build.sh", &["yes"]);
    cluster.play("shown.sh", &[]);
    cluster.play("described.sh", &[]);
    let file = cluster.snapshot("described.db");
    let encryption = cluster.path("encryption.yaml").display().to_string();
    let mut wrong = Vec::new();
    let mut compare = |words: &[&str]| {
        let mut ours = vec!["describe", "--show-secrets", "--show-owners=false"];
        if shape.encrypted {
            ours.extend(["--encryption-config", &encryption]);
        }
        ours.extend(words);
        let ours = etcdsnap(&[&file], &ours);
        let mut theirs = vec!["describe"];
        theirs.extend(words);
        if words.contains(&"--show-events=true") && !words.contains(&"-n") {
            theirs.push("-A");
        }
        let server = cluster.kubectl(&theirs);
        let is_refused = server.code != Some(0);
        // kubectl takes it for success that there is nothing.
        let fails = ours.code != Some(0) && !ours.has_found_nothing();
        let [server_text, our_text] = [masked(&server.stdout), masked(&ours.stdout)];
        if is_refused != fails || server_text != our_text {
            let mut pairs = server_text.lines().zip(our_text.lines());
            let pair = pairs.find(|(server, ours)| server != ours);
            wrong.push(format!(
                "{words:?}: exit {:?}, not {:?}: {}{}\n{pair:?}",
                ours.code, server.code, ours.stderr, server.stderr
            ));
        }
    };
    let listed = cluster.kubectl(&["api-resources", "--verbs=list", "-o", "name"]);
    let listed = listed.success("kubectl api-resources");
    for kind in listed.lines().filter(|kind| !LEFT_OUT.contains(kind)) {
        compare(&[kind, "--show-events=true"]);
    }
    for words in WORDS {
        compare(&words.split(' ').collect::<Vec<_>>());
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
