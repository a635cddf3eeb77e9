//! `hashkv`: what `etcdutl hashkv` shows.

use std::path::PathBuf;

use super::etcd_habits::signed;
use super::exit::Exit;
use super::open::Access;
use super::refusal::refuse;
use super::run::{Run, fail, print};
use crate::finding::escape;
use crate::ops::{self, HashKvOutcome};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap hashkv snapshot.db
  etcdsnap hashkv --rev 4711 -w json snapshot.db
  etcdsnap hashkv --rev 4711 --json member-*.db     a line per file, with its name

Two members agree when their hashes at the same revision and compact revision are equal. Unlike
etcdutl, this never writes to the file, and it refuses one whose damage may change the answer.
";

/// Show the hash of all keys at a revision, as `etcdutl hashkv` does
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES), args_override_self = true)]
pub(super) struct HashkvArgs {
    /// Snapshots, databases or data directories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The revision to hash at; 0 = the newest
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = signed
    )]
    rev: i64,
    /// One line of JSON per file, with its name
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &HashkvArgs, run: &Run) -> Exit {
    let is_json = run.wants_lines(args.json, &args.files);
    run.each_file(&args.files, |path| {
        let outcome = run.with_input(path, Access::Positioned, |input, options| {
            ops::hashkv(input, args.rev, run.release(), options)
        });
        match outcome {
            Ok(HashKvOutcome::Answer(hash)) => {
                let text = match is_json {
                    true => report::hashkv_json(&hash, &escape::path(path)),
                    false => report::hashkv(&hash, run.format, run.release()),
                };
                print(&text, Exit::Fine)
            }
            Ok(HashKvOutcome::Refused(refusal)) => refuse(&refusal, path),
            Err(error) => fail(&error, path),
        }
    })
}
