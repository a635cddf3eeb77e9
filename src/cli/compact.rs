//! `compact`: a database without free pages, and if wanted without history.

use std::path::PathBuf;

use super::exit::Exit;
use super::open::Access;
use super::run::{Run, fail, not_made, print_report};
use crate::finding::escape;
use crate::ops::{self, CompactRequest};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap compact snapshot.db -o small.db                the same contents in fewer bytes
  etcdsnap compact snapshot.db -o live.db --live-only     and without history
  etcdsnap compact /var/lib/etcd -o small.db --with-trailer   a snapshot from a stopped etcd

The input is checked as by `etcdsnap verify` and stays as it is. The output is read back before
it gets its name.
";

/// Write a copy without free pages, as a defragmentation does
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct CompactArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file to be made; must not exist
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// Keep only the newest record of each key, and mark the rest as compacted
    #[arg(long)]
    live_only: bool,
    /// Append the SHA-256, which makes it a snapshot [default: if FILE has one]
    #[arg(long, conflicts_with = "no_trailer")]
    with_trailer: bool,
    /// Write no SHA-256
    #[arg(long)]
    no_trailer: bool,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CompactArgs, run: &Run) -> Exit {
    let request = CompactRequest {
        out: args.out.clone(),
        live_only: args.live_only,
        trailer: match (args.with_trailer, args.no_trailer) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
    };
    let outcome = run.with_input(&args.file, Access::Map, |input, options| {
        Ok(ops::compact(input, &request, options))
    });
    match outcome {
        Ok(Ok(made)) => {
            let (file, out) = (escape::path(&args.file), escape::path(&args.out));
            let is_json = run.wants_json(args.json);
            let text = match is_json {
                true => report::compacted_json(&made, &file, &out),
                false => report::compacted_text(&made, &file, &out),
            };
            print_report(&text, is_json, Exit::Fine)
        }
        Ok(Err(error)) => not_made(error, &args.file),
        Err(error) => fail(&error, &args.file),
    }
}
