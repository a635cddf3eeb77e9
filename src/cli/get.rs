//! `get`: values, by key or by kind and name.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use serde_json::Value;

use super::absent;
use super::exit::Exit;
use super::objects::{self, ListArgs, Notes, SelectorArgs, Which, too_large};
use super::offered::offered;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude, read_to_the_end};
use super::term;
use crate::etcd::keyspace::RecordFacts;
use crate::etcd::keyspace::{KeyRecord, RevisionBounds};
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resolved;
use crate::ops::{
    self, AbsenceQuery, Answer, Answers, LookedFor, Name, ObjectsQuery, ReadValue, Session,
    ValueReader,
};
use crate::report::{self, AbsenceContext, Format, Readable};

const EXAMPLES: &str = "\
Examples:
  etcdsnap get snapshot.db deploy/web -n shop
  etcdsnap get snapshot.db /registry/deployments/shop/web --rev 4711 -o json
  etcdsnap get snapshot.db secret/db -n payments --show-secrets
  etcdsnap get snapshot.db deploy web -n shop -o wide        the forms of `objects`, too
  etcdsnap get snapshot.db pods -A --sort-by=.spec.nodeName  kinds alone: as `objects`
  etcdsnap get snapshot.db /app/ --prefix -o fields        as `etcdctl get -w fields` prints it

Without -o, objects are shown as YAML, other text as it is, and kinds alone as a table.

Exit status 1: one of the names has no value at that revision, or a value is not the object that
its key promises.
";

/// Show values, decoded where they are objects of Kubernetes
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct GetArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Keys, or objects as KIND/NAME or KIND NAME...; kinds alone list their objects
    #[arg(value_name = "KEY|KIND/NAME", required = true)]
    names: Vec<OsString>,
    /// The namespace of objects
    #[arg(short = 'n', long, value_name = "NS", value_parser = crate::cli::words)]
    namespace: Option<String>,
    /// All namespaces, which is the default; as with kubectl, it overrides -n
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    #[command(flatten)]
    selectors: SelectorArgs,
    /// Read names as keys, never as KIND/NAME
    #[arg(long)]
    key: bool,
    /// Take names as prefixes: show all keys with them
    #[arg(long, conflicts_with_all = ["namespace", "key"])]
    prefix: bool,
    /// At this revision; 0 = the newest
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    rev: i64,
    /// The form: yaml, json, raw, hex, fields, etcdctl-json, table, wide, name, kyaml, ndjson, jsonpath=TEMPLATE,
    /// jsonpath-as-json=TEMPLATE, jsonpath-file=FILE, custom-columns=HEADER:PATH or custom-columns-file=FILE
    #[arg(
        short = 'o',
        long,
        value_name = "FORM",
        hide_possible_values = true,
        value_parser = offered(str::parse::<Wish>, &[&objects::OFFERED, &OFFERED])
    )]
    output: Option<Wish>,
    /// One line of JSON for each record
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Write binary values even to a terminal
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

/// What `-o` asks for.
#[derive(Debug, Clone)]
enum Wish {
    /// Each value by itself.
    Value(Form),
    /// All objects together, in a form of `objects`.
    Objects(objects::Form),
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Form::from_str(text, true) {
            Ok(form) => Ok(Self::Value(form)),
            Err(_) => match text.parse() {
                Ok(form) => Ok(Self::Objects(form)),
                // Of a form that is known the message says all.
                Err(message) if !message.ends_with(objects::FORMS) => Err(message),
                Err(message) => Err(format!("{message}; also etcdctl-json, fields, hex, raw")),
            },
        }
    }
}

/// What shells offer beside the forms of objects.
const OFFERED: [&str; 4] = ["raw", "hex", "fields", "etcdctl-json"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Yaml,
    Json,
    Raw,
    Hex,
    Fields,
    EtcdctlJson,
}

impl Form {
    /// True for the forms that give the stored bytes.
    fn is_exact(self) -> bool {
        !matches!(self, Self::Yaml | Self::Json)
    }
}

