//! What another change brought about is told beneath it, and nothing of it is lost.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::tool::run;
use crate::{Step, lines, object, snapshot};

const SLICE: &str = "/registry/endpointslices/shop/web-x";
const ENDPOINTS: &str = "/registry/services/endpoints/shop/web";
const SERVICE: &str = "/registry/services/specs/shop/web";
const ADDRESS: &str = "/registry/ipaddresses/10.0.0.1";
const POD: &str = "/registry/pods/shop/web-1";
const DEPLOYMENT: &str = "/registry/deployments/shop/web";

fn by_controller(mut value: Option<Value>, manager: &str) -> Option<Value> {
    value.as_mut().expect("an object")["metadata"]["managedFields"] = json!([{"manager": manager}]);
    value
}

fn slice(ready: bool, manager: &str) -> Option<Value> {
    let endpoint = json!({"addresses": ["10.1.0.1"], "conditions": {"ready": ready},
        "targetRef": {"kind": "Pod", "name": "web-1", "uid": "uid-Pod-web-1"}});
    let rest = json!({"endpoints": [endpoint]});
    let mut value = object(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "shop",
        "web-x",
        rest,
    );
    value.as_mut().expect("an object")["metadata"]["labels"] =
        json!({"kubernetes.io/service-name": "web"});
    by_controller(value, manager)
}

fn endpoints(list: &str) -> Option<Value> {
    let address = json!({"ip": "10.1.0.1", "targetRef": {"uid": "uid-Pod-web-1"}});
    let rest = json!({"subsets": [{list: [address]}]});
    by_controller(
        object("v1", "Endpoints", "shop", "web", rest),
        "kube-controller-manager",
    )
}

fn service(port: u32) -> Option<Value> {
    object(
        "v1",
        "Service",
        "shop",
        "web",
        json!({"spec": {"ports": [{"port": port}]}}),
    )
}

fn address() -> Option<Value> {
    let parent = json!({"group": "", "resource": "services", "namespace": "shop", "name": "web"});
    let rest = json!({"spec": {"parentRef": parent}});
    by_controller(
        object("networking.k8s.io/v1", "IPAddress", "", "10.0.0.1", rest),
        "kube-apiserver",
    )
}

fn pod(phase: &str) -> Option<Value> {
    let rest = json!({"status": {"phase": phase}, "owner": "uid-Deployment-web"});
    object("v1", "Pod", "shop", "web-1", rest)
}

fn deployment(replicas: u32, generation: u32) -> Option<Value> {
    let rest =
        json!({"spec": {"replicas": replicas}, "status": {"observedGeneration": generation}});
    let mut value = object("apps/v1", "Deployment", "shop", "web", rest);
    value.as_mut().expect("an object")["metadata"]["generation"] = generation.into();
    value
}

const CONTROLLER: &str = "kube-controller-manager";

fn files(changes: Vec<Step>) -> TempDir {
    let mut steps: Vec<Step> = vec![
        (SLICE, slice(true, CONTROLLER)),
        (ENDPOINTS, endpoints("addresses")),
        (SERVICE, service(80)),
        (POD, pod("Running")),
        (DEPLOYMENT, deployment(1, 1)),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("old.db"), &steps);
    steps.extend(changes);
    snapshot(&dir.path().join("new.db"), &steps);
    dir
}

fn text(dir: &Path, args: &[&str]) -> String {
    let all = ["diff", "old.db", "new.db"].iter().chain(args);
    run(dir, all).stdout
}

fn addresses() -> Vec<Step> {
    vec![
        (SLICE, slice(false, CONTROLLER)),
        (ENDPOINTS, endpoints("notReadyAddresses")),
        (ADDRESS, address()),
    ]
}

