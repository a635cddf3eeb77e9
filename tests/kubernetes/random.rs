//! Every kind, filled at random by the generator of the table, as Kubernetes stores it and as Go prints it.

use std::io::Read;

use etcdsnap::kubernetes::{Head, decode, write_json};
use serde_json::Value;

use crate::api::differ;

/// Stored object and JSON, one after the other.
pub(crate) fn samples() -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs(include_bytes!("../../testdata/kubernetes/random.gz"))
}

/// What a generator wrote, two and two.
pub(crate) fn pairs(compressed: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(compressed)
        .read_to_end(&mut bytes)
        .expect("samples");
    let mut rest = &bytes[..];
    let mut next = || {
        let (len, behind) = rest.split_first_chunk()?;
        let (part, behind) = behind.split_at(u32::from_le_bytes(*len) as usize);
        rest = behind;
        Some(part.to_vec())
    };
    std::iter::from_fn(|| Some((next()?, next()?))).collect()
}

#[test]
fn random_objects_of_every_kind_decode_to_what_go_prints() {
    let samples = samples();
    assert!(samples.len() > 500, "{} samples", samples.len());
    let mut wrong = Vec::new();
    for (stored, json) in &samples {
        let expected: Value = serde_json::from_slice(json).expect("JSON");
        let object = decode(stored).expect("an object");
        let what = format!(
            "{} {}",
            object.description.api_version, object.description.kind
        );
        if object.description.is_partial() {
            wrong.push(format!("{what}: {:?}", object.description));
        }
        let mut differences = Vec::new();
        differ("", &expected, &object.json, &mut differences);
        wrong.extend(
            differences
                .iter()
                .map(|difference| format!("{what}{difference}")),
        );
        let mut text = Vec::new();
        write_json(stored, &mut text).expect("an object");
        let parsed: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(parsed, object.json, "{what}: text and tree differ");
        let head = Head::of(stored);
        if head.error.is_none() {
            assert_eq!(head.name.as_deref(), object.name(), "{what}");
        }
    }
    let count = wrong.len();
    wrong.truncate(40);
    assert!(
        wrong.is_empty(),
        "{count} of {}:\n{}",
        samples.len(),
        wrong.join("\n")
    );
}
