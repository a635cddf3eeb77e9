//! `history`: the life of one key.

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;

use super::exit::Exit;
use super::objects::Notes;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{JsonArgs, Run, conclude, read_to_the_end};
use super::term;
use crate::finding::escape;
use crate::ops::{self, Name, Named};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap history snapshot.db deploy/web -n shop
  etcdsnap history snapshot.db /registry/configmaps/shop/app --json
  etcdsnap history snapshot.db deploy/web -n shop --reverse --limit 5   the last five records

Only records that were not compacted away are known.
";

/// Show each retained record of a key, and what it changed
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct HistoryArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A key, or an object as KIND/NAME
    #[arg(value_name = "KEY|KIND/NAME")]
    name: OsString,
    /// The name of the object, if the argument before it is its kind
    #[arg(value_name = "NAME")]
    name_behind: Option<OsString>,
    /// The namespace of the object
    #[arg(short = 'n', long, value_name = "NS", value_parser = crate::cli::word)]
    namespace: Option<String>,
    /// Read the name as a key, never as KIND/NAME
    #[arg(long)]
    key: bool,
    #[command(flatten)]
    json: JsonArgs,
    /// The newest record first
    #[arg(long)]
    reverse: bool,
    /// Show at most N records
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
    /// Show all fields that each record changed, one per line
    #[arg(short = 'p', long, visible_alias = "patch")]
    fields: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &HistoryArgs, run: &Run) -> Exit {
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let json = args.json.wanted(run);
    let text = match super::get::spaced(&args.name, args.name_behind.as_ref()) {
        Ok(text) => text,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let name = Name {
        text: text.as_bytes().to_vec(),
        namespace: args.namespace.clone(),
        is_key: args.key,
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let names = [name];
        let mut lookup = ops::look_up(session, &names, &reader, true)?;
        let bounds = lookup.keyspace.bounds();
        let story = match lookup.found.pop().unwrap_or(Named::Nothing) {
            Named::Key(story) => story,
            other => {
                let answer = match other {
                    Named::Several(stories) => {
                        ops::Answer::Several(stories.into_iter().map(|story| story.key).collect())
                    }
                    Named::UnknownKind(word) => ops::Answer::UnknownKind(word),
                    Named::NotServed(error) => ops::Answer::NotServed(error),
                    Named::EmptyName(word) => ops::Answer::EmptyName(word),
                    _ => ops::Answer::NeverSeen,
                };
                let answers = [answer];
                let exit = super::get::explain(session, answers.iter().zip(&names), 0)?;
                let mut out = term::Lines::new();
                let written = match json {
                    true => out.write(&report::history_summary_json(0, bounds)),
                    false => Ok(()),
                };
                let written = written.and_then(|()| out.finish());
                return Ok(read_to_the_end(written).map(|()| exit));
            }
        };
        let kinds = &lookup.resources;
        let mut out = term::Lines::new();
        let mut written: io::Result<()> = Ok(());
        if !json {
            written = out.write(&format!("{}\n", escape::text(&story.key)));
        }
        let mut notes = Notes::default();
        let query = ops::HistoryQuery {
            newest_first: args.reverse,
            limit: args.limit,
        };
        let told = args
            .limit
            .map_or(story.records.len(), |limit| limit.min(story.records.len()));
        let mut each = |episode: &ops::Episode| {
            if let Some(error) = episode.locked.as_ref().filter(|_| episode.flaw.is_none()) {
                let key = escape::text(&story.key);
                let revision = episode.facts.revision.main;
                notes.locked(|| format!("{key} at revision {revision}"), error);
            }
            if let Some(flaw) = &episode.flaw {
                let revision = episode.facts.revision.main;
                let line = report::flaw_line(&story.key, flaw);
                term::line(&format!("{line}, at revision {revision}"));
                if !flaw.is_decodable() {
                    notes.damaged();
                }
            }
            let text = if json {
                report::episode_json(&story.key, episode, kinds)
            } else {
                term::prose(&report::episode_text(episode, args.fields)).into_owned()
            };
            if written.is_ok() {
                written = out.write(&text);
            }
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        ops::history(
            session,
            &lookup.keyspace,
            &lookup.times,
            &story,
            query,
            &reader,
            &mut each,
        )?;
        let exit = notes.tell();
        let written = written.and_then(|()| {
            if json {
                out.write(&report::history_summary_json(told, bounds))?;
            }
            out.finish()
        });
        Ok(read_to_the_end(written).map(|()| exit))
    });
    conclude(asked, &args.file)
}
