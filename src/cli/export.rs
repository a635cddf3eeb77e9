//! `export`: manifests that can be applied again.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::absent::tell_objects;
use super::exit::Exit;
use super::objects::{Notes, WhichArgs};
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude, not_written, read_to_the_end};
use super::term;
use crate::error::Error;
use crate::error::Result;
use crate::finding::escape;
use crate::kubernetes::apply::patch::first_owners;
use crate::kubernetes::apply::same_cluster::is_applied;
use crate::kubernetes::apply::step::Step;
use crate::ops::OutputError;
use crate::ops::{
    self, ExportOptions, ExportStep, ExportSteps, Exported, ExportedObject, FileNames, Folder,
    FoundObject, ObjectList, OtherVersion, Session, safe_name,
};
use crate::report::{
    self, ExportAccount, ExportForm, LeftOut, LeftOutReason, LockedValues, object_name,
};

const EXAMPLES: &str = "\
Examples:
  etcdsnap export snapshot.db -n shop --out shop/ && sh shop/apply.sh --dry-run
  etcdsnap export snapshot.db deploy/web -n shop --out - | kubectl create -f -
  etcdsnap export snapshot.db -n shop --out shop/ --json | jq .left_out
  etcdsnap export snapshot.db secrets --show-secrets --encryption-config config.yaml --out secrets/

Objects are cleaned of what a cluster assigns and come in the order in which they can be created;
--as-stored keeps them as they are. What a new cluster makes or owns is left out unless
--include-owned is given, and counted on standard error; objects with secrets are left out unless
--show-secrets is given: no mark ever stands in a manifest instead of a value.

Exit status 1: an object was left out for what is hidden in it, unless --partial is given, or
because it cannot be read. Each is named on standard error.
";

