//! Defaults that depend on other fields of a message.
//! Source: pkg/apis/*/*/defaults.go and conversion.go of Kubernetes v1.37, for Services and claims also pkg/registry/core.

use serde_json::{Map, Value, json};

use super::pod_resources::add_pod_resources;
use crate::kubernetes::fields::{
    annotation, at, integer, is_set, is_true, items, members, text, text_or,
};
use crate::kubernetes::release::KubeRelease;

/// Adds what is missing in one message.
pub(super) type Rule = fn(&mut Value, KubeRelease);

/// The rule of a message, by its package and name.
pub(super) fn rule(message: &str) -> Option<Rule> {
    Some(match message {
        "core/v1.Namespace" => namespace,
        "core/v1.Service" => service,
        "core/v1.ServiceSpec" => session_affinity,
        "core/v1.ServicePort" => target_port,
        "core/v1.Pod" => pod,
        "core/v1.PodSpec" => service_account,
        "core/v1.PodStatus" => pod_addresses,
        "core/v1.Volume" => volume,
        "core/v1.Container" | "core/v1.EphemeralContainer" => |container, _| {
            set_text(
                container,
                "imagePullPolicy",
                pull_policy(text(container, "image")),
            );
        },
        "core/v1.ImageVolumeSource" => image_volume,
        "core/v1.PersistentVolume" => persistent_volume,
        "core/v1.NodeSpec" => node_ranges,
        "core/v1.ReplicationController" => {
            |object, _| take_from_template(object, SelectorForm::Labels)
        }
        "core/v1.NodeStatus" => allocatable,
        "core/v1.LimitRangeItem" => limit_range_item,
        "core/v1.HostPathVolumeSource" => |volume, _| set(volume, "type", "".into()),
        "apps/v1.Deployment" | "apps/v1beta2.Deployment" => |object, _| {
            let defaults = json!({"maxUnavailable": "25%", "maxSurge": "25%"});
            roll_out(object, "strategy", "RollingUpdate", &defaults);
        },
        "apps/v1beta1.Deployment" => |object, _| {
            take_from_template(object, SelectorForm::Object);
            let defaults = json!({"maxUnavailable": "25%", "maxSurge": "25%"});
            roll_out(object, "strategy", "RollingUpdate", &defaults);
        },
        "extensions/v1beta1.Deployment" => |object, _| {
            take_from_template(object, SelectorForm::Object);
            let defaults = json!({"maxUnavailable": 1, "maxSurge": 1});
            roll_out(object, "strategy", "RollingUpdate", &defaults);
        },
        "extensions/v1beta1.ReplicaSet" => |object, _| {
            take_from_template(object, SelectorForm::Object);
        },
        "apps/v1.DaemonSet" | "apps/v1beta2.DaemonSet" => |object, _| {
            count_templates(object);
            let defaults = json!({"maxUnavailable": 1, "maxSurge": 0});
            roll_out(object, "updateStrategy", "RollingUpdate", &defaults);
        },
        "extensions/v1beta1.DaemonSet" => |object, _| {
            take_from_template(object, SelectorForm::Object);
            let defaults = json!({"maxUnavailable": 1, "maxSurge": 0});
            roll_out(object, "updateStrategy", "OnDelete", &defaults);
        },
        "apps/v1.StatefulSet" | "apps/v1beta2.StatefulSet" => stateful_set,
        "apps/v1beta1.StatefulSet" => |object, _| {
            take_from_template(object, SelectorForm::Object);
            claim_templates(object);
        },
        "apps/v1beta1.RollingUpdateStatefulSetStrategy"
        | "apps/v1beta2.RollingUpdateStatefulSetStrategy"
        | "apps/v1.RollingUpdateStatefulSetStrategy" => {
            |strategy, _| set(strategy, "partition", 0.into())
        }
        "batch/v1.Job" => job,
        "autoscaling/v1.HorizontalPodAutoscaler" => cpu_target,
        "autoscaling/v2.HorizontalPodAutoscalerBehavior"
        | "autoscaling/v2beta2.HorizontalPodAutoscalerBehavior" => scaling,
        "discovery/v1beta1.Endpoint" => host_name,
        "rbac/v1.Subject" | "rbac/v1beta1.Subject" => |subject, _| {
            if ["User", "Group"].contains(&text(subject, "kind")) {
                set_text(subject, "apiGroup", "rbac.authorization.k8s.io");
            }
        },
        "networking/v1.NetworkPolicySpec" | "extensions/v1beta1.NetworkPolicySpec" => policy_types,
        "resource/v1.ExactDeviceRequest"
        | "resource/v1beta2.ExactDeviceRequest"
        | "resource/v1.DeviceSubRequest"
        | "resource/v1beta1.DeviceSubRequest"
        | "resource/v1beta2.DeviceSubRequest" => |request, _| count_devices(request),
        "resource/v1beta1.DeviceRequest" => |request, _| {
            if !text(request, "deviceClassName").is_empty() {
                set_text(request, "allocationMode", "ExactCount");
                count_devices(request);
            }
        },
        "resource/v1beta1.Device" => |device, _| set(device, "basic", json!({})),
        // What all releases print though it is empty, but not these.
        "storage/v1.CSINode" | "storage/v1beta1.CSINode" => |node, release| {
            if release < KubeRelease::V1_37 && at(node, "status") == &json!({}) {
                remove(node, "status");
            }
        },
        "resource/v1alpha3.DeviceTaintRule" => |rule, release| {
            if release < KubeRelease::V1_35 && at(rule, "status") == &json!({}) {
                remove(rule, "status");
            }
        },
        "certificates/v1beta1.PodCertificateRequestSpec" => |spec, release| {
            if release < KubeRelease::V1_36 && !is_set(spec, "stubPKCS10Request") {
                remove(spec, "stubPKCS10Request");
            }
        },
        "resource/v1.ResourceSliceSpec"
        | "resource/v1beta1.ResourceSliceSpec"
        | "resource/v1beta2.ResourceSliceSpec" => |spec, release| {
            if release < KubeRelease::V1_35 {
                set(spec, "devices", Value::Null);
            }
        },
        "apiextensions/v1.CustomResourceDefinition"
        | "apiextensions/v1beta1.CustomResourceDefinition" => definition,
        "apiextensions/v1beta1.CustomResourceConversion" => |conversion, _| {
            if text(conversion, "strategy") == "Webhook"
                && items(conversion, "conversionReviewVersions").is_empty()
            {
                replace(conversion, "conversionReviewVersions", json!(["v1beta1"]));
            }
        },
        _ => return None,
    })
}

