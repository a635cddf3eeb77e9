//! What was asked for and is not there: said in one line each, and never success.

use std::collections::BTreeSet;

use super::exit::Exit;
use super::term;
use crate::Result;
use crate::ops::{
    self, Absence, AbsenceQuery, AbsenceReason, Absences, LookedFor, ObjectList, ObjectsQuery,
    Session,
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
    let exit = tell(session, &absence, context)?;
    Ok(match is_none_said {
        true => Exit::Findings,
        false => exit,
    })
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
