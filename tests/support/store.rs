//! Snapshots with many records, which the bulk writer lays out.

use std::io::Cursor;

use etcdsnap::bolt::write::{WriteError, WriteLayout, Writer};

use super::damage::sha256;

/// A snapshot, with its SHA-256, whose bucket `key` holds these entries; bucket `meta` is empty.
pub(crate) fn sealed(records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let mut writer =
        Writer::new(Cursor::new(Vec::new()), WriteLayout::default()).expect("a writer");
    writer
        .bucket(b"key", |bucket| bucket.extend(records))
        .expect("bucket key");
    writer
        .bucket(b"meta", |_| Ok::<(), WriteError>(()))
        .expect("bucket meta");
    let (file, _) = writer.finish().expect("a database");
    let mut bytes = file.into_inner();
    bytes.extend(sha256(&bytes));
    bytes
}
