use super::*;
use crate::kubernetes::catalog::resources::Resources;
use proptest::prelude::*;
use serde_json::json;

/// 2026-01-11, ten days after the objects here were created.
const NOW: i64 = 1_768_089_600;

fn row(object: Value, wide: bool) -> String {
    let resources = Resources::builtin();
    let kind = resources.of_kind_or_guess(text(&object, "apiVersion"), text(&object, "kind"));
    let options = TableOptions {
        wide,
        now: Some(NOW),
        ..TableOptions::default()
    };
    let table = table(&kind, &[&object], options);
    assert_eq!(table.columns.len(), table.rows[0].len());
    table.rows[0].join("|")
}

fn pod(spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "spec": spec, "status": status,
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
    })
}

fn pod_row(status: Value) -> String {
    row(pod(json!({"containers": [{}, {}]}), status), false)
}

#[test]
fn a_pod_shows_the_state_of_its_containers() {
    let running = json!({"ready": true, "state": {"running": {}}, "restartCount": 0});
    let waiting = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3,
        "lastState": {"terminated": {"finishedAt": "2026-01-10T23:56:40Z"}}});
    let ended = |code: i64, reason: &str| json!({"state": {"terminated": {"exitCode": code, "reason": reason}}});
    let ready = json!([{"type": "Ready", "status": "True"}]);
    for (status, expected) in [
        (json!({"phase": "Pending"}), "0/2|Pending|0"),
        (
            json!({"phase": "Failed", "reason": "Evicted"}),
            "0/2|Evicted|0",
        ),
        (
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            "0/2|SchedulingGated|0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running, running]}),
            "2/2|Running|0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running, waiting]}),
            "1/2|CrashLoopBackOff|3 (3m20s ago)",
        ),
        (
            json!({"phase": "Succeeded", "containerStatuses": [ended(0, "Completed"), ended(0, "Completed")]}),
            "0/2|Completed|0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [ended(0, "Completed"), ended(1, "")]}),
            "0/2|ExitCode:1|0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [ended(0, "Completed"), running]}),
            "1/2|NotReady|0",
        ),
        (
            json!({"phase": "Running", "conditions": ready, "containerStatuses": [ended(0, "Completed"), running]}),
            "1/2|Running|0",
        ),
    ] {
        assert_eq!(pod_row(status), format!("web|{expected}|10d"));
    }
}

#[test]
fn a_pod_shows_how_far_its_init_containers_are() {
    let spec = json!({"containers": [{}], "initContainers": [
        {"name": "a"}, {"name": "side", "restartPolicy": "Always"}, {"name": "b"}]});
    let done = json!({"name": "a", "state": {"terminated": {"exitCode": 0}}, "restartCount": 2});
    let side = json!({"name": "side", "started": true, "ready": true, "restartCount": 1});
    for (statuses, expected) in [
        (json!([done]), "0/2|Pending|0"),
        (json!([done, side, {"name": "b"}]), "1/2|Init:2/3|3"),
        (
            json!([{"name": "a", "state": {"waiting": {"reason": "ErrImagePull"}}}]),
            "0/2|Init:ErrImagePull|0",
        ),
        (
            json!([{"name": "a", "state": {"terminated": {"exitCode": 1, "signal": 9}}}]),
            "0/2|Init:Signal:9|0",
        ),
    ] {
        let status = json!({"phase": "Pending", "initContainerStatuses": statuses});
        assert_eq!(
            row(pod(spec.clone(), status), false),
            format!("web|{expected}|10d")
        );
    }
}

#[test]
fn a_pod_that_is_deleted_is_terminating() {
    for (status, expected) in [
        (json!({"phase": "Running"}), "Terminating"),
        (json!({"phase": "Succeeded"}), "Succeeded"),
        (json!({"phase": "Running", "reason": "NodeLost"}), "Unknown"),
    ] {
        let mut pod = pod(json!({"containers": [{}]}), status);
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(row(pod, false), format!("web|0/1|{expected}|0|10d"));
    }
}

#[test]
fn wide_tables_have_more_columns() {
    let spec =
        json!({"containers": [{}], "nodeName": "n1", "readinessGates": [{"conditionType": "g"}]});
    let status = json!({"phase": "Running", "podIPs": [{"ip": "10.1.2.3"}]});
    assert_eq!(
        row(pod(spec, status), true),
        "web|0/1|Running|0|10d|10.1.2.3|n1|<none>|0/1"
    );
    let resources = Resources::builtin();
    let columns = |wide: bool| {
        let kind = resources.of_kind("v1", "Service").expect("a kind");
        let columns = TableLayout::of(kind, "v1", KubeRelease::NEWEST).columns(wide);
        columns
            .into_iter()
            .map(|column| column.name)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        columns(false),
        "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE"
    );
    assert_eq!(
        columns(true),
        "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"
    );
}

