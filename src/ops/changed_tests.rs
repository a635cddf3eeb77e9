//! No job answers for a file that is not what it was when it was opened.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::bolt::{Metas, SecondMeta};
use crate::error::{Error, Result};
use crate::etcd::Release;
use crate::options::Options;

fn snapshot() -> (tempfile::TempDir, PathBuf) {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/real/etcd-3.6.14-a.db");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot.db");
    fs::copy(real, &path).unwrap();
    (dir, path)
}

#[test]
fn each_job_looks_at_the_end_whether_the_file_was_written_to() {
    let (_dir, path) = snapshot();
    let options = Options::default();
    type Job<'j> = &'j dyn Fn(&Input) -> Result<()>;
    let jobs: [(&str, Job<'_>); 5] = [
        ("verify", &|input| {
            verify(input, VerifyOptions::default(), &options).map(drop)
        }),
        ("info", &|input| info(input, &options).map(drop)),
        ("status", &|input| {
            status(input, Release::default(), &options).map(drop)
        }),
        ("hashkv", &|input| {
            hashkv(input, 0, Release::default(), &options).map(drop)
        }),
        ("session", &|input| {
            Session::open(input, &options)?.finish().map(drop)
        }),
    ];
    for (number, (name, job)) in (1..).zip(jobs) {
        let input = Input::open(&path).unwrap();
        job(&input).unwrap();
        let touched = SystemTime::UNIX_EPOCH + Duration::from_secs(number);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(touched).unwrap();
        let answer = job(&input);
        assert!(matches!(answer, Err(Error::Changed { .. })), "{name}");
    }
}

#[test]
fn of_a_file_in_use_it_counts_whether_etcd_has_committed() {
    let (_dir, path) = snapshot();
    let server = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    server.lock().unwrap();
    let input = Input::open(&path).unwrap();
    assert!(input.file.in_use());
    let metas = Metas::read(input.file.source(), SecondMeta::Search).unwrap();
    // A page that no meta leads to yet.
    let len = server.metadata().unwrap().len();
    server.write_all_at(&[0; 512], len).unwrap();
    input.check_unchanged(Some(&metas)).unwrap();
    for meta in metas.both() {
        let txid = meta.offset.0 + 16 + 48;
        let mut before = [0; 8];
        server.read_exact_at(&mut before, txid).unwrap();
        server.write_all_at(&[0xee; 8], txid).unwrap();
        let error = input.check_unchanged(Some(&metas)).unwrap_err().to_string();
        assert!(error.contains("etcd committed to it"), "{error}");
        server.write_all_at(&before, txid).unwrap();
        input.check_unchanged(Some(&metas)).unwrap();
    }
}
