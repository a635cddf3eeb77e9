//! What the comparison of two objects has to know beyond them: kinds that the files define, roles, times.

use std::collections::BTreeMap;

use super::Direction;
use crate::error::Result;
use crate::etcd::keyspace::{Keyspace, RecordPlace, RecordView, RecordVisitor};
use crate::kubernetes::apply::served::ServedVersions;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::check::layout::KeyLayout;
use crate::kubernetes::compare::custom_lists::CustomLists;
use crate::kubernetes::compare::security::WideRoles;
use crate::ops::objects::definitions::is_definition;
use crate::ops::session::Session;
use crate::ops::times::{NewestTime, TimeLine, Times};

/// Notes where definitions of custom resources and roles are, as of a revision.
#[derive(Clone, Copy)]
pub(super) struct DefinitionsAndRoles {
    /// 0 = the newest.
    pub(super) revision: i64,
    /// Whether roles are wanted, which only tell what a change means.
    pub(super) roles: bool,
}

/// The newest record of each key, and whether it is a deletion.
pub(super) type NewestByKey = BTreeMap<Vec<u8>, (RecordPlace, bool)>;

fn is_role(key: &[u8]) -> bool {
    let mut parts = key.rsplit(|b| *b == b'/').skip(1);
    parts.next() == Some(b"clusterroles") || parts.next() == Some(b"roles")
}

fn note(noted: &mut NewestByKey, key: &[u8], place: RecordPlace, is_tombstone: bool) {
    match noted.get_mut(key) {
        Some(known) if known.0 >= place => {}
        Some(known) => *known = (place, is_tombstone),
        None => {
            noted.insert(key.to_vec(), (place, is_tombstone));
        }
    }
}

/// True for the key of an APIService. Its name tells which version of which group is served: `v1.apps`.
fn is_api_service(key: &[u8]) -> bool {
    let mut parts = key.rsplit(|b| *b == b'/').skip(1);
    parts.next() == Some(b"apiservices")
}

impl DefinitionsAndRoles {
    pub(super) fn join(parts: impl IntoIterator<Item = NewestByKey>) -> NewestByKey {
        let mut all = NewestByKey::new();
        for (key, (place, is_tombstone)) in parts.into_iter().flatten() {
            note(&mut all, &key, place, is_tombstone);
        }
        all
    }
}

impl RecordVisitor for DefinitionsAndRoles {
    type Local = NewestByKey;

    fn start(&self) -> NewestByKey {
        NewestByKey::new()
    }

    fn record(&self, local: &mut NewestByKey, view: &RecordView<'_>) -> Result<()> {
        let is_seen = self.revision <= 0 || view.revision.main <= self.revision;
        let key = view.record.key;
        if is_seen && (is_definition(key) || is_api_service(key) || self.roles && is_role(key)) {
            note(local, key, view.place, view.is_tombstone);
        }
        Ok(())
    }
}

/// No record is of a revision up to this one.
pub(super) const NEVER: i64 = -1;

/// What the records tell of the times of two states, and of each record: every value is looked at once.
#[derive(Clone, Copy)]
pub(super) struct Clocks {
    /// False: it looks at nothing, which is quicker.
    pub(super) is_wanted: bool,
    /// The revisions of the states; 0 = the newest.
    pub(super) revisions: [i64; 2],
}

impl Clocks {
    /// When the states were at the earliest, and the times of all records.
    pub(super) fn join(parts: impl IntoIterator<Item = ClockTimes>) -> ([Option<i64>; 2], Times) {
        let mut states = [NewestTime::default(); 2];
        let mut lines = Vec::new();
        for (of_states, line) in parts {
            for (state, more) in states.iter_mut().zip(of_states) {
                state.merge(more);
            }
            lines.push(line);
        }
        (states.map(NewestTime::get), TimeLine::join(lines))
    }
}

/// The newest times up to two revisions, and those by place.
pub(super) type ClockTimes = ([NewestTime; 2], Vec<(RecordPlace, i64)>);

impl RecordVisitor for Clocks {
    type Local = ClockTimes;

    fn start(&self) -> ClockTimes {
        ClockTimes::default()
    }

    fn record(&self, local: &mut ClockTimes, view: &RecordView<'_>) -> Result<()> {
        if !self.is_wanted {
            return Ok(());
        }
        let time = NewestTime::of(view.record.value);
        let (states, line) = local;
        for (revision, state) in self.revisions.iter().zip(states) {
            if *revision == 0 || view.revision.main <= *revision {
                state.merge(time);
            }
        }
        TimeLine::note(line, view.place, time);
        Ok(())
    }
}

/// At most this many definitions and roles are in memory at once; the former are among the largest objects there are.
const AT_ONCE: usize = 4;

/// What both files tell of kinds and roles.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownKinds {
    pub(super) resources: Resources,
    pub(super) layout: KeyLayout,
    pub(super) lists: CustomLists,
    /// Those of the new state.
    pub(super) roles: WideRoles,
    /// What each state serves, in their order.
    pub(super) served: Vec<ServedVersions>,
}

impl KnownKinds {
    /// The versions that are served on the way from one state to the other: definitions are led back before their objects.
    pub(super) fn served_on_the_way(&self, direction: Direction) -> ServedVersions {
        let states = match direction {
            Direction::ToOld => (self.served.first(), self.served.last()),
            Direction::ToNew => (self.served.last(), self.served.first()),
        };
        let (Some(wanted), Some(present)) = states else {
            return ServedVersions::default();
        };
        let mut custom = wanted.custom.clone();
        custom.add_missing(&present.custom);
        present.with_definitions(custom)
    }

    /// Takes what one state tells; the new one comes last.
    pub(super) fn add<'i>(
        &mut self,
        session: &Session<'i>,
        keyspace: &Keyspace<'i>,
        noted: &NewestByKey,
        layout: &KeyLayout,
    ) -> Result<()> {
        self.layout.merge(layout.clone());
        // A definition that is gone tells of objects that are gone with it.
        let wanted: Vec<(bool, RecordPlace)> = noted
            .iter()
            .filter(|(key, (_, is_tombstone))| !is_tombstone && !is_api_service(key))
            .map(|(key, (place, _))| (is_definition(key), *place))
            .collect();
        self.roles = WideRoles::default();
        let mut served = ServedVersions::default();
        for (key, (_, is_tombstone)) in noted {
            let name = key.rsplit(|b| *b == b'/').next().unwrap_or_default();
            if !is_tombstone && is_api_service(key) {
                served.add_api_service(&String::from_utf8_lossy(name));
            }
        }
        for few in wanted.chunks(AT_ONCE) {
            let places: Vec<RecordPlace> = few.iter().map(|(_, place)| *place).collect();
            let objects = session.map(keyspace, &places, |view| {
                Ok(crate::kubernetes::decode(&view.value()?).ok())
            })?;
            for ((is_definition, _), object) in few.iter().zip(objects) {
                let Some(object) = object.flatten() else {
                    continue;
                };
                if *is_definition {
                    self.resources.add_custom(&object.json);
                    self.lists.add(&object.json);
                    served.custom.add(&object.json);
                } else {
                    self.roles.note(&object.json);
                }
            }
        }
        self.served.push(served);
        Ok(())
    }
}
