//! `divergence`: whether two databases of one cluster tell the same history.

use std::path::PathBuf;

use super::exit::Exit;
use super::run::{Run, fail, print};
use super::term;
use crate::finding::escape;
use crate::ops::Session;
use crate::ops::diff::{DiffQuery, Relation, diff_files};
use crate::report::{self, DiffCounts, Format};
use crate::source::Access;

const EXAMPLES: &str = "\
Examples:
  etcdsnap divergence member-1/ member-2/

Exit status:
  0    one history; one may be behind the other
  1    they diverged, or have nothing in common
  2    could not tell
";

/// Tell whether two databases of one cluster have one history, and where they part
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
    let outcome = run.with_input(&args.a, Access::Positioned, |a, options| {
        run.with_input(&args.b, Access::Positioned, |b, _| {
            let mut old = match Session::open(a, options)? {
                Ok(session) => session,
                Err(refusal) => return Ok(Err((refusal, &args.a))),
            };
            let mut new = match Session::open(b, options)? {
                Ok(session) => session,
                Err(refusal) => return Ok(Err((refusal, &args.b))),
            };
            let query = DiffQuery {
                times: json,
                ..DiffQuery::default()
            };
            let diff = diff_files(&mut old, &mut new, &query)?;
            let is_damaged = old.finish()?.has_errors() | new.finish()?.has_errors();
            Ok(Ok((diff.comparison, is_damaged)))
        })
    });
    let (comparison, is_damaged) = match outcome {
        Ok(Ok(found)) => found,
        Ok(Err((refusal, path))) => {
            super::status::refuse(&refusal, path);
            return Exit::Failed;
        }
        Err(error) => return fail(&error, &args.a),
    };
    let mut text = String::new();
    if json {
        for record in &comparison.divergences {
            text.push_str(&report::divergence_json(record));
        }
        text.push_str(&report::diff_summary_json(
            &comparison,
            &DiffCounts::default(),
        ));
    } else {
        let names = [&args.a, &args.b].map(|path| escape::path(path));
        text.push_str(&report::divergence_text(
            &comparison,
            [&names[0], &names[1]],
        ));
    }
    if is_damaged {
        term::line(&format!(
            "{} or {} is damaged; see `etcdsnap verify`",
            escape::path(&args.a),
            escape::path(&args.b)
        ));
    }
    let exit = match comparison.relation {
        Relation::Diverged | Relation::Strangers => Exit::Findings,
        _ if is_damaged => Exit::Failed,
        _ => Exit::Fine,
    };
    print(&text, exit)
}
