use super::*;
use serde_json::json;

fn definition(group: &str, plural: &str, kind: &str) -> serde_json::Value {
    json!({"spec": {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "kind": kind, "shortNames": ["wd"], "categories": ["all", "toys"]},
        "versions": [
            {"name": "v1alpha1", "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]},
            {"name": "v1", "storage": true, "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                {"name": "Why", "type": "string", "jsonPath": ".spec.why", "priority": 1}]},
        ],
    }})
}

fn with_widgets() -> Resources {
    let mut resources = Resources::builtin();
    assert!(resources.add_custom(&definition("example.com", "widgets", "Widget")));
    resources
}

fn one(resources: &Resources, word: &str) -> String {
    match resources.resolve(word) {
        Resolved::One(resource) => resource.full_name(),
        other => panic!("{word}: {other:?}"),
    }
}

#[test]
fn each_name_of_a_kind_is_understood() {
    let resources = with_widgets();
    for (word, full) in [
        ("pods", "pods"),
        ("pod", "pods"),
        ("po", "pods"),
        ("Pod", "pods"),
        ("PODS", "pods"),
        ("pods.v1", "pods"),
        ("deploy", "deployments.apps"),
        ("deploy.apps", "deployments.apps"),
        ("deployments.apps", "deployments.apps"),
        ("Deployment.v1.apps", "deployments.apps"),
        ("deployments.app", "deployments.apps"),
        ("ing", "ingresses.networking.k8s.io"),
        ("ingresses.networking", "ingresses.networking.k8s.io"),
        ("events", "events"),
        ("events.events.k8s.io", "events.events.k8s.io"),
        ("crd", "customresourcedefinitions.apiextensions.k8s.io"),
        ("widget", "widgets.example.com"),
        ("wd", "widgets.example.com"),
        ("widgets.v1.example.com", "widgets.example.com"),
        ("widgets.example.com", "widgets.example.com"),
    ] {
        assert_eq!(one(&resources, word), full, "{word}");
    }
    for word in [
        "",
        "po.apps",
        "deployments.v9.apps",
        "widgets.v2.example.com",
        ".",
    ] {
        assert_eq!(resources.resolve(word), Resolved::Unknown, "{word}");
    }
}

#[test]
fn a_category_is_many_kinds() {
    let resources = with_widgets();
    let Resolved::Category(all) = resources.resolve("all") else {
        panic!("not a category");
    };
    let names: Vec<_> = all
        .iter()
        .map(|resource| resource.plural.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "pods",
            "replicationcontrollers",
            "services",
            "daemonsets",
            "deployments",
            "replicasets",
            "statefulsets",
            "cronjobs",
            "jobs",
            "horizontalpodautoscalers",
            "widgets"
        ]
    );
    assert!(matches!(resources.resolve("toys"), Resolved::Category(one) if one.len() == 1));
}

#[test]
fn custom_kinds_of_one_name_are_listed_and_built_in_ones_win() {
    let mut resources = with_widgets();
    resources.add_custom(&definition("other.org", "widgets", "Widget"));
    resources.add_custom(&definition("serving.example.com", "services", "Service"));
    let Resolved::Ambiguous(found) = resources.resolve("widgets") else {
        panic!("not ambiguous");
    };
    let names: Vec<_> = found.iter().map(|resource| resource.full_name()).collect();
    assert_eq!(names, ["widgets.example.com", "widgets.other.org"]);
    assert_eq!(one(&resources, "widgets.other"), "widgets.other.org");
    assert_eq!(one(&resources, "services"), "services");
    assert_eq!(
        one(&resources, "services.serving"),
        "services.serving.example.com"
    );
}

#[test]
fn a_definition_brings_versions_and_columns() {
    let mut resources = with_widgets();
    let widget = resources
        .of_kind("example.com/v1", "Widget")
        .expect("a kind")
        .clone();
    assert_eq!(widget.versions, ["v1", "v1alpha1"]);
    assert_eq!(widget.singular, "widget");
    assert_eq!(widget.custom_columns("v1").map(<[_]>::len), Some(2));
    assert_eq!(widget.custom_columns("v1alpha1").map(<[_]>::len), Some(1));
    assert_eq!(widget.custom_columns("v7").map(<[_]>::len), Some(0));
    assert!(widget.custom_columns("v1").expect("columns")[1].wide);

    let count = resources.all().len();
    let old = json!({"spec": {
        "group": "example.com", "version": "v1beta1", "scope": "Cluster",
        "names": {"plural": "widgets", "kind": "Widget"},
        "additionalPrinterColumns": [{"name": "A", "type": "date", "JSONPath": ".a"}],
    }});
    assert!(resources.add_custom(&old));
    assert_eq!(resources.all().len(), count);
    let widget = resources
        .of_kind("example.com/v1beta1", "Widget")
        .expect("a kind");
    assert!(!widget.namespaced);
    assert_eq!(
        widget.custom_columns("v1beta1").expect("columns")[0].path,
        ".a"
    );
    for broken in [
        json!({}),
        json!({"spec": {"group": "x.y", "names": {"kind": "X"}}}),
    ] {
        assert!(!resources.add_custom(&broken));
    }
}

