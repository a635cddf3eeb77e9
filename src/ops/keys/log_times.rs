//! Which revisions a log begins and ends with that is asked for by time. etcd keeps no clock: what counts are the times
//! that objects tell.

use crate::error::Result;
use crate::etcd::keyspace::RecordPlace;
use crate::ops::session::Session;
use crate::ops::times::TimeLine;

/// A point in time at which a log begins or ends, as a person gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// Seconds since 1970.
    At(i64),
    /// Seconds before the newest time in the file.
    Ago(i64),
}

/// A moment, and the revision that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvedTime {
    /// The moment, in seconds since 1970.
    pub time: i64,
    /// The first revision that did not happen before it, or the last one before what did not happen before a later
    /// one; `None`: there is none, or none that is later.
    pub revision: Option<i64>,
    /// The time of what is behind the end, where something is.
    pub next: Option<i64>,
    /// The newest time in the file.
    pub newest: i64,
}

/// Where a log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResolvedTimes {
    /// Where it begins.
    pub since: Option<ResolvedTime>,
    /// Where it ends.
    pub until: Option<ResolvedTime>,
}

/// Finds the revisions that times stand for, in one scan. `None`: no object in the file tells a time.
///
/// # Errors
/// Reading, cancelling.
pub fn resolve_times(
    session: &Session<'_>,
    since: Option<TimeBound>,
    until: Option<TimeBound>,
) -> Result<Option<ResolvedTimes>> {
    // Damage is told by the log.
    let (keyspace, parts) = session.scan_again(&TimeLine { is_wanted: true })?;
    let times = TimeLine::join(parts);
    let Some(newest) = times.newest() else {
        return Ok(None);
    };
    let at = |moment: TimeBound| match moment {
        TimeBound::At(time) => time,
        TimeBound::Ago(seconds) => newest.saturating_sub(seconds),
    };
    let revision_of = |place: RecordPlace| -> Result<Option<i64>> {
        let found = session.map(&keyspace, &[place], |view| Ok(view.revision.main))?;
        Ok(found.into_iter().flatten().next())
    };
    let mut resolved = ResolvedTimes::default();
    if let Some(moment) = since {
        let time = at(moment);
        let first = times.first_at(time);
        let revision = match first {
            Some((place, _)) => revision_of(place)?,
            None => None,
        };
        resolved.since = Some(ResolvedTime {
            time,
            revision,
            next: None,
            newest,
        });
    }
    if let Some(moment) = until {
        let time = at(moment);
        let behind = times.first_at(time.saturating_add(1));
        let revision = match behind {
            Some((place, _)) => revision_of(place)?.map(|revision| revision.saturating_sub(1)),
            None => None,
        };
        resolved.until = Some(ResolvedTime {
            time,
            revision,
            next: behind.map(|(_, time)| time),
            newest,
        });
    }
    Ok(Some(resolved))
}
