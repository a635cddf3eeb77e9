//! `trailer`: a snapshot from a database that has no SHA-256.

use std::path::PathBuf;

use super::exit::Exit;
use super::open::Access;
use super::run::{Run, fail, not_made, print_report};
use crate::finding::escape;
use crate::ops;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap trailer /var/lib/etcd -o snapshot.db            of a stopped etcd
  etcdsnap trailer member/snap/db -o snapshot.db

Only a sound database without one gets one: a copied member/snap/db, or that of a stopped etcd.
The SHA-256 says that the bytes are those that were found here, and nothing about the time before.
";

/// Append a SHA-256 to a copied database, so that it restores without --skip-hash-check
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct TrailerArgs {
    /// A database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file to be made; must not exist
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &TrailerArgs, run: &Run) -> Exit {
    let outcome = run.with_input(&args.file, Access::Map, |input, options| {
        Ok(ops::add_trailer(input, &args.out, options))
    });
    match outcome {
        Ok(Ok(made)) => {
            let (file, out) = (escape::path(&args.file), escape::path(&args.out));
            let is_json = run.wants_json(args.json);
            let text = match is_json {
                true => report::trailer_json(&made, &file, &out),
                false => report::trailer_text(&made, &file, &out),
            };
            print_report(&text, is_json, Exit::Fine)
        }
        Ok(Err(error)) => not_made(error, &args.file),
        Err(error) => fail(&error, &args.file),
    }
}
