//! `diff`: what changed between two files, or two revisions of one.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Exit;
use super::lens::LensArgs;
use super::run::{Run, fail};
use super::term;
use crate::Result;
use crate::etcd::keyspace::KeyFilter;
use crate::finding::{Findings, escape};
use crate::kubernetes::noise::NoiseProfile;
use crate::ops::diff::{
    Change, Comparison, Diff, DiffQuery, Item, Relation, diff_files, diff_revisions,
};
use crate::ops::{self, Lens, LogQuery, Session};
use crate::report::{self, DiffCounts, Format, KindTable};
use crate::source::Access;

const EXAMPLES: &str = "\
Examples:
  etcdsnap diff yesterday.db today.db
  etcdsnap diff yesterday.db today.db -n shop --json | jq .patch
  etcdsnap diff snapshot.db --from 4711 --to 4800
  etcdsnap diff yesterday.db today.db --log                every change in between, in order

Exit status:
  0    nothing differs, after filters and noise
  1    something differs
  2    could not do it, or damage hides what changed
";

/// Show what changed between two files, or between two revisions of one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiffArgs {
    /// The old file
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The new file; without it, two revisions of OLD are compared
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// The old revision [default: the compaction point]
    #[arg(long, value_name = "REV", conflicts_with = "new")]
    from: Option<i64>,
    /// The new revision [default: the newest]
    #[arg(long, value_name = "REV", conflicts_with = "new")]
    to: Option<i64>,
    /// Only keys that begin so
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    /// Only keys that match: `*` stays between slashes, `**` does not
    #[arg(long, value_name = "PATTERN")]
    glob: Option<String>,
    /// Only objects of these kinds
    #[arg(long, value_name = "KIND[,KIND]", value_delimiter = ',')]
    kind: Vec<String>,
    /// Only objects in this namespace
    #[arg(short = 'n', long, value_name = "NS")]
    namespace: Option<String>,
    /// What counts as noise
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t = Noise::Default)]
    noise: Noise,
    /// Leave out changes of these fields: spec.replicas, metadata.annotations
    #[arg(long, value_name = "PATH")]
    ignore: Vec<String>,
    /// Only the names of what differs
    #[arg(long)]
    names_only: bool,
    /// Only counts by kind
    #[arg(long)]
    stat: bool,
    /// Every change in between, in order, as `log` shows it
    #[arg(long)]
    log: bool,
    /// At most so many objects with their fields
    #[arg(long, value_name = "N", default_value_t = 200)]
    max_objects: usize,
    /// Lines around changed lines of long texts
    #[arg(short = 'U', long, value_name = "N", default_value_t = 3)]
    unified: usize,
    /// One line of JSON for each difference, nothing folded
    #[arg(long)]
    json: bool,
    /// Exit 0 though something differs
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    lens: LensArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Noise {
    /// Leases, Events, heartbeats, managed fields
    Default,
    /// Nothing is noise
    None,
    /// And whatever is only in the status
    AllStatus,
}

impl From<Noise> for NoiseProfile {
    fn from(noise: Noise) -> Self {
        match noise {
            Noise::Default => Self::Default,
            Noise::None => Self::None,
            Noise::AllStatus => Self::AllStatus,
        }
    }
}

