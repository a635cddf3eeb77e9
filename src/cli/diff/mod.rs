//! `diff`: what changed between two files, or two revisions of one.

mod manifests;
mod show;
mod targets;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::absent;
use super::exit::Exit;
use super::objects::Notes;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{self, Asked, AskedBoth, Run, fail, fail_all, read_to_the_end};
use super::term;
use crate::Result;
use crate::etcd::keyspace::KeyFilter;
use crate::finding::{Findings, escape};
use crate::kubernetes::compare::noise::NoiseProfile;
use crate::kubernetes::query::label_selector::LabelSelector;
use crate::ops::diff::{Detail, DiffQuery, diff_files, diff_revisions};
use crate::ops::{
    self, Absence, AbsenceQuery, AbsenceReason, Absences, LabelPresence, LookedFor, ObjectsQuery,
    RefusedError, Session, ValueReader,
};
use crate::report::{self, AbsenceContext};
use show::{Show, Wanted};
use targets::Words;

const EXAMPLES: &str = "\
Examples:
  etcdsnap diff yesterday.db today.db
  etcdsnap diff yesterday.db today.db -n shop --json | jq .patch
  etcdsnap diff snapshot.db --from 4711 --to 4800
  etcdsnap diff yesterday.db today.db deploy/web -n shop   one object in full: fields, when, who
  etcdsnap diff yesterday.db today.db --log                every change in between, in order
  etcdsnap diff yesterday.db today.db -o markdown > ticket.md
  etcdsnap diff yesterday.db today.db -o manifests --to-old -n shop --out undo/

Exit status:
  0    nothing differs, after filters and noise
  1    something differs; also with --exit-zero if an object that differs is damaged, or is left
       out of the manifests for its secrets and --partial is not given
  2    could not do it, or damage hides what changed
  130  interrupted
";

/// Show what changed between two files, or between two revisions of one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = "etcdsnap diff [OPTIONS] <OLD> [NEW] [KIND/NAME]...")]
pub(super) struct DiffArgs {
    /// The old file
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The new file; without it, two revisions of OLD are compared. Then objects or keys to show in full:
    /// KIND/NAME, KIND NAME... or keys, not with --kind, -l, --prefix or --glob
    #[arg(value_name = "NEW] [KIND/NAME")]
    words: Vec<OsString>,
    /// The old revision [default: the compaction point]
    #[arg(long, value_name = "REV")]
    from: Option<i64>,
    /// The new revision [default: the newest]
    #[arg(long, value_name = "REV")]
    to: Option<i64>,
    /// Only keys with this prefix
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    prefix: OsString,
    /// Only keys that match: `*` stays between slashes, `**` does not
    #[arg(long, value_name = "PATTERN")]
    glob: Option<String>,
    /// Only objects of these kinds
    #[arg(long, value_name = "KIND[,KIND]", value_delimiter = ',')]
    kind: Vec<String>,
    /// Only objects in this namespace, or in these
    #[arg(short = 'n', long, value_name = "NS[,NS]", value_delimiter = ',')]
    namespace: Vec<String>,
    /// Only objects with these labels, in either state
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// What to treat as noise
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t = Noise::Default)]
    noise: Noise,
    /// Leave out changes of these fields: spec.replicas, metadata.annotations
    #[arg(long, value_name = "PATH")]
    ignore: Vec<String>,
    /// Only the names of what differs
    #[arg(long)]
    names_only: bool,
    /// Only counts by kind
    #[arg(long, conflicts_with = "names_only")]
    stat: bool,
    /// Every change in between, in order, as `log` shows it
    #[arg(long)]
    log: bool,
    /// Fold nothing: a line for each pod of a rollout and for each object deleted with its namespace
    #[arg(long)]
    flat: bool,
    /// The form [default: text]
    #[arg(short = 'o', long, value_name = "FORM", value_enum)]
    output: Option<Form>,
    /// With -o manifests: a folder that is empty or not there yet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// With -o manifests: steps that undo the changes
    #[arg(long, conflicts_with = "to_new")]
    to_old: bool,
    /// With -o manifests: steps that make the changes again
    #[arg(long)]
    to_new: bool,
    /// With -o manifests and --exit-zero: exit 0 even if objects with secrets are left out
    #[arg(long)]
    partial: bool,
    /// Show the fields of at most N objects
    #[arg(long, value_name = "N", default_value_t = 200)]
    max_objects: usize,
    /// Lines around changed lines of long texts
    #[arg(short = 'U', long, value_name = "N", default_value_t = 3)]
    unified: usize,
    /// One line of JSON for each difference, nothing folded, as -o json
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Exit 0 even if something differs
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// One line for each difference
    Json,
    /// For a ticket
    Markdown,
    /// A folder with a script that brings a cluster to the one state or the other
    Manifests,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Noise {
    /// Leases, Events, heartbeats, managed fields, generations alone
    Default,
    /// Nothing is noise
    None,
    /// The same, and changes in the status alone
    AllStatus,
}

