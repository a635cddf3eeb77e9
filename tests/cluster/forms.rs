//! `objects` against `kubectl get`: the same command lines, to the byte.

use std::fs;

use crate::etcdsnap::etcdsnap;
use crate::server::{Cluster, Controllers, Peers, Shape};

/// Command lines behind `kubectl get` and `etcdsnap objects FILE`; what stands in braces there is a file.
const COMMAND_LINES: &str = r"
deploy -A
deploy web worker -n shop
deploy worker web -n shop
deploy/worker svc/web deploy/web -n shop
deploy,svc web -n shop
svc,deploy -n shop
svc,deploy web search -n shop -o name
all -A
all -A -o name
all -A -o wide
all -n shop --show-labels
po,rs -n shop -l app=web --show-labels
deploy -n shop -L app,tier
deploy -n shop -L app -L example.com/tier --show-labels -o wide
deploy -n shop --show-kind
deploy -n shop --show-kind --no-headers -L app
deploy web -n shop --show-labels
nodes --show-labels
cm one -n tabs --show-kind
deploy -A -n shop
deploy -A --no-headers
pods -A --sort-by=.metadata.creationTimestamp
pods -A --sort-by=.metadata.name
pods -A --sort-by=.status.phase
pods -A --sort-by={.metadata.labels.app}
pods -A --sort-by=metadata.labels.app -o name
cm -n many --sort-by=.data.few
cm -n many --sort-by=.data.few -o name
cm -n many --sort-by=.data.size -o custom-columns=S:.data.size,F:.data.few
cm -n many --sort-by=.data.some -o json
cm -A --sort-by=.data.some -o name
cm -A --sort-by=.metadata.namespace
cm -A --sort-by=.metadata.resourceVersion -o name
deploy -A --sort-by=.spec.replicas
clusterroles --sort-by=.metadata.creationTimestamp
crd --sort-by=.metadata.creationTimestamp
flowschemas --sort-by=.metadata.name
events -A --sort-by=.lastTimestamp
deploy web -n shop --sort-by=.spec.nope -o name
deploy -A --sort-by=.spec.nope -o name
deploy -A --sort-by=.spec.template -o name
deploy -n shop -o NAME
deploy -n shop -o foo
deploy -n shop -o yaml --show-labels
deploy -n shop -o name --show-labels
deploy -n shop -o yaml -L app
deploy -n shop -o custom-columns=A:.b -L app
deploy -n shop -o custom-columns=A:.b --show-labels
deploy -n shop -o custom-columns
deploy -n shop -o custom-columns=
deploy -n shop -o custom-columns=A
deploy -n shop -o custom-columns=A:{.b
deploy -A -o custom-columns=NAME:.metadata.name,IMAGES:.spec.template.spec.containers[*].image
deploy -A -o custom-columns=N:.metadata.name,C:.spec.template.spec.containers,R:.spec.replicas,X:.x,L:.metadata.labels
deploy -n shop -o custom-columns=N:metadata.name,P:{.spec.template.spec.containers[0].ports[0].containerPort}
deploy web -n shop -o custom-columns=N:metadata.name --no-headers
deploy -n shop -o custom-columns=N:metadata.name,A:.metadata.annotations --no-headers
deploy -n shop -o custom-columns-file={columns}
deploy -n shop -o custom-columns-file={columns} --no-headers
deploy -n shop -o custom-columns-file={nothing}
cm -n tabs -o custom-columns=N:.data.a,T:.data.b,E:.data.c
deploy,svc -A -o custom-columns=K:.kind,N:.metadata.name,P:.spec.ports[*].port
secrets -A -o custom-columns=N:.metadata.name,T:.type,K:.data
widgets -A -o custom-columns=N:.metadata.name,S:.spec
widgets -A --sort-by=.metadata.name -o name
zones
deploy web -n shop -o jsonpath={.metadata.name}
deploy -n shop -o jsonpath-file={template}
deploy -n shop -o jsonpath
pods -n nope
pods -n nope -o name
pods -n nope -o custom-columns=A:.metadata.name
pods -n nope -o yaml
ns -l a=b
pods -A -l a=b
";

/// Values that say little, so that many are equal, and values with what parts cells and lines.
fn more(cluster: &Cluster<'_>) {
    let mut items = vec![
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"many"}}"#.to_owned(),
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"many-more"}}"#.to_owned(),
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"tabs"}}"#.to_owned(),
    ];
    let mut config_map = |namespace: &str, name: &str, data: String| {
        items.push(format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"namespace":"{namespace}","name":"{name}"}},"data":{{{data}}}}}"#
        ));
    };
    for number in 0..70 {
        let (few, size) = (number % 4, number * 37 % 11);
        let some = match number % 5 {
            0 => String::new(),
            _ => format!(r#","some":"{}""#, number % 3),
        };
        let data = format!(r#""few":"{few}","size":"{size}Gi"{some}"#);
        config_map("many", &format!("n{number}"), data);
    }
    config_map("many-more", "x", r#""some":"1""#.into());
    let broken = r#""a":"one","b":"first line\nsecond\tx","c":"end""#;
    config_map("tabs", "one", broken.into());
    config_map(
        "tabs",
        "three",
        r#""a":"longer-name","b":"tab\there","c":"end""#.into(),
    );
    config_map("tabs", "z", r#""a":"z","b":"a","c":"b""#.into());
    cluster
        .kubectl_with(&["create", "-f", "-"], &items.join("\n"))
        .success("kubectl create");
}

/// Ages are counted from another moment; columns are as wide as these make them.
fn without_ages(text: &str) -> String {
    let is_age = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.ends_with(['s', 'm', 'h'])
            && word
                .bytes()
                .all(|b| b.is_ascii_digit() || b"smhd".contains(&b))
    };
    let lines = text.lines().map(|line| {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let words: Vec<&str> = words
            .map(|word| if is_age(word) { "AGE" } else { word })
            .collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every line of the table says the same and succeeds or fails alike; what is refused is refused in like words.
pub(crate) fn are_those_of_kubectl(peers: &Peers) {
    let mut cluster = Cluster::start(
        peers,
        Shape {
            controllers: Controllers::All,
            ..Shape::default()
        },
    );
    cluster.play("build.sh", &["yes"]);
    more(&cluster);
    let file = |name: &str, text: &str| {
        let path = cluster.path(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let columns = file(
        "columns",
        "NAME   IMAGES\n.metadata.name {.spec.template.spec.containers[*].image}\n",
    );
    let template = file(
        "template",
        "{range .items[*]}{.metadata.name}{\"\\n\"}{end}",
    );
    let nothing = cluster.path("nothing").display().to_string();
    // Controllers have done all that they can without nodes that run anything. What comes late, such as events about
    // nodes, would be in one of the two answers only.
    cluster.state();
    cluster.stop_controllers();
    let snapshot = cluster.snapshot("forms.db");
    let mut unlike = Vec::new();
    for line in COMMAND_LINES.lines().filter(|line| !line.is_empty()) {
        let line = line
            .replace("{columns}", &columns)
            .replace("{template}", &template)
            .replace("{nothing}", &nothing);
        let words: Vec<&str> = line.split(' ').collect();
        let theirs = cluster.kubectl(&[&["get"], &words[..]].concat());
        let ours = etcdsnap(
            &[&snapshot],
            &[&["objects"], &words[..], &["--show-secrets"]].concat(),
        );
        // Tables have ages, and what is printed otherwise has not.
        let is_exact = line.contains("-o ") && !line.contains("-o wide");
        let seen = |text: &str| match is_exact {
            true => text.to_owned(),
            false => without_ages(text),
        };
        let (is_none, is_fine) = (ours.has_found_nothing(), ours.code == Some(0));
        let is_alike = seen(&theirs.stdout) == seen(&ours.stdout)
            && (theirs.code == Some(0)) == (is_fine || is_none)
            && theirs.stderr.is_empty()
                == (ours.stderr.is_empty() || (is_fine || is_none) && is_exact)
            && (!theirs.stderr.starts_with("No resources")
                || ours.stderr.starts_with(&theirs.stderr));
        if !is_alike {
            unlike.push(format!(
                "{line}\nkubectl, exit {:?}:\n{}{}\netcdsnap, exit {:?}:\n{}{}",
                theirs.code, theirs.stdout, theirs.stderr, ours.code, ours.stdout, ours.stderr
            ));
        }
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n\n"));
}
