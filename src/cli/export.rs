//! `export`: manifests that can be applied again.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::exit::Exit;
use super::objects::{Notes, WhichArgs};
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude, not_written};
use super::term;
use crate::error::Result;
use crate::finding::escape;
use crate::ops::OutputError;
use crate::ops::{
    self, ExportOptions, Exported, FileNames, Folder, FoundObject, ObjectList, Session,
};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap export snapshot.db -n shop --out shop/
  etcdsnap export snapshot.db deploy/web -n shop --out - | kubectl apply -f -
  etcdsnap export snapshot.db secrets --show-secrets --encryption-config config.yaml --out secrets/

Objects are cleaned for `kubectl apply`; --as-stored keeps them as they are. Objects with a
controller, Events, Leases, Endpoints and EndpointSlices are left out unless --include-owned is
given, objects with secrets unless --show-secrets is: no mark ever stands in a manifest instead
of a value.

Exit status 1: an object was left out for what is hidden in it, unless --partial is given, or
because it cannot be read. Each is named on standard error.
";

/// Write objects as manifests for `kubectl apply`
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct ExportArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    which: WhichArgs,
    /// A folder that is empty or not there yet; - writes to standard output
    #[arg(long, value_name = "DIR|-")]
    out: PathBuf,
    /// Keep everything, also what the cluster assigned
    #[arg(long)]
    as_stored: bool,
    /// Also objects that others make again
    #[arg(long)]
    include_owned: bool,
    /// Exit with 0 though objects with secrets were left out
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &ExportArgs, run: &Run) -> Exit {
    let (reader, which) = match (args.reader.reader(), args.which.which()) {
        (Ok(reader), Ok(which)) => (reader, which),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let mut target = match Target::open(&args.out) {
        Ok(target) => target,
        Err(error) => {
            term::error(&error.to_string());
            return Exit::Failed;
        }
    };
    let options = ExportOptions {
        as_stored: args.as_stored,
        include_owned: args.include_owned,
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let list = match ops::objects(session, &which.query, &reader)? {
            Ok(list) => list,
            Err(fault) => {
                term::error(&fault.to_string());
                return Ok(Ok(Exit::Failed));
            }
        };
        let mut written = Ok(Ok(()));
        let mut tally = Tally::default();
        ops::export(session, &list, &reader, options, |found, exported| {
            match exported {
                Exported::Manifest(json) => {
                    written = target.write(&list, found, &json);
                    tally.written += 1;
                }
                Exported::Owned => tally.owned += 1,
                Exported::Secret => tally.notes.always(
                    format!("left out, has secrets: {}", who(&list, found)),
                    !args.partial,
                ),
                Exported::Unreadable(why) => tally
                    .notes
                    .always(format!("left out: {}: {why}", who(&list, found)), true),
                Exported::Damaged(_) => tally
                    .notes
                    .always(format!("left out, damaged: {}", who(&list, found)), true),
            }
            match written {
                Ok(Ok(())) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        // Nothing is said of the folder before it has its name.
        let written = match written.and_then(|written| match written {
            Ok(()) => target.finish(session),
            Err(error) => Ok(Err(error)),
        }) {
            Ok(written) => written,
            Err(error) => return not_written(error).map(Ok),
        };
        tally.notes.damage(&list);
        let exit = tally.notes.tell();
        if list.found.is_empty() {
            let name = escape::path(&args.file);
            term::line(&format!("{name}: no object matches"));
        }
        if tally.owned > 0 {
            term::line(&format!(
                "left out: {} objects that others make again (--include-owned)",
                tally.owned
            ));
        }
        session.check_unchanged()?;
        Ok(written.map(|()| exit))
    });
    conclude(asked, &args.file)
}

#[derive(Default)]
struct Tally {
    written: usize,
    owned: usize,
    notes: Notes,
}

fn who(list: &ObjectList<'_>, found: &FoundObject) -> String {
    let kind = list
        .kind(found)
        .map_or("", |kind| kind.resource.kind.as_str());
    let place = if found.namespace.is_empty() {
        String::new()
    } else {
        format!("{}/", found.namespace)
    };
    escape::text(format!("{kind} {place}{}", found.name).as_bytes())
}

/// Where manifests go.
enum Target {
    Stdout(term::Lines, report::ListWriter),
    Folder(Folder, FileNames),
}

/// How it went: what kept the folder from being written, or standard output from taking it.
type Written = Result<io::Result<()>, OutputError>;

impl Target {
    fn open(out: &Path) -> Result<Self, OutputError> {
        if out.as_os_str() == "-" {
            let documents = report::ListWriter::new(report::ListLayout::YamlDocuments);
            return Ok(Self::Stdout(term::Lines::exact(), documents));
        }
        Ok(Self::Folder(Folder::create(out)?, FileNames::default()))
    }

    fn write(&mut self, list: &ObjectList<'_>, found: &FoundObject, json: &Value) -> Written {
        match self {
            Self::Stdout(lines, documents) => Ok(documents.item(json, &mut lines.stored())),
            Self::Folder(folder, names) => {
                let name = names.unique(&file_name(list, found), ".yaml");
                folder.write(&name, |out| report::write_yaml(json, out))?;
                Ok(Ok(()))
            }
        }
    }

    fn finish(self, session: &Session<'_>) -> Written {
        match self {
            Self::Stdout(lines, _) => Ok(lines.finish()),
            Self::Folder(folder, _) => folder.finish(&[session]).map(Ok),
        }
    }
}

/// `shop_deployments.apps_web`: namespace, resource, name.
fn file_name(list: &ObjectList<'_>, found: &FoundObject) -> String {
    let resource = list.kind(found).map(|kind| kind.resource.full_name());
    let namespace = if found.namespace.is_empty() {
        "_cluster"
    } else {
        &found.namespace
    };
    format!(
        "{namespace}_{}_{}",
        resource.unwrap_or_default(),
        found.name
    )
}
