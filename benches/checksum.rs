//! CRC-32C by length of piece, joining two CRCs, SHA-256.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use etcdsnap::checksum::{Sha256Stream, crc32c};

fn crc(c: &mut Criterion) {
    let bytes: Vec<u8> = (0..1u32 << 20)
        .map(|at| (at.wrapping_mul(0x9e37_79b1) >> 24) as u8)
        .collect();
    let mut group = c.benchmark_group("crc32c");
    // A revision key, a small object, a page, a window, a large object.
    for len in [17, 256, 1024, 4096, 65_536, 1 << 20] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_with_input(BenchmarkId::new("whole", len), &bytes[..len], |b, bytes| {
            b.iter(|| crc32c::checksum(black_box(bytes)));
        });
    }
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for piece in [17, 256, 1024, 4096, 65_536] {
        group.bench_with_input(BenchmarkId::new("pieces", piece), &piece, |b, piece| {
            b.iter(|| {
                let mut stream = crc32c::Stream::new();
                black_box(&bytes)
                    .chunks(*piece)
                    .for_each(|piece| stream.update(piece));
                stream.take()
            });
        });
    }
    group.finish();

    let mut group = c.benchmark_group("crc32c-combine");
    for len in [200u64, 60_000, 1_400_000_000] {
        group.bench_with_input(BenchmarkId::from_parameter(len), &len, |b, len| {
            b.iter(|| crc32c::combine(black_box(0x1234_5678), black_box(0x9abc_def0), *len));
        });
    }
    group.finish();
}

fn sha256(c: &mut Criterion) {
    let bytes = vec![0x5a; 16 << 20];
    let mut group = c.benchmark_group("sha256");
    for len in [4096, 16 << 20] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(len),
            &bytes[..len],
            |b, bytes| {
                b.iter(|| {
                    let mut stream = Sha256Stream::new();
                    stream.update(black_box(bytes));
                    stream.finish()
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, crc, sha256);
criterion_main!(benches);
