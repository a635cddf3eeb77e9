//! The page layer on a snapshot of 64 MB: the scan by source and threads, single entries by cursor, writing.

use std::hint::black_box;
use std::io::{Seek as _, SeekFrom};
use std::num::NonZeroUsize;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use etcdsnap::Workers;
use etcdsnap::bolt::{Database, SecondMeta};
use etcdsnap::finding::Collector;
use etcdsnap::options::Options;
use etcdsnap::source::{Mapped, Positioned, Source};

#[path = "support/mod.rs"]
mod support;

use support::{Cluster, History};

fn cluster(history: History) -> Cluster {
    Cluster {
        keys: 15_000,
        records: 26_000,
        bytes: 64_000_000,
        seed: 1,
        history,
        later: 0,
    }
}

const HISTORIES: [(&str, History); 2] = [
    ("ordered", History::Ordered),
    ("compacted", History::Compacted),
];

struct Sources {
    sources: [(&'static str, Box<dyn Source>); 2],
    len: u64,
}

fn sources(history: History) -> Sources {
    let file = tempfile::tempfile().expect("a temporary file");
    let (mut file, summary) = cluster(history)
        .write(file)
        .expect("the snapshot is written");
    file.seek(SeekFrom::Start(0)).expect("files can seek");
    let len = summary.written.len;
    let handle = file.try_clone().expect("a second handle");
    // SAFETY: the file is this program's own and has no name; from now on it is only read.
    #[allow(unsafe_code)]
    let mapped = unsafe { Mapped::new(handle, "bench".as_ref(), len) };
    let mapped = mapped.expect("files can be mapped");
    let positioned = Positioned::new(file, len);
    Sources {
        sources: [
            ("map", Box::new(mapped)),
            ("positioned", Box::new(positioned)),
        ],
        len: len - 32,
    }
}

fn open(source: &dyn Source, len: u64) -> Database<'_> {
    Database::open(source, len, SecondMeta::Search).expect("a database")
}

fn scan(c: &mut Criterion) {
    for (name, history) in HISTORIES {
        let Sources { sources, len } = sources(history);
        let mut group = c.benchmark_group(format!("scan-{name}"));
        group.throughput(Throughput::Bytes(len)).sample_size(20);
        for (how, source) in &sources {
            for threads in [1, 2] {
                let workers =
                    Workers::new(NonZeroUsize::new(threads).expect("not zero")).expect("threads");
                group.bench_function(BenchmarkId::new(*how, threads), |b| {
                    b.iter(|| {
                        let mut findings = Collector::new(10);
                        let database = open(&**source, len);
                        let scanned =
                            database.scan(&(), &workers, &Options::default(), &mut findings);
                        assert!(findings.is_empty());
                        black_box(scanned.expect("readable").scan.census)
                    });
                });
            }
        }
        group.finish();
    }
}

fn seek(c: &mut Criterion) {
    let Sources { sources, len } = sources(History::Ordered);
    let mut group = c.benchmark_group("cursor");
    for (how, source) in &sources {
        let database = open(&**source, len);
        let bucket = database.bucket(b"key").expect("whole").expect("there");
        let mut main = 2u64;
        group.bench_function(BenchmarkId::new("seek", how), |b| {
            b.iter(|| {
                main = main * 5 % 20_011 + 2;
                let mut cursor = database.cursor(&bucket);
                let entry = cursor.seek(&main.to_be_bytes()).expect("whole");
                entry.map(|entry| entry.value.len())
            });
        });
    }
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    group
        .throughput(Throughput::Bytes(64_000_000))
        .sample_size(10);
    for (name, history) in HISTORIES {
        group.bench_function(name, |b| {
            let file = || tempfile::tempfile().expect("a temporary file");
            b.iter_batched(
                file,
                |file| {
                    cluster(history)
                        .write(file)
                        .expect("the snapshot is written")
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, scan, seek, write);
criterion_main!(benches);