pub(super) fn run(args: &DiffArgs, run: &Run) -> Exit {
    let lens = match args.lens.lens() {
        Ok(lens) => lens,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    // What differs is judged with managed fields; whether they are shown is another matter.
    let lens = Lens {
        managed_fields: true,
        ..lens
    };
    let query = DiffQuery {
        filter: KeyFilter::prefix(args.prefix.as_bytes()),
        noise: args.noise.into(),
    };
    let outcome = match &args.new {
        Some(new) => run.with_input(&args.old, Access::Positioned, |old_input, options| {
            run.with_input(new, Access::Positioned, |new_input, _| {
                let mut old = match Session::open(old_input, options)? {
                    Ok(session) => session,
                    Err(refusal) => return Ok(Err((refusal, &args.old))),
                };
                let mut new_session = match Session::open(new_input, options)? {
                    Ok(session) => session,
                    Err(refusal) => return Ok(Err((refusal, new))),
                };
                let diff = diff_files(&mut old, &mut new_session, &query)?;
                let written = Show::new(args, run, &diff, &query).all(
                    &diff,
                    &old,
                    &mut new_session,
                    &lens,
                )?;
                let findings = [(old.finish()?, &args.old), (new_session.finish()?, new)];
                Ok(Ok((written, findings.into_iter().collect::<Vec<_>>())))
            })
        }),
        None => run.with_input(&args.old, Access::Positioned, |input, options| {
            let mut session = match Session::open(input, options)? {
                Ok(session) => session,
                Err(refusal) => return Ok(Err((refusal, &args.old))),
            };
            let (from, to) = (args.from.unwrap_or(0), args.to.unwrap_or(0));
            let diff = diff_revisions(&mut session, from, to, &query)?;
            let written = Show::new(args, run, &diff, &query).one(&diff, &mut session, &lens)?;
            Ok(Ok((written, vec![(session.finish()?, &args.old)])))
        }),
    };
    match outcome {
        Ok(Ok((written, findings))) => conclude(args, written, &findings),
        Ok(Err((refusal, path))) => {
            super::status::refuse(&refusal, path);
            Exit::Failed
        }
        Err(error) => fail(&error, args.new.as_ref().unwrap_or(&args.old)),
    }
}

fn conclude(args: &DiffArgs, written: io::Result<bool>, findings: &[(Findings, &PathBuf)]) -> Exit {
    let differs = match written {
        Ok(differs) => differs,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Exit::Fine,
        Err(error) => {
            term::error(&format!("writing failed: {error}"));
            return Exit::Failed;
        }
    };
    let mut exit = if differs && !args.exit_zero {
        Exit::Findings
    } else {
        Exit::Fine
    };
    for (findings, path) in findings {
        if findings.has_errors() {
            let name = escape::path(path);
            term::line(&format!(
                "{name}: damaged; keys that it may have held are unknown:\n{}",
                report::findings_text(findings, 5)
            ));
            exit = Exit::Failed;
        }
    }
    exit
}

struct Show<'a> {
    args: &'a DiffArgs,
    json: bool,
    query: &'a DiffQuery,
    kinds: Vec<String>,
    lines: term::Lines,
    old_name: String,
    new_name: String,
}

impl<'a> Show<'a> {
    fn new(args: &'a DiffArgs, run: &Run, _: &Diff<'_>, query: &'a DiffQuery) -> Self {
        Self {
            args,
            json: args.json || run.format == Format::Json,
            query,
            kinds: args.kind.clone(),
            lines: term::Lines::new(),
            old_name: escape::path(&args.old),
            new_name: escape::path(args.new.as_ref().unwrap_or(&args.old)),
        }
    }

