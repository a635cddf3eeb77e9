//! `diff -o manifests`: a cluster is led back to an earlier snapshot.

use std::path::Path;

use serde_json::{Value, json};

use crate::etcdsnap::{Script, etcdsnap};
use crate::incident;
use crate::process::Outcome;
use crate::server::{Beginning, Cluster, Controllers, Peers, Shape, Storage};
use crate::state::State;

fn diff<'c>(
    cluster: &'c Cluster<'c>,
    [old, new]: [&Path; 2],
    direction: &str,
    folder: &str,
    more: &[&str],
) -> Script<'c> {
    let dir = cluster.path(folder);
    let out = dir.display().to_string();
    let mut words = vec!["diff", "-o", "manifests", direction, "--show-secrets"];
    words.extend(["--out", &out]);
    words.extend(more);
    let outcome = etcdsnap(&[old, new], &words);
    assert_eq!(outcome.code, Some(1), "two states differ: {outcome:?}");
    Script::new(cluster, dir)
}

/// The options for a cluster that keeps objects in this shape.
fn options(cluster: &Cluster<'_>, shape: Shape) -> Vec<String> {
    if !shape.encrypted {
        return Vec::new();
    }
    let file = cluster.path("encryption.yaml").display().to_string();
    vec!["--encryption-config".to_owned(), file]
}

