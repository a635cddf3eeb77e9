//! `wal`: the records of a write-ahead log.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::exit::Exit;
use super::run::{self, Run, fail};
use super::term;
use crate::finding::escape;
use crate::ops;
use crate::report::{self, Format};

const EXAMPLES: &str = "\
Examples:
  etcdsnap wal /var/lib/etcd                    the log of a data directory
  etcdsnap wal default.etcd/member/wal --type entry --from 1000

Exit status:
  0    every record fits the checksum chain
  1    findings of severity error, or the path does not lead to a write-ahead log
  2    could not do it: usage, missing or unreadable file
  130  interrupted
";

/// List the records of a write-ahead log, and check its checksums
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WalArgs {
    /// A segment, a folder of segments, or a data directory
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Start at this index
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// End at this index
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
    /// Only records of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = ["metadata", "entry", "state", "crc", "snapshot"])]
    kind: Option<String>,
    /// One line of JSON per record
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &WalArgs, run: &Run) -> Exit {
    let json = args.json || run.format == Format::Json;
    term::begin_file(&args.path, false);
    let mut lines = term::Lines::new();
    let mut failed: Option<io::Error> = None;
    let read = ops::wal(&args.path, run.options(), |segment, frame| {
        let index = report::wal_index(frame);
        let in_range = match index {
            Some(index) => {
                args.from.is_none_or(|from| index >= from) && args.to.is_none_or(|to| index <= to)
            }
            None => args.from.is_none() && args.to.is_none(),
        };
        let wanted = args
            .kind
            .as_ref()
            .is_none_or(|kind| *kind == frame.kind.name());
        if !in_range || !wanted {
            return ControlFlow::Continue(());
        }
        let segment = escape::text(segment.as_bytes());
        let line = match json {
            true => report::wal_json(&segment, frame),
            false => report::wal_text(&segment, frame),
        };
        match lines.write(&line) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    let summary = match read {
        Ok(summary) => summary,
        Err(error) => return fail(&error, &args.path),
    };
    let name = escape::path(&args.path);
    if let Some(stranger) = &summary.stranger {
        return match json {
            true => super::run::print(&report::wal_summary_json(&summary, &name), Exit::Findings),
            false => {
                let text = report::wal_stranger_text(stranger, &name);
                super::run::print(&term::prose(&text), Exit::Findings)
            }
        };
    }
    let written = match (failed, json) {
        (Some(error), _) => Err(error),
        (None, true) => lines.write(&report::wal_summary_json(&summary, &name)),
        (None, false) => lines.write(&report::wal_summary_text(&summary, &name)),
    };
    match written
        .and_then(|()| lines.finish())
        .and_then(|()| term::release())
    {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Exit::Fine,
        Err(error) => {
            term::error(&format!("writing failed: {}", run::reason(&error)));
            return Exit::Failed;
        }
    }
    match summary.findings.has_errors() {
        true => Exit::Findings,
        false => Exit::Fine,
    }
}
