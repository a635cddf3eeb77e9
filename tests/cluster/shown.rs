//! `objects`: what it prints of a snapshot is what kubectl prints of the API server that has the same objects.

use std::path::Path;

use crate::etcdsnap::etcdsnap;
use crate::server::{Cluster, Shape};

/// What is not stored, or changes by itself.
const LEFT_OUT: [&str; 2] = ["componentstatuses", "leases.coordination.k8s.io"];

/// Good selectors, unknown fields, and texts that are none, with the kind they are tried on.
const SELECTORS: [[&str; 3]; 33] = [
    ["pods", "-l", "app=web"],
    ["deployments", "-l", "app in (web,worker),!canary"],
    ["deployments", "-l", "app notin (web)"],
    ["configmaps", "-l", "a=b,"],
    ["configmaps", "-l", "a in b"],
    ["configmaps", "-l", "-a=b"],
    ["configmaps", "-l", "a=b/c"],
    ["nodes", "-l", "node-role.kubernetes.io/worker"],
    ["pods", "--field-selector", "status.phase=Pending"],
    [
        "pods",
        "--field-selector",
        "status.phase!=Running,spec.nodeName=",
    ],
    ["pods", "--field-selector", "spec.restartPolicy=Always"],
    [
        "pods",
        "--field-selector",
        "spec.schedulerName=default-scheduler",
    ],
    ["pods", "--field-selector", "spec.hostNetwork=false"],
    ["pods", "--field-selector", "status.podIP="],
    ["pods", "--field-selector", "spec.priority=0"],
    ["pods", "--field-selector", "status.phase"],
    ["events", "--field-selector", "involvedObject.kind=Pod"],
    ["events", "--field-selector", "source=kubelet"],
    [
        "events",
        "--field-selector",
        "source=example.com/controller",
    ],
    ["events", "--field-selector", "reason=Pulled,type=Normal"],
    ["events", "--field-selector", "regarding.kind=Pod"],
    [
        "events.events.k8s.io",
        "--field-selector",
        "regarding.kind=Pod",
    ],
    ["secrets", "--field-selector", "type=Opaque"],
    ["secrets", "--field-selector", "type!=Opaque"],
    ["namespaces", "--field-selector", "status.phase=Active"],
    ["nodes", "--field-selector", "spec.unschedulable=true"],
    ["jobs", "--field-selector", "status.successful=0"],
    ["replicasets", "--field-selector", "status.replicas=0"],
    ["services", "--field-selector", "spec.type=ClusterIP"],
    ["services", "--field-selector", "spec.clusterIP=None"],
    ["deployments", "--field-selector", "spec.replicas=1"],
    ["widgets", "--field-selector", "spec.size=2"],
    [
        "widgets",
        "--field-selector",
        "metadata.name=gear,metadata.namespace=shop",
    ],
];

/// Versions, those that are not served among them.
const VERSIONS: [&str; 14] = [
    "events.events.k8s.io",
    "events.v1.events.k8s.io",
    "events.v1beta1.events.k8s.io",
    "deployments.v1.apps",
    "deployments.v1beta1.apps",
    "widgets.v1beta1.example.com",
    "widgets.v2.example.com",
    "customresourcedefinitions.v1.apiextensions.k8s.io",
    "zones.v1.example.com",
    "cronjobs.v1.batch",
    "cronjobs.v1beta1.batch",
    "customresourcedefinitions.v1beta1.apiextensions.k8s.io",
    "horizontalpodautoscalers.v2.autoscaling",
    "nothing.v1.example.com",
];

