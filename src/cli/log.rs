//! `log`: what happened, transaction by transaction.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;

use super::absent;
use super::diff::Noise;
use super::exit::Exit;
use super::objects::Notes;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{JsonArgs, Run, conclude, read_to_the_end};
use super::term;
use super::time_bound::{Bound, Revisions};
use crate::Result;
use crate::error::Error;
use crate::etcd::keyspace::KeyFilter;
use crate::finding::escape;
use crate::kubernetes::catalog::resources::{Resolved, Resources};
use crate::kubernetes::compare::noise::NoiseProfile;
use crate::ops::{
    self, Absence, AbsenceQuery, AbsenceReason, ChangeFilter, LogPart, LogQuery, LogSummary,
    LookedFor, Name, Named, Session, TimeBound, ValueReader,
};
use crate::report::{self, AbsenceContext};

const EXAMPLES: &str = "\
Examples:
  etcdsnap log snapshot.db --reverse --limit 20             the last twenty transactions
  etcdsnap log snapshot.db deploy/web -n shop -p            all changes of an object, with fields
  etcdsnap log snapshot.db --kind pods,events -n shop --since 2h
  etcdsnap log snapshot.db --noise default --rev 4711..4800
  etcdsnap log snapshot.db /registry/deployments/ --from 4711
  etcdsnap log snapshot.db --json | jq 'select(.op == \"delete\")'

etcd keeps no clock. \"not before\" is the newest time that an object tells up to that revision.
--since begins with the first revision that did not happen before the given time, --until ends
with the last one before those that did not happen before a later time, so that a change shortly
outside of the two may be shown. Times without a zone are UTC; 2h is two hours before the newest
time in the file.
";

/// Show what changed, transaction by transaction
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct LogArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only keys with this prefix, or one object as KIND/NAME
    #[arg(
        value_name = "PREFIX|KIND/NAME",
        default_value = "",
        hide_default_value = true
    )]
    target: OsString,
    /// The name of the object, if the argument before it is its kind
    #[arg(value_name = "NAME")]
    name_behind: Option<OsString>,
    /// Only objects in this namespace, or in these
    #[arg(short = 'n', long, value_name = "NS[,NS]", value_delimiter = ',', value_parser = crate::cli::words)]
    namespace: Vec<String>,
    /// All namespaces, which is the default; as with kubectl, it overrides -n
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only objects of these kinds
    #[arg(long, value_name = "KIND[,KIND]", value_delimiter = ',', value_parser = crate::cli::words)]
    kind: Vec<String>,
    /// Only keys that match: `*` stays between slashes, `**` does not
    #[arg(long, value_name = "PATTERN")]
    glob: Option<String>,
    /// What to leave out as noise; the number of changes left out is reported
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t = Noise::None)]
    noise: Noise,
    /// Only this revision, or these, both included
    #[arg(long, value_name = "N|A..B", conflicts_with_all = ["from", "to", "since", "until"])]
    rev: Option<Revisions>,
    /// Start at this revision
    #[arg(
        long,
        value_name = "REV",
        default_value_t = 0,
        hide_default_value = true
    )]
    from: i64,
    /// End at this revision
    #[arg(
        long,
        value_name = "REV",
        default_value_t = 0,
        hide_default_value = true
    )]
    to: i64,
    /// Start at this time or revision: 2h, 3d, 2026-01-31, 2026-01-31T08:00:00Z, 4711
    #[arg(long, value_name = "TIME|REV", conflicts_with = "from")]
    since: Option<Bound>,
    /// End at this time or revision
    #[arg(long, value_name = "TIME|REV", conflicts_with = "to")]
    until: Option<Bound>,
    /// The newest transaction first
    #[arg(long)]
    reverse: bool,
    /// Show at most N transactions
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
    /// Show the fields of each change, as `show` does
    #[arg(short = 'p', long, visible_alias = "patch")]
    fields: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &LogArgs, run: &Run) -> Exit {
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let target = match super::get::spaced(&args.target, args.name_behind.as_ref()) {
        Ok(target) => target,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let job = Job {
        args,
        target,
        json: args.json.wanted(run),
        reader: &reader,
    };
    // The way through the tree jumps; a map serves that best.
    let asked = run.ask(&args.file, Access::Map, |session| job.run(session));
    conclude(asked, &args.file)
}

struct Job<'a> {
    args: &'a LogArgs,
    /// A prefix, or KIND/NAME.
    target: OsString,
    json: bool,
    reader: &'a ValueReader,
}

