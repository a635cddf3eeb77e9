//! Objects as tables, lists and lines.

use std::cmp::Reverse;
use std::io;
use std::ops::ControlFlow;

use serde_json::Value;

use super::notes::{Notes, Seen};
use super::{Form, ListArgs, Which};
use crate::cli::exit::Exit;
use crate::cli::term;
use crate::finding::escape;
use crate::kubernetes::KubeRelease;
use crate::kubernetes::query::jsonpath::{ItemPart, PathError};
use crate::kubernetes::show::columns::{self, TableLayout, TableOptions};
use crate::kubernetes::show::custom_columns::CustomColumns;
use crate::kubernetes::{convert, memory_of, rfc3339};
use crate::ops::{Deletion, FoundObject, ObjectList, Session, ValueReader};
use crate::report::{self, ListLayout, ListWriter};

/// Writes objects in one of the forms.
pub(super) struct Printer<'a> {
    lines: term::Lines,
    is_terminal: bool,
    notes: Notes,
    reader: &'a ValueReader,
    args: &'a ListArgs,
    has_namespaces: bool,
    /// Nothing is asked for by its name.
    is_list: bool,
    /// By a field, and by nothing else.
    is_sorted: bool,
    /// Deleted objects are listed.
    shows_deletions: bool,
    /// A template went wrong, which was told.
    has_failed: bool,
}

/// A row whose place or text depends on other rows.
struct TableRow {
    precedence: i64,
    name: String,
    cells: Vec<String>,
}

/// What all objects together may take that a template looks at at once.
const PATH_MEMORY: usize = 256 << 20;

impl<'a> Printer<'a> {
    pub(super) fn new(reader: &'a ValueReader, args: &'a ListArgs, which: &Which) -> Self {
        Self {
            lines: term::Lines::exact(),
            is_terminal: term::stdout_is_terminal(),
            notes: Notes::default(),
            reader,
            args,
            has_namespaces: which.query.namespaces.len() != 1,
            is_list: which.query.pairs.is_empty(),
            is_sorted: args.is_sorted(),
            shows_deletions: which.query.is_deleted,
            has_failed: false,
        }
    }

    /// Says what objects could not show, and how to exit.
    pub(super) fn told(&mut self, list: &ObjectList<'_>) -> Exit {
        let exit = self.notes.tell_with_list(list);
        match self.has_failed {
            true => Exit::Failed,
            false => exit,
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.lines.finish()
    }

    pub(super) fn print<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        form: &Form,
        is_single: bool,
    ) -> crate::Result<io::Result<()>> {
        // One that was asked for by name is not a list.
        let is_alone = is_single && list.found.len() == 1;
        match form {
            Form::Name => Ok(self.names(list)),
            Form::Table | Form::Wide => {
                if let Some(line) = report::server_leases_line(list.server_leases) {
                    self.notes.always(line, false);
                }
                self.tables(session, list, matches!(form, Form::Wide))
            }
            Form::Rows => {
                let written = self.rows(session, list, |found, seen| match list.damage(found) {
                    Some(damaged) if found.is_damaged => report::damaged_object_json(
                        list.kind(found),
                        found,
                        list.deletion(found),
                        damaged,
                    ),
                    _ => report::object_json(
                        list.kind(found),
                        found,
                        list.deletion(found),
                        seen.json.as_ref(),
                        &seen.left_open(),
                    ),
                })?;
                let strays: String = report::stray_values_json(list);
                let written = written.and_then(|()| self.text(&strays));
                let summary = report::objects_summary_json(list);
                Ok(written.and_then(|()| self.text(&summary)))
            }
            Form::Ndjson => self.list(session, list, ListLayout::JsonLines),
            Form::Yaml if is_alone => self.list(session, list, ListLayout::YamlDocuments),
            Form::Yaml => self.list(session, list, ListLayout::Yaml),
            Form::Json if is_alone => self.list(session, list, ListLayout::JsonDocuments),
            Form::Json => self.list(session, list, ListLayout::Json),
            Form::Kyaml if is_alone => self.list(session, list, ListLayout::KyamlDocuments),
            Form::Kyaml => self.list(session, list, ListLayout::Kyaml),
            Form::Columns(columns, hides_heads) => {
                self.custom_columns(session, list, columns, *hides_heads && self.args.no_headers)
            }
            Form::Path(template) => match template.item_parts().filter(|_| !is_alone) {
                Some(parts) => self.path_by_item(session, list, &parts),
                None => self.path(session, list, !is_alone, |value| template.render(value)),
            },
            Form::PathAsJson(template) => self.path(session, list, !is_alone, |value| {
                let mut text = String::new();
                template.results(value, |found| report::push_pretty_list(found, &mut text))?;
                Ok(text)
            }),
        }
    }