/// Every kind as a table, with more columns, as YAML and as JSON; selectors; versions; namespaces; templates.
pub(crate) fn as_kubectl_shows_it(cluster: &Cluster<'_>, shape: Shape) {
    cluster.play("build.sh", &["yes"]);
    cluster.play("shown.sh", &[]);
    let file = cluster.snapshot("shown.db");
    let encryption = cluster.path("encryption.yaml").display().to_string();
    let both = |words: &[&str]| {
        let mut ours = vec!["objects", "--show-secrets"];
        if shape.encrypted {
            ours.extend(["--encryption-config", &encryption]);
        }
        ours.extend(words);
        let [mut get, everywhere] = [vec!["get"], vec!["-A"]];
        get.extend(words);
        if !words.contains(&"-n") {
            get.extend(&everywhere);
        }
        (cluster.kubectl(&get), etcdsnap(&[Path::new(&file)], &ours))
    };
    let mut wrong = Vec::new();
    let mut compare = |words: &[&str], is_table: bool| {
        let (server, ours) = both(words);
        let is_refused = server.code != Some(0);
        let fails = ours.code != Some(0) && !ours.has_found_nothing();
        let [server_text, our_text] = match is_table {
            true => [masked(&server.stdout), masked(&ours.stdout)],
            false => [server.stdout, ours.stdout],
        };
        // An error is told in other words.
        if is_refused != fails || !is_refused && server_text != our_text {
            wrong.push(format!(
                "{words:?}: exit {:?}, not {:?}: {}{}\n{}",
                ours.code,
                server.code,
                ours.stderr,
                server.stderr,
                first_difference(&server_text, &our_text)
            ));
        }
    };

    let listed = cluster.kubectl(&["api-resources", "--verbs=list", "-o", "name"]);
    let listed = listed.success("kubectl api-resources");
    let kinds: Vec<&str> = listed
        .lines()
        .filter(|kind| !LEFT_OUT.contains(kind))
        .collect();
    assert!(kinds.len() > 60, "{kinds:?}");
    for kind in &kinds {
        // How it is stored does not matter for tables.
        if !shape.encrypted {
            compare(&[kind], true);
            compare(&[kind, "-o", "wide"], true);
        }
        let form = if shape.encrypted { "json" } else { "yaml" };
        compare(&[kind, "-o", form], false);
    }
    for kind in [
        "sc/plain",
        "sc/other",
        "deploy/web -n shop",
        "svc/web -n shop",
    ] {
        compare(&kind.split(' ').collect::<Vec<_>>(), true);
    }
    for [kind, option, selector] in SELECTORS {
        compare(&[kind, option, selector, "-o", "name"], false);
    }
    for word in VERSIONS {
        compare(&[word], true);
        compare(&[word, "-o", "yaml"], false);
    }
    for kind in ["nodes", "crd", "zones", "pv", "ns"] {
        compare(&[kind, "-n", "shop", "-o", "name"], false);
    }
    for template in [
        "{.items[*].metadata.nothing}",
        "{range .items[*]}{.metadata.name}={.spec.nodeName}{\"\\n\"}{end}",
        "{.items[0].metadata.labels}",
        "{.items[?(@.metadata.name==\"web\")].spec.replicas}",
        "{.items[*].status.nothing.at.all}",
        "{.items[0].metadata.finalizers}",
    ] {
        for form in ["jsonpath", "jsonpath-as-json"] {
            let form = format!("{form}={template}");
            for kind in ["deployments", "widgets", "events"] {
                compare(&[kind, "-o", &form], false);
            }
        }
    }
    for kind in ["deployments", "widgets", "events", "crd", "cm"] {
        compare(&[kind, "-o", "kyaml"], false);
    }
    compare(&["deploy/web", "-n", "shop", "-o", "kyaml"], false);
    if shape.encrypted {
        without_keys(cluster, Path::new(&file), &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A table without ages, and with the same room between its columns.
fn masked(table: &str) -> String {
    let is_age = |word: &str| {
        let parts: Vec<&str> = word.split_inclusive(['s', 'm', 'h', 'd', 'y']).collect();
        parts.len() <= 2
            && parts.iter().all(|part| {
                let digits = part.strip_suffix(['s', 'm', 'h', 'd', 'y']);
                digits.is_some_and(|text| {
                    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
                })
            })
    };
    let lines = table.lines().map(|line| {
        let words = line
            .split("  ")
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let words = words.map(|word| if is_age(word) { "AGE" } else { word });
        words.collect::<Vec<_>>().join("  ") + "\n"
    });
    lines.collect()
}

fn first_difference(server: &str, ours: &str) -> String {
    let mut pairs = server.lines().zip(ours.lines());
    match pairs.find(|(server, ours)| server != ours) {
        Some((server, ours)) => format!("  {server}\n  {ours}"),
        None => format!(
            "  {} lines, not {}",
            ours.lines().count(),
            server.lines().count()
        ),
    }
}

/// Of Secrets that nobody can open, what their keys tell is told as the server tells it, and nothing else is claimed.
fn without_keys(cluster: &Cluster<'_>, file: &Path, wrong: &mut Vec<String>) {
    let names = cluster.kubectl(&["get", "secrets", "-A", "-o", "name"]);
    let names = names.success("kubectl get secrets");
    let one = names.lines().next().expect("a Secret");
    let (_, one) = one.split_once('/').expect("a kind and a name");
    let by_name = format!("metadata.name={one}");
    for selector in [
        &["-o", "name"][..],
        &["-o", "name", "--field-selector", &by_name],
        &["-o", "name", "-n", "shop"],
    ] {
        let words = [&["get", "secrets"][..], selector].concat();
        let everywhere: &[&str] = if selector.contains(&"-n") {
            &[]
        } else {
            &["-A"]
        };
        let server = cluster.kubectl(&[&words, everywhere].concat());
        let ours = etcdsnap(&[file], &[&["objects", "secrets"][..], selector].concat());
        if ours.code != Some(0) || ours.stdout != server.stdout {
            wrong.push(format!(
                "without a key, {selector:?}: {ours:?}, not {server:?}"
            ));
        }
    }
    let all = names.lines().count();
    for selector in [["-l", "app=web"], ["--field-selector", "type=Opaque"]] {
        let ours = etcdsnap(&[file], &[&["objects", "secrets"][..], &selector].concat());
        let told =
            format!("cannot tell whether these are selected: {all} secrets, encrypted with ");
        let is_right =
            ours.code == Some(1) && ours.stdout.is_empty() && ours.stderr.contains(&told);
        if !is_right {
            wrong.push(format!("without a key, {selector:?}: {ours:?}"));
        }
    }
}
