//! `kinds`: which kinds of objects there are, how many, and how they are stored.

use std::path::PathBuf;

use super::exit::Exit;
use super::objects::Notes;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{JsonArgs, Run, conclude};
use super::term;
use crate::ops;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap kinds snapshot.db
  etcdsnap kinds snapshot.db --json | jq 'select(.encoding == \"encrypted\")'

Values that are not Kubernetes objects are counted without a kind. Exit status 1: a value is
not the object that its key promises.
";

/// Count objects by kind, stored version and encoding
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct KindsArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// At this revision; 0 = the newest
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    rev: i64,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &KindsArgs, run: &Run) -> Exit {
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let json = args.json.wanted(run);
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let kinds = ops::kinds(session, args.rev, &reader)?;
        let text = if json {
            report::kinds_json(&kinds)
        } else {
            report::kinds_text(&kinds)
        };
        let mut notes = Notes::default();
        let exit = notes.tell_with(&kinds.damaged.iter().collect::<Vec<_>>());
        let mut out = term::Lines::new();
        Ok(out.write(&text).and_then(|()| out.finish()).map(|()| exit))
    });
    conclude(asked, &args.file)
}
