//! `describe`: one object with all that belongs to it, as `kubectl describe` shows it.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::absent::tell_objects;
use super::exit::Exit;
use super::objects::{Notes, Seen, Which, WhichArgs, say_none, serve};
use super::open::Access;
use super::reader::ReaderArgs;
use super::run::{Run, conclude, read_to_the_end};
use super::term;
use crate::error::Error;
use crate::kubernetes::show::describe::{Related, describe};
use crate::ops::{
    self, Answer, DescribeOptions, FoundObject, LookedFor, Name, ObjectList, ObjectsQuery, Session,
    UnreadReason, ValueReader,
};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap describe snapshot.db pod/web-1 -n shop
  etcdsnap describe snapshot.db deploy web -n shop
  etcdsnap describe snapshot.db pods web -n shop     all that begin with web
  etcdsnap describe snapshot.db pods -l app=web --show-events
  etcdsnap describe snapshot.db /registry/pods/shop/web-1
  etcdsnap describe snapshot.db node/worker-1 --rev 4711
  etcdsnap describe snapshot.db svc/web --show-owners=false    kubectl's text

Events, pods, endpoints and whatever else belongs to an object come from the file. Ages count to the
newest time in the file, not to now; times are in UTC. Without -n all namespaces are looked through.
";

/// Show one object with events and owners, as `kubectl describe` does
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct DescribeArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    which: WhichArgs,
    /// With events [default: only where one object is described by its whole name]
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    show_events: Option<bool>,
    /// With a last section that names owners and their owners [default: true]
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        hide_default_value = true,
        action = clap::ArgAction::Set
    )]
    show_owners: bool,
    // The argument of all commands, whose help tells of more.
    /// Output format: simple, which is kubectl's text; json is refused, and table and fields change nothing
    #[arg(
        id = "write_out",
        short = 'w',
        long = "write-out",
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    _write_out: Option<String>,
    /// The same as -w json
    #[arg(long, hide = true)]
    json: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub(super) fn run(args: &DescribeArgs, run: &Run) -> Exit {
    let refusal = if !args.which.names_kinds() {
        Some(
            "describe needs a kind, such as pods or deploy/web; `etcdsnap kinds FILE` lists those of a file",
        )
    } else if run.wants_json(args.json) {
        Some("a description has no JSON form; use `etcdsnap objects FILE KIND/NAME -o json`")
    } else {
        None
    };
    if let Some(refusal) = refusal {
        term::error(refusal);
        return Exit::Failed;
    }
    let keys = args.which.keys();
    let which = keys.and_then(|keys| Ok((args.which.which()?, keys)));
    let (reader, (which, keys)) = match (args.reader.reader(), which) {
        (Ok(reader), Ok(which)) => (reader, which),
        (Err(message), _) | (_, Err(message)) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let asked = run.ask(&args.file, Access::Positioned, |session| match keys {
        [] => print(session, args, &which, &reader),
        keys => print_keys(session, args, which, keys, &reader),
    });
    conclude(asked, &args.file)
}

/// Describes the objects under these keys.
fn print_keys(
    session: &mut Session<'_>,
    args: &DescribeArgs,
    mut which: Which,
    keys: &[String],
    reader: &ValueReader,
) -> crate::Result<io::Result<Exit>> {
    let name = |key: &String| Name {
        text: key.as_bytes().to_vec(),
        namespace: None,
        is_key: true,
    };
    let names: Vec<Name> = keys.iter().map(name).collect();
    let answers = ops::get(session, &names, which.query.revision, reader)?;
    let missing = answers.list.iter().zip(&names);
    let exit = super::get::explain(session, missing, which.query.revision)?;
    session.forget_findings();
    let found = answers.list.into_iter().filter_map(|answer| match answer {
        Answer::Found(found) => Some(found),
        _ => None,
    });
    let found: BTreeSet<Vec<u8>> = found.flatten().map(|(key, _)| key).collect();
    if found.is_empty() {
        return Ok(Ok(exit));
    }
    which.query = ObjectsQuery {
        keys: Some(found),
        revision: which.query.revision,
        ..ObjectsQuery::default()
    };
    let printed = print(session, args, &which, reader)?;
    Ok(printed.map(|of_objects| of_objects.max(exit)))
}

fn print(
    session: &mut Session<'_>,
    args: &DescribeArgs,
    which: &Which,
    reader: &ValueReader,
) -> crate::Result<io::Result<Exit>> {
    let query = &which.query;
    let by_prefix = args.which.is_kind_and_name();
    let (list, is_prefix) = match ops::objects_to_describe(session, query, by_prefix, reader) {
        Ok(found) => found,
        Err(Error::Query(error)) => {
            term::error(&error.to_string());
            return Ok(Ok(Exit::Failed));
        }
        Err(error) => return Err(error),
    };
    // Of values that are named by their keys, each has to be described.
    if let Some(keys) = &query.keys
        && keys.len() > list.found.len()
    {
        let others = keys.len().saturating_sub(list.found.len());
        term::error(&format!(
            "{others} of {} values are not objects of Kubernetes; `etcdsnap get FILE KEY` shows them",
            keys.len()
        ));
        return Ok(Ok(Exit::Failed));
    }
    let is_none_said = say_none(&args.file, &list, which, true);
    // As with kubectl, one that is left of several names is not alone.
    let is_named = |missing: &LookedFor| matches!(missing, LookedFor::Object { .. });
    let is_missing = list.missing.iter().any(is_named)
        || query.keys.is_some() && args.which.names_several_keys();
    let is_alone = list.found.len() == 1 && !is_prefix && !is_missing;
    let options = DescribeOptions {
        events: args.show_events.unwrap_or(is_alone),
        owners: args.show_owners,
    };
    let mut notes = Notes::default();
    let related = ops::related(
        session,
        &list,
        reader,
        options,
        &mut |list, found, reason| {
            note_unread(&mut notes, list, found, &reason);
        },
    )?;
    let mut lines = term::Lines::exact();
    let mut written = Ok(());
    let (mut position, mut is_first) = (0, true);
    let no_relations = Related::default();
    list.fetch(
        session,
        &list.found,
        |key, value, revision| Seen::of(reader, key, value, revision),
        |found, seen| {
            let at = position;
            position += 1;
            let Some(mut seen) = seen else {
                return ControlFlow::Continue(());
            };
            notes.look(&list, found, &seen);
            let (Some(json), Some(kind)) = (&mut seen.json, list.kind(found)) else {
                notes.incomplete();
                return ControlFlow::Continue(());
            };
            if found.is_damaged {
                return ControlFlow::Continue(());
            }
            serve(&list, found, json);
            let of_one = related.of(at).unwrap_or(&no_relations);
            let text = describe(&kind.resource, json, of_one, list.now);
            let out = &mut lines.stored();
            written = (|| {
                if !is_first && !is_prefix {
                    out.write_all(b"\n\n")?;
                }
                report::write_description(&text, out)?;
                if args.show_owners {
                    report::write_owners(&related.owners(at), out)?;
                }
                match is_prefix {
                    true => out.write_all(b"\n"),
                    false => Ok(()),
                }
            })();
            is_first = false;
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        },
    )?;
    let exit = notes.tell_with_list(&list);
    let selectors = which.selectors.as_deref();
    let exit = exit.max(tell_objects(
        session,
        query,
        selectors,
        &list,
        reader,
        is_none_said,
    )?);
    Ok(read_to_the_end(written.and_then(|()| lines.finish())).map(|()| exit))
}

/// Notes that something that may belong to an object could not be read.
fn note_unread(
    notes: &mut Notes,
    list: &ObjectList<'_>,
    found: &FoundObject,
    reason: &UnreadReason,
) {
    match reason {
        UnreadReason::Locked(error) => notes.locked(|| report::object_name(list, found), error),
        UnreadReason::Damaged => match list.damage(found) {
            Some(damaged) => {
                notes.damaged();
                notes.always(report::damage_line(damaged), true);
            }
            None => notes.incomplete(),
        },
        UnreadReason::Undecodable(error) => {
            let name = report::object_name(list, found);
            notes.add(format!("{name}: {error}"), true);
        }
    }
}
