//! `objects`: kubectl's habits on a file.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Value, json};

use super::exit::Exit;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude};
use super::term;
use crate::finding::escape;
use crate::kubernetes::query::field_selector::FieldSelector;
use crate::kubernetes::query::jsonpath::{ItemPart, Template};
use crate::kubernetes::query::selector::LabelSelector;
use crate::kubernetes::show::columns::{TableLayout, TableOptions};
use crate::kubernetes::{Fault, memory_of};
use crate::ops::{
    self, DamagedValue, FoundObject, ObjectList, ObjectsQuery, Session, ValueContent, ValueReader,
};
use crate::report::{self, Format, JsonLayout};

const EXAMPLES: &str = "\
Examples:
  etcdsnap objects snapshot.db pods -n kube-system
  etcdsnap objects snapshot.db deploy/web -n shop -o yaml
  etcdsnap objects snapshot.db deploy,sts -l app=web -o wide
  etcdsnap objects snapshot.db --rev 4711 -o name              everything, as it was then
  etcdsnap objects snapshot.db nodes -o jsonpath='{.items[*].metadata.name}'

Without -n all namespaces are listed. Ages count to the newest time in the file, not to now.
";

/// List Kubernetes objects, as `kubectl get` does
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct ObjectsArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    which: WhichArgs,
    /// The form: table, wide, name, yaml, json, ndjson or jsonpath=TEMPLATE
    #[arg(
        short = 'o',
        long,
        value_name = "FORM",
        default_value = "table",
        hide_default_value = true
    )]
    output: Form,
    /// One line of JSON for each object, with its place, and a summary
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Leave out the line with the names of the columns
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

/// Which objects are meant; the same for all commands over objects.
#[derive(Debug, clap::Args)]
pub(super) struct WhichArgs {
    /// Kinds, by any of their names; with a name after a slash only that object
    #[arg(value_name = "KIND[,KIND][/NAME]")]
    kinds: Vec<String>,
    /// Only in this namespace
    #[arg(short = 'n', long, value_name = "NS")]
    namespace: Option<String>,
    /// In all namespaces, which is the default
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Only objects with these fields
    #[arg(long, value_name = "SELECTOR")]
    field_selector: Option<String>,
    /// At this revision; 0 = the newest
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    rev: i64,
}

/// What is asked for, and whether it is one object by name.
pub(super) struct Which {
    pub(super) query: ObjectsQuery,
    pub(super) is_single: bool,
}

impl WhichArgs {
    /// `KIND NAME...` and `KIND/NAME...` as kubectl takes them.
    pub(super) fn which(&self) -> Result<Which, String> {
        let mut query = ObjectsQuery {
            namespace: self.namespace.clone(),
            revision: self.rev,
            ..ObjectsQuery::default()
        };
        let mut words = self.kinds.iter();
        let has_slash = self.kinds.iter().any(|word| word.contains('/'));
        if has_slash {
            for word in words {
                let Some((kind, name)) = word.split_once('/') else {
                    return Err(format!(
                        "{word:?}: write either KIND/NAME for all, or KIND once and names behind it"
                    ));
                };
                query.pairs.push((kind.to_string(), name.to_string()));
            }
        } else if let Some(kinds) = words.next() {
            let kinds: Vec<&str> = kinds.split(',').filter(|kind| !kind.is_empty()).collect();
            let names: Vec<&String> = words.collect();
            query.kinds = kinds.iter().map(|kind| (*kind).to_string()).collect();
            for name in names {
                for kind in &kinds {
                    query.pairs.push(((*kind).to_string(), name.clone()));
                }
            }
        }
        if let Some(text) = &self.selector {
            query.labels = Some(LabelSelector::parse(text).map_err(|e| format!("-l: {e}"))?);
        }
        if let Some(text) = &self.field_selector {
            let parsed =
                FieldSelector::parse(text).map_err(|e| format!("--field-selector: {e}"))?;
            query.fields = Some(parsed);
        }
        Ok(Which {
            is_single: query.pairs.len() == 1,
            query,
        })
    }
}

#[derive(Debug, Clone)]
enum Form {
    Table,
    Wide,
    Name,
    Yaml,
    Json,
    Ndjson,
    Rows,
    Path(Box<Template>),
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "table" => Self::Table,
            "wide" => Self::Wide,
            "name" => Self::Name,
            "yaml" => Self::Yaml,
            "json" => Self::Json,
            "ndjson" => Self::Ndjson,
            other => match other.split_once('=') {
                Some(("jsonpath", template)) => Self::Path(Box::new(
                    Template::parse(template).map_err(|e| e.to_string())?,
                )),
                _ => {
                    return Err(
                        "one of table, wide, name, yaml, json, ndjson, jsonpath=TEMPLATE".into(),
                    );
                }
            },
        })
    }
}