    /// Renders a template that looks at one item of the list at a time.
    fn path_by_item<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        parts: &[ItemPart<'_>],
    ) -> crate::Result<io::Result<()>> {
        let mut written = Ok(());
        // What an object leaves open is told once, whether or not a part looks at the objects.
        let mut notes = std::mem::take(&mut self.notes);
        let mut is_told = false;
        for part in parts {
            if let Some(text) = part.text() {
                written = self.text(text);
            } else {
                let mut failure = None;
                let mut has_printed = false;
                let again =
                    self.each_with_notes(session, list, &mut notes, !is_told, |json, out| {
                        let mut text = String::new();
                        match part.render(json, &mut has_printed, &mut text) {
                            Ok(()) => out.write_all(text.as_bytes()),
                            Err(error) => {
                                failure = Some(error.to_string());
                                Err(io::Error::other("ends here"))
                            }
                        }
                    });
                is_told = true;
                written = match failure {
                    Some(failure) => {
                        term::error(&failure);
                        self.has_failed = true;
                        break;
                    }
                    None => again?,
                };
            }
            if written.is_err() {
                break;
            }
        }
        self.notes = notes;
        Ok(if self.has_failed { Ok(()) } else { written })
    }

    /// Renders a template that has to have everything at once.
    fn path<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        is_list: bool,
        render: impl FnOnce(&Value) -> Result<String, PathError>,
    ) -> crate::Result<io::Result<()>> {
        let mut items = Vec::new();
        let mut memory = 0usize;
        let mut notes = std::mem::take(&mut self.notes);
        let reader = self.reader;
        list.fetch(
            session,
            &list.found,
            |key, value, revision| Seen::of(reader, key, value, revision),
            |found, seen| {
                if let Some(seen) = seen {
                    notes.look(list, found, &seen);
                    notes.is_error |= seen.json.is_none();
                    if let Some(mut json) = seen.json {
                        serve(list, found, &mut json);
                        memory = memory.saturating_add(memory_of(&json));
                        items.push(json);
                    }
                }
                match memory > PATH_MEMORY {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            },
        )?;
        self.notes = notes;
        if is_list && memory > PATH_MEMORY {
            term::error(&format!(
                "the template looks at all objects at once, and {} of {} take more than {} MiB of memory already; \
                 choose fewer with a kind, -n or -l, or begin each path with {{.items[*] or {{range .items[*]}}",
                items.len(),
                list.found.len(),
                PATH_MEMORY >> 20
            ));
            self.has_failed = true;
            return Ok(Ok(()));
        }
        let value = match is_list {
            false => items.pop().unwrap_or_default(),
            true => report::list_value(items),
        };
        match render(&value) {
            Ok(text) => Ok(self.text(&text)),
            Err(failure) => {
                term::error(&failure.to_string());
                self.has_failed = true;
                Ok(Ok(()))
            }
        }
    }

    /// Writes columns of a person's own.
    fn custom_columns<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        columns: &CustomColumns,
        hides_heads: bool,
    ) -> crate::Result<io::Result<()>> {
        let mut rows = report::TabStops::default();
        if !hides_heads {
            rows.push(columns.heads());
        }
        let mut failure = None;
        let mut notes = std::mem::take(&mut self.notes);
        let ended = self.each_with_notes(session, list, &mut notes, true, |json, _| {
            match columns.row(json) {
                Ok(cells) => rows.push(cells.iter().map(String::as_str)),
                Err(error) => failure = Some(error.to_string()),
            }
            if rows.memory() > PATH_MEMORY {
                failure = Some(format!(
                    "the columns take more than {} MiB of memory; choose fewer objects with a kind, -n or -l",
                    PATH_MEMORY >> 20
                ));
            }
            match failure {
                Some(_) => Err(io::Error::other("ends here")),
                None => Ok(()),
            }
        })?;
        self.notes = notes;
        if let Some(failure) = failure {
            term::error(&failure);
            self.has_failed = true;
            return Ok(Ok(()));
        }
        Ok(ended.and_then(|()| rows.write(&mut self.lines.stored())))
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.is_terminal {
            self.lines.write(&escape::report(text))
        } else {
            self.lines.write(text)
        }
    }

    fn names(&mut self, list: &ObjectList<'_>) -> io::Result<()> {
        for found in &list.found {
            if let Some(kind) = list.kind(found) {
                // Events may be served in another group.
                let served = list.served_version(found);
                let served =
                    served.and_then(|version| list.resources.of_kind(version, &kind.resource.kind));
                let resource = served.unwrap_or(&kind.resource);
                let name = resource.printed_name(&found.name);
                self.lines
                    .write(&format!("{}\n", escape::text(name.as_bytes())))?;
            }
        }
        Ok(())
    }

    /// Prints what `show` makes of each object, also of one that cannot be shown itself.
    fn rows<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        show: impl Fn(&FoundObject, &Seen) -> String,
    ) -> crate::Result<io::Result<()>> {
        let reader = self.reader;
        each_seen(session, list, reader, |found, seen| {
            self.notes.look(list, found, &seen);
            self.text(&show(found, &seen))
        })
    }

    /// Writes all objects. One that cannot be shown is missing, which is told.
    fn list<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        layout: ListLayout,
    ) -> crate::Result<io::Result<()>> {
        let mut writer = ListWriter::new(layout);
        let mut notes = std::mem::take(&mut self.notes);
        let written = self.each_with_notes(session, list, &mut notes, true, |json, out| {
            writer.item(json, out)
        });
        self.notes = notes;
        Ok(written?.and_then(|()| writer.finish(&mut self.lines.stored())))
    }

    fn each_with_notes<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        notes: &mut Notes,
        tells: bool,
        mut show: impl FnMut(&Value, &mut dyn io::Write) -> io::Result<()>,
    ) -> crate::Result<io::Result<()>> {
        let reader = self.reader;
        each_seen(session, list, reader, |found, mut seen| {
            if found.is_damaged {
                return Ok(());
            }
            if let Some(json) = &mut seen.json {
                serve(list, found, json);
            }
            if tells {
                notes.look(list, found, &seen);
                notes.is_error |= seen.json.is_none();
            }
            match &seen.json {
                Some(json) => show(json, &mut self.lines.stored()),
                None => Ok(()),
            }
        })
    }

    fn tables<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        wide: bool,
    ) -> crate::Result<io::Result<()>> {
        let groups: Vec<&[FoundObject]> = list
            .found
            .chunk_by(|a, b| list.are_of_one_kind(a, b))
            .collect();
        let several = list.is_of_several_kinds || groups.len() > 1 || self.args.show_kind;
        let mut is_namespaced = false;
        for (number, group) in groups.iter().enumerate() {
            let Some(kind) = group.first().and_then(|found| list.kind(found)) else {
                continue;
            };
            let release = self.reader.release;
            let served = group.first().and_then(|found| list.served_version(found));
            let version = served.unwrap_or(&kind.api_version);
            let layout = TableLayout::of(&kind.resource, version, release);
            let options = TableOptions {
                wide,
                now: list.now,
                release,
            };
            let name_column = layout.name_column(wide);
            let columns = layout.columns(wide);
            let shows_labels = self.args.show_labels;
            // As with kubectl, the column stays once there is one.
            let with_namespace = self.has_namespaces && (kind.resource.namespaced || is_namespaced);
            is_namespaced |= with_namespace;
            let reader = self.reader;
            let mut head: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            if with_namespace {
                head.insert(0, "NAMESPACE".into());
            }
            let deleted_at = head.len();
            if self.shows_deletions {
                head.extend(["DELETED", "NOT BEFORE"].map(str::to_owned));
            }
            let labels = &self.args.label_columns();
            let columns_before = head.len();
            head.extend(labels.iter().map(|label| label_head(label)));
            if self.args.show_labels {
                head.push("LABELS".into());
            }
            let label_cells = head.len().saturating_sub(columns_before);
            let mut table = report::Columns::exact(&head);
            let mut rows: Vec<TableRow> = Vec::new();
            let mut newest_default: Option<(i64, Reverse<String>)> = None;
            list.fetch(
                session,
                group,
                |key, value, revision| {
                    let mut seen = Seen::of(reader, key, value, revision);
                    let resource = &kind.resource;
                    let cells = seen.json.as_ref().map(|json| {
                        let default = columns::default_class(resource, json);
                        let default = default.map(|(name, created)| (created, name.to_owned()));
                        let precedence = columns::precedence(resource, json);
                        let mut cells = layout.row(json, options);
                        cells.extend(columns::label_cells(json, labels, shows_labels));
                        (cells, precedence, default)
                    });
                    // What is shown is in the cells.
                    seen.json = None;
                    (seen, cells)
                },
                |found, made| {
                    let Some((seen, cells)) = made else {
                        return ControlFlow::Continue(());
                    };
                    self.notes.look(list, found, &seen);
                    let word = match found.is_damaged {
                        true => "<damaged>",
                        false => "<unknown>",
                    };
                    let made = cells.filter(|_| !found.is_damaged);
                    let (mut cells, precedence, default) = made.unwrap_or_else(|| {
                        let count = columns.len().saturating_add(label_cells);
                        let mut cells = vec![word.to_string(); count];
                        if let Some(name) = name_column.and_then(|at| cells.get_mut(at)) {
                            *name = found.name.to_string();
                        }
                        (cells, 0, None)
                    });
                    if several && let Some(name) = name_column.and_then(|at| cells.get_mut(at)) {
                        *name = kind.resource.printed_name(name);
                    }
                    if with_namespace {
                        cells.insert(0, found.namespace.to_string());
                    }
                    if self.shows_deletions {
                        let deletion = deletion_cells(list.deletion(found));
                        let at = deleted_at.min(cells.len());
                        cells.splice(at..at, deletion);
                    }
                    let is_default = default.is_some();
                    newest_default = newest_default
                        .take()
                        .max(default.map(|(created, name)| (created, Reverse(name))));
                    if is_default || precedence != 0 || !rows.is_empty() {
                        rows.push(TableRow {
                            precedence,
                            name: found.name.to_string(),
                            cells,
                        });
                    } else {
                        table.push(&cells);
                    }
                    ControlFlow::Continue(())
                },
            )?;
            // They are few, and in another order than the objects, or depend on each other.
            if !self.is_sorted {
                rows.sort_by_key(|row| row.precedence);
            }
            for mut row in rows {
                let is_newest = newest_default
                    .as_ref()
                    .is_some_and(|(_, name)| name.0 == row.name);
                // Before 1.37 all are marked, also in the row of a single one.
                let is_list = self.is_list && release >= KubeRelease::V1_37;
                if is_list
                    && is_newest
                    && let Some(name) = name_column.and_then(|at| row.cells.get_mut(at))
                {
                    name.push_str(columns::DEFAULT_MARK);
                }
                table.push(&row.cells);
            }
            let has_gap = number > 0 && !self.args.no_headers;
            let gap = if has_gap { "\n" } else { "" };
            let written = self
                .lines
                .write(gap)
                .and_then(|()| table.write(!self.args.no_headers, &mut self.lines.stored()));
            if let Err(error) = written {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}

/// When an object was deleted: the revision, and the time before which it did not happen.
fn deletion_cells(deletion: Option<Deletion>) -> [String; 2] {
    let unknown = || "<unknown>".to_string();
    let revision = deletion.map(|deletion| deletion.revision.to_string());
    let time = deletion.and_then(|deletion| deletion.not_before);
    [
        revision.unwrap_or_else(unknown),
        time.map_or_else(unknown, rfc3339),
    ]
}

/// What stands above the column of a label: its name without the domain.
fn label_head(label: &str) -> String {
    label.rsplit('/').next().unwrap_or(label).to_uppercase()
}

/// Makes an object as it is stored into one as it is served.
pub(in crate::cli) fn serve(list: &ObjectList<'_>, found: &FoundObject, json: &mut Value) {
    if let Some(version) = list.served_version(found) {
        convert(json, version);
    }
}

/// Gives each object that can be read again to `show`, in their order, until writing fails.
fn each_seen<'i>(
    session: &Session<'i>,
    list: &ObjectList<'i>,
    reader: &ValueReader,
    mut show: impl FnMut(&FoundObject, Seen) -> io::Result<()>,
) -> crate::Result<io::Result<()>> {
    let mut written = Ok(());
    list.fetch(
        session,
        &list.found,
        |key, value, revision| Seen::of(reader, key, value, revision),
        |found, seen| {
            if let Some(seen) = seen {
                written = show(found, seen);
            }
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        },
    )?;
    Ok(written)
}
