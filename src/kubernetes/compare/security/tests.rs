use serde_json::{Value, json};

use super::*;

fn of(old: Option<&Value>, new: Option<&Value>) -> Vec<String> {
    reasons(old, new, &WideRoles::default())
}

fn rbac(kind: &str, rest: Value) -> Value {
    let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "x"}});
    let members = object.as_object_mut().unwrap();
    members.extend(rest.as_object().unwrap().clone());
    object
}

#[test]
fn only_new_subjects_of_a_mighty_role_are_told() {
    let a = json!({"kind": "ServiceAccount", "namespace": "shop", "name": "runner"});
    let b = json!({"kind": "User", "name": "eve"});
    let role = json!({"kind": "ClusterRole", "name": "cluster-admin"});
    let one = rbac(
        "ClusterRoleBinding",
        json!({"roleRef": role, "subjects": [a]}),
    );
    let two = rbac(
        "ClusterRoleBinding",
        json!({"roleRef": role, "subjects": [a, b]}),
    );
    assert_eq!(
        of(None, Some(&one)),
        ["ServiceAccount shop/runner gets cluster-admin"]
    );
    assert_eq!(of(Some(&one), Some(&two)), ["User eve gets cluster-admin"]);
    assert!(of(Some(&two), Some(&one)).is_empty());
    assert!(of(Some(&two), None).is_empty());

    let wide = rbac(
        "ClusterRole",
        json!({"rules": [{"verbs": ["*"], "resources": ["pods"]}]}),
    );
    let role = json!({"kind": "ClusterRole", "name": "x"});
    let bound = rbac("RoleBinding", json!({"roleRef": role, "subjects": [b]}));
    assert!(of(None, Some(&bound)).is_empty());
    let mut roles = WideRoles::default();
    roles.note(&wide);
    assert_eq!(
        reasons(None, Some(&bound), &roles),
        ["User eve gets ClusterRole x, which has a *"]
    );
}

#[test]
fn a_role_is_wider_only_by_what_no_old_rule_allowed() {
    let rule = |verbs: Value, resources: Value| json!({"apiGroups": [""], "verbs": verbs, "resources": resources});
    let role = |rules: Value| rbac("Role", json!({"rules": rules}));
    let old = role(json!([rule(
        json!(["get", "list"]),
        json!(["pods", "secrets"])
    )]));
    let split = role(json!([
        rule(json!(["get"]), json!(["pods"])),
        rule(json!(["list"]), json!(["secrets"]))
    ]));
    let wider = role(json!([rule(json!(["get", "delete"]), json!(["secrets"]))]));
    assert!(of(Some(&old), Some(&split)).is_empty());
    assert_eq!(
        of(Some(&old), Some(&wider)),
        ["the role allows more: delete secrets"]
    );
    let star = role(json!([rule(json!(["*"]), json!(["pods"]))]));
    assert_eq!(
        of(None, Some(&star)),
        ["a role with a wildcard (*) was created"]
    );
    let many: Vec<String> = (0..2000).map(|n| format!("r{n}")).collect();
    let huge = role(json!([rule(json!(many), json!(many))]));
    assert_eq!(of(Some(&old), Some(&huge)).len(), 1);
}

#[test]
fn workloads_are_told_when_they_begin_to_reach_into_the_node() {
    let deployment = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": spec}}});
    let tame = deployment(json!({"containers": [{"name": "a"}]}));
    let wild = deployment(json!({
        "containers": [{"name": "a", "securityContext": {"privileged": true}}],
        "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
        "hostPID": true,
    }));
    let all = ["container a is privileged", "hostPath /", "hostPID"];
    assert_eq!(of(Some(&tame), Some(&wild)), all);
    assert_eq!(of(None, Some(&wild)), all);
    assert!(of(Some(&wild), Some(&wild)).is_empty());
    assert!(of(Some(&wild), Some(&tame)).is_empty());
}