pub(super) fn run(args: &ObjectsArgs, run: &Run) -> Exit {
    let (reader, which) = match (args.reader.reader(), args.which.which()) {
        (Ok(reader), Ok(which)) => (reader, which),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let form = if args.json || run.format == Format::Json {
        Form::Rows
    } else {
        args.output.clone()
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let list = match ops::objects(session, &which.query, &reader)? {
            Ok(list) => list,
            Err(fault) => {
                term::error(&fault.to_string());
                return Ok(Ok(Exit::Failed));
            }
        };
        let name = escape::path(&args.file);
        if list.found.is_empty() && list.damaged.is_empty() && list.undecided.is_empty() {
            term::line(&format!(
                "{name}: no object matches at revision {}",
                list.revision
            ));
        }
        let mut printer = Printer {
            lines: term::Lines::exact(),
            is_terminal: term::stdout_is_terminal(),
            notes: Notes::default(),
            reader: &reader,
            no_headers: args.no_headers,
            has_namespaces: args.which.namespace.is_none(),
            has_failed: false,
        };
        let written = printer.print(session, &list, &form, which.is_single)?;
        printer.notes.damage(&list);
        let exit = printer.notes.tell();
        let exit = if printer.has_failed {
            Exit::Failed
        } else {
            exit
        };
        let exit = if which.is_single && list.found.is_empty() {
            exit.max(Exit::Findings)
        } else {
            exit
        };
        Ok(written.and_then(|()| printer.lines.finish()).map(|()| exit))
    });
    conclude(asked, &args.file)
}

/// What single objects could not show; told at the end, on standard error.
#[derive(Default)]
pub(super) struct Notes {
    lines: Vec<String>,
    more: usize,
    /// Told all, however many: what is missing or damaged.
    all: Vec<String>,
    is_error: bool,
}

/// So many are told.
const NOTES: usize = 20;

impl Notes {
    pub(super) fn add(&mut self, message: String, is_error: bool) {
        self.is_error |= is_error;
        if self.lines.len() < NOTES {
            self.lines.push(message);
        } else {
            self.more += 1;
        }
    }

    /// Something that makes the answer incomplete, which is told however much of it there is.
    pub(super) fn always(&mut self, message: String, is_error: bool) {
        self.is_error |= is_error;
        self.all.push(message);
    }

    /// Values that are not what their keys promise; of objects that only call themselves otherwise, some.
    pub(super) fn values<'d>(&mut self, damaged: impl IntoIterator<Item = &'d DamagedValue>) {
        for damaged in damaged {
            let line = report::damage_line(damaged);
            if damaged.is_damaged() {
                self.always(line, true);
            } else {
                self.add(line, false);
            }
        }
    }

    /// Values that are not what their keys promise, and those of which nobody can tell whether they are asked for.
    pub(super) fn damage(&mut self, list: &ObjectList<'_>) {
        self.values(list.damage_by_key());
        for key in &list.undecided {
            let key = escape::text(key);
            self.always(
                format!("{key}: encrypted; whether it is asked for cannot be told"),
                true,
            );
        }
    }

    /// What a look at an object left open.
    pub(super) fn look(&mut self, list: &ObjectList<'_>, found: &FoundObject, look: &Seen) {
        if found.is_damaged {
            // Told by key.
            return;
        }
        let kind = list
            .kind(found)
            .map_or("", |kind| kind.resource.kind.as_str());
        let place = if found.namespace.is_empty() {
            String::new()
        } else {
            format!("{}/", found.namespace)
        };
        let who = escape::text(format!("{kind} {place}{}", found.name).as_bytes());
        if let Some(fault) = &look.fault {
            self.add(format!("{who}: {fault}"), look.is_error);
        }
        for note in &look.notes {
            self.add(format!("{who}: {note}"), false);
        }
    }

    pub(super) fn tell(&self) -> Exit {
        for line in &self.lines {
            term::line(line);
        }
        if self.more > 0 {
            term::line(&format!("… and {} more", self.more));
        }
        for line in &self.all {
            term::line(line);
        }
        if self.is_error {
            Exit::Findings
        } else {
            Exit::Fine
        }
    }
}

/// An object as it is printed, and what it leaves open.
pub(super) struct Seen {
    pub(super) json: Option<Value>,
    pub(super) fault: Option<String>,
    pub(super) notes: Vec<String>,
    is_error: bool,
}

impl Seen {
    /// All that the object could not show.
    fn left_open(&self) -> Vec<String> {
        self.fault.iter().chain(&self.notes).cloned().collect()
    }

