//! `export`: manifests that can be applied again.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::exit::Exit;
use super::folder::{Folder, safe_name};
use super::lens::LensArgs;
use super::objects::{Notes, WhichArgs};
use super::open::Access;
use super::run::{Run, conclude};
use super::term;
use crate::finding::escape;
use crate::ops::{self, ExportOptions, Exported, Found, ObjectList};
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
    lens: LensArgs,
}

pub(super) fn run(args: &ExportArgs, run: &Run) -> Exit {
    let (lens, which) = match (args.lens.lens(), args.which.which()) {
        (Ok(lens), Ok(which)) => (lens, which),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let mut target = match Target::open(&args.out) {
        Ok(target) => target,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let options = ExportOptions {
        as_stored: args.as_stored,
        include_owned: args.include_owned,
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let list = match ops::objects(session, &which.query, &lens)? {
            Ok(list) => list,
            Err(fault) => {
                term::error(&fault.to_string());
                return Ok(Ok(Exit::Failed));
            }
        };
        let mut written = Ok(());
        let mut tally = Tally::default();
        ops::export(session, &list, &lens, options, |found, exported| {
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
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
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
        Ok(written.and_then(|()| target.finish()).map(|()| exit))
    });
    conclude(asked, &args.file)
}

#[derive(Default)]
struct Tally {
    written: usize,
    owned: usize,
    notes: Notes,
}

fn who(list: &ObjectList<'_>, found: &Found) -> String {
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
    Stdout(term::Lines, bool),
    Folder(Folder, BTreeMap<String, usize>),
}

impl Target {
    fn open(out: &Path) -> Result<Self, String> {
        if out.as_os_str() == "-" {
            return Ok(Self::Stdout(term::Lines::exact(), true));
        }
        Ok(Self::Folder(Folder::open(out)?, BTreeMap::new()))
    }

    fn write(&mut self, list: &ObjectList<'_>, found: &Found, json: &Value) -> io::Result<()> {
        match self {
            Self::Stdout(lines, is_first) => {
                if !std::mem::take(is_first) {
                    lines.write("---\n")?;
                }
                report::write_yaml(json, &mut lines.stored())
            }
            Self::Folder(folder, names) => {
                let name = file_name(list, found);
                // Names that differ only in signs a file name cannot have get a number.
                let number = names.entry(name.to_lowercase()).or_default();
                *number += 1;
                let name = if *number > 1 {
                    format!("{name}~{number}.yaml")
                } else {
                    format!("{name}.yaml")
                };
                folder.write_with(&name, |out| report::write_yaml(json, out))
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(lines, _) => std::mem::replace(lines, term::Lines::exact()).finish(),
            Self::Folder(folder, _) => folder.finish(),
        }
    }
}

/// `shop_deployments.apps_web`: namespace, resource, name.
fn file_name(list: &ObjectList<'_>, found: &Found) -> String {
    let resource = list.kind(found).map(|kind| kind.resource.full_name());
    let namespace = if found.namespace.is_empty() {
        "_cluster"
    } else {
        &found.namespace
    };
    safe_name(&format!(
        "{namespace}_{}_{}",
        resource.unwrap_or_default(),
        found.name
    ))
}
