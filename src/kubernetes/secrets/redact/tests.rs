use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Redactor;

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln-_";
const PEM: &str =
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIDBTCCAe2gAwIBAgIIY4gOM4QjI6MwDQYJKoZIhvcNAQELBQAwFTETMBEGA1UE\n-----END CERTIFICATE-----\n";
const BOOTSTRAP: &str = "abcdef.0123456789abcdef";

fn redactor() -> Redactor {
    Redactor::with_key(b"key")
}

/// A text of a ConfigMap as it is shown.
fn shown(text: &str) -> String {
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"text": text}});
    redactor().redact_object(&mut map);
    map["data"]["text"].as_str().unwrap().to_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_secret_is_found_inside_of_a_longer_text_and_the_rest_is_shown() {
    let mark = |secret: &str| redactor().mark(secret.as_bytes());
    for (before, secret, after) in [
        ("Authorization: Bearer ", TOKEN, " was refused"),
        ("curl -H Bearer%20", TOKEN, ""),
        ("--token=", TOKEN, ","),
        ("x: {y: ", PEM.trim_end(), "\n}"),
        ("--token ", BOOTSTRAP, " --discovery"),
        ("kubeadm join --token=", BOOTSTRAP, ""),
        ("    token: ", BOOTSTRAP, "\n"),
        ("bootstrapToken: \"", BOOTSTRAP, "\""),
        ("postgres://app:", "s3cr3t!", "@db:5432/shop"),
        ("mysqld --password=", "hunter2", " --port 1"),
        ("redis-server --requirepass \"", "hunter2", "\""),
        (
            "aws_secret_access_key = ",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "\n",
        ),
        (
            "age: ",
            "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
            "\n",
        ),
        (
            "url: https://x-access-token:",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "@github.com",
        ),
        (
            "root:",
            "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
            ":1",
        ),
    ] {
        let text = format!("{before}{secret}{after}");
        assert_eq!(
            shown(&text),
            format!("{before}{}{after}", mark(secret)),
            "{text}"
        );
    }
}

#[test]
fn the_tag_of_an_image_is_not_a_password_and_a_password_before_one_is() {
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for text in [
        format!("docker://alpine:3.19@{digest}"),
        format!("docker-pullable://nginx:1.25@{digest}"),
        format!("oci://nginx:1.25@{digest}"),
        format!("Failed to pull image \"docker-pullable://nginx:1.25@{digest}\": not found"),
        format!("pulled docker://nginx:1.25@{digest}, in 2s"),
        "docker://nginx:1.25@sha256:9f86d081884c...".to_owned(),
        format!("docker://nginx:1.25@sha512:{}", "0a".repeat(64)),
        format!("oci://nginx:1.25@multihash+base58:{}", "0a".repeat(32)),
    ] {
        assert_eq!(shown(&text), text);
        let mut pod = json!({"kind": "Pod", "status": {"containerStatuses": [{"imageID": text}]}});
        assert!(!redactor().redact_object(&mut pod), "{text}");
    }
    let mark = redactor().mark(b"hunter2");
    for after in [
        format!("alpine:3.19@{digest}"),
        "sha256:8080/a".to_owned(),
        "deadbeef:5000".to_owned(),
        format!("registry.example.com:5000/a:1@{digest}"),
    ] {
        assert_eq!(
            shown(&format!("docker://app:hunter2@{after}")),
            format!("docker://app:{mark}@{after}")
        );
    }
}

#[test]
fn what_only_resembles_a_secret_is_shown() {
    for text in [
        "worker.18ea058abdc8981b",
        "pod worker.18ea058abdc8981b was created",
        "no token for worker-0.18ea058abdc8981b",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "registry.example.com/a@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "4f0bdc41-3fb1-4a5b-93b6-08a5d3cf0b15",
        CERTIFICATE,
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..c2lnbmF0dXJl",
        "https://user@example.com/",
        "https://example.com:8443/a@b",
        "postgres://app:$(PASSWORD)@db/shop",
        "http://user:password@host",
        "--password=$(PASSWORD)",
        "--token=/var/run/token",
        "--token=$(TOKEN)",
        "give --password or --token",
        "--token-ttl=24h",
        "AKIAIOSFODNN7EXAMPLE",
        "kind: SecretStore\ndata:\n  a: b",
        "kind: HelmRelease\nspec:\n  valuesFrom:\n  - kind: Secret\n    name: v\n  values:\n    a:\n      data: b\n",
        "kind: Secret\nmetadata:\n  name: a\n---\nkind: ConfigMap\ndata:\n  a: b\n",
        "{\"valuesFrom\":[{\"kind\":\"Secret\",\"name\":\"v\"}],\"values\":{\"data\":5}}",
        "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:A=]",
        "$2y$10$short",
        "{\"a\": [1, 2, {\"kind\": \"Pod\"}]}",
        "",
    ] {
        assert_eq!(shown(text), text);
        let coded = BASE64_STANDARD.encode(text);
        assert_eq!(shown(&coded), coded, "{text}");
    }
}