    pub(super) fn of(reader: &ValueReader, key: &[u8], value: &[u8], revision: i64) -> Self {
        let look = reader.read(key, value, revision);
        // Its value is not encrypted, and nothing in it can be shown.
        let is_bytes = matches!(look.sight, ValueContent::Bytes);
        let mut seen = Self {
            json: None,
            fault: None,
            notes: Vec::new(),
            is_error: look.locked.is_some() || is_bytes,
        };
        match look.sight {
            ValueContent::Object(object) => {
                seen.notes = report::notes(&object.description);
                seen.json = Some(object.json);
            }
            ValueContent::Hidden(mark) => seen.fault = Some(mark),
            ValueContent::Bytes => seen.fault = Some("its value is no object".into()),
        }
        if let Some(fault) = look.locked {
            seen.fault = Some(fault.to_string());
        }
        if let Some(fault) = look.too_large {
            seen.fault = Some(too_large(&fault));
            seen.is_error = true;
        }
        seen
    }
}

/// Why an object is not shown that takes too much memory, and what to do.
pub(super) fn too_large(fault: &Fault) -> String {
    format!("{fault}; `etcdsnap get FILE KEY -o raw --show-secrets` writes it as it is stored")
}

struct Printer<'a> {
    lines: term::Lines,
    is_terminal: bool,
    notes: Notes,
    reader: &'a ValueReader,
    no_headers: bool,
    has_namespaces: bool,
    /// A template went wrong, which was told.
    has_failed: bool,
}

/// What all objects together may take that a template looks at at once.
const PATH_MEMORY: usize = 256 << 20;

