//! `grep`: where something stands, in objects and other values.

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};

use super::absent;
use super::exit::Exit;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{JsonArgs, Run, conclude, read_to_the_end};
use super::term;
use crate::error::Error;
use crate::etcd::keyspace::KeyFilter;
use crate::finding::escape;
use crate::ops::{self, AbsenceQuery, GrepQuery, LookedFor, Session, ValueReader};
use crate::report::{self, AbsenceContext};

const EXAMPLES: &str = "\
Examples:
  etcdsnap grep nginx:1.27 snapshot.db                    which objects use this image?
  etcdsnap grep -i 'log_?level' snapshot.db --kind cm -n shop
  etcdsnap grep -F 10.96.0.10 snapshot.db -l              only the names of the objects
  etcdsnap grep 'replicas: [0-9]{2}' snapshot.db          a line is searched with its path before it
  etcdsnap grep old-host snapshot.db --rev all            every retained record, not only the newest

PATTERN is a regular expression as `grep -E` takes it; \\d, \\w, \\b are known. Secrets are hidden
before values are searched. -w is --write-out here as in every command.

Exit status:
  0    something was found
  1    nothing was found, or the file is damaged
  2    could not do the job: usage, missing file
  130  interrupted
";

/// Search objects by field and other values by line
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct GrepArgs {
    /// What to search for, a regular expression, and snapshots, databases or data directories; with -e files alone
    #[arg(value_name = "PATTERN FILE", required = true, num_args = 1..)]
    words: Vec<OsString>,
    /// Search for this pattern; may be repeated: a line matches if any pattern does
    #[arg(short = 'e', long = "regexp", value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Take patterns as fixed strings, not regular expressions
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Patterns are extended regular expressions, which they are in any case
    #[arg(short = 'E', long, conflicts_with = "fixed_strings", hide = true)]
    extended_regexp: bool,
    /// Ignore case
    #[arg(short = 'i', long)]
    ignore_case: bool,
    /// Match whole words only
    #[arg(long)]
    word_regexp: bool,
    /// Show only the names of objects and keys with a match
    #[arg(short = 'l', long)]
    list: bool,
    /// Show only the number of matching lines
    #[arg(short = 'c', long, conflicts_with = "list")]
    count: bool,
    /// At this revision, 0 = the newest, or `all` retained records
    #[arg(
        long,
        value_name = "N|all",
        default_value = "0",
        hide_default_value = true
    )]
    rev: When,
    /// Only objects of these kinds, by any of their names
    #[arg(long, value_name = "KIND[,KIND]", value_delimiter = ',')]
    kind: Vec<String>,
    /// Only objects in this namespace, or in these
    #[arg(short = 'n', long, value_name = "NS[,NS]", value_delimiter = ',')]
    namespace: Vec<String>,
    /// Search only values of keys with this prefix
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<OsString>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

/// Which records are searched.
#[derive(Debug, Clone, Copy)]
enum When {
    At(i64),
    All,
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            number => match number.parse() {
                Ok(revision) => Ok(Self::At(revision)),
                Err(_) => Err("a revision, or all".into()),
            },
        }
    }
}

impl GrepArgs {
    /// The pattern, and the files.
    fn parts(&self) -> Result<(Regex, Vec<&Path>), String> {
        let mut words = self.words.iter();
        let mut patterns = self.patterns.clone();
        if patterns.is_empty() {
            let word = words.next().and_then(|word| word.to_str());
            patterns.push(word.ok_or("the pattern is not UTF-8")?.to_owned());
        }
        if self
            .kind
            .iter()
            .chain(&self.namespace)
            .any(String::is_empty)
        {
            return Err(
                "a word for kinds or namespaces is empty; without one all are searched".into(),
            );
        }
        let files: Vec<&Path> = words.map(Path::new).collect();
        if files.is_empty() {
            return Err("name a file after the pattern: etcdsnap grep PATTERN FILE...".into());
        }
        let is_swapped = self.patterns.is_empty()
            && patterns.iter().any(|pattern| Path::new(pattern).exists())
            && !files.iter().any(|file| file.exists());
        if is_swapped {
            return Err("the pattern comes first: etcdsnap grep PATTERN FILE...".into());
        }
        let alternatives = patterns.iter().map(|pattern| match self.fixed_strings {
            true => format!("(?:{})", regex::escape(pattern)),
            false => format!("(?:{pattern})"),
        });
        let mut text = alternatives.collect::<Vec<_>>().join("|");
        if self.word_regexp {
            text = format!(r"\b(?:{text})\b");
        }
        // Said with what was written, not with what is around it.
        for pattern in patterns.iter().filter(|_| !self.fixed_strings) {
            Regex::new(pattern).map_err(|error| error.to_string())?;
        }
        let pattern = RegexBuilder::new(&text)
            .case_insensitive(self.ignore_case)
            .build();
        Ok((pattern.map_err(|error| error.to_string())?, files))
    }
}