pub(super) fn run(args: &GetArgs, run: &Run) -> Exit {
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let json = args.json || args.output.is_none() && run.format == Format::Json;
    let namespace = args.namespace.as_deref().filter(|_| !args.all_namespaces);
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let mut words = args.names.clone();
        match kinds(session, args, namespace, &reader)? {
            Kinds::None => {}
            Kinds::Named(names) => words = names,
            Kinds::Listed(which) => return list(session, args, json, &which, &reader),
            Kinds::Refused(message) => {
                term::error(&message);
                return Ok(Ok(Exit::Failed));
            }
        }
        if let Some(which) = in_several_namespaces(&words, args) {
            return list(session, args, json, &which, &reader);
        }
        if args.selectors.are_given() {
            term::error(
                "selectors choose among the objects of kinds, and single values are asked for",
            );
            return Ok(Ok(Exit::Failed));
        }
        if namespace.is_some_and(|namespace| namespace.contains(',')) {
            term::error("keys are not in namespaces: leave -n out");
            return Ok(Ok(Exit::Failed));
        }
        let mut output = Output::new(args, json);
        let mut exit = Exit::Fine;
        let names = names_of(&words, namespace, args.key);
        let groups: Vec<Answers<'_>> = if args.prefix {
            args.names
                .iter()
                .map(|prefix| ops::get_prefix(session, prefix.as_bytes(), args.rev))
                .collect::<crate::Result<_>>()?
        } else {
            vec![ops::get(session, &names, args.rev, &reader)?]
        };
        let form = match &args.output {
            Some(Wish::Objects(form)) => Some(form.clone()),
            Some(Wish::Value(Form::Yaml)) => Some(objects::Form::Yaml),
            Some(Wish::Value(Form::Json)) => Some(objects::Form::Json),
            Some(Wish::Value(_)) => None,
            None => Some(objects::Form::Yaml),
        };
        // What is asked for in a version is shown in it.
        let is_versioned = || groups.iter().any(|group| names_a_version(group, &names));
        let is_together = matches!(args.output, Some(Wish::Objects(_))) || !json && is_versioned();
        if let Some(form) = form.filter(|_| is_together) {
            return together(session, args, &form, &groups, &names, &reader);
        }
        for answers in &groups {
            let found: Vec<(&[u8], RecordFacts)> = answers
                .list
                .iter()
                .filter_map(|answer| match answer {
                    Answer::Found(list) => Some(list),
                    _ => None,
                })
                .flatten()
                .map(|(key, facts)| (key.as_slice(), *facts))
                .collect();
            exit = exit.max(output.write(session, answers, &found, &reader)?);
        }
        exit = exit.max(output.notes.tell());
        exit = exit.max(explain_all(session, args, &groups, &names)?);
        let at = groups
            .first()
            .map(|answers| (answers.revision, answers.keyspace.bounds()));
        Ok(read_to_the_end(output.finish(at)).map(|()| exit))
    });
    conclude(asked, &args.file)
}

fn names_of(words: &[OsString], namespace: Option<&str>, is_key: bool) -> Vec<Name> {
    let name = |text: &OsString| Name {
        text: text.as_bytes().to_vec(),
        namespace: namespace.map(str::to_owned),
        is_key,
    };
    words.iter().map(name).collect()
}

/// A key or KIND/NAME, or KIND and the name behind it, as kubectl takes them.
pub(super) fn spaced(word: &OsStr, behind: Option<&OsString>) -> Result<OsString, String> {
    let mut text = word.to_owned();
    if let Some(name) = behind {
        if word.as_encoded_bytes().contains(&b'/') {
            let [name, word] = [name, word].map(|text| escape::text(text.as_encoded_bytes()));
            return Err(format!(
                "{name} follows {word}; a name can only follow a kind"
            ));
        }
        text.push("/");
        text.push(name);
    }
    Ok(text)
}

/// How kubectl's words stand for kinds.
enum Kinds {
    /// They do not.
    None,
    /// A kind, and names behind it: the same as KIND/NAME.
    Named(Vec<OsString>),
    /// Kinds alone, or names in several namespaces.
    Listed(Box<Which>),
    /// They cannot be read.
    Refused(String),
}