    fn all<'i>(
        mut self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &mut Session<'i>,
        lens: &Lens,
    ) -> Result<io::Result<bool>> {
        if self.args.log {
            return self.log(diff, new);
        }
        let items = self.gather(diff, old, new, lens)?;
        Ok(self.write(&diff.comparison, items))
    }

    fn one<'i>(
        mut self,
        diff: &Diff<'i>,
        session: &mut Session<'i>,
        lens: &Lens,
    ) -> Result<io::Result<bool>> {
        if self.args.log {
            return self.log(diff, session);
        }
        let items = self.gather(diff, session, session, lens)?;
        Ok(self.write(&diff.comparison, items))
    }

    /// What differs, of what is wanted.
    fn gather<'i>(
        &mut self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &Session<'i>,
        lens: &Lens,
    ) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let resources = crate::kubernetes::resources::Resources::builtin();
        diff.each(old, new, lens, lens, self.query, |mut item| {
            if self.wants(&mut item, &resources) {
                items.push(item);
            }
            ControlFlow::Continue(())
        })?;
        Ok(items)
    }

    fn wants(&self, item: &mut Item, resources: &crate::kubernetes::resources::Resources) -> bool {
        let glob = self.args.glob.as_ref();
        if glob.is_some_and(|glob| !fast_glob::glob_match(glob, &item.key)) {
            return false;
        }
        let namespace = self.args.namespace.as_ref();
        if namespace.is_some_and(|wanted| item.namespace.as_ref() != Some(wanted)) {
            return false;
        }
        if !self.kinds.is_empty() {
            let resource = resources.of_kind_or_guess(&item.api_version, &item.kind);
            let is_wanted = self.kinds.iter().any(|word| {
                [&resource.kind, &resource.plural, &resource.singular]
                    .into_iter()
                    .chain(&resource.short_names)
                    .any(|name| name.eq_ignore_ascii_case(word))
                    || resource.full_name().eq_ignore_ascii_case(word)
            });
            if item.kind.is_empty() || !is_wanted {
                return false;
            }
        }
        if !self.args.ignore.is_empty() && item.change == Change::Changed && !item.fields.is_empty()
        {
            item.fields.retain(|field| {
                let path = field.path.to_string();
                !self
                    .args
                    .ignore
                    .iter()
                    .any(|ignored| is_below(&path, ignored))
            });
            if item.fields.is_empty() {
                return false;
            }
        }
        true
    }

    fn log(mut self, diff: &Diff<'_>, session: &mut Session<'_>) -> Result<io::Result<bool>> {
        let comparison = &diff.comparison;
        if !comparison.is_history_complete {
            term::error(
                "the new state does not know every change since the old one; without --log the states are compared",
            );
            return Ok(Err(io::Error::other("no complete history")));
        }
        let from = comparison.old.revision.saturating_add(1);
        if from > comparison.new.revision {
            return Ok(self.lines.finish().map(|()| false));
        }
        let query = LogQuery {
            filter: self.query.filter.clone(),
            from,
            to: comparison.new.revision,
            ..LogQuery::default()
        };
        let mut written: io::Result<()> = Ok(());
        let summary = ops::log(session, &query, &mut |transaction| {
            let text = if self.json {
                report::transaction_json(transaction)
            } else {
                report::transaction_text(transaction)
            };
            written = self.lines.write(&text);
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        if self.json && written.is_ok() {
            written = self.lines.write(&report::log_summary_json(&summary));
        }
        Ok(written
            .and_then(|()| self.lines.finish())
            .map(|()| summary.events > 0))
    }

    /// Writes everything; true when something differs.
    fn write(mut self, comparison: &Comparison, items: Vec<Item>) -> io::Result<bool> {
        let mut counts = DiffCounts::default();
        items.iter().for_each(|item| counts.add(item));
        let matters =
            |item: &&Item| item.noise.is_none() && !matches!(item.change, Change::Touched(_));
        let others = comparison.buckets.iter().any(|change| change.counts);
        let differs = items.iter().any(|item| matters(&item))
            || others
            || matches!(comparison.relation, Relation::Diverged);
        if self.json {
            for record in &comparison.divergences {
                self.lines.write(&report::divergence_json(record))?;
            }
            for item in &items {
                self.lines.write(&report::diff_item_json(item))?;
            }
            for change in &comparison.buckets {
                self.lines.write(&report::bucket_change_json(change))?;
            }
            self.lines
                .write(&report::diff_summary_json(comparison, &counts))?;
        } else if self.args.names_only {
            for item in items.iter().filter(matters) {
                let word = item.change.as_str();
                self.lines
                    .write(&format!("{word:<9} {}\n", escape::text(&item.key)))?;
            }
        } else {
            self.text(comparison, &items, matters)?;
        }
        self.lines.finish()?;
        Ok(differs)
    }

    fn text(
        &mut self,
        comparison: &Comparison,
        items: &[Item],
        matters: impl Fn(&&Item) -> bool,
    ) -> io::Result<()> {
        let head = report::comparison_text(comparison, &self.old_name, &self.new_name);
        self.lines.write(&head)?;
        let mut table = KindTable::default();
        items.iter().for_each(|item| table.add(item));
        let text = table.text();
        if !text.is_empty() {
            self.lines.write("\n")?;
            self.lines.write(&text)?;
        }
        if !self.args.stat {
            let mut groups: BTreeMap<Option<&str>, Vec<&Item>> = BTreeMap::new();
            for item in items.iter().filter(&matters) {
                groups
                    .entry(item.namespace.as_deref())
                    .or_default()
                    .push(item);
            }
            let total: usize = groups.values().map(Vec::len).sum();
            let mut left = self.args.max_objects;
            for (namespace, group) in groups {
                if left == 0 {
                    break;
                }
                let title = match namespace {
                    Some(namespace) => {
                        format!("\nnamespace {}\n", escape::text(namespace.as_bytes()))
                    }
                    None => "\ncluster and other keys\n".to_string(),
                };
                self.lines.write(&title)?;
                for item in group.into_iter().take(left) {
                    left -= 1;
                    self.lines
                        .write(&report::diff_item_text(item, self.args.unified, false))?;
                }
            }
            let shown = self.args.max_objects.saturating_sub(left);
            if total > shown {
                self.lines
                    .write(&format!("\n… and {} more (--max-objects)\n", total - shown))?;
            }
        }
        let folded = table.folded();
        if !folded.is_empty() {
            self.lines.write("\n")?;
            self.lines.write(&folded)?;
        }
        Ok(())
    }
}

/// True when `path` is `ignored` or lies below it.
fn is_below(path: &str, ignored: &str) -> bool {
    path.strip_prefix(ignored)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