pub(super) fn run(args: &GrepArgs, run: &Run) -> Exit {
    let ((pattern, files), reader) = match (args.parts(), args.reader.reader()) {
        (Ok(parts), Ok(reader)) => (parts, reader),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let query = GrepQuery {
        pattern,
        filter: match &args.prefix {
            Some(prefix) => KeyFilter::prefix(prefix.as_bytes()),
            None => KeyFilter::all(),
        },
        kinds: args.kind.clone(),
        namespaces: args.namespace.clone(),
        revision: match args.rev {
            When::At(revision) => Some(revision),
            When::All => None,
        },
    };
    let is_one_of_several = files.len() > 1;
    let each = |file: &&Path| {
        term::begin_file(file, false);
        let exit = search(args, run, &query, &reader, file, is_one_of_several);
        run.end_file(exit)
    };
    let exits: Vec<Exit> = files.iter().map(each).collect();
    let worst = exits.iter().copied().max().unwrap_or(Exit::Failed);
    match worst {
        Exit::Findings if exits.contains(&Exit::Fine) => Exit::Fine,
        worst => worst,
    }
}

fn search(
    args: &GrepArgs,
    run: &Run,
    query: &GrepQuery,
    reader: &ValueReader,
    file: &Path,
    is_one_of_several: bool,
) -> Exit {
    let json = args.json.wanted(run);
    let name = escape::path(file);
    let front = match is_one_of_several {
        true => format!("{name}: "),
        false => String::new(),
    };
    let with_revision = query.revision.is_none();
    let asked = run.ask(file, Access::Positioned, |session| {
        let mut out = term::Lines::new();
        let mut written: io::Result<()> = Ok(());
        let mut each = |record: &ops::GrepRecord| {
            let text = match (args.count, args.list, json) {
                (true, ..) => String::new(),
                (_, only_names, true) => report::grep_json(&name, record, only_names),
                (_, true, _) => format!("{front}{}\n", report::grep_name(record, with_revision)),
                _ => report::grep_text(record, with_revision)
                    .split_inclusive('\n')
                    .flat_map(|line| [front.as_str(), line])
                    .collect(),
            };
            written = out.write(&text);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let (summary, bounds) = match ops::grep(session, query, reader, &mut each) {
            Ok(done) => done,
            Err(Error::Query(error)) => {
                term::error(&error.to_string());
                return Ok(Ok(Exit::Failed));
            }
            Err(error) => return Err(error),
        };
        if let Some(line) = report::grep_unsearched_line(&summary) {
            term::line(&format!("{front}{line}"));
        }
        let exit = match summary.lines {
            0 => Exit::Findings,
            _ => Exit::Fine,
        };
        let exit = exit.max(missing(session, args, query, &summary, &front)?);
        let end = match (json, args.count) {
            (true, _) => report::grep_summary_json(&name, &summary, bounds),
            (false, true) => format!("{front}{}\n", summary.lines),
            _ => String::new(),
        };
        let written = written.and_then(|()| out.write(&end));
        Ok(read_to_the_end(written.and_then(|()| out.finish())).map(|()| exit))
    });
    conclude(asked, file)
}

/// Says where there is nothing to search.
fn missing(
    session: &Session<'_>,
    args: &GrepArgs,
    query: &GrepQuery,
    summary: &ops::GrepSummary,
    front: &str,
) -> crate::Result<Exit> {
    let is_empty = summary.lines == 0;
    let kinds = match is_empty {
        true => &query.kinds,
        false => &summary.unknown_kinds,
    };
    let mut items: Vec<LookedFor> = kinds.iter().cloned().map(LookedFor::Kind).collect();
    if is_empty || query.namespaces.len() > 1 {
        items.extend(query.namespaces.iter().cloned().map(LookedFor::Namespace));
    }
    if is_empty {
        let prefix = args.prefix.iter().map(|prefix| prefix.as_bytes().to_vec());
        items.extend(prefix.map(LookedFor::Prefix));
    }
    if items.is_empty() {
        return Ok(Exit::Fine);
    }
    let absence = AbsenceQuery {
        items,
        namespaces: query.namespaces.clone(),
        revision: query.revision.unwrap_or(0),
        counts_deleted: query.revision.is_none(),
    };
    let context = AbsenceContext {
        namespaces: &query.namespaces,
        ..AbsenceContext::default()
    };
    let found = ops::absences(session, &absence)?;
    Ok(absent::say_behind(front, &found, context))
}