/// Sets a member if it is missing or null.
fn set(value: &mut Value, name: &str, default: Value) {
    if value.get(name).is_none_or(Value::is_null) {
        replace(value, name, default);
    }
}

/// Sets a text if it is missing or empty.
fn set_text(value: &mut Value, name: &str, default: &str) {
    if text(value, name).is_empty() {
        replace(value, name, default.into());
    }
}

fn replace(value: &mut Value, name: &str, new: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), new);
    }
}

fn remove(value: &mut Value, name: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(name);
    }
}

/// The object in a member, made if it is missing.
fn made<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Map<String, Value>> {
    let member = value.as_object_mut()?.entry(name).or_insert(Value::Null);
    if member.is_null() {
        *member = Value::Object(Map::new());
    }
    member.as_object_mut()
}

/// The elements of a list, to be changed.
fn each<'v>(value: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    let list = value.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// A namespace has a label with its name, whatever is stored there.
fn namespace(object: &mut Value, _: KubeRelease) {
    let name = text(object, "metadata.name").to_owned();
    if !name.is_empty()
        && let Some(metadata) = object.get_mut("metadata")
        && let Some(labels) = made(metadata, "labels")
    {
        labels.insert("kubernetes.io/metadata.name".into(), name.into());
    }
}

fn service(object: &mut Value, _: KubeRelease) {
    if text_or(object, "spec.type", "ClusterIP") == "LoadBalancer"
        && let Some(balancer) = object.pointer_mut("/status/loadBalancer")
    {
        for one in each(balancer, "ingress") {
            if !text(one, "ip").is_empty() {
                set(one, "ipMode", "VIP".into());
            }
        }
    }
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    let kind = text_or(spec, "type", "ClusterIP").to_owned();
    let is_outside = matches!(kind.as_str(), "LoadBalancer" | "NodePort")
        || kind == "ClusterIP" && !items(spec, "externalIPs").is_empty();
    if is_outside {
        set_text(spec, "externalTrafficPolicy", "Cluster");
    }
    let address = text(spec, "clusterIP").to_owned();
    if items(spec, "clusterIPs").is_empty() && !address.is_empty() {
        replace(spec, "clusterIPs", json!([address]));
    }
    match kind.as_str() {
        "ExternalName" => return remove(spec, "internalTrafficPolicy"),
        "LoadBalancer" => set(spec, "allocateLoadBalancerNodePorts", true.into()),
        _ => {}
    }
    if ["ClusterIP", "NodePort", "LoadBalancer"].contains(&kind.as_str()) {
        set(spec, "internalTrafficPolicy", "Cluster".into());
    }
    address_families(spec, &address);
}

