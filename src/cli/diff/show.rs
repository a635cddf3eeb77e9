//! What differs, as text, JSON or Markdown.

mod log;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;

use super::manifests::{self, Manifests};
use super::targets::{Target, Words};
use super::{DiffArgs, Form, Outcome, Told};
use crate::Result;
use crate::cli::run::{Run, not_written};
use crate::cli::term;
use crate::etcd::keyspace::KeyFilter;
use crate::finding::escape;
use crate::kubernetes::compare::noise::NoiseProfile;
use crate::ops::diff::{Comparison, Detail, Diff, DiffQuery, Item, KindFilter};
use crate::ops::{Session, Undecided, UndecidedReason, ValueReader};
use crate::report::{self, ChangeDetail, DiffCounts, FieldOptions, KindTable, RollupRow};

/// A comparison and what it is looked at with.
#[derive(Clone, Copy)]
struct Sides<'d, 'i> {
    diff: &'d Diff<'i>,
    old: &'d Session<'i>,
    new: &'d Session<'i>,
    reader: &'d ValueReader,
}

impl Sides<'_, '_> {
    fn each(
        self,
        query: &DiffQuery,
        detail: Detail,
        each: impl FnMut(Item) -> ControlFlow<()>,
    ) -> Result<()> {
        let query = DiffQuery {
            detail,
            ..query.clone()
        };
        self.diff
            .each(self.old, self.new, self.reader, self.reader, &query, each)
    }
}

/// What is listed, by namespace.
#[derive(Default)]
struct Groups<'l> {
    rows: BTreeMap<Option<&'l str>, Vec<RollupRow<'l>>>,
    /// How many there would be without a limit; none where only counts are wanted.
    total: usize,
}

pub(super) struct Show<'a> {
    args: &'a DiffArgs,
    form: Form,
    query: &'a DiffQuery,
    lines: term::Lines,
    fields: FieldOptions,
    names: &'a [OsString],
    has_new_file: bool,
    old_name: String,
    new_name: String,
    /// What is to be known once everything is shown.
    told: &'a Told,
    /// Keys of which nobody can tell whether they are asked for, by kind and reason.
    undecided: RefCell<UndecidedKeys>,
}

/// Keys by what their kind is called, and why nobody can tell.
type UndecidedKeys = BTreeMap<(String, UndecidedReason), BTreeSet<Vec<u8>>>;

impl<'a> Show<'a> {
    pub(super) fn new(
        args: &'a DiffArgs,
        run: &Run,
        query: &'a DiffQuery,
        told: &'a Told,
        words: &'a Words,
    ) -> Self {
        let form = args.form(run);
        Self {
            args,
            lines: match form {
                Form::Text => term::Lines::of_prose(),
                _ => term::Lines::new(),
            },
            form,
            query,
            fields: FieldOptions {
                context: args.unified,
                managed_fields: args.reader.shows_managed_fields(),
                generation: query.is_in_full || query.noise == NoiseProfile::None,
                is_in_full: query.is_in_full,
            },
            names: &words.names,
            has_new_file: words.new.is_some(),
            old_name: escape::path(&args.old),
            new_name: escape::path(words.new.as_ref().unwrap_or(&args.old)),
            told,
            undecided: RefCell::default(),
        }
    }