#[test]
fn other_kinds_have_the_columns_of_kubectl() {
    let template = json!({"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]}});
    for (api_version, kind, fields, expected) in [
        (
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 3, "template": template, "selector": {"matchLabels": {"a": "b"}}},
                "status": {"readyReplicas": 2, "updatedReplicas": 1}}),
            "o|2/3|1|0|10d|a,b|x:1,y|a=b",
        ),
        (
            "batch/v1",
            "Job",
            json!({"spec": {"completions": 2}, "status": {"succeeded": 1, "startTime": "2026-01-10T23:00:00Z"}}),
            "o|Running|1/2|60m|10d|||<none>",
        ),
        (
            "v1",
            "Service",
            json!({"spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": [
                {"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]}}),
            "o|LoadBalancer|10.0.0.1|<pending>|80:30080/TCP,53/UDP|10d|<none>",
        ),
        (
            "v1",
            "Endpoints",
            json!({"subsets": [{"ports": [{"port": 1}, {"port": 2}], "addresses": [{"ip": "a"}, {"ip": "::1"}]}]}),
            "o|a:1,[::1]:1,a:2 + 1 more...|10d",
        ),
        (
            "networking.k8s.io/v1",
            "Ingress",
            json!({"spec": {"tls": [{}], "rules": [{"host": "a"}, {"host": "b"}, {"host": "c"}, {}]}}),
            "o|<none>|a,b,c + 1 more...||80, 443|10d",
        ),
        (
            "v1",
            "Node",
            json!({"spec": {"unschedulable": true}, "status": {"conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": "v1.36.1"}}}),
            "o|Ready,SchedulingDisabled|<none>|10d|v1.36.1|<none>|<none>|<unknown>|<unknown>|<unknown>",
        ),
        (
            "v1",
            "PersistentVolume",
            json!({"spec": {"capacity": {"storage": "1024Mi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                "claimRef": {"namespace": "n", "name": "c"}}, "status": {"phase": "Bound"}}),
            "o|1Gi|RWO,RWX|Retain|Bound|n/c||<unset>||10d|Filesystem",
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "d"}, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}}},
                {"type": "Pods", "pods": {"target": {"averageValue": "1500m"}}},
                {"type": "External"}]}}),
            "o|Deployment/d|cpu: <unknown>/70%, <unknown>/1500m + 1 more...|1|5|0|10d",
        ),
        (
            "v1",
            "Event",
            json!({"type": "Normal", "reason": "R", "message": " m ", "lastTimestamp": "2026-01-10T23:59:00Z",
                "involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "k", "host": "h"}}),
            "60s|Normal|R|pod/p||k, h|m|<unknown>|1|o",
        ),
        (
            "v1",
            "ResourceQuota",
            json!({"status": {"hard": {"pods": "10", "limits.cpu": "2"}, "used": {"limits.cpu": "500m"}}}),
            "o|pods: 0/10|limits.cpu: 500m/2|10d",
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [
                {"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "namespace": "n", "name": "s"}]}),
            "o|Role/r|10d|u||n/s",
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "Role",
            json!({}),
            "o|2026-01-01T00:00:00Z",
        ),
        (
            "apiregistration.k8s.io/v1",
            "APIService",
            json!({"status": {"conditions": [{"type": "Available", "status": "False", "reason": "Gone"}]}}),
            "o|Local|False (Gone)|10d",
        ),
        ("acme.io/v1", "Thing", json!({}), "o|10d"),
    ] {
        let mut object = fields;
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({"name": "o", "creationTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(row(object, true), expected, "{kind}");
    }
}

#[test]
fn custom_resources_have_the_columns_of_their_definition() {
    let mut resources = Resources::builtin();
    let column =
        |name: &str, kind: &str, path: &str| json!({"name": name, "type": kind, "jsonPath": path});
    let mut wide = column("Why", "string", ".spec.why");
    wide["priority"] = json!(1);
    resources.add_custom(&json!({"spec": {
        "group": "example.com", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {"name": "v1", "additionalPrinterColumns": [
                column("Size", "integer", ".spec.size"), column("Seen", "date", ".spec.seen"),
                column("Bad", "boolean", ".spec.size"), column("Map", "string", ".spec.map"),
                column("Broken", "string", ".spec["), wide]},
            {"name": "v1alpha1"},
        ],
    }}));
    let object = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"size": 3.9, "seen": "2026-01-10T00:00:00Z", "map": {"a": 1}, "why": "x"}});
    let kind = resources
        .of_kind("example.com/v1", "Widget")
        .expect("a kind");
    let mut options = TableOptions {
        wide: false,
        now: Some(NOW),
        ..TableOptions::default()
    };
    let shown = table(kind, &[&object], options);
    let names: Vec<_> = shown
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["NAME", "SIZE", "SEEN", "BAD", "MAP", "BROKEN"]);
    assert_eq!(shown.rows, [["w", "3", "24h", "", r#"{"a":1}"#, ""]]);
    options.wide = true;
    assert_eq!(table(kind, &[&object], options).rows[0][6], "x");
    let older = json!({"apiVersion": "example.com/v1alpha1",
        "metadata": {"name": "w", "creationTimestamp": "2026-01-01T00:00:00Z"}});
    options.now = None;
    assert_eq!(table(kind, &[&older], options).rows, [["w", "<unknown>"]]);
}

#[test]
fn numbers_of_custom_resources_are_those_of_an_api_server() {
    let mut resources = Resources::builtin();
    let column = |kind: &str| json!({"name": kind, "type": kind, "jsonPath": ".spec.a"});
    resources.add_custom(&json!({"spec": {
        "group": "example.com", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [{"name": "v1", "additionalPrinterColumns": [
            column("number"), column("integer"), column("string")]}],
    }}));
    let kind = resources
        .of_kind("example.com/v1", "Widget")
        .expect("a kind");
    let least = "-9223372036854775808";
    for (value, number, integer, string) in [
        (
            json!(1_000_000.5),
            "1.0000005e+06",
            "1000000",
            "1.0000005e+06",
        ),
        (json!(1e20), "1e+20", least, "1e+20"),
        (
            json!(u64::MAX),
            "1.8446744073709552e+19",
            least,
            "1.8446744073709552e+19",
        ),
        (
            json!(i64::MAX),
            "9.223372036854776e+18",
            "9223372036854775807",
            "9223372036854775807",
        ),
        (json!(1_000_000), "1000000", "1000000", "1000000"),
        (json!(1e-5), "1e-05", "0", "1e-05"),
    ] {
        let object = json!({"apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": "w"}, "spec": {"a": value}});
        let shown = table(kind, &[&object], TableOptions::default());
        assert_eq!(shown.rows, [["w", number, integer, string]]);
    }
}

#[test]
fn a_line_ends_at_the_first_break() {
    assert_eq!(first_line("a b"), "a b");
    assert_eq!(first_line("a\nb"), "a...");
}

/// Any object of small depth, of names that columns look at.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![
            "True",
            "Ready",
            "Resource",
            "LoadBalancer",
            "1Gi",
            "2026-01-01T00:00:00Z"
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let key = prop_oneof![
            "metadata",
            "spec",
            "status",
            "type",
            "conditions",
            "containers",
            "metrics",
            "ports",
            "containerStatuses",
            "state",
            "terminated",
            "waiting",
            "rules",
            "subsets",
            "addresses",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_object_has_a_row_in_any_table(object in any_value()) {
        let options = TableOptions { wide: true, now: Some(NOW), ..TableOptions::default() };
        for kind in Resources::builtin().all() {
            let layout = TableLayout::of(kind, "v1", KubeRelease::NEWEST);
            prop_assert_eq!(layout.row(&object, options).len(), layout.columns(true).len());
        }
        let mut object = object;
        for kind in ["Pod", "Service", "Job", "Secret", "CustomResourceDefinition"] {
            if object.is_object() {
                object["kind"] = kind.into();
                object["apiVersion"] = "apiextensions.k8s.io/v1beta1".into();
            }
            crate::kubernetes::apply::clean::clean(&mut object);
            crate::kubernetes::apply::clean::is_owned_or_transient(&object);
        }
    }
}

/// The table of one object in a release: its header and its row.
fn in_release(release: KubeRelease, object: &Value) -> [String; 2] {
    let resources = Resources::builtin();
    let kind = resources.of_kind_or_guess(text(object, "apiVersion"), text(object, "kind"));
    let options = TableOptions {
        wide: true,
        now: Some(NOW),
        release,
    };
    let table = table(&kind, &[object], options);
    let names: Vec<&str> = table.columns.iter().map(|one| one.name.as_str()).collect();
    [names.join("|"), table.rows[0].join("|")]
}

#[test]
fn each_release_has_its_own_columns() {
    let created = "2026-01-01T00:00:00Z";
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object = rest;
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        object["metadata"]["name"] = json!("o");
        object["metadata"]["creationTimestamp"] = json!(created);
        object
    };
    let definition = object(
        "apiextensions.k8s.io/v1beta1",
        "CustomResourceDefinition",
        json!({"spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Widget", "shortNames": ["w", "wd"]},
            "versions": [{"name": "v2", "served": true}, {"name": "v1", "served": true, "storage": true}, {"name": "v0"}]},
            "status": {"conditions": [{"type": "Established", "status": "True"}]}}),
    );
    let account = object("v1", "ServiceAccount", json!({"secrets": [{}]}));
    let class = json!({"ingressclass.kubernetes.io/is-default-class": "true"});
    let class = object(
        "networking.k8s.io/v1",
        "IngressClass",
        json!({"metadata": {"annotations": class}}),
    );
    let group = object(
        "scheduling.k8s.io/v1beta1",
        "PodGroup",
        json!({
        "spec": {"workloadRef": {"workloadName": "new"}, "podGroupTemplateRef": {"workload": {"workloadName": "old"}}},
        "status": {"conditions": [{"type": "PodGroupScheduled", "status": "True"}]}}),
    );
    let migration = object(
        "storagemigration.k8s.io/v1",
        "StorageVersionMigration",
        json!({"spec": {"resource": {"group": "g", "version": "v1", "resource": "r"}}}),
    );
    let failed = object(
        "v1",
        "Pod",
        json!({"status": {"phase": "Running", "containerStatuses": [
        {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
        {"state": {"terminated": {"reason": "Error", "exitCode": 1}}}]}}),
    );
    let capacity = object(
        "storage.k8s.io/v1",
        "CSIStorageCapacity",
        json!({"storageClassName": "fast"}),
    );
    let (old, new) = (KubeRelease::OLDEST, KubeRelease::NEWEST);
    for (release, object, header, row) in [
        (
            new,
            &definition,
            "NAME|SCOPE|VERSIONS|CREATED AT|GROUP|KIND|SHORTNAMES|ESTABLISHED",
            "o|Cluster|v1(storage),v2|2026-01-01T00:00:00Z|example.com|Widget|w,wd|true",
        ),
        (
            KubeRelease::V1_36,
            &definition,
            "NAME|CREATED AT",
            "o|2026-01-01T00:00:00Z",
        ),
        (new, &account, "NAME|AGE", "o|10d"),
        (old, &account, "NAME|SECRETS|AGE", "o|1|10d"),
        (
            new,
            &class,
            "NAME|CONTROLLER|PARAMETERS|AGE",
            "o (default)||<none>|10d",
        ),
        (
            KubeRelease::V1_35,
            &class,
            "NAME|CONTROLLER|PARAMETERS|AGE",
            "o||<none>|10d",
        ),
        (
            new,
            &group,
            "NAME|POLICY|WORKLOAD|STATUS|AGE",
            "o|Basic|new|Pending|10d",
        ),
        (
            KubeRelease::V1_36,
            &group,
            "NAME|POLICY|WORKLOAD|STATUS|AGE",
            "o|Basic|old|Scheduled|10d",
        ),
        (new, &migration, "NAME|RESOURCE|STATUS", "o|r.g|Unknown"),
        (old, &migration, "NAME|RESOURCE", "o|r.v1.g"),
        (new, &capacity, "NAME|CREATED AT", "o|2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(in_release(release, object), [header, row], "{release}");
    }
    assert!(in_release(new, &failed)[1].starts_with("o|0/0|Error|"));
    assert!(in_release(old, &failed)[1].starts_with("o|0/0|Completed|"));
}

#[test]
fn selectors_of_parameters_print_as_go_prints_them() {
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "b"}, "spec": {"policyName": "p", "paramRef": {"selector": {
            "matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [{"key": "k", "operator": "In", "values": ["x", "y"]}]}}}});
    assert_eq!(
        row(binding, false),
        "b|p|&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{\
         LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}|<unknown>"
    );
}

#[test]
fn evictions_tell_who_is_at_work() {
    let eviction = |status: Value| {
        row(
            json!({"apiVersion": "lifecycle.k8s.io/v1alpha1", "kind": "Eviction", "metadata": {"name": "e"},
            "spec": {"target": {"pod": {"name": "web"}}}, "status": status}),
            true,
        )
    };
    assert_eq!(
        eviction(json!({})),
        "e|web|Pod|Pending|<unset> (0/0)|<unset>|<unknown>|<none>|<unknown>|<unset>|<unset>"
    );
    assert_eq!(
        eviction(json!({"observedGeneration": 1,
            "targetResponders": [{"name": "a", "state": "Completed"}, {"name": "b", "state": "Active"}, {"name": "c", "state": "Inactive"}],
            "responders": [{"name": "b", "startTime": "2026-01-10T23:59:00Z", "expectedCompletionTime": "2026-01-11T00:01:00Z",
                "heartbeatTime": "2026-01-10T23:59:30Z", "message": " busy "}],
            "requesters": [{"name": "y"}, {"name": "x"}, {"name": "w", "intent": "Withdrawn"}]})),
        "e|web|Pod|Progressing|b (2/3)|Started (60s ago)|in 60s|x + 1 more...|<unknown>|30s ago|busy"
    );
}