fn address_families(spec: &mut Value, address: &str) {
    if !items(spec, "ipFamilies").is_empty() {
        return;
    }
    let has_selector = members(spec, "selector").is_some_and(|selector| !selector.is_empty());
    let families: Vec<Value> = match address {
        // Whose endpoints somebody else lists may be of both families.
        "None" if !has_selector => vec!["IPv4".into(), "IPv6".into()],
        "None" => vec!["IPv4".into()],
        _ => items(spec, "clusterIPs")
            .iter()
            .map(|address| match address.as_str() {
                Some(address) if address.contains(':') => "IPv6".into(),
                _ => "IPv4".into(),
            })
            .collect(),
    };
    let policy = match families.len() {
        0 => return,
        1 => "SingleStack",
        _ => "RequireDualStack",
    };
    replace(spec, "ipFamilies", families.into());
    replace(spec, "ipFamilyPolicy", policy.into());
}

fn session_affinity(spec: &mut Value, _: KubeRelease) {
    match text(spec, "sessionAffinity") {
        "" | "None" => remove(spec, "sessionAffinityConfig"),
        "ClientIP" if !is_set(spec, "sessionAffinityConfig.clientIP.timeoutSeconds") => replace(
            spec,
            "sessionAffinityConfig",
            json!({"clientIP": {"timeoutSeconds": 10800}}),
        ),
        _ => {}
    }
}

fn target_port(port: &mut Value, _: KubeRelease) {
    let is_empty = match at(port, "targetPort") {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        other => other.as_i64() == Some(0),
    };
    if is_empty {
        let own = at(port, "port").clone();
        replace(port, "targetPort", own);
    }
}

/// What is added to pods, but not to templates of pods.
fn pod(object: &mut Value, release: KubeRelease) {
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    set(spec, "enableServiceLinks", true.into());
    if at(spec, "terminationGracePeriodSeconds")
        .as_i64()
        .is_some_and(|seconds| seconds < 0)
    {
        replace(spec, "terminationGracePeriodSeconds", 1.into());
    }
    let on_host = is_true(spec, "hostNetwork");
    for list in ["containers", "initContainers"] {
        for container in each(spec, list) {
            if let Some(resources) = container.get_mut("resources") {
                add_missing(resources, "requests", "limits");
            }
            for port in each(container, "ports").filter(|_| on_host) {
                if integer(port, "hostPort") == 0 {
                    let inside = at(port, "containerPort").clone();
                    replace(port, "hostPort", inside);
                }
            }
        }
    }
    // Newer ones do this only when a pod is made.
    if release < KubeRelease::V1_37 {
        add_pod_resources(spec);
    }
}

