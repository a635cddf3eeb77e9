//! `info`: what is in a file, at a glance.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::open::Access;
use super::refusal::refuse;
use super::run::{JsonArgs, Run, fail, print_report};
use crate::finding::escape;
use crate::ops;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap info snapshot.db
  etcdsnap info --json snapshot.db | jq .revisions
  etcdsnap info --json *.db                a line per file, also where it fails
";

/// Show metas, pages, buckets, revisions, leases, members, users and alarms
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct InfoArgs {
    /// Snapshots, databases or data directories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    json: JsonArgs,
}

pub(super) fn run(args: &InfoArgs, run: &Run) -> Exit {
    run.each_file(&args.files, |path| one(args, run, path))
}

fn one(args: &InfoArgs, run: &Run, path: &Path) -> Exit {
    let info = match run.with_input(path, Access::Positioned, ops::info) {
        Ok(info) => info,
        Err(error) => return fail(&error, path),
    };
    let name = escape::path(path);
    let is_json = args.json.wanted(run);
    let text = if is_json {
        report::info_json(&info, &name)
    } else {
        report::info_text(&info, &name)
    };
    match (text, &info.inside) {
        (Some(text), _) => {
            let found = info.findings.has_errors();
            print_report(
                &text,
                is_json,
                if found { Exit::Findings } else { Exit::Fine },
            )
        }
        (None, Err(refusal)) => refuse(refusal, path),
        (None, Ok(_)) => Exit::Failed,
    }
}
