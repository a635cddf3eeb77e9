//! What was asked for and is not there: said in one line each, and never success.

use std::collections::BTreeSet;

use super::exit::Exit;
use super::term;
use crate::Result;
use crate::finding::escape;
use crate::ops::{
    self, Absence, AbsenceQuery, AbsenceReason, Absences, LookedFor, ObjectList, ObjectsQuery,
    Session, ValueReader,
};
use crate::report::{self, AbsenceContext};

/// Looks for what was not found and says where it went.
pub(super) fn tell(
    session: &Session<'_>,
    query: &AbsenceQuery,
    context: AbsenceContext<'_>,
) -> Result<Exit> {
    if query.items.is_empty() {
        return Ok(Exit::Fine);
    }
    Ok(say(&ops::absences(session, query)?, context))
}

/// The same for what a list of objects lacks; with `is_none_said`, that there are none was said already.
pub(super) fn tell_objects(
    session: &mut Session<'_>,
    query: &ObjectsQuery,
    selectors: Option<&str>,
    list: &ObjectList<'_>,
    reader: &ValueReader,
    is_none_said: bool,
) -> Result<Exit> {
    let exit = tell_missing(session, query, selectors, list, is_none_said)?;
    if let Some(selectors) = selectors.filter(|_| query.is_deleted && exit == Exit::Fine)
        && selects_nothing(session, query, list, reader)?
    {
        let selectors = escape::text(selectors.as_bytes());
        term::error(&format!("{selectors} selects no object, deleted or not"));
        return Ok(Exit::Findings);
    }
    Ok(exit)
}

fn tell_missing(
    session: &Session<'_>,
    query: &ObjectsQuery,
    selectors: Option<&str>,
    list: &ObjectList<'_>,
    is_none_said: bool,
) -> Result<Exit> {
    // A namespace does not matter to kinds of the cluster.
    let found = list.found.iter().filter(|_| !query.namespaces.is_empty());
    let there: BTreeSet<&str> = found.map(|found| &*found.namespace).collect();
    let are_of_cluster = there.len() == 1 && there.contains("");
    let namespaces = query.namespaces.iter();
    let namespaces = namespaces.filter(|name| !there.contains(name.as_str()) && !are_of_cluster);
    let namespaces = namespaces.cloned().map(LookedFor::Namespace);
    let items: Vec<LookedFor> = namespaces.chain(list.missing.iter().cloned()).collect();
    if items.is_empty() {
        return Ok(Exit::Fine);
    }
    let absence = AbsenceQuery {
        items,
        namespaces: query.namespaces.clone(),
        revision: query.revision,
        counts_deleted: false,
    };
    let context = AbsenceContext {
        namespaces: &query.namespaces,
        selectors,
        takes_keys: false,
        is_undecided: !list.undecided.is_empty() || !list.damaged.is_empty(),
        is_none_said,
        wants_deleted: query.is_deleted,
        ..AbsenceContext::default()
    };
    if query.is_deleted {
        // That nothing was deleted of what is there is an answer.
        let found = ops::absences(session, &absence)?;
        let is_unknown = |absence: &Absence| {
            use AbsenceReason::{CannotTell, NeverSeen, NotAKind};
            matches!(absence.reason, NeverSeen | NotAKind | CannotTell)
        };
        let exit = say(&found, context);
        return Ok(match found.list.iter().any(is_unknown) {
            true => Exit::Findings,
            false => exit,
        });
    }
    let found = ops::absences(session, &absence)?;
    let exit = say(&found, context);
    let is_deleted_object = |absence: &Absence| {
        matches!(absence.item, LookedFor::Object { .. })
            && matches!(absence.reason, AbsenceReason::Deleted { .. })
    };
    if found.list.iter().any(is_deleted_object) {
        term::line(
            "--deleted shows deleted objects as they were last, unless that was compacted away",
        );
    }
    Ok(match is_none_said {
        true => Exit::Findings,
        false => exit,
    })
}

/// True when the selectors select nothing of what is asked for, neither among what was deleted nor among what is there:
/// they may be mistyped.
fn selects_nothing(
    session: &mut Session<'_>,
    query: &ObjectsQuery,
    deleted: &ObjectList<'_>,
    reader: &ValueReader,
) -> Result<bool> {
    let is_none = |list: &ObjectList<'_>| {
        list.found.is_empty() && list.damaged.is_empty() && list.undecided.is_empty()
    };
    let is_lost = deleted.lost.as_ref().is_some_and(|lost| lost.count > 0);
    if is_lost || !is_none(deleted) {
        return Ok(false);
    }
    let live = ObjectsQuery {
        is_deleted: false,
        ..query.clone()
    };
    // The second look finds the same damage.
    session.forget_findings();
    Ok(is_none(&ops::objects(session, &live, reader)?))
}

/// What became in two states of what was asked for. What one of them has was asked for rightly, whether or not it
/// differs.
pub(super) fn in_both(
    query: &AbsenceQuery,
    old: (&Session<'_>, i64),
    new: (&Session<'_>, i64),
) -> Result<Absences> {
    let ask = |(session, revision): (&Session<'_>, i64)| {
        let query = AbsenceQuery {
            revision,
            ..query.clone()
        };
        ops::absences(session, &query)
    };
    Ok(Absences::of_both(ask(old)?, ask(new)?))
}

pub(super) fn say(found: &Absences, context: AbsenceContext<'_>) -> Exit {
    say_behind("", found, context)
}

/// The same with something in front of each line, such as the name of one file of several.
pub(super) fn say_behind(front: &str, found: &Absences, context: AbsenceContext<'_>) -> Exit {
    let lines = report::absence_lines(found, context);
    for line in &lines {
        term::error(&format!("{front}{line}"));
    }
    match lines.is_empty() {
        true => Exit::Fine,
        false => Exit::Findings,
    }
}