/// Adds to the map `to` what `from` has and it lacks; the map is made if `from` is there.
fn add_missing(value: &mut Value, to: &str, from: &str) {
    let Some(source) = members(value, from).cloned() else {
        return;
    };
    if let Some(target) = made(value, to) {
        for (key, amount) in source {
            target.entry(key).or_insert(amount);
        }
    }
}

/// Two names of one field.
fn service_account(spec: &mut Value, _: KubeRelease) {
    let old = text(spec, "serviceAccount");
    let name = text_or(spec, "serviceAccountName", old).to_owned();
    if !name.is_empty() {
        replace(spec, "serviceAccountName", name.as_str().into());
        replace(spec, "serviceAccount", name.into());
    }
}

/// The one address and the list of all go together; the one counts.
fn pod_addresses(status: &mut Value, _: KubeRelease) {
    let one = text(status, "podIP").to_owned();
    let first = items(status, "podIPs").first();
    let first = first.map_or("", |first| text(first, "ip")).to_owned();
    if one.is_empty() {
        if !first.is_empty() {
            replace(status, "podIP", first.into());
        }
    } else if one != first {
        replace(status, "podIPs", json!([{"ip": one}]));
    }
}

/// A volume of no kind is an empty directory.
fn volume(volume: &mut Value, _: KubeRelease) {
    if let Some(members) = volume.as_object_mut()
        && !members
            .iter()
            .any(|(name, value)| name != "name" && !value.is_null())
    {
        members.insert("emptyDir".into(), json!({}));
    }
}

/// What is called latest, or has neither tag nor digest, may change. What is not a reference to an image does not.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image
        .split_once('@')
        .map_or((image, None), |(name, digest)| (name, Some(digest)));
    if !is_reference(name) {
        return "IfNotPresent";
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    match (last.split_once(':'), digest) {
        (Some((_, "latest")), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

/// Whether that can name an image in a registry: a domain with a port, and small letters.
fn is_reference(name: &str) -> bool {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (first, rest),
        Some((first, rest)) if first.chars().any(|c| c.is_ascii_uppercase()) => (first, rest),
        _ => ("", name),
    };
    let (host, port) = domain.split_once(':').unwrap_or((domain, "0"));
    let is_word = |text: &str, more: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        text.starts_with(is_plain)
            && text.ends_with(is_plain)
            && text.chars().all(|c| is_plain(c) || more.contains(c))
    };
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (path, None),
    };
    let is_host =
        host.is_empty() || host.starts_with('[') || host.split('.').all(|part| is_word(part, "-"));
    let is_part =
        |part: &str| is_word(part, "._-") && !part.chars().any(|c| c.is_ascii_uppercase());
    let is_tag = |tag: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        tag.starts_with(is_plain)
            && tag.chars().all(|c| is_plain(c) || c == '.' || c == '-')
            && tag.len() <= 128
    };
    is_host
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && repository.split('/').all(is_part)
        && tag.is_none_or(is_tag)
}

fn persistent_volume(object: &mut Value, _: KubeRelease) {
    if let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) {
        set(spec, "volumeMode", "Filesystem".into());
        set_text(spec, "persistentVolumeReclaimPolicy", "Retain");
    }
}

/// The one range and the list of all go together; the one counts.
fn node_ranges(spec: &mut Value, _: KubeRelease) {
    let one = text(spec, "podCIDR").to_owned();
    let first = items(spec, "podCIDRs").first().and_then(Value::as_str);
    let first = first.unwrap_or_default().to_owned();
    if one.is_empty() {
        if !first.is_empty() {
            replace(spec, "podCIDR", first.into());
        }
    } else if one != first {
        replace(spec, "podCIDRs", json!([one]));
    }
}

/// The generation of the template is kept in an annotation.
fn count_templates(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata")
        && let Some(annotations) = made(metadata, "annotations")
    {
        annotations
            .entry("deprecated.daemonset.template.generation")
            .or_insert_with(|| "0".into());
    }
}