#[test]
fn an_object_leads_to_its_kind() {
    let resources = Resources::builtin();
    let name = |api_version: &str, kind: &str| {
        let resource = resources.of_kind_or_guess(api_version, kind);
        resource.printed_name("x")
    };
    assert_eq!(name("v1", "Pod"), "pod/x");
    assert_eq!(name("apps/v1", "Deployment"), "deployment.apps/x");
    assert_eq!(
        name("extensions/v1beta1", "Ingress"),
        "ingress.networking.k8s.io/x"
    );
    assert_eq!(name("acme.io/v1", "Proxy"), "proxy.acme.io/x");
    assert_eq!(Resource::guess("acme.io/v1", "Proxy").plural, "proxies");
    assert_eq!(Resource::guess("acme.io/v1", "Bus").plural, "buses");
    assert!(resources.of_plural("apps", "daemonsets").is_some());
}

#[test]
fn keys_are_taken_apart() {
    let resources = with_widgets();
    for (key, resource, group, namespace, name) in [
        ("/registry/pods/shop/web-1", "pods", "", "shop", "web-1"),
        (
            "/registry/services/specs/shop/web",
            "services",
            "",
            "shop",
            "web",
        ),
        (
            "/registry/services/endpoints/shop/web",
            "endpoints",
            "",
            "shop",
            "web",
        ),
        ("/registry/minions/node-1", "nodes", "", "", "node-1"),
        (
            "/registry/controllers/a/b",
            "replicationcontrollers",
            "",
            "a",
            "b",
        ),
        (
            "/registry/ingress/a/b",
            "ingresses",
            "networking.k8s.io",
            "a",
            "b",
        ),
        ("/registry/deployments/a/b", "deployments", "apps", "a", "b"),
        ("/registry/events/a/b", "events", "", "a", "b"),
        ("/registry/namespaces/shop", "namespaces", "", "", "shop"),
        (
            "/registry/example.com/widgets/a/b",
            "widgets",
            "example.com",
            "a",
            "b",
        ),
        ("/registry/acme.io/things/b", "things", "acme.io", "", "b"),
        (
            "/registry/acme.io/services/a/b",
            "services",
            "acme.io",
            "a",
            "b",
        ),
        (
            "/registry/apiextensions.k8s.io/customresourcedefinitions/w.x",
            "customresourcedefinitions",
            "apiextensions.k8s.io",
            "",
            "w.x",
        ),
        (
            "/registry/ranges/serviceips",
            "ranges",
            "",
            "",
            "serviceips",
        ),
        (
            "/registry/masterleases/10.0.0.1",
            "masterleases",
            "",
            "",
            "10.0.0.1",
        ),
        ("/kubernetes.io/pods/a/b", "pods", "", "a", "b"),
        ("/openshift.io/routes/a/b", "routes", "", "a", "b"),
        ("/my/cluster/pods/a/b", "pods", "", "a", "b"),
        ("/pods/a/b", "pods", "", "a", "b"),
        ("/registry/gadgets/a", "gadgets", "", "", "a"),
    ] {
        let parts = resources.of_key(key).unwrap_or_else(|| panic!("{key}"));
        let found = (
            parts.resource.as_str(),
            parts.group.as_str(),
            parts.namespace.as_deref().unwrap_or_default(),
            parts.name.as_str(),
        );
        assert_eq!(found, (resource, group, namespace, name), "{key}");
    }
    for key in [
        "",
        "/",
        "compact_rev_key",
        "/registry",
        "/registry/pods",
        "/registry//a",
        "/a/b/c/d/e/f",
    ] {
        assert_eq!(resources.of_key(key), None, "{key}");
    }
}

#[test]
fn a_definition_that_changes_its_kind_is_found_by_the_new_one() {
    let mut resources = Resources::builtin();
    let definition = |kind: &str| {
        serde_json::json!({"spec": {"group": "g.io", "names": {"kind": kind, "plural": "things"},
            "versions": [{"name": "v1"}]}})
    };
    assert!(resources.add_custom(&definition("Old")));
    assert!(resources.add_custom(&definition("New")));
    assert!(resources.of_kind("g.io/v1", "Old").is_none());
    let found = resources.of_kind("g.io/v1", "New").expect("a kind");
    assert_eq!(resources.of_plural("g.io", "things"), Some(found));
    let parts = resources
        .of_key("/registry/g.io/things/ns/a")
        .expect("parts");
    assert_eq!(
        (parts.resource.as_str(), parts.group.as_str()),
        ("things", "g.io")
    );
}