/// Does something that a webhook may refuse for a moment longer, though it is gone.
fn insist(cluster: &Cluster<'_>, words: &[&str], input: &str) {
    let mut last: Option<Outcome> = None;
    for _ in 0..40 {
        let outcome = cluster.kubectl_with(words, input);
        if outcome.code == Some(0) {
            return;
        }
        last = Some(outcome);
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    panic!("kubectl {words:?}: {last:?}");
}

pub(crate) fn past_kills_and_later_changes(cluster: &Cluster<'_>) {
    cluster.play("build.sh", &["yes"]);
    let (old, before) = (cluster.snapshot("old.db"), cluster.state());
    cluster.play("incident.sh", &["yes"]);
    let (new, struck) = (cluster.snapshot("new.db"), cluster.state());
    let script = diff(cluster, [&old, &new], "--to-old", "undo", &[]);
    let harm = before.differences(&struck).len();
    assert!(harm > 60, "{harm} objects differ");

    let dry = script.dry_run();
    assert_eq!(dry.code, Some(0), "{}", dry.text);

    // Once the wall of webhooks is down, others work in the cluster as well.
    assert!(script.run_and_kill(8));
    let later = change_later(cluster);
    for after_lines in [10, 25] {
        assert!(script.run_and_kill(after_lines));
    }
    let told = script.run_with_all();

    let after = cluster.state();
    let differences = before.differences(&after);
    let mut ids: Vec<&str> = later.iter().map(|change| change.id).collect();
    ids.sort_unstable();
    assert!(
        differences.ids() == ids,
        "these should differ: {ids:#?}\n\nthese do:\n{differences}\n{}",
        told.text
    );
    for change in &later {
        let object = after.get(change.id).expect("it is there");
        assert_eq!(
            object.pointer(change.pointer),
            Some(&change.value),
            "{}: what was changed later is lost\n{}",
            change.id,
            told.text
        );
        let step = told.about(change.step);
        assert!(
            change.step.is_empty() || step.contains("REFUSED"),
            "{} is not told of: {step}\n{}",
            change.id,
            told.text
        );
    }
    let hpa = told.about("horizontalpodautoscaler.autoscaling/web");
    assert!(hpa.contains("now: 6"), "{hpa}");
    assert_eq!(told.code, Some(1), "not all is done");

    // Nothing more is done by another run.
    let again = script.run(&[]);
    assert_eq!(again.code, Some(1));
    let moved = after.differences(&cluster.state());
    assert!(moved.len() == 0, "{moved}");
}

/// Something that was done after the newer snapshot.
struct Later {
    /// The object, which will differ from the old one.
    id: &'static str,
    /// Where, and what is there.
    pointer: &'static str,
    value: Value,
    /// How the step that is refused names the object; empty where the step goes through, or there is none.
    step: &'static str,
}

fn change_later(cluster: &Cluster<'_>) -> Vec<Later> {
    let merge = |namespace: &str, kind: &str, name: &str, patch: &str| {
        insist(
            cluster,
            &[
                "patch",
                "-n",
                namespace,
                kind,
                name,
                "--type=merge",
                "-p",
                patch,
            ],
            "",
        );
    };
    let env = r#"{"spec": {"template": {"spec": {"containers": [{"name": "agent", "env": [{"name": "LATER", "value": "on"}]}]}}}}"#;
    // A field that is to be undone.
    merge("shop", "hpa", "web", r#"{"spec": {"maxReplicas": 6}}"#);
    merge(
        "shop",
        "configmap",
        "odd.values",
        r#"{"data": {"added": "2"}}"#,
    );
    // Fields beside the ones that are to be undone.
    merge(
        "shop",
        "flowschema",
        "batch-flow",
        r#"{"metadata": {"labels": {"later": "yes"}}}"#,
    );
    insist(
        cluster,
        &["patch", "-n", "data", "daemonset", "agent", "-p", env],
        "",
    );
    // Objects of names that are to be deleted or created.
    insist(
        cluster,
        &["delete", "serviceaccount", "-n", "data", "ghost"],
        "",
    );
    insist(
        cluster,
        &["create", "serviceaccount", "-n", "data", "ghost"],
        "",
    );
    insist(
        cluster,
        &[
            "create",
            "configmap",
            "-n",
            "data",
            "settings",
            "--from-literal=later=yes",
        ],
        "",
    );
    // An object of the definition that has changed.
    insist(
        cluster,
        &["create", "-f", "-"],
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: made-after, namespace: shop}, spec: {size: 8}}",
    );
    let later = |id, pointer, value, step| Later {
        id,
        pointer,
        value,
        step,
    };
    vec![
        later(
            "HorizontalPodAutoscaler.autoscaling shop/web",
            "/spec/maxReplicas",
            json!(6),
            "horizontalpodautoscaler.autoscaling/web -n shop",
        ),
        later(
            "ConfigMap shop/odd.values",
            "/data/added",
            json!("2"),
            "configmap/odd.values -n shop",
        ),
        later(
            "FlowSchema.flowcontrol.apiserver.k8s.io batch-flow",
            "/metadata/labels/later",
            json!("yes"),
            "",
        ),
        later(
            "DaemonSet.apps data/agent",
            "/spec/template/spec/containers/0/env/0/name",
            json!("LATER"),
            "",
        ),
        later(
            "ServiceAccount data/ghost",
            "/metadata/name",
            json!("ghost"),
            "serviceaccount/ghost -n data",
        ),
        later(
            "ConfigMap data/settings",
            "/data/later",
            json!("yes"),
            "configmap/settings -n data",
        ),
        later(
            "Widget.example.com shop/made-after",
            "/spec/size",
            json!(8),
            "",
        ),
    ]
}

pub(crate) fn with_controllers_at_work(cluster: &Cluster<'_>) {
    cluster.play("build.sh", &["no"]);
    // The controller of volumes comes by only now and then.
    let is_bound = "--for=jsonpath={.status.phase}=Bound";
    let claim = [
        "wait",
        is_bound,
        "pvc/uploads",
        "-n",
        "shop",
        "--timeout=180s",
    ];
    cluster.kubectl(&claim).success("kubectl wait");
    let before = State::at_rest(cluster);
    let old = cluster.snapshot("old.db");
    cluster.play("incident.sh", &["no"]);
    let new = cluster.snapshot("new.db");
    let script = diff(cluster, [&old, &new], "--to-old", "undo", &[]);
    let told = script.run_with_all();
    // How many Pods of `web` there are is decided by its HorizontalPodAutoscaler, before and after.
    let differences = before.differences(&State::at_rest(cluster));
    let differences = differences.except_in(&["/spec/replicas: 3 became"]);
    assert!(differences.len() == 0, "{differences}\n{}", told.text);
    assert_eq!(told.code, Some(0), "{}", told.text);
}

