//! What differs, as text, JSON or Markdown.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use super::manifests::{self, Manifests};
use super::{DiffArgs, Form, Outcome};
use crate::Result;
use crate::cli::run::Run;
use crate::cli::term;
use crate::finding::escape;
use crate::ops::diff::{Change, Comparison, Diff, DiffQuery, Item, KindFilter, Relation};
use crate::ops::{self, KindFault, Lens, LogQuery, Session};
use crate::report::{self, DiffCounts, Format, KindTable, Row};

pub(super) struct Show<'a> {
    args: &'a DiffArgs,
    form: Form,
    query: &'a DiffQuery,
    lines: term::Lines,
    old_name: String,
    new_name: String,
}

impl<'a> Show<'a> {
    pub(super) fn new(args: &'a DiffArgs, run: &Run, query: &'a DiffQuery) -> Self {
        Self {
            args,
            form: if args.json || run.format == Format::Json {
                Form::Json
            } else {
                args.output
            },
            query,
            lines: term::Lines::new(),
            old_name: escape::path(&args.old),
            new_name: escape::path(args.new.as_ref().unwrap_or(&args.old)),
        }
    }

    pub(super) fn all<'i>(
        self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &mut Session<'i>,
        lens: &Lens,
    ) -> Result<Outcome> {
        if self.args.log {
            return self.log(diff, new);
        }
        self.show(diff, old, new, lens)
    }

    pub(super) fn one<'i>(
        self,
        diff: &Diff<'i>,
        session: &mut Session<'i>,
        lens: &Lens,
    ) -> Result<Outcome> {
        if self.args.log {
            return self.log(diff, session);
        }
        self.show(diff, session, session, lens)
    }

    fn show<'i>(
        self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &Session<'i>,
        lens: &Lens,
    ) -> Result<Outcome> {
        let manifests = match Manifests::open(self.args, self.form) {
            Ok(manifests) => manifests,
            Err(message) => {
                term::error(&message);
                return Ok(Ok(None));
            }
        };
        let items = match self.gather(diff, old, new, lens)? {
            Ok(items) => items,
            Err(fault) => {
                term::error(&fault.to_string());
                return Ok(Ok(None));
            }
        };
        let Some(manifests) = manifests else {
            return Ok(self.write(&diff.comparison, &items).map(Some));
        };
        let listed: Vec<&Item> = items.iter().filter(|item| matters(item)).collect();
        let tasks = diff.tasks(old, new, lens, manifests.direction, &listed)?;
        term::line(&manifests::summary(&tasks));
        let names = [self.old_name.as_str(), &self.new_name];
        let written = manifests.write(&diff.comparison, names, tasks);
        Ok(written.map(|()| Some(!listed.is_empty())))
    }

    /// What differs, of what is wanted. The inner error is a word that is no kind.
    fn gather<'i>(
        &self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &Session<'i>,
        lens: &Lens,
    ) -> Result<std::result::Result<Vec<Item>, KindFault>> {
        let mut kinds = match diff.kinds(&self.args.kind) {
            Ok(kinds) => kinds,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut items = Vec::new();
        let mut missing = kinds.missing(std::iter::empty());
        diff.each(old, new, lens, lens, self.query, |mut item| {
            if missing.is_some() {
                let kind = (item.api_version.as_str(), item.kind.as_str());
                missing = kinds.missing(std::iter::once(kind));
            }
            if self.wants(&mut item, &mut kinds) {
                items.push(item);
            }
            ControlFlow::Continue(())
        })?;
        Ok(match missing {
            Some(fault) => Err(fault),
            None => Ok(items),
        })
    }

    fn wants(&self, item: &mut Item, kinds: &mut KindFilter<'_>) -> bool {
        let glob = self.args.glob.as_ref();
        if glob.is_some_and(|glob| !fast_glob::glob_match(glob, &item.key)) {
            return false;
        }
        let namespace = self.args.namespace.as_ref();
        if namespace.is_some_and(|wanted| item.namespace.as_ref() != Some(wanted)) {
            return false;
        }
        if !kinds.takes(&item.api_version, &item.kind) {
            return false;
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

    fn log(mut self, diff: &Diff<'_>, session: &mut Session<'_>) -> Result<Outcome> {
        let comparison = &diff.comparison;
        if !comparison.is_history_complete {
            term::error(
                "the new state does not know every change since the old one; without --log the states are compared",
            );
            return Ok(Ok(None));
        }
        let from = comparison.old.revision.saturating_add(1);
        if from > comparison.new.revision {
            return Ok(self.lines.finish().map(|()| Some(false)));
        }
        let query = LogQuery {
            filter: self.query.filter.clone(),
            from,
            to: comparison.new.revision,
            ..LogQuery::default()
        };
        let mut written: io::Result<()> = Ok(());
        let summary = ops::log(session, &query, &mut |transaction| {
            let text = if self.form == Form::Json {
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
        if self.form == Form::Json && written.is_ok() {
            written = self.lines.write(&report::log_summary_json(&summary));
        }
        Ok(written
            .and_then(|()| self.lines.finish())
            .map(|()| Some(summary.events > 0)))
    }

    /// Writes everything; true when something differs.
    fn write(mut self, comparison: &Comparison, items: &[Item]) -> io::Result<bool> {
        let others = comparison.buckets.iter().any(|change| change.counts);
        let listed: Vec<&Item> = items.iter().filter(|item| matters(item)).collect();
        let differs =
            !listed.is_empty() || others || matches!(comparison.relation, Relation::Diverged);
        if self.form == Form::Json {
            self.json(comparison, items)?;
        } else if self.args.names_only {
            for item in listed {
                let word = item.change.as_str();
                self.lines
                    .write(&format!("{word:<9} {}\n", escape::text(&item.key)))?;
            }
        } else {
            let mut table = KindTable::default();
            items.iter().for_each(|item| table.add(item));
            if self.form == Form::Markdown {
                self.lines.write(&report::diff_markdown_head(
                    comparison,
                    &self.old_name,
                    &self.new_name,
                    &listed,
                    &table,
                ))?;
                self.groups(&listed)?;
            } else {
                self.text(comparison, &listed, &table)?;
            }
        }
        self.lines.finish()?;
        Ok(differs)
    }

    fn json(&mut self, comparison: &Comparison, items: &[Item]) -> io::Result<()> {
        let mut counts = DiffCounts::default();
        items.iter().for_each(|item| counts.add(item));
        for record in &comparison.divergences {
            self.lines.write(&report::divergence_json(record))?;
        }
        for item in items {
            self.lines.write(&report::diff_item_json(item))?;
        }
        for change in &comparison.buckets {
            self.lines.write(&report::bucket_change_json(change))?;
        }
        self.lines
            .write(&report::diff_summary_json(comparison, &counts))
    }

    fn text(
        &mut self,
        comparison: &Comparison,
        listed: &[&Item],
        table: &KindTable,
    ) -> io::Result<()> {
        let head = report::comparison_text(comparison, &self.old_name, &self.new_name);
        self.lines.write(&head)?;
        for part in [table.text(), report::security_text(listed)] {
            if !part.is_empty() {
                self.lines.write("\n")?;
                self.lines.write(&part)?;
            }
        }
        self.groups(listed)?;
        let folded = table.folded();
        if !folded.is_empty() {
            self.lines.write("\n")?;
            self.lines.write(&folded)?;
        }
        Ok(())
    }

    /// The changes by namespace, as far as they are wanted.
    fn groups(&mut self, listed: &[&Item]) -> io::Result<()> {
        if self.args.stat {
            return Ok(());
        }
        let rows = if self.args.flat {
            listed.iter().map(|item| Row::flat(item)).collect()
        } else {
            report::roll_up(listed)
        };
        let total = rows.len();
        let mut groups: BTreeMap<Option<&str>, Vec<Row<'_>>> = BTreeMap::new();
        for row in rows {
            groups
                .entry(row.item.namespace.as_deref())
                .or_default()
                .push(row);
        }
        let is_markdown = self.form == Form::Markdown;
        let mut left = self.args.max_objects;
        for (namespace, group) in groups {
            if left == 0 {
                break;
            }
            let title = match namespace {
                _ if is_markdown => report::diff_markdown_title(namespace),
                Some(namespace) => {
                    format!("\nnamespace {}\n", escape::text(namespace.as_bytes()))
                }
                None => "\ncluster and other keys\n".to_string(),
            };
            self.lines.write(&title)?;
            for row in group.into_iter().take(left) {
                left -= 1;
                let beneath = escape::text(row.beneath().as_bytes());
                let text = if is_markdown {
                    report::diff_markdown_item(row.item, &beneath)
                } else {
                    let mut text = report::diff_item_text(row.item, self.args.unified, false);
                    if !beneath.is_empty() {
                        text.push_str(&format!("      beneath it: {beneath}\n"));
                    }
                    text
                };
                self.lines.write(&text)?;
            }
        }
        let shown = self.args.max_objects.saturating_sub(left);
        if total > shown {
            self.lines
                .write(&format!("\n… and {} more (--max-objects)\n", total - shown))?;
        }
        Ok(())
    }
}

/// True for what is listed; the rest is counted.
fn matters(item: &Item) -> bool {
    item.noise.is_none() || !item.security.is_empty()
}

/// True when `path` is `ignored` or lies below it.
fn is_below(path: &str, ignored: &str) -> bool {
    path.strip_prefix(ignored)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
