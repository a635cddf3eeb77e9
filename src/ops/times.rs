//! When something happened at the earliest. etcd keeps no clock; objects of Kubernetes tell when they were
//! created and when their fields were set.

use crate::error::Result;
use crate::etcd::keyspace::{RecordPlace, RecordView, RecordVisitor};
use crate::kubernetes::Head;

/// The newest time seen so far, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewestTime(Option<i64>);

impl NewestTime {
    /// The newest time that a stored value tells.
    pub fn of(value: &[u8]) -> Self {
        Self(Head::of(value).newest_time())
    }

    /// Looks at one stored value.
    pub fn see(&mut self, value: &[u8]) {
        self.merge(Self::of(value));
    }

    /// Takes what another one has seen.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.max(other.0);
    }

    /// The newest time.
    pub fn get(self) -> Option<i64> {
        self.0
    }
}

/// The visitor that looks at all records.
#[derive(Debug, Clone, Copy)]
pub struct FileTime;

impl FileTime {
    /// The newest time of what all threads have seen.
    pub fn join(parts: impl IntoIterator<Item = NewestTime>) -> Option<i64> {
        let mut newest = NewestTime::default();
        parts.into_iter().for_each(|part| newest.merge(part));
        newest.get()
    }
}

impl RecordVisitor for FileTime {
    type Local = NewestTime;

    fn start(&self) -> NewestTime {
        NewestTime::default()
    }

    fn record(&self, local: &mut NewestTime, view: &RecordView<'_>) -> Result<()> {
        local.see(view.record.value);
        Ok(())
    }
}

/// The newest times by place: what had been told up to any record.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<(RecordPlace, i64)>);

impl Times {
    /// The newest time that the records up to `place` tell.
    pub fn at(&self, place: RecordPlace) -> Option<i64> {
        let end = self.0.partition_point(|(known, _)| *known <= place);
        self.0.get(..end)?.last().map(|(_, time)| *time)
    }

    /// The first record up to which a time is told that is not before `time`, and that time.
    pub fn first_at(&self, time: i64) -> Option<(RecordPlace, i64)> {
        let at = self.0.partition_point(|(_, known)| *known < time);
        self.0.get(at).copied()
    }

    /// The newest time of all.
    pub fn newest(&self) -> Option<i64> {
        self.0.last().map(|(_, time)| *time)
    }
}

/// The visitor that notes where times went up.
#[derive(Debug, Clone, Copy)]
pub struct TimeLine {
    /// False: it looks at nothing, which is quicker.
    pub is_wanted: bool,
}

impl TimeLine {
    /// The times of what all threads have seen.
    pub fn join(parts: impl IntoIterator<Item = Vec<(RecordPlace, i64)>>) -> Times {
        let mut all: Vec<(RecordPlace, i64)> = parts.into_iter().flatten().collect();
        all.sort_unstable();
        let mut newest = i64::MIN;
        all.retain(|(_, time)| {
            let is_newer = *time > newest;
            newest = newest.max(*time);
            is_newer
        });
        Times(all)
    }

    /// Takes the time that a record tells.
    pub(in crate::ops) fn note(
        line: &mut Vec<(RecordPlace, i64)>,
        place: RecordPlace,
        time: NewestTime,
    ) {
        let Some(time) = time.get() else { return };
        // Only what is newer than all before it counts.
        let is_old = line
            .last()
            .is_some_and(|(known_place, known)| *known_place <= place && *known >= time);
        if !is_old {
            line.push((place, time));
        }
    }
}

impl RecordVisitor for TimeLine {
    type Local = Vec<(RecordPlace, i64)>;

    fn start(&self) -> Self::Local {
        Vec::new()
    }

    fn record(&self, local: &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        if !self.is_wanted {
            return Ok(());
        }
        Self::note(local, view.place, NewestTime::of(view.record.value));
        Ok(())
    }
}
