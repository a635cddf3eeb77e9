//! Bounds of what is printed: how much memory it takes, and that nothing in it is raw.

#[path = "../support/mod.rs"]
mod support;

mod escapes;
mod memory;
mod system;

use std::path::Path;

use support::database::{Bucket, Database};
use support::wire::{field, record};

/// A database with one record for each key and value, from revision 2 on; a key that comes again is
/// overwritten.
fn write_database(path: &Path, records: &[(&str, &[u8])]) {
    let mut bucket = Bucket::default();
    for (number, (key, value)) in records.iter().enumerate() {
        let revision = number as u64 + 2;
        let earlier = &records[..number];
        let created = earlier.iter().position(|(other, _)| other == key);
        let version = earlier.iter().filter(|(other, _)| other == key).count() + 1;
        let revisions = [created.unwrap_or(number) as u64 + 2, revision];
        let record = record(key.as_bytes(), revisions, version as u64, value);
        let name = [&revision.to_be_bytes()[..], b"_", &[0; 8]].concat();
        bucket.elements.insert(name, (0, record));
    }
    let mut database = Database::default();
    database.buckets.insert(b"key".to_vec(), bucket);
    std::fs::write(path, database.lay_out()).expect("a temporary file");
}

/// A pod as it is stored, with so many empty containers.
fn pod(name: &str, containers: usize) -> Vec<u8> {
    pod_of(name, &b"\x12\x00".repeat(containers))
}

/// A pod with these fields as its specification.
fn pod_of(name: &str, specification: &[u8]) -> Vec<u8> {
    let mut meta = Vec::new();
    field(&mut meta, 1, name.as_bytes());
    field(&mut meta, 3, b"ns");
    let mut raw = Vec::new();
    field(&mut raw, 1, &meta);
    field(&mut raw, 2, specification);
    let mut kind = Vec::new();
    field(&mut kind, 1, b"v1");
    field(&mut kind, 2, b"Pod");
    let mut value = b"k8s\0".to_vec();
    field(&mut value, 1, &kind);
    field(&mut value, 2, &raw);
    value
}
