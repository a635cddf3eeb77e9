//! `keys`: which keys there are.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;

use super::absent;
use super::exit::Exit;
use super::open::Access;
use super::run::{JsonArgs, Run, conclude, read_to_the_end};
use super::term;
use crate::etcd::keyspace::{KeyFilter, RowOrder, Wanted};
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;
use crate::ops::{self, AbsenceQuery, KeyList, KeysQuery, LookedFor};
use crate::report::{self, AbsenceContext, LongKeys};

const EXAMPLES: &str = "\
Examples:
  etcdsnap keys snapshot.db /registry/pods/            keys with this prefix
  etcdsnap keys snapshot.db --long --sort size --reverse --limit 10
  etcdsnap keys snapshot.db --rev 4711                 as they were at a revision
  etcdsnap keys snapshot.db --deleted --glob '**/web-*'
";

/// List keys, in key order, without their values
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct KeysArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only keys with this prefix
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: OsString,
    /// At this revision; 0 = the newest
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    rev: i64,
    /// Start at this key
    #[arg(long, value_name = "KEY")]
    start: Option<OsString>,
    /// Stop before this key
    #[arg(long, value_name = "KEY")]
    end: Option<OsString>,
    /// Only keys that match: `*` stays between slashes, `**` does not
    #[arg(long, value_name = "PATTERN")]
    glob: Option<String>,
    /// Show at most N keys
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
    /// From the last to the first
    #[arg(long)]
    reverse: bool,
    /// Sort by this
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Sort::Key)]
    sort: Sort,
    /// Only keys whose last retained record is a deletion
    #[arg(long)]
    deleted: bool,
    /// Show revisions, version, lease and size of the value
    #[arg(long)]
    long: bool,
    #[command(flatten)]
    json: JsonArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    Key,
    Create,
    Mod,
    Version,
    Size,
}

impl From<Sort> for RowOrder {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Key => Self::Key,
            Sort::Create => Self::Create,
            Sort::Mod => Self::Mod,
            Sort::Version => Self::Version,
            Sort::Size => Self::Size,
        }
    }
}

impl KeysArgs {
    fn query(&self) -> KeysQuery {
        let bytes = |key: &OsString| key.as_bytes().to_vec();
        let span = KeyFilter::Span {
            start: self.start.as_ref().map(bytes).unwrap_or_default(),
            end: self.end.as_ref().map(bytes),
        };
        KeysQuery {
            filter: KeyFilter::prefix(self.prefix.as_bytes()).and(span),
            glob: self.glob.clone(),
            revision: self.rev,
            wanted: if self.deleted {
                Wanted::Deleted
            } else {
                Wanted::Live
            },
            order: self.sort.into(),
            descending: self.reverse,
            limit: self.limit,
        }
    }

    /// What the keys are to be.
    fn looked_for(&self) -> AbsenceQuery {
        let bytes = |key: &OsString| key.as_bytes().to_vec();
        let prefix = Some(&self.prefix).filter(|prefix| !prefix.is_empty());
        let prefix = prefix.map(|prefix| LookedFor::Prefix(bytes(prefix)));
        let glob = self.glob.clone().map(LookedFor::Glob);
        let span = (self.start.is_some() || self.end.is_some()).then(|| {
            let start = self.start.as_ref().map(bytes).unwrap_or_default();
            LookedFor::Span(start, self.end.as_ref().map(bytes))
        });
        AbsenceQuery {
            items: prefix.into_iter().chain(glob).chain(span).collect(),
            namespaces: Vec::new(),
            revision: self.rev,
            // That nothing of it was deleted is an answer.
            counts_deleted: self.deleted,
        }
    }
}

pub(super) fn run(args: &KeysArgs, run: &Run) -> Exit {
    let json = args.json.wanted(run);
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let list = ops::keys(session, &args.query())?;
        let mut exit = Exit::Fine;
        if list.is_empty() {
            let looked_for = args.looked_for();
            exit = absent::tell(session, &looked_for, AbsenceContext::default())?;
            if exit == Exit::Fine {
                let kind = if args.deleted { "deleted key" } else { "key" };
                let name = escape::path(&args.file);
                term::line(&format!(
                    "{name}: no {kind} matches at revision {}",
                    list.revision
                ));
                // Each of it is there, and nothing is all of it.
                if looked_for.items.len() > 1 && !args.deleted && args.limit != Some(0) {
                    exit = Exit::Findings;
                }
            }
        }
        let kinds = json.then(|| ops::known_kinds(session)).transpose()?;
        Ok(read_to_the_end(write(&list, kinds.as_ref(), args.long)).map(|()| exit))
    });
    conclude(asked, &args.file)
}

/// Writes the keys, as JSON if the kinds of the file are given.
fn write(list: &KeyList<'_>, kinds: Option<&Resources>, long: bool) -> io::Result<()> {
    let mut out = term::Lines::new();
    if let Some(kinds) = kinds {
        for facts in list.iter() {
            out.write(&report::key_json(&facts, kinds))?;
        }
        out.write(&report::keys_summary_json(
            list.len(),
            list.revision,
            list.bounds,
        ))?;
    } else if long {
        let table = LongKeys::new(list.iter());
        if !list.is_empty() {
            out.write(&table.head())?;
        }
        for facts in list.iter() {
            out.write(&table.row(&facts))?;
        }
    } else {
        for facts in list.iter() {
            out.write(&escape::text(facts.key))?;
            out.write("\n")?;
        }
    }
    out.finish()
}
