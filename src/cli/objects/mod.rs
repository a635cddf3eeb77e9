//! `objects`: kubectl's habits on a file.

mod form;
mod notes;
mod printer;
mod which;

use std::io;
use std::path::{Path, PathBuf};

use super::absent::tell_objects;
use super::exit::Exit;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude, read_to_the_end};
use super::term;
use crate::cli::offered::offered;
use crate::error::Error;
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resolved;
use crate::ops::{self, LookedFor, ObjectList, Session, ValueReader};
pub(super) use form::{FORMS, Form, ListArgs, OFFERED};
pub(super) use notes::{Notes, Seen, too_large};
use printer::Printer;
pub(super) use printer::serve;
pub(super) use which::{SelectorArgs, Which, WhichArgs, empty_name, kind_words};

const EXAMPLES: &str = "\
Examples:
  etcdsnap objects snapshot.db pods -n kube-system
  etcdsnap objects snapshot.db deploy/web -n shop -o yaml
  etcdsnap objects snapshot.db deploy,sts -l app=web -o wide
  etcdsnap objects snapshot.db --rev 4711 -o name              everything, as it was then
  etcdsnap objects snapshot.db --deleted -n shop               what was deleted, as it was last
  etcdsnap objects snapshot.db deploy web api -n shop,shop-eu  two by name, in two namespaces
  etcdsnap objects snapshot.db pods --sort-by=.metadata.creationTimestamp -L app --show-labels
  etcdsnap objects snapshot.db nodes -o jsonpath='{.items[*].metadata.name}'
  etcdsnap objects snapshot.db pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName

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
    /// The form: table, wide, name, yaml, json, kyaml, ndjson, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE,
    /// jsonpath-file=FILE, custom-columns=HEADER:PATH or custom-columns-file=FILE
    #[arg(
        short = 'o',
        long,
        value_name = "FORM",
        hide_possible_values = true,
        value_parser = offered(str::parse::<Form>, &[&OFFERED])
    )]
    output: Option<Form>,
    /// One line of JSON for each object, with its place, and a summary
    #[arg(long, conflicts_with = "output")]
    json: bool,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &ObjectsArgs, run: &Run) -> Exit {
    let (reader, which) = match (args.reader.reader(), args.which.which_objects()) {
        (Ok(reader), Ok(which)) => (reader, which),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let form = match &args.output {
        Some(form) => form.clone(),
        None if run.wants_json(args.json) => Form::Rows,
        None => Form::Table,
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        print(session, &args.file, &which, &form, &args.list, &reader)
    });
    conclude(asked, &args.file)
}

/// Prints the objects that are asked for, which are in `file`.
pub(super) fn print(
    session: &mut Session<'_>,
    file: &Path,
    which: &Which,
    form: &Form,
    args: &ListArgs,
    reader: &ValueReader,
) -> crate::Result<io::Result<Exit>> {
    let sort_path = match args.check(form).and_then(|()| args.sort_path()) {
        Ok(path) => path,
        Err(message) => {
            term::error(&message);
            return Ok(Ok(Exit::Failed));
        }
    };
    let mut list = match ops::objects(session, &which.query, reader) {
        Ok(list) => list,
        Err(Error::Query(error)) => {
            term::error(&error.to_string());
            return Ok(Ok(Exit::Failed));
        }
        Err(error) => return Err(error),
    };
    let is_table = matches!(form, Form::Table | Form::Wide);
    // Of values that are named by their keys, each has to be shown.
    let shown = list.found.len();
    if let Some(keys) = &which.query.keys
        && keys.len() > shown
    {
        let others = keys.len().saturating_sub(shown);
        term::error(&format!(
            "{others} of {} values are not objects of Kubernetes, which this form is for; without -o they are shown",
            keys.len()
        ));
        return Ok(Ok(Exit::Failed));
    }
    let mut query = which.query.clone();
    if args.ignore_not_found {
        // A kind that does not exist is not a matter of what is in the file.
        let resources = &list.resources;
        let is_unknown = |missing: &LookedFor| match missing {
            LookedFor::Kind(word) | LookedFor::Object { word, .. } => {
                resources.resolve(word) == Resolved::Unknown
            }
            _ => false,
        };
        list.missing.retain(is_unknown);
        query.namespaces.clear();
    }
    let is_none_said = !args.ignore_not_found && say_none(file, &list, which, is_table);
    // One that was asked for by name is not a list.
    let is_list = !which.is_single || list.found.len() != 1;
    if let Some(path) = sort_path.as_ref().filter(|_| is_list) {
        match list.sort_by(session, reader, path, is_table) {
            Ok(()) => {}
            Err(Error::Query(error)) => {
                term::error(&error.to_string());
                return Ok(Ok(Exit::Failed));
            }
            Err(error) => return Err(error),
        }
    }
    let mut printer = Printer::new(reader, args, which);
    // As with kubectl, an empty list of objects is not printed then; lines of JSON end with their summary in any case.
    let is_printed = !args.ignore_not_found || !list.found.is_empty() || matches!(form, Form::Rows);
    let written = match is_printed {
        true => printer.print(session, &list, form, which.is_single)?,
        false => Ok(()),
    };
    let exit = printer.told(&list);
    let selectors = which.selectors.as_deref();
    let exit = exit.max(tell_objects(
        session,
        &query,
        selectors,
        &list,
        reader,
        is_none_said,
    )?);
    Ok(read_to_the_end(written.and_then(|()| printer.finish())).map(|()| exit))
}

/// Says that there is nothing, if so; in the words of kubectl where it would say so, which is told.
pub(super) fn say_none(
    file: &Path,
    list: &ObjectList<'_>,
    which: &Which,
    in_words_of_kubectl: bool,
) -> bool {
    let is_none = list.found.is_empty() && list.damaged.is_empty() && list.undecided.is_empty();
    let is_unknown = |missing: &LookedFor| match missing {
        LookedFor::Kind(word) => list.resources.resolve(word) == Resolved::Unknown,
        _ => false,
    };
    // It has others for what is not a kind.
    let is_of_kubectl = in_words_of_kubectl && which.query.pairs.is_empty();
    let is_none_said = is_none && is_of_kubectl && !list.missing.iter().any(is_unknown);
    let deleted = match which.query.is_deleted {
        true => " deleted",
        false => "",
    };
    if is_none_said {
        let places = which.query.namespaces.join(",");
        let places = match places.as_str() {
            "" => String::new(),
            places => format!(" in {} namespace.", escape::text(places.as_bytes())),
        };
        term::line(&format!("No{deleted} resources found{places}"));
    } else if is_none && list.missing.is_empty() {
        let (name, revision) = (escape::path(file), list.revision);
        term::line(&format!(
            "{name}: no{deleted} object matches at revision {revision}"
        ));
    }
    is_none_said
}