#[test]
fn addresses_stand_beneath_the_service_that_changed() {
    let mut changes = addresses();
    changes.push((SERVICE, service(81)));
    let dir = files(changes);
    let shown = text(dir.path(), &[]);
    let told = "  changed   Service web  [4 → 10]\n      not before";
    assert!(!shown.contains(told), "no time is known: {shown}");
    assert!(
        shown.contains(
            "      beneath it: EndpointSlice 1 changed; Endpoints 1 changed; IPAddress 1 added\n"
        ),
        "{shown}"
    );
    assert!(!shown.contains("  changed   End"), "{shown}");
    // The counts are those of all, and all of them are there for who wants them.
    for line in [
        "EndpointSlice   .       .         1",
        "Endpoints       .       .         1",
        "IPAddress       1",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let flat = text(dir.path(), &["--flat"]);
    for line in [
        "  changed   EndpointSlice web-x  [2 → 7]\n      endpoints[0].conditions.ready: true → false\n",
        "  changed   Endpoints web  [3 → 8]\n",
        "  added     IPAddress 10.0.0.1  [9]\n",
    ] {
        assert!(flat.contains(line), "{line}: {flat}");
    }
    // Who asks for the kind sees its fields.
    let kind = text(dir.path(), &["--kind", "endpointslices"]);
    assert!(
        kind.contains("      endpoints[0].conditions.ready: true → false\n"),
        "{kind}"
    );
    let json = run(dir.path(), ["diff", "old.db", "new.db", "--json"]);
    let changes = lines(&json);
    assert_eq!(
        changes
            .iter()
            .filter(|line| line["type"] == "change")
            .count(),
        4
    );
}

#[test]
fn addresses_of_a_service_that_did_not_change_stand_beneath_what_its_pods_stand_beneath() {
    let mut changes = addresses();
    changes.push((POD, pod("Failed")));
    changes.push((DEPLOYMENT, deployment(2, 2)));
    let shown = text(files(changes).path(), &[]);
    let told = "  changed   Deployment web  [6 → 11]\n      spec.replicas: 1 → 2\n      beneath it: EndpointSlice 1 \
                changed; Endpoints 1 changed; IPAddress 1 added; Pod 1 changed\n";
    assert!(shown.contains(told), "{shown}");

    let mut changes = addresses();
    changes.push((POD, pod("Failed")));
    let shown = text(files(changes).path(), &[]);
    let told = "      status.phase: Running → Failed\n      beneath it: EndpointSlice 1 changed; Endpoints 1 changed; \
                IPAddress 1 added\n";
    assert!(shown.contains(told), "{shown}");
}

#[test]
fn addresses_without_another_cause_are_one_row() {
    let shown = text(files(addresses()).path(), &[]);
    let rows: Vec<&str> = shown.lines().filter(|line| line.contains("  [")).collect();
    assert_eq!(
        rows,
        ["  changed   EndpointSlice web-x  [2 → 7]"],
        "{shown}"
    );
    let told = "      endpoints[0].conditions.ready: true → false\n      beneath it: Endpoints 1 changed; IPAddress 1 \
                added\n";
    assert!(shown.contains(told), "{shown}");
}

#[test]
fn a_row_of_addresses_tells_few_fields_and_how_to_see_the_others() {
    let ready = |ready: bool| {
        let endpoint =
            |n: u32| json!({"addresses": [format!("10.1.0.{n}")], "conditions": {"ready": ready}});
        let endpoints: Vec<Value> = (0..5).map(endpoint).collect();
        let mut slice = slice(true, CONTROLLER).expect("an object");
        slice["endpoints"] = endpoints.into();
        Some(slice)
    };
    let dir = tempfile::tempdir().expect("a directory");
    let steps: Vec<Step> = vec![(SLICE, ready(true)), (SLICE, ready(false))];
    snapshot(&dir.path().join("old.db"), &steps[..1]);
    snapshot(&dir.path().join("new.db"), &steps);
    let line = |number: u32| format!("endpoints[{number}].conditions.ready: true → false");
    let row = [line(0), line(1), line(2)].join("; ");
    let shown = text(dir.path(), &[]);
    let told = format!("      {row}; and 2 more fields (--flat)\n");
    assert!(shown.contains(&told), "{shown}");
    for args in [
        &["--flat"][..],
        &["--kind", "endpointslices"],
        &["endpointslice/web-x"],
    ] {
        let all = text(dir.path(), args);
        for number in 0..5 {
            assert!(
                all.contains(&format!("      {}\n", line(number))),
                "{args:?}: {all}"
            );
        }
    }
}

#[test]
fn addresses_that_people_wrote_are_never_put_beneath_anything() {
    let changes = vec![
        (SLICE, slice(false, "kubectl-edit")),
        (SERVICE, service(81)),
    ];
    let shown = text(files(changes).path(), &[]);
    let told = "  changed   EndpointSlice web-x  [2 → 7]\n      endpoints[0].conditions.ready: true → false\n";
    assert!(shown.contains(told), "{shown}");
    assert!(!shown.contains("beneath it"), "{shown}");
}

#[test]
fn a_generation_is_shown_only_where_all_is() {
    let dir = files(vec![(DEPLOYMENT, deployment(2, 2))]);
    let shown = text(dir.path(), &[]);
    assert!(shown.contains("spec.replicas: 1 → 2\n"), "{shown}");
    assert!(!shown.contains("eneration"), "{shown}");
    assert!(!text(dir.path(), &["-o", "markdown"]).contains("eneration"));
    for args in [&["--noise", "none"][..], &["deploy/web"]] {
        let all = text(dir.path(), args);
        assert!(all.contains("metadata.generation: 1 → 2\n"), "{all}");
        assert!(all.contains("status.observedGeneration: 1 → 2\n"), "{all}");
    }
    let json = text(dir.path(), &["--json"]);
    assert!(json.contains("/metadata/generation"), "{json}");

    let dir = files(vec![(DEPLOYMENT, deployment(1, 3))]);
    let outcome = run(dir.path(), ["diff", "old.db", "new.db"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
    assert!(
        outcome
            .stdout
            .contains("folded: 1 generation (--noise none shows them)")
    );
    let all = text(dir.path(), &["--noise", "none"]);
    assert!(all.contains("metadata.generation: 1 → 3\n"), "{all}");
    assert!(text(dir.path(), &["--json"]).contains("\"noise\":\"generation\""));
}

#[test]
fn services_and_pods_that_name_each_other_in_a_circle_are_all_there() {
    // The slice is of the Service, which calls itself owned by the pod, which is owned by the slice.
    let mut changes = addresses();
    let rest = json!({"owner": "uid-EndpointSlice-web-x", "status": {"phase": "Failed"}});
    changes.push((POD, object("v1", "Pod", "shop", "web-1", rest)));
    let rest = json!({"owner": "uid-Pod-web-1", "spec": {"ports": []}});
    changes.push((SERVICE, object("v1", "Service", "shop", "web", rest)));
    let shown = text(files(changes).path(), &[]);
    for name in ["Service web", "EndpointSlice web-x", "Pod web-1"] {
        assert!(
            shown.contains(&format!("  changed   {name}  [")),
            "{name}: {shown}"
        );
    }
}