#[test]
fn a_secret_is_found_in_base64_in_gzip_and_in_objects_written_as_text() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "Y2FuYXJ5"}});
    let yaml = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  a: canary\n";
    let docker = json!({"auths": {"r.example.com": {"auth": "dTpjYW5hcnk=", "username": "u"}}});
    let kubeconfig =
        "apiVersion: v1\nclusters:\n- name: c\nusers:\n- name: u\n  user:\n    token: canary\n";
    let texts = [
        TOKEN.to_owned(),
        PEM.to_owned(),
        secret.to_string(),
        json!([secret]).to_string(),
        json!({"wrapped": secret.to_string()}).to_string(),
        yaml.to_owned(),
        format!("---\n{yaml}---\na: b\n"),
        docker.to_string(),
        kubeconfig.to_owned(),
    ];
    for text in &texts {
        assert_ne!(shown(text), *text);
        let coded = BASE64_STANDARD.encode(text);
        let twice = BASE64_STANDARD.encode(&coded);
        let packed = BASE64_STANDARD.encode(gzip(text.as_bytes()));
        let release = BASE64_STANDARD.encode(&packed);
        for coded in [coded, twice, packed, release] {
            assert_eq!(shown(&coded), redactor().mark(coded.as_bytes()), "{text}");
        }
        assert!(!shown(text).contains("canary") && !shown(text).contains("Y2FuYXJ5"));
    }
    assert!(shown(&texts[7]).contains("r.example.com"));
    assert!(shown(kubeconfig).contains("- name: u\n"));
    // PEM broken into lines once more.
    let lines: Vec<String> = BASE64_STANDARD
        .encode(PEM.repeat(3))
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    let text = format!("key: |\n  {}\nend", lines.join("\n  "));
    let shown = shown(&text);
    assert!(
        shown.starts_with("key: |\n  <redacted") && shown.ends_with(">\nend"),
        "{shown}"
    );
}

