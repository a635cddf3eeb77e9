//! `objects`: kubectl's habits on a file.

mod notes;
mod printer;
mod which;

use std::path::PathBuf;
use std::str::FromStr;

use super::absent::tell_objects;
use super::exit::Exit;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude};
use super::term;
use crate::finding::escape;
use crate::kubernetes::query::jsonpath::Template;
use crate::ops;
use crate::report::Format;
pub(super) use notes::{Notes, too_large};
use printer::Printer;
pub(super) use which::{Which, WhichArgs};

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
        let is_empty = list.found.is_empty() && list.missing.is_empty();
        if is_empty && list.damaged.is_empty() && list.undecided.is_empty() {
            term::line(&format!(
                "{name}: no object matches at revision {}",
                list.revision
            ));
        }
        let mut printer = Printer::new(&reader, args, &which);
        let written = printer.print(session, &list, &form, which.is_single)?;
        let exit = printer.told(&list);
        let selectors = which.selectors.as_deref();
        let exit = exit.max(tell_objects(session, &which.query, selectors, &list)?);
        Ok(written.and_then(|()| printer.finish()).map(|()| exit))
    });
    conclude(asked, &args.file)
}