impl From<Noise> for NoiseProfile {
    fn from(noise: Noise) -> Self {
        match noise {
            Noise::Default => Self::Default,
            Noise::None => Self::None,
            Noise::AllStatus => Self::AllStatus,
        }
    }
}

pub(super) fn run(args: &DiffArgs, run: &Run) -> Exit {
    let words = Words::read(&args.words, args.from.is_some() || args.to.is_some());
    let words = words.and_then(|words| args.check(&words, run).map(|()| words));
    let words = match words {
        Ok(words) => words,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let labels = match args
        .selector
        .as_deref()
        .map(LabelSelector::parse)
        .transpose()
    {
        Ok(labels) => labels,
        Err(error) => {
            term::error(&format!("-l: {error}"));
            return Exit::Failed;
        }
    };
    // What differs is judged with managed fields; whether they are shown is another matter.
    let reader = ValueReader {
        managed_fields: true,
        ..reader
    };
    let only_names = args.names_only && args.form(run) != Form::Json && !args.log;
    let query = DiffQuery {
        filter: KeyFilter::prefix(args.prefix.as_bytes()),
        glob: args.glob.clone(),
        labels,
        noise: args.noise.into(),
        ignored: args.ignore.clone(),
        detail: if only_names {
            Detail::Change
        } else {
            Detail::Names
        },
        is_in_full: !words.names.is_empty(),
        times: !only_names && !args.log,
        hashes: false,
    };
    let told = Told::default();
    let Some(new) = &words.new else {
        let asked = run.ask(&args.old, Access::Positioned, |session| {
            let (from, to) = (args.from.unwrap_or(0), args.to.unwrap_or(0));
            let diff = diff_revisions(session, from, to, &query)?;
            let outcome =
                Show::new(args, run, &query, &told, &words).one(&diff, session, &reader)?;
            let (old, new) = (&diff.comparison.old, &diff.comparison.new);
            let labels = query.labels.as_ref();
            told.look_for_labels(args, labels, (session, old.revision), &reader)?;
            told.look_for_labels(args, labels, (session, new.revision), &reader)?;
            let session = &*session;
            told.look_for(
                args,
                false,
                (session, old.revision),
                (session, new.revision),
            )?;
            Ok(outcome)
        });
        return match asked {
            Ok(Asked::Done(written, findings)) => {
                conclude(args, written, &[(findings, &args.old)], &told)
            }
            Ok(Asked::Refused(refusal)) => refused(&refusal, &args.old),
            Err(error) => {
                term::discard();
                fail(&error, &args.old)
            }
        };
    };
    let paths = [&args.old, new];
    let asked = run.ask_both(
        paths.map(PathBuf::as_path),
        Access::Positioned,
        |old, new| {
            let diff = diff_files(old, new, &query)?;
            let outcome =
                Show::new(args, run, &query, &told, &words).all(&diff, old, new, &reader)?;
            let labels = query.labels.as_ref();
            told.look_for_labels(args, labels, (old, 0), &reader)?;
            told.look_for_labels(args, labels, (new, 0), &reader)?;
            told.look_for(args, true, (old, 0), (new, 0))?;
            Ok(outcome)
        },
    );
    match asked {
        AskedBoth::Done(written, [old, new]) => {
            let [old_path, new_path] = paths;
            conclude(args, written, &[(old, old_path), (new, new_path)], &told)
        }
        AskedBoth::Refused(refusal, number) => refused(&refusal, paths[number.min(1)]),
        AskedBoth::Failed(errors) => {
            term::discard();
            fail_all(&errors, new)
        }
    }
}

impl DiffArgs {
    /// The form that is wanted; `-o` counts more than the global `-w`.
    fn form(&self, run: &Run) -> Form {
        match self.output {
            Some(form) => form,
            None if run.wants_json(self.json) => Form::Json,
            None => Form::Text,
        }
    }

    /// Only a part of the keys is compared.
    fn is_narrowed(&self, names: &[OsString]) -> bool {
        let words = [&self.kind, &self.namespace];
        !names.is_empty()
            || !self.prefix.is_empty()
            || self.glob.is_some()
            || self.selector.is_some()
            || words.iter().any(|words| !words.is_empty())
    }

    /// What is wrong with them that the parser of arguments cannot know.
    fn check(&self, words: &Words, run: &Run) -> Result<(), String> {
        let mut narrowing = self.kind.iter().chain(&self.namespace);
        if narrowing.any(String::is_empty) {
            return Err(
                "a word for kinds or namespaces is empty; without one all are compared".into(),
            );
        }
        if words.names.iter().any(|name| name.is_empty()) {
            return Err("a name is empty; without one whatever differs is shown".into());
        }
        // What is named and kept out by a filter would be taken for something that does not differ.
        let filters = [
            ("--kind", !self.kind.is_empty()),
            ("-l", self.selector.is_some()),
            ("--prefix", !self.prefix.is_empty()),
            ("--glob", self.glob.is_some()),
        ];
        let given: Vec<&str> = filters
            .iter()
            .filter(|(_, is_given)| *is_given)
            .map(|(flag, _)| *flag)
            .collect();
        if let (Some(name), [_, ..]) = (words.names.first(), given.as_slice()) {
            return Err(format!(
                "{}: what is named goes without {}; leave out either the names or the filters",
                escape::text(name.as_bytes()),
                given.join(", ")
            ));
        }
        if self.names_only && self.form(run) == Form::Markdown {
            return Err("--names-only is for text and JSON, not for -o markdown".into());
        }
        Ok(())
    }
}

/// Nothing was compared.
fn refused(refusal: &RefusedError, path: &Path) -> Exit {
    super::refusal::refuse(refusal, path);
    Exit::Failed
}

/// What is to be known of a comparison once it is shown.
#[derive(Default)]
struct Told {
    /// The answer lacks something, whatever differs.
    is_incomplete: Cell<bool>,
    /// Values that could not be compared, nor shown.
    notes: RefCell<Notes>,
    /// Something of what is wanted differs.
    has_found: Cell<bool>,
    /// Whether an object has the labels that are wanted, where that was looked for.
    labels: Cell<Option<LabelPresence>>,
    /// Words for kinds of which nothing differs.
    unseen_kinds: RefCell<Vec<String>>,
    /// The namespaces of what differs, of what is wanted; none for what is in no namespace.
    namespaces: RefCell<BTreeSet<Option<String>>>,
    /// What was asked for by name and does not differ.
    unseen_targets: RefCell<Vec<UnseenTarget>>,
}

/// Something that was asked for by name.
struct UnseenTarget {
    text: String,
    /// What it may be.
    items: Vec<LookedFor>,
}

impl Told {
    fn note_wanted(&self, wanted: &Wanted<'_>) {
        *self.unseen_kinds.borrow_mut() = wanted.kinds.words_without_objects();
        let unseen = wanted.unseen().map(|target| UnseenTarget {
            text: escape::text(&target.text),
            items: target.looked_for(),
        });
        *self.unseen_targets.borrow_mut() = unseen.collect();
    }

    /// The namespaces that are asked for and in which nothing of what is wanted differs.
    fn unseen_namespaces(&self, args: &DiffArgs) -> Vec<String> {
        let seen = self.namespaces.borrow();
        // They do not matter to kinds of the cluster.
        if seen.len() == 1 && seen.contains(&None) {
            return Vec::new();
        }
        let namespaces = args.namespace.iter();
        namespaces
            .filter(|name| !seen.contains(&Some((*name).clone())))
            .cloned()
            .collect()
    }

    /// Whether a state has objects with the labels that are wanted, if nothing of what is wanted differs.
    fn look_for_labels(
        &self,
        args: &DiffArgs,
        labels: Option<&LabelSelector>,
        (session, revision): (&mut Session<'_>, i64),
        reader: &ValueReader,
    ) -> Result<()> {
        if labels.is_some()
            && !self.has_found.get()
            && self.labels.get() != Some(LabelPresence::Present)
        {
            let query = ObjectsQuery {
                kinds: args.kind.clone(),
                namespaces: args.namespace.clone(),
                labels: labels.cloned(),
                revision,
                ..ObjectsQuery::default()
            };
            let found = ops::label_presence(session, &query, reader)?;
            self.labels.set(self.labels.get().max(Some(found)));
        }
        Ok(())
    }

    /// Says what was asked for and is in neither state. Of what is in one of them, it is an answer that nothing
    /// differs.
    fn look_for(
        &self,
        args: &DiffArgs,
        are_two_files: bool,
        old: (&Session<'_>, i64),
        new: (&Session<'_>, i64),
    ) -> Result<()> {
        let kinds = self.unseen_kinds.take().into_iter().map(LookedFor::Kind);
        let mut items: Vec<LookedFor> = kinds.collect();
        if !self.has_found.get() {
            let prefix = args.prefix.as_bytes().to_vec();
            let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
            items.extend(prefix.map(LookedFor::Prefix));
            items.extend(args.glob.clone().map(LookedFor::Glob));
            let selector = args.selector.as_deref().unwrap_or_default();
            let selector = escape::text(selector.as_bytes());
            let message = match self.labels.get() {
                None | Some(LabelPresence::Present) => None,
                Some(LabelPresence::Absent) => Some(format!("-l {selector} selects no object")),
                Some(LabelPresence::Unknown) => Some(format!(
                    "cannot be determined: -l {selector} selects no object that can be read, and others stay encrypted or \
                     are damaged"
                )),
            };
            if let Some(message) = message {
                term::error(&message);
                self.is_incomplete.set(true);
            }
        }
        let namespaces = self.unseen_namespaces(args).into_iter();
        items.extend(namespaces.map(LookedFor::Namespace));
        let targets = self.unseen_targets.take();
        items.extend(targets.iter().flat_map(|target| target.items.clone()));
        if items.is_empty() {
            return Ok(());
        }
        let query = AbsenceQuery {
            items,
            // Filters need only be met each by itself.
            namespaces: match targets.is_empty() {
                true => Vec::new(),
                false => args.namespace.clone(),
            },
            ..AbsenceQuery::default()
        };
        let mut found = absent::in_both(&query, old, new)?;
        for target in targets {
            let is_in_both = target.keep_best(&mut found);
            if is_in_both {
                let ignored = match args.ignore.is_empty() {
                    true => "",
                    false => ", apart from what --ignore leaves out",
                };
                let damage = match found.is_damaged {
                    true => " in what can be read; damage may hide a later change",
                    false => "",
                };
                term::line(&format!("{} does not differ{ignored}{damage}", target.text));
            }
        }
        let context = AbsenceContext {
            namespaces: &args.namespace,
            takes_keys: true,
            are_two_files,
            ..AbsenceContext::default()
        };
        if absent::say(&found, context) != Exit::Fine {
            self.is_incomplete.set(true);
        }
        Ok(())
    }
}

impl UnseenTarget {
    /// Of all that it may be, leaves what says most of it; true if it is there.
    fn keep_best(&self, found: &mut Absences) -> bool {
        let rank = |absence: &Absence| match absence.reason {
            AbsenceReason::Present(_) => 0,
            AbsenceReason::Deleted { .. } => 1,
            AbsenceReason::NotYet(_) | AbsenceReason::Elsewhere(..) => 2,
            _ => 3,
        };
        let own = |absence: &&Absence| self.items.contains(&absence.item);
        let best = found.list.iter().filter(own).min_by_key(|one| rank(one));
        let Some(best) = best.cloned() else {
            return false;
        };
        found
            .list
            .retain(|one| !self.items.contains(&one.item) || *one == best);
        rank(&best) == 0
    }
}

/// Whether something differs; `None` when the job could not be done, which was said.
type Outcome = io::Result<Option<bool>>;

fn conclude(
    args: &DiffArgs,
    written: Outcome,
    findings: &[(Findings, &PathBuf)],
    told: &Told,
) -> Exit {
    let released = |differs| read_to_the_end(term::release()).map(|()| differs);
    let differs = match written.and_then(released) {
        Ok(Some(differs)) => differs,
        Ok(None) => return Exit::Failed,
        // What is long enough to be written before the end are differences.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => true,
        Err(error) => {
            term::error(&format!("writing failed: {}", run::reason(&error)));
            return Exit::Failed;
        }
    };
    if told.notes.borrow_mut().tell() != Exit::Fine {
        told.is_incomplete.set(true);
    }
    let mut exit = if differs && !args.exit_zero || told.is_incomplete.get() {
        Exit::Findings
    } else {
        Exit::Fine
    };
    for (findings, path) in findings {
        if findings.has_errors() {
            let what = "damaged; keys that it may have held are unknown";
            term::damage(path, what, &report::findings_text(findings, 5));
            exit = Exit::Failed;
        }
    }
    exit
}