#[test]
fn a_network_policy_that_lets_more_through_is_told() {
    let policy = |spec: Value| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec});
    let closed = policy(json!({"policyTypes": ["Ingress", "Egress"]}));
    let open = policy(json!({"policyTypes": ["Ingress", "Egress"], "egress": [{}]}));
    let ingress = policy(json!({"policyTypes": ["Ingress"]}));
    let some = policy(
        json!({"policyTypes": ["Ingress", "Egress"], "egress": [{"ports": [{"port": 53}]}]}),
    );
    assert_eq!(of(Some(&closed), Some(&open)), ["all egress is allowed"]);
    assert_eq!(of(Some(&closed), Some(&some)), ["more egress is allowed"]);
    assert_eq!(
        of(Some(&closed), Some(&ingress)),
        ["egress is not limited any more"]
    );
    assert!(of(Some(&open), Some(&some)).is_empty());
    assert!(of(Some(&open), Some(&closed)).is_empty());
    assert_eq!(of(Some(&open), None), ["a network policy was deleted"]);
}

#[test]
fn webhooks_definitions_and_accounts_are_told_when_they_come() {
    let of_kind =
        |group: &str, kind: &str| json!({"apiVersion": format!("{group}v1"), "kind": kind});
    for (group, kind) in [
        (
            "admissionregistration.k8s.io/",
            "MutatingWebhookConfiguration",
        ),
        (
            "admissionregistration.k8s.io/",
            "ValidatingWebhookConfiguration",
        ),
        ("apiextensions.k8s.io/", "CustomResourceDefinition"),
        ("", "ServiceAccount"),
    ] {
        let object = of_kind(group, kind);
        assert_eq!(of(None, Some(&object)).len(), 1, "{kind}");
        assert!(of(Some(&object), Some(&object)).is_empty(), "{kind}");
    }
    assert!(of(None, Some(&json!([1]))).is_empty());
    assert!(of(None, None).is_empty());
}

#[test]
fn an_object_in_which_nobody_has_set_a_field_may_have_no_managed_fields() {
    let account = |rest: Value| {
        let mut account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": "shop", "uid": "u", "creationTimestamp": "2024-01-01T00:00:00Z"},
        });
        let members = account.as_object_mut().unwrap();
        members.extend(rest.as_object().unwrap().clone());
        account
    };
    assert!(!lacks_managed_fields(&account(json!({}))));
    assert!(lacks_managed_fields(&account(
        json!({"secrets": [{"name": "s"}]})
    )));
    let mut labelled = account(json!({}));
    labelled["metadata"]["labels"] = json!({"app": "web"});
    assert!(lacks_managed_fields(&labelled));
    labelled["metadata"]["managedFields"] = json!([{"manager": "kubectl"}]);
    assert!(!lacks_managed_fields(&labelled));
}

#[test]
fn objects_of_which_api_servers_keep_no_record_are_not_remarked_on() {
    for (api_version, kind, created, lacks) in [
        (
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            "2024-01-01T00:00:00Z",
            false,
        ),
        ("v1", "RangeAllocation", "2024-01-01T00:00:00Z", false),
        ("v1", "Endpoints", "2024-01-01T00:00:00Z", false),
        ("v1", "Event", "2024-01-01T00:00:00Z", false),
        ("events.k8s.io/v1", "Event", "2024-01-01T00:00:00Z", false),
        (
            "route.openshift.io/v1",
            "Route",
            "2024-01-01T00:00:00Z",
            false,
        ),
        ("apps/v1", "Deployment", "2019-12-31T00:00:00Z", false),
        ("apps/v1", "Deployment", "2024-01-01T00:00:00Z", true),
        ("apps/v1", "Deployment", "", true),
        ("", "", "", false),
    ] {
        let object = json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {"name": "x", "creationTimestamp": created}, "spec": {"a": 1},
        });
        assert_eq!(lacks_managed_fields(&object), lacks, "{kind} {created}");
    }
}