/// What is to be shown.
struct Target {
    filter: KeyFilter,
    /// What the argument is, if it is neither an object nor the beginning of a key.
    unknown: Option<(ops::Answer, Name)>,
    /// One object by its name, or several.
    is_object: bool,
}

impl Job<'_> {
    fn run(&self, session: &mut Session<'_>) -> Result<io::Result<Exit>> {
        let args = self.args;
        let target = match self.target(session)? {
            Ok(target) => target,
            Err(exit) => return self.nothing(session, exit),
        };
        let namespaces = match args.all_namespaces || target.is_object {
            true => Vec::new(),
            false => args.namespace.clone(),
        };
        let Some(query) = self.query(session, &target)? else {
            return Ok(Ok(Exit::Failed));
        };
        let noise = NoiseProfile::from(args.noise);
        let which = ChangeFilter {
            kinds: args.kind.clone(),
            namespaces,
            noise,
            reads_values: args.fields || noise != NoiseProfile::None,
        };
        let is_plain = which.kinds.is_empty() && which.namespaces.is_empty();
        let mut out = match self.json {
            true => term::Lines::new(),
            false => term::Lines::of_prose(),
        };
        let mut written: io::Result<()> = Ok(());
        let mut write = |text: &str| {
            written = out.write(text);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let mut exit = Exit::Fine;
        let mut missing = Vec::new();
        let summary = if is_plain && !which.reads_values {
            let known = match self.json {
                true => ops::known_kinds(session)?,
                false => Resources::builtin(),
            };
            ops::log(session, &query, &mut |transaction| {
                write(&match self.json {
                    true => report::transaction_json(transaction, &known),
                    false => report::transaction_text(transaction),
                })
            })?
        } else {
            let mut notes = Notes::default();
            let shown =
                ops::log_in_detail(session, &query, &which, self.reader, &mut |part, known| {
                    self.note(part, &mut notes);
                    write(&self.part(part, known))
                });
            let log = match shown {
                Ok(log) => log,
                Err(Error::Query(error)) => {
                    term::error(&error.to_string());
                    return Ok(Ok(Exit::Failed));
                }
                Err(error) => return Err(error),
            };
            exit = notes.tell();
            if let Some(line) = report::log_noise_line(&log.noise) {
                term::line(&line);
            }
            missing.extend(log.unseen_kinds.into_iter().map(LookedFor::Kind));
            missing.extend(log.unseen_namespaces.into_iter().map(LookedFor::Namespace));
            log.summary
        };
        let written = written.and_then(|()| {
            if self.json {
                out.write(&report::log_summary_json(&summary))?;
            }
            out.finish()
        });
        let is_none = summary.events == 0 && summary.noise == 0;
        exit = exit.max(self.missing(session, target, missing, is_none)?);
        if is_none && exit == Exit::Fine {
            let name = escape::path(&args.file);
            term::line(&format!("{name}: no change matches"));
        }
        Ok(read_to_the_end(written).map(|()| exit))
    }

    /// What the argument stands for; the inner error is how the job ends where it stands for several objects.
    fn target(&self, session: &mut Session<'_>) -> Result<std::result::Result<Target, Exit>> {
        let args = self.args;
        let text = &self.target;
        let prefix = Target {
            filter: KeyFilter::prefix(text.as_bytes()),
            unknown: None,
            is_object: false,
        };
        let name = |namespace: Option<&String>| Name {
            text: text.as_bytes().to_vec(),
            namespace: namespace.cloned(),
            is_key: false,
        };
        // A kind without a name is looked up as well: its name may have been lost on the way here.
        let whole = name(None);
        if whole.kind_and_name().is_none() && whole.kind_without_name().is_none_or(str::is_empty) {
            return Ok(Ok(prefix));
        }
        let names: Vec<Name> = match args.all_namespaces || args.namespace.is_empty() {
            true => vec![name(None)],
            false => args.namespace.iter().map(|one| name(Some(one))).collect(),
        };
        let found = ops::look_up(session, &names, self.reader, false)?.found;
        // The log itself tells what is wrong on its way.
        session.forget_findings();
        let mut keys = BTreeSet::new();
        let mut unknown = None;
        for (named, name) in found.into_iter().zip(names) {
            let answer = match named {
                // A key that is called so is not an object by its kind and name.
                Named::Key(story) if story.key == name.text => return Ok(Ok(prefix)),
                Named::Key(story) => {
                    keys.insert(story.key);
                    continue;
                }
                Named::Several(stories) => {
                    let keys = stories.into_iter().map(|story| story.key).collect();
                    let answers = [ops::Answer::Several(keys)];
                    let names = [name];
                    return super::get::explain(session, answers.iter().zip(&names), 0).map(Err);
                }
                Named::UnknownKind(word) => ops::Answer::UnknownKind(word),
                Named::NotServed(error) => ops::Answer::NotServed(error),
                Named::EmptyName(word) => ops::Answer::EmptyName(word),
                Named::Nothing if name.kind_and_name().is_none() => return Ok(Ok(prefix)),
                Named::Nothing => ops::Answer::NeverSeen,
            };
            unknown = unknown.or(Some((answer, name)));
        }
        Ok(Ok(match keys.is_empty() {
            true => Target { unknown, ..prefix },
            false => Target {
                filter: KeyFilter::Keys(keys),
                unknown,
                is_object: true,
            },
        }))
    }

    /// Nothing is shown, and why was said.
    fn nothing(&self, session: &mut Session<'_>, exit: Exit) -> Result<io::Result<Exit>> {
        let mut out = term::Lines::new();
        let mut written = Ok(());
        if self.json {
            let summary = LogSummary::of_nothing(session.bounds()?);
            written = out.write(&report::log_summary_json(&summary));
        }
        let written = written.and_then(|()| out.finish());
        Ok(read_to_the_end(written).map(|()| exit))
    }

    /// The span of revisions; none where times cannot be answered for, which was said.
    fn query(&self, session: &mut Session<'_>, target: &Target) -> Result<Option<LogQuery>> {
        let args = self.args;
        let mut query = LogQuery {
            filter: target.filter.clone(),
            glob: args.glob.clone(),
            from: args.from,
            to: args.to,
            descending: args.reverse,
            limit: args.limit,
            ..LogQuery::default()
        };
        if let Some(revisions) = args.rev {
            query.from = revisions.from.unwrap_or(0);
            query.to = revisions.to.unwrap_or(0);
        }
        for bound in args.since.iter().chain(&args.until) {
            if let Bound::Revision(year @ 1970..=2199) = *bound
                && year > session.bounds()?.current
            {
                term::line(&format!(
                    "{year} is taken for a revision; the year begins with {year}-01-01"
                ));
            }
        }
        let mut times: [Option<TimeBound>; 2] = [None, None];
        match args.since {
            Some(Bound::Revision(revision)) => query.from = revision,
            Some(Bound::Time { first, .. }) => times[0] = Some(first),
            None => {}
        }
        match args.until {
            Some(Bound::Revision(revision)) => query.to = revision,
            Some(Bound::Time { last, .. }) => times[1] = Some(last),
            None => {}
        }
        let [since, until] = times;
        let are_swapped = match (since, until) {
            (None, None) => query.to > 0 && query.from > query.to,
            (Some(TimeBound::At(since)), Some(TimeBound::At(until))) => since > until,
            (Some(TimeBound::Ago(since)), Some(TimeBound::Ago(until))) => since < until,
            _ => false,
        };
        if are_swapped {
            term::error("the beginning comes after the end; swap them");
            return Ok(None);
        }
        if since.is_none() && until.is_none() {
            return Ok(Some(query));
        }
        let Some(resolved) = ops::resolve_times(session, since, until)? else {
            term::error(
                "no object in the file tells a time, so --since and --until take revisions only",
            );
            return Ok(None);
        };
        if let Some(since) = &resolved.since {
            term::line(&report::resolved_time_line("--since", since, false));
            query.since = since.revision;
            if since.revision.is_none() {
                query.limit = Some(0);
            }
        }
        if let Some(until) = &resolved.until {
            term::line(&report::resolved_time_line("--until", until, true));
            query.until = until.revision;
        }
        Ok(Some(query))
    }

    fn part(&self, part: &LogPart, known: &Resources) -> String {
        match (self.json, self.args.fields) {
            (true, true) => report::log_part_json(part, known),
            (true, false) => report::log_part_events_json(part, known),
            (false, true) => report::log_part_text(part),
            (false, false) => report::log_part_events_text(part),
        }
    }

    /// What cannot be read matters only where fields are shown.
    fn note(&self, part: &LogPart, notes: &mut Notes) {
        if self.args.fields {
            part.changes
                .iter()
                .for_each(|change| super::show::note(change, notes));
        }
    }

    /// Says what was asked for and never was. Keys that did not change, or not in this span, are an answer.
    fn missing(
        &self,
        session: &mut Session<'_>,
        target: Target,
        mut items: Vec<LookedFor>,
        is_none: bool,
    ) -> Result<Exit> {
        let args = self.args;
        let mut exit = Exit::Fine;
        if target.is_object && target.unknown.is_some() {
            // It is not in all of the namespaces; one of them may be none.
            items.extend(args.namespace.iter().cloned().map(LookedFor::Namespace));
        }
        let single = args.rev.and_then(Revisions::single);
        if let Some(revision) = single.filter(|_| is_none) {
            let query = LogQuery {
                from: revision,
                to: revision,
                limit: Some(1),
                ..LogQuery::default()
            };
            let any = ops::log(session, &query, &mut |_| ControlFlow::Continue(()))?;
            if any.transactions == 0 {
                exit = super::show::tell_gap(&args.file, revision, any.bounds.compacted);
            }
        }
        let mut kind = None;
        let tell = |items: Vec<LookedFor>| {
            let looked_for = AbsenceQuery {
                items,
                counts_deleted: true,
                ..AbsenceQuery::default()
            };
            absent::tell(session, &looked_for, AbsenceContext::default())
        };
        if is_none && let Some((answer, name)) = target.unknown {
            let prefix = AbsenceQuery {
                items: vec![LookedFor::Prefix(name.text.clone())],
                counts_deleted: true,
                ..AbsenceQuery::default()
            };
            let found = ops::absences(session, &prefix)?.list;
            let is_there = |absence: &Absence| matches!(absence.reason, AbsenceReason::Present(_));
            if !found.iter().any(is_there) {
                let (answers, names) = ([answer], [name]);
                let explained = super::get::explain(session, answers.iter().zip(&names), 0)?;
                return Ok(exit.max(explained));
            }
        } else if is_none && !target.is_object && !args.target.is_empty() {
            if let Some(word) = args.target.to_str()
                && Resources::builtin().resolve(word) != Resolved::Unknown
            {
                kind = Some(escape::text(word.as_bytes()));
            }
            items.push(LookedFor::Prefix(args.target.as_bytes().to_vec()));
        }
        if is_none {
            items.extend(args.glob.clone().map(LookedFor::Glob));
        }
        let exit = exit.max(tell(items)?);
        if let Some(kind) = kind {
            term::line(&format!(
                "--kind {kind} shows the changes of all objects of that kind"
            ));
        }
        let namespaces = args.namespace.iter();
        let is_number = |name: &&String| exit != Exit::Fine && name.parse::<usize>().is_ok();
        for number in namespaces.filter(is_number) {
            term::line(&format!(
                "-n is the namespace; --limit {number} limits the transactions"
            ));
        }
        Ok(exit)
    }
}