/// What is to be created finds its place taken, what it names missing, and everything denied.
pub(crate) fn past_what_is_in_the_way(cluster: &Cluster<'_>) {
    cluster.play("odd.sh", &[]);
    let (old, before) = (cluster.snapshot("old.db"), cluster.state());
    cluster.play("odd-incident.sh", &[]);
    let new = cluster.snapshot("new.db");
    let script = diff(cluster, [&old, &new], "--to-old", "undo", &[]);
    let dry = script.run(&["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.text);
    let told = script.run_with_all();
    assert_eq!(told.code, Some(0), "{}", told.text);
    let bound = [
        "wait",
        "--for=jsonpath={.status.phase}=Bound",
        "--timeout=60s",
    ];
    let claim = ["-n", "odd", "persistentvolumeclaim/data"];
    cluster
        .kubectl(&[&bound[..], &claim].concat())
        .success("kubectl wait");
    let differences = before.differences(&State::at_rest(cluster));
    assert!(differences.len() == 0, "{differences}\n{}", told.text);
    // The state does not tell addresses: those that were exchanged are back, too.
    for (service, field, had) in [
        ("service/address-left", "clusterIP", "10.96.77.20"),
        ("service/address-right", "clusterIP", "10.96.77.21"),
        ("service/health-left", "healthCheckNodePort", "30130"),
        ("service/health-right", "healthCheckNodePort", "30131"),
    ] {
        let field = format!("jsonpath={{.spec.{field}}}");
        let words = ["get", "-n", "odd", service, "-o", &field];
        assert_eq!(cluster.kubectl(&words).success("kubectl get"), had);
    }
    // The definition has no subresource for it.
    for name in ["kept", "lost"] {
        let phase = "jsonpath={.status.phase}";
        let plain = [
            "get",
            "plains.v1.odd.example.com",
            "-n",
            "odd",
            name,
            "-o",
            phase,
        ];
        assert_eq!(cluster.kubectl(&plain).success("kubectl get"), "Ready");
    }
}

/// Snapshots of other clusters, which an API server of today is started from.
pub(crate) fn incident_of_another_cluster(
    peers: &Peers,
    before: Beginning<'_>,
    after: Beginning<'_>,
) {
    let shape = Shape {
        storage: Storage::Cbor,
        encrypted: true,
        controllers: Controllers::None,
        ..Shape::default()
    };
    let wanted = Cluster::start_from(peers, shape, Some(before)).state();
    let shape = Shape {
        controllers: Controllers::Housekeeping,
        ..shape
    };
    let cluster = Cluster::start_from(peers, shape, Some(after));
    let harm = wanted.differences(&cluster.state()).len();
    assert!(harm > 10, "{harm} objects differ");

    let config = after.encryption.display().to_string();
    let options = ["--encryption-config", config.as_str()];
    let script = diff(
        &cluster,
        [before.snapshot, after.snapshot],
        "--to-old",
        "undo",
        &options,
    );
    script.dry_run();
    let told = script.run_with_all();
    let differences = wanted.differences(&cluster.state());
    assert!(differences.len() == 0, "{differences}\n{}", told.text);
}

pub(crate) fn random_incident(cluster: &Cluster<'_>, shape: Shape, seed: u64) {
    let options = options(cluster, shape);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let empty = cluster.state();
    cluster.play("build.sh", &["yes"]);
    let (old, before) = (cluster.snapshot("old.db"), cluster.state());
    incident::strike(cluster, &empty, &before, seed);
    let struck = State::at_rest(cluster);
    let new = cluster.snapshot("new.db");
    let harm = before.differences(&struck).len();
    assert!(harm > 50, "{harm} objects differ");

    let script = diff(cluster, [&old, &new], "--to-old", "undo", &options);
    let told = script.run_with_all();
    let differences = before.differences(&cluster.state());
    assert!(
        differences.len() == 0,
        "seed {seed}: not undone:\n{differences}\n{}",
        told.text
    );

    // And there again: what was undone is an incident as well.
    let undone = cluster.snapshot("undone.db");
    let script = diff(cluster, [&undone, &new], "--to-new", "redo", &options);
    let told = script.run_with_all();
    let differences = struck.differences(&cluster.state());
    assert!(
        differences.len() == 0,
        "seed {seed}: not done again:\n{differences}\n{}",
        told.text
    );
}
