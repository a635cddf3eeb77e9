//! Every change between the two states, in order.

use std::io;
use std::ops::ControlFlow;

use super::{Outcome, Show, Sides};
use crate::Result;
use crate::cli::diff::Form;
use crate::cli::term;
use crate::etcd::keyspace::KeyFilter;
use crate::kubernetes::catalog::resources::Resources;
use crate::ops::diff::{Diff, Item, Relation};
use crate::ops::{self, LogQuery, Session, ValueReader};
use crate::report;

impl Show<'_> {
    /// The keys whose changes the log is to show; `None` when that cannot be determined, which was said.
    pub(super) fn log_keys<'i>(
        &self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &Session<'i>,
        reader: &ValueReader,
    ) -> Result<Option<KeyFilter>> {
        if !matches!(self.form, Form::Text | Form::Json)
            || self.args.stat
            || self.args.names_only
            || !self.args.ignore.is_empty()
        {
            term::error(
                "--log is every change, as text or JSON: it goes without --stat, --names-only, --ignore and other forms",
            );
            return Ok(None);
        }
        let comparison = &diff.comparison;
        if !comparison.is_history_complete {
            let [from, to] = [comparison.old.revision, comparison.new.revision];
            let why = match (comparison.relation, comparison.first_hole) {
                (relation, _) if relation.has_parted() => {
                    "the files have no history in common, or have parted; `etcdsnap divergence` tells where"
                        .to_string()
                }
                (Relation::Undecided(_), _) => {
                    "the new state does not know every change since the old one, and whether the files tell one \
                     history cannot be determined; `etcdsnap divergence` tells why"
                        .to_string()
                }
                _ if from > to => {
                    format!("the new state, revision {to}, is older than the old one, revision {from}; swap them")
                }
                (_, Some(hole)) => format!(
                    "the new state does not know every change since the old one: it does not have all records \
                     of revision {hole}; `etcdsnap log` lists what is left"
                ),
                _ => "the new state does not know every change since the old one; `etcdsnap log` lists what is left"
                    .to_string(),
            };
            term::error(&format!("{why}; without --log the states are compared"));
            return Ok(None);
        }
        if !self.is_narrow() {
            return Ok(Some(self.query.filter.clone()));
        }
        let sides = Sides {
            diff,
            old,
            new,
            reader,
        };
        let Some(mut wanted) = self.wanted(sides) else {
            return Ok(None);
        };
        let wants = |item: &Item| self.wants(item, &mut wanted);
        let keys = diff.keys_between(old, new, reader, self.query, wants)?;
        self.told.note_wanted(&wanted);
        self.note_undecided();
        Ok(Some(KeyFilter::Keys(keys)))
    }

    pub(super) fn log(
        mut self,
        diff: &Diff<'_>,
        session: &mut Session<'_>,
        filter: KeyFilter,
    ) -> Result<Outcome> {
        let comparison = &diff.comparison;
        let from = comparison.old.revision.saturating_add(1);
        let is_empty = from > comparison.new.revision;
        let query = LogQuery {
            filter,
            // No revision follows the newest one, so there is none to start from.
            from: from.min(comparison.new.revision),
            to: comparison.new.revision,
            limit: is_empty.then_some(0),
            ..LogQuery::default()
        };
        let kinds = match self.form {
            Form::Json => ops::known_kinds(session)?,
            _ => Resources::builtin(),
        };
        let mut written: io::Result<()> = Ok(());
        let summary = ops::log(session, &query, &mut |transaction| {
            let text = if self.form == Form::Json {
                report::transaction_json(transaction, &kinds)
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
}
