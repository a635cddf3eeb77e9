//! `contains`: the recovery marker of a backup drill as an exit status.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use serde_json::Value;

use super::exit::Exit;
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude, read_to_the_end};
use super::term;
use crate::finding::escape;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::query::jsonpath::Path;
use crate::ops::{self, Answer, Name, Session, ValueReader};
use crate::report::{self, ActualField, Readable};

const EXAMPLES: &str = "\
Examples:
  etcdsnap contains snapshot.db cm/drill -n backup --field '{.data.build}=2026-11-21'
  etcdsnap contains snapshot.db /app/marker --value-equals 42
  etcdsnap contains snapshot.db /app/marker --json

Exit status:
  0    it is there, and equal
  1    it is not there, or not equal
  2    cannot tell: damage, encrypted without a key, several matches, usage, missing file
  130  interrupted
";

/// Check by exit status that a key or an object exists, and its value
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ContainsArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A key, or an object as KIND/NAME
    #[arg(value_name = "KEY|KIND/NAME")]
    name: OsString,
    /// The name of the object, if the argument before it is its kind
    #[arg(value_name = "NAME")]
    name_behind: Option<OsString>,
    /// The namespace of the object
    #[arg(short = 'n', long, value_name = "NS", value_parser = crate::cli::word)]
    namespace: Option<String>,
    /// Read the name as a key, never as KIND/NAME
    #[arg(long)]
    key: bool,
    /// The value must be exactly this
    #[arg(long, value_name = "VALUE")]
    value_equals: Option<OsString>,
    /// A field of the object must have this value: '{.data.build}=VALUE'
    #[arg(long, value_name = "PATH=VALUE", conflicts_with = "value_equals")]
    field: Option<String>,
    /// At this revision; 0 = the newest
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    rev: i64,
    /// One line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

/// What the value is held against.
enum Test {
    Present,
    Value(Vec<u8>),
    /// The path, as it was written and as it is read.
    Field(String, Box<Path>, String),
}

impl Test {
    fn of(args: &ContainsArgs) -> Result<Self, String> {
        if let Some(value) = &args.value_equals {
            return Ok(Self::Value(value.as_bytes().to_vec()));
        }
        let Some(field) = &args.field else {
            return Ok(Self::Present);
        };
        // The path ends with its brace; a value may have any sign in it.
        let (path, value) = match field.split_once("}=") {
            Some((path, value)) => (format!("{path}}}"), value),
            None => match field.split_once('=') {
                Some((path, value)) => (path.to_string(), value),
                None => return Err("--field: write it as '{.data.build}=VALUE'".into()),
            },
        };
        let read = Path::parse(&path).map_err(|error| format!("--field: {error}"))?;
        Ok(Self::Field(path, Box::new(read), value.to_string()))
    }
}

pub(super) fn run(args: &ContainsArgs, run: &Run) -> Exit {
    let (reader, test) = match (args.reader.reader(), Test::of(args)) {
        (Ok(reader), Ok(test)) => (reader, test),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    // Secrets are compared, not shown.
    let asks_for_managed_fields =
        matches!(&test, Test::Field(path, ..) if path.contains("managedFields"));
    let shown = ValueReader {
        managed_fields: asks_for_managed_fields,
        ..reader
    };
    let reader = ValueReader {
        redactor: None,
        ..shown.clone()
    };
    let text = match super::get::spaced(&args.name, args.name_behind.as_ref()) {
        Ok(text) => text,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let name = Name {
            text: text.as_bytes().to_vec(),
            namespace: args.namespace.clone(),
            is_key: args.key,
        };
        let names = [name];
        let answers = ops::get(session, &names, args.rev, &reader)?;
        let mut found_key = None;
        let mut actual = None;
        let exit = match answers.list.first() {
            Some(Answer::Found(found)) => {
                let Some((key, facts)) = found.first() else {
                    return Ok(Ok(Exit::Failed));
                };
                found_key = Some(key.as_slice());
                let (exit, field) = judge(
                    session,
                    &answers,
                    key,
                    facts,
                    [&reader, &shown],
                    &test,
                    args.key,
                )?;
                actual = field;
                exit
            }
            Some(_) => super::get::explain(session, answers.list.iter().zip(&names), args.rev)?,
            None => Exit::Failed,
        };
        // Who cannot tell has told why.
        if !run.wants_json(args.json) || exit == Exit::Failed {
            return Ok(Ok(exit));
        }
        let is_compared = found_key.is_some() && !matches!(test, Test::Present);
        let equal = is_compared.then_some(exit == Exit::Fine);
        let file = escape::path(&args.file);
        let text = report::contains_json(&file, text.as_bytes(), found_key, equal, actual);
        let mut out = term::Lines::new();
        let written = out.write(&text).and_then(|()| out.finish());
        Ok(read_to_the_end(written).map(|()| exit))
    });
    // Whatever was not read might have told otherwise.
    conclude_contains(asked, &args.file)
}

