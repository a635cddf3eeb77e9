//! `status`: what `etcdutl snapshot status` shows.

use std::path::PathBuf;

use super::exit::Exit;
use super::open::Access;
use super::refusal::refuse;
use super::run::{Run, fail, print};
use super::term;
use crate::finding::escape;
use crate::ops::{self, StatusOutcome};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap status snapshot.db
  etcdsnap status --json *.db              a line per file, with its name, also where it fails
  etcdsnap status --compat 3.5 -w table snapshot.db

The output equals that of the release named with --compat: TOTAL KEYS counts live keys from 3.6
on and all entries before; VERSION is shown from 3.6 on; tables are drawn with box characters
from 3.7 on. The SHA-256 at the end of a snapshot is not read: `etcdsnap verify` does that.
";

/// Show hash, revision, number of keys and size, as `etcdutl snapshot status` does
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES), args_override_self = true)]
pub(super) struct StatusArgs {
    /// Snapshots, databases or data directories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One line of JSON per file, with its name
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StatusArgs, run: &Run) -> Exit {
    let is_json = run.wants_lines(args.json, &args.files);
    let exit = run.each_file(&args.files, |path| {
        let outcome = run.with_input(path, Access::Positioned, |input, options| {
            ops::status(input, run.release(), options)
        });
        match outcome {
            Ok(StatusOutcome::Answer(status)) => {
                let text = match is_json {
                    true => report::status_json(&status, &escape::path(path)),
                    false => report::status(&status, run.format, run.release()),
                };
                print(&text, Exit::Fine)
            }
            Ok(StatusOutcome::Refused(refusal)) => refuse(&refusal, path),
            Err(error) => fail(&error, path),
        }
    });
    if exit == Exit::Fine && term::stderr_is_terminal() {
        term::line("note: the SHA-256 of the file was not checked; `etcdsnap verify` does that");
    }
    exit
}
