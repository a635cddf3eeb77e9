//! `log`: what happened, transaction by transaction.

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::absent;
use super::exit::Exit;
use super::open::Access;
use super::run::{JsonArgs, Run, conclude, read_to_the_end};
use super::term;
use crate::etcd::keyspace::KeyFilter;
use crate::finding::escape;
use crate::ops::{self, AbsenceQuery, LogQuery, LookedFor};
use crate::report::{self, AbsenceContext};

const EXAMPLES: &str = "\
Examples:
  etcdsnap log snapshot.db --reverse --limit 20             the last twenty transactions
  etcdsnap log snapshot.db /registry/deployments/ --from 4711
  etcdsnap log snapshot.db --json | jq 'select(.op == \"delete\")'

etcd keeps no clock. \"not before\" is the newest time that an object tells up to that revision.
";

/// Show what changed, transaction by transaction
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct LogArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only keys with this prefix
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: OsString,
    /// From this revision on
    #[arg(
        long,
        value_name = "REV",
        default_value_t = 0,
        hide_default_value = true
    )]
    from: i64,
    /// Up to this revision
    #[arg(
        long,
        value_name = "REV",
        default_value_t = 0,
        hide_default_value = true
    )]
    to: i64,
    /// The newest transaction first
    #[arg(long)]
    reverse: bool,
    /// At most so many transactions
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    json: JsonArgs,
}

pub(super) fn run(args: &LogArgs, run: &Run) -> Exit {
    let json = args.json.wanted(run);
    let query = LogQuery {
        filter: KeyFilter::prefix(args.prefix.as_bytes()),
        from: args.from,
        to: args.to,
        descending: args.reverse,
        limit: args.limit,
    };
    // The way through the tree jumps; a map serves that best.
    let asked = run.ask(&args.file, Access::Map, |session| {
        let mut out = match json {
            true => term::Lines::new(),
            false => term::Lines::of_prose(),
        };
        let mut written: io::Result<()> = Ok(());
        let mut each = |transaction: &ops::Transaction| {
            let text = if json {
                report::transaction_json(transaction)
            } else {
                report::transaction_text(transaction)
            };
            written = out.write(&text);
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let summary = ops::log(session, &query, &mut each)?;
        let mut exit = Exit::Fine;
        if summary.events == 0 && !args.prefix.is_empty() {
            // Keys that did not change, or not in this span, are an answer; keys that never were are not.
            let looked_for = AbsenceQuery {
                items: vec![LookedFor::Prefix(args.prefix.as_bytes().to_vec())],
                counts_deleted: true,
                ..AbsenceQuery::default()
            };
            exit = absent::tell(session, &looked_for, AbsenceContext::default())?;
        }
        if summary.events == 0 && exit == Exit::Fine {
            let name = escape::path(&args.file);
            term::line(&format!("{name}: no change matches"));
        }
        let written = written.and_then(|()| {
            if json {
                out.write(&report::log_summary_json(&summary))?;
            }
            out.finish()
        });
        Ok(read_to_the_end(written).map(|()| exit))
    });
    conclude(asked, &args.file)
}
