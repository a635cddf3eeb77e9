//! `divergence`: whether two databases of one cluster tell the same history.

use std::path::PathBuf;

use super::exit::Exit;
use super::open::Access;
use super::run::{AskedBoth, Run, fail_all, print_report};
use super::term;
use crate::finding::escape;
use crate::ops::diff::{DiffQuery, Relation, diff_files};
use crate::report::{self, Format};

const EXAMPLES: &str = "\
Examples:
  etcdsnap divergence member-1/ member-2/

Exit status:
  0    one history; one may be behind the other
  1    they diverged, or are not of one history
  2    cannot be determined: one ends below the compaction of the other, or is damaged; or could not
       do it: usage, missing or unreadable file, file changed meanwhile
  130  interrupted
";

/// Tell whether two databases of one cluster share their history, and where they diverge
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DivergenceArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another one
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Lines of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DivergenceArgs, run: &Run) -> Exit {
    let json = args.json || run.format == Format::Json;
    let query = DiffQuery {
        times: json,
        hashes: true,
        ..DiffQuery::default()
    };
    let paths = [&args.a, &args.b];
    let asked = run.ask_both(paths.map(PathBuf::as_path), Access::Positioned, |a, b| {
        Ok(diff_files(a, b, &query)?.comparison)
    });
    let (comparison, findings) = match asked {
        AskedBoth::Done(comparison, findings) => (comparison, findings),
        AskedBoth::Refused(refusal, number) => {
            super::refusal::refuse(&refusal, paths[number.min(1)]);
            return Exit::Failed;
        }
        AskedBoth::Failed(errors) => return fail_all(&errors, &args.b),
    };
    let mut text = String::new();
    if json {
        for record in &comparison.divergences {
            text.push_str(&report::divergence_json(record));
        }
        for change in &comparison.buckets {
            if change.divergence.is_some() {
                text.push_str(&report::bucket_change_json(change));
            }
        }
        text.push_str(&report::divergence_summary_json(&comparison));
    } else {
        let names = [&args.a, &args.b].map(|path| escape::path(path));
        text.push_str(&report::divergence_text(
            &comparison,
            [&names[0], &names[1]],
        ));
    }
    for (findings, path) in findings.iter().zip(paths) {
        if findings.has_errors() {
            term::damage_line(path, "damaged; see `etcdsnap verify`");
        }
    }
    let exit = match comparison.relation {
        Relation::Diverged | Relation::Strangers => Exit::Findings,
        Relation::Undecided(_) => Exit::Failed,
        Relation::SameHistory | Relation::OneFile => Exit::Fine,
    };
    print_report(&text, json, exit)
}