/// Without any metric the CPU counts; other metrics are kept in an annotation.
fn cpu_target(object: &mut Value, _: KubeRelease) {
    let metrics = annotation(object, "autoscaling.alpha.kubernetes.io/metrics");
    if metrics.is_none_or(|metrics| metrics == "[]")
        && let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object())
    {
        set(spec, "targetCPUUtilizationPercentage", 80.into());
    }
}

fn host_name(endpoint: &mut Value, _: KubeRelease) {
    let node = text(endpoint, "nodeName").to_owned();
    if endpoint.get("nodeName").is_some_and(Value::is_string)
        && let Some(topology) = made(endpoint, "topology")
    {
        topology.insert("kubernetes.io/hostname".into(), node.into());
    }
}

fn image_volume(volume: &mut Value, release: KubeRelease) {
    if release < KubeRelease::V1_35 {
        return;
    }
    set_text(volume, "pullPolicy", pull_policy(text(volume, "reference")));
}

/// The two names of a source go together, in a claim but not in templates of claims.
pub(super) fn claim_sources(claim: &mut Value) {
    let Some(spec) = claim.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    let (old, new) = (
        at(spec, "dataSource").clone(),
        at(spec, "dataSourceRef").clone(),
    );
    if new.is_null() && !old.is_null() {
        replace(spec, "dataSourceRef", old);
    } else if old.is_null() && !new.is_null() && text(&new, "namespace").is_empty() {
        replace(spec, "dataSource", new);
    }
}

/// A node without it can give away all it has.
fn allocatable(status: &mut Value, _: KubeRelease) {
    if let Some(capacity) = members(status, "capacity").cloned() {
        set(status, "allocatable", capacity.into());
    }
}

fn limit_range_item(item: &mut Value, _: KubeRelease) {
    if text(item, "type") != "Container" {
        return;
    }
    add_missing(item, "default", "max");
    add_missing(item, "defaultRequest", "default");
    add_missing(item, "defaultRequest", "min");
}

/// How a kind writes its selector.
#[derive(Clone, Copy)]
enum SelectorForm {
    Labels,
    Object,
}

/// Labels, and what selects, are those of the template, where there are none.
fn take_from_template(object: &mut Value, form: SelectorForm) {
    let labels = at(object, "spec.template.metadata.labels").clone();
    if !labels.is_object() {
        return;
    }
    let own = at(object, "spec.selector");
    let new = match form {
        SelectorForm::Labels if own.as_object().is_none_or(Map::is_empty) => Some(labels.clone()),
        SelectorForm::Object if own.is_null() => Some(json!({"matchLabels": labels.clone()})),
        _ => None,
    };
    if let (Some(new), Some(spec)) = (new, object.get_mut("spec")) {
        replace(spec, "selector", new);
    }
    take_labels(object, labels);
}

fn take_labels(object: &mut Value, labels: Value) {
    if labels.is_object()
        && at(object, "metadata.labels")
            .as_object()
            .is_none_or(Map::is_empty)
        && let Some(metadata) = object.get_mut("metadata")
    {
        replace(metadata, "labels", labels);
    }
}

/// The settings of a rolling update, if that is the strategy or is so by default.
fn roll_out(object: &mut Value, field: &str, default: &str, settings: &Value) {
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    if made(spec, field).is_none() {
        return;
    }
    let Some(strategy) = spec.get_mut(field) else {
        return;
    };
    let rolls = text_or(strategy, "type", default) == "RollingUpdate";
    if !rolls && !is_set(strategy, "rollingUpdate") {
        return;
    }
    if made(strategy, "rollingUpdate").is_some()
        && let Some(rolling) = strategy.get_mut("rollingUpdate")
    {
        for (name, value) in settings.as_object().into_iter().flatten() {
            // Where nothing rolls the settings count for nothing, and are zero.
            set(rolling, name, if rolls { value.clone() } else { 0.into() });
        }
    }
}