impl Printer<'_> {
    fn print<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        form: &Form,
        is_single: bool,
    ) -> crate::Result<io::Result<()>> {
        match form {
            Form::Name => Ok(self.names(list)),
            Form::Table | Form::Wide => self.tables(session, list, matches!(form, Form::Wide)),
            Form::Rows => {
                let written = self.rows(session, list, |found, seen| match list.damage(found) {
                    Some(damaged) if found.is_damaged => {
                        report::damaged_object_json(list.kind(found), found, damaged)
                    }
                    _ => report::object_json(
                        list.kind(found),
                        found,
                        seen.json.as_ref(),
                        &seen.left_open(),
                    ),
                })?;
                let strays: String = report::stray_values_json(list);
                let written = written.and_then(|()| self.text(&strays));
                let summary = report::objects_summary_json(list);
                Ok(written.and_then(|()| self.text(&summary)))
            }
            Form::Ndjson => self.each(session, list, |_, json, out| {
                report::write_json(json, JsonLayout::Line, out)?;
                out.write_all(b"\n")
            }),
            Form::Yaml | Form::Json if is_single && list.found.len() == 1 => {
                let is_yaml = matches!(form, Form::Yaml);
                self.each(session, list, |_, json, out| match is_yaml {
                    true => report::write_yaml(json, out),
                    false => report::write_pretty_json(json, out),
                })
            }
            Form::Yaml => {
                let mut written = self.text("apiVersion: v1\n");
                if written.is_ok() {
                    let items = if list.found.is_empty() {
                        "items: []\n"
                    } else {
                        "items:\n"
                    };
                    written = self.text(items);
                }
                if written.is_ok() {
                    written = self.each(session, list, |_, json, out| {
                        report::write_yaml_item(json, out)
                    })?;
                }
                Ok(written
                    .and_then(|()| self.text("kind: List\nmetadata:\n  resourceVersion: \"\"\n")))
            }
            Form::Json => {
                let mut written = self.text("{\n    \"apiVersion\": \"v1\",\n    \"items\": [");
                if written.is_ok() {
                    written = self.each(session, list, |is_first, json, out| {
                        let comma: &[u8] = if is_first { b"\n" } else { b",\n" };
                        out.write_all(comma)?;
                        report::write_json(json, JsonLayout::Item, out)
                    })?;
                }
                let close = if list.found.is_empty() { "" } else { "\n    " };
                let end = format!(
                    "{close}],\n    \"kind\": \"List\",\n    \"metadata\": {{\n        \"resourceVersion\": \"\"\n    }}\n}}\n"
                );
                Ok(written.and_then(|()| self.text(&end)))
            }
            Form::Path(template) => {
                let is_list = !(is_single && list.found.len() == 1);
                match template.item_parts().filter(|_| is_list) {
                    Some(parts) => self.path_by_item(session, list, &parts),
                    None => self.path(session, list, template, is_list),
                }
            }
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
                let mut fault = None;
                let mut has_printed = false;
                let again =
                    self.each_with_notes(session, list, &mut notes, !is_told, |json, out| {
                        let mut text = String::new();
                        match part.render(json, &mut has_printed, &mut text) {
                            Ok(()) => out.write_all(text.as_bytes()),
                            Err(error) => {
                                fault = Some(error.to_string());
                                Err(io::Error::other("ends here"))
                            }
                        }
                    });
                is_told = true;
                written = match fault {
                    Some(fault) => {
                        term::error(&fault);
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
        template: &Template,
        is_list: bool,
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
                    if let Some(json) = seen.json {
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
            true => {
                let mut all = serde_json::Map::new();
                all.insert("apiVersion".into(), "v1".into());
                all.insert("kind".into(), "List".into());
                all.insert("items".into(), items.into());
                all.insert("metadata".into(), json!({"resourceVersion": ""}));
                Value::Object(all)
            }
        };
        match template.render(&value) {
            Ok(text) => Ok(self.text(&text)),
            Err(fault) => {
                term::error(&fault.to_string());
                self.has_failed = true;
                Ok(Ok(()))
            }
        }
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
                let name = kind.resource.printed_name(&found.name);
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
        let mut written = Ok(());
        let reader = self.reader;
        list.fetch(
            session,
            &list.found,
            |key, value, revision| Seen::of(reader, key, value, revision),
            |found, seen| {
                if let Some(seen) = seen {
                    self.notes.look(list, found, &seen);
                    written = self.text(&show(found, &seen));
                }
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            },
        )?;
        Ok(written)
    }

    /// Writes what `show` makes of each object. One that cannot be shown is missing, which is told.
    fn each<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        mut show: impl FnMut(bool, &Value, &mut dyn io::Write) -> io::Result<()>,
    ) -> crate::Result<io::Result<()>> {
        let mut is_first = true;
        let mut notes = std::mem::take(&mut self.notes);
        let written = self.each_with_notes(session, list, &mut notes, true, |json, out| {
            show(std::mem::take(&mut is_first), json, out)
        });
        self.notes = notes;
        written
    }

    fn each_with_notes<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        notes: &mut Notes,
        tells: bool,
        mut show: impl FnMut(&Value, &mut dyn io::Write) -> io::Result<()>,
    ) -> crate::Result<io::Result<()>> {
        let mut written = Ok(());
        let reader = self.reader;
        list.fetch(
            session,
            &list.found,
            |key, value, revision| Seen::of(reader, key, value, revision),
            |found, seen| {
                let Some(seen) = seen else {
                    return ControlFlow::Continue(());
                };
                if found.is_damaged {
                    return ControlFlow::Continue(());
                }
                if tells {
                    notes.look(list, found, &seen);
                    notes.is_error |= seen.json.is_none();
                }
                if let Some(json) = &seen.json {
                    written = show(json, &mut self.lines.stored());
                }
                if written.is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        )?;
        Ok(written)
    }

    fn tables<'i>(
        &mut self,
        session: &Session<'i>,
        list: &ObjectList<'i>,
        wide: bool,
    ) -> crate::Result<io::Result<()>> {
        let groups: Vec<&[FoundObject]> = list
            .found
            .chunk_by(|a, b| {
                let of = |found| {
                    list.kind(found)
                        .map(|k| (&k.resource.group, &k.resource.kind))
                };
                of(a) == of(b)
            })
            .collect();
        let several = groups.len() > 1;
        for (number, group) in groups.iter().enumerate() {
            let Some(kind) = group.first().and_then(|found| list.kind(found)) else {
                continue;
            };
            let layout = TableLayout::of(&kind.resource, &kind.api_version);
            let options = TableOptions {
                wide,
                now: list.now,
            };
            let columns = layout.columns(wide);
            let with_namespace = self.has_namespaces && kind.resource.namespaced;
            let reader = self.reader;
            let mut head: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            if with_namespace {
                head.insert(0, "NAMESPACE".into());
            }
            let mut table = report::Columns::new(&head);
            list.fetch(
                session,
                group,
                |key, value, revision| {
                    let mut seen = Seen::of(reader, key, value, revision);
                    let cells = seen.json.as_ref().map(|json| layout.row(json, options));
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
                    let cells = cells.filter(|_| !found.is_damaged);
                    let mut cells = cells.unwrap_or_else(|| {
                        let mut cells = vec![word.to_string(); columns.len()];
                        if let Some(name) = cells.first_mut() {
                            *name = found.name.to_string();
                        }
                        cells
                    });
                    if several && let Some(name) = cells.first_mut() {
                        *name = kind.resource.printed_name(name);
                    }
                    if with_namespace {
                        cells.insert(0, found.namespace.to_string());
                    }
                    table.push(&cells);
                    ControlFlow::Continue(())
                },
            )?;
            let gap = if number > 0 { "\n" } else { "" };
            let written = self
                .lines
                .write(gap)
                .and_then(|()| table.write(!self.no_headers, &mut self.lines.stored()));
            if let Err(error) = written {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}