#[test]
fn a_secret_is_found_in_yaml_that_is_written_within_braces() {
    for text in [
        "{kind: Secret, stringData: {p: canary}}",
        "{stringData: {p: canary}, metadata: {name: a}, kind: \"Secret\"}",
        "a:\n- {apiVersion: v1,\n   kind: Secret,\n   data: {p: Y2FuYXJ5}}\n",
        "{kind: SecretList, items: [{data: {p: Y2FuYXJ5}}]}",
    ] {
        assert_eq!(shown(text), redactor().mark(text.as_bytes()));
    }
    for text in [
        "{valuesFrom: [{kind: Secret, name: v}], values: {data: {a: b}}}",
        "{kind: SecretStore, data: {a: b}}",
        "{kind: Secret, metadata: {name: a}}, {kind: ConfigMap, data: {a: b}}",
        "the {kind: Secret} has data: none",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn logins_of_a_kubeconfig_are_found_however_the_yaml_is_written() {
    let head = "apiVersion: v1\nclusters:\n- name: c\nusers:\n- name: u\n";
    for user in [
        "  user: {token: canary}\n",
        "  user: {\"token\": \"canary\", username: u}\n",
        "  user: {username: u, password: 'canary, too'}\n",
        "  user: {username: u,\n    password: canary}\n",
        "  user:\n    token: |\n      canary\n",
        "  user:\n    token: >-\n      canary\n      canary\n",
        "  user:\n    token: |2-\n\n      canary\n",
        "  user:\n    token:\n      canary\n",
        "  user:\n    token: canary\n      canary\n",
        "  user:\n    \"token\": \"canary\"\n",
        "- user: {token: canary}\n",
    ] {
        let text = format!("{head}{user}current-context: shown\n");
        let shown = shown(&text);
        assert!(!shown.contains("canary"), "{shown}");
        assert!(
            shown.starts_with(head) && shown.ends_with("\ncurrent-context: shown\n"),
            "{shown}"
        );
    }
    // One that is merged with others has no clusters.
    for alone in [
        "apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user:\n    token: canary\n    password: canary\n    username: u\n",
        "users:\n- user:\n    password: canary\n  name: x\n",
        "users: [{name: u, user: {token: canary}}]",
        r#"{"users":[{"name":"u","user":{"password":"canary"}}]}"#,
    ] {
        let shown = shown(alone);
        assert!(
            !shown.contains("canary") && shown.contains("name"),
            "{shown}"
        );
    }
    // Others have users, too, and a name alone does not make a secret.
    let others = "users:\n- user: alice\n  password: shown\n";
    assert_eq!(shown(others), others);
    let whole = "{clusters: [{name: c}], users: [{name: u, user: {token: canary}}]}";
    assert_eq!(
        shown(whole),
        whole.replace("canary", &redactor().mark(b"canary"))
    );
    // Lines below that are fields of their own stay.
    let text = format!("{head}  user:\n    token:\n    username: u\n");
    assert_eq!(shown(&text), text);
}

#[test]
fn a_token_with_a_head_on_several_lines_is_found() {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    for head in [
        "{\n  \"alg\": \"RS256\",\n  \"typ\": \"JWT\"\n}",
        "{\r\n  \"alg\": \"RS256\"\r\n}",
        "{\t\"alg\": \"RS256\"}",
        "{   \"alg\": \"RS256\"}",
    ] {
        for payload in ["{\"sub\":\"x\"}", "{\n \"sub\": \"x\"}"] {
            let [head, payload] = [head, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
            let token = format!("{head}.{payload}.c2ln-_");
            assert_eq!(shown(&token), redactor().mark(token.as_bytes()), "{token}");
        }
    }
    for text in ["ewok.ewok.example", "see viewok.ewokia.example.com"] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn a_private_key_is_found_in_base64_that_is_broken_into_narrow_lines() {
    let wrap = |text: &str, width: usize, gap: &str| {
        let lines: Vec<&str> = (0..text.len())
            .step_by(width)
            .map(|at| &text[at..text.len().min(at + width)])
            .collect();
        lines.join(gap)
    };
    let key = BASE64_STANDARD.encode(PEM);
    let certificate = BASE64_STANDARD.encode(CERTIFICATE);
    for width in [8, 16, 20, 30, 32, 48, 59] {
        for gap in ["\n", "\n    ", "\r\n\t"] {
            let wrapped = wrap(&key, width, gap);
            let text = format!("key: |{gap}{wrapped}\nend");
            let expected = format!("key: |{gap}{}\nend", redactor().mark(wrapped.as_bytes()));
            assert_eq!(shown(&text), expected, "{width}");
            let wrapped = wrap(&certificate, width, gap);
            assert_eq!(shown(&wrapped), wrapped);
        }
    }
    // Lines of one length that do not belong together.
    let text = format!("{}\n{key}\n", "a".repeat(key.trim_end_matches('=').len()));
    assert!(shown(&text).contains("\n<redacted ") || shown(&text).starts_with("<redacted "));
}

#[test]
fn a_private_key_in_der_is_found_and_a_certificate_is_not_one() {
    for (bytes, is_key) in [
        (&b"\x30\x82\x04\xbd\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04\x82"[..], true),
        (b"\x30\x82\x04\xa4\x02\x01\x00\x02\x82\x01\x01\x00\xc2\x91\x33\x44\x55\x66\x77\x88", true),
        (b"\x30\x77\x02\x01\x01\x04\x20\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", true),
        (b"\x30\x82\x03\x05\x30\x82\x01\xed\xa0\x03\x02\x01\x02\x02\x08\x63\x88\x0e\x33\x84", false),
        (b"\x30\x82\x02\x8a\x30\x82\x01\x72\x02\x01\x00\x30\x45\x31\x0b\x30\x09\x06\x03\x55", false),
    ] {
        let coded = BASE64_STANDARD.encode(bytes);
        assert_eq!(shown(&coded) != coded, is_key, "{coded}");
    }
}

#[test]
fn who_an_object_is_is_never_judged_by_its_looks() {
    let odd = [
        "worker.18ea058abdc8981b",
        TOKEN,
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    ];
    for name in odd {
        let reference = json!({"apiVersion": "v1", "kind": "Pod", "namespace": name, "name": name, "uid": name});
        let object = json!({
            "apiVersion": name, "kind": name,
            "metadata": {"name": name, "namespace": name, "generateName": name, "uid": name,
                "ownerReferences": [reference]},
            "involvedObject": reference, "regarding": reference,
            "spec": {"template": {"metadata": {"name": name}}},
        });
        let mut copy = object.clone();
        assert!(!redactor().redact_object(&mut copy), "{copy}");
        assert_eq!(copy, object);
    }
    // What refers to a Secret is not a Secret.
    let reference = json!({"apiVersion": "v1", "kind": "Secret", "namespace": "shop", "name": "db", "uid": "u"});
    let mut event = json!({"kind": "Event", "involvedObject": reference, "valuesFrom": [{"kind": "Secret", "name": "v"}]});
    assert!(!redactor().redact_object(&mut event), "{event}");
    // Elsewhere it is one.
    let mut object = json!({"kind": "ConfigMap", "data": {"name": TOKEN, "kind": TOKEN}});
    assert!(redactor().redact_object(&mut object));
    assert_eq!(object["data"]["name"], object["data"]["kind"]);
}

#[test]
fn labels_are_never_judged_by_their_looks_or_names() {
    let labels = json!({"token": "worker.18ea058abdc8981b", "bootstrap": BOOTSTRAP, "app": "shop"});
    let object = json!({
        "kind": "Deployment", "metadata": {"name": "a", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"nodeSelector": labels}},
        },
    });
    let service = json!({"kind": "Service", "spec": {"selector": labels}});
    for object in [object, service] {
        let mut copy = object.clone();
        assert!(!redactor().redact_object(&mut copy), "{copy}");
        assert_eq!(copy, object);
    }
    // What is too long is not a label; elsewhere the name speaks.
    let long = format!("{TOKEN}{}", "a".repeat(40));
    for object in [
        json!({"kind": "Pod", "metadata": {"labels": {"a": long}}}),
        json!({"kind": "Thing", "spec": {"selector": {"token": BOOTSTRAP, "more": {}}}}),
        json!({"kind": "Thing", "spec": {"labels": {"token": BOOTSTRAP}}}),
        json!({"kind": "ConfigMap", "data": {"token": "worker.18ea058abdc8981b"}}),
    ] {
        let mut copy = object.clone();
        assert!(redactor().redact_object(&mut copy), "{object}");
    }
}

#[test]
fn the_name_of_an_event_in_a_sentence_about_a_token_is_shown() {
    for text in [
        "deleted token worker.18ea058abdc8981b",
        "no more bootstrap worker.17c0ffee0badcafe here",
        "--cluster-uid-token 4f0bdc41-3fb1-4a5b-93b6-08a5d3cf0b15",
        "--cluster-uid-token=4f0bdc41-3fb1-4a5b-93b6-08a5d3cf0b15",
    ] {
        assert_eq!(shown(text), text);
    }
    let uid = "4f0bdc41-3fb1-4a5b-93b6-08a5d3cf0b15";
    let mut pod = json!({"kind": "Pod", "args": ["--cluster-uid-token", uid]});
    assert!(!redactor().redact_object(&mut pod));
    for text in [
        "deleted token abcdef.0123456789abcdef",
        "deleted token a1b2c3.18ea058abdc8981b",
        "deleted token worker.18ea058abdc8981z",
        "token: worker.18ea058abdc8981b",
        "token=worker.18ea058abdc8981b",
        "kubeadm join --token worker.18ea058abdc8981b",
        "Authorization: Bearer worker.18ea058abdc8981b",
        "--token 4f0bdc41-3fb1-4a5b-93b6-08a5d3cf0b15",
        "--cluster-uid-token=s3cr3ts3cr3ts3cr3t",
    ] {
        assert_ne!(shown(text), text);
    }
}

#[test]
fn names_beside_a_text_tell_what_it_is() {
    let mut pod = json!({"kind": "Pod", "spec": {"containers": [{
        "args": ["--token", BOOTSTRAP, "--password", "hunter2", "--name", "hunter2"],
        "env": [
            {"name": "JOIN_TOKEN", "value": BOOTSTRAP},
            {"name": "EVENT", "value": "worker.18ea058abdc8981b"},
            {"name": "AWS_SECRET_ACCESS_KEY", "value": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
            {"name": "AWS_ACCESS_KEY_ID", "value": "AKIAIOSFODNN7EXAMPLE"},
        ],
    }]}});
    assert!(redactor().redact_object(&mut pod));
    let container = &pod["spec"]["containers"][0];
    let is_hidden = |value: &Value| value.as_str().unwrap().starts_with("<redacted ");
    let args: Vec<bool> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(is_hidden)
        .collect();
    assert_eq!(args, [false, true, false, true, false, false]);
    let values: Vec<bool> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| is_hidden(&variable["value"]))
        .collect();
    assert_eq!(values, [true, false, true, false]);
}

#[test]
fn a_key_beneath_secrets_hides_data_whatever_the_value_says() {
    let objects = [
        json!({"apiVersion": "w1", "kind": "Secret", "data": {"p": "Y2FuYXJ5"}}),
        json!({"apiVersion": "v1", "kind": "Sacret", "stringData": {"p": "canary"}}),
        json!({"data": "canary"}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": ["canary"]}, "extra": "canary"}),
        json!({"kind": "List", "items": [{"data": {"p": "canary"}}]}),
        json!({"apiVersion": "example.com/v1", "kind": "Thing", "data": {"p": "canary"},
            "metadata": {"annotations": "canary"}}),
    ];
    for object in objects {
        let mut object = object;
        assert!(redactor().redact_stored(b"/registry/secrets/ns/a", &mut object));
        let text = object.to_string();
        assert!(
            !text.contains("canary") && !text.contains("Y2FuYXJ5"),
            "{text}"
        );
    }
    let mut map = json!({"kind": "ConfigMap", "data": {"p": "canary"}});
    assert!(!redactor().redact_stored(b"/registry/configmaps/secrets/a", &mut map));
}

#[test]
fn fields_that_a_secret_does_not_have_are_hidden_wherever_they_stand() {
    let key = b"/registry/secrets/shop/s";
    let other = b"/registry/example.com/secrets/shop/s";
    let word = || json!({"a": "canary"});
    let secret = |metadata: Value| json!({"kind": "Secret", "metadata": metadata, "data": {}});
    for (key, object) in [
        (
            &key[..],
            secret(json!({"name": "s", "Annotations": word()})),
        ),
        (key, secret(json!({"name": "s", "data": "canary"}))),
        (key, secret(json!({"name": word()}))),
        (key, secret(json!({"labels": "canary"}))),
        (key, secret(json!({"labels": {"a": ["canary"]}}))),
        (
            key,
            secret(json!({"ownerReferences": [{"name": "o", "Note": "canary"}]})),
        ),
        (key, secret(json!({"ownerReferences": ["canary"]}))),
        (key, secret(json!({"finalizers": [word()]}))),
        (
            key,
            secret(json!({"managedFields": [{"manager": "m", "fieldsV1": {"f:data": "canary"}}]})),
        ),
        (key, secret(json!("canary"))),
        (
            key,
            json!({"kind": "Secret", "metadata": {}, "type": word()}),
        ),
        (
            key,
            json!({"kind": "Secret", "metadata": {}, "immutable": "canary"}),
        ),
        (
            key,
            json!({"kind": "Secret", "metadata": {}, "items": ["canary"]}),
        ),
        (
            b"/x",
            json!({"kind": "Secret", "metadata": {}, "items": [word()]}),
        ),
        (
            key,
            json!({"apiVersion": "g/v1", "kind": "Thing", "Data": word(), "StringData": word()}),
        ),
        (
            key,
            json!({"apiVersion": "g/v1", "kind": "Thing", "spec": word()}),
        ),
        (
            key,
            json!({"kind": "List", "items": [{"apiVersion": "g/v1", "spec": word()}]}),
        ),
        (
            other,
            json!({"apiVersion": "g/v1", "kind": "Thing", "Data": word(), "StringData": word()}),
        ),
    ] {
        let mut shown = object.clone();
        assert!(redactor().redact_stored(key, &mut shown), "{object}");
        assert!(!shown.to_string().contains("canary"), "{shown}");
    }
    let mut whole = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "metadata": {
            "name": "s", "generateName": "s-", "namespace": "shop", "selfLink": "/api/v1", "uid": "u",
            "resourceVersion": "5", "generation": 1, "creationTimestamp": null,
            "deletionTimestamp": "2024-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0,
            "labels": {"app": "shop"}, "annotations": {}, "finalizers": ["a/b"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u",
                "controller": true, "blockOwnerDeletion": true}],
            "managedFields": [{"manager": "m", "operation": "Apply", "apiVersion": "v1", "time": "2024-01-01T00:00:00Z",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {".": {}, "f:a": {}}}, "subresource": "status"}],
        },
    });
    let before = whole.clone();
    assert!(!redactor().redact_stored(key, &mut whole), "{whole}");
    assert_eq!(whole, before);
    // A resource of another group has fields of its own.
    let mut thing =
        json!({"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"a": "shown"}});
    assert!(!redactor().redact_stored(other, &mut thing), "{thing}");
}

#[test]
fn a_last_applied_configuration_that_cannot_be_read_is_hidden_whole() {
    for (text, is_hidden) in [
        ("{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"b\"}}", false),
        ("{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"b\"", true),
        ("not JSON", true),
        ("[1]", true),
    ] {
        let mut object =
            json!({"kind": "ConfigMap", "metadata": {"annotations": {super::LAST_APPLIED: text}}});
        assert_eq!(redactor().redact_object(&mut object), is_hidden, "{text}");
        let annotation = &object["metadata"]["annotations"][super::LAST_APPLIED];
        let expected = match is_hidden {
            true => redactor().mark(text.as_bytes()),
            false => text.to_owned(),
        };
        assert_eq!(*annotation, expected);
    }
}

#[test]
fn examples_in_definitions_are_not_taken_for_secrets() {
    let description =
        "for example http://user:pass1@host, or\nkind: Secret\ndata:\n  a: b\nor --password=x1";
    let definition =
        json!({"kind": "CustomResourceDefinition", "spec": {"description": description}});
    let mut copy = definition.clone();
    assert!(!redactor().redact_object(&mut copy));
    assert_eq!(copy, definition);
}

#[test]
fn texts_made_to_be_slow_are_searched_in_time_that_grows_with_their_length() {
    let len = 200_000;
    for text in [
        "eyJ".repeat(len / 3),
        format!("{}.a", "eyJ".repeat(len / 3)),
        format!("{}.{}.", "eyJ".repeat(len / 6), "a".repeat(len / 2)),
        "eyJa.b.".repeat(len / 7),
        "--token=".repeat(len / 8),
        "--password=$".repeat(len / 12),
        "://a:b".repeat(len / 6),
        "$6$".repeat(len / 3),
        "-----BEGIN ".repeat(len / 11),
        "kind:".repeat(len / 5),
        "kind: Secret ".repeat(len / 13),
        "a".repeat(len),
        format!("{}\n", "a".repeat(76)).repeat(len / 77),
        "{\"a\":".repeat(len / 5),
        "\\".repeat(len),
        "{kind: Secret, ".repeat(len / 15),
        "Secret{ ,".repeat(len / 9),
        format!("{}\n", "a".repeat(20)).repeat(len / 21),
        "ewo.".repeat(len / 4),
        "users: {token: '\nclusters: {token: '\"\n".repeat(len / 36),
        format!("users:\nclusters:\n{}", "{,\"\" ".repeat(len / 5)),
        format!("users:\nclusters:\n{}", "{token: x".repeat(len / 9)),
        format!("clusters:\n{}", "\"users".repeat(len / 6)),
    ] {
        shown(&text);
    }
}

#[test]
fn a_bomb_is_not_unpacked_whole() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let coded = BASE64_STANDARD.encode(&bomb);
    assert_eq!(shown(&coded), redactor().mark(coded.as_bytes()));
}
