//! The target for objects of Kubernetes.
#![allow(unreachable_pub)] // Each user of this file needs another part of it.

use std::sync::LazyLock;

use etcdsnap::kubernetes::catalog::resources::Resources;
use etcdsnap::kubernetes::show::describe::{Related, describe};
use etcdsnap::kubernetes::{Encoding, Head, decode, write_json};

static RESOURCES: LazyLock<Resources> = LazyLock::new(Resources::builtin);

/// A stored value, whatever it is: its head, its JSON as a tree and as text, which must be the same, its description. The
/// first byte may put it into the envelope of a kind with many fields.
pub fn kubernetes(data: &[u8]) {
    object(data);
    let Some((how, raw)) = data.split_first() else {
        return;
    };
    let (api_version, kind) = match how % 8 {
        0 => ("v1", "Pod"),
        1 => ("v1", "Node"),
        2 => ("apps/v1", "StatefulSet"),
        3 => ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"),
        4 => ("certificates.k8s.io/v1", "CertificateSigningRequest"),
        5 => ("autoscaling/v2", "HorizontalPodAutoscaler"),
        6 => ("v1", "Event"),
        _ => ("example.com/v1", "Unknown"),
    };
    let mut value = b"k8s\0\x0a".to_vec();
    value.push(u8::try_from(api_version.len() + kind.len() + 4).expect("short names"));
    for (tag, name) in [(0x0a, api_version), (0x12, kind)] {
        value.extend([tag, u8::try_from(name.len()).expect("short names")]);
        value.extend_from_slice(name.as_bytes());
    }
    value.push(0x12);
    let mut len = raw.len();
    while len >= 0x80 {
        value.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    value.push(len as u8);
    value.extend_from_slice(raw);
    object(&value);
}

fn object(value: &[u8]) {
    let head = Head::of(value);
    assert_eq!(head.encoding, Encoding::of(value));
    head.labels.iter().for_each(drop);
    if let Some(error) = &head.error {
        assert!(!error.to_string().chars().any(char::is_control));
    }
    let mut text = b"#".to_vec();
    let written = write_json(value, &mut text);
    match (decode(value), written) {
        (Ok(object), Ok(description)) => {
            assert_eq!(object.description, description);
            let parsed: serde_json::Value = serde_json::from_slice(&text[1..]).expect("JSON");
            assert_eq!(parsed, object.json, "text and tree differ");
            if let Some(error) = &description.error {
                assert!(!error.to_string().chars().any(char::is_control));
            }
            let resource = RESOURCES.of_kind_or_guess(&description.api_version, &description.kind);
            describe(&resource, &object.json, &Related::default(), Some(0));
        }
        (Err(one), Err(two)) => assert_eq!((one, &text[..]), (two, &b"#"[..])),
        (one, two) => panic!("{one:?} and {two:?}"),
    }
}
