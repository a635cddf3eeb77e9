//! Whole commands as the library runs them, on snapshots of 64 MB: status, hashkv, verify.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use etcdsnap::etcd::Release;
use etcdsnap::ops::{self, HashKvOutcome, Input, StatusOutcome, VerifyOptions};
use etcdsnap::options::Options;
use etcdsnap::source::OpenFile;

#[path = "support/mod.rs"]
mod support;

use support::{Cluster, History};

#[allow(unsafe_code)]
fn open_mapped(path: &Path) -> etcdsnap::Result<Input<'static>> {
    // SAFETY: the file is this program's own, written and from now on only read.
    Input::open_by(path, |path, database| unsafe {
        OpenFile::open_mapped(path, database)
    })
}

fn commands(c: &mut Criterion) {
    for (name, history) in [
        ("ordered", History::Ordered),
        ("compacted", History::Compacted),
    ] {
        let cluster = Cluster {
            keys: 15_000,
            records: 26_000,
            bytes: 64_000_000,
            seed: 1,
            history,
            later: 0,
        };
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let (_, summary) = cluster
            .write(file.as_file_mut())
            .expect("the snapshot is written");
        let mut group = c.benchmark_group(name);
        group
            .throughput(Throughput::Bytes(summary.written.len))
            .sample_size(20);
        for threads in [1, 2] {
            let threads_wanted = NonZeroUsize::new(threads).expect("not zero");
            let options = Options::default().with_threads(threads_wanted);
            let open = || open_mapped(file.path()).expect("readable");
            group.bench_function(BenchmarkId::new("status", threads), |b| {
                b.iter(
                    || match ops::status(&open(), Release::default(), &options) {
                        Ok(StatusOutcome::Answer(status)) => {
                            assert_eq!(status.total_keys, summary.keys);
                            black_box(status.hash)
                        }
                        other => panic!("{other:?}"),
                    },
                );
            });
            group.bench_function(BenchmarkId::new("hashkv", threads), |b| {
                b.iter(
                    || match ops::hashkv(&open(), 0, Release::default(), &options) {
                        Ok(HashKvOutcome::Answer(hash)) => black_box(hash),
                        other => panic!("{other:?}"),
                    },
                );
            });
            for (command, quick) in [("verify", false), ("verify-quick", true)] {
                group.bench_function(BenchmarkId::new(command, threads), |b| {
                    b.iter(|| {
                        let what = VerifyOptions::default().with_quick(quick);
                        let report = ops::verify(&open(), what, &options).expect("readable");
                        assert!(!report.findings.has_errors(), "{:?}", report.findings.list);
                        black_box(report.verdict)
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, commands);
criterion_main!(benches);