    pub(super) fn all<'i>(
        self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &mut Session<'i>,
        reader: &ValueReader,
    ) -> Result<Outcome> {
        if self.args.log {
            return match self.log_keys(diff, old, new, reader)? {
                Some(filter) => self.log(diff, new, filter),
                None => Ok(Ok(None)),
            };
        }
        self.show(diff, old, new, reader)
    }

    pub(super) fn one<'i>(
        self,
        diff: &Diff<'i>,
        session: &mut Session<'i>,
        reader: &ValueReader,
    ) -> Result<Outcome> {
        if self.args.log {
            return match self.log_keys(diff, session, session, reader)? {
                Some(filter) => self.log(diff, session, filter),
                None => Ok(Ok(None)),
            };
        }
        self.show(diff, session, session, reader)
    }

    fn show<'i>(
        mut self,
        diff: &Diff<'i>,
        old: &Session<'i>,
        new: &Session<'i>,
        reader: &ValueReader,
    ) -> Result<Outcome> {
        let manifests = match Manifests::open(self.args, self.form) {
            Ok(manifests) => manifests,
            Err(message) => {
                term::error(&message);
                return Ok(Ok(None));
            }
        };
        let sides = Sides {
            diff,
            old,
            new,
            reader,
        };
        let Some(mut wanted) = self.wanted(sides) else {
            return Ok(Ok(None));
        };
        // Who asks about some keys does not ask about the rest of the files.
        let others = !self.is_narrow()
            && (diff.comparison.relation.has_parted()
                || diff.comparison.buckets.iter().any(|change| change.counts));
        let differs = match (manifests, self.form) {
            (Some(manifests), _) => {
                let items = self.gather(sides, &mut wanted, Detail::Fields)?;
                self.told.note_wanted(&wanted);
                self.note_undecided();
                return self.manifests(sides, manifests, &items);
            }
            (None, Form::Json) => self.json(sides, &mut wanted)?,
            (None, _) if self.args.names_only => {
                if others {
                    note_others(&diff.comparison);
                }
                self.names(sides, &mut wanted)?
            }
            (None, _) => self.people(sides, &mut wanted)?,
        };
        self.told.note_wanted(&wanted);
        self.note_undecided();
        Ok(differs.and_then(|differs| {
            self.lines.finish()?;
            Ok(Some(differs || others))
        }))
    }

    /// What is wanted; `None` when a word cannot be answered, which was said.
    fn wanted<'d>(&self, sides: Sides<'d, '_>) -> Option<Wanted<'d>> {
        let kinds = sides.diff.kinds(&self.args.kind);
        let kinds = kinds.map_err(|error| error.to_string());
        let targets = Target::all(sides.diff, self.names);
        match kinds.and_then(|kinds| Ok((kinds, targets?))) {
            Ok((kinds, targets)) => Some(Wanted {
                kinds,
                targets: targets.into_iter().map(|target| (target, false)).collect(),
            }),
            Err(message) => {
                term::error(&message);
                None
            }
        }
    }

    /// What differs, of what is wanted.
    fn gather(
        &self,
        sides: Sides<'_, '_>,
        wanted: &mut Wanted<'_>,
        detail: Detail,
    ) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        sides.each(self.query, detail, |item| {
            if self.wants(&item, wanted) {
                self.note_damage(&item);
                items.push(item);
            }
            ControlFlow::Continue(())
        })?;
        Ok(items)
    }

    /// True for what is listed: what is asked for by name is, noise or not.
    fn lists(&self, item: &Item) -> bool {
        self.fields.is_in_full || matters(item)
    }

    /// True when not all keys are wanted.
    fn is_narrow(&self) -> bool {
        !self.args.namespace.is_empty()
            || !self.names.is_empty()
            || !self.args.kind.is_empty()
            || self.query.labels.is_some()
            || self.query.glob.is_some()
            || self.query.filter != KeyFilter::all()
    }

    /// Names a value that is not what its key promises, on standard error.
    fn note_damage(&self, item: &Item) {
        for (side, flaw) in &item.damage {
            let line = report::flaw_line(&item.key, flaw);
            let file = match *side {
                "old" => &self.old_name,
                _ => &self.new_name,
            };
            let line = match self.has_new_file {
                true => format!("{line}, in {file}"),
                false => format!("{line}, in the {side} state"),
            };
            term::line(&line);
            self.told.notes.borrow_mut().damaged();
        }
        // Of the others it is said why nobody can tell whether they are asked for.
        // A Secret may be left out of the manifests, where it is named.
        let may_be_left_out = self.args.partial && item.kind == "Secret";
        let is_told = item.undecided.is_none() && !may_be_left_out;
        if let Some(error) = item.locked.as_ref().filter(|_| is_told) {
            let mut notes = self.told.notes.borrow_mut();
            notes.locked(|| escape::text(&item.key), error);
        }
    }

    fn wants(&self, item: &Item, wanted: &mut Wanted<'_>) -> bool {
        let namespaces = &self.args.namespace;
        let is_meant = wanted.takes(item, namespaces);
        if is_meant {
            self.told.has_found.set(true);
            if !namespaces.is_empty() {
                let mut seen = self.told.namespaces.borrow_mut();
                seen.insert(item.namespace.clone());
            }
        }
        let Some(why) = item.undecided.as_ref().filter(|_| is_meant) else {
            return is_meant;
        };
        let what = (wanted.kinds.resource_name(item), why.clone());
        // The same keys are looked at more than once.
        let mut undecided = self.undecided.borrow_mut();
        undecided.entry(what).or_default().insert(item.key.clone());
        // It is never left out.
        true
    }

    /// Tells of how many nobody can say whether they are asked for.
    fn note_undecided(&self) {
        let undecided: Vec<Undecided> = std::mem::take(&mut *self.undecided.borrow_mut())
            .into_iter()
            .map(|((resource, reason), keys)| Undecided {
                resource,
                reason,
                objects: u64::try_from(keys.len()).unwrap_or(u64::MAX),
            })
            .collect();
        if let Some(line) = report::undecided_line(&undecided) {
            term::line(&line);
            self.told.is_incomplete.set(true);
        }
    }

    fn manifests(
        self,
        sides: Sides<'_, '_>,
        mut manifests: Manifests,
        items: &[Item],
    ) -> Result<Outcome> {
        let listed: Vec<&Item> = items.iter().filter(|item| matters(item)).collect();
        let Sides {
            diff,
            old,
            new,
            reader,
        } = sides;
        let mut written = Ok(());
        let direction = manifests.direction;
        let write = |number, file| {
            written = manifests.add(number, &file);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let tasks = diff.tasks(old, new, reader, direction, &listed, write)?;
        let mut lines = manifests::left_out(&tasks);
        lines.push(manifests::summary(&tasks));
        let is_incomplete = manifests::is_incomplete(&tasks, self.args.partial);
        let names = [self.old_name.as_str(), &self.new_name];
        let finished =
            written.and_then(|()| manifests.finish(&diff.comparison, names, tasks, [old, new]));
        if let Err(error) = finished {
            return not_written(error).map(|_| Ok(None));
        }
        // Nothing is said of the folder before it has its name.
        lines.iter().for_each(|line| term::line(line));
        if is_incomplete {
            self.told.is_incomplete.set(true);
        }
        Ok(Ok(Some(!listed.is_empty())))
    }

    /// Writes what `text` makes of each item that is wanted; true when one of them matters.
    fn stream(
        &mut self,
        sides: Sides<'_, '_>,
        wanted: &mut Wanted<'_>,
        detail: Detail,
        mut text: impl FnMut(&Item) -> Option<String>,
    ) -> Result<io::Result<bool>> {
        let mut written: io::Result<bool> = Ok(false);
        sides.each(self.query, detail, |item| {
            if !self.wants(&item, wanted) {
                return ControlFlow::Continue(());
            }
            self.note_damage(&item);
            let line = text(&item).map_or(Ok(()), |text| self.lines.write(&text));
            match (&mut written, line) {
                (Ok(differs), Ok(())) => {
                    *differs |= self.lists(&item);
                    ControlFlow::Continue(())
                }
                (written, line) => {
                    *written = line.map(|()| false);
                    ControlFlow::Break(())
                }
            }
        })?;
        Ok(written)
    }

    fn names(&mut self, sides: Sides<'_, '_>, wanted: &mut Wanted<'_>) -> Result<io::Result<bool>> {
        let is_in_full = self.fields.is_in_full;
        self.stream(sides, wanted, Detail::Change, |item| {
            let word = item.change.as_str();
            (is_in_full || matters(item))
                .then(|| format!("{word:<9} {}\n", escape::text(&item.key)))
        })
    }

    fn json(&mut self, sides: Sides<'_, '_>, wanted: &mut Wanted<'_>) -> Result<io::Result<bool>> {
        let comparison = &sides.diff.comparison;
        // Who wants names or counts alone gets no other lines, but for the summary.
        let (names_only, stat) = (self.args.names_only, self.args.stat);
        let is_whole = !names_only && !stat;
        let is_in_full = self.fields.is_in_full;
        for record in comparison.divergences.iter().filter(|_| is_whole) {
            if let Err(error) = self.lines.write(&report::divergence_json(record)) {
                return Ok(Err(error));
            }
        }
        let mut counts = DiffCounts::default();
        let detail = match is_whole {
            true => Detail::Patch,
            false => Detail::Names,
        };
        let shown = match names_only {
            true => ChangeDetail::Name,
            false => ChangeDetail::Patch(self.fields),
        };
        let differs = self.stream(sides, wanted, detail, |item| {
            counts.add(item);
            let is_shown = !stat && (!names_only || is_in_full || matters(item));
            is_shown.then(|| report::diff_item_json(item, shown))
        })?;
        Ok(differs.and_then(|differs| {
            for change in comparison.buckets.iter().filter(|_| is_whole) {
                self.lines.write(&report::bucket_change_json(change))?;
            }
            let summary = report::diff_summary_json(comparison, &counts);
            self.lines.write(&summary)?;
            Ok(differs)
        }))
    }

    /// For people: text or Markdown.
    fn people(
        &mut self,
        sides: Sides<'_, '_>,
        wanted: &mut Wanted<'_>,
    ) -> Result<io::Result<bool>> {
        let comparison = &sides.diff.comparison;
        let items = self.gather(sides, wanted, Detail::Names)?;
        let listed: Vec<&Item> = items.iter().filter(|item| self.lists(item)).collect();
        let mut table = KindTable::default();
        for item in &items {
            table.add(item, self.fields.is_in_full);
        }
        // Fields are looked up again for what is shown, since there may be very many changes.
        let groups = self.chosen(&listed);
        let keys: BTreeSet<&[u8]> = groups
            .rows
            .values()
            .flatten()
            .map(|row| row.item.key.as_slice())
            .collect();
        let query = DiffQuery {
            detail: Detail::Fields,
            ..self.query.clone()
        };
        let mut told: HashMap<Vec<u8>, Item> = HashMap::new();
        let Sides {
            diff,
            old,
            new,
            reader,
        } = sides;
        diff.each_named(&keys, old, new, reader, &query, |item| {
            told.insert(item.key.clone(), item);
            ControlFlow::Continue(())
        })?;
        let written = if self.form == Form::Markdown {
            self.lines.write(&report::diff_markdown_head(
                comparison,
                &self.old_name,
                &self.new_name,
                &listed,
                &table,
                self.args.is_narrowed(self.names),
            ))
        } else {
            self.head(comparison, &listed, &table)
        };
        let written = written
            .and_then(|()| self.groups(&groups, &told))
            .and_then(|()| match (self.form, table.folded()) {
                (Form::Text, folded) if !folded.is_empty() => {
                    self.lines.write("\n")?;
                    self.lines.write(&folded)
                }
                _ => Ok(()),
            });
        Ok(written.map(|()| !listed.is_empty()))
    }

    fn head(
        &mut self,
        comparison: &Comparison,
        listed: &[&Item],
        table: &KindTable,
    ) -> io::Result<()> {
        let head = report::comparison_text(comparison, &self.old_name, &self.new_name);
        self.lines.write(&head)?;
        if table.is_empty() {
            let none = report::no_difference(comparison, self.args.is_narrowed(self.names));
            self.lines.write(&format!("\n{none}\n"))?;
        }
        let table = table.text();
        if !table.is_empty() {
            self.lines.write("\n")?;
            // A table is not broken into shorter lines.
            self.lines.write_bytes(table.as_bytes())?;
        }
        let security = report::security_text(listed);
        if !security.is_empty() {
            self.lines.write("\n")?;
            self.lines.write(&security)?;
        }
        Ok(())
    }

    /// What is listed of these, under whom, as far as it is wanted.
    fn chosen<'l>(&self, listed: &[&'l Item]) -> Groups<'l> {
        let mut groups = Groups::default();
        if self.args.stat {
            return groups;
        }
        let rows = if self.args.flat || self.fields.is_in_full {
            listed.iter().map(|item| RollupRow::flat(item)).collect()
        } else {
            report::roll_up(listed)
        };
        groups.total = rows.len();
        for row in rows {
            let group = groups.rows.entry(row.item.namespace.as_deref());
            group.or_default().push(row);
        }
        let mut left = match self.fields.is_in_full {
            true => usize::MAX,
            false => self.args.max_objects,
        };
        for group in groups.rows.values_mut() {
            group.truncate(left);
            left = left.saturating_sub(group.len());
        }
        groups
    }

    fn groups(&mut self, groups: &Groups<'_>, told: &HashMap<Vec<u8>, Item>) -> io::Result<()> {
        let is_markdown = self.form == Form::Markdown;
        let mut shown = 0usize;
        for (namespace, rows) in groups.rows.iter().filter(|(_, rows)| !rows.is_empty()) {
            let title = match namespace {
                _ if is_markdown => report::diff_markdown_title(*namespace),
                namespace => report::diff_title(*namespace),
            };
            self.lines.write(&title)?;
            for row in rows {
                shown += 1;
                let item = told.get(&row.item.key).unwrap_or(row.item);
                let beneath = escape::text(row.beneath().as_bytes());
                // Who asks for a kind by name wants to see it.
                let is_folded = row.is_folded && self.args.kind.is_empty();
                let text = if is_markdown {
                    report::diff_markdown_item(item, &beneath, is_folded, self.fields)
                } else {
                    let mut text = report::diff_item_text(item, is_folded, self.fields);
                    if !beneath.is_empty() {
                        text.push_str(&format!("      beneath it: {beneath}\n"));
                    }
                    text
                };
                self.lines.write(&text)?;
            }
        }
        if groups.total > shown {
            let more = groups.total - shown;
            self.lines
                .write(&format!("\n… and {more} more (--max-objects)\n"))?;
        }
        Ok(())
    }
}

