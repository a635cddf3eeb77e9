//! `show`: everything in one revision.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::objects::Notes;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{JsonArgs, Run, conclude};
use super::term;
use crate::finding::escape;
use crate::ops::{self, ShownChange};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap show snapshot.db 4711
  etcdsnap show snapshot.db 4711 --json
";

/// Show everything that one revision changed, field by field
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct ShowArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The revision
    #[arg(value_name = "REV", value_parser = revision)]
    revision: i64,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

/// One revision.
fn revision(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(revision @ 1..) => Ok(revision),
        Ok(_) => Err("revisions begin with 1".into()),
        Err(_) if text.contains("..") => Err(format!(
            "it is not one revision; `log -p --rev {text}` shows each of several"
        )),
        Err(_) => Err("it is not a revision, which is a number".into()),
    }
}

pub(super) fn run(args: &ShowArgs, run: &Run) -> Exit {
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let json = args.json.wanted(run);
    let asked = run.ask(&args.file, Access::Map, |session| {
        let shown = ops::show(session, args.revision, &reader)?;
        let mut out = term::Lines::new();
        let mut exit = Exit::Fine;
        if shown.changes.is_empty() {
            exit = tell_gap(&args.file, args.revision, shown.bounds.compacted);
        }
        let mut notes = Notes::default();
        for change in &shown.changes {
            note(change, &mut notes);
        }
        exit = exit.max(notes.tell());
        let text = match (json, shown.changes.is_empty()) {
            (true, _) => report::shown_json(&shown, &ops::known_kinds(session)?),
            (false, true) => String::new(),
            (false, false) => term::prose(&report::shown_text(&shown)).into_owned(),
        };
        Ok(out.write(&text).and_then(|()| out.finish()).map(|()| exit))
    });
    conclude(asked, &args.file)
}

/// Says that a revision has no record, and why.
pub(super) fn tell_gap(file: &Path, revision: i64, compacted: i64) -> Exit {
    let why = match revision {
        // It is that of an empty store.
        1 => "; etcd begins to write with revision 2".into(),
        _ if revision <= compacted => format!(": it was compacted, at revision {compacted}"),
        _ => "; a restore that raises the revision leaves such gaps".into(),
    };
    let file = escape::path(file);
    term::error(&format!("{file}: revision {revision} has no record{why}"));
    Exit::Findings
}

/// Notes what of a change cannot be read.
pub(super) fn note(change: &ShownChange, notes: &mut Notes) {
    if let Some(error) = change.locked.as_ref().filter(|_| change.flaw.is_none()) {
        notes.locked(|| escape::text(&change.event.key), error);
    }
    if let Some(flaw) = &change.flaw {
        term::line(&report::flaw_line(&change.event.key, flaw));
        if !flaw.is_decodable() {
            notes.damaged();
        }
    }
}
