//! `export`: manifests that can be applied again.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::lens::LensArgs;
use super::objects::{Notes, WhichArgs};
use super::run::{Run, conclude};
use super::term;
use crate::finding::escape;
use crate::ops::{self, ExportOptions, Exported, Found, ObjectList};
use crate::report;
use crate::source::Access;

const EXAMPLES: &str = "\
Examples:
  etcdsnap export snapshot.db -n shop --out shop/
  etcdsnap export snapshot.db deploy/web -n shop --out - | kubectl apply -f -
  etcdsnap export snapshot.db secrets --show-secrets --encryption-config config.yaml --out secrets/

Objects are cleaned for `kubectl apply`; --as-stored keeps them as they are. Objects with a controller,
Events, Leases, Endpoints and EndpointSlices are left out unless --include-owned is given, objects with
secrets unless --show-secrets is.
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
                    let text = report::object_yaml(&json, None);
                    written = target.write(&list, found, &text);
                    tally.written += 1;
                }
                Exported::Owned => tally.owned += 1,
                Exported::Secret => tally.notes.add(
                    format!("left out, has secrets: {}", who(&list, found)),
                    false,
                ),
                Exported::Unreadable(why) => tally
                    .notes
                    .add(format!("left out: {}: {why}", who(&list, found)), true),
            }
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
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
    /// The folder under its final name, and the one that is filled first.
    Folder {
        target: PathBuf,
        staging: PathBuf,
        names: BTreeMap<String, usize>,
        is_done: bool,
    },
}

impl Target {
    fn open(out: &Path) -> Result<Self, String> {
        if out.as_os_str() == "-" {
            return Ok(Self::Stdout(term::Lines::exact(), true));
        }
        let name = escape::path(out);
        match std::fs::read_dir(out) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(format!("{name} is not empty; give a new folder"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{name}: {error}")),
        }
        let mut staging = out.as_os_str().to_owned();
        while staging.as_encoded_bytes().ends_with(b"/") {
            let bytes = staging.into_encoded_bytes();
            let kept = bytes.len().saturating_sub(1);
            let text = String::from_utf8_lossy(bytes.get(..kept).unwrap_or_default()).into_owned();
            staging = text.into();
        }
        staging.push(".partial");
        let staging = PathBuf::from(staging);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&staging)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => format!(
                    "{} is left from an interrupted run; look at it and remove it",
                    escape::path(&staging)
                ),
                _ => format!("{}: {error}", escape::path(&staging)),
            })?;
        Ok(Self::Folder {
            target: out.to_owned(),
            staging,
            names: BTreeMap::new(),
            is_done: false,
        })
    }

    fn write(&mut self, list: &ObjectList<'_>, found: &Found, text: &str) -> io::Result<()> {
        match self {
            Self::Stdout(lines, is_first) => {
                if !std::mem::take(is_first) {
                    lines.write("---\n")?;
                }
                if term::stdout_is_terminal() {
                    lines.write(&escape::report(text))
                } else {
                    lines.write(text)
                }
            }
            Self::Folder { staging, names, .. } => {
                let name = file_name(list, found);
                // Names that differ only in signs a file name cannot have get a number.
                let number = names.entry(name.to_lowercase()).or_default();
                *number += 1;
                let name = if *number > 1 {
                    format!("{name}~{number}.yaml")
                } else {
                    format!("{name}.yaml")
                };
                let mut file = std::fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(staging.join(name))?;
                file.write_all(text.as_bytes())
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(lines, _) => std::mem::replace(lines, term::Lines::exact()).finish(),
            Self::Folder {
                target,
                staging,
                is_done,
                ..
            } => {
                // An empty folder gives way to the full one.
                std::fs::rename(&*staging, &*target)?;
                *is_done = true;
                Ok(())
            }
        }
    }
}

impl Drop for Target {
    /// What was not finished was made by this run and is of no use.
    fn drop(&mut self) {
        if let Self::Folder {
            staging,
            is_done: false,
            ..
        } = self
        {
            let _ = std::fs::remove_dir_all(staging);
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
    let text = format!(
        "{namespace}_{}_{}",
        resource.unwrap_or_default(),
        found.name
    );
    let safe: String = text
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => c,
            _ => '~',
        })
        .take(200)
        .collect();
    safe
}