fn claim_templates(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec") {
        for template in each(spec, "volumeClaimTemplates") {
            set_text(template, "apiVersion", "v1");
            set_text(template, "kind", "PersistentVolumeClaim");
        }
    }
}

fn stateful_set(object: &mut Value, release: KubeRelease) {
    claim_templates(object);
    let Some(strategy) = object.pointer_mut("/spec/updateStrategy") else {
        return;
    };
    if text(strategy, "type").is_empty() {
        made(strategy, "rollingUpdate");
    }
    if text_or(strategy, "type", "RollingUpdate") == "RollingUpdate"
        && release >= KubeRelease::V1_37
        && let Some(rolling) = strategy.get_mut("rollingUpdate")
    {
        set(rolling, "maxUnavailable", 1.into());
    }
}

fn job(object: &mut Value, _: KubeRelease) {
    let labels = at(object, "spec.template.metadata.labels").clone();
    take_labels(object, labels);
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    if !is_set(spec, "parallelism") {
        set(spec, "completions", 1.into());
    }
    let replacement = match is_set(spec, "podFailurePolicy") {
        true => "Failed",
        false => "TerminatingOrFailed",
    };
    let retries = match is_set(spec, "backoffLimitPerIndex") {
        true => i32::MAX,
        false => 6,
    };
    for (name, value) in [
        ("parallelism", 1.into()),
        ("backoffLimit", retries.into()),
        ("completionMode", "NonIndexed".into()),
        ("suspend", false.into()),
        ("podReplacementPolicy", replacement.into()),
        ("manualSelector", false.into()),
    ] {
        set(spec, name, value);
    }
}

fn scaling(behavior: &mut Value, _: KubeRelease) {
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    if let Some(up) = behavior.get_mut("scaleUp") {
        set(up, "stabilizationWindowSeconds", 0.into());
        set(up, "policies", json!([pods, percent]));
    }
    if let Some(down) = behavior.get_mut("scaleDown") {
        set(down, "policies", json!([percent]));
    }
}

fn policy_types(spec: &mut Value, _: KubeRelease) {
    if items(spec, "policyTypes").is_empty() {
        let types = match items(spec, "egress").is_empty() {
            true => json!(["Ingress"]),
            false => json!(["Ingress", "Egress"]),
        };
        replace(spec, "policyTypes", types);
    }
}

fn count_devices(request: &mut Value) {
    let mode = text_or(request, "allocationMode", "ExactCount");
    if mode == "ExactCount" && integer(request, "count") == 0 {
        replace(request, "count", 1.into());
    }
}

fn definition(object: &mut Value, _: KubeRelease) {
    let is_old = text(object, "apiVersion").ends_with("/v1beta1");
    let Some(spec) = object.get_mut("spec").filter(|spec| spec.is_object()) else {
        return;
    };
    if let Some(names) = spec.get_mut("names").filter(|names| names.is_object()) {
        let kind = text(names, "kind").to_owned();
        if !kind.is_empty() {
            set_text(names, "singular", &kind.to_lowercase());
            set_text(names, "listKind", &format!("{kind}List"));
        }
    }
    let version = text(spec, "version").to_owned();
    let first = items(spec, "versions").first();
    let first = first.map(|first| text(first, "name").to_owned());
    if is_old {
        match first {
            None if !version.is_empty() => {
                let versions = json!([{"name": version, "served": true, "storage": true}]);
                replace(spec, "versions", versions);
            }
            Some(first) if version.is_empty() => replace(spec, "version", first.into()),
            _ => {}
        }
    }
    let stored = items(spec, "versions");
    let stored = stored.iter().find(|version| is_true(version, "storage"));
    let stored = stored.map(|version| at(version, "name").clone());
    if let (Some(stored), Some(status)) = (stored, object.get_mut("status"))
        && items(status, "storedVersions").is_empty()
    {
        replace(status, "storedVersions", json!([stored]));
    }
}