/// Write objects as manifests that can be applied to a cluster
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
    /// Keep every field, including those the cluster assigned
    #[arg(long)]
    as_stored: bool,
    /// Include objects that a cluster or a controller creates itself
    #[arg(long)]
    include_owned: bool,
    /// No CustomResourceDefinitions
    #[arg(long)]
    skip_crds: bool,
    /// Exit 0 even if objects with secrets are left out
    #[arg(long)]
    partial: bool,
    /// One line of JSON: what was written into the folder, and what was left out
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &ExportArgs, run: &Run) -> Exit {
    let (reader, which) = match (args.reader.reader(), args.which.which_objects()) {
        (Ok(reader), Ok(which)) => (reader, which),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let is_to_stdout = args.out.as_os_str() == "-";
    let is_json = args.json || run.wants_json(args.json) && !is_to_stdout;
    if is_json && is_to_stdout {
        term::error(
            "--json tells of a folder, and standard output has the manifests; give --out DIR",
        );
        return Exit::Failed;
    }
    let target = match Target::open(args) {
        Ok(target) => target,
        Err(error) => {
            term::error(&crate::error::with_causes(&error));
            return Exit::Failed;
        }
    };
    let form = target.form();
    let options = ExportOptions {
        as_stored: args.as_stored,
        include_owned: args.include_owned,
        keep_last_applied: form == ExportForm::Folder,
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let query = &which.query;
        let mut all = match ops::objects_to_apply(session, query, &reader) {
            Ok(all) => all,
            Err(Error::Query(error)) => {
                term::error(&error.to_string());
                return Ok(Ok(Exit::Failed));
            }
            Err(error) => return Err(error),
        };
        if args.skip_crds {
            all.list
                .leave_out("apiextensions.k8s.io", "CustomResourceDefinition");
        }
        let list = &all.list;
        let selectors = which.selectors.as_deref();
        if list.found.is_empty() && !list.missing.is_empty() {
            // There is nothing to write a folder of.
            let exit = tell_objects(session, query, selectors, list, &reader, false)?;
            let exit = exit.max(Notes::default().tell_with_list(list));
            // That nothing was deleted is an answer.
            if exit != Exit::Fine {
                return Ok(Ok(exit));
            }
        }
        let mut written = Ok(Ok(()));
        // It refers to the objects from here on.
        let mut target = target;
        let mut tally = Tally::default();
        ops::export(session, &all, &reader, options, |found, object| {
            written = tally.take(&mut target, list, found, object, !args.partial);
            match written {
                Ok(Ok(())) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        // Nothing is said of the folder before it has its name.
        let written = match written.and_then(|written| match written {
            Ok(()) => target.finish(session, &args.file, list, &tally),
            Err(error) => Ok(Err(error)),
        }) {
            Ok(written) => written,
            Err(error) => return not_written(error).map(Ok),
        };
        // Those that stay encrypted are told together.
        let is_told = |one: &&LeftOut<'_>| !matches!(one.reason, LeftOutReason::Encrypted);
        for one in tally.left_out.iter().filter(is_told) {
            term::line(&one.line(list));
        }
        let has_secrets = |one: &LeftOut<'_>| matches!(one.reason, LeftOutReason::Secrets);
        if tally.left_out.iter().any(has_secrets) && !args.partial {
            term::line("--show-secrets writes what has secrets; with --partial it is left out and the exit status is 0");
        }
        let exit = match tally.is_incomplete {
            true => Exit::Findings,
            false => Exit::Fine,
        };
        let exit = exit.max(Notes::default().tell_with_list(list));
        for other in tally.other_versions.values() {
            term::line(&report::other_version_line(other));
        }
        for line in tally.locked.lines() {
            term::line(&line);
        }
        let exit = exit.max(tell_objects(session, query, selectors, list, &reader, false)?);
        if list.found.is_empty() && (list.missing.is_empty() || query.is_deleted) {
            let name = escape::path(&args.file);
            let deleted = if query.is_deleted { " deleted" } else { "" };
            term::line(&format!("{name}: no{deleted} object matches"));
        }
        let account = &tally.account;
        for line in account
            .made_lines()
            .into_iter()
            .chain(account.changed_lines(form))
        {
            term::line(&line);
        }
        for line in account.warnings(form) {
            term::line(&format!("warning: {line}"));
        }
        session.check_unchanged()?;
        let told = match is_json {
            true => {
                let names = [&args.file, &args.out].map(|path| escape::path(path));
                let left_out = tally.left_out.iter();
                let [file, out] = &names;
                let text = report::export_json(account, list, left_out, form, [file, out]);
                let mut lines = term::Lines::new();
                lines.write(&text).and_then(|()| lines.finish())
            }
            false => Ok(()),
        };
        Ok(read_to_the_end(written.and(told)).map(|()| exit))
    });
    conclude(asked, &args.file)
}

#[derive(Default)]
struct Tally<'l> {
    account: ExportAccount,
    /// What could not be written.
    left_out: Vec<LeftOut<'l>>,
    /// Some of it should have been.
    is_incomplete: bool,
    /// What of it stays encrypted.
    locked: LockedValues,
    /// The kinds that are written in another version than the one that was asked for.
    other_versions: BTreeMap<u32, OtherVersion>,
}

impl<'l> Tally<'l> {
    fn take(
        &mut self,
        target: &mut Target<'l>,
        list: &ObjectList<'_>,
        found: &'l FoundObject,
        object: ExportedObject,
        is_secret_fault: bool,
    ) -> Written {
        match (&object.exported, object.maker) {
            (Exported::Manifest(json), Some(_)) => {
                self.account.changed(list, found);
                return target.write_changed(list, found, json);
            }
            (Exported::Manifest(json), None) => {
                self.note_version(list, found, json);
                match target.write(list, found, json, &object.owners)? {
                    Ok(true) => self.account.written(list, found, &object),
                    Ok(false) => self.leave_out(found, LeftOutReason::Name, true),
                    Err(error) => return Ok(Err(error)),
                }
            }
            (Exported::Owned, maker) => {
                if let Some(maker) = maker {
                    self.account.made(list, found, maker);
                }
            }
            (Exported::Secret, _) => {
                self.leave_out(found, LeftOutReason::Secrets, is_secret_fault);
            }
            (Exported::Locked { error, is_secret }, _) => {
                let is_fault = !is_secret || is_secret_fault;
                self.leave_out(found, LeftOutReason::Encrypted, is_fault);
                self.locked.add(|| object_name(list, found), error);
            }
            (Exported::Unreadable(why), _) => {
                self.leave_out(found, LeftOutReason::Unreadable(why.as_str().into()), true);
            }
            (Exported::Damaged(_), _) => self.leave_out(found, LeftOutReason::Damaged, true),
        }
        Ok(Ok(()))
    }

    fn note_version(&mut self, list: &ObjectList<'_>, found: &FoundObject, manifest: &Value) {
        let written = manifest.get("apiVersion").and_then(Value::as_str);
        let (Some(asked), Some(written)) = (list.asked_version(found), written) else {
            return;
        };
        if asked != written
            && let Some(kind) = list.kind(found)
        {
            let new = || OtherVersion {
                word: kind.resource.full_name(),
                stored: written.to_owned(),
            };
            self.other_versions.entry(found.kind).or_insert_with(new);
        }
    }

    fn leave_out(&mut self, found: &'l FoundObject, reason: LeftOutReason, is_fault: bool) {
        self.left_out.push(LeftOut { found, reason });
        self.is_incomplete |= is_fault;
    }
}

/// Where manifests go.
enum Target<'l> {
    Stdout(term::Lines, report::ListWriter),
    /// As they are stored: nothing that could be applied.
    Files(Folder, FileNames),
    Steps(Box<StepFolder<'l>>),
}

/// How it went: what kept the folder from being written, or standard output from taking it.
type Written<T = ()> = Result<io::Result<T>, OutputError>;

impl<'l> Target<'l> {
    fn open(args: &ExportArgs) -> Result<Self, OutputError> {
        if args.out.as_os_str() == "-" {
            let documents = report::ListWriter::new(report::ListLayout::YamlDocuments);
            return Ok(Self::Stdout(term::Lines::exact(), documents));
        }
        let folder = Folder::create(&args.out)?;
        Ok(match args.as_stored {
            true => Self::Files(folder, FileNames::default()),
            false => Self::Steps(Box::new(StepFolder::new(folder))),
        })
    }

    fn form(&self) -> ExportForm {
        match self {
            Self::Stdout(..) => ExportForm::Stream,
            Self::Files(..) => ExportForm::AsStored,
            Self::Steps(_) => ExportForm::Folder,
        }
    }

    /// False when it was not written, since no API server would take it.
    fn write(
        &mut self,
        list: &ObjectList<'_>,
        found: &'l FoundObject,
        json: &Value,
        owners: &[Value],
    ) -> Written<bool> {
        match self {
            Self::Stdout(lines, documents) => {
                Ok(documents.item(json, &mut lines.stored()).map(|()| true))
            }
            Self::Files(folder, names) => {
                let name = names.unique(&file_name(list, found), ".yaml");
                folder.write(&name, |out| report::write_yaml(json, out))?;
                Ok(Ok(true))
            }
            Self::Steps(folder) => folder.write(list, found, json, owners).map(Ok),
        }
    }

    /// What clusters make themselves, but not as it was.
    fn write_changed(
        &mut self,
        list: &ObjectList<'_>,
        found: &FoundObject,
        json: &Value,
    ) -> Written {
        if let Self::Steps(folder) = self {
            folder.write_changed(list, found, json)?;
        }
        Ok(Ok(()))
    }

    fn finish(
        self,
        session: &Session<'_>,
        file: &Path,
        list: &'l ObjectList<'_>,
        tally: &Tally<'_>,
    ) -> Written {
        match self {
            Self::Stdout(lines, _) => Ok(lines.finish()),
            Self::Files(folder, _) => folder.finish(&[session]).map(Ok),
            Self::Steps(folder) => folder.finish(session, file, list, tally).map(Ok),
        }
    }
}

/// A folder with a script that creates what is in it.
struct StepFolder<'l> {
    folder: Folder,
    names: FileNames,
    has_review: bool,
    steps: ExportSteps<'l>,
    /// What the file of each step is called, as far as its object does not tell.
    files: Vec<StepFileName>,
}

impl<'l> StepFolder<'l> {
    fn new(folder: Folder) -> Self {
        Self {
            folder,
            names: FileNames::default(),
            has_review: false,
            steps: ExportSteps::default(),
            files: Vec::new(),
        }
    }

    fn write(
        &mut self,
        list: &ObjectList<'_>,
        found: &'l FoundObject,
        json: &Value,
        owners: &[Value],
    ) -> Result<bool, OutputError> {
        if !self.steps.add(list, found, json, owners) {
            return Ok(false);
        }
        // The script sends JSON as it is: otherwise kubectl would rewrite the annotation.
        let is_applied = is_applied(json);
        let text = file_name(list, found);
        let file = StepFileName {
            number: self.names.unique_number(&text, ending(is_applied)),
            is_applied,
        };
        let name = file.name(&text);
        self.folder.write(&name, |out| match is_applied {
            true => report::write_pretty_json(json, out),
            false => report::write_yaml(json, out),
        })?;
        self.files.push(file);
        Ok(true)
    }

    fn write_changed(
        &mut self,
        list: &ObjectList<'_>,
        found: &FoundObject,
        json: &Value,
    ) -> Result<(), OutputError> {
        if !self.has_review {
            self.folder.folder("review")?;
            self.has_review = true;
        }
        let name = self.names.unique(&file_name(list, found), ".yaml");
        self.folder.write(&format!("review/{name}"), |out| {
            report::write_yaml(json, out)
        })
    }

    fn finish(
        mut self,
        session: &Session<'_>,
        file: &Path,
        list: &'l ObjectList<'_>,
        tally: &Tally<'_>,
    ) -> Result<(), OutputError> {
        let plan = self.steps.plan(list);
        if plan.adoptions().next().is_some() {
            self.folder.folder("owners")?;
        }
        for (place, step) in plan.adoptions() {
            write_owners(&mut self.folder, place, &step)?;
        }
        let files = &self.files;
        let file_of = |place: ExportStep, step: &Step| match place {
            ExportStep::Creation(at) => {
                let text = file_name(list, plan.object(at)?);
                Some(files.get(at)?.name(&text))
            }
            ExportStep::Adoption(at) => Some(owner_file(at, step, "")),
        };
        let steps = || {
            let steps = plan.steps();
            steps.map(|(place, step)| {
                let file = file_of(place, &step);
                (step, file)
            })
        };
        self.folder
            .write("apply.sh", |out| report::write_apply_script(steps, out))?;
        let name = escape::path(file);
        let left_out = tally.left_out.iter().map(|one| one.line(list));
        let account = &tally.account;
        self.folder.write("index.md", |out| {
            account.write_markdown(&name, list.revision, plan.count(), left_out, out)
        })?;
        self.folder.finish(&[session])
    }
}

/// The name of a file, beside the object that it is of.
#[derive(Clone, Copy)]
struct StepFileName {
    number: u32,
    is_applied: bool,
}

// One is kept for each object that is exported.
const _: () = assert!(size_of::<StepFileName>() <= 8);

impl StepFileName {
    fn name(self, text: &str) -> String {
        FileNames::numbered(text, self.number, ending(self.is_applied))
    }
}

fn ending(is_applied: bool) -> &'static str {
    if is_applied { ".json" } else { ".yaml" }
}

/// Writes the patches of a step that gives owners to an object: the script adds those that are there.
fn write_owners(folder: &mut Folder, place: ExportStep, step: &Step) -> Result<(), OutputError> {
    let ExportStep::Adoption(at) = place else {
        return Ok(());
    };
    let patch = first_owners(step.owners.iter().map(|owner| &owner.reference));
    for (operations, after) in [(&patch.operations, ""), (&patch.after, ".after")] {
        folder.write(&owner_file(at, step, after), |out| {
            report::write_operations(operations, out)
        })?;
    }
    Ok(())
}

fn owner_file(at: usize, step: &Step, after: &str) -> String {
    let target = &step.target;
    let namespace = target.namespace.as_deref().unwrap_or("_cluster");
    // No two are alike, whatever is behind the number.
    let number = at.saturating_add(1);
    let name = format!(
        "{number:03}-{namespace}_{}_{}",
        target.resource, target.name
    );
    format!("owners/{}{after}.json", safe_name(&name))
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