/// Reads `KIND[,KIND] [NAME...]`, unless there is a key that is called so.
fn kinds(
    session: &mut Session<'_>,
    args: &GetArgs,
    namespace: Option<&str>,
    reader: &ValueReader,
) -> crate::Result<Kinds> {
    let words: Option<Vec<&str>> = args.names.iter().map(|word| word.to_str()).collect();
    let words = words.filter(|words| words.iter().all(|word| !word.contains('/')));
    let Some((first, names)) = words.as_ref().and_then(|words| words.split_first()) else {
        return Ok(Kinds::None);
    };
    if args.key || args.prefix {
        return Ok(Kinds::None);
    }
    let names_alone = names_of(&args.names, None, true);
    let answers = ops::get(session, &names_alone, args.rev, reader)?;
    session.forget_findings();
    let is_kind = |word: &str| answers.resources.resolve(word) != Resolved::Unknown;
    let is_key = |answer: &Answer| !matches!(answer, Answer::NeverSeen);
    let kinds: Vec<&str> = first.split(',').collect();
    if answers.list.iter().any(is_key)
        // Of several, one that is known tells that the others are meant for kinds as well.
        || !kinds.iter().any(|kind| is_kind(kind))
    {
        return Ok(Kinds::None);
    }
    let kinds = match objects::kind_words(first) {
        Ok(kinds) => kinds,
        Err(message) => return Ok(Kinds::Refused(message)),
    };
    if names.is_empty() {
        let places = namespace.map(|text| text.split(',').map(str::to_owned).collect());
        let query = ObjectsQuery {
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            namespaces: places.unwrap_or_default(),
            revision: args.rev,
            ..ObjectsQuery::default()
        };
        let is_single = false;
        return Ok(Kinds::Listed(Box::new(Which {
            query,
            selectors: None,
            is_single,
        })));
    }
    let pairs = kinds.iter().flat_map(|kind| {
        names
            .iter()
            .map(move |name| format!("{kind}/{name}").into())
    });
    Ok(Kinds::Named(pairs.collect()))
}