/// What is asked for.
pub(super) struct Wanted<'d> {
    pub(super) kinds: KindFilter<'d>,
    /// Objects and keys by name, and whether they were seen; none: all.
    targets: Vec<(Target<'d>, bool)>,
}

impl<'d> Wanted<'d> {
    fn takes(&mut self, item: &Item, namespaces: &[String]) -> bool {
        let Self { kinds, targets } = self;
        if targets.is_empty() {
            let is_there =
                namespaces.is_empty() || namespaces.iter().any(|wanted| kinds.is_in(wanted, item));
            return is_there && kinds.takes(&item.api_version, &item.kind);
        }
        let mut is_meant = false;
        for (target, is_seen) in targets {
            if target.is(item, namespaces) {
                *is_seen = true;
                is_meant = true;
            }
        }
        is_meant && kinds.takes(&item.api_version, &item.kind)
    }

    /// What is asked for by name and was not seen.
    pub(super) fn unseen(&self) -> impl Iterator<Item = &Target<'d>> {
        let unseen = self.targets.iter().filter(|(_, is_seen)| !is_seen);
        unseen.map(|(target, _)| target)
    }
}

/// True for what is listed; the rest is counted.
fn matters(item: &Item) -> bool {
    item.noise.is_none() || !item.security.is_empty()
}

/// What makes a difference and is not a key, for whom only keys are listed.
fn note_others(comparison: &Comparison) {
    if comparison.relation.has_parted() {
        term::line("note: the two files have diverged; `etcdsnap divergence` tells where");
    }
    let mut buckets: Vec<&str> = comparison
        .buckets
        .iter()
        .filter(|change| change.counts)
        .map(|change| change.bucket.as_str())
        .collect();
    buckets.dedup();
    if !buckets.is_empty() {
        term::line(&format!(
            "note: these buckets differ as well: {}",
            buckets.join(", ")
        ));
    }
}
