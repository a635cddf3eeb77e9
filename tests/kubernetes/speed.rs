//! How fast objects are decoded. Run by hand:
//! `cargo test --release --test kubernetes -- --ignored --nocapture speed`; `ETCDSNAP_K8S_CLUSTERS` adds the
//! objects of real clusters.

use std::hint::black_box;
use std::time::{Duration, Instant};

use etcdsnap::kubernetes::{Head, decode, write_json};

use crate::clusters::protobuf_objects;
use crate::random::samples;

/// Calls `work` with all objects again and again, and tells of the fastest time: others share the machine.
fn measure(what: &str, objects: &[Vec<u8>], mut work: impl FnMut(&[u8])) {
    let bytes: usize = objects.iter().map(Vec::len).sum();
    let mut best = f64::INFINITY;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        let pass = Instant::now();
        for object in objects {
            work(object);
        }
        best = best.min(pass.elapsed().as_secs_f64());
    }
    println!(
        "  {what}: {:.0} MB/s, {:.0} ns each",
        bytes as f64 / best / 1e6,
        best * 1e9 / objects.len() as f64
    );
}

#[test]
#[ignore = "a measurement"]
fn speed_of_decoding() {
    let start = Instant::now();
    let empty = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod";
    decode(empty).expect("an object");
    println!("the table is read in {:?}", start.elapsed());
    let random = samples().into_iter().map(|(stored, _)| stored).collect();
    let mut sets = vec![("random", random)];
    if let Ok(directory) = std::env::var("ETCDSNAP_K8S_CLUSTERS") {
        sets.push(("clusters", protobuf_objects(directory.as_ref())));
    }
    for (name, objects) in sets {
        let mean = objects.iter().map(Vec::len).sum::<usize>() / objects.len().max(1);
        println!(
            "{name}: {} objects, {mean} bytes each on average",
            objects.len()
        );
        let mut out = Vec::new();
        measure("to text", &objects, |object| {
            out.clear();
            let _ = black_box(write_json(object, &mut out));
        });
        measure("to a tree", &objects, |object| {
            let _ = black_box(decode(object));
        });
        measure("head", &objects, |object| {
            black_box(Head::of(object).newest_time());
        });
    }
}
