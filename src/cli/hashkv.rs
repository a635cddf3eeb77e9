//! `hashkv`: what `etcdutl hashkv` shows.

use std::path::PathBuf;

use super::etcd_habits::signed;
use super::exit::Exit;
use super::open::Access;
use super::refusal::refuse;
use super::run::{Run, fail, print};
use crate::ops::{self, HashKvOutcome};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap hashkv snapshot.db
  etcdsnap hashkv --rev 4711 -w json snapshot.db

Two members agree when their hashes at the same revision and compact revision are equal. Unlike
etcdutl, this never writes to the file, and it refuses one whose damage may change the answer.
";

/// Show the hash of all keys at a revision, as `etcdutl hashkv` does
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES), args_override_self = true)]
pub(super) struct HashkvArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The revision to hash at; 0 = the newest
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = signed
    )]
    rev: i64,
}

pub(super) fn run(args: &HashkvArgs, run: &Run) -> Exit {
    let outcome = run.with_input(&args.file, Access::Positioned, |input, options| {
        ops::hashkv(input, args.rev, run.release(), options)
    });
    match outcome {
        Ok(HashKvOutcome::Answer(hash)) => print(
            &report::hashkv(&hash, run.format, run.release()),
            Exit::Fine,
        ),
        Ok(HashKvOutcome::Refused(refusal)) => refuse(&refusal, &args.file),
        Err(error) => fail(&error, &args.file),
    }
}