/// Damage means that the file cannot tell, unless it has told already.
fn conclude_contains(
    asked: crate::Result<super::run::Asked<std::io::Result<Exit>>>,
    path: &std::path::Path,
) -> Exit {
    let is_damaged = match &asked {
        Ok(super::run::Asked::Done(_, findings)) => findings.has_errors(),
        Ok(super::run::Asked::Refused(_)) => true,
        Err(_) => false,
    };
    let exit = conclude(asked, path);
    if is_damaged {
        exit.max(Exit::Failed)
    } else {
        exit
    }
}

fn judge<'i>(
    session: &Session<'i>,
    answers: &ops::Answers<'i>,
    key: &[u8],
    facts: &crate::etcd::keyspace::RecordFacts,
    [reader, shown_by]: [&ValueReader; 2],
    test: &Test,
    is_key: bool,
) -> crate::Result<(Exit, Option<ActualField>)> {
    let failed = Ok((Exit::Failed, None));
    let values = session.map(&answers.keyspace, &[facts.place], |view| {
        Ok(view.value()?.into_owned())
    })?;
    let Some(value) = values.into_iter().flatten().next() else {
        return failed;
    };
    let shown = escape::text(key);
    let flaw = ops::Inspector::default().flaw(session, reader, key, &value)?;
    if let Some(flaw) = &flaw {
        term::line(&report::flaw_line(key, flaw));
    }
    let is_damaged = flaw.is_some_and(|flaw| !flaw.is_decodable());
    let asks_for_object = match test {
        // Of a key alone it is enough that it is there.
        Test::Present => !is_key,
        Test::Value(_) => false,
        Test::Field(..) => true,
    };
    if is_damaged && asks_for_object {
        term::line(report::RAW_HINT);
        return failed;
    }
    let locked = reader.locked(key, &value);
    let is_equal = match test {
        Test::Present => true,
        Test::Value(wanted) => match (locked, reader.plain(key, &value)) {
            // The bytes themselves may be asked for.
            (Some(_), Ok(plain)) if *plain == **wanted => true,
            (Some(error), _) => {
                term::error(&report::locked_line(&shown, &error));
                return failed;
            }
            (None, plain) => plain.is_ok_and(|plain| *plain == **wanted),
        },
        Test::Field(written, path, wanted) => {
            if let Some(error) = locked {
                if let Some(found) = from_key(written, key) {
                    return Ok((told(&shown, found == *wanted), None));
                }
                term::error(&report::locked_line(&shown, &error));
                return failed;
            }
            let object = match reader.object_of(key, &value, facts.revision.main) {
                Ok(object) => object.json,
                Err(error) => {
                    let plain = reader.plain(key, &value).unwrap_or_default();
                    let Ok(json) = crate::kubernetes::read_json(&plain) else {
                        term::error(&format!("{shown}: {error}; it has no fields to look at"));
                        return failed;
                    };
                    json
                }
            };
            let is_equal = match path.render(&object) {
                Ok(text) => text == *wanted && path.last_found(&object).is_none(),
                Err(error) => {
                    term::line(&format!("{shown}: {error}"));
                    false
                }
            };
            if !is_equal {
                let look = shown_by.read(key, &value, facts.revision.main);
                let open = match report::readable(look.content, &look.plain) {
                    Readable::Json(json) => json,
                    Readable::Text(_) | Readable::Binary => Value::Null,
                };
                let actual = actual_field(path, &open);
                let what = match &actual {
                    Some(actual) => actual.text(),
                    None => "is there, but differs".into(),
                };
                term::line(&format!("{shown}: {what}"));
                return Ok((Exit::Findings, actual));
            }
            true
        }
    };
    Ok((told(&shown, is_equal), None))
}

/// What the object has at a path, or where the path ends before; `object` is without secrets.
fn actual_field(path: &Path, object: &Value) -> Option<ActualField> {
    let (path, values) = match path.last_found(object) {
        Some((found, values)) => (Some(found), values),
        None => (None, path.find(object).ok()?),
    };
    Some(ActualField {
        path,
        values: values.into_iter().cloned().collect(),
    })
}

fn told(shown: &str, is_equal: bool) -> Exit {
    if is_equal {
        return Exit::Fine;
    }
    term::line(&format!("{shown}: is there, but differs"));
    Exit::Findings
}

/// What the key tells of an encrypted object: its name and namespace.
fn from_key(path: &str, key: &[u8]) -> Option<String> {
    let parts = Resources::builtin().of_key(std::str::from_utf8(key).ok()?)?;
    match path.trim_matches(['{', '}']).trim_start_matches('.') {
        "metadata.name" => Some(parts.name),
        "metadata.namespace" => parts.namespace,
        _ => None,
    }
}