/// Names that are asked for in several namespaces, or in all on request: they are listed as `objects` lists them.
fn in_several_namespaces(words: &[OsString], args: &GetArgs) -> Option<Which> {
    let namespaces: Vec<String> = match &args.namespace {
        Some(text) if !args.all_namespaces => text.split(',').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if args.key || args.prefix || !args.all_namespaces && namespaces.len() < 2 {
        return None;
    }
    let pair = |word: &OsString| {
        let (kind, name) = word.to_str()?.split_once('/')?;
        let is_pair = !kind.is_empty() && !name.is_empty() && !name.contains('/');
        is_pair.then(|| (kind.to_owned(), name.to_owned()))
    };
    let query = ObjectsQuery {
        pairs: words.iter().map(pair).collect::<Option<_>>()?,
        namespaces,
        revision: args.rev,
        ..ObjectsQuery::default()
    };
    Some(Which {
        is_single: query.pairs.len() == 1,
        query,
        selectors: None,
    })
}

/// True where a word names a version of its kind, such as `hpa.v1.autoscaling/web`, which may not be the stored one.
fn names_a_version(answers: &Answers<'_>, names: &[Name]) -> bool {
    names
        .iter()
        .filter_map(Name::kind_and_name)
        .any(|(kind, _)| {
            let asked = answers.resources.asked(kind);
            asked.is_ok_and(|asked| asked.version.is_some())
        })
}

/// Lists objects as `objects` does.
fn list(
    session: &mut Session<'_>,
    args: &GetArgs,
    json: bool,
    which: &Which,
    reader: &ValueReader,
) -> crate::Result<io::Result<Exit>> {
    let form = match &args.output {
        _ if json => objects::Form::Rows,
        None if !which.query.pairs.is_empty() => objects::Form::Yaml,
        None => objects::Form::Table,
        Some(Wish::Objects(form)) => form.clone(),
        Some(Wish::Value(Form::Yaml)) => objects::Form::Yaml,
        Some(Wish::Value(Form::Json)) => objects::Form::Json,
        Some(Wish::Value(_)) => {
            term::error("this form shows single values: name keys or KIND/NAME");
            return Ok(Ok(Exit::Failed));
        }
    };
    let mut which = which.clone();
    which.selectors = match args.selectors.read(&mut which.query) {
        Ok(selectors) => selectors,
        Err(message) => {
            term::error(&message);
            return Ok(Ok(Exit::Failed));
        }
    };
    objects::print(session, &args.file, &which, &form, &args.list, reader)
}

/// Shows the values that were found together, in a form of `objects`.
fn together(
    session: &mut Session<'_>,
    args: &GetArgs,
    form: &objects::Form,
    groups: &[Answers<'_>],
    names: &[Name],
    reader: &ValueReader,
) -> crate::Result<io::Result<Exit>> {
    let exit = explain_all(session, args, groups, names)?;
    let mut keys = BTreeSet::new();
    let mut pairs = Vec::new();
    let namespace = args.namespace.as_deref().filter(|_| !args.all_namespaces);
    for answers in groups {
        for (answer, name) in answers.list.iter().zip(names) {
            let Answer::Found(found) = answer else {
                continue;
            };
            keys.extend(found.iter().map(|(key, _)| key.clone()));
            // The order in which they are asked for.
            let text = std::str::from_utf8(&name.text).ok();
            let pair = text.and_then(|text| text.split_once('/'));
            let is_key = found.iter().any(|(key, _)| *key == name.text);
            pairs.extend(
                pair.filter(|_| !is_key && !args.prefix)
                    .map(|(kind, name)| (kind.to_owned(), name.to_owned())),
            );
        }
    }
    if keys.is_empty() {
        let none = match args.list.ignore_not_found {
            true => Exit::Fine,
            false => Exit::Findings,
        };
        return Ok(Ok(exit.max(none)));
    }
    if pairs.len() < keys.len() {
        pairs.clear();
    }
    session.forget_findings();
    let which = Which {
        selectors: None,
        is_single: keys.len() == 1 && !args.prefix,
        query: ObjectsQuery {
            pairs,
            namespaces: namespace.map(str::to_owned).into_iter().collect(),
            keys: Some(keys),
            revision: args.rev,
            ..ObjectsQuery::default()
        },
    };
    let printed = objects::print(session, &args.file, &which, form, &args.list, reader)?;
    Ok(printed.map(|of_objects| of_objects.max(exit)))
}

/// Says why names, or prefixes, have no value.
fn explain_all(
    session: &Session<'_>,
    args: &GetArgs,
    groups: &[Answers<'_>],
    names: &[Name],
) -> crate::Result<Exit> {
    if !args.prefix {
        let answers = groups.iter().flat_map(|answers| &answers.list);
        let is_absent = |answer: &Answer| {
            use Answer::{Deleted, NeverSeen, NotYet};
            matches!(answer, Deleted { .. } | NeverSeen | NotYet { .. })
        };
        // A word may be meant for a kind, and one that does not exist is not ignored.
        let is_word = |name: &Name| !name.is_key && !name.text.contains(&b'/');
        let is_told = |(answer, name): &(&Answer, &Name)| {
            !args.list.ignore_not_found || !is_absent(answer) || is_word(name)
        };
        let told = answers.zip(names).filter(is_told);
        return explain(session, told, args.rev);
    }
    if args.list.ignore_not_found {
        return Ok(Exit::Fine);
    }
    let query = AbsenceQuery {
        items: prefixes_without_keys(groups, names),
        revision: args.rev,
        ..AbsenceQuery::default()
    };
    absent::tell(session, &query, AbsenceContext::default())
}

fn prefixes_without_keys(groups: &[Answers<'_>], prefixes: &[Name]) -> Vec<LookedFor> {
    let has_keys = |answers: &Answers<'_>| {
        let mut list = answers.list.iter();
        list.any(|answer| matches!(answer, Answer::Found(keys) if !keys.is_empty()))
    };
    let missing = groups.iter().zip(prefixes);
    let missing = missing.filter(|(answers, _)| !has_keys(answers));
    missing
        .map(|(_, prefix)| LookedFor::Prefix(prefix.text.clone()))
        .collect()
}

/// Says on standard error why names have no value, and gives the exit status of that.
pub(super) fn explain<'a>(
    session: &Session<'_>,
    answers: impl Iterator<Item = (&'a Answer, &'a Name)>,
    revision: i64,
) -> crate::Result<Exit> {
    let mut exit = Exit::Fine;
    let mut hints = Vec::new();
    let mut query = AbsenceQuery {
        revision,
        ..AbsenceQuery::default()
    };
    for (answer, name) in answers {
        query.namespaces = name.namespace.iter().cloned().collect();
        let text = escape::text(&name.text);
        let message = match answer {
            Answer::Found(_) => continue,
            Answer::Deleted { key, .. } | Answer::NotYet { key, .. } => {
                hints.extend(way_back(answer, name));
                query.items.push(LookedFor::Named {
                    name: name.text.clone(),
                    key: key.clone(),
                });
                continue;
            }
            Answer::NeverSeen | Answer::UnknownKind(_) => {
                query.items.push(match name.kind_and_name() {
                    Some((word, name)) => LookedFor::Object {
                        word: word.to_owned(),
                        name: name.to_owned(),
                    },
                    None if name.is_key => LookedFor::Key(name.text.clone()),
                    None => LookedFor::word_or_key(&name.text),
                });
                continue;
            }
            Answer::EmptyName(word) => objects::empty_name(word),
            Answer::NotServed(error) => {
                format!("{text}: {}", escape::text(error.to_string().as_bytes()))
            }
            Answer::Several(keys) => {
                let place = name.namespace.as_ref().map_or(String::new(), |namespace| {
                    format!(" in namespace {}", escape::text(namespace.as_bytes()))
                });
                let keys: Vec<String> = keys
                    .iter()
                    .map(|key| format!("\n  {}", escape::text(key)))
                    .collect();
                format!(
                    "{text}{place} is the name of {} objects; give a namespace with -n, or a key:{}",
                    keys.len(),
                    keys.concat()
                )
            }
        };
        term::error(&message);
        exit = Exit::Failed;
    }
    let namespaces = query.namespaces.clone();
    let context = AbsenceContext {
        namespaces: &namespaces,
        takes_keys: true,
        ..AbsenceContext::default()
    };
    // Where there is no such namespace, that is said, too.
    if !query.items.is_empty() {
        let namespaces = namespaces.iter().cloned();
        query.items.extend(namespaces.map(LookedFor::Namespace));
    }
    exit = exit.max(absent::tell(session, &query, context)?);
    let more = hints.len().saturating_sub(HINTS);
    hints.truncate(HINTS);
    hints.iter().for_each(|hint| term::line(hint));
    if more > 0 {
        term::line(&format!("… and {more} more that were deleted"));
    }
    Ok(exit)
}

/// Of so many deleted things it is said how to have them back.
const HINTS: usize = 3;

/// How to have a deleted value back, if the file still has it.
fn way_back(answer: &Answer, name: &Name) -> Option<String> {
    let Answer::Deleted {
        key,
        revision,
        has_value: true,
    } = answer
    else {
        return None;
    };
    let before = revision.saturating_sub(1);
    let key = escape::text(key);
    let manifest = match name.kind_and_name() {
        Some((kind, object)) => {
            let object = escape::text(format!("{kind}/{object}").as_bytes());
            let place = name.namespace.as_ref().map_or(String::new(), |namespace| {
                format!(" -n {}", escape::text(namespace.as_bytes()))
            });
            format!(
                "; `etcdsnap export FILE {object}{place} --deleted --out DIR` writes a manifest of it"
            )
        }
        None => String::new(),
    };
    Some(format!(
        "its last value is there: `etcdsnap get FILE {key} --rev {before}` shows it{manifest}"
    ))
}

/// One record, ready to be written.
enum Piece {
    Text(String),
    Json(Value),
    /// With what could not be decoded.
    Yaml(Value, Vec<String>),
    Bytes(Vec<u8>),
    /// It cannot be shown so, for this reason.
    Refused(String),
}

struct Output {
    form: Option<Form>,
    force: bool,
    json: bool,
    lines: Option<term::Lines>,
    written: io::Result<()>,
    records: usize,
    is_terminal: bool,
    inspector: ops::Inspector,
    notes: Notes,
}

impl Output {
    fn new(args: &GetArgs, json: bool) -> Self {
        Self {
            form: match &args.output {
                Some(Wish::Value(form)) => Some(*form),
                _ => None,
            },
            force: args.force,
            json,
            lines: Some(term::Lines::exact()),
            written: Ok(()),
            records: 0,
            is_terminal: term::stdout_is_terminal(),
            inspector: ops::Inspector::default(),
            notes: Notes::default(),
        }
    }

    fn write<'i>(
        &mut self,
        session: &Session<'i>,
        answers: &Answers<'i>,
        found: &[(&[u8], RecordFacts)],
        reader: &ValueReader,
    ) -> crate::Result<Exit> {
        let mut exit = Exit::Fine;
        let several = found.len() > 1 || self.records > 0;
        let form = self.form;
        let (json, is_terminal, force) = (self.json, self.is_terminal, self.force);
        let mut failed = None;
        let mut rest = found.iter();
        ops::fetch(
            session,
            &answers.keyspace,
            found.iter().map(|(key, facts)| facts.with_key(key)),
            |_, value, _| value.to_vec(),
            |record, value| {
                rest.next();
                let Some(value) = value else {
                    let key = escape::text(record.key);
                    term::error(&format!("{key}: its value cannot be read any more"));
                    exit = exit.max(Exit::Failed);
                    return ControlFlow::Continue(());
                };
                let look = reader.read(record.key, &value, record.facts.revision.main);
                let flaw = match self.inspector.flaw(session, reader, record.key, &value) {
                    Ok(flaw) => flaw,
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                };
                let is_shown = json || !form.is_some_and(Form::is_exact);
                if let Some(error) = look.locked.as_ref().filter(|_| is_shown && flaw.is_none()) {
                    self.notes.locked(|| escape::text(record.key), error);
                }
                if let ops::ValueContent::Object(object) = &look.content
                    && is_shown
                    && let Some(why) = report::undecoded(&object.description)
                {
                    self.notes
                        .add(format!("{}: {why}", escape::text(record.key)), true);
                }
                if let Some(error) = look.too_large.as_ref().filter(|_| is_shown) {
                    let key = escape::text(record.key);
                    term::error(&format!("{key}: {}", too_large(error)));
                    exit = exit.max(Exit::Findings);
                    if !json {
                        return ControlFlow::Continue(());
                    }
                } else if let Some(flaw) = &flaw {
                    term::line(&report::flaw_line(record.key, flaw));
                    // Stored bytes are given as they are, whatever they mean.
                    if !flaw.is_decodable() && is_shown {
                        self.notes.damaged();
                    }
                }
                if form == Some(Form::Json)
                    && flaw.is_none()
                    && let ops::ValueContent::Object(object) = &look.content
                {
                    // JSON has no comments.
                    let key = escape::text(record.key);
                    let undecoded = report::undecoded(&object.description);
                    let notes = report::notes(&object.description).into_iter();
                    for note in notes.filter(|note| Some(note) != undecoded.as_ref()) {
                        term::line(&format!("{key}: {note}"));
                    }
                }
                let piece = if json {
                    Piece::Text(report::record_json(
                        &record,
                        &look,
                        flaw.as_ref(),
                        &answers.resources,
                    ))
                } else {
                    let hides_bytes =
                        form.is_some_and(Form::is_exact) && reader.hides_bytes(record.key, &look);
                    match hides_bytes {
                        true => Piece::Refused(
                            "the value is secret; --show-secrets shows it, -o yaml shows the rest"
                                .into(),
                        ),
                        false => render(form, &record, &value, look, is_terminal && !force),
                    }
                };
                exit = exit.max(self.put(&record, piece, several));
                if self.written.is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        )?;
        match failed {
            Some(error) => Err(error),
            None => Ok(exit),
        }
    }

    fn put(&mut self, record: &KeyRecord<'_>, piece: Piece, several: bool) -> Exit {
        if let Piece::Refused(reason) = piece {
            term::error(&format!("{}: {reason}", escape::text(record.key)));
            return Exit::Failed;
        }
        let separator = match (self.form, self.json) {
            (None | Some(Form::Yaml), false) if several => report::document_start(self.records),
            (Some(Form::EtcdctlJson), false) => report::etcdctl_json_start(self.records),
            _ => "",
        };
        self.text(separator);
        self.records += 1;
        match piece {
            Piece::Text(text) => self.text(&text),
            Piece::Json(json) => self.stored(|out| report::write_pretty_json(&json, out)),
            Piece::Yaml(json, notes) => {
                self.stored(|out| report::write_object_yaml(&json, &notes, out));
            }
            Piece::Bytes(bytes) => {
                let end: &[u8] = if several { b"\n" } else { b"" };
                if let (Ok(()), Some(lines)) = (&self.written, &mut self.lines) {
                    self.written = lines
                        .write_bytes(&bytes)
                        .and_then(|()| lines.write_bytes(end));
                }
            }
            // Told above.
            Piece::Refused(_) => {}
        }
        Exit::Fine
    }

    fn text(&mut self, text: &str) {
        if let (Ok(()), Some(lines)) = (&self.written, &mut self.lines) {
            self.written = if self.is_terminal {
                lines.write(&escape::report(text))
            } else {
                lines.write(text)
            };
        }
    }

    fn stored(&mut self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) {
        if let (Ok(()), Some(lines)) = (&self.written, &mut self.lines) {
            self.written = write(&mut lines.stored());
        }
    }

    /// Writes what stands behind the records. `at` is the revision that was asked for, and what the file
    /// can answer.
    fn finish(mut self, at: Option<(i64, RevisionBounds)>) -> io::Result<()> {
        if self.json
            && let Some((revision, bounds)) = at
        {
            self.text(&report::records_summary_json(
                self.records,
                revision,
                bounds,
            ));
        }
        match self.form {
            Some(Form::Fields) => self.text(&report::fields_end(self.records)),
            Some(Form::EtcdctlJson) => self.text(&report::etcdctl_json_end(self.records)),
            _ => {}
        }
        self.written?;
        self.lines.map_or(Ok(()), term::Lines::finish)
    }
}

fn render(
    form: Option<Form>,
    record: &KeyRecord<'_>,
    value: &[u8],
    look: ReadValue<'_>,
    guards_terminal: bool,
) -> Piece {
    match form {
        Some(Form::Raw) => {
            let is_harmful = value
                .utf8_chunks()
                .any(|chunk| !chunk.invalid().is_empty() || has_controls(chunk.valid()));
            if guards_terminal && is_harmful {
                return Piece::Refused(
                    "the value is binary; --force writes it to the terminal all the same".into(),
                );
            }
            Piece::Bytes(value.to_vec())
        }
        Some(Form::Hex) => Piece::Text(format!("{}\n", escape::hex(value))),
        Some(Form::Fields) => Piece::Text(report::record_fields(record, value)),
        Some(Form::EtcdctlJson) => Piece::Text(report::record_etcdctl_json(record, value)),
        Some(Form::Yaml) | Some(Form::Json) | None => readable(form, record.key, look),
    }
}

fn readable(form: Option<Form>, key: &[u8], look: ReadValue<'_>) -> Piece {
    let notes = match &look.content {
        ops::ValueContent::Object(object) => {
            let mut notes = report::notes(&object.description);
            notes.extend(report::server_lease_note(key));
            Some(notes)
        }
        _ => None,
    };
    match (report::readable(look.content, &look.plain), form) {
        (Readable::Json(json), Some(Form::Json)) => Piece::Json(json),
        (Readable::Json(json), Some(_)) => Piece::Yaml(json, notes.unwrap_or_default()),
        (Readable::Json(json), None) => match notes {
            Some(notes) => Piece::Yaml(json, notes),
            None => as_text(&look.plain),
        },
        (Readable::Text(text), Some(Form::Json)) => Piece::Json(text.into()),
        (Readable::Text(text), Some(_)) => Piece::Yaml(text.into(), Vec::new()),
        (Readable::Text(text), None) => as_text(text.as_bytes()),
        (Readable::Binary, Some(_)) => Piece::Refused(
            "the value is neither an object nor text; -o hex and -o raw show its bytes".into(),
        ),
        (Readable::Binary, None) => Piece::Text(format!("{}\n", escape::text(&look.plain))),
    }
}

/// Text as it is, with a line end.
fn as_text(bytes: &[u8]) -> Piece {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Piece::Text(text)
}

fn has_controls(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
}
