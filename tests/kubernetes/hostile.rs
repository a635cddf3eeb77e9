//! Damaged objects: nothing may panic, and text and tree must stay the same JSON.

use etcdsnap::kubernetes::{Head, decode, write_json};
use serde_json::Value;

use crate::random::samples;
use crate::wire;

/// Everything that can be asked of a value.
fn ask(value: &[u8]) {
    let head = Head::of(value);
    let _ = head.labels.iter().count();
    let mut text = b"#".to_vec();
    let written = write_json(value, &mut text);
    match (decode(value), written) {
        (Ok(object), Ok(description)) => {
            assert_eq!(object.description, description);
            let parsed: Value = serde_json::from_slice(&text[1..]).expect("JSON");
            assert_eq!(parsed, object.json, "text and tree differ: {value:x?}");
        }
        (Err(one), Err(two)) => assert_eq!((one, &text[..]), (two, &b"#"[..])),
        (one, two) => panic!("{one:?} and {two:?}: {value:x?}"),
    }
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

#[test]
fn damaged_objects_are_survived() {
    let mut numbers = Numbers(7);
    for (stored, json) in samples() {
        for value in [&stored, &json] {
            for _ in 0..6 {
                ask(&value[..numbers.below(value.len())]);
                let mut changed = value.clone();
                for _ in 0..=numbers.below(4) {
                    let at = numbers.below(changed.len());
                    changed[at] = numbers.below(256) as u8;
                }
                ask(&changed);
            }
        }
    }
}

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire::field(&mut out, number, bytes);
    out
}

fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let names = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &names), field(2, raw)].concat()
}

#[test]
fn schemas_nested_without_end_are_survived() {
    // CustomResourceDefinition.spec.validation.openAPIV3Schema, then `not` in `not`.
    for depth in [10, 40, 56, 57, 5000] {
        let mut schema = Vec::new();
        for _ in 0..depth {
            schema = [vec![0xe2, 1], field(0, &schema)[1..].to_vec()].concat();
        }
        let spec = field(5, &field(1, &schema));
        let value = envelope(
            "apiextensions.k8s.io/v1beta1",
            "CustomResourceDefinition",
            &field(2, &spec),
        );
        ask(&value);
        let object = decode(&value).expect("an object");
        assert_eq!(object.description.error.is_some(), depth > 56, "{depth}");
    }
}

#[test]
fn json_and_cbor_nested_without_end_are_refused() {
    for depth in [100, 5_000, 1_000_000] {
        ask(&[b"{\"a\":".to_vec(), vec![b'['; depth]].concat());
        let closed = "[".repeat(depth) + &"]".repeat(depth);
        ask(format!("{{\"a\":{closed}}}").as_bytes());
        ask(&[&b"\xd9\xd9\xf7\xa1\x41a"[..], &vec![0x81; depth]].concat());
        ask(&[&b"\xd9\xd9\xf7"[..], &vec![0xc6; depth]].concat());
        ask(&envelope("v1", "Pod", &vec![0x0b; depth]));
    }
}

#[test]
fn repeated_and_unordered_fields_are_merged_as_by_go() {
    let metadata = |name: &str| field(1, &field(1, name.as_bytes()));
    let namespace = field(1, &field(3, b"ns"));
    let entry = |key: &str, value: &str| {
        field(
            2,
            &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat(),
        )
    };
    let raw = [
        entry("b", "1"),
        metadata("one"),
        entry("a", "2"),
        namespace,
        entry("b", "3"),
        metadata("two"),
    ];
    let object = decode(&envelope("v1", "ConfigMap", &raw.concat())).expect("an object");
    assert_eq!(object.description.error, None);
    assert_eq!(
        (object.name(), object.namespace()),
        (Some("two"), Some("ns"))
    );
    assert_eq!(object.json["data"], serde_json::json!({"a": "2", "b": "3"}));
}

#[test]
fn unknown_fields_and_kinds_are_kept_beside() {
    let extra = [
        &field(1, &field(1, b"n"))[..],
        &[0x78, 0x96, 0x01],
        &field(2, b"\x08\x01"),
    ]
    .concat();
    let object = decode(&envelope("v1", "ConfigMap", &extra)).expect("an object");
    assert!(object.description.is_partial());
    let unknown = &object.description.unknown[0];
    assert_eq!((unknown.number, unknown.wire_type), (15, 0));
    assert_eq!(
        (unknown.path.as_str(), &unknown.bytes[..]),
        ("", &b"\x96\x01"[..])
    );

    let value = envelope("example.com/v1", "Strange", &extra);
    let object = decode(&value).expect("an object");
    assert_eq!(object.description.undecoded, Some(extra.len()));
    assert_eq!(
        (object.name(), &object.description.error),
        (Some("n"), &None)
    );
    assert_eq!(object.json["kind"], "Strange");
    // Not every first field is metadata.
    let object = decode(&envelope("v2", "Pod", &field(1, b"text"))).expect("an object");
    assert_eq!(
        object.json,
        serde_json::json!({"apiVersion": "v2", "kind": "Pod"})
    );
    // Many unknown fields are counted, a few of them kept.
    let many = [0x78, 0x01].repeat(1000);
    let object = decode(&envelope("v1", "ConfigMap", &many)).expect("an object");
    let kept = object.description.unknown.len() as u64;
    assert_eq!(kept + object.description.more_unknown, 1000);
    assert!(kept < 100);
}
