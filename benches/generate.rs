//! Writes a snapshot that looks like the etcd of a Kubernetes cluster, always the same for the same arguments.
//!
//! ```text
//! cargo run --release --example generate --features write -- \
//!     --out FILE [--keys 330000] [--records 560000] [--bytes 1.4G] [--seed 1] [--layout ordered|compacted]
//!     [--changes 0]
//! ```
//!
//! With `--changes N` it is a later snapshot of the same cluster, of which N objects have changed, come or gone
//! since the one that is written without it.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

#[path = "support/mod.rs"]
mod support;

use support::{Cluster, History};

const USAGE: &str = "usage: generate --out FILE [--keys N] [--records N] [--bytes N[k|M|G]] [--seed N] \
                     [--layout ordered|compacted] [--changes N]";

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|(out, cluster)| write(&out, &cluster)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("generate: {message}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<(PathBuf, Cluster), String> {
    let mut out = None;
    let mut cluster = Cluster {
        keys: 330_000,
        records: 560_000,
        bytes: 1_400_000_000,
        seed: 1,
        history: History::Ordered,
        later: 0,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        let refused = || format!("{name} cannot be {value:?}; {USAGE}");
        match name.as_str() {
            "--out" => out = Some(PathBuf::from(&value)),
            "--keys" => cluster.keys = value.parse().map_err(|_| refused())?,
            "--records" => cluster.records = value.parse().map_err(|_| refused())?,
            "--bytes" => cluster.bytes = bytes(&value).ok_or_else(refused)?,
            "--changes" => cluster.later = value.parse().map_err(|_| refused())?,
            "--seed" => cluster.seed = value.parse().map_err(|_| refused())?,
            "--layout" => {
                cluster.history = match value.as_str() {
                    "ordered" => History::Ordered,
                    "compacted" => History::Compacted,
                    _ => return Err(refused()),
                };
            }
            _ => return Err(format!("unknown option {name}; {USAGE}")),
        }
    }
    if cluster.records < cluster.keys {
        return Err("there must be at least as many records as keys".into());
    }
    Ok((out.ok_or(USAGE)?, cluster))
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix(['k', 'M', 'G']) {
        Some(number) if text.ends_with('k') => (number, 1e3),
        Some(number) if text.ends_with('M') => (number, 1e6),
        Some(number) => (number, 1e9),
        None => (text, 1.0),
    };
    let number: f64 = number.parse().ok()?;
    (number >= 0.0).then_some((number * unit) as u64)
}

fn write(path: &PathBuf, cluster: &Cluster) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let started = Instant::now();
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(|error| failed(&error))?;
    let (_, summary) = cluster.write(file).map_err(|error| failed(&error))?;
    let written = &summary.written;
    println!("file            {} ({} bytes)", path.display(), written.len);
    println!(
        "pages           {} of 4096 bytes, {} free",
        written.high_water, written.free_pages
    );
    if let Some(trailer) = written.trailer {
        println!("sha256          {trailer}");
    }
    println!("revision        {}", summary.revision);
    match summary.compacted {
        Some(at) => println!("compacted       {at}"),
        None => println!("compacted       never"),
    }
    println!(
        "records         {}, {} of them tombstones",
        summary.records, summary.tombstones
    );
    println!("keys            {}", summary.keys);
    if cluster.later > 0 {
        println!("changed since   {} objects", summary.later);
    }
    println!("leases          {}", summary.leases);
    println!(
        "values          median {}, longest {} bytes",
        summary.median_value, summary.longest_value
    );
    println!("written in      {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
